//! A job run: its baseline, each row of its energy at both intensities, and its bounds.
//!
//! In: a run's id and a figure. Out: the rows of the ledger that make it, with place, time, PUE and intensity on both sides. Rule: the rows are those that the
//! pass over the run's days kept. Does not: place a run.

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use polars::prelude::{DataFrame, IntoLazy, col, lit};

use super::day::{Day, instant_text, milli_text};
use super::tree::{Explanation, Run, RunRow, Side, Sum, Term, amount};
use super::walk::Walk;
use crate::accounting::counterfactual::bounds::Candidates;
use crate::accounting::counterfactual::outcome::candidates_of;
use crate::accounting::ledger::{self, RunTerms};
use crate::accounting::plan::PlannedRun;
use crate::cli::account::run_rows_by_columns;
use crate::disclosure::figure_ids::{RowId, Unit, run_ids};
use crate::disclosure::statement::JobRunStatement;
use crate::units::UtcDay;

/// A row of the run, with the day that it is of.
struct RowOfRun {
    id: String,
    row: ledger::RunRow,
    is_in_period: bool,
    shown: RunRow,
    what: String,
}

impl Walk<'_> {
    /// The run of an id: of the statement, and of the plan.
    fn run_of(&self, row: &RowId) -> Option<(&JobRunStatement, usize)> {
        let runs = &self.workings.statement.job_runs;
        let ids = run_ids(runs.iter().map(|run| (&*run.cluster, &*run.namespace, &*run.job, run.start)));
        let at = ids.iter().position(|id| id == row)?;
        // The statement lists the plan's runs, sorted.
        let plan = self.workings.plan;
        let mut order: Vec<usize> = (0..plan.runs.len()).collect();
        let key = |index: &usize| {
            let run = &plan.runs[*index];
            (run.run.job.cluster.clone(), run.run.job.namespace.clone(), run.run.job.job.clone(), run.start, run.end)
        };
        order.sort_by_cached_key(key);
        Some((&runs[at], order[at]))
    }

    pub fn run(&self, row: &RowId, field: &str, depth: usize) -> Result<Option<Explanation>> {
        let Some(figure) = self.index.get(&row.figure(field).to_string()) else { return Ok(None) };
        let Some((statement, index)) = self.run_of(row) else { return Ok(None) };
        let mut level = self.head(row, field, figure.value);
        let (value, unit) = (figure.value.unwrap_or(0), Unit::of(field));
        let mut about = about(statement, &self.workings.plan.runs[index]);
        match field {
            "active_mj" | "outside_mj" | "actual_ugco2e" | "counterfactual_ugco2e" => {
                let rows = self.rows_of_run(index)?;
                let of_field = |row: &RowOfRun| match field {
                    "active_mj" => row.row.active_mj,
                    "outside_mj" => i64::from(!row.is_in_period) * row.row.active_mj,
                    "actual_ugco2e" => row.row.actual_ugco2e,
                    _ => row.row.counterfactual_ugco2e,
                };
                let terms = rows.iter().filter(|row| of_field(row) != 0).map(|row| {
                    Term::new(Some(row.id.clone()), row.what.clone(), of_field(row)).noted(amount(row.row.active_mj, Unit::Millijoules))
                });
                if figure.value.is_some() {
                    level.sums.push(Sum::of("by row of the ledger", "this figure", (value, unit), terms.collect(), self.top));
                }
                let mut largest: Vec<&RowOfRun> = rows.iter().collect();
                largest.sort_by_key(|row| (std::cmp::Reverse(of_field(row).unsigned_abs()), row.id.clone()));
                if let Some(row) = largest.first().filter(|_| field != "active_mj" && field != "outside_mj") {
                    level.intensities = self.intensities_of_run(row, field == "actual_ugco2e", index)?;
                }
                let shown = if self.top == 0 { largest.len() } else { self.top };
                about.rows = largest.iter().take(shown).map(|row| row.shown.clone()).collect();
                level.next = self.follow(largest.first().map(|row| row.id.as_str()), depth)?;
            }
            "avoided_ugco2e" | "cost.saved_micro_eur" | "consequential.avoided_ugco2e" => {
                let (path, names) = match field {
                    "cost.saved_micro_eur" => ("cost.", ["counterfactual_micro_eur", "actual_micro_eur"]),
                    "consequential.avoided_ugco2e" => ("consequential.", ["counterfactual_ugco2e", "actual_ugco2e"]),
                    _ => ("", ["counterfactual_ugco2e", "actual_ugco2e"]),
                };
                let part = |name: &str, sign: i64| {
                    let term = self.term(row, &format!("{path}{name}"))?;
                    let what = if sign < 0 { "less as it was" } else { "had it not been shifted" };
                    Some(Term { what: what.to_owned(), value: term.value.map(|value| value * sign), ..term })
                };
                let terms = [part(names[0], 1), part(names[1], -1)].into_iter().flatten().collect();
                self.add_sum(&mut level, "side", terms, unit);
                level.next = self.follow(Some(&row.figure(&format!("{path}{}", names[0])).to_string()), depth)?;
            }
            "best_ugco2e" | "worst_ugco2e" | "mean_ugco2e" => {
                self.add_bounds(&mut level, row, field, index)?;
                level.next = self.follow(Some(&row.figure("counterfactual_ugco2e").to_string()), depth)?;
            }
            _ => {}
        }
        if let Some(reason) = &statement.unplaced_reason {
            level.notes.push(format!("The run has no counterfactual: {reason}."));
        }
        level.run = Some(about);
        Ok(Some(level))
    }

    /// Every row of the run, over all its days.
    fn rows_of_run(&self, index: usize) -> Result<Vec<RowOfRun>> {
        let plan = self.workings.plan;
        let cluster = plan.runs[index].cluster;
        let mut rows = Vec::new();
        let mut days: Vec<UtcDay> = self.workings.days.iter().filter(|day| day.cluster == cluster).map(|day| day.day).collect();
        days.sort();
        let run = &plan.runs[index];
        // A meter may see a little just before the start and just after the end.
        let first = run.start.map(|start| UtcDay::containing(start).previous());
        let last = run.end.map(|end| UtcDay::containing(end).next());
        days.retain(|day| first.is_none_or(|first| *day >= first) && last.is_none_or(|last| *day <= last));
        for day in days {
            let Some(day) = self.day(cluster, day)? else { continue };
            let runs = plan.runs_of_day(cluster, &day.dimensions);
            let jobs: Vec<i32> = runs.iter().enumerate().filter(|(_, run)| **run == Some(index)).map(|(job, _)| job as i32).collect();
            if jobs.is_empty() {
                continue;
            }
            let of_run = |pod: &usize| jobs.contains(&day.dimensions.pod_job[*pod]);
            let mut nodes: Vec<i32> = (0..day.pods.len()).filter(of_run).map(|pod| day.dimensions.pod_node[pod]).collect();
            nodes.sort_unstable();
            nodes.dedup();
            let kept = run_rows_by_columns(&day.terms, &of_nodes(&day.node_steps, &nodes)?, &of_nodes(&day.usage, &nodes)?)?;
            for row in kept.into_iter().filter(|row| jobs.contains(&row.job)) {
                rows.push(self.row_of_run(&day, row, run));
            }
        }
        Ok(rows)
    }

    fn row_of_run(&self, day: &Day<'_>, row: ledger::RunRow, run: &PlannedRun) -> RowOfRun {
        let plan = self.workings.plan;
        let step_id = day.step_id(row.node_id, row.row_id, row.step);
        let what = format!("{} {} on {}", day.start_of(row.step).format("%Y-%m-%d %H:%M"), step_id.pod, step_id.node);
        let id = RowId::Step(step_id).figure("active_mj").to_string();
        let step_ms = day.terms.step_seconds * 1_000;
        let from_ms = i64::from(row.step) * step_ms;
        let site = &plan.sites[day.cluster][day.site(row.node_id)];
        let side = |zone: usize, pue: f64, (from, to): (i64, i64), ug_per_mj: f64, ugco2e: i64| {
            let zone = plan.zones.get(zone)?;
            let integral = zone.integral_micros(from, to)?;
            Some(Side {
                grid_zone: zone.zone.clone(),
                from: milli_text(from),
                to: milli_text(to),
                milliseconds: to - from,
                integral: integral.to_string(),
                mean_gco2e_per_kwh: integral as f64 / (to - from) as f64 / 1e6,
                pue,
                ug_per_mj,
                ugco2e,
            })
        };
        let (actual, counterfactual) = match (&run.place, row.factors) {
            (Ok(timing), Some(factors)) => {
                let [ran, baseline] = timing.sides(from_ms, from_ms + step_ms);
                let (home_zone, home_pue) = timing.home_of(site);
                (
                    side(site.zone, site.pue, ran, factors.actual_ug_per_mj, row.actual_ugco2e),
                    side(home_zone, home_pue, baseline, factors.counterfactual_ug_per_mj, row.counterfactual_ugco2e),
                )
            }
            _ => (None, None),
        };
        debug_assert!(matches!(day.terms.runs[row.job as usize], RunTerms::Placed(_) | RunTerms::Unplaced));
        let shown = RunRow { id: id.clone(), active_mj: row.active_mj, actual, counterfactual };
        RowOfRun { id, is_in_period: day.terms.is_in_period(row.step), row, shown, what }
    }

    /// The intensities that the largest row met on one side.
    fn intensities_of_run(&self, row: &RowOfRun, is_actual: bool, index: usize) -> Result<Vec<super::tree::Intensity>> {
        let side = if is_actual { &row.shown.actual } else { &row.shown.counterfactual };
        let Some(side) = side else { return Ok(Vec::new()) };
        let plan = self.workings.plan;
        let Ok(timing) = &plan.runs[index].place else { return Ok(Vec::new()) };
        let zone = plan.zones.iter().position(|zone| zone.zone == side.grid_zone).unwrap_or(timing.baseline_zone);
        let second = |text: &str| DateTime::parse_from_rfc3339(text).map(|at| at.timestamp_millis());
        let (from_ms, to_ms) = (second(&side.from)?, second(&side.to)?);
        self.intensities(zone, from_ms.div_euclid(1_000), to_ms.div_euclid(1_000) + i64::from(to_ms.rem_euclid(1_000) > 0))
    }

    /// Candidates: the counterfactual, and what another start and zone differ from it.
    fn add_bounds(&self, level: &mut Explanation, row: &RowId, field: &str, index: usize) -> Result<()> {
        let workings = self.workings;
        let (plan, inventory) = (workings.plan, workings.inventory);
        let sums = inventory.runs[index];
        let Some(candidates) = candidates_of(plan, &plan.runs[index], &inventory.profiles[index], sums) else { return Ok(()) };
        let candidates = candidates.map_err(anyhow::Error::msg).context("value a run at the starts of its window")?;
        let bounds = candidates.bounds(sums.counterfactual_ugco2e);
        let value = level.value.unwrap_or(0);
        let difference = value - sums.counterfactual_ugco2e;
        let what = match field {
            "best_ugco2e" => {
                let zone = &plan.zones[bounds.best_zone].zone;
                format!("what the best start, {} in {zone}, differs from the baseline", milli_text(bounds.best_start_ms))
            }
            "worst_ugco2e" => "what the worst start differs from the baseline".to_owned(),
            _ => "what the mean of all starts differs from the baseline".to_owned(),
        };
        let terms = vec![
            Term { what: "counterfactual, at the baseline".to_owned(), ..self.term(row, "counterfactual_ugco2e").unwrap_or_default() },
            Term::new(None, what, difference),
        ];
        level.sums.push(Sum::of("by part", "this figure", (value, Unit::MicrogramsCo2e), terms, 0));
        level.notes.push(format!(
            "{} candidates: {} starts from {}, one every {} s, in {}.",
            bounds.candidates,
            candidates.values.first().map_or(0, Vec::len),
            milli_text(candidates.baseline_start_ms),
            candidates.step_ms / 1_000,
            candidates.zones.iter().map(|zone| plan.zones[*zone].zone.as_str()).collect::<Vec<_>>().join(", ")
        ));
        level.figures = starts(&candidates, sums.counterfactual_ugco2e, field, self.top, |zone| plan.zones[zone].zone.clone());
        Ok(())
    }
}

