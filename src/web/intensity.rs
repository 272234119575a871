//! `/intensity/…`: what a zone's grid does, did and is expected to do, each value with where it comes from.
//!
//! Rule: average direct intensity in gCO2e/kWh, the one that reports use. A value comes with its interval, whether its provider estimated it, and its edition; one that
//! is unknown or too old is 503 with the reason. Holes of the past are listed, not filled. Does not: choose between zones.

use axum::extract::State as Extract;
use axum::routing::get;
use axum::{Json, Router};
use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

use super::grid::problem;
use super::params::{Params, bad};
use super::{Problem, Shared};
use crate::outlook::Reading;

const UNIT: &str = "gCO2e/kWh";
/// Of a span, where none is said.
const A_DAY: TimeDelta = TimeDelta::hours(24);
/// A quarter of a year by the hour has some two thousand values.
const LONGEST: TimeDelta = TimeDelta::days(93);

pub fn routes() -> Router<Shared> {
    Router::new()
        .route("/intensity/current", get(current))
        .route("/intensity/history", get(history))
        .route("/intensity/forecast", get(forecast))
        .route("/intensity/zones", get(zones))
}

#[derive(OpenApi)]
#[openapi(paths(current, history, forecast, zones))]
pub struct Doc;

/// A value, and where it comes from.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Value {
    /// Average direct intensity, in gCO2e/kWh.
    carbon_intensity: f64,
    /// When its interval begins.
    #[schema(value_type = String, format = DateTime)]
    at: DateTime<Utc>,
    /// When its interval ends.
    #[schema(value_type = String, format = DateTime)]
    until: DateTime<Utc>,
    /// Whether the provider says that it estimated it.
    estimated: bool,
    /// Which files, or which replies when: the same words as in reports.
    edition: String,
    provider: String,
}

impl Value {
    fn of(reading: &Reading) -> Self {
        Self {
            carbon_intensity: reading.intensity.get(),
            at: reading.from,
            until: reading.to,
            estimated: reading.is_estimated,
            edition: reading.origin.edition.clone(),
            provider: reading.origin.provider.clone(),
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Current {
    zone: String,
    #[serde(flatten)]
    value: Value,
    unit: &'static str,
    /// `direct`: combustion only, as in Scope 2.
    factor: &'static str,
    /// When it was asked for or published.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    known_at: Option<DateTime<Utc>>,
    /// How long ago its interval ended; 0 where it has not.
    age_seconds: i64,
}

#[derive(Debug, Serialize, ToSchema)]
struct Hole {
    #[schema(value_type = String, format = DateTime)]
    from: DateTime<Utc>,
    #[schema(value_type = String, format = DateTime)]
    to: DateTime<Utc>,
}

#[derive(Debug, Serialize, ToSchema)]
struct History {
    zone: String,
    unit: &'static str,
    factor: &'static str,
    #[schema(value_type = String, format = DateTime)]
    from: DateTime<Utc>,
    #[schema(value_type = String, format = DateTime)]
    to: DateTime<Utc>,
    /// Whole intervals that reach into the span.
    values: Vec<Value>,
    /// Stretches of the span of which nothing is known.
    holes: Vec<Hole>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Forecast {
    zone: String,
    unit: &'static str,
    factor: &'static str,
    /// When it was made; when it was asked for where the provider does not say it.
    #[schema(value_type = String, format = DateTime)]
    generated_at: DateTime<Utc>,
    #[schema(value_type = String, format = DateTime)]
    from: DateTime<Utc>,
    #[schema(value_type = String, format = DateTime)]
    to: DateTime<Utc>,
    /// Whole intervals that reach into the span; a forecast may end before it.
    values: Vec<Value>,
}

#[derive(Debug, Serialize, ToSchema)]
struct Zones {
    zones: Vec<String>,
}

#[utoipa::path(get, path = "/intensity/current", tag = "intensity",
    params(("zone" = String, Query, description = "Grid zone of the configuration, as in NL")),
    responses(
        (status = 200, description = "The value of now.", body = Current),
        (status = 404, description = "There is no such zone.", body = Problem),
        (status = 503, description = "It is unknown, or too old to act on; `code` and `detail` say why.", body = Problem),
    ))]
async fn current(Extract(state): Extract<Shared>, mut params: Params) -> Result<Json<Current>, Problem> {
    let zone = params.needed("zone")?;
    params.nothing_else(&["zone"])?;
    let now = (state.now)();
    let zone = state.grid.zone(&zone)?;
    let reading = zone.current(now).map_err(|unknown| problem(&unknown))?;
    Ok(Json(Current {
        zone: zone.zone().to_owned(),
        unit: UNIT,
        factor: "direct",
        known_at: reading.origin.known_at,
        age_seconds: reading.age(now).num_seconds(),
        value: Value::of(&reading),
    }))
}

#[utoipa::path(get, path = "/intensity/history", tag = "intensity",
    params(
        ("zone" = String, Query, description = "Grid zone of the configuration, as in NL"),
        ("from" = Option<String>, Query, format = DateTime, description = "RFC 3339 [default: a day before `to`]"),
        ("to" = Option<String>, Query, format = DateTime, description = "Exclusive, RFC 3339 [default: now]"),
    ),
    responses(
        (status = 200, description = "Values of the span, and its holes.", body = History),
        (status = 400, body = Problem),
        (status = 404, description = "There is no such zone.", body = Problem),
        (status = 503, description = "Nothing of the span is known; `code` and `detail` say why.", body = Problem),
    ))]
