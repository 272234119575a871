//! Looking: at evidence that grows, at a provider that answers, and at one that does not.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use super::zone_test::{at, series};
use super::*;
use crate::sources::intensity::stand_in_test::{Answer, StandIn};

/// A cluster in NL, whose provider is Electricity Maps at an address.
fn config(folder: &std::path::Path, url: Option<&str>) -> Config {
    std::fs::write(folder.join("token"), "t0ken").unwrap();
    let api = url.map(|url| format!("token_file = \"token\"\nurl = \"{url}\"")).unwrap_or("files = [\"none/*.csv\"]".to_owned());
    let text = format!(
        "[organisation]\nname = \"Example BV\"\ntime_zone = \"Europe/Amsterdam\"\n[outlook]\nask_every = \"10m\"\n\
         [[cluster]]\nname = \"prod-nl\"\nboundary = \"owned\"\ngrid_zone = \"NL\"\npue = 1.2\nprometheus = {{ url = \"http://127.0.0.1:9\" }}\n\
         [[intensity]]\nzones = [\"NL\", \"FR\"]\nprovider = \"electricity-maps\"\n{api}\n"
    );
    Config::from_bytes(text.as_bytes(), &folder.join("wattledger.toml")).unwrap()
}

fn store(folder: &std::path::Path) -> Store {
    Store::new(folder.join("evidence"))
}

/// An answer about whichever zone was asked for.
fn answer(target: &str, value: f64) -> String {
    let zone = if target.contains("zone=NL") { "NL" } else { "FR" };
    if target.contains("/forecast") {
        let forecast: Vec<_> =
            (11..15).map(|hour| json!({ "carbonIntensity": value * 2.0, "datetime": format!("2026-10-05T{hour}:00:00.000Z") })).collect();
        return json!({ "zone": zone, "forecast": forecast, "updatedAt": "2026-10-05T11:05:00.000Z" }).to_string();
    }
    let kind = if target.contains("=direct") { "direct" } else { "lifecycle" };
    let row = |hour: i64| {
        json!({
            "zone": zone, "carbonIntensity": value + hour as f64, "datetime": format!("2026-10-05T{hour:02}:00:00.000Z"),
            "updatedAt": "2026-10-05T11:04:00.000Z", "emissionFactorType": kind, "isEstimated": hour == 11, "estimationMethod": null
        })
    };
    json!({ "zone": zone, "temporalGranularity": "hourly", "history": [row(9), row(10), row(11)] }).to_string()
}

#[test]
fn the_evidence_is_read_again_where_it_has_changed() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path(), None);
    let outlook = Outlook::new(&config, store(folder.path()), Ask::Nobody, &["PL".to_owned()]);
    let now = at("2026-10-05T11:20:00Z");
    assert_eq!(outlook.zone("NL").unwrap_err().kind, UnknownKind::NoZone, "nothing was looked at yet");
    assert_eq!(outlook.refresh(now).unwrap(), []);
    assert_eq!(outlook.zones(), ["FR", "NL", "PL"]);
    let before = outlook.zone("NL").unwrap();
    assert_eq!(before.current(now).unwrap_err().kind, UnknownKind::NoData);
    assert!(outlook.refresh(now).unwrap().is_empty() && Arc::ptr_eq(&before, &outlook.zone("NL").unwrap()), "nothing has changed");

    store(folder.path()).write_intensity(&series("2026-10-05T10:00:00Z", 60, &[Some(150.0), Some(160.0)])).unwrap();
    outlook.refresh(now).unwrap();
    assert_eq!(outlook.zone("NL").unwrap().current(now).unwrap().intensity.get(), 160.0);
    // Who has asked before keeps what it was told.
    assert_eq!(before.current(now).unwrap_err().kind, UnknownKind::NoData);

    let unknown = outlook.zone("XX-\u{1b}[2J").unwrap_err();
    assert_eq!((unknown.kind, unknown.code.as_str()), (UnknownKind::NoZone, "CI_ZONE"));
    assert!(!unknown.to_string().contains('\u{1b}') && outlook.zone("DE").unwrap_err().reason.contains("`DE`"));
}

