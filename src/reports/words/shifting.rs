//! What the kinds of a shift are called: rules, causes, classes, windows, other baselines.

use crate::disclosure::statement::{AlternativeBaseline, WindowBasis};
use crate::model::{BaselineRule, Cause, CauseBasis, ClassBasis, DecisionSource, DeferralClass};
use crate::reports::view::UNKNOWN;

pub fn rule(rule: Option<BaselineRule>) -> &'static str {
    match rule {
        None => UNKNOWN,
        Some(BaselineRule::Annotation) => "annotation",
        Some(BaselineRule::Decision) => "decision",
        Some(BaselineRule::Schedule) => "schedule",
        Some(BaselineRule::Creation) => "creation",
        Some(BaselineRule::OwnStart) => "own start",
    }
}

/// What a rule takes for the start that nobody shifted.
pub fn rule_meaning(rule: BaselineRule) -> &'static str {
    match rule {
        BaselineRule::Annotation => "written on the Job by whoever deferred it",
        BaselineRule::Decision => "when the decision record calls the run eligible",
        BaselineRule::Schedule => "the CronJob's scheduled time",
        BaselineRule::Creation => "the Job's creation; it was suspended, gated or queued for longer than 60 s",
        BaselineRule::OwnStart => "when it started; not shifted in time",
    }
}

pub fn cause(cause: Cause) -> &'static str {
    match cause {
        Cause::Carbon => "carbon",
        Cause::Other => "other",
        Cause::None => "none",
    }
}

pub fn cause_basis(basis: CauseBasis) -> &'static str {
    match basis {
        CauseBasis::Decision => "decision record",
        CauseBasis::Label => "label",
        CauseBasis::ScaledJob => "ScaledJob",
        CauseBasis::Inferred => "inferred",
        CauseBasis::None => "not shifted",
    }
}

pub fn cause_basis_meaning(basis: CauseBasis) -> &'static str {
    match basis {
        CauseBasis::Decision => "a record from before the start says why: the strongest evidence of cause",
        CauseBasis::Label => "a label on the Job, the CronJob or the pod says that it may be shifted for carbon",
        CauseBasis::ScaledJob => "KEDA made the Job: its top controller is a ScaledJob",
        CauseBasis::Inferred => "it started later, or elsewhere, and nobody said why: counted as shifted for another reason",
        CauseBasis::None => "it was not shifted",
    }
}

pub fn decision_source(source: DecisionSource) -> &'static str {
    match source {
        DecisionSource::Annotation => "annotation",
        DecisionSource::Log => "decision log",
    }
}

pub fn class(class: DeferralClass) -> &'static str {
    match class {
        DeferralClass::Deferrable => "deferrable",
        DeferralClass::NotDeferrable => "not deferrable",
        DeferralClass::Unclassified => "unclassified batch",
    }
}

pub fn class_basis(basis: ClassBasis) -> &'static str {
    match basis {
        ClassBasis::Label => "by label",
        ClassBasis::Policy => "by policy",
        ClassBasis::Kind => "by kind",
        ClassBasis::None => "nobody said",
    }
}

pub fn window_basis(basis: WindowBasis) -> &'static str {
    match basis {
        WindowBasis::Label => "label",
        WindowBasis::Decision => "decision",
        WindowBasis::Policy => "policy",
        WindowBasis::Suggested => "suggested",
    }
}

/// Who said how long a workload may wait.
pub fn window_basis_meaning(basis: WindowBasis) -> &'static str {
    match basis {
        WindowBasis::Label => "a label says that it may wait",
        WindowBasis::Decision => "a decision record's deadline",
        WindowBasis::Policy => "the policy says that it may wait",
        WindowBasis::Suggested => "nobody has said that it may wait: ask its owner",
    }
}

pub fn alternative(baseline: AlternativeBaseline) -> &'static str {
    match baseline {
        AlternativeBaseline::AtCreation => "Run at once",
        AlternativeBaseline::MeanOfWindow => "Any time in the window",
        AlternativeBaseline::Historical => "As its workload usually starts",
    }
}

pub fn alternative_meaning(baseline: AlternativeBaseline) -> &'static str {
    match baseline {
        AlternativeBaseline::AtCreation => "every run at its creation",
        AlternativeBaseline::MeanOfWindow => "a start drawn evenly from the run's window: the mean of the window",
        AlternativeBaseline::Historical => "the hours of day at which the workload's unshifted runs start",
    }
}
