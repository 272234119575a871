//! The parts of the statement that say how well its figures are known.
//!
//! In: uncertain totals, alternatives. Out: [`Interval`]s and [`Sensitivity`] rows. Rule: intervals are symmetrical around their value.
//! Does not: compute.

use super::statement::{Contributor, Interval, Sensitivity};
use crate::accounting::scopes::sensitivity::Alternative;
use crate::accounting::scopes::uncertainty::Uncertain;

/// `input_of` says of an input its relative standard uncertainty and the source of it.
pub fn intervals(uncertain: Vec<Uncertain>, input_of: impl Fn(&str) -> (f64, String)) -> Vec<Interval> {
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
    // A figure of nothing has no relative width.
    let mut intervals: Vec<Interval> = uncertain.into_iter().filter(|of| of.value != 0).map(interval).collect();
    intervals.sort_by(|a, b| a.figure.cmp(&b.figure));
    intervals
}

pub fn sensitivity(alternatives: Vec<Alternative>) -> Vec<Sensitivity> {
    let row = |of: Alternative| Sensitivity {
        relative: of.relative(),
        choice: of.choice,
        figure: of.figure,
        value: of.value,
        alternative: of.alternative,
        note: of.note,
    };
    alternatives.into_iter().map(row).collect()
}
