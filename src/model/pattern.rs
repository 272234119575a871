//! Names by pattern: `ml-*`, `report-?`, `team-[a-c]`.
//!
//! In: a pattern that the configuration has checked, and a name. Out: whether it matches. Rule: `*` is any run of letters, `?` any one, `[abc]`, `[a-c]` and
//! `[!abc]` one of a set; everything else is itself. Does not: know of folders, or report a pattern that is none: it matches nothing.

/// Whether the whole name is what the pattern says.
pub fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    let (mut p, mut n) = (0, 0);
    // Where the last `*` was, and up to where it has swallowed the name: on a mismatch it swallows one letter more.
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        if pattern.get(p) == Some(&'*') {
            star = Some((p + 1, n));
            p += 1;
        } else if let Some(next) = one(&pattern, p, name[n]) {
            (p, n) = (next, n + 1);
        } else if let Some((after, swallowed)) = star {
            star = Some((after, swallowed + 1));
            (p, n) = (after, swallowed + 1);
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|letter| *letter == '*')
}

/// Where the pattern goes on after one letter; none where it does not match.
fn one(pattern: &[char], at: usize, letter: char) -> Option<usize> {
    match pattern.get(at)? {
        '?' => Some(at + 1),
        '[' => {
            let is_negated = pattern.get(at + 1) == Some(&'!');
            let from = at + 1 + usize::from(is_negated);
            // A bracket that stands first in a set is one of it.
            let to = from + 1 + pattern.get(from + 1..)?.iter().position(|other| *other == ']')?;
            (in_set(&pattern[from..to], letter) != is_negated).then_some(to + 1)
        }
        other => (*other == letter).then_some(at + 1),
    }
}

fn in_set(set: &[char], letter: char) -> bool {
    let mut rest = set;
    while let Some(first) = rest.first() {
        if let [from, '-', to, ..] = rest {
            if (*from..=*to).contains(&letter) {
                return true;
            }
            rest = &rest[3..];
        } else if *first == letter {
            return true;
        } else {
            rest = &rest[1..];
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_star_is_any_run_of_letters_and_a_question_mark_any_one() {
        for (pattern, name) in [("ml-*", "ml-train"), ("ml-*", "ml-"), ("*-report", "week-report"), ("a*b*c", "a1b2b3c"), ("n-?", "n-7")] {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [("ml-*", "html-x"), ("ml", "ml-x"), ("n-?", "n-"), ("n-?", "n-77"), ("*a", "b"), ("", "a")] {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
    }

    #[test]
    fn a_set_is_one_letter_of_it() {
        assert!(matches("team-[a-c]", "team-b") && !matches("team-[a-c]", "team-d"));
        assert!(matches("team-[!a-c]", "team-d") && !matches("team-[!a-c]", "team-a"));
        assert!(matches("x[]]", "x]") && matches("x[0-9z]*", "xz-1"));
    }

    proptest! {
        #[test]
        fn it_agrees_with_the_patterns_that_the_configuration_checks(pattern in "[ab?*\\[\\]!-]{0,7}", name in "[ab-]{0,6}") {
            if let (Ok(checked), false) = (glob::Pattern::new(&pattern), pattern.contains("**")) {
                prop_assert_eq!(matches(&pattern, &name), checked.matches(&name), "{} {}", pattern, name);
            }
        }
    }
}
