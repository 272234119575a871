//! What of the evidence belongs to a closed month's archive.
//!
//! In: the store, a sealed edition. Out: keys of the store with where their bytes come from, sorted. Rule: everything that the seal names, and every seal of the
//! chain up to it with its signature and time stamp, under the keys that the store has for them; a day that was metered anew since is there as it was.
//! Does not: read before it is asked for.

use std::collections::BTreeMap;
use std::io::Write;

use anyhow::Result;

use super::archive::Archive;
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
    /// Puts the bytes into an archive, checked against the seal. What may be large goes piece by piece, and is checked when all of it has gone.
    pub fn add<W: Write>(&self, archive: &mut Archive<W>, path: &str, store: &Store, sealed: &Sealed) -> Result<()> {
        match self {
            Self::Bytes(bytes) => archive.add(path, bytes),
            Self::Evidence(record) => archive.add(path, &store.read_evidence(sealed, record)?),
            Self::Closed(closed) => {
                let object = store.open_closed(sealed, closed)?;
                let bytes = object.len();
                let sha256 = archive.add_from(path, bytes, object)?;
                store.require_sealed(sealed, closed, (&sha256, bytes))
            }
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
