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
    let told = told(error);
    let (code, advice) = match error {
        _ if lacks_credentials(&told) => (
            "STORE_DENIED",
            "no credentials were found: set them in the environment (for S3 AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY), or give the pod or the machine an \
             identity; they are never read from the configuration",
        ),
        StoreError::PermissionDenied { .. } | StoreError::Unauthenticated { .. } => (
            "STORE_DENIED",
            "let the identity list, read, write and delete below the evidence's prefix; credentials come from the environment or the pod's identity",
        ),
        StoreError::NotFound { .. } => ("STORE_MISSING", "make the bucket first, or mend `dir` in [evidence]"),
        StoreError::NotImplemented { .. } | StoreError::NotSupported { .. } => (
            "STORE_CONDITION",
            "evidence needs a store that writes only where nothing is (If-None-Match) and where nothing has changed (If-Match)",
        ),
        _ if is_out_of_reach(error, &told) => (
            "STORE_UNREACHABLE",
            "look at the network, and at `endpoint` in [evidence], then run this again; what was complete before is still there",
        ),
        _ => ("STORE_FAILED", "look at `dir`, `endpoint` and `region` in [evidence], and at the bucket's own log"),
    };
    Error::new(Hint::new(format!("{code}: {doing}: {told}"), advice))
}

/// The innermost sentence of an error's chain; of a reply in XML its code and message.
fn told(error: &StoreError) -> String {
    let mut innermost: &dyn StdError = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    let text = innermost.to_string();
    let told = match (between(&text, "<Code>", "</Code>"), between(&text, "<Message>", "</Message>")) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code.to_owned(),
        // A page of some proxy, or nothing at all behind the status.
        _ => text.split('<').next().unwrap_or_default().trim_end_matches([':', ' ', '\n']).to_owned(),
    };
    let line = told.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().take(LONGEST_QUOTE).collect()
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(start)?;
    Some(rest.split_once(end)?.0)
}

fn is_out_of_reach(error: &StoreError, told: &str) -> bool {
    let mut by_network = false;
    let mut link: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(error) = link {
        by_network |= error.downcast_ref::<HttpError>().is_some_and(|error| error.kind() != HttpErrorKind::Decode);
        link = error.source();
    }
    by_network
        || ["status code: 5", "status code: 429", "SlowDown", "InternalError", "ServiceUnavailable"].iter().any(|sign| told.contains(sign))
}

/// Where no credentials are found, the machine's metadata service is asked, and is not there.
fn lacks_credentials(told: &str) -> bool {
    ["169.254.169.254", "169.254.170.2", "metadata.google.internal"].iter().any(|address| told.contains(address))
}
