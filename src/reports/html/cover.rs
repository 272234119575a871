//! The cover: who, when, which boundary, how much, how good.

use super::bar::{self, Piece};
use super::figure::Figure;
use crate::disclosure::Statement;
use crate::disclosure::statement::ClusterStatement;
use crate::model::policy::LocationBased;
use crate::model::{Boundary, Finding, Severity};
use crate::reports::inventory::{self, Amount, KnownScope3};
use crate::reports::{method, view, words};
use crate::units::MicrogramsCo2e;

pub struct Cover<'a> {
    /// Draft, closed, restated: the word, and what it means.
    pub kind: &'static str,
    pub status: String,
    pub watermark: Option<String>,
    pub headlines: Vec<Headline>,
    pub clusters: Vec<ClusterRow<'a>>,
    pub choices: Vec<(&'static str, String)>,
    pub energy: Vec<InventoryRow>,
    pub emissions: Vec<InventoryRow>,
    pub has_intervals: bool,
    pub tiers: Vec<Piece>,
    pub gap_share: String,
    /// Size of the tails, and what became of them.
    pub tails: String,
    pub max_gap_share: String,
    pub severities: Vec<(&'static str, usize)>,
    pub accepted: Vec<&'a Finding>,
    pub from: String,
    pub to: String,
}

/// A large number with its unit beneath the title, and what stands beneath it.
pub struct Headline {
    pub label: &'static str,
    pub figure: Aside,
    pub interval: Option<String>,
    pub asides: Vec<Aside>,
    pub words: Option<String>,
}

/// A number in a sentence.
pub struct Aside {
    pub label: &'static str,
    pub name: &'static str,
    pub exact: Option<i64>,
    pub text: String,
    pub unit: &'static str,
}

pub struct ClusterRow<'a> {
    pub cluster: &'a ClusterStatement,
    pub boundary: &'static str,
    pub placement: &'static str,
    pub power_zones: String,
    pub facility: Figure,
    pub hourly: Figure,
}

pub struct InventoryRow {
    pub label: &'static str,
    pub figure: Figure,
    pub interval: String,
    pub note: String,
}

impl<'a> Cover<'a> {
    pub fn of(statement: &'a Statement) -> Self {
        let totals = &statement.totals.figures;
        Self {
            kind: words::status::kind(statement.status.kind),
            status: words::status::status(statement),
            watermark: words::status::watermark(statement),
            headlines: headlines(statement),
            clusters: statement.clusters.iter().map(cluster_row).collect(),
            choices: method::choices(statement),
            energy: inventory::energy(statement).into_iter().map(|line| inventory_row(statement, line)).collect(),
            emissions: inventory::emissions(statement).into_iter().map(|line| inventory_row(statement, line)).collect(),
            has_intervals: !statement.quality.intervals.is_empty(),
            tiers: bar::tiers(&statement.tier_share),
            gap_share: view::percent_of(totals.gap_mj.get(), (totals.metered_mj + totals.gap_mj).get()),
            tails: method::tails_found(statement),
            max_gap_share: view::percent(Some(statement.policy.max_gap_share)),
            severities: [("blocked", Severity::Blocked), ("disclosed", Severity::Disclosed), ("noted", Severity::Noted)]
                .map(|(word, severity)| (word, statement.findings.iter().filter(|finding| finding.severity == severity).count()))
                .to_vec(),
            accepted: statement.findings.iter().filter(|finding| finding.accepted_by.is_some()).collect(),
            from: view::utc_minute(statement.period.from),
            to: view::utc_minute(statement.period.to),
        }
    }
}

