//! Which nodes get another label.
//!
//! In: the nodes, the grid zone of each, the intensity of each zone. Out: a [`Plan`]: what is to be written, and nothing where a node is labelled as it should be.
//! Rule: one level a zone, so that nodes of one grid agree; the level that held before is the one that was worked out last, and after a start the one that most of the
//! zone's nodes have. Does not: ask or write anything.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::config::{Cluster, LevelPolicy};
use crate::outlook::{Level, Outlook, Unknown};
use crate::sources::kubernetes::LabelledNode;
use crate::units::GramsCo2ePerKilowattHour;

/// The label; its admission policy allows no other.
pub const LABEL: &str = "carbon-zone";

/// What a zone's nodes are to be labelled with, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct ZoneLevel {
    pub level: Level,
    pub intensity: Result<GramsCo2ePerKilowattHour, Unknown>,
}

impl ZoneLevel {
    /// The intensity, or why it is not known.
    pub fn why(&self) -> String {
        match &self.intensity {
            Ok(intensity) => format!("{:.1} g/kWh", intensity.get()),
            Err(unknown) => unknown.to_string(),
        }
    }
}

/// A label to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    pub node: String,
    pub zone: String,
    pub before: Option<String>,
    pub level: Level,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// By zone in which there are nodes.
    pub zones: BTreeMap<String, ZoneLevel>,
    pub writes: Vec<Write>,
    pub nodes: usize,
}

/// The levels that held, by zone.
pub type Held = BTreeMap<String, Level>;

pub fn plan(cluster: &Cluster, nodes: &[LabelledNode], outlook: &Outlook, held: &Held, policy: &LevelPolicy, now: DateTime<Utc>) -> Plan {
    let mut by_zone: BTreeMap<&str, Vec<&LabelledNode>> = BTreeMap::new();
    for node in nodes {
        by_zone.entry(&cluster.site_for(&node.labels).grid_zone).or_default().push(node);
    }
    let mut plan = Plan { nodes: nodes.len(), ..Plan::default() };
    for (zone, nodes) in by_zone {
        let intensity = outlook.zone(zone).and_then(|zone| zone.current(now)).map(|reading| reading.intensity);
        let before = held.get(zone).copied().or_else(|| most_common(&nodes));
        let level = Level::of(intensity.as_ref().ok().copied(), before, policy);
        for node in nodes {
            let labelled = node.labels.get(LABEL);
            if labelled.map(String::as_str) != Some(level.word()) {
                plan.writes.push(Write { node: node.name.clone(), zone: zone.to_owned(), before: labelled.cloned(), level });
            }
        }
        plan.zones.insert(zone.to_owned(), ZoneLevel { level, intensity });
    }
    plan.writes.sort_by(|a, b| a.node.cmp(&b.node));
    plan
}

/// What most nodes are labelled with, of those that are labelled with a level that says something; of as many the worse one.
fn most_common(nodes: &[&LabelledNode]) -> Option<Level> {
    let mut counts: BTreeMap<Level, usize> = BTreeMap::new();
    let levels = nodes.iter().filter_map(|node| Level::parse(node.labels.get(LABEL)?)).filter(|level| *level != Level::Unknown);
    levels.for_each(|level| *counts.entry(level).or_default() += 1);
    counts.into_iter().max_by_key(|(level, count)| (*count, *level)).map(|(level, _)| level)
}
