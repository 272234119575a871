//! A series of grid intensities as columns, with where it came from.

use serde::{Deserialize, Serialize};

use super::Finding;

/// What an intensity is of: all electricity of the zone, or that of the plant that would answer one more kilowatt-hour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Signal {
    #[default]
    Average,
    /// Never in the inventory (method, section 4).
    Marginal,
}

/// The intensities of one grid zone, as one provider said them in one edition. Rows are sorted by start and do not overlap.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IntensitySeries {
    pub zone: String,
    /// `electricity-maps`, `files` …
    pub provider: String,
    pub signal: Signal,
    /// What tells this edition from another: file names and the SHA-256 of their bytes, or the time of retrieval and the digest of the replies.
    pub edition: String,
    /// When it was asked for, or when whoever published it says that it was; null where nobody knows.
    pub retrieved_s: Option<i64>,
    /// Start of the interval, seconds since the epoch, UTC.
    pub start_s: Vec<i64>,
    /// End of the interval, exclusive.
    pub end_s: Vec<i64>,
    /// gCO2e/kWh, combustion only; null where the source has none.
    pub direct_gco2e_per_kwh: Vec<Option<f64>>,
    /// gCO2e/kWh, with upstream; null where the source has none.
    pub lifecycle_gco2e_per_kwh: Vec<Option<f64>>,
    pub is_estimated: Vec<bool>,
    /// The provider's word for how it estimated; empty where it did not.
    pub estimation_method: Vec<String>,
    /// When the provider last changed the value, seconds since the epoch; the list is empty where it says so of no row.
    pub updated_s: Vec<Option<i64>>,
    /// What was found when it was taken in.
    pub findings: Vec<Finding>,
}

/// What orders two values of one key: when the provider changed it, else when it was asked for; then when it was asked for.
pub type Version = (i64, i64);

impl IntensitySeries {
    pub fn len(&self) -> usize {
        self.start_s.len()
    }

    pub fn is_empty(&self) -> bool {
        self.start_s.is_empty()
    }

    pub fn updated_s(&self, row: usize) -> Option<i64> {
        self.updated_s.get(row).copied().flatten()
    }

    /// The later of two versions of a value holds. None: nothing says which of two is the later one.
    pub fn version(&self, row: usize) -> Option<Version> {
        let changed = self.updated_s(row).or(self.retrieved_s)?;
        Some((changed, self.retrieved_s.unwrap_or(changed)))
    }

    /// The same, with only some of its rows.
    pub fn with_rows(&self, is_wanted: impl Fn(usize) -> bool) -> Self {
        let rows: Vec<usize> = (0..self.len()).filter(|row| is_wanted(*row)).collect();
        fn of<T: Clone>(column: &[T], rows: &[usize]) -> Vec<T> {
            if column.is_empty() { Vec::new() } else { rows.iter().map(|row| column[*row].clone()).collect() }
        }
        Self {
            zone: self.zone.clone(),
            provider: self.provider.clone(),
            signal: self.signal,
            edition: self.edition.clone(),
            retrieved_s: self.retrieved_s,
            start_s: of(&self.start_s, &rows),
            end_s: of(&self.end_s, &rows),
            direct_gco2e_per_kwh: of(&self.direct_gco2e_per_kwh, &rows),
            lifecycle_gco2e_per_kwh: of(&self.lifecycle_gco2e_per_kwh, &rows),
            is_estimated: of(&self.is_estimated, &rows),
            estimation_method: of(&self.estimation_method, &rows),
            updated_s: of(&self.updated_s, &rows),
            findings: self.findings.clone(),
        }
    }
}
