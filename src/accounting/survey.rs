//! First look over a month: which nodes were there and when their meters spoke, and which job runs ended in it.
//!
//! In: the dimensions and `node_steps` of each cluster-day of the period, in any order. Out: [`Survey`].
//! Rule: a node exists from its first to its last sign of life; a run is one Job (namespace, name, creation), and its first start seen counts.
//! Does not: read usage; that comes once, later, when everything it depends on is known.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use anyhow::Result;
use chrono::{DateTime, Utc};
use polars::prelude::DataFrame;

use super::category3::Category3Terms;
use super::cost_centres::CostCentres;
use super::dimensions::{DayDimensions, NodeOfDay};
use super::frames::{ids, integers};
use super::gaps::NodePower;
use crate::model::policy::{IdlePolicy, LocationBased, Tails};
use crate::model::{Boundary, DeferrableRule, EmbodiedTerms, HoldOutPolicy, JobRun, Name, Placement};
use crate::units::{ReportingPeriod, UtcDay};

/// What the organisation declares, as far as the accounts depend on it.
pub struct MonthTerms {
    pub period: ReportingPeriod,
    pub step_seconds: i64,
    pub idle: IdlePolicy,
    pub tails: Tails,
    /// Which location-based figure is the reported one.
    pub location_based: LocationBased,
    pub max_gap_share: f64,
    /// By grid zone: what is said of its category 3 beside its series.
    pub category3: BTreeMap<String, Category3Terms>,
    /// Which work may wait or move; the first rule that matches a run holds.
    pub deferrable: Vec<DeferrableRule>,
    pub hold_out: Option<HoldOutPolicy>,
    /// The window with which work that nobody classified is looked at, to say what it would be worth.
    pub suggested_max_delay_seconds: i64,
    /// The label of a namespace that names its cost centre.
    pub cost_centre_label: String,
    /// Sorted by name.
    pub clusters: Vec<ClusterTerms>,
}

impl MonthTerms {
    /// The steps of the period, half-open.
    pub fn steps(&self) -> (i32, i32) {
        let step = |instant: DateTime<Utc>| (instant.timestamp() / self.step_seconds) as i32;
        (step(self.period.from()), step(self.period.to()))
    }
}

#[cfg(test)]
impl Site {
    /// Own machines in an own building.
    pub fn of_test(grid_zone: &str, pue: f64) -> Self {
        Self {
            entity: None,
            boundary: Boundary::Owned,
            placement: Placement::Scope2,
            grid_zone: grid_zone.to_owned(),
            home_zone: None,
            pue,
            embodied: None,
        }
    }
}

#[cfg(test)]
impl MonthTerms {
    /// October 2026 in UTC and steps of a quarter of an hour, with nothing declared but clusters.
    pub fn of_test(clusters: Vec<ClusterTerms>) -> Self {
        Self {
            period: ReportingPeriod::parse("2026-10", chrono_tz::UTC).unwrap(),
            step_seconds: 900,
            idle: IdlePolicy::ByUsage,
            tails: Tails::Unattributed,
            location_based: LocationBased::Hourly,
            max_gap_share: 0.05,
            category3: BTreeMap::new(),
            deferrable: Vec::new(),
            hold_out: None,
            suggested_max_delay_seconds: 0,
            cost_centre_label: "cost-centre".to_owned(),
            clusters,
        }
    }
}

/// Finds the index of a node's site by its labels.
pub type SiteOf = dyn Fn(&BTreeMap<String, String>) -> usize + Send + Sync;

/// A cluster with its sites; `site_of` finds a node's site by its labels.
pub struct ClusterTerms {
    pub name: String,
    pub sites: Vec<Site>,
    pub site_of: Box<SiteOf>,
}

/// A set of nodes of one cluster of which the same is true.
#[derive(Clone, Debug, PartialEq)]
pub struct Site {
    /// The legal entity that controls its nodes; none where the organisation has named none.
    pub entity: Option<String>,
    pub boundary: Boundary,
    pub placement: Placement,
    pub grid_zone: String,
    pub home_zone: Option<String>,
    pub pue: f64,
    /// What making the machines emitted, where their hardware class says so.
    pub embodied: Option<EmbodiedTerms>,
}

