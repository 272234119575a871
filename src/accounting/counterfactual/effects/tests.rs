//! Runs by hand: quarter hours, a clean night in NL, prices that do not follow it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use super::*;
use crate::accounting::counterfactual::profile::ProfileStep;
use crate::accounting::counterfactual::retiming::{Home, RunTiming};
use crate::accounting::counterfactual::window::{Place, Window, WindowBasis};
use crate::accounting::integral::Integral;
use crate::accounting::intensity::{Wanted, ZoneIntensity};
use crate::accounting::inventory::ClusterInventory;
use crate::accounting::ledger::RunSums;
use crate::accounting::plan::Beside;
use crate::accounting::survey::{ClusterSurvey, ClusterTerms, MonthTerms, RunOfMonth, Site, Survey};
use crate::model::policy::FactorKind;
use crate::model::{
    BaselineRule, CauseBasis, ClassBasis, Decision, DecisionReason, DecisionSource, DeferralClass, Forecast, IntensitySeries, JobRun,
};
use crate::units::ReportingPeriod;

/// 1 kWh.
const KWH_MJ: i64 = 3_600_000_000;

fn october() -> ReportingPeriod {
    ReportingPeriod::parse("2026-10", Tz::UTC).unwrap()
}

/// The fifth of October, as in `01:15`.
fn at(time: &str) -> DateTime<Utc> {
    format!("2026-10-05T{time}:00Z").parse().unwrap()
}

/// A month of days that are all alike.
fn hours(of_hour: impl Fn(i64) -> f64) -> (Vec<i64>, Vec<f64>) {
    let starts: Vec<i64> = (october().from().timestamp()..october().to().timestamp()).step_by(3_600).collect();
    let values = starts.iter().map(|start| of_hour(start / 3_600 % 24)).collect();
    (starts, values)
}

fn zone(name: &str, of_hour: impl Fn(i64) -> f64) -> ZoneIntensity {
    let (starts, values) = hours(of_hour);
    let n = starts.len();
    let series = IntensitySeries {
        zone: name.to_owned(),
        end_s: starts.iter().map(|start| start + 3_600).collect(),
        start_s: starts,
        direct_gco2e_per_kwh: values.into_iter().map(Some).collect(),
        lifecycle_gco2e_per_kwh: vec![None; n],
        is_estimated: vec![false; n],
        estimation_method: vec![String::new(); n],
        ..IntensitySeries::default()
    };
    let wanted = Wanted {
        zone: name,
        factor: FactorKind::Direct,
        period_from_s: october().from().timestamp(),
        period_to_s: october().to().timestamp(),
        year_from_s: 0,
        year_to_s: 1,
        configured_annual: Some(1.0),
        published_annual: None,
        plausible: (0.0, 2_000.0),
    };
    ZoneIntensity::build(&[series], wanted).expect("whole").0
}

/// Per kWh, in millionths.
fn series(of_hour: impl Fn(i64) -> f64) -> Integral {
    let (starts, values) = hours(of_hour);
    Integral::of(starts.iter().zip(values).map(|(start, value)| (*start, start + 3_600, (value * 1e6) as i64)))
}

