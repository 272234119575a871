//! What it takes to pull a history out of a real Prometheus, by each way, beside merely downloading the same bytes.
//!
//! `CARGO_PROFILE_DEV_OPT_LEVEL=2 cargo bench --profile dev --bench pull -- [--pods 500] [--days 3] [--rounds 3] [--dir DIR]`. The history is made from a seed and back-filled with
//! `promtool` (see `generate.rs`); it is kept in DIR for the next time. Every run is a process of its own, so that CPU and peak memory are its own.
//! "Downloading" sends the requests of a recorded pull again, two in flight, and throws the answers away.

mod generate;
mod measure;
#[path = "../process.rs"]
mod process;
mod record;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use anyhow::{Context, Result, bail, ensure};
use wattledger::model::policy::{Pull, ReadWay};
use wattledger::sources::prometheus::{self, Connection, Prometheus};
use wattledger::units::UtcDay;

use measure::{Measured, typical};
use record::{Recorder, Request};

const FIRST_DAY: &str = "2026-09-02";
const IN_FLIGHT: usize = 2;
const WAYS: [(&str, ReadWay); 3] = [("remote read", ReadWay::RemoteRead), ("query", ReadWay::Query), ("edges", ReadWay::Edges)];

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["pull", url, way, days] => return pull(url, way, days.parse()?),
        ["download", url, requests, answers] => return download(url, Path::new(requests), Path::new(answers)),
        ["decode", answers] => return decode(Path::new(answers)),
        _ => {}
    }
    let option = |name: &str| words.iter().position(|word| *word == name).and_then(|at| words.get(at + 1)).copied();
    let pods: usize = option("--pods").map_or(Ok(500), str::parse).context("--pods wants a number")?;
    let days: i64 = option("--days").map_or(Ok(3), str::parse).context("--days wants a number")?;
    let rounds: usize = option("--rounds").map_or(Ok(3), str::parse).context("--rounds wants a number")?;
    let dir = option("--dir").map_or_else(|| std::env::temp_dir().join("wattledger-bench-pull"), PathBuf::from);
    bench(&dir.join(format!("pods-{pods}-days-{days}")), pods, days, rounds)
}

fn bench(dir: &Path, pods: usize, days: i64, rounds: usize) -> Result<()> {
    generate::history(dir, pods, first_day()?, days)?;
    let server = generate::serve(dir)?;
    let recorder = Recorder::before(&server.url)?;
    let (requests_file, answers_file) = (dir.join("requests"), dir.join("answers"));
    let (requests_path, answers_path) = (requests_file.to_string_lossy(), answers_file.to_string_lossy());
    let (days_text, pid) = (days.to_string(), server.process.id());

    println!("{pods} pods, {days} days, {rounds} rounds\n");
    println!("| way | samples | MB | wall s | to downloading | CPU s | peak MiB | server CPU s | server peak MiB |");
    println!("|---|---|---|---|---|---|---|---|---|");
    let mut samples_of = BTreeMap::new();
    let mut decoded = Vec::new();
    for (name, _) in WAYS {
        // Once on the record, which is not measured and warms the server's caches.
        let recorded = measure::ourselves(&["pull", &recorder.url, name, &days_text], pid)?;
        let (requests, bytes) = recorder.take();
        std::fs::write(&requests_file, record::save(&requests))?;
        let (mut pulls, mut downloads) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            pulls.push(measure::ourselves(&["pull", &server.url, name, &days_text], pid)?);
            downloads.push(measure::ourselves(&["download", &server.url, &requests_path, ""], pid)?);
        }
        let (pull, download) = (typical(&pulls), typical(&downloads));
        ensure!(pulls.iter().all(|pull| pull.own.output == recorded.own.output), "two pulls gave different samples");
        samples_of.insert(name, recorded.own.output.clone());
        print(name, &recorded.own.output, bytes, &pull, Some(&download));
        print(&format!("downloading {name}"), "", bytes, &download, None);
        if name == "remote read" {
            measure::ourselves(&["download", &server.url, &requests_path, &answers_path], pid)?;
            for _ in 0..rounds {
                decoded.push(measure::ourselves(&["decode", &answers_path], pid)?.own.output);
            }
            std::fs::remove_file(&answers_file)?;
        }
    }
    ensure!(samples_of["remote read"] == samples_of["query"], "remote read and query gave different samples: {samples_of:?}");
    decoded.sort_by(|a, b| a.len().cmp(&b.len()).then(a.cmp(b)));
    println!("\nDecoding chunks alone: {} million samples a CPU second.", decoded[decoded.len() / 2]);
    Ok(())
}

