//! What became of each month, in a line that is kept when the month itself is let go.
//!
//! In: a draft and what it takes the place of, or what went wrong. Out: [`Row`]s, and the [`Summary`] as JSON. Rule: totals are those of the report, in whole
//! millijoules and micrograms; a figure that is unknown is null. Does not: round, or keep a report.

use serde::Serialize;
use serde_json::Value;

use super::plan::Planned;
use crate::cli::close::issuing::Draft;
use crate::cli::diff::Restated;
use crate::disclosure::difference::{Cause, Difference};
use crate::disclosure::figure_ids::FigureIndex;
use crate::disclosure::statement::Figures;
use crate::model::Finding;
use crate::units::ReportingPeriod;

pub const SCHEMA: &str = "wattledger.restated/1";

/// Beside emissions by scope, the total that is compared.
const ENERGY: &str = "facility_mj";

#[derive(Debug, Serialize)]
pub struct Summary {
    pub schema: &'static str,
    pub from: String,
    pub to: String,
    pub reason: Option<String>,
    pub dry_run: bool,
    pub months: Vec<Row>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    Restated,
    /// In a dry run.
    WouldBeRestated,
    /// Nothing to restate.
    Unchanged,
    NotClosed,
    /// By findings.
    Refused,
    /// By trouble outside of the data.
    Failed,
}

#[derive(Clone, Debug, Serialize)]
pub struct Row {
    pub month: String,
    pub outcome: Outcome,
    pub edition_before: Option<u32>,
    pub edition_after: Option<u32>,
    /// Empty where nothing is restated.
    pub totals: Vec<Total>,
    /// How many figures of the report are another, in all its rows.
    pub figures_changed: usize,
    /// What the month was made from and is another now, a phrase each.
    pub changed: Vec<String>,
    pub largest_cause: Option<LargestCause>,
    /// Codes of findings that are accepted in the edition.
    pub accepted: Vec<String>,
    /// That refuse it.
    pub findings: Vec<Finding>,
    pub error: Option<String>,
}

/// A total before and after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Total {
    pub figure: String,
    pub unit: &'static str,
    /// Null: unknown.
    pub before: Option<i64>,
    pub after: Option<i64>,
    /// Null where one of the two is.
    pub change: Option<i64>,
}

/// The group of inputs that is worth the most of what changed, and of which figure so much.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LargestCause {
    pub cause: Cause,
    pub figure: String,
    pub unit: &'static str,
    pub change: i64,
}

impl Summary {
    pub fn new(months: &[ReportingPeriod], reason: Option<&str>, dry_run: bool) -> Self {
        let name = |month: Option<&ReportingPeriod>| month.map(ReportingPeriod::to_string).unwrap_or_default();
        let reason = reason.map(str::to_owned);
        Self { schema: SCHEMA, from: name(months.first()), to: name(months.last()), reason, dry_run, months: Vec::new() }
    }

    pub fn count(&self, outcome: Outcome) -> usize {
        self.months.iter().filter(|row| row.outcome == outcome).count()
    }
}

impl Row {
    pub fn new(month: &Planned, outcome: Outcome) -> Self {
        Self {
            month: month.period.to_string(),
            outcome,
            edition_before: month.edition(),
            edition_after: month.edition(),
            totals: Vec::new(),
            figures_changed: 0,
            changed: Vec::new(),
            largest_cause: None,
            accepted: Vec::new(),
            findings: Vec::new(),
            error: None,
        }
    }

    pub fn of_draft(month: &Planned, outcome: Outcome, draft: &Draft) -> Self {
        let row = Self {
            edition_after: Some(draft.edition.number),
            changed: draft.changes.clone(),
            accepted: draft.edition.accept.clone(),
            ..Self::new(month, outcome)
        };
        let Some(restated) = draft.restated() else { return row };
        let difference = &restated.difference;
        Self { totals: totals(restated), figures_changed: difference.figures.len(), largest_cause: largest_cause(difference), ..row }
    }
}

