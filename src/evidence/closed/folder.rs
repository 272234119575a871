//! Where a closed month lies, and how it is read and written.

use std::fmt;
use std::io::{self, Write};

use anyhow::{Context, Result, bail};

use super::chain::Chain;
use super::seal::{Seal, SealedFile};
use super::view::places_of;
use crate::evidence::content::Content;
use crate::evidence::files;
use crate::evidence::manifest::FileRecord;
use crate::evidence::objects::Object;
use crate::evidence::{Created, Store};
use crate::model::sha256;

/// Beside the clusters' folders.
pub const CLOSED_FOLDER: &str = "closed";
pub const SEAL_FILE: &str = "manifest.json";
pub const SIGNATURE_FILE: &str = "manifest.json.minisig";
pub const TIME_STAMP_FILE: &str = "manifest.tsr";

/// An edition of a closed month.
#[derive(Clone, Debug)]
pub struct Sealed {
    pub seal: Seal,
    /// The seal's bytes as they were written: these are signed, stamped and chained.
    pub manifest: Vec<u8>,
    pub signature: Option<Vec<u8>>,
    pub time_stamp: Option<Vec<u8>>,
}

/// An edition of a closed month as it lies there, not read yet.
#[derive(Clone, Debug)]
pub struct Written {
    /// Of the folder's name, as is the edition.
    pub month: String,
    pub edition: u32,
    pub manifest: Vec<u8>,
    pub signature: Option<Vec<u8>>,
    pub time_stamp: Option<Vec<u8>>,
}

impl Written {
    pub fn parse(self) -> Result<Sealed> {
        let seal = Seal::from_json(&self.manifest)?;
        if seal.period.month != self.month || seal.edition != self.edition {
            bail!("it is the seal of {} edition {}, and lies in another's folder", seal.period.month, seal.edition);
        }
        Ok(Sealed { seal, manifest: self.manifest, signature: self.signature, time_stamp: self.time_stamp })
    }
}

/// A file that the seal names and that is not there, or is another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// `MISSING` or `EVIDENCE_CHANGED`.
    pub code: &'static str,
    pub message: String,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for Unreadable {}

impl Sealed {
    /// Before the keys of its files.
    pub fn folder(&self) -> String {
        folder(&self.seal.period.month, self.seal.edition)
    }

    /// Of the seal's bytes.
    pub fn sha256(&self) -> String {
        sha256(&self.manifest)
    }
}

/// Before the keys of an edition's files.
pub fn folder(month: &str, edition: u32) -> String {
    format!("{CLOSED_FOLDER}/{month}/{edition}")
}

/// The month and the edition of a seal's key.
fn named(key: &str) -> Option<(String, u32)> {
    let mut parts = key.split('/');
    let named = (parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next());
    let (CLOSED_FOLDER, month, edition, SEAL_FILE, None) = named else { return None };
    Some((month.to_owned(), edition.parse().ok()?))
}

impl Store {
    /// All seals, by their place in the chain.
    pub fn seals(&self) -> Result<Vec<Sealed>> {
        let mut seals = self.seals_as_written()?.into_iter().map(|written| self.parsed(written)).collect::<Result<Vec<_>>>()?;
        seals.sort_by(|a, b| (a.seal.seq, &a.seal.period.month, a.seal.edition).cmp(&(b.seal.seq, &b.seal.period.month, b.seal.edition)));
        Ok(seals)
    }

    /// The links of all seals, which are read one after the other: together they may be more than fits into memory.
    pub fn chain(&self) -> Result<Chain> {
        let mut chain = Chain::default();
        for (month, edition) in self.objects().list(CLOSED_FOLDER)?.iter().filter_map(|key| named(key)) {
            if let Some(written) = self.written(&month, edition)? {
                chain.add(&self.parsed(written)?);
            }
        }
        chain.sort();
        Ok(chain)
    }

