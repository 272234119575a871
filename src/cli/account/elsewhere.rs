//! Cluster-days accounted by an engine elsewhere, some days of a cluster at a time.
//!
//! In: plan, days, the engine. Out: each day with its sums, as the engines of this program give it. Rule: every file that the engine reads is checked against
//! its manifest just before; a day that lies elsewhere than the engine would look, or is of an older schema, and one without evidence, is accounted here.
//! Does not: run the method, but for those.

use std::thread;

use anyhow::{Context, Result};

use super::days::{AccountedDay, DayToAccount, Run};
use super::{Engine, dimensions};
use crate::accounting::dimensions::DayDimensions;
use crate::accounting::ledger::DayFold;
use crate::accounting::plan::Plan;
use crate::cli::progress::Progress;
use crate::engine::{Batch, DayFile, DayToRun, Spark};
use crate::evidence::{DayManifest, Store, files_of};
use crate::model::tables::Table;

/// The schema that has every column the engine reads.
const FIRST_SCHEMA: &str = "wattledger.evidence/1";

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
        let accounted: Vec<Result<Vec<AccountedDay>>> = thread::scope(|scope| {
            let handles: Vec<_> = some.iter().map(|days| scope.spawn(|| account(days))).collect();
            handles.into_iter().map(|handle| handle.join().expect("a worker that panics ends the program")).collect()
        });
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
        let files = match &day.manifest {
            Some(manifest) => files(spark, store, manifest)?,
            None => None,
        };
        let mut dimensions = match &day.manifest {
            Some(manifest) => dimensions(store, manifest)?,
            None => DayDimensions::default(),
        };
        plan.complete(day.cluster, day.day, &mut dimensions);
        let runs = plan.runs_of_day(day.cluster, &dimensions);
        prepared.push((*day, dimensions, runs, files));
    }
    let mut to_run = Vec::new();
    for (day, dimensions, runs, files) in &prepared {
        if let Some(OfDay { node_steps, usage }) = files {
            let terms = plan.day_terms(day.cluster, day.day, dimensions, runs);
            to_run.push(DayToRun { day: day.day, terms, node_steps: node_steps.clone(), usage: usage.clone() });
        }
    }
    let mut folds: std::vec::IntoIter<DayFold> = match to_run.is_empty() {
        true => Vec::new().into_iter(),
        false => {
            let batch = Batch::new(to_run)?;
            spark.account(&batch, run.with_content, &mut |what| progress.note(what))?.into_iter()
        }
    };
    let here = Run { engine: Engine::Columns, ..run.clone() };
    let mut accounted = Vec::with_capacity(prepared.len());
    for (day, dimensions, runs, files) in prepared {
        accounted.push(match files {
            Some(_) => {
                AccountedDay { dimensions, runs, fold: folds.next().context("the engine gave back fewer days than it was asked for")? }
            }
            None => AccountedDay::new(store, plan, day, &here)?,
        });
    }
    Ok(accounted)
}

/// The files of a day that the engine reads.
struct OfDay {
    node_steps: Vec<DayFile>,
    usage: Vec<DayFile>,
}

/// The files, each checked; none where the engine would read others, or could not read these.
fn files(spark: &Spark, store: &Store, manifest: &DayManifest) -> Result<Option<OfDay>> {
    let mut is_there = manifest.schema != FIRST_SCHEMA;
    let mut of = |table| -> Result<Vec<DayFile>> {
        let mut files = Vec::new();
        for record in files_of(manifest, table) {
            store.check_part(manifest, record)?;
            is_there &= !store.is_as_of_a_close() || spark.store().check_part(manifest, record).is_ok();
            files.push(DayFile { key: store.part_key(manifest, record)?, rows: record.rows });
        }
        Ok(files)
    };
    let (node_steps, usage) = (of(Table::NodeSteps)?, of(Table::Usage)?);
    Ok((is_there && !usage.is_empty()).then_some(OfDay { node_steps, usage }))
}
