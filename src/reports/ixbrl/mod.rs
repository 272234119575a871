//! The disclosure as `report.xhtml`: a page for people in which every number is a tagged fact (Inline XBRL 1.1).
//!
//! In: a statement. Out: XHTML, one file, nothing fetched from elsewhere. Rule: every fact stands where people read it, as it was rounded, with commas between thousands;
//! none is hidden. Per cent and tonnes for each million are scaled by the tag. What a standard or law leaves open stands at the end.
//! Assumes: `disclosure::facts` has kept the rules of the profile. Does not: bring a taxonomy, or tag text.

mod header;
#[cfg(test)]
mod tests;
mod xml;

use std::io;

use anyhow::{Context, Result};

use self::xml::Xml;
use super::facts::{ISO4217, UTR};
use super::view::month_name;
use super::words::status::{status, watermark};
use crate::disclosure::Statement;
use crate::disclosure::facts::{Entity, Fact, Role, Tagged, facts};
use crate::disclosure::standards::requirement;
use crate::disclosure::statement::{Datapoint, DatapointStatus};
use crate::model::policy::LocationBased;
use crate::units::Rounded;

const STYLE: &str = include_str!("style.css");
const NAMESPACES: [(&str, &str); 10] = [
    ("xmlns", "http://www.w3.org/1999/xhtml"),
    ("xmlns:ix", "http://www.xbrl.org/2013/inlineXBRL"),
    ("xmlns:ixt", "http://www.xbrl.org/inlineXBRL/transformation/2022-02-16"),
    ("xmlns:link", "http://www.xbrl.org/2003/linkbase"),
    ("xmlns:xlink", "http://www.w3.org/1999/xlink"),
    ("xmlns:xbrli", "http://www.xbrl.org/2003/instance"),
    ("xmlns:xbrldi", "http://xbrl.org/2006/xbrldi"),
    ("xmlns:utr", UTR),
    ("xmlns:iso4217", ISO4217),
    ("xml:lang", "en"),
];

pub fn ixbrl(statement: &Statement) -> Result<Vec<u8>> {
    let tagged = facts(statement)?;
    let page = Page { statement, tagged: &tagged, entity: Entity::of(statement) };
    let mut xml = Xml::new()?;
    page.write(&mut xml).context("write XHTML")?;
    Ok(xml.finish())
}

struct Page<'a> {
    statement: &'a Statement,
    tagged: &'a Tagged,
    entity: Entity,
}

