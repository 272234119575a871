//! `wattledger.toml` as written: its tables and keys, nothing filled in but what serde needs, nothing resolved.
//!
//! In: TOML. Out: [`Raw`]. Rule: every table refuses keys it does not know, so that a misspelt one is never ignored.
//! Assumes: nothing. Does not: check one table against another; that is `resolve`.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::{Deserialize, Deserializer, de};

use crate::model::policy::{FactorKind, IdlePolicy, LocationBased, ReadWay, Tails};
use crate::model::{AccessScope, Boundary, ColocatedAs, Consolidation, CriterionAnswer, EnergySource, Exporter, InstrumentKind, Matching};
use crate::units::{Pue, Share};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    pub organisation: Organisation,
    #[serde(default)]
    pub report: Report,
    #[serde(default)]
    pub evidence: Evidence,
    #[serde(default)]
    pub cluster: Vec<Cluster>,
    #[serde(default)]
    pub entity: Vec<Entity>,
    #[serde(default)]
    pub internal_cloud: Vec<InternalCloud>,
    #[serde(default)]
    pub exchange_rate: Vec<ExchangeRate>,
    #[serde(default)]
    pub hardware: Vec<Hardware>,
    #[serde(default)]
    pub intensity: Vec<Intensity>,
    #[serde(default)]
    pub price: Vec<Price>,
    #[serde(default)]
    pub instrument: Vec<Instrument>,
    #[serde(default)]
    pub deferrable: Vec<Deferrable>,
    #[serde(default)]
    pub counterfactual: Counterfactual,
    #[serde(default)]
    pub decision_log: Vec<DecisionLog>,
    #[serde(default)]
    pub losses: Vec<Losses>,
    #[serde(default)]
    pub factors: Factors,
    #[serde(default)]
    pub uncertainty: BTreeMap<String, f64>,
    #[serde(default)]
    pub functional_unit: Vec<FunctionalUnit>,
    #[serde(default)]
    pub published_year: Vec<PublishedYear>,
    #[serde(default)]
    pub seal: Seal,
    #[serde(default)]
    pub engine: Engine,
    #[serde(default)]
    pub outlook: Outlook,
    #[serde(default)]
    pub label: Label,
    #[serde(default)]
    pub serve: Serve,
    #[serde(default)]
    pub carbon_aware_keda_operator: Vec<OperatorMap>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Organisation {
    pub name: String,
    pub time_zone: String,
    /// Legal entity identifier (ISO 17442).
    pub lei: Option<String>,
    /// ISO 4217.
    pub currency: Option<String>,
    /// Net revenue by year, in that currency.
    #[serde(default)]
    pub net_revenue: BTreeMap<String, f64>,
    /// How the boundary of a group is drawn; goes with `[[entity]]`.
    pub consolidation: Option<Consolidation>,
}

/// A legal entity of the group.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entity {
    pub name: String,
    pub lei: Option<String>,
    /// That of the organisation, unless it says another.
    pub currency: Option<String>,
    #[serde(default)]
    pub net_revenue: BTreeMap<String, f64>,
}

