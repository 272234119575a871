//! How an edition shows the SHA-256 of what was read.

/// Characters of a SHA-256 that an edition shows.
const SHOWN: usize = 12;

pub fn shown(sha256: &str) -> &str {
    &sha256[..SHOWN.min(sha256.len())]
}
