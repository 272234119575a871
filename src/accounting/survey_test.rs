//! A month seen day by day: nodes, their meters, and the sites that runs were at.

use std::collections::{BTreeMap, BTreeSet};

use polars::prelude::{DataFrame, df};

use super::counterfactual::placing_test::terms;
use super::counterfactual::test_run::run;
use super::dimensions::{DayDimensions, NodeOfDay};
use super::gaps::MeanStep;
use super::inventory_test;
use super::survey::{ClusterTerms, MonthTerms, Survey, run_key};
use crate::model::JobRun;
use crate::units::UtcDay;

/// 1 October 2026 in steps of a quarter of an hour since the epoch.
const FIRST: i32 = 1_989_792;
const QUARTER_MS: i64 = 900_000;

fn day(text: &str) -> UtcDay {
    text.parse().unwrap()
}

/// October, where the label `hall` is the number of a node's site.
fn october() -> MonthTerms {
    let ClusterTerms { name, sites, .. } = terms().clusters.remove(0);
    let site_of = Box::new(|labels: &BTreeMap<String, String>| labels["hall"].parse().unwrap());
    MonthTerms { clusters: vec![ClusterTerms { name, sites, site_of }], ..terms() }
}

/// There from its first step of the month to the end of its last.
fn node(name: &str, hall: usize, steps: (i32, i32)) -> NodeOfDay {
    NodeOfDay {
        labels: BTreeMap::from([("hall".to_owned(), hall.to_string())]),
        first_ms: i64::from(FIRST + steps.0) * QUARTER_MS,
        last_ms: i64::from(FIRST + steps.1) * QUARTER_MS,
        is_metered: false,
        ..inventory_test::node(name)
    }
}

/// Node, step of the month, mJ.
fn node_steps(rows: &[(i32, i32, Option<i64>)]) -> DataFrame {
    df![
        "node_id" => rows.iter().map(|row| row.0).collect::<Vec<_>>(),
        "step" => rows.iter().map(|row| FIRST + row.1).collect::<Vec<_>>(),
        "metered_mj" => rows.iter().map(|row| row.2).collect::<Vec<_>>()
    ]
    .unwrap()
}

#[test]
fn a_node_is_what_all_its_days_say_of_it() {
    let terms = october();
    let mut survey = Survey::new(&terms);
    let second = NodeOfDay {
        is_metered: true,
        power_zones: "package-0".to_owned(),
        cpu_capacity_milli: Some(4_000),
        cpu_allocatable_milli: Some(3_900),
        ..node("n1", 1, (96, 192))
    };
    let first = NodeOfDay { cpu_capacity_milli: Some(8_000), cpu_allocatable_milli: Some(3_500), ..node("n1", 1, (40, 96)) };
    // The second day first: days come in any order.
    for (date, of_day) in [("2026-10-02", second), ("2026-10-01", first)] {
        let dimensions = DayDimensions { nodes: vec![of_day, node("n2", 2, (0, 1))], ..DayDimensions::default() };
        survey.add_day(&terms, 0, day(date), &dimensions, &node_steps(&[]), None).unwrap();
    }

    let cluster = &survey.clusters[0];
    assert_eq!(cluster.days, BTreeSet::from([day("2026-10-01"), day("2026-10-02")]));
    let n1 = &cluster.nodes["n1"];
    assert_eq!((n1.site, n1.is_metered, n1.first_day, cluster.nodes["n2"].site), (1, true, day("2026-10-01"), 2));
    assert_eq!((n1.power.first_ms, n1.power.last_ms), (i64::from(FIRST + 40) * QUARTER_MS, i64::from(FIRST + 192) * QUARTER_MS));
    assert_eq!((n1.cpu_capacity_milli, n1.cpu_allocatable_milli), (Some(8_000), Some(3_900)));
    assert_eq!(n1.power_zones, BTreeSet::from(["package-0".to_owned()]));
}

