//! Evidence: what was collected, written once, by cluster and UTC day, described by a manifest with SHA-256.
//!
//! In: frames and what is known of them. Out: Parquet files with a manifest, and back, checked. Rule: a day is complete when its manifest is
//! there, and that is written last; every file's SHA-256 is checked before every use.
//! Assumes: a folder with atomic rename, or a bucket with conditional writes (`objects`). Does not: change what is there, sign, or know what the tables mean.

mod asked;
#[cfg(test)]
mod bucket_test;
pub mod closed;
mod content;
mod decisions;
mod editions;
mod exchange;
mod files;
mod hashing;
mod intensity;
mod journal;
mod manifest;
mod mixed;
mod objects;
mod parquet;
mod prices;
mod samples;
mod shards;
mod spool;
mod store;
mod upgrade;

use std::path::{Path, PathBuf};

use anyhow::Result;

pub use closed::{PublicKey, Seal, SealKind, Sealed, SealedDay, SealedFile, SealedLedger, SigningKey};
pub use content::{Content, Spooled, Spooling};
pub use exchange::Exchange;
pub use hashing::Hashing;
pub use journal::{Journal, JournalOfDay};
pub use manifest::{DayManifest, FileRecord, QueryRecord, SCHEMA};
pub use objects::{Created, Lock, Object, Objects};
pub use samples::{frames_to_samples, samples_to_frames};
pub use store::{day_files, files_of};

use crate::model::EvidencePlace;

/// The evidence: `<cluster>/<YYYY-MM-DD>/{<table>.parquet, manifest.json}`, `{intensity,prices,forecasts}/<zone>/{<digest>.parquet, replies/<digest>.json,
/// manifest.json}`, `decisions/<cluster>.<YYYY-MM>/…` alike, and what a recorder saw, `recorder/<cluster>/<YYYY-MM-DD>.jsonl`, or in parts,
/// `recorder/<cluster>/<YYYY-MM-DD>/<time>.jsonl`. Beside it, in no list: `.lock-<undertaking>`, and `.asked/`, what shards leave for whoever waits for them.
#[derive(Clone, Debug)]
pub struct Store {
    objects: Objects,
    /// A folder of the machine's own, of use where the evidence is in a bucket.
    spool: PathBuf,
}

impl Store {
    /// The evidence where the configuration says it is. A bucket is asked whether it is there.
    pub fn open(place: &EvidencePlace) -> Result<Self> {
        match place {
            EvidencePlace::Folder(folder) => Ok(Self::new(folder)),
            EvidencePlace::Bucket(bucket) => Ok(Self { objects: Objects::in_bucket(bucket)?, spool: bucket.spool.clone() }),
        }
    }

    /// The evidence in a folder.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        let root = root.into();
        Self { spool: root.clone(), objects: Objects::in_folder(root) }
    }

    pub fn objects(&self) -> &Objects {
        &self.objects
    }

    /// Whether it is looked at as it was at a close: then a file may lie elsewhere than under its key.
    pub fn is_as_of_a_close(&self) -> bool {
        self.objects.is_read_only()
    }

    /// The same evidence, its objects looked at otherwise.
    fn with_objects(&self, objects: Objects) -> Self {
        Self { objects, ..self.clone() }
    }

    /// Takes the lock of an undertaking, such as `collect`: one process at a time has it. Whoever comes second gets an error that names the first.
    pub fn lock(&self, what: &str) -> Result<Lock> {
        self.objects.lock(what)
    }

    fn spool(&self) -> &Path {
        &self.spool
    }
}
