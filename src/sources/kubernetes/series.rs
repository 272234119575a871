//! From lives of objects to the series that kube-state-metrics would have served.
//!
//! In: a [`History`], a UTC day. Out: series named and labelled as kube-state-metrics names them, with a `uid` on Jobs too, which it lacks, and
//! with `source="kubernetes-api"`. Rule: a sample where a fact began to hold and one where it ended or the day did; what lies behind the day is
//! not known on it, so that a day collected later has the same bytes. Does not: decide what the facts mean.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::history::{History, Life};
use super::object::{Detail, Object, Owner};
use crate::model::{KUBERNETES_API, Series, kube_state_metrics_name};
use crate::units::UtcDay;

const SOURCE: (&str, &str) = ("source", KUBERNETES_API);
/// A pod that ended so short before the day may have its last energy sample within it.
const BEFORE_THE_DAY_MS: i64 = 3_600_000;

pub type Samples = Vec<(i64, f64)>;

/// The series of every object that was there on the day, or may have been.
pub fn series_of_day(history: History, day: UtcDay) -> Vec<(Series, Samples)> {
    let (start_ms, end_ms) = (day.start().timestamp_millis(), day.end().timestamp_millis());
    let mut series = Vec::new();
    for life in history.into_lives() {
        let has_begun = life.stretches[0].from_ms < end_ms;
        let reaches_it = life.stretches[life.stretches.len() - 1].until_ms >= start_ms - BEFORE_THE_DAY_MS || !life.is_gone;
        if has_begun && reaches_it {
            series.extend(series_of(&life, end_ms));
        }
    }
    series
}

fn series_of(life: &Life, end_ms: i64) -> BTreeMap<Series, Samples> {
    let mut written = Written { series: BTreeMap::new(), end_ms };
    for stretch in life.stretches.iter().filter(|stretch| stretch.from_ms < end_ms) {
        written.object(&stretch.object, stretch.from_ms, stretch.until_ms.min(end_ms));
    }
    for samples in written.series.values_mut() {
        samples.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
        samples.dedup();
        *samples = ends_of_runs(samples);
    }
    written.series
}

/// The first and the last sample of every run of one value. One object does not cease to exist between two sights of it.
fn ends_of_runs(samples: &[(i64, f64)]) -> Samples {
    let ends = samples.chunk_by(|a, b| a.1 == b.1).flat_map(|run| [run[0], run[run.len() - 1]]);
    let mut kept: Samples = ends.collect();
    kept.dedup();
    kept
}

type Labels<'a> = Vec<(&'a str, &'a str)>;

struct Written {
    series: BTreeMap<Series, Samples>,
    end_ms: i64,
}

