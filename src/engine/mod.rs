//! The method on an engine elsewhere: Apache Spark, or whatever else speaks Spark Connect, runs the files of `queries/accounting` where the evidence lies.
//!
//! In: days of a cluster with what the plan says of them, the evidence. Out: the same [`DayFold`]s as the engines of this program, and the same hashes.
//! Rule: the engine reads evidence from its files, which were checked here just before, and writes roll-ups as Parquet; those are read once all of them are
//! written, counted against the manifests and added up against the meters (`control`). An attempt that fails leaves nothing that another would read.
//! Assumes: an engine sees the same evidence under `[engine] evidence`, and may write below its folder `engine`. Does not: know of months, or of what is
//! reported.

#![cfg_attr(not(feature = "spark"), allow(dead_code, reason = "the client alone reads some of it"))]

mod batch;
#[cfg(feature = "spark")]
mod connection;
#[cfg(not(feature = "spark"))]
#[path = "no_connection.rs"]
mod connection;
mod control;
mod statements;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Error, Result, bail};
use chrono::Utc;

pub use self::batch::{Batch, DayToRun, RowsOfDay};
use self::statements::{CONTROLS, DAY_FOLDER, LEDGER_ROWS, Places, ROLL_UPS, statements};
use crate::accounting::ledger::content::ContentHash;
use crate::accounting::ledger::{DayFold, sql};
use crate::config::EnginePolicy;
use crate::evidence::{Exchange, Store};
use crate::model::{EngineAddress, EvidencePlace, Hint};

/// An engine that is reached by Spark Connect. Nothing is sent before the first batch.
#[derive(Debug)]
pub struct Spark {
    address: EngineAddress,
    /// Ours, to write to: an account may look at its evidence as it was.
    store: Store,
    /// The evidence as the engine sees it.
    evidence: String,
    token_file: Option<PathBuf>,
    has_tls: bool,
    patience: Duration,
    attempts: u32,
    batch_days: usize,
}

impl Spark {
    pub fn new(address: &EngineAddress, policy: &EnginePolicy, place: &EvidencePlace) -> Result<Self> {
        policy.check_token(Some(address))?;
        let store = Store::open(place)?;
        store.sweep_exchanges(Utc::now()).context("take away what earlier accounts left")?;
        Ok(Self {
            address: address.clone(),
            store,
            evidence: policy.evidence.clone().map_or_else(|| as_seen(place), Ok)?,
            token_file: policy.token_file.clone(),
            has_tls: policy.has_tls,
            patience: policy.patience,
            attempts: policy.attempts,
            batch_days: policy.batch_days as usize,
        })
    }

    /// As many days of a cluster are accounted together.
    pub fn batch_days(&self) -> usize {
        self.batch_days
    }

    /// The evidence as it is now, whatever an account looks at.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Accounts the days of a batch. `progress` hears what the engine is at.
    pub fn account(&self, batch: &Batch<'_>, with_content: bool, progress: &mut dyn FnMut(&str)) -> Result<Vec<DayFold>> {
        let tables = batch.tables()?;
        let mut attempt = 1;
        loop {
            let exchange = Exchange::begin(&self.store, Utc::now())?;
            for (name, frame) in &tables {
                exchange.write(&format!("in/{name}"), frame)?;
            }
            let places = Places { evidence: self.evidence.clone(), given: exchange.key("in"), written: exchange.key("out") };
            let asked = statements(batch, tables.keys().copied(), &places, with_content)?;
            match connection::run(self, asked, progress) {
                Ok(()) => return folds(batch, &exchange, with_content),
                Err(failure) if failure.may_pass && attempt < self.attempts => {
                    tracing::warn!(attempt, "the engine failed, and is asked again: {:#}", failure.error);
                    attempt += 1;
                }
                Err(failure) => {
                    let error = failure.error.context(format!("account on {}", self.address));
                    return Err(if attempt > 1 { error.context(format!("it failed {attempt} times")) } else { error });
                }
            }
        }
    }
}

/// An attempt that failed.
struct Failure {
    error: Error,
    /// Whether the same may succeed when it is tried again.
    may_pass: bool,
}

/// Where an engine finds the evidence, if nobody says otherwise.
fn as_seen(place: &EvidencePlace) -> Result<String> {
    match place {
        EvidencePlace::Folder(folder) => {
            let folder = std::path::absolute(folder).with_context(|| format!("look for {}", folder.display()))?;
            Ok(folder.display().to_string().trim_end_matches('/').to_owned())
        }
        EvidencePlace::Bucket(bucket) => {
            let url = bucket.url.trim_end_matches('/');
            // Hadoop's name of the scheme, which Sail knows too.
            if let Some(rest) = url.strip_prefix("s3://") {
                return Ok(format!("s3a://{rest}"));
            }
            if url.starts_with("gs://") {
                return Ok(url.to_owned());
            }
            bail!(Hint::new(
                format!("how an engine reaches {url} cannot be told from its address"),
                "write it as the engine does, as `evidence` in [engine]: \"abfss://container@account.dfs.core.windows.net/evidence\"",
            ))
        }
    }
}

/// Reads what an engine wrote, and gives each day its own.
fn folds(batch: &Batch<'_>, exchange: &Exchange, with_content: bool) -> Result<Vec<DayFold>> {
    let read = |name: &str| exchange.read(&format!("out/{name}")).with_context(|| format!("read table {name} from the engine"));
    let [usage_control, node_control] = CONTROLS;
    let usage = control::usage_rows(batch, &read(usage_control)?, &read(node_control)?)?;
    let tables = ROLL_UPS.iter().map(|name| Ok((*name, read(name)?))).collect::<Result<Vec<_>>>()?;
    let mut folds = Vec::with_capacity(batch.days().len());
    for (index, day) in batch.days().iter().enumerate() {
        let of_day =
            tables.iter().map(|(name, frame)| Ok(((*name).to_owned(), batch.of_day(name, frame, index)?))).collect::<Result<_>>()?;
        let mut fold = sql::fold(&day.terms, &of_day, usage[index])?;
        control::adds_up(&day.day.to_string(), &fold)?;
        if with_content {
            let rows = read(&format!("{LEDGER_ROWS}/{DAY_FOLDER}={index}"))?;
            let rows = batch.of_day(LEDGER_ROWS, &rows, index)?;
            fold.content = Some(ContentHash::of(&sql::rows(&[("ledger".to_owned(), rows)].into())?));
        }
        folds.push(fold);
    }
    Ok(folds)
}
