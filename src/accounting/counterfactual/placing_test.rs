//! Two clusters and a day of October, for tests of what places runs; and those tests.

use super::super::intensity::{Wanted, ZoneIntensity};
use super::super::plan::PlannedRun;
use super::super::survey::{ClusterTerms, MonthTerms, RunKey, RunOfMonth, Site, run_key};
use super::placing::{Placed, place};
use super::retiming::Home;
use super::test_run::{at, decision, run};
use super::window::{Place, WindowBasis};
use crate::model::policy::FactorKind;
use crate::model::{
    BaselineRule, Cause, CauseBasis, ClassBasis, Decision, DecisionReason, DecisionRecord, DecisionSource, DeferrableRule, DeferralClass,
    HoldOutPolicy, IntensitySeries, JobRun,
};
use crate::units::ReportingPeriod;

const HOUR_S: i64 = 3_600;

fn site(grid_zone: &str, home_zone: Option<&str>, pue: f64) -> Site {
    Site { home_zone: home_zone.map(str::to_owned), ..Site::of_test(grid_zone, pue) }
}

/// October 2026 in UTC: `edge-fr` in FR, `prod-nl` in NL with a second hall in NL of another PUE, and one in DE.
pub fn terms() -> MonthTerms {
    let cluster = |name: &str, sites| ClusterTerms { name: name.to_owned(), sites, site_of: Box::new(|_| 0) };
    MonthTerms {
        suggested_max_delay_seconds: 8 * HOUR_S,
        ..MonthTerms::of_test(vec![
            cluster("prod-nl", vec![site("NL", None, 1.2), site("NL", None, 1.5), site("DE", None, 1.3)]),
            cluster("edge-fr", vec![site("FR", None, 1.35)]),
        ])
    }
}

/// A Job of the month that had a pod in the first site of its cluster.
pub fn seen(job: JobRun) -> (RunKey, RunOfMonth) {
    (run_key(&job), RunOfMonth { site: Some(0), ..RunOfMonth::of(job) })
}

/// The copy of a Job that never had a pod.
fn without_pod(job: JobRun) -> (RunKey, RunOfMonth) {
    let (key, run) = seen(job);
    (key, RunOfMonth { site: None, ..run })
}

/// A zone of 100 g/kWh from a day before the period to its end.
pub fn zone(name: &str) -> ZoneIntensity {
    let period = terms().period;
    let starts: Vec<i64> = (period.from().timestamp() - 24 * HOUR_S..period.to().timestamp()).step_by(3_600).collect();
    let n = starts.len();
    let series = IntensitySeries {
        zone: name.to_owned(),
        end_s: starts.iter().map(|start| start + HOUR_S).collect(),
        start_s: starts,
        direct_gco2e_per_kwh: vec![Some(100.0); n],
        lifecycle_gco2e_per_kwh: vec![None; n],
        is_estimated: vec![false; n],
        estimation_method: vec![String::new(); n],
        ..IntensitySeries::default()
    };
    let wanted = Wanted {
        zone: name,
        factor: FactorKind::Direct,
        period_from_s: period.from().timestamp(),
        period_to_s: period.to().timestamp(),
        year_from_s: 0,
        year_to_s: 1,
        configured_annual: Some(1.0),
        published_annual: None,
        plausible: (0.0, 2_000.0),
    };
    ZoneIntensity::build(&[series], wanted).expect("whole").0
}

/// Places runs of `prod-nl` and of `edge-fr`. Zones: NL 0, DE 1, FR 2.
fn place_all(terms: &MonthTerms, log: &[DecisionRecord], nl: Vec<(RunKey, RunOfMonth)>, fr: Vec<(RunKey, RunOfMonth)>) -> Placed {
    let zones = ["NL", "DE", "FR"].map(zone);
    place(terms, &zones, log, vec![nl, fr])
}

fn only(terms: &MonthTerms, job: JobRun) -> PlannedRun {
    let mut placed = place_all(terms, &[], vec![seen(job)], Vec::new());
    assert_eq!(placed.runs.len(), 1);
    placed.runs.remove(0).1
}

