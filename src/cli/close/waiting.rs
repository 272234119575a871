//! Waits for those who collect by shards, where a close does not collect by itself.
//!
//! In: a month, how long to wait. Out: whether the month can be accounted, and on stderr what it lacks. Rule: it waits for each day of each cluster that has a server,
//! until the day is there or a shard has noted that the server has nothing of it; and for the note that the first shard has taken in the feeds. Nothing before a
//! cluster's first sign of life in the month is no trouble, as in a close that collects; nothing after it is, and waiting would not mend it. Does not: collect, or
//! wait for clusters whose evidence is brought by hand: what they lack the report finds.

use std::collections::{BTreeMap, BTreeSet};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::Result;
use chrono::{DateTime, TimeDelta, Utc};

use super::collecting::DAYS_MISSING;
use crate::cli::collect::wanted_feeds;
use crate::cli::progress::Progress;
use crate::config::Config;
use crate::evidence::Store;
use crate::units::{ReportingPeriod, UtcDay};

/// Between two looks: a sixtieth of the wait, within these.
const LEAST: Duration = Duration::from_secs(1);
const MOST: Duration = Duration::from_secs(30);
/// Of what is missing, as much is named on a line.
const CLUSTERS_NAMED: usize = 4;
const RANGES_NAMED: usize = 5;

/// What a month lacks, and what is known of the rest of it.
struct Lack {
    /// Of the month.
    days: usize,
    /// With those of the feeds.
    expected: usize,
    clusters: BTreeMap<String, OfCluster>,
    /// Days for which the feeds are not noted as taken in.
    feeds: BTreeSet<UtcDay>,
}

#[derive(Default)]
struct OfCluster {
    /// The first day that is there.
    first: Option<UtcDay>,
    /// Neither there, nor noted as empty.
    missing: BTreeSet<UtcDay>,
    /// Noted as empty.
    empty: BTreeSet<UtcDay>,
}

/// Waits for at most `patience`. False where something is still missing then, which has been said.
pub fn wait(store: &Store, config: &Config, period: ReportingPeriod, accept: &[String], patience: Duration) -> Result<bool> {
    let (begun, pause) = (Instant::now(), (patience / 60).clamp(LEAST, MOST));
    let mut lack = Lack::of_all(config, period);
    let until = Utc::now() + TimeDelta::from_std(patience).unwrap_or(TimeDelta::MAX);
    let progress = Progress::new("waiting", lack.expected as u64);
    let mut said = None;
    loop {
        lack.look(store, config)?;
        let left = patience.saturating_sub(begun.elapsed());
        if lack.count() == 0 || left.is_zero() {
            break;
        }
        progress.at(&format!("{} missing", lack.count()), (lack.expected - lack.count()) as u64);
        // A line where something has come, and in a wait of two hours at most one a minute.
        let is_due = said.is_none_or(|(at, count): (Instant, usize)| count != lack.count() && at.elapsed() >= pause.max(patience / 120));
        if is_due {
            eprintln!("{}", lack.line(period, until));
            said = Some((Instant::now(), lack.count()));
        }
        sleep(pause.min(left));
    }
    progress.done();
    Ok(lack.judge(period, accept))
}

impl Lack {
    fn of_all(config: &Config, period: ReportingPeriod) -> Self {
        let days = period.utc_days();
        let all: BTreeSet<UtcDay> = days.iter().copied().collect();
        let with_server = config.clusters.iter().filter(|cluster| cluster.prometheus.is_some());
        let clusters = with_server.map(|cluster| (cluster.name.clone(), OfCluster { missing: all.clone(), ..OfCluster::default() }));
        let clusters: BTreeMap<String, OfCluster> = clusters.collect();
        let feeds = if wanted_feeds(config).is_empty() { BTreeSet::new() } else { all };
        Self { days: days.len(), expected: clusters.len() * days.len() + feeds.len(), clusters, feeds }
    }

    fn missing_days(&self) -> usize {
        self.clusters.values().map(|cluster| cluster.missing.len()).sum()
    }

    /// How many cluster-days, and days of the feeds, are waited for.
    fn count(&self) -> usize {
        self.missing_days() + self.feeds.len()
    }

