//! Machines by hand: the specification's own example, a month that is shared, machines that come, and clouds.

use super::*;
use crate::accounting::gaps::NodePower;
use crate::accounting::inventory::ClusterInventory;
use crate::accounting::scopes;
use crate::accounting::survey::{ClusterSurvey, ClusterTerms, MonthTerms, Site, Survey};
use crate::model::Placement;

const STEPS: i64 = 744 * 4;
/// 1,848 kg over 4 years of 8,766 hours, 744 hours of it: 39,211,498,973.3 µg.
const MONTH_UG: i64 = 39_211_498_973;

fn r740() -> EmbodiedTerms {
    EmbodiedTerms {
        class: "r740".to_owned(),
        embodied_kgco2e: 1_848.0,
        range_kgco2e: None,
        gpu_embodied_kgco2e: 0.0,
        gpus: 0,
        life_years: 4.0,
        source: "a data sheet".to_owned(),
        factor: None,
        gpu_factor: None,
        in_service: None,
    }
}

fn october() -> ReportingPeriod {
    ReportingPeriod::parse("2026-10", chrono_tz::UTC).unwrap()
}

fn day(text: &str) -> UtcDay {
    text.parse().unwrap()
}

/// A node from the start of one day to the end of another.
fn node(from: &str, to: &str, capacity: Option<i64>) -> NodeOfMonth {
    let mut power = NodePower::new((october().from().timestamp() / 900) as i32, STEPS as usize);
    power.exists(day(from).start().timestamp_millis(), day(to).end().timestamp_millis());
    NodeOfMonth {
        site: 0,
        labels: BTreeMap::new(),
        power,
        power_zones: BTreeSet::new(),
        is_metered: true,
        cpu_capacity_milli: capacity,
        cpu_allocatable_milli: None,
        first_day: day(from),
    }
}

fn whole_month(capacity: Option<i64>) -> NodeOfMonth {
    node("2026-10-01", "2026-10-31", capacity)
}

