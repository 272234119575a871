//! The seal of a closed month: everything that is needed to find out whether anything of it was changed, and to work it out again.
//!
//! In: what was closed. Out: JSON of schema `wattledger.seal/1`, keys in the order of the struct, and back. Rule: the bytes as they were written are what is
//! signed, stamped and chained, so nobody writes them twice. It holds no secret and no path of the machine.
//! Assumes: nothing. Does not: look at a file that it names.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::evidence::content::Content;
use crate::evidence::files::folder_name;
use crate::evidence::manifest::{FileRecord, json, schema_version};
use crate::model::Finding;
use crate::model::sha256;
use crate::units::ReportingPeriod;

/// The schema that this version writes.
pub const SEAL_SCHEMA: &str = "wattledger.seal/1";
const SCHEMA_NAME: &str = "wattledger.seal/";
const SCHEMA_VERSION: u32 = 1;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Seal {
    pub schema: String,
    pub kind: SealKind,
    pub organisation: String,
    pub period: SealedPeriod,
    /// 1 is the close, what is above it a restatement.
    pub edition: u32,
    /// Counts the seals of the evidence, over all months and editions, from 1.
    pub seq: u64,
    pub sealed_at: DateTime<Utc>,
    /// The seal before this one, of whichever month; null in the first.
    pub previous: Option<Link>,
    /// What a restatement takes the place of.
    pub replaces: Option<Replaced>,
    pub software: String,
    /// Name and SHA-256 of the method's files.
    pub method: String,
    pub engine: String,
    /// Codes of findings that were accepted by name, sorted.
    pub accepted: Vec<String>,
    pub findings: Vec<Finding>,
    /// As in `report.json`, sorted by name.
    pub totals: BTreeMap<String, serde_json::Value>,
    pub ledger: SealedLedger,
    /// Everything in the evidence that the account used, by path.
    pub evidence: Vec<FileRecord>,
    /// Keys of the evidence that the account looked for and that were not there, sorted: what was read is not all that it depends on. Null in seals from before
    /// this was written down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub absent: Option<Vec<String>>,
    /// Everything in the closed month's folder but the seal, its signature and its time stamp, by path.
    pub files: Vec<SealedFile>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SealKind {
    Close,
    Restatement,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SealedPeriod {
    /// `2026-10`.
    pub month: String,
    pub from: DateTime<Utc>,
    pub to: DateTime<Utc>,
    pub time_zone: String,
    /// Version of the IANA time zone database that says when the month begins and ends.
    pub tzdata: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    pub month: String,
    pub edition: u32,
    pub seq: u64,
    /// Of the seal's bytes.
    pub sha256: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replaced {
    pub edition: u32,
    /// Of the seal's bytes.
    pub sha256: String,
    pub reason: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedLedger {
    pub rows: u64,
    /// Of the lines `cluster|day|rows|sha256`, each with a line feed, of all days.
    pub sha256: String,
    /// By cluster and day: every cluster-day that was accounted, also those before the period in which its runs began.
    pub days: Vec<SealedDay>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedDay {
    pub cluster: String,
    pub day: String,
    pub rows: u64,
    /// Of the day's rows in canonical text, as any engine that runs the method gives it.
    pub sha256: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedFile {
    /// Below the closed month's folder.
    pub path: String,
    pub sha256: String,
    pub bytes: u64,
    /// What the organisation calls the file, where that is not the last part of the path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl SealedLedger {
    /// `days` are sorted by cluster and day.
    pub fn of(days: Vec<SealedDay>) -> Self {
        let lines: String = days.iter().map(|day| format!("{}|{}|{}|{}\n", day.cluster, day.day, day.rows, day.sha256)).collect();
        Self { rows: days.iter().map(|day| day.rows).sum(), sha256: sha256(lines.as_bytes()), days }
    }
}

impl SealedFile {
    pub fn of(path: impl Into<String>, bytes: &[u8]) -> Self {
        Self { path: path.into(), sha256: sha256(bytes), bytes: bytes.len() as u64, name: None }
    }

    pub fn of_content(path: impl Into<String>, content: &Content) -> Self {
        Self { path: path.into(), sha256: content.sha256(), bytes: content.len(), name: None }
    }

    /// What the file is called.
    pub fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_else(|| self.path.rsplit('/').next().unwrap_or_default())
    }
}

impl Seal {
    pub fn to_json(&self) -> Result<Vec<u8>> {
        json(self)
    }

    /// Reads a seal. Its paths come from a file: none leads out of the folder that it is below.
    pub fn from_json(bytes: &[u8]) -> Result<Self> {
        schema_version(bytes, SCHEMA_NAME, SCHEMA_VERSION)?;
        let seal: Self = serde_json::from_slice(bytes).context("not a seal of this schema")?;
        let month = &seal.period.month;
        ensure!(ReportingPeriod::parse(month, chrono_tz::UTC).is_ok(), "`{}` is not a month", month.escape_debug());
        ensure!(seal.edition > 0 && seal.seq > 0, "editions and seals are counted from 1");
        let paths = seal.evidence.iter().map(|record| &record.path).chain(seal.files.iter().map(|file| &file.path));
        let paths = paths.chain(seal.absent.iter().flatten());
        for path in paths {
            for part in path.split('/') {
                folder_name(part).with_context(|| format!("path `{}`", path.escape_debug()))?;
            }
        }
        // Each once, so that there is no doubt which record of a file holds.
        let is_sorted = seal.evidence.is_sorted_by(|a, b| a.path < b.path) && seal.files.is_sorted_by(|a, b| a.path < b.path);
        ensure!(is_sorted, "the lists of files are not sorted by path");
        Ok(seal)
    }

    /// What stands beside the signature, signed with it.
    pub fn trusted_comment(&self) -> String {
        format!("wattledger {} edition {} seq {}", self.period.month, self.edition, self.seq)
    }

    pub fn file(&self, path: &str) -> Option<&SealedFile> {
        let at = self.files.binary_search_by(|file| file.path.as_str().cmp(path)).ok()?;
        Some(&self.files[at])
    }

    /// How the next seal names this one, whose bytes are `manifest`.
    pub fn link(&self, manifest: &[u8]) -> Link {
        Link { month: self.period.month.clone(), edition: self.edition, seq: self.seq, sha256: sha256(manifest) }
    }

    /// A seal that names what it takes the place of says why.
    pub fn is_restatement(&self) -> bool {
        self.kind == SealKind::Restatement
    }
}

/// Checks what a kind goes with: a close is edition 1 and replaces nothing, a restatement replaces the edition before it.
pub fn require_consistent(seal: &Seal) -> Result<()> {
    match (&seal.kind, &seal.replaces) {
        (SealKind::Close, None) if seal.edition == 1 => Ok(()),
        (SealKind::Restatement, Some(replaced)) if seal.edition > 1 && replaced.edition + 1 == seal.edition => Ok(()),
        _ => bail!("kind, edition and `replaces` do not go together"),
    }
}
