//! What the node meters say: energy and idle energy by node and step, and which power zones were added.
//!
//! In: one family's node counters of a day. Out: a [`NodeMeter`] for each node that it metered, and findings.
//! Rule (method, section 3): the widest meter without overlap; the node total is the hardware's value and so is never counted from zero
//! at its first sample; Kepler's `idle` restarts at a value that is not energy, so its first delta after a restart is dropped and that
//! energy stays in `(system)`.
//! Assumes: several `path` values of a zone are sockets that add up, unless Kepler exports the sum itself (`aggregated-<zone>`).
//! Does not: fill steps that no delta reaches.

use std::collections::BTreeMap;

use super::counters::{Merge, OnRestart, Reading, Samples, Start, Tally, Window, difference};
use super::findings::{LARGEST_PLAUSIBLE_WATTS, Oddities, listed};
use super::meters::{NodeSeries, Part, Readings, RestartRule};
use super::trace::{self, Role, TracedCounter, Tracer};
use super::zones::PowerZone;
use crate::model::{Finding, Severity};

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
    /// The exporter's own estimate and no measurement.
    pub is_estimate: bool,
}

/// The counters of one part by node, zone and path; each may stand in several series (replicas, instances).
type Paths<'r> = BTreeMap<&'r str, Vec<Samples<'r>>>;
type Counters<'r, 'a> = BTreeMap<&'a str, BTreeMap<PowerZone, Paths<'r>>>;

/// Series by node, zone and path; a path that is only seen before or only after the day is no part of it.
fn counters_of<'r, 'a>(readings: &'r Readings<'a>, part: Part, window: &Window) -> Counters<'r, 'a> {
    let mut counters = Counters::new();
    for series in readings.nodes.iter().filter(|series| series.part == part) {
        let zones = counters.entry(series.node).or_default();
        zones.entry(series.zone).or_default().entry(&*series.path).or_default().push(series.curve.samples());
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
pub fn zone_choice<'a>(readings: &Readings<'a>, window: &Window) -> BTreeMap<&'a str, Vec<PowerZone>> {
    let mut choice = BTreeMap::new();
    let nodes = readings.nodes.iter().filter(|series| series.part == Part::Total);
    let of_nodes = nodes.map(|series| ((series.node, series.zone), series.curve.span()));
    let of_pods = readings.pods.iter().map(|series| ((series.node, series.zone), series.curve.span()));
    for (node, zones) in present(of_nodes, window).into_iter().chain(present(of_pods, window)) {
        choice.entry(node).or_insert_with(|| PowerZone::widest(&zones));
    }
    choice
}

/// The zones of each node of which something was seen on the day.
fn present<'a>(
    series: impl Iterator<Item = ((&'a str, PowerZone), Option<(i64, i64)>)>,
    window: &Window,
) -> BTreeMap<&'a str, Vec<PowerZone>> {
    let mut spans: BTreeMap<(&'a str, PowerZone), (i64, i64)> = BTreeMap::new();
    for (key, (first, last)) in series.filter_map(|(key, span)| Some((key, span?))) {
        let span = spans.entry(key).or_insert((first, last));
        *span = (span.0.min(first), span.1.max(last));
    }
    spans.retain(|_, (first, last)| window.overlaps(*first, *last));
    let mut present: BTreeMap<&'a str, Vec<PowerZone>> = BTreeMap::new();
    for (node, zone) in spans.into_keys() {
        present.entry(node).or_default().push(zone);
    }
    present
}

/// Differences the meters of all nodes.
pub fn meter_nodes<'a>(
    readings: &Readings<'a>,
    choice: &BTreeMap<&'a str, Vec<PowerZone>>,
    window: &Window,
    merge: &mut Merge,
    findings: &mut Vec<Finding>,
    tracer: &mut Tracer,
) -> Vec<NodeMeter<'a>> {
    let [total, active, idle] = [Part::Total, Part::Active, Part::Idle].map(|part| counters_of(readings, part, window));
    let mut sums = tracer.sums(*window);
    let (mut tally, mut idle_tally, mut holes) = (Tally::default(), Tally::default(), Holes::default());
    let mut odd_nodes: Vec<&str> = Vec::new();
    let mut meters = Vec::with_capacity(total.len());
    let is_hardware = readings.restart == RestartRule::HardwareTotal;
    for (node, zones) in &total {
        let chosen = choice.get(node).cloned().unwrap_or_default();
        let before = tally.clone();
        for (zone, path, parts) in chosen.iter().flat_map(|zone| with_paths(&total, node, *zone)) {
            let reading = Reading {
                start: Start::Anchor,
                on_restart: OnRestart::FromZero,
                restarts: if is_hardware { &[] } else { readings.scrapes.restarts(node) },
                largest_per_second: LARGEST_PLAUSIBLE_WATTS,
            };
            difference(merge.of(parts), &reading, &mut sums, &mut tally);
            tracer.take(&mut sums, node, || traced(readings, Part::Total, (node, zone, path)));
        }
        let metered = sums.drain();
        if (tally.resets, tally.decreases, tally.implausible) != (before.resets, before.decreases, before.implausible) {
            odd_nodes.push(node);
        }
        for (zone, path, parts) in chosen.iter().flat_map(|zone| with_paths(&idle, node, *zone)) {
            let actives = active.get(node).and_then(|zones| zones.get(&zone)).and_then(|paths| paths.get(path));
            let fell_together = both_fell(parts, actives.map_or(&[][..], Vec::as_slice), merge);
            let mut restarts = [readings.scrapes.restarts(node), &fell_together].concat();
            restarts.sort_unstable();
            let reading = Reading {
                start: Start::Anchor,
                on_restart: if is_hardware { OnRestart::Drop } else { OnRestart::FromZero },
                restarts: &restarts,
                largest_per_second: LARGEST_PLAUSIBLE_WATTS,
            };
            difference(merge.of(parts), &reading, &mut sums, &mut idle_tally);
            tracer.take(&mut sums, node, || traced(readings, Part::Idle, (node, zone, path)));
        }
        let series: Vec<Samples> = chosen.iter().filter_map(|zone| zones.get(zone)).flat_map(BTreeMap::values).flatten().copied().collect();
        holes.look(node, &series, window);
        let Some(span) = span_of(&series) else { continue };
        let is_estimate = readings.estimated.contains(node);
        meters.push(NodeMeter { node, zones: chosen, span, metered, idle: sums.drain(), is_estimate });
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
    findings.extend(holes.finding(readings.is_gauge));
    meters
}

