//! Hand-worked steps, conservation laws, and the two engines held against one another on seeded days.

use std::collections::BTreeMap;

use polars::prelude::{DataFrame, df};

use super::columns::Pass;
use super::inputs::{Meters, NodeStepColumns, UsageColumns};
use super::*;
use crate::accounting::category3::{Category3Terms, Losses};
use crate::accounting::counterfactual::retiming::Home;
use crate::accounting::intensity::Wanted;
use crate::model::policy::{FactorKind, LocationBased};
use crate::model::{GAP_ROW, IDLE_ROW, IntensitySeries, SYSTEM_ROW, Tier};

use crate::units::Share;

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

pub fn zone(values: &[f64], interval_s: i64) -> ZoneIntensity {
    zone_with_lifecycle(values, &vec![None; values.len()], interval_s)
}

pub fn zone_with_lifecycle(values: &[f64], lifecycle: &[Option<f64>], interval_s: i64) -> ZoneIntensity {
    let n = values.len() as i64;
    let series = IntensitySeries {
        zone: "NL".to_owned(),
        start_s: (0..n).map(|i| i * interval_s).collect(),
        end_s: (1..=n).map(|i| i * interval_s).collect(),
        direct_gco2e_per_kwh: values.iter().copied().map(Some).collect(),
        lifecycle_gco2e_per_kwh: lifecycle.to_vec(),
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
        published_annual: None,
        plausible: (0.0, 2_000.0),
    };
    ZoneIntensity::build(&[series], wanted).expect("whole").0
}

pub fn site(zone: usize, pue: f64) -> SiteTerms {
    SiteTerms { zone, pue, is_scope2: true, home_zone: zone, home_pue: pue }
}

pub fn share_of_input(share: f64) -> Option<Losses> {
    Some(Losses::ShareOfInput(Share::try_from(share).unwrap()))
}

/// Node, pod, step, active mJ, CPU ms.
pub type UsageRow = (i32, i32, i32, Option<i64>, Option<i64>);

#[derive(Clone, Default)]
pub struct Evidence {
    pub node_steps: Vec<(i32, i32, i64, Option<i64>)>,
    pub usage: Vec<UsageRow>,
    /// By node and step; metered where nothing is said.
    pub tiers: BTreeMap<(i32, i32), Tier>,
    /// By pod and step, of rows that are in `usage`.
    pub tails: BTreeMap<(i32, i32), i64>,
}

impl Evidence {
    fn tiers(&self) -> Vec<i32> {
        self.node_steps.iter().map(|row| self.tiers.get(&(row.0, row.1)).copied().unwrap_or_default().id()).collect()
    }

    fn tails(&self) -> Vec<Option<i64>> {
        self.usage.iter().map(|row| self.tails.get(&(row.1, row.2)).copied()).collect()
    }
}

pub fn by_columns(terms: &DayTerms<'_>, evidence: &Evidence) -> (DayFold, Vec<LedgerRow>) {
    let meters = Meters::new(
        terms,
        NodeStepColumns {
            node_id: &evidence.node_steps.iter().map(|row| row.0).collect::<Vec<_>>(),
            step: &evidence.node_steps.iter().map(|row| row.1).collect::<Vec<_>>(),
            metered_mj: &evidence.node_steps.iter().map(|row| row.2).collect::<Vec<_>>(),
            idle_mj: &evidence.node_steps.iter().map(|row| row.3.unwrap_or(0)).collect::<Vec<_>>(),
            tier: &evidence.tiers(),
        },
    )
    .expect("sound");
    let (mut node_id, mut pod_id, mut step, mut active, mut cpu) = (vec![], vec![], vec![], vec![], vec![]);
    for row in &evidence.usage {
        node_id.push(row.0);
        pod_id.push(row.1);
        step.push(row.2);
        active.push(row.3.unwrap_or(0));
        cpu.push(row.4.unwrap_or(0));
    }
    let tails: Vec<i64> = evidence.tails().into_iter().map(|tail| tail.unwrap_or(0)).collect();
    let tail_mj = (!evidence.tails.is_empty()).then_some(tails.as_slice());
    let usage = UsageColumns { node_id: &node_id, pod_id: &pod_id, step: &step, active_mj: &active, cpu_ms: &cpu, tail_mj };
    let account = |mut pass: Pass<'_>| {
        pass.account(0..terms.nodes.len(), usage).expect("sound");
        pass.finish()
    };
    let (fold, mut rows) = account(Pass::new(terms, &meters).keeping_rows());
    rows.sort_unstable();
    // Whoever wants no rows gets the same sums, and whoever wants only their hash that of these rows.
    assert!(account(Pass::new(terms, &meters)) == (fold.clone(), Vec::new()));
    let (hashed, _) = account(Pass::new(terms, &meters).hashing_rows());
    assert_eq!(hashed.content, Some(ContentHash::of(&rows)));
    assert!(DayFold { content: None, ..hashed } == fold);
    (fold, rows)
}

