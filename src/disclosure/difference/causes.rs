//! Which inputs differ between two reports.
//!
//! Rule: evidence by cluster and day, series by grid zone, factors by id, configuration by key; software, method, policy and acceptances as they are said.
//! Of two periods every day's evidence differs, which is no cause of its own: there only what holds for both is compared.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use super::Side;
use super::configuration::{self, KeyChange};

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Causes {
    /// Days of clusters whose evidence is another.
    pub evidence: Vec<DayChange>,
    /// Series of grid intensity, by zone.
    pub intensity: Vec<SeriesChange>,
    /// Series of prices, by zone.
    pub prices: Vec<SeriesChange>,
    /// Other files that only one was made from: decision logs …
    pub other_files: Vec<FileChange>,
    pub factors: Vec<FactorChange>,
    /// Keys of the configuration; empty also where a configuration is not at hand, see `configuration_sha256`.
    pub configuration: Vec<KeyChange>,
    /// Of the configurations' bytes, where they differ.
    pub configuration_sha256: Option<ValueChange>,
    /// Choices of method, and the baseline policy.
    pub policy: Vec<ValueChange>,
    pub software: Option<ValueChange>,
    pub method: Option<ValueChange>,
    pub accepted: AcceptedChange,
}

/// The evidence of a cluster and UTC day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DayChange {
    pub cluster: String,
    pub day: String,
    pub files: Vec<FileChange>,
}

/// A file by its SHA-256; null where it was not there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FileChange {
    pub path: String,
    pub before: Option<String>,
    pub after: Option<String>,
}

/// The series of a grid zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SeriesChange {
    pub zone: String,
    /// As the report names it; null where it does not.
    pub edition_before: Option<String>,
    pub edition_after: Option<String>,
    pub files: Vec<FileChange>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FactorChange {
    pub id: String,
    pub unit: String,
    pub before: Option<f64>,
    pub after: Option<f64>,
    /// What of it differs beside the value: source, edition, use.
    pub differs_in: Vec<String>,
}

/// Something that is said once in each report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ValueChange {
    pub name: String,
    pub before: String,
    pub after: String,
}

/// Findings that were accepted by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct AcceptedChange {
    pub before: Vec<String>,
    pub after: Vec<String>,
}

impl Causes {
    pub(super) fn between(before: &Side<'_>, after: &Side<'_>, is_one_period: bool) -> Self {
        let (old, new) = (before.report, after.report);
        let mut causes = Self {
            factors: factors(old, new),
            configuration_sha256: text_change("configuration", &old["provenance"]["config_sha256"], &new["provenance"]["config_sha256"]),
            policy: policy(old, new),
            software: text_change("software", &old["provenance"]["software"], &new["provenance"]["software"]),
            method: text_change("method", &old["provenance"]["method"], &new["provenance"]["method"]),
            accepted: AcceptedChange { before: accepted(old), after: accepted(new) },
            ..Self::default()
        };
        if let (Some(one), Some(other)) = (before.configuration, after.configuration) {
            causes.configuration = configuration::between(one, other);
        }
        if is_one_period {
            causes.add_files(old, new);
        }
        causes
    }

    fn add_files(&mut self, old: &Value, new: &Value) {
        let (before, after) = (files(old), files(new));
        let mut days: BTreeMap<(String, String), Vec<FileChange>> = BTreeMap::new();
        let mut series: BTreeMap<(&str, String), Vec<FileChange>> = BTreeMap::new();
        let paths: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        for path in paths {
            let (one, other) = (before.get(path), after.get(path));
            if one == other {
                continue;
            }
            let change = FileChange { path: path.clone(), before: one.cloned(), after: other.cloned() };
            match path.splitn(3, '/').collect::<Vec<_>>().as_slice() {
                ["intensity", zone, _] => series.entry(("intensity", (*zone).to_owned())).or_default().push(change),
                ["prices", zone, _] => series.entry(("prices", (*zone).to_owned())).or_default().push(change),
                [cluster, day, _] if day.parse::<crate::units::UtcDay>().is_ok() => {
                    days.entry(((*cluster).to_owned(), (*day).to_owned())).or_default().push(change);
                }
                _ => self.other_files.push(change),
            }
        }
        self.evidence = days.into_iter().map(|((cluster, day), files)| DayChange { cluster, day, files }).collect();
        let (old_editions, new_editions) = (editions(old), editions(new));
        for ((kind, zone), files) in series {
            let edition = |editions: &BTreeMap<String, String>| if kind == "intensity" { editions.get(&zone).cloned() } else { None };
            let (edition_before, edition_after) = (edition(&old_editions), edition(&new_editions));
            let change = SeriesChange { zone, edition_before, edition_after, files };
            if kind == "intensity" { &mut self.intensity } else { &mut self.prices }.push(change);
        }
    }

