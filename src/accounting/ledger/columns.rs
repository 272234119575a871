//! The ledger in one pass over columns sorted by pod: the same figures as the SQL files, for months of many pods.
//!
//! In: `usage` of a range of nodes as slices, `node_steps` by node and step, [`DayTerms`]. Out: a [`DayFold`] for that range.
//! Rule: `queries/accounting/*.sql`; every expression here has its line there, operation for operation.
//! Cost: a counting sort by step within a node, two largest-remainder splits and one emission a row; memory is that of the busiest node.

use std::collections::HashMap;
use std::ops::Range;

use anyhow::{Result, bail};

use super::content::RowHasher;
use super::grid::{GridStep, facility_whole};
use super::hours::HourSums;
use super::inputs::{Meters, UsageColumns};
use super::reservations::Reserved;
use super::run_steps::{RunSteps, cpu_request};
use super::{DayFold, DayTerms, LedgerRow, NodeDay, RunSums, Segment, StepRequest, Sums};
use crate::accounting::split::{LARGEST_WHOLE, Splitter};
use crate::model::policy::{IdlePolicy, Tails};
use crate::model::{GAP_ROW, IDLE_ROW, SYSTEM_ROW, Tier};

/// One pass over a cluster-day; keeps its buffers from part to part.
pub struct Pass<'a> {
    terms: &'a DayTerms<'a>,
    meters: &'a Meters,
    segments: Vec<Vec<Segment>>,
    gaps: HashMap<(i32, i32), i64>,
    splitter: Splitter,
    hours: HourSums,
    reserved: Reserved,
    run_steps: RunSteps,
    /// What all pods ask for, by step of the day.
    requests: Vec<i64>,
    fold: DayFold,
    rows: Option<Vec<LedgerRow>>,
    /// Takes a node's rows from `rows`, sorted, as soon as they are there.
    hasher: Option<RowHasher>,
    node: NodeBuffers,
}

/// The rows of one node, sorted by step, and what is made of the rows of one step.
#[derive(Default)]
struct NodeBuffers {
    step_ends: Vec<u32>,
    pod: Vec<i32>,
    active: Vec<i64>,
    cpu: Vec<i64>,
    /// Empty where no row of the node has a tail.
    tail: Vec<i64>,
    corrected: Vec<i64>,
    moved: Vec<i64>,
    weights: Vec<i64>,
    idle_parts: Vec<i64>,
    energy: Vec<i64>,
    facility: Vec<i64>,
    /// Sums of the current hour by pod of the node, and which pods have any.
    pod_hour: Vec<Sums>,
    is_touched: Vec<bool>,
    touched: Vec<i32>,
}

impl<'a> Pass<'a> {
    pub fn new(terms: &'a DayTerms<'a>, meters: &'a Meters) -> Self {
        Self {
            terms,
            meters,
            segments: terms.segments(),
            gaps: terms.gaps.iter().map(|gap| ((gap.node_id, gap.step), gap.gap_mj)).collect(),
            splitter: Splitter::default(),
            hours: HourSums::new(terms),
            reserved: Reserved::default(),
            run_steps: RunSteps::new(terms),
            requests: vec![0; terms.step_count],
            fold: DayFold {
                node_days: vec![NodeDay::default(); terms.nodes.len()],
                runs: vec![RunSums::default(); terms.runs.len()],
                ..DayFold::default()
            },
            rows: None,
            hasher: None,
            node: NodeBuffers::default(),
        }
    }

    /// Keeps every row; for tests and for whoever traces a figure.
    pub fn keeping_rows(mut self) -> Self {
        self.rows = Some(Vec::new());
        self
    }

    /// Hashes every row; those of one node are in memory at a time.
    pub fn hashing_rows(mut self) -> Self {
        self.hasher = Some(RowHasher::default());
        self.keeping_rows()
    }

