//! `wattledger close`: collects what is missing, checks, reports and seals a month; the monthly job.
//!
//! In: a month, the configuration, the evidence. Out: `closed/<month>/<edition>/` in the evidence, and an exit code. Rule: files first, then signature and time
//! stamp, the seal last and only where none is; so it can be killed at any moment and run again, and of two at once one waits for nobody: the other is told who
//! has the lock. A closed month is never written again; `--restate` adds an edition and says why.
//! Does not: decide what is found; what refuses a report refuses a close.

pub mod changes;
mod collecting;
pub mod files;
mod inputs;
mod sealing;
mod waiting;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use chrono::{DateTime, SubsecRound, Utc};
use clap::Args;

use self::files::{Edition, Made};
use self::inputs::Inputs;
use self::sealing::Sealer;
pub use self::sealing::{TIME_STAMP_CA_FILE, public_key};
use super::account::{self, Books, Engine, EngineName, SOFTWARE};
use super::report::Format;
use super::{diff, exit};
use crate::config::Config;
use crate::evidence::closed::{Replaced, SEAL_SCHEMA, SealedPeriod, broken_links, next};
use crate::evidence::{Content, Created, Seal, SealKind, Sealed, SealedFile, Store};
use crate::model::Hint;
use crate::units::ReportingPeriod;

/// The lock that one process at a time has.
const LOCK: &str = "close";
/// In the folder of a restatement: which figures it says otherwise, and why.
const RESTATEMENT_FILE: &str = "restatement.json";

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

    /// What runs the method: `columns`, one pass over columns, or `sql`, the SQL files themselves, both here; or a Spark Connect server,
    /// `sc://host:port`. All give the same figures [default: the engine of [engine], else columns]
    #[arg(long, value_name = "ENGINE")]
    pub engine: Option<EngineName>,

    /// How many cluster-days are accounted at once [default: the machine's cores]
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
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
    let edition = Edition {
        number: newest.as_ref().map_or(1, |newest| newest.seal.edition + 1),
        reason: args.reason.clone(),
        accept: accept.to_vec(),
        is_signed: sealer.can_sign(),
        is_stamped: sealer.can_stamp(),
        engine: Engine::open(args.engine.as_ref(), config)?,
        formats: Format::ALL.into_iter().filter(|format| args.format.contains(format)).collect(),
    };
    let (store, readings) = books.store.noting_reads();
    let books = books.with_store(store);
    let made = files::make(&books, period, &edition, args.threads)?;
    account::warn_of_unused(&made.statement.findings, accept);
    let inputs = inputs::gather(&books, &readings)?;
    if let Some(newest) = newest.as_ref().filter(|newest| is_the_same(newest, &inputs, &edition)) {
        eprintln!(
            "{month}: nothing to restate: edition {} was made from the same evidence and configuration by the same method",
            newest.seal.edition
        );
        return Ok(exit::DONE);
    }
    let mut made = made;
    if let Some(newest) = &newest {
        let difference = diff::restatement(&books.store, newest, &books, edition.number, accept, &made.statement)?;
        let bytes = serde_json::to_vec_pretty(&difference).context("write what is restated")?;
        made.files.push((RESTATEMENT_FILE.to_owned(), Content::Bytes(bytes)));
    }
    let at = sealed_at(args)?;
    let sealed = write(&books.store, period, &edition, newest.as_ref(), at, made, inputs, &sealer)?;
    // A bucket that was out of reach for long may have given the lock to another.
    lock.check()?;
    match books.store.seal(&sealed).context("seal the month")? {
        Created::New => {}
        Created::WasThere => bail!(Hint::new(
            format!("LOCKED: another process has closed {month} in the meantime"),
            "run this again: it finds what the other has done",
        )),
    }
    say(&books.store, &sealed, "closed");
    Ok(exit::DONE)
}

