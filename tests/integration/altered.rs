//! The sample's evidence with steps of every quality tier and with tails, or as an older version wrote it; and the truth changed alike.
//!
//! Which steps and pods are changed follows from names and numbers alone, so that evidence and truth agree without knowing of each other.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use polars::prelude::{Column, DataFrame, df};
use serde_json::{Value, json};
use wattledger::evidence::Store;
use wattledger::model::Tier;
use wattledger::model::tables::Table;
use wattledger::units::UtcDay;

use crate::prometheus::copy_folder;
use crate::sample;

const CLUSTERS: [&str; 3] = ["prod-nl", "edge-fr", "burst-pl"];
/// Everything that accounting reads.
const TABLES: [Table; 5] = [Table::Nodes, Table::Pods, Table::Jobs, Table::NodeSteps, Table::Usage];

fn number_of(text: &str) -> i64 {
    text.bytes().fold(7, |sum, byte| (sum * 31 + i64::from(byte)) % 1_000_003)
}

/// Three steps of seven are not metered by the pods' own meters.
fn tier(node: &str, step: i64) -> Tier {
    match (step + number_of(node)) % 7 {
        0 | 3 => Tier::Allocated,
        5 => Tier::Modelled,
        _ => Tier::Metered,
    }
}

/// One row of nine has a tail; other processes use some 2 kJ a step, so that the larger ones do not fit.
fn tail(uid: &str, step: i64) -> Option<i64> {
    let number = step + number_of(uid);
    (number % 9 == 0).then_some(if number % 2 == 0 { 400_001 } else { 3_000_007 })
}

/// What a pod that is gone before its day is over left behind in the step after its last: a row that holds nothing but a tail.
fn last_tail(uid: &str) -> i64 {
    50_000 + number_of(uid)
}

fn has_last_tail(job: &Value, last_step: i64) -> bool {
    job.is_null() && last_step % 96 < 90
}

/// Writes the sample's evidence below `folder`, changed by `change` (which gets the day's nodes and pods too), with its intensities.
fn rewrite(folder: &Path, schema: &str, mut change: impl FnMut(Table, DataFrame, &DataFrame, &DataFrame) -> DataFrame) {
    let from = Store::new(sample::root().join("sample-data/evidence"));
    let to = Store::new(folder.join("evidence"));
    let (first, last): (UtcDay, UtcDay) = ("2026-09-30".parse().unwrap(), "2026-10-31".parse().unwrap());
    for cluster in CLUSTERS {
        for day in first.through(last) {
            let mut manifest = from.day(cluster, day).unwrap().unwrap();
            let read = |table| from.read_table(&manifest, table).unwrap();
            let (nodes, pods) = (read(Table::Nodes), read(Table::Pods));
            let mut tables: BTreeMap<_, _> = TABLES.map(|table| (table, change(table, read(table), &nodes, &pods))).into();
            tables.insert(Table::Namespaces, read(Table::Namespaces));
            manifest.schema = schema.to_owned();
            to.write_day(&tables, manifest).unwrap();
        }
    }
    for zone in ["NL", "FR", "PL"] {
        for (series, _) in from.intensity(zone).unwrap() {
            to.write_intensity(&series).unwrap();
        }
    }
}

/// A configuration beside the evidence, with what is said of tails.
pub fn config(folder: &Path, tails: &str) -> (toml::Value, PathBuf) {
    written(folder, tails, sample::sample_config())
}

/// The same with the losses of the Dutch grid (World Bank, EG.ELC.LOSS.ZS, 2014).
pub fn config_with_losses(folder: &Path, tails: &str) -> (toml::Value, PathBuf) {
    let mut config = sample::sample_config();
    let losses = "losses = [{ zone = \"NL\", share = 0.0477, source = \"World Bank, EG.ELC.LOSS.ZS, 2014\" }]";
    config.as_table_mut().unwrap().extend(toml::from_str::<toml::Table>(losses).unwrap());
    written(folder, tails, config)
}

fn written(folder: &Path, tails: &str, mut config: toml::Value) -> (toml::Value, PathBuf) {
    config["report"].as_table_mut().unwrap().insert("tails".to_owned(), tails.into());
    let path = folder.join(format!("{tails}.toml"));
    fs::write(&path, toml::to_string(&config).unwrap()).unwrap();
    (config, path)
}

