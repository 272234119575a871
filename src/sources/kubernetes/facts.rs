//! From API objects to facts.
//!
//! In: objects as the API server serves them. Out: [`Object`]. Rule: an object is itself by its uid and lives from its creation; one without
//! them is refused. Assumes: `batch/v1`, `apps/v1` and `v1` of Kubernetes 1.24 or newer. Does not: keep what the method does not read.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use k8s_openapi::api::apps::v1::ReplicaSet;
use k8s_openapi::api::batch::v1::{CronJob, Job, JobCondition};
use k8s_openapi::api::core::v1::{Container, Namespace, Node, Pod, PodStatus};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};

use super::object::{Detail, Object, Owner, Suspension};
use super::quantity;
use super::resources::Kind;

/// What a user says of shifting is said with this prefix, or bare.
const PREFIX: &str = "wattledger.io/";
/// Labels that are also read without the prefix.
const BARE_LABELS: [&str; 3] = ["carbon-aware", "deferrable", MAX_DELAY_HOURS];
/// As a label or as an annotation.
const MAX_DELAY_HOURS: &str = "max-delay-hours";
/// Kueue's: the queue in which a Job waits.
const QUEUE_NAME: &str = "kueue.x-k8s.io/queue-name";
const GPU_RESOURCES: [&str; 2] = ["nvidia.com/gpu", "amd.com/gpu"];
const SCHEDULED_TIMESTAMP: &str = "batch.kubernetes.io/cronjob-scheduled-timestamp";
/// What kubectl writes on a Job that it makes of a CronJob.
const INSTANTIATE: &str = "cronjob.kubernetes.io/instantiate";

/// An API object that facts can be taken from. An error says what it lacks.
pub trait Facts {
    const KIND: Kind;

    fn facts(self) -> Result<Object, String>;
}

impl Facts for Pod {
    const KIND: Kind = Kind::Pod;

    fn facts(self) -> Result<Object, String> {
        let (spec, status) = (self.spec.unwrap_or_default(), self.status.unwrap_or_default());
        let detail = Detail::Pod {
            node: spec.node_name.unwrap_or_default(),
            started: status.start_time.as_ref().map(instant),
            ended: end_of_containers(&status),
            cpu_request_cores: spec.containers.iter().filter_map(cpu_request).collect(),
            gpu_request_devices: spec.containers.iter().filter_map(gpu_request).collect(),
        };
        object(Self::KIND, self.metadata, detail)
    }
}

impl Facts for Node {
    const KIND: Kind = Kind::Node;

    fn facts(self) -> Result<Object, String> {
        let status = self.status.unwrap_or_default();
        let (capacity, allocatable) = (status.capacity.unwrap_or_default(), status.allocatable.unwrap_or_default());
        let amount = |of: &BTreeMap<String, Quantity>, name: &str| of.get(name).and_then(|Quantity(text)| quantity::number(text));
        let internal = status.addresses.unwrap_or_default().into_iter().find(|address| address.type_ == "InternalIP");
        let detail = Detail::Node {
            internal_ip: internal.map(|address| address.address).unwrap_or_default(),
            cpu_cores: amount(&capacity, "cpu"),
            cpu_allocatable_cores: amount(&allocatable, "cpu"),
            memory_bytes: amount(&capacity, "memory"),
        };
        object(Self::KIND, self.metadata, detail)
    }
}

impl Facts for Job {
    const KIND: Kind = Kind::Job;

    fn facts(self) -> Result<Object, String> {
        let status = self.status.unwrap_or_default();
        let conditions = status.conditions.unwrap_or_default();
        let changed = |condition: &JobCondition| condition.last_transition_time.as_ref().map(instant);
        let failed = conditions.iter().find(|condition| condition.type_ == "Failed" && condition.status == "True").and_then(changed);
        let suspension = conditions.iter().find(|condition| condition.type_ == "Suspended");
        let detail = Detail::Job {
            started: status.start_time.as_ref().map(instant),
            // The completion time is set on success only.
            ended: status.completion_time.as_ref().map(instant).or(failed),
            suspension: suspension
                .and_then(|condition| Some(Suspension { is_suspended: condition.status == "True", since: changed(condition)? })),
        };
        object(Self::KIND, self.metadata, detail)
    }
}

