//! A Prometheus server, or anything that speaks its query API.
//!
//! In: a connection, the cluster's matchers, a UTC day. Out: [`CollectedDay`]: every sample that the method needs of that day.
//! Rule: raw samples by range selector at an instant, never `increase()`, never `query_range` (method, section 3); a day has one sample of
//! each series on each side. Assumes: kepler 0.10 or newer, kube-state-metrics, cAdvisor; what is not served is simply not there.
//! Does not: difference, resample, fill, or keep an answer that the server itself calls incomplete.

mod client;
mod decode;
mod questions;
mod selection;
mod windows;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use anyhow::{Result, anyhow};
use tokio::task::JoinSet;

use self::client::Client;
pub use self::client::Connection;
use self::questions::{Kind, QUESTIONS, Question};
use self::windows::Samples;
use crate::model::{Finding, SampleTable, Series, Severity};
use crate::sources::{Reach, Refusal};
use crate::units::UtcDay;

const HOUR_S: i64 = 3_600;
/// How far from the day its neighbouring samples are looked for, at first and where a target has none so near.
const NEAR_EDGE_S: i64 = HOUR_S;
const FAR_EDGE_S: i64 = 24 * HOUR_S;
/// Above so many targets the far edge is asked of all: a matcher with every name would be longer than the answer.
const MOST_NAMED_TARGETS: usize = 50;

/// A server with the matchers that select one cluster.
pub struct Prometheus {
    client: Arc<Client>,
    selector: String,
}

/// What a day's questions brought.
#[derive(Debug, Default)]
pub struct CollectedDay {
    pub samples: SampleTable,
    pub asked: Vec<Asked>,
    pub findings: Vec<Finding>,
    /// Samples of the day itself, without its edges.
    pub samples_on_the_day: u64,
}

/// A question as it was asked: for the record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    pub name: &'static str,
    pub promql: String,
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
        Ok(Self { client: Arc::new(Client::connect(connection)?), selector })
    }

    /// Asks every question for a day. The first refusal ends it: half a day is no evidence.
    pub async fn collect_day(&self, day: UtcDay) -> Result<CollectedDay, Refusal> {
        let mut tasks = JoinSet::new();
        for (order, question) in QUESTIONS.iter().enumerate() {
            let (client, selector) = (Arc::clone(&self.client), self.selector.clone());
            tasks.spawn(async move { (order, ask(&client, question, &selector, day).await) });
        }
        let mut answers = BTreeMap::new();
        while let Some(finished) = tasks.join_next().await {
            let (order, answer) =
                finished.map_err(|error| Refusal::new("PROM_REPLY", Reach::Range, format!("reading an answer failed: {error}")))?;
            answers.insert(order, answer?);
        }
        Ok(gather(answers.into_values().collect(), day))
    }
}

/// One question's answer for a day and its edges.
struct Answered {
    kind: Kind,
    asked: Vec<Asked>,
    samples: Samples,
    clashing: BTreeSet<String>,
    received: u64,
    not_finite: u64,
}

async fn ask(client: &Client, question: &'static Question, selector: &str, day: UtcDay) -> Result<Answered, Refusal> {
    let (start, end) = (day.start().timestamp(), day.end().timestamp());
    let day_ms = start * 1000..end * 1000;
    let mut asked = Vec::new();
    let mut note = |selector: &str, range: Range<i64>, fetched: &windows::Fetched| {
        let promql = question.promql(selector, range.end - range.start);
        let (series, samples) = (fetched.samples.len() as u64, fetched.received);
        asked.push(Asked { name: question.name, promql, from_s: range.start, to_s: range.end, series, samples });
    };

    let near = start - NEAR_EDGE_S..end + NEAR_EDGE_S;
    let mut fetched = windows::fetch(client, question, selector, near.start, near.end).await?;
    note(selector, near.clone(), &fetched);
    if matches!(question.kind, Kind::Counter | Kind::Gauge) {
        let (without_before, without_after) = selection::targets_without_edge(&fetched.samples, &day_ms);
        let far_before = start - FAR_EDGE_S..near.start;
        let far_after = near.end..end + FAR_EDGE_S;
        for (targets, far) in [(without_before, far_before), (without_after, far_after)] {
            if targets.is_empty() {
                continue;
            }
            let mut narrowed = selector.to_owned();
            if targets.len() <= MOST_NAMED_TARGETS {
                narrowed.push_str(&questions::instances_matcher(targets.iter().map(String::as_str)));
            }
            let more = windows::fetch(client, question, &narrowed, far.start, far.end).await?;
            note(&narrowed, far, &more);
            fetched.join(more);
        }
    }

    let (received, not_finite) = (fetched.received, fetched.not_finite);
    let (mut samples, clashing) = selection::settle_labels(fetched.samples);
    if question.name.starts_with("cadvisor/") {
        samples = selection::containers_once(samples);
    }
    Ok(Answered { kind: question.kind, asked, samples, clashing, received, not_finite })
}

fn gather(answers: Vec<Answered>, day: UtcDay) -> CollectedDay {
    let day_ms = day.start().timestamp_millis()..day.end().timestamp_millis();
    let mut collected = CollectedDay::default();
    let (mut received, mut not_finite) = (0, 0);
    let mut clashes = BTreeSet::new();
    let mut clashing_questions = 0;
    let mut parts = Vec::new();
    let mut edges = selection::TargetEdges::default();
    answers.iter().for_each(|answer| edges.note(&answer.samples, &day_ms));
    for answer in answers {
        received += answer.received;
        not_finite += answer.not_finite;
        clashing_questions += usize::from(!answer.clashing.is_empty());
        clashes.extend(answer.clashing);
        collected.asked.extend(answer.asked);
        parts.extend(selection::cut(answer.samples, &day_ms, answer.kind, &edges));
    }
    collected.samples = SampleTable::from_series(parts.into_iter().map(|(mut labels, samples)| {
        let metric = labels.remove("__name__").unwrap_or_default();
        (Series { metric, labels }, samples)
    }));
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

#[cfg(test)]
mod live_test;
