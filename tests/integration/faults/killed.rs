//! F51, F53 and F55: a run that is killed at any of its calls to the file system, or at any moment, or whose disk takes nothing more.
//!
//! Rule: calls are counted in the thread that writes evidence, which is the first: `strace` follows no other, so that the n-th call is the same one in
//! every run. Whatever is killed, a reader finds each part of the evidence as it was before or as it is after, and another run makes it whole, to the byte.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use wattledger::evidence::{Store, files_of};
use wattledger::model::tables::Table;

use super::bench::{Bench, Run, Seen, wattledger};
use super::history::{Random, Story, by_seed};
use super::sameness::{differing, files_below};
use crate::prometheus::{Prometheus, Setup};

/// Every call that makes, changes or names a file, and those that open one. A mark before a name: not every machine has it.
const CALLS: [&str; 24] = [
    "?open",
    "openat",
    "?creat",
    "write",
    "writev",
    "pwrite64",
    "pwritev",
    "fsync",
    "fdatasync",
    "ftruncate",
    "fallocate",
    "flock",
    "fchmod",
    "?mkdir",
    "mkdirat",
    "?rename",
    "?renameat",
    "renameat2",
    "?link",
    "linkat",
    "?unlink",
    "unlinkat",
    "?rmdir",
    "copy_file_range",
];
const SYNCS: [&str; 2] = ["fsync", "fdatasync"];
const RANDOM_KILLS: usize = 100;

/// Why a case that needs `strace` cannot run, if it cannot.
pub fn no_strace() -> Option<String> {
    let answers =
        Command::new("strace").args(["-e", "inject=fsync:error=EIO:when=1", "true"]).output().is_ok_and(|output| output.status.success());
    (!answers).then(|| "strace is not there, or may not trace; tests/run installs it".to_owned())
}

/// A month that is half there: one day of evidence and of intensity, and what is needed to collect the next day.
pub struct HalfMonth {
    bench: Bench,
    _server: Prometheus,
    /// As it is before the run that is harmed.
    before: BTreeMap<PathBuf, Vec<u8>>,
    /// As it is after a run that nothing harmed.
    after: BTreeMap<PathBuf, Vec<u8>>,
    wall: Duration,
}

impl HalfMonth {
    fn new(seen: &mut Seen) -> Self {
        let stories = by_seed(|seed, name| Story::new(seed, super::history::DAY_S - 18 * 3_600, 12 * 30, 300).cluster(name));
        let mut bench = Bench::of(&stories[..1]);
        let server = bench.server(&Setup::default());
        let whole = super::bench::flat_intensity(bench.month);
        // Rows of the last day come with the second collecting, as another edition.
        bench.intensity = Some(whole.lines().take(1 + 30 * 24).map(|line| format!("{line}\n")).collect());
        let config = bench.config("it", &server.url());
        let first = wattledger(&config, &["collect", "--from", "2026-10-30", "--to", "2026-10-31"]);
        seen.demand(first.exit == 0, format!("the first day: {}", first.stderr.trim_end()));
        let before = files_below(&bench.evidence("it"));
        bench.intensity = Some(whole);
        bench.config("it", &server.url());
        let mut month = Self { bench, _server: server, before, after: BTreeMap::new(), wall: Duration::ZERO };
        let second = month.collect();
        seen.demand(second.exit == 0, format!("the second day: {}", second.stderr.trim_end()));
        month.after = files_below(&month.evidence());
        month.wall = second.wall;
        seen.demand(month.after.len() > month.before.len() + 8, "the second day has no files");
        month
    }

    fn evidence(&self) -> PathBuf {
        self.bench.evidence("it")
    }

    fn config(&self) -> PathBuf {
        self.bench.folder.path().join("it.toml")
    }

    const COLLECT: [&str; 5] = ["collect", "--from", "2026-10-31", "--to", "2026-11-01"];

    fn collect(&self) -> Run {
        wattledger(&self.config(), &Self::COLLECT)
    }

