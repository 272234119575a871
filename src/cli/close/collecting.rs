//! What a close collects first: days that are not in the evidence, and what the feeds say by now.
//!
//! In: the month. Out: whether the month can be accounted. Rule: a server is asked only where a day of its cluster is missing; days before a cluster's first
//! sign of life are not missing. Does not: ask anybody where all days are there and no feed is configured.

use anyhow::Result;
use chrono::Utc;

use crate::cli::collect::{self, ClusterDays, Collecting, NO_DATA, Outcome, collect_days, collect_feeds};
use crate::config::{Cluster, Config};
use crate::evidence::Store;
use crate::units::{ReportingPeriod, UtcDay};

/// The finding that says that days are missing: who accepts it closes without them.
pub const DAYS_MISSING: &str = "DAYS_MISSING";

/// Collects what is missing. False where something is incomplete, which has been said on stderr.
pub fn collect(store: &Store, config: &Config, period: ReportingPeriod, accept: &[String]) -> Result<bool> {
    let days = period.utc_days();
    let lock = collect::lock_all(store)?;
    let mut clusters: Vec<&Cluster> = Vec::new();
    for cluster in config.clusters.iter().filter(|cluster| cluster.prometheus.is_some()) {
        if !missing(store, cluster, &days)?.is_empty() {
            clusters.push(cluster);
        }
    }
    let mut outcome = Outcome::default();
    if !clusters.is_empty() {
        let collecting = Collecting { store, config, lock: &lock, notes_empty_days: false, now: Utc::now() };
        outcome = collect_days(&collecting, &ClusterDays::of_each(&clusters, &days))?;
    }
    let feeds = collect_feeds(store, config, &days, Utc::now())?;
    let is_born = |cluster: &str, day: UtcDay| -> Result<bool> { Ok(first_day(store, cluster, &days)?.is_some_and(|first| first < day)) };
    let mut incomplete = Vec::new();
    for day in std::mem::take(&mut outcome.incomplete) {
        if day.why.code != NO_DATA || is_born(&day.cluster, day.day)? {
            incomplete.push(day);
        }
    }
    outcome.incomplete = incomplete;
    outcome.print_incomplete();
    feeds.print_incomplete();
    eprintln!("collected {} cluster-days, {} incomplete", outcome.collected, outcome.incomplete.len());
    let days_are_there = outcome.incomplete.is_empty() || accept.iter().any(|code| code == DAYS_MISSING);
    let feeds_are_there = feeds.incomplete.is_empty();
    if !(days_are_there && feeds_are_there) {
        eprintln!(
            "hint: mend what each line names and run this again; --no-collect closes from what is there, if that is enough for a report"
        );
    }
    Ok(days_are_there && feeds_are_there)
}

fn missing(store: &Store, cluster: &Cluster, days: &[UtcDay]) -> Result<Vec<UtcDay>> {
    let mut missing = Vec::new();
    for day in days {
        if store.day(&cluster.name, *day)?.is_none() {
            missing.push(*day);
        }
    }
    Ok(missing)
}

/// The first day of these of which there is evidence.
fn first_day(store: &Store, cluster: &str, days: &[UtcDay]) -> Result<Option<UtcDay>> {
    for day in days {
        if store.day(cluster, *day)?.is_some() {
            return Ok(Some(*day));
        }
    }
    Ok(None)
}