/// Energy; Scope 2 both ways, side by side; Scope 3. One unit for all emissions, so that they can be compared at a glance.
fn headlines(statement: &Statement) -> Vec<Headline> {
    let totals = &statement.totals.figures;
    let (energy, energy_unit) = view::headline_energy(totals.facility_mj);
    let scope3 = KnownScope3::of(statement);
    let (hourly, annual) = (Some(totals.scope2_location_based_ugco2e), totals.scope2_location_based_annual_ugco2e);
    let market = totals.scope2_market_based_ugco2e;
    // A machine's making may outweigh a month's electricity a hundredfold; in its unit the latter would be a single digit.
    let largest = annual.map_or(totals.scope2_location_based_ugco2e, |annual| annual.max(totals.scope2_location_based_ugco2e));
    let (unit_size, unit) = view::headline_emissions_unit(largest);
    let aside = |label, name, amount: Option<MicrogramsCo2e>, is_difference| Aside {
        label,
        name,
        exact: amount.map(MicrogramsCo2e::get),
        unit: if amount.is_some() { unit } else { "" },
        text: amount.map_or_else(
            || view::UNKNOWN.to_owned(),
            |amount| {
                let rounded = view::Rounded::of(amount.get().into(), unit_size, 1);
                if is_difference { rounded.signed() } else { rounded.to_string() }
            },
        ),
    };
    let headline = |label, name: &'static str, amount: Option<MicrogramsCo2e>, asides, words| Headline {
        label,
        figure: aside("", name, amount, false),
        interval: inventory::interval(statement, name).map(|interval| view::plus_minus(interval.relative)),
        asides,
        words,
    };
    let hourly_name = ("scope2_location_based_ugco2e", hourly);
    let annual_name = ("scope2_location_based_annual_ugco2e", annual);
    let is_hourly = statement.policy.location_based == LocationBased::Hourly;
    let (label, (name, reported), beside, (other_name, other)) = match is_hourly {
        true => ("Scope 2, location-based, hourly factors", hourly_name, "with annual factors", annual_name),
        false => ("Scope 2, location-based, annual factors", annual_name, "with hourly factors", hourly_name),
    };
    let difference = inventory::scope2_difference(statement);
    vec![
        Headline {
            label: "Facility energy",
            figure: Aside {
                label: "",
                name: "facility_mj",
                exact: Some(totals.facility_mj.get()),
                text: energy.to_string(),
                unit: energy_unit,
            },
            interval: inventory::interval(statement, "facility_mj").map(|interval| view::plus_minus(interval.relative)),
            asides: Vec::new(),
            words: None,
        },
        headline(
            label,
            name,
            reported,
            vec![
                aside(beside, other_name, other, false),
                aside("hourly less annual", "scope2_hourly_less_annual_ugco2e", difference, true),
            ],
            None,
        ),
        headline("Scope 2, market-based", "scope2_market_based_ugco2e", market, Vec::new(), market_words(statement)),
        headline("Scope 3, what is known of compute", "scope3_known_ugco2e", scope3.sum, Vec::new(), scope3.gap()),
    ]
}

fn market_words(statement: &Statement) -> Option<String> {
    match (statement.totals.figures.scope2_market_based_ugco2e, statement.scope2.covered_share) {
        (None, _) => Some("the inventory says why".to_owned()),
        (Some(_), covered) => covered.map(|_| format!("instruments cover {}", view::share_percent(covered))),
    }
}

fn cluster_row(cluster: &ClusterStatement) -> ClusterRow<'_> {
    ClusterRow {
        boundary: match cluster.boundary {
            Boundary::Owned => "owned",
            Boundary::Colocated => "colocated",
            Boundary::Cloud => "cloud",
        },
        placement: cluster.placement.label(),
        power_zones: cluster.power_zones.join("; "),
        facility: Figure::energy("facility_mj", cluster.figures.facility_mj),
        hourly: Figure::emissions("operational_hourly_ugco2e", cluster.figures.operational_hourly_ugco2e),
        cluster,
    }
}

fn inventory_row(statement: &Statement, line: inventory::Line) -> InventoryRow {
    let interval = inventory::interval(statement, line.name);
    let figure = match line.amount {
        Amount::Energy(energy) => Figure::energy(line.name, energy),
        Amount::Emissions(emissions) => Figure::emissions(line.name, emissions),
        Amount::Difference(difference) => Figure::difference(line.name, difference),
    };
    InventoryRow {
        label: line.label,
        figure,
        interval: interval.map_or_else(String::new, |interval| view::plus_minus(interval.relative)),
        note: line.note,
    }
}
