//! One request, one answer: HTTP, its limits, and what to make of its errors.
//!
//! In: PromQL and a time, or a remote read. Out: an answer that is whole, or a [`Fault`]. Rule: connect and total time are bounded; what may
//! pass by itself is asked again, a bounded number of times, no sooner than the server wants (`Retry-After`); a warning makes an answer partial.
//! Does not: put a URL into a message (it may hold a secret).

use std::error::Error as _;
use std::time::{Duration, SystemTime};

use anyhow::{Result, anyhow};
use backon::{ExponentialBuilder, Retryable};
use chrono::DateTime;
use reqwest::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, RETRY_AFTER, TRANSFER_ENCODING};
use reqwest::{Response, StatusCode, Version};

use super::connection::Connection;
use super::decode::{Answer, Matrix};
use crate::sources::words::Secrets;
use crate::sources::{Reach, Refusal};

const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(60);
const RETRIES: usize = 4;
/// A server that sent so much before time was up is slow; one that sent less is silent, and smaller windows would not help.
const SIGN_OF_LIFE: u64 = 1024 * 1024;
const STREAM_TYPE: &str = "application/x-streamed-protobuf";

/// Why there is no answer, as far as the next step depends on it.
#[derive(Debug)]
pub enum Fault {
    /// The range holds more than the server lets one query load.
    TooLarge(String),
    /// The server gave up in its own time, or its answer took longer than ours.
    TooSlow(String),
    /// May pass by itself.
    Passing {
        why: String,
        retry_after: Option<Duration>,
    },
    /// The server does not serve this kind of request.
    Unserved(String),
    Final(Refusal),
}

pub struct Client {
    http: reqwest::Client,
    queries: prometheus_http_query::Client,
    url: String,
    timeout: Duration,
    /// What a message must not repeat.
    secrets: Secrets,
}

/// The body of a remote read, as it arrives.
pub struct Stream {
    response: Response,
    received: u64,
    timeout: Duration,
}

impl Client {
    pub fn connect(connection: &Connection) -> Result<Self> {
        let url = connection.base_url();
        let http = connection.http_client()?;
        let queries = prometheus_http_query::Client::from(http.clone(), url)
            .map_err(|_| anyhow!("the Prometheus URL in the configuration is not a URL"))?;
        Ok(Self { http, queries, url: url.to_owned(), timeout: connection.pull.timeout, secrets: connection.secrets()? })
    }

    /// As configured.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Asks at an instant (whole seconds), again where that may help.
    pub async fn ask(&self, promql: &str, at_s: i64) -> Result<Matrix, Fault> {
        let ask = || async {
            let sent = self.queries.query(promql).at(at_s).timeout(self.server_timeout_ms()).post_raw().await;
            self.matrix(sent).await
        };
        again(ask).await
    }

    /// Asks at every step of a range, both of its ends too.
    pub async fn ask_steps(&self, promql: &str, from_s: i64, to_s: i64, step_s: i64) -> Result<Matrix, Fault> {
        let ask = || async {
            let query = self.queries.query_range(promql, from_s, to_s, step_s as f64);
            self.matrix(query.timeout(self.server_timeout_ms()).post_raw().await).await
        };
        again(ask).await
    }

    /// A page of the API as JSON; none where the server does not show it.
    pub async fn show(&self, path: &str) -> Result<Option<serde_json::Value>, Fault> {
        let show = || async {
            let response = self.http.get(format!("{}{path}", self.url)).send().await.map_err(|error| self.broken(&error, 0))?;
            let (status, retry_after) = (response.status(), retry_after(&response));
            let body = self.body(response).await?;
            match status.as_u16() {
                200 => Ok(serde_json::from_slice(&body).ok()),
                429 | 500..=599 if status != StatusCode::NOT_IMPLEMENTED => Err(self.refused(status, &body, retry_after)),
                _ => Ok(None),
            }
        };
        again(show).await
    }

