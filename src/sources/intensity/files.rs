//! Plain CSV: `ts,zone,intensity_gco2e_per_kwh`.
//!
//! In: rows with a time (RFC 3339 with offset), a grid zone, one value. Out: rows for the table above.
//! Rule: a time without an offset is refused with its line: twice a year it means two hours or none.
//! Assumes: the values are of the kind that the feed's `factor` names. Does not: know of estimates.

use anyhow::{Result, bail};
use chrono::DateTime;

use super::table::{Row, Rows};
use crate::model::policy::FactorKind;
use crate::sources::{Reach, Refusal};

pub(super) struct Columns {
    time: usize,
    zone: usize,
    value: usize,
}

impl Columns {
    pub fn find(header: &[String]) -> Option<Self> {
        let named = |name: &str| header.iter().position(|column| column == name);
        Some(Self { time: named("ts")?, zone: named("zone")?, value: named("intensity_gco2e_per_kwh")? })
    }

    pub fn read(&self, reader: &mut csv::Reader<&[u8]>, source: usize, factor: FactorKind, rows: &mut Rows) -> Result<()> {
        let mut record = csv::StringRecord::new();
        while reader.read_record(&mut record)? {
            let line = record.position().map_or(0, csv::Position::line);
            let cell = |column: usize| record.get(column).unwrap_or_default();
            let Ok(start) = DateTime::parse_from_rfc3339(cell(self.time)) else {
                let message = format!("{}, line {line}: `{}` is not a time with its offset", rows.source(source).name, cell(self.time));
                let hint = "write it as 2026-10-01T00:00:00Z or 2026-10-01T02:00:00+02:00";
                bail!(Refusal::new("CI_AMBIGUOUS_TIME", Reach::Source, message).hint(hint));
            };
            let value = rows.value(source, line, cell(self.value))?;
            let (direct, lifecycle) = match factor {
                FactorKind::Direct => (value, None),
                FactorKind::Lifecycle => (None, value),
            };
            rows.push(Row {
                source,
                line,
                zone: cell(self.zone).to_owned(),
                start_s: start.timestamp(),
                direct,
                lifecycle,
                is_estimated: false,
                estimation_method: String::new(),
            });
        }
        Ok(())
    }
}
