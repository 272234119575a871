//! The disclosure as `facts.json`: an XBRL report in JSON (xBRL-JSON, Open Information Model 1.0).
//!
//! In: a statement. Out: JSON, two spaces, a newline at the end; facts in the order of the standard. Rule: a value is the datapoint's decimal in the taxonomy's
//! unit, as a string, with its decimals; a period is local calendar days; a plain number has no unit; what is unknown is no fact.
//! Assumes: `disclosure::facts` has kept the rules of the profile. Does not: bring a taxonomy; the report names its entry point.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde::{Serialize, Serializer};

use crate::disclosure::Statement;
use crate::disclosure::facts::{Entity, Fact, FactUnit, Span, Tagged, facts as tag};
use crate::reports::words::status::status;

/// Namespaces that facts and units are named in.
pub(super) const UTR: &str = "http://www.xbrl.org/2009/utr";
pub(super) const ISO4217: &str = "http://www.xbrl.org/2003/iso4217";
const DOCUMENT_TYPE: &str = "https://xbrl.org/2021/xbrl-json";
/// Of what the format does not know: what the facts cover, and what is unsettled.
const OWN: &str = "urn:x-wattledger:disclosure";
const XBRL: &str = "https://xbrl.org/2021";

pub fn facts(statement: &Statement) -> Result<Vec<u8>> {
    let tagged = tag(statement)?;
    let entity = Entity::of(statement);
    let mut bytes = serde_json::to_vec_pretty(&report(statement, &tagged, &entity)).context("serialise the facts")?;
    bytes.push(b'\n');
    Ok(bytes)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report<'a> {
    document_info: DocumentInfo<'a>,
    #[serde(serialize_with = "in_order")]
    facts: Vec<(&'a str, JsonFact)>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DocumentInfo<'a> {
    document_type: &'static str,
    namespaces: BTreeMap<&'a str, &'a str>,
    taxonomy: [&'a str; 1],
    /// These are of our own namespace, as the format lets documents say more.
    #[serde(rename = "wattledger:status")]
    status: String,
    #[serde(rename = "wattledger:boundary")]
    boundary: &'a str,
    #[serde(rename = "wattledger:unsettled")]
    unsettled: &'a [String],
}

#[derive(Serialize)]
struct JsonFact {
    value: String,
    decimals: u32,
    dimensions: BTreeMap<String, String>,
}

fn report<'a>(statement: &'a Statement, tagged: &'a Tagged, entity: &'a Entity) -> Report<'a> {
    let taxonomy = &tagged.profile.taxonomy;
    let mut namespaces = BTreeMap::from([
        ("xbrl", XBRL),
        ("utr", UTR),
        ("wattledger", OWN),
        (entity.prefix, entity.scheme),
        (taxonomy.prefix.as_str(), taxonomy.namespace.as_str()),
    ]);
    if tagged.facts.iter().any(|fact| matches!(fact.unit, FactUnit::Money(_) | FactUnit::TonnesCo2ePer(_))) {
        namespaces.insert("iso4217", ISO4217);
    }
    let facts = tagged.facts.iter().map(|fact| (fact.id.as_str(), json_fact(fact, &taxonomy.prefix, entity))).collect();
    let document_info = DocumentInfo {
        document_type: DOCUMENT_TYPE,
        namespaces,
        taxonomy: [&taxonomy.entry_point],
        status: status(statement),
        boundary: &statement.disclosure.boundary,
        unsettled: &statement.disclosure.unsettled,
    };
    Report { document_info, facts }
}

fn json_fact(fact: &Fact, prefix: &str, entity: &Entity) -> JsonFact {
    let mut dimensions = BTreeMap::from([
        ("concept".to_owned(), format!("{prefix}:{}", fact.concept)),
        ("entity".to_owned(), format!("{}:{}", entity.prefix, entity.identifier)),
        ("period".to_owned(), period(fact.span)),
    ]);
    // A plain number has no unit there: `xbrli:pure` may not be written down.
    if fact.unit != FactUnit::Pure {
        let (above, below) = fact.unit.measures();
        dimensions.insert("unit".to_owned(), below.map_or_else(|| above.clone(), |below| format!("{above}/{below}")));
    }
    dimensions.extend(fact.dimensions.iter().map(|(axis, member)| (format!("{prefix}:{axis}"), format!("{prefix}:{member}"))));
    JsonFact { value: fact.value.plain(), decimals: fact.value.decimals(), dimensions }
}

/// Half-open, without offset: the days of the organisation's own calendar.
fn period(span: Span) -> String {
    format!("{}T00:00:00/{}T00:00:00", span.from, span.to)
}

fn in_order<S: Serializer>(facts: &[(&str, JsonFact)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(facts.iter().map(|(id, fact)| (id, fact)))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::disclosure::datapoints::disclose;
    use crate::disclosure::statement::Scope2;
    use crate::disclosure::story::full_year;
    use crate::reports::{fixture, golden};

    fn report_of(statement: &Statement) -> Value {
        serde_json::from_slice(&super::facts(statement).unwrap()).unwrap()
    }

    #[test]
    fn a_fact_says_what_when_who_in_which_unit_and_how_exactly() {
        let report = report_of(&full_year("esrs-set1"));
        assert_eq!(report["documentInfo"]["documentType"], "https://xbrl.org/2021/xbrl-json");
        assert_eq!(report["documentInfo"]["taxonomy"], json!(["https://xbrl.efrag.org/taxonomy/esrs/2023-12-22/esrs_all.xsd"]));
        assert!(report["documentInfo"]["wattledger:boundary"].as_str().unwrap().contains("not its sustainability statement"));
        assert_eq!(
            report["facts"]["E1-6_scope3-category-3"],
            json!({
                "value": "41.500",
                "decimals": 3,
                "dimensions": {
                    "concept": "esrs:GrossScope3GreenhouseGasEmissions",
                    "entity": "lei:0000EXAMPLE000000086",
                    "period": "2026-01-01T00:00:00/2027-01-01T00:00:00",
                    "unit": "utr:tCO2e",
                    "esrs:Scope3GHGEmissionsCategoryGHGProtocolAxis": "esrs:Category3FuelAndEnergyrelatedActivitiesMember",
                },
            })
        );
        assert_eq!(report["facts"]["E1-6_intensity-location-based"]["dimensions"]["unit"], "utr:tCO2e/iso4217:EUR");
    }

    #[test]
    fn a_share_is_a_fraction_without_unit() {
        let share = &report_of(&full_year("esrs-set1"))["facts"]["E1-5_renewable-share"];
        assert_eq!((&share["value"], &share["decimals"]), (&json!("0.400"), &json!(3)));
        assert!(share["dimensions"].get("unit").is_none());
    }

    #[test]
    fn a_month_is_its_local_days_and_what_is_unknown_is_no_fact() {
        let mut month = fixture::statement();
        month.totals.figures.scope2_market_based_ugco2e = None;
        month.totals.figures.scope3_category_2_ugco2e = None;
        month.scope2 = Scope2::default();
        disclose(&mut month);
        let report = report_of(&month);
        let facts = report["facts"].as_object().unwrap();
        assert_eq!(facts["E1-6_scope2-location-based"]["dimensions"]["period"], "2026-10-01T00:00:00/2026-11-01T00:00:00");
        assert_eq!(facts["E1-6_scope2-location-based"]["dimensions"]["entity"], "name:example-sons-bv");
        for unknown in ["E1-6_scope2-market-based", "E1-6_scope3", "E1-5_total", "E1-6_scope1"] {
            assert!(!facts.contains_key(unknown), "{unknown}");
        }
    }

    #[test]
    fn the_same_statement_gives_the_same_bytes_in_the_order_of_the_standard() {
        let year = full_year("esrs-set1");
        let bytes = super::facts(&year).unwrap();
        assert_eq!(bytes, super::facts(&year).unwrap());
        let text = String::from_utf8(bytes).unwrap();
        let place = |id: &str| text.find(&format!("\"{id}\"")).unwrap();
        assert!(place("E1-6_scope3-category-2") < place("E1-6_scope3-category-8") && place("E1-5_total") < place("E1-6_scope3"));
    }

    #[test]
    fn the_facts_are_the_golden_ones_and_end_in_a_newline() {
        let bytes = super::facts(&full_year("esrs-set1")).unwrap();
        assert_eq!(bytes.last(), Some(&b'\n'));
        golden::compare("facts.json", &bytes);
    }
}
