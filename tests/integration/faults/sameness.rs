//! F68 and F69: what is around a run, and the order in which things come, change no byte of what it makes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::bench::{Bench, Seen, wattledger_under};
use super::history::{Cluster, DAY_S, HOUR, MINUTE, MONTH, Random, Story, by_seed};
use crate::prometheus::Setup;
use crate::toxic::{Toxic, ToxicProxy};

const FORMATS: &str = "html,xlsx,json,facts,ixbrl";
const RUNS: u64 = 20;
/// Three UTC days, so that there is an order to shuffle.
const DAYS: [&str; 4] = ["2026-10-29", "2026-10-30", "2026-10-31", "2026-11-01"];

/// What a run works in: another language, clock, terminal, home, and a log that says everything.
const AROUND: [(&str, &str); 12] = [
    ("LC_ALL", "nl_NL.UTF-8"),
    ("LANG", "nl_NL.UTF-8"),
    ("LC_NUMERIC", "de_DE.UTF-8"),
    ("TZ", "Asia/Kolkata"),
    ("RUST_LOG", "trace"),
    ("RUST_BACKTRACE", "full"),
    ("POLARS_MAX_THREADS", "1"),
    ("POLARS_VERBOSE", "1"),
    ("RAYON_NUM_THREADS", "1"),
    ("COLUMNS", "20"),
    ("TERM", "dumb"),
    ("HOME", "/nonexistent"),
];

/// Three clusters through three days, at five minutes.
fn clusters() -> Vec<Cluster> {
    by_seed(|seed, name| Story::new(seed, DAY_S - 2 * 24 * HOUR + 6 * HOUR, 12 * 60, 5 * MINUTE).cluster(name))
}

fn bench() -> Bench {
    let mut bench = Bench::of(&clusters());
    bench.days = Some((DAYS[0], DAYS[3]));
    bench
}

/// Every file below a folder with its bytes; locks and what a reader does not look at are left out.
pub fn files_below(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let (mut files, mut folders) = (BTreeMap::new(), vec![folder.to_owned()]);
    while let Some(next) = folders.pop() {
        let Ok(entries) = fs::read_dir(&next) else { continue };
        for path in entries.map(|entry| entry.unwrap().path()) {
            let is_hidden = path.file_name().unwrap().to_string_lossy().starts_with('.');
            if path.is_dir() && !is_hidden {
                folders.push(path);
            } else if !is_hidden {
                files.insert(path.strip_prefix(folder).unwrap().to_owned(), fs::read(&path).unwrap());
            }
        }
    }
    files
}

/// Paths whose bytes are others, or that one side lacks.
pub fn differing(one: &BTreeMap<PathBuf, Vec<u8>>, other: &BTreeMap<PathBuf, Vec<u8>>) -> Vec<String> {
    one.keys().chain(other.keys()).filter(|path| one.get(*path) != other.get(*path)).map(|path| path.display().to_string()).collect()
}

/// A folder of its own with a configuration of the same bytes, whose digest is in every report.
fn home(bench: &Bench, name: &str) -> PathBuf {
    let home = bench.folder.path().join(name);
    fs::create_dir(&home).unwrap();
    for linked in ["intensity", "factors.csv", "secret"] {
        std::os::unix::fs::symlink(bench.folder.path().join(linked), home.join(linked)).unwrap();
    }
    fs::copy(bench.folder.path().join("it.toml"), home.join("wattledger.toml")).unwrap();
    home
}

/// Runs in a folder, as somebody there would.
fn run_in(home: &Path, around: &[(&str, &str)], arguments: &[&str], seen: &mut Seen) {
    let run = wattledger_under(around, &home.join("wattledger.toml"), arguments);
    seen.demand(run.exit == 0, format!("{}: {} ended with {}: {}", home.display(), arguments[0], run.exit, run.stderr.trim_end()));
}

fn report_in(home: &Path, around: &[(&str, &str)], threads: &str, seen: &mut Seen) {
    let out = home.join("report");
    let arguments = ["report", "--month", MONTH, "--out", out.to_str().unwrap(), "--format", FORMATS, "--threads", threads];
    run_in(home, around, &arguments, seen);
}

pub fn surroundings() -> Seen {
    let bench = bench();
    let server = bench.server(&Setup::default());
    let mut seen = bench.observe("it", &server.url());
    let made = [("plain", &[][..]), ("around", &AROUND[..])].map(|(name, around)| {
        let home = home(&bench, name);
        run_in(&home, around, &["collect", "--from", DAYS[0], "--to", DAYS[3]], &mut seen);
        report_in(&home, around, "2", &mut seen);
        files_below(&home)
    });
    demand_same(&made, &mut seen);
    seen.notes.push(format!("{} files", made[0].len()));
    seen
}

/// Twenty times, each from a server that gives series in another order, with clusters and days collected in another order, by one thread or two.
pub fn shuffled_inputs() -> Seen {
    let mut bench = bench();
    bench.prometheus_keys = ", read = \"query\"";
    let server = bench.server(&Setup::default());
    let proxy = ToxicProxy::before(server.port(), |exchange| Toxic::Shuffle { seed: exchange.number as u64 });
    let mut seen = bench.observe("it", &proxy.url());
    let made: Vec<_> = (0..RUNS)
        .map(|run| {
            let home = home(&bench, &format!("run-{run}"));
            let mut parts: Vec<(&String, &[&str])> =
                bench.clusters().iter().flat_map(|cluster| DAYS.windows(2).map(move |days| (cluster, days))).collect();
            Random::new(run).shuffle(&mut parts);
            // A few days by themselves, in any order, and then all that is left at once.
            for (cluster, days) in &parts[..2] {
                run_in(&home, &[], &["collect", "--cluster", cluster, "--from", days[0], "--to", days[1]], &mut seen);
            }
            run_in(&home, &[], &["collect", "--from", DAYS[0], "--to", DAYS[3]], &mut seen);
            report_in(&home, &[], if run % 2 == 0 { "1" } else { "2" }, &mut seen);
            files_below(&home)
        })
        .collect();
    seen.demand(proxy.log().iter().filter(|exchange| exchange.was_harmed).count() > 100, "hardly an answer was shuffled");
    demand_same(&made, &mut seen);
    seen.notes.push(format!("{RUNS} runs of {} files", made[0].len()));
    seen
}

fn demand_same(made: &[BTreeMap<PathBuf, Vec<u8>>], seen: &mut Seen) {
    seen.demand(made[0].len() > 60, format!("only {} files", made[0].len()));
    let differences: BTreeSet<String> = made.iter().flat_map(|files| differing(&made[0], files)).collect();
    seen.is_as_without_fault = differences.is_empty();
    seen.demand(differences.is_empty(), format!("other bytes: {differences:?}"));
}
