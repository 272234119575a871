//! Days of one cluster that an engine accounts together: their ids set apart from each other, and back.
//!
//! In: [`DayTerms`] of each day. Out: the tables of the plan for all of them, and from what the engine makes of those each day's own.
//! Rule: ids of nodes, pods, jobs and workloads are of a day; a day's begin where those of the day before end, so the order within a day stays, and with it who
//! wins among equal remainders. Steps and hours are of the calendar and of one cluster, so they say which day a row is of.
//! Assumes: all days have the same sites and zones, as days of one plan do. Does not: read files, or know the engine.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use polars::prelude::{Column, DataFrame, Expr, IntoLazy, NamedFrom, Series, col, lit, when};

use crate::accounting::ledger::{DayTerms, sql};
use crate::units::UtcDay;

/// How many rows the manifest of a day says that its tables have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RowsOfDay {
    pub node_steps: u64,
    pub usage: u64,
}

/// A cluster-day to be accounted.
pub struct DayToRun<'a> {
    pub day: UtcDay,
    pub terms: DayTerms<'a>,
    pub rows: RowsOfDay,
}

/// Where the ids of a day begin, and how many there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Bases {
    node: i32,
    pod: i32,
    job: i32,
    workload: i32,
}

/// Some days of one cluster.
pub struct Batch<'a> {
    cluster: String,
    days: Vec<DayToRun<'a>>,
    bases: Vec<Bases>,
}

/// Columns that hold ids of a day, and which; of `workload_id` only what is not below zero.
const NODE: &str = "node_id";
const POD: &str = "pod_id";
const JOB: &str = "job_id";
const WORKLOAD: &str = "workload_id";
const ROW: &str = "row_id";
const DAY: &str = "day_id";

impl<'a> Batch<'a> {
    pub fn new(cluster: &str, days: Vec<DayToRun<'a>>) -> Result<Self> {
        let mut bases = Vec::with_capacity(days.len());
        let mut next = Bases::default();
        for day in &days {
            bases.push(next);
            let after = |base: i32, count: usize| {
                i32::try_from(count)
                    .ok()
                    .and_then(|count| base.checked_add(count))
                    .context("more than 2^31 ids in one batch; set a smaller `batch_days`")
            };
            next = Bases {
                node: after(next.node, day.terms.nodes.len())?,
                pod: after(next.pod, day.terms.pods.len())?,
                job: after(next.job, day.terms.runs.len())?,
                workload: after(next.workload, day.terms.workload_count)?,
            };
        }
        Ok(Self { cluster: cluster.to_owned(), days, bases })
    }

    pub fn cluster(&self) -> &str {
        &self.cluster
    }

    pub fn days(&self) -> &[DayToRun<'a>] {
        &self.days
    }

    /// The tables of the plan that are no evidence, and `day_keys`, which says of each step whose ids its rows have.
    pub fn tables(&self) -> Result<BTreeMap<&'static str, DataFrame>> {
        let mut whole: BTreeMap<&'static str, DataFrame> = BTreeMap::new();
        let (mut step, mut day_id, mut node_base, mut pod_base) = (vec![], vec![], vec![], vec![]);
        for (index, (day, bases)) in self.days.iter().zip(&self.bases).enumerate() {
            let id = i32::try_from(index)?;
            for (name, mut frame) in sql::terms_tables(&day.terms)? {
                for (column, base) in [(NODE, bases.node), (POD, bases.pod), (JOB, bases.job), (WORKLOAD, bases.workload)] {
                    move_ids(&mut frame, column, base).with_context(|| format!("table {name}"))?;
                }
                if ["nodes", "pods"].contains(&name) {
                    frame.with_column(Column::new(DAY.into(), vec![id; frame.height()]))?;
                }
                match whole.get_mut(name) {
                    Some(whole) => {
                        whole.vstack_mut(&frame).with_context(|| format!("put the days of table {name} together"))?;
                    }
                    None => {
                        whole.insert(name, frame);
                    }
                }
            }
            for of_day in (day.terms.first_step..).take(day.terms.step_count) {
                step.push(of_day);
                day_id.push(id);
                node_base.push(bases.node);
                pod_base.push(bases.pod);
            }
        }
        ensure!(step.windows(2).all(|pair| pair[0] < pair[1]), "the days of a batch are not in order");
        let columns = [("step", step), (DAY, day_id), ("node_base", node_base), ("pod_base", pod_base)];
        let columns = columns.into_iter().map(|(name, values)| Series::new(name.into(), values).into()).collect();
        whole.insert("day_keys", DataFrame::new_infer_height(columns)?);
        Ok(whole)
    }

    /// What of a table is of a day, under the ids of the day. Which rows those are is said by the ids or the time in them.
    pub fn of_day(&self, table: &str, frame: &DataFrame, index: usize) -> Result<DataFrame> {
        if frame.height() == 0 {
            return Ok(frame.clone());
        }
        let (terms, bases) = (&self.days[index].terms, &self.bases[index]);
        let steps = (terms.first_step, terms.first_step + i32::try_from(terms.step_count)?);
        let hours = (terms.hour_of(steps.0), terms.hour_of(steps.1 - 1) + 1);
        let (column, (from, to)) = match table {
            "workload_hours" => ("hour", hours),
            "node_days" | "reservations" => (NODE, (bases.node, bases.node + i32::try_from(terms.nodes.len())?)),
            "job_rows" => (JOB, (bases.job, bases.job + i32::try_from(terms.runs.len())?)),
            _ => ("step", steps),
        };
        let is_of_day = col(column).gt_eq(lit(from)).and(col(column).lt(lit(to)));
        let moved = |name: &str, base: i32| col(name) - lit(base);
        let not_negative =
            |name: &str, base: i32| -> Expr { when(col(name).lt(lit(0))).then(col(name)).otherwise(col(name) - lit(base)).alias(name) };
        let mut back = Vec::new();
        for name in frame.get_column_names().into_iter().map(|name| name.as_str()) {
            match name {
                NODE => back.push(moved(NODE, bases.node)),
                JOB => back.push(moved(JOB, bases.job)),
                WORKLOAD => back.push(not_negative(WORKLOAD, bases.workload)),
                ROW => back.push(not_negative(ROW, bases.pod)),
                _ => {}
            }
        }
        frame.clone().lazy().filter(is_of_day).with_columns(back).collect().with_context(|| format!("take a day out of table {table}"))
    }
}

/// Adds to the ids of a column that a table may have; nulls stay.
fn move_ids(frame: &mut DataFrame, column: &str, base: i32) -> Result<()> {
    if frame.get_column_index(column).is_none() {
        return Ok(());
    }
    let moved = frame.column(column)?.i32().with_context(|| format!("column {column}"))? + base;
    frame.with_column(Column::from(Series::from(moved)))?;
    Ok(())
}
