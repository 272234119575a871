//! Electricity Maps' API: `history` (the last 24 hours, on every plan) and `past-range` (any span, on some).
//!
//! In: a zone, a span. Out: its average intensity, direct and life-cycle. Rule: both kinds are asked for, and a reply that does not say that it
//! is the kind or the zone that was asked for is refused: without a zone the API answers for the caller's own address.
//! Assumes: `datetime` is the start of an interval; values are gCO2eq/kWh, which the documentation says and the reply does not.
//! Does not: use values that are missing (`null`), or ask for more than 10 days at once.

use std::path::Path;

use anyhow::Result;
use chrono::{DateTime, SecondsFormat, Utc};
use reqwest::header::HeaderName;
use serde::Deserialize;

use super::electricity_maps_csv::estimation_method;
use super::http::{Api, Credentials, secret_header};
use super::reply::{About, Column, Item, Page, Reply, ask_whole, put_together};
use super::{Fetched, Forecast, IntensityForecast, IntensityHistory, Span};
use crate::model::Signal;
use crate::sources::{Reach, Refusal};
use crate::units::IntensityUnit;

pub const NAME: &str = "electricity-maps";
const SAID: &str = "Electricity Maps";
const DAY_S: i64 = 86_400;
const LONGEST_S: i64 = 10 * DAY_S;

/// Which of the API's two ways to the past a plan includes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    History,
    PastRange,
}

pub struct ElectricityMaps {
    api: Api,
    credentials: Credentials,
    endpoint: Endpoint,
}

impl ElectricityMaps {
    pub fn connect(url: &str, token_file: &Path, endpoint: Endpoint) -> Result<Self> {
        let credentials = Credentials::Header(HeaderName::from_static("auth-token"), secret_header(token_file, "")?);
        Ok(Self { api: Api::connect(SAID, url)?, credentials, endpoint })
    }

    async fn page(&self, zone: &str, column: Column, span: Option<Span>) -> Result<Page, Refusal> {
        let kind = match column {
            Column::Direct => "direct",
            Column::Lifecycle => "lifecycle",
        };
        let mut parameters = vec![("zone", zone.to_owned()), ("emissionFactorType", kind.to_owned())];
        let path = match &span {
            None => "history",
            Some(span) => {
                parameters.extend([("start", time(span.start)), ("end", time(span.end))]);
                "past-range"
            }
        };
        let parameters: Vec<(&str, &str)> = parameters.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let reply = Reply::new(self.api.get(&format!("/carbon-intensity/{path}"), &parameters, &self.credentials).await?);
        let answer: History = reply.parse(SAID)?;
        same_zone(zone, answer.zone.as_deref())?;
        let mut items = Vec::new();
        for value in answer.history.into_iter().chain(answer.data) {
            if let Some(other) = &value.zone {
                same_zone(zone, Some(other))?;
            }
            if value.emission_factor_type.as_deref() != Some(kind) {
                let said = value.emission_factor_type.as_deref().unwrap_or("nothing");
                let message = format!("{SAID} was asked for {kind} intensities of {zone} and says {said} of them");
                return Err(
                    Refusal::new("CI_FACTOR", Reach::Source, message).hint("check `url` of [[intensity]]: it ends with /v3 or later")
                );
            }
            items.push(Item {
                start_s: value.datetime.timestamp(),
                value: value.carbon_intensity,
                is_estimated: value.is_estimated,
                estimation_method: estimation_method(value.estimation_method.as_deref().unwrap_or_default()),
                updated_s: value.updated_at.map(|time| time.timestamp()),
            });
        }
        let interval_s = answer.temporal_granularity.as_deref().and_then(granularity);
        let name = format!("{path} {kind}");
        Ok(Page { name, column, unit: IntensityUnit::GramsPerKilowattHour, interval_s, items, reply, findings: Vec::new() })
    }
}

impl IntensityHistory for ElectricityMaps {
    async fn history(&self, zone: &str, span: Span, now: DateTime<Utc>) -> Result<Fetched, Refusal> {
        let mut pages = Vec::new();
        for column in [Column::Direct, Column::Lifecycle] {
            match self.endpoint {
                Endpoint::History => pages.push(self.page(zone, column, None).await?),
                Endpoint::PastRange => {
                    let until = span.start..span.end.min(now.timestamp());
                    pages.extend(ask_whole(&until, LONGEST_S, async |piece| self.page(zone, column, Some(piece)).await).await?);
                }
            }
        }
        let span = match self.endpoint {
            // The last 24 hours, whatever was asked for; which of them are missing shows when the next days are put beside them.
            Endpoint::History => now.timestamp()..now.timestamp(),
            Endpoint::PastRange => span,
        };
        put_together(&About { zone, provider: NAME, signal: Signal::Average, span, now }, pages)
    }
}

impl IntensityForecast for ElectricityMaps {
    async fn forecast(&self, zone: &str, hours: u32, now: DateTime<Utc>) -> Result<Forecast, Refusal> {
        let horizon = hours.to_string();
        let parameters = [("zone", zone), ("emissionFactorType", "direct"), ("horizonHours", &horizon)];
        let reply = Reply::new(self.api.get("/carbon-intensity/forecast", &parameters, &self.credentials).await?);
        let answer: Expected = reply.parse(SAID)?;
        same_zone(zone, answer.zone.as_deref())?;
        let until = now.timestamp() + i64::from(hours) * 3_600;
        let values = answer.forecast.into_iter().map(|value| (value.datetime.timestamp(), value.carbon_intensity));
        let generated_s = answer.updated_at.map(|time| time.timestamp());
        super::reply::forecast(zone, NAME, Signal::Average, generated_s, values.filter(|(start, _)| *start < until).collect(), None, reply)
    }
}

fn same_zone(asked: &str, answered: Option<&str>) -> Result<(), Refusal> {
    if answered == Some(asked) {
        return Ok(());
    }
    let message = format!("{SAID} was asked for zone {asked} and answered for {}", answered.unwrap_or("none that it names"));
    Err(Refusal::new("CI_ZONE", Reach::Source, message).hint("check `zones` of [[intensity]] against the provider's list"))
}

fn time(seconds: i64) -> String {
    DateTime::from_timestamp(seconds, 0).map(|time| time.to_rfc3339_opts(SecondsFormat::Secs, true)).unwrap_or_default()
}

fn granularity(word: &str) -> Option<i64> {
    match word {
        "hourly" => Some(3_600),
        "30_minutes" => Some(1_800),
        "15_minutes" => Some(900),
        "5_minutes" => Some(300),
        _ => None,
    }
}

/// `history` has its values in `history`, `past-range` in `data`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct History {
    zone: Option<String>,
    temporal_granularity: Option<String>,
    #[serde(default)]
    history: Vec<Value>,
    #[serde(default)]
    data: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Value {
    zone: Option<String>,
    carbon_intensity: Option<f64>,
    datetime: DateTime<Utc>,
    updated_at: Option<DateTime<Utc>>,
    emission_factor_type: Option<String>,
    #[serde(default)]
    is_estimated: bool,
    estimation_method: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Expected {
    zone: Option<String>,
    forecast: Vec<ExpectedValue>,
    updated_at: Option<DateTime<Utc>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExpectedValue {
    carbon_intensity: f64,
    datetime: DateTime<Utc>,
}
