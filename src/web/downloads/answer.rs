//! A file as HTTP gives it: whole, in part, or not again (RFC 9110, sections 13 and 14).
//!
//! In: bytes that were checked, what the caller has already and which part it wants. Out: a response. Rule: the ETag is the SHA-256 and strong; a range goes with the file that it was
//! begun with (`If-Range`), else all of it is given; several ranges at once are answered with all of it. It is written down who gets what before the first byte leaves.
//! Does not: read an unchecked byte.

use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::body::Body;
use axum::http::header::{
    ACCEPT_RANGES, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderMap, HeaderName, HeaderValue,
    IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, LAST_MODIFIED, RANGE,
};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use http::{Method, StatusCode};
use http_range_header::{RangeUnsatisfiableError, SyntacticallyCorrectRange, parse_range_header};
use tokio::sync::OwnedSemaphorePermit;

use super::index::{Edition, Name, scope_of};
use super::log::{Line, Underway};
use crate::evidence::Spooled;
use crate::web::access::Who;
use crate::web::metrics::Taken;
use crate::web::{Problem, Shared};

const CHUNK: u64 = 128 * 1024;

/// What a file is, beside its bytes.
pub struct Kind {
    pub month: String,
    pub edition: u32,
    /// As the seal names it.
    pub path: String,
    pub sha256: String,
    pub bytes: u64,
    /// What it is called on the caller's disk.
    file_name: String,
    content_type: &'static str,
    shown: Shown,
    sealed_at: SystemTime,
}

/// What a browser does with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    Saved,
    Read,
}

/// Bytes that were checked.
pub enum Content {
    Memory {
        bytes: Bytes,
        /// The right to so much memory, for as long as it is taken.
        _permit: Option<OwnedSemaphorePermit>,
    },
    File(Arc<Spooled>),
}

impl Content {
    pub fn memory(bytes: Bytes, permit: Option<OwnedSemaphorePermit>) -> Self {
        Self::Memory { bytes, _permit: permit }
    }

    pub fn file(made: Arc<Spooled>) -> Self {
        Self::File(made)
    }

    /// Bytes from a place on, at most so many, and at least one.
    async fn part(&self, at: u64, most: u64) -> io::Result<Bytes> {
        match self {
            Self::Memory { bytes, .. } => {
                let range = usize::try_from(at).ok().zip(usize::try_from(at + most).ok());
                range
                    .and_then(|(from, to)| bytes.get(from..to).map(|part| bytes.slice_ref(part)))
                    .ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
            }
            Self::File(made) => {
                let made = Arc::clone(made);
                let read = move || {
                    let mut part = vec![0; most as usize];
                    made.file.read_exact_at(&mut part, at)?;
                    Ok(Bytes::from(part))
                };
                tokio::task::spawn_blocking(read).await.map_err(io::Error::other)?
            }
        }
    }
}

impl Kind {
    pub fn of(name: &Name, edition: &Edition, shown: Shown) -> Self {
        // `report/report.html` is called report.html; what else has a folder keeps it, since days of clusters are called alike.
        let plain = name.path.strip_prefix("report/").or_else(|| name.path.strip_prefix("ledger/")).unwrap_or(&name.path).replace('/', "-");
        Self {
            month: edition.month().to_owned(),
            edition: edition.number(),
            path: name.path.clone(),
            sha256: name.sha256.clone(),
            bytes: name.bytes,
            file_name: format!("wattledger-{}-{}-{plain}", edition.month(), edition.number()),
            content_type: content_type(&name.path),
            shown,
            sealed_at: sealed_at(edition),
        }
    }

    pub fn of_bundle(made: &Spooled, edition: &Edition) -> Self {
        Self {
            month: edition.month().to_owned(),
            edition: edition.number(),
            path: "bundle.tar.zst".to_owned(),
            sha256: made.sha256.clone(),
            bytes: made.bytes,
            file_name: format!("wattledger-{}-{}.tar.zst", edition.month(), edition.number()),
            content_type: "application/zstd",
            shown: Shown::Saved,
            sealed_at: sealed_at(edition),
        }
    }

    fn etag(&self) -> String {
        format!("\"{}\"", self.sha256)
    }

    fn last_modified(&self) -> String {
        httpdate::fmt_http_date(self.sealed_at)
    }

    /// What every response about it says.
    fn head(&self) -> [(HeaderName, HeaderValue); 3] {
        let value = |text: String| HeaderValue::try_from(text).expect("digests and dates are printable");
        [(ETAG, value(self.etag())), (LAST_MODIFIED, value(self.last_modified())), (ACCEPT_RANGES, HeaderValue::from_static("bytes"))]
    }
}

fn sealed_at(edition: &Edition) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(u64::try_from(edition.sealed.seal.sealed_at.timestamp()).unwrap_or_default())
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "html" => "text/html; charset=utf-8",
        "xhtml" => "application/xhtml+xml",
        "xlsx" => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "json" => "application/json",
        "csv" => "text/csv; charset=utf-8",
        "parquet" => "application/vnd.apache.parquet",
        "toml" => "application/toml",
        "minisig" => "text/plain; charset=utf-8",
        "tsr" => "application/timestamp-reply",
        "pem" => "application/x-pem-file",
        _ => "application/octet-stream",
    }
}

