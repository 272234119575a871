//! What there is to know of a cluster and a month, before anything is made of it.
//!
//! In: a cluster of the configuration, the evidence, its server. Out: [`Facts`]. Rule: a server that does not answer is a fact, not an error.
//! Does not: judge.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use futures_util::stream::{self, StreamExt};

use crate::cli::collect::{SETTLING, connect};
use crate::config::{Cluster, Config};
use crate::evidence::Store;
use crate::sources::Refusal;
use crate::sources::prometheus::{Look, Prometheus, Sight};
use crate::units::{ReportingPeriod, UtcDay};

const HOUR_S: i64 = 3_600;
/// Quick looks in flight at once.
const LOOKS_AT_ONCE: usize = 2;

pub struct Facts<'a> {
    pub cluster: &'a Cluster,
    pub server: Server,
    pub days: Vec<Day>,
    /// By zone: those of nodes first.
    pub zones: Vec<Zone>,
}

pub enum Server {
    NotConfigured,
    Silent(Refusal),
    Seen { exporters: Vec<Sight>, clashes: Vec<Sight> },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Day {
    pub day: UtcDay,
    pub is_over: bool,
    pub is_in_evidence: bool,
    pub on_server: OnServer,
}

/// What a server has of a day: looked at in its first and in its last hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnServer {
    NotAsked,
    Whole,
    InPart,
    Nothing,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone {
    pub zone: String,
    /// Whether nodes draw their electricity from it; else only baselines name it.
    pub is_grid: bool,
    pub provider: Option<String>,
    pub covered_hours: i64,
    pub wanted_hours: i64,
}

pub fn gather<'a>(config: &Config, cluster: &'a Cluster, period: ReportingPeriod, now: DateTime<Utc>) -> Result<Facts<'a>> {
    let store = Store::new(&config.evidence_dir);
    let mut days = Vec::new();
    for day in period.utc_days() {
        let is_in_evidence = store.day(&cluster.name, day)?.is_some();
        days.push(Day { day, is_over: now >= day.end() + SETTLING, is_in_evidence, on_server: OnServer::NotAsked });
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("start the runtime")?;
    let server = match &cluster.prometheus {
        None => Server::NotConfigured,
        Some(prometheus) => {
            let source = connect(prometheus).with_context(|| format!("cluster {}", cluster.name))?;
            runtime.block_on(ask(&source, &mut days, now)).unwrap_or_else(Server::Silent)
        }
    };
    Ok(Facts { cluster, server, days, zones: zones(&store, config, cluster, period, now)? })
}

async fn ask(source: &Prometheus, days: &mut [Day], now: DateTime<Utc>) -> Result<Server, Refusal> {
    let exporters = source.look(Look::Exporters, now.timestamp()).await?;
    let clashes = source.look(Look::Clashes, now.timestamp()).await?;
    // The month's first day says what retention leaves; the others are asked for where they are still to be collected.
    let asked: Vec<usize> = (0..days.len()).filter(|i| days[*i].is_over && (*i == 0 || !days[*i].is_in_evidence)).collect();
    let instants = asked.iter().flat_map(|i| [days[*i].day.start().timestamp() + HOUR_S, days[*i].day.end().timestamp() - 1]);
    let looks = instants.map(|at_s| source.look(Look::Presence { window_s: HOUR_S }, at_s));
    let answers: Vec<Result<Vec<Sight>, Refusal>> = stream::iter(looks).buffered(LOOKS_AT_ONCE).collect().await;
    let mut seen = Vec::with_capacity(answers.len());
    for answer in answers {
        seen.push(!answer?.is_empty());
    }
    for (i, ends) in asked.into_iter().zip(seen.chunks(2)) {
        days[i].on_server = match ends {
            [true, true] => OnServer::Whole,
            [false, false] => OnServer::Nothing,
            _ => OnServer::InPart,
        };
    }
    Ok(Server::Seen { exporters, clashes })
}

fn zones(store: &Store, config: &Config, cluster: &Cluster, period: ReportingPeriod, now: DateTime<Utc>) -> Result<Vec<Zone>> {
    let sites = || std::iter::once(&cluster.site).chain(cluster.pools.iter().map(|pool| &pool.site));
    // Zones of nodes come last, so that they win over home zones of the same name.
    let homes = sites().filter_map(|site| site.home_zone.as_deref()).map(|zone| (zone, false));
    let wanted: BTreeMap<&str, bool> = homes.chain(sites().map(|site| (site.grid_zone.as_str(), true))).collect();
    let mut zones = Vec::new();
    for (zone, is_grid) in wanted {
        let feed = config.intensity.iter().find(|feed| feed.zones.iter().any(|name| name == zone));
        let (from, to) = (period.from().timestamp(), period.to().min(now).timestamp());
        let mut covered: Vec<(i64, i64)> = Vec::new();
        for (series, _) in store.intensity(zone)? {
            for i in 0..series.len() {
                if series.direct_gco2e_per_kwh[i].is_some() || series.lifecycle_gco2e_per_kwh[i].is_some() {
                    covered.push((series.start_s[i].max(from), series.end_s[i].min(to)));
                }
            }
        }
        zones.push(Zone {
            zone: zone.to_owned(),
            is_grid,
            provider: feed.map(|feed| feed.provider.clone()),
            covered_hours: length_of_union(covered) / HOUR_S,
            wanted_hours: (to - from).max(0) / HOUR_S,
        });
    }
    zones.sort_by_key(|zone| !zone.is_grid);
    Ok(zones)
}

fn length_of_union(mut spans: Vec<(i64, i64)>) -> i64 {
    spans.sort_unstable();
    let (mut length, mut reached) = (0, i64::MIN);
    for (from, to) in spans {
        let from = from.max(reached);
        if to > from {
            length += to - from;
            reached = to;
        }
    }
    length
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_that_two_editions_have_count_once() {
        assert_eq!(length_of_union(vec![(0, 10), (5, 12), (20, 30), (0, 10), (40, 35)]), 22);
        assert_eq!(length_of_union(Vec::new()), 0);
    }
}
