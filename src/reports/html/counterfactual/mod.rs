//! The counterfactual section: at a glance, how it was come by, what it hangs on, and every run.

mod baselines;
mod beside;
mod possible;
mod runs;
mod timelines;
mod waterfall;

use self::baselines::Baselines;
use self::beside::{CapacityPart, Consequential, Forecasts, Money, OverheadPart};
use self::possible::Possible;
use self::runs::RunRow;
use self::timelines::Picture;
use self::waterfall::Waterfall;
use super::basis::Basis;
use super::cover::{Aside, Headline};
use super::figure::Figure;
use crate::disclosure::Statement;
use crate::disclosure::figure_ids::{Part, RowId};
use crate::disclosure::statement::{Counterfactual, CounterfactualFigures, JobRunStatement};
use crate::reports::runs::Runs;
use crate::reports::view;
use crate::units::MicrogramsCo2e;

const RULE: &str = "Method, section 7: active energy at the intensities that came to pass, on both sides. Avoided emissions count towards no target (ESRS E1-4 34(b), 2023 edition); \
                    nothing here is in the inventory or netted against it.";

pub struct Section<'a> {
    pub basis: Basis<'a>,
    pub counterfactual: &'a Counterfactual,
    pub headlines: Vec<Headline>,
    pub totals: Vec<TotalRow>,
    pub waterfall: Waterfall,
    pub possible: Option<Possible>,
    pub timelines: Vec<Picture<'a>>,
    pub baselines: Baselines<'a>,
    pub money: Option<Money<'a>>,
    pub consequential: Option<Consequential<'a>>,
    pub forecasts: Option<Forecasts<'a>>,
    pub overheads: OverheadPart<'a>,
    pub capacity: CapacityPart,
    pub shifted: Vec<RunRow<'a>>,
    pub unshifted: Vec<RunRow<'a>>,
    pub unplaced: Vec<RunRow<'a>>,
}

pub struct TotalRow {
    pub id: String,
    pub label: &'static str,
    pub cause: &'static str,
    pub runs: u64,
    pub shifted: u64,
    pub gained: String,
    pub captured: String,
    pub figures: Vec<Figure>,
}

impl<'a> Section<'a> {
    pub fn of(statement: &'a Statement) -> Self {
        let counterfactual = &statement.counterfactual;
        let runs = Runs::of(&statement.job_runs);
        let rows = |of: &[&'a JobRunStatement]| of.iter().map(|run| RunRow::of(run, runs.id(run))).collect();
        let total = &counterfactual.total;
        Self {
            basis: Basis::new(RULE).with_series(statement, |_| true),
            counterfactual,
            headlines: headlines(counterfactual),
            totals: vec![
                total_row("All placed runs", "all", total),
                total_row("Shifted for carbon", "carbon", &counterfactual.by_cause.carbon),
                total_row("Shifted for another reason", "other", &counterfactual.by_cause.other),
                total_row("Not shifted", "none", &counterfactual.by_cause.none),
            ],
            waterfall: Waterfall::of(&counterfactual.by_cause.carbon, &counterfactual.by_cause.other),
            possible: Possible::of(&total.windowed, total.captured_share, &statement.job_runs),
            timelines: timelines::pictures(&counterfactual.timelines),
            baselines: Baselines::of(counterfactual),
            money: Money::of(counterfactual, &statement.job_runs),
            consequential: counterfactual.consequential.as_ref().map(Consequential::of),
            forecasts: counterfactual.forecast.as_ref().map(Forecasts::of),
            overheads: OverheadPart::of(&counterfactual.overheads),
            capacity: CapacityPart::of(counterfactual),
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

/// What was avoided for carbon, what of the possible that is, what moved for other reasons, and what it saved in money.
fn headlines(counterfactual: &Counterfactual) -> Vec<Headline> {
    let kilograms = |name, label, amount: MicrogramsCo2e| Aside {
        label,
        name,
        exact: Some(amount.get()),
        text: view::kg(amount).signed(),
        unit: "kg CO₂e",
    };
    let (carbon, other, total) = (&counterfactual.by_cause.carbon, &counterfactual.by_cause.other, &counterfactual.total);
    let id = |name: &str| match name {
        "avoided_for_carbon_ugco2e" => Some("counterfactual:carbon:avoided_ugco2e".to_owned()),
        "avoided_for_other_ugco2e" => Some("counterfactual:other:avoided_ugco2e".to_owned()),
        "saved_micro_eur" => Some("counterfactual:cost.saved_micro_eur".to_owned()),
        // A share is no figure of the ledger.
        _ => None,
    };
    let headline = |label, figure: Aside, asides, words| Headline { id: id(figure.name), label, figure, interval: None, asides, words };
    let mut headlines = vec![
        headline(
            "Avoided by shifting for carbon",
            kilograms("avoided_for_carbon_ugco2e", "", carbon.avoided_ugco2e),
            vec![kilograms("gains_ugco2e", "gains", carbon.gains_ugco2e), kilograms("losses_ugco2e", "losses", carbon.losses_ugco2e)],
            Some(format!("{} of {} shifted runs gained", carbon.gained_runs, carbon.shifted_runs)),
        ),
        headline(
            "Captured of what was possible in the windows",
            Aside { label: "", name: "captured_share", exact: None, text: view::percent(total.captured_share), unit: "" },
            Vec::new(),
            Some(format!("{} with a window", counted(total.windowed.runs))),
        ),
        headline(
            "Moved for another reason: queues, quotas",
            kilograms("avoided_for_other_ugco2e", "", other.avoided_ugco2e),
            Vec::new(),
            Some(format!("{}; nobody is credited with it", counted(other.shifted_runs))),
        ),
    ];
    if let Some(cost) = &counterfactual.cost {
        let saved = Aside {
            label: "",
            name: "saved_micro_eur",
            exact: Some(cost.saved_micro_eur.get()),
            text: view::eur(cost.saved_micro_eur).signed(),
            unit: "EUR",
        };
        headlines.push(headline(
            "Saved on electricity by all shifts",
            saved,
            Vec::new(),
            Some(format!("{} with prices", counted(cost.runs))),
        ));
    }
    headlines
}

fn counted(runs: u64) -> String {
    if runs == 1 { "1 run".to_owned() } else { format!("{runs} runs") }
}

fn total_row(label: &'static str, cause: &'static str, figures: &CounterfactualFigures) -> TotalRow {
    let part = if cause == "all" { Part::All } else { Part::Cause(cause.to_owned()) };
    TotalRow {
        id: RowId::Counterfactual(part).to_string(),
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
