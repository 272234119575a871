//! The two evidence tables of a cluster-day as the columnar pass takes them.
//!
//! In: columns as stored. Out: slices, and [`Meters`] laid out by node and step. Rule: what is beyond bounds is an error, because sums would no longer be safe.
//! Does not: sum.

use anyhow::{Result, bail};

use super::DayTerms;
use crate::accounting::split::LARGEST_WHOLE;
use crate::model::Tier;

/// Usage of some nodes, as stored: sorted by pod and step. Unknown energy and CPU are 0 here, as in `COALESCE`.
#[derive(Clone, Copy, Default)]
pub struct UsageColumns<'a> {
    pub node_id: &'a [i32],
    pub pod_id: &'a [i32],
    pub step: &'a [i32],
    pub active_mj: &'a [i64],
    pub cpu_ms: &'a [i64],
    /// None where no row has a tail, which costs nothing.
    pub tail_mj: Option<&'a [i64]>,
}

/// The table `node_steps`. Unknown idle energy is 0 here.
#[derive(Clone, Copy, Default)]
pub struct NodeStepColumns<'a> {
    pub node_id: &'a [i32],
    pub step: &'a [i32],
    pub metered_mj: &'a [i64],
    pub idle_mj: &'a [i64],
    pub tier: &'a [i32],
}

/// The meters of a cluster-day by `node * step_count + step`.
pub struct Meters {
    /// -1 where no delta reached the step.
    pub metered_mj: Vec<i64>,
    pub idle_mj: Vec<i64>,
    pub tier: Vec<Tier>,
}

impl Meters {
    pub const UNMETERED: i64 = -1;

    /// Lays `node_steps` out by node and step. An energy beyond bounds is an error: sums would no longer be safe.
    pub fn new(terms: &DayTerms<'_>, node_steps: NodeStepColumns<'_>) -> Result<Self> {
        let NodeStepColumns { node_id, step, metered_mj, idle_mj, tier } = node_steps;
        let cells = terms.nodes.len() * terms.step_count;
        let mut meters = Self { metered_mj: vec![Self::UNMETERED; cells], idle_mj: vec![0; cells], tier: vec![Tier::Metered; cells] };
        for i in 0..node_id.len() {
            let cell = cell(terms, node_id[i], step[i])?;
            if !(0..LARGEST_WHOLE / 8).contains(&metered_mj[i]) || !(0..LARGEST_WHOLE / 8).contains(&idle_mj[i]) {
                bail!(
                    "node_steps: node {} step {}: {} mJ metered, {} mJ idle is not a machine's energy",
                    node_id[i],
                    step[i],
                    metered_mj[i],
                    idle_mj[i]
                );
            }
            if meters.metered_mj[cell] != Self::UNMETERED {
                bail!("node_steps: node {} step {} is there twice", node_id[i], step[i]);
            }
            meters.metered_mj[cell] = metered_mj[i];
            meters.idle_mj[cell] = idle_mj[i];
            let Some(tier) = Tier::of(tier[i]) else {
                bail!("node_steps: node {} step {}: {} is not a tier; 1 is metered, 2 allocated, 3 modelled", node_id[i], step[i], tier[i]);
            };
            meters.tier[cell] = tier;
        }
        Ok(meters)
    }
}

fn cell(terms: &DayTerms<'_>, node_id: i32, step: i32) -> Result<usize> {
    let node = usize::try_from(node_id).ok().filter(|node| *node < terms.nodes.len());
    let offset = usize::try_from(step - terms.first_step).ok().filter(|offset| *offset < terms.step_count);
    match (node, offset) {
        (Some(node), Some(offset)) => Ok(node * terms.step_count + offset),
        _ => bail!("evidence names node {node_id} and step {step}, which are not of this cluster-day"),
    }
}
