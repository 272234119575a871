//! What the grid did, does and is expected to do, for those who act on it.
//!
//! In: the evidence, the configured files, and the configured providers where the caller may ask them. Out: an [`Outlook`], which gives a [`ZoneOutlook`] a zone: the value of now, of
//! a span of the past, of a forecast, each with its origin and age. Rule: the same evidence and the same choice between editions as in a report, topped up with what a
//! provider says of the last day; what is missing, too old or contradicts itself is [`Unknown`] with the reason, never a default.
//! Assumes: the clock is right to minutes. Does not: write evidence, which `collect` does, or decide anything.

pub mod files;
mod level;
#[cfg(test)]
mod outlook_test;
mod provider;
mod reading;
mod topped;
mod unknown;
mod zone;
#[cfg(test)]
mod zone_test;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use anyhow::{Context, Result};
use chrono::{DateTime, TimeDelta, Utc};

pub use self::level::Level;
pub use self::provider::Provider;
pub use self::reading::{Expectation, History, Origin, Reading};
use self::topped::Topped;
pub use self::unknown::{Unknown, UnknownKind};
pub use self::zone::{Basis, Course, Found, ZoneOutlook};
use crate::accounting::editions::Reconciled;
use crate::config::{Config, IntensityApi, IntensityFeed, OutlookPolicy, PriceFeed};
use crate::evidence::Store;
use crate::model::{IntensitySeries, PriceSeries, Signal};
use crate::sources::intensity::{Forecast, IntensityForecast, IntensityHistory};
use crate::sources::{Reach, Refusal};

/// What a provider is asked for of the past: the day that the evidence may not have yet.
pub const TOP_UP: TimeDelta = TimeDelta::hours(24);
/// Horizons that Electricity Maps takes, in hours; the others take any.
const HORIZONS: [u32; 4] = [6, 24, 48, 72];

/// Whether providers may be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// The evidence alone: no network.
    Nobody,
    /// Every provider of the configuration, no more often than it says.
    Providers,
}

/// What became of a look: trouble with a zone does not keep the others from being looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    pub zone: String,
    /// `the past`, `the forecast`, `the provider`, `the files`, `the evidence`.
    pub what: &'static str,
    pub refusal: Refusal,
}

/// All zones, as they were when they were last looked at. Questions and looks may come from several threads.
pub struct Outlook {
    store: Store,
    policy: OutlookPolicy,
    ask: Ask,
    horizon_hours: u32,
    feeds: Vec<IntensityFeed>,
    prices: Vec<PriceFeed>,
    zones: RwLock<BTreeMap<String, Arc<ZoneOutlook>>>,
    /// Held by whoever looks.
    work: Mutex<BTreeMap<String, Work>>,
}

/// Of intensities and of prices.
type AllEditions = (Vec<IntensitySeries>, Vec<PriceSeries>);

/// What is kept of a zone between two looks.
#[derive(Default)]
struct Work {
    fingerprint: Option<String>,
    editions: Vec<IntensitySeries>,
    prices: Vec<PriceSeries>,
    refused: Option<Unknown>,
    /// What the configured files say now.
    files: Option<IntensitySeries>,
    price_files: Option<PriceSeries>,
    read: Option<DateTime<Utc>>,
    topped: Topped,
    forecast: Option<(Forecast, DateTime<Utc>)>,
    asked: Option<DateTime<Utc>>,
    trouble: Option<Refusal>,
    forecast_trouble: Option<Refusal>,
}

impl Outlook {
    /// Of every zone that the configuration names, and of some more. Nothing is read or asked before the first [`Outlook::refresh`].
    pub fn new(config: &Config, store: Store, ask: Ask, more_zones: &[String]) -> Self {
        let zones: Vec<String> = config.grid_zones().into_iter().chain(more_zones.iter().cloned()).collect();
        Self::only(config, store, ask, &zones)
    }

