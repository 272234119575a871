//! A cluster-day as the levels near the samples need it: its tables, its terms, and names for its rows.

use std::ops::Range;

use anyhow::{Context, Result};
use chrono::{DateTime, SecondsFormat, Utc};
use polars::prelude::{DataFrame, IntoLazy, col, df, lit};

use super::tree::File;
use crate::accounting::dimensions::DayDimensions;
use crate::accounting::frames::texts;
use crate::accounting::ledger::{DayTerms, LedgerRow, Segment, Sums};
use crate::accounting::metering::trace::PodName;
use crate::cli::account::{DayToAccount, PreparedDay, Workings, rows_by_columns};
use crate::disclosure::figure_ids::StepId;
use crate::evidence::DayManifest;
use crate::model::tables::Table;
use crate::model::{GAP, GAP_ROW, IDLE, IDLE_ROW, SYSTEM, SYSTEM_ROW};
use crate::units::UtcDay;

/// Characters of a uid that tell pods of one name apart.
const UID_IN_NAME: usize = 8;

pub struct Day<'a> {
    pub cluster: usize,
    pub cluster_name: &'a str,
    pub day: UtcDay,
    /// None of a day that holds gaps alone.
    pub manifest: Option<DayManifest>,
    pub dimensions: DayDimensions,
    /// By pod id.
    pub pods: Vec<PodName>,
    pub terms: DayTerms<'a>,
    pub node_steps: DataFrame,
    pub usage: DataFrame,
    segments: Vec<Vec<Segment>>,
}

impl<'a> Day<'a> {
    pub fn read(workings: &'a Workings<'a>, of_day: &DayToAccount) -> Result<Self> {
        let (store, plan) = (workings.store, workings.plan);
        let (cluster, day, manifest) = (of_day.cluster, of_day.day, of_day.manifest.clone());
        let prepared = PreparedDay::read(store, plan, of_day)?;
        let terms = prepared.terms(plan, of_day);
        let dimensions = prepared.dimensions;
        let (pods, node_steps, usage) = match &manifest {
            Some(manifest) => (
                pod_names(&store.read_table(manifest, Table::Pods)?)?,
                store.read_table(manifest, Table::NodeSteps)?,
                store.read_table(manifest, Table::Usage)?,
            ),
            None => (Vec::new(), no_node_steps()?, no_usage()?),
        };
        let segments = terms.segments();
        let cluster_name = &plan.terms.clusters[cluster].name;
        Ok(Self { cluster, cluster_name, day, manifest, dimensions, pods, terms, node_steps, usage, segments })
    }

    /// The segments of a node's grid zone in a step; empty outside the period.
    pub fn segments(&self, node_id: i32, step: i32) -> &[Segment] {
        let zone = self.terms.sites[self.site(node_id)].zone;
        let offset = usize::try_from(step - self.terms.first_step).unwrap_or(usize::MAX);
        self.segments.get(zone * self.terms.step_count + offset).map_or(&[], Vec::as_slice)
    }

    pub fn site(&self, node_id: i32) -> usize {
        self.terms.nodes[node_id as usize].site
    }

    pub fn node_id(&self, node: &str) -> Option<i32> {
        self.dimensions.nodes.iter().position(|known| known.node == node).map(|id| id as i32)
    }

    pub fn step_of(&self, start: DateTime<Utc>) -> i32 {
        (start.timestamp() / self.terms.step_seconds) as i32
    }

    pub fn start_of(&self, step: i32) -> DateTime<Utc> {
        DateTime::from_timestamp(i64::from(step) * self.terms.step_seconds, 0).unwrap_or_default()
    }

    /// The steps of the period that begin in an hour.
    pub fn steps_of_hour(&self, hour: i32) -> Range<i32> {
        let mut steps = (self.terms.first_step..).take(self.terms.step_count).filter(|step| self.terms.hour_of(*step) == hour);
        let first = steps.next().unwrap_or(0);
        first..first + 1 + steps.count() as i32
    }

    /// Namespace and workload of a row of the ledger.
    pub fn workload_of(&self, row_id: i32) -> (&str, &str) {
        match row_id {
            GAP_ROW => (GAP, GAP),
            IDLE_ROW => (IDLE, IDLE),
            SYSTEM_ROW => (SYSTEM, SYSTEM),
            pod => {
                let (namespace, workload) = &self.dimensions.workloads[self.dimensions.pod_workload[pod as usize] as usize];
                (namespace, workload)
            }
        }
    }

    /// Namespace and name of a row, as its id has them.
    pub fn pod_of(&self, row_id: i32) -> (String, String) {
        let Ok(pod) = usize::try_from(row_id) else {
            let (namespace, workload) = self.workload_of(row_id);
            return (namespace.to_owned(), workload.to_owned());
        };
        let name = &self.pods[pod];
        let shares_its_name = |other: &PodName| (&other.namespace, &other.pod) == (&name.namespace, &name.pod);
        let is_alone = self.pods.iter().filter(|other| shares_its_name(other)).count() == 1;
        let uid: String = name.uid.chars().take(UID_IN_NAME).collect();
        (name.namespace.clone(), if is_alone || uid.is_empty() { name.pod.clone() } else { format!("{}~{uid}", name.pod) })
    }

