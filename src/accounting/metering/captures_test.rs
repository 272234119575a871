//! Real captures of Kepler 0.11 and kube-state-metrics 2.20, read as scrapes a minute apart.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::meter_day;
use crate::model::{MeteringTerms, SampleTable, Series};
use crate::units::UtcDay;

/// The samples of a text exposition: metric, labels, value. Comments and time stamps are left out.
fn exposition(text: &str) -> Vec<(Series, f64)> {
    text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(sample).collect()
}

fn sample(line: &str) -> (Series, f64) {
    let name_end = line.find(['{', ' ']).unwrap();
    let mut labels = BTreeMap::new();
    let mut rest = &line[name_end..];
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        while !rest.starts_with('}') {
            let (name, after) = rest.split_once("=\"").unwrap();
            let mut value = String::new();
            let mut characters = after.char_indices();
            let end = loop {
                match characters.next().unwrap() {
                    (i, '"') => break i + 1,
                    (_, '\\') => match characters.next().unwrap().1 {
                        'n' => value.push('\n'),
                        other => value.push(other),
                    },
                    (_, other) => value.push(other),
                }
            };
            // As Prometheus does, an empty label is no label.
            if !value.is_empty() {
                labels.insert(name.to_owned(), value);
            }
            rest = after[end..].trim_start_matches(',');
        }
        rest = &rest[1..];
    }
    let value = rest.split_whitespace().next().unwrap().parse().unwrap();
    (Series { metric: line[..name_end].to_owned(), labels }, value)
}

#[test]
fn real_scrapes_give_the_joules_that_a_hand_gets() {
    let shared = std::env::var_os("WATTLEDGER_SHARED_DATA")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data"), PathBuf::from);
    if !shared.join("kepler-0.11").is_dir() {
        println!("left out: no captures in {}", shared.display());
        return;
    }
    let day: UtcDay = "2026-11-23".parse().unwrap();
    let at = |second: i64| day.start().timestamp_millis() + 19 * 3_600_000 + second * 1_000;
    let mut parts: Vec<(Series, Vec<(i64, f64)>)> = Vec::new();
    for (file, second) in [
        ("kepler-0.11/rapl-1.prom", 0),
        ("kepler-0.11/rapl-2.prom", 60),
        ("kepler-0.11/rapl-3-terminated.prom", 120),
        ("kube-state-metrics-2.20/ksm.prom", 60),
    ] {
        let text = std::fs::read_to_string(shared.join(file)).unwrap();
        parts.extend(exposition(&text).into_iter().map(|(series, value)| (series, vec![(at(second), value)])));
    }
    let metered = meter_day(&SampleTable::from_series(parts), day, &MeteringTerms::of_step(900)).unwrap();

    let ints = |frame: &polars::prelude::DataFrame, column: &str| frame.column(column).unwrap().i64().unwrap().iter().collect::<Vec<_>>();
    // Package and dram: (4,299,930,605 - 774,051,200) + (644,989,590 - 116,107,680) µJ.
    assert_eq!(ints(&metered.node_steps, "metered_mj"), [Some(3_525_880 + 528_882)]);
    // Idle: (154.388804 - 153.58047) + (23.158321 - 23.03707) J, each rounded where it stands.
    assert_eq!(ints(&metered.node_steps, "idle_mj"), [Some((154_389 - 153_580) + (23_158 - 23_037))]);
    // train2-tgzlb: (3,453.265417 - 514.994414) + (518.336973 - 77.24916) J; train2-z7szv is gone in the third scrape:
    // (671.320078 - 100.409525) + (100.293843 - 15.061428) J.
    let tgzlb = (3_453_265 - 514_994) + (518_337 - 77_249);
    let z7szv = (671_320 - 100_410) + (100_294 - 15_061);
    let pods: Vec<Option<&str>> = metered.pods.column("pod").unwrap().str().unwrap().iter().collect();
    assert_eq!(pods, [Some("train2-tgzlb"), Some("train2-z7szv")]);
    assert_eq!(ints(&metered.usage, "active_mj"), [Some(tgzlb), Some(z7szv)]);
    assert_eq!(ints(&metered.pods, "last_ms"), [Some(at(120)), Some(at(60))]);

    // The two captures come from different moments: kube-state-metrics knows two Jobs and two nodes, but not these pods.
    let nodes: Vec<Option<&str>> = metered.nodes.column("node").unwrap().str().unwrap().iter().collect();
    assert_eq!(nodes, [Some("node-1"), Some("node-2")]);
    let jobs: Vec<Option<&str>> = metered.jobs.column("workload").unwrap().str().unwrap().iter().collect();
    assert_eq!(jobs, [Some("CronJob/nightly"), Some("Job/train")]);
    assert_eq!(ints(&metered.jobs, "created_ms"), [Some(1_795_460_225_000), Some(1_795_459_905_000)]);
    assert_eq!(ints(&metered.jobs, "started_ms"), [Some(1_795_460_225_000), Some(1_795_460_636_000)]);
    let scheduled: Vec<Option<&str>> = metered.jobs.column("scheduled_timestamp").unwrap().str().unwrap().iter().collect();
    assert_eq!(scheduled, [Some("2026-11-23T18:57:00Z"), None]);
    assert!(metered.findings.iter().any(|finding| finding.code == "UNKNOWN_OWNER" && finding.failing == 2));
}
