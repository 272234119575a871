//! `[seal]`: with which key a closed month is signed, and who says when.
//!
//! In: the table as written. Out: [`Sealing`]. Rule: secrets are in files that are named; loading the configuration does not open them, so that only the
//! process that closes needs them. Does not: read a key.

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

use super::{check, raw};

/// How a closed month is signed and stamped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sealing {
    /// In minisign's format.
    pub secret_key_file: Option<PathBuf>,
    /// Of a secret key that is encrypted.
    pub password_file: Option<PathBuf>,
    pub public_key_file: Option<PathBuf>,
    /// Of a time stamp authority (RFC 3161).
    pub timestamp_url: Option<String>,
    /// Its certificates, in PEM.
    pub timestamp_ca_file: Option<PathBuf>,
}

pub(super) fn sealing(raw: raw::Seal, folder: &Path) -> Result<Sealing> {
    ensure!(
        raw.password_file.is_none() || raw.secret_key_file.is_some(),
        "[seal]: `password_file` is the password of `secret_key_file`, which is missing"
    );
    if let Some(url) = &raw.timestamp_url {
        check::server_url("seal.timestamp_url", url)?;
    }
    let file = |name: Option<String>| name.map(|name| folder.join(name));
    Ok(Sealing {
        secret_key_file: file(raw.secret_key_file),
        password_file: file(raw.password_file),
        public_key_file: file(raw.public_key_file),
        timestamp_url: raw.timestamp_url,
        timestamp_ca_file: file(raw.timestamp_ca_file),
    })
}
