//! What went into one node and step while its day was metered: every difference of every counter, with the series that it was read from.
//!
//! In: which node and step to watch. Out: [`Traced`]. Rule: what is kept is what was added, at the place where it was added; nothing is worked out again, so
//! the lines of a counter add up to what the tables of evidence say. Cost: nothing where nobody watches. Does not: change what is metered.

use std::collections::BTreeSet;

use serde::Serialize;

use super::counters::{Line, StepSums, Window};
use super::zones::PowerZone;
use crate::model::{PowerRange, Series};

/// A node and a step to watch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watch {
    pub node: String,
    pub step: i32,
}

/// What a counter's differences count as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Of the node's own meter.
    NodeEnergy,
    /// Of it, idle.
    NodeIdle,
    /// A pod's, above idle.
    PodEnergy,
    /// After a pod's last sample, at its last rate.
    PodTail,
    PodCpu,
    /// CPU time of the whole machine.
    MachineCpu,
}

/// Who used it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PodName {
    pub namespace: String,
    pub pod: String,
    /// Empty where nothing tells it.
    pub uid: String,
}

/// One counter of the node, with its differences that reach into the step.
#[derive(Clone, Debug)]
pub struct TracedCounter {
    pub role: Role,
    /// The family of exporters.
    pub family: &'static str,
    pub pod: Option<PodName>,
    /// `package`, `dram` …; empty of CPU time.
    pub power_zone: String,
    /// As the server gave them: one, or several that say the same.
    pub series: Vec<Series>,
    /// Values in joules, or in seconds of CPU; in thousandths what fell into the step.
    pub lines: Vec<Line>,
    /// Whether it counts in this step: of several families one is taken.
    pub is_taken: bool,
}

impl TracedCounter {
    /// Millijoules, or milliseconds of CPU.
    pub fn thousandths(&self) -> i64 {
        self.lines.iter().map(|line| line.thousandths).sum()
    }
}

/// A node's energy above idle, shared by CPU time because no meter tells its pods apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedStep {
    pub above_mj: i64,
    pub idle_mj: i64,
    /// By name: milliseconds of CPU, millijoules.
    pub pods: Vec<(PodName, i64, i64)>,
    /// The same of processes outside pods.
    pub outside: (i64, i64),
}

/// A node's energy where no meter was there: from CPU time and what the machine draws.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelledStep {
    pub power: PowerRange,
    pub cores: f64,
    pub cpu_ms: i64,
    /// Of the step, while the node was there.
    pub there_ms: i64,
    pub metered_mj: i64,
    pub idle_mj: i64,
}

/// What was seen.
#[derive(Clone, Debug, Default)]
pub struct Traced {
    /// By role, pod and power zone.
    pub counters: Vec<TracedCounter>,
    pub shared: Option<SharedStep>,
    pub modelled: Option<ModelledStep>,
}

/// Which families counted in the step.
struct Taken {
    energy: BTreeSet<&'static str>,
    idle: BTreeSet<&'static str>,
    pods: BTreeSet<&'static str>,
}

/// Stands by while a day is metered.
#[derive(Default)]
pub struct Tracer {
    watch: Option<Watch>,
    traced: Traced,
    /// None where no meter of the node reached the step.
    taken: Option<Taken>,
    /// Families that the configuration does not want on this node.
    unwanted: BTreeSet<&'static str>,
}

impl Tracer {
    pub fn watching(watch: Watch) -> Self {
        Self { watch: Some(watch), ..Self::default() }
    }

    /// Sums that keep the lines of the watched step.
    pub fn sums(&self, window: Window) -> StepSums {
        let watched = self.watch.as_ref().and_then(|watch| window.step_of(watch.step));
        StepSums::new(window).watching(watched)
    }

    pub fn watches(&self, node: &str, step: i32) -> bool {
        self.watch.as_ref().is_some_and(|watch| watch.node == node && watch.step == step)
    }

    fn watches_node(&self, node: &str) -> bool {
        self.watch.as_ref().is_some_and(|watch| watch.node == node)
    }

    /// Takes the lines that were added since the last time, and says of what they are.
    pub fn take(&mut self, sums: &mut StepSums, node: &str, about: impl FnOnce() -> TracedCounter) {
        let lines = sums.take_lines();
        if !lines.is_empty() && self.watches_node(node) {
            self.traced.counters.push(TracedCounter { lines, ..about() });
        }
    }

    /// The same, where the lines count in several ways.
    pub fn take_each(&mut self, sums: &mut StepSums, node: &str, about: impl FnOnce() -> Vec<TracedCounter>) {
        let lines = sums.take_lines();
        if !lines.is_empty() && self.watches_node(node) {
            self.traced.counters.extend(about().into_iter().map(|counter| TracedCounter { lines: lines.clone(), ..counter }));
        }
    }

    /// Which families were taken for the node, for its idle energy and for its pods.
    pub fn settled(&mut self, node: &str, step: i32, [energy, idle, pods]: [Vec<&'static str>; 3]) {
        if self.watches(node, step) {
            let set = |names: Vec<&'static str>| names.into_iter().collect();
            self.taken = Some(Taken { energy: set(energy), idle: set(idle), pods: set(pods) });
        }
    }

    pub fn unwanted(&mut self, node: &str, family: &'static str) {
        if self.watches_node(node) {
            self.unwanted.insert(family);
        }
    }

    pub fn shared(&mut self, node: &str, step: i32, shared: impl FnOnce() -> SharedStep) {
        if self.watches(node, step) {
            self.traced.shared = Some(shared());
        }
    }

    pub fn modelled(&mut self, node: &str, step: i32, modelled: impl FnOnce() -> Option<ModelledStep>) {
        if self.watches(node, step) {
            self.traced.modelled = modelled();
        }
    }

    pub fn node(&self) -> Option<&str> {
        self.watch.as_ref().map(|watch| watch.node.as_str())
    }

    pub fn finish(mut self) -> Traced {
        for counter in &mut self.traced.counters {
            let is_chosen = match (&self.taken, counter.role) {
                // Devices were settled where they were added, and CPU time is of no family.
                _ if counter.is_taken => true,
                (Some(taken), Role::NodeEnergy) => taken.energy.contains(counter.family),
                (Some(taken), Role::NodeIdle) => taken.idle.contains(counter.family),
                (Some(taken), Role::PodEnergy | Role::PodTail) => taken.pods.contains(counter.family),
                // A step that no node meter reached has nobody to say otherwise.
                (None, Role::PodEnergy | Role::PodTail) => true,
                (_, Role::PodCpu | Role::MachineCpu) => true,
                (None, Role::NodeEnergy | Role::NodeIdle) => false,
            };
            counter.is_taken = is_chosen && !self.unwanted.contains(counter.family);
        }
        let key = |counter: &TracedCounter| (counter.role, counter.pod.clone(), counter.power_zone.clone(), counter.family);
        self.traced.counters.sort_by(|a, b| key(a).cmp(&key(b)).then_with(|| a.series.cmp(&b.series)));
        self.traced
    }
}

/// A counter of which the lines are still to come.
pub fn counter<'a>(role: Role, family: &'static str, zone: Option<PowerZone>, series: impl Iterator<Item = &'a Series>) -> TracedCounter {
    TracedCounter {
        role,
        family,
        pod: None,
        power_zone: zone.map_or_else(String::new, |zone| PowerZone::text(&[zone])),
        series: series.cloned().collect(),
        lines: Vec::new(),
        is_taken: false,
    }
}
