//! The meters and the objects of Kubernetes as OpenMetrics text, for `promtool tsdb create-blocks-from openmetrics`.
//!
//! Names and labels are those of Kepler 0.11, kube-state-metrics 2.20 and the kubelet's cAdvisor; each series also has `cluster`, so that one
//! Prometheus can serve all three. kube-state-metrics is scraped every half hour, the others every scrape interval.
//! An empty label is left out, as Prometheus does.

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::calendar::{DAY, HOUR};
use crate::meters::{CORE, Clock, ClusterMeters, POWER_ZONES};
use crate::story::{Cluster, Job, Owner, Pod};

/// Objects stay in the API this long after they ended.
const KEPT_S: i64 = 3 * HOUR;
const KUBE_STATE_METRICS_SCRAPE_S: i64 = HOUR / 2;
/// Of every node.
const NODE_CORES: &str = "64";

struct Text<'a> {
    out: String,
    cluster: &'a str,
}

impl Text<'_> {
    fn family(&mut self, name: &str, kind: &str) {
        writeln!(self.out, "# TYPE {name} {kind}").expect("writing to a string cannot fail");
    }

    /// One series with its samples: times in seconds, values as text.
    fn series(&mut self, metric: &str, labels: &[(&str, &str)], samples: impl Iterator<Item = (i64, String)>) {
        let mut head = format!("{metric}{{cluster=\"{}\"", self.cluster);
        for (key, value) in labels.iter().filter(|label| !label.1.is_empty()) {
            write!(head, ",{key}=\"{value}\"").expect("writing to a string cannot fail");
        }
        head.push('}');
        for (time, value) in samples {
            writeln!(self.out, "{head} {value} {time}").expect("writing to a string cannot fail");
        }
    }
}

pub fn write(cluster: &Cluster, meters: &ClusterMeters, clock: &Clock) -> String {
    let mut text = Text { out: String::new(), cluster: cluster.name };
    node_energy(&mut text, cluster, meters, clock);
    pod_energy(&mut text, cluster, meters, clock);
    process_starts(&mut text, cluster, clock);
    pod_cpu(&mut text, cluster, meters, clock);
    nodes(&mut text, cluster, clock);
    namespaces(&mut text, cluster, clock);
    pods(&mut text, cluster, clock);
    cron_jobs(&mut text, cluster, clock);
    jobs(&mut text, cluster, clock);
    text.out.push_str("# EOF\n");
    text.out
}

fn thousandths(value: i64) -> String {
    format!("{}.{:03}", value / 1_000, value % 1_000)
}

fn kepler(cluster: &Cluster, node: usize) -> String {
    let network = cluster.name.len();
    format!("10.{network}.1.{}:28282", 11 + node)
}

fn node_energy(text: &mut Text, cluster: &Cluster, meters: &ClusterMeters, clock: &Clock) {
    for (kind, middle) in ["", "active_", "idle_"].iter().enumerate() {
        let family = format!("kepler_node_cpu_{middle}joules");
        text.family(&family, "counter");
        for (index, node) in cluster.nodes.iter().enumerate() {
            for (zone, (name, path)) in POWER_ZONES.iter().enumerate().filter(|(zone, _)| *zone != CORE || node.has_core) {
                let instance = kepler(cluster, index);
                let labels =
                    [("instance", instance.as_str()), ("job", "kepler"), ("node_name", &node.name), ("path", path), ("zone", name)];
                let samples = meters.nodes[index].energy.iter().map(|(k, counters)| (clock.time(*k), thousandths(counters[kind][zone])));
                text.series(&format!("{family}_total"), &labels, samples);
            }
        }
    }
}

fn pod_energy(text: &mut Text, cluster: &Cluster, meters: &ClusterMeters, clock: &Clock) {
    text.family("kepler_pod_cpu_joules", "counter");
    for (pod, meters) in cluster.pods.iter().zip(&meters.pods) {
        let node = &cluster.nodes[pod.node];
        for (zone, (name, _)) in POWER_ZONES.iter().enumerate().filter(|(zone, _)| *zone != CORE || node.has_core) {
            for (state, is_terminated) in [("running", false), ("terminated", true)] {
                let instance = kepler(cluster, pod.node);
                let labels = [
                    ("instance", instance.as_str()),
                    ("job", "kepler"),
                    ("node_name", &node.name),
                    ("pod_id", &pod.uid),
                    ("pod_name", &pod.name),
                    ("pod_namespace", &pod.namespace),
                    ("state", state),
                    ("zone", name),
                ];
                let readings = meters.energy.iter().filter(|reading| reading.is_terminated == is_terminated);
                text.series(
                    "kepler_pod_cpu_joules_total",
                    &labels,
                    readings.map(|reading| (clock.time(reading.k), thousandths(reading.zones[zone]))),
                );
            }
        }
    }
}

