//! Hand-worked values and laws for the differencing of one counter. Steps are 60 s; times in seconds, values in joules.

use proptest::prelude::*;

use super::counters::{Merge, OnRestart, Reading, Samples, Start, StepSums, Tally, Window, difference};

const MINUTES: Window = Window { start_ms: 0, end_ms: 600_000, step_ms: 60_000 };

fn reading(start: Start) -> Reading<'static> {
    Reading { start, on_restart: OnRestart::FromZero, restarts: &[], largest_per_second: 20_000.0 }
}

fn steps_of(samples: &[(i64, f64)], reading: &Reading, window: Window) -> (Vec<(i32, i64)>, Tally) {
    let ts_ms: Vec<i64> = samples.iter().map(|(s, _)| s * 1_000).collect();
    let value: Vec<f64> = samples.iter().map(|(_, value)| *value).collect();
    let (mut sums, mut tally) = (StepSums::new(window), Tally::default());
    difference(Samples { ts_ms: &ts_ms, value: &value }, reading, &mut sums, &mut tally);
    (sums.drain(), tally)
}

fn steps(samples: &[(i64, f64)]) -> (Vec<(i32, i64)>, Tally) {
    steps_of(samples, &reading(Start::Anchor), MINUTES)
}

#[test]
fn a_steady_counter_is_cut_at_step_edges() {
    // 10 J/s from second 30 to 150: 30 s, 60 s and 30 s of it.
    assert_eq!(steps(&[(30, 1_000.0), (90, 1_600.0), (150, 2_200.0)]).0, [(0, 300_000), (1, 600_000), (2, 300_000)]);
}

#[test]
fn a_sample_on_an_edge_does_not_reach_the_next_step() {
    assert_eq!(steps(&[(0, 5.0), (60, 6.0)]).0, [(0, 1_000)]);
}

#[test]
fn thirds_of_a_millijoule_are_rounded_once_not_by_step() {
    // 1 mJ over three steps: the cumulative values 0.333 and 0.667 mJ round to 0 and 1.
    assert_eq!(steps(&[(0, 0.0), (180, 0.001)]).0, [(0, 0), (1, 1), (2, 0)]);
}

#[test]
fn after_a_reset_the_new_value_counts_from_zero_over_the_interval() {
    // 100 J in 10 s, then the counter falls to 20 J within 10 s: 20 J are counted, and 10 J/s x 10 s may be lost.
    let (rows, tally) = steps(&[(0, 1_000.0), (10, 1_100.0), (20, 20.0), (30, 50.0)]);
    assert_eq!(rows, [(0, 150_000)]);
    assert_eq!((tally.resets, tally.loss_bound, tally.unbounded_resets), (1, 100.0, 0));
}

#[test]
fn a_reset_across_an_edge_is_spread_from_the_sample_before() {
    // 30 J from second 45 to 75: half on either side of the edge.
    assert_eq!(steps(&[(45, 1_000.0), (75, 30.0)]).0, [(0, 15_000), (1, 15_000)]);
}

#[test]
fn an_impossible_sample_is_dropped_alone_where_the_counter_goes_on_as_before() {
    // 10 J/s, and one reading of 1e15 J: what comes after it says all.
    let (rows, tally) = steps(&[(0, 100.0), (10, 200.0), (20, 1e15), (30, 400.0), (40, 500.0)]);
    assert_eq!(rows, [(0, 400_000)]);
    assert_eq!((tally.implausible, tally.resets, tally.decreases), (1, 0, 0));
}

#[test]
fn of_a_jump_that_stays_only_the_jump_is_dropped() {
    let (rows, tally) = steps(&[(0, 100.0), (10, 200.0), (20, 1e9), (30, 1e9 + 100.0), (40, 1e9 + 200.0)]);
    assert_eq!(rows, [(0, 300_000)]);
    assert_eq!((tally.implausible, tally.resets), (1, 0));
}

#[test]
fn a_small_fall_counts_nothing_and_goes_on_from_the_lower_value() {
    let (rows, tally) = steps(&[(0, 1e6), (10, 1e6 - 1.0), (20, 1e6 + 4.0)]);
    assert_eq!(rows, [(0, 5_000)]);
    assert_eq!((tally.decreases, tally.resets), (1, 0));
}

