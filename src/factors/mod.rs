//! Factors as data: figures of others, each with its source, in files that a person can read and mend.
//!
//! In: nothing but the files beside this one, embedded. Out: looked-up rows. Rule: a row without a source does not load.
//! Assumes: the files are checked by tests. Does not: choose for the reader: what was taken is named in the report.

pub mod instances;
mod regions;
#[cfg(test)]
mod server_test;
mod table;
mod uncertainty;

pub use self::regions::Region;
pub use self::table::{Factor, Factors, Quantity};
pub use self::uncertainty::{StandardUncertainty, Uncertainties};
