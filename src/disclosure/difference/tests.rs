use serde_json::{Value, json};

use super::*;

fn report(month: &str, facility_mj: i64, market: Option<i64>) -> Value {
    json!({
        "organisation": "Example BV",
        "period": { "month": month, "year": null },
        "policy": { "idle": "by-usage", "max_gap_share": 0.05 },
        "totals": { "facility_mj": facility_mj, "scope2_market_based_ugco2e": market },
        "namespaces": [{ "cluster": "prod-nl", "namespace": "shop", "facility_mj": facility_mj }],
        "job_runs": [{ "cluster": "prod-nl", "namespace": "ml", "job": "a", "start": format!("{month}-03T02:00:00Z"), "active_mj": 7 }],
        "factors": [{ "quantity": "pue", "id": "region-x", "value": 1.2, "unit": "ratio", "publication": "2024" }],
        "findings": [],
        "provenance": {
            "software": "wattledger 0.1.0", "method": "queries/accounting sha256:ab", "config_sha256": "c1",
            "intensity": [{ "zone": "NL", "provider": "electricity-maps", "edition": "first" }],
            "evidence": [
                { "path": "intensity/NL/aa.parquet", "sha256": "aa" },
                { "path": format!("prod-nl/{month}-01/usage-000.parquet"), "sha256": "u1" },
            ],
        },
    })
}

fn side(report: &Value) -> Side<'_> {
    Side { report, edition: None, configuration: None }
}

fn found<'a>(difference: &'a Difference, id: &str) -> &'a Change {
    difference.figures.iter().find(|change| change.id == id).unwrap_or_else(|| panic!("{id} is not among the changes"))
}

#[test]
fn a_report_differs_from_itself_in_nothing() {
    let report = report("2026-10", 100, Some(5));
    let difference = between(side(&report), side(&report));
    assert!(difference.figures.is_empty() && difference.causes.is_empty());
    assert_eq!((difference.unchanged, difference.left_out), (6, None));
}

#[test]
fn figures_meet_by_id_and_what_one_has_alone_is_not_set_against_zero() {
    let before = report("2026-10", 100, None);
    let mut after = report("2026-10", 125, Some(5));
    after["namespaces"].as_array_mut().unwrap().push(json!({ "cluster": "prod-nl", "namespace": "new", "facility_mj": 25 }));
    after["job_runs"] = json!([]);

    let difference = between(side(&before), Side { edition: Some(2), ..side(&after) });

    let totals = found(&difference, "totals:facility_mj");
    assert_eq!((totals.before, totals.after, totals.change, totals.relative), (Some(100), Some(125), Some(25), Some(0.25)));
    assert_eq!(found(&difference, "totals:scope2_market_based_ugco2e").kind, Kind::BecameKnown);
    let new = found(&difference, "namespace:prod-nl:new:facility_mj");
    assert_eq!((new.kind, new.before, new.after, new.change), (Kind::Appeared, None, Some(25), None));
    assert_eq!(found(&difference, "run:prod-nl:ml:a@20261003T020000Z:active_mj").kind, Kind::Gone);
    // Energy first, the largest change first.
    let ids: Vec<&str> = difference.figures.iter().map(|change| change.id.as_str()).collect();
    assert_eq!(ids[..3], ["namespace:prod-nl:new:facility_mj", "namespace:prod-nl:shop:facility_mj", "totals:facility_mj"]);
    assert_eq!(difference.after.written(), "2026-10@2");
}

#[test]
fn of_two_months_sums_are_compared_and_single_runs_are_not() {
    let (before, after) = (report("2026-09", 100, None), report("2026-10", 90, None));
    let difference = between(side(&before), side(&after));
    assert!(difference.figures.iter().all(|change| !change.id.starts_with("run:")));
    assert_eq!(found(&difference, "totals:facility_mj").relative, Some(-0.1));
    assert!(difference.left_out.is_some());
    // Another month has other evidence by itself.
    assert!(difference.causes.evidence.is_empty() && difference.causes.intensity.is_empty());
}

