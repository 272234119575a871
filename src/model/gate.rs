//! How many jobs may run at an intensity, and from when on they may whatever it is.
//!
//! In: the terms of a gate, the intensities up to now, a deadline. Out: a number of jobs. Rule: none at `below` or above it, all at `full` or below it, in between a
//! share of them that is rounded up, by steps where there are any. The number falls at once and rises only once the intensity is lower by the hysteresis, so a
//! series that moves by less than that never makes it flap; it depends on the series alone, so every server that has it says the same, and says it again after
//! a restart. From the latest start on that meets a deadline all jobs may run. Does not: know what time it is, or stand in for an intensity that is not known.

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

/// Intensities are in millionths of g/kWh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GateTerms {
    below: i64,
    full: i64,
    max: u32,
    steps: Option<u32>,
    hysteresis: i64,
}

impl GateTerms {
    /// The error says what cannot be.
    pub fn new(below: i64, full: Option<i64>, max: u32, steps: Option<u32>, hysteresis: i64) -> Result<Self, String> {
        let terms = Self { below, full: full.unwrap_or(below), max, steps, hysteresis };
        if below <= 0 || terms.full < 0 || hysteresis < 0 {
            return Err("`below` is above zero, `full` and `hysteresis` are not below it".to_owned());
        }
        if max == 0 {
            return Err("a `max` of 0 lets no job run at any intensity".to_owned());
        }
        if steps == Some(0) {
            return Err("`steps` is 1 or more".to_owned());
        }
        if terms.full > below {
            return Err("`full` is not above `below`: fewer jobs run where the grid is dirtier".to_owned());
        }
        if hysteresis > terms.full || hysteresis >= below {
            return Err("`hysteresis` is larger than the intensity at which all jobs may run, so they never would".to_owned());
        }
        Ok(terms)
    }

    pub fn max(&self) -> u32 {
        self.max
    }

    /// Without a past.
    pub fn level(&self, intensity: i64) -> u32 {
        if intensity >= self.below {
            return 0;
        }
        if intensity <= self.full || self.full == self.below {
            return self.max;
        }
        let (part, whole) = (i128::from(self.below) - i128::from(intensity), i128::from(self.below) - i128::from(self.full));
        let share_up = |of: u32| divided_up(i128::from(of) * part, whole);
        let level = match self.steps {
            None => share_up(self.max),
            Some(steps) => divided_up(i128::from(self.max) * share_up(steps), steps.into()),
        };
        u32::try_from(level).map_or(self.max, |level| level.min(self.max))
    }

    /// What follows a number of jobs when the intensity is known anew.
    pub fn next(&self, before: u32, intensity: i64) -> u32 {
        let risen = self.level(intensity.saturating_add(self.hysteresis));
        self.level(intensity).min(before.max(risen))
    }

    /// What the past makes of it, oldest first; none where the last is not known. What is not known in between is forgotten with all before it.
    pub fn replay(&self, intensities: impl IntoIterator<Item = Option<i64>>) -> Option<u32> {
        let mut jobs = None;
        for intensity in intensities {
            jobs = intensity.map(|intensity| self.next(jobs.unwrap_or(0), intensity));
        }
        jobs
    }
}

fn divided_up(value: i128, by: i128) -> i128 {
    (value + by - 1).div_euclid(by)
}

/// When work has to have ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deadline {
    Once(DateTime<Utc>),
    /// Every day at a time of day.
    Daily(NaiveTime, Tz),
}

/// When work has to begin so that it ends in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LatestStart {
    deadline: Deadline,
    duration: TimeDelta,
}

impl LatestStart {
    /// `duration` is how long all of the work takes, what waits for its turn included. The error says what cannot be.
    pub fn new(deadline: Deadline, duration: TimeDelta) -> Result<Self, String> {
        if duration <= TimeDelta::zero() {
            return Err("`duration` is longer than nothing".to_owned());
        }
        if matches!(deadline, Deadline::Daily(..)) && duration >= TimeDelta::hours(23) {
            // A day can be as short as that.
            return Err("work that is due every day takes less than 23 hours".to_owned());
        }
        Ok(Self { deadline, duration })
    }

