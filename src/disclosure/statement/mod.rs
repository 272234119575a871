//! The statement: every figure of a month's report, with its name. Serialised as it stands it is `report.json`
//! (schema `wattledger.report/1`). Lists are sorted by their key; unknown is null; times are RFC 3339 UTC with `Z`.

mod cost_centres;
mod counterfactual;
mod entities;
mod factors;
mod figures;
mod quality;
mod scope2;
mod scope3;
mod standard;
mod status;
mod year;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Serialize, Serializer};

pub use crate::accounting::counterfactual::window::WindowBasis;
use crate::model::policy::{FactorKind, IdlePolicy, LocationBased, Tails};
use crate::model::{Boundary, Finding, Placement};
use crate::units::{MicrogramsCo2e, Millijoules, Pue, Share};

pub use self::cost_centres::CostCentreStatement;
pub use self::counterfactual::{
    Alternative, AlternativeBaseline, BaselinePolicyStatement, ByCause, CapacityHour, CapacityStatement, ClassRow, ConsequentialFigures,
    CostFigures, Counterfactual, CounterfactualFigures, CurvePoint, Deferrability, Disagreement, DisagreementSums, ForecastError, HoldOut,
    HoldOutGroup, JobRunStatement, MoveNext, Overheads, RuleCount, RunAlternatives, RunConsequential, RunCost, RunDecision, RunForecast,
    RunOverhead, Timeline, Windowed,
};
pub use self::entities::{
    CurrencyCost, Entities, EntityCluster, EntityIntensity, EntityRevenue, EntityStatement, ExchangeRateStatement, IntraGroupLine,
};
pub use self::factors::{FactorOrigin, FactorStatement};
pub use self::quality::{Contributor, Interval, Quality, SciScore, Sensitivity};
pub use self::scope2::{EnergyMix, InstrumentStatement, MarketZone, RestRule, Scope2, Scope2Row};
pub use self::scope3::{Asset, Scope3, Screening, ScreeningRow};
pub use self::standard::{Datapoint, DatapointStatus, Disclosure};
pub use self::status::{Coverage, Status, StatusKind};
pub use self::year::{Comparison, MonthFigures, NetRevenue, RevenueIntensity, YearStatement};

pub const SCHEMA: &str = "wattledger.report/1";
/// The label that the counterfactual carries wherever it is shown (method, section 7).
pub const COUNTERFACTUAL_LABEL: &str =
    "Estimated effect of carbon-aware scheduling against a counterfactual (not part of reported emissions)";
/// The label of its second table, wherever that is shown.
pub const CONSEQUENTIAL_LABEL: &str =
    "Consequential estimate with marginal intensities (a claim about the grid, not part of reported emissions)";

#[derive(Clone, Debug, Serialize)]
pub struct Statement {
    pub schema: &'static str,
    pub organisation: String,
    /// Legal entity identifier (ISO 17442).
    pub lei: Option<String>,
    pub period: Period,
    pub status: Status,
    pub policy: Policy,
    pub totals: Totals,
    pub tier_share: TierShare,
    pub scope2: Scope2,
    pub scope3: Scope3,
    pub quality: Quality,
    pub sci: Vec<SciScore>,
    /// Sorted by quantity, geography, id.
    pub factors: Vec<FactorStatement>,
    pub year: YearStatement,
    /// Only there where legal entities are configured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entities: Option<Entities>,
    pub disclosure: Disclosure,
    pub clusters: Vec<ClusterStatement>,
    pub namespaces: Vec<NamespaceStatement>,
    pub workloads: Vec<WorkloadStatement>,
    /// Over all clusters, sorted by name; they add up to the totals.
    pub cost_centres: Vec<CostCentreStatement>,
    /// Per cluster and UTC hour: the daily curve, with the intensity of the cluster's own grid zone.
    pub hours: Vec<HourStatement>,
    pub job_runs: Vec<JobRunStatement>,
    pub counterfactual: Counterfactual,
    pub reconciliation: Vec<Reconciliation>,
    pub findings: Vec<Finding>,
    pub provenance: Provenance,
}

#[derive(Clone, Debug, Serialize)]
pub struct Period {
    /// `2026-10`; null in a year's report.
    pub month: Option<String>,
    /// `2026`; null in a month's report.
    pub year: Option<String>,
    #[serde(serialize_with = "instant")]
    pub from: DateTime<Utc>,
    #[serde(serialize_with = "instant")]
    pub to: DateTime<Utc>,
    pub time_zone: String,
    pub hours: i64,
}

impl Period {
    /// The month or the year, as it is written: `2026-10`, `2026`.
    pub fn name(&self) -> &str {
        self.month.as_deref().or(self.year.as_deref()).unwrap_or_default()
    }
}

/// The choices that the method leaves to the organisation.
#[derive(Clone, Debug, Serialize)]
pub struct Policy {
    pub disclosure: String,
    pub location_based: LocationBased,
    pub idle: IdlePolicy,
    pub tails: Tails,
    pub step_seconds: i64,
    pub max_gap_share: f64,
    /// The label of a namespace that names its cost centre.
    pub cost_centre_label: String,
}