/// The tables of evidence: `node_steps`, `usage`.
pub fn frames(evidence: &Evidence) -> (DataFrame, DataFrame) {
    let node_steps = df!(
        "node_id" => evidence.node_steps.iter().map(|row| row.0).collect::<Vec<_>>(),
        "step" => evidence.node_steps.iter().map(|row| row.1).collect::<Vec<_>>(),
        "metered_mj" => evidence.node_steps.iter().map(|row| row.2).collect::<Vec<_>>(),
        "idle_mj" => evidence.node_steps.iter().map(|row| row.3).collect::<Vec<_>>(),
        "tier" => evidence.tiers()
    )
    .unwrap();
    let usage = df!(
        "node_id" => evidence.usage.iter().map(|row| row.0).collect::<Vec<_>>(),
        "pod_id" => evidence.usage.iter().map(|row| row.1).collect::<Vec<_>>(),
        "step" => evidence.usage.iter().map(|row| row.2).collect::<Vec<_>>(),
        "active_mj" => evidence.usage.iter().map(|row| row.3).collect::<Vec<_>>(),
        "cpu_ms" => evidence.usage.iter().map(|row| row.4).collect::<Vec<_>>(),
        "tail_mj" => evidence.tails()
    )
    .unwrap();
    (node_steps, usage)
}

pub fn by_sql(terms: &DayTerms<'_>, evidence: &Evidence) -> (DayFold, Vec<LedgerRow>) {
    let (node_steps, usage) = frames(evidence);
    let tables = sql::run_plan(&sql::inputs(terms, node_steps, usage).unwrap()).unwrap();
    let usage = sql::UsageRows::of(&tables, evidence.usage.len()).unwrap();
    (sql::fold(terms, &tables, usage).unwrap(), sql::rows(&tables).unwrap())
}

pub fn terms<'a>(sites: &'a [SiteTerms], zones: &'a [ZoneIntensity], nodes: usize, pods: usize) -> DayTerms<'a> {
    DayTerms {
        step_seconds: 900,
        first_step: 0,
        step_count: 96,
        period_steps: (0, 96),
        idle: IdlePolicy::ByUsage,
        tails: Tails::Unattributed,
        nodes: (0..nodes).map(|node| NodeTerms { site: node % sites.len() }).collect(),
        pods: (0..pods).map(|pod| PodTerms { workload: (pod / 2) as i32, job: -1, cpu_request_milli: 100, gpu_request: 0 }).collect(),
        sites,
        zones,
        category3: &[],
        workload_count: pods,
        gaps: vec![],
        runs: vec![],
    }
}

