//! Rows of intensity files, checked and put together by zone.
//!
//! In: rows with the file and line they come from. Out: series by zone. Rule and limits: see the module above.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, bail};
use chrono::DateTime;

use crate::model::IntensitySeries;
use crate::sources::{Reach, Refusal};

/// Method, section 6.
const HIGHEST_GCO2E_PER_KWH: f64 = 2_000.0;
/// Lengths that an interval can have, longest first.
const INTERVALS_S: [i64; 4] = [3_600, 1_800, 900, 300];
/// Characters of a file's SHA-256 that its edition shows.
const DIGEST_SHOWN: usize = 12;

pub(super) struct Source {
    pub name: String,
    pub sha256: String,
}

/// One row of a file.
pub(super) struct Row {
    pub source: usize,
    pub line: u64,
    pub zone: String,
    pub start_s: i64,
    pub direct: Option<f64>,
    pub lifecycle: Option<f64>,
    pub is_estimated: bool,
    pub estimation_method: String,
}

#[derive(Default)]
pub(super) struct Rows {
    sources: Vec<Source>,
    rows: Vec<Row>,
}

/// A value with its interval and where it was first read.
struct Merged {
    end_s: i64,
    first: Row,
}

impl Rows {
    pub fn add_source(&mut self, source: Source) -> usize {
        self.sources.push(source);
        self.sources.len() - 1
    }

    pub fn source(&self, source: usize) -> &Source {
        &self.sources[source]
    }

    /// A cell's value; an empty cell is missing.
    pub fn value(&self, source: usize, line: u64, cell: &str) -> Result<Option<f64>> {
        if cell.is_empty() {
            return Ok(None);
        }
        let name = &self.sources[source].name;
        let Ok(value) = cell.parse::<f64>() else {
            bail!(Refusal::new("CI_VALUE", Reach::Source, format!("{name}, line {line}: `{cell}` is not a number")));
        };
        // A NaN is in no range and is refused with the rest.
        if !(0.0..=HIGHEST_GCO2E_PER_KWH).contains(&value) {
            let message = format!("{name}, line {line}: {cell} g/kWh lies outside 0 to {HIGHEST_GCO2E_PER_KWH}");
            let hint = "check the file's unit: it must be gCO2e per kWh";
            bail!(Refusal::new("CI_IMPLAUSIBLE", Reach::Source, message).hint(hint));
        }
        Ok(Some(value))
    }

    pub fn push(&mut self, row: Row) {
        self.rows.push(row);
    }

    /// A file is there for the zones that were asked for; one that has none of them is the wrong file.
    pub fn require_any_zone(&self, source: usize, zones: &[String]) -> Result<()> {
        let found: BTreeSet<&str> = self.rows.iter().filter(|row| row.source == source).map(|row| row.zone.as_str()).collect();
        if zones.iter().any(|zone| found.contains(zone.as_str())) {
            return Ok(());
        }
        let found = if found.is_empty() { "no zone at all".to_owned() } else { found.into_iter().collect::<Vec<_>>().join(", ") };
        let message = format!("{} holds {found}, but {} was asked for", self.sources[source].name, zones.join(", "));
        bail!(Refusal::new("CI_ZONE", Reach::Source, message).hint("correct `zones` or `files` of [[intensity]]"))
    }

    /// One series for every wanted zone that has rows.
    pub fn into_series(self, provider: &str, zones: &[String]) -> Result<Vec<IntensitySeries>> {
        let wanted: BTreeSet<&String> = zones.iter().collect();
        let mut by_zone: BTreeMap<String, BTreeMap<usize, Vec<Row>>> = BTreeMap::new();
        for row in self.rows {
            if wanted.contains(&row.zone) {
                by_zone.entry(row.zone.clone()).or_default().entry(row.source).or_default().push(row);
            }
        }
        let mut all = Vec::new();
        for (zone, by_source) in by_zone {
            let mut edition: Vec<String> = by_source
                .keys()
                .map(|source| &self.sources[*source])
                .map(|s| format!("{} {}", s.name, &s.sha256[..DIGEST_SHOWN]))
                .collect();
            edition.sort();
            edition.dedup();
            let merged = merge(&self.sources, by_source)?;
            let mut series = IntensitySeries { zone, provider: provider.to_owned(), edition: edition.join(", "), ..Default::default() };
            for (start_s, Merged { end_s, first }) in merged {
                series.start_s.push(start_s);
                series.end_s.push(end_s);
                series.direct_gco2e_per_kwh.push(first.direct);
                series.lifecycle_gco2e_per_kwh.push(first.lifecycle);
                series.is_estimated.push(first.is_estimated);
                series.estimation_method.push(first.estimation_method);
            }
            all.push(series);
        }
        Ok(all)
    }
}

