//! Made-up clusters as OpenMetrics text, and what is true of them, in whole millijoules.
//!
//! In: a seed. Out: lines for `promtool`, and [`Truth`], which is summed from what was drawn and never from what was written.
//! Rule: every reading is a whole number of thousandths, so that truth is exact. Does not: use any code of the product.

use std::collections::BTreeMap;
use std::fmt::Write;

/// 2026-10-31T00:00:00Z: the last day of a month, so that a month's report needs no other day.
pub const DAY_S: i64 = 1_793_404_800;
pub const DAY: &str = "2026-10-31";
pub const NEXT_DAY: &str = "2026-11-01";
pub const MONTH: &str = "2026-10";
pub const MINUTE: i64 = 60;
pub const HOUR: i64 = 3_600;

/// The seeds that every case with something drawn runs with: one cluster each.
pub const SEEDS: [u64; 3] = [11, 23, 47];

/// SplitMix64.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Into any order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.between(0, last as i64 + 1) as usize);
        }
    }

    /// From `low` up to and without `high`.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        low + (self.next() % (high - low) as u64) as i64
    }
}

/// What a cluster really used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Truth {
    pub metered_mj: i64,
    pub active_mj: BTreeMap<String, i64>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    Milli(i64),
    Whole(i64),
    Word(&'static str),
}

impl Value {
    fn text(self) -> String {
        match self {
            Self::Milli(value) => format!("{}.{:03}", value / 1_000, value % 1_000),
            Self::Whole(value) => value.to_string(),
            Self::Word(word) => word.to_owned(),
        }
    }
}

/// A pod as Kepler and kube-state-metrics name it.
#[derive(Clone, Copy, Debug)]
pub struct Pod<'a> {
    pub node: &'a str,
    pub namespace: &'a str,
    pub name: &'a str,
    pub uid: &'a str,
    /// Kind and name of the controller.
    pub owner: (&'a str, &'a str),
}

/// One cluster: its lines so far, and what is true of it.
#[derive(Clone, Debug)]
pub struct Cluster {
    pub name: String,
    pub lines: String,
    pub truth: Truth,
    /// Put on every series, as a second Prometheus' external labels would be.
    pub replica: Option<&'static str>,
}

