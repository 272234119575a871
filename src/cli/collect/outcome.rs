//! What became of the days that were asked for, and how it is said.
//!
//! In: one entry a day that is not in the evidence. Out: the exit code and lines on stderr. Rule: one line a reason, not one a day.

use std::fmt;

use super::super::exit::{DONE, INCOMPLETE};
use crate::sources::Refusal;
use crate::units::UtcDay;

/// What became of the days that were asked for.
#[derive(Debug, Default)]
pub struct Outcome {
    pub collected: usize,
    pub already_there: usize,
    pub incomplete: Vec<Incomplete>,
}

/// A day that is not in the evidence, and why.
#[derive(Debug)]
pub struct Incomplete {
    pub cluster: String,
    pub day: UtcDay,
    pub why: Refusal,
}

impl fmt::Display for Incomplete {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "collect {} {}: {}", self.cluster, self.day, self.why)
    }
}

impl Outcome {
    pub fn exit_code(&self) -> u8 {
        if self.incomplete.is_empty() { DONE } else { INCOMPLETE }
    }

    /// One line a reason, not one a day: a month that lies in the past of a server's retention is said once.
    pub fn print_incomplete(&self) {
        let mut previous: Option<&Incomplete> = None;
        let mut repeated = 0;
        for incomplete in &self.incomplete {
            if previous.is_some_and(|previous| previous.cluster == incomplete.cluster && previous.why == incomplete.why) {
                repeated += 1;
                continue;
            }
            print_repeated(repeated);
            repeated = 0;
            eprintln!("incomplete: {incomplete}");
            if let Some(hint) = &incomplete.why.hint {
                eprintln!("hint: {hint}");
            }
            previous = Some(incomplete);
        }
        print_repeated(repeated);
    }
}

fn print_repeated(days: usize) {
    if days > 0 {
        eprintln!("incomplete: and {days} more days for the same reason");
    }
}
