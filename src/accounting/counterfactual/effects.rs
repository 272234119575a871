//! What became of each run, beside what the ledger says of it.
//!
//! In: the plan, what each run used step by step, and when its workload starts if nobody shifts it. Out: [`Effects`]. Rule: each run by itself in
//! `outcome`; what is seen only over many in `move_next`, `capacity` and `curves`. Cost: one pass over the runs. Does not: add up what the statement can.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::bounds::Bounds;
use super::capacity::{self, Capacity};
use super::curves::{PICTURED, RunCurve};
use super::history::{Clock, History, TimesOfDay, WorkloadName};
use super::move_next::{Movable, Workloads};
use super::outcome::{Subject, Valuations};
use crate::accounting::inventory::Inventory;
use crate::accounting::plan::{Plan, PlannedRun};
use crate::model::Cause;

/// Of all runs of the month.
#[derive(Clone, Debug, Default)]
pub struct Effects {
    /// By index of [`Plan::runs`].
    pub runs: Vec<RunEffects>,
    /// Largest saving first.
    pub movable: Vec<Movable>,
    pub capacity: Capacity,
    /// Of the runs with the largest effect, largest first.
    pub curves: Vec<RunCurve>,
}

/// Of one run. What is not known is none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunEffects {
    /// Only where its window is not merely suggested.
    pub bounds: Option<Bounds>,
    /// Why a run with a window has no bounds.
    pub unbounded_reason: Option<String>,
    /// In micro-EUR.
    pub cost: Option<Effect>,
    /// In micrograms, with marginal intensities.
    pub consequential: Option<Effect>,
    /// Counterfactual, had it begun when it was created.
    pub at_creation_ugco2e: Option<i64>,
    /// Counterfactual, averaged over the times of day at which its workload's unshifted runs start.
    pub historical_ugco2e: Option<i64>,
    pub overhead: Option<Overhead>,
    pub forecast: Option<ForecastOutcome>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effect {
    pub actual: i64,
    pub counterfactual: i64,
    pub bounds: Option<Bounds>,
}

/// What shifting itself used: on the side of the actual.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overhead {
    pub energy_mj: i64,
    pub emissions_ugco2e: i64,
}

/// What a decision's forecast came to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ForecastOutcome {
    /// The run's energy at the forecast intensities.
    pub expected_avoided_ugco2e: i64,
    /// Energy-weighted means over the run, as they came to pass.
    pub realised_baseline_gco2e_per_kwh: f64,
    pub realised_chosen_gco2e_per_kwh: f64,
}

/// Evaluates every run of the plan.
pub fn evaluate(plan: &Plan<'_>, inventory: &Inventory, history: &History) -> Effects {
    let times = times_of_day(plan, history);
    let clock = clock(plan, &times);
    let valuations = Valuations::of(plan);
    let mut effects = Effects { runs: vec![RunEffects::default(); plan.runs.len()], ..Effects::default() };
    let mut workloads = Workloads::default();
    for (index, run) in plan.runs.iter().enumerate() {
        let Some(subject) = Subject::of(plan, run, &inventory.profiles[index], inventory.runs[index]) else { continue };
        let times = times.get(&workload_name(plan, run)).map(|times| (times, &clock));
        effects.runs[index] = subject.effects(&valuations, times, &mut workloads);
    }
    effects.movable = workloads.ranked();
    effects.capacity = capacity::check(plan, inventory);
    effects.curves = curves(plan, inventory);
    effects
}

/// The workload by the name of the cluster in which it would have run.
pub(super) fn workload_name(plan: &Plan<'_>, run: &PlannedRun) -> WorkloadName {
    let cluster = plan.terms.clusters[run.home_cluster.unwrap_or(run.cluster)].name.clone();
    (cluster, run.run.job.namespace.to_string(), run.run.job.workload.to_string())
}

/// Of the days before the period, and of the period's own runs that nobody shifted.
fn times_of_day(plan: &Plan<'_>, history: &History) -> BTreeMap<WorkloadName, TimesOfDay> {
    let mut starts = history.starts_ms.clone();
    for run in plan.runs.iter().filter(|run| run.cause == Cause::None) {
        if let Ok(timing) = &run.place {
            starts.entry(workload_name(plan, run)).or_default().push(timing.start_ms);
        }
    }
    let time_zone = plan.terms.period.time_zone();
    let of = |starts: Vec<i64>| TimesOfDay::of(&starts, plan.terms.step_seconds, time_zone);
    starts.into_iter().map(|(name, starts)| (name, of(starts))).collect()
}

fn clock(plan: &Plan<'_>, times: &BTreeMap<WorkloadName, TimesOfDay>) -> Clock {
    let baselines = || plan.runs.iter().filter_map(|run| run.place.as_ref().ok()).map(|timing| timing.baseline_start_ms);
    let (Some(first), Some(last)) = (baselines().min(), baselines().max()) else { return Clock::default() };
    Clock::of(times.values(), (first, last), plan.terms.period.time_zone())
}

fn curves(plan: &Plan<'_>, inventory: &Inventory) -> Vec<RunCurve> {
    let effect = |index: usize| inventory.runs[index].counterfactual_ugco2e - inventory.runs[index].actual_ugco2e;
    let shifted = |index: &usize| plan.runs[*index].cause != Cause::None && effect(*index) != 0;
    let mut largest: Vec<usize> = (0..plan.runs.len()).filter(shifted).collect();
    largest.sort_by_key(|index| (Reverse(effect(*index).abs()), *index));
    let curve = |index: usize| {
        let run = &plan.runs[index];
        let timing = run.place.as_ref().ok()?;
        let ran = plan.sites[run.cluster].get(run.run.site?)?.zone;
        let baseline = (timing.baseline_zone != ran).then(|| plan.zones[timing.baseline_zone].integral());
        Some(RunCurve::of(index, timing, plan.zones.get(ran)?.integral(), baseline))
    };
    largest.into_iter().filter_map(curve).take(PICTURED).collect()
}

#[cfg(test)]
mod tests;
