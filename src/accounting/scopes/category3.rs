//! Scope 3 category 3 of each workload: what the ledger has of upstream and losses, known or not.
//!
//! In: plan and inventory. Out: the two parts of every [`super::Line`]. Rule: method, section 4. What is not in Scope 2 has no upstream, which is 0; its
//! losses stay null, so that a sum in which nobody's losses are known is not 0.
//! Does not: compute; the ledger has met every row with its factors.

use super::Lines;
use crate::accounting::inventory::Inventory;
use crate::accounting::plan::Plan;

/// Puts upstream and losses into the lines of all workloads.
pub fn fill(lines: &mut Lines, plan: &Plan<'_>, inventory: &Inventory) {
    for (cluster, lines) in lines.iter_mut().enumerate() {
        for (key, line) in lines {
            let sums = inventory.clusters[cluster].workloads.get(key).copied().unwrap_or_default();
            let site = &plan.sites[cluster][key.0];
            let (has_upstream, has_losses) = match (site.is_scope2, plan.category3.get(site.zone)) {
                (false, _) => (true, false),
                (true, Some(category3)) => (category3.has_upstream(), category3.losses.is_some()),
                (true, None) => (false, false),
            };
            line.upstream_ugco2e = has_upstream.then_some(sums.upstream_ugco2e);
            line.losses_ugco2e = has_losses.then_some(sums.losses_ugco2e);
        }
    }
}
