//! What to make of the facts: one line a topic, with what to do where something is lacking.
//!
//! In: [`Facts`]. Out: [`Check`]s in the order of the screen, and nodes in groups that are alike. Rule: `Lacking` is what a report would be
//! without; `Minded` is worth knowing and holds nothing up. What Prometheus may soon forget is the most urgent.
//! Does not: ask anybody anything.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::facts::{Api, Day, Facts, OnServer, Server};
use super::nodes::{Family, NodeGroup, Nodes};
use super::zones;
use crate::cli::collect::metering_terms;
use crate::config::Config;
use crate::model::policy::IdlePolicy;
use crate::sources::Refusal;
use crate::sources::kubernetes::VERBS;
use crate::sources::prometheus::Sight;
use crate::units::{ReportingPeriod, UtcDay};

/// Names that a line carries before it says how many more there are.
const NAMES_SHOWN: usize = 4;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    Fine,
    /// Worth knowing; it holds nothing up.
    Minded,
    Lacking,
    NotAsked,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    pub topic: &'static str,
    pub state: State,
    pub says: String,
    pub next: Option<String>,
    /// The lowest is done first.
    #[serde(skip)]
    pub urgency: u8,
}

/// All checks of a cluster, and its nodes.
pub fn of(facts: &Facts<'_>, config: &Config, period: ReportingPeriod) -> (Vec<Check>, Vec<NodeGroup>) {
    let mut checks = vec![reachable(facts)];
    let mut nodes = Nodes::default();
    if let Server::Seen { sights, clashes, .. } = &facts.server {
        nodes = Nodes::of(sights, &metering_terms(config, facts.cluster));
        checks.push(exporters(facts, sights, &nodes, config));
        checks.extend(unplaced(&nodes));
        checks.push(labels(facts, sights, clashes));
        checks.push(retention(&facts.days));
    }
    checks.push(kubernetes(facts));
    checks.extend(facts.zones.iter().map(|zone| zones::judge(zone, config, period)));
    checks.push(evidence(facts, config, period));
    (checks, nodes.groups)
}

/// The next thing to do where nothing is lacking.
pub fn when_all_is_well(config: &Config, period: ReportingPeriod, now: DateTime<Utc>) -> String {
    if now < period.to() {
        return format!("collect every day until {period} is over: {}", command(config, "collect", period));
    }
    format!("{} --out report", command(config, "report", period))
}

pub fn command(config: &Config, verb: &str, period: ReportingPeriod) -> String {
    let path = config.path.display().to_string();
    let named = if path == "wattledger.toml" { String::new() } else { format!(" --config {path}") };
    format!("wattledger {verb}{named} --month {period}")
}

pub fn check(topic: &'static str, state: State, says: impl Into<String>) -> Check {
    Check { topic, state, says: says.into(), next: None, urgency: u8::MAX }
}

impl Check {
    pub fn next(mut self, urgency: u8, next: impl Into<String>) -> Self {
        (self.urgency, self.next) = (urgency, Some(next.into()));
        self
    }
}

fn reachable(facts: &Facts<'_>) -> Check {
    let topic = "Prometheus";
    let refused = |refusal: &Refusal| {
        let advice = refusal.hint.clone().unwrap_or_else(|| "check the server".to_owned());
        check(topic, State::Lacking, refusal.to_string()).next(0, advice)
    };
    match &facts.server {
        Server::Seen { way: Ok(way), .. } => {
            let named = match way.name {
                "remote-read" => "streamed remote read",
                "edges" => "queries for the edges of quarters",
                _ => "queries",
            };
            check(topic, State::Fine, format!("answers; samples are read by {named} ({})", way.why))
        }
        Server::Seen { way: Err(refusal), .. } | Server::Silent(refusal) => refused(refusal),
        Server::NotConfigured => check(topic, State::NotAsked, "none is configured: the cluster lives on evidence that is brought here"),
    }
}

/// Whether the Kubernetes API tells of objects.
fn api_tells(facts: &Facts<'_>) -> bool {
    matches!(&facts.api, Api::Seen { missing } if missing.is_empty())
}

fn has(sights: &[Sight], metric: &str) -> bool {
    sights.iter().any(|sight| sight.label("__name__") == metric)
}

