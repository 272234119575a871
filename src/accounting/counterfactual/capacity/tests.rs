//! Replays by hand: four cores, quarter hours, the first days of October.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::accounting::counterfactual::retiming::Home;
use crate::accounting::gaps::NodePower;
use crate::accounting::intensity::{Wanted, ZoneIntensity};
use crate::accounting::inventory::ClusterInventory;
use crate::accounting::ledger::RunSums;
use crate::accounting::plan::Beside;
use crate::accounting::survey::{ClusterSurvey, ClusterTerms, MonthTerms, NodeOfMonth, RunOfMonth, Site, Survey};
use crate::model::policy::FactorKind;
use crate::model::{Cause, CauseBasis, ClassBasis, DeferralClass, IntensitySeries, JobRun};
use crate::units::{ReportingPeriod, UtcDay};

fn october() -> ReportingPeriod {
    ReportingPeriod::parse("2026-10", chrono_tz::UTC).unwrap()
}

/// The first of October, as in `1T02:00`.
fn at(day_and_time: &str) -> DateTime<Utc> {
    format!("2026-10-0{day_and_time}:00Z").parse().unwrap()
}

fn step(day_and_time: &str) -> i32 {
    (at(day_and_time).timestamp() / 900) as i32
}

fn hour(day_and_time: &str) -> i32 {
    (at(day_and_time).timestamp() / 3_600) as i32
}

fn zone(name: &str) -> ZoneIntensity {
    let (from, to) = (october().from().timestamp(), october().to().timestamp());
    let starts: Vec<i64> = (from..to).step_by(3_600).collect();
    let n = starts.len();
    let series = IntensitySeries {
        zone: name.to_owned(),
        end_s: starts.iter().map(|start| start + 3_600).collect(),
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
        period_from_s: from,
        period_to_s: to,
        year_from_s: 0,
        year_to_s: 1,
        configured_annual: Some(1.0),
        published_annual: None,
        plausible: (0.0, 2_000.0),
    };
    ZoneIntensity::build(&[series], wanted).expect("whole").0
}

/// A node of the whole month with what it can give and what it has.
fn node(allocatable: Option<i64>, capacity: Option<i64>) -> NodeOfMonth {
    node_from("1T00:00", allocatable, capacity)
}

fn node_from(day_and_time: &str, allocatable: Option<i64>, capacity: Option<i64>) -> NodeOfMonth {
    let mut power = NodePower::new(step("1T00:00"), 31 * 96);
    power.exists(at(day_and_time).timestamp_millis(), october().to().timestamp_millis());
    NodeOfMonth {
        site: 0,
        labels: BTreeMap::new(),
        power,
        power_zones: BTreeSet::new(),
        is_metered: true,
        cpu_capacity_milli: capacity,
        cpu_allocatable_milli: allocatable,
        first_day: UtcDay::containing(october().from()),
    }
}

/// A run of cluster `ran`: from, to, baseline, and what it asks for in each quarter of an hour.
#[derive(Debug)]
struct Run {
    ran: usize,
    times: [DateTime<Utc>; 3],
    milli: i64,
    baseline_zone: usize,
    home_cluster: Option<usize>,
}

fn run(times: [&str; 3], milli: i64) -> Run {
    Run { ran: 0, times: times.map(at), milli, baseline_zone: 0, home_cluster: None }
}

/// Clusters `a`, `b` and `c` of the zones NL, FR and PL; `b` and `c` have four cores each, and their nodes say so.
fn check_of(nodes_of_a: Vec<NodeOfMonth>, runs: Vec<Run>, others: &[(usize, &str, i64)]) -> (Capacity, Vec<Finding>) {
    with_plan(nodes_of_a, runs, others, |plan, inventory| {
        let capacity = check(plan, inventory);
        let findings = capacity.findings(plan);
        (capacity, findings)
    })
}

