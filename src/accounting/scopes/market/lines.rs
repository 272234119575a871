//! Market-based emissions by workload: an allocation, because certificates belong to a site's meter and not to a pod.
//!
//! In: emissions by site, the sums of its workloads. Out: `market_ugco2e` of every line. Rule: within the site, what instruments cover by facility
//! energy; the rest by facility energy where a residual mix stands in, else by the location-based emissions that stand in, so that a site without
//! instruments has the same figure by either method in every row. Largest remainder: workloads add up to their site.
//! Does not: give a workload the certificates of its own hours.

use std::collections::BTreeMap;

use super::Market;
use crate::accounting::inventory::{ClusterInventory, WorkloadKey};
use crate::accounting::ledger::Sums;
use crate::accounting::scopes::Lines;
use crate::accounting::split::split_wide;
use crate::model::RestRule;

/// By what a site's rest is shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestWeight {
    FacilityEnergy,
    HourlyEmissions,
    AnnualEmissions,
}

impl RestWeight {
    fn of_rule(rule: RestRule) -> Self {
        match rule {
            RestRule::ResidualMix => Self::FacilityEnergy,
            RestRule::LocationBasedHourly => Self::HourlyEmissions,
            RestRule::LocationBasedAnnual => Self::AnnualEmissions,
        }
    }

    pub fn of(self, sums: &Sums) -> i64 {
        match self {
            Self::FacilityEnergy => sums.facility_mj,
            Self::HourlyEmissions => sums.operational_hourly_ugco2e,
            Self::AnnualEmissions => sums.operational_annual_ugco2e,
        }
    }
}

/// A workload's part of its site's emissions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MarketPart {
    pub covered_ugco2e: i64,
    /// None where the declared factor is not known.
    pub rest_ugco2e: Option<i64>,
    pub rest_weight: RestWeight,
}

impl MarketPart {
    /// The parts of the cost centres that the workload had, in the order of their names: by what the whole was shared by.
    pub fn by_cost_centre(&self, centres: &BTreeMap<String, Sums>) -> Vec<Self> {
        let weights = |of: RestWeight| centres.values().map(|sums| of.of(sums)).collect::<Vec<i64>>();
        let covered = split_wide(self.covered_ugco2e, &weights(RestWeight::FacilityEnergy));
        let rest = self.rest_ugco2e.map(|rest| split_wide(rest, &weights(self.rest_weight)));
        let part = |(index, covered_ugco2e)| Self {
            covered_ugco2e,
            rest_ugco2e: rest.as_ref().map(|rest| rest[index]),
            rest_weight: self.rest_weight,
        };
        covered.into_iter().enumerate().map(part).collect()
    }

    pub fn ugco2e(&self) -> Option<i64> {
        self.rest_ugco2e.map(|rest| self.covered_ugco2e + rest)
    }
}

impl Market {
    /// The parts of a cluster's workloads in the order of their keys; what is not in Scope 2 has none.
    pub fn parts<'a>(&self, cluster: usize, inventory: &'a ClusterInventory) -> Vec<(&'a WorkloadKey, MarketPart)> {
        let mut sites: BTreeMap<usize, Vec<(&WorkloadKey, &Sums)>> = BTreeMap::new();
        for (key, sums) in &inventory.workloads {
            sites.entry(key.0).or_default().push((key, sums));
        }
        let mut parts = Vec::new();
        for (site, workloads) in sites {
            let Some(market) = self.sites.get(&(cluster, site)) else { continue };
            let weights = |of: RestWeight| workloads.iter().map(|(_, sums)| of.of(sums)).collect::<Vec<i64>>();
            let energy = weights(RestWeight::FacilityEnergy);
            let stated = RestWeight::of_rule(market.rest_rule);
            let by_stated = weights(stated);
            // Electricity without any emissions has no such weights.
            let has_none = by_stated.iter().all(|weight| *weight == 0);
            let (rest_weight, by_rest) = if has_none { (RestWeight::FacilityEnergy, &energy) } else { (stated, &by_stated) };
            let covered = split_wide(market.covered_ugco2e.get(), &energy);
            let rest = market.rest_ugco2e.map(|rest| split_wide(rest.get(), by_rest));
            for (index, (key, _)) in workloads.iter().enumerate() {
                let rest_ugco2e = rest.as_ref().map(|rest| rest[index]);
                parts.push((*key, MarketPart { covered_ugco2e: covered[index], rest_ugco2e, rest_weight }));
            }
        }
        parts
    }

    /// Sets the figure of every line that is there; a line without electricity has 0, and so has what is not in Scope 2.
    pub fn fill(&self, inventories: &[ClusterInventory], lines: &mut Lines) {
        for (cluster, (inventory, lines)) in inventories.iter().zip(lines).enumerate() {
            for line in lines.values_mut() {
                line.market_ugco2e = Some(0);
            }
            for (key, part) in self.parts(cluster, inventory) {
                lines.entry(key.clone()).or_default().market_ugco2e = part.ugco2e();
            }
        }
    }
}
