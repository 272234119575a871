//! How long a run of many months still takes.
//!
//! In: cluster-days, those that are done and the time that they took. Out: the time for the rest, as people say it. Rule: a cluster-day takes as long as those before
//! it took; months that need no accounting take none. Does not: ask the time.

use std::time::Duration;

pub struct Estimate {
    all: u64,
    done: u64,
    spent: Duration,
}

impl Estimate {
    /// Of so many cluster-days that are to be accounted.
    pub fn new(cluster_days: u64) -> Self {
        Self { all: cluster_days, done: 0, spent: Duration::ZERO }
    }

    /// So many more are done.
    pub fn add(&mut self, cluster_days: u64, spent: Duration) {
        self.done += cluster_days;
        self.spent += spent;
    }

    /// `about 1h 12m`; none before anything is done, and where nothing is left.
    pub fn left(&self) -> Option<String> {
        let left = self.all.saturating_sub(self.done);
        if self.done == 0 || left == 0 {
            return None;
        }
        let seconds = self.spent.as_secs_f64() * left as f64 / self.done as f64;
        // To a second below a minute, to a minute below a day.
        let whole = |step: f64| Duration::from_secs(((seconds / step).round().max(1.0) * step) as u64);
        let rounded = if seconds < 60.0 { whole(1.0) } else { whole(60.0) };
        Some(format!("about {}", humantime::format_duration(rounded)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_takes_as_long_as_what_is_done_took() {
        let mut estimate = Estimate::new(360);
        assert_eq!(estimate.left(), None, "nothing is known yet");
        estimate.add(30, Duration::from_secs(60));
        // Two seconds a cluster-day: 330 of them take 11 minutes.
        assert_eq!(estimate.left().as_deref(), Some("about 11m"));
        estimate.add(310, Duration::from_secs(620));
        assert_eq!(estimate.left().as_deref(), Some("about 40s"));
        estimate.add(20, Duration::from_secs(40));
        assert_eq!(estimate.left(), None);
    }

    #[test]
    fn days_and_hours_are_said_as_such() {
        let mut estimate = Estimate::new(1_000_000);
        estimate.add(10_000, Duration::from_secs(1_800));
        assert_eq!(estimate.left().as_deref(), Some("about 2days 1h 30m"));
    }
}
