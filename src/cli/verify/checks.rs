//! The checks that need no accounting: signature, time stamp, chain, and every file.
//!
//! In: a sealed month, the evidence that it lies in, what is trusted. Out: one [`Outcome`] each. Rule: what cannot be checked has failed; what nobody promised
//! (a month that was closed without a key, by name) is a warning. Does not: look at a figure.

use std::collections::BTreeSet;

use anyhow::{Context, Result};

use super::super::close::TIME_STAMP_CA_FILE;
use super::super::close::files::{NO_TIMESTAMP, UNSIGNED};
use super::outcome::Outcome;
use crate::evidence::closed::stamp::{self, Authorities, Stamp};
use crate::evidence::closed::{Unreadable, broken_links, require_consistent};
use crate::evidence::{DayManifest, PublicKey, Sealed, Store};

/// What is trusted beforehand.
pub struct Trust {
    pub keys: Keys,
    /// Certificates of time stamp authorities, in PEM.
    pub authorities: Option<Vec<u8>>,
}

/// The key that signatures are checked with, by where it comes from.
pub enum Keys {
    /// From the command line or the configuration.
    Given(PublicKey),
    /// From the bundle itself: it says that the bundle is whole, and not whose it is.
    BesideWhatItSigns(PublicKey),
    None,
}

/// How many names a line tells.
const SHOWN: usize = 3;

/// A seal that is not one any more.
pub fn unreadable(error: &anyhow::Error) -> Outcome {
    let message = format!("{error:#}");
    match message.strip_prefix("NEWER_SCHEMA: ") {
        Some(message) => Outcome::failed("seal", "NEWER_SCHEMA", message),
        None => Outcome::failed("seal", "BAD_SIGNATURE", format!("manifest.json is not what was sealed: {message}")),
    }
}

pub fn signature(sealed: &Sealed, keys: &Keys) -> Outcome {
    const CHECK: &str = "signature";
    const BAD: &str = "BAD_SIGNATURE";
    let was_signed = !sealed.seal.findings.iter().any(|finding| finding.code == UNSIGNED);
    let Some(signature) = &sealed.signature else {
        return match (keys, was_signed) {
            (_, true) => Outcome::failed(CHECK, BAD, "manifest.json.minisig is not there"),
            (Keys::Given(_), false) => {
                Outcome::failed(CHECK, BAD, "the month was closed without a signature, and a key was given to check it with")
            }
            (_, false) => Outcome::warning(CHECK, Some(UNSIGNED), "the month was closed without a signature, which was accepted by name"),
        };
    };
    let (key, is_given) = match keys {
        Keys::Given(key) => (key, true),
        Keys::BesideWhatItSigns(key) => (key, false),
        Keys::None => {
            return Outcome::failed(
                CHECK,
                BAD,
                "there is no public key to check it with; --public-key FILE or `public_key_file` in [seal] names one",
            );
        }
    };
    match key.verify(&sealed.manifest, signature) {
        Err(error) => Outcome::failed(CHECK, BAD, format!("manifest.json and manifest.json.minisig: {error:#} (key {})", key.id())),
        Ok(comment) if comment != sealed.seal.trusted_comment() => {
            Outcome::failed(CHECK, BAD, format!("manifest.json.minisig is that of another seal: it says `{comment}` (key {})", key.id()))
        }
        Ok(_) if is_given => Outcome::passed(CHECK, format!("key {}", key.id())),
        Ok(_) => Outcome::warning(
            CHECK,
            None,
            format!("it holds under key {}, which lies beside it: ask whoever signs for their key and give it as --public-key", key.id()),
        ),
    }
}

pub fn time_stamp(store: &Store, sealed: &Sealed, trust: &Trust) -> Outcome {
    const CHECK: &str = "time stamp";
    const BAD: &str = "BAD_TIMESTAMP";
    let was_stamped = !sealed.seal.findings.iter().any(|finding| finding.code == NO_TIMESTAMP);
    let Some(reply) = &sealed.time_stamp else {
        return match was_stamped {
            true => Outcome::failed(CHECK, BAD, "manifest.tsr is not there"),
            false => Outcome::warning(CHECK, Some(NO_TIMESTAMP), "nobody outside says when the month was sealed"),
        };
    };
    let beside = sealed.seal.file(TIME_STAMP_CA_FILE).map(|_| store.read_closed(sealed, TIME_STAMP_CA_FILE));
    let (pem, is_given) = match (&trust.authorities, beside) {
        (Some(pem), _) => (Some(pem.clone()), true),
        (None, Some(Ok(pem))) => (Some(pem), false),
        (None, Some(Err(error))) => return Outcome::failed(CHECK, BAD, format!("{error:#}")),
        (None, None) => (None, false),
    };
    let check = || -> Result<Stamp> {
        match &pem {
            Some(pem) => stamp::verify(reply, &sealed.manifest, &Authorities::parse(pem)?),
            None => stamp::read(reply, &sealed.manifest),
        }
    };
    let said = |stamp: &Stamp| format!("{} UTC, by {}", stamp.at.format("%Y-%m-%d %H:%M:%S"), stamp.authority);
    match check() {
        Err(error) => Outcome::failed(CHECK, BAD, format!("{error:#}")),
        Ok(stamp) if is_given => Outcome::passed(CHECK, said(&stamp)),
        Ok(stamp) if pem.is_some() => {
            let message = format!("{}; the authority's certificates lie beside it: give yours as --timestamp-ca", said(&stamp));
            Outcome::warning(CHECK, None, message)
        }
        Ok(stamp) => Outcome::warning(
            CHECK,
            None,
            format!("{}; nobody vouches for that name: give the authority's certificates as --timestamp-ca", said(&stamp)),
        ),
    }
}

