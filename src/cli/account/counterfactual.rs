//! What the comparison with a run that nobody shifted needs from the evidence: the scheduler's log, prices, marginal intensity, earlier days.
//!
//! In: store, configuration, period. Out: [`Beside`], [`History`], and how the baseline policy is stamped into the evidence. Rule: of two prices or marginal
//! values of one instant the one published or asked for later holds. Does not: compute.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};

use super::policy_words;
use crate::accounting::counterfactual::baseline::{baseline, is_shift};
use crate::accounting::counterfactual::history::History;
use crate::accounting::counterfactual::laying::{Layer, lay};
use crate::accounting::dimensions::read_jobs;
use crate::accounting::integral::Integral;
use crate::accounting::plan::Beside;
use crate::accounting::survey::{MonthTerms, RunKey, run_key};
use crate::config::Config;
use crate::disclosure::statement::{BaselinePolicyStatement, EvidenceFile};
use crate::evidence::{DayManifest, Store, files_of};
use crate::model::tables::Table;
use crate::model::{Finding, IntensitySeries, JobRun, Severity, Signal, Version};
use crate::units::UtcDay;

/// How many days before the period say when a workload starts.
const HISTORY_DAYS: usize = 28;
const MILLIONTHS: f64 = 1e6;

/// What stands beside intensity and usage, and the evidence files and series that it came from.
pub struct Found {
    pub beside: Beside,
    /// Zone, provider, edition of each marginal series.
    pub marginal_series: Vec<String>,
    pub evidence: Vec<EvidenceFile>,
}

pub fn beside(store: &Store, zones: &[String]) -> Result<Found> {
    let mut found = Found { beside: Beside::default(), marginal_series: Vec::new(), evidence: Vec::new() };
    for zone in zones {
        let mut prices = Vec::new();
        for (series, file) in store.prices(zone)? {
            let rows = (0..series.len()).map(|row| Layer {
                version: series.retrieved_s,
                from_s: series.start_s[row],
                to_s: series.end_s[row],
                value: series.price[row].get(),
            });
            prices.extend(rows);
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

fn marginal_rows(series: &IntensitySeries) -> impl Iterator<Item = Layer<Option<Version>>> + '_ {
    let value = |row: usize| series.direct_gco2e_per_kwh[row].or(series.lifecycle_gco2e_per_kwh[row]);
    (0..series.len()).filter_map(move |row| {
        let value = (value(row)? * MILLIONTHS).round() as i64;
        Some(Layer { version: series.version(row), from_s: series.start_s[row], to_s: series.end_s[row], value })
    })
}

/// Starts of unshifted runs of the days before the period, as far as the evidence holds them, with the tables that say so.
pub fn history(store: &Store, terms: &MonthTerms) -> Result<(History, Vec<EvidenceFile>)> {
    let (mut history, mut evidence) = (History::default(), Vec::new());
    let first = UtcDay::containing(terms.period.from());
    let days = std::iter::successors(Some(first.previous()), |day| Some(day.previous())).take(HISTORY_DAYS);
    for (cluster, day) in days.flat_map(|day| terms.clusters.iter().map(move |cluster| (cluster, day))) {
        // Imported usage knows no Jobs.
        let Some(manifest) = store.day(&cluster.name, day)?.filter(|manifest| !files_of(manifest, Table::Jobs).is_empty()) else {
            continue;
        };
        let jobs = read_jobs(&cluster.name, &store.read_table(&manifest, Table::Jobs)?)
            .with_context(|| format!("evidence of {} on {day}", cluster.name))?;
        let mut seen: BTreeSet<RunKey> = BTreeSet::new();
        for job in jobs.iter().filter(|job| started_on(job, day) && is_unshifted(job)) {
            if seen.insert(run_key(job))
                && let Some(started) = job.started
            {
                let name = (cluster.name.clone(), job.namespace.to_string(), job.workload.to_string());
                history.starts_ms.entry(name).or_default().push(started.timestamp_millis());
            }
        }
        let tables = files_of(&manifest, Table::Jobs).into_iter();
        evidence
            .extend(tables.map(|file| EvidenceFile { path: format!("{}/{day}/{}", cluster.name, file.path), sha256: file.sha256.clone() }));
    }
    Ok((history, evidence))
}

/// A run that goes on over midnight is in the tables of both days.
fn started_on(job: &JobRun, day: UtcDay) -> bool {
    job.started.is_some_and(|started| UtcDay::containing(started) == day)
}

fn is_unshifted(job: &JobRun) -> bool {
    let Some(started) = job.started else { return false };
    job.home_cluster.is_none()
        && job.home_zone.is_none()
        && baseline(job, None, started).is_ok_and(|baseline| !is_shift(baseline.start, started))
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
