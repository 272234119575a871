//! Editions of series by grid zone, and of decision records by cluster and month: each a Parquet file with its digest, appended to the zone's manifest and never overwritten.
//!
//! In: a frame and what is known of it. Out: the same, checked. Rule: an edition that is there stays; a file that the manifest does not name is
//! not there; replies are kept as they came, named by their SHA-256. Does not: know what a frame means, or which edition holds.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use polars::prelude::DataFrame;
use serde::{Deserialize, Serialize};

use super::files::{self, folder_name, sha256};
use super::manifest::{FileRecord, check_schema, json};
use super::{SCHEMA, Store, parquet};
use crate::model::{Finding, Signal};

pub const INTENSITY_FOLDER: &str = "intensity";
pub const PRICES_FOLDER: &str = "prices";
pub const DECISIONS_FOLDER: &str = "decisions";
const REPLIES_FOLDER: &str = "replies";
const MANIFEST: &str = "manifest.json";
/// Characters of a file's SHA-256 that name it.
const DIGEST_IN_NAME: usize = 16;

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
    fn zone_folder(&self, zone: &str) -> Result<PathBuf> {
        Ok(self.store.root().join(self.folder).join(folder_name(zone)?))
    }

    /// Appends an edition with its replies; its records are filled in here. The same edition twice changes nothing.
    pub fn append(&self, zone: &str, mut edition: Edition, frame: &DataFrame, replies: &[&[u8]]) -> Result<()> {
        let folder = self.zone_folder(zone)?;
        let mut manifest = self.manifest(zone)?;
        let bytes = parquet::encode(self.folder, frame)?;
        let digest = sha256(&bytes);
        let name = format!("{}.parquet", &digest[..DIGEST_IN_NAME]);
        let path = |name: &str| format!("{}/{zone}/{name}", self.folder);
        edition.file = FileRecord { path: path(&name), sha256: digest, bytes: bytes.len() as u64, rows: frame.height() as u64 };
        if let Some(known) =
            manifest.editions.iter().find(|known| (&known.edition, &known.provider) == (&edition.edition, &edition.provider))
        {
            if known.file == edition.file {
                return Ok(());
            }
            bail!("edition `{}` of zone {zone} is there already with other values", edition.edition);
        }
        let reply_folder = folder.join(REPLIES_FOLDER);
        fs::create_dir_all(if replies.is_empty() { &folder } else { &reply_folder })
            .with_context(|| format!("create {}", folder.display()))?;
        edition.replies.clear();
        for reply in replies {
            let digest = sha256(reply);
            let name = format!("{digest}.json");
            files::replace(&reply_folder.join(&name), reply)?;
            let path = path(&format!("{REPLIES_FOLDER}/{name}"));
            edition.replies.push(FileRecord { path, sha256: digest, bytes: reply.len() as u64, rows: 0 });
        }
        files::replace(&folder.join(name), &bytes)?;
        manifest.editions.push(edition);
        manifest.editions.sort_by(|a, b| (&a.edition, &a.provider).cmp(&(&b.edition, &b.provider)));
        // The manifest last: a file that it does not name is not there.
        files::replace(&folder.join(MANIFEST), &json(&manifest)?)
    }

    /// All editions of a zone with their frames, each checked against its digest.
    pub fn read(&self, zone: &str) -> Result<Vec<(Edition, DataFrame)>> {
        let mut all = Vec::new();
        for edition in self.manifest(zone)?.editions {
            let path = self.store.root().join(&edition.file.path);
            let bytes = files::read_checked(&path, &edition.file)?;
            let frame = parquet::decode(bytes).with_context(|| format!("decode {}", path.display()))?;
            all.push((edition, frame));
        }
        Ok(all)
    }

    fn manifest(&self, zone: &str) -> Result<ZoneManifest> {
        let path = self.zone_folder(zone)?.join(MANIFEST);
        let Some(bytes) = files::read_if_there(&path)? else {
            return Ok(ZoneManifest { schema: SCHEMA.to_owned(), zone: zone.to_owned(), editions: Vec::new() });
        };
        let read = || -> Result<ZoneManifest> {
            check_schema(&bytes)?;
            let manifest: ZoneManifest = serde_json::from_slice(&bytes)?;
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
        read().with_context(|| format!("read {}", path.display()))
    }
}
