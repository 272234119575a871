//! The result under other baselines, so that a reader sees how far it rests on the one that was chosen.
//!
//! Rule: over the placed runs for which an alternative is known, and the policy's own result over the same runs. A baseline that no run has is left out.

use super::Placed;
use crate::disclosure::statement::{Alternative, AlternativeBaseline, JobRunStatement};
use crate::units::MicrogramsCo2e;

type Value = fn(&JobRunStatement) -> Option<MicrogramsCo2e>;

const BASELINES: [(AlternativeBaseline, Value); 3] = [
    (AlternativeBaseline::AtCreation, |run| run.alternatives.at_creation_ugco2e),
    (AlternativeBaseline::MeanOfWindow, |run| run.mean_ugco2e),
    (AlternativeBaseline::Historical, |run| run.alternatives.historical_ugco2e),
];

pub fn of(placed: &[Placed<'_>]) -> Vec<Alternative> {
    let sum = |(baseline, value): (AlternativeBaseline, Value)| {
        let mut sum = nothing(baseline);
        for (run, counterfactual) in placed.iter().filter_map(|run| Some((run, value(run.run)?))) {
            sum.runs += 1;
            sum.actual_ugco2e += run.actual;
            sum.counterfactual_ugco2e += counterfactual;
            sum.avoided_ugco2e += counterfactual - run.actual;
            sum.policy_avoided_ugco2e += run.avoided;
        }
        sum
    };
    BASELINES.into_iter().map(sum).filter(|sum| sum.runs > 0).collect()
}

pub fn add(year: &mut Vec<Alternative>, month: &[Alternative]) {
    for other in month {
        let at = year.iter().position(|sum| sum.baseline == other.baseline).unwrap_or_else(|| {
            year.push(nothing(other.baseline));
            year.len() - 1
        });
        let sum = &mut year[at];
        sum.runs += other.runs;
        sum.actual_ugco2e += other.actual_ugco2e;
        sum.counterfactual_ugco2e += other.counterfactual_ugco2e;
        sum.avoided_ugco2e += other.avoided_ugco2e;
        sum.policy_avoided_ugco2e += other.policy_avoided_ugco2e;
    }
    year.sort_by_key(|sum| sum.baseline);
}

fn nothing(baseline: AlternativeBaseline) -> Alternative {
    let zero = MicrogramsCo2e::ZERO;
    Alternative { baseline, runs: 0, actual_ugco2e: zero, counterfactual_ugco2e: zero, avoided_ugco2e: zero, policy_avoided_ugco2e: zero }
}

#[cfg(test)]
mod tests {
    use super::super::placed;
    use super::super::story::{bounded, run, ug};
    use super::*;
    use crate::disclosure::statement::RunAlternatives;
    use crate::model::Cause;

    fn at_creation(run: JobRunStatement, ugco2e: i64) -> JobRunStatement {
        let alternatives = RunAlternatives { at_creation_ugco2e: Some(ug(ugco2e)), historical_ugco2e: None };
        JobRunStatement { alternatives, ..run }
    }

    #[test]
    fn each_baseline_stands_beside_the_policys_own_result_over_the_same_runs() {
        // By the policy the first avoided 40 and the second 5; at creation the first would have emitted 120, so 20. Only the second has a window.
        let runs = [at_creation(run("a", Cause::Carbon, 100, 140), 120), bounded(run("b", Cause::Carbon, 10, 15), 8, 20, 12)];

        let found = of(&placed(&runs));

        let row = |alternative: &Alternative| {
            (alternative.baseline, alternative.runs, alternative.avoided_ugco2e, alternative.policy_avoided_ugco2e)
        };
        let expected = [(AlternativeBaseline::AtCreation, 1, ug(20), ug(40)), (AlternativeBaseline::MeanOfWindow, 1, ug(2), ug(5))];
        assert_eq!(found.iter().map(row).collect::<Vec<_>>(), expected, "and no run has a history");
        assert_eq!((found[0].actual_ugco2e, found[0].counterfactual_ugco2e), (ug(100), ug(120)));
    }

    #[test]
    fn a_year_has_the_baselines_of_any_of_its_months() {
        let first = of(&placed(&[bounded(run("b", Cause::Carbon, 10, 15), 8, 20, 12)]));
        let second = of(&placed(&[at_creation(run("a", Cause::Carbon, 100, 140), 120)]));
        let mut year = first.clone();
        add(&mut year, &second);
        add(&mut year, &second);

        assert_eq!(
            year[0],
            Alternative {
                runs: 2,
                actual_ugco2e: ug(200),
                counterfactual_ugco2e: ug(240),
                avoided_ugco2e: ug(40),
                policy_avoided_ugco2e: ug(80),
                ..second[0].clone()
            }
        );
        assert_eq!(year[1..], first);
    }
}
