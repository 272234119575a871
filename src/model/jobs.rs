//! Job runs and what is said of them.

use chrono::{DateTime, Utc};
use serde::Serialize;

/// One Kubernetes Job with all its pods, as far as it was seen.
#[derive(Clone, Debug, PartialEq)]
pub struct JobRun {
    pub cluster: String,
    pub namespace: String,
    pub job: String,
    /// Null where only kube-state-metrics serves; identity is then namespace, job and creation.
    pub uid: Option<String>,
    pub workload: String,
    pub created: Option<DateTime<Utc>>,
    /// The first start seen; a resumed Job's later starts do not count.
    pub started: Option<DateTime<Utc>>,
    pub completed: Option<DateTime<Utc>>,
    pub was_suspended: bool,
    /// `batch.kubernetes.io/cronjob-scheduled-timestamp`, as written.
    pub scheduled_timestamp: Option<String>,
    pub schedule: Option<String>,
    pub schedule_time_zone: Option<String>,
    /// `wattledger.io/baseline-start`, as written.
    pub baseline_start: Option<String>,
    /// `wattledger.io/home-zone`, as written.
    pub home_zone: Option<String>,
    pub is_carbon_aware: Option<bool>,
    pub is_deferrable: Option<bool>,
}

/// Which rule gave a run's baseline start (method, section 7: the first that exists).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum BaselineRule {
    Annotation,
    Schedule,
    Creation,
    OwnStart,
}

/// Why a run was shifted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// A label or decision record says so.
    Carbon,
    /// A queue, a quota: shifted, and nobody said for carbon.
    Other,
    /// Not shifted.
    None,
}
