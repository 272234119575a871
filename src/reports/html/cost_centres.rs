//! The table of cost centres.

use super::figure::Figure;
use crate::disclosure::Statement;
use crate::disclosure::figure_ids::RowId;
use crate::disclosure::statement::{CostCentreStatement, Figures};
use crate::model::UNLABELLED;
use crate::reports::view;

pub struct Section<'a> {
    pub label: &'a str,
    /// Share of facility energy without a label.
    pub unlabelled: String,
    pub rows: Vec<Row<'a>>,
    /// The report's own totals, which the rows add up to.
    pub total: Row<'a>,
}

pub struct Row<'a> {
    /// Of the sum over all, that of the totals.
    pub id: String,
    pub cost_centre: &'a str,
    pub namespaces: String,
    pub facility: Figure,
    pub share: String,
    pub scopes: Vec<Figure>,
    /// `(unlabelled)`, `(idle)`, `(system)`, `(gap)`: set apart in type.
    pub is_apart: bool,
}

impl<'a> Section<'a> {
    pub fn of(statement: &'a Statement) -> Self {
        let whole = statement.totals.figures.facility_mj.get();
        let unlabelled = statement.cost_centres.iter().find(|row| row.cost_centre == UNLABELLED);
        let row = |row: &'a CostCentreStatement| {
            let share = view::percent_of(row.figures.facility_mj.get(), whole);
            of_figures(&row.cost_centre, row.namespaces, share, &row.figures, !row.is_labelled())
        };
        let namespaces = statement.cost_centres.iter().map(|row| row.namespaces).sum();
        Self {
            label: &statement.policy.cost_centre_label,
            unlabelled: view::percent_of(unlabelled.map_or(0, |row| row.figures.facility_mj.get()), whole),
            rows: statement.cost_centres.iter().map(row).collect(),
            total: of_figures("Total", namespaces, view::percent_of(whole, whole), &statement.totals.figures, false),
        }
    }
}

fn of_figures<'a>(cost_centre: &'a str, namespaces: u64, share: String, figures: &Figures, is_apart: bool) -> Row<'a> {
    let id = if cost_centre == "Total" { RowId::Totals } else { RowId::CostCentre { cost_centre: cost_centre.to_owned() } };
    Row {
        id: id.to_string(),
        cost_centre,
        namespaces: view::grouped(namespaces.into()),
        facility: Figure::energy("facility_mj", figures.facility_mj),
        share,
        scopes: std::iter::once(Figure::emissions("scope2_location_based_ugco2e", figures.scope2_location_based_ugco2e))
            .chain(Figure::beyond_location_based(figures))
            .collect(),
        is_apart,
    }
}
