//! A Prometheus server, or anything that speaks its query API.
//!
//! In: a connection, the cluster's matchers, a UTC day. Out: [`CollectedDay`]: every sample that the method needs of that day.
//! Rule: raw samples by remote read, else by range selector at an instant, never `increase()` (method, section 3); a day has one sample of
//! each series on each side. Assumes: exporters as `queries/prometheus` names them; what is not served is simply not there.
//! Does not: difference, resample, fill, or keep an answer that the server itself calls incomplete.

mod client;
mod columns;
mod connection;
mod decode;
mod edges;
mod matchers;
mod questions;
mod remote;
mod selection;
mod server;
mod survey;
mod windows;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use anyhow::{Result, anyhow};
use tokio::sync::{OnceCell, Semaphore};
use tokio::task::JoinSet;

use self::client::Client;
use self::columns::Joined;
pub use self::connection::Connection;
use self::questions::{Kind, QUESTIONS, Question};
use self::server::Server;
pub use self::survey::{Look, Sight};
use self::windows::Asking;
use crate::model::policy::Pull;
use crate::model::{Endpoint, Finding, SampleTable, Series, Severity};
use crate::sources::{Reach, Refusal};
use crate::units::UtcDay;

const HOUR_S: i64 = 3_600;
/// How far from the day its neighbouring samples are looked for, at first and where a target has none so near.
const NEAR_EDGE_S: i64 = HOUR_S;
const FAR_EDGE_S: i64 = 24 * HOUR_S;
/// Above so many targets the far edge is asked of all: a matcher with every name would be longer than the answer.
const MOST_NAMED_TARGETS: usize = 50;

/// A server with the matchers that select one cluster.
#[derive(Clone)]
pub struct Prometheus(Arc<Source>);

struct Source {
    client: Client,
    selector: String,
    pull: Pull,
    server: OnceCell<Server>,
    in_flight: Semaphore,
}

/// What a day's questions brought.
#[derive(Debug, Default)]
pub struct CollectedDay {
    pub samples: SampleTable,
    pub asked: Vec<Asked>,
    pub findings: Vec<Finding>,
    /// Samples of the day itself, without its edges.
    pub samples_on_the_day: u64,
    /// Who answered.
    pub endpoint: Option<Endpoint>,
}

/// A question as it was asked: for the record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    pub name: &'static str,
    pub promql: String,
    /// `remote-read`, `query` or `edges`.
    pub read: &'static str,
    pub from_s: i64,
    pub to_s: i64,
    /// What the server returned within the range, before anything was dropped.
    pub series: u64,
    pub samples: u64,
}

impl Prometheus {
    /// Prepares the connection; nothing is sent yet.
    pub fn connect(connection: &Connection, matchers: &BTreeMap<String, String>) -> Result<Self> {
        let selector = questions::selector_text(matchers).map_err(|error| anyhow!(error))?;
        Ok(Self(Arc::new(Source {
            client: Client::connect(connection)?,
            selector,
            pull: connection.pull.clone(),
            server: OnceCell::new(),
            in_flight: Semaphore::new(connection.pull.concurrency.max(1)),
        })))
    }

    /// What the server is; it is asked once.
    async fn server(&self) -> Result<&Server, Refusal> {
        self.0.server.get_or_try_init(|| server::probe(&self.0.client, self.0.pull.read)).await
    }

    /// Asks every question for a day. The first refusal ends it: half a day is no evidence.
    pub async fn collect_day(&self, day: UtcDay) -> Result<CollectedDay, Refusal> {
        let server = self.server().await?;
        let endpoint = Endpoint::new(self.0.client.url(), server.version.clone());
        let mut tasks = JoinSet::new();
        for (order, question) in QUESTIONS.iter().enumerate() {
            let source = Arc::clone(&self.0);
            tasks.spawn(async move { (order, source.ask(question, day).await) });
        }
        let mut answers = BTreeMap::new();
        while let Some(finished) = tasks.join_next().await {
            let (order, answer) =
                finished.map_err(|error| Refusal::new("PROM_REPLY", Reach::Range, format!("reading an answer failed: {error}")))?;
            answers.insert(order, answer?);
        }
        Ok(CollectedDay { endpoint: Some(endpoint), ..gather(answers.into_values().collect(), day) })
    }
}

/// Decodes a whole reply of streamed remote read, and gives back how many samples it holds: what decoding costs by itself.
pub fn samples_in_reply(reply: &[u8]) -> Result<u64> {
    let mut decoder = remote::Decoder::new(i64::MIN..i64::MAX, &[]);
    // In pieces, as they come from a network.
    for piece in reply.chunks(64 * 1024) {
        decoder.push(piece).map_err(|fault| anyhow!("{fault:?}"))?;
    }
    let decoded = decoder.finish().map_err(|fault| anyhow!("{fault:?}"))?;
    Ok(decoded.columns.received)
}

/// One question's answer for a day and its edges.
struct Answered {
    kind: Kind,
    asked: Vec<Asked>,
    joined: Joined,
    clashing: BTreeSet<String>,
    received: u64,
    not_finite: u64,
}

impl Source {
    async fn ask(&self, question: &'static Question, day: UtcDay) -> Result<Answered, Refusal> {
        let _place = self.in_flight.acquire().await.expect("the semaphore is never closed");
        let server = self.server.get().expect("it was probed before anything was asked");
        let (start, end) = (day.start().timestamp(), day.end().timestamp());
        let day_ms = start * 1000..end * 1000;
        let mut asked = Vec::new();
        let mut note = |asking: &Asking<'_>, range: Range<i64>, fetched: &columns::Columns| {
            let promql = question.promql(asking.selector, range.end - range.start);
            let (series, samples) = (fetched.series_count() as u64, fetched.received);
            let read = asking.way().name();
            asked.push(Asked { name: question.name, promql, read, from_s: range.start, to_s: range.end, series, samples });
        };