/// `run()` from 05:00Z to 07:00Z.
fn ran() -> JobRun {
    JobRun { started: Some(at("2026-10-05T05:00:00Z")), completed: Some(at("2026-10-05T07:00:00Z")), ..run() }
}

fn baseline_of(planned: &PlannedRun) -> (String, BaselineRule) {
    let start = planned.baseline_start.expect("a baseline").to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    (start, planned.baseline_rule.expect("a rule"))
}

#[test]
fn a_suspended_run_of_a_cronjob_is_placed_at_its_tick_and_kept_by_its_first_start() {
    // 03:00 in Amsterdam; held back until 05:00Z, suspended again and resumed: the survey keeps the first start.
    let job =
        JobRun { schedule: Some("0 3 * * *".into()), schedule_time_zone: Some("Europe/Amsterdam".into()), was_suspended: true, ..ran() };
    let planned = only(&terms(), job);
    assert_eq!(baseline_of(&planned), ("2026-10-05T01:00:00Z".to_owned(), BaselineRule::Schedule));
    assert_eq!((planned.cause, planned.cause_basis), (Cause::Other, CauseBasis::Inferred));
    let timing = planned.place.expect("placed");
    assert_eq!((timing.start_ms - timing.baseline_start_ms, timing.end_ms - timing.start_ms), (4 * 3_600_000, 2 * 3_600_000));
}

#[test]
fn a_run_that_started_with_its_tick_is_not_shifted_and_is_still_placed_at_the_tick() {
    // The tick is at 05:00:00Z: 60 s for the controller, the scheduler and the kubelet.
    let started = |start: &str| {
        let job =
            JobRun { created: Some(at("2026-10-05T05:00:00Z")), started: Some(at(start)), schedule: Some("0 5 * * *".into()), ..ran() };
        let planned = only(&terms(), job);
        (baseline_of(&planned), planned.cause, planned.place.expect("placed").baseline_start_ms)
    };
    let tick = at("2026-10-05T05:00:00Z").timestamp_millis();
    let by_schedule = ("2026-10-05T05:00:00Z".to_owned(), BaselineRule::Schedule);
    assert_eq!(started("2026-10-05T05:00:00Z"), (by_schedule.clone(), Cause::None, tick));
    assert_eq!(started("2026-10-05T05:01:00Z"), (by_schedule.clone(), Cause::None, tick));
    assert_eq!(started("2026-10-05T05:01:01Z"), (by_schedule, Cause::Other, tick));
}

#[test]
fn a_queued_run_is_shifted_from_its_creation_and_not_for_carbon() {
    // Kueue: created suspended at 01:00:01Z, admitted at 05:00Z.
    let planned = only(&terms(), JobRun { was_suspended: true, workload: "Job/train".into(), ..ran() });
    assert_eq!(baseline_of(&planned), ("2026-10-05T01:00:01Z".to_owned(), BaselineRule::Creation));
    assert_eq!((planned.cause, planned.cause_basis), (Cause::Other, CauseBasis::Inferred));
}

#[test]
fn a_run_whose_pods_waited_behind_gates_is_shifted_from_its_creation_to_its_first_pod() {
    // The Job counts as started at once; a node took its first pod at 05:00Z.
    let gated = JobRun {
        started: Some(at("2026-10-05T01:00:02Z")),
        pods_started: Some(at("2026-10-05T05:00:00Z")),
        is_carbon_aware: Some(true),
        ..ran()
    };
    let planned = only(&terms(), gated);
    assert_eq!(baseline_of(&planned), ("2026-10-05T01:00:01Z".to_owned(), BaselineRule::Creation));
    assert_eq!((planned.start, planned.cause), (Some(at("2026-10-05T05:00:00Z")), Cause::Carbon));
    let timing = planned.place.expect("placed");
    assert_eq!((timing.start_ms - timing.baseline_start_ms, timing.end_ms - timing.start_ms), (4 * 3_600_000 - 1_000, 2 * 3_600_000));
}

