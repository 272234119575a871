//! Trouble in the data, as a value that reaches every report.

use serde::{Deserialize, Serialize};

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The report is refused unless the finding is accepted by its code.
    Blocked,
    /// The reader must know.
    Disclosed,
    /// Good to know.
    Noted,
}

/// Trouble in the data: what it is, how much of the data has it, and what to do.
///
/// `message` is one or two whole sentences and ends with what to do, where there is something to do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Finding {
    pub code: String,
    pub severity: Severity,
    pub message: String,
    /// Rows looked at. A check that examined nothing is blocked by whoever runs it.
    pub examined: u64,
    pub failing: u64,
    /// Who accepted a blocked finding by name, if anyone did.
    pub accepted_by: Option<String>,
}

impl Finding {
    pub fn new(code: &str, severity: Severity, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), severity, message: message.into(), examined: 0, failing: 0, accepted_by: None }
    }

    pub fn examined(mut self, rows: usize) -> Self {
        self.examined = rows as u64;
        self
    }

    pub fn failing(mut self, rows: usize) -> Self {
        self.failing = rows as u64;
        self
    }

    /// Whether it stops a report.
    pub fn is_refusal(&self) -> bool {
        self.severity == Severity::Blocked && self.accepted_by.is_none()
    }
}
