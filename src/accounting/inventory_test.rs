//! Sums of days by hand, and what the checks say of them.

use std::collections::{BTreeMap, BTreeSet};

use super::dimensions::{DayDimensions, NodeOfDay};
use super::intensity::{Wanted, ZoneIntensity};
use super::inventory::{ClusterInventory, Inventory};
use super::ledger::{DayFold, NodeDay, Reservation, Sums, WorkloadHour};
use super::plan::{Beside, GapCount, Plan};
use super::survey::{ClusterSurvey, ClusterTerms, MonthTerms, Site, Survey};
use super::tiers::TierEmissions;
use crate::model::policy::FactorKind;
use crate::model::{Finding, GAP_ROW, IDLE_ROW, IntensitySeries, SYSTEM_ROW, Severity};
use crate::units::{ReportingPeriod, UtcDay};

/// The first hour of October 2026 in UTC, since the epoch.
const FIRST: i32 = 497_448;

fn october() -> ReportingPeriod {
    ReportingPeriod::parse("2026-10", chrono_tz::UTC).unwrap()
}

fn day() -> UtcDay {
    "2026-10-01".parse().unwrap()
}

fn empty() -> Inventory {
    Inventory { clusters: vec![ClusterInventory::default()], runs: Vec::new(), profiles: Vec::new() }
}

/// A node of a day of which nothing is said.
pub fn node(name: &str) -> NodeOfDay {
    NodeOfDay {
        node: name.to_owned(),
        labels: BTreeMap::new(),
        power_zones: String::new(),
        first_ms: 0,
        last_ms: 0,
        is_metered: true,
        cpu_capacity_milli: None,
        cpu_allocatable_milli: None,
    }
}

fn dimensions() -> DayDimensions {
    let text = |text: &str| text.to_owned();
    DayDimensions {
        nodes: vec![node("n1"), node("n2")],
        workloads: vec![(text("shop"), text("Deployment/web")), (text("shop"), text("Deployment/cart"))],
        ..DayDimensions::default()
    }
}

fn hour(workload: i32, hour: i32, active_mj: i64, operational_hourly_ugco2e: i64) -> WorkloadHour {
    let sums = Sums { active_mj, facility_mj: 2 * active_mj, operational_hourly_ugco2e, ..Sums::default() };
    WorkloadHour { site: 0, workload, hour: FIRST + hour, sums }
}

/// Two workloads in two hours, the rows that are nobody's, one of two nodes, and what was reserved.
fn fold() -> DayFold {
    DayFold {
        workload_hours: vec![
            hour(GAP_ROW, 0, 1, 10),
            hour(IDLE_ROW, 0, 2, 20),
            hour(SYSTEM_ROW, 1, 4, 40),
            hour(0, 0, 8, 80),
            hour(0, 1, 16, 160),
            hour(1, 1, 32, 320),
        ],
        node_days: vec![
            NodeDay { metered_mj: 62, attributed_mj: 56, idle_mj: 2, system_mj: 4, gap_mj: 1, ..NodeDay::default() },
            NodeDay::default(),
        ],
        reservations: vec![
            Reservation { node: 0, workload: 0, milli_steps: 500, gpu_steps: 0 },
            Reservation { node: 1, workload: 1, milli_steps: 0, gpu_steps: 3 },
        ],
        unmetered_rows: 3,
        usage_rows: 8,
        ..DayFold::default()
    }
}

fn added(times: usize) -> Inventory {
    let mut inventory = empty();
    (0..times).for_each(|_| inventory.add(0, day(), &dimensions(), &[], &fold()));
    inventory
}

