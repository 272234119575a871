//! Cost centres as finance gets them: by the label of the day, nothing spread, and every figure of the totals in exactly one row.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;
use wattledger::units::UtcDay;

use crate::compare::{FIGURES, integer};
use crate::{altered, market, sample};

const NOBODYS: [&str; 3] = ["(gap)", "(idle)", "(system)"];

/// Shop moves to another cost centre in the middle of the month, and back for a day; some namespaces have none, and render is not seen for three days.
fn label(cluster: &str, day: UtcDay, namespace: &str) -> Option<String> {
    let number: u32 = day.to_string()[8..].parse().unwrap();
    let is_october = day.to_string().starts_with("2026-10");
    let value = match (cluster, namespace) {
        (_, "shop") if is_october && number >= 15 && number != 20 => "0815",
        (_, "shop") => "4711",
        (_, "render") if is_october && (7..10).contains(&number) => return None,
        (_, "render") => "0815",
        ("edge-fr", _) => "=edge",
        (_, "data" | "ci") => "4711",
        _ => return None,
    };
    Some(value.to_owned())
}

fn write_config(folder: &Path, mut config: toml::Table) -> PathBuf {
    config["evidence"].as_table_mut().unwrap().insert("dir".to_owned(), folder.join("evidence").to_str().unwrap().into());
    let path = folder.join("cost-centres.toml");
    fs::write(&path, toml::to_string(&config).unwrap()).unwrap();
    path
}

fn report(config: &Path, out: &Path) -> Value {
    let arguments = ["report", "--month", "2026-10", "--out", out.to_str().unwrap(), "--format", "csv,html,json,xlsx", "--no-sensitivity"];
    sample::wattledger_ok(&arguments, config);
    serde_json::from_slice(&fs::read(out.join("report.json")).unwrap()).unwrap()
}

fn ledger(out: &Path) -> Vec<BTreeMap<String, String>> {
    csv::Reader::from_path(out.join("ledger.csv")).unwrap().deserialize().map(|row| row.unwrap()).collect()
}

/// Rows add up to the totals, and the ledger's rows to the rows.
fn check(report: &Value, ledger: &[BTreeMap<String, String>]) {
    let rows = report["cost_centres"].as_array().unwrap();
    for name in FIGURES {
        let sum: Option<i64> = rows.iter().map(|row| integer(&row[name])).sum();
        assert_eq!(sum, integer(&report["totals"][name]), "{name}");
    }
    let mut by_centre: BTreeMap<&str, Vec<&BTreeMap<String, String>>> = BTreeMap::new();
    for row in ledger {
        by_centre.entry(&row["cost_centre"]).or_default().push(row);
    }
    for row in rows {
        let name = row["cost_centre"].as_str().unwrap();
        let of_centre = by_centre.remove(name).or_else(|| by_centre.remove(format!("'{name}").as_str())).unwrap_or_default();
        for figure in FIGURES.iter().filter(|name| of_centre.first().is_some_and(|row| row.contains_key(**name))) {
            let sum: i64 = of_centre.iter().map(|row| row[*figure].parse::<i64>().unwrap()).sum();
            assert_eq!(Some(sum), integer(&row[*figure]), "{figure} of {name}");
        }
    }
    assert!(by_centre.is_empty(), "cost centres that the report does not have: {:?}", by_centre.keys());
}

