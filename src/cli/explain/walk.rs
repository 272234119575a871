//! The way down from a figure: which level comes next, and what all levels need.
//!
//! In: the workings of a month. Out: an [`Explanation`]. Rule: the next level is the largest of what this one is made of. Does not: compute figures.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use anyhow::{Context, Result};

use super::day::Day;
use super::hourly::KeptLedgers;
use super::meters::MeteredStep;
use super::tree::{Explanation, Term};
use super::zone_evidence::ZoneEvidence;
use crate::cli::account::Workings;
use crate::disclosure::definitions::{self, Definition};
use crate::disclosure::figure_ids::{FigureId, FigureIndex, RowId, Unit};
use crate::units::UtcDay;

pub struct Walk<'a> {
    pub workings: &'a Workings<'a>,
    pub index: &'a FigureIndex,
    /// How many terms are shown; 0 for all.
    pub top: usize,
    /// The cluster-day that was looked at last: a walk goes down within one.
    day: RefCell<Option<Rc<Day<'a>>>>,
    pub ledgers: RefCell<KeptLedgers>,
    /// What the evidence says of the grid zones that were looked at, by their place in the plan.
    pub zones: RefCell<BTreeMap<usize, Rc<ZoneEvidence>>>,
    /// The step whose samples were looked at last.
    pub metered: RefCell<Option<Rc<MeteredStep>>>,
}

impl<'a> Walk<'a> {
    pub fn new(workings: &'a Workings<'a>, index: &'a FigureIndex, top: usize) -> Self {
        Self {
            workings,
            index,
            top,
            day: RefCell::new(None),
            ledgers: RefCell::default(),
            zones: RefCell::default(),
            metered: RefCell::new(None),
        }
    }

    /// A figure, `depth` levels deep; none where there is no such figure.
    pub fn figure(&self, row: &RowId, field: &str, depth: usize) -> Result<Option<Explanation>> {
        self.level(row, field, depth, true)
    }

    /// `is_asked` is true of the figure that was asked for, which is shown from more than one side.
    fn level(&self, row: &RowId, field: &str, depth: usize, is_asked: bool) -> Result<Option<Explanation>> {
        match row {
            RowId::Totals | RowId::Cluster { .. } | RowId::Namespace { .. } | RowId::Workload { .. } => {
                self.aggregate(row, field, depth, is_asked)
            }
            RowId::LedgerDay { .. } | RowId::LedgerHour { .. } | RowId::Hour { .. } => self.hours(row, field, depth),
            RowId::Step(id) => self.step(id, field, depth),
            RowId::NodeDay { .. } => self.node_day(row, field, depth),
            RowId::Run(_) => self.run(row, field, depth),
            RowId::Counterfactual(part) => self.sums_of_runs(part, field, depth),
            RowId::Scope2 { .. } | RowId::Instrument { .. } | RowId::MarketZone { .. } | RowId::Scope3 { .. } | RowId::Asset { .. } => {
                self.of_scopes(row, field, depth)
            }
            RowId::CostCentre { cost_centre } => self.cost_centre(row, cost_centre, field, depth),
            RowId::Entity { .. } | RowId::IntraGroup { .. } | RowId::Group => self.of_entities(row, field, depth),
            RowId::Month { .. } => Ok(None),
        }
    }

    /// The next level, if there is depth left for it and it is a figure.
    pub fn follow(&self, id: Option<&str>, depth: usize) -> Result<Option<Box<Explanation>>> {
        let Some((row, Some(field))) = id.filter(|_| depth > 1).and_then(FigureId::parse) else { return Ok(None) };
        Ok(self.level(&row, &field, depth - 1, false)?.map(Box::new))
    }

    /// A row without a figure's name: what figures it has, and its emissions, or where it has none its energy, walked down.
    pub fn row(&self, row: &RowId, depth: usize) -> Result<Option<Explanation>> {
        let of_report = self.index.of_row(row).map(|figure| (figure.field.clone(), figure.value));
        let mut figures: Vec<(String, Option<i64>)> = of_report.collect();
        if figures.is_empty() {
            figures = self.figures_of_ledger(row)?;
        }
        if figures.is_empty() {
            return Ok(None);
        }
        let main = ["operational_hourly_ugco2e", "facility_mj", "metered_mj", "avoided_ugco2e"];
        let main = main.into_iter().find(|name| figures.iter().any(|(field, value)| field == name && value.is_some()));
        let next = match main.filter(|_| depth > 1) {
            Some(field) => self.figure(row, field, depth - 1)?.map(Box::new),
            None => None,
        };
        let term =
            |(field, value): (String, Option<i64>)| Term { id: Some(format!("{row}:{field}")), what: field, value, ..Term::default() };
        Ok(Some(Explanation {
            id: Some(row.to_string()),
            what: format!("The figures of {row}"),
            meaning: "Each can be explained by its id.".to_owned(),
            figures: figures.into_iter().map(term).collect(),
            next,
            ..Explanation::default()
        }))
    }

