//! A nightly job run, for tests.

use chrono::{DateTime, Utc};

use crate::model::{Decision, DecisionReason, JobRun};

pub fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// `etl/nightly-1` of `prod-nl`, created on 5 October at 01:00:01Z, of which nothing else is known.
pub fn run() -> JobRun {
    JobRun {
        cluster: "prod-nl".into(),
        namespace: "etl".into(),
        job: "nightly-1".into(),
        uid: None,
        workload: "CronJob/nightly".into(),
        created: Some(at("2026-10-05T01:00:01Z")),
        started: None,
        completed: None,
        pods_started: None,
        was_suspended: false,
        scheduled_timestamp: None,
        schedule: None,
        schedule_time_zone: None,
        baseline_start: None,
        home_zone: None,
        home_cluster: None,
        decision: None,
        max_delay_hours: None,
        is_carbon_aware: None,
        is_deferrable: None,
    }
}

/// Recorded at 00:50Z of the same day: could start at 01:10Z, will start at 05:00Z, for carbon.
pub fn decision() -> Decision {
    Decision {
        recorded_at: at("2026-10-05T00:50:00Z"),
        eligible_at: at("2026-10-05T01:10:00Z"),
        deadline: None,
        chosen_start: at("2026-10-05T05:00:00Z"),
        chosen_zone: None,
        reason: DecisionReason::Carbon,
        held_out: false,
        forecast: None,
        overhead_kwh: None,
    }
}