#[test]
fn kedas_job_is_created_when_it_starts_and_only_a_decision_says_when_it_could_have() {
    let created = JobRun { created: Some(at("2026-10-05T04:59:58Z")), workload: "ScaledJob/encode".into(), ..ran() };
    let alone = only(&terms(), created.clone());
    assert_eq!((baseline_of(&alone).1, alone.cause), (BaselineRule::OwnStart, Cause::None));

    let queued = Decision { recorded_at: at("2026-10-05T00:30:00Z"), eligible_at: at("2026-10-05T00:30:00Z"), ..decision() };
    let record =
        DecisionRecord { cluster: "prod-nl".into(), namespace: "etl".into(), job: "nightly-1".into(), uid: None, decision: queued };
    let decided = place_all(&terms(), &[record], vec![seen(created)], Vec::new()).runs.remove(0).1;
    assert_eq!(baseline_of(&decided), ("2026-10-05T00:30:00Z".to_owned(), BaselineRule::Decision));
    assert_eq!((decided.cause, decided.cause_basis), (Cause::Carbon, CauseBasis::Decision));

    // A ScaledJob whose Job waited nevertheless.
    let waited = only(&terms(), JobRun { workload: "ScaledJob/encode".into(), ..ran() });
    assert_eq!((waited.cause, waited.cause_basis), (Cause::Carbon, CauseBasis::ScaledJob));
}

#[test]
fn a_run_counts_in_the_month_in_which_it_ended() {
    let until = |start: &str, end: &str| JobRun {
        created: Some(at(start)),
        started: Some(at(start)),
        completed: Some(at(end)),
        job: format!("until-{end}").into(),
        ..run()
    };
    let runs = [
        until("2026-09-30T20:00:00Z", "2026-10-01T00:00:00Z"),
        until("2026-09-30T20:00:00Z", "2026-10-01T00:00:01Z"),
        until("2026-10-31T20:00:00Z", "2026-11-01T00:00:00Z"),
        until("2026-10-31T20:00:00Z", "2026-11-01T00:00:01Z"),
    ];
    let placed = place_all(&terms(), &[], runs.into_iter().map(seen).collect(), Vec::new());
    let ends: Vec<String> = placed.runs.iter().map(|(_, run)| run.end.expect("an end").to_rfc3339()).collect();
    assert_eq!(ends, ["2026-10-01T00:00:01+00:00", "2026-11-01T00:00:00+00:00"]);
    assert!(placed.runs[0].1.place.is_ok());
}

#[test]
fn a_run_without_completion_ends_with_its_last_sample_if_nothing_came_after_it() {
    let until = |time_zone: chrono_tz::Tz, last: &str| {
        let terms = MonthTerms { period: ReportingPeriod::parse("2026-10", time_zone).unwrap(), ..terms() };
        let job = JobRun { started: Some(at("2026-10-31T20:00:00Z")), completed: None, created: Some(at("2026-10-31T20:00:00Z")), ..run() };
        let (key, run) = seen(job);
        let last_sample_ms = Some(at(last).timestamp_millis());
        let placed = place_all(&terms, &[], vec![(key, RunOfMonth { last_sample_ms, ..run })], Vec::new());
        placed.runs.first().map(|(_, run)| run.end.expect("an end").to_rfc3339())
    };
    let utc = |last| until(chrono_tz::UTC, last);
    // In the last step of the evidence it may still run, and is the next month's.
    assert_eq!(utc("2026-10-31T23:44:00Z").as_deref(), Some("2026-10-31T23:44:00+00:00"));
    assert_eq!(utc("2026-10-31T23:46:00Z"), None);
    // A month in Amsterdam ends an hour before the day's evidence does: that hour tells.
    let amsterdam = |last| until(chrono_tz::Europe::Amsterdam, last);
    assert_eq!(amsterdam("2026-10-31T22:59:00Z").as_deref(), Some("2026-10-31T22:59:00+00:00"));
    assert_eq!(amsterdam("2026-10-31T23:00:30Z"), None);
}

