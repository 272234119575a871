//! What the pod meters say: active energy by pod and step.
//!
//! In: one family's pod counters of a day. Out: one [`PodRecord`] a pod, to which `cpu` adds CPU time.
//! Rule (method, section 3): identity is node, pod and power zone, whatever the `state`; the same zones as the node's meter; a pod born
//! while its exporter was being scraped counts from zero; after a restart of the exporter every pod counts from zero.
//! Does not: say what became of the energy after a pod's last sample (it is in the node's meter).

use std::collections::BTreeMap;

use super::counters::{Merge, OnRestart, Reading, Samples, Start, Tally, Window, difference};
use super::findings::{LARGEST_PLAUSIBLE_WATTS, Oddities, listed};
use super::meters::{PodSeries, Readings};
use super::state::{ClusterState, PodInfo};
use super::tails::Tails;
use super::trace::{self, PodName, Role, TracedCounter, Tracer};
use super::zones::PowerZone;
use crate::model::{Finding, Severity};

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
    /// Step, mJ between the last energy sample and the recorded end, at the last rate.
    pub tail: Vec<(i32, i64)>,
    /// Step, CPU ms.
    pub cpu: Vec<(i32, i64)>,
}

impl PodRecord<'_> {
    /// Takes in what another family saw of the same pod.
    pub fn join(&mut self, other: Self) {
        self.seen = (self.seen.0.min(other.seen.0), self.seen.1.max(other.seen.1));
        self.born_since_ms = self.born_since_ms.min(other.born_since_ms).or(self.born_since_ms).or(other.born_since_ms);
        self.last_ms = self.last_ms.max(other.last_ms);
        add_rows(&mut self.energy, &other.energy);
        add_rows(&mut self.tail, &other.tail);
        add_rows(&mut self.cpu, &other.cpu);
    }
}

/// Adds rows to rows, both sorted by step.
pub fn add_rows(known: &mut Vec<(i32, i64)>, rows: &[(i32, i64)]) {
    known.extend_from_slice(rows);
    known.sort_by_key(|row| row.0);
    known.dedup_by(|later, earlier| {
        let same = later.0 == earlier.0;
        if same {
            earlier.1 += later.1;
        }
        same
    });
}

/// Differences the meters of all pods; the records are sorted by node and uid.
pub fn meter_pods<'a>(
    readings: &Readings<'a>,
    state: &ClusterState<'a>,
    choice: &BTreeMap<&'a str, Vec<PowerZone>>,
    window: &Window,
    merge: &mut Merge,
    findings: &mut Vec<Finding>,
    tracer: &mut Tracer,
) -> Vec<PodRecord<'a>> {
    let mut all: Vec<&PodSeries> = readings.pods.iter().filter(|series| series.curve.span().is_some()).collect();
    all.sort_by(|a, b| (identity(a), a.zone, &a.path).cmp(&(identity(b), b.zone, &b.path)));
    let mut tails = Tails::new(window);
    let mut sums = tracer.sums(*window);
    let mut tally = Tally::default();
    let mut odd_nodes: Vec<&str> = Vec::new();
    let mut unresolved: Vec<String> = Vec::new();
    let mut records = Vec::new();
    let mut parts: Vec<Samples> = Vec::new();
    for pod in all.chunk_by(|a, b| identity(a) == identity(b)) {
        let node = pod[0].node;
        let zones = choice.get(node).map_or(&[][..], Vec::as_slice);
        let before = (tally.resets, tally.decreases, tally.implausible);
        let mut born_since_ms = None;
        for counter in pod.chunk_by(|a, b| (a.zone, &a.path) == (b.zone, &b.path)) {
            if !zones.contains(&counter[0].zone) {
                continue;
            }
            parts.clear();
            parts.extend(counter.iter().map(|one| one.curve.samples()));
            let samples = merge.of(&parts);
            let (Some((first_ms, _)), Some(earliest)) = (samples.span(), counter.iter().min_by_key(|one| one.curve.span())) else {
                continue;
            };
            let start = if readings.is_gauge { Start::Anchor } else { readings.scrapes.start(&earliest.target, first_ms) };
            tails.look(samples);
            if let Start::Zero { since_ms } = start {
                born_since_ms = Some(since_ms);
            }
            let reading = Reading {
                start,
                on_restart: OnRestart::FromZero,
                restarts: readings.scrapes.restarts(node),
                largest_per_second: LARGEST_PLAUSIBLE_WATTS,
            };
            difference(samples, &reading, &mut sums, &mut tally);
            tracer.take(&mut sums, node, || traced(Role::PodEnergy, readings, pod, state, counter));
        }
        if before != (tally.resets, tally.decreases, tally.implausible) && odd_nodes.last() != Some(&node) {
            odd_nodes.push(node);
        }
        let energy = sums.drain();
        let last_ms = pod.iter().filter_map(|one| last_within(one.curve.samples().ts_ms, window)).max();
        let (namespace, name, known) = named(pod, state);
        let end_ms = state.pod_end_ms(namespace, name, pod[0].uid);
        // A Job's pod ends by itself and stays to be seen; any other is deleted, and its end is nowhere.
        let is_of_job = state.pod_owner(namespace, name, pod[0].uid).is_some_and(|owner| owner.kind == "Job");
        let is_gone = |last_ms| is_of_job && readings.scrapes.is_followed(&pod[0].target, last_ms, window.end_ms);
        let tail = tails.settle(end_ms, is_gone, || format!("{namespace}/{name}"), &mut sums);
        tracer.take(&mut sums, node, || traced(Role::PodTail, readings, pod, state, pod));
        if energy.is_empty() && last_ms.is_none() && tail.is_empty() {
            continue;
        }
        let record = PodRecord { born_since_ms, tail, ..record(pod, namespace, name, known, last_ms, energy) };
        if record.energy.is_empty() && last_ms > Some(window.start_ms) {
            unresolved.push(format!("{}/{}", record.namespace, record.pod));
        }
        records.push(record);
    }
    let odd =
        Oddities { kind: "pod energy", unit: "J", reset: Severity::Noted, decrease: Severity::Disclosed, tally: &tally, nodes: &odd_nodes };
    findings.extend(odd.findings());
    findings.extend(tails.findings());
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

