//! The truth by step, as JSON, for an oracle that knows nothing of counters.
//!
//! In: the story and what its meters counted. Out: for each node and each pod the millijoules and CPU milliseconds of every 15-minute
//! step (unix time / 900), the node's with its quality tier and the pod's with its tail, and every Job with its times and annotations. All numbers are integers; what could not be seen is null.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::calendar::Month;
use crate::meters::{Clock, ClusterMeters};
use crate::story::{Cluster, Job, Owner, Story};

const STEP_S: i64 = 900;

pub fn write(story: &Story, meters: &[ClusterMeters], month: &Month, clock: &Clock) -> String {
    let clusters: Vec<Value> = story.clusters.iter().zip(meters).map(|(cluster, meters)| one(cluster, meters, clock)).collect();
    let mut text = json!({ "month": month.text, "step_s": STEP_S, "scrape_s": clock.scrape, "clusters": clusters }).to_string();
    text.push('\n');
    text
}

fn one(cluster: &Cluster, meters: &ClusterMeters, clock: &Clock) -> Value {
    let step_of = |k: i64| clock.time(k - 1).div_euclid(STEP_S);
    let nodes: Vec<Value> = cluster
        .nodes
        .iter()
        .zip(&meters.nodes)
        .map(|(node, meters)| {
            let mut steps: BTreeMap<i64, (i64, i64)> = BTreeMap::new();
            for (k, (metered, idle)) in &meters.truth {
                let step = steps.entry(step_of(*k)).or_default();
                *step = (step.0 + metered, step.1 + idle);
            }
            let steps: Vec<Value> = steps.iter().map(|(step, (metered, idle))| json!([step, metered, idle, "metered"])).collect();
            let exists_from = node.born.unwrap_or(clock.time(0));
            let exists_to = node.died.unwrap_or(clock.time(clock.count - 1));
            json!({ "node": node.name, "exists_from": exists_from, "exists_to": exists_to, "steps": steps })
        })
        .collect();
    let pods: Vec<Value> = cluster
        .pods
        .iter()
        .zip(&meters.pods)
        .map(|(pod, meters)| {
            let mut steps: BTreeMap<i64, (Option<i64>, Option<i64>)> = BTreeMap::new();
            for (k, (active, cpu)) in &meters.truth {
                let step = steps.entry(step_of(*k)).or_default();
                *step = (sum(step.0, *active), sum(step.1, *cpu));
            }
            // Kepler shows what a pod used up to its end once more after it, so no tail is missed.
            let steps: Vec<Value> = steps.iter().map(|(step, (active, cpu))| json!([step, active, cpu, null])).collect();
            let job = if let Owner::Job(name) = &pod.owner { Some(name) } else { None };
            let last_sample = meters.energy.last().map(|reading| clock.time(reading.k));
            json!({
                "namespace": pod.namespace, "workload": pod.workload, "pod": pod.name, "uid": pod.uid,
                "node": cluster.nodes[pod.node].name, "job": job, "cpu_request_milli": pod.request_milli,
                "last_sample": last_sample, "steps": steps,
            })
        })
        .collect();
    let jobs: Vec<Value> = cluster.jobs.iter().map(|job| job_truth(job, cluster)).collect();
    json!({ "cluster": cluster.name, "nodes": nodes, "pods": pods, "jobs": jobs })
}

fn job_truth(job: &Job, cluster: &Cluster) -> Value {
    let cron_job = job.cron_job.and_then(|name| cluster.cron_jobs.iter().find(|cron_job| cron_job.name == name));
    json!({
        "namespace": job.namespace, "job": job.name, "workload": job.workload(),
        "created": job.created, "started": job.started, "completed": job.is_complete.then_some(job.ended),
        "was_suspended": job.was_suspended,
        "schedule": cron_job.map(|cron_job| cron_job.schedule), "schedule_time_zone": cron_job.map(|cron_job| cron_job.time_zone),
        "scheduled_timestamp": job.scheduled_timestamp, "baseline_start": job.baseline_start,
        "home_zone": job.home_zone.or(cron_job.and_then(|cron_job| cron_job.home_zone)),
        "is_carbon_aware": job.carbon_aware_label.is_some(),
    })
}

fn sum(a: Option<i64>, b: Option<i64>) -> Option<i64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a + b),
        (a, b) => a.or(b),
    }
}
