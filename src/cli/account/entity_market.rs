//! The market-based figures of legal entities over a year, in the place of their months' sums: volumes are set against the year's consumption.
//!
//! In: the year's lines and market-based account. Out: [`EntityMarket`]. Rule: as in a month, and a figure that would be a guess is none.
//! Does not: touch any other figure.

use std::collections::{BTreeMap, BTreeSet};

use crate::accounting::scopes::Lines;
use crate::accounting::scopes::entities::{controller, market_findings};
use crate::accounting::scopes::market::Market;
use crate::accounting::survey::ClusterTerms;
use crate::config::Config;
use crate::disclosure::entities::sum_of_own;
use crate::disclosure::statement::Entities;
use crate::model::{Boundary, Finding, Group, Placement};
use crate::units::MicrogramsCo2e;

/// Entity by its place in the list, cluster, boundary and placement, namespace.
type Key = (usize, String, Boundary, Placement, String);

pub struct EntityMarket {
    group: Group,
    by_row: BTreeMap<Key, Option<i64>>,
    without_holder: Vec<BTreeSet<usize>>,
}

impl EntityMarket {
    pub fn of(config: &Config, group: &Group, clusters: &[ClusterTerms], lines: &Lines, market: &Market) -> Self {
        let mut by_row: BTreeMap<Key, Option<i64>> = BTreeMap::new();
        for (cluster, lines) in lines.iter().enumerate() {
            for ((site, namespace, _), line) in lines {
                let terms = &clusters[cluster].sites[*site];
                let entity = controller(group, clusters, cluster, *site);
                let key = (entity, clusters[cluster].name.clone(), terms.boundary, terms.placement, namespace.clone());
                let sum = by_row.entry(key).or_insert(Some(0));
                *sum = sum.zip(line.market_ugco2e).map(|(a, b)| a + b);
            }
        }
        let found = market.without_holder(config.instruments.iter().map(|table| &table.instrument), clusters);
        let without_holder = group.entities.iter().map(|entity| found.get(&entity.name).cloned().unwrap_or_default()).collect();
        Self { group: group.clone(), by_row, without_holder }
    }

    pub fn finding(&self) -> Option<Finding> {
        market_findings(&self.group, &self.without_holder)
    }

    /// `all` is the group's figure.
    pub fn replace(self, entities: &mut Entities, all: Option<MicrogramsCo2e>) {
        let sum = |keep: &dyn Fn(&Key) -> bool| {
            let mut parts = self.by_row.iter().filter(|(key, _)| keep(key)).map(|(_, part)| *part);
            parts.try_fold(0_i64, |sum, part| part.map(|part| sum + part)).map(MicrogramsCo2e::new)
        };
        for (index, entity) in entities.entities.iter_mut().enumerate() {
            entity.figures.scope2_market_based_ugco2e = sum(&|key| key.0 == index);
            for row in &mut entity.clusters {
                let is_of = |key: &Key| (key.0, &key.1, key.2, key.3) == (index, &row.cluster, row.boundary, row.placement);
                row.figures.scope2_market_based_ugco2e = sum(&is_of);
            }
            for row in &mut entity.namespaces {
                let is_of = |key: &Key| (key.0, &key.1, &key.4) == (index, &row.cluster, &row.namespace);
                row.figures.scope2_market_based_ugco2e = sum(&is_of);
            }
            entity.withhold_market_based(&self.without_holder[index]);
        }
        entities.sum_of_own = sum_of_own(&entities.entities);
        entities.consolidated.scope2_market_based_ugco2e = all;
    }
}
