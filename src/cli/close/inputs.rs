//! What a month was accounted from: everything that was read of the evidence, and what stands behind it.
//!
//! In: what was read while the month was accounted. Out: records for the seal, checked, and copies of manifests and own files for the closed month's folder.
//! Rule: a day whose usage was read is sealed whole, with its samples; of a series all editions with their replies. Whatever changed since it was read stops
//! the close. Does not: judge what was read.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::cli::account::{Books, CONFIG_FILE};
use crate::cli::progress::Progress;
use crate::evidence::closed::{Reading, Readings, closed_manifest};
use crate::evidence::{FileRecord, SealedFile, Store};
use crate::model::tables::Table;
use crate::model::{Hint, sha256};

/// What a month was accounted from.
pub struct Inputs {
    /// By path.
    pub evidence: Vec<FileRecord>,
    /// Keys that were looked for and were not there; none where that is not known.
    pub absent: Option<Vec<String>>,
    /// Copies of what is not written once: manifests, the configuration, the organisation's own files.
    pub copies: Vec<(SealedFile, Vec<u8>)>,
}

/// The configuration and the organisation's own files, as a seal lists them.
pub fn own_copies(books: &Books) -> Result<Vec<(SealedFile, Vec<u8>)>> {
    let mut copies = vec![(SealedFile::of(CONFIG_FILE, &books.config.bytes), books.config.bytes.clone())];
    for (key, file) in books.own_files()? {
        let mut record = SealedFile::of(key, &file.bytes);
        record.name = (record.name() != file.name).then_some(file.name);
        copies.push((record, file.bytes));
    }
    Ok(copies)
}

pub fn gather(books: &Books, readings: &Readings) -> Result<Inputs> {
    let mut copies = own_copies(books)?;
    let absent = readings.absent();
    let read = readings.all();
    let mut evidence: BTreeMap<String, FileRecord> = BTreeMap::new();
    let mut records = BTreeMap::new();
    for (key, reading) in &read {
        let Some(path) = closed_manifest(key) else { continue };
        let bytes = again(&books.store, key, reading)?;
        let named = records_in(key, &bytes)?;
        if !is_day(&path) || named.iter().any(|record| is_usage(record) && read.contains_key(&record.path)) {
            evidence.extend(named.iter().map(|record| (record.path.clone(), record.clone())));
        }
        records.extend(named.into_iter().map(|record| (record.path.clone(), record)));
        copies.push((SealedFile::of(path, &bytes), bytes));
    }
    for (key, reading) in read.iter().filter(|(key, _)| closed_manifest(key).is_none()) {
        let rows = records.get(key).map_or(0, |record| record.rows);
        let record = FileRecord { path: key.clone(), sha256: reading.sha256.clone(), bytes: reading.bytes, rows };
        evidence.insert(key.clone(), record);
    }
    check_unread(&books.store, &read, &evidence)?;
    for key in absent.iter().flatten() {
        if books.store.objects().get(key)?.is_some() {
            bail!(changed(&books.store, key));
        }
    }
    copies.sort_by(|a, b| a.0.path.cmp(&b.0.path));
    Ok(Inputs { evidence: evidence.into_values().collect(), absent, copies })
}

fn is_day(copy: &str) -> bool {
    copy.starts_with("days/")
}

fn is_usage(record: &FileRecord) -> bool {
    record.path.rsplit('/').next().is_some_and(|name| name.starts_with(Table::Usage.name()))
}

/// A manifest as it was read, or an error where it has changed since.
fn again(store: &Store, key: &str, reading: &Reading) -> Result<Vec<u8>> {
    let bytes = store.objects().get(key)?.with_context(|| format!("read {}: it is gone", store.objects().display(key)))?;
    if sha256(&bytes) != reading.sha256 {
        bail!(changed(store, key));
    }
    Ok(bytes)
}

fn changed(store: &Store, key: &str) -> Hint {
    Hint::new(
        format!("{} changed while the month was being closed", store.objects().display(key)),
        "somebody collects at the same time; run this again when they have ended",
    )
}

/// Every file that a manifest names: all manifests record files alike. Of a day the names are below its own folder.
fn records_in(key: &str, manifest: &[u8]) -> Result<Vec<FileRecord>> {
    let folder = key.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut records = Vec::new();
    let mut values = vec![serde_json::from_slice::<Value>(manifest).with_context(|| format!("read {key}"))?];
    while let Some(value) = values.pop() {
        if value.get("path").is_some() && value.get("sha256").is_some() {
            let mut record: FileRecord = serde_json::from_value(value).with_context(|| format!("read {key}"))?;
            if !record.path.contains('/') {
                record.path = format!("{folder}/{}", record.path);
            }
            records.push(record);
            continue;
        }
        match value {
            Value::Array(items) => values.extend(items),
            Value::Object(fields) => values.extend(fields.into_iter().map(|(_, value)| value)),
            _ => {}
        }
    }
    Ok(records)
}

/// Files that are sealed and that the account had no use for are held against their records too: nothing broken is sealed.
fn check_unread(store: &Store, read: &BTreeMap<String, Reading>, evidence: &BTreeMap<String, FileRecord>) -> Result<()> {
    let unread: Vec<&FileRecord> = evidence.values().filter(|record| !read.contains_key(&record.path)).collect();
    let progress = Progress::new("checking", unread.len() as u64);
    for record in unread {
        progress.tick(&record.path);
        store.check(record)?;
    }
    progress.done();
    Ok(())
}
