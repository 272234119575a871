//! Whether what did not happen could have happened: the replayed baseline against the cluster's CPU.
//!
//! In: the plan (each run with its baseline, each node with its CPU) and the inventory (what each run, and all pods, asked for step by step).
//! Out: [`Capacity`], the hours in which the clusters could not have held the replayed runs. Rule (method, section 7): shifted runs are taken out where
//! they were and put back where their baseline is, a step counting as soon as a run reaches into it. A step is too full where more is asked for than the
//! nodes that were there could give, and more than was asked for in truth: what was there did fit, though pods that follow one another within a step are
//! both counted. Cost: the profiles of the shifted runs, once or twice. Does not: move a run to where there is room.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat};

use super::profile::{Profile, ProfileStep};
use super::retiming::RunTiming;
use crate::accounting::inventory::Inventory;
use crate::accounting::plan::{Plan, PlannedRun};
use crate::model::{Finding, Severity};

/// How many hours a finding names.
const NAMED_HOURS: usize = 3;

/// Hours in which the replayed baseline asks for more CPU than the cluster could give.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Capacity {
    /// Hours of the period in which a replayed run would have run, and the cluster's CPU is known.
    pub examined_hours: u64,
    /// Clusters in which a replayed run would have run, and whose CPU nobody said.
    pub unknown_clusters: Vec<usize>,
    /// Sorted by cluster and hour.
    pub exceeded: Vec<ExceededHour>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExceededHour {
    pub cluster: usize,
    /// Hours since the epoch.
    pub hour: i32,
    /// The most of any step, in thousandths of a core.
    pub requested_milli: i64,
    /// In that step.
    pub allocatable_milli: i64,
    /// Replayed runs in that step: indices of [`crate::accounting::plan::Plan::runs`].
    pub runs: Vec<usize>,
}

/// Sets the replayed baseline of every shifted run against what its cluster could give.
pub fn check(plan: &Plan<'_>, inventory: &Inventory) -> Capacity {
    let moved = moved_runs(plan, inventory);
    let replays = replay(plan, inventory, &moved);
    let mut capacity = Capacity::default();
    for (cluster, replay) in &replays {
        if replay.allocatable.is_none() {
            if replay.has_run() {
                capacity.unknown_clusters.push(*cluster);
            }
            continue;
        }
        let (hours, exceeded) = replay.hours(*cluster);
        capacity.examined_hours += hours;
        capacity.exceeded.extend(exceeded);
    }
    name_runs(&moved, &replays, &mut capacity.exceeded);
    capacity
}

/// Takes every shifted run out where it was, and puts it back where its baseline is.
fn replay(plan: &Plan<'_>, inventory: &Inventory, moved: &[MovedRun<'_>]) -> BTreeMap<usize, Replay> {
    let mut replays: BTreeMap<usize, Replay> = BTreeMap::new();
    let mut target = Vec::new();
    for run in moved {
        let taken_out = replays.entry(run.ran).or_insert_with(|| Replay::new(plan, inventory, run.ran));
        run.profile.iter().for_each(|step| taken_out.take_out(step));
        run.replayed(&mut target);
        let put_back = replays.entry(run.home).or_insert_with(|| Replay::new(plan, inventory, run.home));
        target.iter().for_each(|(step, milli)| put_back.put_back(*step, *milli));
    }
    replays
}

impl Capacity {
    /// What the reader has to know of it.
    pub fn findings(&self, plan: &Plan<'_>) -> Vec<Finding> {
        let name = |cluster: usize| plan.terms.clusters[cluster].name.as_str();
        let mut findings = Vec::new();
        if !self.exceeded.is_empty() {
            let cores = |milli: i64| milli as f64 / 1_000.0;
            let named: Vec<String> = (self.exceeded.iter().take(NAMED_HOURS))
                .map(|hour| {
                    let start = DateTime::from_timestamp(i64::from(hour.hour) * 3_600, 0).unwrap_or_default();
                    let start = start.to_rfc3339_opts(SecondsFormat::Secs, true);
                    let (requested, allocatable) = (cores(hour.requested_milli), cores(hour.allocatable_milli));
                    format!("{} at {start}: {requested:.1} of {allocatable:.1} cores, {} runs", name(hour.cluster), hour.runs.len())
                })
                .collect();
            let more = if self.exceeded.len() > named.len() { "; and more" } else { "" };
            let message = format!(
                "In {} of {} hours the runs at their baselines would have asked for more CPU than their cluster could give ({}{more}). \
                 Some of these runs could not have started when their baseline says; the avoided figure is too large or too small by them.",
                self.exceeded.len(),
                self.examined_hours,
                named.join("; ")
            );
            let examined = usize::try_from(self.examined_hours).unwrap_or(usize::MAX);
            findings.push(Finding::new("CAPACITY", Severity::Disclosed, message).examined(examined).failing(self.exceeded.len()));
        }
        if !self.unknown_clusters.is_empty() {
            let names: Vec<&str> = self.unknown_clusters.iter().map(|cluster| name(*cluster)).collect();
            let message = format!(
                "{}: nobody said how much CPU the nodes have, so whether the runs at their baselines would have fitted was not examined. \
                 Let kube-state-metrics serve kube_node_status_allocatable, and collect the month again.",
                names.join(", ")
            );
            findings.push(
                Finding::new("CAPACITY", Severity::Noted, message).examined(plan.terms.clusters.len()).failing(self.unknown_clusters.len()),
            );
        }
        findings
    }
}

