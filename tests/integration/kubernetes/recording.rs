//! The recorder as a user runs it, `collect --follow`, through what API servers do to watches.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use chrono::Utc;
use tempfile::TempDir;
use wattledger::evidence::Store;
use wattledger::sources::kubernetes::{Entry, History};
use wattledger::units::UtcDay;

use super::api_server::{ApiServer, TOKEN};
use super::*;

const CREATED: &str = "2026-10-01T08:00:00Z";

/// `collect --follow` in a process of its own; killed when it is dropped.
pub struct Follower {
    process: Child,
    store: Store,
    clusters: Vec<String>,
    /// Where nobody else keeps it.
    folder: Option<TempDir>,
}

fn config(folder: &Path, server: &ApiServer) -> PathBuf {
    let path = folder.join("wattledger.toml");
    let text = format!(
        "[organisation]\nname = \"x\"\ntime_zone = \"UTC\"\n[[cluster]]\nname = \"prod-nl\"\nboundary = \"owned\"\ngrid_zone = \"NL\"\npue = 1.0\n\
         kubernetes = {{ kubeconfig = {:?} }}\n",
        server.kubeconfig()
    );
    std::fs::write(&path, text).unwrap();
    path
}

impl Follower {
    fn start(server: &ApiServer) -> Self {
        Self::start_in(TempDir::new().unwrap(), server)
    }

    fn start_in(folder: TempDir, server: &ApiServer) -> Self {
        let mut follower = Self::of(&config(folder.path(), server), &folder.path().join("evidence"), &["prod-nl".to_owned()]);
        follower.folder = Some(folder);
        follower
    }

    /// Follows all clusters of a configuration, into its folder of evidence.
    pub fn of(config: &Path, evidence: &Path, clusters: &[String]) -> Self {
        let process = Command::new(env!("CARGO_BIN_EXE_wattledger"))
            .args(["collect", "--follow", "--config"])
            .arg(config)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Self { process, store: Store::new(evidence), clusters: clusters.to_vec(), folder: None }
    }

    fn entries(&self) -> Vec<Entry> {
        self.entries_of(&self.clusters[0])
    }

    /// Everything written so far, today and, around midnight, yesterday.
    pub fn entries_of(&self, cluster: &str) -> Vec<Entry> {
        let today = UtcDay::containing(Utc::now());
        let of_day = |day| self.store.read_journal::<Entry>(cluster, day).unwrap().map_or_else(Vec::new, |journal| journal.entries);
        [of_day(today.previous()), of_day(today)].concat()
    }

    /// Waits until it is written of every cluster.
    pub fn wait_for(&self, what: &str, is_there: impl Fn(&[Entry]) -> bool) {
        let began = Instant::now();
        while let Some(lacking) = self.clusters.iter().find(|cluster| !is_there(&self.entries_of(cluster))) {
            assert!(began.elapsed() < Duration::from_secs(50), "{what}: {:#?}", self.entries_of(lacking));
            sleep(Duration::from_millis(100));
        }
    }

