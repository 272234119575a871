//! What kube-state-metrics and the Kubernetes API said of the cluster on the day: pods, owners, nodes, CPU requests.
//!
//! In: `kube_*` series, whose samples may be only the first and last of each run of equal values. Out: [`ClusterState`], looked up by
//! name or uid. Rule: an object existed from its first to its last sample. Two replicas of kube-state-metrics say the same twice, so
//! everything is kept by key. Assumes: where a scrape renamed a label to `exported_<label>`, that one is the object's.
//! Does not: decide who the workload of a pod is (see `owners`).

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use super::counters::Window;
use crate::model::{KUBERNETES_API, SampleTable, Series};

/// A label as the exporter wrote it: the scrape's own label of that name, if any, pushed it aside as `exported_<name>`.
pub fn own_label<'a>(series: &'a Series, name: &str) -> &'a str {
    match series.labels.get(&format!("exported_{name}")) {
        Some(value) => value,
        None => series.label(name),
    }
}

/// First and last time of a series; series without samples are left out.
pub fn existing<'a>(table: &'a SampleTable, metric: &str) -> impl Iterator<Item = (&'a Series, i64, i64)> + use<'a> {
    table.of_metric(metric).filter_map(|(series, ts_ms, _)| Some((series, *ts_ms.first()?, *ts_ms.last()?)))
}

/// The same, what was seen last first: where a label was changed, its last value holds.
pub fn latest_first<'a>(table: &'a SampleTable, metric: &str) -> Vec<(&'a Series, i64, i64)> {
    let mut all: Vec<_> = existing(table, metric).collect();
    all.sort_by_key(|(_, _, last_ms)| Reverse(*last_ms));
    all
}

/// The node that a scrape of the kubelet names by a label, if it does.
pub fn labelled_node(series: &Series) -> Option<&str> {
    ["node", "kubernetes_io_hostname", "node_name"].into_iter().map(|name| series.label(name)).find(|node| !node.is_empty())
}

#[derive(Clone, Debug)]
pub struct PodInfo<'a> {
    pub namespace: &'a str,
    pub pod: &'a str,
    pub uid: &'a str,
    pub node: &'a str,
    pub first_ms: i64,
    pub last_ms: i64,
}

#[derive(Clone, Debug)]
pub struct Owner<'a> {
    pub uid: &'a str,
    pub kind: &'a str,
    pub name: &'a str,
    pub is_controller: bool,
    last_ms: i64,
}

pub struct NodeInfo {
    pub first_ms: i64,
    pub last_ms: i64,
}

/// GPUs as kube-state-metrics writes their names.
const GPU_RESOURCES: [&str; 2] = ["nvidia_com_gpu", "amd_com_gpu"];

/// By uid and container: when it was said last, and the cores or devices.
type Requests<'a> = BTreeMap<(&'a str, &'a str), (i64, f64)>;

/// Whether the API told them, and when last. The API tells all labels, kube-state-metrics only those that it is allowed to show.
type LabelRank = (bool, i64);

/// Cores by node, as they were seen last, and when.
type NodeCores<'a> = BTreeMap<&'a str, (i64, f64)>;

/// By namespace, then by name.
type ByName<'a, T> = HashMap<&'a str, HashMap<&'a str, T>>;

fn find<'m, T>(map: &'m ByName<T>, namespace: &str, name: &str) -> Option<&'m T> {
    map.get(namespace)?.get(name)
}

/// What the containers of a pod asked for: by uid, else by name (static pods). None where no request was seen.
fn request<'m>(requests: &'m ByName<Requests>, namespace: &str, pod: &str, uid: &str) -> Option<impl Iterator<Item = f64> + use<'m>> {
    let containers = find(requests, namespace, pod)?;
    let has = |wanted: &&str| containers.keys().any(|(uid, _)| uid == wanted);
    let wanted = [uid, ""].into_iter().find(has).or_else(|| containers.keys().next_back().map(|(uid, _)| *uid))?.to_owned();
    Some(containers.iter().filter(move |((uid, _), _)| *uid == wanted).map(|(_, (_, amount))| *amount))
}

