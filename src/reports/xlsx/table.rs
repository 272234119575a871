//! One table on one sheet: title, note, header, rows, total; frozen, filterable, printable.

use anyhow::Result;
use chrono::{DateTime, Utc};
use rust_xlsxwriter::{ExcelDateTime, Format, FormatAlign, FormatBorder, Formula, Workbook, Worksheet};

use crate::reports::view::{self, Rounded};
use crate::units::{MicroEuros, MicroUnits, MicrogramsCo2e, Millijoules};

/// The largest integer that a spreadsheet's doubles keep exactly.
const LARGEST_EXACT: u128 = 1 << 53;
/// Wide enough for most; a longer one runs on to the right, where nothing is.
const ID_WIDTH: f64 = 44.0;
/// Row of the header, counted from 0; the title and the note are above it.
pub const HEADER_ROW: u32 = 3;

#[derive(Clone)]
pub enum Cell {
    Text(String),
    Energy(Millijoules),
    /// Null is written `n/a`, never 0.
    Emissions(Option<MicrogramsCo2e>),
    Euros(Option<MicroEuros>),
    /// Money in a currency that another column names.
    Units(Option<MicroUnits>),
    Number(Option<Rounded>),
    Percent(Option<f64>),
    /// A number as somebody published it, with all its digits.
    Published(f64),
    /// A decimal string: a number where it is one, else text.
    Decimal(Option<String>),
    Count(u64),
    Instant(Option<DateTime<Utc>>),
}

pub struct Column {
    /// With its unit.
    pub header: String,
    /// The figure's name in `report.json`: heads the column of exact integers.
    pub exact: Option<&'static str>,
    pub width: f64,
    pub is_totalled: bool,
}

impl Column {
    pub fn text(header: &str, width: f64) -> Self {
        Self { header: header.to_owned(), exact: None, width, is_totalled: false }
    }

    /// A ledger figure: its exact integer gets a column of its own.
    pub fn figure(header: &str, exact: &'static str) -> Self {
        Self { header: header.to_owned(), exact: Some(exact), width: 14.0, is_totalled: true }
    }
}

pub struct Table {
    pub sheet: String,
    pub title: String,
    pub note: String,
    pub columns: Vec<Column>,
    pub rows: Vec<Vec<Cell>>,
    /// The id of each row, in the last column; on the cover, where a line is a figure, of the figure. Empty where the rows have none.
    pub ids: Vec<Option<String>>,
    pub has_total: bool,
    /// Rows below the table that a chart stands on.
    pub chart_rows: u32,
}

struct Formats {
    title: Format,
    note: Format,
    header: Format,
    indented_header: Format,
    number_header: Format,
    text: Format,
    indented: Format,
    decimal: Format,
    integer: Format,
    percent: Format,
    published: Format,
    instant: Format,
    unknown: Format,
    id: Format,
}

impl Formats {
    fn new(is_total: bool) -> Self {
        let base = || {
            let format = Format::new().set_font_name("Arial").set_font_size(9).set_align(FormatAlign::VerticalCenter);
            if is_total { format.set_bold().set_border_top(FormatBorder::Thin) } else { format }
        };
        let header = || {
            base()
                .set_bold()
                .set_text_wrap()
                .set_align(FormatAlign::Bottom)
                .set_border_bottom(FormatBorder::Thin)
                .set_background_color("#EEF1F4")
        };
        Self {
            title: base().set_bold().set_font_size(14),
            note: base().set_font_color("#59636E"),
            number_header: header().set_align(FormatAlign::Right),
            header: header(),
            indented_header: header().set_align(FormatAlign::Left).set_indent(1),
            text: base().set_text_wrap(),
            // Text that stands to the right of a number needs some air.
            indented: base().set_text_wrap().set_indent(1),
            decimal: base().set_num_format("#,##0.000"),
            integer: base().set_num_format("0"),
            percent: base().set_num_format("0.0%"),
            published: base().set_num_format("General"),
            instant: base().set_num_format("yyyy-mm-dd hh:mm").set_align(FormatAlign::Left),
            unknown: base().set_font_color("#59636E").set_align(FormatAlign::Right),
            id: base().set_font_size(8).set_font_color("#59636E").set_indent(1),
        }
    }
}

