//! The address of a Spark Connect server.

use std::fmt;
use std::str::FromStr;

use super::Hint;

/// `sc://host:port`, as Spark Connect writes it (Apache Spark, "Client connection string"); without its parameters, which are keys of [engine] here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineAddress {
    /// A name or an address; one of IPv6 in brackets.
    pub host: String,
    pub port: u16,
}

const SCHEME: &str = "sc://";
/// The port of a Spark Connect server where none is named.
const PORT: u16 = 15002;

impl EngineAddress {
    /// Whether it is this machine: only there may a token travel without TLS.
    pub fn is_loopback(&self) -> bool {
        matches!(self.host.as_str(), "localhost" | "127.0.0.1" | "[::1]")
    }
}

impl FromStr for EngineAddress {
    type Err = Hint;

    /// What was written is not repeated in the error: it may hold a token.
    fn from_str(text: &str) -> Result<Self, Hint> {
        let shape =
            || Hint::new("this is not the address of a Spark Connect server", "write it as sc://host:port, as in sc://127.0.0.1:15002");
        let rest = text.strip_prefix(SCHEME).ok_or_else(shape)?;
        let (authority, parameters) = rest.split_once('/').unwrap_or((rest, ""));
        if !parameters.is_empty() || authority.contains([';', '@']) {
            return Err(Hint::new(
                "parameters, names and tokens do not belong into the address of a Spark Connect server",
                "name a file with the token as `token_file`, and `tls = true`, in [engine]",
            ));
        }
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port.parse().map_err(|_| shape())?),
            _ => (authority, PORT),
        };
        let is_ipv6 = host.starts_with('[') && host.ends_with(']') && host.len() > 2;
        let is_name = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'));
        if !is_ipv6 && !is_name(host) {
            return Err(shape());
        }
        Ok(Self { host: host.to_ascii_lowercase(), port })
    }
}

impl fmt::Display for EngineAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}:{}", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_as_spark_writes_it() {
        let read = |text: &str| text.parse::<EngineAddress>().map(|address| address.to_string());
        assert_eq!(read("sc://127.0.0.1:50051").unwrap(), "sc://127.0.0.1:50051");
        assert_eq!(read("sc://Spark.example/").unwrap(), "sc://spark.example:15002");
        assert_eq!(read("sc://[::1]:7").unwrap(), "sc://[::1]:7");
        assert_eq!(read("sc://[::1]").unwrap(), "sc://[::1]:15002");
        for wrong in ["", "spark", "sc://", "sc://:7", "sc://a:b", "sc://a b", "http://a:1", "sc://a:99999", "sc://[]"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        assert!("sc://localhost".parse::<EngineAddress>().unwrap().is_loopback());
        assert!(!"sc://spark.example".parse::<EngineAddress>().unwrap().is_loopback());
    }

    #[test]
    fn a_token_in_an_address_is_refused_and_not_repeated() {
        for text in ["sc://a:1/;token=s3cret", "sc://a;token=s3cret", "sc://me:s3cret@a:1"] {
            let error = text.parse::<EngineAddress>().unwrap_err();
            assert!(error.advice().contains("token_file"), "{text}");
            assert!(!error.to_string().contains("s3cret"), "{error}");
        }
    }
}
