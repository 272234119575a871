//! From the counterfactual to what happened, as four bars: what was, less gains, plus losses, what is.

use crate::disclosure::statement::CounterfactualFigures;
use crate::reports::html::chart::{Axis, px};
use crate::reports::view;
use crate::units::MicrogramsCo2e;

pub struct Waterfall {
    pub bars: Vec<Bar>,
    pub desc: String,
}

/// One step. `class` carries both colour and hatching, so that it works in grey.
pub struct Bar {
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

struct Step {
    label: &'static str,
    class: &'static str,
    amount: MicrogramsCo2e,
    is_signed: bool,
}

impl Waterfall {
    /// Runs that were shifted, whatever the cause. Those that were not are equal on both sides and would only shrink the picture.
    pub fn of(carbon: &CounterfactualFigures, other: &CounterfactualFigures) -> Self {
        let step = |label, class, amount, is_signed| Step { label, class, amount, is_signed };
        let negated = |amount: MicrogramsCo2e| MicrogramsCo2e::ZERO - amount;
        let steps = [
            step("Had nothing been shifted", "total", carbon.counterfactual_ugco2e + other.counterfactual_ugco2e, false),
            step("Less, by runs that gained", "gain", negated(carbon.gains_ugco2e + other.gains_ugco2e), true),
            step("More, by runs that lost", "loss", negated(carbon.losses_ugco2e + other.losses_ugco2e), true),
            step("As it was", "actual", carbon.actual_ugco2e + other.actual_ugco2e, false),
        ];
        Self { bars: bars(&steps), desc: desc(&steps) }
    }
}

fn bars(steps: &[Step; 4]) -> Vec<Bar> {
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
        Bar {
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

fn desc(steps: &[Step; 4]) -> String {
    let part = |step: &Step| format!("{}: {} kg", step.label.to_lowercase(), view::kg(step.amount));
    format!("Shifted runs only, in kg CO2e, axis from zero. {}.", steps.iter().map(part).collect::<Vec<_>>().join("; "))
}