fn exporters(facts: &Facts<'_>, sights: &[Sight], nodes: &Nodes, config: &Config) -> Check {
    let topic = "exporters";
    let all = nodes.count();
    let (without, modelled) = (nodes.without_energy(), nodes.modelled());
    if all == 0 {
        return check(topic, State::Lacking, "no exporter that is known speaks of a node now")
            .next(2, "check `selector` of the cluster, and that Kepler, kube-state-metrics and the kubelet are scraped");
    }
    if !without.is_empty() {
        let (has, their) = if without.len() == 1 { ("has", "its") } else { ("have", "their") };
        let says = format!(
            "{} of {all} nodes {has} neither an energy meter now nor a known power, so {their} energy will be missing: {}",
            without.len(),
            listed(&without)
        );
        return check(topic, State::Lacking, says).next(
            4,
            format!("install Kepler 0.10 or newer on {}, or give the class of its machine by `hardware` (with CPU time)", listed(&without)),
        );
    }
    if !api_tells(facts) && (!has(sights, "kube_node_info") || !has(sights, "kube_pod_owner")) {
        return check(topic, State::Lacking, "kube-state-metrics is not scraped: nobody says whose the pods are")
            .next(3, "install kube-state-metrics and scrape it with `honor_labels: true`, or add `kubernetes = {}` to the cluster");
    }
    if !modelled.is_empty() {
        let says = format!(
            "{} of {all} nodes have an energy meter; the power of the others is modelled: {}",
            all - modelled.len(),
            listed(&modelled)
        );
        return check(topic, State::Minded, says).next(21, "install Kepler 0.10 or newer there, to measure instead");
    }
    let says = if all == 1 { "the one node has an energy meter".to_owned() } else { format!("all {all} nodes have an energy meter") };
    if !has(sights, "container_cpu_usage_seconds_total") && config.report.idle == IdlePolicy::ByUsage {
        let says = format!("{says}; cAdvisor is not scraped, so idle energy cannot be shared by use and stays in (idle)");
        return check(topic, State::Minded, says).next(20, "scrape the kubelets' /metrics/cadvisor");
    }
    check(topic, State::Fine, says)
}

/// Meters whose node is not known, so that nothing of them is used.
fn unplaced(nodes: &Nodes) -> Option<Check> {
    let (bmcs, others): (Vec<_>, Vec<_>) = nodes.unplaced.iter().partition(|(family, _)| *family == Family::Bmc);
    let names: Vec<String> = bmcs.iter().chain(&others).map(|(family, instance)| format!("{} at {instance}", family.name())).collect();
    let next = match bmcs.first() {
        Some((_, instance)) => format!("map it with [[cluster.bmc]]: instance = \"{instance}\", node = \"…\""),
        None => "let the scrape add a label `node`, or kube-state-metrics tell the nodes' addresses".to_owned(),
    };
    let says = format!("nothing says which node these are of, so they are not used: {}", listed(&names));
    // A node without energy may be behind one of them.
    let (state, urgency) = if nodes.without_energy().is_empty() { (State::Minded, 22) } else { (State::Lacking, 3) };
    (!names.is_empty()).then(|| check("placing", state, says).next(urgency, next))
}

fn labels(facts: &Facts<'_>, sights: &[Sight], clashes: &[Sight]) -> Check {
    let topic = "labels";
    // The node of Kepler 0.9 and older collides with the scrape's `instance`, and is read from where it was pushed to.
    let (of_nodes, others): (Vec<&Sight>, Vec<&Sight>) = clashes.iter().partition(|sight| sight.label("label") == "instance");
    let jobs: BTreeSet<String> = others.iter().map(|sight| sight.label("job").to_owned()).collect();
    let names: BTreeSet<String> = others.iter().map(|sight| format!("`exported_{}`", sight.label("label"))).collect();
    let none =
        if of_nodes.is_empty() { "none clash" } else { "none clash but the node of Kepler 0.9 or older, read from `exported_instance`" };
    if !facts.cluster.pools.is_empty() && !has(sights, "kube_node_labels") {
        let says = "pools are told by node labels, and kube-state-metrics shows none: no pool matches a node";
        return check(topic, State::Lacking, says).next(3, "let kube-state-metrics show them: --metric-labels-allowlist=nodes=[…]");
    }
    if !jobs.is_empty() {
        let (jobs, names) = (jobs.into_iter().collect::<Vec<_>>(), names.into_iter().collect::<Vec<_>>());
        let says = format!("scrape job {} renames {}; the exporter's own are used", listed(&jobs), names.join(", "));
        return check(topic, State::Minded, says).next(10, format!("set `honor_labels: true` on scrape job {}", listed(&jobs)));
    }
    if !has(sights, "kube_job_annotations") && !api_tells(facts) {
        let says = format!(
            "{none}; kube-state-metrics shows no annotations of Jobs, so a shift is seen only where a Job was suspended or its schedule tells"
        );
        return check(topic, State::Minded, says)
            .next(30, "let kube-state-metrics show them: --metric-annotations-allowlist=jobs=[…], as in docs/platform-engineer.md");
    }
    check(topic, State::Fine, none)
}

