//! The statement by legal entity, and how the entities' own statements become the group's.
//!
//! In: the account by entity, the runs of the month. Out: [`Entities`]. Rule: an own statement holds what the entity controls, where the boundary places it, and in
//! Scope 3 category 1 what it bought of its sisters (GHG Protocol Corporate Standard, chapter 3: figures of a group are consolidated once). The group is their sum less
//! what was bought within it, so each row of the ledger is in it once, in its controller's scope. Category 3 follows the electricity and stays with the controller.
//! Money is converted from its sum, once. Does not: give an entity a market-based figure that would be a guess.

use std::collections::{BTreeMap, BTreeSet};

use super::counterfactual;
use super::statement::{
    CostFigures, CurrencyCost, Entities, EntityCluster, EntityIntensity, EntityRevenue, EntityStatement, ExchangeRateStatement, Figures,
    IntraGroupLine, JobRunStatement, NamespaceStatement, NetRevenue,
};
use super::tally::{Tally, has_annual, site_of};
use super::year::compare;
use crate::accounting::plan::Plan;
use crate::accounting::scopes::entities::{EntityAccount, EntityLine, Where};
use crate::model::policy::LocationBased;
use crate::model::{Boundary, Entity, Group, Placement, RatePeriod};
use crate::units::{MicroEuros, MicrogramsCo2e, Millijoules};

/// `runs` in the order of the plan.
pub(super) fn section(plan: &Plan<'_>, account: EntityAccount, runs: &[JobRunStatement], all: &Tally, reported: LocationBased) -> Entities {
    let group = &account.group;
    let intra_group = intra_group(plan, &account, reported);
    let period = RatePeriod { year: plan.terms.period.year(), month: plan.terms.period.month() };
    let of_entity = |(index, entity): (usize, &Entity)| {
        let own_runs = runs.iter().zip(&account.of_runs).filter(|(_, of)| **of == index).map(|(run, _)| run);
        let (counterfactual, cost) = counterfactual::sums(own_runs);
        let rows = account.controlled.iter().filter(|((controller, _), _)| *controller == index).map(|((_, place), line)| (place, line));
        let controlled = Controlled::of(plan, rows);
        let bought = bought(&intra_group, &entity.name);
        let mut statement = EntityStatement {
            entity: entity.name.clone(),
            lei: entity.lei.clone(),
            currency: entity.currency.clone(),
            figures: with_bought(controlled.all.figures(reported), bought),
            tier_share: controlled.all.tier_share(),
            bought_within_group_ugco2e: bought,
            sold_within_group_ugco2e: all_known(sold(&intra_group, &entity.name).map(|line| line.category_1_ugco2e)),
            sold_within_group_mj: sold(&intra_group, &entity.name).map(|line| line.facility_mj).sum(),
            market_based_reason: None,
            clusters: controlled.clusters(reported),
            namespaces: controlled.namespaces(reported),
            counterfactual,
            cost_in_currency: cost.as_ref().and_then(|cost| in_currency(cost, group, &entity.currency, period)),
            cost,
            revenue: None,
        };
        statement.withhold_market_based(&account.without_holder[index]);
        statement
    };
    let entities: Vec<EntityStatement> = group.entities.iter().enumerate().map(of_entity).collect();
    let cost = counterfactual::sums(runs).1;
    Entities {
        consolidation: group.consolidation,
        currency: group.currency.clone(),
        sum_of_own: sum_of_own(&entities),
        eliminated_ugco2e: all_known(entities.iter().map(|entity| entity.bought_within_group_ugco2e)),
        entities,
        intra_group,
        consolidated: all.figures(reported),
        cost_in_currency: cost.and_then(|cost| in_currency(&cost, group, &group.currency, period)),
        exchange_rates: exchange_rates(group, period),
    }
}

/// What an entity controls, added up in the three ways in which it is shown.
#[derive(Default)]
struct Controlled {
    all: Tally,
    clusters: BTreeMap<(String, Boundary, Placement), Tally>,
    namespaces: BTreeMap<(String, String), Tally>,
}

