//! The report of the committed sample: it is made from evidence alone, and its parts add up in every format.

use std::fs;
use std::path::Path;

use calamine::{Data, DataType, Reader, Xlsx, open_workbook};
use serde_json::Value;
use tempfile::TempDir;

use crate::compare::integer;
use crate::end_to_end::file_with_extension;
use crate::sample;

/// Figures that add up over any list.
const SUMS: [&str; 8] =
    ["metered_mj", "active_mj", "idle_mj", "system_mj", "gap_mj", "facility_mj", "operational_hourly_ugco2e", "operational_annual_ugco2e"];
/// The same of scopes and categories; a row that a category does not touch may have none.
const BY_SCOPE: [&str; 8] = [
    "scope2_location_based_ugco2e",
    "scope2_location_based_annual_ugco2e",
    "scope2_market_based_ugco2e",
    "scope3_category_1_ugco2e",
    "scope3_category_2_ugco2e",
    "scope3_category_3_ugco2e",
    "scope3_category_8_ugco2e",
    "embodied_amortised_ugco2e",
];

fn report_into(out: &Path) -> Value {
    let config = sample::root().join("sample-data/wattledger.toml");
    sample::wattledger_ok(&["report", "--month", "2026-10", "--out", out.to_str().unwrap(), "--format", "html,xlsx,json"], &config);
    serde_json::from_slice(&fs::read(file_with_extension(out, "json")).unwrap()).unwrap()
}

fn sum(list: &Value, figure: &str) -> i64 {
    list.as_array().unwrap().iter().map(|item| integer(&item[figure]).unwrap_or_else(|| panic!("{figure} of {item}"))).sum()
}

