//! Datapoints by hand, and what must never be in one.

use super::*;
use crate::disclosure::facts::{Role, facts};
use crate::disclosure::standards::Source;
use crate::disclosure::statement::Scope2;
use crate::disclosure::story::{full_year, grams, mwh};
use crate::reports::fixture;
use crate::units::{MicrogramsCo2e, Millijoules};

fn find<'a>(statement: &'a Statement, id: &str) -> &'a Datapoint {
    statement.disclosure.datapoints.iter().find(|datapoint| datapoint.id == id).unwrap_or_else(|| panic!("no datapoint {id}"))
}

fn value(statement: &Statement, id: &str) -> Option<String> {
    find(statement, id).value.clone()
}

#[test]
fn every_figure_that_a_profile_names_is_found() {
    let statement = fixture::statement();
    for profile in Profile::all() {
        for rule in &profile.datapoints {
            let names: Vec<&String> = match &rule.source {
                Source::Sum(names) | Source::PerRevenue(names) => names.iter().collect(),
                Source::Share { part, whole } => part.iter().chain(whole).collect(),
                Source::Ratio(name) => {
                    assert!(figures::share(&statement, name).is_some(), "{name}");
                    continue;
                }
                Source::NetRevenue | Source::NotFromCompute(_) => continue,
            };
            let quantities: Vec<Quantity> = names.iter().map(|name| figures::figure(&statement, name).unwrap().quantity).collect();
            assert!(!names.is_empty() && quantities.windows(2).all(|pair| pair[0] == pair[1]), "{} adds energy to emissions", rule.id);
        }
    }
}

/// ESRS E1 AR 48 (2023 edition), by hand from the story's figures.
#[test]
fn set_1_states_emissions_by_its_table() {
    let year = full_year("esrs-set1");
    // 250.0005 t is half of the last digit: up.
    assert_eq!(value(&year, "E1-6_scope2-location-based").as_deref(), Some("250.001"));
    assert_eq!(value(&year, "E1-6_scope2-market-based").as_deref(), Some("120.000"));
    // 30 + 18.48 + 41.5 + 0.
    assert_eq!(value(&year, "E1-6_scope3").as_deref(), Some("89.980"));
    // 250.0005 + 89.98 = 339.9805, rounded once.
    assert_eq!(value(&year, "E1-6_total-location-based").as_deref(), Some("339.981"));
    assert_eq!(value(&year, "E1-6_total-market-based").as_deref(), Some("209.980"));
    assert_eq!(value(&year, "E1-6_scope3-category-1"), value(&year, "E1-6_scope3-category-1.1"));
    // 339.9805 t over 450 million.
    assert_eq!(value(&year, "E1-6_intensity-location-based").as_deref(), Some("0.755512"));
    assert_eq!(find(&year, "E1-6_intensity-location-based").unit, "tCO2e/EUR million");
    assert_eq!(value(&year, "E1-6_net-revenue").as_deref(), Some("450000000.00"));
}

/// AR 45(d): 400 of 1,000 MWh, 100 by a contract, 300 by certificates; 5.88 of 120 t.
#[test]
fn set_1_states_the_shares_of_instruments() {
    let year = full_year("esrs-set1");
    assert_eq!(value(&year, "E1-6_instruments").as_deref(), Some("40.0"));
    assert_eq!(value(&year, "E1-6_instruments-bundled").as_deref(), Some("10.0"));
    assert_eq!(value(&year, "E1-6_instruments-unbundled").as_deref(), Some("30.0"));
    assert_eq!(value(&year, "E1-6_market-based-bundled").as_deref(), Some("4.9"));
    assert_eq!(value(&year, "E1-6_scope3-primary-data").as_deref(), Some("25.0"));
}

