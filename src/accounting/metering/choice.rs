//! Which meter counts, by node and step: never two for the same joule.
//!
//! In: what every family metered. Out: one row a node and step, and the pods' energy of the families that were taken.
//! Rule (method, section 3, points 1 and 2): the node's meter is the widest that reached the step, of equal width the family that tells more;
//! a second family is added only where the two do not overlap in time (an upgrade within a step). Pods are metered by the most detailed family
//! that meters pods on that node; where none does, they will share by CPU time (`shares`). Does not: compute energy.

use std::collections::{BTreeMap, BTreeSet};

use super::counters::Window;
use super::findings::listed;
use super::nodes::NodeMeter;
use super::pods::PodRecord;
use super::state::ClusterState;
use super::trace::Tracer;
use super::zones::PowerZone;
use crate::model::{Exporter, Finding, MeteringTerms, RenamedLabels, Severity, Tier};

/// What one family metered.
pub struct Family<'a> {
    pub exporter: Exporter,
    pub name: &'static str,
    pub meters: Vec<NodeMeter<'a>>,
    pub records: Vec<PodRecord<'a>>,
}

/// A node's energy in one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeStep {
    pub metered_mj: i64,
    pub idle_mj: Option<i64>,
    pub tier: Tier,
}

/// A node with what it was metered by.
#[derive(Clone, Debug)]
pub struct MeteredNode<'a> {
    pub node: &'a str,
    /// First and last sample of any meter, also outside the day.
    pub span: (i64, i64),
    pub steps: BTreeMap<i32, NodeStep>,
    /// Steps in which no meter of pods was there.
    pub to_share: BTreeSet<i32>,
    pub zones: Vec<PowerZone>,
    /// For people: `package+dram`, `platform (bmc), pods package+dram (kepler)`.
    pub described: String,
}

impl<'a> MeteredNode<'a> {
    /// A node of which no meter was seen, yet.
    pub fn without_meter(node: &'a str) -> Self {
        Self {
            node,
            span: (i64::MAX, i64::MIN),
            steps: BTreeMap::new(),
            to_share: BTreeSet::new(),
            zones: Vec::new(),
            described: String::new(),
        }
    }
}

type Taken = BTreeMap<i32, Vec<usize>>;

/// Settles every node. Gives back the nodes by name and the pods' records, each pod once.
pub fn settle<'a>(
    families: Vec<Family<'a>>,
    state: &ClusterState<'a>,
    terms: &MeteringTerms,
    window: &Window,
    findings: &mut Vec<Finding>,
    tracer: &mut Tracer,
) -> (Vec<MeteredNode<'a>>, Vec<PodRecord<'a>>) {
    let mut nodes: BTreeMap<&'a str, Vec<usize>> = BTreeMap::new();
    for (i, family) in families.iter().enumerate() {
        for meter in &family.meters {
            if is_allowed(family.exporter, meter.node, state, terms) {
                nodes.entry(meter.node).or_default().push(i);
            }
        }
    }
    if let Some(node) = tracer.node().map(str::to_owned) {
        let unwanted = families.iter().filter(|family| !is_allowed(family.exporter, &node, state, terms));
        unwanted.for_each(|family| tracer.unwanted(&node, family.name));
    }
    let mut settled = Vec::new();
    let mut of_pods: BTreeMap<&'a str, Taken> = BTreeMap::new();
    let mut mixed = Vec::new();
    for (node, candidates) in &nodes {
        let (metered, pods) = settle_node(node, candidates, &families, window, tracer);
        if candidates.len() > 1 {
            mixed.push(format!("{node}: {}", metered.described));
        }
        of_pods.insert(node, pods);
        settled.push(metered);
    }
    if !mixed.is_empty() {
        let message = format!("Several meters were there, and one was taken for each step: {}.", listed(&mixed));
        findings.push(Finding::new("METER_CHOICE", Severity::Noted, message).examined(nodes.len()).failing(mixed.len()));
    }
    (settled, records(families, &nodes, &of_pods, state, terms))
}

/// What the configuration says of a node; a management controller was mapped by hand and always counts.
fn is_allowed(exporter: Exporter, node: &str, state: &ClusterState, terms: &MeteringTerms) -> bool {
    let wanted = terms.of_node(&RenamedLabels::of(state.node_labels(node))).exporter;
    wanted == Exporter::Auto || exporter == Exporter::Auto || wanted == exporter
}

