//! A place for every run of the month in the counterfactual, or the reason why it has none.
//!
//! In: the runs that the month saw, the scheduler's log, the zones' intensity. Out: the runs that count in the month, each with its baseline, cause, class and
//! window. Rule (method, section 7): a run counts in the month in which it ended, whole; baseline, home, cause, class and window each in its own file beside
//! this one. Unplaced runs are kept, with the reason. Does not: look at energy.

use chrono::{DateTime, TimeDelta, Utc};

use super::super::intensity::ZoneIntensity;
use super::super::plan::PlannedRun;
use super::super::survey::{MonthTerms, RunKey, Runs, Site};
use super::baseline::{baseline, first_start, is_shift};
use super::cause::cause;
use super::class::{class_of_run, rule_of};
use super::decisions::{Log, some};
use super::hold_out::is_held_out;
use super::home::{AtHome, Whereabouts, home_cluster, join_copies, zone_at_home};
use super::retiming::{Home, RunTiming};
use super::window::{DelayTerms, Place, Window, WindowBasis, label_delay_ms};
use crate::model::{Cause, CauseBasis, DecisionRecord, DeferrableRule, DeferralClass, Finding, Name, Severity};

/// The runs of the month by cluster and key, and what was found about what is said of them.
pub struct Placed {
    pub runs: Vec<(RunKey, PlannedRun)>,
    pub findings: Vec<Finding>,
}

pub fn place(terms: &MonthTerms, zones: &[ZoneIntensity], decisions: &[DecisionRecord], runs: Runs) -> Placed {
    let log = Log::new(terms, decisions, &runs);
    let unmatched = log.unmatched(terms);
    let mut placing = Placing { terms, zones, log, trouble: Trouble::default() };
    let mut placed = Vec::new();
    for (cluster, runs) in join_copies(terms, runs).into_iter().enumerate() {
        for at_home in runs {
            let key = at_home.key.clone();
            placed.extend(placing.place(cluster, at_home).map(|run| (key, run)));
        }
    }
    let findings = placing.trouble.findings(placed.len()).into_iter().chain(unmatched).collect();
    Placed { runs: placed, findings }
}

struct Placing<'a> {
    terms: &'a MonthTerms,
    zones: &'a [ZoneIntensity],
    log: Log<'a>,
    trouble: Trouble,
}

/// When a run was: from its start up to its end, or a moment where it has no length.
#[derive(Clone, Copy)]
struct Span {
    start: DateTime<Utc>,
    start_ms: i64,
    end_ms: i64,
}

