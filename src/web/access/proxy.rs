//! A reverse proxy that says who somebody is.
//!
//! In: headers, the address that the connection came from. Out: the user. Rule: the header counts from listed addresses alone; from any other it is as if it were not there. One that is
//! there twice is not believed: a proxy that adds its own to what a client sent would pass the client's on. Assumes: the proxy takes away what clients send under that name.
//! Does not: look at `X-Forwarded-For`, which anybody can write.

use std::net::IpAddr;

use axum::http::header::HeaderMap;

use super::{Refused, Way, Who};
use crate::config::Proxy;

const LONGEST_NAME: usize = 200;

pub fn user(proxy: &Proxy, headers: &HeaderMap, peer: IpAddr) -> Result<Who, Refused> {
    if !proxy.peers.iter().any(|net| net.contains(&peer)) {
        return Err(Refused::NoCredential);
    }
    let mut values = headers.get_all(proxy.header.as_str()).iter();
    match (values.next(), values.next()) {
        (None, _) => Err(Refused::NoCredential),
        (Some(_), Some(_)) => Err(Refused::Malformed),
        (Some(value), None) => {
            let name = value.to_str().map_err(|_| Refused::Malformed)?.trim();
            if name.is_empty() || name.len() > LONGEST_NAME {
                return Err(Refused::Malformed);
            }
            Ok(Who { name: name.to_owned(), way: Way::Proxy, peer, scopes: proxy.scopes.clone() })
        }
    }
}
