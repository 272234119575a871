//! Sheets of quality: intervals with what contributes most, sensitivities, scores by functional unit.

use super::{Cell, Column, Table, table, text};
use crate::disclosure::Statement;
use crate::disclosure::statement::Contributor;
use crate::reports::{view, words};
use crate::units::{MicrogramsCo2e, Millijoules};

pub fn tables(statement: &Statement) -> Vec<Table> {
    let mut tables = vec![intervals(statement), sensitivity(statement)];
    tables.extend((!statement.sci.is_empty()).then(|| sci(statement)));
    tables
}

/// In the unit that the figure's name says.
fn amount(figure: &str, exact: Option<i64>) -> Cell {
    match exact {
        Some(exact) if words::is_energy(figure) => Cell::Energy(Millijoules::new(exact)),
        exact => Cell::Emissions(exact.map(MicrogramsCo2e::new)),
    }
}

fn label(figure: &str) -> Cell {
    text(words::label_of_part(figure))
}

fn unit(figure: &str) -> Cell {
    text(if words::is_energy(figure) { "kWh" } else { "kg CO2e" })
}

/// Rows of one column are in two units: a total of them would be nonsense.
fn figure(header: &str, exact: &'static str) -> Column {
    Column { is_totalled: false, ..Column::figure(header, exact) }
}

fn intervals(statement: &Statement) -> Table {
    let columns = vec![
        Column::text("Figure", 42.0),
        Column::text("Unit", 9.0),
        figure("Value", "value"),
        Column::text("Half width, about 95 % (of the value)", 13.0),
        figure("From", "low"),
        figure("To", "high"),
        Column::text("Contributes most", 44.0),
        Column::text("Second", 44.0),
        Column::text("Third", 44.0),
    ];
    let contributor = |input: Option<&Contributor>| {
        text(input.map_or_else(String::new, |input| {
            let (share, relative) = (view::percent(Some(input.share)), view::plus_minus(input.relative));
            format!("{}: {share} of the variance ({relative}; {})", input.input, input.source)
        }))
    };
    let rows = statement.quality.intervals.iter().map(|row| {
        let mut cells = vec![
            label(&row.figure),
            unit(&row.figure),
            amount(&row.figure, Some(row.value)),
            Cell::Percent(Some(row.relative)),
            amount(&row.figure, Some(row.low)),
            amount(&row.figure, Some(row.high)),
        ];
        cells.extend((0..3).map(|place| contributor(row.contributors.get(place))));
        cells
    });
    let tiers = |share: &crate::disclosure::statement::TierShare| {
        [("metered", share.metered), ("allocated", share.allocated), ("modelled", share.modelled), ("filled", share.filled)]
            .map(|(name, share)| format!("{name} {}", view::share_percent(share)))
            .join(", ")
    };
    let note = format!(
        "Coverage factor 2; what rests on the same factor moves together. Tiers by energy: {}. Tiers by emissions: {}.",
        tiers(&statement.tier_share),
        tiers(&statement.quality.emissions_tier_share)
    );
    table("Quality", "How far a total may be off", &note, columns, rows.collect(), false)
}

fn sensitivity(statement: &Statement) -> Table {
    let columns = vec![
        Column::text("Choice", 40.0),
        Column::text("Figure", 42.0),
        Column::text("Unit", 9.0),
        figure("As reported", "value"),
        figure("With that choice", "alternative"),
        Column::text("Change", 10.0),
        Column::text("Note", 60.0),
    ];
    let rows = statement.quality.sensitivity.iter().map(|row| {
        vec![
            text(&row.choice),
            label(&row.figure),
            unit(&row.figure),
            amount(&row.figure, row.value),
            amount(&row.figure, row.alternative),
            Cell::Percent(row.relative),
            text(&row.note),
        ]
    });
    table("Sensitivity", "What another choice would have given", "Unknown is n/a, never 0.", columns, rows.collect(), false)
}

fn sci(statement: &Statement) -> Table {
    let columns = vec![
        Column::text("Cluster", 18.0),
        Column::text("Namespace", 22.0),
        Column::text("Workload", 30.0),
        Column::text("Functional unit (R)", 22.0),
        Column::text("How many", 13.0),
        figure("Facility (kWh)", "facility_mj"),
        figure("Operational, O (kg CO2e)", "operational_ugco2e"),
        figure("Embodied, M (kg CO2e)", "embodied_ugco2e"),
        Column::text("SCI (g CO2e per unit)", 14.0),
        Column::text("Counted in", 34.0),
    ];
    let rows = statement.sci.iter().map(|row| {
        vec![
            text(&row.cluster),
            text(&row.namespace),
            text(&row.workload),
            text(&row.unit),
            Cell::Published(row.count),
            Cell::Energy(row.facility_mj),
            Cell::Emissions(Some(row.operational_ugco2e)),
            Cell::Emissions(row.embodied_ugco2e),
            row.sci_ugco2e_per_unit.map_or(Cell::Number(None), |ugco2e| Cell::Published(view::significant(ugco2e / 1e6).number())),
            text(&row.source),
        ]
    });
    let note = "ISO/IEC 21031:2024: (O + M) per R. O is location-based with hourly factors; contracts and offsets are not in it. A rate for engineering, no part of the inventory.";
    table("SCI", "Software Carbon Intensity", note, columns, rows.collect(), false)
}
