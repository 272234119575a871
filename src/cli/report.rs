//! `wattledger report`: accounts a month, or a year of months, from evidence alone, and writes its report files.
//!
//! In: a month or a year, the configuration, the evidence. Out: `report.html`, `report.xlsx`, `report.json`, and where asked for `facts.json`,
//! `report.xhtml`, and of a month the hourly ledger, `ledger.csv` and `ledger.parquet`. Rule: no network; a refused report writes nothing.
//! Assumes: `collect` ran. Does not: compute; it hands frames to `accounting` and a statement to `reports`.

mod ledger_files;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use chrono::Utc;
use clap::{Args, ValueEnum};

pub use self::ledger_files::{LedgerFiles, LedgerFormat};
use super::account::{self, Accounting, Books, EngineArgs};
use super::exit;
use crate::config::Config;
use crate::disclosure::Statement;
use crate::model::{Hint, Refusal};
use crate::reports;
use crate::units::ReportingPeriod;

#[derive(Debug, Args)]
pub struct ReportArgs {
    /// The month to report, as in 2026-10, in the organisation's time zone; `last` is the last one that is over
    #[arg(long, value_name = "YYYY-MM", value_parser = super::month, required_unless_present = "year", conflicts_with = "year")]
    pub month: Option<String>,

    /// The calendar year to report, from its months, with the base year and the year before beside it
    #[arg(long, value_name = "YYYY", value_parser = super::year)]
    pub year: Option<String>,

    /// The folder that the report files are written to; it is made if it is not there
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,

    /// Which files to write, separated by commas
    #[arg(long, value_enum, value_name = "FORMAT", value_delimiter = ',', default_values_t = [Format::Html, Format::Xlsx, Format::Json])]
    pub format: Vec<Format>,

    #[command(flatten)]
    pub engine: EngineArgs,

    /// Leave out what other idle policies would say, for which the ledger runs again
    #[arg(long)]
    pub no_sensitivity: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Format {
    Html,
    Xlsx,
    Json,
    /// The disclosure as xBRL-JSON
    Facts,
    /// The disclosure as Inline XBRL
    Ixbrl,
    /// The hourly ledger, for a spreadsheet or a data warehouse
    Csv,
    /// The same ledger with typed columns
    Parquet,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 7] = [Self::Html, Self::Xlsx, Self::Json, Self::Facts, Self::Ixbrl, Self::Csv, Self::Parquet];

    pub fn file_name(self) -> &'static str {
        match self {
            Self::Html => "report.html",
            Self::Xlsx => "report.xlsx",
            Self::Json => "report.json",
            Self::Facts => "facts.json",
            Self::Ixbrl => "report.xhtml",
            Self::Csv => LedgerFormat::Csv.file_name(),
            Self::Parquet => LedgerFormat::Parquet.file_name(),
        }
    }

    /// A view of the statement; none for the ledger, which is written while it is made.
    pub fn render(self, statement: &Statement) -> Option<Result<Vec<u8>>> {
        let bytes = match self {
            Self::Html => reports::html(statement),
            Self::Xlsx => reports::xlsx(statement),
            Self::Json => reports::json(statement),
            Self::Facts => reports::facts(statement),
            Self::Ixbrl => reports::ixbrl(statement),
            Self::Csv | Self::Parquet => return None,
        };
        Some(bytes.with_context(|| format!("render {}", self.file_name())))
    }

    pub fn ledger(self) -> Option<LedgerFormat> {
        match self {
            Self::Csv => Some(LedgerFormat::Csv),
            Self::Parquet => Some(LedgerFormat::Parquet),
            Self::Html | Self::Xlsx | Self::Json | Self::Facts | Self::Ixbrl => None,
        }
    }
}

pub fn run(args: &ReportArgs, config: &Config, accept: &[String]) -> Result<u8> {
    let period = match (&args.month, &args.year) {
        (Some(month), _) => super::period_of(month, config.time_zone, Utc::now())?,
        (None, year) => ReportingPeriod::parse_year(year.as_deref().unwrap_or_default(), config.time_zone).map_err(anyhow::Error::msg)?,
    };
    let engine = args.engine.open(config)?;
    let accounting = Accounting { engine, threads: args.engine.threads, with_sensitivity: !args.no_sensitivity, with_content: false };
    let books = Books::open(config)?;
    let mut formats = args.format.clone();
    formats.sort_unstable();
    formats.dedup();
    let mut ledger = LedgerFiles::new(&args.out, formats.iter().filter_map(|format| format.ledger()));
    let statement = match (ledger.is_wanted(), period.month()) {
        (true, None) => bail!(Hint::new(
            "the hourly ledger is of a month, and its market-based figures are settled by month",
            "write one for each month: wattledger report --month YYYY-MM --format csv,parquet",
        )),
        (true, Some(_)) => {
            let account = account::month_with_hours(&books, period, accept, &accounting, &mut |day| ledger.add(day));
            account.map(|account| account.statement).inspect(|statement| account::warn_of_unused(&statement.findings, accept))
        }
        (false, _) => account::period(&books, period, accept, &accounting),
    };
    let statement = statement.with_context(|| format!("account {period}"))?;
    if let Some(refusal) = Refusal::of(&statement.findings) {
        return Err(refusal.into());
    }
    // Everything is made before anything is written, so that a failure leaves no half of a report.
    let mut files = Vec::new();
    for format in &formats {
        if let Some(bytes) = format.render(&statement) {
            files.push((args.out.join(format.file_name()), bytes?));
        }
    }
    ledger.finish()?;
    fs::create_dir_all(&args.out).with_context(|| format!("create {}", args.out.display()))?;
    for (path, bytes) in &files {
        write_whole(path, bytes)?;
    }
    let ledger = ledger.put_into_place()?;
    eprintln!("report of {period} for {}:", statement.organisation);
    // A closed month that cannot be read is for `verify` to say.
    if let Ok(Some(sealed)) = books.store.sealed(&period.to_string(), None) {
        let edition = sealed.seal.edition;
        eprintln!(
            "this is a draft from the evidence of now; {period} is closed (edition {edition}), and its reports are in {}",
            sealed.folder()
        );
    }
    for path in files.iter().map(|(path, _)| path).chain(&ledger) {
        println!("{}", path.display());
    }
    Ok(exit::DONE)
}

/// Writes under a temporary name and renames, so that no reader sees half a file.
fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let temporary = path.with_extension(format!("tmp-{}", std::process::id()));
    fs::write(&temporary, bytes).with_context(|| format!("write {}", temporary.display()))?;
    fs::rename(&temporary, path).with_context(|| format!("put {} into place", path.display()))
}
