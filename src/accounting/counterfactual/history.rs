//! When a workload starts if nobody shifts it: the times of day of its unshifted runs.
//!
//! In: starts of unshifted runs, of the days before the period and of the period. Out: [`TimesOfDay`], and for a run the instants at which it would have
//! started by them. Rule: times of day in the period's time zone, counted in steps; each is taken where it lies nearest to the run's baseline start.
//! Does not: know why a workload starts when it does.

use std::collections::BTreeMap;

use chrono::{DateTime, Days, Duration, NaiveTime, TimeZone, Timelike};
use chrono_tz::Tz;

/// Cluster, namespace, workload.
pub type WorkloadName = (String, String, String);

/// Starts of unshifted runs by workload, ms since the epoch, of the days before the period and of the period itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    pub starts_ms: BTreeMap<WorkloadName, Vec<i64>>,
}

/// How often a workload started in each step of the day.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TimesOfDay {
    by_second: BTreeMap<u32, u32>,
}

impl TimesOfDay {
    pub fn of(starts_ms: &[i64], step_seconds: i64, time_zone: Tz) -> Self {
        let step = u32::try_from(step_seconds).unwrap_or(1).max(1);
        let mut times = Self::default();
        for start in starts_ms.iter().filter_map(|start| DateTime::from_timestamp_millis(*start)) {
            let second = start.with_timezone(&time_zone).num_seconds_from_midnight();
            *times.by_second.entry(second / step * step).or_default() += 1;
        }
        times
    }

    /// For a run with that baseline start: when it would have started by each time of day, and how often the workload did.
    pub fn around(&self, baseline_start_ms: i64, time_zone: Tz) -> Vec<(i64, u32)> {
        let nearest = |second: u32| nearest(second, baseline_start_ms, time_zone);
        self.by_second.iter().filter_map(|(second, count)| Some((nearest(*second)?, *count))).collect()
    }
}

/// The instant nearest to another at which clocks show a time of day; the earlier of two as near.
fn nearest(second: u32, to_ms: i64, time_zone: Tz) -> Option<i64> {
    let date = DateTime::from_timestamp_millis(to_ms)?.with_timezone(&time_zone).date_naive();
    let time = NaiveTime::from_num_seconds_from_midnight_opt(second, 0)?;
    let dates = [date.checked_sub_days(Days::new(1)), Some(date), date.checked_add_days(Days::new(1))];
    let instants = dates.into_iter().flatten().filter_map(|date| {
        let local = date.and_time(time);
        // A time that clocks skip is an hour later on that day.
        let instant = time_zone.from_local_datetime(&local).earliest();
        instant.or_else(|| time_zone.from_local_datetime(&(local + Duration::hours(1))).earliest())
    });
    instants.map(|instant| instant.timestamp_millis()).min_by_key(|instant| ((instant - to_ms).abs(), *instant))
}

#[cfg(test)]
mod tests {
    use super::*;

    const AMSTERDAM: Tz = chrono_tz::Europe::Amsterdam;

    fn at(text: &str) -> i64 {
        text.parse::<DateTime<chrono::Utc>>().unwrap().timestamp_millis()
    }

    #[test]
    fn a_time_of_day_is_that_of_the_clock_on_the_wall() {
        // 02:05 in Amsterdam, before and after clocks went back on 25 October 2026.
        let times = TimesOfDay::of(&[at("2026-10-20T00:05:00Z"), at("2026-10-27T01:14:00Z")], 900, AMSTERDAM);
        assert_eq!(times.by_second, BTreeMap::from([(7_200, 2)]));
        assert_eq!(times.around(at("2026-10-22T03:00:00Z"), AMSTERDAM), [(at("2026-10-22T00:00:00Z"), 2)]);
        assert_eq!(times.around(at("2026-10-29T03:00:00Z"), AMSTERDAM), [(at("2026-10-29T01:00:00Z"), 2)]);
    }

    #[test]
    fn the_nearest_day_is_taken() {
        let times = TimesOfDay::of(&[at("2026-10-01T00:10:00Z")], 900, Tz::UTC);
        assert_eq!(times.around(at("2026-10-05T23:50:00Z"), Tz::UTC), [(at("2026-10-06T00:00:00Z"), 1)]);
        assert_eq!(times.around(at("2026-10-05T11:00:00Z"), Tz::UTC), [(at("2026-10-05T00:00:00Z"), 1)]);
    }

    #[test]
    fn a_time_that_clocks_skip_is_an_hour_later() {
        // 02:30 does not exist on 29 March 2026.
        let times = TimesOfDay::of(&[at("2026-03-20T01:30:00Z")], 900, AMSTERDAM);
        assert_eq!(times.around(at("2026-03-29T01:00:00Z"), AMSTERDAM), [(at("2026-03-29T01:30:00Z"), 1)]);
    }
}
