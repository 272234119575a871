//! The sealed hourly ledger, read a piece at a time.
//!
//! In: a closed month. Out: one column of all rows, or all columns of some. Rule: the file is the sealed one (SHA-256). Memory is that of the file, compressed,
//! and of one piece. Does not: compute.

use std::io::Cursor;

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, SecondsFormat};
use polars::prelude::{AnyValue, DataFrame, ParquetReader, SerReader};

use crate::evidence::{Sealed, Store};
use crate::model::Hint;

/// In a closed month's folder.
pub const LEDGER_FILE: &str = "ledger/ledger.parquet";
/// Rows in memory at once.
const PIECE: usize = 1 << 17;

pub struct Ledger {
    bytes: Vec<u8>,
    pub rows: usize,
}

/// A cell as every format shows it.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    Text(String),
    Integer(i64),
    Unknown,
}

/// The cells of a row, by column.
pub type Row = Vec<(String, Cell)>;

impl Ledger {
    pub fn of(store: &Store, sealed: &Sealed) -> Result<Self> {
        ensure!(
            sealed.seal.file(LEDGER_FILE).is_some(),
            Hint::new(
                format!("{} was closed without the hourly ledger as Parquet", sealed.seal.period.month),
                "`wattledger close` makes it unless --format leaves it out; a restatement adds an edition that has it",
            )
        );
        Self::from_bytes(store.read_closed(sealed, LEDGER_FILE)?)
    }

    fn from_bytes(bytes: Vec<u8>) -> Result<Self> {
        let rows = ParquetReader::new(Cursor::new(&bytes)).num_rows().context("read the ledger")?;
        Ok(Self { bytes, rows })
    }

    pub fn ids(&self, mut see: impl FnMut(&str)) -> Result<()> {
        self.pieces(Some("id"), |frame| {
            frame.column("id")?.str()?.iter().for_each(|id| see(id.unwrap_or_default()));
            Ok(())
        })
    }

    /// Location-based, hourly factors.
    pub fn emissions(&self, mut see: impl FnMut(i64)) -> Result<()> {
        let name = "operational_hourly_ugco2e";
        self.pieces(Some(name), |frame| {
            frame.column(name)?.i64()?.iter().for_each(|ugco2e| see(ugco2e.unwrap_or(0)));
            Ok(())
        })
    }

    /// Rows by their positions, in the order of these.
    pub fn rows(&self, positions: &[u64]) -> Result<Vec<Row>> {
        positions.iter().map(|position| self.row(usize::try_from(*position)?)).collect()
    }

    fn row(&self, position: usize) -> Result<Row> {
        let frame = self.piece(position, 1, None)?;
        let cell = |column: &polars::prelude::Column| -> Result<(String, Cell)> {
            let cell = match column.get(0)? {
                AnyValue::Null => Cell::Unknown,
                AnyValue::Int64(value) => Cell::Integer(value),
                AnyValue::String(text) => Cell::Text(text.to_owned()),
                AnyValue::StringOwned(text) => Cell::Text(text.to_string()),
                AnyValue::Datetime(ms, ..) | AnyValue::DatetimeOwned(ms, ..) => {
                    Cell::Text(DateTime::from_timestamp_millis(ms).unwrap_or_default().to_rfc3339_opts(SecondsFormat::Secs, true))
                }
                other => Cell::Text(other.to_string()),
            };
            Ok((column.name().to_string(), cell))
        };
        frame.columns().iter().map(cell).collect()
    }

    fn pieces(&self, column: Option<&str>, mut see: impl FnMut(&DataFrame) -> Result<()>) -> Result<()> {
        for from in (0..self.rows).step_by(PIECE) {
            see(&self.piece(from, PIECE, column)?)?;
        }
        Ok(())
    }

    fn piece(&self, from: usize, rows: usize, column: Option<&str>) -> Result<DataFrame> {
        let columns = column.map(|column| vec![column.to_owned()]);
        let reader = ParquetReader::new(Cursor::new(&self.bytes)).with_columns(columns).with_slice(Some((from, rows)));
        reader.finish().context("read the ledger")
    }
}
