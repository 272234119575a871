//! Which decision record speaks of which run.
//!
//! In: the scheduler's log, the annotation of a Job, the runs of the month. Out: the decision of each run, and what of the log has no run.
//! Rule: the Job's own annotation goes before the log. Of the log it is the last record of that cluster, namespace and Job (and uid, where both have one)
//! that was written at or before the start, after the run of the same name before it had started, and not more than a day before the Job was created: names are
//! used again. What was written after the start explains nothing. Does not: believe what a record says.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, TimeDelta, Utc};

use super::super::survey::{MonthTerms, Runs};
use super::baseline::first_start;
use crate::model::{Decision, DecisionRecord, DecisionSource, Finding, JobRun, Name, Severity};

/// A record may be older than its Job by so much: some schedulers create the Job only when they start it.
pub const BEFORE_CREATION: TimeDelta = TimeDelta::days(1);

/// Cluster, namespace, Job.
type JobName<'a> = (&'a str, &'a str, &'a str);

/// The log, by what its records are about.
#[derive(Default)]
pub struct Log<'a> {
    place: HashMap<JobName<'a>, usize>,
    jobs: Vec<Logged<'a>>,
}

/// One name of the log.
#[derive(Default)]
struct Logged<'a> {
    /// Sorted by when they were recorded.
    records: Vec<&'a DecisionRecord>,
    /// Uid and start of every run of the month that has the name.
    runs: Vec<(Option<Name>, Option<DateTime<Utc>>)>,
}

/// A decision that counts.
pub type Counted = (DecisionSource, Box<Decision>);

/// What is said of one run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Said {
    pub counted: Option<Counted>,
    /// There is a record of it that was written only after it had started, and none that counts.
    pub is_late: bool,
    /// What is wrong with its annotation.
    pub misread: Option<String>,
}

impl<'a> Log<'a> {
    pub fn new(terms: &MonthTerms, records: &'a [DecisionRecord], all: &Runs) -> Self {
        let mut log = Self::default();
        for record in records {
            let next = log.jobs.len();
            let place = *log.place.entry((&record.cluster, &record.namespace, &record.job)).or_insert(next);
            if place == next {
                log.jobs.push(Logged::default());
            }
            log.jobs[place].records.push(record);
        }
        for logged in &mut log.jobs {
            logged.records.sort_by_key(|record| record.decision.recorded_at);
        }
        if log.jobs.is_empty() {
            return log;
        }
        for (cluster, runs) in terms.clusters.iter().zip(all) {
            for (_, run) in runs {
                if let Some(place) = log.place.get(&(cluster.name.as_str(), &*run.job.namespace, &*run.job.job)) {
                    log.jobs[*place].runs.push((run.job.uid.clone(), first_start(&run.job)));
                }
            }
        }
        log
    }

    /// The decision about a run. `homes` names the Job as other clusters knew it: the copy that a multi-cluster queue keeps.
    pub fn of(&self, cluster: &str, job: &JobRun, homes: &[(&str, &JobRun)], start: DateTime<Utc>, end: DateTime<Utc>) -> Said {
        let mut said = Said::default();
        match job.decision.as_deref().map(Decision::parse) {
            Some(Ok(decision)) if decision.recorded_at <= start => {
                said.counted = Some((DecisionSource::Annotation, Box::new(decision)));
                return said;
            }
            Some(Ok(_)) => said.is_late = true,
            Some(Err(why)) => said.misread = Some(why),
            None => {}
        }
        for (cluster, job) in std::iter::once((cluster, job)).chain(homes.iter().copied()) {
            let (counted, is_late) = self.of_log(cluster, job, start, end);
            said.is_late |= is_late;
            if let Some(record) = counted {
                return Said { counted: Some((DecisionSource::Log, Box::new(record.decision.clone()))), is_late: false, ..said };
            }
        }
        said
    }

    fn of_log(&self, cluster: &str, job: &JobRun, start: DateTime<Utc>, end: DateTime<Utc>) -> (Option<&DecisionRecord>, bool) {
        let Some(place) = self.place.get(&(cluster, &*job.namespace, &*job.job)) else { return (None, false) };
        let Logged { records, runs } = &self.jobs[*place];
        let before = runs.iter().filter_map(|(_, started)| *started).filter(|other| *other < start).max();
        let earliest = before.max(job.created.map(|created| created - BEFORE_CREATION));
        let of_run = || records.iter().copied().filter(|record| may_be(record, job.uid.as_deref()));
        let is_after = |instant: DateTime<Utc>| earliest.is_none_or(|earliest| instant > earliest);
        let counted = of_run().rfind(|record| record.decision.recorded_at <= start && is_after(record.decision.recorded_at));
        let mut late = of_run().filter(|record| record.decision.recorded_at > start);
        let is_about_it = |record: &DecisionRecord| record.decision.chosen_start <= end && is_after(record.decision.chosen_start);
        (counted, counted.is_none() && late.any(is_about_it))
    }

