//! From what a server returned to what a day's evidence keeps.
//!
//! In: samples by series, over the day and its edges. Out: the same, with labels settled, doubles dropped and edges cut to one sample.
//! Rule: an exporter's own label wins over the scrape's (`exported_x`); a counter keeps every sample of the day and one on each side
//! (method, section 3); a state keeps both ends of every run of one value. Assumes: `instance` names the scrape target.
//! Does not: change a value or a time.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::questions::Kind;
use super::windows::Samples;

/// Labels that name the target and stay the scrape's own.
const TARGET_LABELS: [&str; 2] = ["instance", "job"];
/// kubectl's copy of the manifest: large, of no use here, and a place where secrets lie.
const DROPPED_LABEL: &str = "annotation_kubectl_kubernetes_io_last_applied_configuration";
/// Samples of one scrape may be so far apart: the kubelet stamps containers one by one.
const SCRAPE_SPREAD_MS: i64 = 120_000;
/// A run of one value ends at a hole longer than this, so that presence is known to the quarter of an hour.
const LONGEST_RUN_HOLE_MS: i64 = 900_000;

/// Renames `exported_x` to `x` and gives back which labels clashed.
///
/// Where one series of a metric has `exported_x`, the plain `x` of its other series is the scrape's as well (the exporter's was empty) and goes.
pub fn settle_labels(samples: Samples) -> (Samples, BTreeSet<String>) {
    let mut clashing = BTreeSet::new();
    for label in samples.keys().flat_map(BTreeMap::keys) {
        if let Some(own) = label.strip_prefix("exported_")
            && !TARGET_LABELS.contains(&own)
        {
            clashing.insert(own.to_owned());
        }
    }
    let mut settled = Samples::new();
    for (mut labels, values) in samples {
        labels.remove(DROPPED_LABEL);
        for label in &clashing {
            match labels.remove(&format!("exported_{label}")) {
                Some(own) => labels.insert(label.clone(), own),
                None => labels.remove(label),
            };
        }
        let all = settled.entry(labels).or_default();
        all.extend(values);
        all.sort_by_key(|sample| sample.0);
    }
    (settled, clashing)
}

/// Containers once: pods' own cgroups and pause containers go, and so do rows of `/metrics/resource` where cAdvisor's are there too.
pub fn containers_once(mut samples: Samples) -> Samples {
    let key = |labels: &BTreeMap<String, String>| {
        ["instance", "namespace", "pod", "container"].map(|label| labels.get(label).cloned().unwrap_or_default())
    };
    samples.retain(|labels, _| !matches!(labels.get("container").map(String::as_str), None | Some("" | "POD")));
    let with_id: BTreeSet<_> = samples.keys().filter(|labels| labels.contains_key("id")).map(key).collect();
    samples.retain(|labels, _| labels.contains_key("id") || !with_id.contains(&key(labels)));
    samples
}

/// Targets that were seen on the day: those without a sample on the side before it, and those without one behind it.
pub fn targets_without_edge(samples: &Samples, day_ms: &Range<i64>) -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut before, mut during, mut after) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for (labels, values) in samples {
        let (first, last) = split(values, day_ms);
        let parts = [(0..first, &mut before), (first..last, &mut during), (last..values.len(), &mut after)];
        for (_, targets) in parts.into_iter().filter(|(part, _)| !part.is_empty()) {
            targets.insert(target(labels).to_owned());
        }
    }
    (during.difference(&before).cloned().collect(), during.difference(&after).cloned().collect())
}

/// When targets were scraped last before the day and first behind it, milliseconds. All questions of a target say it together.
#[derive(Debug, Default)]
pub struct TargetEdges(BTreeMap<String, (i64, i64)>);

impl TargetEdges {
    pub fn note(&mut self, samples: &Samples, day_ms: &Range<i64>) {
        for (labels, values) in samples {
            let (first, last) = split(values, day_ms);
            let edge = self.0.entry(target(labels).to_owned()).or_insert((i64::MIN, i64::MAX));
            if let Some(before) = values[..first].last() {
                edge.0 = edge.0.max(before.0);
            }
            if let Some(after) = values[last..].first() {
                edge.1 = edge.1.min(after.0);
            }
        }
    }

    fn of(&self, labels: &BTreeMap<String, String>) -> (i64, i64) {
        self.0.get(target(labels)).copied().unwrap_or((i64::MIN, i64::MAX))
    }
}

