//! The cover: who, when, which boundary, how much, how good.

use super::figure::Figure;
use crate::disclosure::Statement;
use crate::disclosure::statement::{ClusterStatement, TierShare};
use crate::model::policy::LocationBased;
use crate::model::{Boundary, Finding, Severity};
use crate::reports::inventory::{self, Amount};
use crate::reports::{method, view};
use crate::units::{MicrogramsCo2e, Share};

pub struct Cover<'a> {
    pub headlines: Vec<Headline>,
    pub clusters: Vec<ClusterRow<'a>>,
    pub choices: Vec<(&'static str, String)>,
    pub energy: Vec<InventoryRow>,
    pub emissions: Vec<InventoryRow>,
    pub tiers: Vec<Tier>,
    pub gap_share: String,
    /// Size of the tails, and what became of them.
    pub tails: String,
    pub max_gap_share: String,
    pub severities: Vec<(&'static str, usize)>,
    pub accepted: Vec<&'a Finding>,
    pub from: String,
    pub to: String,
}

/// A large number with its unit beneath the title.
pub struct Headline {
    pub name: &'static str,
    pub label: &'static str,
    pub text: String,
    pub unit: &'static str,
    pub exact: Option<i64>,
    pub is_reported: bool,
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
    pub note: &'static str,
}

/// A quality tier: a piece of the bar (in thousandths of its width) and a number beside it.
pub struct Tier {
    pub name: &'static str,
    pub meaning: &'static str,
    pub percent: String,
    pub x: String,
    pub width: String,
}

impl<'a> Cover<'a> {
    pub fn of(statement: &'a Statement) -> Self {
        let totals = &statement.totals.figures;
        Self {
            headlines: headlines(statement),
            clusters: statement.clusters.iter().map(cluster_row).collect(),
            choices: method::choices(statement),
            energy: inventory::energy(statement).into_iter().map(inventory_row).collect(),
            emissions: inventory::emissions(statement).into_iter().map(inventory_row).collect(),
            tiers: tiers(&statement.tier_share),
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

fn headlines(statement: &Statement) -> Vec<Headline> {
    let totals = &statement.totals.figures;
    let (energy, energy_unit) = view::headline_energy(totals.facility_mj);
    let (hourly, annual) = (totals.scope2_location_based_ugco2e, totals.scope2_location_based_annual_ugco2e);
    let (unit_size, unit) = view::headline_emissions_unit(annual.map_or(hourly, |annual| annual.max(hourly)));
    let rounded = |emissions: MicrogramsCo2e| view::Rounded::of(emissions.get().into(), unit_size, 1);
    let emissions = |name, label, amount: Option<MicrogramsCo2e>, is_reported, is_difference| Headline {
        name,
        label,
        text: match amount {
            None => view::UNKNOWN.to_owned(),
            Some(amount) if is_difference => rounded(amount).signed(),
            Some(amount) => rounded(amount).to_string(),
        },
        unit: if amount.is_some() { unit } else { "" },
        exact: amount.map(MicrogramsCo2e::get),
        is_reported,
    };
    let is_hourly = statement.policy.location_based == LocationBased::Hourly;
    vec![
        Headline {
            name: "facility_mj",
            label: "Facility energy",
            text: energy.to_string(),
            unit: energy_unit,
            exact: Some(totals.facility_mj.get()),
            is_reported: false,
        },
        emissions("scope2_location_based_ugco2e", "Scope 2, location-based, hourly factors", Some(hourly), is_hourly, false),
        emissions("scope2_location_based_annual_ugco2e", "Scope 2, location-based, annual factors", annual, !is_hourly, false),
        emissions(
            "scope2_hourly_less_annual_ugco2e",
            "Difference, hourly less annual",
            inventory::scope2_difference(statement),
            false,
            true,
        ),
    ]
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

fn inventory_row(line: inventory::Line) -> InventoryRow {
    let figure = match line.amount {
        Amount::Energy(energy) => Figure::energy(line.name, energy),
        Amount::Emissions(emissions) => Figure::emissions(line.name, emissions),
        Amount::Difference(difference) => Figure::difference(line.name, difference),
    };
    InventoryRow { label: line.label, figure, note: line.note }
}

fn tiers(share: &TierShare) -> Vec<Tier> {
    let mut left = 0.0;
    let mut tier = |name, meaning, share: Option<Share>| {
        let width = share.map_or(0.0, Share::get) * 1000.0;
        let tier = Tier { name, meaning, percent: view::share_percent(share), x: format!("{left:.1}"), width: format!("{width:.1}") };
        left += width;
        tier
    };
    vec![
        tier("metered", "the workload's own meter", share.metered),
        tier("allocated", "the node's meter, shared by CPU time; moved tails", share.allocated),
        tier("modelled", "CPU use and the hardware's watts", share.modelled),
        tier("filled", "gaps, from the node's own mean", share.filled),
    ]
}
