//! Facts of a real cluster, held against what kube-state-metrics served of it at the same time.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Node, Pod};
use serde::Deserialize;

use super::facts::Facts;
use super::history::{Entry, History};
use super::object::{Detail, Suspension};
use super::series::series_of_day;
use crate::units::UtcDay;

/// The captures, where somebody has them.
fn captures() -> Option<PathBuf> {
    let folder = std::env::var_os("WATTLEDGER_SHARED_DATA").map(|data| PathBuf::from(data).join("kubernetes-1.33"));
    let folder = folder.filter(|folder| folder.join("kubelet-pods.json").exists());
    if folder.is_none() {
        println!("SKIPPED: WATTLEDGER_SHARED_DATA names no folder with kubernetes-1.33/kubelet-pods.json");
    }
    folder
}

/// Values by metric and labels of interest, from exposition text; empty labels are left out.
fn exposed(text: &str, metric: &str, labels: &[&str]) -> BTreeMap<Vec<String>, f64> {
    let lines = text.lines().filter_map(|line| line.strip_prefix(metric)?.strip_prefix('{')?.rsplit_once("} "));
    let key = |pairs: &str| {
        labels
            .iter()
            .map(|label| {
                let begin = format!(",{pairs}").find(&format!(",{label}=\"")).map(|at| at + label.len() + 2);
                begin.map_or_else(String::new, |begin| pairs[begin..].split('"').next().unwrap().to_owned())
            })
            .collect()
    };
    lines.map(|(pairs, value)| (key(pairs), value.parse().unwrap())).collect()
}

#[test]
fn a_real_clusters_pods_say_what_its_kube_state_metrics_says() {
    #[derive(Deserialize)]
    struct Pods {
        items: Vec<Pod>,
    }
    let Some(folder) = captures() else { return };
    let pods: Pods = serde_json::from_slice(&fs::read(folder.join("kubelet-pods.json")).unwrap()).unwrap();
    let metrics = fs::read_to_string(folder.join("kube-state-metrics.prom")).unwrap();
    let day: UtcDay = "2025-11-04".parse().unwrap();
    let at = day.end() - chrono::TimeDelta::seconds(1);
    // The kubelet knows its static pods from files and not by their creation; the API knows them by it.
    let (known_to_api, of_files): (Vec<Pod>, Vec<Pod>) = pods.items.into_iter().partition(|pod| pod.metadata.creation_timestamp.is_some());
    assert!(of_files.into_iter().all(|pod| pod.facts().is_err()));
    let objects: Vec<_> = known_to_api.into_iter().map(|pod| pod.facts().unwrap()).collect();
    assert!(objects.len() > 15, "{}", objects.len());
    // Nothing of the manifest, not even where an annotation copies it.
    let written = serde_json::to_string(&objects).unwrap();
    for never in ["last-applied-configuration", "apk add", "kubeadm", "image", "serviceAccount"] {
        assert!(!written.contains(never), "{never}");
    }
    let series = series_of_day(History::of(objects.into_iter().map(|object| Entry::Seen { at, object })), day);

    let mut compared = 0;
    for (metric, labels) in [
        ("kube_pod_info", &["namespace", "pod", "uid", "node"][..]),
        ("kube_pod_owner", &["namespace", "pod", "uid", "owner_kind", "owner_name", "owner_is_controller"]),
        ("kube_pod_created", &["namespace", "pod", "uid"]),
        ("kube_pod_start_time", &["namespace", "pod", "uid"]),
        ("kube_pod_completion_time", &["namespace", "pod", "uid"]),
        ("kube_pod_container_resource_requests", &["namespace", "pod", "uid", "container", "node", "resource", "unit"]),
    ] {
        let known = exposed(&metrics, metric, labels);
        assert!(!known.is_empty(), "{metric}");
        let uids: BTreeSet<&String> = known.keys().map(|key| &key[2]).collect();
        for (series, samples) in series.iter().filter(|(series, _)| series.metric == metric) {
            let key: Vec<String> = labels.iter().map(|label| series.label(label).to_owned()).collect();
            if uids.contains(&key[2]) {
                assert_eq!(known.get(&key), Some(&samples.last().unwrap().1), "{metric} {key:?}");
                compared += 1;
            }
        }
    }
    assert!(compared > 80, "only {compared} were compared");
    println!("{compared} series agree with kube-state-metrics");
}

