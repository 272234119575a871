//! The statement as a workbook.
//!
//! In: a statement. Out: the bytes of an XLSX file, the same for the same statement.
//! Rule: cells hold the rounded number that the other reports show, as a number; the exact integer stands in a column of its own on the right. Totals are
//! formulas over the exact column, rounded as `view` rounds, so that a recalculation gives the stored result. Assumes: names may be hostile; they are written as text only.
//! Does not: write a formula that holds a name, or the time of day.

mod charts;
mod sheets;
mod table;
#[cfg(test)]
mod tests;

use anyhow::{Context, Result};
use rust_xlsxwriter::{DocProperties, ExcelDateTime, Workbook};

use super::view;
use crate::disclosure::Statement;

/// Rows of a worksheet, the format's own limit.
const SHEET_ROWS: usize = 1_048_576;

pub fn xlsx(statement: &Statement) -> Result<Vec<u8>> {
    workbook(statement, SHEET_ROWS).and_then(|mut workbook| workbook.save_to_buffer().context("write the XLSX report"))
}

fn workbook(statement: &Statement, sheet_rows: usize) -> Result<Workbook> {
    let mut workbook = Workbook::new();
    // The end of the period, not the clock: the same statement gives the same bytes.
    let created = ExcelDateTime::from_timestamp(statement.period.to.timestamp()).context("date the workbook")?;
    let properties = DocProperties::new()
        .set_title(format!("Electricity and carbon of compute, {}", view::month_name(statement.period.name())))
        .set_author(&statement.organisation)
        .set_comment(format!("{}; {}", statement.provenance.software, statement.provenance.method))
        .set_creation_datetime(&created);
    workbook.set_properties(&properties);
    for table in sheets::tables(statement) {
        table.write(&mut workbook, sheet_rows).with_context(|| format!("write sheet {}", table.sheet))?;
    }
    charts::insert(&mut workbook, statement).context("draw the charts")?;
    Ok(workbook)
}
