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

#[cfg(test)]
mod tests {
    use polars::prelude::{Column, df};

    use super::super::counterfactual::test_run::at;
    use super::*;

    fn nodes() -> DataFrame {
        df![
            "node" => ["n1", "n2"],
            "labels" => [Some(r#"{"pool":"gpu"}"#), None],
            "power_zones" => [Some("package-0"), None],
            "first_ms" => [Some(7_i64), None],
            "last_ms" => [Some(9_i64), None],
            "metered" => [Some(true), None]
        ]
        .unwrap()
    }

    /// Three pods of two workloads; the second belongs to the only job.
    fn pods() -> DataFrame {
        df![
            "pod_id" => [0, 1, 2],
            "node_id" => [1, 0, 1],
            "job_id" => [None, Some(0), None],
            "namespace" => ["shop", "etl", "shop"],
            "workload" => ["Deployment/web", "CronJob/nightly", "Deployment/web"],
            "cpu_request_milli" => [Some(250_i64), None, Some(500)],
            "last_ms" => [Some(5_i64), None, Some(6)]
        ]
        .unwrap()
    }

    fn jobs() -> DataFrame {
        let nobody: [Option<&str>; 1] = [None];
        let instant = |text: &str| [at(text).timestamp_millis()];
        df![
            "namespace" => ["etl"],
            "job" => ["nightly-1"],
            "workload" => ["CronJob/nightly"],
            "uid" => ["7f0c"],
            "created_ms" => instant("2026-10-05T01:00:01Z"),
            "started_ms" => instant("2026-10-05T05:00:00Z"),
            "completed_ms" => instant("2026-10-05T07:00:00Z"),
            "scheduled_timestamp" => nobody,
            "schedule" => ["0 1 * * *"],
            "schedule_time_zone" => nobody,
            "baseline_start" => nobody,
            "home_zone" => ["FR"],
            "was_suspended" => [true],
            "is_carbon_aware" => [None::<bool>],
            "is_deferrable" => [Some(false)]
        ]
        .unwrap()
    }

    fn with(frame: DataFrame, columns: Vec<Column>) -> DataFrame {
        frame.hstack(&columns).unwrap()
    }

    fn read(pods: &DataFrame) -> Result<DayDimensions> {
        DayDimensions::read("prod-nl", &nodes(), pods, &jobs())
    }

    #[test]
    fn rows_of_a_day_become_indices_and_names_are_kept_once() {
        let pods = with(
            pods(),
            vec![
                Column::new("gpu_request".into(), [Some(2_i64), None, None]),
                Column::new("is_deferrable".into(), [None, Some(true), Some(false)]),
            ],
        );
        let day = read(&pods).unwrap();

        assert_eq!(DayDimensions::node_names(&nodes()).unwrap(), ["n1", "n2"]);
        let text = |text: &str| text.to_owned();
        assert_eq!(day.workloads, [(text("shop"), text("Deployment/web")), (text("etl"), text("CronJob/nightly"))]);
        assert_eq!((day.pod_node, day.pod_workload, day.pod_job), (vec![1, 0, 1], vec![0, 1, 0], vec![-1, 0, -1]));
        assert_eq!((day.pod_cpu_request_milli, day.pod_gpu_request), (vec![250, 0, 500], vec![2, 0, 0]));
        assert_eq!(day.pod_last_ms, [Some(5), None, Some(6)]);
        assert_eq!(day.pod_is_deferrable, [None, Some(true), Some(false)]);
        let seen = |node: &NodeOfDay| (node.node.clone(), node.power_zones.clone(), node.first_ms, node.last_ms, node.is_metered);
        let expected = [(text("n1"), text("package-0"), 7, 9, true), (text("n2"), text(""), i64::MAX, i64::MIN, false)];
        assert_eq!(day.nodes.iter().map(seen).collect::<Vec<_>>(), expected);
        assert_eq!(day.nodes[0].labels, BTreeMap::from([(text("pool"), text("gpu"))]));
        assert!(day.nodes[1].labels.is_empty());
    }

    #[test]
    fn a_column_that_nobody_filled_is_unknown_in_every_row() {
        let day = read(&pods()).unwrap();
        assert_eq!((day.pod_gpu_request, day.pod_is_deferrable), (vec![0; 3], vec![None; 3]));
        assert!(day.nodes.iter().all(|node| node.cpu_capacity_milli.is_none() && node.cpu_allocatable_milli.is_none()));
        let job = &day.jobs[0];
        assert_eq!((job.pods_started, &job.home_cluster, &job.decision, &job.max_delay_hours), (None, &None, &None, &None));
    }

    #[test]
    fn a_job_says_what_its_row_does() {
        let jobs = with(
            jobs(),
            vec![
                Column::new("pods_started_ms".into(), [at("2026-10-05T04:59:00Z").timestamp_millis()]),
                Column::new("home_cluster".into(), ["edge-fr"]),
                Column::new("max_delay_hours".into(), ["6"]),
            ],
        );
        let expected = JobRun {
            uid: Some("7f0c".into()),
            started: Some(at("2026-10-05T05:00:00Z")),
            completed: Some(at("2026-10-05T07:00:00Z")),
            pods_started: Some(at("2026-10-05T04:59:00Z")),
            was_suspended: true,
            schedule: Some("0 1 * * *".into()),
            home_zone: Some("FR".into()),
            home_cluster: Some("edge-fr".into()),
            max_delay_hours: Some("6".into()),
            is_deferrable: Some(false),
            ..super::super::counterfactual::test_run::run()
        };
        assert_eq!(format!("{:?}", read_jobs("prod-nl", &jobs).unwrap()), format!("{:?}", [expected]));
    }

    #[test]
    fn an_id_that_leads_nowhere_is_refused() {
        for (column, ids, said) in [
            ("pod_id", [0, 2, 1], "pod ids are not the row numbers of table pods"),
            ("job_id", [-1, 0, 1], "table pods names a job that table jobs does not hold"),
            ("node_id", [0, 1, 2], "table pods names a node that table nodes does not hold"),
            ("node_id", [0, 1, -1], "table pods names a node that table nodes does not hold"),
        ] {
            let mut pods = pods();
            pods.with_column(Column::new(column.into(), ids)).unwrap();
            assert_eq!(read(&pods).unwrap_err().to_string(), said);
        }
    }
}
