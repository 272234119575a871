//! Findings about a month as a whole: what its days found, which days are not there, what was accepted by name.

use std::collections::BTreeMap;

use crate::accounting::inventory::Inventory;
use crate::accounting::plan::{Plan, PlannedRun};
use crate::accounting::survey::MonthTerms;
use crate::cli::collect::metering_terms;
use crate::config::Config;
use crate::disclosure::Statement;
use crate::disclosure::statement::Coverage;
use crate::evidence::DayManifest;
use crate::model::{Finding, Severity};
use crate::units::UtcDay;

/// How a finding that was accepted on the command line says so.
pub const ACCEPTED: &str = "--accept";

/// What collecting found, put together by cluster and code: a month of the same trouble is one finding.
pub fn day_findings(manifests: &[BTreeMap<UtcDay, DayManifest>]) -> Vec<Finding> {
    type Grouped = (Finding, Vec<UtcDay>, usize);
    let mut grouped: BTreeMap<(String, String, Severity), Grouped> = BTreeMap::new();
    for (day, manifest) in manifests.iter().flatten() {
        for finding in &manifest.findings {
            let key = (manifest.cluster.clone(), finding.code.clone(), finding.severity);
            let (sum, days, count) =
                grouped.entry(key).or_insert_with(|| (Finding { examined: 0, failing: 0, ..finding.clone() }, vec![], 0));
            sum.examined += finding.examined;
            sum.failing += finding.failing;
            *count += 1;
            if days.last() != Some(day) {
                days.push(*day);
            }
        }
    }
    let grouped = grouped.into_iter().map(|((cluster, _, _), (mut finding, days, count))| {
        let more = if count > 1 { format!(" And {} more on {} days.", count - 1, days.len()) } else { String::new() };
        finding.message = format!("{cluster}, {}: {}{more}", days[0], finding.message);
        finding
    });
    grouped.collect()
}

/// Days whose meters were read under other terms than the configuration has now.
pub fn other_terms(config: &Config, manifests: &[BTreeMap<UtcDay, DayManifest>]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (cluster, days) in config.clusters.iter().zip(manifests) {
        let now = metering_terms(config, cluster);
        let differs = |manifest: &&DayManifest| manifest.metering.as_ref().is_some_and(|terms| *terms != now);
        let others: Vec<&str> = days.values().filter(differs).map(|manifest| manifest.day.as_str()).collect();
        if let Some(first) = others.first() {
            let message = format!(
                "{}: {} days, the first {first}, were metered under other terms (exporter, hardware classes, management controllers, pools) than the \
                 configuration has now; the figures are as they were metered. `wattledger collect --remeter` meters them anew from their samples.",
                cluster.name,
                others.len()
            );
            findings.push(Finding::new("METERING_TERMS", Severity::Disclosed, message).examined(days.len()).failing(others.len()));
        }
    }
    findings
}

/// Days of the period without evidence: before a cluster's first sign of life they are noted, after it the report is not whole.
pub fn missing_days(terms: &MonthTerms, manifests: &[BTreeMap<UtcDay, DayManifest>]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let days = terms.period.utc_days();
    for (cluster, known) in terms.clusters.iter().zip(manifests) {
        let (name, period) = (&cluster.name, terms.period);
        let Some(first) = known.keys().next() else {
            let message =
                format!("{name}: there is no evidence of any day of {period}. Collect it, or take the cluster out of the configuration.");
            findings.push(Finding::new("DAYS_MISSING", Severity::Blocked, message).examined(days.len()).failing(days.len()));
            continue;
        };
        let before = days.iter().filter(|day| *day < first).count();
        if before > 0 {
            let message = format!("{name}: the first sign of life is on {first}; {before} days of the period before it have no evidence.");
            findings.push(Finding::new("DAYS_BEFORE", Severity::Noted, message).examined(days.len()).failing(before));
        }
        let missing: Vec<String> = days.iter().filter(|day| *day > first && !known.contains_key(day)).map(UtcDay::to_string).collect();
        if !missing.is_empty() {
            let message = format!(
                "{name}: {} of {} days have no evidence: {}. Run `wattledger collect --month {period}`; what Prometheus has forgotten cannot be collected.",
                missing.len(),
                days.len(),
                missing.join(", ")
            );
            findings.push(Finding::new("DAYS_MISSING", Severity::Blocked, message).examined(days.len()).failing(missing.len()));
        }
    }
    findings
}

/// How much of the period there is evidence of: by cluster, from its first day on.
pub fn coverage(terms: &MonthTerms, manifests: &[BTreeMap<UtcDay, DayManifest>]) -> Coverage {
    let mut coverage = Coverage::default();
    let (from, to) = (terms.period.from(), terms.period.to());
    let seconds = |day: UtcDay| (day.end().min(to) - day.start().max(from)).num_seconds();
    for known in manifests {
        let first = known.keys().next();
        let expected = terms.period.utc_days().into_iter().filter(|day| first.is_none_or(|first| day >= first));
        coverage.expected_cluster_seconds += expected.map(seconds).sum::<i64>();
        coverage.covered_cluster_seconds += known.keys().copied().map(seconds).sum::<i64>();
    }
    coverage
}

/// What the months of a year found, put together by code: the same trouble of many months is one finding.
pub fn of_months<'a>(months: impl Iterator<Item = &'a Statement>) -> Vec<Finding> {
    let mut grouped: BTreeMap<(String, Severity), (Finding, Vec<String>, usize)> = BTreeMap::new();
    for month in months {
        for finding in &month.findings {
            let name = month.period.name();
            let (sum, names, count) = grouped.entry((finding.code.clone(), finding.severity)).or_insert_with(|| {
                let message = format!("{name}: {}", finding.message);
                (Finding { examined: 0, failing: 0, message, ..finding.clone() }, Vec::new(), 0)
            });
            sum.examined += finding.examined;
            sum.failing += finding.failing;
            *count += 1;
            if names.last().map(String::as_str) != Some(name) {
                names.push(name.to_owned());
            }
        }
    }
    let of_year = grouped.into_values().map(|(mut finding, names, count)| {
        if count > 1 {
            finding.message = format!("{} And {} more, in {}.", finding.message, count - 1, names.join(", "));
        }
        finding
    });
    of_year.collect()
}

pub fn unplaced(plan: &Plan<'_>, inventory: &Inventory) -> Option<Finding> {
    let is_unplaced = |(i, run): (usize, &PlannedRun)| run.place.is_err() || inventory.runs[i].active_mj == 0;
    let count = plan.runs.iter().enumerate().filter(|(i, run)| is_unplaced((*i, run))).count();
    let message = format!("{count} of {} job runs have no place in the counterfactual; each is listed with its reason.", plan.runs.len());
    (count > 0).then(|| Finding::new("UNPLACED", Severity::Noted, message).examined(plan.runs.len()).failing(count))
}

/// Marks what was accepted by name. A ledger that does not balance, or a period without data, cannot be accepted.
pub fn accept_by_name(findings: &mut [Finding], accept: &[String]) {
    for finding in findings.iter_mut().filter(|finding| finding.severity == Severity::Blocked) {
        if accept.contains(&finding.code) && finding.code != "BALANCE" && finding.code != "NO_DATA" {
            finding.accepted_by = Some(ACCEPTED.to_owned());
        }
    }
}

/// Says which acceptances a whole report had no use for.
pub fn warn_of_unused(findings: &[Finding], accept: &[String]) {
    for code in accept {
        if !findings.iter().any(|finding| finding.code == *code && finding.accepted_by.is_some()) {
            tracing::warn!("--accept {code} accepts nothing: no such finding refuses this report");
        }
    }
}
