//! Totals, clusters, namespaces and workloads, and the hours of the ledger beneath them.
//!
//! In: a row of the report and a figure of it. Out: the rows that it is the sum of, the days and hours that make it, and the largest of them walked on.
//! Rule: figures of rows are those of the statement; those of hours are the hourly ledger's.

use std::collections::BTreeMap;

use anyhow::Result;

use super::day::{hour_text, sums};
use super::tree::{Explanation, Sum, Term};
use super::walk::Walk;
use crate::accounting::ledger::LedgerRow;
use crate::disclosure::figure_ids::{RowId, Unit};
use crate::disclosure::hourly::LedgerDay;
use crate::units::UtcDay;

/// Figures of totals that are made of other totals.
const OF_TOTALS: [(&str, &[(&str, i64)]); 2] = [
    (
        "scope3_known_ugco2e",
        &[
            ("scope3_category_1_ugco2e", 1),
            ("scope3_category_2_ugco2e", 1),
            ("scope3_category_3_ugco2e", 1),
            ("scope3_category_8_ugco2e", 1),
        ],
    ),
    ("scope2_hourly_less_annual_ugco2e", &[("scope2_location_based_ugco2e", 1), ("scope2_location_based_annual_ugco2e", -1)]),
];

impl<'a> Walk<'a> {
    pub fn aggregate(&self, row: &RowId, field: &str, depth: usize, is_asked: bool) -> Result<Option<Explanation>> {
        let known = self.index.get(&row.figure(field).to_string());
        let (value, is_of_ledger) = match known {
            Some(figure) => (figure.value, false),
            // The ledger knows some figures that the report has no column for.
            None => match self.sum_of_hours(row, field)? {
                Some(value) => (value, true),
                None => return Ok(None),
            },
        };
        let mut level = self.head(row, field, value);
        let unit = Unit::of(field);
        if let Some((_, parts)) = OF_TOTALS.iter().find(|(name, _)| *name == field) {
            let part =
                |(name, sign): &(&str, i64)| self.term(row, name).map(|term| Term { value: term.value.map(|value| value * sign), ..term });
            let terms: Vec<Term> = parts.iter().filter_map(part).collect();
            self.add_sum(&mut level, "figure", terms, unit);
            level.next = self.follow(level.sums.first().and_then(Sum::largest).and_then(|term| term.id.as_deref()), depth)?;
            return Ok(Some(level));
        }
        if field == "tail_mj" {
            return self.tails(level, depth).map(Some);
        }
        if field == "metered_mj" && is_asked {
            let terms = ["active_mj", "idle_mj", "system_mj"].iter().filter_map(|name| self.term(row, name)).collect();
            self.add_sum(&mut level, "kind", terms, unit);
        }
        self.add_parts(&mut level, row, field)?;
        let children = if is_of_ledger { Vec::new() } else { self.children(row, field) };
        let by = match row {
            RowId::Totals => "cluster",
            RowId::Cluster { .. } => "namespace",
            _ => "workload",
        };
        if !children.is_empty() {
            self.add_sum(&mut level, by, children, unit);
        }
        let largest = level.sums.last().filter(|sum| sum.by == format!("by {by}")).and_then(Sum::largest).and_then(|term| term.id.clone());
        let is_workload = matches!(row, RowId::Workload { .. });
        let mut largest_day = None;
        if !matches!(row, RowId::Totals)
            && (is_asked || is_workload)
            && let Some(hours) = self.hours_of(row, field)?
        {
            let days = self.day_terms(row, field, &hours);
            largest_day = days.iter().max_by_key(|term| term.value.unwrap_or(0).unsigned_abs()).and_then(|term| term.id.clone());
            self.add_sum(&mut level, "day", days, unit);
            if is_asked {
                let hours = hours.iter().map(|(hour, value)| Term { value: *value, ..self.hour_term(row, field, *hour) });
                self.add_sum(&mut level, "hour", hours.collect(), unit);
            }
        }
        level.next = match largest.or(largest_day) {
            Some(id) => self.follow(Some(&id), depth)?,
            None => self.below_a_workload(row, field, depth)?,
        };
        Ok(Some(level))
    }

    /// A figure of the report as a term; none where there is no such figure.
    pub fn term(&self, row: &RowId, field: &str) -> Option<Term> {
        let figure = self.index.get(&row.figure(field).to_string())?;
        Some(Term { id: Some(figure.id.clone()), what: super::walk::in_words(row), value: figure.value, ..Term::default() })
    }

