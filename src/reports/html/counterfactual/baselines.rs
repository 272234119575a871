//! What the result hangs on: the policy's rules, the same runs under other baselines, and the estimate that needs none.

use crate::disclosure::statement::{Alternative, BaselinePolicyStatement, Counterfactual, HoldOut, HoldOutGroup};
use crate::reports::html::figure::Figure;
use crate::reports::view;
use crate::reports::words::shifting;

pub struct Baselines<'a> {
    pub policy: &'a BaselinePolicyStatement,
    /// How many days were collected under this policy, under another, and before policies were stamped.
    pub stamped: String,
    pub by_rule: Vec<RuleRow>,
    pub alternatives: Vec<AlternativeRow>,
    pub hold_out: Option<HoldOutPart<'a>>,
}

pub struct RuleRow {
    pub rule: &'static str,
    pub meaning: &'static str,
    pub runs: u64,
    pub avoided: Figure,
}

pub struct AlternativeRow {
    pub label: &'static str,
    pub meaning: &'static str,
    pub runs: u64,
    pub counterfactual: Figure,
    pub actual: Figure,
    pub avoided: Figure,
    pub by_policy: Figure,
    /// The other baseline's result less the policy's own.
    pub difference: Figure,
}

pub struct HoldOutPart<'a> {
    pub hold_out: &'a HoldOut,
    pub share: String,
    pub groups: [GroupRow; 2],
    pub difference: String,
    pub interval: String,
    /// Estimated and modelled, of the runs that were not held out.
    pub estimated: Figure,
    pub low: Figure,
    pub high: Figure,
    pub modelled: Figure,
    pub verdict: &'static str,
}

pub struct GroupRow {
    pub label: &'static str,
    pub runs: u64,
    pub active: Figure,
    pub mean: String,
}

impl<'a> Baselines<'a> {
    pub fn of(counterfactual: &'a Counterfactual) -> Self {
        let policy = &counterfactual.policy;
        let used = policy.by_rule.iter().filter(|row| row.runs > 0);
        Self {
            policy,
            stamped: stamped(policy),
            by_rule: used
                .map(|row| RuleRow {
                    rule: shifting::rule(Some(row.rule)),
                    meaning: shifting::rule_meaning(row.rule),
                    runs: row.runs,
                    avoided: Figure::difference("avoided_ugco2e", row.avoided_ugco2e),
                })
                .collect(),
            alternatives: counterfactual.alternatives.iter().map(alternative).collect(),
            hold_out: counterfactual.hold_out.as_ref().map(hold_out),
        }
    }
}

fn stamped(policy: &BaselinePolicyStatement) -> String {
    let all = policy.stamped_days + policy.other_days + policy.unstamped_days;
    match (policy.other_days, policy.unstamped_days) {
        (0, 0) => format!("all {all} cluster-days of evidence carry it"),
        (other, before) => {
            let mut parts = vec![format!("{} of {all} cluster-days of evidence carry it", policy.stamped_days)];
            parts.extend((other > 0).then(|| format!("{other} carry another one")));
            parts.extend((before > 0).then(|| format!("{before} carry none")));
            parts.join(", ")
        }
    }
}

fn alternative(row: &Alternative) -> AlternativeRow {
    AlternativeRow {
        label: shifting::alternative(row.baseline),
        meaning: shifting::alternative_meaning(row.baseline),
        runs: row.runs,
        counterfactual: Figure::emissions("counterfactual_ugco2e", row.counterfactual_ugco2e),
        actual: Figure::emissions("actual_ugco2e", row.actual_ugco2e),
        avoided: Figure::difference("avoided_ugco2e", row.avoided_ugco2e),
        by_policy: Figure::difference("policy_avoided_ugco2e", row.policy_avoided_ugco2e),
        difference: Figure::difference("less_policy_ugco2e", row.avoided_ugco2e - row.policy_avoided_ugco2e),
    }
}

fn hold_out(hold_out: &HoldOut) -> HoldOutPart<'_> {
    let grams = |value: Option<f64>| value.map_or_else(|| view::UNKNOWN.to_owned(), |value| view::grams_per_kwh(value).to_string());
    let group = |label, group: &HoldOutGroup| GroupRow {
        label,
        runs: group.runs,
        active: Figure::energy("active_mj", group.active_mj),
        mean: grams(group.mean_gco2e_per_kwh),
    };
    let verdict = match (hold_out.low_avoided_ugco2e, hold_out.high_avoided_ugco2e) {
        (Some(low), Some(high)) if (low..=high).contains(&hold_out.modelled_avoided_ugco2e) => {
            "The modelled figure lies within the interval: the two do not contradict each other."
        }
        (Some(_), Some(_)) => {
            "The modelled figure lies outside of the interval: read it with care, and look at what the groups have in common."
        }
        _ => "There are too few runs in a group for an interval.",
    };
    HoldOutPart {
        hold_out,
        share: view::percent(Some(hold_out.share)),
        groups: [group("Held out by the seed", &hold_out.held_out), group("Not held out", &hold_out.shifted)],
        difference: grams(hold_out.difference_gco2e_per_kwh),
        interval: format!("{} to {}", grams(hold_out.low_gco2e_per_kwh), grams(hold_out.high_gco2e_per_kwh)),
        estimated: Figure::difference("estimated_avoided_ugco2e", hold_out.estimated_avoided_ugco2e),
        low: Figure::difference("low_avoided_ugco2e", hold_out.low_avoided_ugco2e),
        high: Figure::difference("high_avoided_ugco2e", hold_out.high_avoided_ugco2e),
        modelled: Figure::difference("modelled_avoided_ugco2e", hold_out.modelled_avoided_ugco2e),
        verdict,
    }
}
