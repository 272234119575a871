//! Every figure of a report, by id.
//!
//! In: a report as JSON, since that is what a closed month keeps. Out: [`FigureIndex`], sorted by id. Rule: a figure is a whole number of a row, or a null whose
//! name says its unit; what identifies a row is no figure. Beside them stand two sums that the reports print and the JSON leaves to its reader.
//! Does not: add up anything else, or judge.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::{Part, RowId, run_ids};
use crate::units::UtcDay;

/// The unit that a figure's name ends in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unit {
    Millijoules,
    MicrogramsCo2e,
    MicroEuros,
    /// Millionths of a currency that stands beside it.
    MicroUnits,
    Seconds,
    CpuMilliseconds,
    /// Thousandths of a core.
    Millicores,
    Count,
}

impl Unit {
    pub fn of(field: &str) -> Self {
        let leaf = field.rsplit('.').next().unwrap_or(field);
        match leaf {
            _ if leaf.ends_with("_mj") => Self::Millijoules,
            _ if leaf.ends_with("_ugco2e") => Self::MicrogramsCo2e,
            _ if leaf.ends_with("_micro_eur") => Self::MicroEuros,
            _ if leaf.ends_with("_micro_units") => Self::MicroUnits,
            _ if leaf.ends_with("_seconds") => Self::Seconds,
            _ if leaf.ends_with("cpu_ms") => Self::CpuMilliseconds,
            _ if leaf.ends_with("_milli") => Self::Millicores,
            _ => Self::Count,
        }
    }

