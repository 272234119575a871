//! What a process of ours and the server took for something.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};

#[derive(Clone, Debug, Default)]
pub struct Measured {
    pub wall_s: f64,
    pub cpu_s: f64,
    pub peak_mib: f64,
    pub server_cpu_s: f64,
    pub server_peak_mib: f64,
    pub output: String,
}

/// Runs this program with these arguments, while a server of this process id is asked.
pub fn ourselves(arguments: &[&str], server: u32) -> Result<Measured> {
    let server_before = cpu_s(server)?;
    let started = Instant::now();
    let child = Command::new(std::env::current_exe()?).args(arguments).stdout(Stdio::piped()).spawn()?;
    let pid = libc::pid_t::try_from(child.id())?;
    let mut output = String::new();
    std::io::Read::read_to_string(&mut child.stdout.context("it was piped")?, &mut output)?;
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
        server_cpu_s: cpu_s(server)? - server_before,
        server_peak_mib: peak_mib(server)?,
        output: output.trim().to_owned(),
    })
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

pub fn typical(runs: &[Measured]) -> Measured {
    let median = |figure: fn(&Measured) -> f64| {
        let mut figures: Vec<f64> = runs.iter().map(figure).collect();
        figures.sort_by(f64::total_cmp);
        figures[figures.len() / 2]
    };
    Measured {
        wall_s: median(|run| run.wall_s),
        cpu_s: median(|run| run.cpu_s),
        peak_mib: median(|run| run.peak_mib),
        server_cpu_s: median(|run| run.server_cpu_s),
        server_peak_mib: median(|run| run.server_peak_mib),
        output: runs[0].output.clone(),
    }
}
