//! Greenhouse-gas emissions and the intensity that turns energy into them.

use std::iter::Sum;
use std::ops::{Add, AddAssign, Sub};

use serde::{Serialize, Serializer};

use super::Millijoules;

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

    /// The one place in Rust where energy meets its factor.
    ///
    /// Method, section 2: `floor(mJ × g/kWh / 3600 + 0.5)` µg, in doubles, exact below 2^53 mJ a row.
    /// `queries/accounting/ledger.sql` says the same, operation for operation.
    pub fn emissions_of(self, energy: Millijoules) -> MicrogramsCo2e {
        MicrogramsCo2e((energy.get() as f64 * self.0 / 3_600.0 + 0.5).floor() as i64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_kilowatt_hour_at_300_grams_emits_300_grams() {
        let emitted = GramsCo2ePerKilowattHour::new(300.0).emissions_of(Millijoules::new(3_600_000_000));

        assert_eq!(emitted, MicrogramsCo2e::new(300_000_000));
    }

    #[test]
    fn half_a_microgram_rounds_up() {
        // 1800 mJ at 1 g/kWh is exactly 0.5 µg.
        assert_eq!(GramsCo2ePerKilowattHour::new(1.0).emissions_of(Millijoules::new(1_800)).get(), 1);
        assert_eq!(GramsCo2ePerKilowattHour::new(1.0).emissions_of(Millijoules::new(1_799)).get(), 0);
    }
}
