//! Who answered.

use serde::{Deserialize, Serialize};

/// A server that was asked, as far as an auditor may know it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// Without a user's name, a password or a query.
    pub url: String,
    /// What the server says that it is, where it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

impl Endpoint {
    pub fn new(url: &str, version: Option<String>) -> Self {
        let url = url.split(['?', '#']).next().unwrap_or_default();
        let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
        let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let host = host.rsplit('@').next().unwrap_or_default();
        let url = if scheme.is_empty() { format!("{host}{path}") } else { format!("{scheme}://{host}{path}") };
        Self { url: url.trim_end_matches('/').to_owned(), version }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_kept_without_what_may_be_secret() {
        for (url, expected) in [
            ("http://127.0.0.1:9090", "http://127.0.0.1:9090"),
            ("https://mimir.example/prometheus/", "https://mimir.example/prometheus"),
            ("https://user:hunter2@mimir.example/prometheus?token=hunter2#hunter2", "https://mimir.example/prometheus"),
            ("https://us@er:hunter2@[2001:db8::1]:9090", "https://[2001:db8::1]:9090"),
            ("https://host?hunter2@x", "https://host"),
        ] {
            assert_eq!(Endpoint::new(url, None).url, expected);
        }
    }
}