fn process_starts(text: &mut Text, cluster: &Cluster, clock: &Clock) {
    text.family("process_start_time_seconds", "gauge");
    for (index, node) in cluster.nodes.iter().enumerate() {
        let first = clock.time(node.first_scrape(clock)) - HOUR - 37;
        let instance = kepler(cluster, index);
        let samples = (0..clock.count).filter(|k| node.kepler_answered(clock, *k)).map(|k| {
            let start = node.restart.filter(|restart| *restart <= clock.time(k)).unwrap_or(first);
            (clock.time(k), start.to_string())
        });
        text.series("process_start_time_seconds", &[("instance", &instance), ("job", "kepler")], samples);
    }
}

fn pod_cpu(text: &mut Text, cluster: &Cluster, meters: &ClusterMeters, clock: &Clock) {
    text.family("container_cpu_usage_seconds", "counter");
    for (index, (pod, meters)) in cluster.pods.iter().zip(&meters.pods).enumerate() {
        let slice = format!("/kubepods/burstable/pod{}", pod.uid);
        let id = format!("{slice}/{}{}", pod.uid.replace('-', ""), pod.uid.replace('-', ""));
        // The pod's own control group repeats its containers; one pod shows it, so that adding both would be seen.
        let layers: &[(&str, &str)] = if index == 0 { &[("main", &id), ("", &slice)] } else { &[("main", &id)] };
        for (container, id) in layers {
            let labels = [
                ("container", *container),
                ("cpu", "total"),
                ("id", id),
                ("instance", &cluster.nodes[pod.node].name),
                ("job", "kubelet"),
                ("metrics_path", "/metrics/cadvisor"),
                ("namespace", &pod.namespace),
                ("pod", &pod.name),
            ];
            let samples = meters.cpu.iter().map(|(k, ms)| (clock.time(*k), thousandths(*ms)));
            text.series("container_cpu_usage_seconds_total", &labels, samples);
        }
    }
}

/// Scrapes of kube-state-metrics from one instant to another, both included, each with the same value.
fn object(clock: &Clock, from: i64, to: i64, value: &str) -> impl Iterator<Item = (i64, String)> {
    let (first, last) = (clock.time(0), clock.time(clock.count - 1));
    let start = from.max(first).div_euclid(KUBE_STATE_METRICS_SCRAPE_S) * KUBE_STATE_METRICS_SCRAPE_S;
    let value = value.to_owned();
    (start..=to.min(last))
        .step_by(KUBE_STATE_METRICS_SCRAPE_S as usize)
        .filter(move |time| *time >= from.max(first))
        .map(move |time| (time, value.clone()))
}

const KUBE_STATE_METRICS: [(&str, &str); 2] = [("instance", "10.0.0.8:8080"), ("job", "kube-state-metrics")];

fn with_target<'a>(labels: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    KUBE_STATE_METRICS.iter().chain(labels).copied().collect()
}

fn nodes(text: &mut Text, cluster: &Cluster, clock: &Clock) {
    let span = |node: &crate::story::Node| (node.born.unwrap_or(i64::MIN), node.died.unwrap_or(i64::MAX));
    text.family("kube_node_info", "gauge");
    for node in &cluster.nodes {
        let (from, to) = span(node);
        let labels = with_target(&[("kernel_version", "6.1.0"), ("kubelet_version", "v1.36.2"), ("node", &node.name)]);
        text.series("kube_node_info", &labels, object(clock, from, to, "1"));
    }
    text.family("kube_node_status_capacity", "gauge");
    for node in &cluster.nodes {
        let (from, to) = span(node);
        let labels = with_target(&[("node", &node.name), ("resource", "cpu"), ("unit", "core")]);
        text.series("kube_node_status_capacity", &labels, object(clock, from, to, NODE_CORES));
    }
    text.family("kube_node_labels", "gauge");
    for node in &cluster.nodes {
        let (from, to) = span(node);
        let region = &cluster.name[cluster.name.len() - 2..];
        let labels = with_target(&[
            ("label_kubernetes_io_hostname", &node.name),
            ("label_topology_kubernetes_io_region", region),
            ("node", &node.name),
        ]);
        text.series("kube_node_labels", &labels, object(clock, from, to, "1"));
    }
}

