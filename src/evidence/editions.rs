//! Editions of series by grid zone, and of decision records by cluster and month: each a Parquet file with its digest, appended to the zone's manifest and never overwritten.
//!
//! In: a frame and what is known of it. Out: the same, checked. Rule: an edition that is there stays; a file that the manifest does not name is
//! not there; replies are kept as they came, named by their SHA-256. Does not: know what a frame means, or which edition holds.

use anyhow::{Context, Result, bail};
use polars::prelude::DataFrame;
use serde::{Deserialize, Serialize};

use super::files::folder_name;
use super::manifest::{FileRecord, check_schema, json};
use super::{SCHEMA, Store, parquet};
use crate::model::sha256;
use crate::model::{Finding, Signal};

pub const INTENSITY_FOLDER: &str = "intensity";
pub const PRICES_FOLDER: &str = "prices";
pub const FORECASTS_FOLDER: &str = "forecasts";
pub const DECISIONS_FOLDER: &str = "decisions";
const REPLIES_FOLDER: &str = "replies";
const MANIFEST: &str = "manifest.json";
/// Characters of a file's SHA-256 that name it.
const DIGEST_IN_NAME: usize = 16;
/// How often others may add an edition first.
const TRIES: usize = 10;

/// All editions of a zone, sorted by edition and provider.
#[derive(Serialize, Deserialize)]
struct ZoneManifest {
    schema: String,
    zone: String,
    editions: Vec<Edition>,
}

#[derive(Clone, Serialize, Deserialize)]
pub struct Edition {
    pub edition: String,
    pub provider: String,
    /// Absent: average.
    #[serde(default, skip_serializing_if = "is_average")]
    pub signal: Signal,
    /// Seconds since the epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retrieved_s: Option<i64>,
    pub file: FileRecord,
    /// What came, as it came.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replies: Vec<FileRecord>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
}

fn is_average(signal: &Signal) -> bool {
    *signal == Signal::Average
}

/// A folder of zones.
pub struct Editions<'a> {
    pub store: &'a Store,
    pub folder: &'static str,
}

impl Editions<'_> {
    fn key(&self, zone: &str, name: &str) -> Result<String> {
        Ok(format!("{}/{}/{name}", self.folder, folder_name(zone)?))
    }

    /// Appends an edition with its replies; its records are filled in here. The same edition twice changes nothing.
    pub fn append(&self, zone: &str, mut edition: Edition, frame: &DataFrame, replies: &[&[u8]]) -> Result<()> {
        let objects = self.store.objects();
        let bytes = parquet::encode(self.folder, frame)?;
        let digest = sha256(&bytes);
        let path = self.key(zone, &format!("{}.parquet", &digest[..DIGEST_IN_NAME]))?;
        edition.file = FileRecord { path, sha256: digest, bytes: bytes.len() as u64, rows: frame.height() as u64 };
        edition.replies.clear();
        for reply in replies {
            let digest = sha256(reply);
            let path = self.key(zone, &format!("{REPLIES_FOLDER}/{digest}.json"))?;
            edition.replies.push(FileRecord { path, sha256: digest, bytes: reply.len() as u64, rows: 0 });
        }
        let manifest_key = self.key(zone, MANIFEST)?;
        let mut has_written = false;
        // Another process may add an edition meanwhile, where nothing but the bucket keeps the two apart.
        for _ in 0..TRIES {
            let seen = objects.look(&manifest_key)?;
            let mut manifest = self.manifest_of(zone, seen.bytes.as_deref())?;
            let is_it = |known: &&Edition| (&known.edition, &known.provider) == (&edition.edition, &edition.provider);
            if let Some(known) = manifest.editions.iter().find(is_it) {
                if known.file == edition.file {
                    return Ok(());
                }
                bail!("edition `{}` of zone {zone} is there already with other values", edition.edition);
            }
            if !has_written {
                for (record, reply) in edition.replies.iter().zip(replies) {
                    objects.replace(&record.path, reply)?;
                }
                objects.replace(&edition.file.path, &bytes)?;
                has_written = true;
            }
            manifest.editions.push(edition.clone());
            manifest.editions.sort_by(|a, b| (&a.edition, &a.provider).cmp(&(&b.edition, &b.provider)));
            // The manifest last: a file that it does not name is not there.
            if objects.update(&manifest_key, &json(&manifest)?, &seen)? {
                return Ok(());
            }
        }
        bail!("{} is being changed by others all the time; run this again", objects.display(&manifest_key))
    }

    /// All editions of a zone with their frames, each checked against its digest.
    pub fn read(&self, zone: &str) -> Result<Vec<(Edition, DataFrame)>> {
        let mut all = Vec::new();
        for edition in self.manifest(zone)?.editions {
            let objects = self.store.objects();
            let bytes = objects.get_checked(&edition.file.path, &edition.file)?;
            let frame = parquet::decode(bytes).with_context(|| format!("decode {}", objects.display(&edition.file.path)))?;
            all.push((edition, frame));
        }
        Ok(all)
    }

    /// The digest of what says which editions there are.
    pub fn fingerprint(&self, zone: &str) -> Result<String> {
        Ok(self.store.objects().get(&self.key(zone, MANIFEST)?)?.map_or_else(|| "none".to_owned(), |bytes| sha256(&bytes)))
    }

    fn manifest(&self, zone: &str) -> Result<ZoneManifest> {
        self.manifest_of(zone, self.store.objects().get(&self.key(zone, MANIFEST)?)?.as_deref())
    }

    fn manifest_of(&self, zone: &str, bytes: Option<&[u8]>) -> Result<ZoneManifest> {
        let Some(bytes) = bytes else {
            return Ok(ZoneManifest { schema: SCHEMA.to_owned(), zone: zone.to_owned(), editions: Vec::new() });
        };
        let read = || -> Result<ZoneManifest> {
            check_schema(bytes)?;
            let manifest: ZoneManifest = serde_json::from_slice(bytes)?;
            let (own, replies) = (format!("{}/{zone}/", self.folder), format!("{}/{zone}/{REPLIES_FOLDER}/", self.folder));
            for edition in &manifest.editions {
                // The paths come from a file: they must not lead out of the zone's folder.
                folder_name(edition.file.path.strip_prefix(&own).unwrap_or_default())?;
                for reply in &edition.replies {
                    folder_name(reply.path.strip_prefix(&replies).unwrap_or_default())?;
                }
            }
            Ok(manifest)
        };
        let key = self.key(zone, MANIFEST)?;
        read().with_context(|| format!("read {}", self.store.objects().display(&key)))
    }
}
