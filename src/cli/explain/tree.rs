//! What an explanation is made of: one level a figure, each with what it adds up from, down to samples. `--json` writes it as it stands.
//!
//! Rule: whatever is said to add up is added here, from the terms that are shown and the sum of those that are not; what does not is said.

use serde::Serialize;

use crate::disclosure::figure_ids::Unit;
use crate::units::grouped;

/// A figure, or a step on the way down from one.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Explanation {
    /// Null for what has no id of its own.
    pub id: Option<String>,
    pub what: String,
    /// Null: unknown, which is not zero.
    pub value: Option<i64>,
    pub unit: &'static str,
    pub meaning: String,
    pub rule: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// The figures of a row, where a row was asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub figures: Vec<Term>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sums: Vec<Sum>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub products: Vec<Product>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub splits: Vec<Share>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<Run>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub intensities: Vec<Intensity>,
    /// Where and when the counters count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<NodeStep>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub counters: Vec<Counter>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub queries: Vec<Query>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<File>,
    /// The largest of what it is made of, walked on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<Box<Explanation>>,
}

impl Explanation {
    /// Every level, this one first.
    pub fn levels(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |level| level.next.as_deref())
    }

    /// What does not add up, on any level.
    pub fn broken(&self) -> Vec<String> {
        let of_level = |level: &Self| -> Vec<String> {
            let sums = level.sums.iter().chain(level.splits.iter().map(|split| &split.parts));
            sums.filter(|sum| !sum.adds_up).map(|sum| format!("{}: {}", level.what, sum.says)).collect()
        };
        self.levels().flat_map(of_level).collect()
    }
}

/// Terms that add up to something.
#[derive(Clone, Debug, Serialize)]
pub struct Sum {
    /// `by namespace` …
    pub by: String,
    /// What they add up to.
    pub of: String,
    pub value: i64,
    pub unit: &'static str,
    /// Of all terms, shown or not.
    pub rows: usize,
    /// Largest first.
    pub terms: Vec<Term>,
    pub others: Option<Others>,
    pub total: i64,
    pub adds_up: bool,
    pub says: String,
}

#[derive(Clone, Debug, Default, Serialize)]
pub struct Term {
    pub id: Option<String>,
    pub what: String,
    /// Null: unknown.
    pub value: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Term {
    pub fn new(id: Option<String>, what: impl Into<String>, value: i64) -> Self {
        Self { id, what: what.into(), value: Some(value), ..Self::default() }
    }

    pub fn noted(self, note: impl Into<String>) -> Self {
        Self { note: Some(note.into()), ..self }
    }
}

/// What is not shown.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Others {
    pub rows: usize,
    pub value: i64,
}

impl Sum {
    /// Shows the `top` largest terms, or all of them for 0. Terms of which the value is unknown are left out by whoever makes the sum.
    pub fn of(by: impl Into<String>, of: impl Into<String>, (value, unit): (i64, Unit), mut terms: Vec<Term>, top: usize) -> Self {
        let size = |term: &Term| term.value.unwrap_or(0).unsigned_abs();
        terms.sort_by(|a, b| size(b).cmp(&size(a)).then_with(|| (&a.what, &a.id).cmp(&(&b.what, &b.id))));
        Self::in_order(by, of, (value, unit), terms, top)
    }

    /// The same of terms that have an order of their own.
    pub fn in_order(by: impl Into<String>, of: impl Into<String>, (value, unit): (i64, Unit), mut terms: Vec<Term>, top: usize) -> Self {
        let rows = terms.len();
        let sum = |terms: &[Term]| -> i128 { terms.iter().filter_map(|term| term.value).map(i128::from).sum() };
        // One line in place of one line would hide it for nothing.
        let rest = if top == 0 || rows <= top + 1 { Vec::new() } else { terms.split_off(top) };
        let others = (!rest.is_empty()).then(|| Others { rows: rest.len(), value: fits(sum(&rest)) });
        let total = fits(sum(&terms) + sum(&rest));
        let (by, of) = (by.into(), of.into());
        let rows_word = if rows == 1 { "row" } else { "rows" };
        let amount = amount(total, unit);
        let says = if total == value {
            format!("adds up: {} {rows_word} = {amount}", grouped(rows as u128))
        } else {
            format!("DOES NOT ADD UP: {} {rows_word} = {amount}, and {of} is {}", grouped(rows as u128), self::amount(value, unit))
        };
        Self { by, of, value, unit: unit.name(), rows, terms, others, total, adds_up: total == value, says }
    }

