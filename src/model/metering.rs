//! How a cluster's nodes are to be metered: what the configuration declares and the metering of a day depends on.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::RenamedLabels;

/// A family of energy meters, by what its exporter is called in the configuration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Exporter {
    /// Whatever a node has, by node and time.
    #[default]
    Auto,
    /// Kepler 0.10 and newer.
    Kepler,
    /// Kepler up to 0.9.
    KeplerLegacy,
    Scaphandre,
    /// node_exporter's RAPL counters; pods share by CPU time.
    NodeRapl,
    /// No energy meter: modelled from CPU time and hardware class.
    Cadvisor,
}

/// What a machine of a class draws at rest and at full load, and who says so.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PowerRange {
    pub name: String,
    pub idle_watts: f64,
    pub max_watts: f64,
    pub source: String,
}

/// What holds for a set of nodes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NodeTerms {
    pub exporter: Exporter,
    pub hardware: Option<PowerRange>,
}

/// Nodes by their labels, with what holds for them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PoolTerms {
    pub selector: BTreeMap<String, String>,
    pub terms: NodeTerms,
}

/// All that a day's metering depends on besides its samples. Kept in the day's manifest, so that a stranger derives the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MeteringTerms {
    pub step_seconds: i64,
    /// What holds for nodes that no pool takes.
    #[serde(default)]
    pub cluster: NodeTerms,
    /// The first whose selector matches a node's labels wins.
    #[serde(default)]
    pub pools: Vec<PoolTerms>,
    /// Node by scrape address of the exporter that reads its management controller.
    #[serde(default)]
    pub bmc: BTreeMap<String, String>,
}

impl MeteringTerms {
    /// Nothing declared but the step: every node is metered by whatever it has.
    pub fn of_step(step_seconds: i64) -> Self {
        Self { step_seconds, cluster: NodeTerms::default(), pools: Vec::new(), bmc: BTreeMap::new() }
    }

    /// The terms of a node by its labels.
    pub fn of_node(&self, labels: &RenamedLabels) -> &NodeTerms {
        self.pools.iter().find(|pool| labels.satisfy(&pool.selector)).map_or(&self.cluster, |pool| &pool.terms)
    }
}
