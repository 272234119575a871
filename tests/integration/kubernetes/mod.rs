//! Kubernetes: lists, watches and recorders against a stand-in API server, and what becomes of their facts.
//!
//! Tests whose names begin with the number of a case of the fault catalogue are that case.

pub mod api_server;
mod collecting;
mod listing;
mod metering;
pub mod recording;

use std::path::Path;

use serde_json::{Value, json};
use wattledger::sources::kubernetes::Access;

pub const PODS: &str = "/api/v1/pods";
pub const NODES: &str = "/api/v1/nodes";
pub const NAMESPACES: &str = "/api/v1/namespaces";
pub const JOBS: &str = "/apis/batch/v1/jobs";
pub const CRONJOBS: &str = "/apis/batch/v1/cronjobs";
pub const REPLICASETS: &str = "/apis/apps/v1/replicasets";

pub fn access(kubeconfig: &Path) -> Access {
    Access { kubeconfig: Some(kubeconfig.to_owned()), context: None }
}

pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// An object with its metadata; the owner is `Kind/name`, empty where there is none.
pub fn object(namespace: &str, name: &str, uid: &str, created: &str, owner: &str) -> Value {
    let mut object = json!({"metadata": {"namespace": namespace, "name": name, "uid": uid, "creationTimestamp": created}});
    if let Some((kind, owner)) = owner.split_once('/') {
        let reference = json!({"apiVersion": "v1", "kind": kind, "name": owner, "uid": format!("uid-of-{owner}"), "controller": true});
        object["metadata"]["ownerReferences"] = json!([reference]);
    }
    object
}

pub fn pod(namespace: &str, name: &str, uid: &str, created: &str, owner: &str) -> Value {
    let mut pod = object(namespace, name, uid, created, owner);
    let secret = json!([{"name": "PASSWORD", "value": "hunter2"}]);
    let resources = json!({"requests": {"cpu": "250m"}});
    pod["spec"] = json!({"nodeName": "n1", "containers": [{"name": "main", "image": "x", "env": secret, "resources": resources}]});
    pod["status"] = json!({"startTime": created, "phase": "Running"});
    pod["metadata"]["annotations"] = json!({"kubectl.kubernetes.io/last-applied-configuration": "{\"env\":\"hunter2\"}"});
    pod
}

pub fn job(namespace: &str, name: &str, uid: &str, created: &str, owner: &str) -> Value {
    let mut job = object(namespace, name, uid, created, owner);
    job["status"] = json!({"startTime": created});
    job
}
