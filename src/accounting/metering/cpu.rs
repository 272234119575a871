//! CPU time by pod and step, from the kubelet's container counters.
//!
//! In: `container_cpu_usage_seconds_total` of a day. Out: CPU milliseconds added to the pods' records; pods without energy get a record.
//! Rule: real containers only (no pod or parent control group, no pause container); identity is node, namespace, pod, container and `id`.
//! The series have no uid label: it is read from the control group in `id`, else found by name and time.
//! Assumes: where series with and without `id` stand side by side, they are two endpoints of one kubelet, and those with `id` are taken.

use std::collections::{HashMap, HashSet};

use super::counters::{Merge, OnRestart, Reading, Samples, Start, Tally, Window, difference};
use super::findings::{LARGEST_PLAUSIBLE_CPUS, Oddities, listed};
use super::pods::{PodRecord, add_rows};
use super::state::{ClusterState, labelled_node, own_label};
use super::targets::{CPU_METRIC, KubeletTargets};
use super::trace::{self, PodName, Role, TracedCounter, Tracer};
use crate::model::{Finding, SampleTable, Series, Severity};

struct ContainerSeries<'a> {
    node: &'a str,
    namespace: &'a str,
    pod: &'a str,
    /// From the control group; empty where it is not told.
    uid: String,
    container: &'a str,
    id: &'a str,
    series: &'a Series,
    samples: Samples<'a>,
}

/// Adds CPU time to the records, and records for pods that have none.
pub fn add_cpu<'a>(
    table: &'a SampleTable,
    state: &ClusterState<'a>,
    window: &Window,
    merge: &mut Merge,
    records: &mut Vec<PodRecord<'a>>,
    findings: &mut Vec<Finding>,
    tracer: &mut Tracer,
) {
    let targets = KubeletTargets::of(table);
    let mut pods = Pods::of(records);
    let mut all = containers(table, state, &pods, findings);
    all.sort_by(|a, b| {
        (a.node, a.namespace, a.pod, &a.uid, a.container, a.id).cmp(&(b.node, b.namespace, b.pod, &b.uid, b.container, b.id))
    });
    let mut sums = tracer.sums(*window);
    let mut tally = Tally::default();
    let mut odd_nodes: Vec<&str> = Vec::new();
    let mut parts: Vec<Samples> = Vec::new();
    for pod in all.chunk_by(|a, b| (a.node, a.namespace, a.pod) == (b.node, b.namespace, b.pod)) {
        let has_id = pod.iter().any(|one| !one.id.is_empty());
        let before = (tally.decreases, tally.implausible);
        for life in pod.chunk_by(|a, b| a.uid == b.uid) {
            let mut seen = (i64::MAX, i64::MIN);
            for counter in
                life.chunk_by(|a, b| (a.container, a.id) == (b.container, b.id)).filter(|counter| !has_id || !counter[0].id.is_empty())
            {
                parts.clear();
                parts.extend(counter.iter().map(|one| one.samples));
                let Some(earliest) = counter.iter().min_by_key(|one| one.samples.ts_ms[0]) else { continue };
                let start = match targets.start(earliest.series, earliest.samples, window) {
                    Start::Anchor => pods.birth(&life[0], records, earliest.samples, window),
                    born => born,
                };
                let reading = Reading { start, on_restart: OnRestart::FromZero, restarts: &[], largest_per_second: LARGEST_PLAUSIBLE_CPUS };
                let samples = merge.of(&parts);
                let Some((first, last)) = samples.span() else { continue };
                seen = (seen.0.min(first), seen.1.max(last));
                difference(samples, &reading, &mut sums, &mut tally);
                tracer.take(&mut sums, life[0].node, || {
                    let of_pod = PodName { namespace: life[0].namespace.to_owned(), pod: life[0].pod.to_owned(), uid: life[0].uid.clone() };
                    let series = counter.iter().map(|one| one.series);
                    TracedCounter { pod: Some(of_pod), ..trace::counter(Role::PodCpu, "cadvisor", None, series) }
                });
            }
            let rows = sums.drain();
            if !rows.is_empty() {
                pods.add(&life[0], seen, rows, state, window, records);
            }
        }
        if before != (tally.decreases, tally.implausible) && odd_nodes.last() != Some(&pod[0].node) {
            odd_nodes.push(pod[0].node);
        }
    }
    // A container that starts again under one name resets its counter; that is its life and no trouble.
    let tally = Tally { resets: 0, ..tally };
    let odd = Oddities {
        kind: "container CPU time",
        unit: "s",
        reset: Severity::Noted,
        decrease: Severity::Noted,
        tally: &tally,
        nodes: &odd_nodes,
    };
    findings.extend(odd.findings());
}

