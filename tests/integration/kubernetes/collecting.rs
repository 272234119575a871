//! `collect` as a user runs it, with a real Prometheus that has no kube-state-metrics, and an API server beside it.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use wattledger::evidence::{DayManifest, Store};
use wattledger::model::Severity;
use wattledger::model::tables::Table;
use wattledger::sources::kubernetes::Entry;
use wattledger::units::UtcDay;

use super::api_server::ApiServer;
use super::*;
use crate::prometheus::{self, Prometheus};
use crate::sample;

const CREATED: &str = "2026-10-05T01:00:00Z";

fn day() -> UtcDay {
    "2026-10-05".parse().unwrap()
}

/// A day of Kepler: one node, two pods from one o'clock to two.
fn meters() -> String {
    let start = day().start().timestamp();
    let mut text = "# TYPE kepler_node_cpu_joules counter\n".to_owned();
    for minute in -5..24 * 60 + 5 {
        let at = start + minute * 60;
        writeln!(
            text,
            "kepler_node_cpu_joules_total{{instance=\"k\",node_name=\"n1\",path=\"/p\",zone=\"package\"}} {} {at}",
            (minute + 5) * 3_600
        )
        .unwrap();
    }
    text.push_str("# TYPE kepler_pod_cpu_joules counter\n");
    for (pod, uid) in [("gone-x", "u1"), ("there-x", "u2")] {
        for minute in 60..=120 {
            let labels = format!("pod_id=\"{uid}\",pod_name=\"{pod}\",pod_namespace=\"etl\",state=\"running\",zone=\"package\"");
            let (joules, at) = ((minute - 60) * 600, start + minute * 60);
            writeln!(text, "kepler_pod_cpu_joules_total{{instance=\"k\",node_name=\"n1\",{labels}}} {joules} {at}").unwrap();
        }
    }
    text + "# EOF\n"
}

/// An evidence folder of its own, with the configuration beside it.
struct Collection {
    folder: TempDir,
    config: PathBuf,
}

impl Collection {
    fn of(prometheus: &Prometheus, kubernetes: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let config = folder.path().join("wattledger.toml");
        let text = format!(
            "[organisation]\nname = \"x\"\ntime_zone = \"UTC\"\n[[cluster]]\nname = \"prod-nl\"\nboundary = \"owned\"\ngrid_zone = \"NL\"\npue = 1.0\n\
             prometheus = {{ url = \"{}\" }}\n{kubernetes}\n",
            prometheus.url()
        );
        fs::write(&config, text).unwrap();
        Self { folder, config }
    }

    fn with(prometheus: &Prometheus, server: &ApiServer) -> Self {
        Self::of(prometheus, &format!("kubernetes = {{ kubeconfig = {:?} }}", server.kubeconfig()))
    }

    fn store(&self) -> Store {
        Store::new(self.folder.path().join("evidence"))
    }

    /// What a recorder has written on the day: the Job that is gone now.
    fn record(&self) -> &Self {
        let entry = |event: &str, at: &str, object: Value| -> Entry {
            serde_json::from_value(json!({"event": event, "at": at, "object": object})).unwrap()
        };
        let owned_by = |kind: &str, name: &str| json!([{"kind": kind, "name": name, "is_controller": true}]);
        let job = json!({"kind": "Job", "uid": "job-1", "namespace": "etl", "name": "gone", "created": CREATED, "owners": owned_by("CronJob", "nightly"),
            "started": CREATED});
        let pod = json!({"kind": "Pod", "uid": "u1", "namespace": "etl", "name": "gone-x", "created": CREATED, "owners": owned_by("Job", "gone"),
            "node": "n1"});
        let mut journal = self.store().open_journal("prod-nl", day()).unwrap();
        let started: Entry = serde_json::from_value(json!({"event": "started", "at": "2026-10-05T00:30:00Z"})).unwrap();
        let seen = [entry("seen", CREATED, job.clone()), entry("seen", CREATED, pod.clone())];
        let gone = [entry("gone", "2026-10-05T02:00:30Z", pod), entry("gone", "2026-10-05T02:00:31Z", job)];
        journal.append(&[started]).unwrap();
        journal.append(&seen).unwrap();
        journal.append(&gone).unwrap();
        self
    }

    fn journal(&self) -> PathBuf {
        self.folder.path().join("evidence/recorder/prod-nl/2026-10-05.jsonl")
    }

    /// The exit code and stderr.
    fn run(&self) -> (Option<i32>, String) {
        let output = sample::wattledger(&["collect", "--from", "2026-10-05", "--to", "2026-10-06"], &self.config);
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    }

    fn day(&self) -> Option<DayManifest> {
        self.store().day("prod-nl", day()).unwrap()
    }

    fn column(&self, table: Table, column: &str) -> Vec<String> {
        let frame = self.store().read_table(&self.day().unwrap(), table).unwrap();
        frame.column(column).unwrap().str().unwrap().iter().map(|text| text.unwrap_or("null").to_owned()).collect()
    }

    fn bytes(&self) -> Vec<(String, Vec<u8>)> {
        let folder = self.folder.path().join("evidence/prod-nl/2026-10-05");
        let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
        files.sort();
        files.iter().map(|path| (path.file_name().unwrap().display().to_string(), fs::read(path).unwrap())).collect()
    }
}

fn codes(manifest: &DayManifest) -> Vec<(&str, Severity)> {
    manifest.findings.iter().map(|finding| (finding.code.as_str(), finding.severity)).collect()
}

