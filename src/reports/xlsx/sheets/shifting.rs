//! Sheets of what stands beside the counterfactual: other baselines, money, checks; energy by class; what to move next.

use super::runs::hours;
use super::{Cell, Column, ROUNDING, Table, table, text};
use crate::disclosure::Statement;
use crate::disclosure::statement::{Counterfactual, HoldOut};
use crate::reports::view;
use crate::reports::words::shifting;
use crate::units::{MicroEuros, MicrogramsCo2e};

pub fn tables(statement: &Statement) -> Vec<Table> {
    let mut tables = vec![beside(statement)];
    tables.extend((!statement.counterfactual.deferrability.classes.is_empty()).then(|| classes(statement)));
    tables.extend((!statement.counterfactual.deferrability.move_next.is_empty()).then(|| move_next(statement)));
    tables.extend((!statement.counterfactual.capacity.exceeded.is_empty()).then(|| capacity(statement)));
    tables
}

struct Line {
    part: &'static str,
    what: String,
    runs: Option<u64>,
    figure: Cell,
    unit: &'static str,
    note: String,
}

impl Line {
    fn new(part: &'static str, what: impl Into<String>, figure: Cell, unit: &'static str) -> Self {
        Self { part, what: what.into(), runs: None, figure, unit, note: String::new() }
    }

    fn of_runs(self, runs: u64) -> Self {
        Self { runs: Some(runs), ..self }
    }

    fn note(self, note: impl Into<String>) -> Self {
        Self { note: note.into(), ..self }
    }

    fn cells(self) -> Vec<Cell> {
        let runs = self.runs.map_or_else(|| text(""), Cell::Count);
        vec![text(self.part), text(self.what), runs, self.figure, text(self.unit), text(self.note)]
    }
}

fn kilograms(part: &'static str, what: impl Into<String>, amount: impl Into<Option<MicrogramsCo2e>>) -> Line {
    Line::new(part, what, Cell::Emissions(amount.into()), "kg CO2e")
}

fn euros(part: &'static str, what: impl Into<String>, amount: MicroEuros) -> Line {
    Line::new(part, what, Cell::Euros(Some(amount)), "EUR")
}

fn grams_per_kwh(part: &'static str, what: impl Into<String>, value: Option<f64>) -> Line {
    let rounded = value.map(|value| view::Rounded::of_measured(value, 3));
    Line::new(part, what, Cell::Number(rounded), "g CO2e/kWh")
}

/// One list, because most of it is a handful of figures: what each is, of how many runs.
fn beside(statement: &Statement) -> Table {
    let counterfactual = &statement.counterfactual;
    let mut amount = Column::figure("Figure", "Exact (mJ, µg CO2e, millionths of EUR)");
    amount.is_totalled = false;
    let columns = vec![
        Column::text("Part", 22.0),
        Column::text("What", 46.0),
        Column::text("Runs", 8.0),
        amount,
        Column::text("Unit", 11.0),
        Column::text("Note", 70.0),
    ];
    let lines =
        possible(counterfactual).into_iter().chain(baselines(counterfactual)).chain(money(counterfactual)).chain(checks(counterfactual));
    let rows = lines.map(Line::cells).collect();
    table(
        "Beside the counterfactual",
        counterfactual.label,
        "What the result hangs on, and what it is worth. Nothing here is added to anything.",
        columns,
        rows,
        false,
    )
}

fn possible(counterfactual: &Counterfactual) -> Vec<Line> {
    const PART: &str = "What was possible";
    let (total, windowed) = (&counterfactual.total, &counterfactual.total.windowed);
    let sums = [
        ("At the best start of each run", windowed.best_ugco2e),
        ("As it was", windowed.actual_ugco2e),
        ("At a start drawn evenly from the window", windowed.mean_ugco2e),
        ("Had nothing been shifted", windowed.counterfactual_ugco2e),
        ("At the worst start of each run", windowed.worst_ugco2e),
    ];
    let mut lines: Vec<Line> = sums.into_iter().map(|(what, sum)| kilograms(PART, what, sum).of_runs(windowed.runs)).collect();
    let captured = Line::new(PART, "Captured of the best", Cell::Percent(total.captured_share), "share").of_runs(windowed.runs);
    lines.push(captured.note("Avoided over (counterfactual less best), of the runs with a window."));
    lines
}

fn baselines(counterfactual: &Counterfactual) -> Vec<Line> {
    const PART: &str = "Baselines";
    let policy = &counterfactual.policy;
    let mut lines = vec![Line::new(PART, "Policy, SHA-256", text(""), "").note(policy.sha256.clone())];
    lines.extend(policy.rules.iter().map(|rule| Line::new(PART, "Policy", text(""), "").note(rule.clone())));
    lines.extend(policy.by_rule.iter().filter(|row| row.runs > 0).map(|row| {
        let what = format!("Avoided, baseline by {}", shifting::rule(Some(row.rule)));
        kilograms(PART, what, row.avoided_ugco2e).of_runs(row.runs).note(shifting::rule_meaning(row.rule))
    }));
    lines.extend(counterfactual.alternatives.iter().flat_map(|row| {
        let line = |what: &str, amount| {
            kilograms("Other baselines", format!("{}: {what}", shifting::alternative(row.baseline)), amount).of_runs(row.runs)
        };
        [
            line("avoided", row.avoided_ugco2e).note(shifting::alternative_meaning(row.baseline)),
            line("by the policy, same runs", row.policy_avoided_ugco2e),
        ]
    }));
    lines.extend(counterfactual.hold_out.iter().flat_map(hold_out));
    lines
}

