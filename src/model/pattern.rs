//! Names by pattern: `ml-*`, `report-?`, `team-[a-c]`.
//!
//! In: a pattern that the configuration has checked, and a name. Out: whether it matches. Does not: report a pattern that is none; it matches nothing.

/// Whether the whole name is what the pattern says.
pub fn matches(pattern: &str, name: &str) -> bool {
    glob::Pattern::new(pattern).is_ok_and(|pattern| pattern.matches(name))
}
