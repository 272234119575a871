//! Decision records of schedulers in the evidence folder.
//!
//! In: lines of a log as they stand there. Out: the same, of a span of time. Rule: a log only grows, so of each file only the lines that are not there yet are
//! kept, as an edition of their cluster and month with the time at which they were taken in; nothing is taken back. Does not: say what a record is about.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use chrono::{DateTime, Datelike, Utc};
use polars::prelude::{Column, DataFrame};

use super::Store;
use super::editions::{DECISIONS_FOLDER, Edition, Editions};
use super::manifest::FileRecord;
use crate::model::{DecisionRecord, Signal};

const PROVIDER: &str = "files";

impl Store {
    fn decision_editions(&self) -> Editions<'_> {
        Editions { store: self, folder: DECISIONS_FOLDER }
    }

    /// Adds those lines that are not there yet, as an edition of every month in which they were recorded. Gives back how many were added.
    pub fn write_decisions(&self, cluster: &str, edition: &str, taken_in: DateTime<Utc>, lines: &[(DateTime<Utc>, &str)]) -> Result<usize> {
        let mut by_month: BTreeMap<String, BTreeSet<(i64, &str)>> = BTreeMap::new();
        for (recorded_at, line) in lines {
            by_month.entry(folder(cluster, *recorded_at)).or_default().insert((recorded_at.timestamp_millis(), line));
        }
        let mut added = 0;
        for (folder, mut rows) in by_month {
            for (_, frame) in self.decision_editions().read(&folder)? {
                let known: BTreeSet<&str> = frame.column("line")?.str()?.iter().flatten().collect();
                rows.retain(|(_, line)| !known.contains(line));
            }
            if rows.is_empty() {
                continue;
            }
            let columns = vec![
                Column::new("recorded_ms".into(), rows.iter().map(|(recorded_ms, _)| *recorded_ms).collect::<Vec<_>>()),
                Column::new("line".into(), rows.iter().map(|(_, line)| *line).collect::<Vec<_>>()),
            ];
            let edition = Edition {
                edition: edition.to_owned(),
                provider: PROVIDER.to_owned(),
                signal: Signal::Average,
                retrieved_s: Some(taken_in.timestamp()),
                file: FileRecord::default(),
                replies: Vec::new(),
                findings: Vec::new(),
            };
            added += rows.len();
            self.decision_editions().append(&folder, edition, &DataFrame::new(rows.len(), columns)?, &[])?;
        }
        Ok(added)
    }

    /// What was recorded about a cluster's runs in the months from one instant to another, with the files that say so.
    pub fn decisions(&self, cluster: &str, from: DateTime<Utc>, to: DateTime<Utc>) -> Result<(Vec<DecisionRecord>, Vec<FileRecord>)> {
        let (mut records, mut files) = (Vec::new(), Vec::new());
        for folder in months(from, to).map(|month| folder(cluster, month)) {
            for (edition, frame) in self.decision_editions().read(&folder)? {
                let parsed = frame.column("line")?.str()?.iter().flatten().map(DecisionRecord::parse).collect::<Result<Vec<_>, _>>();
                records.extend(parsed.map_err(anyhow::Error::msg).with_context(|| format!("read {}", edition.file.path))?);
                files.push(edition.file);
            }
        }
        Ok((records, files))
    }
}

/// `prod-nl.2026-10`: a cluster's records of a UTC month.
fn folder(cluster: &str, at: DateTime<Utc>) -> String {
    format!("{cluster}.{}", at.format("%Y-%m"))
}

/// An instant of every UTC month from one to another.
fn months(from: DateTime<Utc>, to: DateTime<Utc>) -> impl Iterator<Item = DateTime<Utc>> {
    let next = |at: &DateTime<Utc>| at.with_day(1)?.checked_add_months(chrono::Months::new(1));
    let is_wanted = move |at: &DateTime<Utc>| (at.year(), at.month()) <= (to.year(), to.month());
    std::iter::successors(Some(from), next).take_while(is_wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn line(job: &str, recorded: &str) -> (DateTime<Utc>, String) {
        let line = format!(
            r#"{{"cluster":"prod-nl","namespace":"etl","job":"{job}","recorded_at":"{recorded}","eligible_at":"{recorded}","chosen_start":"{recorded}"}}"#
        );
        (at(recorded), line)
    }

    fn write(store: &Store, edition: &str, lines: &[(DateTime<Utc>, String)]) -> usize {
        let lines: Vec<_> = lines.iter().map(|(at, line)| (*at, line.as_str())).collect();
        store.write_decisions("prod-nl", edition, at("2026-11-02T03:00:00Z"), &lines).unwrap()
    }

    fn jobs(store: &Store, from: &str, to: &str) -> Vec<String> {
        let mut jobs: Vec<String> = store.decisions("prod-nl", at(from), at(to)).unwrap().0.into_iter().map(|record| record.job).collect();
        jobs.sort();
        jobs
    }

    #[test]
    fn a_log_that_grew_adds_what_is_new_and_the_same_log_adds_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        let (a, b, c) = (line("a", "2026-09-30T23:00:00Z"), line("b", "2026-10-01T01:00:00Z"), line("c", "2026-10-31T23:59:59Z"));
        assert_eq!(write(&store, "log 1", &[a.clone(), b.clone(), b.clone()]), 2);
        assert_eq!(write(&store, "log 2", &[a.clone(), b.clone(), c.clone()]), 1);
        assert_eq!(write(&store, "log 3", &[c.clone(), a.clone(), b.clone()]), 0);

        assert_eq!(jobs(&store, "2026-09-30T12:00:00Z", "2026-10-31T00:00:00Z"), ["a", "b", "c"]);
        assert_eq!(jobs(&store, "2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z"), ["b", "c"]);
        assert_eq!(jobs(&store, "2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z"), Vec::<String>::new());
        assert!(store.decisions("edge-fr", at("2026-10-01T00:00:00Z"), at("2026-11-01T00:00:00Z")).unwrap().0.is_empty());
        let (_, files) = store.decisions("prod-nl", at("2026-10-01T00:00:00Z"), at("2026-11-01T00:00:00Z")).unwrap();
        assert_eq!(files.iter().map(|file| file.rows).collect::<Vec<_>>(), [1, 1]);
        assert!(files.iter().all(|file| file.path.starts_with("decisions/prod-nl.2026-10/")), "{files:?}");
    }

    #[test]
    fn a_changed_record_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        write(&store, "log 1", &[line("a", "2026-10-01T01:00:00Z")]);
        let (_, files) = store.decisions("prod-nl", at("2026-10-01T00:00:00Z"), at("2026-10-02T00:00:00Z")).unwrap();
        let path = folder.path().join(&files[0].path);
        let mut bytes = std::fs::read(&path).unwrap();
        let last = bytes.len() / 2;
        bytes[last] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        let error = store.decisions("prod-nl", at("2026-10-01T00:00:00Z"), at("2026-10-02T00:00:00Z")).unwrap_err();
        assert!(format!("{error:#}").contains("EVIDENCE_CHANGED"), "{error:#}");
    }
}
