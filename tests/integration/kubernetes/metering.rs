//! What the facts of a recorder and of a list are good for: the owner of every joule, when nobody can be asked any more.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use polars::prelude::{DataFrame, DataType};
use tokio::runtime::Runtime;
use wattledger::accounting::metering::{MeteredDay, meter_day};
use wattledger::model::{MeteringTerms, SampleTable, Series};
use wattledger::sources::kubernetes::{Entry, History, Kubernetes, Notice, Recorder, Watch, series_of_day};
use wattledger::units::UtcDay;

use super::api_server::ApiServer;
use super::*;

type Samples = Vec<(i64, f64)>;

fn day() -> UtcDay {
    "2026-10-05".parse().unwrap()
}

/// A minute of the day.
fn minute(minute: i64) -> DateTime<Utc> {
    day().start() + TimeDelta::minutes(minute)
}

fn text(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// `metric{a=b,c=d}`.
fn series(text: &str) -> Series {
    let (metric, labels) = text.trim_end_matches('}').split_once('{').unwrap();
    let pairs = labels.split(',').filter_map(|pair| pair.split_once('='));
    Series { metric: metric.to_owned(), labels: pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect() }
}

/// A node's meter at 60 W all day long.
fn node_meter() -> (Series, Samples) {
    let samples = (0..=24 * 60).map(|at| (minute(at).timestamp_millis(), (at * 3_600) as f64)).collect();
    (series("kepler_node_cpu_joules_total{instance=k1,node_name=n1,path=/package,zone=package}"), samples)
}

/// A pod's meter, born with it: so many joules a minute.
fn pod_meter(namespace: &str, name: &str, uid: &str, minutes: std::ops::RangeInclusive<i64>, joules: i64) -> (Series, Samples) {
    let labels = format!("instance=k1,node_name=n1,pod_id={uid},pod_name={name},pod_namespace={namespace},state=running,zone=package");
    let from = *minutes.start();
    let samples = minutes.map(|at| (minute(at).timestamp_millis(), ((at - from) * joules) as f64)).collect();
    (series(&format!("kepler_pod_cpu_joules_total{{{labels}}}")), samples)
}

fn meter(meters: &[(Series, Samples)], entries: &[Entry]) -> MeteredDay {
    let told = series_of_day(History::of(entries.to_vec()), day());
    meter_day(&SampleTable::from_series(meters.iter().cloned().chain(told)), day(), &MeteringTerms::of_step(900)).unwrap()
}

fn texts(frame: &DataFrame, column: &str) -> Vec<String> {
    frame.column(column).unwrap().str().unwrap().iter().map(|text| text.unwrap_or_default().to_owned()).collect()
}

fn integers(frame: &DataFrame, column: &str) -> Vec<i64> {
    frame.column(column).unwrap().cast(&DataType::Int64).unwrap().i64().unwrap().iter().map(Option::unwrap_or_default).collect()
}

/// Active energy by a column of the pods, in mJ.
fn energy_by(day: &MeteredDay, column: &str) -> BTreeMap<String, i64> {
    let names = texts(&day.pods, column);
    let mut energy = BTreeMap::new();
    for (pod, mj) in integers(&day.usage, "pod_id").into_iter().zip(integers(&day.usage, "active_mj")) {
        *energy.entry(names[usize::try_from(pod).unwrap()].clone()).or_insert(0) += mj;
    }
    energy
}

fn has_finding(day: &MeteredDay, code: &str) -> bool {
    day.findings.iter().any(|finding| finding.code == code)
}

/// A server, and a recorder that watches it by a clock of the story's own.
struct Story {
    runtime: Runtime,
    server: ApiServer,
    watch: Watch,
    recorder: Recorder,
    entries: Vec<Entry>,
}

impl Story {
    fn begin(at: DateTime<Utc>) -> Self {
        let (runtime, server) = (runtime(), ApiServer::start());
        let watch = runtime.block_on(async { Kubernetes::connect(&access(&server.kubeconfig())).await.unwrap().watch() });
        let entries = vec![Entry::Started { at }];
        let mut story = Self { runtime, server, watch, recorder: Recorder::default(), entries };
        for _ in 0..5 {
            story.wait_for(at, |notice| matches!(notice, Notice::Listed(_)));
        }
        story
    }

    /// Takes notices until the wanted one has come.
    fn wait_for(&mut self, at: DateTime<Utc>, is_wanted: impl Fn(&Notice) -> bool) {
        loop {
            let next = self.runtime.block_on(async { tokio::time::timeout(Duration::from_secs(20), self.watch.next()).await });
            let notice = next.expect("the server tells it in time").expect("the watch is on");
            let is_there = is_wanted(&notice);
            self.entries.extend(self.recorder.take(notice, at));
            if is_there {
                return;
            }
        }
    }

    fn apply(&mut self, at: DateTime<Utc>, path: &str, object: Value) {
        let uid = object["metadata"]["uid"].as_str().unwrap().to_owned();
        self.server.apply(path, object);
        self.wait_for(at, |notice| matches!(notice, Notice::Seen(object) if object.uid == uid));
    }

    fn delete(&mut self, at: DateTime<Utc>, path: &str, uid: &str) {
        self.server.delete(path, uid);
        self.wait_for(at, |notice| matches!(notice, Notice::Gone(object) if object.uid == uid));
    }

    /// What a list says on the next morning.
    fn listed_later(&self) -> Vec<Entry> {
        let at = minute(24 * 60 + 360);
        let listed = self.runtime.block_on(async { Kubernetes::connect(&access(&self.server.kubeconfig())).await.unwrap().list().await });
        listed.unwrap().into_iter().map(|object| Entry::Seen { at, object }).collect()
    }
}

#[test]
fn f41_a_pod_that_is_gone_before_collection_keeps_its_owner_by_the_recorder() {
    let mut story = Story::begin(minute(0));
    story.apply(minute(60), REPLICASETS, object("shop", "cart-1", "rs1", &text(minute(60)), "Deployment/cart"));
    story.apply(minute(60), PODS, pod("shop", "cart-1-x", "u1", &text(minute(60)), "ReplicaSet/cart-1"));
    story.delete(minute(120), PODS, "u1");
    story.delete(minute(121), REPLICASETS, "rs1");
    let meters = [node_meter(), pod_meter("shop", "cart-1-x", "u1", 60..=120, 600)];

    let listed = story.listed_later();
    assert!(listed.is_empty(), "the API no longer knows it");
    let without = meter(&meters, &listed);
    assert_eq!(energy_by(&without, "workload"), BTreeMap::from([("Pod/cart-1-x".to_owned(), 36_000_000)]), "energy is kept");
    assert!(has_finding(&without, "UNKNOWN_OWNER"));

    let with = meter(&meters, &[story.entries.clone(), listed].concat());
    assert_eq!(energy_by(&with, "workload"), BTreeMap::from([("Deployment/cart".to_owned(), 36_000_000)]));
    assert!(!has_finding(&with, "UNKNOWN_OWNER"));
    assert_eq!(integers(&with.pods, "cpu_request_milli"), [250]);
}

#[test]
fn f42_a_pod_that_is_made_anew_under_its_name_is_two_pods_of_one_workload() {
    let mut story = Story::begin(minute(0));
    story.apply(minute(10), PODS, pod("shop", "db-0", "u1", &text(minute(10)), "StatefulSet/db"));
    story.delete(minute(100), PODS, "u1");
    story.apply(minute(101), PODS, pod("shop", "db-0", "u2", &text(minute(101)), "StatefulSet/db"));
    let meters = [node_meter(), pod_meter("shop", "db-0", "u1", 10..=100, 100), pod_meter("shop", "db-0", "u2", 101..=201, 300)];

    let metered = meter(&meters, &[story.entries.clone(), story.listed_later()].concat());

    assert_eq!(texts(&metered.pods, "uid"), ["u1", "u2"]);
    assert_eq!(energy_by(&metered, "uid"), BTreeMap::from([("u1".to_owned(), 9_000_000), ("u2".to_owned(), 30_000_000)]));
    assert_eq!(energy_by(&metered, "workload"), BTreeMap::from([("StatefulSet/db".to_owned(), 39_000_000)]));
    assert!(!has_finding(&metered, "UNKNOWN_OWNER"));
}

#[test]
fn f43_sixty_jobs_of_which_three_are_left_all_belong_to_their_cronjob() {
    const JOBS_OF_DAY: i64 = 60;
    const HISTORY: i64 = 3;
    let mut story = Story::begin(minute(0));
    let mut cronjob = object("etl", "sync", "cron", "2026-09-01T00:00:00Z", "");
    cronjob["spec"] = json!({"schedule": "*/20 * * * *", "jobTemplate": {}});
    story.apply(minute(0), CRONJOBS, cronjob);
    let mut meters = vec![node_meter()];
    for i in 0..JOBS_OF_DAY {
        let (created, ended) = (minute(i * 20), minute(i * 20 + 10));
        let (name, uid) = (format!("sync-{i}"), format!("job-{i:02}"));
        let mut run = job("etl", &name, &uid, &text(created), "CronJob/sync");
        story.apply(created, JOBS, run.clone());
        story.apply(created, PODS, pod("etl", &format!("{name}-x"), &format!("pod-{i:02}"), &text(created), &format!("Job/{name}")));
        run["status"]["completionTime"] = json!(text(ended));
        story.apply(ended, JOBS, run);
        if i >= HISTORY {
            story.delete(ended, PODS, &format!("pod-{:02}", i - HISTORY));
            story.delete(ended, JOBS, &format!("job-{:02}", i - HISTORY));
        }
        meters.push(pod_meter("etl", &format!("{name}-x"), &format!("pod-{i:02}"), i * 20..=i * 20 + 10, 60 + i));
    }
    let listed = story.listed_later();
    assert_eq!(listed.len(), 2 * usize::try_from(HISTORY).unwrap() + 1, "the last jobs, their pods, the CronJob");
    let truth: i64 = (0..JOBS_OF_DAY).map(|i| (60 + i) * 10 * 1_000).sum();

    let without = meter(&meters, &listed);
    let named: i64 = energy_by(&without, "workload").get("CronJob/sync").copied().unwrap_or_default();
    assert!(named < truth && has_finding(&without, "UNKNOWN_OWNER"), "a list alone knows the last three");

    let with = meter(&meters, &[story.entries.clone(), listed].concat());
    assert_eq!(energy_by(&with, "workload"), BTreeMap::from([("CronJob/sync".to_owned(), truth)]));
    assert!(!has_finding(&with, "UNKNOWN_OWNER"));
    let mut uids = texts(&with.jobs, "uid");
    uids.sort();
    assert_eq!(uids, (0..JOBS_OF_DAY).map(|i| format!("job-{i:02}")).collect::<Vec<_>>());
    assert!(texts(&with.jobs, "workload").iter().all(|workload| workload == "CronJob/sync"));
    assert!(texts(&with.jobs, "schedule").iter().all(|schedule| schedule == "*/20 * * * *"));
    let lasted = integers(&with.jobs, "completed_ms").into_iter().zip(integers(&with.jobs, "started_ms"));
    assert!(lasted.into_iter().all(|(completed, started)| completed - started == 600_000));
    // Every pod is of the run of its own Job.
    let jobs = texts(&with.jobs, "job");
    for (pod, job) in texts(&with.pods, "pod").iter().zip(integers(&with.pods, "job_id")) {
        assert_eq!(*pod, format!("{}-x", jobs[usize::try_from(job).unwrap()]));
    }
}

#[test]
fn f48_a_namespace_that_is_deleted_stays_in_the_days_it_lived_in() {
    let mut story = Story::begin(minute(0));
    let pods = [("old", "a-0", "u1", "StatefulSet/a"), ("old", "b-0", "u2", "StatefulSet/b"), ("shop", "c-0", "u3", "StatefulSet/c")];
    let mut meters = vec![node_meter()];
    for (namespace, name, uid, owner) in pods {
        story.apply(minute(0), PODS, pod(namespace, name, uid, "2026-10-01T00:00:00Z", owner));
        meters.push(pod_meter(namespace, name, uid, 0..=600, 60));
    }
    for uid in ["u1", "u2"] {
        story.delete(minute(600), PODS, uid);
    }
    let entries = [story.entries.clone(), story.listed_later()].concat();

    let metered = meter(&meters, &entries);
    assert_eq!(energy_by(&metered, "namespace"), BTreeMap::from([("old".to_owned(), 72_000_000), ("shop".to_owned(), 36_000_000)]));
    assert!(!has_finding(&metered, "UNKNOWN_OWNER"));

    let next_day = series_of_day(History::of(entries), day().next());
    assert!(next_day.iter().any(|(series, _)| series.label("namespace") == "shop"));
    assert!(!next_day.iter().any(|(series, _)| series.label("namespace") == "old"), "it is not in the days behind its end");
}

/// What kube-state-metrics serves of an object, scraped every minute from then to then.
fn scraped(text: &str, minutes: std::ops::RangeInclusive<i64>, value: f64) -> (Series, Samples) {
    let with_target = text.replacen('{', "{instance=ksm:8080,job=ksm,", 1);
    (series(&with_target), minutes.map(|at| (minute(at).timestamp_millis(), value)).collect())
}

#[test]
fn what_the_api_and_kube_state_metrics_both_say_is_said_once() {
    let seconds = |at: i64| minute(at).timestamp() as f64;
    let ksm = |minutes: std::ops::RangeInclusive<i64>| {
        let all_day = 0..=24 * 60;
        let job = "namespace=etl,job_name=sync-1";
        let pod = "namespace=etl,pod=sync-1-x,uid=u1";
        vec![
            scraped("kube_node_info{node=n1,internal_ip=10.0.0.1}", all_day.clone(), 1.0),
            scraped("kube_node_labels{node=n1,label_wattledger_io_site=ams2}", all_day.clone(), 1.0),
            scraped(&format!("kube_pod_info{{{pod},node=n1,host_ip=10.0.0.1}}"), minutes.clone(), 1.0),
            scraped(&format!("kube_pod_owner{{{pod},owner_kind=Job,owner_name=sync-1,owner_is_controller=true}}"), minutes.clone(), 1.0),
            scraped(
                &format!("kube_pod_container_resource_requests{{{pod},container=main,node=n1,resource=cpu,unit=core}}"),
                minutes.clone(),
                0.25,
            ),
            scraped(&format!("kube_job_owner{{{job},owner_kind=CronJob,owner_name=sync,owner_is_controller=true}}"), minutes.clone(), 1.0),
            scraped(&format!("kube_job_created{{{job}}}"), minutes.clone(), seconds(60)),
            scraped(&format!("kube_job_status_start_time{{{job}}}"), minutes.clone(), seconds(60)),
            scraped(&format!("kube_job_status_completion_time{{{job}}}"), 70..=80, seconds(70)),
            scraped(&format!("kube_job_labels{{{job},label_deferrable=true}}"), minutes, 1.0),
            scraped("kube_cronjob_info{namespace=etl,cronjob=sync,schedule=0 * * * *,timezone=local}", all_day, 1.0),
        ]
    };
    let mut node = object("", "n1", "uid-n1", "2026-10-01T00:00:00Z", "");
    node["metadata"]["labels"] = json!({"wattledger.io/site": "ams2"});
    node["status"] = json!({"addresses": [{"type": "InternalIP", "address": "10.0.0.1"}]});
    let mut cronjob = object("etl", "sync", "cron", "2026-09-01T00:00:00Z", "");
    cronjob["spec"] = json!({"schedule": "0 * * * *", "jobTemplate": {}});
    let mut run = job("etl", "sync-1", "job-1", &text(minute(60)), "CronJob/sync");
    run["metadata"]["labels"] = json!({"deferrable": "true"});
    let created = text(minute(60));
    let mut story = Story::begin(minute(0));
    story.apply(minute(0), NODES, node);
    story.apply(minute(0), CRONJOBS, cronjob);
    story.apply(minute(60), JOBS, run.clone());
    story.apply(minute(60), PODS, pod("etl", "sync-1-x", "u1", &created, "Job/sync-1"));
    run["status"]["completionTime"] = json!(text(minute(70)));
    story.apply(minute(70), JOBS, run);
    story.delete(minute(80), PODS, "u1");
    story.delete(minute(80), JOBS, "job-1");
    let entries = [story.entries.clone(), story.listed_later()].concat();
    let meters = vec![node_meter(), pod_meter("etl", "sync-1-x", "u1", 60..=70, 600)];

    let of_both = meter(&[meters.clone(), ksm(60..=80)].concat(), &entries);
    let of_api = meter(&meters, &entries);
    let of_ksm = meter(&[meters.clone(), ksm(60..=80)].concat(), &[]);
    // A scrape that came late, or not at all for a while, changes nothing either.
    let of_late_scrapes = meter(&[meters, ksm(75..=78)].concat(), &entries);

    for (name, other) in [("the API alone", &of_api), ("late scrapes", &of_late_scrapes)] {
        for (table, one, other) in [
            ("nodes", &of_both.nodes, &other.nodes),
            ("pods", &of_both.pods, &other.pods),
            ("jobs", &of_both.jobs, &other.jobs),
            ("usage", &of_both.usage, &other.usage),
            ("node_steps", &of_both.node_steps, &other.node_steps),
        ] {
            assert!(one.equals_missing(other), "{name}: {table}: {one} {other}");
        }
    }
    assert_eq!(texts(&of_both.jobs, "uid"), ["job-1"]);
    // Only the API says here what a Job's uid is and when its first pod started.
    let without = |jobs: &DataFrame| jobs.drop_many(["uid", "pods_started_ms"]);
    assert!(without(&of_both.jobs).equals_missing(&without(&of_ksm.jobs)), "{} {}", of_both.jobs, of_ksm.jobs);
    assert!(of_both.pods.equals_missing(&of_ksm.pods), "{} {}", of_both.pods, of_ksm.pods);
    assert_eq!((of_both.jobs.height(), of_both.pods.height(), of_both.nodes.height()), (1, 1, 1));
}

#[test]
fn labels_that_kube_state_metrics_may_not_show_are_known_from_the_api() {
    let mut node = object("", "n1", "uid-n1", "2026-10-01T00:00:00Z", "");
    node["metadata"]["labels"] = json!({"wattledger.io/site": "ams2", "nodePool": "batch"});
    let mut story = Story::begin(minute(0));
    story.apply(minute(0), NODES, node);
    // Scraped beyond the day, as evidence keeps it.
    let ksm = scraped("kube_node_labels{node=n1,label_kubernetes_io_hostname=n1}", 0..=24 * 60 + 5, 1.0);

    let metered = meter(&[node_meter(), ksm], &[story.entries.clone(), story.listed_later()].concat());

    assert_eq!(texts(&metered.nodes, "labels"), [r#"{"node_pool":"batch","wattledger_io_site":"ams2"}"#]);
}

#[test]
fn two_jobs_of_one_name_and_one_second_are_told_apart_by_their_uids() {
    let mut story = Story::begin(minute(0));
    let created = text(minute(60));
    story.apply(minute(60), JOBS, job("etl", "once", "job-a", &created, ""));
    story.delete(minute(60), JOBS, "job-a");
    let mut second = job("etl", "once", "job-b", &created, "");
    second["status"]["completionTime"] = json!(text(minute(90)));
    second["metadata"]["annotations"] = json!({"wattledger.io/home-zone": "FR"});
    story.apply(minute(91), JOBS, second);

    let metered = meter(&[node_meter()], &story.entries);

    assert_eq!(texts(&metered.jobs, "uid"), ["job-a", "job-b"]);
    assert_eq!(texts(&metered.jobs, "home_zone"), ["", "FR"]);
    assert_eq!(integers(&metered.jobs, "completed_ms"), [0, minute(90).timestamp_millis()]);
}
