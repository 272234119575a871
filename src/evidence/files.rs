//! Files that are either whole or not there.

use std::fs::{self, File};
use std::io::{BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Error, Result, bail};
use sha2::{Digest, Sha256};

use super::manifest::FileRecord;
use crate::model::Hint;

pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A new file that is hashed while it is written, so that it need not be in memory.
pub struct HashedFile {
    file: BufWriter<File>,
    digest: Sha256,
    bytes: u64,
    path: PathBuf,
}

impl HashedFile {
    pub fn create(path: &Path) -> Result<Self> {
        let file = File::create_new(path).with_context(|| format!("write {}", path.display()))?;
        Ok(Self { file: BufWriter::new(file), digest: Sha256::new(), bytes: 0, path: path.to_owned() })
    }

    /// Waits until it is on the disk, and gives back its SHA-256 and its length.
    pub fn finish(mut self) -> Result<(String, u64)> {
        self.file.flush().and_then(|()| self.file.get_ref().sync_all()).with_context(|| format!("write {}", self.path.display()))?;
        Ok((hex(&self.digest.finalize()), self.bytes))
    }
}

impl Write for HashedFile {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.digest.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

/// Writes a new file and waits until it is on the disk.
pub fn write_synced(path: &Path, bytes: &[u8]) -> Result<()> {
    let write = || -> std::io::Result<()> {
        let mut file = File::create_new(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().map_err(|error| trouble(error, &format!("write {}", path.display())))
}

/// What went wrong while something was written, with advice where the disk is full.
pub fn trouble(error: std::io::Error, what: &str) -> Error {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Error::new(Hint::new(
            format!("DISK_FULL: {what}: {error}"),
            "make room and run this again; what was complete before is still there, and nothing that is half written is read",
        )),
        _ => Error::new(error).context(what.to_owned()),
    }
}

/// Replaces a file in one step.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let temporary = path.with_file_name(format!(".tmp-{}-{}", path.file_name().unwrap_or_default().display(), std::process::id()));
    remove_file(&temporary)?;
    write_synced(&temporary, bytes)?;
    fs::rename(&temporary, path).with_context(|| format!("put {} into place", path.display()))?;
    sync_folder(path.parent().unwrap_or(Path::new(".")))
}

/// Makes names in a folder last.
pub fn sync_folder(folder: &Path) -> Result<()> {
    File::open(folder).and_then(|folder| folder.sync_all()).with_context(|| format!("sync {}", folder.display()))
}

pub fn remove_file(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error).with_context(|| format!("remove {}", path.display())),
        _ => Ok(()),
    }
}

pub fn remove_folder(path: &Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error).with_context(|| format!("remove {}", path.display())),
        _ => Ok(()),
    }
}

/// A file's bytes, or none where it is not there.
pub fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        // A part of the path that is a file is not a folder that lacks a file.
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("read {}", path.display())),
    }
}

/// Reads a file once and compares it with its record. Parquet does not notice a flipped bit by itself.
pub fn read_checked(path: &Path, record: &FileRecord) -> Result<Vec<u8>> {
    let bytes = fs::read(path).with_context(|| format!("read {}", path.display()))?;
    let found = sha256(&bytes);
    if found != record.sha256 {
        bail!(
            "EVIDENCE_CHANGED: {} is not the file that was written: SHA-256 {found} with {} bytes, the manifest says {} with {}; \
             restore it from a copy, or remove its folder and collect it again",
            path.display(),
            bytes.len(),
            record.sha256,
            record.bytes
        );
    }
    Ok(bytes)
}

/// A name as a folder: what a configuration calls a cluster or a zone must not lead elsewhere.
pub fn folder_name(name: &str) -> Result<&str> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if name.is_empty() || name.starts_with('.') || !name.bytes().all(is_plain) {
        bail!("`{name}` cannot name a folder of the evidence; use letters, digits, `-`, `_` and `.`");
    }
    Ok(name)
}
