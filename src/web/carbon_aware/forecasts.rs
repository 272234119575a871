//! What is expected: `/emissions/forecasts/current` and `/emissions/forecasts/batch`.
//!
//! In: a zone's newest forecast, a window. Out: the mean over the window from each of the forecast's points on, and the lowest of them. Rule: parts of a point are weighted by
//! time; a window that would end after the data, or cross a hole, is none. A provider without forecasts is 501, as in the SDK; one whose forecast is too old to act on is 503.
//! Does not: keep forecasts: of a past moment only the newest is known, where it had been made by then.

use axum::Json;
use axum::extract::State as Extract;
use axum::extract::rejection::JsonRejection;
use chrono::{DateTime, TimeDelta, Utc};
use http::StatusCode;

use super::measured::{batch as of_size, locations, time_of};
use super::places::zone_of;
use super::shapes::{EmissionsForecast, ForecastAsked, ForecastPoint};
use crate::accounting::windows::RunMean;
use crate::outlook::{Basis, Unknown, UnknownKind};
use crate::web::grid::problem;
use crate::web::params::{Params, bad};
use crate::web::{Problem, Shared};

/// No provider forecasts so far.
const BEYOND: TimeDelta = TimeDelta::days(10);
/// Of a window, in minutes.
const LONGEST_WINDOW: i64 = 7 * 1_440;

#[utoipa::path(get, path = "/emissions/forecasts/current", tag = "carbon-aware",
    params(
        ("location" = Vec<String>, Query, description = "Grid zones, or regions of clouds; repeated"),
        ("dataStartAt" = Option<String>, Query, format = DateTime, description = "No window starts before [default: where the forecast begins]"),
        ("dataEndAt" = Option<String>, Query, format = DateTime, description = "No window ends after [default: where the forecast ends]"),
        ("windowSize" = Option<i64>, Query, description = "In minutes [default: that of the forecast's points]"),
    ),
    responses((status = 200, body = Vec<EmissionsForecast>), (status = 400, body = Problem), (status = 501, description = "There is no forecast of that location.", body = Problem), (status = 503, description = "The newest forecast is too old to act on.", body = Problem)))]
pub async fn current(Extract(state): Extract<Shared>, mut params: Params) -> Result<Json<Vec<EmissionsForecast>>, Problem> {
    let locations = locations(&mut params)?;
    let (from, to) = (params.instant("dataStartAt")?, params.instant("dataEndAt")?);
    let window = params.parsed("windowSize", "a whole number of minutes")?;
    let now = (state.now)();
    locations
        .into_iter()
        .map(|location| forecast(&state, Asked { location, from, to, window, requested: now }, now))
        .collect::<Result<_, _>>()
        .map(Json)
}

#[utoipa::path(post, path = "/emissions/forecasts/batch", tag = "carbon-aware", request_body = Vec<ForecastAsked>,
    responses((status = 200, body = Vec<EmissionsForecast>), (status = 400, body = Problem), (status = 501, description = "The forecast of that moment is not known any more.", body = Problem), (status = 503, body = Problem)))]
pub async fn batch(
    Extract(state): Extract<Shared>,
    asked: Result<Json<Vec<ForecastAsked>>, JsonRejection>,
) -> Result<Json<Vec<EmissionsForecast>>, Problem> {
    let now = (state.now)();
    let of_one = |asked: ForecastAsked| {
        let time = |name: &str, text: Option<String>| text.map(|text| time_of(name, &text)).transpose();
        let requested = time_of("requestedAt", &asked.requested_at)?;
        let (from, to) = (time("dataStartAt", asked.data_start_at)?, time("dataEndAt", asked.data_end_at)?);
        let forecast = forecast(&state, Asked { location: asked.location, from, to, window: asked.window_size, requested }, now)?;
        if requested > now || requested < forecast.generated_at {
            let reason = format!("Of {} only the forecast of {} is known.", forecast.location, forecast.generated_at.to_rfc3339());
            return Err(Problem::new(StatusCode::NOT_IMPLEMENTED, reason));
        }
        Ok(forecast)
    };
    of_size(asked)?.into_iter().map(of_one).collect::<Result<_, _>>().map(Json)
}

struct Asked {
    location: String,
    from: Option<DateTime<Utc>>,
    to: Option<DateTime<Utc>>,
    /// In minutes; 0 is as good as none.
    window: Option<i64>,
    requested: DateTime<Utc>,
}

fn forecast(state: &Shared, asked: Asked, now: DateTime<Utc>) -> Result<EmissionsForecast, Problem> {
    if asked.window.is_some_and(|minutes| !(0..=LONGEST_WINDOW).contains(&minutes)) {
        return Err(bad(format!("`windowSize` is from 0 to {LONGEST_WINDOW} minutes.")));
    }
    if let (Some(from), Some(to)) = (asked.from, asked.to)
        && from >= to
    {
        return Err(bad("`dataStartAt` is not before `dataEndAt`."));
    }
    let zone = zone_of(&state.grid, &asked.location)?;
    let expected = zone.forecast(now, now + BEYOND, now).map_err(|unknown| not_forecast(&unknown))?;
    let course = zone.course(now, now + BEYOND, now, Basis::Forecast).map_err(|unknown| not_forecast(&unknown))?;
    let (first, last) = (&expected.readings[0], &expected.readings[expected.readings.len() - 1]);
    let (from, to) = (asked.from.unwrap_or(first.from), asked.to.unwrap_or(last.to));
    let minutes = asked.window.filter(|minutes| *minutes > 0).unwrap_or((first.to - first.from).num_minutes());
    let window = TimeDelta::minutes(minutes);
    // A first point that has begun before the data are wanted counts from there on.
    let starts = expected.readings.iter().filter(|reading| reading.to > from).map(|reading| reading.from.max(from));
    let point = |start: DateTime<Utc>| {
        let end = start + window;
        let sum = course.intensity.between(start.timestamp_millis(), end.timestamp_millis()).filter(|_| end <= to)?;
        let value = RunMean::of_run(sum, window.num_milliseconds()).grams().get();
        Some(ForecastPoint { location: asked.location.clone(), timestamp: start, duration: minutes, value })
    };
    let forecast_data: Vec<ForecastPoint> = starts.filter_map(point).collect();
    let lowest = forecast_data.iter().map(|point| point.value).fold(f64::INFINITY, f64::min);
    Ok(EmissionsForecast {
        generated_at: expected.generated_at,
        requested_at: asked.requested,
        location: asked.location,
        data_start_at: from,
        data_end_at: to,
        window_size: minutes,
        optimal_data_points: forecast_data.iter().filter(|point| point.value <= lowest).cloned().collect(),
        forecast_data,
    })
}

/// There is none, or none that is young enough.
fn not_forecast(unknown: &Unknown) -> Problem {
    match unknown.kind {
        UnknownKind::NoForecast if unknown.age.is_none() => {
            Problem::new(StatusCode::NOT_IMPLEMENTED, unknown.reason.clone()).code(unknown.code.clone())
        }
        _ => problem(unknown),
    }
}
