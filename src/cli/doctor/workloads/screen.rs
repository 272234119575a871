//! The three lists as text, a hundred columns wide.
//!
//! In: an examination, how many workloads to show of each list, whether a person's terminal shows colours. Out: text. Rule: figures are rounded as the report rounds
//! them; what is not known is `n/a`, never 0; what is left out is counted. Does not: decide anything.

use std::fmt::Write;

use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Table, Width};

use super::Examination;
use super::judge::Judged;
use super::rows::Row;
use crate::accounting::counterfactual::window::WindowBasis;
use crate::model::ClassBasis;
use crate::reports::view::{UNKNOWN, hours_minutes, kg, kwh};
use crate::units::{MicrogramsCo2e, Millijoules, Rounded};

const WIDTH: u16 = 98;
/// Of the column of names; longer ones are broken.
const NAMES: u16 = 30;

pub fn text(examination: &Examination, top: usize, is_coloured: bool) -> String {
    let bold = |text: &str| if is_coloured { format!("\u{1b}[1m{text}\u{1b}[0m") } else { text.to_owned() };
    let Examination { month, time_zone, clusters, lists, .. } = examination;
    let mut out = String::new();
    let mut line = |text: &str| writeln!(out, "{}", text.trim_end()).expect("a string takes all");
    let sums = &lists.sums;
    line(&format!("{} in {time_zone}, {}: {} kWh of active energy", bold(month), clusters.join(", "), kwh(sums.active_mj)));
    let part = |energy: Millijoules| format!("{} kWh ({})", kwh(energy), percent_of(energy, sums.active_mj));

    line("");
    line(&bold("Runs as deferrable"));
    if lists.deferrable.is_empty() {
        line("nothing: no label and no [[deferrable]] table speaks of what ran");
    } else {
        let (avoided, best) = (kg_or_unknown(sums.deferrable_avoided_ugco2e), kg_or_unknown(sums.deferrable_best_ugco2e));
        line(&format!("{}; shifting avoided {avoided} kg CO2e, of {best} that its windows had to offer", part(sums.deferrable_mj)));
        list(&lists.deferrable, top, |judged| said_by(&judged.row)).lines().for_each(&mut line);
    }

    line("");
    line(&bold("Looks deferrable, and nobody said so"));
    if lists.unmarked.is_empty() {
        line("nothing");
    } else {
        let best = kg_or_unknown(sums.unmarked_best_ugco2e);
        line(&format!("{}; the windows below would have avoided {best} kg CO2e", part(sums.unmarked_mj)));
        list(&lists.unmarked, top, |judged| judged.because.clone().unwrap_or_default()).lines().for_each(&mut line);
    }

    line("");
    line(&bold("Marked as deferrable, and serves users"));
    if lists.marked_but_serving.is_empty() {
        line("nothing");
    } else {
        line(&part(sums.marked_but_serving_mj));
        list(&lists.marked_but_serving, top, |judged| format!("{}; {}", said_by(&judged.row), judged.because.clone().unwrap_or_default()))
            .lines()
            .for_each(&mut line);
    }

    line("");
    let is_suggested = |judged: &&Judged| judged.row.window_basis == Some(WindowBasis::Suggested);
    if lists.deferrable.iter().chain(&lists.unmarked).any(|judged| is_suggested(&judged)) {
        let suggested = hours_minutes(examination.suggested_max_delay_seconds);
        line(&format!("* nobody said how long it may wait; the window is [counterfactual] suggested_max_delay, {suggested} h"));
    }
    line("\"window offers\" looks back at the best start of each run; a forecast gets less of it");
    examination.notes.iter().for_each(|note| line(&format!("note: {note}")));
    line(&format!("\n{} {}", bold("Next:"), examination.next.replace('\n', "\n      ")));
    out
}

/// A list as a table, and how many workloads are not shown.
fn list(all: &[Judged], top: usize, why: impl Fn(&Judged) -> String) -> String {
    let mut table = Table::new();
    table.load_style(UTF8_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Dynamic).set_width(WIDTH);
    table.set_header(["workload", "why", "runs", "shifted", "kWh", "window", "window offers"]);
    *table.style_mut() = table
        .style()
        .row_separator(comfy_table::LineStyle::none())
        .header_separator(comfy_table::LineStyle::none().fill('─').junction('─'));
    for judged in all.iter().take(top) {
        let row = &judged.row;
        let of = if row.workloads > 1 { format!(" ({} of them)", row.workloads) } else { String::new() };
        table.add_row([
            format!("{} {}\n{}{of}", row.cluster, row.namespace, row.workload),
            why(judged),
            row.runs.to_string(),
            shifted(row),
            kwh(row.active_mj).to_string(),
            window(row),
            row.best_ugco2e.map_or_else(|| UNKNOWN.to_owned(), |best| format!("{} kg", kg(best))),
        ]);
    }
    if let Some(column) = table.column_mut(0) {
        column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(NAMES)));
    }
    for column in [2, 3, 4, 5, 6] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let hidden = all.len().saturating_sub(top);
    let more = if hidden > 0 { format!("\n… and {hidden} more; --top 0 shows all") } else { String::new() };
    format!("{table}{more}")
}

fn said_by(row: &Row) -> String {
    match row.said_by {
        ClassBasis::Label => "label",
        ClassBasis::Policy => "[[deferrable]]",
        ClassBasis::Kind => "kind",
        ClassBasis::None => "nobody",
    }
    .to_owned()
}

fn shifted(row: &Row) -> String {
    match row.avoided_ugco2e {
        Some(avoided) => format!("{}, {} kg", row.shifted_runs, kg(avoided).signed()),
        None => row.shifted_runs.to_string(),
    }
}

fn window(row: &Row) -> String {
    let mark = if row.window_basis == Some(WindowBasis::Suggested) { "*" } else { "" };
    row.max_delay_seconds.map_or_else(|| UNKNOWN.to_owned(), |seconds| format!("{}{mark}", hours_minutes(seconds)))
}

fn percent_of(part: Millijoules, whole: Millijoules) -> String {
    match whole.get() {
        0 => UNKNOWN.to_owned(),
        whole => format!("{} %", Rounded::of(i128::from(part.get()) * 100, whole.into(), 1)),
    }
}

fn kg_or_unknown(emissions: Option<MicrogramsCo2e>) -> String {
    emissions.map_or_else(|| UNKNOWN.to_owned(), |emissions| kg(emissions).to_string())
}
