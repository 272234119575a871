//! Sheets of Scope 2 and Scope 3: both methods, instruments, zones, energy mix, screening, machines.

use super::{Cell, Column, ROUNDING, Table, share, table, text, with_ids};
use crate::disclosure::Statement;
use crate::disclosure::figure_ids::RowId;
use crate::reports::{view, words};
use crate::units::{Millijoules, Share};

pub fn tables(statement: &Statement) -> Vec<Table> {
    let mut tables = vec![scope2(statement), instruments(statement), zones(statement)];
    // Without electricity there is no mix; zeros would say that there is one.
    tables.extend((statement.scope2.energy_mix.total_mj != Millijoules::ZERO).then(|| energy_mix(statement)));
    tables.extend([scope3(statement), assets(statement)]);
    tables
}

fn scope2(statement: &Statement) -> Table {
    let columns = vec![
        Column::text("Cluster", 18.0),
        Column::text("Grid zone", 12.0),
        Column::figure("Facility (kWh)", "facility_mj"),
        Column::figure("Location-based, hourly (kg CO2e)", "location_based_ugco2e"),
        Column::figure("Location-based, annual (kg CO2e)", "location_based_annual_ugco2e"),
        Column::figure("Hourly less annual (kg CO2e)", "hourly_less_annual_ugco2e"),
        Column::figure("Market-based (kg CO2e)", "market_based_ugco2e"),
        Column::figure("Market less hourly (kg CO2e)", "market_less_location_based_ugco2e"),
    ];
    let rows = statement.scope2.reconciliation.iter().map(|row| {
        vec![
            text(&row.cluster),
            text(&row.grid_zone),
            Cell::Energy(row.facility_mj),
            Cell::Emissions(Some(row.location_based_ugco2e)),
            Cell::Emissions(row.location_based_annual_ugco2e),
            Cell::Emissions(row.hourly_less_annual_ugco2e),
            Cell::Emissions(row.market_based_ugco2e),
            Cell::Emissions(row.market_less_location_based_ugco2e),
        ]
    });
    let note = "GHG Protocol Scope 2 Guidance, chapters 6 and 7; ESRS E1-6 49(a), (b) (2023 edition). Neither method's figure is added to the other's.";
    let ids = statement
        .scope2
        .reconciliation
        .iter()
        .map(|row| RowId::Scope2 { cluster_and_zone: Some((row.cluster.clone(), row.grid_zone.clone())) });
    with_ids(table("Scope 2", "Scope 2 both ways, by cluster and grid zone", note, columns, rows.collect(), true), ids)
}

fn instruments(statement: &Statement) -> Table {
    let columns = vec![
        Column::text("Instrument", 26.0),
        Column::text("Number", 8.0),
        Column::text("Grid zone", 10.0),
        Column::text("Period", 10.0),
        Column::text("Matching", 10.0),
        Column::text("Generated from", 12.0),
        Column::text("Factor (g CO2e/kWh)", 12.0),
        Column::text("Evidence", 30.0),
        Column::figure("Volume (kWh)", "volume_mj"),
        Column::figure("Available (kWh)", "available_mj"),
        Column::figure("Applied (kWh)", "applied_mj"),
        Column::figure("Emissions of what was applied (kg CO2e)", "applied_ugco2e"),
        Column::text("Criteria not met", 10.0),
        Column::text("Criteria nobody answered", 11.0),
        Column::text("Why it was not used", 44.0),
    ];
    let rows = statement.scope2.instruments.iter().map(|row| {
        vec![
            text(words::instrument_kind(row.kind)),
            Cell::Count(row.number),
            text(&row.grid_zone),
            text(&row.period),
            text(words::matching(row.matching)),
            text(words::energy_source(row.energy_source)),
            Cell::Published(row.factor_gco2e_per_kwh),
            text(row.entity.iter().fold(row.evidence.clone(), |evidence, entity| format!("{evidence}; held by {entity}"))),
            Cell::Energy(row.volume_mj),
            Cell::Energy(row.available_mj),
            Cell::Energy(row.applied_mj),
            Cell::Emissions(Some(row.applied_ugco2e)),
            text(words::numbers(&row.criteria_not_met)),
            text(words::numbers(&row.criteria_unanswered)),
            text(row.not_used_reason.as_deref().unwrap_or("")),
        ]
    });
    let note = "Scope 2 Guidance, table 6.3 (hierarchy) and table 7.1 (eight quality criteria). Available is what the instrument's period leaves for this report; applied never exceeds consumption.";
    let ids = statement.scope2.instruments.iter().map(|row| RowId::Instrument { number: row.number });
    with_ids(table("Instruments", "Contractual instruments and what became of them", note, columns, rows.collect(), true), ids)
}

fn zones(statement: &Statement) -> Table {
    let columns = vec![
        Column::text("Grid zone", 24.0),
        Column::figure("Facility (kWh)", "facility_mj"),
        Column::figure("Covered (kWh)", "covered_mj"),
        Column::figure("Covered (kg CO2e)", "covered_ugco2e"),
        Column::figure("Rest (kWh)", "rest_mj"),
        Column::figure("Rest (kg CO2e)", "rest_ugco2e"),
        Column::text("Rule for the rest", 48.0),
        Column::text("Residual mix (factor)", 30.0),
    ];
    let rows = statement.scope2.zones.iter().map(|row| {
        vec![
            text(&row.grid_zone),
            Cell::Energy(row.facility_mj),
            Cell::Energy(row.covered_mj),
            Cell::Emissions(Some(row.covered_ugco2e)),
            Cell::Energy(row.rest_mj),
            Cell::Emissions(row.rest_ugco2e),
            text(words::rest_rule(row.rest_rule)),
            text(row.residual_mix.as_deref().unwrap_or("")),
        ]
    });
    let note = format!(
        "Covered in the instruments' own matching periods: {}. Matched hour by hour: {} (a preview, not a figure of the 2015 Guidance).",
        view::share_percent(statement.scope2.covered_share),
        view::share_percent(statement.scope2.hourly_matched_share)
    );
    let ids = statement.scope2.zones.iter().map(|row| RowId::MarketZone { zone: row.grid_zone.clone() });
    with_ids(table("Scope 2 zones", "What instruments cover, and what the rest is met with", &note, columns, rows.collect(), true), ids)
}

