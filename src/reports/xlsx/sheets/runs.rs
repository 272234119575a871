//! Sheets of the counterfactual and of job runs.

use super::{COUNTERFACTUAL, Cell, Column, JOB_RUNS, Table, table, text, with_ids};
use crate::disclosure::Statement;
use crate::disclosure::figure_ids::{Part, RowId};
use crate::disclosure::statement::{CounterfactualFigures, RunCost};
use crate::reports::runs::Runs;
use crate::reports::view;
use crate::reports::words::shifting;
use crate::units::MicroEuros;

pub fn counterfactual(statement: &Statement) -> Table {
    let figure = |header: &str, exact| Column { is_totalled: false, ..Column::figure(header, exact) };
    let columns = vec![
        Column::text("Runs", 26.0),
        Column::text("Placed", 8.0),
        Column::text("Shifted", 8.0),
        Column::text("Gained", 8.0),
        figure("Counterfactual (kg CO2e)", "counterfactual_ugco2e"),
        figure("Actual (kg CO2e)", "actual_ugco2e"),
        figure("Gains (kg CO2e)", "gains_ugco2e"),
        figure("Losses (kg CO2e)", "losses_ugco2e"),
        figure("Avoided (kg CO2e)", "avoided_ugco2e"),
        Column::text("Captured (of best)", 11.0),
    ];
    let row = |label: &str, figures: &CounterfactualFigures| {
        vec![
            text(label),
            Cell::Count(figures.runs),
            Cell::Count(figures.shifted_runs),
            Cell::Count(figures.gained_runs),
            Cell::Emissions(Some(figures.counterfactual_ugco2e)),
            Cell::Emissions(Some(figures.actual_ugco2e)),
            Cell::Emissions(Some(figures.gains_ugco2e)),
            Cell::Emissions(Some(figures.losses_ugco2e)),
            Cell::Emissions(Some(figures.avoided_ugco2e)),
            Cell::Percent(figures.captured_share),
        ]
    };
    let counterfactual = &statement.counterfactual;
    let rows = vec![
        row("All placed runs", &counterfactual.total),
        row("Shifted for carbon", &counterfactual.by_cause.carbon),
        row("Shifted for another reason", &counterfactual.by_cause.other),
        row("Not shifted", &counterfactual.by_cause.none),
    ];
    let note = format!("Runs that could not be placed: {}; each is on the sheet {JOB_RUNS} with its reason.", counterfactual.unplaced_runs);
    let parts = [Part::All].into_iter().chain(["carbon", "other", "none"].map(|cause| Part::Cause(cause.to_owned())));
    let table = with_ids(table(COUNTERFACTUAL, counterfactual.label, &note, columns, rows, false), parts.map(RowId::Counterfactual));
    Table { chart_rows: 22, ..table }
}

