//! Bytes that are worked out and on their way into the evidence: in memory, or where they may be many, in a file.
//!
//! Rule: they are hashed while they are written, once. Assumes: the folder for temporary files (`TMPDIR`) is on a disk that has room for them.
//! Does not: leave a file behind: it has no name, so it goes with the process, however that ends.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom, Write};
use std::path::Path;

use anyhow::{Context, Error, Result};

use super::files::{BUFFER, HashedFile};
use crate::model::sha256;

pub enum Content {
    Bytes(Vec<u8>),
    Spooled(Spooled),
}

/// A file without a name, whole.
#[derive(Debug)]
pub struct Spooled {
    pub file: File,
    pub sha256: String,
    pub bytes: u64,
}

/// One that is being written.
pub struct Spooling(HashedFile);

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
    /// In the folder for temporary files.
    pub fn begin() -> Result<Self> {
        Self::begin_in(&std::env::temp_dir())
    }

    /// In a folder that is there.
    pub fn begin_in(folder: &Path) -> Result<Self> {
        HashedFile::unnamed(folder).map(Self)
    }

    /// What went wrong while others wrote into it.
    pub fn explain(&self, error: Error) -> Error {
        self.0.explain(error)
    }

    pub fn finish(self) -> Result<Spooled> {
        let (file, sha256, bytes) = self.0.finish()?;
        Ok(Spooled { file, sha256, bytes })
    }
}

impl Write for Spooling {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
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
        let content = Content::Spooled(spooling.finish().unwrap());

        assert_eq!((content.len(), content.sha256()), (3_000_000, sha256(&bytes)));
        assert_eq!(content.in_memory(), None);
        for _ in 0..2 {
            let mut read = Vec::new();
            content.reader().unwrap().read_to_end(&mut read).unwrap();
            assert!(read == bytes);
        }
    }
}