#[test]
fn a_fall_of_one_percent_is_a_reset() {
    let (rows, tally) = steps(&[(0, 1_000.0), (10, 990.0)]);
    assert_eq!((rows, tally.resets), (vec![(0, 990_000)], 1));
}

#[test]
fn a_restart_makes_even_a_rising_value_count_from_zero() {
    let reading = Reading { restarts: &[10_000], ..reading(Start::Anchor) };
    assert_eq!(steps_of(&[(0, 10.0), (10, 50.0), (20, 60.0)], &reading, MINUTES).0, [(0, 60_000)]);
}

#[test]
fn a_counter_that_restarts_at_no_energy_drops_that_delta() {
    let reading = Reading { restarts: &[10_000], on_restart: OnRestart::Drop, ..reading(Start::Anchor) };
    let (rows, tally) = steps_of(&[(0, 10.0), (10, 5_000.0), (20, 5_007.0)], &reading, MINUTES);
    assert_eq!((rows, tally.dropped_at_restart), (vec![(0, 7_000)], 1));
}

#[test]
fn a_newborn_counter_counts_from_zero_since_the_scrape_before() {
    // One sample of 90 J at second 75, target scraped before at 45.
    let born = reading(Start::Zero { since_ms: 45_000 });
    assert_eq!(steps_of(&[(75, 90.0)], &born, MINUTES).0, [(0, 45_000), (1, 45_000)]);
    assert_eq!(steps(&[(75, 90.0)]).0, []);
}

#[test]
fn a_hole_is_spread_over_its_steps() {
    assert_eq!(steps(&[(0, 0.0), (240, 24.0)]).0, [(0, 6_000), (1, 6_000), (2, 6_000), (3, 6_000)]);
}

#[test]
fn more_than_a_machine_can_draw_is_dropped() {
    let (rows, tally) = steps(&[(0, 0.0), (60, 1_300_000.0), (120, 1_300_060.0)]);
    assert_eq!((rows, tally.implausible), (vec![(1, 60_000)], 1));
    // Two servers scraping a moment apart see one renewal of the exporter between them.
    assert_eq!(steps(&[(0, 0.0), (1, 150_000.0)]).0, [(0, 150_000_000)]);
}

#[test]
fn only_the_window_is_counted() {
    let window = Window { start_ms: 60_000, end_ms: 180_000, step_ms: 60_000 };
    assert_eq!(steps_of(&[(30, 0.0), (90, 60.0), (210, 180.0)], &reading(Start::Anchor), window).0, [(1, 60_000), (2, 60_000)]);
}

#[test]
fn series_of_one_identity_are_merged_by_time_with_the_larger_value() {
    let mut merge = Merge::default();
    let running = Samples { ts_ms: &[0, 10, 20], value: &[1.0, f64::NAN, 3.0] };
    let terminated = Samples { ts_ms: &[20, 25], value: &[3.5, 4.0] };
    let merged = merge.of(&[running, terminated]);
    assert_eq!((merged.ts_ms, merged.value), (&[0, 20, 25][..], &[1.0, 3.5, 4.0][..]));
    assert_eq!(merge.non_finite, 1);
}

#[test]
fn a_window_numbers_its_steps_and_knows_what_lies_in_it() {
    // The third day since the epoch: quarters of an hour 192 to 287.
    let window = Window::of_day("1970-01-03".parse().unwrap(), 900).unwrap();
    assert_eq!((window.steps(), window.step_number(0), window.step_number(95)), (96, 192, 287));
    assert_eq!([191, 192, 287, 288].map(|number| window.step_of(number)), [None, Some(0), Some(95), None]);
    let (from, to) = (172_800_000, 259_200_000);
    assert_eq!(
        [(from - 5, from - 1), (from - 5, from), (to - 1, to + 5), (to, to + 5)].map(|(first, last)| window.overlaps(first, last)),
        [false, true, true, false]
    );
    for step_seconds in [0, -900, 7] {
        let refused = Window::of_day("1970-01-03".parse().unwrap(), step_seconds).unwrap_err();
        assert_eq!(refused.to_string(), format!("a step of {step_seconds} s does not divide a day"));
    }
    assert_eq!(Samples { ts_ms: &[3, 5, 9], value: &[1.0; 3] }.span(), Some((3, 9)));
    assert_eq!(Samples { ts_ms: &[], value: &[] }.span(), None);
}

