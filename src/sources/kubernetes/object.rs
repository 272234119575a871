//! What is kept of a Kubernetes object: the facts that the method reads, and no other.
//!
//! Rule: names, times, owners, the labels and annotations that say something of shifting, the labels of nodes and namespaces, CPU requests. Never an environment variable,
//! a volume, an image or a copy of the manifest.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::resources::Kind;

/// An object with its identity, the uid.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Object {
    pub uid: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    pub name: String,
    pub created: DateTime<Utc>,
    /// When it was asked to go; it stays a little longer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub owners: Vec<Owner>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    #[serde(flatten)]
    pub detail: Detail,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Owner {
    pub kind: String,
    pub name: String,
    pub is_controller: bool,
}

/// What is known of one kind only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind")]
pub enum Detail {
    CronJob {
        schedule: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        time_zone: Option<String>,
        is_suspended: bool,
    },
    Job {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        started: Option<DateTime<Utc>>,
        /// Its completion, or when it failed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ended: Option<DateTime<Utc>>,
        /// None where it never was suspended.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        suspension: Option<Suspension>,
    },
    Namespace {},
    Node {
        #[serde(default, skip_serializing_if = "String::is_empty")]
        internal_ip: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cpu_cores: Option<f64>,
        /// Those that pods can have.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cpu_allocatable_cores: Option<f64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        memory_bytes: Option<f64>,
    },
    Pod {
        /// Empty until it is scheduled.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        node: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        started: Option<DateTime<Utc>>,
        /// When the last of its containers ended, once all have.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ended: Option<DateTime<Utc>>,
        /// By container.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        cpu_request_cores: BTreeMap<String, f64>,
        /// By container and resource (`nvidia.com/gpu`).
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        gpu_request_devices: BTreeMap<String, BTreeMap<String, f64>>,
    },
    ReplicaSet {},
}

/// The last change between suspended and resumed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Suspension {
    pub is_suspended: bool,
    pub since: DateTime<Utc>,
}

impl Object {
    pub fn kind(&self) -> Kind {
        match self.detail {
            Detail::CronJob { .. } => Kind::CronJob,
            Detail::Job { .. } => Kind::Job,
            Detail::Namespace {} => Kind::Namespace,
            Detail::Node { .. } => Kind::Node,
            Detail::Pod { .. } => Kind::Pod,
            Detail::ReplicaSet {} => Kind::ReplicaSet,
        }
    }
}
