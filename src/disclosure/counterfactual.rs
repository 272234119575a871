//! Sums of job runs against their counterfactual: signs kept, losses counted, by cause.
//!
//! Rule (method, section 7): totals cover all placed runs, and again by cause; a gain is an avoided amount above zero, a loss one below.
//! Never netted with the inventory.

use super::statement::{
    BaselinePolicyStatement, ByCause, COUNTERFACTUAL_LABEL, CapacityStatement, Counterfactual, CounterfactualFigures, Deferrability,
    Disagreement, JobRunStatement, MoveNext, Overheads, Timeline,
};
use crate::model::policy::LocationBased;
use crate::model::{Cause, ClassBasis, DeferralClass, HoldOutPolicy};
use crate::units::{MicrogramsCo2e, Millijoules};

/// The whole section, as far as runs say it.
pub fn section(runs: &[JobRunStatement], about: About) -> Counterfactual {
    let (total, by_cause, unplaced_runs) = sum(runs);
    Counterfactual {
        label: COUNTERFACTUAL_LABEL,
        total,
        by_cause,
        unplaced_runs,
        double_count_statement: String::new(),
        policy: about.policy,
        alternatives: Vec::new(),
        cost: None,
        consequential: None,
        disagreement: Disagreement::default(),
        hold_out: None,
        forecast: None,
        overheads: Overheads::default(),
        capacity: about.capacity,
        deferrability: Deferrability { classes: Vec::new(), move_next: about.move_next },
        timelines: about.timelines,
    }
}

/// What runs do not say themselves.
pub struct About {
    pub policy: BaselinePolicyStatement,
    pub hold_out: Option<HoldOutPolicy>,
    pub location_based: LocationBased,
    pub capacity: CapacityStatement,
    pub move_next: Vec<MoveNext>,
    pub timelines: Vec<Timeline>,
    /// Zone, provider, edition of each marginal series.
    pub marginal_series: Vec<String>,
    /// Active energy by cluster, namespace, workload with the workload's class, of what is not a run.
    pub workloads: Vec<WorkloadClass>,
}

/// A workload of the period.
pub struct WorkloadClass {
    pub cluster: String,
    pub namespace: String,
    pub workload: String,
    pub active_mj: Millijoules,
    pub class: DeferralClass,
    pub basis: ClassBasis,
}

/// The totals, the totals by cause, and how many runs have no place.
fn sum(runs: &[JobRunStatement]) -> (CounterfactualFigures, ByCause, u64) {
    let (mut total, mut by_cause, mut unplaced) = (CounterfactualFigures::default(), ByCause::default(), 0);
    for run in runs {
        let (Some(actual), Some(counterfactual)) = (run.actual_ugco2e, run.counterfactual_ugco2e) else {
            unplaced += 1;
            continue;
        };
        let of_cause = match run.cause {
            Cause::Carbon => &mut by_cause.carbon,
            Cause::Other => &mut by_cause.other,
            Cause::None => &mut by_cause.none,
        };
        for figures in [&mut total, of_cause] {
            add(figures, actual, counterfactual, run.cause != Cause::None);
        }
    }
    (total, by_cause, unplaced)
}

impl CounterfactualFigures {
    /// Sums of another month. What was captured is not known of a sum of shares.
    pub fn add(&mut self, other: &Self) {
        self.runs += other.runs;
        self.shifted_runs += other.shifted_runs;
        self.gained_runs += other.gained_runs;
        self.actual_ugco2e += other.actual_ugco2e;
        self.counterfactual_ugco2e += other.counterfactual_ugco2e;
        self.avoided_ugco2e += other.avoided_ugco2e;
        self.gains_ugco2e += other.gains_ugco2e;
        self.losses_ugco2e += other.losses_ugco2e;
        self.captured_share = None;
    }
}

fn add(figures: &mut CounterfactualFigures, actual: MicrogramsCo2e, counterfactual: MicrogramsCo2e, is_shifted: bool) {
    let avoided = counterfactual - actual;
    figures.runs += 1;
    figures.shifted_runs += u64::from(is_shifted);
    figures.gained_runs += u64::from(avoided > MicrogramsCo2e::ZERO);
    figures.actual_ugco2e += actual;
    figures.counterfactual_ugco2e += counterfactual;
    figures.avoided_ugco2e += avoided;
    if avoided > MicrogramsCo2e::ZERO {
        figures.gains_ugco2e += avoided;
    } else {
        figures.losses_ugco2e += avoided;
    }
}
