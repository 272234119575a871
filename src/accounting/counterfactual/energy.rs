//! The energy of a run, laid out so that it can be valued at any start.
//!
//! In: the profile of a run, and when it ran. Out: [`RunEnergy`], which any running sum (intensity, price) values at any start, at one or at a whole row of
//! starts a step apart. Rule (method, section 7): a step's energy lies uniformly over its overlap with the run. Whole numbers throughout: a value is in
//! [`PER_UNIT`]ths, cut off once for each length of piece, so equal starts have equal values to the last digit. Does not: choose a start.

use super::profile::ProfileStep;
use super::retiming::overlap;
use crate::accounting::integral::Integral;

/// Millijoules in a kilowatt-hour, times the millionths in which a PUE is counted: what a value has to be divided by for micrograms or micro-EUR.
pub const PER_UNIT: i128 = 3_600_000_000 * MILLIONTHS;
const MILLIONTHS: i128 = 1_000_000;

/// The energy of a run, laid out from its start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunEnergy {
    pub step_ms: i64,
    pub duration_ms: i64,
    pub active_mj: i64,
    /// Whole steps without a break between them, in mJ; the first begins `whole_from_ms` after the start.
    whole: Vec<i64>,
    whole_from_ms: i64,
    /// The rest: steps that the start or the end cuts.
    cut: Vec<Piece>,
}

/// Offsets from the start of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Piece {
    from_ms: i64,
    to_ms: i64,
    active_mj: i64,
}

impl RunEnergy {
    /// Of a profile, whatever the order of its steps.
    pub fn of<'a>(profile: impl IntoIterator<Item = &'a ProfileStep>, start_ms: i64, end_ms: i64, step_seconds: i64) -> Self {
        let step_ms = step_seconds * 1_000;
        let mut energy = Self { step_ms, duration_ms: end_ms - start_ms, ..Self::default() };
        // The first step boundary that is not before the start.
        energy.whole_from_ms = (start_ms + step_ms - 1).div_euclid(step_ms) * step_ms - start_ms;
        for step in profile.into_iter().filter(|step| step.active_mj != 0) {
            energy.active_mj += step.active_mj;
            let from_ms = i64::from(step.step) * step_ms;
            let (from_ms, to_ms) = overlap((start_ms, end_ms), (from_ms, from_ms + step_ms));
            energy.add(Piece { from_ms: from_ms - start_ms, to_ms: to_ms - start_ms, active_mj: step.active_mj });
        }
        energy
    }

    fn add(&mut self, piece: Piece) {
        if piece.to_ms - piece.from_ms == self.step_ms {
            let index = ((piece.from_ms - self.whole_from_ms) / self.step_ms) as usize;
            if self.whole.len() <= index {
                self.whole.resize(index + 1, 0);
            }
            self.whole[index] += piece.active_mj;
            return;
        }
        match self.cut.iter_mut().find(|known| (known.from_ms, known.to_ms) == (piece.from_ms, piece.to_ms)) {
            Some(known) => known.active_mj += piece.active_mj,
            None => self.cut.push(piece),
        }
    }

    /// What the run's energy comes to if it starts at an instant; none where the series does not cover it.
    pub fn value_at(&self, start_ms: i64, series: &Integral, pue: f64) -> Option<i128> {
        self.values_from(start_ms, 1, series, pue)?.first().copied()
    }

    /// The same at `count` starts, each a step after the one before. Cost: two look-ups a start and cut piece, one for each whole step that any start
    /// reaches, and a multiplication a start and whole step.
    pub fn values_from(&self, start_ms: i64, count: usize, series: &Integral, pue: f64) -> Option<Vec<i128>> {
        let last_start_ms = start_ms + (count.max(1) as i64 - 1) * self.step_ms;
        if !series.covers(start_ms, last_start_ms + self.duration_ms) {
            return None;
        }
        let mut values = self.values_of_whole_steps(start_ms, count, series)?;
        for piece in &self.cut {
            let spread = Spread::of(piece);
            let (mut from, mut to) = (series.walk_from(start_ms + piece.from_ms), series.walk_from(start_ms + piece.to_ms));
            let mut at_ms = start_ms;
            for value in &mut values {
                let under = to.up_to(at_ms + piece.to_ms) - from.up_to(at_ms + piece.from_ms);
                *value += spread.over(i64::try_from(under).ok()?);
                at_ms += self.step_ms;
            }
        }
        let pue_millionths = (pue * MILLIONTHS as f64).round() as i128;
        values.iter_mut().for_each(|value| *value *= pue_millionths);
        Some(values)
    }

    fn values_of_whole_steps(&self, start_ms: i64, count: usize, series: &Integral) -> Option<Vec<i128>> {
        if self.whole.is_empty() {
            return Some(vec![0; count]);
        }
        // Under each step that any of the starts puts energy into.
        let mut under = Vec::with_capacity(self.whole.len() + count);
        let mut at_ms = start_ms + self.whole_from_ms;
        let mut walk = series.walk_from(at_ms);
        let mut before = walk.up_to(at_ms);
        for _ in 1..self.whole.len() + count {
            at_ms += self.step_ms;
            let up_to = walk.up_to(at_ms);
            under.push(i64::try_from(up_to - before).ok()?);
            before = up_to;
        }
        let step_ms = i128::from(self.step_ms);
        Some(under.windows(self.whole.len()).map(|under| dot(&self.whole, under).div_euclid(step_ms)).collect())
    }
}

