//! `wattledger explain`: walks a figure of the report to what it is made of, level by level, down to counter samples, queries and evidence files.
//!
//! In: a figure's id, a month, the evidence. Out: text or JSON. Rule: the month is accounted again and every level is taken from what accounting made of it;
//! each level adds up to the one above, exactly, and says so; where one does not, the exit code is 1. Does not: compute a figure by another method.

mod aggregate;
mod day;
mod entities;
mod hourly;
mod meters;
mod node_day;
mod runs;
mod scopes;
mod step;
mod sums_of_runs;
mod text;
mod tree;
mod walk;
mod zone_evidence;

use std::io::Write;

use anyhow::{Context, Result, bail};
use clap::Args;

pub use self::text::sentence_case;
use self::tree::Explanation;
use self::walk::Walk;
use super::account::{self, Accounting};
use super::editions::{Edition, Month};
use super::{colour, exit};
use crate::config::Config;
use crate::disclosure::figure_ids::{FigureId, FigureIndex};
use crate::model::Hint;

/// Ids that are offered where one is not known.
const NEAREST: usize = 5;

#[derive(Args, Clone, Debug)]
pub struct ExplainArgs {
    /// The figure's id as the report prints it: a row's id, a colon, and the figure's name; a row's id alone lists its figures and walks its emissions or energy down; repeat for more
    #[arg(value_name = "FIGURE", required = true)]
    pub figures: Vec<String>,

    /// The month of the report, as in 2026-10
    #[arg(long, value_name = "YYYY-MM", value_parser = super::month)]
    pub month: String,

    /// The edition of a closed month, or `draft` for what the evidence gives now [default: the newest edition of a closed month, else the draft]
    #[arg(long, value_name = "N", value_parser = Edition::parse)]
    pub edition: Option<Edition>,

    /// How many levels to go down [default: all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub depth: Option<u64>,

    /// How many terms to show on each level, largest first; 0 shows all
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub top: usize,

    /// Write JSON instead of text: an object, or of several figures a list of them
    #[arg(long)]
    pub json: bool,
}

pub fn run(args: &ExplainArgs, config: &Config) -> Result<u8> {
    let month = Month::open(config, &args.month, args.edition.unwrap_or_default())?;
    let explanations = explain(args, &month).with_context(|| format!("explain a figure of {}", month.period))?;
    let is_coloured = colour::is_wanted();
    let text = match (args.json, explanations.as_slice()) {
        (true, [only]) => serde_json::to_string_pretty(only)? + "\n",
        (true, all) => serde_json::to_string_pretty(all)? + "\n",
        (false, all) => all.iter().map(|one| text::text(one, is_coloured)).collect::<Vec<_>>().join("\n\n"),
    };
    // A closed pipe (`wattledger explain … | head`) is no failure.
    let _ = std::io::stdout().write_all(text.as_bytes());
    let broken: Vec<String> = explanations.iter().flat_map(Explanation::broken).collect();
    if broken.is_empty() {
        return Ok(exit::DONE);
    }
    bail!(Hint::new(
        broken.join("; "),
        "the evidence was metered by another version of the software, or this is a defect of it; please report it",
    ))
}

fn explain(args: &ExplainArgs, month: &Month) -> Result<Vec<Explanation>> {
    let accounting = Accounting::default();
    let sealed = month.sealed_report()?.map(|report| FigureIndex::of(&report));
    let mut explanations = Vec::new();
    account::month_looking(&month.books, month.period, month.accepted(), &accounting, &mut |workings| {
        let index = FigureIndex::of(&serde_json::to_value(workings.statement).context("serialise the statement")?);
        let depth = args.depth.map_or(usize::MAX, |depth| usize::try_from(depth).unwrap_or(usize::MAX));
        let walk = Walk::new(workings, &index, args.top);
        for figure in &args.figures {
            let found = match FigureId::parse(figure) {
                Some((row, Some(field))) => walk.figure(&row, &field, depth).with_context(|| format!("walk down from {figure}"))?,
                Some((row, None)) => walk.row(&row, depth).with_context(|| format!("walk down from {figure}"))?,
                None => None,
            };
            let Some(mut found) = found else { bail!(unknown(figure, &index)) };
            if let (Some(sealed), Some(id)) = (&sealed, &found.id)
                && found.value != sealed.get(id).and_then(|figure| figure.value)
                && index.get(id).is_some()
            {
                let said =
                    sealed.get(id).and_then(|figure| figure.value).map_or_else(|| "nothing of it".to_owned(), |value| value.to_string());
                found.notes.push(format!(
                    "The report of edition {} says {said}: another version of the software made it.",
                    month.edition().unwrap_or(0)
                ));
            }
            explanations.push(found);
        }
        Ok(())
    })?;
    Ok(explanations)
}

fn unknown(figure: &str, index: &FigureIndex) -> Hint {
    let nearest = index.nearest(figure, NEAREST);
    Hint::new(
        format!("no figure `{figure}` in this month; the nearest are {}", nearest.join(", ")),
        "report.html prints the id of each row, and the heads of its columns the names of the figures",
    )
}