impl Cluster {
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), lines: String::new(), truth: Truth::default(), replica: None }
    }

    pub fn series(&mut self, metric: &str, labels: &[(&str, &str)], samples: impl IntoIterator<Item = (i64, Value)>) {
        let mut head = format!("{metric}{{cluster=\"{}\"", self.name);
        let replica = self.replica.map(|replica| ("prometheus_replica", replica));
        for (name, value) in labels.iter().copied().chain(replica).filter(|(_, value)| !value.is_empty()) {
            let escaped = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            write!(head, ",{name}=\"{escaped}\"").unwrap();
        }
        head.push('}');
        for (time, value) in samples {
            writeln!(self.lines, "{head} {} {time}", value.text()).unwrap();
        }
    }

    /// Readings of a node's meter: Kepler's three counters of one power zone.
    pub fn node_energy(&mut self, node: &str, samples: &[(i64, NodeReading)]) {
        let target = kepler_target(node);
        let labels = [("instance", target.as_str()), ("job", "kepler"), ("node_name", node), ("path", "/sys/rapl:0"), ("zone", "package")];
        let mut counter = |metric: &str, of: fn(&NodeReading) -> Value| {
            self.series(metric, &labels, samples.iter().map(|(time, reading)| (*time, of(reading))));
        };
        counter("kepler_node_cpu_joules_total", |reading| Value::Milli(reading.total_mj));
        counter("kepler_node_cpu_idle_joules_total", |reading| Value::Milli(reading.idle_mj));
        counter("kepler_node_cpu_active_joules_total", |reading| Value::Milli(reading.active_mj));
    }

    pub fn node_object(&mut self, node: &str, times: impl IntoIterator<Item = i64>) {
        let labels = [("instance", "10.0.0.9:8080"), ("job", "kube-state-metrics"), ("node", node)];
        self.series("kube_node_info", &labels, times.into_iter().map(|time| (time, Value::Whole(1))));
    }

    pub fn pod_energy(&mut self, pod: &Pod, samples: impl IntoIterator<Item = (i64, Value)>) {
        let target = kepler_target(pod.node);
        let labels = [
            ("instance", target.as_str()),
            ("job", "kepler"),
            ("node_name", pod.node),
            ("pod_id", pod.uid),
            ("pod_name", pod.name),
            ("pod_namespace", pod.namespace),
            ("state", "running"),
            ("zone", "package"),
        ];
        self.series("kepler_pod_cpu_joules_total", &labels, samples);
    }

    /// What kube-state-metrics says of a pod: that it is there, and whose it is.
    pub fn pod_object(&mut self, pod: &Pod, times: impl IntoIterator<Item = i64> + Clone) {
        let head = [("instance", "10.0.0.9:8080"), ("job", "kube-state-metrics")];
        let own = [("namespace", pod.namespace), ("pod", pod.name), ("uid", pod.uid)];
        let ones = |times: Vec<i64>| times.into_iter().map(|time| (time, Value::Whole(1))).collect::<Vec<_>>();
        let times: Vec<i64> = times.into_iter().collect();
        self.series("kube_pod_info", &[&head[..], &own, &[("node", pod.node)]].concat(), ones(times.clone()));
        let owner = [("owner_kind", pod.owner.0), ("owner_name", pod.owner.1), ("owner_is_controller", "true")];
        self.series("kube_pod_owner", &[&head[..], &own, &owner].concat(), ones(times));
    }

    /// What kube-state-metrics is allowed to show of a namespace's labels; an empty value is a namespace without the label.
    pub fn namespace_labels(&mut self, namespace: &str, cost_centre: &str, times: impl IntoIterator<Item = i64>) {
        let own = [("instance", "10.0.0.9:8080"), ("job", "kube-state-metrics"), ("namespace", namespace)];
        let labels = [&own[..], &[("label_cost_centre", cost_centre)]].concat();
        self.series("kube_namespace_labels", &labels, times.into_iter().map(|time| (time, Value::Whole(1))));
    }

    /// A Kubernetes Job from creation to completion, with the CronJob that made it, where there is one.
    pub fn job_object(&mut self, namespace: &str, job: &str, cron_job: &str, start: i64, end: i64, times: &[i64]) {
        let own = [("instance", "10.0.0.9:8080"), ("job", "kube-state-metrics"), ("namespace", namespace), ("job_name", job)];
        let at = |value: i64| times.iter().map(move |time| (*time, Value::Whole(value))).collect::<Vec<_>>();
        self.series("kube_job_created", &own, at(start));
        self.series("kube_job_status_start_time", &own, at(start));
        let after: Vec<_> = at(end).into_iter().filter(|(time, _)| *time >= end).collect();
        self.series("kube_job_status_completion_time", &own, after);
        let kind = if cron_job.is_empty() { "" } else { "CronJob" };
        let owner = [("owner_kind", kind), ("owner_name", cron_job), ("owner_is_controller", if kind.is_empty() { "" } else { "true" })];
        self.series("kube_job_owner", &[&own[..], &owner].concat(), at(1));
    }
}

