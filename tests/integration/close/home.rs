//! A copy of the sample with keys of its own, and our binary run on it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use serde_json::Value;
use tempfile::TempDir;

use crate::sample;

pub struct Home {
    folder: TempDir,
}

impl Home {
    /// None where minisign is not installed, which is said.
    pub fn with_keys() -> Option<Self> {
        if Command::new("minisign").arg("-v").output().is_err() {
            eprintln!("minisign is not installed; tests/run installs it");
            return None;
        }
        let home = Self::without_keys();
        let made =
            Command::new("minisign").args(["-G", "-W", "-p", "wattledger.pub", "-s", "wattledger.key"]).current_dir(home.root()).output();
        assert!(made.unwrap().status.success());
        home.append("\n[seal]\nsecret_key_file = \"wattledger.key\"\npublic_key_file = \"wattledger.pub\"\n");
        Some(home)
    }

    /// A signed October, closed once for all tests, in a folder of this test's own.
    pub fn with_closed_month() -> Option<Self> {
        static CLOSED: OnceLock<Option<Home>> = OnceLock::new();
        let closed = CLOSED.get_or_init(|| {
            let home = Self::with_keys()?;
            home.run_ok(&["close", "--no-collect", "--month", "2026-10", "--at", "2026-11-02T06:00:00Z"]);
            Some(home)
        });
        let home = Self { folder: TempDir::new().unwrap() };
        copy(closed.as_ref()?.root(), home.root());
        Some(home)
    }

    pub fn without_keys() -> Self {
        let home = Self { folder: TempDir::new().unwrap() };
        let sample = sample::root().join("sample-data");
        for folder in ["evidence", "intensity", "prices", "decisions"] {
            copy(&sample.join(folder), &home.path(folder));
        }
        fs::copy(sample.join("wattledger.toml"), home.path("wattledger.toml")).unwrap();
        home
    }

    pub fn append(&self, toml: &str) {
        let config = fs::read_to_string(self.path("wattledger.toml")).unwrap();
        fs::write(self.path("wattledger.toml"), config + toml).unwrap();
    }

    pub fn root(&self) -> &Path {
        self.folder.path()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root().join(name)
    }

    /// The folder of an edition of October.
    pub fn closed(&self, edition: u32) -> PathBuf {
        self.path(&format!("evidence/closed/2026-10/{edition}"))
    }

    pub fn seal(&self, edition: u32) -> Value {
        serde_json::from_slice(&fs::read(self.closed(edition).join("manifest.json")).unwrap()).unwrap()
    }

    pub fn output(&self, arguments: &[&str]) -> Output {
        sample::wattledger(arguments, &self.path("wattledger.toml"))
    }

    pub fn run_ok(&self, arguments: &[&str]) -> Output {
        sample::wattledger_ok(arguments, &self.path("wattledger.toml"))
    }

    /// The exit code, and what was said on stderr.
    pub fn run(&self, arguments: &[&str]) -> (u8, String) {
        let output = self.output(arguments);
        (output.status.code().unwrap().try_into().unwrap(), String::from_utf8_lossy(&output.stderr).into_owned())
    }

    /// The exit code of `verify`, and what it printed.
    pub fn verify(&self, arguments: &[&str]) -> (u8, String) {
        let output = self.output(&[&["verify"], arguments].concat());
        let said = [output.stdout, output.stderr].concat();
        (output.status.code().unwrap().try_into().unwrap(), String::from_utf8_lossy(&said).into_owned())
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for path in fs::read_dir(from).unwrap().map(|entry| entry.unwrap().path()) {
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}