/// The sample's evidence as the first version of the schema had it.
pub fn write_first_schema(folder: &Path) {
    rewrite(folder, "wattledger.evidence/1", |table, frame, _, _| match table {
        Table::NodeSteps => frame.drop("tier").unwrap(),
        Table::Usage => frame.drop("tail_mj").unwrap(),
        _ => frame,
    });
    // What is said of prices and decisions has had one schema.
    for kept in ["prices", "decisions"] {
        copy_folder(&sample::root().join("sample-data/evidence").join(kept), &folder.join("evidence").join(kept));
    }
}

/// The sample with room on every node, and a configuration with its intensities.
pub fn with_room(folder: &Path) -> (toml::Value, PathBuf) {
    write_with_capacity(folder, 64_000);
    let mut config = sample::sample_config();
    config["intensity"][0]["files"] = vec![sample::root().join("sample-data/intensity/*.csv").to_string_lossy().into_owned()].into();
    let path = folder.join("wattledger.toml");
    fs::write(&path, toml::to_string(&config).unwrap()).unwrap();
    (config, path)
}

/// From now on the configuration names a scheduler's log.
pub fn add_decision_log(mut config: toml::Value, path: &Path, file: &str) {
    let table = toml::Table::from_iter([("files".to_owned(), vec![file.to_owned()].into())]);
    config.as_table_mut().unwrap().insert("decision_log".to_owned(), vec![toml::Value::Table(table)].into());
    fs::write(path, toml::to_string(&config).unwrap()).unwrap();
}

/// The sample's evidence with so many thousandths of a core on every node.
pub fn write_with_capacity(folder: &Path, cpu_capacity_milli: i64) {
    rewrite(folder, wattledger::evidence::SCHEMA, |table, mut frame, _, _| {
        if table == Table::Nodes {
            frame.with_column(Column::new("cpu_capacity_milli".into(), vec![cpu_capacity_milli; frame.height()])).unwrap();
        }
        frame
    });
}

/// The sample's evidence with what `label` says of each cluster's namespaces on each day; a day on which it says nothing has no table of them.
pub fn write_with_cost_centres(folder: &Path, label: impl Fn(&str, UtcDay, &str) -> Option<String>) {
    let from = Store::new(sample::root().join("sample-data/evidence"));
    let to = Store::new(folder.join("evidence"));
    let (first, last): (UtcDay, UtcDay) = ("2026-09-30".parse().unwrap(), "2026-10-31".parse().unwrap());
    for cluster in CLUSTERS {
        for day in first.through(last) {
            let manifest = from.day(cluster, day).unwrap().unwrap();
            let mut tables: BTreeMap<Table, DataFrame> = TABLES.map(|table| (table, from.read_table(&manifest, table).unwrap())).into();
            let namespaces: BTreeSet<String> =
                tables[&Table::Pods].column("namespace").unwrap().str().unwrap().iter().flatten().map(str::to_owned).collect();
            let labelled: Vec<(String, String)> = namespaces
                .into_iter()
                .filter_map(|namespace| {
                    let value = label(cluster, day, &namespace)?;
                    Some((namespace, json!({"cost_centre": value, "team": "x"}).to_string()))
                })
                .collect();
            if !labelled.is_empty() {
                let (namespaces, labels): (Vec<String>, Vec<String>) = labelled.into_iter().unzip();
                tables.insert(Table::Namespaces, df!("namespace" => namespaces, "labels" => labels).unwrap());
            }
            to.write_day(&tables, manifest).unwrap();
        }
    }
    for zone in ["NL", "FR", "PL"] {
        for (series, _) in from.intensity(zone).unwrap() {
            to.write_intensity(&series).unwrap();
        }
    }
}

/// The sample's evidence with a namespace under another name.
pub fn write_with_namespace(folder: &Path, before: &str, after: &str) {
    rewrite(folder, wattledger::evidence::SCHEMA, |table, mut frame, _, _| {
        if matches!(table, Table::Pods | Table::Jobs) {
            let names = frame.column("namespace").unwrap().str().unwrap();
            let renamed: Vec<&str> = names.iter().flatten().map(|name| if name == before { after } else { name }).collect();
            let renamed = Column::new("namespace".into(), renamed);
            frame.with_column(renamed).unwrap();
        }
        frame
    });
}