/// What the month knows of a node.
#[derive(Clone, Debug)]
pub struct NodeOfMonth {
    pub site: usize,
    pub labels: BTreeMap<String, String>,
    pub power: NodePower,
    pub power_zones: BTreeSet<String>,
    pub is_metered: bool,
    /// Thousandths of a core, the most that any day said; none where none did.
    pub cpu_capacity_milli: Option<i64>,
    /// Thousandths of a core that pods can have: capacity less what is kept for the system.
    pub cpu_allocatable_milli: Option<i64>,
    /// The first day of the period on which it was seen.
    pub first_day: UtcDay,
}

/// Namespace, Job and creation (ms): names are used again.
pub type RunKey = (Name, Name, Option<i64>);

/// What the month knows of a job run.
#[derive(Clone, Debug)]
pub struct RunOfMonth {
    pub job: JobRun,
    pub last_sample_ms: Option<i64>,
    /// Where its pods ran, the first of the sites; none where no pod of it was seen.
    pub site: Option<usize>,
    /// The others, sorted. Mostly there are none.
    pub other_sites: Vec<usize>,
}

impl RunOfMonth {
    pub fn of(job: JobRun) -> Self {
        Self { job, last_sample_ms: None, site: None, other_sites: Vec::new() }
    }

    /// All sites that its pods ran at, sorted.
    pub fn sites(&self) -> impl Iterator<Item = usize> + '_ {
        self.site.into_iter().chain(self.other_sites.iter().copied())
    }

    fn saw_at(&mut self, site: usize) {
        if self.sites().any(|known| known == site) {
            return;
        }
        let first = self.site.map_or(site, |known| known.min(site));
        self.other_sites.extend(self.site.replace(first).into_iter().chain([site]).filter(|other| *other != first));
        self.other_sites.sort_unstable();
    }
}

#[derive(Clone, Debug, Default)]
pub struct ClusterSurvey {
    pub nodes: BTreeMap<String, NodeOfMonth>,
    pub runs: HashMap<RunKey, RunOfMonth>,
    pub days: BTreeSet<UtcDay>,
    /// Whether labels of its pods let a workload wait, by namespace and workload: one that says yes is enough.
    pub workload_labels: BTreeMap<(String, String), bool>,
    pub cost_centres: CostCentres,
}

/// All clusters of the month, in the order of [`MonthTerms::clusters`].
pub struct Survey {
    pub clusters: Vec<ClusterSurvey>,
}

/// The runs of each cluster, in the order of their keys.
pub type Runs = Vec<Vec<(RunKey, RunOfMonth)>>;

impl Survey {
    /// Takes the runs out, for whoever places them: a month has many, and one copy is enough. The zones they name stay known.
    pub fn take_runs(&mut self) -> Runs {
        let sorted = |runs: HashMap<RunKey, RunOfMonth>| {
            let mut runs: Vec<_> = runs.into_iter().collect();
            runs.sort_unstable_by(|a, b| a.0.cmp(&b.0));
            runs
        };
        self.clusters.iter_mut().map(|cluster| sorted(std::mem::take(&mut cluster.runs))).collect()
    }
}

pub fn run_key(job: &JobRun) -> RunKey {
    (job.namespace.clone(), job.job.clone(), job.created.map(|created| created.timestamp_millis()))
}

impl Survey {
    pub fn new(terms: &MonthTerms) -> Self {
        Self { clusters: vec![ClusterSurvey::default(); terms.clusters.len()] }
    }

