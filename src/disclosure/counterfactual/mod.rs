//! Sums of job runs against their counterfactual, section by section.
//!
//! In: the statements of a month's job runs, and what runs do not say themselves ([`About`]). Out: [`Counterfactual`]; for a year, the same of its months.
//! Rule (method, sections 7 and 8): every section is a sum over runs as the report shows them, signs kept and losses counted, so whoever has the report can do it
//! again. Whatever the order of the runs, the digits are the same. Does not: value a run, or touch the inventory: nothing here is ever netted with it.

pub mod about;
mod alternatives;
mod consequential;
mod cost;
mod deferrability;
mod figures;
mod forecast;
mod hold_out;
mod overheads;
mod policy;
#[cfg(test)]
mod story;
#[cfg(test)]
mod tests;
mod timelines;

pub use self::about::{About, WorkloadClass};
pub use self::cost::add as add_cost;
pub use self::figures::add as add_figures;
use super::statement::{
    COUNTERFACTUAL_LABEL, CapacityStatement, CostFigures, Counterfactual, CounterfactualFigures, Deferrability, JobRunStatement,
};
use crate::units::MicrogramsCo2e;

/// A run that has a counterfactual.
#[derive(Clone, Copy)]
struct Placed<'a> {
    run: &'a JobRunStatement,
    actual: MicrogramsCo2e,
    counterfactual: MicrogramsCo2e,
    /// Above zero where shifting it paid, below where it did not.
    avoided: MicrogramsCo2e,
}

fn placed<'a>(runs: impl IntoIterator<Item = &'a JobRunStatement>) -> Vec<Placed<'a>> {
    let mut placed = Vec::new();
    for run in runs {
        if let (Some(actual), Some(counterfactual)) = (run.actual_ugco2e, run.counterfactual_ugco2e) {
            placed.push(Placed { run, actual, counterfactual, avoided: counterfactual - actual });
        }
    }
    placed
}

/// Sums over some of the runs of a month, with what those that have prices cost.
pub fn sums<'a>(runs: impl IntoIterator<Item = &'a JobRunStatement>) -> (CounterfactualFigures, Option<CostFigures>) {
    let placed = placed(runs);
    (figures::of(&placed).0, cost::of(&placed))
}

/// The whole section of a month.
pub fn section(runs: &[JobRunStatement], about: About) -> Counterfactual {
    let placed = placed(runs);
    let (total, by_cause) = figures::of(&placed);
    Counterfactual {
        label: COUNTERFACTUAL_LABEL,
        unplaced_runs: (runs.len() - placed.len()) as u64,
        double_count_statement: policy::double_count(about.location_based, about.has_cloud),
        policy: policy::of(&placed, about.policy),
        alternatives: alternatives::of(&placed),
        cost: cost::of(&placed),
        consequential: consequential::of(&placed, about.marginal_series),
        disagreement: cost::disagreement(&placed),
        hold_out: about.hold_out.map(|policy| hold_out::of(&placed, &policy)),
        forecast: forecast::of(&placed),
        overheads: overheads::of(&placed, total.avoided_ugco2e),
        capacity: about.capacity,
        deferrability: Deferrability { classes: deferrability::of(runs, &about.workloads), move_next: about.move_next },
        timelines: about.timelines,
        total,
        by_cause,
    }
}

/// The whole section of a year: its months, each run counted in the month in which it ended. What was captured, and what the hold-out says, is worked out anew
/// from the year's own sums.
pub fn of_months<'a>(mut months: impl Iterator<Item = &'a Counterfactual>) -> Option<Counterfactual> {
    let mut year = months.next()?.clone();
    for month in months {
        figures::add(&mut year.total, &month.total);
        figures::add(&mut year.by_cause.carbon, &month.by_cause.carbon);
        figures::add(&mut year.by_cause.other, &month.by_cause.other);
        figures::add(&mut year.by_cause.none, &month.by_cause.none);
        year.unplaced_runs += month.unplaced_runs;
        year.double_count_statement.clone_from(&month.double_count_statement);
        policy::add(&mut year.policy, &month.policy);
        alternatives::add(&mut year.alternatives, &month.alternatives);
        cost::add(&mut year.cost, month.cost.as_ref());
        cost::add_disagreement(&mut year.disagreement, &month.disagreement);
        consequential::add(&mut year.consequential, month.consequential.as_ref());
        hold_out::add(&mut year.hold_out, month.hold_out.as_ref());
        forecast::add(&mut year.forecast, month.forecast.as_ref());
        overheads::add(&mut year.overheads, &month.overheads);
        add_capacity(&mut year.capacity, &month.capacity);
        deferrability::add(&mut year.deferrability, &month.deferrability);
        timelines::add(&mut year.timelines, &month.timelines);
    }
    Some(year)
}

fn add_capacity(year: &mut CapacityStatement, month: &CapacityStatement) {
    year.examined_hours += month.examined_hours;
    year.unknown_clusters.extend(month.unknown_clusters.iter().cloned());
    year.unknown_clusters.sort();
    year.unknown_clusters.dedup();
    year.exceeded.extend(month.exceeded.iter().cloned());
    year.exceeded.sort_by(|a, b| (&a.cluster, a.hour).cmp(&(&b.cluster, b.hour)));
}
