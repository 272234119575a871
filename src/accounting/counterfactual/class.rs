//! Which work may wait or move, and who said so.
//!
//! In: labels, the rules of the configuration, the kind of a workload. Out: class and basis. Rule (method, section 8): a label wins; then what serves users does
//! not wait; then the first rule that matches; what nobody spoke of is unclassified, not presumed. A label that says how long a run may wait says that it may.
//! Does not: look at what a run did.

use super::super::plan::Plan;
use super::super::survey::MonthTerms;
use crate::model::{ClassBasis, DeferrableRule, DeferralClass, JobRun, serves_users};

/// Of a workload; `label` is what a label of it or of its pods says.
pub fn class_of_workload(terms: &MonthTerms, namespace: &str, workload: &str, label: Option<bool>) -> (DeferralClass, ClassBasis) {
    match label {
        Some(true) => (DeferralClass::Deferrable, ClassBasis::Label),
        Some(false) => (DeferralClass::NotDeferrable, ClassBasis::Label),
        None if serves_users(workload) => (DeferralClass::NotDeferrable, ClassBasis::Kind),
        None if rule_of(terms, namespace, workload).is_some() => (DeferralClass::Deferrable, ClassBasis::Policy),
        None => (DeferralClass::Unclassified, ClassBasis::None),
    }
}

/// Of a workload by all that the month knows of it, its pods' labels too.
pub fn class_in_month(plan: &Plan<'_>, cluster: &str, namespace: &str, workload: &str) -> (DeferralClass, ClassBasis) {
    let survey = plan.terms.clusters.iter().zip(&plan.survey.clusters).find(|(terms, _)| terms.name == cluster);
    let label = survey.and_then(|(_, survey)| survey.workload_labels.get(&(namespace.to_owned(), workload.to_owned())).copied());
    class_of_workload(plan.terms, namespace, workload, label)
}

/// Of a run; `label_delay_ms` is what its label `max-delay-hours` says, where that is a number.
pub fn class_of_run(terms: &MonthTerms, run: &JobRun, label_delay_ms: Option<i64>) -> (DeferralClass, ClassBasis) {
    let may_wait = label_delay_ms.filter(|delay| *delay > 0).map(|_| true);
    class_of_workload(terms, &run.namespace, &run.workload, run.is_deferrable.or(run.is_carbon_aware).or(may_wait))
}

/// The first rule that speaks of a workload.
pub fn rule_of<'a>(terms: &'a MonthTerms, namespace: &str, workload: &str) -> Option<&'a DeferrableRule> {
    terms.deferrable.iter().find(|rule| rule.matches(namespace, workload))
}

#[cfg(test)]
mod tests {
    use super::super::placing_test::terms;
    use super::super::test_run::run;
    use super::*;

    fn ml_jobs() -> MonthTerms {
        let rule = DeferrableRule { namespaces: vec!["ml-*".to_owned()], ..DeferrableRule::default() };
        MonthTerms { deferrable: vec![rule], ..terms() }
    }

    #[test]
    fn a_label_wins_over_rule_and_kind() {
        let class = |namespace, workload, label| class_of_workload(&ml_jobs(), namespace, workload, label);
        assert_eq!(class("ml-a", "Job/train", Some(false)), (DeferralClass::NotDeferrable, ClassBasis::Label));
        assert_eq!(class("shop", "Deployment/thumbnails", Some(true)), (DeferralClass::Deferrable, ClassBasis::Label));
        assert_eq!(class("ml-a", "Job/train", None), (DeferralClass::Deferrable, ClassBasis::Policy));
        assert_eq!(class("ml-a", "Deployment/serve", None), (DeferralClass::NotDeferrable, ClassBasis::Kind));
        assert_eq!(class("shop", "Job/migrate", None), (DeferralClass::Unclassified, ClassBasis::None));
    }

    #[test]
    fn a_run_is_classed_by_its_own_labels_first() {
        let labelled = JobRun { is_deferrable: Some(false), is_carbon_aware: Some(true), ..run() };
        assert_eq!(class_of_run(&terms(), &labelled, None), (DeferralClass::NotDeferrable, ClassBasis::Label));
        assert_eq!(class_of_run(&terms(), &run(), Some(3_600_000)), (DeferralClass::Deferrable, ClassBasis::Label));
        assert_eq!(class_of_run(&terms(), &run(), Some(0)), (DeferralClass::Unclassified, ClassBasis::None));
    }
}
