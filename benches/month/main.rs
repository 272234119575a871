//! Evidence to statement for a month of pods in 5-minute rows, with DuckDB over the same files beside it.
//!
//! `CARGO_PROFILE_DEV_OPT_LEVEL=2 cargo bench --profile dev --bench month -- [--pods 200,2000,20000] [--rounds 3] [--dir DIR]`. The evidence is made from a seed (see `generate.rs`) in DIR and
//! kept there for the next time. Every run is a process of its own, so that CPU and peak memory are its own; ratios are of medians, paired round by round.
//! DuckDB runs from a Python with the package duckdb, named by WATTLEDGER_PYTHON; without it only our own figures are printed.

mod generate;
mod measure;
#[path = "../process.rs"]
mod process;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};
use wattledger::cli::account::{self, Accounting, Books, Engine};
use wattledger::cli::report::{LedgerFiles, LedgerFormat};
use wattledger::config::Config;
use wattledger::units::ReportingPeriod;

use process::{Measured, median_by};

const MONTH: &str = "2026-09";

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if let [verb, dir, threads] = arguments.as_slice()
        && ["account", "digest", "ledger"].contains(&verb.as_str())
    {
        let (dir, threads) = (Path::new(dir), threads.parse()?);
        return if verb == "ledger" { ledger_once(dir, threads) } else { account_once(dir, threads, verb == "digest") };
    }
    let option = |name: &str| arguments.iter().position(|argument| argument == name).and_then(|at| arguments.get(at + 1)).cloned();
    let pods = option("--pods").unwrap_or_else(|| "200,2000,20000".to_owned());
    let rounds: usize = option("--rounds").map_or(Ok(3), |text| text.parse())?;
    let dir = option("--dir").map_or_else(|| std::env::temp_dir().join("wattledger-bench"), PathBuf::from);
    println!("| pods | rows | what | wall s | CPU s | Mrow/s of wall | peak RSS MiB | wall, CPU, RSS to DuckDB roll-up |");
    println!("|---|---|---|---|---|---|---|---|");
    let mut cpu_per_row = Vec::new();
    for pods in pods.split(',') {
        cpu_per_row.push(bench(pods.parse().context("--pods wants numbers")?, rounds, &dir)?);
    }
    for pair in cpu_per_row.windows(2) {
        println!("\nCPU per row at {} pods is {:.2} times that at {} pods.", pair[1].0, pair[1].1 / pair[0].1, pair[0].0);
    }
    Ok(())
}

/// One size: our pass with 2 and 1 threads and DuckDB, round by round. Gives back the pods and our CPU seconds a row.
fn bench(pods: usize, rounds: usize, dir: &Path) -> Result<(usize, f64)> {
    let dir = dir.join(format!("pods-{pods}"));
    let rows = generate::month(&dir, pods)?;
    let (mut two, mut one, mut duckdb) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        two.push(measure::ourselves("account", &dir, 2)?);
        one.push(measure::ourselves("account", &dir, 1)?);
        duckdb.extend(measure::duckdb(&dir)?);
    }
    // Writing a statement out is not part of making it, so its bytes are compared in runs that are not counted.
    let digests = [measure::ourselves("digest", &dir, 2)?.output, measure::ourselves("digest", &dir, 1)?.output];
    anyhow::ensure!(digests[0] == digests[1], "statements differ between thread counts: {digests:?}");
    let reference = (!duckdb.is_empty()).then(|| typical(&duckdb));
    let ours = typical(&two);
    print(pods, rows, "wattledger, 2 threads", &ours, reference.as_ref());
    print(pods, rows, "wattledger, 1 thread", &typical(&one), reference.as_ref());
    let ledger = measure::ourselves("ledger", &dir, 2)?;
    print(pods, rows, &format!("with the hourly ledger ({})", ledger.output.trim()), &ledger, None);
    if let Some(reference) = &reference {
        print(pods, rows, "DuckDB roll-up, 2 threads", reference, None);
        let active = |text: &str| text.split_whitespace().last().map(str::to_owned);
        anyhow::ensure!(
            active(&ours.output) == active(&reference.output),
            "active energy differs: {} and {}",
            ours.output,
            reference.output
        );
    }
    Ok((pods, ours.cpu_s / rows as f64))
}

fn typical(runs: &[Measured]) -> Measured {
    Measured {
        wall_s: median_by(runs, |run| run.wall_s),
        cpu_s: median_by(runs, |run| run.cpu_s),
        peak_mib: median_by(runs, |run| run.peak_mib),
        output: runs[0].output.clone(),
    }
}

fn print(pods: usize, rows: u64, what: &str, run: &Measured, reference: Option<&Measured>) {
    let ratios = reference.map_or_else(String::new, |reference| {
        format!("{:.2}, {:.2}, {:.2}", run.wall_s / reference.wall_s, run.cpu_s / reference.cpu_s, run.peak_mib / reference.peak_mib)
    });
    let speed = rows as f64 / run.wall_s / 1e6;
    println!("| {pods} | {rows} | {what} | {:.2} | {:.2} | {speed:.1} | {:.0} | {ratios} |", run.wall_s, run.cpu_s, run.peak_mib);
}

/// The measured child: accounts the month and prints its active energy, or the statement's SHA-256.
fn account_once(dir: &Path, threads: usize, with_digest: bool) -> Result<()> {
    let config = Config::load(&dir.join("wattledger.toml"))?;
    let period = ReportingPeriod::parse(MONTH, config.time_zone).map_err(anyhow::Error::msg)?;
    let accounting = Accounting { engine: Engine::Columns, threads: Some(threads), with_sensitivity: false, with_content: false };
    let statement = account::period(&Books::open(&config)?, period, &[], &accounting)?;
    if !with_digest {
        println!("{}", statement.totals.figures.active_mj.get());
        return Ok(());
    }
    // Streamed, so that the text of the statement is not in the memory that is measured.
    let mut digest = DigestWriter(Sha256::new());
    serde_json::to_writer(std::io::BufWriter::new(&mut digest), &statement)?;
    let hex: String = digest.0.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    println!("{hex}");
    Ok(())
}

/// The measured child: accounts the month, writes its hourly ledger, and prints how much that is.
fn ledger_once(dir: &Path, threads: usize) -> Result<()> {
    let config = Config::load(&dir.join("wattledger.toml"))?;
    let period = ReportingPeriod::parse(MONTH, config.time_zone).map_err(anyhow::Error::msg)?;
    let accounting = Accounting { engine: Engine::Columns, threads: Some(threads), with_sensitivity: false, with_content: false };
    let mut files = LedgerFiles::new(dir, [LedgerFormat::Csv, LedgerFormat::Parquet]);
    let mut rows = 0;
    account::month_with_hours(&Books::open(&config)?, period, &[], &accounting, &mut |day| {
        rows += day.len();
        files.add(day)
    })?;
    let sizes: Vec<String> = files
        .put_into_place()?
        .iter()
        .map(|path| Ok(format!("{} MB {}", path.metadata()?.len() / 1_000_000, path.extension().unwrap_or_default().display())))
        .collect::<Result<_>>()?;
    println!("{rows} rows, {}", sizes.join(", "));
    Ok(())
}

struct DigestWriter(Sha256);

impl std::io::Write for DigestWriter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
