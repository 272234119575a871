//! From raw counter samples of a cluster-day to energy by node, pod and step.

use anyhow::Result;
use polars::prelude::DataFrame;

use crate::model::{Finding, SampleTable};
use crate::units::UtcDay;

/// What a day's samples say, as the evidence tables of the same names (`model::tables`).
pub struct MeteredDay {
    pub nodes: DataFrame,
    pub pods: DataFrame,
    pub jobs: DataFrame,
    pub node_steps: DataFrame,
    pub usage: DataFrame,
    pub findings: Vec<Finding>,
}

pub fn meter_day(_samples: &SampleTable, _day: UtcDay, _step_seconds: i64) -> Result<MeteredDay> {
    anyhow::bail!("not built yet")
}
