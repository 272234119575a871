//! Which trace is laid on which grid and month, when its jobs start, and in which windows.
//!
//! Of the traces are when a job arrived, how long it ran and on how many cores. Invented are the power (the same for each core, from start to end), the PUE, the
//! grids, and the month that the trace's first hour is laid on. Times are rounded to seconds, which is what Kubernetes tells.

use std::fs;

use chrono::{DateTime, SecondsFormat, Utc};
use wattledger::accounting::integral::Integral;
use wattledger::units::ReportingPeriod;

use crate::job_evidence::{Job, Pod};
use crate::real_intensity::{real_file, shared_file};

pub const STEP_S: i64 = 900;
pub const HOUR_S: i64 = 3_600;
const DAY_S: i64 = 86_400;
/// Watts a core that is booked.
pub const WATTS_PER_CORE: i64 = 3;
pub const PUE: &str = "1.2";
pub const NODES: usize = 4;

pub struct Trace {
    pub cluster: &'static str,
    pub name: &'static str,
    pub file: &'static str,
    pub zone: &'static str,
    /// Where it may run too, in the story of two zones.
    pub other_zone: &'static str,
}

pub const TRACES: [Trace; 2] = [
    Trace { cluster: "azure", name: "Azure VMs", file: "workloads/azure-first31days.csv", zone: "DE", other_zone: "FR" },
    Trace { cluster: "pai", name: "Alibaba PAI", file: "workloads/pai-first31days.csv", zone: "NL", other_zone: "DE" },
];

pub const INTENSITIES: [(&str, &str); 5] = [
    ("DE", "vintage-a-2023/DE_2021_hourly.csv"),
    ("DE", "vintage-a-2023/DE_2022_hourly.csv"),
    ("NL", "vintage-a-2023/NL_2021_hourly.csv"),
    ("NL", "vintage-a-2023/NL_2022_hourly.csv"),
    ("FR", "vintage-a-2023/FR_2022_hourly.csv"),
];

/// When jobs start: at once, at the next 02:00 in their window, or at the start in it whose hour was the cleanest a day before.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    AtOnce,
    AtTwo,
    YesterdaysLowest,
}

impl Rule {
    pub fn name(self) -> &'static str {
        match self {
            Self::AtOnce => "at-once",
            Self::AtTwo => "at-two",
            Self::YesterdaysLowest => "yesterdays-lowest",
        }
    }
}

/// One report.
pub struct Story {
    pub max_delay_hours: i64,
    pub has_other_zone: bool,
    pub rule: Rule,
}

impl Story {
    pub const fn at_once(max_delay_hours: i64) -> Self {
        Self { max_delay_hours, has_other_zone: false, rule: Rule::AtOnce }
    }

    pub fn name(&self) -> String {
        format!("{}h-{}-{}", self.max_delay_hours, if self.has_other_zone { 2 } else { 1 }, self.rule.name())
    }

    pub fn window(&self, trace: &Trace) -> String {
        let zones = if self.has_other_zone { format!(", or in {}", trace.other_zone) } else { String::new() };
        format!("{} h{zones}", self.max_delay_hours)
    }
}

const IN_OTHER_ZONE: Story = Story { max_delay_hours: 6, has_other_zone: true, rule: Rule::AtOnce };
pub const AT_TWO: Story = Story { max_delay_hours: 24, has_other_zone: false, rule: Rule::AtTwo };
pub const YESTERDAYS_LOWEST: Story = Story { max_delay_hours: 24, has_other_zone: false, rule: Rule::YesterdaysLowest };

pub struct Month {
    pub month: &'static str,
    pub stories: &'static [Story],
}

/// A month of wind and one of sun.
pub const MONTHS: [Month; 2] = [
    Month {
        month: "2022-01",
        stories: &[Story::at_once(2), Story::at_once(6), Story::at_once(24), IN_OTHER_ZONE, AT_TWO, YESTERDAYS_LOWEST],
    },
    Month { month: "2022-07", stories: &[Story::at_once(24), AT_TWO, YESTERDAYS_LOWEST] },
];

