//! The inventory by cost centre: what each one's namespaces used, emitted and reserved.
//!
//! In: plan, inventory, market-based account and lines. Out: [`CentreLines`], whose sums are those of all lines. Rule: energy, and what the ledger has met with
//! factors, is counted by day, so a namespace whose label changed is split exactly. What only a month has is split by what it was shared by: market-based
//! emissions as in `market::lines`, the making of machines by facility energy; largest remainder, by the names of cost centres. What is nobody's, (gap), (idle)
//! and (system), is a cost centre of its own. Does not: spread what is unlabelled.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use super::market::{Market, MarketPart};
use super::{Line, Lines};
use crate::accounting::inventory::{ClusterInventory, Inventory, WorkloadKey};
use crate::accounting::ledger::Sums;
use crate::accounting::plan::Plan;
use crate::accounting::split::split_wide;
use crate::model::{Finding, GAP, IDLE, SYSTEM, Severity, UNLABELLED};

/// By cost centre, cluster and site.
pub type CentreLines = BTreeMap<(String, usize, usize), CentreLine>;

#[derive(Clone, Debug, PartialEq)]
pub struct CentreLine {
    pub sums: Sums,
    pub line: Line,
    /// Of those that used energy.
    pub namespaces: BTreeSet<String>,
}

/// `(gap)`, `(idle)`, `(system)`: each is a cost centre of its own.
pub fn is_nobodys(namespace: &str) -> bool {
    [GAP, IDLE, SYSTEM].contains(&namespace)
}

/// Says of every workload's sums whose they are: those of namespaces with several cost centres were counted day by day, all others have one.
pub fn complete(plan: &Plan<'_>, inventory: &mut Inventory) {
    for (survey, cluster) in plan.survey.clusters.iter().zip(&mut inventory.clusters) {
        for (key, sums) in &cluster.workloads {
            let only = if is_nobodys(&key.1) { Some(key.1.as_str()) } else { survey.cost_centres.only(&key.1) };
            if let Some(only) = only {
                cluster.cost_centres.insert(key.clone(), BTreeMap::from([(only.to_owned(), *sums)]));
            }
        }
    }
}

/// Splits all lines. The inventory is [`complete`].
pub fn lines(plan: &Plan<'_>, inventory: &Inventory, market: &Market, lines: &Lines) -> CentreLines {
    let mut centres = CentreLines::new();
    for (cluster, (of_cluster, lines)) in inventory.clusters.iter().zip(lines).enumerate() {
        let parts: BTreeMap<&WorkloadKey, MarketPart> = market.parts(cluster, of_cluster).into_iter().collect();
        for (key, line) in lines {
            let (site, namespace, _) = key;
            let without_energy = || {
                let name = if is_nobodys(namespace) { namespace } else { plan.survey.clusters[cluster].cost_centres.last(namespace) };
                BTreeMap::from([(name.to_owned(), Sums::default())])
            };
            let sums = of_cluster.cost_centres.get(key).cloned().unwrap_or_else(without_energy);
            for ((name, sums), line) in sums.iter().zip(split(line, parts.get(key), &sums)) {
                let of_centre = centres.entry((name.clone(), cluster, *site)).or_insert_with(|| CentreLine {
                    sums: Sums::default(),
                    line: Line::nothing(),
                    namespaces: BTreeSet::new(),
                });
                of_centre.sums.add(sums);
                of_centre.line.add(&line);
                if sums.facility_mj > 0 && !is_nobodys(namespace) {
                    of_centre.namespaces.insert(namespace.clone());
                }
            }
        }
    }
    centres
}