    /// As it is written behind the exact integer.
    pub fn name(self) -> &'static str {
        match self {
            Self::Millijoules => "mJ",
            Self::MicrogramsCo2e => "µgCO2e",
            Self::MicroEuros => "µEUR",
            Self::MicroUnits => "millionths of its currency",
            Self::Seconds => "s",
            Self::CpuMilliseconds => "ms of CPU",
            Self::Millicores => "thousandths of a core",
            Self::Count => "",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figure {
    pub id: String,
    pub row: RowId,
    /// The name in `report.json`; below a row a path with dots.
    pub field: String,
    /// None: unknown, which is not zero.
    pub value: Option<i64>,
}

impl Figure {
    pub fn unit(&self) -> Unit {
        Unit::of(&self.field)
    }
}

/// All figures of a report, sorted by id.
#[derive(Clone, Debug, Default)]
pub struct FigureIndex {
    figures: Vec<Figure>,
}

impl FigureIndex {
    /// Of a report as JSON: a month's or a year's.
    pub fn of(report: &Value) -> Self {
        let mut figures = Vec::new();
        for (row, fields) in rows(report) {
            collect(&row, fields, String::new(), &mut figures);
        }
        derived(report, &mut figures);
        figures.sort_by(|a, b| a.id.cmp(&b.id));
        Self { figures }
    }

    pub fn figures(&self) -> &[Figure] {
        &self.figures
    }

    pub fn get(&self, id: &str) -> Option<&Figure> {
        self.figures.binary_search_by(|figure| figure.id.as_str().cmp(id)).ok().map(|at| &self.figures[at])
    }

    /// The value of a row's figure; none where there is no such figure, or it is unknown.
    pub fn value(&self, row: &RowId, field: &str) -> Option<i64> {
        self.get(&row.figure(field).to_string()).and_then(|figure| figure.value)
    }

    /// The figures of one row, sorted by name.
    pub fn of_row<'a>(&'a self, row: &'a RowId) -> impl Iterator<Item = &'a Figure> {
        self.figures.iter().filter(move |figure| figure.row == *row)
    }

    /// The ids that are most like a text, likest first.
    pub fn nearest(&self, text: &str, count: usize) -> Vec<&str> {
        let likeness = |figure: &Figure| strsim::normalized_damerau_levenshtein(text, &figure.id);
        let mut ranked: Vec<(f64, &str)> = self.figures.iter().map(|figure| (likeness(figure), figure.id.as_str())).collect();
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
        ranked.into_iter().take(count).map(|(_, id)| id).collect()
    }
}

type Fields = Map<String, Value>;

/// Every row of a report, with its fields.
fn rows(report: &Value) -> Vec<(RowId, &Fields)> {
    let mut rows: Vec<(RowId, &Fields)> = Vec::new();
    rows.extend(single(RowId::Totals, &report["totals"]));
    rows.extend(list(&report["clusters"], |row| Some(RowId::Cluster { cluster: text(row, "cluster")? })));
    rows.extend(list(&report["namespaces"], |row| {
        Some(RowId::Namespace { cluster: text(row, "cluster")?, namespace: text(row, "namespace")? })
    }));
    rows.extend(list(&report["workloads"], |row| {
        Some(RowId::Workload { cluster: text(row, "cluster")?, namespace: text(row, "namespace")?, workload: text(row, "workload")? })
    }));
    rows.extend(list(&report["cost_centres"], |row| Some(RowId::CostCentre { cost_centre: text(row, "cost_centre")? })));
    rows.extend(list(&report["hours"], |row| Some(RowId::Hour { cluster: text(row, "cluster")?, hour: hour(row, "hour")? })));
    rows.extend(list(&report["reconciliation"], |row| {
        let day: UtcDay = text(row, "day")?.parse().ok()?;
        Some(RowId::NodeDay { cluster: text(row, "cluster")?, node: text(row, "node")?, day })
    }));
    rows.extend(runs(&report["job_runs"]));
    rows.extend(of_scopes(report));
    rows.extend(of_counterfactual(&report["counterfactual"]));
    rows.extend(of_entities(&report["entities"]));
    rows.extend(list(&report["year"]["months"], |row| Some(RowId::Month { month: text(row, "month")? })));
    rows
}

fn of_scopes(report: &Value) -> Vec<(RowId, &Fields)> {
    let (scope2, scope3) = (&report["scope2"], &report["scope3"]);
    let mut rows: Vec<(RowId, &Fields)> = Vec::new();
    rows.extend(single(RowId::Scope2 { cluster_and_zone: None }, scope2));
    rows.extend(list(&scope2["reconciliation"], |row| {
        Some(RowId::Scope2 { cluster_and_zone: Some((text(row, "cluster")?, text(row, "grid_zone")?)) })
    }));
    rows.extend(list(&scope2["instruments"], |row| Some(RowId::Instrument { number: row.get("number")?.as_u64()? })));
    rows.extend(list(&scope2["zones"], |row| Some(RowId::MarketZone { zone: text(row, "grid_zone")? })));
    rows.extend(single(RowId::Scope3 { category: None }, scope3));
    rows.extend(list(&scope3["screening"], |row| Some(RowId::Scope3 { category: Some(row.get("category")?.as_u64()?) })));
    rows.extend(list(&scope3["assets"], |row| Some(RowId::Asset { cluster: text(row, "cluster")?, node: text(row, "node")? })));
    rows
}

/// Not there where no legal entity is configured.
fn of_entities(entities: &Value) -> Vec<(RowId, &Fields)> {
    let mut rows: Vec<(RowId, &Fields)> = single(RowId::Group, entities).into_iter().collect();
    rows.extend(list(&entities["entities"], |row| Some(RowId::Entity { entity: text(row, "entity")? })));
    rows.extend(list(&entities["intra_group"], |row| {
        let (provider, customer) = (text(row, "provider")?, text(row, "customer")?);
        let (cluster, namespace, placement) = (text(row, "cluster")?, text(row, "namespace")?, text(row, "placement")?);
        Some(RowId::IntraGroup { provider, customer, cluster, namespace, placement })
    }));
    rows
}

fn of_counterfactual(counterfactual: &Value) -> Vec<(RowId, &Fields)> {
    let part = RowId::Counterfactual;
    let mut rows: Vec<(RowId, &Fields)> = single(part(Part::All), counterfactual).into_iter().collect();
    for cause in ["carbon", "other", "none"] {
        rows.extend(single(part(Part::Cause(cause.to_owned())), &counterfactual["by_cause"][cause]));
    }
    rows.extend(list(&counterfactual["alternatives"], |row| Some(part(Part::Alternative(text(row, "baseline")?)))));
    rows.extend(list(&counterfactual["policy"]["by_rule"], |row| Some(part(Part::Rule(text(row, "rule")?)))));
    let deferrability = &counterfactual["deferrability"];
    rows.extend(list(&deferrability["classes"], |row| Some(part(Part::Class { class: text(row, "class")?, basis: text(row, "basis")? }))));
    let mut places = std::collections::HashMap::new();
    rows.extend(list(&deferrability["move_next"], |row| {
        let (cluster, namespace, workload) = (text(row, "cluster")?, text(row, "namespace")?, text(row, "workload")?);
        let place = places.entry((cluster.clone(), namespace.clone(), workload.clone())).or_insert(0);
        *place += 1;
        Some(part(Part::MoveNext { cluster, namespace, workload, place: *place }))
    }));
    rows.extend(list(&counterfactual["capacity"]["exceeded"], |row| {
        Some(part(Part::Capacity { cluster: text(row, "cluster")?, hour: hour(row, "hour")? }))
    }));
    rows
}

fn runs(list: &Value) -> Vec<(RowId, &Fields)> {
    let runs: Vec<&Fields> = list.as_array().into_iter().flatten().filter_map(Value::as_object).collect();
    let name = |run: &'_ Fields, key: &str| text(run, key).unwrap_or_default();
    let keys: Vec<_> = runs
        .iter()
        .map(|run| (name(run, "cluster"), name(run, "namespace"), name(run, "job"), run.get("start").and_then(instant)))
        .collect();
    let ids = run_ids(keys.iter().map(|(cluster, namespace, job, start)| (cluster.as_str(), namespace.as_str(), job.as_str(), *start)));
    ids.into_iter().zip(runs).collect()
}

fn single(id: RowId, value: &Value) -> Option<(RowId, &Fields)> {
    Some((id, value.as_object()?))
}

/// The rows of a list; one that does not say what it is of is none.
fn list(list: &Value, mut id: impl FnMut(&Fields) -> Option<RowId>) -> Vec<(RowId, &Fields)> {
    let rows = list.as_array().into_iter().flatten().filter_map(Value::as_object);
    rows.filter_map(|row| Some((id(row)?, row))).collect()
}

fn text(row: &Fields, key: &str) -> Option<String> {
    row.get(key)?.as_str().map(str::to_owned)
}

fn instant(value: &Value) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(value.as_str()?).ok().map(|at| at.to_utc())
}

fn hour(row: &Fields, key: &str) -> Option<i32> {
    i32::try_from(instant(row.get(key)?)?.timestamp().div_euclid(3_600)).ok()
}

/// The figures of a row. Objects within it belong to it, but for those that are rows of their own; lists are always rows of their own, or names.
fn collect(row: &RowId, fields: &Fields, path: String, figures: &mut Vec<Figure>) {
    for (name, value) in fields {
        let is_own_row = path.is_empty() && matches!(row, RowId::Counterfactual(Part::All)) && name == "by_cause";
        // What says which row it is counts nothing.
        let is_key = path.is_empty() && matches!(name.as_str(), "number" | "category");
        if is_own_row || is_key {
            continue;
        }
        let field = format!("{path}{name}");
        match value {
            Value::Object(inner) => collect(row, inner, format!("{field}."), figures),
            value => {
                if let Some(value) = whole_number(&field, value) {
                    figures.push(figure(row, field, value));
                }
            }
        }
    }
}

fn figure(row: &RowId, field: String, value: Option<i64>) -> Figure {
    Figure { id: format!("{row}:{field}"), row: row.clone(), field, value }
}

/// The inner one is none where the figure is unknown; the outer one where it is no figure. Beyond 2^53 an integer is text.
fn whole_number(field: &str, value: &Value) -> Option<Option<i64>> {
    let has_unit = Unit::of(field) != Unit::Count;
    match value {
        Value::Number(number) => number.as_i64().map(Some),
        Value::String(text) if has_unit => text.parse().ok().map(Some),
        Value::Null if has_unit => Some(None),
        _ => None,
    }
}

/// Scope 3 as far as it is known, and hourly less annual: the covers print both.
fn derived(report: &Value, figures: &mut Vec<Figure>) {
    let Value::Object(totals) = &report["totals"] else { return };
    let known = |name: &str| totals.get(name).and_then(|value| whole_number(name, value)).flatten();
    let categories = ["scope3_category_1_ugco2e", "scope3_category_2_ugco2e", "scope3_category_3_ugco2e", "scope3_category_8_ugco2e"];
    let scope3 = categories.into_iter().filter_map(known).reduce(|sum, part| sum + part);
    figures.push(figure(&RowId::Totals, "scope3_known_ugco2e".to_owned(), scope3));
    let difference = known("scope2_location_based_ugco2e").zip(known("scope2_location_based_annual_ugco2e"));
    figures.push(figure(&RowId::Totals, "scope2_hourly_less_annual_ugco2e".to_owned(), difference.map(|(hourly, annual)| hourly - annual)));
}
