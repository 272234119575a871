//! Cuts a stream into frames: length, CRC32C, message.
//!
//! In: bytes as they arrive. Out: whole frames. Rule: a frame counts only with its checksum, and a stream only if it ends behind a frame:
//! a server that fails in the middle has said 200 already, and writes its error where a frame should be.
//! Does not: look into a frame.

use prost::bytes::{Buf, Bytes, BytesMut};

/// Prometheus writes about 1 MiB; what claims more than this is no frame.
const LONGEST_FRAME: u64 = 64 * 1024 * 1024;
const CHECKSUM_BYTES: usize = 4;

#[derive(Debug, Default)]
pub struct Frames {
    waiting: BytesMut,
}

impl Frames {
    pub fn push(&mut self, bytes: &[u8]) {
        self.waiting.extend_from_slice(bytes);
    }

    /// The next frame that is whole; none until more bytes are pushed.
    pub fn next(&mut self) -> Result<Option<Bytes>, String> {
        let Some((length, head)) = length(&self.waiting)? else { return Ok(None) };
        let start = head + CHECKSUM_BYTES;
        if self.waiting.len() < start + length {
            self.waiting.reserve(start + length - self.waiting.len());
            return Ok(None);
        }
        self.waiting.advance(head);
        let expected = self.waiting.get_u32();
        let frame = self.waiting.split_to(length).freeze();
        match crc32c::crc32c(&frame) {
            found if found == expected => Ok(Some(frame)),
            found => Err(format!("a frame has checksum {found:08x} and should have {expected:08x}")),
        }
    }

    /// Whether the stream may end here.
    pub fn finish(&self) -> Result<(), String> {
        if self.waiting.is_empty() { Ok(()) } else { Err("the stream ends within a frame".to_owned()) }
    }
}

/// A frame's length and how many bytes say it; none where they are not all there.
fn length(bytes: &[u8]) -> Result<Option<(usize, usize)>, String> {
    let mut length = 0_u64;
    for (i, byte) in bytes.iter().enumerate().take(10) {
        length |= u64::from(byte & 0x7f) << (7 * i);
        if byte & 0x80 == 0 {
            return match length {
                0..=LONGEST_FRAME => Ok(Some((length as usize, i + 1))),
                _ => Err(format!("a frame of {length} bytes is no frame")),
            };
        }
    }
    if bytes.len() < 10 { Ok(None) } else { Err("a frame without length".to_owned()) }
}

#[cfg(test)]
pub fn framed(message: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    prost::encoding::encode_varint(message.len() as u64, &mut bytes);
    bytes.extend(crc32c::crc32c(message).to_be_bytes());
    bytes.extend(message);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pieces: &[&[u8]]) -> Result<Vec<Bytes>, String> {
        let mut frames = Frames::default();
        let mut read = Vec::new();
        for piece in pieces {
            frames.push(piece);
            while let Some(frame) = frames.next()? {
                read.push(frame);
            }
        }
        frames.finish().map(|()| read)
    }

    #[test]
    fn frames_come_whole_however_the_bytes_are_cut() {
        let messages = [vec![7; 300], Vec::new(), b"abc".to_vec()];
        let stream: Vec<u8> = messages.iter().flat_map(|message| framed(message)).collect();
        for piece in [1, 2, 7, 300, stream.len()] {
            let pieces: Vec<&[u8]> = stream.chunks(piece).collect();
            assert_eq!(read(&pieces).unwrap(), messages);
        }
        assert_eq!(read(&[]).unwrap(), Vec::<Bytes>::new());
    }

    #[test]
    fn a_stream_ends_behind_a_frame_or_is_broken() {
        let stream = framed(&[7; 40]);
        for cut in 1..stream.len() {
            assert!(read(&[&stream[..cut]]).is_err(), "cut at {cut}");
        }
    }

    #[test]
    fn a_flipped_bit_breaks_the_stream() {
        let stream = framed(&[7; 40]);
        for byte in 0..stream.len() {
            let mut flipped = stream.clone();
            flipped[byte] ^= 0x10;
            assert!(read(&[&flipped]).is_err(), "flipped in byte {byte}");
        }
    }

    #[test]
    fn an_error_written_behind_a_frame_breaks_the_stream() {
        let mut stream = framed(b"abc");
        stream.extend(b"query processing was cancelled by the server because it took longer than it may take, and more of such words\n");
        assert!(read(&[&stream]).is_err());
    }
}