/// One cluster of one site, its nodes and what workloads reserved of them.
struct Story {
    boundary: Boundary,
    terms: Option<EmbodiedTerms>,
    nodes: Vec<(&'static str, NodeOfMonth)>,
    reserved: Vec<(&'static str, &'static str, i64)>,
    gpus: Vec<(&'static str, &'static str, i64)>,
    before: Before,
}

impl Story {
    fn new(boundary: Boundary, nodes: Vec<(&'static str, NodeOfMonth)>) -> Self {
        Self { boundary, terms: Some(r740()), nodes, reserved: Vec::new(), gpus: Vec::new(), before: Before::default() }
    }

    fn add(self) -> (Embodied, BTreeMap<String, Line>) {
        let placement = if self.boundary == Boundary::Cloud { Placement::Scope3Category1 } else { Placement::Scope2 };
        let site = Site { boundary: self.boundary, placement, embodied: self.terms, ..Site::of_test("NL", 1.0) };
        let terms = MonthTerms::of_test(vec![ClusterTerms { name: "prod".to_owned(), sites: vec![site], site_of: Box::new(|_| 0) }]);
        let nodes: BTreeMap<String, NodeOfMonth> = self.nodes.into_iter().map(|(name, node)| (name.to_owned(), node)).collect();
        let days = nodes.values().map(|node| node.first_day).collect();
        let survey = Survey { clusters: vec![ClusterSurvey { nodes, days, ..ClusterSurvey::default() }] };
        let plan = Plan::new(&terms, &survey, vec![Vec::new()], Vec::new(), crate::accounting::plan::Beside::default());
        let mut cluster = ClusterInventory::default();
        for (reserved, of) in [(self.reserved, &mut cluster.reservations), (self.gpus, &mut cluster.gpu_reservations)] {
            for (node, workload, steps) in reserved {
                of.insert((node.to_owned(), "shop".to_owned(), workload.to_owned()), steps);
                cluster.workloads.entry((0, "shop".to_owned(), workload.to_owned())).or_default();
            }
        }
        let inventory = Inventory { clusters: vec![cluster], runs: Vec::new(), profiles: Vec::new() };
        let mut lines = scopes::unknown(&inventory);
        let embodied = add(&plan, &inventory, &[self.before], &mut lines);
        (embodied, lines.remove(0).into_iter().map(|((_, _, workload), line)| (workload, line)).collect())
    }
}

fn codes(embodied: &Embodied) -> Vec<&str> {
    embodied.findings.iter().map(|finding| finding.code.as_str()).collect()
}

#[test]
fn an_hour_of_a_tonne_over_four_years_is_28_grams() {
    // SCI specification 1.1.0: TE 1,000 kg, EL 4 years, TiR 1 h. 1e12 µg / (4 × 8,766) = 28,519,279.03 µg.
    let terms = EmbodiedTerms { embodied_kgco2e: 1_000.0, ..r740() };

    assert_eq!(period_part(total(&terms), 3_600_000, life_ms(&terms)), 28_519_279);
}

#[test]
fn a_month_of_a_machine_is_shared_by_what_was_reserved() {
    // Four cores. web asks for one all month, batch for one and a half in half of it: 1/4 and 3/16, so 9/16 are nobody's.
    let mut story = Story::new(Boundary::Owned, vec![("n1", whole_month(Some(4_000)))]);
    story.reserved = vec![("n1", "web", 1_000 * STEPS), ("n1", "batch", 1_500 * STEPS / 2)];
    let (embodied, lines) = story.add();
    let amortised = |workload: &str| lines[workload].amortised_ugco2e.unwrap();

    // MONTH_UG / 4 = 9,802,874,743.25; × 3/16 = 7,352,156,057.4; × 9/16 = 22,056,468,172.3. One unit is left, for the largest remainder.
    assert_eq!((amortised("web"), amortised("batch"), amortised(IDLE)), (9_802_874_743, 7_352_156_058, 22_056_468_172));
    assert_eq!(amortised("web") + amortised("batch") + amortised(IDLE), MONTH_UG);
    assert_eq!(embodied.assets[0].amortised_ugco2e, MONTH_UG);
    assert_eq!(embodied.assets[0].reserved, Some((7 * STEPS * 250, 4_000 * STEPS)));
    assert_eq!(lines["web"].cloud_amortised_ugco2e, None);
}

#[test]
fn parts_of_all_nodes_add_up_to_their_machines() {
    let nodes =
        vec![("n1", whole_month(Some(3_920))), ("n2", node("2026-10-05", "2026-10-17", Some(7_000))), ("n3", whole_month(Some(1_000)))];
    let mut story = Story::new(Boundary::Cloud, nodes);
    story.reserved = vec![("n1", "web", 1_234_567), ("n2", "web", 765_433), ("n2", "batch", 99_999), ("n3", "batch", 5_000 * STEPS)];
    let (embodied, lines) = story.add();
    let whole: i64 = embodied.assets.iter().map(|asset| asset.amortised_ugco2e).sum();

    assert_eq!(lines.values().filter_map(|line| line.amortised_ugco2e).sum::<i64>(), whole);
    assert_eq!(embodied.cloud_ugco2e, Some(whole));
    // n3 was promised five times over: all of it is shared, nothing is idle, and the denominator is what was promised.
    assert_eq!(embodied.assets[2].reserved, Some((5_000 * STEPS, 5_000 * STEPS)));
}

#[test]
fn a_machine_that_comes_within_the_month_is_capitalised_whole() {
    let story =
        Story::new(Boundary::Owned, vec![("old", whole_month(Some(4_000))), ("new", node("2026-10-16", "2026-10-31", Some(4_000)))]);
    let (embodied, lines) = story.add();
    let new = &embodied.assets[0];

    assert_eq!(new.in_service, Some(day("2026-10-16").date()));
    assert_eq!(new.capitalised_ugco2e, 1_848_000_000_000);
    // 16 of 31 days: 1,848e9 × 384 / 35,064 = 20,238,193,018.5 less a little, rounded once.
    assert_eq!(new.amortised_ugco2e, 20_238_193_018);
    assert_eq!(lines[IDLE].category_2_ugco2e, Some(1_848_000_000_000));
    // The other was there when the evidence began: nobody knows since when.
    assert_eq!((embodied.assets[1].in_service, embodied.assets[1].capitalised_ugco2e), (None, 0));
    assert_eq!(codes(&embodied), ["IN_SERVICE_UNKNOWN"]);
}

#[test]
fn a_node_that_was_there_before_the_month_is_not_new() {
    let mut story = Story::new(Boundary::Owned, vec![("n1", node("2026-10-16", "2026-10-31", Some(4_000)))]);
    story.before.days = day("2026-09-10").through(day("2026-09-30")).into_iter().collect();
    story.before.first_seen = BTreeMap::from([("n1".to_owned(), day("2026-09-12"))]);
    let (embodied, _) = story.add();

    assert_eq!(embodied.assets[0].in_service, Some(day("2026-09-12").date()));
    assert_eq!(embodied.assets[0].capitalised_ugco2e, 0);
    assert_eq!(codes(&embodied), Vec::<&str>::new());
}

#[test]
fn a_declared_day_goes_before_what_was_seen() {
    let declared = |text: &str| {
        let mut story = Story::new(Boundary::Colocated, vec![("n1", whole_month(Some(4_000)))]);
        story.terms = Some(EmbodiedTerms { in_service: Some(day(text).date()), ..r740() });
        let (embodied, _) = story.add();
        (embodied.assets[0].capitalised_ugco2e, embodied.assets[0].amortised_ugco2e)
    };
    assert_eq!(declared("2026-10-31"), (1_848_000_000_000, MONTH_UG));
    assert_eq!(declared("2026-09-30"), (0, MONTH_UG));
    // Four years of 8,766 hours end 1,461 days after 2022-10-11: on the 11th at midnight, ten days into the month.
    let ten_days = period_part(1_848_000_000_000, 240 * 3_600_000, life_ms(&r740()));
    assert_eq!(declared("2022-10-11"), (0, ten_days));
    // A machine whose life is over has been shared out.
    assert_eq!(declared("2019-01-01"), (0, 0));
}

#[test]
fn a_clouds_machine_is_no_capital_good_of_ours() {
    let story = Story::new(Boundary::Cloud, vec![("a", whole_month(Some(4_000))), ("b", node("2026-10-16", "2026-10-31", Some(4_000)))]);
    let (embodied, lines) = story.add();

    assert!(embodied.assets.iter().all(|asset| asset.capitalised_ugco2e == 0));
    assert_eq!(lines[IDLE].category_2_ugco2e, Some(0));
    assert_eq!(lines[IDLE].cloud_amortised_ugco2e, lines[IDLE].amortised_ugco2e);
    assert_eq!(codes(&embodied), Vec::<&str>::new());
}

#[test]
fn without_a_class_nothing_is_known_and_that_is_said() {
    let mut story = Story::new(Boundary::Owned, vec![("n1", whole_month(Some(4_000)))]);
    story.terms = None;
    story.reserved = vec![("n1", "web", 1_000)];
    let (embodied, lines) = story.add();

    assert!(embodied.assets.is_empty());
    assert_eq!((lines["web"].amortised_ugco2e, lines["web"].category_2_ugco2e), (None, None));
    assert_eq!(codes(&embodied), ["EMBODIED_UNKNOWN"]);
    // There is no machine of a cloud, so nothing of them.
    assert_eq!(embodied.cloud_ugco2e, Some(0));
}

#[test]
fn without_capacity_a_machine_is_nobodys_and_what_was_reserved_stays_unknown() {
    let mut story = Story::new(Boundary::Owned, vec![("n1", whole_month(None))]);
    story.reserved = vec![("n1", "web", 1_000)];
    let (embodied, lines) = story.add();

    assert_eq!(lines[IDLE].amortised_ugco2e, Some(MONTH_UG));
    assert_eq!(lines["web"].amortised_ugco2e, None);
    assert_eq!(embodied.assets[0].reserved, None);
    assert_eq!(codes(&embodied), ["CAPACITY_UNKNOWN", "IN_SERVICE_UNKNOWN"]);
}

#[test]
fn gpus_are_shared_by_those_who_asked_for_them() {
    // 400 kg of server and 4 GPUs of 150 kg over 8,766 hours a year, one year: of 1,000 kg a month's part is 84,873,374,401 µg.
    let month = period_part(1_000_000_000_000, 744 * 3_600_000, 8_766 * 3_600_000);
    let mut story = Story::new(Boundary::Cloud, vec![("n1", whole_month(Some(4_000)))]);
    story.terms = Some(EmbodiedTerms { embodied_kgco2e: 400.0, gpus: 4, gpu_embodied_kgco2e: 150.0, life_years: 1.0, ..r740() });
    story.reserved = vec![("n1", "web", 3_000 * STEPS), ("n1", "train", 1_000 * STEPS)];
    story.gpus = vec![("n1", "train", 2 * STEPS)];
    let (embodied, lines) = story.add();
    let amortised = |workload: &str| lines[workload].amortised_ugco2e.unwrap();

    assert_eq!(month, 84_873_374_401);
    // GPUs are 60 %, 50,924,024,640.6: half train's, half nobody's. The server is 33,949,349,760: a quarter train's.
    assert_eq!((amortised("web"), amortised("train"), amortised(IDLE)), (25_462_012_320, 8_487_337_440 + 25_462_012_320, 25_462_012_321));
    assert_eq!(amortised("web") + amortised("train") + amortised(IDLE), month);
    assert_eq!(codes(&embodied), Vec::<&str>::new());
}

#[test]
fn gpus_are_part_of_the_machine() {
    let mut story = Story::new(Boundary::Cloud, vec![("n1", whole_month(Some(4_000)))]);
    story.terms = Some(EmbodiedTerms { gpus: 8, gpu_embodied_kgco2e: 150.0, ..r740() });
    let (embodied, _) = story.add();

    // 1,848 + 8 × 150.
    assert_eq!(embodied.assets[0].total_ugco2e, 3_048_000_000_000);
    assert_eq!(codes(&embodied), ["GPU_SHARED_BY_CPU"]);
}

#[test]
fn machines_of_which_something_is_missing_are_counted() {
    let found = |story: Story| {
        let (embodied, _) = story.add();
        embodied.findings.into_iter().map(|finding| (finding.code, finding.examined, finding.failing)).collect::<Vec<_>>()
    };
    let code = |code: &str, examined, failing| (code.to_owned(), examined, failing);
    let two = || vec![("n1", node("2026-10-02", "2026-10-31", Some(1_000))), ("n2", node("2026-10-02", "2026-10-31", Some(1_000)))];
    let before = || Before { days: [day("2026-10-01")].into(), ..Before::default() };
    let nothing = found(Story { before: before(), ..Story::new(Boundary::Owned, two()) });
    assert_eq!(nothing, [], "all is known");
    let unknown = found(Story { terms: None, before: before(), ..Story::new(Boundary::Owned, two()) });
    assert_eq!(unknown, [code("EMBODIED_UNKNOWN", 2, 2)]);
    // Both have GPUs; of one of them a request was seen.
    let with_gpus = Some(EmbodiedTerms { gpus: 2, gpu_embodied_kgco2e: 150.0, ..r740() });
    let gpus = vec![("n1", "train", 8)];
    let shared = found(Story { terms: with_gpus, gpus, before: before(), ..Story::new(Boundary::Owned, two()) });
    assert_eq!(shared, [code("GPU_SHARED_BY_CPU", 2, 1)]);
    let without_capacity = vec![("n1", node("2026-10-02", "2026-10-31", None)), ("n2", node("2026-10-02", "2026-10-31", Some(1_000)))];
    assert_eq!(found(Story { before: before(), ..Story::new(Boundary::Owned, without_capacity) }), [code("CAPACITY_UNKNOWN", 2, 1)]);
}