impl Table {
    /// Writes the table, over several sheets (`Hours-1`, `Hours-2`) where it has more rows than one holds.
    pub fn write(&self, workbook: &mut Workbook, sheet_rows: usize) -> Result<()> {
        let room = sheet_rows - HEADER_ROW as usize - 2;
        if self.rows.len() <= room {
            return self.write_sheet(workbook.add_worksheet(), &self.sheet, &self.rows, &self.ids);
        }
        let mut ids = self.ids.chunks(room);
        for (number, rows) in self.rows.chunks(room).enumerate() {
            let ids = ids.next().unwrap_or_default();
            self.write_sheet(workbook.add_worksheet(), &format!("{}-{}", self.sheet, number + 1), rows, ids)?;
        }
        Ok(())
    }

    fn write_sheet(&self, sheet: &mut Worksheet, name: &str, rows: &[Vec<Cell>], ids: &[Option<String>]) -> Result<()> {
        debug_assert!(rows.iter().all(|row| row.len() <= self.columns.len()), "{name}: a cell without a column");
        debug_assert!(self.ids.is_empty() || ids.len() == rows.len(), "{name}: a row without its id");
        let formats = Formats::new(false);
        sheet.set_name(name)?;
        sheet.write_string_with_format(0, 0, &self.title, &formats.title)?;
        sheet.write_string_with_format(1, 0, &self.note, &formats.note)?;
        for (index, column) in self.columns.iter().enumerate() {
            let index = index as u16;
            let is_text = rows.iter().all(|row| matches!(row.get(usize::from(index)), Some(Cell::Text(_) | Cell::Instant(_)) | None));
            let format = match (is_text, index) {
                (true, 0) => &formats.header,
                (true, _) => &formats.indented_header,
                (false, _) => &formats.number_header,
            };
            sheet.write_string_with_format(HEADER_ROW, index, &column.header, format)?;
            sheet.set_column_width(index, column.width)?;
        }
        for (index, exact_index) in self.exact_columns() {
            let name = self.columns[index].exact.expect("listed because it has one");
            sheet.write_string_with_format(HEADER_ROW, exact_index, name, &formats.number_header)?;
            sheet.set_column_width(exact_index, 19)?;
        }
        if let Some(column) = self.id_column() {
            sheet.write_string_with_format(HEADER_ROW, column, "id", &formats.indented_header)?;
            sheet.set_column_width(column, ID_WIDTH)?;
            for (number, id) in ids.iter().enumerate() {
                if let Some(id) = id {
                    sheet.write_string_with_format(HEADER_ROW + 1 + number as u32, column, id, &formats.id)?;
                }
            }
        }
        sheet.set_row_height(HEADER_ROW, 38)?;
        for (number, row) in rows.iter().enumerate() {
            let number = HEADER_ROW + 1 + number as u32;
            self.write_row(sheet, number, row, &formats)?;
            let lines = self.lines(row);
            if lines > 1 {
                sheet.set_row_height(number, 12.5 * lines as f64)?;
            }
        }
        let last_row = HEADER_ROW + rows.len() as u32;
        let last_column = self.last_column();
        sheet.autofilter(HEADER_ROW, 0, last_row.max(HEADER_ROW + 1), last_column)?;
        if self.has_total && !rows.is_empty() {
            self.write_total(sheet, rows, last_row + 1)?;
        }
        sheet.set_freeze_panes(HEADER_ROW + 1, 1)?;
        sheet.set_landscape().set_paper_size(9).set_print_fit_to_pages(self.pages_wide(), 0).set_repeat_rows(HEADER_ROW, HEADER_ROW)?;
        // Whoever reads the second page must still see whose row it is.
        sheet.set_repeat_columns(0, 0)?;
        // The exact integers and the ids are for machines and auditors; paper shows what people read.
        if usize::from(last_column) >= self.columns.len() {
            sheet.set_print_area(0, 0, last_row + 1 + self.chart_rows, self.columns.len() as u16 - 1)?;
        }
        sheet.set_margins(0.4, 0.4, 0.5, 0.6, 0.3, 0.3).set_footer("&L&8&A&R&8&P / &N").set_screen_gridlines(false);
        Ok(())
    }

