//! Grid intensity from files.
//!
//! In: CSV files, the zones that are wanted, the provider's name. Out: one [`IntensitySeries`] a zone, and findings.
//! Rule: method, section 6: outside 0 to 2,000 g/kWh refused; the same key with the same value twice is fine, with another value it is
//! refused; a file without any wanted zone is refused; a local time without an offset is refused; missing stays missing.
//! Assumes: the file shapes of [`electricity_maps`] and [`files`], told apart by their header. Does not: fill a gap, or choose an edition.

mod electricity_maps;
mod files;
mod table;

use std::path::PathBuf;

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use self::table::{Rows, Source};
use crate::model::policy::FactorKind;
use crate::model::{Finding, IntensitySeries, Severity};
use crate::sources::{Reach, Refusal};

/// What a feed's files hold.
#[derive(Debug, Default)]
pub struct IntensityFiles {
    /// Sorted by zone.
    pub series: Vec<IntensitySeries>,
    pub findings: Vec<Finding>,
}

/// Reads all files of a feed. `factor` says what the one value of a plain file is; files of both kinds say it themselves.
pub fn read_files(provider: &str, zones: &[String], files: &[PathBuf], factor: FactorKind) -> Result<IntensityFiles> {
    let mut rows = Rows::default();
    for path in files {
        let bytes = std::fs::read(path).with_context(|| format!("read intensity file {}", path.display()))?;
        let name = path.file_name().map_or_else(|| path.to_string_lossy(), |name| name.to_string_lossy()).into_owned();
        let source = rows.add_source(Source { name, sha256: hex(&Sha256::digest(&bytes)) });
        read_one(&bytes, source, factor, &mut rows).with_context(|| format!("read intensity file {}", path.display()))?;
        rows.require_any_zone(source, zones)?;
    }
    let mut read = IntensityFiles { series: rows.into_series(provider, zones)?, findings: Vec::new() };
    read.findings = findings(&read.series, zones);
    Ok(read)
}

fn read_one(bytes: &[u8], source: usize, factor: FactorKind, rows: &mut Rows) -> Result<()> {
    let text = std::str::from_utf8(bytes).context("it is not UTF-8")?;
    // The reader counts a line's end where the next row starts, and a CRLF as belonging to both: with LF alone its line numbers are right.
    let text = text.trim_start_matches('\u{feff}').replace("\r\n", "\n");
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    let header: Vec<String> = reader.headers()?.iter().map(|name| name.to_lowercase().replace('\u{2082}', "2")).collect();
    if let Some(columns) = electricity_maps::Columns::find(&header)? {
        return columns.read(&mut reader, source, rows);
    }
    if let Some(columns) = files::Columns::find(&header) {
        return columns.read(&mut reader, source, factor, rows);
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

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
