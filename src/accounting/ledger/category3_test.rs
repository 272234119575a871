//! Scope 3 category 3 of rows, worked by hand, on both engines.

use super::tests::{Evidence, by_columns, by_sql, share_of_input, site, terms, zone, zone_with_lifecycle};
use super::*;
use crate::accounting::category3::{Category3Terms, Losses, Upstream};
use crate::model::policy::LocationBased;
use crate::units::GramsCo2ePerKilowattHour;

/// One pod on one node that uses 36,000 mJ in the first step.
fn one_pod() -> Evidence {
    Evidence { node_steps: vec![(0, 0, 36_000, Some(0))], usage: vec![(0, 0, 0, Some(36_000), Some(1))], ..Evidence::default() }
}

#[test]
fn upstream_and_losses_of_a_row_are_its_facility_energy_times_their_factors() {
    // GHG Protocol, Technical Guidance for Calculating Scope 3 Emissions, category 3, activities B and C.
    let zones = [zone_with_lifecycle(&[300.0; 24], &[Some(380.0); 24], 3_600)];
    let mut sites = [site(0, 1.5)];
    let terms_3 = Category3Terms { upstream: None, losses: share_of_input(0.05) };
    let category3 = [ZoneCategory3::of(terms_3, LocationBased::Hourly, &zones[0])];
    let evidence = one_pod();
    let seen = |sites: &[SiteTerms], category3: &[ZoneCategory3]| {
        let terms = DayTerms { category3, ..terms(sites, &zones, 1, 1) };
        let (fold, rows) = by_columns(&terms, &evidence);
        assert_eq!(by_sql(&terms, &evidence), (fold.clone(), rows.clone()));
        let sums = fold.workload_hours[0].sums;
        assert_eq!((sums.upstream_ugco2e, sums.losses_ugco2e), (rows[0].upstream_ugco2e.unwrap_or(0), rows[0].losses_ugco2e.unwrap_or(0)));
        (rows[0].facility_mj, rows[0].operational_hourly_ugco2e, rows[0].upstream_ugco2e, rows[0].losses_ugco2e)
    };

    // 54,000 mJ is 0.015 kWh: x 300 g = 4.5 g of Scope 2; x (380 - 300) = 1.2 g upstream.
    // Losses: (300 + 80) x 0.05 / 0.95 = 20 g/kWh: 0.3 g.
    assert_eq!(seen(&sites, &category3), (54_000, Some(4_500), Some(1_200), Some(300)));
    // Annual factor 250: (250 + 80) x 0.05 / 0.95 = 17.368421 g/kWh: 260.526 µg.
    let annual = [ZoneCategory3::of(terms_3, LocationBased::Annual, &zones[0])];
    assert_eq!(seen(&sites, &annual), (54_000, Some(4_500), Some(1_200), Some(261)));
    // Published ones go before the series: 45.9 g: 688.5 rounds up; 22.5 g: 337.5 too.
    let published = Category3Terms {
        upstream: Some(GramsCo2ePerKilowattHour::new(45.9)),
        losses: Some(Losses::PerKilowattHourUsed(GramsCo2ePerKilowattHour::new(22.5))),
    };
    let published = [ZoneCategory3::of(published, LocationBased::Hourly, &zones[0])];
    assert_eq!(seen(&sites, &published), (54_000, Some(4_500), Some(689), Some(338)));
    // Neither losses nor, without terms, upstream is known; and what is not in Scope 2 has neither.
    let without_losses = [ZoneCategory3::of(Category3Terms::default(), LocationBased::Hourly, &zones[0])];
    assert_eq!(seen(&sites, &without_losses), (54_000, Some(4_500), Some(1_200), None));
    assert_eq!(seen(&sites, &[]), (54_000, Some(4_500), None, None));
    sites[0].is_scope2 = false;
    assert_eq!(seen(&sites, &category3), (54_000, Some(4_500), Some(0), Some(0)));
}

#[test]
fn a_row_is_cut_where_only_upstream_changes() {
    // Direct is 100 throughout; upstream is 50 for five minutes, then 20.
    let mut lifecycle = vec![Some(120.0); 288];
    lifecycle[0] = Some(150.0);
    let zones = [zone_with_lifecycle(&[100.0; 288], &lifecycle, 300)];
    let sites = [site(0, 1.0)];
    let category3 = [ZoneCategory3::of(Category3Terms::default(), LocationBased::Hourly, &zones[0])];
    let terms = DayTerms { category3: &category3, ..terms(&sites, &zones, 1, 1) };
    let (fold, rows) = by_columns(&terms, &one_pod());

    // 12,000 mJ x 50 / 3600 = 166.67 -> 167; 24,000 mJ x 20 / 3600 = 133.33 -> 133.
    assert_eq!(rows[0].upstream_ugco2e, Some(300));
    assert_eq!(by_sql(&terms, &one_pod()), (fold, rows));
    let segments = terms.segments();
    assert_eq!((segments[0].len(), segments[1].len()), (2, 1));
}

