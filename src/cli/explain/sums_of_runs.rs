//! Sums over job runs: which runs make them, largest effect first.
//!
//! In: a part of the comparison with the counterfactual, and a figure. Out: its runs. Rule: the sums of `disclosure::counterfactual` are over runs as the report
//! shows them, so the same runs are listed and added again. What is worked out otherwise (hold-out, capacity) is defined and not taken apart.

use anyhow::Result;

use super::tree::{Explanation, Sum, Term};
use super::walk::Walk;
use crate::disclosure::figure_ids::{Part, RowId, Unit, run_ids};
use crate::disclosure::statement::JobRunStatement;
use crate::model::Cause;

/// What a sum takes of a run; none where the run is not in it.
enum Taken {
    /// A figure of the run.
    Figure(String),
    /// The run, counted.
    One,
}

impl Walk<'_> {
    pub fn sums_of_runs(&self, part: &Part, field: &str, depth: usize) -> Result<Option<Explanation>> {
        let row = RowId::Counterfactual(part.clone());
        let Some(figure) = self.index.get(&row.figure(field).to_string()) else { return Ok(None) };
        let mut level = self.head(&row, field, figure.value);
        level.what = format!("{}{}", level.what, of_part(part));
        let Some(value) = figure.value else {
            level.notes.push("Unknown: no run says anything of it, so it is no sum, and not 0.".to_owned());
            return Ok(Some(level));
        };
        let unit = Unit::of(field);
        let runs = &self.workings.statement.job_runs;
        let ids = run_ids(runs.iter().map(|run| (&*run.cluster, &*run.namespace, &*run.job, run.start)));
        let mut terms = Vec::new();
        let mut is_a_sum = false;
        for (run, id) in runs.iter().zip(&ids) {
            let Some(taken) = taken(part, field, run) else { continue };
            is_a_sum = true;
            let what = format!("{} {}, {}", run.namespace, run.job, run.cluster);
            match taken {
                Taken::One => terms.push(Term::new(Some(id.figure("active_mj").to_string()), what, 1)),
                Taken::Figure(name) => {
                    let id = id.figure(&name).to_string();
                    let value = self.index.get(&id).and_then(|figure| figure.value).unwrap_or(0);
                    if is_in(field, value) {
                        terms.push(Term::new(Some(id), what, value));
                    }
                }
            }
        }
        // Nothing of a kind is a sum too; what is no sum of runs stays as it is said.
        if is_a_sum || value == 0 {
            level.sums.push(Sum::of("by run", "this figure", (value, unit), terms, self.top));
            level.next = self.follow(level.sums[0].largest().and_then(|term| term.id.as_deref()), depth)?;
        } else {
            level
                .notes
                .push("This figure is not a plain sum of runs: the report's section on the counterfactual says how it is made.".to_owned());
        }
        Ok(Some(level))
    }
}

fn of_part(part: &Part) -> String {
    match part {
        Part::All => String::new(),
        Part::Cause(cause) => format!(" of cause {cause}"),
        Part::Alternative(baseline) => format!(" with the baseline {baseline}"),
        Part::Rule(rule) => format!(" placed by the rule {rule}"),
        Part::Class { class, basis } => format!(" of class {class} by {basis}"),
        Part::MoveNext { cluster, namespace, workload, .. } => format!(" of {namespace} {workload} of {cluster}"),
        Part::Capacity { cluster, .. } => format!(" of {cluster}"),
    }
}

/// Gains are of runs that gained, losses of those that lost.
fn is_in(field: &str, value: i64) -> bool {
    match field {
        "gains_ugco2e" | "consequential.gains_ugco2e" | "cost.gains_micro_eur" => value > 0,
        "losses_ugco2e" | "consequential.losses_ugco2e" | "cost.losses_micro_eur" => value < 0,
        _ => true,
    }
}

fn taken(part: &Part, field: &str, run: &JobRunStatement) -> Option<Taken> {
    let is_placed = run.actual_ugco2e.is_some() && run.counterfactual_ugco2e.is_some();
    let avoided = run.avoided_ugco2e.map_or(0, |avoided| avoided.get());
    let is_of_part = match part {
        Part::All => true,
        Part::Cause(cause) => serde_json::to_value(run.cause).is_ok_and(|value| value.as_str() == Some(cause)),
        Part::Rule(rule) => run.baseline_rule.is_some_and(|of| serde_json::to_value(of).is_ok_and(|value| value.as_str() == Some(rule))),
        Part::Alternative(baseline) => alternative(baseline, run).is_some(),
        Part::Class { .. } | Part::MoveNext { .. } | Part::Capacity { .. } => return None,
    };
    let figure = |name: &str| Some(Taken::Figure(name.to_owned()));
    if field == "unplaced_runs" && *part == Part::All {
        return (!is_placed).then_some(Taken::One);
    }
    if !is_placed || !is_of_part {
        return None;
    }
    if let Part::Alternative(baseline) = part {
        return match field {
            "runs" => Some(Taken::One),
            "actual_ugco2e" => figure("actual_ugco2e"),
            "counterfactual_ugco2e" => figure(alternative(baseline, run)?),
            "policy_avoided_ugco2e" => figure("avoided_ugco2e"),
            _ => None,
        };
    }
    let is_windowed = run.best_ugco2e.is_some() && run.worst_ugco2e.is_some() && run.mean_ugco2e.is_some();
    match field {
        "runs" => Some(Taken::One),
        "shifted_runs" => (run.cause != Cause::None).then_some(Taken::One),
        "gained_runs" => (avoided > 0).then_some(Taken::One),
        "actual_ugco2e" | "counterfactual_ugco2e" | "avoided_ugco2e" => figure(field),
        "gains_ugco2e" | "losses_ugco2e" => figure("avoided_ugco2e"),
        "windowed.runs" => is_windowed.then_some(Taken::One),
        "cost.runs" => run.cost.is_some().then_some(Taken::One),
        "consequential.runs" => run.consequential.is_some().then_some(Taken::One),
        "cost.gains_micro_eur" | "cost.losses_micro_eur" => run.cost.and_then(|_| figure("cost.saved_micro_eur")),
        "cost.actual_micro_eur" | "cost.counterfactual_micro_eur" | "cost.saved_micro_eur" => run.cost.and_then(|_| figure(field)),
        "consequential.gains_ugco2e" | "consequential.losses_ugco2e" => {
            run.consequential.and_then(|_| figure("consequential.avoided_ugco2e"))
        }
        "consequential.attributional_avoided_ugco2e" => run.consequential.and_then(|_| figure("avoided_ugco2e")),
        "consequential.actual_ugco2e" | "consequential.counterfactual_ugco2e" | "consequential.avoided_ugco2e" => {
            run.consequential.and_then(|_| figure(field))
        }
        _ => field.strip_prefix("windowed.").filter(|_| is_windowed).and_then(figure),
    }
}

/// What a run would have come to under another baseline, by name.
fn alternative(baseline: &str, run: &JobRunStatement) -> Option<&'static str> {
    match baseline {
        "at-creation" => run.alternatives.at_creation_ugco2e.map(|_| "alternatives.at_creation_ugco2e"),
        "mean-of-window" => run.mean_ugco2e.map(|_| "mean_ugco2e"),
        "historical" => run.alternatives.historical_ugco2e.map(|_| "alternatives.historical_ugco2e"),
        _ => None,
    }
}
