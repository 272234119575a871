//! Market-based emissions by workload: an allocation, because certificates belong to a site's meter and not to a pod.
//!
//! In: emissions by site, the sums of its workloads. Out: `market_ugco2e` of every line. Rule: within the site, what instruments cover by facility
//! energy; the rest by facility energy where a residual mix stands in, else by the location-based emissions that stand in, so that a site without
//! instruments has the same figure by either method in every row. Largest remainder: workloads add up to their site.
//! Does not: give a workload the certificates of its own hours.

use std::collections::BTreeMap;

use super::Market;
use crate::accounting::inventory::ClusterInventory;
use crate::accounting::ledger::Sums;
use crate::accounting::scopes::Lines;
use crate::accounting::split::split_wide;
use crate::model::RestRule;

impl Market {
    /// Sets the figure of every line that is there; a line without electricity has 0, and so has what is not in Scope 2.
    pub fn fill(&self, inventories: &[ClusterInventory], lines: &mut Lines) {
        for (cluster, (inventory, lines)) in inventories.iter().zip(lines).enumerate() {
            for line in lines.values_mut() {
                line.market_ugco2e = Some(0);
            }
            let mut sites: BTreeMap<usize, Vec<_>> = BTreeMap::new();
            for (key, sums) in &inventory.workloads {
                sites.entry(key.0).or_default().push((key, sums));
            }
            for (site, workloads) in sites {
                let Some(market) = self.sites.get(&(cluster, site)) else { continue };
                let weights = |of: fn(&Sums) -> i64| workloads.iter().map(|(_, sums)| of(sums)).collect::<Vec<i64>>();
                let energy = weights(|sums| sums.facility_mj);
                let by_rest = match market.rest_rule {
                    RestRule::ResidualMix => energy.clone(),
                    RestRule::LocationBasedHourly => weights(|sums| sums.operational_hourly_ugco2e),
                    RestRule::LocationBasedAnnual => weights(|sums| sums.operational_annual_ugco2e),
                };
                // Electricity without any emissions has no such weights.
                let by_rest = if by_rest.iter().all(|weight| *weight == 0) { energy.clone() } else { by_rest };
                let covered = split_wide(market.covered_ugco2e.get(), &energy);
                let rest = market.rest_ugco2e.map(|rest| split_wide(rest.get(), &by_rest));
                let parts = rest.map(|rest| covered.iter().zip(rest).map(|(covered, rest)| covered + rest).collect::<Vec<i64>>());
                for (index, (key, _)) in workloads.iter().enumerate() {
                    let part = parts.as_ref().map(|parts| parts[index]);
                    lines.entry((*key).clone()).or_default().market_ugco2e = part;
                }
            }
        }
    }
}
