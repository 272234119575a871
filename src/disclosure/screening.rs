//! The screening of Scope 3: all fifteen categories, what is in the figures, what is not, and why.
//!
//! In: a statement's totals, clusters and Scope 3 section. Out: one row a category. Rule: GHG Protocol Scope 3 Standard, chapter 5 (table 5.4) and 6;
//! ESRS E1 AR 46(f) and (i), 2023 edition: a list of what is included and excluded, with the reason. Does not: compute emissions.

use super::Statement;
use super::statement::{Asset, ClusterStatement, FactorStatement, Screening, ScreeningRow};
use crate::model::{Boundary, Placement};
use crate::units::MicrogramsCo2e;

/// By number; names as the GHG Protocol has them.
pub const CATEGORIES: [&str; 15] = [
    "Purchased goods and services",
    "Capital goods",
    "Fuel- and energy-related activities not included in Scope 1 or Scope 2",
    "Upstream transportation and distribution",
    "Waste generated in operations",
    "Business travel",
    "Employee commuting",
    "Upstream leased assets",
    "Downstream transportation and distribution",
    "Processing of sold products",
    "Use of sold products",
    "End-of-life treatment of sold products",
    "Downstream leased assets",
    "Franchises",
    "Investments",
];

pub fn screening(statement: &Statement) -> Vec<ScreeningRow> {
    CATEGORIES.iter().zip(1..).map(|(name, category)| row(statement, category, name)).collect()
}

fn row(statement: &Statement, category: u8, name: &'static str) -> ScreeningRow {
    let figures = &statement.totals.figures;
    let has = |placement: Placement| statement.clusters.iter().any(|cluster| cluster.placement == placement);
    let has_machines = statement.clusters.iter().any(|cluster| cluster.boundary != Boundary::Cloud);
    match category {
        1 => of_compute(statement, category, name, has(Placement::Scope3Category1), figures.scope3_category_1_ugco2e),
        2 => of_compute(statement, category, name, has_machines, figures.scope3_category_2_ugco2e),
        3 => of_compute(statement, category, name, has(Placement::Scope2), figures.scope3_category_3_ugco2e),
        8 => of_compute(statement, category, name, has(Placement::Scope3Category8), figures.scope3_category_8_ugco2e),
        _ => ScreeningRow {
            category,
            name,
            screening: Screening::Excluded,
            emissions_ugco2e: None,
            reason: excluded(category).to_owned(),
            rule: "GHG Protocol Scope 3 Standard, chapter 6: exclusions are disclosed and justified".to_owned(),
            factors: Vec::new(),
        },
    }
}

/// A category that compute has a part in.
fn of_compute(
    statement: &Statement,
    category: u8,
    name: &'static str,
    is_concerned: bool,
    emissions: Option<MicrogramsCo2e>,
) -> ScreeningRow {
    let (included, unknown, absent, rule, quantities) = words(category);
    let screening = match (is_concerned, emissions) {
        (false, _) => Screening::Excluded,
        (true, Some(_)) => Screening::Included,
        (true, None) => Screening::Unknown,
    };
    let reason = match screening {
        Screening::Included => included,
        Screening::Unknown => unknown,
        Screening::Excluded => absent,
    };
    let places = places(statement, category);
    let is_used = |factor: &&FactorStatement| {
        let is_named = |place: &String| factor.used_for.split([' ', ',', ';']).any(|word| word == place) || factor.geography == *place;
        let is_of_a_place = || places.iter().any(is_named);
        screening == Screening::Included && quantities.contains(&factor.quantity.as_str()) && is_of_a_place()
    };
    ScreeningRow {
        category,
        name,
        screening,
        emissions_ugco2e: emissions.filter(|_| is_concerned),
        reason: reason.to_owned(),
        rule: rule.to_owned(),
        factors: statement.factors.iter().filter(is_used).map(|factor| factor.id.clone()).collect(),
    }
}

