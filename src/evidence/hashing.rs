//! Bytes that are hashed and counted on their way, whichever way they go.

use std::io::{Read, Result, Write};

use sha2::{Digest, Sha256};

use crate::model::hex;

pub struct Hashing<T> {
    inner: T,
    digest: Sha256,
    bytes: u64,
}

impl<T> Hashing<T> {
    pub fn new(inner: T) -> Self {
        Self { inner, digest: Sha256::new(), bytes: 0 }
    }

    fn see(&mut self, bytes: &[u8]) {
        self.digest.update(bytes);
        self.bytes += bytes.len() as u64;
    }

    /// What the bytes went through, the SHA-256 of all of them, and their number.
    pub fn finish(self) -> (T, String, u64) {
        (self.inner, hex(self.digest.finalize()), self.bytes)
    }
}

impl<T: Read> Read for Hashing<T> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let read = self.inner.read(buffer)?;
        self.see(&buffer[..read]);
        Ok(read)
    }
}

impl<T: Write> Write for Hashing<T> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        let written = self.inner.write(bytes)?;
        self.see(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes and gives three bytes at once.
    struct Slow(Vec<u8>);

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> Result<usize> {
            let count = bytes.len().min(3);
            self.0.extend(&bytes[..count]);
            Ok(count)
        }

        fn flush(&mut self) -> Result<()> {
            Ok(())
        }
    }

    #[test]
    fn only_what_went_through_is_hashed() {
        let expected = (crate::model::sha256("abcdefgh"), 8);
        let mut written = Hashing::new(Slow(Vec::new()));
        written.write_all(b"abcdefgh").unwrap();
        let (inner, sha256, bytes) = written.finish();
        assert_eq!((inner.0.as_slice(), (sha256, bytes)), (&b"abcdefgh"[..], expected.clone()));

        let mut read = Hashing::new(&b"abcdefgh"[..]);
        let mut text = String::new();
        read.read_to_string(&mut text).unwrap();
        let (_, sha256, bytes) = read.finish();
        assert_eq!((text.as_str(), (sha256, bytes)), ("abcdefgh", expected));
    }
}
