//! F45 to F47: what the Kubernetes API does. Nothing else tells here of owners: there is no kube-state-metrics.
//!
//! A recorder writes what happens now, and a day is collected when it is over. So what was recorded is put to the last scrape's minute of
//! [`DAY`](super::history::DAY), with every distance as it was.

use std::collections::BTreeSet;
use std::thread::{scope, sleep};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use wattledger::evidence::Store;
use wattledger::sources::kubernetes::Entry;

use super::bench::{Bench, Seen};
use super::history::{API, Cluster, DAY, MINUTE, Pod, Story, WEB, by_seed};
use super::kubernetes::{FIRST_S, demand_workload, lives};
use crate::kubernetes::api_server::ApiServer;
use crate::kubernetes::recording::{Follower, counts, has_lost, has_seen};
use crate::kubernetes::{JOBS, NODES, PODS, job, object, pod};
use crate::prometheus::Setup;

const OUTAGE: Duration = Duration::from_secs(3);
/// Runs of a CronJob whose pods have meters.
const RUNS: [i64; 7] = [1, 2, 3, 4, 5, 6, 8];
/// One that comes and goes while nobody can see it; it has no meter.
const UNSEEN: i64 = 7;
/// A run lives from here to the last scrape.
const RUN_FROM: i64 = 300;
const RUN_TO: i64 = 361;
const NODE_UID: &str = "uid-n1";

fn mj_a_minute(run: i64) -> i64 {
    10_000 * run
}

fn names(run: i64) -> (String, String, String) {
    (format!("run-{run}"), format!("run-{run}-x"), format!("uid-run-{run}"))
}

fn clusters() -> Vec<Cluster> {
    by_seed(|seed, name| {
        let (story, mut cluster) = (Story::six_hours(seed), Cluster::new(name));
        cluster.node_energy("n1", &story.node_samples());
        cluster.pod_energy(&API, story.api_samples());
        cluster.pod_energy(&WEB, story.web_samples());
        cluster.truth = story.truth();
        for run in RUNS {
            let (job, name, uid) = names(run);
            let pod = Pod { node: "n1", namespace: "batch", name: &name, uid: &uid, owner: ("Job", &job) };
            lives(&mut cluster, &pod, RUN_FROM..RUN_TO, mj_a_minute(run));
        }
        cluster
    })
}

