//! What the node meters say: energy and idle energy by node and step, and which power zones were added.
//!
//! In: Kepler's node counters of a day. Out: a [`NodeMeter`] for each node that was metered, and findings.
//! Rule (method, section 3): the widest meter without overlap; the node total is the hardware's value and so is never counted from zero
//! at its first sample; Kepler's `idle` restarts at a value that is not energy, so its first delta after a restart is dropped and that
//! energy stays in `(system)`.
//! Assumes: several `path` values of a zone are sockets that add up, unless Kepler exports the sum itself (`aggregated-<zone>`).
//! Does not: fill steps that no delta reaches.

use std::collections::{BTreeMap, BTreeSet};

use super::counters::{Merge, OnRestart, Reading, Samples, Start, StepSums, Tally, Window, difference};
use super::findings::{LARGEST_PLAUSIBLE_WATTS, Oddities, listed};
use super::state::existing;
use super::targets::{KeplerTargets, NODE_METRICS, POD_METRIC};
use super::zones::PowerZone;
use crate::model::{Finding, SampleTable, Severity};

/// A delta across more than this many scrape intervals is named as a hole.
const HOLE_INTERVALS: f64 = 2.5;

pub struct NodeMeter<'a> {
    pub node: &'a str,
    pub zones: Vec<PowerZone>,
    /// First and last sample of any node counter, also outside the day.
    pub span: (i64, i64),
    /// Step, metered mJ.
    pub metered: Vec<(i32, i64)>,
    /// Step, idle mJ.
    pub idle: Vec<(i32, i64)>,
}

/// The counters of one metric by node, zone and path; each may stand in several series (replicas, instances).
type Paths<'a> = BTreeMap<&'a str, Vec<Samples<'a>>>;
type Counters<'a> = BTreeMap<&'a str, BTreeMap<PowerZone, Paths<'a>>>;

/// Series by node, zone and path; a path that is only seen before or only after the day is no part of it.
fn counters_of<'a>(table: &'a SampleTable, metric: &str, window: &Window) -> Counters<'a> {
    let mut counters = Counters::new();
    for (series, ts_ms, value) in table.of_metric(metric) {
        if let Some(zone) = PowerZone::parse(series.label("zone")) {
            let zones = counters.entry(series.label("node_name")).or_default();
            zones.entry(zone).or_default().entry(series.label("path")).or_default().push(Samples { ts_ms, value });
        }
    }
    for zones in counters.values_mut() {
        for paths in zones.values_mut() {
            paths.retain(|_, parts| span_of(parts).is_some_and(|(first, last)| window.overlaps(first, last)));
            keep_what_adds_up(paths);
        }
        zones.retain(|_, paths| !paths.is_empty());
    }
    counters.retain(|_, zones| !zones.is_empty());
    counters
}

/// First and last time of series together.
fn span_of(parts: &[Samples]) -> Option<(i64, i64)> {
    parts.iter().filter_map(Samples::span).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
}

/// Drops paths whose energy another path of the same zone holds already: sockets beside their own sum, and the memory-mapped view of
/// the same registers.
fn keep_what_adds_up(paths: &mut Paths) {
    if paths.keys().any(|path| path.starts_with("aggregated-")) {
        paths.retain(|path, _| path.starts_with("aggregated-"));
    } else if paths.keys().any(|path| !path.contains("rapl-mmio")) {
        paths.retain(|path, _| !path.contains("rapl-mmio"));
    }
}