fn energy_mix(statement: &Statement) -> Table {
    let mix = &statement.scope2.energy_mix;
    let columns = vec![
        Column::text("Source", 24.0),
        Column::figure("Energy (kWh)", "energy_mj"),
        Column::text("Share (of own operations)", 14.0),
        Column::text("What counts", 90.0),
    ];
    let row = |name: &str, energy: Millijoules, what: &str| {
        vec![text(name), Cell::Energy(energy), share(Share::of(energy.get(), mix.total_mj.get())), text(what)]
    };
    let rows = vec![
        row("Renewable", mix.renewable_mj, "A contract says so."),
        row("Nuclear", mix.nuclear_mj, "A contract says so, or the residual mix holds it."),
        row("Fossil", mix.fossil_mj, &format!("All the rest. {}", mix.rule)),
    ];
    let note = format!(
        "Of clouds and leased assets, outside own operations and not in the total: {} kWh.",
        view::kwh(mix.outside_own_operations_mj)
    );
    table("Energy mix", "Electricity of own operations by contract, never by the grid's mix", &note, columns, rows, true)
}

fn scope3(statement: &Statement) -> Table {
    let scope3 = &statement.scope3;
    let mut emissions = Column::figure("Emissions (kg CO2e)", "emissions_ugco2e");
    emissions.is_totalled = false;
    let columns = vec![
        Column::text("Category", 9.0),
        Column::text("Name", 38.0),
        Column::text("Screening", 11.0),
        emissions,
        Column::text("What is in it, or why it is not there", 70.0),
        Column::text("Rule", 44.0),
        Column::text("Factors", 34.0),
    ];
    let part = |category: u64, name: &str, emissions| {
        vec![Cell::Count(category), text(name), text("part"), Cell::Emissions(emissions), text(""), text(""), text("")]
    };
    let mut rows: Vec<Vec<Cell>> = Vec::new();
    for row in &scope3.screening {
        rows.push(vec![
            Cell::Count(row.category.into()),
            text(row.name),
            text(words::screening(row.screening)),
            Cell::Emissions(row.emissions_ugco2e),
            text(&row.reason),
            text(&row.rule),
            text(row.factors.join(", ")),
        ]);
    }
    rows.extend([
        part(1, "of which electricity of clouds", scope3.cloud_operation_ugco2e),
        part(1, "of which hardware of clouds, amortised", scope3.cloud_embodied_ugco2e),
        part(3, "of which upstream of electricity (activity B)", scope3.upstream_ugco2e),
        part(3, "of which grid losses (activity C)", scope3.losses_ugco2e),
    ]);
    let note = format!(
        "GHG Protocol Scope 3 Standard, chapter 5. Rows of screening `part` are in their category and not added to it. Share that rests on suppliers' own data: {}.",
        view::share_percent(scope3.primary_data_share)
    );
    let parts = ["cloud_operation_ugco2e", "cloud_embodied_ugco2e", "upstream_ugco2e", "losses_ugco2e"];
    let of_category = scope3.screening.iter().map(|row| RowId::Scope3 { category: Some(row.category.into()) }.to_string());
    let of_part = parts.into_iter().map(|part| RowId::Scope3 { category: None }.figure(part).to_string());
    Table {
        ids: of_category.chain(of_part).map(Some).collect(),
        ..table("Scope 3", "All fifteen categories, screened", &note, columns, rows, false)
    }
}

fn assets(statement: &Statement) -> Table {
    let columns = vec![
        Column::text("Cluster", 18.0),
        Column::text("Node", 24.0),
        Column::text("Hardware class", 18.0),
        Column::text("In service since", 16.0),
        Column::text("Life (years)", 9.0),
        Column::figure("Embodied, whole (kg CO2e)", "embodied_ugco2e"),
        Column::figure("Capitalised now: category 2 (kg CO2e)", "capitalised_ugco2e"),
        Column::figure("Amortised (kg CO2e)", "amortised_ugco2e"),
        Column::text("Reserved (of amortised)", 12.0),
        Column::text("Source", 34.0),
    ];
    let rows = statement.scope3.assets.iter().map(|row| {
        vec![
            text(&row.cluster),
            text(&row.node),
            text(&row.class),
            text(row.in_service.as_deref().unwrap_or("before the evidence begins")),
            Cell::Published(row.life_years),
            Cell::Emissions(Some(row.embodied_ugco2e)),
            Cell::Emissions(Some(row.capitalised_ugco2e)),
            Cell::Emissions(Some(row.amortised_ugco2e)),
            share(row.reserved_share),
            text(&row.source),
        ]
    });
    let note = "The amortised figure is for management and SCI and is never added to the capitalised one; only that of clouds is reported, as part of category 1.";
    let ids = statement.scope3.assets.iter().map(|row| RowId::Asset { cluster: row.cluster.clone(), node: row.node.clone() });
    with_ids(table("Assets", "Machines as goods", &format!("{note} {ROUNDING}"), columns, rows.collect(), true), ids)
}
