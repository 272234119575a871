//! What a kilowatt-hour of a run meets, exactly.
//!
//! In: Σ duration × value over one run, or over many of the same duration. Out: [`RunMean`], which rounds once, for people. Rule: a comparison is one of whole
//! numbers. Does not: compare runs of different durations.

use crate::accounting::integral::Integral;
use crate::units::{GramsCo2ePerKilowattHour, Rounded};

/// Millionths of a unit in one: of a gram, or of a euro.
const MICROS: i128 = 1_000_000;

/// The mean over one run, or over several of the same duration: g/kWh, or EUR/kWh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunMean {
    /// Σ duration × value, in ms × millionths.
    sum: i128,
    duration_ms: i64,
    runs: u64,
}

impl RunMean {
    /// Of one run.
    pub fn of_run(sum: i128, duration_ms: i64) -> Self {
        Self::of_runs(sum, duration_ms, 1)
    }

    /// Over a span of a series; none where the span has no length, or a hole.
    pub fn over(series: &Integral, from_ms: i64, to_ms: i64) -> Option<Self> {
        let sum = if from_ms < to_ms { series.between(from_ms, to_ms) } else { None };
        sum.map(|sum| Self::of_run(sum, to_ms - from_ms))
    }

    /// Of runs that count alike; `sum` is over all of them.
    pub fn of_runs(sum: i128, duration_ms: i64, runs: u64) -> Self {
        Self { sum, duration_ms, runs }
    }

    /// With `decimals` digits, half up.
    pub fn rounded(self, decimals: u32) -> Rounded {
        Rounded::of(self.sum, self.weight_ms() * MICROS, decimals)
    }

    /// Of a series of intensities, as a double.
    pub fn grams(self) -> GramsCo2ePerKilowattHour {
        GramsCo2ePerKilowattHour::new(self.sum as f64 / self.weight_ms() as f64 / MICROS as f64)
    }

    /// In whole millionths, rounded once, half up.
    pub fn micros(self) -> i64 {
        let doubled = self.sum * 2 + self.weight_ms();
        i64::try_from(doubled.div_euclid(2 * self.weight_ms())).expect("a mean is no larger than the largest of its values")
    }

    /// How many per cent less this is than another of the same duration: below zero where it is more. None where the other is not above zero, and there is
    /// nothing to save, or where the durations differ.
    pub fn saving_per_cent(self, other: Self, decimals: u32) -> Option<Rounded> {
        let (this, that) = (self.sum * i128::from(other.runs), other.sum * i128::from(self.runs));
        (that > 0 && self.duration_ms == other.duration_ms).then(|| Rounded::of((that - this) * 100, that, decimals))
    }

    fn weight_ms(self) -> i128 {
        i128::from(self.duration_ms) * i128::from(self.runs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_MS: i64 = 3_600_000;

    /// One run of an hour at so many millionths.
    fn hour(micros: i128) -> RunMean {
        RunMean::of_run(micros * i128::from(HOUR_MS), HOUR_MS)
    }

    #[test]
    fn a_figure_is_rounded_once_half_up() {
        assert_eq!(hour(182_449_999).rounded(1).plain(), "182.4");
        assert_eq!(hour(182_450_000).rounded(1).plain(), "182.5");
        assert_eq!(hour(-222_360).rounded(2).plain(), "-0.22");
        // Three runs, 100 g altogether.
        let third = RunMean::of_runs(100_000_000 * i128::from(HOUR_MS), HOUR_MS, 3);
        assert_eq!((third.rounded(3).plain().as_str(), third.micros()), ("33.333", 33_333_333));
        assert_eq!(RunMean::of_runs(1, 2, 1).micros(), 1);
        assert_eq!(hour(250_000_000).grams().get(), 250.0);
    }

    #[test]
    fn a_saving_is_a_share_of_what_it_is_compared_with() {
        let saving = |this: RunMean, other| this.saving_per_cent(other, 1).map(Rounded::plain);
        assert_eq!(saving(hour(100), hour(400)).as_deref(), Some("75.0"));
        assert_eq!(saving(hour(400), hour(100)).as_deref(), Some("-300.0"));
        assert_eq!(saving(hour(7), hour(7)).as_deref(), Some("0.0"));
        assert_eq!(saving(hour(1), hour(3)).as_deref(), Some("66.7"));
        // Against the mean of two runs of 100 and 300.
        assert_eq!(saving(hour(100), RunMean::of_runs(400 * i128::from(HOUR_MS), HOUR_MS, 2)).as_deref(), Some("50.0"));
    }

    #[test]
    fn of_nothing_and_of_other_durations_there_is_no_saving() {
        assert_eq!(hour(0).saving_per_cent(hour(0), 1), None);
        assert_eq!(hour(1).saving_per_cent(hour(-5), 1), None);
        assert_eq!(hour(1).saving_per_cent(RunMean::of_run(9, 3), 1), None);
    }

    #[test]
    fn a_mean_over_a_span_is_weighted_by_time_and_there_is_none_of_no_time_or_of_a_hole() {
        // An hour at 100 millionths, one at 400, and nothing after.
        let series = Integral::of([(0, 3_600, 100), (3_600, 7_200, 400)]);
        let over = |from_ms, to_ms| RunMean::over(&series, from_ms, to_ms);
        // Half an hour of the first, a quarter of the second: (1,800 x 100 + 900 x 400) / 2,700.
        assert_eq!(over(1_800_000, 4_500_000).unwrap().micros(), 200);
        assert_eq!(over(1_800_000, 4_500_000), Some(RunMean::of_run(540_000_000, 2_700_000)));
        assert_eq!(over(3_600_000, 3_600_001).unwrap().micros(), 400);
        assert_eq!((over(5_000, 5_000), over(5_001, 5_000), over(0, 7_200_001)), (None, None, None));
    }

    #[test]
    fn means_of_several_runs_are_compared_as_means() {
        let two = RunMean::of_runs(200 * i128::from(HOUR_MS), HOUR_MS, 2);
        assert_eq!(two.saving_per_cent(hour(400), 1).map(Rounded::plain).as_deref(), Some("75.0"));
    }
}
