//! `ledger.parquet`: typed columns, row groups of some hundred thousand rows.

use std::io::Write;
use std::ops::Range;

use anyhow::{Context, Result};
use polars::io::parquet::write::BatchedWriter;
use polars::prelude::{
    Column as Values, DataFrame, DataType, KeyValueMetadata, ParquetCompression, ParquetWriter, StatisticsOptions, TimeUnit, TimeZone,
};

use super::SCHEMA;
use crate::disclosure::hourly::{Column, LedgerDay};

/// Rows of a row group: days of a small cluster are few rows each and wait for one another, and those of a large one are many.
const GROUP_ROWS: usize = 1 << 17;

/// Writes row groups as they fill.
pub struct ParquetLedger<W: Write> {
    writer: BatchedWriter<W>,
    waiting: DataFrame,
    group_rows: usize,
}

impl<W: Write> ParquetLedger<W> {
    pub fn new(writer: W) -> Result<Self> {
        Self::with_group_rows(writer, GROUP_ROWS)
    }

    pub(super) fn with_group_rows(writer: W, group_rows: usize) -> Result<Self> {
        let empty = frame(&LedgerDay::default(), 0..0)?;
        let metadata = KeyValueMetadata::from_static(vec![("schema".to_owned(), SCHEMA.to_owned())]);
        let writer = ParquetWriter::new(writer)
            .with_compression(ParquetCompression::Zstd(None))
            .with_statistics(StatisticsOptions::default())
            .with_key_value_metadata(Some(metadata))
            .batched(empty.schema())
            .context("begin the ledger's Parquet file")?;
        Ok(Self { writer, waiting: empty, group_rows })
    }

    pub fn add(&mut self, day: &LedgerDay) -> Result<()> {
        let mut from = 0;
        while from < day.len() {
            let to = day.len().min(from + self.group_rows - self.waiting.height());
            self.waiting.vstack_mut(&frame(day, from..to)?).context("put rows to the ledger")?;
            from = to;
            if self.waiting.height() == self.group_rows {
                self.write_group()?;
            }
        }
        Ok(())
    }

    pub fn finish(mut self) -> Result<()> {
        self.write_group()?;
        self.writer.finish().context("end the ledger's Parquet file")?;
        Ok(())
    }

    fn write_group(&mut self) -> Result<()> {
        let mut group = std::mem::replace(&mut self.waiting, frame(&LedgerDay::default(), 0..0)?);
        group.rechunk_mut_par();
        self.writer.write_batch(&group).context("write rows of the ledger")
    }
}

fn frame(day: &LedgerDay, rows: Range<usize>) -> Result<DataFrame> {
    let mut ids = day.ids();
    let ids: Vec<String> = rows.clone().map(|row| ids.of(row).to_owned()).collect();
    let hours: Vec<i64> = day.hour[rows.clone()].iter().map(|hour| i64::from(*hour) * 3_600_000).collect();
    let names = || day.name[rows.clone()].iter().map(|name| *name as usize);
    let places = || day.place[rows.clone()].iter().map(|place| &day.places[*place as usize]);
    let text = |name: &str, values: Vec<&str>| Values::new(name.into(), values);
    let mut columns = vec![
        text("id", ids.iter().map(String::as_str).collect()),
        Values::new("hour".into(), hours).cast(&DataType::Datetime(TimeUnit::Milliseconds, Some(TimeZone::UTC)))?,
        text("cluster", vec![day.cluster.as_str(); rows.len()]),
        text("namespace", names().map(|name| day.names[name].0.as_str()).collect()),
        text("workload", names().map(|name| day.names[name].1.as_str()).collect()),
        text("cost_centre", names().map(|name| day.cost_centres[name].as_str()).collect()),
        text("grid_zone", places().map(|place| place.grid_zone.as_str()).collect()),
        text("placement", places().map(|place| place.placement.as_str()).collect()),
    ];
    columns.extend(day.figures().map(|(name, column)| match column {
        Column::Known(values) => Values::new(name.into(), &values[rows.clone()]),
        Column::MayBeUnknown(values) => Values::new(name.into(), &values[rows.clone()]),
    }));
    DataFrame::new(rows.len(), columns).context("frame of the ledger")
}
