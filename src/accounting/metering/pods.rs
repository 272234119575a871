//! What the pod meters say: active energy by pod and step.
//!
//! In: `kepler_pod_cpu_joules_total` of a day. Out: one [`PodRecord`] a pod, to which `cpu` adds CPU time.
//! Rule (method, section 3): identity is node, uid and power zone, whatever the `state`; the same zones as the node's meter; a pod born
//! while Kepler was being scraped counts from zero; after a restart of Kepler every pod counts from zero.
//! Does not: say what became of the energy after a pod's last sample (it is in the node's meter).

use std::collections::BTreeMap;

use super::counters::{Merge, OnRestart, Reading, Samples, Start, StepSums, Tally, Window, difference};
use super::findings::{LARGEST_PLAUSIBLE_WATTS, Oddities, listed};
use super::state::ClusterState;
use super::targets::{KeplerTargets, POD_METRIC};
use super::zones::PowerZone;
use crate::model::{Finding, SampleTable, Series, Severity};

/// Namespace of pods of which nothing but a uid is known.
pub const UNKNOWN_NAMESPACE: &str = "unknown-owner";

#[derive(Clone, Debug, PartialEq)]
pub struct PodRecord<'a> {
    pub node: &'a str,
    pub namespace: &'a str,
    pub pod: &'a str,
    pub uid: String,
    /// First and last sign of life, also outside the day.
    pub seen: (i64, i64),
    /// The scrape before its first energy sample, where Kepler saw it being born: its containers were born then too.
    pub born_since_ms: Option<i64>,
    /// Last energy sample within the day.
    pub last_ms: Option<i64>,
    /// Step, active mJ.
    pub energy: Vec<(i32, i64)>,
    /// Step, CPU ms.
    pub cpu: Vec<(i32, i64)>,
}

struct PodSeries<'a> {
    node: &'a str,
    uid: &'a str,
    zone: &'a str,
    series: &'a Series,
    samples: Samples<'a>,
}

/// Differences the meters of all pods; the records are sorted by node and uid.
pub fn meter_pods<'a>(
    table: &'a SampleTable,
    state: &ClusterState<'a>,
    targets: &KeplerTargets<'a>,
    choice: &BTreeMap<&'a str, Vec<PowerZone>>,
    window: &Window,
    merge: &mut Merge,
    findings: &mut Vec<Finding>,
) -> Vec<PodRecord<'a>> {
    let with_samples = table.of_metric(POD_METRIC).filter(|(_, ts_ms, _)| !ts_ms.is_empty());
    let mut all: Vec<PodSeries> = with_samples
        .map(|(series, ts_ms, value)| PodSeries {
            node: series.label("node_name"),
            uid: series.label("pod_id"),
            zone: series.label("zone"),
            series,
            samples: Samples { ts_ms, value },
        })
        .collect();
    all.sort_by_key(|one| (one.node, one.uid, one.zone));
    let mut sums = StepSums::new(*window);
    let mut tally = Tally::default();
    let mut odd_nodes: Vec<&str> = Vec::new();
    let mut unresolved: Vec<String> = Vec::new();
    let mut records = Vec::new();
    let mut parts: Vec<Samples> = Vec::new();
    for pod in all.chunk_by(|a, b| (a.node, a.uid) == (b.node, b.uid)) {
        let node = pod[0].node;
        let zones = choice.get(node).map_or(&[][..], Vec::as_slice);
        let before = (tally.resets, tally.decreases, tally.implausible);
        let mut born_since_ms = None;
        for counter in pod.chunk_by(|a, b| a.zone == b.zone) {
            if PowerZone::parse(counter[0].zone).is_none_or(|zone| !zones.contains(&zone)) {
                continue;
            }
            parts.clear();
            parts.extend(counter.iter().map(|one| one.samples));
            let samples = merge.of(&parts);
            let (Some((first_ms, _)), Some(earliest)) = (samples.span(), counter.iter().min_by_key(|one| one.samples.ts_ms[0])) else {
                continue;
            };
            let start = targets.start(earliest.series, first_ms);
            if let Start::Zero { since_ms } = start {
                born_since_ms = Some(since_ms);
            }
            let reading = Reading {
                start,
                on_restart: OnRestart::FromZero,
                restarts: targets.restarts(node),
                largest_per_second: LARGEST_PLAUSIBLE_WATTS,
            };
            difference(samples, &reading, &mut sums, &mut tally);
        }
        if before != (tally.resets, tally.decreases, tally.implausible) && odd_nodes.last() != Some(&node) {
            odd_nodes.push(node);
        }
        let energy = sums.drain();
        let last_ms = pod.iter().filter_map(|one| last_within(one.samples.ts_ms, window)).max();
        if energy.is_empty() && last_ms.is_none() {
            continue;
        }
        let record = PodRecord { born_since_ms, ..record(pod, state, last_ms, energy) };
        if record.energy.is_empty() && last_ms > Some(window.start_ms) {
            unresolved.push(format!("{}/{}", record.namespace, record.pod));
        }
        records.push(record);
    }
    let odd =
        Oddities { kind: "pod energy", unit: "J", reset: Severity::Noted, decrease: Severity::Disclosed, tally: &tally, nodes: &odd_nodes };
    findings.extend(odd.findings());
    if !unresolved.is_empty() {
        let message = format!(
            "{} pods have energy samples but nothing to count from, so their energy is in (system): {}.",
            unresolved.len(),
            listed(&unresolved)
        );
        findings.push(Finding::new("UNRESOLVED", Severity::Disclosed, message).examined(records.len()).failing(unresolved.len()));
    }
    records
}

fn last_within(ts_ms: &[i64], window: &Window) -> Option<i64> {
    let before_end = ts_ms.partition_point(|t| *t < window.end_ms);
    ts_ms[..before_end].last().copied().filter(|t| *t >= window.start_ms)
}

/// Names the pod: from Kepler's labels, which may come a little after the first samples, else from `kube_pod_info` by uid.
fn record<'a>(pod: &[PodSeries<'a>], state: &ClusterState<'a>, last_ms: Option<i64>, energy: Vec<(i32, i64)>) -> PodRecord<'a> {
    let (node, uid) = (pod[0].node, pod[0].uid);
    let known = state.pod_by_uid(uid);
    let labelled = pod.iter().map(|one| (one.series.label("pod_namespace"), one.series.label("pod_name")));
    let (namespace, name) = labelled
        .filter(|(namespace, name)| !namespace.is_empty() && !name.is_empty())
        .max()
        .or_else(|| known.map(|info| (info.namespace, info.pod)))
        .unwrap_or((UNKNOWN_NAMESPACE, uid));
    let mut seen = known.map_or((i64::MAX, i64::MIN), |info| (info.first_ms, info.last_ms));
    for (first, last) in pod.iter().filter_map(|one| one.samples.span()) {
        seen = (seen.0.min(first), seen.1.max(last));
    }
    PodRecord { node, namespace, pod: name, uid: uid.to_owned(), seen, born_since_ms: None, last_ms, energy, cpu: Vec::new() }
}