/// AR 32(j): the mix is that of contracts, whatever the grid's was.
#[test]
fn the_energy_mix_is_that_of_contracts() {
    for (profile, total, fossil, renewable) in [
        ("esrs-set1", "E1-5_total", "E1-5_fossil", "E1-5_purchased-renewable"),
        ("esrs-revised-draft", "E1-7_total", "E1-7_fossil", "E1-7_renewable"),
        ("vsme", "B3_total", "B3_electricity-non-renewable", "B3_electricity-renewable"),
    ] {
        let year = full_year(profile);
        assert_eq!(value(&year, total).as_deref(), Some("1000.000"), "{profile}");
        assert_eq!(value(&year, fossil).as_deref(), Some("600.000"), "{profile}");
        assert_eq!(value(&year, renewable).as_deref(), Some("400.000"), "{profile}");
    }
    let year = full_year("esrs-set1");
    assert_eq!(value(&year, "E1-5_fossil-share").as_deref(), Some("60.0"));
    assert_eq!(value(&year, "E1-5_nuclear-share").as_deref(), Some("0.0"));
    assert_eq!(value(&year, "E1-5_renewable-share").as_deref(), Some("40.0"));
}

#[test]
fn the_declared_location_based_method_is_the_one_that_is_stated() {
    let mut year = full_year("vsme");
    year.policy.location_based = crate::model::policy::LocationBased::Annual;
    disclose(&mut year);
    let scope2 = find(&year, "B3_scope2-location-based");
    assert_eq!(scope2.value.as_deref(), Some("260.000"));
    assert!(scope2.note.contains("totals.scope2_location_based_annual_ugco2e"), "{}", scope2.note);

    year.totals.figures.scope2_location_based_annual_ugco2e = None;
    disclose(&mut year);
    assert_eq!(find(&year, "B3_scope2-location-based").status, DatapointStatus::Unknown);
}

#[test]
fn one_unknown_figure_makes_a_total_unknown_and_is_named() {
    let mut year = full_year("esrs-set1");
    year.totals.figures.scope3_category_2_ugco2e = None;
    disclose(&mut year);

    for id in ["E1-6_scope3-category-2", "E1-6_scope3", "E1-6_total-location-based", "E1-6_intensity-market-based"] {
        let datapoint = find(&year, id);
        assert_eq!((datapoint.status, &datapoint.value), (DatapointStatus::Unknown, &None), "{id}");
        assert!(datapoint.note.contains("because totals.scope3_category_2_ugco2e is not known"), "{}", datapoint.note);
    }
    assert_eq!(find(&year, "E1-6_scope3-category-3").status, DatapointStatus::Stated);
    assert_eq!(find(&year, "E1-6_scope3-category-6").status, DatapointStatus::NotFromCompute);
}

#[test]
fn a_mix_that_nobody_computed_is_unknown_and_not_zero() {
    let mut statement = fixture::statement();
    statement.scope2 = Scope2::default();
    disclose(&mut statement);
    for id in ["E1-5_total", "E1-5_renewable", "E1-5_renewable-share", "E1-6_instruments"] {
        assert_eq!(find(&statement, id).status, DatapointStatus::Unknown, "{id}");
    }
}

#[test]
fn a_years_report_sets_other_years_beside_and_a_months_report_does_not() {
    let mut year = full_year("esrs-set1");
    let scope2 = find(&year, "E1-6_scope2-location-based");
    assert_eq!((scope2.comparative.as_deref(), scope2.base_year.as_deref()), (Some("200.000"), Some("300.000")));
    // (250.0005 − 200) / 200.
    assert_eq!(scope2.change_percent.as_deref(), Some("25.0"));
    // 200 + 10 + 0 + 40 + 0.
    assert_eq!(find(&year, "E1-6_total-location-based").comparative.as_deref(), Some("250.000"));
    assert_eq!((year.disclosure.comparative_year, year.disclosure.base_year), (Some(2025), Some(2024)));

    year.period.year = None;
    year.period.month = Some("2026-10".to_owned());
    disclose(&mut year);
    assert!(year.disclosure.datapoints.iter().all(|datapoint| datapoint.comparative.is_none() && datapoint.base_year.is_none()));
    let intensity = find(&year, "E1-6_intensity-location-based");
    assert!(intensity.value.is_none() && intensity.note.contains("the year's report states it"), "{}", intensity.note);
}

