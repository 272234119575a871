//! Who runs where: three clusters, their nodes, their services, and what goes wrong with their meters.
//!
//! `prod-nl` is the organisation's own, `edge-fr` stands in a colocation, `burst-pl` is a cloud. Services follow the day; batch work is
//! in `jobs`. On purpose there is: a pod that is recreated under its name, a Kepler that restarts, two hours in which one node was not
//! scraped, and a node whose Kepler is down for its last six hours.

use crate::calendar::{HOUR, Month};
use crate::jobs;
use crate::random::{suffix, uuid};

pub struct Story {
    pub clusters: Vec<Cluster>,
}

pub struct Cluster {
    pub name: &'static str,
    pub nodes: Vec<Node>,
    pub pods: Vec<Pod>,
    pub cron_jobs: Vec<CronJob>,
    pub jobs: Vec<Job>,
}

#[derive(Default)]
pub struct Node {
    pub name: String,
    pub idle_watts: f64,
    /// Whether its processor also has the power zone `core`, which lies inside `package`.
    pub has_core: bool,
    pub born: Option<i64>,
    pub died: Option<i64>,
    /// From here on Kepler is down, while the node goes on.
    pub exporter_down: Option<i64>,
    /// Scrapes strictly between these two instants failed.
    pub hole: Option<(i64, i64)>,
    /// Kepler restarted at this instant.
    pub restart: Option<i64>,
}

pub struct Pod {
    pub namespace: String,
    pub name: String,
    pub uid: String,
    pub workload: String,
    pub owner: Owner,
    /// Index into the cluster's nodes.
    pub node: usize,
    pub born: Option<i64>,
    pub died: Option<i64>,
    pub load: Load,
    pub request_milli: i64,
}

pub enum Owner {
    ReplicaSet { name: String, deployment: String },
    StatefulSet(String),
    DaemonSet(String),
    Job(String),
}

/// CPU cores in use: always, and more by day.
#[derive(Clone, Copy)]
pub struct Load {
    pub base: f64,
    pub by_day: f64,
}

pub struct CronJob {
    pub namespace: &'static str,
    pub name: &'static str,
    pub schedule: &'static str,
    pub time_zone: &'static str,
    /// `wattledger.io/home-zone` on the CronJob itself.
    pub home_zone: Option<&'static str>,
}

/// One Kubernetes Job.
pub struct Job {
    pub namespace: String,
    pub name: String,
    pub cron_job: Option<&'static str>,
    pub created: i64,
    pub started: i64,
    /// When its last pod ended.
    pub ended: i64,
    /// A failed Job has no completion time.
    pub is_complete: bool,
    pub was_suspended: bool,
    /// `batch.kubernetes.io/cronjob-scheduled-timestamp`.
    pub scheduled_timestamp: Option<String>,
    /// `wattledger.io/baseline-start`.
    pub baseline_start: Option<String>,
    /// `wattledger.io/home-zone` on the Job.
    pub home_zone: Option<&'static str>,
    /// The label's key, bare or with prefix, where the Job carries it with the value `true`.
    pub carbon_aware_label: Option<&'static str>,
}

impl Job {
    pub fn workload(&self) -> String {
        match self.cron_job {
            Some(name) => format!("CronJob/{name}"),
            None => format!("Job/{}", self.name),
        }
    }
}

pub fn tell(month: &Month, seed: u64, is_small: bool) -> Story {
    let mut clusters = if is_small { vec![small_nl()] } else { vec![prod_nl(month), edge_fr(month), burst_pl(month)] };
    for cluster in &mut clusters {
        add_services(cluster, month, seed, is_small);
        jobs::add(cluster, month, seed, is_small);
    }
    Story { clusters }
}

fn node(name: &str, idle_watts: f64, has_core: bool) -> Node {
    Node { name: name.to_owned(), idle_watts, has_core, ..Node::default() }
}

fn cluster(name: &'static str, nodes: Vec<Node>) -> Cluster {
    Cluster { name, nodes, pods: Vec::new(), cron_jobs: Vec::new(), jobs: Vec::new() }
}

fn small_nl() -> Cluster {
    cluster("prod-nl", vec![node("nl-node-1", 62.0, true)])
}

fn prod_nl(month: &Month) -> Cluster {
    let mut nodes = vec![node("nl-node-1", 62.0, true), node("nl-node-2", 64.0, true), node("nl-node-3", 88.0, true)];
    nodes[1].restart = Some(month.utc(18, 11, 7, 30));
    cluster("prod-nl", nodes)
}

fn edge_fr(month: &Month) -> Cluster {
    let mut nodes = vec![node("fr-node-1", 48.0, false), node("fr-node-2", 47.0, false)];
    nodes[1].hole = Some((month.utc(13, 10, 0, 0), month.utc(13, 12, 0, 0)));
    cluster("edge-fr", nodes)
}

