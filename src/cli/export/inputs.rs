//! The tables that the method's SQL starts from, for every cluster-day of a closed month.
//!
//! In: a sealed edition. Out: `inputs/<cluster>/<day>/<table>.parquet` in the archive. Rule: they are made from the books as of the close by the same code that
//! accounts, one day at a time. Does not: run the SQL.

use std::io::Write;

use anyhow::{Context, Result};
use polars::prelude::{DataFrame, ParquetCompression, ParquetWriter, StatisticsOptions};

use super::archive::Archive;
use crate::accounting::ledger::sql;
use crate::cli::account::{self, Books};
use crate::evidence::{Sealed, Store};
use crate::units::ReportingPeriod;

pub const INPUTS_FOLDER: &str = "inputs";

pub fn add<W: Write>(store: &Store, sealed: &Sealed, archive: &mut Archive<W>, mut tick: impl FnMut(&str)) -> Result<()> {
    let books = Books::of_closed(store, sealed)?;
    let period = ReportingPeriod::parse(&sealed.seal.period.month, books.config.time_zone).map_err(anyhow::Error::msg)?;
    account::for_each_day(&books, period, |cluster, day, terms, node_steps, usage| {
        tick(&format!("{cluster} {day}"));
        for (table, frame) in sql::inputs(terms, node_steps, usage)? {
            archive.add(&format!("{INPUTS_FOLDER}/{cluster}/{day}/{table}.parquet"), &encoded(table, frame)?)?;
        }
        Ok(())
    })
}

/// As other engines read it; the same frame gives the same bytes.
fn encoded(table: &str, mut frame: DataFrame) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    ParquetWriter::new(&mut bytes)
        .with_compression(ParquetCompression::Zstd(None))
        .with_statistics(StatisticsOptions::empty())
        .finish(&mut frame)
        .with_context(|| format!("encode table {table}"))?;
    Ok(bytes)
}