    pub fn step_id(&self, node_id: i32, row_id: i32, step: i32) -> StepId {
        let (namespace, pod) = self.pod_of(row_id);
        let node = self.dimensions.nodes[node_id as usize].node.clone();
        StepId { cluster: self.cluster_name.to_owned(), node, namespace, pod, start: self.start_of(step) }
    }

    /// Node, row and step that an id names.
    pub fn row_of(&self, id: &StepId) -> Option<(i32, i32, i32)> {
        let node_id = self.node_id(&id.node)?;
        let shared = [(GAP, GAP_ROW), (IDLE, IDLE_ROW), (SYSTEM, SYSTEM_ROW)];
        let row_id = match shared.into_iter().find(|(name, _)| *name == id.namespace) {
            Some((_, row_id)) => row_id,
            None => {
                let of_node = (0..self.pods.len()).filter(|pod| self.dimensions.pod_node[*pod] == node_id);
                of_node.map(|pod| pod as i32).find(|pod| self.pod_of(*pod) == (id.namespace.clone(), id.pod.clone()))?
            }
        };
        Some((node_id, row_id, self.step_of(id.start)))
    }

    /// All rows of the ledger in some steps.
    pub fn rows(&self, steps: Range<i32>) -> Result<Vec<LedgerRow>> {
        let (_, mut rows) = rows_by_columns(&self.terms, &within(&self.node_steps, &steps)?, &within(&self.usage, &steps)?)?;
        rows.retain(|row| steps.contains(&row.step));
        Ok(rows)
    }

    /// The day's files that figures rest on.
    pub fn files(&self, tables: &[Table]) -> Vec<File> {
        let Some(manifest) = &self.manifest else { return Vec::new() };
        let of_tables = tables.iter().flat_map(|table| crate::evidence::files_of(manifest, *table));
        let file = |record: &crate::evidence::FileRecord| File {
            path: format!("{}/{}/{}", manifest.cluster, manifest.day, record.path),
            sha256: record.sha256.clone(),
            rows: Some(record.rows),
        };
        of_tables.map(file).collect()
    }
}

/// The sums of one row, as the ledger adds it up.
pub fn sums(row: &LedgerRow) -> Sums {
    Sums {
        active_mj: row.active_mj,
        idle_mj: row.idle_mj,
        system_mj: row.system_mj,
        gap_mj: row.gap_mj,
        allocated_mj: row.allocated_mj,
        modelled_mj: row.modelled_mj,
        facility_mj: row.facility_mj,
        operational_hourly_ugco2e: row.operational_hourly_ugco2e.unwrap_or(0),
        operational_annual_ugco2e: row.operational_annual_ugco2e.unwrap_or(0),
        upstream_ugco2e: row.upstream_ugco2e.unwrap_or(0),
        losses_ugco2e: row.losses_ugco2e.unwrap_or(0),
    }
}

pub fn within(frame: &DataFrame, steps: &Range<i32>) -> Result<DataFrame> {
    let is_within = col("step").gt_eq(lit(steps.start)).and(col("step").lt(lit(steps.end)));
    frame.clone().lazy().filter(is_within).collect().context("look at some steps of the evidence")
}

fn pod_names(pods: &DataFrame) -> Result<Vec<PodName>> {
    let (namespaces, names, uids) = (texts(pods, "namespace")?, texts(pods, "pod")?, texts(pods, "uid")?);
    let name = |((namespace, pod), uid): ((Option<String>, Option<String>), Option<String>)| PodName {
        namespace: namespace.unwrap_or_default(),
        pod: pod.unwrap_or_default(),
        uid: uid.unwrap_or_default(),
    };
    Ok(namespaces.into_iter().zip(names).zip(uids).map(name).collect())
}

fn no_node_steps() -> Result<DataFrame> {
    let (ids, mj): (Vec<i32>, Vec<i64>) = (Vec::new(), Vec::new());
    Ok(df!("node_id" => &ids, "step" => &ids, "metered_mj" => &mj, "idle_mj" => &mj, "tier" => &ids)?)
}

fn no_usage() -> Result<DataFrame> {
    let (ids, amounts): (Vec<i32>, Vec<i64>) = (Vec::new(), Vec::new());
    Ok(df!("node_id" => &ids, "pod_id" => &ids, "step" => &ids, "active_mj" => &amounts, "cpu_ms" => &amounts, "tail_mj" => &amounts)?)
}

pub fn instant_text(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

pub fn second_text(at_s: i64) -> String {
    DateTime::from_timestamp(at_s, 0).map(instant_text).unwrap_or_default()
}

pub fn milli_text(at_ms: i64) -> String {
    DateTime::from_timestamp_millis(at_ms).map(instant_text).unwrap_or_default()
}

pub fn hour_text(hour: i32) -> String {
    second_text(i64::from(hour) * 3_600)
}