impl Controlled {
    fn of<'a>(plan: &Plan<'_>, rows: impl Iterator<Item = (&'a Where, &'a EntityLine)>) -> Self {
        let mut controlled = Self::default();
        for ((cluster, site, namespace), EntityLine { sums, line }) in rows {
            let (terms, name) = (site_of(plan, *cluster, *site), &plan.terms.clusters[*cluster].name);
            let tally = Tally::of(sums, *line, terms.placement, has_annual(plan, *cluster, *site));
            controlled.all.add(&tally);
            controlled.clusters.entry((name.clone(), terms.boundary, terms.placement)).or_default().add(&tally);
            controlled.namespaces.entry((name.clone(), namespace.clone())).or_default().add(&tally);
        }
        controlled
    }

    fn clusters(&self, reported: LocationBased) -> Vec<EntityCluster> {
        let row = |((cluster, boundary, placement), tally): (&(String, Boundary, Placement), &Tally)| EntityCluster {
            cluster: cluster.clone(),
            boundary: *boundary,
            placement: *placement,
            figures: tally.figures(reported),
            tier_share: tally.tier_share(),
        };
        self.clusters.iter().map(row).collect()
    }

    fn namespaces(&self, reported: LocationBased) -> Vec<NamespaceStatement> {
        let row = |((cluster, namespace), tally): (&(String, String), &Tally)| NamespaceStatement {
            cluster: cluster.clone(),
            namespace: namespace.clone(),
            figures: tally.figures(reported),
            tier_share: tally.tier_share(),
        };
        self.namespaces.iter().map(row).collect()
    }
}

fn intra_group(plan: &Plan<'_>, account: &EntityAccount, reported: LocationBased) -> Vec<IntraGroupLine> {
    let name = |entity: usize| account.group.entities[entity].name.clone();
    let mut tallies: BTreeMap<(String, String, String, String, Placement), Tally> = BTreeMap::new();
    for ((provider, customer, (cluster, site, namespace)), EntityLine { sums, line }) in &account.internal {
        let (terms, cluster_name) = (site_of(plan, *cluster, *site), plan.terms.clusters[*cluster].name.clone());
        let key = (name(*provider), name(*customer), cluster_name, namespace.clone(), terms.placement);
        tallies.entry(key).or_default().add(&Tally::of(sums, *line, terms.placement, has_annual(plan, *cluster, *site)));
    }
    let line = |((provider, customer, cluster, namespace, placement), tally): ((String, String, String, String, Placement), Tally)| {
        let figures = tally.figures(reported);
        // As of a cloud outside the group: electricity by the reported factors, and the machines' making as it is used up.
        let operation_ugco2e = match reported {
            LocationBased::Hourly => Some(figures.operational_hourly_ugco2e),
            LocationBased::Annual => figures.operational_annual_ugco2e,
        };
        let embodied_ugco2e = figures.embodied_amortised_ugco2e;
        IntraGroupLine {
            provider,
            customer,
            cluster,
            namespace,
            placement,
            facility_mj: figures.facility_mj,
            operation_ugco2e,
            embodied_ugco2e,
            category_1_ugco2e: operation_ugco2e.map(|operation| operation + embodied_ugco2e.unwrap_or(MicrogramsCo2e::ZERO)),
        }
    };
    tallies.into_iter().map(line).collect()
}

/// Unknown where a part is.
pub(super) fn all_known(mut parts: impl Iterator<Item = Option<MicrogramsCo2e>>) -> Option<MicrogramsCo2e> {
    parts.try_fold(MicrogramsCo2e::ZERO, |sum, part| part.map(|part| sum + part))
}

fn bought(lines: &[IntraGroupLine], entity: &str) -> Option<MicrogramsCo2e> {
    all_known(lines.iter().filter(|line| line.customer == entity).map(|line| line.category_1_ugco2e))
}

fn sold<'a>(lines: &'a [IntraGroupLine], entity: &'a str) -> impl Iterator<Item = &'a IntraGroupLine> {
    lines.iter().filter(move |line| line.provider == entity)
}

fn with_bought(controlled: Figures, bought: Option<MicrogramsCo2e>) -> Figures {
    let category_1 = controlled.scope3_category_1_ugco2e.zip(bought).map(|(own, bought)| own + bought);
    Figures { scope3_category_1_ugco2e: category_1, ..controlled }
}

