//! What to make of the facts: one line a topic, with what to do where something is lacking.
//!
//! In: [`Facts`]. Out: [`Check`]s in the order of the screen, and nodes in groups that are alike. Rule: `Lacking` is what a report would be
//! without; `Minded` is worth knowing and holds nothing up. What Prometheus may soon forget is the most urgent.
//! Does not: ask anybody anything.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::facts::{Day, Facts, OnServer, Server, Zone};
use crate::config::Config;
use crate::model::policy::IdlePolicy;
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

/// Nodes of which the same exporters speak.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NodeGroup {
    pub nodes: Vec<String>,
    pub energy: Vec<String>,
    pub cpu: Vec<String>,
    pub kubernetes: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Energy,
    Cpu,
    Kubernetes,
}

/// The metric that stands for an exporter.
const EXPORTERS: [(&str, &str, Role); 13] = [
    ("kepler_node_cpu_joules_total", "Kepler", Role::Energy),
    ("kepler_node_platform_joules_total", "Kepler 0.9 or older", Role::Energy),
    ("kepler_node_package_joules_total", "Kepler 0.9 or older", Role::Energy),
    ("kepler_container_joules_total", "Kepler 0.9 or older", Role::Energy),
    ("scaph_host_energy_microjoules", "Scaphandre", Role::Energy),
    ("node_rapl_package_joules_total", "node_exporter", Role::Energy),
    ("node_rapl_joules_total", "node_exporter", Role::Energy),
    ("ipmi_dcmi_power_consumption_current_watts", "IPMI", Role::Energy),
    ("redfish_chassis_power_average_consumed_watts", "Redfish", Role::Energy),
    ("DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION", "DCGM", Role::Energy),
    ("container_cpu_usage_seconds_total", "cAdvisor", Role::Cpu),
    ("kube_node_info", "kube-state-metrics", Role::Kubernetes),
    ("kube_node_labels", "kube-state-metrics", Role::Kubernetes),
];

/// All checks of a cluster.
pub fn of(facts: &Facts<'_>, config: &Config, period: ReportingPeriod) -> (Vec<Check>, Vec<NodeGroup>) {
    let mut checks = vec![reachable(facts)];
    let mut groups = Vec::new();
    if let Server::Seen { exporters, clashes } = &facts.server {
        groups = node_groups(exporters);
        checks.push(exporters_of(exporters, &groups, config));
        checks.push(labels(facts, exporters, clashes));
        checks.push(retention(&facts.days));
    }
    checks.push(kubernetes());
    checks.extend(facts.zones.iter().map(|zone| intensity(zone, config, period)));
    checks.push(evidence(facts, config, period));
    (checks, groups)
}

/// The next thing to do where nothing is lacking.
pub fn when_all_is_well(config: &Config, period: ReportingPeriod, now: DateTime<Utc>) -> String {
    if now < period.to() {
        return format!("collect every day until {period} is over: {}", command(config, "collect", period));
    }
    format!("{} --out report", command(config, "report", period))
}

fn command(config: &Config, verb: &str, period: ReportingPeriod) -> String {
    let path = config.path.display().to_string();
    let named = if path == "wattledger.toml" { String::new() } else { format!(" --config {path}") };
    format!("wattledger {verb}{named} --month {period}")
}

fn check(topic: &'static str, state: State, says: impl Into<String>) -> Check {
    Check { topic, state, says: says.into(), next: None, urgency: u8::MAX }
}

impl Check {
    fn next(mut self, urgency: u8, next: impl Into<String>) -> Self {
        (self.urgency, self.next) = (urgency, Some(next.into()));
        self
    }
}

fn reachable(facts: &Facts<'_>) -> Check {
    let topic = "Prometheus";
    match &facts.server {
        Server::Seen { .. } => check(topic, State::Fine, "answers"),
        Server::NotConfigured => check(topic, State::NotAsked, "none is configured: the cluster lives on evidence that is brought here"),
        Server::Silent(refusal) => {
            let advice = refusal.hint.clone().unwrap_or_else(|| "check the server".to_owned());
            check(topic, State::Lacking, refusal.to_string()).next(0, format!("{}: {advice}", facts.cluster.name))
        }
    }
}

/// The node that a sight speaks of: by the exporter's own label, else by its address.
fn node_of<'a>(sight: &'a Sight, by_address: &BTreeMap<&'a str, &'a str>) -> Option<&'a str> {
    let named = ["exported_node", "node_name", "node"].map(|label| sight.label(label)).into_iter().find(|name| !name.is_empty());
    let instance = sight.label("instance");
    let host = instance.rsplit_once(':').map_or(instance, |(host, _)| host);
    named.or_else(|| by_address.get(host).copied())
}

