//! Arelle, the open validator of XBRL, as a program that a test runs: offline, with a configuration folder of its own.
//!
//! It ends with 0 even where it logged errors, so the log is read.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::sample;

/// A Python with Arelle, as `tests/run` installs it. Without it the tests that need it say that they were left out; in CI that is a failure.
pub fn python() -> Option<PathBuf> {
    let python = sample::python_with_duckdb()?;
    let has_arelle = Command::new(&python).args(["-c", "import arelle.CntlrCmdLine"]).output().is_ok_and(|output| output.status.success());
    if !has_arelle {
        assert!(std::env::var_os("CI").is_none(), "{} has no Arelle; run tests/run", python.display());
        eprintln!("left out: {} has no Arelle (tests/run installs it)", python.display());
    }
    has_arelle.then_some(python)
}

/// What was logged at a level of warning or above: code and text.
pub type Trouble = (String, String);

/// Validates files in one run, which takes seconds to start. `more` are further options. Gives back what was logged by file name; what names no file is under "".
pub fn validate(python: &Path, folder: &Path, files: &[PathBuf], more: &[&str]) -> BTreeMap<String, Vec<Trouble>> {
    let name = |file: &PathBuf| file.file_name().unwrap().to_str().unwrap().to_owned();
    // A log is appended to, so each run has its own.
    let log = folder.join(format!("{}.log.json", name(&files[0])));
    let all = files.iter().map(|file| file.to_str().unwrap()).collect::<Vec<_>>().join("|");
    let output = Command::new(python)
        .args(["-m", "arelle.CntlrCmdLine", "--internetConnectivity", "offline", "--validate", "--utr", "--calc", "c11r"])
        .args(["--file", &all, "--logFile"])
        .arg(&log)
        .args(more)
        .env("XDG_CONFIG_HOME", folder.join("config"))
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    let text = fs::read_to_string(&log).unwrap_or_else(|error| panic!("{}: {error}; {stderr}", log.display()));
    let log: Value = serde_json::from_str(&text).unwrap();
    let mut troubles: BTreeMap<String, Vec<Trouble>> = BTreeMap::new();
    for file in files.iter().map(name) {
        let is_loaded = |entry: &&Value| entry["level"] == "info" && names(entry, &file);
        assert!(
            log["log"].as_array().unwrap().iter().any(|entry| is_loaded(&entry)),
            "Arelle did not say that it read {file}: {text}; {stderr}"
        );
        troubles.insert(file, Vec::new());
    }
    for entry in log["log"].as_array().unwrap() {
        if !["info", "debug"].contains(&entry["level"].as_str().unwrap()) {
            let file = files.iter().map(name).find(|file| names(entry, file)).unwrap_or_default();
            let text = entry["message"]["text"].as_str().unwrap_or_default();
            troubles.entry(file).or_default().push((entry["code"].as_str().unwrap().to_owned(), text.to_owned()));
        }
    }
    troubles
}

/// Whether an entry of the log is about a file: by what it points at, or by its words. JSON is spoken of by the name of the XML that is made of it.
fn names(entry: &Value, file: &str) -> bool {
    let stem = format!("{}.", file.rsplit_once('.').unwrap().0);
    let points_at = |reference: &Value| reference["href"].as_str().is_some_and(|href| href.contains(&stem));
    entry["refs"].as_array().is_some_and(|refs| refs.iter().any(points_at))
        || entry["message"]["text"].as_str().is_some_and(|text| text.contains(&stem))
}
