//! Generation by hour, as the holder of an instrument has it from the plant's meter.
//!
//! In: CSV with `ts,kwh`. Out: whole millijoules by hour since the epoch, and the file's SHA-256. Rule: `ts` is the start of an hour, RFC 3339 with its
//! offset; what is not a number, below zero, off the hour or there twice is refused with file and line. Does not: fill an hour that is not there; it
//! has no generation.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};
use chrono::DateTime;

use super::books::OwnFile;
use crate::model::{Hint, sha256};
use crate::sources::delimited;
use crate::units::{KilowattHours, Millijoules};

/// More than any one plant behind a contract for compute delivers, so a sum over a year stays within the ledger's integers: 100 MW.
const HIGHEST_KWH: f64 = 100_000.0;

pub struct Generation {
    pub by_hour: Vec<(i32, Millijoules)>,
    pub sha256: String,
}

pub fn read(file: &OwnFile) -> Result<Generation> {
    let by_hour = parse(&file.bytes).with_context(|| format!("read generation file {}", file.name))?;
    Ok(Generation { by_hour, sha256: sha256(&file.bytes) })
}

fn parse(bytes: &[u8]) -> Result<Vec<(i32, Millijoules)>> {
    let (header, mut reader) = delimited::open(bytes)?;
    let (Some(ts), Some(kwh)) = (delimited::position(&header, &["ts"]), delimited::position(&header, &["kwh"])) else {
        bail!(Hint::new(
            format!("it has the header `{}`", header.join(",")),
            "the columns are ts,kwh: the start of the hour as 2026-03-01T00:00:00Z, and what was generated in it"
        ));
    };
    let mut hours: BTreeMap<i32, Millijoules> = BTreeMap::new();
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record)? {
        let line = record.position().map_or(0, csv::Position::line);
        let cell = |column: usize| record.get(column).unwrap_or_default();
        let at = DateTime::parse_from_rfc3339(cell(ts));
        let at =
            at.map_err(|_| anyhow::anyhow!("line {line}: `{}` is not a time with its offset, as in 2026-03-01T00:00:00Z", cell(ts)))?;
        ensure!(at.timestamp().rem_euclid(3_600) == 0, "line {line}: `{}` is not the start of an hour", cell(ts));
        let hour = i32::try_from(at.timestamp().div_euclid(3_600)).with_context(|| format!("line {line}: a time beyond the calendar"))?;
        let energy = cell(kwh).parse::<f64>().ok().filter(|value| (0.0..=HIGHEST_KWH).contains(value));
        let energy = energy.with_context(|| format!("line {line}: `{}` is not an energy from 0 to {HIGHEST_KWH} kWh", cell(kwh)))?;
        let energy = Millijoules::new((energy * KilowattHours::MILLIJOULES_PER_KWH + 0.5).floor() as i64);
        ensure!(hours.insert(hour, energy).is_none(), "line {line}: the hour `{}` is there twice", cell(ts));
    }
    ensure!(!hours.is_empty(), "it has no rows");
    Ok(hours.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        format!("{:#}", parse(text.as_bytes()).unwrap_err())
    }

    #[test]
    fn an_hour_of_generation_is_whole_millijoules_whatever_its_offset() {
        let rows = parse(b"\xef\xbb\xbfTS,kWh\r\n2026-03-01T01:00:00+01:00,0.5\r\n2026-03-01T01:00:00Z,2\r\n").unwrap();

        assert_eq!(rows, [(492_312, Millijoules::new(1_800_000_000)), (492_313, Millijoules::new(7_200_000_000))]);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        let header = "ts,kwh\n2026-03-01T00:00:00Z,1\n";
        for (row, said) in [
            ("2026-03-01T00:00:00Z,2\n", "line 3: the hour `2026-03-01T00:00:00Z` is there twice"),
            ("2026-03-01T00:30:00Z,2\n", "line 3: `2026-03-01T00:30:00Z` is not the start of an hour"),
            ("2026-03-01T01:00:00,2\n", "line 3: `2026-03-01T01:00:00` is not a time with its offset"),
            ("2026-03-01T01:00:00Z,-2\n", "line 3: `-2` is not an energy"),
            ("2026-03-01T01:00:00Z,NaN\n", "line 3: `NaN` is not an energy"),
            ("2026-03-01T01:00:00Z,\n", "line 3: `` is not an energy"),
        ] {
            let error = error(&format!("{header}{row}"));
            assert!(error.contains(said), "{error}");
        }
        assert!(error("time,mwh\n").contains("`time,mwh`"));
        assert_eq!(error("ts,kwh\n"), "it has no rows");
    }
}
