//! What is known of one grid zone, at one moment.
//!
//! In: the editions of its series, a forecast, prices. Out: answers. Rule: of two values of one hour the one holds that holds in a report
//! (`accounting::editions`), and where a report would be refused nothing is said; an hour that is over is never told from a forecast. Only direct average
//! intensities, as in a report. Does not: change once it is made, fill a hole, or ask the time.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::reading::{Expectation, History, Origin, Reading};
use super::unknown::{Unknown, UnknownKind};
use crate::accounting::counterfactual::laying::{Layer, lay};
use crate::accounting::editions::Reconciled;
use crate::accounting::integral::Integral;
use crate::accounting::windows::RunMean;
use crate::config::OutlookPolicy;
use crate::model::policy::FactorKind;
use crate::model::{IntensitySeries, PriceSeries, Signal};
use crate::sources::Refusal;
use crate::sources::intensity::Forecast;
use crate::units::GramsCo2ePerKilowattHour;

/// Intensities enter sums as whole millionths of a gram, as in `accounting`.
const MICROS: f64 = 1e6;

/// What values of a span in the future, or in the past, are taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// What came to pass where that is known, else what was forecast.
    Known,
    History,
    Forecast,
}

/// The intensity of a span as a series to be summed over, and where it comes from.
#[derive(Clone, Debug)]
pub struct Course {
    /// In millionths of g/kWh; it may have holes.
    pub intensity: Integral,
    /// Of what reaches into the span; a forecast last.
    pub origins: Vec<Arc<Origin>>,
    /// From when on it is a forecast; none where nothing of the span is.
    pub forecast_from: Option<DateTime<Utc>>,
}

/// Everything that is known of a zone. Immutable: another look at the evidence makes another one.
#[derive(Clone, Debug)]
pub struct ZoneOutlook {
    zone: String,
    policy: OutlookPolicy,
    past: Columns,
    /// When the forecast was made or asked for, and what it says.
    forecast: Option<(DateTime<Utc>, Columns)>,
    intensity: Integral,
    prices: Option<Integral>,
    /// Why the past is not told.
    refused: Option<Unknown>,
    /// What the provider said when it was last asked and gave nothing.
    trouble: Option<Refusal>,
    forecast_trouble: Option<Refusal>,
}

/// Values by interval, sorted, none overlapping.
#[derive(Clone, Debug, Default)]
struct Columns {
    start_s: Vec<i64>,
    end_s: Vec<i64>,
    gco2e_per_kwh: Vec<f64>,
    is_estimated: Vec<bool>,
    origin: Vec<Arc<Origin>>,
    is_forecast: bool,
}

impl Columns {
    fn reading(&self, row: usize) -> Reading {
        Reading {
            from: instant(self.start_s[row]),
            to: instant(self.end_s[row]),
            intensity: GramsCo2ePerKilowattHour::new(self.gco2e_per_kwh[row]),
            is_estimated: self.is_estimated[row],
            is_forecast: self.is_forecast,
            origin: Arc::clone(&self.origin[row]),
        }
    }

