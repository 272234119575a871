//! How well a period's totals are known: from tables and the configuration to intervals and alternatives.
//!
//! In: configuration, sums, lines, the market-based account. Out: the section. Rule: what the organisation states of an input goes before the range of
//! its hardware class, and that before the table of the software. Does not: compute.

use std::collections::BTreeMap;

use anyhow::Result;

use crate::accounting::inventory::ClusterInventory;
use crate::accounting::scopes::Lines;
use crate::accounting::scopes::market::Market;
use crate::accounting::scopes::sensitivity::{Alternative, Ground, alternatives};
use crate::accounting::scopes::uncertainty::terms::{Parts, terms};
use crate::accounting::scopes::uncertainty::{combine, rectangular};
use crate::accounting::survey::ClusterTerms;
use crate::config::{Config, Site};
use crate::disclosure::quality;
use crate::disclosure::statement::{Interval, Sensitivity};
use crate::factors::Uncertainties;
use crate::model::EmbodiedTerms;

/// What a period's quality rests on; a month's or a year's.
pub struct Accounts<'a> {
    pub clusters: &'a [ClusterTerms],
    pub inventories: &'a [ClusterInventory],
    pub lines: &'a Lines,
    pub market: &'a Market,
    /// Share of a zone's energy that met an estimated or filled intensity.
    pub estimated: &'a BTreeMap<String, f64>,
    /// Of other idle policies, for which the ledger ran again.
    pub idle: Vec<Alternative>,
}

/// Intervals and alternatives; tiers are not told here.
pub fn section(config: &Config, accounts: Accounts<'_>) -> Result<(Vec<Interval>, Vec<Sensitivity>)> {
    let inputs = inputs(config)?;
    let class = |site: &Site| site.embodied.as_ref().map(|embodied| embodied.class.clone());
    let classes: Vec<Vec<Option<String>>> = sites(config).map(|sites| sites.map(class).collect()).collect();
    let Accounts { clusters, inventories, lines, market, estimated, idle } = accounts;
    let location_based = config.report.location_based;
    let parts = Parts { clusters, inventories, lines, market, location_based, estimated, classes: &classes };
    let uncertain = combine(&terms(&parts), |input| inputs.of(input).map(|found| found.relative));
    let mut others = alternatives(&Ground { clusters, inventories, lines, market, location_based });
    others.extend(idle);
    let input_of = |input: &str| inputs.of(input).map(|found| (found.relative, found.source.clone())).unwrap_or_default();
    Ok((quality::intervals(uncertain, input_of), quality::sensitivity(others)))
}

/// By cluster: the sites in the order in which the accounts number them.
fn sites(config: &Config) -> impl Iterator<Item = impl Iterator<Item = &Site>> {
    config.clusters.iter().map(|cluster| cluster.sites())
}

fn inputs(config: &Config) -> Result<Uncertainties> {
    let mut inputs = Uncertainties::embedded()?;
    for (input, relative) in &config.uncertainty {
        inputs = inputs.stating(input, *relative, "[uncertainty] of the configuration");
    }
    // A class that is stated as a whole holds for every class of hardware; else its own range does.
    if !config.uncertainty.contains_key("embodied") {
        for EmbodiedTerms { class, embodied_kgco2e, range_kgco2e, source, .. } in
            sites(config).flatten().filter_map(|site| site.embodied.as_ref())
        {
            if let Some((low, high)) = range_kgco2e {
                let source = format!("the class's range of {low} to {high} kgCO2e, rectangular (GUM 4.3.7): {source}");
                inputs = inputs.stating(&format!("embodied {class}"), rectangular(*low, *high, *embodied_kgco2e), &source);
            }
        }
    }
    Ok(inputs)
}