#[test]
fn rows_of_a_day_are_summed_by_workload_by_hour_and_by_node() {
    for times in [1, 2, 3] {
        let factor = times as i64;
        let inventory = added(times);
        let cluster = &inventory.clusters[0];
        let workloads: Vec<(&str, &str, i64, i64)> = cluster
            .workloads
            .iter()
            .map(|((_, namespace, workload), sums)| (namespace.as_str(), workload.as_str(), sums.active_mj, sums.facility_mj))
            .collect();
        let expected = [
            ("(gap)", "(gap)", factor, 2 * factor),
            ("(idle)", "(idle)", 2 * factor, 4 * factor),
            ("(system)", "(system)", 4 * factor, 8 * factor),
            ("shop", "Deployment/cart", 32 * factor, 64 * factor),
            ("shop", "Deployment/web", 24 * factor, 48 * factor),
        ];
        assert_eq!(workloads, expected);
        let hours: Vec<i64> = cluster.hours.values().map(|sums| sums.active_mj).collect();
        assert_eq!(hours, [11 * factor, 52 * factor]);
        let web = &cluster.tier_emissions[&(0, "shop".to_owned(), "Deployment/web".to_owned())];
        assert_eq!(web.metered_ugco2e, 240 * factor);
        assert_eq!(inventory.tier_emissions(), TierEmissions { metered_ugco2e: 630 * factor, ..TierEmissions::default() });
        // A node that another part of the day has is not one without energy.
        assert_eq!(cluster.node_days.len(), 1);
        assert_eq!(cluster.node_days[&("n1".to_owned(), day())].metered_mj, 62 * factor);
        let key = |node: &str, workload: &str| (node.to_owned(), "shop".to_owned(), workload.to_owned());
        assert_eq!(cluster.reservations, BTreeMap::from([(key("n1", "Deployment/web"), 500 * factor)]));
        assert_eq!(cluster.gpu_reservations, BTreeMap::from([(key("n2", "Deployment/cart"), 3 * factor)]));
        assert_eq!((cluster.usage_rows, cluster.unmetered_rows), (8 * times as u64, 3 * times as u64));
    }
}

#[test]
fn what_two_workers_summed_is_what_one_would_have() {
    let mut merged = added(1);
    merged.merge(added(2));
    assert_eq!(merged, added(3));
}

/// One zone: the first hour measured, the second estimated, the third missing.
fn zone() -> ZoneIntensity {
    let (from, to) = (october().from().timestamp(), october().to().timestamp());
    let starts: Vec<i64> = (from..to).step_by(3_600).filter(|start| *start != from + 7_200).collect();
    let series = IntensitySeries {
        zone: "NL".to_owned(),
        end_s: starts.iter().map(|start| start + 3_600).collect(),
        direct_gco2e_per_kwh: vec![Some(100.0); starts.len()],
        lifecycle_gco2e_per_kwh: vec![None; starts.len()],
        is_estimated: starts.iter().map(|start| *start == from + 3_600).collect(),
        estimation_method: vec![String::new(); starts.len()],
        start_s: starts,
        ..IntensitySeries::default()
    };
    let wanted = Wanted {
        zone: "NL",
        factor: FactorKind::Direct,
        period_from_s: from,
        period_to_s: to,
        year_from_s: 0,
        year_to_s: 1,
        configured_annual: Some(1.0),
        published_annual: None,
        plausible: (0.0, 2_000.0),
    };
    ZoneIntensity::build(&[series], wanted).expect("two hours at most are missing").0
}