    /// Rows that reach into `[from, to)`.
    fn rows(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> std::ops::Range<usize> {
        let first = self.end_s.partition_point(|end| instant(*end) <= from);
        let after = self.start_s.partition_point(|start| instant(*start) < to);
        first..after.max(first)
    }

    fn readings(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> Vec<Reading> {
        self.rows(from, to).map(|row| self.reading(row)).collect()
    }

    /// Some rows, for a series in which what has the higher rank lies above.
    fn layers(&self, rows: std::ops::Range<usize>, rank: u8) -> impl Iterator<Item = Layer<u8>> + '_ {
        rows.map(move |row| Layer {
            version: rank,
            from_s: self.start_s[row],
            to_s: self.end_s[row],
            value: (self.gco2e_per_kwh[row] * MICROS).round() as i64,
        })
    }
}

/// What a [`ZoneOutlook`] is made of.
#[derive(Default)]
pub struct Found<'a> {
    pub editions: &'a [IntensitySeries],
    /// With the time at which it was asked for.
    pub forecast: Option<(&'a Forecast, DateTime<Utc>)>,
    pub prices: &'a [PriceSeries],
    /// What the evidence did not let be read.
    pub refused: Option<Unknown>,
    /// Why the provider of the past, and that of the future, gave nothing when it was last asked.
    pub trouble: Option<&'a Refusal>,
    pub forecast_trouble: Option<&'a Refusal>,
}

impl ZoneOutlook {
    pub fn of(zone: &str, policy: OutlookPolicy, found: &Found<'_>) -> Self {
        let (past, refused) = match Reconciled::of(found.editions, zone) {
            Ok(reconciled) => (past(zone, &reconciled), None),
            Err(finding) => {
                let unknown = Unknown::new(zone, UnknownKind::Refused, finding.message).with_code(&finding.code);
                (Columns::default(), Some(unknown))
            }
        };
        let prices = found.prices.iter().flat_map(|series| {
            (0..series.len()).map(|row| Layer {
                version: series.retrieved_s,
                from_s: series.start_s[row],
                to_s: series.end_s[row],
                value: series.price[row].get(),
            })
        });
        let prices = lay(prices.collect());
        Self {
            zone: zone.to_owned(),
            policy,
            intensity: Integral::of(lay(past.layers(0..past.start_s.len(), 1).collect())),
            past,
            forecast: found
                .forecast
                .filter(|(forecast, _)| forecast.signal == Signal::Average)
                .map(|(forecast, asked)| future(forecast, asked)),
            prices: (!prices.is_empty()).then(|| Integral::of(prices)),
            refused: found.refused.clone().or(refused),
            trouble: found.trouble.cloned(),
            forecast_trouble: found.forecast_trouble.cloned(),
        }
    }

    pub fn zone(&self) -> &str {
        &self.zone
    }

    /// The value of the interval that an instant lies in, else the newest before it, as long as that is young enough to act on.
    pub fn current(&self, now: DateTime<Utc>) -> Result<Reading, Unknown> {
        let newest = self.newest(now)?;
        let age = newest.age(now);
        if age > delta(self.policy.max_age) {
            let reason = format!(
                "The newest intensity of {} is of {} and ended {} ago; what is older than {} is not acted on{}",
                self.zone,
                newest.from.format("%Y-%m-%dT%H:%MZ"),
                humantime::format_duration(std::time::Duration::from_secs(age.num_seconds().unsigned_abs())),
                humantime::format_duration(self.policy.max_age),
                self.why(self.trouble.as_ref()),
            );
            return Err(Unknown::new(&self.zone, UnknownKind::Stale, reason).with_age(age));
        }
        Ok(newest)
    }

    /// The newest value up to an instant, however old.
    pub fn newest(&self, now: DateTime<Utc>) -> Result<Reading, Unknown> {
        self.past_is_told()?;
        match self.past.start_s.partition_point(|start| instant(*start) <= now) {
            0 => Err(self.no_data(&format!("up to {}", now.format("%Y-%m-%dT%H:%MZ")))),
            after => Ok(self.past.reading(after - 1)),
        }
    }

