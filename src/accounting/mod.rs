//! The method: from evidence to the ledger and its sums. Pure: no clock, no disk, no network.
pub mod metering;
