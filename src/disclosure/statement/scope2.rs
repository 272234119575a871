//! Scope 2 both ways (GHG Protocol Scope 2 Guidance, chapter 7; ESRS E1-6 49, 2023 edition), and what the two rest on.

use serde::Serialize;

pub use crate::model::RestRule;
use crate::model::{EnergySource, InstrumentKind, Matching};
use crate::units::{MicrogramsCo2e, Millijoules, Share};

#[derive(Clone, Debug, Default, Serialize)]
pub struct Scope2 {
    /// By cluster and grid zone of what is in Scope 2: hourly against annual, location-based against market-based.
    pub reconciliation: Vec<Scope2Row>,
    pub instruments: Vec<InstrumentStatement>,
    /// By grid zone: what the instruments cover and what the rest is met with.
    pub zones: Vec<MarketZone>,
    /// Share of Scope 2 electricity that instruments cover in their own matching periods.
    pub covered_share: Option<Share>,
    /// Share of Scope 2 electricity that instruments meet hour by hour: per hour the lesser of generation and consumption.
    pub hourly_matched_share: Option<Share>,
    /// What the market-based figure would be if instruments counted hour by hour only. Not a figure of the 2015 Guidance.
    pub hourly_matched_ugco2e: Option<MicrogramsCo2e>,
    pub energy_mix: EnergyMix,
    /// Sentences that a reader must see beside the figures: fallbacks, provisional volumes, criteria that nobody answered.
    pub disclosures: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Scope2Row {
    pub cluster: String,
    pub grid_zone: String,
    pub facility_mj: Millijoules,
    pub location_based_ugco2e: MicrogramsCo2e,
    pub location_based_annual_ugco2e: Option<MicrogramsCo2e>,
    pub hourly_less_annual_ugco2e: Option<MicrogramsCo2e>,
    pub market_based_ugco2e: Option<MicrogramsCo2e>,
    pub market_less_location_based_ugco2e: Option<MicrogramsCo2e>,
}

/// An instrument and what became of its volume in the period.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct InstrumentStatement {
    /// As in the configuration, from 1.
    pub number: u64,
    /// The legal entity that holds it, where one is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entity: Option<String>,
    pub kind: InstrumentKind,
    pub grid_zone: String,
    /// `2026` or `2026-10`.
    pub period: String,
    pub matching: Matching,
    pub energy_source: Option<EnergySource>,
    pub factor_gco2e_per_kwh: f64,
    pub evidence: String,
    pub volume_mj: Millijoules,
    /// Of the volume, what may be used in this period.
    pub available_mj: Millijoules,
    /// Of it, what covered consumption.
    pub applied_mj: Millijoules,
    pub applied_ugco2e: MicrogramsCo2e,
    /// Scope 2 Quality Criteria that are not met, by number; empty where all are met or nobody answered.
    pub criteria_not_met: Vec<u8>,
    pub criteria_unanswered: Vec<u8>,
    /// Why it covers nothing; null where it was used.
    pub not_used_reason: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MarketZone {
    pub grid_zone: String,
    pub facility_mj: Millijoules,
    pub covered_mj: Millijoules,
    pub rest_mj: Millijoules,
    pub covered_ugco2e: MicrogramsCo2e,
    pub rest_ugco2e: Option<MicrogramsCo2e>,
    pub rest_rule: RestRule,
    /// Id of the residual mix among `factors`; null where there is none.
    pub residual_mix: Option<String>,
}

/// Electricity of own operations by contractual evidence, never by the grid's mix (ESRS E1 AR 32(j), 2023 edition).
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct EnergyMix {
    pub total_mj: Millijoules,
    pub fossil_mj: Millijoules,
    pub nuclear_mj: Millijoules,
    pub renewable_mj: Millijoules,
    /// Of clouds and leased assets: not own operations, so not in the total.
    pub outside_own_operations_mj: Millijoules,
    pub rule: String,
}
