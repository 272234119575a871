//! What there is to know of a cluster and a month, before anything is made of it.
//!
//! In: a cluster of the configuration, the evidence, its server. Out: [`Facts`]. Rule: a server that does not answer is a fact, not an error.
//! Does not: judge.

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use futures_util::stream::{self, StreamExt};
use tokio::runtime::Runtime;

use super::zones::{self, Zone};
use crate::cli::collect::{SETTLING, connect, kubernetes_access, metering_terms};
use crate::config::{self, Cluster, Config};
use crate::evidence::Store;
use crate::model::Hint;
use crate::sources::Refusal;
use crate::sources::kubernetes::{Entry, History, Kind, Kubernetes, series_of_day};
use crate::sources::prometheus::{Look, Prometheus, Sight};
use crate::units::{ReportingPeriod, UtcDay};

const HOUR_S: i64 = 3_600;
/// Quick looks in flight at once.
const LOOKS_AT_ONCE: usize = 2;

pub struct Facts<'a> {
    pub cluster: &'a Cluster,
    pub server: Server,
    pub api: Api,
    /// The last day, of yesterday and today, of which a recorder wrote.
    pub recorded: Option<UtcDay>,
    pub days: Vec<Day>,
    /// By zone: those of nodes first.
    pub zones: Vec<Zone>,
}

pub enum Server {
    NotConfigured,
    Silent(Refusal),
    Seen {
        way: Result<Way, Refusal>,
        /// Of exporters and of machines, also those that the Kubernetes API tells of.
        sights: Vec<Sight>,
        clashes: Vec<Sight>,
    },
}

/// How a server will be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    pub name: &'static str,
    pub why: String,
}

/// The Kubernetes API of a cluster.
pub enum Api {
    NotConfigured,
    /// There is no way to it, or no way in.
    Silent {
        says: String,
        advice: Option<String>,
        /// Whether it may be well again by itself, so that collecting goes on without it.
        may_pass: bool,
    },
    Seen {
        missing: Vec<(Kind, &'static str)>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Day {
    pub day: UtcDay,
    pub is_over: bool,
    pub is_in_evidence: bool,
    /// It was metered under another exporter, hardware or controller than the configuration has now.
    pub has_other_terms: bool,
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

pub fn gather<'a>(config: &Config, cluster: &'a Cluster, period: ReportingPeriod, now: DateTime<Utc>) -> Result<Facts<'a>> {
    let store = Store::open(&config.evidence)?;
    let terms = metering_terms(config, cluster);
    let mut days = Vec::new();
    for day in period.utc_days() {
        let manifest = store.day(&cluster.name, day)?;
        let metered = manifest.as_ref().and_then(|manifest| manifest.metering.as_ref());
        days.push(Day {
            day,
            is_over: now >= day.end() + SETTLING,
            is_in_evidence: manifest.is_some(),
            has_other_terms: metered.is_some_and(|known| *known != terms),
            on_server: OnServer::NotAsked,
        });
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("start the runtime")?;
    let mut server = match &cluster.prometheus {
        None => Server::NotConfigured,
        Some(prometheus) => {
            let source = connect(prometheus).with_context(|| format!("cluster {}", cluster.name))?;
            runtime.block_on(ask(&source, &mut days, now)).unwrap_or_else(Server::Silent)
        }
    };
    let (api, machines) = match &cluster.kubernetes {
        None => (Api::NotConfigured, Vec::new()),
        Some(kubernetes) => ask_api(&runtime, kubernetes, now),
    };
    if let Server::Seen { sights, .. } = &mut server {
        sights.extend(machines);
    }
    let today = UtcDay::containing(now);
    let mut recorded = None;
    for day in [today, today.previous()] {
        if recorded.is_none() && store.has_journal(&cluster.name, day)? {
            recorded = Some(day);
        }
    }
    Ok(Facts { cluster, server, api, recorded, days, zones: zones::gather(&store, config, cluster, period, now)? })
}

/// The API's rights, and the machines that it tells of.
fn ask_api(runtime: &Runtime, kubernetes: &config::Kubernetes, now: DateTime<Utc>) -> (Api, Vec<Sight>) {
    let connected = runtime.block_on(Kubernetes::connect(&kubernetes_access(kubernetes)));
    let source = match connected {
        Ok(source) => source,
        Err(error) => {
            let advice = error.downcast_ref::<Hint>().map(|hint| hint.advice().to_owned());
            return (Api::Silent { says: format!("{error:#}"), advice, may_pass: false }, Vec::new());
        }
    };
    match runtime.block_on(source.missing_rights()) {
        Err(refusal) => {
            let may_pass = refusal.code == "K8S_UNREACHABLE";
            (Api::Silent { says: refusal.to_string(), advice: refusal.hint, may_pass }, Vec::new())
        }
        Ok(missing) => {
            // Nodes that may not be listed are among what is missing.
            let nodes = runtime.block_on(source.nodes()).unwrap_or_default();
            let seen = nodes.into_iter().map(|object| Entry::Seen { at: now, object });
            let told = series_of_day(History::of(seen), UtcDay::containing(now)).into_iter();
            let sights = told.filter_map(|(series, samples)| {
                let labels = series.labels.into_iter().chain([("__name__".to_owned(), series.metric)]).collect();
                Some(Sight { labels, value: samples.last()?.1 })
            });
            (Api::Seen { missing }, sights.collect())
        }
    }
}

async fn ask(source: &Prometheus, days: &mut [Day], now: DateTime<Utc>) -> Result<Server, Refusal> {
    let mut sights = source.look(Look::Exporters, now.timestamp()).await?;
    sights.extend(source.look(Look::Machines, now.timestamp()).await?);
    let clashes = source.look(Look::Clashes, now.timestamp()).await?;
    let way = source.way().await.map(|(name, why)| Way { name, why: why.to_owned() });
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
    Ok(Server::Seen { way, sights, clashes })
}