    /// Of these zones alone.
    pub fn only(config: &Config, store: Store, ask: Ask, zones: &[String]) -> Self {
        let zones: BTreeSet<String> = zones.iter().cloned().collect();
        Self {
            store,
            policy: config.outlook,
            ask,
            horizon_hours: horizon(config.outlook.forecast_horizon.as_secs().div_ceil(3_600) as u32),
            feeds: config.intensity.iter().filter(|feed| feed.signal() == Signal::Average).cloned().collect(),
            prices: config.prices.clone(),
            zones: RwLock::default(),
            work: Mutex::new(zones.into_iter().map(|zone| (zone, Work::default())).collect()),
        }
    }

    /// Asks for forecasts of at least so many hours, where that is more than the configuration says.
    pub fn reaching(mut self, hours: u32) -> Self {
        self.horizon_hours = self.horizon_hours.max(horizon(hours));
        self
    }

    /// The forecast of a zone that was asked for last, as a series, and the reply as it came: what somebody decided by may have to be shown.
    pub fn forecast_as_it_came(&self, zone: &str) -> Option<(IntensitySeries, Vec<u8>)> {
        let work = self.work.lock().unwrap_or_else(PoisonError::into_inner);
        let (forecast, asked) = work.get(zone)?.forecast.as_ref()?;
        Some((zone::forecast_series(forecast, *asked), forecast.reply.bytes.clone()))
    }

    pub fn policy(&self) -> OutlookPolicy {
        self.policy
    }

    /// Sorted.
    pub fn zones(&self) -> Vec<String> {
        self.published(|zones| zones.keys().cloned().collect())
    }

    /// A zone as it was last seen. Cheap: nothing is read, asked or worked out here.
    pub fn zone(&self, zone: &str) -> Result<Arc<ZoneOutlook>, Unknown> {
        self.published(|zones| zones.get(zone).cloned()).ok_or_else(|| {
            // A name from outside is repeated only where it looks like one.
            let shown = if is_like_a_zone(zone) { format!("`{zone}`") } else { "of that name".to_owned() };
            Unknown::new(zone, UnknownKind::NoZone, format!("There is no grid zone {shown} in the configuration."))
        })
    }

    /// Looks again: reads the evidence where it has changed, asks providers where it is time. Blocks, for minutes where a provider is slow; questions are
    /// answered meanwhile from the look before. Gives back what was in the way.
    pub fn refresh(&self, now: DateTime<Utc>) -> Result<Vec<Trouble>> {
        let mut work = self.work.lock().unwrap_or_else(PoisonError::into_inner);
        let mut trouble = Vec::new();
        let mut changed: BTreeSet<String> = BTreeSet::new();
        for (zone, work) in work.iter_mut() {
            if self.read(zone, work, &mut trouble) {
                changed.insert(zone.clone());
            }
        }
        self.read_files(&mut work, now, &mut changed, &mut trouble);
        if self.ask == Ask::Providers {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("start the runtime")?;
            for feed in &self.feeds {
                if let Some(api) = &feed.api {
                    runtime.block_on(self.ask_feed((api, &feed.zones), &mut work, now, &mut changed, &mut trouble));
                }
            }
        }
        let looked: Vec<(String, Arc<ZoneOutlook>)> = changed
            .into_iter()
            .filter_map(|zone| {
                let outlook = work.get(&zone)?.outlook(&zone, self.policy);
                Some((zone, Arc::new(outlook)))
            })
            .collect();
        self.zones.write().unwrap_or_else(PoisonError::into_inner).extend(looked);
        Ok(trouble)
    }

