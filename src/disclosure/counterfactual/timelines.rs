//! The intensity around the runs with the largest effect: where they would have been, and where they were.

use std::cmp::Reverse;

use chrono::{DateTime, Utc};

use crate::accounting::counterfactual::curves::RunCurve;
use crate::accounting::plan::PlannedRun;
use crate::disclosure::statement::{CurvePoint, Timeline};
use crate::model::Name;
use crate::units::MicrogramsCo2e;

/// None for a run that has no place after all. `avoided` is the ledger's.
pub fn of(run: &PlannedRun, grid_zone: &str, avoided: MicrogramsCo2e, curve: &RunCurve) -> Option<Timeline> {
    let job = &run.run.job;
    Some(Timeline {
        cluster: job.cluster.clone(),
        namespace: job.namespace.clone(),
        job: job.job.clone(),
        start: run.start?,
        end: run.end?,
        baseline_start: run.baseline_start?,
        grid_zone: Name::from(grid_zone),
        baseline_zone: run.baseline_zone.clone()?,
        avoided_ugco2e: avoided,
        ran: points(&curve.ran)?,
        baseline: points(&curve.baseline)?,
    })
}

fn points(curve: &[(i64, f64)]) -> Option<Vec<CurvePoint>> {
    let point = |(seconds, gco2e_per_kwh): &(i64, f64)| {
        Some(CurvePoint { at: DateTime::<Utc>::from_timestamp(*seconds, 0)?, gco2e_per_kwh: *gco2e_per_kwh })
    };
    curve.iter().map(point).collect()
}

/// As many as a month shows, of all months: largest effect first.
pub fn add(year: &mut Vec<Timeline>, month: &[Timeline]) {
    let shown = year.len().max(month.len());
    year.extend(month.iter().cloned());
    year.sort_by_key(|line| Reverse(line.avoided_ugco2e.get().unsigned_abs()));
    year.truncate(shown);
}

#[cfg(test)]
mod tests {
    use super::super::story::{at, ug};
    use super::*;

    fn line(job: &str, avoided: i64) -> Timeline {
        let point = CurvePoint { at: at(1, 0), gco2e_per_kwh: 100.0 };
        Timeline {
            cluster: "prod-nl".into(),
            namespace: "etl".into(),
            job: job.into(),
            start: at(1, 5),
            end: at(1, 6),
            baseline_start: at(1, 1),
            grid_zone: "NL".into(),
            baseline_zone: "NL".into(),
            avoided_ugco2e: ug(avoided),
            ran: vec![point],
            baseline: Vec::new(),
        }
    }

    #[test]
    fn a_year_shows_the_largest_effects_of_its_months_losses_among_them() {
        let mut year = vec![line("a", 50), line("b", -10)];
        add(&mut year, &[line("c", -60)]);
        assert_eq!(year, [line("c", -60), line("a", 50)]);
    }

    #[test]
    fn a_curve_keeps_its_instants_and_values() {
        let first = at(1, 0).timestamp();
        let found = points(&[(first, 100.5), (first + 3_600, 90.0)]).unwrap();
        assert_eq!(found, [CurvePoint { at: at(1, 0), gco2e_per_kwh: 100.5 }, CurvePoint { at: at(1, 1), gco2e_per_kwh: 90.0 }]);
    }
}
