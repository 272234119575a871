//! Ratios: they have no unit and no `Add`, because a mean of ratios needs weights.

use serde::{Deserialize, Serialize};

/// Power usage effectiveness: facility energy over IT energy, at least 1.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64")]
pub struct Pue(f64);

impl Pue {
    pub const fn get(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Pue {
    type Error = String;

    fn try_from(value: f64) -> Result<Self, String> {
        if value.is_finite() && (1.0..=5.0).contains(&value) {
            Ok(Self(value))
        } else {
            Err(format!("a PUE is facility energy over IT energy, from 1 to 5, not {value}"))
        }
    }
}

/// A part of a whole, from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64")]
pub struct Share(f64);

impl Share {
    pub const fn get(self) -> f64 {
        self.0
    }

    /// The share that `part` is of `whole`; a share of nothing is unknown, not zero.
    pub fn of(part: i64, whole: i64) -> Option<Self> {
        (whole != 0).then(|| Self(part as f64 / whole as f64))
    }
}

impl TryFrom<f64> for Share {
    type Error = String;

    fn try_from(value: f64) -> Result<Self, String> {
        if value.is_finite() && (0.0..=1.0).contains(&value) {
            Ok(Self(value))
        } else {
            Err(format!("a share lies between 0 and 1, not {value}"))
        }
    }
}
