//! What the comparison with a run that nobody shifted needs from the evidence: the scheduler's log, prices, marginal intensity, earlier days.
//!
//! In: store, configuration, period. Out: [`Beside`], [`History`], and how the baseline policy is stamped into the evidence. Does not: compute.

use std::collections::BTreeMap;

use anyhow::Result;

use crate::accounting::counterfactual::history::History;
use crate::accounting::plan::Beside;
use crate::accounting::survey::MonthTerms;
use crate::config::Config;
use crate::disclosure::statement::{BaselinePolicyStatement, EvidenceFile};
use crate::evidence::{DayManifest, Store};
use crate::model::Finding;
use crate::units::UtcDay;

/// What stands beside intensity and usage, and the evidence files and series that it came from.
pub struct Found {
    pub beside: Beside,
    /// Zone, provider, edition of each marginal series.
    pub marginal_series: Vec<String>,
    pub evidence: Vec<EvidenceFile>,
    pub findings: Vec<Finding>,
}

pub fn beside(store: &Store, config: &Config, zones: &[String]) -> Result<Found> {
    let _ = (store, config, zones);
    Ok(Found { beside: Beside::default(), marginal_series: Vec::new(), evidence: Vec::new(), findings: Vec::new() })
}

/// Starts of unshifted runs of the days before the period, as far as the evidence holds them.
pub fn history(store: &Store, terms: &MonthTerms) -> Result<History> {
    let _ = (store, terms);
    Ok(History::default())
}

/// The policy, and under which one the period's days were collected.
pub fn policy(config: &Config, manifests: &[BTreeMap<UtcDay, DayManifest>]) -> BaselinePolicyStatement {
    let _ = manifests;
    BaselinePolicyStatement { sha256: config.baseline.sha256(), ..BaselinePolicyStatement::default() }
}
