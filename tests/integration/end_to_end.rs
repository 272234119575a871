//! From a real Prometheus to a report, every figure compared with what an independent oracle works out from the generated truth.

use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use crate::compare::Comparison;
use crate::prometheus::{self, Prometheus};
use crate::sample;

const ALL: [&str; 3] = ["prod-nl", "edge-fr", "burst-pl"];

/// Generates a month, serves it, collects, reports, and gives back the report and what was expected of it.
pub fn report_of(month: &str, generator: &[&str], clusters: &[&str], folder: &Path) -> (Value, Value) {
    sample::generate(folder, &[&["--month", month], generator].concat());
    let server = Prometheus::serving(&folder.join("openmetrics"));
    let config = sample::write_config(folder, &server.url(), clusters);
    sample::wattledger_ok(&["collect", "--month", month], &config);
    drop(server);
    // The report works from evidence alone: the server is gone.
    let out = folder.join("report");
    sample::wattledger_ok(&["report", "--month", month, "--out", out.to_str().unwrap(), "--format", "json"], &config);
    let report = serde_json::from_slice(&fs::read(json_report(&out)).unwrap()).unwrap();
    (report, sample::expected(folder, month))
}

/// The JSON report in a folder.
pub fn json_report(out: &Path) -> std::path::PathBuf {
    file_with_extension(out, "json")
}

pub fn file_with_extension(folder: &Path, extension: &str) -> std::path::PathBuf {
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|found| found == extension));
    assert_eq!(files.len(), 1, "one .{extension} file in {}", folder.display());
    files.remove(0)
}

#[test]
fn every_figure_of_a_month_from_a_real_prometheus_is_what_the_oracle_says() {
    if !prometheus::is_installed() {
        return;
    }
    let folder = TempDir::new().unwrap();

    let (report, expected) = report_of("2026-10", &["--quantum-mj", "1"], &ALL, folder.path());

    let comparison = Comparison::of(&expected, &report);
    comparison.assert_equal();
    assert!(comparison.figures > 10_000, "only {} figures were compared", comparison.figures);
}

#[test]
fn back_filling_loses_no_sample() {
    if !prometheus::is_installed() {
        return;
    }
    let folder = TempDir::new().unwrap();
    sample::generate(folder.path(), &["--small"]);
    let server = Prometheus::serving(&folder.path().join("openmetrics"));
    let text = fs::read_to_string(folder.path().join("openmetrics/prod-nl.txt")).unwrap();

    for metric in ["kepler_node_cpu_joules_total", "kepler_pod_cpu_joules_total", "kube_job_created"] {
        let written = text.lines().filter(|line| line.starts_with(&format!("{metric}{{"))).count();

        assert_eq!(server.samples_of(metric, "2026-11-02T00:00:00Z"), written as u64, "{metric}");
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_gives_others() {
    let folder = TempDir::new().unwrap();
    let [first, again, other] = ["first", "again", "other"].map(|name| folder.path().join(name));
    sample::generate(&first, &["--small"]);
    sample::generate(&again, &["--small"]);
    sample::generate(&other, &["--small", "--seed", "43"]);

    for file in ["truth.json", "openmetrics/prod-nl.txt", "intensity/NL_2026_hourly.csv"] {
        assert_eq!(fs::read(first.join(file)).unwrap(), fs::read(again.join(file)).unwrap(), "{file}");
        assert_ne!(fs::read(first.join(file)).unwrap(), fs::read(other.join(file)).unwrap(), "{file}");
    }
}

#[test]
fn the_committed_intensities_are_what_the_generator_writes() {
    let folder = TempDir::new().unwrap();
    sample::generate(folder.path(), &[]);

    for zone in ["NL", "FR", "PL"] {
        let name = format!("intensity/{zone}_2026_hourly.csv");
        let committed = fs::read(sample::root().join("sample-data").join(&name)).unwrap();

        assert!(committed == fs::read(folder.path().join(&name)).unwrap(), "{name} differs; run sample-data/regenerate.sh");
    }
}
