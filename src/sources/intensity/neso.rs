//! The carbon intensity API of the operator of Great Britain's grid (NESO).
//!
//! In: a span. Out: half-hours of the national average intensity. Rule: `actual` is taken and nothing else: where it is null the value is
//! missing, never the forecast; a range also brings the half-hour that ends where it begins, which is left out.
//! Assumes: UTC, times without seconds, gCO2/kWh of generation (direct), as the documentation says. Does not: read the regions, which have
//! forecasts only, or ask for more than 14 days at once.

use anyhow::Result;
use chrono::{DateTime, NaiveDateTime, Utc};
use serde::Deserialize;

use super::http::{Api, Credentials};
use super::reply::{About, Column, Item, Page, Reply, ask_whole, put_together};
use super::{Fetched, Forecast, IntensityForecast, IntensityHistory, Span};
use crate::model::Signal;
use crate::sources::{Reach, Refusal};
use crate::units::IntensityUnit;

pub const NAME: &str = "neso";
const SAID: &str = "NESO";
/// The one zone that it speaks of.
const ZONE: &str = "GB";
const LONGEST_S: i64 = 14 * 86_400;
const HALF_HOUR_S: i64 = 1_800;
const TIME: &str = "%Y-%m-%dT%H:%MZ";

pub struct Neso {
    api: Api,
}

impl Neso {
    pub fn connect(url: &str) -> Result<Self> {
        Ok(Self { api: Api::connect(SAID, url)? })
    }

    async fn answer(&self, zone: &str, span: &Span) -> Result<(Vec<Value>, Reply), Refusal> {
        if zone != ZONE {
            let message = format!("{SAID} has the intensity of {ZONE}, and {zone} was asked for");
            return Err(Refusal::new("CI_ZONE", Reach::Source, message).hint("put the zone into a table of another provider"));
        }
        let reply =
            Reply::new(self.api.get(&format!("/intensity/{}/{}", time(span.start), time(span.end)), &[], &Credentials::None).await?);
        let answer: Answer = reply.parse(SAID)?;
        Ok((answer.data, reply))
    }

    async fn page(&self, zone: &str, span: Span) -> Result<Page, Refusal> {
        let (values, reply) = self.answer(zone, &span).await?;
        let mut items = Vec::new();
        for value in values {
            items.push(Item { start_s: value.start()?, value: value.intensity.actual, ..Item::default() });
        }
        let (name, unit) = ("intensity".to_owned(), IntensityUnit::GramsPerKilowattHour);
        Ok(Page { name, column: Column::Direct, unit, interval_s: Some(HALF_HOUR_S), items, reply, findings: Vec::new() })
    }
}

impl IntensityHistory for Neso {
    async fn history(&self, zone: &str, span: Span, now: DateTime<Utc>) -> Result<Fetched, Refusal> {
        let until = span.start..span.end.min(now.timestamp());
        let pages = ask_whole(&until, LONGEST_S, async |piece| self.page(zone, piece).await).await?;
        put_together(&About { zone, provider: NAME, signal: Signal::Average, span, now }, pages)
    }
}

impl IntensityForecast for Neso {
    async fn forecast(&self, zone: &str, hours: u32, now: DateTime<Utc>) -> Result<Forecast, Refusal> {
        let from = now.timestamp().div_euclid(HALF_HOUR_S) * HALF_HOUR_S;
        let span = from..from + i64::from(hours) * 3_600;
        let (values, reply) = self.answer(zone, &span).await?;
        let mut expected = Vec::new();
        for value in values {
            let start_s = value.start()?;
            if let Some(forecast) = value.intensity.forecast.filter(|_| span.contains(&start_s)) {
                expected.push((start_s, forecast));
            }
        }
        super::reply::forecast(zone, NAME, Signal::Average, None, expected, Some(HALF_HOUR_S), reply)
    }
}

fn time(seconds: i64) -> String {
    DateTime::from_timestamp(seconds, 0).map(|time| time.format(TIME).to_string()).unwrap_or_default()
}

#[derive(Deserialize)]
struct Answer {
    data: Vec<Value>,
}

#[derive(Deserialize)]
struct Value {
    from: String,
    intensity: Intensity,
}

#[derive(Deserialize)]
struct Intensity {
    forecast: Option<f64>,
    actual: Option<f64>,
}

impl Value {
    fn start(&self) -> Result<i64, Refusal> {
        let time = NaiveDateTime::parse_from_str(&self.from, TIME);
        time.map(|time| time.and_utc().timestamp()).map_err(|_| {
            Refusal::new("CI_REPLY", Reach::Source, format!("{SAID} gave `{}`, which is not a time as 2026-10-01T00:30Z", self.from))
        })
    }
}