/// Namespaces that are another entity's work than the machines' owner's.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct InternalCloud {
    pub clusters: Vec<String>,
    pub namespaces: Vec<String>,
    pub customer: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExchangeRate {
    pub from: String,
    pub to: String,
    /// A month or a year.
    pub period: String,
    pub rate: f64,
    pub source: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Report {
    pub disclosure: Disclosure,
    pub location_based: LocationBased,
    pub idle: IdlePolicy,
    pub step: Option<String>,
    pub tails: Tails,
    pub max_gap_share: Option<Share>,
    pub cost_centre_label: Option<String>,
}

/// The disclosure standard by its edition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Disclosure {
    #[default]
    EsrsSet1,
    EsrsRevisedDraft,
    Vsme,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Evidence {
    pub dir: Option<String>,
    /// Of a bucket that is not in the cloud's own place.
    pub endpoint: Option<String>,
    pub region: Option<String>,
    pub allow_http: Option<bool>,
    /// Where a recorder's journal waits for its way to a bucket.
    pub spool: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Cluster {
    pub name: String,
    /// The legal entity that controls it.
    pub entity: Option<String>,
    pub prometheus: Option<Prometheus>,
    pub kubernetes: Option<Kubernetes>,
    pub exporter: Option<Exporter>,
    pub boundary: Option<Boundary>,
    pub colocated_as: Option<ColocatedAs>,
    pub grid_zone: Option<String>,
    pub home_zone: Option<String>,
    pub pue: Option<Pue>,
    /// A cloud's region, `aws/eu-central-1`: stands in for `grid_zone` and, where it is known, `pue`.
    pub region: Option<String>,
    /// When the nodes came into service.
    #[serde(default, deserialize_with = "date")]
    pub in_service: Option<NaiveDate>,
    pub hardware: Option<String>,
    #[serde(default)]
    pub bmc: Vec<Bmc>,
    #[serde(default)]
    pub pool: Vec<Pool>,
}

/// Any key of a cluster but `name`, `prometheus` and `kubernetes`. (serde cannot both share these by `flatten` and refuse unknown keys.)
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pool {
    pub selector: BTreeMap<String, String>,
    pub entity: Option<String>,
    pub exporter: Option<Exporter>,
    pub boundary: Option<Boundary>,
    pub colocated_as: Option<ColocatedAs>,
    pub grid_zone: Option<String>,
    pub home_zone: Option<String>,
    pub pue: Option<Pue>,
    /// A cloud's region, `aws/eu-central-1`: stands in for `grid_zone` and, where it is known, `pue`.
    pub region: Option<String>,
    /// When the nodes came into service.
    #[serde(default, deserialize_with = "date")]
    pub in_service: Option<NaiveDate>,
    pub hardware: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Prometheus {
    pub url: String,
    pub token_file: Option<String>,
    pub username: Option<String>,
    pub password_file: Option<String>,
    pub cert_file: Option<String>,
    pub key_file: Option<String>,
    pub ca_file: Option<String>,
    pub tenant: Option<String>,
    #[serde(default)]
    pub selector: BTreeMap<String, String>,
    #[serde(default)]
    pub read: ReadWay,
    pub timeout: Option<String>,
    pub concurrency: Option<usize>,
    pub replica_labels: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Kubernetes {
    pub kubeconfig: Option<String>,
    pub context: Option<String>,
}

/// Which node a management controller's readings are of: its exporter is scraped at an address of its own.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Bmc {
    pub instance: String,
    pub node: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Hardware {
    pub name: String,
    pub idle_watts: f64,
    pub max_watts: f64,
    pub embodied_kgco2e: Option<f64>,
    /// A class of the factor tables that comes with the software, in place of an own figure.
    pub embodied_class: Option<String>,
    pub embodied_range_kgco2e: Option<[f64; 2]>,
    pub gpus: Option<u32>,
    pub gpu_embodied_kgco2e: Option<f64>,
    pub life_years: Option<f64>,
    pub source: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Intensity {
    pub zones: Vec<String>,
    pub provider: Provider,
    #[serde(default)]
    pub files: Vec<String>,
    pub time_zone: Option<String>,
    pub unit: Option<String>,
    pub url: Option<String>,
    pub token_file: Option<String>,
    pub endpoint: Option<Endpoint>,
    pub username: Option<String>,
    pub password_file: Option<String>,
    pub signal: Option<SignalType>,
    #[serde(default)]
    pub regions: BTreeMap<String, String>,
    #[serde(default)]
    pub factor: FactorKind,
    #[serde(default)]
    pub annual_direct_gco2e_per_kwh: BTreeMap<String, f64>,
    pub plausible_gco2e_per_kwh: Option<[f64; 2]>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Provider {
    ElectricityMaps,
    Watttime,
    Neso,
    Files,
}

/// Which of Electricity Maps' ways to the past a plan includes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Endpoint {
    #[default]
    History,
    PastRange,
}

/// WattTime's own names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum SignalType {
    Co2Aoer,
    Co2Moer,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Price {
    pub zones: Vec<String>,
    pub files: Vec<String>,
    pub time_zone: Option<String>,
    pub unit: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Instrument {
    pub kind: InstrumentKind,
    pub zone: String,
    pub mwh: f64,
    pub period: String,
    pub matching: Matching,
    pub factor_gco2e_per_kwh: f64,
    pub evidence: String,
    pub energy_source: Option<EnergySource>,
    #[serde(default)]
    pub clusters: Vec<String>,
    /// The legal entity that holds it.
    pub entity: Option<String>,
    /// Answers to the Scope 2 Quality Criteria by number, 1 to 8.
    #[serde(default)]
    pub quality_criteria: BTreeMap<String, CriterionAnswer>,
    /// CSV with the columns `ts` and `kwh`: generation by hour.
    pub generation_file: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Deferrable {
    #[serde(default)]
    pub namespaces: Vec<String>,
    #[serde(default)]
    pub kinds: Vec<String>,
    #[serde(default)]
    pub names: Vec<String>,
    pub max_delay: Option<String>,
    #[serde(default)]
    pub zones: Vec<String>,
    pub overhead_kwh: Option<f64>,
    pub overhead_source: Option<String>,
}

/// Files in which a scheduler writes down its decisions.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DecisionLog {
    pub files: Vec<String>,
}

/// What the comparison with a run that nobody shifted depends on, beside `[[deferrable]]` and home zones.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Counterfactual {
    pub suggested_max_delay: Option<String>,
    pub hold_out: Option<HoldOut>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HoldOut {
    pub share: f64,
    pub seed: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Losses {
    pub zone: String,
    pub share: Share,
    pub source: String,
}

/// The organisation's own factor tables.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Factors {
    pub files: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FunctionalUnit {
    pub cluster: String,
    pub namespace: String,
    pub workload: String,
    pub unit: String,
    pub counts: BTreeMap<String, f64>,
    pub source: String,
}

/// What the organisation published of a year, in tonnes and megawatt-hours as it stands there.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PublishedYear {
    pub year: i32,
    #[serde(default)]
    pub base_year: bool,
    pub source: String,
    pub figures: BTreeMap<String, f64>,
}

/// How a closed month is signed and stamped.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Seal {
    pub secret_key_file: Option<String>,
    pub password_file: Option<String>,
    pub public_key_file: Option<String>,
    pub timestamp_url: Option<String>,
    pub timestamp_ca_file: Option<String>,
}

/// A Spark Connect server that runs the method.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Engine {
    pub address: Option<String>,
    /// The evidence as the engine sees it.
    pub evidence: Option<String>,
    pub token_file: Option<String>,
    pub tls: bool,
    pub patience: Option<String>,
    pub attempts: Option<u32>,
    pub batch_days: Option<u32>,
}

/// How old what is acted on may be.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Outlook {
    pub max_age: Option<String>,
    pub forecast_max_age: Option<String>,
    pub forecast_horizon: Option<String>,
    pub ask_every: Option<String>,
}

/// Which intensities are called what on nodes.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Label {
    pub low_below: Option<f64>,
    pub medium_below: Option<f64>,
    pub hysteresis: Option<f64>,
    pub every: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Serve {
    pub listen: Option<String>,
    pub tokens_file: Option<String>,
    pub open: Vec<AccessScope>,
    pub connections: Option<usize>,
    pub downloads_log: Option<String>,
    pub spool: Option<String>,
    pub proxy: Option<ServeProxy>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ServeProxy {
    pub peers: Vec<String>,
    pub header: String,
    pub secret_file: Option<String>,
    pub scopes: Vec<AccessScope>,
}

/// A ConfigMap for Azure's operator.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OperatorMap {
    pub cluster: String,
    pub zone: Option<String>,
    pub namespace: Option<String>,
    pub name: Option<String>,
    pub key: Option<String>,
}

/// A day, as a TOML date or as text.
fn date<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<NaiveDate>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Date(toml::value::Datetime),
        Text(String),
    }
    let text = match Written::deserialize(deserializer)? {
        Written::Date(date) => date.to_string(),
        Written::Text(text) => text,
    };
    text.parse().map(Some).map_err(|_| de::Error::custom(format!("`{text}` is not a day; write it as 2026-10-01")))
}
