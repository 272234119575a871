//! Why a source gave nothing: a code, a sentence, and what to do.

use std::fmt;

/// How far a refusal reaches: whoever collects chooses by it what to ask next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// The range that was asked for; another may be answered.
    Range,
    /// The whole source: asking again now is of no use.
    Source,
}

/// A source that refuses, or whose answer is refused. `code` is in capitals, as findings have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub code: &'static str,
    pub message: String,
    pub hint: Option<String>,
    pub reach: Reach,
}

impl Refusal {
    pub fn new(code: &'static str, reach: Reach, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), hint: None, reach }
    }

    /// Whether the next zone that a provider of intensities is asked about would fare no better. One that it does not know, or does not sell, says nothing of it.
    pub fn is_of_every_zone(&self) -> bool {
        self.reach == Reach::Source && ["CI_UNREACHABLE", "CI_DENIED", "CI_URL"].contains(&self.code)
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for Refusal {}
