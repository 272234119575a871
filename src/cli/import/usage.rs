//! Energy that a platform without Prometheus measured itself.
//!
//! In: CSV with `cluster,node,ts,energy_kwh`, and of what pods used `namespace,workload,pod`; further columns `idle_kwh` (of a node's row) and
//! `cpu_seconds` (of a pod's). Out: cluster-days of evidence. Rule: a row covers `[ts, ts + step)` and becomes whole millijoules, spread evenly over
//! the report's steps without losing any; a row twice is refused with its line; a node without rows of its own has the sum of its pods as its
//! meter, which is found. Assumes: `ts` carries its offset, or `--time-zone` names the clock. Does not: know job runs, or fill.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail, ensure};
use chrono::{DateTime, Utc};
use polars::df;
use polars::prelude::DataFrame;

use super::ImportArgs;
use crate::accounting::metering;
use crate::cli::account::SOFTWARE;
use crate::config::Config;
use crate::evidence::{DayManifest, SCHEMA, Store};
use crate::model::tables::Table;
use crate::model::{Finding, MeteringTerms, SampleTable, Severity, Tier};
use crate::sources::usage::{UsageRow, read_file};
use crate::units::UtcDay;

/// A pod's name in full: node, namespace, pod; nodes in one piece.
type PodKey = (String, String, String);

/// Steps of one node or pod.
#[derive(Default)]
struct Steps {
    workload: String,
    energy_mj: BTreeMap<i32, i64>,
    /// Idle energy of a node, CPU time of a pod.
    other: BTreeMap<i32, i64>,
}

impl Steps {
    fn first_and_end(&self) -> (i32, i32) {
        (self.energy_mj.keys().next().copied().unwrap_or(0), self.energy_mj.keys().next_back().map_or(0, |last| last + 1))
    }
}

#[derive(Default)]
struct Day {
    nodes: BTreeMap<String, Steps>,
    pods: BTreeMap<PodKey, Steps>,
    files: BTreeSet<String>,
}

pub fn run(args: &ImportArgs, config: &Config, store: &Store) -> Result<()> {
    let step_s = config.report.step_seconds;
    let row_s = args.step.unwrap_or(step_s);
    ensure!(row_s % step_s == 0 || step_s % row_s == 0, "rows of {row_s} s do not fit the report's steps of {step_s} s");
    let mut days: BTreeMap<(String, UtcDay), Day> = BTreeMap::new();
    for path in &args.files {
        let file = read_file(path, row_s, args.time_zone)?;
        for row in file.rows {
            if !config.clusters.iter().any(|cluster| cluster.name == row.cluster) {
                bail!("{}, line {}: there is no cluster `{}` in {}", file.name, row.line, row.cluster, config.path.display());
            }
            let at = DateTime::from_timestamp(row.start_s, 0)
                .with_context(|| format!("{}, line {}: a time beyond the calendar", file.name, row.line))?;
            let day = days.entry((row.cluster.clone(), UtcDay::containing(at))).or_default();
            day.files.insert(format!("{} (SHA-256 {})", file.name, file.sha256));
            take(day, row, row_s, step_s);
        }
    }
    let now = Utc::now();
    for ((cluster, day), found) in &days {
        ensure!(day.end() <= now, "{cluster} on {day}: the UTC day is not over, and a day is kept whole or not at all");
        write(store, cluster, *day, found, step_s).with_context(|| format!("import {cluster} on {day}"))?;
        eprintln!("imported the usage of {cluster} on {day}: {} nodes, {} pods", found.nodes.len(), found.pods.len());
    }
    Ok(())
}

fn take(day: &mut Day, row: UsageRow, row_s: i64, step_s: i64) {
    let steps = match row.pod {
        None => day.nodes.entry(row.node).or_default(),
        Some(pod) => {
            let steps = day.pods.entry((row.node, pod.namespace, pod.pod)).or_default();
            steps.workload = pod.workload;
            steps
        }
    };
    let count = (row_s / step_s).max(1);
    let first = row.start_s.div_euclid(step_s) as i32;
    // The parts of an amount are differences of its rounded sums, so that they add up to it.
    let spread = |into: &mut BTreeMap<i32, i64>, amount: i64| {
        for part in 0..count {
            let share = |parts: i64| {
                i64::try_from(i128::from(amount) * i128::from(parts) / i128::from(count)).expect("a share is no more than the whole")
            };
            *into.entry(first + part as i32).or_default() += share(part + 1) - share(part);
        }
    };
    spread(&mut steps.energy_mj, row.energy_mj);
    if let Some(other) = row.idle_mj.or(row.cpu_ms) {
        spread(&mut steps.other, other);
    }
}

