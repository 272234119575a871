//! What is left to be had: workloads that could start later or elsewhere, and what a fixed delay would save.
//!
//! In: the candidates of the runs that were not shifted, one run after the other. Out: [`Movable`], largest saving first. Rule (method, section 8): one delay
//! and one zone for all runs of a workload, open to every one of them; beside it, each run at its own best. Memory: one row of sums a workload and zone.
//! Does not: count runs that a seed held out, or runs whose window reaches beyond the data.

use std::collections::BTreeMap;

use super::bounds::{Bounds, Candidates};
use super::energy::{PER_UNIT, divided};
use super::history::WorkloadName;
use super::window::WindowBasis;

/// How many workloads are listed.
const LISTED: usize = 50;

/// A workload whose runs were not at their best start.
#[derive(Clone, Debug, PartialEq)]
pub struct Movable {
    pub workload: WorkloadName,
    pub basis: WindowBasis,
    /// Runs with a window that were not shifted.
    pub runs: u64,
    pub active_mj: i64,
    pub actual_ugco2e: i64,
    /// The shortest window of its runs.
    pub max_delay_seconds: i64,
    /// One delay for all its runs, and the zone, that together save most: what a changed schedule gets.
    pub delay_seconds: i64,
    pub zone: usize,
    pub saved_by_delay_ugco2e: i64,
    /// Each run at its own best start: the ceiling, with a perfect forecast.
    pub saved_at_best_ugco2e: i64,
}

/// A run that was not shifted, with what its window had to offer.
pub struct Unshifted<'a> {
    pub workload: WorkloadName,
    pub basis: WindowBasis,
    pub active_mj: i64,
    pub actual_ugco2e: i64,
    pub max_delay_ms: i64,
    pub home: usize,
    pub candidates: &'a Candidates,
    pub bounds: &'a Bounds,
    /// What the bounds are around.
    pub counterfactual_ugco2e: i64,
}

/// Workloads, with what each delay would have saved over their runs so far.
#[derive(Default)]
pub struct Workloads {
    by_name: BTreeMap<WorkloadName, OfWorkload>,
}

struct OfWorkload {
    sums: Movable,
    step_ms: i64,
    /// By zone, then by number of steps.
    saved: BTreeMap<usize, Vec<i128>>,
}

impl Workloads {
    pub fn add(&mut self, run: Unshifted<'_>) {
        let saved = saved_by_zone(run.candidates);
        let max_delay_seconds = run.max_delay_ms / 1_000;
        let of_workload = self.by_name.entry(run.workload.clone()).or_insert_with(|| OfWorkload {
            sums: Movable {
                workload: run.workload,
                basis: run.basis,
                runs: 0,
                active_mj: 0,
                actual_ugco2e: 0,
                max_delay_seconds,
                delay_seconds: 0,
                zone: run.home,
                saved_by_delay_ugco2e: 0,
                saved_at_best_ugco2e: 0,
            },
            step_ms: run.candidates.step_ms,
            saved: saved.iter().map(|(zone, row)| (*zone, vec![0; row.len()])).collect(),
        });
        of_workload.saved.retain(|zone, _| saved.contains_key(zone));
        for (zone, row) in &mut of_workload.saved {
            // Cut to the shorter window.
            row.truncate(saved[zone].len());
            row.iter_mut().zip(&saved[zone]).for_each(|(sum, saved)| *sum += saved);
        }
        let sums = &mut of_workload.sums;
        sums.basis = sums.basis.max(run.basis);
        sums.runs += 1;
        sums.active_mj += run.active_mj;
        sums.actual_ugco2e += run.actual_ugco2e;
        sums.max_delay_seconds = sums.max_delay_seconds.min(max_delay_seconds);
        sums.saved_at_best_ugco2e += run.counterfactual_ugco2e - run.bounds.best;
    }

    /// Those that one delay would have made cleaner.
    pub fn ranked(self) -> Vec<Movable> {
        let mut ranked: Vec<_> = self.by_name.into_values().map(OfWorkload::at_its_best_delay).collect();
        ranked.retain(|movable| movable.saved_by_delay_ugco2e > 0);
        ranked.sort_by(|a, b| (b.saved_by_delay_ugco2e, &a.workload).cmp(&(a.saved_by_delay_ugco2e, &b.workload)));
        ranked.truncate(LISTED);
        ranked
    }
}

impl OfWorkload {
    fn at_its_best_delay(mut self) -> Movable {
        let home = self.sums.zone;
        // The shortest delay among equals, at home rather than away.
        let places = self.saved.iter().flat_map(|(zone, row)| row.iter().enumerate().map(move |(steps, saved)| (*saved, steps, *zone)));
        if let Some((saved, steps, zone)) = places.min_by_key(|(saved, steps, zone)| (-saved, *steps, *zone != home, *zone)) {
            self.sums.delay_seconds = steps as i64 * self.step_ms / 1_000;
            self.sums.zone = zone;
            self.sums.saved_by_delay_ugco2e = divided(saved, PER_UNIT);
        }
        self.sums
    }
}