    /// Whether no input differs.
    pub fn is_empty(&self) -> bool {
        *self == Self { accepted: self.accepted.clone(), ..Self::default() } && self.accepted.before == self.accepted.after
    }
}

fn files(report: &Value) -> BTreeMap<String, String> {
    let text = |file: &Value, key: &str| file[key].as_str().map(str::to_owned);
    let files = report["provenance"]["evidence"].as_array().into_iter().flatten();
    files.filter_map(|file| Some((text(file, "path")?, text(file, "sha256")?))).collect()
}

fn editions(report: &Value) -> BTreeMap<String, String> {
    let rows = report["provenance"]["intensity"].as_array().into_iter().flatten();
    rows.filter_map(|row| Some((row["zone"].as_str()?.to_owned(), format!("{}, {}", row["provider"].as_str()?, row["edition"].as_str()?))))
        .collect()
}

fn factors(old: &Value, new: &Value) -> Vec<FactorChange> {
    let by_key = |report: &Value| -> BTreeMap<(String, String), Value> {
        let rows = report["factors"].as_array().cloned().unwrap_or_default().into_iter();
        let key = |row: &Value| Some((row["quantity"].as_str()?.to_owned(), row["id"].as_str()?.to_owned()));
        rows.filter_map(|row| Some((key(&row)?, row))).collect()
    };
    let (before, after) = (by_key(old), by_key(new));
    let keys: BTreeSet<&(String, String)> = before.keys().chain(after.keys()).collect();
    let mut changes = Vec::new();
    for key in keys {
        let (one, other) = (before.get(key), after.get(key));
        if one == other {
            continue;
        }
        let fields: BTreeSet<&String> =
            [one, other].into_iter().flatten().filter_map(Value::as_object).flat_map(|row| row.keys()).collect();
        let differs = |name: &&&String| one.zip(other).is_some_and(|(one, other)| one[name.as_str()] != other[name.as_str()]);
        changes.push(FactorChange {
            id: key.1.clone(),
            unit: one.or(other).and_then(|row| row["unit"].as_str()).unwrap_or_default().to_owned(),
            before: one.and_then(|row| row["value"].as_f64()),
            after: other.and_then(|row| row["value"].as_f64()),
            differs_in: fields.iter().filter(|name| name.as_str() != "value").filter(differs).map(|name| (*name).clone()).collect(),
        });
    }
    changes
}

fn policy(old: &Value, new: &Value) -> Vec<ValueChange> {
    let mut changes = Vec::new();
    let fields = |report: &Value| report["policy"].as_object().cloned().unwrap_or_default();
    let (before, after) = (fields(old), fields(new));
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    for name in names {
        let (one, other) = (before.get(name).unwrap_or(&Value::Null), after.get(name).unwrap_or(&Value::Null));
        changes.extend((one != other).then(|| ValueChange { name: name.clone(), before: plain(one), after: plain(other) }));
    }
    let baseline = |report: &'_ Value| report["counterfactual"]["policy"]["sha256"].clone();
    changes.extend(text_change("baseline policy", &baseline(old), &baseline(new)));
    changes
}

fn accepted(report: &Value) -> Vec<String> {
    let findings = report["findings"].as_array().into_iter().flatten();
    let codes: BTreeSet<String> = findings
        .filter(|finding| !finding["accepted_by"].is_null())
        .filter_map(|finding| finding["code"].as_str().map(str::to_owned))
        .collect();
    codes.into_iter().collect()
}

fn text_change(name: &str, before: &Value, after: &Value) -> Option<ValueChange> {
    (before != after).then(|| ValueChange { name: name.to_owned(), before: plain(before), after: plain(after) })
}

/// A text without its quotation marks, anything else as JSON.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
