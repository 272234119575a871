//! `wattledger collect`: from Prometheus, Kubernetes and feeds to evidence, by cluster and UTC day; or, `--follow`, a recorder.
//!
//! In: a month or a range of days, the configuration. Out: evidence, and an exit code. Rule: a day that is complete is not asked for again;
//! a day that is not finished, has no samples, or was refused is said and left out (exit 3). Shards share cluster-days among them, and the first takes what is
//! there once: feeds and logs. Assumes: the clock is right to minutes.
//! Does not: account for anything beyond what a day's samples say by themselves.

mod days;
pub mod decisions;
mod feeds;
mod follow;
pub mod intake;
mod kubernetes;
mod memory;
mod outcome;
mod remeter;
mod wanted;

use anyhow::{Result, bail};
use chrono::{DateTime, Utc};
use clap::Args;

pub use self::days::{ClusterDays, Collecting, NO_DATA, SETTLING, collect_days, connect, metering_terms};
pub use self::feeds::{Feeds, collect_feeds, with_advice};
pub use self::kubernetes::access as kubernetes_access;
pub use self::outcome::{Incomplete, Outcome};
pub use self::wanted::feeds as wanted_feeds;
use super::exit;
use crate::config::{Cluster, Config};
use crate::evidence::{Lock, Store};
use crate::model::Shard;
use crate::units::UtcDay;

/// The lock of whoever writes evidence, but a recorder, which has one of its own. Shards have a part of it each.
pub const LOCK: &str = "collect";

/// Takes the lock for all evidence, also against shards.
pub fn lock_all(store: &Store) -> Result<Lock> {
    store.lock_shard(LOCK, Shard::WHOLE)
}

/// Collects evidence from Prometheus, Kubernetes and feeds, by cluster and UTC day. Exit code 3: some days are incomplete.
#[derive(Args, Clone, Debug)]
pub struct CollectArgs {
    /// A month of the organisation's time zone, for example 2026-10: every UTC day that it touches. `last` is the last one that is over.
    #[arg(long, value_name = "YYYY-MM", value_parser = super::month, required_unless_present_any = ["from", "last", "follow"], conflicts_with_all = ["from", "to"])]
    pub month: Option<String>,
    /// First UTC day.
    #[arg(long, value_name = "YYYY-MM-DD", requires = "to")]
    pub from: Option<UtcDay>,
    /// The UTC day after the last.
    #[arg(long, value_name = "YYYY-MM-DD", requires = "from")]
    pub to: Option<UtcDay>,
    /// The last so many UTC days that are over: for a schedule that cannot work out dates.
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u64).range(1..=366), conflicts_with_all = ["month", "from", "to"])]
    pub last: Option<u64>,
    /// Only this cluster (repeatable); all by default.
    #[arg(long, value_name = "NAME")]
    pub cluster: Vec<String>,
    /// Only the part I of N of the clusters' days, counted from 0, as in 3/8; 0/N takes the feeds too. All N together collect all.
    #[arg(long, value_name = "I/N", env = "WATTLEDGER_SHARD", conflicts_with = "follow")]
    pub shard: Option<Shard>,
    /// Meter days of the evidence anew, from their own samples, where `exporter`, `hardware` or `bmc` has changed; asks no server.
    #[arg(long)]
    pub remeter: bool,
    /// Watch the Kubernetes API and write down who owns what and when it runs, until stopped; `collect` of a day reads it.
    #[arg(long, conflicts_with_all = ["month", "from", "to", "last"])]
    pub follow: bool,
}

pub fn run(args: &CollectArgs, config: &Config) -> Result<u8> {
    memory::give_back_what_is_freed();
    let clusters = clusters(args, config)?;
    let store = Store::open(&config.evidence)?;
    if args.follow {
        return follow::follow(&store, &clusters);
    }
    let days = days(args, config, Utc::now())?;
    let shard = args.shard.unwrap_or(Shard::WHOLE);
    let lock = store.lock_shard(LOCK, shard)?;
    let parts = parts(&clusters, &days, shard);
    if args.remeter {
        let count = remeter::remeter(&store, config, &parts)?;
        eprintln!("metered {count} cluster-days anew; those that they replace are kept beside them in {}", config.evidence);
        return Ok(exit::DONE);
    }
    // All have their turn: none waits for another to be mended.
    let collecting = Collecting { store: &store, config, lock: &lock, notes_empty_days: args.shard.is_some(), now: Utc::now() };
    let outcome = collect_days(&collecting, &parts);
    let beside = if shard.is_first() { beside(args, &store, config, &days) } else { Ok(None) };
    let (outcome, beside) = (outcome?, beside?);
    outcome.print_incomplete();
    let counts = format!(
        "collected {} cluster-days, {} already there, {} incomplete",
        outcome.collected,
        outcome.already_there,
        outcome.incomplete.len()
    );
    let part = args.shard.map(|shard| format!("shard {shard}: ")).unwrap_or_default();
    let Some((feeds, decisions)) = beside else {
        eprintln!("{part}{counts}; feeds are the first shard's; evidence in {}", config.evidence);
        return Ok(outcome.exit_code());
    };
    feeds.print_incomplete();
    let (zones, priced) = (feeds.intensity_zones.len(), feeds.price_zones.len());
    eprintln!("{part}{counts}; intensity of {zones} zones, prices of {priced}; evidence in {}", config.evidence);
    if !config.decision_logs.is_empty() {
        eprintln!("decision logs: {} records, {} of them new", decisions.read, decisions.added);
    }
    Ok(outcome.exit_code().max(feeds.exit_code()))
}

