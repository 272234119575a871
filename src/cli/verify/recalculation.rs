//! Works the month out again from what was sealed, and holds every result against the seal.
//!
//! In: a sealed month whose files are as they were sealed. Out: an [`Outcome`]. Rule: the ledger of every cluster-day by its hash, every report file to the byte;
//! where another version of the software made them, the figures, because other versions may set them otherwise. Does not: look at anything but what was sealed.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde_json::Value;

use super::super::account::{self, Books, Engine, SOFTWARE};
use super::super::close::files::{self, Edition, Made, REPORT_FOLDER};
use super::checks::first_few;
use super::figures;
use super::outcome::Outcome;
use crate::evidence::{Seal, Sealed, SealedDay, Store};
use crate::model::Refusal;
use crate::units::ReportingPeriod;

const CHECK: &str = "recalculation";
const BAD: &str = "NOT_REPRODUCED";

/// How figures are worked out again.
#[derive(Clone, Debug, Default)]
pub struct Means {
    /// That which the seal names, where none is.
    pub engine: Option<Engine>,
    pub threads: Option<usize>,
}

pub fn recalculate(store: &Store, sealed: &Sealed, means: &Means) -> Outcome {
    let made = match make(store, sealed, means) {
        Ok(made) => made,
        Err(error) => return Outcome::failed(CHECK, BAD, said(&error)),
    };
    match differences(store, sealed, &made) {
        Err(error) => Outcome::failed(CHECK, BAD, format!("{error:#}")),
        Ok((wrong, _)) if !wrong.is_empty() => Outcome::failed(CHECK, BAD, format!("{}{}", first_few(&wrong), other_method(sealed))),
        Ok((_, other)) => {
            let ledger = &sealed.seal.ledger;
            let same = format!("{} ledger rows of {} cluster-days by their hash, every figure", ledger.rows, ledger.days.len());
            match other.is_empty() {
                true => Outcome::passed(CHECK, format!("{same}, {} report files to the byte", made.files.len())),
                false => {
                    let then = &sealed.seal.software;
                    let message =
                        format!("{same}; {then} made the files and this is {SOFTWARE}, which sets {} otherwise", first_few(&other));
                    Outcome::warning(CHECK, None, message)
                }
            }
        }
    }
}

/// Where the month was made otherwise than this version makes it, that is the likeliest reason.
fn other_method(sealed: &Sealed) -> String {
    let Seal { software, method, .. } = &sealed.seal;
    match *software == SOFTWARE && *method == account::method() {
        true => String::new(),
        false => format!(" (this is {SOFTWARE}, {}; the month was made by {software}, {method}: verify it with that)", account::method()),
    }
}

fn make(store: &Store, sealed: &Sealed, means: &Means) -> Result<Made> {
    let books = Books::of_closed(store, sealed)?;
    let period = ReportingPeriod::parse(&sealed.seal.period.month, books.config.time_zone).map_err(anyhow::Error::msg)?;
    let then = &sealed.seal.period;
    anyhow::ensure!(
        (period.from(), period.to()) == (then.from, then.to),
        "{period} in {} is from {} to {} by this version's time zones ({}), and was from {} to {} at the close ({})",
        period.time_zone(),
        period.from(),
        period.to(),
        chrono_tz::IANA_TZDB_VERSION,
        then.from,
        then.to,
        then.tzdata
    );
    let mut edition = Edition::of(&sealed.seal)?;
    edition.engine = means.engine.clone().unwrap_or(edition.engine);
    files::make(&books, period, &edition, means.threads)
}

/// An error in a sentence, and where a finding refuses the report now, which.
fn said(error: &anyhow::Error) -> String {
    let findings =
        error.downcast_ref::<Refusal>().map(|refusal| refusal.findings.iter().map(|finding| finding.code.as_str()).collect::<Vec<_>>());
    findings.map_or_else(|| format!("{error:#}"), |codes| format!("{error:#}: {}", codes.join(", ")))
}

/// What comes out otherwise, a phrase each, and files that only another version writes otherwise.
fn differences(store: &Store, sealed: &Sealed, made: &Made) -> Result<(Vec<String>, Vec<String>)> {
    let mut wrong = ledger(&sealed.seal.ledger.days, &made.ledger.days);
    if wrong.is_empty() && sealed.seal.ledger != made.ledger {
        wrong.push("the ledger's own hash".to_owned());
    }
    let totals: BTreeMap<String, Value> = serde_json::from_value(serde_json::to_value(&made.statement.totals)?)?;
    wrong.extend(figures::different("totals", &Value::from_iter(sealed.seal.totals.clone()), &Value::from_iter(totals)));
    if sealed.seal.findings != made.statement.findings {
        wrong.push("the findings".to_owned());
    }
    let is_same_software = sealed.seal.software == SOFTWARE;
    let mut other = Vec::new();
    for (path, content) in &made.files {
        let then = sealed.seal.file(path).with_context(|| format!("the seal names no {path}"))?;
        if content.sha256() == then.sha256 {
            continue;
        }
        let figures = match content.in_memory() {
            Some(bytes) if *path == format!("{REPORT_FOLDER}/report.json") => report(store, sealed, path, bytes)?,
            _ => Vec::new(),
        };
        match is_same_software {
            true if figures.is_empty() => wrong.push(path.clone()),
            false if figures.is_empty() => other.push(path.clone()),
            _ => wrong.extend(figures),
        }
    }
    Ok((wrong, other))
}

/// The figures in which a report and the one that is made again differ. What the software calls itself is no figure.
fn report(store: &Store, sealed: &Sealed, path: &str, made: &[u8]) -> Result<Vec<String>> {
    let parse = |bytes: &[u8]| -> Result<Value> {
        let mut report: Value = serde_json::from_slice(bytes).with_context(|| format!("read {path}"))?;
        report["provenance"]["software"] = Value::Null;
        Ok(report)
    };
    Ok(figures::different("", &parse(&store.read_closed(sealed, path)?)?, &parse(made)?))
}

fn ledger(then: &[SealedDay], now: &[SealedDay]) -> Vec<String> {
    let by_day = |days: &[SealedDay]| -> BTreeMap<(String, String), SealedDay> {
        days.iter().map(|day| ((day.cluster.clone(), day.day.clone()), day.clone())).collect()
    };
    let (then, now) = (by_day(then), by_day(now));
    let days = then.keys().chain(now.keys()).collect::<std::collections::BTreeSet<_>>();
    let differ = days.into_iter().filter(|day| then.get(*day) != now.get(*day));
    differ.map(|(cluster, day)| format!("the ledger of {cluster} on {day}")).collect()
}
