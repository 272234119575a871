//! Worked by hand: a month is March 2026 in UTC (744 hours of 8,760), energies are small whole numbers of millijoules.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::{Market, MarketTerms, ResidualMix, market_based};
use crate::accounting::inventory::ClusterInventory;
use crate::accounting::ledger::Sums;
use crate::accounting::scopes::Lines;
use crate::accounting::survey::{ClusterTerms, Site};
use crate::model::policy::LocationBased;
use crate::model::{CriterionAnswer, EnergySource, Instrument, InstrumentKind, InstrumentPeriod, Matching, Placement, RestRule};
use crate::units::{GramsCo2ePerKilowattHour, MicrogramsCo2e, Millijoules, ReportingPeriod};

/// 2026-03-01T00:00Z and 2026-01-01T00:00Z, in hours since the epoch.
const MARCH: i32 = 492_312;
const YEAR: i32 = 490_896;

struct Case {
    period: ReportingPeriod,
    location_based: LocationBased,
    clusters: Vec<ClusterTerms>,
    inventories: Vec<ClusterInventory>,
    instruments: Vec<Instrument>,
    residual: BTreeMap<String, ResidualMix>,
    zones_without_annual: BTreeSet<String>,
}

impl Case {
    fn new(period: &str) -> Self {
        let of = if period.len() == 4 { ReportingPeriod::parse_year } else { ReportingPeriod::parse };
        Self {
            period: of(period, chrono_tz::UTC).unwrap(),
            location_based: LocationBased::Hourly,
            clusters: Vec::new(),
            inventories: Vec::new(),
            instruments: Vec::new(),
            residual: BTreeMap::new(),
            zones_without_annual: BTreeSet::new(),
        }
    }

    /// Hours of (hour, millijoules) at 360 g/kWh, so that emissions are a tenth of the energy; 720 g/kWh for the year.
    fn site(mut self, name: &str, zone: &str, placement: Placement, hours: &[(i32, i64)]) -> Self {
        let site = Site { placement, ..Site::of_test(zone, 1.2) };
        let terms = ClusterTerms { name: name.to_owned(), sites: vec![site], site_of: Box::new(|_| 0) };
        let mut inventory = ClusterInventory::default();
        for (hour, facility_mj) in hours {
            let sums = Sums {
                facility_mj: *facility_mj,
                operational_hourly_ugco2e: facility_mj / 10,
                operational_annual_ugco2e: facility_mj / 5,
                ..Sums::default()
            };
            inventory.hours.entry((0, *hour)).or_default().add(&sums);
            // Three workloads in parts of 1, 2 and the rest.
            for (workload, part) in [("a", facility_mj / 6), ("b", facility_mj / 3), ("c", facility_mj - facility_mj / 6 - facility_mj / 3)]
            {
                let key = (0, "n".to_owned(), workload.to_owned());
                inventory.workloads.entry(key).or_default().add(&Sums { facility_mj: part, ..Sums::default() });
            }
        }
        self.clusters.push(terms);
        self.inventories.push(inventory);
        self
    }

    fn with(mut self, instrument: Instrument) -> Self {
        self.instruments.push(instrument);
        self
    }

    /// 540 g/kWh of 2025, a fifth of it nuclear.
    fn with_residual(mut self, zone: &str) -> Self {
        let factor = GramsCo2ePerKilowattHour::new(540.0);
        let mix = ResidualMix { id: "mix".to_owned(), factor, year: Some(2025), nuclear_share: Some(0.2) };
        self.residual.insert(zone.to_owned(), mix);
        self
    }

    fn market(&self) -> Market {
        let terms = MarketTerms {
            missing: &[],
            period: self.period,
            location_based: self.location_based,
            instruments: &self.instruments,
            residual: &self.residual,
            zones_without_annual: &self.zones_without_annual,
        };
        market_based(&terms, &self.clusters, &self.inventories)
    }