/// The figures that every total carries. What was not computed is null, which is not zero.
///
/// `active_mj` is after correction; `metered_mj` = active + idle + system; `facility_mj` includes PUE and gap.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Figures {
    pub metered_mj: Millijoules,
    pub active_mj: Millijoules,
    pub idle_mj: Millijoules,
    pub system_mj: Millijoules,
    pub gap_mj: Millijoules,
    pub facility_mj: Millijoules,
    pub scope2_location_based_ugco2e: MicrogramsCo2e,
    pub scope2_location_based_annual_ugco2e: Option<MicrogramsCo2e>,
    pub scope2_market_based_ugco2e: Option<MicrogramsCo2e>,
    pub scope3_category_1_ugco2e: Option<MicrogramsCo2e>,
    pub scope3_category_2_ugco2e: Option<MicrogramsCo2e>,
    pub scope3_category_3_ugco2e: Option<MicrogramsCo2e>,
    pub scope3_category_8_ugco2e: Option<MicrogramsCo2e>,
    pub embodied_amortised_ugco2e: Option<MicrogramsCo2e>,
    /// Location-based emissions of all electricity, whatever its scope: hourly factors.
    pub operational_hourly_ugco2e: MicrogramsCo2e,
    /// The same with annual factors; null where a zone used has no annual factor.
    pub operational_annual_ugco2e: Option<MicrogramsCo2e>,
}

impl Figures {
    /// Emissions that are reported, or stand beside those: by scope and category.
    pub const BY_SCOPE: [&'static str; 8] = [
        "scope2_location_based_ugco2e",
        "scope2_location_based_annual_ugco2e",
        "scope2_market_based_ugco2e",
        "scope3_category_1_ugco2e",
        "scope3_category_2_ugco2e",
        "scope3_category_3_ugco2e",
        "scope3_category_8_ugco2e",
        "embodied_amortised_ugco2e",
    ];
}

/// Sums over clusters.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Totals {
    #[serde(flatten)]
    pub figures: Figures,
    /// What pods are estimated to have used between their last sample and their recorded end, moved to them or not.
    pub tail_mj: Millijoules,
}

/// Shares of energy (metered and gap, before PUE) by quality tier. Null where there is no energy.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct TierShare {
    pub metered: Option<Share>,
    pub allocated: Option<Share>,
    pub modelled: Option<Share>,
    pub filled: Option<Share>,
}

#[derive(Clone, Debug, Serialize)]
pub struct ClusterStatement {
    pub cluster: String,
    pub boundary: Boundary,
    pub placement: Placement,
    /// The sentence that says why the cluster's electricity is where it is.
    pub rule: String,
    pub grid_zone: String,
    pub home_zone: String,
    pub pue: Pue,
    pub nodes: u64,
    /// RAPL power zones that make up the meter of each node: one line a choice, `package+dram (3 nodes)`.
    pub power_zones: Vec<String>,
    #[serde(flatten)]
    pub figures: Figures,
    pub tier_share: TierShare,
}

#[derive(Clone, Debug, Serialize)]
pub struct NamespaceStatement {
    pub cluster: String,
    /// A namespace, or `(idle)`, `(system)`, `(gap)`.
    pub namespace: String,
    #[serde(flatten)]
    pub figures: Figures,
    pub tier_share: TierShare,
}

#[derive(Clone, Debug, Serialize)]
pub struct WorkloadStatement {
    pub cluster: String,
    pub namespace: String,
    /// `CronJob/x`, `Deployment/x` …, or `(idle)`, `(system)`, `(gap)`.
    pub workload: String,
    #[serde(flatten)]
    pub figures: Figures,
    pub tier_share: TierShare,
}

#[derive(Clone, Debug, Serialize)]
pub struct HourStatement {
    pub cluster: String,
    #[serde(serialize_with = "instant")]
    pub hour: DateTime<Utc>,
    pub facility_mj: Millijoules,
    pub operational_hourly_ugco2e: MicrogramsCo2e,
    /// Direct intensity of the cluster's grid zone, mean over the hour; null where the series has none.
    pub intensity_gco2e_per_kwh: Option<f64>,
}

/// Metered = attributed + idle + system, per node and UTC day, exact in integers: `difference_mj` is 0 or nothing is published.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Reconciliation {
    pub cluster: String,
    pub node: String,
    pub day: String,
    pub metered_mj: Millijoules,
    pub attributed_mj: Millijoules,
    pub idle_mj: Millijoules,
    pub system_mj: Millijoules,
    pub gap_mj: Millijoules,
    pub correction_mj: Millijoules,
    /// Of system energy, or where tails are moved of attributed energy.
    pub tail_mj: Millijoules,
    pub difference_mj: Millijoules,
}

#[derive(Clone, Debug, Serialize)]
pub struct Provenance {
    pub software: String,
    /// Name and SHA-256 of the method: all files of `queries/accounting`.
    pub method: String,
    pub config_sha256: String,
    pub evidence: Vec<EvidenceFile>,
    pub intensity: Vec<IntensityProvenance>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct EvidenceFile {
    pub path: String,
    pub sha256: String,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct IntensityProvenance {
    pub zone: String,
    pub provider: String,
    pub edition: String,
    pub factor: FactorKind,
    /// Share of the zone's facility energy that met an estimated value; null where no energy was used there.
    pub estimated_share: Option<Share>,
    /// Share of the zone's facility energy that met a value filled by us (method, section 6).
    pub filled_share: Option<Share>,
    pub annual_direct_gco2e_per_kwh: Option<f64>,
}

/// An integer in the unit that its figure's name says: as [`Millijoules`] and [`MicrogramsCo2e`] are written.
fn ledger_integer<S: Serializer>(value: &i64, serializer: S) -> Result<S::Ok, S::Error> {
    Millijoules::new(*value).serialize(serializer)
}

fn optional_ledger_integer<S: Serializer>(value: &Option<i64>, serializer: S) -> Result<S::Ok, S::Error> {
    value.map(Millijoules::new).serialize(serializer)
}

fn instant<S: Serializer>(instant: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&instant.to_rfc3339_opts(SecondsFormat::AutoSi, true))
}

fn optional_instant<S: Serializer>(instant: &Option<DateTime<Utc>>, serializer: S) -> Result<S::Ok, S::Error> {
    match instant {
        Some(value) => self::instant(value, serializer),
        None => serializer.serialize_none(),
    }
}
