//! One question, one answer: HTTP, its limits, and what to make of its errors.
//!
//! In: PromQL and a time. Out: an [`Answer`] that is whole, or a [`Fault`]. Rule: connect and total time are bounded; what may pass by itself
//! is asked again, a bounded number of times, no sooner than the server wants (`Retry-After`); a warning makes the answer partial.
//! Assumes: credentials come in files. Does not: follow redirects (a token must not travel), or put a URL into a message (it may hold a secret).

use std::error::Error as _;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use backon::{ExponentialBuilder, Retryable};
use reqwest::StatusCode;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue, RETRY_AFTER};
use tokio::sync::Semaphore;

use super::decode::{Answer, Matrix};
use crate::sources::{Reach, Refusal};

pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Of a whole request, its body included. A server that says nothing for so long is not asked again.
pub const TOTAL_TIMEOUT: Duration = Duration::from_secs(120);
/// What the server is told to give up after, so that it says so before we stop listening.
const SERVER_TIMEOUT: Duration = Duration::from_secs(100);
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(60);
const RETRIES: usize = 4;
/// More than two saturate nothing but the server's memory.
const REQUESTS_IN_FLIGHT: usize = 2;
/// Characters of a server's own words that a message repeats.
const LONGEST_QUOTE: usize = 300;

/// Where a server is and how to be let in.
#[derive(Clone, Debug, Default)]
pub struct Connection {
    pub url: String,
    pub token_file: Option<PathBuf>,
    pub ca_file: Option<PathBuf>,
    pub tenant: Option<String>,
}

/// Why there is no answer, as far as the next step depends on it.
#[derive(Debug)]
pub enum Fault {
    /// The range holds more than the server lets one query load.
    TooLarge(String),
    /// The server gave up in its own time.
    TooSlow(String),
    /// May pass by itself.
    Passing {
        why: String,
        retry_after: Option<Duration>,
    },
    Final(Refusal),
}

pub struct Client {
    client: prometheus_http_query::Client,
    in_flight: Semaphore,
}