fn print(what: &str, samples: &str, bytes: u64, run: &Measured, download: Option<&Measured>) {
    let ratio = download.map_or_else(String::new, |download| format!("{:.2}", run.own.wall_s / download.own.wall_s));
    let samples = samples.split(' ').next().unwrap_or_default();
    println!(
        "| {what} | {samples} | {:.1} | {:.2} | {ratio} | {:.2} | {:.0} | {:.2} | {:.0} |",
        bytes as f64 / 1e6,
        run.own.wall_s,
        run.own.cpu_s,
        run.own.peak_mib,
        run.server_cpu_s,
        run.server_peak_mib
    );
}

fn first_day() -> Result<UtcDay> {
    FIRST_DAY.parse().map_err(anyhow::Error::msg)
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?)
}

/// The measured child: collects the days and prints how many samples they have, and a sum that differs where they differ.
fn pull(url: &str, way: &str, days: usize) -> Result<()> {
    let Some((_, read)) = WAYS.into_iter().find(|(name, _)| *name == way) else { bail!("no way is called {way}") };
    let connection = Connection { url: url.to_owned(), pull: Pull { read, ..Pull::default() }, ..Connection::default() };
    let source = Prometheus::connect(&connection, &BTreeMap::new())?;
    let (runtime, mut day) = (runtime()?, first_day()?);
    let (mut samples, mut digest) = (0, 0_u64);
    for _ in 0..days {
        let collected = runtime.block_on(source.collect_day(day))?;
        samples += collected.samples.ts_ms.len();
        for (ts_ms, value) in collected.samples.ts_ms.iter().zip(&collected.samples.value) {
            digest = digest.rotate_left(5) ^ ts_ms.cast_unsigned() ^ value.to_bits();
        }
        day = day.next();
    }
    println!("{samples} {digest:016x}");
    Ok(())
}

/// The measured child: sends recorded requests again, and throws the answers away or keeps those of remote read.
fn download(url: &str, requests: &Path, answers: &Path) -> Result<()> {
    let requests = record::load(&std::fs::read_to_string(requests)?)?;
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().tls_certs_only([]).gzip(false).build()?;
    let is_kept = !answers.as_os_str().is_empty();
    let queue = Arc::new(Mutex::new(requests.into_iter()));
    let kept = Arc::new(Mutex::new(Vec::new()));
    let runtime = runtime()?;
    let workers: Vec<_> = (0..IN_FLIGHT)
        .map(|_| {
            let (client, url, queue, kept) = (client.clone(), url.to_owned(), Arc::clone(&queue), Arc::clone(&kept));
            runtime.spawn(async move {
                loop {
                    let Some(request) = queue.lock().expect("nobody panics with it").next() else { return Ok::<_, anyhow::Error>(()) };
                    let is_read = request.path.ends_with("/read");
                    let mut answer = send(&client, &url, request).await?;
                    let mut whole = Vec::new();
                    while let Some(part) = answer.chunk().await? {
                        if is_kept && is_read {
                            whole.extend_from_slice(&part);
                        }
                    }
                    kept.lock().expect("nobody panics with it").append(&mut whole);
                }
            })
        })
        .collect();
    for worker in workers {
        runtime.block_on(worker)??;
    }
    if is_kept {
        std::fs::write(answers, &*kept.lock().expect("nobody panics with it"))?;
    }
    Ok(())
}

async fn send(client: &reqwest::Client, url: &str, request: Request) -> Result<reqwest::Response> {
    let target = format!("{url}{}", request.path);
    let mut builder = if request.body.is_empty() { client.get(target) } else { client.post(target).body(request.body) };
    for (name, value) in request.headers {
        if !["host", "content-length"].contains(&name.as_str()) {
            builder = builder.header(name, value);
        }
    }
    Ok(builder.send().await?)
}

/// The measured child: decodes saved replies and prints million samples a CPU second.
fn decode(answers: &Path) -> Result<()> {
    let bytes = std::fs::read(answers)?;
    let before = measure::own_cpu_s();
    let samples = prometheus::samples_in_reply(&bytes)?;
    println!("{:.1}", samples as f64 / 1e6 / (measure::own_cpu_s() - before));
    Ok(())
}
