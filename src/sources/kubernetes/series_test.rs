//! The series that facts become.

use std::collections::BTreeMap;

use super::fixture::{at, controller, job, ms, object, pod, texts};
use super::history::{Entry, History};
use super::object::{Detail, Object, Suspension};
use super::series::{Samples, series_of_day};
use crate::units::UtcDay;

fn day() -> UtcDay {
    "2026-10-01".parse().unwrap()
}

/// Every series as `metric{labels}`, without the source, which all have.
fn texts_of(entries: Vec<Entry>) -> BTreeMap<String, Samples> {
    let series = series_of_day(History::of(entries), day());
    let text = |series: &crate::model::Series| {
        assert_eq!(series.label("source"), "kubernetes-api");
        let labels = series.labels.iter().filter(|(name, _)| *name != "source").map(|(name, value)| format!("{name}={value}"));
        format!("{}{{{}}}", series.metric, labels.collect::<Vec<_>>().join(","))
    };
    series.iter().map(|(series, samples)| (text(series), samples.clone())).collect()
}

fn seen(time: &str, object: &Object) -> Entry {
    Entry::Seen { at: at(time), object: object.clone() }
}

fn names(series: &BTreeMap<String, Samples>) -> Vec<&str> {
    series.keys().map(String::as_str).collect()
}

#[test]
fn a_pod_says_what_kube_state_metrics_would() {
    let cpu_request_cores = BTreeMap::from([("main".to_owned(), 0.25)]);
    let gpu_request_devices = BTreeMap::from([("main".to_owned(), BTreeMap::from([("nvidia.com/gpu".to_owned(), 2.0)]))]);
    let detail = Detail::Pod {
        node: "n1".to_owned(),
        started: Some(at("08:00:02")),
        ended: Some(at("09:00:00")),
        cpu_request_cores,
        gpu_request_devices,
    };
    let pod = Object {
        owners: controller("Job", "nightly-1"),
        labels: texts(&[("wattledger.io/deferrable", "true")]),
        annotations: texts(&[("wattledger.io/home-zone", "NL")]),
        ..object("u1", "a", "08:00:00", detail)
    };
    let series = texts_of(vec![seen("10:00:00", &pod)]);
    let key = "namespace=etl";
    assert_eq!(
        names(&series),
        [
            format!("kube_pod_annotations{{annotation_wattledger_io_home_zone=NL,{key},pod=a,uid=u1}}"),
            format!("kube_pod_completion_time{{{key},pod=a,uid=u1}}"),
            format!("kube_pod_container_resource_requests{{container=main,{key},node=n1,pod=a,resource=cpu,uid=u1,unit=core}}"),
            format!(
                "kube_pod_container_resource_requests{{container=main,{key},node=n1,pod=a,resource=nvidia_com_gpu,uid=u1,unit=integer}}"
            ),
            format!("kube_pod_created{{{key},pod=a,uid=u1}}"),
            format!("kube_pod_info{{{key},node=n1,pod=a,uid=u1}}"),
            format!("kube_pod_labels{{label_wattledger_io_deferrable=true,{key},pod=a,uid=u1}}"),
            format!("kube_pod_owner{{{key},owner_is_controller=true,owner_kind=Job,owner_name=nightly-1,pod=a,uid=u1}}"),
            format!("kube_pod_start_time{{{key},pod=a,uid=u1}}"),
        ]
    );
    let (from, until) = (ms("08:00:00"), ms("10:00:00"));
    assert_eq!(series["kube_pod_info{namespace=etl,node=n1,pod=a,uid=u1}"], [(from, 1.0), (until, 1.0)]);
    let started = ms("08:00:02") as f64 / 1_000.0;
    assert_eq!(series["kube_pod_start_time{namespace=etl,pod=a,uid=u1}"], [(from, started), (until, started)]);
    assert_eq!(series.values().nth(2).unwrap()[0].1, 0.25);
}

#[test]
fn a_pod_without_owner_says_so_and_one_without_node_has_none() {
    let detail = Detail::Pod {
        node: String::new(),
        started: None,
        ended: None,
        cpu_request_cores: BTreeMap::new(),
        gpu_request_devices: BTreeMap::new(),
    };
    let series = texts_of(vec![seen("10:00:00", &object("u1", "a", "08:00:00", detail))]);
    let all = ["kube_pod_created", "kube_pod_info", "kube_pod_owner"].map(|metric| format!("{metric}{{namespace=etl,pod=a,uid=u1}}"));
    assert_eq!(names(&series), all);
}

#[test]
fn what_lies_behind_the_day_is_not_known_on_it() {
    let with = |started: &str, ended: &str| Object {
        detail: Detail::Job { started: Some(at(started)), ended: Some(at(ended)), suspension: None },
        ..job("u1", "a", "22:00:00")
    };
    let (late, tomorrow) = (with("23:00:00", "2026-10-02T01:00:00Z"), job("u2", "b", "2026-10-02T00:00:00Z"));
    let early = texts_of(vec![seen("2026-10-02T02:00:00Z", &late), seen("2026-10-02T02:00:00Z", &tomorrow)]);
    let later = texts_of(vec![seen("2026-10-20T02:00:00Z", &late), seen("2026-10-20T02:00:00Z", &tomorrow)]);
    assert_eq!(early, later, "a day collected later has the same bytes");
    let metrics = ["kube_job_created", "kube_job_owner", "kube_job_status_start_time"];
    assert_eq!(names(&early), metrics.map(|metric| format!("{metric}{{job_name=a,namespace=etl,uid=u1}}")));
    assert!(early.values().all(|samples| samples.last().unwrap().0 == ms("2026-10-02T00:00:00Z")), "{early:?}");
}