    /// Which columns have exact integers, and where these stand: on the right, after one column for each header.
    fn exact_columns(&self) -> impl Iterator<Item = (usize, u16)> + '_ {
        let with_exact = self.columns.iter().enumerate().filter(|(_, column)| column.exact.is_some());
        with_exact.enumerate().map(|(order, (index, _))| (index, (self.columns.len() + order) as u16))
    }

    /// Behind the exact integers.
    fn id_column(&self) -> Option<u16> {
        (!self.ids.is_empty()).then(|| (self.columns.len() + self.exact_columns().count()) as u16)
    }

    fn last_column(&self) -> u16 {
        self.id_column().unwrap_or_else(|| (self.columns.len() + self.exact_columns().count()) as u16 - 1)
    }

    /// On one page where that can be read, else side by side on several.
    fn pages_wide(&self) -> u16 {
        const READABLE: f64 = 230.0;
        let width: f64 = self.columns.iter().map(|column| column.width).sum();
        (width / READABLE).ceil().max(1.0) as u16
    }

    /// Lines that a row needs for its wrapped texts: not every program finds out by itself.
    fn lines(&self, row: &[Cell]) -> usize {
        let lines = row.iter().zip(&self.columns).map(|(cell, column)| match cell {
            Cell::Text(text) | Cell::Decimal(Some(text)) => text.chars().count().div_ceil((column.width * 1.08) as usize),
            _ => 1,
        });
        lines.max().unwrap_or(1)
    }

    fn write_row(&self, sheet: &mut Worksheet, number: u32, row: &[Cell], formats: &Formats) -> Result<()> {
        for (index, cell) in row.iter().enumerate() {
            write_cell(sheet, number, index as u16, cell, formats)?;
        }
        for (index, exact_index) in self.exact_columns() {
            match row.get(index).and_then(exact) {
                Some(exact) => write_exact(sheet, number, exact_index, exact, &formats.integer)?,
                None if matches!(row.get(index), Some(Cell::Emissions(None) | Cell::Euros(None) | Cell::Units(None))) => {
                    sheet.write_string_with_format(number, exact_index, view::UNKNOWN, &formats.unknown)?;
                }
                None => {}
            }
        }
        Ok(())
    }

    /// The total of the rows that a filter leaves, rounded half up from the exact sum: `INT(x + 0.5)` is the rule of the view.
    fn write_total(&self, sheet: &mut Worksheet, rows: &[Vec<Cell>], number: u32) -> Result<()> {
        let formats = Formats::new(true);
        for index in 0..=self.last_column() {
            sheet.write_blank(number, index, &formats.text)?;
        }
        sheet.write_string_with_format(number, 0, "Total of the rows shown", &formats.text)?;
        for (index, exact_index) in self.exact_columns().filter(|(index, _)| self.columns[*index].is_totalled) {
            let exacts: Option<Vec<i64>> = rows.iter().map(|row| row.get(index).and_then(exact)).collect();
            let Some(exacts) = exacts else {
                sheet.write_string_with_format(number, index as u16, view::UNKNOWN, &formats.unknown)?;
                sheet.write_string_with_format(number, exact_index, view::UNKNOWN, &formats.unknown)?;
                continue;
            };
            let sum: i128 = exacts.iter().copied().map(i128::from).sum();
            let (unit, thousandth) = match rows[0][index] {
                Cell::Energy(_) => (view::MILLIJOULES_PER_KWH, 3_600_000),
                Cell::Euros(_) | Cell::Units(_) => (view::MICRO_EUR_PER_EUR, 1_000),
                _ => (view::MICROGRAMS_PER_KG, 1_000_000),
            };
            let rounded = Rounded::of(sum, unit, 3).number();
            if sum.unsigned_abs() > LARGEST_EXACT || exacts.iter().any(|exact| u128::from(exact.unsigned_abs()) > LARGEST_EXACT) {
                // Doubles cannot add these up; the total is written as it is.
                sheet.write_number_with_format(number, index as u16, rounded, &formats.decimal)?;
                sheet.write_string_with_format(number, exact_index, sum.to_string(), &formats.unknown)?;
                continue;
            }
            let letter = rust_xlsxwriter::utility::column_number_to_name(exact_index);
            let subtotal = format!("SUBTOTAL(109,{letter}{}:{letter}{number})", HEADER_ROW + 2);
            let shown = Formula::new(format!("INT({subtotal}/{thousandth}+0.5)/1000")).set_result(rounded.to_string());
            sheet.write_formula_with_format(number, index as u16, shown, &formats.decimal)?;
            sheet.write_formula_with_format(number, exact_index, Formula::new(subtotal).set_result(sum.to_string()), &formats.integer)?;
        }
        Ok(())
    }
}

