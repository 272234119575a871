//! Which months are closed, which editions of each there are, and what their seals name.
//!
//! In: the evidence, the key that months are signed with. Out: [`Index`]. Rule: what is there is listed at most every [`FRESH`], and read where the list is another, or after [`READ_AGAIN`]; an edition that cannot be read takes no other away; one whose
//! signature does not hold, or that lacks one where a key is configured, is listed and not trusted. Assumes: `verify` checks the rest: the chain, the time
//! stamp, the figures. Does not: open a file that a seal names.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::Result;
use bytes::Bytes;

use crate::evidence::closed::{CLOSED_FOLDER, broken_links};
use crate::evidence::{PublicKey, Sealed, Store};
use crate::model::{AccessScope, sha256};

/// How long what was seen is taken for what is there.
const FRESH: Duration = Duration::from_secs(5);
/// Seals are never changed, so they are read seldom: a change that should not be is noticed then.
const READ_AGAIN: Duration = Duration::from_secs(300);

/// Files beside those that a seal names: the seal itself, and what speaks for it.
const MANIFEST: &str = "manifest.json";
const SIGNATURE: &str = "manifest.json.minisig";
const TIME_STAMP: &str = "manifest.tsr";

/// What there is.
#[derive(Debug, Default)]
pub struct Index {
    /// The newest month first, and its newest edition first.
    pub editions: Vec<Arc<Edition>>,
    /// What could not be read, a sentence each; for the log.
    pub trouble: Vec<String>,
}

#[derive(Debug)]
pub struct Edition {
    pub sealed: Sealed,
    pub trust: Trust,
    /// Whether a later edition of the month is there.
    pub is_replaced: bool,
    /// All that can be had of it, sorted by path.
    pub names: Vec<Name>,
    pub seal_sha256: String,
}

/// Whether the seal is whose it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// The configured key signed it.
    Signed,
    /// No key is configured, and it is not signed.
    Unsigned,
    /// It is signed, and no key is configured to check it with.
    Unchecked,
    /// A key is configured, and did not sign it.
    Bad,
}

impl Trust {
    /// The code under which nothing of it is given.
    pub const fn refusal(self) -> Option<&'static str> {
        match self {
            Self::Signed | Self::Unsigned | Self::Unchecked => None,
            Self::Bad => Some("BAD_SIGNATURE"),
        }
    }

    /// As in `/closed.json`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Signed => "signed",
            Self::Unsigned => "unsigned",
            Self::Unchecked => "unchecked",
            Self::Bad => "bad",
        }
    }

    pub const fn words(self) -> &'static str {
        match self {
            Self::Signed => "signed, and the signature holds",
            Self::Unsigned => "not signed",
            Self::Unchecked => "signed; no key is configured to check it with",
            Self::Bad => "the signature does not hold: nothing of it is given",
        }
    }
}

/// A file that can be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// Below the closed month's folder, from the seal and not from who asks.
    pub path: String,
    pub sha256: String,
    pub bytes: u64,
}

/// What it takes to have a file of that path, whether or not there is one.
pub fn scope_of(path: &str) -> AccessScope {
    match path.split_once('/').map_or(path, |(folder, _)| folder) {
        "report" | "restatement.json" => AccessScope::Reports,
        "ledger" => AccessScope::Ledger,
        _ => AccessScope::Evidence,
    }
}

impl Index {
    /// Compared as text: what is written otherwise is not there.
    pub fn find(&self, month: &str, number: &str) -> Option<Arc<Edition>> {
        let is_it = |edition: &&Arc<Edition>| edition.month() == month && edition.number().to_string() == number;
        self.editions.iter().find(is_it).cloned()
    }
}

impl Edition {
    pub fn month(&self) -> &str {
        &self.sealed.seal.period.month
    }

    pub fn number(&self) -> u32 {
        self.sealed.seal.edition
    }

    fn of(sealed: Sealed, trust: Trust) -> Self {
        let of_seal = sealed.seal.files.iter();
        let mut names: Vec<Name> =
            of_seal.map(|file| Name { path: file.path.clone(), sha256: file.sha256.clone(), bytes: file.bytes }).collect();
        names.extend(own(&sealed).into_iter().filter_map(|(path, bytes)| {
            let bytes = bytes?;
            Some(Name { path: path.to_owned(), sha256: sha256(bytes), bytes: bytes.len() as u64 })
        }));
        names.sort_by(|a, b| a.path.cmp(&b.path));
        Self { seal_sha256: sealed.sha256(), sealed, trust, is_replaced: false, names }
    }

