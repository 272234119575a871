//! F16 to F19, F21, F22: what happens between us and the server, and to what it holds.

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use super::bench::{Bench, Seen};
use super::history::{Cluster, DAY_S, HOUR, Random, Story, by_seed};
use crate::prometheus::{Prometheus, Setup};
use crate::toxic::{Exchange, Toxic, ToxicProxy};

/// A server that says nothing is given up after this, at the latest.
const LONGEST_SILENCE: Duration = Duration::from_secs(15);
const CUTS: u64 = 20;
const CUT_WORKERS: usize = 4;

fn stories() -> Vec<Cluster> {
    by_seed(|seed, name| Story::six_hours(seed).cluster(name))
}

/// Collects through a proxy that harms exchanges, and directly, and compares the evidence.
fn through(rule: impl Fn(&Exchange) -> Toxic + Send + Sync + 'static) -> (Seen, Vec<Exchange>) {
    let bench = Bench::of(&stories());
    let server = bench.server(&Setup::default());
    let proxy = ToxicProxy::before(server.port(), rule);
    let mut seen = bench.observe_beside_fault_free(&proxy.url(), &server);
    let log = proxy.log();
    seen.was_retried = log.iter().any(|exchange| exchange.was_harmed);
    (seen, log)
}

pub fn unavailable_twice() -> Seen {
    let page =
        Toxic::Answer { status: "503 Service Unavailable", headers: "Content-Type: text/html\r\n", body: "<html><h1>503</h1></html>" };
    through(move |exchange| match exchange.number {
        0 | 1 => page.clone(),
        // The server has not quite recovered.
        2..8 => Toxic::Latency(Duration::from_millis(200)),
        _ => Toxic::PassThrough,
    })
    .0
}

pub fn too_many_requests() -> Seen {
    let wait = Toxic::Answer { status: "429 Too Many Requests", headers: "Retry-After: 3\r\n", body: "" };
    let (mut seen, log) = through(move |exchange| if exchange.number == 0 { wait.clone() } else { Toxic::PassThrough });
    let told = log.iter().find(|exchange| exchange.was_harmed).expect("the first exchange was told to wait");
    let same = |other: &&Exchange| other.number > told.number && other.path == told.path && other.request_body == told.request_body;
    let waited = log.iter().find(same).map(|again| again.at - told.at);
    seen.demand(waited.is_some_and(|waited| waited >= Duration::from_secs(3)), format!("it was asked again after {waited:?}"));
    seen.notes.push(waited.map_or_else(|| "never asked again".to_owned(), |waited| format!("after {:.1} s", waited.as_secs_f64())));
    seen
}

/// One cluster, one day: the server takes the request and says nothing.
pub fn silent_server() -> Seen {
    let mut bench = Bench::of(&stories()[..1]);
    bench.prometheus_keys = ", timeout = \"10s\"";
    let server = bench.server(&Setup::default());
    let proxy = ToxicProxy::before(server.port(), |_| Toxic::Silence);
    let config = bench.config("it", &proxy.url());
    let run = bench.collect(&config);
    let mut seen = bench.report("it", &config);
    seen.refused.extend(run.stderr.split([':', ' ']).filter(|word| word.starts_with("PROM_")).map(str::to_owned));
    seen.demand(run.exit == 3, format!("collect ended with {}", run.exit));
    seen.demand(run.wall <= LONGEST_SILENCE, format!("it waited for {:.0} s", run.wall.as_secs_f64()));
    seen.demand(bench.evidence_of("it").is_empty(), "something was stored");
    seen.notes.push(format!("after {:.0} s", run.wall.as_secs_f64()));
    seen
}

/// Twenty runs, in each of which two answers are cut at a random byte: plainly, or with a length that says they were whole.
pub fn cut_answers() -> Seen {
    let bench = Bench::of(&stories()[..1]);
    let server = bench.server(&Setup::default());
    let counting = ToxicProxy::before(server.port(), |_| Toxic::PassThrough);
    let mut seen = bench.observe("whole", &counting.url());
    let exchanges = counting.log().len() as i64;
    let whole = bench.evidence_of("whole");
    let (next, retried, refused) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    let complaints: Vec<String> = thread::scope(|scope| {
        let cut_some = || {
            let mut complaints = Vec::new();
            while let seed @ 0..CUTS = next.fetch_add(1, Ordering::SeqCst) as u64 {
                let mut random = Random::new(seed);
                let chosen = [random.between(0, exchanges), random.between(0, exchanges)];
                let relabelled = seed % 2 == 0;
                let share = random.between(0, 1_000_000) as f64 / 1_000_000.0;
                let proxy = ToxicProxy::before(server.port(), move |exchange| match chosen.contains(&(exchange.number as i64)) {
                    true => Toxic::CutBody { share, relabelled },
                    false => Toxic::PassThrough,
                });
                let name = format!("cut-{seed}");
                let run = bench.collect(&bench.config(&name, &proxy.url()));
                let stored = bench.evidence_of(&name);
                let was_harmed = proxy.log().iter().any(|exchange| exchange.was_harmed);
                match run.exit {
                    0 if stored == whole && was_harmed => drop(retried.fetch_add(1, Ordering::SeqCst)),
                    0 => complaints.push(format!("seed {seed}: cut at {share}, and the evidence is another")),
                    3 if stored.is_empty() => drop(refused.fetch_add(1, Ordering::SeqCst)),
                    exit => complaints.push(format!("seed {seed}: ended with {exit}: {}", run.stderr)),
                }
            }
            complaints
        };
        let workers: Vec<_> = (0..CUT_WORKERS).map(|_| scope.spawn(cut_some)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    seen.complaints.extend(complaints);
    let (retried, refused) = (retried.into_inner(), refused.into_inner());
    (seen.was_retried, seen.is_as_without_fault) = (true, retried + refused == CUTS as usize);
    seen.notes.push(format!("{retried} retried, {refused} refused, of {CUTS}"));
    seen
}

pub fn partial_answer() -> Seen {
    let bench = Bench::of(&stories());
    // A read that goes nowhere: Prometheus answers with what it has, and with a warning.
    let config = "remote_read:\n  - url: http://127.0.0.1:1/api/v1/read\n    read_recent: true\n";
    let server = bench.server(&Setup { config, ..Setup::default() });
    let mut seen = bench.observe("it", &server.url());
    seen.demand(bench.evidence_of("it").is_empty(), "a partial answer was stored");
    seen
}

/// A block of three weeks later makes Prometheus delete the month when it starts, as it does by default after fifteen days.
pub fn forgotten_month() -> Seen {
    let bench = Bench::of(&stories());
    let later = Story::new(1, DAY_S + 21 * 24 * HOUR, 61, 60).cluster("later");
    fs::write(bench.openmetrics().join("zz-later.txt"), format!("{}# EOF\n", later.lines)).unwrap();
    let server: Prometheus = bench.server(&Setup { retention: "15d", ..Setup::default() });
    let config = bench.config("it", &server.url());
    let run = bench.collect(&config);
    let mut seen = bench.observe("it", &server.url());
    seen.demand(run.exit == 3, format!("collect ended with {}", run.exit));
    let range = "2026-10-31T00:00:00Z to 2026-11-01T00:00:00Z";
    seen.demand(run.stderr.contains(range), "the range is not named");
    seen
}
