//! A month of job runs from a seed: 15-minute steps, durations log-normal from minutes to a day, starts at any minute, 200 workloads in three clusters.
//!
//! Two runs in five were held back for up to twelve hours, one in ten of those with a decision record; all may wait for the window that is asked for. Every
//! series covers the month with a week on each side, so that no window ends outside.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use wattledger::accounting::counterfactual::profile::{Profile, ProfileStep};
use wattledger::accounting::gaps::NodePower;
use wattledger::accounting::integral::Integral;
use wattledger::accounting::intensity::{Wanted, ZoneIntensity};
use wattledger::accounting::inventory::{ClusterInventory, Inventory};
use wattledger::accounting::ledger::RunSums;
use wattledger::accounting::plan::{Beside, Plan};
use wattledger::accounting::survey::{ClusterTerms, MonthTerms, NodeOfMonth, RunOfMonth, Site, Survey, run_key};
use wattledger::model::policy::{FactorKind, IdlePolicy, LocationBased, Tails};
use wattledger::model::{
    Boundary, Decision, DecisionReason, DecisionRecord, DeferrableRule, Forecast, HoldOutPolicy, IntensitySeries, JobRun, Placement,
};
use wattledger::units::{ReportingPeriod, UtcDay};

pub const STEP_S: i64 = 900;
const STEP_MS: i64 = STEP_S * 1_000;
const ZONES: [&str; 3] = ["NL", "DE", "FR"];
const WORKLOADS: i64 = 200;
const WEEK_S: i64 = 7 * 86_400;

/// What is asked for.
#[derive(Clone, Copy)]
pub struct Story {
    pub runs: usize,
    pub window_h: i64,
    pub zones: usize,
    /// Length of an interval of every series.
    pub interval_s: i64,
    /// Whether there are prices and marginal intensities.
    pub is_valued: bool,
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: i64) -> i64 {
        (self.next() % bound as u64) as i64
    }

    fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// By Box and Muller.
    fn normal(&mut self) -> f64 {
        (-2.0 * (1.0 - self.share()).ln()).sqrt() * (std::f64::consts::TAU * self.share()).cos()
    }
}

pub fn period() -> ReportingPeriod {
    ReportingPeriod::parse("2026-10", chrono_tz::Europe::Amsterdam).expect("a month")
}

pub fn terms(story: Story) -> MonthTerms {
    let site = |zone: &str, pue: f64| Site {
        entity: None,
        boundary: Boundary::Owned,
        placement: Placement::Scope2,
        grid_zone: zone.to_owned(),
        home_zone: None,
        pue,
        embodied: None,
    };
    let cluster = |(number, zone): (usize, &str)| ClusterTerms {
        name: format!("cluster-{number}"),
        sites: vec![site(zone, 1.2 + number as f64 / 10.0)],
        site_of: Box::new(|_| 0),
    };
    // All zones of the rule; none where a run stays at home.
    let zones = if story.zones == 1 { Vec::new() } else { ZONES[..story.zones].iter().map(|zone| (*zone).to_owned()).collect() };
    let rule =
        DeferrableRule { max_delay_seconds: Some(story.window_h * 3_600), zones, overhead_kwh: Some(0.001), ..DeferrableRule::default() };
    MonthTerms {
        period: period(),
        step_seconds: STEP_S,
        idle: IdlePolicy::ByUsage,
        tails: Tails::Unattributed,
        location_based: LocationBased::Hourly,
        max_gap_share: 0.05,
        category3: BTreeMap::new(),
        deferrable: vec![rule],
        cost_centre_label: String::new(),
        hold_out: Some(HoldOutPolicy { share: 0.1, seed: "bench".to_owned() }),
        suggested_max_delay_seconds: 8 * 3_600,
        clusters: ZONES.into_iter().enumerate().map(cluster).collect(),
    }
}

/// What every series covers, in seconds since the epoch.
pub fn covered() -> (i64, i64) {
    (period().from().timestamp() - WEEK_S, period().to().timestamp() + WEEK_S)
}

