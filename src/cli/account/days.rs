//! The ledger of a period, day by day: which cluster-days there are, and the workers that account them.
//!
//! In: plan, evidence. Out: the [`Inventory`]. Rule: cluster-days are independent and sums are integers, so workers take them as they come.
//! One part of a day's usage is in memory at a time. Does not: decide what is true of a day; the plan does.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use anyhow::{Context, Result, bail};
use polars::prelude::DataFrame;

use super::side_by_side::side_by_side;
use super::{Engine, dimensions, elsewhere};
use crate::accounting::dimensions::DayDimensions;
use crate::accounting::frames::{ids, integers};
use crate::accounting::inventory::Inventory;
use crate::accounting::ledger::columns::Pass;
use crate::accounting::ledger::content::ContentHash;
use crate::accounting::ledger::inputs::{Meters, NodeStepColumns, UsageColumns};
use crate::accounting::ledger::{DayFold, DayTerms, LedgerRow, RunRow, sql};
use crate::accounting::plan::Plan;
use crate::cli::progress::Progress;
use crate::evidence::{DayManifest, Store, files_of};
use crate::model::tables::Table;
use crate::model::{Finding, Severity};
use crate::units::UtcDay;

/// What the columnar pass makes of a cluster-day, and the rows of its ledger, sorted.
pub fn rows_by_columns(terms: &DayTerms<'_>, node_steps: &DataFrame, usage: &DataFrame) -> Result<(DayFold, Vec<LedgerRow>)> {
    let meters = meters(terms, node_steps)?;
    let part = UsagePart::new(usage)?;
    let mut pass = Pass::new(terms, &meters).keeping_rows();
    pass.account(0..terms.nodes.len(), part.columns())?;
    let (fold, mut rows) = pass.finish();
    rows.sort_unstable();
    Ok((fold, rows))
}

/// The rows of runs of a cluster-day, or of a part of it.
pub fn run_rows_by_columns(terms: &DayTerms<'_>, node_steps: &DataFrame, usage: &DataFrame) -> Result<Vec<RunRow>> {
    let meters = meters(terms, node_steps)?;
    let part = UsagePart::new(usage)?;
    let mut pass = Pass::new(terms, &meters).keeping_rows();
    pass.account(0..terms.nodes.len(), part.columns())?;
    Ok(pass.take_run_rows())
}

/// One cluster-day of the ledger; one without evidence holds gaps only.
pub struct DayToAccount {
    pub cluster: usize,
    pub day: UtcDay,
    pub manifest: Option<DayManifest>,
}

pub fn days_to_account(
    store: &Store,
    plan: &Plan<'_>,
    manifests: &[BTreeMap<UtcDay, DayManifest>],
    findings: &mut Vec<Finding>,
) -> Result<Vec<DayToAccount>> {
    let mut days = Vec::new();
    for (cluster, known) in manifests.iter().enumerate() {
        let name = &plan.terms.clusters[cluster].name;
        let before = plan.days_before(cluster);
        let mut lacking = 0;
        for day in &before {
            match store.day(name, *day)? {
                Some(manifest) => days.push(DayToAccount { cluster, day: *day, manifest: Some(manifest) }),
                None => lacking += 1,
            }
        }
        if lacking > 0 {
            let message = format!(
                "{name}: runs that ended in the period began before it, and {lacking} of the {} days before it are not in the evidence; \
                 their energy of those days is missing from the counterfactual. Collect those days too.",
                before.len()
            );
            findings.push(Finding::new("RUN_CUT", Severity::Noted, message).examined(before.len()).failing(lacking));
        }
        days.extend(known.iter().map(|(day, manifest)| DayToAccount { cluster, day: *day, manifest: Some(manifest.clone()) }));
        days.extend(plan.days_without_evidence(cluster).into_iter().map(|day| DayToAccount { cluster, day, manifest: None }));
    }
    Ok(days)
}

/// The content of a cluster-day's ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayContent {
    pub cluster: String,
    pub day: UtcDay,
    pub content: ContentHash,
}

/// How the ledger of some days is run.
#[derive(Clone, Debug)]
pub struct Run {
    pub engine: Engine,
    pub workers: usize,
    /// Hashes the rows of each day on their way.
    pub with_content: bool,
}

