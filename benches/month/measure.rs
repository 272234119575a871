//! Runs a program and says what it took.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Result, ensure};

/// What one process took.
pub struct Measured {
    pub wall_s: f64,
    pub cpu_s: f64,
    pub peak_mib: f64,
    pub output: String,
}

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

fn run(mut command: Command) -> Result<Measured> {
    let started = Instant::now();
    let child = command.stdout(Stdio::piped()).spawn()?;
    let pid = libc::pid_t::try_from(child.id())?;
    let mut output = String::new();
    std::io::Read::read_to_string(&mut child.stdout.expect("it was piped"), &mut output)?;
    let mut status = 0;
    // SAFETY: both structs are plain C data that wait4 fills in; the child is ours and nobody else waits for it.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        ensure!(libc::wait4(pid, &raw mut status, 0, &raw mut usage) == pid, "waiting for the measured process failed");
        usage
    };
    let wall_s = started.elapsed().as_secs_f64();
    ensure!(status == 0, "the measured process failed");
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    Ok(Measured {
        wall_s,
        cpu_s: seconds(usage.ru_utime) + seconds(usage.ru_stime),
        peak_mib: usage.ru_maxrss as f64 / 1024.0,
        output: output.trim().to_owned(),
    })
}

pub fn median_by(runs: &[Measured], figure: impl Fn(&Measured) -> f64) -> f64 {
    let mut figures: Vec<f64> = runs.iter().map(figure).collect();
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
