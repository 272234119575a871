//! From raw counter samples of a cluster-day to energy by node, pod and step.
//!
//! In: all counter samples of the day with one sample of each series before and after it, and what kube-state-metrics said. Out: the
//! tables `nodes`, `pods`, `jobs`, `namespaces`, `node_steps`, `usage` (`model::tables`), and what was odd, as findings.
//! Rule (method, sections 2 and 3): counters are differenced exactly, by identity, aware of resets, cut at step edges.
//! Assumes: [`SampleTable`] is sorted. Does not: fill gaps, share idle energy, or ask the time, a disk or a network.

mod choice;
pub mod counters;
mod cpu;
mod findings;
mod frames;
mod gpus;
mod jobs;
mod meters;
mod namespaces;
mod nodes;
mod owners;
mod pods;
mod shares;
mod state;
mod tails;
mod targets;
pub mod trace;
mod zones;

#[cfg(test)]
mod captures_test;
#[cfg(test)]
mod choice_test;
#[cfg(test)]
mod counters_test;
#[cfg(test)]
mod cpu_test;
#[cfg(test)]
mod day_test;
#[cfg(test)]
mod state_test;
#[cfg(test)]
mod story;
#[cfg(test)]
mod tails_test;
#[cfg(test)]
mod trace_test;

use std::collections::BTreeMap;

use anyhow::Result;
use polars::prelude::DataFrame;

use self::choice::MeteredNode;
use self::counters::{Merge, Window};
use self::findings::listed;
use self::frames::{NodeRow, PodRow, row_number};
use self::jobs::{JobTable, Jobs};
use self::pods::{PodRecord, UNKNOWN_NAMESPACE};
use self::shares::Shares;
use self::state::{ClusterState, latest_first, own_label};
use self::trace::{Traced, Tracer, Watch};
use crate::model::{Finding, MeteringTerms, SampleTable, Severity};
use crate::units::UtcDay;

/// What a day's samples say, as the evidence tables of the same names (`model::tables`).
pub struct MeteredDay {
    pub nodes: DataFrame,
    pub pods: DataFrame,
    pub jobs: DataFrame,
    /// None where no namespace has a label.
    pub namespaces: Option<DataFrame>,
    pub node_steps: DataFrame,
    pub usage: DataFrame,
    pub findings: Vec<Finding>,
}

/// Meters one cluster and UTC day. The step must divide a day.
pub fn meter_day(samples: &SampleTable, day: UtcDay, terms: &MeteringTerms) -> Result<MeteredDay> {
    meter(samples, day, terms, &mut Tracer::default())
}

/// The same, with all that went into one node and step of it.
pub fn meter_day_watching(samples: &SampleTable, day: UtcDay, terms: &MeteringTerms, watch: Watch) -> Result<(MeteredDay, Traced)> {
    let mut tracer = Tracer::watching(watch);
    let metered = meter(samples, day, terms, &mut tracer)?;
    Ok((metered, tracer.finish()))
}

fn meter(samples: &SampleTable, day: UtcDay, terms: &MeteringTerms, tracer: &mut Tracer) -> Result<MeteredDay> {
    let window = Window::of_day(day, terms.step_seconds)?;
    let mut findings = Vec::new();
    let mut merge = Merge::default();
    let state = ClusterState::of(samples, &window);
    let context = meters::Context { table: samples, state: &state, terms, window };
    let mut unmapped = BTreeMap::new();
    let readings = meters::read_all(&context, &mut unmapped);
    let devices = meters::devices(&context, &mut unmapped);
    findings.extend(findings::without_node(&unmapped));
    findings.extend(findings::unknown_zones(&readings));
    let families = readings.iter().map(|readings| {
        let choice = nodes::zone_choice(readings, &window);
        choice::Family {
            exporter: readings.exporter,
            name: readings.name,
            meters: nodes::meter_nodes(readings, &choice, &window, &mut merge, &mut findings, tracer),
            records: pods::meter_pods(readings, &state, &choice, &window, &mut merge, &mut findings, tracer),
        }
    });
    let families: Vec<choice::Family> = families.collect();
    let (mut nodes, mut records) = choice::settle(families, &state, terms, &window, &mut findings, tracer);
    cpu::add_cpu(samples, &state, &window, &mut merge, &mut records, &mut findings, tracer);
    Shares { table: samples, state: &state, terms, window }.settle(&mut nodes, &mut records, &mut merge, &mut findings, tracer);
    gpus::add_gpus(&devices, &window, &mut merge, &mut nodes, &mut records, &mut findings, tracer);
    if merge.non_finite > 0 {
        let message = format!(
            "{} counter samples were not a number from zero up (NaN, infinity, negative) and were left out. Check the exporter.",
            merge.non_finite
        );
        let failing = usize::try_from(merge.non_finite).unwrap_or(usize::MAX);
        findings.push(Finding::new("NONFINITE", Severity::Disclosed, message).examined(samples.value.len()).failing(failing));
    }

    let mut pod_rows = owned_rows(records, samples, &state, &mut findings);
    let jobs = job_table(samples, &state, &window, &mut pod_rows);
    let node_rows = node_rows(&state, &nodes, &pod_rows, &window);
    let node_ids: BTreeMap<&str, i32> = node_rows.iter().enumerate().map(|(id, row)| (row.node.as_str(), row_number(id))).collect();
    findings.sort();
    Ok(MeteredDay {
        nodes: frames::nodes(&node_rows)?,
        pods: frames::pods(&pod_rows, &node_ids)?,
        jobs: frames::jobs(&jobs.rows)?,
        namespaces: frames::namespaces(&namespaces::labels(samples, &window))?,
        node_steps: frames::node_steps(&nodes, &node_ids)?,
        usage: frames::usage(&pod_rows, &node_ids)?,
        findings,
    })
}

