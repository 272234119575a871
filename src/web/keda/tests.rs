use axum::extract::FromRequestParts;
use chrono_tz::Europe::Amsterdam;

use super::*;
use crate::config::OutlookPolicy;
use crate::model::{IntensitySeries, Signal};
use crate::outlook::Found;
use crate::sources::intensity::{Forecast, Reply};

pub const POLICY: OutlookPolicy = OutlookPolicy {
    max_age: std::time::Duration::from_secs(90 * 60),
    forecast_max_age: std::time::Duration::from_secs(6 * 3_600),
    forecast_horizon: std::time::Duration::from_secs(48 * 3_600),
    ask_every: std::time::Duration::from_secs(600),
};

pub fn at(time: &str) -> DateTime<Utc> {
    time.parse().unwrap()
}

/// Hourly values from a midnight on; what is none is a hole.
pub fn series(values: &[Option<f64>]) -> IntensitySeries {
    let midnight = at("2026-10-05T00:00:00Z").timestamp();
    let mut series = IntensitySeries {
        zone: "NL".to_owned(),
        provider: "files".to_owned(),
        edition: "nl.csv 0123".to_owned(),
        ..IntensitySeries::default()
    };
    for (hour, value) in values.iter().enumerate().filter_map(|(hour, value)| Some((hour as i64, (*value)?))) {
        series.start_s.push(midnight + hour * 3_600);
        series.end_s.push(midnight + (hour + 1) * 3_600);
        series.direct_gco2e_per_kwh.push(Some(value));
        series.lifecycle_gco2e_per_kwh.push(None);
        series.is_estimated.push(hour == 2);
        series.estimation_method.push(String::new());
    }
    series
}

/// Hourly, from `first` on.
pub fn forecast(made: &str, first: &str, values: &[f64]) -> Forecast {
    let first = at(first).timestamp();
    let hour = |hour: usize| first + hour as i64 * 3_600;
    Forecast {
        zone: "NL".to_owned(),
        provider: "electricity-maps",
        signal: Signal::Average,
        generated_s: Some(at(made).timestamp()),
        start_s: (0..values.len()).map(hour).collect(),
        end_s: (1..=values.len()).map(hour).collect(),
        gco2e_per_kwh: values.to_vec(),
        reply: Reply::new(Vec::new()),
    }
}

fn zone(values: &[Option<f64>]) -> ZoneOutlook {
    ZoneOutlook::of("NL", POLICY, &Found { editions: &[&series(values)], ..Found::default() })
}

async fn question(query: &str) -> Result<Question, Problem> {
    let (mut parts, ()) = http::Request::builder().uri(format!("/keda/allowed?{query}")).body(()).unwrap().into_parts();
    Question::of(Params::from_request_parts(&mut parts, &()).await?, Amsterdam)
}

async fn asked(query: &str, values: &[Option<f64>], now: &str) -> Result<Allowed, Unknown> {
    answer(&question(query).await.unwrap_or_else(|problem| panic!("{query}: {}", problem.detail)), &zone(values), at(now))
}

