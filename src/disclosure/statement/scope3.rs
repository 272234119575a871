//! Scope 3 of compute: the categories with their parts, the screening list, machines as goods (GHG Protocol Scope 3 Standard, chapter 5).

use serde::Serialize;

use crate::units::{MicrogramsCo2e, Share};

#[derive(Clone, Debug, Default, Serialize)]
pub struct Scope3 {
    /// All fifteen categories.
    pub screening: Vec<ScreeningRow>,
    /// Category 1: electricity of cloud machines.
    pub cloud_operation_ugco2e: Option<MicrogramsCo2e>,
    /// Category 1: their hardware, amortised.
    pub cloud_embodied_ugco2e: Option<MicrogramsCo2e>,
    /// Category 3, activity B: upstream of the electricity in Scope 2.
    pub upstream_ugco2e: Option<MicrogramsCo2e>,
    /// Category 3, activity C: generation and upstream of what the grid lost on the way.
    pub losses_ugco2e: Option<MicrogramsCo2e>,
    /// Share of the Scope 3 figure that rests on suppliers' own data.
    pub primary_data_share: Option<Share>,
    /// Machines as goods, by cluster and node.
    pub assets: Vec<Asset>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Screening {
    Included,
    /// It exists and the figure cannot be stated; the reason says why.
    Unknown,
    /// Not a matter of compute, or for the undertaking to add.
    Excluded,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ScreeningRow {
    pub category: u8,
    pub name: &'static str,
    pub screening: Screening,
    pub emissions_ugco2e: Option<MicrogramsCo2e>,
    /// What is in it, or why it is not there.
    pub reason: String,
    /// Standard and paragraph, or the rule of the method.
    pub rule: String,
    /// Ids among `factors`.
    pub factors: Vec<String>,
}

/// A node as a good.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Asset {
    pub cluster: String,
    pub node: String,
    pub class: String,
    /// Cradle to gate, with its GPUs.
    pub embodied_ugco2e: MicrogramsCo2e,
    pub life_years: f64,
    /// First day of service; null where it was there before the evidence begins.
    pub in_service: Option<String>,
    /// Whole, if it came into service in the period and is owned; else 0.
    pub capitalised_ugco2e: MicrogramsCo2e,
    /// The period's part of its life.
    pub amortised_ugco2e: MicrogramsCo2e,
    /// Of that part, what requests of pods reserved; null where the node's capacity is not known.
    pub reserved_share: Option<Share>,
    pub source: String,
}
