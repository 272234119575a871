//! Best, worst and mean start of a run in its window.
//!
//! In: a run's energy, and the starts and places that were open to it. Out: [`Bounds`]. Rule (method, section 7): candidates are baseline start + k × step,
//! k from 0, up to and including baseline start + max delay, in every allowed zone. The baseline is the first of them, so the bounds are the run's
//! counterfactual plus what each candidate differs from it, rounded once: best ≤ counterfactual ≤ worst, always. Cost: linear in the window, whatever the
//! series. Does not: widen or narrow a window; where a candidate lies outside the data there are no bounds.

use super::energy::{PER_UNIT, RunEnergy, divided};
use crate::accounting::integral::Integral;

/// What a run would have emitted (micrograms) or cost (micro-EUR) at its candidates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    pub best: i64,
    pub worst: i64,
    /// Arithmetic mean, rounded once.
    pub mean: i64,
    /// The earliest of the best starts, and its zone: index of [`crate::accounting::plan::Plan::zones`].
    pub best_start_ms: i64,
    pub best_zone: usize,
    pub candidates: u64,
}

/// Where a run may run, and what its energy meets there.
#[derive(Clone, Copy, Debug)]
pub struct CandidatePlace<'a> {
    pub zone: usize,
    pub series: &'a Integral,
    pub pue: f64,
}

/// The values of a run at every candidate, in [`PER_UNIT`]ths: rows are places, columns are starts a step apart.
#[derive(Clone, Debug)]
pub struct Candidates {
    pub baseline_start_ms: i64,
    pub step_ms: i64,
    pub zones: Vec<usize>,
    pub values: Vec<Vec<i128>>,
    /// The row of the baseline zone.
    home: usize,
}

