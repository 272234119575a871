//! One run by hand, valued at many starts.

use super::*;
use crate::accounting::counterfactual::placing_test::{seen, terms, zone};
use crate::accounting::counterfactual::test_run::{at, run};
use crate::accounting::plan::Beside;
use crate::accounting::survey::{ClusterSurvey, Survey};
use crate::model::JobRun;

const QUARTER_MS: i64 = 900_000;

/// From 05:00Z to 05:30Z, as its schedule says; two quarters of an hour of different energy, over minutes of which each has more than the one before.
fn with_subject(see: impl FnOnce(&Subject<'_>, &Valuation<'_>)) {
    let (terms, survey) = (terms(), Survey { clusters: vec![ClusterSurvey::default(), ClusterSurvey::default()] });
    let job = JobRun { started: Some(at("2026-10-05T05:00:00Z")), completed: Some(at("2026-10-05T05:30:00Z")), ..run() };
    let zones = ["NL", "DE", "FR"].map(zone).to_vec();
    let plan = Plan::new(&terms, &survey, vec![vec![seen(job)], Vec::new()], zones, Beside::default());
    let first = (at("2026-10-05T05:00:00Z").timestamp() / 900) as i32;
    let step = |step, active_mj| ProfileStep { site: 0, step, active_mj, cpu_request_milli: 0 };
    let profile = [step(first, 7_000_000), step(first + 1, 3_000_000)];
    let subject = Subject::of(&plan, &plan.runs[0], &profile, RunSums::default()).expect("placed, and with energy");
    let from_s = at("2026-10-01T00:00:00Z").timestamp();
    let series = Integral::of((0..44_640).map(|minute| (from_s + minute * 60, from_s + (minute + 1) * 60, minute * 1_000)));
    see(&subject, &Valuation([Some(&series), None, None].into_iter().collect()));
}

#[test]
fn starts_that_are_valued_in_a_row_have_the_values_that_they_have_one_by_one() {
    with_subject(|subject, direct| {
        let from_ms = at("2026-10-05T00:00:00Z").timestamp_millis();
        let row = |count: i64, pace_ms: i64| (0..count).map(|n| (from_ms + n * pace_ms, 1)).collect::<Vec<(i64, u32)>>();
        let shuffled = row(40, QUARTER_MS).into_iter().rev().collect();
        // Few, many, many that are far apart, and many that are no whole steps apart.
        for starts in [row(3, QUARTER_MS), row(40, QUARTER_MS), shuffled, row(20, 40 * QUARTER_MS), row(40, 7 * 60_000), row(13, 1_000)] {
            let one_by_one: Vec<i128> =
                starts.iter().map(|(start_ms, _)| subject.counterfactual_at(*start_ms, direct).expect("covered")).collect();
            assert_eq!(subject.counterfactuals_at(&starts, direct).expect("covered"), one_by_one, "{starts:?}");
            assert!(one_by_one.windows(2).all(|pair| pair[0] != pair[1]));
        }
        assert_eq!(subject.counterfactuals_at(&[], direct), None);
    });
}
