//! The evidence as of a close, and what was read of it.
//!
//! In: a seal, keys of the evidence. Out: where the bytes lie that were under a key then. Rule: manifests of days and zones are those that the close kept; a
//! file of a day that was metered anew since lies where that day was put aside. Whatever the seal does not name was not there.
//! Does not: check digests; whoever reads a file has its record.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use anyhow::{Result, bail};

use super::folder::{CLOSED_FOLDER, Sealed};
use super::seal::Seal;
use crate::evidence::Store;
use crate::evidence::objects::{REPLACED, View};
use crate::model::sha256;
use crate::units::UtcDay;

const MANIFEST: &str = "manifest.json";
/// Folder of the manifests of days in a closed month.
const DAYS_FOLDER: &str = "days";
/// Folders of a closed month that may hold JSON of its own.
const OTHER_FOLDERS: [&str; 2] = ["report", "ledger"];
/// Characters of a manifest's SHA-256 in the name of the day that was put aside.
const DIGEST_IN_NAME: usize = 12;

/// What of the evidence was read, by key.
#[derive(Debug, Default)]
pub struct Readings {
    by_key: Mutex<BTreeMap<String, Reading>>,
    /// What was looked for and was not there.
    absent: Mutex<BTreeSet<String>>,
    /// Whether somebody asked what there is, of which no note is taken.
    has_listed: AtomicBool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    pub sha256: String,
    pub bytes: u64,
}

impl Readings {
    /// Notes what was read first; whoever reads a file again holds it against its record, and a manifest that changed meanwhile is found by its digest.
    fn note(&self, key: &str, bytes: &[u8]) {
        let is_known = || self.by_key.lock().expect("a reader that panics ends the program").contains_key(key);
        if !is_known() {
            let reading = Reading { sha256: sha256(bytes), bytes: bytes.len() as u64 };
            self.by_key.lock().expect("a reader that panics ends the program").entry(key.to_owned()).or_insert(reading);
        }
    }

    pub fn all(&self) -> BTreeMap<String, Reading> {
        self.by_key.lock().expect("a reader that panics ends the program").clone()
    }

    /// The keys that were looked for and were not there, sorted. None where that is not known: where a list was asked for, which says of many keys at once that
    /// they are not there.
    pub fn absent(&self) -> Option<Vec<String>> {
        let absent = || self.absent.lock().expect("a reader that panics ends the program").iter().cloned().collect();
        (!self.has_listed.load(Ordering::Relaxed)).then(absent)
    }
}

impl View for Readings {
    fn get(&self, key: &str, find: &dyn Fn(&str) -> Result<Option<Vec<u8>>>) -> Result<Option<Vec<u8>>> {
        let found = find(key)?;
        match &found {
            Some(bytes) => self.note(key, bytes),
            None => drop(self.absent.lock().expect("a reader that panics ends the program").insert(key.to_owned())),
        }
        Ok(found)
    }

    fn list(&self, prefix: &str, find: &dyn Fn(&str) -> Result<Vec<String>>) -> Result<Vec<String>> {
        self.has_listed.store(true, Ordering::Relaxed);
        find(prefix)
    }

    fn is_read_only(&self) -> bool {
        false
    }
}

/// The evidence as it was at a close.
#[derive(Debug)]
struct AsOfClose {
    folder: String,
    seal: Seal,
}

impl AsOfClose {
    /// The digest of what was at `key`, and the keys under which it may lie now, the likeliest first. None where nothing was there.
    fn places(&self, key: &str) -> Option<(&str, Vec<String>)> {
        if let Some(path) = closed_manifest(key) {
            let file = self.seal.file(&path)?;
            return Some((&file.sha256, vec![format!("{}/{path}", self.folder)]));
        }
        let at = self.seal.evidence.binary_search_by(|record| record.path.as_str().cmp(key)).ok()?;
        Some((&self.seal.evidence[at].sha256, places_of(key, &self.seal)))
    }
}

impl View for AsOfClose {
    fn get(&self, key: &str, find: &dyn Fn(&str) -> Result<Option<Vec<u8>>>) -> Result<Option<Vec<u8>>> {
        if is_closed(key) {
            return find(key);
        }
        let Some((digest, places)) = self.places(key) else { return Ok(None) };
        let mut first = None;
        for place in places {
            let Some(bytes) = find(&place)? else { continue };
            if sha256(&bytes) == digest {
                return Ok(Some(bytes));
            }
            first.get_or_insert((place, bytes));
        }
        match first {
            // A manifest has no record that a reader could hold it against.
            Some((place, bytes)) if closed_manifest(key).is_some() => {
                bail!("EVIDENCE_CHANGED: {place} is not the manifest that was sealed: SHA-256 {}, the seal says {digest}", sha256(&bytes))
            }
            None if closed_manifest(key).is_some() => bail!("MISSING: the sealed copy of {key} is not there"),
            first => Ok(first.map(|(_, bytes)| bytes)),
        }
    }

