//! `label`: what it writes on nodes, and what it leaves alone, against a stand-in API server that knows whose field is whose.

use std::fs;
use std::path::PathBuf;
use std::process::Output;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use wattledger::cli::label::{FIELD_MANAGER, LABEL, Labeller, Pace, run_until};
use wattledger::config::Config;
use wattledger::evidence::Store;
use wattledger::model::IntensitySeries;
use wattledger::outlook::{Ask, Outlook};
use wattledger::sources::kubernetes::{Leadership, LeaseTimes, NodeLabels};

use crate::kubernetes::api_server::{ApiServer, LEASES, TOKEN};
use crate::kubernetes::{NODES, access, object, runtime};
use crate::sample;

const CREATED: &str = "2026-10-01T08:00:00Z";
/// Where the site label puts a node into another grid.
const SITE: &str = "wattledger.io/site";

/// An API server, evidence and a configuration: a cluster in NL with a pool in FR.
pub struct Grid {
    pub server: ApiServer,
    folder: TempDir,
}

impl Grid {
    pub fn new() -> Self {
        let grid = Self { server: ApiServer::start(), folder: TempDir::new().unwrap() };
        let text = format!(
            "[organisation]\nname = \"x\"\ntime_zone = \"UTC\"\n[[cluster]]\nname = \"prod-nl\"\nboundary = \"owned\"\ngrid_zone = \"NL\"\npue = 1.0\n\
             kubernetes = {{ kubeconfig = {:?} }}\n[[cluster.pool]]\nselector = {{ \"{SITE}\" = \"par1\" }}\ngrid_zone = \"FR\"\n",
            grid.server.kubeconfig()
        );
        fs::write(grid.config(), text).unwrap();
        grid
    }

    pub fn config(&self) -> PathBuf {
        self.folder.path().join("wattledger.toml")
    }

    fn store(&self) -> Store {
        Store::new(self.folder.path().join("evidence"))
    }

    /// From now on a zone has this intensity: a later edition of the hours around now.
    pub fn says(&self, zone: &str, value: f64) {
        self.said_at(zone, value, Utc::now());
    }

    /// The same of the hours around another time.
    fn said_at(&self, zone: &str, value: f64, time: DateTime<Utc>) {
        let editions = self.store().intensity(zone).unwrap().len() as i64;
        let hour_s = time.timestamp().div_euclid(3_600) * 3_600;
        let starts: Vec<i64> = (-1..2).map(|hour| hour_s + hour * 3_600).collect();
        let series = IntensitySeries {
            zone: zone.to_owned(),
            provider: "files".to_owned(),
            edition: format!("edition {editions:04}"),
            retrieved_s: Some(1_000 + editions),
            end_s: starts.iter().map(|start| start + 3_600).collect(),
            direct_gco2e_per_kwh: vec![Some(value); starts.len()],
            lifecycle_gco2e_per_kwh: vec![None; starts.len()],
            is_estimated: vec![false; starts.len()],
            estimation_method: vec![String::new(); starts.len()],
            start_s: starts,
            ..IntensitySeries::default()
        };
        self.store().write_intensity(&series).unwrap();
    }

    pub fn node(&self, name: &str, labels: &[(&str, &str)]) {
        let mut node = object("", name, &format!("uid-of-{name}"), CREATED, "");
        node["metadata"]["labels"] =
            labels.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect::<serde_json::Map<_, _>>().into();
        node["metadata"]["labels"]["kubernetes.io/hostname"] = json!(name);
        self.server.apply(NODES, node);
    }

    pub fn labels(&self, name: &str) -> Value {
        self.server.object(NODES, name).unwrap()["metadata"]["labels"].clone()
    }

    pub fn level(&self, name: &str) -> String {
        self.labels(name)[LABEL].as_str().unwrap_or("none").to_owned()
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        sample::wattledger(&[&["label"], arguments].concat(), &self.config())
    }

    pub fn once(&self) -> String {
        let output = sample::wattledger_ok(&["label", "--once"], &self.config());
        String::from_utf8(output.stderr).unwrap()
    }

    /// A labeller that looks as often as it is told to.
    fn labeller(&self, connection: NodeLabels, every: Duration) -> Labeller {
        let config = Config::load(&self.config()).unwrap();
        let outlook = Arc::new(Outlook::new(&config, self.store(), Ask::Nobody, &[]));
        let mut policy = config.label;
        policy.every = every;
        Labeller::new(connection, config.clusters[0].clone(), outlook, policy)
    }

