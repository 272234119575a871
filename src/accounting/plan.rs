//! Everything the ledger depends on, settled before the first row is read: intensity by zone, gaps by node, a place for every run.
//!
//! In: the [`Survey`] and the intensity of the zones it needs. Out: [`Plan`], which makes the [`DayTerms`] of any cluster-day.
//! Rule: method, section 3 (gaps) and section 7 (baseline start and zone). Does not: sum anything.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};

use super::category3::ZoneCategory3;
use super::counterfactual::home::{Whereabouts, zone_at_home};
use super::counterfactual::placing;
use super::counterfactual::retiming::RunTiming;
use super::counterfactual::window::Window;
use super::dimensions::{DayDimensions, NodeOfDay};
use super::gaps::FilledStep;
use super::integral::Integral;
use super::intensity::ZoneIntensity;
use super::ledger::{DayTerms, GapStep, NodeTerms, PodTerms, RunTerms, SiteTerms};
use super::survey::{ClusterTerms, MonthTerms, RunKey, RunOfMonth, Runs, Site, Survey, run_key};
use crate::model::policy::IdlePolicy;
use crate::model::{
    BaselineRule, Cause, CauseBasis, ClassBasis, Decision, DecisionRecord, DecisionSource, DeferralClass, Finding, Name, Placement,
    Severity,
};
use crate::units::UtcDay;

/// A run that ended in the month, with its place in the counterfactual or the reason why it has none.
#[derive(Clone, Debug)]
pub struct PlannedRun {
    pub cluster: usize,
    pub run: RunOfMonth,
    pub start: Option<DateTime<Utc>>,
    pub end: Option<DateTime<Utc>>,
    pub baseline_start: Option<DateTime<Utc>>,
    pub baseline_rule: Option<BaselineRule>,
    pub baseline_zone: Option<Name>,
    /// Where the same workload would have run, where that is said to be another cluster.
    pub home_cluster: Option<usize>,
    pub cause: Cause,
    pub cause_basis: CauseBasis,
    pub decision: Option<(DecisionSource, Box<Decision>)>,
    pub class: DeferralClass,
    pub class_basis: ClassBasis,
    /// Drawn by the seed of the policy; none where there is no hold-out, or the run is not deferrable.
    pub is_held_out: Option<bool>,
    /// Overhead of shifting it, by decision or policy.
    pub overhead_kwh: Option<f64>,
    pub window: Option<Window>,
    pub place: Result<RunTiming, String>,
}

/// What stands beside intensity and usage: the scheduler's log, and series that value the same energy otherwise.
#[derive(Clone, Debug, Default)]
pub struct Beside {
    pub decisions: Vec<DecisionRecord>,
    /// Micro-EUR/kWh by grid zone.
    pub prices: BTreeMap<String, Integral>,
    /// Marginal intensity in millionths of g/kWh by grid zone.
    pub marginal: BTreeMap<String, Integral>,
}

/// Gaps of a node within the period.
#[derive(Clone, Debug, Default)]
pub struct GapCount {
    pub existing_steps: u64,
    pub missing_steps: u64,
}

pub struct Plan<'a> {
    pub terms: &'a MonthTerms,
    /// That of the terms, unless the ledger runs again to show what another would make of it.
    pub idle: IdlePolicy,
    pub survey: &'a Survey,
    pub zones: Vec<ZoneIntensity>,
    pub beside: Beside,
    /// By zone.
    pub category3: Vec<ZoneCategory3>,
    /// By cluster.
    pub sites: Vec<Vec<SiteTerms>>,
    pub runs: Vec<PlannedRun>,
    /// By cluster: index into `runs`.
    run_index: Vec<HashMap<RunKey, usize>>,
    /// By cluster and node.
    gaps: Vec<BTreeMap<String, Vec<FilledStep>>>,
    pub gap_count: GapCount,
    pub findings: Vec<Finding>,
}

/// The grid zones in which electricity was used, and those that baselines name beside them.
pub fn wanted_zones(terms: &MonthTerms, survey: &Survey) -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut used, mut named) = (BTreeSet::new(), BTreeSet::new());
    for (cluster, of_month) in terms.clusters.iter().zip(&survey.clusters) {
        used.extend(of_month.nodes.values().map(|node| cluster.sites[node.site].grid_zone.clone()));
        named.extend(cluster.sites.iter().filter_map(|site| site.home_zone.clone()));
        named.extend(of_month.runs.values().filter_map(|run| run.job.home_zone.as_deref().map(str::to_owned)));
    }
    let homes: BTreeSet<&str> =
        survey.clusters.iter().flat_map(|survey| survey.runs.values()).filter_map(|run| run.job.home_cluster.as_deref()).collect();
    let zones_of = |cluster: &ClusterTerms| cluster.sites.iter().map(|site| site.grid_zone.clone()).collect::<Vec<_>>();
    named.extend(terms.clusters.iter().filter(|cluster| homes.contains(cluster.name.as_str())).flat_map(zones_of));
    named.extend(terms.deferrable.iter().flat_map(|rule| rule.zones.iter().cloned()));
    named.retain(|zone| !used.contains(zone));
    (used, named)
}