/// From, to and baseline start.
struct Story {
    times: [&'static str; 3],
    baseline_zone: usize,
    window: Option<Window>,
    created: Option<&'static str>,
    cause: Cause,
    decision: Option<Decision>,
    overhead_kwh: Option<f64>,
    is_held_out: Option<bool>,
    /// Sites of cluster `a` at which a pod each used the same.
    sites: &'static [usize],
    home: Home,
}

fn run(times: [&'static str; 3]) -> Story {
    let cause = if times[0] == times[2] { Cause::None } else { Cause::Carbon };
    Story {
        times,
        baseline_zone: 0,
        window: None,
        created: None,
        cause,
        decision: None,
        overhead_kwh: None,
        is_held_out: None,
        sites: &[0],
        home: Home::Zone,
    }
}

fn window(hours: i64, basis: WindowBasis) -> Option<Window> {
    Some(Window { max_delay_ms: hours * 3_600_000, basis, places: vec![Place { zone: 0, pue: 1.2 }], unknown_zones: Vec::new() })
}

/// NL: 400 g by day, 100 g from midnight to six, PUE 1.2. FR: always 50 g, PUE 1.5. Each run uses 1 kWh a quarter of an hour in NL, at the first site of
/// cluster `a`; its second one is in FR.
fn effects_of(stories: Vec<Story>, beside: Beside, history: &History) -> Effects {
    let site = |zone: &str, pue: f64| Site::of_test(zone, pue);
    let cluster = |name: &str, sites: Vec<Site>| ClusterTerms { name: name.to_owned(), sites, site_of: Box::new(|_| 0) };
    let terms = MonthTerms {
        suggested_max_delay_seconds: 28_800,
        ..MonthTerms::of_test(vec![cluster("a", vec![site("NL", 1.2), site("FR", 1.5)]), cluster("b", vec![site("FR", 1.5)])])
    };
    let survey = Survey { clusters: vec![ClusterSurvey::default(); 2] };
    let zones = vec![zone("NL", |hour| if hour < 6 { 100.0 } else { 400.0 }), zone("FR", |_| 50.0)];
    let mut plan = Plan::new(&terms, &survey, vec![Vec::new(); 2], zones, beside);
    let mut inventory = Inventory { clusters: vec![ClusterInventory::default(); 2], runs: Vec::new(), profiles: Vec::new() };
    for story in stories {
        let sites = story.sites;
        let planned = planned(story);
        let timing = planned.place.clone().expect("placed");
        let steps = timing.start_ms.div_euclid(900_000) as i32..((timing.end_ms - 1).div_euclid(900_000) + 1) as i32;
        let (mut sums, mut profile) = (RunSums::default(), Vec::new());
        for (step, site) in steps.flat_map(|step| sites.iter().map(move |site| (step, *site))) {
            let (from_ms, to_ms) = (i64::from(step) * 900_000, i64::from(step + 1) * 900_000);
            let factors = timing.factors(from_ms, to_ms, &plan.sites[0][site], &plan.zones).expect("known");
            sums.active_mj += KWH_MJ;
            sums.actual_ugco2e += (KWH_MJ as f64 * factors.actual_ug_per_mj).round() as i64;
            sums.counterfactual_ugco2e += (KWH_MJ as f64 * factors.counterfactual_ug_per_mj).round() as i64;
            profile.push(ProfileStep { site: site as i32, step, active_mj: KWH_MJ, cpu_request_milli: 0 });
        }
        inventory.profiles.push(profile);
        inventory.runs.push(sums);
        plan.runs.push(planned);
    }
    evaluate(&plan, &inventory, history)
}

fn planned(story: Story) -> PlannedRun {
    let [start, end, baseline] = story.times.map(at);
    PlannedRun {
        cluster: 0,
        run: RunOfMonth { site: Some(0), ..RunOfMonth::of(job(story.created)) },
        start: Some(start),
        end: Some(end),
        baseline_start: Some(baseline),
        baseline_rule: Some(BaselineRule::Annotation),
        baseline_zone: None,
        home_cluster: None,
        cause: story.cause,
        cause_basis: CauseBasis::Label,
        decision: story.decision.map(|decision| (DecisionSource::Log, Box::new(decision))),
        class: DeferralClass::Deferrable,
        class_basis: ClassBasis::Label,
        is_held_out: story.is_held_out,
        overhead_kwh: story.overhead_kwh,
        window: story.window,
        place: Ok(RunTiming {
            start_ms: start.timestamp_millis(),
            end_ms: end.timestamp_millis(),
            baseline_start_ms: baseline.timestamp_millis(),
            baseline_zone: story.baseline_zone,
            baseline_pue: if story.baseline_zone == 0 { 1.2 } else { 1.5 },
            home: story.home,
        }),
    }
}

fn job(created: Option<&str>) -> JobRun {
    JobRun {
        cluster: "a".into(),
        namespace: "etl".into(),
        job: "nightly-1".into(),
        uid: None,
        workload: "CronJob/nightly".into(),
        created: created.map(at),
        started: None,
        completed: None,
        pods_started: None,
        was_suspended: false,
        scheduled_timestamp: None,
        schedule: None,
        schedule_time_zone: None,
        baseline_start: None,
        home_zone: None,
        home_cluster: None,
        decision: None,
        max_delay_hours: None,
        is_carbon_aware: None,
        is_deferrable: None,
    }
}

fn one(story: Story) -> RunEffects {
    effects_of(vec![story], Beside::default(), &History::default()).runs.remove(0)
}

const GRAM: i64 = 1_000_000;

#[test]
fn a_run_in_its_window_has_bounds_around_its_counterfactual() {
    // 1 kWh at 04:45; eight hours from there: 5 starts at 100 g, 28 at 400 g, each times 1.2. Ran at 08:00.
    let effects = one(Story { window: window(8, WindowBasis::Label), ..run(["08:00", "08:15", "04:45"]) });
    let bounds = effects.bounds.expect("bounds");
    assert_eq!((bounds.best, bounds.worst), (120 * GRAM, 480 * GRAM));
    assert_eq!((bounds.mean, bounds.candidates), ((120 * 5 + 480 * 28) * GRAM / 33, 33));
    assert_eq!(bounds.best_start_ms, at("04:45").timestamp_millis());
}

#[test]
fn a_window_that_is_only_suggested_gives_no_bounds_and_a_suggestion() {
    let story = Story { window: window(8, WindowBasis::Suggested), ..run(["20:00", "20:30", "20:00"]) };
    let effects = effects_of(vec![story], Beside::default(), &History::default());
    assert_eq!(effects.runs[0].bounds, None);
    assert_eq!(effects.runs[0].unbounded_reason, None);
    // 2 kWh from 20:00, four hours later at 100 g: 2 × 1.2 × 300 g.
    let movable = &effects.movable[0];
    assert_eq!((movable.delay_seconds, movable.saved_by_delay_ugco2e, movable.saved_at_best_ugco2e), (14_400, 720 * GRAM, 720 * GRAM));
    assert_eq!((movable.runs, movable.actual_ugco2e, movable.max_delay_seconds), (1, 960 * GRAM, 28_800));
}

#[test]
fn a_shifted_run_and_a_held_out_run_are_not_suggested() {
    let shifted = Story { window: window(8, WindowBasis::Label), ..run(["21:00", "21:15", "20:00"]) };
    let held_out = Story { window: window(8, WindowBasis::Label), is_held_out: Some(true), ..run(["20:00", "20:15", "20:00"]) };
    assert_eq!(effects_of(vec![shifted, held_out], Beside::default(), &History::default()).movable, []);
}

#[test]
fn a_zone_without_data_and_a_window_beyond_it_are_said() {
    let of = |change: fn(&mut Window)| {
        let mut window = window(8, WindowBasis::Policy).expect("window");
        change(&mut window);
        let effects = one(Story { window: Some(window), ..run(["08:00", "08:15", "04:45"]) });
        assert_eq!(effects.bounds, None);
        effects.unbounded_reason.expect("a reason")
    };
    assert_eq!(of(|window| window.unknown_zones.push("SE".to_owned())), "zone SE, in which it may run, has no intensity");
    assert_eq!(of(|window| window.max_delay_ms = 27 * 86_400_000), "its window reaches beyond the data of zone NL");
}

#[test]
fn money_values_the_same_energy_at_the_same_instants() {
    // EUR/kWh: 0.30 before noon, 0.10 after. Moved from 04:45 (cleaner, dearer) to 13:00 (dirtier, cheaper).
    let prices = BTreeMap::from([("NL".to_owned(), series(|hour| if hour < 12 { 0.30 } else { 0.10 }))]);
    let story = Story { window: window(8, WindowBasis::Label), ..run(["13:00", "13:15", "04:45"]) };
    let effects = effects_of(vec![story], Beside { prices, ..Beside::default() }, &History::default());
    let cost = effects.runs[0].cost.expect("cost");
    assert_eq!((cost.actual, cost.counterfactual), (120_000, 360_000));
    let bounds = cost.bounds.expect("bounds");
    assert_eq!((bounds.best, bounds.worst, bounds.best_start_ms), (120_000, 360_000, at("12:00").timestamp_millis()));
    assert_eq!(effects.runs[0].consequential, None);
}

#[test]
fn a_zone_without_prices_has_no_cost() {
    let prices = BTreeMap::from([("NL".to_owned(), series(|_| 0.2))]);
    let story = Story { baseline_zone: 1, ..run(["13:00", "13:15", "13:00"]) };
    assert_eq!(effects_of(vec![story], Beside { prices, ..Beside::default() }, &History::default()).runs[0].cost, None);
}

#[test]
fn marginal_intensities_make_a_table_of_their_own() {
    let marginal = BTreeMap::from([("NL".to_owned(), series(|hour| if hour < 6 { 500.0 } else { 450.0 }))]);
    let effects = effects_of(vec![run(["13:00", "13:15", "04:45"])], Beside { marginal, ..Beside::default() }, &History::default());
    let consequential = effects.runs[0].consequential.expect("known");
    assert_eq!((consequential.actual, consequential.counterfactual), (540 * GRAM, 600 * GRAM));
}

#[test]
fn a_run_that_was_not_shifted_costs_and_causes_what_it_would_have_to_the_last_digit() {
    let odd = |hour: i64| 0.123_457 * (hour + 1) as f64;
    let of_zone = |name: &str| BTreeMap::from([(name.to_owned(), series(odd))]);
    let beside = Beside { prices: of_zone("NL"), marginal: of_zone("NL"), ..Beside::default() };
    let effects = effects_of(vec![run(["05:07", "09:41", "05:07"])], beside, &History::default()).runs.remove(0);
    let (cost, consequential) = (effects.cost.expect("cost"), effects.consequential.expect("known"));
    assert_eq!(cost.actual, cost.counterfactual);
    assert_eq!(consequential.actual, consequential.counterfactual);
}

/// Two pods, one at each site. NL: 0.30 EUR before noon, 0.10 after; FR: always 0.20.
fn of_two_sites(times: [&'static str; 3], home: Home) -> RunEffects {
    let prices =
        BTreeMap::from([("NL".to_owned(), series(|hour| if hour < 12 { 0.30 } else { 0.10 })), ("FR".to_owned(), series(|_| 0.20))]);
    let story = Story { window: window(8, WindowBasis::Label), sites: &[0, 1], home, ..run(times) };
    effects_of(vec![story], Beside { prices, ..Beside::default() }, &History::default()).runs.remove(0)
}

#[test]
fn each_part_of_a_run_of_two_sites_stays_at_its_own() {
    // 1 kWh in each, from 04:45 (100 g) to 13:00 (400 g) in NL. FR has 50 g and a PUE of 1.5 all the time.
    let effects = of_two_sites(["13:00", "13:15", "04:45"], Home::OfSites);
    let (bounds, cost) = (effects.bounds.expect("bounds"), effects.cost.expect("cost"));
    assert_eq!((bounds.best, bounds.worst), ((120 + 75) * GRAM, (480 + 75) * GRAM));
    assert_eq!((cost.actual, cost.counterfactual), (120_000 + 300_000, 360_000 + 300_000));

    // Where the run says that all of it belongs into NL, what was in FR would have met NL too; where another cluster is home, at that one's PUE.
    let moved = of_two_sites(["13:00", "13:15", "04:45"], Home::Zone).cost.expect("cost");
    assert_eq!((moved.actual, moved.counterfactual), (420_000, 720_000));
}

#[test]
fn a_run_of_two_sites_that_was_not_shifted_is_the_same_on_both_sides() {
    let effects = of_two_sites(["11:37", "13:23", "11:37"], Home::OfSites);
    let (bounds, cost) = (effects.bounds.expect("bounds"), effects.cost.expect("cost"));
    assert_eq!(cost.actual, cost.counterfactual);
    // It may start up to eight hours later: NL is at 400 g until then.
    assert_eq!((bounds.best, bounds.mean, bounds.worst), (bounds.best, bounds.best, bounds.best));
}

#[test]
fn run_at_once_it_would_have_met_the_intensity_of_its_creation() {
    // Baseline 07:00 at 400 g; created then, or at night at 100 g.
    let effects = |created| one(Story { created, ..run(["13:00", "13:15", "07:00"]) }).at_creation_ugco2e;
    assert_eq!(effects(Some("07:00")), Some(480 * GRAM));
    assert_eq!(effects(Some("05:00")), Some(120 * GRAM));
    // Half of the quarter before six.
    assert_eq!(effects(Some("05:52")), Some((100 * 8 + 400 * 7) * 12 * GRAM / 150));
    assert_eq!(effects(None), None);
}

#[test]
fn its_workload_mostly_starts_at_night() {
    let name = ("a".to_owned(), "etl".to_owned(), "CronJob/nightly".to_owned());
    let starts = ["2026-09-20T02:01:00Z", "2026-09-21T02:03:00Z", "2026-09-22T09:00:00Z"];
    let starts_ms = starts.iter().map(|start| start.parse::<DateTime<Utc>>().unwrap().timestamp_millis()).collect();
    let history = History { starts_ms: BTreeMap::from([(name, starts_ms)]) };

    let effects = effects_of(vec![run(["13:00", "13:15", "07:00"])], Beside::default(), &history);

    // Twice at 100 g, once at 400 g.
    assert_eq!(effects.runs[0].historical_ugco2e, Some((2 * 120 + 480) * GRAM / 3));
    let unknown = effects_of(vec![run(["13:00", "13:15", "07:00"])], Beside::default(), &History::default());
    assert_eq!(unknown.runs[0].historical_ugco2e, None);
}

#[test]
fn many_times_of_day_are_valued_as_each_by_itself() {
    let name = ("a".to_owned(), "etl".to_owned(), "CronJob/nightly".to_owned());
    // Every quarter of an hour of a September day, the first of them three times more.
    let midnight = "2026-09-20T00:00:00Z".parse::<DateTime<Utc>>().unwrap().timestamp_millis();
    let mut starts: Vec<i64> = (0..96).map(|quarter| midnight + quarter * 900_000).collect();
    starts.extend([midnight; 3]);
    let history = |starts: Vec<i64>| History { starts_ms: BTreeMap::from([(name.clone(), starts)]) };
    let of = |starts: &[i64]| {
        let effects = effects_of(vec![run(["13:00", "13:15", "07:00"])], Beside::default(), &history(starts.to_vec()));
        effects.runs[0].historical_ugco2e.expect("known")
    };
    // A quarter of the day at 100 g, the rest at 400 g, each times 1.2.
    assert_eq!(of(&starts[..96]), (24 * 120 + 72 * 480) * GRAM / 96);
    // Rounded once: 381,818,181.8.
    assert_eq!(of(&starts), ((27 * 120 + 72 * 480) * GRAM + 49) / 99);
}

#[test]
fn unshifted_runs_of_the_period_are_history_too() {
    let effects =
        effects_of(vec![run(["13:00", "13:15", "07:00"]), run(["03:00", "03:15", "03:00"])], Beside::default(), &History::default());
    assert_eq!(effects.runs[0].historical_ugco2e, Some(120 * GRAM));
}

#[test]
fn an_overhead_meets_the_intensity_from_eligible_to_end() {
    // 05:00–08:00: one hour at 100 g, two at 400 g; 0.01 kWh × 1.2 × 300 g.
    let story = Story { overhead_kwh: Some(0.01), ..run(["07:00", "08:00", "05:00"]) };
    assert_eq!(one(story).overhead, Some(Overhead { energy_mj: KWH_MJ / 100, emissions_ugco2e: 3_600_000 }));
    let unshifted = Story { overhead_kwh: Some(0.01), ..run(["07:00", "08:00", "07:00"]) };
    assert_eq!(one(unshifted).overhead, None);
}

#[test]
fn a_forecast_is_set_against_what_came_to_pass() {
    let decision = Decision {
        recorded_at: at("04:00"),
        eligible_at: at("07:00"),
        deadline: None,
        chosen_start: at("13:00"),
        chosen_zone: None,
        reason: DecisionReason::Carbon,
        held_out: false,
        forecast: Some(Forecast { source: "test".to_owned(), baseline_gco2e_per_kwh: 380.0, chosen_gco2e_per_kwh: 210.0 }),
        overhead_kwh: None,
    };
    // From FR with 50 g: 1 kWh × (1.5 × 380 − 1.2 × 210) g.
    let outcome = one(Story { baseline_zone: 1, decision: Some(decision), ..run(["13:00", "13:15", "07:00"]) }).forecast.expect("known");
    assert_eq!(outcome.expected_avoided_ugco2e, 318 * GRAM);
    assert!((outcome.realised_baseline_gco2e_per_kwh - 50.0).abs() < 1e-9);
    assert!((outcome.realised_chosen_gco2e_per_kwh - 400.0).abs() < 1e-9);
}

#[test]
fn the_runs_with_the_largest_effect_have_a_picture_losses_too() {
    let effects = effects_of(
        vec![
            run(["01:00", "01:15", "07:00"]),
            run(["12:00", "12:45", "02:00"]),
            run(["09:00", "09:15", "09:00"]),
            run(["12:00", "12:15", "08:00"]),
        ],
        Beside::default(),
        &History::default(),
    );
    assert_eq!(effects.curves.iter().map(|curve| curve.run).collect::<Vec<_>>(), [1, 0]);
    assert!(effects.curves[0].baseline.is_empty());
    assert_eq!(effects.curves[0].ran.first().map(|point| point.0), Some(at("00:00").timestamp()));
}
