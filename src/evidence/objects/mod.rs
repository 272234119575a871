//! Bytes by key: the one place where evidence meets a disk or a bucket.
//!
//! In: keys and bytes. Out: the same bytes, whole or not at all. Rule: what was created stays and is never half visible; when a call has returned, the
//! bytes are where a power cut does not reach them. A key is relative, its parts separated by `/`, each as a folder of the evidence may be called.
//! Assumes: nobody else renames what lies there. Does not: know what the bytes mean.

mod background;
mod bucket;
mod connect;
mod folder;
mod lease;
mod lock;
mod open;
mod staging;
#[cfg(test)]
mod tests;
mod trouble;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Result, bail, ensure};
use object_store::UpdateVersion;

use self::bucket::Bucket;
use self::folder::Folder;
pub(super) use self::folder::make_folder;
pub use self::lock::Lock;
pub(super) use self::lock::of_file as lock_file;
pub use self::open::Object;
pub(super) use self::staging::Placed;
#[cfg(test)]
pub(super) use self::tests::Faulty;
use super::content::Content;
use super::files::folder_name;
use super::manifest::FileRecord;
use crate::model::{BucketPlace, Hint, sha256};

/// Before the name of a day that another took the place of: its keys can be read, and no list has them.
pub(super) const REPLACED: &str = ".replaced-";
/// Before the name of a lock.
const LOCK: &str = ".lock-";
/// The first part of keys that can be read and written, and that no list of all keys has: what collectors leave for one another.
pub(super) const ASIDE: &str = ".asked";

/// Objects of one place; a clone is the same place.
#[derive(Clone, Debug)]
pub struct Objects {
    place: Place,
    view: Option<Arc<dyn View>>,
}

/// Another way to look at the same objects: as they were at some time, or with a list of what is read.
pub(super) trait View: fmt::Debug + Send + Sync {
    /// What is under a key; `find` says what is under a key of the place itself.
    fn get(&self, key: &str, find: &dyn Fn(&str) -> Result<Option<Vec<u8>>>) -> Result<Option<Vec<u8>>>;

    /// Which keys are below a prefix; `find` says so of the place itself.
    fn list(&self, prefix: &str, find: &dyn Fn(&str) -> Result<Vec<String>>) -> Result<Vec<String>>;

    /// Whether nothing can be written through it.
    fn is_read_only(&self) -> bool;
}

#[derive(Clone, Debug)]
enum Place {
    Folder(Folder),
    Bucket(Bucket),
}

/// What became of bytes that were to be created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Created {
    New,
    /// Something is there under that key already, and stayed as it was.
    WasThere,
}

/// What was under a key at a moment, to be changed only where it is that still.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub bytes: Option<Vec<u8>>,
    /// A bucket's own name for that content.
    version: Option<UpdateVersion>,
}

impl Objects {
    pub(super) fn in_folder(root: PathBuf) -> Self {
        Self { place: Place::Folder(Folder::new(root)), view: None }
    }

    pub(super) fn in_bucket(place: &BucketPlace) -> Result<Self> {
        Ok(Self { place: Place::Bucket(Bucket::open(place)?), view: None })
    }

    /// The same place, looked at otherwise.
    pub(super) fn viewed(&self, view: Arc<dyn View>) -> Self {
        Self { view: Some(view), ..self.clone() }
    }

    /// Whether what is here can only be read.
    pub(super) fn is_read_only(&self) -> bool {
        self.view.as_ref().is_some_and(|view| view.is_read_only())
    }

    /// The bytes of a key, or none where it is not there.
    pub fn get(&self, key: &str) -> Result<Option<Vec<u8>>> {
        let find = |key: &str| match &self.place {
            Place::Folder(folder) => folder.get(checked(key)?),
            Place::Bucket(bucket) => bucket.get(checked(key)?),
        };
        self.view.as_ref().map_or_else(|| find(key), |view| view.get(checked(key)?, &find))
    }

    /// The bytes of a key that a manifest names, compared with what it says of them. Parquet does not notice a flipped bit by itself.
    pub(super) fn get_checked(&self, key: &str, record: &FileRecord) -> Result<Vec<u8>> {
        let Some(bytes) = self.get(key)? else {
            bail!(Hint::new(
                format!("MISSING: {} is not there, and its manifest says that it is", self.display(key)),
                "restore it from a copy, or remove its folder and collect it again",
            ));
        };
        let found = sha256(&bytes);
        if found != record.sha256 {
            bail!(
                "EVIDENCE_CHANGED: {} is not the file that was written: SHA-256 {found} with {} bytes, the manifest says {} with {}; \
                 restore it from a copy, or remove its folder and collect it again",
                self.display(key),
                bytes.len(),
                record.sha256,
                record.bytes
            );
        }
        Ok(bytes)
    }

    pub(super) fn has(&self, key: &str) -> Result<bool> {
        let key = checked(key)?;
        match &self.place {
            Place::Folder(folder) => Ok(folder.path(key).is_file()),
            Place::Bucket(bucket) => bucket.has(key),
        }
    }

    /// Puts bytes where nothing is yet. Of several who try at once, one succeeds.
    pub fn create(&self, key: &str, bytes: &[u8]) -> Result<Created> {
        let key = self.writable(key)?;
        match &self.place {
            Place::Folder(folder) => folder.create(key, bytes),
            Place::Bucket(bucket) => bucket.create(key, bytes),
        }
    }

    /// Puts bytes in the place of what is there, in one step.
    pub fn replace(&self, key: &str, bytes: &[u8]) -> Result<()> {
        let key = self.writable(key)?;
        match &self.place {
            Place::Folder(folder) => folder.replace(key, bytes),
            Place::Bucket(bucket) => bucket.replace(key, bytes.to_vec()),
        }
    }

