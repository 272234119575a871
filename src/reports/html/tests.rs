use super::*;
use crate::model::{GAP, IDLE};
use crate::reports::{fixture, golden};
use crate::units::{MicrogramsCo2e, Millijoules};

fn page() -> String {
    page_of(&fixture::statement())
}

fn page_of(statement: &Statement) -> String {
    String::from_utf8(html(statement).unwrap()).unwrap()
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
    let mut statement = fixture::statement();
    statement.totals.figures.scope2_market_based_ugco2e = None;
    statement.totals.figures.scope3_category_2_ugco2e = None;
    let page = page_of(&statement);
    let market = between(&page, r#"<th scope="row">Scope 2, market-based"#, "</tr>");
    assert!(market.contains(r#"<td class="n na" data-figure="scope2_market_based_ugco2e">n/a</td>"#));
    assert!(market.contains("met no instrument, no residual mix"));
    // What is known of Scope 3 is shown, and what is not in it is said.
    let capital_goods = between(&page, r#"<th scope="row">Scope 3, category 2"#, "</tr>");
    assert!(capital_goods.contains("n/a") && capital_goods.contains("no hardware class"));
    assert!(between(&page, r#"id="headline-scope3_known_ugco2e""#, "</div>").contains("without category 2: unknown"));
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
    let jobs = ["train-42", "train-43", "nightly-2", "weekly-2", "nightly-1"];
    let order: Vec<usize> = jobs.map(|job| runs.find(&format!(r#"data-job="{job}""#)).unwrap()).to_vec();
    assert!(order.is_sorted(), "{order:?}");
    let statement = fixture::statement();
    for (job, sign) in [("nightly-2", "▼ loss"), ("train-42", "gain")] {
        let row = between(runs, &format!(r#"data-job="{job}""#), "</tr>");
        let avoided = statement.job_runs.iter().find(|run| &*run.job == job).unwrap().avoided_ugco2e.unwrap();
        assert!(row.contains(&cell("avoided_ugco2e", avoided.get(), &view::kg(avoided).signed())) && row.contains(sign), "{row}");
    }
}

#[test]
fn what_the_counterfactual_hangs_on_stands_beside_it_with_exact_figures() {
    let (page, statement) = (page(), fixture::statement());
    let section = between(&page, r#"<section id="counterfactual""#, "</section>");
    let counterfactual = &statement.counterfactual;
    let kilograms = |name: &str, amount: MicrogramsCo2e| cell(name, amount.get(), &view::kg(amount).to_string());
    let difference = |name: &str, amount: MicrogramsCo2e| cell(name, amount.get(), &view::kg(amount).signed());

    let possible = between(section, r#"<table data-table="possible""#, "</table>");
    let windowed = &counterfactual.total.windowed;
    for (name, amount) in
        [("best_ugco2e", windowed.best_ugco2e), ("mean_ugco2e", windowed.mean_ugco2e), ("worst_ugco2e", windowed.worst_ugco2e)]
    {
        assert!(possible.contains(&kilograms(name, amount)), "{name}");
    }
    let alternatives = between(section, r#"<table data-table="alternatives""#, "</table>");
    for row in &counterfactual.alternatives {
        let less = row.avoided_ugco2e - row.policy_avoided_ugco2e;
        assert!(alternatives.contains(&difference("less_policy_ugco2e", less)), "{:?}", row.baseline);
    }
    let hold_out = counterfactual.hold_out.as_ref().unwrap();
    let estimate = between(section, r#"<table data-table="hold-out-estimate""#, "</table>");
    assert!(estimate.contains(&difference("low_avoided_ugco2e", hold_out.low_avoided_ugco2e.unwrap())));
    let cost = counterfactual.cost.as_ref().unwrap();
    let saved = cell("saved_micro_eur", cost.saved_micro_eur.get(), &view::eur(cost.saved_micro_eur).signed());
    assert!(between(section, r#"<table data-table="cost""#, "</table>").contains(&saved));
    let marginal = counterfactual.consequential.as_ref().unwrap();
    assert!(section.contains(&marginal.label));
    let consequential = between(section, r#"<table data-table="consequential""#, "</table>");
    assert!(consequential.contains(&difference("avoided_ugco2e", marginal.avoided_ugco2e)));
    let forecast = counterfactual.forecast.as_ref().unwrap();
    let expected = difference("expected_avoided_ugco2e", forecast.expected_avoided_ugco2e);
    assert!(between(section, r#"<table data-table="forecast""#, "</table>").contains(&expected));
    assert_eq!(between(section, r#"<table data-table="capacity""#, "</table>").matches("<tr><th scope=\"row\">").count(), 2);
    assert!(section.contains("Allocatable CPU is not known of: burst-pl."));
}

#[test]
fn a_run_that_did_better_than_its_window_is_said_to_have_left_it() {
    let mut statement = fixture::statement();
    assert!(!page_of(&statement).contains("did better than any start in the window"));
    let run = statement.job_runs.iter_mut().find(|run| run.best_ugco2e.is_some()).unwrap();
    run.actual_ugco2e = run.best_ugco2e.map(|best| best - MicrogramsCo2e::new(1));
    assert!(page_of(&statement).contains("1 run did better than any start in the window: outside of it"));
}

#[test]
fn the_runs_with_the_largest_effect_have_a_picture_with_both_starts() {
    let (page, statement) = (page(), fixture::statement());
    let timelines = &statement.counterfactual.timelines;
    assert_eq!(page.matches(r#"<rect class="planned""#).count(), timelines.len());
    for (index, run) in timelines.iter().enumerate() {
        let picture = between(&page, &format!(r#"id="timeline-{}-desc""#, index + 1), "</svg>");
        assert!(picture.contains(&format!("Planned from {}", view::utc_minute(run.baseline_start))), "{picture}");
        assert_eq!(picture.contains(r#"class="curve other""#), run.baseline_zone != run.grid_zone);
        assert_eq!(picture.contains(r#"class="ran-lost""#), run.avoided_ugco2e.get() < 0);
    }
}

#[test]
fn the_classes_hold_all_active_energy_and_the_first_move_is_said_as_a_sentence() {
    let (page, statement) = (page(), fixture::statement());
    let section = between(&page, r#"<section id="deferrable""#, "</section>");
    let deferrability = &statement.counterfactual.deferrability;
    let table = between(section, r#"<table data-table="classes""#, "</table>");
    for row in &deferrability.classes {
        assert!(table.contains(&cell("active_mj", row.active_mj.get(), &view::kwh(row.active_mj).to_string())));
    }
    let first = &deferrability.move_next[0];
    let advice = between(section, r#"<p class="advice">"#, "</p>");
    assert!(advice.contains(&first.workload) && advice.contains(&view::hours_minutes(first.delay_seconds)), "{advice}");
    let moves = between(section, r#"<table data-table="move-next""#, "</table>");
    assert_eq!(moves.matches("<tr data-cluster=").count(), deferrability.move_next.len());
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
    statement.counterfactual.policy = Default::default();
    statement.counterfactual.alternatives.clear();
    statement.counterfactual.cost = None;
    statement.counterfactual.consequential = None;
    statement.counterfactual.hold_out = None;
    statement.counterfactual.forecast = None;
    statement.counterfactual.overheads = Default::default();
    statement.counterfactual.capacity = Default::default();
    statement.counterfactual.deferrability = Default::default();
    statement.counterfactual.timelines.clear();
    statement.totals.figures.scope2_location_based_annual_ugco2e = None;
    statement.scope2 = Default::default();
    statement.scope3 = Default::default();
    statement.quality = Default::default();
    statement.disclosure = Default::default();
    statement.sci.clear();
    statement.factors.clear();
    let page = page_of(&statement);

    for words in [
        "No instrument is held",
        "No electricity of own operations, or its mix was not worked out.",
        "No screening list was made",
        "No node has a hardware class that states its embodied emissions",
        "No uncertainty of an input is stated",
        "No table of datapoints was made",
        "No factor is listed",
    ] {
        assert!(page.contains(words), "{words}");
    }
    assert!(page.contains("No finding: every check passed."));
    assert!(page.contains("No hour of this cluster has energy."));
    assert!(!page.contains("NaN") && !page.contains("inf<"));
}

#[test]
fn headlines_change_their_unit_together() {
    let mut statement = fixture::statement();
    statement.totals.figures.scope2_location_based_ugco2e = MicrogramsCo2e::new(12_345_678_000_000_000_i64);
    statement.totals.figures.scope2_location_based_annual_ugco2e = Some(MicrogramsCo2e::new(1_000_000));
    let page = page_of(&statement);

    assert!(page.contains(r#"data-value="12345678000000000">12,345.7 <small>t CO₂e</small>"#));
    assert!(page.contains(r#"data-value="1000000">0.0 <small>t CO₂e</small>"#));
}

#[test]
fn idle_system_and_gap_are_rows_like_namespaces() {
    let page = page();
    for name in [GAP, IDLE] {
        assert!(
            between(&page, r#"<table data-table="namespaces" data-cluster="burst-pl">"#, "</table>")
                .contains(&format!(r#"<tr data-namespace="{name}" id="namespace:burst-pl:{name}" class="apart">"#))
        );
    }
}

#[test]
fn both_scope_2_figures_and_scope_3_stand_side_by_side_with_their_intervals() {
    let (page, statement) = (page(), fixture::statement());
    let headlines = between(&page, r#"<dl class="headlines">"#, "</dl>");
    for interval in statement.quality.intervals.iter().filter(|interval| interval.figure.starts_with("scope2")) {
        let headline = between(headlines, &format!(r#"id="headline-{}""#, interval.figure), "</div>");
        assert!(headline.contains(&format!(r#"data-value="{}""#, interval.value)));
        assert!(headline.contains(&view::plus_minus(interval.relative)), "{headline}");
    }
    let totals = &statement.totals.figures;
    let known = [totals.scope3_category_1_ugco2e, totals.scope3_category_2_ugco2e, totals.scope3_category_3_ugco2e].map(Option::unwrap);
    let sum = known.into_iter().reduce(|sum, part| sum + part).unwrap();
    assert!(headlines.contains(&format!(r#"data-figure="scope3_known_ugco2e" data-value="{}""#, sum.get())));
}

#[test]
fn scope_2_is_reconciled_zone_by_zone_and_ends_in_the_totals() {
    let (page, statement) = (page(), fixture::statement());
    let table = between(&page, r#"<table data-table="scope2">"#, "</table>");
    for row in &statement.scope2.reconciliation {
        let html_row = between(table, &format!(r#"data-zone="{}""#, row.grid_zone), "</tr>");
        let difference = row.market_less_location_based_ugco2e.unwrap();
        assert!(html_row.contains(&cell("market_less_location_based_ugco2e", difference.get(), &view::kg(difference).signed())));
    }
    let total = between(table, r#"<tr data-total="scope2""#, "</tr>");
    let market = statement.totals.figures.scope2_market_based_ugco2e.unwrap();
    assert!(total.contains(&cell("market_based_ugco2e", market.get(), &view::kg(market).to_string())));
}

#[test]
fn an_instrument_that_was_not_used_says_why_and_by_which_criterion() {
    let page = page();
    let instruments = between(&page, r#"<table data-table="instruments""#, "</table>");
    assert!(between(instruments, r#"data-instrument="1""#, "</tr>").contains(">used<"));
    let refused = between(instruments, r#"data-instrument="2""#, "</tr>");
    for words in ["not used", "nothing shows that its certificates were cancelled", "Criteria not met: 3", "nobody answered: 4, 7"] {
        assert!(refused.contains(words), "{words}");
    }
    assert!(page.contains("they are not figures of the 2015 Guidance"));
}

#[test]
fn all_fifteen_categories_are_screened_and_hardware_is_never_added_up() {
    let page = page();
    let screening = between(&page, r#"<table data-table="screening""#, "</table>");
    for category in 1..=15 {
        assert!(screening.contains(&format!(r#"<tr data-category="{category}""#)), "{category}");
    }
    let transport = between(screening, r#"<tr data-category="4""#, "</tr>");
    assert!(transport.contains(">unknown<") && transport.contains("n/a") && transport.contains("nobody has stated it"));
    assert!(page.contains("The amortised figure is never added to the capitalised one"));
}

#[test]
fn every_section_of_figures_says_its_rule_and_links_to_factors_that_are_listed() {
    let (page, statement) = (page(), fixture::statement());
    for section in ["scope2", "scope3", "quality", "sci", "namespaces", "curve", "counterfactual", "deferrable"] {
        let section = between(&page, &format!(r#"<section id="{section}""#), "</section>");
        assert!(section.contains("<dt>Rule</dt>"), "{section}");
    }
    for number in 1..=statement.factors.len() {
        assert!(page.contains(&format!(r#"<tr id="factor-{number}""#)));
    }
    for link in page.split(r##"href="#factor-"##).skip(1) {
        let number: usize = link.split('"').next().unwrap().parse().unwrap();
        assert!((1..=statement.factors.len()).contains(&number));
    }
}

#[test]
fn datapoints_that_are_not_from_compute_are_left_to_the_undertaking() {
    let page = page();
    let table = between(&page, r#"<table data-table="datapoints""#, "</table>");
    let scope1 = between(table, r#"data-datapoint="E1-6_scope1""#, "</tr>");
    assert!(scope1.contains("not from compute") && scope1.contains(r#"<td class="n na">n/a</td>"#));
    // A month has no other year beside it.
    assert!(!table.contains("Base year"));
}

#[test]
fn a_year_shows_its_months_and_leaves_out_what_only_a_month_has() {
    let statement = fixture::year_statement();
    let page = page_of(&statement);
    assert!(page.contains("Calendar year 2026 in Europe/Amsterdam"));
    let months = between(&page, r#"<table data-table="months">"#, "</table>");
    assert_eq!(months.matches("<tr data-month=").count(), 12);
    assert!(months.contains(&format!(r#"data-value="{}""#, statement.totals.figures.facility_mj.get())));
    let comparisons = between(&page, r#"<table data-table="comparisons">"#, "</table>");
    assert!(comparisons.contains("-29.6 %") && comparisons.contains("n/a"));
    assert!(between(&page, r#"<table data-table="datapoints""#, "</table>").contains("Base year"));
    for absent in [r#"<section id="curve""#, r#"<section id="reconciliation""#, r#"<table data-table="job-runs""#] {
        assert!(!page.contains(absent), "{absent}");
    }
    assert!(!page.contains("<script"));
}

#[test]
fn section_numbers_are_those_of_the_contents() {
    for statement in [fixture::statement(), fixture::year_statement()] {
        let page = page_of(&statement);
        let mut seen = Vec::new();
        for heading in page.split(r#"<h2"#).skip(1) {
            seen.push(
                between(heading, r#"<span class="no">"#, "</span>").trim_start_matches(r#"<span class="no">"#).parse::<usize>().unwrap(),
            );
        }
        assert_eq!(seen, (0..seen.len()).collect::<Vec<_>>());
        assert_eq!(between(&page, r#"<ol class="contents">"#, "</ol>").matches("<li>").count(), seen.len());
    }
}

#[test]
fn characters_that_a_page_cannot_hold_are_shown_as_such() {
    let mut statement = fixture::statement();
    statement.organisation = "Ex\0am\u{1b}[31mple\u{fffe}\u{7f} BV\u{feff}".to_owned();

    let page = String::from_utf8(html(&statement).unwrap()).unwrap();

    assert!(page.contains("Ex\u{fffd}am\u{fffd}[31mple\u{fffd}\u{fffd} BV\u{feff}"));
    assert!(!page.contains(|c: char| c.is_control() && c != '\n'));
}

#[test]
fn a_group_has_a_section_in_which_own_statements_become_the_totals() {
    let statement = fixture::group_statement();
    let page = page_of(&statement);
    let group = statement.entities.as_ref().unwrap();
    let table = between(&page, r#"<table data-table="consolidation">"#, "</table>");
    for entity in &group.entities {
        let row = between(table, &format!(r#"<tr data-entity="{}""#, escaped(&entity.entity)), "</tr>");
        let category_1 = entity.figures.scope3_category_1_ugco2e.unwrap();
        assert!(row.contains(&cell("scope3_category_1_ugco2e", category_1.get(), &view::kg(category_1).to_string())), "{row}");
    }
    let eliminated = group.eliminated_ugco2e.unwrap();
    let less = MicrogramsCo2e::ZERO - eliminated;
    let line = between(table, r#"<tr data-total="eliminated">"#, "</tr>");
    assert!(line.contains(&cell("eliminated_ugco2e", less.get(), &view::kg(less).to_string())), "{line}");
    assert_eq!(line.matches("<td></td>").count(), 7, "nothing else is eliminated");
    let total = between(table, r#"<tr data-total="consolidated">"#, "</tr>");
    let facility = statement.totals.figures.facility_mj;
    assert!(total.contains(&cell("facility_mj", facility.get(), &view::kwh(facility).to_string())));
    let purchases = between(&page, r#"<table data-table="intra-group">"#, "</table>");
    assert_eq!(purchases.matches(&format!(r#"data-figure="category_1_ugco2e" data-value="{}""#, eliminated.get())).count(), 2);
    assert!(between(&page, r#"<table data-table="entity-work">"#, "</table>").contains("17.000 PLN"));
    assert!(between(&page, r#"<table data-table="entity-revenue">"#, "</table>").contains("31,000,000 PLN"));
    assert!(page.contains("has no market-based figure. Instrument 1 covered") && page.contains("Financial control: the entities are"));
    assert!(!page_of(&fixture::statement()).contains("data-table=\"consolidation\""));
}