/// What is found of an inventory in a plan of one cluster, with so many steps missing.
fn with_plan<T>(missing_steps: u64, existing_steps: u64, see: impl FnOnce(&Plan<'_>) -> T) -> T {
    let site = Site::of_test("NL", 1.0);
    let terms = MonthTerms::of_test(vec![ClusterTerms { name: "prod".to_owned(), sites: vec![site], site_of: Box::new(|_| 0) }]);
    let survey = Survey { clusters: vec![ClusterSurvey::default()] };
    let mut plan = Plan::new(&terms, &survey, vec![Vec::new()], vec![zone()], Beside::default());
    plan.gap_count = GapCount { existing_steps, missing_steps };
    see(&plan)
}

fn found(inventory: &Inventory, missing_steps: u64, existing_steps: u64) -> Vec<Finding> {
    with_plan(missing_steps, existing_steps, |plan| inventory.findings(plan))
}

fn codes(findings: &[Finding]) -> Vec<&str> {
    findings.iter().map(|finding| finding.code.as_str()).collect()
}

#[test]
fn a_month_without_any_node_is_no_month() {
    let findings = found(&empty(), 0, 0);
    assert_eq!(codes(&findings), ["NO_DATA"]);
    assert_eq!(findings[0].severity, Severity::Blocked);
}

#[test]
fn a_ledger_that_balances_has_nothing_to_say_and_one_that_does_not_is_blocked() {
    let mut inventory = added(1);
    inventory.clusters[0].unmetered_rows = 0;
    inventory.clusters[0].hours.clear();
    assert_eq!(codes(&found(&inventory, 0, 96)), Vec::<&str>::new());

    let of_node = inventory.clusters[0].node_days.get_mut(&("n1".to_owned(), day())).unwrap();
    of_node.system_mj -= 3;
    let findings = found(&inventory, 0, 96);
    assert_eq!(codes(&findings), ["BALANCE"]);
    assert_eq!((findings[0].severity, findings[0].examined, findings[0].failing), (Severity::Blocked, 1, 1));
    assert!(findings[0].message.contains("node n1 on 2026-10-01 differs by 3 mJ"), "{}", findings[0].message);
}

#[test]
fn gaps_are_told_in_hours_and_above_the_limit_they_refuse() {
    let gap = |missing, existing| found(&added(1), missing, existing).into_iter().find(|finding| finding.code == "GAP");
    assert_eq!(gap(0, 96), None);

    // 5 of 100 quarters of an hour are the limit itself.
    let at_the_limit = gap(5, 100).unwrap();
    assert_eq!((at_the_limit.severity, at_the_limit.examined, at_the_limit.failing), (Severity::Disclosed, 100, 5));
    assert!(at_the_limit.message.starts_with("1.25 of 25.00 node-hours (5.00 %)"), "{}", at_the_limit.message);
    assert!(at_the_limit.message.contains("namespace (gap)"));

    let above = gap(6, 100).unwrap();
    assert_eq!(above.severity, Severity::Blocked);
    assert!(above.message.contains("above the limit of 5.0 %"), "{}", above.message);
}

#[test]
fn corrections_and_cuts_are_summed_and_counted_by_day() {
    let mut inventory = added(1);
    let days = &mut inventory.clusters[0].node_days;
    let balanced = NodeDay { metered_mj: 10, attributed_mj: 10, ..NodeDay::default() };
    days.insert(("n2".to_owned(), day()), NodeDay { correction_mj: -7, ..balanced });
    days.insert(("n3".to_owned(), day()), NodeDay { correction_mj: -4, idle_cut_mj: -5, ..balanced });

    let findings = found(&inventory, 0, 96);
    let of = |code: &str| findings.iter().find(|finding| finding.code == code).unwrap();
    let (correction, cut) = (of("CORRECTION"), of("IDLE_CUT"));
    assert_eq!((correction.examined, correction.failing, correction.severity), (3, 2, Severity::Noted));
    assert!(correction.message.starts_with("prod: ") && correction.message.contains("by 11 mJ in all"), "{}", correction.message);
    assert_eq!((cut.examined, cut.failing), (3, 1));
    assert!(cut.message.contains("by 5 mJ in all"), "{}", cut.message);
    let unmetered = of("UNMETERED");
    assert_eq!((unmetered.examined, unmetered.failing), (8, 3));
}

#[test]
fn shares_of_estimated_and_filled_intensity_are_by_energy() {
    let sums = |facility_mj| Sums { facility_mj, ..Sums::default() };
    let mut inventory = empty();
    // 10 of 100 met the estimated hour, 30 the one that is filled.
    inventory.clusters[0].hours = BTreeMap::from([((0, FIRST), sums(60)), ((0, FIRST + 1), sums(10)), ((0, FIRST + 2), sums(30))]);
    with_plan(0, 96, |plan| {
        let (estimated, filled) = inventory.intensity_shares(plan, 0);
        assert_eq!((estimated.unwrap().get(), filled.unwrap().get()), (0.1, 0.3));
        assert_eq!(empty().intensity_shares(plan, 0), (None, None), "of nothing there is no share");
    });
    // With a node, so that there is something to find things of.
    inventory.clusters[0].node_days.insert(("n1".to_owned(), day()), NodeDay { gap_mj: 1, ..NodeDay::default() });
    let findings = found(&inventory, 0, 96);
    let estimated: Vec<&Finding> = findings.iter().filter(|finding| finding.code == "CI_ESTIMATED").collect();
    assert_eq!(estimated.len(), 1);
    assert!(estimated[0].message.contains("Zone NL: 10.0 % of the energy"), "{}", estimated[0].message);
    let seen: BTreeSet<&str> = codes(&findings).into_iter().collect();
    assert_eq!(seen, BTreeSet::from(["CI_ESTIMATED"]));
}

#[test]
fn what_no_estimate_met_is_not_found_to_be_estimated() {
    let mut inventory = added(1);
    inventory.clusters[0].unmetered_rows = 0;
    // All of it in the hour that was measured.
    inventory.clusters[0].hours.retain(|(_, hour), _| *hour == FIRST);
    assert_eq!(codes(&found(&inventory, 0, 96)), Vec::<&str>::new());
    with_plan(0, 0, |plan| assert_eq!(plan.gap_share(), None));
    with_plan(3, 96, |plan| assert_eq!(plan.gap_share(), Some(3.0 / 96.0)));
}
