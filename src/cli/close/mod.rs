//! `wattledger close`: collects what is missing, checks, reports and seals a month; the monthly job.
//!
//! In: a month, the configuration, the evidence. Out: `closed/<month>/<edition>/` in the evidence, and an exit code. Rule: files first, then signature and time
//! stamp, the seal last and only where none is; so it can be killed at any moment and run again, and of two at once one waits for nobody: the other is told who
//! has the lock. A closed month is never written again; `--restate` adds an edition and says why.
//! Does not: decide what is found; what refuses a report refuses a close.

mod acceptance;
pub mod changes;
mod collecting;
pub mod files;
mod inputs;
pub mod issuing;
mod sealing;
pub mod unchanged;
mod waiting;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, bail};
use chrono::{DateTime, Utc};
use clap::Args;

use self::issuing::{Terms, Worked};
pub use self::sealing::{Sealer, TIME_STAMP_CA_FILE, public_key};
use super::account::{self, Books, EngineArgs};
use super::exit;
use super::report::Format;
use crate::config::Config;
use crate::evidence::{Sealed, Store};
use crate::model::Hint;
use crate::units::ReportingPeriod;

/// The lock that one process at a time has.
pub const LOCK: &str = "close";

#[derive(Debug, Args)]
pub struct CloseArgs {
    /// The month to close, as in 2026-10, in the organisation's time zone; it must be over. `last` is the last one that is
    #[arg(long, value_name = "YYYY-MM", value_parser = super::month)]
    pub month: String,

    /// Which report files to make, separated by commas [default: all of them]
    #[arg(long, value_enum, value_name = "FORMAT", value_delimiter = ',', default_values_t = Format::ALL, hide_default_value = true)]
    pub format: Vec<Format>,

    /// Ask no server and no feed: close from the evidence that is there
    #[arg(long)]
    pub no_collect: bool,

    /// Collect nothing, and wait until others (`collect --shard`) have collected every day and feed of the month, for at most so long, as in 2h
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    pub wait: Option<Duration>,

    /// Add an edition to a month that is closed, from the evidence and configuration of now
    #[arg(long, requires = "reason")]
    pub restate: bool,

    /// Why it is restated; the report's cover says so
    #[arg(long, value_name = "TEXT", requires = "restate")]
    pub reason: Option<String>,

    /// The time that the seal says [default: SOURCE_DATE_EPOCH, else now]
    #[arg(long, value_name = "RFC3339")]
    pub at: Option<DateTime<Utc>>,

    #[command(flatten)]
    pub engine: EngineArgs,
}

pub fn run(args: &CloseArgs, config: &Config, accept: &[String]) -> Result<u8> {
    let period = super::period_of(&args.month, config.time_zone, Utc::now())?;
    let month = period.to_string();
    let books = Books::open(config)?;
    if let (Some(sealed), false) = (books.store.sealed(&month, None)?, args.restate) {
        return already_closed(&books, period, &sealed);
    }
    if period.to() > Utc::now() {
        eprintln!("incomplete: NOT_FINISHED: {month} in {} ends at {} UTC", period.time_zone(), period.to().format("%Y-%m-%d %H:%M"));
        return Ok(exit::INCOMPLETE);
    }
    // A key that cannot be used is said before anything is waited for.
    let sealer = Sealer::open(&config.sealing)?;
    if let Some(patience) = args.wait
        && !waiting::wait(&books.store, config, period, accept, patience)?
    {
        return Ok(exit::INCOMPLETE);
    }
    let lock = books.store.lock(LOCK)?;
    // Whoever had the lock before may have closed it.
    let newest = books.store.sealed(&month, None)?;
    match (&newest, args.restate) {
        (Some(sealed), false) => return already_closed(&books, period, sealed),
        (None, true) => bail!(Hint::new(format!("{month} is not closed, so there is nothing to restate"), "leave out --restate")),
        _ => {}
    }
    if !args.no_collect && args.wait.is_none() && !collecting::collect(&books.store, config, period, accept)? {
        return Ok(exit::INCOMPLETE);
    }
    let terms = Terms {
        accept: accept.to_vec(),
        keeps_acceptances: false,
        reason: args.reason.clone(),
        engine: args.engine.open(config)?,
        threads: args.engine.threads,
        formats: args.format.clone(),
    };
    let replaced = newest.as_ref().map(|newest| newest.seal.edition);
    match issuing::work_out(&books, period, newest, &sealer, &terms)? {
        Worked::TheSame => eprintln!(
            "{month}: nothing to restate: edition {} says the same, made from the same evidence and configuration by the same method",
            replaced.unwrap_or_default()
        ),
        Worked::Another(mut draft) => {
            account::warn_of_unused(draft.findings(), accept);
            draft.weigh();
            let sealed = draft.issue(&sealer, args.at, &mut issuing::whole_chain(&books.store)?, &lock)?;
            say(&books.store, &sealed, "closed");
        }
    }
    Ok(exit::DONE)
}

/// A month that is closed stays as it is; whether that is still what the evidence says is said.
fn already_closed(books: &Books, period: ReportingPeriod, sealed: &Sealed) -> Result<u8> {
    say(&books.store, sealed, "is closed");
    let changes = changes::since(books, period, sealed)?;
    if !changes.is_empty() {
        let month = &sealed.seal.period.month;
        eprintln!("since it was closed, what it was made from has changed: {}", listed(&changes));
        eprintln!("hint: `wattledger close --month {month} --restate --reason TEXT` adds an edition with it; the one that is there stays");
    }
    Ok(exit::DONE)
}

/// The first few, and how many more.
pub fn listed(changes: &[String]) -> String {
    const SHOWN: usize = 5;
    let shown = changes.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    if changes.len() > SHOWN { format!("{shown} and {} more", changes.len() - SHOWN) } else { shown }
}

/// One line on stderr, the files on stdout.
fn say(store: &Store, sealed: &Sealed, what: &str) {
    let seal = &sealed.seal;
    let key = if sealed.signature.is_some() { "signed" } else { "not signed" };
    let stamp = if sealed.time_stamp.is_some() { "with a time stamp" } else { "without a time stamp" };
    let at = seal.sealed_at.format("%Y-%m-%d %H:%M:%S");
    eprintln!("{} {what}: edition {}, seal {}, {at} UTC, {key}, {stamp}", seal.period.month, seal.edition, seal.seq);
    let own = ["manifest.json", "manifest.json.minisig", "manifest.tsr"];
    let is_there = [true, sealed.signature.is_some(), sealed.time_stamp.is_some()];
    let own = own.into_iter().zip(is_there).filter(|(_, is_there)| *is_there).map(|(name, _)| name);
    for path in own.chain(seal.files.iter().map(|file| file.path.as_str())) {
        println!("{}", PathBuf::from(store.objects().display(&format!("{}/{path}", sealed.folder()))).display());
    }
}
