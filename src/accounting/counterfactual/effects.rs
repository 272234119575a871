//! What became of each run, beside what the ledger says of it.

use super::bounds::Bounds;
use super::capacity::Capacity;
use super::history::History;
use super::move_next::Movable;
use crate::accounting::inventory::Inventory;
use crate::accounting::plan::Plan;

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
    /// Counterfactual, averaged over the hours of day at which its workload's unshifted runs start.
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

/// The intensity around a run, from before its baseline to after its end.
#[derive(Clone, Debug, PartialEq)]
pub struct RunCurve {
    /// Index of [`Plan::runs`].
    pub run: usize,
    /// Of the zone where it ran: start in seconds since the epoch, g/kWh. The last point closes the last interval.
    pub ran: Vec<(i64, f64)>,
    /// Of the baseline zone, where that is another.
    pub baseline: Vec<(i64, f64)>,
}

/// Evaluates every run of the plan.
pub fn evaluate(plan: &Plan<'_>, inventory: &Inventory, history: &History) -> Effects {
    let _ = (inventory, history);
    Effects { runs: vec![RunEffects::default(); plan.runs.len()], ..Effects::default() }
}
