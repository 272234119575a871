//! What is said when something cannot be had (RFC 9457).
//!
//! In: a status, a code in capitals where there is one, a sentence. Out: `application/problem+json`, and a page where a browser asks. Rule: the sentence
//! is for strangers: it names no path, no address, no other's data, and is the same whoever asks. Does not: log.

use std::any::Any;
use std::borrow::Cow;

use askama::Template;
use axum::body::Body;
use axum::http::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

pub const JSON: &str = "application/problem+json";
/// The two ways in which a token is given: by programs, and by browsers, which ask for a password.
const CHALLENGES: [&str; 2] = ["Bearer realm=\"wattledger\"", "Basic realm=\"wattledger\", charset=\"UTF-8\""];

/// Why there is no answer.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Problem {
    /// The status of the response.
    pub status: u16,
    /// What the status is called.
    pub title: &'static str,
    /// A code in capitals, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<Cow<'static, str>>,
    /// A sentence for people.
    pub detail: String,
    #[serde(skip)]
    retry_after_s: Option<u32>,
}

impl Problem {
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            status: status.as_u16(),
            title: status.canonical_reason().unwrap_or("Problem"),
            code: None,
            detail: detail.into(),
            retry_after_s: None,
        }
    }

    pub fn code(self, code: impl Into<Cow<'static, str>>) -> Self {
        Self { code: Some(code.into()), ..self }
    }

    /// When to ask again.
    pub fn retry_after(self, seconds: u32) -> Self {
        Self { retry_after_s: Some(seconds), ..self }
    }

    /// Nobody in particular is asking. One sentence whatever the reason: it tells nothing of tokens.
    pub fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "Sign in with a token that is valid: in a browser, put it where the password is asked for.")
    }

    /// Somebody is asking who may not. The same for what is there and for what is not.
    pub fn forbidden() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "Your token is valid, and not for this. Ask whoever gave it to you for one with the scope that you need.",
        )
    }

    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "There is nothing here.")
    }

    /// What went wrong is in the server's log.
    pub fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong. The server's log says what.")
    }

    pub fn unavailable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, detail)
    }

    fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).expect("it was made from a status")
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let json = serde_json::to_vec(&self).expect("plain values are written as JSON");
        let mut response = (self.status(), [(CONTENT_TYPE, HeaderValue::from_static(JSON))], json).into_response();
        let headers = response.headers_mut();
        if self.status() == StatusCode::UNAUTHORIZED {
            for challenge in CHALLENGES {
                headers.append(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
            }
        }
        if let Some(seconds) = self.retry_after_s {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        // For `as_page`, which knows who asks.
        response.extensions_mut().insert(self);
        response
    }
}

#[derive(Template)]
#[template(path = "web/problem.html")]
struct Page<'a> {
    problem: &'a Problem,
}

/// The same problem as a page, where the request came from a browser.
pub fn as_page(response: Response, is_for_browser: bool) -> Response {
    let Some(problem) = response.extensions().get::<Problem>().filter(|_| is_for_browser).cloned() else { return response };
    let Ok(page) = (Page { problem: &problem }).render() else { return response };
    let (mut head, _) = response.into_parts();
    head.headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    Response::from_parts(head, Body::from(page))
}

/// Whether pages are wanted.
pub fn is_browser(headers: &HeaderMap) -> bool {
    headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).is_some_and(|accept| accept.contains("text/html"))
}

pub async fn not_found() -> Problem {
    Problem::not_found()
}

pub async fn method_not_allowed() -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "This can only be read.")
}

/// A panic is a defect of ours; the connection survives it.
pub fn of_panic(panic: Box<dyn Any + Send + 'static>) -> Response {
    let words = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    tracing::error!("a request panicked: {}", words.unwrap_or("without a word"));
    Problem::internal().into_response()
}
