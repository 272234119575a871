//! Files that are there together or not at all: a day's tables with its manifest.
//!
//! Rule: the last file makes the others count. Does not: know what the files hold.

mod in_bucket;
mod in_folder;

use std::io::Write;

use anyhow::Result;

use self::in_bucket::InBucket;
use self::in_folder::InFolder;
use super::{Objects, Place, REPLACED, checked};
use crate::model::sha256;

/// Files on their way to a prefix.
pub enum Staging<'a> {
    Folder(InFolder),
    Bucket(InBucket<'a>),
}

/// A file that was written: what the last one says of it.
pub struct Written {
    pub name: String,
    pub sha256: String,
    pub bytes: u64,
}

/// What became of the last file.
pub enum Placed {
    New,
    /// Another was there already, and stayed; these are its bytes.
    WasThere(Vec<u8>),
}

impl Objects {
    /// Begins files that are to be below a prefix, such as `prod-nl/2026-10-01`.
    pub(in crate::evidence) fn stage(&self, prefix: &str) -> Result<Staging<'_>> {
        let prefix = self.writable(prefix)?;
        Ok(match &self.place {
            Place::Folder(folder) => Staging::Folder(InFolder::begin(&folder.path(prefix))?),
            Place::Bucket(bucket) => Staging::Bucket(InBucket::begin(bucket, prefix)),
        })
    }

    /// Brings back what a replacement in a folder put aside and did not live to replace.
    pub(in crate::evidence) fn recover(&self, prefix: &str) -> Result<()> {
        match &self.place {
            _ if self.is_read_only() => Ok(()),
            Place::Folder(folder) => in_folder::recover(&folder.path(checked(prefix)?)),
            // There, the old ones stay in their place until one write replaces them.
            Place::Bucket(_) => Ok(()),
        }
    }
}

impl Staging<'_> {
    /// Writes a file; what it is called in the end is in what comes back.
    pub fn write(&mut self, name: &str, write: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<Written> {
        match self {
            Self::Folder(staged) => staged.write(name, write),
            Self::Bucket(staged) => staged.write(name, write),
        }
    }

    /// Writes the file that makes the others count, where none is yet.
    pub fn place(self, last: &str, bytes: &[u8]) -> Result<Placed> {
        match self {
            Self::Folder(staged) => staged.place(last, bytes),
            Self::Bucket(staged) => staged.place(last, bytes),
        }
    }

    /// As [`Staging::place`], in the place of the one that is there, which is kept with its files beside it, where no list looks.
    pub fn replace(self, last: &str, bytes: &[u8]) -> Result<()> {
        match self {
            Self::Folder(staged) => staged.replace(last, bytes),
            Self::Bucket(staged) => staged.replace(last, bytes),
        }
    }
}

/// Where files are kept that others took the place of: by the name that they had, and the digest of their last file.
fn aside(name: &str, last: &[u8]) -> String {
    format!("{REPLACED}{name}-{}", &sha256(last)[..12])
}