#[test]
fn losses_that_are_a_share_of_what_is_unknown_are_unknown() {
    let zones = [zone(&[300.0; 24], 3_600)];
    let terms_3 = Category3Terms { upstream: None, losses: share_of_input(0.05) };
    let category3 = ZoneCategory3::of(terms_3, LocationBased::Hourly, &zones[0]);

    assert_eq!((category3.upstream, category3.losses), (Upstream::Unknown, None));
    let codes: Vec<String> = category3.findings(terms_3.losses, &zones[0]).into_iter().map(|finding| finding.code).collect();
    assert_eq!(codes, ["UPSTREAM_UNKNOWN", "LOSSES_UNKNOWN"]);
}

#[test]
fn what_stands_for_upstream_and_losses_is_said_of_a_zone() {
    let found = |zone: &crate::accounting::intensity::ZoneIntensity, upstream: Option<f64>, losses, declared| {
        let terms = Category3Terms { upstream: upstream.map(GramsCo2ePerKilowattHour::new), losses };
        let category3 = ZoneCategory3::of(terms, declared, zone);
        let known = (category3.has_upstream(), category3.losses.is_some());
        let findings = category3.findings(losses, zone);
        let of = |finding: &crate::model::Finding| (finding.code.clone(), finding.examined, finding.failing);
        (known, findings.iter().map(of).collect::<Vec<_>>(), findings.iter().map(|finding| finding.message.clone()).collect::<String>())
    };
    let code = |code: &str, examined, failing| (code.to_owned(), examined, failing);
    let (share, per_kwh) = (share_of_input(0.05), Some(Losses::PerKilowattHourUsed(GramsCo2ePerKilowattHour::new(22.5))));

    // Of four hours one is below the direct value, and the hole between 0 and 100 is bridged: (80 + 0 + 50 + 100) / 4.
    let series = zone_with_lifecycle(&[300.0; 4], &[Some(380.0), Some(290.0), None, Some(400.0)], 3_600);
    let (known, findings, said) = found(&series, None, share, LocationBased::Hourly);
    assert_eq!(known, (true, true));
    assert_eq!(findings, [code("UPSTREAM_BOUND", 1, 1), code("UPSTREAM_NEGATIVE", 4, 1), code("UPSTREAM_GAP", 4, 1)]);
    assert!(
        said.contains("of the series, 57.5 g/kWh on average")
            && said.contains("in 1 of 4 hours")
            && said.contains("upstream of 1 of 4 hours"),
        "{said}"
    );
    let whole = zone_with_lifecycle(&[300.0; 2], &[Some(380.0); 2], 3_600);
    assert_eq!(found(&whole, None, per_kwh, LocationBased::Hourly).1, [code("UPSTREAM_BOUND", 1, 1)]);
    // A published one goes before the series, whatever that lacks.
    assert_eq!(found(&series, Some(45.9), share, LocationBased::Hourly), ((true, true), Vec::new(), String::new()));

    let direct_only = zone(&[300.0; 4], 3_600);
    let (known, findings, said) = found(&direct_only, None, share, LocationBased::Hourly);
    assert_eq!(known, (false, false));
    assert_eq!(findings, [code("UPSTREAM_UNKNOWN", 1, 1), code("LOSSES_UNKNOWN", 1, 1)]);
    assert!(said.contains("a share of generation and upstream, and upstream is not known"), "{said}");
    // Per kilowatt-hour used they need nothing else.
    assert_eq!(found(&direct_only, None, per_kwh, LocationBased::Hourly).0, (false, true));
    let (_, findings, said) = found(&whole, None, None, LocationBased::Hourly);
    assert_eq!(findings, [code("UPSTREAM_BOUND", 1, 1), code("LOSSES_UNKNOWN", 1, 1)]);
    assert!(said.contains("none are configured and no factor table has them"), "{said}");
    let mut without_annual = whole;
    without_annual.annual_direct_gco2e_per_kwh = None;
    let (known, _, said) = found(&without_annual, None, share, LocationBased::Annual);
    assert_eq!(known, (true, false));
    assert!(said.contains("the zone has no annual factor"), "{said}");
    assert_eq!(found(&without_annual, None, share, LocationBased::Hourly).0, (true, true), "hour by hour it needs none");
}