fn write(store: &Store, cluster: &str, day: UtcDay, found: &Day, step_s: i64) -> Result<()> {
    let mut nodes = NodeSteps::new();
    for (node, steps) in &found.nodes {
        nodes.insert(node, (steps.energy_mj.clone(), steps.other.clone()));
    }
    let mut without_meter = BTreeSet::new();
    for ((node, ..), steps) in &found.pods {
        if found.nodes.contains_key(node) {
            continue;
        }
        without_meter.insert(node.as_str());
        let (metered, _) = nodes.entry(node).or_default();
        for (step, energy_mj) in &steps.energy_mj {
            *metered.entry(*step).or_default() += energy_mj;
        }
    }
    let node_ids: BTreeMap<&str, i32> = nodes.keys().enumerate().map(|(id, node)| (*node, id as i32)).collect();
    let tables = BTreeMap::from([
        (Table::Nodes, node_frame(&nodes, step_s)?),
        (Table::Pods, pod_frame(found, &node_ids, step_s)?),
        // A day without samples has no job runs, in the columns that they have.
        (Table::Jobs, metering::meter_day(&SampleTable::from_series([]), day, &MeteringTerms::of_step(step_s))?.jobs),
        (Table::NodeSteps, node_step_frame(&nodes)?),
        (Table::Usage, usage_frame(found, &node_ids)?),
    ]);
    let manifest = DayManifest {
        schema: SCHEMA.to_owned(),
        cluster: cluster.to_owned(),
        day: day.to_string(),
        step_seconds: step_s,
        metering: None,
        baseline_policy: None,
        replaces: None,
        software: SOFTWARE.to_owned(),
        endpoint: None,
        queries: Vec::new(),
        unanswered: Vec::new(),
        files: Vec::new(),
        findings: findings(found, nodes.len(), &without_meter),
    };
    store.write_day(&tables, manifest)?;
    Ok(())
}

fn findings(found: &Day, nodes: usize, without_meter: &BTreeSet<&str>) -> Vec<Finding> {
    let files: Vec<&str> = found.files.iter().map(String::as_str).collect();
    let message =
        format!("The day's energy was imported from {} and not collected; what its platform measured is not known here.", files.join(", "));
    let mut findings = vec![Finding::new("IMPORTED", Severity::Disclosed, message).examined(nodes).failing(nodes)];
    if !without_meter.is_empty() {
        let message = format!(
            "{} nodes of the import have no rows of their own; the sum of their pods was taken for their meter, so that their idle and \
             system energy is in no figure.",
            without_meter.len()
        );
        findings.push(Finding::new("IMPORTED_NO_METER", Severity::Disclosed, message).examined(nodes).failing(without_meter.len()));
    }
    findings
}

type NodeSteps<'a> = BTreeMap<&'a str, (BTreeMap<i32, i64>, BTreeMap<i32, i64>)>;

fn node_frame(nodes: &NodeSteps<'_>, step_s: i64) -> Result<DataFrame> {
    let count = nodes.len();
    let ends = |(metered, _): &(BTreeMap<i32, i64>, BTreeMap<i32, i64>)| {
        let steps = Steps { energy_mj: metered.clone(), ..Steps::default() };
        steps.first_and_end()
    };
    let ms = |step: i32| i64::from(step) * step_s * 1_000;
    df![
        "node_id" => (0..count as i32).collect::<Vec<i32>>(),
        "node" => nodes.keys().copied().collect::<Vec<&str>>(),
        "power_zones" => vec!["imported"; count],
        "labels" => vec!["{}"; count],
        "first_ms" => nodes.values().map(|steps| ms(ends(steps).0)).collect::<Vec<i64>>(),
        "last_ms" => nodes.values().map(|steps| ms(ends(steps).1)).collect::<Vec<i64>>(),
        "metered" => vec![true; count],
    ]
    .context("frame of nodes")
}

fn pod_frame(found: &Day, node_ids: &BTreeMap<&str, i32>, step_s: i64) -> Result<DataFrame> {
    let count = found.pods.len();
    df![
        "pod_id" => (0..count as i32).collect::<Vec<i32>>(),
        "node_id" => found.pods.keys().map(|(node, ..)| node_ids[node.as_str()]).collect::<Vec<i32>>(),
        "namespace" => found.pods.keys().map(|(_, namespace, _)| namespace.as_str()).collect::<Vec<&str>>(),
        "workload" => found.pods.values().map(|steps| steps.workload.as_str()).collect::<Vec<&str>>(),
        "pod" => found.pods.keys().map(|(_, _, pod)| pod.as_str()).collect::<Vec<&str>>(),
        "uid" => vec![""; count],
        "job_id" => vec![None::<i32>; count],
        "cpu_request_milli" => vec![None::<i64>; count],
        "last_ms" => found.pods.values().map(|steps| Some(i64::from(steps.first_and_end().1) * step_s * 1_000)).collect::<Vec<Option<i64>>>(),
    ]
    .context("frame of pods")
}

