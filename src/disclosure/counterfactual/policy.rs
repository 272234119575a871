//! What the baselines were made by, how many runs each rule placed, and whether reported emissions hold the effect already.

use super::Placed;
use crate::disclosure::statement::{BaselinePolicyStatement, RuleCount};
use crate::model::BaselineRule;
use crate::model::policy::LocationBased;
use crate::units::MicrogramsCo2e;

/// `policy` as the configuration and the evidence say it; rules are counted here.
pub fn of(placed: &[Placed<'_>], policy: BaselinePolicyStatement) -> BaselinePolicyStatement {
    let mut by_rule = Vec::new();
    for (rule, run) in placed.iter().filter_map(|run| Some((run.run.baseline_rule?, run))) {
        count(&mut by_rule, rule, 1, run.avoided);
    }
    BaselinePolicyStatement { by_rule, ..policy }
}

/// The policy is the later month's; days and runs are of both.
pub fn add(year: &mut BaselinePolicyStatement, month: &BaselinePolicyStatement) {
    year.sha256.clone_from(&month.sha256);
    year.rules.clone_from(&month.rules);
    year.stamped_days += month.stamped_days;
    year.other_days += month.other_days;
    year.unstamped_days += month.unstamped_days;
    for of in &month.by_rule {
        count(&mut year.by_rule, of.rule, of.runs, of.avoided_ugco2e);
    }
}

fn count(counts: &mut Vec<RuleCount>, rule: BaselineRule, runs: u64, avoided: MicrogramsCo2e) {
    let at = counts.binary_search_by_key(&rule, |count| count.rule).unwrap_or_else(|at| {
        counts.insert(at, RuleCount { rule, runs: 0, avoided_ugco2e: MicrogramsCo2e::ZERO });
        at
    });
    counts[at].runs += runs;
    counts[at].avoided_ugco2e += avoided;
}

/// Whether reported emissions hold the effect already (disclosure standards ask for it to be said).
pub fn double_count(location_based: LocationBased, has_cloud: bool) -> String {
    let (scope2, cloud) = match location_based {
        LocationBased::Hourly => (
            "Reported Scope 2 uses hourly factors, so this effect is in it already: to take it off again would count it twice, so do not subtract it.",
            "and here of Scope 3, category 1, which holds it already",
        ),
        LocationBased::Annual => (
            "Reported Scope 2 uses annual factors, so this effect is not visible in reported Scope 2, and it must not be subtracted from it either.",
            "and would here be part of Scope 3, category 1, where annual factors do not show it",
        ),
    };
    if has_cloud {
        let provider = "What a provider itself reports to its customers moves only where the provider works with hourly factors.";
        format!("{scope2} Of work in a cloud, the effect is part of the provider's Scope 2, {cloud}. {provider}")
    } else {
        scope2.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::super::placed;
    use super::super::story::{run, ug};
    use super::*;
    use crate::disclosure::statement::JobRunStatement;
    use crate::model::Cause;

    #[test]
    fn each_rule_says_how_many_runs_it_placed_and_what_they_avoided() {
        let ruled =
            |job, rule, counterfactual| JobRunStatement { baseline_rule: Some(rule), ..run(job, Cause::Carbon, 100, counterfactual) };
        let runs = [
            ruled("a", BaselineRule::OwnStart, 100),
            ruled("b", BaselineRule::Decision, 150),
            ruled("c", BaselineRule::Decision, 90),
            JobRunStatement { actual_ugco2e: None, ..ruled("unplaced", BaselineRule::Annotation, 5) },
        ];
        let said =
            BaselinePolicyStatement { sha256: "1".to_owned(), stamped_days: 30, other_days: 1, ..BaselinePolicyStatement::default() };

        let mut policy = of(&placed(&runs), said);

        let row = |rule, runs, avoided| RuleCount { rule, runs, avoided_ugco2e: ug(avoided) };
        assert_eq!(policy.by_rule, [row(BaselineRule::Decision, 2, 40), row(BaselineRule::OwnStart, 1, 0)]);
        assert_eq!(policy.stamped_days, 30);
        let later = BaselinePolicyStatement { sha256: "2".to_owned(), by_rule: vec![row(BaselineRule::Schedule, 1, 7)], ..policy.clone() };
        add(&mut policy, &later);
        assert_eq!((policy.sha256.as_str(), policy.stamped_days, policy.other_days), ("2", 60, 2));
        let expected = [row(BaselineRule::Decision, 2, 40), row(BaselineRule::Schedule, 1, 7), row(BaselineRule::OwnStart, 1, 0)];
        assert_eq!(policy.by_rule, expected);
    }

    #[test]
    fn it_is_said_whether_reported_scope_2_holds_the_effect() {
        assert!(
            double_count(LocationBased::Hourly, false).starts_with("Reported Scope 2 uses hourly factors, so this effect is in it already")
        );
        assert!(double_count(LocationBased::Annual, false).contains("annual factors, so this effect is not visible in reported Scope 2"));
        for location_based in [LocationBased::Hourly, LocationBased::Annual] {
            assert!(!double_count(location_based, false).contains("cloud"));
            assert!(double_count(location_based, true).contains("part of the provider's Scope 2"));
        }
    }
}