#[test]
fn facts_of_other_years_are_told_apart_by_period_and_in_set_1_the_base_year_by_its_member() {
    let year = full_year("esrs-set1");
    let facts = facts(&year).unwrap().facts;
    let of = |role| facts.iter().find(|fact| fact.datapoint == "E1-6_scope2-location-based" && fact.role == role).unwrap();
    let (now, before, base) = (of(Role::Period), of(Role::Comparative), of(Role::BaseYear));
    let span = |fact: &crate::disclosure::facts::Fact| format!("{}/{}", fact.span.from, fact.span.to);

    assert_eq!((span(now), now.dimensions.len()), ("2026-01-01/2027-01-01".to_owned(), 0));
    assert_eq!((span(before), before.dimensions.len()), ("2025-01-01/2026-01-01".to_owned(), 0));
    assert_eq!(span(base), "2024-01-01/2025-01-01");
    assert_eq!(base.dimensions["CurrentlyStatedBaselineMilestonesOrTargetYearsAxis"], "BaselineYearMember");
    assert_eq!((base.id.as_str(), before.id.as_str()), ("E1-6_scope2-location-based.base-year", "E1-6_scope2-location-based.comparative"));
    let revised = facts_of("esrs-revised-draft");
    assert!(revised.iter().all(|fact| fact.role != Role::BaseYear), "a base year belongs to targets there");
}

fn facts_of(profile: &str) -> Vec<crate::disclosure::facts::Fact> {
    facts(&full_year(profile)).unwrap().facts
}

#[test]
fn a_fact_is_in_the_taxonomys_unit_and_shows_what_the_datapoint_says() {
    let facts = facts_of("esrs-set1");
    let of = |id: &str| facts.iter().find(|fact| fact.id == id).unwrap();
    assert_eq!(of("E1-5_fossil-share").value.plain(), "0.600");
    assert_eq!(of("E1-5_fossil-share").shown.plain(), "60.0");
    // 0.755512 t for each million are 0.000000755512 t for each euro.
    assert_eq!(of("E1-6_intensity-location-based").value.plain(), "0.000000755512");
    assert_eq!(of("E1-6_intensity-location-based").unit.measures(), ("utr:tCO2e".to_owned(), Some("iso4217:EUR".to_owned())));
    assert!(facts.iter().all(|fact| !fact.datapoint.contains("scope1") && !fact.datapoint.contains("category-4")));
}

/// What shifting saved, and what amortised hardware comes to, move no datapoint of any profile by a digit.
#[test]
fn avoided_emissions_and_amortised_hardware_are_in_no_datapoint() {
    for profile in Profile::all() {
        let before = full_year(&profile.profile);
        let mut after = before.clone();
        let thousand = grams(1_000_000);
        after.counterfactual.total.avoided_ugco2e = thousand;
        after.counterfactual.total.counterfactual_ugco2e = thousand;
        after.counterfactual.total.actual_ugco2e = thousand;
        after.counterfactual.by_cause.carbon.avoided_ugco2e = thousand;
        after.job_runs.clear();
        after.totals.figures.embodied_amortised_ugco2e = Some(thousand);
        after.totals.figures.operational_hourly_ugco2e = MicrogramsCo2e::ZERO;
        after.totals.figures.facility_mj = Millijoules::ZERO;
        after.scope2.hourly_matched_ugco2e = Some(thousand);
        after.hours.clear();
        disclose(&mut after);
        assert_eq!(after.disclosure.datapoints, before.disclosure.datapoints, "{}", profile.profile);
    }
}

#[test]
fn parts_of_the_mix_add_up_to_its_total() {
    let mut year = full_year("esrs-set1");
    year.scope2.energy_mix.fossil_mj = mwh(599);
    year.scope2.energy_mix.nuclear_mj = mwh(1);
    disclose(&mut year);
    let scaled = |id: &str| Rounded::parse(&value(&year, id).unwrap()).unwrap().scaled();
    assert_eq!(scaled("E1-5_fossil") + scaled("E1-5_nuclear") + scaled("E1-5_renewable"), scaled("E1-5_total"));
}