#[derive(Default)]
pub struct ClusterState<'a> {
    pub pods: Vec<PodInfo<'a>>,
    pod_by_uid: HashMap<&'a str, usize>,
    pods_by_name: ByName<'a, Vec<usize>>,
    pod_owners: ByName<'a, Vec<Owner<'a>>>,
    replicaset_owners: ByName<'a, Owner<'a>>,
    job_owners: ByName<'a, Owner<'a>>,
    pub nodes: BTreeMap<&'a str, NodeInfo>,
    node_by_ip: HashMap<&'a str, &'a str>,
    node_labels: BTreeMap<&'a str, (LabelRank, &'a Series)>,
    cpu_requests: ByName<'a, Requests<'a>>,
    gpu_requests: ByName<'a, Requests<'a>>,
    /// When a pod's last container ended, ms, by uid.
    pod_ends: ByName<'a, BTreeMap<&'a str, i64>>,
    node_cores: NodeCores<'a>,
    /// Those of them that pods can have.
    node_allocatable: NodeCores<'a>,
}

impl<'a> ClusterState<'a> {
    pub fn of(table: &'a SampleTable, window: &Window) -> Self {
        let mut state = Self::default();
        state.read_pods(table);
        state.read_owners(table);
        state.read_nodes(table, window);
        state.read_ends(table);
        state.read_requests(table);
        state
    }

    fn read_requests(&mut self, table: &'a SampleTable) {
        for (series, ts_ms, value) in table.of_metric("kube_pod_container_resource_requests") {
            let (Some(last_ms), Some(amount)) = (ts_ms.last(), value.last()) else { continue };
            let requests = match series.label("resource") {
                "cpu" => &mut self.cpu_requests,
                resource if GPU_RESOURCES.contains(&resource) => &mut self.gpu_requests,
                _ => continue,
            };
            if amount.is_finite() {
                let pods = requests.entry(own_label(series, "namespace")).or_default();
                let containers = pods.entry(own_label(series, "pod")).or_default();
                let container = (own_label(series, "uid"), own_label(series, "container"));
                let known = containers.entry(container).or_insert((*last_ms, *amount));
                if *last_ms > known.0 {
                    *known = (*last_ms, *amount);
                }
            }
        }
    }

    fn read_pods(&mut self, table: &'a SampleTable) {
        for (series, first_ms, last_ms) in existing(table, "kube_pod_info") {
            let (namespace, pod) = (own_label(series, "namespace"), own_label(series, "pod"));
            let (uid, node) = (own_label(series, "uid"), own_label(series, "node"));
            let same_name = self.pods_by_name.entry(namespace).or_default().entry(pod).or_default();
            if let Some(i) = same_name.iter().find(|i| self.pods[**i].uid == uid) {
                let known = &mut self.pods[*i];
                // The same pod, before it had a node or an address, or seen by a second replica.
                known.first_ms = known.first_ms.min(first_ms);
                if last_ms >= known.last_ms || known.node.is_empty() {
                    known.node = if node.is_empty() { known.node } else { node };
                }
                known.last_ms = known.last_ms.max(last_ms);
                continue;
            }
            same_name.push(self.pods.len());
            self.pod_by_uid.insert(uid, self.pods.len());
            self.pods.push(PodInfo { namespace, pod, uid, node, first_ms, last_ms });
        }
    }

    fn read_owners(&mut self, table: &'a SampleTable) {
        for (owner, series) in owners(table, "kube_pod_owner") {
            let pods = self.pod_owners.entry(own_label(series, "namespace")).or_default();
            pods.entry(own_label(series, "pod")).or_default().push(owner);
        }
        for (metric, label, known) in
            [("kube_replicaset_owner", "replicaset", &mut self.replicaset_owners), ("kube_job_owner", "job_name", &mut self.job_owners)]
        {
            for (owner, series) in owners(table, metric) {
                let names = known.entry(own_label(series, "namespace")).or_default();
                let slot = names.entry(own_label(series, label)).or_insert_with(|| owner.clone());
                if owner.rank() > slot.rank() {
                    *slot = owner;
                }
            }
        }
    }

