//! From the sums of a balanced ledger to the lines of the inventory: what contracts, grids' losses and the making of machines add to electricity.
//!
//! In: the month's plan and inventory, and what the organisation holds (instruments, factors, hardware). Out: [`Lines`], one [`Line`] a workload,
//! whose sums are the inventory's totals. Rule: method, sections 4 and 5; every part is an integer, splits are by largest remainder.
//! Does not: touch the ledger, or read.

pub mod category3;
pub mod cost_centres;
pub mod embodied;
pub mod entities;
pub mod market;
pub mod sci;
pub mod sensitivity;
pub mod uncertainty;

use std::collections::BTreeMap;

use super::inventory::{Inventory, WorkloadKey};

/// What a workload's row has beside its electricity, in micrograms. None is unknown, which is not zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// Scope 2, market-based. Zero for what is not in Scope 2.
    pub market_ugco2e: Option<i64>,
    /// Scope 3 category 2, capitalised.
    pub category_2_ugco2e: Option<i64>,
    /// Scope 3 category 3, upstream of the electricity in Scope 2.
    pub upstream_ugco2e: Option<i64>,
    /// Scope 3 category 3, grid losses.
    pub losses_ugco2e: Option<i64>,
    /// The period's part of the machines' making.
    pub amortised_ugco2e: Option<i64>,
    /// Of that, what belongs to clouds' machines: part of Scope 3 category 1.
    pub cloud_amortised_ugco2e: Option<i64>,
}

/// By cluster.
pub type Lines = Vec<BTreeMap<WorkloadKey, Line>>;

impl Line {
    /// Market-based figures and upstream are known only where every part is; of machines and losses what is known counts, and a finding says what is not.
    pub fn add(&mut self, other: &Self) {
        let all = |a: Option<i64>, b: Option<i64>| Some(a?.checked_add(b?).expect("emissions stay below 9.2 Mt per sum"));
        let known = |a: Option<i64>, b: Option<i64>| if a.is_some() && b.is_some() { all(a, b) } else { a.or(b) };
        self.market_ugco2e = all(self.market_ugco2e, other.market_ugco2e);
        self.upstream_ugco2e = all(self.upstream_ugco2e, other.upstream_ugco2e);
        self.category_2_ugco2e = known(self.category_2_ugco2e, other.category_2_ugco2e);
        self.losses_ugco2e = known(self.losses_ugco2e, other.losses_ugco2e);
        self.amortised_ugco2e = known(self.amortised_ugco2e, other.amortised_ugco2e);
        self.cloud_amortised_ugco2e = known(self.cloud_amortised_ugco2e, other.cloud_amortised_ugco2e);
    }

    /// What a sum begins with: nothing is missing yet.
    pub fn nothing() -> Self {
        Self { market_ugco2e: Some(0), upstream_ugco2e: Some(0), ..Self::default() }
    }
}

/// A line for every workload that has energy; everything unknown.
pub fn unknown(inventory: &Inventory) -> Lines {
    inventory.clusters.iter().map(|cluster| cluster.workloads.keys().map(|key| (key.clone(), Line::default())).collect()).collect()
}

/// The sum of all lines.
pub fn total(lines: &Lines) -> Line {
    let mut total = Line::nothing();
    lines.iter().flat_map(BTreeMap::values).for_each(|line| total.add(line));
    total
}
