//! A reverse proxy that says who somebody is.
//!
//! In: headers, the address that the connection came from. Out: the user. Rule: the header counts from listed addresses alone, and where a secret is configured, with it; else it is as if it were not there. One that is
//! there twice is not believed: a proxy that adds its own to what a client sent would pass the client's on. Assumes: the proxy takes away what clients send under that name.
//! Does not: look at `X-Forwarded-For`, which anybody can write.

use std::fs;
use std::net::IpAddr;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use axum::http::header::HeaderMap;
use subtle::ConstantTimeEq;

use super::{Refused, Way, Who};
use crate::config::Proxy;
use crate::model::sha256;

const LONGEST_NAME: usize = 200;
const SHORTEST_SECRET: usize = 20;

/// In which the proxy shows its secret.
const SECRET: &str = "x-proxy-secret";

/// A proxy, and what it has to show.
pub struct Trusted {
    proxy: Proxy,
    /// SHA-256 in hex.
    secret: Option<String>,
}

impl Trusted {
    pub fn open(proxy: &Proxy) -> Result<Self> {
        let read = |path: &PathBuf| -> Result<String> {
            let text = fs::read_to_string(path).with_context(|| format!("read the proxy's secret {}", path.display()))?;
            ensure!(text.trim().len() >= SHORTEST_SECRET, "{} holds less than {SHORTEST_SECRET} characters", path.display());
            Ok(sha256(text.trim()))
        };
        Ok(Self { secret: proxy.secret_file.as_ref().map(read).transpose()?, proxy: proxy.clone() })
    }

    fn is_shown(&self, headers: &HeaderMap) -> bool {
        let Some(secret) = &self.secret else { return true };
        let shown = headers.get(SECRET).and_then(|value| value.to_str().ok()).unwrap_or_default();
        sha256(shown).as_bytes().ct_eq(secret.as_bytes()).into()
    }

    pub fn user(&self, headers: &HeaderMap, peer: IpAddr) -> Result<Who, Refused> {
        if !self.proxy.peers.iter().any(|net| net.contains(&peer)) || !self.is_shown(headers) {
            return Err(Refused::NoCredential);
        }
        let mut values = headers.get_all(self.proxy.header.as_str()).iter();
        match (values.next(), values.next()) {
            (None, _) => Err(Refused::NoCredential),
            (Some(_), Some(_)) => Err(Refused::Malformed),
            (Some(value), None) => {
                let name = value.to_str().map_err(|_| Refused::Malformed)?.trim();
                if name.is_empty() || name.len() > LONGEST_NAME {
                    return Err(Refused::Malformed);
                }
                Ok(Who { name: name.to_owned(), way: Way::Proxy, peer, scopes: self.proxy.scopes.clone() })
            }
        }
    }
}
