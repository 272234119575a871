//! A month of evidence from a seed: 30 UTC days in 5-minute steps, 50 pods a node, a tenth of the slots used by four-hour jobs one after the other.
//!
//! At any time PODS pods run, so a month has PODS × 8,640 usage rows. Each pod has a mean power of its own with noise around it; nodes have idle
//! energy and processes outside pods. One job in three was shifted by some hours; grid intensity is hourly.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use polars::prelude::{DataFrame, df};
use wattledger::evidence::{DayManifest, SCHEMA, Store};
use wattledger::model::tables::Table;
use wattledger::model::{IntensitySeries, Tier};
use wattledger::units::UtcDay;

const STEP_S: i64 = 300;
const STEPS: i64 = 288;
const DAYS: i64 = 30;
const PODS_PER_NODE: usize = 50;
const JOB_STEPS: i64 = 48;

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: i64) -> i64 {
        (self.next() % bound as u64) as i64
    }
}

/// What is made: so many pods in each of some clusters, from a day on.
#[derive(Clone, Copy, Debug)]
pub struct Fleet {
    pub pods: usize,
    pub clusters: usize,
    pub first: &'static str,
    pub days: i64,
}

/// Makes a month of one cluster in a folder unless it is there, and gives back its number of usage rows.
#[allow(dead_code, reason = "not every bench has one cluster")]
pub fn month(dir: &Path, pods: usize) -> Result<u64> {
    fleet(dir, Fleet { pods, clusters: 1, first: "2026-09-01", days: DAYS })
}

/// The same of a fleet. All clusters use the same energy: their files are links to those of the first, under manifests of their own.
pub fn fleet(dir: &Path, fleet: Fleet) -> Result<u64> {
    let Fleet { pods, clusters, first, days } = fleet;
    let rows = (clusters as i64 * pods as i64 * STEPS * days) as u64;
    if dir.join("complete").exists() {
        return Ok(rows);
    }
    if dir.exists() {
        fs::remove_dir_all(dir)?;
    }
    fs::create_dir_all(dir).with_context(|| format!("create {}", dir.display()))?;
    fs::write(dir.join("wattledger.toml"), configuration(clusters))?;
    let store = Store::new(dir.join("evidence"));
    let first: UtcDay = first.parse().map_err(anyhow::Error::msg)?;
    store.write_intensity(&intensity(first, days))?;
    let mut day = first;
    for number in 0..days {
        write_day(&store, day, number, pods)?;
        for other in 1..clusters {
            link_day(&dir.join("evidence"), day, &name(other))?;
        }
        eprint!("\rmaking {clusters} × {pods} pods: day {} of {days}", number + 1);
        day = day.next();
    }
    eprintln!();
    fs::write(dir.join("complete"), "")?;
    Ok(rows)
}

fn name(cluster: usize) -> String {
    if cluster == 0 { "bench".to_owned() } else { format!("bench-{cluster:03}") }
}

/// The first cluster's day, as another's.
fn link_day(evidence: &Path, day: UtcDay, cluster: &str) -> Result<()> {
    let (from, to) = (evidence.join(name(0)).join(day.to_string()), evidence.join(cluster).join(day.to_string()));
    fs::create_dir_all(&to)?;
    for entry in fs::read_dir(&from)? {
        let path = entry?.path();
        let target = to.join(path.file_name().context("an entry of a folder has a name")?);
        match path.extension().is_some_and(|extension| extension == "json") {
            true => {
                fs::write(target, fs::read_to_string(&path)?.replace("\"cluster\": \"bench\"", &format!("\"cluster\": \"{cluster}\"")))?
            }
            false => fs::hard_link(&path, target)?,
        }
    }
    Ok(())
}

fn configuration(clusters: usize) -> String {
    let tables = (0..clusters)
        .map(|cluster| format!("[[cluster]]\nname = \"{}\"\nboundary = \"owned\"\ngrid_zone = \"NL\"\npue = 1.2\n", name(cluster)));
    format!("{CONFIGURATION}{}", tables.collect::<String>())
}

const CONFIGURATION: &str = r#"
[organisation]
name = "Bench"
time_zone = "UTC"
[report]
step = "5m"
[evidence]
dir = "evidence"
[[intensity]]
zones = ["NL"]
provider = "files"
files = ["intensity.csv"]
annual_direct_gco2e_per_kwh = { NL = 260.0 }
"#;

