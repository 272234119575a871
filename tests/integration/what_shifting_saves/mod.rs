//! What shifting could have saved on real grids: the figures of `docs/what-shifting-saves.md`, worked out by our own code, held against a brute force in Python
//! that tries every start, and against the tables of that page.
//!
//! The published files are not ours to ship; they lie beside the checkout or where WATTLEDGER_SHARED_DATA says. Without them the tests say that they were left out,
//! and the page stays as it is. `BLESS=1 cargo test --test integration what_shifting_saves` writes its tables anew.

mod documented;
mod nightly;
mod nightly_month;
mod trace_stories;
mod traces;
mod zone_years;

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::sample;

/// The brute force, under way: it has a core of its own while ours works.
struct BruteForce(Child);

impl BruteForce {
    fn start(scenario: &str, settings: &Value, folder: &Path) -> Self {
        let file = folder.join(format!("{scenario}.json"));
        fs::write(&file, settings.to_string()).unwrap();
        let python = std::env::var("WATTLEDGER_PYTHON").unwrap_or_else(|_| "python3".to_owned());
        let script = sample::root().join("tests/oracle/shifting.py");
        let out = fs::File::create(folder.join(format!("{scenario}.out"))).unwrap();
        let mut command = Command::new(python);
        Self(command.arg(script).arg(scenario).arg("--settings").arg(file).stdout(out).stderr(Stdio::inherit()).spawn().unwrap())
    }

    fn end(mut self, scenario: &str, folder: &Path) -> Value {
        let status = self.0.wait().unwrap();
        assert!(status.success(), "shifting.py {scenario} ended with {status}");
        serde_json::from_slice(&fs::read(folder.join(format!("{scenario}.out"))).unwrap()).unwrap()
    }
}

/// The integers of a list.
fn integers(list: &Value) -> Vec<i64> {
    list.as_array().unwrap().iter().map(|value| value.as_i64().unwrap()).collect()
}