/// The power zones of every node that has a meter for itself or its pods: of the zones seen on the day, the widest set.
pub fn zone_choice<'a>(table: &'a SampleTable, window: &Window, findings: &mut Vec<Finding>) -> BTreeMap<&'a str, Vec<PowerZone>> {
    let mut choice = BTreeMap::new();
    let mut unknown: BTreeSet<String> = BTreeSet::new();
    let mut examined = 0;
    for metric in [NODE_METRICS[0], POD_METRIC] {
        let mut spans: BTreeMap<(&'a str, &'a str), (i64, i64)> = BTreeMap::new();
        for (series, first, last) in existing(table, metric) {
            let span = spans.entry((series.label("node_name"), series.label("zone"))).or_insert((first, last));
            *span = (span.0.min(first), span.1.max(last));
        }
        spans.retain(|_, (first, last)| window.overlaps(*first, *last));
        examined += spans.len();
        let mut present: BTreeMap<&'a str, Vec<PowerZone>> = BTreeMap::new();
        for (node, label) in spans.into_keys() {
            match PowerZone::parse(label) {
                Some(zone) => present.entry(node).or_default().push(zone),
                None => drop(unknown.insert(format!("`{label}` on {node}"))),
            }
        }
        for (node, zones) in present {
            choice.entry(node).or_insert_with(|| PowerZone::widest(&zones));
        }
    }
    if !unknown.is_empty() {
        let names: Vec<&String> = unknown.iter().collect();
        let message = format!(
            "Power zones of unknown meaning were left out: {}. Their energy may be missing or be part of another zone; check the exporter.",
            listed(&names)
        );
        findings.push(Finding::new("POWER_ZONE", Severity::Disclosed, message).examined(examined).failing(names.len()));
    }
    choice
}

/// Differences the meters of all nodes.
pub fn meter_nodes<'a>(
    table: &'a SampleTable,
    targets: &KeplerTargets,
    choice: &BTreeMap<&'a str, Vec<PowerZone>>,
    window: &Window,
    merge: &mut Merge,
    findings: &mut Vec<Finding>,
) -> Vec<NodeMeter<'a>> {
    let [total, active, idle] = NODE_METRICS.map(|metric| counters_of(table, metric, window));
    let mut sums = StepSums::new(*window);
    let (mut tally, mut idle_tally, mut holes) = (Tally::default(), Tally::default(), Holes::default());
    let mut odd_nodes: Vec<&str> = Vec::new();
    let mut meters = Vec::with_capacity(total.len());
    for (node, zones) in &total {
        let chosen = choice.get(node).cloned().unwrap_or_default();
        let before = tally.clone();
        for parts in chosen.iter().filter_map(|zone| zones.get(zone)).flat_map(BTreeMap::values) {
            let reading = Reading {
                start: Start::Anchor,
                on_restart: OnRestart::FromZero,
                restarts: &[],
                largest_per_second: LARGEST_PLAUSIBLE_WATTS,
            };
            difference(merge.of(parts), &reading, &mut sums, &mut tally);
        }
        let metered = sums.drain();
        if (tally.resets, tally.decreases, tally.implausible) != (before.resets, before.decreases, before.implausible) {
            odd_nodes.push(node);
        }
        for (zone, path, parts) in chosen.iter().flat_map(|zone| with_paths(&idle, node, *zone)) {
            let actives = active.get(node).and_then(|zones| zones.get(&zone)).and_then(|paths| paths.get(path));
            let fell_together = both_fell(parts, actives.map_or(&[][..], Vec::as_slice), merge);
            let mut restarts = [targets.restarts(node), &fell_together].concat();
            restarts.sort_unstable();
            let reading = Reading {
                start: Start::Anchor,
                on_restart: OnRestart::Drop,
                restarts: &restarts,
                largest_per_second: LARGEST_PLAUSIBLE_WATTS,
            };
            difference(merge.of(parts), &reading, &mut sums, &mut idle_tally);
        }
        let series: Vec<Samples> = chosen.iter().filter_map(|zone| zones.get(zone)).flat_map(BTreeMap::values).flatten().copied().collect();
        holes.look(node, &series, window);
        let Some(span) = span_of(&series) else { continue };
        meters.push(NodeMeter { node, zones: chosen, span, metered, idle: sums.drain() });
    }
    let odd = Oddities {
        kind: "node energy",
        unit: "J",
        reset: Severity::Disclosed,
        decrease: Severity::Disclosed,
        tally: &tally,
        nodes: &odd_nodes,
    };
    findings.extend(odd.findings());
    findings.extend(idle_finding(&idle_tally));
    findings.extend(holes.finding());
    meters
}

