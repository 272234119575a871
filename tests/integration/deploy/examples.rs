//! `deploy/examples`: read as the API server and KEDA would, run through KEDA's rules, and the script that releases Jobs run for real.

use std::collections::BTreeMap;
use std::path::PathBuf;

use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscalerBehavior;
use k8s_openapi::api::batch::v1::{Job, JobSpec};
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::keda_rules::{JobTerms, ObjectTerms, Trigger, new_jobs, replicas};
use super::kustomize::documents;
use super::manifests::{through, through_its_type};
use super::name;
use crate::sample::root;

fn folder() -> PathBuf {
    root().join("deploy/examples")
}

/// Every object of every example, with the name of its file.
pub fn objects() -> Vec<(String, Value)> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    let of_file = |path: &PathBuf| {
        let file = path.file_name().unwrap().to_string_lossy().into_owned();
        documents(path).into_iter().map(move |object| (file.clone(), object)).collect::<Vec<_>>()
    };
    files.iter().flat_map(of_file).collect()
}

pub fn object(file: &str, kind: &str) -> Value {
    objects().into_iter().find(|(name, object)| name == file && object["kind"] == kind).unwrap_or_else(|| panic!("{file}: no {kind}")).1
}

/// As KEDA's custom resource definitions have them (`apis/keda/v1alpha1`, 2.20): an unknown field would be pruned in silence.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Keda<T> {
    api_version: String,
    kind: String,
    metadata: ObjectMeta,
    spec: T,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct ScaledJobSpec {
    job_target_ref: JobSpec,
    #[serde(skip_serializing_if = "Option::is_none")]
    polling_interval: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    successful_jobs_history_limit: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failed_jobs_history_limit: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    min_replica_count: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_replica_count: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scaling_strategy: Option<ScalingStrategy>,
    triggers: Vec<ScaleTrigger>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct ScalingStrategy {
    #[serde(skip_serializing_if = "Option::is_none")]
    strategy: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    multiple_scalers_calculation: Option<String>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct ScaleTrigger {
    r#type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// Values are texts, numbers too.
    metadata: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    authentication_ref: Option<AuthenticationRef>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metric_type: Option<String>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct AuthenticationRef {
    name: String,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct ScaledObjectSpec {
    scale_target_ref: ScaleTarget,
    #[serde(skip_serializing_if = "Option::is_none")]
    polling_interval: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cooldown_period: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    min_replica_count: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_replica_count: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fallback: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    advanced: Option<Advanced>,
    triggers: Vec<ScaleTrigger>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct ScaleTarget {
    name: String,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Advanced {
    scaling_modifiers: ScalingModifiers,
    horizontal_pod_autoscaler_config: AutoscalerConfig,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct ScalingModifiers {
    formula: String,
    target: String,
    activation_target: String,
    metric_type: String,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct AutoscalerConfig {
    behavior: HorizontalPodAutoscalerBehavior,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct TriggerAuthenticationSpec {
    secret_target_ref: Vec<SecretTarget>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct SecretTarget {
    parameter: String,
    name: String,
    key: String,
}

fn as_the_server_reads_it(object: &Value) -> Result<Value, String> {
    match (object["apiVersion"].as_str().unwrap(), object["kind"].as_str().unwrap()) {
        ("batch/v1", "Job") => through::<Job>(object),
        ("rbac.authorization.k8s.io/v1", "Role") => through::<Role>(object),
        ("rbac.authorization.k8s.io/v1", "RoleBinding") => through::<RoleBinding>(object),
        ("keda.sh/v1alpha1", "ScaledJob") => through::<Keda<ScaledJobSpec>>(object),
        ("keda.sh/v1alpha1", "ScaledObject") => through::<Keda<ScaledObjectSpec>>(object),
        ("keda.sh/v1alpha1", "TriggerAuthentication") => through::<Keda<TriggerAuthenticationSpec>>(object),
        _ => through_its_type(object),
    }
}

#[test]
fn no_field_of_an_example_is_unknown_to_its_server() {
    let objects = objects();
    assert!(objects.len() >= 10, "{}", objects.len());
    for (file, object) in objects {
        assert_eq!(as_the_server_reads_it(&object), Ok(object.clone()), "{file}: {}", name(&object));
        assert_eq!(object["metadata"]["namespace"], "batch", "{file}");
    }
}

#[test]
fn every_example_is_in_the_list_and_the_list_names_no_other() {
    let list = std::fs::read_to_string(folder().join("README.md")).unwrap();
    let named: Vec<&str> = list.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` |").map(|(file, _)| file)).collect();
    let mut files: Vec<String> = objects().into_iter().map(|(file, _)| file).collect();
    files.dedup();
    let mut sorted = named.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, files);
}

#[test]
fn work_that_may_wait_says_so_where_evidence_looks_for_it() {
    for (file, kind, template) in [("cronjob.yaml", "CronJob", "/spec/jobTemplate"), ("suspended-job.yaml", "Job", "")] {
        let object = object(file, kind);
        let job = object.pointer(template).unwrap();
        let labels = &job["metadata"]["labels"];
        assert_eq!(labels["wattledger.io/deferrable"], "true", "{file}");
        let hours: f64 = labels["wattledger.io/max-delay-hours"].as_str().unwrap().parse().unwrap();
        assert!(hours > 0.0 && hours <= 744.0, "{file}");
        assert_eq!(job["spec"]["suspend"], true, "{file}: it waits");
        assert_eq!(job["spec"]["template"]["metadata"]["labels"]["wattledger.io/deferrable"], "true", "{file}");
    }
    let cronjob = object("cronjob.yaml", "CronJob");
    let limit = cronjob["spec"]["jobTemplate"]["metadata"]["labels"].clone();
    for (label, value) in cronjob["metadata"]["labels"].as_object().unwrap() {
        assert_eq!(limit[label], *value, "both say the same");
    }
}

/// A trigger as the manifest has it, with what it gave.
fn gate(trigger: &Value, value: Result<f64, String>) -> Trigger {
    assert_eq!(trigger["type"], "metrics-api");
    let number = |key: &str| trigger["metadata"][key].as_str().unwrap().parse::<f64>().unwrap();
    assert!(number("targetValue") > 0.0, "KEDA refuses 0");
    Trigger { value, target: number("targetValue"), activation: number("activationTargetValue") }
}

pub fn job_terms(object: &Value) -> JobTerms {
    let spec = &object["spec"];
    let text = |key: &str| spec["scalingStrategy"][key].as_str().unwrap_or_default().to_owned();
    JobTerms {
        min: spec["minReplicaCount"].as_i64().unwrap(),
        max: spec["maxReplicaCount"].as_i64().unwrap(),
        strategy: text("strategy"),
        calculation: text("multipleScalersCalculation"),
    }
}

/// How many Jobs the example makes of an answer of the gate.
pub fn jobs_of(object: &Value, allowed: Result<f64, String>, running: i64, pending: i64) -> i64 {
    let triggers = object["spec"]["triggers"].as_array().unwrap();
    assert_eq!(triggers.len(), 1, "the gate is the only trigger");
    new_jobs(&job_terms(object), &[gate(&triggers[0], allowed)], running, pending)
}

#[test]
fn the_scaled_job_runs_as_many_as_the_gate_allows_and_never_more() {
    let scaled = object("scaledjob.yaml", "ScaledJob");
    for allowed in 0..=10 {
        for running in 0..=12 {
            for pending in 0..=running {
                let made = jobs_of(&scaled, Ok(f64::from(allowed)), running, pending);
                assert_eq!(made, (i64::from(allowed) - running).max(0), "{allowed} allowed, {running} running, {pending} of them pending");
            }
        }
    }
}

#[test]
fn an_error_of_the_gate_makes_no_job_and_ends_none() {
    let scaled = object("scaledjob.yaml", "ScaledJob");
    for running in 0..=10 {
        assert_eq!(jobs_of(&scaled, Err("api returned 503".to_owned()), running, 0), 0);
    }
}

#[test]
fn the_reasons_in_the_scaled_job_are_true() {
    let scaled = object("scaledjob.yaml", "ScaledJob");
    let terms = job_terms(&scaled);
    let closed = || Trigger { value: Ok(0.0), target: 1.0, activation: 0.0 };
    let failed = || Trigger { value: Err("api returned 503".to_owned()), ..closed() };
    let queue = || Trigger { value: Ok(50.0), target: 1.0, activation: 0.0 };
    for calculation in ["min", "avg", "sum", "max"] {
        let terms = JobTerms { calculation: calculation.to_owned(), ..terms.clone() };
        assert!(new_jobs(&terms, &[closed(), queue()], 0, 0) > 0, "{calculation}: a closed gate beside a queue holds nothing back");
        assert!(new_jobs(&terms, &[queue(), failed()], 0, 0) > 0, "{calculation}: nor does one that fails");
    }
    // Three allowed and three running: there is nothing to be made, and two strategies make more.
    let open = || Trigger { value: Ok(3.0), target: 1.0, activation: 0.0 };
    let made = |strategy: &str| new_jobs(&JobTerms { strategy: strategy.to_owned(), ..terms.clone() }, &[open()], 3, 0);
    assert_eq!((made("default"), made("accurate"), made("eager")), (0, 3, 3));
    // With a minimum it is active whatever the gate says.
    assert_eq!(new_jobs(&JobTerms { min: 2, ..terms.clone() }, &[closed()], 0, 0), 2);
    assert_eq!(terms.min, 0);
}

#[test]
fn the_scaled_object_takes_the_smaller_of_queue_and_gate() {
    let scaled = object("scaledobject.yaml", "ScaledObject");
    let spec = &scaled["spec"];
    let modifiers = &spec["advanced"]["scalingModifiers"];
    assert_eq!(modifiers["formula"], "min(queue / 100, gate)");
    let names: Vec<&str> = spec["triggers"].as_array().unwrap().iter().map(|trigger| trigger["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["gate", "queue"]);
    gate(&spec["triggers"][0], Ok(0.0));
    let number = |key: &str| modifiers[key].as_str().unwrap().parse::<f64>().unwrap();
    let terms = ObjectTerms {
        min: spec["minReplicaCount"].as_i64().unwrap(),
        max: spec["maxReplicaCount"].as_i64().unwrap(),
        target: number("target"),
        activation: number("activationTarget"),
        has_fallback: !spec["fallback"].is_null(),
    };
    let after = |queue: f64, gate: Result<f64, String>, current| replicas(&terms, gate.map(|gate| (queue / 100.0).min(gate)), current);
    // 250 messages want three workers: all of them, as many as are allowed, none where nothing is allowed or nothing is queued.
    assert_eq!((after(250.0, Ok(10.0), 0), after(250.0, Ok(2.0), 0), after(250.0, Ok(0.0), 2), after(0.0, Ok(10.0), 2)), (3, 2, 0, 0));
    assert_eq!(after(10_000.0, Ok(10.0), 3), 10);
    for current in 0..=10 {
        assert_eq!(after(250.0, Err("api returned 503".to_owned()), current), current, "an error changes nothing");
        assert!(after(10_000.0, Ok(4.0), current) <= 4);
    }
}

#[test]
fn every_trigger_is_named_by_what_keda_knows() {
    // Of `pkg/scalers/metrics_api_scaler.go` and the Prometheus scaler.
    let known = |kind: &str| -> &[&str] {
        match kind {
            "metrics-api" => &[
                "url",
                "valueLocation",
                "targetValue",
                "activationTargetValue",
                "format",
                "unsafeSsl",
                "authMode",
                "keyParamName",
                "timeout",
            ],
            "prometheus" => &["serverAddress", "query", "threshold", "activationThreshold", "ignoreNullValues"],
            other => panic!("{other}"),
        }
    };
    let access = object("keda-access.yaml", "TriggerAuthentication");
    for (file, scaled) in objects().into_iter().filter(|(_, object)| object["spec"]["triggers"].is_array()) {
        for trigger in scaled["spec"]["triggers"].as_array().unwrap() {
            let kind = trigger["type"].as_str().unwrap();
            for key in trigger["metadata"].as_object().unwrap().keys() {
                assert!(known(kind).contains(&key.as_str()), "{file}: {kind} does not know `{key}`");
            }
            if kind != "metrics-api" {
                continue;
            }
            assert_eq!(trigger["metadata"]["valueLocation"], "allowed", "{file}");
            assert_eq!(
                (&trigger["metadata"]["authMode"], &trigger["authenticationRef"]["name"]),
                (&json!("bearer"), &access["metadata"]["name"]),
                "{file}"
            );
            let url = trigger["metadata"]["url"].as_str().unwrap();
            let max: i64 = url.split(['?', '&']).find_map(|pair| pair.strip_prefix("max=")).unwrap().parse().unwrap();
            assert_eq!(scaled["spec"]["maxReplicaCount"], max, "{file}: both limits are the same");
        }
    }
    assert_eq!(access["spec"]["secretTargetRef"][0]["parameter"], "token", "what `authMode: bearer` takes");
}
