//! Tokens by team: 256 random bits, kept as their SHA-256, with scopes and an end.
//!
//! In: a token file. Out: whose a token is. Rule: what is kept opens nothing; a token is compared by its digest, with all of them, in constant time; each ends at most
//! [`LONGEST_DAYS`] after it was made. The file is read again when it changes; one that cannot be read lets nobody in, since what was taken out of it must
//! not go on counting. Assumes: so many random bits need no slow hash. Does not: know a token that it did not just make.

use std::collections::BTreeSet;
use std::fs;
use std::net::IpAddr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64_URL;
use chrono::{DateTime, Days, SubsecRound, Utc};
use serde::{Deserialize, Serialize};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

use super::{Refused, Way, Who};
use crate::model::{AccessScope, Hint, hex, sha256};

/// Before each token, so that people and scanners of secrets see what it is.
pub const PREFIX: &str = "wattledger_";
pub const LONGEST_DAYS: u64 = 90;
const RANDOM_BYTES: usize = 32;
const ID_BYTES: usize = 6;
/// How often a file may be looked at for changes.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// A token as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Names it in the log of downloads and on the command line.
    pub id: String,
    pub team: String,
    /// Of the token as it is given, in hex.
    pub sha256: String,
    pub scopes: Vec<AccessScope>,
    pub issued: DateTime<Utc>,
    pub expires: DateTime<Utc>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    token: Vec<Entry>,
}

/// A token file.
pub struct Tokens {
    path: PathBuf,
    loaded: RwLock<Loaded>,
}

struct Loaded {
    looked: Instant,
    stamp: Stamp,
    /// None where it cannot be read, which was logged.
    entries: Option<Arc<Vec<Entry>>>,
}

/// What changes with a file: a mounted secret is put into place as another file.
type Stamp = Option<(u64, i64, i64, u64)>;

impl Tokens {
    /// A file that is wrong now is said now.
    pub fn open(path: &Path) -> Result<Self> {
        let stamp = stamp(path);
        let entries = read(path)?;
        Ok(Self { path: path.to_owned(), loaded: RwLock::new(Loaded { looked: Instant::now(), stamp, entries: Some(Arc::new(entries)) }) })
    }

    pub fn are_readable(&self) -> Result<()> {
        ensure!(self.entries().is_some(), "tokens cannot be read from {}", self.path.display());
        Ok(())
    }

    /// Whose a token is.
    pub fn find(&self, token: &str, peer: IpAddr, now: DateTime<Utc>) -> Result<Who, Refused> {
        let Some(entries) = self.entries() else { return Err(Refused::NoTokens) };
        let entry = matching(&entries, token).ok_or(Refused::UnknownToken)?;
        if now >= entry.expires || now < entry.issued {
            return Err(Refused::ExpiredToken);
        }
        Ok(Who { name: entry.team.clone(), way: Way::Token(entry.id.clone()), peer, scopes: entry.scopes.clone() })
    }

    fn entries(&self) -> Option<Arc<Vec<Entry>>> {
        {
            let loaded = self.loaded.read().expect("nobody panics while reading tokens");
            if loaded.looked.elapsed() < LOOK_AGAIN {
                return loaded.entries.clone();
            }
        }
        let mut loaded = self.loaded.write().expect("nobody panics while reading tokens");
        let stamp = stamp(&self.path);
        // A file that could not be read is tried again: it may have been written meanwhile.
        if stamp != loaded.stamp || loaded.entries.is_none() {
            loaded.entries = match read(&self.path) {
                Ok(entries) => Some(Arc::new(entries)),
                Err(error) => {
                    tracing::error!("nobody is let in by token: {error:#}");
                    None
                }
            };
            loaded.stamp = stamp;
        }
        loaded.looked = Instant::now();
        loaded.entries.clone()
    }
}

