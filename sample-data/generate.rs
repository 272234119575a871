//! Writes the sample month: three small clusters, their grid intensities, and the truth that their meters were made from.
//!
//! In: a seed, a month, a scrape interval. Out, below `--out`: `intensity/*.csv` in the shape of the Electricity Maps data portal, `prices/*.csv`,
//! what the scheduler decided in `decisions/*.jsonl`,
//! `openmetrics/<cluster>.txt` for `promtool tsdb create-blocks-from openmetrics`, and with `--truth` the file `truth.json`.
//! Rule: energies are whole millijoules per scrape interval and scrapes stand on exact multiples of the interval, so that what a
//! correct reader differences is known to the last digit. The same seed gives the same bytes: no clock, no libm, one small generator.
//! Assumes: nothing of the product; none of its code is used, so that a mistake there cannot hide here.
//! Does not: claim that these numbers were measured. They are invented (see `README.md` beside it).

#[path = "generator/calendar.rs"]
mod calendar;
#[path = "generator/decisions.rs"]
mod decisions;
#[path = "generator/grid.rs"]
mod grid;
#[path = "generator/jobs.rs"]
mod jobs;
#[path = "generator/meters.rs"]
mod meters;
#[path = "generator/openmetrics.rs"]
mod openmetrics;
#[path = "generator/prices.rs"]
mod prices;
#[path = "generator/random.rs"]
mod random;
#[path = "generator/story.rs"]
mod story;
#[path = "generator/truth.rs"]
mod truth;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::Parser;

/// Writes the sample month: intensities, back-fill for Prometheus and, where asked, the truth.
#[derive(Parser)]
struct Args {
    /// Folder to write into; it is made where it does not exist.
    #[arg(long)]
    out: PathBuf,
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// The local month, Europe/Amsterdam.
    #[arg(long, default_value = "2026-10")]
    month: String,
    /// Seconds between two scrapes of an energy meter; a divisor of 900.
    #[arg(long, default_value_t = 900)]
    scrape: i64,
    /// Energies are multiples of this many millijoules; coarser counters compress better.
    #[arg(long, default_value_t = 100_000)]
    quantum_mj: i64,
    /// One cluster with one node and a few pods, for tests of the calendar.
    #[arg(long)]
    small: bool,
    /// Also write what the meters were made from.
    #[arg(long)]
    truth: bool,
}

fn main() -> Result<()> {
    let args = Args::parse();
    ensure!(args.scrape > 0 && 900 % args.scrape == 0, "--scrape must divide 900 seconds, {} does not", args.scrape);
    ensure!(args.quantum_mj > 0, "--quantum-mj must be positive");
    let month = calendar::Month::parse(&args.month)?;
    let story = story::tell(&month, args.seed, args.small);
    let clock = meters::Clock::new(&month, args.scrape);

    write_files(&args.out.join("intensity"), grid::files(&month, args.seed))?;
    write_files(&args.out.join("prices"), prices::files(&month, args.seed))?;
    if !args.small {
        write_files(&args.out.join("decisions"), vec![(decisions::FILE.to_owned(), decisions::write(&story))])?;
    }

    let folder = args.out.join("openmetrics");
    fs::create_dir_all(&folder).with_context(|| format!("make folder {}", folder.display()))?;
    let mut metered = Vec::new();
    let mut samples = 0;
    for cluster in &story.clusters {
        let meters = meters::run(cluster, &clock, args.seed, args.quantum_mj);
        let text = openmetrics::write(cluster, &meters, &clock);
        samples += text.lines().filter(|line| !line.starts_with('#')).count();
        let path = folder.join(format!("{}.txt", cluster.name));
        fs::write(&path, text).with_context(|| format!("write {}", path.display()))?;
        metered.push(meters);
    }
    if args.truth {
        let path = args.out.join("truth.json");
        fs::write(&path, truth::write(&story, &metered, &month, &clock)).with_context(|| format!("write {}", path.display()))?;
    }
    eprintln!("{samples} samples of {} clusters, seed {}, in {}", story.clusters.len(), args.seed, args.out.display());
    Ok(())
}

fn write_files(folder: &Path, files: Vec<(String, String)>) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("make folder {}", folder.display()))?;
    for (name, text) in files {
        let path = folder.join(name);
        fs::write(&path, text).with_context(|| format!("write {}", path.display()))?;
    }
    Ok(())
}