impl Candidates {
    /// Of a run that may start up to `max_delay_ms` after its baseline; `home` is the baseline zone, which is among the places.
    /// The error is the zone whose series does not cover a candidate.
    pub fn of(
        energy: &RunEnergy,
        baseline_start_ms: i64,
        max_delay_ms: i64,
        places: &[CandidatePlace<'_>],
        home: usize,
    ) -> Result<Self, usize> {
        let count = (max_delay_ms.max(0) / energy.step_ms) as usize + 1;
        let row = |place: &CandidatePlace<'_>| energy.values_from(baseline_start_ms, count, place.series, place.pue).ok_or(place.zone);
        Ok(Self {
            baseline_start_ms,
            step_ms: energy.step_ms,
            zones: places.iter().map(|place| place.zone).collect(),
            values: places.iter().map(row).collect::<Result<_, _>>()?,
            home: places.iter().position(|place| place.zone == home).ok_or(home)?,
        })
    }

    /// The same, where the parts of the run have homes of their own: the row of the baseline zone is the sum of theirs. The error is as in [`Candidates::of`].
    pub fn with_home_of(mut self, parts: &[(&RunEnergy, CandidatePlace<'_>)]) -> Result<Self, usize> {
        let count = self.values[self.home].len();
        let mut sum = vec![0_i128; count];
        for (energy, place) in parts {
            let values = energy.values_from(self.baseline_start_ms, count, place.series, place.pue).ok_or(place.zone)?;
            sum.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
        }
        self.values[self.home] = sum;
        Ok(self)
    }

    /// The value at the baseline itself.
    pub fn baseline(&self) -> i128 {
        self.values[self.home][0]
    }

    /// Around a counterfactual that is already rounded, row by row of the ledger.
    pub fn bounds(&self, counterfactual: i64) -> Bounds {
        let baseline = self.baseline();
        let (mut best, mut worst, mut sum) = ((baseline, 0, self.home), baseline, 0_i128);
        for (row, values) in self.values.iter().enumerate() {
            for (start, value) in values.iter().enumerate() {
                // The earlier start among equals; at home rather than away.
                let is_better = *value < best.0 || *value == best.0 && start < best.1;
                if is_better {
                    best = (*value, start, row);
                }
                worst = worst.max(*value);
                sum += value - baseline;
            }
        }
        let candidates = self.values.iter().map(Vec::len).sum::<usize>();
        Bounds {
            best: counterfactual + divided(best.0 - baseline, PER_UNIT),
            worst: counterfactual + divided(worst - baseline, PER_UNIT),
            mean: counterfactual + divided(sum, PER_UNIT * candidates as i128),
            best_start_ms: self.baseline_start_ms + best.1 as i64 * self.step_ms,
            best_zone: self.zones[best.2],
            candidates: candidates as u64,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::energy::rounded;
    use super::super::profile::ProfileStep;
    use super::*;

    const QUARTER_S: i64 = 900;
    const QUARTER_MS: i64 = 900_000;
    const WATT_HOUR: i64 = 3_600_000;

    fn series(step_s: i64, values: &[i64]) -> Integral {
        Integral::of(values.iter().enumerate().map(|(i, value)| (i as i64 * step_s, (i as i64 + 1) * step_s, *value)))
    }

    fn hourly(values: &[i64]) -> Integral {
        series(3_600, &values.iter().map(|value| value * 1_000_000).collect::<Vec<_>>())
    }

    fn run_of(energies: &[i64], start_ms: i64, end_ms: i64) -> RunEnergy {
        let first = start_ms.div_euclid(QUARTER_MS) as i32;
        let steps: Vec<_> = (first..)
            .zip(energies)
            .map(|(step, active_mj)| ProfileStep { site: 0, step, active_mj: *active_mj, cpu_request_milli: 0 })
            .collect();
        RunEnergy::of(&steps, start_ms, end_ms, QUARTER_S)
    }

    #[test]
    fn an_hour_in_a_window_of_two_has_nine_starts() {
        // 1 Wh a quarter. Starts 00:00 … 02:00 over 400, 100, 200: hour means 400, 325, 250, 175, 100, 125, 150, 175, 200.
        let energy = run_of(&[WATT_HOUR; 4], 0, 3_600_000);
        let grid = hourly(&[400, 100, 200]);
        let places = [CandidatePlace { zone: 3, series: &grid, pue: 1.0 }];

        let bounds = Candidates::of(&energy, 0, 7_200_000, &places, 3).expect("covered").bounds(1_600_000);

        // 4 Wh at 100, at 400, and at their mean 1,900 / 9.
        assert_eq!((bounds.best, bounds.worst, bounds.mean), (400_000, 1_600_000, 844_444));
        assert_eq!((bounds.best_start_ms, bounds.best_zone, bounds.candidates), (3_600_000, 3, 9));
    }

    #[test]
    fn elsewhere_counts_with_its_own_pue() {
        let energy = run_of(&[WATT_HOUR], 0, QUARTER_MS);
        let (home, away) = (hourly(&[100]), hourly(&[90]));
        let places = [CandidatePlace { zone: 0, series: &home, pue: 1.1 }, CandidatePlace { zone: 1, series: &away, pue: 1.25 }];

        let bounds = Candidates::of(&energy, 0, 0, &places, 0).expect("covered").bounds(110_000);

        assert_eq!((bounds.best, bounds.best_zone, bounds.worst, bounds.mean), (110_000, 0, 112_500, 111_250));
    }

    #[test]
    fn a_delay_that_is_no_whole_number_of_steps_ends_at_the_last_start_in_it() {
        let energy = run_of(&[1], 0, QUARTER_MS);
        let grid = hourly(&[1; 4]);
        let places = [CandidatePlace { zone: 0, series: &grid, pue: 1.0 }];
        let count = |delay| Candidates::of(&energy, 0, delay, &places, 0).expect("covered").bounds(0).candidates;
        assert_eq!((count(QUARTER_MS - 1), count(QUARTER_MS), count(-1)), (1, 2, 1));
    }

    #[test]
    fn a_window_beyond_the_data_names_the_zone() {
        let energy = run_of(&[1], 0, QUARTER_MS);
        let (long, short) = (hourly(&[1; 4]), hourly(&[1]));
        let places = [CandidatePlace { zone: 0, series: &long, pue: 1.0 }, CandidatePlace { zone: 7, series: &short, pue: 1.0 }];
        assert_eq!(Candidates::of(&energy, 0, 3_600_000, &places, 0).map(|_| ()), Err(7));
    }

    #[test]
    fn of_equal_starts_the_earliest_is_named_and_home_before_away() {
        let energy = run_of(&[1_000], 0, QUARTER_MS);
        let (a, b) = (hourly(&[50, 20, 20]), hourly(&[50, 20, 20]));
        let places = [CandidatePlace { zone: 0, series: &a, pue: 1.0 }, CandidatePlace { zone: 1, series: &b, pue: 1.0 }];
        let bounds = Candidates::of(&energy, 0, 7_200_000, &places, 1).expect("covered").bounds(0);
        assert_eq!(bounds.best_start_ms, 3_600_000);
        let flat = hourly(&[20, 20, 20]);
        let places = [CandidatePlace { zone: 0, series: &flat, pue: 1.0 }, CandidatePlace { zone: 1, series: &flat, pue: 1.0 }];
        let bounds = Candidates::of(&energy, 0, 7_200_000, &places, 1).expect("covered").bounds(0);
        assert_eq!((bounds.best_start_ms, bounds.best_zone), (0, 1));
    }

    /// Every start by itself: piece by piece, over single seconds of the series' intervals.
    fn by_hand(energy: &[i64], start_ms: i64, end_ms: i64, at_ms: i64, step_s: i64, values: &[i64], pue: f64) -> f64 {
        let first = start_ms.div_euclid(QUARTER_MS);
        let shift = at_ms - start_ms;
        let mut total = 0.0;
        for (step, mj) in (first..).zip(energy) {
            let (from, to) = ((step * QUARTER_MS).max(start_ms), ((step + 1) * QUARTER_MS).min(end_ms));
            for (i, value) in values.iter().enumerate() {
                let (lo, hi) = (i as i64 * step_s * 1_000, (i as i64 + 1) * step_s * 1_000);
                let shared = (to + shift).min(hi) - (from + shift).max(lo);
                if shared > 0 {
                    total += *mj as f64 * shared as f64 / (to - from) as f64 * *value as f64 / 3.6e9;
                }
            }
        }
        total * pue
    }

    prop_compose! {
        /// A run of up to three hours that starts anywhere in the first hour, a day of intensities, and a window.
        fn stories()(
            step_s in prop::sample::select(vec![300_i64, 900, 1_800, 3_600]),
            start_ms in 0..3_600_000_i64,
            duration_ms in 1..10_800_000_i64,
            energy in prop::collection::vec(0..50_000_000_i64, 14),
            values in prop::collection::vec(0..900_000_000_i64, 288),
            delay_ms in 0..36_000_000_i64,
        ) -> (i64, i64, i64, Vec<i64>, Vec<i64>, i64) {
            let end_ms = start_ms + duration_ms;
            let steps = (end_ms - 1).div_euclid(QUARTER_MS) - start_ms.div_euclid(QUARTER_MS) + 1;
            let energy = energy[..steps as usize].to_vec();
            let values = values[..(86_400 / step_s) as usize].to_vec();
            (step_s, start_ms, end_ms, energy, values, delay_ms)
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn bounds_are_those_of_every_start_by_itself((step_s, start_ms, end_ms, energy, values, delay_ms) in stories()) {
            let run = run_of(&energy, start_ms, end_ms);
            let grid = series(step_s, &values);
            let places = [CandidatePlace { zone: 0, series: &grid, pue: 1.3 }];
            let candidates = Candidates::of(&run, start_ms, delay_ms, &places, 0).expect("covered");
            let slow: Vec<f64> = (0..=delay_ms / QUARTER_MS)
                .map(|k| by_hand(&energy, start_ms, end_ms, start_ms + k * QUARTER_MS, step_s, &values, 1.3))
                .collect();
            prop_assert_eq!(candidates.values[0].len(), slow.len());
            for (fast, slow) in candidates.values[0].iter().zip(&slow) {
                prop_assert!((*fast as f64 / PER_UNIT as f64 - slow).abs() <= 1e-6 * slow.abs().max(1.0));
            }
            let counterfactual = rounded(candidates.baseline());
            let bounds = candidates.bounds(counterfactual);
            prop_assert!(bounds.best <= counterfactual && counterfactual <= bounds.worst);
            prop_assert!(bounds.best <= bounds.mean && bounds.mean <= bounds.worst);
            let lowest = slow.iter().copied().fold(f64::INFINITY, f64::min);
            prop_assert!((bounds.best as f64 - lowest).abs() <= 1.01);
        }

        /// P28: a run that may not wait is at its bounds.
        #[test]
        fn without_flexibility_nothing_could_be_had((step_s, start_ms, end_ms, energy, values, _) in stories()) {
            let run = run_of(&energy, start_ms, end_ms);
            let grid = series(step_s, &values);
            let places = [CandidatePlace { zone: 0, series: &grid, pue: 1.3 }];
            let bounds = Candidates::of(&run, start_ms, 0, &places, 0).expect("covered").bounds(77);
            prop_assert_eq!((bounds.best, bounds.mean, bounds.worst), (77, 77, 77));
        }

        /// P29: under constant intensity no start is better than another, to the last digit.
        #[test]
        fn under_constant_intensity_nothing_could_be_had((step_s, start_ms, end_ms, energy, values, delay_ms) in stories()) {
            let run = run_of(&energy, start_ms, end_ms);
            let grid = series(step_s, &vec![values[0]; values.len()]);
            let places = [CandidatePlace { zone: 0, series: &grid, pue: 1.234_567 }];
            let bounds = Candidates::of(&run, start_ms, delay_ms, &places, 0).expect("covered").bounds(77);
            prop_assert_eq!((bounds.best, bounds.mean, bounds.worst, bounds.best_start_ms), (77, 77, 77, start_ms));
        }

        /// P30: a wider window, or one more zone, has no worse best and no better worst.
        #[test]
        fn a_wider_window_never_has_less_to_offer((step_s, start_ms, end_ms, energy, values, delay_ms) in stories(), share in 0.0..1.0_f64) {
            let run = run_of(&energy, start_ms, end_ms);
            let grid = series(step_s, &values);
            let mut turned = values.clone();
            turned.reverse();
            let away = series(step_s, &turned);
            let home = CandidatePlace { zone: 0, series: &grid, pue: 1.1 };
            let places = [home, CandidatePlace { zone: 1, series: &away, pue: 1.5 }];
            let of = |delay: i64, places: &[CandidatePlace<'_>]| Candidates::of(&run, start_ms, delay, places, 0).expect("covered").bounds(0);
            let narrow = of((delay_ms as f64 * share) as i64, &[home]);
            let wide = of(delay_ms, &[home]);
            let wider = of(delay_ms, &places);
            prop_assert!(wide.best <= narrow.best && wide.worst >= narrow.worst);
            prop_assert!(wider.best <= wide.best && wider.worst >= wide.worst);
        }

        /// What every hour has more, every start has more: the differences stay.
        #[test]
        fn a_grid_that_is_dirtier_all_day_has_the_same_to_offer((step_s, start_ms, end_ms, energy, values, delay_ms) in stories(), more in 0..300_000_000_i64) {
            let run = run_of(&energy, start_ms, end_ms);
            let (grid, dirtier) = (series(step_s, &values), series(step_s, &values.iter().map(|value| value + more).collect::<Vec<_>>()));
            let of = |series: &Integral| {
                Candidates::of(&run, start_ms, delay_ms, &[CandidatePlace { zone: 0, series, pue: 1.3 }], 0).expect("covered").bounds(0)
            };
            prop_assert_eq!(of(&grid), of(&dirtier));
        }

        /// The same story a whole number of intervals later is the same story.
        #[test]
        fn when_the_month_begins_does_not_matter((step_s, start_ms, end_ms, energy, values, delay_ms) in stories()) {
            let later_ms = 86_400_000;
            let later: Vec<i64> = values.iter().chain(&values).copied().collect();
            let (grid, twice) = (series(step_s, &values), series(step_s, &later));
            let run = run_of(&energy, start_ms, end_ms);
            let place = |series| [CandidatePlace { zone: 0, series, pue: 1.3 }];
            let first = Candidates::of(&run, start_ms, delay_ms, &place(&grid), 0).expect("covered").bounds(5);
            let second = Candidates::of(&run, start_ms + later_ms, delay_ms, &place(&twice), 0).expect("covered").bounds(5);
            prop_assert_eq!(Bounds { best_start_ms: first.best_start_ms + later_ms, ..first }, second);
        }
    }

    #[test]
    fn of_equal_values_the_earlier_start_is_named_even_away_from_home_and_at_home_where_they_start_together() {
        let energy = run_of(&[1_000], 0, QUARTER_MS);
        let best = |home: &[i64], away: &[i64]| {
            let (home, away) = (hourly(home), hourly(away));
            let places = [CandidatePlace { zone: 0, series: &home, pue: 1.0 }, CandidatePlace { zone: 1, series: &away, pue: 1.0 }];
            let bounds = Candidates::of(&energy, 0, 7_200_000, &places, 0).expect("covered").bounds(0);
            (bounds.best_start_ms, bounds.best_zone)
        };
        assert_eq!(best(&[50, 50, 20], &[50, 20, 50]), (3_600_000, 1));
        assert_eq!(best(&[50, 20, 50], &[50, 50, 20]), (3_600_000, 0));
        assert_eq!(best(&[50, 20, 50], &[50, 20, 50]), (3_600_000, 0));
    }
}