#[test]
fn evidence_that_was_changed_makes_its_zone_unknown_until_it_is_mended() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path(), None);
    let outlook = Outlook::new(&config, store(folder.path()), Ask::Nobody, &[]);
    let now = at("2026-10-05T11:20:00Z");
    store(folder.path()).write_intensity(&series("2026-10-05T11:00:00Z", 60, &[Some(160.0)])).unwrap();
    let path = folder.path().join("evidence").join(&store(folder.path()).intensity("NL").unwrap()[0].1.path);
    let whole = std::fs::read(&path).unwrap();
    let mut bytes = whole.clone();
    bytes[20] ^= 1;
    std::fs::write(&path, bytes).unwrap();

    let trouble = outlook.refresh(now).unwrap();
    assert_eq!((trouble[0].zone.as_str(), trouble[0].what, trouble.len()), ("NL", "the evidence", 1));
    assert!(trouble[0].refusal.message.contains("EVIDENCE_CHANGED"), "{}", trouble[0].refusal);
    let unknown = outlook.zone("NL").unwrap().current(now).unwrap_err();
    assert_eq!((unknown.kind, unknown.code.as_str()), (UnknownKind::Refused, "CI_EVIDENCE"));
    assert!(!unknown.reason.contains(&*folder.path().to_string_lossy()), "{unknown}");

    std::fs::write(&path, whole).unwrap();
    assert!(outlook.refresh(now).unwrap().is_empty());
    assert_eq!(outlook.zone("NL").unwrap().current(now).unwrap().intensity.get(), 160.0);
}

#[test]
fn a_provider_tops_up_the_evidence_and_is_not_asked_again_too_soon() {
    let folder = tempfile::tempdir().unwrap();
    let stand_in = StandIn::start(|request, _| Answer::ok(answer(&request.target, 100.0)));
    let config = config(folder.path(), Some(&stand_in.url));
    store(folder.path()).write_intensity(&series("2026-10-05T07:00:00Z", 60, &[Some(80.0), Some(81.0)])).unwrap();
    let outlook = Outlook::new(&config, store(folder.path()), Ask::Providers, &[]).reaching(30);
    let now = at("2026-10-05T11:20:00Z");
    assert_eq!(outlook.refresh(now).unwrap(), []);
    let nl = outlook.zone("NL").unwrap();
    let reading = nl.current(now).unwrap();
    assert_eq!((reading.intensity.get(), reading.is_estimated), (111.0, true));
    assert!(reading.origin.edition.starts_with("2026-10-05T11:20:00Z "), "{}", reading.origin.edition);
    let history = nl.history(at("2026-10-05T07:00:00Z"), at("2026-10-05T12:00:00Z")).unwrap();
    assert_eq!(history.readings.iter().map(|reading| reading.intensity.get()).collect::<Vec<_>>(), [80.0, 81.0, 109.0, 110.0, 111.0]);
    let expectation = nl.forecast(at("2026-10-05T12:00:00Z"), at("2026-10-05T14:00:00Z"), now).unwrap();
    assert_eq!((expectation.generated_at, expectation.readings.len()), (at("2026-10-05T11:05:00Z"), 2));
    // Two zones, of each direct, life-cycle, forecast.
    assert_eq!(stand_in.requests().len(), 6);
    // 48 hours by the configuration are more than 30.
    assert!(stand_in.requests().iter().any(|request| request.parameter("horizonHours").as_deref() == Some("48")));
    outlook.refresh(at("2026-10-05T11:29:59Z")).unwrap();
    assert_eq!(stand_in.requests().len(), 6);
    outlook.refresh(at("2026-10-05T11:30:00Z")).unwrap();
    assert_eq!(stand_in.requests().len(), 12);
    // Nothing of it was written down.
    assert_eq!(store(folder.path()).intensity("NL").unwrap().len(), 1);
}

