//! How well the figures are known: tiers, intervals, sensitivities; and scores by functional unit.

use serde::Serialize;

use super::TierShare;
use crate::units::{MicrogramsCo2e, Millijoules};

#[derive(Clone, Debug, Default, Serialize)]
pub struct Quality {
    /// Shares of all operational emissions (hourly) by tier of their energy.
    pub emissions_tier_share: TierShare,
    /// About 95 % intervals of totals.
    pub intervals: Vec<Interval>,
    pub sensitivity: Vec<Sensitivity>,
}

/// A total with its interval, from stated uncertainties of its inputs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Interval {
    /// Name of the figure among `totals`.
    pub figure: String,
    /// In the figure's unit (mJ or µgCO2e).
    #[serde(serialize_with = "super::ledger_integer")]
    pub value: i64,
    #[serde(serialize_with = "super::ledger_integer")]
    pub low: i64,
    #[serde(serialize_with = "super::ledger_integer")]
    pub high: i64,
    /// Expanded uncertainty, coverage factor 2, relative to the value.
    pub relative: f64,
    /// The three inputs that contribute most, largest first.
    pub contributors: Vec<Contributor>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Contributor {
    /// `grid-intensity NL`, `tier modelled`, `pue prod-nl` …
    pub input: String,
    /// Of the variance.
    pub share: f64,
    /// Relative standard uncertainty taken.
    pub relative: f64,
    pub source: String,
}

/// What a total would be with another choice.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Sensitivity {
    pub choice: String,
    pub figure: String,
    #[serde(serialize_with = "super::optional_ledger_integer")]
    pub value: Option<i64>,
    #[serde(serialize_with = "super::optional_ledger_integer")]
    pub alternative: Option<i64>,
    /// Alternative less value, relative to the value.
    pub relative: Option<f64>,
    pub note: String,
}

/// Software Carbon Intensity (ISO/IEC 21031): (O + M) per R.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SciScore {
    pub cluster: String,
    pub namespace: String,
    pub workload: String,
    pub unit: String,
    /// R.
    pub count: f64,
    pub facility_mj: Millijoules,
    /// O: location-based, hourly, with the workload's share of idle energy.
    pub operational_ugco2e: MicrogramsCo2e,
    /// M: amortised; null where no hardware class says it, and then there is no score.
    pub embodied_ugco2e: Option<MicrogramsCo2e>,
    pub sci_ugco2e_per_unit: Option<f64>,
    pub source: String,
}