    /// The deadline that is next, or that has passed where it is the only one.
    pub fn deadline_at(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        match self.deadline {
            Deadline::Once(deadline) => deadline,
            Deadline::Daily(time, zone) => {
                let today = now.with_timezone(&zone).date_naive();
                let of_days = [today.pred_opt(), Some(today), today.succ_opt(), today.succ_opt().and_then(|day| day.succ_opt())];
                let deadlines = of_days.into_iter().flatten().map(|day| on_the_clock(day, time, zone));
                deadlines.filter(|deadline| *deadline > now).min().unwrap_or(DateTime::<Utc>::MAX_UTC)
            }
        }
    }

    /// From when on it can wait no longer.
    pub fn at(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        self.deadline_at(now) - self.duration
    }

    /// Whether it can wait no longer. A deadline that is passed is due, too: late work does not get less late by waiting.
    pub fn is_due(&self, now: DateTime<Utc>) -> bool {
        now >= self.at(now)
    }
}

/// When a clock on the wall shows a time: the first of two, and where it is left out the moment at which it would have.
fn on_the_clock(day: NaiveDate, time: NaiveTime, zone: Tz) -> DateTime<Utc> {
    let local = day.and_time(time);
    // Clocks leave out less than four hours, but for islands that left out a day.
    let mut later = (0..4).map(TimeDelta::hours);
    let first = later.find_map(|later| Some(zone.from_local_datetime(&(local + later)).earliest()?.to_utc() - later));
    first.unwrap_or_else(|| local.and_utc())
}

#[cfg(test)]
mod tests {
    use chrono_tz::Europe::Amsterdam;
    use proptest::prelude::*;

    use super::*;

    const G: i64 = 1_000_000;

    fn gate(below: i64, full: Option<i64>, max: u32, steps: Option<u32>, hysteresis: i64) -> GateTerms {
        GateTerms::new(below * G, full.map(|full| full * G), max, steps, hysteresis * G).unwrap()
    }

    fn at(time: &str) -> DateTime<Utc> {
        time.parse().unwrap()
    }

    #[test]
    fn without_a_full_it_is_a_switch() {
        let gate = gate(200, None, 10, None, 0);
        assert_eq!([0, 199, 200, 201, 900].map(|value| gate.level(value * G)), [10, 10, 0, 0, 0]);
        assert_eq!(gate.level(200 * G - 1), 10);
    }

    #[test]
    fn between_full_and_below_it_is_graded_and_rounded_up() {
        // From 200 down to 100: at 150 half of ten, at 199 a hundredth of ten, which is one job, at 100 all.
        let graded = gate(200, Some(100), 10, None, 0);
        assert_eq!([200, 199, 190, 189, 150, 149, 101, 100, 5].map(|value| graded.level(value * G)), [0, 1, 1, 2, 5, 6, 10, 10, 10]);
        // In two steps: five jobs from 199 down to 150, all below. Of ten jobs in three steps a third is 3.33, so 4.
        let stepped = gate(200, Some(100), 10, Some(2), 0);
        assert_eq!([200, 199, 150, 149, 100].map(|value| stepped.level(value * G)), [0, 5, 5, 10, 10]);
        assert_eq!([199, 160, 110].map(|value| gate(200, Some(100), 10, Some(3), 0).level(value * G)), [4, 7, 10]);
    }

