//! Decisions of a scheduler, written down before a run was moved.
//!
//! In: one line of a decision log (JSONL), or the annotation `wattledger.io/decision` of a Job: the same keys. Rule: a key that is not known is refused, because
//! it would be left aside in silence; only what was recorded before the run started says why it was moved. Does not: trust it: forecasts in it are set
//! against what came to pass.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

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

impl Decision {
    /// From JSON; the error says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        serde_json::from_str(text).map_err(|error| error.to_string()).and_then(Self::checked)
    }

    fn checked(self) -> Result<Self, String> {
        let forecast = self.forecast.iter().flat_map(|forecast| [forecast.baseline_gco2e_per_kwh, forecast.chosen_gco2e_per_kwh]);
        match forecast.chain(self.overhead_kwh).find(|amount| !amount.is_finite() || *amount < 0.0) {
            Some(amount) => Err(format!("{amount} is below zero")),
            None => Ok(self),
        }
    }
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
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DecisionRecord {
    pub cluster: String,
    pub namespace: String,
    pub job: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    #[serde(flatten)]
    pub decision: Decision,
}

impl DecisionRecord {
    /// From a line; the error says what is wrong with it.
    pub fn parse(line: &str) -> Result<Self, String> {
        let mut keys: serde_json::Map<String, Value> = serde_json::from_str(line).map_err(|error| error.to_string())?;
        let mut name = |key: &str| match keys.remove(key) {
            None => Ok(None),
            Some(Value::String(name)) if !name.trim().is_empty() => Ok(Some(name)),
            Some(_) => Err(format!("`{key}` is not a name")),
        };
        let (cluster, namespace, job, uid) = (name("cluster")?, name("namespace")?, name("job")?, name("uid")?);
        let needed = |name: Option<String>, key: &str| name.ok_or_else(|| format!("missing field `{key}`"));
        Ok(Self {
            cluster: needed(cluster, "cluster")?,
            namespace: needed(namespace, "namespace")?,
            job: needed(job, "job")?,
            uid,
            decision: serde_json::from_value(Value::Object(keys)).map_err(|error| error.to_string()).and_then(Decision::checked)?,
        })
    }
}

/// Where a decision was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DecisionSource {
    Annotation,
    Log,
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"cluster":"prod-nl","namespace":"ml","job":"train-7","recorded_at":"2026-10-01T20:00:00Z","eligible_at":"2026-10-01T20:00:00Z","chosen_start":"2026-10-02T02:00:00Z","overhead_kwh":0.004}"#;

    #[test]
    fn a_line_says_who_and_when_and_the_rest_has_defaults() {
        let record = DecisionRecord::parse(LINE).unwrap();
        assert_eq!(
            (record.cluster.as_str(), record.namespace.as_str(), record.job.as_str(), record.uid),
            ("prod-nl", "ml", "train-7", None)
        );
        assert_eq!(
            (record.decision.reason, record.decision.held_out, record.decision.overhead_kwh),
            (DecisionReason::Carbon, false, Some(0.004))
        );
        // What is written is read again.
        let written = serde_json::to_string(&DecisionRecord::parse(LINE).unwrap()).unwrap();
        assert_eq!(DecisionRecord::parse(&written), DecisionRecord::parse(LINE));
    }

    #[test]
    fn what_would_be_left_aside_in_silence_is_refused() {
        let wrong = |from: &str, to: &str| DecisionRecord::parse(&LINE.replace(from, to)).unwrap_err();
        assert!(wrong("overhead_kwh", "overhead_kWh").contains("unknown field `overhead_kWh`"));
        assert!(wrong("0.004", "-0.004").contains("below zero"));
        assert!(wrong("\"job\":\"train-7\",", "").contains("missing field `job`"));
        assert!(wrong("train-7", " ").contains("`job` is not a name"));
        assert!(wrong("2026-10-01T20:00:00Z\",\"eligible", "2026-10-01 20:00\",\"eligible").contains("input"));
        assert!(wrong("\"eligible_at\":\"2026-10-01T20:00:00Z\",", "").contains("missing field `eligible_at`"));
        assert!(wrong("}", "").contains("EOF"));
    }
}
