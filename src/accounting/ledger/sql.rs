//! The ledger by the SQL files themselves, run by polars in-process: the specification, executed.
//!
//! In: the evidence tables of one cluster-day as frames, and [`DayTerms`]. Out: every table that `plan.txt` names.
//! Rule: the files of `queries/accounting`, unchanged; DuckDB runs the same ones in tests and at an auditor's desk.
//! Assumes: a cluster-day fits in memory. Does not: compute anything itself.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use polars::prelude::{DataFrame, Engine, IntoLazy, df};
use polars::sql::SQLContext;

use super::{DayFold, DayTerms, LedgerRow, NodeDay, Reservation, RunStep, RunSums, RunTerms, StepRequest, Sums, WorkloadHour};
use crate::model::policy::{IdlePolicy, Tails};

/// The plan, and the text of every file it names.
pub const PLAN: &str = include_str!("../../../queries/accounting/plan.txt");
pub const QUERIES: &[(&str, &str)] = &[
    ("active.sql", include_str!("../../../queries/accounting/active.sql")),
    ("active_quotas.sql", include_str!("../../../queries/accounting/active_quotas.sql")),
    ("balance.sql", include_str!("../../../queries/accounting/balance.sql")),
    ("emissions.sql", include_str!("../../../queries/accounting/emissions.sql")),
    ("energy.sql", include_str!("../../../queries/accounting/energy.sql")),
    ("facility_quotas.sql", include_str!("../../../queries/accounting/facility_quotas.sql")),
    ("idle_quotas.sql", include_str!("../../../queries/accounting/idle_quotas.sql")),
    ("job_rows.sql", include_str!("../../../queries/accounting/job_rows.sql")),
    ("job_steps.sql", include_str!("../../../queries/accounting/job_steps.sql")),
    ("ledger.sql", include_str!("../../../queries/accounting/ledger.sql")),
    ("node_days.sql", include_str!("../../../queries/accounting/node_days.sql")),
    ("reservations.sql", include_str!("../../../queries/accounting/reservations.sql")),
    ("split.sql", include_str!("../../../queries/accounting/split.sql")),
    ("step_requests.sql", include_str!("../../../queries/accounting/step_requests.sql")),
    ("tail_quotas.sql", include_str!("../../../queries/accounting/tail_quotas.sql")),
    ("workload_hours.sql", include_str!("../../../queries/accounting/workload_hours.sql")),
];

/// One line of the plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanStep {
    pub table: String,
    pub file: String,
    /// The table that stands in for `quotas`, where the file is `split.sql`.
    pub quotas: Option<String>,
}

impl PlanStep {
    /// The text of its file.
    pub fn text(&self) -> Result<&'static str> {
        let found = QUERIES.iter().find(|(file, _)| *file == self.file);
        found.map(|(_, text)| *text).with_context(|| format!("plan.txt names {}, which is not there", self.file))
    }
}

/// The lines of `plan.txt`.
pub fn plan() -> Vec<PlanStep> {
    PLAN.lines()
        .filter(|line| !line.starts_with('#') && !line.trim().is_empty())
        .map(|line| {
            let mut words = line.split_whitespace();
            PlanStep {
                table: words.next().unwrap_or_default().to_owned(),
                file: words.next().unwrap_or_default().to_owned(),
                quotas: words.next().and_then(|word| word.strip_prefix("quotas=")).map(str::to_owned),
            }
        })
        .collect()
}

/// Runs the plan over one cluster-day and keeps every table.
pub fn run_plan(inputs: &BTreeMap<&'static str, DataFrame>) -> Result<BTreeMap<String, DataFrame>> {
    let mut context = SQLContext::new();
    for (name, frame) in inputs {
        context.register(name, frame.clone().lazy());
    }
    let mut tables = BTreeMap::new();
    for step in plan() {
        let text = step.text()?;
        if let Some(quotas) = &step.quotas {
            let frame: &DataFrame = tables.get(quotas).with_context(|| format!("plan.txt splits {quotas} before it is made"))?;
            context.register("quotas", frame.clone().lazy());
        }
        let frame = context
            .execute(text)
            .and_then(|lazy| lazy.collect_with_engine(Engine::Streaming))
            .map(|result| result.unwrap_single())
            .with_context(|| format!("run queries/accounting/{}", step.file))?;
        context.register(&step.table, frame.clone().lazy());
        tables.insert(step.table, frame);
    }
    Ok(tables)
}

