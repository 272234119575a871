//! The profiles are whole, and the rules catch what validators do not see.

use std::collections::BTreeSet;

use super::*;
use crate::disclosure::datapoints::disclose;
use crate::disclosure::facts::{Fact, FactUnit, facts};
use crate::reports::fixture;
use crate::units::Rounded;

#[test]
fn every_profile_of_the_configuration_reads_and_is_named_after_its_file() {
    let names: Vec<&str> = Profile::all().iter().map(|profile| profile.profile.as_str()).collect();
    assert_eq!(names, ["esrs-set1", "esrs-revised-draft", "vsme"]);
    for (profile, edition) in Profile::all().iter().zip(["2023-12-22", "2026-08-30", "2026-05-01"]) {
        assert_eq!(profile.edition, edition);
        assert!(profile.taxonomy.entry_point.contains(edition) && profile.taxonomy.namespace.contains(edition));
    }
}

#[test]
fn a_profile_uses_only_what_it_lists_and_lists_only_what_it_uses() {
    for profile in Profile::all() {
        let mut ids = BTreeSet::new();
        let mut used = BTreeSet::new();
        for rule in &profile.datapoints {
            assert!(ids.insert(&rule.id), "{} is there twice", rule.id);
            let requirement = rule.requirement();
            assert!(profile.requirements.contains_key(requirement), "{requirement} has no title");
            assert!(rule.id.starts_with(&format!("{requirement}_")), "{} does not begin with {requirement}", rule.id);
            let Some(name) = &rule.concept else {
                assert!(matches!(rule.source, Source::NotFromCompute(_)), "{}: a figure without concept", rule.id);
                continue;
            };
            let concept = &profile.concepts[name];
            used.insert(name);
            assert_eq!(rule.unit, concept.item_type.unit(), "{}", rule.id);
            for (axis, member) in &rule.dimensions {
                assert!(concept.axes.contains(axis) && profile.axes[axis].members.contains(member), "{}: {axis}, {member}", rule.id);
            }
        }
        assert_eq!(used, profile.concepts.keys().collect(), "{}", profile.profile);
        for axis in profile.concepts.values().flat_map(|concept| &concept.axes) {
            assert!(profile.axes.contains_key(axis), "{axis}");
        }
        for axis in profile.axes.values() {
            assert!(axis.default.as_ref().is_none_or(|default| !axis.members.contains(default)), "a default is never written down");
        }
    }
}

#[test]
fn what_is_unsettled_is_said_in_whole_sentences() {
    for profile in Profile::all() {
        assert!(profile.unsettled.len() >= 5, "{}", profile.profile);
        let notes = profile.datapoints.iter().map(|rule| rule.note.as_str());
        let adds = profile.datapoints.iter().filter_map(|rule| match &rule.source {
            Source::NotFromCompute(add) => Some(add.as_str()),
            _ => None,
        });
        for sentence in profile.unsettled.iter().map(String::as_str).chain(notes).chain(adds).filter(|text| !text.is_empty()) {
            assert!(sentence.ends_with('.') && sentence.starts_with(|first: char| first.is_uppercase()), "{sentence}");
        }
    }
}

/// Avoided emissions, counterfactuals and amortised hardware have no place in an inventory.
#[test]
fn no_profile_names_a_counterfactual_or_amortised_hardware() {
    for text in FILES {
        for word in ["counterfactual", "avoided", "Avoided", "embodied_amortised", "captured", "operational_hourly"] {
            assert!(!text.contains(word), "{word}");
        }
    }
}

fn set1() -> (&'static Profile, Vec<Fact>) {
    let mut statement = fixture::statement();
    disclose(&mut statement);
    let tagged = facts(&statement).unwrap();
    (tagged.profile, tagged.facts)
}

#[test]
fn facts_that_break_a_rule_are_told_one_by_one() {
    type Break = (&'static str, fn(&mut Fact));
    let category = |fact: &mut Fact| {
        fact.dimensions.insert("Scope3GHGEmissionsCategoryGHGProtocolAxis".to_owned(), "Category2CapitalGoodsMember".to_owned());
    };
    let breaks: [Break; 8] = [
        ("may not carry Scope3GHGEmissionsCategoryGHGProtocolAxis", category),
        ("has no member Category99Member", |fact| {
            fact.concept = "GrossScope3GreenhouseGasEmissions".to_owned();
            fact.dimensions.insert("Scope3GHGEmissionsCategoryGHGProtocolAxis".to_owned(), "Category99Member".to_owned());
        }),
        ("has no member Scope3GHGEmissionsCategoryGHGProtocolMember", |fact| {
            fact.concept = "GrossScope3GreenhouseGasEmissions".to_owned();
            let default = "Scope3GHGEmissionsCategoryGHGProtocolMember".to_owned();
            fact.dimensions.insert("Scope3GHGEmissionsCategoryGHGProtocolAxis".to_owned(), default);
        }),
        ("the profile has no concept GrossScope2GHGEmissions", |fact| fact.concept = "GrossScope2GHGEmissions".to_owned()),
        ("is not the unit of a concept of type Ghg", |fact| fact.unit = FactUnit::MegawattHours),
        ("decimals are not those of the datapoint", |fact| {
            fact.shown = Rounded::parse("1").unwrap();
            fact.value = fact.shown;
        }),
        ("the tagged value is not the one shown", |fact| fact.value = Rounded::parse("1.000").unwrap()),
        ("the id is not an XML name", |fact| fact.id = "1 2".to_owned()),
    ];
    let (profile, facts) = set1();
    let scope2 = facts.iter().find(|fact| fact.id == "E1-6_scope2-location-based").unwrap();
    for (what, break_it) in breaks {
        let mut fact = scope2.clone();
        break_it(&mut fact);
        let broken = rules::broken(profile, &[fact]);
        assert_eq!(broken.len(), 1, "{what}: {broken:?}");
        assert!(broken[0].contains(what), "{what}: {broken:?}");
    }
}

#[test]
fn one_place_with_two_values_and_one_id_with_two_facts_are_told() {
    let (profile, facts) = set1();
    let first = facts.iter().find(|fact| fact.id == "E1-6_scope2-location-based").unwrap();
    let mut second = first.clone();
    second.id.push_str(".other");
    second.shown = Rounded::parse("0.001").unwrap();
    second.value = second.shown;

    assert_eq!(rules::broken(profile, &[first.clone(), second]), [format!("{0} and {0}.other give one fact two values", first.id)]);
    assert_eq!(rules::broken(profile, &[first.clone(), first.clone()]), [format!("{} is the id of 2 facts", first.id)]);
}
