//! Evidence: what was collected, written once, by cluster and UTC day, described by a manifest with SHA-256.
//!
//! In: frames and what is known of them. Out: Parquet files with a manifest, and back, checked. Rule: written under a temporary name, synced and
//! renamed; a day is complete when its folder with its manifest is there; every file's SHA-256 is checked before every use.
//! Assumes: a local folder with atomic rename. Does not: change what is there, sign, or know what the tables mean.

mod editions;
mod files;
mod intensity;
mod journal;
mod manifest;
mod parquet;
mod prices;
mod samples;
mod store;
mod upgrade;

use std::path::PathBuf;

pub use journal::{Journal, JournalOfDay};
pub use manifest::{DayManifest, FileRecord, QueryRecord, SCHEMA};
pub use samples::{frames_to_samples, samples_to_frames};
pub use store::files_of;

/// The evidence folder: `<dir>/<cluster>/<YYYY-MM-DD>/{<table>.parquet, manifest.json}`, `<dir>/{intensity,prices}/<zone>/{<digest>.parquet,
/// replies/<digest>.json, manifest.json}`, and what a recorder saw, `<dir>/recorder/<cluster>/<YYYY-MM-DD>.jsonl`.
#[derive(Clone, Debug)]
pub struct Store {
    root: PathBuf,
}

impl Store {
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }
}