fn settle_node<'a>(
    node: &'a str,
    candidates: &[usize],
    families: &[Family<'a>],
    window: &Window,
    tracer: &mut Tracer,
) -> (MeteredNode<'a>, Taken) {
    let meter_of = |i: usize| families[i].meters.iter().find(|meter| meter.node == node).expect("a candidate has a meter of the node");
    let mut by_width = candidates.to_vec();
    by_width.sort_by_key(|i| (std::cmp::Reverse(PowerZone::width(&meter_of(*i).zones)), *i));
    // Kepler always tells pods apart: where it names none, none ran. The others may have been set up without.
    let meters_pods =
        |i: &usize| families[*i].exporter == Exporter::Kepler || families[*i].records.iter().any(|record| record.node == node);
    let with_pods: Vec<usize> = candidates.iter().copied().filter(meters_pods).collect();

    let mut steps: BTreeMap<i32, NodeStep> = BTreeMap::new();
    let (mut energy_taken, mut pods_taken) = (Taken::new(), Taken::new());
    let reached: BTreeSet<i32> = candidates.iter().flat_map(|i| meter_of(*i).metered.iter().map(|(step, _)| *step)).collect();
    let mut to_share = BTreeSet::new();
    for step in reached {
        let has = |i: &usize| meter_of(*i).metered.binary_search_by_key(&step, |row| row.0).is_ok();
        let energy = without_overlap(by_width.iter().copied().filter(has), &meter_of, step, window);
        let pods = without_overlap(with_pods.iter().copied().filter(has), &meter_of, step, window);
        let metered_mj = energy.iter().map(|i| at(&meter_of(*i).metered, step).unwrap_or(0)).sum();
        // Idle is the word of whoever tells active from idle.
        let idle_of = if pods.is_empty() { &energy } else { &pods };
        let idle_mj = idle_of.iter().filter_map(|i| at(&meter_of(*i).idle, step)).reduce(|a, b| a + b);
        let is_estimate = energy.iter().chain(&pods).any(|i| meter_of(*i).is_estimate);
        let tier = match (is_estimate, pods.is_empty()) {
            (true, _) => Tier::Modelled,
            (false, true) => Tier::Allocated,
            (false, false) => Tier::Metered,
        };
        if pods.is_empty() {
            to_share.insert(step);
        }
        if tracer.watches(node, step) {
            let names = |taken: &[usize]| taken.iter().map(|i| families[*i].name).collect();
            tracer.settled(node, step, [names(&energy), names(idle_of), names(&pods)]);
        }
        steps.insert(step, NodeStep { metered_mj, idle_mj, tier });
        energy_taken.insert(step, energy);
        pods_taken.insert(step, pods);
    }
    let spans = candidates.iter().map(|i| meter_of(*i).span);
    let span = spans.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))).unwrap_or((i64::MAX, i64::MIN));
    let zones = by_width.first().map_or(&[][..], |i| &meter_of(*i).zones).to_vec();
    let described = described(&energy_taken, &pods_taken, families, &meter_of);
    (MeteredNode { node, span, steps, to_share, zones, described }, pods_taken)
}

fn at(rows: &[(i32, i64)], step: i32) -> Option<i64> {
    rows.binary_search_by_key(&step, |row| row.0).ok().map(|i| rows[i].1)
}

/// The first candidate, and after it those whose samples do not overlap with any before them within the step.
fn without_overlap<'m, 'a: 'm>(
    candidates: impl Iterator<Item = usize>,
    meter_of: &dyn Fn(usize) -> &'m NodeMeter<'a>,
    step: i32,
    window: &Window,
) -> Vec<usize> {
    let (from, to) = (i64::from(step) * window.step_ms, (i64::from(step) + 1) * window.step_ms);
    let mut taken: Vec<(usize, i64, i64)> = Vec::new();
    for i in candidates {
        let (first, last) = meter_of(i).span;
        let (first, last) = (first.max(from), last.min(to));
        if taken.iter().all(|(_, other_first, other_last)| last <= *other_first || first >= *other_last) {
            taken.push((i, first, last));
        }
    }
    taken.into_iter().map(|(i, ..)| i).collect()
}

/// What a node was metered by, for people. Kepler 0.10 and newer is the usual case and needs no name.
fn described<'m, 'a: 'm>(energy: &Taken, pods: &Taken, families: &[Family], meter_of: &dyn Fn(usize) -> &'m NodeMeter<'a>) -> String {
    let used = |taken: &Taken| taken.values().flatten().copied().collect::<BTreeSet<usize>>();
    let (of_node, of_pods) = (used(energy), used(pods));
    let name = |i: &usize| {
        let zones = PowerZone::text(&meter_of(*i).zones);
        let estimate = if meter_of(*i).is_estimate { ", estimated by the exporter" } else { "" };
        match families[*i].exporter {
            Exporter::Kepler => zones,
            _ => format!("{zones} ({}{estimate})", families[*i].name),
        }
    };
    let names = |used: &BTreeSet<usize>| used.iter().map(name).collect::<Vec<_>>().join(" then ");
    if of_pods.is_subset(&of_node) { names(&of_node) } else { format!("{}, pods {}", names(&of_node), names(&of_pods)) }
}

/// Every pod once, with its energy in the steps in which its family was taken.
fn records<'a>(
    families: Vec<Family<'a>>,
    nodes: &BTreeMap<&'a str, Vec<usize>>,
    of_pods: &BTreeMap<&'a str, Taken>,
    state: &ClusterState<'a>,
    terms: &MeteringTerms,
) -> Vec<PodRecord<'a>> {
    let is_mixed = families.iter().filter(|family| !family.records.is_empty()).count() > 1;
    let mut records: Vec<PodRecord<'a>> = Vec::new();
    let mut known: BTreeMap<(&'a str, String, &'a str, &'a str), usize> = BTreeMap::new();
    for (i, family) in families.into_iter().enumerate() {
        for mut record in family.records {
            if !is_allowed(family.exporter, record.node, state, terms) {
                continue;
            }
            let others = nodes.get(record.node).is_some_and(|candidates| candidates.iter().any(|other| *other != i));
            if let Some(taken) = of_pods.get(record.node).filter(|_| others) {
                // A step that no node meter reached has nobody to say otherwise.
                let counts = |row: &(i32, i64)| taken.get(&row.0).is_none_or(|families| families.contains(&i));
                record.energy.retain(counts);
                record.tail.retain(counts);
            }
            if !is_mixed {
                records.push(record);
                continue;
            }
            let named = if record.uid.is_empty() { (record.namespace, record.pod) } else { ("", "") };
            match known.get(&(record.node, record.uid.clone(), named.0, named.1)) {
                Some(at) => records[*at].join(record),
                None => {
                    known.insert((record.node, record.uid.clone(), named.0, named.1), records.len());
                    records.push(record);
                }
            }
        }
    }
    records
}