/// The sums of the days, and where they are asked for the hashes of their rows, by cluster and day.
pub fn ledger(store: &Store, plan: &Plan<'_>, days: &[&DayToAccount], run: &Run) -> Result<(Inventory, Vec<DayContent>)> {
    if let Engine::Spark(spark) = &run.engine {
        let mut total = (Inventory::new(plan), Vec::new());
        elsewhere::visit(spark, store, plan, days, run, |day, accounted| {
            take(plan, day, accounted, &mut total);
            Ok(())
        })?;
        return Ok(total);
    }
    let next = AtomicUsize::new(0);
    let total = Mutex::new((Inventory::new(plan), Vec::new()));
    let progress = Progress::new("accounting", days.len() as u64);
    thread::scope(|scope| {
        let work = || -> Result<()> {
            let mut mine = (Inventory::new(plan), Vec::new());
            while let Some(day) = days.get(next.fetch_add(1, Ordering::Relaxed)) {
                let cluster = &plan.terms.clusters[day.cluster].name;
                let accounted = AccountedDay::new(store, plan, day, run).with_context(|| format!("account {cluster} on {}", day.day))?;
                take(plan, day, &accounted, &mut mine);
                progress.tick(&format!("{cluster} {}", day.day));
            }
            let mut total = total.lock().expect("a worker that panics ends the program");
            total.0.merge(mine.0);
            total.1.extend(mine.1);
            Ok(())
        };
        let handles: Vec<_> = (0..run.workers).map(|_| scope.spawn(work)).collect();
        handles.into_iter().try_for_each(|handle| handle.join().expect("a worker that panics ends the program"))
    })?;
    progress.done();
    let (inventory, mut contents) = total.into_inner().expect("a worker that panics ends the program");
    contents.sort_by(|a: &DayContent, b| (&a.cluster, a.day).cmp(&(&b.cluster, b.day)));
    Ok((inventory, contents))
}

/// Adds what a cluster-day came to.
fn take(plan: &Plan<'_>, day: &DayToAccount, accounted: &AccountedDay, (inventory, contents): &mut (Inventory, Vec<DayContent>)) {
    inventory.add(day.cluster, day.day, &accounted.dimensions, &accounted.runs, &accounted.fold);
    let centres = &plan.survey.clusters[day.cluster].cost_centres;
    inventory.add_cost_centres(day.cluster, day.day, &accounted.dimensions, centres, &accounted.fold);
    let cluster = &plan.terms.clusters[day.cluster].name;
    contents.extend(accounted.fold.content.clone().map(|content| DayContent { cluster: cluster.clone(), day: day.day, content }));
}

/// Visits what each cluster-day came to, in the order of clusters and days; as many days are in memory as there are workers.
pub fn in_order(
    store: &Store,
    plan: &Plan<'_>,
    days: &[&DayToAccount],
    run: &Run,
    mut visit: impl FnMut(&DayToAccount, &AccountedDay) -> Result<()>,
) -> Result<()> {
    if let Engine::Spark(spark) = &run.engine {
        return elsewhere::visit(spark, store, plan, days, run, visit);
    }
    let mut ordered = days.to_vec();
    ordered.sort_by_key(|day| (day.cluster, day.day));
    let progress = Progress::new("hour by hour", ordered.len() as u64);
    for some in ordered.chunks(run.workers) {
        let account = |day: &DayToAccount| {
            let name = &plan.terms.clusters[day.cluster].name;
            AccountedDay::new(store, plan, day, run).with_context(|| format!("account {name} on {}", day.day))
        };
        let accounted = side_by_side(some, |day| account(day));
        for (day, accounted) in some.iter().zip(accounted) {
            visit(day, &accounted?)?;
            progress.tick(&format!("{} {}", plan.terms.clusters[day.cluster].name, day.day));
        }
    }
    progress.done();
    Ok(())
}

/// A cluster-day as its ledger takes it. One without evidence has the nodes that the plan knows of, and nothing else.
pub struct PreparedDay {
    pub dimensions: DayDimensions,
    /// What [`Plan::runs_of_day`] says of it.
    pub runs: Vec<Option<usize>>,
}

impl PreparedDay {
    pub fn read(store: &Store, plan: &Plan<'_>, day: &DayToAccount) -> Result<Self> {
        let mut dimensions = match &day.manifest {
            Some(manifest) => dimensions(store, manifest)?,
            None => DayDimensions::default(),
        };
        plan.complete(day.cluster, day.day, &mut dimensions);
        let runs = plan.runs_of_day(day.cluster, &dimensions);
        Ok(Self { dimensions, runs })
    }

    pub fn terms<'a>(&self, plan: &'a Plan<'_>, day: &DayToAccount) -> DayTerms<'a> {
        plan.day_terms(day.cluster, day.day, &self.dimensions, &self.runs)
    }
}

/// A cluster-day with its sums.
pub struct AccountedDay {
    pub dimensions: DayDimensions,
    /// What [`Plan::runs_of_day`] says of it.
    pub runs: Vec<Option<usize>>,
    pub fold: DayFold,
}

impl AccountedDay {
    pub fn new(store: &Store, plan: &Plan<'_>, day: &DayToAccount, run: &Run) -> Result<Self> {
        Self::here(store, plan, day, run, PreparedDay::read(store, plan, day)?)
    }

