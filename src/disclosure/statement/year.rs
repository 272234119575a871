//! A year beside others: its months, the base year, the year before, and emissions per revenue.

use serde::Serialize;

use super::Figures;

#[derive(Clone, Debug, Default, Serialize)]
pub struct YearStatement {
    /// Empty in a month's report.
    pub months: Vec<MonthFigures>,
    pub comparisons: Vec<Comparison>,
    pub net_revenue: Option<NetRevenue>,
    pub intensities: Vec<RevenueIntensity>,
}

#[derive(Clone, Debug, Serialize)]
pub struct MonthFigures {
    /// `2026-10`.
    pub month: String,
    #[serde(flatten)]
    pub figures: Figures,
}

/// One figure over years.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// Name of the figure among `totals`.
    pub figure: String,
    #[serde(serialize_with = "super::optional_ledger_integer")]
    pub value: Option<i64>,
    pub base_year: Option<i32>,
    #[serde(serialize_with = "super::optional_ledger_integer")]
    pub base_year_value: Option<i64>,
    pub comparative_year: Option<i32>,
    #[serde(serialize_with = "super::optional_ledger_integer")]
    pub comparative_value: Option<i64>,
    /// Relative to the comparative year, and to the base year.
    pub change: Option<f64>,
    pub change_since_base_year: Option<f64>,
    /// Where the other years' values come from.
    pub source: String,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NetRevenue {
    /// ISO 4217.
    pub currency: String,
    pub amount: f64,
}

/// Emissions of compute per net revenue (ESRS E1-6 53, 2023 edition: total GHG over net revenue; here the compute part alone).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RevenueIntensity {
    pub figure: String,
    pub tco2e_per_million: Option<f64>,
    pub comparative_tco2e_per_million: Option<f64>,
}