    fn lines(&self) -> Lines {
        let mut lines = self.inventories.iter().map(|_| BTreeMap::new()).collect();
        self.market().fill(&self.inventories, &mut lines);
        lines
    }
}

fn instrument(kind: InstrumentKind, volume: i64, period: (i32, Option<u32>), matching: Matching) -> Instrument {
    Instrument {
        kind,
        zone: "NL".to_owned(),
        volume: Millijoules::new(volume),
        period: InstrumentPeriod { year: period.0, month: period.1 },
        matching,
        factor: GramsCo2ePerKilowattHour::new(0.0),
        energy_source: Some(EnergySource::Wind),
        evidence: "cancellation".to_owned(),
        clusters: Vec::new(),
        entity: None,
        criteria: vec![CriterionAnswer::Met; 8],
        generation: Vec::new(),
    }
}

fn origin(volume: i64, period: (i32, Option<u32>), matching: Matching) -> Instrument {
    instrument(InstrumentKind::GuaranteeOfOrigin, volume, period, matching)
}

fn applied(market: &Market) -> Vec<i64> {
    market.instruments.iter().map(|used| used.applied_mj.get()).collect()
}

fn available(market: &Market) -> Vec<i64> {
    market.instruments.iter().map(|used| used.available_mj.get()).collect()
}

fn emissions(market: &Market) -> Option<i64> {
    market.sites.values().map(super::SiteMarket::market_ugco2e).sum::<Option<MicrogramsCo2e>>().map(MicrogramsCo2e::get)
}

fn codes(market: &Market) -> Vec<&str> {
    market.findings.iter().map(|finding| finding.code.as_str()).collect()
}

const NL: &[(i32, i64)] = &[(MARCH, 6_000), (MARCH + 1, 3_000)];

#[test]
fn without_instruments_and_residual_mix_both_methods_say_the_same() {
    let mut case = Case::new("2026-03").site("a", "NL", Placement::Scope2, NL).site("b", "DE", Placement::Scope2, &[(MARCH, 777)]);
    let market = case.market();

    assert_eq!(emissions(&market), Some(600 + 300 + 77));
    assert_eq!(market.zones[1].rest_rule, RestRule::LocationBasedHourly);
    assert!(market.disclosures.iter().any(|said| said.contains("No residual mix is available for DE, NL")), "{:?}", market.disclosures);

    case.location_based = LocationBased::Annual;
    assert_eq!(emissions(&case.market()), Some(1_200 + 600 + 155));
}

#[test]
fn a_declared_annual_factor_that_is_unknown_makes_the_rest_unknown_unless_all_is_covered() {
    let mut case = Case::new("2026-03").site("a", "NL", Placement::Scope2, NL);
    case.location_based = LocationBased::Annual;
    case.zones_without_annual.insert("NL".to_owned());

    assert_eq!(emissions(&case.market()), None);
    assert_eq!(case.lines()[0].values().map(|line| line.market_ugco2e).collect::<Vec<_>>(), [None; 3]);
    assert_eq!(emissions(&case.with(origin(9_000, (2026, Some(3)), Matching::Month)).market()), Some(0));
}

#[test]
fn a_volume_of_the_month_covers_proportionally_and_the_rest_keeps_its_share_of_each_hour() {
    // 4,500 of 9,000: half of each hour is left, 3,000 and 1,500 mJ, with half of 600 and 300 µg.
    let market = Case::new("2026-03").site("a", "NL", Placement::Scope2, NL).with(origin(4_500, (2026, Some(3)), Matching::Month)).market();

    assert_eq!((available(&market), applied(&market)), (vec![4_500], vec![4_500]));
    assert_eq!(emissions(&market), Some(450));
    assert_eq!((market.covered_mj.get(), market.facility_mj.get()), (4_500, 9_000));
    // Nothing is known of hours.
    assert_eq!(market.matched_mj.get(), 0);
    assert_eq!(market.matched_ugco2e.map(MicrogramsCo2e::get), Some(900));
}

