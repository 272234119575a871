//! `[serve]`: where the server listens, and who is let in.
//!
//! In: the table as written. Out: [`Serve`]. Rule: who may have what is said, never assumed: scopes that show what the organisation used cannot be open to
//! everybody, and a proxy without peers is trusted by nobody. Does not: open the token file, or listen.

// Addresses as plain values: nothing here reaches for a network.
use core::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail, ensure};
use ipnet::IpNet;

use super::raw;
use crate::model::{AccessScope, Hint};

const DEFAULT_LISTEN: &str = "127.0.0.1:8080";
const DEFAULT_CONNECTIONS: usize = 512;
/// Each connection is a file that is open.
const MOST_CONNECTIONS: usize = 10_000;
/// Headers that say something else already.
const TAKEN_HEADERS: [&str; 7] = ["authorization", "cookie", "host", "x-api-key", "x-proxy-secret", "range", "if-none-match"];

/// How the server is run.
#[derive(Clone, Debug)]
pub struct Serve {
    pub listen: SocketAddr,
    /// Tokens by team, hashed.
    pub tokens_file: Option<PathBuf>,
    pub proxy: Option<Proxy>,
    /// What anybody may have who reaches the server.
    pub open: Vec<AccessScope>,
    /// How many connections there may be at once.
    pub connections: usize,
    /// Where each download is written down; stdout where none is named.
    pub downloads_log: Option<PathBuf>,
    /// Where bundles and large files are put together; the system's folder for temporary files where none is named.
    pub spool: Option<PathBuf>,
}

/// A reverse proxy that has found out who somebody is.
#[derive(Clone, Debug)]
pub struct Proxy {
    /// Whose word is taken.
    pub peers: Vec<IpNet>,
    /// In which it says who.
    pub header: String,
    /// What it shows besides, so that another machine with one of its addresses is not believed.
    pub secret_file: Option<PathBuf>,
    /// What those may have whom it lets through.
    pub scopes: Vec<AccessScope>,
}

/// An address and a port, as after `--listen` and in the configuration.
pub fn listen_address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| format!("`{text}` is not an address with a port; write it as 127.0.0.1:8080, 0.0.0.0:8080 or [::1]:8080"))
}

pub(super) fn serve(raw: raw::Serve, folder: &Path) -> Result<Serve> {
    if let Some(scope) = raw.open.iter().find(|scope| scope.is_confidential()) {
        bail!(Hint::new(
            format!("[serve]: `open` names `{scope}`, which shows what the organisation used"),
            "give a team a token for it: `wattledger token new --team NAME --scope reports`",
        ));
    }
    let connections = raw.connections.unwrap_or(DEFAULT_CONNECTIONS);
    ensure!((1..=MOST_CONNECTIONS).contains(&connections), "[serve]: `connections` is a number from 1 to {MOST_CONNECTIONS}");
    let listen = listen_address(raw.listen.as_deref().unwrap_or(DEFAULT_LISTEN)).map_err(|error| anyhow!("[serve]: `listen`: {error}"))?;
    let file = |name: Option<String>| name.map(|name| folder.join(name));
    Ok(Serve {
        listen,
        tokens_file: file(raw.tokens_file),
        proxy: raw.proxy.map(|raw| proxy(raw, folder)).transpose().context("[serve.proxy]")?,
        open: raw.open,
        connections,
        downloads_log: file(raw.downloads_log),
        spool: file(raw.spool),
    })
}

fn proxy(raw: raw::ServeProxy, folder: &Path) -> Result<Proxy> {
    ensure!(!raw.peers.is_empty(), "`peers` is empty: nobody's word would be taken");
    ensure!(!raw.scopes.is_empty(), "`scopes` is empty: whoever comes through the proxy could have nothing");
    let header = raw.header.to_ascii_lowercase();
    let is_name = !header.is_empty() && header.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    ensure!(is_name && !TAKEN_HEADERS.contains(&header.as_str()), "`header`: `{}` cannot say who somebody is", raw.header.escape_debug());
    let peers = raw.peers.iter().map(|text| peer(text)).collect::<Result<_>>()?;
    Ok(Proxy { peers, header, secret_file: raw.secret_file.map(|name| folder.join(name)), scopes: raw.scopes })
}

