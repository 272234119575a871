//! F67: what is written for a month is no path, and nothing is written anywhere.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::bench::{Bench, Seen, wattledger};
use super::history::{Story, by_seed};

const MONTHS: [&str; 16] = [
    "2026-13",
    "2026-00",
    "2026-3",
    "26-03",
    "",
    " ",
    "2026-03 ",
    "../../etc",
    "2026-03/..",
    "../2026-03",
    "/2026-03",
    "2026-03\n",
    "2026\u{2011}03",
    "\u{661}\u{662}26-03",
    "-2026-03",
    "\u{1b}[2J2026-03",
];

/// Every verb that takes a month, with what it needs beside it.
fn verbs(out: &str) -> Vec<Vec<&str>> {
    vec![vec!["collect"], vec!["report", "--out", out], vec!["doctor"]]
}

/// Every path below a folder.
fn everything_below(folder: &Path) -> BTreeSet<PathBuf> {
    let (mut found, mut folders) = (BTreeSet::new(), vec![folder.to_owned()]);
    while let Some(next) = folders.pop() {
        for path in fs::read_dir(next).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path.clone());
            }
            found.insert(path);
        }
    }
    found
}

pub fn months_that_are_none() -> Seen {
    let mut seen = Seen::default();
    let bench = Bench::of(&by_seed(|seed, name| Story::six_hours(seed).cluster(name)));
    let config = bench.config("it", "http://127.0.0.1:1");
    // Two folders deep, so that what climbs out is still seen.
    let home = bench.folder.path().join("a/b");
    fs::create_dir_all(&home).unwrap();
    let out = home.join("report");
    let before = everything_below(bench.folder.path());
    let mut refused = 0;
    for verb in verbs(out.to_str().unwrap()) {
        for month in MONTHS {
            let written = format!("--month={month}");
            let run = wattledger(&config, &[&verb[..], &[written.as_str()]].concat());
            let shown = format!("{} {}", verb.join(" "), written.escape_debug());
            seen.demand(run.exit == 64, format!("{shown}: ended with {}: {}", run.exit, run.stderr.trim_end()));
            seen.demand(run.stderr.contains("BAD_MONTH: "), format!("{shown}: {}", run.stderr.trim_end()));
            seen.demand(!run.stderr.contains('\u{1b}'), format!("{shown}: the terminal is told what to do"));
            refused += 1;
        }
    }
    seen.demand(everything_below(bench.folder.path()) == before, "something was written");
    seen.refused.insert("BAD_MONTH".to_owned());
    seen.notes.push(format!("{refused} of {refused}"));
    seen
}