    /// Adds a sum of the terms that are known, and says of how many they are not.
    pub fn add_sum(&self, level: &mut Explanation, by: &str, terms: Vec<Term>, unit: Unit) {
        let (known, unknown): (Vec<Term>, Vec<Term>) = terms.into_iter().partition(|term| term.value.is_some());
        if !unknown.is_empty() {
            let names: Vec<&str> = unknown.iter().take(3).map(|term| term.what.as_str()).collect();
            let more = if unknown.len() > names.len() { " …" } else { "" };
            level.notes.push(format!(
                "Unknown, and in no sum: {} of {} by {by} ({}{more}).",
                unknown.len(),
                unknown.len() + known.len(),
                names.join(", ")
            ));
        }
        let Some(value) = level.value else {
            level.notes.push(format!("Unknown as a whole, because a part of it is; what is known by {by} is not its sum."));
            return;
        };
        level.sums.push(Sum::of(format!("by {by}"), "this figure", (value, unit), known, self.top));
    }

    /// The rows that a row is the sum of.
    fn children(&self, row: &RowId, field: &str) -> Vec<Term> {
        let is_child = |child: &RowId| match (row, child) {
            (RowId::Totals, RowId::Cluster { .. }) => true,
            (RowId::Cluster { cluster }, RowId::Namespace { cluster: of, .. }) => cluster == of,
            (RowId::Namespace { cluster, namespace }, RowId::Workload { cluster: of, namespace: of_namespace, .. }) => {
                (cluster, namespace) == (of, of_namespace)
            }
            _ => false,
        };
        let of_field = self.index.figures().iter().filter(|figure| figure.field == field && is_child(&figure.row));
        let term = |figure: &crate::disclosure::figure_ids::Figure| Term {
            id: Some(figure.id.clone()),
            what: super::walk::in_words(&figure.row),
            value: figure.value,
            ..Term::default()
        };
        of_field.map(term).collect()
    }

    fn tails(&self, mut level: Explanation, depth: usize) -> Result<Explanation> {
        let of_days = self.index.figures().iter().filter(|figure| figure.field == "tail_mj" && matches!(figure.row, RowId::NodeDay { .. }));
        let terms: Vec<Term> = of_days.filter_map(|figure| self.term(&figure.row, "tail_mj")).collect();
        self.add_sum(&mut level, "node and day", terms, Unit::Millijoules);
        level.next = self.follow(level.sums.first().and_then(Sum::largest).and_then(|term| term.id.as_deref()), depth)?;
        Ok(level)
    }

    /// A figure's hours in the hourly ledger, for a cluster, a namespace or a workload; none where it is no figure of hours.
    fn hours_of(&self, row: &RowId, field: &str) -> Result<Option<BTreeMap<i32, Option<i64>>>> {
        let (cluster, of_namespace, of_workload) = match row {
            RowId::Cluster { cluster } => (cluster, None, None),
            RowId::Namespace { cluster, namespace } => (cluster, Some(namespace), None),
            RowId::Workload { cluster, namespace, workload }
            | RowId::LedgerDay { cluster, namespace, workload, .. }
            | RowId::LedgerHour { cluster, namespace, workload, .. } => (cluster, Some(namespace), Some(workload)),
            _ => return Ok(None),
        };
        let Some(cluster) = self.cluster(cluster) else { return Ok(None) };
        let is_wanted = |(namespace, workload): &(String, String)| {
            of_namespace.is_none_or(|of| of == namespace) && of_workload.is_none_or(|of| of == workload)
        };
        let mut hours: BTreeMap<i32, Option<i64>> = BTreeMap::new();
        let mut is_known = false;
        self.ledger_days(cluster, |day| {
            let figures = day.figures();
            let Some((_, column)) = figures.iter().find(|(name, _)| *name == field) else { return };
            is_known = true;
            for at in 0..day.len() {
                if is_wanted(&day.names[day.name[at] as usize]) {
                    let sum = hours.entry(day.hour[at]).or_insert(Some(0));
                    *sum = sum.zip(column.get(at)).map(|(sum, value)| sum + value);
                }
            }
        })?;
        Ok((is_known && !hours.is_empty()).then_some(hours))
    }

    fn sum_of_hours(&self, row: &RowId, field: &str) -> Result<Option<Option<i64>>> {
        let Some(hours) = self.hours_of(row, field)? else { return Ok(None) };
        Ok(Some(hours.values().try_fold(0, |sum, value| value.map(|value| sum + value))))
    }

    fn day_terms(&self, row: &RowId, field: &str, hours: &BTreeMap<i32, Option<i64>>) -> Vec<Term> {
        let mut days: BTreeMap<UtcDay, Option<i64>> = BTreeMap::new();
        for (hour, value) in hours {
            let sum = days.entry(day_of(*hour)).or_insert(Some(0));
            *sum = sum.zip(*value).map(|(sum, value)| sum + value);
        }
        let term = |(day, value): (UtcDay, Option<i64>)| {
            let id = match row {
                RowId::Workload { cluster, namespace, workload } => {
                    let (cluster, namespace, workload) = (cluster.clone(), namespace.clone(), workload.clone());
                    Some(RowId::LedgerDay { cluster, namespace, workload, day }.figure(field).to_string())
                }
                _ => None,
            };
            Term { id, what: day.to_string(), value, ..Term::default() }
        };
        days.into_iter().map(term).collect()
    }

