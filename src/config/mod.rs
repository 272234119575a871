//! The configuration as meant: every default filled in, every reference resolved.
//!
//! In: `wattledger.toml` as written (`raw`). Out: [`Config`]. Rule: unknown keys are errors that name the key and the nearest known one;
//! nothing deep in the program asks "was this set?". Assumes: secrets are in files or environment variables, never here.
//! Does not: open a connection.

use std::collections::BTreeMap;
use std::path::PathBuf;

use chrono_tz::Tz;

use crate::model::policy::{FactorKind, IdlePolicy, LocationBased, Tails};
use crate::model::{Boundary, Placement};
use crate::units::Pue;

#[derive(Clone, Debug)]
pub struct Config {
    /// The file it was read from; relative paths in it are relative to its folder and resolved here.
    pub path: PathBuf,
    /// SHA-256 of the file's bytes, in hex.
    pub sha256: String,
    pub organisation: String,
    pub time_zone: Tz,
    pub report: ReportPolicy,
    pub evidence_dir: PathBuf,
    /// Sorted by name.
    pub clusters: Vec<Cluster>,
    pub intensity: Vec<IntensityFeed>,
    pub deferrable: Vec<DeferrableRule>,
}

#[derive(Clone, Debug)]
pub struct ReportPolicy {
    pub disclosure: String,
    pub location_based: LocationBased,
    pub idle: IdlePolicy,
    pub step_seconds: i64,
    pub tails: Tails,
    /// Of node-hours; above it a report is refused.
    pub max_gap_share: f64,
}

#[derive(Clone, Debug)]
pub struct Cluster {
    pub name: String,
    pub prometheus: Option<Prometheus>,
    /// `auto` or `kepler` for now.
    pub exporter: String,
    /// What holds for nodes that no pool takes.
    pub site: Site,
    /// The first whose selector matches a node's labels wins.
    pub pools: Vec<Pool>,
}

#[derive(Clone, Debug)]
pub struct Prometheus {
    pub url: String,
    pub token_file: Option<PathBuf>,
    pub ca_file: Option<PathBuf>,
    pub tenant: Option<String>,
    /// Label matchers added to every query, as in `{cluster="prod-nl"}`.
    pub selector: BTreeMap<String, String>,
}

/// What is true of a set of nodes: whose electricity, which grid, which building.
#[derive(Clone, Debug, PartialEq)]
pub struct Site {
    pub boundary: Boundary,
    pub placement: Placement,
    pub grid_zone: String,
    pub home_zone: Option<String>,
    pub pue: Pue,
}

#[derive(Clone, Debug)]
pub struct Pool {
    pub selector: BTreeMap<String, String>,
    pub site: Site,
}

#[derive(Clone, Debug)]
pub struct IntensityFeed {
    pub zones: Vec<String>,
    pub provider: String,
    /// Resolved globs.
    pub files: Vec<PathBuf>,
    pub factor: FactorKind,
    /// Annual direct factor by zone, where one is configured.
    pub annual_direct_gco2e_per_kwh: BTreeMap<String, f64>,
}

/// Which work may wait or move.
#[derive(Clone, Debug)]
pub struct DeferrableRule {
    pub namespaces: Vec<String>,
    pub kinds: Vec<String>,
    pub max_delay_seconds: Option<i64>,
    pub zones: Vec<String>,
}
