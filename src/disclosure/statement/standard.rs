//! The statement as a disclosure standard asks for it: datapoints with paragraph, value and unit.

use serde::Serialize;

/// Datapoints by one edition of one standard.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Disclosure {
    /// `esrs-set1`, `esrs-revised-draft`, `vsme`.
    pub profile: String,
    pub title: String,
    /// The edition, as dated by its publisher.
    pub edition: String,
    /// Namespace of the taxonomy.
    pub taxonomy: String,
    /// What a tagged report refers to.
    pub entry_point: String,
    /// What the datapoints cover, and what not.
    pub boundary: String,
    /// What is unsettled in law or standard, as whole sentences.
    pub unsettled: Vec<String>,
    /// The year that `comparative` is of, and that `base_year` is of; null in a month's report, and where nothing is set beside it.
    pub comparative_year: Option<i32>,
    pub base_year: Option<i32>,
    pub datapoints: Vec<Datapoint>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Datapoint {
    pub id: String,
    /// `E1-6 49(a)`.
    pub paragraph: String,
    pub label: String,
    /// Local name of the taxonomy's concept; null where it has none.
    pub concept: Option<String>,
    /// Axis and member by local name, for datapoints that are parts of one concept.
    pub dimensions: Vec<(String, String)>,
    /// `MWh`, `tCO2e`, `%`, `tCO2e/EUR million`, `EUR`.
    pub unit: String,
    /// As a decimal string in the unit, rounded once; null where there is no value.
    pub value: Option<String>,
    /// The same of the comparative year, and of the base year; null where unknown.
    pub comparative: Option<String>,
    pub base_year: Option<String>,
    /// Of the value over the comparative.
    pub change_percent: Option<String>,
    pub status: DatapointStatus,
    /// Which figures it is made of, or what the undertaking must add.
    pub note: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DatapointStatus {
    /// Stated for compute; the undertaking adds the rest of its operations.
    Stated,
    /// Compute has a part in it, and it is not known.
    Unknown,
    /// Not from compute: the undertaking must add it.
    NotFromCompute,
}
