//! Signatures that Debian's `minisign` can check: Ed25519 over the bytes of a seal, with a comment that is signed too.
//!
//! In: key files as `minisign -G` writes them, bytes. Out: a signature file, or whether one holds. Rule: a key is never asked for on a terminal: its
//! password comes from a file, or it has none. Assumes: whoever gives a public key knows whose it is. Does not: read files or make keys.

use std::io::Cursor;

use anyhow::{Context, Result, bail, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use minisign::{SecretKey, SecretKeyBox, SignatureBox};

use crate::model::Hint;

/// Of a secret key file, decoded; and which of them say how its password is stretched.
const SECRET_KEY_BYTES: usize = 158;
const KDF_BYTES: std::ops::Range<usize> = 2..4;

/// A key that signs.
pub struct SigningKey {
    secret: SecretKey,
}

/// A key that checks.
#[derive(Clone, Debug)]
pub struct PublicKey {
    key: minisign::PublicKey,
}

impl SigningKey {
    /// Reads a secret key file. An encrypted one needs its password, and one that is not encrypted has none.
    pub fn parse(text: &str, password: Option<&str>) -> Result<Self> {
        let secret = match password {
            Some(password) => SecretKeyBox::from(text.to_owned()).into_secret_key(Some(password.to_owned())).map_err(anyhow::Error::new),
            None => unencrypted(text),
        };
        let secret = secret.map_err(|error| {
            let advice = match password {
                Some(_) => "check `password_file` in [seal]; a key that `minisign -G -W` made has no password, and then `password_file` is left out",
                None => "name a file with the key's password as `password_file` in [seal], or make a key without one by `minisign -G -W`",
            };
            error.context(Hint::new("it is not a secret key of minisign that can be used", advice))
        })?;
        let key = Self { secret };
        // Signing checks the secret half against the public one: minisign leaves the checksum of a key without a password empty.
        key.sign(b"", "").context("it is damaged")?;
        Ok(key)
    }

    pub fn public(&self) -> Result<PublicKey> {
        let key = minisign::PublicKey::from_secret_key(&self.secret).context("take the public key out of the secret one")?;
        Ok(PublicKey { key })
    }

    /// The contents of `<file>.minisig`.
    pub fn sign(&self, bytes: &[u8], trusted_comment: &str) -> Result<Vec<u8>> {
        let public = self.public()?;
        let comment = format!("signature of wattledger with key {}", public.id());
        let signature = minisign::sign(Some(&public.key), &self.secret, Cursor::new(bytes), Some(trusted_comment), Some(&comment));
        Ok(signature.context("sign")?.to_bytes())
    }
}

/// A key without a password. The library's own reader wants a checksum, which minisign writes only into encrypted ones.
fn unencrypted(text: &str) -> Result<SecretKey> {
    let encoded = text.lines().nth(1).context("it has no second line")?;
    let bytes = BASE64.decode(encoded.trim()).context("its second line is not base64")?;
    ensure!(bytes.len() == SECRET_KEY_BYTES, "it has {} bytes", bytes.len());
    ensure!(bytes[KDF_BYTES] == [0, 0], "it is encrypted");
    SecretKey::from_bytes(&bytes).context("read it")
}

impl PublicKey {
    /// Reads a public key file, or a public key alone as `minisign -P` takes it.
    pub fn parse(text: &str) -> Result<Self> {
        let text = text.trim();
        let key = match text.contains('\n') {
            true => minisign::PublicKeyBox::from_string(text).and_then(minisign::PublicKeyBox::into_public_key),
            false => minisign::PublicKey::from_base64(text),
        };
        Ok(Self { key: key.context("not a public key of minisign")? })
    }

    /// As `minisign` shows it.
    pub fn id(&self) -> String {
        self.key.keynum().iter().rev().map(|byte| format!("{byte:02X}")).collect()
    }

    /// The contents of a public key file.
    pub fn to_file(&self) -> Result<Vec<u8>> {
        Ok(self.key.to_box().context("write the public key")?.to_bytes())
    }

    /// The trusted comment of a signature that holds.
    pub fn verify(&self, bytes: &[u8], signature: &[u8]) -> Result<String> {
        let text = std::str::from_utf8(signature).context("the signature is not text")?;
        // Its reader trims whatever it takes for white space; minisign writes spaces and line feeds only.
        ensure!(text.bytes().all(|byte| matches!(byte, b'\n' | b' '..=b'~')), "the signature holds what minisign does not write");
        let signature = SignatureBox::from_string(text).context("not a signature of minisign")?;
        // And it takes more than one spelling of the same bytes; below the untrusted comment only the one that minisign writes is a signature.
        let written = signature.to_string();
        ensure!(text.lines().skip(1).eq(written.lines().skip(1)), "the signature is not as minisign writes it");
        if !signature.is_prehashed() {
            bail!("a signature of minisign's old kind, which is not made here");
        }
        minisign::verify(&self.key, &signature, Cursor::new(bytes), true, false, false).context("the signature does not hold")?;
        signature.trusted_comment().context("the signature has no trusted comment")
    }
}

#[cfg(test)]
mod tests {
    use minisign::KeyPair;

    use super::*;

    fn pair(password: Option<&str>) -> (String, String) {
        let pair = match password {
            Some(password) => KeyPair::generate_encrypted_keypair(Some(password.to_owned())).unwrap(),
            None => KeyPair::generate_unencrypted_keypair().unwrap(),
        };
        (pair.sk.to_box(None).unwrap().to_string(), pair.pk.to_box().unwrap().to_string())
    }

    #[test]
    fn what_was_signed_is_checked_with_its_comment_and_nothing_else_passes() {
        let (secret, public) = pair(None);
        let signature = SigningKey::parse(&secret, None).unwrap().sign(b"seal", "wattledger 2026-10 edition 1 seq 7").unwrap();
        let key = PublicKey::parse(&public).unwrap();

        assert_eq!(key.verify(b"seal", &signature).unwrap(), "wattledger 2026-10 edition 1 seq 7");
        assert!(key.verify(b"Seal", &signature).is_err());
        let text = String::from_utf8(signature.clone()).unwrap();
        assert!(key.verify(b"seal", text.replace("edition 1", "edition 2").as_bytes()).is_err(), "the comment is signed too");
        assert!(PublicKey::parse(&pair(None).1).unwrap().verify(b"seal", &signature).is_err(), "another key");
        for bit in 0..8 * signature.len() {
            let mut flipped = signature.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let untrusted = text.find('\n').unwrap();
            // The first line is the one that minisign itself calls untrusted.
            assert!(bit / 8 <= untrusted || key.verify(b"seal", &flipped).is_err(), "bit {bit} of {text}");
        }
    }

    #[test]
    fn a_public_key_is_read_as_a_file_and_as_a_word() {
        let (secret, public) = pair(None);
        let word = public.lines().nth(1).unwrap();
        let ids = [PublicKey::parse(&public).unwrap().id(), PublicKey::parse(word).unwrap().id()];

        assert_eq!(ids[0], ids[1]);
        assert!(public.lines().next().unwrap().ends_with(&ids[0]), "{public}");
        assert_eq!(SigningKey::parse(&secret, None).unwrap().public().unwrap().id(), ids[0]);
    }

    #[test]
    fn a_key_without_its_password_is_refused_and_nobody_is_asked() {
        let (secret, _) = pair(None);
        assert!(SigningKey::parse(&secret, Some("secret")).is_err());
        let mut damaged = BASE64.decode(secret.lines().nth(1).unwrap()).unwrap();
        damaged[70] ^= 1;
        assert!(SigningKey::parse(&format!("untrusted comment: x\n{}\n", BASE64.encode(damaged)), None).is_err());
        let (secret, public) = pair(Some("secret"));
        for password in [None, Some("Secret")] {
            assert!(SigningKey::parse(&secret, password).is_err(), "{password:?}");
        }
        let key = SigningKey::parse(&secret, Some("secret")).unwrap();
        assert_eq!(key.public().unwrap().id(), PublicKey::parse(&public).unwrap().id());
        for text in ["", "untrusted comment: x\n", "untrusted comment: x\nAAAA\n"] {
            assert!(SigningKey::parse(text, None).is_err() && PublicKey::parse(text).is_err(), "{text}");
        }
    }
}
