//! Profiles of runs and what pods ask for, worked by hand, on both engines.

use std::collections::BTreeMap;

use super::tests::{Evidence, by_columns, by_sql, site, terms, zone};
use super::*;

/// Three nodes, of which the first and the third are of one site. Job 0 has pods 0 and 1 on the first node, 2 on the second and 4 on the third; job 1 does
/// not count and has pod 3; pods 5 and 6 are nobody's.
fn story<'a>(sites: &'a [SiteTerms], zones: &'a [ZoneIntensity]) -> DayTerms<'a> {
    let mut terms = terms(sites, zones, 3, 7);
    terms.period_steps = (1, 96);
    terms.runs = vec![RunTerms::Unplaced, RunTerms::NotCounted];
    for (pod, (job, request)) in [(0, 250), (0, 500), (0, 0), (1, 1_000), (0, 125), (-1, 2_000), (-1, 0)].into_iter().enumerate() {
        (terms.pods[pod].job, terms.pods[pod].cpu_request_milli) = (job, request);
    }
    terms
}

fn evidence() -> Evidence {
    Evidence {
        node_steps: vec![(0, 0, 100, None), (0, 1, 100, None), (0, 2, 30, None), (1, 1, 100, None), (2, 1, 100, None)],
        usage: vec![
            // Step 0 is outside the period; step 3 has no meter; in step 2 the second pod has only a tail, and both together exceed the meter.
            (0, 0, 0, Some(7), Some(1)),
            (0, 0, 1, Some(10), Some(1)),
            (0, 0, 2, Some(40), Some(1)),
            (0, 0, 3, Some(9), Some(1)),
            (0, 1, 1, Some(0), Some(1)),
            (0, 1, 2, None, None),
            (1, 2, 1, Some(20), Some(1)),
            (1, 3, 1, Some(30), Some(1)),
            (2, 4, 1, Some(5), None),
            (2, 5, 1, None, None),
            (2, 6, 1, Some(1), None),
        ],
        tails: BTreeMap::from([((1, 2), 3)]),
        ..Evidence::default()
    }
}

#[test]
fn a_run_has_its_energy_and_its_requests_step_by_step_and_site_by_site() {
    let zones = [zone(&[100.0; 24], 3_600), zone(&[100.0; 24], 3_600)];
    let sites = [site(0, 1.0), site(1, 1.0)];
    let mut terms = story(&sites, &zones);
    // Nodes take sites in turn: 0, 1, 0.
    terms.tails = Tails::LastRate;
    let (fold, _) = by_columns(&terms, &evidence());

    let seen: Vec<_> = fold.run_steps.iter().map(|row| (row.job, row.step, row.site, row.active_mj, row.cpu_request_milli)).collect();
    // Step 1 at the first site: 10 + 0 + 5 mJ of three pods, 250 + 500 + 125. Step 2 is scaled down to the meter's 30, and nothing is left for the tail.
    // Step 3 is on no meter: the pod asks and has no energy.
    assert_eq!(seen, [(0, 0, 0, 7, 250), (0, 1, 0, 15, 875), (0, 1, 1, 20, 0), (0, 2, 0, 30, 250), (0, 3, 0, 0, 250)]);
    assert_eq!(fold.run_steps.iter().map(|row| row.active_mj).sum::<i64>(), fold.runs[0].active_mj);
    assert_eq!(by_sql(&terms, &evidence()).0, fold);
}

#[test]
fn a_moved_tail_is_in_the_profile_and_asks_for_nothing() {
    let zones = [zone(&[100.0; 24], 3_600)];
    let sites = [site(0, 1.0)];
    let mut terms = story(&sites, &zones);
    terms.tails = Tails::LastRate;
    let mut evidence = evidence();
    evidence.node_steps[2].2 = 100;
    let (fold, _) = by_columns(&terms, &evidence);

    let of_step_2: Vec<_> = fold.run_steps.iter().filter(|row| row.step == 2).map(|row| (row.active_mj, row.cpu_request_milli)).collect();
    assert_eq!(of_step_2, [(43, 250)]);
    assert_eq!(by_sql(&terms, &evidence).0, fold);
}

#[test]
fn every_pod_of_the_cluster_asks_in_each_step_of_the_period_in_which_it_was_there() {
    let zones = [zone(&[100.0; 24], 3_600)];
    let sites = [site(0, 1.0)];
    let (fold, _) = by_columns(&story(&sites, &zones), &evidence());

    // Step 1: 250 + 500 + 0 + 1,000 + 125 + 2,000 + 0, whoever they are of.
    let seen: Vec<_> = fold.step_requests.iter().map(|row| (row.step, row.cpu_request_milli)).collect();
    assert_eq!(seen, [(1, 3_875), (2, 250), (3, 250)]);
    assert_eq!(by_sql(&story(&sites, &zones), &evidence()).0, fold);
}

#[test]
fn a_request_that_no_machine_has_is_an_error() {
    let zones = [zone(&[100.0; 24], 3_600)];
    let sites = [site(0, 1.0)];
    let mut terms = story(&sites, &zones);
    terms.pods[5].cpu_request_milli = 1 << 40;
    assert_eq!(
        run_steps::cpu_request(&terms, 5).unwrap_err().to_string(),
        "pods: pod 5 requests 1099511627776 thousandths of a core, which no machine has"
    );
}

#[test]
fn two_nodes_of_a_site_have_one_row_of_a_step() {
    let (zones, sites) = ([zone(&[100.0; 24], 3_600)], [site(0, 1.0)]);
    let mut terms = terms(&sites, &zones, 2, 2);
    terms.runs = vec![RunTerms::Unplaced];
    for pod in &mut terms.pods {
        (pod.job, pod.cpu_request_milli) = (0, 100);
    }
    let evidence = Evidence {
        node_steps: vec![(0, 1, 100, None), (1, 1, 100, None)],
        usage: vec![(0, 0, 1, Some(10), Some(1)), (1, 1, 1, Some(20), Some(1))],
        ..Evidence::default()
    };
    let (fold, _) = by_columns(&terms, &evidence);
    let seen: Vec<_> = fold.run_steps.iter().map(|row| (row.job, row.step, row.site, row.active_mj, row.cpu_request_milli)).collect();
    assert_eq!(seen, [(0, 1, 0, 30, 200)]);
    assert_eq!(by_sql(&terms, &evidence).0, fold);
}