#[test]
fn a_run_that_another_cluster_took_is_placed_at_its_home() {
    // Ran in edge-fr; would have run in prod-nl, whose first site has PUE 1.2.
    let job =
        JobRun { cluster: "edge-fr".into(), created: Some(at("2026-10-05T05:00:00Z")), home_cluster: Some("prod-nl".into()), ..ran() };
    let planned = place_all(&terms(), &[], Vec::new(), vec![seen(job)]).runs.remove(0).1;
    let timing = planned.place.as_ref().expect("placed");
    assert_eq!((timing.baseline_zone, timing.baseline_pue, planned.home_cluster), (0, 1.2, Some(0)));
    assert_eq!((planned.cause, planned.cause_basis), (Cause::Other, CauseBasis::Inferred));
    assert_eq!(planned.baseline_rule, Some(BaselineRule::OwnStart));
}

#[test]
fn the_copy_that_a_queue_keeps_at_home_is_no_run_and_tells_when_the_run_was_created() {
    // MultiKueue: created in prod-nl at 01:00:01Z with a label, dispatched to edge-fr at 04:59Z under the same name.
    let copy = JobRun { is_carbon_aware: Some(true), ..run() };
    let job =
        JobRun { cluster: "edge-fr".into(), created: Some(at("2026-10-05T04:59:00Z")), home_cluster: Some("prod-nl".into()), ..ran() };
    let placed = place_all(&terms(), &[], vec![without_pod(copy)], vec![seen(job)]);
    assert_eq!(placed.runs.len(), 1);
    let planned = &placed.runs[0].1;
    assert_eq!((planned.cluster, planned.home_cluster), (1, Some(0)));
    assert_eq!(baseline_of(planned), ("2026-10-05T01:00:01Z".to_owned(), BaselineRule::Creation));
    assert_eq!((planned.cause, planned.cause_basis), (Cause::Carbon, CauseBasis::Label));
}

/// Pods in the first hall and in the one in DE.
fn at_two_sites(job: JobRun) -> PlannedRun {
    let (key, run) = seen(job);
    let mut placed = place_all(&terms(), &[], vec![(key, RunOfMonth { other_sites: vec![2], ..run })], Vec::new());
    placed.runs.remove(0).1
}

#[test]
fn a_run_of_two_sites_that_nobody_moved_stays_at_both() {
    let started_at_once =
        JobRun { created: Some(at("2026-10-05T04:59:59Z")), is_deferrable: Some(true), max_delay_hours: Some("2".into()), ..ran() };
    let planned = at_two_sites(started_at_once.clone());
    let timing = planned.place.as_ref().expect("placed");
    assert_eq!((planned.cause, timing.home, timing.baseline_zone), (Cause::None, Home::OfSites, 0));
    assert_eq!(planned.window.expect("a window").places, [Place { zone: 0, pue: 1.2 }, Place { zone: 1, pue: 1.3 }]);

    // Where it says that its home is one of the two, the rest was moved.
    let moved = at_two_sites(JobRun { home_zone: Some("NL".into()), ..started_at_once });
    assert_eq!((moved.cause, moved.place.expect("placed").home), (Cause::Carbon, Home::Zone));
}

#[test]
fn a_part_of_a_run_that_was_where_nothing_is_known_leaves_it_without_a_place() {
    let (key, run) = seen(ran());
    let zones = ["NL", "FR"].map(zone);
    let planned = place(&terms(), &zones, &[], vec![vec![(key, RunOfMonth { other_sites: vec![2], ..run })], Vec::new()]).runs.remove(0).1;
    assert_eq!(planned.place.unwrap_err(), "home zone DE has no intensity");
}

