//! Frames as Parquet bytes, and back. The one place that says how tables are encoded.

use std::io::{Cursor, Write};

use anyhow::{Context, Result};
use polars::prelude::{DataFrame, ParquetCompression, ParquetReader, ParquetWriter, SerReader, StatisticsOptions};

/// Files are small and read whole, so a file is one row group and a column lies in one piece; but `samples`, which are written while the
/// day's samples are in memory.
fn row_group_rows(table: &str) -> usize {
    if table == "samples" { 1 << 18 } else { 1 << 20 }
}

/// How a file is compressed, by the name of its table. `usage` is read by every report, all of it: there decoding is most of the work, and LZ4 decodes
/// several times as fast as zstd. `samples` are read when somebody re-derives, and are the most bytes.
fn compression(table: &str) -> ParquetCompression {
    match table {
        "usage" => ParquetCompression::Lz4Raw,
        // The level is the library's own: polars keeps the type of a level to itself.
        _ => ParquetCompression::Zstd(None),
    }
}

/// The same frame gives the same bytes.
pub fn encode(table: &str, frame: &DataFrame) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    encode_into(table, frame, &mut bytes)?;
    Ok(bytes)
}

/// The same, to where it is wanted: a day's samples are many.
pub fn encode_into(table: &str, frame: &DataFrame, writer: impl Write) -> Result<()> {
    ParquetWriter::new(writer)
        .with_compression(compression(table))
        // Nobody prunes by statistics: every reader reads whole files, and small files would be half statistics.
        .with_statistics(StatisticsOptions::empty())
        .with_row_group_size(Some(row_group_rows(table)))
        .finish(&mut frame.clone())
        .with_context(|| format!("encode table {table}"))?;
    Ok(())
}

pub fn decode(bytes: Vec<u8>) -> Result<DataFrame> {
    Ok(ParquetReader::new(Cursor::new(bytes)).finish()?)
}