/// The starts with their values: best first, or worst first.
fn starts(candidates: &Candidates, counterfactual: i64, field: &str, top: usize, zone: impl Fn(usize) -> String) -> Vec<Term> {
    let baseline = candidates.baseline();
    let mut all: Vec<(i128, i64, usize)> = Vec::new();
    for (row, values) in candidates.values.iter().enumerate() {
        let start = |at: usize| candidates.baseline_start_ms + at as i64 * candidates.step_ms;
        all.extend(values.iter().enumerate().map(|(at, value)| (*value - baseline, start(at), row)));
    }
    all.sort_by_key(|(value, start_ms, row)| (if field == "worst_ugco2e" { -*value } else { *value }, *start_ms, *row));
    let shown = if top == 0 { all.len() } else { top };
    let term = |(value, start_ms, row): (i128, i64, usize)| {
        let what = format!("start {} in {}", milli_text(start_ms), zone(candidates.zones[row]));
        Term::new(None, what, counterfactual + crate::accounting::counterfactual::energy::rounded(value))
    };
    all.into_iter().take(shown).map(term).collect()
}

fn of_nodes(frame: &DataFrame, nodes: &[i32]) -> Result<DataFrame> {
    let is_one = nodes.iter().map(|node| col("node_id").eq(lit(*node))).reduce(|a, b| a.or(b)).unwrap_or_else(|| lit(false));
    frame.clone().lazy().filter(is_one).collect().context("look at some nodes of the evidence")
}

fn about(statement: &JobRunStatement, planned: &PlannedRun) -> Run {
    let instant = |at: Option<DateTime<Utc>>| at.map(instant_text);
    let word = |value: Result<serde_json::Value, serde_json::Error>| value.ok().and_then(|value| value.as_str().map(str::to_owned));
    Run {
        cluster: statement.cluster.to_string(),
        namespace: statement.namespace.to_string(),
        job: statement.job.to_string(),
        uid: statement.uid.as_ref().map(ToString::to_string),
        workload: statement.workload.to_string(),
        start: instant(statement.start),
        end: instant(statement.end),
        grid_zone: statement.grid_zone.to_string(),
        baseline_rule: statement.baseline_rule.and_then(|rule| word(serde_json::to_value(rule))),
        baseline_start: instant(statement.baseline_start),
        baseline_zone: statement.baseline_zone.as_ref().map(ToString::to_string),
        baseline_pue: planned.place.as_ref().ok().map(|timing| timing.baseline_pue),
        cause: word(serde_json::to_value(statement.cause)).unwrap_or_default(),
        cause_basis: word(serde_json::to_value(statement.cause_basis)).unwrap_or_default(),
        unplaced_reason: statement.unplaced_reason.clone(),
        rows: Vec::new(),
    }
}