        let asking = Asking { client: &self.client, server, question, selector: &self.selector };
        let near = start - NEAR_EDGE_S..end + NEAR_EDGE_S;
        let mut fetched = asking.fetch(near.clone()).await?;
        note(&asking, near.clone(), &fetched);
        if matches!(question.kind, Kind::Counter | Kind::Gauge) {
            let (without_before, without_after) = selection::targets_without_edge(&fetched, &day_ms);
            let far_before = start - FAR_EDGE_S..near.start;
            let far_after = near.end..end + FAR_EDGE_S;
            for (targets, far) in [(without_before, far_before), (without_after, far_after)] {
                if targets.is_empty() {
                    continue;
                }
                let mut selector = self.selector.clone();
                if targets.len() <= MOST_NAMED_TARGETS {
                    selector.push_str(&questions::instances_matcher(targets.iter().map(String::as_str)));
                }
                let narrowed = Asking { selector: &selector, ..asking };
                let more = narrowed.fetch(far.clone()).await?;
                note(&narrowed, far, &more);
                fetched.absorb(more);
            }
        }

        let (received, not_finite) = (fetched.received, fetched.not_finite);
        let clashing = selection::settle_labels(&mut fetched, &self.pull.replica_labels);
        let mut joined = fetched.join();
        if question.name.starts_with("cadvisor/") {
            selection::containers_once(&mut joined);
        }
        Ok(Answered { kind: question.kind, asked, joined, clashing, received, not_finite })
    }
}

fn gather(mut answers: Vec<Answered>, day: UtcDay) -> CollectedDay {
    let day_ms = day.start().timestamp_millis()..day.end().timestamp_millis();
    let mut collected = CollectedDay::default();
    let (mut received, mut not_finite) = (0, 0);
    let mut clashes = BTreeSet::new();
    let mut clashing_questions = 0;
    let mut edges = selection::TargetEdges::default();
    answers.iter().for_each(|answer| edges.note(&answer.joined, &day_ms));
    for answer in &mut answers {
        received += answer.received;
        not_finite += answer.not_finite;
        clashing_questions += usize::from(!answer.clashing.is_empty());
        clashes.append(&mut answer.clashing);
        collected.asked.append(&mut answer.asked);
        selection::cut(&mut answer.joined, &day_ms, answer.kind, &edges);
    }
    collected.samples = table(answers);
    collected.samples_on_the_day = collected.samples.ts_ms.iter().filter(|ts| day_ms.contains(ts)).count() as u64;
    if not_finite > 0 {
        let message = format!("{not_finite} samples are NaN or infinite and were dropped. Check the exporters that gave them.");
        let finding = Finding::new("NONFINITE", Severity::Disclosed, message);
        collected.findings.push(finding.examined(received as usize).failing(not_finite as usize));
    }
    if !clashes.is_empty() {
        let labels = clashes.into_iter().map(|label| format!("`{label}`")).collect::<Vec<_>>().join(", ");
        let message = format!(
            "The scrape's own {labels} pushed the exporter's aside (`exported_…`); the exporter's were used. \
             Set `honor_labels: true` on the scrape job of the exporter."
        );
        let finding = Finding::new("LABEL_CLASH", Severity::Noted, message);
        collected.findings.push(finding.examined(QUESTIONS.len()).failing(clashing_questions));
    }
    collected
}

/// All answers as one table. The columns of an answer go as soon as the last of its series is in the table.
fn table(mut answers: Vec<Answered>) -> SampleTable {
    // A series may be in the answers of two questions: then the parts stand together here.
    let mut series: BTreeMap<Series, Vec<(usize, Range<usize>)>> = BTreeMap::new();
    let mut open = vec![0_usize; answers.len()];
    let mut total = 0;
    for (order, answer) in answers.iter_mut().enumerate() {
        for (mut labels, part) in std::mem::take(&mut answer.joined.series) {
            let metric = labels.remove("__name__").unwrap_or_default();
            total += if answer.kind == Kind::Counter { part.len() } else { 0 };
            open[order] += 1;
            series.entry(Series { metric, labels }).or_default().push((order, part));
        }
    }
    let mut table = SampleTable::with_capacity(series.len(), total);
    for (series, parts) in series {
        match parts.as_slice() {
            [(order, part)] if answers[*order].kind == Kind::Counter => {
                let joined = &answers[*order].joined;
                table.push_columns(series, joined.times(part), &joined.value[part.clone()]);
            }
            [(order, part)] => table.push(series, selection::kept(&answers[*order].joined, part, answers[*order].kind)),
            _ => {
                let mut samples: Vec<(i64, f64)> = Vec::new();
                for (order, part) in &parts {
                    samples.extend(selection::kept(&answers[*order].joined, part, answers[*order].kind));
                }
                samples.sort_by(|a, b| a.0.cmp(&b.0).then(b.1.total_cmp(&a.1)));
                samples.dedup_by_key(|sample| sample.0);
                table.push(series, samples);
            }
        }
        for (order, _) in parts {
            open[order] -= 1;
            if open[order] == 0 {
                answers[order].joined = Joined::default();
            }
        }
    }
    table
}

#[cfg(test)]
mod live_test;
