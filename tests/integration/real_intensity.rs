//! A month with real grid intensities: the Dutch ones of October 2022, as Electricity Maps published them.
//!
//! The files are not ours to ship; they lie beside the checkout or where WATTLEDGER_SHARED_DATA says. Without them the test says that it was left out.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;
use tempfile::TempDir;

use crate::compare::{Comparison, integer};
use crate::end_to_end::json_report;
use crate::prometheus::{self, Prometheus};
use crate::sample;

pub fn real_file(name: &str) -> Option<PathBuf> {
    shared_file(&format!("electricitymaps/{name}"))
}

/// A file of the real data by its path; without it a line says that something was left out.
pub fn shared_file(path: &str) -> Option<PathBuf> {
    let beside = || sample::root().parent().map(|parent| parent.join("shared/data"));
    let folder = std::env::var_os("WATTLEDGER_SHARED_DATA").map(PathBuf::from).or_else(beside)?;
    let file = folder.join(path);
    if !file.exists() {
        eprintln!("left out: {} is not there", file.display());
    }
    file.exists().then_some(file)
}

#[test]
fn a_month_with_real_dutch_intensities_is_what_the_oracle_says() {
    let Some(real) = real_file("vintage-a-2023/NL_2022_hourly.csv") else { return };
    if !prometheus::is_installed() {
        return;
    }
    let folder = TempDir::new().unwrap();
    sample::generate(folder.path(), &["--month", "2022-10", "--small", "--quantum-mj", "1"]);
    fs::remove_dir_all(folder.path().join("intensity")).unwrap();
    fs::create_dir(folder.path().join("intensity")).unwrap();
    fs::copy(real, folder.path().join("intensity/NL_2022_hourly.csv")).unwrap();
    let server = Prometheus::serving(&folder.path().join("openmetrics"));
    let config = sample::write_config(folder.path(), &server.url(), &["prod-nl"]);
    // The feed names the one zone whose file is there, and takes the year's mean from it.
    let mut settings: toml::Value = toml::from_str(&fs::read_to_string(&config).unwrap()).unwrap();
    let feed = settings["intensity"][0].as_table_mut().unwrap();
    feed.insert("zones".to_owned(), vec!["NL"].into());
    feed.remove("annual_direct_gco2e_per_kwh");
    fs::write(&config, toml::to_string(&settings).unwrap()).unwrap();

    sample::wattledger_ok(&["collect", "--month", "2022-10"], &config);
    let out = folder.path().join("report");
    sample::wattledger_ok(&["report", "--month", "2022-10", "--out", out.to_str().unwrap(), "--format", "json"], &config);
    let report: Value = serde_json::from_slice(&fs::read(json_report(&out)).unwrap()).unwrap();

    let zone = &report["provenance"]["intensity"][0];
    // The year's mean, and that every hour of it is the provider's estimate, are facts of the published file.
    let annual = zone["annual_direct_gco2e_per_kwh"].as_f64().unwrap();
    assert!((annual - 289.9).abs() < 0.05, "{annual}");
    assert_eq!(zone["estimated_share"].as_f64(), Some(1.0));
    assert!(integer(&report["totals"]["scope2_location_based_annual_ugco2e"]) > Some(0));
    let mut expected = sample::expected(folder.path(), "2022-10");
    without_annual(&mut expected);
    let comparison = Comparison::of(&expected, &report);
    comparison.assert_equal();
    assert!(comparison.figures > 1_000, "only {} figures were compared", comparison.figures);
}

/// The oracle is told annual factors; here the product takes its own from the series, which was checked above.
fn without_annual(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, _| !name.contains("annual"));
            fields.values_mut().for_each(without_annual);
        }
        Value::Array(items) => items.iter_mut().for_each(without_annual),
        _ => {}
    }
}
