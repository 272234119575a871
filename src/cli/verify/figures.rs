//! In which figures two reports differ, each by where it stands.
//!
//! In: two JSON values of one shape. Out: a phrase a difference: place, before, after. Rule: a row of a list is called by what names it in the report (cluster,
//! namespace, …), else by its number. Does not: know what a figure means.

use serde_json::Value;

/// What names a row of a list, in this order.
const NAMES: [&str; 14] =
    ["cluster", "node", "namespace", "workload", "job", "start", "day", "hour", "zone", "id", "quantity", "geography", "figure", "code"];
/// Longer values are cut when they are shown.
const SHOWN: usize = 40;

/// The differences of two values, in the order of their places.
pub fn different(place: &str, then: &Value, now: &Value) -> Vec<String> {
    let mut found = Vec::new();
    collect(place, then, now, &mut found);
    found
}

fn collect(place: &str, then: &Value, now: &Value, found: &mut Vec<String>) {
    let below = |name: &str| if place.is_empty() { name.to_owned() } else { format!("{place}.{name}") };
    match (then, now) {
        (Value::Object(a), Value::Object(b)) => {
            let names: std::collections::BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            for name in names {
                collect(&below(name), a.get(name).unwrap_or(&Value::Null), b.get(name).unwrap_or(&Value::Null), found);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (index, (a, b)) in a.iter().zip(b).enumerate() {
                collect(&format!("{place}[{}]", row(a, index)), a, b, found);
            }
        }
        (Value::Array(a), Value::Array(b)) => found.push(format!("{place}: {} rows, now {}", a.len(), b.len())),
        (a, b) if a != b => found.push(format!("{place}: {}, now {}", short(a), short(b))),
        _ => {}
    }
}

fn row(value: &Value, index: usize) -> String {
    let names: Vec<&str> = NAMES.iter().filter_map(|name| value.get(name)?.as_str()).collect();
    if names.is_empty() { index.to_string() } else { names.join("/") }
}

fn short(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() > SHOWN { format!("{}…", text.chars().take(SHOWN).collect::<String>()) } else { text }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_difference_says_where_it_stands_and_what_was_there() {
        let report =
            |mj: i64| json!({ "namespaces": [{ "cluster": "a", "namespace": "shop", "facility_mj": mj }], "totals": { "gap_mj": null } });

        assert!(different("", &report(1), &report(1)).is_empty());
        assert_eq!(different("", &report(1), &report(2)), ["namespaces[a/shop].facility_mj: 1, now 2"]);
        assert_eq!(different("totals", &json!({ "x": 1 }), &json!({ "x": null })), ["totals.x: 1, now null"]);
        assert_eq!(different("", &json!({ "rows": [1] }), &json!({ "rows": [1, 2] })), ["rows: 1 rows, now 2"]);
    }
}