/// Intervals of a series that rises and falls with the day.
fn intervals(seed: u64, interval_s: i64) -> Vec<(i64, i64, i64)> {
    let mut random = Random(seed);
    let (from, to) = covered();
    let of_start = |start: i64| {
        let day = (std::f64::consts::TAU * (start % 86_400) as f64 / 86_400.0).sin();
        let value = 300.0 + 150.0 * day + 60.0 * random.share();
        (start, start + interval_s, (value * 1e6).round() as i64)
    };
    (from..to).step_by(interval_s as usize).map(of_start).collect()
}

pub fn zones(story: Story) -> Vec<ZoneIntensity> {
    let build = |(number, zone): (usize, &'static str)| {
        let rows = intervals(number as u64, story.interval_s);
        let series = IntensitySeries {
            zone: zone.to_owned(),
            start_s: rows.iter().map(|row| row.0).collect(),
            end_s: rows.iter().map(|row| row.1).collect(),
            direct_gco2e_per_kwh: rows.iter().map(|row| Some(row.2 as f64 / 1e6)).collect(),
            lifecycle_gco2e_per_kwh: vec![None; rows.len()],
            is_estimated: vec![false; rows.len()],
            estimation_method: vec![String::new(); rows.len()],
            ..IntensitySeries::default()
        };
        let wanted = Wanted {
            zone,
            factor: FactorKind::Direct,
            period_from_s: period().from().timestamp(),
            period_to_s: period().to().timestamp(),
            year_from_s: 0,
            year_to_s: 1,
            configured_annual: Some(260.0),
            published_annual: None,
            plausible: (0.0, 2_000.0),
        };
        ZoneIntensity::build(&[series], wanted).expect("no hole is in it").0
    };
    ZONES.into_iter().enumerate().map(build).collect()
}

/// Prices and marginal intensities of every zone, where they are wanted.
pub fn beside(story: Story, decisions: Vec<DecisionRecord>) -> Beside {
    let of = |seed: u64| {
        let series = |(number, zone): (usize, &str)| (zone.to_owned(), Integral::of(intervals(seed + number as u64, story.interval_s)));
        ZONES.into_iter().enumerate().map(series).collect::<BTreeMap<_, _>>()
    };
    let (prices, marginal) = if story.is_valued { (of(10), of(20)) } else { Default::default() };
    Beside { decisions, prices, marginal }
}

/// The runs as the survey of the month finds them, and what the scheduler wrote down.
pub fn survey(story: Story) -> (Survey, Vec<DecisionRecord>) {
    let mut random = Random(42);
    let mut survey = Survey { clusters: (0..ZONES.len()).map(|_| Default::default()).collect() };
    let mut decisions = Vec::new();
    let from_ms = period().from().timestamp_millis();
    // Every run ends within the month, windows reach into the week after it.
    let span_ms = period().to().timestamp_millis() - from_ms - 86_400_000;
    for number in 0..story.runs as i64 {
        let cluster = number as usize % ZONES.len();
        let minutes = (30.0 * (1.2 * random.normal()).exp()).clamp(2.0, 1_430.0);
        let start_ms = from_ms + random.below(span_ms / 1_000) * 1_000;
        let end_ms = start_ms + (minutes * 60_000.0) as i64;
        let held_back_ms = if random.below(5) < 2 { random.below(12 * 3_600) * 1_000 } else { 1_000 };
        let job = JobRun {
            cluster: format!("cluster-{cluster}").as_str().into(),
            namespace: format!("team-{}", number % 20).as_str().into(),
            job: format!("batch-{number}").as_str().into(),
            uid: None,
            workload: format!("CronJob/batch-{}", number % WORKLOADS).as_str().into(),
            created: at(start_ms - held_back_ms),
            started: at(start_ms),
            completed: at(end_ms),
            pods_started: None,
            was_suspended: held_back_ms > 1_000,
            scheduled_timestamp: None,
            schedule: None,
            schedule_time_zone: None,
            baseline_start: None,
            home_zone: None,
            home_cluster: None,
            decision: None,
            max_delay_hours: None,
            is_carbon_aware: Some(true),
            is_deferrable: None,
        };
        if held_back_ms > 1_000 && number % 10 == 0 {
            decisions.push(decision(cluster, &job, start_ms - held_back_ms, start_ms));
        }
        survey.clusters[cluster].runs.insert(run_key(&job), RunOfMonth { site: Some(0), ..RunOfMonth::of(job) });
    }
    for cluster in &mut survey.clusters {
        cluster.nodes.insert("node".to_owned(), node());
    }
    (survey, decisions)
}