    /// The evidence as it was before.
    fn reset(&self) {
        let evidence = self.evidence();
        if evidence.exists() {
            fs::remove_dir_all(&evidence).unwrap();
        }
        for (path, bytes) in &self.before {
            let path = evidence.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
    }

    /// What a reader finds is what was there, or what is to be there; and everything that it finds is what its manifest says.
    fn demand_old_or_new(&self, what: &str, seen: &mut Seen) {
        let store = Store::new(self.evidence());
        for (day, must_be_there) in [("2026-10-30", true), ("2026-10-31", false)] {
            match store.day("s11", day.parse().unwrap()) {
                Ok(None) => seen.demand(!must_be_there, format!("{what}: {day} is lost")),
                Ok(Some(manifest)) => {
                    for table in Table::ALL.into_iter().filter(|table| !files_of(&manifest, *table).is_empty()) {
                        let read = store.read_table(&manifest, table);
                        seen.demand(read.is_ok(), format!("{what}: {day}: {:#}", read.err().unwrap_or_else(|| anyhow::anyhow!(""))));
                    }
                }
                Err(error) => seen.complaints.push(format!("{what}: {day}: {error:#}")),
            }
        }
        match store.intensity("NL") {
            Ok(editions) => seen.demand((1..=2).contains(&editions.len()), format!("{what}: {} editions of intensity", editions.len())),
            Err(error) => seen.complaints.push(format!("{what}: {error:#}")),
        }
    }

    /// Another run, which nothing harms, makes it whole.
    fn demand_whole_after_another_run(&self, what: &str, seen: &mut Seen) {
        let again = self.collect();
        seen.demand(again.exit == 0, format!("{what}: another run ended with {}: {}", again.exit, again.stderr.trim_end()));
        let difference = differing(&self.after, &files_below(&self.evidence()));
        seen.demand(difference.is_empty(), format!("{what}: other bytes after another run: {difference:?}"));
        seen.is_as_without_fault &= difference.is_empty();
    }
}

/// Runs under `strace`, of which only the first thread is traced, with an injection where there is one. The exit code, stderr, and the calls.
pub fn traced(config: &Path, arguments: &[&str], injection: Option<&str>) -> (i32, String, Vec<String>) {
    let folder = TempDir::new().unwrap();
    let log = folder.path().join("calls");
    let mut command = Command::new("strace");
    command.arg("-o").arg(&log).arg("-e").arg(format!("trace={}", CALLS.join(",")));
    if let Some(injection) = injection {
        command.arg("-e").arg(format!("inject={injection}"));
    }
    let output =
        command.arg(env!("CARGO_BIN_EXE_wattledger")).arg("--config").arg(config).args(arguments).stdout(Stdio::null()).output().unwrap();
    let calls = fs::read_to_string(&log).unwrap().lines().filter(|line| line.contains('(')).map(str::to_owned).collect();
    // A program that a signal ended has no code; strace ends by the same signal.
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&output.stderr).into_owned(), calls)
}

/// Every call that changes something on the disk, by its kind and its number among those of its kind: between two of them a kill changes nothing.
pub fn changes(calls: &[String]) -> Vec<(String, usize)> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut changes = Vec::new();
    for (call, arguments) in calls.iter().filter_map(|line| line.split_once('(')) {
        let number = counts.entry(call).or_default();
        *number += 1;
        let is_to_a_terminal = call.starts_with("write") && ["1,", "2,"].iter().any(|stream| arguments.starts_with(stream));
        let only_reads = call.starts_with("open") && !arguments.contains("O_CREAT");
        if !is_to_a_terminal && !only_reads {
            changes.push((call.to_owned(), *number));
        }
    }
    changes
}

