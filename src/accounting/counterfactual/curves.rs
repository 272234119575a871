//! The intensity around the runs with the largest effect, for a picture.
//!
//! In: a run's timing, and the series of where it ran and of where it would have. Out: [`RunCurve`]: the mean of each interval, or of each hour or more where
//! there would be too many points to see. Does not: reach beyond the data.

use super::retiming::RunTiming;
use crate::accounting::integral::Integral;

/// The intensity around a run, from before its baseline to after its end.
#[derive(Clone, Debug, PartialEq)]
pub struct RunCurve {
    /// Index of [`crate::accounting::plan::Plan::runs`].
    pub run: usize,
    /// Of the zone where it ran: start in seconds since the epoch, g/kWh. The last point closes the last interval.
    pub ran: Vec<(i64, f64)>,
    /// Of the baseline zone, where that is another.
    pub baseline: Vec<(i64, f64)>,
}

/// How many runs have a picture.
pub const PICTURED: usize = 12;

const HOUR_S: i64 = 3_600;
/// What is shown before the first and after the last instant.
const MARGIN_S: i64 = 2 * HOUR_S;
const MOST_POINTS: i64 = 200;

impl RunCurve {
    pub fn of(run: usize, timing: &RunTiming, ran: &Integral, baseline: Option<&Integral>) -> Self {
        let from_s = timing.start_ms.min(timing.baseline_start_ms).div_euclid(1_000) - MARGIN_S;
        let last_ms = timing.end_ms.max(timing.baseline_start_ms + timing.end_ms - timing.start_ms);
        let to_s = last_ms.div_euclid(1_000) + MARGIN_S;
        let span = (from_s.div_euclid(HOUR_S) * HOUR_S, (to_s + HOUR_S - 1).div_euclid(HOUR_S) * HOUR_S);
        let curve = |series: &Integral, known_s: i64| curve(series, known_s, span);
        Self {
            run,
            ran: curve(ran, timing.start_ms.div_euclid(1_000)),
            baseline: baseline.map_or_else(Vec::new, |series| curve(series, timing.baseline_start_ms.div_euclid(1_000))),
        }
    }
}

/// Means of a series over a span, as far as it goes without a hole from an instant that it covers.
fn curve(series: &Integral, known_s: i64, span: (i64, i64)) -> Vec<(i64, f64)> {
    let Some((block_from_ms, block_to_ms)) = series.block(known_s * 1_000) else { return Vec::new() };
    let (from_s, to_s) = (span.0.max(block_from_ms / 1_000), span.1.min(block_to_ms / 1_000));
    let shortest_s = series.shortest_ms() / 1_000;
    // Whole intervals while they can be told apart, then whole hours.
    let width_s = if (to_s - from_s) / shortest_s.max(1) <= MOST_POINTS {
        shortest_s.max(1)
    } else {
        (to_s - from_s) / (MOST_POINTS * HOUR_S) * HOUR_S + HOUR_S
    };
    let starts = std::iter::successors(Some(from_s), |at| Some((at.div_euclid(width_s) + 1) * width_s)).take_while(|at| *at < to_s);
    let mut points: Vec<(i64, f64)> = starts
        .filter_map(|at| {
            let end = ((at.div_euclid(width_s) + 1) * width_s).min(to_s);
            let sum = series.between(at * 1_000, end * 1_000)?;
            Some((at, sum as f64 / ((end - at) * 1_000) as f64 / 1e6))
        })
        .collect();
    if let Some((_, last)) = points.last().copied() {
        points.push((to_s, last));
    }
    points
}

#[cfg(test)]
mod tests {
    use super::super::retiming::Home;
    use super::*;

    fn series(step_s: i64, count: i64) -> Integral {
        Integral::of((0..count).map(|i| (i * step_s, (i + 1) * step_s, i * 1_000_000)))
    }

    fn timing(start_h: i64, end_h: i64, baseline_h: i64) -> RunTiming {
        let ms = |hour: i64| hour * 3_600_000;
        let home = Home::OfSites;
        RunTiming { start_ms: ms(start_h), end_ms: ms(end_h), baseline_start_ms: ms(baseline_h), baseline_zone: 0, baseline_pue: 1.0, home }
    }

