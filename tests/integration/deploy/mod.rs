//! What `deploy/` says, held against what the program does and what a cluster accepts.
//!
//! There is no cluster and no container engine here: manifests are rendered, read into the types of the Kubernetes API and judged; the image's root is laid out
//! and entered; units are given to systemd's own tools.

pub mod examples;
mod fleet;
mod image;
pub mod keda_rules;
mod kustomize;
mod label;
mod manifests;
mod network;
mod pod_security;
mod running;
mod schedules;
mod serve;
mod systemd;

use clap::Parser;
use clap::error::ErrorKind;
use serde_json::Value;
use wattledger::cli::Cli;

/// What is installed: an overlay and, under it, the base.
const OVERLAYS: [&str; 3] = ["folder", "bucket", "fleet"];

/// Every rendered object of a kind.
fn of_kind<'a>(objects: &'a [Value], kind: &'a str) -> impl Iterator<Item = &'a Value> {
    objects.iter().filter(move |object| object["kind"] == kind)
}

fn name(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap()
}

/// The pod templates of an overlay, each with the name of what makes pods of it.
fn pod_templates(objects: &[Value]) -> Vec<(String, Value)> {
    let templates = objects.iter().filter_map(|object| {
        let template = match object["kind"].as_str().unwrap() {
            "CronJob" => &object["spec"]["jobTemplate"]["spec"]["template"],
            "Deployment" => &object["spec"]["template"],
            // What would make pods in another way must be looked at as well.
            "Job" | "DaemonSet" | "StatefulSet" | "ReplicaSet" | "Pod" => {
                panic!("{} makes pods, and these tests do not look at it", name(object))
            }
            _ => return None,
        };
        Some((name(object).to_owned(), template.clone()))
    });
    templates.collect()
}

/// The arguments of an indexed pod as the kubelet expands them; others are as they were.
fn expanded(arguments: &[String], index: i64) -> Vec<String> {
    arguments.iter().map(|argument| argument.replace("$(JOB_COMPLETION_INDEX)", &index.to_string())).collect()
}

/// Whether our command line takes these arguments.
fn require_understood(arguments: &[String]) {
    let line = std::iter::once("wattledger").chain(arguments.iter().map(String::as_str));
    match Cli::try_parse_from(line) {
        Ok(_) => {}
        Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {}
        Err(error) => panic!("wattledger {}: {error}", arguments.join(" ")),
    }
}

#[test]
fn a_command_line_that_is_not_ours_would_be_seen() {
    for wrong in ["collect --lasst 7", "collect", "close --month"] {
        let arguments: Vec<String> = wrong.split(' ').map(str::to_owned).collect();
        assert!(std::panic::catch_unwind(|| require_understood(&arguments)).is_err(), "{wrong}");
    }
}
