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

#[cfg(test)]
mod tests {
    use super::super::placing_test::{seen, terms};
    use super::super::test_run::{at, run};
    use super::*;
    use crate::accounting::survey::run_key;

    /// A Job of that name, created on 5 October.
    fn created(time: &str) -> JobRun {
        JobRun { created: Some(at(&format!("2026-10-05T{time}Z"))), ..run() }
    }

    /// Jobs of `prod-nl`, and runs of `edge-fr` whose home it is: creations of the Jobs that stay runs of `prod-nl`, and of each run's copy.
    fn joined(at_home: Vec<(RunKey, RunOfMonth)>, runs: Vec<JobRun>) -> (Vec<String>, Vec<Option<String>>) {
        let away = runs.into_iter().map(|run| seen(JobRun { home_cluster: Some("prod-nl".into()), ..run })).collect();
        let time = |job: &JobRun| job.created.unwrap().format("%H:%M:%S").to_string();
        let joined = join_copies(&terms(), vec![at_home, away]);
        (joined[0].iter().map(|of| time(&of.run.job)).collect(), joined[1].iter().map(|of| of.copy.as_ref().map(time)).collect())
    }

    fn without_pod(job: JobRun) -> (RunKey, RunOfMonth) {
        (run_key(&job), RunOfMonth::of(job))
    }

    #[test]
    fn a_copy_was_there_when_the_run_was_created_and_never_had_a_pod() {
        let of = |copy| joined(vec![copy], vec![created("05:00:00")]);
        let text = |text: &str| text.to_owned();
        let none = |time: &str| (vec![text(time)], vec![None]);
        let done = |time: &str| JobRun { completed: Some(at(&format!("2026-10-05T{time}Z"))), ..created("04:00:00") };

        assert_eq!(of(without_pod(created("05:00:00"))), (vec![], vec![Some(text("05:00:00"))]));
        assert_eq!(of(without_pod(created("05:00:01"))), none("05:00:01"));
        assert_eq!(of(without_pod(done("05:00:00"))), (vec![], vec![Some(text("04:00:00"))]));
        assert_eq!(of(without_pod(done("04:59:59"))), none("04:00:00"));
        assert_eq!(of(seen(created("04:00:00"))), none("04:00:00"));
        assert_eq!(of(without_pod(JobRun { job: "nightly-2".into(), ..created("04:00:00") })), none("04:00:00"));
        assert_eq!(of(without_pod(JobRun { namespace: "shop".into(), ..created("04:00:00") })), none("04:00:00"));
    }

    #[test]
    fn each_run_of_a_name_has_the_last_copy_before_it_and_no_copy_has_two() {
        let text = |text: &str| text.to_owned();
        let copies = || vec![without_pod(created("04:00:00")), without_pod(created("04:30:00"))];
        assert_eq!(joined(copies(), vec![created("05:00:00")]), (vec![text("04:00:00")], vec![Some(text("04:30:00"))]));
        let both = vec![created("04:10:00"), created("05:00:00")];
        assert_eq!(joined(copies(), both), (vec![], vec![Some(text("04:00:00")), Some(text("04:30:00"))]));
        let three = vec![created("05:00:00"), created("05:10:00"), created("05:20:00")];
        assert_eq!(joined(copies(), three), (vec![], vec![Some(text("04:30:00")), Some(text("04:00:00")), None]));
    }

    #[test]
    fn a_copy_says_what_the_run_does_not_and_the_earlier_creation() {
        let mut known = JobRun {
            baseline_start: Some("own".into()),
            schedule: Some("@daily".into()),
            is_deferrable: Some(false),
            ..created("05:00:00")
        };
        let copy = JobRun {
            was_suspended: true,
            baseline_start: Some("copy's".into()),
            schedule: Some("@hourly".into()),
            schedule_time_zone: Some("Asia/Tokyo".into()),
            home_zone: Some("DE".into()),
            max_delay_hours: Some("6".into()),
            is_carbon_aware: Some(true),
            is_deferrable: Some(true),
            ..created("04:00:00")
        };
        complete(&mut known, &copy);
        complete(&mut known, &copy);

        assert_eq!((known.created, known.was_suspended), (created("04:00:00").created, true));
        let texts = [&known.baseline_start, &known.schedule, &known.schedule_time_zone, &known.home_zone, &known.max_delay_hours];
        assert_eq!(texts.map(|text| text.as_deref()), [Some("own"), Some("@daily"), None, Some("DE"), Some("6")]);
        assert_eq!((known.is_carbon_aware, known.is_deferrable), (Some(true), Some(false)));
    }

    #[test]
    fn home_is_another_cluster_only_where_it_is_not_the_one_that_ran_it() {
        let terms = terms();
        let of = |name: &str, ran| home_cluster(&terms, &JobRun { home_cluster: Some(name.into()), ..run() }, ran);
        assert_eq!(home_cluster(&terms, &run(), 0), Ok(None));
        assert_eq!((of("prod-nl", 0), of("prod-nl", 1), of("edge-fr", 0)), (Ok(None), Ok(Some(0)), Ok(Some(1))));
        assert_eq!(of("edge", 0).unwrap_err(), "home cluster `edge` is not known; the configuration has prod-nl, edge-fr");

        let nl = &terms.clusters[0].sites[0];
        let borrowed = Site { home_zone: Some("SE".to_owned()), ..nl.clone() };
        assert_eq!(
            (zone_at_home(&terms, None, nl), zone_at_home(&terms, None, &borrowed), zone_at_home(&terms, Some(1), nl)),
            ("NL", "SE", "FR")
        );
    }

    #[test]
    fn the_pue_in_a_zone_is_that_of_the_nearest_site_there() {
        let mut terms = terms();
        // DE is in both clusters: 1.3 in `prod-nl`, 1.9 in `edge-fr`.
        let de = Site { pue: 1.9, ..terms.clusters[0].sites[2].clone() };
        terms.clusters[1].sites.push(de);
        let at =
            |cluster: usize, site: usize, home| Whereabouts { terms: &terms, cluster, site: &terms.clusters[cluster].sites[site], home };

        // In the second hall, which is in NL itself; PL is nowhere.
        assert_eq!(["NL", "DE", "FR", "PL"].map(|zone| at(0, 1, None).pue(zone)), [1.5, 1.3, 1.35, 1.5]);
        assert_eq!(["NL", "DE", "FR", "PL"].map(|zone| at(0, 1, None).baseline_pue(zone)), [1.5, 1.3, 1.35, 1.5]);
        assert_eq!((at(1, 0, None).pue("DE"), at(1, 0, Some(0)).pue("DE")), (1.9, 1.3));
        // With a home the baseline is there, whatever ran elsewhere.
        assert_eq!(["NL", "DE", "FR", "PL"].map(|zone| at(1, 0, Some(0)).baseline_pue(zone)), [1.2, 1.3, 1.35, 1.2]);
        assert_eq!(["NL", "DE", "FR"].map(|zone| at(0, 1, Some(1)).baseline_pue(zone)), [1.2, 1.9, 1.35]);
    }
}