/// Writes the files, and makes the seal, which is not put into place yet.
#[expect(clippy::too_many_arguments, reason = "a seal is made of all of these, and each is made where the others are")]
fn write(
    store: &Store,
    period: ReportingPeriod,
    edition: &Edition,
    replaced: Option<&Sealed>,
    at: DateTime<Utc>,
    made: Made,
    inputs: Inputs,
    sealer: &Sealer,
) -> Result<Sealed> {
    let month = period.to_string();
    let mut files: Vec<SealedFile> = Vec::new();
    let copies = inputs.copies.iter().map(|(file, bytes)| (file.path.as_str(), bytes, file.name.clone()));
    let own = sealer.own_files();
    for (path, bytes, name) in copies.chain(own.iter().map(|(path, bytes)| (*path, bytes, None))) {
        let written = store.write_closed(&month, edition.number, path, bytes).context("write the closed month")?;
        files.push(SealedFile { name, ..written });
    }
    for (path, content) in &made.files {
        files.push(store.write_closed_content(&month, edition.number, path, content).context("write the closed month")?);
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let seals = store.seals()?;
    if let Some(broken) = broken_links(&seals).first() {
        bail!(Hint::new(
            format!("BAD_CHAIN: {broken}"),
            "nothing was sealed; restore what is missing of `closed` from a copy: every bundle holds the seals before it",
        ));
    }
    let (seq, previous) = next(&seals);
    let reason = edition.reason.clone().unwrap_or_default();
    let totals = serde_json::to_value(&made.statement.totals).context("write the totals")?;
    let seal = Seal {
        schema: SEAL_SCHEMA.to_owned(),
        kind: if replaced.is_some() { SealKind::Restatement } else { SealKind::Close },
        organisation: made.statement.organisation.clone(),
        period: SealedPeriod {
            month,
            from: period.from(),
            to: period.to(),
            time_zone: period.time_zone().to_string(),
            tzdata: chrono_tz::IANA_TZDB_VERSION.to_owned(),
        },
        edition: edition.number,
        seq,
        sealed_at: at,
        previous,
        replaces: replaced.map(|before| Replaced { edition: before.seal.edition, sha256: before.sha256(), reason }),
        software: SOFTWARE.to_owned(),
        method: account::method(),
        engine: edition.engine.name().to_owned(),
        accepted: edition.accept.clone(),
        findings: made.statement.findings,
        totals: serde_json::from_value(totals).context("write the totals")?,
        ledger: made.ledger,
        evidence: inputs.evidence,
        files,
    };
    sealer.seal(seal)
}

/// Whether an edition that was made from all this would say what the newest one says.
fn is_the_same(newest: &Sealed, inputs: &Inputs, edition: &Edition) -> bool {
    let seal = &newest.seal;
    let same_copies = inputs.copies.iter().all(|(file, _)| seal.file(&file.path) == Some(file));
    same_copies
        && seal.evidence == inputs.evidence
        && seal.method == account::method()
        && seal.software == SOFTWARE
        && seal.accepted == edition.accept
}

/// Whole seconds: from the command line, from `SOURCE_DATE_EPOCH` (reproducible-builds.org), or the clock.
fn sealed_at(args: &CloseArgs) -> Result<DateTime<Utc>> {
    let epoch = std::env::var("SOURCE_DATE_EPOCH").ok().filter(|text| !text.is_empty());
    let at = match (args.at, epoch) {
        (Some(at), _) => at,
        (None, Some(text)) => {
            let at = text.parse().ok().and_then(|seconds| DateTime::from_timestamp(seconds, 0));
            at.with_context(|| format!("SOURCE_DATE_EPOCH is `{text}`, which is not a number of seconds"))?
        }
        (None, None) => Utc::now(),
    };
    ensure!(at.timestamp() >= 0, "the time of the seal lies before 1970");
    Ok(at.trunc_subsecs(0))
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
fn listed(changes: &[String]) -> String {
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
