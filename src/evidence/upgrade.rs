//! Tables of older evidence in the columns of today. What is stored stays as it is.
//!
//! In: a table as it was stored, and the version of its manifest's schema. Out: the same table with the columns that came later, holding what was true
//! when it was written. Rule: every version that was ever written is read. Does not: compute.
//!
//! | since | table | column | before |
//! |---|---|---|---|
//! | 2 | `node_steps` | `tier` | 1: all energy was metered |
//! | 2 | `usage` | `tail_mj` | null: nobody looked for tails |
//!
//! `nodes` has `cpu_capacity_milli` and `cpu_allocatable_milli`, `pods` has `gpu_request` and `is_deferrable`, and `jobs` has `home_cluster`, `decision`,
//! `max_delay_hours` and `pods_started_ms` only where that was said of anything on the day; whoever reads them takes a table without the column for one of nulls.

use anyhow::{Context, Result};
use polars::prelude::{Column, DataFrame, DataType};

use crate::model::Tier;
use crate::model::tables::Table;

/// Adds what a table of an older version lacks.
pub fn upgraded(table: Table, version: u32, mut frame: DataFrame) -> Result<DataFrame> {
    let rows = frame.height();
    let column = match (table, version) {
        (Table::NodeSteps, 1) => Column::new("tier".into(), vec![Tier::Metered.id(); rows]),
        (Table::Usage, 1) => Column::full_null("tail_mj".into(), rows, &DataType::Int64),
        _ => return Ok(frame),
    };
    frame.with_column(column).with_context(|| format!("bring table {} of schema version {version} up to date", table.name()))?;
    Ok(frame)
}
