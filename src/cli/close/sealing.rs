//! Signs and stamps a seal, with what `[seal]` names.
//!
//! In: key files, the address of a time stamp authority. Out: a [`Sealed`] month that only needs to be put into place. Rule: keys are opened before anything is
//! collected, so that a key that cannot be used is said at once; a signature and a stamp are checked before they are used. Does not: write.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::config::Sealing;
use crate::evidence::closed::stamp::{self, Authorities};
use crate::evidence::{PublicKey, Seal, Sealed, SigningKey};
use crate::model::Hint;
use crate::sources::time_stamp;

/// The authority's certificates in a closed month's folder, so that whoever has the folder can check the time stamp.
pub const TIME_STAMP_CA_FILE: &str = "timestamp-ca.pem";

pub struct Sealer {
    key: Option<SigningKey>,
    public: Option<PublicKey>,
    timestamp_url: Option<String>,
    authorities: Option<(Authorities, Vec<u8>)>,
}

impl Sealer {
    pub fn open(config: &Sealing) -> Result<Self> {
        let password = config.password_file.as_deref().map(|path| text(path, "password file")).transpose()?;
        let password = password.as_deref().map(|text| text.trim_end_matches(['\n', '\r']));
        let key = config.secret_key_file.as_deref().map(|path| -> Result<SigningKey> {
            warn_of_readers(path);
            let key = SigningKey::parse(&text(path, "secret key")?, password);
            key.with_context(|| format!("read secret key {}", path.display()))
        });
        let authorities = config.timestamp_ca_file.as_deref().map(|path| -> Result<(Authorities, Vec<u8>)> {
            let bytes = fs::read(path).with_context(|| format!("read {}", path.display()))?;
            Ok((Authorities::parse(&bytes).with_context(|| format!("read {}", path.display()))?, bytes))
        });
        Ok(Self {
            key: key.transpose()?,
            public: public_key(config)?,
            timestamp_url: config.timestamp_url.clone(),
            authorities: authorities.transpose()?,
        })
    }

    pub fn can_sign(&self) -> bool {
        self.key.is_some()
    }

    pub fn can_stamp(&self) -> bool {
        self.timestamp_url.is_some()
    }

    /// Files that lie beside the seal because of how it is sealed.
    pub fn own_files(&self) -> Vec<(&'static str, Vec<u8>)> {
        let authorities = self.authorities.iter().filter(|_| self.can_stamp());
        authorities.map(|(_, pem)| (TIME_STAMP_CA_FILE, pem.clone())).collect()
    }

    pub fn seal(&self, seal: Seal) -> Result<Sealed> {
        let manifest = seal.to_json()?;
        let mut signature = None;
        if let Some(key) = &self.key {
            let signed = key.sign(&manifest, &seal.trusted_comment())?;
            let public = self.public.clone().map_or_else(|| key.public(), Ok)?;
            if let Err(error) = public.verify(&manifest, &signed) {
                bail!(error.context(Hint::new(
                    "`public_key_file` in [seal] is not the public key of `secret_key_file`",
                    "nothing was sealed; name the file that `minisign -G` wrote beside the secret key",
                )));
            }
            signature = Some(signed);
        }
        let mut time_stamp = None;
        if let Some(url) = &self.timestamp_url {
            let reply = stamp::ask(url, &manifest, |request| time_stamp::send(url, request))?;
            if let Some((authorities, _)) = &self.authorities {
                stamp::verify(&reply, &manifest, authorities).with_context(|| {
                    Hint::new(
                        format!("check the time stamp of {url} against `timestamp_ca_file` in [seal]"),
                        "nothing was sealed; the file holds the root that certified the authority, and what is between them",
                    )
                })?;
            }
            time_stamp = Some(reply);
        }
        Ok(Sealed { seal, manifest, signature, time_stamp })
    }
}

/// The key that checks signatures, where the configuration names its file.
pub fn public_key(config: &Sealing) -> Result<Option<PublicKey>> {
    let read = |path: &Path| -> Result<PublicKey> {
        PublicKey::parse(&text(path, "public key")?).with_context(|| format!("read public key {}", path.display()))
    };
    config.public_key_file.as_deref().map(read).transpose()
}

/// Whoever can read the key can sign what they like.
fn warn_of_readers(path: &Path) {
    let mode = fs::metadata(path).map(|known| known.permissions().mode());
    if mode.is_ok_and(|mode| mode & 0o007 != 0) {
        tracing::warn!("everybody on this machine can read the secret key {}; `chmod go= {}` mends that", path.display(), path.display());
    }
}

fn text(path: &Path, what: &str) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("read {what} {}", path.display()))
}
