//! Evidence: what was collected, written once, by cluster and UTC day, described by a manifest with SHA-256.
//!
//! In: frames and what is known of them. Out: Parquet files with a manifest, and back, checked. Rule: written under a temporary name, synced and
//! renamed; a day is complete when its folder with its manifest is there; every file's SHA-256 is checked before every use.
//! Assumes: a local folder with atomic rename. Does not: change what is there, sign, or know what the tables mean.

mod decisions;
mod editions;
mod files;
mod intensity;
mod journal;
mod manifest;
mod objects;
mod parquet;
mod prices;
mod samples;
mod store;
mod upgrade;

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

pub use journal::{Journal, JournalOfDay};
pub use manifest::{DayManifest, FileRecord, QueryRecord, SCHEMA};
pub use objects::{Created, Lock, Objects};
pub use samples::{frames_to_samples, samples_to_frames};
pub use store::files_of;

use crate::model::EvidencePlace;

/// The evidence folder: `<dir>/<cluster>/<YYYY-MM-DD>/{<table>.parquet, manifest.json}`, `<dir>/{intensity,prices}/<zone>/{<digest>.parquet,
/// replies/<digest>.json, manifest.json}`, `<dir>/decisions/<cluster>.<YYYY-MM>/…` alike, and what a recorder saw, `<dir>/recorder/<cluster>/<YYYY-MM-DD>.jsonl`.
#[derive(Clone, Debug)]
pub struct Store {
    root: PathBuf,
    objects: Objects,
}

impl Store {
    /// The evidence where the configuration says it is.
    pub fn open(place: &EvidencePlace) -> Result<Self> {
        match place {
            EvidencePlace::Folder(folder) => Ok(Self::new(folder)),
            EvidencePlace::Bucket(bucket) => bail!("{}: evidence in a bucket cannot be opened by this version", bucket.url),
        }
    }

    /// The evidence in a folder.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        let root = root.into();
        Self { objects: Objects::in_folder(root.clone()), root }
    }

    pub fn objects(&self) -> &Objects {
        &self.objects
    }

    /// Takes the lock of an undertaking, such as `collect`: one process at a time has it. Whoever comes second gets an error that names the first.
    pub fn lock(&self, what: &str) -> Result<Lock> {
        self.objects.lock(what)
    }

    fn root(&self) -> &Path {
        &self.root
    }
}
