//! Sheets of the disclosure standard and of factors.

use super::{Cell, Column, Table, table, text};
use crate::disclosure::Statement;
use crate::reports::words;

pub fn disclosure(statement: &Statement) -> Table {
    let disclosure = &statement.disclosure;
    let columns = vec![
        Column::text("Paragraph", 14.0),
        Column::text("Datapoint", 44.0),
        Column::text("Value", 16.0),
        Column::text("Unit", 11.0),
        Column::text("Year before", 14.0),
        Column::text("Change (%)", 10.0),
        Column::text("Base year", 14.0),
        Column::text("Status", 17.0),
        Column::text("Note", 60.0),
        Column::text("Concept of the taxonomy", 60.0),
        Column::text("Dimensions", 60.0),
        Column::text("Id", 26.0),
    ];
    let rows = disclosure.datapoints.iter().map(|row| {
        // Words want the width of a note, not of a number.
        let (value, words_of) = match row.unit.as_str() {
            "text" => (text("in words"), row.value.clone().map(|value| format!("{value} "))),
            _ => (Cell::Decimal(row.value.clone()), None),
        };
        let dimensions: Vec<String> = row.dimensions.iter().map(|(axis, member)| format!("{axis} = {member}")).collect();
        vec![
            text(&row.paragraph),
            text(&row.label),
            value,
            text(&row.unit),
            Cell::Decimal(row.comparative.clone()),
            Cell::Decimal(row.change_percent.clone()),
            Cell::Decimal(row.base_year.clone()),
            text(words::status(row.status)),
            text(format!("{}{}", words_of.unwrap_or_default(), row.note)),
            text(row.concept.as_deref().unwrap_or("")),
            text(dimensions.join("; ")),
            text(&row.id),
        ]
    });
    let title = if disclosure.title.is_empty() { "Datapoints of the disclosure standard" } else { disclosure.title.as_str() };
    let note = format!("{}. Values are those of compute alone; what is not from compute the undertaking must add.", disclosure.edition);
    table("Disclosure", title, note.trim_start_matches(". "), columns, rows.collect(), false)
}

pub fn factors(statement: &Statement) -> Table {
    let columns = vec![
        Column::text("Factor", 30.0),
        Column::text("Quantity", 20.0),
        Column::text("Geography", 14.0),
        Column::text("Value", 12.0),
        Column::text("Unit", 12.0),
        Column::text("Year", 8.0),
        Column::text("Gases", 12.0),
        Column::text("Publisher", 30.0),
        Column::text("Publication", 46.0),
        Column::text("Licence", 18.0),
        Column::text("Valid", 20.0),
        Column::text("Origin", 20.0),
        Column::text("Used for", 38.0),
        Column::text("Note", 38.0),
        Column::text("Address", 46.0),
    ];
    let rows = statement.factors.iter().map(|row| {
        vec![
            text(&row.id),
            text(&row.quantity),
            text(&row.geography),
            Cell::Published(row.value),
            text(if row.unit == "1" { "no unit" } else { &row.unit }),
            row.year.map_or(Cell::Number(None), |year| Cell::Published(f64::from(year))),
            text(row.gas_basis.as_deref().unwrap_or("")),
            text(&row.publisher),
            text(&row.publication),
            text(&row.licence),
            text(words::validity(row.valid_from.as_deref(), row.valid_to.as_deref())),
            text(words::origin(row.origin)),
            text(&row.used_for),
            text(row.note.as_deref().unwrap_or("")),
            text(row.url.as_deref().unwrap_or("")),
        ]
    });
    let note = "A factor without a source does not load; the organisation's own file goes before what comes with the software.";
    table("Factors", "Every number that a figure rests on beside the meters", note, columns, rows.collect(), false)
}
