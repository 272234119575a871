//! A year with everything a disclosure can ask for, in round figures, for tests.
//!
//! 1,000 MWh in Scope 2, of which guarantees of origin cover 300 and a power purchase agreement 100; 250.0005 t location-based, 120 t market-based;
//! Scope 3 of 30 + 18.48 + 41.5 + 0 t; EUR 450 m of net revenue; the year before and a base year beside it.

use chrono::{TimeZone, Utc};

use super::datapoints::disclose;
use super::statement::*;
use crate::model::{EnergySource, InstrumentKind, Matching};
use crate::units::{MicrogramsCo2e, Millijoules, Share};

pub fn mwh(amount: i64) -> Millijoules {
    Millijoules::new(amount * 3_600_000_000_000)
}

pub fn grams(amount: i64) -> MicrogramsCo2e {
    MicrogramsCo2e::new(amount * 1_000_000)
}

/// A month is all that the fixture has; this is the whole year.
pub fn full_year(profile: &str) -> Statement {
    let mut statement = crate::reports::fixture::statement();
    profile.clone_into(&mut statement.policy.disclosure);
    statement.lei = Some("0000EXAMPLE000000086".to_owned());
    statement.period = Period {
        month: None,
        year: Some("2026".to_owned()),
        from: Utc.with_ymd_and_hms(2025, 12, 31, 23, 0, 0).unwrap(),
        to: Utc.with_ymd_and_hms(2026, 12, 31, 23, 0, 0).unwrap(),
        time_zone: "Europe/Amsterdam".to_owned(),
        hours: 8_760,
    };
    let totals = &mut statement.totals.figures;
    totals.scope2_location_based_ugco2e = grams(250_000_500);
    totals.scope2_location_based_annual_ugco2e = Some(grams(260_000_000));
    totals.scope2_market_based_ugco2e = Some(grams(120_000_000));
    totals.scope3_category_1_ugco2e = Some(grams(30_000_000));
    totals.scope3_category_2_ugco2e = Some(grams(18_480_000));
    totals.scope3_category_3_ugco2e = Some(grams(41_500_000));
    totals.scope3_category_8_ugco2e = Some(grams(0));
    totals.embodied_amortised_ugco2e = Some(grams(7_777_000));
    statement.scope2 = scope2();
    statement.scope3.primary_data_share = Some(Share::try_from(0.25).unwrap());
    statement.year = YearStatement {
        comparisons: vec![
            comparison("scope2_location_based_ugco2e", Some(300_000_000), 200_000_000),
            comparison("scope2_market_based_ugco2e", None, 150_000_000),
            comparison("scope3_category_1_ugco2e", None, 10_000_000),
            comparison("scope3_category_2_ugco2e", None, 0),
            comparison("scope3_category_3_ugco2e", None, 40_000_000),
            comparison("scope3_category_8_ugco2e", None, 0),
        ],
        net_revenue: Some(NetRevenue { currency: "EUR".to_owned(), amount: 450e6 }),
        ..YearStatement::default()
    };
    disclose(&mut statement);
    statement
}

fn scope2() -> Scope2 {
    let instrument = |number, kind, applied, emitted| InstrumentStatement {
        number,
        entity: None,
        kind,
        grid_zone: "NL".to_owned(),
        period: "2026".to_owned(),
        matching: Matching::Year,
        energy_source: Some(EnergySource::Wind),
        factor_gco2e_per_kwh: 0.0,
        evidence: format!("evidence {number}"),
        volume_mj: mwh(applied),
        available_mj: mwh(applied),
        applied_mj: mwh(applied),
        applied_ugco2e: grams(emitted),
        criteria_not_met: Vec::new(),
        criteria_unanswered: Vec::new(),
        not_used_reason: None,
    };
    Scope2 {
        instruments: vec![instrument(1, InstrumentKind::GuaranteeOfOrigin, 300, 0), instrument(2, InstrumentKind::Ppa, 100, 5_880_000)],
        zones: vec![MarketZone {
            grid_zone: "NL".to_owned(),
            facility_mj: mwh(1_000),
            covered_mj: mwh(400),
            rest_mj: mwh(600),
            covered_ugco2e: grams(5_880_000),
            rest_ugco2e: Some(grams(114_120_000)),
            rest_rule: RestRule::ResidualMix,
            residual_mix: None,
        }],
        energy_mix: EnergyMix {
            total_mj: mwh(1_000),
            fossil_mj: mwh(600),
            nuclear_mj: mwh(0),
            renewable_mj: mwh(400),
            outside_own_operations_mj: mwh(50),
            rule: "By contract.".to_owned(),
        },
        ..Scope2::default()
    }
}

/// In grams.
fn comparison(figure: &str, base: Option<i64>, comparative: i64) -> Comparison {
    Comparison {
        figure: figure.to_owned(),
        value: None,
        base_year: Some(2024),
        base_year_value: base.map(|base| grams(base).get()),
        comparative_year: Some(2025),
        comparative_value: Some(grams(comparative).get()),
        change: None,
        change_since_base_year: None,
        source: "Published reports.".to_owned(),
    }
}