    /// Looks again for what was missing; what was there is not asked for again.
    fn look(&mut self, store: &Store, config: &Config) -> Result<()> {
        for (name, cluster) in &mut self.clusters {
            // What was empty may have been collected since.
            for day in cluster.missing.union(&cluster.empty).copied().collect::<Vec<_>>() {
                if store.day(name, day)?.is_some() {
                    cluster.missing.remove(&day);
                    cluster.empty.remove(&day);
                    cluster.first = Some(cluster.first.map_or(day, |first| first.min(day)));
                } else if cluster.missing.contains(&day) && store.is_noted_empty(name, day)? {
                    cluster.missing.remove(&day);
                    cluster.empty.insert(day);
                }
            }
        }
        let wanted = wanted_feeds(config);
        for day in self.feeds.clone() {
            if store.noted_feeds(day)?.is_some_and(|taken| wanted.is_subset(&taken)) {
                self.feeds.remove(&day);
            }
        }
        Ok(())
    }

    /// What is missing, shortly, on one line.
    fn line(&self, period: ReportingPeriod, until: DateTime<Utc>) -> String {
        let lacking: Vec<String> = self
            .clusters
            .iter()
            .filter(|(_, cluster)| !cluster.missing.is_empty())
            .map(|(name, cluster)| format!("{name} {}", ranges(&cluster.missing)))
            .collect();
        let mut named: Vec<String> = lacking.iter().take(CLUSTERS_NAMED).cloned().collect();
        if lacking.len() > named.len() {
            named.push(format!("{} more clusters", lacking.len() - named.len()));
        }
        if !self.feeds.is_empty() {
            named.push(format!("feeds of {}", ranges(&self.feeds)));
        }
        format!(
            "waiting until {} UTC for {} of {} cluster-days of {period}: {}",
            until.format("%Y-%m-%d %H:%M:%S"),
            self.missing_days(),
            self.clusters.len() * self.days,
            named.join("; ")
        )
    }

    /// Says what is incomplete, a line a cluster. True where nothing holds the close up.
    fn judge(&self, period: ReportingPeriod, accept: &[String]) -> bool {
        let mut are_days_there = true;
        let of = self.days;
        for (name, cluster) in &self.clusters {
            if !cluster.missing.is_empty() {
                are_days_there = false;
                let (count, days) = (cluster.missing.len(), ranges(&cluster.missing));
                eprintln!("incomplete: {DAYS_MISSING}: {name}: {count} of {of} days of {period} are not collected: {days}");
            }
            let later: BTreeSet<UtcDay> =
                cluster.empty.iter().copied().filter(|day| cluster.first.is_some_and(|first| *day > first)).collect();
            if !later.is_empty() {
                are_days_there = false;
                let (count, days) = (later.len(), ranges(&later));
                eprintln!("incomplete: {DAYS_MISSING}: {name}: of {count} of {of} days of {period} the server has nothing: {days}");
            }
        }
        if !self.feeds.is_empty() {
            let (count, days) = (self.feeds.len(), ranges(&self.feeds));
            eprintln!("incomplete: feeds: for {count} of {of} days of {period} no shard 0 has taken them in: {days}");
        }
        let is_accepted = accept.iter().any(|code| code == DAYS_MISSING);
        let is_enough = self.feeds.is_empty() && (are_days_there || is_accepted);
        if !is_enough {
            eprintln!(
                "hint: look at the log of the shard that has each day, or collect the days by `wattledger collect --month {period}`, with \
                 `--shard 0/N` where feeds are missing; --no-collect closes from what is there, if that is enough for a report"
            );
        }
        is_enough
    }
}

