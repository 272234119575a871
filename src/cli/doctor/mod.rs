//! `wattledger doctor`: what is reachable, what is there, what a month's report would lack, and the one next thing to do.
//!
//! In: the configuration, the evidence, a few quick looks at each server and API. Out: one screen a cluster, or JSON; exit code 1 where something is
//! lacking. Rule: it changes nothing, and one cluster's trouble does not hide another's state. Does not: judge figures.

mod checks;
mod facts;
mod nodes;
mod screen;
mod workloads;
mod zones;

use std::io::Write;

use anyhow::Result;
use chrono::Utc;
use clap::{Args, Subcommand};
use serde::Serialize;

use self::checks::{Check, State};
use super::months::last_month;
use super::{colour, exit};
use crate::config::Config;

/// The arguments of `doctor`.
#[derive(Args, Clone, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub struct DoctorArgs {
    #[command(subcommand)]
    about: Option<About>,

    /// The month whose report is to be, as in 2026-10 [default: the last one that is over, in the organisation's time zone]
    #[arg(long, value_name = "YYYY-MM", value_parser = super::month)]
    pub month: Option<String>,

    /// Only this cluster; repeat for more
    #[arg(long, value_name = "NAME")]
    pub cluster: Vec<String>,

    /// Write JSON instead of a screen
    #[arg(long)]
    pub json: bool,
}

/// What else there is to examine.
#[derive(Clone, Debug, Subcommand)]
enum About {
    /// Say which work runs as deferrable, which looks so and is not marked, and which is marked and serves users
    #[command(after_long_help = WORKLOADS_EXAMPLES)]
    Workloads(workloads::WorkloadsArgs),
}

const WORKLOADS_EXAMPLES: &str = "\
Examples:
  wattledger doctor workloads --month 2026-10
      three lists, most to be had first; without --month, the last month that
      is over
  wattledger doctor workloads --cluster prod-nl --top 0
      all workloads of a cluster
  wattledger doctor workloads --json

Which work may wait is what labels and [[deferrable]] say. What it looks like
is guessed from names and kinds (training, ETL, CI, backups, batch work), and
the line says from which; a guess moves no figure. Energy is that of the month;
\"window offers\" is each run at the best start of its window, looking back,
against the start that it would have had. Where nobody said how long work may
wait, the window is [counterfactual] suggested_max_delay, and marked so.

It reads evidence, asks nobody and changes nothing.";

/// What was found.
#[derive(Debug, Serialize)]
struct Examination {
    month: String,
    time_zone: String,
    hours: i64,
    utc_days: usize,
    clusters: Vec<ClusterExamination>,
    /// Whether nothing is lacking.
    is_well: bool,
    next: String,
}

#[derive(Debug, Serialize)]
struct ClusterExamination {
    cluster: String,
    prometheus: Option<String>,
    checks: Vec<Check>,
    /// Nodes that are alike in what exports them.
    nodes: Vec<nodes::NodeGroup>,
}

pub fn run(args: &DoctorArgs, config: &Config) -> Result<u8> {
    if let Some(About::Workloads(args)) = &args.about {
        return workloads::run(args, config);
    }
    let now = Utc::now();
    let month = args.month.clone().unwrap_or_else(|| last_month(config.time_zone, now));
    let period = super::period_of(&month, config.time_zone, now)?;
    check_names(&args.cluster, config)?;
    let mut clusters = Vec::new();
    for cluster in config.clusters.iter().filter(|cluster| args.cluster.is_empty() || args.cluster.contains(&cluster.name)) {
        let facts = facts::gather(config, cluster, period, now)?;
        let (checks, nodes) = checks::of(&facts, config, period);
        let prometheus = cluster.prometheus.as_ref().map(|server| server.url.clone());
        clusters.push(ClusterExamination { cluster: cluster.name.clone(), prometheus, checks, nodes });
    }
    let is_well = clusters.iter().flat_map(|cluster| &cluster.checks).all(|check| check.state != State::Lacking);
    let next = if is_well { checks::when_all_is_well(config, period, now) } else { most_urgent(&clusters) };
    let examination = Examination {
        month: period.to_string(),
        time_zone: config.time_zone.to_string(),
        hours: period.hours(),
        utc_days: period.utc_days().len(),
        clusters,
        is_well,
        next,
    };
    let text = if args.json {
        serde_json::to_string_pretty(&examination)? + "\n"
    } else {
        let is_coloured = colour::is_wanted();
        screen::text(&examination, is_coloured)
    };
    // A closed pipe (`wattledger doctor | head`) is no failure.
    let _ = std::io::stdout().write_all(text.as_bytes());
    Ok(if examination.is_well { exit::DONE } else { exit::FAILED })
}

/// Refuses the name of a cluster that there is not.
fn check_names(names: &[String], config: &Config) -> Result<()> {
    names.iter().try_for_each(|name| config.cluster(name).map(|_| ()))
}

/// What is to be done first of what is lacking.
fn most_urgent(clusters: &[ClusterExamination]) -> String {
    let all = clusters.iter().flat_map(|cluster| cluster.checks.iter().map(move |check| (cluster, check)));
    let lacking = all.filter(|(_, check)| check.state == State::Lacking);
    let told = lacking.filter_map(|(cluster, check)| Some((check.urgency, cluster, check.next.as_ref()?)));
    match told.min_by_key(|(urgency, ..)| *urgency) {
        // A command holds for all clusters.
        Some((_, cluster, next)) if clusters.len() > 1 && !next.starts_with("wattledger ") => format!("{}: {next}", cluster.cluster),
        Some((.., next)) => next.clone(),
        None => "see above what is lacking".to_owned(),
    }
}