/// A run that was not when or where its baseline is.
struct MovedRun<'a> {
    run: usize,
    ran: usize,
    home: usize,
    timing: RunTiming,
    profile: &'a Profile,
    step_ms: i64,
}

impl MovedRun<'_> {
    /// Steps that the run at its baseline reaches into, ascending, with what it asks for in each: the most of the parts of it that do.
    fn replayed(&self, target: &mut Vec<(i32, i64)>) {
        let RunTiming { start_ms, end_ms, baseline_start_ms, .. } = self.timing;
        target.clear();
        for of_step in self.profile.chunk_by(|a, b| a.step == b.step) {
            let milli = of_step.iter().map(|site| site.cpu_request_milli).sum::<i64>();
            let step_from_ms = i64::from(of_step[0].step) * self.step_ms;
            // What was seen just before the start or after the end belongs to the first or last instant, as its energy does.
            let from_ms = step_from_ms.clamp(start_ms, end_ms - 1);
            let to_ms = (step_from_ms + self.step_ms).clamp(from_ms + 1, end_ms);
            let moved = |at_ms: i64| (at_ms - start_ms + baseline_start_ms).div_euclid(self.step_ms) as i32;
            for step in moved(from_ms)..=moved(to_ms - 1) {
                match target.iter_mut().rev().take(2).find(|(known, _)| *known == step) {
                    Some((_, most)) => *most = milli.max(*most),
                    None => target.push((step, milli)),
                }
            }
        }
    }
}

fn moved_runs<'a>(plan: &Plan<'_>, inventory: &'a Inventory) -> Vec<MovedRun<'a>> {
    let step_ms = plan.terms.step_seconds * 1_000;
    let runs = plan.runs.iter().zip(&inventory.profiles).enumerate();
    runs.filter_map(|(run, (planned, profile))| {
        let timing = *planned.place.as_ref().ok()?;
        let home = home(plan, planned, timing.baseline_zone);
        let zone = planned.run.site.map(|site| plan.sites[planned.cluster][site].zone);
        let is_moved = timing.start_ms != timing.baseline_start_ms || home != planned.cluster || zone != Some(timing.baseline_zone);
        is_moved.then_some(MovedRun { run, ran: planned.cluster, home, timing, profile, step_ms })
    })
    .collect()
}

/// The cluster of the baseline: the one that was said, else one with a site in the baseline zone, the run's own first, else its own.
fn home(plan: &Plan<'_>, planned: &PlannedRun, baseline_zone: usize) -> usize {
    let has_site = |cluster: &usize| plan.sites[*cluster].iter().any(|site| site.zone == baseline_zone);
    let mut own_first = std::iter::once(planned.cluster).chain(0..plan.sites.len());
    planned.home_cluster.or_else(|| own_first.find(has_site)).unwrap_or(planned.cluster)
}

/// A cluster in which runs are replayed, by step of the period.
struct Replay {
    first_step: i32,
    step_seconds: i64,
    /// What pods asked for in truth, and would have asked for.
    actual: Vec<i64>,
    replayed: Vec<i64>,
    /// What the nodes could give; none where a node that was there says nothing, or none was there.
    allocatable: Option<Vec<i64>>,
    /// Whether a replayed run would have run, and whether one would have asked for CPU.
    runs: Vec<bool>,
    asks: Vec<bool>,
}

impl Replay {
    fn new(plan: &Plan<'_>, inventory: &Inventory, cluster: usize) -> Self {
        let (first_step, end_step) = plan.terms.steps();
        let count = (end_step - first_step) as usize;
        let mut actual = vec![0; count];
        for (step, milli) in inventory.clusters[cluster].step_requests.range(first_step..end_step) {
            actual[(step - first_step) as usize] = *milli;
        }
        Self {
            first_step,
            step_seconds: plan.terms.step_seconds,
            replayed: actual.clone(),
            actual,
            allocatable: allocatable(plan, cluster),
            runs: vec![false; count],
            asks: vec![false; count],
        }
    }

    fn offset(&self, step: i32) -> Option<usize> {
        usize::try_from(step - self.first_step).ok().filter(|offset| *offset < self.actual.len())
    }

