//! Where a server is and how to be let in.
//!
//! In: addresses and names of files. Out: an HTTP client that carries what they hold. Rule: secrets come from files, are marked as such, and
//! stay out of every message; redirects are not followed, since a token must not travel. Assumes: PEM files; one TLS provider in the program.
//! Does not: send anything.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};

use crate::model::policy::Pull;
use crate::sources::words::Secrets;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Clone, Debug, Default)]
pub struct Connection {
    pub url: String,
    /// A bearer token.
    pub token_file: Option<PathBuf>,
    pub username: Option<String>,
    pub password_file: Option<PathBuf>,
    /// Our own certificate and its key, for servers that ask for one.
    pub cert_file: Option<PathBuf>,
    pub key_file: Option<PathBuf>,
    /// The only authorities that are trusted, where there is such a file.
    pub ca_file: Option<PathBuf>,
    /// `X-Scope-OrgID`.
    pub tenant: Option<String>,
    pub pull: Pull,
}

impl Connection {
    pub(super) fn base_url(&self) -> &str {
        self.url.trim_end_matches('/')
    }

    pub(super) fn http_client(&self) -> Result<reqwest::Client> {
        // An error means that somebody installed a provider before; there is only one in this program.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT.min(self.pull.timeout))
            .timeout(self.pull.timeout)
            .redirect(reqwest::redirect::Policy::none())
            // Compressing JSON costs the server five times the work of the query, and chunks are compressed already.
            .gzip(false)
            .user_agent(concat!("wattledger/", env!("CARGO_PKG_VERSION")))
            .default_headers(self.headers()?);
        if let Some(path) = &self.ca_file {
            let authorities = reqwest::Certificate::from_pem_bundle(&read(path, "certificate authority")?)
                .map_err(|_| anyhow!("{} is not a bundle of PEM certificates", path.display()))?;
            builder = builder.tls_certs_only(authorities);
        } else if self.url.starts_with("http://") {
            // Nothing is encrypted: a machine without certificate authorities will do.
            builder = builder.tls_certs_only([]);
        }
        if let (Some(certificate), Some(key)) = (&self.cert_file, &self.key_file) {
            let mut pem = read(certificate, "certificate")?;
            pem.push(b'\n');
            pem.extend(read(key, "key")?);
            let identity = reqwest::Identity::from_pem(&pem)
                .map_err(|_| anyhow!("{} and {} are not a PEM certificate and its key", certificate.display(), key.display()))?;
            builder = builder.identity(identity);
        }
        builder.build().map_err(|error| anyhow!("prepare the HTTP client: {}", error.without_url()))
    }

    /// What lets us in, as it is in its files.
    pub(super) fn secrets(&self) -> Result<Secrets> {
        let mut secrets = Secrets::default();
        for path in [&self.token_file, &self.password_file].into_iter().flatten() {
            secrets.add(String::from_utf8_lossy(&read(path, "secret")?).trim());
        }
        Ok(secrets)
    }

    fn headers(&self) -> Result<HeaderMap> {
        let mut headers = HeaderMap::new();
        if let Some((authorization, path)) = self.authorization()? {
            let mut value = HeaderValue::from_str(&authorization)
                .map_err(|_| anyhow!("the secret in {} holds characters that a header cannot", path.display()))?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        if let Some(tenant) = &self.tenant {
            let value = HeaderValue::from_str(tenant).map_err(|_| anyhow!("the tenant holds characters that a header cannot"))?;
            headers.insert("X-Scope-OrgID", value);
        }
        Ok(headers)
    }

    fn authorization(&self) -> Result<Option<(String, &Path)>> {
        let secret = |path: &Path, what: &str| -> Result<String> {
            String::from_utf8(read(path, what)?).map_err(|_| anyhow!("{what} file {} is not text", path.display()))
        };
        match (&self.token_file, &self.username, &self.password_file) {
            (None, None, None) => Ok(None),
            (Some(path), None, None) => Ok(Some((format!("Bearer {}", secret(path, "token")?.trim()), path))),
            (None, Some(user), Some(path)) => {
                let password = secret(path, "password")?;
                let pair = format!("{user}:{}", password.trim_end_matches(['\r', '\n']));
                Ok(Some((format!("Basic {}", BASE64_STANDARD.encode(pair.as_bytes())), path)))
            }
            _ => bail!("a server is let in to either by `token_file` or by `username` and `password_file`"),
        }
    }
}

fn read(path: &Path, what: &str) -> Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("read {what} file {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_goes_into_the_header_without_its_line_break_and_no_message_holds_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        std::fs::write(&path, "open sesame\n").unwrap();
        let connection = Connection { username: Some("Aladdin".to_owned()), password_file: Some(path.clone()), ..Connection::default() };
        // RFC 7617, section 2.
        assert_eq!(connection.headers().unwrap()[AUTHORIZATION], "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert!(!format!("{:?}", connection.headers().unwrap()).contains("QWxh"));
        let both = Connection { token_file: Some(path.clone()), ..connection };
        assert!(both.headers().is_err());
        std::fs::write(&path, "hunter2\u{7f}").unwrap();
        let token = Connection { token_file: Some(path), ..Connection::default() };
        let error = format!("{:#}", token.headers().unwrap_err());
        assert!(error.contains("password holds") && !error.contains("hunter2"), "{error}");
    }
}
