//! The dimension tables of a cluster-day, as the ledger needs them: ids become indices, names are kept once.
//!
//! In: the frames `nodes`, `pods`, `jobs`. Out: [`DayDimensions`]. Assumes: ids are row numbers. Does not: look at energy.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use chrono::{DateTime, Utc};
use polars::prelude::DataFrame;

use super::frames::{booleans, ids, integers, optional_ids, texts};
use crate::model::{JobRun, Name, Names};

/// A node on one day.
#[derive(Clone, Debug)]
pub struct NodeOfDay {
    pub node: String,
    pub labels: BTreeMap<String, String>,
    pub power_zones: String,
    pub first_ms: i64,
    pub last_ms: i64,
    pub is_metered: bool,
    /// Thousandths of a core; none where nobody said.
    pub cpu_capacity_milli: Option<i64>,
    /// What pods can have of it.
    pub cpu_allocatable_milli: Option<i64>,
}

/// The dimensions of one cluster and UTC day.
#[derive(Clone, Debug, Default)]
pub struct DayDimensions {
    pub nodes: Vec<NodeOfDay>,
    /// Namespace and workload, by the workload ids of this day.
    pub workloads: Vec<(String, String)>,
    pub pod_node: Vec<i32>,
    pub pod_workload: Vec<i32>,
    pub pod_job: Vec<i32>,
    pub pod_cpu_request_milli: Vec<i64>,
    /// Devices.
    pub pod_gpu_request: Vec<i64>,
    pub pod_last_ms: Vec<Option<i64>>,
    /// What labels of the pod say; of Jobs the table of jobs knows it too.
    pub pod_is_deferrable: Vec<Option<bool>>,
    pub jobs: Vec<JobRun>,
}

impl DayDimensions {
    /// Only the names of a day's nodes.
    pub fn node_names(nodes: &DataFrame) -> Result<Vec<String>> {
        Ok(texts(nodes, "node")?.into_iter().flatten().collect())
    }

    pub fn read(cluster: &str, nodes: &DataFrame, pods: &DataFrame, jobs: &DataFrame) -> Result<Self> {
        let mut day = Self { nodes: read_nodes(nodes)?, jobs: read_jobs(cluster, jobs)?, ..Self::default() };
        let namespaces = texts(pods, "namespace")?;
        let names = texts(pods, "workload")?;
        let mut known: BTreeMap<(String, String), i32> = BTreeMap::new();
        for (namespace, workload) in namespaces.into_iter().zip(names) {
            let key = (namespace.unwrap_or_default(), workload.unwrap_or_default());
            let next = day.workloads.len() as i32;
            let id = *known.entry(key.clone()).or_insert(next);
            if id == next {
                day.workloads.push(key);
            }
            day.pod_workload.push(id);
        }
        day.pod_node = ids(pods, "node_id")?;
        day.pod_job = optional_ids(pods, "job_id")?.into_iter().map(|job| job.unwrap_or(-1)).collect();
        day.pod_cpu_request_milli = integers(pods, "cpu_request_milli")?.into_iter().map(|request| request.unwrap_or(0)).collect();
        day.pod_gpu_request = integers_if_there(pods, "gpu_request")?.into_iter().map(|request| request.unwrap_or(0)).collect();
        day.pod_last_ms = integers(pods, "last_ms")?;
        day.pod_is_deferrable = booleans_if_there(pods, "is_deferrable")?;
        let pod_ids = ids(pods, "pod_id")?;
        ensure!(pod_ids.iter().enumerate().all(|(row, id)| *id == row as i32), "pod ids are not the row numbers of table pods");
        ensure!(day.pod_job.iter().all(|job| *job < day.jobs.len() as i32), "table pods names a job that table jobs does not hold");
        ensure!(
            day.pod_node.iter().all(|node| (*node as usize) < day.nodes.len()),
            "table pods names a node that table nodes does not hold"
        );
        Ok(day)
    }
}

/// A column that is only there where anything was said of it.
fn integers_if_there(frame: &DataFrame, column: &str) -> Result<Vec<Option<i64>>> {
    if frame.get_column_index(column).is_some() { integers(frame, column) } else { Ok(vec![None; frame.height()]) }
}

