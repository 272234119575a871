//! From the books to an edition that is sealed: what a close and a restatement of many months share.
//!
//! In: books, a month, the edition that is there. Out: a [`Draft`], or that there is nothing new; of a draft, the sealed edition. Rule: a month that is closed gets another
//! edition only where a figure of it is another, or something that it was made from; what came since and lies outside of the month is neither. Files first, then
//! signature and time stamp, the seal last and only where none is. Does not: collect, or take the lock.

use anyhow::{Context, Result, bail, ensure};
use chrono::{DateTime, SubsecRound, Utc};

use super::acceptance::{self, Earlier};
use super::changes;
use super::files::{self, Edition, Made};
use super::inputs::{self, Inputs};
use super::sealing::Sealer;
use crate::cli::account::{self, Books, Engine, SOFTWARE};
use crate::cli::diff::{self, Restated};
use crate::cli::report::Format;
use crate::evidence::closed::{Chain, Replaced, SEAL_SCHEMA, SealedPeriod};
use crate::evidence::{Content, Created, Lock, Seal, SealKind, Sealed, SealedFile, Store};
use crate::model::{Finding, Hint};
use crate::units::ReportingPeriod;

/// In the folder of a restatement: which figures it says otherwise, and why.
const RESTATEMENT_FILE: &str = "restatement.json";

/// How editions of a run are made.
#[derive(Clone, Debug)]
pub struct Terms {
    /// Codes of findings that are accepted by name.
    pub accept: Vec<String>,
    /// Whether what an edition had accepted stays accepted in the next one, as long as it has not grown.
    pub keeps_acceptances: bool,
    /// Of a restatement.
    pub reason: Option<String>,
    pub engine: Engine,
    pub threads: Option<usize>,
    pub formats: Vec<Format>,
}

/// What became of working a month out.
pub enum Worked {
    /// The newest edition says the same, made from the same.
    TheSame,
    Another(Box<Draft>),
}

/// An edition that is worked out and not written.
pub struct Draft {
    books: Books,
    period: ReportingPeriod,
    pub edition: Edition,
    made: Made,
    inputs: Inputs,
    replaced: Option<(Sealed, Restated)>,
    /// What the month was made from and is another now, a phrase each; empty in a first edition.
    pub changes: Vec<String>,
}

/// Accounts the month. Findings that refuse it are an error; nothing is written.
pub fn work_out(books: &Books, period: ReportingPeriod, newest: Option<Sealed>, sealer: &Sealer, terms: &Terms) -> Result<Worked> {
    let kept: &[String] = newest.as_ref().filter(|_| terms.keeps_acceptances).map_or(&[], |newest| &newest.seal.accepted);
    let mut edition = Edition {
        number: newest.as_ref().map_or(1, |newest| newest.seal.edition + 1),
        reason: terms.reason.clone(),
        accept: acceptance::both(&terms.accept, kept),
        is_signed: sealer.can_sign(),
        is_stamped: sealer.can_stamp(),
        engine: terms.engine.clone(),
        formats: Format::ALL.into_iter().filter(|format| terms.formats.contains(format)).collect(),
    };
    let (store, readings) = books.store.noting_reads();
    let books = books.clone().with_store(store);
    let made = files::make(&books, period, &edition, terms.threads)?;
    if let Some(newest) = newest.as_ref().filter(|_| terms.keeps_acceptances) {
        let earlier = Earlier { edition: newest.seal.edition, accepted: kept, findings: &newest.seal.findings };
        acceptance::require_not_grown(&made.statement.findings, &earlier, &terms.accept)?;
        edition.accept = acceptance::needed(&edition.accept, &made.statement.findings);
    }
    let inputs = inputs::gather(&books, &readings)?;
    let Some(newest) = newest else {
        return Ok(Worked::Another(Box::new(Draft { books, period, edition, made, inputs, replaced: None, changes: Vec::new() })));
    };
    // That less is accepted than was is no news of the month.
    let before = &newest.seal.accepted;
    let accepts_the_same = match terms.keeps_acceptances {
        true => edition.accept.iter().all(|code| before.contains(code)),
        false => edition.accept == *before,
    };
    if accepts_the_same && is_made_from_the_same(&newest, &inputs) {
        return Ok(Worked::TheSame);
    }
    let changes = changes::since(&books, period, &newest)?;
    let restated = diff::restated(&books.store, &newest, &books, edition.number, &made.statement)?;
    if accepts_the_same && changes.is_empty() && restated.difference.figures.is_empty() {
        return Ok(Worked::TheSame);
    }
    Ok(Worked::Another(Box::new(Draft { books, period, edition, made, inputs, replaced: Some((newest, restated)), changes })))
}

