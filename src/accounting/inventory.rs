//! The month's sums, cluster by cluster: what is left of the ledger once every day has been added.
//!
//! In: the folds of cluster-days, in any order and from any number of workers. Out: [`Inventory`], and the findings of its own checks.
//! Rule (method, section 2): integer sums only, so any order gives the same digits. A ledger that does not balance is not published.
//! Does not: decide what is shown.

use std::collections::BTreeMap;

use super::cost_centres::CostCentres;
use super::counterfactual::profile::{self, Profile, ProfileStep};
use super::dimensions::DayDimensions;
use super::filling::ValueStatus;
use super::ledger::{DayFold, NodeDay, RunSums, Sums};
use super::plan::Plan;
use super::tiers::TierEmissions;
use crate::model::{Finding, GAP, GAP_ROW, IDLE, IDLE_ROW, SYSTEM, SYSTEM_ROW, Severity};
use crate::units::{Share, UtcDay};

/// Site, namespace, workload.
pub type WorkloadKey = (usize, String, String);

/// Sums of one cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClusterInventory {
    pub workloads: BTreeMap<WorkloadKey, Sums>,
    /// Hourly emissions by quality tier.
    pub tier_emissions: BTreeMap<WorkloadKey, TierEmissions>,
    /// By site and hour since the epoch.
    pub hours: BTreeMap<(usize, i32), Sums>,
    pub node_days: BTreeMap<(String, UtcDay), NodeDay>,
    /// Requested thousandths of a core times steps, by node, namespace and workload.
    pub reservations: BTreeMap<(String, String, String), i64>,
    /// The same of GPUs.
    pub gpu_reservations: BTreeMap<(String, String, String), i64>,
    /// Thousandths of a core that all pods asked for, by step.
    pub step_requests: BTreeMap<i32, i64>,
    /// Sums of workloads by the cost centre of their namespace: as days are added, of namespaces that have several; once
    /// `scopes::cost_centres::complete` has seen it, of all.
    pub cost_centres: BTreeMap<WorkloadKey, BTreeMap<String, Sums>>,
    pub usage_rows: u64,
    pub unmetered_rows: u64,
}

/// Sums of the month.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inventory {
    pub clusters: Vec<ClusterInventory>,
    /// By index of [`Plan::runs`].
    pub runs: Vec<RunSums>,
    /// By index of [`Plan::runs`].
    pub profiles: Vec<Profile>,
}

impl Inventory {
    pub fn new(plan: &Plan<'_>) -> Self {
        Self {
            clusters: vec![ClusterInventory::default(); plan.terms.clusters.len()],
            runs: vec![RunSums::default(); plan.runs.len()],
            profiles: vec![Profile::new(); plan.runs.len()],
        }
    }

    /// Adds the ledger of a cluster-day, or of a part of its nodes.
    /// `runs` is what [`Plan::runs_of_day`] says of the same day.
    pub fn add(&mut self, cluster: usize, day: UtcDay, dimensions: &DayDimensions, runs: &[Option<usize>], fold: &DayFold) {
        let inventory = &mut self.clusters[cluster];
        inventory.usage_rows += fold.usage_rows;
        inventory.unmetered_rows += fold.unmetered_rows;
        let mut current: Option<WorkloadDay> = None;
        for row in &fold.workload_hours {
            inventory.hours.entry((row.site as usize, row.hour)).or_default().add(&row.sums);
            let tiers = TierEmissions::of_hour(&row.sums);
            match &mut current {
                Some(day) if (day.site, day.workload) == (row.site, row.workload) => {
                    day.sums.add(&row.sums);
                    day.tiers.add(&tiers);
                }
                _ => {
                    let next = WorkloadDay { site: row.site, workload: row.workload, sums: row.sums, tiers };
                    inventory.add_workload(dimensions, current.replace(next));
                }
            }
        }
        inventory.add_workload(dimensions, current);
        for (node, sums) in fold.node_days.iter().enumerate().filter(|(_, sums)| **sums != NodeDay::default()) {
            inventory.node_days.entry((dimensions.nodes[node].node.clone(), day)).or_default().add(sums);
        }
        for row in &fold.reservations {
            let (namespace, workload) = dimensions.workloads[row.workload as usize].clone();
            let key = (dimensions.nodes[row.node as usize].node.clone(), namespace, workload);
            if row.gpu_steps > 0 {
                reserve(&mut inventory.gpu_reservations, key.clone(), row.gpu_steps);
            }
            if row.milli_steps > 0 {
                reserve(&mut inventory.reservations, key, row.milli_steps);
            }
        }
        for (job, run) in runs.iter().enumerate() {
            if let (Some(run), Some(sums)) = (run, fold.runs.get(job)) {
                self.runs[*run].add(sums);
            }
        }
        for row in &fold.step_requests {
            request(&mut inventory.step_requests, row.step, row.cpu_request_milli);
        }
        for rows in fold.run_steps.chunk_by(|a, b| a.job == b.job) {
            let Some(Some(run)) = runs.get(rows[0].job as usize) else { continue };
            profile::add(&mut self.profiles[*run], rows.iter().map(ProfileStep::from));
        }
    }

