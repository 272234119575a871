//! The nightly jobs of one month end to end: Jobs with an annotated baseline in the evidence of a cluster in each grid, `[[deferrable]]` windows, `report`; every run
//! held against the brute force.
//!
//! Each night has a Job for each of four windows. It ran at 01:00, and its annotation says that it could have started as early as its window begins; the window is as
//! long as `max_delay` of its namespace. So the report's actual is the job at 01:00, and its bounds are those of the window.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};
use tempfile::TempDir;
use wattledger::evidence::Store;
use wattledger::units::UtcDay;

use super::zone_years::{ZONE_YEARS, ZoneYear};
use super::{BruteForce, integers};
use crate::compare::integer;
use crate::job_evidence::{Cluster, Job, Pod};
use crate::real_intensity::real_file;
use crate::sample;

const HALF_HOUR_S: i64 = 1_800;
/// 1 kWh in half an hour, in mJ a second.
const POWER: i64 = 2_000_000;
/// June 2022, in UTC.
const FROM_S: i64 = 1_654_041_600;
const TO_S: i64 = 1_656_633_600;
/// Half-hours to either side.
const WINDOWS: [i64; 4] = [1, 4, 8, 16];

/// One file of each zone that has direct values of 2022.
fn zone_years() -> Vec<&'static ZoneYear> {
    let mut found: BTreeMap<&str, &ZoneYear> = BTreeMap::new();
    for zone_year in ZONE_YEARS.iter().filter(|zone_year| zone_year.year == 2022 && zone_year.has_direct) {
        found.entry(zone_year.zone).or_insert(zone_year);
    }
    found.into_values().collect()
}

