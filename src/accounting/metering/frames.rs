//! The evidence tables of a metered day as data frames, in the columns that `model::tables` names.
//!
//! In: records with their ids. Out: frames, each sorted by its key. Does not: compute.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use polars::df;
use polars::prelude::{Column, DataFrame};

use super::choice::MeteredNode;
use super::jobs::JobRow;
use super::namespaces::Labels;
use super::pods::PodRecord;

/// A row of `nodes`.
pub struct NodeRow {
    pub node: String,
    pub power_zones: String,
    pub labels: String,
    pub first_ms: i64,
    pub last_ms: i64,
    pub is_metered: bool,
    /// Thousandths of a core.
    pub cpu_capacity_milli: Option<i64>,
    pub cpu_allocatable_milli: Option<i64>,
}

/// A pod with what was found out about it.
pub struct PodRow<'a> {
    pub record: PodRecord<'a>,
    pub workload: String,
    pub job: Option<&'a str>,
    pub job_id: Option<i32>,
    pub cpu_request_milli: Option<i64>,
    /// Devices.
    pub gpu_request: Option<i64>,
    /// What its labels say; none for the pods of Jobs, of which the table of jobs tells.
    pub is_deferrable: Option<bool>,
}

pub fn row_number(row: usize) -> i32 {
    i32::try_from(row).expect("a cluster-day has fewer than 2^31 rows of a dimension")
}

/// A column that came later is there only where it says anything: evidence without it is as it was before it came.
fn with_what_was_said(mut frame: DataFrame, columns: impl IntoIterator<Item = Column>) -> Result<DataFrame> {
    for column in columns.into_iter().filter(|column| column.null_count() < column.len()) {
        frame.with_column(column)?;
    }
    Ok(frame)
}

pub fn nodes(rows: &[NodeRow]) -> Result<DataFrame> {
    let frame = df![
        "node_id" => (0..rows.len()).map(row_number).collect::<Vec<i32>>(),
        "node" => rows.iter().map(|row| row.node.as_str()).collect::<Vec<_>>(),
        "power_zones" => rows.iter().map(|row| row.power_zones.as_str()).collect::<Vec<_>>(),
        "labels" => rows.iter().map(|row| row.labels.as_str()).collect::<Vec<_>>(),
        "first_ms" => rows.iter().map(|row| row.first_ms).collect::<Vec<i64>>(),
        "last_ms" => rows.iter().map(|row| row.last_ms).collect::<Vec<i64>>(),
        "metered" => rows.iter().map(|row| row.is_metered).collect::<Vec<bool>>(),
    ]
    .context("frame of nodes")?;
    let cores = |of: fn(&NodeRow) -> Option<i64>| rows.iter().map(of).collect::<Vec<Option<i64>>>();
    let later = [
        Column::new("cpu_capacity_milli".into(), cores(|row| row.cpu_capacity_milli)),
        Column::new("cpu_allocatable_milli".into(), cores(|row| row.cpu_allocatable_milli)),
    ];
    with_what_was_said(frame, later).context("frame of nodes")
}

pub fn pods(rows: &[PodRow], node_ids: &BTreeMap<&str, i32>) -> Result<DataFrame> {
    let frame = df![
        "pod_id" => (0..rows.len()).map(row_number).collect::<Vec<i32>>(),
        "node_id" => rows.iter().map(|row| node_ids[row.record.node]).collect::<Vec<i32>>(),
        "namespace" => rows.iter().map(|row| row.record.namespace).collect::<Vec<_>>(),
        "workload" => rows.iter().map(|row| row.workload.as_str()).collect::<Vec<_>>(),
        "pod" => rows.iter().map(|row| row.record.pod).collect::<Vec<_>>(),
        "uid" => rows.iter().map(|row| row.record.uid.as_str()).collect::<Vec<_>>(),
        "job_id" => rows.iter().map(|row| row.job_id).collect::<Vec<Option<i32>>>(),
        "cpu_request_milli" => rows.iter().map(|row| row.cpu_request_milli).collect::<Vec<Option<i64>>>(),
        "last_ms" => rows.iter().map(|row| row.record.last_ms).collect::<Vec<Option<i64>>>(),
    ]
    .context("frame of pods")?;
    let later = [
        Column::new("gpu_request".into(), rows.iter().map(|row| row.gpu_request).collect::<Vec<Option<i64>>>()),
        Column::new("is_deferrable".into(), rows.iter().map(|row| row.is_deferrable).collect::<Vec<Option<bool>>>()),
    ];
    with_what_was_said(frame, later).context("frame of pods")
}