fn retention(days: &[Day]) -> Check {
    let topic = "retention";
    let gone: Vec<UtcDay> =
        days.iter().filter(|day| day.is_over && matches!(day.on_server, OnServer::Nothing)).map(|day| day.day).collect();
    let lost: Vec<UtcDay> = days
        .iter()
        .filter(|day| day.is_over && !day.is_in_evidence && matches!(day.on_server, OnServer::Nothing))
        .map(|day| day.day)
        .collect();
    let in_part: Vec<UtcDay> =
        days.iter().filter(|day| !day.is_in_evidence && matches!(day.on_server, OnServer::InPart)).map(|day| day.day).collect();
    let is_known_before = |lost: UtcDay| days.iter().any(|day| day.day < lost && (day.is_in_evidence || day.on_server == OnServer::Whole));
    let after_life: Vec<UtcDay> = lost.iter().copied().filter(|day| is_known_before(*day)).collect();
    if !after_life.is_empty() {
        let says = format!("the server has nothing of {}, nor has the evidence: it cannot be collected any more", ranges(&after_life));
        return check(topic, State::Lacking, says)
            .next(15, "collect every day from now on; a month without those days is reported with --accept DAYS_MISSING");
    }
    if !lost.is_empty() {
        let says = format!("the server has nothing of {}: forgotten, or before the cluster's first day", ranges(&lost));
        return check(topic, State::Minded, says);
    }
    if !in_part.is_empty() {
        return check(topic, State::Minded, format!("of {} the server has the first or the last hour, not both", ranges(&in_part)));
    }
    if let Some(first) = gone.first() {
        return check(topic, State::Fine, format!("the server has forgotten {first}, and the evidence has it"));
    }
    match days.first() {
        Some(first) if first.is_over => check(topic, State::Fine, format!("the server still has {}, the month's first UTC day", first.day)),
        _ => check(topic, State::Fine, "the month has not begun"),
    }
}

fn kubernetes(facts: &Facts<'_>) -> Check {
    let topic = "Kubernetes";
    let recorder = facts.recorded.map(|day| format!("a recorder wrote its journal of {day}"));
    match &facts.api {
        Api::NotConfigured => {
            let others = if recorder.is_some() { "kube-state-metrics and a recorder's journal" } else { "kube-state-metrics" };
            check(topic, State::NotAsked, format!("its API is not asked: owners and times come from {others}"))
        }
        Api::Silent { says, advice, may_pass } => {
            let advice = advice.clone().unwrap_or_else(|| "check the cluster's `kubernetes`".to_owned());
            check(topic, State::Lacking, says.clone()).next(if *may_pass { 2 } else { 0 }, advice)
        }
        Api::Seen { missing } if !missing.is_empty() => {
            let of_verb = |wanted: &str| -> Vec<String> {
                missing.iter().filter(|(_, verb)| *verb == wanted).map(|(kind, _)| kind.to_string()).collect()
            };
            let told = VERBS.map(|verb| (verb, of_verb(verb))).into_iter().filter(|(_, kinds)| !kinds.is_empty());
            let told: Vec<String> = told.map(|(verb, kinds)| format!("may not {verb} {}", kinds.join(", "))).collect();
            // What cannot be listed keeps days from being collected; what cannot be watched, a recorder from its work.
            let urgency = if of_verb("list").is_empty() { 9 } else { 0 };
            check(topic, State::Lacking, format!("the API answers, and the account {}", told.join("; ")))
                .next(urgency, "kubectl apply -f deploy/rbac.yaml, and use its account")
        }
        Api::Seen { .. } => match recorder {
            Some(recorder) => check(topic, State::Fine, format!("the API answers and grants all rights; {recorder}")),
            None => {
                let says = "the API answers and grants all rights; no recorder wrote yesterday or today, so that what comes and goes \
                            between two collections is known to kube-state-metrics alone";
                check(topic, State::Minded, says).next(25, "run a recorder: wattledger collect --follow")
            }
        },
    }
}

