//! What is known of a zone, and what is not.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::*;
use crate::accounting::windows::RunMean;
use crate::sources::intensity::{Forecast, Reply};
use crate::units::MicroEurosPerKilowattHour;

pub(super) const POLICY: OutlookPolicy = OutlookPolicy {
    max_age: Duration::from_secs(90 * 60),
    forecast_max_age: Duration::from_secs(6 * 3_600),
    forecast_horizon: Duration::from_secs(48 * 3_600),
    ask_every: Duration::from_secs(600),
};

pub(super) fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// Values of a zone from an instant on, each `minutes` long; none is a hole.
pub(super) fn series(from: &str, minutes: i64, values: &[Option<f64>]) -> IntensitySeries {
    let rows = values.len();
    let start = |row: usize| at(from).timestamp() + row as i64 * minutes * 60;
    IntensitySeries {
        zone: "NL".to_owned(),
        provider: "electricity-maps".to_owned(),
        edition: "NL_2026_hourly.csv 0123456789ab".to_owned(),
        start_s: (0..rows).map(start).collect(),
        end_s: (1..=rows).map(start).collect(),
        direct_gco2e_per_kwh: values.to_vec(),
        lifecycle_gco2e_per_kwh: vec![None; rows],
        is_estimated: vec![false; rows],
        estimation_method: vec![String::new(); rows],
        ..IntensitySeries::default()
    }
}

fn hourly(from: &str, values: &[f64]) -> IntensitySeries {
    series(from, 60, &values.iter().copied().map(Some).collect::<Vec<_>>())
}

fn expected(from: &str, generated: Option<&str>, values: &[f64]) -> Forecast {
    let start = |row: usize| at(from).timestamp() + row as i64 * 3_600;
    Forecast {
        zone: "NL".to_owned(),
        provider: "electricity-maps",
        signal: Signal::Average,
        generated_s: generated.map(|at| self::at(at).timestamp()),
        start_s: (0..values.len()).map(start).collect(),
        end_s: (1..=values.len()).map(start).collect(),
        gco2e_per_kwh: values.to_vec(),
        reply: Reply::new(b"{}".to_vec()),
    }
}

fn outlook(editions: &[IntensitySeries]) -> ZoneOutlook {
    ZoneOutlook::of("NL", POLICY, &Found { editions: &editions.iter().collect::<Vec<_>>(), ..Found::default() })
}

#[test]
fn the_value_of_now_is_that_of_its_hour_with_where_it_comes_from() {
    let mut nl = hourly("2026-10-05T10:00:00Z", &[182.4, 190.0, 200.0]);
    nl.is_estimated[1] = true;
    nl.retrieved_s = Some(at("2026-10-05T12:40:00Z").timestamp());
    let nl = outlook(&[nl]);
    let now = at("2026-10-05T11:30:00Z");
    let reading = nl.current(now).unwrap();
    assert_eq!((reading.intensity.get(), reading.from, reading.to), (190.0, at("2026-10-05T11:00:00Z"), at("2026-10-05T12:00:00Z")));
    assert_eq!((reading.is_estimated, reading.is_forecast, reading.age(now)), (true, false, TimeDelta::zero()));
    let origin = Origin {
        zone: "NL".to_owned(),
        provider: "electricity-maps".to_owned(),
        edition: "NL_2026_hourly.csv 0123456789ab".to_owned(),
        factor: crate::model::policy::FactorKind::Direct,
        known_at: Some(at("2026-10-05T12:40:00Z")),
    };
    assert_eq!(*reading.origin, origin);
    // At the border it is the next hour's.
    assert_eq!(nl.current(at("2026-10-05T12:00:00Z")).unwrap().intensity.get(), 200.0);
}

#[test]
fn a_value_stands_for_now_until_it_is_too_old_and_then_nothing_does() {
    let nl = outlook(&[hourly("2026-10-05T10:00:00Z", &[182.4])]);
    let reading = nl.current(at("2026-10-05T12:30:00Z")).unwrap();
    assert_eq!((reading.intensity.get(), reading.age(at("2026-10-05T12:30:00Z"))), (182.4, TimeDelta::minutes(90)));
    let unknown = nl.current(at("2026-10-05T12:30:01Z")).unwrap_err();
    assert_eq!((unknown.kind, unknown.code.as_str(), unknown.age), (UnknownKind::Stale, "CI_STALE", Some(TimeDelta::seconds(5_401))));
    assert_eq!(
        unknown.reason,
        "The newest intensity of NL is of 2026-10-05T10:00Z and ended 1h 30m 1s ago; what is older than 1h 30m is not acted on."
    );
    assert_eq!(nl.newest(at("2026-10-06T00:00:00Z")).unwrap().intensity.get(), 182.4);
    let unknown = nl.current(at("2026-10-05T09:59:59Z")).unwrap_err();
    assert_eq!((unknown.kind, unknown.code.as_str()), (UnknownKind::NoData, "CI_GAP"));
}