fn burst_pl(month: &Month) -> Cluster {
    let mut nodes = vec![node("pl-node-1", 55.0, false), node("pl-node-2", 55.0, false)];
    nodes[1].born = Some(month.utc(5, 6, 0, 0));
    nodes[1].died = Some(month.utc(24, 18, 0, 0));
    nodes[1].exporter_down = Some(month.utc(24, 18, 0, 0) - 6 * HOUR);
    cluster("burst-pl", nodes)
}

fn add_services(cluster: &mut Cluster, month: &Month, seed: u64, is_small: bool) {
    let web = Load { base: 0.6, by_day: 2.6 };
    let api = Load { base: 0.5, by_day: 1.8 };
    let db = Load { base: 0.9, by_day: 0.8 };
    let light = Load { base: 0.12, by_day: 0.1 };
    match (cluster.name, is_small) {
        (_, true) => deployment(cluster, seed, "shop", "web", &[0, 0], web, 1_000),
        ("prod-nl", _) => {
            deployment(cluster, seed, "shop", "web", &[0, 0, 1, 1], web, 1_000);
            deployment(cluster, seed, "shop", "api", &[0, 1, 2], api, 1_000);
            stateful_set(cluster, seed, "shop", "db", &[0, 1], db, 2_000);
            stateful_set(cluster, seed, "platform", "queue", &[2], light, 250);
            replace_pod(cluster, seed, "db-1", month.utc(9, 13, 22, 10), month.utc(9, 13, 23, 40));
        }
        ("edge-fr", _) => {
            deployment(cluster, seed, "shop", "storefront", &[0, 1, 1], Load { base: 0.5, by_day: 1.4 }, 500);
            stateful_set(cluster, seed, "shop", "cache", &[0], light, 250);
        }
        _ => {
            deployment(cluster, seed, "render", "worker", &[0, 0, 1, 1], Load { base: 1.2, by_day: 1.0 }, 2_000);
            // The rented node stands idle before and after its work, and nothing else runs there; one pod stays until the node goes.
            for pod in cluster.pods.iter_mut().filter(|pod| pod.node == 1) {
                pod.born = pod.born.map(|born| born + 2 * HOUR - 400);
            }
            if let Some(pod) = cluster.pods.iter_mut().find(|pod| pod.node == 1) {
                pod.died = pod.died.map(|died| died - 9 * HOUR + 130);
            }
        }
    }
    let lasting = cluster.nodes.iter().take_while(|node| node.born.is_none()).count();
    for index in 0..lasting {
        let name = format!("node-monitor-{}", suffix(seed, &format!("{}/{index}", cluster.name)));
        let owner = Owner::DaemonSet("node-monitor".to_owned());
        add_pod(cluster, seed, "monitoring", name, "DaemonSet/node-monitor", owner, index, light, 100);
    }
}

fn deployment(cluster: &mut Cluster, seed: u64, namespace: &str, name: &str, nodes: &[usize], load: Load, request_milli: i64) {
    let replica_set = format!("{name}-{}d8f", &uuid(seed, &format!("{}/{name}", cluster.name))[..6]);
    for (replica, node) in nodes.iter().enumerate() {
        let pod = format!("{replica_set}-{}", suffix(seed, &format!("{replica_set}/{replica}")));
        let owner = Owner::ReplicaSet { name: replica_set.clone(), deployment: name.to_owned() };
        add_pod(cluster, seed, namespace, pod, &format!("Deployment/{name}"), owner, *node, load, request_milli);
    }
}

fn stateful_set(cluster: &mut Cluster, seed: u64, namespace: &str, name: &str, nodes: &[usize], load: Load, request_milli: i64) {
    for (ordinal, node) in nodes.iter().enumerate() {
        let owner = Owner::StatefulSet(name.to_owned());
        add_pod(cluster, seed, namespace, format!("{name}-{ordinal}"), &format!("StatefulSet/{name}"), owner, *node, load, request_milli);
    }
}

#[allow(clippy::too_many_arguments)]
fn add_pod(
    cluster: &mut Cluster,
    seed: u64,
    namespace: &str,
    name: String,
    workload: &str,
    owner: Owner,
    node: usize,
    load: Load,
    request_milli: i64,
) {
    cluster.pods.push(Pod {
        namespace: namespace.to_owned(),
        uid: uuid(seed, &format!("{}/{namespace}/{name}", cluster.name)),
        name,
        workload: workload.to_owned(),
        owner,
        node,
        born: cluster.nodes[node].born,
        died: cluster.nodes[node].died,
        load,
        request_milli,
    });
}

/// A pod of a StatefulSet ends, and one with its name and another uid begins.
fn replace_pod(cluster: &mut Cluster, seed: u64, name: &str, ended: i64, began: i64) {
    let old = cluster.pods.iter_mut().find(|pod| pod.name == name).expect("the story names a pod it has made");
    old.died = Some(ended);
    let new = Pod {
        namespace: old.namespace.clone(),
        name: old.name.clone(),
        uid: uuid(seed, &format!("second {name}")),
        workload: old.workload.clone(),
        owner: Owner::StatefulSet("db".to_owned()),
        node: old.node,
        born: Some(began),
        died: None,
        load: old.load,
        request_milli: old.request_milli,
    };
    cluster.pods.push(new);
}