    pub fn largest(&self) -> Option<&Term> {
        self.terms.iter().max_by_key(|term| term.value.unwrap_or(0).unsigned_abs())
    }
}

fn fits(sum: i128) -> i64 {
    i64::try_from(sum).unwrap_or(if sum < 0 { i64::MIN } else { i64::MAX })
}

/// `1,234 mJ`, with a sign where it is below zero.
pub fn amount(value: i64, unit: Unit) -> String {
    let sign = if value < 0 { "−" } else { "" };
    format!("{sign}{}{}{}", grouped(value.unsigned_abs().into()), if unit == Unit::Count { "" } else { " " }, unit.name())
}

/// A figure that is the product of others, rounded once.
#[derive(Clone, Debug, Serialize)]
pub struct Product {
    pub what: String,
    /// By the names of the operands.
    pub formula: &'static str,
    pub operands: Vec<Operand>,
    pub result: i64,
    pub unit: &'static str,
}

#[derive(Clone, Debug, Serialize)]
pub struct Operand {
    pub name: &'static str,
    pub value: Number,
    pub unit: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

/// An integer of the ledger, or a factor.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(untagged)]
pub enum Number {
    Whole(i64),
    Factor(f64),
}

impl Operand {
    pub fn whole(name: &'static str, value: i64, unit: Unit) -> Self {
        Self { name, value: Number::Whole(value), unit: unit.name().to_owned(), source: None }
    }

    pub fn factor(name: &'static str, value: f64, unit: &str, source: impl Into<String>) -> Self {
        Self { name, value: Number::Factor(value), unit: unit.to_owned(), source: Some(source.into()) }
    }
}

/// A part of a whole, by largest remainder: floor(whole × weight / total) each, and what is left to the largest remainders, of equal ones to the first key.
#[derive(Clone, Debug, Serialize)]
pub struct Share {
    pub what: String,
    pub whole: i64,
    pub weight: i64,
    pub total_weight: i64,
    pub part: i64,
    pub unit: &'static str,
    pub unit_of_weight: &'static str,
    /// All rows with their weights, in the order of their keys where all are shown.
    pub parts: Sum,
}

/// A value of the grid's series that was used.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Intensity {
    pub grid_zone: String,
    pub from: String,
    pub to: String,
    pub gco2e_per_kwh: f64,
    /// `measured`, `estimated` (by the provider), `filled` (by us).
    pub status: &'static str,
    pub provider: Option<String>,
    pub edition: Option<String>,
    pub retrieved_at: Option<String>,
    pub path: Option<String>,
    pub sha256: Option<String>,
}

/// A node in a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NodeStep {
    pub cluster: String,
    pub node: String,
    pub from: String,
    pub to: String,
}

/// A counter, and the differences of it that reach into a step.
#[derive(Clone, Debug, Serialize)]
pub struct Counter {
    /// `node-energy`, `node-idle`, `pod-energy`, `pod-tail`, `pod-cpu`, `machine-cpu`.
    pub role: crate::accounting::metering::trace::Role,
    pub family: &'static str,
    pub pod: Option<String>,
    pub power_zone: String,
    /// Whether it counts in this step.
    pub is_taken: bool,
    pub series: Vec<Series>,
    /// Joules, or seconds of CPU.
    pub unit_of_values: &'static str,
    pub rows: usize,
    pub differences: Vec<Difference>,
    pub others: Option<Others>,
    pub total: i64,
    pub unit: &'static str,
    pub says: String,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Series {
    pub metric: String,
    pub labels: std::collections::BTreeMap<String, String>,
}

/// Two readings, and what of their difference falls into the step.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    pub from: String,
    pub from_value: f64,
    pub to: String,
    pub to_value: f64,
    /// As the exporter states it, where its unit is another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from_raw: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to_raw: Option<f64>,
    pub in_step: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<&'static str>,
}