    /// Waits until it is so; the message says what for.
    fn wait_for(&self, what: &str, is_so: impl Fn() -> bool) {
        let began = Instant::now();
        while !is_so() {
            assert!(began.elapsed() < Duration::from_secs(50), "{what}: {:?}", self.server.patches());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// A controller in this process; it ends when it is told to, or is dropped.
struct Controller {
    stop: tokio::sync::watch::Sender<bool>,
    running: JoinHandle<anyhow::Result<()>>,
}

const PACE: Pace = Pace { settle: Duration::from_millis(50), retry: Duration::from_millis(200) };

async fn controller(grid: &Grid, every: Duration, lease: Option<(&str, LeaseTimes)>) -> Controller {
    let connection = NodeLabels::connect(&access(&grid.server.kubeconfig()), FIELD_MANAGER).await.unwrap();
    let labeller = grid.labeller(connection, every);
    let leadership = lease.map(|(name, times)| Leadership::run_for(&labeller.labels, "wattledger-label", name.to_owned(), times));
    let watch = labeller.labels.watch();
    let (stop, stopped) = tokio::sync::watch::channel(false);
    Controller { stop, running: tokio::spawn(run_until(labeller, watch, leadership, PACE, stopped)) }
}

impl Controller {
    async fn end(self) {
        self.stop.send(true).unwrap();
        self.running.await.unwrap().unwrap();
    }
}

#[test]
fn a_node_is_labelled_by_its_grid_and_nothing_else_of_it_is_touched() {
    let grid = Grid::new();
    grid.says("NL", 310.0);
    grid.says("FR", 42.0);
    grid.node("nl-1", &[("team", "ml"), ("carbon-zone.example.org/x", "y")]);
    grid.node("fr-1", &[(SITE, "par1")]);
    let dry = grid.run(&["--dry-run"]);
    let text = String::from_utf8(dry.stdout).unwrap();
    assert_eq!(
        text,
        "zone FR: low: 42.0 g/kWh\nzone NL: high: 310.0 g/kWh\nnode fr-1: carbon-zone=low (now none)\nnode nl-1: carbon-zone=high (now none)\n\
         2 of 2 nodes would be labelled anew\n"
    );
    assert!(grid.server.patches().is_empty(), "a dry run writes nothing");

    let before = (grid.labels("nl-1"), grid.labels("fr-1"));
    let said = grid.once();
    assert!(said.contains("NL: carbon-zone=high: 310.0 g/kWh") && said.contains("labelled 2 of 2 nodes anew"), "{said}");
    for (name, before, level) in [("nl-1", before.0, "high"), ("fr-1", before.1, "low")] {
        let mut expected = before;
        expected[LABEL] = json!(level);
        assert_eq!(grid.labels(name), expected, "{name}");
    }
    assert_eq!(grid.server.patches().iter().map(|(_, labels)| labels.as_object().unwrap().len()).collect::<Vec<_>>(), [1, 1]);
    assert!(!said.contains(TOKEN));
    // Up at once, down only well below, and gone where nobody knows.
    for (value, level) in
        [(299.0, "high"), (291.0, "high"), (289.0, "medium"), (150.0, "medium"), (141.0, "medium"), (139.0, "low"), (150.0, "medium")]
    {
        grid.says("NL", value);
        grid.once();
        assert_eq!(grid.level("nl-1"), level, "{value}");
    }
}

#[test]
fn an_intensity_that_is_too_old_is_no_level() {
    let grid = Grid::new();
    // The last hour that is known ended three hours ago.
    grid.said_at("NL", 40.0, Utc::now() - TimeDelta::hours(5));
    grid.node("nl-1", &[(LABEL, "low")]);
    let patched = grid.once();
    // The label was there before we came: it is somebody else's, and stays.
    assert!(patched.contains("noted: node nl-1: its label carbon-zone belongs to another field manager"), "{patched}");
    assert_eq!(grid.level("nl-1"), "low");
    grid.node("nl-2", &[]);
    grid.node("fr-1", &[(SITE, "par1")]);
    let said = grid.once();
    assert!(said.contains("NL: carbon-zone=unknown: CI_STALE: ") && said.contains("FR: carbon-zone=unknown: CI_GAP: "), "{said}");
    assert_eq!((grid.level("nl-2").as_str(), grid.level("fr-1").as_str()), ("unknown", "unknown"));
}

#[test]
fn what_is_forbidden_is_named_and_says_what_to_do() {
    let grid = Grid::new();
    grid.says("NL", 100.0);
    grid.node("nl-1", &[]);
    grid.server.forbid(NODES, "patch");
    let output = grid.run(&["--once"]);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr.contains("K8S_FORBIDDEN: nodes patch: ") && stderr.contains("hint: bind the role of deploy/label"), "{stderr}");
    grid.server.forbid(NODES, "list");
    let stderr = String::from_utf8_lossy(&grid.run(&["--once"]).stderr).into_owned();
    assert!(stderr.contains("error: label nodes: K8S_FORBIDDEN: nodes list: "), "{stderr}");
}

#[test]
fn a_controller_writes_once_a_change_and_labels_a_node_that_comes() {
    let grid = Grid::new();
    grid.says("NL", 100.0);
    (0..20).for_each(|i| grid.node(&format!("nl-{i}"), &[]));
    runtime().block_on(async {
        let running = controller(&grid, Duration::from_millis(100), None).await;
        grid.wait_for("all are labelled", || (0..20).all(|i| grid.level(&format!("nl-{i}")) == "low"));
        // Ten looks and heartbeats of all nodes later there was one write a node.
        for i in 0..20 {
            let mut node = grid.server.object(NODES, &format!("nl-{i}")).unwrap();
            node["metadata"]["annotations"] = json!({ "heartbeat": "1" });
            grid.server.apply(NODES, node);
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(grid.server.patches().len(), 20);
        grid.node("nl-20", &[]);
        grid.wait_for("the new one is labelled", || grid.level("nl-20") == "low");
        grid.says("NL", 200.0);
        grid.wait_for("all are labelled anew", || (0..=20).all(|i| grid.level(&format!("nl-{i}")) == "medium"));
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert_eq!(grid.server.patches().len(), 42);
        running.end().await;
    });
}

/// F46, F47: the watch goes on after an outage, and from anew where the server has forgotten.
#[test]
fn f46_and_f47_a_watch_of_nodes_goes_on_after_an_outage_and_a_compaction() {
    let grid = Grid::new();
    grid.says("NL", 100.0);
    grid.node("nl-0", &[]);
    runtime().block_on(async {
        let running = controller(&grid, Duration::from_secs(3_600), None).await;
        grid.wait_for("the first is labelled", || grid.level("nl-0") == "low");
        grid.server.set_down(true);
        grid.node("nl-1", &[]);
        tokio::time::sleep(Duration::from_secs(2)).await;
        grid.server.set_down(false);
        grid.wait_for("what came in the outage is labelled", || grid.level("nl-1") == "low");
        grid.server.set_down(true);
        grid.node("nl-2", &[]);
        grid.server.compact();
        grid.server.set_down(false);
        grid.wait_for("what came before the compaction is labelled", || grid.level("nl-2") == "low");
        assert_eq!(grid.server.patches().len(), 3, "nothing was written twice");
        running.end().await;
    });
}

#[test]
fn of_two_controllers_the_holder_of_the_lease_writes_and_the_other_takes_over() {
    let grid = Grid::new();
    grid.says("NL", 100.0);
    (0..5).for_each(|i| grid.node(&format!("nl-{i}"), &[]));
    let times =
        LeaseTimes { duration: Duration::from_secs(2), renew_within: Duration::from_millis(1_200), look_every: Duration::from_millis(150) };
    let holder =
        || grid.server.object(LEASES, "wattledger-label").map(|lease| lease["spec"]["holderIdentity"].as_str().unwrap_or("").to_owned());
    let all = |level: &str| (0..5).all(|i| grid.level(&format!("nl-{i}")) == level);
    runtime().block_on(async {
        let first = controller(&grid, Duration::from_millis(200), Some(("first", times))).await;
        grid.wait_for("the first leads", || holder().as_deref() == Some("first"));
        let second = controller(&grid, Duration::from_millis(200), Some(("second", times))).await;
        grid.wait_for("all are labelled", || all("low"));
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!((grid.server.patches().len(), holder().as_deref()), (5, Some("first")));
        // Its process dies: nothing is given back, and the lease runs out.
        first.running.abort();
        let died = Instant::now();
        grid.says("NL", 200.0);
        grid.wait_for("the second has taken over", || all("medium"));
        assert!(died.elapsed() >= Duration::from_secs(1), "it did not wait for the lease: {:?}", died.elapsed());
        let lease = grid.server.object(LEASES, "wattledger-label").unwrap();
        assert_eq!((&lease["spec"]["holderIdentity"], &lease["spec"]["leaseTransitions"]), (&json!("second"), &json!(1)));
        assert_eq!(grid.server.patches().len(), 10);
        // One that ends in order gives it back.
        second.end().await;
        assert_eq!(holder().as_deref(), Some(""));
    });
}

#[test]
fn a_leader_that_cannot_renew_stops_before_another_may_begin() {
    let grid = Grid::new();
    grid.says("NL", 100.0);
    grid.node("nl-0", &[]);
    let times =
        LeaseTimes { duration: Duration::from_secs(2), renew_within: Duration::from_millis(600), look_every: Duration::from_millis(100) };
    runtime().block_on(async {
        let labels = NodeLabels::connect(&access(&grid.server.kubeconfig()), FIELD_MANAGER).await.unwrap();
        let leadership = Leadership::run_for(&labels, "wattledger-label", "only".to_owned(), times);
        grid.wait_for("it leads", || leadership.is_leader());
        grid.server.forbid(LEASES, "update");
        tokio::time::sleep(Duration::from_millis(900)).await;
        assert!(!leadership.is_leader(), "it still leads without a lease");
    });
}

#[test]
fn five_thousand_nodes_are_labelled_once() {
    const COUNT: usize = 5_000;
    let grid = Grid::new();
    grid.says("NL", 100.0);
    (0..COUNT).for_each(|i| grid.node(&format!("nl-{i:04}"), &[("team", "ml"), ("topology.kubernetes.io/zone", "eu-1a")]));
    runtime().block_on(async {
        let connection = NodeLabels::connect(&access(&grid.server.kubeconfig()), FIELD_MANAGER).await.unwrap();
        let mut labeller = grid.labeller(connection, Duration::from_secs(900));
        labeller.outlook.refresh(Utc::now()).unwrap();
        let mut watch = labeller.labels.watch();
        watch.ready().await.unwrap();
        assert_eq!(watch.nodes().len(), COUNT);
        let began = Instant::now();
        let pass = labeller.pass(watch.nodes(), Utc::now(), || true).await;
        let took = began.elapsed();
        assert_eq!((pass.written, pass.failed.len(), grid.server.patches().len()), (COUNT, 0, COUNT));
        // At once again, while the watch is still telling of the writes: nothing is written twice.
        let again = labeller.pass(watch.nodes(), Utc::now(), || true).await;
        assert_eq!((again.written, again.plan.writes.len()), (0, 0));
        let _ = watch.next().await;
        grid.wait_for("the watch has told of all", || {
            watch.nodes().iter().all(|node| node.labels.get(LABEL).is_some_and(|level| level == "low"))
        });
        let began = Instant::now();
        let again = labeller.pass(watch.nodes(), Utc::now(), || true).await;
        assert_eq!((again.written, grid.server.patches().len()), (0, COUNT));
        eprintln!("{COUNT} nodes: labelled in {took:.1?}, looked at again in {:.0?}", began.elapsed());
    });
}

/// `label` in a process of its own; killed when it is dropped.
struct Process(std::process::Child);

impl Process {
    fn of(grid: &Grid, arguments: &[&str]) -> Self {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_wattledger"));
        let command = command.args(["label", "--config"]).arg(grid.config()).args(arguments).stderr(std::process::Stdio::piped());
        Self(command.spawn().unwrap())
    }

    /// The most memory that it ever had, in MiB.
    fn peak_mib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1_024
    }

    fn end(mut self) -> (Option<i32>, String) {
        let pid = libc::pid_t::try_from(self.0.id()).unwrap();
        // SAFETY: a signal to a child that has not been waited for.
        assert_eq!(unsafe { libc::kill(pid, libc::SIGTERM) }, 0);
        let code = self.0.wait().unwrap().code();
        let mut said = String::new();
        std::io::Read::read_to_string(&mut self.0.stderr.take().unwrap(), &mut said).unwrap();
        (code, said)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_program_labels_a_large_cluster_in_little_memory_and_gives_its_lease_back_when_it_is_told_to_end() {
    const COUNT: usize = 5_000;
    let grid = Grid::new();
    grid.says("NL", 310.0);
    grid.says("FR", 42.0);
    for i in 0..COUNT {
        let site = if i % 2 == 0 { "ams2" } else { "par1" };
        grid.node(&format!("n-{i:04}"), &[(SITE, site), ("team", "ml"), ("topology.kubernetes.io/zone", "eu-1a")]);
    }
    let began = Instant::now();
    let process = Process::of(&grid, &[]);
    grid.wait_for("all are labelled", || grid.server.patches().len() >= COUNT);
    let took = began.elapsed();
    std::thread::sleep(Duration::from_secs(7));
    let peak = process.peak_mib();
    let (code, said) = process.end();
    assert_eq!((code, grid.server.patches().len()), (Some(0), COUNT), "{said}");
    assert!((0..COUNT).all(|i| grid.level(&format!("n-{i:04}")) == if i % 2 == 0 { "high" } else { "low" }));
    assert!(said.contains("labelled 5000 of 5000 nodes anew") && said.contains("this process has the lease"), "{said}");
    assert_eq!(grid.server.object(LEASES, "wattledger-label").unwrap()["spec"].get("holderIdentity"), None, "the lease was given back");
    // As soon as all nodes are listed, and not when a pass is tried again.
    assert!(took < Duration::from_secs(25), "{took:?}");
    // The Deployment's limit is 256 MiB.
    assert!(peak < 128, "{peak} MiB");
    eprintln!("{COUNT} nodes: labelled {took:.1?} after the start, at most {peak} MiB");
}
