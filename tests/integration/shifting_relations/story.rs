//! A month of Jobs in three clusters under grids of four resolutions, in numbers that leave nothing to round.
//!
//! A pod draws a multiple of 14.4 W in each step, intensities are whole grams and PUEs are quarters, so that a second at any intensity is a whole number of
//! micrograms, wherever a step is cut. What a relation says of two months is then true to the last digit.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::Value;
use tempfile::TempDir;
use wattledger::cli::account::{self, Accounting, Engine};
use wattledger::config::Config;
use wattledger::evidence::Store;
use wattledger::model::{IntensitySeries, PriceSeries};
use wattledger::units::{MicroEurosPerKilowattHour, ReportingPeriod, UtcDay};

use crate::compare::integer;
use crate::job_evidence::{Cluster, Job, Pod};

pub const STEP_S: i64 = 900;
pub const HOUR_S: i64 = 3_600;
pub const DAY_S: i64 = 86_400;
/// 14.4 W, in mJ a second.
pub const UNIT_OF_POWER: i64 = 14_400;
/// 2026-09-01T00:00:00Z.
pub const MONTH_S: i64 = 1_788_220_800;
const NODES: usize = 3;

#[derive(Clone)]
pub struct ClusterOfStory {
    pub name: &'static str,
    pub zone: &'static str,
    pub pue: f64,
    pub jobs: Vec<Job>,
}

/// A grid zone: values from `from_s` on, each so long, in g/kWh; and prices by the hour, in micro-EUR/kWh.
#[derive(Clone)]
pub struct GridOfStory {
    pub from_s: i64,
    pub interval_s: i64,
    pub grams: Vec<i64>,
    pub micro_eur: Vec<i64>,
    /// From one second to another there are no intensities.
    pub hole: Option<(i64, i64)>,
}

#[derive(Clone)]
pub struct RuleOfStory {
    pub namespace: &'static str,
    pub max_delay: String,
    pub zones: Vec<&'static str>,
}

#[derive(Clone)]
pub struct Story {
    pub month: &'static str,
    pub time_zone: &'static str,
    pub clusters: Vec<ClusterOfStory>,
    pub grids: BTreeMap<&'static str, GridOfStory>,
    pub rules: Vec<RuleOfStory>,
    /// Days of evidence, counted from the month's first; both included.
    pub days: (i64, i64),
    pub is_backwards: bool,
}

/// SplitMix64.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, bound: i64) -> i64 {
        (self.next() % bound as u64) as i64
    }
}

impl Story {
    /// A week of runs, a third of them not shifted; some are at home in another zone; some may wait, some may move too, of some nobody said so.
    pub fn new() -> Self {
        let mut random = Random(2_026);
        let cluster = |name, zone, pue, jobs| ClusterOfStory { name, zone, pue, jobs };
        let mut jobs = |name: &str, homes: &[&str], count| (0..count).map(|i| job(&mut random, name, homes, i)).collect::<Vec<Job>>();
        let clusters = vec![
            cluster("ams", "NL", 1.25, jobs("ams", &["FR", "DE"], 24)),
            cluster("fra", "DE", 1.5, jobs("fra", &["NL"], 16)),
            cluster("par", "FR", 1.0, jobs("par", &["NL"], 12)),
        ];
        let grid = |seed, interval_s: i64, level| {
            let mut random = Random(seed);
            let count = 36 * DAY_S / interval_s;
            GridOfStory {
                from_s: MONTH_S - 3 * DAY_S,
                interval_s,
                grams: (0..count).map(|_| level + random.below(300)).collect(),
                micro_eur: (0..36 * 24).map(|_| random.below(250_000) - 40_000).collect(),
                hole: None,
            }
        };
        let grids = [("NL", grid(1, 3_600, 150)), ("DE", grid(2, 900, 250)), ("FR", grid(3, 1_800, 20)), ("SE", grid(4, 300, 5))];
        let rule = |namespace, max_delay: &str, zones: &[&'static str]| RuleOfStory {
            namespace,
            max_delay: max_delay.to_owned(),
            zones: zones.to_vec(),
        };
        Self {
            month: "2026-09",
            time_zone: "UTC",
            clusters,
            grids: grids.into(),
            rules: vec![rule("may-wait", "7h 20m", &[]), rule("may-move", "5h", &["NL", "FR"])],
            days: (6, 14),
            is_backwards: false,
        }
    }

