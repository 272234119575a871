//! What is left to be had: workloads that could start later or elsewhere, and what a fixed delay would save.

use super::history::WorkloadName;
use super::window::WindowBasis;

/// A workload whose runs were not at their best start.
#[derive(Clone, Debug, PartialEq)]
pub struct Movable {
    pub workload: WorkloadName,
    pub basis: WindowBasis,
    /// Runs with a window that were not shifted.
    pub runs: u64,
    pub active_mj: i64,
    pub actual_ugco2e: i64,
    /// The shortest window of its runs.
    pub max_delay_seconds: i64,
    /// One delay for all its runs, and the zone, that together save most: what a changed schedule gets.
    pub delay_seconds: i64,
    pub zone: usize,
    pub saved_by_delay_ugco2e: i64,
    /// Each run at its own best start: the ceiling, with a perfect forecast.
    pub saved_at_best_ugco2e: i64,
}
