//! What was possible: best, mean and worst start of the runs that had a window, with what was and what would have been on the same line.

use crate::disclosure::statement::{JobRunStatement, Windowed};
use crate::reports::html::chart::px;
use crate::reports::html::figure::Figure;
use crate::reports::view;
use crate::units::MicrogramsCo2e;

pub struct Possible {
    pub runs: u64,
    pub captured: String,
    /// What the best start of each run would have avoided beyond what was; none where they did better.
    pub left: Option<String>,
    /// Runs that emitted less than at any start in their window: they started outside of it.
    pub better_runs: usize,
    pub marks: Vec<Mark>,
    pub from_x: String,
    pub to_x: String,
    pub desc: String,
    pub figures: Vec<(&'static str, Figure)>,
}

/// A place on the line. Those above and those below take turns, so that labels of near neighbours do not meet.
pub struct Mark {
    pub class: &'static str,
    pub x: String,
    pub label: &'static str,
    pub text: String,
    pub text_y: u32,
    pub amount_y: u32,
    pub anchor: &'static str,
    pub tick_from: u32,
    pub tick_to: u32,
}

const LEFT: f64 = 70.0;
const WIDTH: f64 = 660.0;

impl Possible {
    pub fn of(windowed: &Windowed, captured_share: Option<f64>, runs: &[JobRunStatement]) -> Option<Self> {
        if windowed.runs == 0 {
            return None;
        }
        let (best, worst) = (windowed.best_ugco2e, windowed.worst_ugco2e);
        // Runs that started outside of their windows may have done better than the best, or worse than the worst.
        let (low, high) = (best.min(windowed.actual_ugco2e), worst.max(windowed.actual_ugco2e));
        let span = (high - low).get() as f64;
        let x = |amount: MicrogramsCo2e| LEFT + if span > 0.0 { (amount - low).get() as f64 / span * WIDTH } else { WIDTH / 2.0 };
        let places = [
            ("edge", "best start", best, true),
            ("mean", "mean of the window", windowed.mean_ugco2e, false),
            ("edge", "worst start", worst, true),
            ("would", "not shifted", windowed.counterfactual_ugco2e, true),
            ("was", "as it was", windowed.actual_ugco2e, false),
        ];
        let mark = |(class, label, amount, is_above): (&'static str, &'static str, MicrogramsCo2e, bool)| {
            let at = x(amount);
            let anchor = if at < LEFT + 60.0 {
                "start"
            } else if at > LEFT + WIDTH - 60.0 {
                "end"
            } else {
                "middle"
            };
            // Ends stand higher than what lies between them.
            let (text_y, tick_from, tick_to) = match (class, is_above) {
                ("edge", _) => (14, 34, 62),
                (_, true) => (96, 48, 70),
                (_, false) => {
                    (if class == "was" { 130 } else { 14 }, if class == "was" { 48 } else { 34 }, if class == "was" { 104 } else { 62 })
                }
            };
            let text = format!("{} kg", view::kg(amount));
            Mark { class, x: px(at), label, text, text_y, amount_y: text_y + 14, anchor, tick_from, tick_to }
        };
        let said = |(_, label, amount, _): &(&str, &str, MicrogramsCo2e, bool)| format!("{label} {} kg", view::kg(*amount));
        Some(Self {
            runs: windowed.runs,
            captured: view::percent(captured_share),
            left: (windowed.actual_ugco2e > best).then(|| format!("{} kg", view::kg(windowed.actual_ugco2e - best))),
            better_runs: runs
                .iter()
                .filter(|run| run.actual_ugco2e.zip(run.best_ugco2e).is_some_and(|(actual, best)| actual < best))
                .count(),
            desc: places.iter().map(said).collect::<Vec<_>>().join("; "),
            marks: places.into_iter().map(mark).collect(),
            from_x: px(x(best)),
            to_x: px(x(worst)),
            figures: vec![
                ("At the best start of each run", Figure::emissions("best_ugco2e", best)),
                ("As it was", Figure::emissions("actual_ugco2e", windowed.actual_ugco2e)),
                ("At a start drawn evenly from the window", Figure::emissions("mean_ugco2e", windowed.mean_ugco2e)),
                ("Had nothing been shifted", Figure::emissions("counterfactual_ugco2e", windowed.counterfactual_ugco2e)),
                ("At the worst start of each run", Figure::emissions("worst_ugco2e", worst)),
            ],
        })
    }
}
