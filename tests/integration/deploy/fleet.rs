//! The overlay of a fleet: an Indexed Job whose pods are the shards, and a close that waits for them.

use std::collections::BTreeSet;
use std::time::Duration;

use k8s_openapi::api::batch::v1::{CronJob, JobSpec};
use k8s_openapi::api::core::v1::PodSpec;
use serde_json::Value;
use wattledger::config::Config;
use wattledger::model::Shard;

use super::kustomize::overlay;
use super::{expanded, of_kind, pod_templates};

/// A lock in a bucket is free so long after its holder was killed: a minute that a lease lasts, and a look whether it is renewed.
const UNTIL_FREE: Duration = Duration::from_secs(60 + 23);

fn job(name: &str) -> JobSpec {
    let objects = overlay("fleet");
    let found = of_kind(&objects, "CronJob").find(|object| object["metadata"]["name"] == name).unwrap().clone();
    serde_json::from_value::<CronJob>(found).unwrap().spec.unwrap().job_template.spec.unwrap()
}

fn pod(job: JobSpec) -> PodSpec {
    job.template.spec.unwrap()
}

#[test]
fn the_pods_of_the_indexed_job_are_all_shards_of_one_count() {
    let job = job("wattledger-collect");
    assert_eq!(job.completion_mode.as_deref(), Some("Indexed"));
    let completions = job.completions.unwrap();
    assert_eq!(job.parallelism, Some(completions), "they run side by side");
    let arguments = pod(job).containers.remove(0).args.unwrap();
    let shards: BTreeSet<String> = (0..completions)
        .map(|index| {
            let arguments = expanded(&arguments, index.into());
            super::require_understood(&arguments);
            let at = arguments.iter().position(|argument| argument == "--shard").unwrap();
            arguments[at + 1].parse::<Shard>().unwrap().to_string()
        })
        .collect();
    assert_eq!(shards, (0..completions).map(|index| format!("{index}/{completions}")).collect());
}

#[test]
fn a_shard_is_tried_again_by_itself_until_the_lock_of_a_killed_pod_is_free() {
    let job = job("wattledger-collect");
    let tries = job.backoff_limit_per_index.unwrap();
    // The job controller waits 10 s before the first retry of an index, and each time twice as long.
    let waited: u64 = (0..tries).map(|retry| 10 << retry).sum();
    assert!(Duration::from_secs(waited) > UNTIL_FREE, "{waited} s");
    // Retries of all shards together do not end the Job, and failed shards do not end the others.
    assert!(job.backoff_limit.unwrap() >= tries * job.completions.unwrap());
    assert_eq!(job.max_failed_indexes, None);
}

#[test]
fn shards_and_the_close_go_to_any_node_and_the_evidence_is_in_a_bucket() {
    let objects = overlay("fleet");
    for (owner, template) in pod_templates(&objects) {
        let claims = template["spec"]["volumes"].as_array().unwrap().iter().filter(|volume| volume["persistentVolumeClaim"].is_object());
        assert_eq!(claims.count(), usize::from(owner == "wattledger-recorder"), "{owner}");
        let affinity = &template["spec"]["affinity"];
        assert!(affinity["podAffinity"].is_null(), "{owner}: {affinity}");
    }
    let text = of_kind(&objects, "ConfigMap").next().unwrap()["data"]["wattledger.toml"].as_str().unwrap();
    let config = Config::from_bytes(text.as_bytes(), std::path::Path::new("/etc/wattledger/config/wattledger.toml")).unwrap();
    assert!(matches!(config.evidence, wattledger::model::EvidencePlace::Bucket(_)));
    assert!(config.clusters.len() > 1, "a fleet");
    // What is reached by a kubeconfig is mounted where it is read: by shards, and by the recorder.
    let kubeconfigs = config.clusters.iter().filter_map(|cluster| cluster.kubernetes.as_ref()?.kubeconfig.clone());
    for kubeconfig in kubeconfigs {
        for (owner, template) in pod_templates(&objects) {
            let mounts = template["spec"]["containers"][0]["volumeMounts"].as_array().unwrap();
            let has = mounts.iter().any(|mount: &Value| kubeconfig.starts_with(mount["mountPath"].as_str().unwrap()));
            assert_eq!(has, owner != "wattledger-close", "{owner}");
        }
    }
}

#[test]
fn the_close_gives_up_waiting_before_kubernetes_gives_up_on_it() {
    let job = job("wattledger-close");
    let deadline = Duration::from_secs(job.active_deadline_seconds.unwrap().try_into().unwrap());
    let arguments = pod(job).containers.remove(0).args.unwrap();
    let at = arguments.iter().position(|argument| argument == "--wait").unwrap();
    let wait = humantime::parse_duration(&arguments[at + 1]).unwrap();
    // What is left is for accounting.
    assert!(wait * 2 <= deadline, "{wait:?} of {deadline:?}");
}
