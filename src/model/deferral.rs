//! Which work may wait or move, and how far: the organisation's policy, and what is said of a single run.

use serde::Serialize;

/// A rule of the configuration. Empty lists match everything.
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