    fn read_nodes(&mut self, table: &'a SampleTable, window: &Window) {
        for (series, first_ms, last_ms) in existing(table, "kube_node_info") {
            if !window.overlaps(first_ms, last_ms) {
                continue;
            }
            let (node, internal_ip) = (own_label(series, "node"), series.label("internal_ip"));
            let known = self.nodes.entry(node).or_insert(NodeInfo { first_ms, last_ms });
            (known.first_ms, known.last_ms) = (known.first_ms.min(first_ms), known.last_ms.max(last_ms));
            if !internal_ip.is_empty() {
                self.node_by_ip.insert(internal_ip, node);
            }
        }
        self.node_cores = cores(table, "kube_node_status_capacity");
        self.node_allocatable = cores(table, "kube_node_status_allocatable");
        for (series, _, last_ms) in existing(table, "kube_node_labels") {
            let rank = (series.label("source") == KUBERNETES_API, last_ms);
            let known = self.node_labels.entry(own_label(series, "node")).or_insert((rank, series));
            if rank > known.0 {
                *known = (rank, series);
            }
        }
    }

    fn read_ends(&mut self, table: &'a SampleTable) {
        for (series, _, seconds) in table.of_metric("kube_pod_completion_time") {
            for seconds in seconds.iter().filter(|seconds| seconds.is_finite() && **seconds > 0.0) {
                let pods = self.pod_ends.entry(own_label(series, "namespace")).or_default();
                let ends = pods.entry(own_label(series, "pod")).or_default();
                let end = ends.entry(own_label(series, "uid")).or_insert(i64::MIN);
                *end = (*end).max((seconds * 1_000.0) as i64);
            }
        }
    }

    /// When a pod ended, as far as that was recorded: by uid, else by a name that only one pod had.
    pub fn pod_end_ms(&self, namespace: &str, pod: &str, uid: &str) -> Option<i64> {
        let ends = find(&self.pod_ends, namespace, pod)?;
        let only = || ends.values().next().filter(|_| ends.len() == 1 && (uid.is_empty() || ends.contains_key("")));
        ends.get(uid).or_else(only).copied()
    }