    #[test]
    fn the_curve_shows_two_hours_around_both_places() {
        let curve = RunCurve::of(3, &timing(10, 11, 5), &series(HOUR_S, 24), None);
        let hours: Vec<i64> = curve.ran.iter().map(|(at, _)| at / HOUR_S).collect();
        assert_eq!(hours, (3..=13).collect::<Vec<_>>());
        assert_eq!(curve.ran[0].1, 3.0);
        assert_eq!(curve.ran[9..], [(12 * HOUR_S, 12.0), (13 * HOUR_S, 12.0)]);
        assert!(curve.baseline.is_empty());
    }

    #[test]
    fn it_goes_on_to_the_end_of_whichever_place_is_later() {
        // Six hours from 10:30 on, from 14:30 on by the baseline, which would have ended at 20:30; and the other way round.
        let timing = |start_h: i64, baseline_h: i64| RunTiming {
            start_ms: start_h * 3_600_000 + 1_800_000,
            end_ms: (start_h + 6) * 3_600_000 + 1_800_000,
            baseline_start_ms: baseline_h * 3_600_000 + 1_800_000,
            ..timing(0, 0, 0)
        };
        for timing in [timing(10, 14), timing(14, 10)] {
            let curve = RunCurve::of(0, &timing, &series(HOUR_S, 48), Some(&series(HOUR_S, 48)));
            let hours: Vec<i64> = curve.ran.iter().map(|(at, _)| at / HOUR_S).collect();
            // 08:30 to 22:30, in whole hours.
            assert_eq!(hours, (8..=23).collect::<Vec<_>>());
            assert_eq!(curve.baseline, curve.ran);
        }
    }

    #[test]
    fn two_hundred_intervals_are_drawn_one_by_one_and_more_in_hours() {
        // The span is from 01:00 on, as far as the data go: 200 intervals of five minutes, and 201.
        let whole = RunCurve::of(0, &timing(3, 30, 3), &series(300, 12 + 200), None);
        assert_eq!((whole.ran.len(), whole.ran[1]), (201, (HOUR_S + 300, 13.0)));
        let means = RunCurve::of(0, &timing(3, 17, 3), &series(300, 12 + 201), None);
        // 16 hours and three quarters; the last five-minute value has only its own.
        assert_eq!(means.ran.len(), 18);
        assert_eq!(means.ran[1], (2 * HOUR_S, 29.5));
        assert_eq!(means.ran[16..], [(17 * HOUR_S, 208.0), (17 * HOUR_S + 2_700, 208.0)]);
    }

    #[test]
    fn it_ends_where_the_data_does() {
        let curve = RunCurve::of(0, &timing(1, 2, 0), &series(HOUR_S, 3), Some(&series(HOUR_S, 2)));
        assert_eq!(curve.ran.iter().map(|(at, _)| at / HOUR_S).collect::<Vec<_>>(), [0, 1, 2, 3]);
        assert_eq!(curve.baseline.iter().map(|(at, _)| at / HOUR_S).collect::<Vec<_>>(), [0, 1, 2]);
    }

    #[test]
    fn a_week_of_five_minutes_is_drawn_in_hours() {
        let curve = RunCurve::of(0, &timing(3, 160, 3), &series(300, 12 * 168), None);
        assert!(curve.ran.len() <= MOST_POINTS as usize + 1, "{}", curve.ran.len());
        // The mean of the 12 values of hour 1: 12 … 23.
        assert_eq!(curve.ran[0], (HOUR_S, 17.5));
    }

    #[test]
    fn a_long_span_is_drawn_in_as_many_whole_hours_as_it_takes() {
        // Hours from the thousandth on: 398 hours and 4 around them are two points' worth each and one more hour.
        let late = Integral::of((1_000..2_000).map(|i| (i * HOUR_S, (i + 1) * HOUR_S, i * 1_000_000)));
        let at_hours = |timing: RunTiming| RunCurve::of(0, &timing, &late, None).ran.iter().map(|(at, _)| at / HOUR_S).collect::<Vec<_>>();
        let hours = at_hours(timing(1_102, 1_500, 1_102));
        assert_eq!((hours[0], hours[1], hours[2]), (1_100, 1_101, 1_104));
        assert!(hours.len() <= MOST_POINTS as usize + 1);
        // It begins where the data does.
        assert_eq!(at_hours(timing(1_001, 1_003, 1_001)), (1_000..=1_005).collect::<Vec<_>>());
    }
}
