//! Feeds and `import` as a user meets them: a month whose energy and intensities were brought or asked for, without any Prometheus.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;
use tempfile::TempDir;

use crate::compare::integer;
use crate::end_to_end::json_report;
use crate::sample;
use crate::stand_in::{Answer, Request, StandIn};

const HOUR_S: i64 = 3_600;
/// 2022-10-01T00:00:00Z.
const FROM_S: i64 = 1_664_582_400;
const HOURS: i64 = 744;

fn time(seconds: i64) -> String {
    chrono::DateTime::from_timestamp(seconds, 0).unwrap().format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A cluster without Prometheus in a building of PUE 1.2, months in UTC, and further tables.
fn config(folder: &Path, tables: &str) -> PathBuf {
    let path = folder.join("wattledger.toml");
    let text = format!(
        "[organisation]\nname = \"Example BV\"\ntime_zone = \"UTC\"\n\n[[cluster]]\nname = \"prod-nl\"\nboundary = \"owned\"\ngrid_zone = \"NL\"\npue = 1.2\n\n{tables}"
    );
    fs::write(&path, text).unwrap();
    path
}

fn write(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

/// A node that draws 1 kWh an hour, of which 0.25 is idle and 0.5 a pod's.
fn usage(folder: &Path) -> String {
    let mut text = "cluster,node,ts,energy_kwh,namespace,workload,pod,idle_kwh,cpu_seconds\n".to_owned();
    for hour in 0..HOURS {
        let ts = time(FROM_S + hour * HOUR_S);
        text += &format!("prod-nl,n1,{ts},1.0,,,,0.25,\nprod-nl,n1,{ts},0.5,shop,Deployment/web,web-1,,1800\n");
    }
    write(folder, "usage.csv", &text)
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn report(folder: &Path, config: &Path) -> Value {
    let out = folder.join("report");
    sample::wattledger_ok(&["report", "--month", "2022-10", "--out", out.to_str().unwrap(), "--format", "json"], config);
    serde_json::from_slice(&fs::read(json_report(&out)).unwrap()).unwrap()
}

fn finding<'a>(report: &'a Value, code: &str) -> &'a Value {
    let findings = report["findings"].as_array().unwrap();
    findings.iter().find(|finding| finding["code"] == code).unwrap_or_else(|| panic!("no {code} in {findings:#?}"))
}

#[test]
fn a_month_that_was_imported_has_the_figures_that_paper_and_pencil_give() {
    let folder = TempDir::new().unwrap();
    let config = config(folder.path(), "");
    let usage = usage(folder.path());
    let mut text = "ts,zone,intensity_lb_per_mwh\n".to_owned();
    for hour in 0..HOURS {
        text += &format!("{},NL,{}\n", time(FROM_S + hour * HOUR_S), if hour < 372 { 1_000 } else { 500 });
    }
    let intensity = write(folder.path(), "intensity.csv", &text);

    let said = stderr(&sample::wattledger_ok(&["import", "--kind", "usage", "--step", "1h", &usage], &config));
    assert!(said.contains("imported the usage of prod-nl on 2022-10-31: 1 nodes, 1 pods"), "{said}");
    let said = stderr(&sample::wattledger_ok(&["import", "--kind", "intensity", &intensity], &config));
    assert!(said.contains("imported 744 intensities of NL, 2022-10-01T00:00Z to 2022-11-01T00:00Z"), "{said}");
    let report = report(folder.path(), &config);

    let totals = &report["totals"];
    assert_eq!(integer(&totals["metered_mj"]), Some(HOURS * 3_600_000_000));
    assert_eq!(integer(&totals["active_mj"]), Some(HOURS * 1_800_000_000));
    assert_eq!(integer(&totals["idle_mj"]), Some(HOURS * 900_000_000));
    assert_eq!(integer(&totals["system_mj"]), Some(HOURS * 900_000_000));
    // 744 kWh x 1.2 at a mean of 750 lb/MWh = 340.1942775 g/kWh: 303,725.451 g. A row is rounded to a microgram, of which there are 3 a step.
    let ugco2e = integer(&totals["scope2_location_based_ugco2e"]).unwrap();
    assert!((ugco2e - 303_725_450_952).abs() < HOURS * 4 * 3, "{ugco2e}");
    assert!(finding(&report, "IMPORTED")["message"].as_str().unwrap().contains("usage.csv (SHA-256 "));
    // The same file once more changes nothing; another one for the same days is refused.
    sample::wattledger_ok(&["import", "--kind", "usage", "--step", "1h", &usage], &config);
    let other = write(folder.path(), "other.csv", &fs::read_to_string(&usage).unwrap().replace(",1.0,", ",1.1,"));
    let refused = sample::wattledger(&["import", "--kind", "usage", "--step", "1h", &other], &config);
    assert_eq!(refused.status.code(), Some(1));
    assert!(stderr(&refused).contains("is there already and differs"), "{}", stderr(&refused));
}

#[test]
fn a_file_that_contradicts_what_is_kept_is_refused_unless_it_says_that_it_is_the_later_one() {
    let folder = TempDir::new().unwrap();
    let config = config(folder.path(), "");
    let file = |name: &str, value: i64| {
        let rows: Vec<String> =
            (0..HOURS).map(|hour| format!("{},NL,{}", time(FROM_S + hour * HOUR_S), if hour < 5 { value } else { 300 })).collect();
        write(folder.path(), name, &format!("ts,zone,intensity_gco2e_per_kwh\n{}\n", rows.join("\n")))
    };
    let (first, later) = (file("first.csv", 290), file("later.csv", 310));
    sample::wattledger_ok(&["import", "--kind", "intensity", "--published", "2022-11-02", &first], &config);

    let refused = sample::wattledger(&["import", "--kind", "intensity", &later], &config);
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        stderr(&refused).starts_with("error: CI_CONFLICT: Zone NL has two values for 2022-10-01T00:00:00+00:00"),
        "{}",
        stderr(&refused)
    );
    let accepted = sample::wattledger_ok(&["import", "--kind", "intensity", "--published", "2023-01-20", &later], &config);
    assert!(stderr(&accepted).contains("disclosed: CI_REVISED: Zone NL: the provider revised 5 h"), "{}", stderr(&accepted));

    sample::wattledger_ok(&["import", "--kind", "usage", "--step", "1h", &usage(folder.path())], &config);
    let report = report(folder.path(), &config);
    let revised = finding(&report, "CI_REVISED");
    assert_eq!((revised["failing"].as_u64(), revised["examined"].as_u64()), (Some(5), Some(744)));
    let edition = report["provenance"]["intensity"][0]["edition"].as_str().unwrap();
    assert!(edition.contains("first.csv") && edition.contains("later.csv") && edition.contains("published 2023-01-20"), "{edition}");
}