fn node_step_frame(nodes: &NodeSteps<'_>) -> Result<DataFrame> {
    let (mut node_id, mut step, mut metered_mj, mut idle_mj) =
        (Vec::<i32>::new(), Vec::<i32>::new(), Vec::<i64>::new(), Vec::<Option<i64>>::new());
    for (id, (metered, idle)) in nodes.values().enumerate() {
        for (at, energy_mj) in metered {
            node_id.push(id as i32);
            step.push(*at);
            metered_mj.push(*energy_mj);
            idle_mj.push(idle.get(at).copied());
        }
    }
    let tier = vec![Tier::Metered.id(); step.len()];
    df!["node_id" => node_id, "step" => step, "metered_mj" => metered_mj, "idle_mj" => idle_mj, "tier" => tier]
        .context("frame of node steps")
}

fn usage_frame(found: &Day, node_ids: &BTreeMap<&str, i32>) -> Result<DataFrame> {
    let (mut node_id, mut pod_id, mut step) = (Vec::<i32>::new(), Vec::<i32>::new(), Vec::<i32>::new());
    let (mut active_mj, mut cpu_ms) = (Vec::<Option<i64>>::new(), Vec::<Option<i64>>::new());
    for (id, ((node, ..), steps)) in found.pods.iter().enumerate() {
        for (at, energy_mj) in &steps.energy_mj {
            node_id.push(node_ids[node.as_str()]);
            pod_id.push(id as i32);
            step.push(*at);
            active_mj.push(Some(*energy_mj));
            cpu_ms.push(steps.other.get(at).copied());
        }
    }
    let tail_mj = vec![None::<i64>; step.len()];
    df!["node_id" => node_id, "pod_id" => pod_id, "step" => step, "active_mj" => active_mj, "cpu_ms" => cpu_ms, "tail_mj" => tail_mj]
        .context("frame of usage")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::usage::PodOfRow;

    fn row(pod: bool, start_s: i64, energy_mj: i64) -> UsageRow {
        UsageRow {
            line: 2,
            cluster: "prod-nl".to_owned(),
            node: "n1".to_owned(),
            pod: pod.then(|| PodOfRow { namespace: "shop".to_owned(), workload: "Deployment/web".to_owned(), pod: "web-1".to_owned() }),
            start_s,
            energy_mj,
            idle_mj: None,
            cpu_ms: None,
        }
    }

    #[test]
    fn a_long_row_is_spread_over_its_steps_and_loses_no_millijoule() {
        let mut day = Day::default();
        take(&mut day, row(false, 7_200, 10), 3_600, 900);

        let steps = &day.nodes["n1"].energy_mj;
        assert_eq!(steps.iter().map(|(step, mj)| (*step, *mj)).collect::<Vec<_>>(), [(8, 2), (9, 3), (10, 2), (11, 3)]);
    }

    #[test]
    fn short_rows_add_up_to_their_step() {
        let mut day = Day::default();
        for minute in 0..15 {
            take(&mut day, row(true, 900 + minute * 60, 7), 60, 900);
        }

        let steps = day.pods.values().next().unwrap();
        assert_eq!(steps.energy_mj, BTreeMap::from([(1, 105)]));
        assert_eq!(steps.first_and_end(), (1, 2));
    }

    #[test]
    fn a_node_without_rows_of_its_own_has_the_sum_of_its_pods_and_says_so() {
        let mut day = Day::default();
        take(&mut day, row(true, 0, 100), 900, 900);
        let mut other = row(true, 0, 50);
        other.pod.as_mut().unwrap().pod = "web-2".to_owned();
        take(&mut day, other, 900, 900);
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        let date: UtcDay = "1970-01-01".parse().unwrap();

        write(&store, "prod-nl", date, &day, 900).unwrap();

        let manifest = store.day("prod-nl", date).unwrap().unwrap();
        let codes: Vec<&str> = manifest.findings.iter().map(|finding| finding.code.as_str()).collect();
        assert_eq!(codes, ["IMPORTED", "IMPORTED_NO_METER"]);
        let steps = store.read_table(&manifest, Table::NodeSteps).unwrap();
        assert_eq!(steps.column("metered_mj").unwrap().i64().unwrap().get(0), Some(150));
        assert_eq!(store.read_table(&manifest, Table::Usage).unwrap().height(), 2);
        assert_eq!(store.read_table(&manifest, Table::Jobs).unwrap().height(), 0);
    }
}
