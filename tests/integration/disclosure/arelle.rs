//! Arelle, the open validator of XBRL, as a program that a test runs: offline, with a configuration folder of its own.
//!
//! It ends with 0 even where it logged errors, so the log is read.

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

/// Validates a file. `more` are further options.
pub fn validate(python: &Path, folder: &Path, file: &Path, more: &[&str]) -> Vec<Trouble> {
    let log = folder.join(format!("{}.log.json", file.file_name().unwrap().to_string_lossy()));
    let output = Command::new(python)
        .args(["-m", "arelle.CntlrCmdLine", "--internetConnectivity", "offline", "--validate", "--utr", "--calc", "c11r"])
        .arg("--file")
        .arg(file)
        .arg("--logFile")
        .arg(&log)
        .args(more)
        .env("XDG_CONFIG_HOME", folder.join("config"))
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    let text = fs::read_to_string(&log).unwrap_or_else(|error| panic!("{}: {error}; {stderr}", log.display()));
    let log: Value = serde_json::from_str(&text).unwrap();
    let entries = log["log"].as_array().unwrap();
    assert!(entries.iter().any(|entry| entry["level"] == "info"), "Arelle did not say what it loaded: {text}; {stderr}");
    let troubles = entries.iter().filter(|entry| !["info", "debug"].contains(&entry["level"].as_str().unwrap()));
    troubles
        .map(|entry| (entry["code"].as_str().unwrap().to_owned(), entry["message"]["text"].as_str().unwrap_or_default().to_owned()))
        .collect()
}
