//! Reports: views of one statement, as bytes.
//!
//! In: a [`Statement`](crate::disclosure::Statement). Out: the bytes of `report.json`, `report.html` and `report.xlsx`, and of the disclosure
//! as `facts.json` and `report.xhtml`.
//! Rule: figures are rounded for people once, decimally, in [`view`] (method, section 2); every format shows those strings, and carries the exact integer beside them.
//! Assumes: the statement balances and its lists are sorted. Does not: open files, ask the time, or compute a figure the statement does not imply.

mod average_day;
mod facts;
mod html;
pub mod inventory;
mod ixbrl;
mod json;
pub mod ledger;
mod method;
mod runs;
pub mod spreadsheet;
pub mod view;
pub mod words;
mod xlsx;

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod golden;

pub use facts::facts;
pub use html::html;
pub use ixbrl::ixbrl;
pub use json::{json, json_schema};
pub use xlsx::xlsx;
