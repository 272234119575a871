//! Pods without a meter of their own: the node's energy above its idle floor, shared by CPU time; and nodes without a meter: modelled.
//!
//! In: settled nodes, pods' CPU time, what is known of the machines. Out: active energy of pods, idle energy of nodes, tiers.
//! Rule (method, section 3, point 5): above the floor by CPU seconds, to the last millijoule by largest remainder; the floor is the meter's own
//! idle, else the hardware class's, else the least that the node drew in any whole step of the day. Modelled:
//! `(P_min + (P_max − P_min)·u)·step`, `u` = CPU seconds / (cores · step). CPU time outside pods keeps its share in `(system)`.
//! Assumes: CPU time stands for power. Does not: model a step without CPU time; that is a gap.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::choice::{MeteredNode, NodeStep};
use super::counters::{Merge, OnRestart, Reading, Samples, Start, Tally, Window, difference};
use super::findings::{LARGEST_PLAUSIBLE_CPUS, listed};
use super::pods::PodRecord;
use super::state::{ClusterState, labelled_node, own_label};
use super::trace::{self, ModelledStep, PodName, Role, SharedStep, Tracer};
use crate::accounting::split::{LARGEST_WHOLE, Splitter};
use crate::factors::instances;
use crate::model::{Finding, MeteringTerms, PowerRange, RenamedLabels, SampleTable, Series, Severity, Tier};

/// The machine's whole CPU time, from the kubelet's `/metrics/resource` or cAdvisor's root.
const MACHINE_METRICS: [&str; 2] = ["node_cpu_usage_seconds_total", "container_cpu_usage_seconds_total"];

/// CPU milliseconds of a node by step.
type NodeCpu<'a> = HashMap<&'a str, BTreeMap<i32, i64>>;

pub struct Shares<'a, 's> {
    pub table: &'a SampleTable,
    pub state: &'s ClusterState<'a>,
    pub terms: &'a MeteringTerms,
    pub window: Window,
}