#[test]
fn the_rest_meets_the_residual_mix_and_an_older_mix_is_a_finding() {
    // 1,000 mJ at 180 g/kWh: 50 µg. Left: 5,333 and 2,667 mJ of 8,000 at 540 g/kWh: 799.95 and 400.05, 800 and 400 µg.
    let mut supplier = instrument(InstrumentKind::SupplierRate, 1_000, (2026, Some(3)), Matching::Month);
    supplier.factor = GramsCo2ePerKilowattHour::new(180.0);
    supplier.energy_source = None;
    let case = Case::new("2026-03").site("a", "NL", Placement::Scope2, NL).with(supplier).with_residual("NL");
    let market = case.market();

    assert_eq!(emissions(&market), Some(50 + 800 + 400));
    assert_eq!(market.zones[0].residual_mix.as_deref(), Some("mix"));
    assert_eq!(codes(&market), ["ENERGY_SOURCE_UNKNOWN", "RESIDUAL_YEAR"]);
    // A fifth of the rest is nuclear; the supplier's part is of unknown source.
    assert_eq!((market.mix.nuclear_mj.get(), market.mix.renewable_mj.get(), market.mix.fossil_mj.get()), (1_600, 0, 7_400));
}

#[test]
fn a_year_uses_its_whole_volume_and_a_month_only_its_part() {
    // 744 of 8,760 hours of 87,600: 7,440.
    let year = origin(87_600, (2026, None), Matching::Year);
    let month = Case::new("2026-03").site("a", "NL", Placement::Scope2, NL).with(year.clone()).market();
    let whole = Case::new("2026").site("a", "NL", Placement::Scope2, NL).with(year).market();

    assert_eq!((available(&month), applied(&month)), (vec![7_440], vec![7_440]));
    assert!(month.disclosures.iter().any(|said| said.contains("provisional")), "{:?}", month.disclosures);
    assert_eq!((available(&whole), applied(&whole)), (vec![87_600], vec![9_000]));
    assert!(!whole.disclosures.iter().any(|said| said.contains("provisional")));
}

#[test]
fn a_year_matched_by_month_loses_what_a_month_does_not_use() {
    // January and March have 744 hours of 8,760 each: 744 mJ of 8,760. January's consumption of 100 leaves 644 unused, March takes 744.
    let case = Case::new("2026").site("a", "NL", Placement::Scope2, &[(YEAR, 100), (MARCH, 6_000)]);
    let market = case.with(origin(8_760, (2026, None), Matching::Month)).market();

    assert_eq!((available(&market), applied(&market)), (vec![8_760], vec![844]));
    assert!(market.disclosures.iter().any(|said| said.contains("is lost")), "{:?}", market.disclosures);
}

#[test]
fn a_month_of_year_matching_is_matched_by_month() {
    let case = Case::new("2026").site("a", "NL", Placement::Scope2, &[(YEAR, 100), (MARCH, 600)]);
    let market = case.with(origin(8_760, (2026, Some(3)), Matching::Year)).market();

    assert_eq!((available(&market), applied(&market)), (vec![8_760], vec![600]));
}

#[test]
fn by_hour_covers_the_lesser_of_generation_and_consumption() {
    // 5,000 against 6,000, 4,000 against 3,000: 8,000 covered, 1,000 left in the first hour, which emits a sixth of 600.
    let mut hourly = instrument(InstrumentKind::Ppa, 10_000, (2026, None), Matching::Hour);
    hourly.generation = vec![(MARCH, Millijoules::new(5_000)), (MARCH + 1, Millijoules::new(4_000)), (MARCH - 1, Millijoules::new(900))];
    let market = Case::new("2026-03").site("a", "NL", Placement::Scope2, NL).with(hourly).market();

    assert_eq!((available(&market), applied(&market)), (vec![9_000], vec![8_000]));
    assert_eq!((market.matched_mj.get(), emissions(&market)), (8_000, Some(100)));
    assert_eq!(market.matched_ugco2e.map(MicrogramsCo2e::get), Some(100));
}