fn with_plan<T>(
    nodes_of_a: Vec<NodeOfMonth>,
    runs: Vec<Run>,
    others: &[(usize, &str, i64)],
    see: impl Fn(&Plan<'_>, &Inventory) -> T,
) -> T {
    let zones = ["NL", "FR", "PL"];
    let site = |zone: &str| Site::of_test(zone, 1.0);
    let cluster = |(name, zone): (&str, &str)| ClusterTerms { name: name.to_owned(), sites: vec![site(zone)], site_of: Box::new(|_| 0) };
    let terms = MonthTerms::of_test(["a", "b", "c"].into_iter().zip(zones).map(cluster).collect());
    let survey_of = |nodes: Vec<NodeOfMonth>| {
        let nodes = nodes.into_iter().enumerate().map(|(i, node)| (format!("node-{i}"), node)).collect();
        ClusterSurvey { nodes, ..ClusterSurvey::default() }
    };
    let four_cores = || survey_of(vec![node(Some(4_000), None)]);
    let survey = Survey { clusters: vec![survey_of(nodes_of_a), four_cores(), four_cores()] };
    let mut plan = Plan::new(&terms, &survey, vec![Vec::new(); 3], zones.into_iter().map(zone).collect(), Beside::default());
    let mut inventory = Inventory { clusters: vec![ClusterInventory::default(); 3], runs: Vec::new(), profiles: Vec::new() };
    for (cluster, day_and_time, milli) in others {
        *inventory.clusters[*cluster].step_requests.entry(step(day_and_time)).or_default() += milli;
    }
    for run in runs {
        let [start, end, baseline] = run.times;
        let steps = start.timestamp().div_euclid(900) as i32..((end.timestamp() - 1).div_euclid(900) + 1) as i32;
        let profile_step = |step| ProfileStep { site: 0, step, active_mj: 1, cpu_request_milli: run.milli };
        let profile: Profile = steps.map(profile_step).collect();
        for step in &profile {
            *inventory.clusters[run.ran].step_requests.entry(step.step).or_default() += run.milli;
        }
        inventory.profiles.push(profile);
        inventory.runs.push(RunSums::default());
        plan.runs.push(planned(&run, (start, end, baseline)));
    }
    see(&plan, &inventory)
}

fn planned(run: &Run, (start, end, baseline): (DateTime<Utc>, DateTime<Utc>, DateTime<Utc>)) -> PlannedRun {
    PlannedRun {
        cluster: run.ran,
        run: RunOfMonth { site: Some(0), ..RunOfMonth::of(job()) },
        start: Some(start),
        end: Some(end),
        baseline_start: Some(baseline),
        baseline_rule: None,
        baseline_zone: None,
        home_cluster: run.home_cluster,
        cause: Cause::Carbon,
        cause_basis: CauseBasis::Label,
        decision: None,
        class: DeferralClass::Deferrable,
        class_basis: ClassBasis::Label,
        is_held_out: None,
        overhead_kwh: None,
        window: None,
        place: Ok(RunTiming {
            start_ms: start.timestamp_millis(),
            end_ms: end.timestamp_millis(),
            baseline_start_ms: baseline.timestamp_millis(),
            baseline_zone: run.baseline_zone,
            baseline_pue: 1.0,
            home: Home::Zone,
        }),
    }
}

fn job() -> JobRun {
    JobRun {
        cluster: "a".into(),
        namespace: "etl".into(),
        job: "nightly".into(),
        uid: None,
        workload: "CronJob/nightly".into(),
        created: None,
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

fn four_cores() -> Vec<NodeOfMonth> {
    // What pods can have counts, not what the machine has.
    vec![node(Some(2_500), Some(8_000)), node(None, Some(1_500))]
}

#[test]
fn two_runs_shifted_apart_whose_baselines_coincide_do_not_fit() {
    // Two and a half cores each. Baselines 01:00–01:45 and 01:15–02:00: together in the two quarters from 01:15, that is 5 of 4 cores in one hour.
    let runs = vec![run(["1T04:00", "1T04:45", "1T01:00"], 2_500), run(["1T08:00", "1T08:45", "1T01:15"], 2_500)];
    let (capacity, findings) = check_of(four_cores(), runs, &[]);

    let exceeded = ExceededHour { cluster: 0, hour: hour("1T01:00"), requested_milli: 5_000, allocatable_milli: 4_000, runs: vec![0, 1] };
    assert_eq!(capacity, Capacity { examined_hours: 1, unknown_clusters: vec![], exceeded: vec![exceeded] });
    assert_eq!(
        (findings[0].code.as_str(), findings[0].severity, findings[0].examined, findings[0].failing),
        ("CAPACITY", Severity::Disclosed, 1, 1)
    );
    assert!(findings[0].message.starts_with("In 1 of 1 hours"), "{}", findings[0].message);
    assert!(findings[0].message.contains("(a at 2026-10-01T01:00:00Z: 5.0 of 4.0 cores, 2 runs)"), "{}", findings[0].message);
}

#[test]
fn the_fullest_step_of_an_hour_stands_for_it_and_names_its_runs() {
    // Others ask for 2 cores at 02:00 and 3 at 02:15; one run of 3 cores would have run 02:00–02:30, another of half a core 02:15–02:30.
    let runs = vec![
        run(["1T09:00", "1T09:30", "1T02:00"], 3_000),
        run(["1T12:00", "1T12:15", "1T02:15"], 500),
        run(["1T13:00", "1T13:15", "1T02:30"], 500),
    ];
    let (capacity, _) = check_of(four_cores(), runs, &[(0, "1T02:00", 2_000), (0, "1T02:15", 3_000), (0, "1T02:30", 3_000)]);

    let exceeded = ExceededHour { cluster: 0, hour: hour("1T02:00"), requested_milli: 6_500, allocatable_milli: 4_000, runs: vec![0, 1] };
    assert_eq!((capacity.examined_hours, capacity.exceeded), (1, vec![exceeded]));
}

#[test]
fn a_run_is_taken_out_where_it_was() {
    // It was there 01:30–02:30 with three cores and would have begun half an hour earlier: where both overlap it counts once.
    let (capacity, findings) =
        check_of(four_cores(), vec![run(["1T01:30", "1T02:30", "1T01:00"], 3_000)], &[(0, "1T01:00", 1_000), (0, "1T01:45", 1_000)]);

    assert_eq!(capacity, Capacity { examined_hours: 1, ..Capacity::default() });
    assert_eq!(findings, []);
}

#[test]
fn a_run_that_is_moved_by_part_of_a_step_counts_once_in_each_step_it_reaches_into() {
    // 00:45–01:15, moved back by seven minutes: 00:38–01:08 reaches into 00:30, 00:45 and 01:00, with three cores in each and never six.
    let runs = || vec![run(["1T00:45", "1T01:15", "1T00:38"], 3_000)];
    let (capacity, _) = check_of(four_cores(), runs(), &[(0, "1T00:45", 1_000)]);
    assert_eq!((capacity.examined_hours, capacity.exceeded), (2, vec![]));

    let (capacity, _) = check_of(four_cores(), runs(), &[(0, "1T00:30", 1_001)]);
    assert_eq!(capacity.exceeded.iter().map(|hour| (hour.hour, hour.requested_milli)).collect::<Vec<_>>(), [(hour("1T00:00"), 4_001)]);
}

#[test]
fn a_run_moved_home_to_another_cluster_counts_there() {
    // By zone it belongs to the cluster of FR; where a cluster is said, to that, whatever its zone.
    for (home_cluster, home) in [(None, 1), (Some(2), 2)] {
        let elsewhere = Run { baseline_zone: 1, home_cluster, ..run(["1T04:00", "1T05:00", "1T04:00"], 3_000) };
        let (capacity, findings) = check_of(four_cores(), vec![elsewhere], &[(home, "1T04:30", 2_000)]);

        let exceeded =
            ExceededHour { cluster: home, hour: hour("1T04:00"), requested_milli: 5_000, allocatable_milli: 4_000, runs: vec![0] };
        assert_eq!((capacity.examined_hours, capacity.exceeded), (1, vec![exceeded]));
        assert!(findings[0].message.contains(["a", "b", "c"][home]));
    }
}

#[test]
fn where_nothing_is_shifted_nothing_is_examined() {
    let (capacity, findings) = check_of(four_cores(), vec![run(["1T04:00", "1T05:00", "1T04:00"], 9_000)], &[(0, "1T04:00", 9_000)]);

    assert_eq!((capacity, findings), (Capacity::default(), vec![]));
}

#[test]
fn a_cluster_without_cpu_capacity_is_unknown() {
    let runs = || vec![run(["1T04:00", "1T05:00", "1T01:00"], 9_000)];
    // One node of two says nothing; or there was none.
    for nodes in [vec![node(Some(64_000), None), node(None, None)], vec![]] {
        let (capacity, findings) = check_of(nodes, runs(), &[]);

        assert_eq!(capacity, Capacity { unknown_clusters: vec![0], ..Capacity::default() });
        assert_eq!(
            findings.iter().map(|finding| (finding.code.as_str(), finding.severity)).collect::<Vec<_>>(),
            [("CAPACITY", Severity::Noted)]
        );
    }
    // A cluster that nothing was replayed in is nobody's business.
    assert_eq!(check_of(vec![node(None, None)], vec![], &[]).0, Capacity::default());
}

#[test]
fn an_hour_that_was_too_full_without_replayed_runs_is_not_named() {
    // 09:00 was over already, and the replayed run is not in it. In 01:00 it is, but what it asks for was there in its place.
    let others = [(0, "1T09:00", 9_000), (0, "1T01:00", 1_000)];
    let (capacity, _) = check_of(four_cores(), vec![run(["1T09:00", "1T09:15", "1T01:00"], 3_000)], &others);
    assert_eq!((capacity.examined_hours, capacity.exceeded), (1, vec![]));

    // Pods that follow one another in a step are both counted: it held 4.5 cores in truth, and no more is asked of it than that.
    let swapped = vec![run(["1T01:00", "1T01:15", "1T05:00"], 2_000), run(["1T06:00", "1T06:15", "1T01:00"], 2_000)];
    let (capacity, _) = check_of(four_cores(), swapped, &[(0, "1T01:00", 2_500)]);
    assert_eq!((capacity.examined_hours, capacity.exceeded), (2, vec![]));
}

#[test]
fn a_node_counts_from_the_step_in_which_it_came() {
    // Two cores until 02:00, four from then on.
    let nodes = || vec![node(Some(2_000), None), node_from("1T02:00", Some(2_000), None)];
    let (capacity, _) = check_of(nodes(), vec![run(["1T08:00", "1T09:00", "1T01:30"], 3_000)], &[]);

    let exceeded = ExceededHour { cluster: 0, hour: hour("1T01:00"), requested_milli: 3_000, allocatable_milli: 2_000, runs: vec![0] };
    assert_eq!((capacity.examined_hours, capacity.exceeded), (2, vec![exceeded]));
}

#[test]
fn what_lies_before_the_period_is_not_examined() {
    let mut month_edge = planned(&run(["1T00:30", "1T01:30", "1T00:00"], 9_000), (at("1T00:30"), at("1T01:30"), at("1T00:00")));
    let Ok(place) = &mut month_edge.place else { panic!("placed") };
    place.baseline_start_ms = at("1T00:00").timestamp_millis() - 1_800_000;
    let profile: Profile =
        (step("1T00:30")..step("1T01:30")).map(|step| ProfileStep { site: 0, step, active_mj: 1, cpu_request_milli: 1 }).collect();
    let run = MovedRun { run: 0, ran: 0, home: 0, timing: month_edge.place.unwrap(), profile: &profile, step_ms: 900_000 };
    let mut target = Vec::new();
    run.replayed(&mut target);

    let first = step("1T00:00");
    assert_eq!(target, [(first - 2, 1), (first - 1, 1), (first, 1), (first + 1, 1)]);
}

#[test]
fn three_hours_are_named_and_of_more_it_is_said_that_there_are_more() {
    let said = |hours: u32| {
        let end = format!("1T{:02}:00", 10 + hours);
        let (capacity, findings) = check_of(four_cores(), vec![run(["1T10:00", &end, "1T01:00"], 5_000)], &[]);
        assert_eq!((capacity.exceeded.len(), findings[0].failing), (hours as usize, u64::from(hours)));
        (findings[0].message.matches("a at 2026").count(), findings[0].message.contains("; and more)"))
    };
    assert_eq!((said(3), said(4)), ((3, false), (3, true)));
}

#[test]
fn what_was_seen_before_the_start_or_after_the_end_belongs_to_the_first_or_the_last_instant() {
    // 00:30 to 00:50, moved a quarter of an hour back.
    let times = ["1T00:30", "1T00:50", "1T00:15"];
    let timing = planned(&run(times, 0), (at(times[0]), at(times[1]), at(times[2]))).place.unwrap();
    let profile: Profile = [("1T00:15", 500), ("1T00:30", 100), ("1T00:45", 200), ("1T01:00", 700)]
        .map(|(at, cpu_request_milli)| ProfileStep { site: 0, step: step(at), active_mj: 1, cpu_request_milli })
        .to_vec();
    let run = MovedRun { run: 0, ran: 0, home: 0, timing, profile: &profile, step_ms: 900_000 };
    let mut target = Vec::new();
    run.replayed(&mut target);
    assert_eq!(target, [(step("1T00:15"), 500), (step("1T00:30"), 700)]);
}

#[test]
fn a_run_of_another_cluster_of_the_same_zone_is_moved_there_at_the_time_it_ran() {
    let elsewhere = Run { home_cluster: Some(1), ..run(["1T04:00", "1T04:15", "1T04:00"], 5_000) };
    // The cluster that it leaves asks for nothing and is nobody's business, whatever its nodes say.
    let (capacity, _) = check_of(vec![node(None, None)], vec![elsewhere], &[]);
    assert_eq!((capacity.examined_hours, capacity.exceeded.len(), capacity.unknown_clusters), (1, 1, vec![]));
}

#[test]
fn what_lies_after_the_period_is_not_examined() {
    let late =
        |times: [&str; 3]| Run { times: times.map(|time| format!("2026-{time}:00Z").parse().unwrap()), ..run(["1T00:00"; 3], 9_000) };
    let (capacity, _) = check_of(four_cores(), vec![late(["10-31T01:00", "10-31T02:00", "10-31T23:30"])], &[]);
    assert_eq!((capacity.examined_hours, capacity.exceeded.len()), (1, 1));
}

#[test]
fn of_an_hour_the_fullest_step_stays_and_runs_that_ask_for_nothing_are_not_named() {
    let runs = vec![run(["1T09:00", "1T09:30", "1T02:00"], 3_000), run(["1T12:00", "1T12:30", "1T02:00"], 0)];
    let (capacity, _) = check_of(four_cores(), runs, &[(0, "1T02:00", 3_000), (0, "1T02:15", 2_000)]);
    let exceeded = ExceededHour { cluster: 0, hour: hour("1T02:00"), requested_milli: 6_000, allocatable_milli: 4_000, runs: vec![0] };
    assert_eq!((capacity.examined_hours, capacity.exceeded), (1, vec![exceeded]));
}

#[test]
fn a_node_counts_up_to_the_step_in_which_it_left() {
    // Four cores until some minutes past two, two from a quarter past on.
    let mut leaving = node(Some(2_000), None);
    leaving.power = NodePower::new(step("1T00:00"), 31 * 96);
    leaving.power.exists(at("1T00:00").timestamp_millis(), at("1T02:05").timestamp_millis());
    let nodes = || vec![node(Some(2_000), None), leaving.clone()];
    let of = |baseline| check_of(nodes(), vec![run(["1T08:00", "1T08:15", baseline], 3_000)], &[]).0.exceeded;
    assert_eq!((of("1T01:45"), of("1T02:00")), (vec![], vec![]));
    let exceeded = of("1T02:15");
    assert_eq!((exceeded.len(), exceeded[0].allocatable_milli), (1, 2_000));
}

/// Minutes from the start of the second of October; half of the runs go home to another cluster.
fn any_run() -> impl Strategy<Value = Run> {
    (0..1_440_i64, 1..600_i64, -60..90_i64, 0..9_000_i64, 0..3_usize, 0..3_usize, 0..4_usize).prop_map(
        |(start, minutes, quarters_later, milli, ran, baseline_zone, home)| {
            let at = |minute| at("2T00:00") + chrono::Duration::minutes(minute);
            let times = [at(start), at(start + minutes), at(start - 15 * quarters_later)];
            Run { ran, times, milli, baseline_zone, home_cluster: Some(home).filter(|home| *home < 3) }
        },
    )
}

proptest! {
    #[test]
    fn what_is_asked_for_is_moved_and_not_made(runs in vec(any_run(), 0..20)) {
        // By whole steps, and away from the edges of the month.
        with_plan(four_cores(), runs, &[(0, "2T00:00", 1_000), (1, "2T03:00", 500)], |plan, inventory| {
            let replays = replay(plan, inventory, &moved_runs(plan, inventory));
            let (before, after): (Vec<i64>, Vec<i64>) = replays.values().map(|of| (of.actual.iter().sum::<i64>(), of.replayed.iter().sum::<i64>())).unzip();
            prop_assert_eq!(before.iter().sum::<i64>(), after.iter().sum::<i64>());
            prop_assert!(replays.values().all(|of| of.replayed.iter().all(|milli| *milli >= 0)));

            let capacity = check(plan, inventory);
            prop_assert!(capacity.exceeded.len() as u64 <= capacity.examined_hours);
            for hour in &capacity.exceeded {
                prop_assert!(hour.requested_milli > hour.allocatable_milli && !hour.runs.is_empty());
            }
            Ok(())
        })?;
    }
}