    /// Adds of the same day what belongs to namespaces that had several cost centres in the month.
    pub fn add_cost_centres(&mut self, cluster: usize, day: UtcDay, dimensions: &DayDimensions, centres: &CostCentres, fold: &DayFold) {
        let inventory = &mut self.clusters[cluster];
        for rows in fold.workload_hours.chunk_by(|a, b| (a.site, a.workload) == (b.site, b.workload)) {
            let name = usize::try_from(rows[0].workload).ok().and_then(|workload| dimensions.workloads.get(workload));
            let Some((namespace, workload)) = name.filter(|(namespace, _)| centres.only(namespace).is_none()) else { continue };
            let key = (rows[0].site as usize, namespace.clone(), workload.clone());
            let of_centre = inventory.cost_centres.entry(key).or_default().entry(centres.of(namespace, day).to_owned()).or_default();
            rows.iter().for_each(|row| of_centre.add(&row.sums));
        }
    }

    /// Adds the sums of another worker.
    pub fn merge(&mut self, other: Self) {
        for (mine, theirs) in self.clusters.iter_mut().zip(other.clusters) {
            for (key, sums) in theirs.workloads {
                mine.workloads.entry(key).or_default().add(&sums);
            }
            for (key, tiers) in theirs.tier_emissions {
                mine.tier_emissions.entry(key).or_default().add(&tiers);
            }
            for (key, sums) in theirs.hours {
                mine.hours.entry(key).or_default().add(&sums);
            }
            for (key, sums) in theirs.node_days {
                mine.node_days.entry(key).or_default().add(&sums);
            }
            theirs.reservations.into_iter().for_each(|(key, steps)| reserve(&mut mine.reservations, key, steps));
            theirs.gpu_reservations.into_iter().for_each(|(key, steps)| reserve(&mut mine.gpu_reservations, key, steps));
            for (key, centres) in theirs.cost_centres {
                let of_workload = mine.cost_centres.entry(key).or_default();
                centres.into_iter().for_each(|(name, sums)| of_workload.entry(name).or_default().add(&sums));
            }
            theirs.step_requests.into_iter().for_each(|(step, milli)| request(&mut mine.step_requests, step, milli));
            mine.usage_rows += theirs.usage_rows;
            mine.unmetered_rows += theirs.unmetered_rows;
        }
        for (mine, theirs) in self.runs.iter_mut().zip(&other.runs) {
            mine.add(theirs);
        }
        for (mine, theirs) in self.profiles.iter_mut().zip(other.profiles) {
            if mine.is_empty() {
                *mine = theirs;
            } else {
                profile::add(mine, theirs.into_iter());
            }
        }
    }