/// Cuts to the day and one sample on each side.
///
/// A series without a sample on the day stays only where an edge sample of it may still say something of the day: both edges are there
/// (a hole), or it was in its target's last scrape before the day or in the first behind it (it ends, or was born, across midnight).
pub fn cut(samples: Samples, day_ms: &Range<i64>, kind: Kind, edges: &TargetEdges) -> Samples {
    let mut kept = Samples::new();
    for (labels, values) in samples {
        let (first, last) = split(&values, day_ms);
        let (target_before, target_after) = edges.of(&labels);
        let before = values[..first].last();
        let after = values[last..].first();
        let is_kept = if first < last {
            true
        } else if kind == Kind::NodeState {
            false
        } else {
            (before.is_some() && after.is_some())
                || before.is_some_and(|sample| sample.0 >= target_before.saturating_sub(SCRAPE_SPREAD_MS))
                || after.is_some_and(|sample| sample.0 <= target_after.saturating_add(SCRAPE_SPREAD_MS))
        };
        if is_kept {
            let range = first.saturating_sub(1)..(last + 1).min(values.len());
            let values = values[range].to_vec();
            kept.insert(labels, if matches!(kind, Kind::Counter | Kind::Gauge) { values } else { runs(&values) });
        }
    }
    kept
}

/// The first and the last sample of every run of one value.
fn runs(samples: &[(i64, f64)]) -> Vec<(i64, f64)> {
    let continues = |a: &(i64, f64), b: &(i64, f64)| a.1 == b.1 && b.0 - a.0 <= LONGEST_RUN_HOLE_MS;
    let mut kept = Vec::new();
    for run in samples.chunk_by(continues) {
        kept.push(run[0]);
        if run.len() > 1 {
            kept.push(run[run.len() - 1]);
        }
    }
    kept
}

/// Where the day starts and ends in a series' samples.
fn split(samples: &[(i64, f64)], day_ms: &Range<i64>) -> (usize, usize) {
    (samples.partition_point(|sample| sample.0 < day_ms.start), samples.partition_point(|sample| sample.0 < day_ms.end))
}

