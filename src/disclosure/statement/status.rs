//! What a report is: a draft, which anybody may write again, or an edition of a closed month, which nobody may. And how much of the period it covers.

use serde::Serialize;

use crate::units::Share;

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Status {
    pub kind: StatusKind,
    /// Null in a draft; 1 is the close, what is above it a restatement.
    pub edition: Option<u32>,
    /// Why it was restated.
    pub reason: Option<String>,
    #[serde(flatten)]
    pub coverage: Coverage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum StatusKind {
    Draft,
    Closed,
    Restated,
}

/// Seconds of the period of which there is evidence, and those from each cluster's first sign of life on, added up over clusters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(into = "Written")]
pub struct Coverage {
    pub covered_cluster_seconds: i64,
    pub expected_cluster_seconds: i64,
}

/// With the share that it comes to, for readers.
#[derive(Serialize)]
struct Written {
    coverage: Option<Share>,
    covered_cluster_seconds: i64,
    expected_cluster_seconds: i64,
}

impl From<Coverage> for Written {
    fn from(coverage: Coverage) -> Self {
        let Coverage { covered_cluster_seconds, expected_cluster_seconds } = coverage;
        Self { coverage: coverage.share(), covered_cluster_seconds, expected_cluster_seconds }
    }
}

impl Status {
    pub fn draft(coverage: Coverage) -> Self {
        Self { kind: StatusKind::Draft, edition: None, reason: None, coverage }
    }

    /// An edition of a closed month.
    pub fn edition(edition: u32, reason: Option<String>, coverage: Coverage) -> Self {
        let kind = if edition == 1 { StatusKind::Closed } else { StatusKind::Restated };
        Self { kind, edition: Some(edition), reason, coverage }
    }
}

impl Coverage {
    pub fn add(&mut self, other: Self) {
        self.covered_cluster_seconds += other.covered_cluster_seconds;
        self.expected_cluster_seconds += other.expected_cluster_seconds;
    }

    /// Null where nothing was expected.
    pub fn share(self) -> Option<Share> {
        Share::of(self.covered_cluster_seconds, self.expected_cluster_seconds)
    }

    pub fn is_whole(self) -> bool {
        self.covered_cluster_seconds == self.expected_cluster_seconds
    }
}