impl<'a> Shares<'a, '_> {
    /// Fills in what no meter of pods told, and models the nodes that no meter reached.
    pub fn settle(
        &self,
        nodes: &mut Vec<MeteredNode<'a>>,
        records: &mut [PodRecord<'a>],
        merge: &mut Merge,
        findings: &mut Vec<Finding>,
        tracer: &mut Tracer,
    ) {
        let mut by_node: BTreeMap<&'a str, Vec<usize>> = BTreeMap::new();
        for (i, record) in records.iter().enumerate() {
            by_node.entry(record.node).or_default().push(i);
        }
        let machine = self.machine_cpu(merge, tracer);
        self.model(nodes, records, &by_node, &machine, findings, tracer);
        let mut floors = Vec::new();
        let mut splitter = Splitter::default();
        for node in nodes.iter_mut().filter(|node| !node.to_share.is_empty()) {
            self.set_floor(node, &mut floors);
            let pods = by_node.get(node.node).map_or(&[][..], Vec::as_slice);
            share(node, pods, records, machine.get(node.node), &mut splitter, tracer);
        }
        if !floors.is_empty() {
            let message = format!(
                "Nothing says what these nodes draw at rest, so the least of any step of the day counts as idle: {}. Give them a `hardware` class.",
                listed(&floors)
            );
            findings.push(Finding::new("IDLE_FLOOR", Severity::Noted, message).examined(nodes.len()).failing(floors.len()));
        }
    }

    /// The CPU time of whole machines, processes outside pods included, where it is served.
    fn machine_cpu(&self, merge: &mut Merge, tracer: &mut Tracer) -> NodeCpu<'a> {
        let mut cpu = NodeCpu::new();
        let mut sums = tracer.sums(self.window);
        for metric in MACHINE_METRICS {
            let mut parts: BTreeMap<&'a str, (Vec<Samples<'a>>, Vec<&'a Series>)> = BTreeMap::new();
            for (series, ts_ms, value) in self.table.of_metric(metric) {
                let is_machine = metric == MACHINE_METRICS[0] || (series.label("id") == "/" && own_label(series, "container").is_empty());
                let node = labelled_node(series).or_else(|| self.state.node_by_instance(series.label("instance")));
                let Some(node) = node.filter(|_| is_machine) else { continue };
                let of_node = parts.entry(node).or_default();
                of_node.0.push(Samples { ts_ms, value });
                of_node.1.push(series);
            }
            for (node, (parts, series)) in parts {
                let reading = Reading {
                    start: Start::Anchor,
                    on_restart: OnRestart::FromZero,
                    restarts: &[],
                    largest_per_second: LARGEST_PLAUSIBLE_CPUS,
                };
                difference(merge.of(&parts), &reading, &mut sums, &mut Tally::default());
                let rows = sums.drain();
                // The first metric that speaks of a node is the one that counts.
                let is_taken = !cpu.contains_key(node);
                tracer.take(&mut sums, node, || trace::counter(Role::MachineCpu, "kubelet", None, series.into_iter().filter(|_| is_taken)));
                cpu.entry(node).or_insert_with(|| rows.into_iter().collect());
            }
        }
        cpu
    }

    /// Nodes with CPU time and without a meter, where the machine's power is known.
    fn model(
        &self,
        nodes: &mut Vec<MeteredNode<'a>>,
        records: &[PodRecord<'a>],
        by_node: &BTreeMap<&'a str, Vec<usize>>,
        machine: &NodeCpu<'a>,
        findings: &mut Vec<Finding>,
        tracer: &mut Tracer,
    ) {
        let names: BTreeSet<&'a str> = by_node.keys().chain(machine.keys()).chain(self.state.nodes.keys()).copied().collect();
        let (mut modelled, mut unknown) = (Vec::new(), Vec::new());
        for name in names {
            // Where a meter was there for a part of the day, the rest is filled from its own mean, which is nearer the truth than a model.
            if nodes.iter().any(|node| node.node == name) {
                continue;
            }
            // Where pods have a meter of their own, the node's is silent and not absent: that is a gap.
            let has_metered_pods = by_node.get(name).into_iter().flatten().any(|i| !records[*i].energy.is_empty());
            let used = cpu_of(machine.get(name), by_node.get(name), records);
            if has_metered_pods || used.is_empty() {
                continue;
            }
            let labels = RenamedLabels::of(self.state.node_labels(name));
            let Some((power, cores)) = self.power(name, &labels) else {
                unknown.push(name.to_owned());
                continue;
            };
            for (step, cpu_ms) in &used {
                tracer.modelled(name, *step, || {
                    let row = self.modelled(name, *step, *cpu_ms, &power, cores)?;
                    let (metered_mj, idle_mj) = (row.metered_mj, row.idle_mj.unwrap_or(0));
                    let there_ms = self.there_ms(name, *step);
                    Some(ModelledStep { power: power.clone(), cores, cpu_ms: *cpu_ms, there_ms, metered_mj, idle_mj })
                });
            }
            let steps: BTreeMap<i32, NodeStep> =
                used.into_iter().filter_map(|(step, cpu_ms)| Some((step, self.modelled(name, step, cpu_ms, &power, cores)?))).collect();
            modelled.push(format!("{name} as {} ({} to {} W, {})", power.name, power.idle_watts, power.max_watts, power.source));
            nodes.push(MeteredNode {
                to_share: steps.keys().copied().collect(),
                steps,
                described: format!("modelled as {}", power.name),
                ..MeteredNode::without_meter(name)
            });
        }
        nodes.sort_by_key(|node| node.node);
        let examined = nodes.len() + unknown.len();
        if !modelled.is_empty() {
            let message = format!("No meter was there, so power was modelled from CPU time: {}.", listed(&modelled));
            findings.push(Finding::new("MODELLED", Severity::Disclosed, message).examined(examined).failing(modelled.len()));
        }
        if !unknown.is_empty() {
            let message = format!(
                "These nodes have neither a meter nor a known power, so their energy is missing: {}. Give them a `hardware` class, or let \
                 kube-state-metrics serve `node.kubernetes.io/instance-type` and the nodes' capacity.",
                listed(&unknown)
            );
            findings.push(Finding::new("POWER_UNKNOWN", Severity::Disclosed, message).examined(examined).failing(unknown.len()));
        }
    }

    /// What the machine draws, and its cores: the configured class, else its instance type.
    fn power(&self, node: &str, labels: &RenamedLabels) -> Option<(PowerRange, f64)> {
        let cores = self.state.node_cores(node)?;
        let configured = self.terms.of_node(labels).hardware.clone();
        let by_type = || {
            let instance_type =
                labels.get("node.kubernetes.io/instance-type").or_else(|| labels.get("beta.kubernetes.io/instance-type"))?;
            instances::power_of(instance_type, cores)
        };
        Some((configured.or_else(by_type)?, cores))
    }

    /// How long of a step the node was there.
    fn there_ms(&self, node: &str, step: i32) -> i64 {
        let (from, to) = (i64::from(step) * self.window.step_ms, (i64::from(step) + 1) * self.window.step_ms);
        match self.state.nodes.get(node) {
            Some(info) => info.last_ms.min(to) - info.first_ms.max(from),
            None => to - from,
        }
    }

    /// Method, section 3, point 5: `(P_min + (P_max − P_min)·u)·step`, cut to the node's existence.
    fn modelled(&self, node: &str, step: i32, cpu_ms: i64, power: &PowerRange, cores: f64) -> Option<NodeStep> {
        let there_ms = self.there_ms(node, step);
        if there_ms <= 0 {
            return None;
        }
        let busy = (cpu_ms as f64 / (cores * there_ms as f64)).min(1.0);
        let millijoules = |watts: f64| (watts * there_ms as f64 + 0.5).floor() as i64;
        let idle_mj = millijoules(power.idle_watts);
        let metered_mj = millijoules(power.idle_watts + (power.max_watts - power.idle_watts) * busy);
        Some(NodeStep { metered_mj, idle_mj: Some(idle_mj), tier: Tier::Modelled })
    }

    /// The idle energy of metered steps whose meter does not tell it.
    fn set_floor(&self, node: &mut MeteredNode<'a>, floors: &mut Vec<String>) {
        if node.to_share.iter().all(|step| node.steps[step].idle_mj.is_some()) {
            return;
        }
        let labels = RenamedLabels::of(self.state.node_labels(node.node));
        let step_ms = self.window.step_ms;
        let floor_mj = match &self.terms.of_node(&labels).hardware {
            Some(power) => (power.idle_watts * step_ms as f64 + 0.5).floor() as i64,
            None => {
                let whole = |step: &&i32| i64::from(**step) * step_ms >= node.span.0 && (i64::from(**step) + 1) * step_ms <= node.span.1;
                let least = node.to_share.iter().filter(whole).map(|step| node.steps[step].metered_mj).min();
                floors.push(format!("{} ({:.1} W)", node.node, least.unwrap_or(0) as f64 / step_ms as f64));
                least.unwrap_or(0)
            }
        };
        for step in &node.to_share {
            let row = node.steps.get_mut(step).expect("steps to share are steps of the node");
            row.idle_mj.get_or_insert(floor_mj.min(row.metered_mj));
        }
    }
}