    /// What came to pass in `[from, to)`; unknown where nothing of it is known.
    pub fn history(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> Result<History, Unknown> {
        self.past_is_told()?;
        let readings = self.past.readings(from, to);
        if readings.is_empty() {
            return Err(self.no_data(&format!("from {} to {}", from.format("%Y-%m-%dT%H:%MZ"), to.format("%Y-%m-%dT%H:%MZ"))));
        }
        let instant_of = |ms: i64| DateTime::from_timestamp_millis(ms).unwrap_or(to);
        let holes = self.intensity.holes(from.timestamp_millis(), to.timestamp_millis());
        Ok(History { readings, holes: holes.into_iter().map(|(from, to)| (instant_of(from), instant_of(to))).collect() })
    }

    /// The newest forecast of `[from, to)`, as long as it is young enough to act on.
    pub fn forecast(&self, from: DateTime<Utc>, to: DateTime<Utc>, now: DateTime<Utc>) -> Result<Expectation, Unknown> {
        let (generated_at, future) = self.young_forecast(now)?;
        let readings = future.readings(from, to);
        if readings.is_empty() {
            let reason = format!(
                "The forecast of {} of {} says nothing of {} to {}.",
                self.zone,
                generated_at.format("%Y-%m-%dT%H:%MZ"),
                from.format("%Y-%m-%dT%H:%MZ"),
                to.format("%Y-%m-%dT%H:%MZ")
            );
            return Err(Unknown::new(&self.zone, UnknownKind::NoForecast, reason));
        }
        Ok(Expectation { generated_at, readings })
    }

    /// The mean of what came to pass in `[from, to)`, weighted by time; unknown across a hole.
    pub fn mean(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> Result<RunMean, Unknown> {
        let history = self.history(from, to)?;
        let (from_ms, to_ms) = (from.timestamp_millis(), to.timestamp_millis());
        let sum = self.intensity.between(from_ms, to_ms).filter(|_| from_ms < to_ms);
        sum.map(|sum| RunMean::of_run(sum, to_ms - from_ms)).ok_or_else(|| {
            let reason = match history.holes.first() {
                Some((from, to)) => {
                    format!(
                        "Zone {} has no intensity from {} to {}.",
                        self.zone,
                        from.format("%Y-%m-%dT%H:%MZ"),
                        to.format("%Y-%m-%dT%H:%MZ")
                    )
                }
                None => format!("A mean of {} over no time is not known.", self.zone),
            };
            Unknown::new(&self.zone, UnknownKind::Hole, reason)
        })
    }

    /// The intensity of `[from, to)` to be summed over: what came to pass, what was forecast, or the first and behind it the second.
    /// Unknown where there is nothing of it; what there is may have holes.
    pub fn course(&self, from: DateTime<Utc>, to: DateTime<Utc>, now: DateTime<Utc>, basis: Basis) -> Result<Course, Unknown> {
        if basis != Basis::Forecast {
            self.past_is_told()?;
        }
        let past = if basis == Basis::Forecast { None } else { Some(&self.past) };
        let future = match basis {
            Basis::History => None,
            Basis::Forecast => Some(self.young_forecast(now)?.1),
            // Where the past says all there is no need of one.
            Basis::Known => self.young_forecast(now).ok().map(|(_, future)| future),
        };
        let mut origins: Vec<Arc<Origin>> = Vec::new();
        let mut rows = Vec::new();
        for (rank, columns) in [(0, future), (1, past)] {
            rows.extend(columns.into_iter().flat_map(|columns| columns.layers(columns.rows(from, to), rank)));
        }
        let intensity = Integral::of(lay(rows));
        let is_past_whole = past.is_some() && self.intensity.covers(from.timestamp_millis(), to.timestamp_millis());
        for columns in [past, future.filter(|_| !is_past_whole)].into_iter().flatten() {
            for row in columns.rows(from, to) {
                if !origins.iter().any(|known| Arc::ptr_eq(known, &columns.origin[row])) {
                    origins.push(Arc::clone(&columns.origin[row]));
                }
            }
        }
        if origins.is_empty() {
            return Err(match basis {
                Basis::Forecast => self.forecast(from, to, now).err().unwrap_or_else(|| self.no_data("of that time")),
                Basis::History => self.history(from, to).err().unwrap_or_else(|| self.no_data("of that time")),
                Basis::Known => {
                    let unknown = self.history(from, to).err().unwrap_or_else(|| self.no_data("of that time"));
                    // Of what is over nobody expects a forecast.
                    let forecast = self.forecast(from, to, now).err().filter(|_| to > now);
                    let forecast = forecast.map(|unknown| format!(" {}", unknown.reason)).unwrap_or_default();
                    Unknown { reason: unknown.reason + &forecast, ..unknown }
                }
            });
        }
        let forecast_from = future.filter(|_| !is_past_whole).and_then(|future| {
            let first = future.rows(from, to).find_map(|row| {
                let (start_ms, end_ms) = (future.start_s[row] * 1_000, future.end_s[row] * 1_000);
                let (start_ms, end_ms) = (start_ms.max(from.timestamp_millis()), end_ms.min(to.timestamp_millis()));
                let unknown = if past.is_some() { self.intensity.holes(start_ms, end_ms) } else { vec![(start_ms, end_ms)] };
                unknown.first().map(|(from_ms, _)| *from_ms)
            });
            first.and_then(DateTime::from_timestamp_millis)
        });
        Ok(Course { intensity, origins, forecast_from })
    }

    /// Prices in micro-EUR/kWh, where the evidence has some; they may have holes.
    pub fn prices(&self) -> Option<&Integral> {
        self.prices.as_ref()
    }

    fn past_is_told(&self) -> Result<(), Unknown> {
        self.refused.clone().map_or(Ok(()), Err)
    }

    fn young_forecast(&self, now: DateTime<Utc>) -> Result<(DateTime<Utc>, &Columns), Unknown> {
        let unknown = |reason| Unknown::new(&self.zone, UnknownKind::NoForecast, reason);
        let Some((generated_at, future)) = &self.forecast else {
            return Err(unknown(format!("There is no forecast of {}{}", self.zone, self.why(self.forecast_trouble.as_ref()))));
        };
        let age = now - *generated_at;
        if age > delta(self.policy.forecast_max_age) {
            let reason = format!(
                "The newest forecast of {} is of {}; one older than {} is not acted on{}",
                self.zone,
                generated_at.format("%Y-%m-%dT%H:%MZ"),
                humantime::format_duration(self.policy.forecast_max_age),
                self.why(self.forecast_trouble.as_ref()),
            );
            return Err(unknown(reason).with_age(age));
        }
        Ok((*generated_at, future))
    }

    fn no_data(&self, when: &str) -> Unknown {
        let reason = format!("Zone {} has no intensity {when}{}", self.zone, self.why(self.trouble.as_ref()));
        Unknown::new(&self.zone, UnknownKind::NoData, reason)
    }

    /// The end of a sentence about what is not known.
    fn why(&self, trouble: Option<&Refusal>) -> String {
        trouble.map_or_else(|| ".".to_owned(), |trouble| format!("; when last asked, {}.", trouble.message))
    }
}

fn past(zone: &str, reconciled: &Reconciled<'_>) -> Columns {
    // One origin a series, whatever the number of its rows.
    let mut origins: BTreeMap<*const IntensitySeries, Arc<Origin>> = BTreeMap::new();
    let mut columns = Columns::default();
    for (start_s, held) in &reconciled.held {
        let origin = origins.entry(std::ptr::from_ref(held.series)).or_insert_with(|| {
            Arc::new(Origin {
                zone: zone.to_owned(),
                provider: held.series.provider.clone(),
                edition: held.series.edition.clone(),
                factor: FactorKind::Direct,
                known_at: held.series.retrieved_s.map(instant),
            })
        });
        columns.start_s.push(*start_s);
        columns.end_s.push(held.to_s);
        columns.gco2e_per_kwh.push(held.value);
        columns.is_estimated.push(held.is_estimated);
        columns.origin.push(Arc::clone(origin));
    }
    columns
}

/// When it was made, or asked for where the provider does not say it; and its edition.
fn about_forecast(forecast: &Forecast, asked: DateTime<Utc>) -> (DateTime<Utc>, String) {
    let generated_at = forecast.generated_s.map_or(asked, instant);
    (generated_at, format!("{} {}", generated_at.format("%Y-%m-%dT%H:%M:%SZ"), forecast.reply.sha256))
}

/// A forecast in the shape in which evidence is kept.
pub(super) fn forecast_series(forecast: &Forecast, asked: DateTime<Utc>) -> IntensitySeries {
    let rows = forecast.start_s.len();
    IntensitySeries {
        zone: forecast.zone.clone(),
        provider: forecast.provider.to_owned(),
        signal: forecast.signal,
        edition: about_forecast(forecast, asked).1,
        retrieved_s: Some(asked.timestamp()),
        start_s: forecast.start_s.clone(),
        end_s: forecast.end_s.clone(),
        direct_gco2e_per_kwh: forecast.gco2e_per_kwh.iter().copied().map(Some).collect(),
        lifecycle_gco2e_per_kwh: vec![None; rows],
        is_estimated: vec![false; rows],
        estimation_method: vec![String::new(); rows],
        ..IntensitySeries::default()
    }
}

fn future(forecast: &Forecast, asked: DateTime<Utc>) -> (DateTime<Utc>, Columns) {
    let (generated_at, edition) = about_forecast(forecast, asked);
    let origin = Arc::new(Origin {
        zone: forecast.zone.clone(),
        provider: forecast.provider.to_owned(),
        edition,
        factor: FactorKind::Direct,
        known_at: Some(generated_at),
    });
    let rows = forecast.start_s.len();
    let columns = Columns {
        start_s: forecast.start_s.clone(),
        end_s: forecast.end_s.clone(),
        gco2e_per_kwh: forecast.gco2e_per_kwh.clone(),
        is_estimated: vec![false; rows],
        origin: vec![origin; rows],
        is_forecast: true,
    };
    (generated_at, columns)
}

fn instant(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).unwrap_or_default()
}

fn delta(age: std::time::Duration) -> TimeDelta {
    TimeDelta::from_std(age).expect("the configuration allows ages of some days at most")
}