/// The counter of one part of a node's energy, in one zone and path.
fn traced(readings: &Readings, part: Part, (node, zone, path): (&str, PowerZone, &str)) -> TracedCounter {
    let is_it = |series: &&NodeSeries| (series.node, series.zone, series.part) == (node, zone, part) && series.path == path;
    let role = if part == Part::Idle { Role::NodeIdle } else { Role::NodeEnergy };
    trace::counter(role, readings.name, Some(zone), readings.nodes.iter().filter(is_it).map(|series| series.series))
}

fn with_paths<'c, 'r>(
    counters: &'c Counters<'r, '_>,
    node: &str,
    zone: PowerZone,
) -> impl Iterator<Item = (PowerZone, &'c &'r str, &'c Vec<Samples<'r>>)> {
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

    fn finding(&self, is_gauge: bool) -> Option<Finding> {
        (self.count > 0).then(|| {
            let (severity, becomes) = if is_gauge {
                (Severity::Disclosed, "What was drawn meanwhile is unknown; steps without any sample are a gap.")
            } else {
                (Severity::Noted, "The counters carry the energy across, spread evenly over the hole.")
            };
            let message = format!("Scrapes of node meters are missing: {}. {becomes}", listed(&self.names));
            Finding::new("HOLE", severity, message).examined(self.examined).failing(self.count)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn restarts_of_idle_counters_are_counted_by_kind() {
        let tally = Tally { deltas: 20, dropped_at_restart: 1, resets: 2, decreases: 3, implausible: 4, ..Tally::default() };
        let finding = idle_finding(&tally).unwrap();
        assert_eq!((finding.examined, finding.failing), (20, 10));
        assert!(
            finding.message.contains("restarted 3 times (1 deltas dropped") && finding.message.contains("fell 3 times"),
            "{}",
            finding.message
        );
        for one in [
            Tally { dropped_at_restart: 1, ..Tally::default() },
            Tally { resets: 1, ..Tally::default() },
            Tally { decreases: 1, ..Tally::default() },
            Tally { implausible: 1, ..Tally::default() },
        ] {
            assert_eq!(idle_finding(&one).map(|finding| finding.failing), Some(1));
        }
        assert_eq!(idle_finding(&Tally { deltas: 5, ..Tally::default() }), None);
    }

    #[test]
    fn a_hole_is_longer_than_two_and_a_half_intervals_and_reaches_into_the_day() {
        let window = Window { start_ms: 1_000_000, end_ms: 2_000_000, step_ms: 100_000 };
        let look = |holes: &mut Holes, node: &str, ts_ms: &[i64]| {
            let value = vec![0.0; ts_ms.len()];
            holes.look(node, &[Samples { ts_ms, value: &value }], &window);
        };
        let minutes = |from: i64, count: i64| (0..count).map(move |n| from + n * 60_000);
        let with_gap = |gap_ms: i64| minutes(1_000_000, 6).chain(minutes(1_300_000 + gap_ms, 6)).collect::<Vec<_>>();
        let of = |ts_ms: &[i64]| {
            let mut holes = Holes::default();
            look(&mut holes, "n1", ts_ms);
            (holes.examined, holes.count, holes.names.join("; "))
        };
        assert_eq!(of(&with_gap(150_000)), (11, 0, String::new()));
        assert_eq!(of(&with_gap(151_000)), (11, 1, "n1 151 s".to_owned()));
        // One that ends where the day begins is the day's before, one that begins where it ends the next one's.
        let before: Vec<i64> = minutes(100_000, 6).chain(minutes(1_000_000, 6)).collect();
        let after: Vec<i64> = minutes(1_700_000, 6).chain(minutes(2_900_000, 6)).collect();
        assert_eq!((of(&before).1, of(&after).1), (0, 0));
        let across: Vec<i64> = minutes(1_000_000, 6).chain(minutes(1_600_000, 6)).chain([2_400_000]).collect();
        assert_eq!(of(&across), (12, 2, "n1 2 times, 800 s in all, the longest 500 s".to_owned()));

        let mut holes = Holes::default();
        look(&mut holes, "n1", &with_gap(200_000));
        look(&mut holes, "n2", &with_gap(300_000));
        look(&mut holes, "n3", &with_gap(60_000));
        look(&mut holes, "n4", &[1_500_000]);
        let finding = holes.finding(false).unwrap();
        assert_eq!((finding.severity, finding.examined, finding.failing), (Severity::Noted, 33, 2));
        assert!(finding.message.contains("n1 200 s, n2 300 s."), "{}", finding.message);
        assert_eq!(holes.finding(true).unwrap().severity, Severity::Disclosed);
        assert_eq!(Holes::default().finding(false), None);
    }
}
