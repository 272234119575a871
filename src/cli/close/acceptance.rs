//! What was accepted by name in one edition, and may stand in the next.
//!
//! In: findings of the month as it is now, the sealed edition with its own. Out: which codes are accepted, or a refusal. Rule: an acceptance was a decision about what
//! was known then: it holds for the same finding where no more rows have it than had it then. One that has grown is accepted anew, by whoever answers for the report.
//! Does not: accept what nobody has accepted.

use anyhow::{Result, bail};

use crate::model::{Finding, Refusal};

/// The edition before, as far as its acceptances go.
pub struct Earlier<'a> {
    pub edition: u32,
    pub accepted: &'a [String],
    pub findings: &'a [Finding],
}

/// Codes of both, sorted, each once.
pub fn both(one: &[String], other: &[String]) -> Vec<String> {
    let mut codes = [one, other].concat();
    codes.sort();
    codes.dedup();
    codes
}

/// Of the codes those that some finding had need of: a run over many months accepts for all of them what few need, and what was accepted once may be mended.
pub fn needed(codes: &[String], findings: &[Finding]) -> Vec<String> {
    let is_used = |code: &String| findings.iter().any(|finding| finding.code == *code && finding.accepted_by.is_some());
    codes.iter().filter(|code| is_used(code)).cloned().collect()
}

/// Refuses findings that are accepted only because an earlier edition was, and that more rows have now than then.
pub fn require_not_grown(findings: &[Finding], earlier: &Earlier<'_>, accept: &[String]) -> Result<()> {
    let failing = |findings: &[Finding], code: &str| -> u64 {
        findings.iter().filter(|finding| finding.code == code && finding.accepted_by.is_some()).map(|finding| finding.failing).sum()
    };
    let mut refused = Vec::new();
    for code in earlier.accepted.iter().filter(|code| !accept.contains(code)) {
        let (then, now) = (failing(earlier.findings, code), failing(findings, code));
        if now > then {
            let of_code = findings.iter().filter(|finding| finding.code == *code && finding.accepted_by.is_some()).cloned();
            let edition = earlier.edition;
            refused.extend(of_code.map(|finding| Finding {
                message: format!("{} It was accepted in edition {edition}, of {then} rows, and {now} have it now.", finding.message),
                accepted_by: None,
                ..finding
            }));
        }
    }
    if refused.is_empty() { Ok(()) } else { bail!(Refusal { findings: refused }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(codes: &[&str]) -> Vec<String> {
        codes.iter().map(|code| (*code).to_owned()).collect()
    }

    fn accepted(code: &str, failing: usize) -> Finding {
        let mut finding = Finding::new(code, crate::model::Severity::Blocked, "Something is missing.").examined(31).failing(failing);
        finding.accepted_by = Some("--accept".to_owned());
        finding
    }

    #[test]
    fn what_no_finding_needs_is_not_written_down() {
        let all = both(&codes(&["GAP", "CI_GAP"]), &codes(&["UNSIGNED", "GAP"]));
        assert_eq!(all, ["CI_GAP", "GAP", "UNSIGNED"]);
        assert_eq!(needed(&all, &[accepted("GAP", 1), accepted("UNSIGNED", 1)]), ["GAP", "UNSIGNED"]);
    }

    #[test]
    fn an_acceptance_holds_as_long_as_no_more_rows_have_the_finding() {
        let (then, kept) = ([accepted("GAP", 3), accepted("GAP", 2)], codes(&["GAP"]));
        let earlier = Earlier { edition: 2, accepted: &kept, findings: &then };
        require_not_grown(&[accepted("GAP", 5)], &earlier, &[]).unwrap();
        require_not_grown(&[accepted("CI_GAP", 9)], &earlier, &codes(&["CI_GAP"])).unwrap();

        let error = require_not_grown(&[accepted("GAP", 6)], &earlier, &[]).unwrap_err();
        let refusal = error.downcast_ref::<Refusal>().unwrap();
        assert!(refusal.findings.len() == 1 && refusal.findings[0].is_refusal());
        assert_eq!(refusal.findings[0].message, "Something is missing. It was accepted in edition 2, of 5 rows, and 6 have it now.");
        // Whoever answers for the report accepts it anew.
        require_not_grown(&[accepted("GAP", 6)], &earlier, &kept).unwrap();
    }
}
