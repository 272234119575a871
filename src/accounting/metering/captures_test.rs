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

/// A capture that lies beside the project; none on a machine that has only the project.
fn capture(name: &str) -> Option<PathBuf> {
    let shared = std::env::var_os("WATTLEDGER_SHARED_DATA")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data"), PathBuf::from);
    let found = shared.join(name);
    if !found.exists() {
        println!("left out: no capture {}", found.display());
        return None;
    }
    Some(found)
}

#[test]
fn real_scrapes_give_the_joules_that_a_hand_gets() {
    let Some(kepler) = capture("kepler-0.11") else { return };
    let shared = kepler.parent().unwrap();
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

/// Kepler of December 2023 on a machine with two sockets and five GPUs, read over HTTP: metric -> series with labels and values.
#[test]
fn a_real_range_of_the_older_kepler_adds_up_to_its_own_ends() {
    let Some(file) = capture("kepler/kepler_prom_query_range_2023-12-13_idle.json") else { return };
    let all: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let mut parts: Vec<(Series, Vec<(i64, f64)>)> = Vec::new();
    // What a hand adds: last value less first value, of every series that counts, each end rounded to the millijoule.
    let (mut node_mj, mut idle_mj, mut pods_mj) = (0, 0, 0);
    for (metric, list) in all.as_object().unwrap() {
        for series in list.as_array().unwrap() {
            let labels: BTreeMap<String, String> = serde_json::from_value(series["metric"].clone()).unwrap();
            let samples: Vec<(i64, f64)> = series["values"]
                .as_array()
                .unwrap()
                .iter()
                .map(|sample| (sample[0].as_i64().unwrap() * 1_000, sample[1].as_str().unwrap().parse().unwrap()))
                .collect();
            let millijoules = |at: usize| (samples[at].1 * 1_000.0 + 0.5).floor() as i64;
            let gained = millijoules(samples.len() - 1) - millijoules(0);
            let component = metric.trim_start_matches("kepler_node_").trim_start_matches("kepler_container_");
            let counts = ["package_joules_total", "dram_joules_total", "gpu_joules_total", "other_joules_total"].contains(&component);
            let (is_node, mode) = (metric.starts_with("kepler_node_"), labels.get("mode").map_or("", String::as_str));
            if counts && is_node {
                node_mj += gained;
                idle_mj += if mode == "idle" { gained } else { 0 };
            } else if counts && mode == "dynamic" && labels["container_namespace"] != "system" {
                pods_mj += gained;
            }
            let labels = labels.into_iter().filter(|(name, _)| name != "__name__").collect();
            parts.push((Series { metric: metric.clone(), labels }, samples));
        }
    }
    let day: UtcDay = "2023-12-13".parse().unwrap();
    let metered = meter_day(&SampleTable::from_series(parts), day, &MeteringTerms::of_step(900)).unwrap();

    let sum = |frame: &polars::prelude::DataFrame, column: &str| frame.column(column).unwrap().i64().unwrap().iter().flatten().sum::<i64>();
    assert_eq!(sum(&metered.node_steps, "metered_mj"), node_mj);
    assert_eq!(sum(&metered.node_steps, "idle_mj"), idle_mj);
    assert!((sum(&metered.usage, "active_mj") - pods_mj).abs() <= 1, "{} {pods_mj}", sum(&metered.usage, "active_mj"));
    assert!(pods_mj > 0 && pods_mj < node_mj - idle_mj);
    let zones: Vec<Option<&str>> = metered.nodes.column("power_zones").unwrap().str().unwrap().iter().collect();
    assert_eq!(zones, [Some("package+dram+gpu+other (kepler-legacy)")]);
}

#[test]
fn a_real_gpu_without_a_pod_is_idle() {
    let Some(file) = capture("dcgm/tesla-t4.prom") else { return };
    let day: UtcDay = "2026-11-23".parse().unwrap();
    let at = |second: i64| day.start().timestamp_millis() + second * 1_000;
    // The capture is one scrape; the second one has 9 W over a minute more.
    let parts = exposition(&std::fs::read_to_string(file).unwrap()).into_iter().map(|(series, value)| {
        let later = if series.metric == "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION" { value + 540_000.0 } else { value };
        (series, vec![(at(0), value), (at(60), later)])
    });
    let metered = meter_day(&SampleTable::from_series(parts), day, &MeteringTerms::of_step(900)).unwrap();
    let ints = |column: &str| metered.node_steps.column(column).unwrap().i64().unwrap().iter().collect::<Vec<_>>();
    assert_eq!((ints("metered_mj"), ints("idle_mj")), (vec![Some(540_000)], vec![Some(540_000)]));
    assert!(metered.findings.iter().any(|finding| finding.code == "PARTIAL_METER"));
}
