//! `/keda/allowed`: how many jobs may run now, for KEDA's scaler `metrics-api`.
//!
//! In: a zone and the terms of a gate, in the query. Out: `allowed`, with why. Rule: KEDA scales up with a higher value, so this is a number of jobs and not an intensity. What
//! it was before comes from the zone's past and not from this process, so that all servers say the same (see [`GateTerms`]). An intensity that is unknown or stale is 503,
//! which KEDA takes for an error and not for a value: no new job, and none that runs is ended. Only where a deadline leaves no time to wait is the intensity not asked.
//! Does not: know how much work there is.

mod config_map;

use axum::extract::State as Extract;
use axum::routing::get;
use axum::{Json, Router};
use chrono::{DateTime, NaiveTime, TimeDelta, Utc};
use chrono_tz::Tz;
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

pub use self::config_map::ForecastMap;
use super::grid::problem;
use super::params::{Params, bad, instant};
use super::{Problem, Shared};
use crate::model::{Deadline, GateTerms, LatestStart};
use crate::outlook::{Reading, Unknown, ZoneOutlook};
use crate::units::GramsCo2ePerKilowattHour;

/// How far back the past is played again. Any hour that is dirty, or clean enough for all, makes what was before it forgotten.
const PAST: TimeDelta = TimeDelta::hours(48);
const PARAMS: [&str; 9] = ["zone", "below", "max", "full", "steps", "hysteresis", "deadline", "duration", "time_zone"];

pub fn routes() -> Router<Shared> {
    Router::new().route("/keda/allowed", get(allowed))
}

#[derive(OpenApi)]
#[openapi(paths(allowed))]
pub struct Doc;

/// Why so many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
enum Why {
    /// None: the intensity is at `below` or above it, or has not been lower than it by `hysteresis` since it was.
    Closed,
    /// Some.
    Graded,
    /// All.
    Open,
    /// All, whatever the intensity: work that starts later would not end by its deadline.
    LatestStart,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Allowed {
    /// How many jobs may run: KEDA's `valueLocation`.
    allowed: u32,
    max: u32,
    why: Why,
    zone: String,
    /// In gCO2e/kWh; null where it is not known and a deadline leaves no time to wait.
    carbon_intensity: Option<f64>,
    /// When the interval of the intensity begins.
    #[schema(value_type = Option<String>, format = DateTime)]
    at: Option<DateTime<Utc>>,
    estimated: Option<bool>,
    edition: Option<String>,
    /// From when on all may run.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    latest_start: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    deadline: Option<DateTime<Utc>>,
}

/// What was asked.
struct Question {
    zone: String,
    terms: GateTerms,
    latest_start: Option<LatestStart>,
}

impl Question {
    fn of(mut params: Params, time_zone: Tz) -> Result<Self, Problem> {
        let zone = params.needed("zone")?;
        let number = |text: &str| text.parse().ok().filter(|value: &f64| GramsCo2ePerKilowattHour::new(*value).is_plausible());
        let mut grams = |name: &str| {
            let grams = params.parsed_by(name, "a number of gCO2e/kWh from 0 to 2,000", number)?;
            Ok::<_, Problem>(grams.map(|grams| GramsCo2ePerKilowattHour::new(grams).micros()))
        };
        let (below, full, hysteresis) = (grams("below")?, grams("full")?, grams("hysteresis")?);
        let max = params.parsed("max", "a whole number of jobs")?;
        let steps = params.parsed("steps", "a whole number of steps")?;
        let time_zone = params.parsed("time_zone", "a time zone, as in Europe/Amsterdam")?.unwrap_or(time_zone);
        let deadline = params.parsed_by("deadline", "a time of day as 07:00, or a time as 2026-10-05T07:00:00Z", |text| {
            let of_day = ["%H:%M", "%H:%M:%S"].iter().find_map(|format| NaiveTime::parse_from_str(text, format).ok());
            of_day.map(|time| Deadline::Daily(time, time_zone)).or_else(|| instant(text).map(Deadline::Once))
        })?;
        let duration = params.parsed_by("duration", "a length of time, as in 2h or 90m", |text| {
            TimeDelta::from_std(humantime::parse_duration(text).ok()?).ok().filter(|length| *length <= TimeDelta::days(31))
        })?;
        params.nothing_else(&PARAMS)?;
        let missing = |name: &str| bad(format!("`{name}` is missing."));
        let terms = GateTerms::new(
            below.ok_or_else(|| missing("below"))?,
            full,
            max.ok_or_else(|| missing("max"))?,
            steps,
            hysteresis.unwrap_or(0),
        );
        let latest_start = match (deadline, duration) {
            (None, None) => None,
            (Some(deadline), Some(duration)) => Some(LatestStart::new(deadline, duration).map_err(bad)?),
            (Some(_), None) => return Err(missing("duration")),
            (None, Some(_)) => return Err(missing("deadline")),
        };
        Ok(Self { zone, terms: terms.map_err(bad)?, latest_start })
    }
}

#[utoipa::path(get, path = "/keda/allowed", tag = "keda",
    params(
        ("zone" = String, Query, description = "Grid zone of the configuration, as in NL"),
        ("below" = f64, Query, description = "At this intensity and above it no job may run, in gCO2e/kWh"),
        ("max" = u32, Query, description = "How many jobs may run at the most"),
        ("full" = Option<f64>, Query, description = "At this intensity and below it all may; in between a share of them [default: `below`, a switch]"),
        ("steps" = Option<u32>, Query, description = "The share goes in so many steps [default: job by job]"),
        ("hysteresis" = Option<f64>, Query, description = "The number rises only once the intensity is lower by so much [default: 0]"),
        ("deadline" = Option<String>, Query, description = "When the work has to have ended: a time of day (07:00) or a time (RFC 3339)"),
        ("duration" = Option<String>, Query, description = "How long all of the work takes (2h): from so long before the deadline all may run, whatever the intensity"),
        ("time_zone" = Option<String>, Query, description = "Of a deadline that is a time of day [default: the organisation's]"),
    ),
    responses(
        (status = 200, description = "How many jobs may run.", body = Allowed),
        (status = 400, description = "The terms cannot be.", body = Problem),
        (status = 404, description = "There is no such zone.", body = Problem),
        (status = 503, description = "The intensity is unknown or too old; KEDA starts nothing and ends nothing.", body = Problem),
    ))]