/// The energy of a piece, spread over its length, in mJ and the rest in mJ a length: a product of it is divided in 64 bits, a tenth of the work of 128.
struct Spread {
    length_ms: i64,
    each_mj: i64,
    rest_mj: i64,
}

impl Spread {
    fn of(piece: &Piece) -> Self {
        let length_ms = piece.to_ms - piece.from_ms;
        Self { length_ms, each_mj: piece.active_mj.div_euclid(length_ms), rest_mj: piece.active_mj.rem_euclid(length_ms) }
    }

    /// Energy × sum ÷ length, rounded down. A rest and the sum's rest are below the length, and their product far below 2^63.
    fn over(&self, under: i64) -> i128 {
        let (times, left) = (under.div_euclid(self.length_ms), under.rem_euclid(self.length_ms));
        let whole = i128::from(self.each_mj) * i128::from(under) + i128::from(self.rest_mj) * i128::from(times);
        whole + i128::from((self.rest_mj * left).div_euclid(self.length_ms))
    }
}

fn dot(energy: &[i64], under: &[i64]) -> i128 {
    energy.iter().zip(under).map(|(energy, under)| i128::from(*energy) * i128::from(*under)).sum()
}

/// A value in whole micrograms or micro-EUR: rounded once, halves away from zero.
pub fn rounded(value: i128) -> i64 {
    divided(value, PER_UNIT)
}