#[tokio::test]
async fn none_above_the_threshold_and_all_below_it() {
    let hours = [Some(250.0), Some(150.0), Some(199.9), Some(200.0)];
    let mut seen = Vec::new();
    for hour in 0..4 {
        let allowed = asked("zone=NL&below=200&max=10", &hours, &format!("2026-10-05T0{hour}:20:00Z")).await.unwrap();
        seen.push((allowed.allowed, allowed.why, allowed.carbon_intensity, allowed.estimated));
    }
    let expected = [
        (0, Why::Closed, Some(250.0), Some(false)),
        (10, Why::Open, Some(150.0), Some(false)),
        (10, Why::Open, Some(199.9), Some(true)),
        (0, Why::Closed, Some(200.0), Some(false)),
    ];
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn in_between_it_is_graded_or_stepped() {
    // From 200 down to 100: 130 leaves seven tenths.
    let allowed = |query| asked(query, &[Some(130.0)], "2026-10-05T00:20:00Z");
    let graded = allowed("zone=NL&below=200&full=100&max=10").await.unwrap();
    assert_eq!((graded.allowed, graded.why, graded.max), (7, Why::Graded, 10));
    assert_eq!(allowed("zone=NL&below=200&full=100&max=10&steps=2").await.unwrap().allowed, 10);
    assert_eq!(allowed("zone=NL&below=200&full=100&max=10&steps=4").await.unwrap().allowed, 8);
}

#[tokio::test]
async fn what_was_before_is_told_by_the_past_and_not_by_this_process() {
    let query = "zone=NL&below=200&max=10&hysteresis=20";
    // 190 is open where the grid came from below 180, and closed where it came from above 200.
    assert_eq!(asked(query, &[Some(170.0), Some(190.0)], "2026-10-05T01:59:00Z").await.unwrap().allowed, 10);
    assert_eq!(asked(query, &[Some(210.0), Some(190.0)], "2026-10-05T01:59:00Z").await.unwrap().allowed, 0);
    // What lies behind a hole is forgotten.
    assert_eq!(asked(query, &[Some(170.0), None, Some(190.0)], "2026-10-05T02:59:00Z").await.unwrap().allowed, 0);
    // A value that is newer than the moment does not count.
    assert_eq!(asked(query, &[Some(170.0), Some(190.0), Some(400.0)], "2026-10-05T01:59:00Z").await.unwrap().allowed, 10);
}

#[tokio::test]
async fn an_intensity_that_is_stale_or_unknown_is_no_number() {
    let query = "zone=NL&below=200&max=10";
    // The last hour ended at 01:00Z; 90 minutes later it still counts, a second after that it does not.
    assert_eq!(asked(query, &[Some(150.0)], "2026-10-05T02:30:00Z").await.unwrap().allowed, 10);
    let stale = asked(query, &[Some(150.0)], "2026-10-05T02:30:01Z").await.unwrap_err();
    assert_eq!((stale.kind, stale.code.as_str()), (crate::outlook::UnknownKind::Stale, "CI_STALE"));
    assert_eq!(problem(&stale).status, 503);
    let unknown = asked(query, &[Some(150.0)], "2026-10-04T23:00:00Z").await.unwrap_err();
    assert_eq!((unknown.kind, problem(&unknown).status), (crate::outlook::UnknownKind::NoData, 503));
    // Even at an intensity that was low enough for all.
    assert!(asked(query, &[Some(1.0)], "2026-10-05T04:00:00Z").await.is_err());
}

#[tokio::test]
async fn a_deadline_opens_it_while_there_is_still_time() {
    // 07:00 in Amsterdam is 05:00Z; two hours of work have to begin at 03:00Z.
    let query = "zone=NL&below=200&max=10&deadline=07:00&duration=2h";
    let hours = [Some(400.0); 6];
    let before = asked(query, &hours, "2026-10-05T02:59:59Z").await.unwrap();
    assert_eq!((before.allowed, before.why, before.latest_start), (0, Why::Closed, Some(at("2026-10-05T03:00:00Z"))));
    let due = asked(query, &hours, "2026-10-05T03:00:00Z").await.unwrap();
    assert_eq!(
        (due.allowed, due.why, due.carbon_intensity, due.deadline),
        (10, Why::LatestStart, Some(400.0), Some(at("2026-10-05T05:00:00Z")))
    );
    assert_eq!(asked(query, &hours, "2026-10-05T05:00:00Z").await.unwrap().allowed, 0);
    // Then the answer does not rest on the intensity, and stands without one; before, it does not.
    let blind = asked(query, &hours[..1], "2026-10-05T03:00:00Z").await.unwrap();
    assert_eq!((blind.allowed, blind.why, blind.carbon_intensity, blind.edition), (10, Why::LatestStart, None, None));
    assert!(asked(query, &hours[..1], "2026-10-05T02:59:59Z").await.is_err());
    // A time zone of its own: 07:00Z.
    let utc = asked(&format!("{query}&time_zone=Etc/UTC"), &hours, "2026-10-05T03:00:00Z").await.unwrap();
    assert_eq!((utc.allowed, utc.latest_start), (0, Some(at("2026-10-05T05:00:00Z"))));
    // A deadline that is a moment.
    let once = asked("zone=NL&below=200&max=10&deadline=2026-10-05T04:00:00Z&duration=30m", &hours, "2026-10-05T03:30:00Z").await.unwrap();
    assert_eq!((once.allowed, once.why), (10, Why::LatestStart));
}

#[tokio::test]
async fn terms_that_are_missing_misspelt_or_cannot_be_are_refused() {
    for (query, said) in [
        ("below=200&max=10", "`zone` is missing"),
        ("zone=NL&max=10", "`below` is missing"),
        ("zone=NL&below=200", "`max` is missing"),
        ("zone=NL&below=200&max=-1", "`max` is not a whole number"),
        ("zone=NL&below=NaN&max=1", "`below` is not a number"),
        ("zone=NL&below=inf&max=1", "`below` is not a number"),
        ("zone=NL&below=200&max=10&hysterisis=5", "not known here"),
        ("zone=NL&below=200&full=300&max=10", "`full` is not above"),
        ("zone=NL&below=200&max=10&deadline=07:00", "`duration` is missing"),
        ("zone=NL&below=200&max=10&duration=2h", "`deadline` is missing"),
        ("zone=NL&below=200&max=10&deadline=7&duration=2h", "`deadline` is not a time of day"),
        ("zone=NL&below=200&max=10&deadline=07:00&duration=24h", "less than 23 hours"),
        ("zone=NL&below=200&max=10&deadline=07:00&duration=2h&time_zone=CET2", "`time_zone` is not"),
        ("zone=NL&zone=FR&below=200&max=10", "more than once"),
    ] {
        let problem = question(query).await.err().unwrap_or_else(|| panic!("{query} was taken"));
        assert!(problem.status == 400 && problem.detail.contains(said), "{query}: {}", problem.detail);
    }
}

#[tokio::test]
async fn the_answer_is_what_kedas_value_location_finds() {
    let allowed = asked("zone=NL&below=200&max=10", &[Some(150.0)], "2026-10-05T00:20:00Z").await.unwrap();
    let json = serde_json::to_value(&allowed).unwrap();
    assert!(json["allowed"].is_u64());
    let expected = serde_json::json!({
        "allowed": 10, "max": 10, "why": "open", "zone": "NL", "carbonIntensity": 150.0, "at": "2026-10-05T00:00:00Z", "estimated": false, "edition": "nl.csv 0123"
    });
    assert_eq!(json, expected);
}
