//! Single steps on files: written and synced, hashed on the way, taken away.

use std::fs::{self, File};
use std::io::{BufReader, BufWriter, ErrorKind, Read, Write};
use std::path::Path;

use anyhow::{Context, Error, Result, bail};

use super::hashing::Hashing;
use crate::model::Hint;

/// As much is read or written at once.
pub const BUFFER: usize = 1 << 16;

/// Copies, and gives back the digest and length of what was read.
pub fn copy_hashing(reader: &mut dyn Read, out: &mut dyn Write) -> std::io::Result<(String, u64)> {
    let mut reader = BufReader::with_capacity(BUFFER, Hashing::new(reader));
    std::io::copy(&mut reader, out)?;
    let (_, sha256, bytes) = reader.into_inner().finish();
    Ok((sha256, bytes))
}

/// A new file that is hashed while it is written, so that it need not be in memory.
pub struct HashedFile {
    file: Hashing<BufWriter<File>>,
    /// As a person knows it.
    shown: String,
    /// That the disk is full, where it was.
    full: Option<ErrorKind>,
}

impl HashedFile {
    pub fn create(path: &Path) -> Result<Self> {
        let shown = path.display().to_string();
        let file = File::create_new(path).map_err(|error| trouble(error, &format!("write {shown}")))?;
        Ok(Self::of(file, shown))
    }

    /// One without a name, which goes with the process, however that ends.
    pub fn unnamed(folder: &Path) -> Result<Self> {
        let shown = format!("a temporary file in {}", folder.display());
        let file = tempfile::tempfile_in(folder).map_err(|error| trouble(error, &format!("write {shown}")))?;
        Ok(Self::of(file, shown))
    }

    fn of(file: File, shown: String) -> Self {
        Self { file: Hashing::new(BufWriter::with_capacity(BUFFER, file)), shown, full: None }
    }

    /// What went wrong while others wrote into it: an encoder wraps an error so that it is no longer seen what it was.
    pub fn explain(&self, error: Error) -> Error {
        match self.full {
            Some(full) => trouble(full.into(), &format!("write {}", self.shown)),
            None => error,
        }
    }

    /// The same, remembered where the disk is full.
    fn noted<T>(&mut self, result: std::io::Result<T>) -> std::io::Result<T> {
        result.inspect_err(|error| {
            if is_full(error) {
                self.full = Some(error.kind());
            }
        })
    }

    /// Gives back the file, its SHA-256 and its length. What it holds is the system's to write to the disk.
    pub fn finish(self) -> Result<(File, String, u64)> {
        let (writer, sha256, bytes) = self.file.finish();
        let file = writer.into_inner().map_err(|error| trouble(error.into_error(), &format!("write {}", self.shown)))?;
        Ok((file, sha256, bytes))
    }

    /// Waits until it is on the disk, and gives back its SHA-256 and its length.
    pub fn finish_synced(self) -> Result<(String, u64)> {
        let shown = self.shown.clone();
        let (file, sha256, bytes) = self.finish()?;
        file.sync_all().map_err(|error| trouble(error, &format!("write {shown}")))?;
        Ok((sha256, bytes))
    }
}

impl Write for HashedFile {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.file.write(bytes);
        self.noted(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        let flushed = self.file.flush();
        self.noted(flushed)
    }
}

/// Writes a new file and waits until it is on the disk.
pub fn write_synced(path: &Path, reader: &mut dyn Read) -> Result<()> {
    let mut write = || -> std::io::Result<()> {
        let mut file = File::create_new(path)?;
        std::io::copy(reader, &mut file)?;
        file.sync_all()
    };
    write().map_err(|error| trouble(error, &format!("write {}", path.display())))
}

fn is_full(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
}

/// What went wrong while something was written, with advice where the disk is full.
pub fn trouble(error: std::io::Error, doing: &str) -> Error {
    if !is_full(&error) {
        return Error::new(error).context(doing.to_owned());
    }
    Error::new(Hint::new(
        format!("DISK_FULL: {doing}: {error}"),
        "make room and run this again; what was complete before is still there, and nothing that is half written is read",
    ))
}

/// Makes names in a folder last.
pub fn sync_folder(folder: &Path) -> Result<()> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(|error| trouble(error, &format!("sync {}", folder.display())))
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

/// A name as a folder: what a configuration calls a cluster or a zone must not lead elsewhere.
pub fn folder_name(name: &str) -> Result<&str> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if name.is_empty() || name.starts_with('.') || !name.bytes().all(is_plain) {
        bail!("`{name}` cannot name a folder of the evidence; use letters, digits, `-`, `_` and `.`");
    }
    Ok(name)
}
