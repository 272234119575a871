//! In a bucket, where nothing can be renamed: each file has its digest in its name, so that no other content has it, and the last one is written where
//! none is yet, or where nothing has changed. What no last file names is not there; a killed process may leave such files behind.

use std::io::Write;

use anyhow::{Context, Result, bail};

use super::super::Created;
use super::super::bucket::Bucket;
use super::{Placed, Written, aside};
use crate::model::sha256;

/// Characters of a file's SHA-256 in its name.
const DIGEST_IN_NAME: usize = 16;

pub struct InBucket<'a> {
    bucket: &'a Bucket,
    prefix: String,
    written: Vec<String>,
}

impl<'a> InBucket<'a> {
    pub fn begin(bucket: &'a Bucket, prefix: &str) -> Self {
        Self { bucket, prefix: prefix.to_owned(), written: Vec::new() }
    }

    fn key(&self, name: &str) -> String {
        format!("{}/{name}", self.prefix)
    }

    /// The file is in memory once: its name is known when it is whole.
    pub fn write(&mut self, name: &str, write: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<Written> {
        let mut content = Vec::new();
        write(&mut content)?;
        let (sha256, bytes) = (sha256(&content), content.len() as u64);
        let digest = &sha256[..DIGEST_IN_NAME];
        let name = name.rsplit_once('.').map_or_else(|| format!("{name}-{digest}"), |(stem, kind)| format!("{stem}-{digest}.{kind}"));
        self.bucket.replace(&self.key(&name), content)?;
        self.written.push(name.clone());
        Ok(Written { name, sha256, bytes })
    }

    pub fn place(self, last: &str, bytes: &[u8]) -> Result<Placed> {
        let key = self.key(last);
        if self.bucket.create(&key, bytes)? == Created::New {
            return Ok(Placed::New);
        }
        let known = self.bucket.get(&key)?.with_context(|| format!("{} was there and is gone", self.bucket.display(&key)))?;
        // Nobody else knows of files that only this one would have named.
        for name in self.written.iter().filter(|name| !is_named(name, &known)) {
            self.bucket.remove(&self.key(name))?;
        }
        Ok(Placed::WasThere(known))
    }

    pub fn replace(self, last: &str, bytes: &[u8]) -> Result<()> {
        let key = self.key(last);
        let seen = self.bucket.look(&key)?;
        let Some(before) = &seen.bytes else { return self.place(last, bytes).map(|_| ()) };
        let (parent, name) = self.prefix.rsplit_once('/').unwrap_or(("", &self.prefix));
        let aside = format!("{parent}/{}", aside(name, before));
        let files = self.bucket.list(&self.prefix)?;
        let names = files.iter().filter_map(|key| key.strip_prefix(&self.prefix)?.strip_prefix('/'));
        let old: Vec<&str> = names.filter(|name| is_named(name, before)).collect();
        for name in &old {
            self.bucket.copy(&self.key(name), &format!("{aside}/{name}"))?;
        }
        self.bucket.replace(&format!("{aside}/{last}"), before.clone())?;
        if self.bucket.update(&key, bytes, &seen)?.is_none() {
            bail!("{} was changed by somebody else meanwhile; run this again", self.bucket.display(&key));
        }
        for name in old.iter().filter(|name| !is_named(name, bytes)) {
            self.bucket.remove(&self.key(name))?;
        }
        Ok(())
    }
}

/// Whether a last file, which is JSON, names a file.
fn is_named(name: &str, last: &[u8]) -> bool {
    let quoted = format!("\"{name}\"");
    last.windows(quoted.len()).any(|text| text == quoted.as_bytes())
}