    fn published<T>(&self, look: impl FnOnce(&BTreeMap<String, Arc<ZoneOutlook>>) -> T) -> T {
        look(&self.zones.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads a zone's evidence where it is not as it was. What cannot be read makes the zone unknown until it can be.
    fn read(&self, zone: &str, work: &mut Work, trouble: &mut Vec<Trouble>) -> bool {
        let was_refused = work.refused.is_some();
        let read = || -> Result<Option<(String, AllEditions)>> {
            let fingerprint = self.store.zone_fingerprint(zone)?;
            if work.fingerprint.as_ref() == Some(&fingerprint) && !was_refused {
                return Ok(None);
            }
            let editions = self.store.intensity(zone)?.into_iter().map(|(series, _)| series).collect();
            let prices = self.store.prices(zone)?.into_iter().map(|(series, _)| series).collect();
            Ok(Some((fingerprint, (editions, prices))))
        };
        match read() {
            Ok(None) => false,
            Ok(Some((fingerprint, (editions, prices)))) => {
                (work.fingerprint, work.editions, work.prices, work.refused) = (Some(fingerprint), editions, prices, None);
                true
            }
            Err(error) => {
                let message = format!("the evidence of zone {zone} cannot be read: {error:#}");
                trouble.push(Trouble {
                    zone: zone.to_owned(),
                    what: "the evidence",
                    refusal: Refusal::new("CI_EVIDENCE", Reach::Range, message),
                });
                // The reason names files of this machine, which are not for everybody who asks about a zone.
                let reason = format!("The evidence of zone {zone} cannot be read; the log says why.");
                work.refused = Some(Unknown::new(zone, UnknownKind::Refused, reason).with_code("CI_EVIDENCE"));
                true
            }
        }
    }

    /// Whether a provider may be asked again, or files read.
    fn is_due(&self, last: Option<DateTime<Utc>>, now: DateTime<Utc>) -> bool {
        let every = TimeDelta::from_std(self.policy.ask_every).unwrap_or(TimeDelta::zero());
        // A clock that was put back does not make a provider wait to be asked.
        last.is_none_or(|last| now - last >= every || now < last)
    }

    /// Reads the configured files, which `collect` may not have taken in yet.
    fn read_files(
        &self,
        work: &mut BTreeMap<String, Work>,
        now: DateTime<Utc>,
        changed: &mut BTreeSet<String>,
        trouble: &mut Vec<Trouble>,
    ) {
        let is_due = |work: &BTreeMap<String, Work>, zone: &String| work.get(zone).is_some_and(|work| self.is_due(work.read, now));
        let due: BTreeSet<String> = work.keys().filter(|zone| is_due(work, zone)).cloned().collect();
        let wanted = |zones: &[String]| zones.iter().any(|zone| due.contains(zone));
        for zone in &due {
            let Some(work) = work.get_mut(zone) else { continue };
            work.read = Some(now);
        }
        let mut taking = Taking { work, due: &due, changed, trouble };
        for feed in self.feeds.iter().filter(|feed| !feed.files.is_empty() && wanted(&feed.zones)) {
            let read = files::intensity(feed, &feed.files).map(|read| read.series);
            taking.take(read, &feed.zones, |series| &series.zone, |work| &mut work.files);
        }
        for feed in self.prices.iter().filter(|feed| !feed.files.is_empty() && wanted(&feed.zones)) {
            taking.take(files::prices(feed, &feed.files), &feed.zones, |series| &series.zone, |work| &mut work.price_files);
        }
        for zone in changed.iter() {
            let Some(work) = work.get_mut(zone) else { continue };
            // What `collect` would refuse to take in does not make unknown what is known without it.
            if work.files.is_some()
                && !work.editions.is_empty()
                && let Err(finding) = Reconciled::of(work.editions.iter().chain(&work.files), zone)
                && Reconciled::of(&work.editions, zone).is_ok()
            {
                trouble.push(of_files(zone, &Refusal::new("CI_CONFLICT", Reach::Range, finding.message)));
                work.files = None;
            }
        }
    }

    async fn ask_feed(
        &self,
        (api, zones): (&IntensityApi, &[String]),
        work: &mut BTreeMap<String, Work>,
        now: DateTime<Utc>,
        changed: &mut BTreeSet<String>,
        trouble: &mut Vec<Trouble>,
    ) {
        let is_due = |work: &Work| self.is_due(work.asked, now);
        let due: Vec<&String> = zones.iter().filter(|zone| work.get(*zone).is_some_and(is_due)).collect();
        if due.is_empty() {
            return;
        }
        // Connected anew each time: a token that was replaced is read again.
        let provider = match Provider::connect(api) {
            Ok(provider) => provider,
            Err(error) => {
                for zone in due {
                    let refusal = Refusal::new("CI_DENIED", Reach::Source, format!("the provider cannot be asked: {error:#}"));
                    trouble.push(Trouble { zone: zone.clone(), what: "the provider", refusal });
                    let Some(work) = work.get_mut(zone) else { continue };
                    changed.insert(zone.clone());
                    // The reason may name files of this machine, which are not for everybody who asks about a zone.
                    let refusal = Refusal::new("CI_DENIED", Reach::Source, "the provider could not be asked, and the log says why");
                    (work.trouble, work.forecast_trouble) = (Some(refusal.clone()), Some(refusal));
                }
                return;
            }
        };
        let mut out_of_reach: Option<Refusal> = None;
        for zone in due {
            let Some(work) = work.get_mut(zone) else { continue };
            work.asked = Some(now);
            changed.insert(zone.clone());
            let span = (now - TOP_UP).timestamp()..now.timestamp();
            let past = match &out_of_reach {
                None => provider.history(zone, span, now).await,
                Some(refusal) => Err(refusal.clone()),
            };
            out_of_reach = out_of_reach.or_else(|| past.as_ref().err().filter(|refusal| refusal.is_of_every_zone()).cloned());
            let forecast = match &out_of_reach {
                None => provider.forecast(zone, self.horizon_hours, now).await,
                Some(refusal) => Err(refusal.clone()),
            };
            let mut note = |what, refusal: &Refusal| trouble.push(Trouble { zone: zone.clone(), what, refusal: refusal.clone() });
            work.trouble = past.as_ref().err().cloned();
            work.forecast_trouble = forecast.as_ref().err().cloned();
            work.trouble.iter().for_each(|refusal| note("the past", refusal));
            work.forecast_trouble.iter().for_each(|refusal| note("the forecast", refusal));
            if let Ok(fetched) = past {
                work.topped.take(fetched.series, now);
            }
            if let Ok(forecast) = forecast {
                work.forecast = Some((forecast, now));
            }
        }
    }
}

/// Files of a table on their way to the zones that are due.
struct Taking<'a> {
    work: &'a mut BTreeMap<String, Work>,
    due: &'a BTreeSet<String>,
    changed: &'a mut BTreeSet<String>,
    trouble: &'a mut Vec<Trouble>,
}

impl Taking<'_> {
    /// `place` is where a zone keeps what its files say.
    fn take<S: PartialEq>(
        &mut self,
        read: Result<Vec<S>>,
        zones: &[String],
        zone_of: fn(&S) -> &str,
        place: fn(&mut Work) -> &mut Option<S>,
    ) {
        match read {
            Ok(read) => {
                for series in read.into_iter().filter(|series| self.due.contains(zone_of(series))) {
                    let zone = zone_of(&series).to_owned();
                    let Some(known) = self.work.get_mut(&zone).map(place) else { continue };
                    if known.as_ref() != Some(&series) {
                        self.changed.insert(zone);
                        *known = Some(series);
                    }
                }
            }
            Err(error) => {
                let refusal = files::refusal(error);
                self.trouble.extend(zones.iter().filter(|zone| self.due.contains(*zone)).map(|zone| of_files(zone, &refusal)));
            }
        }
    }
}

