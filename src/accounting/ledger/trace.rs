//! One node in some steps, with every table that the method makes of them: for whoever walks a figure down.
//!
//! In: the evidence tables of a cluster-day, [`DayTerms`], which node and steps. Out: [`NodeTrace`]: balance, quotas with their parts, emissions by
//! segment, rows. Rule: the files of `queries/accounting` are run over the rows of that node and those steps alone; nothing of the method reaches from one
//! node and step into another, so they are the rows of the whole day. Does not: know names, or compute anything itself.

use std::collections::BTreeMap;
use std::ops::Range;

use anyhow::{Context, Result};
use polars::prelude::{DataFrame, IntoLazy, col, lit};

use super::grid::cut;
use super::sql::{self, Columns};
use super::{DayTerms, LedgerRow, Segment};

/// The balance of a node in a step (`balance.sql`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Balance {
    pub step: i32,
    pub tier: i32,
    pub metered_mj: i64,
    pub pods_mj: i64,
    pub active_mj: i64,
    pub idle_mj: i64,
    pub system_mj: i64,
    pub correction_mj: i64,
    pub idle_cut_mj: i64,
    pub tails_mj: i64,
    pub tail_mj: i64,
    pub moved_mj: i64,
}

/// Which whole is split among the rows of a node and step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split {
    /// The meter, where pods claim more.
    Active,
    /// What (system) can give to ended pods.
    Tail,
    Idle,
    Facility,
}

impl Split {
    const fn tables(self) -> (&'static str, &'static str) {
        match self {
            Self::Active => ("active_quotas", "active_parts"),
            Self::Tail => ("tail_quotas", "tail_parts"),
            Self::Idle => ("idle_quotas", "idle_parts"),
            Self::Facility => ("facility_quotas", "facility_parts"),
        }
    }
}

/// A row's part of a whole, by largest remainder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    pub step: i32,
    pub row_id: i32,
    pub whole: i64,
    pub weight: i64,
    pub total: i64,
    pub part: i64,
}

/// What a row emits in a segment of its step (`emissions.sql`).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Emitted {
    pub segment: Segment,
    pub energy_mj: i64,
    pub operational_hourly_ugco2e: i64,
    pub upstream_ugco2e: Option<i64>,
    pub losses_ugco2e: Option<i64>,
}

/// What a pod's row of `usage` says, before the balance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Used {
    pub step: i32,
    pub row_id: i32,
    pub active_mj: Option<i64>,
    pub cpu_ms: Option<i64>,
    pub tail_mj: Option<i64>,
}

/// The tables of one node in some steps.
pub struct NodeTrace {
    tables: BTreeMap<String, DataFrame>,
    pub balances: Vec<Balance>,
    /// Sorted by step and row.
    pub rows: Vec<LedgerRow>,
    pub used: Vec<Used>,
    step_seconds: i64,
}

/// Runs the method for a node in some steps.
pub fn node(terms: &DayTerms<'_>, node_steps: &DataFrame, usage: &DataFrame, node: i32, steps: Range<i32>) -> Result<NodeTrace> {
    let of_node = |frame: &DataFrame| {
        let is_it = col("node_id").eq(lit(node)).and(col("step").gt_eq(lit(steps.start))).and(col("step").lt(lit(steps.end)));
        frame.clone().lazy().filter(is_it).collect()
    };
    let mut terms = terms.clone();
    terms.gaps.retain(|gap| gap.node_id == node && steps.contains(&gap.step));
    // Runs are walked by themselves.
    terms.runs.clear();
    let (node_steps, usage) = (of_node(node_steps)?, of_node(usage)?);
    let used = used(&usage)?;
    let tables = sql::run_plan(&sql::inputs(&terms, node_steps, usage)?)?;
    let (balances, rows) = (balances(table(&tables, "balance")?)?, sql::rows(&tables)?);
    Ok(NodeTrace { tables, balances, rows, used, step_seconds: terms.step_seconds })
}

impl NodeTrace {
    pub fn balance(&self, step: i32) -> Option<&Balance> {
        self.balances.iter().find(|balance| balance.step == step)
    }

    pub fn row(&self, step: i32, row_id: i32) -> Option<&LedgerRow> {
        self.rows.iter().find(|row| (row.step, row.row_id) == (step, row_id))
    }

