//! Replies of an API: asked for piece by piece, checked for what they lack, put together as a series.
//!
//! In: a span, the longest piece that a provider answers. Out: pages, then [`Fetched`]. Rule: an answer with fewer rows than its span has
//! intervals is asked for again where it has holes, as long as that brings rows; what stays missing is found (`CI_SHORT`).
//! Assumes: a row is named by the start of its interval. Does not: know any provider's JSON.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;

use super::table::{Row, Rows, Source};
use super::{Fetched, Forecast, Span};
use crate::model::sha256;
use crate::model::{Finding, Severity, Signal};
use crate::sources::digest::shown;
use crate::sources::{Reach, Refusal};
use crate::units::{GramsCo2ePerKilowattHour, IntensityUnit};

const HOUR_S: i64 = 3_600;
/// Providers publish some hours late; what is younger is not missing yet.
const LATE_S: i64 = 24 * HOUR_S;
/// Holes of one piece that are asked for again; a series with more of them has them at its source.
const MOST_HOLES: usize = 8;

/// A reply as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    pub sha256: String,
    pub bytes: Vec<u8>,
}

impl Reply {
    pub fn new(bytes: Vec<u8>) -> Self {
        Self { sha256: sha256(&bytes), bytes }
    }

    /// Its JSON, or a refusal that names the provider and the place in the text.
    pub fn parse<T: DeserializeOwned>(&self, provider: &str) -> Result<T, Refusal> {
        serde_json::from_slice(&self.bytes).map_err(|error| {
            Refusal::new("CI_REPLY", Reach::Source, format!("the reply of {provider} is not what its documentation says: {error}"))
                .hint("check `url` of [[intensity]]; where it is right, the provider has changed its interface")
        })
    }
}

/// A value of a reply, in the unit of its page.
#[derive(Clone, Debug, Default)]
pub struct Item {
    pub start_s: i64,
    pub value: Option<f64>,
    pub is_estimated: bool,
    pub estimation_method: String,
    pub updated_s: Option<i64>,
}

/// Which column of a series a page fills.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    Direct,
    Lifecycle,
}

#[derive(Clone, Debug)]
pub struct Page {
    /// What was asked, for messages: `past-range direct`.
    pub name: String,
    pub column: Column,
    pub unit: IntensityUnit,
    /// The length of an interval, where the reply says so.
    pub interval_s: Option<i64>,
    pub items: Vec<Item>,
    pub reply: Reply,
    pub findings: Vec<Finding>,
}

impl Page {
    /// The interval, or the shortest distance between two rows; an hour where there is only one.
    fn step(&self) -> i64 {
        let starts: BTreeSet<i64> = self.items.iter().map(|item| item.start_s).collect();
        let shortest = || starts.iter().zip(starts.iter().skip(1)).map(|(a, b)| b - a).min();
        self.interval_s.or_else(shortest).unwrap_or(HOUR_S).max(1)
    }
}

/// A span in pieces of at most `longest_s`.
pub fn pieces(span: &Span, longest_s: i64) -> Vec<Span> {
    let mut pieces = Vec::new();
    let mut from = span.start;
    while from < span.end {
        let to = (from + longest_s).min(span.end);
        pieces.push(from..to);
        from = to;
    }
    pieces
}

/// The stretches of a span in which no row starts that should.
fn holes(starts: &BTreeSet<i64>, span: &Span, step: i64) -> Vec<Span> {
    let mut holes: Vec<Span> = Vec::new();
    let mut at = (span.start + step - 1).div_euclid(step) * step;
    while at < span.end {
        if !starts.contains(&at) {
            match holes.last_mut() {
                Some(hole) if hole.end == at => hole.end = at + step,
                _ => holes.push(at..at + step),
            }
        }
        at += step;
    }
    holes
}

/// Asks for a span piece by piece, and again for what an answer lacks.
pub async fn ask_whole(span: &Span, longest_s: i64, ask: impl AsyncFn(Span) -> Result<Page, Refusal>) -> Result<Vec<Page>, Refusal> {
    let mut pages = Vec::new();
    for piece in pieces(span, longest_s) {
        let mut page = ask(piece.clone()).await?;
        let step = page.step();
        let mut starts = BTreeSet::new();
        loop {
            // A provider may give the interval that ends where the piece begins, or the one that begins where it ends.
            page.items.retain(|item| piece.contains(&item.start_s));
            let before = starts.len();
            starts.extend(page.items.iter().map(|item| item.start_s));
            pages.push(page);
            let holes = holes(&starts, &piece, step);
            if holes.is_empty() || holes.len() > MOST_HOLES || starts.len() == before {
                break;
            }
            // A refusal here leaves the hole as it is, and it is found below.
            let Ok(more) = ask(holes[0].start..holes[holes.len() - 1].end).await else { break };
            tracing::debug!(asked = more.name, rows = more.items.len(), "asked again for what an answer lacked");
            page = more;
        }
    }
    Ok(pages)
}

/// What a series is of.
pub struct About<'a> {
    pub zone: &'a str,
    pub provider: &'static str,
    pub signal: Signal,
    pub span: Span,
    pub now: DateTime<Utc>,
}

