//! SHA-256 of what was read, and how an edition shows it.

use sha2::{Digest, Sha256};

/// Characters of a SHA-256 that an edition shows.
const SHOWN: usize = 12;

pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

pub fn shown(sha256: &str) -> &str {
    &sha256[..SHOWN.min(sha256.len())]
}
