//! The summary of a run as text: a table of the totals that changed, month by month, and how many months came to what.
//!
//! In: the [`Summary`]. Out: text for stdout, and a line a month for stderr. Rule: totals are shown as `diff` shows them. Does not: leave out a month.

use std::fmt::Write;

use super::outcome::{LargestCause, Outcome, Row, Summary, Total};
use crate::cli::close;
use crate::cli::diff::shown::{Scale, per_cent};
use crate::reports::words;

const HEADS: [&str; 7] = ["month", "edition", "total", "before", "after", "difference", ""];
/// The columns of amounts, which stand at the right.
const AMOUNTS: std::ops::Range<usize> = 3..6;
/// Before the name of a total.
const TOTALS: &str = "totals:";

/// One line on what became of a month.
pub fn line(row: &Row, is_dry: bool) -> String {
    let month = &row.month;
    let edition = row.edition_before.unwrap_or_default();
    match row.outcome {
        Outcome::NotClosed => format!("{month}: not closed"),
        Outcome::Unchanged => format!("{month}: nothing to restate; edition {edition} stands"),
        Outcome::Refused => {
            let mut codes: Vec<&str> = row.findings.iter().map(|finding| finding.code.as_str()).collect();
            codes.dedup();
            format!("{month}: refused: {}; edition {edition} stands", codes.join(", "))
        }
        Outcome::Failed => format!("{month}: failed: {}; edition {edition} stands", row.error.as_deref().unwrap_or_default()),
        Outcome::Restated | Outcome::WouldBeRestated => {
            let word = if is_dry { "would be restated as" } else { "restated as" };
            let count = row.figures_changed;
            format!("{month}: {word} edition {}: {count} figures differ", row.edition_after.unwrap_or_default())
        }
    }
}

pub fn table(summary: &Summary) -> String {
    let rows: Vec<[String; HEADS.len()]> = summary.months.iter().flat_map(cells).collect();
    let width = |at: usize| rows.iter().map(|row| row[at].chars().count()).chain([HEADS[at].chars().count()]).max().unwrap_or(0);
    let widths: Vec<usize> = (0..HEADS.len()).map(width).collect();
    let mut out = String::new();
    for row in std::iter::once(HEADS.map(str::to_owned)).chain(rows) {
        let mut line = String::new();
        for (at, cell) in row.iter().enumerate() {
            let blanks = " ".repeat(widths[at] - cell.chars().count());
            let (before, after) = if AMOUNTS.contains(&at) { (blanks.as_str(), "") } else { ("", blanks.as_str()) };
            write!(line, "{before}{cell}{after}  ").expect("a string takes all");
        }
        writeln!(out, "{}", line.trim_end()).expect("a string takes all");
    }
    writeln!(out, "\n{}", counts(summary)).expect("a string takes all");
    out
}

/// A month's lines: one for each total that changed, the first with the month's name.
fn cells(row: &Row) -> Vec<[String; HEADS.len()]> {
    let edition = |edition: Option<u32>| edition.map_or_else(|| "–".to_owned(), |edition| edition.to_string());
    let editions = match row.edition_before == row.edition_after {
        true => edition(row.edition_before),
        false => format!("{} → {}", edition(row.edition_before), edition(row.edition_after)),
    };
    let said = |what: String| [row.month.clone(), editions.clone(), what, String::new(), String::new(), String::new(), String::new()];
    match row.outcome {
        Outcome::NotClosed => vec![said("not closed; nothing was published of it".to_owned())],
        Outcome::Unchanged => vec![said("nothing to restate".to_owned())],
        Outcome::Refused | Outcome::Failed => {
            let line = line(row, false);
            vec![said(line.strip_prefix(&format!("{}: ", row.month)).unwrap_or(&line).to_owned())]
        }
        Outcome::Restated | Outcome::WouldBeRestated => {
            let changed: Vec<&Total> = row.totals.iter().filter(|total| total.before != total.after).collect();
            if changed.is_empty() {
                let what = format!("no total differs; {} other figures do", row.figures_changed);
                let [month, edition, what, a, b, c, _] = said(what);
                return vec![[month, edition, what, a, b, c, why(row)]];
            }
            let first = changed.iter().enumerate().map(|(number, total)| {
                let [before, after, change] = amounts(total);
                let name = words::label(total.figure.strip_prefix(TOTALS).unwrap_or(&total.figure)).to_owned();
                match number {
                    0 => [row.month.clone(), editions.clone(), name, before, after, change, why(row)],
                    _ => [String::new(), String::new(), name, before, after, change, String::new()],
                }
            });
            first.collect()
        }
    }
}

/// What is worth the most of the change; where that was not worked out, what has changed.
fn why(row: &Row) -> String {
    match &row.largest_cause {
        Some(LargestCause { cause, .. }) => format!("mostly {}", cause.name()),
        None if row.changed.is_empty() => String::new(),
        None => format!("changed: {}", close::listed(&row.changed)),
    }
}

