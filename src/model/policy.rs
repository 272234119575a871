//! Choices the method leaves to the organisation; each is printed in the report.

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
