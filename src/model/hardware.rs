//! Machines as goods: what making them emitted, how long they serve, and who says so.

use chrono::NaiveDate;

/// Embodied emissions of a machine of a class.
#[derive(Clone, Debug, PartialEq)]
pub struct EmbodiedTerms {
    /// The class's name.
    pub class: String,
    /// Cradle to gate, of the whole machine without its GPUs.
    pub embodied_kgco2e: f64,
    /// Lowest and highest that the source allows.
    pub range_kgco2e: Option<(f64, f64)>,
    /// Of one GPU, and how many there are.
    pub gpu_embodied_kgco2e: f64,
    pub gpus: u32,
    pub life_years: f64,
    pub source: String,
    /// Ids of the embedded factors that server and GPU are, where no own figures are given.
    pub factor: Option<String>,
    pub gpu_factor: Option<String>,
    /// When the nodes came into service, where it is declared; else the evidence says when they were first seen.
    pub in_service: Option<NaiveDate>,
}

/// What a workload serves, for its Software Carbon Intensity (ISO/IEC 21031).
#[derive(Clone, Debug, PartialEq)]
pub struct FunctionalUnit {
    pub cluster: String,
    pub namespace: String,
    pub workload: String,
    /// What is counted, as in `1,000 requests`.
    pub unit: String,
    /// How many, by month (`2026-10`).
    pub counts: Vec<(String, f64)>,
    pub source: String,
}

/// Figures of a year as the organisation published them, for comparison.
#[derive(Clone, Debug, PartialEq)]
pub struct PublishedYear {
    pub year: i32,
    pub is_base_year: bool,
    pub source: String,
    /// By name of the figure in the statement (`scope2_location_based_ugco2e` …), in its ledger unit.
    pub figures: Vec<(String, i64)>,
}
