//! A drawn sample in front of people and programs.

use std::io::{self, Write};

use anyhow::{Context, Result};
use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};
use serde_json::{Map, Value, json};

use super::ledger::{Cell, LEDGER_FILE, Ledger, Row};
use super::{SampleArgs, Weight};
use crate::evidence::Sealed;
use crate::reports::spreadsheet;

pub const SCHEMA: &str = "wattledger.sample/1";
/// What a person looks at first; `--json` and `--csv` have all columns.
const SHOWN: [&str; 3] = ["id", "facility_mj", "operational_hourly_ugco2e"];

/// A row with how often it was hit.
pub struct Drawn {
    pub hits: u64,
    pub row: Row,
}

pub fn print(drawn: &[Drawn], args: &SampleArgs, sealed: &Sealed, ledger: &Ledger) -> Result<()> {
    let mut out = io::stdout().lock();
    if args.json {
        let text = serde_json::to_string_pretty(&as_json(drawn, args, sealed, ledger)).context("write the sample as JSON")?;
        return writeln!(out, "{text}").context("write to stdout");
    }
    if args.csv {
        return write_csv(&mut out, drawn).context("write to stdout");
    }
    let of = if args.weight == Weight::Emissions { "by emissions" } else { "each with the same chance" };
    eprintln!(
        "{} of {} rows of the ledger of {} edition {}, {of}, seed {}:",
        drawn.len(),
        ledger.rows,
        args.month,
        sealed.seal.edition,
        args.seed.escape_debug()
    );
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(["hits", "id", "facility mJ", "µg CO2e"]);
    for drawn in drawn {
        let mut cells = vec![drawn.hits.to_string()];
        cells.extend(SHOWN.iter().map(|name| text(drawn.row.iter().find(|(column, _)| column == name).map(|(_, cell)| cell))));
        table.add_row(cells);
    }
    for column in [0, 2, 3] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    writeln!(out, "{}", table.trim_fmt()).context("write to stdout")
}

/// One line, whatever the name holds.
fn text(cell: Option<&Cell>) -> String {
    match cell {
        Some(Cell::Text(text)) => text.escape_debug().to_string(),
        Some(Cell::Integer(value)) => value.to_string(),
        Some(Cell::Unknown) | None => String::new(),
    }
}

fn as_json(drawn: &[Drawn], args: &SampleArgs, sealed: &Sealed, ledger: &Ledger) -> Value {
    let weight = match args.weight {
        Weight::Row => "row",
        Weight::Emissions => "emissions",
    };
    let row = |drawn: &Drawn| {
        let mut fields = Map::from_iter([("hits".to_owned(), json!(drawn.hits))]);
        fields.extend(drawn.row.iter().map(|(name, cell)| (name.clone(), value(cell))));
        Value::Object(fields)
    };
    json!({
        "schema": SCHEMA,
        "month": args.month,
        "edition": sealed.seal.edition,
        "ledger_sha256": sealed.seal.file(LEDGER_FILE).map(|file| &file.sha256),
        "ledger_rows": ledger.rows,
        "seed": args.seed,
        "n": args.n,
        "weight": weight,
        "rows": drawn.iter().map(row).collect::<Vec<_>>(),
    })
}

/// Integers as numbers up to 2^53, else as strings, as in `report.json`.
fn value(cell: &Cell) -> Value {
    match cell {
        Cell::Text(text) => json!(text),
        Cell::Integer(value) if value.unsigned_abs() <= 1 << 53 => json!(value),
        Cell::Integer(value) => json!(value.to_string()),
        Cell::Unknown => Value::Null,
    }
}

fn write_csv(out: impl Write, drawn: &[Drawn]) -> Result<()> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(out);
    let Some(first) = drawn.first() else { return Ok(()) };
    writer.write_record(std::iter::once("hits").chain(first.row.iter().map(|(name, _)| name.as_str())))?;
    for drawn in drawn {
        let cells = drawn.row.iter().map(|(_, cell)| match cell {
            Cell::Text(text) => spreadsheet::as_text(text).into_owned(),
            Cell::Integer(value) => value.to_string(),
            Cell::Unknown => String::new(),
        });
        writer.write_record(std::iter::once(drawn.hits.to_string()).chain(cells))?;
    }
    writer.flush()?;
    Ok(())
}