fn target(labels: &BTreeMap<String, String>) -> &str {
    labels.get("instance").map_or("", String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Range<i64> = 10_000_000..20_000_000;

    fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn cut(samples: Samples, day_ms: &Range<i64>, kind: Kind) -> Samples {
        let mut edges = TargetEdges::default();
        edges.note(&samples, day_ms);
        super::cut(samples, day_ms, kind, &edges)
    }

    #[test]
    fn a_counter_keeps_the_day_and_one_sample_on_each_side() {
        let series = labels(&[("instance", "a")]);
        let times = [8_000_000, 9_000_000, 10_000_000, 15_000_000, 19_999_999, 20_000_000, 21_000_000];
        let samples = Samples::from([(series.clone(), times.iter().map(|ts| (*ts, 1.0)).collect())]);
        let kept: Vec<i64> = cut(samples, &DAY, Kind::Counter)[&series].iter().map(|sample| sample.0).collect();
        assert_eq!(kept, [9_000_000, 10_000_000, 15_000_000, 19_999_999, 20_000_000]);
    }

    #[test]
    fn a_series_of_the_edges_alone_stays_only_where_it_meets_the_day() {
        let node = labels(&[("instance", "a"), ("node", "n")]);
        let ended_long_ago = labels(&[("instance", "a"), ("pod", "old")]);
        let ended_at_midnight = labels(&[("instance", "a"), ("pod", "late")]);
        let born_at_midnight = labels(&[("instance", "a"), ("pod", "new")]);
        let born_later = labels(&[("instance", "a"), ("pod", "newer")]);
        let across_a_hole = labels(&[("instance", "b"), ("pod", "hole")]);
        let samples = Samples::from([
            (node.clone(), vec![(9_990_000, 1.0), (15_000_000, 2.0), (20_005_000, 3.0)]),
            (ended_long_ago.clone(), vec![(8_000_000, 1.0)]),
            (ended_at_midnight.clone(), vec![(9_990_000, 1.0)]),
            (born_at_midnight.clone(), vec![(20_005_000, 1.0)]),
            (born_later.clone(), vec![(22_000_000, 1.0)]),
            (across_a_hole.clone(), vec![(9_000_000, 1.0), (21_000_000, 1.0)]),
        ]);
        let kept: BTreeSet<_> = cut(samples, &DAY, Kind::Counter).into_keys().collect();
        assert_eq!(kept, BTreeSet::from([node, ended_at_midnight, born_at_midnight, across_a_hole]));
    }

    #[test]
    fn a_state_keeps_the_ends_of_its_runs() {
        let minute = 60_000;
        let series = labels(&[("instance", "a")]);
        let values = [0.0, 0.0, 0.0, 1.0, 0.0, 0.0];
        let mut samples: Vec<_> = values.iter().enumerate().map(|(i, value)| (DAY.start + i as i64 * minute, *value)).collect();
        // A hole of twenty minutes ends a run although the value is the same.
        samples.push((DAY.start + 25 * minute, 0.0));
        let kept = cut(Samples::from([(series.clone(), samples)]), &DAY, Kind::State);
        let minutes: Vec<_> = kept[&series].iter().map(|(ts, value)| ((ts - DAY.start) / minute, *value)).collect();
        assert_eq!(minutes, [(0, 0.0), (2, 0.0), (3, 1.0), (4, 0.0), (5, 0.0), (25, 0.0)]);
    }

    #[test]
    fn a_node_that_went_before_the_day_is_not_in_it() {
        let samples = Samples::from([(labels(&[("node", "n")]), vec![(9_999_000, 1.0)])]);
        assert!(cut(samples, &DAY, Kind::NodeState).is_empty());
    }

    #[test]
    fn the_exporters_own_label_wins() {
        let clashed = labels(&[("exported_namespace", "shop"), ("namespace", "monitoring"), ("exported_node", "n1"), ("node", "ksm-node")]);
        // An unscheduled pod has no node of its own; the exporter's node must not become it.
        let unscheduled = labels(&[("exported_namespace", "shop"), ("namespace", "monitoring"), ("node", "ksm-node"), ("pod", "p")]);
        let samples = Samples::from([(clashed, vec![(1, 1.0)]), (unscheduled, vec![(1, 1.0)])]);
        let (settled, clashing) = settle_labels(samples);
        assert_eq!(clashing, BTreeSet::from(["namespace".to_owned(), "node".to_owned()]));
        let expected = [labels(&[("namespace", "shop"), ("node", "n1")]), labels(&[("namespace", "shop"), ("pod", "p")])];
        assert_eq!(settled.into_keys().collect::<BTreeSet<_>>(), BTreeSet::from(expected));
    }

    #[test]
    fn the_target_keeps_its_name_and_secrets_stay_out() {
        let series = labels(&[("exported_instance", "x"), ("instance", "10.0.0.1:1"), (DROPPED_LABEL, "{\"env\":\"hunter2\"}")]);
        let (settled, clashing) = settle_labels(Samples::from([(series, vec![(1, 1.0)])]));
        assert!(clashing.is_empty());
        assert_eq!(settled.into_keys().next().unwrap(), labels(&[("exported_instance", "x"), ("instance", "10.0.0.1:1")]));
    }

    #[test]
    fn a_container_that_two_endpoints_serve_is_there_once() {
        let cadvisor = labels(&[("container", "c"), ("pod", "p"), ("namespace", "n"), ("instance", "k"), ("id", "/kubepods/x")]);
        let resource = labels(&[("container", "c"), ("pod", "p"), ("namespace", "n"), ("instance", "k")]);
        let resource_only = labels(&[("container", "c"), ("pod", "q"), ("namespace", "n"), ("instance", "k")]);
        let pause = labels(&[("container", "POD"), ("pod", "p"), ("namespace", "n"), ("instance", "k"), ("id", "/kubepods/y")]);
        let all = [&cadvisor, &resource, &resource_only, &pause].map(|series| (series.clone(), vec![(1, 1.0)]));
        let kept: BTreeSet<_> = containers_once(Samples::from(all)).into_keys().collect();
        assert_eq!(kept, BTreeSet::from([cadvisor, resource_only]));
    }

    #[test]
    fn a_target_without_a_neighbour_is_named() {
        let samples = Samples::from([
            (labels(&[("instance", "a")]), vec![(9_000_000, 1.0), (15_000_000, 1.0)]),
            (labels(&[("instance", "b")]), vec![(15_000_000, 1.0), (21_000_000, 1.0)]),
        ]);
        let (before, after) = targets_without_edge(&samples, &DAY);
        assert_eq!((before, after), (BTreeSet::from(["b".to_owned()]), BTreeSet::from(["a".to_owned()])));
    }
}
