//! What schedulers ask the server about the grid: the intensity API, the Carbon Aware SDK's routes, the gate for KEDA, and the example manifests against it.

mod operator;
mod release;
mod scaled;

use std::fs;

use chrono::{DateTime, TimeDelta, Timelike, Utc};
use serde_json::{Value, json};
use wattledger::model::AccessScope;

use crate::serve::server::{Place, Reply, Server};

/// The beginning of the hour that it is.
fn this_hour() -> DateTime<Utc> {
    let now = Utc::now();
    now - TimeDelta::seconds(i64::from(now.minute() * 60 + now.second())) - TimeDelta::nanoseconds(i64::from(now.nanosecond()))
}

fn written(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Hourly values that end with the hour so many hours ago.
fn csv(zone: &str, values: &[f64], last_hours_ago: i64) -> String {
    let first = this_hour() - TimeDelta::hours(last_hours_ago + values.len() as i64 - 1);
    let row = |(hour, value): (i64, &f64)| format!("{},{zone},{value}\n", written(first + TimeDelta::hours(hour)));
    let rows: String = (0..).zip(values).map(row).collect();
    format!("ts,zone,intensity_gco2e_per_kwh\n{rows}")
}

/// A server that knows NL up to now, and FR up to some hours ago.
struct Grid {
    /// Holds the files that the server reads.
    _place: Place,
    server: Server,
}

impl Grid {
    fn of(nl: &[f64], fr: &[f64], fr_hours_ago: i64) -> Self {
        Self::with(nl, fr, fr_hours_ago, &[]).0
    }

    /// With a token for each scope, without which nothing can be had.
    fn with(nl: &[f64], fr: &[f64], fr_hours_ago: i64, scopes: &[AccessScope]) -> (Self, Vec<String>) {
        let place = Place::new();
        fs::write(place.path("nl.csv"), csv("NL", nl, 0)).unwrap();
        fs::write(place.path("fr.csv"), csv("FR", fr, fr_hours_ago)).unwrap();
        let feeds = "[[intensity]]\nzones = [\"NL\"]\nprovider = \"files\"\nfiles = [\"nl.csv\"]\n[[intensity]]\nzones = [\"FR\"]\nprovider = \"files\"\nfiles = [\"fr.csv\"]";
        let serve = if scopes.is_empty() { "" } else { "tokens_file = \"tokens.toml\"" };
        let config = place.config(&format!("{serve}\n{feeds}"));
        let tokens = scopes.iter().map(|scope| place.token(&config, &[*scope])).collect();
        let server = Server::start(&config);
        (Self { _place: place, server }, tokens)
    }

    fn get(&self, path: &str) -> Reply {
        self.server.get(path, &[])
    }

    fn json(&self, path: &str) -> Value {
        let reply = self.get(path);
        assert_eq!(reply.status, 200, "{path}: {}", reply.text());
        serde_json::from_str(&reply.text()).unwrap()
    }

    /// Status and code of what is not known.
    fn problem(&self, path: &str) -> (u16, Value) {
        let reply = self.get(path);
        assert_eq!(reply.header("content-type"), "application/problem+json", "{path}");
        let body: Value = serde_json::from_str(&reply.text()).unwrap();
        assert!(body["detail"].as_str().unwrap().len() > 10, "{body}");
        (reply.status, body["code"].clone())
    }
}

#[test]
fn a_value_comes_with_its_zone_interval_estimate_and_edition() {
    // An hour is told once it has begun, and what has no value yet is told from the newest for an hour and a half.
    let grid = Grid::of(&[210.0, 190.5, 182.4], &[20.0], 0);
    let current = grid.json("/intensity/current?zone=NL");
    assert_eq!((&current["carbonIntensity"], &current["zone"], &current["estimated"]), (&json!(182.4), &json!("NL"), &json!(false)));
    assert_eq!((&current["at"], &current["until"]), (&json!(written(this_hour())), &json!(written(this_hour() + TimeDelta::hours(1)))));
    assert!(current["edition"].as_str().unwrap().starts_with("nl.csv "), "{current}");
    assert_eq!((&current["factor"], &current["provider"], &current["unit"]), (&json!("direct"), &json!("files"), &json!("gCO2e/kWh")));

    let history = grid.json("/intensity/history?zone=NL");
    let values: Vec<&Value> = history["values"].as_array().unwrap().iter().map(|value| &value["carbonIntensity"]).collect();
    assert_eq!(values, [&json!(210.0), &json!(190.5), &json!(182.4)]);
    // The day before them is a hole, and is said to be one.
    assert_eq!(history["holes"].as_array().unwrap().len(), 1);
    assert_eq!(history["holes"][0]["to"], json!(written(this_hour() - TimeDelta::hours(2))));

    assert_eq!(grid.json("/intensity/zones")["zones"], json!(["FR", "NL"]));
}

#[test]
fn what_is_not_known_is_said_and_not_made_up() {
    let grid = Grid::of(&[182.4], &[20.0], 3);
    assert_eq!(grid.problem("/intensity/current?zone=FR"), (503, json!("CI_STALE")));
    assert_eq!(grid.problem("/intensity/current?zone=XX"), (404, json!("CI_ZONE")));
    assert_eq!(grid.problem("/intensity/forecast?zone=NL"), (503, json!("CI_FORECAST")));
    assert_eq!(grid.problem("/intensity/history?zone=NL&from=2020-01-01T00:00:00Z&to=2020-01-02T00:00:00Z"), (503, json!("CI_GAP")));
    for wrong in [
        "current",
        "current?zone=NL&zon=FR",
        "history?zone=NL&from=2026-10-05&to=2026-10-05",
        "history?zone=NL&from=2020-01-01&to=2026-10-05",
        "history?zone=NL&from=yesterday",
    ] {
        assert_eq!(grid.problem(&format!("/intensity/{wrong}")).0, 400, "{wrong}");
    }
    // A name from outside does not come back as markup, nor into a metric.
    let reply = grid.get("/intensity/current?zone=%3Cscript%3E");
    assert!(reply.status == 404 && !reply.text().contains("script"));
}

#[test]
fn stale_intensity_shows_in_the_metrics_while_nobody_asks() {
    let grid = Grid::of(&[182.4], &[20.0], 3);
    let metrics = grid.get("/metrics").text();
    for line in [
        "wattledger_intensity_stale{zone=\"FR\"} 1",
        "wattledger_intensity_stale{zone=\"NL\"} 0",
        "wattledger_intensity_gco2e_per_kwh{zone=\"NL\"} 182.4",
        "wattledger_forecast_stale{zone=\"NL\"} 1",
    ] {
        assert!(metrics.lines().any(|shown| shown.trim_end_matches(".0") == line), "{line}: {metrics}");
    }
    assert!(!metrics.contains("wattledger_intensity_gco2e_per_kwh{zone=\"FR\"}"), "{metrics}");
    let age = metrics.lines().find_map(|line| line.strip_prefix("wattledger_intensity_age_seconds{zone=\"FR\"} ")).unwrap();
    assert!((7_200.0..10_860.0).contains(&age.parse::<f64>().unwrap()), "{age}");
}

#[test]
fn the_gate_counts_jobs_and_is_an_error_where_nothing_is_known() {
    let grid = Grid::of(&[210.0, 170.0, 190.0], &[20.0], 3);
    let allowed = |query: &str| grid.json(&format!("/keda/allowed?zone=NL&{query}"));
    assert_eq!((&allowed("below=200&max=10")["allowed"], &allowed("below=190&max=10")["allowed"]), (&json!(10), &json!(0)));
    assert_eq!(allowed("below=200&full=180&max=10")["allowed"], 5);
    // It came from 170, so it is still open where it opens below 180 and closes at 200.
    assert_eq!(allowed("below=200&max=10&hysteresis=20")["allowed"], 10);
    assert_eq!(grid.problem("/keda/allowed?zone=FR&below=200&max=10"), (503, json!("CI_STALE")));
    assert_eq!(grid.problem("/keda/allowed?zone=XX&below=200&max=10"), (404, json!("CI_ZONE")));
    assert_eq!(grid.problem("/keda/allowed?zone=NL&belwo=200&max=10").0, 400);
    let reply = grid.get("/keda/allowed?zone=FR&below=200&max=10");
    assert_eq!(reply.header("retry-after"), "60");
}

#[test]
fn clients_of_the_carbon_aware_sdk_find_its_shapes() {
    let grid = Grid::of(&[210.0, 170.0, 190.0], &[20.0], 0);
    let offset = |time: DateTime<Utc>| time.format("%Y-%m-%dT%H:%M:%S+00:00").to_string();
    let hour = this_hour();
    let now = grid.json("/emissions/bylocation?location=NL");
    assert_eq!(now, json!([{"location": "NL", "time": offset(hour), "rating": 190.0, "duration": "01:00:00"}]));
    // Names as the SDK has them, of parameters in any case, and a region of a cloud for a zone.
    let span = format!("time={}&toTime={}", written(hour - TimeDelta::minutes(90)), written(hour - TimeDelta::minutes(30)));
    let both = grid.json(&format!("/emissions/bylocation?Location=westeurope&{span}"));
    assert_eq!(
        both.as_array().unwrap().iter().map(|data| (&data["location"], &data["rating"])).collect::<Vec<_>>(),
        [(&json!("westeurope"), &json!(210.0)), (&json!("westeurope"), &json!(170.0))]
    );
    let best = grid.json(&format!("/emissions/bylocations/best?location=NL&location=FR&{span}"));
    assert_eq!(best[0]["rating"], 170.0);
    let all = grid.json("/emissions/bylocations?location=NL&location=FR");
    assert_eq!(all.as_array().unwrap().len(), 2);
    // Half an hour at 210 and half an hour at 170.
    let average = grid.json(&format!(
        "/emissions/average-carbon-intensity?location=NL&startTime={}&endTime={}",
        written(hour - TimeDelta::minutes(90)),
        written(hour - TimeDelta::minutes(30))
    ));
    assert_eq!(
        average,
        json!({"location": "NL", "startTime": offset(hour - TimeDelta::minutes(90)), "endTime": offset(hour - TimeDelta::minutes(30)), "carbonIntensity": 190.0})
    );
    assert_eq!(grid.get("/emissions/bylocation?location=NL&time=2020-01-01T00:00:00Z").status, 204);
    assert_eq!(grid.problem("/emissions/bylocation?location=nowhere").0, 400);
    assert_eq!(
        grid.problem("/emissions/average-carbon-intensity?location=NL&startTime=2020-01-01T00:00Z&endTime=2020-01-02T00:00Z").0,
        503
    );
    assert_eq!(grid.problem("/emissions/forecasts/current?location=NL").0, 501);
    let locations = grid.json("/locations");
    assert_eq!(locations["westeurope"], json!({"name": "westeurope", "latitude": null, "longitude": null}));
    assert!(locations["NL"].is_object() && locations["eastus"].is_null());

    let batch = json!([{"location": "NL", "startTime": written(hour - TimeDelta::hours(1)), "endTime": written(hour)}]).to_string();
    let request = format!(
        "POST /emissions/average-carbon-intensity/batch HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{batch}",
        batch.len()
    );
    let reply = Reply::parse(&grid.server.raw(request.as_bytes())).unwrap();
    let body: Value = serde_json::from_str(&reply.text()).unwrap();
    assert_eq!((reply.status, &body[0]["carbonIntensity"]), (200, &json!(170.0)));
}

#[test]
fn each_family_is_behind_its_scope() {
    let (grid, tokens) = Grid::with(&[190.0], &[20.0], 0, &[AccessScope::Intensity, AccessScope::Scaling]);
    let [intensity, scaling] = &tokens[..] else { panic!("two tokens") };
    for (path, token, other) in [
        ("/intensity/current?zone=NL", intensity, scaling),
        ("/emissions/bylocation?location=NL", intensity, scaling),
        ("/locations", intensity, scaling),
        ("/keda/allowed?zone=NL&below=200&max=10", scaling, intensity),
    ] {
        assert_eq!(grid.server.get_as(path, token).status, 200, "{path}");
        assert_eq!(grid.server.get_as(path, other).status, 403, "{path}");
        assert_eq!(grid.server.get(path, &[]).status, 401, "{path}");
        // As KEDA sends an API key.
        assert_eq!(grid.server.get(path, &[("X-API-KEY", token)]).status, 200, "{path}");
    }
}

#[test]
fn every_route_is_in_the_description() {
    let grid = Grid::of(&[190.0], &[20.0], 0);
    let document = grid.json("/openapi.json");
    for path in [
        "/intensity/current",
        "/intensity/history",
        "/intensity/forecast",
        "/intensity/zones",
        "/keda/allowed",
        "/emissions/bylocation",
        "/emissions/bylocations",
        "/emissions/bylocations/best",
        "/emissions/average-carbon-intensity",
        "/emissions/average-carbon-intensity/batch",
        "/emissions/forecasts/current",
        "/emissions/forecasts/batch",
        "/locations",
    ] {
        assert!(document["paths"][path].is_object(), "{path}");
    }
    let parameters = document["paths"]["/keda/allowed"]["get"]["parameters"].as_array().unwrap();
    assert_eq!(parameters.len(), 9);
}