    /// Sends a remote read, once: what reads the stream knows when to do it again.
    pub async fn read(&self, request: &[u8]) -> Result<Stream, Fault> {
        let post = self.http.post(format!("{}/api/v1/read", self.url)).body(request.to_vec());
        let post = post.header(CONTENT_ENCODING, "snappy").header(CONTENT_TYPE, "application/x-protobuf");
        let response = post.header("X-Prometheus-Remote-Read-Version", "0.1.0").send().await.map_err(|error| self.broken(&error, 0))?;
        let status = response.status();
        if status == StatusCode::OK {
            let is_stream = |value: &HeaderValue| value.to_str().is_ok_and(|value| value.starts_with(STREAM_TYPE));
            let kind = response.headers().get(CONTENT_TYPE);
            if kind.is_some_and(is_stream) {
                return Ok(Stream { response, received: 0, timeout: self.timeout });
            }
            let kind = kind.map_or_else(|| "nothing".to_owned(), |kind| self.secrets.quote(&String::from_utf8_lossy(kind.as_bytes())));
            return Err(Fault::Unserved(format!("remote read answers with {kind}, not with streamed chunks")));
        }
        let retry_after = retry_after(&response);
        let body = self.body(response).await?;
        match (status.as_u16(), self.refused(status, &body, retry_after)) {
            (400 | 404 | 405 | 415 | 501, Fault::Final(_)) => Err(Fault::Unserved(format!(
                "remote read is answered with status {}: {}",
                status.as_u16(),
                self.secrets.quote(&String::from_utf8_lossy(&body))
            ))),
            (_, fault) => Err(fault),
        }
    }

    /// What the server is told to give up after, so that it says so before we stop listening.
    fn server_timeout_ms(&self) -> i64 {
        (self.timeout * 5 / 6).as_millis() as i64
    }

    async fn matrix(&self, sent: Result<Response, prometheus_http_query::Error>) -> Result<Matrix, Fault> {
        let response = sent.map_err(|error| match &error {
            prometheus_http_query::Error::Client(inner) => {
                inner.inner().map_or_else(|| passing(inner.to_string()), |error| self.broken(error, 0))
            }
            other => passing(other.to_string()),
        })?;
        let (status, retry_after) = (response.status(), retry_after(&response));
        let body = self.body(response).await?;
        if status == StatusCode::OK { whole(&body, &self.secrets) } else { Err(self.refused(status, &body, retry_after)) }
    }

    async fn body(&self, mut response: Response) -> Result<Vec<u8>, Fault> {
        let mut body = Vec::new();
        while let Some(part) = response.chunk().await.map_err(|error| self.broken(&error, body.len() as u64))? {
            body.extend_from_slice(&part);
        }
        Ok(body)
    }

    fn refused(&self, status: StatusCode, body: &[u8], retry_after: Option<Duration>) -> Fault {
        refused(status, body, retry_after, &self.secrets)
    }

    fn broken(&self, error: &reqwest::Error, received: u64) -> Fault {
        broken(error, received, self.timeout)
    }
}

impl Stream {
    /// Whether a cut would be noticed: HTTP/1 without a length or chunks ends where the connection ends.
    pub fn has_an_end(&self) -> bool {
        let headers = self.response.headers();
        self.response.version() >= Version::HTTP_2 || headers.contains_key(TRANSFER_ENCODING) || headers.contains_key(CONTENT_LENGTH)
    }

    /// The next piece; none behind the clean end.
    pub async fn next(&mut self) -> Result<Option<prost::bytes::Bytes>, Fault> {
        let part = self.response.chunk().await.map_err(|error| broken(&error, self.received, self.timeout))?;
        self.received += part.as_ref().map_or(0, |part| part.len() as u64);
        Ok(part)
    }
}

