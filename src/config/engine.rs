//! `[engine]`: a Spark Connect server that runs the method where the evidence lies.
//!
//! In: the table as written. Out: [`EnginePolicy`]. Rule: what `--engine` names goes before `address`; a token is in a file, and travels over TLS or not
//! beyond this machine. Does not: connect.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use super::raw;
use crate::model::{EngineAddress, Hint};

const DEFAULT_PATIENCE: Duration = Duration::from_secs(60);
const DEFAULT_ATTEMPTS: u32 = 3;
const DEFAULT_BATCH_DAYS: u32 = 31;

/// How an engine is reached, and how it reaches the evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnginePolicy {
    pub address: Option<EngineAddress>,
    /// The evidence as the engine sees it, where that is not as this machine does.
    pub evidence: Option<String>,
    pub token_file: Option<PathBuf>,
    pub has_tls: bool,
    /// How long it may be out of reach before it is given up.
    pub patience: Duration,
    /// How often a batch is tried.
    pub attempts: u32,
    /// Days of a cluster that are accounted together.
    pub batch_days: u32,
}

pub(super) fn policy(raw: raw::Engine, folder: &Path) -> Result<EnginePolicy> {
    let address = raw.address.as_deref().map(str::parse::<EngineAddress>).transpose().context("[engine]: `address`")?;
    let patience = raw.patience.as_deref().map(humantime::parse_duration).transpose().context("[engine]: `patience`")?;
    let evidence = raw.evidence.map(|place| place.trim_end_matches('/').to_owned());
    if evidence.as_deref().is_some_and(|place| place.is_empty() || place.contains(['*', '?', '[', ']', '{', '}'])) {
        bail!(Hint::new(
            "[engine]: `evidence` is not a path that an engine can read",
            "write it as the engine sees it, without pattern characters: \"/mnt/evidence\" or \"s3a://bucket/evidence\"",
        ));
    }
    let policy = EnginePolicy {
        address,
        evidence,
        token_file: raw.token_file.map(|name| folder.join(name)),
        has_tls: raw.tls,
        patience: patience.unwrap_or(DEFAULT_PATIENCE),
        attempts: raw.attempts.unwrap_or(DEFAULT_ATTEMPTS),
        batch_days: raw.batch_days.unwrap_or(DEFAULT_BATCH_DAYS),
    };
    ensure!((1..=10).contains(&policy.attempts), "[engine]: `attempts` is from 1 to 10");
    ensure!((1..=31).contains(&policy.batch_days), "[engine]: `batch_days` is from 1 to 31");
    ensure!(policy.patience >= Duration::from_secs(1), "[engine]: `patience` is at least \"1s\"");
    policy.check_token(policy.address.as_ref())?;
    Ok(policy)
}

impl EnginePolicy {
    /// A token that everybody between here and there could read is none.
    pub fn check_token(&self, address: Option<&EngineAddress>) -> Result<()> {
        if self.token_file.is_some() && !self.has_tls && address.is_some_and(|address| !address.is_loopback()) {
            bail!(Hint::new(
                "[engine]: `token_file` would be sent without TLS to another machine",
                "put tls = true; an engine that has no TLS itself stands behind a proxy that has"
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use crate::config::Config;

    fn engine(text: &str) -> Result<super::EnginePolicy, String> {
        let text = format!(
            "[organisation]\nname = \"Example BV\"\ntime_zone = \"UTC\"\n[engine]\n{text}\n\
             [[cluster]]\nname = \"a\"\nboundary = \"owned\"\ngrid_zone = \"NL\"\npue = 1.0\n"
        );
        Config::from_bytes(text.as_bytes(), &PathBuf::from("/etc/w/wattledger.toml"))
            .map(|config| config.engine)
            .map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn an_engine_is_read_with_what_is_sensible_filled_in() {
        let policy = engine("address = \"sc://spark:15002\"\ntls = true\ntoken_file = \"token\"\nevidence = \"s3a://b/e/\"").unwrap();
        assert_eq!(policy.address.unwrap().to_string(), "sc://spark:15002");
        assert_eq!((policy.evidence.as_deref(), policy.token_file), (Some("s3a://b/e"), Some(PathBuf::from("/etc/w/token"))));
        assert_eq!((policy.attempts, policy.batch_days, policy.patience.as_secs()), (3, 31, 60));
        assert_eq!(engine("").unwrap().address, None);
    }

    #[test]
    fn a_token_without_tls_leaves_this_machine_for_nobody() {
        let error = engine("address = \"sc://spark:15002\"\ntoken_file = \"token\"").unwrap_err();
        assert!(error.contains("without TLS"), "{error}");
        assert!(engine("address = \"sc://127.0.0.1:15002\"\ntoken_file = \"token\"").is_ok());
        for wrong in
            ["address = \"spark\"", "attempts = 0", "batch_days = 32", "patience = \"soon\"", "evidence = \"/a/*\"", "adress = \"sc://a\""]
        {
            assert!(engine(wrong).is_err(), "{wrong}");
        }
    }
}
