//! From evidence to the statement: what `report` shares with whatever else needs a month's figures.
//!
//! In: configuration, period, evidence. Out: a [`Statement`] with its findings. Rule: look over the month first (who was there, what ended in it),
//! settle intensity, gaps and baselines, then run the ledger once over each cluster-day. Cluster-days are independent, so workers take them
//! as they come and integer sums make their order of no matter. Does not: write.

mod category3;
mod factor_list;
mod findings;
mod generation;
mod machines;
mod market;
mod quality;
mod scopes;
mod settled;
mod year;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use anyhow::{Context, Result, bail};
use chrono::{NaiveDate, NaiveTime};
use clap::ValueEnum;
use polars::prelude::DataFrame;
use sha2::{Digest, Sha256};

use super::progress::Progress;
use crate::accounting::dimensions::DayDimensions;
use crate::accounting::frames::{ids, integers};
use crate::accounting::intensity::{Wanted, ZoneIntensity};
use crate::accounting::inventory::Inventory;
use crate::accounting::ledger::columns::Pass;
use crate::accounting::ledger::inputs::{Meters, NodeStepColumns, UsageColumns};
use crate::accounting::ledger::{DayFold, DayTerms, LedgerRow, sql};
use crate::accounting::plan::{Plan, wanted_zones};
use crate::accounting::scopes::{Lines, sensitivity};
use crate::accounting::survey::{ClusterTerms, MonthTerms, Site, Survey};
use crate::config::{self, Config};
use crate::disclosure::Statement;
use crate::disclosure::assemble::{Particulars, assemble};
use crate::disclosure::statement::{EvidenceFile, Policy};
use crate::evidence::{DayManifest, Store, files_of};
use crate::factors::{Factors, Quantity};
use crate::model::policy::{FactorKind, IdlePolicy};
use crate::model::tables::Table;
use crate::model::{Finding, Hint, Refusal, Severity};
use crate::units::{GramsCo2ePerKilowattHour, ReportingPeriod, UtcDay};

pub const SOFTWARE: &str = concat!("wattledger ", env!("CARGO_PKG_VERSION"));

/// What runs the method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Engine {
    /// One pass over sorted columns.
    Columns,
    /// The files of `queries/accounting`, run by polars.
    Sql,
}

/// How a report is worked out, as the command line says.
#[derive(Clone, Copy, Debug)]
pub struct Accounting {
    pub engine: Engine,
    pub threads: Option<usize>,
    /// Runs the ledger again under the other idle policies.
    pub with_sensitivity: bool,
}

/// A month's statement, with the sums that a year settles contracts over.
pub struct MonthAccount {
    pub statement: Statement,
    pub inventory: Inventory,
    pub lines: Lines,
    /// Grid zones without an annual factor.
    pub without_annual: BTreeSet<String>,
    /// Share of a zone's energy that met an estimated or filled intensity.
    pub estimated: BTreeMap<String, f64>,
}

/// Accounts a month or a year. Blocked findings are in the statement; whoever writes a report asks for them first.
pub fn period(config: &Config, period: ReportingPeriod, accept: &[String], accounting: &Accounting) -> Result<Statement> {
    let statement = match period.month() {
        Some(_) => month_account(config, period, accept, accounting)?.statement,
        None => year::year(config, period, accept, accounting)?,
    };
    findings::warn_of_unused(&statement.findings, accept);
    Ok(statement)
}