pub fn collect_at_every_call() -> Seen {
    let mut seen = Seen { left_out: no_strace(), ..Seen::default() };
    if seen.left_out.is_some() {
        return seen;
    }
    let month = HalfMonth::new(&mut seen);
    seen.is_as_without_fault = true;
    month.reset();
    let (exit, stderr, calls) = traced(&month.config(), &HalfMonth::COLLECT, None);
    seen.demand(exit == 0, format!("under strace it ended with {exit}: {stderr}"));
    let mut kills = 0;
    for (call, number) in changes(&calls) {
        let what = format!("killed at {call} {number}");
        month.reset();
        let (exit, _, _) = traced(&month.config(), &HalfMonth::COLLECT, Some(&format!("{call}:signal=KILL:when={number}")));
        seen.demand(exit == -1, format!("{what}: it ended with {exit}"));
        month.demand_old_or_new(&what, &mut seen);
        month.demand_whole_after_another_run(&what, &mut seen);
        kills += 1;
    }
    seen.demand(kills > 40, format!("only {kills} calls"));
    seen.was_retried = true;
    seen.notes.push(format!("killed at {kills} calls"));
    month.report(&mut seen);
    seen
}

impl HalfMonth {
    /// The figures after all of it are the truth.
    fn report(&self, seen: &mut Seen) {
        let reported = self.bench.report("it", &self.config());
        (seen.figures, seen.truth, seen.flags) = (reported.figures, reported.truth, reported.flags);
        seen.complaints.extend(reported.complaints);
        seen.refused.extend(reported.refused);
    }
}

/// Every sync fails in turn. The run says so, and the day that it was of is not taken for collected, unless it is.
pub fn failing_syncs() -> Seen {
    let mut seen = Seen { left_out: no_strace(), ..Seen::default() };
    if seen.left_out.is_some() {
        return seen;
    }
    let month = HalfMonth::new(&mut seen);
    seen.is_as_without_fault = true;
    month.reset();
    let (_, _, calls) = traced(&month.config(), &HalfMonth::COLLECT, None);
    let mut failures = 0;
    for (call, number) in changes(&calls).into_iter().filter(|(call, _)| SYNCS.contains(&call.as_str())) {
        let what = format!("{call} {number} failed");
        month.reset();
        let (exit, stderr, _) = traced(&month.config(), &HalfMonth::COLLECT, Some(&format!("{call}:error=EIO:when={number}")));
        seen.demand(exit == 1, format!("{what}: it ended with {exit}"));
        seen.demand(stderr.contains("error: ") && !stderr.contains("panicked"), format!("{what}: {stderr}"));
        month.demand_old_or_new(&what, &mut seen);
        month.demand_whole_after_another_run(&what, &mut seen);
        failures += 1;
    }
    seen.demand(failures > 8, format!("only {failures} syncs"));
    seen.was_retried = true;
    seen.notes.push(format!("{failures} syncs failed"));
    month.report(&mut seen);
    seen
}

/// Killed at any moment, started again, a hundred times while it collects and a hundred while it closes; whenever a run comes to its end, it begins anew.
pub fn random_kills() -> Seen {
    let mut seen = Seen::default();
    let month = HalfMonth::new(&mut seen);
    seen.is_as_without_fault = true;
    let (mut random, mut kills, mut rounds) = (Random::new(53), 0, 1);
    month.reset();
    while kills < RANDOM_KILLS {
        let delay = Duration::from_micros(random.between(0, (month.wall.as_micros() as i64).max(2)) as u64);
        if killed_after(&month.config(), &HalfMonth::COLLECT, delay) {
            kills += 1;
            month.demand_old_or_new(&format!("kill {kills} after {delay:?}"), &mut seen);
        } else {
            month.demand_whole_after_another_run(&format!("round {rounds}"), &mut seen);
            rounds += 1;
            month.reset();
        }
    }
    month.demand_whole_after_another_run("the last round", &mut seen);
    seen.was_retried = true;
    seen.notes.push(format!("{kills} kills of collect"));
    month.report(&mut seen);
    super::sealed::random_kills(&mut seen);
    seen
}

/// Whether it was still running when it was killed.
pub fn killed_after(config: &Path, arguments: &[&str], delay: Duration) -> bool {
    let started = Instant::now();
    let mut process = Command::new(env!("CARGO_BIN_EXE_wattledger"))
        .arg("--config")
        .arg(config)
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    thread::sleep(delay.saturating_sub(started.elapsed()));
    process.kill().unwrap();
    process.wait().unwrap().code().is_none()
}