fn at(ms: i64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_millis(ms)
}

fn decision(cluster: usize, job: &JobRun, eligible_ms: i64, chosen_ms: i64) -> DecisionRecord {
    let instant = |ms: i64| at(ms).expect("within the calendar");
    let forecast = Forecast { source: "bench".to_owned(), baseline_gco2e_per_kwh: 400.0, chosen_gco2e_per_kwh: 200.0 };
    DecisionRecord {
        cluster: format!("cluster-{cluster}"),
        namespace: job.namespace.to_string(),
        job: job.job.to_string(),
        uid: None,
        decision: Decision {
            recorded_at: instant(eligible_ms),
            eligible_at: instant(eligible_ms),
            deadline: None,
            chosen_start: instant(chosen_ms),
            chosen_zone: None,
            reason: DecisionReason::Carbon,
            held_out: false,
            forecast: Some(forecast),
            overhead_kwh: None,
        },
    }
}

/// A machine that could give most of what is asked for.
fn node() -> NodeOfMonth {
    let (from, to) = (period().from(), period().to());
    let steps = (to - from).num_seconds() / STEP_S;
    let mut power = NodePower::new((from.timestamp() / STEP_S) as i32, steps as usize);
    power.exists(from.timestamp_millis(), to.timestamp_millis());
    NodeOfMonth {
        site: 0,
        labels: BTreeMap::new(),
        power,
        power_zones: Default::default(),
        is_metered: true,
        cpu_capacity_milli: Some(200_000),
        cpu_allocatable_milli: Some(200_000),
        first_day: UtcDay::containing(from),
    }
}

/// What the ledger makes of the runs of a plan.
pub fn inventory(plan: &Plan<'_>) -> Inventory {
    let mut inventory = Inventory { clusters: vec![ClusterInventory::default(); ZONES.len()], runs: Vec::new(), profiles: Vec::new() };
    for run in &plan.runs {
        let Ok(timing) = &run.place else { panic!("{:?} has no place: {:?}", run.run.job.job, run.place) };
        let mut random = Random(timing.start_ms as u64);
        let steps = timing.start_ms.div_euclid(STEP_MS) as i32..((timing.end_ms - 1).div_euclid(STEP_MS) + 1) as i32;
        let cpu_request_milli = 100 + 100 * random.below(20);
        let site = &plan.sites[run.cluster][0];
        let mut sums = RunSums::default();
        let mut profile = Profile::with_capacity(steps.len());
        for step in steps {
            let active_mj = 1_000_000 + random.below(200_000_000);
            let from_ms = i64::from(step) * STEP_MS;
            let factors = timing.factors(from_ms, from_ms + STEP_MS, site, &plan.zones).expect("the series cover it");
            sums.active_mj += active_mj;
            sums.actual_ugco2e += (active_mj as f64 * factors.actual_ug_per_mj + 0.5).floor() as i64;
            sums.counterfactual_ugco2e += (active_mj as f64 * factors.counterfactual_ug_per_mj + 0.5).floor() as i64;
            *inventory.clusters[run.cluster].step_requests.entry(step).or_default() += cpu_request_milli;
            profile.push(ProfileStep { site: 0, step, active_mj, cpu_request_milli });
        }
        inventory.runs.push(sums);
        inventory.profiles.push(profile);
    }
    inventory
}