    /// Records that chose a start in the period, of Jobs of which no run was seen.
    pub fn unmatched(&self, terms: &MonthTerms) -> Option<Finding> {
        let is_of_period = |record: &&DecisionRecord| {
            let chosen = record.decision.chosen_start;
            terms.period.from() <= chosen && chosen < terms.period.to()
        };
        let (mut examined, mut alone) = (0, BTreeMap::new());
        for (name, place) in &self.place {
            let Logged { records, runs } = &self.jobs[*place];
            for record in records.iter().copied().filter(is_of_period) {
                examined += 1;
                if !runs.iter().any(|(uid, _)| may_be(record, uid.as_deref())) {
                    *alone.entry(*name).or_insert(0_usize) += 1;
                }
            }
        }
        let failing: usize = alone.values().sum();
        let message = format!(
            "{failing} decision records chose a start in the period and no run of their Job was seen: {}. Check the names in the log.",
            some(alone.keys().map(|(cluster, namespace, job)| format!("{cluster} {namespace}/{job}")))
        );
        (failing > 0).then(|| Finding::new("DECISION_UNMATCHED", Severity::Noted, message).examined(examined).failing(failing))
    }
}

/// Whether a record may be about a run with that uid: both have to have one to differ.
fn may_be(record: &DecisionRecord, uid: Option<&str>) -> bool {
    record.uid.as_deref().zip(uid).is_none_or(|(recorded, known)| recorded == known)
}