fn hold_out(hold_out: &HoldOut) -> Vec<Line> {
    const PART: &str = "Hold-out";
    vec![
        grams_per_kwh(PART, "Mean of runs held out by the seed", hold_out.held_out.mean_gco2e_per_kwh)
            .of_runs(hold_out.held_out.runs)
            .note(format!("Seed {}, share {}", hold_out.seed, view::percent(Some(hold_out.share)))),
        grams_per_kwh(PART, "Mean of runs not held out", hold_out.shifted.mean_gco2e_per_kwh).of_runs(hold_out.shifted.runs),
        grams_per_kwh(PART, "Difference in means", hold_out.difference_gco2e_per_kwh),
        grams_per_kwh(PART, "Difference, 95 %, from", hold_out.low_gco2e_per_kwh).note("Welch"),
        grams_per_kwh(PART, "Difference, 95 %, to", hold_out.high_gco2e_per_kwh),
        kilograms(PART, "Estimated avoided by runs not held out", hold_out.estimated_avoided_ugco2e).of_runs(hold_out.shifted.runs),
        kilograms(PART, "Estimated, 95 %, from", hold_out.low_avoided_ugco2e),
        kilograms(PART, "Estimated, 95 %, to", hold_out.high_avoided_ugco2e),
        kilograms(PART, "Modelled against the baselines, same runs", hold_out.modelled_avoided_ugco2e),
    ]
}

fn money(counterfactual: &Counterfactual) -> Vec<Line> {
    const PART: &str = "Money";
    let mut lines = Vec::new();
    if let Some(cost) = &counterfactual.cost {
        let sums = [
            ("Counterfactual", cost.counterfactual_micro_eur),
            ("Actual", cost.actual_micro_eur),
            ("Gains", cost.gains_micro_eur),
            ("Losses", cost.losses_micro_eur),
            ("Saved", cost.saved_micro_eur),
        ];
        lines.extend(sums.map(|(what, sum)| euros(PART, what, sum).of_runs(cost.runs)));
        let apart = &counterfactual.disagreement;
        for (what, sums) in
            [("less carbon, more money", &apart.cleaner_and_dearer), ("less money, more carbon", &apart.cheaper_and_dirtier)]
        {
            lines.push(kilograms(PART, format!("Avoided by runs with {what}"), sums.avoided_ugco2e).of_runs(sums.runs));
            lines.push(euros(PART, format!("Saved by runs with {what}"), sums.saved_micro_eur).of_runs(sums.runs));
        }
    }
    if let Some(marginal) = &counterfactual.consequential {
        const PART: &str = "Consequential";
        let sums = [
            ("Counterfactual", marginal.counterfactual_ugco2e),
            ("Actual", marginal.actual_ugco2e),
            ("Gains", marginal.gains_ugco2e),
            ("Losses", marginal.losses_ugco2e),
            ("Avoided", marginal.avoided_ugco2e),
        ];
        lines.extend(
            sums.map(|(what, sum)| kilograms(PART, format!("{what}, marginal"), sum).of_runs(marginal.runs).note(marginal.label.clone())),
        );
        lines.push(kilograms(PART, "Avoided, average, same runs", marginal.attributional_avoided_ugco2e).of_runs(marginal.runs));
        lines.push(Line::new(PART, "Runs of which the two say the opposite", Cell::Count(marginal.opposite_runs), "runs"));
    }
    lines
}

