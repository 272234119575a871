//! Which sections the page has, and their numbers.

use crate::disclosure::Statement;
use crate::disclosure::statement::CostCentreStatement;

pub struct Contents {
    pub entries: Vec<Entry>,
}

pub struct Entry {
    pub number: usize,
    pub id: &'static str,
    pub title: &'static str,
}

impl Contents {
    /// Cost centres are shown where a namespace has one. A year has no daily curve, no runs and no node-days of its own: those sections are left out where their lists are empty.
    pub fn of(statement: &Statement) -> Self {
        let is_month = statement.period.year.is_none();
        let sections = [
            (true, "inventory", "Inventory"),
            (!statement.year.months.is_empty(), "year", "The year and other years"),
            (statement.entities.is_some(), "entities", "Entities and consolidation"),
            (true, "findings", "Findings"),
            (true, "scope2", "Scope 2, both ways"),
            (true, "scope3", "Scope 3 of compute"),
            (true, "quality", "Quality and uncertainty"),
            (!statement.sci.is_empty(), "sci", "Software Carbon Intensity"),
            (true, "disclosure", "Datapoints of the disclosure standard"),
            (true, "namespaces", "Energy and emissions by namespace"),
            (true, "workloads", "Energy and emissions by workload"),
            (statement.cost_centres.iter().any(CostCentreStatement::is_labelled), "cost-centres", "Energy and emissions by cost centre"),
            (is_month || !statement.hours.is_empty(), "curve", "The daily curve"),
            (
                is_month || !statement.job_runs.is_empty() || statement.counterfactual.total.runs > 0,
                "counterfactual",
                "Counterfactual (not part of reported emissions)",
            ),
            (!statement.counterfactual.deferrability.classes.is_empty(), "deferrable", "Deferrable work, and what to move next"),
            (is_month || !statement.reconciliation.is_empty(), "reconciliation", "Reconciliation"),
            (true, "factors", "Factors"),
            (true, "method", "The method in words"),
            (true, "provenance", "Provenance"),
        ];
        let shown = sections.into_iter().filter(|(is_shown, _, _)| *is_shown);
        Self { entries: shown.enumerate().map(|(number, (_, id, title))| Entry { number, id, title }).collect() }
    }

    pub fn has(&self, id: &str) -> bool {
        self.entries.iter().any(|entry| entry.id == id)
    }

    pub fn number(&self, id: &str) -> usize {
        self.entries.iter().find(|entry| entry.id == id).map_or(0, |entry| entry.number)
    }
}
