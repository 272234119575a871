//! What workloads reserve of a node, as the columnar pass sums it.
//!
//! In: a node's usage rows, sorted by pod and step, and each pod's request. Out: [`Reservation`] by workload.
//! Rule: `reservations.sql`. Cost: one look at each row; buffers live as long as the pass. Does not: allocate anything by it.

use std::ops::Range;

use anyhow::{Result, bail};

use super::inputs::UsageColumns;
use super::{DayTerms, Reservation};
use crate::accounting::split::LARGEST_WHOLE;

/// Sums of the current node by workload, and which workloads have any.
#[derive(Default)]
pub struct Reserved {
    /// Milli-core-steps and GPU-steps.
    steps: Vec<(i64, i64)>,
    touched: Vec<i32>,
}

impl Reserved {
    /// Adds what the rows of a node reserve, which [`super::columns::Pass`] has checked to be of this cluster-day.
    pub fn add_node(
        &mut self,
        terms: &DayTerms<'_>,
        node: i32,
        usage: UsageColumns<'_>,
        rows: Range<usize>,
        reservations: &mut Vec<Reservation>,
    ) -> Result<()> {
        self.steps.resize(terms.workload_count, (0, 0));
        let mut from = rows.start;
        for pod_rows in usage.pod_id[rows].chunk_by(|a, b| a == b) {
            let to = from + pod_rows.len();
            let pod = terms.pods[pod_rows[0] as usize];
            let steps = (from..to).filter(|row| counts(terms, usage, *row)).count() as i64;
            from = to;
            let (milli, gpus) = (pod.cpu_request_milli.max(0), pod.gpu_request.max(0));
            if (milli == 0 && gpus == 0) || steps == 0 {
                continue;
            }
            if milli >= LARGEST_WHOLE || gpus >= LARGEST_WHOLE {
                bail!("pods: a pod of node {node} requests {milli} thousandths of a core and {gpus} GPUs, which no machine has");
            }
            let sum = &mut self.steps[pod.workload as usize];
            if *sum == (0, 0) {
                self.touched.push(pod.workload);
            }
            *sum = (sum.0 + milli * steps, sum.1 + gpus * steps);
        }
        self.touched.sort_unstable();
        for workload in self.touched.drain(..) {
            let (milli_steps, gpu_steps) = std::mem::take(&mut self.steps[workload as usize]);
            reservations.push(Reservation { node, workload, milli_steps, gpu_steps });
        }
        Ok(())
    }
}

/// Whether the pod was seen in this row, within the period: a row that holds only a tail does not count.
fn counts(terms: &DayTerms<'_>, usage: UsageColumns<'_>, row: usize) -> bool {
    let is_tail_only = || usage.tail_mj.is_some_and(|tail| tail[row] > 0) && usage.active_mj[row] == 0 && usage.cpu_ms[row] == 0;
    terms.is_in_period(usage.step[row]) && !is_tail_only()
}
