//! `doctor` against a real Prometheus that holds a month and scrapes exporters now: what it says, and that it is right.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

use crate::exporter::Exporter;
use crate::prometheus::{self, Prometheus, Setup};

/// 2026-10-01T00:00:00Z. Months of the test are UTC.
const OCTOBER_S: i64 = 1_790_812_800;
const DAY_S: i64 = 86_400;

/// The month from a UTC day on, at a quarter of an hour.
fn history(from_day: i64) -> String {
    let mut text = String::new();
    for time in (OCTOBER_S + (from_day - 1) * DAY_S..=OCTOBER_S + 31 * DAY_S).step_by(900) {
        let joules = (time - OCTOBER_S) / 10;
        writeln!(text, "kepler_node_cpu_joules_total{{cluster=\"c\",instance=\"n1:1\",job=\"kepler\",node_name=\"n1\",path=\"p\",zone=\"package\"}} {joules} {time}").unwrap();
        writeln!(text, "kube_node_info{{cluster=\"c\",instance=\"k:1\",job=\"ksm\",node=\"n1\"}} 1 {time}").unwrap();
    }
    text + "# EOF\n"
}

/// Three nodes now, of which one has no meter; one meter is told by its address alone.
fn page() -> String {
    let mut text = String::new();
    for node in 1..=3 {
        writeln!(text, "kube_node_info{{node=\"n{node}\",internal_ip=\"10.0.0.{node}\"}} 1").unwrap();
        writeln!(text, "kube_pod_owner{{namespace=\"a\",pod=\"p{node}\",uid=\"u{node}\",owner_kind=\"DaemonSet\",owner_name=\"d\"}} 1")
            .unwrap();
        writeln!(text, "kube_pod_info{{namespace=\"a\",pod=\"p{node}\",uid=\"u{node}\",node=\"n{node}\"}} 1").unwrap();
        writeln!(text, "container_cpu_usage_seconds_total{{node=\"n{node}\",namespace=\"a\",pod=\"p{node}\",container=\"c\"}} 1").unwrap();
    }
    writeln!(text, "kepler_node_cpu_joules_total{{node_name=\"n1\",path=\"p\",zone=\"package\"}} 7").unwrap();
    writeln!(text, "kepler_node_cpu_joules_total{{node_name=\"n2\",path=\"p\",zone=\"package\"}} 7").unwrap();
    text
}

fn write_config(folder: &Path, url: &str) {
    let text = format!(
        "[organisation]\nname = \"Example BV\"\ntime_zone = \"UTC\"\n\
         [[cluster]]\nname = \"c\"\nprometheus = {{ url = \"{url}\", selector = {{ cluster = \"c\" }} }}\nboundary = \"owned\"\ngrid_zone = \"NL\"\n\
         home_zone = \"FR\"\npue = 1.1\n\
         [[intensity]]\nzones = [\"NL\"]\nprovider = \"files\"\nfiles = [\"nl.csv\"]\n"
    );
    fs::write(folder.join("wattledger.toml"), text).unwrap();
    let hour = |hour: i64| chrono::DateTime::from_timestamp(OCTOBER_S + hour * 3_600, 0).unwrap().format("%Y-%m-%dT%H:%M:%SZ").to_string();
    let rows: String = (0..31 * 24).map(|number| format!("{},NL,36\n", hour(number))).collect();
    fs::write(folder.join("nl.csv"), format!("ts,zone,intensity_gco2e_per_kwh\n{rows}")).unwrap();
}

fn wattledger(folder: &Path, line: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_wattledger")).current_dir(folder).args(line.split(' ')).output().unwrap()
}

fn state(report: &Value, topic: &str) -> Vec<String> {
    let checks = report["clusters"][0]["checks"].as_array().unwrap().iter();
    checks.filter(|check| check["topic"] == topic).map(|check| check["state"].as_str().unwrap().to_owned()).collect()
}

fn says(report: &Value, topic: &str) -> String {
    let checks = report["clusters"][0]["checks"].as_array().unwrap().iter();
    checks.filter(|check| check["topic"] == topic).map(|check| check["says"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn it_says_what_a_month_lacks_and_what_to_do_next() {
    if !prometheus::is_installed() {
        return;
    }
    let folder = TempDir::new().unwrap();
    let openmetrics = folder.path().join("openmetrics");
    fs::create_dir(&openmetrics).unwrap();
    fs::write(openmetrics.join("c.txt"), history(4)).unwrap();
    let exporter = Exporter::showing(|_| page());
    // The scrape has a namespace of its own, as a scrape without `honor_labels` does.
    let config = format!(
        "global:\n  scrape_interval: 1s\n  scrape_timeout: 1s\nscrape_configs:\n  - job_name: everything\n    static_configs:\n      - targets: ['{}']\n        labels:\n          cluster: c\n          namespace: monitoring\n",
        exporter.target()
    );
    let server = Prometheus::serving_with(&openmetrics, &Setup { config: &config, ..Setup::default() });
    exporter.wait_for_scrapes(2);
    write_config(folder.path(), &server.url());

    let output = wattledger(folder.path(), "doctor --month 2026-10");
    let screen = String::from_utf8(output.stdout).unwrap();
    println!("{screen}");
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(screen.lines().all(|line| line.chars().count() <= 100), "{screen}");
    assert!(screen.ends_with("Next: wattledger collect --month 2026-10 (before the server forgets)\n"), "{screen}");

    let report: Value = serde_json::from_slice(&wattledger(folder.path(), "doctor --month 2026-10 --json").stdout).unwrap();
    assert_eq!(says(&report, "exporters"), "no energy meter on 1 of 3 nodes now: n3");
    assert_eq!((state(&report, "labels"), state(&report, "retention")), (vec!["minded".to_owned()], vec!["minded".to_owned()]));
    assert!(says(&report, "labels").contains("`exported_namespace`"), "{report}");
    assert!(says(&report, "retention").contains("2026-10-01 to 2026-10-03"), "{report}");
    assert_eq!(state(&report, "intensity"), ["lacking", "minded"], "{report}");
    assert!(says(&report, "evidence").contains("the server still has 28 of them"), "{report}");

    // What can be collected is collected: the evidence is no longer what lacks.
    assert_eq!(wattledger(folder.path(), "collect --from 2026-10-04 --to 2026-11-01").status.code(), Some(0));
    let output = wattledger(folder.path(), "doctor --month 2026-10");
    println!("{}", String::from_utf8_lossy(&output.stdout));
    let report: Value = serde_json::from_slice(&wattledger(folder.path(), "doctor --month 2026-10 --json").stdout).unwrap();
    assert_eq!(
        (state(&report, "evidence"), state(&report, "intensity")),
        (vec!["minded".to_owned()], vec!["fine".to_owned(), "minded".to_owned()])
    );
    assert!(report["next"].as_str().unwrap().contains("n3"), "{report}");

    // A server that is gone is a fact, and the rest is still said.
    drop(server);
    let output = wattledger(folder.path(), "doctor --month 2026-10");
    let screen = String::from_utf8(output.stdout).unwrap();
    println!("{screen}");
    assert_eq!(output.status.code(), Some(1));
    assert!(screen.contains("PROM_UNREACHABLE") && screen.contains("NL: all 744 hours are in the evidence"), "{screen}");
}
