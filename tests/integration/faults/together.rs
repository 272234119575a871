//! F56: two that collect the same month at once.

use std::thread;
use std::time::Duration;

use super::bench::{Bench, Run, Seen, wattledger};
use super::history::{DAY, NEXT_DAY, Story, by_seed};
use super::killed::killed_after;
use crate::prometheus::Setup;
use crate::toxic::{Toxic, ToxicProxy};

const AT_ONCE: usize = 4;
/// Long enough for all of them to be there while the first is at work.
const SLOWNESS: Duration = Duration::from_millis(150);

/// One wins and collects all of it; the others name the winner and write nothing. A holder that is killed holds nothing.
pub fn collectors() -> Seen {
    let bench = Bench::of(&by_seed(|seed, name| Story::six_hours(seed).cluster(name))[..1]);
    let server = bench.server(&Setup::default());
    let proxy = ToxicProxy::before(server.port(), |_| Toxic::Latency(SLOWNESS));
    let config = bench.config("it", &proxy.url());
    let collect = ["collect", "--from", DAY, "--to", NEXT_DAY];
    let runs: Vec<Run> = thread::scope(|scope| {
        let workers: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(|| wattledger(&config, &collect))).collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).collect()
    });

    let mut seen = Seen::default();
    let winners = runs.iter().filter(|run| run.exit == 0).count();
    seen.demand(winners == 1, format!("{winners} of {AT_ONCE} won"));
    for run in runs.iter().filter(|run| run.exit != 0) {
        let is_locked = run.exit == 1 && run.stderr.contains("error: LOCKED: `collect` is being done by process ");
        seen.demand(is_locked, format!("ended with {}: {}", run.exit, run.stderr.trim_end()));
        seen.demand(run.wall < Duration::from_secs(5), "a loser waited");
    }
    let after = bench.evidence_of("it");
    let config = bench.config("alone", &server.url());
    seen.demand(
        wattledger(&config, &collect).exit == 0 && bench.evidence_of("alone") == after,
        "the winner's evidence is another than that of one alone",
    );

    let config = bench.config("killed", &proxy.url());
    seen.demand(killed_after(&config, &collect, Duration::from_millis(600)), "the holder was not killed");
    let config = bench.config("killed", &server.url());
    let next = wattledger(&config, &collect);
    seen.demand(next.exit == 0 && bench.evidence_of("killed") == after, format!("after a killed holder: {}", next.stderr.trim_end()));
    seen.refused.insert("LOCKED".to_owned());
    seen.notes.push(format!("{winners} of {AT_ONCE} won"));
    seen
}