fn node_groups(exporters: &[Sight]) -> Vec<NodeGroup> {
    let of_metric = |name: &'static str| exporters.iter().filter(move |sight| sight.label("__name__") == name);
    let mut by_address: BTreeMap<&str, &str> = BTreeMap::new();
    for sight in of_metric("kube_node_info") {
        let Some(node) = node_of(sight, &BTreeMap::new()) else { continue };
        by_address.insert(node, node);
        if !sight.label("internal_ip").is_empty() {
            by_address.insert(sight.label("internal_ip"), node);
        }
    }
    type Seen<'a> = (BTreeSet<&'a str>, BTreeSet<&'a str>, bool);
    let mut nodes: BTreeMap<String, Seen<'_>> = BTreeMap::new();
    for (metric, exporter, role) in EXPORTERS {
        for sight in of_metric(metric) {
            let node = node_of(sight, &by_address).map_or_else(|| format!("? {}", sight.label("instance")), str::to_owned);
            let seen = nodes.entry(node).or_default();
            match role {
                Role::Energy => drop(seen.0.insert(exporter)),
                Role::Cpu => drop(seen.1.insert(exporter)),
                Role::Kubernetes => seen.2 = true,
            }
        }
    }
    let mut groups: BTreeMap<Seen<'_>, Vec<String>> = BTreeMap::new();
    for (node, seen) in nodes {
        groups.entry(seen).or_default().push(node);
    }
    let texts = |set: BTreeSet<&str>| set.into_iter().map(str::to_owned).collect::<Vec<_>>();
    let mut groups: Vec<NodeGroup> = groups
        .into_iter()
        .map(|((energy, cpu, kubernetes), nodes)| NodeGroup { nodes, energy: texts(energy), cpu: texts(cpu), kubernetes })
        .collect();
    groups.sort_by(|a, b| a.nodes.cmp(&b.nodes));
    groups
}

fn exporters_of(exporters: &[Sight], groups: &[NodeGroup], config: &Config) -> Check {
    let topic = "exporters";
    let has = |metric: &str| exporters.iter().any(|sight| sight.label("__name__") == metric);
    let is_node = |name: &&String| !name.starts_with('?');
    let all: Vec<&String> = groups.iter().flat_map(|group| &group.nodes).filter(is_node).collect();
    let unmetered: Vec<&String> =
        groups.iter().filter(|group| group.energy.is_empty()).flat_map(|group| &group.nodes).filter(is_node).collect();
    if all.is_empty() {
        return check(topic, State::Lacking, "no exporter that is known speaks of a node now")
            .next(2, "check `selector` of the cluster, and that Kepler, kube-state-metrics and the kubelet are scraped");
    }
    if !unmetered.is_empty() {
        let says = format!("no energy meter on {} of {} nodes now: {}", unmetered.len(), all.len(), listed(&unmetered));
        return check(topic, State::Lacking, says)
            .next(4, format!("install Kepler 0.10 or newer, or see why it is silent, on {}", listed(&unmetered)));
    }
    if !has("kube_node_info") || !has("kube_pod_owner") {
        return check(topic, State::Lacking, "kube-state-metrics is not scraped: nobody says whose the pods are")
            .next(3, "install kube-state-metrics and scrape it with `honor_labels: true`");
    }
    let says = format!("all {} nodes have an energy meter", all.len());
    if !has("container_cpu_usage_seconds_total") && config.report.idle == IdlePolicy::ByUsage {
        let says = format!("{says}; cAdvisor is not scraped, so idle energy cannot be shared by use and stays in (idle)");
        return check(topic, State::Minded, says).next(20, "scrape the kubelets' /metrics/cadvisor");
    }
    check(topic, State::Fine, says)
}