#[test]
fn f48_what_went_before_the_list_is_kept_and_what_went_before_the_day_is_not() {
    let gone = |time: &str, object: &Object| Entry::Gone { at: at(time), object: object.clone() };
    let (during, before, just_before, lost) = (
        pod("u1", "a", "08:00:00"),
        pod("u2", "b", "2026-09-30T08:00:00Z"),
        pod("u3", "c", "2026-09-30T08:00:00Z"),
        pod("u4", "d", "2026-09-30T08:00:00Z"),
    );
    let entries = vec![
        seen("2026-09-30T10:00:00Z", &before),
        seen("2026-09-30T10:00:00Z", &just_before),
        seen("2026-09-30T10:00:00Z", &lost),
        gone("2026-09-30T12:00:00Z", &before),
        gone("2026-09-30T23:59:59Z", &just_before),
        seen("08:00:00", &during),
        gone("09:00:00", &during),
    ];
    let series = texts_of(entries);
    let infos: Vec<&str> = names(&series).into_iter().filter(|name| name.starts_with("kube_pod_info")).collect();
    assert_eq!(infos.len(), 3, "{infos:?}");
    assert!(!infos.iter().any(|info| info.contains("u2")), "{infos:?}");
}

#[test]
fn a_job_that_was_resumed_had_been_suspended() {
    let with = |is_suspended, since: &str| Object {
        detail: Detail::Job { started: None, ended: None, suspension: Some(Suspension { is_suspended, since: at(since) }) },
        ..job("u1", "a", "08:00:00")
    };
    let key = "kube_job_status_suspended{job_name=a,namespace=etl,uid=u1}";
    let since = ms("09:00:00");
    assert_eq!(texts_of(vec![seen("10:00:00", &with(true, "09:00:00"))])[key], [(since, 1.0)]);
    assert_eq!(texts_of(vec![seen("10:00:00", &with(false, "09:00:00"))])[key], [(since - 1, 1.0), (since, 0.0)]);
    let resumed = texts_of(vec![seen("08:30:00", &with(true, "08:00:00")), seen("10:00:00", &with(false, "09:00:00"))]);
    assert_eq!(resumed[key], [(ms("08:00:00"), 1.0), (since - 1, 1.0), (since, 0.0)]);
    assert!(!texts_of(vec![seen("10:00:00", &job("u1", "a", "08:00:00"))]).contains_key(key));
}

#[test]
fn a_cronjob_and_a_node_say_their_own() {
    let cronjob = Detail::CronJob { schedule: "0 3 * * *".to_owned(), time_zone: None, is_suspended: false };
    let node =
        Detail::Node { internal_ip: "10.0.0.1".to_owned(), cpu_cores: Some(8.0), cpu_allocatable_cores: Some(7.91), memory_bytes: None };
    let labels = texts(&[("topology.kubernetes.io/zone", "a"), ("nodePool", "x"), ("node.pool", "y"), ("node-pool", "z")]);
    let node = Object { namespace: String::new(), labels, ..object("u2", "n1", "08:00:00", node) };
    let series = texts_of(vec![seen("10:00:00", &object("u1", "nightly", "08:00:00", cronjob)), seen("10:00:00", &node)]);
    assert_eq!(
        names(&series),
        [
            "kube_cronjob_info{cronjob=nightly,namespace=etl,schedule=0 3 * * *,timezone=local}",
            "kube_cronjob_spec_suspend{cronjob=nightly,namespace=etl}",
            "kube_node_info{internal_ip=10.0.0.1,node=n1}",
            "kube_node_labels{label_node_pool_conflict1=z,label_node_pool_conflict2=y,label_node_pool_conflict3=x,\
             label_topology_kubernetes_io_zone=a,node=n1}",
            "kube_node_status_allocatable{node=n1,resource=cpu,unit=core}",
            "kube_node_status_capacity{node=n1,resource=cpu,unit=core}",
        ]
    );
}

#[test]
fn a_fact_that_only_another_fact_changed_beside_is_one_run() {
    let before = pod("u1", "a", "08:00:00");
    let after = Object { labels: texts(&[("deferrable", "true")]), ..before.clone() };
    let series = texts_of(vec![seen("09:00:00", &before), seen("10:00:00", &after), seen("11:00:00", &after)]);
    assert_eq!(series["kube_pod_info{namespace=etl,node=n1,pod=a,uid=u1}"], [(ms("08:00:00"), 1.0), (ms("11:00:00"), 1.0)]);
    let labels = &series["kube_pod_labels{label_deferrable=true,namespace=etl,pod=a,uid=u1}"];
    assert_eq!(*labels, [(ms("10:00:00"), 1.0), (ms("11:00:00"), 1.0)]);
}