    /// The head of a level.
    pub fn head(&self, row: &RowId, field: &str, value: Option<i64>) -> Explanation {
        let Definition { label, meaning, rule } = definitions::of(row, field).unwrap_or(Definition { label: "", meaning: "", rule: "" });
        let label = if label.is_empty() { field } else { label };
        Explanation {
            id: Some(row.figure(field).to_string()),
            what: format!("{label}, {}", in_words(row)),
            value,
            unit: Unit::of(field).name(),
            meaning: meaning.to_owned(),
            rule: rule.to_owned(),
            ..Explanation::default()
        }
    }

    pub fn cluster(&self, name: &str) -> Option<usize> {
        self.workings.plan.terms.clusters.iter().position(|cluster| cluster.name == name)
    }

    /// A cluster-day with its evidence; none where nothing of the cluster was there on that day.
    pub fn day(&self, cluster: usize, day: UtcDay) -> Result<Option<Rc<Day<'a>>>> {
        if let Some(known) = self.day.borrow().as_ref().filter(|known| (known.cluster, known.day) == (cluster, day)) {
            return Ok(Some(Rc::clone(known)));
        }
        let Some(of_day) = self.workings.days.iter().find(|known| (known.cluster, known.day) == (cluster, day)) else {
            return Ok(None);
        };
        let name = &self.workings.plan.terms.clusters[cluster].name;
        let read = Rc::new(Day::read(self.workings, of_day).with_context(|| format!("read {name} on {day}"))?);
        *self.day.borrow_mut() = Some(Rc::clone(&read));
        Ok(Some(read))
    }
}

/// What a row is of, for people.
pub fn in_words(row: &RowId) -> String {
    let hour = |hour: i32| super::day::hour_text(hour);
    match row {
        RowId::Totals => "all clusters".to_owned(),
        RowId::Cluster { cluster } => format!("cluster {cluster}"),
        RowId::Namespace { cluster, namespace } => format!("namespace {namespace} of {cluster}"),
        RowId::Workload { cluster, namespace, workload } => format!("{namespace} {workload} of {cluster}"),
        RowId::LedgerDay { cluster, namespace, workload, day } => format!("{namespace} {workload} of {cluster} on {day}"),
        RowId::LedgerHour { cluster, namespace, workload, hour: at } => {
            format!("{namespace} {workload} of {cluster}, hour from {}", hour(*at))
        }
        RowId::Hour { cluster, hour: at } => format!("cluster {cluster}, hour from {}", hour(*at)),
        RowId::Step(step) => {
            format!(
                "{} {} on {} of {}, step from {}",
                step.namespace,
                step.pod,
                step.node,
                step.cluster,
                super::day::instant_text(step.start)
            )
        }
        RowId::NodeDay { cluster, node, day } => format!("node {node} of {cluster} on {day}"),
        RowId::Run(run) => format!("run {} of {} in {}", run.job, run.namespace, run.cluster),
        RowId::Counterfactual(_) => "job runs".to_owned(),
        RowId::Scope2 { cluster_and_zone: Some((cluster, zone)) } => format!("cluster {cluster} in grid zone {zone}"),
        RowId::Instrument { number } => format!("instrument {number}"),
        RowId::MarketZone { zone } => format!("grid zone {zone}"),
        RowId::Asset { cluster, node } => format!("node {node} of {cluster} as a good"),
        RowId::Scope2 { cluster_and_zone: None } => "Scope 2".to_owned(),
        RowId::Scope3 { category: Some(category) } => format!("Scope 3, category {category}"),
        RowId::Scope3 { category: None } => "Scope 3".to_owned(),
        RowId::Month { month } => month.clone(),
        RowId::CostCentre { cost_centre } => format!("cost centre {cost_centre}"),
        RowId::Entity { entity } => format!("own statement of {entity}"),
        RowId::IntraGroup { provider, customer, cluster, namespace, placement } => {
            format!("namespace {namespace} of {cluster}, {placement} of {provider}, bought by {customer}")
        }
        RowId::Group => "the group".to_owned(),
    }
}