#[test]
fn an_old_value_says_why_there_is_no_newer_one() {
    let refusal = Refusal::new("CI_UNREACHABLE", Reach::Source, "Electricity Maps did not answer after 5 attempts: status 503: busy");
    let editions = [hourly("2026-10-05T10:00:00Z", &[182.4])];
    let found = Found { editions: &editions.each_ref(), trouble: Some(&refusal), ..Found::default() };
    let unknown = ZoneOutlook::of("NL", POLICY, &found).current(at("2026-10-05T14:00:00Z")).unwrap_err();
    assert!(
        unknown.reason.ends_with("; when last asked, Electricity Maps did not answer after 5 attempts: status 503: busy."),
        "{unknown}"
    );
}

#[test]
fn a_zone_without_values_and_one_that_contradicts_itself_are_unknown() {
    let now = at("2026-10-05T10:30:00Z");
    assert_eq!(outlook(&[]).current(now).unwrap_err().kind, UnknownKind::NoData);
    let one = hourly("2026-10-05T10:00:00Z", &[100.0]);
    let other = IntensitySeries { edition: "other.csv".to_owned(), ..hourly("2026-10-05T10:00:00Z", &[101.0]) };
    let torn = outlook(&[one, other]);
    for unknown in [torn.current(now).unwrap_err(), torn.mean(now, now + TimeDelta::hours(1)).unwrap_err()] {
        assert_eq!((unknown.kind, unknown.code.as_str()), (UnknownKind::Refused, "CI_CONFLICT"));
    }
    let marginal = IntensitySeries { signal: Signal::Marginal, ..hourly("2026-10-05T10:00:00Z", &[900.0]) };
    assert_eq!(outlook(std::slice::from_ref(&marginal)).current(now).unwrap_err().code, "CI_SIGNAL");
    // Beside an average one it is left aside.
    assert_eq!(outlook(&[marginal, hourly("2026-10-05T10:00:00Z", &[100.0])]).current(now).unwrap().intensity.get(), 100.0);
    let lifecycle = IntensitySeries {
        direct_gco2e_per_kwh: vec![None],
        lifecycle_gco2e_per_kwh: vec![Some(250.0)],
        ..hourly("2026-10-05T10:00:00Z", &[0.0])
    };
    assert_eq!(outlook(&[lifecycle]).current(now).unwrap_err().kind, UnknownKind::NoData);
}

#[test]
fn a_revised_hour_is_told_as_a_report_tells_it() {
    let old = IntensitySeries { retrieved_s: Some(100), edition: "first".to_owned(), ..hourly("2026-10-05T10:00:00Z", &[100.0, 110.0]) };
    let new = IntensitySeries { retrieved_s: Some(200), edition: "second".to_owned(), ..hourly("2026-10-05T10:00:00Z", &[120.0]) };
    let history = outlook(&[new, old]).history(at("2026-10-05T10:00:00Z"), at("2026-10-05T12:00:00Z")).unwrap();
    let told: Vec<(f64, &str)> =
        history.readings.iter().map(|reading| (reading.intensity.get(), reading.origin.edition.as_str())).collect();
    assert_eq!(told, [(120.0, "second"), (110.0, "first")]);
}

#[test]
fn history_names_its_holes_and_a_mean_does_not_cross_them() {
    let nl = outlook(&[series("2026-10-05T10:00:00Z", 30, &[Some(100.0), Some(200.0), None, None, Some(300.0)])]);
    let history = nl.history(at("2026-10-05T10:15:00Z"), at("2026-10-05T13:00:00Z")).unwrap();
    assert_eq!(history.readings.len(), 3);
    assert_eq!(
        history.holes,
        [(at("2026-10-05T11:00:00Z"), at("2026-10-05T12:00:00Z")), (at("2026-10-05T12:30:00Z"), at("2026-10-05T13:00:00Z"))]
    );
    // A quarter of an hour at 100 and half an hour at 200.
    let mean = nl.mean(at("2026-10-05T10:15:00Z"), at("2026-10-05T11:00:00Z")).map(|mean| mean.rounded(3).plain());
    assert_eq!(mean.as_deref(), Ok("166.667"));
    let unknown = nl.mean(at("2026-10-05T10:15:00Z"), at("2026-10-05T12:30:00Z")).unwrap_err();
    assert_eq!((unknown.kind, unknown.code.as_str()), (UnknownKind::Hole, "CI_GAP"));
    assert_eq!(unknown.reason, "Zone NL has no intensity from 2026-10-05T11:00Z to 2026-10-05T12:00Z.");
    assert_eq!(nl.mean(at("2026-10-05T10:15:00Z"), at("2026-10-05T10:15:00Z")).map_err(|unknown| unknown.kind), Err(UnknownKind::Hole));
    let before = nl.history(at("2026-10-04T10:15:00Z"), at("2026-10-05T10:00:00Z"));
    assert_eq!(before.map_err(|unknown| unknown.kind), Err(UnknownKind::NoData));
}

