//! Hand-worked steps, conservation laws, and the two engines held against one another on seeded days.

use std::collections::BTreeMap;

use polars::prelude::df;

use super::columns::{Meters, Pass, UsageColumns};
use super::*;
use crate::accounting::intensity::Wanted;
use crate::model::policy::FactorKind;
use crate::model::{GAP_ROW, IDLE_ROW, IntensitySeries, SYSTEM_ROW};

/// SplitMix64: the same days for everyone.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> i64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % bound) as i64
    }
}

fn zone(values: &[f64], interval_s: i64) -> ZoneIntensity {
    let n = values.len() as i64;
    let series = IntensitySeries {
        zone: "NL".to_owned(),
        start_s: (0..n).map(|i| i * interval_s).collect(),
        end_s: (1..=n).map(|i| i * interval_s).collect(),
        direct_gco2e_per_kwh: values.iter().copied().map(Some).collect(),
        lifecycle_gco2e_per_kwh: vec![None; values.len()],
        is_estimated: vec![false; values.len()],
        estimation_method: vec![String::new(); values.len()],
        ..IntensitySeries::default()
    };
    let wanted = Wanted {
        zone: "NL",
        factor: FactorKind::Direct,
        period_from_s: 0,
        period_to_s: n * interval_s,
        year_from_s: 0,
        year_to_s: 1,
        configured_annual: Some(250.0),
    };
    ZoneIntensity::build(&[series], wanted).expect("whole").0
}

/// Node, pod, step, active mJ, CPU ms.
type UsageRow = (i32, i32, i32, Option<i64>, Option<i64>);

#[derive(Clone, Default)]
struct Evidence {
    node_steps: Vec<(i32, i32, i64, Option<i64>)>,
    usage: Vec<UsageRow>,
}

fn by_columns(terms: &DayTerms<'_>, evidence: &Evidence) -> (DayFold, Vec<LedgerRow>) {
    let meters = Meters::new(
        terms,
        &evidence.node_steps.iter().map(|row| row.0).collect::<Vec<_>>(),
        &evidence.node_steps.iter().map(|row| row.1).collect::<Vec<_>>(),
        &evidence.node_steps.iter().map(|row| row.2).collect::<Vec<_>>(),
        &evidence.node_steps.iter().map(|row| row.3.unwrap_or(0)).collect::<Vec<_>>(),
    )
    .expect("sound");
    let mut pass = Pass::new(terms, &meters).keeping_rows();
    let (mut node_id, mut pod_id, mut step, mut active, mut cpu) = (vec![], vec![], vec![], vec![], vec![]);
    for row in &evidence.usage {
        node_id.push(row.0);
        pod_id.push(row.1);
        step.push(row.2);
        active.push(row.3.unwrap_or(0));
        cpu.push(row.4.unwrap_or(0));
    }
    let usage = UsageColumns { node_id: &node_id, pod_id: &pod_id, step: &step, active_mj: &active, cpu_ms: &cpu };
    pass.account(0..terms.nodes.len(), usage).expect("sound");
    let (fold, mut rows) = pass.finish();
    rows.sort_unstable();
    (fold, rows)
}

fn by_sql(terms: &DayTerms<'_>, evidence: &Evidence) -> (DayFold, Vec<LedgerRow>) {
    let node_steps = df!(
        "node_id" => evidence.node_steps.iter().map(|row| row.0).collect::<Vec<_>>(),
        "step" => evidence.node_steps.iter().map(|row| row.1).collect::<Vec<_>>(),
        "metered_mj" => evidence.node_steps.iter().map(|row| row.2).collect::<Vec<_>>(),
        "idle_mj" => evidence.node_steps.iter().map(|row| row.3).collect::<Vec<_>>()
    )
    .unwrap();
    let usage = df!(
        "node_id" => evidence.usage.iter().map(|row| row.0).collect::<Vec<_>>(),
        "pod_id" => evidence.usage.iter().map(|row| row.1).collect::<Vec<_>>(),
        "step" => evidence.usage.iter().map(|row| row.2).collect::<Vec<_>>(),
        "active_mj" => evidence.usage.iter().map(|row| row.3).collect::<Vec<_>>(),
        "cpu_ms" => evidence.usage.iter().map(|row| row.4).collect::<Vec<_>>()
    )
    .unwrap();
    let tables = sql::run_plan(&sql::inputs(terms, node_steps, usage).unwrap()).unwrap();
    (sql::fold(terms, &tables, evidence.usage.len()).unwrap(), sql::rows(&tables).unwrap())
}

fn terms<'a>(sites: &'a [SiteTerms], zones: &'a [ZoneIntensity], nodes: usize, pods: usize) -> DayTerms<'a> {
    DayTerms {
        step_seconds: 900,
        first_step: 0,
        step_count: 96,
        period_steps: (0, 96),
        idle: IdlePolicy::ByUsage,
        nodes: (0..nodes).map(|node| NodeTerms { site: node % sites.len() }).collect(),
        pods: (0..pods).map(|pod| PodTerms { workload: (pod / 2) as i32, job: -1, cpu_request_milli: 100 }).collect(),
        sites,
        zones,
        workload_count: pods,
        gaps: vec![],
        runs: vec![],
    }
}

