//! What the meters count: energy and CPU time of every pod and node in whole millijoules and milliseconds, interval by interval.
//!
//! In: a cluster of the story. Out: cumulative counters as an exporter would show them, and beside them the truth: what a reader that
//! differences exactly must find in each interval between two scrapes. Per power zone, node = idle + pods + other processes.
//! Inside a hole every interval has the same energy, so that spreading the delta over it by time is exact.
//! A Kepler restart loses what pods used in the interval before it, and its idle counter starts again at a value that is no energy.

use std::collections::BTreeMap;

use crate::calendar::{DAY, HOUR, Month, interpolate, is_weekday, local_hour};
use crate::random::{Stream, noise_at};
use crate::story::{Cluster, Node, Pod};

pub const PACKAGE: usize = 0;
pub const DRAM: usize = 1;
pub const CORE: usize = 2;
/// RAPL's names and their folders.
pub const POWER_ZONES: [(&str, &str); 3] = [
    ("package", "/sys/class/powercap/intel-rapl:0"),
    ("dram", "/sys/class/powercap/intel-rapl:0:1"),
    ("core", "/sys/class/powercap/intel-rapl:0:0"),
];

/// Millijoules in each power zone.
type Zones = [i64; 3];

const WATTS_PER_CORE: [f64; 3] = [6.5, 0.9, 4.4];
const IDLE_SHARE: [f64; 3] = [0.86, 0.14, 0.3];

/// Scrape times: `k` counts from an hour before the month's first UTC day to an hour after its last.
pub struct Clock {
    first: i64,
    pub scrape: i64,
    pub count: i64,
}

impl Clock {
    pub fn new(month: &Month, scrape: i64) -> Self {
        let (from, to) = month.utc_days();
        Self { first: from - HOUR, scrape, count: (to - from + 2 * HOUR) / scrape + 1 }
    }

    pub fn time(&self, k: i64) -> i64 {
        self.first + k * self.scrape
    }

    /// The first scrape at or after an instant.
    pub fn at_or_after(&self, instant: i64) -> i64 {
        (instant - self.first + self.scrape - 1).div_euclid(self.scrape).clamp(0, self.count)
    }
}

/// A counter's reading.
pub struct Reading {
    pub k: i64,
    pub zones: Zones,
    pub is_terminated: bool,
}

#[derive(Default)]
pub struct PodMeters {
    pub energy: Vec<Reading>,
    /// Scrape and cumulative milliseconds.
    pub cpu: Vec<(i64, i64)>,
    /// By interval (named by the scrape that ends it): active millijoules and CPU milliseconds as a reader can see them.
    pub truth: BTreeMap<i64, (Option<i64>, Option<i64>)>,
}

#[derive(Default)]
pub struct NodeMeters {
    /// Total, active and idle counters at scrape `k`.
    pub energy: Vec<(i64, [Zones; 3])>,
    /// By interval: metered and idle millijoules.
    pub truth: BTreeMap<i64, (i64, i64)>,
}

pub struct ClusterMeters {
    pub nodes: Vec<NodeMeters>,
    pub pods: Vec<PodMeters>,
}

pub fn run(cluster: &Cluster, clock: &Clock, seed: u64, quantum: i64) -> ClusterMeters {
    let mut pods_energy: Vec<BTreeMap<i64, Zones>> = cluster.nodes.iter().map(|_| BTreeMap::new()).collect();
    let pods =
        cluster.pods.iter().map(|pod| run_pod(pod, &cluster.nodes[pod.node], clock, seed, quantum, &mut pods_energy[pod.node])).collect();
    let nodes = cluster.nodes.iter().zip(&pods_energy).map(|(node, used)| run_node(node, clock, seed, quantum, used)).collect();
    ClusterMeters { nodes, pods }
}

impl Node {
    pub fn first_scrape(&self, clock: &Clock) -> i64 {
        self.born.map_or(0, |born| clock.at_or_after(born))
    }

    /// Whether Kepler and kubelet of this node answered scrape `k`.
    pub fn was_scraped(&self, clock: &Clock, k: i64) -> bool {
        let time = clock.time(k);
        let in_hole = self.hole.is_some_and(|(from, to)| from < time && time < to);
        let exists = self.born.is_none_or(|born| born <= time) && self.died.is_none_or(|died| time <= died);
        exists && !in_hole
    }

    pub fn kepler_answered(&self, clock: &Clock, k: i64) -> bool {
        self.was_scraped(clock, k) && self.exporter_down.is_none_or(|down| clock.time(k) <= down)
    }

    fn restarted_in(&self, clock: &Clock, k: i64) -> Option<i64> {
        self.restart.filter(|restart| clock.time(k - 1) < *restart && *restart <= clock.time(k))
    }

    /// The moment whose load and noise an interval has: its start, or the start of the hole it lies in.
    fn moment(&self, clock: &Clock, k: i64) -> i64 {
        let start = clock.time(k - 1);
        match self.hole {
            Some((from, to)) if from <= start && start < to => from,
            _ => start,
        }
    }
}

