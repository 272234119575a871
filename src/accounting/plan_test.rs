//! What a small month depends on, worked by hand: its zones, its gaps, and its runs.

use std::collections::{BTreeMap, BTreeSet};

use super::counterfactual::placing_test::{seen, terms, zone};
use super::counterfactual::test_run::{at, run};
use super::dimensions::DayDimensions;
use super::gaps::NodePower;
use super::inventory_test::node as of_day;
use super::ledger::{GapStep, RunTerms};
use super::plan::{Beside, Plan, wanted_zones};
use super::survey::{MonthTerms, NodeOfMonth, Runs, Survey};
use crate::model::{DeferrableRule, JobRun, Placement};
use crate::units::UtcDay;

/// 1 October 2026 in steps of a quarter of an hour since the epoch.
const FIRST: i32 = 1_989_792;

fn day(text: &str) -> UtcDay {
    text.parse().unwrap()
}

/// October 2026; what stands in DE is somebody else's.
fn october() -> MonthTerms {
    let mut terms = terms();
    terms.clusters[0].sites[2].placement = Placement::Scope3Category1;
    terms
}

/// There over some steps of the month, of which some have 900 mJ each.
fn node(site: usize, there: (i32, i32), metered: (i32, i32)) -> NodeOfMonth {
    let mut power = NodePower::new(FIRST, 31 * 96);
    power.exists(i64::from(FIRST + there.0) * 900_000, i64::from(FIRST + there.1) * 900_000);
    (metered.0..metered.1).for_each(|step| power.meter(FIRST + step, 900, 900));
    NodeOfMonth {
        site,
        labels: BTreeMap::new(),
        power,
        power_zones: BTreeSet::new(),
        is_metered: true,
        cpu_capacity_milli: Some(4_000),
        cpu_allocatable_milli: Some(3_500),
        first_day: day("2026-10-01"),
    }
}

/// Of `prod-nl`: a node in NL whose meter was silent for half an hour before midnight and an hour after it, one in DE without a meter, one without a gap.
fn survey(terms: &MonthTerms) -> Survey {
    let mut survey = Survey::new(terms);
    let prod = &mut survey.clusters[0];
    prod.days.insert(day("2026-10-01"));
    prod.nodes.insert("silent".to_owned(), node(0, (0, 104), (0, 94)));
    (100..104).for_each(|step| prod.nodes.get_mut("silent").unwrap().power.meter(FIRST + step, 900, 900));
    prod.nodes.insert("dark".to_owned(), node(2, (192, 194), (0, 0)));
    prod.nodes.insert("whole".to_owned(), node(0, (0, 2), (0, 2)));
    survey
}

fn planned<'a>(terms: &'a MonthTerms, survey: &'a Survey, prod: Vec<JobRun>) -> Plan<'a> {
    let runs: Runs = vec![prod.into_iter().map(seen).collect(), Vec::new()];
    Plan::new(terms, survey, runs, ["NL", "DE", "FR"].map(zone).into(), Beside::default())
}

#[test]
fn gaps_are_counted_named_and_booked_on_their_own_day() {
    let terms = october();
    let survey = survey(&terms);
    let plan = planned(&terms, &survey, Vec::new());

    // 104 + 2 + 2 steps, of which 2 + 4 and 2 are missing.
    assert_eq!((plan.gap_count.existing_steps, plan.gap_count.missing_steps, plan.gap_share()), (108, 8, Some(8.0 / 108.0)));
    let found: Vec<_> = plan.findings.iter().filter(|finding| finding.code == "NO_METER").collect();
    assert_eq!(found.len(), 1);
    assert!(found[0].message.starts_with("prod-nl: node dark "), "{}", found[0].message);
    assert_eq!((found[0].examined, found[0].failing), (2, 2));

    let dimensions = DayDimensions { nodes: ["dark", "whole", "silent"].map(of_day).into(), ..DayDimensions::default() };
    let booked = |date: &str| plan.day_terms(0, day(date), &dimensions, &[]).gaps;
    let gap = |step: i32| GapStep { node_id: 2, step: FIRST + step, gap_mj: 900 };
    assert_eq!(booked("2026-10-01"), [94, 95].map(gap));
    assert_eq!(booked("2026-10-02"), [96, 97, 98, 99].map(gap));
    // What no meter ever saw is not made up.
    assert_eq!(booked("2026-10-03"), []);
}

