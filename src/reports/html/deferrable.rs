//! Which work could have waited, how much of it did, and what to move next.

use super::basis::Basis;
use super::chart::px;
use super::figure::Figure;
use crate::disclosure::Statement;
use crate::disclosure::statement::{ClassRow, MoveNext};
use crate::model::DeferralClass;
use crate::reports::view;
use crate::reports::words::shifting;
use crate::units::{MicrogramsCo2e, Millijoules};

const RULE: &str = "Method, section 8: by label, else by the policy in the configuration; what serves users is not deferrable unless a label says so. \
                    Savings are against the runs as they were, at intensities that came to pass; nothing here is in the inventory.";

pub struct Section<'a> {
    pub basis: Basis<'a>,
    pub pieces: Vec<Piece>,
    pub pieces_desc: String,
    pub classes: Vec<ClassLine>,
    pub first: Option<String>,
    pub moves: Vec<MoveLine<'a>>,
    pub more_moves: usize,
}

/// A piece of the bar of all active energy, in thousandths of its width.
pub struct Piece {
    pub class: &'static str,
    pub label: &'static str,
    pub percent: String,
    pub x: String,
    pub width: String,
}

pub struct ClassLine {
    pub class: &'static str,
    pub basis: &'static str,
    pub workloads: u64,
    pub runs: u64,
    pub active: Figure,
    pub share: String,
    pub shifted: Figure,
    pub shifted_share: String,
    pub for_carbon: Figure,
    pub could_have: Figure,
}

pub struct MoveLine<'a> {
    pub rank: usize,
    pub row: &'a MoveNext,
    pub active: Figure,
    pub actual: Figure,
    pub delay: String,
    pub max_delay: String,
    pub by: &'static str,
    pub by_meaning: &'static str,
    pub saved: Figure,
    pub saved_share: String,
    pub at_best: Figure,
    /// Of the largest, in hundredths.
    pub bar: String,
}

/// The rest is in `report.json` and in the workbook.
const MOVES: usize = 20;

impl<'a> Section<'a> {
    pub fn of(statement: &'a Statement) -> Self {
        let deferrability = &statement.counterfactual.deferrability;
        let all: Millijoules = deferrability.classes.iter().map(|row| row.active_mj).sum();
        let pieces = pieces(&deferrability.classes, all);
        let said = |piece: &Piece| format!("{} {}", piece.label, piece.percent);
        let worth_it: Vec<&MoveNext> =
            deferrability.move_next.iter().filter(|row| row.saved_by_delay_ugco2e > MicrogramsCo2e::ZERO).collect();
        let largest = worth_it.first().map_or(1, |row| row.saved_by_delay_ugco2e.get());
        Self {
            basis: Basis::new(RULE).with_series(statement, |_| true),
            pieces_desc: pieces.iter().map(said).collect::<Vec<_>>().join(", "),
            pieces,
            classes: deferrability.classes.iter().map(|row| class_line(row, all)).collect(),
            first: worth_it.first().map(|row| advice(row)),
            more_moves: worth_it.len().saturating_sub(MOVES),
            moves: worth_it.into_iter().take(MOVES).enumerate().map(|(index, row)| move_line(index + 1, row, largest)).collect(),
        }
    }
}

fn pieces(classes: &[ClassRow], all: Millijoules) -> Vec<Piece> {
    let sum = |class: DeferralClass, of: fn(&ClassRow) -> Millijoules| -> Millijoules {
        classes.iter().filter(|row| row.class == class).map(of).sum()
    };
    let deferrable = sum(DeferralClass::Deferrable, |row| row.active_mj);
    let shifted = sum(DeferralClass::Deferrable, |row| row.shifted_mj);
    let parts = [
        ("class-shifted", "deferrable, shifted", shifted),
        ("class-deferrable", "deferrable, not shifted", deferrable - shifted),
        ("class-unclassified", "batch work that nobody classified", sum(DeferralClass::Unclassified, |row| row.active_mj)),
        ("class-fixed", "not deferrable", sum(DeferralClass::NotDeferrable, |row| row.active_mj)),
    ];
    let mut left = 0.0;
    let piece = |(class, label, energy): (&'static str, &'static str, Millijoules)| {
        let width = if all > Millijoules::ZERO { energy.get() as f64 / all.get() as f64 * 1_000.0 } else { 0.0 };
        let piece = Piece { class, label, percent: view::percent_of(energy.get(), all.get()), x: px(left), width: px(width) };
        left += width;
        piece
    };
    parts.into_iter().map(piece).collect()
}

fn class_line(row: &ClassRow, all: Millijoules) -> ClassLine {
    ClassLine {
        class: shifting::class(row.class),
        basis: shifting::class_basis(row.basis),
        workloads: row.workloads,
        runs: row.runs,
        active: Figure::energy("active_mj", row.active_mj),
        share: view::percent_of(row.active_mj.get(), all.get()),
        shifted: Figure::energy("shifted_mj", row.shifted_mj),
        shifted_share: view::percent_of(row.shifted_mj.get(), row.active_mj.get()),
        for_carbon: Figure::energy("shifted_for_carbon_mj", row.shifted_for_carbon_mj),
        could_have: Figure::difference("could_have_avoided_ugco2e", row.could_have_avoided_ugco2e),
    }
}

fn move_line(rank: usize, row: &MoveNext, largest: i64) -> MoveLine<'_> {
    MoveLine {
        rank,
        row,
        active: Figure::energy("active_mj", row.active_mj),
        actual: Figure::emissions("actual_ugco2e", row.actual_ugco2e),
        delay: view::hours_minutes(row.delay_seconds),
        max_delay: view::hours_minutes(row.max_delay_seconds),
        by: shifting::window_basis(row.basis),
        by_meaning: shifting::window_basis_meaning(row.basis),
        saved: Figure::difference("saved_by_delay_ugco2e", row.saved_by_delay_ugco2e),
        saved_share: view::percent_of(row.saved_by_delay_ugco2e.get(), row.actual_ugco2e.get()),
        at_best: Figure::difference("saved_at_best_ugco2e", row.saved_at_best_ugco2e),
        bar: px(row.saved_by_delay_ugco2e.get() as f64 / largest.max(1) as f64 * 100.0),
    }
}

/// The one thing to do, as a sentence.
fn advice(row: &MoveNext) -> String {
    let when = if row.delay_seconds == 0 {
        format!("in {}, at the same time,", row.zone)
    } else {
        format!("{} h later, in {},", view::hours_minutes(row.delay_seconds), row.zone)
    };
    let runs = if row.runs == 1 { "its run".to_owned() } else { format!("each of its {} runs", row.runs) };
    format!(
        "First: {} of {} in {}. Had {runs} started {when} it would have emitted {} kg CO₂e less, {} of what it emitted ({}).",
        row.workload,
        row.namespace,
        row.cluster,
        view::kg(row.saved_by_delay_ugco2e),
        view::percent_of(row.saved_by_delay_ugco2e.get(), row.actual_ugco2e.get()),
        shifting::window_basis_meaning(row.basis),
    )
}
