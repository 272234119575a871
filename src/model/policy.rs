//! Choices the method leaves to the organisation; each is printed in the report.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Who gets a node's idle energy (method, section 3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IdlePolicy {
    /// By CPU seconds of the step, pods only.
    #[default]
    ByUsage,
    /// By CPU requests.
    ByRequest,
    /// Nobody: it stays in `(idle)`.
    Unallocated,
}

impl IdlePolicy {
    pub const ALL: [Self; 3] = [Self::ByUsage, Self::ByRequest, Self::Unallocated];

    /// As the configuration writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ByUsage => "by-usage",
            Self::ByRequest => "by-request",
            Self::Unallocated => "unallocated",
        }
    }
}

/// Which location-based figure is the reported one; both are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LocationBased {
    #[default]
    Hourly,
    Annual,
}

/// Which column of an intensity series feeds location-based emissions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FactorKind {
    /// Combustion only: what Scope 2 is made of.
    #[default]
    Direct,
    /// With upstream: belongs to Scope 3 category 3.
    Lifecycle,
}

/// What becomes of the energy between a pod's last sample and its recorded end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tails {
    /// It stays in `(system)`.
    #[default]
    Unattributed,
    /// It is moved to the pod at its last rate.
    LastRate,
}

/// How raw samples are asked of a Prometheus server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReadWay {
    /// By remote read where the server serves it and shows that it hides nothing, else by query.
    #[default]
    Auto,
    /// Compressed chunks, streamed.
    RemoteRead,
    /// The raw matrix `x[w]`, in windows that the server can bear.
    Query,
    /// Counters at the quarters of an hour, with the raw samples around resets: for slow links.
    Edges,
}

/// How a Prometheus server is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pull {
    pub read: ReadWay,
    /// Of one request, its body included.
    pub timeout: Duration,
    /// Questions in flight. More than two cost the server memory and gain little.
    pub concurrency: usize,
    /// Labels by which replicas of the server differ; they are no part of a series' identity.
    pub replica_labels: Vec<String>,
}

impl Default for Pull {
    fn default() -> Self {
        Self {
            read: ReadWay::Auto,
            timeout: Duration::from_secs(60),
            concurrency: 2,
            replica_labels: ["prometheus_replica", "replica"].map(str::to_owned).to_vec(),
        }
    }
}