pub(super) fn divided(value: i128, by: i128) -> i64 {
    let half = by / 2;
    let whole = if value < 0 { (value - half) / by } else { (value + half) / by };
    i64::try_from(whole).unwrap_or(if whole < 0 { i64::MIN } else { i64::MAX })
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUARTER_S: i64 = 900;
    const QUARTER_MS: i64 = 900_000;

    fn step(step: i32, active_mj: i64) -> ProfileStep {
        ProfileStep { site: 0, step, active_mj, cpu_request_milli: 0 }
    }

    fn hourly(values: &[i64]) -> Integral {
        Integral::of(values.iter().enumerate().map(|(hour, value)| (hour as i64 * 3_600, (hour as i64 + 1) * 3_600, value * 1_000_000)))
    }

    /// 1 Wh is 3,600,000 mJ.
    const WATT_HOUR: i64 = 3_600_000;

    #[test]
    fn a_watt_hour_at_a_hundred_grams_is_a_tenth_of_a_gram_times_the_pue() {
        let energy = RunEnergy::of(&[step(0, WATT_HOUR)], 0, QUARTER_MS, QUARTER_S);
        assert_eq!(energy.value_at(0, &hourly(&[100]), 1.0).map(rounded), Some(100_000));
        assert_eq!(energy.value_at(0, &hourly(&[100]), 1.25).map(rounded), Some(125_000));
    }

    #[test]
    fn pieces_that_start_and_end_cut_lie_where_the_run_did() {
        // 00:10–00:50: five minutes, two quarters of an hour, five minutes; 1 Wh in each.
        let profile = [step(0, WATT_HOUR), step(1, WATT_HOUR), step(2, WATT_HOUR), step(3, WATT_HOUR)];
        let energy = RunEnergy::of(&profile, 600_000, 3_000_000, QUARTER_S);
        let series = hourly(&[100, 400]);
        // As it was: all in the first hour. 35 minutes later, 00:45: five minutes and ten of fifteen in the first, the rest in the second.
        assert_eq!(energy.value_at(600_000, &series, 1.0).map(rounded), Some(400_000));
        let (first, second) = (100_000 + 66_667, 33_333 * 4 + 800_000);
        let later = energy.value_at(2_700_000, &series, 1.0).map(rounded).expect("covered");
        assert!((later - first - second).abs() <= 1, "{later}");
    }

    #[test]
    fn energy_seen_around_the_run_belongs_to_its_first_and_last_instant() {
        let energy = RunEnergy::of(&[step(0, 5), step(1, 7), step(2, 11)], QUARTER_MS, 2 * QUARTER_MS, QUARTER_S);
        assert_eq!(energy.active_mj, 23);
        assert_eq!(energy.cut.len(), 2);
        assert_eq!((energy.cut[0].from_ms, energy.cut[0].to_ms), (0, 1));
        assert_eq!((energy.cut[1].from_ms, energy.cut[1].to_ms), (QUARTER_MS - 1, QUARTER_MS));
    }

    #[test]
    fn a_pause_between_two_tries_moves_with_them() {
        // 1 Wh from 00:00, three quarters of an hour of nothing, 1 Wh from 01:00: at 100 and 200. An hour later: at 200 and 400.
        let energy = RunEnergy::of(&[step(0, WATT_HOUR), step(4, WATT_HOUR)], 0, 5 * QUARTER_MS, QUARTER_S);
        let series = hourly(&[100, 200, 400]);
        assert_eq!(energy.value_at(0, &series, 1.0).map(rounded), Some(300_000));
        assert_eq!(energy.value_at(3_600_000, &series, 1.0).map(rounded), Some(600_000));
        assert_eq!(energy.values_from(0, 5, &series, 1.0).map(|row| row.into_iter().map(rounded).collect::<Vec<_>>()).unwrap()[4], 600_000);
    }

    #[test]
    fn intervals_of_five_fifteen_and_thirty_minutes_are_cut_where_they_are() {
        // 1 Wh, uniform over 00:02–00:17. In 5 minutes: 3 at 0, 5 at 100, 5 at 200, 2 at 300 g. A minute later: 2, 5, 5, 3.
        let energy = RunEnergy::of(&[step(0, WATT_HOUR)], 120_000, 1_020_000, QUARTER_S);
        let series =
            |minutes: i64, step: i64| Integral::of((0..24).map(|i| (i * minutes * 60, (i + 1) * minutes * 60, i * step * 1_000_000)));
        assert_eq!(energy.active_mj, WATT_HOUR);
        let value = |start_ms: i64, series: &Integral| energy.value_at(start_ms, series, 1.0).map(rounded).expect("covered");
        // The step ends at 00:15, and with it its energy: 13 minutes, 3 of them at 0, 5 at 100, 5 at 200 g.
        assert_eq!(value(120_000, &series(5, 100)), 115_385);
        assert_eq!(value(180_000, &series(5, 100)), 138_462);
        // Quarters: all in the first; from 00:10 on, five minutes in it and eight in the second.
        assert_eq!((value(120_000, &series(15, 100)), value(600_000, &series(15, 100))), (0, 61_538));
        // Half hours: from 00:25 on, five minutes and eight.
        assert_eq!(value(1_500_000, &series(30, 100)), 61_538);
    }

    #[test]
    fn sites_of_one_step_add_up() {
        let both = [step(0, 3), ProfileStep { site: 1, ..step(0, 4) }];
        assert_eq!(RunEnergy::of(&both, 0, QUARTER_MS, QUARTER_S), RunEnergy::of(&[step(0, 7)], 0, QUARTER_MS, QUARTER_S));
    }

    #[test]
    fn a_start_outside_the_data_has_no_value() {
        let energy = RunEnergy::of(&[step(0, 5)], 0, QUARTER_MS, QUARTER_S);
        assert_eq!(energy.value_at(3_600_000 - QUARTER_MS + 1, &hourly(&[1]), 1.0), None);
        assert!(energy.values_from(0, 4, &hourly(&[1]), 1.0).is_some());
        assert!(energy.values_from(0, 5, &hourly(&[1]), 1.0).is_none());
    }

    #[test]
    fn a_spread_is_divided_as_the_whole_product_would_be() {
        for length_ms in [1, 7, 899_999, 900_000] {
            for active_mj in [0, 1, 6, 899_999, 3_600_000_000_001, 1 << 50] {
                let spread = Spread::of(&Piece { from_ms: 3, to_ms: 3 + length_ms, active_mj });
                for under in [0, 1, -1, 12_345_678_901_234, -98_765_432_109_876, 1 << 51] {
                    let product = i128::from(active_mj) * i128::from(under);
                    assert_eq!(spread.over(under), product.div_euclid(i128::from(length_ms)), "{active_mj} x {under} / {length_ms}");
                }
            }
        }
    }

    #[test]
    fn halves_are_rounded_away_from_zero() {
        assert_eq!((divided(5, 10), divided(-5, 10), divided(4, 10), divided(-4, 10)), (1, -1, 0, 0));
    }

    #[test]
    fn what_two_sites_used_in_a_piece_of_a_step_is_added_up() {
        // Ten minutes of a quarter of an hour, at two sites.
        let profile = [step(0, WATT_HOUR), ProfileStep { site: 1, ..step(0, 2 * WATT_HOUR) }];
        let energy = RunEnergy::of(&profile, 300_000, QUARTER_MS, QUARTER_S);
        assert_eq!(energy.active_mj, 3 * WATT_HOUR);
        assert_eq!(energy.value_at(300_000, &hourly(&[100]), 1.0).map(rounded), Some(300_000));
    }

    #[test]
    fn halves_go_away_from_zero_and_what_does_not_fit_stays_at_the_end() {
        assert_eq!([5, 4, -4, -5, 0].map(|value| divided(value, 10)), [1, 0, 0, -1, 0]);
        assert_eq!((divided(i128::MAX / 2, 3), divided(i128::MIN / 2, 3)), (i64::MAX, i64::MIN));
    }
}
