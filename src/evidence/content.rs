//! Bytes that are worked out and on their way into the evidence: in memory, or where they may be many, in a file.
//!
//! Rule: they are hashed while they are written, once. Assumes: the folder for temporary files (`TMPDIR`) is on a disk that has room for them.
//! Does not: leave a file behind: it has no name, so it goes with the process, however that ends.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek, SeekFrom, Write};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use super::files::{hex, sha256, trouble};

/// As much is read or written at once.
const BUFFER: usize = 1 << 20;

pub enum Content {
    Bytes(Vec<u8>),
    Spooled(Spooled),
}

/// A file without a name, whole.
pub struct Spooled {
    file: File,
    sha256: String,
    bytes: u64,
}

/// One that is being written.
pub struct Spooling {
    file: BufWriter<File>,
    digest: Sha256,
    bytes: u64,
}

impl Content {
    pub fn sha256(&self) -> String {
        match self {
            Self::Bytes(bytes) => sha256(bytes),
            Self::Spooled(spooled) => spooled.sha256.clone(),
        }
    }

    pub fn len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Spooled(spooled) => spooled.bytes,
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All of them, where they are in memory.
    pub fn in_memory(&self) -> Option<&[u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            Self::Spooled(_) => None,
        }
    }

    /// From the first byte on. One reader at a time: those of a file share its place.
    pub fn reader(&self) -> Result<Box<dyn Read + '_>> {
        match self {
            Self::Bytes(bytes) => Ok(Box::new(bytes.as_slice())),
            Self::Spooled(spooled) => {
                let mut file = &spooled.file;
                file.seek(SeekFrom::Start(0)).context("go back to the beginning of a temporary file")?;
                Ok(Box::new(BufReader::with_capacity(BUFFER, file)))
            }
        }
    }
}

impl Spooling {
    pub fn begin() -> Result<Self> {
        let folder = std::env::temp_dir();
        let file =
            tempfile::tempfile_in(&folder).map_err(|error| trouble(error, &format!("write a temporary file in {}", folder.display())))?;
        Ok(Self { file: BufWriter::with_capacity(BUFFER, file), digest: Sha256::new(), bytes: 0 })
    }

    pub fn finish(mut self) -> Result<Content> {
        self.file.flush().map_err(|error| trouble(error, "write a temporary file"))?;
        let file = self.file.into_inner().map_err(|error| trouble(error.into_error(), "write a temporary file"))?;
        Ok(Content::Spooled(Spooled { file, sha256: hex(&self.digest.finalize()), bytes: self.bytes }))
    }
}

impl Write for Spooling {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_spooled_is_what_was_written_and_can_be_read_twice() {
        let mut spooling = Spooling::begin().unwrap();
        let bytes: Vec<u8> = (0..3_000_000_u32).map(|at| (at % 251) as u8).collect();
        bytes.chunks(70_001).for_each(|chunk| spooling.write_all(chunk).unwrap());
        let content = spooling.finish().unwrap();

        assert_eq!((content.len(), content.sha256()), (3_000_000, sha256(&bytes)));
        assert_eq!(content.in_memory(), None);
        for _ in 0..2 {
            let mut read = Vec::new();
            content.reader().unwrap().read_to_end(&mut read).unwrap();
            assert!(read == bytes);
        }
    }
}