    /// The same of bytes that may be too many to hold.
    pub(super) fn replace_from(&self, key: &str, content: &Content) -> Result<()> {
        if let Some(bytes) = content.in_memory() {
            return self.replace(key, bytes);
        }
        let key = self.writable(key)?;
        match &self.place {
            Place::Folder(folder) => folder.replace_from(key, &mut content.reader()?),
            Place::Bucket(bucket) => bucket.replace_from(key, &mut content.reader()?),
        }
    }

    /// What is under a key now, for [`Objects::update`].
    pub(super) fn look(&self, key: &str) -> Result<Seen> {
        let key = checked(key)?;
        match &self.place {
            Place::Folder(folder) => Ok(Seen { bytes: folder.get(key)?, version: None }),
            Place::Bucket(bucket) => bucket.look(key),
        }
    }

    /// Puts bytes in the place of what was seen; false where somebody else was faster, and nothing was changed. In a folder nothing but a lock keeps others
    /// away between the look and the change.
    pub(super) fn update(&self, key: &str, bytes: &[u8], seen: &Seen) -> Result<bool> {
        let key = self.writable(key)?;
        match &self.place {
            Place::Folder(folder) if folder.get(key)? == seen.bytes => folder.replace(key, bytes).map(|()| true),
            Place::Folder(_) => Ok(false),
            Place::Bucket(bucket) => Ok(bucket.update(key, bytes, seen)?.is_some()),
        }
    }

    /// All keys below a prefix of whole parts (everything, where it is empty), sorted. What begins with a dot is not listed: it is temporary, or was put
    /// aside.
    pub fn list(&self, prefix: &str) -> Result<Vec<String>> {
        let find = |prefix: &str| {
            let prefix = if prefix.is_empty() { prefix } else { checked(prefix)? };
            match &self.place {
                Place::Folder(folder) => folder.list(prefix),
                Place::Bucket(bucket) => bucket.list(prefix),
            }
        };
        let mut keys = self.view.as_ref().map_or_else(|| find(prefix), |view| view.list(prefix, &find))?;
        keys.sort();
        Ok(keys)
    }

    /// Takes a key away; one that is not there is fine.
    pub fn remove(&self, key: &str) -> Result<()> {
        let key = self.writable(key)?;
        match &self.place {
            Place::Folder(folder) => folder.remove(key),
            Place::Bucket(bucket) => bucket.remove(key),
        }
    }

    /// Takes away everything below a prefix of whole parts, what is not listed too.
    pub(super) fn remove_all(&self, prefix: &str) -> Result<()> {
        let prefix = self.writable(prefix)?;
        match &self.place {
            Place::Folder(folder) => folder.remove_all(prefix),
            Place::Bucket(bucket) => bucket.list(prefix)?.iter().try_for_each(|key| bucket.remove(key)),
        }
    }

    fn writable<'a>(&self, key: &'a str) -> Result<&'a str> {
        ensure!(!self.is_read_only(), "`{key}` cannot be written: the evidence is looked at as it was");
        checked(key)
    }

    /// The key as a person finds it.
    pub fn display(&self, key: &str) -> String {
        match &self.place {
            Place::Folder(folder) => folder.path(key).display().to_string(),
            Place::Bucket(bucket) => bucket.display(key),
        }
    }

    pub(super) fn lock(&self, what: &str) -> Result<Lock> {
        self.lock_named(what, what)
    }

    /// A lock whose name is not what people call the undertaking.
    pub(super) fn lock_named(&self, name: &str, what: &str) -> Result<Lock> {
        let key = format!("{LOCK}{}", folder_name(name)?);
        match &self.place {
            Place::Folder(folder) => folder.lock(&key, what),
            Place::Bucket(bucket) => lease::take(bucket, &key, what, lease::TERMS).map(Lock::Lease),
        }
    }

    /// The names of all locks that were ever taken, held or not.
    pub(super) fn locks(&self) -> Result<Vec<String>> {
        let names = match &self.place {
            Place::Folder(folder) => folder.names()?,
            Place::Bucket(bucket) => bucket.names()?,
        };
        Ok(names.iter().filter_map(|name| name.strip_prefix(LOCK)).map(str::to_owned).collect())
    }

    /// Who holds a lock, as they would be told who come second; none where nobody does.
    pub(super) fn holder(&self, name: &str, what: &str) -> Result<Option<Hint>> {
        let key = format!("{LOCK}{}", folder_name(name)?);
        match &self.place {
            Place::Folder(folder) => lock::holder_of_file(&folder.path(&key), what),
            Place::Bucket(bucket) => lease::holder(bucket, &key, what, lease::TERMS),
        }
    }

    /// The folder, where it is one.
    pub(super) fn folder(&self) -> Option<&Path> {
        match &self.place {
            Place::Folder(folder) => Some(folder.root()),
            Place::Bucket(_) => None,
        }
    }
}

/// A key that leads nowhere else.
fn checked(key: &str) -> Result<&str> {
    let below = key.strip_prefix(ASIDE).and_then(|rest| rest.strip_prefix('/')).unwrap_or(key);
    for part in below.split('/') {
        let part = part.strip_prefix(REPLACED).unwrap_or(part);
        // `day_id=3`, as engines call the folders of a table that is in parts.
        let (name, value) = part.split_once('=').unwrap_or((part, "1"));
        if folder_name(name).is_err() || folder_name(value).is_err() {
            bail!(
                "`{key}` cannot be a key of the evidence; its parts may have letters, digits, `-`, `_` and `.`, and do not begin with a `.`"
            );
        }
    }
    Ok(key)
}