fn labels(facts: &Facts<'_>, exporters: &[Sight], clashes: &[Sight]) -> Check {
    let topic = "labels";
    let has = |metric: &str| exporters.iter().any(|sight| sight.label("__name__") == metric);
    let jobs: BTreeSet<String> = clashes.iter().map(|sight| sight.label("job").to_owned()).collect();
    let names: BTreeSet<String> = clashes.iter().map(|sight| format!("`exported_{}`", sight.label("label"))).collect();
    if !facts.cluster.pools.is_empty() && !has("kube_node_labels") {
        let says = "pools are told by node labels, and kube-state-metrics shows none: no pool matches a node";
        return check(topic, State::Lacking, says).next(3, "let kube-state-metrics show them: --metric-labels-allowlist=nodes=[…]");
    }
    if !jobs.is_empty() {
        let (jobs, names) = (jobs.into_iter().collect::<Vec<_>>(), names.into_iter().collect::<Vec<_>>());
        let says = format!("scrape job {} renames {}; the exporter's own are used", listed(&jobs), names.join(", "));
        return check(topic, State::Minded, says).next(10, format!("set `honor_labels: true` on scrape job {}", listed(&jobs)));
    }
    if !has("kube_job_annotations") {
        let says = "none clash; kube-state-metrics shows no annotations of Jobs, so a shift is seen only where a Job was suspended or its schedule tells";
        return check(topic, State::Minded, says)
            .next(30, "let kube-state-metrics show them: --metric-annotations-allowlist=jobs=[…], as in README.md");
    }
    check(topic, State::Fine, "none clash")
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

/// Owners and times come from kube-state-metrics here; where the API is read, its permissions are reviewed in this place.
fn kubernetes() -> Check {
    check("Kubernetes", State::NotAsked, "its API is not asked: owners and times come from kube-state-metrics")
}

fn intensity(zone: &Zone, config: &Config, period: ReportingPeriod) -> Check {
    let topic = "intensity";
    let (name, covered, wanted) = (&zone.zone, zone.covered_hours, zone.wanted_hours);
    let lacking = if zone.is_grid { State::Lacking } else { State::Minded };
    let use_of = if zone.is_grid { "" } else { " (a home zone: runs whose baseline is there would be unplaced)" };
    if wanted > 0 && covered >= wanted {
        return check(topic, State::Fine, format!("{name}: all {wanted} hours are in the evidence"));
    }
    let Some(provider) = &zone.provider else {
        let says = format!("{name}: no [[intensity]] table names this zone{use_of}");
        return check(topic, lacking, says).next(5, format!("add zone {name} to an [[intensity]] table of {}", config.path.display()));
    };
    let says = format!("{name}: {covered} of {wanted} hours are in the evidence, from {provider}{use_of}");
    let glob = config.intensity.iter().filter(|feed| feed.zones.contains(name)).flat_map(|feed| &feed.unmatched_globs).next();
    let next = match glob {
        Some(glob) => format!("put the intensity files of {name} where {glob} finds them"),
        None if covered == 0 => command(config, "collect", period),
        None => format!("get {provider} data of {name} that cover {period}, then {}", command(config, "collect", period)),
    };
    check(topic, lacking, says).next(if covered == 0 { 6 } else { 7 }, next)
}

fn evidence(facts: &Facts<'_>, config: &Config, period: ReportingPeriod) -> Check {
    let topic = "evidence";
    let over: Vec<&Day> = facts.days.iter().filter(|day| day.is_over).collect();
    let there = over.iter().filter(|day| day.is_in_evidence).count();
    let to_come = facts.days.len() - over.len();
    let coming = if to_come > 0 { format!(", {to_come} are not over yet") } else { String::new() };
    let missing: Vec<&&Day> = over.iter().filter(|day| !day.is_in_evidence).collect();
    if missing.is_empty() {
        return check(topic, State::Fine, format!("{there} of {} UTC days{coming}", facts.days.len()));
    }
    let of =
        |wanted: &[OnServer]| -> Vec<UtcDay> { missing.iter().filter(|day| wanted.contains(&day.on_server)).map(|day| day.day).collect() };
    let on_server = of(&[OnServer::Whole, OnServer::InPart]);
    let all: Vec<UtcDay> = missing.iter().map(|day| day.day).collect();
    let says = format!("{there} of {} UTC days{coming}; lacking {}", facts.days.len(), ranges(&all));
    match on_server.len() {
        0 if there == 0 => {
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
            on_server: *on_server,
        };
        what.iter().enumerate().map(one).collect()
    }

    fn sight(labels: &[(&str, &str)]) -> Sight {
        Sight { labels: labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(), count: 1.0 }
    }

    #[test]
    fn nodes_are_grouped_by_what_speaks_of_them_and_found_by_address() {
        let groups = node_groups(&[
            sight(&[("__name__", "kube_node_info"), ("node", "n1"), ("internal_ip", "10.0.0.1")]),
            sight(&[("__name__", "kube_node_info"), ("node", "n2"), ("internal_ip", "10.0.0.2")]),
            sight(&[("__name__", "kube_node_info"), ("exported_node", "n3"), ("node", "scraper"), ("internal_ip", "10.0.0.3")]),
            sight(&[("__name__", "kepler_node_cpu_joules_total"), ("node_name", "n1")]),
            sight(&[("__name__", "node_rapl_package_joules_total"), ("instance", "10.0.0.2:9100")]),
            sight(&[("__name__", "ipmi_dcmi_power_consumption_current_watts"), ("instance", "bmc-7")]),
        ]);
        let shown: Vec<(String, String)> = groups.iter().map(|group| (group.nodes.join(","), group.energy.join(","))).collect();
        let expected = [("? bmc-7", "IPMI"), ("n1", "Kepler"), ("n2", "node_exporter"), ("n3", "")];
        assert_eq!(shown, expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
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
