//! From a cluster's sources to its evidence, one UTC day at a time.
//!
//! In: clusters and days. Out: an [`Outcome`]; each complete day is in the store. Rule: trouble with one day or one server does not keep the
//! others from being collected. Does not: ask again for a day that is there.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use polars::prelude::DataFrame;

use super::super::progress::Progress;
use super::kubernetes::Objects;
use super::{Incomplete, Outcome};
use crate::accounting::metering::{self, MeteredDay};
use crate::cli::account::SOFTWARE;
use crate::config::{self, Cluster, Config};
use crate::evidence::{DayManifest, Lock, QueryRecord, SCHEMA, Store, samples_to_frames};
use crate::model::tables::Table;
use crate::model::{MeteringTerms, PoolTerms};
use crate::sources::prometheus::{CollectedDay, Connection, Prometheus};
use crate::sources::{Reach, Refusal};
use crate::units::UtcDay;

/// The last scrapes of a day arrive after it.
pub const SETTLING: chrono::Duration = chrono::Duration::minutes(5);
/// The refusal of a day of which its server has nothing.
pub const NO_DATA: &str = "NO_DATA";

/// Days of one cluster that are to be collected.
#[derive(Clone, Debug)]
pub struct ClusterDays<'a> {
    pub cluster: &'a Cluster,
    pub days: Vec<UtcDay>,
}

impl<'a> ClusterDays<'a> {
    /// The same days of each cluster.
    pub fn of_each(clusters: &[&'a Cluster], days: &[UtcDay]) -> Vec<Self> {
        clusters.iter().map(|cluster| Self { cluster, days: days.to_vec() }).collect()
    }
}

/// Where a run collects to, and by what right.
pub struct Collecting<'a> {
    pub store: &'a Store,
    pub config: &'a Config,
    /// Held for as long as it writes.
    pub lock: &'a Lock,
    /// Whether a day of which a server has nothing is noted, for whoever waits for the shards.
    pub notes_empty_days: bool,
    pub now: DateTime<Utc>,
}

/// Collects what is missing. Trouble with one day or one server does not keep the others from being collected.
pub fn collect_days(collecting: &Collecting<'_>, parts: &[ClusterDays<'_>]) -> Result<Outcome> {
    let Collecting { store, config, now, .. } = *collecting;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().context("start the runtime")?;
    let progress = Progress::new("collect", parts.iter().map(|part| part.days.len() as u64).sum());
    let mut outcome = Outcome::default();
    for ClusterDays { cluster, days } in parts {
        let source = cluster.prometheus.as_ref().map(connect).transpose().with_context(|| format!("cluster {}", cluster.name))?;
        let mut objects = Objects::new(cluster, now);
        let mut out_of_reach: Option<Refusal> = None;
        for day in days {
            progress.tick(&format!("{} {day}", cluster.name));
            if store.day(&cluster.name, *day)?.is_some() {
                tracing::info!(cluster = cluster.name, %day, "already there");
                outcome.already_there += 1;
                continue;
            }
            let collected = match (&source, &out_of_reach) {
                _ if now < day.end() + SETTLING => Err(not_finished(*day)),
                (_, Some(refusal)) => Err(refusal.clone()),
                (None, None) => Err(no_source()),
                (Some(source), None) => match objects.list(&runtime)? {
                    Ok(()) => runtime.block_on(source.collect_day(*day)).and_then(|collected| require_samples(collected, *day)),
                    Err(refusal) => Err(refusal),
                },
            };
            let collected = match collected {
                Ok(mut collected) => objects
                    .add_to(&mut collected.samples, &mut collected.findings, store, *day)
                    .with_context(|| format!("collect {} {day}", cluster.name))?
                    .map(|()| collected),
                refused => refused,
            };
            // Another process may have the day by now, where a bucket was out of reach for long.
            collecting.lock.check()?;
            match collected {
                Ok(collected) => {
                    let samples = collected.samples.ts_ms.len();
                    store_day(store, config, cluster, *day, collected).with_context(|| format!("collect {} {day}", cluster.name))?;
                    tracing::info!(cluster = cluster.name, %day, samples, "collected");
                    outcome.collected += 1;
                }
                Err(refusal) => {
                    if collecting.notes_empty_days && refusal.code == NO_DATA {
                        store.note_empty_day(&cluster.name, *day)?;
                    }
                    if refusal.reach == Reach::Source {
                        out_of_reach = Some(refusal.clone());
                    }
                    tracing::info!(cluster = cluster.name, %day, code = refusal.code, "incomplete");
                    outcome.incomplete.push(Incomplete { cluster: cluster.name.clone(), day: *day, why: refusal });
                }
            }
        }
    }
    progress.done();
    Ok(outcome)
}

