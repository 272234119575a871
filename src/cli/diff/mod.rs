//! `wattledger diff`: two reports, figure by figure, which of their inputs differ, and between two editions of a month what that is worth.
//!
//! In: two of: a month, an edition of a closed month, a file report.json. Out: text or JSON on stdout. Rule: a month that is closed is what its newest edition
//! says, one that is not is accounted. Does not: judge a difference; the exit code is 0 whether there is one or not.

mod exchange;
pub mod shown;
mod sides;
mod text;

use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};
use clap::Args;
use serde_json::Value;

use self::exchange::{End, waterfall};
use self::sides::{Named, Read};
use super::account::Books;
use super::editions::Month;
use super::{colour, exit};
use crate::config::Config;
use crate::disclosure::Statement;
use crate::disclosure::difference::{Difference, Side, between};
use crate::evidence::{Sealed, Store};
use crate::units::ReportingPeriod;

#[derive(Args, Clone, Debug)]
pub struct DiffArgs {
    /// The earlier report: a month as in 2026-10, an edition of it as in 2026-10@1 or 2026-10@draft, or a file report.json
    #[arg(value_name = "BEFORE", value_parser = Named::parse)]
    pub before: Named,

    /// The later report, named likewise
    #[arg(value_name = "AFTER", value_parser = Named::parse)]
    pub after: Named,

    /// How many figures of each unit to show, largest change first; 0 shows all
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub top: usize,

    /// Write JSON instead of text, with every figure
    #[arg(long)]
    pub json: bool,
}

/// The configuration is read where one of the two is in the evidence; whoever has two files needs none.
pub fn run(args: &DiffArgs, config: &Path) -> Result<u8> {
    let names = [&args.before, &args.after];
    let config = if names.iter().any(|named| named.is_in_evidence()) { Some(Config::load(config)?) } else { None };
    let [before, after] = names.map(|named| named.read(config.as_ref()).with_context(|| format!("read the report of {named}")));
    let (before, after) = (before?, after?);
    let mut difference = between(before.side(), after.side());
    if let (Some(old), Some(new)) = (&before.month, &after.month)
        && old.period == new.period
        && !difference.figures.is_empty()
    {
        weigh(&mut difference, old.period, end(&before, old), end(&after, new));
    }
    let is_coloured = colour::is_wanted();
    let text = match args.json {
        true => serde_json::to_string_pretty(&difference)? + "\n",
        false => text::text(&difference, args.top, is_coloured),
    };
    // A closed pipe (`wattledger diff … | head`) is no failure.
    let _ = std::io::stdout().write_all(text.as_bytes());
    Ok(exit::DONE)
}

fn end<'a>(read: &'a Read, month: &'a Month) -> End<'a> {
    End { books: &month.books, report: &read.report, accept: month.accepted() }
}

/// What a restatement says otherwise than the edition that it takes the place of.
pub struct Restated {
    old: Month,
    old_report: Value,
    report: Value,
    pub difference: Difference,
}

/// Compares them. `store` is where the earlier edition lies, and `statement` is what `books` give now.
pub fn restated(store: &Store, before: &Sealed, books: &Books, edition: u32, statement: &Statement) -> Result<Restated> {
    let period = ReportingPeriod::parse(&before.seal.period.month, books.config.time_zone).map_err(anyhow::Error::msg)?;
    let old = Month { period, books: Books::of_closed(store, before)?, sealed: Some(before.clone()) };
    let (old_report, report) = (old.report()?, serde_json::to_value(statement).context("write the report")?);
    let (old_configuration, configuration) = (old.configuration(), String::from_utf8_lossy(&books.config.bytes));
    let difference = between(
        Side { report: &old_report, edition: old.edition(), configuration: Some(&old_configuration) },
        Side { report: &report, edition: Some(edition), configuration: Some(&configuration) },
    );
    Ok(Restated { old, old_report, report, difference })
}

impl Restated {
    /// Works out what each group of inputs is worth, by accounting the month again with one exchanged after the other.
    pub fn weigh(&mut self, books: &Books, accept: &[String]) {
        let Self { old, old_report, report, difference } = self;
        let before = End { books: &old.books, report: old_report, accept: old.accepted() };
        weigh(difference, old.period, before, End { books, report, accept });
    }

    /// The earlier report and the one that takes its place.
    pub fn reports(&self) -> [&Value; 2] {
        [&self.old_report, &self.report]
    }
}

/// A month that cannot be accounted halfway (steps of another length, a zone that only one of the two has) says so; its figures stand all the same.
fn weigh(difference: &mut Difference, period: ReportingPeriod, before: End<'_>, after: End<'_>) {
    match waterfall(period, before, after) {
        Ok(waterfall) => difference.waterfall = Some(waterfall),
        Err(error) => difference.no_waterfall = Some(format!("{error:#}")),
    }
}
