//! The documents, held against the program: links lead somewhere, commands are understood, every key and every code is explained.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Parser;
use clap::error::ErrorKind;
use wattledger::cli::Cli;

use crate::sample::root;

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Everything that a reader is sent to.
fn documents() -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> =
        ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "sample-data/README.md"].iter().map(|name| root().join(name)).collect();
    let pages = fs::read_dir(root().join("docs")).unwrap().map(|entry| entry.unwrap().path());
    all.extend(pages.filter(|path| path.extension().is_some_and(|extension| extension == "md")));
    assert!(all.len() >= 9, "{all:?}");
    all
}

fn source_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let below = entries.flat_map(|path| if path.is_dir() { source_files(&path) } else { vec![path] });
    below.filter(|path| path.extension().is_some_and(|extension| extension == "rs")).collect()
}

/// The heading as a link names it.
fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|letter| letter.is_alphanumeric() || [' ', '-', '_'].contains(letter));
    kept.collect::<String>().trim().to_lowercase().replace(' ', "-")
}

#[test]
fn every_link_leads_to_a_file_and_a_heading() {
    let mut links = 0;
    for page in documents() {
        for target in read(&page).split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if target.contains("://") {
                continue;
            }
            let (file, heading) = target.split_once('#').unwrap_or((target, ""));
            let path = if file.is_empty() { page.clone() } else { page.parent().unwrap().join(file) };
            assert!(path.exists(), "{} links to {target}", page.display());
            if !heading.is_empty() {
                let text = read(&path);
                let anchors: Vec<String> =
                    text.lines().filter(|line| line.starts_with('#')).map(|line| anchor(line.trim_start_matches('#'))).collect();
                assert!(anchors.iter().any(|known| known == heading), "{} links to {target}; there is {anchors:?}", page.display());
            }
            links += 1;
        }
    }
    assert!(links > 20, "{links}");
}

/// The words of a shell line, as far as documents use quotes.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    for letter in line.chars() {
        match (quote, letter) {
            (Some(open), letter) if letter == open => quote = None,
            (None, '\'' | '"') => quote = Some(letter),
            (None, ' ') => words.push(String::new()),
            _ => words.last_mut().unwrap().push(letter),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Every command line of ours in a shell block.
fn commands(text: &str) -> Vec<String> {
    let blocks = text.split("```sh\n").skip(1).filter_map(|rest| rest.split("\n```").next());
    let lines = blocks.flat_map(|block| block.replace("\\\n", " ").lines().map(|line| line.trim().to_owned()).collect::<Vec<_>>());
    let ours = lines.filter_map(|line| line.strip_prefix("cargo run --locked -- ").map(|rest| format!("wattledger {rest}")).or(Some(line)));
    ours.filter(|line| line.starts_with("wattledger ")).collect()
}

#[test]
fn every_command_of_the_documents_is_understood() {
    let mut count = 0;
    for page in documents() {
        for command in commands(&read(&page)) {
            match Cli::try_parse_from(words(&command)) {
                Ok(_) => {}
                Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {}
                Err(error) => panic!("{}: {command}: {error}", page.display()),
            }
            count += 1;
        }
    }
    assert!(count >= 8, "{count}");
    assert!(Cli::try_parse_from(words("wattledger report --moth 2026-10")).is_err());
}

/// Codes as they are given to findings and refusals where these are made.
fn codes_made(text: &str) -> BTreeSet<String> {
    let starts = ["Finding::new(", "Refusal::new(", "code: "];
    let after = starts.iter().flat_map(|start| text.split(start).skip(1));
    let codes = after.filter_map(|rest| rest.trim_start().strip_prefix('"')?.split('"').next());
    codes.filter(|code| is_code(code)).map(str::to_owned).collect()
}

fn is_code(text: &str) -> bool {
    text.len() > 2 && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
}

#[test]
fn every_code_is_explained_and_every_explained_code_exists() {
    let page = read(&root().join("docs/findings.md"));
    let first_cells = page.lines().filter_map(|line| line.strip_prefix('|')?.split('|').next());
    let explained: BTreeSet<String> =
        first_cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).filter(|code| is_code(code)).map(str::to_owned).collect();
    assert!(explained.len() > 90, "{}", explained.len());

    let mut all = String::new();
    for file in source_files(&root().join("src")) {
        // Tests and the statement that they are rendered from make up codes of their own.
        let name = file.display().to_string();
        if !name.contains("test") && !name.contains("/fixture") {
            all.push_str(read(&file).split("\nmod tests {").next().unwrap());
        }
    }
    let unexplained: Vec<String> = codes_made(&all).into_iter().filter(|code| !explained.contains(code)).collect();
    assert!(unexplained.is_empty(), "not in docs/findings.md: {unexplained:?}");
    // What a reader's page sends them to look up is there to be looked up. (Other pages name variables of the environment alike.)
    for page in ["platform-engineer.md", "finance-and-esg.md", "auditor.md"].map(|name| root().join("docs").join(name)) {
        let text = read(&page);
        let named = text.split('`').skip(1).step_by(2).filter(|word| is_code(word) && !word.starts_with("AWS_") && *word != "SHA256SUMS");
        let lost: Vec<&str> = named.filter(|code| !explained.contains(*code)).collect();
        assert!(lost.is_empty(), "{} names {lost:?}, and docs/findings.md does not", page.display());
    }
    let unknown: Vec<&String> = explained.iter().filter(|code| !all.contains(&format!("\"{code}"))).collect();
    assert!(unknown.is_empty(), "in docs/findings.md, and nothing finds it: {unknown:?}");
}

#[test]
fn every_key_of_the_configuration_is_in_the_documents() {
    let pages = read(&root().join("README.md")) + &read(&root().join("docs/configuration.md"));
    let raw = read(&root().join("src/config/raw.rs"));
    let keys: Vec<&str> =
        raw.lines().filter_map(|line| line.trim_start().strip_prefix("pub ")?.split_once(':')).map(|(key, _)| key).collect();
    assert!(keys.len() > 80, "{}", keys.len());
    let is_there = |key: &str| {
        let is_part = |letter: Option<char>| letter.is_some_and(|letter| letter.is_alphanumeric() || letter == '_');
        pages
            .match_indices(key)
            .any(|(at, _)| !is_part(pages[..at].chars().next_back()) && !is_part(pages[at + key.len()..].chars().next()))
    };
    let missing: Vec<&&str> = keys.iter().filter(|key| !is_there(key)).collect();
    assert!(missing.is_empty(), "not in README.md or docs/configuration.md: {missing:?}");
}