/// A counter of a pod; of a tail all of the pod's, which were carried on together.
fn traced(role: Role, readings: &Readings, pod: &[&PodSeries], state: &ClusterState, counter: &[&PodSeries]) -> TracedCounter {
    let (namespace, name, _) = named(pod, state);
    let of_pod = PodName { namespace: namespace.to_owned(), pod: name.to_owned(), uid: pod[0].uid.to_owned() };
    let zone = (role == Role::PodEnergy).then(|| counter[0].zone);
    TracedCounter { pod: Some(of_pod), ..trace::counter(role, readings.name, zone, counter.iter().map(|one| one.series)) }
}

fn last_within(ts_ms: &[i64], window: &Window) -> Option<i64> {
    let before_end = ts_ms.partition_point(|t| *t < window.end_ms);
    ts_ms[..before_end].last().copied().filter(|t| *t >= window.start_ms)
}

/// What makes series those of one pod: its uid where it is known, else its name.
fn identity<'a>(series: &PodSeries<'a>) -> (&'a str, &'a str, &'a str, &'a str) {
    if series.uid.is_empty() { (series.node, "", series.namespace, series.pod) } else { (series.node, series.uid, "", "") }
}

/// Names the pod: from the exporter's labels, which may come a little after the first samples, else from `kube_pod_info` by uid.
fn named<'s, 'a>(pod: &[&PodSeries<'a>], state: &'s ClusterState<'a>) -> (&'a str, &'a str, Option<&'s PodInfo<'a>>) {
    let uid = pod[0].uid;
    let known = state.pod_by_uid(uid);
    let labelled = pod.iter().map(|one| (one.namespace, one.pod));
    let (namespace, name) = labelled
        .filter(|(namespace, name)| !namespace.is_empty() && !name.is_empty())
        .max()
        .or_else(|| known.map(|info| (info.namespace, info.pod)))
        .unwrap_or((UNKNOWN_NAMESPACE, uid));
    (namespace, name, known)
}

fn record<'a>(
    pod: &[&PodSeries<'a>],
    namespace: &'a str,
    name: &'a str,
    known: Option<&PodInfo<'a>>,
    last_ms: Option<i64>,
    energy: Vec<(i32, i64)>,
) -> PodRecord<'a> {
    let mut seen = known.map_or((i64::MAX, i64::MIN), |info| (info.first_ms, info.last_ms));
    for (first, last) in pod.iter().filter_map(|one| one.curve.span()) {
        seen = (seen.0.min(first), seen.1.max(last));
    }
    let (node, uid) = (pod[0].node, pod[0].uid.to_owned());
    PodRecord { node, namespace, pod: name, uid, seen, born_since_ms: None, last_ms, energy, tail: Vec::new(), cpu: Vec::new() }
}
