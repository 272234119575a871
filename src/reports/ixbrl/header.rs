//! The part of an inline XBRL document that people do not see: schema, contexts, units. It holds no fact.
//!
//! In: the tagged facts, the entity. Out: `ix:header`. Rule: dimensions stand in `scenario`, never in `segment`; a context's last day is written as the
//! day itself (XBRL 2.1 §4.7.2), so October ends on the 31st. Assumes: facts keep the profile's rules. Does not: write a context or a unit that no fact uses.

use std::collections::BTreeMap;
use std::io;

use super::xml::Xml;
use crate::disclosure::facts::{Entity, Fact, FactUnit, Span, Tagged};

pub fn write(xml: &mut Xml, tagged: &Tagged, entity: &Entity) -> io::Result<()> {
    let prefix = &tagged.profile.taxonomy.prefix;
    xml.element("ix:header", &[], |xml| {
        xml.element("ix:references", &[], |xml| {
            xml.empty("link:schemaRef", &[("xlink:type", "simple"), ("xlink:href", &tagged.profile.taxonomy.entry_point)])
        })?;
        xml.element("ix:resources", &[], |xml| {
            for (id, fact) in by(&tagged.facts, context_id) {
                context(xml, &id, fact, prefix, entity)?;
            }
            for (id, fact) in by(&tagged.facts, |fact| unit_id(&fact.unit)) {
                unit(xml, &id, &fact.unit)?;
            }
            Ok(())
        })
    })
}

/// The first fact of each id, sorted by id.
fn by(facts: &[Fact], id: impl Fn(&Fact) -> String) -> BTreeMap<String, &Fact> {
    facts.iter().rev().map(|fact| (id(fact), fact)).collect()
}

/// `from-2026-10-01-to-2026-10-31`, and the members.
pub fn context_id(fact: &Fact) -> String {
    let members = fact.dimensions.values().map(|member| format!(".{member}")).collect::<String>();
    format!("from-{}-to-{}{members}", fact.span.from, last_day(fact.span))
}

pub fn unit_id(unit: &FactUnit) -> String {
    match unit {
        FactUnit::MegawattHours => "MWh".to_owned(),
        FactUnit::TonnesCo2e => "tCO2e".to_owned(),
        FactUnit::Pure => "pure".to_owned(),
        FactUnit::Money(currency) => currency.clone(),
        FactUnit::TonnesCo2ePer(currency) => format!("tCO2e-per-{currency}"),
    }
}

pub fn last_day(span: Span) -> String {
    span.to.pred_opt().unwrap_or(span.to).to_string()
}

fn context(xml: &mut Xml, id: &str, fact: &Fact, prefix: &str, entity: &Entity) -> io::Result<()> {
    xml.element("xbrli:context", &[("id", id)], |xml| {
        xml.element("xbrli:entity", &[], |xml| xml.leaf("xbrli:identifier", &[("scheme", entity.scheme)], &entity.identifier))?;
        xml.element("xbrli:period", &[], |xml| {
            xml.leaf("xbrli:startDate", &[], &fact.span.from.to_string())?;
            xml.leaf("xbrli:endDate", &[], &last_day(fact.span))
        })?;
        if fact.dimensions.is_empty() {
            return Ok(());
        }
        xml.element("xbrli:scenario", &[], |xml| {
            for (axis, member) in &fact.dimensions {
                xml.leaf("xbrldi:explicitMember", &[("dimension", &format!("{prefix}:{axis}"))], &format!("{prefix}:{member}"))?;
            }
            Ok(())
        })
    })
}

fn unit(xml: &mut Xml, id: &str, unit: &FactUnit) -> io::Result<()> {
    xml.element("xbrli:unit", &[("id", id)], |xml| match unit.measures() {
        (measure, None) => xml.leaf("xbrli:measure", &[], &measure),
        (above, Some(below)) => xml.element("xbrli:divide", &[], |xml| {
            xml.element("xbrli:unitNumerator", &[], |xml| xml.leaf("xbrli:measure", &[], &above))?;
            xml.element("xbrli:unitDenominator", &[], |xml| xml.leaf("xbrli:measure", &[], &below))
        }),
    })
}
