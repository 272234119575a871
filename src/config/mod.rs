//! The configuration as meant: every default filled in, every reference resolved.
//!
//! In: `wattledger.toml` as written (`raw`). Out: [`Config`]. Rule: unknown keys are errors that name the key and the nearest known one;
//! nothing deep in the program asks "was this set?". Assumes: secrets are in files or environment variables, never here.
//! Does not: open a connection.

mod baseline;
mod check;
mod engine;
mod evidence;
mod feeds;
mod group;
#[cfg(test)]
mod group_test;
mod inventory;
#[cfg(test)]
mod inventory_test;
mod label;
mod misread;
mod operator;
mod outlook;
mod raw;
mod resolve;
mod sealing;
mod secrets;
mod serve;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use chrono_tz::Tz;
use serde::Serialize;

use crate::model::policy::{FactorKind, IdlePolicy, LocationBased, Pull, Tails};
use crate::model::{
    Boundary, DeferrableRule, EmbodiedTerms, EvidencePlace, FunctionalUnit, Group, Hint, HoldOutPolicy, Instrument, NodeTerms, Placement,
    PublishedYear, RenamedLabels, Signal, sha256,
};
use crate::units::{IntensityUnit, PriceUnit, Pue, Share};

pub use self::check::grid_zone as check_grid_zone;
pub use self::engine::EnginePolicy;
pub use self::feeds::{intensity_unit, price_unit};
pub use self::label::{LabelPolicy, LevelPolicy};
pub use self::operator::OperatorMap;
pub use self::outlook::OutlookPolicy;
pub use self::sealing::Sealing;
pub use self::serve::{Proxy, Serve, listen_address};

#[derive(Clone, Debug)]
pub struct Config {
    /// The file it was read from; relative paths in it are relative to its folder and resolved here.
    pub path: PathBuf,
    /// SHA-256 of the file's bytes, in hex.
    pub sha256: String,
    /// The file's bytes, as they were read: what a closed month keeps.
    pub bytes: Vec<u8>,
    pub organisation: String,
    pub time_zone: Tz,
    pub report: ReportPolicy,
    pub evidence: EvidencePlace,
    /// Sorted by name.
    pub clusters: Vec<Cluster>,
    pub intensity: Vec<IntensityFeed>,
    pub prices: Vec<PriceFeed>,
    pub baseline: BaselinePolicy,
    pub decision_logs: Vec<DecisionLog>,
    /// Legal entity identifier (ISO 17442).
    pub lei: Option<String>,
    pub revenue: Revenue,
    /// Legal entities, where any is configured; then every site has one.
    pub group: Option<Group>,
    pub instruments: Vec<InstrumentTable>,
    pub losses: Vec<ZoneLosses>,
    /// The organisation's own factor tables: resolved globs, sorted.
    pub factor_files: Vec<PathBuf>,
    /// Relative standard uncertainties of inputs that the organisation states itself, by the input's name.
    pub uncertainty: BTreeMap<String, f64>,
    pub functional_units: Vec<FunctionalUnit>,
    /// Sorted by year.
    pub published_years: Vec<PublishedYear>,
    pub sealing: Sealing,
    pub engine: EnginePolicy,
    pub outlook: OutlookPolicy,
    pub label: LabelPolicy,
    pub serve: Serve,
    pub operator_maps: Vec<OperatorMap>,
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
    /// The label of a namespace that names its cost centre.
    pub cost_centre_label: String,
    /// Whether the configuration names it: then namespaces without it are found, also where nobody has it.
    pub is_cost_centre_asked_for: bool,
}

#[derive(Clone, Debug)]
pub struct Cluster {
    pub name: String,
    pub prometheus: Option<Prometheus>,
    /// The API server beside it; none where kube-state-metrics alone tells of objects.
    pub kubernetes: Option<Kubernetes>,
    /// How nodes that no pool takes are metered.
    pub metering: NodeTerms,
    /// Node by scrape address of the exporter that reads its management controller.
    pub bmc: BTreeMap<String, String>,
    /// What holds for nodes that no pool takes.
    pub site: Site,
    /// The first whose selector matches a node's labels wins.
    pub pools: Vec<Pool>,
}

