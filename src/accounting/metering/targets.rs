//! When the exporters were scraped, and when they restarted.
//!
//! In: the samples of a day. Out: for each instance of an exporter its scrape times, for each node the first scrapes after a restart, for
//! each kubelet the times of its containers' samples. Rule (method, section 3, first sample): a counter born while its target was being
//! scraped counts from zero, since the scrape before; one that is there at the first scrape is an anchor.
//! Assumes: a target is `instance` and `job` (and the node it speaks of). Does not: look at values of energy.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::counters::{Samples, Start, Window};
use super::meters::{NodeSeries, PodSeries};
use crate::model::{SampleTable, Series};

pub const CPU_METRIC: &str = "container_cpu_usage_seconds_total";
const PROCESS_START_METRIC: &str = "process_start_time_seconds";

/// A process' start time follows the machine's clock and may move by a second when the clock is stepped; a restart moves it further.
const CLOCK_STEP_S: f64 = 1.0;
/// The kubelet stamps containers of one scrape up to some 20 s apart, so those of a first scrape are told from newborn ones by this.
const FIRST_SCRAPE_MS: i64 = 30_000;
/// Samples of the kubelet this close together belong to one scrape.
const SAME_SCRAPE_MS: i64 = 1_000;

/// Who an exporter's samples come from: instance, job, and the node they speak of.
pub type Target<'a> = (&'a str, &'a str, &'a str);

pub fn target<'a>(series: &'a Series, node: &'a str) -> Target<'a> {
    (series.label("instance"), series.label("job"), node)
}

/// Scrape times of every instance of a family's exporter, and restarts by node.
#[derive(Default)]
pub struct Scrapes<'a> {
    times: BTreeMap<Target<'a>, Vec<i64>>,
    restarts: BTreeMap<&'a str, Vec<i64>>,
}

impl<'a> Scrapes<'a> {
    pub fn of(nodes: &[NodeSeries<'a>], pods: &[PodSeries<'a>], table: &SampleTable) -> Self {
        let mut slices: BTreeMap<Target, Vec<&[i64]>> = BTreeMap::new();
        for series in nodes {
            let known = slices.entry(series.target).or_default();
            let ts_ms = series.curve.samples().ts_ms;
            // All node counters of a scrape carry its time, so one slice mostly stands for all.
            if !known.contains(&ts_ms) {
                known.push(ts_ms);
            }
        }
        let with_node_counters: BTreeSet<Target> = slices.keys().copied().collect();
        for series in pods.iter().filter(|series| !with_node_counters.contains(&series.target)) {
            slices.entry(series.target).or_default().push(series.curve.samples().ts_ms);
        }
        let times: BTreeMap<Target, Vec<i64>> = slices.into_iter().map(|(key, slices)| (key, union(&slices))).collect();
        let restarts = restarts(table, &times);
        Self { times, restarts }
    }

    /// Where a counter begins whose first sample is of this target.
    pub fn start(&self, target: &Target, first_ms: i64) -> Start {
        let scrapes = self.times.get(target).map_or(&[][..], Vec::as_slice);
        match scrapes.partition_point(|t| *t < first_ms) {
            0 => Start::Anchor,
            n => Start::Zero { since_ms: scrapes[n - 1] },
        }
    }

    /// Whether a target was scraped again after a time and before another.
    pub fn is_followed(&self, target: &Target, last_ms: i64, end_ms: i64) -> bool {
        let scrapes = self.times.get(target).map_or(&[][..], Vec::as_slice);
        scrapes.get(scrapes.partition_point(|t| *t <= last_ms)).is_some_and(|t| *t < end_ms)
    }

    /// Times of the first scrape after each restart of the exporter on a node, sorted.
    pub fn restarts(&self, node: &str) -> &[i64] {
        self.restarts.get(node).map_or(&[], Vec::as_slice)
    }
}

