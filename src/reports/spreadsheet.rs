//! Text that a spreadsheet opens as text.
//!
//! In: a name from a cluster, which anybody with rights in it may have chosen. Out: the same, or with an apostrophe before it where a spreadsheet would take
//! it for a formula (CWE-1236). Rule: the first letter that is seen decides: `=`, `+`, `-`, `@`, the same in full width, a tab or a line break.
//! Numbers never come here. Does not: quote; that is the CSV writer's part.

use std::borrow::Cow;

/// The text as a cell of a CSV file.
pub fn as_text(text: &str) -> Cow<'_, str> {
    // Some programs look behind spaces and marks that are not seen.
    let seen = text.trim_start_matches([' ', '\u{a0}', '\u{feff}', '\u{200b}']);
    let is_formula = seen.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}']);
    if is_formula { Cow::Owned(format!("'{text}")) } else { Cow::Borrowed(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_be_a_formula_gets_an_apostrophe_and_nothing_else_does() {
        for formula in ["=1+1", "+1", "-cmd|' /C calc'!A0", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "\u{a0}=1", "\u{ff1d}1"] {
            assert_eq!(as_text(formula), format!("'{formula}"), "{formula:?}");
        }
        for plain in ["shop", "(idle)", "Deployment/web", "a=b", "", "row:x:=1:y@20261003T02Z", "'=1", "2026-10-03T02:00:00Z", "ü"] {
            assert_eq!(as_text(plain), plain);
        }
    }
}
