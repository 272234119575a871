//! Where a run would have been, had it not been moved: home cluster, home zone, and the copy that a multi-cluster queue keeps at home.
//!
//! In: the runs of all clusters, what they say of their home. Out: each run with the copy of it that its home cluster holds; copies are no runs of their own.
//! Rule (method, section 7): home zone by annotation, else that of the home cluster (its configured home zone, else its grid zone), else that of the place where
//! it ran, else where it ran. A copy is a Job of the same namespace and name in the home cluster that never had a pod and was created at or before the run, not done before it: what
//! MultiKueue or Karmada leave there. It says what the run itself does not say, and its creation, where it is the earlier. Does not: place anything in time.

use std::collections::HashSet;

use super::super::survey::{ClusterTerms, MonthTerms, RunKey, RunOfMonth, Runs, Site};
use crate::model::{JobRun, Name};

/// A run with the copy of it in its home cluster.
pub struct AtHome {
    pub key: RunKey,
    pub run: RunOfMonth,
    pub copy: Option<JobRun>,
}

/// Joins copies to their runs, and leaves them out. By cluster, in the order of their keys.
pub fn join_copies(terms: &MonthTerms, runs: Runs) -> Vec<Vec<AtHome>> {
    let mut used: HashSet<(usize, usize)> = HashSet::new();
    let mut copies: Vec<Vec<Option<JobRun>>> = Vec::with_capacity(runs.len());
    for (cluster, of_cluster) in runs.iter().enumerate() {
        let mut found = vec![None; of_cluster.len()];
        for (place, (_, run)) in of_cluster.iter().enumerate().filter(|(_, (_, run))| run.job.home_cluster.is_some() && run.site.is_some())
        {
            let Ok(Some(home)) = home_cluster(terms, &run.job, cluster) else { continue };
            if let Some(copy) = copy_of(&runs[home], &run.job, |copy| used.contains(&(home, copy))) {
                found[place] = Some(runs[home][copy].1.job.clone());
                used.insert((home, copy));
            }
        }
        copies.push(found);
    }
    let joined = runs.into_iter().zip(copies).enumerate().map(|(cluster, (of_cluster, copies))| {
        let is_run = |(place, _): &(usize, _)| !used.contains(&(cluster, *place));
        let with_copy = of_cluster.into_iter().zip(copies).enumerate().filter(is_run).map(|(_, ((key, mut run), copy))| {
            if let Some(copy) = &copy {
                complete(&mut run.job, copy);
            }
            AtHome { key, run, copy }
        });
        with_copy.collect()
    });
    joined.collect()
}

/// The last of that name without a pod, created at or before the run and not done before it was: a name may be used again, its copy is not.
/// Runs are sorted by namespace, name, creation.
fn copy_of(at_home: &[(RunKey, RunOfMonth)], run: &JobRun, is_used: impl Fn(usize) -> bool) -> Option<usize> {
    let name = (&run.namespace, &run.job);
    let from = at_home.partition_point(|(key, _)| (&key.0, &key.1) < name);
    let to = at_home.partition_point(|(key, _)| (&key.0, &key.1) <= name);
    let created = run.created.or(run.started);
    let is_before = |copy: &JobRun| {
        let is_done = copy.completed.zip(created).is_some_and(|(done, created)| done < created);
        !is_done && copy.created.zip(created).is_none_or(|(copy, run)| copy <= run)
    };
    (from..to).rev().find(|place| {
        let (_, copy) = &at_home[*place];
        copy.site.is_none() && !is_used(*place) && is_before(&copy.job)
    })
}

/// What the run itself does not say, its copy says.
fn complete(run: &mut JobRun, copy: &JobRun) {
    let fill = |known: &mut Option<Name>, said: &Option<Name>| *known = known.take().or_else(|| said.clone());
    run.created = run.created.into_iter().chain(copy.created).min();
    run.was_suspended |= copy.was_suspended;
    fill(&mut run.scheduled_timestamp, &copy.scheduled_timestamp);
    if run.schedule.is_none() {
        run.schedule = copy.schedule.clone();
        run.schedule_time_zone = copy.schedule_time_zone.clone();
    }
    fill(&mut run.baseline_start, &copy.baseline_start);
    fill(&mut run.home_zone, &copy.home_zone);
    fill(&mut run.decision, &copy.decision);
    fill(&mut run.max_delay_hours, &copy.max_delay_hours);
    run.is_carbon_aware = run.is_carbon_aware.or(copy.is_carbon_aware);
    run.is_deferrable = run.is_deferrable.or(copy.is_deferrable);
}

/// The cluster in which the same workload would have run, where that is said to be another than where it ran.
pub fn home_cluster(terms: &MonthTerms, run: &JobRun, ran: usize) -> Result<Option<usize>, String> {
    let Some(name) = &run.home_cluster else { return Ok(None) };
    let Some(home) = terms.clusters.iter().position(|cluster| *cluster.name == **name) else {
        let known: Vec<&str> = terms.clusters.iter().map(|cluster| cluster.name.as_str()).collect();
        return Err(format!("home cluster `{name}` is not known; the configuration has {}", known.join(", ")));
    };
    Ok((home != ran).then_some(home))
}

/// The home zone of a run at a site that says none itself.
pub fn zone_at_home<'a>(terms: &'a MonthTerms, home: Option<usize>, ran: &'a Site) -> &'a str {
    let site = home.and_then(|home| terms.clusters[home].sites.first()).unwrap_or(ran);
    site.home_zone.as_deref().unwrap_or(&site.grid_zone)
}

/// Where a run ran, and which cluster is its home.
#[derive(Clone, Copy)]
pub struct Whereabouts<'a> {
    pub terms: &'a MonthTerms,
    pub cluster: usize,
    pub site: &'a Site,
    pub home: Option<usize>,
}

impl Whereabouts<'_> {
    /// The PUE that the run has or would have in a zone: where it ran, if that is in the zone, so that a run that is not moved meets its own; else of the first
    /// cluster or pool in that zone, the home cluster's before its own before all others; else of where it ran.
    pub fn pue(&self, zone: &str) -> f64 {
        if self.site.grid_zone == zone {
            return self.site.pue;
        }
        let home = self.home.map(|home| &self.terms.clusters[home]);
        let first = home.into_iter().chain(self.terms.clusters.get(self.cluster));
        let in_zone = |cluster: &ClusterTerms| cluster.sites.iter().find(|site| site.grid_zone == zone).map(|site| site.pue);
        first.chain(&self.terms.clusters).find_map(in_zone).unwrap_or(self.site.pue)
    }

    /// Of the baseline. Where another cluster is home, of its first site in that zone, else of any in that zone, else of its first site.
    pub fn baseline_pue(&self, zone: &str) -> f64 {
        let Some(home) = self.home.map(|home| &self.terms.clusters[home]) else { return self.pue(zone) };
        let sites_of = |cluster: &'_ ClusterTerms| cluster.sites.iter().find(|site| site.grid_zone == zone).map(|site| site.pue);
        let anywhere = || self.terms.clusters.iter().find_map(sites_of);
        sites_of(home).or_else(anywhere).or_else(|| home.sites.first().map(|site| site.pue)).unwrap_or(self.site.pue)
    }
}