/// 304, where the caller has this very file already.
pub fn unchanged(kind: &Kind, headers: &HeaderMap) -> Option<Response> {
    let is_the_same = if headers.contains_key(IF_NONE_MATCH) {
        // Compared weakly, as this condition is; and then the date does not count.
        let tags = headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
        let etag = kind.etag();
        tags.map(str::trim).any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
    } else {
        let since = headers.get(IF_MODIFIED_SINCE).and_then(|value| httpdate::parse_http_date(value.to_str().ok()?).ok());
        since.is_some_and(|since| kind.sealed_at <= since)
    };
    is_the_same.then(|| (StatusCode::NOT_MODIFIED, kind.head()).into_response())
}

/// Which part is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Whole,
    /// From and to, both included.
    Range(u64, u64),
    Nothing,
}

fn part(kind: &Kind, method: &Method, headers: &HeaderMap) -> Part {
    let mut ranges = headers.get_all(RANGE).iter();
    let (Some(range), None) = (ranges.next(), ranges.next()) else { return Part::Whole };
    // RFC 9110, section 14.2: only GET has ranges, and a condition that does not hold means all of it.
    if *method != Method::GET || !is_begun_with_this(kind, headers) {
        return Part::Whole;
    }
    let Some(parsed) = range.to_str().ok().and_then(|range| parse_range_header(range).ok()) else { return Part::Whole };
    if parsed.len() != 1 {
        return Part::Whole;
    }
    match parsed.validate(kind.bytes) {
        Ok(ranges) => ranges.first().map_or(Part::Nothing, |range| Part::Range(*range.start(), *range.end())),
        Err(RangeUnsatisfiableError::Unsatisfiable) => Part::Nothing,
        // Such as `bytes=-0`: nothing can be given of it.
        Err(_) if is_empty_suffix(&parsed.into_ranges()) => Part::Nothing,
        Err(_) => Part::Whole,
    }
}

fn is_empty_suffix(ranges: &[SyntacticallyCorrectRange]) -> bool {
    matches!(ranges, [SyntacticallyCorrectRange::FromLast(0)])
}

/// `If-Range`: a strong ETag or the exact date; anything else does not hold.
fn is_begun_with_this(kind: &Kind, headers: &HeaderMap) -> bool {
    let Some(condition) = headers.get(IF_RANGE) else { return true };
    condition.to_str().is_ok_and(|condition| condition == kind.etag() || condition == kind.last_modified())
}

/// Gives it, and writes down to whom.
pub async fn give(
    content: Content,
    kind: &Kind,
    who: &Arc<Who>,
    method: &Method,
    headers: &HeaderMap,
    state: &Shared,
) -> Result<Response, Problem> {
    let (status, from, to) = match part(kind, method, headers) {
        Part::Nothing => {
            let range = HeaderValue::try_from(format!("bytes */{}", kind.bytes)).expect("numbers are printable");
            return Ok((StatusCode::RANGE_NOT_SATISFIABLE, kind.head(), [(CONTENT_RANGE, range)]).into_response());
        }
        Part::Range(first, last) => (StatusCode::PARTIAL_CONTENT, first, last + 1),
        Part::Whole => (StatusCode::OK, 0, kind.bytes),
    };
    let mut response = (status, kind.head()).into_response();
    let fields = response.headers_mut();
    fields.insert(CONTENT_TYPE, HeaderValue::from_static(kind.content_type));
    fields.insert(CONTENT_LENGTH, HeaderValue::from(to - from));
    let way = if kind.shown == Shown::Read { "inline" } else { "attachment" };
    let disposition = HeaderValue::try_from(format!("{way}; filename=\"{}\"", kind.file_name)).map_err(|_| Problem::internal())?;
    fields.insert(CONTENT_DISPOSITION, disposition);
    if status == StatusCode::PARTIAL_CONTENT {
        let range = format!("bytes {from}-{}/{}", to - 1, kind.bytes);
        fields.insert(CONTENT_RANGE, HeaderValue::try_from(range).expect("numbers are printable"));
    }
    if *method == Method::GET {
        let line = Line::new(kind, who, (from, to), (state.now)());
        let underway = Arc::clone(&state.downloads.log).begin(line).await.map_err(|error| {
            tracing::error!("write down a download: {error:#}");
            Problem::unavailable("Downloads cannot be written down, so none is given. The server's log says why.").retry_after(60)
        })?;
        state.metrics.downloads.get_or_create(&Taken { scope: scope_of(&kind.path).name() }).inc();
        *response.body_mut() = sending(content, from, to, underway);
    }
    Ok(response)
}

fn sending(content: Content, from: u64, to: u64, underway: Underway) -> Body {
    let parts = stream::unfold((content, from, underway), move |(content, at, mut underway)| async move {
        if at >= to {
            return None;
        }
        let most = CHUNK.min(to - at);
        let part = content.part(at, most).await;
        match &part {
            Ok(part) => underway.sent(part.len() as u64),
            Err(error) => tracing::error!("read what is being sent: {error}"),
        }
        let next = if part.is_ok() { at + most } else { to };
        Some((part, (content, next, underway)))
    });
    Body::from_stream(parts)
}

#[cfg(test)]
mod tests;
