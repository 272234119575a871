//! The import rule of the architecture, read off the source: who may use whom, and what a room may never touch.
//!
//! Comments and test modules are left out: a test may read a golden file. What is looked for is text, so an import hidden in a macro
//! would be missed.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

struct Room {
    name: &'static str,
    /// Rooms of ours that it may use, beside itself.
    may_use: &'static [&'static str],
    never: &'static [&'static [&'static str]],
}

/// `glob::Pattern` compares names and touches no disk; the rest of that crate looks into folders.
const FILES: &[&str] = &["std::fs", "tokio::fs", "use glob", "glob::glob", "tempfile"];
const NETWORK: &[&str] = &["std::net", "tokio::net", "reqwest", "prometheus_http_query"];
const CLOCK: &[&str] = &["SystemTime", "Instant::now", "Utc::now", "Local::now"];
const POLARS: &[&str] = &["polars"];
const ANYHOW: &[&str] = &["anyhow"];

const ROOMS: [Room; 12] = [
    Room { name: "units", may_use: &[], never: &[POLARS, ANYHOW, FILES, NETWORK, CLOCK] },
    Room { name: "model", may_use: &["units"], never: &[FILES, NETWORK, CLOCK] },
    Room { name: "factors", may_use: &["units", "model"], never: &[NETWORK] },
    Room { name: "config", may_use: &["units", "model", "factors"], never: &[NETWORK] },
    Room { name: "sources", may_use: &["units", "model"], never: &[] },
    Room { name: "evidence", may_use: &["units", "model"], never: &[NETWORK] },
    Room { name: "accounting", may_use: &["units", "model", "factors"], never: &[FILES, NETWORK, CLOCK] },
    Room { name: "disclosure", may_use: &["units", "model", "accounting"], never: &[FILES, NETWORK, CLOCK] },
    Room { name: "reports", may_use: &["units", "model", "disclosure"], never: &[FILES, NETWORK, CLOCK] },
    Room { name: "outlook", may_use: &["units", "model", "config", "sources", "evidence", "accounting"], never: &[FILES, CLOCK] },
    Room { name: "engine", may_use: &["units", "model", "config", "evidence", "accounting"], never: &[] },
    Room {
        name: "web",
        may_use: &["units", "model", "factors", "config", "sources", "evidence", "accounting", "disclosure", "reports", "outlook"],
        never: &[],
    },
];

/// What a source text breaks of its room's rule.
fn broken(room: &Room, text: &str) -> Vec<String> {
    let code = without_comments_and_tests(text);
    let mut found: Vec<String> = imports(&code)
        .into_iter()
        .filter(|used| used != room.name && !room.may_use.contains(&used.as_str()) && is_a_room(used))
        .map(|used| format!("uses crate::{used}"))
        .collect();
    for word in room.never.iter().flat_map(|list| list.iter()) {
        if code.lines().any(|line| line.contains(word)) {
            found.push(format!("mentions {word}"));
        }
    }
    found
}

fn is_a_room(name: &str) -> bool {
    name == "cli" || ROOMS.iter().any(|room| room.name == name)
}

/// Every first name behind `crate::`, of lists in braces too.
fn imports(code: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (place, start) in code.match_indices("crate::") {
        let rest = &code[place + start.len()..];
        if let Some(list) = rest.strip_prefix('{') {
            let mut depth = 0;
            let mut at_start = true;
            let mut name = String::new();
            for letter in list.chars() {
                match letter {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    ',' if depth == 0 => {
                        names.insert(std::mem::take(&mut name));
                        at_start = true;
                    }
                    _ if depth == 0 && at_start && (letter.is_alphanumeric() || letter == '_') => name.push(letter),
                    ' ' | '\n' if name.is_empty() => {}
                    _ if depth == 0 => at_start = false,
                    _ => {}
                }
            }
            names.insert(name);
        } else {
            names.insert(rest.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect());
        }
    }
    names
}

/// Cuts line comments, and everything from an inline test module on, which by habit stands last.
fn without_comments_and_tests(text: &str) -> String {
    let mut code = String::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        if line.trim() == "#[cfg(test)]" && lines.peek().is_some_and(|next| next.trim().starts_with("mod ") && next.trim().ends_with('{')) {
            break;
        }
        code.push_str(line.split("//").next().unwrap_or_default());
        code.push('\n');
    }
    code
}

/// Names of modules in files of their own that are only there for tests.
fn test_modules(text: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut is_test = false;
    for line in text.lines().map(str::trim) {
        if is_test && let Some(name) = line.trim_start_matches("pub(crate) ").trim_start_matches("pub ").strip_prefix("mod ") {
            names.insert(name.trim_end_matches([';', '{', ' ']).to_owned());
        }
        is_test = line == "#[cfg(test)]";
    }
    names
}

fn files_of(room: &str) -> Vec<PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    let mut folders = vec![source.join(room)];
    if source.join(format!("{room}.rs")).exists() {
        files.push(source.join(format!("{room}.rs")));
    }
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for path in entries.map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    let tests: BTreeSet<String> = files.iter().flat_map(|path| test_modules(&fs::read_to_string(path).unwrap())).collect();
    files.retain(|path| !path.components().any(|part| tests.contains(part.as_os_str().to_string_lossy().trim_end_matches(".rs"))));
    files.sort();
    files
}

#[test]
fn every_room_keeps_the_import_rule() {
    let mut trouble = Vec::new();
    let mut read = 0;
    for room in &ROOMS {
        for path in files_of(room.name) {
            read += 1;
            let text = fs::read_to_string(&path).unwrap();
            trouble.extend(broken(room, &text).into_iter().map(|what| format!("{}: {what}", path.display())));
        }
    }
    assert!(read > 10, "only {read} files were read");
    assert!(trouble.is_empty(), "{}", trouble.join("\n"));
}

#[test]
fn every_folder_of_the_source_has_a_rule() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for entry in fs::read_dir(source).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        assert!(is_a_room(&name) || ["main", "lib"].contains(&name.as_str()), "src/{name} is in no line of the import rule");
    }
}

#[test]
fn a_forbidden_line_is_caught() {
    let room = |name: &str| ROOMS.iter().find(|room| room.name == name).unwrap();

    assert_eq!(broken(room("accounting"), "use crate::evidence::Store;\n"), ["uses crate::evidence"]);
    assert_eq!(broken(room("accounting"), "use crate::{model::Finding, evidence::{Store, Table}};\n"), ["uses crate::evidence"]);
    assert_eq!(broken(room("reports"), "fn f() { crate::cli::run(); }\n"), ["uses crate::cli"]);
    assert_eq!(broken(room("reports"), "use std::fs;\n"), ["mentions std::fs"]);
    assert_eq!(broken(room("units"), "use polars::prelude::*;\n"), ["mentions polars"]);
    assert_eq!(broken(room("disclosure"), "let now = Utc::now();\n"), ["mentions Utc::now"]);
}

#[test]
fn what_is_allowed_is_not_caught() {
    let accounting = ROOMS.iter().find(|room| room.name == "accounting").unwrap();
    let text = "use crate::{model::Finding, units::Millijoules};\n// crate::evidence is not used\n#[cfg(test)]\nmod tests {\n    use std::fs;\n}\n";

    assert_eq!(broken(accounting, text), Vec::<String>::new());
}
