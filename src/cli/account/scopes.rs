//! What contracts, factors and hardware add to a month's electricity: from the configuration and its factor tables to the sections of the statement.
//!
//! In: configuration, plan, inventory. Out: [`Sections`], and findings. Rule: the accounting is in `accounting::scopes`; here files are read and terms
//! are put together. Does not: compute.

use anyhow::{Context, Result};

use super::{Books, Grids, category3, factor_list, machines, market, quality};
use crate::accounting::intensity::ZoneIntensity;
use crate::accounting::inventory::Inventory;
use crate::accounting::plan::Plan;
use crate::accounting::scopes;
use crate::accounting::scopes::entities::EntityAccount;
use crate::accounting::scopes::market::Market;
use crate::accounting::scopes::sensitivity::Alternative;
use crate::accounting::tiers::TierEmissions;
use crate::disclosure::assemble::Sections;
use crate::disclosure::statement::TierShare;
use crate::factors::Factors;
use crate::model::Finding;
use crate::model::sha256;
use crate::units::{MicrogramsCo2e, Share};

/// A month's sections, and the market-based account that they rest on.
pub fn sections(
    books: &Books,
    factors: &Factors,
    plan: &Plan<'_>,
    inventory: &Inventory,
    grids: &Grids,
    idle: Vec<Alternative>,
    findings: &mut Vec<Finding>,
) -> Result<(Sections, Market)> {
    let Books { config, store, .. } = books;
    let mut sections = Sections { lines: scopes::unknown(inventory), ..Sections::default() };
    machines::add(store, plan, inventory, &mut sections.lines, &mut sections.scope3, findings)?;
    scopes::category3::fill(&mut sections.lines, plan, inventory);
    let terms = plan.terms;
    let market = market::account(books, factors, terms.period, &[], &terms.clusters, &inventory.clusters, &grids.without_annual)?;
    // Last, when every row is there: a row without electricity has no market-based emissions either.
    market.market.fill(&inventory.clusters, &mut sections.lines);
    findings.extend(market.market.findings.iter().cloned());
    sections.cost_centres = scopes::cost_centres::lines(plan, inventory, &market.market, &sections.lines);
    findings.extend(scopes::cost_centres::findings(
        plan,
        &terms.cost_centre_label,
        config.report.is_cost_centre_asked_for,
        &sections.cost_centres,
    ));
    if let Some(group) = &config.group {
        let instruments = config.instruments.iter().map(|table| &table.instrument);
        let without_holder = market.market.without_holder(instruments, &terms.clusters);
        let account = EntityAccount::new(group, plan, inventory, &sections.lines, &without_holder);
        findings.extend(account.findings(plan));
        sections.entities = Some(account);
    }
    let total = scopes::total(&sections.lines);
    sections.scope3.upstream_ugco2e = total.upstream_ugco2e.map(MicrogramsCo2e::new);
    sections.scope3.losses_ugco2e = total.losses_ugco2e.map(MicrogramsCo2e::new);
    sections.sci = machines::scores(plan, inventory, &sections.lines, &config.functional_units, findings);
    let accounts = quality::Accounts {
        clusters: &terms.clusters,
        inventories: &inventory.clusters,
        lines: &sections.lines,
        market: &market.market,
        estimated: &grids.estimated,
        idle,
    };
    (sections.quality.intervals, sections.quality.sensitivity) = quality::section(config, accounts)?;
    sections.quality.emissions_tier_share = tier_share(&inventory.tier_emissions());
    let used = factor_list::of_sites(config, plan, factors).into_iter().chain(category3::statements(config, factors, plan));
    sections.factors = factor_list::merged(used.chain(market.factors));
    sections.scope2 = market.section;
    Ok((sections, market.market))
}

/// Shares of all operational emissions by the tier of their energy.
pub fn tier_share(emissions: &TierEmissions) -> TierShare {
    let share = |part| Share::of(part, emissions.whole_ugco2e());
    TierShare {
        metered: share(emissions.metered_ugco2e),
        allocated: share(emissions.allocated_ugco2e),
        modelled: share(emissions.modelled_ugco2e),
        filled: share(emissions.filled_ugco2e),
    }
}

/// What the plan and the energy that was used say of the grids.
pub fn grids(plan: &Plan<'_>, inventory: &Inventory) -> Grids {
    let knows = |zone: &str| plan.zones.iter().any(|known| known.zone == zone && known.annual_direct_gco2e_per_kwh.is_some());
    let sites = plan.terms.clusters.iter().flat_map(|cluster| &cluster.sites);
    let shares = |(index, zone): (usize, &ZoneIntensity)| {
        let (estimated, filled) = inventory.intensity_shares(plan, index);
        (zone.zone.clone(), estimated.map_or(0.0, Share::get) + filled.map_or(0.0, Share::get))
    };
    Grids {
        without_annual: sites.map(|site| site.grid_zone.clone()).filter(|zone| !knows(zone)).collect(),
        estimated: plan.zones.iter().enumerate().map(shares).collect(),
    }
}

/// The factors that come with the software, and the organisation's own before them, each named by its file and what is in it.
pub fn factors(books: &Books) -> Result<Factors> {
    books.config.factor_files.iter().try_fold(Factors::embedded()?, |factors, path| {
        let file = books.factor_file(path).context("factor table")?;
        factors.with_file(&format!("{} (SHA-256 {})", file.name, sha256(&file.bytes)), &file.bytes)
    })
}
