//! The statement as one self-contained HTML file.
//!
//! In: a statement. Out: a page that needs no network, no script and no other file, and prints on A4.
//! Rule: templates (`templates/report*`) hold the words and the shape; structs here hold finished strings. Every figure carries the exact
//! integer in `data-value` and its name in `report.json` in `data-figure`. Assumes: every string of the statement may be hostile; the templates escape all of them.
//! Does not: round (that is `view`), or mark anything safe but figures and charts, which escape on their own.

mod chart;
mod counterfactual;
mod cover;
mod curve;
mod figure;
mod tables;
#[cfg(test)]
mod tests;

use anyhow::{Context, Result};
use askama::Template;

use super::{method, view};
use crate::disclosure::Statement;

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    statement: &'a Statement,
    month: String,
    cover: cover::Cover<'a>,
    findings: Vec<tables::FindingRow<'a>>,
    namespaces: Vec<tables::ClusterTable<'a>>,
    workloads: Vec<tables::ClusterTable<'a>>,
    curves: Vec<curve::ClusterCurve<'a>>,
    counterfactual: counterfactual::Section<'a>,
    reconciliation: tables::ReconciliationTable<'a>,
    method: Vec<method::Paragraph>,
    intensity: Vec<tables::IntensityRow<'a>>,
    /// What the providers' licences ask a reader to be told.
    attributions: Vec<&'static str>,
}

pub fn html(statement: &Statement) -> Result<Vec<u8>> {
    let page = Page {
        statement,
        month: view::month_name(statement.period.name()),
        cover: cover::Cover::of(statement),
        findings: tables::findings(statement),
        namespaces: tables::namespaces(statement),
        workloads: tables::workloads(statement),
        curves: curve::curves(statement),
        counterfactual: counterfactual::Section::of(statement),
        reconciliation: tables::ReconciliationTable::of(statement),
        method: method::paragraphs(statement),
        intensity: tables::intensity(statement),
        attributions: method::attributions(statement),
    };
    Ok(page.render().context("render the HTML report")?.into_bytes())
}