#[test]
fn generation_that_is_not_known_is_spread_evenly_and_said() {
    // 7,440 over 744 hours: 10 an hour.
    let market = Case::new("2026-03").site("a", "NL", Placement::Scope2, NL).with(origin(7_440, (2026, Some(3)), Matching::Hour)).market();

    assert_eq!((available(&market), applied(&market)), (vec![7_440], vec![20]));
    assert!(market.disclosures.iter().any(|said| said.contains("spread evenly")), "{:?}", market.disclosures);
}

#[test]
fn generation_beyond_the_volume_is_scaled_down_to_it() {
    let mut hourly = origin(3_000, (2026, Some(3)), Matching::Hour);
    hourly.generation = vec![(MARCH, Millijoules::new(4_000)), (MARCH + 1, Millijoules::new(2_000))];
    let market = Case::new("2026-03").site("a", "NL", Placement::Scope2, NL).with(hourly).market();

    assert_eq!((available(&market), applied(&market)), (vec![3_000], vec![3_000]));
    assert_eq!(codes(&market), ["GENERATION_VOLUME"]);
}

#[test]
fn certificates_go_before_agreements_and_agreements_before_rates() {
    let kinds = [InstrumentKind::SupplierRate, InstrumentKind::Ppa, InstrumentKind::GuaranteeOfOrigin];
    let mut case = Case::new("2026-03").site("a", "NL", Placement::Scope2, NL);
    for kind in kinds {
        case = case.with(instrument(kind, 4_000, (2026, Some(3)), Matching::Month));
    }

    assert_eq!(applied(&case.market()), [1_000, 4_000, 4_000]);
}

#[test]
fn a_volume_above_consumption_covers_consumption_and_leaves_nothing_for_the_next() {
    let case = Case::new("2026-03").site("a", "NL", Placement::Scope2, NL).with(origin(100_000, (2026, Some(3)), Matching::Month));
    let market = case.with(origin(100_000, (2026, Some(3)), Matching::Month)).market();

    assert_eq!((applied(&market), emissions(&market)), (vec![9_000, 0], Some(0)));
    assert!(market.instruments[1].not_used_reason.as_deref().unwrap().contains("nothing that it could cover was left"));
}

#[test]
fn two_sites_share_an_instrument_by_what_they_use() {
    // 300 over 200 and 400.
    let case = Case::new("2026-03").site("a", "NL", Placement::Scope2, &[(MARCH, 200)]).site("b", "NL", Placement::Scope2, &[(MARCH, 400)]);
    let market = case.with(origin(300, (2026, Some(3)), Matching::Month)).market();

    let by_site: Vec<i64> = market.instruments[0].by_site.values().map(|part| part.applied_mj.get()).collect();
    assert_eq!(by_site, [100, 200]);
}

#[test]
fn an_instrument_held_for_a_cluster_covers_no_other() {
    let mut held = origin(900, (2026, Some(3)), Matching::Month);
    held.clusters = vec!["b".to_owned()];
    let case = Case::new("2026-03").site("a", "NL", Placement::Scope2, &[(MARCH, 200)]).site("b", "NL", Placement::Scope2, &[(MARCH, 400)]);
    let market = case.with(held).market();

    assert_eq!((applied(&market), market.sites[&(0, 0)].covered_mj.get()), (vec![400], 0));
}

fn of_entity(mut case: Case, cluster: usize, entity: &str) -> Case {
    case.clusters[cluster].sites[0].entity = Some(entity.to_owned());
    case
}