/// Pods with their workloads, in the order of their ids: node, namespace, workload, pod, uid.
fn owned_rows<'a>(
    records: Vec<PodRecord<'a>>,
    samples: &SampleTable,
    state: &ClusterState<'a>,
    findings: &mut Vec<Finding>,
) -> Vec<PodRow<'a>> {
    let labels = deferrable_pods(samples);
    let mut unknown = Vec::new();
    let mut rows: Vec<PodRow> = records
        .into_iter()
        .map(|record| {
            let owner = owners::ownership(state, record.namespace, record.pod, &record.uid);
            if !owner.is_known || record.namespace == UNKNOWN_NAMESPACE {
                unknown.push(format!("{}/{}", record.namespace, record.pod));
            }
            let cpu_request_milli = state.cpu_request_milli(record.namespace, record.pod, &record.uid);
            let gpu_request = state.gpu_request(record.namespace, record.pod, &record.uid);
            // Of a Job's pods the table of jobs tells.
            let is_deferrable = if owner.job.is_none() { labels.get(record.uid.as_str()).copied() } else { None };
            PodRow { record, workload: owner.workload, job: owner.job, job_id: None, cpu_request_milli, gpu_request, is_deferrable }
        })
        .collect();
    rows.sort_by(|a, b| {
        let key = |row: &PodRow<'a>| (row.record.node, row.record.namespace);
        key(a).cmp(&key(b)).then_with(|| (&a.workload, a.record.pod, &a.record.uid).cmp(&(&b.workload, b.record.pod, &b.record.uid)))
    });
    if !unknown.is_empty() {
        unknown.sort();
        let message = format!(
            "The owner of {} pods was not seen, so each is a workload of its own: {}. Check that kube-state-metrics is scraped all day.",
            unknown.len(),
            listed(&unknown)
        );
        findings.push(Finding::new("UNKNOWN_OWNER", Severity::Disclosed, message).examined(rows.len()).failing(unknown.len()));
    }
    rows
}

/// By uid: whether the pod may wait, as far as its own labels say, last word first.
fn deferrable_pods(samples: &SampleTable) -> BTreeMap<&str, bool> {
    let mut pods = BTreeMap::new();
    for (series, ..) in latest_first(samples, "kube_pod_labels") {
        if let Some(is_deferrable) = jobs::deferrable(series).or_else(|| jobs::carbon_aware(series)) {
            pods.entry(own_label(series, "uid")).or_insert(is_deferrable);
        }
    }
    pods
}

/// The day's Job runs; every pod of a Job gets the id of its run, and a run takes from its pods what nothing else told.
fn job_table<'a>(samples: &'a SampleTable, state: &ClusterState<'a>, window: &Window, pods: &mut [PodRow<'a>]) -> JobTable<'a> {
    let mut jobs = Jobs::of(samples, state, window);
    for row in pods.iter() {
        if let Some(job) = row.job {
            jobs.ensure(row.record.namespace, job, &row.workload, row.record.seen);
        }
    }
    let mut table = jobs.into_table();
    let mut job_of_uid: BTreeMap<&str, i32> = BTreeMap::new();
    for row in pods {
        row.job_id = row.job.and_then(|job| table.id_of(row.record.namespace, job, row.record.seen.0));
        if let Some(id) = row.job_id {
            job_of_uid.insert(&row.record.uid, id);
        }
    }
    add_pod_starts(samples, &job_of_uid, &mut table);
    for metric in ["kube_pod_annotations", "kube_pod_labels"] {
        for (series, ..) in latest_first(samples, metric) {
            if let Some(id) = job_of_uid.get(own_label(series, "uid")) {
                table.rows[*id as usize].describe(series);
            }
        }
    }
    table
}