    /// Hourly emissions of all electricity by quality tier.
    pub fn tier_emissions(&self) -> TierEmissions {
        let mut total = TierEmissions::default();
        self.clusters.iter().flat_map(|cluster| cluster.tier_emissions.values()).for_each(|tiers| total.add(tiers));
        total
    }

    /// Shares of a zone's facility energy that met an estimated and a filled intensity.
    pub fn intensity_shares(&self, plan: &Plan<'_>, zone: usize) -> (Option<Share>, Option<Share>) {
        let (mut total, mut estimated, mut filled) = (0.0, 0.0, 0.0);
        for (cluster, inventory) in self.clusters.iter().enumerate() {
            for ((_, hour), sums) in inventory.hours.iter().filter(|((site, _), _)| plan.sites[cluster][*site].zone == zone) {
                let from_s = i64::from(*hour) * 3_600;
                total += sums.facility_mj as f64;
                for piece in plan.zones[zone].pieces(from_s, from_s + 3_600).into_iter().flatten() {
                    let energy = sums.facility_mj as f64 * (piece.to_s - piece.from_s) as f64 / 3_600.0;
                    match piece.status {
                        ValueStatus::Estimated => estimated += energy,
                        ValueStatus::Filled => filled += energy,
                        ValueStatus::Measured => {}
                    }
                }
            }
        }
        let share = |part: f64| (total > 0.0).then(|| Share::try_from((part / total).clamp(0.0, 1.0)).ok()).flatten();
        (share(estimated), share(filled))
    }

    /// The checks of the ledger itself; each says how many rows it examined.
    pub fn findings(&self, plan: &Plan<'_>) -> Vec<Finding> {
        let mut findings = Vec::new();
        let nodes_days = || self.clusters.iter().flat_map(|cluster| &cluster.node_days);
        let examined = nodes_days().count();
        if examined == 0 {
            let message = format!(
                "No node of any cluster was seen in {}, so there is nothing to report. Run `wattledger collect --month {}` and check its findings.",
                plan.terms.period, plan.terms.period
            );
            return vec![Finding::new("NO_DATA", Severity::Blocked, message)];
        }
        let unbalanced = nodes_days().filter(|(_, day)| day.metered_mj != day.attributed_mj + day.idle_mj + day.system_mj);
        if let Some(((node, day), sums)) = unbalanced.clone().next() {
            let difference = sums.metered_mj - sums.attributed_mj - sums.idle_mj - sums.system_mj;
            let message = format!(
                "The ledger does not balance: node {node} on {day} differs by {difference} mJ. This is a defect of the software; please report it."
            );
            findings.push(Finding::new("BALANCE", Severity::Blocked, message).examined(examined).failing(unbalanced.count()));
        }
        findings.extend(self.gap_finding(plan));
        findings.extend(self.correction_findings(plan));
        findings.extend(estimated_findings(self, plan));
        findings
    }

    fn gap_finding(&self, plan: &Plan<'_>) -> Option<Finding> {
        let share = plan.gap_share().filter(|share| *share > 0.0)?;
        let hours = |steps: u64| steps as f64 * plan.terms.step_seconds as f64 / 3_600.0;
        let limit = plan.terms.max_gap_share;
        let (severity, advice) = if share > limit {
            (
                Severity::Blocked,
                format!(
                    "That is above the limit of {:.1} %; collect what is missing, or accept it by name with --accept GAP.",
                    limit * 100.0
                ),
            )
        } else {
            (Severity::Disclosed, "It stands in namespace (gap).".to_owned())
        };
        let message = format!(
            "{:.2} of {:.2} node-hours ({:.2} %) were seen by no meter and are filled with the node's own mean of the same hour of day. {advice}",
            hours(plan.gap_count.missing_steps),
            hours(plan.gap_count.existing_steps),
            share * 100.0
        );
        let count = |steps: u64| usize::try_from(steps).unwrap_or(usize::MAX);
        Some(
            Finding::new("GAP", severity, message)
                .examined(count(plan.gap_count.existing_steps))
                .failing(count(plan.gap_count.missing_steps)),
        )
    }