impl Written {
    /// Everything that an object's facts say, as they held from then to then.
    fn object(&mut self, object: &Object, from_ms: i64, until_ms: i64) {
        let held = [from_ms, until_ms];
        let Object { uid, namespace, name, .. } = object;
        match &object.detail {
            Detail::Pod { node, started, ended, cpu_request_cores, gpu_request_devices } => {
                let key: Labels = vec![("namespace", namespace), ("pod", name), ("uid", uid)];
                self.value("kube_pod_info", &with(&key, &[("node", node)]), held, 1.0);
                self.owners("kube_pod_owner", &key, &object.owners, held);
                self.time("kube_pod_created", &key, held, Some(object.created));
                self.time("kube_pod_start_time", &key, held, *started);
                self.time("kube_pod_completion_time", &key, held, *ended);
                self.time("kube_pod_deletion_timestamp", &key, held, object.deletion);
                self.texts("kube_pod_labels", "label", &key, &object.labels, held);
                self.texts("kube_pod_annotations", "annotation", &key, &object.annotations, held);
                for (container, cores) in cpu_request_cores {
                    let request = [("container", container.as_str()), ("node", node), ("resource", "cpu"), ("unit", "core")];
                    self.value("kube_pod_container_resource_requests", &with(&key, &request), held, *cores);
                }
                for (container, resource, devices) in gpu_request_devices
                    .iter()
                    .flat_map(|(container, of)| of.iter().map(move |(resource, devices)| (container, resource, devices)))
                {
                    let resource = kube_state_metrics_name(resource);
                    let request = [("container", container.as_str()), ("node", node), ("resource", resource.as_str()), ("unit", "integer")];
                    self.value("kube_pod_container_resource_requests", &with(&key, &request), held, *devices);
                }
            }
            Detail::ReplicaSet {} => {
                self.owners("kube_replicaset_owner", &[("namespace", namespace), ("replicaset", name)], &object.owners, held);
            }
            Detail::Job { started, ended, suspension } => {
                let key: Labels = vec![("namespace", namespace), ("job_name", name), ("uid", uid)];
                self.owners("kube_job_owner", &key, &object.owners, held);
                self.time("kube_job_created", &key, held, Some(object.created));
                self.time("kube_job_status_start_time", &key, held, *started);
                self.time("kube_job_status_completion_time", &key, held, *ended);
                if let Some(change) = suspension {
                    // A sample of the change, and of what had been until then: a Job that was resumed had been suspended.
                    let (since_ms, is_suspended) = (change.since.timestamp_millis(), f64::from(u8::from(change.is_suspended)));
                    self.value("kube_job_status_suspended", &key, [since_ms; 2], is_suspended);
                    if !change.is_suspended {
                        self.value("kube_job_status_suspended", &key, [since_ms - 1; 2], 1.0);
                    }
                }
                self.texts("kube_job_labels", "label", &key, &object.labels, held);
                self.texts("kube_job_annotations", "annotation", &key, &object.annotations, held);
            }
            Detail::CronJob { schedule, time_zone, is_suspended } => {
                let key: Labels = vec![("namespace", namespace), ("cronjob", name)];
                // `local` is what kube-state-metrics writes where there is none.
                let time_zone = time_zone.as_deref().unwrap_or("local");
                self.value("kube_cronjob_info", &with(&key, &[("schedule", schedule), ("timezone", time_zone)]), held, 1.0);
                self.value("kube_cronjob_spec_suspend", &key, held, f64::from(u8::from(*is_suspended)));
                self.texts("kube_cronjob_labels", "label", &key, &object.labels, held);
                self.texts("kube_cronjob_annotations", "annotation", &key, &object.annotations, held);
            }
            Detail::Namespace {} => self.texts("kube_namespace_labels", "label", &[("namespace", name)], &object.labels, held),
            Detail::Node { internal_ip, cpu_cores, cpu_allocatable_cores, memory_bytes } => {
                let key: Labels = vec![("node", name)];
                self.value("kube_node_info", &with(&key, &[("internal_ip", internal_ip)]), held, 1.0);
                self.texts("kube_node_labels", "label", &key, &object.labels, held);
                let amounts = [
                    ("kube_node_status_capacity", cpu_cores, "cpu", "core"),
                    ("kube_node_status_capacity", memory_bytes, "memory", "byte"),
                    ("kube_node_status_allocatable", cpu_allocatable_cores, "cpu", "core"),
                ];
                for (metric, amount, resource, unit) in amounts {
                    if let Some(amount) = amount {
                        self.value(metric, &with(&key, &[("resource", resource), ("unit", unit)]), held, *amount);
                    }
                }
            }
        }
    }

    /// A label that is empty is left out, as Prometheus does.
    fn value(&mut self, metric: &str, labels: &[(&str, &str)], held: [i64; 2], value: f64) {
        if held[0] >= self.end_ms {
            return;
        }
        let labels = labels.iter().chain([&SOURCE]).filter(|(_, value)| !value.is_empty());
        let labels = labels.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let samples = self.series.entry(Series { metric: metric.to_owned(), labels }).or_default();
        samples.extend(held.map(|ts_ms| (ts_ms.min(self.end_ms), value)));
    }

    /// An instant in seconds since the epoch, unless it was still to come when the day ended.
    fn time(&mut self, metric: &str, labels: &[(&str, &str)], held: [i64; 2], instant: Option<DateTime<Utc>>) {
        if let Some(instant) = instant.filter(|instant| instant.timestamp_millis() < self.end_ms) {
            self.value(metric, labels, held, instant.timestamp_millis() as f64 / 1_000.0);
        }
    }

    /// One series an owner; one without owner labels where there is none, which is known too.
    fn owners(&mut self, metric: &str, key: &[(&str, &str)], owners: &[Owner], held: [i64; 2]) {
        if owners.is_empty() {
            self.value(metric, key, held, 1.0);
        }
        for owner in owners {
            let is_controller = if owner.is_controller { "true" } else { "false" };
            let labels = [("owner_kind", owner.kind.as_str()), ("owner_name", &owner.name), ("owner_is_controller", is_controller)];
            self.value(metric, &with(key, &labels), held, 1.0);
        }
    }

    /// Labels or annotations. Names that become the same are numbered, as kube-state-metrics does.
    fn texts(&mut self, metric: &str, prefix: &str, key: &[(&str, &str)], texts: &BTreeMap<String, String>, held: [i64; 2]) {
        if texts.is_empty() {
            return;
        }
        let mut by_name: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for (name, value) in texts {
            by_name.entry(format!("{prefix}_{}", kube_state_metrics_name(name))).or_default().push(value);
        }
        let mut named: Vec<(String, &str)> = Vec::new();
        for (name, values) in &by_name {
            match values[..] {
                [value] => named.push((name.clone(), value)),
                _ => named.extend(values.iter().enumerate().map(|(i, value)| (format!("{name}_conflict{}", i + 1), *value))),
            }
        }
        let labels: Labels = named.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        self.value(metric, &with(key, &labels), held, 1.0);
    }
}

fn with<'a>(key: &[(&'a str, &'a str)], more: &[(&'a str, &'a str)]) -> Labels<'a> {
    [key, more].concat()
}