fn month_account(config: &Config, period: ReportingPeriod, accept: &[String], accounting: &Accounting) -> Result<MonthAccount> {
    let step_s = config.report.step_seconds;
    if [period.from(), period.to()].iter().any(|edge| edge.timestamp() % step_s != 0) {
        bail!(Hint::new(
            format!("{period} in {} does not begin and end at a step of {step_s} s, so steps would be cut", period.time_zone()),
            "choose a report.step that divides the time zone's offset from UTC, such as \"15m\"",
        ));
    }
    let store = Store::new(&config.evidence_dir);
    let factors = scopes::factors(config)?;
    let terms = month_terms(config, &factors, period);
    let manifests = manifests(&store, config, period)?;
    let workers = accounting.threads.unwrap_or_else(default_workers).clamp(1, 64);
    let mut survey = survey(&store, &terms, &manifests, workers)?;
    let mut findings = findings::day_findings(&manifests);
    findings.extend(findings::missing_days(&terms, &manifests));
    findings.extend(findings::other_terms(config, &manifests));
    let (zones, mut evidence) = zones(&store, config, &factors, &terms, &survey, &mut findings)?;
    let runs = survey.take_runs();
    let mut plan = Plan::new(&terms, &survey, runs, zones);
    let days = days_to_account(&store, &plan, &manifests, &mut findings)?;
    let inventory = ledger(&store, &plan, &days.iter().collect::<Vec<_>>(), accounting.engine, workers)?;
    let mut idle = Vec::new();
    if accounting.with_sensitivity {
        let of_period: Vec<&DayToAccount> = days.iter().filter(|day| day.day >= UtcDay::containing(period.from())).collect();
        for policy in IdlePolicy::ALL.into_iter().filter(|policy| *policy != terms.idle) {
            plan.idle = policy;
            let other = ledger(&store, &plan, &of_period, accounting.engine, workers)?;
            idle.extend(sensitivity::idle(&terms.clusters, (terms.idle, &inventory), (policy, &other)));
        }
        plan.idle = terms.idle;
    }
    findings.extend(plan.findings.iter().cloned());
    findings.extend(inventory.findings(&plan));
    findings.extend(config.notes.iter().cloned());
    let sections = scopes::sections(config, &factors, &store, &plan, &inventory, idle, &mut findings)?;
    findings.extend(findings::unplaced(&plan, &inventory));
    findings::accept_by_name(&mut findings, accept);
    for day in &days {
        let manifest = day.manifest.iter();
        let files = manifest.flat_map(|manifest| manifest.files.iter().map(move |file| (manifest, file)));
        evidence.extend(files.map(|(manifest, file)| EvidenceFile {
            path: format!("{}/{}/{}", manifest.cluster, manifest.day, file.path),
            sha256: file.sha256.clone(),
        }));
    }
    evidence.sort();
    let particulars = Particulars {
        organisation: config.organisation.clone(),
        lei: config.lei.clone(),
        policy: Policy {
            disclosure: config.report.disclosure.clone(),
            location_based: config.report.location_based,
            idle: config.report.idle,
            tails: config.report.tails,
            step_seconds: config.report.step_seconds,
            max_gap_share: config.report.max_gap_share,
        },
        software: SOFTWARE.to_owned(),
        method: method(),
        config_sha256: config.sha256.clone(),
        evidence,
        factor: FactorKind::Direct,
        deferrable: plan.runs.iter().map(|planned| planned.run.job.is_deferrable.or(planned.run.job.is_carbon_aware)).collect(),
    };
    let (without_annual, estimated) = (scopes::zones_without_annual(&plan), scopes::estimated(&plan, &inventory));
    let lines = sections.lines.clone();
    let statement = assemble(&plan, &inventory, sections, findings, particulars);
    Ok(MonthAccount { statement, inventory, lines, without_annual, estimated })
}

