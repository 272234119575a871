//! `wattledger token`: makes, lists and takes back what lets a team into the server.
//!
//! In: a team, scopes, days. Out: the token on stdout, once; its digest in the token file. Rule: the token itself is nowhere kept. The file is put into place in one step, so that a server that reads
//! it meanwhile sees the one before or the one after; tokens that ran out a month ago are left out of it. Does not: talk to a server; it looks at its file itself.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use chrono::{DateTime, Days, Utc};
use clap::{Args, Subcommand};

use super::exit;
use crate::config::Config;
use crate::model::{AccessScope, Hint};
use crate::web::access::tokens::{self, Entry, LONGEST_DAYS};

/// How long a token that has run out stays in the list.
const REMEMBERED: Days = Days::new(30);

#[derive(Debug, Args)]
pub struct TokenArgs {
    /// The token file; with it no configuration is read [default: `tokens_file` in [serve]]
    #[arg(long, value_name = "FILE", global = true)]
    pub file: Option<PathBuf>,

    #[command(subcommand)]
    pub what: What,
}

#[derive(Debug, Subcommand)]
pub enum What {
    /// Make a token; it is printed once, and its digest is kept
    New(NewArgs),
    /// List tokens: id, team, scopes, until when
    List,
    /// Take a token back, by its id
    Revoke {
        #[arg(value_name = "ID")]
        id: String,
    },
}

#[derive(Debug, Args)]
pub struct NewArgs {
    /// Who is to have it; the log of downloads says so
    #[arg(long, value_name = "NAME")]
    pub team: String,

    /// What it opens, separated by commas: reports, ledger, evidence, intensity, scaling, metrics
    #[arg(long, value_name = "SCOPE", value_delimiter = ',', required = true)]
    pub scope: Vec<AccessScope>,

    /// For how many days
    #[arg(long, value_name = "N", default_value_t = LONGEST_DAYS, value_parser = clap::value_parser!(u64).range(1..=LONGEST_DAYS))]
    pub days: u64,
}

pub fn run(args: &TokenArgs, config: &Path) -> Result<u8> {
    let now = Utc::now();
    let path = match &args.file {
        Some(path) => path.clone(),
        None => configured(&Config::load(config)?)?,
    };
    match &args.what {
        What::New(new) => self::new(new, &path, now)?,
        What::List => list(&tokens::read(&path)?, now),
        What::Revoke { id } => revoke(&path, id, now)?,
    }
    Ok(exit::DONE)
}

fn configured(config: &Config) -> Result<PathBuf> {
    config.serve.tokens_file.clone().with_context(|| {
        let advice =
            "name one in wattledger.toml: [serve] and tokens_file = \"tokens.toml\", or by `--file`; it is made with the first token";
        Hint::new("no token file is configured", advice)
    })
}

fn new(args: &NewArgs, path: &Path, now: DateTime<Utc>) -> Result<()> {
    let (token, entry) = tokens::make(&args.team, &args.scope, args.days, now)?;
    let mut entries = if path.exists() { tokens::read(path)? } else { Vec::new() };
    entries.push(entry.clone());
    replace(path, entries, now)?;
    let scopes: Vec<&str> = entry.scopes.iter().map(|scope| scope.name()).collect();
    eprintln!("token {} of {} for {}, until {} UTC; it is shown once:", entry.id, entry.team, scopes.join(", "), minute(entry.expires));
    println!("{token}");
    Ok(())
}

fn list(entries: &[Entry], now: DateTime<Utc>) {
    for entry in entries {
        let scopes: Vec<&str> = entry.scopes.iter().map(|scope| scope.name()).collect();
        let state = if entry.expires <= now { "ran out" } else { "until" };
        println!("{}  {}  {}  {state} {}", entry.id, entry.team, scopes.join(","), minute(entry.expires));
    }
}

fn revoke(path: &Path, id: &str, now: DateTime<Utc>) -> Result<()> {
    let mut entries = tokens::read(path)?;
    let before = entries.len();
    entries.retain(|entry| entry.id != id);
    if entries.len() == before {
        bail!(Hint::new(format!("there is no token `{}`", id.escape_debug()), "`wattledger token list` shows their ids"));
    }
    replace(path, entries, now)?;
    eprintln!("token {id} is taken back; a server that runs notices within a second");
    Ok(())
}

fn minute(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M").to_string()
}

/// Writes the file whole, beside its place, and puts it there.
fn replace(path: &Path, mut entries: Vec<Entry>, now: DateTime<Utc>) -> Result<()> {
    entries.retain(|entry| entry.expires.checked_add_days(REMEMBERED).is_none_or(|until| until > now));
    let text = tokens::file_text(&entries)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary: PathBuf = path.with_file_name(format!(".{name}.tmp-{}", std::process::id()));
    let written = || -> std::io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o640).open(&temporary)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    };
    written().with_context(|| format!("write tokens {}", path.display())).inspect_err(|_| {
        // What is left of it is of no use to anybody.
        let _ = fs::remove_file(&temporary);
    })
}
