//! Who is asking, and whether they may have it.
//!
//! In: a request's headers, the address that it came from, token file and proxy of the configuration. Out: [`Who`], or a refusal. Rule: nothing is let through that was not
//! allowed by name: no token, a wrong one and one that has run out are told the same; a proxy's word counts only from an address that is listed; without any credential
//! configured the server starts on loopback alone, and answers only to that name. Assumes: whoever writes to the token file may decide who is let in.
//! Does not: keep sessions, or put a token into a log.

mod proxy;
pub mod tokens;

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Result, bail};
use axum::extract::{Request, State as Extract};
use axum::http::header::{AUTHORIZATION, HOST, HeaderMap, HeaderName};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use chrono::{DateTime, Utc};

use self::proxy::Trusted;
use self::tokens::Tokens;
use super::metrics::Denied;
use super::{Problem, Shared};
use crate::config::Serve;
use crate::model::{AccessScope, Hint};

/// How KEDA gives a token where it is told to use an API key.
const API_KEY: HeaderName = HeaderName::from_static("x-api-key");
/// Names under which a server that everybody on the machine may ask is asked; by any other, a page of some web site would be asking.
const OWN_NAMES: [&str; 1] = ["localhost"];

/// The address that a connection came from; the server puts it into each request.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

/// Somebody who was let in: in the extensions of each request behind a scope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Who {
    /// A team, or the user whom a proxy names.
    pub name: String,
    pub way: Way,
    /// Where the connection came from: the proxy's address, where one is between.
    pub peer: IpAddr,
    pub scopes: Vec<AccessScope>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// A token, by its id.
    Token(String),
    /// A proxy's word.
    Proxy,
    /// Anybody: what is asked for is open, or nobody has to say who they are.
    Open,
}

impl Who {
    pub fn may(&self, scope: AccessScope) -> bool {
        self.scopes.contains(&scope)
    }
}

/// Why somebody is not let in: for the log and the metrics; the answer does not tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    NoCredential,
    UnknownToken,
    ExpiredToken,
    /// The token file cannot be read.
    NoTokens,
    Malformed,
}

impl Refused {
    const fn reason(self) -> &'static str {
        match self {
            Self::NoCredential => "no credential",
            Self::UnknownToken => "unknown token",
            Self::ExpiredToken => "expired token",
            Self::NoTokens => "no token file",
            Self::Malformed => "malformed credential",
        }
    }
}

/// Who may have what.
pub struct Access {
    tokens: Option<Tokens>,
    proxy: Option<Trusted>,
    open: Vec<AccessScope>,
}

impl Access {
    /// What the configuration says, for a server that listens on `listen`.
    pub fn new(serve: &Serve, listen: SocketAddr) -> Result<Self> {
        if serve.tokens_file.is_none() && serve.proxy.is_none() && !listen.ip().to_canonical().is_loopback() {
            bail!(Hint::new(
                format!("NO_AUTH: nobody would have to say who they are, and {listen} can be reached from other machines"),
                "name a file of tokens as `tokens_file` in [serve] and make one with `wattledger token new`, or a reverse proxy in [serve.proxy], or listen on 127.0.0.1",
            ));
        }
        let tokens = serve.tokens_file.as_deref().map(|path: &Path| Tokens::open(path)).transpose()?;
        let proxy = serve.proxy.as_ref().map(Trusted::open).transpose()?;
        Ok(Self { tokens, proxy, open: serve.open.clone() })
    }

    /// Nobody has to say who they are.
    fn is_off(&self) -> bool {
        self.tokens.is_none() && self.proxy.is_none()
    }

    pub fn tokens_are_readable(&self) -> Result<()> {
        self.tokens.as_ref().map_or(Ok(()), Tokens::are_readable)
    }