    fn list(&self, prefix: &str, find: &dyn Fn(&str) -> Result<Vec<String>>) -> Result<Vec<String>> {
        if is_closed(prefix) {
            return find(prefix);
        }
        let manifests = self.seal.files.iter().filter_map(|file| manifest_key(&file.path));
        let keys = self.seal.evidence.iter().map(|record| record.path.clone()).chain(manifests);
        let is_below = |key: &String| prefix.is_empty() || key.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('/'));
        Ok(keys.filter(is_below).collect())
    }

    fn is_read_only(&self) -> bool {
        true
    }
}

/// Closed months are the same whenever one looks.
fn is_closed(key: &str) -> bool {
    key == CLOSED_FOLDER || key.strip_prefix(CLOSED_FOLDER).is_some_and(|rest| rest.starts_with('/'))
}

/// The path in a closed month's folder of a manifest's copy: `prod-nl/2026-10-01/manifest.json` is `days/prod-nl/2026-10-01.json`, `intensity/NL/manifest.json`
/// is `intensity/NL.json`. None where the key is no manifest's.
pub fn closed_manifest(key: &str) -> Option<String> {
    let (place, MANIFEST) = key.rsplit_once('/')? else { return None };
    let (folder, name) = place.rsplit_once('/')?;
    let is_day = name.parse::<UtcDay>().is_ok();
    Some(if is_day { format!("{DAYS_FOLDER}/{folder}/{name}.json") } else { format!("{folder}/{name}.json") })
}

/// The key that [`closed_manifest`] made a path of; none where the path is that of another file.
pub fn manifest_key(path: &str) -> Option<String> {
    let name = path.strip_suffix(".json")?;
    let (folder, name) = name.strip_prefix(&format!("{DAYS_FOLDER}/")).unwrap_or(name).rsplit_once('/')?;
    let key = format!("{folder}/{name}/{MANIFEST}");
    (!OTHER_FOLDERS.contains(&folder) && closed_manifest(&key).as_deref() == Some(path)).then_some(key)
}

/// Where a file of the evidence may lie: where it was, or if its day was metered anew since, where that was put aside.
pub(super) fn places_of(key: &str, seal: &Seal) -> Vec<String> {
    let mut places = vec![key.to_owned()];
    let aside = || -> Option<String> {
        let (day_folder, name) = key.rsplit_once('/')?;
        let (cluster, day) = day_folder.split_once('/')?;
        let manifest = seal.file(&closed_manifest(&format!("{day_folder}/{MANIFEST}"))?)?;
        day.parse::<UtcDay>().ok()?;
        Some(format!("{cluster}/{REPLACED}{day}-{}/{name}", manifest.sha256.get(..DIGEST_IN_NAME)?))
    };
    places.extend(aside());
    places
}

impl Store {
    /// The evidence as it was when a month was closed. Nothing can be written through it.
    pub fn as_sealed(&self, sealed: &Sealed) -> Result<Self> {
        let view = AsOfClose { folder: sealed.folder(), seal: sealed.seal.clone() };
        Ok(self.with_objects(self.objects().viewed(Arc::new(view))))
    }

    /// The same evidence, and a list of what is read of it from now on.
    pub fn noting_reads(&self) -> (Self, Arc<Readings>) {
        let readings = Arc::new(Readings::default());
        let view: Arc<dyn View> = Arc::<Readings>::clone(&readings);
        (self.with_objects(self.objects().viewed(view)), readings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_files_of_a_closed_month_are_no_manifests() {
        for path in ["report/report.json", "report/facts.json", "restatement.json", "config.toml", "factors/own.csv", "ledger/ledger.csv"] {
            assert_eq!(manifest_key(path), None, "{path}");
        }
    }

    #[test]
    fn copies_of_manifests_have_one_place_each() {
        for (key, path) in [
            ("prod-nl/2026-10-01/manifest.json", Some("days/prod-nl/2026-10-01.json")),
            ("intensity/US-CAL-CISO/manifest.json", Some("intensity/US-CAL-CISO.json")),
            ("prices/NL/manifest.json", Some("prices/NL.json")),
            ("prod-nl/2026-10-01/usage-000.parquet", None),
            ("manifest.json", None),
        ] {
            assert_eq!(closed_manifest(key).as_deref(), path, "{key}");
            assert_eq!(path.and_then(manifest_key).as_deref(), path.map(|_| key), "{key}");
        }
    }
}
