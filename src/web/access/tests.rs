//! Who is let in, and that all others are told the same.

use std::fs;
use std::net::SocketAddr;

use axum::http::HeaderValue;
use chrono::TimeDelta;
use tempfile::TempDir;

use super::tokens::{LONGEST_DAYS, as_text, make, read};
use super::*;
use crate::config::Proxy;

fn now() -> DateTime<Utc> {
    "2026-11-30T12:00:00Z".parse().unwrap()
}

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn serve(folder: &TempDir, is_with_proxy: bool) -> Serve {
    Serve {
        listen: address("0.0.0.0:80"),
        tokens_file: Some(folder.path().join("tokens.toml")),
        proxy: is_with_proxy.then(|| Proxy {
            peers: vec!["10.1.0.0/16".parse().unwrap()],
            header: "x-forwarded-user".to_owned(),
            secret_file: None,
            scopes: vec![AccessScope::Reports],
        }),
        open: Vec::new(),
        connections: 1,
        downloads_log: None,
        spool: None,
    }
}

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(HeaderName::try_from(*name).unwrap(), HeaderValue::from_str(value).unwrap());
    }
    headers
}

/// An access with one token of these scopes, which is given too.
fn with_token(scopes: &[AccessScope], days: u64) -> (TempDir, Access, String) {
    let folder = TempDir::new().unwrap();
    let (token, entry) = make("finance", scopes, days, now()).unwrap();
    fs::write(folder.path().join("tokens.toml"), as_text(&entry).unwrap()).unwrap();
    let access = Access::new(&serve(&folder, true), address("0.0.0.0:80")).unwrap();
    (folder, access, token)
}

#[test]
fn a_token_is_known_however_it_is_given_and_the_file_does_not_hold_it() {
    let (folder, access, token) = with_token(&[AccessScope::Reports, AccessScope::Ledger], 30);
    let basic = format!("Basic {}", BASE64.encode(format!("anybody:{token}")));

    for given in [("authorization", format!("Bearer {token}")), ("authorization", basic), ("x-api-key", token.clone())] {
        let who = access.identify(&headers(&[(given.0, &given.1)]), [192, 0, 2, 1].into(), now()).unwrap();
        assert_eq!((who.name.as_str(), who.scopes.as_slice()), ("finance", [AccessScope::Reports, AccessScope::Ledger].as_slice()));
    }
    let kept = fs::read_to_string(folder.path().join("tokens.toml")).unwrap();
    assert!(token.starts_with("wattledger_") && token.len() > 50 && !kept.contains(&token[11..]), "{kept}");
}

#[test]
fn wrong_expired_premature_malformed_and_contradicting_tokens_are_refused() {
    let (_folder, access, token) = with_token(&[AccessScope::Reports], 30);
    let bearer = format!("Bearer {token}");
    let of = |pairs: &[(&str, &str)], at: DateTime<Utc>| access.identify(&headers(pairs), [192, 0, 2, 1].into(), at).unwrap_err();

    assert_eq!(of(&[], now()), Refused::NoCredential);
    assert_eq!(of(&[("authorization", &format!("{bearer}x"))], now()), Refused::UnknownToken);
    assert_eq!(of(&[("authorization", "Bearer ")], now()), Refused::UnknownToken);
    assert_eq!(of(&[("authorization", &bearer)], now() + TimeDelta::days(30)), Refused::ExpiredToken);
    assert_eq!(of(&[("authorization", &bearer)], now() - TimeDelta::seconds(1)), Refused::ExpiredToken);
    assert_eq!(of(&[("authorization", &format!("Digest {token}"))], now()), Refused::Malformed);
    assert_eq!(of(&[("authorization", "Basic !")], now()), Refused::Malformed);
    assert_eq!(of(&[("authorization", &bearer), ("x-api-key", "other")], now()), Refused::Malformed);
    // What is kept opens nothing (as a hash did in GHSA-4v48-4q5m-8vx4).
    let digest = read(&_folder.path().join("tokens.toml")).unwrap()[0].sha256.clone();
    assert_eq!(of(&[("authorization", &format!("Bearer {digest}"))], now()), Refused::UnknownToken);
}

#[test]
fn a_proxy_is_believed_from_its_address_alone() {
    let (_folder, access, _) = with_token(&[AccessScope::Reports], 30);
    let user = headers(&[("x-forwarded-user", "ada")]);

    let who = access.identify(&user, [10, 1, 2, 3].into(), now()).unwrap();
    assert_eq!((who.name.as_str(), who.way, who.scopes), ("ada", Way::Proxy, vec![AccessScope::Reports]));
    assert_eq!(access.identify(&user, [10, 2, 0, 1].into(), now()), Err(Refused::NoCredential));
    let forwarded = headers(&[("x-forwarded-user", "ada"), ("x-forwarded-for", "10.1.2.3")]);
    assert_eq!(access.identify(&forwarded, [192, 0, 2, 1].into(), now()), Err(Refused::NoCredential));
    let twice = headers(&[("x-forwarded-user", "eve"), ("x-forwarded-user", "ada")]);
    assert_eq!(access.identify(&twice, [10, 1, 2, 3].into(), now()), Err(Refused::Malformed));
    // A credential that is wrong is not made good by the proxy.
    let both = headers(&[("x-forwarded-user", "ada"), ("authorization", "Bearer wrong")]);
    assert_eq!(access.identify(&both, [10, 1, 2, 3].into(), now()), Err(Refused::UnknownToken));
}

