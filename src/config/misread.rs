//! What the TOML reader says, said so that a person can mend it: the line, the table, the key and the nearest known one.
//!
//! In: an error of `toml` with its path. Out: a [`Hint`]. Rule: the value of a key is never repeated where the key may hold a secret.
//! Assumes: serde's own sentences ("unknown field `a`, expected one of `b`, `c`"); a test here fails where they change.
//! Does not: look at meaning; that is `resolve`.

use serde_path_to_error::Segment;

use crate::model::Hint;

/// Keys that people reach for when they want to write a secret into the file.
const SECRETS: [&str; 9] = ["token", "password", "passwd", "secret", "api_key", "apikey", "bearer", "bearer_token", "credentials"];

/// A file that is not TOML at all.
pub(super) fn not_toml(text: &str, error: &toml::de::Error) -> Hint {
    Hint::new(
        format!("{}this is not TOML: {}", place(text, error), error.message().trim().replace('\n', ", ")),
        "strings need quotation marks; docs/configuration.md shows every table, https://toml.io the format",
    )
}

/// Turns an error of the TOML reader into one fragment and one piece of advice.
pub(super) fn explain(text: &str, error: serde_path_to_error::Error<toml::de::Error>) -> Hint {
    let keys: Vec<String> = error
        .path()
        .iter()
        .filter_map(|segment| match segment {
            Segment::Map { key } => Some(key.clone()),
            Segment::Seq { .. } | Segment::Enum { .. } | Segment::Unknown => None,
        })
        .collect();
    let ends_in_list = matches!(error.path().iter().next_back(), Some(Segment::Seq { .. }));
    let inner = error.inner();
    let place = place(text, inner);
    let message = inner.message().trim().replace('\n', ", ");
    let names: Vec<&str> = message.split('`').skip(1).step_by(2).collect();

    match (names.split_first(), message.split_once(' ')) {
        (Some((unknown, known)), _) if message.starts_with("unknown field ") => {
            let table = match keys.split_last() {
                // The reader counts the unknown key as part of the path.
                Some((last, rest)) if last == unknown => table_name(rest, path_ends_in_list_before_key(&error)),
                _ => table_name(&keys, ends_in_list),
            };
            unknown_key(&place, unknown, &table, known)
        }
        (Some((unknown, known)), _) if message.starts_with("unknown variant ") => Hint::new(
            format!("{place}`{}` cannot be `{unknown}`; the nearest known value is `{}`", keys.join("."), nearest(unknown, known)),
            format!("known values are {}", listed(known)),
        ),
        (Some((missing, _)), _) if message.starts_with("missing field ") => {
            let table = table_name(&keys, ends_in_list);
            Hint::new(format!("{place}`{missing}` is missing in {table}"), format!("put `{missing} = …` there; it has no default"))
        }
        _ => Hint::new(format!("{place}`{}`: {message}", keys.join(".")), "docs/configuration.md shows every key with an example"),
    }
}

fn unknown_key(place: &str, unknown: &str, table: &str, known: &[&str]) -> Hint {
    if SECRETS.contains(&unknown.to_ascii_lowercase().as_str()) {
        let advice = if unknown.eq_ignore_ascii_case("password") && known.contains(&"password_file") {
            "write the password to a file that only you can read and name it here: password_file = \"/path/to/password\""
        } else if known.contains(&"token_file") {
            "write the token to a file that only you can read and name it here: token_file = \"/path/to/token\""
        } else {
            "nothing in this table needs a secret; where one is needed, the key is `token_file` and names a file"
        };
        return Hint::new(format!("{place}`{unknown}` in {table}: secrets are never read from the configuration itself"), advice);
    }
    let nearest = nearest(unknown, known);
    Hint::new(
        format!("{place}unknown key `{unknown}` in {table}; the nearest known key is `{nearest}`"),
        format!("keys known there are {}", listed(known)),
    )
}

/// The candidate that needs the fewest changes of letters, in proportion to its length, whatever the case; the first where several do.
pub(super) fn nearest<'a>(word: &str, candidates: &[&'a str]) -> &'a str {
    let word = word.to_lowercase();
    let mut best = ("", -1.0);
    for candidate in candidates {
        let similarity = strsim::normalized_damerau_levenshtein(&word, &candidate.to_lowercase());
        if similarity > best.1 {
            best = (candidate, similarity);
        }
    }
    best.0
}

/// A table as its heading is written.
fn table_name(keys: &[String], is_list: bool) -> String {
    match (keys.is_empty(), is_list) {
        (true, _) => "the top level of the file".to_owned(),
        (false, true) => format!("[[{}]]", keys.join(".")),
        (false, false) => format!("[{}]", keys.join(".")),
    }
}

fn path_ends_in_list_before_key<E>(error: &serde_path_to_error::Error<E>) -> bool {
    let segments: Vec<&Segment> = error.path().iter().collect();
    segments.len() >= 2 && matches!(segments[segments.len() - 2], Segment::Seq { .. })
}

fn listed(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// The line, counted from 1, where the reader knows it.
fn place(text: &str, error: &toml::de::Error) -> String {
    error.span().map_or_else(String::new, |span| {
        let line = 1 + text.as_bytes().iter().take(span.start).filter(|byte| **byte == b'\n').count();
        format!("line {line}: ")
    })
}
