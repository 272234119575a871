//! The counterfactual section: totals, a waterfall, and every run.

use super::basis::Basis;
use super::chart::{Axis, px};
use super::figure::Figure;
use crate::disclosure::Statement;
use crate::disclosure::statement::{Counterfactual, CounterfactualFigures, JobRunStatement};
use crate::model::{BaselineRule, Cause};
use crate::reports::runs::Runs;
use crate::reports::view;
use crate::units::MicrogramsCo2e;

const RULE: &str = "Method, section 7: active energy at the intensities that came to pass, on both sides. Avoided emissions count towards no target (ESRS E1-4 34(b), 2023 edition); \
                    nothing here is in the inventory or netted against it.";

pub struct Section<'a> {
    pub basis: Basis<'a>,
    pub counterfactual: &'a Counterfactual,
    pub totals: Vec<TotalRow>,
    pub waterfall: Vec<WaterfallBar>,
    pub waterfall_desc: String,
    pub shifted: Vec<RunRow<'a>>,
    pub unshifted: Vec<RunRow<'a>>,
    pub unplaced: Vec<RunRow<'a>>,
}

pub struct TotalRow {
    pub label: &'static str,
    pub cause: &'static str,
    pub runs: u64,
    pub shifted: u64,
    pub gained: String,
    pub captured: String,
    pub figures: Vec<Figure>,
}

/// One step of the waterfall. `class` carries both colour and hatching, so that it works in grey.
pub struct WaterfallBar {
    pub label: &'static str,
    pub class: &'static str,
    pub x: String,
    pub width: String,
    pub y: u32,
    pub text: String,
    pub text_x: String,
    /// Where this bar ends and the next begins: a thin line joins them.
    pub end_x: String,
}

pub struct RunRow<'a> {
    pub run: &'a JobRunStatement,
    pub start: String,
    pub baseline_start: String,
    pub delay: String,
    pub rule: &'static str,
    pub cause: &'static str,
    pub baseline_zone: &'a str,
    pub actual: Figure,
    pub counterfactual: Figure,
    pub avoided: Figure,
    pub active: Figure,
    pub is_loss: bool,
    pub reason: &'a str,
}

impl<'a> Section<'a> {
    pub fn of(statement: &'a Statement) -> Self {
        let counterfactual = &statement.counterfactual;
        let runs = Runs::of(&statement.job_runs);
        let rows = |runs: &[&'a JobRunStatement]| runs.iter().map(|run| run_row(run)).collect();
        let steps = waterfall_steps(&counterfactual.by_cause.carbon, &counterfactual.by_cause.other);
        Self {
            basis: Basis::new(RULE).with_series(statement, |_| true),
            counterfactual,
            totals: vec![
                total_row("All placed runs", "all", &counterfactual.total),
                total_row("Shifted for carbon", "carbon", &counterfactual.by_cause.carbon),
                total_row("Shifted for another reason", "other", &counterfactual.by_cause.other),
                total_row("Not shifted", "none", &counterfactual.by_cause.none),
            ],
            waterfall_desc: waterfall_desc(&steps),
            waterfall: waterfall(&steps),
            shifted: rows(&runs.shifted),
            unshifted: rows(&runs.unshifted),
            unplaced: rows(&runs.unplaced),
        }
    }
}

impl Section<'_> {
    /// Whether no single run is listed.
    pub fn is_empty(&self) -> bool {
        self.shifted.is_empty() && self.unshifted.is_empty() && self.unplaced.is_empty()
    }
}

fn total_row(label: &'static str, cause: &'static str, figures: &CounterfactualFigures) -> TotalRow {
    TotalRow {
        label,
        cause,
        runs: figures.runs,
        shifted: figures.shifted_runs,
        gained: view::percent_of(figures.gained_runs as i64, figures.runs as i64),
        captured: view::percent(figures.captured_share),
        figures: vec![
            Figure::emissions("counterfactual_ugco2e", figures.counterfactual_ugco2e),
            Figure::emissions("actual_ugco2e", figures.actual_ugco2e),
            Figure::difference("gains_ugco2e", figures.gains_ugco2e),
            Figure::difference("losses_ugco2e", figures.losses_ugco2e),
            Figure::difference("avoided_ugco2e", figures.avoided_ugco2e),
        ],
    }
}

struct Step {
    label: &'static str,
    class: &'static str,
    amount: MicrogramsCo2e,
    is_signed: bool,
}

