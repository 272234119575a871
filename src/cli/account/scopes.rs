//! What contracts, factors and hardware add to a month's electricity: from the configuration and its factor tables to the sections of the statement.
//!
//! In: configuration, plan, inventory. Out: [`Sections`], and findings. Rule: the accounting is in `accounting::scopes`; here files are read and terms
//! are put together. Does not: compute.

use std::fs;

use anyhow::{Context, Result};

use super::MonthAccount;
use crate::accounting::inventory::Inventory;
use crate::accounting::plan::Plan;
use crate::accounting::scopes;
use crate::config::Config;
use crate::disclosure::Statement;
use crate::disclosure::assemble::Sections;
use crate::factors::Factors;
use crate::model::Finding;
use crate::units::ReportingPeriod;

pub fn sections(config: &Config, plan: &Plan<'_>, inventory: &Inventory, findings: &mut Vec<Finding>) -> Result<Sections> {
    let _ = (plan, findings);
    let _factors = factors(config)?;
    Ok(Sections { lines: scopes::unknown(inventory), ..Sections::default() })
}

/// What a year settles over itself, in the place of its months' parts.
#[derive(Default)]
pub struct YearSections {}

impl YearSections {
    pub fn replace(self, statement: &mut Statement) {
        let _ = statement;
    }
}

pub fn year(config: &Config, period: ReportingPeriod, accounts: &[MonthAccount], findings: &mut Vec<Finding>) -> Result<YearSections> {
    let _ = (config, period, accounts, findings);
    Ok(YearSections::default())
}

/// The factors that come with the software, and the organisation's own before them.
pub fn factors(config: &Config) -> Result<Factors> {
    config.factor_files.iter().try_fold(Factors::embedded()?, |factors, path| {
        let bytes = fs::read(path).with_context(|| format!("read factor table {}", path.display()))?;
        factors.with_file(&path.display().to_string(), &bytes)
    })
}