impl Placing<'_> {
    /// `from < end <= to`. A run whose pods still ran when the evidence ends is the next month's: the last UTC day reaches beyond a period that ends within it.
    fn place(&mut self, cluster: usize, at_home: AtHome) -> Option<PlannedRun> {
        let AtHome { run, copy, .. } = at_home;
        let terms = self.terms;
        let last_sample = run.last_sample_ms.and_then(DateTime::<Utc>::from_timestamp_millis);
        let step = TimeDelta::seconds(terms.step_seconds);
        let known_until = terms.period.utc_days().last().map_or(terms.period.to(), |day| day.end());
        let is_still_running = run.job.completed.is_none() && last_sample.is_some_and(|last| last > known_until - step);
        let end = run.job.completed.or(last_sample)?;
        if is_still_running || end <= terms.period.from() || end > terms.period.to() {
            return None;
        }
        let label_ms = run.job.max_delay_hours.as_deref().and_then(label_delay_ms);
        let (class, class_basis) = class_of_run(terms, &run.job, label_ms);
        let rule = rule_of(terms, &run.job.namespace, &run.job.workload);
        let mut planned = PlannedRun {
            cluster,
            start: first_start(&run.job),
            end: Some(end),
            baseline_start: None,
            baseline_rule: None,
            baseline_zone: None,
            home_cluster: None,
            cause: Cause::None,
            cause_basis: CauseBasis::None,
            decision: None,
            class,
            class_basis,
            is_held_out: None,
            overhead_kwh: None,
            window: None,
            place: Err("no start of the Job was seen".to_owned()),
            run,
        };
        if label_ms.is_none() && planned.run.job.max_delay_hours.is_some() {
            self.trouble.max_delay.push(name(&planned));
        }
        let home = home_cluster(terms, &planned.run.job, cluster);
        planned.home_cluster = home.as_ref().ok().copied().flatten();
        let home_name = &terms.clusters[planned.home_cluster.unwrap_or(cluster)].name;
        let may_hold_out = terms.hold_out.as_ref().filter(|_| class == DeferralClass::Deferrable);
        planned.is_held_out = may_hold_out.map(|policy| is_held_out(policy, home_name, &planned.run.job.namespace, &planned.run.job.job));
        if let Some(start) = planned.start {
            planned.decision = self.decision(&planned, copy.as_ref(), start, end);
        }
        planned.place = match (planned.run.site, home) {
            (None, _) => Err("no pod of the Job was seen with energy".to_owned()),
            (_, Err(reason)) => Err(reason),
            (Some(site), Ok(home)) => {
                let ran = Whereabouts { terms, cluster, site: &terms.clusters[cluster].sites[site], home };
                self.place_at(&mut planned, ran, rule, label_ms, end)
            }
        };
        Some(planned)
    }

    fn decision(
        &mut self,
        planned: &PlannedRun,
        copy: Option<&crate::model::JobRun>,
        start: DateTime<Utc>,
        end: DateTime<Utc>,
    ) -> Option<super::decisions::Counted> {
        let terms = self.terms;
        let job = &planned.run.job;
        // The scheduler at home knows the copy; where none was seen, the Job by its name.
        let nameless = crate::model::JobRun { uid: None, ..job.clone() };
        let at_home = planned.home_cluster.map(|home| (terms.clusters[home].name.as_str(), copy.unwrap_or(&nameless)));
        let said = self.log.of(&terms.clusters[planned.cluster].name, job, at_home.as_slice(), start, end);
        if said.is_late {
            self.trouble.late.push(name(planned));
        }
        if let Some(why) = said.misread {
            self.trouble.misread.push(format!("{} ({why})", name(planned)));
        }
        said.counted
    }

    /// Place, cause and window of a run of which it is known where it ran.
    fn place_at(
        &self,
        planned: &mut PlannedRun,
        ran: Whereabouts<'_>,
        rule: Option<&DeferrableRule>,
        label_ms: Option<i64>,
        end: DateTime<Utc>,
    ) -> Result<RunTiming, String> {
        let job = &planned.run.job;
        let (home, home_zone) = match (ran.home, &job.home_zone) {
            (Some(_), said) => (Home::Cluster, said.clone()),
            (None, Some(said)) => (Home::Zone, Some(said.clone())),
            (None, None) => (Home::OfSites, None),
        };
        let home_zone = home_zone.unwrap_or_else(|| Name::from(zone_at_home(self.terms, ran.home, ran.site)));
        planned.baseline_zone = Some(home_zone.clone());
        let sites: Vec<&Site> = planned.run.sites().map(|site| &self.terms.clusters[ran.cluster].sites[site]).collect();
        let Some(start) = planned.start else { return Err("no start of the Job was seen".to_owned()) };
        let start_ms = start.timestamp_millis();
        let span = Span { start, start_ms, end_ms: end.timestamp_millis().max(start_ms + 1) };
        let decision = planned.decision.as_ref().map(|(_, decision)| &**decision);
        let baseline = baseline(job, decision, start)?;
        let is_elsewhere = |site: &&Site| match home {
            Home::OfSites => site.home_zone.as_ref().is_some_and(|zone| *zone != site.grid_zone),
            Home::Zone => *home_zone != *site.grid_zone,
            Home::Cluster => true,
        };
        let is_moved = sites.iter().any(is_elsewhere);
        let is_shifted = is_moved || is_shift(baseline.start, start);
        (planned.cause, planned.cause_basis) = cause(job, decision, is_shifted);
        (planned.baseline_start, planned.baseline_rule) = (Some(baseline.start), Some(baseline.rule));
        if is_shifted {
            let of_decision = decision.and_then(|decision| decision.overhead_kwh);
            planned.overhead_kwh = of_decision.or_else(|| rule.and_then(|rule| rule.overhead_kwh));
        }
        let timing = self.timing((home, &home_zone), ran, &sites, span, baseline.start)?;
        let delay = DelayTerms {
            class: planned.class,
            label_ms,
            decision,
            rule,
            suggested_ms: self.terms.suggested_max_delay_seconds * 1_000,
            baseline_start: baseline.start,
            duration_ms: span.end_ms - span.start_ms,
        };
        let window = |(max_delay_ms, basis)| self.window(max_delay_ms, basis, &timing, &home_zone, ran, (rule, &sites));
        planned.window = delay.delay().map(window);
        Ok(timing)
    }

    fn zone(&self, name: &str) -> Option<usize> {
        self.zones.iter().position(|known| known.zone == name)
    }

    /// Both sides have to be known, wherever a part of the run was.
    fn timing(
        &self,
        (home, home_zone): (Home, &str),
        ran: Whereabouts<'_>,
        sites: &[&Site],
        span: Span,
        baseline_start: DateTime<Utc>,
    ) -> Result<RunTiming, String> {
        let zone_of = |name: &str| self.zone(name).ok_or_else(|| format!("home zone {name} has no intensity"));
        let timing = RunTiming {
            start_ms: span.start_ms,
            end_ms: span.end_ms,
            baseline_start_ms: baseline_start.timestamp_millis(),
            baseline_zone: zone_of(home_zone)?,
            baseline_pue: ran.baseline_pue(home_zone),
            home,
        };
        let shift = (span.start - baseline_start).num_milliseconds();
        let is_known =
            |zone: usize, later_ms: i64| self.zones[zone].integral_micros(span.start_ms + later_ms, span.end_ms + later_ms).is_some();
        let of_sites = sites.iter().filter(|_| home == Home::OfSites).map(|site| zone_at_home(self.terms, None, site));
        for name in std::iter::once(home_zone).chain(of_sites) {
            if !is_known(zone_of(name)?, -shift) {
                return Err(format!("the baseline lies outside the intensity data of zone {name}"));
            }
        }
        for name in sites.iter().map(|site| &site.grid_zone) {
            if !self.zone(name).is_some_and(|zone| is_known(zone, 0)) {
                return Err(format!("the run began before the intensity data of zone {name}"));
            }
        }
        Ok(timing)
    }

    fn window(
        &self,
        max_delay_ms: i64,
        basis: WindowBasis,
        timing: &RunTiming,
        home_zone: &str,
        ran: Whereabouts<'_>,
        (rule, sites): (Option<&DeferrableRule>, &[&Site]),
    ) -> Window {
        let mut window = Window {
            max_delay_ms,
            basis,
            places: vec![Place { zone: timing.baseline_zone, pue: timing.baseline_pue }],
            unknown_zones: Vec::new(),
        };
        let of_rule = rule.map(|rule| &rule.zones).filter(|zones| !zones.is_empty());
        let allowed: Vec<&String> = match (basis, of_rule) {
            (WindowBasis::Suggested, _) => Vec::new(),
            (_, Some(zones)) => zones.iter().collect(),
            (_, None) => sites.iter().map(|site| &site.grid_zone).collect(),
        };
        for zone in allowed.into_iter().filter(|zone| *zone != home_zone) {
            match self.zone(zone) {
                Some(index) => window.places.push(Place { zone: index, pue: ran.pue(zone) }),
                None => window.unknown_zones.push(zone.clone()),
            }
        }
        window.places.sort_by_key(|place| place.zone);
        window.places.dedup_by_key(|place| place.zone);
        window.unknown_zones.sort();
        window.unknown_zones.dedup();
        window
    }
}

