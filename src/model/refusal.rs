//! A report that is not written, because of what was found in its data.

use std::fmt;

use super::Finding;

/// The blocked findings that nobody accepted; whoever returns it has written nothing.
///
/// The command line prints one line a finding with its code, and exits with 2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub findings: Vec<Finding>,
}

impl Refusal {
    /// The findings among these that stop a report, or none where nothing does.
    pub fn of(findings: &[Finding]) -> Option<Self> {
        let findings: Vec<Finding> = findings.iter().filter(|finding| finding.is_refusal()).cloned().collect();
        (!findings.is_empty()).then_some(Self { findings })
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.findings.len() {
            1 => f.write_str("refused because of one finding"),
            count => write!(f, "refused because of {count} findings"),
        }
    }
}

impl std::error::Error for Refusal {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Severity;

    #[test]
    fn only_blocked_findings_that_nobody_accepted_refuse() {
        let disclosed = Finding::new("CI_ESTIMATED", Severity::Disclosed, "a");
        let mut accepted = Finding::new("GAP", Severity::Blocked, "b");
        accepted.accepted_by = Some("--accept GAP".to_owned());
        let blocked = Finding::new("CI_GAP", Severity::Blocked, "c");

        assert_eq!(Refusal::of(&[disclosed.clone(), accepted.clone()]), None);
        assert_eq!(Refusal::of(&[disclosed, accepted, blocked.clone()]), Some(Refusal { findings: vec![blocked] }));
    }
}
