//! Compares a report with what was expected of it, figure by figure.
//!
//! Everything expected must be there and equal; integers exactly. What a list has beyond the expected must be without energy.
//! Objects may carry `_tolerance_ug` and `_tolerance_micro_eur`, by which their emissions and costs may be off, and `_tolerance_<field>` for one field;
//! other fields that begin with `_` are notes.

use serde_json::{Map, Value};

/// All figures that a total has.
pub const FIGURES: [&str; 16] = [
    "metered_mj",
    "active_mj",
    "idle_mj",
    "system_mj",
    "gap_mj",
    "facility_mj",
    "scope2_location_based_ugco2e",
    "scope2_location_based_annual_ugco2e",
    "scope2_market_based_ugco2e",
    "scope3_category_1_ugco2e",
    "scope3_category_2_ugco2e",
    "scope3_category_3_ugco2e",
    "scope3_category_8_ugco2e",
    "embodied_amortised_ugco2e",
    "operational_hourly_ugco2e",
    "operational_annual_ugco2e",
];

/// A list's items are the same where these fields are.
const KEYS: [&str; 10] = ["cluster", "namespace", "workload", "job", "node", "day", "hour", "start", "end", "baseline"];

#[derive(Default)]
pub struct Comparison {
    pub figures: usize,
    pub differences: Vec<String>,
}

impl Comparison {
    pub fn of(expected: &Value, actual: &Value) -> Self {
        let mut comparison = Self::default();
        comparison.value("report", expected, actual, 0.0);
        comparison
    }

    /// Fails with the first twenty differences.
    pub fn assert_equal(&self) {
        let shown: Vec<&str> = self.differences.iter().take(20).map(String::as_str).collect();
        let count = self.differences.len();
        assert!(count == 0, "{count} of {} figures differ, the first are:\n{}", self.figures, shown.join("\n"));
    }

    fn value(&mut self, path: &str, expected: &Value, actual: &Value, tolerance: f64) {
        match (expected, actual) {
            (Value::Object(expected), Value::Object(actual)) => self.object(path, expected, actual),
            (Value::Array(expected), Value::Array(actual)) => self.list(path, expected, actual),
            _ => self.figure(path, expected, actual, tolerance),
        }
    }

    fn object(&mut self, path: &str, expected: &Map<String, Value>, actual: &Map<String, Value>) {
        let tolerance_of = |of: &str| expected.get(&format!("_tolerance_{of}")).and_then(Value::as_f64);
        let units = [("_ugco2e", "ug"), ("_micro_eur", "micro_eur")];
        let unit_of = |key: &str| units.into_iter().find(|(ending, _)| key.ends_with(ending)).map(|(_, unit)| unit);
        if expected.contains_key("_unplaced") {
            self.figures += 1;
            if actual.get("unplaced_reason").is_none_or(Value::is_null) {
                self.differences.push(format!("{path}.unplaced_reason: expected a reason, found none"));
            }
        }
        for (key, value) in expected.iter().filter(|(key, _)| !key.starts_with('_')) {
            let tolerance = tolerance_of(key).or_else(|| tolerance_of(unit_of(key)?)).unwrap_or(0.0);
            self.value(&format!("{path}.{key}"), value, actual.get(key).unwrap_or(&Value::Null), tolerance);
        }
    }

    fn list(&mut self, path: &str, expected: &[Value], actual: &[Value]) {
        for item in expected {
            let name = name_of(item, item);
            match actual.iter().find(|candidate| name_of(candidate, item) == name) {
                Some(found) => self.value(&format!("{path}[{name}]"), item, found, 0.0),
                None => {
                    self.figures += 1;
                    self.differences.push(format!("{path}[{name}]: expected, not found"));
                }
            }
        }
        let Some(first) = expected.first() else { return };
        for item in actual {
            let name = name_of(item, first);
            let is_expected = expected.iter().any(|candidate| name_of(candidate, first) == name);
            let has_energy = ["metered_mj", "facility_mj", "gap_mj", "active_mj"].iter().any(|key| integer(&item[*key]).unwrap_or(0) != 0);
            if !is_expected && has_energy {
                self.differences.push(format!("{path}[{name}]: found, not expected"));
            }
        }
    }