    fn take_out(&mut self, step: &ProfileStep) {
        if let Some(offset) = self.offset(step.step) {
            self.replayed[offset] -= step.cpu_request_milli;
        }
    }

    fn put_back(&mut self, step: i32, cpu_request_milli: i64) {
        if let Some(offset) = self.offset(step) {
            self.replayed[offset] += cpu_request_milli;
            self.runs[offset] = true;
            self.asks[offset] |= cpu_request_milli > 0;
        }
    }

    fn has_run(&self) -> bool {
        self.runs.contains(&true)
    }

    fn hour_of(&self, offset: usize) -> i32 {
        ((i64::from(self.first_step) + offset as i64) * self.step_seconds).div_euclid(3_600) as i32
    }

    /// How many hours a replayed run reaches into, and those of them that are too full, without the names of the runs.
    fn hours(&self, cluster: usize) -> (u64, Vec<ExceededHour>) {
        let mut exceeded: Vec<ExceededHour> = Vec::new();
        let (mut count, mut last) = (0, None);
        for offset in (0..self.runs.len()).filter(|offset| self.runs[*offset]) {
            let hour = self.hour_of(offset);
            count += u64::from(last != Some(hour));
            last = Some(hour);
            let Some(allocatable_milli) = self.exceeded_allocatable(offset) else { continue };
            let requested_milli = self.replayed[offset];
            match exceeded.last_mut().filter(|known| known.hour == hour) {
                Some(known) if known.requested_milli >= requested_milli => {}
                Some(known) => (known.requested_milli, known.allocatable_milli) = (requested_milli, allocatable_milli),
                None => exceeded.push(ExceededHour { cluster, hour, requested_milli, allocatable_milli, runs: Vec::new() }),
            }
        }
        (count, exceeded)
    }

    /// What the nodes could give in a step that is too full.
    fn exceeded_allocatable(&self, offset: usize) -> Option<i64> {
        let allocatable = self.allocatable.as_ref()?[offset];
        let is_exceeded = self.asks[offset] && self.replayed[offset] > allocatable.max(self.actual[offset]);
        is_exceeded.then_some(allocatable)
    }
}

/// Thousandths of a core that pods can have, by step of the period: of the nodes that exist in it.
fn allocatable(plan: &Plan<'_>, cluster: usize) -> Option<Vec<i64>> {
    let (first_step, end_step) = plan.terms.steps();
    let step_ms = plan.terms.step_seconds * 1_000;
    let (period_from_ms, period_to_ms) = (i64::from(first_step) * step_ms, i64::from(end_step) * step_ms);
    let mut changes = vec![0; (end_step - first_step) as usize + 1];
    let mut has_node = false;
    for node in plan.survey.clusters[cluster].nodes.values() {
        let Some((from_ms, to_ms)) = node.power.existence(period_from_ms, period_to_ms) else { continue };
        let milli = node.cpu_allocatable_milli.or(node.cpu_capacity_milli)?;
        has_node = true;
        changes[((from_ms - period_from_ms) / step_ms) as usize] += milli;
        changes[((to_ms - period_from_ms + step_ms - 1) / step_ms) as usize] -= milli;
    }
    let mut sum = 0;
    changes.pop();
    for change in &mut changes {
        sum += *change;
        *change = sum;
    }
    has_node.then_some(changes)
}

/// Names the runs that ask for CPU in the fullest step of each hour that is too full.
fn name_runs(moved: &[MovedRun<'_>], replays: &BTreeMap<usize, Replay>, exceeded: &mut [ExceededHour]) {
    if exceeded.is_empty() {
        return;
    }
    let mut fullest: BTreeMap<(usize, i32), usize> = BTreeMap::new();
    for (index, hour) in exceeded.iter().enumerate() {
        let replay = &replays[&hour.cluster];
        let steps_of_hour = (3_600 / replay.step_seconds.min(3_600)) as i32;
        let from = (i64::from(hour.hour) * 3_600).div_euclid(replay.step_seconds) as i32;
        let is_fullest = |step: &i32| {
            let offset = replay.offset(*step);
            offset.is_some_and(|offset| replay.replayed[offset] == hour.requested_milli && replay.exceeded_allocatable(offset).is_some())
        };
        if let Some(step) = (from..from + steps_of_hour).find(is_fullest) {
            fullest.insert((hour.cluster, step), index);
        }
    }
    let mut target = Vec::new();
    for run in moved {
        run.replayed(&mut target);
        for (step, _) in target.iter().filter(|(_, milli)| *milli > 0) {
            if let Some(index) = fullest.get(&(run.home, *step)) {
                exceeded[*index].runs.push(run.run);
            }
        }
    }
}

#[cfg(test)]
mod tests;
