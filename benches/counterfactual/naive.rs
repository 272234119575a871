//! The yardstick: a scan for each candidate. Every step of the run, and under it every interval of the series, one after the other.

use wattledger::accounting::counterfactual::profile::ProfileStep;
use wattledger::accounting::counterfactual::retiming::RunTiming;

use crate::generate::STEP_S;

/// A series as it comes: interval by interval.
pub struct Intervals {
    pub start_ms: Vec<i64>,
    pub end_ms: Vec<i64>,
    /// Millionths of g/kWh.
    pub value: Vec<i64>,
}

impl Intervals {
    /// Σ duration × value under a span: the interval that the span begins in is looked up, the others follow.
    fn under(&self, from_ms: i64, to_ms: i64) -> i128 {
        let first = self.end_ms.partition_point(|end| *end <= from_ms);
        let mut sum = 0;
        for i in first..self.start_ms.len() {
            if self.start_ms[i] >= to_ms {
                break;
            }
            sum += i128::from(self.end_ms[i].min(to_ms) - self.start_ms[i].max(from_ms)) * i128::from(self.value[i]);
        }
        sum
    }
}

/// Lowest, highest and sum over all starts and zones, in micrograms before rounding.
pub struct Scanned {
    pub best: f64,
    pub worst: f64,
    pub sum: f64,
    pub candidates: u64,
}

/// `places` is each zone's series with its PUE.
pub fn scan(profile: &[ProfileStep], timing: &RunTiming, max_delay_ms: i64, places: &[(&Intervals, f64)]) -> Scanned {
    let step_ms = STEP_S * 1_000;
    let mut scanned = Scanned { best: f64::INFINITY, worst: f64::NEG_INFINITY, sum: 0.0, candidates: 0 };
    for (series, pue) in places {
        let mut delay_ms = 0;
        while delay_ms <= max_delay_ms {
            let later_ms = timing.baseline_start_ms + delay_ms - timing.start_ms;
            let mut value = 0.0;
            for step in profile {
                let from_ms = (i64::from(step.step) * step_ms).max(timing.start_ms);
                let to_ms = (i64::from(step.step + 1) * step_ms).min(timing.end_ms);
                let under = series.under(from_ms + later_ms, to_ms + later_ms);
                value += step.active_mj as f64 * (under as f64 / (to_ms - from_ms) as f64) / 3.6e9;
            }
            value *= pue;
            scanned.best = scanned.best.min(value);
            scanned.worst = scanned.worst.max(value);
            scanned.sum += value;
            scanned.candidates += 1;
            delay_ms += step_ms;
        }
    }
    scanned
}
