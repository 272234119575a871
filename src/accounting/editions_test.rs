//! Which of several editions holds.

use super::editions::*;
use crate::model::{IntensitySeries, Severity, Signal};

const HOUR_S: i64 = 3_600;

/// An hourly edition from hour 0 on; estimates are negative numbers here, for short.
fn edition(retrieved_s: Option<i64>, values: &[f64]) -> IntensitySeries {
    let n = values.len() as i64;
    IntensitySeries {
        zone: "NL".to_owned(),
        provider: "electricity-maps".to_owned(),
        edition: format!("{retrieved_s:?}"),
        retrieved_s,
        start_s: (0..n).map(|hour| hour * HOUR_S).collect(),
        end_s: (1..=n).map(|hour| hour * HOUR_S).collect(),
        direct_gco2e_per_kwh: values.iter().map(|value| Some(value.abs())).collect(),
        lifecycle_gco2e_per_kwh: vec![None; values.len()],
        is_estimated: values.iter().map(|value| *value < 0.0).collect(),
        estimation_method: vec![String::new(); values.len()],
        ..IntensitySeries::default()
    }
}

fn values(all: &Reconciled<'_>) -> Vec<f64> {
    all.held.values().map(|held| held.value).collect()
}

#[test]
fn the_newest_of_a_providers_values_hold_and_the_change_is_found() {
    let editions = [edition(Some(200), &[100.0, 130.0, 90.0]), edition(Some(100), &[100.0, 120.0, 100.0])];
    let all = Reconciled::of(&editions, "NL").unwrap();

    assert_eq!(values(&all), [100.0, 130.0, 90.0]);
    let finding = all.revised("NL", 0, 3 * HOUR_S).unwrap();
    assert_eq!((finding.code.as_str(), finding.severity, finding.examined, finding.failing), ("CI_REVISED", Severity::Disclosed, 3, 2));
    assert!(finding.message.contains("revised 2 h") && finding.message.contains("from 120 to 130 g/kWh"), "{}", finding.message);
    assert!(all.revised("NL", 0, HOUR_S).is_none());
}

#[test]
fn the_order_of_editions_is_of_no_matter() {
    let mut editions = vec![edition(Some(100), &[1.0]), edition(Some(300), &[3.0]), edition(Some(200), &[2.0])];
    let expected = Reconciled::of(&editions, "NL").unwrap().revised("NL", 0, HOUR_S);
    assert!(expected.as_ref().unwrap().message.contains("from 1 to 3 g/kWh"), "{expected:?}");
    for _ in 0..3 {
        editions.rotate_left(1);
        let all = Reconciled::of(&editions, "NL").unwrap();
        assert_eq!((values(&all), all.revised("NL", 0, HOUR_S)), (vec![3.0], expected.clone()));
    }
}

#[test]
fn an_estimate_that_became_a_measurement_is_only_noted() {
    let editions = [edition(Some(100), &[-100.0]), edition(Some(200), &[110.0])];
    let all = Reconciled::of(&editions, "NL").unwrap();

    assert_eq!(all.revised("NL", 0, HOUR_S).unwrap().severity, Severity::Noted);
    assert!(!all.held[&0].is_estimated);
}

#[test]
fn the_life_cycle_value_of_the_version_that_holds_stands_beside_it() {
    let with_lifecycle = |retrieved_s, direct: f64, lifecycle| {
        let mut edition = edition(retrieved_s, &[direct]);
        edition.lifecycle_gco2e_per_kwh = vec![lifecycle];
        edition
    };
    let lifecycle = |editions: &[IntensitySeries]| Reconciled::of(editions, "NL").unwrap().held[&0].lifecycle;
    let mut editions = vec![
        with_lifecycle(Some(100), 100.0, Some(140.0)),
        with_lifecycle(Some(300), 110.0, Some(150.0)),
        with_lifecycle(Some(200), 110.0, Some(160.0)),
        with_lifecycle(None, 110.0, Some(170.0)),
    ];
    for _ in 0..4 {
        editions.rotate_left(1);
        assert_eq!(lifecycle(&editions), Some(150.0));
    }
    // A newer value without one has none: an older one is not of its version.
    assert_eq!(lifecycle(&[with_lifecycle(Some(100), 1.0, Some(2.0)), with_lifecycle(Some(200), 1.0, None)]), None);
    // Two files of the same direct values: what one lacks the other says; what they say differently nobody orders.
    assert_eq!(lifecycle(&[with_lifecycle(None, 1.0, None), with_lifecycle(None, 1.0, Some(2.0))]), Some(2.0));
    let two = [with_lifecycle(None, 1.0, Some(3.0)), with_lifecycle(None, 1.0, Some(2.0))];
    let finding = Reconciled::of(&two, "NL").unwrap_err();
    assert!(finding.code == "CI_CONFLICT" && finding.message.contains("two life-cycle values"), "{}", finding.message);
}

