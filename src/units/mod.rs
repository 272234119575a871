//! Physical and financial quantities as types.
//!
//! In: bare numbers, through named doors only. Out: numbers that cannot be mixed up.
//! Rule: the ledger is kept in integers ([`Millijoules`], [`MicrogramsCo2e`]); figures for people are doubles
//! ([`KilowattHours`], [`TonnesCo2e`]) and are made once, in the report view.
//! Assumes: nothing. Does not: read, ask the time, or know polars. There is no `Add` for intensities and shares: they need weights.

mod decimal;
mod emissions;
mod energy;
mod ledger_integer;
mod money;
mod period;
mod ratio;

pub use decimal::{Rounded, grouped};
pub use emissions::{GramsCo2ePerKilowattHour, IntensityUnit, MicrogramsCo2e, TonnesCo2e};
pub use energy::{KilowattHours, Millijoules};
pub use money::{ExchangeRate, MicroEuros, MicroEurosPerKilowattHour, MicroUnits, PriceUnit};
pub use period::{ReportingPeriod, UtcDay};
pub use ratio::{Pue, Share};

use serde::Serializer;

/// The largest integer that every JSON reader keeps exactly.
const LARGEST_EXACT_JSON_INTEGER: i64 = 1 << 53;

/// Ledger integers are JSON numbers up to 2^53 and strings beyond, so that no reader rounds them unseen.
fn serialize_ledger_integer<S: Serializer>(value: i64, serializer: S) -> Result<S::Ok, S::Error> {
    if value.unsigned_abs() <= LARGEST_EXACT_JSON_INTEGER.unsigned_abs() {
        serializer.serialize_i64(value)
    } else {
        serializer.collect_str(&value)
    }
}