#[test]
fn a_node_has_the_meter_readings_of_its_own_rows_within_the_period() {
    let terms = october();
    let mut survey = Survey::new(&terms);
    let last = 31 * 96;
    let nodes = vec![node("n1", 0, (-1, last + 1)), node("n2", 0, (0, 4))];
    let rows = [
        (0, -1, Some(1_000)),
        (0, 0, Some(10)),
        (0, 1, None),
        (0, last - 1, Some(30)),
        (0, last, Some(1_000)),
        (1, 2, Some(7)),
        (0, 3, Some(14)),
    ];
    survey.add_day(&terms, 0, day("2026-10-01"), &DayDimensions { nodes, ..DayDimensions::default() }, &node_steps(&rows), None).unwrap();

    let mean = |node: &str, step: i32| survey.clusters[0].nodes[node].power.mean(FIRST + step, 900);
    assert_eq!(mean("n1", 1), Some(MeanStep { metered_mj: 24, steps: 2, is_of_hour: true, mean_mj: 12 }));
    assert_eq!(mean("n1", last - 1), Some(MeanStep { metered_mj: 30, steps: 1, is_of_hour: true, mean_mj: 30 }));
    assert_eq!(mean("n2", 1), Some(MeanStep { metered_mj: 7, steps: 1, is_of_hour: true, mean_mj: 7 }));
    let missing = survey.clusters[0].nodes["n2"].power.missing(FIRST, FIRST + last, 900);
    assert_eq!((missing.0, missing.1.iter().map(|step| step.step - FIRST).collect::<Vec<_>>()), (4, vec![0, 1, 3]));
}

#[test]
fn a_run_was_where_its_pods_were_and_a_workload_may_wait_as_soon_as_one_pod_says_so() {
    let terms = october();
    let mut survey = Survey::new(&terms);
    let idle = JobRun { job: "nightly-2".into(), ..run() };
    let text = |text: &str| text.to_owned();
    let mut dimensions = DayDimensions {
        nodes: vec![node("n1", 2, (0, 96)), node("n2", 1, (0, 96))],
        workloads: vec![(text("etl"), text("CronJob/nightly")), (text("shop"), text("Deployment/web"))],
        pod_node: vec![0, 1, 1],
        pod_workload: vec![0, 0, 1],
        pod_job: vec![0, 0, -1],
        pod_last_ms: vec![Some(5), Some(3), Some(9)],
        pod_is_deferrable: vec![Some(true), Some(false), None],
        jobs: vec![run(), idle.clone()],
        ..DayDimensions::default()
    };
    survey.add_day(&terms, 0, day("2026-10-05"), &dimensions, &node_steps(&[]), None).unwrap();
    // The next day its last pod is in the first hall, and the Job is done.
    dimensions.nodes = vec![node("n3", 0, (96, 192))];
    (dimensions.pod_node, dimensions.pod_job, dimensions.pod_last_ms) = (vec![0; 3], vec![0, -1, -1], vec![Some(4); 3]);
    dimensions.pod_is_deferrable = vec![None, None, Some(false)];
    dimensions.jobs[0].was_suspended = true;
    survey.add_day(&terms, 0, day("2026-10-06"), &dimensions, &node_steps(&[]), None).unwrap();

    let cluster = &survey.clusters[0];
    let labels = BTreeMap::from([((text("etl"), text("CronJob/nightly")), true), ((text("shop"), text("Deployment/web")), false)]);
    assert_eq!(cluster.workload_labels, labels);
    let seen = &cluster.runs[&run_key(&run())];
    assert_eq!((seen.sites().collect::<Vec<_>>(), seen.last_sample_ms, seen.job.was_suspended), (vec![0, 1, 2], Some(5), true));
    let unseen = &cluster.runs[&run_key(&idle)];
    assert_eq!((unseen.site, unseen.last_sample_ms), (None, None));

    let runs = survey.take_runs();
    assert_eq!(runs[0].iter().map(|(key, _)| &*key.1).collect::<Vec<_>>(), ["nightly-1", "nightly-2"]);
    assert!(survey.clusters[0].runs.is_empty());
}
