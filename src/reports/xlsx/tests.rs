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
    for (name, count) in [
        ("Namespaces", statement.namespaces.len()),
        ("Workloads", statement.workloads.len()),
        ("Cost centres", statement.cost_centres.len()),
        ("Clusters", statement.clusters.len()),
    ] {
        let range = sheet(name);
        for (shown, exact, total) in [
            ("Facility (kWh)", "facility_mj", statement.totals.figures.facility_mj.get()),
            ("Metered (kWh)", "metered_mj", statement.totals.figures.metered_mj.get()),
            (
                "Scope 2 location-based, hourly (kg CO2e)",
                "scope2_location_based_ugco2e",
                statement.totals.figures.scope2_location_based_ugco2e.get(),
            ),
            (
                "Scope 2 market-based (kg CO2e)",
                "scope2_market_based_ugco2e",
                statement.totals.figures.scope2_market_based_ugco2e.unwrap().get(),
            ),
            ("Scope 3 category 3 (kg CO2e)", "scope3_category_3_ugco2e", statement.totals.figures.scope3_category_3_ugco2e.unwrap().get()),
            (
                "Embodied, amortised; never added (kg CO2e)",
                "embodied_amortised_ugco2e",
                statement.totals.figures.embodied_amortised_ugco2e.unwrap().get(),
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
    let texts = |name: &str| -> Vec<String> {
        let texts = |cell: &Data| if let Data::String(text) = cell { Some(text.clone()) } else { None };
        sheet(name).used_cells().filter_map(|(_, _, cell)| texts(cell)).collect()
    };
    for (sheet, names) in [
        ("Workloads", [FORMULA_NAME, SCRIPT_NAME, EQUATION_NAME].as_slice()),
        ("Cost centres", &[EQUATION_NAME]),
        ("Instruments", &[FORMULA_NAME, SCRIPT_NAME]),
        ("Assets", &[FORMULA_NAME]),
        ("SCI", &[SCRIPT_NAME, "=1+1 models"]),
        ("Factors", &[SCRIPT_NAME, EQUATION_NAME]),
    ] {
        for name in names {
            assert!(texts(sheet).iter().any(|text| text == name), "{sheet}: {name}");
        }
    }
}

#[test]
fn scope_2_adds_up_to_the_total_by_every_method() {
    let (range, statement) = (sheet("Scope 2"), fixture::statement());
    let totals = &statement.totals.figures;
    let last = HEADER + 1 + statement.scope2.reconciliation.len();
    for (exact, total) in [
        ("location_based_ugco2e", totals.scope2_location_based_ugco2e),
        ("location_based_annual_ugco2e", totals.scope2_location_based_annual_ugco2e.unwrap()),
        ("market_based_ugco2e", totals.scope2_market_based_ugco2e.unwrap()),
    ] {
        assert_eq!(number(&range, last, column(&range, exact)) as i64, total.get(), "{exact}");
    }
}

#[test]
fn a_datapoint_is_a_number_where_it_has_one_and_n_a_where_it_has_none() {
    let (range, statement) = (sheet("Disclosure"), fixture::statement());
    let value = column(&range, "Value");
    for (row, datapoint) in statement.disclosure.datapoints.iter().enumerate() {
        let cell = range.get_value(((HEADER + 1 + row) as u32, value)).unwrap();
        match (&datapoint.value, datapoint.unit.as_str()) {
            (_, "text") => assert_eq!(cell, &Data::String("in words".to_owned())),
            (None, _) => assert_eq!(cell, &Data::String("n/a".to_owned())),
            (Some(text), _) => assert_eq!(number(&range, HEADER + 1 + row, value), text.parse::<f64>().unwrap()),
        }
    }
}

#[test]
fn a_year_has_its_months_and_other_years_and_no_hours() {
    let statement = fixture::year_statement();
    let mut workbook = open(xlsx(&statement).unwrap());
    let names = workbook.sheet_names().to_owned();
    for name in ["Year", "Other years", "Per revenue"] {
        assert!(names.iter().any(|found| found == name), "{name}");
    }
    for name in ["Hours", "Daily curve", "Job runs", "Reconciliation"] {
        assert!(!names.iter().any(|found| found == name), "{name}");
    }
    let range = workbook.worksheet_range("Year").unwrap();
    let market = number(&range, HEADER + 13, column(&range, "scope2_market_based_ugco2e"));
    assert_eq!(market as i64, statement.totals.figures.scope2_market_based_ugco2e.unwrap().get());
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
        "Scope 2",
        "Instruments",
        "Scope 2 zones",
        "Energy mix",
        "Scope 3",
        "Assets",
        "Quality",
        "Sensitivity",
        "SCI",
        "Disclosure",
        "Namespaces",
        "Workloads",
        "Cost centres",
        "Hours",
        "Daily curve",
        "Counterfactual",
        "Job runs",
        "Beside the counterfactual",
        "Deferrable work",
        "Move next",
        "Capacity",
        "Reconciliation",
        "Findings",
        "Factors",
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
    assert_eq!([1, 2, 3, 4].map(|row| number(&range, HEADER + row, avoided)), [4.626, 3.15, -1.822, 1.652]);
}

#[test]
fn what_stands_beside_the_counterfactual_has_its_exact_figures_and_money_its_unit() {
    let (range, statement) = (sheet("Beside the counterfactual"), fixture::statement());
    let exact = column(&range, "Exact (mJ, µg CO2e, millionths of EUR)");
    let find = |part: &str, what: &str| {
        let is_it = |row: &usize| {
            let text = |column| range.get_value((*row as u32, column)).map(Data::as_string_lossy).unwrap_or_default();
            text(0) == part && text(1) == what
        };
        (0..range.height()).find(is_it).unwrap_or_else(|| panic!("no line {part}: {what}"))
    };
    let counterfactual = &statement.counterfactual;
    let cost = counterfactual.cost.as_ref().unwrap();
    let line = find("Money", "Saved");
    assert_eq!(number(&range, line, exact) as i64, cost.saved_micro_eur.get());
    assert_eq!(number(&range, line, 3), view::eur(cost.saved_micro_eur).number());
    let line = find("What was possible", "At the best start of each run");
    assert_eq!(number(&range, line, exact) as i64, counterfactual.total.windowed.best_ugco2e.get());
    let line = find("Consequential", "Avoided, marginal");
    assert_eq!(number(&range, line, exact) as i64, counterfactual.consequential.as_ref().unwrap().avoided_ugco2e.get());

    let moves = sheet("Move next");
    assert_eq!(number(&moves, HEADER + 1, column(&moves, "Start later by (hours)")), 7.0);
    let classes = sheet("Deferrable work");
    let active = column(&classes, "active_mj");
    let sum: f64 = (1..=counterfactual.deferrability.classes.len()).map(|row| number(&classes, HEADER + row, active)).sum();
    assert_eq!(sum as i64, statement.totals.figures.active_mj.get());
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

#[test]
fn a_group_has_a_sheet_of_its_consolidation_and_one_an_entity() {
    let statement = fixture::group_statement();
    let group = statement.entities.as_ref().unwrap();
    let mut workbook = open(xlsx(&statement).unwrap());
    let names = workbook.sheet_names().to_owned();
    for name in
        ["Consolidation", "Within the group", "Money by entity", "Exchange rates", "=1+1 Polska sp. z o.o. one t", "Example & Sons BV"]
    {
        assert!(names.contains(&name.to_owned()), "{name} is not in {names:?}");
    }
    let range = workbook.worksheet_range("Consolidation").unwrap();
    let category_1 = column(&range, "scope3_category_1_ugco2e");
    let exact: Vec<i64> = (1..=5).map(|row| number(&range, HEADER + row, category_1) as i64).collect();
    let of = |figures: &crate::disclosure::statement::Figures| figures.scope3_category_1_ugco2e.unwrap().get();
    assert_eq!((exact[0], exact[1]), (of(&group.entities[0].figures), of(&group.entities[1].figures)));
    assert_eq!((exact[0] + exact[1], exact[2] + exact[3]), (exact[2], exact[4]), "own statements, their sum, less what is eliminated");
    assert_eq!(exact[4], of(&statement.totals.figures));

    let own = workbook.worksheet_range("=1+1 Polska sp. z o.o. one t").unwrap();
    let whats: Vec<String> = own.rows().skip(HEADER + 1).map(|row| row[0].as_string_lossy()).collect();
    let count = |what: &str| whats.iter().filter(|known| *known == what).count();
    assert_eq!((count("Own statement"), count("Controlled, by cluster"), count("Bought within the group")), (1, 1, 1));
    assert_eq!(count("Controlled, by namespace"), group.entities[0].namespaces.len());
    assert_eq!(count("Sold within the group"), 0);
    let money = workbook.worksheet_range("Money by entity").unwrap();
    assert_eq!(number(&money, HEADER + 1, column(&money, "cost_in_currency.saved_micro_units")) as i64, 4_250_000);
    assert_eq!(number(&money, HEADER + 1, column(&money, "Saved (currency)")), 4.25);
}
