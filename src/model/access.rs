//! What a credential of the server lets its holder do.
//!
//! In: words of a token file or of the configuration. Out: [`AccessScope`]. Rule: a scope names what can be had, never a path. Does not: decide who has one.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Not to be taken for a Scope of the GHG Protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AccessScope {
    /// The page of closed months, and the report files of each.
    Reports,
    /// The hourly ledger of closed months.
    Ledger,
    /// Everything else of closed months: seals, configuration, manifests, and the bundle for an auditor.
    Evidence,
    /// Intensities and forecasts.
    Intensity,
    /// What KEDA asks.
    Scaling,
    /// Metrics of the server itself.
    Metrics,
}

impl AccessScope {
    pub const ALL: [Self; 6] = [Self::Reports, Self::Ledger, Self::Evidence, Self::Intensity, Self::Scaling, Self::Metrics];

    /// As it is written in files and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reports => "reports",
            Self::Ledger => "ledger",
            Self::Evidence => "evidence",
            Self::Intensity => "intensity",
            Self::Scaling => "scaling",
            Self::Metrics => "metrics",
        }
    }

    /// Whether it shows what the organisation used: such a scope is never open to everybody.
    pub const fn is_confidential(self) -> bool {
        matches!(self, Self::Reports | Self::Ledger | Self::Evidence)
    }
}

impl fmt::Display for AccessScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for AccessScope {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names = || Self::ALL.map(Self::name).join(", ");
        Self::ALL.into_iter().find(|scope| scope.name() == text).ok_or_else(|| format!("`{text}` is not a scope; scopes are {}", names()))
    }
}
