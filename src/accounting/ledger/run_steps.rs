//! What job runs used, emitted and asked for, as the columnar pass sums it step by step.
//!
//! In: rows of a node, step after step. Out: the run's [`RunSums`], and its [`RunStep`] rows. Rule: `job_rows.sql`, `job_steps.sql`.
//! Cost: one look at the run's latest row; one row a run, step and node, merged once at the end. Does not: know when a run was.

use anyhow::{Result, bail};

use super::grid::rounded;
use super::{DayTerms, RunStep, RunSums, RunTerms};
use crate::accounting::counterfactual::retiming::StepFactors;
use crate::accounting::split::LARGEST_WHOLE;

/// The rows of a day's runs, in the order in which nodes are looked at.
#[derive(Default)]
pub struct RunSteps {
    rows: Vec<RunStep>,
    /// By job id.
    latest: Vec<Latest>,
    /// Kept for whoever traces a run.
    kept: Option<Vec<RunRow>>,
}

/// A ledger row of a run that counts: the same active energy, met with two factors.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RunRow {
    pub job: i32,
    pub node_id: i32,
    pub row_id: i32,
    pub step: i32,
    pub active_mj: i64,
    /// None where the run is unplaced, or an intensity is not known.
    pub factors: Option<StepFactors>,
    pub actual_ugco2e: i64,
    pub counterfactual_ugco2e: i64,
}

/// The row that was last added to a run. Nodes are looked at step by step, so the next usage of the run mostly belongs to it.
#[derive(Clone, Copy, Default)]
struct Latest {
    row: Option<u32>,
    /// Worked out when the first energy of the row comes; the inner one is none where an intensity is not known.
    factors: Option<Option<StepFactors>>,
}

impl RunSteps {
    pub fn new(terms: &DayTerms<'_>) -> Self {
        Self { rows: Vec::new(), latest: vec![Latest::default(); terms.runs.len()], kept: None }
    }

    /// Keeps every row; for whoever traces a run.
    pub fn keep(&mut self) {
        self.kept = Some(Vec::new());
    }

    /// The rows that were kept.
    pub fn take_kept(&mut self) -> Vec<RunRow> {
        self.kept.take().unwrap_or_default()
    }

    /// job_rows.sql: active energy of a pod of a run, met with two factors, which are worked out once for each step of the run.
    pub fn add_energy(
        &mut self,
        terms: &DayTerms<'_>,
        runs: &mut [RunSums],
        (node, job, step): (usize, i32, i32),
        row_id: i32,
        active_mj: i64,
    ) {
        let Some(row) = self.row(terms, node, job, step) else { return };
        row.active_mj += active_mj;
        let run = &mut runs[job as usize];
        run.active_mj += active_mj;
        run.outside_mj += if terms.is_in_period(step) { 0 } else { active_mj };
        let factors = self.factors(terms, (node, job, step));
        let emitted = |factor: fn(&StepFactors) -> f64| factors.as_ref().map_or(0, |factors| rounded(active_mj as f64 * factor(factors)));
        let (actual_ugco2e, counterfactual_ugco2e) =
            (emitted(|factors| factors.actual_ug_per_mj), emitted(|factors| factors.counterfactual_ug_per_mj));
        run.actual_ugco2e += actual_ugco2e;
        run.counterfactual_ugco2e += counterfactual_ugco2e;
        if let Some(kept) = &mut self.kept {
            kept.push(RunRow { job, node_id: node as i32, row_id, step, active_mj, factors, actual_ugco2e, counterfactual_ugco2e });
        }
    }

    /// The factors of the row that was last added to a run; none where it is unplaced, or an intensity is not known.
    fn factors(&mut self, terms: &DayTerms<'_>, (node, job, step): (usize, i32, i32)) -> Option<StepFactors> {
        let RunTerms::Placed(timing) = &terms.runs[job as usize] else { return None };
        let factors = self.latest[job as usize].factors.get_or_insert_with(|| {
            let site = &terms.sites[terms.nodes[node].site];
            let from_ms = i64::from(step) * terms.step_seconds * 1_000;
            timing.factors(from_ms, from_ms + terms.step_seconds * 1_000, site, terms.zones)
        });
        *factors
    }

    /// job_steps.sql: what a pod of a run asks for.
    pub fn add_request(&mut self, terms: &DayTerms<'_>, (node, job, step): (usize, i32, i32), cpu_request_milli: i64) {
        if let Some(row) = self.row(terms, node, job, step) {
            row.cpu_request_milli += cpu_request_milli;
        }
    }

    /// The row of a run that counts.
    fn row(&mut self, terms: &DayTerms<'_>, node: usize, job: i32, step: i32) -> Option<&mut RunStep> {
        if terms.runs[job as usize] == RunTerms::NotCounted {
            return None;
        }
        let site = terms.nodes[node].site as i32;
        let latest = &mut self.latest[job as usize];
        let known = latest.row.map(|row| row as usize).filter(|row| (self.rows[*row].step, self.rows[*row].site) == (step, site));
        let row = known.unwrap_or_else(|| {
            *latest = Latest { row: Some(self.rows.len() as u32), factors: None };
            self.rows.push(RunStep { job, step, site, active_mj: 0, cpu_request_milli: 0 });
            self.rows.len() - 1
        });
        self.rows.get_mut(row)
    }

    /// Sorted by run, step and site, with one row for each.
    pub fn into_rows(self) -> Vec<RunStep> {
        // A counting sort by run keeps the order in which a node was looked at, so only a run of several nodes is left to sort.
        let mut ends = vec![0_usize; self.latest.len() + 1];
        self.rows.iter().for_each(|row| ends[row.job as usize + 1] += 1);
        for job in 1..ends.len() {
            ends[job] += ends[job - 1];
        }
        let mut rows = self.rows.clone();
        for row in self.rows {
            let place = &mut ends[row.job as usize];
            rows[*place] = row;
            *place += 1;
        }
        let mut needs_merging = false;
        for of_run in rows.chunk_by_mut(|a, b| a.job == b.job) {
            if !of_run.is_sorted_by(|a, b| (a.step, a.site) < (b.step, b.site)) {
                of_run.sort_unstable();
                needs_merging = true;
            }
        }
        if needs_merging {
            merge(&mut rows);
        }
        rows
    }
}

/// Adds up neighbours of the same run, step and site.
fn merge(rows: &mut Vec<RunStep>) {
    rows.dedup_by(|next, kept| {
        let is_same = (next.job, next.step, next.site) == (kept.job, kept.step, kept.site);
        if is_same {
            kept.active_mj += next.active_mj;
            kept.cpu_request_milli += next.cpu_request_milli;
        }
        is_same
    });
}

/// What a pod asks for; 0 where nothing is said.
pub fn cpu_request(terms: &DayTerms<'_>, pod: i32) -> Result<i64> {
    let milli = terms.pods[pod as usize].cpu_request_milli.max(0);
    if milli >= LARGEST_WHOLE {
        bail!("pods: pod {pod} requests {milli} thousandths of a core, which no machine has");
    }
    Ok(milli)
}