    /// The same, not read yet, by month and edition: for whoever looks at what may have been changed.
    pub fn seals_as_written(&self) -> Result<Vec<Written>> {
        let mut seals = Vec::new();
        for (month, edition) in self.objects().list(CLOSED_FOLDER)?.iter().filter_map(|key| named(key)) {
            seals.extend(self.written(&month, edition)?);
        }
        Ok(seals)
    }

    /// An edition of a closed month; the newest where none is named. None where the month is not closed.
    pub fn sealed(&self, month: &str, edition: Option<u32>) -> Result<Option<Sealed>> {
        let newest = || -> Result<Option<u32>> {
            let keys = self.objects().list(&format!("{CLOSED_FOLDER}/{month}"))?;
            Ok(keys.iter().filter_map(|key| named(key)).map(|(_, edition)| edition).max())
        };
        let Some(edition) = edition.map_or_else(newest, |edition| Ok(Some(edition)))? else { return Ok(None) };
        self.written(month, edition)?.map(|written| self.parsed(written)).transpose()
    }

    fn written(&self, month: &str, edition: u32) -> Result<Option<Written>> {
        let folder = folder(month, edition);
        let read = |name: &str| self.objects().get(&format!("{folder}/{name}"));
        let Some(manifest) = read(SEAL_FILE)? else { return Ok(None) };
        let (signature, time_stamp) = (read(SIGNATURE_FILE)?, read(TIME_STAMP_FILE)?);
        Ok(Some(Written { month: month.to_owned(), edition, manifest, signature, time_stamp }))
    }

    fn parsed(&self, written: Written) -> Result<Sealed> {
        let shown = self.objects().display(&format!("{}/{SEAL_FILE}", folder(&written.month, written.edition)));
        written.parse().with_context(|| format!("read {shown}"))
    }

    /// A file of a closed month's folder, checked.
    pub fn read_closed(&self, sealed: &Sealed, path: &str) -> Result<Vec<u8>> {
        let key = format!("{}/{path}", sealed.folder());
        require_named(sealed, path)?;
        let bytes = self.objects().get(&key)?.ok_or_else(|| missing(&self.objects().display(&key)))?;
        self.require_sealed(sealed, path, (&sha256(&bytes), bytes.len() as u64))?;
        Ok(bytes)
    }

    /// Holds the digest and length of what was read of a closed month's folder against the seal.
    pub fn require_sealed(&self, sealed: &Sealed, path: &str, now: (&str, u64)) -> Result<()> {
        let file = require_named(sealed, path)?;
        if now.0 == file.sha256 {
            return Ok(());
        }
        bail!(changed(&self.objects().display(&format!("{}/{path}", sealed.folder())), now, (&file.sha256, file.bytes)))
    }

    /// A file of a closed month's folder, to be read piece by piece. Whoever reads it whole holds its digest against the seal's.
    pub fn open_closed(&self, sealed: &Sealed, path: &str) -> Result<Object> {
        let key = format!("{}/{path}", sealed.folder());
        require_named(sealed, path)?;
        Ok(self.objects().open(&key)?.ok_or_else(|| missing(&self.objects().display(&key)))?)
    }

    /// Reads a file of a closed month's folder and holds it against the seal.
    pub fn check_closed(&self, sealed: &Sealed, path: &str) -> Result<()> {
        self.copy_closed(sealed, path, &mut io::sink())
    }

    /// The same, and writes it somewhere else: what was written is the file only where this ends well.
    pub fn copy_closed(&self, sealed: &Sealed, path: &str, out: &mut dyn Write) -> Result<()> {
        let mut object = self.open_closed(sealed, path)?;
        let shown = || self.objects().display(&format!("{}/{path}", sealed.folder()));
        let (digest, bytes) = files::copy_hashing(&mut object, out).with_context(|| format!("read {}", shown()))?;
        self.require_sealed(sealed, path, (&digest, bytes))
    }