/// A workload's line, by the cost centres that it had.
fn split(line: &Line, part: Option<&MarketPart>, centres: &BTreeMap<String, Sums>) -> Vec<Line> {
    let energy: Vec<i64> = centres.values().map(|sums| sums.facility_mj).collect();
    let by_energy = |whole: Option<i64>| match whole {
        None => vec![None; energy.len()],
        // What reserves a machine and uses nothing has no weight; then the last one has it.
        Some(whole) if energy.iter().all(|energy| *energy == 0) => {
            (1..=energy.len()).map(|place| Some(if place == energy.len() { whole } else { 0 })).collect()
        }
        Some(whole) => split_wide(whole, &energy).into_iter().map(Some).collect::<Vec<_>>(),
    };
    let market: Vec<Option<i64>> = match part {
        Some(part) => part.by_cost_centre(centres).iter().map(MarketPart::ugco2e).collect(),
        None => by_energy(line.market_ugco2e),
    };
    let (category_2, amortised, cloud) =
        (by_energy(line.category_2_ugco2e), by_energy(line.amortised_ugco2e), by_energy(line.cloud_amortised_ugco2e));
    let line_of = |(index, sums): (usize, &Sums)| Line {
        market_ugco2e: market[index],
        category_2_ugco2e: category_2[index],
        upstream_ugco2e: line.upstream_ugco2e.map(|_| sums.upstream_ugco2e),
        losses_ugco2e: line.losses_ugco2e.map(|_| sums.losses_ugco2e),
        amortised_ugco2e: amortised[index],
        cloud_amortised_ugco2e: cloud[index],
    };
    centres.values().enumerate().map(line_of).collect()
}

/// Market-based emissions by cost centre, where a year settles them anew. None is unknown.
pub fn market_based(market: &Market, inventories: &[ClusterInventory]) -> BTreeMap<String, Option<i64>> {
    let mut centres: BTreeMap<String, Option<i64>> = BTreeMap::new();
    for (cluster, inventory) in inventories.iter().enumerate() {
        for name in inventory.cost_centres.values().flat_map(BTreeMap::keys) {
            centres.entry(name.clone()).or_insert(Some(0));
        }
        for (key, part) in market.parts(cluster, inventory) {
            let Some(sums) = inventory.cost_centres.get(key) else { continue };
            for (name, part) in sums.keys().zip(part.by_cost_centre(sums)) {
                let sum = centres.entry(name.clone()).or_insert(Some(0));
                *sum = sum.zip(part.ugco2e()).map(|(a, b)| a + b);
            }
        }
    }
    centres
}

/// By cluster, how much of its pods' energy has no cost centre: where anybody uses the label, or it was asked for by name.
pub fn findings(plan: &Plan<'_>, label: &str, is_asked_for: bool, centres: &CentreLines) -> Vec<Finding> {
    if !is_asked_for && !plan.survey.clusters.iter().any(|survey| survey.cost_centres.is_used()) {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for (cluster, terms) in plan.terms.clusters.iter().enumerate() {
        let of_pods = || centres.iter().filter(|((name, of, _), _)| *of == cluster && !is_nobodys(name));
        let unlabelled = || of_pods().filter(|((name, ..), _)| name == UNLABELLED).map(|(_, line)| line);
        let namespaces: BTreeSet<&String> = unlabelled().flat_map(|line| &line.namespaces).collect();
        if namespaces.is_empty() {
            continue;
        }
        let examined = of_pods().flat_map(|(_, line)| &line.namespaces).collect::<BTreeSet<_>>().len();
        let energy = |lines: &mut dyn Iterator<Item = &CentreLine>| lines.map(|line| line.sums.facility_mj).sum::<i64>();
        let (part, whole) = (energy(&mut unlabelled()), energy(&mut of_pods().map(|(_, line)| line)));
        let first: Vec<&str> = namespaces.iter().take(5).map(|name| name.as_str()).collect();
        let more = if namespaces.len() > first.len() { ", …" } else { "" };
        let message = format!(
            "{}: {} of {examined} namespaces had no label {label} on days on which they used energy ({}{more}). Their {:.1} % of the namespaces' facility \
             energy is in cost centre {UNLABELLED}. Label them, and where kube-state-metrics tells of labels let it show this one: \
             --metric-labels-allowlist=namespaces=[{label}].",
            terms.name,
            namespaces.len(),
            first.join(", "),
            part as f64 * 100.0 / whole as f64
        );
        findings.push(Finding::new("UNLABELLED", Severity::Noted, message).examined(examined).failing(namespaces.len()));
    }
    findings
}