    /// Accounts the nodes of a range, whose usage is `usage`.
    pub fn account(&mut self, nodes: Range<usize>, usage: UsageColumns<'_>) -> Result<()> {
        let mut row = 0;
        for node in nodes {
            let node_id = i32::try_from(node)?;
            let from = row;
            while row < usage.node_id.len() && usage.node_id[row] == node_id {
                row += 1;
            }
            match usage.tail_mj {
                Some(tail_mj) => self.sort_by_step::<true>(usage, tail_mj, from..row)?,
                None => self.sort_by_step::<false>(usage, &[], from..row)?,
            }
            self.account_node(node)?;
            if let (Some(hasher), Some(rows)) = (&mut self.hasher, &mut self.rows) {
                rows.sort_unstable();
                hasher.add(rows);
                rows.clear();
            }
            self.reserved.add_node(self.terms, node_id, usage, from..row, &mut self.fold.reservations)?;
        }
        if row != usage.node_id.len() {
            bail!("usage is not sorted by node: row {row} belongs to node {}", usage.node_id[row]);
        }
        self.fold.usage_rows += row as u64;
        Ok(())
    }

    /// Ends the pass: what it adds to the month, and the rows where they were kept.
    pub fn finish(self) -> (DayFold, Vec<LedgerRow>) {
        let asked = self.requests.iter().enumerate().filter(|(_, milli)| **milli > 0);
        let request =
            |(offset, milli): (usize, &i64)| StepRequest { step: self.terms.first_step + offset as i32, cpu_request_milli: *milli };
        let fold = DayFold {
            step_requests: asked.map(request).collect(),
            workload_hours: self.hours.into_rows(),
            run_steps: self.run_steps.into_rows(),
            content: self.hasher.map(RowHasher::finish),
            ..self.fold
        };
        (fold, self.rows.unwrap_or_default())
    }

    /// Counting sort: rows of one node by step; within a step the order of pods is kept.
    fn sort_by_step<const HAS_TAILS: bool>(&mut self, usage: UsageColumns<'_>, tail_mj: &[i64], rows: Range<usize>) -> Result<()> {
        let buffers = &mut self.node;
        let (first_step, step_count) = (self.terms.first_step, self.terms.step_count);
        buffers.step_ends.clear();
        buffers.step_ends.resize(step_count + 1, 0);
        for step in &usage.step[rows.clone()] {
            let offset = (step - first_step) as usize;
            if offset >= step_count {
                bail!("usage names step {step}, which is not of this day");
            }
            buffers.step_ends[offset + 1] += 1;
        }
        for offset in 1..=step_count {
            buffers.step_ends[offset] += buffers.step_ends[offset - 1];
        }
        let count = rows.len();
        buffers.pod.resize(count, 0);
        buffers.active.resize(count, 0);
        buffers.cpu.resize(count, 0);
        buffers.tail.clear();
        if HAS_TAILS {
            buffers.tail.resize(count, 0);
        }
        // step_ends[s] is where step s begins; each row moves it on, until it is where step s ends.
        let (pods, steps) = (&usage.pod_id[rows.clone()], &usage.step[rows.clone()]);
        let (active, cpu) = (&usage.active_mj[rows.clone()], &usage.cpu_ms[rows.clone()]);
        let tail = if HAS_TAILS { &tail_mj[rows] } else { &[] };
        for i in 0..count {
            let slot = &mut buffers.step_ends[(steps[i] - first_step) as usize];
            let place = *slot as usize;
            *slot += 1;
            buffers.pod[place] = pods[i];
            buffers.active[place] = active[i];
            buffers.cpu[place] = cpu[i];
            if HAS_TAILS {
                buffers.tail[place] = tail[i];
            }
        }
        Ok(())
    }

    fn account_node(&mut self, node: usize) -> Result<()> {
        let first_pod = self.node.pod.iter().copied().min().unwrap_or(0);
        let last_pod = self.node.pod.iter().copied().max().unwrap_or(-1);
        if usize::try_from(last_pod + 1).unwrap_or(0) > self.terms.pods.len() {
            bail!("usage names pod {last_pod}, which is not of this cluster-day");
        }
        self.node.pod_hour.clear();
        let pod_count = usize::try_from(last_pod - first_pod + 1).unwrap_or(0);
        self.node.pod_hour.resize(pod_count, Sums::default());
        self.node.is_touched.clear();
        self.node.is_touched.resize(pod_count, false);
        let mut hour = self.terms.hour_of(self.terms.first_step);
        let mut from = 0;
        for offset in 0..self.terms.step_count {
            let step = self.terms.first_step + offset as i32;
            let step_hour = self.terms.hour_of(step);
            if step_hour != hour {
                self.flush_hour(node, first_pod, hour);
                hour = step_hour;
            }
            let to = self.node.step_ends[offset] as usize;
            self.account_step(node, offset, step, from..to, first_pod)?;
            from = to;
        }
        self.flush_hour(node, first_pod, hour);
        Ok(())
    }

