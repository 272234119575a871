//! Every figure of the sample's report has one id, and the id leads back to it.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;
use tempfile::TempDir;
use wattledger::disclosure::figure_ids::{FigureId, FigureIndex, Unit};

use crate::compare::integer;
use crate::end_to_end::file_with_extension;
use crate::sample;

fn report() -> (TempDir, Value) {
    let out = TempDir::new().unwrap();
    let config = sample::root().join("sample-data/wattledger.toml");
    sample::wattledger_ok(&["report", "--month", "2026-10", "--out", out.path().to_str().unwrap(), "--no-sensitivity"], &config);
    let report = serde_json::from_slice(&fs::read(file_with_extension(out.path(), "json")).unwrap()).unwrap();
    (out, report)
}

/// Integers of an object, by their path; what stands in a list is a row of its own.
fn leaves(value: &Value, path: &str, found: &mut Vec<(String, i64)>) {
    let Value::Object(fields) = value else { return };
    for (name, value) in fields {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        match value {
            Value::Object(_) => leaves(value, &path, found),
            value => found.extend(integer(value).map(|value| (path, value))),
        }
    }
}

/// What the ids of a row begin with, worked out here once more.
fn of_list<'a>(report: &'a Value, list: &str, id: impl Fn(&Value) -> String) -> Vec<(String, &'a Value)> {
    report[list].as_array().unwrap().iter().map(|row| (id(row), row)).collect()
}

#[test]
fn every_integer_of_the_report_has_one_id_that_leads_back_to_it() {
    let (_out, report) = report();
    let index = FigureIndex::of(&report);
    let text = |row: &Value, key: &str| row[key].as_str().unwrap().to_owned();
    let start = |row: &Value| row["start"].as_str().map_or("unknown".to_owned(), |start| start.replace(['-', ':'], ""));

    let mut rows: Vec<(String, &Value)> =
        vec![("totals".to_owned(), &report["totals"]), ("counterfactual".to_owned(), &report["counterfactual"])];
    rows.extend(of_list(&report, "clusters", |row| format!("cluster:{}", text(row, "cluster"))));
    rows.extend(of_list(&report, "namespaces", |row| format!("namespace:{}:{}", text(row, "cluster"), text(row, "namespace"))));
    rows.extend(of_list(&report, "workloads", |row| {
        format!("workload:{}:{}:{}", text(row, "cluster"), text(row, "namespace"), text(row, "workload"))
    }));
    rows.extend(of_list(&report, "job_runs", |row| {
        format!("run:{}:{}:{}@{}", text(row, "cluster"), text(row, "namespace"), text(row, "job"), start(row))
    }));
    rows.extend(of_list(&report, "reconciliation", |row| {
        format!("node-day:{}:{}:{}", text(row, "cluster"), text(row, "node"), text(row, "day"))
    }));
    for cause in ["carbon", "other", "none"] {
        rows.push((format!("counterfactual:{cause}"), &report["counterfactual"]["by_cause"][cause]));
    }

    let mut checked = 0;
    let mut ids = BTreeSet::new();
    for (row, value) in rows {
        let mut found = Vec::new();
        leaves(value, "", &mut found);
        for (path, value) in found.into_iter().filter(|(path, _)| !path.starts_with("by_cause.")) {
            let id = format!("{row}:{path}");
            assert!(ids.insert(id.clone()), "{id} stands twice");
            let figure = index.get(&id).unwrap_or_else(|| panic!("{id} is not among the ids"));
            assert_eq!(figure.value, Some(value), "{id}");
            assert_eq!(FigureId::parse(&id), Some((figure.row.clone(), Some(path))), "{id}");
            checked += 1;
        }
    }
    assert!(checked > 5_000, "only {checked} figures were looked at");
}

#[test]
fn ids_are_sorted_and_each_is_its_own_and_units_are_read_off_names() {
    let (_out, report) = report();
    let index = FigureIndex::of(&report);
    assert!(index.figures().windows(2).all(|pair| pair[0].id < pair[1].id), "sorted, and none twice");
    for figure in index.figures() {
        assert_eq!(figure.id, format!("{}:{}", figure.row, figure.field));
        assert!(!figure.id.contains(char::is_whitespace), "{}", figure.id);
    }
    let unit = |id: &str| index.get(id).unwrap().unit();
    assert_eq!(unit("totals:facility_mj"), Unit::Millijoules);
    assert_eq!(unit("totals:scope2_market_based_ugco2e"), Unit::MicrogramsCo2e);
    assert_eq!(unit("counterfactual:runs"), Unit::Count);
    // What is unknown has an id too; two sums that the cover prints are figures.
    let totals = &report["totals"];
    let of = |name: &str| integer(&totals[name]);
    let known = index.get("totals:scope3_known_ugco2e").unwrap().value;
    let categories = ["scope3_category_1_ugco2e", "scope3_category_2_ugco2e", "scope3_category_3_ugco2e", "scope3_category_8_ugco2e"];
    assert_eq!(known, Some(categories.into_iter().filter_map(of).sum()));
    let nearest = index.nearest("namespace:prod-nl:shops:facility_mj", 3);
    assert_eq!(nearest[0], "namespace:prod-nl:shop:facility_mj");
}

/// The page and the workbook print the ids that `explain` takes.
#[test]
fn the_page_and_the_workbook_print_the_ids_of_their_rows() {
    use calamine::{Reader, Xlsx, open_workbook};
    let (out, report) = report();
    let index = FigureIndex::of(&report);
    let rows: BTreeSet<String> = index.figures().iter().map(|figure| figure.row.to_string()).collect();

    let html = fs::read_to_string(file_with_extension(out.path(), "html")).unwrap();
    let printed: Vec<&str> = html.split("<span class=\"fid\">").skip(1).map(|rest| rest.split("</span>").next().unwrap()).collect();
    assert!(printed.len() > 100);
    for id in &printed {
        assert!(rows.contains(*id) || index.get(id).is_some(), "the page prints {id}, which is no id");
    }
    let elements: Vec<&str> = html.split(" id=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert_eq!(elements.iter().collect::<BTreeSet<_>>().len(), elements.len(), "an element's id is there once");
    for row in ["clusters", "namespaces", "workloads"].iter().flat_map(|list| report[list].as_array().unwrap()) {
        let kind = if row.get("workload").is_some() {
            "workload"
        } else if row.get("namespace").is_some() {
            "namespace"
        } else {
            "cluster"
        };
        let parts = ["cluster", "namespace", "workload"].into_iter().filter_map(|key| row.get(key).and_then(Value::as_str));
        let id = std::iter::once(kind).chain(parts).collect::<Vec<_>>().join(":");
        assert!(elements.contains(&id.as_str()), "{id} is no element of the page");
    }

    let mut workbook: Xlsx<_> = open_workbook(file_with_extension(out.path(), "xlsx")).unwrap();
    for sheet in ["Cover", "Clusters", "Namespaces", "Workloads", "Hours", "Reconciliation", "Scope 2", "Assets"] {
        let range = workbook.worksheet_range(sheet).unwrap();
        let header = range.rows().nth(3).unwrap();
        assert_eq!(header.last().unwrap().to_string(), "id", "{sheet}");
        let ids: Vec<String> =
            range.rows().skip(4).filter_map(|row| row.last().map(ToString::to_string)).filter(|id| !id.is_empty()).collect();
        assert!(!ids.is_empty(), "{sheet}");
        for id in ids {
            assert!(rows.contains(&id) || index.get(&id).is_some(), "sheet {sheet} prints {id}, which is no id");
        }
    }
}