/// What there is once, whatever the clusters: feeds and decision logs. Of several shards the first takes it, and notes for which days it did.
fn beside(args: &CollectArgs, store: &Store, config: &Config, days: &[UtcDay]) -> Result<Option<(Feeds, decisions::Decisions)>> {
    let now = Utc::now();
    let feeds = collect_feeds(store, config, days, now);
    let decisions = decisions::collect_decisions(store, config, now);
    let (feeds, decisions) = (feeds?, decisions?);
    let wanted = wanted_feeds(config);
    if args.shard.is_some() && feeds.incomplete.is_empty() && !wanted.is_empty() {
        for day in days.iter().filter(|day| day.end() + SETTLING <= now) {
            store.note_feeds(*day, &wanted)?;
        }
    }
    Ok(Some((feeds, decisions)))
}

/// The days of a shard; clusters of which it has none are left out, so that nobody connects to them.
fn parts<'a>(clusters: &[&'a Cluster], days: &[UtcDay], shard: Shard) -> Vec<ClusterDays<'a>> {
    let mut parts = ClusterDays::of_each(clusters, days);
    parts.iter_mut().for_each(|part| part.days.retain(|day| shard.has(&part.cluster.name, *day)));
    parts.retain(|part| !part.days.is_empty());
    parts
}

fn days(args: &CollectArgs, config: &Config, now: DateTime<Utc>) -> Result<Vec<UtcDay>> {
    if let Some(count) = args.last {
        return Ok(last_days(count, now));
    }
    match (&args.month, args.from, args.to) {
        (Some(month), _, _) => Ok(super::period_of(month, config.time_zone, now)?.utc_days()),
        (None, Some(from), Some(to)) if from < to => Ok(from.through(to.previous())),
        (None, Some(from), Some(to)) => bail!("--to {to} is not after --from {from}; it is the day after the last"),
        _ => bail!("say which days: --month, --last, or --from and --to"),
    }
}

/// Days that are over and settled, so that a run shortly after midnight leaves the one before to the next run, and does not end as incomplete.
fn last_days(count: u64, now: DateTime<Utc>) -> Vec<UtcDay> {
    let last = UtcDay::containing(now - SETTLING).previous();
    let first = (1..count).fold(last, |day, _| day.previous());
    first.through(last)
}

fn clusters<'a>(args: &CollectArgs, config: &'a Config) -> Result<Vec<&'a Cluster>> {
    for name in &args.cluster {
        config.cluster(name)?;
    }
    Ok(config.clusters.iter().filter(|cluster| args.cluster.is_empty() || args.cluster.contains(&cluster.name)).collect())
}

#[cfg(test)]
mod tests {
    use clap::{Command, FromArgMatches};

    use super::*;

    fn parse(arguments: &[&str]) -> Result<CollectArgs, clap::Error> {
        let matches = CollectArgs::augment_args(Command::new("collect")).try_get_matches_from([&["collect"], arguments].concat())?;
        CollectArgs::from_arg_matches(&matches)
    }

    #[test]
    fn days_are_asked_for_by_month_or_by_range() {
        assert_eq!(parse(&["--month", "2026-10"]).unwrap().month.as_deref(), Some("2026-10"));
        let range = parse(&["--from", "2026-10-01", "--to", "2026-10-08"]).unwrap();
        assert_eq!(range.from.unwrap().through(range.to.unwrap().previous()).len(), 7);
        assert!(parse(&["--follow", "--cluster", "prod-nl"]).unwrap().follow);
        assert_eq!(parse(&["--last", "7"]).unwrap().last, Some(7));
        assert_eq!(parse(&["--last", "7", "--shard", "3/8"]).unwrap().shard, Some(Shard::new(3, 8).unwrap()));
        let said = parse(&["--last", "7", "--shard", "8/8"]).unwrap_err().to_string();
        assert!(said.contains("'--shard <I/N>'") && said.contains("the last of 8 is 7/8"), "{said}");
        for wrong in [
            &[][..],
            &["--month", "2026-13"],
            &["--month", "../../etc"],
            &["--from", "2026-10-01"],
            &["--to", "2026-10-01"],
            &["--month", "2026-10", "--from", "2026-10-01", "--to", "2026-10-02"],
            &["--last", "0"],
            &["--last", "7", "--month", "2026-10"],
            &["--last", "7", "--from", "2026-10-01", "--to", "2026-10-02"],
            &["--follow", "--last", "7"],
            &["--follow", "--month", "2026-10"],
            &["--follow", "--from", "2026-10-01", "--to", "2026-10-02"],
            &["--last", "7", "--shard", "8/8"],
            &["--last", "7", "--shard", "0/0"],
            &["--follow", "--shard", "0/8"],
        ] {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
    }
    #[test]
    fn the_last_days_are_those_that_can_be_collected() {
        let days = |count, now: &str| last_days(count, now.parse().unwrap()).iter().map(UtcDay::to_string).collect::<Vec<_>>();

        assert_eq!(days(3, "2026-11-02T01:17:00Z"), ["2026-10-30", "2026-10-31", "2026-11-01"]);
        assert_eq!(days(1, "2026-11-02T00:05:00Z"), ["2026-11-01"]);
        // The last scrapes of 1 November may not be there yet.
        assert_eq!(days(1, "2026-11-02T00:04:59Z"), ["2026-10-31"]);
    }
}
