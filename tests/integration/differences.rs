//! Two reports beside each other: two files, a month and its restatement; and what each group of inputs is worth, held against reports that are made of one
//! change alone.

use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use crate::close::home::Home;
use crate::close::{add_hour, hour_without_intensity};
use crate::sample;

fn json(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(bytes)))
}

fn report(home: &Home) -> Value {
    let out = TempDir::new().unwrap();
    home.run_ok(&["report", "--month", "2026-10", "--no-sensitivity", "--format", "json", "--out", out.path().to_str().unwrap()]);
    json(&fs::read(out.path().join("report.json")).unwrap())
}

fn change_pue(home: &Home) {
    let config = fs::read_to_string(home.path("wattledger.toml")).unwrap();
    let changed = config.replacen("pue = 1.", "pue = 2.", 1);
    assert_ne!(config, changed, "the sample's configuration has a PUE");
    fs::write(home.path("wattledger.toml"), changed).unwrap();
}

fn row<'a>(rows: &'a Value, id: &str) -> &'a Value {
    rows.as_array().unwrap().iter().find(|row| row["id"] == id).unwrap_or_else(|| panic!("{id} is not there"))
}

const EMISSIONS: &str = "totals:scope2_location_based_ugco2e";

#[test]
fn a_restatement_says_what_each_group_of_inputs_is_worth_and_it_adds_up() {
    let home = Home::without_keys();
    let close = ["--accept", "UNSIGNED", "close", "--no-collect", "--month", "2026-10"];
    home.run_ok(&close);
    let first = report(&home);
    add_hour(&home, "NL", "late", hour_without_intensity(&home, "NL"));
    let with_intensity = report(&home);
    change_pue(&home);
    let with_both = report(&home);
    home.run_ok(&[&close[..], &["--restate", "--reason", "NL was late, and the PUE was wrong"]].concat());

    let output = home.run_ok(&["diff", "2026-10@1", "2026-10@2", "--json"]).stdout;

    let difference = json(&output);
    assert_eq!((&difference["before"]["edition"], &difference["after"]["edition"]), (&1.into(), &2.into()));
    // What is kept beside the restatement is the same.
    assert_eq!(json(&fs::read(home.closed(2).join("restatement.json")).unwrap()), difference);
    let emissions = |report: &Value| report["totals"]["scope2_location_based_ugco2e"].as_i64().unwrap();
    let changed = row(&difference["figures"], EMISSIONS);
    assert_eq!((changed["before"].as_i64(), changed["after"].as_i64()), (Some(emissions(&first)), Some(emissions(&with_both))));
    assert_eq!(changed["change"].as_i64().unwrap(), emissions(&with_both) - emissions(&first));
    let causes = &difference["causes"];
    assert_eq!(causes["intensity"].as_array().unwrap().iter().map(|zone| zone["zone"].as_str().unwrap()).collect::<Vec<_>>(), ["NL"]);
    assert_eq!(causes["evidence"], Value::Array(Vec::new()));
    let keys = causes["configuration"].as_array().unwrap();
    assert!(keys.len() == 1 && keys[0]["key"].as_str().unwrap().ends_with(".pue"), "{keys:?}");

    let waterfall = &difference["waterfall"];
    assert_eq!(waterfall["order"], serde_json::json!(["evidence", "intensity", "factors-and-configuration", "software"]));
    let figures = waterfall["figures"].as_array().unwrap();
    assert!(figures.iter().all(|figure| figure["adds_up"] == true) && figures.len() > 10);
    for figure in figures {
        let parts: i64 = figure["parts"].as_array().unwrap().iter().map(|part| part.as_i64().unwrap()).sum();
        assert_eq!(figure["before"].as_i64().unwrap() + parts, figure["after"].as_i64().unwrap(), "{figure}");
    }
    // Each part is the difference of two reports that were made here.
    let parts = row(&waterfall["figures"], EMISSIONS)["parts"].clone();
    let expected = [0, emissions(&with_intensity) - emissions(&first), emissions(&with_both) - emissions(&with_intensity), 0];
    assert_eq!(parts, serde_json::json!(expected));
    assert!(expected[1] != 0 && expected[2] != 0);
    let energy = row(&waterfall["figures"], "totals:facility_mj")["parts"].clone();
    assert!(energy[0] == 0 && energy[1] == 0 && energy[2] != 0 && energy[3] == 0, "{energy}");

    // The sealed editions keep what they said; the draft is what the newest says.
    let same = json(&home.run_ok(&["diff", "2026-10", "2026-10@draft", "--json"]).stdout);
    assert_eq!(same["figures"], Value::Array(Vec::new()), "{}", same["figures"]);
    let (code, said) = home.verify(&[]);
    assert_eq!(code, 0, "{said}");
    let of_first = json(&home.run_ok(&["explain", EMISSIONS, "--month", "2026-10", "--edition", "1", "--json", "--depth", "1"]).stdout);
    assert_eq!(of_first["value"].as_i64(), Some(emissions(&first)));
    let of_newest = json(&home.run_ok(&["explain", EMISSIONS, "--month", "2026-10", "--json", "--depth", "1"]).stdout);
    assert_eq!(of_newest["value"].as_i64(), Some(emissions(&with_both)));

    let text = String::from_utf8(home.run_ok(&["diff", "2026-10@1", "2026-10@2"]).stdout).unwrap();
    for part in ["2026-10@1 → 2026-10@2", "Grid intensity: 1 zone", EMISSIONS, "adds up: "] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    let unknown = home.run(&["diff", "2026-10@3", "2026-10"]);
    assert!(unknown.0 == 1 && unknown.1.contains("2026-10 has no edition 3, the newest is 2"), "{}", unknown.1);
}

