//! A bundle that `export` wrote, as a folder on the disk.
//!
//! In: an archive (`.tar.zst`) or a folder that it was unpacked to. Out: the evidence in it, and the key that lies beside it. Rule: an archive is unpacked into
//! a folder of its own that is gone afterwards; a name in it that leads elsewhere, or that is there twice, refuses it. Does not: trust the key.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use crate::evidence::{PublicKey, Store};
use crate::model::Hint;

/// Where the evidence lies in a bundle.
pub const EVIDENCE_FOLDER: &str = "evidence";
/// The key that the month was signed with.
pub const PUBLIC_KEY_FILE: &str = "wattledger.pub";

pub struct Bundle {
    root: PathBuf,
    /// Removed with the bundle.
    _unpacked: Option<Unpacked>,
}

struct Unpacked(PathBuf);

impl Drop for Unpacked {
    fn drop(&mut self) {
        // What stays behind is in the machine's folder for temporary files.
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl Bundle {
    pub fn open(path: &Path) -> Result<Self> {
        if path.is_dir() {
            return Ok(Self { root: root(path)?, _unpacked: None });
        }
        let file = File::open(path).with_context(|| format!("open bundle {}", path.display()))?;
        let folder =
            std::env::temp_dir().join(format!("wattledger-bundle-{}-{}", std::process::id(), chrono::Utc::now().timestamp_micros()));
        fs::create_dir(&folder).with_context(|| format!("create {}", folder.display()))?;
        let unpacked = Unpacked(folder);
        unpack(file, &unpacked.0).with_context(|| format!("unpack bundle {}", path.display()))?;
        Ok(Self { root: root(&unpacked.0)?, _unpacked: Some(unpacked) })
    }

    pub fn store(&self) -> Store {
        Store::new(self.root.join(EVIDENCE_FOLDER))
    }

    /// The key that lies in the bundle, where one does.
    pub fn public_key(&self) -> Result<Option<PublicKey>> {
        let path = self.root.join(PUBLIC_KEY_FILE);
        if !path.exists() {
            return Ok(None);
        }
        super::public_key(&path).map(Some)
    }
}

/// The folder that holds the evidence: this one, or the only one in it.
fn root(folder: &Path) -> Result<PathBuf> {
    let is_root = |folder: &Path| folder.join(EVIDENCE_FOLDER).is_dir();
    if is_root(folder) {
        return Ok(folder.to_owned());
    }
    let entries = fs::read_dir(folder).with_context(|| format!("look into {}", folder.display()))?;
    let mut below: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| is_root(path)).collect();
    match below.pop() {
        Some(only) if below.is_empty() => Ok(only),
        _ => bail!(Hint::new(
            format!("{} is not a bundle: there is no folder `{EVIDENCE_FOLDER}` in it", folder.display()),
            "name the archive that `wattledger export` wrote, or the folder that it was unpacked to",
        )),
    }
}

fn unpack(file: File, into: &Path) -> Result<()> {
    let mut archive = tar::Archive::new(zstd::Decoder::new(file).context("it is not compressed with zstd")?);
    let mut seen = BTreeSet::new();
    for entry in archive.entries().context("it is not a tar archive")? {
        let mut entry = entry.context("it is not a tar archive")?;
        let name = entry.path().context("a name that is not text")?.into_owned();
        let is_below = name.components().all(|part| matches!(part, Component::Normal(_)));
        ensure!(is_below && name.components().next().is_some(), "`{}` leads elsewhere", name.display());
        let path = into.join(&name);
        let kind = entry.header().entry_type();
        if kind.is_dir() {
            fs::create_dir_all(&path).with_context(|| format!("create {}", path.display()))?;
            continue;
        }
        ensure!(kind.is_file(), "`{}` is neither a file nor a folder", name.display());
        ensure!(seen.insert(name.clone()), "`{}` is there twice", name.display());
        fs::create_dir_all(path.parent().unwrap_or(into)).with_context(|| format!("create {}", path.display()))?;
        let mut out = File::create_new(&path).with_context(|| format!("write {}", path.display()))?;
        io::copy(&mut entry, &mut out).with_context(|| format!("write {}", path.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An archive with a file of each name.
    fn archive(names: &[&str]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut builder = tar::Builder::new(zstd::Encoder::new(file.reopen().unwrap(), 1).unwrap().auto_finish());
        for name in names {
            let mut header = tar::Header::new_gnu();
            // As an attacker would write it: the library's own setter refuses such names.
            header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_size(1);
            header.set_mode(0o644);
            header.set_cksum();
            builder.append(&header, &b"x"[..]).unwrap();
        }
        builder.into_inner().unwrap();
        file
    }

    #[test]
    fn an_archive_is_unpacked_and_gone_afterwards() {
        let file = archive(&["wattledger-2026-10-1/evidence/a/b", "wattledger-2026-10-1/verify.md"]);
        let bundle = Bundle::open(file.path()).unwrap();
        let root = bundle.root.clone();
        assert_eq!(fs::read(root.join("evidence/a/b")).unwrap(), b"x");
        assert!(bundle.public_key().unwrap().is_none());
        drop(bundle);
        assert!(!root.exists());
    }

    #[test]
    fn names_that_lead_elsewhere_or_are_there_twice_refuse_the_archive() {
        for names in [&["../up"][..], &["evidence/../../up"], &["/etc/x"], &["evidence/a", "evidence/a"]] {
            assert!(Bundle::open(archive(names).path()).is_err(), "{names:?}");
        }
        let error = Bundle::open(archive(&["other/a"]).path()).err().unwrap().to_string();
        assert!(error.contains("is not a bundle"), "{error}");
    }
}