/// Who pays, by the label `cost-centre`: security has none, and ml becomes a cost centre of its own in the middle of the month.
fn namespaces(text: &mut Text, cluster: &Cluster, clock: &Clock) {
    let middle = (clock.time(0) + clock.time(clock.count - 1)) / 2 / DAY * DAY + 10 * HOUR;
    let names: BTreeSet<&str> = cluster.pods.iter().map(|pod| pod.namespace.as_str()).collect();
    text.family("kube_namespace_labels", "gauge");
    for name in names {
        let (before, after) = match name {
            "shop" | "reporting" => ("4100-shop", "4100-shop"),
            "ml" => ("4200-data", "4210-forecasts"),
            "data" | "render" => ("4200-data", "4200-data"),
            "platform" | "monitoring" | "ci" => ("1000-platform", "1000-platform"),
            _ => ("", ""),
        };
        let mut label = |value, from, to| {
            let labels = with_target(&[("label_cost_centre", value), ("namespace", name)]);
            text.series("kube_namespace_labels", &labels, object(clock, from, to, "1"));
        };
        if before == after {
            label(before, i64::MIN, i64::MAX);
        } else {
            label(before, i64::MIN, middle - 1);
            label(after, middle, i64::MAX);
        }
    }
}

fn pods(text: &mut Text, cluster: &Cluster, clock: &Clock) {
    let kept = |pod: &Pod| if matches!(pod.owner, Owner::Job(_)) { KEPT_S } else { 0 };
    let span = |pod: &Pod| (pod.born.unwrap_or(i64::MIN), pod.died.map_or(i64::MAX, |died| died + kept(pod)));
    let owner = |pod: &Pod| match &pod.owner {
        Owner::ReplicaSet { name, .. } => ("ReplicaSet", name.clone()),
        Owner::StatefulSet(name) => ("StatefulSet", name.clone()),
        Owner::DaemonSet(name) => ("DaemonSet", name.clone()),
        Owner::Job(name) => ("Job", name.clone()),
    };
    text.family("kube_pod_info", "gauge");
    for pod in &cluster.pods {
        let (kind, name) = owner(pod);
        let labels = with_target(&[
            ("created_by_kind", kind),
            ("created_by_name", &name),
            ("host_network", "false"),
            ("namespace", &pod.namespace),
            ("node", &cluster.nodes[pod.node].name),
            ("pod", &pod.name),
            ("uid", &pod.uid),
        ]);
        text.series("kube_pod_info", &labels, object(clock, span(pod).0, span(pod).1, "1"));
    }
    text.family("kube_pod_owner", "gauge");
    for pod in &cluster.pods {
        let (kind, name) = owner(pod);
        let labels = with_target(&[
            ("namespace", &pod.namespace),
            ("owner_is_controller", "true"),
            ("owner_kind", kind),
            ("owner_name", &name),
            ("pod", &pod.name),
            ("uid", &pod.uid),
        ]);
        text.series("kube_pod_owner", &labels, object(clock, span(pod).0, span(pod).1, "1"));
    }
    times_of_pods(text, cluster, clock, &span);
    text.family("kube_pod_container_resource_requests", "gauge");
    for pod in &cluster.pods {
        let labels = with_target(&[
            ("container", "main"),
            ("namespace", &pod.namespace),
            ("node", &cluster.nodes[pod.node].name),
            ("pod", &pod.name),
            ("resource", "cpu"),
            ("uid", &pod.uid),
            ("unit", "core"),
        ]);
        text.series(
            "kube_pod_container_resource_requests",
            &labels,
            object(clock, span(pod).0, span(pod).1, &thousandths(pod.request_milli)),
        );
    }
    text.family("kube_replicaset_owner", "gauge");
    let mut seen = Vec::new();
    for pod in &cluster.pods {
        if let Owner::ReplicaSet { name, deployment } = &pod.owner
            && !seen.contains(name)
        {
            seen.push(name.clone());
            let labels = with_target(&[
                ("namespace", &pod.namespace),
                ("owner_is_controller", "true"),
                ("owner_kind", "Deployment"),
                ("owner_name", deployment),
                ("replicaset", name),
            ]);
            text.series("kube_replicaset_owner", &labels, object(clock, i64::MIN, i64::MAX, "1"));
        }
    }
}

fn times_of_pods(text: &mut Text, cluster: &Cluster, clock: &Clock, span: &dyn Fn(&Pod) -> (i64, i64)) {
    text.family("kube_pod_created", "gauge");
    for pod in &cluster.pods {
        let labels = with_target(&[("namespace", &pod.namespace), ("pod", &pod.name), ("uid", &pod.uid)]);
        // Services are a week older than the data.
        let created = pod.born.unwrap_or(clock.time(0) - 7 * 24 * HOUR);
        text.series("kube_pod_created", &labels, object(clock, span(pod).0, span(pod).1, &created.to_string()));
    }
    text.family("kube_pod_completion_time", "gauge");
    for pod in cluster.pods.iter().filter(|pod| matches!(pod.owner, Owner::Job(_))) {
        let labels = with_target(&[("namespace", &pod.namespace), ("pod", &pod.name), ("uid", &pod.uid)]);
        let died = pod.died.expect("pods of Jobs end");
        text.series("kube_pod_completion_time", &labels, object(clock, died, span(pod).1, &died.to_string()));
    }
}

