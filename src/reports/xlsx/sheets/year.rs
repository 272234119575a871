//! Sheets of a year: its months, the years beside it, emissions per revenue. A month has none of them.

use super::{Cell, Column, ROUNDING, Table, figure_cells, figure_columns, table, text};
use crate::disclosure::Statement;
use crate::reports::{view, words};
use crate::units::{MicrogramsCo2e, Millijoules};

pub fn tables(statement: &Statement) -> Vec<Table> {
    let year = &statement.year;
    let mut tables = Vec::new();
    tables.extend((!year.months.is_empty()).then(|| months(statement)));
    tables.extend((!year.comparisons.is_empty()).then(|| comparisons(statement)));
    tables.extend((!year.intensities.is_empty()).then(|| intensities(statement)));
    tables
}

fn months(statement: &Statement) -> Table {
    let columns = std::iter::once(Column::text("Month", 14.0)).chain(figure_columns()).collect();
    let rows = statement.year.months.iter().map(|month| [vec![text(&month.month)], figure_cells(&month.figures)].concat());
    table("Year", "The year by month", ROUNDING, columns, rows.collect(), true)
}

fn comparisons(statement: &Statement) -> Table {
    let figure = |header: &str, exact| Column { is_totalled: false, ..Column::figure(header, exact) };
    let columns = vec![
        Column::text("Figure", 42.0),
        Column::text("Unit", 9.0),
        figure("This year", "value"),
        Column::text("Year before", 9.0),
        figure("Its value", "comparative_value"),
        Column::text("Change", 10.0),
        Column::text("Base year", 9.0),
        figure("Value of the base year", "base_year_value"),
        Column::text("Change since the base year", 12.0),
        Column::text("Source of the other years", 50.0),
    ];
    let rows = statement.year.comparisons.iter().map(|row| {
        let is_energy = words::is_energy(&row.figure);
        let amount = |exact: Option<i64>| match exact {
            Some(exact) if is_energy => Cell::Energy(Millijoules::new(exact)),
            exact => Cell::Emissions(exact.map(MicrogramsCo2e::new)),
        };
        let year = |year: Option<i32>| year.map_or(Cell::Number(None), |year| Cell::Published(f64::from(year)));
        vec![
            text(words::label(&row.figure)),
            text(if is_energy { "kWh" } else { "kg CO2e" }),
            amount(row.value),
            year(row.comparative_year),
            amount(row.comparative_value),
            Cell::Percent(row.change),
            year(row.base_year),
            amount(row.base_year_value),
            Cell::Percent(row.change_since_base_year),
            text(&row.source),
        ]
    });
    let note = "ESRS 1, chapter 7.1, and E1-6 AR 48 (2023 edition). Unknown is n/a, never 0.";
    table("Other years", "This year beside others", note, columns, rows.collect(), false)
}

fn intensities(statement: &Statement) -> Table {
    let currency = statement.year.net_revenue.as_ref().map_or("", |revenue| revenue.currency.as_str());
    let columns = vec![
        Column::text("Figure", 42.0),
        Column::text(&format!("t CO2e per million {currency}"), 18.0),
        Column::text("Year before", 18.0),
    ];
    let per_million = |value: Option<f64>| value.map_or(Cell::Number(None), |value| Cell::Published(view::significant(value).number()));
    let rows = statement.year.intensities.iter().map(|row| {
        vec![text(words::label(&row.figure)), per_million(row.tco2e_per_million), per_million(row.comparative_tco2e_per_million)]
    });
    let revenue = statement.year.net_revenue.as_ref();
    let note =
        revenue.map_or_else(String::new, |revenue| format!("Net revenue: {} {}. ", view::as_published(revenue.amount), revenue.currency));
    let note = format!("{note}Compute alone; E1-6 53 asks for all emissions of the undertaking.");
    table("Per revenue", "Emissions of compute per net revenue", &note, columns, rows.collect(), false)
}