async fn allowed(Extract(state): Extract<Shared>, params: Params) -> Result<Json<Allowed>, Problem> {
    let question = Question::of(params, state.config.time_zone)?;
    let zone = state.grid.zone(&question.zone)?;
    answer(&question, &zone, (state.now)()).map(Json).map_err(|unknown| problem(&unknown))
}

fn answer(question: &Question, zone: &ZoneOutlook, now: DateTime<Utc>) -> Result<Allowed, Unknown> {
    let terms = &question.terms;
    let current = zone.current(now);
    let is_due = question.latest_start.is_some_and(|work| work.is_due(now));
    let (allowed, reading) = match (is_due, current) {
        (true, reading) => (terms.max(), reading.ok()),
        (false, Ok(reading)) => (played_again(terms, zone, &reading, now), Some(reading)),
        (false, Err(unknown)) => return Err(unknown),
    };
    let why = match allowed {
        _ if is_due => Why::LatestStart,
        0 => Why::Closed,
        some if some == terms.max() => Why::Open,
        _ => Why::Graded,
    };
    Ok(Allowed {
        allowed,
        max: terms.max(),
        why,
        zone: zone.zone().to_owned(),
        carbon_intensity: reading.as_ref().map(|reading| reading.intensity.get()),
        at: reading.as_ref().map(|reading| reading.from),
        estimated: reading.as_ref().map(|reading| reading.is_estimated),
        edition: reading.map(|reading| reading.origin.edition.clone()),
        latest_start: question.latest_start.map(|work| work.at(now)),
        deadline: question.latest_start.map(|work| work.deadline_at(now)),
    })
}

/// What the past made of the gate, up to the value that is acted on.
fn played_again(terms: &GateTerms, zone: &ZoneOutlook, current: &Reading, now: DateTime<Utc>) -> u32 {
    let past = zone.history(now - PAST, current.from).map(|history| history.readings).unwrap_or_default();
    let mut values = Vec::with_capacity(past.len() + 1);
    let mut until = None;
    for reading in past.iter().filter(|reading| reading.from < current.from).chain([current]) {
        if until.is_some_and(|until| until < reading.from) {
            values.push(None);
        }
        until = Some(reading.to);
        values.push(Some(reading.intensity.micros()));
    }
    terms.replay(values).expect("the last value is known")
}

#[cfg(test)]
pub mod tests;
