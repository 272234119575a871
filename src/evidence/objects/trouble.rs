//! What a bucket's errors mean and what to do about them.
//!
//! Rule: the key is named; of a server's reply only its code and its sentence are repeated, since the rest may hold what was signed.

use std::error::Error as StdError;

use anyhow::Error;
use object_store::Error as StoreError;
use object_store::client::{HttpError, HttpErrorKind};

use crate::model::Hint;

const LONGEST_QUOTE: usize = 300;

/// An error with its code and advice; `doing` is a lowercase fragment that names the key.
pub fn trouble(error: &StoreError, doing: &str) -> Error {
    let cause = innermost(error);
    // The library names some refusals, and hands on those of others, such as of a list, as the server said them.
    let (code, advice) = match (error, status(&cause)) {
        _ if lacks_credentials(error) => (
            "STORE_DENIED",
            "set credentials in the environment (for S3 AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, for Google Cloud Storage GOOGLE_APPLICATION_CREDENTIALS), \
             or give the pod or the machine an identity; they are never read from the configuration",
        ),
        (StoreError::PermissionDenied { .. } | StoreError::Unauthenticated { .. }, _) | (_, Some(401 | 403)) => (
            "STORE_DENIED",
            "let the identity list, read, write and delete below the evidence's prefix; credentials come from the environment or the pod's identity",
        ),
        (StoreError::NotFound { .. }, _) | (_, Some(404)) => ("STORE_MISSING", "make the bucket first, or mend `dir` in [evidence]"),
        (StoreError::NotImplemented { .. } | StoreError::NotSupported { .. }, _) | (_, Some(501)) => (
            "STORE_CONDITION",
            "evidence needs a store that writes only where nothing is (If-None-Match) and where nothing has changed (If-Match)",
        ),
        (_, Some(429 | 500..)) => OUT_OF_REACH,
        _ if is_out_of_reach(error) => OUT_OF_REACH,
        _ => (
            "STORE_FAILED",
            "look at `dir`, `endpoint` and `region` in [evidence], at the cloud's variables in the environment, and at the bucket's own log",
        ),
    };
    let without = if lacks_credentials(error) { "no credentials were found, and the machine's own identity was refused: " } else { "" };
    Error::new(Hint::new(format!("{code}: {doing}: {without}{}", told(&cause)), advice))
}

const OUT_OF_REACH: (&str, &str) = (
    "STORE_UNREACHABLE",
    "look at the network, and at `endpoint` in [evidence], then run this again; what was complete before is still there",
);

/// The last sentence of an error's chain: what the server or the network said. Of a file of credentials that is none, only where, since what stands there may
/// be a secret.
fn innermost(error: &StoreError) -> String {
    let mut innermost: &(dyn StdError + 'static) = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    let said = innermost.to_string();
    match innermost.downcast_ref::<serde_json::Error>() {
        Some(error) if said.starts_with("invalid ") => {
            format!("they are not what is expected at line {}, column {}", error.line(), error.column())
        }
        _ => said,
    }
}

/// The status of a reply that the library quotes.
fn status(cause: &str) -> Option<u16> {
    cause.split_once("status code: ")?.1.get(..3)?.parse().ok()
}

/// Of a reply in XML its code and message, else its first words.
fn told(cause: &str) -> String {
    let told = match (between(cause, "<Code>", "</Code>"), between(cause, "<Message>", "</Message>")) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code.to_owned(),
        // A page of some proxy, or nothing at all behind the status.
        _ => cause.split('<').next().unwrap_or_default().trim_end_matches([':', ' ', '\n']).to_owned(),
    };
    let line = told.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().take(LONGEST_QUOTE).collect()
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(start)?;
    Some(rest.split_once(end)?.0)
}

fn is_out_of_reach(error: &StoreError) -> bool {
    let mut link: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(error) = link {
        if error.downcast_ref::<HttpError>().is_some_and(|error| error.kind() != HttpErrorKind::Decode) {
            return true;
        }
        link = error.source();
    }
    false
}

/// Where no credentials are found, the machine's metadata service is asked, and does not give any.
fn lacks_credentials(error: &StoreError) -> bool {
    let text = error.to_string();
    ["http://169.254.", "http://metadata.google.internal"].iter().any(|address| text.contains(address))
}
