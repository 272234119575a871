//! How far a run may wait, and where it may run.

/// The candidates of a run: baseline start + k × step, k from 0, up to and including baseline start + max delay, in every allowed zone.
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    pub max_delay_ms: i64,
    pub basis: WindowBasis,
    /// Sorted by zone; the baseline zone is among them.
    pub places: Vec<Place>,
    /// Allowed zones without intensity.
    pub unknown_zones: Vec<String>,
}

/// Where a run may run: index of [`crate::accounting::plan::Plan::zones`], and the PUE there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    pub zone: usize,
    pub pue: f64,
}

/// Who said how far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum WindowBasis {
    Label,
    Decision,
    Policy,
    /// Nobody: what it would be worth if it could wait as long as `[counterfactual] suggested_max_delay` says. Never in a captured share.
    Suggested,
}