#[test]
fn the_providers_own_date_wins_over_the_time_of_retrieval() {
    let mut first = edition(Some(100), &[1.0]);
    first.updated_s = vec![Some(90)];
    // Asked for later, from a cache that is older.
    let mut later = edition(Some(200), &[2.0]);
    later.updated_s = vec![Some(50)];

    assert_eq!(values(&Reconciled::of(&[first, later], "NL").unwrap()), [1.0]);
}

#[test]
fn files_have_no_order_and_neither_have_two_providers() {
    let files = [edition(None, &[1.0]), edition(None, &[2.0])];
    assert_eq!(Reconciled::of(&files, "NL").unwrap_err().code, "CI_CONFLICT");
    let mut other = edition(Some(200), &[2.0]);
    other.provider = "neso".to_owned();
    assert_eq!(Reconciled::of(&[edition(Some(100), &[1.0]), other], "NL").unwrap_err().code, "CI_CONFLICT");
}

#[test]
fn a_file_that_repeats_what_a_dated_edition_said_adds_nothing() {
    // The file came first, without a date; then it was imported again with one, and the provider has said something newer since.
    let editions = [edition(None, &[1.0]), edition(Some(100), &[1.0]), edition(Some(200), &[2.0])];
    assert_eq!(values(&Reconciled::of(&editions, "NL").unwrap()), [2.0]);
    assert!(Reconciled::of(&[edition(None, &[1.0]), edition(Some(200), &[2.0])], "NL").is_err());
}

#[test]
fn days_that_were_collected_apart_are_one_series() {
    let first = edition(Some(100), &[1.0, 2.0]);
    let mut second = edition(Some(200), &[2.0, 3.0]);
    for time in second.start_s.iter_mut().chain(&mut second.end_s) {
        *time += HOUR_S;
    }
    let editions = [first, second];
    let all = Reconciled::of(&editions, "NL").unwrap();

    assert_eq!(values(&all), [1.0, 2.0, 3.0]);
    assert!(all.revised("NL", 0, 3 * HOUR_S).is_none());
}

#[test]
fn where_intervals_of_different_length_overlap_the_newer_ones_hold() {
    let hourly = edition(Some(100), &[100.0, 200.0]);
    let mut quarters = edition(Some(200), &[101.0, 102.0, 103.0, 104.0]);
    quarters.start_s = (0..4).map(|quarter| quarter * 900).collect();
    quarters.end_s = (1..=4).map(|quarter| quarter * 900).collect();
    let held = |a: &IntensitySeries, b: &IntensitySeries| -> Vec<(i64, i64, f64)> {
        let editions = [a.clone(), b.clone()];
        let all = Reconciled::of(&editions, "NL").unwrap();
        all.held.iter().map(|(from, held)| (*from, held.to_s, held.value)).collect()
    };

    let finer = held(&hourly, &quarters);
    assert_eq!(finer, [(0, 900, 101.0), (900, 1800, 102.0), (1800, 2700, 103.0), (2700, 3600, 104.0), (3600, 7200, 200.0)]);
    let coarser = held(&quarters, &edition(Some(300), &[100.0, 200.0]));
    assert_eq!(coarser, [(0, 3600, 100.0), (3600, 7200, 200.0)]);
}

