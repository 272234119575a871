//! What came to pass: `/emissions/bylocation`, `…/bylocations`, `…/best`, `/emissions/average-carbon-intensity`.
//!
//! Rule: as in the SDK, `time` alone is one moment and gives the interval that it lies in; with `toTime` all intervals that reach into the span. Without both it is the value
//! of now, and then one that is stale is no value. An average is weighted by time, and unknown across a hole. Does not: fill one.

use axum::Json;
use axum::extract::State as Extract;
use axum::extract::rejection::JsonRejection;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, TimeDelta, Utc};
use http::StatusCode;

use super::MOST_ASKED;
use super::places::zone_of;
use super::shapes::{AverageAsked, CarbonIntensity, EmissionsData};
use crate::outlook::{Reading, UnknownKind, ZoneOutlook};
use crate::web::grid::problem;
use crate::web::params::{Params, bad, instant};
use crate::web::{Problem, Shared};

/// Of a span.
const LONGEST: TimeDelta = TimeDelta::days(93);

#[utoipa::path(get, path = "/emissions/bylocation", tag = "carbon-aware",
    params(
        ("location" = String, Query, description = "Grid zone, or region of a cloud"),
        ("time" = Option<String>, Query, format = DateTime, description = "Start [default: now]"),
        ("toTime" = Option<String>, Query, format = DateTime, description = "End [default: `time`]"),
    ),
    responses((status = 200, body = Vec<EmissionsData>), (status = 204, description = "Nothing is known of that time."), (status = 400, body = Problem), (status = 503, body = Problem)))]
pub async fn by_location(Extract(state): Extract<Shared>, mut params: Params) -> Result<Response, Problem> {
    let location = params.needed("location")?;
    found(measured(&state, &[location], params)?)
}

#[utoipa::path(get, path = "/emissions/bylocations", tag = "carbon-aware",
    params(
        ("location" = Vec<String>, Query, description = "Grid zones, or regions of clouds; repeated"),
        ("time" = Option<String>, Query, format = DateTime, description = "Start [default: now]"),
        ("toTime" = Option<String>, Query, format = DateTime, description = "End [default: `time`]"),
    ),
    responses((status = 200, body = Vec<EmissionsData>), (status = 204, description = "Nothing is known of that time."), (status = 400, body = Problem), (status = 503, body = Problem)))]
pub async fn by_locations(Extract(state): Extract<Shared>, mut params: Params) -> Result<Response, Problem> {
    let locations = locations(&mut params)?;
    found(measured(&state, &locations, params)?)
}

#[utoipa::path(get, path = "/emissions/bylocations/best", tag = "carbon-aware",
    params(
        ("location" = Vec<String>, Query, description = "Grid zones, or regions of clouds; repeated"),
        ("time" = Option<String>, Query, format = DateTime, description = "Start [default: now]"),
        ("toTime" = Option<String>, Query, format = DateTime, description = "End [default: `time`]"),
    ),
    responses((status = 200, description = "Those with the lowest rating.", body = Vec<EmissionsData>), (status = 204, description = "Nothing is known of that time."), (status = 400, body = Problem), (status = 503, body = Problem)))]
pub async fn best(Extract(state): Extract<Shared>, mut params: Params) -> Result<Response, Problem> {
    let locations = locations(&mut params)?;
    let mut data = measured(&state, &locations, params)?;
    let lowest = data.iter().map(|data| data.rating).fold(f64::INFINITY, f64::min);
    data.retain(|data| data.rating <= lowest);
    found(data)
}

#[utoipa::path(get, path = "/emissions/average-carbon-intensity", tag = "carbon-aware",
    params(
        ("location" = String, Query, description = "Grid zone, or region of a cloud"),
        ("startTime" = String, Query, format = DateTime),
        ("endTime" = String, Query, format = DateTime),
    ),
    responses((status = 200, body = CarbonIntensity), (status = 400, body = Problem), (status = 503, description = "A part of that time is not known.", body = Problem)))]
