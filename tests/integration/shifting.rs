//! What shifting saved in the sample's month, with windows and prices: every bound, cost and other baseline held against the oracle, which tries each start
//! and each zone by itself.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::compare::{Comparison, integer};
use crate::{altered, sample};

/// A window of whole steps, one in named zones of which the run's own is not one, and one that ends between two steps; queued work is in none.
const RULES: &str = r#"
deferrable = [
    { namespaces = ["data"], names = ["nightly-*"], max_delay = "8h" },
    { namespaces = ["ml", "sec*"], max_delay = "12h", zones = ["NL", "FR"] },
    { kinds = ["CronJob"], max_delay = "100m" },
]
"#;
/// 2026-09-25T00:00:00Z, as the sample's intensities.
const FIRST_HOUR_S: i64 = 1_790_294_400;
const HOURS: i64 = 39 * 24;

/// Prices of NL and FR, some below zero; PL has none.
fn prices() -> String {
    let mut text = "ts,zone,price_eur_per_mwh\n".to_owned();
    for (zone, level) in [("NL", 80), ("FR", 55)] {
        for hour in 0..HOURS {
            let start = chrono::DateTime::from_timestamp(FIRST_HOUR_S + hour * 3_600, 0).unwrap().format("%Y-%m-%dT%H:%M:%SZ");
            let euros = level + (hour * 7_919 + level) % 150 - 75;
            text += &format!("{start},{zone},{euros}.{:02}\n", hour % 100);
        }
    }
    text
}

/// The sample with rules and prices: its configuration, and where that was written.
fn with_windows(folder: &Path) -> (toml::Value, std::path::PathBuf) {
    altered::write_copy(folder);
    let file = folder.join("prices.csv");
    fs::write(&file, prices()).unwrap();
    let mut config = sample::sample_config();
    let table = config.as_table_mut().unwrap();
    table.extend(toml::from_str::<toml::Table>(RULES).unwrap());
    let price = format!("price = [{{ zones = [\"NL\", \"FR\"], files = [\"{}\"] }}]", file.display());
    table.extend(toml::from_str::<toml::Table>(&price).unwrap());
    let path = folder.join("wattledger.toml");
    fs::write(&path, toml::to_string(&config).unwrap()).unwrap();
    sample::wattledger_ok(&["import", "--kind", "prices", file.to_str().unwrap()], &path);
    (config, path)
}

/// Which figures beside the counterfactual a report holds at all.
fn held(report: &Value) -> Value {
    let has = |field: &str| report["job_runs"].as_array().unwrap().iter().any(|run| !run.pointer(field).is_none_or(Value::is_null));
    json!({ "bounds": has("/best_ugco2e"), "alternatives": has("/alternatives/at_creation_ugco2e"), "cost": has("/cost") })
}

#[test]
fn every_start_in_every_window_is_what_the_oracle_says() {
    let folder = TempDir::new().unwrap();
    sample::generate(folder.path(), &["--month", "2026-10"]);
    let (config, path) = with_windows(folder.path());
    let out = folder.path().join("report");
    sample::wattledger_ok(&["report", "--month", "2026-10", "--out", out.to_str().unwrap(), "--format", "json"], &path);
    let report: Value = serde_json::from_slice(&fs::read(out.join("report.json")).unwrap()).unwrap();

    let beside = held(&report);
    let expected = sample::expected_beside(&config, folder.path(), "2026-10", &beside);
    Comparison::of(&expected, &report).assert_equal();

    for (figures, is_held) in beside.as_object().unwrap() {
        if is_held != true {
            eprintln!("left out: the report holds no {figures}");
        }
    }
    let runs = report["job_runs"].as_array().unwrap();
    let known = |field: &str| runs.iter().filter(|run| !run.pointer(field).is_none_or(Value::is_null)).count();
    if beside["bounds"] == true {
        assert!(known("/best_ugco2e") > 60, "{} runs have bounds", known("/best_ugco2e"));
        for run in runs.iter().filter(|run| !run["best_ugco2e"].is_null()) {
            let [best, counterfactual, worst] =
                ["best_ugco2e", "counterfactual_ugco2e", "worst_ugco2e"].map(|name| integer(&run[name]).unwrap());
            assert!(best <= counterfactual && counterfactual <= worst, "{} {}", run["job"], run["start"]);
        }
    }
    if beside["cost"] == true {
        assert!(
            known("/cost/best_micro_eur") > 60 && known("/cost") < known("/actual_ugco2e"),
            "where a zone has no price nothing is said"
        );
    }
}