#[test]
fn the_pue_at_home_is_that_of_the_cluster_with_that_zone() {
    let pue = |cluster: &str, home_cluster: Option<&str>, home_zone: &str| {
        let job =
            JobRun { cluster: cluster.into(), home_cluster: home_cluster.map(Into::into), home_zone: Some(home_zone.into()), ..ran() };
        let (nl, fr) = if cluster == "prod-nl" { (vec![seen(job)], Vec::new()) } else { (Vec::new(), vec![seen(job)]) };
        place_all(&terms(), &[], nl, fr).runs.remove(0).1.place.expect("placed").baseline_pue
    };
    // Where it ran, if that is in the zone; its own cluster's other halls; another cluster's.
    assert_eq!((pue("prod-nl", None, "NL"), pue("prod-nl", None, "DE"), pue("prod-nl", None, "FR")), (1.2, 1.3, 1.35));
    // The home cluster's hall in that zone, and where it has none, whoever's is there.
    assert_eq!((pue("edge-fr", Some("prod-nl"), "DE"), pue("edge-fr", Some("prod-nl"), "FR")), (1.3, 1.35));
}

#[test]
fn a_home_that_nobody_knows_is_a_reason() {
    let lost = only(&terms(), JobRun { home_cluster: Some("prod-xx".into()), ..ran() });
    let reason = lost.place.unwrap_err();
    assert!(reason.contains("prod-xx") && reason.contains("prod-nl"), "{reason}");
    let dark = only(&terms(), JobRun { home_zone: Some("XX".into()), ..ran() });
    assert_eq!(dark.place.unwrap_err(), "home zone XX has no intensity");
    let old = only(&terms(), JobRun { baseline_start: Some("2026-09-01T00:00:00Z".into()), ..ran() });
    assert_eq!(old.place.unwrap_err(), "the baseline lies outside the intensity data of zone NL");
    let unseen = place_all(&terms(), &[], vec![without_pod(ran())], Vec::new()).runs.remove(0).1;
    assert_eq!(unseen.place.unwrap_err(), "no pod of the Job was seen with energy");
}

#[test]
fn the_rule_that_matches_gives_class_window_zones_and_overhead() {
    let rule = DeferrableRule {
        names: vec!["nightly*".to_owned()],
        max_delay_seconds: Some(6 * HOUR_S),
        zones: vec!["FR".to_owned(), "SE".to_owned()],
        overhead_kwh: Some(0.01),
        ..DeferrableRule::default()
    };
    let terms = MonthTerms { deferrable: vec![rule], ..terms() };
    let planned = only(&terms, ran());
    assert_eq!((planned.class, planned.class_basis), (DeferralClass::Deferrable, ClassBasis::Policy));
    assert_eq!(planned.overhead_kwh, Some(0.01));
    let window = planned.window.expect("a window");
    assert_eq!((window.max_delay_ms, window.basis), (6 * 3_600_000, WindowBasis::Policy));
    assert_eq!(window.places, [Place { zone: 0, pue: 1.2 }, Place { zone: 2, pue: 1.35 }]);
    assert_eq!(window.unknown_zones, ["SE"]);
}

#[test]
fn a_label_says_how_long_and_one_that_is_no_number_is_found() {
    let label = |hours: &str| JobRun { max_delay_hours: Some(hours.into()), ..ran() };
    let planned = only(&terms(), label("2.5"));
    assert_eq!(planned.window.map(|window| (window.max_delay_ms, window.basis)), Some((9_000_000, WindowBasis::Label)));
    let placed = place_all(&terms(), &[], vec![seen(label("8h"))], Vec::new());
    assert_eq!(placed.runs[0].1.window.as_ref().map(|window| window.basis), Some(WindowBasis::Suggested));
    assert_eq!(placed.findings.iter().map(|finding| finding.code.as_str()).collect::<Vec<_>>(), ["MAX_DELAY"]);
    assert!(placed.findings[0].message.contains("prod-nl etl/nightly-1"), "{}", placed.findings[0].message);
}

