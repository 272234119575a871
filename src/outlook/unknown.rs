//! Why an intensity is not known.

use std::fmt;

use chrono::TimeDelta;

/// What kind of not knowing it is: a caller answers by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum UnknownKind {
    /// Neither the configuration nor the evidence names the zone.
    NoZone,
    /// The zone is known, and no value of the time that was asked for.
    NoData,
    /// There are values, and the newest is too old to act on.
    Stale,
    /// Part of the time that was asked for has no value.
    Hole,
    /// No forecast reaches there: the provider has none, or was not asked, or does not answer.
    NoForecast,
    /// What is there contradicts itself, is of a kind that is not used, or is not what was written.
    Refused,
}

/// An intensity that is not known, with the reason. It is never replaced by a default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    pub zone: String,
    pub kind: UnknownKind,
    /// As findings have it: `CI_STALE`.
    pub code: String,
    /// One or two whole sentences.
    pub reason: String,
    /// How old the newest value is, where there is one and it is too old.
    pub age: Option<TimeDelta>,
}

impl Unknown {
    pub fn new(zone: &str, kind: UnknownKind, reason: impl Into<String>) -> Self {
        let code = match kind {
            UnknownKind::NoZone => "CI_ZONE",
            UnknownKind::NoData | UnknownKind::Hole => "CI_GAP",
            UnknownKind::Stale => "CI_STALE",
            UnknownKind::NoForecast => "CI_FORECAST",
            UnknownKind::Refused => "CI_CONFLICT",
        };
        Self { zone: zone.to_owned(), kind, code: code.to_owned(), reason: reason.into(), age: None }
    }

    pub fn with_code(mut self, code: &str) -> Self {
        code.clone_into(&mut self.code);
        self
    }

    pub fn with_age(mut self, age: TimeDelta) -> Self {
        self.age = Some(age);
        self
    }
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.reason)
    }
}

impl std::error::Error for Unknown {}