/// The first few of many names.
pub fn some(names: impl Iterator<Item = String>) -> String {
    const SHOWN: usize = 5;
    let mut names: Vec<String> = names.collect();
    let more = names.len().saturating_sub(SHOWN);
    names.truncate(SHOWN);
    if more > 0 { format!("{} and {more} more", names.join(", ")) } else { names.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::super::placing_test::{seen, terms};
    use super::super::test_run::{at, decision, run};
    use super::*;

    const START: &str = "2026-10-05T05:00:00Z";

    fn record(recorded: &str, chosen: &str) -> DecisionRecord {
        let decision = Decision { recorded_at: at(recorded), chosen_start: at(chosen), ..decision() };
        DecisionRecord { cluster: "prod-nl".to_owned(), namespace: "etl".to_owned(), job: "nightly-1".to_owned(), uid: None, decision }
    }

    fn started(job: &JobRun, start: &str) -> JobRun {
        JobRun { started: Some(at(start)), ..job.clone() }
    }

    /// What the log says of the first of some runs of one cluster, which ends an hour after its start.
    fn of(records: &[DecisionRecord], runs: &[JobRun]) -> Said {
        let (terms, all) = (terms(), vec![runs.iter().cloned().map(seen).collect(), Vec::new()]);
        let start = runs[0].started.unwrap();
        Log::new(&terms, records, &all).of("prod-nl", &runs[0], &[], start, start + TimeDelta::hours(1))
    }

    fn recorded_at(said: &Said) -> Option<String> {
        said.counted.as_ref().map(|(_, decision)| decision.recorded_at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true))
    }

    #[test]
    fn the_last_record_before_the_start_counts() {
        let records = [record("2026-10-05T00:50:00Z", START), record("2026-10-05T03:00:00Z", START), record("2026-10-05T05:00:01Z", START)];
        let said = of(&records, &[started(&run(), START)]);
        assert_eq!((recorded_at(&said).as_deref(), said.is_late), (Some("2026-10-05T03:00:00Z"), false));
    }

    #[test]
    fn a_record_from_after_the_start_is_late_and_does_not_count() {
        let said = of(&[record("2026-10-05T05:00:01Z", START)], &[started(&run(), START)]);
        assert_eq!((said.counted, said.is_late), (None, true));
        // Of another slot, after the run had ended: it speaks of another run.
        let said = of(&[record("2026-10-05T05:00:01Z", "2026-10-05T09:00:00Z")], &[started(&run(), START)]);
        assert_eq!((said.counted, said.is_late), (None, false));
    }

    #[test]
    fn a_name_that_was_used_before_does_not_lend_its_record() {
        // Two days before the Job was created.
        let said = of(&[record("2026-10-03T00:50:00Z", "2026-10-03T05:00:00Z")], &[started(&run(), START)]);
        assert_eq!((said.counted, said.is_late), (None, false));
        // Twelve hours before, but a run of that name started in between.
        let earlier = JobRun { created: Some(at("2026-10-04T13:00:00Z")), ..run() };
        let records = [record("2026-10-04T13:00:00Z", "2026-10-04T14:00:00Z")];
        let runs = [started(&run(), START), started(&earlier, "2026-10-04T14:00:00Z")];
        assert_eq!(of(&records, &runs).counted, None);
        assert!(of(&records, &[runs[1].clone(), runs[0].clone()]).counted.is_some());
    }

    #[test]
    fn what_counts_as_before_and_as_late_is_exact_to_the_second() {
        let first = |recorded: &str, chosen: &str| {
            let said = of(&[record(recorded, chosen), record("2026-10-01T00:00:00Z", START)], &[started(&run(), START)]);
            (said.counted.is_some(), said.is_late)
        };
        // At the start itself, and a day before the creation at 01:00:01Z.
        assert_eq!(first(START, START), (true, false));
        assert_eq!((first("2026-10-04T01:00:01Z", START), first("2026-10-04T01:00:02Z", START)), ((false, false), (true, false)));
        // Late is what chose a start up to the end at 06:00Z.
        assert_eq!(first("2026-10-05T05:00:01Z", "2026-10-05T06:00:00Z"), (false, true));
        assert_eq!(first("2026-10-05T05:00:01Z", "2026-10-05T06:00:01Z"), (false, false));
        // Another run of the name started at 03:00Z: what was written then was about that one.
        let other = JobRun { created: Some(at("2026-10-05T02:00:00Z")), ..started(&run(), "2026-10-05T03:00:00Z") };
        let after = |recorded: &str| of(&[record(recorded, START)], &[started(&run(), START), other.clone()]).counted.is_some();
        assert_eq!((after("2026-10-05T03:00:00Z"), after("2026-10-05T03:00:01Z")), (false, true));
    }

    #[test]
    fn a_record_may_name_the_job_as_its_home_knew_it() {
        let (terms, records) = (terms(), [record("2026-10-05T00:50:00Z", START)]);
        let log = Log::new(&terms, &records, &Vec::new());
        let job = started(&run(), START);
        let of = |homes: &[(&str, &JobRun)]| log.of("edge-fr", &job, homes, at(START), at(START)).counted;
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[("prod-nl", &run())]), Some((DecisionSource::Log, Box::new(records[0].decision.clone()))));
    }

    #[test]
    fn five_names_are_shown_and_the_others_counted() {
        let shown = |count: usize| some((0..count).map(|name| name.to_string()));
        assert_eq!((shown(0).as_str(), shown(5).as_str()), ("", "0, 1, 2, 3, 4"));
        assert_eq!((shown(6).as_str(), shown(8).as_str()), ("0, 1, 2, 3, 4 and 1 more", "0, 1, 2, 3, 4 and 3 more"));
    }

    #[test]
    fn a_record_without_a_run_is_of_the_period_that_its_chosen_start_is_in() {
        let edges = ["2026-09-30T23:59:59Z", "2026-10-01T00:00:00Z", "2026-10-31T23:59:59Z", "2026-11-01T00:00:00Z"];
        let records = edges.map(|chosen| record("2026-09-30T20:00:00Z", chosen));
        let terms = terms();
        let finding = Log::new(&terms, &records, &Vec::new()).unmatched(&terms).expect("there is no run at all");
        assert_eq!((finding.examined, finding.failing), (2, 2));
        let all = vec![vec![seen(run())], Vec::new()];
        assert_eq!(Log::new(&terms, &records, &all).unmatched(&terms), None);
    }

    #[test]
    fn uids_tell_runs_of_one_name_apart() {
        let of_uid = |uid: &str| DecisionRecord { uid: Some(uid.to_owned()), ..record("2026-10-05T00:50:00Z", START) };
        let known = JobRun { uid: Some("b".into()), ..started(&run(), START) };
        assert!(of(&[of_uid("a")], std::slice::from_ref(&known)).counted.is_none());
        assert!(of(&[of_uid("b")], &[known]).counted.is_some());
        assert!(of(&[of_uid("a")], &[started(&run(), START)]).counted.is_some());
    }

    #[test]
    fn the_jobs_own_annotation_goes_before_the_log() {
        let written = serde_json::to_string(&decision()).unwrap();
        let annotated = |text: &str| JobRun { decision: Some(text.into()), ..started(&run(), START) };
        let log = [record("2026-10-05T03:00:00Z", START)];
        let said = of(&log, &[annotated(&written)]);
        assert_eq!(said.counted, Some((DecisionSource::Annotation, Box::new(decision()))));
        // One that does not parse, or came too late, leaves it to the log.
        let said = of(&log, &[annotated("{\"reason\":\"carbon\"}")]);
        assert!(said.misread.as_deref().is_some_and(|why| why.contains("recorded_at")), "{said:?}");
        assert_eq!(recorded_at(&said).as_deref(), Some("2026-10-05T03:00:00Z"));
        let said = of(&[], &[annotated(&written.replace("00:50", "06:50"))]);
        assert_eq!((said.counted, said.is_late), (None, true));
    }

    #[test]
    fn records_without_a_run_are_noted() {
        let known = record("2026-10-05T00:50:00Z", START);
        let other = DecisionRecord { job: "nightly-2".to_owned(), ..known.clone() };
        let next_month = DecisionRecord { job: "nightly-3".to_owned(), ..record("2026-10-05T00:50:00Z", "2026-11-05T00:50:00Z") };
        let records = [known, other, next_month];
        let (terms, all) = (terms(), vec![vec![seen(run())], Vec::new()]);
        let finding = Log::new(&terms, &records, &all).unmatched(&terms).expect("one has no run");
        assert_eq!((finding.code.as_str(), finding.examined, finding.failing), ("DECISION_UNMATCHED", 2, 1));
        assert!(finding.message.contains("prod-nl etl/nightly-2"), "{}", finding.message);
    }
}
