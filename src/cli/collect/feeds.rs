//! From feeds of intensity and prices to the evidence.
//!
//! In: the configuration's feeds, the days that are collected. Out: series in the store, each with its edition and, of a provider, the replies as
//! they came. Rule: a provider is asked for the days and one more on each side, which baselines reach, again with every run: that is how its
//! revisions are seen; trouble with one zone does not keep the others from being asked. Does not: judge whether a month is covered.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};

use super::super::exit::{DONE, INCOMPLETE};
use super::intake;
use crate::config::{Config, IntensityApi, IntensityFeed, PriceFeed};
use crate::evidence::Store;
use crate::model::{Hint, IntensitySeries, Signal};
use crate::outlook::{Provider, files};
use crate::sources::Refusal;
use crate::sources::intensity::{Fetched, IntensityHistory, Span};
use crate::units::UtcDay;

/// What became of the feeds.
#[derive(Debug, Default)]
pub struct Feeds {
    pub intensity_zones: BTreeSet<String>,
    pub price_zones: BTreeSet<String>,
    /// Zones of which a provider gave nothing, each with the reason.
    pub incomplete: Vec<(String, Refusal)>,
}

impl Feeds {
    pub fn exit_code(&self) -> u8 {
        if self.incomplete.is_empty() { DONE } else { INCOMPLETE }
    }

    pub fn print_incomplete(&self) {
        for (zone, why) in &self.incomplete {
            eprintln!("incomplete: collect the intensity of {zone}: {why}");
            if let Some(hint) = &why.hint {
                eprintln!("hint: {hint}");
            }
        }
    }
}

/// Asks the configuration's providers, then takes in its files. `now` is the time of retrieval.
///
/// The first error is told when all feeds had their turn: what a provider keeps for 24 hours does not wait for a file to be mended.
pub fn collect_feeds(store: &Store, config: &Config, days: &[UtcDay], now: DateTime<Utc>) -> Result<Feeds> {
    let mut feeds = Feeds::default();
    let mut done = Ok(());
    for feed in &config.intensity {
        if let (Some(api), Some(span)) = (&feed.api, span(days, now)) {
            done = done.and(ask(store, config, (feed, api), &span, now, &mut feeds));
        }
    }
    for feed in config.intensity.iter().filter(|feed| !feed.files.is_empty() || !feed.unmatched_globs.is_empty()) {
        done = done.and(take_files(store, config, feed, &mut feeds).map_err(|error| with_advice("intensity", error)));
    }
    for feed in &config.prices {
        done = done.and(take_prices(store, feed, &mut feeds).map_err(|error| with_advice("prices", error)));
    }
    if done.is_err() {
        feeds.print_incomplete();
    }
    done.map(|()| feeds)
}

/// The days with a day on each side, as far as they are past.
fn span(days: &[UtcDay], now: DateTime<Utc>) -> Option<Span> {
    let (first, last) = (days.iter().min()?, days.iter().max()?);
    let span = first.previous().start().timestamp()..last.next().end().min(now).timestamp();
    (!span.is_empty()).then_some(span)
}

fn take_files(store: &Store, config: &Config, feed: &IntensityFeed, feeds: &mut Feeds) -> Result<()> {
    let read = files::intensity(feed, feed.files_to_collect()?)?;
    read.findings.iter().for_each(intake::print_finding);
    for series in &read.series {
        intake::require_no_conflict(store, series)?;
        store.write_intensity(series).with_context(|| format!("store the intensity of {}", series.zone))?;
        intake::print_findings(store, config, series)?;
        feeds.intensity_zones.insert(series.zone.clone());
    }
    Ok(())
}

fn take_prices(store: &Store, feed: &PriceFeed, feeds: &mut Feeds) -> Result<()> {
    for series in files::prices(feed, feed.files_to_collect()?)? {
        intake::require_no_price_conflict(store, &series)?;
        store.write_prices(&series).with_context(|| format!("store the prices of {}", series.zone))?;
        feeds.price_zones.insert(series.zone);
    }
    Ok(())
}

/// Asks a provider zone by zone. What it refuses is said and left out; what it gives is kept as it came.
fn ask(
    store: &Store,
    config: &Config,
    (feed, api): (&IntensityFeed, &IntensityApi),
    span: &Span,
    now: DateTime<Utc>,
    feeds: &mut Feeds,
) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("start the runtime")?;
    let provider = Provider::connect(api).with_context(|| format!("intensity of {}", feed.zones.join(", ")))?;
    let mut out_of_reach: Option<Refusal> = None;
    for zone in &feed.zones {
        let answer = match &out_of_reach {
            Some(refusal) => Err(refusal.clone()),
            None => runtime.block_on(provider.history(zone, span.clone(), now)),
        };
        match answer {
            Ok(fetched) => {
                archive(store, config, &fetched)?;
                feeds.intensity_zones.insert(zone.clone());
            }
            Err(refusal) => {
                if refusal.is_of_every_zone() {
                    out_of_reach = Some(refusal.clone());
                }
                feeds.incomplete.push((zone.clone(), refusal));
            }
        }
    }
    Ok(())
}

fn archive(store: &Store, config: &Config, fetched: &Fetched) -> Result<()> {
    let IntensitySeries { zone, signal, .. } = &fetched.series;
    let replies: Vec<&[u8]> = fetched.replies.iter().map(|reply| reply.bytes.as_slice()).collect();
    let news = store.archive_intensity(&fetched.series, &replies).with_context(|| format!("store the intensity of {zone}"))?;
    fetched.missing.iter().for_each(intake::print_finding);
    tracing::info!(zone, values = fetched.series.len(), news, "intensity collected");
    if *signal == Signal::Marginal {
        eprintln!("noted: CI_SIGNAL: zone {zone}: marginal intensities are kept and never enter the inventory");
        return Ok(());
    }
    intake::print_findings(store, config, &fetched.series)
}

/// A refusal's own advice, where the command line looks for it.
pub fn with_advice(what: &str, error: anyhow::Error) -> anyhow::Error {
    match error.downcast_ref::<Refusal>().and_then(|refusal| refusal.hint.clone()) {
        Some(advice) => error.context(Hint::new(what, advice)),
        None => error,
    }
}
