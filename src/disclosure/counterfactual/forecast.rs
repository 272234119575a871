//! What forecasts promised, against what came to pass.
//!
//! Rule: over placed runs whose decision has a forecast; the error is forecast less realised intensity of the chosen slot, each run once, whatever it used.
//! Errors are summed in the order of their size, so that the order of runs is in no digit.

use super::Placed;
use crate::disclosure::statement::ForecastError;
use crate::units::MicrogramsCo2e;

/// None where no decision has a forecast.
pub fn of(placed: &[Placed<'_>]) -> Option<ForecastError> {
    let mut sum = ForecastError::default();
    let mut errors = Vec::new();
    for run in placed {
        let Some(forecast) = run.run.decision.as_ref().and_then(|decision| decision.forecast.as_ref()) else { continue };
        let (Some(expected), Some(realised)) = (forecast.expected_avoided_ugco2e, forecast.realised_chosen_gco2e_per_kwh) else { continue };
        sum.expected_avoided_ugco2e += expected;
        sum.realised_avoided_ugco2e += run.avoided;
        sum.wrong_way_runs += u64::from(expected > MicrogramsCo2e::ZERO && run.avoided < MicrogramsCo2e::ZERO);
        errors.push(forecast.chosen_gco2e_per_kwh - realised);
    }
    if errors.is_empty() {
        return None;
    }
    errors.sort_by(f64::total_cmp);
    sum.runs = errors.len() as u64;
    sum.mean_error_gco2e_per_kwh = errors.iter().sum::<f64>() / sum.runs as f64;
    sum.mean_absolute_error_gco2e_per_kwh = errors.iter().map(|error| error.abs()).sum::<f64>() / sum.runs as f64;
    Some(sum)
}

pub fn add(year: &mut Option<ForecastError>, month: Option<&ForecastError>) {
    let Some(month) = month else { return };
    let sum = year.get_or_insert_default();
    let runs = (sum.runs + month.runs) as f64;
    let mean = |mine: f64, theirs: f64| (mine * sum.runs as f64 + theirs * month.runs as f64) / runs;
    sum.mean_error_gco2e_per_kwh = mean(sum.mean_error_gco2e_per_kwh, month.mean_error_gco2e_per_kwh);
    sum.mean_absolute_error_gco2e_per_kwh = mean(sum.mean_absolute_error_gco2e_per_kwh, month.mean_absolute_error_gco2e_per_kwh);
    sum.runs += month.runs;
    sum.expected_avoided_ugco2e += month.expected_avoided_ugco2e;
    sum.realised_avoided_ugco2e += month.realised_avoided_ugco2e;
    sum.wrong_way_runs += month.wrong_way_runs;
}

#[cfg(test)]
mod tests {
    use super::super::placed;
    use super::super::story::{forecast, run, ug};
    use super::*;
    use crate::model::Cause;

    #[test]
    fn an_expectation_that_came_to_the_opposite_is_counted() {
        // Expected +50, +20, −5; came to +60, −10, −15. Errors of the chosen slot: 100 − 110, 80 − 120, 300 − 290.
        let runs = [
            forecast(run("a", Cause::Carbon, 100, 160), 50, 100.0, 110.0),
            forecast(run("b", Cause::Carbon, 100, 90), 20, 80.0, 120.0),
            forecast(run("c", Cause::Carbon, 100, 85), -5, 300.0, 290.0),
            run("without", Cause::Carbon, 100, 200),
        ];

        let sum = of(&placed(&runs)).unwrap();

        assert_eq!((sum.runs, sum.wrong_way_runs), (3, 1));
        assert_eq!((sum.expected_avoided_ugco2e, sum.realised_avoided_ugco2e), (ug(65), ug(35)));
        assert_eq!((sum.mean_error_gco2e_per_kwh, sum.mean_absolute_error_gco2e_per_kwh), (-40.0 / 3.0, 20.0));
        assert_eq!(of(&placed(&runs[3..])), None);
    }

    #[test]
    fn a_year_weighs_its_months_by_their_runs() {
        let month = |errors: &[f64]| {
            let runs: Vec<_> = errors.iter().map(|error| forecast(run("a", Cause::Carbon, 100, 160), 50, 100.0 + error, 100.0)).collect();
            of(&placed(&runs))
        };
        let mut year = None;
        for month in [month(&[8.0]), None, month(&[-4.0, 4.0, 0.0])] {
            add(&mut year, month.as_ref());
        }

        let year = year.unwrap();
        assert_eq!((year.runs, year.mean_error_gco2e_per_kwh, year.mean_absolute_error_gco2e_per_kwh), (4, 2.0, 4.0));
        assert_eq!((year.expected_avoided_ugco2e, year.realised_avoided_ugco2e), (ug(200), ug(240)));
    }
}
