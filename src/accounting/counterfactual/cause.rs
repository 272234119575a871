//! Why a run was shifted, and what that was read off.
//!
//! In: whether it was shifted, what is said of it. Out: cause and basis. Rule (method, section 7): a decision from before the start says it, whatever a label
//! says; else a label; else that KEDA made the Job; a shift without any of them is a queue's or a quota's. A run that was left unshifted on purpose and waited
//! all the same did not wait for carbon. Does not: infer carbon from a good outcome.

use crate::model::{Cause, CauseBasis, Decision, DecisionReason, JobRun};

const SCALED_JOB: &str = "ScaledJob/";

pub fn cause(run: &JobRun, decision: Option<&Decision>, is_shifted: bool) -> (Cause, CauseBasis) {
    if !is_shifted {
        return (Cause::None, CauseBasis::None);
    }
    if let Some(decision) = decision {
        let is_carbons = decision.reason == DecisionReason::Carbon && !decision.held_out;
        return (if is_carbons { Cause::Carbon } else { Cause::Other }, CauseBasis::Decision);
    }
    match run.is_carbon_aware.or(run.is_deferrable) {
        Some(true) => (Cause::Carbon, CauseBasis::Label),
        None if run.workload.starts_with(SCALED_JOB) => (Cause::Carbon, CauseBasis::ScaledJob),
        _ => (Cause::Other, CauseBasis::Inferred),
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_run::{decision, run};
    use super::*;

    #[test]
    fn what_was_not_shifted_has_no_cause() {
        let labelled = JobRun { is_carbon_aware: Some(true), ..run() };
        assert_eq!(cause(&labelled, Some(&decision()), false), (Cause::None, CauseBasis::None));
    }

    #[test]
    fn a_decision_says_why_whatever_a_label_says() {
        let labelled = |is| JobRun { is_carbon_aware: Some(is), ..run() };
        assert_eq!(cause(&labelled(false), Some(&decision()), true), (Cause::Carbon, CauseBasis::Decision));
        let for_price = Decision { reason: DecisionReason::Other, ..decision() };
        assert_eq!(cause(&labelled(true), Some(&for_price), true), (Cause::Other, CauseBasis::Decision));
        let held_out = Decision { held_out: true, ..decision() };
        assert_eq!(cause(&labelled(true), Some(&held_out), true), (Cause::Other, CauseBasis::Decision));
    }

    #[test]
    fn a_label_or_keda_makes_a_shift_carbons() {
        assert_eq!(cause(&JobRun { is_carbon_aware: Some(true), ..run() }, None, true), (Cause::Carbon, CauseBasis::Label));
        assert_eq!(cause(&JobRun { is_deferrable: Some(true), ..run() }, None, true), (Cause::Carbon, CauseBasis::Label));
        let scaled = JobRun { workload: "ScaledJob/encode".into(), ..run() };
        assert_eq!(cause(&scaled, None, true), (Cause::Carbon, CauseBasis::ScaledJob));
        assert_eq!(cause(&JobRun { is_carbon_aware: Some(false), ..scaled }, None, true), (Cause::Other, CauseBasis::Inferred));
    }

    #[test]
    fn a_shift_that_nobody_explains_is_a_queues() {
        assert_eq!(cause(&run(), None, true), (Cause::Other, CauseBasis::Inferred));
    }
}
