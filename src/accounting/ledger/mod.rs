//! The ledger of one cluster and UTC day: energy balance, idle allocation, facility energy and emissions, row by row and summed.
//!
//! In: the evidence tables `node_steps` and `usage`, and [`DayTerms`], what dimensions, configuration and intensity say of the day.
//! Out: [`DayFold`], integer sums by workload and hour, by node, by job run; on demand the rows themselves.
//! Rule: `queries/accounting/*.sql` in the order of `plan.txt` (method, sections 2, 3, 4, 7). Two engines do the same: [`sql`] runs those files on polars;
//! [`columns`] is one pass over sorted columns for months of many pods. Tests hold both, and DuckDB on the same files, to one hash.
//! Assumes: usage is sorted by pod and step, and pods of a node stand together. Does not: read, ask the time, or know names.

#[cfg(test)]
mod category3_test;
pub mod columns;
pub mod content;
mod grid;
mod hours;
pub mod inputs;
mod reservations;
#[cfg(test)]
mod reservations_test;
mod run_steps;
#[cfg(test)]
mod run_steps_test;
mod segments;
pub mod sql;
#[cfg(test)]
mod tests;
pub mod trace;
#[cfg(test)]
mod trace_test;

use self::content::ContentHash;
pub use self::run_steps::RunRow;
pub use self::segments::Segment;
use crate::accounting::category3::ZoneCategory3;
use crate::accounting::counterfactual::retiming::RunTiming;
use crate::accounting::intensity::ZoneIntensity;
use crate::model::policy::{IdlePolicy, Tails};

/// What is true of a node for the ledger.
#[derive(Clone, Debug)]
pub struct NodeTerms {
    pub site: usize,
}

/// What is true of a pod for the ledger.
#[derive(Clone, Copy, Debug)]
pub struct PodTerms {
    pub workload: i32,
    /// -1 where the pod belongs to no job run.
    pub job: i32,
    pub cpu_request_milli: i64,
    /// Devices.
    pub gpu_request: i64,
}

/// What is true of a site: which grid, which building.
#[derive(Clone, Debug)]
pub struct SiteTerms {
    /// Index into [`DayTerms::zones`].
    pub zone: usize,
    pub pue: f64,
    /// Only what is in Scope 2 has upstream and grid losses in Scope 3 category 3.
    pub is_scope2: bool,
    /// Where runs of the site would have been, where they do not say it themselves: another zone, or its own.
    pub home_zone: usize,
    pub home_pue: f64,
}

/// A step of a node that no meter saw, with the energy it is filled with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GapStep {
    pub node_id: i32,
    pub step: i32,
    pub gap_mj: i64,
}

/// What is true of a job run for the ledger.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum RunTerms {
    /// It ended in another month.
    #[default]
    NotCounted,
    /// It has no place in the counterfactual; its energy is shown all the same.
    Unplaced,
    /// When it was, and when it would have been.
    Placed(RunTiming),
}

/// Everything beside the two evidence tables that the ledger of a cluster-day depends on.
#[derive(Clone)]
pub struct DayTerms<'a> {
    pub step_seconds: i64,
    /// First step of the UTC day, and how many it has.
    pub first_step: i32,
    pub step_count: usize,
    /// The steps of the period, half-open.
    pub period_steps: (i32, i32),
    pub idle: IdlePolicy,
    pub tails: Tails,
    pub nodes: Vec<NodeTerms>,
    pub pods: Vec<PodTerms>,
    pub sites: &'a [SiteTerms],
    pub zones: &'a [ZoneIntensity],
    /// By zone; a zone that it does not reach has no category 3.
    pub category3: &'a [ZoneCategory3],
    pub workload_count: usize,
    pub gaps: Vec<GapStep>,
    /// By job id of the day.
    pub runs: Vec<RunTerms>,
}

impl DayTerms<'_> {
    pub fn is_in_period(&self, step: i32) -> bool {
        step >= self.period_steps.0 && step < self.period_steps.1
    }

    pub fn hour_of(&self, step: i32) -> i32 {
        let hour = i64::from(step) * self.step_seconds / 3_600;
        i32::try_from(hour).expect("hours since the epoch fit for some hundred thousand years")
    }

    /// The segments of every step of the period in every zone, by `zone * step_count + step`; empty outside the period.
    pub fn segments(&self) -> Vec<Vec<Segment>> {
        let mut segments = Vec::with_capacity(self.zones.len() * self.step_count);
        for (index, zone) in self.zones.iter().enumerate() {
            for step in (self.first_step..).take(self.step_count) {
                let from_s = i64::from(step) * self.step_seconds;
                let is_in_period = self.is_in_period(step);
                let of_step = || segments::of_step(zone, self.category3.get(index), from_s, from_s + self.step_seconds);
                segments.push(if is_in_period { of_step() } else { Vec::new() });
            }
        }
        segments
    }
}

