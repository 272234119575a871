//! Hours without intensity beside the month: where a baseline or a window meets one, a report says so and invents nothing.

use serde_json::Value;

use super::story::{DAY_S, HOUR_S, MONTH_S, Month, Story};

/// 2026-10-01T00:00:00Z.
const OCTOBER_S: i64 = MONTH_S + 30 * DAY_S;

/// A month of runs that may wait a day and longer, and the same without some hours of the Dutch grid, which are not of that month.
fn with_hole(month: &'static str, from_s: i64, to_s: i64) -> (Month, Month) {
    let whole = Story { month, ..Story::at_the_months_end() }.with_rule("30h", &[]);
    let mut holed = whole.clone();
    holed.grids.get_mut("NL").unwrap().hole = Some((from_s, to_s));
    (whole.account(), holed.account())
}

/// A run but for its bounds, which the reason why there are none stands in for.
fn without_bounds(run: &Value) -> Value {
    let mut run = run.clone();
    for figure in ["best_ugco2e", "mean_ugco2e", "worst_ugco2e", "best_start", "best_zone", "candidates", "unbounded_reason"] {
        assert!(run.as_object_mut().unwrap().remove(figure).is_some(), "{figure}");
    }
    run
}

#[test]
fn a_window_that_reaches_into_a_hole_after_the_month_has_no_bounds() {
    let (whole, holed) = with_hole("2026-09", OCTOBER_S + HOUR_S, OCTOBER_S + 30 * HOUR_S);

    let mut unbounded = 0;
    for (key, whole) in whole.runs() {
        let holed = holed.runs()[&key];
        let reason = holed["unbounded_reason"].as_str();
        if reason.is_none() {
            assert_eq!(whole, holed, "{key:?}: what does not reach so far is as it was");
            continue;
        }
        assert_eq!(reason, Some("its window reaches beyond the data of zone NL"), "{key:?}");
        assert!(!whole["best_ugco2e"].is_null(), "{key:?}");
        assert_eq!(without_bounds(whole), without_bounds(holed), "{key:?}: all else is as it was");
        unbounded += 1;
    }
    assert!(unbounded > 0, "some windows reach into October");
}

#[test]
fn a_baseline_in_a_hole_before_the_month_has_no_place() {
    let (whole, holed) = with_hole("2026-10", OCTOBER_S - 12 * HOUR_S, OCTOBER_S - 3 * HOUR_S);

    let mut unplaced = 0;
    for (key, run) in holed.runs() {
        let Some(reason) = run["unplaced_reason"].as_str() else {
            let whole = whole.runs()[&key];
            if run["unbounded_reason"].is_null() {
                assert_eq!(run, whole, "{key:?}");
            } else {
                assert_eq!(without_bounds(run), without_bounds(whole), "{key:?}: its window reaches into the hole");
            }
            continue;
        };
        assert!(reason.contains("intensity data of zone NL"), "{key:?}: {reason}");
        assert!(run["actual_ugco2e"].is_null() && run["avoided_ugco2e"].is_null(), "{key:?}");
        unplaced += 1;
    }
    assert!(unplaced > 0, "some runs would have begun in September, or did");
    assert_eq!(holed.0["counterfactual"]["unplaced_runs"], unplaced);
}

#[test]
fn what_was_filled_of_a_zone_that_only_a_rule_names_is_found() {
    let mut story = Story::new().with_rule("5h", &["NL", "SE"]);
    story.grids.get_mut("SE").unwrap().hole = Some((MONTH_S + 8 * DAY_S, MONTH_S + 8 * DAY_S + 10 * HOUR_S));
    let month = story.account();

    let findings = month.0["findings"].as_array().unwrap();
    let gap = findings.iter().find(|finding| finding["code"] == "CI_GAP").expect("the hole is found");
    assert!(gap["message"].as_str().unwrap().contains("Zone SE lacks the intensity of 10 of 720 hours"), "{gap}");
    assert!(findings.iter().all(|finding| finding["code"] != "ANNUAL_UNKNOWN" || !finding["message"].as_str().unwrap().contains("SE")));
    assert!(month.runs().values().any(|run| run["best_zone"] == "SE"));
}