#[test]
fn without_leave_nobody_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    let stand_in = StandIn::start(|request, _| Answer::ok(answer(&request.target, 100.0)));
    let outlook = Outlook::new(&config(folder.path(), Some(&stand_in.url)), store(folder.path()), Ask::Nobody, &[]);
    outlook.refresh(at("2026-10-05T11:20:00Z")).unwrap();
    assert!(stand_in.requests().is_empty());
}

#[test]
fn a_provider_that_lets_nobody_in_is_named_and_what_was_known_ages() {
    let folder = tempfile::tempdir().unwrap();
    let is_denied = Arc::new(AtomicBool::new(false));
    let denied = Arc::clone(&is_denied);
    let stand_in = StandIn::start(move |request, _| {
        if denied.load(Ordering::SeqCst) {
            return Answer { status: 401, headers: Vec::new(), body: "{\"error\":\"who are you\"}".to_owned() };
        }
        Answer::ok(answer(&request.target, 100.0))
    });
    let outlook = Outlook::new(&config(folder.path(), Some(&stand_in.url)), store(folder.path()), Ask::Providers, &[]);
    assert!(outlook.refresh(at("2026-10-05T11:20:00Z")).unwrap().is_empty());
    is_denied.store(true, Ordering::SeqCst);
    let before = stand_in.requests().len();
    let trouble = outlook.refresh(at("2026-10-05T13:00:00Z")).unwrap();
    assert_eq!(
        trouble.iter().map(|trouble| (trouble.zone.as_str(), trouble.what)).collect::<Vec<_>>(),
        [("NL", "the past"), ("NL", "the forecast"), ("FR", "the past"), ("FR", "the forecast")]
    );
    assert!(trouble.iter().all(|trouble| trouble.refusal.code == "CI_DENIED"));
    // One question is enough to know that the others would fare no better.
    assert_eq!(stand_in.requests().len(), before + 1);
    let nl = outlook.zone("NL").unwrap();
    assert_eq!(nl.current(at("2026-10-05T13:00:00Z")).unwrap().intensity.get(), 111.0);
    let unknown = nl.current(at("2026-10-05T14:00:00Z")).unwrap_err();
    assert_eq!(unknown.kind, UnknownKind::Stale);
    assert!(unknown.reason.contains("Electricity Maps refused (401)") && !unknown.reason.contains("t0ken"), "{unknown}");
    is_denied.store(false, Ordering::SeqCst);
    assert!(outlook.refresh(at("2026-10-05T13:10:00Z")).unwrap().is_empty());
}

#[test]
fn a_missing_token_is_trouble_of_the_provider_and_not_of_the_evidence() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path(), Some("http://127.0.0.1:9"));
    std::fs::remove_file(folder.path().join("token")).unwrap();
    store(folder.path()).write_intensity(&series("2026-10-05T11:00:00Z", 60, &[Some(160.0)])).unwrap();
    let outlook = Outlook::new(&config, store(folder.path()), Ask::Providers, &[]);
    let now = at("2026-10-05T11:20:00Z");
    let trouble = outlook.refresh(now).unwrap();
    assert_eq!(
        trouble.iter().map(|trouble| (trouble.zone.as_str(), trouble.what)).collect::<Vec<_>>(),
        [("NL", "the provider"), ("FR", "the provider")]
    );
    assert!(trouble[0].refusal.message.contains(&*folder.path().to_string_lossy()), "{}", trouble[0].refusal);
    let nl = outlook.zone("NL").unwrap();
    assert_eq!(nl.current(now).unwrap().intensity.get(), 160.0);
    let unknown = nl.current(at("2026-10-06T11:20:00Z")).unwrap_err();
    assert!(unknown.reason.ends_with("; when last asked, the provider could not be asked, and the log says why."), "{unknown}");
}

#[test]
fn horizons_are_those_that_providers_take() {
    assert_eq!([1, 6, 7, 24, 30, 48, 72, 100].map(horizon), [6, 6, 24, 24, 48, 48, 72, 72]);
}
