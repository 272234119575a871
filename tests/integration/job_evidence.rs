//! Evidence of a month of Jobs, written through the store without a meter: what each pod used in each step is given.
//!
//! A node's meter is the sum of its pods and the idle energy that is given; nobody says what CPU time was used, so that idle energy stays with the node. A day knows
//! of a Job what was known by its end, as a collected day does.

use std::collections::{BTreeMap, BTreeSet};

use polars::prelude::{DataFrame, df};
use wattledger::evidence::{DayManifest, SCHEMA, Store};
use wattledger::model::Tier;
use wattledger::model::tables::Table;
use wattledger::units::UtcDay;

/// A Job with its pods. Times are in seconds since the epoch.
#[derive(Clone, Debug)]
pub struct Job {
    pub namespace: String,
    pub job: String,
    pub workload: String,
    pub created_s: i64,
    pub started_s: i64,
    pub completed_s: i64,
    pub baseline_start: Option<String>,
    pub home_zone: Option<String>,
    pub pods: Vec<Pod>,
}

impl Job {
    /// The same work so many seconds later; the steps of its profile move with it, so they have to be whole steps.
    pub fn shift(&mut self, later_s: i64, step_s: i64) {
        assert_eq!(later_s % step_s, 0, "{}", self.job);
        self.started_s += later_s;
        self.completed_s += later_s;
        for pod in &mut self.pods {
            pod.energy = pod.energy.iter().map(|(step, mj)| (step + (later_s / step_s) as i32, *mj)).collect();
        }
    }
}

#[derive(Clone, Debug)]
pub struct Pod {
    pub node: usize,
    pub cpu_request_milli: i64,
    /// mJ by step.
    pub energy: BTreeMap<i32, i64>,
}

impl Pod {
    /// A pod that draws the same power from one second to another, in mJ a second.
    pub fn of_power(node: usize, cpu_request_milli: i64, span_s: (i64, i64), step_s: i64, power: i64) -> Self {
        Self::of_profile(node, cpu_request_milli, span_s, step_s, |_| power)
    }

    /// The same with a power for each step.
    pub fn of_profile(node: usize, cpu_request_milli: i64, span_s: (i64, i64), step_s: i64, power: impl Fn(i32) -> i64) -> Self {
        let (from_s, to_s) = span_s;
        let steps = from_s.div_euclid(step_s)..=(to_s - 1).div_euclid(step_s);
        let energy = steps.map(|step| {
            let (begin, stop) = ((step * step_s).max(from_s), ((step + 1) * step_s).min(to_s));
            (step as i32, (stop - begin) * power(step as i32))
        });
        Self { node, cpu_request_milli, energy: energy.collect() }
    }
}

/// A cluster of so many nodes, of which all are there every day.
pub struct Cluster<'a> {
    pub name: &'a str,
    pub nodes: usize,
    pub idle_mj: i64,
    pub step_s: i64,
    pub jobs: &'a [Job],
    /// Whether nodes, pods and jobs stand in the tables in the opposite order.
    pub is_backwards: bool,
}