fn amounts(total: &Total) -> [String; 3] {
    let Some(scale) = Scale::of(total.unit) else { return Default::default() };
    let decimals = scale.decimals(total.change.unwrap_or_default());
    let amount = |value: Option<i64>| {
        value.map_or_else(|| "unknown".to_owned(), |value| format!("{} {}", scale.amount(value, decimals), scale.shown))
    };
    let change = total.change.map(|change| {
        let share = total
            .before
            .filter(|before| *before != 0)
            .map(|before| format!(" ({})", per_cent(change as f64 / before.unsigned_abs() as f64)));
        format!("{}{}", scale.change(change, decimals), share.unwrap_or_default())
    });
    let known = if total.before.is_none() { "known now" } else { "unknown now" };
    [amount(total.before), amount(total.after), change.unwrap_or_else(|| known.to_owned())]
}

/// `3 months restated, 1 with nothing to restate, 1 not closed, 1 refused.`
fn counts(summary: &Summary) -> String {
    let of = |outcome: Outcome, what: &str| (summary.count(outcome) > 0).then(|| format!("{} {what}", summary.count(outcome)));
    let parts: Vec<String> = [
        of(Outcome::Restated, "restated"),
        of(Outcome::WouldBeRestated, "would be restated"),
        of(Outcome::Unchanged, "with nothing to restate"),
        of(Outcome::NotClosed, "not closed"),
        of(Outcome::Refused, "refused"),
        of(Outcome::Failed, "failed"),
    ]
    .into_iter()
    .flatten()
    .collect();
    let dry = if summary.dry_run { " Nothing was written." } else { "" };
    format!("Of {} months: {}.{dry}", summary.months.len(), parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::restate::plan::{Planned, State};
    use crate::disclosure::difference::Cause;
    use crate::model::{Finding, Severity};
    use crate::units::ReportingPeriod;

    fn row(month: &str, state: State, outcome: Outcome) -> Row {
        let period = ReportingPeriod::parse(month, chrono_tz::UTC).unwrap();
        Row::new(&Planned { period, state }, outcome)
    }

    fn total(name: &str, unit: &'static str, before: Option<i64>, after: Option<i64>) -> Total {
        let change = before.zip(after).map(|(before, after)| after - before);
        Total { figure: format!("totals:{name}"), unit, before, after, change }
    }

    #[test]
    fn every_month_has_its_lines_and_what_came_of_it() {
        let closed = State::ToAccount { edition: 1, cluster_days: 31 };
        let mut restated = row("2025-10", closed, Outcome::Restated);
        restated.edition_after = Some(2);
        restated.figures_changed = 12;
        restated.totals = vec![
            total("facility_mj", "mJ", Some(3_600_000_000), Some(3_600_000_000)),
            total("scope2_location_based_ugco2e", "µgCO2e", Some(2_000_000_000), Some(2_500_000_000)),
            total("scope2_market_based_ugco2e", "µgCO2e", None, Some(1_000_000_000)),
        ];
        let cause = Cause::FactorsAndConfiguration;
        restated.largest_cause =
            Some(LargestCause { cause, figure: "totals:scope2_location_based_ugco2e".to_owned(), unit: "µgCO2e", change: 1 });
        let mut refused = row("2025-12", closed, Outcome::Refused);
        refused.findings = vec![Finding::new("GAP", Severity::Blocked, "9 % of node-hours.")];
        let mut summary = Summary::new(&[], Some("new factors"), false);
        summary.months = vec![
            restated,
            row("2025-11", State::Unchanged { edition: 3 }, Outcome::Unchanged),
            refused,
            row("2026-01", State::NotClosed, Outcome::NotClosed),
        ];

        let text = table(&summary);

        let lines: Vec<Vec<&str>> =
            text.lines().map(|line| line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect()).collect();
        assert_eq!(lines[0], ["month", "edition", "total", "before", "after", "difference"]);
        let (location, market) = ("Scope 2, location-based, hourly factors", "Scope 2, market-based");
        assert_eq!(
            lines[1],
            ["2025-10", "1 → 2", location, "2.000 kg CO2e", "2.500 kg CO2e", "+0.500 (+25.0 %)", "mostly factors and configuration"]
        );
        assert_eq!(lines[2], [market, "unknown", "1.000 kg CO2e", "known now"]);
        assert_eq!(lines[3], ["2025-11", "3", "nothing to restate"]);
        assert_eq!(lines[4], ["2025-12", "1", "refused: GAP; edition 1 stands"]);
        assert_eq!(lines[5], ["2026-01", "–", "not closed; nothing was published of it"]);
        assert!(text.ends_with("\nOf 4 months: 1 restated, 1 with nothing to restate, 1 not closed, 1 refused.\n"), "{text}");
    }
}
