//! From what a server returned to what a day's evidence keeps.
//!
//! In: samples by series, over the day and its edges. Out: the same, with labels settled, doubles dropped and edges cut to one sample.
//! Rule: an exporter's own label wins over the scrape's (`exported_x`); a counter keeps every sample of the day and one on each side
//! (method, section 3); a state keeps both ends of every run of one value. Assumes: `instance` names the scrape target.
//! Does not: change a value or a time.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::columns::{Columns, Joined, Labels};
use super::questions::Kind;

/// Labels that name the target and stay the scrape's own.
const TARGET_LABELS: [&str; 2] = ["instance", "job"];
/// kubectl's copy of the manifest: large, of no use here, and a place where secrets lie.
const DROPPED_LABEL: &str = "annotation_kubectl_kubernetes_io_last_applied_configuration";
/// Samples of one scrape may be so far apart: the kubelet stamps containers one by one.
const SCRAPE_SPREAD_MS: i64 = 120_000;
/// A run of one value ends at a hole longer than this, so that presence is known to the quarter of an hour.
const LONGEST_RUN_HOLE_MS: i64 = 900_000;

/// Drops what tells replicas apart, renames `exported_x` to `x`, and gives back which labels clashed.
///
/// Where one series of a metric has `exported_x`, the plain `x` of its other series is the scrape's as well (the exporter's was empty) and goes.
pub fn settle_labels(columns: &mut Columns, replica_labels: &[String]) -> BTreeSet<String> {
    let mut clashing = BTreeSet::new();
    for label in columns.labels().flat_map(BTreeMap::keys) {
        if let Some(own) = label.strip_prefix("exported_")
            && !TARGET_LABELS.contains(&own)
        {
            clashing.insert(own.to_owned());
        }
    }
    columns.relabel(|mut labels| {
        labels.remove(DROPPED_LABEL);
        for label in replica_labels {
            labels.remove(label);
        }
        for label in &clashing {
            match labels.remove(&format!("exported_{label}")) {
                Some(own) => labels.insert(label.clone(), own),
                None => labels.remove(label),
            };
        }
        labels
    });
    clashing
}

/// Containers once: pods' own cgroups and pause containers go, and so do rows of `/metrics/resource` where cAdvisor's are there too.
pub fn containers_once(joined: &mut Joined) {
    let key = |labels: &Labels| ["instance", "namespace", "pod", "container"].map(|label| labels.get(label).cloned().unwrap_or_default());
    joined.series.retain(|(labels, _)| !matches!(labels.get("container").map(String::as_str), None | Some("" | "POD")));
    let with_id: BTreeSet<_> =
        joined.series.iter().filter(|(labels, _)| labels.contains_key("id")).map(|(labels, _)| key(labels)).collect();
    joined.series.retain(|(labels, _)| labels.contains_key("id") || !with_id.contains(&key(labels)));
}

/// Targets that were seen on the day: those without a sample on the side before it, and those without one behind it.
pub fn targets_without_edge(columns: &Columns, day_ms: &Range<i64>) -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut before, mut during, mut after) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for (labels, parts) in columns.parts() {
        for times in parts {
            let (first, last) = split(times, day_ms);
            let sides = [(0..first, &mut before), (first..last, &mut during), (last..times.len(), &mut after)];
            for (_, targets) in sides.into_iter().filter(|(side, _)| !side.is_empty()) {
                targets.insert(target(labels).to_owned());
            }
        }
    }
    (during.difference(&before).cloned().collect(), during.difference(&after).cloned().collect())
}

/// When targets were scraped last before the day and first behind it, milliseconds. All questions of a target say it together.
#[derive(Debug, Default)]
pub struct TargetEdges(BTreeMap<String, (i64, i64)>);

impl TargetEdges {
    pub fn note(&mut self, joined: &Joined, day_ms: &Range<i64>) {
        for (labels, part) in &joined.series {
            let times = joined.times(part);
            let (first, last) = split(times, day_ms);
            let name = target(labels);
            if !self.0.contains_key(name) {
                self.0.insert(name.to_owned(), (i64::MIN, i64::MAX));
            }
            let edge = self.0.get_mut(name).expect("it was put there");
            edge.0 = times[..first].last().map_or(edge.0, |before| edge.0.max(*before));
            edge.1 = times[last..].first().map_or(edge.1, |after| edge.1.min(*after));
        }
    }

    fn of(&self, labels: &Labels) -> (i64, i64) {
        self.0.get(target(labels)).copied().unwrap_or((i64::MIN, i64::MAX))
    }
}

/// Cuts to the day and one sample on each side.
///
/// A series without a sample on the day stays only where an edge sample of it may still say something of the day: both edges are there
/// (a hole), or it was in its target's last scrape before the day or in the first behind it (it ends, or was born, across midnight).
pub fn cut(joined: &mut Joined, day_ms: &Range<i64>, kind: Kind, edges: &TargetEdges) {
    let ts_ms = &joined.ts_ms;
    joined.series.retain_mut(|(labels, part)| {
        let times = &ts_ms[part.clone()];
        let (first, last) = split(times, day_ms);
        let (target_before, target_after) = edges.of(labels);
        let before = times[..first].last();
        let after = times[last..].first();
        let is_kept = if first < last {
            true
        } else if kind == Kind::NodeState {
            false
        } else {
            (before.is_some() && after.is_some())
                || before.is_some_and(|ts_ms| *ts_ms >= target_before.saturating_sub(SCRAPE_SPREAD_MS))
                || after.is_some_and(|ts_ms| *ts_ms <= target_after.saturating_add(SCRAPE_SPREAD_MS))
        };
        *part = part.start + first.saturating_sub(1)..(part.start + last + 1).min(part.end);
        is_kept
    });
}