    fn figure(&mut self, path: &str, expected: &Value, actual: &Value, tolerance: f64) {
        self.figures += 1;
        // A category of Scope 3 in which a cluster has nothing may be said as zero or not at all.
        let is_absent = actual.is_null() && integer(expected) == Some(0) && path.contains(".scope3_category_");
        let is_equal = match (integer(expected), integer(actual)) {
            (Some(expected), Some(actual)) => (expected - actual).abs() as f64 <= tolerance,
            _ => match (expected.as_f64(), actual.as_f64()) {
                (Some(expected), Some(actual)) => (expected - actual).abs() <= tolerance.max(1e-9),
                _ => expected == actual,
            },
        };
        if !is_equal && !is_absent {
            self.differences.push(format!("{path}: expected {expected}, found {actual}"));
        }
    }
}

/// The values of the key fields that `pattern` has.
fn name_of(item: &Value, pattern: &Value) -> String {
    let is_run = pattern.get("job").is_some();
    KEYS.iter()
        .filter(|key| pattern.get(**key).is_some_and(Value::is_string))
        // A run is known by its job; whether its times are right is a figure of its own.
        .filter(|key| !(is_run && ["workload", "start", "end"].contains(*key)))
        .map(|key| item[*key].as_str().unwrap_or("?"))
        .collect::<Vec<_>>()
        .join(" ")
}

/// Integers of the ledger are JSON numbers up to 2^53 and strings beyond.
pub fn integer(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str().and_then(|text| text.parse().ok()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_wrong_figure_a_missing_row_and_a_row_too_many_are_each_found() {
        let expected = json!({ "totals": { "metered_mj": 7 }, "namespaces": [{ "cluster": "a", "namespace": "x", "metered_mj": 3 },
            { "cluster": "a", "namespace": "y", "metered_mj": 4 }] });
        let actual = json!({ "totals": { "metered_mj": "8" }, "namespaces": [{ "cluster": "a", "namespace": "x", "metered_mj": 3 },
            { "cluster": "a", "namespace": "z", "metered_mj": 4 }, { "cluster": "a", "namespace": "(gap)", "metered_mj": 0 }] });

        let found = Comparison::of(&expected, &actual).differences;

        assert_eq!(found.len(), 3, "{found:?}");
        assert_eq!(Comparison::of(&expected, &expected).differences.len(), 0);
    }

    #[test]
    fn a_tolerance_holds_for_emissions_and_not_for_energy() {
        let expected = json!({ "active_mj": 10, "actual_ugco2e": 10, "_tolerance_ug": 2 });

        assert_eq!(Comparison::of(&expected, &json!({ "active_mj": 10, "actual_ugco2e": 12 })).differences.len(), 0);
        assert_eq!(Comparison::of(&expected, &json!({ "active_mj": 11, "actual_ugco2e": 13 })).differences.len(), 2);
    }

    #[test]
    fn a_tolerance_of_one_field_goes_before_that_of_its_unit() {
        let expected = json!({ "best_ugco2e": 10, "mean_ugco2e": 10, "saved_micro_eur": 5, "captured_share": 0.5, "_tolerance_ug": 2,
            "_tolerance_mean_ugco2e": 0, "_tolerance_micro_eur": 1, "_tolerance_captured_share": 0.01 });
        let differences = |best, mean, saved, share| {
            let actual = json!({ "best_ugco2e": best, "mean_ugco2e": mean, "saved_micro_eur": saved, "captured_share": share });
            Comparison::of(&expected, &actual).differences.len()
        };

        assert_eq!(differences(12, 10, 6, 0.505), 0);
        assert_eq!(differences(13, 11, 7, 0.52), 4);
    }
}