impl Page<'_> {
    fn write(&self, xml: &mut Xml) -> io::Result<()> {
        let taxonomy = &self.tagged.profile.taxonomy;
        let own = format!("xmlns:{}", taxonomy.prefix);
        let mut attributes = NAMESPACES.to_vec();
        attributes.push((&own, &taxonomy.namespace));
        xml.element("html", &attributes, |xml| {
            xml.element("head", &[], |xml| {
                // XHTML that is served as XML has no `charset`; validators of Inline XBRL refuse it.
                xml.empty("meta", &[("http-equiv", "Content-Type"), ("content", "application/xhtml+xml; charset=UTF-8")])?;
                xml.leaf("title", &[], &self.title())?;
                xml.leaf("style", &[("type", "text/css")], STYLE)
            })?;
            xml.element("body", &[], |xml| {
                // Contexts and units are not for reading. There is no fact among them.
                xml.element("div", &[("style", "display:none")], |xml| header::write(xml, self.tagged, &self.entity))?;
                xml.element("div", &[("class", "main")], |xml| self.body(xml))
            })
        })
    }

    fn title(&self) -> String {
        format!("Energy and emissions of compute: {}, {}", self.statement.organisation, month_name(self.statement.period.name()))
    }

    fn body(&self, xml: &mut Xml) -> io::Result<()> {
        let disclosure = &self.statement.disclosure;
        xml.leaf("h1", &[], &self.title())?;
        xml.leaf("p", &[("class", "standard")], &format!("{}. Edition of {}.", disclosure.title, disclosure.edition))?;
        xml.leaf("p", &[("class", "boundary")], &disclosure.boundary)?;
        xml.leaf("p", &[("class", "hint")], &status(self.statement))?;
        if let Some(words) = watermark(self.statement) {
            xml.leaf("p", &[("class", "hint")], &format!("{words}."))?;
        }
        if !self.entity.is_lei {
            let hint = "This document has no legal entity identifier: the organisation is identified by its name in a scheme of this software's own, which no \
                        regulator accepts. Set `lei` under [organisation] in the configuration.";
            xml.leaf("p", &[("class", "hint")], hint)?;
        }
        for finding in self.statement.findings.iter().filter(|finding| finding.accepted_by.is_some()) {
            xml.leaf("p", &[("class", "hint")], &format!("Accepted by name, {}: {}", finding.code, finding.message))?;
        }
        self.particulars(xml)?;
        for (name, title) in &self.tagged.profile.requirements {
            xml.element("h2", &[], |xml| {
                xml.leaf("span", &[("class", "requirement")], name)?;
                xml.text(&format!(" {title}"))
            })?;
            self.table(xml, name)?;
        }
        list(xml, "To be read with Scope 2", &self.statement.scope2.disclosures)?;
        list(xml, "What is unsettled", &disclosure.unsettled)?;
        let footer = "Figures are rounded once, half up, from the exact integers of the ledger; rounded parts need not add up to a rounded total. The factors, tiers, findings and \
                      reconciliations behind them are in the report of the same period (report.html, report.xlsx, report.json).";
        xml.element("div", &[("class", "footer")], |xml| xml.leaf("p", &[], footer))
    }

    fn particulars(&self, xml: &mut Xml) -> io::Result<()> {
        let statement = self.statement;
        let method = match statement.policy.location_based {
            LocationBased::Hourly => "hourly factors",
            LocationBased::Annual => "annual factors",
        };
        let identifier = if self.entity.is_lei { format!("LEI {}", self.entity.identifier) } else { "none".to_owned() };
        let days = self.tagged.period;
        let period = format!("{} to {}, {}", days.from, header::last_day(days), statement.period.time_zone);
        let rows = [
            ("Organisation", statement.organisation.as_str()),
            ("Identifier", &identifier),
            ("Reporting period", &period),
            ("Location-based method", method),
            ("Taxonomy", &statement.disclosure.entry_point),
            ("Made with", &statement.provenance.software),
        ];
        let mix = &statement.scope2.energy_mix.rule;
        let mix = (!mix.is_empty()).then_some(("Energy mix", mix.as_str()));
        xml.element("dl", &[], |xml| {
            rows.into_iter().chain(mix).try_for_each(|(term, description)| {
                xml.leaf("dt", &[], term)?;
                xml.leaf("dd", &[], description)
            })
        })
    }

    /// Columns of years that nothing of the requirement stands in are left out.
    fn columns(&self, datapoints: &[&Datapoint]) -> Vec<(Role, String)> {
        let disclosure = &self.statement.disclosure;
        let mut columns = Vec::new();
        let is_of = |fact: &Fact, role| fact.role == role && datapoints.iter().any(|datapoint| datapoint.id == fact.datapoint);
        if let Some(year) = disclosure.base_year.filter(|_| self.tagged.facts.iter().any(|fact| is_of(fact, Role::BaseYear))) {
            columns.push((Role::BaseYear, format!("Base year {year}")));
        }
        if let Some(year) = disclosure.comparative_year.filter(|_| self.tagged.facts.iter().any(|fact| is_of(fact, Role::Comparative))) {
            columns.push((Role::Comparative, year.to_string()));
        }
        columns.push((Role::Period, month_name(self.statement.period.name())));
        columns
    }

    fn table(&self, xml: &mut Xml, name: &str) -> io::Result<()> {
        let all = self.statement.disclosure.datapoints.iter();
        let datapoints: Vec<&Datapoint> = all.filter(|datapoint| requirement(&datapoint.paragraph) == name).collect();
        let columns = self.columns(&datapoints);
        let has_change = columns.iter().any(|(role, _)| *role == Role::Comparative);
        xml.element("table", &[], |xml| {
            xml.element("thead", &[], |xml| {
                xml.element("tr", &[], |xml| {
                    xml.leaf("th", &[("scope", "col"), ("class", "paragraph")], "Paragraph")?;
                    xml.leaf("th", &[("scope", "col")], "Datapoint")?;
                    for (_, title) in &columns {
                        xml.leaf("th", &[("scope", "col"), ("class", "number")], title)?;
                    }
                    if has_change {
                        xml.leaf("th", &[("scope", "col"), ("class", "number")], "Change")?;
                    }
                    xml.leaf("th", &[("scope", "col"), ("class", "unit")], "Unit")
                })
            })?;
            xml.element("tbody", &[], |xml| datapoints.iter().try_for_each(|datapoint| self.row(xml, datapoint, &columns, has_change)))
        })
    }

    fn row(&self, xml: &mut Xml, datapoint: &Datapoint, columns: &[(Role, String)], has_change: bool) -> io::Result<()> {
        xml.element("tr", &[], |xml| {
            xml.leaf("td", &[("class", "paragraph")], within(&datapoint.paragraph))?;
            xml.element("td", &[], |xml| {
                xml.text(&datapoint.label)?;
                xml.leaf("span", &[("class", "note")], &datapoint.note)?;
                self.concept(xml, datapoint)
            })?;
            for (role, _) in columns {
                let class = if *role == Role::Period { "number value" } else { "number" };
                let fact = self.tagged.facts.iter().find(|fact| fact.datapoint == datapoint.id && fact.role == *role);
                xml.element("td", &[("class", class)], |xml| match (fact, role, datapoint.status) {
                    (Some(fact), ..) => self.fact(xml, fact),
                    (None, Role::Period, DatapointStatus::NotFromCompute) => xml.leaf("span", &[("class", "status")], "to be added"),
                    (None, Role::Period, _) => xml.leaf("span", &[("class", "status unknown")], "not known"),
                    (None, ..) => xml.text("–"),
                })?;
            }
            if has_change {
                let change = datapoint.change_percent.as_deref().and_then(Rounded::parse);
                let change = change.map_or_else(|| "–".to_owned(), |change| format!("{} %", change.signed()));
                xml.leaf("td", &[("class", "number")], &change)?;
            }
            xml.leaf("td", &[("class", "unit")], &datapoint.unit)
        })
    }

    /// The tag in words, so that a reader without software for it sees what was said.
    fn concept(&self, xml: &mut Xml, datapoint: &Datapoint) -> io::Result<()> {
        let Some(concept) = &datapoint.concept else { return Ok(()) };
        let members = datapoint.dimensions.iter().map(|(_, member)| format!(" [{member}]")).collect::<String>();
        xml.leaf("span", &[("class", "concept")], &format!("{}:{concept}{members}", self.tagged.profile.taxonomy.prefix))
    }

    fn fact(&self, xml: &mut Xml, fact: &Fact) -> io::Result<()> {
        let name = format!("{}:{}", self.tagged.profile.taxonomy.prefix, fact.concept);
        let decimals = fact.value.decimals().to_string();
        let places = fact.value.decimals() - fact.shown.decimals();
        let (context, unit, scale) = (header::context_id(fact), header::unit_id(&fact.unit), format!("-{places}"));
        let mut attributes = vec![
            ("id", fact.id.as_str()),
            ("name", &name),
            ("contextRef", &context),
            ("unitRef", &unit),
            ("decimals", &decimals),
            ("format", "ixt:num-dot-decimal"),
        ];
        if places > 0 {
            attributes.push(("scale", &scale));
        }
        let shown = fact.shown.to_string();
        match shown.strip_prefix('-') {
            // The sign is the tag's; the hyphen before it is for people.
            Some(magnitude) => {
                xml.text("-")?;
                attributes.push(("sign", "-"));
                xml.leaf("ix:nonFraction", &attributes, magnitude)
            }
            None => xml.leaf("ix:nonFraction", &attributes, &shown),
        }
    }
}

/// Nothing where there is no sentence.
fn list(xml: &mut Xml, title: &str, sentences: &[String]) -> io::Result<()> {
    if sentences.is_empty() {
        return Ok(());
    }
    xml.leaf("h2", &[], title)?;
    xml.element("ul", &[], |xml| sentences.iter().try_for_each(|sentence| xml.leaf("li", &[], sentence)))
}

/// A paragraph under the heading of its requirement: `E1-6 49(a)` → `49(a)`; where the standard gives no number, the requirement.
fn within(paragraph: &str) -> &str {
    paragraph.split_once(' ').map_or(paragraph, |(_, rest)| rest)
}