    /// Whether a request names this server as one may: any name, where credentials are asked for. A web page that has its own name point to this machine
    /// (DNS rebinding) sends its own name.
    pub fn is_host_known(&self, headers: &HeaderMap) -> bool {
        if !self.is_off() {
            return true;
        }
        let Some(host) = headers.get(HOST).and_then(|host| host.to_str().ok()) else { return true };
        let name = host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit())).map_or(host, |(name, _)| name);
        let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        OWN_NAMES.contains(&name) || address.is_ok_and(|address| address.is_loopback())
    }

    /// Whether this may be had without saying who one is.
    fn is_open(&self, scopes: &[AccessScope]) -> bool {
        self.is_off() || scopes.iter().any(|scope| self.open.contains(scope))
    }

    /// Who a request comes from.
    pub fn identify(&self, headers: &HeaderMap, peer: IpAddr, now: DateTime<Utc>) -> Result<Who, Refused> {
        if let Some(token) = token(headers)? {
            let Some(tokens) = &self.tokens else { return Err(Refused::UnknownToken) };
            return tokens.find(&token, peer, now);
        }
        match &self.proxy {
            Some(proxy) => proxy.user(headers, peer),
            None => Err(Refused::NoCredential),
        }
    }
}

/// The token that a request carries: as a bearer, as an API key, or as the password of a browser. Two that differ are none.
fn token(headers: &HeaderMap) -> Result<Option<String>, Refused> {
    let mut found: Vec<String> = Vec::new();
    for value in headers.get_all(AUTHORIZATION) {
        let (scheme, rest) = value.to_str().ok().and_then(|value| value.split_once(' ')).ok_or(Refused::Malformed)?;
        found.push(match scheme.to_ascii_lowercase().as_str() {
            "bearer" => rest.trim().to_owned(),
            "basic" => password(rest.trim()).ok_or(Refused::Malformed)?,
            _ => return Err(Refused::Malformed),
        });
    }
    for value in headers.get_all(API_KEY) {
        found.push(value.to_str().map_err(|_| Refused::Malformed)?.trim().to_owned());
    }
    found.dedup();
    match found.len() {
        0 => Ok(None),
        1 => Ok(found.pop()),
        _ => Err(Refused::Malformed),
    }
}

/// Of `user:password` in Base64; the user may be anybody.
fn password(encoded: &str) -> Option<String> {
    let decoded = String::from_utf8(BASE64.decode(encoded).ok()?).ok()?;
    decoded.split_once(':').map(|(_, password)| password.to_owned())
}

/// What a family of routes is behind: one of these scopes.
#[derive(Clone)]
pub struct Guard {
    pub state: Shared,
    pub scopes: Vec<AccessScope>,
}

/// Lets a request through to its route, with [`Who`] in its extensions; or tells it that it may not.
pub async fn require(Extract(guard): Extract<Guard>, mut request: Request, next: Next) -> Response {
    let (state, access) = (&guard.state, &guard.state.access);
    // A request that did not come by way of a connection has no address, and nobody's word is taken for it.
    let peer = request.extensions().get::<Peer>().map_or(IpAddr::from([0, 0, 0, 0]), |peer| peer.0.ip().to_canonical());
    if access.is_open(&guard.scopes) {
        let scopes = if access.is_off() { AccessScope::ALL.to_vec() } else { access.open.clone() };
        request.extensions_mut().insert(Arc::new(Who { name: "anybody".to_owned(), way: Way::Open, peer, scopes }));
        return next.run(request).await;
    }
    match access.identify(request.headers(), peer, (state.now)()) {
        Ok(who) if guard.scopes.iter().any(|scope| who.may(*scope)) => {
            request.extensions_mut().insert(Arc::new(who));
            next.run(request).await
        }
        Ok(who) => {
            tracing::info!(who = %who.name, %peer, route = %request.uri().path(), "not let in: other scope");
            state.metrics.denied.get_or_create(&Denied { reason: "other scope" }).inc();
            Problem::forbidden().into_response()
        }
        Err(refused) => {
            tracing::info!(%peer, route = %request.uri().path(), "not let in: {}", refused.reason());
            state.metrics.denied.get_or_create(&Denied { reason: refused.reason() }).inc();
            Problem::unauthorized().into_response()
        }
    }
}

#[cfg(test)]
mod tests;
