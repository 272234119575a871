//! What a year settles over itself, in the place of its months' parts: contracts, and how well the year's totals are known.
//!
//! In: the accounts of a year's months, one after the other. Out: [`Settled`]. Rule: sums by hour and workload are merged; a year's volume is set against the year's
//! consumption, and an input that several months share is one input. Does not: touch what is a plain sum of months.

use std::collections::BTreeMap;

use anyhow::Result;

use super::entity_market::EntityMarket;
use super::{Books, Grids, MonthAccount, factor_list, market, month_terms, quality, scopes};
use crate::accounting::inventory::Inventory;
use crate::accounting::scopes::{Line, Lines, cost_centres};
use crate::disclosure::Statement;
use crate::disclosure::statement::{FactorStatement, Figures, Quality, Scope2};
use crate::model::Finding;
use crate::units::{MicrogramsCo2e, ReportingPeriod};

pub struct Settled {
    scope2: Scope2,
    quality: Quality,
    factors: Vec<FactorStatement>,
    /// Market-based emissions by cluster, namespace, workload.
    market: BTreeMap<(String, String, String), Option<i64>>,
    market_by_cost_centre: BTreeMap<String, Option<i64>>,
    /// None where no legal entity is configured.
    entities: Option<EntityMarket>,
}

/// The sums of a year's months so far.
#[derive(Default)]
pub struct Settling {
    inventory: Inventory,
    lines: Lines,
    grids: Grids,
}

impl Settling {
    /// Takes in a month's sums and leaves of its statement what the year adds up: memory does not grow by runs and hours.
    pub fn add(&mut self, account: MonthAccount) -> Statement {
        let MonthAccount { mut statement, mut inventory, lines, grids, .. } = account;
        statement.job_runs = Vec::new();
        statement.hours = Vec::new();
        inventory.runs = Vec::new();
        inventory.clusters.iter_mut().for_each(|cluster| cluster.node_days.clear());
        self.inventory.clusters.resize_with(inventory.clusters.len(), Default::default);
        self.inventory.merge(inventory);
        self.lines.resize_with(lines.len(), BTreeMap::new);
        for (sums, month) in self.lines.iter_mut().zip(lines) {
            for (key, line) in month {
                sums.entry(key).or_insert_with(Line::nothing).add(&line);
            }
        }
        self.grids.without_annual.extend(grids.without_annual);
        for (zone, share) in grids.estimated {
            // The largest of a month: an input of the whole year is not known better than in its worst month.
            let known = self.grids.estimated.entry(zone).or_default();
            *known = known.max(share);
        }
        statement
    }

    /// Settles the year. `missing` are months after the first that have no evidence.
    pub fn finish(
        self,
        books: &Books,
        period: ReportingPeriod,
        missing: &[ReportingPeriod],
        findings: &mut Vec<Finding>,
    ) -> Result<Settled> {
        let Self { inventory, mut lines, grids } = self;
        let factors = scopes::factors(books)?;
        let clusters = month_terms(&books.config, &factors, period).clusters;
        let market = market::account(books, &factors, period, missing, &clusters, &inventory.clusters, &grids.without_annual)?;
        market.market.fill(&inventory.clusters, &mut lines);
        findings.extend(market.market.findings.iter().cloned());
        let by_workload = by_name(&lines, &clusters.iter().map(|cluster| cluster.name.clone()).collect::<Vec<_>>());
        let entities = books.config.group.as_ref().map(|group| EntityMarket::of(&books.config, group, &clusters, &lines, &market.market));
        findings.extend(entities.iter().filter_map(EntityMarket::finding));
        let by_cost_centre = cost_centres::market_based(&market.market, &inventory.clusters);
        let accounts = quality::Accounts {
            clusters: &clusters,
            inventories: &inventory.clusters,
            lines: &lines,
            market: &market.market,
            estimated: &grids.estimated,
            idle: Vec::new(),
        };
        let (intervals, sensitivity) = quality::section(&books.config, accounts)?;
        let quality = Quality { emissions_tier_share: scopes::tier_share(&inventory.tier_emissions()), intervals, sensitivity };
        Ok(Settled {
            scope2: market.section,
            quality,
            factors: market.factors,
            market: by_workload,
            market_by_cost_centre: by_cost_centre,
            entities,
        })
    }
}

/// Sites of a cluster together.
fn by_name(lines: &Lines, clusters: &[String]) -> BTreeMap<(String, String, String), Option<i64>> {
    let mut sums = BTreeMap::new();
    for (name, lines) in clusters.iter().zip(lines) {
        for ((_, namespace, workload), line) in lines {
            let sum = sums.entry((name.clone(), namespace.clone(), workload.clone())).or_insert(Some(0_i64));
            *sum = sum.zip(line.market_ugco2e).map(|(a, b)| a + b);
        }
    }
    sums
}

impl Settled {
    /// Puts the year's own figures where the sums of months stand.
    pub fn replace(self, statement: &mut Statement) {
        let sum = |keep: &dyn Fn(&(String, String, String)) -> bool| {
            let mut parts = self.market.iter().filter(|(key, _)| keep(key)).map(|(_, part)| *part);
            parts.try_fold(0_i64, |sum, part| part.map(|part| sum + part)).map(MicrogramsCo2e::new)
        };
        let set = |figures: &mut Figures, market| figures.scope2_market_based_ugco2e = market;
        set(&mut statement.totals.figures, sum(&|_| true));
        for row in &mut statement.clusters {
            set(&mut row.figures, sum(&|key| key.0 == row.cluster));
        }
        let mut of_namespaces: BTreeMap<(&str, &str), Option<i64>> = BTreeMap::new();
        for ((cluster, namespace, _), part) in &self.market {
            let sum = of_namespaces.entry((cluster, namespace)).or_insert(Some(0));
            *sum = sum.zip(*part).map(|(a, b)| a + b);
        }
        for row in &mut statement.namespaces {
            let found = of_namespaces.get(&(row.cluster.as_str(), row.namespace.as_str())).copied();
            set(&mut row.figures, found.unwrap_or(Some(0)).map(MicrogramsCo2e::new));
        }
        for row in &mut statement.workloads {
            let found = self.market.get(&(row.cluster.clone(), row.namespace.clone(), row.workload.clone())).copied();
            set(&mut row.figures, found.unwrap_or(Some(0)).map(MicrogramsCo2e::new));
        }
        for row in &mut statement.cost_centres {
            let found = self.market_by_cost_centre.get(&row.cost_centre).copied();
            set(&mut row.figures, found.unwrap_or(Some(0)).map(MicrogramsCo2e::new));
        }
        if let (Some(market), Some(entities)) = (self.entities, &mut statement.entities) {
            market.replace(entities, statement.totals.figures.scope2_market_based_ugco2e);
        }
        let factors = std::mem::take(&mut statement.factors).into_iter().chain(self.factors);
        statement.factors = factor_list::merged(factors);
        statement.scope2 = self.scope2;
        statement.quality = self.quality;
    }
}