#[test]
fn an_instrument_that_an_entity_holds_covers_the_electricity_of_no_other() {
    let held = Instrument { entity: Some("B".to_owned()), ..origin(4_000, (2026, Some(3)), Matching::Month) };
    let case = Case::new("2026-03").site("a", "NL", Placement::Scope2, NL).site("b", "NL", Placement::Scope2, &[(MARCH, 3_000)]).with(held);
    let case = of_entity(of_entity(case, 0, "A"), 1, "B");
    let market = case.market();

    assert_eq!(applied(&market), [3_000], "1,000 mJ of the volume are left, and A has none of them");
    let of = |cluster| market.sites[&(cluster, 0)].market_ugco2e().map(MicrogramsCo2e::get);
    assert_eq!((of(0), of(1)), (Some(900), Some(0)));
    assert!(market.without_holder(case.instruments.iter(), &case.clusters).is_empty());
}

#[test]
fn an_instrument_that_nobody_holds_makes_a_guess_of_whatever_it_covered_where_several_could_claim_it() {
    let two = || Case::new("2026-03").site("a", "NL", Placement::Scope2, NL).site("b", "NL", Placement::Scope2, &[(MARCH, 3_000)]);
    let nobodys = origin(4_000, (2026, Some(3)), Matching::Month);
    let found = |case: &Case| -> Vec<(String, Vec<usize>)> {
        let found = case.market().without_holder(case.instruments.iter(), &case.clusters);
        found.into_iter().map(|(entity, instruments)| (entity, instruments.into_iter().collect())).collect()
    };
    let case = of_entity(of_entity(two().with(nobodys.clone()), 0, "A"), 1, "B");
    assert_eq!(found(&case), [("A".to_owned(), vec![0]), ("B".to_owned(), vec![0])]);

    // All of that electricity is A's.
    let case = of_entity(of_entity(two().with(nobodys.clone()), 0, "A"), 1, "A");
    assert!(found(&case).is_empty());

    // B's own covers all of B's, so nothing of the other is B's; A's part of it is a guess still.
    let own = Instrument { entity: Some("B".to_owned()), ..origin(3_000, (2026, Some(3)), Matching::Month) };
    let case = of_entity(of_entity(two().with(own).with(nobodys.clone()), 0, "A"), 1, "B");
    assert_eq!(found(&case), [("A".to_owned(), vec![1])]);

    // For a cluster it is as good as for whoever controls it.
    let of_cluster = Instrument { clusters: vec!["a".to_owned()], ..nobodys };
    let case = of_entity(of_entity(two().with(of_cluster), 0, "A"), 1, "B");
    assert!(found(&case).is_empty());
}

#[test]
fn what_is_not_in_scope_2_is_not_covered_and_not_own_operations() {
    let case = Case::new("2026-03").site("a", "NL", Placement::Scope3Category1, NL).site("b", "NL", Placement::Scope2, &[(MARCH, 500)]);
    let case = case.with(origin(9_000, (2026, Some(3)), Matching::Month));
    let market = case.market();

    assert_eq!((applied(&market), market.mix.total_mj.get(), market.mix.outside_own_operations_mj.get()), (vec![500], 500, 9_000));
    assert!(case.lines()[1].values().all(|line| line.market_ugco2e == Some(0)));
}

#[test]
fn an_instrument_of_another_zone_or_period_is_not_used_and_says_why() {
    let mut german = origin(900, (2026, Some(3)), Matching::Month);
    german.zone = "DE".to_owned();
    let case = Case::new("2026-03").site("a", "NL", Placement::Scope2, NL).with(german).with(origin(900, (2025, None), Matching::Year));
    let market = case.market();

    let reasons: Vec<&str> = market.instruments.iter().map(|used| used.not_used_reason.as_deref().unwrap()).collect();
    assert_eq!(reasons[0], "no electricity in Scope 2 was used in zone DE in 2026-03");
    assert_eq!(reasons[1], "its period 2025 is not that of the report, 2026-03");
    assert_eq!(codes(&market), ["INSTRUMENT_UNUSED"]);
    assert_eq!(emissions(&market), Some(900));
}

