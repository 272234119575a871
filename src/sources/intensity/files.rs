//! Grid intensity from files.
//!
//! In: CSV files, the zones that are wanted, the provider's name. Out: one [`IntensitySeries`] a zone, and findings.
//! Rule: method, section 6: outside 0 to 2,000 g/kWh refused; the same key with the same value twice is fine, with another value it is
//! refused; a file without any wanted zone is refused; missing stays missing.
//! Assumes: the shapes of `electricity_maps_csv` and `plain_csv`, told apart by their header. Does not: fill a gap, or choose an edition.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use chrono_tz::Tz;

use super::table::{Rows, Source};
use super::{electricity_maps_csv, plain_csv};
use crate::model::policy::FactorKind;
use crate::model::sha256;
use crate::model::{Finding, IntensitySeries, Severity};
use crate::sources::{Reach, Refusal, delimited};
use crate::units::IntensityUnit;

/// What a feed's files hold.
#[derive(Debug, Default)]
pub struct IntensityFiles {
    /// Sorted by zone.
    pub series: Vec<IntensitySeries>,
    pub findings: Vec<Finding>,
}

/// What is said about files by whoever brings them.
#[derive(Clone, Debug, Default)]
pub struct FileTerms {
    /// What the one value of a plain file is; files of both kinds say it themselves.
    pub factor: FactorKind,
    /// The zone of a plain file without a column of zones.
    pub zone: Option<String>,
    /// The unit of a plain file whose header does not name one.
    pub unit: Option<IntensityUnit>,
    /// Of times without an offset.
    pub time_zone: Option<Tz>,
    /// When the files were published: their values then hold over older ones.
    pub published_s: Option<i64>,
}

/// Reads all files of a feed.
pub fn read_files(provider: &str, zones: &[String], files: &[PathBuf], terms: &FileTerms) -> Result<IntensityFiles> {
    let mut rows = Rows::default();
    for path in files {
        let bytes = std::fs::read(path).with_context(|| format!("read intensity file {}", path.display()))?;
        let source = rows.add_source(Source { name: file_name(path), sha256: sha256(&bytes), interval_s: None });
        read_one(&bytes, source, terms, &mut rows).with_context(|| format!("read intensity file {}", path.display()))?;
        rows.require_any_zone(source, zones)?;
    }
    let mut series = rows.into_series(provider, zones)?;
    for one in &mut series {
        one.retrieved_s = terms.published_s;
    }
    let findings = findings(&series, zones);
    Ok(IntensityFiles { series, findings })
}

pub fn file_name(path: &Path) -> String {
    path.file_name().map_or_else(|| path.to_string_lossy(), |name| name.to_string_lossy()).into_owned()
}

fn read_one(bytes: &[u8], source: usize, terms: &FileTerms, rows: &mut Rows) -> Result<()> {
    let (header, mut reader) = delimited::open(bytes)?;
    if let Some(columns) = electricity_maps_csv::Columns::find(&header)? {
        return columns.read(&mut reader, source, rows);
    }
    if let Some(columns) = plain_csv::Columns::find(&header) {
        return columns.read(&mut reader, source, terms, rows);
    }
    let name = &rows.source(source).name;
    Err(Refusal::new("CI_FORMAT", Reach::Source, format!("{name} has the header `{}`, which is none that is known", header.join(",")))
        .hint("use an Electricity Maps CSV, or the columns ts,zone,intensity_gco2e_per_kwh")
        .into())
}

fn findings(series: &[IntensitySeries], zones: &[String]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for one in series {
        let values = one.direct_gco2e_per_kwh.iter().zip(&one.lifecycle_gco2e_per_kwh);
        let empty = values.filter(|(direct, lifecycle)| direct.is_none() && lifecycle.is_none()).count();
        if empty > 0 {
            let message = format!("Zone {} has {empty} rows without a value; they count as missing.", one.zone);
            findings.push(Finding::new("CI_EMPTY", Severity::Noted, message).examined(one.len()).failing(empty));
        }
    }
    let absent: Vec<&str> = zones.iter().map(String::as_str).filter(|zone| !series.iter().any(|one| one.zone == **zone)).collect();
    if !absent.is_empty() {
        let message = format!("No intensity file holds zone {}. Add a file for it under [[intensity]].", absent.join(", "));
        findings.push(Finding::new("CI_ZONE", Severity::Disclosed, message).examined(zones.len()).failing(absent.len()));
    }
    findings
}