    fn hour_term(&self, row: &RowId, field: &str, hour: i32) -> Term {
        let id = match row {
            RowId::Workload { cluster, namespace, workload } | RowId::LedgerDay { cluster, namespace, workload, .. } => {
                let (cluster, namespace, workload) = (cluster.clone(), namespace.clone(), workload.clone());
                Some(RowId::LedgerHour { cluster, namespace, workload, hour })
            }
            RowId::Cluster { cluster } => Some(RowId::Hour { cluster: cluster.clone(), hour }),
            _ => None,
        };
        Term { id: id.map(|row| row.figure(field).to_string()), what: hour_text(hour), ..Term::default() }
    }

    /// Days and hours of the ledger, and a cluster's hours.
    pub fn hours(&self, row: &RowId, field: &str, depth: usize) -> Result<Option<Explanation>> {
        match row {
            RowId::LedgerDay { day, .. } => {
                let Some(hours) = self.hours_of(row, field)? else { return Ok(None) };
                let hours: BTreeMap<i32, Option<i64>> = hours.into_iter().filter(|(hour, _)| day_of(*hour) == *day).collect();
                if hours.is_empty() {
                    return Ok(None);
                }
                let value = hours.values().try_fold(0, |sum, value| value.map(|value| sum + value));
                let mut level = self.head(row, field, value);
                let terms = hours.iter().map(|(hour, value)| Term { value: *value, ..self.hour_term(row, field, *hour) }).collect();
                self.add_sum(&mut level, "hour", terms, Unit::of(field));
                level.next = self.follow(level.sums.first().and_then(Sum::largest).and_then(|term| term.id.as_deref()), depth)?;
                Ok(Some(level))
            }
            RowId::LedgerHour { hour, .. } => {
                let Some(value) = self.hours_of(row, field)?.and_then(|hours| hours.get(hour).copied()) else { return Ok(None) };
                self.ledger_hour(row, field, value, depth).map(Some)
            }
            RowId::Hour { cluster, hour } => self.cluster_hour(row, cluster, *hour, field, depth),
            _ => Ok(None),
        }
    }

    /// The rows of nodes, pods and steps that make an hour of a workload.
    fn ledger_hour(&self, row: &RowId, field: &str, value: Option<i64>, depth: usize) -> Result<Explanation> {
        let mut level = self.head(row, field, value);
        let RowId::LedgerHour { cluster, namespace, workload, hour } = row else { return Ok(level) };
        if field == "scope2_market_based_ugco2e" {
            level.notes.push(
                "Contracts are set against a site's consumption: the hour has the workload's part of the month, shared by the hour's facility energy and by \
                 what its rest was shared by. What the hour itself used is its facility_mj."
                    .to_owned(),
            );
            level.next = self.below_a_workload(&RowId::workload(cluster, namespace, workload), field, depth)?;
            return Ok(level);
        }
        let Some(day) = self.cluster(cluster).map(|cluster| self.day(cluster, day_of(*hour))).transpose()?.flatten() else {
            return Ok(level);
        };
        let rows = day.rows(day.steps_of_hour(*hour))?;
        let is_its_own = |row: &&LedgerRow| day.workload_of(row.row_id) == (namespace.as_str(), workload.as_str());
        let term = |row: &LedgerRow| {
            let figures = LedgerDay::of_sums(self.workings.plan, (day.cluster, day.site(row.node_id)), &sums(row));
            let value = figures.figures().iter().find(|(name, _)| *name == field).and_then(|(_, column)| column.get(0));
            let id = day.step_id(row.node_id, row.row_id, row.step);
            let what = format!("{} {} on {}", day.start_of(row.step).format("%H:%M"), id.pod, id.node);
            Term { id: Some(RowId::Step(id).figure(field).to_string()), what, value, ..Term::default() }
        };
        let terms: Vec<Term> = rows.iter().filter(is_its_own).map(term).collect();
        self.add_sum(&mut level, "node, pod and step", terms, Unit::of(field));
        level.next = self.follow(level.sums.first().and_then(Sum::largest).and_then(|term| term.id.as_deref()), depth)?;
        Ok(level)
    }