fn text(instant_s: i64) -> String {
    DateTime::<Utc>::from_timestamp(instant_s, 0).unwrap().to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn namespace(half_hours: i64) -> String {
    format!("within-{half_hours}")
}

fn jobs(nights: &[i64]) -> Vec<Job> {
    let of_night = |night: &i64| {
        WINDOWS.map(|half_hours| Job {
            namespace: namespace(half_hours),
            job: format!("nightly-{night}"),
            workload: "CronJob/nightly".to_owned(),
            created_s: *night,
            started_s: *night,
            completed_s: night + HALF_HOUR_S,
            baseline_start: Some(text(night - half_hours * HALF_HOUR_S)),
            home_zone: None,
            pods: vec![Pod::of_power(0, 1_000, (*night, night + HALF_HOUR_S), HALF_HOUR_S, POWER)],
        })
    };
    nights.iter().flat_map(of_night).collect()
}

fn write_config(folder: &Path) -> PathBuf {
    let mut text = "[organisation]\nname = \"Example BV\"\ntime_zone = \"UTC\"\n[report]\nstep = \"30m\"\n".to_owned();
    for zone_year in zone_years() {
        let (name, zone) = (zone_year.zone.to_lowercase(), zone_year.zone);
        write!(text, "[[cluster]]\nname = \"{name}\"\nboundary = \"owned\"\ngrid_zone = \"{zone}\"\npue = 1.0\n").unwrap();
    }
    for half_hours in WINDOWS {
        let minutes = 2 * half_hours * 30;
        write!(text, "[[deferrable]]\nnamespaces = [\"{}\"]\nmax_delay = \"{minutes}m\"\n", namespace(half_hours)).unwrap();
    }
    let path = folder.join("wattledger.toml");
    fs::write(&path, text).unwrap();
    path
}

fn report(folder: &Path, config: &Path) -> Value {
    let out = folder.join("report");
    let arguments = ["report", "--month", "2022-06", "--out", out.to_str().unwrap(), "--format", "json", "--no-sensitivity"];
    sample::wattledger_ok(&arguments, config);
    serde_json::from_slice(&fs::read(out.join("report.json")).unwrap()).unwrap()
}

/// The brute force's figures of the nights that count in the month, by cluster, namespace and Job.
fn expected(zone_years: &[&ZoneYear], of_years: &Value) -> BTreeMap<(String, String, String), Value> {
    let mut expected = BTreeMap::new();
    for (zone_year, of_year) in zone_years.iter().zip(of_years.as_array().unwrap()) {
        let at_one = integers(&of_year["at_one_ugco2e"]);
        for (half_hours, window) in WINDOWS.iter().zip(of_year["windows"].as_array().unwrap()) {
            assert_eq!(window["half_hours"], json!(half_hours));
            for (night, start_s) in integers(&of_year["nights"]).into_iter().enumerate() {
                if !(FROM_S < start_s + HALF_HOUR_S && start_s + HALF_HOUR_S <= TO_S) {
                    continue;
                }
                let figures = json!({
                    "start": text(start_s),
                    "baseline_start": text(start_s - half_hours * HALF_HOUR_S),
                    "baseline_rule": "annotation",
                    "max_delay_seconds": 2 * half_hours * HALF_HOUR_S,
                    "active_mj": POWER * HALF_HOUR_S,
                    "candidates": 2 * half_hours + 1,
                    "actual_ugco2e": at_one[night],
                    "best_ugco2e": window["best_ugco2e"][night],
                    "mean_ugco2e": window["mean_ugco2e"][night],
                    "worst_ugco2e": window["worst_ugco2e"][night],
                    "best_start": text(window["best_start"][night].as_i64().unwrap()),
                });
                expected.insert((zone_year.zone.to_lowercase(), namespace(*half_hours), format!("nightly-{start_s}")), figures);
            }
        }
    }
    expected
}

#[test]
fn a_month_of_nightly_jobs_in_every_real_grid_is_reported_as_trying_every_start_says() {
    let zone_years = zone_years();
    let files: Vec<PathBuf> = zone_years.iter().filter_map(|zone_year| real_file(zone_year.file)).collect();
    if files.len() < zone_years.len() {
        return;
    }
    let folder = TempDir::new().unwrap();
    let of_year = |(zone_year, file): (&&ZoneYear, &PathBuf)| json!({ "file": file, "column": "direct", "year": zone_year.year, "time_zone": zone_year.time_zone.name() });
    let settings = json!({ "zone_years": zone_years.iter().zip(&files).map(of_year).collect::<Vec<_>>(), "windows_half_hours": WINDOWS });
    let of_years = BruteForce::start("nightly", &settings, folder.path()).end("nightly", folder.path());
    let config = write_config(folder.path());
    let store = Store::new(folder.path().join("evidence"));
    let (first, last): (UtcDay, UtcDay) = ("2022-06-01".parse().unwrap(), "2022-06-30".parse().unwrap());
    for ((zone_year, file), of_year) in zone_years.iter().zip(&files).zip(of_years.as_array().unwrap()) {
        sample::wattledger_ok(&["import", "--kind", "intensity", file.to_str().unwrap()], &config);
        let jobs = jobs(&integers(&of_year["nights"]));
        let name = zone_year.zone.to_lowercase();
        let cluster = Cluster { name: &name, nodes: 1, idle_mj: 90_000_000, step_s: HALF_HOUR_S, jobs: &jobs, is_backwards: false };
        cluster.write(&store, &first.through(last));
    }

    let report = report(folder.path(), &config);

    let expected = expected(&zone_years, &of_years);
    let runs = report["job_runs"].as_array().unwrap();
    // Thirty nights, in most of these grids from the second of the month to the first of the next, by the clock on the wall.
    assert_eq!((runs.len(), expected.len()), (30 * WINDOWS.len() * zone_years.len(), runs.len()));
    for run in runs {
        let key = ["cluster", "namespace", "job"].map(|name| run[name].as_str().unwrap().to_owned());
        for (figure, value) in expected[&key.clone().into()].as_object().unwrap() {
            assert_eq!(run[figure], *value, "{key:?}: {figure}");
        }
        assert_eq!(run["unbounded_reason"], Value::Null);
    }
    let sum = |figure: &str| runs.iter().map(|run| integer(&run[figure]).unwrap()).sum::<i64>();
    for figure in ["actual_ugco2e", "counterfactual_ugco2e", "best_ugco2e", "mean_ugco2e", "worst_ugco2e"] {
        assert_eq!(integer(&report["counterfactual"]["windowed"][figure]), Some(sum(figure)), "{figure}");
    }
}
