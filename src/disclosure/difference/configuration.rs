//! Two configurations, key by key.
//!
//! In: TOML as written. Out: keys whose values differ, by path; of tables in a list by what names them (`cluster[prod-nl].pue`). Rule: the configuration holds no
//! secret, so values are shown. Does not: know what a key means.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use toml::{Table, Value};

/// Keys that name a table of a list, the first that it has.
const NAMES: [&str; 5] = ["name", "zone", "workload", "year", "evidence"];

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeyChange {
    pub key: String,
    /// As TOML; null where it was not said.
    pub before: Option<String>,
    pub after: Option<String>,
}

/// Text that is no TOML has no keys.
pub fn between(before: &str, after: &str) -> Vec<KeyChange> {
    let keys = |text: &str| {
        let mut keys = BTreeMap::new();
        if let Ok(table) = text.parse::<Table>() {
            collect("", &table, &mut keys);
        }
        keys
    };
    let (old, new) = (keys(before), keys(after));
    let all: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let changed = all.into_iter().filter(|key| old.get(*key) != new.get(*key));
    changed.map(|key| KeyChange { key: key.clone(), before: old.get(key).cloned(), after: new.get(key).cloned() }).collect()
}

fn collect(path: &str, table: &Table, keys: &mut BTreeMap<String, String>) {
    for (name, value) in table {
        let key = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        match value {
            Value::Table(inner) => collect(&key, inner, keys),
            Value::Array(items) if !items.is_empty() && items.iter().all(Value::is_table) => {
                let mut taken: BTreeSet<String> = BTreeSet::new();
                for (at, item) in items.iter().enumerate() {
                    let Value::Table(item) = item else { continue };
                    let name = NAMES.iter().find_map(|name| item.get(*name)).map(plain);
                    let name = name.filter(|name| taken.insert(name.clone())).unwrap_or_else(|| (at + 1).to_string());
                    collect(&format!("{key}[{name}]"), item, keys);
                }
            }
            value => drop(keys.insert(key, value.to_string())),
        }
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
