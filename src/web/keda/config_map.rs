//! What Azure's carbon-aware-keda-operator reads: a forecast in a ConfigMap.
//!
//! In: what is known of a zone. Out: the ConfigMap's entries, as `Azure/kubernetes-carbon-intensity-exporter` writes them (`pkg/exporter/configmap.go`) and the operator reads them
//! (`controllers/carbon_forecast_fetcher.go`): `binaryData.data` is a list of `location`, `timestamp`, `duration` in whole minutes and `value`. Rule: the interval of now and those before it
//! are what came to pass, where that is known: the operator looks back for how long the grid has been dirty. Where nothing young enough is known the list is empty and `message` says why; the
//! operator then takes the limit that its user gave for that (`ecoModeOff.maxReplicas`). Does not: write it.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use crate::outlook::{Reading, ZoneOutlook};

/// How far the operator may look back.
const PAST: TimeDelta = TimeDelta::hours(24);

/// The entries of the ConfigMap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForecastMap {
    pub data: BTreeMap<String, String>,
    /// JSON, the value of one key of `binaryData`.
    pub points: Vec<u8>,
}

#[derive(Serialize)]
struct Point<'a> {
    location: &'a str,
    timestamp: DateTime<Utc>,
    duration: i32,
    value: f64,
}

impl ForecastMap {
    /// Up to `horizon` ahead.
    pub fn of(zone: &ZoneOutlook, horizon: TimeDelta, now: DateTime<Utc>) -> Self {
        let (readings, forecast_at, message) = match zone.forecast(now, now + horizon, now) {
            Ok(expected) => (joined(zone, expected.readings, now), Some(expected.generated_at), String::new()),
            Err(unknown) => (Vec::new(), None, unknown.reason),
        };
        let values = readings.iter().map(|reading| reading.intensity.get());
        // Nothing is not zero: where there are no values there is no lowest one.
        let written = |value: Option<f64>| value.map(|value| format!("{value:.6}")).unwrap_or_default();
        let points: Vec<Point<'_>> = readings
            .iter()
            .map(|reading| Point {
                location: zone.zone(),
                timestamp: reading.from,
                duration: i32::try_from((reading.to - reading.from).num_minutes()).unwrap_or(i32::MAX),
                value: reading.intensity.get(),
            })
            .collect();
        let data = [
            ("lastHeartbeatTime", now.to_rfc3339()),
            ("message", message),
            ("numOfRecords", points.len().to_string()),
            ("forecastDateTime", forecast_at.map(|at| at.to_rfc3339()).unwrap_or_default()),
            ("minForecast", written(values.clone().reduce(f64::min))),
            ("maxForecast", written(values.reduce(f64::max))),
        ];
        Self {
            data: data.into_iter().map(|(key, value)| (key.to_owned(), value)).collect(),
            points: serde_json::to_vec(&points).expect("plain values are written as JSON"),
        }
    }

    /// Whether the operator would read the same of both.
    pub fn says_the_same_as(&self, other: &Self) -> bool {
        self.points == other.points && self.data.get("message") == other.data.get("message")
    }
}

/// What came to pass up to now, and behind it what is forecast.
fn joined(zone: &ZoneOutlook, expected: Vec<Reading>, now: DateTime<Utc>) -> Vec<Reading> {
    let past = zone.history(now - PAST, now).map(|history| history.readings).unwrap_or_default();
    let until = past.last().map_or(now - PAST, |reading| reading.to);
    past.into_iter().chain(expected.into_iter().filter(|reading| reading.from >= until)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::tests::{POLICY, at, forecast, series};
    use super::*;
    use crate::outlook::Found;

    #[test]
    fn the_past_goes_before_the_forecast_and_both_are_one_list() {
        let forecast = forecast("2026-10-05T01:30:00Z", "2026-10-05T01:00:00Z", &[999.0, 140.0, 90.5]);
        let found = Found {
            editions: &[&series(&[Some(210.0), Some(180.0)])],
            forecast: Some((&forecast, at("2026-10-05T01:30:00Z"))),
            ..Found::default()
        };
        let zone = ZoneOutlook::of("NL", POLICY, &found);
        let map = ForecastMap::of(&zone, TimeDelta::hours(48), at("2026-10-05T01:40:00Z"));

        let point = |hour: u32, value: f64| json!({"location": "NL", "timestamp": format!("2026-10-05T0{hour}:00:00Z"), "duration": 60, "value": value});
        let points: Value = serde_json::from_slice(&map.points).unwrap();
        // The hour of now is known, so what was forecast of it is left out.
        assert_eq!(points, json!([point(0, 210.0), point(1, 180.0), point(2, 140.0), point(3, 90.5)]));
        let data: Value = serde_json::to_value(&map.data).unwrap();
        let expected = json!({
            "lastHeartbeatTime": "2026-10-05T01:40:00+00:00", "message": "", "numOfRecords": "4", "forecastDateTime": "2026-10-05T01:30:00+00:00",
            "minForecast": "90.500000", "maxForecast": "210.000000"
        });
        assert_eq!(data, expected);
        // A heartbeat is no news.
        assert!(map.says_the_same_as(&ForecastMap::of(&zone, TimeDelta::hours(48), at("2026-10-05T01:41:00Z"))));
    }

    #[test]
    fn what_is_too_old_to_act_on_is_an_empty_list_with_the_reason() {
        let forecast = forecast("2026-10-05T01:30:00Z", "2026-10-05T01:00:00Z", &[140.0; 48]);
        let found = Found { forecast: Some((&forecast, at("2026-10-05T01:30:00Z"))), ..Found::default() };
        let zone = ZoneOutlook::of("NL", POLICY, &found);
        assert_ne!(ForecastMap::of(&zone, TimeDelta::hours(48), at("2026-10-05T07:30:00Z")).points, b"[]");
        let stale = ForecastMap::of(&zone, TimeDelta::hours(48), at("2026-10-05T07:30:01Z"));
        assert_eq!(stale.points, b"[]");
        assert!(stale.data["message"].contains("is not acted on"), "{:?}", stale.data);
        assert_eq!((stale.data["numOfRecords"].as_str(), stale.data["minForecast"].as_str()), ("0", ""));
    }
}