impl Work {
    fn outlook(&self, zone: &str, policy: OutlookPolicy) -> ZoneOutlook {
        let editions: Vec<&IntensitySeries> = self.editions.iter().chain(&self.files).chain(self.topped.series()).collect();
        let prices: Vec<&PriceSeries> = self.prices.iter().chain(&self.price_files).collect();
        let found = Found {
            editions: &editions,
            forecast: self.forecast.as_ref().map(|(forecast, asked)| (forecast, *asked)),
            prices: &prices,
            refused: self.refused.clone(),
            trouble: self.trouble.as_ref(),
            forecast_trouble: self.forecast_trouble.as_ref(),
        };
        ZoneOutlook::of(zone, policy, &found)
    }
}

fn of_files(zone: &str, refusal: &Refusal) -> Trouble {
    Trouble { zone: zone.to_owned(), what: "the files", refusal: refusal.clone() }
}

/// The shortest horizon that reaches so far, or the longest.
fn horizon(hours: u32) -> u32 {
    HORIZONS.into_iter().find(|horizon| *horizon >= hours).unwrap_or(HORIZONS[HORIZONS.len() - 1])
}

/// As zones are called: `NL`, `US-CAL-CISO`, `SE-SE3`.
fn is_like_a_zone(text: &str) -> bool {
    (1..=40).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}