#[test]
fn inputs_that_differ_are_named() {
    let before = report("2026-10", 100, None);
    let mut after = before.clone();
    after["provenance"]["evidence"] = json!([
        { "path": "intensity/NL/bb.parquet", "sha256": "bb" },
        { "path": "prod-nl/2026-10-01/usage-000.parquet", "sha256": "u2" },
        { "path": "decisions/d1.parquet", "sha256": "d1" },
    ]);
    after["provenance"]["intensity"][0]["edition"] = json!("second");
    after["provenance"]["config_sha256"] = json!("c2");
    after["provenance"]["software"] = json!("wattledger 0.2.0");
    after["policy"]["idle"] = json!("by-request");
    after["factors"][0]["value"] = json!(1.3);
    after["factors"][0]["publication"] = json!("2025");
    after["findings"] = json!([{ "code": "GAP", "accepted_by": "--accept" }]);
    let toml = |pue: &str| format!("[organisation]\nname = \"Example BV\"\n\n[[cluster]]\nname = \"prod-nl\"\npue = {pue}\n");
    let (old, new) = (toml("1.2"), toml("1.3"));

    let causes = between(Side { configuration: Some(&old), ..side(&before) }, Side { configuration: Some(&new), ..side(&after) }).causes;

    assert_eq!((causes.evidence[0].cluster.as_str(), causes.evidence[0].day.as_str()), ("prod-nl", "2026-10-01"));
    assert_eq!(causes.evidence[0].files[0].after.as_deref(), Some("u2"));
    let zone = &causes.intensity[0];
    assert_eq!((zone.zone.as_str(), zone.files.len()), ("NL", 2));
    assert_eq!(zone.edition_after.as_deref(), Some("electricity-maps, second"));
    assert_eq!(causes.other_files[0].path, "decisions/d1.parquet");
    assert_eq!((causes.factors[0].before, causes.factors[0].after), (Some(1.2), Some(1.3)));
    assert_eq!(causes.factors[0].differs_in, ["publication"]);
    let key = &causes.configuration[0];
    assert_eq!((key.key.as_str(), key.before.as_deref(), key.after.as_deref()), ("cluster[prod-nl].pue", Some("1.2"), Some("1.3")));
    assert_eq!(causes.configuration.len(), 1);
    assert_eq!(causes.policy[0], ValueChange { name: "idle".to_owned(), before: "by-usage".to_owned(), after: "by-request".to_owned() });
    assert_eq!(causes.software.map(|change| change.after), Some("wattledger 0.2.0".to_owned()));
    assert_eq!(causes.method, None);
    assert_eq!((causes.accepted.before.len(), causes.accepted.after), (0, vec!["GAP".to_owned()]));
}

#[test]
fn a_waterfall_adds_up_to_the_difference_and_a_cause_that_comes_twice_is_one() {
    let reports: Vec<Value> = [100, 101, 121, 120, 126, 127].into_iter().map(|facility| report("2026-10", facility, None)).collect();
    let steps = [Cause::Software, Cause::Evidence, Cause::Intensity, Cause::FactorsAndConfiguration, Cause::Software];
    let steps: Vec<(Cause, &Value)> = steps.into_iter().zip(&reports[1..]).collect();

    let waterfall = Waterfall::of(&reports[0], &steps);

    assert_eq!(waterfall.order, [Cause::Evidence, Cause::Intensity, Cause::FactorsAndConfiguration, Cause::Software]);
    let totals = waterfall.figures.iter().find(|row| row.id == "totals:facility_mj").unwrap();
    assert_eq!((totals.before, totals.parts.clone(), totals.after, totals.adds_up), (100, vec![20, -1, 6, 2], 127, true));
    assert!(waterfall.unknown_figures >= 1, "the market-based figure is unknown all the way");
    assert!(waterfall.figures.iter().all(|row| row.id != "totals:scope2_market_based_ugco2e"));
    assert!(waterfall.figures.iter().all(|row| row.adds_up && !row.id.contains("active_mj")));
}

#[test]
fn tables_of_a_list_are_told_apart_by_what_names_them() {
    let before = "[[instrument]]\nzone = \"NL\"\nmwh = 1.0\n[[instrument]]\nzone = \"NL\"\nmwh = 2.0\n[report]\nstep = \"15m\"\n";
    let after = "[[instrument]]\nzone = \"NL\"\nmwh = 1.0\n[[instrument]]\nzone = \"NL\"\nmwh = 3.0\n[report]\n";
    let changes = super::configuration::between(before, after);
    let keys: Vec<&str> = changes.iter().map(|change| change.key.as_str()).collect();
    assert_eq!(keys, ["instrument[2].mwh", "report.step"]);
    assert_eq!(changes[1].after, None);
    assert_eq!(super::configuration::between("no toml [", "neither ]"), []);
}