#[test]
fn every_hour_is_in_the_cost_centre_of_its_day_and_rows_add_up_to_the_totals() {
    let folder = TempDir::new().unwrap();
    altered::write_with_cost_centres(folder.path(), label);
    let config = fs::read_to_string(sample::root().join("sample-data/wattledger.toml")).unwrap();
    let config = write_config(folder.path(), toml::from_str(&config).unwrap());
    let out = folder.path().join("out");
    let report = report(&config, &out);
    let ledger = ledger(&out);

    check(&report, &ledger);
    let mut seen: BTreeMap<String, i64> = BTreeMap::new();
    for row in &ledger {
        let day: UtcDay = row["hour"][..10].parse().unwrap();
        let namespace = row["namespace"].as_str();
        let expected = if NOBODYS.contains(&namespace) {
            namespace.to_owned()
        } else {
            label(&row["cluster"], day, namespace).unwrap_or_else(|| "(unlabelled)".to_owned())
        };
        assert_eq!(row["cost_centre"].trim_start_matches('\''), expected, "{}", row["id"]);
        *seen.entry(expected).or_default() += row["facility_mj"].parse::<i64>().unwrap();
    }
    assert!(["4711", "0815", "=edge", "(unlabelled)", "(idle)", "(system)", "(gap)"].iter().all(|name| seen[*name] > 0), "{seen:?}");
    let unlabelled = report["cost_centres"].as_array().unwrap().iter().find(|row| row["cost_centre"] == "(unlabelled)").unwrap();
    let share = seen["(unlabelled)"] as f64 / integer(&report["totals"]["facility_mj"]).unwrap() as f64;
    assert!((unlabelled["facility_share"].as_f64().unwrap() - share).abs() < 1e-12);
    let found: Vec<&Value> = report["findings"].as_array().unwrap().iter().filter(|finding| finding["code"] == "UNLABELLED").collect();
    assert!(!found.is_empty() && found.iter().all(|finding| finding["severity"] == "noted"), "{found:?}");

    let html = fs::read_to_string(out.join("report.html")).unwrap();
    assert!(html.contains("Energy and emissions by cost centre") && html.contains("data-cost-centre=\"0815\""));
    let mut book = calamine::open_workbook_auto(out.join("report.xlsx")).unwrap();
    let sheet = calamine::Reader::worksheet_range(&mut book, "Cost centres").unwrap();
    assert!(sheet.used_cells().any(|(_, _, cell)| *cell == "=edge"), "a formula stays text");
}

/// Contracts with factors of their own, and a residual mix: what only a month has is split to the last microgram.
#[test]
fn market_based_figures_of_cost_centres_add_up_under_any_register() {
    let folder = TempDir::new().unwrap();
    altered::write_with_cost_centres(folder.path(), label);
    let config = fs::read_to_string(market::configured(folder.path())).unwrap();
    let config = write_config(folder.path(), toml::from_str(&config).unwrap());
    let out = folder.path().join("out");
    check(&report(&config, &out), &ledger(&out));
}

#[test]
fn evidence_from_before_labels_of_namespaces_is_unlabelled_and_that_is_found_only_where_the_label_is_asked_for() {
    let folder = TempDir::new().unwrap();
    altered::write_with_cost_centres(folder.path(), |_, _, _| None);
    let text = fs::read_to_string(sample::root().join("sample-data/wattledger.toml")).unwrap();
    let mut config: toml::Table = toml::from_str(&text).unwrap();
    let codes = |report: &Value| report["findings"].as_array().unwrap().iter().filter(|finding| finding["code"] == "UNLABELLED").count();
    let silent = report(&write_config(folder.path(), config.clone()), &folder.path().join("silent"));
    config["report"].as_table_mut().unwrap().insert("cost_centre_label".to_owned(), "example.com/cost-centre".into());
    let asked = report(&write_config(folder.path(), config), &folder.path().join("asked"));

    check(&silent, &ledger(&folder.path().join("silent")));
    let names: Vec<&str> = silent["cost_centres"].as_array().unwrap().iter().map(|row| row["cost_centre"].as_str().unwrap()).collect();
    assert_eq!(names, ["(gap)", "(idle)", "(system)", "(unlabelled)"]);
    assert_eq!((codes(&silent), codes(&asked)), (0, 3), "one a cluster");
    assert!(!fs::read_to_string(folder.path().join("silent/report.html")).unwrap().contains("by cost centre"));
    // Nothing else moves by it.
    for list in ["totals", "namespaces", "workloads", "reconciliation", "counterfactual"] {
        assert_eq!(silent[list], asked[list], "{list}");
    }
}