/// Compared with each, whether or not one was found before: how long it takes says nothing.
fn matching<'a>(entries: &'a [Entry], token: &str) -> Option<&'a Entry> {
    let digest = sha256(token);
    let mut found = u64::MAX;
    for (at, entry) in entries.iter().enumerate() {
        let is_same: Choice = entry.sha256.as_bytes().ct_eq(digest.as_bytes());
        found.conditional_assign(&(at as u64), is_same);
    }
    entries.get(usize::try_from(found).ok()?)
}

fn stamp(path: &Path) -> Stamp {
    let known = fs::metadata(path).ok()?;
    Some((known.ino(), known.mtime(), known.mtime_nsec(), known.len()))
}

/// The tokens of a file.
pub fn read(path: &Path) -> Result<Vec<Entry>> {
    let text = fs::read_to_string(path).with_context(|| {
        Hint::new(
            format!("read tokens {}", path.display()),
            "`wattledger token new --team NAME --scope reports` makes the file with a first token",
        )
    })?;
    parse(&text).with_context(|| format!("read tokens {}", path.display()))
}

/// The reader of TOML quotes the line that it does not understand, and that may hold a token that somebody pasted; so only the place is said.
fn parse(text: &str) -> Result<Vec<Entry>> {
    let file: File = toml::from_str(text).map_err(|error| {
        let line = error.span().map(|span| 1 + text.as_bytes()[..span.start.min(text.len())].iter().filter(|byte| **byte == b'\n').count());
        let place = line.map_or_else(String::new, |line| format!("line {line}: "));
        Hint::new(
            format!("{place}this is not a table [[token]] with `id`, `team`, `sha256`, `scopes`, `issued` and `expires`"),
            "let `wattledger token new` write it",
        )
    })?;
    let mut ids = BTreeSet::new();
    for entry in &file.token {
        let shown = entry.id.escape_debug();
        ensure!(ids.insert(&entry.id), "two tokens have the id `{shown}`");
        ensure!(!entry.team.trim().is_empty(), "token `{shown}` is of no team");
        ensure!(!entry.scopes.is_empty(), "token `{shown}` has no scope");
        let is_digest = entry.sha256.len() == 64 && entry.sha256.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
        ensure!(is_digest, "token `{shown}`: `sha256` is not a SHA-256 in hex; a token itself does not belong here");
        let latest = entry.issued.checked_add_days(Days::new(LONGEST_DAYS)).context("a time beyond all calendars")?;
        ensure!(
            entry.issued < entry.expires && entry.expires <= latest,
            "token `{shown}` does not end within {LONGEST_DAYS} days of being made"
        );
    }
    Ok(file.token)
}

/// Makes a token. Gives back the token itself, which nobody keeps, and what is kept.
pub fn make(team: &str, scopes: &[AccessScope], days: u64, now: DateTime<Utc>) -> Result<(String, Entry)> {
    ensure!(!team.trim().is_empty() && !team.chars().any(char::is_control), "a team's name is a line of text");
    ensure!((1..=LONGEST_DAYS).contains(&days), "a token is good for 1 to {LONGEST_DAYS} days");
    let mut random = [0; RANDOM_BYTES + ID_BYTES];
    if let Err(error) = getrandom::fill(&mut random) {
        bail!("ask the system for random bytes: {error}");
    }
    let (secret, id) = random.split_at(RANDOM_BYTES);
    let token = format!("{PREFIX}{}", BASE64_URL.encode(secret));
    let mut scopes = scopes.to_vec();
    scopes.sort();
    scopes.dedup();
    ensure!(!scopes.is_empty(), "a token without a scope opens nothing");
    let issued = now.trunc_subsecs(0);
    let expires = issued.checked_add_days(Days::new(days)).context("a time beyond all calendars")?;
    Ok((token.clone(), Entry { id: hex(id), team: team.trim().to_owned(), sha256: sha256(&token), scopes, issued, expires }))
}

/// An entry as it stands in a token file.
pub fn as_text(entry: &Entry) -> Result<String> {
    toml::to_string(&File { token: vec![entry.clone()] }).context("write a token's entry")
}

/// A token file of these.
pub fn file_text(entries: &[Entry]) -> Result<String> {
    toml::to_string(&File { token: entries.to_vec() }).context("write tokens")
}