pub fn job_runs(statement: &Statement) -> Table {
    let columns = vec![
        Column::text("Job", 24.0),
        Column::text("Cluster", 14.0),
        Column::text("Namespace", 16.0),
        Column::text("Workload", 22.0),
        Column::text("Started (UTC)", 16.0),
        Column::text("Unshifted start (UTC)", 16.0),
        Column::text("By rule", 11.0),
        Column::text("Cause", 9.0),
        Column::text("Home zone", 9.0),
        Column::text("Ran in zone", 9.0),
        Column::figure("Counterfactual (kg CO2e)", "counterfactual_ugco2e"),
        Column::figure("Actual (kg CO2e)", "actual_ugco2e"),
        Column::figure("Avoided (kg CO2e)", "avoided_ugco2e"),
        Column::figure("Active energy (kWh)", "active_mj"),
        Column::figure("Outside the month (kWh)", "outside_mj"),
        Column::figure("At the best start (kg CO2e)", "best_ugco2e"),
        Column::figure("Mean of its window (kg CO2e)", "mean_ugco2e"),
        Column::figure("At the worst start (kg CO2e)", "worst_ugco2e"),
        Column::text("Best start (UTC)", 16.0),
        Column::text("Best zone", 9.0),
        Column::text("May wait (hours)", 9.0),
        Column::text("Window by", 10.0),
        Column::text("Cause read off", 15.0),
        Column::text("Decision from", 12.0),
        Column::text("Class", 17.0),
        Column::text("Class by", 12.0),
        Column::text("Held out", 9.0),
        Column::figure("Run at once (kg CO2e)", "at_creation_ugco2e"),
        Column::figure("As its workload starts (kg CO2e)", "historical_ugco2e"),
        Column::figure("Cost, counterfactual (EUR)", "counterfactual_micro_eur"),
        Column::figure("Cost, actual (EUR)", "actual_micro_eur"),
        Column::figure("Saved (EUR)", "saved_micro_eur"),
        Column::figure("Avoided, marginal (kg CO2e)", "consequential_avoided_ugco2e"),
        Column::text("Why it could not be placed, or has no bounds", 40.0),
    ];
    let runs = Runs::of(&statement.job_runs);
    let rows = runs.in_order().map(|run| {
        let mut row = vec![
            text(&run.job),
            text(&run.cluster),
            text(&run.namespace),
            text(&run.workload),
            Cell::Instant(run.start),
            Cell::Instant(run.baseline_start),
        ];
        row.extend([
            text(shifting::rule(run.baseline_rule)),
            text(shifting::cause(run.cause)),
            text(run.baseline_zone.as_deref().unwrap_or(view::UNKNOWN)),
            text(&run.grid_zone),
        ]);
        row.extend([Cell::Emissions(run.counterfactual_ugco2e), Cell::Emissions(run.actual_ugco2e), Cell::Emissions(run.avoided_ugco2e)]);
        row.extend([Cell::Energy(run.active_mj), Cell::Energy(run.outside_mj)]);
        row.extend([run.best_ugco2e, run.mean_ugco2e, run.worst_ugco2e].map(Cell::Emissions));
        row.extend([Cell::Instant(run.best_start), text(run.best_zone.as_deref().unwrap_or(view::UNKNOWN)), hours(run.max_delay_seconds)]);
        row.extend([
            text(run.window_basis.map_or("", shifting::window_basis)),
            text(shifting::cause_basis(run.cause_basis)),
            text(run.decision.as_ref().map_or("", |decision| shifting::decision_source(decision.source))),
            text(shifting::class(run.class)),
            text(shifting::class_basis(run.class_basis)),
            text(run.held_out.map_or("", |is_held_out| if is_held_out { "yes" } else { "no" })),
        ]);
        row.extend([run.alternatives.at_creation_ugco2e, run.alternatives.historical_ugco2e].map(Cell::Emissions));
        let cost = |of: fn(&RunCost) -> MicroEuros| Cell::Euros(run.cost.as_ref().map(of));
        row.extend([cost(|cost| cost.counterfactual_micro_eur), cost(|cost| cost.actual_micro_eur), cost(|cost| cost.saved_micro_eur)]);
        row.push(Cell::Emissions(run.consequential.map(|marginal| marginal.avoided_ugco2e)));
        row.push(text(run.unplaced_reason.as_deref().or(run.unbounded_reason.as_deref()).unwrap_or("")));
        row
    });
    let ids = runs.in_order().map(|run| Some(runs.id(run))).collect();
    let table = table(
        JOB_RUNS,
        statement.counterfactual.label,
        "Shifted runs first, largest effect first; then runs that were not shifted; then runs that could not be placed. Totals of emissions are on the sheet Counterfactual where a run is unplaced.",
        columns,
        rows.collect(),
        true,
    );
    Table { ids, ..table }
}

/// A delay in hours with two decimals.
pub fn hours(seconds: Option<i64>) -> Cell {
    Cell::Number(seconds.map(|seconds| view::Rounded::of(seconds.into(), 3_600, 2)))
}