    /// The same, with every run at home where it ran: shifted in time alone.
    pub fn at_home() -> Self {
        let mut story = Self::new();
        story.each_job(|job| job.home_zone = None);
        story
    }

    /// The same at the end of September: about half of the runs end in October, and some go on over the month's end.
    pub fn at_the_months_end() -> Self {
        let mut story = Self::new().days_later(20);
        story.each_grid(|grid| grid.from_s += 9 * DAY_S);
        story
    }

    pub fn each_job(&mut self, change: impl FnMut(&mut Job)) {
        self.clusters.iter_mut().flat_map(|cluster| &mut cluster.jobs).for_each(change);
    }

    pub fn each_grid(&mut self, change: impl FnMut(&mut GridOfStory)) {
        self.grids.values_mut().for_each(change);
    }

    /// The same story so many days later, on the same grids.
    pub fn days_later(mut self, days: i64) -> Self {
        let later_s = days * DAY_S;
        self.each_job(|job| {
            job.shift(later_s, STEP_S);
            job.created_s += later_s;
            job.baseline_start = job.baseline_start.as_ref().map(|start| text(seconds(&Value::from(start.as_str())) + later_s));
        });
        self.days = (self.days.0 + days, self.days.1 + days);
        self
    }

    /// One rule for all Jobs but those that nobody spoke of.
    pub fn with_rule(mut self, max_delay: &str, zones: &[&'static str]) -> Self {
        self.rules.iter_mut().for_each(|rule| (rule.max_delay, rule.zones) = (max_delay.to_owned(), zones.to_vec()));
        self
    }

    /// The month's statement as its report would say it.
    pub fn account(&self) -> Month {
        let folder = TempDir::new().unwrap();
        let store = Store::new(folder.path().join("evidence"));
        let day = |number: i64| UtcDay::containing(DateTime::<Utc>::from_timestamp(MONTH_S + number * DAY_S, 0).unwrap());
        let days = day(self.days.0).through(day(self.days.1));
        for cluster in &self.clusters {
            let evidence = Cluster {
                name: cluster.name,
                nodes: NODES,
                idle_mj: 36_000_000,
                step_s: STEP_S,
                jobs: &cluster.jobs,
                is_backwards: self.is_backwards,
            };
            evidence.write(&store, &days);
        }
        for (zone, grid) in &self.grids {
            store.write_intensity(&grid.intensity(zone)).unwrap();
            store.write_prices(&grid.prices(zone)).unwrap();
        }
        let path = folder.path().join("wattledger.toml");
        fs::write(&path, self.config()).unwrap();
        let config = Config::load(&path).unwrap();
        let period = ReportingPeriod::parse(self.month, config.time_zone).unwrap();
        let accounting = Accounting { engine: Engine::Columns, threads: Some(1), with_sensitivity: false, with_content: false };
        let books = account::Books::open(&config).unwrap();
        Month(serde_json::to_value(account::period(&books, period, &[], &accounting).unwrap()).unwrap())
    }

    fn config(&self) -> String {
        let mut text =
            format!("[organisation]\nname = \"Example BV\"\ntime_zone = \"{}\"\n[evidence]\ndir = \"evidence\"\n", self.time_zone);
        for ClusterOfStory { name, zone, pue, .. } in &self.clusters {
            write!(text, "[[cluster]]\nname = \"{name}\"\nboundary = \"owned\"\ngrid_zone = \"{zone}\"\npue = {pue:?}\n").unwrap();
        }
        for RuleOfStory { namespace, max_delay, zones } in &self.rules {
            write!(text, "[[deferrable]]\nnamespaces = [\"{namespace}\"]\nmax_delay = \"{max_delay}\"\nzones = {zones:?}\n").unwrap();
        }
        text
    }
}

impl GridOfStory {
    fn intensity(&self, zone: &str) -> IntensitySeries {
        let n = self.grams.len();
        let start = |row: usize| self.from_s + row as i64 * self.interval_s;
        let grams = || self.grams.iter().map(|grams| Some(*grams as f64));
        let is_there = |at_s: i64| self.hole.is_none_or(|(from_s, to_s)| at_s < from_s || at_s >= to_s);
        let whole = IntensitySeries {
            zone: zone.to_owned(),
            provider: "files".to_owned(),
            edition: "a story".to_owned(),
            start_s: (0..n).map(start).collect(),
            end_s: (1..=n).map(start).collect(),
            direct_gco2e_per_kwh: grams().collect(),
            lifecycle_gco2e_per_kwh: grams().collect(),
            is_estimated: vec![false; n],
            estimation_method: vec![String::new(); n],
            ..IntensitySeries::default()
        };
        whole.with_rows(|row| is_there(whole.start_s[row]))
    }

