//! What of the evidence belongs to a closed month's archive.
//!
//! In: the store, a sealed edition. Out: keys of the store with where their bytes come from, sorted. Rule: everything that the seal names, and every seal of the
//! chain up to it with its signature and time stamp, under the keys that the store has for them; a day that was metered anew since is there as it was.
//! Does not: read before it is asked for.

use std::collections::BTreeMap;

use anyhow::Result;

use crate::evidence::{FileRecord, Sealed, Store};

/// Where the evidence lies in the archive.
pub const EVIDENCE_FOLDER: &str = "evidence";

/// Where the bytes of a file come from.
pub enum Source {
    Bytes(Vec<u8>),
    /// Below the closed month's folder.
    Closed(String),
    Evidence(FileRecord),
}

impl Source {
    /// The bytes, checked against the seal.
    pub fn read(&self, store: &Store, sealed: &Sealed) -> Result<Vec<u8>> {
        match self {
            Self::Bytes(bytes) => Ok(bytes.clone()),
            Self::Closed(path) => store.read_closed(sealed, path),
            Self::Evidence(record) => store.read_evidence(sealed, record),
        }
    }
}

pub fn evidence(store: &Store, sealed: &Sealed) -> Result<BTreeMap<String, Source>> {
    let mut files = BTreeMap::new();
    for record in &sealed.seal.evidence {
        files.insert(record.path.clone(), Source::Evidence(record.clone()));
    }
    for file in &sealed.seal.files {
        files.insert(format!("{}/{}", sealed.folder(), file.path), Source::Closed(file.path.clone()));
    }
    for seal in store.seals()?.into_iter().filter(|seal| seal.seal.seq <= sealed.seal.seq) {
        let folder = seal.folder();
        files.insert(format!("{folder}/manifest.json"), Source::Bytes(seal.manifest));
        for (name, bytes) in [("manifest.json.minisig", seal.signature), ("manifest.tsr", seal.time_stamp)] {
            files.extend(bytes.map(|bytes| (format!("{folder}/{name}"), Source::Bytes(bytes))));
        }
    }
    Ok(files)
}
