//! Job runs and what is said of them.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::Name;

/// One Kubernetes Job with all its pods, as far as it was seen.
#[derive(Clone, Debug, PartialEq)]
pub struct JobRun {
    pub cluster: Name,
    pub namespace: Name,
    pub job: Name,
    /// Null where only kube-state-metrics serves; identity is then namespace, job and creation.
    pub uid: Option<Name>,
    pub workload: Name,
    pub created: Option<DateTime<Utc>>,
    /// The first start seen; a resumed Job's later starts do not count.
    pub started: Option<DateTime<Utc>>,
    pub completed: Option<DateTime<Utc>>,
    /// When a node took the first of its pods, where that is known; a Job counts as started while they wait.
    pub pods_started: Option<DateTime<Utc>>,
    pub was_suspended: bool,
    /// `batch.kubernetes.io/cronjob-scheduled-timestamp`, as written.
    pub scheduled_timestamp: Option<Name>,
    pub schedule: Option<Name>,
    pub schedule_time_zone: Option<Name>,
    /// `wattledger.io/baseline-start`, as written.
    pub baseline_start: Option<Name>,
    /// `wattledger.io/home-zone`, as written.
    pub home_zone: Option<Name>,
    /// `wattledger.io/home-cluster`, as written: the cluster in which the same workload would have run.
    pub home_cluster: Option<Name>,
    /// `wattledger.io/decision`, as written: a [`super::Decision`] in JSON.
    pub decision: Option<Name>,
    /// `max-delay-hours`, as written.
    pub max_delay_hours: Option<Name>,
    pub is_carbon_aware: Option<bool>,
    pub is_deferrable: Option<bool>,
}

/// Which rule gave a run's baseline start (method, section 7: the first that exists, with the scheduler's own record after the annotation).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum BaselineRule {
    Annotation,
    /// What a decision record calls eligible.
    Decision,
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

/// What a run's cause was read off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CauseBasis {
    /// A decision record from before the start.
    Decision,
    Label,
    /// KEDA made the Job: its top controller is a ScaledJob.
    ScaledJob,
    /// It started later, or elsewhere, and nobody said why.
    Inferred,
    /// It was not shifted.
    None,
}