#[test]
fn what_is_held_for_another_period_is_no_finding_of_this_one() {
    let mut german = origin(900, (2025, None), Matching::Year);
    german.zone = "DE".to_owned();
    german.criteria = vec![CriterionAnswer::NotMet];
    let market = Case::new("2026-03").site("a", "NL", Placement::Scope2, NL).with(german).market();

    assert_eq!(market.findings, []);
    assert!(market.instruments[0].not_used_reason.is_some());
}

#[test]
fn an_instrument_that_misses_a_criterion_is_not_used() {
    let with = |answers: Vec<CriterionAnswer>| {
        let mut asked = origin(9_000, (2026, Some(3)), Matching::Month);
        asked.criteria = answers;
        Case::new("2026-03").site("a", "NL", Placement::Scope2, NL).with(asked).market()
    };
    let mut not_met = vec![CriterionAnswer::Met; 8];
    not_met[4] = CriterionAnswer::NotMet;
    let mut unanswered = vec![CriterionAnswer::Met; 8];
    unanswered[7] = CriterionAnswer::Unanswered;
    let (not_met, unanswered, nobody) = (with(not_met), with(unanswered), with(Vec::new()));

    assert_eq!((applied(&not_met), &not_met.instruments[0].criteria_not_met), (vec![0], &vec![5]));
    assert!(not_met.instruments[0].not_used_reason.as_deref().unwrap().contains("criterion 5"));
    assert_eq!((applied(&unanswered), &unanswered.instruments[0].criteria_unanswered), (vec![0], &vec![8]));
    assert_eq!(applied(&nobody), [9_000]);
    assert_eq!([codes(&not_met), codes(&unanswered), codes(&nobody)], [["INSTRUMENT_CRITERIA"]; 3]);
}

#[test]
fn a_month_off_the_full_hour_counts_the_part_of_its_edge_hours() {
    // Kolkata is 5:30 ahead: March begins at 18:30 UTC of 28 February, hour MARCH - 6, of which half is within.
    let mut case = Case::new("2026-03").site("a", "NL", Placement::Scope2, &[(MARCH - 6, 600), (MARCH, 600)]);
    case.period = ReportingPeriod::parse("2026-03", chrono_tz::Asia::Kolkata).unwrap();
    let mut hourly = origin(1_000, (2026, None), Matching::Hour);
    hourly.generation = vec![(MARCH - 6, Millijoules::new(500)), (MARCH, Millijoules::new(300))];
    let market = case.with(hourly).market();

    assert_eq!((available(&market), applied(&market)), (vec![550], vec![550]));
}

#[test]
fn twelve_months_never_claim_more_than_the_volume() {
    for matching in [Matching::Year, Matching::Month, Matching::Hour] {
        let of_month = |month: u32| {
            let hours: Vec<(i32, i64)> = (0..8_760).map(|hour| (YEAR + hour, 1_000_000)).collect();
            let case = Case::new(&format!("2026-{month:02}")).site("a", "NL", Placement::Scope2, &hours);
            available(&case.with(origin(1_000_003, (2026, None), matching)).market())[0]
        };
        assert_eq!((1..=12).map(of_month).sum::<i64>(), 1_000_003, "{matching:?}");
    }
}

