//! What is compared: how it is named, and where it is read.

use std::fmt;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::cli::editions::{Edition, Month};
use crate::config::Config;
use crate::disclosure::difference::Side;

/// One of the two, as the command line names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// `2026-10`, `2026-10@1`, `2026-10@draft`.
    Month(String, Edition),
    File(PathBuf),
}

/// One of the two, read.
pub struct Read {
    pub report: Value,
    /// None: a file.
    pub month: Option<Month>,
    configuration: Option<String>,
}

impl Named {
    /// What is written like a month is one; everything else is a path.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (month, edition) = text.split_once('@').map_or((text, None), |(month, edition)| (month, Some(edition)));
        match super::super::month(month) {
            Ok(month) => Ok(Self::Month(month, edition.map_or(Ok(Edition::Newest), Edition::parse)?)),
            Err(why) if text.starts_with(|first: char| first.is_ascii_digit()) && !text.contains(['.', '/', '\\']) => Err(why),
            Err(_) => Ok(Self::File(text.into())),
        }
    }

    pub fn is_in_evidence(&self) -> bool {
        !matches!(self, Self::File(_))
    }

    pub fn read(&self, config: Option<&Config>) -> Result<Read> {
        match (self, config) {
            (Self::File(path), _) => {
                let bytes = fs::read(path).with_context(|| format!("read {}", path.display()))?;
                let report: Value = serde_json::from_slice(&bytes).with_context(|| format!("{} is not JSON", path.display()))?;
                anyhow::ensure!(report["totals"].is_object(), "{} is not a report.json", path.display());
                Ok(Read { report, month: None, configuration: None })
            }
            (Self::Month(month, edition), Some(config)) => {
                let month = Month::open(config, month, *edition)?;
                Ok(Read { report: month.report()?, configuration: Some(month.configuration()), month: Some(month) })
            }
            (_, None) => anyhow::bail!("no configuration to find it with"),
        }
    }
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Month(month, edition) => write!(f, "{month}{edition}"),
            Self::File(path) => write!(f, "{}", path.display()),
        }
    }
}

impl Read {
    pub fn side(&self) -> Side<'_> {
        let edition = self.month.as_ref().and_then(Month::edition);
        Side { report: &self.report, edition, configuration: self.configuration.as_deref() }
    }
}
