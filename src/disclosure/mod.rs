//! Turns an inventory into the statement that every report is a view of.
//!
//! In: an inventory (sums of the ledger). Out: one [`Statement`], with every figure that any report shows.
//! Rule: compute, freeze, present; HTML, XLSX and JSON are views of the same value, so they cannot differ.
//! Assumes: the inventory balances. Does not: round, read, or ask the time.

pub mod assemble;
mod counterfactual;
pub mod quality;
pub mod scope2;
mod screening;
pub mod statement;
pub mod year;

pub use statement::Statement;

use crate::units::MicrogramsCo2e;

/// Fills the sections that are made of a whole statement.
pub fn finish(statement: &mut Statement) {
    let embodied = statement.scope3.cloud_embodied_ugco2e.unwrap_or(MicrogramsCo2e::ZERO);
    statement.scope3.cloud_operation_ugco2e = statement.totals.figures.scope3_category_1_ugco2e.map(|whole| whole - embodied);
    statement.scope3.screening = screening::screening(statement);
}
