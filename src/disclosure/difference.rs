//! Two reports, figure by figure, and what they were made from that differs.
//!
//! In: two reports as JSON, and where they are at hand the configurations they were made with. Out: [`Difference`]. Rule: figures meet by their ids; a figure that
//! one report has alone is said to be that, never set against zero. Causes are inputs that differ; how much each is worth only accounting again can say
//! ([`Waterfall`]). Does not: read, or account.

mod causes;
mod configuration;
mod waterfall;

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

pub use self::causes::{AcceptedChange, Causes, DayChange, FactorChange, FileChange, SeriesChange, ValueChange};
pub use self::configuration::KeyChange;
pub use self::waterfall::{Cause, Waterfall, WaterfallFigure};
use super::figure_ids::{Figure, FigureIndex, RowId, Unit};

pub const SCHEMA: &str = "wattledger.difference/1";

/// One of the two.
#[derive(Clone, Copy, Debug)]
pub struct Side<'a> {
    pub report: &'a Value,
    /// Of a closed month.
    pub edition: Option<u32>,
    /// The configuration as written.
    pub configuration: Option<&'a str>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Difference {
    pub schema: &'static str,
    pub before: Name,
    pub after: Name,
    /// Sorted by unit, then by the size of the change, largest first.
    pub figures: Vec<Change>,
    /// Figures that both have, and that are the same.
    pub unchanged: usize,
    /// Why some rows are not compared; null where all are.
    pub left_out: Option<String>,
    pub causes: Causes,
    /// What each group of inputs is worth; null where that was not worked out.
    pub waterfall: Option<Waterfall>,
    /// Why it was not, where it could have been.
    pub no_waterfall: Option<String>,
}

/// Which report it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Name {
    pub organisation: String,
    /// `2026-10`, `2026`.
    pub period: String,
    pub edition: Option<u32>,
}

impl Name {
    fn of(side: &Side<'_>) -> Self {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let period = &side.report["period"];
        Self {
            organisation: text(&side.report["organisation"]).unwrap_or_default(),
            period: text(&period["month"]).or_else(|| text(&period["year"])).unwrap_or_default(),
            edition: side.edition,
        }
    }

    /// `2026-10`, `2026-10@2`.
    pub fn written(&self) -> String {
        self.edition.map_or_else(|| self.period.clone(), |edition| format!("{}@{edition}", self.period))
    }
}

/// A figure that is not the same in both.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    pub id: String,
    pub unit: &'static str,
    pub kind: Kind,
    /// Null: unknown, or not there.
    pub before: Option<i64>,
    pub after: Option<i64>,
    /// Null where one of the two is.
    pub change: Option<i64>,
    /// Of the change over what was before; null where that is nothing.
    pub relative: Option<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    Changed,
    /// The row is only in the later report.
    Appeared,
    /// The row is only in the earlier report.
    Gone,
    /// It was unknown before.
    BecameKnown,
    BecameUnknown,
}

/// Compares two reports: of two periods, or of one period twice.
pub fn between(before: Side<'_>, after: Side<'_>) -> Difference {
    let (names, indexes) = ([Name::of(&before), Name::of(&after)], [FigureIndex::of(before.report), FigureIndex::of(after.report)]);
    let is_one_period = names[0].period == names[1].period;
    let [old, new] = indexes.each_ref().map(|index| comparable(index, is_one_period));
    let mut figures = Vec::new();
    let mut unchanged = 0;
    for id in old.keys().chain(new.keys().filter(|id| !old.contains_key(*id))) {
        match change(id, old.get(id), new.get(id)) {
            Some(change) => figures.push(change),
            None => unchanged += 1,
        }
    }
    figures.sort_by(|a, b| order(a).cmp(&order(b)));
    let left_out = (!is_one_period)
        .then(|| "Rows of a day, an hour or a run belong to their own period and are not compared; the sums of them are.".to_owned());
    let [before_name, after_name] = names;
    Difference {
        schema: SCHEMA,
        before: before_name,
        after: after_name,
        figures,
        unchanged,
        left_out,
        causes: Causes::between(&before, &after, is_one_period),
        waterfall: None,
        no_waterfall: None,
    }
}

/// Figures by id; of two periods only those of rows that both can have.
pub(super) fn comparable(index: &FigureIndex, is_one_period: bool) -> BTreeMap<&str, &Figure> {
    let is_dated = |row: &RowId| {
        matches!(row, RowId::Run(_) | RowId::NodeDay { .. } | RowId::Hour { .. } | RowId::Month { .. })
            || matches!(row, RowId::Counterfactual(super::figure_ids::Part::Capacity { .. }))
    };
    let figures = index.figures().iter().filter(|figure| is_one_period || !is_dated(&figure.row));
    figures.map(|figure| (figure.id.as_str(), figure)).collect()
}

fn change(id: &str, before: Option<&&Figure>, after: Option<&&Figure>) -> Option<Change> {
    let value = |figure: Option<&&Figure>| figure.and_then(|figure| figure.value);
    let (old, new) = (value(before), value(after));
    let kind = match (before, after, old, new) {
        (None, None, ..) => return None,
        (None, Some(_), ..) => Kind::Appeared,
        (Some(_), None, ..) => Kind::Gone,
        (.., None, None) => return None,
        (.., None, Some(_)) => Kind::BecameKnown,
        (.., Some(_), None) => Kind::BecameUnknown,
        (.., Some(old), Some(new)) if old == new => return None,
        (.., Some(_), Some(_)) => Kind::Changed,
    };
    let change = old.zip(new).map(|(old, new)| new - old);
    let relative = change.zip(old).filter(|(_, old)| *old != 0).map(|(change, old)| change as f64 / old.unsigned_abs() as f64);
    let unit = before.or(after).map_or(Unit::Count, |figure| figure.unit());
    Some(Change { id: id.to_owned(), unit: unit.name(), kind, before: old, after: new, change, relative })
}

/// Energy, emissions, money, then what is counted; of each the largest change first.
fn order(change: &Change) -> (usize, std::cmp::Reverse<u64>, &str) {
    let units = [Unit::Millijoules, Unit::MicrogramsCo2e, Unit::MicroEuros];
    let unit = units.iter().position(|unit| unit.name() == change.unit).unwrap_or(units.len());
    let size = change.change.or(change.after).or(change.before).unwrap_or(0).unsigned_abs();
    (unit, std::cmp::Reverse(size), &change.id)
}

#[cfg(test)]
mod tests;