/// Tries, and tries again what may pass by itself.
pub async fn again<T, F: Future<Output = Result<T, Fault>>>(attempt: impl FnMut() -> F) -> Result<T, Fault> {
    let pauses = ExponentialBuilder::new().with_min_delay(Duration::from_millis(500)).with_max_times(RETRIES).with_jitter();
    let tried = attempt
        .retry(pauses)
        .when(|fault| matches!(fault, Fault::Passing { .. }))
        .notify(|fault, pause| tracing::debug!(?fault, ?pause, "asking again"))
        .adjust(|fault, pause| match fault {
            Fault::Passing { retry_after: Some(wanted), .. } => pause.map(|pause| pause.max((*wanted).min(LONGEST_RETRY_AFTER))),
            _ => pause,
        })
        .await;
    tried.map_err(|fault| match fault {
        Fault::Passing { why, .. } => {
            let message = format!("the Prometheus server did not answer after {} attempts: {why}", RETRIES + 1);
            Fault::Final(
                Refusal::new("PROM_UNREACHABLE", Reach::Source, message)
                    .hint("check the URL, that the server is up, and whether it asks for a certificate (`cert_file`, `key_file`)"),
            )
        }
        fault => fault,
    })
}

fn retry_after(response: &Response) -> Option<Duration> {
    let text = response.headers().get(RETRY_AFTER)?.to_str().ok()?;
    pause(text, SystemTime::now())
}

/// `Retry-After` in either of its forms: seconds, or a date.
fn pause(text: &str, now: SystemTime) -> Option<Duration> {
    if let Ok(seconds) = text.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = DateTime::parse_from_rfc2822(text.trim()).ok()?;
    SystemTime::from(date).duration_since(now).ok()
}

pub fn passing(why: String) -> Fault {
    Fault::Passing { why, retry_after: None }
}

/// A connection that failed or broke. The innermost cause says why, and no cause of a `reqwest::Error` but itself holds the URL.
fn broken(error: &reqwest::Error, received: u64, timeout: Duration) -> Fault {
    if error.is_timeout() && error.is_connect() {
        // The system has tried several times within this time.
        let refusal = Refusal::new("PROM_UNREACHABLE", Reach::Source, "the Prometheus server does not take connections");
        return Fault::Final(refusal.hint("check the URL, and what stands between here and the server"));
    }
    if error.is_timeout() && received >= SIGN_OF_LIFE {
        return Fault::TooSlow(format!("{received} bytes came in {} seconds and were not all", timeout.as_secs()));
    }
    if error.is_timeout() {
        let message = format!("the Prometheus server was silent for {} seconds", timeout.as_secs_f64());
        let hint = "check the server's load and what stands before it, or raise `timeout` of the cluster's `prometheus`";
        return Fault::Final(Refusal::new("PROM_TIMEOUT", Reach::Source, message).hint(hint));
    }
    let mut cause = error.source();
    while let Some(deeper) = cause.and_then(std::error::Error::source) {
        cause = Some(deeper);
    }
    let what = if error.is_connect() { "connect" } else { "read" };
    passing(cause.map_or_else(|| format!("{what} failed"), |cause| format!("{what}: {cause}")))
}

/// An answer with status 200: whole, or partial by its own warnings, or cut.
fn whole(body: &[u8], secrets: &Secrets) -> Result<Matrix, Fault> {
    let answer = Answer::from_json(body).map_err(|error| passing(format!("the answer is not whole: {error}")))?;
    let warnings = answer.warnings.unwrap_or_default();
    if !warnings.is_empty() {
        return Err(partial(&secrets.quote(&warnings.join("; "))));
    }
    match answer.data {
        Some(data) if answer.status == "success" => Ok(data.result),
        _ => Err(passing(format!("an answer without data: {} {}", secrets.quote(&answer.error_type), secrets.quote(&answer.error)))),
    }
}

/// An answer that is not all there is.
pub fn partial(why: &str) -> Fault {
    let message = format!("the server's answer is incomplete: {why}");
    let hint = "bring back the store or the remote read that stands behind it, and collect again";
    Fault::Final(Refusal::new("PROM_PARTIAL", Reach::Range, message).hint(hint))
}

