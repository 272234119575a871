//! A figure walked down: the tables of one node and some steps are those of the day.

use std::collections::BTreeMap;

use super::tests::{Evidence, by_sql, frames, site, terms, zone};
use super::trace::{self, Emitted, NodeTrace, Quota, Split};
use super::*;
use crate::model::policy::Tails;
use crate::model::{GAP_ROW, SYSTEM_ROW};

/// Node 0: two pods below their meter, a tail of the first; then three above it. Node 1: another's. The intensity doubles within the first step.
fn evidence() -> Evidence {
    Evidence {
        node_steps: vec![(0, 0, 10_000, Some(2_000)), (0, 1, 100, Some(50)), (1, 0, 500, None)],
        usage: vec![
            (0, 0, 0, Some(3_000), Some(30_000)),
            (0, 0, 1, Some(50), Some(1)),
            (0, 1, 0, Some(1_000), Some(90_000)),
            (0, 1, 1, Some(50), Some(1)),
            (0, 2, 1, Some(50), None),
            (1, 3, 0, Some(100), Some(5)),
        ],
        tails: BTreeMap::from([((0, 0), 500)]),
        ..Evidence::default()
    }
}

fn traced(node: i32, steps: std::ops::Range<i32>, see: impl FnOnce(&DayTerms<'_>, &NodeTrace)) {
    let mut values = vec![360.0; 288];
    values[..2].fill(180.0);
    let (zones, sites) = ([zone(&values, 300)], [site(0, 1.5)]);
    let mut terms = terms(&sites, &zones, 2, 4);
    terms.tails = Tails::LastRate;
    terms.gaps = vec![GapStep { node_id: 0, step: 2, gap_mj: 70 }, GapStep { node_id: 1, step: 2, gap_mj: 90 }];
    let (node_steps, usage) = frames(&evidence());
    let trace = trace::node(&terms, &node_steps, &usage, node, steps.clone()).unwrap();
    // Nothing of the method reaches from one node and step into another.
    let (_, rows) = by_sql(&terms, &evidence());
    let mut of_node: Vec<LedgerRow> = rows.into_iter().filter(|row| row.node_id == node && steps.contains(&row.step)).collect();
    of_node.sort_unstable_by_key(|row| (row.step, row.row_id));
    assert!(!of_node.is_empty() && trace.rows == of_node, "{:?}", trace.rows);
    see(&terms, &trace);
}

#[test]
fn a_balance_and_what_pods_used_are_those_of_the_step() {
    traced(0, 0..3, |_, trace| {
        let balance = *trace.balance(0).unwrap();
        // 4,000 of the pods and 2,000 idle leave 4,000, of which the tail has 500.
        assert_eq!(
            (balance.step, balance.metered_mj, balance.pods_mj, balance.active_mj, balance.idle_mj),
            (0, 10_000, 4_000, 4_000, 2_000)
        );
        assert_eq!(
            (balance.system_mj, balance.correction_mj, balance.tails_mj, balance.tail_mj, balance.moved_mj),
            (4_000, 0, 500, 500, 500)
        );
        let scaled = trace.balance(1).unwrap();
        assert_eq!((scaled.pods_mj, scaled.active_mj, scaled.correction_mj, scaled.idle_mj, scaled.idle_cut_mj), (150, 100, -50, 0, 0));
        assert!(trace.balance(3).is_none() && trace.balances.is_sorted_by_key(|balance| balance.step));

        let used: Vec<_> = trace.used.iter().map(|used| (used.step, used.row_id, used.active_mj, used.cpu_ms, used.tail_mj)).collect();
        let expected = [
            (0, 0, Some(3_000), Some(30_000), Some(500)),
            (0, 1, Some(1_000), Some(90_000), None),
            (1, 0, Some(50), Some(1), None),
            (1, 1, Some(50), Some(1), None),
            (1, 2, Some(50), None, None),
        ];
        assert_eq!(used, expected);
        assert_eq!(trace.row(0, SYSTEM_ROW).unwrap().system_mj, 3_500);
        assert_eq!(trace.row(2, GAP_ROW).unwrap().gap_mj, 70);
        assert!(trace.row(1, SYSTEM_ROW).is_none_or(|row| row.system_mj == 0) && trace.row(0, 3).is_none());
    });
    // Steps that were not asked for are not there, and another node has its own.
    traced(0, 1..2, |_, trace| assert!(trace.balance(0).is_none() && trace.balances.len() == 1 && trace.used.len() == 3));
    traced(1, 0..3, |_, trace| assert_eq!((trace.balance(0).unwrap().metered_mj, trace.used.len()), (500, 1)));
}

#[test]
fn every_split_has_its_whole_weights_and_parts() {
    let parts = |quotas: Vec<Quota>, step, total| {
        assert!(quotas.iter().all(|quota| quota.step == step && quota.total == total), "{quotas:?}");
        assert!(quotas.is_empty() || quotas.iter().map(|quota| quota.part).sum::<i64>() == quotas[0].whole, "{quotas:?}");
        quotas.iter().map(|quota| (quota.row_id, quota.whole, quota.weight, quota.part)).collect::<Vec<_>>()
    };
    traced(0, 0..3, |_, trace| {
        assert_eq!(trace.split(Split::Active, 0).unwrap(), [], "nothing is scaled where pods stay below their meter");
        assert_eq!(parts(trace.split(Split::Active, 1).unwrap(), 1, 150), [(0, 100, 50, 34), (1, 100, 50, 33), (2, 100, 50, 33)]);
        // Idle by CPU time.
        assert_eq!(parts(trace.split(Split::Idle, 0).unwrap(), 0, 120_000), [(0, 2_000, 30_000, 500), (1, 2_000, 90_000, 1_500)]);
        assert_eq!(trace.split(Split::Idle, 1).unwrap(), []);
        assert_eq!(trace.split(Split::Tail, 1).unwrap(), []);
        let facility = trace.split(Split::Facility, 0).unwrap();
        let of_rows: Vec<(i32, i64)> = facility.iter().map(|quota| (quota.row_id, quota.part)).collect();
        // 1.5 times 3,500 of the system, 3,000 + 500 + 500 and 1,000 + 1,500.
        assert_eq!(of_rows, [(SYSTEM_ROW, 5_250), (0, 6_000), (1, 3_750)]);
        assert_eq!(facility[0].whole, 15_000);
    });
}

#[test]
fn a_rows_emissions_are_cut_where_the_intensity_changes() {
    traced(0, 0..3, |terms, trace| {
        let segments = terms.segments();
        let emitted = trace.emitted(0, 1, &segments[0]).unwrap();
        // 3,750 mJ: two thirds at 180 g/kWh, a third at 360: 2,500 x 180 / 3,600 = 125 and 1,250 x 360 / 3,600 = 125.
        let seen: Vec<_> =
            emitted.iter().map(|part: &Emitted| (part.segment.from_s, part.energy_mj, part.operational_hourly_ugco2e)).collect();
        assert_eq!(seen, [(0, 2_500, 125), (600, 1_250, 125)]);
        let row = trace.row(0, 1).unwrap();
        assert_eq!(row.operational_hourly_ugco2e, Some(250));
        assert_eq!(emitted.iter().map(|part| part.energy_mj).sum::<i64>(), row.facility_mj);
        assert_eq!(trace.emitted(0, 3, &segments[0]).unwrap(), [], "a row that is not there");
        assert_eq!(trace.emitted(1, 1, &segments[1]).unwrap().len(), 1);
        assert!(trace.emitted(0, 1, &[]).is_err(), "emissions of a segment that the grid does not know");
    });
}