    fn correction_findings(&self, plan: &Plan<'_>) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (terms, inventory) in plan.terms.clusters.iter().zip(&self.clusters) {
            let examined = inventory.node_days.len();
            let mut push = |code, severity, failing: usize, message: String| {
                if failing > 0 {
                    findings.push(Finding::new(code, severity, message).examined(examined).failing(failing));
                }
            };
            let name = &terms.name;
            let corrected = inventory.node_days.values().filter(|day| day.correction_mj != 0);
            let sum: i64 = corrected.clone().map(|day| day.correction_mj).sum();
            push(
                "CORRECTION",
                Severity::Noted,
                corrected.count(),
                format!(
                    "{name}: pods claimed more energy than their node's meter showed; the meter wins and they were scaled down by {} mJ in all.",
                    -sum
                ),
            );
            let cut = inventory.node_days.values().filter(|day| day.idle_cut_mj != 0);
            let sum: i64 = cut.clone().map(|day| day.idle_cut_mj).sum();
            push(
                "IDLE_CUT",
                Severity::Noted,
                cut.count(),
                format!("{name}: idle energy that did not fit beside the pods within the node's meter was cut by {} mJ in all.", -sum),
            );
            if inventory.unmetered_rows > 0 {
                let message = format!(
                    "{name}: pods used energy or CPU in steps in which no meter of their node spoke; those steps are filled as a gap."
                );
                let count = |rows: u64| usize::try_from(rows).unwrap_or(usize::MAX);
                findings.push(
                    Finding::new("UNMETERED", Severity::Noted, message)
                        .examined(count(inventory.usage_rows))
                        .failing(count(inventory.unmetered_rows)),
                );
            }
        }
        findings
    }
}

/// What a day of the ledger has of a workload at a site.
struct WorkloadDay {
    site: i32,
    workload: i32,
    sums: Sums,
    tiers: TierEmissions,
}

fn reserve(reservations: &mut BTreeMap<(String, String, String), i64>, key: (String, String, String), steps: i64) {
    let sum = reservations.entry(key).or_default();
    *sum = sum.checked_add(steps).expect("a month's reservations stay below 2^63: each day's were bounded");
}

fn request(requests: &mut BTreeMap<i32, i64>, step: i32, cpu_request_milli: i64) {
    let sum = requests.entry(step).or_default();
    *sum = sum.checked_add(cpu_request_milli).expect("what pods ask for stays below 2^63: each request was bounded");
}

impl ClusterInventory {
    fn add_workload(&mut self, dimensions: &DayDimensions, day: Option<WorkloadDay>) {
        let Some(WorkloadDay { site, workload, sums, tiers }) = day else { return };
        let (namespace, workload) = match workload {
            GAP_ROW => (GAP.to_owned(), GAP.to_owned()),
            IDLE_ROW => (IDLE.to_owned(), IDLE.to_owned()),
            SYSTEM_ROW => (SYSTEM.to_owned(), SYSTEM.to_owned()),
            pods => dimensions.workloads[pods as usize].clone(),
        };
        let key = (site as usize, namespace, workload);
        self.tier_emissions.entry(key.clone()).or_default().add(&tiers);
        self.workloads.entry(key).or_default().add(&sums);
    }
}