impl Cluster<'_> {
    pub fn write(&self, store: &Store, days: &[UtcDay]) {
        for day in days {
            self.write_day(store, *day);
        }
    }

    fn write_day(&self, store: &Store, day: UtcDay) {
        let steps = self.steps(day);
        let mut jobs: Vec<&Job> = self.jobs.iter().filter(|job| touches(job, day)).collect();
        if self.is_backwards {
            jobs.reverse();
        }
        let mut pods: Vec<(usize, usize, &Pod)> = Vec::new();
        for (job, of_job) in jobs.iter().enumerate() {
            let of_day = of_job.pods.iter().enumerate().filter(|(_, pod)| pod.energy.range(steps.clone()).next().is_some());
            pods.extend(of_day.map(|(number, pod)| (job, number, pod)));
        }
        pods.sort_by_key(|(.., pod)| self.node_id(pod.node));
        let tables = BTreeMap::from([
            (Table::Nodes, self.nodes_frame(day)),
            (Table::Pods, self.pods_frame(&jobs, &pods, &steps)),
            (Table::Jobs, jobs_frame(&jobs, day)),
            (Table::NodeSteps, self.node_steps_frame(&pods, &steps)),
            (Table::Usage, self.usage_frame(&pods, &steps)),
        ]);
        let manifest = DayManifest {
            schema: SCHEMA.to_owned(),
            cluster: self.name.to_owned(),
            day: day.to_string(),
            step_seconds: self.step_s,
            metering: None,
            endpoint: None,
            baseline_policy: None,
            replaces: None,
            software: "a test".to_owned(),
            queries: vec![],
            unanswered: vec![],
            files: vec![],
            findings: vec![],
        };
        store.write_day(&tables, manifest).unwrap();
    }

    fn steps(&self, day: UtcDay) -> std::ops::Range<i32> {
        let step = |instant: chrono::DateTime<chrono::Utc>| (instant.timestamp() / self.step_s) as i32;
        step(day.start())..step(day.end())
    }

    fn node_id(&self, node: usize) -> i32 {
        if self.is_backwards { (self.nodes - 1 - node) as i32 } else { node as i32 }
    }

    fn nodes_frame(&self, day: UtcDay) -> DataFrame {
        let mut names: Vec<String> = (0..self.nodes).map(|node| format!("node-{node}")).collect();
        if self.is_backwards {
            names.reverse();
        }
        let ms = |instant: chrono::DateTime<chrono::Utc>| vec![instant.timestamp_millis(); self.nodes];
        df!(
            "node_id" => (0..self.nodes as i32).collect::<Vec<_>>(),
            "node" => names,
            "power_zones" => vec!["package+dram"; self.nodes],
            "labels" => vec!["{}"; self.nodes],
            "first_ms" => ms(day.start()),
            "last_ms" => ms(day.end()),
            "metered" => vec![true; self.nodes]
        )
        .unwrap()
    }

    fn pods_frame(&self, jobs: &[&Job], pods: &[(usize, usize, &Pod)], steps: &std::ops::Range<i32>) -> DataFrame {
        let last_ms = |(job, _, pod): &(usize, usize, &Pod)| {
            let last = pod.energy.range(steps.clone()).next_back().map(|(step, _)| (i64::from(*step) + 1) * self.step_s);
            last.map(|last| last.min(jobs[*job].completed_s) * 1_000)
        };
        let name = |(job, number, _): &(usize, usize, &Pod)| format!("{}-{number}", jobs[*job].job);
        df!(
            "pod_id" => (0..pods.len() as i32).collect::<Vec<_>>(),
            "node_id" => pods.iter().map(|(.., pod)| self.node_id(pod.node)).collect::<Vec<_>>(),
            "namespace" => pods.iter().map(|(job, ..)| jobs[*job].namespace.as_str()).collect::<Vec<_>>(),
            "workload" => pods.iter().map(|(job, ..)| jobs[*job].workload.as_str()).collect::<Vec<_>>(),
            "pod" => pods.iter().map(name).collect::<Vec<_>>(),
            "uid" => pods.iter().map(|pod| format!("uid-{}", name(pod))).collect::<Vec<_>>(),
            "job_id" => pods.iter().map(|(job, ..)| Some(*job as i32)).collect::<Vec<_>>(),
            "cpu_request_milli" => pods.iter().map(|(.., pod)| Some(pod.cpu_request_milli)).collect::<Vec<_>>(),
            "last_ms" => pods.iter().map(last_ms).collect::<Vec<_>>()
        )
        .unwrap()
    }

    fn node_steps_frame(&self, pods: &[(usize, usize, &Pod)], steps: &std::ops::Range<i32>) -> DataFrame {
        let mut metered: BTreeMap<(i32, i32), i64> = BTreeMap::new();
        for node in 0..self.nodes as i32 {
            metered.extend(steps.clone().map(|step| ((node, step), self.idle_mj)));
        }
        for (.., pod) in pods {
            for (step, mj) in pod.energy.range(steps.clone()) {
                *metered.get_mut(&(self.node_id(pod.node), *step)).unwrap() += mj;
            }
        }
        df!(
            "node_id" => metered.keys().map(|key| key.0).collect::<Vec<_>>(),
            "step" => metered.keys().map(|key| key.1).collect::<Vec<_>>(),
            "metered_mj" => metered.values().copied().collect::<Vec<_>>(),
            "idle_mj" => vec![Some(self.idle_mj); metered.len()],
            "tier" => vec![Tier::Metered.id(); metered.len()]
        )
        .unwrap()
    }

    fn usage_frame(&self, pods: &[(usize, usize, &Pod)], steps: &std::ops::Range<i32>) -> DataFrame {
        let of_pod = |(id, (.., pod)): (usize, &(usize, usize, &Pod))| {
            let node = self.node_id(pod.node);
            pod.energy.range(steps.clone()).map(|(step, mj)| (node, id as i32, *step, Some(*mj))).collect::<Vec<_>>()
        };
        let rows: Vec<_> = pods.iter().enumerate().flat_map(of_pod).collect();
        df!(
            "node_id" => rows.iter().map(|row| row.0).collect::<Vec<_>>(),
            "pod_id" => rows.iter().map(|row| row.1).collect::<Vec<_>>(),
            "step" => rows.iter().map(|row| row.2).collect::<Vec<_>>(),
            "active_mj" => rows.iter().map(|row| row.3).collect::<Vec<_>>(),
            "cpu_ms" => vec![None::<i64>; rows.len()],
            "tail_mj" => vec![None::<i64>; rows.len()]
        )
        .unwrap()
    }
}

