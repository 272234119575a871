//! What each group of inputs is worth: the report of each step on the way from one edition to the other.
//!
//! In: reports, each made with one more group of inputs exchanged. Out: [`Waterfall`]. Rule: a step's part is the figure after it less the figure before it, so the
//! parts add up to the whole difference, exactly. The order of the groups decides to whom goes what two of them do together, and is said.
//! Does not: account.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::comparable;
use crate::disclosure::figure_ids::FigureIndex;

/// A group of inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// What was metered: days of clusters, decision logs.
    Evidence,
    /// Grid intensity and prices.
    Intensity,
    /// Factor tables, configuration, own files.
    FactorsAndConfiguration,
    /// Software and method.
    Software,
}

impl Cause {
    pub fn name(self) -> &'static str {
        match self {
            Self::Evidence => "evidence",
            Self::Intensity => "intensity and prices",
            Self::FactorsAndConfiguration => "factors and configuration",
            Self::Software => "software",
        }
    }
}

#[derive(Clone, Debug, Serialize)]
pub struct Waterfall {
    /// In the order in which they were exchanged; software, which is exchanged at both ends, is the last.
    pub order: Vec<Cause>,
    /// Figures that differ anywhere on the way, largest change first; those that are unknown somewhere are left out.
    pub figures: Vec<WaterfallFigure>,
    pub unknown_figures: usize,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WaterfallFigure {
    pub id: String,
    pub unit: &'static str,
    pub before: i64,
    /// One for each cause, in their order.
    pub parts: Vec<i64>,
    pub after: i64,
    /// before + parts = after.
    pub adds_up: bool,
}

impl Waterfall {
    /// `before` and then, for each cause, the report after it was exchanged; a cause may come twice, and its parts are added.
    pub fn of(before: &Value, steps: &[(Cause, &Value)]) -> Self {
        let indexes: Vec<FigureIndex> =
            std::iter::once(before).chain(steps.iter().map(|(_, report)| *report)).map(FigureIndex::of).collect();
        let figures: Vec<BTreeMap<&str, _>> = indexes.iter().map(|index| comparable(index, true)).collect();
        let mut order: Vec<Cause> = Vec::new();
        for (cause, _) in steps {
            if !order.contains(cause) {
                order.push(*cause);
            }
        }
        order.sort();
        let ids: std::collections::BTreeSet<&str> = figures.iter().flat_map(|of| of.keys().copied()).collect();
        let (mut rows, mut unknown_figures) = (Vec::new(), 0);
        for id in ids {
            // A row that a report does not have came to nothing in it.
            let values: Option<Vec<i64>> = figures.iter().map(|of| of.get(id).map_or(Some(0), |figure| figure.value)).collect();
            let Some(values) = values else {
                unknown_figures += 1;
                continue;
            };
            if values.windows(2).all(|pair| pair[0] == pair[1]) {
                continue;
            }
            let mut parts = vec![0; order.len()];
            for ((cause, _), pair) in steps.iter().zip(values.windows(2)) {
                let at = order.iter().position(|known| known == cause).unwrap_or_default();
                parts[at] += pair[1] - pair[0];
            }
            let unit = figures.iter().find_map(|of| of.get(id)).map_or("", |figure| figure.unit().name());
            let (before, after) = (values[0], values[values.len() - 1]);
            let adds_up = before + parts.iter().sum::<i64>() == after;
            rows.push(WaterfallFigure { id: id.to_owned(), unit, before, parts, after, adds_up });
        }
        rows.sort_by(|a, b| {
            let size = |row: &WaterfallFigure| (row.after - row.before).unsigned_abs();
            (a.unit, std::cmp::Reverse(size(a)), &a.id).cmp(&(b.unit, std::cmp::Reverse(size(b)), &b.id))
        });
        Self { order, figures: rows, unknown_figures }
    }
}