#[test]
fn only_what_may_wait_is_drawn_for_the_hold_out() {
    let hold_out = |share| MonthTerms { hold_out: Some(HoldOutPolicy { share, seed: "s".to_owned() }), ..terms() };
    let labelled = JobRun { is_deferrable: Some(true), ..ran() };
    assert_eq!(only(&terms(), labelled.clone()).is_held_out, None);
    assert_eq!(only(&hold_out(1.0), labelled.clone()).is_held_out, Some(true));
    assert_eq!(only(&hold_out(0.0), labelled).is_held_out, Some(false));
    assert_eq!(only(&hold_out(1.0), ran()).is_held_out, None);
}

#[test]
fn a_decision_for_another_reason_and_one_that_came_late_are_not_carbons() {
    let record = |change: fn(&mut Decision)| {
        let mut decision = decision();
        change(&mut decision);
        DecisionRecord { cluster: "prod-nl".into(), namespace: "etl".into(), job: "nightly-1".into(), uid: None, decision }
    };
    let for_price = record(|decision| decision.reason = DecisionReason::Other);
    let placed = place_all(&terms(), &[for_price], vec![seen(ran())], Vec::new());
    assert_eq!((placed.runs[0].1.cause, placed.runs[0].1.cause_basis), (Cause::Other, CauseBasis::Decision));
    assert!(matches!(placed.runs[0].1.decision, Some((DecisionSource::Log, _))));

    let late = record(|decision| decision.recorded_at = at("2026-10-05T05:00:01Z"));
    let placed = place_all(&terms(), &[late], vec![seen(ran())], Vec::new());
    assert_eq!(placed.runs[0].1.decision, None);
    assert_eq!(placed.findings.iter().map(|finding| finding.code.as_str()).collect::<Vec<_>>(), ["DECISION_LATE"]);
}

#[test]
fn a_run_that_ended_as_it_began_lasted_a_millisecond() {
    let at_once = JobRun { completed: Some(at("2026-10-05T05:00:00Z")), ..ran() };
    let timing = only(&terms(), at_once).place.unwrap();
    assert_eq!(timing.end_ms, timing.start_ms + 1);
}

#[test]
fn a_run_at_its_own_zone_is_not_moved_by_a_label_that_names_it() {
    let started_at_once = JobRun { started: Some(at("2026-10-05T01:00:02Z")), completed: Some(at("2026-10-05T03:00:00Z")), ..run() };
    let home =
        |zone: &str| only(&terms(), JobRun { home_zone: Some(zone.into()), is_carbon_aware: Some(true), ..started_at_once.clone() }).cause;
    assert_eq!((home("NL"), home("DE")), (Cause::None, Cause::Carbon));
    // Where its site has a home of its own, it is moved wherever that is another zone.
    let of_site = |home_zone: &str| {
        let mut terms = terms();
        terms.clusters[0].sites[0].home_zone = Some(home_zone.to_owned());
        only(&terms, JobRun { is_carbon_aware: Some(true), ..started_at_once.clone() }).cause
    };
    assert_eq!((of_site("NL"), of_site("DE")), (Cause::None, Cause::Carbon));
}

#[test]
fn how_long_a_run_may_wait_is_suggested_or_left_by_a_deadline() {
    let window = |log: &[DecisionRecord]| {
        let mut placed = place_all(&terms(), log, vec![seen(ran())], Vec::new());
        let window = placed.runs.remove(0).1.window.expect("a window");
        (window.max_delay_ms, window.basis)
    };
    assert_eq!(window(&[]), (8 * HOUR_S * 1_000, WindowBasis::Suggested));
    // Could start at 01:10, took two hours and has to be done by 09:40: six and a half hours.
    let decision = Decision { deadline: Some(at("2026-10-05T09:40:00Z")), ..decision() };
    let record =
        DecisionRecord { cluster: "prod-nl".to_owned(), namespace: "etl".to_owned(), job: "nightly-1".to_owned(), uid: None, decision };
    assert_eq!(window(&[record]), (6 * HOUR_S * 1_000 + 1_800_000, WindowBasis::Decision));
}