#[test]
fn what_a_reset_may_have_lost_is_the_rate_before_it_times_its_own_interval() {
    let bound = |samples: &[(i64, f64)]| {
        let (_, tally) = steps(samples);
        (tally.resets, tally.loss_bound, tally.unbounded_resets)
    };
    // 10 J/s for 10 s, then a reset within 20 s.
    assert_eq!(bound(&[(100, 1_000.0), (110, 1_100.0), (130, 20.0)]), (1, 200.0, 0));
    assert_eq!(bound(&[(100, 1_000.0), (110, 1_000.0), (130, 20.0)]), (1, 0.0, 0));
    // Without an interval before, or with a fall in it, nobody knows.
    assert_eq!(bound(&[(100, 1_000.0), (110, 20.0), (130, 5.0)]), (2, 0.0, 2));
}

#[test]
fn an_odd_delta_is_named_in_the_window_in_which_it_ends() {
    let before = Window { end_ms: 60_000, ..MINUTES };
    let after = Window { start_ms: 60_000, ..MINUTES };
    let odd = |samples: &[(i64, f64)], reading: &Reading, window| {
        let (_, tally) = steps_of(samples, reading, window);
        (tally.deltas, tally.resets + tally.decreases + tally.implausible + tally.dropped_at_restart)
    };
    let anchor = reading(Start::Anchor);
    let dropping = Reading { restarts: &[50_000], on_restart: OnRestart::Drop, ..anchor };
    for (from, to, reading) in [(1e3, 20.0, &anchor), (1e6, 1e6 - 1.0, &anchor), (0.0, 1e9, &anchor), (1.0, 5.0, &dropping)] {
        assert_eq!((odd(&[(30, from), (90, to)], reading, before), odd(&[(30, from), (90, to)], reading, after)), ((0, 0), (1, 1)));
        // One that ends at the edge ends before it.
        assert_eq!((odd(&[(30, from), (60, to)], reading, before), odd(&[(30, from), (60, to)], reading, after)), ((1, 1), (0, 0)));
    }
}

#[test]
fn a_newborn_counter_is_cut_at_the_window_and_may_be_implausible() {
    let before = Window { end_ms: 60_000, ..MINUTES };
    let after = Window { start_ms: 60_000, ..MINUTES };
    let born = |since_s: i64, first: (i64, f64), window| {
        let (rows, tally) = steps_of(&[first], &reading(Start::Zero { since_ms: since_s * 1_000 }), window);
        (rows, tally.deltas, tally.implausible)
    };
    assert_eq!((born(30, (90, 60.0), before), born(30, (90, 60.0), after)), ((vec![(0, 30_000)], 0, 0), (vec![(1, 30_000)], 1, 0)));
    assert_eq!((born(30, (60, 60.0), before), born(30, (60, 60.0), after)), ((vec![(0, 60_000)], 1, 0), (vec![], 0, 0)));
    assert_eq!((born(60, (90, 60.0), before), born(60, (90, 60.0), after)), ((vec![], 0, 0), (vec![(1, 60_000)], 1, 0)));
    assert_eq!((born(30, (90, 1e9), before), born(30, (90, 1e9), after)), ((vec![], 0, 0), (vec![], 1, 1)));
}

#[test]
fn the_most_that_a_machine_can_draw_is_plausible() {
    // 20 kW over 20 s.
    let of = |joules: f64| {
        let (rows, tally) = steps(&[(0, 0.0), (20, joules)]);
        (total(&rows), tally.implausible)
    };
    assert_eq!((of(400_000.0), of(400_001.0)), ((400_000_000, 0), (0, 1)));
}

