//! Grid intensity, from files and from providers.
//!
//! In: files, or a zone and a span of time for a provider's API. Out: an [`IntensitySeries`] a zone with its edition, the replies as they came.
//! Rule: one trait a role ([`IntensityHistory`], [`IntensityForecast`]), because what was and what may be are different promises; a unit is
//! required and converted once; the zone and the kind of value that come back are the ones that were asked for, or it is refused.
//! Assumes: the reply shapes that each provider's file names. Does not: fill a gap, choose an edition, or write anything.

mod electricity_maps;
mod electricity_maps_csv;
mod files;
mod http;
mod neso;
mod plain_csv;
mod reply;
mod table;
mod watttime;

use chrono::{DateTime, Utc};

pub use self::electricity_maps::{ElectricityMaps, Endpoint};
pub use self::files::{FileTerms, IntensityFiles, file_name, read_files};
pub use self::neso::Neso;
pub use self::reply::Reply;
pub use self::watttime::{SignalType, WattTime};
use crate::model::{Finding, IntensitySeries, Signal};
use crate::sources::Refusal;

/// A span of time, half-open, in seconds since the epoch.
pub type Span = std::ops::Range<i64>;

/// What a provider says of the past.
#[derive(Clone, Debug, PartialEq)]
pub struct Fetched {
    pub series: IntensitySeries,
    /// As they came, for the evidence.
    pub replies: Vec<Reply>,
    /// What the answers lack now (`CI_SHORT`); another collection may bring it.
    pub missing: Option<Finding>,
}

/// What a provider expects.
#[derive(Clone, Debug, PartialEq)]
pub struct Forecast {
    pub zone: String,
    pub provider: &'static str,
    pub signal: Signal,
    /// When the provider made it, seconds since the epoch, where it says so.
    pub generated_s: Option<i64>,
    pub start_s: Vec<i64>,
    pub end_s: Vec<i64>,
    pub gco2e_per_kwh: Vec<f64>,
    pub reply: Reply,
}

/// Realised intensity of a zone.
#[expect(async_fn_in_trait, reason = "the futures are awaited where they are made, on one thread")]
pub trait IntensityHistory {
    /// `now` is the time of retrieval; nothing later is asked for. A provider that keeps only its last hours gives those.
    async fn history(&self, zone: &str, span: Span, now: DateTime<Utc>) -> Result<Fetched, Refusal>;
}

/// Expected intensity of a zone.
#[expect(async_fn_in_trait, reason = "the futures are awaited where they are made, on one thread")]
pub trait IntensityForecast {
    async fn forecast(&self, zone: &str, hours: u32, now: DateTime<Utc>) -> Result<Forecast, Refusal>;
}

#[cfg(test)]
mod providers_test;
#[cfg(test)]
pub(crate) mod stand_in_test;
#[cfg(test)]
mod tests;
