//! When a workload starts if nobody shifts it: the hours of day of its unshifted runs.

use std::collections::BTreeMap;

/// Cluster, namespace, workload.
pub type WorkloadName = (String, String, String);

/// Starts of unshifted runs by workload, ms since the epoch, of the days before the period and of the period itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    pub starts_ms: BTreeMap<WorkloadName, Vec<i64>>,
}
