//! Whether a month would come out as it was sealed, known without accounting it.
//!
//! In: the books as they are now, a sealed edition. Out: yes, or no, which also says that it cannot be known. Rule: an account is decided by what it reads, so where
//! the method, the software and its time zones are the same, the configuration and the own files are, every manifest that was read is, to the byte, and what was looked
//! for and was not there still is not, it would read the same again and say the same. Manifests name their files by SHA-256. Assumes: files are what their manifests
//! say; `verify` looks at that. Does not: know it of seals that do not say what was not there.

use std::collections::BTreeSet;

use anyhow::Result;

use super::inputs::own_copies;
use crate::cli::account::{self, Books, SOFTWARE};
use crate::evidence::closed::manifest_key;
use crate::evidence::{Sealed, SealedFile};
use crate::units::ReportingPeriod;

pub fn is_unchanged(books: &Books, period: ReportingPeriod, sealed: &Sealed) -> Result<bool> {
    let seal = &sealed.seal;
    let Some(absent) = &seal.absent else { return Ok(false) };
    let is_same_program =
        seal.method == account::method() && seal.software == SOFTWARE && seal.period.tzdata == chrono_tz::IANA_TZDB_VERSION;
    let is_same_period = (seal.period.from, seal.period.to) == (period.from(), period.to());
    if !(is_same_program && is_same_period) {
        return Ok(false);
    }
    if own_copies(books)?.iter().any(|(file, _)| seal.file(&file.path) != Some(file)) {
        return Ok(false);
    }
    let objects = books.store.objects();
    let mut folders = BTreeSet::new();
    for file in &seal.files {
        let Some(key) = manifest_key(&file.path) else { continue };
        let is_same = objects.get(&key)?.is_some_and(|bytes| SealedFile::of("", &bytes).sha256 == file.sha256);
        if !is_same {
            return Ok(false);
        }
        folders.extend(key.rsplit_once('/').map(|(folder, _)| folder.to_owned()));
    }
    // What no manifest answers for may have changed without one.
    let is_answered_for = |path: &str| path.match_indices('/').any(|(at, _)| folders.contains(&path[..at]));
    if !seal.evidence.iter().all(|record| is_answered_for(&record.path)) {
        return Ok(false);
    }
    for key in absent {
        if objects.get(key)?.is_some() {
            return Ok(false);
        }
    }
    Ok(true)
}