fn exact(cell: &Cell) -> Option<i64> {
    match cell {
        Cell::Energy(energy) => Some(energy.get()),
        Cell::Emissions(emissions) => emissions.map(MicrogramsCo2e::get),
        Cell::Euros(money) => money.map(MicroEuros::get),
        Cell::Units(money) => money.map(MicroUnits::get),
        _ => None,
    }
}

/// Digits with at most one point and a sign in front: what `f64` takes beside that (`1e9`, `inf`) is text.
fn decimal(text: &str) -> Option<f64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_decimal =
        digits.starts_with(|first: char| first.is_ascii_digit()) && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if is_decimal { text.parse().ok() } else { None }
}

/// Beyond 2^53 a double would lose digits, so the integer is text there.
fn write_exact(sheet: &mut Worksheet, row: u32, column: u16, exact: i64, format: &Format) -> Result<()> {
    if u128::from(exact.unsigned_abs()) <= LARGEST_EXACT {
        sheet.write_number_with_format(row, column, exact as f64, format)?;
    } else {
        sheet.write_string_with_format(row, column, exact.to_string(), format)?;
    }
    Ok(())
}

fn write_cell(sheet: &mut Worksheet, row: u32, column: u16, cell: &Cell, formats: &Formats) -> Result<()> {
    let (number, format) = match cell {
        Cell::Text(text) => {
            sheet.write_string_with_format(row, column, text, if column == 0 { &formats.text } else { &formats.indented })?;
            return Ok(());
        }
        Cell::Instant(Some(instant)) => {
            let instant = ExcelDateTime::from_timestamp(instant.timestamp())?;
            sheet.write_datetime_with_format(row, column, &instant, &formats.instant)?;
            return Ok(());
        }
        Cell::Instant(None) => (None, &formats.decimal),
        Cell::Energy(energy) => (Some(view::kwh(*energy).number()), &formats.decimal),
        Cell::Emissions(emissions) => (emissions.map(|emissions| view::kg(emissions).number()), &formats.decimal),
        Cell::Euros(money) => (money.map(|money| view::eur(money).number()), &formats.decimal),
        Cell::Units(money) => (money.map(|money| view::units(money).number()), &formats.decimal),
        Cell::Number(rounded) => (rounded.map(Rounded::number), &formats.decimal),
        Cell::Percent(share) => (share.map(|share| Rounded::of_measured(share, 3).number()), &formats.percent),
        Cell::Published(value) => (Some(*value), &formats.published),
        Cell::Decimal(None) => (None, &formats.decimal),
        Cell::Decimal(Some(text)) => match decimal(text) {
            Some(number) => (Some(number), &formats.published),
            None => {
                sheet.write_string_with_format(row, column, text, &formats.indented)?;
                return Ok(());
            }
        },
        Cell::Count(count) => (Some(*count as f64), &formats.integer),
    };
    match number {
        Some(number) => sheet.write_number_with_format(row, column, number, format)?,
        None => sheet.write_string_with_format(row, column, view::UNKNOWN, &formats.unknown)?,
    };
    Ok(())
}
