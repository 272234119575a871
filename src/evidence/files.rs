//! Single steps on files: written and synced, hashed on the way, taken away.

use std::fs::{self, File};
use std::io::{BufWriter, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Error, Result, bail};
use sha2::{Digest, Sha256};

use crate::model::Hint;

pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Copies, and gives back the digest and length of what was read.
pub fn copy_hashing(reader: &mut dyn Read, out: &mut dyn Write) -> std::io::Result<(String, u64)> {
    let (mut digest, mut buffer, mut bytes) = (Sha256::new(), vec![0; 1 << 16], 0);
    loop {
        match reader.read(&mut buffer)? {
            0 => return Ok((hex(&digest.finalize()), bytes)),
            count => {
                digest.update(&buffer[..count]);
                out.write_all(&buffer[..count])?;
                bytes += count as u64;
            }
        }
    }
}

/// A new file that is hashed while it is written, so that it need not be in memory.
pub struct HashedFile {
    file: BufWriter<File>,
    digest: Sha256,
    bytes: u64,
    path: PathBuf,
    /// That the disk is full, where it was.
    full: Option<std::io::Error>,
}

impl HashedFile {
    pub fn create(path: &Path) -> Result<Self> {
        let file = File::create_new(path).map_err(|error| trouble(error, &format!("write {}", path.display())))?;
        Ok(Self { file: BufWriter::new(file), digest: Sha256::new(), bytes: 0, path: path.to_owned(), full: None })
    }

    /// What went wrong while others wrote into it: an encoder wraps an error so that it is no longer seen what it was.
    pub fn explain(self, error: Error) -> Error {
        match self.full {
            Some(full) => trouble(full, &format!("write {}", self.path.display())),
            None => error,
        }
    }

    /// The same, remembered where the disk is full.
    fn noted<T>(&mut self, result: std::io::Result<T>) -> std::io::Result<T> {
        result.inspect_err(|error| {
            if is_full(error) {
                self.full = Some(error.kind().into());
            }
        })
    }

    /// Waits until it is on the disk, and gives back its SHA-256 and its length.
    pub fn finish(mut self) -> Result<(String, u64)> {
        let written = self.file.flush().and_then(|()| self.file.get_ref().sync_all());
        written.map_err(|error| trouble(error, &format!("write {}", self.path.display())))?;
        Ok((hex(&self.digest.finalize()), self.bytes))
    }
}

impl Write for HashedFile {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.file.write(bytes);
        let written = self.noted(written)?;
        self.digest.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
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
