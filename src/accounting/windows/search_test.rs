//! Best, worst and mean start: values worked out by hand, and a brute force over seconds.

use proptest::prelude::*;

use super::*;
use crate::accounting::integral::Integral;

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 3_600_000;

/// Intervals of `step_s` from 0, in whole g/kWh; none is a hole.
fn series(step_s: i64, values: &[Option<i64>]) -> Integral {
    let interval = |(i, value): (usize, &Option<i64>)| Some((i as i64 * step_s, (i as i64 + 1) * step_s, (*value)? * 1_000_000));
    Integral::of(values.iter().enumerate().filter_map(interval))
}

fn hourly(values: &[i64]) -> Integral {
    series(3_600, &values.iter().copied().map(Some).collect::<Vec<_>>())
}

fn place<'a>(zone: &'a str, intensity: &'a Integral) -> WindowPlace<'a> {
    WindowPlace { zone, intensity, prices: None }
}

fn terms(from_ms: i64, duration_ms: i64, within_ms: i64) -> WindowTerms {
    WindowTerms { from_ms, duration_ms, within_ms, step_ms: 15 * MINUTE_MS }
}

fn found(terms: WindowTerms, places: &[WindowPlace<'_>]) -> WindowSearch {
    search(&terms, places).unwrap()
}

/// Start in minutes, and the mean in g/kWh with two digits.
fn shown(slot: Slot) -> (i64, String) {
    (slot.start_ms / MINUTE_MS, slot.intensity.rounded(2).plain())
}

#[test]
fn an_hour_in_a_window_of_three_has_nine_starts() {
    // Starts 00:00 … 02:00 over 400, 100, 200: 400, 325, 250, 175, 100, 125, 150, 175, 200, of which the mean is 211.11.
    let nl = hourly(&[400, 100, 200]);
    let search = found(terms(0, HOUR_MS, 3 * HOUR_MS), &[place("NL", &nl)]);
    let bounds = search.bounds.unwrap();
    assert_eq!(bounds.candidates, 9);
    assert_eq!((shown(bounds.best), shown(bounds.worst)), ((60, "100.00".to_owned()), (0, "400.00".to_owned())));
    assert_eq!(bounds.mean.rounded(2).plain(), "211.11");
    assert_eq!(search.now().map(shown), Some((0, "400.00".to_owned())));
    assert_eq!(bounds.best.intensity.saving_per_cent(search.now().unwrap().intensity, 1).unwrap().plain(), "75.0");
    assert_eq!((search.zones[0].ineligible, &search.zones[0].holes), (0, &vec![]));
}

#[test]
fn an_hour_that_is_touched_for_ten_minutes_counts_ten_minutes() {
    // 90 minutes from 00:20 on: 40 minutes at 300, 50 at 120: (12,000 + 6,000) / 90 = 200.
    let nl = hourly(&[300, 120, 600]);
    let search =
        found(WindowTerms { step_ms: 10 * MINUTE_MS, ..terms(20 * MINUTE_MS, 90 * MINUTE_MS, 100 * MINUTE_MS) }, &[place("NL", &nl)]);
    assert_eq!(search.now().map(shown), Some((20, "200.00".to_owned())));
    // From 00:30: 30 at 300 and 60 at 120.
    assert_eq!(shown(search.bounds.unwrap().best), (30, "180.00".to_owned()));
    assert_eq!(search.bounds.unwrap().candidates, 2);
}

#[test]
fn of_equal_starts_the_earlier_counts_and_then_the_zone_that_was_named_first() {
    let (nl, de) = (hourly(&[200, 100, 100, 200]), hourly(&[300, 100, 100, 300]));
    let search = found(WindowTerms { step_ms: HOUR_MS, ..terms(0, HOUR_MS, 4 * HOUR_MS) }, &[place("NL", &nl), place("DE", &de)]);
    let bounds = search.bounds.unwrap();
    assert_eq!((bounds.best.start_ms, bounds.best.zone), (HOUR_MS, 0));
    assert_eq!((bounds.worst.start_ms, bounds.worst.zone), (0, 1));
    // The other way round it is the other zone.
    let search = found(WindowTerms { step_ms: HOUR_MS, ..terms(0, HOUR_MS, 4 * HOUR_MS) }, &[place("DE", &de), place("NL", &nl)]);
    assert_eq!((search.bounds.unwrap().best.start_ms, search.bounds.unwrap().best.zone), (HOUR_MS, 0));
    // An earlier start in a later zone goes before a later start in the first.
    let (nl, de) = (hourly(&[300, 300, 100]), hourly(&[300, 100, 300]));
    let search = found(WindowTerms { step_ms: HOUR_MS, ..terms(0, HOUR_MS, 3 * HOUR_MS) }, &[place("NL", &nl), place("DE", &de)]);
    assert_eq!((search.bounds.unwrap().best.start_ms, search.bounds.unwrap().best.zone), (HOUR_MS, 1));
}

#[test]
fn a_start_that_would_cross_a_hole_is_no_candidate() {
    // 00–01 and 03–06 are known. Of runs of an hour that start on the hour, 00, 03, 04, 05 are candidates.
    let nl = series(3_600, &[Some(300), None, None, Some(200), Some(100), Some(250)]);
    let search = found(WindowTerms { step_ms: HOUR_MS, ..terms(0, HOUR_MS, 6 * HOUR_MS) }, &[place("NL", &nl)]);
    let bounds = search.bounds.unwrap();
    assert_eq!((bounds.candidates, search.zones[0].ineligible), (4, 2));
    assert_eq!(search.zones[0].holes, [(HOUR_MS, 3 * HOUR_MS)]);
    assert_eq!((bounds.best.start_ms, bounds.worst.start_ms), (4 * HOUR_MS, 0));
    assert_eq!(bounds.mean.rounded(1).plain(), "212.5");
    // In quarters: from 00:15 to 02:45 every start meets the hole.
    let search = found(terms(0, HOUR_MS, 6 * HOUR_MS), &[place("NL", &nl)]);
    assert_eq!((search.bounds.unwrap().candidates, search.zones[0].ineligible), (1 + 9, 11));
}

#[test]
fn a_hole_at_once_leaves_nothing_to_compare_with_and_a_hole_everywhere_nothing_to_choose() {
    let nl = series(3_600, &[None, Some(100), Some(200)]);
    let fr = series(3_600, &[]);
    let search = found(terms(0, HOUR_MS, 3 * HOUR_MS), &[place("NL", &nl), place("FR", &fr)]);
    assert_eq!(search.now(), None);
    assert_eq!(search.bounds.unwrap().best.start_ms, HOUR_MS);
    assert_eq!((search.zones[1].bounds, search.zones[1].ineligible, search.zones[1].holes.len()), (None, 9, 1));
    let search = found(terms(0, HOUR_MS, 3 * HOUR_MS), &[place("FR", &fr)]);
    assert_eq!(search.bounds, None);
}

#[test]
fn a_run_that_fills_its_horizon_has_one_start_and_one_that_exceeds_it_none() {
    let nl = hourly(&[100, 200]);
    let search = found(terms(0, 2 * HOUR_MS, 2 * HOUR_MS), &[place("NL", &nl)]);
    assert_eq!(search.bounds.unwrap().candidates, 1);
    assert_eq!(search.bounds.unwrap().best, search.bounds.unwrap().worst);
    for wrong in [terms(0, 2 * HOUR_MS, HOUR_MS), terms(0, 0, HOUR_MS), WindowTerms { step_ms: 0, ..terms(0, HOUR_MS, HOUR_MS) }] {
        assert!(search_of(wrong, &nl).is_err(), "{wrong:?}");
    }
}

fn search_of(terms: WindowTerms, series: &Integral) -> Result<WindowSearch, String> {
    search(&terms, &[place("NL", series)])
}

#[test]
fn prices_stand_beside_and_do_not_choose() {
    let nl = hourly(&[400, 100, 200]);
    // 0.30, 0.50, −0.02 EUR/kWh; the cheapest hour is not the cleanest.
    let prices = Integral::of([(0, 3_600, 300_000), (3_600, 7_200, 500_000), (7_200, 10_800, -20_000)]);
    let terms = WindowTerms { step_ms: HOUR_MS, ..terms(0, HOUR_MS, 3 * HOUR_MS) };
    let search = found(terms, &[WindowPlace { zone: "NL", intensity: &nl, prices: Some(&prices) }]);
    let bounds = search.bounds.unwrap();
    assert_eq!((bounds.best.start_ms, bounds.best.price.unwrap().micros()), (HOUR_MS, 500_000));
    assert_eq!(bounds.mean_price.unwrap().rounded(2).plain(), "0.26");
    // Where a price is not known of every candidate, there is no mean of them.
    let some = Integral::of([(0, 3_600, 300_000), (3_600, 7_200, 500_000)]);
    let bounds = found(terms, &[WindowPlace { zone: "NL", intensity: &nl, prices: Some(&some) }]).bounds.unwrap();
    assert_eq!((bounds.mean_price, bounds.best.price.map(RunMean::micros)), (None, Some(500_000)));
    assert_eq!(bounds.worst.price.map(RunMean::micros), Some(300_000));
}

#[test]
fn the_resolution_of_the_series_is_of_no_matter() {
    let hours = [400, 100, 200, 350, 90, 90, 500, 120];
    let of = |step_s: i64| {
        let values: Vec<Option<i64>> =
            hours.iter().flat_map(|value| std::iter::repeat_n(Some(*value), (3_600 / step_s) as usize)).collect();
        let series = series(step_s, &values);
        found(terms(7 * MINUTE_MS, 100 * MINUTE_MS, 7 * HOUR_MS), &[place("NL", &series)])
    };
    for step_s in [1_800, 900, 300] {
        assert_eq!(of(step_s), of(3_600), "{step_s} s");
    }
}

/// The mean of every second of a run, in millionths × seconds; none where one of them is not known.
fn second_by_second(values: &[Option<i64>], step_s: i64, start_s: i64, duration_s: i64) -> Option<i128> {
    (start_s..start_s + duration_s)
        .map(|second| {
            let row = usize::try_from(second.div_euclid(step_s)).ok()?;
            Some(i128::from((*values.get(row)?)?) * 1_000_000)
        })
        .sum()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_brute_force_over_seconds_finds_the_same(
        zones in prop::collection::vec((prop::sample::select(vec![300_i64, 900, 1_800, 3_600]), prop::collection::vec(prop::option::weighted(0.95, 0_i64..900), 1..30)), 1..4),
        from_s in -1_000_i64..8_000,
        duration_s in 1_i64..2_500,
        slack_s in 0_i64..6_000,
        step_s in prop::sample::select(vec![60_i64, 300, 617, 900, 3_600]),
    ) {
        let series: Vec<Integral> = zones.iter().map(|(step_s, values)| self::series(*step_s, values)).collect();
        let places: Vec<WindowPlace<'_>> = series.iter().map(|series| place("Z", series)).collect();
        let terms = WindowTerms { from_ms: from_s * 1_000, duration_ms: duration_s * 1_000, within_ms: (duration_s + slack_s) * 1_000, step_ms: step_s * 1_000 };
        let search = search(&terms, &places).unwrap();

        // (sum, start, zone) of every candidate.
        let mut candidates = Vec::new();
        let mut ineligible = vec![0_u64; zones.len()];
        for (zone, (interval_s, values)) in zones.iter().enumerate() {
            let mut start_s = from_s;
            while start_s + duration_s <= from_s + duration_s + slack_s {
                match second_by_second(values, *interval_s, start_s, duration_s) {
                    Some(sum) => candidates.push((sum * 1_000, start_s * 1_000, zone)),
                    None => ineligible[zone] += 1,
                }
                start_s += step_s;
            }
        }
        prop_assert_eq!(search.zones.iter().map(|zone| zone.ineligible).collect::<Vec<_>>(), ineligible);
        let slot = |(sum, start_ms, zone): (i128, i64, usize)| Slot { start_ms, zone, intensity: RunMean::of_run(sum, terms.duration_ms), price: None };
        let best = candidates.iter().copied().min();
        let worst = candidates.iter().copied().min_by_key(|(sum, start, zone)| (-*sum, *start, *zone));
        let sum: i128 = candidates.iter().map(|(sum, ..)| sum).sum();
        match search.bounds {
            None => prop_assert!(candidates.is_empty()),
            Some(bounds) => {
                prop_assert_eq!(Some(bounds.best), best.map(slot));
                prop_assert_eq!(Some(bounds.worst), worst.map(slot));
                prop_assert_eq!(bounds.candidates, candidates.len() as u64);
                prop_assert_eq!(bounds.mean, RunMean::of_runs(sum, terms.duration_ms, candidates.len() as u64));
            }
        }
        let now = candidates.iter().copied().find(|(_, start_ms, zone)| (*start_ms, *zone) == (terms.from_ms, 0));
        prop_assert_eq!(search.now(), now.map(slot));
        for (zone, own) in search.zones.iter().enumerate() {
            let own_best = candidates.iter().copied().filter(|(.., other)| *other == zone).min();
            prop_assert_eq!(own.bounds.map(|bounds| bounds.best), own_best.map(slot));
        }
    }
}
