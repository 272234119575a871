//! One list of everything: in pages, through passing troubles, and what it says where it may not.

use std::time::{Duration, Instant};

use wattledger::sources::kubernetes::{Kind, Kubernetes, Object};
use wattledger::sources::{Reach, Refusal};

use super::api_server::{ApiServer, TOKEN};
use super::*;

fn list(server: &ApiServer) -> Result<Vec<Object>, Refusal> {
    runtime().block_on(async { Kubernetes::connect(&access(&server.kubeconfig())).await.unwrap().list().await })
}

/// Pods `p00` and on, with one object of each other kind.
fn server_with(pods: usize) -> ApiServer {
    let server = ApiServer::start();
    for i in 0..pods {
        server.apply(PODS, pod("etl", &format!("p{i:02}"), &format!("uid-{i:02}"), "2026-10-01T08:00:00Z", "Job/j"));
    }
    server.apply(JOBS, job("etl", "j", "uid-j", "2026-10-01T08:00:00Z", "CronJob/c"));
    let mut cronjob = object("etl", "c", "uid-c", "2026-09-01T08:00:00Z", "");
    cronjob["spec"] = json!({"schedule": "0 8 * * *", "timeZone": "Europe/Amsterdam", "jobTemplate": {}});
    server.apply(CRONJOBS, cronjob);
    server.apply(REPLICASETS, object("shop", "cart-1", "uid-rs", "2026-09-01T08:00:00Z", "Deployment/cart"));
    let mut node = object("", "n1", "uid-n1", "2026-01-01T00:00:00Z", "");
    node["metadata"]["labels"] = json!({"pool": "a"});
    server.apply(NODES, node);
    server
}

fn names(objects: &[Object], kind: Kind) -> Vec<String> {
    objects.iter().filter(|object| object.kind() == kind).map(|object| object.name.clone()).collect()
}

#[test]
fn everything_is_listed_in_pages() {
    let server = server_with(10);
    server.set_page(3);
    let objects = list(&server).unwrap();
    assert_eq!(names(&objects, Kind::Pod), (0..10).map(|i| format!("p{i:02}")).collect::<Vec<_>>());
    for (kind, name) in [(Kind::Job, "j"), (Kind::CronJob, "c"), (Kind::ReplicaSet, "cart-1"), (Kind::Node, "n1")] {
        assert_eq!(names(&objects, kind), [name]);
    }
    let requests = server.requests();
    assert_eq!(requests.iter().filter(|request| request.contains(PODS)).count(), 4, "{requests:?}");
    assert!(requests.iter().all(|request| request.contains("limit=500")), "{requests:?}");
}

#[test]
fn f46_a_continuation_that_has_expired_loses_nothing_and_repeats_nothing() {
    let server = server_with(10);
    server.set_page(3);
    server.expire_continuations(1);
    assert_eq!(names(&list(&server).unwrap(), Kind::Pod), (0..10).map(|i| format!("p{i:02}")).collect::<Vec<_>>());
}

#[test]
fn f45_what_is_forbidden_is_named_by_resource_and_verb() {
    let server = server_with(1);
    server.forbid(JOBS, "list");
    let refusal = list(&server).unwrap_err();
    assert_eq!((refusal.code, refusal.reach), ("K8S_FORBIDDEN", Reach::Source));
    assert!(refusal.to_string().starts_with("K8S_FORBIDDEN: batch/jobs list: "), "{refusal}");
    assert!(refusal.hint.unwrap().contains("deploy/rbac.yaml"));
    // It is asked once: nothing that is forbidden passes by itself.
    assert_eq!(server.requests().iter().filter(|request| request.contains(JOBS)).count(), 1);
}

#[test]
fn f45_what_is_missing_can_be_asked_for_before_anything_fails() {
    let server = server_with(1);
    let missing = || runtime().block_on(async { Kubernetes::connect(&access(&server.kubeconfig())).await.unwrap().missing_rights().await });
    assert_eq!(missing().unwrap(), []);
    server.forbid(JOBS, "list");
    server.forbid(NODES, "watch");
    assert_eq!(missing().unwrap(), [(Kind::Job, "list"), (Kind::Node, "watch")]);
    assert!(server.requests().is_empty(), "nothing is tried out");
}

#[test]
fn f47_a_trouble_that_passes_is_waited_for() {
    let server = server_with(2);
    server.fail(503, 1);
    server.fail(429, 1);
    assert_eq!(names(&list(&server).unwrap(), Kind::Pod).len(), 2);
}

#[test]
fn a_server_that_is_not_there_is_said_so_in_bounded_time() {
    let server = server_with(1);
    server.set_down(true);
    let began = Instant::now();
    let refusal = list(&server).unwrap_err();
    assert_eq!(refusal.code, "K8S_UNREACHABLE");
    assert!(refusal.message.contains("after 5 attempts: pods list: "), "{refusal}");
    assert!(began.elapsed() < Duration::from_secs(40), "{:?}", began.elapsed());
}

#[test]
fn a_wrong_token_is_said_and_not_shown() {
    let server = server_with(1);
    let text = std::fs::read_to_string(server.kubeconfig()).unwrap();
    std::fs::write(server.kubeconfig(), text.replace(TOKEN, "canary-wrong")).unwrap();
    let refusal = list(&server).unwrap_err();
    assert_eq!(refusal.code, "K8S_DENIED");
    assert!(!format!("{refusal:?}").contains("canary"), "{refusal:?}");
}

#[test]
fn a_kubeconfig_that_is_not_there_is_named() {
    let missing = access(Path::new("/nowhere/kubeconfig"));
    let error = runtime().block_on(Kubernetes::connect(&missing)).err().unwrap();
    assert!(format!("{error:#}").contains("/nowhere/kubeconfig"), "{error:#}");
    let server = server_with(1);
    let other = Access { context: Some("other".to_owned()), ..access(&server.kubeconfig()) };
    let error = runtime().block_on(Kubernetes::connect(&other)).err().unwrap();
    assert!(format!("{error:#}").contains("other"), "{error:#}");
}
