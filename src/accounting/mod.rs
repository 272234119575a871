//! The method: from evidence to the ledger and its sums. Pure: no clock, no disk, no network.
//!
//! In: tables of evidence as frames, terms from the configuration. Out: an inventory, that is the sums of a balanced ledger.
//! Rule: `queries/accounting/*.sql` for everything that is a sum or a split; Rust for differencing counters (`metering`), for filling
//! ([`intensity`], [`gaps`]) and for moving runs in time ([`counterfactual`]). Does not: read evidence, or know the configuration file.

pub mod category3;
pub mod cost_centres;
pub mod counterfactual;
pub mod dimensions;
pub mod editions;
#[cfg(test)]
mod editions_test;
pub mod filling;
pub mod frames;
pub mod gaps;
pub mod integral;
pub mod intensity;
pub mod inventory;
#[cfg(test)]
mod inventory_test;
pub mod ledger;
pub mod metering;
pub mod plan;
#[cfg(test)]
mod plan_test;
pub mod scopes;
pub mod split;
pub mod survey;
#[cfg(test)]
mod survey_test;
pub mod tiers;
mod upstream;
pub mod windows;
