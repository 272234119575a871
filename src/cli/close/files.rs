//! What a close writes, made from the books alone: the same books give the same bytes, so that `verify` can make them again.
//!
//! In: books, a month, what its edition says. Out: the statement, the hashes of the ledger, and every file that is worked out. Rule: this is the one list of
//! them; copies of what was read (configuration, manifests, own files) are not worked out and are not here. Does not: write, sign, or ask the time.

use anyhow::{Context, Result};

use crate::cli::account::{self, Accounting, Books, DayContent, Engine};
use crate::cli::report::{Format, LedgerFormat};
use crate::disclosure::Statement;
use crate::disclosure::hourly::LedgerDay;
use crate::disclosure::statement::Status;
use crate::evidence::{Content, Seal, SealKind, SealedDay, SealedLedger, Spooling};
use crate::model::{Finding, Refusal, Severity};
use crate::reports::ledger::{CsvLedger, ParquetLedger};
use crate::units::ReportingPeriod;

/// Folders of the report files and of the hourly ledger in a closed month.
pub const REPORT_FOLDER: &str = "report";
const LEDGER_FOLDER: &str = "ledger";
/// No key signs the month.
pub const UNSIGNED: &str = "UNSIGNED";
/// Nobody outside says when the month was sealed.
pub const NO_TIMESTAMP: &str = "NO_TIMESTAMP";

/// What an edition says beside what its books hold.
#[derive(Clone, Debug)]
pub struct Edition {
    pub number: u32,
    /// Of a restatement.
    pub reason: Option<String>,
    /// Codes of findings that are accepted by name.
    pub accept: Vec<String>,
    pub is_signed: bool,
    pub is_stamped: bool,
    pub engine: Engine,
    pub formats: Vec<Format>,
}

/// What was worked out for an edition.
pub struct Made {
    pub statement: Statement,
    pub ledger: SealedLedger,
    /// By path in the closed month's folder.
    pub files: Vec<(String, Content)>,
}

impl Edition {
    /// As it was, for whoever works it out again.
    pub fn of(seal: &Seal) -> Result<Self> {
        let found = |code: &str| seal.findings.iter().any(|finding| finding.code == code);
        let format = |format: &Format| seal.file(&path(*format)).is_some();
        Ok(Self {
            number: seal.edition,
            reason: seal.replaces.as_ref().filter(|_| seal.kind == SealKind::Restatement).map(|replaced| replaced.reason.clone()),
            accept: seal.accepted.clone(),
            is_signed: !found(UNSIGNED),
            is_stamped: !found(NO_TIMESTAMP),
            engine: Engine::named(&seal.engine)?,
            formats: Format::ALL.into_iter().filter(format).collect(),
        })
    }

    /// What is found about the sealing itself.
    fn findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        if !self.is_signed {
            let message = "No key signs this month, so whoever can write to the evidence can write the month anew, seal and all. Make a key with \
                           `minisign -G -W` and name it as `secret_key_file` in [seal].";
            let mut finding = Finding::new(UNSIGNED, Severity::Blocked, message).examined(1).failing(1);
            finding.accepted_by = self.accept.iter().any(|code| code == UNSIGNED).then(|| account::ACCEPTED.to_owned());
            findings.push(finding);
        }
        if !self.is_stamped {
            let message = "No time stamp authority says when this month was sealed; the time in the seal is that of the machine. `timestamp_url` in [seal] names one.";
            findings.push(Finding::new(NO_TIMESTAMP, Severity::Noted, message).examined(1).failing(1));
        }
        findings
    }
}

/// Accounts the month and makes its files. Blocked findings that nobody accepted refuse it.
pub fn make(books: &Books, period: ReportingPeriod, edition: &Edition, threads: Option<usize>) -> Result<Made> {
    let accounting = Accounting { engine: edition.engine.clone(), threads, with_sensitivity: true, with_content: true };
    // The hourly ledger of a fleet is larger than the memory.
    let (mut csv, mut parquet) = (Spooling::begin()?, Spooling::begin()?);
    let wants = |format: LedgerFormat| edition.formats.iter().any(|wanted| wanted.ledger() == Some(format));
    let mut csv_rows = wants(LedgerFormat::Csv).then(|| CsvLedger::new(&mut csv)).transpose()?;
    let mut parquet_rows = wants(LedgerFormat::Parquet).then(|| ParquetLedger::new(&mut parquet)).transpose()?;
    let mut take = |day: &LedgerDay| -> Result<()> {
        csv_rows.as_mut().map_or(Ok(()), |rows| rows.add(day))?;
        parquet_rows.as_mut().map_or(Ok(()), |rows| rows.add(day))
    };
    let account = match wants(LedgerFormat::Csv) || wants(LedgerFormat::Parquet) {
        true => account::month_with_hours(books, period, &edition.accept, &accounting, &mut take),
        false => account::month(books, period, &edition.accept, &accounting),
    };
    let account = account.and_then(|account| {
        csv_rows.map(CsvLedger::finish).transpose()?;
        parquet_rows.map(ParquetLedger::finish).transpose()?;
        Ok(account)
    });
    let account = account.map_err(|error| parquet.explain(csv.explain(error))).with_context(|| format!("account {period}"))?;
    let mut statement = account.statement;
    statement.findings.extend(edition.findings());
    statement.findings.sort();
    if let Some(refusal) = Refusal::of(&statement.findings) {
        return Err(refusal.into());
    }
    statement.status = Status::edition(edition.number, edition.reason.clone(), statement.status.coverage);
    let mut files = Vec::new();
    for format in &edition.formats {
        if let Some(bytes) = format.render(&statement) {
            files.push((path(*format), Content::Bytes(bytes?)));
        }
    }
    for (format, spooling) in
        [(Format::Csv, csv), (Format::Parquet, parquet)].into_iter().filter(|(format, _)| edition.formats.contains(format))
    {
        files.push((path(format), Content::Spooled(spooling.finish()?)));
    }
    Ok(Made { ledger: ledger(account.contents), statement, files })
}

/// Where a format's file lies in a closed month.
fn path(format: Format) -> String {
    let folder = if format.ledger().is_some() { LEDGER_FOLDER } else { REPORT_FOLDER };
    format!("{folder}/{}", format.file_name())
}

fn ledger(contents: Vec<DayContent>) -> SealedLedger {
    let day =
        |day: DayContent| SealedDay { cluster: day.cluster, day: day.day.to_string(), rows: day.content.rows, sha256: day.content.sha256 };
    SealedLedger::of(contents.into_iter().map(day).collect())
}