impl<'a> Plan<'a> {
    /// `zones` holds every zone that was used; zones that only baselines name may be missing.
    pub fn new(terms: &'a MonthTerms, survey: &'a Survey, runs: Runs, zones: Vec<ZoneIntensity>, beside: Beside) -> Self {
        let zone_index = |zone: &str| zones.iter().position(|known| known.zone == zone);
        let of_cluster = |(index, cluster): (usize, &'a ClusterTerms)| {
            let terms_of = |site: &'a Site| {
                let home_zone = zone_at_home(terms, None, site);
                SiteTerms {
                    zone: zone_index(&site.grid_zone).unwrap_or(usize::MAX),
                    pue: site.pue,
                    is_scope2: site.placement == Placement::Scope2,
                    home_zone: zone_index(home_zone).unwrap_or(usize::MAX),
                    home_pue: Whereabouts { terms, cluster: index, site, home: None }.baseline_pue(home_zone),
                }
            };
            cluster.sites.iter().map(terms_of).collect()
        };
        let sites = terms.clusters.iter().enumerate().map(of_cluster).collect();
        let said = |zone: &ZoneIntensity| terms.category3.get(&zone.zone).copied().unwrap_or_default();
        let category3 = zones.iter().map(|zone| ZoneCategory3::of(said(zone), terms.location_based, zone)).collect();
        let mut plan = Self {
            terms,
            idle: terms.idle,
            survey,
            zones,
            beside,
            category3,
            sites,
            runs: Vec::new(),
            run_index: vec![HashMap::new(); terms.clusters.len()],
            gaps: vec![BTreeMap::new(); terms.clusters.len()],
            gap_count: GapCount::default(),
            findings: Vec::new(),
        };
        plan.place_runs(runs);
        plan.fill_gaps();
        plan.findings.extend(plan.category3_findings());
        plan
    }

    fn sites_of_nodes(&self) -> impl Iterator<Item = &SiteTerms> {
        let clusters = self.survey.clusters.iter().zip(&self.sites);
        let sites = clusters.flat_map(|(survey, sites)| survey.nodes.values().map(|node| &sites[node.site]));
        sites.filter(|site| site.zone < self.zones.len())
    }

    /// The zones in which electricity was used, by index.
    pub fn used_zones(&self) -> BTreeSet<usize> {
        self.sites_of_nodes().map(|site| site.zone).collect()
    }

    /// The zones in which electricity of Scope 2 was used, by index.
    pub fn scope2_zones(&self) -> BTreeSet<usize> {
        self.sites_of_nodes().filter(|site| site.is_scope2).map(|site| site.zone).collect()
    }

    fn category3_findings(&self) -> Vec<Finding> {
        let of_zone = |zone: usize| {
            let losses = self.terms.category3.get(&self.zones[zone].zone).and_then(|terms| terms.losses);
            self.category3[zone].findings(losses, &self.zones[zone])
        };
        self.scope2_zones().into_iter().flat_map(of_zone).collect()
    }

    fn place_runs(&mut self, runs: Runs) {
        let placed = placing::place(self.terms, &self.zones, &self.beside.decisions, runs);
        self.findings.extend(placed.findings);
        for (key, run) in placed.runs {
            self.run_index[run.cluster].insert(key, self.runs.len());
            self.runs.push(run);
        }
        self.runs.shrink_to_fit();
    }

    fn fill_gaps(&mut self) {
        let (from, to) = self.terms.steps();
        for (cluster, survey) in self.survey.clusters.iter().enumerate() {
            let name = &self.terms.clusters[cluster].name;
            for (node, of_month) in &survey.nodes {
                let (existing, missing) = of_month.power.missing(from, to, self.terms.step_seconds);
                self.gap_count.existing_steps += existing;
                self.gap_count.missing_steps += missing.len() as u64;
                if !missing.is_empty() && missing.iter().all(|step| step.gap_mj.is_none()) {
                    self.findings.push(
                        Finding::new(
                            "NO_METER",
                            Severity::Disclosed,
                            format!("{name}: node {node} was there and no energy meter of it was seen; its energy is not in the figures. Check the exporter on it."),
                        )
                        .examined(existing as usize)
                        .failing(missing.len()),
                    );
                }
                if !missing.is_empty() {
                    self.gaps[cluster].insert(node.clone(), missing);
                }
            }
        }
    }

    /// Share of node time that no meter and no model covered.
    pub fn gap_share(&self) -> Option<f64> {
        (self.gap_count.existing_steps > 0).then(|| self.gap_count.missing_steps as f64 / self.gap_count.existing_steps as f64)
    }

    /// UTC days before the period in which runs that count were already running.
    pub fn days_before(&self, cluster: usize) -> Vec<UtcDay> {
        let first = UtcDay::containing(self.terms.period.from());
        // Of those without a place too: their energy is shown whole.
        let with_energy = self.runs.iter().filter(|run| run.cluster == cluster && run.run.site.is_some());
        let Some(earliest) = with_energy.filter_map(|run| run.start).min() else { return Vec::new() };
        UtcDay::containing(earliest).through(first.previous())
    }

    /// The index into [`Plan::runs`] of each job of a day; none for jobs that count in another month.
    pub fn runs_of_day(&self, cluster: usize, dimensions: &DayDimensions) -> Vec<Option<usize>> {
        dimensions.jobs.iter().map(|job| self.run_index[cluster].get(&run_key(job)).copied()).collect()
    }

    /// What the ledger of a cluster-day depends on.
    /// `runs` is what [`Plan::runs_of_day`] says of the same day.
    pub fn day_terms(&'a self, cluster: usize, day: UtcDay, dimensions: &DayDimensions, runs: &[Option<usize>]) -> DayTerms<'a> {
        let step_seconds = self.terms.step_seconds;
        let first_step = (day.start().timestamp() / step_seconds) as i32;
        let step_count = (86_400 / step_seconds) as usize;
        let sites = &self.terms.clusters[cluster];
        let mut gaps = Vec::new();
        for (node_id, node) in dimensions.nodes.iter().enumerate() {
            for filled in self.gaps[cluster].get(&node.node).into_iter().flatten() {
                let is_of_day = filled.step >= first_step && filled.step < first_step + step_count as i32;
                if let (true, Some(gap_mj)) = (is_of_day, filled.gap_mj) {
                    gaps.push(GapStep { node_id: node_id as i32, step: filled.step, gap_mj });
                }
            }
        }
        DayTerms {
            step_seconds,
            first_step,
            step_count,
            period_steps: self.terms.steps(),
            idle: self.idle,
            tails: self.terms.tails,
            nodes: dimensions.nodes.iter().map(|node| NodeTerms { site: (sites.site_of)(&node.labels) }).collect(),
            pods: (0..dimensions.pod_workload.len())
                .map(|pod| PodTerms {
                    workload: dimensions.pod_workload[pod],
                    job: dimensions.pod_job[pod],
                    cpu_request_milli: dimensions.pod_cpu_request_milli[pod],
                    gpu_request: dimensions.pod_gpu_request[pod],
                })
                .collect(),
            sites: &self.sites[cluster],
            zones: &self.zones,
            category3: &self.category3,
            workload_count: dimensions.workloads.len(),
            gaps,
            runs: runs
                .iter()
                .map(|run| match run.map(|run| &self.runs[run].place) {
                    None => RunTerms::NotCounted,
                    Some(Err(_)) => RunTerms::Unplaced,
                    Some(Ok(timing)) => RunTerms::Placed(*timing),
                })
                .collect(),
        }
    }

    /// Adds the nodes that exist on a day only as a gap, so that the day's ledger books their filled energy too.
    pub fn complete(&self, cluster: usize, day: UtcDay, dimensions: &mut DayDimensions) {
        let step_of = |instant: DateTime<Utc>| (instant.timestamp() / self.terms.step_seconds) as i32;
        let (from, to) = (step_of(day.start()), step_of(day.end()));
        for (node, steps) in &self.gaps[cluster] {
            let has_gap = steps.iter().any(|filled| (from..to).contains(&filled.step));
            if has_gap && dimensions.nodes.iter().all(|known| known.node != *node) {
                let of_month = &self.survey.clusters[cluster].nodes[node];
                dimensions.nodes.push(NodeOfDay {
                    node: node.clone(),
                    labels: of_month.labels.clone(),
                    power_zones: String::new(),
                    first_ms: of_month.power.first_ms,
                    last_ms: of_month.power.last_ms,
                    is_metered: false,
                    cpu_capacity_milli: of_month.cpu_capacity_milli,
                    cpu_allocatable_milli: of_month.cpu_allocatable_milli,
                });
            }
        }
    }

    /// Days of the period without evidence on which a node of the cluster nevertheless existed.
    pub fn days_without_evidence(&self, cluster: usize) -> BTreeSet<UtcDay> {
        let steps = self.gaps[cluster].values().flatten();
        let start = |step: i32| DateTime::from_timestamp(i64::from(step) * self.terms.step_seconds, 0).unwrap_or_default();
        let days = steps.map(|filled| UtcDay::containing(start(filled.step)));
        days.filter(|day| !self.survey.clusters[cluster].days.contains(day)).collect()
    }
}
