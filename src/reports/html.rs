//! The statement as one self-contained HTML file.
//!
//! In: a statement. Out: a page that needs no network, no script and no other file, and prints on A4.
//! Rule: templates (`templates/report*`) hold the words and the shape; structs here hold finished strings. Every figure carries the exact
//! integer in `data-value` and its name in `report.json` in `data-figure`. Assumes: every string of the statement may be hostile; the templates escape all of them.
//! Does not: round (that is `view`), or mark anything safe but figures and charts, which escape on their own.

mod bar;
mod basis;
mod chart;
mod contents;
mod cost_centres;
mod counterfactual;
mod cover;
mod curve;
mod deferrable;
mod entities;
mod fields;
mod figure;
mod quality;
mod scope2;
mod scope3;
mod standard;
mod tables;
#[cfg(test)]
mod tests;
mod year;

use anyhow::{Context, Result};
use askama::Template;

use super::{method, view};
use crate::disclosure::Statement;

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    statement: &'a Statement,
    /// `October 2026`, or the year.
    period: String,
    is_year: bool,
    contents: contents::Contents,
    cover: cover::Cover<'a>,
    year: year::Section<'a>,
    entities: Option<entities::Section<'a>>,
    findings: Vec<tables::FindingRow<'a>>,
    scope2: scope2::Section<'a>,
    scope3: scope3::Section<'a>,
    quality: quality::Section<'a>,
    sci: quality::Sci<'a>,
    disclosure: standard::Section<'a>,
    rows_basis: basis::Basis<'a>,
    curve_basis: basis::Basis<'a>,
    namespace_fields: Option<fields::Fields>,
    workload_fields: Option<fields::Fields>,
    reconciliation_fields: Option<fields::Fields>,
    run_fields: Option<fields::Fields>,
    namespaces: Vec<tables::ClusterTable<'a>>,
    workloads: Vec<tables::ClusterTable<'a>>,
    cost_centres: cost_centres::Section<'a>,
    curves: Vec<curve::ClusterCurve<'a>>,
    counterfactual: counterfactual::Section<'a>,
    deferrable: deferrable::Section<'a>,
    reconciliation: tables::ReconciliationTable<'a>,
    factors: Vec<standard::FactorRow<'a>>,
    method: Vec<method::Paragraph>,
    intensity: Vec<tables::IntensityRow<'a>>,
    /// What the providers' licences ask a reader to be told.
    attributions: Vec<&'static str>,
}

pub fn html(statement: &Statement) -> Result<Vec<u8>> {
    let (namespaces, workloads) = (tables::namespaces(statement), tables::workloads(statement));
    let reconciliation = tables::ReconciliationTable::of(statement);
    let page = Page {
        statement,
        period: view::month_name(statement.period.name()),
        is_year: statement.period.year.is_some(),
        contents: contents::Contents::of(statement),
        cover: cover::Cover::of(statement),
        year: year::Section::of(statement),
        entities: entities::Section::of(statement),
        findings: tables::findings(statement),
        scope2: scope2::Section::of(statement),
        scope3: scope3::Section::of(statement),
        quality: quality::Section::of(statement),
        sci: quality::Sci::of(statement),
        disclosure: standard::Section::of(statement),
        rows_basis: tables::basis(statement),
        curve_basis: curve::basis(statement),
        namespace_fields: fields::Fields::of_tables(&namespaces, true),
        workload_fields: fields::Fields::of_tables(&workloads, false),
        reconciliation_fields: fields::Fields::of_reconciliation(&reconciliation),
        run_fields: fields::Fields::of_runs(statement),
        namespaces,
        workloads,
        cost_centres: cost_centres::Section::of(statement),
        curves: curve::curves(statement),
        counterfactual: counterfactual::Section::of(statement),
        deferrable: deferrable::Section::of(statement),
        reconciliation,
        factors: standard::factors(statement),
        method: method::paragraphs(statement),
        intensity: tables::intensity(statement),
        attributions: method::attributions(statement),
    };
    Ok(with_what_html_has(page.render().context("render the HTML report")?).into_bytes())
}

/// A name may hold characters that no page can: they are shown as what could not be shown, and a parser has nothing to mend (HTML, 13.2.3.5).
fn with_what_html_has(text: String) -> String {
    let is_lacking = |c: char| {
        let is_control = c.is_control() && !matches!(c, '\t' | '\n' | '\r');
        let is_no_character = (c as u32) & 0xfffe == 0xfffe || ('\u{fdd0}'..='\u{fdef}').contains(&c);
        is_control || is_no_character
    };
    if text.contains(is_lacking) { text.replace(is_lacking, "\u{fffd}") } else { text }
}