impl Month {
    pub fn period(&self) -> ReportingPeriod {
        ReportingPeriod::parse(self.month, chrono_tz::UTC).unwrap()
    }
}

/// A row of a trace.
pub struct Arrival {
    pub after_s: i64,
    pub seconds: i64,
    pub cores: i64,
}

pub fn arrivals(trace: &Trace) -> Option<Vec<Arrival>> {
    let text = fs::read_to_string(shared_file(trace.file)?).unwrap();
    let row = |line: &str| {
        let cells: Vec<f64> = line.split(',').map(|cell| cell.parse().unwrap()).collect();
        let seconds = |hours: f64| (hours * HOUR_S as f64).round() as i64;
        Arrival { after_s: seconds(cells[0]), seconds: seconds(cells[1]).max(1), cores: cells[2] as i64 }
    };
    Some(text.lines().skip(1).map(row).collect())
}

/// Direct intensity of a zone in hundredths of a gram, by the hour.
pub fn hourly(zone: &str) -> Integral {
    let mut rows = Vec::new();
    for (_, file) in INTENSITIES.iter().filter(|(known, _)| *known == zone) {
        for line in fs::read_to_string(real_file(file).unwrap()).unwrap().lines().skip(1) {
            let cells: Vec<&str> = line.split(',').collect();
            let start = chrono::NaiveDateTime::parse_from_str(cells[0], "%Y-%m-%d %H:%M:%S").unwrap().and_utc().timestamp();
            rows.push((start, start + HOUR_S, (cells[4].parse::<f64>().unwrap() * 100.0).round() as i64));
        }
    }
    Integral::of(rows)
}

fn start_by(rule: Rule, arrival_s: i64, max_delay_s: i64, grid: &Integral) -> i64 {
    match rule {
        Rule::AtOnce => arrival_s,
        Rule::AtTwo => {
            let next = (arrival_s - 2 * HOUR_S + DAY_S - 1).div_euclid(DAY_S) * DAY_S + 2 * HOUR_S;
            if next <= arrival_s + max_delay_s { next } else { arrival_s }
        }
        Rule::YesterdaysLowest => {
            let value = |at_s: i64| {
                let hour_ms = (at_s - DAY_S).div_euclid(HOUR_S) * HOUR_S * 1_000;
                grid.between(hour_ms, hour_ms + HOUR_S * 1_000)
            };
            let starts = (0..=max_delay_s / STEP_S).map(|step| arrival_s + step * STEP_S);
            starts.min_by_key(|at_s| (value(*at_s).unwrap(), *at_s)).unwrap()
        }
    }
}

pub fn jobs(trace: &Trace, arrivals: &[Arrival], from_s: i64, rule: Rule, grid: &Integral) -> Vec<Job> {
    let job = |(number, arrival): (usize, &Arrival)| {
        let created_s = from_s + arrival.after_s;
        let started_s = start_by(rule, created_s, 24 * HOUR_S, grid);
        let completed_s = started_s + arrival.seconds;
        let power = arrival.cores * WATTS_PER_CORE * 1_000;
        Job {
            namespace: trace.cluster.to_owned(),
            job: format!("job-{number:05}"),
            workload: format!("Job/job-{number:05}"),
            created_s,
            started_s,
            completed_s,
            baseline_start: Some(text(created_s)),
            home_zone: None,
            pods: vec![Pod::of_power(number % NODES, arrival.cores * 1_000, (started_s, completed_s), STEP_S, power)],
        }
    };
    arrivals.iter().enumerate().map(job).collect()
}

pub fn text(instant_s: i64) -> String {
    DateTime::<Utc>::from_timestamp(instant_s, 0).unwrap().to_rfc3339_opts(SecondsFormat::Secs, true)
}