fn with_paths<'c, 'a>(
    counters: &'c Counters<'a>,
    node: &str,
    zone: PowerZone,
) -> impl Iterator<Item = (PowerZone, &'c &'a str, &'c Vec<Samples<'a>>)> + use<'c, 'a> {
    counters.get(node).and_then(|zones| zones.get(&zone)).into_iter().flatten().map(move |(path, parts)| (zone, path, parts))
}

/// Times at which both counters fell: Kepler restarted, whether or not it says so.
fn both_fell(idle: &[Samples], active: &[Samples], merge: &mut Merge) -> Vec<i64> {
    let mut falls = |parts: &[Samples]| -> Vec<i64> {
        let Samples { ts_ms, value } = merge.of(parts);
        (1..value.len()).filter(|i| value[*i] < value[i - 1]).map(|i| ts_ms[i]).collect()
    };
    let idle_falls = falls(idle);
    if idle_falls.is_empty() {
        return idle_falls;
    }
    let active_falls = falls(active);
    idle_falls.into_iter().filter(|t| active_falls.binary_search(t).is_ok()).collect()
}

fn idle_finding(tally: &Tally) -> Option<Finding> {
    let odd = tally.dropped_at_restart + tally.resets + tally.decreases + tally.implausible;
    (odd > 0).then(|| {
        let message = format!(
            "Kepler's idle counters restarted {} times ({} deltas dropped, that energy stays in (system)), fell {} times and were implausible {} times.",
            tally.dropped_at_restart + tally.resets,
            tally.dropped_at_restart,
            tally.decreases,
            tally.implausible
        );
        Finding::new("IDLE_RESTART", Severity::Noted, message).examined(tally.deltas as usize).failing(odd as usize)
    })
}

/// Scrapes that are missing on the way from one sample of a node to the next.
#[derive(Default)]
struct Holes {
    examined: usize,
    count: usize,
    names: Vec<String>,
}

impl Holes {
    fn look(&mut self, node: &str, series: &[Samples], window: &Window) {
        let Some(longest) = series.iter().max_by_key(|samples| samples.ts_ms.len()) else { return };
        // The median is of one series: together, the scrapes of two servers lie unevenly.
        let mut intervals: Vec<i64> = longest.ts_ms.windows(2).map(|pair| pair[1] - pair[0]).collect();
        if intervals.is_empty() {
            return;
        }
        let middle = intervals.len() / 2;
        let median = *intervals.select_nth_unstable(middle).1;
        let mut times: Vec<i64> = series.iter().flat_map(|samples| samples.ts_ms).copied().collect();
        times.sort_unstable();
        times.dedup();
        self.examined += times.len().saturating_sub(1);
        let is_hole = |pair: &&[i64]| {
            (pair[1] - pair[0]) as f64 > HOLE_INTERVALS * median as f64 && pair[1] > window.start_ms && pair[0] < window.end_ms
        };
        let lengths: Vec<i64> = times.windows(2).filter(is_hole).map(|pair| (pair[1] - pair[0]) / 1_000).collect();
        if let Some(longest) = lengths.iter().max() {
            self.count += lengths.len();
            self.names.push(match lengths.len() {
                1 => format!("{node} {longest} s"),
                n => format!("{node} {n} times, {} s in all, the longest {longest} s", lengths.iter().sum::<i64>()),
            });
        }
    }

    fn finding(&self) -> Option<Finding> {
        (self.count > 0).then(|| {
            let message = format!(
                "Scrapes of node meters are missing: {}. The counters carry the energy across, spread evenly over the hole.",
                listed(&self.names)
            );
            Finding::new("HOLE", Severity::Noted, message).examined(self.examined).failing(self.count)
        })
    }
}
