//! What a process of ours and the server took for something.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result};

use crate::process::{self, median_by};

/// What one process of ours took, and the server meanwhile.
pub struct Measured {
    pub own: process::Measured,
    pub server_cpu_s: f64,
    pub server_peak_mib: f64,
}

/// Runs this program with these arguments, while a server of this process id is asked.
pub fn ourselves(arguments: &[&str], server: u32) -> Result<Measured> {
    let server_before = cpu_s(server)?;
    let mut command = Command::new(std::env::current_exe()?);
    command.args(arguments);
    let own = process::run(command)?;
    Ok(Measured { own, server_cpu_s: cpu_s(server)? - server_before, server_peak_mib: peak_mib(server)? })
}

/// User and system time of a process.
fn cpu_s(pid: u32) -> Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name in parentheses may hold anything; behind it, state is the first field.
    let fields: Vec<&str> = stat.rsplit_once(')').context("a line of /proc/PID/stat")?.1.split_whitespace().collect();
    let ticks: f64 = fields[11].parse::<f64>()? + fields[12].parse::<f64>()?;
    // SAFETY: sysconf reads a constant.
    let ticks_a_second = unsafe { libc::sysconf(libc::_SC_CLK_TCK) };
    Ok(ticks / ticks_a_second as f64)
}

/// Processor time of this process until now.
pub fn own_cpu_s() -> f64 {
    // SAFETY: the struct is plain C data that clock_gettime fills in.
    let time = unsafe {
        let mut time: libc::timespec = std::mem::zeroed();
        libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut time);
        time
    };
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

fn peak_mib(pid: u32) -> Result<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("VmHWM of the server")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<f64>()? / 1024.0)
}

/// The medians of some runs, figure by figure.
pub fn typical(runs: &[Measured]) -> Measured {
    let median = |figure: fn(&Measured) -> f64| median_by(runs, figure);
    Measured {
        own: process::Measured {
            wall_s: median(|run| run.own.wall_s),
            cpu_s: median(|run| run.own.cpu_s),
            peak_mib: median(|run| run.own.peak_mib),
            output: runs[0].own.output.clone(),
        },
        server_cpu_s: median(|run| run.server_cpu_s),
        server_peak_mib: median(|run| run.server_peak_mib),
    }
}
