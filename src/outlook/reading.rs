//! A value with all that is known of where it comes from.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use crate::model::policy::FactorKind;
use crate::units::GramsCo2ePerKilowattHour;

/// Where values come from; many of them share one.
#[derive(Clone, Debug, PartialEq)]
pub struct Origin {
    pub zone: String,
    pub provider: String,
    /// What tells these values from others of the same hours: files with their SHA-256, or the time of retrieval with the digest of the replies.
    pub edition: String,
    pub factor: FactorKind,
    /// When they were asked for or published, of a forecast when it was made; none where nobody knows.
    pub known_at: Option<DateTime<Utc>>,
}

/// The average intensity of a grid zone over an interval, as the evidence or a provider says it.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    pub from: DateTime<Utc>,
    /// Exclusive.
    pub to: DateTime<Utc>,
    pub intensity: GramsCo2ePerKilowattHour,
    /// The provider says that it estimated it. What is a forecast is said apart.
    pub is_estimated: bool,
    pub is_forecast: bool,
    pub origin: Arc<Origin>,
}

impl Reading {
    /// How long ago its interval ended; nothing where it has not ended.
    pub fn age(&self, now: DateTime<Utc>) -> TimeDelta {
        (now - self.to).max(TimeDelta::zero())
    }
}

/// What was said of a span of the past.
#[derive(Clone, Debug, PartialEq)]
pub struct History {
    /// Whole intervals that reach into the span, sorted.
    pub readings: Vec<Reading>,
    /// Stretches of the span without a value, half-open.
    pub holes: Vec<(DateTime<Utc>, DateTime<Utc>)>,
}

/// What a provider expects of a span.
#[derive(Clone, Debug, PartialEq)]
pub struct Expectation {
    /// When it was made; when it was asked for where the provider does not say it.
    pub generated_at: DateTime<Utc>,
    /// Whole intervals that reach into the span, sorted.
    pub readings: Vec<Reading>,
}
