//! `wattledger sample`: an auditor's sample of the hourly ledger of a closed month, drawn so that anybody who knows the seed draws the same rows.
//!
//! In: a closed month, how many, a seed that the auditor chooses. Out: rows of the sealed ledger with their ids, as a table, JSON or CSV. Rule: rows come from
//! `ledger/ledger.parquet` as it was sealed, checked by its SHA-256; how they are drawn is told by [`draw`] and in docs/auditor.md.
//! Does not: choose a seed, or look at a row before it is drawn.

mod draw;
mod ledger;
mod show;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};

use self::draw::{Smallest, Units};
pub use self::ledger::LEDGER_FILE;
use self::ledger::Ledger;
use self::show::Drawn;
use super::account::Books;
use super::exit;
use crate::config::Config;
use crate::evidence::{Sealed, Store};
use crate::model::Hint;

#[derive(Debug, Args)]
pub struct SampleArgs {
    /// The closed month, as in 2026-10
    #[arg(long, value_name = "YYYY-MM", value_parser = super::month)]
    pub month: String,

    /// Which edition of the month [default: the newest]
    #[arg(long, value_name = "N")]
    pub edition: Option<u32>,

    /// How many rows
    #[arg(long, value_name = "N", default_value_t = 25, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub n: u32,

    /// Any text; choose it after the month was closed, so that nobody could have known it
    #[arg(long, value_name = "SEED")]
    pub seed: String,

    /// What a row's chance is proportional to: the same for every row, or its emissions
    #[arg(long, value_enum, value_name = "WEIGHT", default_value_t = Weight::Row)]
    pub weight: Weight,

    /// Print JSON
    #[arg(long, conflicts_with = "csv")]
    pub json: bool,

    /// Print CSV, with the columns of ledger.csv
    #[arg(long)]
    pub csv: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Weight {
    /// Every row has the same chance
    Row,
    /// Location-based emissions by hourly factors: a row's chance is proportional to them, and a row may be hit more than once
    Emissions,
}

pub fn run(args: &SampleArgs, config: &Config) -> Result<u8> {
    let store = Books::open(config)?.store;
    let sealed = closed(&store, &args.month, args.edition)?;
    let ledger = Ledger::of(&store, &sealed)?;
    let drawn = draw(&ledger, args).with_context(|| format!("draw from the ledger of {}", args.month))?;
    show::print(&drawn, args, &sealed, &ledger)?;
    Ok(exit::DONE)
}

/// The edition of a closed month that was asked for.
pub fn closed(store: &Store, month: &str, edition: Option<u32>) -> Result<Sealed> {
    store.sealed(month, edition)?.with_context(|| {
        let which = edition.map_or_else(String::new, |edition| format!(" in edition {edition}"));
        Hint::new(format!("{month} is not closed{which}"), format!("`wattledger close --month {month}` closes it"))
    })
}

fn draw(ledger: &Ledger, args: &SampleArgs) -> Result<Vec<Drawn>> {
    let count = args.n as usize;
    let positions: Vec<(u64, u64)> = match args.weight {
        Weight::Row => {
            let mut drawn = Smallest::new(&args.seed, count);
            ledger.ids(|id| drawn.see(id))?;
            drawn.finish().into_iter().map(|position| (position, 1)).collect()
        }
        Weight::Emissions => {
            let mut total = 0_i128;
            ledger.emissions(|ugco2e| total += i128::from(ugco2e))?;
            let mut drawn = Units::new(&args.seed, count, total);
            ledger.emissions(|ugco2e| drawn.see(ugco2e))?;
            drawn.finish()
        }
    };
    let rows = ledger.rows(&positions.iter().map(|(position, _)| *position).collect::<Vec<_>>())?;
    Ok(positions.into_iter().zip(rows).map(|((_, hits), row)| Drawn { hits, row }).collect())
}
