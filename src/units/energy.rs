//! Electric energy: millijoules in the ledger, kilowatt-hours for people.

use std::ops::Neg;

use super::ledger_integer::ledger_integer;

ledger_integer! {
    /// Electric energy in the ledger: whole millijoules.
    Millijoules, "energy stays below 2.5 TWh per sum"
}

impl Millijoules {
    pub fn kilowatt_hours(self) -> KilowattHours {
        KilowattHours(self.0 as f64 / KilowattHours::MILLIJOULES_PER_KWH)
    }
}

impl Neg for Millijoules {
    type Output = Self;

    fn neg(self) -> Self {
        Self(-self.0)
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