    /// job_steps.sql, step_requests.sql: what the pods that were there ask for, whether or not their node was metered.
    fn add_requests(&mut self, node: usize, offset: usize, step: i32, rows: Range<usize>) -> Result<()> {
        let (terms, buffers) = (self.terms, &self.node);
        let mut of_step = 0;
        for row in rows {
            let is_tail_only = || buffers.tail[row] > 0 && buffers.active[row] == 0 && buffers.cpu[row] == 0;
            let milli = cpu_request(terms, buffers.pod[row])?;
            if milli == 0 || (!buffers.tail.is_empty() && is_tail_only()) {
                continue;
            }
            of_step += milli;
            let job = terms.pods[buffers.pod[row] as usize].job;
            if job >= 0 {
                self.run_steps.add_request(terms, (node, job, step), milli);
            }
        }
        self.requests[offset] += if terms.is_in_period(step) { of_step } else { 0 };
        Ok(())
    }

    fn account_step(&mut self, node: usize, offset: usize, step: i32, rows: Range<usize>, first_pod: i32) -> Result<()> {
        self.add_requests(node, offset, step, rows.clone())?;
        let terms = self.terms;
        let node_id = node as i32;
        let metered = self.meters.metered_mj[node * terms.step_count + offset];
        if metered == Meters::UNMETERED {
            self.fold.unmetered_rows += rows.len() as u64;
            if let Some(gap_mj) = self.gaps.get(&(node_id, step)).copied().filter(|gap| *gap > 0) {
                self.account_gap(node, offset, step, gap_mj);
            }
            return Ok(());
        }
        let meter_idle = self.meters.idle_mj[node * terms.step_count + offset];
        let tier = self.meters.tier[node * terms.step_count + offset];
        let buffers = &mut self.node;
        let pods = &buffers.pod[rows.clone()];
        let count = rows.len();

        // balance.sql, active.sql
        let pods_mj: i64 = buffers.active[rows.clone()].iter().sum();
        if !(0..LARGEST_WHOLE).contains(&pods_mj) {
            bail!("usage: the pods of node {node_id} in step {step} claim {pods_mj} mJ, which is not a machine's energy");
        }
        let active_mj = pods_mj.min(metered);
        let idle_mj = if pods_mj >= metered { 0 } else { meter_idle.min(metered - pods_mj) };
        let mut system_mj = metered - active_mj - idle_mj;
        let tails: &[i64] = if buffers.tail.is_empty() { &[] } else { &buffers.tail[rows.clone()] };
        let tails_mj: i64 = tails.iter().sum();
        if !(0..LARGEST_WHOLE).contains(&tails_mj) {
            bail!("usage: the tails of node {node_id} in step {step} claim {tails_mj} mJ, which is not a machine's energy");
        }
        let tail_mj = tails_mj.min(system_mj);
        let moved_mj = if terms.tails == Tails::LastRate { tail_mj } else { 0 };
        system_mj -= moved_mj;
        // Tails are moved only where something is left, pods are scaled down only where nothing is: never both.
        let active: &[i64] = if moved_mj > 0 {
            // tail_quotas.sql
            buffers.moved.resize(count, 0);
            self.splitter.split(moved_mj, tails, tails_mj, &mut buffers.moved[..count]);
            buffers.corrected.clear();
            buffers
                .corrected
                .extend(buffers.active[rows.clone()].iter().zip(&buffers.moved[..count]).map(|(active, moved)| active + moved));
            &buffers.corrected
        } else if pods_mj > metered {
            buffers.corrected.resize(count, 0);
            self.splitter.split(metered, &buffers.active[rows.clone()], pods_mj, &mut buffers.corrected[..count]);
            &buffers.corrected[..count]
        } else {
            &buffers.active[rows.clone()]
        };

        // idle_quotas.sql
        buffers.idle_parts.resize(count.max(buffers.idle_parts.len()), 0);
        let mut given_mj = 0;
        let idle_parts = &mut buffers.idle_parts[..count];
        if idle_mj > 0 && terms.idle != IdlePolicy::Unallocated {
            let weights: &[i64] = match terms.idle {
                IdlePolicy::ByRequest => {
                    buffers.weights.clear();
                    buffers.weights.extend(pods.iter().map(|pod| terms.pods[*pod as usize].cpu_request_milli));
                    let measured = buffers.active[rows.clone()].iter().zip(&buffers.cpu[rows.clone()]);
                    for ((weight, tail), (active, cpu)) in buffers.weights.iter_mut().zip(tails).zip(measured) {
                        // A pod of which only a tail is known takes no idle energy.
                        *weight = if *tail > 0 && *active == 0 && *cpu == 0 { 0 } else { *weight };
                    }
                    &buffers.weights
                }
                IdlePolicy::ByUsage | IdlePolicy::Unallocated => &buffers.cpu[rows.clone()],
            };
            let total: i64 = weights.iter().sum();
            if !(0..LARGEST_WHOLE).contains(&total) {
                bail!("usage: node {node_id} step {step} has {total} ms of CPU, which no machine has");
            }
            if total > 0 {
                self.splitter.split(idle_mj, weights, total, idle_parts);
                given_mj = idle_mj;
            } else {
                idle_parts.fill(0);
            }
        } else {
            idle_parts.fill(0);
        }
        let idle_left_mj = idle_mj - given_mj;

        // facility_quotas.sql: rows in key order, (idle) and (system) before the pods.
        buffers.energy.clear();
        buffers.energy.extend([idle_left_mj, system_mj]);
        buffers.energy.extend(active.iter().zip(idle_parts.iter()).map(|(active, idle)| active + idle));
        buffers.facility.resize((count + 2).max(buffers.facility.len()), 0);
        let facility = &mut buffers.facility[..count + 2];
        if metered > 0 {
            let whole = facility_whole(metered, terms.sites[terms.nodes[node].site].pue);
            self.splitter.split(whole, &buffers.energy, metered, facility);
        } else {
            facility.fill(0);
        }

        // job_rows.sql: runs reach beyond the period, so this comes before it is looked at.
        for i in 0..count {
            let job = terms.pods[pods[i] as usize].job;
            if job >= 0 && active[i] > 0 {
                self.run_steps.add_energy(terms, &mut self.fold.runs, (node, job, step), active[i]);
            }
        }
        let keeps_rows = self.rows.is_some();
        if !terms.is_in_period(step) && !keeps_rows {
            return Ok(());
        }

        // emissions.sql, ledger.sql, workload_hours.sql
        let grid = GridStep::of(terms, &self.segments, node, offset);
        let is_in_period = terms.is_in_period(step);
        let is_plain = tier == Tier::Metered && moved_mj == 0;
        for i in 0..count {
            let mut sums = Sums { active_mj: active[i], idle_mj: idle_parts[i], ..grid.meet(facility[i + 2]) };
            if !is_plain {
                sums.grade(tier, if moved_mj > 0 { buffers.moved[i] } else { 0 });
            }
            if is_in_period {
                let place = (pods[i] - first_pod) as usize;
                let pod_hour = &mut buffers.pod_hour[place];
                if !buffers.is_touched[place] {
                    buffers.is_touched[place] = true;
                    buffers.touched.push(pods[i]);
                }
                // Plain sums: one hour of one node stays far below 2^63, which was checked above.
                pod_hour.active_mj += sums.active_mj;
                pod_hour.idle_mj += sums.idle_mj;
                pod_hour.facility_mj += sums.facility_mj;
                pod_hour.operational_hourly_ugco2e += sums.operational_hourly_ugco2e;
                pod_hour.operational_annual_ugco2e += sums.operational_annual_ugco2e;
                pod_hour.upstream_ugco2e += sums.upstream_ugco2e;
                pod_hour.losses_ugco2e += sums.losses_ugco2e;
                if !is_plain {
                    pod_hour.allocated_mj += sums.allocated_mj;
                    pod_hour.modelled_mj += sums.modelled_mj;
                }
            }
            if let Some(kept) = self.rows.as_mut() {
                push_row(kept, node_id, step, pods[i], &sums, &grid);
            }
        }
        let shared = [(IDLE_ROW, idle_left_mj, 0, facility[0]), (SYSTEM_ROW, 0, system_mj, facility[1])];
        for (row_id, idle_mj, system_mj, facility_mj) in shared {
            let mut sums = Sums { idle_mj, system_mj, ..grid.meet(facility_mj) };
            sums.grade(tier, 0);
            if let Some(kept) = self.rows.as_mut() {
                push_row(kept, node_id, step, row_id, &sums, &grid);
            }
            if is_in_period && sums != Sums::default() {
                self.hours.add(terms.nodes[node].site, row_id, terms.hour_of(step), &sums);
            }
        }
        if is_in_period {
            let day = &mut self.fold.node_days[node];
            day.metered_mj += metered;
            day.attributed_mj += self.node.energy[2..].iter().sum::<i64>();
            day.idle_mj += idle_left_mj;
            day.system_mj += system_mj;
            day.correction_mj += active_mj - pods_mj;
            day.tail_mj += tail_mj;
            day.idle_cut_mj += if pods_mj > metered { 0 } else { idle_mj - meter_idle };
        }
        Ok(())
    }

