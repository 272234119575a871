//! Job runs in round figures, for tests.

use chrono::{DateTime, TimeZone, Utc};

use crate::disclosure::statement::{JobRunStatement, RunAlternatives, RunConsequential, RunCost, RunDecision, RunForecast, RunOverhead};
use crate::model::{BaselineRule, Cause, CauseBasis, ClassBasis, DecisionReason, DecisionSource, DeferralClass};
use crate::units::{MicroEuros, MicrogramsCo2e, Millijoules};

pub fn ug(amount: i64) -> MicrogramsCo2e {
    MicrogramsCo2e::new(amount)
}

pub fn mj(amount: i64) -> Millijoules {
    Millijoules::new(amount)
}

pub fn eur(micro: i64) -> MicroEuros {
    MicroEuros::new(micro)
}

pub fn at(day: u32, hour: u32) -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 10, day, hour, 0, 0).unwrap()
}

/// A placed run of `CronJob/nightly` in prod-nl that emitted and would have emitted so many micrograms. Nobody said anything else of it.
pub fn run(job: &str, cause: Cause, actual: i64, counterfactual: i64) -> JobRunStatement {
    JobRunStatement {
        cluster: "prod-nl".into(),
        namespace: "etl".into(),
        job: job.into(),
        uid: None,
        workload: "CronJob/nightly".into(),
        start: Some(at(1, 5)),
        end: Some(at(1, 6)),
        active_mj: mj(30),
        grid_zone: "NL".into(),
        outside_mj: mj(0),
        baseline_start: Some(at(1, 1)),
        baseline_rule: Some(BaselineRule::Schedule),
        baseline_zone: Some("NL".into()),
        baseline_cluster: None,
        was_suspended: false,
        cause,
        cause_basis: CauseBasis::None,
        actual_ugco2e: Some(ug(actual)),
        counterfactual_ugco2e: Some(ug(counterfactual)),
        avoided_ugco2e: Some(ug(counterfactual - actual)),
        best_ugco2e: None,
        worst_ugco2e: None,
        mean_ugco2e: None,
        best_start: None,
        best_zone: None,
        candidates: None,
        max_delay_seconds: None,
        window_basis: None,
        unbounded_reason: None,
        deferrable: None,
        class: DeferralClass::Unclassified,
        class_basis: ClassBasis::None,
        held_out: None,
        decision: None,
        alternatives: RunAlternatives::default(),
        cost: None,
        consequential: None,
        overhead: None,
        unplaced_reason: None,
    }
}

pub fn bounded(run: JobRunStatement, best: i64, worst: i64, mean: i64) -> JobRunStatement {
    JobRunStatement { best_ugco2e: Some(ug(best)), worst_ugco2e: Some(ug(worst)), mean_ugco2e: Some(ug(mean)), ..run }
}

pub fn priced(run: JobRunStatement, actual: i64, counterfactual: i64) -> JobRunStatement {
    let cost = RunCost {
        actual_micro_eur: eur(actual),
        counterfactual_micro_eur: eur(counterfactual),
        saved_micro_eur: eur(counterfactual - actual),
        best_micro_eur: None,
        worst_micro_eur: None,
        mean_micro_eur: None,
    };
    JobRunStatement { cost: Some(cost), ..run }
}

pub fn marginal(run: JobRunStatement, actual: i64, counterfactual: i64) -> JobRunStatement {
    let consequential = RunConsequential {
        actual_ugco2e: ug(actual),
        counterfactual_ugco2e: ug(counterfactual),
        avoided_ugco2e: ug(counterfactual - actual),
        best_ugco2e: None,
        worst_ugco2e: None,
        mean_ugco2e: None,
    };
    JobRunStatement { consequential: Some(consequential), ..run }
}

/// With a decision that expected to avoid so much, at one intensity of the chosen slot, and met another.
pub fn forecast(run: JobRunStatement, expected: i64, chosen: f64, realised: f64) -> JobRunStatement {
    let decision = RunDecision {
        source: DecisionSource::Log,
        recorded_at: at(1, 0),
        eligible_at: at(1, 1),
        deadline: None,
        chosen_start: at(1, 5),
        chosen_zone: None,
        reason: DecisionReason::Carbon,
        held_out: false,
        forecast: Some(RunForecast {
            source: "example".to_owned(),
            baseline_gco2e_per_kwh: 300.0,
            chosen_gco2e_per_kwh: chosen,
            realised_baseline_gco2e_per_kwh: Some(310.0),
            realised_chosen_gco2e_per_kwh: Some(realised),
            expected_avoided_ugco2e: Some(ug(expected)),
        }),
    };
    JobRunStatement { decision: Some(decision), ..run }
}

pub fn with_overhead(run: JobRunStatement, energy: i64, emissions: i64) -> JobRunStatement {
    JobRunStatement { overhead: Some(RunOverhead { energy_mj: mj(energy), emissions_ugco2e: ug(emissions) }), ..run }
}
