//! Whether what did not happen could have happened: the replayed baseline against the cluster's CPU.

/// Hours in which the replayed baseline asks for more CPU than the cluster could give.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Capacity {
    /// Hours of the period in which a replayed run would have run, and the cluster's CPU is known.
    pub examined_hours: u64,
    /// Clusters whose CPU nobody said.
    pub unknown_clusters: Vec<usize>,
    /// Sorted by cluster and hour.
    pub exceeded: Vec<ExceededHour>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExceededHour {
    pub cluster: usize,
    /// Hours since the epoch.
    pub hour: i32,
    /// The most of any step, in thousandths of a core.
    pub requested_milli: i64,
    /// In that step.
    pub allocatable_milli: i64,
    /// Replayed runs in that step: indices of [`crate::accounting::plan::Plan::runs`].
    pub runs: Vec<usize>,
}
