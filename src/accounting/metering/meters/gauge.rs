//! From power to energy: a gauge's samples joined by straight lines, where they are close enough.
//!
//! In: watts over time. Out: cumulative joules, one curve for each stretch without a hole. Rule: trapezoids; across a hole nothing is known and
//! nothing is made up: the steps within it are a gap. Assumes: samples are sorted. Does not: extrapolate.

use super::Curve;

/// A gauge's sample stands for no longer than Prometheus itself would show it.
const LONGEST_INTERVAL_MS: i64 = 300_000;
/// A slower scrape than that makes holes of its own only beyond so many of its intervals.
const HOLE_INTERVALS: f64 = 2.5;

/// `scale` is watts per unit of the gauge.
pub fn integrate<'a>(ts_ms: &[i64], power: &[f64], scale: f64) -> Vec<Curve<'a>> {
    let sound: Vec<(i64, f64)> =
        ts_ms.iter().copied().zip(power.iter().copied()).filter(|(_, power)| power.is_finite() && *power >= 0.0).collect();
    let longest = longest_interval_ms(&sound);
    sound
        .chunk_by(|a, b| b.0 - a.0 <= longest)
        .filter(|stretch| stretch.len() > 1)
        .map(|stretch| {
            let mut joules = 0.0;
            let mut curve = vec![0.0];
            for pair in stretch.windows(2) {
                let seconds = (pair[1].0 - pair[0].0) as f64 / 1_000.0;
                joules += (pair[0].1 + pair[1].1) / 2.0 * scale * seconds;
                curve.push(joules);
            }
            Curve::owned(stretch.iter().map(|sample| sample.0).collect(), curve)
        })
        .collect()
}

fn longest_interval_ms(samples: &[(i64, f64)]) -> i64 {
    let mut intervals: Vec<i64> = samples.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
    if intervals.is_empty() {
        return LONGEST_INTERVAL_MS;
    }
    let middle = intervals.len() / 2;
    let median = *intervals.select_nth_unstable(middle).1;
    LONGEST_INTERVAL_MS.max((median as f64 * HOLE_INTERVALS) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn power_is_joined_by_straight_lines() {
        // 100 W to 200 W in 60 s is 9,000 J, then 200 W for 30 s is 6,000 J.
        let curves = integrate(&[0, 60_000, 90_000], &[100.0, 200.0, 200.0], 1.0);
        assert_eq!(curves.len(), 1);
        assert_eq!(curves[0].samples().value, [0.0, 9_000.0, 15_000.0]);
    }

    #[test]
    fn nothing_is_known_across_a_hole() {
        let minute = 60_000;
        let curves = integrate(&[0, minute, 20 * minute, 21 * minute], &[10.0; 4], 1.0);
        let energy: Vec<f64> = curves.iter().map(|curve| curve.samples().value[1]).collect();
        assert_eq!(energy, [600.0, 600.0]);
    }

    #[test]
    fn a_slow_scrape_has_no_holes_of_its_own() {
        let ten_minutes = 600_000;
        assert_eq!(integrate(&[0, ten_minutes, 2 * ten_minutes], &[10.0; 3], 1.0).len(), 1);
        assert!(integrate(&[0], &[10.0], 1.0).is_empty());
    }
}