#[test]
fn a_forecast_says_when_it_was_made_and_is_not_believed_for_ever() {
    let forecast = expected("2026-10-05T12:00:00Z", Some("2026-10-05T11:40:00Z"), &[100.0, 90.0, 80.0]);
    let found = Found { forecast: Some((&forecast, at("2026-10-05T11:45:00Z"))), ..Found::default() };
    let nl = ZoneOutlook::of("NL", POLICY, &found);
    let (from, to) = (at("2026-10-05T12:30:00Z"), at("2026-10-05T14:00:00Z"));
    let expectation = nl.forecast(from, to, at("2026-10-05T17:40:00Z")).unwrap();
    assert_eq!(expectation.generated_at, at("2026-10-05T11:40:00Z"));
    assert_eq!(expectation.readings.iter().map(|reading| reading.intensity.get()).collect::<Vec<_>>(), [100.0, 90.0]);
    assert!(
        expectation
            .readings
            .iter()
            .all(|reading| reading.is_forecast && reading.origin.edition.starts_with("2026-10-05T11:40:00Z 44136fa3"))
    );
    let unknown = nl.forecast(from, to, at("2026-10-05T17:40:01Z")).unwrap_err();
    assert_eq!((unknown.kind, unknown.code.as_str()), (UnknownKind::NoForecast, "CI_FORECAST"));
    assert_eq!(nl.forecast(to + TimeDelta::hours(2), to + TimeDelta::hours(3), from).unwrap_err().kind, UnknownKind::NoForecast);
    // It is no value of now.
    assert_eq!(nl.current(from).unwrap_err().kind, UnknownKind::NoData);
    // A provider that does not say when it made it made it when it was asked; a marginal one is none.
    let undated = expected("2026-10-05T12:00:00Z", None, &[100.0]);
    let found = Found { forecast: Some((&undated, at("2026-10-05T11:45:00Z"))), ..Found::default() };
    assert_eq!(ZoneOutlook::of("NL", POLICY, &found).forecast(from, to, from).unwrap().generated_at, at("2026-10-05T11:45:00Z"));
    let marginal = Forecast { signal: Signal::Marginal, ..undated };
    let found = Found { forecast: Some((&marginal, from)), ..Found::default() };
    assert_eq!(ZoneOutlook::of("NL", POLICY, &found).forecast(from, to, from).unwrap_err().reason, "There is no forecast of NL.");
}

#[test]
fn what_came_to_pass_lies_over_what_was_forecast() {
    let editions = [hourly("2026-10-05T10:00:00Z", &[100.0, 200.0])];
    let forecast = expected("2026-10-05T11:00:00Z", Some("2026-10-05T10:40:00Z"), &[900.0, 300.0]);
    let found = Found { editions: &editions.each_ref(), forecast: Some((&forecast, at("2026-10-05T10:45:00Z"))), ..Found::default() };
    let nl = ZoneOutlook::of("NL", POLICY, &found);
    let (from, to, now) = (at("2026-10-05T10:30:00Z"), at("2026-10-05T13:00:00Z"), at("2026-10-05T11:50:00Z"));
    let mean = |course: &Course| {
        course.intensity.between(from.timestamp_millis(), to.timestamp_millis()).map(|sum| RunMean::of_run(sum, 9_000_000).micros())
    };

    // Half an hour at 100, an hour at 200, an hour at 300.
    let known = nl.course(from, to, now, Basis::Known).unwrap();
    assert_eq!((mean(&known), known.forecast_from, known.origins.len()), (Some(220_000_000), Some(at("2026-10-05T12:00:00Z")), 2));
    let history = nl.course(from, to, now, Basis::History).unwrap();
    assert_eq!((mean(&history), history.forecast_from, history.origins.len()), (None, None, 1));
    let forecast = nl.course(from, to, now, Basis::Forecast).unwrap();
    assert_eq!((mean(&forecast), forecast.forecast_from, forecast.origins.len()), (None, Some(at("2026-10-05T11:00:00Z")), 1));
    // A span that is over is of no forecast, also where there is one.
    let over = nl.course(from, at("2026-10-05T12:00:00Z"), now, Basis::Known).unwrap();
    assert_eq!((over.forecast_from, over.origins.len()), (None, 1));
    // Of neither there is nothing.
    let none = nl.course(at("2026-10-07T00:00:00Z"), at("2026-10-08T00:00:00Z"), now, Basis::Known).unwrap_err();
    assert!(none.kind == UnknownKind::NoData && none.reason.contains("The forecast of NL of 2026-10-05T10:40Z says nothing"), "{none}");
}