fn served() -> Option<(Prometheus, ApiServer)> {
    if !prometheus::is_installed() {
        return None;
    }
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("day.txt"), meters()).unwrap();
    let server = ApiServer::start();
    let mut there = job("etl", "there", "job-2", CREATED, "CronJob/nightly");
    there["metadata"]["annotations"] = json!({"wattledger.io/baseline-start": "2026-10-05T00:00:00Z"});
    server.apply(JOBS, there);
    server.apply(PODS, pod("etl", "there-x", "u2", CREATED, "Job/there"));
    Some((Prometheus::serving(folder.path()), server))
}

#[test]
fn f41_a_day_knows_owners_from_the_list_and_from_the_recorder() {
    let Some((prometheus, server)) = served() else { return };
    let without = Collection::of(&prometheus, "");
    let (code, said) = without.run();
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(without.column(Table::Pods, "workload"), ["Pod/gone-x", "Pod/there-x"]);

    let with = Collection::with(&prometheus, &server);
    let (code, said) = with.record().run();
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(with.column(Table::Pods, "workload"), ["CronJob/nightly"; 2]);
    assert_eq!(with.column(Table::Jobs, "uid"), ["job-1", "job-2"]);
    assert_eq!(with.column(Table::Jobs, "baseline_start"), ["null", "2026-10-05T00:00:00Z"]);
    assert!(codes(&with.day().unwrap()).iter().all(|(code, _)| *code != "UNKNOWN_OWNER"), "{:?}", codes(&with.day().unwrap()));

    // Collected at another time, the same facts are the same bytes.
    let again = Collection::with(&prometheus, &server);
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    assert_eq!(again.record().run().0, Some(0));
    assert!(with.bytes() == again.bytes(), "two collections of one day differ");
}

/// With time: the recorder saw a label change, and the list alone would say that it always was what it is now.
#[test]
fn labels_of_namespaces_are_in_the_evidence_where_the_api_tells_them() {
    let Some((prometheus, server)) = served() else { return };
    let without = Collection::of(&prometheus, "");
    assert_eq!(without.run().0, Some(0));
    assert!(without.day().unwrap().files.iter().all(|file| file.path != "namespaces.parquet"), "nobody said anything of namespaces");

    for (name, uid, centre) in [("etl", "ns-1", "4711"), ("web", "ns-2", "")] {
        let mut namespace = object("", name, uid, CREATED, "");
        namespace["metadata"]["labels"] = json!({"example.com/cost-centre": centre, "kubernetes.io/metadata.name": name});
        server.apply(NAMESPACES, namespace);
    }
    let with = Collection::with(&prometheus, &server);
    let (code, said) = with.run();
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(with.column(Table::Namespaces, "namespace"), ["etl", "web"]);
    let labels = [r#"{"example_com_cost_centre":"4711","kubernetes_io_metadata_name":"etl"}"#, r#"{"kubernetes_io_metadata_name":"web"}"#];
    assert_eq!(with.column(Table::Namespaces, "labels"), labels);

    server.forbid(NAMESPACES, "list");
    let forbidden = Collection::with(&prometheus, &server);
    let (code, said) = forbidden.run();
    assert!(code == Some(3) && said.contains("K8S_FORBIDDEN: namespaces list: "), "{said}");
}

#[test]
fn f45_a_day_whose_jobs_may_not_be_listed_is_refused_by_name() {
    let Some((prometheus, server)) = served() else { return };
    server.forbid(JOBS, "list");
    let collection = Collection::with(&prometheus, &server);
    let (code, said) = collection.record().run();
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("incomplete: collect prod-nl 2026-10-05: K8S_FORBIDDEN: batch/jobs list: "), "{said}");
    assert!(said.contains("hint: bind the role of deploy/rbac.yaml"), "{said}");
    assert_eq!(collection.day(), None);
}

#[test]
fn f47_without_the_api_a_day_goes_on_with_what_else_tells_of_pods() {
    let Some((prometheus, server)) = served() else { return };
    server.set_down(true);
    let nothing_else = Collection::with(&prometheus, &server);
    let (code, said) = nothing_else.run();
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("2026-10-05: K8S_UNREACHABLE: "), "{said}");
    assert_eq!(nothing_else.day(), None, "it is better collected again");

    let recorded = Collection::with(&prometheus, &server);
    let (code, said) = recorded.record().run();
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(recorded.column(Table::Pods, "workload"), ["CronJob/nightly", "Pod/there-x"]);
    let manifest = recorded.day().unwrap();
    assert!(codes(&manifest).contains(&("K8S_UNREACHABLE", Severity::Disclosed)), "{:?}", codes(&manifest));
    assert!(codes(&manifest).contains(&("UNKNOWN_OWNER", Severity::Disclosed)), "{:?}", codes(&manifest));
}

#[test]
fn a_journal_that_a_crash_cut_is_used_and_said_and_a_broken_one_is_named() {
    let Some((prometheus, server)) = served() else { return };
    let cut = Collection::with(&prometheus, &server);
    cut.record();
    append(&cut.journal(), "{\"event\":\"gone\",\"at\":\"2026-10-05T0");
    let (code, said) = cut.run();
    assert_eq!(code, Some(0), "{said}");
    assert!(codes(&cut.day().unwrap()).contains(&("RECORDER_CUT", Severity::Disclosed)));
    assert_eq!(cut.column(Table::Pods, "workload"), ["CronJob/nightly"; 2]);

    let broken = Collection::with(&prometheus, &server);
    broken.record();
    append(&broken.journal(), "{\"event\":\"gone\"}\n{\"event\":\"started\",\"at\":\"2026-10-05T03:00:00Z\"}\n");
    let (code, said) = broken.run();
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("recorder/prod-nl/2026-10-05.jsonl line 6 is not an entry of a recorder"), "{said}");
    assert_eq!(broken.day(), None);
}

fn append(path: &Path, text: &str) {
    let before = fs::read_to_string(path).unwrap();
    fs::write(path, before + text).unwrap();
}
