//! What stands beside the result and is never added to it: money, the marginal view, forecasts, overheads, capacity.

use crate::disclosure::statement::{ConsequentialFigures, Counterfactual, DisagreementSums, ForecastError, JobRunStatement, Overheads};
use crate::reports::html::figure::Figure;
use crate::reports::view;
use crate::units::MicroEuros;

pub struct Money<'a> {
    pub runs: u64,
    /// Counterfactual, actual, gains, losses, saved.
    pub figures: Vec<Figure>,
    pub disagreements: Vec<DisagreementRow>,
    /// The runs in which money and carbon disagree, the largest in carbon first.
    pub runs_apart: Vec<RunApart<'a>>,
    pub more_runs_apart: usize,
}

pub struct DisagreementRow {
    pub label: &'static str,
    pub runs: u64,
    pub avoided: Figure,
    pub saved: Figure,
}

pub struct RunApart<'a> {
    pub run: &'a JobRunStatement,
    pub start: String,
    pub avoided: Figure,
    pub saved: Figure,
    pub which: &'static str,
}

/// More are counted, and listed on the sheet of job runs.
const RUNS_APART: usize = 10;
const CLEANER: &str = "less carbon, more money";
const CHEAPER: &str = "less money, more carbon";

impl<'a> Money<'a> {
    pub fn of(counterfactual: &Counterfactual, runs: &'a [JobRunStatement]) -> Option<Self> {
        let cost = counterfactual.cost.as_ref()?;
        let mut apart: Vec<RunApart<'a>> = runs.iter().filter_map(apart).collect();
        apart.sort_by_key(|row| std::cmp::Reverse(row.run.avoided_ugco2e.map_or(0, |avoided| avoided.get().unsigned_abs())));
        let more_runs_apart = apart.len().saturating_sub(RUNS_APART);
        apart.truncate(RUNS_APART);
        let sums = |label, sums: &DisagreementSums| DisagreementRow {
            label,
            runs: sums.runs,
            avoided: Figure::difference("avoided_ugco2e", sums.avoided_ugco2e),
            saved: Figure::euro_difference("saved_micro_eur", sums.saved_micro_eur),
        };
        let disagreement = &counterfactual.disagreement;
        Some(Self {
            runs: cost.runs,
            figures: vec![
                Figure::euros("counterfactual_micro_eur", cost.counterfactual_micro_eur),
                Figure::euros("actual_micro_eur", cost.actual_micro_eur),
                Figure::euro_difference("gains_micro_eur", cost.gains_micro_eur),
                Figure::euro_difference("losses_micro_eur", cost.losses_micro_eur),
                Figure::euro_difference("saved_micro_eur", cost.saved_micro_eur),
            ],
            disagreements: vec![sums(CLEANER, &disagreement.cleaner_and_dearer), sums(CHEAPER, &disagreement.cheaper_and_dirtier)],
            runs_apart: apart,
            more_runs_apart,
        })
    }
}

fn apart(run: &JobRunStatement) -> Option<RunApart<'_>> {
    let (avoided, saved): (_, MicroEuros) = (run.avoided_ugco2e?, run.cost?.saved_micro_eur);
    let which = match (avoided.get().signum(), saved.get().signum()) {
        (1, -1) => CLEANER,
        (-1, 1) => CHEAPER,
        _ => return None,
    };
    Some(RunApart {
        run,
        start: run.start.map_or_else(|| view::UNKNOWN.to_owned(), view::utc_minute),
        avoided: Figure::difference("avoided_ugco2e", avoided),
        saved: Figure::euro_difference("saved_micro_eur", saved),
        which,
    })
}

pub struct Consequential<'a> {
    pub figures: &'a ConsequentialFigures,
    pub cells: Vec<Figure>,
    pub attributional: Figure,
}

impl<'a> Consequential<'a> {
    pub fn of(figures: &'a ConsequentialFigures) -> Self {
        Self {
            figures,
            cells: vec![
                Figure::emissions("counterfactual_ugco2e", figures.counterfactual_ugco2e),
                Figure::emissions("actual_ugco2e", figures.actual_ugco2e),
                Figure::difference("gains_ugco2e", figures.gains_ugco2e),
                Figure::difference("losses_ugco2e", figures.losses_ugco2e),
                Figure::difference("avoided_ugco2e", figures.avoided_ugco2e),
            ],
            attributional: Figure::difference("attributional_avoided_ugco2e", figures.attributional_avoided_ugco2e),
        }
    }
}

pub struct Forecasts<'a> {
    pub forecast: &'a ForecastError,
    pub expected: Figure,
    pub realised: Figure,
    pub mean_error: String,
    pub mean_absolute_error: String,
}

impl<'a> Forecasts<'a> {
    pub fn of(forecast: &'a ForecastError) -> Self {
        Self {
            forecast,
            expected: Figure::difference("expected_avoided_ugco2e", forecast.expected_avoided_ugco2e),
            realised: Figure::difference("realised_avoided_ugco2e", forecast.realised_avoided_ugco2e),
            mean_error: view::grams_per_kwh(forecast.mean_error_gco2e_per_kwh).signed(),
            mean_absolute_error: view::grams_per_kwh(forecast.mean_absolute_error_gco2e_per_kwh).to_string(),
        }
    }
}

pub struct OverheadPart<'a> {
    pub overheads: &'a Overheads,
    pub energy: Figure,
    pub emissions: Figure,
    pub less_overheads: Figure,
}

impl<'a> OverheadPart<'a> {
    pub fn of(overheads: &'a Overheads) -> Self {
        Self {
            overheads,
            energy: Figure::energy("energy_mj", overheads.energy_mj),
            emissions: Figure::emissions("emissions_ugco2e", overheads.emissions_ugco2e),
            less_overheads: Figure::difference("avoided_less_overheads_ugco2e", overheads.avoided_less_overheads_ugco2e),
        }
    }
}

pub struct CapacityPart {
    pub examined_hours: u64,
    pub unknown_clusters: String,
    pub rows: Vec<CapacityRow>,
    pub more_hours: usize,
}

pub struct CapacityRow {
    pub cluster: String,
    pub hour: String,
    pub requested: String,
    pub allocatable: String,
    pub jobs: String,
}

/// The hours that exceed most; all are in `report.json` and in the workbook.
const HOURS: usize = 20;

impl CapacityPart {
    pub fn of(counterfactual: &Counterfactual) -> Self {
        let capacity = &counterfactual.capacity;
        let mut hours: Vec<_> = capacity.exceeded.iter().collect();
        hours.sort_by_key(|hour| std::cmp::Reverse(hour.requested_milli - hour.allocatable_milli));
        let more_hours = hours.len().saturating_sub(HOURS);
        hours.truncate(HOURS);
        let rows = hours.into_iter().map(|hour| CapacityRow {
            cluster: hour.cluster.clone(),
            hour: view::utc_minute(hour.hour),
            requested: view::cores(hour.requested_milli).to_string(),
            allocatable: view::cores(hour.allocatable_milli).to_string(),
            jobs: hour.jobs.join(", "),
        });
        Self {
            examined_hours: capacity.examined_hours,
            unknown_clusters: capacity.unknown_clusters.join(", "),
            rows: rows.collect(),
            more_hours,
        }
    }
}