#[test]
fn where_nobody_forecasts_the_same_hours_of_the_last_known_day_can_stand_for_what_is_to_come() {
    // Three days by hours, worth their own number; of the last one only the hours before 12:00 are known, and 05:00 of the second is missing.
    let values: Vec<Option<f64>> = (0..60).map(|hour| (hour != 29).then_some(f64::from(hour))).collect();
    let nl = outlook(&[series("2026-10-05T00:00:00Z", 60, &values)]);
    let now = at("2026-10-07T12:00:00Z");
    let (from, to) = (at("2026-10-07T10:00:00Z"), at("2026-10-08T14:00:00Z"));
    let course = nl.course(from, to, now, Basis::DayBefore).unwrap();
    let hour = |at: &str| {
        let from_ms = self::at(at).timestamp_millis();
        course.intensity.between(from_ms, from_ms + 3_600_000).map(|sum| sum / 3_600_000 / 1_000_000)
    };
    // What came to pass, then yesterday's hours, then this morning's again; where yesterday's are not known, those of the day before.
    for (time, value) in [
        ("2026-10-07T11:00:00Z", 59),
        ("2026-10-07T12:00:00Z", 36),
        ("2026-10-08T00:00:00Z", 48),
        ("2026-10-08T05:00:00Z", 53),
        ("2026-10-08T13:00:00Z", 37),
    ] {
        assert_eq!(hour(time), Some(value), "{time}");
    }
    assert_eq!((course.forecast_from, course.origins.len()), (Some(now), 1));
    // What is not known yet is not looked at: at noon of the second day nothing is known of its evening.
    let earlier = nl.course(at("2026-10-07T05:00:00Z"), at("2026-10-07T06:00:00Z"), at("2026-10-06T12:00:00Z"), Basis::DayBefore).unwrap();
    assert_eq!(earlier.forecast_from, None, "it came to pass, and that goes before");
    let ahead = nl.course(at("2026-10-08T05:00:00Z"), at("2026-10-08T06:00:00Z"), at("2026-10-06T12:00:00Z"), Basis::DayBefore).unwrap();
    assert_eq!(
        ahead
            .intensity
            .between(at("2026-10-08T05:00:00Z").timestamp_millis(), at("2026-10-08T06:00:00Z").timestamp_millis())
            .map(|sum| sum / 3_600_000 / 1_000_000),
        Some(5)
    );
    // A week back, and no further.
    let unknown = nl.course(at("2026-10-20T05:00:00Z"), at("2026-10-20T06:00:00Z"), now, Basis::DayBefore).unwrap_err();
    assert_eq!(unknown.kind, UnknownKind::NoData);
}

#[test]
fn prices_are_of_the_edition_that_was_published_last() {
    let prices = |published: Option<&str>, micros: &[i64]| PriceSeries {
        zone: "NL".to_owned(),
        edition: "prices".to_owned(),
        retrieved_s: published.map(|at| self::at(at).timestamp()),
        start_s: (0..micros.len() as i64).map(|hour| hour * 3_600).collect(),
        end_s: (1..=micros.len() as i64).map(|hour| hour * 3_600).collect(),
        price: micros.iter().copied().map(MicroEurosPerKilowattHour::new).collect(),
    };
    let both = [prices(Some("2026-10-05T00:00:00Z"), &[70_000]), prices(None, &[60_000, 50_000])];
    let nl = ZoneOutlook::of("NL", POLICY, &Found { prices: &both.each_ref(), ..Found::default() });
    assert_eq!(nl.prices().unwrap().between(0, 7_200_000), Some(3_600_000 * (70_000 + 50_000)));
    assert!(outlook(&[]).prices().is_none());
}