/// Sums of ledger rows. Annual emissions, upstream and losses are meaningless where the zone has no such factor; whoever reads them knows the zone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    pub active_mj: i64,
    pub idle_mj: i64,
    pub system_mj: i64,
    pub gap_mj: i64,
    /// Of active, idle and system: what a node's meter shared by CPU time, and tails that were moved.
    pub allocated_mj: i64,
    /// Of active, idle and system: what no meter saw and a model says.
    pub modelled_mj: i64,
    pub facility_mj: i64,
    pub operational_hourly_ugco2e: i64,
    pub operational_annual_ugco2e: i64,
    /// Scope 3 category 3, activity B, of what is in Scope 2.
    pub upstream_ugco2e: i64,
    /// Scope 3 category 3, activity C, of what is in Scope 2.
    pub losses_ugco2e: i64,
}

/// Gives a struct of integers a field-by-field `add` in which overflow is an error, never a wrap.
macro_rules! checked_sums {
    ($name:ident { $($field:ident),* $(,)? }) => {
        impl $name {
            pub fn add(&mut self, other: &Self) {
                $(self.$field = self.$field.checked_add(other.$field).expect("sums stay below 2^63: every input was bounded");)*
            }
        }
    };
}

checked_sums!(Sums {
    active_mj,
    idle_mj,
    system_mj,
    gap_mj,
    allocated_mj,
    modelled_mj,
    facility_mj,
    operational_hourly_ugco2e,
    operational_annual_ugco2e,
    upstream_ugco2e,
    losses_ugco2e,
});
checked_sums!(NodeDay { metered_mj, attributed_mj, idle_mj, system_mj, gap_mj, correction_mj, idle_cut_mj, tail_mj });
checked_sums!(RunSums { active_mj, outside_mj, actual_ugco2e, counterfactual_ugco2e });

/// Sums by site, workload and hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkloadHour {
    pub site: i32,
    pub workload: i32,
    /// Hours since the epoch.
    pub hour: i32,
    pub sums: Sums,
}

/// The reconciliation of a node for the day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NodeDay {
    pub metered_mj: i64,
    pub attributed_mj: i64,
    pub idle_mj: i64,
    pub system_mj: i64,
    pub gap_mj: i64,
    pub correction_mj: i64,
    pub idle_cut_mj: i64,
    /// Size of the tails, moved or not: at most what each step had left for (system).
    pub tail_mj: i64,
}

/// What a day adds to a job run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RunSums {
    pub active_mj: i64,
    pub outside_mj: i64,
    pub actual_ugco2e: i64,
    pub counterfactual_ugco2e: i64,
}

/// What a run used in a step at a site, and asked for. `site` is of the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RunStep {
    pub job: i32,
    pub step: i32,
    pub site: i32,
    pub active_mj: i64,
    pub cpu_request_milli: i64,
}

/// What all pods of a cluster asked for in a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StepRequest {
    pub step: i32,
    pub cpu_request_milli: i64,
}

/// What a workload reserves of a node over a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reservation {
    pub node: i32,
    pub workload: i32,
    /// Requested thousandths of a core, summed over the steps in which a pod was seen.
    pub milli_steps: i64,
    /// Requested GPUs, summed alike.
    pub gpu_steps: i64,
}

/// One row of the ledger, for those who want to see rows: tests, and whoever traces a figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LedgerRow {
    pub node_id: i32,
    pub step: i32,
    pub row_id: i32,
    pub active_mj: i64,
    pub idle_mj: i64,
    pub system_mj: i64,
    pub gap_mj: i64,
    pub allocated_mj: i64,
    pub modelled_mj: i64,
    pub facility_mj: i64,
    pub operational_hourly_ugco2e: Option<i64>,
    pub operational_annual_ugco2e: Option<i64>,
    /// 0 where the node is not in Scope 2.
    pub upstream_ugco2e: Option<i64>,
    pub losses_ugco2e: Option<i64>,
}

/// What one cluster-day, or a range of its nodes, adds to the month.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DayFold {
    /// Sorted by site, workload, hour.
    pub workload_hours: Vec<WorkloadHour>,
    /// By node id; nodes of other parts are zero.
    pub node_days: Vec<NodeDay>,
    /// By job id.
    pub runs: Vec<RunSums>,
    /// Sorted by node and workload; none where nothing is reserved.
    pub reservations: Vec<Reservation>,
    /// Sorted by job, step, site; of runs that count.
    pub run_steps: Vec<RunStep>,
    /// Sorted by step.
    pub step_requests: Vec<StepRequest>,
    /// Usage rows of node-steps without a meter or a gap to stand in: they carry nothing, and are counted.
    pub unmetered_rows: u64,
    pub usage_rows: u64,
    /// Of the whole day's rows, those outside the period too; where it was asked for.
    pub content: Option<ContentHash>,
}
