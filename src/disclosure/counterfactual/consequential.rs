//! The second table: what the grid as a whole would have emitted, by marginal intensities.
//!
//! Rule (method, section 7): a table of its own with a label of its own, never added to the attributional one. The attributional result over the same runs stands
//! beside it, with the number of runs of which the two say the opposite.

use super::Placed;
use crate::disclosure::statement::{CONSEQUENTIAL_LABEL, ConsequentialFigures, RunConsequential};
use crate::units::MicrogramsCo2e;

/// None where no run has marginal intensities. `series` is zone, provider, edition of each.
pub fn of(placed: &[Placed<'_>], series: Vec<String>) -> Option<ConsequentialFigures> {
    let mut sum = ConsequentialFigures { label: CONSEQUENTIAL_LABEL.to_owned(), series, ..ConsequentialFigures::default() };
    for (run, value) in placed.iter().filter_map(|run| Some((run, run.run.consequential?))) {
        let RunConsequential { actual_ugco2e, counterfactual_ugco2e, avoided_ugco2e, .. } = value;
        sum.runs += 1;
        sum.actual_ugco2e += actual_ugco2e;
        sum.counterfactual_ugco2e += counterfactual_ugco2e;
        sum.avoided_ugco2e += avoided_ugco2e;
        if avoided_ugco2e > MicrogramsCo2e::ZERO {
            sum.gains_ugco2e += avoided_ugco2e;
        } else {
            sum.losses_ugco2e += avoided_ugco2e;
        }
        sum.attributional_avoided_ugco2e += run.avoided;
        sum.opposite_runs += u64::from(avoided_ugco2e.get().signum() * run.avoided.get().signum() < 0);
    }
    (sum.runs > 0).then_some(sum)
}

pub fn add(year: &mut Option<ConsequentialFigures>, month: Option<&ConsequentialFigures>) {
    let Some(month) = month else { return };
    let Some(sum) = year else {
        *year = Some(month.clone());
        return;
    };
    sum.runs += month.runs;
    sum.actual_ugco2e += month.actual_ugco2e;
    sum.counterfactual_ugco2e += month.counterfactual_ugco2e;
    sum.avoided_ugco2e += month.avoided_ugco2e;
    sum.gains_ugco2e += month.gains_ugco2e;
    sum.losses_ugco2e += month.losses_ugco2e;
    sum.attributional_avoided_ugco2e += month.attributional_avoided_ugco2e;
    sum.opposite_runs += month.opposite_runs;
    sum.series.extend(month.series.iter().cloned());
    sum.series.sort();
    sum.series.dedup();
}

#[cfg(test)]
mod tests {
    use super::super::placed;
    use super::super::story::{marginal, run, ug};
    use super::*;
    use crate::model::Cause;

    #[test]
    fn the_grids_table_counts_the_runs_of_which_the_other_says_the_opposite() {
        let runs = [
            marginal(run("both gain", Cause::Carbon, 100, 160), 300, 350),
            marginal(run("gain and loss", Cause::Carbon, 100, 110), 400, 370),
            marginal(run("gain and nothing", Cause::Carbon, 100, 101), 200, 200),
            run("no marginal series", Cause::Carbon, 1, 2),
        ];

        let sum = of(&placed(&runs), vec!["NL, someone, 2026".to_owned()]).unwrap();

        assert_eq!((sum.runs, sum.actual_ugco2e, sum.counterfactual_ugco2e), (3, ug(900), ug(920)));
        assert_eq!((sum.avoided_ugco2e, sum.gains_ugco2e, sum.losses_ugco2e), (ug(20), ug(50), ug(-30)));
        assert_eq!((sum.attributional_avoided_ugco2e, sum.opposite_runs), (ug(71), 1));
        assert!(sum.label.contains("a claim about the grid, not part of reported emissions"));
        assert_eq!(of(&placed(&runs[3..]), Vec::new()), None);
    }

    #[test]
    fn a_year_names_each_series_once() {
        let month = |series: &str| of(&placed(&[marginal(run("a", Cause::Carbon, 100, 160), 300, 350)]), vec![series.to_owned()]);
        let mut year = None;
        for series in ["NL, someone, 2", "NL, someone, 1", "NL, someone, 2"] {
            add(&mut year, month(series).as_ref());
        }

        let year = year.unwrap();
        assert_eq!((year.runs, year.avoided_ugco2e, year.attributional_avoided_ugco2e), (3, ug(150), ug(180)));
        assert_eq!(year.series, ["NL, someone, 1", "NL, someone, 2"]);
    }
}