    /// The uid of the pod that had a name on a node within a span of time: the one that overlaps it longest. Empty where none is known.
    pub fn uid_at(&self, namespace: &str, pod: &str, node: &str, (first_ms, last_ms): (i64, i64)) -> &'a str {
        let overlap = |info: &&PodInfo| info.last_ms.min(last_ms) - info.first_ms.max(first_ms);
        let there = self.pods_by_name(namespace, pod).filter(|info| info.node == node || info.node.is_empty());
        there.max_by_key(|info| (overlap(info), Reverse(info.first_ms))).map_or("", |info| info.uid)
    }

    /// Where a pod ran, by its name alone.
    pub fn node_of_pod(&self, namespace: &str, pod: &str) -> Option<&'a str> {
        self.pods_by_name(namespace, pod).map(|info| info.node).find(|node| !node.is_empty())
    }

    pub fn node_cores(&self, node: &str) -> Option<f64> {
        self.node_cores.get(node).map(|(_, cores)| *cores)
    }

    pub fn node_allocatable(&self, node: &str) -> Option<f64> {
        self.node_allocatable.get(node).map(|(_, cores)| *cores)
    }

    /// Labels of a node without the prefix that kube-state-metrics adds.
    pub fn node_labels(&self, node: &str) -> impl Iterator<Item = (&'a str, &'a str)> {
        let labels = self.node_labels.get(node).map(|(_, series)| &series.labels).into_iter().flatten();
        labels.filter_map(|(name, value)| Some((name.strip_prefix("label_")?, value.as_str())))
    }

    pub fn pod_by_uid(&self, uid: &str) -> Option<&PodInfo<'a>> {
        self.pod_by_uid.get(uid).map(|i| &self.pods[*i])
    }

    pub fn pods_by_name(&self, namespace: &str, pod: &str) -> impl Iterator<Item = &PodInfo<'a>> {
        find(&self.pods_by_name, namespace, pod).into_iter().flatten().map(|i| &self.pods[*i])
    }

    /// The controller of a pod: by uid, else whoever last owned a pod of that name (a static pod has another uid at the kubelet than at
    /// the API). None where the pod's owners were not seen at all.
    pub fn pod_owner(&self, namespace: &str, pod: &str, uid: &str) -> Option<&Owner<'a>> {
        let owners = find(&self.pod_owners, namespace, pod)?;
        let by_uid = owners.iter().filter(|owner| owner.uid == uid).max_by_key(|owner| owner.rank());
        by_uid.or_else(|| owners.iter().max_by_key(|owner| owner.rank()))
    }

    pub fn replicaset_owner(&self, namespace: &str, replicaset: &str) -> Option<&Owner<'a>> {
        find(&self.replicaset_owners, namespace, replicaset)
    }

    pub fn job_owner(&self, namespace: &str, job: &str) -> Option<&Owner<'a>> {
        find(&self.job_owners, namespace, job)
    }

    /// Sum over the pod's containers, in thousandths of a core; none where no request was seen. By uid, else by name (static pods).
    pub fn cpu_request_milli(&self, namespace: &str, pod: &str, uid: &str) -> Option<i64> {
        let cores = request(&self.cpu_requests, namespace, pod, uid)?;
        Some(cores.map(|cores| (cores * 1_000.0 + 0.5).floor() as i64).sum())
    }

    /// The same for GPUs, in devices.
    pub fn gpu_request(&self, namespace: &str, pod: &str, uid: &str) -> Option<i64> {
        let devices = request(&self.gpu_requests, namespace, pod, uid)?;
        Some(devices.map(|devices| (devices + 0.5).floor() as i64).sum())
    }

    /// A node by its name or, with or without a port, by its address.
    pub fn node_by_instance(&self, instance: &str) -> Option<&'a str> {
        let host = instance.rsplit_once(':').map_or(instance, |(host, _)| host);
        let by_name = |name: &str| self.nodes.get_key_value(name).map(|(node, _)| *node);
        by_name(instance).or_else(|| by_name(host)).or_else(|| self.node_by_ip.get(host).copied())
    }

    /// Labels of a node as JSON, keys sorted, without the prefix that kube-state-metrics adds. Dots and slashes stay underscores.
    pub fn node_labels_json(&self, node: &str) -> String {
        let labels: BTreeMap<&str, &str> = self.node_labels(node).collect();
        serde_json::to_string(&labels).expect("a map of texts is valid JSON")
    }
}

impl Owner<'_> {
    /// The controller goes before other owners, later sight before earlier.
    fn rank(&self) -> (bool, i64) {
        (self.is_controller, self.last_ms)
    }

    /// `<none>` before kube-state-metrics 2.8, an empty label since.
    pub fn is_nobody(&self) -> bool {
        self.kind.is_empty() || self.kind == "<none>"
    }
}

fn cores<'a>(table: &'a SampleTable, metric: &str) -> NodeCores<'a> {
    let mut nodes = NodeCores::new();
    for (series, ts_ms, cores) in table.of_metric(metric) {
        let (Some(last_ms), Some(cores)) = (ts_ms.last(), cores.last()) else { continue };
        if series.label("resource") == "cpu" && *cores > 0.0 {
            let known = nodes.entry(own_label(series, "node")).or_insert((*last_ms, *cores));
            if *last_ms > known.0 {
                *known = (*last_ms, *cores);
            }
        }
    }
    nodes
}

fn owners<'a>(table: &'a SampleTable, metric: &str) -> impl Iterator<Item = (Owner<'a>, &'a Series)> + use<'a> {
    existing(table, metric).map(|(series, _, last_ms)| {
        let owner = Owner {
            uid: own_label(series, "uid"),
            kind: series.label("owner_kind"),
            name: series.label("owner_name"),
            is_controller: series.label("owner_is_controller") == "true",
            last_ms,
        };
        (owner, series)
    })
}
