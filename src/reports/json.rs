//! The statement as `report.json`.
//!
//! In: a statement. Out: JSON, two spaces, a newline at the end; the exact integers, nothing rounded.
//! Rule: schema `wattledger.report/1`, described field by field in `report.schema.json`. Assumes: lists come sorted.
//! Does not: drop a null; unknown is written as null.

use anyhow::{Context, Result};

use crate::disclosure::Statement;

pub fn json(statement: &Statement) -> Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec_pretty(statement).context("serialise the statement")?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// JSON Schema (draft 2020-12) of what [`json`] writes.
pub fn json_schema() -> &'static str {
    include_str!("report.schema.json")
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::reports::{fixture, golden};

    fn validator() -> jsonschema::Validator {
        jsonschema::validator_for(&serde_json::from_str(json_schema()).unwrap()).unwrap()
    }

    fn report() -> Value {
        serde_json::from_slice(&json(&fixture::statement()).unwrap()).unwrap()
    }

    #[test]
    fn the_report_of_a_month_of_a_year_and_of_a_group_is_what_its_schema_says() {
        for statement in [fixture::statement(), fixture::year_statement(), fixture::group_statement()] {
            let report: Value = serde_json::from_slice(&json(&statement).unwrap()).unwrap();
            let errors: Vec<String> = validator().iter_errors(&report).map(|error| format!("{}: {error}", error.instance_path())).collect();
            assert!(errors.is_empty(), "{errors:#?}");
        }
    }

    #[test]
    fn every_field_of_the_report_is_described() {
        // A definition that leaves fields open would let a misspelt one pass.
        fn check(path: &str, schema: &Value) {
            if let Some(properties) = schema.get("properties").filter(|_| schema.get("type") == Some(&Value::from("object"))) {
                let is_closed =
                    ["additionalProperties", "unevaluatedProperties"].iter().any(|key| schema.get(key) == Some(&Value::from(false)));
                // These two are parts of closed objects.
                let is_a_part = ["/$defs/figures", "/$defs/counterfactual_figures"].contains(&path);
                assert!(is_closed || is_a_part, "{path} is open");
                for (name, property) in properties.as_object().unwrap() {
                    assert!(property.get("description").is_some() || property.get("$ref").is_some(), "{path}: {name} has no description");
                }
            }
            match schema {
                Value::Object(fields) => fields.iter().for_each(|(name, value)| check(&format!("{path}/{name}"), value)),
                Value::Array(items) => items.iter().for_each(|value| check(path, value)),
                _ => {}
            }
        }
        check("", &serde_json::from_str(json_schema()).unwrap());
    }

    #[test]
    fn a_broken_report_is_refused_by_the_schema() {
        let validator = validator();
        type Break = (&'static str, fn(&mut Value));
        let breaks: [Break; 20] = [
            ("a missing total", |report| drop(report["totals"].as_object_mut().unwrap().remove("facility_mj"))),
            ("an energy with a fraction", |report| report["totals"]["facility_mj"] = Value::from(1.5)),
            ("an unknown field", |report| report["namespaces"][0]["facility_kwh"] = Value::from(1)),
            ("a local time", |report| report["period"]["from"] = Value::from("2026-10-01T00:00:00+02:00")),
            ("a share above one", |report| report["tier_share"]["metered"] = Value::from(1.1)),
            ("an unknown severity", |report| report["findings"][0]["severity"] = Value::from("fatal")),
            ("a node that does not balance", |report| report["reconciliation"][0]["difference_mj"] = Value::from(1)),
            ("both a month and a year", |report| report["period"]["year"] = Value::from("2026")),
            ("an instrument of an unknown kind", |report| report["scope2"]["instruments"][0]["kind"] = Value::from("offset")),
            ("a ninth criterion", |report| report["scope2"]["instruments"][1]["criteria_not_met"] = Value::from(vec![9])),
            ("a covered share above one", |report| report["scope2"]["covered_share"] = Value::from(1.2)),
            ("an unknown field of a zone", |report| report["scope2"]["zones"][0]["rest_kwh"] = Value::from(1)),
            ("a sixteenth category", |report| report["scope3"]["screening"][0]["category"] = Value::from(16)),
            ("an asset without a source", |report| drop(report["scope3"]["assets"][0].as_object_mut().unwrap().remove("source"))),
            ("an interval with a fraction of a microgram", |report| report["quality"]["intervals"][0]["low"] = Value::from(0.5)),
            ("a fourth contributor", |report| {
                let contributors = report["quality"]["intervals"][0]["contributors"].as_array_mut().unwrap();
                contributors.push(contributors[0].clone());
            }),
            ("a factor of unknown origin", |report| report["factors"][0]["origin"] = Value::from("hearsay")),
            ("a datapoint as a number", |report| report["disclosure"]["datapoints"][0]["value"] = Value::from(0.295)),
            ("a datapoint with half a dimension", |report| {
                let datapoints = report["disclosure"]["datapoints"].as_array_mut().unwrap();
                let of_a_part = datapoints.iter_mut().find(|datapoint| !datapoint["dimensions"].as_array().unwrap().is_empty());
                of_a_part.unwrap()["dimensions"][0] = Value::from(vec!["Scope3Axis"]);
            }),
            ("another label", |report| report["counterfactual"]["label"] = Value::from("Avoided emissions")),
        ];
        for (what, break_it) in breaks {
            let mut report = report();
            break_it(&mut report);
            assert!(!validator.is_valid(&report), "{what} passed");
        }
    }

    #[test]
    fn a_broken_group_is_refused_by_the_schema() {
        let validator = validator();
        let group = || -> Value { serde_json::from_slice(&json(&fixture::group_statement()).unwrap()).unwrap() };
        type Break = (&'static str, fn(&mut Value));
        let breaks: [Break; 5] = [
            ("an approach that there is not", |group| group["consolidation"] = Value::from("equity-share")),
            ("an entity without what it bought", |group| {
                drop(group["entities"][0].as_object_mut().unwrap().remove("bought_within_group_ugco2e"))
            }),
            ("an unknown field of a purchase", |group| group["intra_group"][0]["facility_kwh"] = Value::from(1)),
            ("a currency in words", |group| group["exchange_rates"][0]["to"] = Value::from("zloty")),
            ("a counterfactual with a field too many", |group| group["entities"][0]["counterfactual"]["label"] = Value::from("x")),
        ];
        assert!(validator.is_valid(&group()));
        for (what, break_it) in breaks {
            let mut report = group();
            break_it(&mut report["entities"]);
            assert!(!validator.is_valid(&report), "{what} passed");
        }
        assert!(report().get("entities").is_none(), "a report without entities has no such section");
    }

    #[test]
    fn integers_beyond_two_to_the_fifty_third_are_strings_and_stay_valid() {
        let mut statement = fixture::statement();
        statement.totals.figures.facility_mj = crate::units::Millijoules::new(9_007_199_254_740_993);
        let report: Value = serde_json::from_slice(&json(&statement).unwrap()).unwrap();

        assert_eq!(report["totals"]["facility_mj"], Value::from("9007199254740993"));
        assert!(validator().is_valid(&report));
    }

    #[test]
    fn the_report_is_the_golden_one_and_ends_in_a_newline() {
        let bytes = json(&fixture::statement()).unwrap();
        assert_eq!(bytes.last(), Some(&b'\n'));
        golden::compare("report.json", &bytes);
    }
}