impl Facts for CronJob {
    const KIND: Kind = Kind::CronJob;

    fn facts(self) -> Result<Object, String> {
        let spec = self.spec.unwrap_or_default();
        let is_suspended = spec.suspend.unwrap_or_default();
        let detail = Detail::CronJob { schedule: spec.schedule, time_zone: spec.time_zone, is_suspended };
        object(Self::KIND, self.metadata, detail)
    }
}

impl Facts for Namespace {
    const KIND: Kind = Kind::Namespace;

    fn facts(self) -> Result<Object, String> {
        object(Self::KIND, self.metadata, Detail::Namespace {})
    }
}

impl Facts for ReplicaSet {
    const KIND: Kind = Kind::ReplicaSet;

    fn facts(self) -> Result<Object, String> {
        object(Self::KIND, self.metadata, Detail::ReplicaSet {})
    }
}

fn object(kind: Kind, metadata: ObjectMeta, detail: Detail) -> Result<Object, String> {
    let name = metadata.name.unwrap_or_default();
    let namespace = metadata.namespace.unwrap_or_default();
    let (Some(uid), Some(created)) = (metadata.uid.filter(|uid| !uid.is_empty()), &metadata.creation_timestamp) else {
        return Err(format!("an object of {kind}, `{namespace}/{name}`, has no uid or no creation time"));
    };
    let owners = metadata.owner_references.unwrap_or_default().into_iter();
    let chosen = |texts: Option<BTreeMap<String, String>>, is_kept: fn(Kind, &str) -> bool| {
        texts.unwrap_or_default().into_iter().filter(|(key, _)| is_kept(kind, key)).collect()
    };
    Ok(Object {
        uid,
        namespace,
        name,
        created: instant(created),
        deletion: metadata.deletion_timestamp.as_ref().map(instant),
        owners: owners.map(|owner| Owner { kind: owner.kind, name: owner.name, is_controller: owner.controller == Some(true) }).collect(),
        labels: chosen(metadata.labels, is_label_kept),
        annotations: chosen(metadata.annotations, is_annotation_kept),
        detail,
    })
}

/// All of a node's, because pools select by any, and of a namespace's, because the one that names a cost centre is configured; of work only what says something of shifting.
fn is_label_kept(kind: Kind, key: &str) -> bool {
    match kind {
        Kind::Namespace | Kind::Node => true,
        Kind::ReplicaSet => false,
        Kind::CronJob | Kind::Job | Kind::Pod => key.starts_with(PREFIX) || BARE_LABELS.contains(&key) || key == QUEUE_NAME,
    }
}

fn is_annotation_kept(kind: Kind, key: &str) -> bool {
    match kind {
        Kind::Namespace | Kind::Node | Kind::ReplicaSet => false,
        Kind::CronJob | Kind::Job | Kind::Pod => {
            key.starts_with(PREFIX) || [SCHEDULED_TIMESTAMP, INSTANTIATE, MAX_DELAY_HOURS].contains(&key)
        }
    }
}

fn cpu_request(container: &Container) -> Option<(String, f64)> {
    let Quantity(text) = container.resources.as_ref()?.requests.as_ref()?.get("cpu")?;
    Some((container.name.clone(), quantity::number(text)?))
}

fn gpu_request(container: &Container) -> Option<(String, BTreeMap<String, f64>)> {
    let requests = container.resources.as_ref()?.requests.as_ref()?;
    let of = |name: &&str| Some(((*name).to_owned(), quantity::number(&requests.get(*name)?.0)?));
    let devices: BTreeMap<String, f64> = GPU_RESOURCES.iter().filter_map(of).collect();
    (!devices.is_empty()).then(|| (container.name.clone(), devices))
}

/// When the last container ended; none while one of them runs or waits.
fn end_of_containers(status: &PodStatus) -> Option<DateTime<Utc>> {
    let containers = status.container_statuses.as_ref()?;
    let ends = containers.iter().map(|one| one.state.as_ref()?.terminated.as_ref()?.finished_at.as_ref().map(instant));
    ends.collect::<Option<Vec<_>>>()?.into_iter().max()
}

fn instant(time: &Time) -> DateTime<Utc> {
    // Both types reach further than any cluster's clock.
    DateTime::from_timestamp_millis(time.0.as_millisecond()).unwrap_or_default()
}
