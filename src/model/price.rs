//! A series of electricity prices as columns, with where it came from.

use crate::units::MicroEurosPerKilowattHour;

/// The prices of one grid zone in one edition. Rows are sorted by start and do not overlap.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PriceSeries {
    pub zone: String,
    /// File names and the SHA-256 of their bytes.
    pub edition: String,
    /// When whoever published it says that it was; null where nobody knows.
    pub retrieved_s: Option<i64>,
    /// Start of the interval, seconds since the epoch, UTC.
    pub start_s: Vec<i64>,
    /// End of the interval, exclusive.
    pub end_s: Vec<i64>,
    pub price: Vec<MicroEurosPerKilowattHour>,
}

impl PriceSeries {
    pub fn len(&self) -> usize {
        self.start_s.len()
    }

    pub fn is_empty(&self) -> bool {
        self.start_s.is_empty()
    }
}