/// Pages as a series with its edition: the time of retrieval and the digest of the replies.
pub fn put_together(about: &About<'_>, pages: Vec<Page>) -> Result<Fetched, Refusal> {
    let mut rows = Rows::default();
    let mut findings = Vec::new();
    let mut replies: Vec<Reply> = Vec::new();
    let step = pages.iter().map(Page::step).min().unwrap_or(HOUR_S);
    let mut starts = BTreeSet::new();
    for page in pages {
        let source = rows.add_source(Source { name: page.name, sha256: page.reply.sha256.clone(), interval_s: page.interval_s });
        for (i, item) in page.items.into_iter().enumerate() {
            starts.insert(item.start_s);
            let value = rows.plausible(item.start_s, item.value, page.unit);
            rows.push(Row {
                source,
                line: i as u64 + 1,
                zone: about.zone.to_owned(),
                start_s: item.start_s,
                direct: value.filter(|_| page.column == Column::Direct),
                lifecycle: value.filter(|_| page.column == Column::Lifecycle),
                is_estimated: item.is_estimated,
                estimation_method: item.estimation_method,
                updated_s: item.updated_s,
            });
        }
        findings.extend(page.findings);
        if !replies.contains(&page.reply) {
            replies.push(page.reply);
        }
    }
    findings.extend(rows.implausible_finding(about.zone));
    let missing = short(about, &starts, step);
    let digests: Vec<&str> = replies.iter().map(|reply| reply.sha256.as_str()).collect();
    let digest = if let [only] = digests[..] { only.to_owned() } else { sha256(digests.join("\n").as_bytes()) };
    let Some(mut series) = rows.into_series(about.provider, &[about.zone.to_owned()])?.pop() else {
        let message = format!("{} has no value of zone {} in the time that was asked for", about.provider, about.zone);
        return Err(Refusal::new("CI_SHORT", Reach::Range, message).hint("ask for days that the provider keeps"));
    };
    series.edition = format!("{} {}", about.now.format("%Y-%m-%dT%H:%M:%SZ"), shown(&digest));
    series.retrieved_s = Some(about.now.timestamp());
    series.signal = about.signal;
    series.findings = findings;
    Ok(Fetched { series, replies, missing })
}

/// Fewer rows than the span has intervals, the youngest left out.
fn short(about: &About<'_>, starts: &BTreeSet<i64>, step: i64) -> Option<Finding> {
    let due = about.span.start..about.span.end.min(about.now.timestamp() - LATE_S);
    if due.is_empty() {
        return None;
    }
    let expected = ((due.end - due.start) / step) as usize;
    let missing: i64 = holes(starts, &due, step).iter().map(|hole| (hole.end - hole.start) / step).sum();
    let message = format!(
        "Zone {}: {} gave {} of {expected} intervals; the others count as missing. Collect again, or bring a file that has them.",
        about.zone,
        about.provider,
        expected - missing as usize
    );
    (missing > 0).then(|| Finding::new("CI_SHORT", Severity::Disclosed, message).examined(expected).failing(missing as usize))
}

/// Expected values, in g/kWh, as a forecast; all intervals are as long as the shortest, or as the provider says.
pub fn forecast(
    zone: &str,
    provider: &'static str,
    signal: Signal,
    generated_s: Option<i64>,
    mut values: Vec<(i64, f64)>,
    interval_s: Option<i64>,
    reply: Reply,
) -> Result<Forecast, Refusal> {
    values.sort_by_key(|value| value.0);
    if let Some((start_s, value)) = values.iter().find(|(_, value)| !GramsCo2ePerKilowattHour::new(*value).is_plausible()) {
        let message = format!("{provider} expects {value} g/kWh in zone {zone} at {start_s}, which is out of range");
        return Err(Refusal::new("CI_IMPLAUSIBLE", Reach::Range, message));
    }
    if values.is_empty() {
        return Err(Refusal::new("CI_SHORT", Reach::Range, format!("{provider} has no forecast of zone {zone}")));
    }
    let start_s: Vec<i64> = values.iter().map(|(start, _)| *start).collect();
    let shortest = start_s.windows(2).map(|pair| pair[1] - pair[0]).min();
    let interval = interval_s.or(shortest).unwrap_or(HOUR_S);
    if interval <= 0 {
        let message = format!("{provider} expects two values at one time in zone {zone}");
        return Err(Refusal::new("CI_CONFLICT", Reach::Range, message));
    }
    Ok(Forecast {
        zone: zone.to_owned(),
        provider,
        signal,
        generated_s,
        end_s: start_s.iter().map(|start| start + interval).collect(),
        start_s,
        gco2e_per_kwh: values.into_iter().map(|(_, value)| value).collect(),
        reply,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_cut_into_pieces_that_a_provider_answers() {
        assert_eq!(pieces(&(0..25), 10), [0..10, 10..20, 20..25]);
        assert!(pieces(&(5..5), 10).is_empty());
    }

    #[test]
    fn holes_are_where_no_row_starts() {
        let starts = BTreeSet::from([0, 10, 40]);

        assert_eq!(holes(&starts, &(0..60), 10), [20..40, 50..60]);
        assert_eq!(holes(&starts, &(5..15), 10), []);
    }
}