#[test]
fn marginal_values_never_enter() {
    let marginal = IntensitySeries { signal: Signal::Marginal, ..edition(Some(100), &[700.0]) };
    assert_eq!(Reconciled::of(std::slice::from_ref(&marginal), "NL").unwrap_err().code, "CI_SIGNAL");
    assert_eq!(values(&Reconciled::of(&[marginal, edition(Some(50), &[100.0])], "NL").unwrap()), [100.0]);
}

#[test]
fn a_median_that_no_grid_has_is_found() {
    // Grams that are really kilograms: a Dutch 0.29.
    let editions = [edition(None, &[0.25, 0.29, 0.3])];
    let all = Reconciled::of(&editions, "NL").unwrap();

    assert_eq!(all.implausible_unit("NL", (0, 3 * HOUR_S), (1.0, 1_500.0), None).unwrap().code, "CI_UNIT");
    assert!(all.implausible_unit("NL", (0, 3 * HOUR_S), (0.1, 1_500.0), None).is_none());
}

#[test]
fn pounds_taken_for_grams_are_found_by_the_annual_factor() {
    let found = |value: f64| {
        let editions = [edition(None, &[value])];
        let all = Reconciled::of(&editions, "NL").unwrap();
        all.implausible_unit("NL", (0, HOUR_S), (1.0, 1_500.0), Some(290.0)).map(|finding| finding.message)
    };
    // 290 g/kWh are 639.3 lb/MWh; converted twice they are 131.5.
    assert!(found(639.3).unwrap().contains("2.20 times the annual factor of 290"), "{:?}", found(639.3));
    assert!(found(131.5).is_some());
    assert!(found(450.0).is_none() && found(160.0).is_none());
}

#[test]
fn many_retrievals_are_printed_as_a_number() {
    let editions: Vec<_> = [None, Some(0), Some(86_400), Some(172_800)].into_iter().map(|at| edition(at, &[1.0])).collect();

    assert_eq!(printed(&editions), "None; 3 retrievals from 1970-01-01T00:00:00Z to 1970-01-03T00:00:00Z");
    assert_eq!(printed(&editions[..2]), "None; Some(0)");
}

#[test]
fn what_was_found_when_editions_were_taken_in_is_told_once_for_those_that_touch_the_span() {
    let found = |code: &str, severity, examined: usize, failing: usize| {
        crate::model::Finding::new(code, severity, format!("{code} of {examined}.")).examined(examined).failing(failing)
    };
    // Hours 0 to 2.
    let with = |findings: Vec<crate::model::Finding>| IntensitySeries { findings, ..edition(Some(100), &[1.0, 2.0]) };
    let late = |findings| {
        let mut series = with(findings);
        series.start_s.iter_mut().chain(&mut series.end_s).for_each(|at_s| *at_s += 2 * HOUR_S);
        series
    };
    let marginal = IntensitySeries { signal: Signal::Marginal, ..with(vec![found("CI_MARGINAL", Severity::Noted, 1, 1)]) };
    let editions = [
        with(vec![found("CI_RANGE", Severity::Disclosed, 24, 2), found("CI_OTHER", Severity::Noted, 5, 1)]),
        with(vec![found("CI_RANGE", Severity::Disclosed, 20, 3)]),
        with(vec![found("CI_RANGE", Severity::Noted, 7, 0)]),
        late(vec![found("CI_RANGE", Severity::Disclosed, 100, 50)]),
        marginal,
    ];
    let seen = |from_s, to_s| {
        let findings = found_before(&editions, from_s, to_s);
        let of = |finding: &crate::model::Finding| {
            (finding.code.clone(), finding.severity, finding.examined, finding.failing, finding.message.clone())
        };
        findings.iter().map(of).collect::<Vec<_>>()
    };
    let other = ("CI_OTHER".to_owned(), Severity::Noted, 5, 1, "CI_OTHER of 5.".to_owned());
    let noted = ("CI_RANGE".to_owned(), Severity::Noted, 7, 0, "CI_RANGE of 7.".to_owned());
    let range = |examined, failing, more| {
        ("CI_RANGE".to_owned(), Severity::Disclosed, examined, failing, format!("CI_RANGE of 24. And {more} more of the kind."))
    };
    let sorted = |mut all: Vec<(String, Severity, u64, u64, String)>| {
        all.sort();
        all
    };

    assert_eq!(sorted(seen(0, 2 * HOUR_S)), sorted(vec![other.clone(), noted.clone(), range(44, 5, 1)]));
    assert_eq!(sorted(seen(2 * HOUR_S - 1, 2 * HOUR_S + 1)), sorted(vec![other, noted, range(144, 55, 2)]));
    // A span that begins where an edition ends is not touched by it.
    assert_eq!(seen(2 * HOUR_S, 3 * HOUR_S), [("CI_RANGE".to_owned(), Severity::Disclosed, 100, 50, "CI_RANGE of 100.".to_owned())]);
    assert_eq!(seen(4 * HOUR_S, 5 * HOUR_S), []);
}