/// The sample's evidence with all tiers and many tails.
pub fn write_with_tiers_and_tails(folder: &Path) {
    rewrite(folder, wattledger::evidence::SCHEMA, |table, mut frame, nodes, pods| match table {
        Table::NodeSteps => {
            let names = nodes.column("node").unwrap().str().unwrap();
            let (ids, steps) = (frame.column("node_id").unwrap().i32().unwrap(), frame.column("step").unwrap().i32().unwrap());
            let tiers: Vec<i32> = ids
                .into_no_null_iter()
                .zip(steps.into_no_null_iter())
                .map(|(id, step)| tier(names.get(id as usize).unwrap(), i64::from(step)).id())
                .collect();
            frame.with_column(Column::new("tier".into(), tiers)).unwrap();
            frame
        }
        Table::Usage => with_tails(&frame, pods),
        _ => frame,
    });
}

fn with_tails(usage: &DataFrame, pods: &DataFrame) -> DataFrame {
    let ids = |column: &str| usage.column(column).unwrap().i32().unwrap().into_no_null_iter().collect::<Vec<i32>>();
    let amounts = |column: &str| usage.column(column).unwrap().i64().unwrap().iter().collect::<Vec<Option<i64>>>();
    let (node_id, pod_id, step, active, cpu) = (ids("node_id"), ids("pod_id"), ids("step"), amounts("active_mj"), amounts("cpu_ms"));
    let uids = pods.column("uid").unwrap().str().unwrap();
    let jobs = pods.column("job_id").unwrap().i32().unwrap();
    let mut rows = Vec::new();
    for i in 0..step.len() {
        let uid = uids.get(pod_id[i] as usize).unwrap();
        rows.push((node_id[i], pod_id[i], step[i], active[i], cpu[i], tail(uid, step[i].into())));
        let is_last = pod_id.get(i + 1) != Some(&pod_id[i]);
        let job = jobs.get(pod_id[i] as usize).map_or(Value::Null, Value::from);
        if is_last && has_last_tail(&job, step[i].into()) {
            rows.push((node_id[i], pod_id[i], step[i] + 1, None, None, Some(last_tail(uid))));
        }
    }
    df!(
        "node_id" => rows.iter().map(|row| row.0).collect::<Vec<_>>(),
        "pod_id" => rows.iter().map(|row| row.1).collect::<Vec<_>>(),
        "step" => rows.iter().map(|row| row.2).collect::<Vec<_>>(),
        "active_mj" => rows.iter().map(|row| row.3).collect::<Vec<_>>(),
        "cpu_ms" => rows.iter().map(|row| row.4).collect::<Vec<_>>(),
        "tail_mj" => rows.iter().map(|row| row.5).collect::<Vec<_>>()
    )
    .unwrap()
}

/// Changes `truth.json` as [`write_with_tiers_and_tails`] changes the evidence. Gives back how many rows hold nothing but a tail.
pub fn change_truth(folder: &Path) -> usize {
    let path = folder.join("truth.json");
    let mut truth: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let mut only_tails = 0;
    for cluster in truth["clusters"].as_array_mut().unwrap() {
        for node in cluster["nodes"].as_array_mut().unwrap() {
            let name = node["node"].as_str().unwrap().to_owned();
            for row in node["steps"].as_array_mut().unwrap() {
                row[3] = match tier(&name, row[0].as_i64().unwrap()) {
                    Tier::Metered => json!("metered"),
                    Tier::Allocated => json!("allocated"),
                    Tier::Modelled => json!("modelled"),
                };
            }
        }
        for pod in cluster["pods"].as_array_mut().unwrap() {
            let uid = pod["uid"].as_str().unwrap().to_owned();
            let job = pod["job"].clone();
            let steps = pod["steps"].as_array_mut().unwrap();
            for row in steps.iter_mut() {
                row[3] = json!(tail(&uid, row[0].as_i64().unwrap()));
            }
            // A pod that is there at the end of the truth is not gone.
            let Some(last) = steps.last().and_then(|row| row[0].as_i64()) else { continue };
            if has_last_tail(&job, last) && last / 96 < day_after_the_last() {
                steps.push(json!([last + 1, null, null, last_tail(&uid)]));
                only_tails += 1;
            }
        }
    }
    fs::write(&path, truth.to_string()).unwrap();
    only_tails
}

/// Of the evidence, in days since the epoch.
fn day_after_the_last() -> i64 {
    let last: UtcDay = "2026-10-31".parse().unwrap();
    last.end().timestamp() / 86_400
}