pub fn jobs(rows: &[JobRow]) -> Result<DataFrame> {
    let texts = |of: fn(&JobRow) -> &Option<String>| rows.iter().map(|row| of(row).as_deref()).collect::<Vec<Option<&str>>>();
    let frame = df![
        "job_id" => (0..rows.len()).map(row_number).collect::<Vec<i32>>(),
        "namespace" => rows.iter().map(|row| row.namespace.as_str()).collect::<Vec<_>>(),
        "job" => rows.iter().map(|row| row.job.as_str()).collect::<Vec<_>>(),
        "workload" => rows.iter().map(|row| row.workload.as_str()).collect::<Vec<_>>(),
        "uid" => texts(|row| &row.uid),
        "created_ms" => rows.iter().map(|row| row.created_ms).collect::<Vec<Option<i64>>>(),
        "started_ms" => rows.iter().map(|row| row.started_ms).collect::<Vec<Option<i64>>>(),
        "completed_ms" => rows.iter().map(|row| row.completed_ms).collect::<Vec<Option<i64>>>(),
        "was_suspended" => rows.iter().map(|row| row.was_suspended).collect::<Vec<bool>>(),
        "scheduled_timestamp" => texts(|row| &row.scheduled_timestamp),
        "schedule" => texts(|row| &row.schedule),
        "schedule_time_zone" => texts(|row| &row.schedule_time_zone),
        "baseline_start" => texts(|row| &row.baseline_start),
        "home_zone" => texts(|row| &row.home_zone),
        "is_carbon_aware" => rows.iter().map(|row| row.is_carbon_aware).collect::<Vec<Option<bool>>>(),
        "is_deferrable" => rows.iter().map(|row| row.is_deferrable).collect::<Vec<Option<bool>>>(),
    ]
    .context("frame of jobs")?;
    let later = [
        Column::new("home_cluster".into(), texts(|row| &row.home_cluster)),
        Column::new("decision".into(), texts(|row| &row.decision)),
        Column::new("max_delay_hours".into(), texts(|row| &row.max_delay_hours)),
        Column::new("pods_started_ms".into(), rows.iter().map(|row| row.pods_started_ms).collect::<Vec<Option<i64>>>()),
    ];
    with_what_was_said(frame, later).context("frame of jobs")
}

/// None where no namespace has a label.
pub fn namespaces(namespaces: &BTreeMap<&str, Labels>) -> Result<Option<DataFrame>> {
    let texts: serde_json::Result<Vec<String>> = namespaces.values().map(serde_json::to_string).collect();
    let frame = df![
        "namespace" => namespaces.keys().copied().collect::<Vec<&str>>(),
        "labels" => texts.context("labels of namespaces")?,
    ];
    Ok((!namespaces.is_empty()).then_some(frame.context("frame of namespaces")?))
}

pub fn node_steps(nodes: &[MeteredNode], node_ids: &BTreeMap<&str, i32>) -> Result<DataFrame> {
    let rows = nodes.iter().map(|node| node.steps.len()).sum();
    let (mut node_id, mut step) = (Vec::with_capacity(rows), Vec::with_capacity(rows));
    let (mut metered_mj, mut idle_mj) = (Vec::<i64>::with_capacity(rows), Vec::<Option<i64>>::with_capacity(rows));
    let mut tier = Vec::<i32>::with_capacity(rows);
    for node in nodes {
        for (at, row) in &node.steps {
            node_id.push(node_ids[node.node]);
            step.push(*at);
            metered_mj.push(row.metered_mj);
            idle_mj.push(row.idle_mj);
            tier.push(row.tier.id());
        }
    }
    df!["node_id" => node_id, "step" => step, "metered_mj" => metered_mj, "idle_mj" => idle_mj, "tier" => tier]
        .context("frame of node steps")
}

pub fn usage(rows: &[PodRow], node_ids: &BTreeMap<&str, i32>) -> Result<DataFrame> {
    let most = rows.iter().map(|row| row.record.energy.len().max(row.record.cpu.len()) + row.record.tail.len()).sum();
    let (mut node_id, mut pod_id, mut step) = (Vec::with_capacity(most), Vec::with_capacity(most), Vec::<i32>::with_capacity(most));
    let [mut active_mj, mut cpu_ms, mut tail_mj] = [(); 3].map(|()| Vec::<Option<i64>>::with_capacity(most));
    for (id, row) in rows.iter().enumerate() {
        let mut streams = [&row.record.energy, &row.record.cpu, &row.record.tail].map(|rows| rows.iter().peekable());
        while let Some(at) = streams.iter_mut().filter_map(|rows| rows.peek().map(|(at, _)| *at)).min() {
            let [energy, cpu, tail] = &mut streams;
            step.push(at);
            for (rows, column) in [(energy, &mut active_mj), (cpu, &mut cpu_ms), (tail, &mut tail_mj)] {
                column.push(rows.next_if(|(same, _)| *same == at).map(|(_, amount)| *amount));
            }
        }
        node_id.resize(step.len(), node_ids[row.record.node]);
        pod_id.resize(step.len(), row_number(id));
    }
    df!["node_id" => node_id, "pod_id" => pod_id, "step" => step, "active_mj" => active_mj, "cpu_ms" => cpu_ms, "tail_mj" => tail_mj]
        .context("frame of usage")
}