fn evidence(facts: &Facts<'_>, config: &Config, period: ReportingPeriod) -> Check {
    let topic = "evidence";
    let over: Vec<&Day> = facts.days.iter().filter(|day| day.is_over).collect();
    let there = over.iter().filter(|day| day.is_in_evidence).count();
    let to_come = facts.days.len() - over.len();
    let coming = if to_come > 0 { format!(", {to_come} are not over yet") } else { String::new() };
    let missing: Vec<&&Day> = over.iter().filter(|day| !day.is_in_evidence).collect();
    let others = over.iter().filter(|day| day.has_other_terms).count();
    if missing.is_empty() && others > 0 {
        let says = format!(
            "{there} of {} UTC days{coming}; {others} were metered under another `exporter`, `hardware` or `bmc` than the configuration has now",
            facts.days.len()
        );
        return check(topic, State::Minded, says)
            .next(9, format!("{} --remeter (from their own samples)", command(config, "collect", period)));
    }
    if missing.is_empty() {
        return check(topic, State::Fine, format!("{there} of {} UTC days{coming}", facts.days.len()));
    }
    let of =
        |wanted: &[OnServer]| -> Vec<UtcDay> { missing.iter().filter(|day| wanted.contains(&day.on_server)).map(|day| day.day).collect() };
    let on_server = of(&[OnServer::Whole, OnServer::InPart]);
    let all: Vec<UtcDay> = missing.iter().map(|day| day.day).collect();
    let says = format!("{there} of {} UTC days{coming}; lacking {}", facts.days.len(), ranges(&all));
    match on_server.len() {
        0 if facts.cluster.prometheus.is_none() => {
            let next = "bring the evidence of those days, or `wattledger import --kind usage` what was measured";
            check(topic, State::Lacking, says).next(8, next)
        }
        0 if there == 0 && !matches!(facts.server, Server::Silent(_)) => {
            check(topic, State::Lacking, says).next(8, "nothing can be collected: check `selector` and the server's retention")
        }
        // Whether those days can still be had is said under retention.
        0 => check(topic, if of(&[OnServer::NotAsked]).is_empty() { State::Minded } else { State::Lacking }, says),
        n => check(topic, State::Lacking, format!("{says}; the server still has {n} of them"))
            .next(1, format!("{} (before the server forgets)", command(config, "collect", period))),
    }
}

fn listed<T: AsRef<str>>(names: &[T]) -> String {
    let shown: Vec<&str> = names.iter().take(NAMES_SHOWN).map(AsRef::as_ref).collect();
    match names.len().saturating_sub(NAMES_SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// Days as ranges: `2026-10-01 to 2026-10-08, 2026-10-12`.
fn ranges(days: &[UtcDay]) -> String {
    let runs = days.chunk_by(|a, b| a.next() == *b);
    let texts: Vec<String> =
        runs.map(|run| if run.len() == 1 { run[0].to_string() } else { format!("{} to {}", run[0], run[run.len() - 1]) }).collect();
    listed(&texts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(number: i64) -> UtcDay {
        (0..number).fold("2026-10-01".parse().unwrap(), |day: UtcDay, _| day.next())
    }

    fn days(what: &[(bool, OnServer)]) -> Vec<Day> {
        let one = |(i, (is_in_evidence, on_server)): (usize, &(bool, OnServer))| Day {
            day: day(i as i64),
            is_over: true,
            is_in_evidence: *is_in_evidence,
            has_other_terms: false,
            on_server: *on_server,
        };
        what.iter().enumerate().map(one).collect()
    }

    #[test]
    fn a_forgotten_day_is_lacking_only_after_the_first_sign_of_life() {
        use OnServer::{NotAsked, Nothing, Whole};
        assert_eq!(retention(&days(&[(false, Whole), (true, NotAsked)])).state, State::Fine);
        assert_eq!(retention(&days(&[(true, Nothing), (true, NotAsked)])).state, State::Fine);
        assert_eq!(retention(&days(&[(false, Nothing), (false, Whole)])).state, State::Minded);
        let lost = retention(&days(&[(true, Nothing), (false, Nothing), (false, Nothing), (false, Whole)]));
        assert_eq!(lost.state, State::Lacking);
        assert!(lost.says.contains("2026-10-02 to 2026-10-03"), "{}", lost.says);
    }

    #[test]
    fn days_are_told_as_ranges() {
        assert_eq!(ranges(&[day(0), day(1), day(2), day(5)]), "2026-10-01 to 2026-10-03, 2026-10-06");
    }
}
