//! How accounting grows with clusters and months, on polars in this process and on Sail with 1 and 2 workers.
//!
//! `cargo bench --profile dev --features spark --bench fleet -- [--pods 60] [--cases 1x1,4x1,16x1,1x3,1x12] [--dir DIR]`. The SQL files run on both, so our own code counts for
//! little in either. Evidence is made from a seed (`../month/generate.rs`), clusters are links to one. A case is a process of its own, and a Sail of its own, a
//! driver and workers as in a cluster (`local-cluster`); bytes are what read and write calls moved, both of
//! the account alone and of the engine.

#[path = "../month/generate.rs"]
mod generate;
#[path = "../process.rs"]
mod process;

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use wattledger::cli::account::{self, Accounting, Books, Engine};
use wattledger::config::Config;
use wattledger::units::ReportingPeriod;

use generate::{Fleet, fleet};
use process::run;

const FIRST: &str = "2026-01-01";
/// Of the months of 2026.
const DAYS: [i64; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
/// Clusters x months.
const CASES: &str = "1x1,4x1,16x1,1x3,1x12";

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if let [verb, dir, months, clusters, engine] = arguments.as_slice()
        && verb == "account"
    {
        return account_once(Path::new(dir), months.parse()?, clusters.parse()?, engine);
    }
    let option = |name: &str| arguments.iter().position(|argument| argument == name).and_then(|at| arguments.get(at + 1)).cloned();
    let pods: usize = option("--pods").map_or(Ok(60), |text| text.parse()).context("--pods wants a number")?;
    let cases = option("--cases").unwrap_or_else(|| CASES.to_owned());
    let case_of =
        |text: &str| -> Option<(usize, usize)> { text.split_once('x').and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?))) };
    let cases: Vec<(usize, usize)> =
        cases.split(',').map(case_of).collect::<Option<_>>().context("--cases wants clusters x months, as in 4x1,1x12")?;
    let dir = option("--dir").map_or_else(|| std::env::temp_dir().join("wattledger-bench"), PathBuf::from).join(format!("fleet-{pods}"));
    let most = cases.iter().map(|(clusters, _)| *clusters).max().context("no cases")?;
    let months = cases.iter().map(|(_, months)| *months).max().context("no cases")?;
    fleet(&dir, Fleet { pods, clusters: most, first: FIRST, days: DAYS[..months.min(12)].iter().sum() })?;
    println!(
        "| clusters | months | rows | on | wall s | Mrow/s | account: CPU s | peak MiB | read MB | engine: peak MiB | read MB | written MB |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|---|");
    for (clusters, months) in cases {
        for workers in [0, 1, 2] {
            case(&dir, pods, clusters, months, workers)?;
        }
    }
    Ok(())
}

/// One line. No workers: polars in this process, with two threads.
fn case(dir: &Path, pods: usize, clusters: usize, months: usize, workers: usize) -> Result<()> {
    let sail = if workers > 0 { Some(Sail::start(workers)?) } else { None };
    let engine = sail.as_ref().map_or_else(|| "sql".to_owned(), Sail::address);
    let before = sail.as_ref().map_or(Ok(Used::default()), Sail::used)?;
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("account").arg(dir).args([months.to_string(), clusters.to_string(), engine]).env("POLARS_MAX_THREADS", "2");
    let measured = run(command)?;
    let after = sail.as_ref().map_or(Ok(Used::default()), Sail::used)?;
    let [rows, own_read] = measured.output.split_whitespace().collect::<Vec<_>>()[..] else { anyhow::bail!("{}", measured.output) };
    let (rows, wall): (u64, f64) = (rows.parse()?, measured.wall_s);
    ensure!(rows > 0, "nothing was accounted with {pods} pods");
    let on = if workers == 0 { "polars".to_owned() } else { format!("Sail, {workers} worker{}", if workers == 1 { "" } else { "s" }) };
    let mb = |bytes: u64| bytes / 1_000_000;
    let of_engine = sail.as_ref().map_or_else(
        || "| |".to_owned(),
        |_| format!("{} | {} | {}", after.peak_kib / 1024, mb(after.read - before.read), mb(after.written - before.written)),
    );
    println!(
        "| {clusters} | {months} | {rows} | {on} | {wall:.1} | {:.2} | {:.1} | {:.0} | {} | {of_engine} |",
        rows as f64 / wall / 1e6,
        measured.cpu_s,
        measured.peak_mib,
        mb(own_read.parse()?),
    );
    Ok(())
}

/// The measured child: accounts some months of some clusters, and prints how many rows of usage that were, and how many bytes it read.
fn account_once(dir: &Path, months: u32, clusters: usize, engine: &str) -> Result<()> {
    let mut config = Config::load(&dir.join("wattledger.toml"))?;
    config.clusters.truncate(clusters);
    let engine = Engine::open(Some(&engine.parse().map_err(anyhow::Error::msg)?), &config)?;
    let accounting = Accounting { engine, threads: Some(2), with_sensitivity: false, with_content: false };
    let mut rows = 0;
    for month in 1..=months {
        let period = ReportingPeriod::parse(&format!("2026-{month:02}"), config.time_zone).map_err(anyhow::Error::msg)?;
        let account = account::month(&Books::open(&config)?, period, &[], &accounting)?;
        rows += account.inventory.clusters.iter().map(|cluster| cluster.usage_rows).sum::<u64>();
    }
    println!("{rows} {}", used(std::process::id())?.read);
    Ok(())
}

/// What a process has used.
#[derive(Clone, Copy, Debug, Default)]
struct Used {
    read: u64,
    written: u64,
    peak_kib: u64,
}

fn used(process: u32) -> Result<Used> {
    let field = |file: &str, name: &str| -> Result<u64> {
        let text = fs::read_to_string(format!("/proc/{process}/{file}"))?;
        let line = text.lines().find_map(|line| line.strip_prefix(name)).with_context(|| format!("{file} has no {name}"))?;
        Ok(line.trim_start_matches(':').split_whitespace().next().context("an empty line")?.parse()?)
    };
    Ok(Used { read: field("io", "rchar")?, written: field("io", "wchar")?, peak_kib: field("status", "VmHWM")? })
}

/// A Sail server with workers, from the Python that `tests/run` sets up.
struct Sail {
    process: Child,
    port: u16,
}

impl Sail {
    fn start(workers: usize) -> Result<Self> {
        let python = std::env::var_os("WATTLEDGER_PYTHON")
            .map(PathBuf::from)
            .context("WATTLEDGER_PYTHON names no Python; tests/run says how it is made")?;
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let process = Command::new(python.with_file_name("sail"))
            .args(["spark", "server", "--ip", "127.0.0.1", "--port", &port.to_string()])
            .env("SAIL_MODE", "local-cluster")
            .env("SAIL_CLUSTER__WORKER_INITIAL_COUNT", workers.to_string())
            .env("SAIL_CLUSTER__WORKER_MAX_COUNT", workers.to_string())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("start Sail")?;
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            ensure!(started.elapsed() < Duration::from_secs(60), "Sail does not come up");
            sleep(Duration::from_millis(100));
        }
        Ok(Self { process, port })
    }

    fn address(&self) -> String {
        format!("sc://127.0.0.1:{}", self.port)
    }

    fn used(&self) -> Result<Used> {
        used(self.process.id())
    }
}

impl Drop for Sail {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