fn kepler_target(node: &str) -> String {
    format!("{node}.example:28282")
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NodeReading {
    pub total_mj: i64,
    pub idle_mj: i64,
    pub active_mj: i64,
}

/// A node and two pods through one stretch of scrapes, with what each used from scrape to scrape.
///
/// `api` is there from the first scrape on, so its first reading only says where to count from; `web` is born after scrape [`BORN`].
#[derive(Clone, Debug)]
pub struct Story {
    pub times: Vec<i64>,
    pub node: Vec<NodeReading>,
    pub api: Vec<i64>,
    /// From scrape [`BORN`] + 1 on.
    pub web: Vec<i64>,
    pub random: Random,
}

pub const BORN: usize = 30;
pub const API: Pod = Pod { node: "n1", namespace: "shop", name: "api-0", uid: "uid-api", owner: ("StatefulSet", "api") };
pub const WEB: Pod = Pod { node: "n1", namespace: "web", name: "web-1", uid: "uid-web", owner: ("DaemonSet", "web") };

impl Story {
    /// `scrapes` scrapes, `every_s` seconds apart, the first at `start`.
    pub fn new(seed: u64, start: i64, scrapes: usize, every_s: i64) -> Self {
        Self::in_units_of(1, seed, start, scrapes, every_s)
    }

    /// The same, with nothing smaller than so many millijoules.
    pub fn in_units_of(unit_mj: i64, seed: u64, start: i64, scrapes: usize, every_s: i64) -> Self {
        let mut random = Random::new(seed);
        let mut watts = |low: i64, high: i64| random.between(low * 1_000 * every_s, high * 1_000 * every_s) / unit_mj * unit_mj;
        let since_boot = watts(50_000, 90_000);
        let mut node = NodeReading { total_mj: since_boot, idle_mj: since_boot / 4, active_mj: since_boot - since_boot / 4 };
        let (mut api, mut web) = (watts(500, 900), 0);
        let (mut nodes, mut apis, mut webs) = (vec![node], vec![api], Vec::new());
        for scrape in 1..scrapes {
            let (idle, of_api, other) = (watts(15, 25), watts(5, 30), watts(50, 60));
            let of_web = if scrape > BORN { watts(5, 40) } else { 0 };
            node.total_mj += idle + of_api + of_web + other;
            node.idle_mj += idle;
            node.active_mj += of_api + of_web + other;
            api += of_api;
            web += of_web;
            nodes.push(node);
            apis.push(api);
            if scrape > BORN {
                webs.push(web);
            }
        }
        let times = (0..scrapes as i64).map(|scrape| start + scrape * every_s).collect();
        Self { times, node: nodes, api: apis, web: webs, random }
    }

    /// Six hours at one minute, on [`DAY`].
    pub fn six_hours(seed: u64) -> Self {
        Self::new(seed, DAY_S + 6 * HOUR, 361, MINUTE)
    }

    pub fn node_samples(&self) -> Vec<(i64, NodeReading)> {
        self.times.iter().copied().zip(self.node.iter().copied()).collect()
    }

    pub fn api_samples(&self) -> Vec<(i64, Value)> {
        self.times.iter().copied().zip(self.api.iter().map(|value| Value::Milli(*value))).collect()
    }

    pub fn web_samples(&self) -> Vec<(i64, Value)> {
        self.times[BORN + 1..].iter().copied().zip(self.web.iter().map(|value| Value::Milli(*value))).collect()
    }

    /// What was used between the first scrape and the last, and by `web` since it was born.
    pub fn truth(&self) -> Truth {
        let risen = |values: &[i64]| values[values.len() - 1] - values[0];
        let totals: Vec<i64> = self.node.iter().map(|reading| reading.total_mj).collect();
        Truth {
            metered_mj: risen(&totals),
            active_mj: BTreeMap::from([("shop".to_owned(), risen(&self.api)), ("web".to_owned(), *self.web.last().unwrap_or(&0))]),
        }
    }

    /// Whatever kube-state-metrics says, scraped all the time.
    pub fn objects(&self, cluster: &mut Cluster) {
        cluster.node_object("n1", self.times.iter().copied());
        cluster.pod_object(&API, self.times.iter().copied());
        cluster.pod_object(&WEB, self.times[BORN + 1..].iter().copied());
    }

    /// The whole story as it is, without any fault.
    pub fn cluster(&self, name: &str) -> Cluster {
        let mut cluster = Cluster::new(name);
        self.objects(&mut cluster);
        cluster.node_energy("n1", &self.node_samples());
        cluster.pod_energy(&API, self.api_samples());
        cluster.pod_energy(&WEB, self.web_samples());
        cluster.truth = self.truth();
        cluster
    }
}

/// One cluster a seed: `s11`, `s23`, `s47`.
pub fn by_seed(mut make: impl FnMut(u64, &str) -> Cluster) -> Vec<Cluster> {
    SEEDS.iter().map(|seed| make(*seed, &format!("s{seed}"))).collect()
}

#[test]
fn the_day_is_the_one_it_says() {
    let day = chrono::DateTime::from_timestamp(DAY_S, 0).unwrap();
    assert_eq!(day.format("%Y-%m-%d %H:%M:%S").to_string(), format!("{DAY} 00:00:00"));
}
