//! What was found, for a terminal: the starts, the zones, and the curve of each.
//!
//! In: the answer, the organisation's time zone. Out: text, a hundred columns wide at most. Rule: times are those of the clock on the wall there, with its offset,
//! which on two days of the year tells two hours of one name apart; colours say nothing that words do not.

use std::fmt::Write;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};

use super::answer::{Answer, Mean, Start};
use super::{AskedBasis, Found};
use crate::accounting::windows::RunMean;
use crate::outlook::Course;
use crate::units::Rounded;

/// Columns of a curve.
const CURVE: i64 = 72;
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const HOLE: char = '·';
const LOCAL: &str = "%a %d %b %H:%M %:z";

pub fn text(found: &Found, answer: &Answer, time_zone: Tz, is_coloured: bool) -> String {
    let local =
        |text: &str| text.parse::<DateTime<Utc>>().map(|at| at.with_timezone(&time_zone).format(LOCAL).to_string()).unwrap_or_default();
    let mut out = format!(
        "A run of {} within {} from {}, at home in {}: {} starts, {} apart\n\n",
        span(found.terms.duration_ms),
        span(found.terms.within_ms),
        found.at.with_timezone(&time_zone).format(LOCAL),
        answer.home_zone,
        answer.candidates,
        span(found.terms.step_ms),
    );
    out += &indented(&starts(answer, &local));
    out += &format!("\n{}\n\n", saving(answer));
    if found.zones.len() > 1 {
        out += &indented(&zones(answer, &local));
        out.push('\n');
    }
    out += &curves(found, answer, time_zone, is_coloured);
    out += &sources(answer, &local);
    if let Some(record) = &answer.decision {
        let kept = if record.decision.held_out { ", held out: left unshifted to compare with" } else { "" };
        let start = record.decision.chosen_start.with_timezone(&time_zone).format(LOCAL);
        writeln!(out, "\ndecided for {} {}/{}: {start}{kept}", record.cluster, record.namespace, record.job).expect("a string takes all");
    }
    out
}

