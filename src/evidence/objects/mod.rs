//! Bytes by key: the one place where evidence meets a disk.
//!
//! In: keys and bytes. Out: the same bytes, whole or not at all. Rule: what was created stays and is never half visible; when a call has returned, the
//! bytes are where a power cut does not reach them. A key is relative, its parts separated by `/`, each as a folder of the evidence may be called.
//! Assumes: nobody else renames what lies there. Does not: know what the bytes mean, or check their digests.

mod folder;
mod lock;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use anyhow::{Result, bail};

use self::folder::Folder;
pub use self::lock::Lock;
use super::files::folder_name;

/// Before the name of a day that another took the place of: its keys can be read, and no list has them.
pub(super) const REPLACED: &str = ".replaced-";

/// Objects of one place; a clone is the same place.
#[derive(Clone, Debug)]
pub struct Objects {
    folder: Folder,
}

/// What became of bytes that were to be created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Created {
    New,
    /// Something is there under that key already, and stayed as it was.
    WasThere,
}

impl Objects {
    pub(super) fn in_folder(root: PathBuf) -> Self {
        Self { folder: Folder::new(root) }
    }

    /// The bytes of a key, or none where it is not there.
    pub fn get(&self, key: &str) -> Result<Option<Vec<u8>>> {
        self.folder.get(checked(key)?)
    }

    /// Puts bytes where nothing is yet. Of several who try at once, one succeeds.
    pub fn create(&self, key: &str, bytes: &[u8]) -> Result<Created> {
        self.folder.create(checked(key)?, bytes)
    }

    /// Puts bytes in the place of what is there, in one step.
    pub fn replace(&self, key: &str, bytes: &[u8]) -> Result<()> {
        self.folder.replace(checked(key)?, bytes)
    }

    /// All keys below a prefix of whole parts (everything, where it is empty), sorted. What begins with a dot is not listed: it is temporary, or was put
    /// aside.
    pub fn list(&self, prefix: &str) -> Result<Vec<String>> {
        let mut keys = self.folder.list(if prefix.is_empty() { prefix } else { checked(prefix)? })?;
        keys.sort();
        Ok(keys)
    }

    /// Takes a key away; one that is not there is fine.
    pub fn remove(&self, key: &str) -> Result<()> {
        self.folder.remove(checked(key)?)
    }

    /// The key as a person finds it.
    pub fn display(&self, key: &str) -> String {
        self.folder.path(key).display().to_string()
    }

    pub(super) fn lock(&self, what: &str) -> Result<Lock> {
        self.folder.lock(folder_name(what)?)
    }
}

/// A key that leads nowhere else.
fn checked(key: &str) -> Result<&str> {
    for part in key.split('/') {
        if folder_name(part.strip_prefix(REPLACED).unwrap_or(part)).is_err() {
            bail!(
                "`{key}` cannot be a key of the evidence; its parts may have letters, digits, `-`, `_` and `.`, and do not begin with a `.`"
            );
        }
    }
    Ok(key)
}
