//! `wattledger restate`: accounts the closed months of a range anew, and adds an edition where something changed.
//!
//! In: a range of months, the configuration, the evidence. Out: editions in the evidence, a table or JSON on stdout, and an exit code. Rule: restating is of what was
//! published, so a month that was never closed is named and skipped; months are accounted one at a time, oldest first, and of each only a line is kept; one that
//! findings refuse, or that cannot be read, holds up no other. It can be stopped at any moment and run again: a month that was restated is known by its seal.
//! Assumes: one process closes or restates at a time (the lock). Does not: collect, or judge whether a change is worth publishing.

mod estimate;
mod outcome;
mod plan;
mod text;

use std::io::Write;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use chrono::{DateTime, Utc};
use clap::Args;

use self::estimate::Estimate;
use self::outcome::{Outcome, Row, Summary};
use self::plan::{Planned, State};
use super::account::{Books, EngineArgs};
use super::close::issuing::{self, Terms, Worked};
use super::close::{self, Sealer};
use super::exit;
use super::progress::Heading;
use super::report::Format;
use crate::config::Config;
use crate::evidence::Lock;
use crate::evidence::closed::Chain;
use crate::model::{Hint, Refusal};

#[derive(Debug, Args)]
pub struct RestateArgs {
    /// The first month, as in 2022-01, in the organisation's time zone
    #[arg(long, value_name = "YYYY-MM", value_parser = super::month)]
    pub from: String,

    /// The last month, which is restated too; `last` is the last one that is over
    #[arg(long, value_name = "YYYY-MM", value_parser = super::month)]
    pub to: String,

    /// Why; the cover of each restated report says so
    #[arg(long, value_name = "TEXT", required_unless_present = "dry_run")]
    pub reason: Option<String>,

    /// Say what would change, and write nothing
    #[arg(long)]
    pub dry_run: bool,

    /// Which report files to make, separated by commas [default: all of them]
    #[arg(long, value_enum, value_name = "FORMAT", value_delimiter = ',', default_values_t = Format::ALL, hide_default_value = true)]
    pub format: Vec<Format>,

    /// Write the summary as JSON, with all totals of each month
    #[arg(long)]
    pub json: bool,

    /// The time that the seals say [default: SOURCE_DATE_EPOCH, else now]
    #[arg(long, value_name = "RFC3339")]
    pub at: Option<DateTime<Utc>>,

    #[command(flatten)]
    pub engine: EngineArgs,
}

/// What a run works with from its first month to its last.
struct Run<'a> {
    books: Books,
    sealer: Sealer,
    terms: Terms,
    at: Option<DateTime<Utc>>,
    /// None: a dry run, which writes nothing.
    writing: Option<Writing>,
    accept: &'a [String],
}

/// The right to write, and where the next seal comes.
struct Writing {
    lock: Lock,
    chain: Chain,
}

pub fn run(args: &RestateArgs, config: &Config, accept: &[String]) -> Result<u8> {
    let months = plan::months(&args.from, &args.to, config.time_zone, Utc::now())?;
    let books = Books::open(config)?;
    // A key that cannot be used, and a chain that does not hold, are said before anything is accounted.
    let sealer = Sealer::open(&config.sealing)?;
    let writing = match args.dry_run {
        true => None,
        false => {
            let lock = books.store.lock(close::LOCK)?;
            Some(Writing { lock, chain: issuing::whole_chain(&books.store)? })
        }
    };
    let terms = Terms {
        accept: accept.to_vec(),
        keeps_acceptances: true,
        reason: args.reason.clone(),
        engine: args.engine.open(config)?,
        threads: args.engine.threads,
        // Nobody reads the files of a dry run.
        formats: if args.dry_run { Vec::new() } else { args.format.clone() },
    };
    let planned = plan::of(&books, &months)?;
    if planned.iter().all(|planned| planned.state == State::NotClosed) {
        bail!(Hint::new(
            format!("no month from {} to {} is closed, so there is nothing to restate", months[0], months[months.len() - 1]),
            "`wattledger close --month YYYY-MM` closes a month; `report` gives drafts of months that are not closed",
        ));
    }
    let mut run = Run { books, sealer, terms, at: args.at, writing, accept };
    let mut summary = Summary::new(&months, args.reason.as_deref(), args.dry_run);
    let ended = run.months(&planned, &mut summary);
    // What was done stands, also where the run came to no good end, and so does what is said of it.
    let text = if args.json { serde_json::to_string_pretty(&summary)? + "\n" } else { text::table(&summary) };
    // A closed pipe (`wattledger restate … | head`) is no failure.
    let _ = std::io::stdout().write_all(text.as_bytes());
    ended?;
    if summary.count(Outcome::Refused) > 0 {
        eprintln!(
            "hint: mend what each line names, or accept it by name with --accept CODE, and run this again: only what is not done is accounted"
        );
    }
    run.warn_of_unused(&summary);
    Ok(summary.exit_code())
}