/// A pod that was created this long after its Job had started is of a later try, or of a later part.
const FIRST_PODS_MS: i64 = 60_000;

/// When a node took the first of those pods of a run that its Job began with. Where that of one of them is not known, the run's own start stands for it: nothing
/// says that it waited.
fn add_pod_starts(samples: &SampleTable, job_of_uid: &BTreeMap<&str, i32>, table: &mut JobTable<'_>) {
    let instants = |metric: &str| -> BTreeMap<&str, i64> {
        let first = |value: &[f64]| value.iter().copied().filter(|seconds| seconds.is_finite() && *seconds > 0.0).min_by(f64::total_cmp);
        let of_series = samples.of_metric(metric).filter_map(|(series, _, value)| Some((own_label(series, "uid"), first(value)?)));
        of_series.map(|(uid, seconds)| (uid, (seconds * 1_000.0).round() as i64)).collect()
    };
    let (created, started) = (instants("kube_pod_created"), instants("kube_pod_start_time"));
    if started.is_empty() {
        return;
    }
    for (uid, job) in job_of_uid {
        let row = &mut table.rows[*job as usize];
        let (Some(job_started_ms), Some(created_ms)) = (row.started_ms, created.get(uid)) else { continue };
        if *created_ms <= job_started_ms + FIRST_PODS_MS {
            let started_ms = started.get(uid).copied().unwrap_or(job_started_ms);
            row.pods_started_ms = row.pods_started_ms.into_iter().chain([started_ms]).min();
        }
    }
}

/// Every node of which anything was seen on the day, by name, with its existence cut to the day.
fn node_rows(state: &ClusterState, nodes: &[MeteredNode], pods: &[PodRow], window: &Window) -> Vec<NodeRow> {
    let mut spans: BTreeMap<&str, (i64, i64)> = BTreeMap::new();
    let mut widen = |node, (first, last): (i64, i64)| {
        let span = spans.entry(node).or_insert((first, last));
        *span = (span.0.min(first), span.1.max(last));
    };
    for (node, info) in &state.nodes {
        widen(node, (info.first_ms, info.last_ms));
    }
    for metered in nodes.iter().filter(|metered| metered.span.0 <= metered.span.1) {
        widen(metered.node, metered.span);
    }
    // Pods tell of a node only where nothing else does: their own signs of life may reach beyond it.
    let told: Vec<&str> = state.nodes.keys().copied().chain(nodes.iter().map(|metered| metered.node)).collect();
    for row in pods.iter().filter(|row| !told.contains(&row.record.node)) {
        widen(row.record.node, row.record.seen);
    }
    // A modelled node that only its CPU time tells of is there in the steps of that time.
    for metered in nodes.iter().filter(|metered| metered.span.0 > metered.span.1) {
        if let (false, Some((first, _)), Some((last, _))) =
            (state.nodes.contains_key(metered.node), metered.steps.first_key_value(), metered.steps.last_key_value())
        {
            widen(metered.node, (i64::from(*first) * window.step_ms, (i64::from(*last) + 1) * window.step_ms));
        }
    }
    let milli = |cores: f64| (cores * 1_000.0 + 0.5).floor() as i64;
    let row = |(node, (first, last)): (&str, (i64, i64))| {
        let metered = nodes.iter().find(|metered| metered.node == node);
        NodeRow {
            node: node.to_owned(),
            power_zones: metered.map_or_else(String::new, |metered| metered.described.clone()),
            labels: state.node_labels_json(node),
            first_ms: first.max(window.start_ms),
            last_ms: last.min(window.end_ms),
            is_metered: metered.is_some_and(|metered| !metered.zones.is_empty()),
            cpu_capacity_milli: state.node_cores(node).map(milli),
            cpu_allocatable_milli: state.node_allocatable(node).map(milli),
        }
    };
    spans.into_iter().map(row).collect()
}
