//! WattTime's API, version 3.
//!
//! In: a region, a span. Out: its intensity: `co2_aoer` is the average, `co2_moer` the marginal one, which the inventory refuses.
//! Rule: a reply of another region or signal, or without its unit, is refused; pounds a megawatt-hour become grams a kilowatt-hour here, once.
//! Assumes: `end` is included, so that the last value of a piece is the first of the next; values are direct (combustion only).
//! Does not: register an account, or ask for more than 30 days at once.

use std::path::Path;

use anyhow::Result;
use chrono::{DateTime, SecondsFormat, Utc};
use reqwest::header::AUTHORIZATION;
use serde::Deserialize;

use super::http::{Api, Credentials, header, secret};
use super::reply::{About, Column, Item, Page, Reply, ask_whole, put_together};
use super::{Fetched, Forecast, IntensityForecast, IntensityHistory, Span};
use crate::model::{Finding, Severity, Signal};
use crate::sources::{Reach, Refusal};
use crate::units::IntensityUnit;

pub const NAME: &str = "watttime";
const SAID: &str = "WattTime";
const DAY_S: i64 = 86_400;
const LONGEST_S: i64 = 30 * DAY_S;
const IMPUTED: &str = "imputed";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignalType {
    Co2Aoer,
    Co2Moer,
}

impl SignalType {
    fn word(self) -> &'static str {
        match self {
            Self::Co2Aoer => "co2_aoer",
            Self::Co2Moer => "co2_moer",
        }
    }

    pub fn signal(self) -> Signal {
        match self {
            Self::Co2Aoer => Signal::Average,
            Self::Co2Moer => Signal::Marginal,
        }
    }
}

pub struct WattTime {
    api: Api,
    login: Credentials,
    signal: SignalType,
    /// The provider's name of a zone's region, where it is another.
    regions: Vec<(String, String)>,
}

impl WattTime {
    pub fn connect(url: &str, username: &str, password_file: &Path, signal: SignalType, regions: Vec<(String, String)>) -> Result<Self> {
        let login = Credentials::Basic { user: username.to_owned(), password: secret(password_file)? };
        Ok(Self { api: Api::connect(SAID, url)?, login, signal, regions })
    }

    fn region<'a>(&'a self, zone: &'a str) -> &'a str {
        self.regions.iter().find(|(known, _)| known == zone).map_or(zone, |(_, region)| region)
    }

    /// A token holds for 30 minutes, which is longer than a zone takes.
    async fn log_in(&self) -> Result<Credentials, Refusal> {
        let reply = Reply::new(self.api.get("/login", &[], &self.login).await?);
        let answer: Login = reply.parse(SAID)?;
        let token =
            header(&answer.token, "Bearer ").map_err(|error| Refusal::new("CI_REPLY", Reach::Source, format!("{SAID}: {error}")))?;
        Ok(Credentials::Header(AUTHORIZATION, token))
    }

    async fn answer(
        &self,
        path: &str,
        zone: &str,
        more: &[(&str, &str)],
        token: &Credentials,
    ) -> Result<(Answer, IntensityUnit, Reply), Refusal> {
        let region = self.region(zone);
        let parameters = [&[("region", region), ("signal_type", self.signal.word())], more].concat();
        let reply = Reply::new(self.api.get(path, &parameters, token).await?);
        let answer: Answer = reply.parse(SAID)?;
        if answer.meta.region != region {
            let message = format!("{SAID} was asked for region {region} and answered for {}", answer.meta.region);
            return Err(Refusal::new("CI_ZONE", Reach::Source, message).hint("check `regions` of [[intensity]]"));
        }
        if answer.meta.signal_type != self.signal.word() {
            let message = format!("{SAID} was asked for {} and answered with {}", self.signal.word(), answer.meta.signal_type);
            return Err(Refusal::new("CI_SIGNAL", Reach::Source, message).hint("check what the provider's plan includes"));
        }
        let said = answer.meta.units.as_deref().unwrap_or_default();
        let Some(unit) = IntensityUnit::parse(said) else {
            let message = format!("{SAID} states `{said}` as the unit of {}, which is not known", self.signal.word());
            return Err(Refusal::new("CI_UNIT", Reach::Source, message));
        };
        Ok((answer, unit, reply))
    }

    async fn page(&self, zone: &str, span: Span, token: &Credentials) -> Result<Page, Refusal> {
        let more = [("start", &*time(span.start)), ("end", &*time(span.end))];
        let (answer, unit, reply) = self.answer("/v3/historical", zone, &more, token).await?;
        let items = answer.data.into_iter().map(|value| {
            let is_estimated = value.imputed_data_used.unwrap_or(false);
            Item {
                start_s: value.point_time.timestamp(),
                value: value.value,
                is_estimated,
                estimation_method: if is_estimated { IMPUTED.to_owned() } else { String::new() },
                updated_s: value.last_updated.map(|time| time.timestamp()),
            }
        });
        let findings = answer.meta.warnings.unwrap_or_default().into_iter().map(|warning| {
            let message = format!("{SAID} warns of its values of zone {zone}: {}", warning.message.unwrap_or_default());
            Finding::new("CI_WARNING", Severity::Disclosed, message).examined(1).failing(1)
        });
        let name = format!("historical {}", self.signal.word());
        let (items, findings) = (items.collect(), findings.collect());
        Ok(Page { name, column: Column::Direct, unit, interval_s: answer.meta.data_point_period_seconds, items, reply, findings })
    }
}

impl IntensityHistory for WattTime {
    async fn history(&self, zone: &str, span: Span, now: DateTime<Utc>) -> Result<Fetched, Refusal> {
        let token = self.log_in().await?;
        let until = span.start..span.end.min(now.timestamp());
        let pages = ask_whole(&until, LONGEST_S, async |piece| self.page(zone, piece, &token).await).await?;
        put_together(&About { zone, provider: NAME, signal: self.signal.signal(), span, now }, pages)
    }
}

impl IntensityForecast for WattTime {
    async fn forecast(&self, zone: &str, hours: u32, now: DateTime<Utc>) -> Result<Forecast, Refusal> {
        let token = self.log_in().await?;
        let horizon = hours.to_string();
        let (answer, unit, reply) = self.answer("/v3/forecast", zone, &[("horizon_hours", &horizon)], &token).await?;
        let generated_s = answer.meta.generated_at.unwrap_or(now).timestamp();
        let values = answer.data.iter().filter_map(|value| Some((value.point_time.timestamp(), unit.in_grams_per_kwh(value.value?).get())));
        let interval_s = answer.meta.data_point_period_seconds;
        super::reply::forecast(zone, NAME, self.signal.signal(), Some(generated_s), values.collect(), interval_s, reply)
    }
}

fn time(seconds: i64) -> String {
    DateTime::from_timestamp(seconds, 0).map(|time| time.to_rfc3339_opts(SecondsFormat::Secs, true)).unwrap_or_default()
}

#[derive(Deserialize)]
struct Login {
    token: String,
}

#[derive(Deserialize)]
struct Answer {
    data: Vec<Value>,
    meta: Meta,
}

#[derive(Deserialize)]
struct Value {
    point_time: DateTime<Utc>,
    value: Option<f64>,
    imputed_data_used: Option<bool>,
    last_updated: Option<DateTime<Utc>>,
}

#[derive(Deserialize)]
struct Meta {
    region: String,
    signal_type: String,
    units: Option<String>,
    data_point_period_seconds: Option<i64>,
    generated_at: Option<DateTime<Utc>>,
    warnings: Option<Vec<Warning>>,
}

#[derive(Deserialize)]
struct Warning {
    message: Option<String>,
}