    /// The file of exactly that path.
    pub fn name(&self, path: &str) -> Option<&Name> {
        let at = self.names.binary_search_by(|name| name.path.as_str().cmp(path)).ok()?;
        Some(&self.names[at])
    }

    /// The seal and what speaks for it: they were read with the index.
    pub fn own_file(&self, name: &Name) -> Option<Bytes> {
        let (_, bytes) = own(&self.sealed).into_iter().find(|(path, _)| *path == name.path)?;
        bytes.map(|bytes| Bytes::copy_from_slice(bytes))
    }
}

fn own(sealed: &Sealed) -> [(&'static str, Option<&Vec<u8>>); 3] {
    [(MANIFEST, Some(&sealed.manifest)), (SIGNATURE, sealed.signature.as_ref()), (TIME_STAMP, sealed.time_stamp.as_ref())]
}

/// The index as it was seen last.
pub struct Catalogue {
    store: Store,
    key: Option<PublicKey>,
    seen: Mutex<Option<Seen>>,
}

struct Seen {
    listed: Instant,
    read: Instant,
    keys: Vec<String>,
    index: Arc<Index>,
}

impl Catalogue {
    pub fn new(store: Store, key: Option<PublicKey>) -> Self {
        Self { store, key, seen: Mutex::new(None) }
    }

    /// It reads disk or bucket: for a thread that may wait. One reads, and whoever asks meanwhile gets what it finds.
    pub fn index(&self) -> Result<Arc<Index>> {
        let mut seen = self.seen.lock().expect("nobody panics while reading seals");
        if let Some(seen) = seen.as_ref().filter(|seen| seen.listed.elapsed() < FRESH) {
            return Ok(Arc::clone(&seen.index));
        }
        let keys = self.store.objects().list(CLOSED_FOLDER)?;
        let now = Instant::now();
        if let Some(seen) = seen.as_mut().filter(|seen| seen.keys == keys && seen.read.elapsed() < READ_AGAIN) {
            seen.listed = now;
            return Ok(Arc::clone(&seen.index));
        }
        let index = Arc::new(read(&self.store, self.key.as_ref())?);
        let is_news = |trouble: &&String| seen.as_ref().is_none_or(|seen| !seen.index.trouble.contains(trouble));
        index.trouble.iter().filter(is_news).for_each(|trouble| tracing::warn!("{trouble}"));
        *seen = Some(Seen { listed: now, read: now, keys, index: Arc::clone(&index) });
        Ok(index)
    }
}

fn read(store: &Store, key: Option<&PublicKey>) -> Result<Index> {
    let (mut all, mut trouble) = (Vec::new(), Vec::new());
    for written in store.seals_as_written()? {
        let name = format!("{} edition {}", written.month, written.edition);
        match written.parse() {
            Ok(sealed) => all.push(sealed),
            Err(error) => trouble.push(format!("the seal of {name} cannot be read: {error:#}")),
        }
    }
    all.sort_by_key(|sealed| sealed.seal.seq);
    // A hole that an unreadable seal leaves was said already.
    if trouble.is_empty() {
        trouble.extend(broken_links(&all).into_iter().map(|broken| format!("BAD_CHAIN: {broken}")));
    }
    let mut editions: Vec<Edition> = all
        .into_iter()
        .map(|sealed| {
            let trust = trust(&sealed, key);
            if let Some(code) = trust.refusal() {
                trouble
                    .push(format!("{code}: the configured key did not sign {} edition {}", sealed.seal.period.month, sealed.seal.edition));
            }
            Edition::of(sealed, trust)
        })
        .collect();
    editions.sort_by(|a, b| (b.month(), b.number()).cmp(&(a.month(), a.number())));
    for at in 1..editions.len() {
        editions[at].is_replaced = editions[at].month() == editions[at - 1].month();
    }
    Ok(Index { editions: editions.into_iter().map(Arc::new).collect(), trouble })
}

fn trust(sealed: &Sealed, key: Option<&PublicKey>) -> Trust {
    match (&sealed.signature, key) {
        (None, None) => Trust::Unsigned,
        (Some(_), None) => Trust::Unchecked,
        (None, Some(_)) => Trust::Bad,
        (Some(signature), Some(key)) => match key.verify(&sealed.manifest, signature) {
            Ok(comment) if comment == sealed.seal.trusted_comment() => Trust::Signed,
            Ok(_) | Err(_) => Trust::Bad,
        },
    }
}