#[test]
fn a_jobs_end_and_its_suspension_are_read_off_its_conditions() {
    let detail = |status: &str| {
        let text = format!(
            r#"{{"metadata":{{"name":"j","namespace":"etl","uid":"u1","creationTimestamp":"2026-10-01T08:00:00Z",
                "labels":{{"deferrable":"true","wattledger.io/carbon-aware":"yes","app":"x","max-delay-hours":"8",
                    "kueue.x-k8s.io/queue-name":"night","kueue.x-k8s.io/priority-class":"p"}},
                "annotations":{{"batch.kubernetes.io/cronjob-scheduled-timestamp":"2026-10-01T08:00:00Z","wattledger.io/baseline-start":"b",
                    "wattledger.io/decision":"{{}}","wattledger.io/home-cluster":"prod-nl","max-delay-hours":"8","password":"x","cronjob.kubernetes.io/instantiate":"manual",
                    "kubectl.kubernetes.io/last-applied-configuration":"{{}}"}}}},"status":{status}}}"#
        );
        let object = serde_json::from_str::<Job>(&text).unwrap().facts().unwrap();
        let labels = ["deferrable", "kueue.x-k8s.io/queue-name", "max-delay-hours", "wattledger.io/carbon-aware"];
        assert_eq!(object.labels.keys().collect::<Vec<_>>(), labels);
        let annotations = [
            "batch.kubernetes.io/cronjob-scheduled-timestamp",
            "cronjob.kubernetes.io/instantiate",
            "max-delay-hours",
            "wattledger.io/baseline-start",
            "wattledger.io/decision",
            "wattledger.io/home-cluster",
        ];
        assert_eq!(object.annotations.keys().collect::<Vec<_>>(), annotations);
        object.detail
    };
    let at = |text: &str| Some(text.parse().unwrap());
    let condition =
        |kind: &str, status: &str| format!(r#"{{"type":"{kind}","status":"{status}","lastTransitionTime":"2026-10-01T09:00:00Z"}}"#);

    let succeeded = detail(r#"{"startTime":"2026-10-01T08:00:01Z","completionTime":"2026-10-01T08:30:00Z"}"#);
    assert_eq!(succeeded, Detail::Job { started: at("2026-10-01T08:00:01Z"), ended: at("2026-10-01T08:30:00Z"), suspension: None });
    let failed = detail(&format!(r#"{{"conditions":[{}]}}"#, condition("Failed", "True")));
    assert_eq!(failed, Detail::Job { started: None, ended: at("2026-10-01T09:00:00Z"), suspension: None });
    let not_failed = detail(&format!(r#"{{"conditions":[{}]}}"#, condition("Failed", "False")));
    assert_eq!(not_failed, Detail::Job { started: None, ended: None, suspension: None });
    for (status, is_suspended) in [("True", true), ("False", false)] {
        let suspension = Some(Suspension { is_suspended, since: at("2026-10-01T09:00:00Z").unwrap() });
        let suspended = detail(&format!(r#"{{"conditions":[{}]}}"#, condition("Suspended", status)));
        assert_eq!(suspended, Detail::Job { started: None, ended: None, suspension });
    }
}

#[test]
fn a_nodes_cores_are_read_with_those_that_its_pods_can_have() {
    let text = r#"{"metadata":{"name":"n1","uid":"u1","creationTimestamp":"2026-10-01T08:00:00Z"},
        "status":{"capacity":{"cpu":"8","memory":"1Ki"},"allocatable":{"cpu":"7910m","memory":"1Ki"}}}"#;
    let node = serde_json::from_str::<Node>(text).unwrap().facts().unwrap();
    let Detail::Node { cpu_cores, cpu_allocatable_cores, .. } = node.detail else { panic!("{node:?}") };
    assert_eq!((cpu_cores, cpu_allocatable_cores), (Some(8.0), Some(7.91)));
}

#[test]
fn an_object_without_uid_is_refused_by_name() {
    let text = r#"{"metadata":{"name":"p","namespace":"etl","creationTimestamp":"2026-10-01T08:00:00Z"}}"#;
    let error = serde_json::from_str::<Pod>(text).unwrap().facts().unwrap_err();
    assert!(error.contains("pods") && error.contains("etl/p"), "{error}");
}