/// Runs that were shifted, whatever the cause. Those that were not are equal on both sides and would only shrink the picture.
fn waterfall_steps(carbon: &CounterfactualFigures, other: &CounterfactualFigures) -> [Step; 4] {
    let step = |label, class, amount, is_signed| Step { label, class, amount, is_signed };
    let negated = |amount: MicrogramsCo2e| MicrogramsCo2e::ZERO - amount;
    [
        step("Had nothing been shifted", "total", carbon.counterfactual_ugco2e + other.counterfactual_ugco2e, false),
        step("Less, by runs that gained", "gain", negated(carbon.gains_ugco2e + other.gains_ugco2e), true),
        step("More, by runs that lost", "loss", negated(carbon.losses_ugco2e + other.losses_ugco2e), true),
        step("As it was", "actual", carbon.actual_ugco2e + other.actual_ugco2e, false),
    ]
}

fn waterfall(steps: &[Step; 4]) -> Vec<WaterfallBar> {
    const LEFT: f64 = 190.0;
    const WIDTH: f64 = 500.0;
    let ink = |amount: MicrogramsCo2e| view::kg(amount).number();
    let axis = Axis::upto(ink(steps[0].amount.max(steps[3].amount)).max(ink(steps[0].amount + steps[1].amount + steps[2].amount)));
    let x = |kilograms: f64| LEFT + axis.part(kilograms) * WIDTH;
    let mut level = 0.0;
    let bars = steps.iter().enumerate().map(|(index, step)| {
        let amount = ink(step.amount);
        let (from, to) = if step.is_signed { (level, level + amount) } else { (0.0, amount) };
        level = to;
        let (low, high) = (x(from.min(to)), x(from.max(to)));
        let kilograms = view::kg(step.amount);
        WaterfallBar {
            label: step.label,
            class: step.class,
            x: px(low),
            width: px((high - low).max(0.8)),
            y: 14 + 40 * index as u32,
            text: if step.is_signed { kilograms.signed() } else { kilograms.to_string() },
            text_x: px(high + 6.0),
            end_x: px(x(to)),
        }
    });
    bars.collect()
}

fn waterfall_desc(steps: &[Step; 4]) -> String {
    let part = |step: &Step| format!("{}: {} kg", step.label.to_lowercase(), view::kg(step.amount));
    format!("Shifted runs only, in kg CO2e, axis from zero. {}.", steps.iter().map(part).collect::<Vec<_>>().join("; "))
}

fn run_row(run: &JobRunStatement) -> RunRow<'_> {
    let minutes = run.start.zip(run.baseline_start).map(|(start, baseline)| (start - baseline).num_minutes());
    RunRow {
        run,
        start: run.start.map_or_else(|| view::UNKNOWN.to_owned(), view::utc_minute),
        baseline_start: run.baseline_start.map_or_else(|| view::UNKNOWN.to_owned(), view::utc_minute),
        delay: minutes.map_or_else(|| view::UNKNOWN.to_owned(), |minutes| format!("{}:{:02}", minutes / 60, (minutes % 60).abs())),
        rule: rule(run.baseline_rule),
        cause: cause(run.cause),
        baseline_zone: run.baseline_zone.as_deref().unwrap_or(view::UNKNOWN),
        active: Figure::energy("active_mj", run.active_mj),
        actual: Figure::emissions("actual_ugco2e", run.actual_ugco2e),
        counterfactual: Figure::emissions("counterfactual_ugco2e", run.counterfactual_ugco2e),
        avoided: Figure::difference("avoided_ugco2e", run.avoided_ugco2e),
        is_loss: run.avoided_ugco2e.is_some_and(|avoided| avoided.get() < 0),
        reason: run.unplaced_reason.as_deref().unwrap_or(""),
    }
}

pub fn rule(rule: Option<BaselineRule>) -> &'static str {
    match rule {
        None => view::UNKNOWN,
        Some(BaselineRule::Annotation) => "annotation",
        Some(BaselineRule::Decision) => "decision",
        Some(BaselineRule::Schedule) => "schedule",
        Some(BaselineRule::Creation) => "creation",
        Some(BaselineRule::OwnStart) => "own start",
    }
}

pub fn cause(cause: Cause) -> &'static str {
    match cause {
        Cause::Carbon => "carbon",
        Cause::Other => "other",
        Cause::None => "none",
    }
}