    fn cluster_hour(&self, row: &RowId, cluster: &str, hour: i32, field: &str, depth: usize) -> Result<Option<Explanation>> {
        let Some(index) = self.cluster(cluster) else { return Ok(None) };
        let mut terms = Vec::new();
        self.ledger_days(index, |day| {
            let figures = day.figures();
            let Some((_, column)) = figures.iter().find(|(name, _)| *name == field) else { return };
            for at in (0..day.len()).filter(|at| day.hour[*at] == hour) {
                let (namespace, workload) = &day.names[day.name[at] as usize];
                let id = format!("{}:{field}", day.id(at));
                terms.push(Term { id: Some(id), what: format!("{namespace} {workload}"), value: column.get(at), ..Term::default() });
            }
        })?;
        if terms.is_empty() {
            return Ok(None);
        }
        let of_report = self.index.get(&row.figure(field).to_string()).and_then(|figure| figure.value);
        let value = of_report.or_else(|| terms.iter().try_fold(0, |sum, term| term.value.map(|value| sum + value)));
        let mut level = self.head(row, field, value);
        self.add_sum(&mut level, "workload", terms, Unit::of(field));
        level.next = self.follow(level.sums.first().and_then(Sum::largest).and_then(|term| term.id.as_deref()), depth)?;
        Ok(Some(level))
    }

    /// A cost centre: the workloads that bore its label, hour by hour.
    pub fn cost_centre(&self, row: &RowId, name: &str, field: &str, depth: usize) -> Result<Option<Explanation>> {
        let Some(figure) = self.index.get(&row.figure(field).to_string()) else { return Ok(None) };
        let mut level = self.head(row, field, figure.value);
        let mut workloads: BTreeMap<(String, String, String), Option<i64>> = BTreeMap::new();
        for cluster in 0..self.workings.plan.terms.clusters.len() {
            self.ledger_days(cluster, |day| {
                let figures = day.figures();
                let Some((_, column)) = figures.iter().find(|(name, _)| *name == field) else { return };
                for at in (0..day.len()).filter(|at| day.cost_centres[day.name[*at] as usize] == name) {
                    let (namespace, workload) = day.names[day.name[at] as usize].clone();
                    let sum = workloads.entry((day.cluster.clone(), namespace, workload)).or_insert(Some(0));
                    *sum = sum.zip(column.get(at)).map(|(sum, value)| sum + value);
                }
            })?;
        }
        if workloads.is_empty() {
            level.notes.push("A figure of no hour: of a namespace that had one cost centre all month it is the namespace's own, else its share by energy.".to_owned());
            return Ok(Some(level));
        }
        let is_whole = |id: &str, value: Option<i64>| self.index.get(id).is_some_and(|figure| figure.value == value);
        let term = |((cluster, namespace, workload), value): ((String, String, String), Option<i64>)| {
            let id = RowId::workload(&cluster, &namespace, &workload).figure(field).to_string();
            // A namespace that changed its cost centre has a part of the workload here.
            let id = Some(id).filter(|id| is_whole(id, value));
            Term { id, what: format!("{namespace} {workload} of {cluster}"), value, ..Term::default() }
        };
        let terms = workloads.into_iter().map(term).collect();
        self.add_sum(&mut level, "workload", terms, Unit::of(field));
        level.next = self.follow(level.sums.first().and_then(Sum::largest).and_then(|term| term.id.as_deref()), depth)?;
        Ok(Some(level))
    }

    /// The figures of a row that only the ledger has.
    pub fn figures_of_ledger(&self, row: &RowId) -> Result<Vec<(String, Option<i64>)>> {
        let (cluster, name, is_wanted): (_, _, Box<dyn Fn(i32) -> bool>) = match row {
            RowId::Step(id) => return self.figures_of_step(id),
            RowId::LedgerDay { cluster, namespace, workload, day } => {
                let day = *day;
                (cluster, (namespace.clone(), workload.clone()), Box::new(move |hour| day_of(hour) == day))
            }
            RowId::LedgerHour { cluster, namespace, workload, hour } => {
                let wanted = *hour;
                (cluster, (namespace.clone(), workload.clone()), Box::new(move |hour| hour == wanted))
            }
            _ => return Ok(Vec::new()),
        };
        let Some(cluster) = self.cluster(cluster) else { return Ok(Vec::new()) };
        let mut figures: Vec<(String, Option<i64>)> = Vec::new();
        self.ledger_days(cluster, |day| {
            for at in (0..day.len()).filter(|at| is_wanted(day.hour[*at]) && day.names[day.name[*at] as usize] == name) {
                if figures.is_empty() {
                    figures = day.figures().iter().map(|(name, _)| ((*name).to_owned(), Some(0))).collect();
                }
                for ((_, sum), (_, column)) in figures.iter_mut().zip(day.figures()) {
                    *sum = sum.zip(column.get(at)).map(|(sum, value)| sum + value);
                }
            }
        })?;
        Ok(figures)
    }
}

fn day_of(hour: i32) -> UtcDay {
    UtcDay::containing(chrono::DateTime::from_timestamp(i64::from(hour) * 3_600, 0).unwrap_or_default())
}