#[test]
fn two_pods_share_idle_by_cpu_time_and_the_meter_balances() {
    let zones = [zone(&[360.0; 24], 3_600)];
    let sites = [SiteTerms { zone: 0, pue: 1.5 }];
    let terms = terms(&sites, &zones, 1, 2);
    // 10,000 mJ metered, 2,000 idle, pods 3,000 and 1,000: 4,000 is other processes. CPU 30 s and 90 s: idle 500 and 1,500.
    let evidence = Evidence {
        node_steps: vec![(0, 0, 10_000, Some(2_000))],
        usage: vec![(0, 0, 0, Some(3_000), Some(30_000)), (0, 1, 0, Some(1_000), Some(90_000))],
    };
    let (fold, rows) = by_columns(&terms, &evidence);

    let seen: Vec<_> = rows.iter().map(|row| (row.row_id, row.active_mj, row.idle_mj, row.system_mj, row.facility_mj)).collect();
    assert_eq!(seen, [(SYSTEM_ROW, 0, 0, 4_000, 6_000), (0, 3_000, 500, 0, 5_250), (1, 1_000, 1_500, 0, 3_750)]);
    // 5,250 mJ × 360 g/kWh / 3600 = 525 µg; annual 250: 364.58 rounds to 365.
    assert_eq!((rows[1].operational_hourly_ugco2e, rows[1].operational_annual_ugco2e), (Some(525), Some(365)));
    let day = fold.node_days[0];
    assert_eq!((day.metered_mj, day.attributed_mj, day.idle_mj, day.system_mj), (10_000, 6_000, 0, 4_000));
    assert_eq!(by_sql(&terms, &evidence).1, rows);
}

#[test]
fn an_idle_node_keeps_its_energy_unallocated() {
    let zones = [zone(&[100.0; 24], 3_600)];
    let sites = [SiteTerms { zone: 0, pue: 1.0 }];
    let terms = terms(&sites, &zones, 1, 0);
    let evidence = Evidence { node_steps: vec![(0, 5, 1_000, Some(900))], usage: vec![] };
    let (fold, rows) = by_columns(&terms, &evidence);

    assert_eq!(
        rows.iter().map(|row| (row.row_id, row.idle_mj, row.system_mj)).collect::<Vec<_>>(),
        [(IDLE_ROW, 900, 0), (SYSTEM_ROW, 0, 100)]
    );
    assert_eq!(fold.node_days[0].idle_mj, 900);
}

#[test]
fn pods_above_their_meter_are_scaled_down_to_it() {
    let zones = [zone(&[100.0; 24], 3_600)];
    let sites = [SiteTerms { zone: 0, pue: 1.0 }];
    let terms = terms(&sites, &zones, 1, 3);
    let evidence = Evidence {
        node_steps: vec![(0, 0, 100, Some(50))],
        usage: vec![(0, 0, 0, Some(50), Some(1)), (0, 1, 0, Some(50), Some(1)), (0, 2, 0, Some(50), None)],
    };
    let (fold, rows) = by_columns(&terms, &evidence);

    assert_eq!(rows.iter().map(|row| row.active_mj).collect::<Vec<_>>(), [34, 33, 33]);
    assert_eq!((fold.node_days[0].correction_mj, fold.node_days[0].idle_mj, fold.node_days[0].idle_cut_mj), (-50, 0, 0));
    assert_eq!(by_sql(&terms, &evidence), (fold, rows));
}

#[test]
fn idle_that_does_not_fit_is_cut() {
    let zones = [zone(&[100.0; 24], 3_600)];
    let sites = [SiteTerms { zone: 0, pue: 1.0 }];
    let terms = terms(&sites, &zones, 1, 1);
    let evidence = Evidence { node_steps: vec![(0, 0, 100, Some(50))], usage: vec![(0, 0, 0, Some(70), Some(0))] };
    let (fold, _) = by_columns(&terms, &evidence);

    assert_eq!((fold.node_days[0].idle_mj, fold.node_days[0].idle_cut_mj, fold.node_days[0].system_mj), (30, -20, 0));
}

#[test]
fn a_row_across_an_intensity_boundary_is_split_by_time() {
    // Five-minute intensities: 100, 200, 300 within the first quarter of an hour.
    let mut values = vec![100.0; 288];
    values[1] = 200.0;
    values[2] = 300.0;
    let zones = [zone(&values, 300)];
    let sites = [SiteTerms { zone: 0, pue: 1.0 }];
    let terms = terms(&sites, &zones, 1, 0);
    let evidence = Evidence { node_steps: vec![(0, 0, 36_000, Some(36_000))], usage: vec![] };
    let (_, rows) = by_columns(&terms, &evidence);

    // 12,000 mJ each: 333.33 -> 333, 666.67 -> 667, 1000.
    assert_eq!(rows[0].operational_hourly_ugco2e, Some(2_000));
    assert_eq!(by_sql(&terms, &evidence).1, rows);
}

