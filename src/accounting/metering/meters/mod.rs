//! The families of energy meters: each a small typed reader from its exporter's series to [`Readings`].
//!
//! In: all samples of a day. Out: by family, the energy of nodes and of what ran on them as cumulative joules, whatever the exporter's unit and
//! whether it counts energy or states power. Rule: a reader says what a series is the energy of; nothing is differenced or chosen here.
//! Adding a family is one file here with its test, its queries, and a line in [`read_all`].

mod bmc;
#[cfg(test)]
mod bmc_test;
mod dcgm;
#[cfg(test)]
mod dcgm_test;
mod gauge;
mod kepler;
mod kepler_legacy;
#[cfg(test)]
mod kepler_legacy_test;
mod node_rapl;
#[cfg(test)]
mod node_rapl_test;
mod scaphandre;
#[cfg(test)]
mod scaphandre_test;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

pub use self::dcgm::{DeviceShare, Devices, devices};
use super::counters::{Samples, Window};
use super::state::ClusterState;
use super::targets::{Scrapes, Target};
use super::zones::PowerZone;
use crate::model::{Exporter, MeteringTerms, SampleTable, Series};

/// Cumulative joules over time, sorted by time.
#[derive(Clone, Debug)]
pub struct Curve<'a> {
    ts_ms: Cow<'a, [i64]>,
    joules: Cow<'a, [f64]>,
}

impl<'a> Curve<'a> {
    /// A counter in joules, as it stands.
    pub fn counter(ts_ms: &'a [i64], joules: &'a [f64]) -> Self {
        Self { ts_ms: ts_ms.into(), joules: joules.into() }
    }

    /// A counter in another unit of energy.
    pub fn scaled(ts_ms: &'a [i64], value: &[f64], joules_per_unit: f64) -> Self {
        Self { ts_ms: ts_ms.into(), joules: value.iter().map(|value| value * joules_per_unit).collect::<Vec<_>>().into() }
    }

    pub fn owned(ts_ms: Vec<i64>, joules: Vec<f64>) -> Self {
        Self { ts_ms: ts_ms.into(), joules: joules.into() }
    }

    pub fn samples(&self) -> Samples<'_> {
        Samples { ts_ms: &self.ts_ms, value: &self.joules }
    }

    pub fn span(&self) -> Option<(i64, i64)> {
        self.samples().span()
    }
}

/// Which part of a node's energy a counter holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Total,
    Active,
    Idle,
}

/// One counter of a node.
pub struct NodeSeries<'a> {
    pub node: &'a str,
    pub zone: PowerZone,
    /// Tells apart what adds up within a zone: sockets, devices.
    pub path: Cow<'a, str>,
    pub part: Part,
    pub target: Target<'a>,
    /// What it was read from.
    pub series: &'a Series,
    pub curve: Curve<'a>,
}

/// One counter of something that ran in a pod.
pub struct PodSeries<'a> {
    pub node: &'a str,
    pub namespace: &'a str,
    pub pod: &'a str,
    /// Empty where the exporter does not tell it and it could not be found.
    pub uid: &'a str,
    pub zone: PowerZone,
    /// Tells apart what adds up within a pod: containers, processes, devices.
    pub path: Cow<'a, str>,
    pub target: Target<'a>,
    /// What it was read from.
    pub series: &'a Series,
    pub curve: Curve<'a>,
}

/// What one family says of a day.
pub struct Readings<'a> {
    pub exporter: Exporter,
    /// The family's name, for people.
    pub name: &'static str,
    pub nodes: Vec<NodeSeries<'a>>,
    pub pods: Vec<PodSeries<'a>>,
    pub scrapes: Scrapes<'a>,
    /// What a restart of the exporter does to the node's counters.
    pub restart: RestartRule,
    /// Energy was stated as power and integrated here: nothing is known across a hole, and nothing counts from zero.
    pub is_gauge: bool,
    /// Nodes whose energy the exporter itself estimates.
    pub estimated: BTreeSet<&'a str>,
    /// Zone labels of unknown meaning, with their nodes.
    pub unknown_zones: BTreeSet<String>,
}

/// What a restart of the exporter does to a node's counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestartRule {
    /// The value is the hardware's; only `idle` and `active` start again, at a value that is not energy (Kepler 0.10 and newer).
    HardwareTotal,
    /// The exporter's own counters, from zero.
    FromZero,
}

impl<'a> Readings<'a> {
    fn new(exporter: Exporter, name: &'static str) -> Self {
        Self {
            exporter,
            name,
            nodes: Vec::new(),
            pods: Vec::new(),
            scrapes: Scrapes::default(),
            restart: RestartRule::HardwareTotal,
            is_gauge: false,
            estimated: BTreeSet::new(),
            unknown_zones: BTreeSet::new(),
        }
    }

    fn is_empty(&self) -> bool {
        self.nodes.is_empty() && self.pods.is_empty()
    }
}

/// What the readers look at.
pub struct Context<'a, 's> {
    pub table: &'a SampleTable,
    pub state: &'s ClusterState<'a>,
    pub terms: &'a MeteringTerms,
    pub window: Window,
}

/// Every family that said something of the day, the more detailed ones first.
pub fn read_all<'a>(context: &Context<'a, '_>, unmapped: &mut BTreeMap<String, usize>) -> Vec<Readings<'a>> {
    let all = [
        kepler::read(context),
        kepler_legacy::read(context, unmapped),
        scaphandre::read(context, unmapped),
        node_rapl::read(context, unmapped),
        bmc::read(context, unmapped),
    ];
    all.into_iter().filter(|readings| !readings.is_empty()).collect()
}
