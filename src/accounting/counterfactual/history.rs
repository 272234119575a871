//! When a workload starts if nobody shifts it: the times of day of its unshifted runs.
//!
//! In: the Jobs of the days before the period, starts of unshifted runs of the period. Out: [`TimesOfDay`], and for a run the instants at which it would have
//! started by them. Rule: a start counts where neither a decision nor the baseline's rules say that the run was shifted; times of day in the period's time zone,
//! counted in steps; each is taken where it lies nearest to the run's baseline start. Does not: know why a workload starts when it does.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use chrono::{DateTime, Duration, NaiveDate, NaiveTime, TimeZone, Timelike};
use chrono_tz::Tz;

use super::super::survey::{RunKey, run_key};
use super::baseline::{baseline, first_start, is_shift};
use super::decisions::Log;
use crate::model::JobRun;
use crate::units::UtcDay;

/// Cluster, namespace, workload.
pub type WorkloadName = (String, String, String);

/// Starts of unshifted runs by workload, ms since the epoch, of the days before the period and of the period itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    pub starts_ms: BTreeMap<WorkloadName, Vec<i64>>,
}

impl History {
    /// Takes in the Jobs of a cluster-day: those that started on it, each once, and that nobody shifted. One that goes on over midnight is in the tables of
    /// both days.
    pub fn add_day(&mut self, cluster: &str, day: UtcDay, jobs: &[JobRun], log: &Log<'_>) {
        let mut seen: HashSet<RunKey> = HashSet::new();
        for job in jobs {
            let Some(started) = first_start(job).filter(|started| UtcDay::containing(*started) == day) else { continue };
            let decision = log.of(cluster, job, &[], started, job.completed.unwrap_or(started)).counted;
            let is_moved = job.home_cluster.is_some() || job.home_zone.is_some();
            let is_unshifted = baseline(job, decision.as_ref().map(|(_, decision)| &**decision), started)
                .is_ok_and(|baseline| !is_moved && !is_shift(baseline.start, started));
            if is_unshifted && seen.insert(run_key(job)) {
                let name = (cluster.to_owned(), job.namespace.to_string(), job.workload.to_string());
                self.starts_ms.entry(name).or_default().push(started.timestamp_millis());
            }
        }
    }
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
    pub fn around(&self, baseline_start_ms: i64, clock: &Clock) -> Vec<(i64, u32)> {
        self.by_second.iter().filter_map(|(second, count)| Some((clock.nearest(*second, baseline_start_ms)?, *count))).collect()
    }
}

/// When the clocks show each time of day, over the days that baselines lie in: asked of the time zone once for all runs.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    /// Sorted instants, by time of day.
    by_second: BTreeMap<u32, Vec<i64>>,
}

impl Clock {
    /// Of all times of day that are asked for, around baselines from the first to the last.
    pub fn of<'a>(times: impl IntoIterator<Item = &'a TimesOfDay>, (first_ms, last_ms): (i64, i64), time_zone: Tz) -> Self {
        let date = |at_ms: i64| DateTime::from_timestamp_millis(at_ms).map(|at| at.with_timezone(&time_zone).date_naive());
        let (Some(first), Some(last)) = (date(first_ms), date(last_ms)) else { return Self::default() };
        let (first, last) = (first.pred_opt().unwrap_or(first), last.succ_opt().unwrap_or(last));
        let seconds: BTreeSet<u32> = times.into_iter().flat_map(|times| times.by_second.keys().copied()).collect();
        let instants =
            |second: u32| first.iter_days().take_while(|date| *date <= last).filter_map(|date| shown(second, date, time_zone)).collect();
        Self { by_second: seconds.into_iter().map(|second| (second, instants(second))).collect() }
    }

    /// The instant nearest to another at which clocks show a time of day; the earlier of two as near.
    fn nearest(&self, second: u32, to_ms: i64) -> Option<i64> {
        let instants = self.by_second.get(&second)?;
        let after = instants.partition_point(|instant| *instant < to_ms);
        let around = &instants[after.saturating_sub(1)..(after + 1).min(instants.len())];
        around.iter().copied().min_by_key(|instant| ((instant - to_ms).abs(), *instant))
    }
}