/// Clusters, grid zones and classes of machines that a category is about: what its factors are for.
fn places(statement: &Statement, category: u8) -> Vec<String> {
    let is_concerned = |cluster: &&ClusterStatement| match category {
        1 => cluster.placement == Placement::Scope3Category1,
        2 => cluster.boundary != Boundary::Cloud,
        3 => cluster.placement == Placement::Scope2,
        _ => cluster.placement == Placement::Scope3Category8,
    };
    let clusters: Vec<&ClusterStatement> = statement.clusters.iter().filter(is_concerned).collect();
    let names = clusters.iter().flat_map(|cluster| [cluster.cluster.clone(), cluster.grid_zone.clone()]);
    let is_there = |asset: &&Asset| clusters.iter().any(|cluster| cluster.cluster == asset.cluster);
    // Category 2 is about what came into service; what was capitalised before is in its own year.
    let counts = |asset: &&Asset| category != 2 || asset.capitalised_ugco2e != MicrogramsCo2e::ZERO;
    let classes = statement.scope3.assets.iter().filter(is_there).filter(counts).map(|asset| asset.class.clone());
    names.chain(classes).collect()
}

/// What is in it, why it is unknown, why it is not there, the rule, and the quantities of the factors behind it.
type Words = (&'static str, &'static str, &'static str, &'static str, &'static [&'static str]);

fn words(category: u8) -> Words {
    match category {
        1 => (
            "Cloud compute: location-based emissions of the machines' electricity with the region's PUE, and the period's part of their making where a \
             hardware class states it. Other purchased goods and services are for the undertaking to add.",
            "Cloud compute was used, and its figure cannot be stated: a grid zone in use has no annual factor.",
            "No cluster is in a cloud. Purchased goods and services beside compute are for the undertaking to add.",
            "Boundary `cloud`: a purchased service. Scope 3 Standard, chapter 5, category 1; ESRS E1 AR 51 (2023 edition) on cloud as a part of it",
            &["pue", "server-embodied"],
        ),
        2 => (
            "Machines that are owned, cradle to gate, whole in the period in which they came into service; nothing is spread over years.",
            "Machines are owned, and no hardware class states what making them emitted: set `embodied_kgco2e` in [[hardware]].",
            "No machine is owned.",
            "Scope 3 Standard, chapter 5, category 2: capital goods are not depreciated, discounted or amortised",
            &["server-embodied", "gpu-embodied"],
        ),
        3 => (
            "Of the electricity in Scope 2: upstream of generation (activity B), and generation and upstream of what the grid lost (activity C).",
            "The upstream emissions of a grid zone in use are unknown: neither a published factor nor a life-cycle series is there.",
            "No electricity is in Scope 2.",
            "Scope 3 Standard, chapter 5, category 3, activities B and C",
            &["grid-upstream", "td-losses", "td-loss-share"],
        ),
        _ => (
            "Electricity of colocated machines that are declared leased assets: location-based.",
            "Leased machines used electricity, and the figure cannot be stated: a grid zone in use has no annual factor.",
            "No cluster is declared a leased asset.",
            "Boundary `colocated` with colocated_as = \"scope3-category8\". Scope 3 Standard, chapter 5, category 8",
            &["pue"],
        ),
    }
}

fn excluded(category: u8) -> &'static str {
    match category {
        4 => "Delivery of machines is not measured by compute: for the undertaking to add.",
        5 => "The end of life of own machines belongs here and is not measured by compute: for the undertaking to add.",
        6 | 7 => "People's travel is no part of compute: for the undertaking to add.",
        12 => "Own machines are not sold products; their end of life is category 5.",
        _ => "No part of compute: for the undertaking to screen.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reports::fixture;

    #[test]
    fn every_category_has_a_row_and_only_those_of_compute_have_figures() {
        let mut statement = fixture::statement();
        statement.totals.figures.scope3_category_3_ugco2e = None;

        let rows = screening(&statement);

        assert_eq!(rows.iter().map(|row| row.category).collect::<Vec<_>>(), (1..=15).collect::<Vec<_>>());
        let of = |category: usize| (rows[category - 1].screening, rows[category - 1].emissions_ugco2e);
        assert_eq!(of(1), (Screening::Included, statement.totals.figures.scope3_category_1_ugco2e));
        assert_eq!(of(3), (Screening::Unknown, None));
        assert_eq!(of(8), (Screening::Excluded, None));
        assert!(rows.iter().all(|row| !row.reason.is_empty() && !row.rule.is_empty()));
        assert!(rows.iter().filter(|row| row.emissions_ugco2e.is_some()).all(|row| [1, 2, 3, 8].contains(&row.category)));
    }
}