/// Whether all that was read is what the newest edition was made from, to the byte.
fn is_made_from_the_same(newest: &Sealed, inputs: &Inputs) -> bool {
    let seal = &newest.seal;
    let same_copies = inputs.copies.iter().all(|(file, _)| seal.file(&file.path) == Some(file));
    same_copies && seal.evidence == inputs.evidence && seal.method == account::method() && seal.software == SOFTWARE
}

/// Reads the chain of all seals. One that does not hold is not added to.
pub fn whole_chain(store: &Store) -> Result<Chain> {
    let chain = store.chain()?;
    if let Some(broken) = chain.broken().first() {
        bail!(Hint::new(
            format!("BAD_CHAIN: {broken}"),
            "nothing was sealed; restore what is missing of `closed` from a copy: every bundle holds the seals before it",
        ));
    }
    Ok(chain)
}

impl Draft {
    pub fn findings(&self) -> &[Finding] {
        &self.made.statement.findings
    }

    /// What it says otherwise than the edition that it takes the place of.
    pub fn restated(&self) -> Option<&Restated> {
        self.replaced.as_ref().map(|(_, restated)| restated)
    }

    /// Works out what each group of inputs is worth of what a restatement says otherwise: the month is accounted a few times more.
    pub fn weigh(&mut self) {
        if let Some((_, restated)) = &mut self.replaced {
            restated.weigh(&self.books, &self.edition.accept);
        }
    }

    /// Writes the files and seals the edition. The chain has it then.
    pub fn issue(mut self, sealer: &Sealer, at: Option<DateTime<Utc>>, chain: &mut Chain, lock: &Lock) -> Result<Sealed> {
        if let Some((_, restated)) = &self.replaced {
            let bytes = serde_json::to_vec_pretty(&restated.difference).context("write what is restated")?;
            self.made.files.push((RESTATEMENT_FILE.to_owned(), Content::Bytes(bytes)));
        }
        let at = sealed_at(at)?;
        let (month, store) = (self.period.to_string(), self.books.store.clone());
        let sealed = self.write(sealer, at, chain)?;
        // A bucket that was out of reach for long may have given the lock to another.
        lock.check()?;
        match store.seal(&sealed).context("seal the month")? {
            Created::New => {}
            Created::WasThere => bail!(Hint::new(
                format!("LOCKED: another process has closed {month} in the meantime"),
                "run this again: it finds what the other has done",
            )),
        }
        chain.add(&sealed);
        Ok(sealed)
    }

    /// Writes the files, and makes the seal, which is not put into place yet.
    fn write(self, sealer: &Sealer, at: DateTime<Utc>, chain: &Chain) -> Result<Sealed> {
        let Self { books, period, edition, made, inputs, replaced, .. } = self;
        let (month, store) = (period.to_string(), &books.store);
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
        let (seq, previous) = chain.next();
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
            replaces: replaced.map(|(before, _)| Replaced { edition: before.seal.edition, sha256: before.sha256(), reason }),
            software: SOFTWARE.to_owned(),
            method: account::method(),
            engine: edition.engine.name().to_owned(),
            accepted: edition.accept.clone(),
            findings: made.statement.findings,
            totals: serde_json::from_value(totals).context("write the totals")?,
            ledger: made.ledger,
            evidence: inputs.evidence,
            absent: inputs.absent,
            files,
        };
        sealer.seal(seal)
    }
}

/// Whole seconds: from the command line, from `SOURCE_DATE_EPOCH` (reproducible-builds.org), or the clock.
fn sealed_at(at: Option<DateTime<Utc>>) -> Result<DateTime<Utc>> {
    let epoch = std::env::var("SOURCE_DATE_EPOCH").ok().filter(|text| !text.is_empty());
    let at = match (at, epoch) {
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
