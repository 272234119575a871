//! What contracts, factors and hardware add to a month's electricity: from the configuration and its factor tables to the sections of the statement.
//!
//! In: configuration, plan, inventory. Out: [`Sections`], and findings. Rule: the accounting is in `accounting::scopes`; here files are read and terms
//! are put together. Does not: compute.

use std::fs;

use anyhow::{Context, Result};

use super::{MonthAccount, category3, factor_list, machines};
use crate::accounting::inventory::Inventory;
use crate::accounting::plan::Plan;
use crate::accounting::scopes;
use crate::accounting::tiers::TierEmissions;
use crate::config::Config;
use crate::disclosure::Statement;
use crate::disclosure::assemble::Sections;
use crate::disclosure::statement::TierShare;
use crate::evidence::Store;
use crate::factors::Factors;
use crate::model::Finding;
use crate::units::{MicrogramsCo2e, ReportingPeriod, Share};

pub fn sections(
    config: &Config,
    factors: &Factors,
    store: &Store,
    plan: &Plan<'_>,
    inventory: &Inventory,
    findings: &mut Vec<Finding>,
) -> Result<Sections> {
    let mut sections = Sections { lines: scopes::unknown(inventory), ..Sections::default() };
    machines::add(store, plan, inventory, &mut sections.lines, &mut sections.scope3, findings)?;
    scopes::category3::fill(&mut sections.lines, plan, inventory);
    let total = scopes::total(&sections.lines);
    sections.scope3.upstream_ugco2e = total.upstream_ugco2e.map(MicrogramsCo2e::new);
    sections.scope3.losses_ugco2e = total.losses_ugco2e.map(MicrogramsCo2e::new);
    sections.quality.emissions_tier_share = tier_share(&inventory.tier_emissions());
    sections.sci = machines::scores(plan, inventory, &sections.lines, &config.functional_units, findings);
    let used = factor_list::of_sites(config, plan, factors).into_iter().chain(category3::statements(config, factors, plan));
    sections.factors = factor_list::merged(used);
    Ok(sections)
}

/// Shares of all operational emissions by the tier of their energy.
fn tier_share(emissions: &TierEmissions) -> TierShare {
    let share = |part| Share::of(part, emissions.whole_ugco2e());
    TierShare {
        metered: share(emissions.metered_ugco2e),
        allocated: share(emissions.allocated_ugco2e),
        modelled: share(emissions.modelled_ugco2e),
        filled: share(emissions.filled_ugco2e),
    }
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
