//! Sums of job runs against their counterfactual: signs kept, losses counted, by cause.
//!
//! Rule (method, section 7): totals cover all placed runs, and again by cause; a gain is an avoided amount above zero, a loss one below.
//! Never netted with the inventory.

use super::statement::{ByCause, CounterfactualFigures, JobRunStatement};
use crate::model::Cause;
use crate::units::MicrogramsCo2e;

/// The totals, the totals by cause, and how many runs have no place.
pub fn sum(runs: &[JobRunStatement]) -> (CounterfactualFigures, ByCause, u64) {
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