fn checks(counterfactual: &Counterfactual) -> Vec<Line> {
    let mut lines = Vec::new();
    if let Some(forecast) = &counterfactual.forecast {
        const PART: &str = "Forecasts";
        lines.extend([
            kilograms(PART, "Expected to avoid", forecast.expected_avoided_ugco2e).of_runs(forecast.runs),
            kilograms(PART, "Avoided", forecast.realised_avoided_ugco2e).of_runs(forecast.runs),
            grams_per_kwh(PART, "Mean error of the chosen slot", Some(forecast.mean_error_gco2e_per_kwh))
                .note("Forecast less what came to pass."),
            grams_per_kwh(PART, "Mean absolute error", Some(forecast.mean_absolute_error_gco2e_per_kwh)),
            Line::new(PART, "Runs that expected a gain and lost", Cell::Count(forecast.wrong_way_runs), "runs"),
        ]);
    }
    const PART: &str = "Overheads";
    let overheads = &counterfactual.overheads;
    let is_known = overheads.known_runs > 0;
    let energy = if is_known { Cell::Energy(overheads.energy_mj) } else { Cell::Number(None) };
    let known = |amount: MicrogramsCo2e| is_known.then_some(amount);
    lines.extend([
        Line::new(PART, "Energy of shifting itself", energy, "kWh")
            .of_runs(overheads.known_runs)
            .note(format!("Of {} more shifted runs nobody stated it, which is not zero.", overheads.unknown_runs)),
        kilograms(PART, "Its emissions", known(overheads.emissions_ugco2e)).of_runs(overheads.known_runs),
        kilograms(PART, "Avoided of all placed runs, less overheads", known(overheads.avoided_less_overheads_ugco2e)),
        Line::new(PART, "Shifted runs that were suspended", Cell::Count(overheads.suspended_runs), "runs"),
    ]);
    let capacity = &counterfactual.capacity;
    let hours = Line::new(
        "Capacity",
        "Hours in which the unshifted work would not have fitted",
        Cell::Count(capacity.exceeded.len() as u64),
        "hours",
    );
    lines.push(hours.note(match capacity.unknown_clusters.as_slice() {
        [] => format!("Of {} hours examined.", capacity.examined_hours),
        unknown => format!("Of {} hours examined. Not known of: {}.", capacity.examined_hours, unknown.join(", ")),
    }));
    lines
}

fn classes(statement: &Statement) -> Table {
    let columns = vec![
        Column::text("Class", 20.0),
        Column::text("Said by", 14.0),
        Column::text("Workloads", 10.0),
        Column::text("Runs", 8.0),
        Column::figure("Active energy (kWh)", "active_mj"),
        Column::figure("Shifted (kWh)", "shifted_mj"),
        Column::figure("Shifted for carbon (kWh)", "shifted_for_carbon_mj"),
        Column::figure("The rest could have avoided (kg CO2e)", "could_have_avoided_ugco2e"),
    ];
    let rows = statement.counterfactual.deferrability.classes.iter().map(|row| {
        vec![
            text(shifting::class(row.class)),
            text(shifting::class_basis(row.basis)),
            Cell::Count(row.workloads),
            Cell::Count(row.runs),
            Cell::Energy(row.active_mj),
            Cell::Energy(row.shifted_mj),
            Cell::Energy(row.shifted_for_carbon_mj),
            Cell::Emissions(row.could_have_avoided_ugco2e),
        ]
    });
    table("Deferrable work", "Active energy of the period by class", ROUNDING, columns, rows.collect(), true)
}

fn move_next(statement: &Statement) -> Table {
    let columns = vec![
        Column::text("Workload", 28.0),
        Column::text("Namespace", 18.0),
        Column::text("Cluster", 14.0),
        Column::text("Runs", 8.0),
        Column::figure("Active energy (kWh)", "active_mj"),
        Column::figure("Emitted (kg CO2e)", "actual_ugco2e"),
        Column::text("Start later by (hours)", 11.0),
        Column::text("In zone", 10.0),
        Column::figure("Would have saved (kg CO2e)", "saved_by_delay_ugco2e"),
        Column::figure("Each at its best (kg CO2e)", "saved_at_best_ugco2e"),
        Column::text("May wait (hours)", 10.0),
        Column::text("Who said so", 34.0),
    ];
    let rows = statement.counterfactual.deferrability.move_next.iter().map(|row| {
        vec![
            text(&row.workload),
            text(&row.namespace),
            text(&row.cluster),
            Cell::Count(row.runs),
            Cell::Energy(row.active_mj),
            Cell::Emissions(Some(row.actual_ugco2e)),
            hours(Some(row.delay_seconds)),
            text(&row.zone),
            Cell::Emissions(Some(row.saved_by_delay_ugco2e)),
            Cell::Emissions(Some(row.saved_at_best_ugco2e)),
            hours(Some(row.max_delay_seconds)),
            text(shifting::window_basis_meaning(row.basis)),
        ]
    });
    let note = "One delay and zone for all runs of a workload that nobody shifted. Not part of reported emissions.";
    table("Move next", "Workloads by what one later start would have saved", note, columns, rows.collect(), false)
}

fn capacity(statement: &Statement) -> Table {
    let columns = vec![
        Column::text("Cluster", 18.0),
        Column::text("Hour (UTC)", 17.0),
        Column::text("Requested (cores)", 12.0),
        Column::text("Allocatable (cores)", 12.0),
        Column::text("Runs moved back into it", 90.0),
    ];
    let cores = |milli: i64| Cell::Number(Some(view::Rounded::of(milli.into(), 1_000, 3)));
    let rows = statement.counterfactual.capacity.exceeded.iter().map(|hour| {
        vec![
            text(&hour.cluster),
            Cell::Instant(Some(hour.hour)),
            cores(hour.requested_milli),
            cores(hour.allocatable_milli),
            text(hour.jobs.join(", ")),
        ]
    });
    let note = "Hours in which the replayed baseline asks for more CPU than the cluster could give.";
    table("Capacity", "Where the unshifted work would not have fitted", note, columns, rows.collect(), false)
}
