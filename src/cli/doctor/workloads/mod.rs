//! `wattledger doctor workloads`: which work runs as deferrable, which looks so and is not marked, which is marked and serves users.
//!
//! In: a month of evidence, the configuration as it is now. Out: three lists with the month's energy and what windows would have avoided, for people or as JSON.
//! Rule: the month is accounted as `report` does it, so energy and emissions are the report's; guesses move no figure and say what they rest on. No network.
//! Does not: refuse: findings that would stop a report are counted in a note.

mod judge;
mod looks;
mod rows;
mod screen;

use std::io::Write;

use anyhow::Result;
use chrono::Utc;
use clap::Args;
use serde::Serialize;

use self::judge::{Judged, Lists};
use self::rows::{Run, Workload};
use crate::accounting::counterfactual::class::class_in_month;
use crate::accounting::counterfactual::outcome::offers;
use crate::accounting::plan::PlannedRun;
use crate::cli::account::{self, Accounting, Books, Workings};
use crate::cli::months::last_month;
use crate::cli::{colour, exit};
use crate::config::Config;
use crate::disclosure::statement::WorkloadStatement;
use crate::model::{Cause, Refusal};
use crate::units::{MicrogramsCo2e, Millijoules};

/// The arguments of `doctor workloads`.
#[derive(Args, Clone, Debug)]
pub struct WorkloadsArgs {
    /// The month to look at, as in 2026-10 [default: the last one that is over, in the organisation's time zone]
    #[arg(long, value_name = "YYYY-MM", value_parser = crate::cli::month)]
    pub month: Option<String>,

    /// Only this cluster; repeat for more
    #[arg(long, value_name = "NAME")]
    pub cluster: Vec<String>,

    /// How many workloads to show in each list; 0 shows all
    #[arg(long, value_name = "N", default_value_t = 15)]
    pub top: usize,

    /// Write JSON instead of text, with all workloads
    #[arg(long)]
    pub json: bool,
}

/// What was found.
#[derive(Debug, Serialize)]
struct Examination {
    month: String,
    time_zone: String,
    clusters: Vec<String>,
    #[serde(flatten)]
    lists: Lists,
    /// How long work is taken to be able to wait of which nobody said it.
    suggested_max_delay_seconds: i64,
    notes: Vec<String>,
    next: String,
}

pub fn run(args: &WorkloadsArgs, config: &Config) -> Result<u8> {
    let now = Utc::now();
    let month = args.month.clone().unwrap_or_else(|| last_month(config.time_zone, now));
    let period = crate::cli::period_of(&month, config.time_zone, now)?;
    super::check_names(&args.cluster, config)?;
    let books = Books::open(config)?;
    let accounting = Accounting::default();
    let mut found = None;
    account::month_looking(&books, period, &[], &accounting, &mut |workings| {
        found = Some(examine(workings, config, &args.cluster));
        Ok(())
    })?;
    let examination = found.expect("the workings of a month are shown once");
    let text = if args.json {
        serde_json::to_string_pretty(&examination)? + "\n"
    } else {
        let is_coloured = colour::is_wanted();
        screen::text(&examination, if args.top == 0 { usize::MAX } else { args.top }, is_coloured)
    };
    // A closed pipe (`wattledger doctor workloads | head`) is no failure.
    let _ = std::io::stdout().write_all(text.as_bytes());
    Ok(exit::DONE)
}