#[derive(Clone, Debug)]
pub struct Prometheus {
    pub url: String,
    pub token_file: Option<PathBuf>,
    pub username: Option<String>,
    pub password_file: Option<PathBuf>,
    pub cert_file: Option<PathBuf>,
    pub key_file: Option<PathBuf>,
    pub ca_file: Option<PathBuf>,
    pub tenant: Option<String>,
    pub pull: Pull,
    /// Label matchers added to every query, as in `{cluster="prod-nl"}`.
    pub selector: BTreeMap<String, String>,
}

/// How an API server is reached. Without a file: in a cluster as the pod's service account, elsewhere as kubectl would.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kubernetes {
    pub kubeconfig: Option<PathBuf>,
    pub context: Option<String>,
}

/// What is true of a set of nodes: whose electricity, which grid, which building.
#[derive(Clone, Debug, PartialEq)]
pub struct Site {
    /// The legal entity that controls them; none where none is configured.
    pub entity: Option<String>,
    pub boundary: Boundary,
    pub placement: Placement,
    pub grid_zone: String,
    pub home_zone: Option<String>,
    pub pue: Pue,
    /// The cloud's region that the PUE is of, where no other was given: an own factor table may say another of it.
    pub pue_region: Option<String>,
    /// What making the machines emitted, where their hardware class says so.
    pub embodied: Option<EmbodiedTerms>,
}

/// Net revenue by year.
#[derive(Clone, Debug, Default)]
pub struct Revenue {
    /// ISO 4217.
    pub currency: String,
    pub by_year: BTreeMap<i32, f64>,
}

/// An instrument as configured.
#[derive(Clone, Debug)]
pub struct InstrumentTable {
    /// Its generation is still empty: the file says it.
    pub instrument: Instrument,
    pub generation_file: Option<PathBuf>,
}

/// Transmission and distribution losses of a grid zone, as a share of what is fed in.
#[derive(Clone, Debug)]
pub struct ZoneLosses {
    pub zone: String,
    pub share: Share,
    pub source: String,
}

#[derive(Clone, Debug)]
pub struct Pool {
    pub selector: BTreeMap<String, String>,
    pub site: Site,
    pub metering: NodeTerms,
}

#[derive(Clone, Debug)]
pub struct IntensityFeed {
    pub zones: Vec<String>,
    pub provider: String,
    /// How to ask the provider itself, where the table says so.
    pub api: Option<IntensityApi>,
    /// Resolved globs, sorted, each file once.
    pub files: Vec<PathBuf>,
    /// Globs, as resolved, that no file matched when the configuration was read. No error yet: only `collect` needs the files.
    pub unmatched_globs: Vec<String>,
    /// Of times in files without an offset.
    pub time_zone: Option<Tz>,
    /// Of values in files whose header does not name one.
    pub unit: Option<IntensityUnit>,
    pub factor: FactorKind,
    /// Annual direct factor by zone, where one is configured.
    pub annual_direct_gco2e_per_kwh: BTreeMap<String, f64>,
    /// Medians within are taken for g/kWh.
    pub plausible_gco2e_per_kwh: (f64, f64),
}

/// How a provider is asked.
#[derive(Clone, Debug)]
pub enum IntensityApi {
    ElectricityMaps {
        url: String,
        token_file: PathBuf,
        /// Else only the last 24 hours.
        has_past_range: bool,
    },
    WattTime {
        url: String,
        username: String,
        password_file: PathBuf,
        signal: Signal,
        /// The provider's region by zone, where it is not called as the zone is.
        regions: BTreeMap<String, String>,
    },
    Neso {
        url: String,
    },
}

