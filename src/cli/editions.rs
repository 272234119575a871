//! Which account of a month a verb looks at: an edition that was closed, or the draft that the evidence gives now.
//!
//! In: a month, and an edition where one is named. Out: its books, its seal, its report. Rule: a month that is closed is what its newest edition says, unless the
//! draft is asked for. Does not: check the seal; `verify` does.

use std::fmt;

use anyhow::{Context, Result, bail};
use chrono::Utc;
use serde_json::Value;

use super::account::{self, Accounting, Books};
use crate::config::Config;
use crate::evidence::Sealed;
use crate::model::Hint;
use crate::units::ReportingPeriod;

/// The report in a closed month's folder.
const REPORT_FILE: &str = "report/report.json";
const DRAFT: &str = "draft";

/// Which one is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Edition {
    /// The newest that was closed, else the draft.
    #[default]
    Newest,
    Number(u32),
    /// What the evidence gives now.
    Draft,
}

impl Edition {
    /// `2`, `draft`.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text.parse() {
            Ok(number) if number > 0 => Ok(Self::Number(number)),
            _ if text == DRAFT => Ok(Self::Draft),
            _ => Err(format!("an edition is a number from 1, or `{DRAFT}` for what the evidence gives now")),
        }
    }
}

impl fmt::Display for Edition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Newest => Ok(()),
            Self::Number(number) => write!(f, "@{number}"),
            Self::Draft => write!(f, "@{DRAFT}"),
        }
    }
}

/// A month as one edition, or its draft, has it.
pub struct Month {
    pub period: ReportingPeriod,
    pub books: Books,
    /// None: the draft.
    pub sealed: Option<Sealed>,
}

impl Month {
    pub fn open(config: &Config, month: &str, edition: Edition) -> Result<Self> {
        // `last` is the last month that is over.
        let month = &super::period_of(month, config.time_zone, Utc::now())?.to_string();
        let live = Books::open(config)?;
        let sealed = match edition {
            Edition::Draft => None,
            Edition::Newest => live.store.sealed(month, None)?,
            Edition::Number(number) => {
                let Some(sealed) = live.store.sealed(month, Some(number))? else {
                    let newest = live.store.sealed(month, None)?.map(|newest| newest.seal.edition);
                    let what = newest.map_or_else(
                        || format!("{month} is not closed"),
                        |newest| format!("{month} has no edition {number}, the newest is {newest}"),
                    );
                    bail!(Hint::new(what, format!("`{month}@{DRAFT}` is what the evidence gives now")));
                };
                Some(sealed)
            }
        };
        let books = match &sealed {
            Some(sealed) => Books::of_closed(&live.store, sealed)?,
            None => live,
        };
        let period = ReportingPeriod::parse(month, books.config.time_zone).map_err(anyhow::Error::msg)?;
        Ok(Self { period, books, sealed })
    }

    pub fn edition(&self) -> Option<u32> {
        self.sealed.as_ref().map(|sealed| sealed.seal.edition)
    }

    /// Findings that were accepted when it was closed.
    pub fn accepted(&self) -> &[String] {
        self.sealed.as_ref().map_or(&[], |sealed| &sealed.seal.accepted)
    }

    /// The report as it was sealed; the draft's, and one that was sealed without `report.json`, is worked out.
    pub fn report(&self) -> Result<Value> {
        match self.sealed_report()? {
            Some(report) => Ok(report),
            None => account(&self.books, self.period, self.accepted()),
        }
    }

    pub fn sealed_report(&self) -> Result<Option<Value>> {
        let Some(sealed) = self.sealed.as_ref().filter(|sealed| sealed.seal.file(REPORT_FILE).is_some()) else { return Ok(None) };
        let bytes = self.books.store.read_closed(sealed, REPORT_FILE)?;
        Ok(Some(serde_json::from_slice(&bytes).with_context(|| format!("read {}/{REPORT_FILE}", sealed.folder()))?))
    }

    /// As written, for comparing it key by key.
    pub fn configuration(&self) -> String {
        String::from_utf8_lossy(&self.books.config.bytes).into_owned()
    }
}

/// The report of these books by this software.
pub fn account(books: &Books, period: ReportingPeriod, accept: &[String]) -> Result<Value> {
    let accounting = Accounting::default();
    let statement = account::month(books, period, accept, &accounting)?.statement;
    serde_json::to_value(statement).context("write the report")
}
