//! Where the evidence is: a folder, or a bucket.
//!
//! In: `[evidence]`. Out: [`EvidencePlace`]. Rule: credentials are no part of it; what a folder has no use for is refused. Does not: look whether it is there.

use std::path::Path;

use anyhow::{Result, bail, ensure};

use super::check;
use super::raw::Evidence;
use crate::model::{BucketPlace, EvidencePlace, Hint};

const DEFAULT_DIR: &str = "evidence";
const DEFAULT_SPOOL: &str = "spool";

/// Relative folders start in that of the configuration file.
pub(super) fn place(raw: &Evidence, folder: &Path) -> Result<EvidencePlace> {
    let dir = raw.dir.as_deref().unwrap_or(DEFAULT_DIR);
    ensure!(!dir.is_empty(), "[evidence]: `dir` is empty");
    let Some((scheme, rest)) = dir.split_once("://") else {
        let of_buckets = [
            ("endpoint", raw.endpoint.is_some()),
            ("region", raw.region.is_some()),
            ("allow_http", raw.allow_http.is_some()),
            ("spool", raw.spool.is_some()),
        ];
        if let Some((key, _)) = of_buckets.iter().find(|(_, is_there)| *is_there) {
            bail!(Hint::new(
                format!("[evidence]: `{key}` is said of a bucket, and `dir` is a folder"),
                "take it out, or name a bucket, as in dir = \"s3://bucket/prefix\"",
            ));
        }
        return Ok(EvidencePlace::Folder(folder.join(dir)));
    };
    if !["s3", "gs", "az"].contains(&scheme) {
        bail!(Hint::new(
            format!("[evidence]: `dir`: `{}` is no kind of bucket that is known here", scheme.escape_debug()),
            "write s3://bucket/prefix, gs://bucket/prefix, az://container/prefix, or a folder",
        ));
    }
    let is_plain = |part: &str| {
        let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        !part.is_empty() && !part.starts_with('.') && part.bytes().all(is_letter)
    };
    if !rest.strip_suffix('/').unwrap_or(rest).split('/').all(is_plain) {
        // What stands there may be a secret that somebody put into it.
        bail!(Hint::new(
            format!("[evidence]: `dir` begins with {scheme}:// and is not the name of a bucket with a prefix"),
            "write s3://bucket/prefix, of letters, digits, `-`, `_` and `.`; credentials come from the environment or an identity",
        ));
    }
    ensure!(scheme == "s3" || raw.region.is_none(), "[evidence]: `region` is said of s3:// only");
    let allow_http = raw.allow_http.unwrap_or(false);
    if let Some(endpoint) = &raw.endpoint {
        ensure!(!endpoint.contains(['?', '#']), "[evidence]: `endpoint` is the address of a server, without a query");
        check::server_url("endpoint", endpoint)?;
        if endpoint.starts_with("http://") && !allow_http {
            bail!(Hint::new(
                "[evidence]: `endpoint` is asked without TLS",
                "write https://, or allow_http = true where the network is trusted",
            ));
        }
    }
    Ok(EvidencePlace::Bucket(BucketPlace {
        url: dir.trim_end_matches('/').to_owned(),
        endpoint: raw.endpoint.as_deref().map(|url| url.trim_end_matches('/').to_owned()),
        region: raw.region.clone(),
        allow_http,
        spool: folder.join(raw.spool.as_deref().unwrap_or(DEFAULT_SPOOL)),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(toml: &str) -> Result<EvidencePlace> {
        place(&toml::from_str(toml).unwrap(), Path::new("/etc/wattledger"))
    }

    #[test]
    fn evidence_is_in_a_folder_beside_the_configuration_unless_another_place_is_named() {
        assert_eq!(read("").unwrap(), EvidencePlace::Folder("/etc/wattledger/evidence".into()));
        assert_eq!(read("dir = \"/var/lib/wattledger\"").unwrap().to_string(), "/var/lib/wattledger");
        let bucket = BucketPlace { url: "s3://ledger/prod".to_owned(), spool: "/etc/wattledger/spool".into(), ..BucketPlace::default() };
        assert_eq!(read("dir = \"s3://ledger/prod/\"").unwrap(), EvidencePlace::Bucket(bucket.clone()));
        let own =
            "dir = \"s3://ledger/prod\"\nendpoint = \"http://minio:9000/\"\nregion = \"eu\"\nallow_http = true\nspool = \"/var/spool\"";
        let own = read(own).unwrap();
        let expected = BucketPlace {
            endpoint: Some("http://minio:9000".to_owned()),
            region: Some("eu".to_owned()),
            allow_http: true,
            spool: "/var/spool".into(),
            ..bucket
        };
        assert_eq!(own, EvidencePlace::Bucket(expected));
        assert_eq!(own.to_string(), "s3://ledger/prod");
        for url in ["gs://ledger", "az://container/prefix"] {
            assert_eq!(read(&format!("dir = \"{url}\"")).unwrap().to_string(), url);
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused_and_no_secret_is_repeated() {
        for (toml, words) in [
            ("dir = \"\"", "`dir` is empty"),
            ("dir = \"file:///evidence\"", "`file` is no kind of bucket"),
            ("dir = \"s3://\"", "not the name of a bucket"),
            ("dir = \"s3://bucket//prefix\"", "not the name of a bucket"),
            ("dir = \"s3://bucket/../other\"", "not the name of a bucket"),
            ("dir = \"s3://AKIA:hunter2@bucket/prefix\"", "not the name of a bucket"),
            ("dir = \"az://container?sig=hunter2\"", "not the name of a bucket"),
            ("dir = \"gs://bucket\"\nregion = \"eu\"", "`region` is said of s3://"),
            ("dir = \"s3://bucket\"\nendpoint = \"http://minio:9000\"", "without TLS"),
            ("dir = \"s3://bucket\"\nendpoint = \"https://user:hunter2@minio\"", "endpoint"),
            ("dir = \"s3://bucket\"\nendpoint = \"https://minio/?sig=hunter2\"", "`endpoint`"),
            ("endpoint = \"https://minio\"", "`endpoint` is said of a bucket"),
            ("spool = \"spool\"", "`spool` is said of a bucket"),
        ] {
            let error = format!("{:#}", read(toml).unwrap_err());
            assert!(error.contains(words) && !error.contains("hunter2"), "{toml}: {error}");
        }
    }
}
