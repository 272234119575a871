//! What a check came to, and how it is said.
//!
//! In: outcomes. Out: lines or JSON on stdout. Rule: one line a check; what failed has a code. Does not: decide what a failure means.

use anyhow::{Context, Result};
use serde::Serialize;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    Passed,
    /// As far as it goes it is right, and the reader must know how far that is.
    Warning,
    Failed,
}

/// One check of one sealed month.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Outcome {
    pub check: &'static str,
    pub verdict: Verdict,
    pub code: Option<&'static str>,
    pub message: String,
}

/// All checks of one sealed month.
#[derive(Clone, Debug, Serialize)]
pub struct Checked {
    pub month: String,
    pub edition: u32,
    #[serde(rename = "checks")]
    pub outcomes: Vec<Outcome>,
}

impl Outcome {
    pub fn passed(check: &'static str, message: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Passed, code: None, message: message.into() }
    }

    pub fn warning(check: &'static str, code: Option<&'static str>, message: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Warning, code, message: message.into() }
    }

    pub fn failed(check: &'static str, code: &'static str, message: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Failed, code: Some(code), message: message.into() }
    }

    /// Also where there is a warning.
    pub fn is_passed(&self) -> bool {
        self.verdict != Verdict::Failed
    }
}

impl Checked {
    pub fn is_verified(&self) -> bool {
        self.outcomes.iter().all(Outcome::is_passed)
    }
}

pub fn print(checked: &[Checked], as_json: bool) -> Result<()> {
    if as_json {
        println!("{}", serde_json::to_string_pretty(&Printed::of(checked)).context("write JSON")?);
        return Ok(());
    }
    for month in checked {
        println!("{} edition {}", month.month, month.edition);
        for outcome in &month.outcomes {
            println!("  {}", line(outcome));
        }
    }
    let failed = checked.iter().filter(|month| !month.is_verified()).count();
    match failed {
        0 => println!("verified: {} of {}", checked.len(), checked.len()),
        _ => println!("NOT verified: {failed} of {}", checked.len()),
    }
    Ok(())
}

#[derive(Serialize)]
struct Printed<'a> {
    verified: bool,
    months: &'a [Checked],
}

impl<'a> Printed<'a> {
    fn of(checked: &'a [Checked]) -> Self {
        Self { verified: checked.iter().all(Checked::is_verified), months: checked }
    }
}

fn line(outcome: &Outcome) -> String {
    let mark = match outcome.verdict {
        Verdict::Passed => "ok",
        Verdict::Warning => "warning",
        Verdict::Failed => "FAILED",
    };
    let code = outcome.code.map(|code| format!("{code}: ")).unwrap_or_default();
    let message = outcome.message.split_whitespace().collect::<Vec<_>>().join(" ");
    format!("{mark:<8}{:<15}{code}{message}", outcome.check)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_is_one_line_whatever_was_found() {
        assert_eq!(line(&Outcome::passed("chain", "7 seals")), "ok      chain          7 seals");
        let failed = Outcome::failed("files", "MISSING", "report.html\nis not there");
        assert_eq!(line(&failed), "FAILED  files          MISSING: report.html is not there");
    }
}
