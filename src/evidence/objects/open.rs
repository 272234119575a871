//! Objects that are read piece by piece, because they may be larger than the memory.
//!
//! Rule: in a bucket, every piece is of the object that was opened: one that was replaced meanwhile is an error. Does not: check a digest; who reads it whole does.

use std::fs::File;
use std::io::{Error, ErrorKind, Read, Result as IoResult, Seek, SeekFrom};

use anyhow::{Context, Result};

use super::bucket::{Bucket, Pieces};
use super::{Objects, Place, checked};

/// As much of a bucket's object is asked for at once.
const PIECE: u64 = 4 * 1024 * 1024;

/// An object that is open.
pub struct Object {
    of: Of,
    bytes: u64,
}

enum Of {
    File(File),
    Bucket { bucket: Bucket, pieces: Pieces, at: u64, piece: Vec<u8>, piece_at: u64 },
}

impl Object {
    pub fn len(&self) -> u64 {
        self.bytes
    }

    pub fn is_empty(&self) -> bool {
        self.bytes == 0
    }
}

impl Objects {
    /// Opens a key of the place itself, whatever the view; none where it is not there.
    pub fn open(&self, key: &str) -> Result<Option<Object>> {
        let key = checked(key)?;
        match &self.place {
            Place::Folder(folder) => match File::open(folder.path(key)) {
                Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
                opened => {
                    let doing = || format!("open {}", folder.path(key).display());
                    let file = opened.with_context(doing)?;
                    let bytes = file.metadata().with_context(doing)?.len();
                    Ok(Some(Object { of: Of::File(file), bytes }))
                }
            },
            Place::Bucket(bucket) => Ok(bucket.pieces(key)?.map(|pieces| {
                let bytes = pieces.bytes;
                Object { of: Of::Bucket { bucket: bucket.clone(), pieces, at: 0, piece: Vec::new(), piece_at: 0 }, bytes }
            })),
        }
    }
}

impl Read for Object {
    fn read(&mut self, buffer: &mut [u8]) -> IoResult<usize> {
        let bytes = self.bytes;
        let (bucket, pieces, at, piece, piece_at) = match &mut self.of {
            Of::File(file) => return file.read(buffer),
            Of::Bucket { bucket, pieces, at, piece, piece_at } => (bucket, pieces, at, piece, piece_at),
        };
        if *at >= bytes || buffer.is_empty() {
            return Ok(0);
        }
        if !(*piece_at..*piece_at + piece.len() as u64).contains(at) {
            *piece = bucket.piece(pieces, *at..(*at + PIECE).min(bytes)).map_err(|error| Error::other(format!("{error:#}")))?;
            *piece_at = *at;
        }
        let from = usize::try_from(*at - *piece_at).map_err(Error::other)?;
        let count = buffer.len().min(piece.len() - from);
        buffer[..count].copy_from_slice(&piece[from..from + count]);
        *at += count as u64;
        Ok(count)
    }
}

impl Seek for Object {
    fn seek(&mut self, to: SeekFrom) -> IoResult<u64> {
        match &mut self.of {
            Of::File(file) => file.seek(to),
            Of::Bucket { at, .. } => {
                let place = match to {
                    SeekFrom::Start(place) => Some(place),
                    SeekFrom::End(offset) => self.bytes.checked_add_signed(offset),
                    SeekFrom::Current(offset) => at.checked_add_signed(offset),
                };
                *at = place.ok_or_else(|| Error::from(ErrorKind::InvalidInput))?;
                Ok(*at)
            }
        }
    }
}