    /// A file of the evidence as of a close, checked; also one of a day that was metered anew since, where it was put aside.
    pub fn read_evidence(&self, sealed: &Sealed, record: &FileRecord) -> Result<Vec<u8>> {
        let mut found = None;
        for key in places_of(&record.path, &sealed.seal) {
            let Some(bytes) = self.objects().get(&key)? else { continue };
            if sha256(&bytes) == record.sha256 {
                return Ok(bytes);
            }
            found.get_or_insert((key, bytes));
        }
        match found {
            None => bail!(missing(&self.objects().display(&record.path))),
            Some((key, bytes)) => {
                bail!(changed(&self.objects().display(&key), (&sha256(&bytes), bytes.len() as u64), (&record.sha256, record.bytes)))
            }
        }
    }

    /// Reads a file of the evidence, by its whole path, and holds it against its record.
    pub fn check(&self, record: &FileRecord) -> Result<()> {
        self.objects().get_checked(&record.path, record).map(|_| ())
    }

    /// What lies in a closed month's folder and is not named by its seal, by path.
    pub fn unlisted(&self, sealed: &Sealed) -> Result<Vec<String>> {
        let prefix = format!("{}/", sealed.folder());
        let keys = self.objects().list(&sealed.folder())?;
        let paths = keys.into_iter().filter_map(|key| key.strip_prefix(&prefix).map(str::to_owned));
        let is_known = |path: &str| [SEAL_FILE, SIGNATURE_FILE, TIME_STAMP_FILE].contains(&path) || sealed.seal.file(path).is_some();
        Ok(paths.filter(|path| !is_known(path)).collect())
    }

    /// Puts a file of a month that is about to be closed into its folder, and says what it is.
    pub fn write_closed(&self, month: &str, edition: u32, path: &str, bytes: &[u8]) -> Result<SealedFile> {
        self.objects().replace(&format!("{}/{path}", folder(month, edition)), bytes)?;
        Ok(SealedFile::of(path, bytes))
    }

    /// The same of a file that was worked out, which may be too large to hold.
    pub fn write_closed_content(&self, month: &str, edition: u32, path: &str, content: &Content) -> Result<SealedFile> {
        self.objects().replace_from(&format!("{}/{path}", folder(month, edition)), content)?;
        Ok(SealedFile::of_content(path, content))
    }

    /// Closes a month: its files are there already. Takes away what an interrupted close left beside them; then the signature, the time stamp, and last the
    /// seal, only where none is. Gives back whether this one was the first.
    pub fn seal(&self, sealed: &Sealed) -> Result<Created> {
        let (objects, folder) = (self.objects(), sealed.folder());
        let key = format!("{folder}/{SEAL_FILE}");
        if objects.get(&key)?.is_some() {
            return Ok(Created::WasThere);
        }
        for path in self.unlisted(sealed)? {
            objects.remove(&format!("{folder}/{path}"))?;
        }
        for (name, bytes) in [(SIGNATURE_FILE, &sealed.signature), (TIME_STAMP_FILE, &sealed.time_stamp)] {
            match bytes {
                Some(bytes) => objects.replace(&format!("{folder}/{name}"), bytes)?,
                None => objects.remove(&format!("{folder}/{name}"))?,
            }
        }
        objects.create(&key, &sealed.manifest)
    }
}

fn require_named<'a>(sealed: &'a Sealed, path: &str) -> Result<&'a SealedFile> {
    sealed.seal.file(path).with_context(|| format!("the seal of {} names no file {path}", sealed.seal.period.month))
}

fn missing(what: &str) -> Unreadable {
    Unreadable { code: "MISSING", message: format!("{what} is not there") }
}

/// The digest and length now, and those of the seal.
fn changed(what: &str, now: (&str, u64), then: (&str, u64)) -> Unreadable {
    let message =
        format!("{what} is not the file that was sealed: SHA-256 {} with {} bytes, the seal says {} with {}", now.0, now.1, then.0, then.1);
    Unreadable { code: "EVIDENCE_CHANGED", message }
}
