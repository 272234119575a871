//! The manifest of a cluster-day: what is there, and what it was made of.

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::ser::{PrettyFormatter, Serializer};

use crate::model::sha256;
use crate::model::{Endpoint, Finding, MeteringTerms};

/// The schema that this version writes.
pub const SCHEMA: &str = "wattledger.evidence/2";
const SCHEMA_NAME: &str = "wattledger.evidence/";
const SCHEMA_VERSION: u32 = 2;

/// What is known of a cluster-day beside its tables. It holds no time of writing and no path outside its folder: same input, same bytes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DayManifest {
    /// `wattledger.evidence/2`; version 1 is read too.
    pub schema: String,
    pub cluster: String,
    pub day: String,
    pub step_seconds: i64,
    /// What the derived tables depend on besides the samples.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metering: Option<MeteringTerms>,
    /// SHA-256 of the baseline policy that held when the day was collected; null in evidence from before policies were stamped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline_policy: Option<String>,
    /// SHA-256 of the manifest whose place this one took: the same samples, metered under other terms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<String>,
    pub software: String,
    /// Who answered; null in evidence that no server gave, and in that from before it was written down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<Endpoint>,
    /// What was asked.
    pub queries: Vec<QueryRecord>,
    /// Questions that were asked of the day and its edges and brought nothing, by their path below `queries/prometheus`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unanswered: Vec<String>,
    pub files: Vec<FileRecord>,
    pub findings: Vec<Finding>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QueryRecord {
    /// Path below `queries/prometheus`.
    pub name: String,
    pub promql: String,
    /// How it was asked: `remote-read`, `query` or `edges`; empty in evidence from before there was a choice, which is `query`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub read: String,
    /// Seconds since the epoch.
    pub from_s: i64,
    pub to_s: i64,
    pub series: u64,
    pub samples: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FileRecord {
    /// File name below the day's folder; of intensities, below the evidence folder.
    pub path: String,
    pub sha256: String,
    pub bytes: u64,
    pub rows: u64,
}

impl DayManifest {
    /// Pretty-printed, keys in the order of the struct.
    pub(super) fn to_json(&self) -> Result<Vec<u8>> {
        json(self)
    }

    pub(super) fn version(&self) -> Result<u32> {
        version(&self.schema)
    }

    pub fn sha256(&self) -> Result<String> {
        Ok(sha256(&self.to_json()?))
    }

    pub(super) fn from_json(bytes: &[u8]) -> Result<Self> {
        check_schema(bytes)?;
        serde_json::from_slice(bytes).context("not a manifest of this schema")
    }
}

/// For people to read, indented by one space: a day's manifest is a good part of a small cluster's evidence.
pub(super) fn json<T: Serialize>(value: &T) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    value.serialize(&mut Serializer::with_formatter(&mut bytes, PrettyFormatter::with_indent(b" ")))?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Looks at the schema before anything else: a newer one may have another shape.
pub(super) fn check_schema(bytes: &[u8]) -> Result<()> {
    schema_version(bytes, SCHEMA_NAME, SCHEMA_VERSION).map(|_| ())
}

/// The version of the schema `name` that a manifest says it is written in, if it can be read.
pub(super) fn schema_version(bytes: &[u8], name: &str, newest: u32) -> Result<u32> {
    #[derive(Deserialize)]
    struct Head {
        schema: String,
    }
    let Head { schema } = serde_json::from_slice(bytes).context("not a manifest")?;
    version_of(&schema, name, newest)
}

fn version(schema: &str) -> Result<u32> {
    version_of(schema, SCHEMA_NAME, SCHEMA_VERSION)
}

fn version_of(schema: &str, name: &str, newest: u32) -> Result<u32> {
    match schema.strip_prefix(name).and_then(|version| version.parse::<u32>().ok()) {
        Some(version) if version > newest => {
            bail!("NEWER_SCHEMA: written as {schema}, and this version of wattledger reads up to {name}{newest}; use a newer one")
        }
        Some(version) if version > 0 => Ok(version),
        _ => bail!("`{schema}` is not a version of the schema {}", name.trim_end_matches('/')),
    }
}