fn totals(restated: &Restated) -> Vec<Total> {
    let [before, after] = restated.reports().map(of_report);
    let pairs = before.into_iter().zip(after);
    let totals = pairs.map(|((figure, unit, before), (_, _, after))| {
        let change = before.zip(after).map(|(before, after)| after - before);
        Total { figure, unit, before, after, change }
    });
    totals.collect()
}

/// The totals of a report in their order, each with its id and unit.
fn of_report(report: &Value) -> Vec<(String, &'static str, Option<i64>)> {
    // The figures of the totals alone: those of the other rows may be many.
    let index = FigureIndex::of(&serde_json::json!({ "totals": report["totals"] }));
    let value = |id: &str| index.figures().iter().find(|figure| figure.id == id).and_then(|figure| figure.value);
    let total = |name: &str| {
        let id = format!("totals:{name}");
        let unit = crate::disclosure::figure_ids::Unit::of(name).name();
        (id.clone(), unit, value(&id))
    };
    std::iter::once(ENERGY).chain(Figures::BY_SCOPE).map(total).collect()
}

/// Of the total that is looked at first of all those that changed: emissions by location, then by the market, then the rest.
fn largest_cause(difference: &Difference) -> Option<LargestCause> {
    let waterfall = difference.waterfall.as_ref()?;
    let emissions_first = Figures::BY_SCOPE.into_iter().chain([ENERGY]);
    let mut ids = emissions_first.map(|name| format!("totals:{name}"));
    let figure = ids.find_map(|id| waterfall.figures.iter().find(|figure| figure.id == id)).or(waterfall.figures.first())?;
    let (cause, change) = waterfall.order.iter().zip(&figure.parts).max_by_key(|(_, part)| part.unsigned_abs())?;
    Some(LargestCause { cause: *cause, figure: figure.id.clone(), unit: figure.unit, change: *change })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disclosure::difference::{Waterfall, WaterfallFigure};

    #[test]
    fn totals_are_read_as_reports_write_them_and_an_unknown_one_is_null() {
        let report = serde_json::json!({ "totals": { "facility_mj": "9007199254740993", "scope2_market_based_ugco2e": null, "scope3_category_1_ugco2e": 7 } });
        let totals = of_report(&report);
        assert_eq!(totals.len(), 9);
        assert_eq!(totals[0], ("totals:facility_mj".to_owned(), "mJ", Some(9_007_199_254_740_993)));
        assert_eq!((totals[3].2, totals[4].2), (None, Some(7)));
    }

    #[test]
    fn the_largest_cause_is_that_of_the_first_total_that_changed() {
        let figure = |id: &str, parts: [i64; 2]| WaterfallFigure {
            id: id.to_owned(),
            unit: "µgCO2e",
            before: 0,
            parts: parts.to_vec(),
            after: parts.iter().sum(),
            adds_up: true,
        };
        let figures = vec![
            figure("cluster:prod-nl:scope2_location_based_ugco2e", [900, 1]),
            figure("totals:scope2_market_based_ugco2e", [3, -70]),
            figure("totals:scope3_category_3_ugco2e", [50, 2]),
        ];
        let waterfall = Waterfall { order: vec![Cause::Intensity, Cause::FactorsAndConfiguration], figures, unknown_figures: 0 };
        let side = serde_json::json!({});
        let side = crate::disclosure::difference::Side { report: &side, edition: None, configuration: None };
        let mut difference = crate::disclosure::difference::between(side, side);
        assert_eq!(largest_cause(&difference), None, "nothing was weighed");
        difference.waterfall = Some(waterfall);

        let largest = largest_cause(&difference).unwrap();
        assert_eq!(
            (largest.cause, largest.figure.as_str(), largest.change),
            (Cause::FactorsAndConfiguration, "totals:scope2_market_based_ugco2e", -70)
        );
    }
}