    /// How a whole was split in a step, sorted by row; empty where nothing was split.
    pub fn split(&self, split: Split, step: i32) -> Result<Vec<Quota>> {
        let (quotas, parts) = split.tables();
        let (quotas, parts) = (Columns(table(&self.tables, quotas)?), Columns(table(&self.tables, parts)?));
        let mut part_of = BTreeMap::new();
        for i in 0..parts.0.height() {
            part_of.insert((parts.id("step", i)?, parts.id("row_id", i)?), parts.integer("part", i)?);
        }
        let mut split = Vec::new();
        for i in 0..quotas.0.height() {
            let (of_step, row_id) = (quotas.id("step", i)?, quotas.id("row_id", i)?);
            if of_step != step {
                continue;
            }
            let part = part_of.get(&(step, row_id)).copied().context("split.sql gives every quota its part")?;
            let (whole, weight, total) = (quotas.integer("whole", i)?, quotas.integer("weight", i)?, quotas.integer("total", i)?);
            split.push(Quota { step, row_id, whole, weight, total, part });
        }
        split.sort_by_key(|quota| quota.row_id);
        Ok(split)
    }

    /// A row's emissions, segment by segment. `segments` are those of the node's grid zone in the step.
    pub fn emitted(&self, step: i32, row_id: i32, segments: &[Segment]) -> Result<Vec<Emitted>> {
        let emissions = Columns(table(&self.tables, "emissions")?);
        let Some(row) = self.row(step, row_id) else { return Ok(Vec::new()) };
        let mut emitted = Vec::new();
        for i in 0..emissions.0.height() {
            if (emissions.id("step", i)?, emissions.id("row_id", i)?) != (step, row_id) {
                continue;
            }
            let from_s = emissions.integer("from_s", i)?;
            let segment =
                segments.iter().find(|segment| segment.from_s == from_s).context("emissions.sql knows a segment that the grid does not")?;
            emitted.push(Emitted {
                segment: *segment,
                energy_mj: cut(row.facility_mj, segment, self.step_seconds),
                operational_hourly_ugco2e: emissions.integer("operational_hourly_ugco2e", i)?,
                upstream_ugco2e: emissions.optional("upstream_ugco2e", i)?,
                losses_ugco2e: emissions.optional("losses_ugco2e", i)?,
            });
        }
        emitted.sort_by_key(|emitted| emitted.segment.from_s);
        Ok(emitted)
    }
}

fn table<'a>(tables: &'a BTreeMap<String, DataFrame>, name: &str) -> Result<&'a DataFrame> {
    tables.get(name).with_context(|| format!("plan.txt makes no table {name}"))
}

fn balances(balance: &DataFrame) -> Result<Vec<Balance>> {
    let columns = Columns(balance);
    let mut balances = Vec::with_capacity(balance.height());
    for i in 0..balance.height() {
        let integer = |name: &str| columns.integer(name, i);
        balances.push(Balance {
            step: columns.id("step", i)?,
            tier: columns.id("tier", i)?,
            metered_mj: integer("metered_mj")?,
            pods_mj: integer("pods_mj")?,
            active_mj: integer("active_mj")?,
            idle_mj: integer("idle_mj")?,
            system_mj: integer("system_mj")?,
            correction_mj: integer("correction_mj")?,
            idle_cut_mj: integer("idle_cut_mj")?,
            tails_mj: integer("tails_mj")?,
            tail_mj: integer("tail_mj")?,
            moved_mj: integer("moved_mj")?,
        });
    }
    balances.sort_by_key(|balance| balance.step);
    Ok(balances)
}

fn used(usage: &DataFrame) -> Result<Vec<Used>> {
    let columns = Columns(usage);
    let mut used = Vec::with_capacity(usage.height());
    for i in 0..usage.height() {
        used.push(Used {
            step: columns.id("step", i)?,
            row_id: columns.id("pod_id", i)?,
            active_mj: columns.optional("active_mj", i)?,
            cpu_ms: columns.optional("cpu_ms", i)?,
            tail_mj: columns.optional("tail_mj", i)?,
        });
    }
    used.sort_by_key(|used| (used.step, used.row_id));
    Ok(used)
}