/// Electricity Maps' `past-range`: for each hour that was asked for its value in g/kWh, and when the provider says that it was last changed.
pub fn past_range(request: &Request, said: impl Fn(i64) -> (String, &'static str)) -> Answer {
    let seconds = |name: &str| chrono::DateTime::parse_from_rfc3339(&request.parameter(name).unwrap()).unwrap().timestamp();
    let kind = request.parameter("emissionFactorType").unwrap();
    let items: Vec<String> = (seconds("start")..seconds("end"))
        .step_by(HOUR_S as usize)
        .map(|at| {
            let (value, updated) = said(at);
            format!(
                r#"{{"zone":"NL","carbonIntensity":{value},"datetime":"{}","updatedAt":"{updated}","emissionFactorType":"{kind}","isEstimated":false,"estimationMethod":null}}"#,
                time(at)
            )
        })
        .collect();
    Answer::ok(format!(r#"{{"zone":"NL","data":[{}]}}"#, items.join(",")))
}

/// 200 g/kWh, and in the first five hours of the month what the round says.
fn answer(request: &Request, first_hours: i64, updated: &'static str) -> Answer {
    past_range(request, |at| match (FROM_S..FROM_S + 5 * HOUR_S).contains(&at) {
        true => (first_hours.to_string(), updated),
        false => ("200".to_owned(), "2022-11-01T00:00:00.000Z"),
    })
}

#[test]
fn a_provider_that_revises_an_open_month_is_asked_again_and_both_editions_are_kept() {
    let folder = TempDir::new().unwrap();
    // The first collection is of 100 g/kWh in five hours; later the provider says 150.
    let server = StandIn::start(|request, before| match before {
        0..8 => answer(request, 100, "2022-11-01T00:00:00.000Z"),
        _ => answer(request, 150, "2022-11-03T00:00:00.000Z"),
    });
    fs::write(folder.path().join("token"), "s3cret\n").unwrap();
    let table = format!(
        "[[intensity]]\nzones = [\"NL\"]\nprovider = \"electricity-maps\"\nurl = \"{}\"\ntoken_file = \"token\"\nendpoint = \"past-range\"\n",
        server.url
    );
    let config = config(folder.path(), &table);
    sample::wattledger_ok(&["import", "--kind", "usage", "--step", "1h", &usage(folder.path())], &config);

    sample::wattledger_ok(&["collect", "--month", "2022-10"], &config);
    // 33 days in pieces of ten, for both kinds.
    assert_eq!(server.requests().len(), 8);
    assert!(server.requests().iter().all(|request| request.has_header("auth-token: s3cret")));
    let again = sample::wattledger_ok(&["collect", "--month", "2022-10"], &config);
    assert!(stderr(&again).contains("disclosed: CI_REVISED"), "{}", stderr(&again));
    // A third time there is no news, and nothing more is kept.
    let zone = folder.path().join("evidence/intensity/NL");
    let kept = fs::read_dir(&zone).unwrap().count();
    sample::wattledger_ok(&["collect", "--month", "2022-10"], &config);
    assert_eq!(fs::read_dir(&zone).unwrap().count(), kept);

    let report = report(folder.path(), &config);
    // 739 h at 200 g/kWh and 5 at 150, of 1.2 kWh each.
    let ugco2e = integer(&report["totals"]["scope2_location_based_ugco2e"]).unwrap();
    assert_eq!(ugco2e, (739 * 200 + 5 * 150) * 1_200_000);
    let revised = finding(&report, "CI_REVISED");
    assert_eq!((revised["failing"].as_u64(), revised["severity"].as_str()), (Some(5), Some("disclosed")));
    assert!(revised["message"].as_str().unwrap().contains("from 100 to 150 g/kWh at 2022-10-01T00:00Z"), "{revised}");
    let manifest: Value = serde_json::from_slice(&fs::read(zone.join("manifest.json")).unwrap()).unwrap();
    let editions = manifest["editions"].as_array().unwrap();
    assert_eq!(editions.iter().map(|edition| edition["file"]["rows"].as_u64().unwrap()).collect::<Vec<_>>(), [33 * 24, 5]);
    for reply in editions.iter().flat_map(|edition| edition["replies"].as_array().unwrap()) {
        let bytes = fs::read(folder.path().join("evidence").join(reply["path"].as_str().unwrap())).unwrap();
        assert_eq!(bytes.len() as u64, reply["bytes"].as_u64().unwrap());
    }
}

#[test]
fn a_zone_that_the_provider_does_not_know_leaves_the_collection_incomplete() {
    let folder = TempDir::new().unwrap();
    let server = StandIn::start(|_, _| Answer { status: 404, headers: Vec::new(), body: r#"{"error":"zone not found"}"#.to_owned() });
    fs::write(folder.path().join("token"), "s3cret\n").unwrap();
    let table =
        format!("[[intensity]]\nzones = [\"NL\"]\nprovider = \"electricity-maps\"\nurl = \"{}\"\ntoken_file = \"token\"\n", server.url);
    let config = config(folder.path(), &table);

    let output = sample::wattledger(&["collect", "--from", "2022-10-01", "--to", "2022-10-02"], &config);

    assert_eq!(output.status.code(), Some(3));
    let said = stderr(&output);
    assert!(said.contains("incomplete: collect the intensity of NL: CI_ZONE: Electricity Maps refused (404)"), "{said}");
    assert!(!said.contains("s3cret") && !said.contains(&server.url), "{said}");
}

#[test]
fn a_file_that_is_refused_does_not_keep_a_provider_from_being_asked() {
    let folder = TempDir::new().unwrap();
    let server = StandIn::start(|request, _| answer(request, 200, "2022-11-01T00:00:00.000Z"));
    fs::write(folder.path().join("token"), "s3cret\n").unwrap();
    write(folder.path(), "FR.csv", "ts,zone,intensity\n2022-10-01T00:00:00Z,FR,60\n");
    let table = format!(
        "[[intensity]]\nzones = [\"FR\"]\nprovider = \"files\"\nfiles = [\"FR.csv\"]\n\n\
         [[intensity]]\nzones = [\"NL\"]\nprovider = \"electricity-maps\"\nurl = \"{}\"\ntoken_file = \"token\"\nendpoint = \"past-range\"\n",
        server.url
    );
    let config = config(folder.path(), &table);

    let output = sample::wattledger(&["collect", "--from", "2022-10-01", "--to", "2022-10-02"], &config);

    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("CI_UNIT: FR.csv does not say the unit of its values"), "{}", stderr(&output));
    assert!(folder.path().join("evidence/intensity/NL/manifest.json").exists());
}

#[test]
fn prices_are_imported_and_collected_into_one_evidence() {
    let folder = TempDir::new().unwrap();
    let prices = "Datetime,Price (EUR/MWh)\n2022-10-01 00:00:00,124.7\n2022-10-01 01:00:00,-0.5\n";
    let path = write(folder.path(), "NL.csv", prices);
    let table = "[[price]]\nzones = [\"NL\"]\nfiles = [\"NL.csv\"]\ntime_zone = \"Europe/Amsterdam\"\n";
    let config = config(folder.path(), table);

    let said =
        stderr(&sample::wattledger_ok(&["import", "--kind", "prices", "--zone", "NL", "--time-zone", "Europe/Amsterdam", &path], &config));
    assert!(said.contains("imported 2 prices of NL, 2022-09-30T22:00Z to 2022-10-01T00:00Z"), "{said}");
    let manifest = folder.path().join("evidence/prices/NL/manifest.json");
    let before = fs::read(&manifest).unwrap();
    let output = sample::wattledger(&["collect", "--from", "2022-10-01", "--to", "2022-10-02"], &config);
    // The cluster has no Prometheus; the prices are the same.
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(fs::read(&manifest).unwrap(), before);

    let refused = sample::wattledger(&["import", "--kind", "prices", "--zone", "NL", &path], &config);
    assert_eq!(refused.status.code(), Some(1));
    assert!(stderr(&refused).contains("PRICE_AMBIGUOUS_TIME: NL.csv, line 2: "), "{}", stderr(&refused));
    assert!(stderr(&refused).contains("\nhint: "), "{}", stderr(&refused));
}
