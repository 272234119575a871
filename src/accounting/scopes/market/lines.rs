//! Market-based emissions by workload: an allocation, because certificates belong to a site's meter and not to a pod.
//!
//! In: emissions by site, the sums of its workloads. Out: `market_ugco2e` of every line. Rule: by facility energy within the site, largest remainder,
//! so that workloads add up to their site. Does not: give a workload the certificates of its own hours.

use std::collections::BTreeMap;

use super::Market;
use super::split::split;
use crate::accounting::inventory::ClusterInventory;
use crate::accounting::scopes::Lines;

impl Market {
    /// Sets the figure of every line that is there; a line without electricity has 0, and so has what is not in Scope 2.
    pub fn fill(&self, inventories: &[ClusterInventory], lines: &mut Lines) {
        for (cluster, (inventory, lines)) in inventories.iter().zip(lines).enumerate() {
            for line in lines.values_mut() {
                line.market_ugco2e = Some(0);
            }
            let mut sites: BTreeMap<usize, Vec<_>> = BTreeMap::new();
            for (key, sums) in &inventory.workloads {
                sites.entry(key.0).or_default().push((key, sums.facility_mj));
            }
            for (site, workloads) in sites {
                let Some(market) = self.sites.get(&(cluster, site)) else { continue };
                let weights: Vec<i64> = workloads.iter().map(|(_, facility_mj)| *facility_mj).collect();
                let parts = market.market_ugco2e().map(|ugco2e| split(ugco2e.get(), &weights));
                for (index, (key, _)) in workloads.iter().enumerate() {
                    let part = parts.as_ref().map(|parts| parts[index]);
                    lines.entry((*key).clone()).or_default().market_ugco2e = part;
                }
            }
        }
    }
}
