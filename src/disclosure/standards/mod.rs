//! Disclosure standards as dated data: one file for each edition of each standard.
//!
//! In: the files beside this one. Out: [`Profile`]s, by name. Rule: a new edition is a new file; what is unsettled stands in it as whole sentences.
//! Assumes: names of concepts, axes and members are exactly the taxonomy's; only the few that compute has a part in are listed, and a concept is listed with the
//! axes that it may carry. Does not: hold a taxonomy, which is its publisher's to give out.

pub mod rules;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

const FILES: [&str; 3] =
    [include_str!("esrs-set1.2023-12-22.json"), include_str!("esrs-revised-draft.2026-08-30.json"), include_str!("vsme.2026-05-01.json")];

static PROFILES: LazyLock<Vec<Profile>> =
    LazyLock::new(|| FILES.iter().map(|text| serde_json::from_str(text).expect("a test reads every profile")).collect());

/// One edition of one standard, as far as compute has a part in it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// `esrs-set1` …: as the configuration names it.
    pub profile: String,
    pub title: String,
    pub edition: String,
    pub taxonomy: Taxonomy,
    /// Title by disclosure requirement: `E1-5`, which paragraphs begin with.
    pub requirements: BTreeMap<String, String>,
    /// How a fact of the base year is told from one of a year before; none where the standard has no place for it.
    pub base_year: Option<BaseYear>,
    /// What is unsettled in law or standard.
    pub unsettled: Vec<String>,
    pub axes: BTreeMap<String, Axis>,
    pub concepts: BTreeMap<String, Concept>,
    /// In the order of the standard.
    pub datapoints: Vec<DatapointRule>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Taxonomy {
    pub namespace: String,
    pub prefix: String,
    /// What a report refers to.
    pub entry_point: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BaseYear {
    pub axis: String,
    pub member: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Axis {
    /// The member that a fact without the axis has; it is never written down.
    pub default: Option<String>,
    pub members: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Concept {
    #[serde(rename = "type")]
    pub item_type: ItemType,
    /// Axes that its facts may carry.
    pub axes: Vec<String>,
}

/// Item types of the data type registry; each has its own unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ItemType {
    /// `energyItemType`, in MWh.
    Energy,
    /// `ghgEmissionsItemType`, in tCO2e.
    Ghg,
    /// `percentItemType`, as a fraction.
    Percent,
    /// `ghgEmissionsPerMonetaryItemType`, in tCO2e for each unit of the currency.
    GhgPerMonetary,
    /// `monetaryItemType`.
    Monetary,
}

/// A datapoint, and what it is made of.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatapointRule {
    /// Begins with the disclosure requirement: `E1-6_scope3`. Ids of facts are made of it.
    pub id: String,
    pub paragraph: String,
    pub label: String,
    pub concept: Option<String>,
    pub dimensions: Vec<(String, String)>,
    /// For people: `MWh`, `tCO2e`, `%`, `tCO2e/{currency} million`, `{currency}`.
    pub unit: String,
    /// Of the value in that unit.
    pub decimals: u32,
    pub source: Source,
    #[serde(default)]
    pub note: String,
}

/// From which figures of the statement a datapoint is made. The names are those of `datapoints::figures`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Source {
    Sum(Vec<String>),
    /// One sum as a share of another.
    Share {
        part: Vec<String>,
        whole: Vec<String>,
    },
    /// A share that the statement has already.
    Ratio(String),
    /// A sum over the net revenue of the year.
    PerRevenue(Vec<String>),
    NetRevenue,
    /// What the undertaking must add.
    NotFromCompute(String),
}

impl Profile {
    pub fn all() -> &'static [Self] {
        &PROFILES
    }

    /// By the name that the configuration has for it.
    pub fn named(name: &str) -> Option<&'static Self> {
        Self::all().iter().find(|profile| profile.profile == name)
    }
}

impl DatapointRule {
    /// The disclosure requirement that it belongs to.
    pub fn requirement(&self) -> &str {
        requirement(&self.paragraph)
    }
}

/// `E1-6 49(a)` → `E1-6`.
pub fn requirement(paragraph: &str) -> &str {
    paragraph.split(' ').next().unwrap_or(paragraph)
}

impl ItemType {
    /// By how many places the unit for people is smaller or larger than the taxonomy's: per cent of a fraction, tonnes for each million.
    pub const fn places(self) -> u32 {
        match self {
            Self::Energy | Self::Ghg | Self::Monetary => 0,
            Self::Percent => 2,
            Self::GhgPerMonetary => 6,
        }
    }

    /// The unit that people see.
    pub const fn unit(self) -> &'static str {
        match self {
            Self::Energy => "MWh",
            Self::Ghg => "tCO2e",
            Self::Percent => "%",
            Self::GhgPerMonetary => "tCO2e/{currency} million",
            Self::Monetary => "{currency}",
        }
    }
}