fn booleans_if_there(frame: &DataFrame, column: &str) -> Result<Vec<Option<bool>>> {
    if frame.get_column_index(column).is_some() { booleans(frame, column) } else { Ok(vec![None; frame.height()]) }
}

fn read_nodes(nodes: &DataFrame) -> Result<Vec<NodeOfDay>> {
    let names = texts(nodes, "node")?;
    let labels = texts(nodes, "labels")?;
    let power_zones = texts(nodes, "power_zones")?;
    let (first_ms, last_ms) = (integers(nodes, "first_ms")?, integers(nodes, "last_ms")?);
    let metered = booleans(nodes, "metered")?;
    let capacity = integers_if_there(nodes, "cpu_capacity_milli")?;
    let allocatable = integers_if_there(nodes, "cpu_allocatable_milli")?;
    let mut read = Vec::with_capacity(names.len());
    for (i, node) in names.into_iter().enumerate() {
        read.push(NodeOfDay {
            node: node.unwrap_or_default(),
            labels: labels[i].as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default(),
            power_zones: power_zones[i].clone().unwrap_or_default(),
            first_ms: first_ms[i].unwrap_or(i64::MAX),
            last_ms: last_ms[i].unwrap_or(i64::MIN),
            is_metered: metered[i].unwrap_or(false),
            cpu_capacity_milli: capacity[i],
            cpu_allocatable_milli: allocatable[i],
        });
    }
    Ok(read)
}

/// The job runs of a cluster-day.
pub fn read_jobs(cluster: &str, jobs: &DataFrame) -> Result<Vec<JobRun>> {
    let mut names = Names::default();
    let cluster = names.of(cluster);
    let mut text = |column: &str| -> Result<Vec<Option<Name>>> {
        Ok(texts(jobs, column)?.into_iter().map(|text| text.map(|text| names.of(&text))).collect())
    };
    let instant = |ms: Option<i64>| ms.and_then(DateTime::<Utc>::from_timestamp_millis);
    let (namespace, job, workload, uid) = (text("namespace")?, text("job")?, text("workload")?, text("uid")?);
    let (created, started, completed) = (integers(jobs, "created_ms")?, integers(jobs, "started_ms")?, integers(jobs, "completed_ms")?);
    let pods_started = integers_if_there(jobs, "pods_started_ms")?;
    let (scheduled, schedule, time_zone) = (text("scheduled_timestamp")?, text("schedule")?, text("schedule_time_zone")?);
    let (baseline_start, home_zone) = (text("baseline_start")?, text("home_zone")?);
    let mut text_if_there =
        |column: &str| if jobs.get_column_index(column).is_some() { text(column) } else { Ok(vec![None; jobs.height()]) };
    let (home_cluster, decision, max_delay_hours) =
        (text_if_there("home_cluster")?, text_if_there("decision")?, text_if_there("max_delay_hours")?);
    let (suspended, carbon_aware, deferrable) =
        (booleans(jobs, "was_suspended")?, booleans(jobs, "is_carbon_aware")?, booleans(jobs, "is_deferrable")?);
    let unnamed = Name::from("");
    Ok((0..namespace.len())
        .map(|i| JobRun {
            cluster: cluster.clone(),
            namespace: namespace[i].clone().unwrap_or_else(|| unnamed.clone()),
            job: job[i].clone().unwrap_or_else(|| unnamed.clone()),
            uid: uid[i].clone(),
            workload: workload[i].clone().unwrap_or_else(|| unnamed.clone()),
            created: instant(created[i]),
            started: instant(started[i]),
            completed: instant(completed[i]),
            pods_started: instant(pods_started[i]),
            was_suspended: suspended[i].unwrap_or(false),
            scheduled_timestamp: scheduled[i].clone(),
            schedule: schedule[i].clone(),
            schedule_time_zone: time_zone[i].clone(),
            baseline_start: baseline_start[i].clone(),
            home_zone: home_zone[i].clone(),
            home_cluster: home_cluster[i].clone(),
            decision: decision[i].clone(),
            max_delay_hours: max_delay_hours[i].clone(),
            is_carbon_aware: carbon_aware[i],
            is_deferrable: deferrable[i],
        })
        .collect())
}
