//! Objects in a bucket of object storage.
//!
//! Rule: a bucket's objects are whole or not there by themselves, and last once the call has returned; what matters here are the conditions: to create is to
//! write where nothing is, to update is to write where nothing has changed since it was looked at. Requests are repeated a bounded number of times.
//! Assumes: the store keeps the conditions; a lock finds out (see `lease`).

use std::fmt;
use std::io::Read;
use std::ops::Range;
use std::sync::Arc;

use anyhow::Result;
use futures_util::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{
    Error as StoreError, GetOptions, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload, PutResult, UpdateVersion,
};

use super::background::Background;
use super::connect::connect;
use super::trouble::trouble;
use super::{Created, Seen};
use crate::model::BucketPlace;

/// Above it, a file goes in parts, each with its own time and its own retries.
const PART_BYTES: usize = 16 * 1024 * 1024;

#[derive(Clone)]
pub struct Bucket {
    store: Arc<dyn ObjectStore>,
    prefix: Path,
    /// As configured, for messages.
    url: String,
    background: Arc<Background>,
}

/// The client holds credentials, which nobody may print.
impl fmt::Debug for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bucket").field("url", &self.url).finish_non_exhaustive()
    }
}

/// An object as it was when it was opened.
pub struct Pieces {
    key: String,
    pub bytes: u64,
    e_tag: Option<String>,
}

impl Bucket {
    /// Connects and looks whether the bucket is there: without it, everything would seem to be missing.
    pub fn open(place: &BucketPlace) -> Result<Self> {
        let (store, prefix) = connect(place)?;
        let bucket = Self::of(store, prefix, &place.url)?;
        let (store, prefix) = (Arc::clone(&bucket.store), bucket.prefix.clone());
        let looked = bucket.background.wait(async move { store.list(Some(&prefix)).next().await.transpose() });
        looked.map_err(|error| trouble(&error, &format!("look into {}", place.url)))?;
        Ok(bucket)
    }

    pub fn of(store: Arc<dyn ObjectStore>, prefix: Path, url: &str) -> Result<Self> {
        Ok(Self { store, prefix, url: url.trim_end_matches('/').to_owned(), background: Arc::new(Background::start()?) })
    }

    pub fn display(&self, key: &str) -> String {
        format!("{}/{key}", self.url)
    }

    pub fn background(&self) -> &Arc<Background> {
        &self.background
    }

    fn path(&self, key: &str) -> Result<Path, StoreError> {
        Ok(Path::parse(format!("{}/{key}", self.prefix).trim_matches('/'))?)
    }

    fn trouble(&self, error: &StoreError, verb: &str, key: &str) -> anyhow::Error {
        trouble(error, &format!("{verb} {}", self.display(key)))
    }

    /// As [`Bucket::look`], from the thread that talks to the bucket.
    pub async fn look_here(&self, key: &str) -> Result<(Vec<u8>, UpdateVersion), StoreError> {
        let got = self.store.get(&self.path(key)?).await?;
        let version = UpdateVersion { e_tag: got.meta.e_tag.clone(), version: got.meta.version.clone() };
        Ok((got.bytes().await?.into(), version))
    }

    /// As [`Bucket::put`], from the thread that talks to the bucket.
    pub async fn put_here(&self, key: &str, bytes: Vec<u8>, mode: PutMode) -> Result<PutResult, StoreError> {
        self.store.put_opts(&self.path(key)?, PutPayload::from(bytes), PutOptions::from(mode)).await
    }

    pub fn look(&self, key: &str) -> Result<Seen> {
        let (here, its) = (self.clone(), key.to_owned());
        match self.background.wait(async move { here.look_here(&its).await }) {
            Ok((bytes, version)) => Ok(Seen { bytes: Some(bytes), version: Some(version) }),
            Err(StoreError::NotFound { .. }) => Ok(Seen::default()),
            Err(error) => Err(self.trouble(&error, "read", key)),
        }
    }

    pub fn get(&self, key: &str) -> Result<Option<Vec<u8>>> {
        Ok(self.look(key)?.bytes)
    }

    pub fn has(&self, key: &str) -> Result<bool> {
        let (here, its) = (self.clone(), key.to_owned());
        match self.background.wait(async move { here.store.head(&here.path(&its)?).await }) {
            Ok(_) => Ok(true),
            Err(StoreError::NotFound { .. }) => Ok(false),
            Err(error) => Err(self.trouble(&error, "look for", key)),
        }
    }

    fn put(&self, key: &str, bytes: Vec<u8>, mode: PutMode) -> Result<PutResult, StoreError> {
        let (here, key) = (self.clone(), key.to_owned());
        self.background.wait(async move { here.put_here(&key, bytes, mode).await })
    }

    pub fn create(&self, key: &str, bytes: &[u8]) -> Result<Created> {
        match self.put(key, bytes.to_vec(), PutMode::Create) {
            Ok(_) => Ok(Created::New),
            Err(StoreError::AlreadyExists { .. } | StoreError::Precondition { .. }) => Ok(Created::WasThere),
            Err(error) => Err(self.trouble(&error, "write", key)),
        }
    }

    pub fn replace(&self, key: &str, bytes: Vec<u8>) -> Result<()> {
        if bytes.len() > PART_BYTES {
            return self.replace_from(key, &mut bytes.as_slice());
        }
        self.put(key, bytes, PutMode::Overwrite).map(|_| ()).map_err(|error| self.trouble(&error, "write", key))
    }

