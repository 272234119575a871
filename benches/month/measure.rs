//! What is measured: this program, and DuckDB beside it.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::process::{Measured, run};

pub fn ourselves(verb: &str, dir: &Path, threads: usize) -> Result<Measured> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg(verb).arg(dir).arg(threads.to_string()).env("POLARS_MAX_THREADS", threads.to_string());
    run(command)
}

/// DuckDB's roll-up over the same files; nothing where there is no Python with DuckDB.
pub fn duckdb(dir: &Path) -> Result<Option<Measured>> {
    let Some(python) = std::env::var_os("WATTLEDGER_PYTHON") else { return Ok(None) };
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("benches/month/rollup.py");
    let mut command = Command::new(python);
    command.arg(script).arg(dir);
    run(command).map(Some)
}