impl Client {
    pub fn connect(connection: &Connection) -> Result<Self> {
        // An error means that somebody installed a provider before; there is only one in this program.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let url = connection.url.trim_end_matches('/');
        let mut builder = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TOTAL_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            // Compressing costs the server five times the work of the query.
            .gzip(false)
            .user_agent(concat!("wattledger/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers(connection)?);
        if let Some(path) = &connection.ca_file {
            let pem = std::fs::read(path).with_context(|| format!("read certificate authority {}", path.display()))?;
            let authorities = reqwest::Certificate::from_pem_bundle(&pem)
                .map_err(|_| anyhow!("{} is not a bundle of PEM certificates", path.display()))?;
            builder = builder.tls_certs_only(authorities);
        } else if url.starts_with("http://") {
            // Nothing is encrypted: a machine without certificate authorities will do.
            builder = builder.tls_certs_only([]);
        }
        let client = builder.build().map_err(|error| anyhow!("prepare the HTTP client: {}", error.without_url()))?;
        let client = prometheus_http_query::Client::from(client, url)
            .map_err(|_| anyhow!("the Prometheus URL in the configuration is not a URL"))?;
        Ok(Self { client, in_flight: Semaphore::new(REQUESTS_IN_FLIGHT) })
    }

    /// Asks at an instant (whole seconds), again where that may help.
    pub async fn ask(&self, promql: &str, at_s: i64) -> Result<Matrix, Fault> {
        let pauses = ExponentialBuilder::new().with_min_delay(Duration::from_millis(500)).with_max_times(RETRIES).with_jitter();
        (|| self.ask_once(promql, at_s))
            .retry(pauses)
            .when(|fault| matches!(fault, Fault::Passing { .. }))
            .notify(|fault, pause| tracing::debug!(?fault, ?pause, "asking again"))
            .adjust(|fault, pause| match fault {
                Fault::Passing { retry_after: Some(wanted), .. } => pause.map(|pause| pause.max((*wanted).min(LONGEST_RETRY_AFTER))),
                _ => pause,
            })
            .await
            .map_err(|fault| match fault {
                Fault::Passing { why, .. } => {
                    let message = format!("the Prometheus server did not answer after {} attempts: {why}", RETRIES + 1);
                    Fault::Final(Refusal::new("PROM_UNREACHABLE", Reach::Source, message).hint("check the URL, and that the server is up"))
                }
                fault => fault,
            })
    }

    async fn ask_once(&self, promql: &str, at_s: i64) -> Result<Matrix, Fault> {
        let _place = self.in_flight.acquire().await.expect("the semaphore is never closed");
        let timeout_ms = SERVER_TIMEOUT.as_millis() as i64;
        let response = self.client.query(promql).at(at_s).timeout(timeout_ms).post_raw().await.map_err(|error| match &error {
            prometheus_http_query::Error::Client(inner) => inner.inner().map_or_else(|| passing(inner.to_string()), broken),
            other => passing(other.to_string()),
        })?;
        let status = response.status();
        let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()).and_then(seconds);
        let body = response.bytes().await.map_err(|error| broken(&error))?;
        if status == StatusCode::OK { whole(&body) } else { Err(refused(status, &body, retry_after)) }
    }
}

fn headers(connection: &Connection) -> Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    if let Some(path) = &connection.token_file {
        let token = std::fs::read_to_string(path).with_context(|| format!("read token file {}", path.display()))?;
        let mut value = HeaderValue::from_str(&format!("Bearer {}", token.trim()))
            .map_err(|_| anyhow!("the token in {} holds characters that a header cannot", path.display()))?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    if let Some(tenant) = &connection.tenant {
        let value = HeaderValue::from_str(tenant).map_err(|_| anyhow!("the tenant holds characters that a header cannot"))?;
        headers.insert("X-Scope-OrgID", value);
    }
    Ok(headers)
}

/// `Retry-After` in seconds; its other form, a date, is left to the ordinary pauses.
fn seconds(text: &str) -> Option<Duration> {
    text.trim().parse().ok().map(Duration::from_secs)
}

fn passing(why: String) -> Fault {
    Fault::Passing { why, retry_after: None }
}

/// A connection that failed or broke. The innermost cause says why, and no cause of a `reqwest::Error` but itself holds the URL.
fn broken(error: &reqwest::Error) -> Fault {
    if error.is_timeout() && !error.is_connect() {
        let message = format!("the Prometheus server was silent for {} seconds", TOTAL_TIMEOUT.as_secs());
        return Fault::Final(
            Refusal::new("PROM_TIMEOUT", Reach::Source, message).hint("check the server's load, and what stands before it"),
        );
    }
    let mut cause = error.source();
    while let Some(deeper) = cause.and_then(std::error::Error::source) {
        cause = Some(deeper);
    }
    let what = if error.is_connect() { "connect" } else { "read" };
    passing(cause.map_or_else(|| format!("{what} failed"), |cause| format!("{what}: {cause}")))
}

/// An answer with status 200: whole, or partial by its own warnings, or cut.
fn whole(body: &[u8]) -> Result<Matrix, Fault> {
    let answer = Answer::from_json(body).map_err(|error| passing(format!("the answer is not whole: {error}")))?;
    let warnings = answer.warnings.unwrap_or_default();
    if !warnings.is_empty() {
        let message = format!("the server says that its answer is incomplete: {}", quote(&warnings.join("; ")));
        let hint = "bring back the store or the remote read that it names, and collect again";
        return Err(Fault::Final(Refusal::new("PROM_PARTIAL", Reach::Range, message).hint(hint)));
    }
    match answer.data {
        Some(data) if answer.status == "success" => Ok(data.result),
        _ => Err(passing(format!("an answer without data: {} {}", answer.error_type, quote(&answer.error)))),
    }
}

/// An answer with another status. Limits and timeouts are told from the words: servers agree on them less than on the codes.
fn refused(status: StatusCode, body: &[u8], retry_after: Option<Duration>) -> Fault {
    let answer = Answer::from_json(body).ok();
    let (kind, words) = match &answer {
        Some(answer) => (answer.error_type.as_str(), quote(&answer.error)),
        None => ("", quote(&String::from_utf8_lossy(body))),
    };
    let says_limit = ["too many samples", "exceed", "limit"].iter().any(|word| words.to_lowercase().contains(word));
    let final_with = |code, reach, hint: &str| {
        let message = format!("the Prometheus server refused ({}): {words}", status.as_u16());
        Fault::Final(Refusal::new(code, reach, message).hint(hint))
    };
    match status.as_u16() {
        400 | 422 if says_limit => Fault::TooLarge(words),
        504 => Fault::TooSlow(format!("status 504: {words}")),
        _ if kind == "timeout" => Fault::TooSlow(words),
        429 | 500 | 502 | 503 => Fault::Passing { why: format!("status {}: {words}", status.as_u16()), retry_after },
        401 | 403 => final_with("PROM_DENIED", Reach::Source, "check `token_file` and `tenant` of the cluster"),
        300..=399 | 404 => {
            final_with("PROM_URL", Reach::Source, "check `url`: it is the part before /api/v1, and redirects are not followed")
        }
        _ => final_with("PROM_REFUSED", Reach::Range, "the server's log says more"),
    }
}

/// A server's words, short and on one line.
fn quote(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST_QUOTE).collect();
    line.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json_error(kind: &str, words: &str) -> Vec<u8> {
        format!(r#"{{"status":"error","errorType":"{kind}","error":"{words}"}}"#).into_bytes()
    }

    #[test]
    fn limits_and_timeouts_ask_for_smaller_windows_and_the_rest_does_not() {
        let limit = "query processing would load too many samples into memory in query execution";
        assert!(matches!(refused(StatusCode::UNPROCESSABLE_ENTITY, &json_error("execution", limit), None), Fault::TooLarge(_)));
        let slow = "query timed out in expression evaluation";
        assert!(matches!(refused(StatusCode::SERVICE_UNAVAILABLE, &json_error("timeout", slow), None), Fault::TooSlow(_)));
        let html = b"<html>\nservice unavailable</html>";
        assert!(matches!(refused(StatusCode::SERVICE_UNAVAILABLE, html, None), Fault::Passing { .. }));
        let broken = json_error("execution", "checksum mismatch expected:1, actual:2");
        match refused(StatusCode::UNPROCESSABLE_ENTITY, &broken, None) {
            Fault::Final(refusal) => assert_eq!((refusal.code, refusal.reach), ("PROM_REFUSED", Reach::Range)),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_warning_makes_an_answer_partial() {
        let body = br#"{"status":"success","warnings":["remote_read: error"],"data":{"resultType":"matrix","result":[]}}"#;
        match whole(body) {
            Err(Fault::Final(refusal)) => assert_eq!(refusal.code, "PROM_PARTIAL"),
            other => panic!("{other:?}"),
        }
    }
}