fn name(planned: &PlannedRun) -> String {
    let job = &planned.run.job;
    format!("{} {}/{}", job.cluster, job.namespace, job.job)
}

/// Runs of which something was said that does not count, by name.
#[derive(Default)]
struct Trouble {
    late: Vec<String>,
    misread: Vec<String>,
    max_delay: Vec<String>,
}

impl Trouble {
    fn findings(self, examined: usize) -> Vec<Finding> {
        let late = "have a decision record that was written only after they had started, which explains nothing: it was left aside. Let the scheduler \
                    write its decision before it acts";
        let misread = "have an annotation wattledger.io/decision that is no decision record; it was left aside, and the runs keep the place that the other \
                       rules give them. Mend what writes it";
        let max_delay =
            "have a label max-delay-hours that is not a number of hours from 0 to 744; it was left aside. Write it as \"8\" or \"0.5\"";
        let all =
            [("DECISION_LATE", self.late, late), ("DECISION_FORMAT", self.misread, misread), ("MAX_DELAY", self.max_delay, max_delay)];
        let found = all.into_iter().filter(|(_, names, _)| !names.is_empty()).map(|(code, names, what)| {
            let count = names.len();
            let message = format!("{count} of {examined} job runs {what}: {}.", some(names.into_iter()));
            Finding::new(code, Severity::Disclosed, message).examined(examined).failing(count)
        });
        found.collect()
    }
}
