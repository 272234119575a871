//! Money and prices of electricity, in whole millionths of a euro; and what they are worth in another currency.
//!
//! In: bare numbers. Out: [`MicroEuros`] of the ledger; [`MicroUnits`], which [`ExchangeRate`] makes of them. Rule: an amount is converted once, from its sum, and
//! rounded half up. Does not: know which currency a [`MicroUnits`] is in; whoever holds one says so beside it.

use super::ledger_integer::ledger_integer;

ledger_integer! {
    /// Money in the ledger: whole millionths of a euro.
    MicroEuros, "costs stay below 9.2 thousand billion EUR per sum"
}

ledger_integer! {
    /// Money in another currency, which stands beside it: whole millionths of its unit.
    MicroUnits, "money stays below 9.2 thousand billion units per sum"
}

/// What turns an amount of one currency into one of another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ExchangeRate {
    rate: f64,
    /// The rate is that of the other direction.
    is_inverse: bool,
}

impl ExchangeRate {
    /// Of a currency and itself.
    pub const SAME: Self = Self { rate: 1.0, is_inverse: false };

    /// One unit is worth so many of the other currency.
    pub const fn times(rate: f64) -> Self {
        Self { rate, is_inverse: false }
    }

    /// So many units are worth one of the other currency.
    pub const fn by(rate: f64) -> Self {
        Self { rate, is_inverse: true }
    }

    pub fn of(self, amount: f64) -> f64 {
        if self.is_inverse { amount / self.rate } else { amount * self.rate }
    }

    /// Rounded once, half up.
    pub fn of_euros(self, money: MicroEuros) -> MicroUnits {
        if self == Self::SAME {
            return MicroUnits(money.get());
        }
        MicroUnits((self.of(money.get() as f64) + 0.5).floor() as i64)
    }
}

/// A price in micro-EUR per kilowatt-hour; below zero where the market pays for taking electricity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MicroEurosPerKilowattHour(i64);

impl MicroEurosPerKilowattHour {
    /// Beyond these a value is in another unit: European day-ahead markets are capped well within.
    pub const LOWEST_PLAUSIBLE: Self = Self(-2_000_000);
    pub const HIGHEST_PLAUSIBLE: Self = Self(10_000_000);

    pub const fn new(micro_euros: i64) -> Self {
        Self(micro_euros)
    }

    pub const fn get(self) -> i64 {
        self.0
    }

    pub fn is_plausible(self) -> bool {
        (Self::LOWEST_PLAUSIBLE..=Self::HIGHEST_PLAUSIBLE).contains(&self)
    }
}

/// The unit in which a file states prices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PriceUnit {
    EurosPerMegawattHour,
    EurosPerKilowattHour,
}

impl PriceUnit {
    /// Reads `EUR/MWh`, `eur_per_kwh` and the like; none where the text is no such unit.
    pub fn parse(text: &str) -> Option<Self> {
        let mut unit = text.to_lowercase().replace("_per_", "/");
        unit.retain(|letter| !letter.is_whitespace() && letter != '_');
        match unit.as_str() {
            "eur/mwh" => Some(Self::EurosPerMegawattHour),
            "eur/kwh" => Some(Self::EurosPerKilowattHour),
            _ => None,
        }
    }

    /// Rounded once, half up; none where the value is not a number.
    pub fn in_micro_euros_per_kwh(self, value: f64) -> Option<MicroEurosPerKilowattHour> {
        let micro_euros = match self {
            Self::EurosPerMegawattHour => value * 1e3,
            Self::EurosPerKilowattHour => value * 1e6,
        };
        micro_euros.is_finite().then(|| MicroEurosPerKilowattHour((micro_euros + 0.5).floor() as i64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_converted_once_and_rounded_half_up_whatever_its_sign() {
        // 3 × 4.5 = 13.5, −3 × 4.5 = −13.5; 10 / 4 = 2.5.
        let of = |rate: ExchangeRate, micro_euros| rate.of_euros(MicroEuros::new(micro_euros)).get();
        assert_eq!((of(ExchangeRate::times(4.5), 3), of(ExchangeRate::times(4.5), -3)), (14, -13));
        assert_eq!((of(ExchangeRate::by(4.0), 10), of(ExchangeRate::by(4.0), 9)), (3, 2));
        // No double stands between an amount and itself.
        assert_eq!(of(ExchangeRate::SAME, 9_007_199_254_740_993), 9_007_199_254_740_993);
    }

    #[test]
    fn a_euro_a_megawatt_hour_is_a_thousand_micro_euros_a_kilowatt_hour() {
        let converted = |unit: &str, value| PriceUnit::parse(unit).unwrap().in_micro_euros_per_kwh(value).map(|price| price.get());

        assert_eq!(converted("EUR/MWh", 124.7), Some(124_700));
        assert_eq!(converted("eur_per_mwh", -222.36), Some(-222_360));
        assert_eq!(converted("EUR/kWh", 0.2847), Some(284_700));
        assert_eq!(converted("EUR/MWh", f64::NAN), None);
        assert_eq!(PriceUnit::parse("USD/MWh"), None);
    }
}