fn estimated_findings(inventory: &Inventory, plan: &Plan<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, zone) in plan.zones.iter().enumerate() {
        if let (Some(estimated), _) = inventory.intensity_shares(plan, index)
            && estimated.get() > 0.0
        {
            let message =
                format!("Zone {}: {:.1} % of the energy met an intensity that the provider estimated.", zone.zone, estimated.get() * 100.0);
            findings.push(Finding::new("CI_ESTIMATED", Severity::Noted, message).examined(1).failing(1));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounting::ledger::{RunStep, StepRequest};

    fn day(text: &str) -> UtcDay {
        text.parse().unwrap()
    }

    fn empty() -> Inventory {
        Inventory { clusters: vec![ClusterInventory::default()], runs: vec![RunSums::default(); 2], profiles: vec![Profile::new(); 2] }
    }

    /// Rows of job, step, site, mJ and request, and what they add up to.
    fn fold(rows: &[(i32, i32, i32, i64, i64)], requests: &[(i32, i64)]) -> DayFold {
        let mut runs = vec![RunSums::default(); 3];
        rows.iter().for_each(|row| runs[row.0 as usize].active_mj += row.3);
        let run_step = |(job, step, site, active_mj, cpu_request_milli)| RunStep { job, step, site, active_mj, cpu_request_milli };
        DayFold {
            runs,
            run_steps: rows.iter().copied().map(run_step).collect(),
            step_requests: requests
                .iter()
                .map(|(step, cpu_request_milli)| StepRequest { step: *step, cpu_request_milli: *cpu_request_milli })
                .collect(),
            ..DayFold::default()
        }
    }

    /// A run over three days, the last of which comes in two parts that share a step; and one of which a day knows that it does not count.
    fn parts() -> Vec<(UtcDay, Vec<Option<usize>>, DayFold)> {
        let (first, second, third) = (day("2026-10-01"), day("2026-10-02"), day("2026-10-03"));
        vec![
            (
                first,
                vec![Some(1), None, Some(0)],
                fold(&[(0, 94, 0, 5, 100), (0, 95, 0, 6, 100), (2, 95, 0, 9, 0)], &[(94, 300), (95, 300)]),
            ),
            (second, vec![None, Some(1), None], fold(&[(1, 96, 0, 7, 100), (1, 96, 1, 2, 50)], &[(96, 400)])),
            (third, vec![Some(1), None, None], fold(&[(0, 192, 0, 1, 100), (0, 193, 0, 1, 100)], &[(192, 100)])),
            (third, vec![Some(1), None, None], fold(&[(0, 192, 0, 4, 25)], &[(192, 25), (193, 1)])),
        ]
    }

    fn steps(profile: &Profile) -> Vec<(i32, i32, i64, i64)> {
        profile.iter().map(|step| (step.step, step.site, step.active_mj, step.cpu_request_milli)).collect()
    }

    #[test]
    fn days_and_workers_in_any_order_give_one_profile() {
        let parts = parts();
        let add = |inventory: &mut Inventory, part: usize| {
            let (day, runs, fold) = &parts[part];
            inventory.add(0, *day, &DayDimensions::default(), runs, fold);
        };
        let mut whole = empty();
        (0..4).for_each(|part| add(&mut whole, part));

        let expected = [(94, 0, 5, 100), (95, 0, 6, 100), (96, 0, 7, 100), (96, 1, 2, 50), (192, 0, 5, 125), (193, 0, 1, 100)];
        assert_eq!(steps(&whole.profiles[1]), expected);
        assert_eq!(steps(&whole.profiles[0]), [(95, 0, 9, 0)]);
        assert_eq!(whole.clusters[0].step_requests, BTreeMap::from([(94, 300), (95, 300), (96, 400), (192, 125), (193, 1)]));
        for (run, profile) in whole.runs.iter().zip(&whole.profiles) {
            assert_eq!(run.active_mj, profile.iter().map(|step| step.active_mj).sum::<i64>());
        }
        // Every order of the four parts, by one worker and by two.
        for order in 0..256 {
            let order = [order % 4, order / 4 % 4, order / 16 % 4, order / 64];
            if (0..4).any(|part| !order.contains(&part)) {
                continue;
            }
            let mut alone = empty();
            order.into_iter().for_each(|part| add(&mut alone, part));
            assert_eq!(alone, whole, "{order:?}");
            for cut in 0..5 {
                let (mut mine, mut theirs) = (empty(), empty());
                order[..cut].iter().for_each(|part| add(&mut mine, *part));
                order[cut..].iter().for_each(|part| add(&mut theirs, *part));
                mine.merge(theirs);
                assert_eq!(mine, whole, "{order:?} cut at {cut}");
            }
        }
    }
}