    fn prices(&self, zone: &str) -> PriceSeries {
        let n = self.micro_eur.len();
        let start = |row: usize| self.from_s + row as i64 * HOUR_S;
        PriceSeries {
            zone: zone.to_owned(),
            edition: "a story".to_owned(),
            retrieved_s: None,
            start_s: (0..n).map(start).collect(),
            end_s: (1..=n).map(start).collect(),
            price: self.micro_eur.iter().map(|price| MicroEurosPerKilowattHour::new(*price)).collect(),
        }
    }
}

fn job(random: &mut Random, cluster: &str, homes: &[&str], number: usize) -> Job {
    let seconds = 600 + random.below(20 * HOUR_S);
    let at_s = MONTH_S + 6 * DAY_S + random.below(7 * DAY_S);
    // Some begin with a step, most within one.
    let started_s = if number.is_multiple_of(4) { at_s.div_euclid(STEP_S) * STEP_S } else { at_s };
    let waited_s = if random.below(3) == 0 { 0 } else { 61 + random.below(9 * HOUR_S) };
    let home_zone = (random.below(3) == 0).then(|| homes[random.below(homes.len() as i64) as usize].to_owned());
    let pods = (0..1 + random.below(3)).map(|_| {
        let (node, seed) = (random.below(NODES as i64) as usize, random.next());
        let power = |step: i32| UNIT_OF_POWER * (1 + Random(seed.wrapping_add(step as u64)).below(40));
        Pod::of_profile(node, 500, (started_s, started_s + seconds), STEP_S, power)
    });
    let pods = pods.collect();
    Job {
        namespace: ["may-wait", "may-move", "nobody-said"][number % 3].to_owned(),
        job: format!("{cluster}-{number}"),
        workload: format!("CronJob/{cluster}-{}", number % 5),
        created_s: started_s - waited_s,
        started_s,
        completed_s: started_s + seconds,
        baseline_start: Some(text(started_s - waited_s)),
        home_zone,
        pods,
    }
}

pub fn text(instant_s: i64) -> String {
    DateTime::<Utc>::from_timestamp(instant_s, 0).unwrap().to_rfc3339_opts(SecondsFormat::Secs, true)
}

pub fn seconds(instant: &Value) -> i64 {
    instant.as_str().unwrap().parse::<DateTime<Utc>>().unwrap().timestamp()
}

/// What came of a story.
pub struct Month(pub Value);

/// The figures of a run that are sums of its energy at intensities.
pub const EMISSIONS: [&str; 5] = ["actual_ugco2e", "counterfactual_ugco2e", "avoided_ugco2e", "best_ugco2e", "worst_ugco2e"];

impl Month {
    /// By cluster and Job.
    pub fn runs(&self) -> BTreeMap<(String, String), &Value> {
        let runs = self.0["job_runs"].as_array().unwrap();
        let key = |run: &Value| (run["cluster"].as_str().unwrap().to_owned(), run["job"].as_str().unwrap().to_owned());
        runs.iter().map(|run| (key(run), run)).collect()
    }

    /// Each run of one month with the same run of another; every story has many with bounds and many without.
    pub fn beside<'a>(&'a self, other: &'a Self) -> Vec<(&'a Value, &'a Value)> {
        let (mine, theirs) = (self.runs(), other.runs());
        assert!(mine.keys().eq(theirs.keys()), "the same runs");
        assert!(mine.values().filter(|run| !run["best_ugco2e"].is_null()).count() > 20);
        mine.into_values().zip(theirs.into_values()).collect()
    }

    pub fn total(&self, pointer: &str) -> i64 {
        integer(self.0["counterfactual"].pointer(pointer).unwrap()).unwrap()
    }
}

/// None where the run has no such figure.
pub fn figure(run: &Value, name: &str) -> Option<i64> {
    integer(&run[name])
}
