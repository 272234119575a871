//! Every factor that a figure rests on, with where it comes from.

use serde::Serialize;

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FactorStatement {
    pub id: String,
    /// `grid-annual-direct`, `grid-upstream`, `td-loss-share`, `td-losses`, `residual-mix`, `pue`, `server-embodied` …
    pub quantity: String,
    /// Grid zone, cloud region, hardware class, or `*`.
    pub geography: String,
    pub value: f64,
    pub unit: String,
    /// The year that the value describes.
    pub year: Option<i32>,
    pub valid_from: Option<String>,
    pub valid_to: Option<String>,
    /// `CO2`, `CO2e AR5` …; null where it has no gas.
    pub gas_basis: Option<String>,
    pub publisher: String,
    pub publication: String,
    pub url: Option<String>,
    pub licence: String,
    pub origin: FactorOrigin,
    /// What it is used for.
    pub used_for: String,
    /// What a reader must know: age, another geography, a range.
    pub note: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FactorOrigin {
    /// Comes with the software.
    Embedded,
    /// The organisation's own file; it overrides.
    OwnFile,
    Configuration,
    /// From the intensity series of the evidence.
    Series,
}
