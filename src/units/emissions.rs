//! Greenhouse-gas emissions and the intensity that turns energy into them.

use std::iter::Sum;
use std::ops::{Add, AddAssign, Sub};

use serde::{Serialize, Serializer};

/// Emissions in the ledger: whole micrograms of CO2 equivalent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MicrogramsCo2e(i64);

impl MicrogramsCo2e {
    pub const ZERO: Self = Self(0);

    pub const fn new(micrograms: i64) -> Self {
        Self(micrograms)
    }

    pub const fn get(self) -> i64 {
        self.0
    }

    pub fn tonnes(self) -> TonnesCo2e {
        TonnesCo2e(self.0 as f64 / TonnesCo2e::MICROGRAMS_PER_TONNE)
    }
}

/// Overflow is an error in the ledger, never a wrap: these panic in every profile.
impl Add for MicrogramsCo2e {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.checked_add(other.0).expect("emissions stay below 9.2 Mt per sum"))
    }
}

impl Sub for MicrogramsCo2e {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0.checked_sub(other.0).expect("emissions stay below 9.2 Mt per sum"))
    }
}

impl AddAssign for MicrogramsCo2e {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sum for MicrogramsCo2e {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::ZERO, Add::add)
    }
}

impl Serialize for MicrogramsCo2e {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        super::serialize_ledger_integer(self.0, serializer)
    }
}

/// Emissions for people, in tonnes of CO2 equivalent.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct TonnesCo2e(f64);

impl TonnesCo2e {
    pub const MICROGRAMS_PER_TONNE: f64 = 1e12;

    pub const fn get(self) -> f64 {
        self.0
    }
}

/// Emissions of a grid zone's electricity per unit of it.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct GramsCo2ePerKilowattHour(f64);

impl GramsCo2ePerKilowattHour {
    /// Outside of this a value is refused (method, section 6).
    pub const LARGEST_PLAUSIBLE: f64 = 2_000.0;

    pub const fn new(grams_per_kilowatt_hour: f64) -> Self {
        Self(grams_per_kilowatt_hour)
    }

    pub const fn get(self) -> f64 {
        self.0
    }

    pub fn is_plausible(self) -> bool {
        self.0 >= 0.0 && self.0 <= Self::LARGEST_PLAUSIBLE
    }
}
