//! Electric energy: millijoules in the ledger, kilowatt-hours for people.

use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg, Sub};

use serde::{Serialize, Serializer};

/// Electric energy in the ledger: whole millijoules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Millijoules(i64);

impl Millijoules {
    /// No energy at all, which is not the same as unknown energy.
    pub const ZERO: Self = Self(0);

    pub const fn new(millijoules: i64) -> Self {
        Self(millijoules)
    }

    pub const fn get(self) -> i64 {
        self.0
    }

    pub fn kilowatt_hours(self) -> KilowattHours {
        KilowattHours(self.0 as f64 / KilowattHours::MILLIJOULES_PER_KWH)
    }
}

/// Overflow is an error in the ledger, never a wrap: these panic in every profile.
impl Add for Millijoules {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.checked_add(other.0).expect("energy stays below 2.5 TWh per sum"))
    }
}

impl Sub for Millijoules {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0.checked_sub(other.0).expect("energy stays below 2.5 TWh per sum"))
    }
}

impl Neg for Millijoules {
    type Output = Self;

    fn neg(self) -> Self {
        Self(-self.0)
    }
}

impl AddAssign for Millijoules {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sum for Millijoules {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::ZERO, Add::add)
    }
}

impl Serialize for Millijoules {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        super::serialize_ledger_integer(self.0, serializer)
    }
}

/// Electric energy for people, in kilowatt-hours.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct KilowattHours(f64);

impl KilowattHours {
    /// One kilowatt-hour is exactly 3.6 thousand million millijoules.
    pub const MILLIJOULES_PER_KWH: f64 = 3_600_000_000.0;

    pub const fn new(kilowatt_hours: f64) -> Self {
        Self(kilowatt_hours)
    }

    pub const fn get(self) -> f64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_kilowatt_hour_is_three_point_six_thousand_million_millijoules() {
        assert_eq!(Millijoules::new(3_600_000_000).kilowatt_hours().get(), 1.0);
    }

    #[test]
    fn large_integers_become_json_strings() {
        assert_eq!(serde_json::to_string(&Millijoules::new(1 << 53)).unwrap(), "9007199254740992");
        assert_eq!(serde_json::to_string(&Millijoules::new((1 << 53) + 1)).unwrap(), "\"9007199254740993\"");
    }

    #[test]
    #[should_panic(expected = "2.5 TWh")]
    fn a_sum_that_overflows_is_an_error() {
        let _ = Millijoules::new(i64::MAX) + Millijoules::new(1);
    }
}
