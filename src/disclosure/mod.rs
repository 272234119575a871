//! Turns an inventory into the statement that every report is a view of.
//!
//! In: an inventory (sums of the ledger). Out: one [`Statement`], with every figure that any report shows.
//! Rule: compute, freeze, present; HTML, XLSX and JSON are views of the same value, so they cannot differ.
//! Assumes: the inventory balances. Does not: read, ask the time, or round anything but the datapoints of the disclosure standard, whose texts are figures by themselves.

pub mod assemble;
mod counterfactual;
pub mod datapoints;
pub mod definitions;
pub mod difference;
pub mod entities;
pub mod facts;
pub mod figure_ids;
pub mod hourly;
pub mod quality;
pub mod scope2;
pub mod screening;
pub mod standards;
pub mod statement;
#[cfg(test)]
pub(crate) mod story;
mod tally;
pub mod year;

pub use statement::Statement;

use crate::units::{MicrogramsCo2e, Share};

/// Fills the sections that are made of a whole statement.
pub fn finish(statement: &mut Statement) {
    let embodied = statement.scope3.cloud_embodied_ugco2e.unwrap_or(MicrogramsCo2e::ZERO);
    statement.scope3.cloud_operation_ugco2e = statement.totals.figures.scope3_category_1_ugco2e.map(|whole| whole - embodied);
    statement.scope3.primary_data_share = primary_data_share(statement);
    statement.scope3.screening = screening::screening(statement);
    datapoints::disclose(statement);
}

/// ESRS E1 AR 46(g) (2023 edition): how much of Scope 3 rests on what suppliers themselves say of their emissions. No such figure is taken in yet: energy is
/// metered or modelled here, and factors are published ones. Where nothing of Scope 3 is known there is no share.
fn primary_data_share(statement: &Statement) -> Option<Share> {
    let figures = &statement.totals.figures;
    let categories = [
        figures.scope3_category_1_ugco2e,
        figures.scope3_category_2_ugco2e,
        figures.scope3_category_3_ugco2e,
        figures.scope3_category_8_ugco2e,
    ];
    let known: MicrogramsCo2e = categories.into_iter().flatten().sum();
    Share::of(0, known.get())
}