/// Files of electricity prices.
#[derive(Clone, Debug)]
pub struct PriceFeed {
    pub zones: Vec<String>,
    /// Resolved globs, sorted, each file once.
    pub files: Vec<PathBuf>,
    /// As those of [`IntensityFeed`].
    pub unmatched_globs: Vec<String>,
    /// Of times without an offset.
    pub time_zone: Option<Tz>,
    /// Of files whose header does not name one.
    pub unit: Option<PriceUnit>,
}

/// Files in which a scheduler writes down its decisions, one a line.
#[derive(Clone, Debug)]
pub struct DecisionLog {
    /// Resolved globs, sorted, each file once.
    pub files: Vec<PathBuf>,
    /// As those of [`IntensityFeed`].
    pub unmatched_globs: Vec<String>,
}

/// What the comparison with a run that nobody shifted depends on.
#[derive(Clone, Debug, Serialize)]
pub struct BaselinePolicy {
    /// Which work may wait or move; the first rule that matches a run holds.
    pub deferrable: Vec<DeferrableRule>,
    pub hold_out: Option<HoldOutPolicy>,
    /// The window with which work that nobody classified is looked at.
    pub suggested_max_delay_seconds: i64,
    /// Home zone by cluster and pool, where one is set: `prod-nl`, `prod-nl/2`.
    pub home_zones: BTreeMap<String, String>,
}

impl BaselinePolicy {
    /// SHA-256 of the policy with the software's own rules for it, as canonical JSON, in hex: the same until what it says changes.
    pub fn sha256(&self) -> String {
        let json = serde_json::to_vec(&(BASELINE_RULES, self)).expect("plain values are written as JSON");
        sha256(json)
    }
}

/// The rules that no key changes, as far as another version of this software could have others (method, section 7).
const BASELINE_RULES: &str =
    "annotation, decision, schedule, creation where held back for more than 60 s, own start; home zone, home cluster, where it ran";

/// Where what a configuration names is looked for.
enum Place {
    /// Beside the configuration file.
    Folder(PathBuf),
    /// In a closed month: nothing is looked for.
    Sealed { factor_files: Vec<PathBuf> },
}

impl Place {
    /// Where relative paths start.
    fn folder(&self) -> &Path {
        match self {
            Self::Folder(folder) => folder,
            Self::Sealed { .. } => Path::new(""),
        }
    }
}

impl Config {
    /// Reads and resolves a configuration file. Says in one sentence what is wrong with it, and what to do, where something is.
    pub fn load(path: &Path) -> Result<Self> {
        let shown = path.display();
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => bail!(Hint::new(
                format!("there is no configuration file {shown}"),
                "name one with `--config FILE`; `--config sample-data/wattledger.toml` shows how one looks and works as it stands",
            )),
            Err(error) => return Err(error).with_context(|| format!("read configuration {shown}")),
        };
        Self::from_bytes(&bytes, path).with_context(|| format!("read configuration {shown}"))
    }

    /// As [`Config::load`], from bytes that were read already; `path` is where relative paths start and what is printed.
    pub fn from_bytes(bytes: &[u8], path: &Path) -> Result<Self> {
        Self::in_place(bytes, path, &Place::Folder(path.parent().unwrap_or(Path::new("")).to_owned()))
    }

    /// As it was when a month was closed: globs match nothing on this machine, and `factor_files` are the copies that were sealed, in their order then.
    /// Paths stay relative; whoever opens one of the organisation's own files knows where its copy is.
    pub fn from_sealed(bytes: &[u8], path: &Path, factor_files: Vec<PathBuf>) -> Result<Self> {
        Self::in_place(bytes, path, &Place::Sealed { factor_files })
    }

    fn in_place(bytes: &[u8], path: &Path, place: &Place) -> Result<Self> {
        let text = std::str::from_utf8(bytes).context("the file is not UTF-8 text")?;
        let deserializer = toml::Deserializer::parse(text).map_err(|error| misread::not_toml(text, &error))?;
        let raw: raw::Raw = serde_path_to_error::deserialize(deserializer).map_err(|error| misread::explain(text, error))?;
        resolve::resolve(raw, path, place, bytes)
    }

    /// Every grid zone that is named: of feeds, prices, clusters, homes, and where work may run. Sorted.
    pub fn grid_zones(&self) -> BTreeSet<String> {
        let mut zones = BTreeSet::new();
        zones.extend(self.intensity.iter().flat_map(|feed| feed.zones.clone()));
        zones.extend(self.prices.iter().flat_map(|feed| feed.zones.clone()));
        zones.extend(self.baseline.deferrable.iter().flat_map(|rule| rule.zones.clone()));
        for cluster in &self.clusters {
            for site in cluster.sites() {
                zones.insert(site.grid_zone.clone());
                zones.extend(site.home_zone.clone());
            }
        }
        zones
    }

    /// The cluster of this name, or an error that names those there are.
    pub fn cluster(&self, name: &str) -> Result<&Cluster> {
        if let Some(cluster) = self.clusters.iter().find(|cluster| cluster.name == name) {
            return Ok(cluster);
        }
        let known: Vec<&str> = self.clusters.iter().map(|cluster| cluster.name.as_str()).collect();
        bail!("no cluster `{name}` in {}; there is {}", self.path.display(), known.join(", "));
    }

    /// The table that a zone's average intensity comes from.
    pub fn average_feed(&self, zone: &str) -> Option<&IntensityFeed> {
        self.intensity.iter().find(|feed| feed.signal() == Signal::Average && feed.zones.iter().any(|known| known == zone))
    }
}