/// Which samples of a series are kept of those that [`cut`] left: all of a counter, and both ends of every run of one value of a state.
pub fn kept<'a>(joined: &'a Joined, part: &Range<usize>, kind: Kind) -> impl Iterator<Item = (i64, f64)> + use<'a> {
    let (ts_ms, value) = (&joined.ts_ms[part.clone()], &joined.value[part.clone()]);
    let continues = move |i: usize| value[i - 1] == value[i] && ts_ms[i] - ts_ms[i - 1] <= LONGEST_RUN_HOLE_MS;
    let is_within = move |i: usize| i > 0 && i + 1 < ts_ms.len() && continues(i) && continues(i + 1);
    (0..ts_ms.len()).filter(move |i| matches!(kind, Kind::Counter | Kind::Gauge) || !is_within(*i)).map(move |i| (ts_ms[i], value[i]))
}

/// Where the day starts and ends in a series' samples.
fn split(times: &[i64], day_ms: &Range<i64>) -> (usize, usize) {
    (times.partition_point(|ts_ms| *ts_ms < day_ms.start), times.partition_point(|ts_ms| *ts_ms < day_ms.end))
}

fn target(labels: &Labels) -> &str {
    labels.get("instance").map_or("", String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Range<i64> = 10_000_000..20_000_000;
    type Samples = BTreeMap<Labels, Vec<(i64, f64)>>;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn columns(samples: Samples) -> Columns {
        let mut columns = Columns::default();
        for (labels, samples) in samples {
            let start = columns.len();
            samples.iter().for_each(|(ts_ms, value)| columns.push(*ts_ms, *value));
            columns.close(labels, start);
        }
        columns
    }

    fn cut(samples: Samples, day_ms: &Range<i64>, kind: Kind) -> Samples {
        let mut joined = columns(samples).join();
        let mut edges = TargetEdges::default();
        edges.note(&joined, day_ms);
        super::cut(&mut joined, day_ms, kind, &edges);
        joined.series.iter().map(|(labels, part)| (labels.clone(), kept(&joined, part, kind).collect())).collect()
    }

    fn settle_labels(samples: Samples) -> (Vec<Labels>, BTreeSet<String>) {
        let mut columns = columns(samples);
        let clashing = super::settle_labels(&mut columns, &["replica".to_owned()]);
        (columns.labels().cloned().collect(), clashing)
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
        assert_eq!(settled, expected);
    }

    #[test]
    fn the_target_keeps_its_name_and_secrets_stay_out() {
        let series =
            labels(&[("exported_instance", "x"), ("instance", "10.0.0.1:1"), ("replica", "a"), (DROPPED_LABEL, "{\"env\":\"hunter2\"}")]);
        let (settled, clashing) = settle_labels(Samples::from([(series, vec![(1, 1.0)])]));
        assert!(clashing.is_empty());
        assert_eq!(settled[0], labels(&[("exported_instance", "x"), ("instance", "10.0.0.1:1")]));
    }

    #[test]
    fn a_container_that_two_endpoints_serve_is_there_once() {
        let cadvisor = labels(&[("container", "c"), ("pod", "p"), ("namespace", "n"), ("instance", "k"), ("id", "/kubepods/x")]);
        let resource = labels(&[("container", "c"), ("pod", "p"), ("namespace", "n"), ("instance", "k")]);
        let resource_only = labels(&[("container", "c"), ("pod", "q"), ("namespace", "n"), ("instance", "k")]);
        let pause = labels(&[("container", "POD"), ("pod", "p"), ("namespace", "n"), ("instance", "k"), ("id", "/kubepods/y")]);
        let all = [&cadvisor, &resource, &resource_only, &pause].map(|series| (series.clone(), vec![(1, 1.0)]));
        let mut joined = columns(Samples::from(all)).join();
        containers_once(&mut joined);
        let kept: BTreeSet<_> = joined.series.into_iter().map(|(labels, _)| labels).collect();
        assert_eq!(kept, BTreeSet::from([cadvisor, resource_only]));
    }

    #[test]
    fn a_target_without_a_neighbour_is_named() {
        let samples = Samples::from([
            (labels(&[("instance", "a")]), vec![(9_000_000, 1.0), (15_000_000, 1.0)]),
            (labels(&[("instance", "b")]), vec![(15_000_000, 1.0), (21_000_000, 1.0)]),
        ]);
        let (before, after) = targets_without_edge(&columns(samples), &DAY);
        assert_eq!((before, after), (BTreeSet::from(["b".to_owned()]), BTreeSet::from(["a".to_owned()])));
    }
}
