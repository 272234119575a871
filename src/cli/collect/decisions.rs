//! From the scheduler's decision logs to the evidence.
//!
//! In: the configuration's `[[decision_log]]` tables, or files that are named. Out: their records in the store, those that are not there yet. Rule: a record of a
//! cluster that the configuration does not have is said and left out. Does not: look whether the runs were seen: the report says that.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};

use super::feeds::with_advice;
use super::intake::print_finding;
use crate::config::Config;
use crate::evidence::Store;
use crate::model::{Finding, Severity};
use crate::sources::decisions::{DecisionFile, read_file};

/// How many records were there, and how many of them are new.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Decisions {
    pub read: usize,
    pub added: usize,
}

/// Takes in all logs of the configuration. `now` is the time that is kept with what is new.
pub fn collect_decisions(store: &Store, config: &Config, now: DateTime<Utc>) -> Result<Decisions> {
    let mut all = Decisions::default();
    for log in &config.decision_logs {
        let taken = take_files(store, config, log.files_to_collect()?, now).map_err(|error| with_advice("decisions", error))?;
        all = Decisions { read: all.read + taken.read, added: all.added + taken.added };
    }
    Ok(all)
}

pub fn take_files(store: &Store, config: &Config, files: &[PathBuf], now: DateTime<Utc>) -> Result<Decisions> {
    // All are read before any is kept: a file that is refused leaves nothing behind.
    let files = files.iter().map(|path| read_file(path)).collect::<Result<Vec<_>>>()?;
    let mut taken = Decisions::default();
    for file in &files {
        taken.read += file.lines.len();
        taken.added += take(store, config, file, now)?;
    }
    Ok(taken)
}

fn take(store: &Store, config: &Config, file: &DecisionFile, now: DateTime<Utc>) -> Result<usize> {
    let mut by_cluster: BTreeMap<&str, Vec<(DateTime<Utc>, &str)>> = BTreeMap::new();
    for line in &file.lines {
        by_cluster.entry(&line.record.cluster).or_default().push((line.record.decision.recorded_at, &line.text));
    }
    let known: BTreeSet<&str> = config.clusters.iter().map(|cluster| cluster.name.as_str()).collect();
    let (mut added, mut elsewhere) = (0, 0);
    let mut names = Vec::new();
    for (cluster, lines) in by_cluster {
        if known.contains(cluster) {
            added +=
                store.write_decisions(cluster, &file.edition, now, &lines).with_context(|| format!("store the decisions of {cluster}"))?;
        } else {
            elsewhere += lines.len();
            names.push(cluster);
        }
    }
    if elsewhere > 0 {
        let message = format!(
            "{}: {elsewhere} decision records are about clusters that the configuration does not have ({}); they were left out.",
            file.edition,
            names.join(", ")
        );
        print_finding(&Finding::new("DECISION_UNMATCHED", Severity::Noted, message).examined(file.lines.len()).failing(elsewhere));
    }
    if file.is_cut {
        let message = format!("{}: its last line is not whole yet; it is taken in the next time.", file.edition);
        print_finding(&Finding::new("DECISION_FORMAT", Severity::Noted, message).examined(file.lines.len() + 1).failing(1));
    }
    Ok(added)
}
