//! What of a closed month's inputs is another now than at its close.
//!
//! In: the books as they are now, a sealed edition. Out: a phrase for each change. Rule: only what can move a figure of the month counts: values of a series
//! that lie in other months do not. Does not: account anything.

use std::collections::BTreeSet;

use anyhow::Result;

use crate::cli::account::{Books, CONFIG_FILE, SOFTWARE, method};
use crate::evidence::closed::closed_manifest;
use crate::evidence::{FileRecord, Sealed, SealedFile, Store};
use crate::units::ReportingPeriod;

/// What has changed since, a phrase each; empty where nothing has.
pub fn since(books: &Books, period: ReportingPeriod, sealed: &Sealed) -> Result<Vec<String>> {
    let mut changes = Vec::new();
    let is_same = |file: &SealedFile| sealed.seal.file(&file.path).is_some_and(|then| then.sha256 == file.sha256);
    if !is_same(&SealedFile::of(CONFIG_FILE, &books.config.bytes)) {
        changes.push("the configuration".to_owned());
    }
    let own: Vec<(SealedFile, String)> =
        books.own_files()?.into_iter().map(|(key, file)| (SealedFile::of(key, &file.bytes), file.name)).collect();
    changes.extend(own.iter().filter(|(file, _)| !is_same(file)).map(|(_, name)| format!("the own file {name}")));
    if sealed.seal.method != method() {
        changes.push("the method".to_owned());
    }
    if sealed.seal.software != SOFTWARE {
        changes.push(format!("the software ({} then, {SOFTWARE} now)", sealed.seal.software));
    }
    changes.extend(days(books, period, sealed)?);
    let then = books.store.as_sealed(sealed)?;
    for zone in zones(sealed, "intensity") {
        let of = |store: &Store| -> Result<Vec<(FileRecord, usize)>> {
            let within = |starts: &[i64], ends: &[i64]| values_within(starts, ends, period);
            Ok(store.intensity(&zone)?.into_iter().map(|(series, file)| (file, within(&series.start_s, &series.end_s))).collect())
        };
        changes.extend(new_values("intensity", &zone, &of(&then)?, &of(&books.store)?));
    }
    for zone in zones(sealed, "prices") {
        let of = |store: &Store| -> Result<Vec<(FileRecord, usize)>> {
            let within = |starts: &[i64], ends: &[i64]| values_within(starts, ends, period);
            Ok(store.prices(&zone)?.into_iter().map(|(series, file)| (file, within(&series.start_s, &series.end_s))).collect())
        };
        changes.extend(new_values("price", &zone, &of(&then)?, &of(&books.store)?));
    }
    for folder in zones(sealed, "decisions") {
        let key = format!("decisions/{folder}/manifest.json");
        let now = books.store.objects().get(&key)?;
        let then = closed_manifest(&key).and_then(|path| sealed.seal.file(&path).cloned());
        if then.map(|then| then.sha256) != now.map(|bytes| SealedFile::of("", &bytes).sha256) {
            changes.push(format!("decisions of {folder}"));
        }
    }
    Ok(changes)
}

/// Days that are there now and were not, are not and were, or were metered anew.
fn days(books: &Books, period: ReportingPeriod, sealed: &Sealed) -> Result<Vec<String>> {
    let mut changes = Vec::new();
    for cluster in &books.config.clusters {
        for day in period.utc_days() {
            let key = format!("{}/{day}/manifest.json", cluster.name);
            let then = closed_manifest(&key).and_then(|path| sealed.seal.file(&path));
            let now = books.store.objects().get(&key)?.map(|bytes| SealedFile::of("", &bytes).sha256);
            let place = format!("{} on {day}", cluster.name);
            changes.extend(match (then, now) {
                (None, Some(_)) => Some(format!("{place} (collected since)")),
                (Some(_), None) => Some(format!("{place} (gone)")),
                (Some(then), Some(now)) if then.sha256 != now => Some(format!("{place} (metered anew)")),
                _ => None,
            });
        }
    }
    Ok(changes)
}

/// The zones whose series were there at the close, or clusters and months whose decisions were.
fn zones(sealed: &Sealed, folder: &str) -> BTreeSet<String> {
    let zone = |file: &SealedFile| Some(file.path.strip_prefix(folder)?.strip_prefix('/')?.strip_suffix(".json")?.to_owned());
    sealed.seal.files.iter().filter_map(zone).collect()
}

fn values_within(starts_s: &[i64], ends_s: &[i64], period: ReportingPeriod) -> usize {
    let (from_s, to_s) = (period.from().timestamp(), period.to().timestamp());
    starts_s.iter().zip(ends_s).filter(|(start, end)| **start < to_s && **end > from_s).count()
}

/// Values of the month in editions that came since.
fn new_values(what: &str, zone: &str, then: &[(FileRecord, usize)], now: &[(FileRecord, usize)]) -> Option<String> {
    let is_new = |file: &FileRecord| !then.iter().any(|(known, _)| known.path == file.path);
    let values: usize = now.iter().filter(|(file, _)| is_new(file)).map(|(_, values)| values).sum();
    let s = if values == 1 { "" } else { "s" };
    (values > 0).then(|| format!("{what} of {zone} ({values} value{s} of the month)"))
}
