//! Rows of intensity files and replies, checked and put together by zone.
//!
//! In: rows with the file and line they come from. Out: series by zone. Rule and limits: those of `files`; of a provider's reply a value out of
//! range is left out and found, because a day that a free tier forgets cannot be asked for again.

use std::collections::{BTreeMap, BTreeSet};

use chrono::DateTime;

use crate::model::{Finding, IntensitySeries, Severity};
use crate::sources::digest::shown;
use crate::sources::{Reach, Refusal};
use crate::units::{GramsCo2ePerKilowattHour, IntensityUnit};

/// Lengths that an interval can have, longest first.
const INTERVALS_S: [i64; 4] = [3_600, 1_800, 900, 300];

pub(super) struct Source {
    pub name: String,
    pub sha256: String,
    /// Where the source says how long its intervals are; else its rows tell.
    pub interval_s: Option<i64>,
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
    pub updated_s: Option<i64>,
}

#[derive(Default)]
pub(super) struct Rows {
    sources: Vec<Source>,
    rows: Vec<Row>,
    /// Values of replies that were left out, by where they stood.
    implausible: Vec<String>,
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

    /// A cell's value in g/kWh; an empty cell is missing.
    pub fn value(&self, source: usize, line: u64, cell: &str, unit: IntensityUnit) -> Result<Option<f64>, Refusal> {
        if cell.is_empty() {
            return Ok(None);
        }
        let name = &self.sources[source].name;
        let Ok(value) = cell.parse::<f64>() else {
            return Err(Refusal::new("CI_VALUE", Reach::Source, format!("{name}, line {line}: `{cell}` is not a number")));
        };
        // A NaN is in no range and is refused with the rest.
        let value = unit.in_grams_per_kwh(value);
        if !value.is_plausible() {
            let highest = GramsCo2ePerKilowattHour::LARGEST_PLAUSIBLE;
            let message = format!("{name}, line {line}: {cell} {unit} lies outside 0 to {highest} g/kWh");
            let hint = "check the file's unit: it must be gCO2e per kWh, or named";
            return Err(Refusal::new("CI_IMPLAUSIBLE", Reach::Source, message).hint(hint));
        }
        Ok(Some(value.get()))
    }

    /// A reply's value in g/kWh, or none where it is out of range, which is remembered.
    pub fn plausible(&mut self, start_s: i64, value: Option<f64>, unit: IntensityUnit) -> Option<f64> {
        let value = unit.in_grams_per_kwh(value?);
        if value.is_plausible() {
            return Some(value.get());
        }
        let at = DateTime::from_timestamp(start_s, 0).map(|time| time.format("%Y-%m-%dT%H:%MZ").to_string()).unwrap_or_default();
        self.implausible.push(format!("{} at {at}", value.get()));
        None
    }

    /// What was left out of a zone's replies.
    pub fn implausible_finding(&self, zone: &str) -> Option<Finding> {
        let first = self.implausible.first()?;
        let count = self.implausible.len();
        let message = format!(
            "Zone {zone}: {count} values of the provider lie outside of 0 to {} g/kWh and count as missing; the first is {first}.",
            GramsCo2ePerKilowattHour::LARGEST_PLAUSIBLE
        );
        Some(Finding::new("CI_IMPLAUSIBLE", Severity::Disclosed, message).examined(self.rows.len()).failing(count))
    }

    pub fn push(&mut self, row: Row) {
        self.rows.push(row);
    }

    /// A file is there for the zones that were asked for; one that has none of them is the wrong file.
    pub fn require_any_zone(&self, source: usize, zones: &[String]) -> Result<(), Refusal> {
        let found: BTreeSet<&str> = self.rows.iter().filter(|row| row.source == source).map(|row| row.zone.as_str()).collect();
        if zones.iter().any(|zone| found.contains(zone.as_str())) {
            return Ok(());
        }
        let found = if found.is_empty() { "no zone at all".to_owned() } else { found.into_iter().collect::<Vec<_>>().join(", ") };
        let message = format!("{} holds {found}, but {} was asked for", self.sources[source].name, zones.join(", "));
        Err(Refusal::new("CI_ZONE", Reach::Source, message).hint("correct `zones` or `files` of [[intensity]]"))
    }

    /// One series for every wanted zone that has rows.
    pub fn into_series(self, provider: &str, zones: &[String]) -> Result<Vec<IntensitySeries>, Refusal> {
        let wanted: BTreeSet<&String> = zones.iter().collect();
        let mut by_zone: BTreeMap<String, BTreeMap<usize, Vec<Row>>> = BTreeMap::new();
        for row in self.rows {
            if wanted.contains(&row.zone) {
                by_zone.entry(row.zone.clone()).or_default().entry(row.source).or_default().push(row);
            }
        }
        let mut all = Vec::new();
        for (zone, by_source) in by_zone {
            let mut edition: Vec<String> =
                by_source.keys().map(|source| &self.sources[*source]).map(|s| format!("{} {}", s.name, shown(&s.sha256))).collect();
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
                series.updated_s.push(first.updated_s);
            }
            if series.updated_s.iter().all(Option::is_none) {
                series.updated_s.clear();
            }
            all.push(series);
        }
        Ok(all)
    }
}

/// Puts a zone's files together. Every file has its own spacing; an interval never reaches into the next one.
fn merge(sources: &[Source], by_source: BTreeMap<usize, Vec<Row>>) -> Result<BTreeMap<i64, Merged>, Refusal> {
    let mut merged: BTreeMap<i64, Merged> = BTreeMap::new();
    for (source, rows) in by_source {
        let interval_s = sources[source].interval_s.map_or_else(|| interval(&sources[source], &rows), Ok)?;
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
fn interval(source: &Source, rows: &[Row]) -> Result<i64, Refusal> {
    let mut by_start: Vec<(i64, u64)> = rows.iter().map(|row| (row.start_s, row.line)).collect();
    by_start.sort_unstable();
    let fits = |length: &i64| by_start.windows(2).all(|pair| (pair[1].0 - pair[0].0) % length == 0);
    if let Some(length) = INTERVALS_S.into_iter().find(fits) {
        return Ok(length);
    }
    let shortest = INTERVALS_S[INTERVALS_S.len() - 1];
    let odd = by_start.windows(2).find(|pair| (pair[1].0 - pair[0].0) % shortest != 0).expect("some distance does not fit");
    let message = format!("{}, line {}: {} seconds after the row before it", source.name, odd[1].1, odd[1].0 - odd[0].0);
    Err(Refusal::new("CI_STEP", Reach::Source, message).hint("rows must be 5, 15, 30 or 60 minutes apart"))
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
    known.updated_s = known.updated_s.max(row.updated_s);
    if row.is_estimated && !known.is_estimated {
        known.is_estimated = true;
        known.estimation_method.clone_from(&row.estimation_method);
    }
    Ok(())
}

fn conflict(sources: &[Source], a: &Row, b: &Row) -> Refusal {
    let said = |row: &Row| {
        let value = |value: Option<f64>| value.map_or_else(|| "nothing".to_owned(), |value| value.to_string());
        format!("{}, line {} says {} direct and {} life-cycle", sources[row.source].name, row.line, value(row.direct), value(row.lifecycle))
    };
    let when = DateTime::from_timestamp(a.start_s, 0).map(|time| time.to_rfc3339()).unwrap_or_default();
    let message = format!("zone {} at {when}: {}, but {}", a.zone, said(a), said(b));
    Refusal::new("CI_CONFLICT", Reach::Source, message).hint("keep one edition of the file under `files` of [[intensity]]")
}