fn starts(answer: &Answer, local: &dyn Fn(&str) -> String) -> Table {
    let mut table = table();
    let has_prices = answer.best.mean.eur_per_kwh.is_some() || answer.worst.mean.eur_per_kwh.is_some();
    let mut head = vec!["", "zone", "start", "g/kWh", "to now", "to worst"];
    head.extend(has_prices.then_some("EUR/kWh"));
    head.extend(answer.kwh.map(|_| "kg"));
    head.extend(answer.kwh.filter(|_| has_prices).map(|_| "EUR"));
    table.set_header(head);
    let mut row = |name: &str, start: Option<&Start>, mean: Option<&Mean>| {
        let place = start.map_or(("", String::new()), |start| (start.zone.as_str(), local(&start.start)));
        let figures = mean.map_or_else(|| vec!["unknown".to_owned()], |mean| figures(mean, has_prices, answer.kwh.is_some()));
        table.add_row([vec![name.to_owned(), place.0.to_owned(), place.1], figures].concat());
    };
    row("best", Some(&answer.best), Some(&answer.best.mean));
    row("now", answer.now.as_ref(), answer.now.as_ref().map(|now| &now.mean));
    row("mean", None, Some(&answer.mean));
    row("worst", Some(&answer.worst), Some(&answer.worst.mean));
    for column in table.column_iter_mut().skip(3) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn figures(mean: &Mean, has_prices: bool, has_energy: bool) -> Vec<String> {
    let shown = |value: f64, digits| Rounded::of_measured(value, digits).to_string();
    let change =
        |saving: Option<f64>| saving.map_or_else(|| "–".to_owned(), |saving| format!("{} %", Rounded::of_measured(-saving, 1).signed()));
    let mut row = vec![shown(mean.gco2e_per_kwh, 1), change(mean.saving_against_now_percent), change(mean.saving_against_worst_percent)];
    let or_unknown = |value: Option<f64>, digits| value.map_or_else(|| "unknown".to_owned(), |value| shown(value, digits));
    row.extend(has_prices.then(|| or_unknown(mean.eur_per_kwh, 4)));
    row.extend(has_energy.then(|| or_unknown(mean.gco2e.map(|grams| grams / 1e3), 3)));
    row.extend((has_energy && has_prices).then(|| or_unknown(mean.eur, 2)));
    row
}

fn saving(answer: &Answer) -> String {
    let shown = |saving: Option<f64>| saving.map(|saving| Rounded::of_measured(saving, 1).to_string());
    let best = &answer.best.mean;
    let worst = shown(best.saving_against_worst_percent).map_or_else(String::new, |saving| format!(", {saving} % against the worst"));
    match (shown(best.saving_against_now_percent), &answer.now) {
        (Some(saving), _) => format!("The best start saves {saving} % against starting at once at home{worst}."),
        (None, Some(_)) => "Starting at once at home emits nothing already.".to_owned(),
        (None, None) => format!("What starting at once at home would meet is not known{worst}."),
    }
}

fn zones(answer: &Answer, local: &dyn Fn(&str) -> String) -> Table {
    let mut table = table();
    table.set_header(["zone", "best start", "best", "mean", "worst", "now", "starts", "in a hole"]);
    for zone in &answer.zones {
        let start = zone.best.as_ref().map_or_else(|| "unknown".to_owned(), |best| local(&best.start));
        let grams =
            |mean: Option<&Mean>| mean.map_or_else(|| "–".to_owned(), |mean| Rounded::of_measured(mean.gco2e_per_kwh, 1).to_string());
        let of = |start: &Option<Start>| grams(start.as_ref().map(|start| &start.mean));
        table.add_row([
            zone.zone.clone(),
            start,
            of(&zone.best),
            grams(zone.mean.as_ref()),
            of(&zone.worst),
            of(&zone.now),
            zone.candidates.to_string(),
            zone.ineligible.to_string(),
        ]);
    }
    for column in table.column_iter_mut().skip(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn table() -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING);
    table
}

fn indented(table: &Table) -> String {
    table.lines().map(|line| format!("  {}\n", line.trim_end())).collect()
}

/// One line of bars a zone, all of them to one scale, and below the best zone's where the run would be.
fn curves(found: &Found, answer: &Answer, time_zone: Tz, is_coloured: bool) -> String {
    let from_ms = found.terms.from_ms;
    let steps = (found.terms.within_ms + found.terms.step_ms - 1) / found.terms.step_ms;
    let cell_ms = (steps + CURVE - 1) / CURVE * found.terms.step_ms;
    let cells = (found.terms.within_ms + cell_ms - 1) / cell_ms;
    let end_of = |cell: i64| (from_ms + (cell + 1) * cell_ms).min(from_ms + found.terms.within_ms);
    let means = |course: &Course| -> Vec<Option<f64>> {
        let mean = |cell: i64| {
            let start_ms = from_ms + cell * cell_ms;
            RunMean::over(&course.intensity, start_ms, end_of(cell)).map(|mean| mean.grams().get())
        };
        (0..cells).map(mean).collect()
    };
    let curves: Vec<Option<Vec<Option<f64>>>> = found.courses.iter().map(|course| course.as_ref().ok().map(means)).collect();
    let values = || curves.iter().flatten().flatten().copied().flatten();
    let (low, high) = (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max));
    if low > high {
        return String::new();
    }
    let widest = found.zones.iter().map(|zone| zone.chars().count()).max().unwrap_or(0);
    let bar = |value: &Option<f64>| match value {
        None => HOLE,
        // A flat curve is drawn low, not high.
        Some(value) => BARS[(((value - low) / (high - low).max(f64::MIN_POSITIVE)) * 7.0).round() as usize],
    };
    let mut out = String::new();
    for (zone, curve) in found.zones.iter().zip(&curves) {
        let Some(curve) = curve else { continue };
        let line: String = curve.iter().map(bar).collect();
        writeln!(out, "  {zone:widest$} {line}").expect("a string takes all");
        if *zone == answer.best.zone {
            let best = found.search.bounds.map_or(from_ms, |bounds| bounds.best.start_ms);
            let is_in_run = |cell: i64| from_ms + cell * cell_ms < best + found.terms.duration_ms && end_of(cell) > best;
            let mark: String = (0..cells).map(|cell| if is_in_run(cell) { '━' } else { ' ' }).collect();
            let mark = if is_coloured { format!("\u{1b}[32m{}\u{1b}[0m", mark.trim_end()) } else { mark.trim_end().to_owned() };
            writeln!(out, "  {:widest$} {mark}", "").expect("a string takes all");
        }
    }
    let local = |at: DateTime<Utc>| at.with_timezone(&time_zone).format("%a %H:%M").to_string();
    let (first, last) = (local(found.at), local(found.at + TimeDelta::milliseconds(found.terms.within_ms)));
    let gap = (cells as usize).saturating_sub(first.chars().count() + last.chars().count()).max(2);
    writeln!(out, "  {:widest$} {first}{}{last}", "", " ".repeat(gap)).expect("a string takes all");
    let scale = |value: f64| Rounded::of_measured(value, 0);
    let hole = if curves.iter().flatten().flatten().any(Option::is_none) { format!(", {HOLE} unknown") } else { String::new() };
    writeln!(out, "  {:widest$} ▁ {} to █ {} g/kWh, ━ the best start's run{hole}\n", "", scale(low), scale(high))
        .expect("a string takes all");
    out
}

/// What the values of each zone are.
fn sources(answer: &Answer, local: &dyn Fn(&str) -> String) -> String {
    const LISTED: usize = 2;
    let expected = if answer.basis == AskedBasis::DayBefore.word() { "the same hours of the days before" } else { "a forecast" };
    let mut out = String::new();
    for zone in &answer.zones {
        if let Some(unknown) = &zone.unknown {
            writeln!(out, "{}: {}", zone.zone, unknown.code).expect("a string takes all");
            continue;
        }
        let mut names: Vec<String> =
            zone.origins.iter().rev().take(LISTED).map(|origin| format!("{} {}", origin.provider, shortened(&origin.edition))).collect();
        names.reverse();
        let more = zone.origins.len().saturating_sub(LISTED);
        if more > 0 {
            names.insert(0, format!("{more} editions more"));
        }
        let forecast = zone.forecast_from.as_ref().map_or_else(String::new, |from| format!("; {expected} from {} on", local(from)));
        writeln!(out, "{}: {}{forecast}", zone.zone, names.join(", ")).expect("a string takes all");
    }
    out
}

/// A digest as long as editions have it elsewhere.
fn shortened(edition: &str) -> String {
    const DIGEST: usize = 64;
    const SHOWN: usize = 12;
    let word = |word: &str| {
        if word.len() == DIGEST && word.bytes().all(|byte| byte.is_ascii_hexdigit()) { word[..SHOWN].to_owned() } else { word.to_owned() }
    };
    edition.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

fn span(ms: i64) -> String {
    // As one would write it: 24h and not 1day.
    match ms.unsigned_abs() {
        hours if hours.is_multiple_of(3_600_000) => format!("{}h", hours / 3_600_000),
        other => humantime::format_duration(std::time::Duration::from_millis(other)).to_string(),
    }
}
