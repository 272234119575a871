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
use crate::outlook::{Basis, Unknown, UnknownKind, ZoneOutlook};
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
    of_zone(&zone, asked, now)
}

fn of_zone(zone: &ZoneOutlook, asked: Asked, now: DateTime<Utc>) -> Result<EmissionsForecast, Problem> {
    let expected = zone.forecast(now, now + BEYOND, now).map_err(|unknown| not_forecast(&unknown))?;
    let course = zone.course(now, now + BEYOND, now, Basis::Forecast).map_err(|unknown| not_forecast(&unknown))?;
    let (first, last) = (&expected.readings[0], &expected.readings[expected.readings.len() - 1]);
    let (from, to) = (asked.from.unwrap_or(first.from), asked.to.unwrap_or(last.to));
    let minutes = asked.window.filter(|minutes| *minutes > 0).unwrap_or((first.to - first.from).num_minutes().max(1));
    let window = TimeDelta::minutes(minutes);
    // A first point that has begun before the data are wanted counts from there on.
    let starts = expected.readings.iter().filter(|reading| reading.to > from).map(|reading| reading.from.max(from));
    let point = |start: DateTime<Utc>| {
        let end = start + window;
        let mean = RunMean::over(&course.intensity, start.timestamp_millis(), end.timestamp_millis()).filter(|_| end <= to)?;
        let value = mean.grams().get();
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outlook::Found;
    use crate::web::keda::tests::{POLICY, at, forecast as forecast_of};

    /// Made at 00:10Z, of the hours from 00:00Z on.
    fn asked(values: &[f64], from: Option<&str>, to: Option<&str>, window: Option<i64>, now: &str) -> Result<EmissionsForecast, Problem> {
        let forecast = forecast_of("2026-10-05T00:10:00Z", "2026-10-05T00:00:00Z", values);
        let found = Found { forecast: Some((&forecast, at("2026-10-05T00:10:00Z"))), ..Found::default() };
        let asked = Asked { location: "westeurope".to_owned(), from: from.map(at), to: to.map(at), window, requested: at(now) };
        of_zone(&ZoneOutlook::of("NL", POLICY, &found), asked, at(now))
    }

    fn shown(points: &[ForecastPoint]) -> Vec<(String, i64, f64)> {
        points
            .iter()
            .map(|point| (point.timestamp.format("%H:%M").to_string(), point.duration, (point.value * 100.0).round() / 100.0))
            .collect()
    }

    fn points(expected: &[(&str, i64, f64)]) -> Vec<(String, i64, f64)> {
        expected.iter().map(|(time, duration, value)| ((*time).to_owned(), *duration, *value)).collect()
    }

    #[test]
    fn parts_of_a_point_are_weighted_by_time_and_a_window_ends_with_the_data() {
        // 90 minutes: (60 × 100 + 30 × 200) / 90, (60 × 200 + 30 × 50) / 90, (60 × 50 + 30 × 60) / 90; from 03:00 on there is too little.
        let forecast = asked(&[100.0, 200.0, 50.0, 60.0], None, None, Some(90), "2026-10-05T00:20:00Z").unwrap();
        assert_eq!(shown(&forecast.forecast_data), points(&[("00:00", 90, 133.33), ("01:00", 90, 150.0), ("02:00", 90, 53.33)]));
        assert_eq!(shown(&forecast.optimal_data_points), points(&[("02:00", 90, 53.33)]));
        assert_eq!(
            (forecast.window_size, forecast.location.as_str(), forecast.generated_at),
            (90, "westeurope", at("2026-10-05T00:10:00Z"))
        );
        assert_eq!((forecast.data_start_at, forecast.data_end_at), (at("2026-10-05T00:00:00Z"), at("2026-10-05T04:00:00Z")));
    }

    #[test]
    fn without_a_window_it_is_that_of_the_points_and_equal_ones_are_all_named() {
        let forecast = asked(&[100.0, 50.0, 50.0], None, None, None, "2026-10-05T00:20:00Z").unwrap();
        assert_eq!(shown(&forecast.optimal_data_points), points(&[("01:00", 60, 50.0), ("02:00", 60, 50.0)]));
        assert_eq!(asked(&[100.0], None, None, Some(0), "2026-10-05T00:20:00Z").unwrap().window_size, 60);
    }

    #[test]
    fn no_window_starts_before_or_ends_after_the_data_that_were_asked_for() {
        let values = [100.0, 200.0, 50.0, 60.0];
        let within = asked(&values, Some("2026-10-05T00:30:00Z"), Some("2026-10-05T02:30:00Z"), Some(60), "2026-10-05T00:20:00Z").unwrap();
        // Half an hour at 100 and half at 200, then the hour at 200. From 02:00 on it would end at 03:00.
        assert_eq!(shown(&within.forecast_data), points(&[("00:30", 60, 150.0), ("01:00", 60, 200.0)]));
        let beyond = asked(&values, Some("2026-10-06T00:00:00Z"), None, Some(60), "2026-10-05T00:20:00Z").unwrap();
        assert!(beyond.forecast_data.is_empty() && beyond.optimal_data_points.is_empty());
        // What is over is not offered.
        assert_eq!(shown(&asked(&values, None, None, None, "2026-10-05T02:10:00Z").unwrap().forecast_data)[0].0, "02:00");
    }

    #[test]
    fn an_old_forecast_is_503_and_none_is_501() {
        let old = asked(&[100.0; 48], None, None, None, "2026-10-05T06:10:01Z").unwrap_err();
        assert_eq!((old.status, old.code.as_deref()), (503, Some("CI_FORECAST")));
        let asked = Asked { location: "NL".to_owned(), from: None, to: None, window: None, requested: at("2026-10-05T00:20:00Z") };
        let none = of_zone(&ZoneOutlook::of("NL", POLICY, &Found::default()), asked, at("2026-10-05T00:20:00Z")).unwrap_err();
        assert_eq!(none.status, 501);
    }
}