fn cron_jobs(text: &mut Text, cluster: &Cluster, clock: &Clock) {
    text.family("kube_cronjob_info", "gauge");
    for job in &cluster.cron_jobs {
        let labels = with_target(&[
            ("concurrency_policy", "Forbid"),
            ("cronjob", job.name),
            ("namespace", job.namespace),
            ("schedule", job.schedule),
            ("timezone", job.time_zone),
        ]);
        text.series("kube_cronjob_info", &labels, object(clock, i64::MIN, i64::MAX, "1"));
    }
    text.family("kube_cronjob_annotations", "gauge");
    for job in cluster.cron_jobs.iter().filter(|job| job.home_zone.is_some()) {
        let home_zone = job.home_zone.unwrap_or_default();
        let labels = with_target(&[("annotation_wattledger_io_home_zone", home_zone), ("cronjob", job.name), ("namespace", job.namespace)]);
        text.series("kube_cronjob_annotations", &labels, object(clock, i64::MIN, i64::MAX, "1"));
    }
}

fn jobs(text: &mut Text, cluster: &Cluster, clock: &Clock) {
    let gone = |job: &Job| job.ended + KEPT_S;
    text.family("kube_job_owner", "gauge");
    for job in &cluster.jobs {
        let owner = job.cron_job.unwrap_or_default();
        let kind = if owner.is_empty() { "" } else { "CronJob" };
        let is_controller = if owner.is_empty() { "" } else { "true" };
        let labels = with_target(&[
            ("job_name", &job.name),
            ("namespace", &job.namespace),
            ("owner_is_controller", is_controller),
            ("owner_kind", kind),
            ("owner_name", owner),
        ]);
        text.series("kube_job_owner", &labels, object(clock, job.created, gone(job), "1"));
    }
    text.family("kube_job_created", "gauge");
    for job in &cluster.jobs {
        text.series("kube_job_created", &of_job(job), object(clock, job.created, gone(job), &job.created.to_string()));
    }
    text.family("kube_job_status_start_time", "gauge");
    for job in &cluster.jobs {
        text.series("kube_job_status_start_time", &of_job(job), object(clock, job.started, gone(job), &job.started.to_string()));
    }
    text.family("kube_job_status_completion_time", "gauge");
    for job in cluster.jobs.iter().filter(|job| job.is_complete) {
        text.series("kube_job_status_completion_time", &of_job(job), object(clock, job.ended, gone(job), &job.ended.to_string()));
    }
    text.family("kube_job_status_suspended", "gauge");
    for job in cluster.jobs.iter().filter(|job| job.was_suspended) {
        let suspended = object(clock, job.created, job.started - 1, "1");
        text.series("kube_job_status_suspended", &of_job(job), suspended.chain(object(clock, job.started, gone(job), "0")));
    }
    text.family("kube_job_labels", "gauge");
    for job in &cluster.jobs {
        if let Some(label) = job.carbon_aware_label {
            let key = format!("label_{}", mangled(label));
            let mut labels = of_job(job);
            labels.insert(2, (&key, "true"));
            text.series("kube_job_labels", &labels, object(clock, job.created, gone(job), "1"));
        }
    }
    text.family("kube_job_annotations", "gauge");
    for job in &cluster.jobs {
        let annotations = [
            ("annotation_batch_kubernetes_io_cronjob_scheduled_timestamp", job.scheduled_timestamp.as_deref().unwrap_or_default()),
            ("annotation_wattledger_io_baseline_start", job.baseline_start.as_deref().unwrap_or_default()),
            ("annotation_wattledger_io_home_zone", job.home_zone.unwrap_or_default()),
        ];
        if annotations.iter().any(|annotation| !annotation.1.is_empty()) {
            let labels = [of_job(job).as_slice(), &annotations].concat();
            text.series("kube_job_annotations", &labels, object(clock, job.created, gone(job), "1"));
        }
    }
}

fn of_job(job: &Job) -> Vec<(&str, &str)> {
    with_target(&[("job_name", &job.name), ("namespace", &job.namespace)])
}

/// A label's key as kube-state-metrics writes it.
fn mangled(key: &str) -> String {
    key.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '_' }).collect()
}
