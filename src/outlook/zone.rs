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
use crate::accounting::counterfactual::laying::{Layer, lay, layers_of_prices};
use crate::accounting::editions::Reconciled;
use crate::accounting::integral::Integral;
use crate::accounting::windows::RunMean;
use crate::config::OutlookPolicy;
use crate::model::policy::FactorKind;
use crate::model::{IntensitySeries, PriceSeries, Signal};
use crate::sources::Refusal;
use crate::sources::intensity::Forecast;
use crate::units::GramsCo2ePerKilowattHour;

/// How many days back an hour is looked for that is to stand for another.
const DAYS_BEFORE: u8 = 7;
/// The rank of what came to pass: above everything that was only expected.
const PAST: u8 = u8::MAX;

/// What values of a span in the future, or in the past, are taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// What came to pass where that is known, else what was forecast.
    Known,
    History,
    Forecast,
    /// What came to pass where that is known, else what the same hour was on the last day of which it is known: for those whose provider forecasts nothing.
    DayBefore,
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

    /// The rows that reach into `[from, to)`, to be laid over one another.
    fn laid(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> Laid {
        let mut laid = Laid::default();
        // Within an interval even a span of no length has a row.
        let rows = if from < to { self.rows(from, to) } else { 0..0 };
        for row in rows {
            laid.layers.push(Layer {
                version: if self.is_forecast { 0 } else { PAST },
                from_s: self.start_s[row],
                to_s: self.end_s[row],
                value: GramsCo2ePerKilowattHour::new(self.gco2e_per_kwh[row]).micros(),
            });
            if !laid.origins.iter().any(|known| Arc::ptr_eq(known, &self.origin[row])) {
                laid.origins.push(Arc::clone(&self.origin[row]));
            }
        }
        laid
    }
}

/// Rows of several kinds, of which those with the higher rank lie above, and where they come from.
#[derive(Default)]
struct Laid {
    layers: Vec<Layer<u8>>,
    origins: Vec<Arc<Origin>>,
}

impl Laid {
    /// As a series wants them.
    fn rows(&self) -> Vec<(i64, i64, i64)> {
        lay(self.layers.clone())
    }
}

/// What a [`ZoneOutlook`] is made of.
#[derive(Default)]
pub struct Found<'a> {
    pub editions: &'a [&'a IntensitySeries],
    /// With the time at which it was asked for.
    pub forecast: Option<(&'a Forecast, DateTime<Utc>)>,
    pub prices: &'a [&'a PriceSeries],
    /// What the evidence did not let be read.
    pub refused: Option<Unknown>,
    /// Why the provider of the past, and that of the future, gave nothing when it was last asked.
    pub trouble: Option<&'a Refusal>,
    pub forecast_trouble: Option<&'a Refusal>,
}

impl ZoneOutlook {
    pub fn of(zone: &str, policy: OutlookPolicy, found: &Found<'_>) -> Self {
        let (past, refused) = match Reconciled::of(found.editions.iter().copied(), zone) {
            Ok(reconciled) => (past(zone, &reconciled), None),
            Err(finding) => {
                let unknown = Unknown::new(zone, UnknownKind::Refused, finding.message).with_code(&finding.code);
                (Columns::default(), Some(unknown))
            }
        };
        let prices = lay(found.prices.iter().flat_map(|series| layers_of_prices(series)).collect());
        Self {
            zone: zone.to_owned(),
            policy,
            intensity: Integral::of(past.laid(DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC).rows()),
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
        RunMean::over(&self.intensity, from.timestamp_millis(), to.timestamp_millis()).ok_or_else(|| {
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

    /// The intensity of `[from, to)` to be summed over: what came to pass, what is expected, or the first and behind it the second.
    /// Unknown where there is nothing of it; what there is may have holes.
    pub fn course(&self, from: DateTime<Utc>, to: DateTime<Utc>, now: DateTime<Utc>, basis: Basis) -> Result<Course, Unknown> {
        let mut course = Laid::default();
        let expected = match basis {
            Basis::History => Laid::default(),
            Basis::Forecast => self.young_forecast(now)?.1.laid(from, to),
            // Where the past says all there is no need of one.
            Basis::Known => self.young_forecast(now).map(|(_, future)| future.laid(from, to)).unwrap_or_default(),
            Basis::DayBefore => self.days_before(from, to, now),
        };
        if basis != Basis::Forecast {
            self.past_is_told()?;
            course = self.past.laid(from, to);
        }
        let (from_ms, to_ms) = (from.timestamp_millis(), to.timestamp_millis());
        let known = Integral::of(course.rows());
        let holes = known.holes(from_ms, to_ms);
        let expected_rows = expected.rows();
        let reaches_into = |hole: &(i64, i64)| {
            let row = expected_rows.iter().find(|(start_s, end_s, _)| end_s * 1_000 > hole.0 && start_s * 1_000 < hole.1)?;
            Some(hole.0.max(row.0 * 1_000))
        };
        let forecast_from = holes.iter().find_map(reaches_into).and_then(DateTime::from_timestamp_millis);
        if forecast_from.is_some() {
            // Days before come from where the past comes from.
            let are_new = expected.origins.into_iter().filter(|origin| !course.origins.iter().any(|known| Arc::ptr_eq(known, origin)));
            let are_new: Vec<_> = are_new.collect();
            course.origins.extend(are_new);
            course.layers.extend(expected.layers);
        }
        if course.origins.is_empty() {
            return Err(self.why_no_course(from, to, now, basis));
        }
        Ok(Course { intensity: Integral::of(course.rows()), origins: course.origins, forecast_from })
    }

    fn why_no_course(&self, from: DateTime<Utc>, to: DateTime<Utc>, now: DateTime<Utc>, basis: Basis) -> Unknown {
        let of_past = || self.history(from, to).err().unwrap_or_else(|| self.no_data("of that time"));
        let of_future = || self.forecast(from, to, now).err();
        match basis {
            Basis::Forecast => of_future().unwrap_or_else(of_past),
            // Of what is over nobody expects a forecast.
            Basis::Known if to > now => {
                let forecast = of_future().map(|unknown| format!(" {}", unknown.reason)).unwrap_or_default();
                let past = of_past();
                Unknown { reason: past.reason + &forecast, ..past }
            }
            _ => of_past(),
        }
    }

    /// What the same hours were on the days before, as far as they are known now: of each the last day that has it.
    fn days_before(&self, from: DateTime<Utc>, to: DateTime<Utc>, now: DateTime<Utc>) -> Laid {
        let mut before = Laid::default();
        for days in 1..=DAYS_BEFORE {
            let shift = TimeDelta::days(i64::from(days));
            let mut laid = self.past.laid((from - shift).min(now), (to - shift).min(now));
            for layer in &mut laid.layers {
                layer.from_s += shift.num_seconds();
                layer.to_s += shift.num_seconds();
                // Above it lies what is nearer.
                layer.version = DAYS_BEFORE - days;
            }
            before.layers.extend(laid.layers);
            laid.origins.retain(|origin| !before.origins.iter().any(|known| Arc::ptr_eq(known, origin)));
            before.origins.extend(laid.origins);
            if Integral::of(before.rows()).covers(from.timestamp_millis(), to.timestamp_millis()) {
                break;
            }
        }
        before
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
