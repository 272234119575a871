//! The hourly ledger as files: Parquet for whoever computes with it, CSV for whoever opens it.
//!
//! In: [`LedgerDay`]s in the order of clusters and days, a writer for each file. Out: the bytes, as they come; the same ledger gives the same bytes.
//! Rule: one row a cluster, namespace, workload and UTC hour, with its id; the same columns under the same names in both, integers as they are, unknown as
//! null or as an empty cell. Names may be hostile: in CSV no text can be taken for a formula. Assumes: days come in order.
//! Does not: keep more than some days, open files, or round.

mod csv;
mod parquet;
#[cfg(test)]
mod tests;

pub use self::csv::{CsvLedger, TEXT_COLUMNS};
pub use self::parquet::ParquetLedger;

/// What the ledger's rows mean; it is in the metadata of the Parquet file. docs/finance-and-esg.md describes the columns.
pub const SCHEMA: &str = "wattledger.ledger/1";
