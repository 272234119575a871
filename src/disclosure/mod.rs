//! Turns an inventory into the statement that every report is a view of.
//!
//! In: an inventory (sums of the ledger). Out: one [`Statement`], with every figure that any report shows.
//! Rule: compute, freeze, present; HTML, XLSX and JSON are views of the same value, so they cannot differ.
//! Assumes: the inventory balances. Does not: round, read, or ask the time.

pub mod assemble;
mod counterfactual;
mod screening;
pub mod statement;
pub mod year;

pub use statement::Statement;

/// Fills the sections that are made of a whole statement.
pub fn finish(statement: &mut Statement) {
    statement.scope3.screening = screening::screening(statement);
}
