//! How far a run may wait, and where it may run.
//!
//! In: class, label, decision and rule of a run that has a place in time. Out: its [`Window`], or none where it may not wait. Rule (method, section 7): of the
//! delay the first that exists of label, the decision's deadline, the rule; where nobody said one, the suggested one, at home only, to show what it would be
//! worth. The baseline's zone is always among the places. Does not: look whether an intensity reaches so far.

use chrono::{DateTime, Utc};

use crate::model::{Decision, DeferrableRule, DeferralClass};

/// The candidates of a run: baseline start + k × step, k from 0, up to and including baseline start + max delay, in every allowed zone.
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    pub max_delay_ms: i64,
    pub basis: WindowBasis,
    /// Sorted by zone; the baseline zone is among them.
    pub places: Vec<Place>,
    /// Allowed zones without intensity.
    pub unknown_zones: Vec<String>,
}

/// Where a run may run: index of [`crate::accounting::plan::Plan::zones`], and the PUE there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    pub zone: usize,
    pub pue: f64,
}

/// Who said how far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum WindowBasis {
    Label,
    Decision,
    Policy,
    /// Nobody: what it would be worth if it could wait as long as `[counterfactual] suggested_max_delay` says. Never in a captured share.
    Suggested,
}

/// Beyond a month a run has no month to be compared in; the configuration holds itself to the same.
const LONGEST_LABEL_HOURS: f64 = 744.0;
const MS_PER_HOUR: f64 = 3_600_000.0;

/// The label `max-delay-hours` in ms; none where it is not a number of hours from 0 to 744.
pub fn label_delay_ms(written: &str) -> Option<i64> {
    let hours: f64 = written.trim().parse().ok()?;
    (0.0..=LONGEST_LABEL_HOURS).contains(&hours).then(|| (hours * MS_PER_HOUR).round() as i64)
}

/// What is said of a run's delay.
pub struct DelayTerms<'a> {
    pub class: DeferralClass,
    pub label_ms: Option<i64>,
    pub decision: Option<&'a Decision>,
    pub rule: Option<&'a DeferrableRule>,
    pub suggested_ms: i64,
    pub baseline_start: DateTime<Utc>,
    pub duration_ms: i64,
}

impl DelayTerms<'_> {
    /// The longest delay and who said it; none where the run may not wait.
    pub fn delay(&self) -> Option<(i64, WindowBasis)> {
        if self.class == DeferralClass::NotDeferrable {
            return None;
        }
        // The latest start with which the run, as long as it was, ends by its deadline; measured from the baseline, as every candidate is.
        let room = |deadline: DateTime<Utc>| ((deadline - self.baseline_start).num_milliseconds() - self.duration_ms).max(0);
        let by_decision = self.decision.and_then(|decision| decision.deadline).map(room);
        let by_rule = self.rule.and_then(|rule| rule.max_delay_seconds).map(|seconds| seconds * 1_000);
        let said = [(self.label_ms, WindowBasis::Label), (by_decision, WindowBasis::Decision), (by_rule, WindowBasis::Policy)];
        let first = said.into_iter().find_map(|(delay_ms, basis)| Some((delay_ms?, basis)));
        Some(first.unwrap_or((self.suggested_ms, WindowBasis::Suggested)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_run::{at, decision};
    use super::*;

    const HOUR_MS: i64 = 3_600_000;

    #[test]
    fn a_label_is_a_decimal_number_of_hours() {
        assert_eq!(label_delay_ms("8"), Some(8 * HOUR_MS));
        assert_eq!(label_delay_ms(" 0.25 "), Some(HOUR_MS / 4));
        assert_eq!(label_delay_ms("0"), Some(0));
        for wrong in ["8h", "", "-1", "NaN", "inf", "745", "1e9"] {
            assert_eq!(label_delay_ms(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_first_that_says_how_long_is_believed() {
        // Baseline at 01:10Z, two hours long, to be done by 09:10Z: it may wait six hours.
        let decided = Decision { deadline: Some(at("2026-10-05T09:10:00Z")), ..decision() };
        let rule = DeferrableRule { max_delay_seconds: Some(4 * 3_600), ..DeferrableRule::default() };
        let all = DelayTerms {
            class: DeferralClass::Deferrable,
            label_ms: Some(HOUR_MS),
            decision: Some(&decided),
            rule: Some(&rule),
            suggested_ms: 8 * HOUR_MS,
            baseline_start: at("2026-10-05T01:10:00Z"),
            duration_ms: 2 * HOUR_MS,
        };
        assert_eq!(all.delay(), Some((HOUR_MS, WindowBasis::Label)));
        let all = DelayTerms { label_ms: None, ..all };
        assert_eq!(all.delay(), Some((6 * HOUR_MS, WindowBasis::Decision)));
        // A run that takes longer than there was time for may not wait at all.
        assert_eq!(DelayTerms { duration_ms: 9 * HOUR_MS, ..all }.delay(), Some((0, WindowBasis::Decision)));
        let all = DelayTerms { decision: None, ..all };
        assert_eq!(all.delay(), Some((4 * HOUR_MS, WindowBasis::Policy)));
        let all = DelayTerms { rule: None, ..all };
        assert_eq!(all.delay(), Some((8 * HOUR_MS, WindowBasis::Suggested)));
        assert_eq!(DelayTerms { class: DeferralClass::NotDeferrable, label_ms: Some(HOUR_MS), ..all }.delay(), None);
    }
}
