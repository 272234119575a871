//! The auditor's sample: the same for whoever knows the seed, and drawn again from the ledger by the lines of Python in docs/auditor.md.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::close::home::Home;
use crate::sample;

fn sampled(home: &Home, options: &[&str]) -> String {
    let output = home.run_ok(&[&["sample", "--month", "2026-10"], options].concat());
    String::from_utf8(output.stdout).unwrap()
}

fn json(home: &Home, options: &[&str]) -> Value {
    serde_json::from_str(&sampled(home, &[options, &["--json"]].concat())).unwrap()
}

fn ids(sample: &Value) -> Vec<String> {
    sample["rows"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
}

/// The block of docs/auditor.md that holds a text, run in the folder of the ledger.
fn by_the_documented_lines(home: &Home, holding: &str) -> Vec<String> {
    let page = fs::read_to_string(sample::root().join("docs/auditor.md")).unwrap();
    let block =
        page.split("```python\n").skip(1).filter_map(|rest| rest.split("```").next()).find(|block| block.contains(holding)).unwrap();
    let output = Command::new("python3").args(["-c", block]).current_dir(home.closed(1).join("ledger")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn a_sample_is_what_the_documented_lines_of_python_draw() {
    let Some(home) = Home::with_closed_month() else { return };
    let rows = json(&home, &["--seed", "4711"]);
    let by_emissions = json(&home, &["--seed", "4711", "--weight", "emissions"]);

    assert_eq!(ids(&rows), by_the_documented_lines(&home, "sorted("));
    assert_eq!(ids(&by_emissions), by_the_documented_lines(&home, "operational_hourly_ugco2e"));
    assert_eq!(ids(&rows).len(), 25);
    let hits: u64 = by_emissions["rows"].as_array().unwrap().iter().map(|row| row["hits"].as_u64().unwrap()).sum();
    assert_eq!(hits, 25);
    for (name, value) in [("schema", "wattledger.sample/1"), ("month", "2026-10"), ("seed", "4711"), ("weight", "row")] {
        assert_eq!(rows[name], value);
    }
    let file = home.seal(1)["files"].as_array().unwrap().iter().find(|file| file["path"] == "ledger/ledger.parquet").unwrap().clone();
    assert_eq!(rows["ledger_sha256"], file["sha256"]);
}

#[test]
fn every_format_has_the_same_rows_and_another_seed_has_others() {
    let Some(home) = Home::with_closed_month() else { return };
    let options = ["--seed", "dice: 3 5 1", "--n", "40"];
    let sample = json(&home, &options);
    let csv = sampled(&home, &[&options[..], &["--csv"]].concat());
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let header = reader.headers().unwrap().clone();
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();

    let ledger = fs::read_to_string(home.closed(1).join("ledger/ledger.csv")).unwrap();
    assert_eq!(csv.split("\r\n").next().unwrap(), format!("hits,{}", ledger.split("\r\n").next().unwrap()));
    let lines: BTreeSet<&str> = ledger.split("\r\n").collect();
    assert!(csv.split("\r\n").skip(1).filter(|line| !line.is_empty()).all(|line| lines.contains(line.strip_prefix("1,").unwrap())));
    let id = header.iter().position(|name| name == "id").unwrap();
    assert_eq!(rows.iter().map(|row| row[id].to_owned()).collect::<Vec<_>>(), ids(&sample));
    let shown = sampled(&home, &options);
    let at = |id: &String| shown.find(id.as_str()).unwrap_or_else(|| panic!("{id} is not in\n{shown}"));
    assert!(ids(&sample).windows(2).all(|pair| at(&pair[0]) < at(&pair[1])));

    assert_eq!(json(&home, &options), sample, "the same seed");
    assert_ne!(ids(&json(&home, &["--seed", "dice: 3 5 2", "--n", "40"])), ids(&sample), "another seed");
    assert_eq!(ids(&json(&home, &["--seed", "dice: 3 5 1", "--n", "10"])), ids(&sample)[..10], "a larger sample holds the smaller one");
}

#[test]
fn a_sample_is_of_what_was_sealed_or_there_is_none() {
    let Some(home) = Home::with_closed_month() else { return };
    let (code, stderr) = home.run(&["sample", "--month", "2026-09", "--seed", "1"]);
    assert!(
        code == 1 && stderr.contains("2026-09 is not closed") && stderr.contains("hint: `wattledger close --month 2026-09`"),
        "{stderr}"
    );
    let (code, stderr) = home.run(&["sample", "--month", "2026-10", "--edition", "2", "--seed", "1"]);
    assert!(code == 1 && stderr.contains("2026-10 is not closed in edition 2"), "{stderr}");
    assert_eq!(home.run(&["sample", "--month", "2026-10"]).0, 64, "a seed is the auditor's to choose");

    let path = home.closed(1).join("ledger/ledger.parquet");
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, bytes).unwrap();
    let (code, stderr) = home.run(&["sample", "--month", "2026-10", "--seed", "1"]);
    assert!(code == 1 && stderr.contains("EVIDENCE_CHANGED") && stderr.contains("ledger.parquet"), "{stderr}");
}
