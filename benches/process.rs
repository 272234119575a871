//! Runs a program and says what it took: shared by the benches.

use std::io::Read;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};

/// What one process took.
pub struct Measured {
    pub wall_s: f64,
    pub cpu_s: f64,
    pub peak_mib: f64,
    pub output: String,
}

pub fn run(mut command: Command) -> Result<Measured> {
    let started = Instant::now();
    let child = command.stdout(Stdio::piped()).spawn()?;
    let pid = libc::pid_t::try_from(child.id())?;
    let mut output = String::new();
    child.stdout.context("it was piped")?.read_to_string(&mut output)?;
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

#[allow(dead_code, reason = "not every bench runs a case more than once")]
pub fn median_by<T>(runs: &[T], figure: impl Fn(&T) -> f64) -> f64 {
    let mut figures: Vec<f64> = runs.iter().map(figure).collect();
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
