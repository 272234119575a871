//! Which work may wait or move, and how far: the organisation's policy, and what is said of a single run.

use serde::Serialize;

use super::pattern;

/// Controllers whose pods answer requests as they come: nothing of theirs waits, unless a label says so.
const SERVING_KINDS: [&str; 7] =
    ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Rollout", "DeploymentConfig"];

/// Whether a workload (`Deployment/web`) serves users, by the kind of its top controller.
pub fn serves_users(workload: &str) -> bool {
    SERVING_KINDS.contains(&workload.split_once('/').map_or("", |(kind, _)| kind))
}

/// A rule of the configuration. Empty lists match everything, but never what serves users.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct DeferrableRule {
    /// Patterns of namespaces.
    pub namespaces: Vec<String>,
    /// Kinds of the top controller.
    pub kinds: Vec<String>,
    /// Patterns of the top controller's name.
    pub names: Vec<String>,
    pub max_delay_seconds: Option<i64>,
    /// Grid zones in which it may run; none: where its baseline is and where it ran.
    pub zones: Vec<String>,
    /// What shifting one run costs beside its own energy, where that is known, and how.
    pub overhead_kwh: Option<f64>,
    pub overhead_source: Option<String>,
}

impl DeferrableRule {
    /// Whether the rule speaks of a workload (`CronJob/nightly`).
    pub fn matches(&self, namespace: &str, workload: &str) -> bool {
        let (kind, name) = workload.split_once('/').unwrap_or(("", workload));
        let any_of = |patterns: &[String], name: &str| patterns.is_empty() || patterns.iter().any(|known| pattern::matches(known, name));
        !serves_users(workload)
            && (self.kinds.is_empty() || self.kinds.iter().any(|known| known == kind))
            && any_of(&self.namespaces, namespace)
            && any_of(&self.names, name)
    }
}

/// A share of the deferrable runs that is left unshifted, drawn by a seed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HoldOutPolicy {
    pub share: f64,
    pub seed: String,
}

/// Whether work may wait or move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeferralClass {
    Deferrable,
    /// A label says so, or it serves users.
    NotDeferrable,
    /// Batch work of which nobody said anything.
    Unclassified,
}

/// Who said so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClassBasis {
    Label,
    /// A `[[deferrable]]` table.
    Policy,
    /// The kind of the top controller.
    Kind,
    /// Nobody.
    None,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(namespaces: &[&str], kinds: &[&str], names: &[&str]) -> DeferrableRule {
        let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
        DeferrableRule { namespaces: texts(namespaces), kinds: texts(kinds), names: texts(names), ..DeferrableRule::default() }
    }

    #[test]
    fn a_rule_matches_by_namespace_kind_and_name() {
        let ml = rule(&["ml-*"], &["Job", "CronJob"], &["train-*"]);
        assert!(ml.matches("ml-vision", "CronJob/train-nightly"));
        assert!(!ml.matches("shop", "CronJob/train-nightly"));
        assert!(!ml.matches("ml-vision", "ScaledJob/train-nightly"));
        assert!(!ml.matches("ml-vision", "Job/serve-1"));
    }

    #[test]
    fn no_rule_makes_what_serves_users_wait() {
        let all = rule(&[], &[], &[]);
        for kind in ["Job", "CronJob", "ScaledJob", "Workflow", "RayJob", "Pod"] {
            assert!(all.matches("any", &format!("{kind}/x")), "{kind}");
        }
        for kind in ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"] {
            assert!(!all.matches("any", &format!("{kind}/x")), "{kind}");
            assert!(!rule(&[], &[kind], &[]).matches("any", &format!("{kind}/x")), "{kind}");
        }
    }
}