/// The series of real containers, each with its node and, where it can be told, the uid of its pod.
fn containers<'a>(
    table: &'a SampleTable,
    state: &ClusterState<'a>,
    pods: &Pods<'a>,
    findings: &mut Vec<Finding>,
) -> Vec<ContainerSeries<'a>> {
    let mut all = Vec::new();
    let mut examined = 0;
    let mut unplaced: Vec<String> = Vec::new();
    for (series, ts_ms, value) in table.of_metric(CPU_METRIC) {
        let (namespace, pod, container) = (own_label(series, "namespace"), own_label(series, "pod"), own_label(series, "container"));
        let is_real = !container.is_empty() && container != "POD" && !pod.is_empty() && matches!(series.label("cpu"), "" | "total");
        if !is_real || ts_ms.is_empty() {
            continue;
        }
        examined += 1;
        let Some(node) = node_of(series, namespace, pod, state, pods) else {
            unplaced.push(format!("{namespace}/{pod}"));
            continue;
        };
        let id = series.label("id");
        let uid = uid_in_control_group(id).filter(|uid| uid.len() == UID_LENGTH || pods.by_uid.contains_key(&(node, uid.clone())));
        let uid = uid.unwrap_or_default();
        all.push(ContainerSeries { node, namespace, pod, uid, container, id, series, samples: Samples { ts_ms, value } });
    }
    let failing = unplaced.len();
    if failing > 0 {
        unplaced.sort_unstable();
        unplaced.dedup();
        let message = format!(
            "CPU time of {failing} containers could not be placed on a node and is not used: {}. Add a `node` label to the scrape of the kubelet.",
            listed(&unplaced)
        );
        findings.push(Finding::new("CPU_UNPLACED", Severity::Disclosed, message).examined(examined).failing(failing));
    }
    all
}

/// The node of a kubelet's series: by label, by the scraped address, else where `kube_pod_info` saw the pod.
fn node_of<'a>(series: &'a Series, namespace: &str, pod: &str, state: &ClusterState<'a>, pods: &Pods<'a>) -> Option<&'a str> {
    let instance = series.label("instance");
    labelled_node(series)
        .or_else(|| state.node_by_instance(instance))
        .or_else(|| pods.node_by_instance(instance))
        .or_else(|| state.pods_by_name(namespace, pod).map(|info| info.node).find(|node| !node.is_empty()))
}

/// A uid as the API writes it: 32 hexadecimal digits and four dashes.
const UID_LENGTH: usize = 36;

/// The pod's uid in a control group's path: `/kubepods/burstable/pod<uid>/<container>` or `…-pod<uid with underscores>.slice/…`.
/// A static pod has the 32 digits of a hash in its place.
fn uid_in_control_group(id: &str) -> Option<String> {
    id.split('/').find_map(|part| {
        let (_, uid) = part.strip_suffix(".slice").unwrap_or(part).rsplit_once("pod")?;
        let is_uid =
            matches!(uid.len(), 32 | UID_LENGTH) && uid.bytes().all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b'-' | b'_'));
        is_uid.then(|| uid.replace('_', "-"))
    })
}

