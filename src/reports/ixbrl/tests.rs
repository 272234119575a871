//! The document keeps the rules that a validator would not look for.

use std::collections::{BTreeMap, BTreeSet};

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::*;
use crate::disclosure::datapoints::disclose;
use crate::disclosure::standards::Profile;
use crate::disclosure::story::full_year;
use crate::reports::{fixture, golden};

/// An element as it stands: its ancestors' names and styles, its attributes, its text.
struct Element {
    name: String,
    path: Vec<(String, String)>,
    attributes: BTreeMap<String, String>,
    text: String,
}

fn attributes(start: &BytesStart<'_>) -> BTreeMap<String, String> {
    start.attributes().map(Result::unwrap).map(|found| (found.key.as_ref().to_owned(), found.value.into_owned())).collect()
}

fn elements(document: &[u8]) -> Vec<Element> {
    let text = std::str::from_utf8(document).unwrap();
    let mut reader = Reader::from_str(text);
    let (mut found, mut open): (Vec<Element>, Vec<usize>) = (Vec::new(), Vec::new());
    loop {
        let event = reader.read_event().unwrap();
        match &event {
            Event::Start(start) | Event::Empty(start) => {
                let name = start.name().as_ref().to_owned();
                let style = |index: &usize| found[*index].attributes.get("style").cloned().unwrap_or_default();
                let path = open.iter().map(|index| (found[*index].name.clone(), style(index))).collect();
                found.push(Element { name, path, attributes: attributes(start), text: String::new() });
                if matches!(event, Event::Start(_)) {
                    open.push(found.len() - 1);
                }
            }
            Event::End(_) => drop(open.pop()),
            Event::Text(text) => {
                if let Some(index) = open.last() {
                    found[*index].text.push_str(text);
                }
            }
            Event::Eof => return found,
            _ => {}
        }
    }
}

fn of<'a>(elements: &'a [Element], name: &str) -> Vec<&'a Element> {
    elements.iter().filter(|element| element.name == name).collect()
}

#[test]
fn every_fact_is_seen_once_and_none_is_hidden() {
    for profile in Profile::all() {
        let year = full_year(&profile.profile);
        let elements = elements(&ixbrl(&year).unwrap());
        let tagged = of(&elements, "ix:nonFraction");
        let ids: BTreeSet<&str> = tagged.iter().map(|element| element.attributes["id"].as_str()).collect();
        let facts = facts(&year).unwrap().facts;

        assert!(facts.len() > 8, "{}", profile.profile);
        assert_eq!(ids, facts.iter().map(|fact| fact.id.as_str()).collect(), "{}", profile.profile);
        assert_eq!(ids.len(), tagged.len());
        for element in &tagged {
            assert!(element.path.iter().all(|(_, style)| style.is_empty()), "{} is styled away", element.attributes["id"]);
            assert!(element.path.iter().any(|(name, _)| name == "td"));
            assert!(element.text.chars().all(|letter| letter.is_ascii_digit() || ",.".contains(letter)) && !element.text.is_empty());
        }
        assert!(of(&elements, "ix:hidden").is_empty());
    }
}

#[test]
fn dimensions_stand_in_scenario_and_every_context_and_unit_is_there_and_used() {
    for profile in Profile::all() {
        let elements = elements(&ixbrl(&full_year(&profile.profile)).unwrap());
        assert!(elements.iter().all(|element| !element.name.ends_with("segment")));
        for member in of(&elements, "xbrldi:explicitMember") {
            assert_eq!(member.path.last().unwrap().0, "xbrli:scenario");
            assert!(member.text.starts_with(&format!("{}:", profile.taxonomy.prefix)), "{}", member.text);
        }
        for (element, reference) in [("xbrli:context", "contextRef"), ("xbrli:unit", "unitRef")] {
            let there: BTreeSet<&str> = of(&elements, element).iter().map(|element| element.attributes["id"].as_str()).collect();
            let used = of(&elements, "ix:nonFraction").into_iter().map(|fact| fact.attributes[reference].as_str()).collect();
            assert_eq!(there, used, "{}", profile.profile);
            assert_eq!(there.len(), of(&elements, element).len());
        }
        assert_eq!(of(&elements, "link:schemaRef")[0].attributes["xlink:href"], profile.taxonomy.entry_point);
    }
}