    /// Asks it to end and gives back its exit code and what it said.
    pub fn end(&mut self, signal: i32) -> (Option<i32>, String) {
        let pid = libc::pid_t::try_from(self.process.id()).unwrap();
        // SAFETY: a signal to a child that has not been waited for.
        assert_eq!(unsafe { libc::kill(pid, signal) }, 0);
        let code = self.process.wait().unwrap().code();
        let mut said = String::new();
        self.process.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        (code, said)
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// How often each uid was seen and how often it went.
pub fn counts(entries: &[Entry]) -> BTreeMap<&str, (usize, usize)> {
    let mut counts = BTreeMap::new();
    for entry in entries {
        match entry {
            Entry::Seen { object, .. } => counts.entry(object.uid.as_str()).or_insert((0, 0)).0 += 1,
            Entry::Gone { object, .. } => counts.entry(object.uid.as_str()).or_insert((0, 0)).1 += 1,
            _ => {}
        }
    }
    counts
}

pub fn has_seen(uid: &str) -> impl Fn(&[Entry]) -> bool {
    move |entries| counts(entries).get(uid).is_some_and(|(seen, _)| *seen > 0)
}

pub fn has_lost(uid: &str) -> impl Fn(&[Entry]) -> bool {
    move |entries| counts(entries).get(uid).is_some_and(|(_, gone)| *gone > 0)
}

fn apply(server: &ApiServer, uid: &str) {
    server.apply(PODS, pod("etl", &format!("pod-{uid}"), uid, CREATED, "Job/j"));
}

#[test]
fn a_recorder_writes_what_happens_ends_whole_and_keeps_no_secret() {
    let server = ApiServer::start();
    apply(&server, "u1");
    let mut follower = Follower::start(&server);
    follower.wait_for("the list", has_seen("u1"));
    apply(&server, "u2");
    follower.wait_for("an event", has_seen("u2"));
    server.delete(PODS, "u1");
    follower.wait_for("an end", has_lost("u1"));
    let entries = follower.entries();
    assert!(matches!(entries[0], Entry::Started { .. }));
    assert_eq!(counts(&entries), BTreeMap::from([("u1", (1, 1)), ("u2", (1, 0))]));

    let (code, said) = follower.end(libc::SIGTERM);
    assert_eq!(code, Some(0), "{said}");
    for words in ["recording prod-nl into", "prod-nl: pods: 1 there", "prod-nl: batch/jobs: 0 there", "prod-nl: ended"] {
        assert!(said.contains(words), "{words}: {said}");
    }
    let journal = std::fs::read_dir(follower.folder.as_ref().unwrap().path().join("evidence/recorder/prod-nl"))
        .unwrap()
        .map(|file| file.unwrap().path());
    let journal: String = journal.map(|path| std::fs::read_to_string(path).unwrap()).collect();
    assert!(journal.ends_with("}\n") && journal.contains("\"event\":\"watching\""), "{journal}");
    for secret in [TOKEN, "hunter2", "last-applied", "image"] {
        assert!(!journal.contains(secret) && !said.contains(secret), "{secret}");
    }
}

#[test]
fn an_interrupt_ends_it_as_well_and_another_recorder_goes_on() {
    let server = ApiServer::start();
    apply(&server, "u1");
    let mut follower = Follower::start(&server);
    follower.wait_for("the list", has_seen("u1"));
    let (code, said) = follower.end(libc::SIGINT);
    assert_eq!(code, Some(0), "{said}");
    server.delete(PODS, "u1");
    apply(&server, "u2");
    let follower = Follower::start_in(follower.folder.take().unwrap(), &server);
    follower.wait_for("the list", has_seen("u2"));
    assert_eq!(follower.entries().iter().filter(|entry| matches!(entry, Entry::Started { .. })).count(), 2);
    // Nobody saw the first one going, and nobody claims to have.
    assert_eq!(counts(&follower.entries())["u1"], (1, 0));
}

#[test]
fn f46_a_compacted_server_is_listed_anew_with_nothing_twice_and_nothing_lost() {
    let server = ApiServer::start();
    server.set_page(2);
    for uid in ["u1", "u2", "u3", "u4", "u5"] {
        apply(&server, uid);
    }
    let follower = Follower::start(&server);
    follower.wait_for("the list", has_seen("u5"));
    // While the watch is cut, one comes, one goes, one does both, and the history is thrown away.
    server.set_down(true);
    apply(&server, "u6");
    server.delete(PODS, "u2");
    apply(&server, "u7");
    server.delete(PODS, "u7");
    server.compact();
    server.set_down(false);
    follower.wait_for("what came", has_seen("u6"));
    follower.wait_for("what went", has_lost("u2"));
    apply(&server, "u8");
    follower.wait_for("what comes later", has_seen("u8"));
    let entries = follower.entries();
    let expected = ["u1", "u3", "u4", "u5", "u6", "u8"].map(|uid| (uid, (1, 0)));
    assert_eq!(counts(&entries), BTreeMap::from_iter(expected.into_iter().chain([("u2", (1, 1))])));
    assert_eq!(History::of(entries).into_lives().len(), 7);
}

#[test]
fn f47_a_server_that_was_away_is_watched_again_from_where_it_was() {
    let server = ApiServer::start();
    apply(&server, "u1");
    let mut follower = Follower::start(&server);
    follower.wait_for("the list", has_seen("u1"));
    sleep(Duration::from_millis(300));
    server.set_down(true);
    // The pauses grow: half a second, one, two.
    sleep(Duration::from_secs(3));
    apply(&server, "u2");
    server.delete(PODS, "u2");
    server.set_down(false);
    follower.wait_for("what came and went meanwhile", has_lost("u2"));
    assert_eq!(counts(&follower.entries()), BTreeMap::from([("u1", (1, 0)), ("u2", (1, 1))]));
    // It went on from its version, and did not list again.
    let lists: Vec<String> =
        server.requests().into_iter().filter(|request| request.contains(PODS) && !request.contains("watch=")).collect();
    assert_eq!(lists.len(), 1, "{lists:?}");
    let (code, said) = follower.end(libc::SIGTERM);
    assert_eq!(code, Some(0));
    assert!(said.contains("K8S_UNREACHABLE") && said.contains("prod-nl: pods: watching again"), "{said}");
    assert_eq!(said.matches("pods: K8S_UNREACHABLE").count(), 1, "said once: {said}");
}

#[test]
fn connections_that_break_again_and_again_lose_and_repeat_nothing() {
    let server = ApiServer::start();
    let follower = Follower::start(&server);
    let uids: Vec<String> = (0..12).map(|i| format!("u{i:02}")).collect();
    for uid in &uids {
        apply(&server, uid);
        if uid.ends_with(['2', '5', '8']) {
            server.cut();
        }
        sleep(Duration::from_millis(50));
    }
    follower.wait_for("the last", has_seen("u11"));
    let entries = follower.entries();
    let counts = counts(&entries);
    assert_eq!(counts.keys().copied().collect::<BTreeSet<_>>(), uids.iter().map(String::as_str).collect());
    assert!(counts.values().all(|count| *count == (1, 0)), "{counts:?}");
}

#[test]
fn f45_a_recorder_that_may_not_watch_says_what_it_lacks() {
    for (verb, path, words) in [("watch", PODS, "K8S_FORBIDDEN: pods watch: "), ("list", JOBS, "K8S_FORBIDDEN: batch/jobs list: ")] {
        let server = ApiServer::start();
        server.forbid(path, verb);
        let folder = TempDir::new().unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_wattledger"))
            .args(["collect", "--follow", "--config"])
            .arg(config(folder.path(), &server))
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(words) && said.contains("hint: ") && said.contains("deploy/rbac.yaml"), "{said}");
    }
}