/// From ten days before to ten days after.
fn intensity(first: UtcDay, days: i64) -> IntensitySeries {
    let mut random = Random(7);
    let from_s = first.start().timestamp() - 10 * 86_400;
    let hours = 24 * (days + 20);
    let direct: Vec<Option<f64>> = (0..hours).map(|_| Some((8_000 + random.below(40_000)) as f64 / 100.0)).collect();
    IntensitySeries {
        zone: "NL".to_owned(),
        provider: "files".to_owned(),
        edition: "seed 7".to_owned(),
        start_s: (0..hours).map(|hour| from_s + hour * 3_600).collect(),
        end_s: (1..=hours).map(|hour| from_s + hour * 3_600).collect(),
        lifecycle_gco2e_per_kwh: direct.iter().map(|direct| direct.map(|direct| direct + 60.0)).collect(),
        direct_gco2e_per_kwh: direct,
        is_estimated: vec![false; hours as usize],
        estimation_method: vec![String::new(); hours as usize],
        ..IntensitySeries::default()
    }
}

/// One pod of a day: where, of what, when, and how much.
struct Pod {
    node: i32,
    slot: usize,
    name: String,
    job: Option<i64>,
    from: i64,
    to: i64,
}

fn pods_of_day(number: i64, pods: usize) -> Vec<Pod> {
    let mut of_day = Vec::new();
    for slot in 0..pods {
        let node = (slot / PODS_PER_NODE) as i32;
        if slot % 10 != 0 {
            of_day.push(Pod { node, slot, name: format!("web-{slot}"), job: None, from: 0, to: STEPS });
            continue;
        }
        // Jobs follow one another, the slots offset against each other, so that some run across midnight.
        let offset = (slot as i64 / 10) % JOB_STEPS;
        let begin = number * STEPS - offset;
        for job in begin.div_euclid(JOB_STEPS)..=(begin + STEPS - 1).div_euclid(JOB_STEPS) {
            let (from, to) = ((job * JOB_STEPS - begin).max(0), ((job + 1) * JOB_STEPS - begin).min(STEPS));
            of_day.push(Pod { node, slot, name: format!("batch-{slot}-{job}"), job: Some(job), from, to });
        }
    }
    of_day
}

fn workload(pod: &Pod) -> String {
    if pod.job.is_some() { format!("CronJob/batch-{}", pod.slot / 100) } else { format!("Deployment/web-{}", pod.slot / 10) }
}

fn write_day(store: &Store, day: UtcDay, number: i64, pods: usize) -> Result<()> {
    let of_day = pods_of_day(number, pods);
    let mut random = Random(1_000 + number as u64);
    let (mut node_id, mut pod_id, mut step, mut active_mj, mut cpu_ms) = (vec![], vec![], vec![], vec![], vec![]);
    let nodes = pods.div_ceil(PODS_PER_NODE);
    let first_step = day.start().timestamp() / STEP_S;
    let mut pods_mj = vec![0_i64; nodes * STEPS as usize];
    for (id, pod) in of_day.iter().enumerate() {
        let mean = 200_000 + Random(pod.slot as u64).below(1_500_000);
        for offset in pod.from..pod.to {
            let active = mean / 2 + random.below(mean);
            node_id.push(pod.node);
            pod_id.push(id as i32);
            step.push((first_step + offset) as i32);
            active_mj.push(active);
            cpu_ms.push(active / 40 + random.below(2_000));
            pods_mj[pod.node as usize * STEPS as usize + offset as usize] += active;
        }
    }
    let no_tails = vec![None::<i64>; node_id.len()];
    let usage =
        df!("node_id" => node_id, "pod_id" => pod_id, "step" => step, "active_mj" => active_mj, "cpu_ms" => cpu_ms, "tail_mj" => no_tails)?;
    let tables = BTreeMap::from([
        (Table::Nodes, nodes_frame(nodes, day)?),
        (Table::Pods, pods_frame(&of_day)?),
        (Table::Jobs, jobs_frame(&of_day, day, number)?),
        (Table::NodeSteps, node_steps_frame(&pods_mj, first_step)?),
        (Table::Usage, usage),
    ]);
    // Job ids of pods are row numbers of the jobs of the day.
    let manifest = DayManifest {
        schema: SCHEMA.to_owned(),
        cluster: "bench".to_owned(),
        day: day.to_string(),
        step_seconds: STEP_S,
        metering: None,
        baseline_policy: None,
        replaces: None,
        software: "bench".to_owned(),
        endpoint: None,
        queries: vec![],
        unanswered: vec![],
        files: vec![],
        findings: vec![],
    };
    store.write_day(&tables, manifest)?;
    Ok(())
}