impl Run<'_> {
    fn months(&mut self, planned: &[Planned], summary: &mut Summary) -> Result<()> {
        let mut estimate = Estimate::new(planned.iter().map(Planned::cluster_days).sum());
        for (number, month) in planned.iter().enumerate() {
            let row = match month.state {
                State::NotClosed => Row::new(month, Outcome::NotClosed),
                State::Unchanged { .. } => Row::new(month, Outcome::Unchanged),
                State::ToAccount { .. } => {
                    let place = format!("{} of {} months", number + 1, planned.len());
                    let left = estimate.left().map(|left| format!(", {left} left")).unwrap_or_default();
                    let heading = Heading::new(&format!("restate {}, {place}{left}", month.period));
                    let begun = Instant::now();
                    let row = self.month(month).with_context(|| format!("restate {}", month.period))?;
                    drop(heading);
                    estimate.add(month.cluster_days(), begun.elapsed());
                    let left = estimate.left().map(|left| format!("; {place}, {left} left")).unwrap_or_default();
                    eprintln!("{}{left}", text::line(&row, summary.dry_run));
                    row
                }
            };
            for finding in &row.findings {
                eprintln!("refused: {}: {}: {}", row.month, finding.code, finding.message);
            }
            summary.months.push(row);
        }
        Ok(())
    }

    /// What goes wrong while a month is worked out is that month's trouble; what goes wrong while it is written ends the run.
    fn month(&mut self, month: &Planned) -> Result<Row> {
        let worked = match self.work_out(month) {
            Ok(worked) => worked,
            Err(error) => {
                return Ok(match error.downcast_ref::<Refusal>() {
                    Some(refusal) => Row { findings: refusal.findings.clone(), ..Row::new(month, Outcome::Refused) },
                    None => Row { error: Some(format!("{error:#}")), ..Row::new(month, Outcome::Failed) },
                });
            }
        };
        let Worked::Another(mut draft) = worked else { return Ok(Row::new(month, Outcome::Unchanged)) };
        let Some(Writing { lock, chain }) = &mut self.writing else {
            return Ok(Row::of_draft(month, Outcome::WouldBeRestated, &draft));
        };
        draft.weigh();
        let row = Row::of_draft(month, Outcome::Restated, &draft);
        draft.issue(&self.sealer, self.at, chain, lock)?;
        Ok(row)
    }

    fn work_out(&self, month: &Planned) -> Result<Worked> {
        let newest = self.books.store.sealed(&month.period.to_string(), None)?;
        let newest = newest.context("it was closed when this run began, and its seal is gone")?;
        issuing::work_out(&self.books, month.period, Some(newest), &self.sealer, &self.terms)
    }

    /// A code that no month had need of may be misspelt.
    fn warn_of_unused(&self, summary: &Summary) {
        for code in self.accept.iter().filter(|code| !summary.months.iter().any(|row| row.accepted.contains(code))) {
            tracing::warn!("--accept {code} accepts nothing: no such finding refuses one of these months");
        }
    }
}

/// Says of the whole run what a script branches on.
impl Summary {
    fn exit_code(&self) -> u8 {
        let has = |outcome: Outcome| self.months.iter().any(|row| row.outcome == outcome);
        match (has(Outcome::Failed), has(Outcome::Refused)) {
            (true, _) => exit::FAILED,
            (false, true) => exit::REFUSED,
            (false, false) => exit::DONE,
        }
    }
}
