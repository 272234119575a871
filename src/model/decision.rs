//! Decisions of a scheduler, written down before a run was moved.
//!
//! In: one line of a decision log (JSONL), or the annotation `wattledger.io/decision` of a Job: the same keys. Rule: only what was recorded before the
//! run started says why it was moved. Does not: trust it: forecasts in it are set against what came to pass.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// One decision about one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// When it was written.
    pub recorded_at: DateTime<Utc>,
    /// When the run could have started: admissible, and with capacity for it.
    pub eligible_at: DateTime<Utc>,
    /// When the run has to have ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<DateTime<Utc>>,
    pub chosen_start: DateTime<Utc>,
    /// Grid zone; the run's own where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chosen_zone: Option<String>,
    #[serde(default)]
    pub reason: DecisionReason,
    /// Left unshifted on purpose, to compare with.
    #[serde(default)]
    pub held_out: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forecast: Option<Forecast>,
    /// What waiting, suspending, resuming or moving cost, where whoever did it measured it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overhead_kwh: Option<f64>,
}

/// Why a scheduler chose a slot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DecisionReason {
    #[default]
    Carbon,
    /// Price, capacity, quota: whatever else it was.
    Other,
}

/// The mean direct intensity over the run that was expected of two slots.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Forecast {
    /// Who forecast it, and when.
    pub source: String,
    /// Had it started when it was eligible, at home.
    pub baseline_gco2e_per_kwh: f64,
    /// In the chosen slot.
    pub chosen_gco2e_per_kwh: f64,
}

/// A line of a decision log: which run, and the decision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DecisionRecord {
    pub cluster: String,
    pub namespace: String,
    pub job: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    #[serde(flatten)]
    pub decision: Decision,
}

/// Where a decision was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DecisionSource {
    Annotation,
    Log,
}