pub async fn average(Extract(state): Extract<Shared>, mut params: Params) -> Result<Json<CarbonIntensity>, Problem> {
    let location = params.needed("location")?;
    let mut time = |name: &str| params.instant(name)?.ok_or_else(|| bad(format!("`{name}` is missing.")));
    let (from, to) = (time("startTime")?, time("endTime")?);
    mean(&state, location, from, to).map(Json)
}

#[utoipa::path(post, path = "/emissions/average-carbon-intensity/batch", tag = "carbon-aware", request_body = Vec<AverageAsked>,
    responses((status = 200, body = Vec<CarbonIntensity>), (status = 400, body = Problem), (status = 503, description = "A part of one of those times is not known.", body = Problem)))]
pub async fn averages(
    Extract(state): Extract<Shared>,
    asked: Result<Json<Vec<AverageAsked>>, JsonRejection>,
) -> Result<Json<Vec<CarbonIntensity>>, Problem> {
    let asked = batch(asked)?;
    let of_one = |asked: AverageAsked| {
        let (from, to) = (time_of("startTime", &asked.start_time)?, time_of("endTime", &asked.end_time)?);
        mean(&state, asked.location, from, to)
    };
    asked.into_iter().map(of_one).collect::<Result<_, _>>().map(Json)
}

/// A batch of a size that is answered.
pub fn batch<T>(asked: Result<Json<Vec<T>>, JsonRejection>) -> Result<Vec<T>, Problem> {
    let Json(asked) =
        asked.map_err(|rejection| Problem::new(rejection.status(), "The body is not a list of what this route takes, as JSON."))?;
    if asked.len() > MOST_ASKED {
        return Err(bad(format!("A batch has at most {MOST_ASKED} elements.")));
    }
    Ok(asked)
}

/// A time in a body.
pub fn time_of(name: &str, text: &str) -> Result<DateTime<Utc>, Problem> {
    instant(text).ok_or_else(|| bad(format!("`{name}` is not a time; write it as 2026-10-05T07:00:00Z.")))
}

pub fn locations(params: &mut Params) -> Result<Vec<String>, Problem> {
    let locations = params.many("location");
    if locations.is_empty() { Err(bad("`location` is missing.")) } else { Ok(locations) }
}

fn found(data: Vec<EmissionsData>) -> Result<Response, Problem> {
    Ok(if data.is_empty() { StatusCode::NO_CONTENT.into_response() } else { Json(data).into_response() })
}

fn measured(state: &Shared, locations: &[String], mut params: Params) -> Result<Vec<EmissionsData>, Problem> {
    let (from, to) = (params.instant("time")?, params.instant("toTime")?);
    let now = (state.now)();
    let mut data = Vec::new();
    for location in locations {
        let zone = zone_of(&state.grid, location)?;
        let readings = match (from, to) {
            (None, None) => vec![zone.current(now).map_err(|unknown| problem(&unknown))?],
            (from, to) => {
                let from = from.unwrap_or(now);
                span(&zone, from, to.unwrap_or(from))?
            }
        };
        data.extend(readings.iter().map(|reading| EmissionsData::of(location, reading)));
    }
    Ok(data)
}

/// Intervals that reach into a span, or that a moment lies in.
fn span(zone: &ZoneOutlook, from: DateTime<Utc>, to: DateTime<Utc>) -> Result<Vec<Reading>, Problem> {
    if to < from {
        return Err(bad("`toTime` is before `time`."));
    }
    if to - from > LONGEST {
        return Err(bad(format!("From `time` to `toTime` are at most {} days.", LONGEST.num_days())));
    }
    match zone.history(from, to.max(from + TimeDelta::milliseconds(1))) {
        Ok(history) => Ok(history.readings),
        Err(unknown) if unknown.kind == UnknownKind::NoData => Ok(Vec::new()),
        Err(unknown) => Err(problem(&unknown)),
    }
}

fn mean(state: &Shared, location: String, from: DateTime<Utc>, to: DateTime<Utc>) -> Result<CarbonIntensity, Problem> {
    if from >= to {
        return Err(bad("`startTime` is not before `endTime`."));
    }
    let mean = zone_of(&state.grid, &location)?.mean(from, to).map_err(|unknown| problem(&unknown))?;
    Ok(CarbonIntensity { location, start_time: from, end_time: to, carbon_intensity: mean.grams().get() })
}