/// Visits every cluster-day of a month with what its ledger is made of: for those who run the method themselves, on whatever engine.
pub fn for_each_day(
    config: &Config,
    period: ReportingPeriod,
    mut visit: impl FnMut(&str, UtcDay, &DayTerms<'_>, DataFrame, DataFrame) -> Result<()>,
) -> Result<()> {
    let store = Store::new(&config.evidence_dir);
    let factors = scopes::factors(config)?;
    let terms = month_terms(config, &factors, period);
    let manifests = manifests(&store, config, period)?;
    let mut survey = survey(&store, &terms, &manifests, default_workers())?;
    let (zones, _) = zones(&store, config, &factors, &terms, &survey, &mut Vec::new())?;
    let runs = survey.take_runs();
    let plan = Plan::new(&terms, &survey, runs, zones);
    for day in days_to_account(&store, &plan, &manifests, &mut Vec::new())? {
        let Some(manifest) = &day.manifest else { continue };
        let mut dimensions = dimensions(&store, manifest)?;
        plan.complete(day.cluster, day.day, &mut dimensions);
        let (node_steps, usage) = (store.read_table(manifest, Table::NodeSteps)?, store.read_table(manifest, Table::Usage)?);
        let runs = plan.runs_of_day(day.cluster, &dimensions);
        visit(&manifest.cluster, day.day, &plan.day_terms(day.cluster, day.day, &dimensions, &runs), node_steps, usage)?;
    }
    Ok(())
}

/// The rows of a cluster-day's ledger by the columnar pass, sorted.
pub fn rows_by_columns(terms: &DayTerms<'_>, node_steps: &DataFrame, usage: &DataFrame) -> Result<Vec<LedgerRow>> {
    let meters = meters(terms, node_steps)?;
    let part = UsagePart::new(usage)?;
    let mut pass = Pass::new(terms, &meters).keeping_rows();
    pass.account(0..terms.nodes.len(), part.columns())?;
    let mut rows = pass.finish().1;
    rows.sort_unstable();
    Ok(rows)
}

/// Name and SHA-256 of the method: the plan and every query, in the order of their names.
pub fn method() -> String {
    let mut digest = Sha256::new();
    digest.update(sql::PLAN);
    for (name, text) in sql::QUERIES {
        digest.update(name);
        digest.update([0]);
        digest.update(text);
        digest.update([0]);
    }
    let hex: String = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("queries/accounting sha256:{hex}")
}

fn month_terms(config: &Config, factors: &Factors, period: ReportingPeriod) -> MonthTerms {
    let site = |site: &config::Site| Site {
        boundary: site.boundary,
        placement: site.placement,
        grid_zone: site.grid_zone.clone(),
        home_zone: site.home_zone.clone(),
        pue: factor_list::pue_factor(site, period, factors).map_or(site.pue.get(), |factor| factor.value),
        embodied: site.embodied.clone(),
    };
    let clusters = config.clusters.iter().map(|cluster| {
        let by_labels = cluster.clone();
        ClusterTerms {
            name: cluster.name.clone(),
            sites: std::iter::once(&cluster.site).chain(cluster.pools.iter().map(|pool| &pool.site)).map(site).collect(),
            site_of: Box::new(move |labels| by_labels.pool_for(labels).map_or(0, |pool| pool + 1)),
        }
    });
    MonthTerms {
        period,
        step_seconds: config.report.step_seconds,
        idle: config.report.idle,
        tails: config.report.tails,
        location_based: config.report.location_based,
        max_gap_share: config.report.max_gap_share,
        category3: category3::terms(config, factors, category3::day_of(period)),
        clusters: clusters.collect(),
    }
}

/// The complete days of the period, by cluster.
fn manifests(store: &Store, config: &Config, period: ReportingPeriod) -> Result<Vec<BTreeMap<UtcDay, DayManifest>>> {
    let mut manifests = Vec::new();
    for cluster in &config.clusters {
        let mut days = BTreeMap::new();
        for day in period.utc_days() {
            if let Some(manifest) = store.day(&cluster.name, day)? {
                if manifest.step_seconds != config.report.step_seconds {
                    bail!(Hint::new(
                        format!(
                            "evidence of {} on {day} is kept in steps of {} s, and the configuration wants {} s",
                            cluster.name, manifest.step_seconds, config.report.step_seconds
                        ),
                        "set report.step to that of the evidence, or collect into another evidence folder",
                    ));
                }
                days.insert(day, manifest);
            }
        }
        manifests.push(days);
    }
    if manifests.iter().all(BTreeMap::is_empty) {
        let message = format!(
            "There is no evidence of {period} in {}. Run `wattledger collect --month {period}` with the same configuration.",
            config.evidence_dir.display()
        );
        bail!(Refusal { findings: vec![Finding::new("NO_DATA", Severity::Blocked, message)] });
    }
    Ok(manifests)
}

fn dimensions(store: &Store, manifest: &DayManifest) -> Result<DayDimensions> {
    let read = |table| store.read_table(manifest, table);
    DayDimensions::read(&manifest.cluster, &read(Table::Nodes)?, &read(Table::Pods)?, &read(Table::Jobs)?)
        .with_context(|| format!("evidence of {} on {}", manifest.cluster, manifest.day))
}

/// Days are read by as many workers as there are cores, some at a time, and taken in one after the other.
fn survey(store: &Store, terms: &MonthTerms, manifests: &[BTreeMap<UtcDay, DayManifest>], workers: usize) -> Result<Survey> {
    let mut survey = Survey::new(terms);
    let days: Vec<(usize, UtcDay, &DayManifest)> = manifests
        .iter()
        .enumerate()
        .flat_map(|(cluster, days)| days.iter().map(move |(day, manifest)| (cluster, *day, manifest)))
        .collect();
    let progress = Progress::new("looking over", days.len() as u64);
    let read = |manifest: &DayManifest| -> Result<(DayDimensions, DataFrame)> {
        Ok((dimensions(store, manifest)?, store.read_table(manifest, Table::NodeSteps)?))
    };
    for some in days.chunks(workers) {
        let read: Vec<Result<(DayDimensions, DataFrame)>> = thread::scope(|scope| {
            let read = &read;
            let handles: Vec<_> = some.iter().map(|(_, _, manifest)| scope.spawn(move || read(manifest))).collect();
            handles.into_iter().map(|handle| handle.join().expect("a worker that panics ends the program")).collect()
        });
        for ((cluster, day, manifest), read) in some.iter().zip(read) {
            progress.tick(&format!("{} {day}", manifest.cluster));
            let (dimensions, node_steps) = read?;
            survey.add_day(terms, *cluster, *day, &dimensions, &node_steps)?;
        }
    }
    progress.done();
    Ok(survey)
}

fn default_workers() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// The intensity of every zone that is needed, and the evidence files it came from. A zone in use without intensity refuses the report.
fn zones(
    store: &Store,
    config: &Config,
    factors: &Factors,
    terms: &MonthTerms,
    survey: &Survey,
    findings: &mut Vec<Finding>,
) -> Result<(Vec<ZoneIntensity>, Vec<EvidenceFile>)> {
    let (used, named) = wanted_zones(terms, survey);
    let year_start = |year| NaiveDate::from_ymd_opt(year, 1, 1).map(|date| date.and_time(NaiveTime::MIN).and_utc().timestamp());
    let (Some(year_from_s), Some(year_to_s)) = (year_start(terms.period.year()), year_start(terms.period.year() + 1)) else {
        bail!("{} is beyond the calendar", terms.period)
    };
    let (mut zones, mut evidence, mut refused) = (Vec::new(), Vec::new(), Vec::new());
    for zone in used.iter().chain(&named) {
        let feed = config.average_feed(zone);
        let editions = store.intensity(zone)?;
        let wanted = Wanted {
            zone,
            factor: feed.map_or(FactorKind::Direct, |feed| feed.factor),
            period_from_s: terms.period.from().timestamp(),
            period_to_s: terms.period.to().timestamp(),
            year_from_s,
            year_to_s,
            configured_annual: feed.and_then(|feed| feed.annual_direct_gco2e_per_kwh.get(zone).copied()),
            published_annual: factors.find(Quantity::GridAnnualDirect, zone, category3::day_of(terms.period)).map(|factor| factor.value),
            plausible: feed.map_or(GramsCo2ePerKilowattHour::PLAUSIBLE_MEDIANS, |feed| feed.plausible_gco2e_per_kwh),
        };
        let (series, files): (Vec<_>, Vec<_>) = editions.into_iter().unzip();
        match ZoneIntensity::build(&series, wanted) {
            Ok((built, about)) => {
                zones.push(built);
                evidence.extend(files.into_iter().map(|file| EvidenceFile { path: file.path, sha256: file.sha256 }));
                if used.contains(zone) {
                    findings.extend(about);
                }
            }
            Err(finding) if used.contains(zone) => refused.push(finding),
            // A zone that only baselines name: its runs are unplaced, each with this reason.
            Err(_) => {}
        }
    }
    if refused.is_empty() { Ok((zones, evidence)) } else { bail!(Refusal { findings: refused }) }
}

/// One cluster-day of the ledger; one without evidence holds gaps only.
struct DayToAccount {
    cluster: usize,
    day: UtcDay,
    manifest: Option<DayManifest>,
}

fn days_to_account(
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

fn ledger(store: &Store, plan: &Plan<'_>, days: &[&DayToAccount], engine: Engine, workers: usize) -> Result<Inventory> {
    let next = AtomicUsize::new(0);
    let total = Mutex::new(Inventory::new(plan));
    let progress = Progress::new("accounting", days.len() as u64);
    thread::scope(|scope| {
        let work = || -> Result<()> {
            let mut mine = Inventory::new(plan);
            while let Some(day) = days.get(next.fetch_add(1, Ordering::Relaxed)) {
                account_day(store, plan, day, engine, &mut mine)
                    .with_context(|| format!("account {} on {}", plan.terms.clusters[day.cluster].name, day.day))?;
                progress.tick(&format!("{} {}", plan.terms.clusters[day.cluster].name, day.day));
            }
            total.lock().expect("a worker that panics ends the program").merge(mine);
            Ok(())
        };
        let handles: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        handles.into_iter().try_for_each(|handle| handle.join().expect("a worker that panics ends the program"))
    })?;
    progress.done();
    Ok(total.into_inner().expect("a worker that panics ends the program"))
}

fn account_day(store: &Store, plan: &Plan<'_>, day: &DayToAccount, engine: Engine, inventory: &mut Inventory) -> Result<()> {
    let mut dimensions = match &day.manifest {
        Some(manifest) => dimensions(store, manifest)?,
        None => DayDimensions::default(),
    };
    plan.complete(day.cluster, day.day, &mut dimensions);
    let runs = plan.runs_of_day(day.cluster, &dimensions);
    let terms = plan.day_terms(day.cluster, day.day, &dimensions, &runs);
    let fold = match (&day.manifest, engine) {
        (Some(manifest), Engine::Sql) => {
            let (node_steps, usage) = (store.read_table(manifest, Table::NodeSteps)?, store.read_table(manifest, Table::Usage)?);
            let usage_rows = usage.height();
            sql::fold(&terms, &sql::run_plan(&sql::inputs(&terms, node_steps, usage)?)?, usage_rows)?
        }
        (Some(manifest), Engine::Columns) => columns(store, manifest, &terms)?,
        (None, _) => {
            let meters = Meters::new(&terms, NodeStepColumns::default())?;
            let mut pass = Pass::new(&terms, &meters);
            pass.account(0..terms.nodes.len(), UsageColumns::default())?;
            pass.finish().0
        }
    };
    inventory.add(day.cluster, day.day, &dimensions, &runs, &fold);
    Ok(())
}

/// The columnar pass over the parts of a day: one part in memory at a time.
fn columns(store: &Store, manifest: &DayManifest, terms: &DayTerms<'_>) -> Result<DayFold> {
    let meters = meters(terms, &store.read_table(manifest, Table::NodeSteps)?)?;
    let mut pass = Pass::new(terms, &meters);
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