    fn account_gap(&mut self, node: usize, offset: usize, step: i32, gap_mj: i64) {
        let terms = self.terms;
        let site = &terms.sites[terms.nodes[node].site];
        let grid = GridStep::of(terms, &self.segments, node, offset);
        let sums = Sums { gap_mj, ..grid.meet(facility_whole(gap_mj, site.pue)) };
        if let Some(kept) = self.rows.as_mut() {
            push_row(kept, node as i32, step, GAP_ROW, &sums, &grid);
        }
        if terms.is_in_period(step) {
            self.fold.node_days[node].gap_mj += gap_mj;
            self.hours.add(terms.nodes[node].site, GAP_ROW, terms.hour_of(step), &sums);
        }
    }

    fn flush_hour(&mut self, node: usize, first_pod: i32, hour: i32) {
        let touched = std::mem::take(&mut self.node.touched);
        for pod in &touched {
            let place = (pod - first_pod) as usize;
            self.node.is_touched[place] = false;
            let sums = std::mem::take(&mut self.node.pod_hour[place]);
            self.hours.add(self.terms.nodes[node].site, self.terms.pods[*pod as usize].workload, hour, &sums);
        }
        self.node.touched = touched;
        self.node.touched.clear();
    }
}

impl Sums {
    /// energy.sql: which part of a row is not metered. `moved_mj` is the tail that was moved to it.
    fn grade(&mut self, tier: Tier, moved_mj: i64) {
        let energy_mj = self.active_mj + self.idle_mj + self.system_mj;
        match tier {
            Tier::Metered => self.allocated_mj = moved_mj,
            Tier::Allocated => self.allocated_mj = energy_mj,
            Tier::Modelled => self.modelled_mj = energy_mj,
        }
    }
}

fn push_row(kept: &mut Vec<LedgerRow>, node_id: i32, step: i32, row_id: i32, sums: &Sums, grid: &GridStep<'_>) {
    if sums.active_mj + sums.idle_mj + sums.system_mj + sums.gap_mj > 0 {
        kept.push(LedgerRow {
            node_id,
            step,
            row_id,
            active_mj: sums.active_mj,
            idle_mj: sums.idle_mj,
            system_mj: sums.system_mj,
            gap_mj: sums.gap_mj,
            allocated_mj: sums.allocated_mj,
            modelled_mj: sums.modelled_mj,
            facility_mj: sums.facility_mj,
            operational_hourly_ugco2e: (!grid.segments.is_empty()).then_some(sums.operational_hourly_ugco2e),
            operational_annual_ugco2e: grid.annual_gco2e_per_kwh.is_some().then_some(sums.operational_annual_ugco2e),
            upstream_ugco2e: grid.category3(grid.has_upstream, sums.upstream_ugco2e),
            losses_ugco2e: grid.category3(grid.has_losses, sums.losses_ugco2e),
        });
    }
}