async fn history(Extract(state): Extract<Shared>, mut params: Params) -> Result<Json<History>, Problem> {
    let zone = params.needed("zone")?;
    let now = (state.now)();
    let (from, to) = (params.instant("from")?, params.instant("to")?);
    params.nothing_else(&["zone", "from", "to"])?;
    let to = to.unwrap_or(now);
    let from = span(from.unwrap_or(to - A_DAY), to)?;
    let zone = state.grid.zone(&zone)?;
    let history = zone.history(from, to).map_err(|unknown| problem(&unknown))?;
    Ok(Json(History {
        zone: zone.zone().to_owned(),
        unit: UNIT,
        factor: "direct",
        from,
        to,
        values: history.readings.iter().map(Value::of).collect(),
        holes: history.holes.into_iter().map(|(from, to)| Hole { from, to }).collect(),
    }))
}

#[utoipa::path(get, path = "/intensity/forecast", tag = "intensity",
    params(
        ("zone" = String, Query, description = "Grid zone of the configuration, as in NL"),
        ("from" = Option<String>, Query, format = DateTime, description = "RFC 3339 [default: now]"),
        ("to" = Option<String>, Query, format = DateTime, description = "Exclusive, RFC 3339 [default: as far as the configuration asks for]"),
    ),
    responses(
        (status = 200, description = "The newest forecast of the span.", body = Forecast),
        (status = 400, body = Problem),
        (status = 404, description = "There is no such zone.", body = Problem),
        (status = 503, description = "There is no forecast that is young enough to act on; `detail` says why.", body = Problem),
    ))]
async fn forecast(Extract(state): Extract<Shared>, mut params: Params) -> Result<Json<Forecast>, Problem> {
    let zone = params.needed("zone")?;
    let now = (state.now)();
    let (from, to) = (params.instant("from")?, params.instant("to")?);
    params.nothing_else(&["zone", "from", "to"])?;
    let horizon = TimeDelta::from_std(state.grid.outlook().policy().forecast_horizon).unwrap_or(A_DAY);
    let from = from.unwrap_or(now);
    let to = to.unwrap_or(from + horizon);
    span(from, to)?;
    let zone = state.grid.zone(&zone)?;
    let expected = zone.forecast(from, to, now).map_err(|unknown| problem(&unknown))?;
    Ok(Json(Forecast {
        zone: zone.zone().to_owned(),
        unit: UNIT,
        factor: "direct",
        generated_at: expected.generated_at,
        from,
        to,
        values: expected.readings.iter().map(Value::of).collect(),
    }))
}

#[utoipa::path(get, path = "/intensity/zones", tag = "intensity", responses((status = 200, description = "The zones that can be asked about.", body = Zones)))]
async fn zones(Extract(state): Extract<Shared>) -> Json<Zones> {
    Json(Zones { zones: state.grid.outlook().zones() })
}

/// The beginning of a span that is one.
fn span(from: DateTime<Utc>, to: DateTime<Utc>) -> Result<DateTime<Utc>, Problem> {
    if from >= to {
        return Err(bad("`from` is not before `to`."));
    }
    if to - from > LONGEST {
        return Err(bad(format!("From `from` to `to` are at most {} days.", LONGEST.num_days())));
    }
    Ok(from)
}
