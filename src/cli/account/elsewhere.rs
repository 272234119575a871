//! Cluster-days accounted by an engine elsewhere, some days of a cluster at a time.
//!
//! In: plan, days, the engine. Out: each day with its sums, as the engines of this program give it. Rule: every file that the engine reads is checked against
//! its manifest just before; a day that lies elsewhere than the engine would look, or is of an older
//! schema, and so lacks columns that it reads, and one without evidence, is accounted here.
//! Does not: run the method, but for those.

use anyhow::{Context, Result};

use super::days::{AccountedDay, DayToAccount, PreparedDay, Run};
use super::side_by_side::side_by_side;
use crate::accounting::plan::Plan;
use crate::cli::progress::Progress;
use crate::engine::{Batch, DayToRun, RowsOfDay, Spark};
use crate::evidence::{DayManifest, SCHEMA, Store, files_of};
use crate::model::tables::Table;

/// Visits the days, by cluster and day.
pub fn visit(
    spark: &Spark,
    store: &Store,
    plan: &Plan<'_>,
    days: &[&DayToAccount],
    run: &Run,
    mut visit: impl FnMut(&DayToAccount, &AccountedDay) -> Result<()>,
) -> Result<()> {
    let mut ordered = days.to_vec();
    ordered.sort_by_key(|day| (day.cluster, day.day));
    let progress = Progress::new("accounting elsewhere", ordered.len() as u64);
    let of_cluster = ordered.chunk_by(|a, b| a.cluster == b.cluster);
    let batches: Vec<&[&DayToAccount]> = of_cluster.flat_map(|days| days.chunks(spark.batch_days())).collect();
    // The engine has work from as many batches at once as there are workers; as many are in memory.
    for some in batches.chunks(run.workers) {
        let account = |days: &[&DayToAccount]| {
            let name = &plan.terms.clusters[days[0].cluster].name;
            batch(spark, store, plan, days, run, &progress)
                .with_context(|| format!("account {name} from {} to {}", days[0].day, days[days.len() - 1].day))
        };
        let accounted = side_by_side(some, |days| account(days));
        for (days, accounted) in some.iter().zip(accounted) {
            for (day, accounted) in days.iter().zip(&accounted?) {
                visit(day, accounted)?;
                progress.tick(&format!("{} {}", plan.terms.clusters[day.cluster].name, day.day));
            }
        }
    }
    progress.done();
    Ok(())
}

fn batch(
    spark: &Spark,
    store: &Store,
    plan: &Plan<'_>,
    days: &[&DayToAccount],
    run: &Run,
    progress: &Progress,
) -> Result<Vec<AccountedDay>> {
    let mut prepared = Vec::with_capacity(days.len());
    for day in days {
        let rows = match &day.manifest {
            Some(manifest) => checked(spark, store, manifest)?,
            None => None,
        };
        prepared.push((*day, PreparedDay::read(store, plan, day)?, rows));
    }
    let to_run = prepared
        .iter()
        .filter_map(|(day, prepared, rows)| Some(DayToRun { day: day.day, terms: prepared.terms(plan, day), rows: (*rows)? }));
    let batch = Batch::new(&plan.terms.clusters[days[0].cluster].name, to_run.collect())?;
    let folds = match batch.days().is_empty() {
        true => Vec::new(),
        false => spark.account(&batch, run.with_content, &mut |what| progress.note(what))?,
    };
    let mut folds = folds.into_iter();
    let mut accounted = Vec::with_capacity(prepared.len());
    for (day, prepared, rows) in prepared {
        accounted.push(match rows {
            Some(_) => AccountedDay::of(prepared, folds.next().context("the engine gave back fewer days than it was asked for")?),
            None => AccountedDay::here(store, plan, day, run, prepared)?,
        });
    }
    Ok(accounted)
}

/// Checks the files of a day that the engine reads, and says how many rows they have; none where the engine would read others, or could not read these.
fn checked(spark: &Spark, store: &Store, manifest: &DayManifest) -> Result<Option<RowsOfDay>> {
    let mut is_there = manifest.schema == SCHEMA;
    let mut rows = |table| -> Result<u64> {
        let records = files_of(manifest, table);
        is_there &= !records.is_empty();
        for record in &records {
            store.check_part(manifest, record)?;
            is_there &= !store.is_as_of_a_close() || spark.store().check_part(manifest, record).is_ok();
        }
        Ok(records.iter().map(|record| record.rows).sum())
    };
    let rows = RowsOfDay { node_steps: rows(Table::NodeSteps)?, usage: rows(Table::Usage)? };
    Ok(is_there.then_some(rows))
}