fn text(seconds: i64) -> String {
    DateTime::from_timestamp(seconds, 0).unwrap().format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn comes(server: &ApiServer, run: i64) {
    let ((name, pod_name, uid), created) = (names(run), text(FIRST_S + RUN_FROM * MINUTE - 30));
    server.apply(JOBS, job("batch", &name, &format!("job-{run}"), &created, "CronJob/nightly"));
    server.apply(PODS, pod("batch", &pod_name, &uid, &created, &format!("Job/{name}")));
}

fn goes(server: &ApiServer, run: i64) {
    server.delete(PODS, &names(run).2);
    server.delete(JOBS, &format!("job-{run}"));
}

/// The node and the pods that stay.
fn server_with_pods() -> ApiServer {
    let server = ApiServer::start();
    let before = text(FIRST_S);
    server.apply(NODES, object("", "n1", NODE_UID, &before, ""));
    for (of, created) in [(API, before.clone()), (WEB, text(FIRST_S + 30 * MINUTE + 30))] {
        server.apply(PODS, pod(of.namespace, of.name, of.uid, &created, &format!("{}/{}", of.owner.0, of.owner.1)));
    }
    server
}

fn bench_with(server: &ApiServer) -> Bench {
    let mut bench = Bench::of(&clusters());
    bench.cluster_lines = format!("kubernetes = {{ kubeconfig = {:?} }}\n", server.kubeconfig());
    bench
}

pub fn forbidden_jobs() -> Seen {
    let server = server_with_pods();
    server.forbid(JOBS, "list");
    let bench = bench_with(&server);
    let metered = bench.server(&Setup::default());
    let mut seen = bench.observe("it", &metered.url());
    let again = bench.collect(&bench.config("it", &metered.url()));
    seen.demand(again.exit == 3, format!("collect ended with {}", again.exit));
    for cluster in bench.clusters() {
        let words = format!("incomplete: collect {cluster} {DAY}: K8S_FORBIDDEN: batch/jobs list: ");
        seen.demand(again.stderr.contains(&words), format!("`{words}` is not said: {}", again.stderr.trim_end()));
    }
    seen.demand(again.stderr.contains("hint: bind the role of deploy/rbac.yaml"), "there is no hint");
    seen.demand(bench.evidence_of("it").is_empty(), "a day without its owners was stored");
    seen
}

#[derive(Clone, Copy, PartialEq)]
enum Trouble {
    None,
    Outage,
    Compaction,
}

/// Records through the trouble, then collects and reports the day; and what the recorder said.
fn recorded(trouble: Trouble) -> (Seen, String, Vec<String>) {
    let server = server_with_pods();
    (1..=5).for_each(|run| comes(&server, run));
    let bench = bench_with(&server);
    let metered = bench.server(&Setup::default());
    let config = bench.config("it", &metered.url());
    let mut follower = Follower::of(&config, &bench.evidence("it"), bench.clusters());
    let all_of = |uids: Vec<String>, is_so: fn(&str, &[Entry]) -> bool| move |entries: &[Entry]| uids.iter().all(|uid| is_so(uid, entries));
    let both = |runs: &[i64]| runs.iter().flat_map(|run| [names(*run).2, format!("job-{run}")]).collect::<Vec<_>>();
    let seen: fn(&str, &[Entry]) -> bool = |uid, entries| has_seen(uid)(entries);
    let gone: fn(&str, &[Entry]) -> bool = |uid, entries| has_lost(uid)(entries);
    follower.wait_for("the list", all_of(both(&[1, 2, 3, 4, 5]), seen));

    // What is listed is watched a moment later.
    sleep(Duration::from_millis(300));
    server.set_down(trouble != Trouble::None);
    if trouble == Trouble::Outage {
        sleep(OUTAGE);
    }
    comes(&server, 6);
    goes(&server, 2);
    if trouble == Trouble::Compaction {
        comes(&server, UNSEEN);
        goes(&server, UNSEEN);
        server.compact();
    }
    server.set_down(false);
    follower.wait_for("what came", all_of(both(&[6]), seen));
    follower.wait_for("what went", all_of(both(&[2]), gone));
    comes(&server, 8);
    follower.wait_for("what comes later", all_of(both(&[8]), seen));
    RUNS.iter().filter(|run| **run != 2).for_each(|run| goes(&server, *run));
    [API.uid, WEB.uid].iter().for_each(|uid| server.delete(PODS, uid));
    server.delete(NODES, NODE_UID);
    follower.wait_for("what goes later", all_of([both(&RUNS), [API.uid, WEB.uid, NODE_UID].map(str::to_owned).to_vec()].concat(), gone));
    let (exit, said) = follower.end(libc::SIGTERM);

    let store = Store::new(bench.evidence("it"));
    let mut complaints = Vec::new();
    for cluster in bench.clusters() {
        let entries = follower.entries_of(cluster);
        complaints.extend(miscounted(cluster, &entries));
        store.open_journal(cluster, DAY.parse().unwrap()).unwrap().append(&put_to_the_day(entries)).unwrap();
    }
    let mut seen = bench.observe("it", &metered.url());
    seen.demand(exit == Some(0), format!("the recorder ended with {exit:?}: {said}"));
    seen.complaints.extend(complaints);
    let whole: i64 = RUNS.iter().map(|run| mj_a_minute(*run) * (RUN_TO - RUN_FROM)).sum();
    demand_workload(&mut seen, "CronJob/nightly", whole);
    seen.demand_failing("UNKNOWN_OWNER", 0);
    demand_runs(&mut seen);
    (seen, said, server.requests())
}

/// Everything is written once when it comes and once when it goes.
fn miscounted(cluster: &str, entries: &[Entry]) -> Vec<String> {
    let counts = counts(entries);
    let runs = RUNS.iter().flat_map(|run| [names(*run).2, format!("job-{run}")]);
    let expected: BTreeSet<String> = runs.chain([NODE_UID, API.uid, WEB.uid].map(str::to_owned)).collect();
    let odd = counts.keys().filter(|uid| !expected.contains(**uid)).map(|uid| format!("{cluster}: {uid} is in the journal"));
    let wrong = expected.iter().filter(|uid| counts.get(uid.as_str()) != Some(&(1, 1)));
    odd.chain(wrong.map(|uid| format!("{cluster}: {uid} came and went {:?} times", counts.get(uid.as_str())))).collect()
}

fn put_to_the_day(mut entries: Vec<Entry>) -> Vec<Entry> {
    fn at(entry: &mut Entry) -> &mut DateTime<Utc> {
        match entry {
            Entry::Started { at } | Entry::Seen { at, .. } | Entry::Gone { at, .. } | Entry::Watching { at, .. } => at,
        }
    }
    let began: DateTime<Utc> = *at(&mut entries[0]);
    let shift: TimeDelta = DateTime::from_timestamp(FIRST_S + (RUN_TO - 1) * MINUTE - 30, 0).unwrap() - began;
    entries.iter_mut().for_each(|entry| *at(entry) += shift);
    entries
}

fn demand_runs(seen: &mut Seen) {
    let Some(report) = &seen.report else { return };
    let mut found: Vec<i64> = report["job_runs"].as_array().unwrap().iter().map(|run| run["active_mj"].as_i64().unwrap()).collect();
    found.sort_unstable();
    let truth: Vec<i64> = RUNS.iter().flat_map(|run| [mj_a_minute(*run) * (RUN_TO - RUN_FROM); 3]).collect();
    seen.demand(found == truth, format!("the runs have {found:?} mJ, in truth {truth:?}"));
}

pub fn compacted_server() -> Seen {
    let (mut seen, _, requests) = recorded(Trouble::Compaction);
    let lists = requests.iter().filter(|request| request.contains(PODS) && !request.contains("watch=")).count();
    // Three recorders list at first and after the compaction; three collections list once.
    seen.demand(lists == 9, format!("pods were listed {lists} times"));
    seen
}

pub fn server_that_was_away() -> Seen {
    let ((mut seen, said, requests), (without, ..)) = scope(|scope| {
        let without = scope.spawn(|| recorded(Trouble::None));
        (recorded(Trouble::Outage), without.join().unwrap())
    });
    seen.complaints.extend(without.complaints.iter().cloned());
    seen.is_as_without_fault = seen.without_sources().is_some() && seen.without_sources() == without.without_sources();
    let again = said.matches("pods: watching again").count();
    seen.was_retried = said.matches("pods: K8S_UNREACHABLE").count() == 3 && again == 3;
    let lists = requests.iter().filter(|request| request.contains(PODS) && !request.contains("watch=")).count();
    seen.demand(lists == 6, format!("pods were listed {lists} times; the watches were to go on from where they were"));
    seen
}