fn saved_by_zone(candidates: &Candidates) -> BTreeMap<usize, Vec<i128>> {
    let baseline = candidates.baseline();
    let rows = candidates.zones.iter().zip(&candidates.values);
    rows.map(|(zone, row)| (*zone, row.iter().map(|value| baseline - value).collect())).collect()
}

#[cfg(test)]
mod tests {
    use super::super::bounds::CandidatePlace;
    use super::super::energy::{RunEnergy, rounded};
    use super::super::profile::ProfileStep;
    use super::*;
    use crate::accounting::integral::Integral;

    const HOUR_MS: i64 = 3_600_000;
    const WATT_HOUR: i64 = 3_600_000;

    fn hourly(values: &[i64]) -> Integral {
        Integral::of(values.iter().enumerate().map(|(hour, value)| (hour as i64 * 3_600, (hour as i64 + 1) * 3_600, value * 1_000_000)))
    }

    /// 1 Wh in the quarter of an hour that begins at an hour, in a grid of its own.
    fn add(workloads: &mut Workloads, name: &str, hour: i64, delay_hours: i64, grids: &[&[i64]], basis: WindowBasis) {
        let start_ms = hour * HOUR_MS;
        let profile = [ProfileStep { site: 0, step: (hour * 4) as i32, active_mj: WATT_HOUR, cpu_request_milli: 0 }];
        let energy = RunEnergy::of(&profile, start_ms, start_ms + 900_000, 900);
        let grids: Vec<_> = grids.iter().map(|grid| hourly(grid)).collect();
        let places: Vec<_> = grids.iter().enumerate().map(|(zone, series)| CandidatePlace { zone, series, pue: 1.0 }).collect();
        let candidates = Candidates::of(&energy, start_ms, delay_hours * HOUR_MS, &places, 0).expect("covered");
        let counterfactual_ugco2e = rounded(candidates.baseline());
        workloads.add(Unshifted {
            workload: ("a".to_owned(), "etl".to_owned(), name.to_owned()),
            basis,
            active_mj: energy.active_mj,
            actual_ugco2e: counterfactual_ugco2e,
            max_delay_ms: delay_hours * HOUR_MS,
            home: 0,
            bounds: &candidates.bounds(counterfactual_ugco2e),
            candidates: &candidates,
            counterfactual_ugco2e,
        });
    }

    #[test]
    fn one_delay_serves_all_runs_of_a_workload() {
        let mut workloads = Workloads::default();
        // Delays of 0, 1, 2 h: 300, 100, 200 and 300, 400, 150; together 600, 500, 350, so two hours save 250 of 300 mg and each at its best 350.
        add(&mut workloads, "nightly", 0, 2, &[&[300, 100, 200, 200]], WindowBasis::Policy);
        add(&mut workloads, "nightly", 0, 2, &[&[300, 400, 150, 150]], WindowBasis::Policy);

        let ranked = workloads.ranked();

        assert_eq!(ranked.len(), 1);
        let nightly = &ranked[0];
        assert_eq!((nightly.runs, nightly.active_mj, nightly.actual_ugco2e), (2, 2 * WATT_HOUR, 600_000));
        assert_eq!((nightly.delay_seconds, nightly.max_delay_seconds, nightly.zone), (7_200, 7_200, 0));
        assert_eq!((nightly.saved_by_delay_ugco2e, nightly.saved_at_best_ugco2e), (250_000, 350_000));
    }

    #[test]
    fn a_delay_has_to_be_open_to_every_run() {
        let mut workloads = Workloads::default();
        let grid: &[i64] = &[300, 200, 100, 100];
        add(&mut workloads, "nightly", 0, 2, &[grid, &[10, 10, 10, 10]], WindowBasis::Label);
        add(&mut workloads, "nightly", 0, 1, &[grid], WindowBasis::Suggested);

        let ranked = workloads.ranked();

        assert_eq!((ranked[0].delay_seconds, ranked[0].zone, ranked[0].saved_by_delay_ugco2e), (3_600, 0, 200_000));
        assert_eq!((ranked[0].max_delay_seconds, ranked[0].basis), (3_600, WindowBasis::Suggested));
    }

    #[test]
    fn the_largest_saving_comes_first_and_none_is_not_listed() {
        let mut workloads = Workloads::default();
        add(&mut workloads, "small", 0, 1, &[&[300, 250, 250]], WindowBasis::Policy);
        add(&mut workloads, "large", 0, 1, &[&[300, 50, 50]], WindowBasis::Policy);
        add(&mut workloads, "at-its-best", 0, 1, &[&[50, 300, 300]], WindowBasis::Policy);

        let names: Vec<_> = workloads.ranked().into_iter().map(|movable| movable.workload.2).collect();

        assert_eq!(names, ["large", "small"]);
    }
}