#[test]
fn the_sample_reports_and_its_parts_add_up_in_every_format() {
    let out = TempDir::new().unwrap();

    let report = report_into(out.path());

    let schema: Value = serde_json::from_str(wattledger::reports::json_schema()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> = validator.iter_errors(&report).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    for figure in SUMS {
        let total = integer(&report["totals"][figure]).unwrap();
        for list in ["clusters", "namespaces", "workloads"] {
            assert_eq!(sum(&report[list], figure), total, "{list}: {figure}");
        }
    }
    for figure in BY_SCOPE {
        let total = integer(&report["totals"][figure]).unwrap();
        for list in ["clusters", "namespaces", "workloads"] {
            let sum: i64 = report[list].as_array().unwrap().iter().filter_map(|row| integer(&row[figure])).sum();
            assert_eq!(sum, total, "{list}: {figure}");
        }
        assert_ne!(total, 0, "the sample tells of {figure}");
    }
    let assets = |figure: &str| sum(&report["scope3"]["assets"], figure);
    assert_eq!(assets("capitalised_ugco2e"), integer(&report["totals"]["scope3_category_2_ugco2e"]).unwrap());
    assert_eq!(assets("amortised_ugco2e"), integer(&report["totals"]["embodied_amortised_ugco2e"]).unwrap());
    assert_eq!(sum(&report["hours"], "facility_mj"), integer(&report["totals"]["facility_mj"]).unwrap());
    assert_eq!(sum(&report["reconciliation"], "metered_mj"), integer(&report["totals"]["metered_mj"]).unwrap());
    assert_eq!(sum(&report["reconciliation"], "difference_mj"), 0);
    html_agrees(&fs::read_to_string(file_with_extension(out.path(), "html")).unwrap(), &report);
    xlsx_agrees(&file_with_extension(out.path(), "xlsx"), &report);
}

#[test]
fn where_annual_factors_are_declared_scope_3_follows_them_and_scope_2_shows_both() {
    let folder = TempDir::new().unwrap();
    let hourly = report_into(&folder.path().join("hourly"));
    let mut config = sample::sample_config();
    let evidence = sample::root().join("sample-data/evidence");
    config["evidence"].as_table_mut().unwrap().insert("dir".to_owned(), evidence.to_str().unwrap().into());
    config["report"].as_table_mut().unwrap().insert("location_based".to_owned(), "annual".into());
    let path = folder.path().join("wattledger.toml");
    fs::write(&path, toml::to_string(&config).unwrap()).unwrap();
    let out = folder.path().join("annual");
    sample::wattledger_ok(&["report", "--month", "2026-10", "--out", out.to_str().unwrap(), "--format", "json"], &path);
    let annual: Value = serde_json::from_slice(&fs::read(out.join("report.json")).unwrap()).unwrap();

    let cloud =
        |report: &Value| report["clusters"].as_array().unwrap().iter().find(|cluster| cluster["boundary"] == "cloud").unwrap().clone();
    assert_eq!(hourly["scope3"]["cloud_operation_ugco2e"], cloud(&hourly)["operational_hourly_ugco2e"]);
    assert_eq!(annual["scope3"]["cloud_operation_ugco2e"], cloud(&annual)["operational_annual_ugco2e"]);
    assert_ne!(annual["totals"]["scope3_category_1_ugco2e"], hourly["totals"]["scope3_category_1_ugco2e"]);
    for figure in ["scope2_location_based_ugco2e", "scope2_location_based_annual_ugco2e"] {
        assert_eq!(annual["totals"][figure], hourly["totals"][figure]);
    }
}

#[test]
fn the_sample_tells_its_story() {
    let out = TempDir::new().unwrap();

    let report = report_into(out.path());

    let effect = &report["counterfactual"];
    assert!(integer(&effect["gains_ugco2e"]) > Some(0), "shifting saved something");
    assert!(integer(&effect["losses_ugco2e"]) < Some(0), "and cost something where it went wrong");
    assert!(integer(&effect["unplaced_runs"]) > Some(0), "one run cannot be placed");
    assert!(integer(&report["totals"]["gap_mj"]) > Some(0), "a node was without meter for six hours");
    assert!(report["findings"].as_array().unwrap().len() > 2, "what went wrong with the meters is told");
}

/// The tables of namespaces and workloads carry exact integers in `data-figure` and `data-value`.
fn html_agrees(html: &str, report: &Value) {
    for (table, figures) in [("namespaces", SUMS.as_slice()), ("workloads", SUMS.as_slice())] {
        let mut compared = 0;
        for figure in figures {
            let Some(found) = html_sum(html, table, figure) else { continue };
            assert_eq!(found, integer(&report["totals"][figure]).unwrap(), "HTML table {table}: {figure}");
            compared += 1;
        }
        assert!(compared >= 2, "HTML table {table} shows energy and emissions");
    }
}

/// The sum of a figure over the bodies of all tables of a name; none where no cell shows it.
fn html_sum(html: &str, table: &str, figure: &str) -> Option<i64> {
    let mut values = Vec::new();
    for part in html.split(&format!("data-table=\"{table}\"")).skip(1) {
        let body = part.split("</tbody>").next().unwrap();
        for cell in body.split(&format!("data-figure=\"{figure}\"")).skip(1) {
            let value = cell.split("data-value=\"").nth(1).unwrap().split('"').next().unwrap();
            values.push(value.parse::<i64>().unwrap());
        }
    }
    (!values.is_empty()).then(|| values.iter().sum())
}

/// The sheet of namespaces, in kWh: its rows add up to the total, as far as figures for people can.
fn xlsx_agrees(path: &Path, report: &Value) {
    let mut workbook: Xlsx<_> = open_workbook(path).unwrap();
    let names = workbook.sheet_names();
    let name = names.iter().find(|name| name.to_lowercase().starts_with("namespace")).expect("a sheet of namespaces");
    let range = workbook.worksheet_range(name).unwrap();
    let is_facility = |cell: &Data| cell.as_string().is_some_and(|text| text.to_lowercase().contains("facility") && text.contains("kWh"));
    let header = range.rows().position(|row| row.iter().any(is_facility)).expect("a column of facility energy in kWh");
    let column = range.rows().nth(header).unwrap().iter().position(is_facility).unwrap();
    let is_total = |row: &[Data]| row.iter().any(|cell| cell.as_string().is_some_and(|text| text.to_lowercase().starts_with("total")));
    let values: Vec<f64> = range.rows().skip(header + 1).filter(|row| !is_total(row)).filter_map(|row| row[column].as_f64()).collect();
    assert_eq!(values.len(), report["namespaces"].as_array().unwrap().len(), "a row of the sheet for each namespace");
    let total = integer(&report["totals"]["facility_mj"]).unwrap() as f64 / 3.6e9;
    let difference = (values.iter().sum::<f64>() - total).abs();
    assert!(difference < 0.01 * values.len() as f64, "sheet {name} adds up to {difference} kWh beside the total of {total}");
}
