//! What a report is, in front of people: a draft or an edition, and whether all of its period is in it.

use crate::disclosure::Statement;
use crate::disclosure::statement::StatusKind;
use crate::reports::view;

/// One word, for machines and headings.
pub fn kind(kind: StatusKind) -> &'static str {
    match kind {
        StatusKind::Draft => "draft",
        StatusKind::Closed => "closed",
        StatusKind::Restated => "restated",
    }
}

/// What the report is, in a sentence or two.
pub fn status(statement: &Statement) -> String {
    let (status, period) = (&statement.status, statement.period.name());
    let edition = status.edition.unwrap_or_default();
    match status.kind {
        StatusKind::Draft => {
            "Draft: made from the evidence as it was, and not sealed. Another report of the same period may say something else.".to_owned()
        }
        StatusKind::Closed => format!("Closed: edition {edition} of {period}, sealed together with its evidence."),
        StatusKind::Restated => {
            let reason = status.reason.as_deref().unwrap_or_default();
            format!("Restated: edition {edition} of {period}, in the place of edition {}. Reason: {reason}", edition - 1)
        }
    }
}

/// What stands across every page of a report that does not cover its period.
pub fn watermark(statement: &Statement) -> Option<String> {
    let coverage = statement.status.coverage;
    (!coverage.is_whole()).then(|| format!("Incomplete: evidence of {} of the period", view::share_percent(coverage.share())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disclosure::statement::{Coverage, Status};
    use crate::reports::fixture;

    #[test]
    fn twelve_of_thirty_one_days_are_38_7_percent() {
        let mut statement = fixture::statement();
        assert_eq!(watermark(&statement), None);
        statement.status.coverage = Coverage { covered_cluster_seconds: 12 * 86_400, expected_cluster_seconds: 31 * 86_400 };

        assert_eq!(watermark(&statement).unwrap(), "Incomplete: evidence of 38.7 % of the period");
    }

    #[test]
    fn an_edition_says_which_one_it_is_and_what_it_replaces() {
        let mut statement = fixture::statement();
        let coverage = statement.status.coverage;
        assert!(status(&statement).starts_with("Draft: "));
        statement.status = Status::edition(1, None, coverage);
        assert_eq!(status(&statement), "Closed: edition 1 of 2026-10, sealed together with its evidence.");
        statement.status = Status::edition(3, Some("NL was revised".to_owned()), coverage);
        assert_eq!(status(&statement), "Restated: edition 3 of 2026-10, in the place of edition 2. Reason: NL was revised");
    }
}