    /// The same of bytes that may be too many to hold: one part of them at a time.
    pub fn replace_from(&self, key: &str, reader: &mut dyn Read) -> Result<()> {
        let (here, its) = (self.clone(), key.to_owned());
        let begun = self.background.wait(async move { here.store.put_multipart(&here.path(&its)?).await });
        let mut upload = begun.map_err(|error| self.trouble(&error, "write", key))?;
        loop {
            let mut part = Vec::with_capacity(PART_BYTES);
            let read = (&mut *reader).take(PART_BYTES as u64).read_to_end(&mut part);
            let is_last = part.is_empty();
            let (kept, sent) = self.background.wait(async move {
                let sent = match (read, is_last) {
                    (Err(error), _) => Err(StoreError::Generic { store: "temporary file", source: Box::new(error) }),
                    (Ok(_), true) => upload.complete().await.map(|_| ()),
                    (Ok(_), false) => upload.put_part(PutPayload::from(part)).await,
                };
                if sent.is_err() {
                    // What was sent is no object yet; the first error is the one to tell.
                    let _ = upload.abort().await;
                }
                (upload, sent)
            });
            sent.map_err(|error| self.trouble(&error, "write", key))?;
            if is_last {
                return Ok(());
            }
            upload = kept;
        }
    }

    /// An object that is read in pieces; none where it is not there.
    pub fn pieces(&self, key: &str) -> Result<Option<Pieces>> {
        let (here, its) = (self.clone(), key.to_owned());
        match self.background.wait(async move { here.store.head(&here.path(&its)?).await }) {
            Ok(meta) => Ok(Some(Pieces { key: key.to_owned(), bytes: meta.size, e_tag: meta.e_tag })),
            Err(StoreError::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.trouble(&error, "look for", key)),
        }
    }

    pub fn piece(&self, of: &Pieces, range: Range<u64>) -> Result<Vec<u8>> {
        let (here, key, if_match) = (self.clone(), of.key.clone(), of.e_tag.clone());
        let got = self.background.wait(async move {
            let options = GetOptions { range: Some(range.into()), if_match, ..GetOptions::default() };
            here.store.get_opts(&here.path(&key)?, options).await?.bytes().await
        });
        got.map(Into::into).map_err(|error| self.trouble(&error, "read", &of.key))
    }

    /// Writes where nothing has changed since `seen`, and gives back what it is then; none where something has.
    pub fn update(&self, key: &str, bytes: &[u8], seen: &Seen) -> Result<Option<UpdateVersion>> {
        let mode = seen.version.clone().map_or(PutMode::Create, PutMode::Update);
        match self.put(key, bytes.to_vec(), mode) {
            Ok(put) => Ok(Some(put.into())),
            // A retry of a request whose answer was lost finds its own bytes.
            Err(StoreError::AlreadyExists { .. } | StoreError::Precondition { .. }) => {
                let now = self.look(key)?;
                Ok(now.version.filter(|_| now.bytes.as_deref() == Some(bytes)))
            }
            Err(error) => Err(self.trouble(&error, "write", key)),
        }
    }

    /// In the place of what is there, within the bucket and without bringing the bytes here, where that is possible.
    pub fn copy(&self, from: &str, to: &str) -> Result<()> {
        let (here, its, their) = (self.clone(), from.to_owned(), to.to_owned());
        let copied = self.background.wait(async move { here.store.copy(&here.path(&its)?, &here.path(&their)?).await });
        match copied {
            // object_store 0.13.2 tells Google Cloud Storage to copy only where nothing is, where it is to copy in any case (arrow-rs-object-store, issue 712).
            // What is there may be something else, so the bytes go through here.
            Err(error @ StoreError::AlreadyExists { .. }) => match self.get(from)? {
                Some(bytes) => self.replace(to, bytes),
                None => Err(self.trouble(&error, "copy", from)),
            },
            copied => copied.map_err(|error| self.trouble(&error, "copy", from)),
        }
    }

    pub fn list(&self, prefix: &str) -> Result<Vec<String>> {
        let (here, its) = (self.clone(), prefix.to_owned());
        let found = self.background.wait(async move { here.store.list(Some(&here.path(&its)?)).try_collect::<Vec<_>>().await });
        let found = found.map_err(|error| self.trouble(&error, "list", prefix))?;
        let own = if self.prefix.as_ref().is_empty() { 0 } else { self.prefix.as_ref().len() + 1 };
        let below = if prefix.is_empty() { 0 } else { prefix.len() + 1 };
        let keys = found.iter().map(|meta| meta.location.as_ref()[own..].to_owned());
        Ok(keys.filter(|key| key.get(below..).is_some_and(|rest| !rest.split('/').any(|part| part.starts_with('.')))).collect())
    }

    /// What lies directly below the prefix, also what no list has.
    pub fn names(&self) -> Result<Vec<String>> {
        let (store, prefix) = (Arc::clone(&self.store), self.prefix.clone());
        let found = self.background.wait(async move { store.list_with_delimiter(Some(&prefix)).await });
        let found = found.map_err(|error| trouble(&error, &format!("look into {}", self.url)))?;
        Ok(found.objects.iter().filter_map(|meta| meta.location.filename().map(str::to_owned)).collect())
    }

    pub fn remove(&self, key: &str) -> Result<()> {
        let (here, its) = (self.clone(), key.to_owned());
        match self.background.wait(async move { here.store.delete(&here.path(&its)?).await }) {
            Ok(()) | Err(StoreError::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.trouble(&error, "remove", key)),
        }
    }
}