#[test]
fn a_node_that_is_there_only_as_a_gap_joins_the_day() {
    let terms = october();
    let survey = survey(&terms);
    let plan = planned(&terms, &survey, Vec::new());
    let completed = |date: &str, nodes: &[&str]| {
        let mut dimensions = DayDimensions { nodes: nodes.iter().copied().map(of_day).collect(), ..DayDimensions::default() };
        plan.complete(0, day(date), &mut dimensions);
        dimensions.nodes
    };
    let names = |date: &str, nodes: &[&str]| completed(date, nodes).into_iter().map(|node| node.node).collect::<Vec<_>>();

    assert_eq!(names("2026-10-02", &["whole"]), ["whole", "silent"]);
    assert_eq!(names("2026-10-02", &["silent"]), ["silent"]);
    assert_eq!(names("2026-10-03", &[]), ["dark"]);
    assert_eq!(names("2026-10-04", &[]), [""; 0]);
    let silent = &completed("2026-10-02", &[])[0];
    assert_eq!((silent.is_metered, silent.cpu_capacity_milli, silent.cpu_allocatable_milli), (false, Some(4_000), Some(3_500)));
    assert_eq!((silent.first_ms, silent.last_ms), (i64::from(FIRST) * 900_000, i64::from(FIRST + 104) * 900_000));

    assert_eq!(plan.days_without_evidence(0), BTreeSet::from([day("2026-10-02"), day("2026-10-03")]));
    assert_eq!(plan.days_without_evidence(1), BTreeSet::new());
}

#[test]
fn zones_are_used_where_nodes_are_and_named_where_a_run_might_have_been() {
    let mut terms = october();
    let survey_of = |terms: &MonthTerms, job: JobRun| {
        let mut survey = survey(terms);
        survey.clusters[0].runs.extend([seen(job)]);
        survey
    };
    let set = |zones: &[&str]| zones.iter().map(|zone| (*zone).to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(wanted_zones(&terms, &survey_of(&terms, run())), (set(&["NL", "DE"]), set(&[])));
    let elsewhere = JobRun { home_zone: Some("SE".into()), home_cluster: Some("edge-fr".into()), ..run() };
    terms.deferrable = vec![DeferrableRule { zones: vec!["NO".to_owned(), "NL".to_owned()], ..DeferrableRule::default() }];
    terms.clusters[1].sites[0].home_zone = Some("BE".to_owned());
    assert_eq!(wanted_zones(&terms, &survey_of(&terms, elsewhere)), (set(&["NL", "DE"]), set(&["BE", "FR", "NO", "SE"])));

    let survey = survey(&terms);
    let plan = planned(&terms, &survey, Vec::new());
    assert_eq!((plan.used_zones(), plan.scope2_zones()), (BTreeSet::from([0, 1]), BTreeSet::from([0])));
    // Only what is Scope 2 has a category 3 to say something of.
    let unknown: Vec<_> = plan.findings.iter().filter(|finding| finding.code == "UPSTREAM_UNKNOWN").collect();
    assert_eq!(unknown.len(), 1);
    assert!(unknown[0].message.starts_with("Zone NL:"), "{}", unknown[0].message);
}

#[test]
fn days_before_the_period_are_those_in_which_a_run_of_it_was_running() {
    let terms = october();
    let survey = survey(&terms);
    let ran = |started: &str| JobRun {
        job: started.into(),
        created: Some(at(started)),
        started: Some(at(started)),
        completed: Some(at("2026-10-06T01:00:00Z")),
        ..run()
    };
    let before = |jobs: Vec<JobRun>, cluster: usize| planned(&terms, &survey, jobs).days_before(cluster);

    assert_eq!(before(vec![ran("2026-10-05T23:00:00Z"), ran("2026-09-29T23:59:59Z")], 0), [day("2026-09-29"), day("2026-09-30")]);
    assert_eq!(before(vec![ran("2026-10-01T00:00:00Z")], 0), []);
    assert_eq!(before(Vec::new(), 0), []);
    // A run of another cluster, or without any pod, makes nobody read those days.
    assert_eq!(before(vec![ran("2026-09-29T23:59:59Z")], 1), []);
    let mut plan = planned(&terms, &survey, vec![ran("2026-09-29T23:59:59Z")]);
    plan.runs[0].run.site = None;
    assert_eq!(plan.days_before(0), []);
}

#[test]
fn a_job_of_the_day_finds_its_run_by_name_and_creation() {
    let terms = october();
    let survey = survey(&terms);
    let ran = JobRun { started: Some(at("2026-10-05T05:00:00Z")), completed: Some(at("2026-10-05T07:00:00Z")), ..run() };
    let unreadable = JobRun { job: "nightly-2".into(), home_cluster: Some("nowhere".into()), ..ran.clone() };
    let again = JobRun { created: Some(at("2026-10-06T01:00:01Z")), ..ran.clone() };
    let mut plan = planned(&terms, &survey, vec![ran.clone(), unreadable.clone()]);
    plan.runs[1].place = Err("its home is not known".to_owned());

    let dimensions = DayDimensions { jobs: vec![unreadable, again, ran], ..DayDimensions::default() };
    let runs = plan.runs_of_day(0, &dimensions);
    assert_eq!(runs, [Some(1), None, Some(0)]);
    assert_eq!(plan.runs_of_day(1, &dimensions), [None; 3]);
    let timing = plan.runs[0].place.clone().unwrap();
    let terms_of_day = plan.day_terms(0, day("2026-10-05"), &dimensions, &runs);
    assert_eq!(terms_of_day.runs, [RunTerms::Unplaced, RunTerms::NotCounted, RunTerms::Placed(timing)]);
    assert_eq!((terms_of_day.first_step, terms_of_day.step_count), (FIRST + 4 * 96, 96));
}
