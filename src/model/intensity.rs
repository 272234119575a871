//! A series of grid intensities as columns, with where it came from.

/// The intensities of one grid zone, as one provider said them in one edition. Rows are sorted by start and do not overlap.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IntensitySeries {
    pub zone: String,
    /// `electricity-maps`, `files` …
    pub provider: String,
    /// What tells this edition from another: file names and the SHA-256 of their bytes.
    pub edition: String,
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
}

impl IntensitySeries {
    pub fn len(&self) -> usize {
        self.start_s.len()
    }

    pub fn is_empty(&self) -> bool {
        self.start_s.is_empty()
    }
}
