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
        for (table, seen, kept) in [("usage", usage.all, day.rows.usage), ("node_steps", *meters, day.rows.node_steps)] {
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

#[cfg(test)]
mod tests {
    use polars::prelude::df;

    use super::*;
    use crate::accounting::ledger::{DayTerms, NodeDay, RunStep, RunSums, Sums, WorkloadHour};
    use crate::engine::{DayToRun, RowsOfDay};
    use crate::model::policy::{IdlePolicy, Tails};

    /// Takes something out of a roll-up.
    type Lose = fn(&mut DayFold);

    /// A day that adds up: 100 mJ metered of which 60 are a run's, and a gap of 7.
    fn fold() -> DayFold {
        let hour = |workload, sums| WorkloadHour { site: 0, workload, hour: 1, sums };
        DayFold {
            workload_hours: vec![
                hour(0, Sums { active_mj: 60, idle_mj: 10, ..Sums::default() }),
                hour(-1, Sums { system_mj: 30, ..Sums::default() }),
                hour(-3, Sums { gap_mj: 7, ..Sums::default() }),
            ],
            node_days: vec![NodeDay { metered_mj: 100, attributed_mj: 70, system_mj: 30, gap_mj: 7, ..NodeDay::default() }],
            runs: vec![RunSums { active_mj: 60, ..RunSums::default() }],
            run_steps: [20, 40].map(|active_mj| RunStep { job: 0, step: 4, site: 0, active_mj, cpu_request_milli: 0 }).to_vec(),
            ..DayFold::default()
        }
    }

    #[test]
    fn a_roll_up_that_lost_a_part_does_not_add_up() {
        adds_up("a day", &fold()).unwrap();
        let lose: [(&str, Lose); 5] = [
            ("differs from its meter by -30 mJ", |fold| fold.node_days[0].metered_mj -= 30),
            ("the hours of a day add up to 70 mJ, and its meters to 100 mJ", |fold| {
                fold.workload_hours.remove(1);
            }),
            ("the gaps of a day add up to 0 mJ by hours, and to 7 mJ by nodes", |fold| {
                fold.workload_hours.pop();
            }),
            ("1 runs of a day differ from the sum of their steps", |fold| {
                fold.run_steps.pop();
            }),
            ("the hours of a day add up to 100 mJ, and its meters to 0 mJ", |fold| fold.node_days.clear()),
        ];
        for (said, lose) in lose {
            let mut fold = fold();
            lose(&mut fold);
            let error = adds_up("a day", &fold).unwrap_err().to_string();
            assert!(error.contains(said) && error.starts_with("ENGINE_INCOMPLETE"), "{error}");
        }
    }

    fn day(text: &str, rows: u64) -> DayToRun<'static> {
        let day: UtcDay = text.parse().unwrap();
        let terms = DayTerms {
            step_seconds: 900,
            first_step: (day.start().timestamp() / 900) as i32,
            step_count: 96,
            period_steps: (0, i32::MAX),
            idle: IdlePolicy::ByUsage,
            tails: Tails::Unattributed,
            nodes: Vec::new(),
            pods: Vec::new(),
            sites: &[],
            zones: &[],
            category3: &[],
            workload_count: 0,
            gaps: Vec::new(),
            runs: Vec::new(),
        };
        DayToRun { day, terms, rows: RowsOfDay { node_steps: 2, usage: rows } }
    }

    /// What the two tables say of two days: rows of usage, how many of them are metered, of known pods and nodes, and their least energy; and the largest sum.
    fn counted(usage: [[i64; 5]; 2], most: i64) -> Result<Vec<UsageRows>> {
        let batch = Batch::new("a", vec![day("2026-10-01", 5), day("2026-10-02", 6)])?;
        let column = |at: usize| usage.iter().map(|day| day[at]).collect::<Vec<_>>();
        let of_usage = df!(
            "day_id" => [0, 1], "row_count" => column(0), "metered_count" => column(1), "pod_count" => column(2), "node_count" => column(3),
            "least_mj" => column(4), "least_tail_mj" => [0_i64, 0]
        )?;
        let of_nodes = df!(
            "day_id" => [1, 0], "row_count" => [2_i64, 2], "metered_count" => [2_i64, 2], "node_count" => [2_i64, 2], "most_metered_mj" => [most, 1],
            "most_pods_mj" => [Some(1_i64), None], "most_tails_mj" => [Some(1_i64), None], "most_cpu_ms" => [Some(1_i64), None]
        )?;
        usage_rows(&batch, &of_usage, &of_nodes)
    }

    #[test]
    fn what_the_engine_read_is_counted_against_the_manifests() {
        let whole = [[5, 4, 5, 5, 0], [6, 6, 6, 6, 1]];
        assert_eq!(counted(whole, 1).unwrap(), [UsageRows { all: 5, metered: 4 }, UsageRows { all: 6, metered: 6 }]);
        for (wrong, most, said) in [
            ([[5, 4, 5, 5, 0], [5, 5, 5, 5, 1]], 1, "the engine read 5 rows of usage of 2026-10-02, and its manifest says 6"),
            ([[5, 4, 4, 5, 0], [6, 6, 6, 6, 1]], 1, "1 rows of 2026-10-01 name a pod that is not of this cluster-day"),
            ([[5, 4, 5, 3, 0], [6, 6, 6, 6, 1]], 1, "2 rows of 2026-10-01 name a node that is not of this cluster-day"),
            ([[5, 4, 5, 5, 0], [6, 6, 6, 6, -1]], 1, "2026-10-02 holds an energy below zero"),
            (whole, LARGEST_WHOLE, "which no machine has"),
        ] {
            let error = counted(wrong, most).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
    }
}
