//! Where and when a job run would have been, had nothing been shifted.
//!
//! In: what was seen of a Job, the scheduler's decision about it, and when it started. Out: its baseline start with the rule that gave it, or why it has
//! none. Rule (method, section 7): the first that exists of annotation, decision, schedule, creation, own start. The decision's word goes before the
//! Job's creation, because a scheduler such as KEDA creates a Job only when it starts it. Assumes: instants in UTC. Does not: look at energy or intensity.

use chrono::{DateTime, Utc};

use super::schedule::{has_ticks, last_tick};
use crate::model::{BaselineRule, Decision, JobRun};

/// A Job that waited longer than this between creation and start was held back.
pub const HELD_BACK_S: i64 = 60;

/// A baseline start and the rule that gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Baseline {
    pub start: DateTime<Utc>,
    pub rule: BaselineRule,
}

/// The baseline start of a run that started at `start`; an error is the reason why the run is unplaced.
pub fn baseline(run: &JobRun, decision: Option<&Decision>, start: DateTime<Utc>) -> Result<Baseline, String> {
    let baseline = first_rule(run, decision, start)?;
    if baseline.start <= start {
        return Ok(baseline);
    }
    let said = match baseline.rule {
        BaselineRule::Decision => "the decision's eligible_at",
        _ => "baseline start",
    };
    Err(format!("{said} {} is later than the start {}", text(baseline.start), text(start)))
}

fn first_rule(run: &JobRun, decision: Option<&Decision>, start: DateTime<Utc>) -> Result<Baseline, String> {
    if let Some(written) = &run.baseline_start {
        return Ok(Baseline { start: annotated("wattledger.io/baseline-start", written)?, rule: BaselineRule::Annotation });
    }
    if let Some(decision) = decision {
        return Ok(Baseline { start: decision.eligible_at, rule: BaselineRule::Decision });
    }
    if let Some(written) = &run.scheduled_timestamp {
        let start = annotated("batch.kubernetes.io/cronjob-scheduled-timestamp", written)?;
        return Ok(Baseline { start, rule: BaselineRule::Schedule });
    }
    if let (Some(schedule), Some(created)) = (run.schedule.as_ref().filter(|schedule| has_ticks(schedule)), run.created) {
        let start = last_tick(schedule, run.schedule_time_zone.as_deref(), created)?;
        return Ok(Baseline { start, rule: BaselineRule::Schedule });
    }
    match run.created {
        Some(created) if is_shift(created, start) => Ok(Baseline { start: created, rule: BaselineRule::Creation }),
        _ => Ok(Baseline { start, rule: BaselineRule::OwnStart }),
    }
}

/// When a run first started: the Job's first start seen, or, where its pods waited longer for a node than Kubernetes takes to find one (behind scheduling
/// gates, or for room), that of the first of them.
pub fn first_start(run: &JobRun) -> Option<DateTime<Utc>> {
    let pods_waited = |pods: &DateTime<Utc>| run.started.is_none_or(|started| is_shift(started, *pods));
    run.pods_started.filter(pods_waited).or(run.started)
}

/// Whether a run that could have started then and started now was shifted in time: what is shorter than a minute is Kubernetes at work.
pub fn is_shift(from: DateTime<Utc>, start: DateTime<Utc>) -> bool {
    (start - from).num_milliseconds() > HELD_BACK_S * 1_000
}

fn annotated(name: &str, written: &str) -> Result<DateTime<Utc>, String> {
    let instant = DateTime::parse_from_rfc3339(written).map_err(|_| format!("annotation {name} `{written}` is not an RFC 3339 time"))?;
    Ok(instant.with_timezone(&Utc))
}

fn text(instant: DateTime<Utc>) -> String {
    instant.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)
}

#[cfg(test)]
mod tests {
    use super::super::test_run::{at, decision, run};
    use super::*;

    fn placed(run: &JobRun, start: &str) -> (String, BaselineRule) {
        let baseline = baseline(run, None, at(start)).unwrap();
        (text(baseline.start), baseline.rule)
    }

    #[test]
    fn an_annotation_wins_over_the_schedule() {
        let run = JobRun { baseline_start: Some("2026-10-04T23:00:00+02:00".into()), schedule: Some("0 3 * * *".into()), ..run() };
        assert_eq!(placed(&run, "2026-10-05T01:00:05Z"), ("2026-10-04T21:00:00Z".to_owned(), BaselineRule::Annotation));
    }