#[test]
fn days_that_were_metered_anew_are_the_evidences_part() {
    let home = Home::without_keys();
    let close = ["--accept", "UNSIGNED", "close", "--no-collect", "--month", "2026-10"];
    home.run_ok(&close);
    let config = fs::read_to_string(home.path("wattledger.toml")).unwrap();
    let metered_otherwise =
        config.replacen("exporter = \"kepler\"\nboundary = \"colocated\"", "exporter = \"cadvisor\"\nboundary = \"colocated\"", 1);
    assert_ne!(config, metered_otherwise);
    fs::write(home.path("wattledger.toml"), metered_otherwise).unwrap();
    home.run_ok(&["collect", "--month", "2026-10", "--cluster", "edge-fr", "--remeter"]);

    let difference = json(&home.run_ok(&["diff", "2026-10@1", "2026-10@draft", "--json"]).stdout);

    assert!(difference["causes"]["evidence"].as_array().unwrap().iter().all(|day| day["cluster"] == "edge-fr"));
    let figures = difference["waterfall"]["figures"].as_array().unwrap();
    assert!(!figures.is_empty() && figures.iter().all(|figure| figure["adds_up"] == true));
    let energy = row(&difference["waterfall"]["figures"], "cluster:edge-fr:facility_mj");
    assert_eq!(energy["parts"][0].as_i64().unwrap(), energy["after"].as_i64().unwrap() - energy["before"].as_i64().unwrap());
}

#[test]
fn two_files_need_no_configuration() {
    let folder = TempDir::new().unwrap();
    let golden = sample::root().join("tests/golden/report.json");
    let mut other = json(&fs::read(&golden).unwrap());
    let before = other["totals"]["facility_mj"].as_i64().unwrap();
    other["totals"]["facility_mj"] = (before + 12).into();
    fs::write(folder.path().join("other.json"), other.to_string()).unwrap();

    let files = [golden.to_str().unwrap(), folder.path().join("other.json").to_str().unwrap()].map(str::to_owned);
    let output = sample::wattledger_ok(&["diff", &files[0], &files[1], "--json"], Path::new("/nowhere/wattledger.toml"));

    let difference = json(&output.stdout);
    let figures = difference["figures"].as_array().unwrap();
    assert_eq!(figures.len(), 1);
    assert_eq!((figures[0]["id"].as_str(), figures[0]["change"].as_i64()), (Some("totals:facility_mj"), Some(12)));
    let none = sample::wattledger_ok(&["diff", &files[0], &files[0]], Path::new("/nowhere/wattledger.toml"));
    assert!(String::from_utf8(none.stdout).unwrap().contains("No figure differs"));
}