/// `2026-10-03 to 2026-10-05, 2026-10-09`: days as few words as there are runs of them, and of many runs the first.
fn ranges(days: &BTreeSet<UtcDay>) -> String {
    let mut runs: Vec<(UtcDay, UtcDay, usize)> = Vec::new();
    for day in days {
        match runs.last_mut() {
            Some((_, last, count)) if last.next() == *day => {
                *last = *day;
                *count += 1;
            }
            _ => runs.push((*day, *day, 1)),
        }
    }
    let shown = runs.iter().take(RANGES_NAMED);
    let mut words: Vec<String> =
        shown.map(|(first, last, _)| if first == last { first.to_string() } else { format!("{first} to {last}") }).collect();
    let more: usize = runs.iter().skip(RANGES_NAMED).map(|(.., count)| count).sum();
    if more > 0 {
        words.push(format!("{more} more"));
    }
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use polars::prelude::df;

    use super::*;
    use crate::evidence::{DayManifest, SCHEMA};
    use crate::model::tables::Table;

    const CONFIG: &str = r#"
[organisation]
name = "Example BV"
time_zone = "UTC"

[[cluster]]
name = "prod-nl"
prometheus = { url = "http://127.0.0.1:9090" }
boundary = "owned"
grid_zone = "NL"
pue = 1.2

[[cluster]]
name = "by-hand"
boundary = "owned"
grid_zone = "NL"
pue = 1.2
"#;

    fn config(more: &str) -> Config {
        Config::from_bytes(format!("{CONFIG}{more}").as_bytes(), Path::new("wattledger.toml")).unwrap()
    }

    fn period() -> ReportingPeriod {
        ReportingPeriod::parse("2026-02", chrono_tz::UTC).unwrap()
    }

    fn day(number: u32) -> UtcDay {
        format!("2026-02-{number:02}").parse().unwrap()
    }

    fn write(store: &Store, days: impl IntoIterator<Item = u32>) {
        for number in days {
            let manifest = DayManifest {
                schema: SCHEMA.to_owned(),
                cluster: "prod-nl".to_owned(),
                day: day(number).to_string(),
                step_seconds: 900,
                metering: None,
                baseline_policy: None,
                replaces: None,
                software: "wattledger".to_owned(),
                endpoint: None,
                queries: Vec::new(),
                unanswered: Vec::new(),
                files: Vec::new(),
                findings: Vec::new(),
            };
            store.write_day(&BTreeMap::from([(Table::Nodes, df!("node_id" => [0_i32]).unwrap())]), manifest).unwrap();
        }
    }

    fn looked(store: &Store, config: &Config) -> Lack {
        let mut lack = Lack::of_all(config, period());
        lack.look(store, config).unwrap();
        lack
    }

    #[test]
    fn what_is_missing_is_named_by_cluster_and_runs_of_days() {
        let folder = tempfile::tempdir().unwrap();
        let (store, config) = (Store::new(folder.path()), config(""));
        write(&store, (1..=28).filter(|day| ![3, 4, 5, 9].contains(day)));

        let lack = looked(&store, &config);

        let line = lack.line(period(), "2026-03-05T07:30:00Z".parse().unwrap());
        assert_eq!(
            line,
            "waiting until 2026-03-05 07:30:00 UTC for 4 of 28 cluster-days of 2026-02: prod-nl 2026-02-03 to 2026-02-05, 2026-02-09"
        );
        assert!(!lack.judge(period(), &[]) && lack.judge(period(), &[DAYS_MISSING.to_owned()]));
        assert_eq!(ranges(&(1..=28).step_by(2).map(day).collect()), "2026-02-01, 2026-02-03, 2026-02-05, 2026-02-07, 2026-02-09, 9 more");
    }

    #[test]
    fn days_that_a_shard_found_empty_are_not_waited_for_and_hold_up_where_the_cluster_lived() {
        let folder = tempfile::tempdir().unwrap();
        let (store, config) = (Store::new(folder.path()), config(""));
        write(&store, 10..=28);
        (1..=9).for_each(|number| store.note_empty_day("prod-nl", day(number)).unwrap());
        let lack = looked(&store, &config);
        assert!(lack.count() == 0 && lack.judge(period(), &[]), "before its first sign of life");

        // A hole in its life is trouble, and no waiting mends it.
        std::fs::remove_dir_all(folder.path().join("prod-nl/2026-02-20")).unwrap();
        store.note_empty_day("prod-nl", day(20)).unwrap();
        let mut lack = looked(&store, &config);
        assert!(lack.count() == 0 && !lack.judge(period(), &[]) && lack.judge(period(), &[DAYS_MISSING.to_owned()]));
        // Somebody collected it after all.
        write(&store, [20]);
        lack.look(&store, &config).unwrap();
        assert!(lack.judge(period(), &[]));
    }

    #[test]
    fn feeds_are_waited_for_where_there_are_some_until_all_of_them_are_taken_in() {
        let folder = tempfile::tempdir().unwrap();
        let prices = "\n[[price]]\nzones = [\"NL\"]\nfiles = [\"prices/*.csv\"]\n";
        let (store, config) = (Store::new(folder.path()), config(prices));
        write(&store, 1..=28);
        assert_eq!(looked(&store, &config).count(), 28);
        for number in 1..=28 {
            let feeds = if number == 9 { BTreeSet::from(["prices of FR".to_owned()]) } else { wanted_feeds(&config) };
            store.note_feeds(day(number), &feeds).unwrap();
        }
        let lack = looked(&store, &config);
        // An acceptance of missing days is none of missing feeds.
        assert!(lack.feeds == BTreeSet::from([day(9)]) && !lack.judge(period(), &[DAYS_MISSING.to_owned()]));
    }
}
