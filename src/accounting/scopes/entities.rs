//! The inventory by legal entity: what each one controls, and what it buys of the others.
//!
//! In: the group, the month's plan, inventory and lines. Out: [`EntityAccount`]. Rule: a row of the ledger is its site's controller's, whole, so the entities' rows add up to
//! the group's. A namespace that a rule of `[[internal_cloud]]` names is another entity's work: what its rows have, with the idle energy that the policy gave them
//! and the part of the machines that its pods reserved, is bought of the controller. (idle), (system) and (gap) are never sold: they stay with whoever runs the
//! machines. A job run is the entity's whose work it is. Does not: move anything; a purchase stands beside the row that it is of.

use std::collections::{BTreeMap, BTreeSet};

use super::cost_centres::is_nobodys;
use super::{Line, Lines};
use crate::accounting::counterfactual::effects::Effects;
use crate::accounting::inventory::{Inventory, WorkloadKey};
use crate::accounting::ledger::Sums;
use crate::accounting::plan::Plan;
use crate::accounting::survey::ClusterTerms;
use crate::model::{Finding, Group, RatePeriod, Severity};

/// Rows of a namespace at a site, added up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntityLine {
    pub sums: Sums,
    pub line: Line,
}

impl Default for EntityLine {
    fn default() -> Self {
        Self { sums: Sums::default(), line: Line::nothing() }
    }
}

impl EntityLine {
    fn add(&mut self, sums: &Sums, line: &Line) {
        self.sums.add(sums);
        self.line.add(line);
    }
}

/// Where rows are: cluster and site by their places, and the namespace.
pub type Where = (usize, usize, String);

#[derive(Clone, Debug)]
pub struct EntityAccount {
    pub group: Group,
    /// By controller and place: every row of the ledger is in one of these.
    pub controlled: BTreeMap<(usize, Where), EntityLine>,
    /// By controller, customer and place: of the rows above, those that are another's work.
    pub internal: BTreeMap<(usize, usize, Where), EntityLine>,
    /// By entity: instruments, by their places, that make its market-based figure a guess.
    pub without_holder: Vec<BTreeSet<usize>>,
    /// By index of [`Plan::runs`]: the entity whose work it is.
    pub of_runs: Vec<usize>,
    /// Of `[[internal_cloud]]`, those that some row matched.
    used_rules: BTreeSet<usize>,
}

/// Who controls a site. The configuration has seen to it that every site has a controller that the group knows.
pub fn controller(group: &Group, clusters: &[ClusterTerms], cluster: usize, site: usize) -> usize {
    let name = clusters[cluster].sites[site].entity.as_deref();
    name.and_then(|name| group.index(name)).expect("every site of a group has an entity of it")
}

impl EntityAccount {
    pub fn new(
        group: &Group,
        plan: &Plan<'_>,
        inventory: &Inventory,
        lines: &Lines,
        without_holder: &BTreeMap<String, BTreeSet<usize>>,
    ) -> Self {
        let clusters = &plan.terms.clusters;
        let of = |entity: usize| without_holder.get(&group.entities[entity].name).cloned().unwrap_or_default();
        let mut account = Self {
            without_holder: (0..group.entities.len()).map(of).collect(),
            group: group.clone(),
            controlled: BTreeMap::new(),
            internal: BTreeMap::new(),
            of_runs: Vec::new(),
            used_rules: BTreeSet::new(),
        };
        for (cluster, (of_cluster, lines)) in inventory.clusters.iter().zip(lines).enumerate() {
            for (key, line) in lines {
                account.add(clusters, cluster, key, &of_cluster.workloads.get(key).copied().unwrap_or_default(), line);
            }
        }
        account.of_runs = plan
            .runs
            .iter()
            .map(|run| {
                let provider = controller(group, clusters, run.cluster, run.run.site.unwrap_or(0));
                account.customer(provider, &clusters[run.cluster].name, &run.run.job.namespace).map_or(provider, |(_, customer)| customer)
            })
            .collect();
        account
    }

    fn add(&mut self, clusters: &[ClusterTerms], cluster: usize, key: &WorkloadKey, sums: &Sums, line: &Line) {
        let (site, namespace, _) = key;
        let place = (cluster, *site, namespace.clone());
        let provider = controller(&self.group, clusters, cluster, *site);
        self.controlled.entry((provider, place.clone())).or_default().add(sums, line);
        if let Some((rule, customer)) = self.customer(provider, &clusters[cluster].name, namespace) {
            self.used_rules.insert(rule);
            self.internal.entry((provider, customer, place)).or_default().add(sums, line);
        }
    }

