//! Evidence: what was collected, written once, by cluster and UTC day, described by a manifest with SHA-256.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Result;
use polars::prelude::DataFrame;
use serde::{Deserialize, Serialize};

use crate::model::tables::Table;
use crate::model::{Finding, IntensitySeries};
use crate::units::UtcDay;

/// The evidence folder: `<dir>/<cluster>/<YYYY-MM-DD>/{<table>.parquet, manifest.json}` and `<dir>/intensity/…`.
#[derive(Clone, Debug)]
pub struct Store {
    root: PathBuf,
}

/// What is known of a cluster-day beside its tables.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DayManifest {
    /// `wattledger.evidence/1`.
    pub schema: String,
    pub cluster: String,
    pub day: String,
    pub step_seconds: i64,
    pub software: String,
    /// What was asked, of whom.
    pub queries: Vec<QueryRecord>,
    pub files: Vec<FileRecord>,
    pub findings: Vec<Finding>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QueryRecord {
    /// Path below `queries/prometheus`.
    pub name: String,
    pub promql: String,
    /// Seconds since the epoch.
    pub from_s: i64,
    pub to_s: i64,
    pub series: u64,
    pub samples: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FileRecord {
    /// File name below the day's folder.
    pub path: String,
    pub sha256: String,
    pub bytes: u64,
    pub rows: u64,
}

impl Store {
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Writes tables and manifest of a day under a temporary name and renames it into place; the manifest's `files` are filled in here.
    pub fn write_day(&self, _tables: &BTreeMap<Table, DataFrame>, _manifest: DayManifest) -> Result<DayManifest> {
        anyhow::bail!("not built yet: {}", self.root.display())
    }

    /// The manifest of a complete day, or none.
    pub fn day(&self, _cluster: &str, _day: UtcDay) -> Result<Option<DayManifest>> {
        anyhow::bail!("not built yet")
    }

    /// Reads a table of a day after checking the file's SHA-256 against the manifest.
    pub fn read_table(&self, _manifest: &DayManifest, _table: Table) -> Result<DataFrame> {
        anyhow::bail!("not built yet")
    }

    /// Adds a series as an edition of its zone; the same edition twice changes nothing.
    pub fn write_intensity(&self, _series: &IntensitySeries) -> Result<()> {
        anyhow::bail!("not built yet")
    }

    /// All editions of a zone, sorted by edition, each with the file record of its Parquet file.
    pub fn intensity(&self, _zone: &str) -> Result<Vec<(IntensitySeries, FileRecord)>> {
        anyhow::bail!("not built yet")
    }
}
