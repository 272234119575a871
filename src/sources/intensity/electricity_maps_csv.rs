//! CSV files of the Electricity Maps data portal, of every vintage.
//!
//! In: rows with `Datetime (UTC)`, zone, and carbon intensity direct or life-cycle (LCA) or both. Out: rows for the table above.
//! Rule: the time is the start of the interval, UTC without saying so in the cell; headers are told by their words, whatever their case.
//! Assumes: the unit that the header states, gCO2eq/kWh; another is refused. Does not: use shares or the data source's name.

use anyhow::{Result, bail};
use chrono::DateTime;

use super::table::{Row, Rows};
use crate::sources::delimited::Reader;
use crate::sources::local_time::naive;
use crate::sources::{Reach, Refusal};
use crate::units::IntensityUnit;

/// Where the columns stand.
pub(super) struct Columns {
    time: usize,
    zone: usize,
    direct: Option<usize>,
    lifecycle: Option<usize>,
    is_estimated: Option<usize>,
    estimation_method: Option<usize>,
}

impl Columns {
    /// The columns in a header in lower case, or none if the file is of another kind.
    pub fn find(header: &[String]) -> Result<Option<Self>> {
        let named = |name: &str| header.iter().position(|column| column == name);
        let intensity = |kinds: &[&str]| {
            header.iter().position(|column| column.contains("carbon intensity") && kinds.iter().any(|kind| column.contains(kind)))
        };
        let (Some(time), Some(zone)) = (named("datetime (utc)"), named("zone id")) else { return Ok(None) };
        let direct = intensity(&["(direct)"]);
        let lifecycle = intensity(&["(lca)", "(life cycle)", "(lifecycle)"]);
        if direct.is_none() && lifecycle.is_none() {
            return Ok(None);
        }
        for column in [direct, lifecycle].into_iter().flatten() {
            if !header[column].contains("gco2eq/kwh") {
                let message = format!("the column `{}` does not state gCO2eq/kWh", header[column]);
                bail!(Refusal::new("CI_UNIT", Reach::Source, message).hint("convert the file and name the unit in its header"));
            }
        }
        let (is_estimated, estimation_method) = (named("data estimated"), named("data estimation method"));
        Ok(Some(Self { time, zone, direct, lifecycle, is_estimated, estimation_method }))
    }

    pub fn read(&self, reader: &mut Reader, source: usize, rows: &mut Rows) -> Result<()> {
        let mut record = csv::StringRecord::new();
        while reader.read_record(&mut record)? {
            let line = record.position().map_or(0, csv::Position::line);
            let cell = |column: Option<usize>| column.and_then(|column| record.get(column)).unwrap_or_default();
            let time = cell(Some(self.time));
            let Some(start_s) = utc(time) else {
                let message = format!("{}, line {line}: `{time}` is not a UTC time", rows.source(source).name);
                bail!(Refusal::new("CI_AMBIGUOUS_TIME", Reach::Source, message).hint("write it as 2026-10-01 00:00:00, in UTC"));
            };
            rows.push(Row {
                source,
                line,
                zone: cell(Some(self.zone)).to_owned(),
                start_s,
                direct: rows.value(source, line, cell(self.direct), IntensityUnit::GramsPerKilowattHour)?,
                lifecycle: rows.value(source, line, cell(self.lifecycle), IntensityUnit::GramsPerKilowattHour)?,
                is_estimated: cell(self.is_estimated).eq_ignore_ascii_case("true"),
                estimation_method: estimation_method(cell(self.estimation_method)),
                updated_s: None,
            });
        }
        Ok(())
    }
}

/// A naive time, which the header says is UTC, or one with an offset.
fn utc(text: &str) -> Option<i64> {
    let with_offset = DateTime::parse_from_rfc3339(text).ok().map(|time| time.timestamp());
    with_offset.or_else(|| naive(text).map(|time| time.and_utc().timestamp()))
}

/// Some exports, and the API at times, write what is not there as a word.
pub(super) fn estimation_method(text: &str) -> String {
    if text.eq_ignore_ascii_case("none") { String::new() } else { text.to_owned() }
}
