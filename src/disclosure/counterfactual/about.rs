//! What the section needs and runs do not say themselves.
//!
//! In: the plan, the inventory, what was found of all runs together. Out: [`About`], with names for indices. Does not: sum anything.

use chrono::{DateTime, Utc};

use super::timelines;
use crate::accounting::counterfactual::capacity::Capacity;
use crate::accounting::counterfactual::class::class_in_month;
use crate::accounting::counterfactual::curves::RunCurve;
use crate::accounting::counterfactual::move_next::Movable;
use crate::accounting::inventory::Inventory;
use crate::accounting::plan::Plan;
use crate::disclosure::assemble::Particulars;
use crate::disclosure::statement::{BaselinePolicyStatement, CapacityHour, CapacityStatement, MoveNext, Timeline};
use crate::model::policy::LocationBased;
use crate::model::{Boundary, ClassBasis, DeferralClass, HoldOutPolicy};
use crate::units::{MicrogramsCo2e, Millijoules};

pub struct About {
    pub policy: BaselinePolicyStatement,
    pub hold_out: Option<HoldOutPolicy>,
    pub location_based: LocationBased,
    /// Whether a cluster, or a pool of one, is a cloud's.
    pub has_cloud: bool,
    pub capacity: CapacityStatement,
    pub move_next: Vec<MoveNext>,
    pub timelines: Vec<Timeline>,
    /// Zone, provider, edition of each marginal series.
    pub marginal_series: Vec<String>,
    /// Every workload of the period.
    pub workloads: Vec<WorkloadClass>,
}

/// A workload of the period, with its active energy in it, and the class that it has where none of its runs says otherwise.
pub struct WorkloadClass {
    pub cluster: String,
    pub namespace: String,
    pub workload: String,
    pub active_mj: Millijoules,
    pub class: DeferralClass,
    pub basis: ClassBasis,
}

impl About {
    /// `workloads` is cluster, namespace, name and active energy of each.
    pub fn of(plan: &Plan<'_>, inventory: &Inventory, particulars: &Particulars, workloads: &[(&str, &str, &str, Millijoules)]) -> Self {
        let effects = &particulars.effects;
        let mut sites = plan.terms.clusters.iter().flat_map(|cluster| &cluster.sites);
        Self {
            policy: particulars.baseline.clone(),
            hold_out: plan.terms.hold_out.clone(),
            location_based: particulars.policy.location_based,
            has_cloud: sites.any(|site| site.boundary == Boundary::Cloud),
            capacity: capacity(plan, &effects.capacity),
            move_next: effects.movable.iter().map(|movable| move_next(plan, movable)).collect(),
            timelines: effects.curves.iter().filter_map(|curve| timeline(plan, inventory, curve)).collect(),
            marginal_series: particulars.marginal_series.clone(),
            workloads: workloads.iter().map(|workload| classified(plan, *workload)).collect(),
        }
    }
}

fn capacity(plan: &Plan<'_>, capacity: &Capacity) -> CapacityStatement {
    let job = |run: &usize| format!("{}/{}", plan.runs[*run].run.job.namespace, plan.runs[*run].run.job.job);
    let exceeded = capacity.exceeded.iter().map(|hour| CapacityHour {
        cluster: plan.terms.clusters[hour.cluster].name.clone(),
        hour: DateTime::<Utc>::from_timestamp(i64::from(hour.hour) * 3_600, 0).unwrap_or_default(),
        requested_milli: hour.requested_milli,
        allocatable_milli: hour.allocatable_milli,
        jobs: hour.runs.iter().map(job).collect(),
    });
    CapacityStatement {
        examined_hours: capacity.examined_hours,
        unknown_clusters: capacity.unknown_clusters.iter().map(|cluster| plan.terms.clusters[*cluster].name.clone()).collect(),
        exceeded: exceeded.collect(),
    }
}

fn move_next(plan: &Plan<'_>, movable: &Movable) -> MoveNext {
    let (cluster, namespace, workload) = movable.workload.clone();
    MoveNext {
        cluster,
        namespace,
        workload,
        basis: movable.basis,
        runs: movable.runs,
        active_mj: Millijoules::new(movable.active_mj),
        actual_ugco2e: MicrogramsCo2e::new(movable.actual_ugco2e),
        max_delay_seconds: movable.max_delay_seconds,
        delay_seconds: movable.delay_seconds,
        zone: plan.zones[movable.zone].zone.clone(),
        saved_by_delay_ugco2e: MicrogramsCo2e::new(movable.saved_by_delay_ugco2e),
        saved_at_best_ugco2e: MicrogramsCo2e::new(movable.saved_at_best_ugco2e),
    }
}

fn timeline(plan: &Plan<'_>, inventory: &Inventory, curve: &RunCurve) -> Option<Timeline> {
    let (run, sums) = (&plan.runs[curve.run], &inventory.runs[curve.run]);
    let grid_zone = &plan.terms.clusters[run.cluster].sites[run.run.site?].grid_zone;
    timelines::of(run, grid_zone, MicrogramsCo2e::new(sums.counterfactual_ugco2e - sums.actual_ugco2e), curve)
}

fn classified(plan: &Plan<'_>, (cluster, namespace, workload, active_mj): (&str, &str, &str, Millijoules)) -> WorkloadClass {
    let (class, basis) = class_in_month(plan, cluster, namespace, workload);
    WorkloadClass { cluster: cluster.to_owned(), namespace: namespace.to_owned(), workload: workload.to_owned(), active_mj, class, basis }
}