    #[test]
    fn it_falls_at_once_and_rises_late() {
        // Opens below 180, closes at 200.
        let gate = gate(200, None, 10, None, 20);
        let mut jobs = 0;
        let seen = [210, 190, 181, 180, 179, 190, 199, 200, 190, 150].map(|value| {
            jobs = gate.next(jobs, value * G);
            jobs
        });
        assert_eq!(seen, [0, 0, 0, 0, 10, 10, 10, 0, 0, 10]);
        assert_eq!(gate.replay([210, 179, 199].map(|value| Some(value * G))), Some(10));
        assert_eq!(gate.replay([Some(179 * G), None, Some(199 * G)]), Some(0));
        assert_eq!(gate.replay([Some(179 * G), None]), None);
        assert_eq!(gate.replay([]), None);
    }

    #[test]
    fn terms_that_could_never_let_all_run_are_refused() {
        let error = |below, full, max, steps, hysteresis| GateTerms::new(below, full, max, steps, hysteresis).unwrap_err();
        assert!(error(0, None, 1, None, 0).contains("above zero"));
        assert!(error(200, None, 0, None, 0).contains("`max`"));
        assert!(error(200, Some(201), 1, None, 0).contains("`full` is not above"));
        assert!(error(200, Some(100), 1, Some(0), 0).contains("`steps`"));
        assert!(error(200, None, 1, None, 200).contains("never would"));
        assert!(error(200, Some(100), 1, None, 101).contains("never would"));
        assert!(error(200, Some(100), 1, None, -1).contains("not below it"));
    }

    #[test]
    fn work_starts_so_that_it_ends_by_its_deadline() {
        let once = LatestStart::new(Deadline::Once(at("2026-10-05T07:00:00Z")), TimeDelta::hours(2)).unwrap();
        assert!(!once.is_due(at("2026-10-05T04:59:59Z")));
        assert!(once.is_due(at("2026-10-05T05:00:00Z")));
        assert!(once.is_due(at("2026-10-09T00:00:00Z")));

        // 07:00 in Amsterdam is 05:00Z in summer and 06:00Z in winter; the clocks change in the night to 2026-10-25.
        let daily = LatestStart::new(Deadline::Daily("07:00:00".parse().unwrap(), Amsterdam), TimeDelta::hours(2)).unwrap();
        assert_eq!(daily.at(at("2026-10-05T01:00:00Z")), at("2026-10-05T03:00:00Z"));
        assert!(!daily.is_due(at("2026-10-05T02:59:59Z")) && daily.is_due(at("2026-10-05T03:00:00Z")));
        assert!(daily.is_due(at("2026-10-05T04:59:59Z")) && !daily.is_due(at("2026-10-05T05:00:00Z")));
        assert_eq!(daily.deadline_at(at("2026-10-24T22:30:00Z")), at("2026-10-25T06:00:00Z"));
    }

    #[test]
    fn a_time_that_the_clock_leaves_out_or_shows_twice_is_one_moment() {
        // 2027-03-28: after 01:59:59 comes 03:00, which is 01:00Z. 02:30 would have been 01:30Z.
        let daily = |time: &str| LatestStart::new(Deadline::Daily(time.parse().unwrap(), Amsterdam), TimeDelta::hours(1)).unwrap();
        assert_eq!(daily("02:30:00").deadline_at(at("2027-03-28T00:00:00Z")), at("2027-03-28T00:30:00Z"));
        // 2026-10-25: 02:30 is 00:30Z and again 01:30Z; the first counts, so that nothing is late.
        assert_eq!(daily("02:30:00").deadline_at(at("2026-10-24T12:00:00Z")), at("2026-10-25T00:30:00Z"));
    }

    #[test]
    fn a_duration_that_fills_the_day_is_refused() {
        let daily = Deadline::Daily("07:00:00".parse().unwrap(), Amsterdam);
        assert!(LatestStart::new(daily, TimeDelta::hours(23)).is_err());
        assert!(LatestStart::new(daily, TimeDelta::zero()).is_err());
    }