#[test]
fn of_an_older_interval_that_ends_after_a_newer_one_the_rest_holds() {
    // The newer says half past midnight is over at half past one; the older one's second hour begins before that, and its third after.
    let mut newer = edition(Some(200), &[9.0]);
    newer.end_s = vec![HOUR_S + HOUR_S / 2];
    let older = edition(Some(100), &[1.0, 2.0, 3.0]);
    let editions = [older, newer];
    let all = Reconciled::of(&editions, "NL").unwrap();
    let held: Vec<(i64, i64, f64)> = all.held.iter().map(|(from_s, held)| (*from_s, held.to_s, held.value)).collect();
    assert_eq!(held, [(0, 5_400, 9.0), (5_400, 7_200, 2.0), (7_200, 10_800, 3.0)]);
}

#[test]
fn the_largest_change_is_the_one_of_most_grams() {
    let editions = [edition(Some(100), &[100.0, 1.0, 500.0]), edition(Some(200), &[140.0, 3.0, 490.0])];
    let finding = Reconciled::of(&editions, "NL").unwrap().revised("NL", 0, 3 * HOUR_S).unwrap();
    assert!(finding.message.contains("from 100 to 140 g/kWh at 1970-01-01T00:00Z"), "{}", finding.message);
}

#[test]
fn the_providers_of_what_holds_are_named_once() {
    let mut other = edition(Some(100), &[1.0, 2.0, 3.0]);
    other.provider = "entso-e".to_owned();
    other.start_s.iter_mut().chain(&mut other.end_s).for_each(|at_s| *at_s += 10 * HOUR_S);
    let editions = [edition(Some(100), &[1.0, 2.0]), other];
    assert_eq!(Reconciled::of(&editions[..1], "NL").unwrap().provider(), "electricity-maps");
    assert_eq!(Reconciled::of(&editions, "NL").unwrap().provider(), "electricity-maps, entso-e");
}

#[test]
fn two_editions_are_named_and_three_are_counted() {
    let all = [100, 300, 200].map(|retrieved_s| edition(Some(retrieved_s), &[1.0]));
    assert_eq!(printed(&all[..2]), "Some(100); Some(300)");
    assert_eq!(printed(&all), "3 retrievals from 1970-01-01T00:01:40Z to 1970-01-01T00:05:00Z");
}

#[test]
fn a_conflict_says_whether_direct_or_life_cycle_values_differ() {
    let with = |direct: f64, to_s: i64, lifecycle: f64| IntensitySeries {
        end_s: vec![to_s],
        lifecycle_gco2e_per_kwh: vec![Some(lifecycle)],
        ..edition(None, &[direct])
    };
    let said = |two: [IntensitySeries; 2]| Reconciled::of(&two, "NL").unwrap_err().message;
    let direct = said([with(1.0, HOUR_S, 5.0), with(2.0, HOUR_S, 6.0)]);
    assert!(direct.contains("two values for 1970-01-01T00:00:00+00:00: 1 from") && direct.contains("and 2 from"), "{direct}");
    // The same value over another span is another word on the direct one.
    let length = said([with(1.0, HOUR_S, 5.0), with(1.0, 2 * HOUR_S, 6.0)]);
    assert!(length.contains("two values for") && length.contains("1 from"), "{length}");
    let lifecycle = said([with(1.0, HOUR_S, 5.0), with(1.0, HOUR_S, 6.0)]);
    assert!(lifecycle.contains("two life-cycle values for") && lifecycle.contains("5 from"), "{lifecycle}");
}
