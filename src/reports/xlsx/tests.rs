use std::collections::BTreeMap;
use std::io::Cursor;

use calamine::{Data, Range, Reader, Xlsx};

use super::*;
use crate::reports::fixture::{self, EQUATION_NAME, FORMULA_NAME, SCRIPT_NAME};

const HEADER: usize = table::HEADER_ROW as usize;

fn open(bytes: Vec<u8>) -> Xlsx<Cursor<Vec<u8>>> {
    calamine::open_workbook_from_rs(Cursor::new(bytes)).unwrap()
}

fn sheet(name: &str) -> Range<Data> {
    open(xlsx(&fixture::statement()).unwrap()).worksheet_range(name).unwrap()
}

fn column(range: &Range<Data>, header: &str) -> u32 {
    let headers = range.rows().nth(HEADER).unwrap();
    headers.iter().position(|cell| cell.as_string_lossy() == header).unwrap_or_else(|| panic!("no column {header}")) as u32
}

trait Lossy {
    fn as_string_lossy(&self) -> String;
}

impl Lossy for Data {
    fn as_string_lossy(&self) -> String {
        self.to_string()
    }
}

fn number(range: &Range<Data>, row: usize, column: u32) -> f64 {
    match range.get_value((row as u32, column)) {
        Some(Data::Float(number)) => *number,
        Some(Data::Int(number)) => *number as f64,
        other => panic!("row {row}, column {column}: {other:?} is not a number"),
    }
}

#[test]
fn stored_totals_are_the_statements_and_the_exact_columns_add_up_to_them() {
    let statement = fixture::statement();
    for (name, count) in
        [("Namespaces", statement.namespaces.len()), ("Workloads", statement.workloads.len()), ("Clusters", statement.clusters.len())]
    {
        let range = sheet(name);
        for (shown, exact, total) in [
            ("Facility (kWh)", "facility_mj", statement.totals.figures.facility_mj.get()),
            ("Metered (kWh)", "metered_mj", statement.totals.figures.metered_mj.get()),
            (
                "Scope 2 location-based, hourly (kg CO2e)",
                "scope2_location_based_ugco2e",
                statement.totals.figures.scope2_location_based_ugco2e.get(),
            ),
        ] {
            let exact_column = column(&range, exact);
            let sum: f64 = (0..count).map(|row| number(&range, HEADER + 1 + row, exact_column)).sum();
            assert_eq!(sum as i64, total, "{name} {exact}");
            assert_eq!(number(&range, HEADER + 1 + count, exact_column) as i64, total, "{name} {exact}");
            let unit = if exact.ends_with("_mj") { view::MILLIJOULES_PER_KWH } else { view::MICROGRAMS_PER_KG };
            assert_eq!(
                number(&range, HEADER + 1 + count, column(&range, shown)),
                view::Rounded::of(total.into(), unit, 3).number(),
                "{name} {shown}"
            );
        }
    }
}

#[test]
fn cells_hold_the_numbers_that_the_page_shows() {
    let (range, statement) = (sheet("Namespaces"), fixture::statement());
    let facility = column(&range, "Facility (kWh)");
    for (row, namespace) in statement.namespaces.iter().enumerate() {
        assert_eq!(number(&range, HEADER + 1 + row, facility), view::kwh(namespace.figures.facility_mj).number());
    }
}

#[test]
fn an_unknown_figure_is_not_available_and_so_is_its_total() {
    let range = sheet("Namespaces");
    let annual = column(&range, "All electricity, annual (kg CO2e)");
    let count = fixture::statement().namespaces.len();
    assert_eq!(range.get_value((HEADER as u32 + 1, annual)), Some(&Data::String("n/a".to_owned())));
    assert_eq!(range.get_value(((HEADER + 1 + count) as u32, annual)), Some(&Data::String("n/a".to_owned())));
}

#[test]
fn only_totals_are_formulas() {
    let mut workbook = open(xlsx(&fixture::statement()).unwrap());
    let mut totals = 0;
    for name in workbook.sheet_names().to_owned() {
        let formulas = workbook.worksheet_formula(&name).unwrap();
        for (_, _, formula) in formulas.used_cells().filter(|(_, _, formula)| !formula.is_empty()) {
            assert!(formula.starts_with("INT(SUBTOTAL(109,") || formula.starts_with("SUBTOTAL(109,"), "{name}: {formula}");
            totals += 1;
        }
    }
    assert!(totals > 60, "{totals} totals");
}

#[test]
fn hostile_names_stay_text() {
    let range = sheet("Workloads");
    let texts: Vec<String> =
        range.used_cells().filter_map(|(_, _, cell)| if let Data::String(text) = cell { Some(text.clone()) } else { None }).collect();
    for name in [FORMULA_NAME, SCRIPT_NAME, EQUATION_NAME] {
        assert!(texts.iter().any(|text| text == name), "{name}");
    }
}

#[test]
fn the_same_statement_gives_the_same_bytes() {
    assert_eq!(xlsx(&fixture::statement()).unwrap(), xlsx(&fixture::statement()).unwrap());
}

#[test]
fn the_sheets_stand_in_a_fixed_order() {
    let workbook = open(xlsx(&fixture::statement()).unwrap());
    let names = [
        "Cover",
        "Clusters",
        "Namespaces",
        "Workloads",
        "Hours",
        "Daily curve",
        "Counterfactual",
        "Job runs",
        "Reconciliation",
        "Findings",
        "Method",
        "Provenance",
    ];
    assert_eq!(workbook.sheet_names(), names);
}

#[test]
fn job_runs_stand_largest_effect_first_and_losses_are_negative() {
    let range = sheet("Job runs");
    let avoided = column(&range, "Avoided (kg CO2e)");
    assert_eq!(avoided, u32::from(sheets::AVOIDED_COLUMN));
    assert_eq!([1, 2, 3, 4].map(|row| number(&range, HEADER + row, avoided)), [12.6, -1.73, 1.594, 0.2]);
}

#[test]
fn a_table_longer_than_a_sheet_goes_on_in_the_next() {
    // 40 rows hold 35 hours a sheet: 144 hours need five.
    let statement = fixture::statement();
    let mut workbook = open(self::workbook(&statement, 40).unwrap().save_to_buffer().unwrap());
    let mut rows = BTreeMap::new();
    for name in workbook.sheet_names().to_owned().into_iter().filter(|name| name.starts_with("Hours")) {
        rows.insert(name.clone(), workbook.worksheet_range(&name).unwrap().height() - HEADER - 2);
    }
    let expected = [("Hours-1", 35), ("Hours-2", 35), ("Hours-3", 35), ("Hours-4", 35), ("Hours-5", 4)];
    assert_eq!(rows, expected.map(|(name, count)| (name.to_owned(), count)).into());
}

#[test]
fn integers_that_doubles_cannot_hold_are_text() {
    let mut statement = fixture::statement();
    statement.hours[0].facility_mj = crate::units::Millijoules::new(9_007_199_254_740_993);
    let range = open(xlsx(&statement).unwrap()).worksheet_range("Hours").unwrap();
    let exact = column(&range, "facility_mj");
    assert_eq!(range.get_value((HEADER as u32 + 1, exact)), Some(&Data::String("9007199254740993".to_owned())));
}