impl Cluster {
    /// Its own, then those of its pools, in their order.
    pub fn sites(&self) -> impl Iterator<Item = &Site> {
        std::iter::once(&self.site).chain(self.pools.iter().map(|pool| &pool.site))
    }

    /// What holds for a node with these labels: the first pool whose selector they satisfy, else the cluster's own keys.
    ///
    /// Assumes: labels as Kubernetes writes them or as kube-state-metrics renames them, with or without its prefix `label_`;
    /// both sides are compared as renamed, because the original name cannot be recovered.
    pub fn site_for(&self, node_labels: &BTreeMap<String, String>) -> &Site {
        self.pool_for(node_labels).map_or(&self.site, |pool| &self.pools[pool].site)
    }

    /// The first pool whose selector matches a node's labels, compared as in [`Cluster::site_for`].
    pub fn pool_for(&self, node_labels: &BTreeMap<String, String>) -> Option<usize> {
        let labels = RenamedLabels::of(node_labels.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        self.pools.iter().position(|pool| labels.satisfy(&pool.selector))
    }
}

impl IntensityFeed {
    pub fn signal(&self) -> Signal {
        match &self.api {
            Some(IntensityApi::WattTime { signal, .. }) => *signal,
            _ => Signal::Average,
        }
    }

    /// The files to take in, or an error that names what was looked for: a feed without files would leave its zones without intensity.
    pub fn files_to_collect(&self) -> Result<&[PathBuf]> {
        all_matched("intensity", &self.unmatched_globs, &self.zones)?;
        Ok(&self.files)
    }
}

impl DecisionLog {
    /// The files to take in, or an error that names what was looked for.
    pub fn files_to_collect(&self) -> Result<&[PathBuf]> {
        let Some(glob) = self.unmatched_globs.first() else { return Ok(&self.files) };
        bail!(Hint::new(
            format!("no file matches {glob}"),
            "put the scheduler's log there, or mend `files` in [[decision_log]]; paths are relative to the configuration file",
        ))
    }
}

impl PriceFeed {
    /// The files to take in, or an error that names what was looked for.
    pub fn files_to_collect(&self) -> Result<&[PathBuf]> {
        all_matched("price", &self.unmatched_globs, &self.zones)?;
        Ok(&self.files)
    }
}

fn all_matched(table: &str, unmatched_globs: &[String], zones: &[String]) -> Result<()> {
    let Some(glob) = unmatched_globs.first() else { return Ok(()) };
    bail!(Hint::new(
        format!("no {table} file matches {glob} (zones {})", zones.join(", ")),
        format!("put the files there, or mend `files` in [[{table}]]; paths are relative to the configuration file"),
    ))
}