/// The chain up to the last of these seals.
pub fn chain(seals: &[Sealed]) -> Outcome {
    const CHECK: &str = "chain";
    let mut broken = broken_links(seals);
    broken.extend(seals.last().and_then(|sealed| require_consistent(&sealed.seal).err()).map(|error| error.to_string()));
    match broken.is_empty() {
        true if seals.len() == 1 => Outcome::passed(CHECK, "the first seal"),
        true => Outcome::passed(CHECK, format!("{} seals, each names the one before it", seals.len())),
        false => Outcome::failed(CHECK, "BAD_CHAIN", first_few(&broken)),
    }
}

/// Every file of the closed month's folder; one that the seal does not name is told, and is no failure.
pub fn files(store: &Store, sealed: &Sealed) -> Outcome {
    let files = &sealed.seal.files;
    let unlisted = || store.unlisted(sealed);
    every("files", files.len(), files.iter().map(|file| store.check_closed(sealed, &file.path)), unlisted)
}

/// Every file of the evidence that the seal names.
pub fn evidence(store: &Store, sealed: &Sealed) -> Outcome {
    let records = &sealed.seal.evidence;
    let unlisted = || unlisted_in_days(store, sealed);
    every("evidence", records.len(), records.iter().map(|record| store.read_evidence(sealed, record).map(|_| ())), unlisted)
}

fn every(
    check: &'static str,
    count: usize,
    results: impl Iterator<Item = Result<()>>,
    unlisted: impl Fn() -> Result<Vec<String>>,
) -> Outcome {
    let errors: Vec<anyhow::Error> = results.filter_map(Result::err).collect();
    if let Some(first) = errors.first() {
        // What cannot be read at all is as good as gone.
        let code = first.downcast_ref::<Unreadable>().map_or("MISSING", |unreadable| unreadable.code);
        let said =
            |error: &anyhow::Error| error.downcast_ref::<Unreadable>().map_or_else(|| format!("{error:#}"), |known| known.message.clone());
        let messages: Vec<String> = errors.iter().map(said).collect();
        return Outcome::failed(check, code, first_few(&messages));
    }
    match unlisted() {
        Err(error) => Outcome::failed(check, "MISSING", format!("{error:#}")),
        Ok(unlisted) if unlisted.is_empty() => Outcome::passed(check, format!("{count}, each with its SHA-256")),
        Ok(unlisted) => {
            let message = format!("{count}, each with its SHA-256; beside them lies what no seal names: {}", first_few(&unlisted));
            Outcome::warning(check, Some("UNLISTED"), message)
        }
    }
}

/// Files in the folders of days, which neither the day's manifest nor anything else names. Days that were metered anew since are another's now.
fn unlisted_in_days(store: &Store, sealed: &Sealed) -> Result<Vec<String>> {
    let mut unlisted = Vec::new();
    for file in &sealed.seal.files {
        let Some(day) = file.path.strip_prefix("days/").and_then(|path| path.strip_suffix(".json")) else { continue };
        let bytes = store.read_closed(sealed, &file.path)?;
        if store.objects().get(&format!("{day}/manifest.json"))?.as_ref() != Some(&bytes) {
            continue;
        }
        let manifest: DayManifest = serde_json::from_slice(&bytes).with_context(|| format!("read {}", file.path))?;
        let known: BTreeSet<String> = manifest.files.iter().map(|record| format!("{day}/{}", record.path)).collect();
        let keys = store.objects().list(day)?;
        unlisted.extend(keys.into_iter().filter(|key| !known.contains(key) && *key != format!("{day}/manifest.json")));
    }
    Ok(unlisted)
}

pub fn first_few(messages: &[String]) -> String {
    let shown = messages.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join("; ");
    if messages.len() > SHOWN { format!("{shown}; and {} more", messages.len() - SHOWN) } else { shown }
}
