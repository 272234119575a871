//! Legal entities of a year: their months, added up.
//!
//! Rule: as all of a year; what a month converted into another currency keeps its month's rate. Does not: state a market-based figure, which the year settles over
//! itself, or revenue.

use std::collections::BTreeMap;

use super::namespaces;
use super::sum::{Shares, sum_by};
use crate::disclosure::Statement;
use crate::disclosure::counterfactual::{add_cost, add_figures};
use crate::disclosure::entities::{all_known, sum_of_own};
use crate::disclosure::statement::{
    CostFigures, CounterfactualFigures, CurrencyCost, Entities, EntityCluster, EntityStatement, ExchangeRateStatement, Figures,
    IntraGroupLine,
};
use crate::model::{Boundary, Placement};

/// None where no entity is configured.
pub fn of_months(months: &[Statement]) -> Option<Entities> {
    let all: Vec<&Entities> = months.iter().filter_map(|month| month.entities.as_ref()).collect();
    let last = *all.last()?;
    let entities: Vec<EntityStatement> = last
        .entities
        .iter()
        .map(|latest| {
            let of: Vec<&EntityStatement> =
                all.iter().flat_map(|month| &month.entities).filter(|entity| entity.entity == latest.entity).collect();
            entity(latest, &of)
        })
        .collect();
    let mut consolidated = Figures::nothing();
    all.iter().for_each(|month| consolidated.add(&month.consolidated));
    let has_cost: Vec<bool> = months.iter().map(|month| month.counterfactual.cost.is_some()).collect();
    Some(Entities {
        consolidation: last.consolidation,
        currency: last.currency.clone(),
        sum_of_own: sum_of_own(&entities),
        eliminated_ugco2e: all_known(entities.iter().map(|entity| entity.bought_within_group_ugco2e)),
        intra_group: intra_group(&all),
        consolidated,
        cost_in_currency: cost_in_currency(all.iter().zip(has_cost).map(|(month, has_cost)| (has_cost, month.cost_in_currency.as_ref()))),
        exchange_rates: exchange_rates(&all),
        entities,
    })
}

fn entity(latest: &EntityStatement, months: &[&EntityStatement]) -> EntityStatement {
    let (mut figures, mut tiers) = (Figures::nothing(), Shares::default());
    let (mut counterfactual, mut cost) = (CounterfactualFigures::default(), None::<CostFigures>);
    for month in months {
        figures.add(&month.figures);
        tiers.add(&month.tier_share, (month.figures.metered_mj + month.figures.gap_mj).get());
        add_figures(&mut counterfactual, &month.counterfactual);
        add_cost(&mut cost, month.cost.as_ref());
    }
    EntityStatement {
        entity: latest.entity.clone(),
        lei: latest.lei.clone(),
        currency: latest.currency.clone(),
        figures,
        tier_share: tiers.finish(),
        bought_within_group_ugco2e: all_known(months.iter().map(|month| month.bought_within_group_ugco2e)),
        sold_within_group_ugco2e: all_known(months.iter().map(|month| month.sold_within_group_ugco2e)),
        sold_within_group_mj: months.iter().map(|month| month.sold_within_group_mj).sum(),
        market_based_reason: None,
        clusters: clusters(months),
        namespaces: namespaces(months.iter().flat_map(|month| &month.namespaces)),
        counterfactual,
        cost,
        cost_in_currency: cost_in_currency(months.iter().map(|month| (month.cost.is_some(), month.cost_in_currency.as_ref()))),
        revenue: None,
    }
}

fn clusters(months: &[&EntityStatement]) -> Vec<EntityCluster> {
    let rows = months.iter().flat_map(|month| &month.clusters);
    let summed = sum_by(rows, |row| (row.cluster.clone(), row.boundary, row.placement), |row| (&row.figures, &row.tier_share));
    let row = |((cluster, boundary, placement), (figures, tiers)): ((String, Boundary, Placement), (Figures, Shares))| EntityCluster {
        cluster,
        boundary,
        placement,
        figures,
        tier_share: tiers.finish(),
    };
    summed.into_iter().map(row).collect()
}

fn intra_group(months: &[&Entities]) -> Vec<IntraGroupLine> {
    let mut lines: BTreeMap<(String, String, String, String, Placement), IntraGroupLine> = BTreeMap::new();
    for line in months.iter().flat_map(|month| &month.intra_group) {
        let key = (line.provider.clone(), line.customer.clone(), line.cluster.clone(), line.namespace.clone(), line.placement);
        match lines.get_mut(&key) {
            Some(sum) => {
                sum.facility_mj += line.facility_mj;
                sum.operation_ugco2e = sum.operation_ugco2e.zip(line.operation_ugco2e).map(|(a, b)| a + b);
                // What hardware classes state counts where it is stated, as everywhere.
                let both = sum.embodied_ugco2e.zip(line.embodied_ugco2e).map(|(a, b)| a + b);
                sum.embodied_ugco2e = both.or(sum.embodied_ugco2e).or(line.embodied_ugco2e);
                sum.category_1_ugco2e = sum.category_1_ugco2e.zip(line.category_1_ugco2e).map(|(a, b)| a + b);
            }
            None => drop(lines.insert(key, line.clone())),
        }
    }
    lines.into_values().collect()
}

/// Of months by whether they have a cost at all: one whose cost has no rate leaves the year without a sum.
fn cost_in_currency<'a>(months: impl Iterator<Item = (bool, Option<&'a CurrencyCost>)>) -> Option<CurrencyCost> {
    let mut year: Option<CurrencyCost> = None;
    for (_, month) in months.filter(|(has_cost, _)| *has_cost) {
        let month = month?;
        match &mut year {
            Some(sum) => {
                sum.actual_micro_units += month.actual_micro_units;
                sum.counterfactual_micro_units += month.counterfactual_micro_units;
                sum.saved_micro_units += month.saved_micro_units;
            }
            None => year = Some(month.clone()),
        }
    }
    year
}

fn exchange_rates(months: &[&Entities]) -> Vec<ExchangeRateStatement> {
    let mut rates: Vec<ExchangeRateStatement> = Vec::new();
    for rate in months.iter().flat_map(|month| &month.exchange_rates) {
        if !rates.contains(rate) {
            rates.push(rate.clone());
        }
    }
    rates.sort_by(|a, b| (&a.from, &a.to, &a.period).cmp(&(&b.from, &b.to, &b.period)));
    rates
}