/// Where the records of a pod are, by uid and by name.
struct Pods<'a> {
    by_uid: HashMap<(&'a str, String), usize>,
    by_name: HashMap<(&'a str, &'a str, &'a str), Vec<usize>>,
    nodes: HashSet<&'a str>,
}

impl<'a> Pods<'a> {
    fn of(records: &[PodRecord<'a>]) -> Self {
        let mut pods = Self { by_uid: HashMap::new(), by_name: HashMap::new(), nodes: HashSet::new() };
        for (i, record) in records.iter().enumerate() {
            pods.insert(i, record);
        }
        pods
    }

    fn insert(&mut self, i: usize, record: &PodRecord<'a>) {
        self.by_uid.insert((record.node, record.uid.clone()), i);
        self.by_name.entry((record.node, record.namespace, record.pod)).or_default().push(i);
        self.nodes.insert(record.node);
    }

    /// Where the kubelet had nothing to say before (a node on which nothing else ran), Kepler may have seen the pod being born.
    fn birth(&self, life: &ContainerSeries<'a>, records: &[PodRecord<'a>], samples: Samples, window: &Window) -> Start {
        let by_uid = self.by_uid.get(&(life.node, life.uid.clone())).filter(|_| !life.uid.is_empty());
        let by_name = || self.by_name.get(&(life.node, life.namespace, life.pod)).filter(|known| known.len() == 1).map(|known| &known[0]);
        let born = by_uid.or_else(by_name).and_then(|i| records[*i].born_since_ms);
        match (born, samples.ts_ms.first()) {
            (Some(since_ms), Some(first_ms)) if *first_ms > window.start_ms && since_ms < *first_ms => Start::Zero { since_ms },
            _ => Start::Anchor,
        }
    }

    fn node_by_instance(&self, instance: &str) -> Option<&'a str> {
        let host = instance.rsplit_once(':').map_or(instance, |(host, _)| host);
        self.nodes.get(host).copied()
    }

    /// Gives the rows of one life of a pod to its record.
    fn add(
        &mut self,
        life: &ContainerSeries<'a>,
        seen: (i64, i64),
        rows: Vec<(i32, i64)>,
        state: &ClusterState<'a>,
        window: &Window,
        records: &mut Vec<PodRecord<'a>>,
    ) {
        if !life.uid.is_empty() {
            let i = self.record_of(life, &life.uid, seen, records);
            add_rows(&mut records[i].cpu, &rows);
            return;
        }
        let mut candidates = self.by_name.get(&(life.node, life.namespace, life.pod)).cloned().unwrap_or_default();
        if candidates.is_empty() {
            let infos = state.pods_by_name(life.namespace, life.pod);
            for info in
                infos.filter(|info| (info.node == life.node || info.node.is_empty()) && window.overlaps(info.first_ms, info.last_ms))
            {
                candidates.push(self.record_of(life, info.uid, (info.first_ms, info.last_ms), records));
            }
        }
        if candidates.is_empty() {
            candidates.push(self.record_of(life, "", seen, records));
        }
        // A name that was used again: a step goes to the last pod of that name that was there before the step ended.
        candidates.sort_by_key(|i| records[*i].seen.0);
        let owner_of = |step: i32| {
            let step_end_ms = (i64::from(step) + 1) * window.step_ms;
            let there = candidates.partition_point(|i| records[*i].seen.0 < step_end_ms);
            candidates[there.saturating_sub(1)]
        };
        let owners: Vec<usize> = rows.iter().map(|(step, _)| owner_of(*step)).collect();
        let mut from = 0;
        for same in owners.chunk_by(|a, b| a == b) {
            add_rows(&mut records[same[0]].cpu, &rows[from..from + same.len()]);
            from += same.len();
        }
    }

    fn record_of(&mut self, life: &ContainerSeries<'a>, uid: &str, seen: (i64, i64), records: &mut Vec<PodRecord<'a>>) -> usize {
        if let Some(i) = self.by_uid.get(&(life.node, uid.to_owned()))
            && (!uid.is_empty() || (records[*i].namespace, records[*i].pod) == (life.namespace, life.pod))
        {
            return *i;
        }
        let ContainerSeries { node, namespace, pod, .. } = *life;
        let record = PodRecord {
            node,
            namespace,
            pod,
            uid: uid.to_owned(),
            seen,
            born_since_ms: None,
            last_ms: None,
            energy: Vec::new(),
            tail: Vec::new(),
            cpu: Vec::new(),
        };
        self.insert(records.len(), &record);
        records.push(record);
        records.len() - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_uid_is_read_from_either_kind_of_control_group() {
        let uid = Some("7c3c00ae-0bee-4342-89a4-bdbf401e8e02".to_owned());
        assert_eq!(uid_in_control_group("/kubepods/besteffort/pod7c3c00ae-0bee-4342-89a4-bdbf401e8e02/4a41"), uid);
        let slice = "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod7c3c00ae_0bee_4342_89a4_bdbf401e8e02.slice/cri-containerd-4a41.scope";
        assert_eq!(uid_in_control_group(slice), uid);
        assert_eq!(uid_in_control_group("/kubepods/burstable/pod1b/x"), None);
        assert_eq!(uid_in_control_group("/kubepods"), None);
        assert_eq!(uid_in_control_group("/kubepods/burstable/pod10f89a3e7a511b23391a83b30be06257").unwrap().len(), 32);
    }
}
