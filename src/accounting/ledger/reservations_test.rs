//! Reservations, worked by hand, on both engines.

use std::collections::BTreeMap;

use super::tests::{Evidence, by_columns, by_sql, site, terms, zone};

#[test]
fn a_pod_reserves_its_request_in_every_step_in_which_it_was_seen() {
    // Method, section 5: amortised by time and reserved share.
    let zones = [zone(&[100.0; 24], 3_600)];
    let sites = [site(0, 1.0)];
    let mut terms = terms(&sites, &zones, 2, 5);
    terms.period_steps = (1, 96);
    for (pod, request) in [250, 500, 1_000, 0, 2_000].into_iter().enumerate() {
        terms.pods[pod].cpu_request_milli = request;
    }
    (terms.pods[1].gpu_request, terms.pods[3].gpu_request) = (2, 1);
    let usage = vec![
        // Step 0 is outside the period; step 3 has no meter; in step 2 only a tail is known of the second pod.
        (0, 0, 0, Some(1), Some(1)),
        (0, 0, 1, Some(1), Some(1)),
        (0, 0, 3, Some(1), Some(1)),
        (0, 1, 1, Some(0), None),
        (0, 1, 2, None, None),
        (0, 2, 1, None, Some(1)),
        (0, 3, 1, Some(1), Some(1)),
        (1, 4, 5, Some(1), Some(1)),
    ];
    let evidence = Evidence {
        node_steps: vec![(0, 0, 10, None), (0, 1, 10, None), (0, 2, 10, None), (1, 5, 10, None)],
        usage,
        tails: BTreeMap::from([((1, 2), 1)]),
        ..Evidence::default()
    };
    let (fold, _) = by_columns(&terms, &evidence);

    // Pods 0 and 1 are workload 0: 2 x 250 + 1 x 500. Pod 2 is workload 1 with 1 x 1,000; pod 3, of the same, requests nothing.
    // GPUs: pod 1 two in one step, pod 3 one.
    let seen: Vec<_> = fold.reservations.iter().map(|row| (row.node, row.workload, row.milli_steps, row.gpu_steps)).collect();
    assert_eq!(seen, [(0, 0, 1_000, 2), (0, 1, 1_000, 1), (1, 2, 2_000, 0)]);
    assert_eq!(by_sql(&terms, &evidence).0.reservations, fold.reservations);
}

#[test]
fn a_pod_that_was_only_there_outside_the_period_reserves_nothing_and_devices_count_by_step() {
    let (zones, sites) = ([zone(&[100.0; 24], 3_600)], [site(0, 1.0)]);
    let mut terms = terms(&sites, &zones, 1, 4);
    terms.period_steps = (1, 96);
    terms.pods[2].gpu_request = 2;
    terms.pods[2].cpu_request_milli = 0;
    let evidence = Evidence {
        node_steps: vec![(0, 0, 10, None), (0, 1, 10, None), (0, 2, 10, None), (0, 3, 10, None)],
        usage: vec![(0, 0, 0, Some(1), Some(1)), (0, 2, 1, Some(1), Some(1)), (0, 2, 2, Some(1), Some(1)), (0, 2, 3, Some(1), Some(1))],
        ..Evidence::default()
    };
    let (fold, _) = by_columns(&terms, &evidence);
    let seen: Vec<_> = fold.reservations.iter().map(|row| (row.node, row.workload, row.milli_steps, row.gpu_steps)).collect();
    assert_eq!(seen, [(0, 1, 0, 6)]);
    assert_eq!(by_sql(&terms, &evidence).0.reservations, fold.reservations);
}