    #[test]
    fn the_controllers_own_word_goes_before_a_tick_that_is_worked_out() {
        // Created late, after the next tick: the annotation still names the one that it was for.
        let timestamp = |text: &str| JobRun { scheduled_timestamp: Some(text.into()), schedule: Some("0 * * * *".into()), ..run() };
        let late = timestamp("2026-10-05T02:00:00+02:00");
        assert_eq!(placed(&late, "2026-10-05T01:00:05Z"), ("2026-10-05T00:00:00Z".to_owned(), BaselineRule::Schedule));
        assert!(
            baseline(&timestamp("at two"), None, at("2026-10-05T01:00:05Z")).unwrap_err().contains("cronjob-scheduled-timestamp `at two`")
        );
        // Without the annotation: the tick at the very second of the creation counts.
        let created_with_it = JobRun { created: Some(at("2026-10-05T01:00:00Z")), scheduled_timestamp: None, ..late };
        assert_eq!(placed(&created_with_it, "2026-10-05T01:00:05Z"), ("2026-10-05T01:00:00Z".to_owned(), BaselineRule::Schedule));
    }

    #[test]
    fn the_schedules_last_tick_is_in_its_own_time_zone() {
        // 03:00 in Amsterdam is 01:00Z in summer time; on the morning of the change back (25 October) it is 02:00Z.
        let mut run = JobRun { schedule: Some("0 3 * * *".into()), schedule_time_zone: Some("Europe/Amsterdam".into()), ..run() };
        assert_eq!(placed(&run, "2026-10-05T04:00:00Z"), ("2026-10-05T01:00:00Z".to_owned(), BaselineRule::Schedule));
        run.created = Some(at("2026-10-25T02:00:02Z"));
        assert_eq!(placed(&run, "2026-10-25T02:00:05Z"), ("2026-10-25T02:00:00Z".to_owned(), BaselineRule::Schedule));
    }

    #[test]
    fn a_job_that_waited_is_placed_at_its_creation() {
        assert_eq!(placed(&run(), "2026-10-05T01:01:01Z").1, BaselineRule::OwnStart);
        assert_eq!(placed(&run(), "2026-10-05T01:01:02Z"), ("2026-10-05T01:00:01Z".to_owned(), BaselineRule::Creation));
    }

    #[test]
    fn a_run_whose_pods_waited_behind_a_gate_started_with_them_and_would_have_at_its_creation() {
        let started = Some(at("2026-10-05T01:00:02Z"));
        let pods = |instant: &str| JobRun { started, pods_started: Some(at(instant)), ..run() };
        assert_eq!(first_start(&pods("2026-10-05T01:01:02Z")), started, "a minute is Kubernetes at work");
        let gated = pods("2026-10-05T05:00:00Z");
        assert_eq!(first_start(&gated), Some(at("2026-10-05T05:00:00Z")));
        assert_eq!(placed(&gated, "2026-10-05T05:00:00Z"), ("2026-10-05T01:00:01Z".to_owned(), BaselineRule::Creation));
        assert_eq!(first_start(&JobRun { started, ..run() }), started);
        assert_eq!(first_start(&JobRun { pods_started: started, ..run() }), started);
    }

    #[test]
    fn what_cannot_be_placed_says_why() {
        let wrong = JobRun { baseline_start: Some("tomorrow".into()), ..run() };
        assert!(baseline(&wrong, None, at("2026-10-05T02:00:00Z")).unwrap_err().contains("tomorrow"));
        let later = JobRun { baseline_start: Some("2026-10-06T00:00:00Z".into()), ..run() };
        assert!(baseline(&later, None, at("2026-10-05T02:00:00Z")).unwrap_err().contains("later than the start"));
        let schedule = JobRun { schedule: Some("every day".into()), ..run() };
        assert!(baseline(&schedule, None, at("2026-10-05T02:00:00Z")).unwrap_err().contains("does not parse"));
    }

    #[test]
    fn a_decision_goes_before_schedule_and_creation_and_after_an_annotation() {
        let start = at("2026-10-05T05:00:00Z");
        let scheduled = JobRun { schedule: Some("0 1 * * *".into()), ..run() };
        let decided = baseline(&scheduled, Some(&decision()), start).unwrap();
        assert_eq!(decided, Baseline { start: at("2026-10-05T01:10:00Z"), rule: BaselineRule::Decision });
        let annotated = JobRun { baseline_start: Some("2026-10-04T23:00:00Z".into()), ..scheduled };
        assert_eq!(baseline(&annotated, Some(&decision()), start).unwrap().rule, BaselineRule::Annotation);
        assert!(baseline(&run(), Some(&decision()), at("2026-10-05T01:09:59Z")).unwrap_err().contains("eligible_at"));
    }

    #[test]
    fn a_schedule_that_counts_from_nowhere_leaves_it_to_the_creation() {
        let every = JobRun { schedule: Some("@every 1h".into()), ..run() };
        assert_eq!(placed(&every, "2026-10-05T01:00:05Z").1, BaselineRule::OwnStart);
    }
}