/// What was asked of the server.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Query {
    pub name: String,
    pub promql: String,
    pub read: String,
    pub from: String,
    pub to: String,
    pub series: u64,
    pub samples: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct File {
    pub path: String,
    pub sha256: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
}

/// A job run and its baseline.
#[derive(Clone, Debug, Serialize)]
pub struct Run {
    pub cluster: String,
    pub namespace: String,
    pub job: String,
    pub uid: Option<String>,
    pub workload: String,
    pub start: Option<String>,
    pub end: Option<String>,
    pub grid_zone: String,
    pub baseline_rule: Option<String>,
    pub baseline_start: Option<String>,
    pub baseline_zone: Option<String>,
    pub baseline_pue: Option<f64>,
    pub cause: String,
    pub cause_basis: String,
    pub unplaced_reason: Option<String>,
    /// Rows of the ledger, those with the largest effect first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<RunRow>,
}

/// A ledger row of a run, on both sides.
#[derive(Clone, Debug, Serialize)]
pub struct RunRow {
    pub id: String,
    pub active_mj: i64,
    pub actual: Option<Side>,
    pub counterfactual: Option<Side>,
}

/// Where and when a row's energy lies, and what it meets there: floor(active_mj × ug_per_mj + 0.5).
#[derive(Clone, Debug, Serialize)]
pub struct Side {
    pub grid_zone: String,
    pub from: String,
    pub to: String,
    pub milliseconds: i64,
    /// Σ milliseconds × millionths of g/kWh, exactly.
    pub integral: String,
    pub mean_gco2e_per_kwh: f64,
    pub pue: f64,
    /// integral / milliseconds × pue / (1,000,000 × 3,600).
    pub ug_per_mj: f64,
    pub ugco2e: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(values: &[i64]) -> Vec<Term> {
        values.iter().map(|value| Term::new(None, format!("row {value}"), *value)).collect()
    }

    #[test]
    fn what_is_not_shown_is_counted_and_the_total_is_of_all() {
        let sum = Sum::of("row", "this figure", (16, Unit::Millijoules), terms(&[1, -5, 12, 8]), 2);
        assert_eq!(sum.terms.iter().filter_map(|term| term.value).collect::<Vec<_>>(), [12, 8]);
        assert_eq!(sum.others.map(|others| (others.rows, others.value)), Some((2, -4)));
        assert_eq!((sum.total, sum.adds_up, sum.says.as_str()), (16, true, "adds up: 4 rows = 16 mJ"));
        // One more than asked for is shown, not summed up.
        assert_eq!(Sum::of("row", "x", (3, Unit::Count), terms(&[1, 1, 1]), 2).terms.len(), 3);
        assert_eq!(Sum::of("row", "x", (16, Unit::Count), terms(&[1, -5, 12, 8]), 0).terms.len(), 4);
    }

    #[test]
    fn what_does_not_add_up_is_said_aloud() {
        let sum = Sum::of("row", "the meter", (1_234, Unit::Millijoules), terms(&[1_000, 233]), 5);
        assert!(!sum.adds_up);
        assert_eq!(sum.says, "DOES NOT ADD UP: 2 rows = 1,233 mJ, and the meter is 1,234 mJ");
        let explanation = Explanation { what: "a figure".to_owned(), sums: vec![sum], ..Explanation::default() };
        let above = Explanation { next: Some(Box::new(explanation)), ..Explanation::default() };
        assert_eq!(above.broken(), ["a figure: DOES NOT ADD UP: 2 rows = 1,233 mJ, and the meter is 1,234 mJ"]);
    }
}