/// CPU milliseconds of a node by step: of the machine where it is served, else of its pods together.
fn cpu_of(machine: Option<&BTreeMap<i32, i64>>, pods: Option<&Vec<usize>>, records: &[PodRecord]) -> BTreeMap<i32, i64> {
    let mut used: BTreeMap<i32, i64> = BTreeMap::new();
    for (step, cpu_ms) in pods.into_iter().flatten().flat_map(|i| &records[*i].cpu) {
        *used.entry(*step).or_default() += cpu_ms;
    }
    for (step, cpu_ms) in machine.into_iter().flatten() {
        let known = used.entry(*step).or_default();
        *known = (*known).max(*cpu_ms);
    }
    used
}

/// Gives what lies above idle to the pods by CPU time; what processes outside pods used stays with the node.
fn share(
    node: &MeteredNode,
    pods: &[usize],
    records: &mut [PodRecord],
    machine: Option<&BTreeMap<i32, i64>>,
    splitter: &mut Splitter,
    tracer: &mut Tracer,
) {
    let mut users: BTreeMap<i32, Vec<(usize, i64)>> = BTreeMap::new();
    for i in pods {
        for (step, cpu_ms) in records[*i].cpu.iter().filter(|(step, cpu_ms)| *cpu_ms > 0 && node.to_share.contains(step)) {
            users.entry(*step).or_default().push((*i, *cpu_ms));
        }
    }
    for (step, mut users) in users {
        let row = &node.steps[&step];
        let above_mj = row.metered_mj - row.idle_mj.unwrap_or(0);
        if above_mj <= 0 || above_mj >= LARGEST_WHOLE {
            continue;
        }
        // Ties go by name, so that the order in which pods were read is of no matter.
        users.sort_by(|a, b| name_of(&records[a.0]).cmp(&name_of(&records[b.0])));
        let mut weights: Vec<i64> = users.iter().map(|(_, cpu_ms)| *cpu_ms).collect();
        let of_pods: i64 = weights.iter().sum();
        let outside = machine.and_then(|cpu| cpu.get(&step)).map_or(0, |machine| (machine - of_pods).max(0));
        weights.push(outside);
        let mut parts = vec![0; weights.len()];
        splitter.split(above_mj, &weights, of_pods + outside, &mut parts);
        tracer.shared(node.node, step, || {
            let pod = |((i, cpu_ms), part): (&(usize, i64), &i64)| {
                let (namespace, pod, uid) = name_of(&records[*i]);
                (PodName { namespace: namespace.to_owned(), pod: pod.to_owned(), uid: uid.to_owned() }, *cpu_ms, *part)
            };
            let outside = (outside, parts.last().copied().unwrap_or(0));
            SharedStep { above_mj, idle_mj: row.idle_mj.unwrap_or(0), pods: users.iter().zip(&parts).map(pod).collect(), outside }
        });
        for ((i, _), part) in users.into_iter().zip(parts) {
            let energy = &mut records[i].energy;
            match energy.binary_search_by_key(&step, |row| row.0) {
                Ok(at) => energy[at].1 += part,
                Err(at) => energy.insert(at, (step, part)),
            }
        }
    }
}

fn name_of<'r>(record: &'r PodRecord) -> (&'r str, &'r str, &'r str) {
    (record.namespace, record.pod, &record.uid)
}