fn seeded_day(seed: u64, nodes: usize, pods: usize) -> (Evidence, Vec<GapStep>) {
    let mut random = Random(seed);
    let mut evidence = Evidence::default();
    let mut gaps = vec![];
    for node in 0..nodes as i32 {
        for step in 0..96 {
            match random.below(20) {
                0 => gaps.push(GapStep { node_id: node, step, gap_mj: random.below(1 << 30) }),
                1 => {}
                _ => {
                    let idle = (random.below(8) > 0).then(|| random.below(80_000_000));
                    evidence.node_steps.push((node, step, random.below(400_000_000), idle));
                }
            }
        }
    }
    for pod in 0..pods as i32 {
        let node = pod * nodes as i32 / pods as i32;
        let from = random.below(90) as i32;
        for step in from..(from + 1 + random.below(60) as i32).min(96) {
            let active = (random.below(10) > 0).then(|| random.below(40_000_000));
            let cpu = (random.below(10) > 0).then(|| random.below(900_000));
            evidence.usage.push((node, pod, step, active, cpu));
        }
    }
    (evidence, gaps)
}

#[test]
fn both_engines_give_the_same_ledger() {
    let mut random = Random(9);
    let hourly: Vec<f64> = (0..48).map(|_| random.below(60_000) as f64 / 100.0).collect();
    let fine: Vec<f64> = (0..576).map(|_| random.below(60_000) as f64 / 100.0).collect();
    let zones = [zone(&hourly, 3_600), zone(&fine, 300)];
    let sites = [SiteTerms { zone: 0, pue: 1.2 }, SiteTerms { zone: 1, pue: 1.37 }];
    for (seed, idle) in [(1, IdlePolicy::ByUsage), (2, IdlePolicy::ByRequest), (3, IdlePolicy::Unallocated)] {
        let (evidence, gaps) = seeded_day(seed, 5, 40);
        let mut terms = terms(&sites, &zones, 5, 40);
        terms.idle = idle;
        terms.gaps = gaps;
        terms.period_steps = (30, 96);
        for pod in (0..40).step_by(3) {
            terms.pods[pod].job = (pod / 6) as i32;
            terms.pods[pod].cpu_request_milli = pod as i64 * 37;
        }
        terms.runs = (0..7)
            .map(|job| {
                let start_ms = job * 3_000_000 + 17;
                let timing = RunTiming {
                    start_ms,
                    end_ms: start_ms + 30_000_000,
                    baseline_start_ms: start_ms.max(1_000_000) - 1_000_000,
                    baseline_zone: (job % 2) as usize,
                    baseline_pue: 1.2,
                };
                match job {
                    3 => RunTerms::NotCounted,
                    4 => RunTerms::Unplaced,
                    _ => RunTerms::Placed(timing),
                }
            })
            .collect();
        let (columns, rows) = by_columns(&terms, &evidence);
        let (sql, sql_rows) = by_sql(&terms, &evidence);

        assert_eq!(rows, sql_rows);
        assert_eq!(columns, sql);
        assert!(columns.runs.iter().any(|run| run.actual_ugco2e != run.counterfactual_ugco2e && run.outside_mj > 0));
        assert!(rows.iter().any(|row| row.row_id == GAP_ROW) && columns.unmetered_rows > 0);
        for day in &columns.node_days {
            assert_eq!(day.metered_mj, day.attributed_mj + day.idle_mj + day.system_mj);
        }
    }
}

#[test]
fn nodes_accounted_apart_add_up_to_nodes_accounted_together() {
    let zones = [zone(&[123.45; 24], 3_600)];
    let sites = [SiteTerms { zone: 0, pue: 1.2 }];
    let (evidence, gaps) = seeded_day(4, 6, 60);
    let mut terms = terms(&sites, &zones, 6, 60);
    terms.gaps = gaps;
    let (whole, _) = by_columns(&terms, &evidence);
    let mut sums: BTreeMap<(i32, i32), Sums> = BTreeMap::new();
    for node in 0..6 {
        let mut part = evidence.clone();
        part.usage.retain(|row| row.0 == node);
        part.node_steps.retain(|row| row.0 == node);
        let mut part_terms = DayTerms { gaps: terms.gaps.clone(), ..self::terms(&sites, &zones, 6, 60) };
        part_terms.gaps.retain(|gap| gap.node_id == node);
        for row in by_columns(&part_terms, &part).0.workload_hours {
            sums.entry((row.workload, row.hour)).or_default().add(&row.sums);
        }
    }
    assert_eq!(whole.workload_hours.iter().map(|row| ((row.workload, row.hour), row.sums)).collect::<BTreeMap<_, _>>(), sums);
}