/// Whether a day has seen it: created before its end, and not done before it.
fn touches(job: &Job, day: UtcDay) -> bool {
    job.created_s < day.end().timestamp() && job.completed_s > day.start().timestamp()
}

fn jobs_frame(jobs: &[&Job], day: UtcDay) -> DataFrame {
    let names: BTreeSet<_> = jobs.iter().map(|job| (&job.namespace, &job.job)).collect();
    assert_eq!(names.len(), jobs.len(), "a Job stands twice on {day}");
    let end_s = day.end().timestamp();
    let known = |instant_s: i64| (instant_s <= end_s).then_some(instant_s * 1_000);
    let nothing = || vec![None::<String>; jobs.len()];
    df!(
        "job_id" => (0..jobs.len() as i32).collect::<Vec<_>>(),
        "namespace" => jobs.iter().map(|job| job.namespace.as_str()).collect::<Vec<_>>(),
        "job" => jobs.iter().map(|job| job.job.as_str()).collect::<Vec<_>>(),
        "workload" => jobs.iter().map(|job| job.workload.as_str()).collect::<Vec<_>>(),
        "uid" => jobs.iter().map(|job| Some(format!("uid-{}", job.job))).collect::<Vec<_>>(),
        "created_ms" => jobs.iter().map(|job| Some(job.created_s * 1_000)).collect::<Vec<_>>(),
        "started_ms" => jobs.iter().map(|job| known(job.started_s)).collect::<Vec<_>>(),
        "completed_ms" => jobs.iter().map(|job| known(job.completed_s)).collect::<Vec<_>>(),
        "was_suspended" => vec![false; jobs.len()],
        "scheduled_timestamp" => nothing(),
        "schedule" => nothing(),
        "schedule_time_zone" => nothing(),
        "baseline_start" => jobs.iter().map(|job| job.baseline_start.clone()).collect::<Vec<_>>(),
        "home_zone" => jobs.iter().map(|job| job.home_zone.clone()).collect::<Vec<_>>(),
        "is_carbon_aware" => vec![None::<bool>; jobs.len()],
        "is_deferrable" => vec![None::<bool>; jobs.len()]
    )
    .unwrap()
}