#[test]
fn a_jump_after_which_the_counter_stands_lower_than_before_is_no_stray_reading() {
    // It comes back to where it was: the jump alone was wrong.
    let (rows, tally) = steps(&[(0, 100.0), (10, 1e15), (20, 100.0)]);
    assert_eq!((total(&rows), tally.implausible, tally.resets), (0, 1, 0));
    // It comes back lower: it was reset after the jump.
    let (rows, tally) = steps(&[(0, 100.0), (10, 1e15), (20, 50.0)]);
    assert_eq!((total(&rows), tally.implausible, tally.resets), (50_000, 1, 1));
}

#[test]
fn the_lines_of_a_watched_step_say_what_of_them_fell_into_it() {
    let mut sums = StepSums::new(MINUTES).watching(Some(1));
    for (from_s, to_s) in [(0, 60), (30, 150), (50, 70), (110, 130), (120, 170)] {
        sums.add_line(from_s * 1_000, 0.0, to_s * 1_000, (to_s - from_s) as f64);
    }
    let lines: Vec<_> =
        sums.take_lines().iter().map(|line| (line.from_ms / 1_000, line.to_ms / 1_000, line.to, line.thousandths)).collect();
    assert_eq!(lines, [(30, 150, 120.0, 60_000), (50, 70, 20.0, 10_000), (110, 130, 20.0, 10_000)]);
    assert_eq!(sums.take_lines(), []);
}

fn total(rows: &[(i32, i64)]) -> i64 {
    rows.iter().map(|row| row.1).sum()
}

fn round(value: f64) -> i64 {
    (value * 1_000.0 + 0.5).floor() as i64
}

/// Rising values at rising seconds, all within ten minutes, below the implausible.
fn rising() -> impl Strategy<Value = Vec<(i64, f64)>> {
    (0.0..1e9_f64, prop::collection::vec((1_i64..12, 0.0..1_000.0_f64), 2..50)).prop_map(|(first, rises)| {
        let (mut at, mut value) = (0, first);
        rises
            .into_iter()
            .map(|(seconds, joules)| {
                let sample = (at, value);
                at += seconds;
                value += joules;
                sample
            })
            .collect()
    })
}

proptest! {
    #[test]
    fn steps_add_up_to_the_delta_rounded_once(samples in rising()) {
        let (rows, _) = steps(&samples);
        prop_assert_eq!(total(&rows), round(samples[samples.len() - 1].1) - round(samples[0].1));
        prop_assert!(rows.iter().all(|row| row.1 >= 0));
    }

    #[test]
    fn a_missing_sample_in_between_leaves_the_total(samples in rising(), at in any::<prop::sample::Index>()) {
        prop_assume!(samples.len() > 2);
        let whole = total(&steps(&samples).0);
        let mut fewer = samples.clone();
        fewer.remove(1 + at.index(samples.len() - 2));
        prop_assert_eq!(total(&steps(&fewer).0), whole);
    }

    #[test]
    fn windows_computed_apart_are_the_whole(mut samples in rising(), edge in 1_i64..10, falls in prop::collection::vec(any::<prop::sample::Index>(), 0..4)) {
        for fall in &falls {
            let from = fall.index(samples.len());
            let base = samples[from].1;
            samples[from..].iter_mut().for_each(|sample| sample.1 -= base);
        }
        let edge_ms = edge * 60_000;
        let before = Window { end_ms: edge_ms, ..MINUTES };
        let after = Window { start_ms: edge_ms, ..MINUTES };
        // Each part holds one sample beyond the edge, as a day's evidence does.
        let last_needed = samples.partition_point(|sample| sample.0 * 1_000 < edge_ms);
        let first_needed = last_needed.saturating_sub(1);
        let (whole, tally) = steps(&samples);
        let (mut parts, tally_before) = steps_of(&samples[..samples.len().min(last_needed + 1)], &reading(Start::Anchor), before);
        let (later, tally_after) = steps_of(&samples[first_needed..], &reading(Start::Anchor), after);
        parts.extend(later);
        prop_assert_eq!(parts, whole);
        prop_assert_eq!(tally_before.resets + tally_after.resets, tally.resets);
    }
}