/// The inputs of the plan.
pub fn inputs(terms: &DayTerms<'_>, node_steps: DataFrame, usage: DataFrame) -> Result<BTreeMap<&'static str, DataFrame>> {
    let mut inputs = terms_tables(terms)?;
    inputs.extend([("node_steps", node_steps), ("usage", usage)]);
    Ok(inputs)
}

/// Those that no evidence holds: what dimensions, configuration and intensity say of the day.
pub fn terms_tables(terms: &DayTerms<'_>) -> Result<BTreeMap<&'static str, DataFrame>> {
    let annual = |site: usize| terms.zones[terms.sites[site].zone].annual_direct_gco2e_per_kwh;
    let idle_policy = match terms.idle {
        IdlePolicy::Unallocated => 0,
        IdlePolicy::ByUsage => 1,
        IdlePolicy::ByRequest => 2,
    };
    let tail_policy = match terms.tails {
        Tails::Unattributed => 0,
        Tails::LastRate => 1,
    };
    let node_count = terms.nodes.len();
    let nodes = df!(
        "node_id" => (0..node_count as i32).collect::<Vec<_>>(),
        "site_id" => terms.nodes.iter().map(|node| node.site as i32).collect::<Vec<_>>(),
        "zone_id" => terms.nodes.iter().map(|node| terms.sites[node.site].zone as i32).collect::<Vec<_>>(),
        "pue" => terms.nodes.iter().map(|node| terms.sites[node.site].pue).collect::<Vec<_>>(),
        "idle_policy" => vec![idle_policy; node_count],
        "tail_policy" => vec![tail_policy; node_count],
        "is_scope2" => terms.nodes.iter().map(|node| i32::from(terms.sites[node.site].is_scope2)).collect::<Vec<_>>(),
        "annual_gco2e_per_kwh" => terms.nodes.iter().map(|node| annual(node.site)).collect::<Vec<Option<f64>>>()
    )?;
    let pods = df!(
        "pod_id" => (0..terms.pods.len() as i32).collect::<Vec<_>>(),
        "workload_id" => terms.pods.iter().map(|pod| pod.workload).collect::<Vec<_>>(),
        "job_id" => terms.pods.iter().map(|pod| (pod.job >= 0).then_some(pod.job)).collect::<Vec<_>>(),
        "cpu_request_milli" => terms.pods.iter().map(|pod| pod.cpu_request_milli).collect::<Vec<_>>(),
        "gpu_request" => terms.pods.iter().map(|pod| pod.gpu_request).collect::<Vec<_>>()
    )?;
    let gaps = df!(
        "node_id" => terms.gaps.iter().map(|gap| gap.node_id).collect::<Vec<_>>(),
        "step" => terms.gaps.iter().map(|gap| gap.step).collect::<Vec<_>>(),
        "gap_mj" => terms.gaps.iter().map(|gap| gap.gap_mj).collect::<Vec<_>>()
    )?;
    let all_steps = || (terms.first_step..).take(terms.step_count);
    let steps: Vec<i32> = all_steps().filter(|step| terms.is_in_period(*step)).collect();
    let hours: Vec<i32> = steps.iter().map(|step| terms.hour_of(*step)).collect();
    Ok(BTreeMap::from([
        ("nodes", nodes),
        ("pods", pods),
        ("gaps", gaps),
        ("segments", segments_frame(terms)?),
        ("steps", df!("step" => steps, "hour" => hours)?),
        ("run_steps", run_steps_frame(terms)?),
    ]))
}

fn segments_frame(terms: &DayTerms<'_>) -> Result<DataFrame> {
    let (mut zone_id, mut step, mut from_s, mut to_s) = (vec![], vec![], vec![], vec![]);
    let (mut direct, mut upstream, mut losses): (Vec<f64>, Vec<Option<f64>>, Vec<Option<f64>>) = (vec![], vec![], vec![]);
    for (key, segments) in terms.segments().iter().enumerate() {
        for segment in segments {
            zone_id.push((key / terms.step_count) as i32);
            step.push(terms.first_step + (key % terms.step_count) as i32);
            from_s.push(segment.from_s);
            to_s.push(segment.to_s);
            direct.push(segment.gco2e_per_kwh);
            upstream.push(segment.upstream_gco2e_per_kwh);
            losses.push(segment.losses_gco2e_per_kwh);
        }
    }
    let step_s = vec![terms.step_seconds; step.len()];
    Ok(df!(
        "zone_id" => zone_id, "step" => step, "from_s" => from_s, "to_s" => to_s, "step_s" => step_s, "gco2e_per_kwh" => direct,
        "upstream_gco2e_per_kwh" => upstream, "losses_gco2e_per_kwh" => losses
    )?)
}

fn run_steps_frame(terms: &DayTerms<'_>) -> Result<DataFrame> {
    let (mut job_id, mut site_id, mut steps, mut actual, mut counterfactual) = (vec![], vec![], vec![], vec![], vec![]);
    for (job, timing) in terms.runs.iter().enumerate() {
        if *timing == RunTerms::NotCounted {
            continue;
        }
        for (site, place) in terms.sites.iter().enumerate() {
            for step in (terms.first_step..).take(terms.step_count) {
                let from_ms = i64::from(step) * terms.step_seconds * 1_000;
                let to_ms = from_ms + terms.step_seconds * 1_000;
                let factors = match timing {
                    RunTerms::Placed(timing) => timing.factors(from_ms, to_ms, place, terms.zones),
                    RunTerms::Unplaced | RunTerms::NotCounted => None,
                };
                job_id.push(job as i32);
                site_id.push(site as i32);
                steps.push(step);
                actual.push(factors.map(|factors| factors.actual_ug_per_mj));
                counterfactual.push(factors.map(|factors| factors.counterfactual_ug_per_mj));
            }
        }
    }
    Ok(df!(
        "job_id" => job_id, "site_id" => site_id, "step" => steps, "actual_ug_per_mj" => actual, "counterfactual_ug_per_mj" => counterfactual
    )?)
}

/// How many of the rows of `usage` had a metered step to stand in, and how many there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UsageRows {
    pub all: u64,
    pub metered: u64,
}

impl UsageRows {
    /// `all` is what went in: rows that `active` does not hold had no metered step.
    pub fn of(tables: &BTreeMap<String, DataFrame>, all: usize) -> Result<Self> {
        let active = tables.get("active").context("plan.txt makes no table active")?;
        Ok(Self { all: all as u64, metered: active.height() as u64 })
    }
}

/// The tables of the plan as a fold, for comparison with the other engine and for those who prefer this one.
pub fn fold(terms: &DayTerms<'_>, tables: &BTreeMap<String, DataFrame>, usage: UsageRows) -> Result<DayFold> {
    let table = |name: &str| tables.get(name).with_context(|| format!("plan.txt makes no table {name}"));
    let hours = Columns(table("workload_hours")?);
    let mut workload_hours = Vec::with_capacity(hours.0.height());
    for i in 0..hours.0.height() {
        workload_hours.push(WorkloadHour {
            site: hours.id("site_id", i)?,
            workload: hours.id("workload_id", i)?,
            hour: hours.id("hour", i)?,
            sums: Sums {
                active_mj: hours.integer("active_mj", i)?,
                idle_mj: hours.integer("idle_mj", i)?,
                system_mj: hours.integer("system_mj", i)?,
                gap_mj: hours.integer("gap_mj", i)?,
                allocated_mj: hours.integer("allocated_mj", i)?,
                modelled_mj: hours.integer("modelled_mj", i)?,
                facility_mj: hours.integer("facility_mj", i)?,
                operational_hourly_ugco2e: hours.integer("operational_hourly_ugco2e", i)?,
                operational_annual_ugco2e: hours.optional("operational_annual_ugco2e", i)?.unwrap_or(0),
                upstream_ugco2e: hours.optional("upstream_ugco2e", i)?.unwrap_or(0),
                losses_ugco2e: hours.optional("losses_ugco2e", i)?.unwrap_or(0),
            },
        });
    }
    workload_hours.sort_by_key(|row| (row.site, row.workload, row.hour));
    let days = Columns(table("node_days")?);
    let mut node_days = vec![NodeDay::default(); terms.nodes.len()];
    for i in 0..days.0.height() {
        node_days[days.id("node_id", i)? as usize] = NodeDay {
            metered_mj: days.integer("metered_mj", i)?,
            attributed_mj: days.integer("attributed_mj", i)?,
            idle_mj: days.integer("idle_mj", i)?,
            system_mj: days.integer("system_mj", i)?,
            gap_mj: days.integer("gap_mj", i)?,
            correction_mj: days.integer("correction_mj", i)?,
            idle_cut_mj: days.integer("idle_cut_mj", i)?,
            tail_mj: days.integer("tail_mj", i)?,
        };
    }
    let jobs = Columns(table("job_rows")?);
    let mut runs = vec![RunSums::default(); terms.runs.len()];
    for i in 0..jobs.0.height() {
        runs[jobs.id("job_id", i)? as usize] = RunSums {
            active_mj: jobs.integer("active_mj", i)?,
            outside_mj: jobs.integer("outside_mj", i)?,
            actual_ugco2e: jobs.optional("actual_ugco2e", i)?.unwrap_or(0),
            counterfactual_ugco2e: jobs.optional("counterfactual_ugco2e", i)?.unwrap_or(0),
        };
    }
    let reserved = Columns(table("reservations")?);
    let mut reservations = Vec::with_capacity(reserved.0.height());
    for i in 0..reserved.0.height() {
        reservations.push(Reservation {
            node: reserved.id("node_id", i)?,
            workload: reserved.id("workload_id", i)?,
            milli_steps: reserved.integer("milli_steps", i)?,
            gpu_steps: reserved.integer("gpu_steps", i)?,
        });
    }
    reservations.sort_by_key(|row| (row.node, row.workload));
    let moved = Columns(table("job_steps")?);
    let mut run_steps = Vec::with_capacity(moved.0.height());
    for i in 0..moved.0.height() {
        run_steps.push(RunStep {
            job: moved.id("job_id", i)?,
            step: moved.id("step", i)?,
            site: moved.id("site_id", i)?,
            active_mj: moved.integer("active_mj", i)?,
            cpu_request_milli: moved.integer("cpu_request_milli", i)?,
        });
    }
    run_steps.sort_unstable();
    let asked = Columns(table("step_requests")?);
    let mut step_requests = Vec::with_capacity(asked.0.height());
    for i in 0..asked.0.height() {
        step_requests.push(StepRequest { step: asked.id("step", i)?, cpu_request_milli: asked.integer("cpu_request_milli", i)? });
    }
    step_requests.sort_unstable();
    let unmetered_rows = usage.all.checked_sub(usage.metered).context("more rows of usage were metered than there are")?;
    let usage_rows = usage.all;
    Ok(DayFold { workload_hours, node_days, runs, reservations, run_steps, step_requests, unmetered_rows, usage_rows, content: None })
}

/// The ledger's rows, sorted by node, step and row.
pub fn rows(tables: &BTreeMap<String, DataFrame>) -> Result<Vec<LedgerRow>> {
    let ledger = Columns(tables.get("ledger").context("plan.txt makes no table ledger")?);
    let mut rows = Vec::with_capacity(ledger.0.height());
    for i in 0..ledger.0.height() {
        rows.push(LedgerRow {
            node_id: ledger.id("node_id", i)?,
            step: ledger.id("step", i)?,
            row_id: ledger.id("row_id", i)?,
            active_mj: ledger.integer("active_mj", i)?,
            idle_mj: ledger.integer("idle_mj", i)?,
            system_mj: ledger.integer("system_mj", i)?,
            gap_mj: ledger.integer("gap_mj", i)?,
            allocated_mj: ledger.integer("allocated_mj", i)?,
            modelled_mj: ledger.integer("modelled_mj", i)?,
            facility_mj: ledger.integer("facility_mj", i)?,
            operational_hourly_ugco2e: ledger.optional("operational_hourly_ugco2e", i)?,
            operational_annual_ugco2e: ledger.optional("operational_annual_ugco2e", i)?,
            upstream_ugco2e: ledger.optional("upstream_ugco2e", i)?,
            losses_ugco2e: ledger.optional("losses_ugco2e", i)?,
        });
    }
    rows.sort_unstable();
    Ok(rows)
}

/// Cells of small result tables by column name.
pub(super) struct Columns<'a>(pub(super) &'a DataFrame);

impl Columns<'_> {
    pub(super) fn optional(&self, column: &str, row: usize) -> Result<Option<i64>> {
        let value = self.0.column(column)?.get(row)?;
        Ok(if value.is_null() { None } else { Some(value.try_extract::<i64>().with_context(|| format!("column {column}"))?) })
    }

    pub(super) fn integer(&self, column: &str, row: usize) -> Result<i64> {
        self.optional(column, row)?.with_context(|| format!("column {column} is null in row {row}"))
    }

    pub(super) fn id(&self, column: &str, row: usize) -> Result<i32> {
        Ok(i32::try_from(self.integer(column, row)?)?)
    }
}
