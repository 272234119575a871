//! What the comparison with a run that nobody shifted needs from the evidence: the scheduler's log, prices, marginal intensity, earlier days.
//!
//! In: store, configuration, period, runs. Out: [`Beside`], [`History`], and how the baseline policy is stamped into the evidence. Rule: of two prices or marginal
//! values of one instant the one published or asked for later holds; of the log, all that was recorded since the first run of the month may have been
//! thought of. Does not: compute.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use chrono::{DateTime, TimeDelta, Utc};

use super::policy_words;
use crate::accounting::counterfactual::decisions::{BEFORE_CREATION, Log};
use crate::accounting::counterfactual::history::History;
use crate::accounting::counterfactual::laying::{Layer, lay, layers_of_prices};
use crate::accounting::dimensions::read_jobs;
use crate::accounting::integral::Integral;
use crate::accounting::plan::Beside;
use crate::accounting::survey::{MonthTerms, Runs};
use crate::config::Config;
use crate::disclosure::statement::{BaselinePolicyStatement, EvidenceFile};
use crate::evidence::{DayManifest, FileRecord, Store, files_of};
use crate::model::tables::Table;
use crate::model::{DecisionRecord, Finding, IntensitySeries, JobRun, Severity, Signal, Version};
use crate::units::{GramsCo2ePerKilowattHour, UtcDay};

/// How many days before the period say when a workload starts.
const HISTORY_DAYS: usize = 28;

/// What stands beside intensity and usage, and the evidence files and series that it came from.
pub struct Found {
    pub beside: Beside,
    /// Zone, provider, edition of each marginal series.
    pub marginal_series: Vec<String>,
    pub evidence: Vec<EvidenceFile>,
}

pub fn beside(store: &Store, terms: &MonthTerms, zones: &[String], runs: &Runs) -> Result<Found> {
    let mut found = Found { beside: Beside::default(), marginal_series: Vec::new(), evidence: Vec::new() };
    let from = first_thought_of(terms, runs);
    for cluster in &terms.clusters {
        let (records, files) = store.decisions(&cluster.name, from, terms.period.to())?;
        found.beside.decisions.extend(records);
        found.evidence.extend(files.into_iter().map(|file| EvidenceFile { path: file.path, sha256: file.sha256 }));
    }
    for zone in zones {
        let mut prices = Vec::new();
        for (series, file) in store.prices(zone)? {
            prices.extend(layers_of_prices(&series));
            found.evidence.push(EvidenceFile { path: file.path, sha256: file.sha256 });
        }
        if !prices.is_empty() {
            found.beside.prices.insert(zone.clone(), Integral::of(lay(prices)));
        }
        let mut marginal = Vec::new();
        for (series, _) in store.intensity(zone)?.into_iter().filter(|(series, _)| series.signal == Signal::Marginal) {
            found.marginal_series.push(format!("{zone}: {}, {}", series.provider, series.edition));
            marginal.extend(marginal_rows(&series));
        }
        if !marginal.is_empty() {
            found.beside.marginal.insert(zone.clone(), Integral::of(lay(marginal)));
        }
    }
    Ok(found)
}

/// Nothing that was recorded before is about a run of the month, or of the days that say when its workload starts.
fn first_thought_of(terms: &MonthTerms, runs: &Runs) -> DateTime<Utc> {
    let created = runs.iter().flatten().filter_map(|(_, run)| run.job.created.or(run.job.started));
    let history = terms.period.from() - TimeDelta::days(HISTORY_DAYS as i64);
    created.fold(history, DateTime::min) - BEFORE_CREATION
}

fn marginal_rows(series: &IntensitySeries) -> impl Iterator<Item = Layer<Option<Version>>> + '_ {
    let value = |row: usize| series.direct_gco2e_per_kwh[row].or(series.lifecycle_gco2e_per_kwh[row]);
    (0..series.len()).filter_map(move |row| {
        let value = GramsCo2ePerKilowattHour::new(value(row)?).micros();
        Some(Layer { version: series.version(row), from_s: series.start_s[row], to_s: series.end_s[row], value })
    })
}

/// Starts of unshifted runs of the days before the period, as far as the evidence holds them, with the tables that say so.
pub fn history(store: &Store, terms: &MonthTerms, decisions: &[DecisionRecord]) -> Result<(History, Vec<EvidenceFile>)> {
    let (mut history, mut evidence) = (History::default(), Vec::new());
    let log = Log::new(terms, decisions, &Runs::new());
    let first = UtcDay::containing(terms.period.from());
    let days = std::iter::successors(Some(first.previous()), |day| Some(day.previous())).take(HISTORY_DAYS);
    for (cluster, day) in days.flat_map(|day| terms.clusters.iter().map(move |cluster| (cluster, day))) {
        let Some((jobs, tables)) = jobs_of(store, &cluster.name, day)? else { continue };
        history.add_day(&cluster.name, day, &jobs, &log);
        evidence.extend(tables);
    }
    Ok((history, evidence))
}

/// The Jobs of a cluster-day and the files that say so; none where it is not in the evidence or, as imported usage, knows no Jobs.
pub fn jobs_of(store: &Store, cluster: &str, day: UtcDay) -> Result<Option<(Vec<JobRun>, Vec<EvidenceFile>)>> {
    let Some(manifest) = store.day(cluster, day)?.filter(|manifest| !files_of(manifest, Table::Jobs).is_empty()) else { return Ok(None) };
    let jobs = read_jobs(cluster, &store.read_table(&manifest, Table::Jobs)?).with_context(|| format!("evidence of {cluster} on {day}"))?;
    let path = |file: &FileRecord| EvidenceFile { path: format!("{cluster}/{day}/{}", file.path), sha256: file.sha256.clone() };
    Ok(Some((jobs, files_of(&manifest, Table::Jobs).into_iter().map(path).collect())))
}

/// The policy, and under which one the period's days were collected.
pub fn policy(config: &Config, manifests: &[BTreeMap<UtcDay, DayManifest>], findings: &mut Vec<Finding>) -> BaselinePolicyStatement {
    let now = config.baseline.sha256();
    let mut statement = BaselinePolicyStatement { rules: policy_words::rules(&config.baseline), ..BaselinePolicyStatement::default() };
    let mut others: BTreeSet<UtcDay> = BTreeSet::new();
    for (day, manifest) in manifests.iter().flatten() {
        match manifest.baseline_policy.as_deref() {
            Some(stamped) if stamped == now => statement.stamped_days += 1,
            Some(_) => {
                statement.other_days += 1;
                others.insert(*day);
            }
            None => statement.unstamped_days += 1,
        }
    }
    statement.sha256 = now;
    if let (Some(first), Some(last)) = (others.first(), others.last()) {
        let examined = statement.stamped_days + statement.other_days;
        let message = format!(
            "{} of {examined} stamped cluster-days, {first} to {last}, were collected under another baseline policy than the report's (deferrable work, hold-out, \
             home zones). What would have happened is told by the policy of now; say since when it holds.",
            statement.other_days
        );
        let finding = Finding::new("BASELINE_CHANGED", Severity::Disclosed, message);
        findings.push(finding.examined(examined as usize).failing(statement.other_days as usize));
    }
    statement
}
