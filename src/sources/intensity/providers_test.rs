//! Providers against a stand-in that answers in their documented shapes, and with what goes wrong in practice.

use std::future::Future;
use std::time::{Duration, Instant};

use chrono::{DateTime, SecondsFormat};

use super::stand_in_test::{Answer, Request, StandIn};
use super::*;

const DAY_S: i64 = 86_400;

fn at(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).unwrap().to_utc()
}

fn s(text: &str) -> i64 {
    at(text).timestamp()
}

fn text(seconds: i64) -> String {
    DateTime::from_timestamp(seconds, 0).unwrap().to_rfc3339_opts(SecondsFormat::Millis, true)
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn with_secret<T>(secret: &str, connect: impl FnOnce(&std::path::Path) -> T) -> T {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret");
    std::fs::write(&path, format!("{secret}\n")).unwrap();
    connect(&path)
}

fn maps(server: &StandIn, endpoint: Endpoint) -> ElectricityMaps {
    with_secret("s3cret", |path| ElectricityMaps::connect(&format!("{}/v3", server.url), path, endpoint).unwrap())
}

/// An hour as Electricity Maps says it: direct intensities are the hour of the day, life-cycle ones 100 more.
fn maps_item(request: &Request, start_s: i64) -> String {
    let kind = request.parameter("emissionFactorType").unwrap();
    let value = start_s / 3_600 % 24 + if kind == "lifecycle" { 100 } else { 0 };
    format!(
        r#"{{"zone":"NL","carbonIntensity":{value},"datetime":"{}","updatedAt":"{}","createdAt":"{}","emissionFactorType":"{kind}","isEstimated":true,"estimationMethod":"TIME_SLICER_AVERAGE"}}"#,
        text(start_s),
        text(start_s + 7_200),
        text(start_s + 3_600)
    )
}

fn maps_range(request: &Request, rows: usize) -> Answer {
    let (from, to) = (s(&request.parameter("start").unwrap()), s(&request.parameter("end").unwrap()));
    let first = (from + 3_599) / 3_600 * 3_600;
    let items: Vec<String> = (first..to).step_by(3_600).take(rows).map(|start| maps_item(request, start)).collect();
    Answer::ok(format!(r#"{{"zone":"NL","data":[{}]}}"#, items.join(",")))
}

#[test]
fn the_last_24_hours_of_electricity_maps_come_in_both_kinds_with_edition_and_replies() {
    let now = at("2026-10-02T10:20:00Z");
    let server = StandIn::start(move |request, _| {
        let last = now.timestamp() / 3_600 * 3_600;
        let items: Vec<String> = (0..24).map(|hour| maps_item(request, last - (23 - hour) * 3_600)).collect();
        Answer::ok(format!(r#"{{"zone":"NL","history":[{}]}}"#, items.join(",")))
    });

    let fetched = wait(maps(&server, Endpoint::History).history("NL", 0..now.timestamp(), now)).unwrap();

    let series = &fetched.series;
    assert_eq!(
        (series.len(), series.zone.as_str(), series.provider.as_str(), series.signal),
        (24, "NL", "electricity-maps", Signal::Average)
    );
    assert_eq!((series.start_s[0], series.end_s[0]), (s("2026-10-01T11:00:00Z"), s("2026-10-01T12:00:00Z")));
    assert_eq!((series.direct_gco2e_per_kwh[0], series.lifecycle_gco2e_per_kwh[0]), (Some(11.0), Some(111.0)));
    assert_eq!((series.is_estimated[0], series.estimation_method[0].as_str()), (true, "TIME_SLICER_AVERAGE"));
    assert_eq!(series.updated_s(0), Some(s("2026-10-01T13:00:00Z")));
    assert_eq!(series.retrieved_s, Some(now.timestamp()));
    assert!(series.edition.starts_with("2026-10-02T10:20:00Z "), "{}", series.edition);
    assert!(series.findings.is_empty() && fetched.missing.is_none(), "{fetched:?}");
    assert_eq!(fetched.replies.len(), 2);
    let requests = server.requests();
    assert!(requests.iter().all(|request| request.has_header("auth-token: s3cret")));
    assert!(requests.iter().all(|request| request.target.starts_with("/v3/carbon-intensity/history?zone=NL&")));
}

#[test]
fn a_month_of_past_range_is_asked_for_ten_days_at_a_time() {
    let server = StandIn::start(|request, _| maps_range(request, 240));
    let (from, to, now) = (s("2026-10-01T00:00:00Z"), s("2026-11-01T00:00:00Z"), at("2026-11-05T00:00:00Z"));

    let fetched = wait(maps(&server, Endpoint::PastRange).history("NL", from..to, now)).unwrap();

    assert_eq!(fetched.series.len(), 744);
    assert_eq!(fetched.missing, None);
    let spans: Vec<i64> = server
        .requests()
        .iter()
        .map(|request| (s(&request.parameter("end").unwrap()) - s(&request.parameter("start").unwrap())) / DAY_S)
        .collect();
    assert_eq!(spans, [10, 10, 10, 1, 10, 10, 10, 1]);
}

#[test]
fn a_short_answer_is_asked_for_again_until_it_is_whole() {
    // Never more than 100 rows, whatever was asked.
    let server = StandIn::start(|request, _| maps_range(request, 100));
    let (from, to, now) = (s("2026-10-01T00:00:00Z"), s("2026-10-11T00:00:00Z"), at("2026-11-05T00:00:00Z"));

    let fetched = wait(maps(&server, Endpoint::PastRange).history("NL", from..to, now)).unwrap();

    assert_eq!(fetched.series.len(), 240);
    assert!(fetched.series.direct_gco2e_per_kwh.iter().all(Option::is_some));
    assert_eq!(fetched.missing, None);
    assert_eq!(server.requests().len(), 6);
}

#[test]
fn hours_that_a_provider_does_not_have_are_counted() {
    let server = StandIn::start(|request, _| {
        let mut answer = maps_range(request, 240);
        // Three hours are not there, however often they are asked for.
        for hour in ["2026-10-03T04:00", "2026-10-03T05:00", "2026-10-03T06:00"] {
            answer.body =
                answer.body.split("},").filter(|item| !item.contains(&format!(r#""datetime":"{hour}"#))).collect::<Vec<_>>().join("},");
        }
        Answer::ok(if answer.body.ends_with("]}") { answer.body } else { r#"{"zone":"NL","data":[]}"#.to_owned() })
    });
    let (from, to, now) = (s("2026-10-01T00:00:00Z"), s("2026-10-11T00:00:00Z"), at("2026-11-05T00:00:00Z"));

    let fetched = wait(maps(&server, Endpoint::PastRange).history("NL", from..to, now)).unwrap();

    assert_eq!(fetched.series.len(), 237);
    let finding = fetched.missing.unwrap();
    assert_eq!((finding.code.as_str(), finding.examined, finding.failing), ("CI_SHORT", 240, 3));
}

#[test]
fn an_answer_for_another_zone_or_kind_is_refused() {
    let refused = |body: &'static str| {
        let server = StandIn::start(move |_, _| Answer::ok(body));
        let refusal = wait(maps(&server, Endpoint::History).history("NL", 0..1, at("2026-10-02T10:20:00Z"))).unwrap_err();
        (refusal.code, refusal.message)
    };
    let item = r#"{"zone":"NL","carbonIntensity":1,"datetime":"2026-10-01T00:00:00.000Z","emissionFactorType":"lifecycle","isEstimated":false,"estimationMethod":"None"}"#;

    let other = refused(r#"{"zone":"DE","history":[]}"#);
    assert_eq!((other.0, other.1.as_str()), ("CI_ZONE", "Electricity Maps was asked for zone NL and answered for DE"));
    assert_eq!(refused(r#"{"history":[]}"#).0, "CI_ZONE");
    let kind: &'static str = Box::leak(format!(r#"{{"zone":"NL","history":[{item}]}}"#).into_boxed_str());
    assert_eq!(refused(kind).0, "CI_FACTOR");
    assert_eq!(refused("<html>").0, "CI_REPLY");
    assert_eq!(refused(r#"{"zone":"NL","history":[]}"#).0, "CI_SHORT");
}

#[test]
fn a_value_that_no_grid_has_is_left_out_and_a_null_is_missing() {
    let server = StandIn::start(|request, _| {
        let kind = request.parameter("emissionFactorType").unwrap();
        let item = |hour: u32, value: &str| {
            format!(
                r#"{{"zone":"NL","carbonIntensity":{value},"datetime":"2026-10-01T0{hour}:00:00.000Z","emissionFactorType":"{kind}","isEstimated":false,"estimationMethod":"None"}}"#
            )
        };
        let items = [item(0, "300"), item(1, "-5"), item(2, "null"), item(3, "5000")];
        Answer::ok(format!(r#"{{"zone":"NL","history":[{}]}}"#, items.join(",")))
    });

    let series = wait(maps(&server, Endpoint::History).history("NL", 0..1, at("2026-10-02T10:20:00Z"))).unwrap().series;

    assert_eq!(series.direct_gco2e_per_kwh, [Some(300.0), None, None, None]);
    assert_eq!(series.estimation_method[0], "");
    let finding = &series.findings[0];
    // Each of the two is left out in both kinds.
    assert_eq!((finding.code.as_str(), finding.failing), ("CI_IMPLAUSIBLE", 4));
    assert!(finding.message.contains("-5 at 2026-10-01T01:00Z"), "{}", finding.message);
}

#[test]
fn a_busy_provider_is_asked_again_when_it_says() {
    let server = StandIn::start(|request, before| match before {
        0 => Answer { status: 429, headers: vec!["Retry-After: 2".to_owned()], body: "slow down".to_owned() },
        _ => Answer::ok(format!(r#"{{"zone":"NL","history":[{}]}}"#, maps_item(request, 1_790_812_800))),
    });
    let started = Instant::now();

    let fetched = wait(maps(&server, Endpoint::History).history("NL", 0..1, at("2026-10-02T10:20:00Z"))).unwrap();

    assert_eq!((fetched.series.len(), server.requests().len()), (1, 3));
    assert!(started.elapsed() >= Duration::from_secs(2), "{:?}", started.elapsed());
}

#[test]
fn what_a_provider_refuses_is_said_by_code_and_no_message_holds_the_token_or_the_address() {
    for (status, code) in [(404, "CI_ZONE"), (401, "CI_DENIED"), (302, "CI_URL"), (400, "CI_REFUSED")] {
        let server = StandIn::start(move |_, _| Answer {
            status,
            headers: vec!["Location: http://127.0.0.1:1/elsewhere".to_owned()],
            body: r#"{"error":"no such zone"}"#.to_owned(),
        });
        let refusal = wait(maps(&server, Endpoint::History).history("XX", 0..1, at("2026-10-02T10:20:00Z"))).unwrap_err();
        assert_eq!(refusal.code, code);
        let said = format!("{refusal:?}");
        assert!(!said.contains("s3cret") && !said.contains("127.0.0.1"), "{said}");
        // A final answer is not asked for again, and a redirect not followed.
        assert_eq!(server.requests().len(), 1);
    }
}

#[test]
fn a_forecast_of_electricity_maps_has_its_own_time_of_making() {
    let server = StandIn::start(|_, _| {
        let items: Vec<String> = (0..30)
            .map(|hour| format!(r#"{{"carbonIntensity":{},"datetime":"{}"}}"#, 200 + hour, text(1_790_812_800 + hour * 3_600)))
            .collect();
        Answer::ok(format!(r#"{{"zone":"NL","forecast":[{}],"updatedAt":"2026-09-30T23:10:00.000Z"}}"#, items.join(",")))
    });

    let forecast = wait(maps(&server, Endpoint::History).forecast("NL", 24, at("2026-10-01T00:00:00Z"))).unwrap();

    assert_eq!((forecast.gco2e_per_kwh.len(), forecast.gco2e_per_kwh[0], forecast.end_s[0]), (24, 200.0, 1_790_816_400));
    assert_eq!(forecast.generated_s, Some(s("2026-09-30T23:10:00Z")));
}

fn watttime(server: &StandIn, signal: SignalType) -> WattTime {
    let regions = vec![("US-CAL-CISO".to_owned(), "CAISO_NORTH".to_owned())];
    with_secret("pass", |path| WattTime::connect(&server.url, "user", path, signal, regions).unwrap())
}

/// WattTime's reply with 5-minute values from the asked start to the asked end, the end included.
fn watttime_reply(request: &Request, units: &str) -> String {
    let (from, to) = (s(&request.parameter("start").unwrap()), s(&request.parameter("end").unwrap()));
    let points: Vec<String> = (from..=to)
        .step_by(300)
        .map(|start| {
            format!(
                r#"{{"point_time":"{}","value":1000,"imputed_data_used":{},"last_updated":"2026-10-09T00:00:00Z"}}"#,
                text(start),
                start == from
            )
        })
        .collect();
    let (region, signal) = (request.parameter("region").unwrap(), request.parameter("signal_type").unwrap());
    format!(
        r#"{{"data":[{}],"meta":{{"region":"{region}","signal_type":"{signal}","data_point_period_seconds":300,{units}"model":{{"date":"2023-03-01"}},"warnings":[]}}}}"#,
        points.join(",")
    )
}

fn watttime_server(units: &'static str) -> StandIn {
    StandIn::start(move |request, _| match request.target.as_str() {
        "/login" => Answer::ok(r#"{"token":"t0ken"}"#),
        _ => Answer::ok(watttime_reply(request, units)),
    })
}

#[test]
fn watttimes_pounds_become_grams_once_and_its_pieces_meet_without_a_value_twice() {
    let server = watttime_server(r#""units":"lbs_co2_per_mwh","#);
    let (from, to, now) = (s("2026-08-01T00:00:00Z"), s("2026-09-15T00:00:00Z"), at("2026-10-01T00:00:00Z"));

    let series = wait(watttime(&server, SignalType::Co2Aoer).history("US-CAL-CISO", from..to, now)).unwrap().series;

    // 45 days of 288 values.
    assert_eq!((series.len(), series.zone.as_str(), series.signal), (45 * 288, "US-CAL-CISO", Signal::Average));
    assert!(series.direct_gco2e_per_kwh.iter().all(|value| *value == Some(453.592_37)));
    assert!(series.end_s.iter().zip(&series.start_s).all(|(end, start)| end - start == 300));
    assert_eq!((series.is_estimated[0], series.estimation_method[0].as_str(), series.is_estimated[1]), (true, "imputed", false));
    assert_eq!(series.updated_s(0), Some(s("2026-10-09T00:00:00Z")));
    let requests = server.requests();
    assert_eq!(requests.len(), 3);
    // `user:pass` in base 64.
    assert!(requests[0].has_header("authorization: Basic dXNlcjpwYXNz"));
    assert!(requests[1].has_header("authorization: Bearer t0ken"));
    assert_eq!(requests[1].parameter("region").as_deref(), Some("CAISO_NORTH"));
}

#[test]
fn the_marginal_signal_is_kept_as_such_and_a_reply_without_unit_is_refused() {
    let (from, to, now) = (s("2026-08-01T00:00:00Z"), s("2026-08-02T00:00:00Z"), at("2026-10-01T00:00:00Z"));
    let fetch = |units, signal| wait(watttime(&watttime_server(units), signal).history("US-CAL-CISO", from..to, now));

    assert_eq!(fetch(r#""units":"lbs_co2_per_mwh","#, SignalType::Co2Moer).unwrap().series.signal, Signal::Marginal);
    assert_eq!(fetch("", SignalType::Co2Aoer).unwrap_err().code, "CI_UNIT");
    assert_eq!(fetch(r#""units":"percent","#, SignalType::Co2Aoer).unwrap_err().code, "CI_UNIT");
}

#[test]
fn watttime_answering_for_another_region_or_signal_is_refused_and_its_warnings_are_found() {
    let answer = |region: &str, signal: &str, warnings: &str| {
        format!(
            r#"{{"data":[{{"point_time":"2026-08-01T00:00:00Z","value":1000}}],"meta":{{"region":"{region}","signal_type":"{signal}","units":"lbs_co2_per_mwh","data_point_period_seconds":300,"warnings":[{warnings}]}}}}"#
        )
    };
    let fetch = |body: String| {
        let server = StandIn::start(move |request, _| Answer::ok(if request.target == "/login" { r#"{"token":"t"}"# } else { &body }));
        let span = s("2026-08-01T00:00:00Z")..s("2026-08-01T00:05:00Z");
        wait(watttime(&server, SignalType::Co2Aoer).history("US-CAL-CISO", span, at("2026-08-01T12:00:00Z")))
    };

    assert_eq!(fetch(answer("ERCOT", "co2_aoer", "")).unwrap_err().code, "CI_ZONE");
    assert_eq!(fetch(answer("CAISO_NORTH", "co2_moer", "")).unwrap_err().code, "CI_SIGNAL");
    let found = fetch(answer("CAISO_NORTH", "co2_aoer", r#"{"type":"EXAMPLE","message":"half of it"}"#)).unwrap().series.findings;
    assert_eq!((found.len(), found[0].code.as_str()), (1, "CI_WARNING"));
}

#[test]
fn a_forecast_of_watttime_is_in_grams() {
    let server = StandIn::start(|request, _| match request.target.as_str() {
        "/login" => Answer::ok(r#"{"token":"t"}"#),
        _ => Answer::ok(
            r#"{"data":[{"point_time":"2026-08-01T00:00:00Z","value":870},{"point_time":"2026-08-01T00:05:00Z","value":1000}],
               "meta":{"region":"CAISO_NORTH","signal_type":"co2_moer","units":"lbs_co2_per_mwh","data_point_period_seconds":300,"generated_at":"2026-07-31T23:55:00Z"}}"#,
        ),
    });

    let forecast = wait(watttime(&server, SignalType::Co2Moer).forecast("US-CAL-CISO", 24, at("2026-08-01T00:00:00Z"))).unwrap();

    assert_eq!(forecast.gco2e_per_kwh, [870.0 * 0.453_592_37, 453.592_37]);
    assert_eq!((forecast.signal, forecast.generated_s), (Signal::Marginal, Some(s("2026-07-31T23:55:00Z"))));
}

/// NESO's reply to a range: every half-hour of it, and the one that ends where it begins.
fn neso_server() -> StandIn {
    StandIn::start(|request, _| {
        let times: Vec<i64> =
            request.target.trim_start_matches("/intensity/").split('/').map(|time| s(&time.replace('Z', ":00Z"))).collect();
        let short = |seconds| DateTime::from_timestamp(seconds, 0).unwrap().format("%Y-%m-%dT%H:%MZ").to_string();
        let items: Vec<String> = (times[0] - 1_800..times[1])
            .step_by(1_800)
            .map(|start| {
                let actual = if start % DAY_S == 0 { "null".to_owned() } else { (start % DAY_S / 1_800 + 100).to_string() };
                format!(
                    r#"{{"from":"{}","to":"{}","intensity":{{"forecast":266,"actual":{actual},"index":"moderate"}}}}"#,
                    short(start),
                    short(start + 1_800)
                )
            })
            .collect();
        Answer::ok(format!(r#"{{"data":[{}]}}"#, items.join(",")))
    })
}

#[test]
fn a_month_of_neso_is_half_hours_each_once_and_a_null_is_never_the_forecast() {
    let server = neso_server();
    let (from, to, now) = (s("2026-10-01T00:00:00Z"), s("2026-11-01T00:00:00Z"), at("2026-11-05T00:00:00Z"));

    let Fetched { series, missing, .. } = wait(Neso::connect(&server.url).unwrap().history("GB", from..to, now)).unwrap();

    assert_eq!((series.len(), server.requests().len()), (31 * 48, 3));
    assert_eq!(series.start_s[0], from);
    assert_eq!(series.direct_gco2e_per_kwh[..3], [None, Some(101.0), Some(102.0)]);
    assert!(series.end_s.iter().zip(&series.start_s).all(|(end, start)| end - start == 1_800));
    assert_eq!(missing, None);
    assert_eq!(server.requests()[0].target, "/intensity/2026-10-01T00:00Z/2026-10-15T00:00Z");
}

#[test]
fn neso_has_one_zone_and_a_forecast() {
    let server = neso_server();
    let neso = Neso::connect(&server.url).unwrap();
    let now = at("2026-10-01T00:10:00Z");

    assert_eq!(wait(neso.history("NL", 0..1_800, now)).unwrap_err().code, "CI_ZONE");
    let forecast = wait(neso.forecast("GB", 2, now)).unwrap();
    assert_eq!((forecast.gco2e_per_kwh, forecast.start_s[0]), (vec![266.0; 4], s("2026-10-01T00:00:00Z")));
}

#[test]
fn a_provider_that_is_not_there_is_said_after_the_last_attempt() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let neso = Neso::connect(&format!("http://127.0.0.1:{port}")).unwrap();

    let refusal = wait(neso.history("GB", 0..1_800, at("2026-10-01T00:10:00Z"))).unwrap_err();

    assert_eq!(refusal.code, "CI_UNREACHABLE");
    assert!(refusal.message.contains("after 5 attempts") && !refusal.message.contains(&port.to_string()), "{}", refusal.message);
}