/// `10.1.2.3`, or a network as `10.1.2.0/24`.
fn peer(text: &str) -> Result<IpNet> {
    let net = text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
    let Some(net) = net else {
        bail!(Hint::new(
            format!("`peers`: `{}` is neither an address nor a network", text.escape_debug()),
            "write them as \"10.1.2.3\" or \"10.1.2.0/24\"; names are not looked up",
        ));
    };
    if net.prefix_len() == 0 {
        bail!(Hint::new(
            format!("`peers`: `{text}` is everybody, and whoever writes the header would be whom they like"),
            "name the addresses of the proxy itself",
        ));
    }
    Ok(net)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn read(serve: &str) -> Result<Serve, String> {
        let text = format!(
            "[organisation]\nname = \"Example BV\"\ntime_zone = \"UTC\"\n[[cluster]]\nname = \"a\"\nboundary = \"owned\"\ngrid_zone = \"NL\"\npue = 1.2\n{serve}"
        );
        let config = Config::from_bytes(text.as_bytes(), Path::new("/etc/wattledger/wattledger.toml"));
        config.map(|config| config.serve).map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn without_the_table_it_listens_on_loopback_and_lets_nobody_in_by_name() {
        let serve = read("").unwrap();

        assert!(serve.listen.ip().is_loopback() && serve.tokens_file.is_none() && serve.proxy.is_none() && serve.open.is_empty());
    }

    #[test]
    fn files_lie_beside_the_configuration_and_peers_are_addresses_or_networks() {
        let serve = read(
            "[serve]\nlisten = \"0.0.0.0:80\"\ntokens_file = \"tokens.toml\"\nopen = [\"metrics\"]\n[serve.proxy]\npeers = [\"10.1.2.3\", \"fd00::/8\"]\nheader = \"X-Forwarded-User\"\nscopes = [\"reports\"]\n",
        )
        .unwrap();

        assert_eq!(serve.tokens_file.unwrap(), Path::new("/etc/wattledger/tokens.toml"));
        let proxy = serve.proxy.unwrap();
        assert_eq!(proxy.peers.iter().map(IpNet::to_string).collect::<Vec<_>>(), ["10.1.2.3/32", "fd00::/8"]);
        assert_eq!((proxy.header.as_str(), proxy.scopes), ("x-forwarded-user", vec![AccessScope::Reports]));
    }

    #[test]
    fn what_would_let_everybody_in_is_refused_with_its_key() {
        let proxy = |peers: &str, header: &str| format!("[serve.proxy]\npeers = {peers}\nheader = \"{header}\"\nscopes = [\"reports\"]\n");
        for (text, said) in [
            ("[serve]\nopen = [\"ledger\"]\n".to_owned(), "`open` names `ledger`"),
            ("[serve]\nopen = [\"everything\"]\n".to_owned(), "cannot be `everything`"),
            (proxy("[]", "X-User"), "`peers` is empty"),
            (proxy("[\"0.0.0.0/0\"]", "X-User"), "is everybody"),
            (proxy("[\"proxy.example\"]", "X-User"), "neither an address nor a network"),
            (proxy("[\"10.0.0.1\"]", "Authorization"), "cannot say who somebody is"),
            ("[serve]\nlisten = \"8080\"\n".to_owned(), "is not an address with a port"),
            ("[serve]\nconnections = 0\n".to_owned(), "`connections`"),
            ("[serve]\ntoken = \"wl_x\"\n".to_owned(), "secrets are never read from the configuration"),
        ] {
            let error = read(&text).unwrap_err();
            assert!(error.contains(said), "{text}: {error}");
        }
    }
}
