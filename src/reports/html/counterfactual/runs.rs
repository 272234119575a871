//! Rows of job runs.

use crate::disclosure::statement::JobRunStatement;
use crate::reports::html::figure::Figure;
use crate::reports::view;
use crate::reports::words::shifting;
use crate::units::MicrogramsCo2e;

pub struct RunRow<'a> {
    pub id: String,
    pub run: &'a JobRunStatement,
    pub start: String,
    pub baseline_start: String,
    pub delay: String,
    pub rule: &'static str,
    pub cause: &'static str,
    pub cause_basis: &'static str,
    pub cause_meaning: &'static str,
    pub baseline_zone: &'a str,
    pub actual: Figure,
    pub counterfactual: Figure,
    pub avoided: Figure,
    /// What the best start in its window would have avoided.
    pub at_best: Figure,
    pub active: Figure,
    pub is_loss: bool,
    pub reason: &'a str,
}

impl<'a> RunRow<'a> {
    pub fn of(run: &'a JobRunStatement, id: String) -> Self {
        let instant = |at: Option<_>| at.map_or_else(|| view::UNKNOWN.to_owned(), view::utc_minute);
        let delay = run.start.zip(run.baseline_start).map(|(start, baseline)| view::hours_minutes((start - baseline).num_seconds()));
        let at_best = run.counterfactual_ugco2e.zip(run.best_ugco2e).map(|(counterfactual, best)| counterfactual - best);
        Self {
            id,
            run,
            start: instant(run.start),
            baseline_start: instant(run.baseline_start),
            delay: delay.unwrap_or_else(|| view::UNKNOWN.to_owned()),
            rule: shifting::rule(run.baseline_rule),
            cause: shifting::cause(run.cause),
            cause_basis: shifting::cause_basis(run.cause_basis),
            cause_meaning: shifting::cause_basis_meaning(run.cause_basis),
            baseline_zone: run.baseline_zone.as_deref().unwrap_or(view::UNKNOWN),
            active: Figure::energy("active_mj", run.active_mj),
            actual: Figure::emissions("actual_ugco2e", run.actual_ugco2e),
            counterfactual: Figure::emissions("counterfactual_ugco2e", run.counterfactual_ugco2e),
            avoided: Figure::difference("avoided_ugco2e", run.avoided_ugco2e),
            at_best: Figure::difference("at_best_ugco2e", at_best),
            is_loss: run.avoided_ugco2e.is_some_and(|avoided| avoided < MicrogramsCo2e::ZERO),
            reason: run.unplaced_reason.as_deref().unwrap_or(""),
        }
    }
}