    /// The rule and the entity that buys a namespace of a cluster of its controller. Nobody buys of himself.
    fn customer(&self, provider: usize, cluster: &str, namespace: &str) -> Option<(usize, usize)> {
        if is_nobodys(namespace) {
            return None;
        }
        let rule = self.group.internal_cloud(cluster, namespace)?;
        let customer = self.group.index(&self.group.internal_cloud[rule].customer)?;
        (customer != provider).then_some((rule, customer))
    }

    pub fn findings(&self, plan: &Plan<'_>) -> Vec<Finding> {
        let mut findings = Vec::new();
        let rules = &self.group.internal_cloud;
        for (index, rule) in rules.iter().enumerate().filter(|(index, _)| !self.used_rules.contains(index)) {
            let message = format!(
                "[[internal_cloud]] {}: in {} no namespace of {} that another entity than {} controls matches {} and no rule before it, so {} bought nothing by it. \
                 If its work ran there, mend the patterns: its own statement lacks what it bought.",
                index + 1,
                plan.terms.period,
                rule.clusters.join(", "),
                rule.customer,
                rule.namespaces.join(", "),
                rule.customer
            );
            findings.push(Finding::new("INTERNAL_CLOUD", Severity::Disclosed, message).examined(rules.len()).failing(1));
        }
        findings.extend(market_findings(&self.group, &self.without_holder));
        findings
    }

    /// Entities whose runs cost money that nobody can state in their currency.
    pub fn rate_findings(&self, plan: &Plan<'_>, effects: &Effects) -> Option<Finding> {
        let period = RatePeriod { year: plan.terms.period.year(), month: plan.terms.period.month() };
        let priced = self.of_runs.iter().zip(&effects.runs).filter(|(_, run)| run.cost.is_some()).map(|(entity, _)| *entity);
        let mut wanted: BTreeSet<&str> = priced.map(|entity| self.group.entities[entity].currency.as_str()).collect();
        if !wanted.is_empty() {
            wanted.insert(&self.group.currency);
        }
        rate_finding(
            wanted.len(),
            wanted.into_iter().filter(|to| self.group.rate("EUR", to, period).is_none()).map(|to| ("EUR", to)).collect(),
            period,
        )
    }
}

/// Entities whose market-based figure nobody can state, because nobody said who holds the instruments. Also where a year settles them.
pub fn market_findings(group: &Group, without_holder: &[BTreeSet<usize>]) -> Option<Finding> {
    let names: Vec<&str> =
        group.entities.iter().zip(without_holder).filter(|(_, found)| !found.is_empty()).map(|(entity, _)| entity.name.as_str()).collect();
    let numbers: BTreeSet<usize> = without_holder.iter().flatten().map(|index| index + 1).collect();
    let numbers: Vec<String> = numbers.iter().map(usize::to_string).collect();
    let message = format!(
        "The market-based figure of {} is not stated: [[instrument]] {} covers electricity of several entities and is held for none of them by name. The group's figure is \
         not touched. Name the holder: `entity` of the instrument.",
        names.join(", "),
        numbers.join(", ")
    );
    let finding = || Finding::new("ENTITY_MARKET", Severity::Disclosed, message).examined(group.entities.len()).failing(names.len());
    (!names.is_empty()).then(finding)
}

/// Pairs of currencies without a rate in a period.
pub fn rate_finding(examined: usize, missing: Vec<(&str, &str)>, period: RatePeriod) -> Option<Finding> {
    let pairs: BTreeSet<String> = missing.iter().map(|(from, to)| format!("{from} to {to}")).collect();
    let of_period = period.month.map_or(format!("{:04}", period.year), |month| format!("{:04}-{month:02}", period.year));
    let message = format!(
        "There is no exchange rate of {} in {of_period}, so what needs it is left out; it is never taken for one. Add an [[exchange_rate]] of the month or its year with its source.",
        pairs.iter().cloned().collect::<Vec<_>>().join(", ")
    );
    (!pairs.is_empty()).then(|| Finding::new("EXCHANGE_RATE", Severity::Disclosed, message).examined(examined).failing(pairs.len()))
}

/// Net revenue of the year that cannot be stated in the organisation's currency.
pub fn revenue_finding(group: &Group, year: i32) -> Option<Finding> {
    let period = RatePeriod { year, month: None };
    let stated: Vec<&str> =
        group.entities.iter().filter(|entity| entity.net_revenue.contains_key(&year)).map(|entity| entity.currency.as_str()).collect();
    let missing = stated.iter().filter(|from| group.rate(from, &group.currency, period).is_none());
    rate_finding(stated.len(), missing.map(|from| (*from, group.currency.as_str())).collect(), period)
}

#[cfg(test)]
mod tests;
