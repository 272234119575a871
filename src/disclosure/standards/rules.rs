//! What holds for the facts of a profile, whether or not a taxonomy is at hand to check it.
//!
//! In: a profile and facts. Out: a sentence for each rule that is broken. Rule: only concepts of the profile; only axes that a concept may carry, only members of the
//! axis, and never its default; the unit of the concept's type; the decimals of the datapoint; no two values for one place. Public validators do not see
//! a member on the wrong concept in ESRS Set 1, because its taxonomy lets every concept carry every axis in roles of its own; this does.
//! Assumes: all concepts are numeric durations. Does not: compare values with each other; totals are sums by construction.

use std::collections::BTreeMap;

use super::{ItemType, Profile};
use crate::disclosure::facts::{Fact, FactUnit};

pub fn broken(profile: &Profile, facts: &[Fact]) -> Vec<String> {
    let mut broken = Vec::new();
    let mut places: BTreeMap<_, &Fact> = BTreeMap::new();
    let mut ids: BTreeMap<&str, usize> = BTreeMap::new();
    for fact in facts {
        broken.extend(of_fact(profile, fact).into_iter().map(|what| format!("{}: {what}", fact.id)));
        *ids.entry(&fact.id).or_default() += 1;
        let other = places.insert((&fact.concept, fact.span, &fact.dimensions, &fact.unit), fact);
        if let Some(other) = other.filter(|other| other.value != fact.value) {
            broken.push(format!("{} and {} give one fact two values", other.id, fact.id));
        }
    }
    broken.extend(ids.into_iter().filter(|(_, count)| *count > 1).map(|(id, count)| format!("{id} is the id of {count} facts")));
    broken
}

fn of_fact(profile: &Profile, fact: &Fact) -> Vec<String> {
    let Some(concept) = profile.concepts.get(&fact.concept) else {
        return vec![format!("the profile has no concept {}", fact.concept)];
    };
    let mut broken = Vec::new();
    for (axis, member) in &fact.dimensions {
        if !concept.axes.contains(axis) {
            broken.push(format!("{} may not carry {axis}", fact.concept));
        } else if !profile.axes.get(axis).is_some_and(|axis| axis.members.contains(member)) {
            broken.push(format!("{axis} has no member {member} that is written down"));
        }
    }
    let is_its_unit = matches!(
        (concept.item_type, &fact.unit),
        (ItemType::Energy, FactUnit::MegawattHours)
            | (ItemType::Ghg, FactUnit::TonnesCo2e)
            | (ItemType::Percent, FactUnit::Pure)
            | (ItemType::GhgPerMonetary, FactUnit::TonnesCo2ePer(_))
            | (ItemType::Monetary, FactUnit::Money(_))
    );
    if !is_its_unit {
        broken.push(format!("{:?} is not the unit of a concept of type {:?}", fact.unit, concept.item_type));
    }
    let places = concept.item_type.places();
    if fact.value != fact.shown.in_larger_unit(places) {
        broken.push("the tagged value is not the one shown".to_owned());
    }
    let rule = profile.datapoints.iter().find(|rule| rule.id == fact.datapoint);
    if rule.is_none_or(|rule| rule.decimals + places != fact.value.decimals()) {
        broken.push(format!("{} decimals are not those of the datapoint {}", fact.value.decimals(), fact.datapoint));
    }
    if concept.item_type == ItemType::Percent && !(0..=10_i128.pow(fact.value.decimals())).contains(&fact.value.scaled()) {
        broken.push(format!("{} is not a fraction", fact.value.plain()));
    }
    if !is_name(&fact.id) {
        broken.push("the id is not an XML name".to_owned());
    }
    broken
}

/// Of the names that XML lets an id have, the plain ones.
fn is_name(id: &str) -> bool {
    let is_letter = |byte: &u8| byte.is_ascii_alphabetic();
    id.as_bytes().first().is_some_and(is_letter) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
}
