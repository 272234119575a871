//! Intervals and alternatives of the sample's month, as they stand in its report.

use std::fs;

use serde_json::Value;
use tempfile::TempDir;

use crate::compare::integer;
use crate::sample::{self, report_with as report};

fn interval<'a>(report: &'a Value, figure: &str) -> &'a Value {
    let intervals = report["quality"]["intervals"].as_array().unwrap();
    intervals.iter().find(|interval| interval["figure"] == figure).unwrap_or_else(|| panic!("{figure} in {intervals:#?}"))
}

fn choices(report: &Value) -> Vec<&str> {
    report["quality"]["sensitivity"].as_array().unwrap().iter().map(|row| row["choice"].as_str().unwrap()).collect()
}

#[test]
fn every_interval_holds_the_total_that_the_report_states() {
    let folder = TempDir::new().unwrap();
    let report = report(&sample::root().join("sample-data/wattledger.toml"), folder.path(), &[]);

    let intervals = report["quality"]["intervals"].as_array().unwrap();
    assert!(intervals.len() >= 5, "{intervals:#?}");
    for interval in intervals {
        let figure = interval["figure"].as_str().unwrap();
        assert_eq!(integer(&interval["value"]), integer(&report["totals"][figure]), "{figure}");
        let [low, value, high] = ["low", "value", "high"].map(|edge| integer(&interval[edge]).unwrap());
        assert!(0 < low && low < value && value - low == high - value, "{interval}");
        let contributors = interval["contributors"].as_array().unwrap();
        let shares: Vec<f64> = contributors.iter().map(|row| row["share"].as_f64().unwrap()).collect();
        assert!(
            (1..=3).contains(&shares.len()) && shares.is_sorted_by(|a, b| a >= b) && shares.iter().sum::<f64>() < 1.0 + 1e-9,
            "{interval}"
        );
        assert!(contributors.iter().all(|row| !row["source"].as_str().unwrap().is_empty()));
    }
}

#[test]
fn what_the_organisation_states_of_an_input_is_what_counts() {
    let folder = TempDir::new().unwrap();
    let mut config = sample::sample_config();
    config["evidence"]
        .as_table_mut()
        .unwrap()
        .insert("dir".to_owned(), sample::root().join("sample-data/evidence").to_str().unwrap().into());
    let stated = "tier = 0.0\npue = 0.0\n\"pue prod-nl\" = 0.1\ngrid-intensity = 0.0\ngrid-estimation = 0.0\n";
    config.as_table_mut().unwrap().insert("uncertainty".to_owned(), toml::from_str::<toml::Value>(stated).unwrap());
    let path = folder.path().join("wattledger.toml");
    fs::write(&path, toml::to_string(&config).unwrap()).unwrap();
    let report = report(&path, folder.path(), &[]);

    // Only the PUE of the one cluster in Scope 2 is left: 10 %, expanded 20 %.
    let interval = interval(&report, "scope2_location_based_ugco2e");
    assert!((interval["relative"].as_f64().unwrap() - 0.2).abs() < 1e-9, "{interval}");
    assert_eq!(interval["contributors"][0]["input"], "pue prod-nl");
    assert_eq!(interval["contributors"][0]["source"], "[uncertainty] of the configuration");
}

#[test]
fn other_choices_stand_beside_what_was_chosen() {
    let folder = TempDir::new().unwrap();
    let config = sample::root().join("sample-data/wattledger.toml");
    let with = report(&config, &folder.path().join("with"), &[]);
    let without = report(&config, &folder.path().join("without"), &["--no-sensitivity"]);
    let by_sql = report(&config, &folder.path().join("sql"), &["--engine", "sql"]);

    let idle = ["idle energy by-request instead of by-usage", "idle energy unallocated instead of by-usage"];
    assert!(idle.iter().all(|choice| choices(&with).contains(choice) && !choices(&without).contains(choice)), "{:?}", choices(&with));
    assert!(with == by_sql, "the SQL files say the same of every choice");
    let row = |choice: &str| with["quality"]["sensitivity"].as_array().unwrap().iter().find(|row| row["choice"] == choice).unwrap().clone();
    // What nobody is given stays in (idle), so the namespace has less.
    assert!(row(idle[1])["relative"].as_f64() < Some(0.0));
    // 0.1 of 1.2, whatever the month was.
    let higher = row("PUE of every Scope 2 site higher by 0.1")["relative"].as_f64().unwrap();
    assert!((higher - 0.1 / 1.2).abs() < 1e-9, "{higher}");
    assert_eq!(with["totals"], without["totals"]);
}

#[test]
fn an_idle_policy_that_is_shown_as_an_alternative_gives_the_same_when_it_is_chosen() {
    let folder = TempDir::new().unwrap();
    let with = report(&sample::root().join("sample-data/wattledger.toml"), &folder.path().join("by-usage"), &[]);
    let mut config = sample::sample_config();
    config["evidence"]
        .as_table_mut()
        .unwrap()
        .insert("dir".to_owned(), sample::root().join("sample-data/evidence").to_str().unwrap().into());
    config["report"].as_table_mut().unwrap().insert("idle".to_owned(), "by-request".into());
    let path = folder.path().join("wattledger.toml");
    fs::write(&path, toml::to_string(&config).unwrap()).unwrap();
    let chosen = report(&path, &folder.path().join("by-request"), &["--no-sensitivity"]);

    let rows = with["quality"]["sensitivity"].as_array().unwrap();
    let row = rows.iter().find(|row| row["choice"] == "idle energy by-request instead of by-usage").unwrap();
    let (cluster, namespace) =
        row["figure"].as_str().unwrap().strip_prefix("operational_hourly_ugco2e of ").unwrap().split_once('/').unwrap();
    let of = |report: &Value| {
        let namespaces = report["namespaces"].as_array().unwrap();
        let found = namespaces.iter().find(|found| found["cluster"] == cluster && found["namespace"] == namespace).unwrap();
        integer(&found["operational_hourly_ugco2e"])
    };
    assert_eq!((integer(&row["value"]), integer(&row["alternative"])), (of(&with), of(&chosen)));
}