    /// Takes in one cluster-day of the period; `namespaces` where the evidence has the table.
    pub fn add_day(
        &mut self,
        terms: &MonthTerms,
        cluster: usize,
        day: UtcDay,
        dimensions: &DayDimensions,
        node_steps: &DataFrame,
        namespaces: Option<&DataFrame>,
    ) -> Result<()> {
        let survey = &mut self.clusters[cluster];
        survey.days.insert(day);
        survey.cost_centres.add_day(&terms.cost_centre_label, day, namespaces)?;
        for node in &dimensions.nodes {
            survey.add_node(terms, cluster, day, node);
        }
        let (from, to) = terms.steps();
        let (node_ids, steps, metered) = (ids(node_steps, "node_id")?, ids(node_steps, "step")?, integers(node_steps, "metered_mj")?);
        let mut current: Option<(i32, &mut NodeOfMonth)> = None;
        for ((node_id, step), metered_mj) in node_ids.into_iter().zip(steps).zip(metered) {
            if step < from || step >= to {
                continue;
            }
            if current.as_ref().is_none_or(|(id, _)| *id != node_id) {
                let name = &dimensions.nodes[node_id as usize].node;
                current = survey.nodes.get_mut(name).map(|node| (node_id, node));
            }
            if let (Some((_, node)), Some(metered_mj)) = (current.as_mut(), metered_mj) {
                node.power.meter(step, metered_mj, terms.step_seconds);
            }
        }
        survey.add_runs(terms, cluster, dimensions);
        survey.add_labels(dimensions);
        Ok(())
    }
}

impl ClusterSurvey {
    fn add_node(&mut self, terms: &MonthTerms, cluster: usize, day: UtcDay, node: &NodeOfDay) {
        let (from, to) = terms.steps();
        let site = (terms.clusters[cluster].site_of)(&node.labels);
        let of_month = self.nodes.entry(node.node.clone()).or_insert_with(|| NodeOfMonth {
            site,
            labels: node.labels.clone(),
            power: NodePower::new(from, (to - from) as usize),
            power_zones: BTreeSet::new(),
            is_metered: false,
            cpu_capacity_milli: None,
            cpu_allocatable_milli: None,
            first_day: day,
        });
        of_month.power.exists(node.first_ms, node.last_ms);
        of_month.is_metered |= node.is_metered;
        of_month.cpu_capacity_milli = of_month.cpu_capacity_milli.max(node.cpu_capacity_milli);
        of_month.cpu_allocatable_milli = of_month.cpu_allocatable_milli.max(node.cpu_allocatable_milli);
        of_month.first_day = of_month.first_day.min(day);
        if !node.power_zones.is_empty() {
            of_month.power_zones.insert(node.power_zones.clone());
        }
    }

    fn add_runs(&mut self, terms: &MonthTerms, cluster: usize, dimensions: &DayDimensions) {
        for job in &dimensions.jobs {
            match self.runs.get_mut(&run_key(job)) {
                Some(known) => merge(&mut known.job, job),
                None => {
                    self.runs.insert(run_key(job), RunOfMonth::of(job.clone()));
                }
            }
        }
        for (pod, job) in dimensions.pod_job.iter().enumerate().filter(|(_, job)| **job >= 0) {
            let Some(run) = self.runs.get_mut(&run_key(&dimensions.jobs[*job as usize])) else { continue };
            run.last_sample_ms = run.last_sample_ms.max(dimensions.pod_last_ms[pod]);
            let site = (terms.clusters[cluster].site_of)(&dimensions.nodes[dimensions.pod_node[pod] as usize].labels);
            run.saw_at(site);
        }
    }

    /// When the first of those runs was created that had pods in the period and were created before a day.
    pub fn first_created_before(&self, day: UtcDay) -> Option<DateTime<Utc>> {
        let with_pods = self.runs.values().filter(|run| run.site.is_some());
        with_pods.filter_map(|run| run.job.created).filter(|created| *created < day.start()).min()
    }

    /// Takes from a day before the period what it knows of runs of the period: of others nothing.
    pub fn complete_runs(&mut self, jobs: &[JobRun]) {
        for job in jobs {
            if let Some(run) = self.runs.get_mut(&run_key(job)) {
                merge(&mut run.job, job);
            }
        }
    }