#[test]
fn a_share_is_read_in_per_cent_and_tagged_as_a_fraction() {
    let elements = elements(&ixbrl(&full_year("esrs-set1")).unwrap());
    let fact = |id: &str| *of(&elements, "ix:nonFraction").iter().find(|element| element.attributes["id"] == id).unwrap();

    let share = fact("E1-5_fossil-share");
    assert_eq!((share.text.as_str(), &*share.attributes["scale"], &*share.attributes["decimals"]), ("60.0", "-2", "3"));
    let energy = fact("E1-5_total");
    assert_eq!((energy.text.as_str(), energy.attributes.get("scale"), &*energy.attributes["decimals"]), ("1,000.000", None, "3"));
    let intensity = fact("E1-6_intensity-location-based");
    assert_eq!((intensity.text.as_str(), &*intensity.attributes["scale"], &*intensity.attributes["decimals"]), ("0.755512", "-6", "12"));
}

#[test]
fn a_month_ends_on_its_last_day() {
    let mut month = fixture::statement();
    disclose(&mut month);
    let elements = elements(&ixbrl(&month).unwrap());
    let text = |name: &str| of(&elements, name)[0].text.clone();
    assert_eq!((text("xbrli:startDate"), text("xbrli:endDate")), ("2026-10-01".to_owned(), "2026-10-31".to_owned()));
}

#[test]
fn without_an_identifier_the_document_says_so_and_invents_none() {
    let mut month = fixture::statement();
    disclose(&mut month);
    let without = String::from_utf8(ixbrl(&month).unwrap()).unwrap();
    assert!(without.contains("has no legal entity identifier") && !without.contains("iso/17442"));

    let with = String::from_utf8(ixbrl(&full_year("esrs-set1")).unwrap()).unwrap();
    assert!(!with.contains("has no legal entity identifier"));
    assert!(with.contains("<xbrli:identifier scheme=\"http://standards.iso.org/iso/17442\">0000EXAMPLE000000086</xbrli:identifier>"));
}

#[test]
fn the_document_says_what_it_is_not_and_what_is_unsettled() {
    for profile in Profile::all() {
        let year = full_year(&profile.profile);
        let elements = elements(&ixbrl(&year).unwrap());
        let boundary = of(&elements, "p").into_iter().find(|p| p.attributes.get("class").is_some_and(|class| class == "boundary"));
        assert!(boundary.unwrap().text.contains("They are not its sustainability statement"));
        assert_eq!(of(&elements, "li").len(), profile.unsettled.len());
    }
}

/// GHG Protocol Scope 2 Guidance, table 6.3, level 5: that no residual mix exists is said beside the figure.
#[test]
fn what_must_be_said_beside_scope_2_and_what_was_accepted_is_said() {
    let mut year = full_year("esrs-set1");
    let fallback = "No residual mix of NL is at hand; the grid average stands in for it.".to_owned();
    year.scope2.disclosures.push(fallback.clone());
    year.findings[0].accepted_by = Some("--accept GAP".to_owned());
    let elements = elements(&ixbrl(&year).unwrap());

    assert!(of(&elements, "li").iter().any(|li| li.text == fallback));
    let accepted = format!("Accepted by name, {}", year.findings[0].code);
    assert!(of(&elements, "p").iter().any(|p| p.text.starts_with(&accepted)));
}

#[test]
fn nothing_is_fetched_or_run_and_hostile_names_stay_text() {
    let mut year = full_year("esrs-set1");
    year.organisation = "<script>alert(1)</script> & \"Sons\"".to_owned();
    let document = ixbrl(&year).unwrap();
    let elements = elements(&document);
    let banned = ["script", "link", "img", "iframe", "object", "a"];
    assert!(elements.iter().all(|element| !banned.contains(&element.name.as_str())));
    assert!(
        elements.iter().all(|element| !element.attributes.keys().any(|name| name.starts_with("on") || name == "src" || name == "charset"))
    );
    assert_eq!(document, ixbrl(&year).unwrap());
}

#[test]
fn the_document_is_the_golden_one() {
    golden::compare("report.xhtml", &ixbrl(&full_year("esrs-set1")).unwrap());
}
