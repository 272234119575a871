//! Whether an engine saw all of the evidence, and nothing that is not a machine's energy.
//!
//! In: `usage_control` and `node_control` of a batch, the roll-ups of its days. Out: nothing, or what is wrong. Rule: an engine drops rows where a join finds no
//! partner, and says nothing; what went in is counted against the manifests, and what came out against what went in (method, section 3, Balance).
//! Does not: mend.

use anyhow::{Result, bail, ensure};
use polars::prelude::DataFrame;

use super::batch::Batch;
use crate::accounting::frames::{ids, integers};
use crate::accounting::ledger::DayFold;
use crate::accounting::ledger::sql::UsageRows;
use crate::accounting::split::LARGEST_WHOLE;
use crate::model::Hint;
use crate::units::UtcDay;

/// What the two tables say of each day, by the day's place in the batch.
pub fn usage_rows(batch: &Batch<'_>, usage: &DataFrame, nodes: &DataFrame) -> Result<Vec<UsageRows>> {
    let mut found = vec![UsageRows::default(); batch.days().len()];
    let of_usage = Counts::of(usage, &["row_count", "metered_count", "pod_count", "node_count", "least_mj", "least_tail_mj"])?;
    for (day, counts) in of_usage.rows() {
        let [all, metered, pods, nodes, least, least_tail] = counts[..] else { bail!("usage_control has other columns") };
        let shown = shown(batch, day)?;
        ensure!(pods == all, "usage: {} rows of {shown} name a pod that is not of this cluster-day", all - pods);
        ensure!(nodes == all, "usage: {} rows of {shown} name a node that is not of this cluster-day", all - nodes);
        ensure!(least >= 0 && least_tail >= 0, "usage: {shown} holds an energy below zero");
        found[day] = UsageRows { all: u64::try_from(all)?, metered: u64::try_from(metered)? };
    }
    let of_nodes = Counts::of(
        nodes,
        &["row_count", "metered_count", "node_count", "most_metered_mj", "most_pods_mj", "most_tails_mj", "most_cpu_ms"],
    )?;
    let mut meters = vec![0; found.len()];
    for (day, counts) in of_nodes.rows() {
        let [all, metered, nodes, most @ ..] = &counts[..] else { bail!("node_control has other columns") };
        let shown = shown(batch, day)?;
        ensure!(metered == all, "node_steps: column metered_mj of {shown} holds a null");
        ensure!(nodes == all, "node_steps: {} rows of {shown} name a node that is not of this cluster-day", all - nodes);
        for (what, most) in ["metered_mj", "active_mj", "tail_mj", "cpu_ms"].into_iter().zip(most) {
            ensure!(
                (0..LARGEST_WHOLE).contains(most),
                "{shown} has a node and step with {most} as the sum of {what}, which no machine has; `--engine columns` says which"
            );
        }
        meters[day] = u64::try_from(*all)?;
    }
    for (day, (usage, meters)) in batch.days().iter().zip(found.iter().zip(&meters)) {
        for (table, seen, files) in [("usage", usage.all, &day.usage), ("node_steps", *meters, &day.node_steps)] {
            let kept: u64 = files.iter().map(|file| file.rows).sum();
            if seen != kept {
                bail!(Hint::new(
                    format!("ENGINE_INCOMPLETE: the engine read {seen} rows of {table} of {}, and its manifest says {kept}", day.day),
                    "see that `evidence` in [engine] is the same evidence, and that no other files lie in the folders of its days",
                ));
            }
        }
    }
    Ok(found)
}

/// What a day came to, against itself: a roll-up of which a part was lost does not add up.
pub fn adds_up(shown: &str, fold: &DayFold) -> Result<()> {
    let by_node =
        fold.node_days.iter().map(|day| (day.metered_mj, day.gap_mj, day.metered_mj - day.attributed_mj - day.idle_mj - day.system_mj));
    let (mut metered, mut gaps) = (0_i64, 0_i64);
    for (of_node, gap, difference) in by_node {
        ensure!(difference == 0, "ENGINE_INCOMPLETE: a node of {shown} differs from its meter by {difference} mJ");
        (metered, gaps) = (metered + of_node, gaps + gap);
    }
    let sums = |of: fn(&crate::accounting::ledger::Sums) -> i64| fold.workload_hours.iter().map(|row| of(&row.sums)).sum::<i64>();
    let booked = sums(|sums| sums.active_mj + sums.idle_mj + sums.system_mj);
    ensure!(booked == metered, "ENGINE_INCOMPLETE: the hours of {shown} add up to {booked} mJ, and its meters to {metered} mJ");
    let booked = sums(|sums| sums.gap_mj);
    ensure!(booked == gaps, "ENGINE_INCOMPLETE: the gaps of {shown} add up to {booked} mJ by hours, and to {gaps} mJ by nodes");
    let mut by_run = vec![0_i64; fold.runs.len()];
    for step in &fold.run_steps {
        by_run[usize::try_from(step.job)?] += step.active_mj;
    }
    let differs = fold.runs.iter().zip(&by_run).filter(|(run, steps)| run.active_mj != **steps).count();
    ensure!(differs == 0, "ENGINE_INCOMPLETE: {differs} runs of {shown} differ from the sum of their steps");
    Ok(())
}

/// A small table of counts, by day.
struct Counts {
    days: Vec<i32>,
    columns: Vec<Vec<i64>>,
}

impl Counts {
    /// A null is of days without what it counts, and 0.
    fn of(frame: &DataFrame, names: &[&str]) -> Result<Self> {
        if frame.height() == 0 {
            return Ok(Self { days: Vec::new(), columns: Vec::new() });
        }
        let column = |name: &&str| -> Result<Vec<i64>> { Ok(integers(frame, name)?.into_iter().map(|value| value.unwrap_or(0)).collect()) };
        Ok(Self { days: ids(frame, "day_id")?, columns: names.iter().map(column).collect::<Result<_>>()? })
    }

    fn rows(&self) -> impl Iterator<Item = (usize, Vec<i64>)> {
        self.days.iter().enumerate().map(|(row, day)| (*day as usize, self.columns.iter().map(|column| column[row]).collect()))
    }
}

fn shown(batch: &Batch<'_>, day: usize) -> Result<UtcDay> {
    match batch.days().get(day) {
        Some(day) => Ok(day.day),
        None => bail!("the engine speaks of a day that it was not asked about"),
    }
}