#[test]
fn a_proxy_with_a_secret_is_believed_with_it_alone() {
    let folder = TempDir::new().unwrap();
    let mut serve = Serve { tokens_file: None, ..serve(&folder, true) };
    serve.proxy.as_mut().unwrap().secret_file = Some(folder.path().join("secret"));
    fs::write(folder.path().join("secret"), "short\n").unwrap();
    assert!(Access::new(&serve, address("0.0.0.0:80")).is_err());
    fs::write(folder.path().join("secret"), "correct-horse-battery-staple\n").unwrap();
    let access = Access::new(&serve, address("0.0.0.0:80")).unwrap();
    let from_proxy = |secret: &[(&str, &str)]| {
        access.identify(&headers(&[&[("x-forwarded-user", "ada")], secret].concat()), [10, 1, 2, 3].into(), now()).map(|who| who.name)
    };

    assert_eq!(from_proxy(&[("x-proxy-secret", "correct-horse-battery-staple")]).unwrap(), "ada");
    assert_eq!(from_proxy(&[("x-proxy-secret", "correct-horse-battery-stapl")]), Err(Refused::NoCredential));
    assert_eq!(from_proxy(&[]), Err(Refused::NoCredential));
}

#[test]
fn without_any_credential_it_starts_on_loopback_alone_and_answers_to_no_other_name() {
    let folder = TempDir::new().unwrap();
    let nothing = Serve { tokens_file: None, ..serve(&folder, false) };

    for reachable in ["0.0.0.0:80", "192.0.2.1:80", "[::]:80", "[::ffff:192.0.2.1]:80"] {
        let error = Access::new(&nothing, address(reachable)).err().unwrap();
        assert!(error.to_string().starts_with("NO_AUTH: "), "{error}");
    }
    for loopback in ["127.0.0.1:80", "[::1]:80", "[::ffff:127.0.0.1]:80"] {
        let access = Access::new(&nothing, address(loopback)).unwrap();
        for host in ["localhost", "localhost:8080", "127.0.0.1:8080", "[::1]:8080"] {
            assert!(access.is_host_known(&headers(&[("host", host)])), "{host}");
        }
        for host in ["attacker.example", "attacker.example:8080", "localhost.attacker.example", "192.0.2.1:80"] {
            assert!(!access.is_host_known(&headers(&[("host", host)])), "{host}");
        }
    }
    let (_folder, access, _) = with_token(&[AccessScope::Reports], 1);
    assert!(access.is_host_known(&headers(&[("host", "reports.example")])));
}

#[test]
fn a_token_file_that_holds_a_token_or_lasts_too_long_is_refused_without_repeating_it() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("tokens.toml");
    let (token, entry) = make("finance", &[AccessScope::Reports], LONGEST_DAYS, now()).unwrap();
    let with = |change: &dyn Fn(&mut tokens::Entry)| {
        let mut entry = entry.clone();
        change(&mut entry);
        as_text(&entry).unwrap()
    };

    for (text, said) in [
        (with(&|entry| entry.sha256 = token.clone()), "does not belong here"),
        (with(&|entry| entry.expires += TimeDelta::seconds(1)), "does not end within 90 days"),
        (with(&|entry| entry.scopes.clear()), "has no scope"),
        (with(&|_| ()).repeat(2), "two tokens have the id"),
        (format!("token = \"{token}\""), "line 1: this is not a table"),
        (with(&|_| ()).replace("team =", "secret ="), "this is not a table"),
    ] {
        fs::write(&path, text).unwrap();
        let error = format!("{:#}", read(&path).unwrap_err());
        assert!(error.contains(said) && !error.contains(&token), "{error}");
    }
}

#[test]
fn a_token_that_is_taken_out_of_the_file_ends_and_a_broken_file_lets_nobody_in() {
    let (folder, access, token) = with_token(&[AccessScope::Reports], 30);
    let path = folder.path().join("tokens.toml");
    let ask = || {
        std::thread::sleep(std::time::Duration::from_millis(1_100));
        access.identify(&headers(&[("authorization", &format!("Bearer {token}"))]), [192, 0, 2, 1].into(), now())
    };
    let text = fs::read_to_string(&path).unwrap();

    fs::write(&path, "").unwrap();
    assert_eq!(ask(), Err(Refused::UnknownToken));
    fs::write(&path, format!("{text}[[token]")).unwrap();
    assert_eq!(ask(), Err(Refused::NoTokens));
    assert!(access.tokens_are_readable().is_err());
    fs::write(&path, text).unwrap();
    assert!(ask().is_ok());
}
