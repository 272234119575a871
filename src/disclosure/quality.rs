//! The section of the statement that says how well its figures are known.
//!
//! In: tiers, uncertain totals, alternatives. Out: [`Quality`]. Rule: intervals are symmetrical around their value. Does not: compute.

use super::statement::{Contributor, Interval, Quality, Sensitivity, TierShare};
use crate::accounting::scopes::sensitivity::Alternative;
use crate::accounting::scopes::uncertainty::Uncertain;

/// `input_of` says of an input its relative standard uncertainty and the source of it.
pub fn section(
    emissions_tier_share: TierShare,
    uncertain: Vec<Uncertain>,
    alternatives: Vec<Alternative>,
    input_of: impl Fn(&str) -> (f64, String),
) -> Quality {
    let contributor = |(input, share): (String, f64)| {
        let (relative, source) = input_of(&input);
        Contributor { input, share, relative, source }
    };
    let interval = |of: Uncertain| Interval {
        figure: of.figure.to_owned(),
        value: of.value,
        low: of.value - of.expanded,
        high: of.value + of.expanded,
        relative: of.expanded as f64 / of.value.abs() as f64,
        contributors: of.contributors.into_iter().map(contributor).collect(),
    };
    let sensitivity = |of: Alternative| Sensitivity {
        relative: of.relative(),
        choice: of.choice,
        figure: of.figure,
        value: of.value,
        alternative: of.alternative,
        note: of.note,
    };
    Quality {
        emissions_tier_share,
        // A figure of nothing has no relative width.
        intervals: uncertain.into_iter().filter(|of| of.value != 0).map(interval).collect(),
        sensitivity: alternatives.into_iter().map(sensitivity).collect(),
    }
}
