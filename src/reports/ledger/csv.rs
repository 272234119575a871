//! `ledger.csv`: RFC 4180, with a header, UTF-8, one record a row.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::Write;

use anyhow::{Context, Result};
use chrono::{DateTime, SecondsFormat};
use csv::{Terminator, Writer, WriterBuilder};

use crate::disclosure::hourly::LedgerDay;
use crate::reports::spreadsheet;

/// The columns before the figures.
pub const TEXT_COLUMNS: [&str; 8] = ["id", "hour", "cluster", "namespace", "workload", "cost_centre", "grid_zone", "placement"];

/// Writes rows as they come.
pub struct CsvLedger<W: Write> {
    writer: Writer<W>,
}

impl<W: Write> CsvLedger<W> {
    pub fn new(writer: W) -> Result<Self> {
        let mut writer = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(writer);
        let figures = LedgerDay::default();
        let header = TEXT_COLUMNS.into_iter().chain(figures.figures().map(|(name, _)| name));
        writer.write_record(header).context("write the ledger's header")?;
        Ok(Self { writer })
    }

    pub fn add(&mut self, day: &LedgerDay) -> Result<()> {
        let figures = day.figures();
        let names: Vec<[Cow<'_, str>; 3]> = day
            .names
            .iter()
            .zip(&day.cost_centres)
            .map(|((namespace, workload), centre)| [namespace, workload, centre].map(|text| spreadsheet::as_text(text)))
            .collect();
        let (mut ids, mut number) = (day.ids(), String::new());
        let (mut hour, mut instant) = (None, String::new());
        for row in 0..day.len() {
            if hour != Some(day.hour[row]) {
                hour = Some(day.hour[row]);
                let start = DateTime::from_timestamp(i64::from(day.hour[row]) * 3_600, 0).unwrap_or_default();
                instant = start.to_rfc3339_opts(SecondsFormat::Secs, true);
            }
            let place = &day.places[day.place[row] as usize];
            let [namespace, workload, centre] = &names[day.name[row] as usize];
            let id = spreadsheet::as_text(ids.of(row));
            let texts = [&*id, &instant, &day.cluster, namespace, workload, centre, &place.grid_zone, &place.placement];
            let mut write = || -> csv::Result<()> {
                for text in texts {
                    self.writer.write_field(text)?;
                }
                for (_, column) in &figures {
                    number.clear();
                    if let Some(value) = column.get(row) {
                        write!(number, "{value}").expect("writing to a string cannot fail");
                    }
                    self.writer.write_field(&number)?;
                }
                self.writer.write_record(None::<&[u8]>)
            };
            write().context("write a row of the ledger")?;
        }
        Ok(())
    }

    /// Gives the writer back, with everything in it.
    pub fn finish(self) -> Result<W> {
        self.writer.into_inner().map_err(|error| anyhow::Error::new(error.into_error())).context("write the ledger's rows")
    }
}