/// An answer with another status. Limits and timeouts are told from the words: servers agree on them less than on the codes.
fn refused(status: StatusCode, body: &[u8], retry_after: Option<Duration>, secrets: &Secrets) -> Fault {
    let answer = Answer::from_json(body).ok();
    let (kind, words) = match &answer {
        Some(answer) => (answer.error_type.as_str(), secrets.quote(&answer.error)),
        None => ("", secrets.quote(&String::from_utf8_lossy(body))),
    };
    // «context deadline exceeded» is a server that ran out of its own time while it read series; it comes as 422, and is no limit.
    let says_time = ["deadline exceeded", "timed out"].iter().any(|word| words.to_lowercase().contains(word));
    let says_limit = ["too many samples", "exceed", "limit"].iter().any(|word| words.to_lowercase().contains(word));
    let final_with = |code, reach, hint: &str| {
        let message = format!("the Prometheus server refused ({}): {words}", status.as_u16());
        Fault::Final(Refusal::new(code, reach, message).hint(hint))
    };
    match status.as_u16() {
        422 if says_time => Fault::TooSlow(words),
        400 | 422 if says_limit => Fault::TooLarge(words),
        504 => Fault::TooSlow(format!("status 504: {words}")),
        _ if kind == "timeout" => Fault::TooSlow(words),
        429 | 500 | 502 | 503 => Fault::Passing { why: format!("status {}: {words}", status.as_u16()), retry_after },
        401 | 403 => {
            let hint = "check `token_file`, or `username` and `password_file`, `cert_file` and `tenant` of the cluster's `prometheus`";
            final_with("PROM_DENIED", Reach::Source, hint)
        }
        300..=399 | 404 => {
            final_with("PROM_URL", Reach::Source, "check `url`: it is the part before /api/v1, and redirects are not followed")
        }
        _ => final_with("PROM_REFUSED", Reach::Range, "the server's log says more"),
    }
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
        assert!(matches!(
            refused(StatusCode::UNPROCESSABLE_ENTITY, &json_error("execution", limit), None, &Secrets::default()),
            Fault::TooLarge(_)
        ));
        let slow = "query timed out in expression evaluation";
        assert!(matches!(
            refused(StatusCode::SERVICE_UNAVAILABLE, &json_error("timeout", slow), None, &Secrets::default()),
            Fault::TooSlow(_)
        ));
        let late = json_error("execution", "expanding series: context deadline exceeded");
        assert!(matches!(refused(StatusCode::UNPROCESSABLE_ENTITY, &late, None, &Secrets::default()), Fault::TooSlow(_)));
        let html = b"<html>\nservice unavailable</html>";
        assert!(matches!(refused(StatusCode::SERVICE_UNAVAILABLE, html, None, &Secrets::default()), Fault::Passing { .. }));
        let broken = json_error("execution", "checksum mismatch expected:1, actual:2");
        match refused(StatusCode::UNPROCESSABLE_ENTITY, &broken, None, &Secrets::default()) {
            Fault::Final(refusal) => assert_eq!((refusal.code, refusal.reach), ("PROM_REFUSED", Reach::Range)),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_warning_makes_an_answer_partial() {
        let body = br#"{"status":"success","warnings":["remote_read: error"],"data":{"resultType":"matrix","result":[]}}"#;
        match whole(body, &Secrets::default()) {
            Err(Fault::Final(refusal)) => assert_eq!(refusal.code, "PROM_PARTIAL"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_pause_is_said_in_seconds_or_as_a_date() {
        // RFC 9110, section 10.2.3.
        let now = SystemTime::from(DateTime::parse_from_rfc3339("1999-12-31T23:59:50Z").unwrap());
        assert_eq!(pause(" 120", now), Some(Duration::from_secs(120)));
        assert_eq!(pause("Fri, 31 Dec 1999 23:59:59 GMT", now), Some(Duration::from_secs(9)));
        assert_eq!(pause("Fri, 31 Dec 1999 23:59:40 GMT", now), None);
        assert_eq!(pause("soon", now), None);
    }
}