    prop_compose! {
        fn terms()(below in 1_i64..1_000, max in 1_u32..200, graded in proptest::option::of((0.0..1.0_f64, proptest::option::of(1_u32..12))), share in 0.0..1.0_f64) -> GateTerms {
            let below = below * G;
            let full = graded.map(|(share, _)| (below as f64 * share) as i64);
            let hysteresis = ((full.unwrap_or(below - 1).min(below - 1)) as f64 * share) as i64;
            GateTerms::new(below, full, max, graded.and_then(|(_, steps)| steps), hysteresis).unwrap()
        }
    }

    proptest! {
        #[test]
        fn a_dirtier_grid_never_lets_more_jobs_run(gate in terms(), a in 0_i64..1_200_000_000, b in 0_i64..1_200_000_000) {
            let (low, high) = (a.min(b), a.max(b));
            prop_assert!(gate.level(low) >= gate.level(high));
            prop_assert_eq!(gate.level(high) == 0, high >= gate.below);
            prop_assert!(gate.level(low) <= gate.max);
            prop_assert_eq!(gate.level(gate.full.min(gate.below - 1)), gate.max);
        }

        #[test]
        fn whatever_was_before_it_stays_between_what_the_two_intensities_allow(gate in terms(), before in 0_u32..200, now in 0_i64..1_200_000_000) {
            let next = gate.next(before.min(gate.max), now);
            prop_assert!(next <= gate.level(now) && next >= gate.level(now + gate.hysteresis));
            prop_assert!(now < gate.below || next == 0);
        }

        #[test]
        fn a_series_that_moves_by_less_than_the_hysteresis_never_flaps(gate in terms(), before in 0_u32..200, base in 0_i64..1_000_000_000, moves in proptest::collection::vec(0.0..=1.0_f64, 1..50)) {
            let mut jobs = before.min(gate.max);
            let mut seen = Vec::new();
            for share in moves {
                jobs = gate.next(jobs, base + (gate.hysteresis as f64 * share) as i64);
                seen.push(jobs);
            }
            prop_assert!(seen.is_sorted() || seen.iter().rev().is_sorted(), "{:?}", seen);
        }

        #[test]
        fn how_it_began_is_forgotten_once_the_grid_was_dirty_or_clean(gate in terms(), before in 0_u32..200, other in 0_u32..200, past in proptest::collection::vec(0_i64..1_200_000_000, 1..50)) {
            let (mut a, mut b) = (before.min(gate.max), other.min(gate.max));
            for intensity in past {
                (a, b) = (gate.next(a, intensity), gate.next(b, intensity));
                if intensity >= gate.below || intensity + gate.hysteresis <= gate.full.min(gate.below - 1) {
                    prop_assert_eq!(a, b);
                }
            }
        }

        #[test]
        fn steps_are_as_many_as_were_asked_for(below in 1_i64..1_000, share in 0.0..1.0_f64, max in 1_u32..200, steps in 1_u32..12, values in proptest::collection::vec(0_i64..1_200_000_000, 0..300)) {
            let gate = GateTerms::new(below * G, Some((below as f64 * share) as i64 * G), max, Some(steps), 0).unwrap();
            let mut levels: Vec<u32> = values.into_iter().map(|value| gate.level(value)).collect();
            levels.sort_unstable();
            levels.dedup();
            prop_assert!(levels.len() <= steps as usize + 1);
        }

        /// Whenever it is looked at, either there is still time for all of the work, or it may run.
        #[test]
        fn there_is_time_for_the_work_or_it_may_run(minute in 0_i64..600_000, of_day in 0_u32..86_400, duration in 1_i64..1_379) {
            let now = at("2026-01-01T00:00:00Z") + TimeDelta::minutes(minute);
            let time = NaiveTime::from_num_seconds_from_midnight_opt(of_day, 0).unwrap();
            let work = LatestStart::new(Deadline::Daily(time, Amsterdam), TimeDelta::minutes(duration)).unwrap();
            let deadline = work.deadline_at(now);
            prop_assert!(deadline > now && deadline - now <= TimeDelta::hours(25));
            prop_assert_eq!(work.is_due(now), now + TimeDelta::minutes(duration) >= deadline);
        }
    }
}