fn examine(workings: &Workings<'_>, config: &Config, wanted: &[String]) -> Examination {
    let Workings { plan, inventory, statement, .. } = workings;
    let is_wanted = |cluster: &str| wanted.is_empty() || wanted.iter().any(|name| name == cluster);
    // `(idle)`, `(system)` and `(gap)` are no workloads.
    let is_of_pods = |row: &&WorkloadStatement| ![&row.namespace, &row.workload].iter().any(|name| name.starts_with('('));
    let of_pods = statement.workloads.iter().filter(|row| is_wanted(&row.cluster)).filter(is_of_pods);
    let workloads: Vec<Workload<'_>> = of_pods
        .map(|row| {
            let (class, basis) = class_in_month(plan, &row.cluster, &row.namespace, &row.workload);
            let (cluster, namespace, name) = (row.cluster.as_str(), row.namespace.as_str(), row.workload.as_str());
            Workload { cluster, namespace, name, active_mj: row.figures.active_mj, class, basis }
        })
        .collect();
    let offers = offers(plan, inventory);
    let runs: Vec<Run<'_>> = plan
        .runs
        .iter()
        .enumerate()
        .filter(|(_, run)| is_wanted(&plan.terms.clusters[run.cluster].name))
        .map(|(index, run)| {
            let sums = inventory.runs[index];
            let is_placed = run.place.is_ok() && sums.active_mj > 0;
            let best = |best: i64| MicrogramsCo2e::new(sums.counterfactual_ugco2e) - MicrogramsCo2e::new(best);
            Run {
                cluster: &plan.terms.clusters[run.cluster].name,
                namespace: &run.run.job.namespace,
                workload: &run.run.job.workload,
                class: run.class,
                basis: run.class_basis,
                active_mj: Millijoules::new(sums.active_mj) - Millijoules::new(sums.outside_mj),
                cause: run.cause,
                is_held_out: is_held_out(run),
                avoided: is_placed.then(|| MicrogramsCo2e::new(sums.counterfactual_ugco2e) - MicrogramsCo2e::new(sums.actual_ugco2e)),
                window: run.window.as_ref().map(|window| (window.max_delay_ms, window.basis)),
                best: offers[index].clone().map(|offer| offer.map(|bounds| best(bounds.best))),
            }
        })
        .collect();
    let lists = Lists::of(rows::alike(rows::of(&workloads, &runs)));
    let clusters = plan.terms.clusters.iter().map(|cluster| cluster.name.clone()).filter(|name| is_wanted(name)).collect();
    Examination {
        month: plan.terms.period.to_string(),
        time_zone: config.time_zone.to_string(),
        clusters,
        suggested_max_delay_seconds: plan.terms.suggested_max_delay_seconds,
        notes: notes(workings, &runs),
        next: next(&lists),
        lists,
    }
}

fn is_held_out(run: &PlannedRun) -> bool {
    run.cause == Cause::None && (run.is_held_out == Some(true) || run.decision.as_ref().is_some_and(|(_, decision)| decision.held_out))
}

fn notes(workings: &Workings<'_>, runs: &[Run<'_>]) -> Vec<String> {
    let mut notes = Vec::new();
    let unplaced = runs.iter().filter(|run| run.avoided.is_none()).count();
    if unplaced > 0 {
        notes.push(format!("{unplaced} of {} runs have no place in the counterfactual; the report lists them with the reason", runs.len()));
    }
    if let Some(refusal) = Refusal::of(&workings.statement.findings) {
        let codes: Vec<&str> = refusal.findings.iter().map(|finding| finding.code.as_str()).collect();
        notes.push(format!("a report of this month is refused as it stands ({}), so these figures are provisional", codes.join(", ")));
    }
    notes
}

/// The one thing that is worth doing first: a mark that is wrong goes before one that is missing.
fn next(lists: &Lists) -> String {
    if let Some(Judged { row, .. }) = lists.marked_but_serving.first() {
        return format!("take the mark off {}/{}/{}, or make of it what may wait", row.cluster, row.namespace, row.workload);
    }
    match lists.unmarked.first() {
        Some(Judged { row, .. }) if row.runs > 0 => {
            let (kind, name) = row.workload.split_once('/').unwrap_or(("", &row.workload));
            let of_row = format!("namespaces = [\"{}\"]\nkinds = [\"{kind}\"]\nnames = [\"{name}\"]", row.namespace);
            format!("where it may wait, say so:\n[[deferrable]]\n{of_row}\nmax_delay = \"8h\"")
        }
        Some(Judged { row, .. }) => {
            format!(
                "where {}/{}/{} may wait, label its pods `wattledger.io/deferrable: \"true\"`, or run it as Jobs",
                row.cluster, row.namespace, row.workload
            )
        }
        None => "nothing: what looks as if it could wait is marked".to_owned(),
    }
}