/// When clocks show a time of day on a date.
fn shown(second: u32, date: NaiveDate, time_zone: Tz) -> Option<i64> {
    let local = date.and_time(NaiveTime::from_num_seconds_from_midnight_opt(second, 0)?);
    // A time that clocks skip is an hour later on that day.
    let instant = time_zone.from_local_datetime(&local).earliest();
    let instant = instant.or_else(|| time_zone.from_local_datetime(&(local + Duration::hours(1))).earliest());
    instant.map(|instant| instant.timestamp_millis())
}

#[cfg(test)]
mod tests {
    use super::super::placing_test::terms;
    use super::super::test_run::{decision, run};
    use super::*;
    use crate::model::DecisionRecord;

    const AMSTERDAM: Tz = chrono_tz::Europe::Amsterdam;

    fn at(text: &str) -> i64 {
        text.parse::<DateTime<chrono::Utc>>().unwrap().timestamp_millis()
    }

    fn around(times: &TimesOfDay, baseline: &str, time_zone: Tz) -> Vec<(i64, u32)> {
        times.around(at(baseline), &Clock::of([times], (at(baseline), at(baseline)), time_zone))
    }

    #[test]
    fn a_start_counts_where_nobody_shifted_the_run_and_once() {
        let started = |job: &str, created: &str, started: &str| JobRun {
            job: job.into(),
            created: Some(created.parse().unwrap()),
            started: Some(started.parse().unwrap()),
            ..run()
        };
        let plain = started("plain", "2026-10-05T01:00:01Z", "2026-10-05T01:00:02Z");
        let jobs = [
            plain.clone(),
            plain,
            started("held-back", "2026-10-05T01:00:01Z", "2026-10-05T02:00:00Z"),
            started("decided", "2026-10-05T04:59:58Z", "2026-10-05T05:00:00Z"),
            JobRun { home_cluster: Some("edge-fr".into()), ..started("sent", "2026-10-05T01:00:01Z", "2026-10-05T01:00:02Z") },
            JobRun { home_zone: Some("FR".into()), ..started("moved", "2026-10-05T01:00:01Z", "2026-10-05T01:00:02Z") },
            started("yesterdays", "2026-10-04T23:30:00Z", "2026-10-04T23:30:01Z"),
        ];
        let record = DecisionRecord {
            cluster: "prod-nl".to_owned(),
            namespace: "etl".to_owned(),
            job: "decided".to_owned(),
            uid: None,
            decision: decision(),
        };
        let (terms, records) = (terms(), [record]);
        let mut history = History::default();
        history.add_day("prod-nl", "2026-10-05".parse().unwrap(), &jobs, &Log::new(&terms, &records, &Vec::new()));

        let name = ("prod-nl".to_owned(), "etl".to_owned(), "CronJob/nightly".to_owned());
        assert_eq!(history.starts_ms, BTreeMap::from([(name, vec![at("2026-10-05T01:00:02Z")])]));
    }

    #[test]
    fn a_time_of_day_is_that_of_the_clock_on_the_wall() {
        // 02:05 in Amsterdam, before and after clocks went back on 25 October 2026.
        let times = TimesOfDay::of(&[at("2026-10-20T00:05:00Z"), at("2026-10-27T01:14:00Z")], 900, AMSTERDAM);
        assert_eq!(times.by_second, BTreeMap::from([(7_200, 2)]));
        assert_eq!(around(&times, "2026-10-22T03:00:00Z", AMSTERDAM), [(at("2026-10-22T00:00:00Z"), 2)]);
        assert_eq!(around(&times, "2026-10-29T03:00:00Z", AMSTERDAM), [(at("2026-10-29T01:00:00Z"), 2)]);
    }

    #[test]
    fn the_nearest_day_is_taken() {
        let times = TimesOfDay::of(&[at("2026-10-01T00:10:00Z")], 900, Tz::UTC);
        assert_eq!(around(&times, "2026-10-05T23:50:00Z", Tz::UTC), [(at("2026-10-06T00:00:00Z"), 1)]);
        assert_eq!(around(&times, "2026-10-05T11:00:00Z", Tz::UTC), [(at("2026-10-05T00:00:00Z"), 1)]);
    }

    #[test]
    fn a_time_that_clocks_skip_is_an_hour_later() {
        // 02:30 does not exist on 29 March 2026.
        let times = TimesOfDay::of(&[at("2026-03-20T01:30:00Z")], 900, AMSTERDAM);
        assert_eq!(around(&times, "2026-03-29T01:00:00Z", AMSTERDAM), [(at("2026-03-29T01:30:00Z"), 1)]);
    }
}