fn run_pod(pod: &Pod, node: &Node, clock: &Clock, seed: u64, quantum: i64, node_used: &mut BTreeMap<i64, Zones>) -> PodMeters {
    let mut meters = PodMeters::default();
    let mut cumulative: Zones = [0; 3];
    let mut cpu_cumulative = 0;
    // What is there at its target's first scrape has counted before.
    let is_anchored = pod.born == node.born;
    let first = if is_anchored { node.first_scrape(clock) } else { clock.at_or_after(pod.born.expect("a later pod has a birth") + 1) };
    if is_anchored {
        let mut random = Stream::new(seed, &pod.uid);
        cumulative = WATTS_PER_CORE.map(|watts| quantised(watts * random.below(40_000_000) as f64, quantum));
        cpu_cumulative = random.below(4_000_000) * 10;
        meters.energy.push(Reading { k: first, zones: cumulative, is_terminated: false });
        meters.cpu.push((first, cpu_cumulative));
    }
    for k in (first + i64::from(is_anchored))..clock.count {
        let (start, end) = (clock.time(k - 1), clock.time(k));
        let alive_s = pod.died.map_or(end, |died| died.min(end)) - pod.born.map_or(start, |born| born.max(start));
        if alive_s <= 0 {
            break;
        }
        let moment = node.moment(clock, k);
        let cores = (pod.load.base + pod.load.by_day * daylight(moment)) * (1.0 + 0.08 * noise_at(seed, &pod.uid, moment));
        let cpu_ms = (cores * alive_s as f64 * 100.0) as i64 * 10;
        let used = WATTS_PER_CORE.map(|watts| quantised(watts * cpu_ms as f64, quantum));
        let node_total = node_used.entry(k).or_default();
        for zone in [PACKAGE, DRAM, CORE] {
            node_total[zone] += used[zone];
        }
        let mut seen = used;
        if let Some(restart) = node.restarted_in(clock, k) {
            seen = used.map(|energy| quantised(energy as f64 * (end - restart) as f64 / clock.scrape as f64, quantum));
            cumulative = [0; 3];
        }
        for zone in [PACKAGE, DRAM, CORE] {
            cumulative[zone] += seen[zone];
        }
        cpu_cumulative += cpu_ms;
        let is_terminated = pod.died.is_some_and(|died| died <= end) && pod.died != node.died;
        if node.kepler_answered(clock, k) {
            meters.energy.push(Reading { k, zones: cumulative, is_terminated });
        }
        if node.was_scraped(clock, k) && !is_terminated {
            meters.cpu.push((k, cpu_cumulative));
        }
        let is_metered = node.exporter_down.is_none_or(|down| end <= down);
        let active = is_metered.then_some(seen[PACKAGE] + seen[DRAM]);
        meters.truth.insert(k, (active, (!is_terminated).then_some(cpu_ms)));
    }
    meters
}

fn run_node(node: &Node, clock: &Clock, seed: u64, quantum: i64, used: &BTreeMap<i64, Zones>) -> NodeMeters {
    let mut meters = NodeMeters::default();
    let mut random = Stream::new(seed, &node.name);
    let mut idle = [0, 0, 0].map(|_: i64| quantised(random.below(900_000_000) as f64, quantum));
    let mut active = [0, 0, 0].map(|_: i64| quantised(random.below(600_000_000) as f64, quantum));
    let mut total: Zones = [0; 3];
    for zone in [PACKAGE, DRAM, CORE] {
        total[zone] = idle[zone] + active[zone];
    }
    let first = node.first_scrape(clock);
    meters.energy.push((first, [total, active, idle]));
    for k in (first + 1)..clock.count {
        if node.died.is_some_and(|died| clock.time(k) > died) || node.exporter_down.is_some_and(|down| clock.time(k) > down) {
            break;
        }
        let moment = node.moment(clock, k);
        let pods = used.get(&k).copied().unwrap_or_default();
        let idle_ms_watts = node.idle_watts * clock.scrape as f64 * 1_000.0 * (1.0 + 0.01 * noise_at(seed, &node.name, moment));
        let other_cores = 0.35 + 0.1 * noise_at(seed, "other processes", moment ^ node.name.len() as i64);
        let (mut metered, mut idle_now) = (0, 0);
        for zone in [PACKAGE, DRAM, CORE] {
            let idle_delta = quantised(idle_ms_watts * IDLE_SHARE[zone], quantum);
            let active_delta = pods[zone] + quantised(WATTS_PER_CORE[zone] * other_cores * clock.scrape as f64 * 1_000.0, quantum);
            total[zone] += idle_delta + active_delta;
            idle[zone] += idle_delta;
            active[zone] += active_delta;
            if zone != CORE {
                metered += idle_delta + active_delta;
                idle_now += idle_delta;
            }
        }
        if node.restarted_in(clock, k).is_some() {
            // Raw RAPL times the usage of the first reading: Kepler's phantom.
            active = total.map(|energy| quantised(energy as f64 * 0.375, quantum));
            for zone in [PACKAGE, DRAM, CORE] {
                idle[zone] = total[zone] - active[zone];
            }
            idle_now = 0;
        }
        meters.truth.insert(k, (metered, idle_now));
        if node.kepler_answered(clock, k) {
            meters.energy.push((k, [total, active, idle]));
        }
    }
    meters
}

/// How busy people keep a service, 0 to 1.
fn daylight(instant: i64) -> f64 {
    let curve = [(0.0, 0.12), (5.0, 0.05), (9.0, 0.8), (12.0, 1.0), (17.0, 0.85), (20.0, 0.95), (23.0, 0.3), (24.0, 0.12)];
    let week = if is_weekday(instant.div_euclid(DAY) * DAY) { 1.0 } else { 0.7 };
    interpolate(&curve, local_hour(instant)) * week
}

/// Rounded down to a multiple of the quantum.
fn quantised(millijoules: f64, quantum: i64) -> i64 {
    millijoules as i64 / quantum * quantum
}
