//! The files that are named because of a secret in them.
//!
//! In: a configuration. Out: their paths. Rule: whatever lets somebody in, or signs, is listed; certificates of authorities and our own are for everybody to read.
//! Does not: open one of them.

use std::path::Path;

use super::{Config, IntensityApi};

impl Config {
    /// Sorted, each once. Whether one is there is not looked at.
    pub fn secret_files(&self) -> Vec<&Path> {
        let servers = self.clusters.iter().filter_map(|cluster| cluster.prometheus.as_ref());
        let of_servers = servers.flat_map(|server| [&server.token_file, &server.password_file, &server.key_file]).flatten();
        let of_apis = self.clusters.iter().filter_map(|cluster| cluster.kubernetes.as_ref()?.kubeconfig.as_ref());
        let of_feeds = self.intensity.iter().filter_map(|feed| match feed.api.as_ref()? {
            IntensityApi::ElectricityMaps { token_file: file, .. } | IntensityApi::WattTime { password_file: file, .. } => Some(file),
            IntensityApi::Neso { .. } => None,
        });
        let of_proxy = self.serve.proxy.as_ref().and_then(|proxy| proxy.secret_file.as_ref());
        let of_engine = self.engine.token_file.iter();
        let of_seal = [&self.sealing.secret_key_file, &self.sealing.password_file].into_iter().flatten();
        let mut files: Vec<&Path> =
            of_servers.chain(of_apis).chain(of_feeds).chain(of_seal).chain(of_proxy).chain(of_engine).map(|path| path.as_path()).collect();
        files.sort();
        files.dedup();
        files
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_with_a_secret_is_named_once_and_certificates_are_none() {
        let text = r#"
            [organisation]
            name = "Example BV"
            time_zone = "UTC"
            [[cluster]]
            name = "a"
            boundary = "owned"
            grid_zone = "NL"
            pue = 1.2
            prometheus = { url = "https://a", token_file = "token", cert_file = "cert", key_file = "key", ca_file = "ca" }
            kubernetes = { kubeconfig = "kubeconfig" }
            [[cluster]]
            name = "b"
            boundary = "owned"
            grid_zone = "NL"
            pue = 1.2
            prometheus = { url = "https://b", username = "u", password_file = "password" }
            [[intensity]]
            zones = ["NL"]
            provider = "electricity-maps"
            token_file = "token"
            [[intensity]]
            zones = ["US-X"]
            provider = "watttime"
            username = "u"
            password_file = "watttime"
            signal = "co2_aoer"
            [seal]
            secret_key_file = "wattledger.key"
            password_file = "key-password"
            public_key_file = "wattledger.pub"
            [engine]
            tls = true
            token_file = "engine-token"
            [serve]
            tokens_file = "tokens.toml"
            [serve.proxy]
            peers = ["10.0.0.1"]
            header = "X-User"
            secret_file = "proxy-secret"
            scopes = ["reports"]
        "#;
        let config = Config::from_bytes(text.as_bytes(), Path::new("/etc/wattledger/wattledger.toml")).unwrap();

        let names: Vec<_> = config.secret_files().iter().map(|path| path.strip_prefix("/etc/wattledger").unwrap().to_owned()).collect();
        assert_eq!(
            names,
            ["engine-token", "key", "key-password", "kubeconfig", "password", "proxy-secret", "token", "wattledger.key", "watttime"]
                .map(std::path::PathBuf::from)
        );
    }
}