    fn add_labels(&mut self, dimensions: &DayDimensions) {
        for (workload, said) in dimensions.pod_workload.iter().zip(&dimensions.pod_is_deferrable) {
            let (Some(said), Some(name)) = (said, dimensions.workloads.get(*workload as usize)) else { continue };
            let known = self.workload_labels.entry(name.clone()).or_default();
            *known |= said;
        }
    }
}

/// What several days saw of one Job: the first start counts, the last completion, and whatever any day knew.
pub fn merge(known: &mut JobRun, seen: &JobRun) {
    known.started = known.started.into_iter().chain(seen.started).min();
    known.completed = known.completed.max(seen.completed);
    known.pods_started = known.pods_started.into_iter().chain(seen.pods_started).min();
    known.was_suspended |= seen.was_suspended;
    known.uid = known.uid.take().or_else(|| seen.uid.clone());
    known.scheduled_timestamp = known.scheduled_timestamp.take().or_else(|| seen.scheduled_timestamp.clone());
    known.schedule = known.schedule.take().or_else(|| seen.schedule.clone());
    known.schedule_time_zone = known.schedule_time_zone.take().or_else(|| seen.schedule_time_zone.clone());
    known.baseline_start = known.baseline_start.take().or_else(|| seen.baseline_start.clone());
    known.home_zone = known.home_zone.take().or_else(|| seen.home_zone.clone());
    known.home_cluster = known.home_cluster.take().or_else(|| seen.home_cluster.clone());
    known.decision = known.decision.take().or_else(|| seen.decision.clone());
    known.max_delay_hours = known.max_delay_hours.take().or_else(|| seen.max_delay_hours.clone());
    known.is_carbon_aware = known.is_carbon_aware.or(seen.is_carbon_aware);
    known.is_deferrable = known.is_deferrable.or(seen.is_deferrable);
}

#[cfg(test)]
mod tests {
    use super::super::counterfactual::test_run::{at, run};
    use super::*;

    #[test]
    fn a_run_that_was_suspended_over_the_end_of_a_month_started_when_it_first_did() {
        let first: UtcDay = "2026-11-01".parse().unwrap();
        let seen = |started: &str| JobRun { created: Some(at("2026-10-30T12:00:00Z")), started: Some(at(started)), ..run() };
        let resumed = JobRun { completed: Some(at("2026-11-01T06:00:00Z")), ..seen("2026-11-01T02:00:00Z") };
        let mut survey = ClusterSurvey::default();
        let key = run_key(&resumed);
        survey.runs.insert(key.clone(), RunOfMonth::of(resumed));
        assert_eq!(survey.first_created_before(first), None, "it had no pod");
        survey.runs.get_mut(&key).unwrap().saw_at(0);
        assert_eq!(survey.first_created_before(first), Some(at("2026-10-30T12:00:00Z")));
        assert_eq!(survey.first_created_before("2026-10-30".parse().unwrap()), None);

        let other = JobRun { job: "other".into(), ..seen("2026-10-30T12:30:00Z") };
        survey.complete_runs(&[JobRun { was_suspended: true, is_carbon_aware: Some(true), ..seen("2026-10-30T12:30:00Z") }, other]);

        assert_eq!(survey.runs.len(), 1);
        let job = &survey.runs[&key].job;
        assert_eq!((job.started, job.completed), (Some(at("2026-10-30T12:30:00Z")), Some(at("2026-11-01T06:00:00Z"))));
        assert_eq!((job.was_suspended, job.is_carbon_aware), (true, Some(true)));
    }

    #[test]
    fn a_run_knows_every_site_that_its_pods_ran_at() {
        let mut seen = RunOfMonth::of(run());
        assert_eq!(seen.sites().count(), 0);
        for site in [4, 2, 4, 7, 2, 1] {
            seen.saw_at(site);
        }
        assert_eq!((seen.site, seen.sites().collect::<Vec<_>>()), (Some(1), vec![1, 2, 4, 7]));
    }
}