/// The server of a cluster, as the configuration names it; nothing is sent yet.
pub fn connect(prometheus: &config::Prometheus) -> Result<Prometheus> {
    let connection = Connection {
        url: prometheus.url.clone(),
        token_file: prometheus.token_file.clone(),
        username: prometheus.username.clone(),
        password_file: prometheus.password_file.clone(),
        cert_file: prometheus.cert_file.clone(),
        key_file: prometheus.key_file.clone(),
        ca_file: prometheus.ca_file.clone(),
        tenant: prometheus.tenant.clone(),
        pull: prometheus.pull.clone(),
    };
    Prometheus::connect(&connection, &prometheus.selector)
}

/// A cluster can live on evidence that was brought here; what is missing of it cannot be asked for.
fn no_source() -> Refusal {
    Refusal::new("NO_SOURCE", Reach::Source, "the cluster has no `prometheus` in the configuration")
        .hint("add it, or bring the evidence folder")
}

fn not_finished(day: UtcDay) -> Refusal {
    Refusal::new("NOT_FINISHED", Reach::Range, format!("the UTC day ends at {}", day.end().format("%Y-%m-%dT%H:%M:%SZ")))
        .hint("collect it five minutes after its end")
}

/// An empty answer is no evidence of an idle cluster.
fn require_samples(collected: CollectedDay, day: UtcDay) -> Result<CollectedDay, Refusal> {
    if collected.samples_on_the_day > 0 {
        return Ok(collected);
    }
    let time = |time: DateTime<Utc>| time.format("%Y-%m-%dT%H:%M:%SZ").to_string();
    let message = format!("the server has no sample of any metric from {} to {}", time(day.start()), time(day.end()));
    Err(Refusal::new(NO_DATA, Reach::Range, message)
        .hint("check `selector`, the server's retention, and whether the exporters were scraped"))
}

fn store_day(store: &Store, config: &Config, cluster: &Cluster, day: UtcDay, collected: CollectedDay) -> Result<()> {
    let terms = metering_terms(config, cluster);
    let metered = metering::meter_day(&collected.samples, day, &terms)?;
    let mut findings = collected.findings;
    findings.extend(metered.findings.iter().cloned());
    let (series, samples) = samples_to_frames(collected.samples)?;
    let tables = day_tables(series, samples, metered);
    let answered: BTreeSet<&str> = collected.asked.iter().filter(|asked| asked.series > 0).map(|asked| asked.name).collect();
    let unanswered: BTreeSet<&str> = collected.asked.iter().map(|asked| asked.name).filter(|name| !answered.contains(name)).collect();
    let queries = collected.asked.iter().filter(|asked| answered.contains(asked.name)).map(|asked| QueryRecord {
        name: asked.name.to_owned(),
        promql: asked.promql.clone(),
        read: asked.read.to_owned(),
        from_s: asked.from_s,
        to_s: asked.to_s,
        series: asked.series,
        samples: asked.samples,
    });
    let manifest = DayManifest {
        schema: SCHEMA.to_owned(),
        cluster: cluster.name.clone(),
        day: day.to_string(),
        step_seconds: terms.step_seconds,
        metering: Some(terms),
        baseline_policy: Some(config.baseline.sha256()),
        replaces: None,
        software: SOFTWARE.to_owned(),
        endpoint: collected.endpoint,
        queries: queries.collect(),
        unanswered: unanswered.into_iter().map(str::to_owned).collect(),
        files: Vec::new(),
        findings,
    };
    store.write_day(&tables, manifest)?;
    Ok(())
}

/// The tables of a day: what was collected, and what was made of it.
pub fn day_tables(series: DataFrame, samples: DataFrame, metered: MeteredDay) -> BTreeMap<Table, DataFrame> {
    let mut tables = BTreeMap::from([
        (Table::Series, series),
        (Table::Samples, samples),
        (Table::Nodes, metered.nodes),
        (Table::Pods, metered.pods),
        (Table::Jobs, metered.jobs),
        (Table::NodeSteps, metered.node_steps),
        (Table::Usage, metered.usage),
    ]);
    tables.extend(metered.namespaces.map(|namespaces| (Table::Namespaces, namespaces)));
    tables
}

/// What the configuration says of a cluster's meters.
pub fn metering_terms(config: &Config, cluster: &Cluster) -> MeteringTerms {
    let pool = |pool: &config::Pool| PoolTerms { selector: pool.selector.clone(), terms: pool.metering.clone() };
    MeteringTerms {
        step_seconds: config.report.step_seconds,
        cluster: cluster.metering.clone(),
        pools: cluster.pools.iter().map(pool).collect(),
        bmc: cluster.bmc.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_without_samples_is_said_with_its_range() {
        let day: UtcDay = "2026-10-01".parse().unwrap();
        let refusal = require_samples(CollectedDay::default(), day).unwrap_err();
        assert_eq!(refusal.code, "NO_DATA");
        assert!(refusal.message.contains("2026-10-01T00:00:00Z to 2026-10-02T00:00:00Z"), "{}", refusal.message);
    }
}