/// What the own statements come to, each as it stands.
pub fn sum_of_own(entities: &[EntityStatement]) -> Figures {
    let mut sum = Figures::nothing();
    entities.iter().for_each(|entity| sum.add(&entity.figures));
    sum
}

impl EntityStatement {
    /// Takes its market-based figures back where instruments that nobody holds by name make them a guess. `instruments` by their places.
    pub fn withhold_market_based(&mut self, instruments: &BTreeSet<usize>) {
        self.market_based_reason = None;
        if instruments.is_empty() {
            return;
        }
        let numbers: Vec<String> = instruments.iter().map(|index| (index + 1).to_string()).collect();
        self.market_based_reason = Some(format!(
            "Instrument {} covered electricity of this entity, is held for no entity by name, and reaches electricity of others of the group: a figure of this entity alone would be a guess.",
            numbers.join(", ")
        ));
        let rows = self.clusters.iter_mut().map(|row| &mut row.figures).chain(self.namespaces.iter_mut().map(|row| &mut row.figures));
        for figures in rows.chain([&mut self.figures]) {
            figures.scope2_market_based_ugco2e = None;
        }
    }
}

/// A cost in euros in another currency; none where nobody stated the rate.
fn in_currency(cost: &CostFigures, group: &Group, currency: &str, period: RatePeriod) -> Option<CurrencyCost> {
    let rate = group.rate("EUR", currency, period)?;
    let of = |money: MicroEuros| rate.of_euros(money);
    let (actual, counterfactual) = (of(cost.actual_micro_eur), of(cost.counterfactual_micro_eur));
    Some(CurrencyCost {
        currency: currency.to_owned(),
        actual_micro_units: actual,
        counterfactual_micro_units: counterfactual,
        saved_micro_units: counterfactual - actual,
    })
}

/// Those of the period and of its year; of a year, those of its months too.
fn exchange_rates(group: &Group, period: RatePeriod) -> Vec<ExchangeRateStatement> {
    let holds = |of: RatePeriod| of.year == period.year && (of.month.is_none() || period.month.is_none() || of.month == period.month);
    let mut rates: Vec<ExchangeRateStatement> = group
        .rates
        .iter()
        .filter(|rate| holds(rate.period))
        .map(|rate| ExchangeRateStatement {
            from: rate.from.clone(),
            to: rate.to.clone(),
            period: rate.period.month.map_or(format!("{:04}", rate.period.year), |month| format!("{:04}-{month:02}", rate.period.year)),
            rate: rate.rate,
            source: rate.source.clone(),
        })
        .collect();
    rates.sort_by(|a, b| (&a.from, &a.to, &a.period).cmp(&(&b.from, &b.to, &b.period)));
    rates
}

impl Entities {
    /// Puts each entity's net revenue of the year beside its own statement. Call it when all figures are what they will be.
    pub fn state_revenue(&mut self, group: &Group, year: i32) {
        let period = RatePeriod { year, month: None };
        for (statement, entity) in self.entities.iter_mut().zip(&group.entities) {
            let Some(amount) = entity.net_revenue.get(&year).copied() else { continue };
            let net_revenue = NetRevenue { currency: entity.currency.clone(), amount };
            let rate = group.rate(&entity.currency, &group.currency, period);
            let in_organisations = rate.map(|rate| NetRevenue { currency: group.currency.clone(), amount: rate.of(amount) });
            let of = |revenue: Option<&NetRevenue>| compare::intensities(&statement.figures, None, revenue, None);
            let other = of(in_organisations.as_ref());
            let intensities = of(Some(&net_revenue)).into_iter().map(|row| EntityIntensity {
                tco2e_per_million_in_organisation_currency: other
                    .iter()
                    .find(|other| other.figure == row.figure)
                    .and_then(|other| other.tco2e_per_million),
                tco2e_per_million: row.tco2e_per_million,
                figure: row.figure,
            });
            let intensities = intensities.collect();
            statement.revenue = Some(EntityRevenue { net_revenue, net_revenue_in_organisation_currency: in_organisations, intensities });
        }
    }

    /// Facility energy that ran work of other entities than its machines' own.
    pub fn sold_mj(&self) -> Millijoules {
        self.intra_group.iter().map(|line| line.facility_mj).sum()
    }
}
