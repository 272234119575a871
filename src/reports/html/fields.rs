//! What the columns of a table are called in `report.json`: on a screen the heads say it, on paper this line does.

use askama::Template;
use askama::filters::HtmlSafe;

use super::tables::{ClusterTable, ReconciliationTable, Row};
use crate::disclosure::Statement;
use crate::disclosure::figure_ids::{RowId, run_ids};

#[derive(Template)]
#[template(path = "report/fields.html")]
pub struct Fields {
    /// The id of a figure of the table.
    example: String,
    /// In the order of the columns.
    names: Vec<&'static str>,
}

impl HtmlSafe for Fields {}

impl Fields {
    pub fn of(row: &RowId, names: Vec<&'static str>) -> Self {
        Self { example: row.figure(names.first().copied().unwrap_or_default()).to_string(), names }
    }

    /// Of the tables of namespaces or workloads, with the tables of their scopes where these are shown; none where there is no row.
    pub fn of_tables(tables: &[ClusterTable<'_>], with_scopes: bool) -> Option<Self> {
        let Row { row, figures, scopes, .. } = tables.iter().flat_map(|table| &table.rows).next()?;
        let scopes = scopes.iter().filter(|_| with_scopes);
        Some(Self::of(row, figures.iter().chain(scopes).map(|figure| figure.name()).collect()))
    }

    /// Of job runs.
    pub fn of_runs(statement: &Statement) -> Option<Self> {
        let run = statement.job_runs.iter().find(|run| run.avoided_ugco2e.is_some())?;
        let id = run_ids(std::iter::once((&*run.cluster, &*run.namespace, &*run.job, run.start))).pop()?;
        Some(Self::of(&id, vec!["counterfactual_ugco2e", "actual_ugco2e", "avoided_ugco2e"]))
    }

    pub fn of_reconciliation(table: &ReconciliationTable<'_>) -> Option<Self> {
        let day = table.days.first()?;
        Some(Self::of(day.row.as_ref()?, day.figures.iter().map(|figure| figure.name()).collect()))
    }
}