/// Puts a zone's files together. Every file has its own spacing; an interval never reaches into the next one.
fn merge(sources: &[Source], by_source: BTreeMap<usize, Vec<Row>>) -> Result<BTreeMap<i64, Merged>> {
    let mut merged: BTreeMap<i64, Merged> = BTreeMap::new();
    for (source, rows) in by_source {
        let interval_s = interval(&sources[source], &rows)?;
        for row in rows {
            match merged.get_mut(&row.start_s) {
                Some(known) => {
                    complement(&mut known.first, &row).map_err(|()| conflict(sources, &known.first, &row))?;
                    known.end_s = known.end_s.min(row.start_s + interval_s);
                }
                None => drop(merged.insert(row.start_s, Merged { end_s: row.start_s + interval_s, first: row })),
            }
        }
    }
    let starts: Vec<i64> = merged.keys().copied().collect();
    for (value, next) in merged.values_mut().zip(starts.iter().skip(1)) {
        value.end_s = value.end_s.min(*next);
    }
    Ok(merged)
}

/// The longest usual interval that all distances between a file's rows are multiples of: a missing row does not change it.
fn interval(source: &Source, rows: &[Row]) -> Result<i64> {
    let mut by_start: Vec<(i64, u64)> = rows.iter().map(|row| (row.start_s, row.line)).collect();
    by_start.sort_unstable();
    let fits = |length: &i64| by_start.windows(2).all(|pair| (pair[1].0 - pair[0].0) % length == 0);
    if let Some(length) = INTERVALS_S.into_iter().find(fits) {
        return Ok(length);
    }
    let shortest = INTERVALS_S[INTERVALS_S.len() - 1];
    let odd = by_start.windows(2).find(|pair| (pair[1].0 - pair[0].0) % shortest != 0).expect("some distance does not fit");
    let message = format!("{}, line {}: {} seconds after the row before it", source.name, odd[1].1, odd[1].0 - odd[0].0);
    bail!(Refusal::new("CI_STEP", Reach::Source, message).hint("rows must be 5, 15, 30 or 60 minutes apart"))
}

/// Fills what the first reading of a key lacks from another; values that differ are a conflict.
fn complement(known: &mut Row, row: &Row) -> Result<(), ()> {
    for (mine, theirs) in [(&mut known.direct, row.direct), (&mut known.lifecycle, row.lifecycle)] {
        match (&mine, theirs) {
            (Some(a), Some(b)) if *a != b => return Err(()),
            (None, Some(_)) => *mine = theirs,
            _ => {}
        }
    }
    if row.is_estimated && !known.is_estimated {
        known.is_estimated = true;
        known.estimation_method.clone_from(&row.estimation_method);
    }
    Ok(())
}

fn conflict(sources: &[Source], a: &Row, b: &Row) -> anyhow::Error {
    let said = |row: &Row| {
        let value = |value: Option<f64>| value.map_or_else(|| "nothing".to_owned(), |value| value.to_string());
        format!("{}, line {} says {} direct and {} life-cycle", sources[row.source].name, row.line, value(row.direct), value(row.lifecycle))
    };
    let when = DateTime::from_timestamp(a.start_s, 0).map(|time| time.to_rfc3339()).unwrap_or_default();
    let message = format!("zone {} at {when}: {}, but {}", a.zone, said(a), said(b));
    Refusal::new("CI_CONFLICT", Reach::Source, message).hint("keep one edition of the file under `files` of [[intensity]]").into()
}