fn node_steps_frame(pods_mj: &[i64], first_step: i64) -> Result<DataFrame> {
    let mut random = Random(5);
    let (mut node_id, mut step, mut metered, mut idle) = (vec![], vec![], vec![], vec![]);
    for (cell, sum) in pods_mj.iter().enumerate() {
        let of_idle = 30_000_000 + random.below(2_000_000);
        node_id.push((cell as i64 / STEPS) as i32);
        step.push((first_step + cell as i64 % STEPS) as i32);
        idle.push(of_idle);
        metered.push(sum + of_idle + random.below(3_000_000));
    }
    let tier = vec![Tier::Metered.id(); node_id.len()];
    Ok(df!("node_id" => node_id, "step" => step, "metered_mj" => metered, "idle_mj" => idle, "tier" => tier)?)
}

fn nodes_frame(nodes: usize, day: UtcDay) -> Result<DataFrame> {
    let ms = |instant: chrono::DateTime<chrono::Utc>| vec![instant.timestamp_millis(); nodes];
    Ok(df!(
        "node_id" => (0..nodes as i32).collect::<Vec<_>>(),
        "node" => (0..nodes).map(|node| format!("node-{node:04}")).collect::<Vec<_>>(),
        "power_zones" => vec!["package+dram"; nodes],
        "labels" => vec!["{}"; nodes],
        "first_ms" => ms(day.start()),
        "last_ms" => ms(day.end()),
        "metered" => vec![true; nodes]
    )?)
}

fn pods_frame(pods: &[Pod]) -> Result<DataFrame> {
    let mut next_job = -1;
    let job_id: Vec<Option<i32>> = pods
        .iter()
        .map(|pod| {
            pod.job.map(|_| {
                next_job += 1;
                next_job
            })
        })
        .collect();
    Ok(df!(
        "pod_id" => (0..pods.len() as i32).collect::<Vec<_>>(),
        "node_id" => pods.iter().map(|pod| pod.node).collect::<Vec<_>>(),
        "namespace" => pods.iter().map(|pod| format!("team-{}", pod.slot % 40)).collect::<Vec<_>>(),
        "workload" => pods.iter().map(workload).collect::<Vec<_>>(),
        "pod" => pods.iter().map(|pod| pod.name.as_str()).collect::<Vec<_>>(),
        "uid" => pods.iter().map(|pod| format!("uid-{}", pod.name)).collect::<Vec<_>>(),
        "job_id" => job_id,
        "cpu_request_milli" => vec![Some(500_i64); pods.len()],
        "last_ms" => vec![None::<i64>; pods.len()]
    )?)
}

fn jobs_frame(pods: &[Pod], day: UtcDay, number: i64) -> Result<DataFrame> {
    let jobs: Vec<(&Pod, i64)> = pods.iter().filter_map(|pod| pod.job.map(|job| (pod, job))).collect();
    let n = jobs.len();
    // The first step of a job, counted from the start of the month.
    let begin = |pod: &Pod, job: i64| job * JOB_STEPS + (pod.slot as i64 / 10) % JOB_STEPS;
    let month_ms = day.start().timestamp_millis() - number * 86_400_000;
    let start = |pod: &Pod, job: i64| month_ms + begin(pod, job) * STEP_S * 1_000;
    let shifted = |job: i64| if job % 3 == 0 { 4 * 3_600_000 } else { 0 };
    let text = |value: &str| -> Vec<Option<String>> { vec![(!value.is_empty()).then(|| value.to_owned()); n] };
    let ends_today = |pod: &Pod, job: i64| begin(pod, job) + JOB_STEPS <= (number + 1) * STEPS;
    let mut names = Vec::with_capacity(n);
    for (pod, job) in &jobs {
        let mut name = String::new();
        write!(name, "batch-{}-{job}", pod.slot).expect("a string takes all that is written to it");
        names.push(name);
    }
    Ok(df!(
        "job_id" => (0..n as i32).collect::<Vec<_>>(),
        "namespace" => jobs.iter().map(|(pod, _)| format!("team-{}", pod.slot % 40)).collect::<Vec<_>>(),
        "job" => names,
        "workload" => jobs.iter().map(|(pod, _)| workload(pod)).collect::<Vec<_>>(),
        "uid" => text(""),
        "created_ms" => jobs.iter().map(|(pod, job)| Some(start(pod, *job) - shifted(*job))).collect::<Vec<_>>(),
        "started_ms" => jobs.iter().map(|(pod, job)| Some(start(pod, *job))).collect::<Vec<_>>(),
        "completed_ms" => jobs.iter().map(|(pod, job)| ends_today(pod, *job).then(|| start(pod, *job) + JOB_STEPS * STEP_S * 1_000)).collect::<Vec<_>>(),
        "was_suspended" => vec![false; n],
        "scheduled_timestamp" => text(""),
        "schedule" => text(""),
        "schedule_time_zone" => text(""),
        "baseline_start" => text(""),
        "home_zone" => text(""),
        "is_carbon_aware" => vec![Some(true); n],
        "is_deferrable" => vec![None::<bool>; n]
    )?)
}
