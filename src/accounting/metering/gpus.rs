//! GPU energy from DCGM, added to nodes and to the pods that hold the devices.
//!
//! Rule (method, section 3, point 6): a device's energy goes to its holder, split where it is shared; what nobody holds is idle. Where the
//! node's meter is of the whole machine, the devices are in it already and only the pods gain. Where Kepler reads the GPUs itself, DCGM is
//! not used on that node. Does not: judge how busy a device was.

use std::collections::BTreeSet;

use super::choice::{MeteredNode, NodeStep};
use super::counters::{Merge, OnRestart, Reading, Start, Tally, Window, difference};
use super::findings::{LARGEST_PLAUSIBLE_WATTS, listed};
use super::meters::{DeviceShare, Devices};
use super::pods::{PodRecord, add_rows};
use super::trace::{self, PodName, Role, TracedCounter, Tracer};
use super::zones::PowerZone;
use crate::model::{Finding, Severity, Tier};

/// Adds the devices' energy. Steps that no other meter reached hold the devices alone, which is said.
pub fn add_gpus<'a>(
    devices: &Devices<'a>,
    window: &Window,
    merge: &mut Merge,
    nodes: &mut Vec<MeteredNode<'a>>,
    records: &mut Vec<PodRecord<'a>>,
    findings: &mut Vec<Finding>,
    tracer: &mut Tracer,
) {
    let mut sums = tracer.sums(*window);
    let mut tally = Tally::default();
    let mut alone: BTreeSet<&'a str> = BTreeSet::new();
    for share in &devices.shares {
        let at = match nodes.iter().position(|node| node.node == share.node) {
            Some(at) => at,
            None => {
                nodes.push(MeteredNode::without_meter(share.node));
                nodes.len() - 1
            }
        };
        let node = &mut nodes[at];
        if node.zones.contains(&PowerZone::Gpu) && !node.described.contains(DESCRIBED) {
            continue;
        }
        let reading =
            Reading { start: Start::Anchor, on_restart: OnRestart::FromZero, restarts: &[], largest_per_second: LARGEST_PLAUSIBLE_WATTS };
        difference(merge.of(&[share.curve.samples()]), &reading, &mut sums, &mut tally);
        let rows = sums.drain();
        let is_within = is_within(node);
        tracer.take_each(&mut sums, share.node, || traced(share, is_within));
        let Some((first, last)) = share.curve.span().filter(|_| !rows.is_empty()) else { continue };
        add_to_node(node, &rows, share.pod.is_none(), &mut alone);
        node.span = (node.span.0.min(first), node.span.1.max(last));
        if let Some((namespace, pod, uid)) = share.pod {
            let is_it = |record: &&mut PodRecord<'a>| {
                record.node == share.node
                    && if uid.is_empty() { (record.namespace, record.pod) == (namespace, pod) } else { record.uid == uid }
            };
            match records.iter_mut().find(is_it) {
                Some(record) => add_rows(&mut record.energy, &rows),
                None => records.push(PodRecord {
                    node: share.node,
                    namespace,
                    pod,
                    uid: uid.to_owned(),
                    seen: (first, last),
                    born_since_ms: None,
                    last_ms: Some(last.min(window.end_ms - 1)),
                    energy: rows,
                    tail: Vec::new(),
                    cpu: Vec::new(),
                }),
            }
        }
    }
    nodes.sort_by_key(|node| node.node);
    findings.extend(said(devices, &tally, &alone));
}

const DESCRIBED: &str = "gpu (dcgm)";

/// Whether the node's meter holds its devices already.
fn is_within(node: &MeteredNode) -> bool {
    node.zones.first().is_some_and(|zone| zone.is_whole_machine())
}

/// What a share of a device counts as: of the node's meter where that does not hold it, and of its pod's energy or of the node's idle.
fn traced(share: &DeviceShare, is_within: bool) -> Vec<TracedCounter> {
    let counter =
        |role| TracedCounter { is_taken: true, ..trace::counter(role, "dcgm", Some(PowerZone::Gpu), share.series.iter().copied()) };
    let of_node = (!is_within).then(|| counter(Role::NodeEnergy));
    let holder = match share.pod {
        None => counter(Role::NodeIdle),
        Some((namespace, pod, uid)) => {
            let pod = PodName { namespace: namespace.to_owned(), pod: pod.to_owned(), uid: uid.to_owned() };
            TracedCounter { pod: Some(pod), ..counter(Role::PodEnergy) }
        }
    };
    of_node.into_iter().chain([holder]).collect()
}

fn add_to_node<'a>(node: &mut MeteredNode<'a>, rows: &[(i32, i64)], is_idle: bool, alone: &mut BTreeSet<&'a str>) {
    let is_within = is_within(node);
    if !is_within && !node.described.contains(DESCRIBED) {
        node.zones.push(PowerZone::Gpu);
        let plus = if node.described.is_empty() { "" } else { "+" };
        node.described = format!("{}{plus}{DESCRIBED}", node.described);
    }
    for (step, energy_mj) in rows {
        let row = node.steps.entry(*step).or_insert_with(|| {
            if !is_within {
                alone.insert(node.node);
            }
            NodeStep { metered_mj: 0, idle_mj: None, tier: Tier::Metered }
        });
        if !is_within {
            row.metered_mj += energy_mj;
        }
        if is_idle {
            *row.idle_mj.get_or_insert(0) += energy_mj;
        }
    }
}

fn said(devices: &Devices, tally: &Tally, alone: &BTreeSet<&str>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let examined = usize::try_from(devices.examined).unwrap_or(usize::MAX);
    let mut add = |code, severity, failing: u64, message: String| {
        if failing > 0 {
            findings.push(Finding::new(code, severity, message).examined(examined).failing(failing as usize));
        }
    };
    add(
        "NONFINITE",
        Severity::Disclosed,
        devices.blanks,
        format!("{} samples of DCGM are its blank value and were left out.", devices.blanks),
    );
    let resets = format!("Energy counters of GPUs started again {} times; the new value was counted from zero.", devices.resets);
    add("RESET", Severity::Disclosed, devices.resets, resets);
    let implausible = format!("{} deltas of GPU energy were above 20 kW and were dropped. Check the exporter.", tally.implausible);
    add("IMPLAUSIBLE", Severity::Disclosed, tally.implausible, implausible);
    let names: Vec<&&str> = alone.iter().collect();
    let message =
        format!("Only the GPUs of these nodes were metered in some steps; the rest of the machine is missing there: {}.", listed(&names));
    add("PARTIAL_METER", Severity::Disclosed, alone.len() as u64, message);
    findings
}
