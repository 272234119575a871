//! Totals of placed runs, and the same by cause.
//!
//! Rule (method, section 7): a gain is an avoided amount above zero, a loss one below; captured = Σ avoided / Σ (counterfactual − best) over placed runs with
//! a window. Does not: compute a share of sums of shares: a year's is worked out anew.

use super::Placed;
use crate::disclosure::statement::{ByCause, CounterfactualFigures, Windowed};
use crate::model::Cause;
use crate::units::MicrogramsCo2e;

pub fn of(placed: &[Placed<'_>]) -> (CounterfactualFigures, ByCause) {
    let (mut total, mut by_cause) = (CounterfactualFigures::default(), ByCause::default());
    for run in placed {
        let of_cause = match run.run.cause {
            Cause::Carbon => &mut by_cause.carbon,
            Cause::Other => &mut by_cause.other,
            Cause::None => &mut by_cause.none,
        };
        add_run(&mut total, run);
        add_run(of_cause, run);
    }
    for figures in [&mut total, &mut by_cause.carbon, &mut by_cause.other, &mut by_cause.none] {
        figures.captured_share = captured(&figures.windowed);
    }
    (total, by_cause)
}

/// Sums of another month.
pub fn add(figures: &mut CounterfactualFigures, other: &CounterfactualFigures) {
    figures.runs += other.runs;
    figures.shifted_runs += other.shifted_runs;
    figures.gained_runs += other.gained_runs;
    figures.actual_ugco2e += other.actual_ugco2e;
    figures.counterfactual_ugco2e += other.counterfactual_ugco2e;
    figures.avoided_ugco2e += other.avoided_ugco2e;
    figures.gains_ugco2e += other.gains_ugco2e;
    figures.losses_ugco2e += other.losses_ugco2e;
    let (mine, theirs) = (&mut figures.windowed, &other.windowed);
    mine.runs += theirs.runs;
    mine.actual_ugco2e += theirs.actual_ugco2e;
    mine.counterfactual_ugco2e += theirs.counterfactual_ugco2e;
    mine.avoided_ugco2e += theirs.avoided_ugco2e;
    mine.best_ugco2e += theirs.best_ugco2e;
    mine.worst_ugco2e += theirs.worst_ugco2e;
    mine.mean_ugco2e += theirs.mean_ugco2e;
    figures.captured_share = captured(mine);
}

fn add_run(figures: &mut CounterfactualFigures, run: &Placed<'_>) {
    let Placed { run, actual, counterfactual, avoided } = *run;
    figures.runs += 1;
    figures.shifted_runs += u64::from(run.cause != Cause::None);
    figures.gained_runs += u64::from(avoided > MicrogramsCo2e::ZERO);
    figures.actual_ugco2e += actual;
    figures.counterfactual_ugco2e += counterfactual;
    figures.avoided_ugco2e += avoided;
    if avoided > MicrogramsCo2e::ZERO {
        figures.gains_ugco2e += avoided;
    } else {
        figures.losses_ugco2e += avoided;
    }
    if let (Some(best), Some(worst), Some(mean)) = (run.best_ugco2e, run.worst_ugco2e, run.mean_ugco2e) {
        let windowed = &mut figures.windowed;
        windowed.runs += 1;
        windowed.actual_ugco2e += actual;
        windowed.counterfactual_ugco2e += counterfactual;
        windowed.avoided_ugco2e += avoided;
        windowed.best_ugco2e += best;
        windowed.worst_ugco2e += worst;
        windowed.mean_ugco2e += mean;
    }
}

/// Below zero where shifting did harm; above one where a run went beyond its window.
fn captured(windowed: &Windowed) -> Option<f64> {
    let possible = (windowed.counterfactual_ugco2e - windowed.best_ugco2e).get();
    (possible != 0).then(|| windowed.avoided_ugco2e.get() as f64 / possible as f64)
}

#[cfg(test)]
mod tests {
    use super::super::placed;
    use super::super::story::{bounded, run, ug};
    use super::*;
    use crate::disclosure::statement::JobRunStatement;

    #[test]
    fn gains_and_losses_stand_beside_each_other_and_add_up_to_what_was_avoided() {
        let runs = [run("a", Cause::Carbon, 100, 160), run("b", Cause::Carbon, 90, 70), run("c", Cause::Other, 50, 50)];

        let (total, by_cause) = of(&placed(&runs));

        assert_eq!((total.runs, total.shifted_runs, total.gained_runs), (3, 3, 1));
        assert_eq!((total.actual_ugco2e, total.counterfactual_ugco2e), (ug(240), ug(280)));
        assert_eq!((total.avoided_ugco2e, total.gains_ugco2e, total.losses_ugco2e), (ug(40), ug(60), ug(-20)));
        assert_eq!((by_cause.carbon.runs, by_cause.other.runs, by_cause.none.runs), (2, 1, 0));
        assert_eq!(by_cause.carbon.avoided_ugco2e, ug(40));
    }

    #[test]
    fn a_run_without_a_window_is_in_the_totals_and_not_in_the_captured_share() {
        // 30 of the 60 that the first could have had; the second, which nobody gave a window, avoided 1,000.
        let runs = [bounded(run("a", Cause::Carbon, 70, 100), 40, 130, 90), run("b", Cause::Carbon, 0, 1_000)];

        let (total, _) = of(&placed(&runs));

        assert_eq!(total.captured_share, Some(0.5));
        let windowed = total.windowed;
        assert_eq!(
            (windowed.runs, windowed.actual_ugco2e, windowed.counterfactual_ugco2e, windowed.avoided_ugco2e),
            (1, ug(70), ug(100), ug(30))
        );
        assert_eq!((windowed.best_ugco2e, windowed.worst_ugco2e, windowed.mean_ugco2e), (ug(40), ug(130), ug(90)));
        assert_eq!(total.avoided_ugco2e, ug(1_030));
    }

    #[test]
    fn where_nothing_could_be_had_no_share_of_it_is_captured() {
        let runs = [bounded(run("a", Cause::None, 100, 100), 100, 100, 100)];
        assert_eq!(of(&placed(&runs)).0.captured_share, None);
        assert_eq!(of(&placed(&[])).0, CounterfactualFigures::default());
    }

    #[test]
    fn a_year_has_the_share_of_its_sums_not_the_mean_of_its_shares() {
        // 10 of 10, and 0 of 90: one tenth, not one half.
        let month = |run: JobRunStatement| of(&placed(&[run])).0;
        let mut year = month(bounded(run("a", Cause::Carbon, 0, 10), 0, 10, 5));
        add(&mut year, &month(bounded(run("b", Cause::None, 90, 90), 0, 90, 45)));

        assert_eq!(year.captured_share, Some(0.1));
        assert_eq!((year.runs, year.windowed.runs, year.avoided_ugco2e), (2, 2, ug(10)));
    }
}