fn union(slices: &[&[i64]]) -> Vec<i64> {
    let mut times = slices.concat();
    times.sort_unstable();
    times.dedup();
    times
}

/// A restart is a later process start than any before, on any instance of the node.
fn restarts<'a>(table: &SampleTable, scrapes: &BTreeMap<Target<'a>, Vec<i64>>) -> BTreeMap<&'a str, Vec<i64>> {
    let mut nodes: BTreeMap<(&str, &str), &'a str> = BTreeMap::new();
    for (instance, job, node) in scrapes.keys() {
        nodes.insert((instance, job), node);
    }
    let mut starts: BTreeMap<&'a str, Vec<(i64, f64)>> = BTreeMap::new();
    for (series, ts_ms, value) in table.of_metric(PROCESS_START_METRIC) {
        if let Some(node) = nodes.get(&(series.label("instance"), series.label("job"))) {
            let samples = ts_ms.iter().copied().zip(value.iter().copied()).filter(|(_, value)| value.is_finite());
            starts.entry(node).or_default().extend(samples);
        }
    }
    let seen = starts.into_iter().map(|(node, mut samples)| {
        samples.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
        let mut latest = f64::INFINITY;
        let mut times = Vec::new();
        for (i, (ts_ms, start)) in samples.into_iter().enumerate() {
            if i == 0 {
                latest = start;
            } else if start > latest + CLOCK_STEP_S {
                latest = start;
                times.push(ts_ms);
            }
        }
        (node, times)
    });
    seen.collect()
}

/// Sample times of the kubelets. Containers carry their own stamps, so there is no common scrape time to look up.
pub struct KubeletTargets<'a> {
    instances: HashMap<(&'a str, &'a str), Kubelet<'a>>,
}

struct Kubelet<'a> {
    series: Vec<&'a [i64]>,
    first_ms: i64,
    second_scrape_ms: i64,
}

impl<'a> KubeletTargets<'a> {
    pub fn of(table: &'a SampleTable) -> Self {
        let mut instances: HashMap<(&str, &str), Kubelet> = HashMap::new();
        for (series, ts_ms, _) in table.of_metric(CPU_METRIC) {
            let empty = || Kubelet { series: Vec::new(), first_ms: i64::MAX, second_scrape_ms: i64::MAX };
            let kubelet = instances.entry((series.label("instance"), series.label("job"))).or_insert_with(empty);
            kubelet.series.push(ts_ms);
            kubelet.first_ms = kubelet.first_ms.min(ts_ms.first().copied().unwrap_or(i64::MAX));
            kubelet.second_scrape_ms = kubelet.second_scrape_ms.min(ts_ms.get(1).copied().unwrap_or(i64::MAX));
        }
        Self { instances }
    }

    /// Where a container's counter begins whose first sample is in this series.
    ///
    /// A kubelet first seen within the window: what comes with its first scrape is an anchor. One seen before: whatever has no sample
    /// before the window is new, since the evidence holds one sample of each series before the day.
    pub fn start(&self, series: &Series, samples: Samples, window: &Window) -> Start {
        let (Some(kubelet), Some((first_ms, _))) = (self.instances.get(&(series.label("instance"), series.label("job"))), samples.span())
        else {
            return Start::Anchor;
        };
        if first_ms <= window.start_ms {
            // Its birth lies before the window, so nothing of it is counted here.
            return Start::Anchor;
        }
        if kubelet.first_ms >= window.start_ms && first_ms < kubelet.second_scrape_ms.max(kubelet.first_ms + FIRST_SCRAPE_MS) {
            return Start::Anchor;
        }
        let before = |ts_ms: &&[i64]| ts_ms.partition_point(|t| *t <= first_ms - SAME_SCRAPE_MS).checked_sub(1).map(|i| ts_ms[i]);
        match kubelet.series.iter().filter_map(before).max() {
            Some(since_ms) => Start::Zero { since_ms },
            None => Start::Anchor,
        }
    }
}
