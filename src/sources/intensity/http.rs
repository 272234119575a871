//! One request to a provider's API, one body.
//!
//! In: a path, parameters, credentials. Out: the bytes of an answer with status 200, or a refusal. Rule: connect and total time and the size of
//! an answer are bounded; what may pass by itself is asked again, a bounded number of times, no sooner than the server wants (`Retry-After`).
//! Assumes: credentials come in files. Does not: follow redirects (a token must not travel), or put an address or a token into a message.

use std::error::Error as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use backon::{ExponentialBuilder, Retryable};
use reqwest::header::{HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{StatusCode, Url};

use crate::sources::words::Secrets;
use crate::sources::{Reach, Refusal};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const TOTAL_TIMEOUT: Duration = Duration::from_secs(60);
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(60);
const RETRIES: usize = 4;
/// Ten days of 5-minute values are well below one MiB.
const LARGEST_BODY: usize = 32 << 20;

/// How to be let in.
#[derive(Clone)]
pub enum Credentials {
    None,
    Header(HeaderName, HeaderValue),
    Basic { user: String, password: String },
}

impl Credentials {
    /// What of them must not be repeated.
    fn secrets(&self) -> Secrets {
        let mut secrets = Secrets::default();
        match self {
            Self::None => {}
            Self::Header(_, value) => {
                let text = String::from_utf8_lossy(value.as_bytes());
                secrets.add(text.strip_prefix("Bearer ").unwrap_or(&text));
            }
            Self::Basic { password, .. } => secrets.add(password),
        }
        secrets
    }
}

pub struct Api {
    client: reqwest::Client,
    base: Url,
    provider: &'static str,
}

enum Fault {
    Passing { why: String, retry_after: Option<Duration> },
    Final(Refusal),
}

impl Api {
    /// Prepares the connection; nothing is sent yet.
    pub fn connect(provider: &'static str, base: &str) -> Result<Self> {
        // An error means that somebody installed a provider before; there is only one in this program.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let base =
            Url::parse(base.trim_end_matches('/')).map_err(|_| anyhow!("the address of {provider} in the configuration is not a URL"))?;
        let mut builder = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TOTAL_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("wattledger/", env!("CARGO_PKG_VERSION")));
        if base.scheme() == "http" {
            // Nothing is encrypted: a machine without certificate authorities will do.
            builder = builder.tls_certs_only([]);
        }
        let client = builder.build().map_err(|error| anyhow!("prepare the HTTP client: {}", error.without_url()))?;
        Ok(Self { client, base, provider })
    }

    /// The body of an answer with status 200, asked for again where that may help.
    pub async fn get(&self, path: &str, parameters: &[(&str, &str)], credentials: &Credentials) -> Result<Vec<u8>, Refusal> {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{path}", self.base.path().trim_end_matches('/')));
        if !parameters.is_empty() {
            url.query_pairs_mut().extend_pairs(parameters);
        }
        let pauses = ExponentialBuilder::new().with_min_delay(Duration::from_millis(500)).with_max_times(RETRIES).with_jitter();
        (|| self.get_once(url.clone(), credentials))
            .retry(pauses)
            .when(|fault| matches!(fault, Fault::Passing { .. }))
            .notify(|fault, pause| {
                if let Fault::Passing { why, .. } = fault {
                    tracing::debug!(provider = self.provider, why, ?pause, "asking again");
                }
            })
            .adjust(|fault, pause| match fault {
                Fault::Passing { retry_after: Some(wanted), .. } => pause.map(|pause| pause.max((*wanted).min(LONGEST_RETRY_AFTER))),
                _ => pause,
            })
            .await
            .map_err(|fault| match fault {
                Fault::Final(refusal) => refusal,
                Fault::Passing { why, .. } => {
                    let message = format!("{} did not answer after {} attempts: {why}", self.provider, RETRIES + 1);
                    Refusal::new("CI_UNREACHABLE", Reach::Source, message)
                        .hint("check `url` of [[intensity]] and the way out, and collect again")
                }
            })
    }

    async fn get_once(&self, url: Url, credentials: &Credentials) -> Result<Vec<u8>, Fault> {
        let mut request = self.client.get(url);
        request = match credentials {
            Credentials::None => request,
            Credentials::Header(name, value) => request.header(name, value),
            Credentials::Basic { user, password } => request.basic_auth(user, Some(password)),
        };
        let mut response = request.send().await.map_err(|error| broken(&error))?;
        let status = response.status();
        let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()).and_then(seconds);
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| broken(&error))? {
            if body.len() + chunk.len() > LARGEST_BODY {
                let message = format!("{} answers with more than {} MiB", self.provider, LARGEST_BODY >> 20);
                return Err(Fault::Final(Refusal::new("CI_REPLY", Reach::Source, message)));
            }
            body.extend_from_slice(&chunk);
        }
        if status == StatusCode::OK { Ok(body) } else { Err(self.refused(status, &body, retry_after, &credentials.secrets())) }
    }

    fn refused(&self, status: StatusCode, body: &[u8], retry_after: Option<Duration>, secrets: &Secrets) -> Fault {
        let words = secrets.quote(&String::from_utf8_lossy(body));
        let final_with = |code, hint: &str| {
            let message = format!("{} refused ({}): {words}", self.provider, status.as_u16());
            Fault::Final(Refusal::new(code, Reach::Source, message).hint(hint))
        };
        match status.as_u16() {
            429 | 500 | 502 | 503 | 504 => Fault::Passing { why: format!("status {}: {words}", status.as_u16()), retry_after },
            401 | 403 => final_with("CI_DENIED", "check the credentials of [[intensity]], and what the provider's plan includes"),
            404 => final_with("CI_ZONE", "the provider does not know the zone: check `zones` (and `regions`) of [[intensity]]"),
            300..=399 => final_with("CI_URL", "check `url` of [[intensity]]: redirects are not followed"),
            _ => final_with("CI_REFUSED", "check [[intensity]] against the provider's documentation"),
        }
    }
}

/// A secret from its file, as a header's value that no log shows.
pub fn secret_header(path: &Path, prefix: &str) -> Result<HeaderValue> {
    header(&secret(path)?, prefix).with_context(|| format!("use {}", path.display()))
}

pub fn header(secret: &str, prefix: &str) -> Result<HeaderValue> {
    let mut value =
        HeaderValue::from_str(&format!("{prefix}{secret}")).map_err(|_| anyhow!("the token holds characters that a header cannot"))?;
    value.set_sensitive(true);
    Ok(value)
}

pub fn secret(path: &Path) -> Result<String> {
    Ok(std::fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?.trim().to_owned())
}

/// `Retry-After` in seconds; its other form, a date, is left to the ordinary pauses.
fn seconds(text: &str) -> Option<Duration> {
    text.trim().parse().ok().map(Duration::from_secs)
}

/// A connection that failed or broke. The innermost cause says why, and no cause of a `reqwest::Error` but itself holds the URL.
fn broken(error: &reqwest::Error) -> Fault {
    let mut cause = error.source();
    while let Some(deeper) = cause.and_then(std::error::Error::source) {
        cause = Some(deeper);
    }
    let what = if error.is_timeout() {
        "no answer in time"
    } else if error.is_connect() {
        "connect"
    } else {
        "read"
    };
    Fault::Passing { why: cause.map_or_else(|| what.to_owned(), |cause| format!("{what}: {cause}")), retry_after: None }
}
