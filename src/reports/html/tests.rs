use super::*;
use crate::model::{GAP, IDLE};
use crate::reports::{fixture, golden};
use crate::units::{MicrogramsCo2e, Millijoules};

fn page() -> String {
    String::from_utf8(html(&fixture::statement()).unwrap()).unwrap()
}

/// The cell that must stand in the page for a figure.
fn cell(name: &str, exact: i64, text: &str) -> String {
    format!(r#"<td class="n" data-figure="{name}" data-value="{exact}">{text}</td>"#)
}

fn between<'a>(page: &'a str, from: &str, to: &str) -> &'a str {
    let start = page.find(from).unwrap_or_else(|| panic!("{from} is missing"));
    let end = page[start..].find(to).unwrap();
    &page[start..start + end]
}

fn escaped(name: &str) -> String {
    name.replace('&', "&#38;").replace('<', "&#60;").replace('>', "&#62;").replace('\'', "&#39;")
}

#[test]
fn the_page_is_the_golden_one() {
    golden::compare("report.html", page().as_bytes());
}

#[test]
fn every_namespace_and_workload_shows_its_exact_figures() {
    let (page, statement) = (page(), fixture::statement());
    for row in &statement.namespaces {
        let table = between(&page, &format!(r#"<table data-table="namespaces" data-cluster="{}">"#, row.cluster), "</table>");
        let html_row = between(table, &format!(r#"<tr data-namespace="{}""#, escaped(&row.namespace)), "</tr>");
        let facility = row.figures.facility_mj;
        assert!(html_row.contains(&cell("facility_mj", facility.get(), &view::kwh(facility).to_string())), "{}", row.namespace);
        let emitted = row.figures.operational_hourly_ugco2e;
        assert!(html_row.contains(&cell("operational_hourly_ugco2e", emitted.get(), &view::kg(emitted).to_string())), "{}", row.namespace);
    }
    for row in &statement.workloads {
        let table = between(&page, &format!(r#"<table data-table="workloads" data-cluster="{}">"#, row.cluster), "</table>");
        let start = format!(r#"<tr data-namespace="{}" data-workload="{}""#, escaped(&row.namespace), escaped(&row.workload));
        assert!(between(table, &start, "</tr>").contains(&format!(r#"data-value="{}""#, row.figures.active_mj.get())));
    }
}

#[test]
fn the_totals_row_of_a_cluster_is_the_clusters_own_figure() {
    let (page, statement) = (page(), fixture::statement());
    for cluster in &statement.clusters {
        for table in ["namespaces", "workloads"] {
            let table = between(&page, &format!(r#"<table data-table="{table}" data-cluster="{}">"#, cluster.cluster), "</table>");
            let total = between(table, &format!(r#"<tr data-total="{}""#, cluster.cluster), "</tr>");
            assert!(total.contains(&format!(r#"data-figure="facility_mj" data-value="{}""#, cluster.figures.facility_mj.get())));
        }
    }
}

#[test]
fn hostile_names_stay_text() {
    let page = page();
    assert!(!page.contains("<script"));
    assert!(!page.contains("<tomorrow>"));
    assert!(page.contains("&#60;script&#62;alert(1)&#60;/script&#62;"));
    assert!(page.contains("Example &#38; Sons BV"));
}

#[test]
fn the_page_needs_nothing_from_outside() {
    let page = page();
    assert!(page.contains("default-src 'none'"));
    // The only addresses a page could load: none of these attributes may hold anything but a fragment of the page itself.
    for attribute in ["src=", "href=\"h", "@import", "xlink:", "url(h", "url(\"", "url('"] {
        assert!(!page.contains(attribute), "{attribute}");
    }
}

#[test]
fn unknown_figures_are_not_available_and_never_zero() {
    let page = page();
    let market = between(&page, "Scope 2, market-based", "</tr>");
    assert!(market.contains(r#"<td class="n na" data-figure="scope2_market_based_ugco2e">n/a</td>"#));
    assert!(market.contains("no contractual instruments"));
    // The Polish cluster has no annual factor: n/a in each of its rows and in the total of all.
    assert!(
        between(&page, r#"<tr data-total="burst-pl""#, "</tr>")
            .contains(r#"<td class="n na" data-figure="operational_annual_ugco2e">n/a</td>"#)
    );
    for wrong in ["NaN", "inf<", "Infinity", "-0.000<", ">-0.0 "] {
        assert!(!page.contains(wrong), "{wrong}");
    }
}

#[test]
fn losses_are_marked_by_word_and_sign_and_come_in_order_of_size() {
    let page = page();
    let runs = between(&page, r#"<table data-table="job-runs""#, "</table>");
    let order: Vec<usize> =
        ["train-42", "nightly-2", "nightly-1", "nightly-3"].map(|job| runs.find(&format!(r#"data-job="{job}""#)).unwrap()).to_vec();
    assert!(order.is_sorted(), "{order:?}");
    let lost = between(runs, r#"data-job="nightly-2""#, "</tr>");
    assert!(lost.contains(&cell("avoided_ugco2e", -1_730_499_999, "-1.730")) && lost.contains("▼ loss"));
    assert!(between(runs, r#"data-job="train-42""#, "</tr>").contains(">+12.600</td>"));
}

#[test]
fn the_counterfactual_carries_its_label_and_unplaced_runs_their_reason() {
    let (page, statement) = (page(), fixture::statement());
    assert!(page.contains(statement.counterfactual.label));
    let unplaced = between(&page, r#"<table data-table="unplaced-runs""#, "</table>");
    assert!(unplaced.contains("nightly-4") && unplaced.contains("does not parse: &#60;tomorrow&#62;"));
}

#[test]
fn an_empty_statement_still_makes_a_page() {
    let mut statement = fixture::statement();
    statement.namespaces.clear();
    statement.workloads.clear();
    statement.hours.clear();
    statement.job_runs.clear();
    statement.reconciliation.clear();
    statement.findings.clear();
    statement.clusters[0].figures.facility_mj = Millijoules::ZERO;
    statement.counterfactual.total = Default::default();
    statement.counterfactual.by_cause = Default::default();
    statement.totals.figures.scope2_location_based_annual_ugco2e = None;
    let page = String::from_utf8(html(&statement).unwrap()).unwrap();

    assert!(page.contains("No finding: every check passed."));
    assert!(page.contains("No hour of this cluster has energy."));
    assert!(!page.contains("NaN") && !page.contains("inf<"));
}

#[test]
fn headlines_change_their_unit_together() {
    let mut statement = fixture::statement();
    statement.totals.figures.scope2_location_based_ugco2e = MicrogramsCo2e::new(12_345_678_000_000_000_i64);
    statement.totals.figures.scope2_location_based_annual_ugco2e = Some(MicrogramsCo2e::new(1_000_000));
    let page = String::from_utf8(html(&statement).unwrap()).unwrap();

    assert!(page.contains(r#"data-value="12345678000000000">12,345.7 <small>t CO₂e</small>"#));
    assert!(page.contains(r#"data-value="1000000">0.0 <small>t CO₂e</small>"#));
}

#[test]
fn idle_system_and_gap_are_rows_like_namespaces() {
    let page = page();
    for name in [GAP, IDLE] {
        assert!(
            between(&page, r#"<table data-table="namespaces" data-cluster="burst-pl">"#, "</table>")
                .contains(&format!(r#"<tr data-namespace="{name}" class="apart">"#))
        );
    }
}