    /// Accounted by this program, whatever the engine of the others.
    pub fn here(store: &Store, plan: &Plan<'_>, day: &DayToAccount, run: &Run, prepared: PreparedDay) -> Result<Self> {
        let terms = prepared.terms(plan, day);
        let fold = match (&day.manifest, &run.engine) {
            (Some(manifest), Engine::Sql) => {
                let (node_steps, usage) = (store.read_table(manifest, Table::NodeSteps)?, store.read_table(manifest, Table::Usage)?);
                let usage_rows = usage.height();
                let tables = sql::run_plan(&sql::inputs(&terms, node_steps, usage)?)?;
                let content = if run.with_content { Some(ContentHash::of(&sql::rows(&tables)?)) } else { None };
                let usage = sql::UsageRows::of(&tables, usage_rows)?;
                DayFold { content, ..sql::fold(&terms, &tables, usage)? }
            }
            (Some(manifest), Engine::Columns | Engine::Spark(_)) => columns(store, manifest, &terms, run)?,
            (None, _) => {
                let meters = Meters::new(&terms, NodeStepColumns::default())?;
                let mut pass = pass(&terms, &meters, run);
                pass.account(0..terms.nodes.len(), UsageColumns::default())?;
                pass.finish().0
            }
        };
        Ok(Self::of(prepared, fold))
    }

    pub fn of(PreparedDay { dimensions, runs }: PreparedDay, fold: DayFold) -> Self {
        Self { dimensions, runs, fold }
    }
}

fn pass<'a>(terms: &'a DayTerms<'a>, meters: &'a Meters, run: &Run) -> Pass<'a> {
    let pass = Pass::new(terms, meters);
    if run.with_content { pass.hashing_rows() } else { pass }
}

/// The columnar pass over the parts of a day: one part in memory at a time.
fn columns(store: &Store, manifest: &DayManifest, terms: &DayTerms<'_>, run: &Run) -> Result<DayFold> {
    let meters = meters(terms, &store.read_table(manifest, Table::NodeSteps)?)?;
    let mut pass = pass(terms, &meters, run);
    let mut next_node = 0;
    for record in files_of(manifest, Table::Usage) {
        let frame = store.read_part(manifest, record)?;
        let part = UsagePart::new(&frame).with_context(|| record.path.clone())?;
        let last = part.node_id.last().map_or(next_node, |node| *node as usize + 1);
        pass.account(next_node..last, part.columns())?;
        next_node = last;
    }
    pass.account(next_node..terms.nodes.len(), UsageColumns::default())?;
    Ok(pass.finish().0)
}

fn meters(terms: &DayTerms<'_>, node_steps: &DataFrame) -> Result<Meters> {
    let or_zero = |values: Vec<Option<i64>>| values.into_iter().map(|value| value.unwrap_or(0)).collect::<Vec<i64>>();
    let metered = integers(node_steps, "metered_mj")?;
    if metered.iter().any(Option::is_none) {
        bail!("node_steps: column metered_mj holds a null");
    }
    let idle = or_zero(integers(node_steps, "idle_mj")?);
    let (node_id, step, tier) = (ids(node_steps, "node_id")?, ids(node_steps, "step")?, ids(node_steps, "tier")?);
    Meters::new(terms, NodeStepColumns { node_id: &node_id, step: &step, metered_mj: &or_zero(metered), idle_mj: &idle, tier: &tier })
}

/// One file of `usage`, as columns; nulls are 0, as `COALESCE` makes them in the SQL files. What lies in one piece is borrowed.
struct UsagePart<'a> {
    node_id: Cow<'a, [i32]>,
    pod_id: Cow<'a, [i32]>,
    step: Cow<'a, [i32]>,
    active_mj: Cow<'a, [i64]>,
    cpu_ms: Cow<'a, [i64]>,
    /// None where no row has a tail, as in nearly every file.
    tail_mj: Option<Cow<'a, [i64]>>,
}

impl<'a> UsagePart<'a> {
    fn new(frame: &'a DataFrame) -> Result<Self> {
        let id = |column: &str| -> Result<Cow<'a, [i32]>> {
            let values = frame.column(column)?.i32()?;
            if values.null_count() > 0 {
                bail!("column {column} holds a null");
            }
            match values.cont_slice() {
                Ok(slice) => Ok(Cow::Borrowed(slice)),
                Err(_) => Ok(Cow::Owned(values.iter().flatten().collect())),
            }
        };
        let amount = |column: &str| -> Result<Cow<'a, [i64]>> {
            let values = frame.column(column)?.i64()?;
            match values.cont_slice() {
                Ok(slice) if values.null_count() == 0 => Ok(Cow::Borrowed(slice)),
                _ => Ok(Cow::Owned(values.iter().map(|value| value.unwrap_or(0)).collect())),
            }
        };
        let has_tails = frame.column("tail_mj")?.null_count() < frame.height();
        let tail_mj = if has_tails { Some(amount("tail_mj")?) } else { None };
        if tail_mj.iter().flat_map(|tails| tails.iter()).any(|tail| *tail < 0) {
            bail!("column tail_mj holds an energy below zero");
        }
        Ok(Self {
            node_id: id("node_id")?,
            pod_id: id("pod_id")?,
            step: id("step")?,
            active_mj: amount("active_mj")?,
            cpu_ms: amount("cpu_ms")?,
            tail_mj,
        })
    }

    fn columns(&self) -> UsageColumns<'_> {
        UsageColumns {
            node_id: &self.node_id,
            pod_id: &self.pod_id,
            step: &self.step,
            active_mj: &self.active_mj,
            cpu_ms: &self.cpu_ms,
            tail_mj: self.tail_mj.as_deref(),
        }
    }
}
