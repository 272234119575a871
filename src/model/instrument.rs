//! Contractual instruments, as the organisation holds them (GHG Protocol Scope 2 Guidance, chapters 6 and 7).

use serde::{Deserialize, Serialize};

use crate::units::{GramsCo2ePerKilowattHour, Millijoules};

/// What conveys the attributes of generation, in the order of the market-based hierarchy (Scope 2 Guidance, table 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InstrumentKind {
    /// An energy attribute certificate.
    GuaranteeOfOrigin,
    /// A power purchase agreement that conveys the attributes.
    Ppa,
    /// A supplier's rate or disclosure.
    SupplierRate,
}

/// Over which span consumption and generation are set against each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Matching {
    Year,
    Month,
    Hour,
}

/// What the electricity was generated from. Only what a contract says counts (ESRS E1 AR 32(j), 2023 edition).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EnergySource {
    Wind,
    Solar,
    Hydro,
    Geothermal,
    Biomass,
    Nuclear,
    Fossil,
}

impl EnergySource {
    pub const fn is_renewable(self) -> bool {
        matches!(self, Self::Wind | Self::Solar | Self::Hydro | Self::Geothermal | Self::Biomass)
    }
}

/// The calendar span that an instrument's volume was generated in, in the organisation's time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct InstrumentPeriod {
    pub year: i32,
    /// None: the whole year.
    pub month: Option<u32>,
}

/// Whether one of the eight Scope 2 Quality Criteria (Scope 2 Guidance, table 7.1) is met.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CriterionAnswer {
    Met,
    NotMet,
    #[default]
    Unanswered,
}

/// What stands in for electricity that no instrument covers (Scope 2 Guidance, table 6.3, levels 4 and 5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RestRule {
    ResidualMix,
    #[default]
    LocationBasedHourly,
    LocationBasedAnnual,
}

/// One instrument of the register.
#[derive(Clone, Debug, PartialEq)]
pub struct Instrument {
    pub kind: InstrumentKind,
    pub zone: String,
    pub volume: Millijoules,
    pub period: InstrumentPeriod,
    pub matching: Matching,
    pub factor: GramsCo2ePerKilowattHour,
    pub energy_source: Option<EnergySource>,
    /// What proves it: a cancellation statement, a contract.
    pub evidence: String,
    /// Clusters that it is held for; empty: every cluster of the zone.
    pub clusters: Vec<String>,
    /// The entity of the group that holds it, and for whose electricity alone it counts; none: the group.
    pub entity: Option<String>,
    /// By number, 1 to 8, in the order of table 7.1; empty where nobody answered.
    pub criteria: Vec<CriterionAnswer>,
    /// Generation by hour since the epoch, for matching by hour; empty: spread evenly over the period.
    pub generation: Vec<(i32, Millijoules)>,
}
