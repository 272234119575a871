//! Money beside carbon, and where the two disagree.
//!
//! Rule: over the placed runs that have prices on both sides; a run disagrees where it saved the one and wasted the other, both strictly.
//! A run that left one of them as it was disagrees with nobody.

use super::Placed;
use crate::disclosure::statement::{CostFigures, Disagreement, DisagreementSums, RunCost};
use crate::units::{MicroEuros, MicrogramsCo2e};

/// None where no run has prices.
pub fn of(placed: &[Placed<'_>]) -> Option<CostFigures> {
    let mut sum = CostFigures::default();
    for RunCost { actual_micro_eur, counterfactual_micro_eur, saved_micro_eur, .. } in placed.iter().filter_map(|run| run.run.cost) {
        sum.runs += 1;
        sum.actual_micro_eur += actual_micro_eur;
        sum.counterfactual_micro_eur += counterfactual_micro_eur;
        sum.saved_micro_eur += saved_micro_eur;
        if saved_micro_eur > MicroEuros::ZERO {
            sum.gains_micro_eur += saved_micro_eur;
        } else {
            sum.losses_micro_eur += saved_micro_eur;
        }
    }
    (sum.runs > 0).then_some(sum)
}

pub fn disagreement(placed: &[Placed<'_>]) -> Disagreement {
    let (mut cleaner_and_dearer, mut cheaper_and_dirtier) = (DisagreementSums::default(), DisagreementSums::default());
    for (run, cost) in placed.iter().filter_map(|run| Some((run, run.run.cost?))) {
        let (avoided, saved) = (run.avoided.cmp(&MicrogramsCo2e::ZERO), cost.saved_micro_eur.cmp(&MicroEuros::ZERO));
        let sums = match (avoided.is_gt(), avoided.is_lt(), saved.is_gt(), saved.is_lt()) {
            (true, _, _, true) => &mut cleaner_and_dearer,
            (_, true, true, _) => &mut cheaper_and_dirtier,
            _ => continue,
        };
        sums.runs += 1;
        sums.avoided_ugco2e += run.avoided;
        sums.saved_micro_eur += cost.saved_micro_eur;
    }
    Disagreement { cleaner_and_dearer, cheaper_and_dirtier }
}

pub fn add(year: &mut Option<CostFigures>, month: Option<&CostFigures>) {
    let Some(month) = month else { return };
    let sum = year.get_or_insert_default();
    sum.runs += month.runs;
    sum.actual_micro_eur += month.actual_micro_eur;
    sum.counterfactual_micro_eur += month.counterfactual_micro_eur;
    sum.saved_micro_eur += month.saved_micro_eur;
    sum.gains_micro_eur += month.gains_micro_eur;
    sum.losses_micro_eur += month.losses_micro_eur;
}

pub fn add_disagreement(year: &mut Disagreement, month: &Disagreement) {
    let pairs = [(&mut year.cleaner_and_dearer, &month.cleaner_and_dearer), (&mut year.cheaper_and_dirtier, &month.cheaper_and_dirtier)];
    for (sum, other) in pairs {
        sum.runs += other.runs;
        sum.avoided_ugco2e += other.avoided_ugco2e;
        sum.saved_micro_eur += other.saved_micro_eur;
    }
}

#[cfg(test)]
mod tests {
    use super::super::placed;
    use super::super::story::{eur, priced, run, ug};
    use super::*;
    use crate::model::Cause;

    #[test]
    fn money_is_summed_over_the_runs_that_have_prices() {
        // The second was paid for at a price below zero: it would have earned 4 and earned 1.
        let runs = [
            priced(run("a", Cause::Carbon, 100, 160), 500, 700),
            priced(run("b", Cause::Carbon, 100, 110), -1, -4),
            run("c", Cause::Carbon, 1, 2),
        ];

        let sum = of(&placed(&runs)).unwrap();

        assert_eq!((sum.runs, sum.actual_micro_eur, sum.counterfactual_micro_eur), (2, eur(499), eur(696)));
        assert_eq!((sum.saved_micro_eur, sum.gains_micro_eur, sum.losses_micro_eur), (eur(197), eur(200), eur(-3)));
        assert_eq!(of(&placed(&runs[2..])), None);
    }

    #[test]
    fn only_strictly_opposite_signs_disagree() {
        let runs = [
            priced(run("cleaner, dearer", Cause::Carbon, 100, 160), 500, 480),
            priced(run("cheaper, dirtier", Cause::Carbon, 160, 100), 480, 500),
            priced(run("both", Cause::Carbon, 100, 160), 480, 500),
            priced(run("neither", Cause::Carbon, 160, 100), 500, 480),
            priced(run("cleaner, same money", Cause::Carbon, 100, 160), 500, 500),
            priced(run("same carbon, dearer", Cause::Carbon, 100, 100), 500, 480),
            run("no price", Cause::Carbon, 100, 160),
        ];

        let found = disagreement(&placed(&runs));

        assert_eq!(found.cleaner_and_dearer, DisagreementSums { runs: 1, avoided_ugco2e: ug(60), saved_micro_eur: eur(-20) });
        assert_eq!(found.cheaper_and_dirtier, DisagreementSums { runs: 1, avoided_ugco2e: ug(-60), saved_micro_eur: eur(20) });
    }

    #[test]
    fn a_year_sums_the_months_that_have_prices() {
        let runs = [priced(run("a", Cause::Carbon, 100, 160), 500, 480)];
        let month = of(&placed(&runs));
        let mut year = None;
        for month in [month.as_ref(), None, month.as_ref()] {
            add(&mut year, month);
        }
        let mut disagreements = Disagreement::default();
        for _ in 0..2 {
            add_disagreement(&mut disagreements, &disagreement(&placed(&runs)));
        }

        assert_eq!(year.map(|year| (year.runs, year.saved_micro_eur, year.losses_micro_eur)), Some((2, eur(-40), eur(-40))));
        assert_eq!(disagreements.cleaner_and_dearer, DisagreementSums { runs: 2, avoided_ugco2e: ug(120), saved_micro_eur: eur(-40) });
    }
}