#[test]
fn two_pods_share_idle_by_cpu_time_and_the_meter_balances() {
    let zones = [zone(&[360.0; 24], 3_600)];
    let sites = [site(0, 1.5)];
    let terms = terms(&sites, &zones, 1, 2);
    // 10,000 mJ metered, 2,000 idle, pods 3,000 and 1,000: 4,000 is other processes. CPU 30 s and 90 s: idle 500 and 1,500.
    let evidence = Evidence {
        node_steps: vec![(0, 0, 10_000, Some(2_000))],
        usage: vec![(0, 0, 0, Some(3_000), Some(30_000)), (0, 1, 0, Some(1_000), Some(90_000))],
        ..Evidence::default()
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
    let sites = [site(0, 1.0)];
    let terms = terms(&sites, &zones, 1, 0);
    let evidence = Evidence { node_steps: vec![(0, 5, 1_000, Some(900))], ..Evidence::default() };
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
    let sites = [site(0, 1.0)];
    let terms = terms(&sites, &zones, 1, 3);
    let evidence = Evidence {
        node_steps: vec![(0, 0, 100, Some(50))],
        usage: vec![(0, 0, 0, Some(50), Some(1)), (0, 1, 0, Some(50), Some(1)), (0, 2, 0, Some(50), None)],
        ..Evidence::default()
    };
    let (fold, rows) = by_columns(&terms, &evidence);

    assert_eq!(rows.iter().map(|row| row.active_mj).collect::<Vec<_>>(), [34, 33, 33]);
    assert_eq!((fold.node_days[0].correction_mj, fold.node_days[0].idle_mj, fold.node_days[0].idle_cut_mj), (-50, 0, 0));
    assert_eq!(by_sql(&terms, &evidence), (fold, rows));
}

#[test]
fn idle_that_does_not_fit_is_cut() {
    let zones = [zone(&[100.0; 24], 3_600)];
    let sites = [site(0, 1.0)];
    let terms = terms(&sites, &zones, 1, 1);
    let evidence = Evidence { node_steps: vec![(0, 0, 100, Some(50))], usage: vec![(0, 0, 0, Some(70), Some(0))], ..Evidence::default() };
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
    let sites = [site(0, 1.0)];
    let terms = terms(&sites, &zones, 1, 0);
    let evidence = Evidence { node_steps: vec![(0, 0, 36_000, Some(36_000))], ..Evidence::default() };
    let (_, rows) = by_columns(&terms, &evidence);

    // 12,000 mJ each: 333.33 -> 333, 666.67 -> 667, 1000.
    assert_eq!(rows[0].operational_hourly_ugco2e, Some(2_000));
    assert_eq!(by_sql(&terms, &evidence).1, rows);
}

#[test]
fn a_tail_moves_from_system_to_its_pod_and_keeps_the_balance() {
    let zones = [zone(&[360.0; 24], 3_600)];
    let sites = [site(0, 1.5)];
    let mut terms = terms(&sites, &zones, 1, 3);
    // 10,000 mJ metered, 2,000 idle, one pod with 4,000: 4,000 is left for (system). 500 and 300 of it are tails, the second of a pod not seen in the step.
    let evidence = Evidence {
        node_steps: vec![(0, 0, 10_000, Some(2_000))],
        usage: vec![(0, 0, 0, Some(4_000), Some(30_000)), (0, 2, 0, None, None)],
        tails: BTreeMap::from([((0, 0), 500), ((2, 0), 300)]),
        ..Evidence::default()
    };
    let seen = |rows: &[LedgerRow]| -> Vec<_> {
        rows.iter().map(|row| (row.row_id, row.active_mj, row.idle_mj, row.system_mj, row.allocated_mj, row.facility_mj)).collect()
    };
    let (left, rows) = by_columns(&terms, &evidence);
    assert_eq!(seen(&rows), [(SYSTEM_ROW, 0, 0, 4_000, 0, 6_000), (0, 4_000, 2_000, 0, 0, 9_000)]);
    assert_eq!(by_sql(&terms, &evidence), (left.clone(), rows));

    terms.tails = Tails::LastRate;
    let (moved, rows) = by_columns(&terms, &evidence);
    let expected = [(SYSTEM_ROW, 0, 0, 3_200, 0, 4_800), (0, 4_500, 2_000, 0, 500, 9_750), (2, 300, 0, 0, 300, 450)];
    assert_eq!(seen(&rows), expected);
    assert_eq!(by_sql(&terms, &evidence), (moved.clone(), rows));

    // The size of the tails is known either way, and only attributed and system energy differ.
    let [left, moved] = [left.node_days[0], moved.node_days[0]];
    assert_eq!((left.tail_mj, left.attributed_mj, left.system_mj), (800, 6_000, 4_000));
    assert_eq!(moved, NodeDay { attributed_mj: 6_800, system_mj: 3_200, ..left });
}

#[test]
fn tails_beyond_what_the_system_used_are_scaled_down_to_it() {
    let zones = [zone(&[100.0; 24], 3_600)];
    let sites = [site(0, 1.0)];
    let mut terms = terms(&sites, &zones, 1, 3);
    terms.tails = Tails::LastRate;
    // 100 metered, 40 idle, 50 active: 10 is left. Of 20 + 10 + 5 that is 5.71, 2.86, 1.43: two units go to the remainders .86 and .71.
    let evidence = Evidence {
        node_steps: vec![(0, 0, 100, Some(40)), (0, 1, 100, Some(40))],
        usage: vec![
            (0, 0, 0, Some(50), None),
            (0, 1, 0, None, None),
            (0, 2, 0, None, None),
            // More active energy than the meter shows: nothing is left for tails.
            (0, 2, 1, Some(101), None),
        ],
        tails: BTreeMap::from([((0, 0), 20), ((1, 0), 10), ((2, 0), 5), ((2, 1), 7)]),
        ..Evidence::default()
    };
    // Usage is sorted by pod, then step.
    let (fold, rows) = by_columns(&terms, &evidence);

    let seen: Vec<_> =
        rows.iter().filter(|row| row.row_id >= 0).map(|row| (row.step, row.row_id, row.active_mj, row.allocated_mj)).collect();
    assert_eq!(seen, [(0, 0, 56, 6), (0, 1, 3, 3), (0, 2, 1, 1), (1, 2, 100, 0)]);
    let day = fold.node_days[0];
    assert_eq!((day.tail_mj, day.system_mj, day.attributed_mj, day.idle_mj, day.correction_mj), (10, 0, 160, 40, -1));
    assert_eq!(by_sql(&terms, &evidence), (fold, rows));
}

#[test]
fn a_pod_of_which_only_a_tail_is_known_takes_no_idle_energy() {
    let zones = [zone(&[100.0; 24], 3_600)];
    let sites = [site(0, 1.0)];
    let mut terms = terms(&sites, &zones, 1, 2);
    terms.idle = IdlePolicy::ByRequest;
    let evidence = Evidence {
        node_steps: vec![(0, 0, 1_000, Some(400))],
        usage: vec![(0, 0, 0, Some(300), Some(1)), (0, 1, 0, None, None)],
        tails: BTreeMap::from([((1, 0), 50)]),
        ..Evidence::default()
    };
    for tails in [Tails::Unattributed, Tails::LastRate] {
        terms.tails = tails;
        let (fold, rows) = by_columns(&terms, &evidence);

        assert_eq!(rows.iter().map(|row| row.idle_mj).filter(|idle| *idle > 0).collect::<Vec<_>>(), [400]);
        assert_eq!(by_sql(&terms, &evidence), (fold, rows));
    }
}

#[test]
fn all_rows_of_a_step_take_its_tier() {
    let zones = [zone(&[100.0; 24], 3_600)];
    let sites = [site(0, 1.0)];
    let mut terms = terms(&sites, &zones, 1, 2);
    terms.tails = Tails::LastRate;
    terms.gaps = vec![GapStep { node_id: 0, step: 3, gap_mj: 70 }];
    // The same energy in three tiers, within one hour: 100 metered, 40 idle, 30 and 10 active, a tail of 5 of the first pod.
    let evidence = Evidence {
        node_steps: (0..3).map(|step| (0, step, 100, Some(40))).collect(),
        usage: (0..2).flat_map(|pod| (0..3).map(move |step| (0, pod, step, Some(30 - 20 * i64::from(pod)), Some(1)))).collect(),
        tiers: BTreeMap::from([((0, 1), Tier::Allocated), ((0, 2), Tier::Modelled)]),
        tails: (0..3).map(|step| ((0, step), 5)).collect(),
    };
    let (fold, rows) = by_columns(&terms, &evidence);

    let seen: Vec<_> = rows
        .iter()
        .map(|row| (row.step, row.row_id, row.active_mj + row.idle_mj + row.system_mj, row.allocated_mj, row.modelled_mj))
        .collect();
    let expected = [
        (0, SYSTEM_ROW, 15, 0, 0),
        (0, 0, 55, 5, 0),
        (0, 1, 30, 0, 0),
        (1, SYSTEM_ROW, 15, 15, 0),
        (1, 0, 55, 55, 0),
        (1, 1, 30, 30, 0),
        (2, SYSTEM_ROW, 15, 0, 15),
        (2, 0, 55, 0, 55),
        (2, 1, 30, 0, 30),
        (3, GAP_ROW, 0, 0, 0),
    ];
    assert_eq!(seen, expected);
    // Both pods are of one workload: 85 of each step.
    let workload = fold.workload_hours.iter().find(|row| row.workload == 0).unwrap();
    assert_eq!((workload.sums.allocated_mj, workload.sums.modelled_mj), (5 + 85, 85));
    assert_eq!(by_sql(&terms, &evidence), (fold, rows));
}

#[test]
fn a_tier_that_nobody_knows_is_an_error() {
    let zones = [zone(&[100.0; 24], 3_600)];
    let sites = [site(0, 1.0)];
    let terms = terms(&sites, &zones, 1, 0);
    let steps = NodeStepColumns { node_id: &[0], step: &[0], metered_mj: &[1], idle_mj: &[0], tier: &[4] };
    let error = Meters::new(&terms, steps).err().unwrap().to_string();
    assert_eq!(error, "node_steps: node 0 step 0: 4 is not a tier; 1 is metered, 2 allocated, 3 modelled");
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
    add_tiers_and_tails(&mut evidence, seed);
    (evidence, gaps)
}

/// Steps of all three tiers, and tails: small ones, ones that exceed what the system used, and pods that have nothing else.
fn add_tiers_and_tails(evidence: &mut Evidence, seed: u64) {
    let mut random = Random(seed ^ 0x7a11);
    for (node, step, ..) in &evidence.node_steps {
        let tier = [Tier::Metered, Tier::Metered, Tier::Allocated, Tier::Modelled][random.below(4) as usize];
        evidence.tiers.insert((*node, *step), tier);
    }
    for row in &mut evidence.usage {
        if random.below(6) == 0 {
            let largest = if random.below(2) == 0 { 1_000_000 } else { 1 << 33 };
            evidence.tails.insert((row.1, row.2), random.below(largest));
            if random.below(3) == 0 {
                (row.3, row.4) = (None, None);
            }
        }
    }
}

#[test]
fn both_engines_give_the_same_ledger() {
    let mut random = Random(9);
    let hourly: Vec<f64> = (0..48).map(|_| random.below(60_000) as f64 / 100.0).collect();
    let fine: Vec<f64> = (0..576).map(|_| random.below(60_000) as f64 / 100.0).collect();
    let mut above = |direct: &f64| (random.below(10) > 0).then(|| direct - 5.0 + random.below(9_000) as f64 / 100.0);
    let lifecycle: [Vec<Option<f64>>; 2] = [hourly.iter().map(&mut above).collect(), fine.iter().map(&mut above).collect()];
    let zones = [zone_with_lifecycle(&hourly, &lifecycle[0], 3_600), zone_with_lifecycle(&fine, &lifecycle[1], 300), zone(&hourly, 3_600)];
    let moved = SiteTerms { home_zone: 1, home_pue: 1.4, ..site(0, 1.3) };
    let sites = [site(0, 1.2), site(1, 1.37), site(2, 1.1), SiteTerms { is_scope2: false, ..moved }];
    let losses = |share| Category3Terms { upstream: None, losses: share_of_input(share) };
    let category3 = [
        ZoneCategory3::of(losses(0.0477), LocationBased::Hourly, &zones[0]),
        ZoneCategory3::of(losses(0.0634), LocationBased::Annual, &zones[1]),
        ZoneCategory3::of(losses(0.05), LocationBased::Hourly, &zones[2]),
    ];
    let policies = [
        (1, IdlePolicy::ByUsage, Tails::LastRate),
        (2, IdlePolicy::ByRequest, Tails::LastRate),
        (3, IdlePolicy::Unallocated, Tails::Unattributed),
        (4, IdlePolicy::ByRequest, Tails::Unattributed),
    ];
    for (seed, idle, tails) in policies {
        let (evidence, gaps) = seeded_day(seed, 5, 40);
        let mut terms = terms(&sites, &zones, 5, 40);
        terms.category3 = &category3;
        terms.idle = idle;
        terms.tails = tails;
        terms.gaps = gaps;
        terms.period_steps = (30, 96);
        for pod in (0..40).step_by(3) {
            terms.pods[pod].job = (pod / 6) as i32;
            terms.pods[pod].cpu_request_milli = pod as i64 * 37;
            terms.pods[pod].gpu_request = pod as i64 % 3;
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
                    home: [Home::OfSites, Home::Zone, Home::Cluster][(job % 3) as usize],
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
        for (job, run) in columns.runs.iter().enumerate() {
            let of_run = columns.run_steps.iter().filter(|row| row.job == job as i32);
            assert_eq!(of_run.map(|row| row.active_mj).sum::<i64>(), run.active_mj, "steps add up to the run");
        }
        assert!(columns.run_steps.iter().any(|row| row.active_mj == 0) && columns.run_steps.iter().any(|row| row.step < 30));
        assert!(columns.step_requests.len() > 50 && columns.step_requests[0].step >= 30);
        for asked in &columns.step_requests {
            let of_runs = columns.run_steps.iter().filter(|row| row.step == asked.step);
            assert!(
                of_runs.map(|row| row.cpu_request_milli).sum::<i64>() <= asked.cpu_request_milli,
                "runs ask for no more than all pods do"
            );
        }
        assert!(rows.iter().any(|row| row.row_id == GAP_ROW) && columns.unmetered_rows > 0);
        let has = |known: fn(&LedgerRow) -> bool| rows.iter().any(known);
        assert!(has(|row| row.upstream_ugco2e > Some(0)) && has(|row| row.losses_ugco2e > Some(0)));
        assert!(
            has(|row| row.upstream_ugco2e.is_none() && row.operational_hourly_ugco2e.is_some()) && has(|row| row.losses_ugco2e == Some(0))
        );
        let of_rows: i64 = rows.iter().filter_map(|row| Some(row.upstream_ugco2e? + row.losses_ugco2e.unwrap_or(0))).sum();
        let of_hours: i64 = columns.workload_hours.iter().map(|row| row.sums.upstream_ugco2e + row.sums.losses_ugco2e).sum();
        assert_eq!(of_rows, of_hours, "rows add up to sums");
        assert!(rows.iter().any(|row| row.modelled_mj > 0) && rows.iter().any(|row| row.allocated_mj > 0));
        for day in &columns.node_days {
            assert!(day.tail_mj > 0);
            assert_eq!(day.metered_mj, day.attributed_mj + day.idle_mj + day.system_mj);
        }
    }
}

#[test]
fn moving_tails_changes_nothing_but_whose_system_energy_was() {
    let zones = [zone(&[123.45; 24], 3_600)];
    let sites = [site(0, 1.2)];
    for seed in 20..40 {
        let (evidence, gaps) = seeded_day(seed, 3, 30);
        let mut terms = terms(&sites, &zones, 3, 30);
        terms.gaps = gaps;
        let (left, left_rows) = by_columns(&terms, &evidence);
        terms.tails = Tails::LastRate;
        let (moved, moved_rows) = by_columns(&terms, &evidence);
        let bare = Evidence { tails: BTreeMap::new(), ..evidence.clone() };
        let (without, without_rows) = by_columns(&terms, &bare);

        assert_eq!(left_rows, without_rows, "evidence of tails that stay moves no figure");
        for ((left, moved), without) in left.node_days.iter().zip(&moved.node_days).zip(&without.node_days) {
            assert_eq!(*left, NodeDay { tail_mj: left.tail_mj, ..*without });
            let expected = NodeDay { attributed_mj: left.attributed_mj + left.tail_mj, system_mj: left.system_mj - left.tail_mj, ..*left };
            assert_eq!(*moved, expected);
        }
        for row in &moved_rows {
            assert!(row.allocated_mj + row.modelled_mj <= row.active_mj + row.idle_mj + row.system_mj);
            assert!(row.system_mj >= 0 && row.allocated_mj >= 0 && row.modelled_mj >= 0);
        }
        let facility = |rows: &[LedgerRow]| rows.iter().map(|row| row.facility_mj).sum::<i64>();
        assert_eq!(facility(&left_rows), facility(&moved_rows));
    }
}

#[test]
fn nodes_accounted_apart_add_up_to_nodes_accounted_together() {
    let zones = [zone(&[123.45; 24], 3_600)];
    let sites = [site(0, 1.2)];
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

#[test]
fn steps_have_hours_and_a_period() {
    let (zones, sites) = ([zone(&[100.0; 24], 3_600)], [site(0, 1.0)]);
    let mut terms = terms(&sites, &zones, 1, 1);
    assert_eq!([0, 3, 4, 95, 96, 497_448 * 4 + 7].map(|step| terms.hour_of(step)), [0, 0, 1, 23, 24, 497_449]);
    terms.period_steps = (4, 8);
    assert_eq!([3, 4, 7, 8].map(|step| terms.is_in_period(step)), [false, true, true, false]);
    terms.step_seconds = 300;
    assert_eq!([11, 12].map(|step| terms.hour_of(step)), [0, 1]);
    let evidence = Evidence { node_steps: vec![(0, 4, 10, None), (0, 8, 10, None)], ..Evidence::default() };
    terms.step_seconds = 900;
    let hours: Vec<i32> = by_columns(&terms, &evidence).0.workload_hours.iter().map(|row| row.hour).collect();
    assert_eq!(hours, [1], "the second is not of the period");
}

#[test]
fn the_same_day_a_day_later_has_the_same_rows_a_day_later() {
    // Two days of the same intensities, which differ from hour to hour.
    let values: Vec<f64> = (0..48).map(|hour| 100.0 + f64::from(hour % 24)).collect();
    let (zones, sites) = ([zone(&values, 3_600)], [site(0, 1.3), site(0, 1.1)]);
    let (today, gaps) = seeded_day(7, 3, 20);
    let terms_of = |first_step: i32| {
        let mut terms = terms(&sites, &zones, 3, 20);
        terms.first_step = first_step;
        terms.period_steps = (first_step + 5, first_step + 90);
        terms.gaps = gaps.iter().map(|gap| GapStep { step: gap.step + first_step, ..*gap }).collect();
        terms
    };
    let mut later = today.clone();
    later.node_steps.iter_mut().for_each(|row| row.1 += 96);
    later.usage.iter_mut().for_each(|row| row.2 += 96);
    later.tiers = today.tiers.iter().map(|((node, step), tier)| ((*node, step + 96), *tier)).collect();
    later.tails = today.tails.iter().map(|((pod, step), tail)| ((*pod, step + 96), *tail)).collect();

    let (fold, rows) = by_columns(&terms_of(0), &today);
    let (later_fold, later_rows) = by_columns(&terms_of(96), &later);
    let back: Vec<LedgerRow> = later_rows.iter().map(|row| LedgerRow { step: row.step - 96, ..*row }).collect();
    assert!(!rows.is_empty() && back == rows);
    assert_eq!(later_fold.node_days, fold.node_days);
    let hours = |fold: &DayFold, later: i32| {
        fold.workload_hours.iter().map(|row| (row.site, row.workload, row.hour - later, row.sums)).collect::<Vec<_>>()
    };
    assert_eq!(hours(&later_fold, 24), hours(&fold, 0));
    assert_eq!(by_sql(&terms_of(96), &later), (later_fold, later_rows));
}

#[test]
fn evidence_of_another_day_node_or_pod_is_refused() {
    let (zones, sites) = ([zone(&[100.0; 24], 3_600)], [site(0, 1.0)]);
    let terms = terms(&sites, &zones, 2, 2);
    let meters = |node: i32, step: i32| {
        let columns = NodeStepColumns { node_id: &[node], step: &[step], metered_mj: &[10], idle_mj: &[0], tier: &[1] };
        Meters::new(&terms, columns).map(|_| ()).map_err(|error| error.to_string())
    };
    assert_eq!((meters(0, 0), meters(1, 95)), (Ok(()), Ok(())));
    for (node, step) in [(2, 0), (-1, 0), (0, 96), (0, -1)] {
        assert_eq!(meters(node, step), Err(format!("evidence names node {node} and step {step}, which are not of this cluster-day")));
    }
    let empty = NodeStepColumns { node_id: &[], step: &[], metered_mj: &[], idle_mj: &[], tier: &[] };
    let meters = Meters::new(&terms, empty).unwrap();
    let usage = |node: i32, pod: i32, step: i32| {
        let columns = UsageColumns { node_id: &[node], pod_id: &[pod], step: &[step], active_mj: &[1], cpu_ms: &[1], tail_mj: None };
        Pass::new(&terms, &meters).account(0..2, columns).map_err(|error| error.to_string())
    };
    assert_eq!((usage(0, 0, 0), usage(1, 1, 95)), (Ok(()), Ok(())));
    assert_eq!(usage(0, 2, 0), Err("usage names pod 2, which is not of this cluster-day".to_owned()));
    assert_eq!(usage(0, 0, 96), Err("usage names step 96, which is not of this day".to_owned()));
    assert_eq!(usage(2, 0, 0), Err("usage is not sorted by node: row 0 belongs to node 2".to_owned()));
}

#[test]
fn the_rows_of_runs_that_are_kept_add_up_to_the_runs() {
    let (zones, sites) = ([zone(&[360.0; 24], 3_600)], [site(0, 1.5)]);
    let mut terms = terms(&sites, &zones, 2, 4);
    terms.runs = vec![RunTerms::Unplaced, RunTerms::NotCounted];
    (terms.pods[0].job, terms.pods[1].job, terms.pods[2].job) = (0, 1, 0);
    let evidence = Evidence {
        node_steps: vec![(0, 0, 100, None), (0, 1, 100, None), (1, 0, 100, None)],
        usage: vec![
            (0, 0, 0, Some(7), Some(1)),
            (0, 0, 1, Some(9), Some(1)),
            (0, 1, 0, Some(50), Some(1)),
            (1, 2, 0, Some(20), Some(1)),
            (1, 3, 0, Some(3), Some(1)),
        ],
        ..Evidence::default()
    };
    let (fold, _) = by_columns(&terms, &evidence);
    let empty = NodeStepColumns { node_id: &[0, 0, 1], step: &[0, 1, 0], metered_mj: &[100; 3], idle_mj: &[0; 3], tier: &[1; 3] };
    let meters = Meters::new(&terms, empty).unwrap();
    let usage = UsageColumns {
        node_id: &[0, 0, 0, 1, 1],
        pod_id: &[0, 0, 1, 2, 3],
        step: &[0, 1, 0, 0, 0],
        active_mj: &[7, 9, 50, 20, 3],
        cpu_ms: &[1; 5],
        tail_mj: None,
    };
    let mut pass = Pass::new(&terms, &meters).keeping_rows();
    pass.account(0..2, usage).unwrap();
    let mut kept: Vec<_> = pass.take_run_rows().iter().map(|row| (row.job, row.node_id, row.row_id, row.step, row.active_mj)).collect();
    kept.sort_unstable();
    // The second Job does not count, and pod 3 is nobody's.
    assert_eq!(kept, [(0, 0, 0, 0, 7), (0, 0, 0, 1, 9), (0, 1, 2, 0, 20)]);
    assert_eq!(kept.iter().map(|row| row.4).sum::<i64>(), fold.runs[0].active_mj);
    assert!(Pass::new(&terms, &meters).take_run_rows().is_empty(), "where rows are not kept");
}