fn any_instrument() -> impl Strategy<Value = Instrument> {
    let kinds = [InstrumentKind::GuaranteeOfOrigin, InstrumentKind::Ppa, InstrumentKind::SupplierRate];
    let matchings = [Matching::Year, Matching::Month, Matching::Hour];
    let period = prop_oneof![Just((2026, None)), Just((2026, Some(3))), Just((2026, Some(2)))];
    let generation = prop::collection::vec((-2..5_i32, 0_i64..5_000), 0..5);
    (0..3_usize, 0..3_usize, period, 1_i64..2_000_000, 0.0..400.0_f64, generation).prop_map(
        move |(kind, matching, period, volume, factor, generation)| {
            let mut any = instrument(kinds[kind], volume, period, matchings[matching]);
            any.factor = GramsCo2ePerKilowattHour::new(factor);
            let generation: BTreeMap<i32, i64> = generation.into_iter().collect();
            any.generation = generation.into_iter().map(|(hour, mj)| (MARCH + hour, Millijoules::new(mj))).collect();
            any
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn covered_and_rest_are_consumption_and_parts_are_their_wholes(
        a in prop::collection::vec(0_i64..9_000, 4),
        b in prop::collection::vec(0_i64..9_000, 4),
        instruments in prop::collection::vec(any_instrument(), 0..6),
        in_a_year in any::<bool>(),
    ) {
        let hours = |energies: &[i64]| -> Vec<(i32, i64)> { (0..4).map(|hour| (MARCH + hour, energies[hour as usize])).collect() };
        let case = Case::new(if in_a_year { "2026" } else { "2026-03" });
        let case = case.site("a", "NL", Placement::Scope2, &hours(&a)).site("b", "NL", Placement::Scope2, &hours(&b));
        let case = instruments.iter().cloned().fold(case, Case::with);
        let market = case.market();
        let consumed: i64 = a.iter().chain(&b).sum();
        let zone = market.zones.first();
        prop_assert_eq!(market.facility_mj.get(), consumed);
        prop_assert_eq!(zone.map_or(0, |zone| zone.covered_mj.get() + zone.rest_mj.get()), consumed);
        prop_assert_eq!(market.instruments.iter().map(|used| used.applied_mj.get()).sum::<i64>(), market.covered_mj.get());
        prop_assert!(market.matched_mj <= market.facility_mj);
        let mix = &market.mix;
        prop_assert_eq!(mix.fossil_mj + mix.nuclear_mj + mix.renewable_mj, mix.total_mj);
        for (used, instrument) in market.instruments.iter().zip(&instruments) {
            prop_assert!(used.applied_mj <= used.available_mj && used.available_mj <= instrument.volume);
            prop_assert_eq!(used.by_site.values().map(|part| part.applied_mj).sum::<Millijoules>(), used.applied_mj);
        }
        for ((cluster, _), site) in &market.sites {
            let parts: i64 = case.lines()[*cluster].values().map(|line| line.market_ugco2e.unwrap()).sum();
            prop_assert_eq!(Some(parts), site.market_ugco2e().map(MicrogramsCo2e::get));
        }
    }

    #[test]
    fn two_instruments_of_half_the_volume_cover_as_much_as_one(
        energies in prop::collection::vec(0_i64..9_000, 4),
        half in 1_i64..20_000,
        matching in 0..3_usize,
    ) {
        let hours: Vec<(i32, i64)> = (0..4).map(|hour| (MARCH + hour, energies[hour as usize])).collect();
        let matching = [Matching::Year, Matching::Month, Matching::Hour][matching];
        let of = |volume| {
            let mut one = origin(volume, (2026, Some(3)), matching);
            if matching == Matching::Hour {
                one.generation = vec![(MARCH, Millijoules::new(volume))];
            }
            one
        };
        let case = || Case::new("2026-03").site("a", "NL", Placement::Scope2, &hours);
        let one = case().with(of(2 * half)).market();
        let two = case().with(of(half)).with(of(half)).market();
        prop_assert_eq!(one.covered_mj, two.covered_mj);
    }
}

#[test]
fn a_site_says_what_is_left_open_and_what_either_factor_makes_of_it() {
    let site = |case: Case| case.market().sites[&(0, 0)].clone();
    let half = |case: Case| site(case.site("a", "NL", Placement::Scope2, NL).with(origin(4_500, (2026, Some(3)), Matching::Month)));
    let open = half(Case::new("2026-03"));
    assert_eq!((open.facility_mj.get(), open.covered_mj.get(), open.rest_mj().get(), open.open_mj.get()), (9_000, 4_500, 4_500, 9_000));
    assert_eq!((open.hourly_ugco2e.get(), open.annual_ugco2e.map(MicrogramsCo2e::get)), (900, Some(1_800)));
    let covered = site(Case::new("2026-03").site("a", "NL", Placement::Scope2, NL).with(origin(9_000, (2026, Some(3)), Matching::Month)));
    assert_eq!((covered.covered_mj.get(), covered.open_mj.get()), (9_000, 0));
    let mut unknown = Case::new("2026-03");
    unknown.zones_without_annual.insert("NL".to_owned());
    assert_eq!(half(unknown).annual_ugco2e, None);
}

/// The beginnings of the sentences about instruments.
fn said_of_instruments(market: &Market) -> Vec<&str> {
    let kinds = [
        "matched over the year.",
        "the part of the volume that belongs to 2026-02 is not used",
        "a year's volume matched by month",
        "no generation by hour is known",
        "nobody has answered the eight",
        "The hour-matched figure is a preview",
    ];
    let found = |sentence: &str| kinds.iter().find(|kind| sentence.contains(**kind)).map(|kind| (sentence.find(kind).unwrap(), *kind));
    let mut said = Vec::new();
    for sentence in market.disclosures.iter() {
        if let Some((at, kind)) = found(sentence) {
            said.push(&sentence[..at + kind.len()]);
        }
    }
    said
}

#[test]
fn each_instrument_is_said_to_be_used_as_it_is() {
    const PREVIEW: &str = "The hour-matched figure is a preview";
    let said = |instruments: Vec<Instrument>| {
        let mut case = Case::new("2026-03").site("a", "NL", Placement::Scope2, NL);
        case.instruments = instruments;
        said_of_instruments(&case.market()).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let of_year = |matching| origin(1_000, (2026, None), matching);
    let of_month = |matching| origin(1_000, (2026, Some(3)), matching);
    assert_eq!(said(vec![]), Vec::<String>::new());
    assert_eq!(said(vec![of_month(Matching::Month)]), [PREVIEW]);
    assert_eq!(said(vec![of_month(Matching::Year)]), [PREVIEW]);
    assert_eq!(said(vec![of_month(Matching::Month), of_year(Matching::Year)]), ["Instrument 2: matched over the year.", PREVIEW]);
    assert_eq!(said(vec![of_year(Matching::Month)]), ["Instrument 1: a year's volume matched by month", PREVIEW]);
    assert_eq!(said(vec![of_month(Matching::Hour)]), ["Instrument 1: no generation by hour is known", PREVIEW]);
    let known = Instrument { generation: vec![(MARCH, Millijoules::new(10))], ..of_month(Matching::Hour) };
    assert_eq!(said(vec![known]), [PREVIEW]);
    let unanswered = Instrument { criteria: Vec::new(), ..of_month(Matching::Month) };
    assert_eq!(said(vec![of_month(Matching::Month), unanswered]), ["Instrument 2: nobody has answered the eight", PREVIEW]);
    // One of another period is not used, and nothing is said of it.
    assert_eq!(said(vec![origin(1_000, (2025, None), Matching::Year)]), [PREVIEW]);
}

#[test]
fn a_year_says_of_which_instruments_a_missing_month_takes_a_part() {
    let case = Case::new("2026").site("a", "NL", Placement::Scope2, &[(YEAR, 6_000), (MARCH, 3_000)]);
    let instruments = [Matching::Month, Matching::Year].map(|matching| origin(8_760, (2026, None), matching));
    let said = |missing: &[ReportingPeriod]| {
        let terms = MarketTerms {
            missing,
            period: case.period,
            location_based: case.location_based,
            instruments: &instruments,
            residual: &case.residual,
            zones_without_annual: &case.zones_without_annual,
        };
        let market = market_based(&terms, &case.clusters, &case.inventories);
        said_of_instruments(&market)
            .into_iter()
            .filter(|said| said.contains("the part of the volume"))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let february = ReportingPeriod::parse("2026-02", chrono_tz::UTC).unwrap();
    assert_eq!(said(&[february]), ["Instrument 2: the part of the volume that belongs to 2026-02 is not used"]);
    assert_eq!(said(&[]), Vec::<String>::new());
}
