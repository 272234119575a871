//! What holds for every request and every response, whatever the route.
//!
//! In: a request. Out: its response, with headers that tell browsers to trust nothing. Rule: a request without an answer after [`LONGEST_REQUEST`] gets one, a body where
//! none belongs is not read, and a route that sets a header of its own keeps it. Does not: know the routes.

use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State as Extract};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, REFERRER_POLICY, TRANSFER_ENCODING, VARY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{Method, StatusCode};

use super::Shared;
use super::problem::{self, Problem};

/// From the last header to the first byte of the answer.
pub const LONGEST_REQUEST: Duration = Duration::from_secs(30);
/// Of a request that may have a body at all.
const LARGEST_BODY: u64 = 64 * 1024;

const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
const CROSS_ORIGIN_OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

const HARD: [(HeaderName, &str); 7] = [
    (CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
    (REFERRER_POLICY, "no-referrer"),
    (CROSS_ORIGIN_RESOURCE_POLICY, "same-origin"),
    (CROSS_ORIGIN_OPENER_POLICY, "same-origin"),
    (CACHE_CONTROL, "no-store"),
];

/// Counts, limits and answers a request.
pub async fn surface(Extract(state): Extract<Shared>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let is_for_browser = problem::is_browser(request.headers());
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let response = match refusal(&state, &request) {
        Some(problem) => problem.into_response(),
        None => match tokio::time::timeout(LONGEST_REQUEST, next.run(request)).await {
            Ok(response) => response,
            Err(_) => Problem::unavailable("This took too long. Try again later.").retry_after(10).into_response(),
        },
    };
    state.metrics.answered(&method, route.as_ref().map(MatchedPath::as_str), response.status(), started.elapsed());
    problem::as_page(response, is_for_browser)
}

/// Why a request is not even looked at.
fn refusal(state: &Shared, request: &Request) -> Option<Problem> {
    let headers = request.headers();
    let length = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    let is_chunked = headers.contains_key(TRANSFER_ENCODING);
    let can_have_body = ![Method::GET, Method::HEAD].contains(request.method());
    // A body without a length cannot be told from an endless one before it is read.
    let largest = if can_have_body { LARGEST_BODY } else { 0 };
    if is_chunked || length.is_some_and(|length| length > largest) {
        return Some(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "A request has no body here, or a small one that says its length."));
    }
    (!state.access.is_host_known(headers)).then(|| {
        Problem::new(StatusCode::MISDIRECTED_REQUEST, "Without tokens this server answers on this machine only, by the name localhost.")
    })
}

/// Puts the headers on that no route has set.
pub async fn harden(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in HARD {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    headers.append(VARY, HeaderValue::from_static("Accept, Authorization"));
    response
}
