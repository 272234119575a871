//! What is written for a stranger: how to check the archive, the method, and the programs that help.
//!
//! In: a sealed edition, the key that signed it. Out: files by path, sorted. Rule: the commands in `verify.md` run as they stand, in the unpacked folder; the
//! method's files are the ones that this program runs, whose hash is in the seal. Assumes: names may be hostile; what goes into the text is in one line and
//! cannot end a paragraph or begin a command. Does not: say that anything is right; it says how to find out.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use askama::Template;

use crate::accounting::ledger::sql;
use crate::cli::account;
use crate::cli::sample::LEDGER_FILE;
use crate::evidence::{PublicKey, Sealed};
use crate::model::Hint;

const METHOD: &str = include_str!("../../../templates/bundle/method.md");
const CHECK_SEAL: &str = include_str!("../../../templates/bundle/check_seal.py");
const RUN_PLAN: &str = include_str!("../../../templates/bundle/run_plan.py");
const PUBLIC_KEY_FILE: &str = "wattledger.pub";

#[derive(Template)]
#[template(path = "bundle/verify.md")]
struct Verify<'a> {
    /// `2026-10`.
    month: &'a str,
    organisation: String,
    sealed_at: String,
    edition: u32,
    /// Of the closed month, below the archive's folder.
    closed: String,
    is_signed: bool,
    public_key: String,
    trusted_comment: String,
    is_stamped: bool,
    /// Whether the authority's certificate is in the closed month.
    has_authority: bool,
    /// Whether the month was closed with the hourly ledger as Parquet.
    has_ledger: bool,
    software: String,
    accepted: String,
}

pub fn all(sealed: &Sealed, key: Option<&PublicKey>) -> Result<BTreeMap<String, Vec<u8>>> {
    require_same_method(sealed)?;
    let mut texts = BTreeMap::from([
        ("method/README.md".to_owned(), METHOD.as_bytes().to_vec()),
        ("method/plan.txt".to_owned(), sql::PLAN.as_bytes().to_vec()),
        ("verify/check_seal.py".to_owned(), CHECK_SEAL.as_bytes().to_vec()),
        ("verify/run_plan.py".to_owned(), RUN_PLAN.as_bytes().to_vec()),
        ("verify.md".to_owned(), verify(sealed, key)?.into_bytes()),
    ]);
    texts.extend(sql::QUERIES.iter().map(|(name, text)| (format!("method/{name}"), text.as_bytes().to_vec())));
    if let Some(key) = key {
        texts.insert(PUBLIC_KEY_FILE.to_owned(), key.to_file()?);
    }
    Ok(texts)
}

/// The archive holds this program's queries, so they must be those that the month was accounted with.
fn require_same_method(sealed: &Sealed) -> Result<()> {
    ensure!(
        sealed.seal.method == account::method(),
        Hint::new(
            format!("{} was accounted with another method ({})", sealed.seal.period.month, sealed.seal.method),
            format!("export it with the version that closed it, {}", sealed.seal.software),
        )
    );
    Ok(())
}

fn verify(sealed: &Sealed, key: Option<&PublicKey>) -> Result<String> {
    let seal = &sealed.seal;
    let text = Verify {
        month: &seal.period.month,
        organisation: in_one_line(&seal.organisation),
        sealed_at: seal.sealed_at.format("%Y-%m-%d %H:%M:%S UTC").to_string(),
        edition: seal.edition,
        closed: format!("{}/{}", super::contents::EVIDENCE_FOLDER, sealed.folder()),
        is_signed: key.is_some(),
        public_key: key.map(PublicKey::to_file).transpose()?.map(|file| last_line(&file)).unwrap_or_default(),
        trusted_comment: in_one_line(&seal.trusted_comment()),
        is_stamped: sealed.time_stamp.is_some(),
        has_authority: seal.file("timestamp-ca.pem").is_some(),
        has_ledger: seal.file(LEDGER_FILE).is_some(),
        software: in_one_line(&seal.software),
        accepted: seal.accepted.iter().map(|code| in_one_line(code)).collect::<Vec<_>>().join(", "),
    };
    text.render().context("write verify.md")
}

/// The key itself, without the comment before it.
fn last_line(file: &[u8]) -> String {
    String::from_utf8_lossy(file).lines().next_back().unwrap_or_default().to_owned()
}

/// Text within a paragraph of Markdown: in one line, and no mark of it means anything.
fn in_one_line(text: &str) -> String {
    let line = text
        .split(|letter: char| letter.is_whitespace() || letter.is_control())
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ");
    let mut escaped = String::with_capacity(line.len());
    for letter in line.chars() {
        if "\\`*_{}[]<>()#|~!&".contains(letter) {
            escaped.push('\\');
        }
        escaped.push(letter);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_end_the_paragraph_or_begin_a_command() {
        assert_eq!(in_one_line("Example & Sons BV"), "Example \\& Sons BV");
        let hostile = in_one_line("x\n```sh\nrm -rf ~\n```\n# [a](http://b) <script>");
        assert_eq!(hostile, "x \\`\\`\\`sh rm -rf \\~ \\`\\`\\` \\# \\[a\\]\\(http://b\\) \\<script\\>");
        assert!(!hostile.contains('\n') && !hostile.contains("```"));
    }

    #[test]
    fn the_commands_of_the_text_hold_nothing_but_what_is_ours() {
        let template = include_str!("../../../templates/bundle/verify.md");
        let commands: String = template.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
        let parameters: Vec<&str> = commands.split("{{").skip(1).filter_map(|rest| rest.split("}}").next()).map(str::trim).collect();
        assert!(parameters.len() > 5 && parameters.iter().all(|name| *name == "closed"), "{parameters:?}");
    }
}
