//! The comparison with a run that nobody shifted: every job run, the sums over them, and what they rest on.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{instant, optional_instant};
use crate::accounting::counterfactual::window::WindowBasis;
use crate::model::{BaselineRule, Cause, CauseBasis, ClassBasis, DecisionReason, DecisionSource, DeferralClass, Name};
use crate::units::{MicroEuros, MicrogramsCo2e, Millijoules};

#[derive(Clone, Debug, Serialize)]
pub struct JobRunStatement {
    pub cluster: Name,
    pub namespace: Name,
    pub job: Name,
    pub uid: Option<Name>,
    pub workload: Name,
    #[serde(serialize_with = "optional_instant")]
    pub start: Option<DateTime<Utc>>,
    #[serde(serialize_with = "optional_instant")]
    pub end: Option<DateTime<Utc>>,
    pub active_mj: Millijoules,
    pub grid_zone: Name,
    pub outside_mj: Millijoules,
    #[serde(serialize_with = "optional_instant")]
    pub baseline_start: Option<DateTime<Utc>>,
    pub baseline_rule: Option<BaselineRule>,
    pub baseline_zone: Option<Name>,
    /// The cluster in which the same workload would have run, where that is said to be another.
    pub baseline_cluster: Option<Name>,
    /// Whether it was ever seen suspended.
    pub was_suspended: bool,
    pub cause: Cause,
    /// What the cause was read off.
    pub cause_basis: CauseBasis,
    pub actual_ugco2e: Option<MicrogramsCo2e>,
    pub counterfactual_ugco2e: Option<MicrogramsCo2e>,
    pub avoided_ugco2e: Option<MicrogramsCo2e>,
    pub best_ugco2e: Option<MicrogramsCo2e>,
    pub worst_ugco2e: Option<MicrogramsCo2e>,
    pub mean_ugco2e: Option<MicrogramsCo2e>,
    /// The earliest of the best starts, and where.
    #[serde(serialize_with = "optional_instant")]
    pub best_start: Option<DateTime<Utc>>,
    pub best_zone: Option<Name>,
    /// Starts times zones that were compared.
    pub candidates: Option<u64>,
    /// How long it may wait; null where nobody said, or it may not.
    pub max_delay_seconds: Option<i64>,
    pub window_basis: Option<WindowBasis>,
    /// Why a run with a window has no bounds.
    pub unbounded_reason: Option<String>,
    pub deferrable: Option<bool>,
    pub class: DeferralClass,
    pub class_basis: ClassBasis,
    /// Whether the policy's seed left it unshifted; null where there is no hold-out, or the run is not deferrable.
    pub held_out: Option<bool>,
    pub decision: Option<RunDecision>,
    pub alternatives: RunAlternatives,
    pub cost: Option<RunCost>,
    pub consequential: Option<RunConsequential>,
    pub overhead: Option<RunOverhead>,
    /// Why the run has no counterfactual; null where it has one.
    pub unplaced_reason: Option<String>,
}

/// What the scheduler wrote down before it moved the run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunDecision {
    pub source: DecisionSource,
    #[serde(serialize_with = "instant")]
    pub recorded_at: DateTime<Utc>,
    #[serde(serialize_with = "instant")]
    pub eligible_at: DateTime<Utc>,
    #[serde(serialize_with = "optional_instant")]
    pub deadline: Option<DateTime<Utc>>,
    #[serde(serialize_with = "instant")]
    pub chosen_start: DateTime<Utc>,
    pub chosen_zone: Option<String>,
    pub reason: DecisionReason,
    pub held_out: bool,
    pub forecast: Option<RunForecast>,
}

/// What was expected of the decision, and what came to pass.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunForecast {
    pub source: String,
    pub baseline_gco2e_per_kwh: f64,
    pub chosen_gco2e_per_kwh: f64,
    /// Energy-weighted means over the run; null where it has no counterfactual.
    pub realised_baseline_gco2e_per_kwh: Option<f64>,
    pub realised_chosen_gco2e_per_kwh: Option<f64>,
    /// The run's energy at the forecast intensities.
    pub expected_avoided_ugco2e: Option<MicrogramsCo2e>,
}

/// The run's counterfactual under other baselines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct RunAlternatives {
    /// Had it begun when it was created.
    pub at_creation_ugco2e: Option<MicrogramsCo2e>,
    /// Had it begun at the hours of day at which its workload's unshifted runs start, on average.
    pub historical_ugco2e: Option<MicrogramsCo2e>,
}

/// At the prices of the zone and hour. A price may be below zero.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct RunCost {
    pub actual_micro_eur: MicroEuros,
    pub counterfactual_micro_eur: MicroEuros,
    pub saved_micro_eur: MicroEuros,
    pub best_micro_eur: Option<MicroEuros>,
    pub worst_micro_eur: Option<MicroEuros>,
    pub mean_micro_eur: Option<MicroEuros>,
}

/// With marginal intensities: a claim about the grid, beside the attributional figures and never added to them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct RunConsequential {
    pub actual_ugco2e: MicrogramsCo2e,
    pub counterfactual_ugco2e: MicrogramsCo2e,
    pub avoided_ugco2e: MicrogramsCo2e,
    pub best_ugco2e: Option<MicrogramsCo2e>,
    pub worst_ugco2e: Option<MicrogramsCo2e>,
    pub mean_ugco2e: Option<MicrogramsCo2e>,
}

/// What shifting itself used, by decision record or policy.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct RunOverhead {
    pub energy_mj: Millijoules,
    pub emissions_ugco2e: MicrogramsCo2e,
}

#[derive(Clone, Debug, Serialize)]
pub struct Counterfactual {
    pub label: &'static str,
    #[serde(flatten)]
    pub total: CounterfactualFigures,
    pub by_cause: ByCause,
    /// Runs that could not be placed; each stands in `job_runs` with its reason.
    pub unplaced_runs: u64,
    /// Whether reported Scope 2 holds the effect already.
    pub double_count_statement: String,
    pub policy: BaselinePolicyStatement,
    /// The result under other baselines, each beside the policy's own over the same runs.
    pub alternatives: Vec<Alternative>,
    /// Null where no run has prices.
    pub cost: Option<CostFigures>,
    /// Null where no run has marginal intensities.
    pub consequential: Option<ConsequentialFigures>,
    pub disagreement: Disagreement,
    /// Null where the policy holds nothing out.
    pub hold_out: Option<HoldOut>,
    /// Null where no decision has a forecast.
    pub forecast: Option<ForecastError>,
    pub overheads: Overheads,
    pub capacity: CapacityStatement,
    pub deferrability: Deferrability,
    /// The runs with the largest effect, largest first.
    pub timelines: Vec<Timeline>,
}

#[derive(Clone, Debug, Default, Serialize)]
pub struct ByCause {
    pub carbon: CounterfactualFigures,
    pub other: CounterfactualFigures,
    pub none: CounterfactualFigures,
}

/// Sums over placed runs, signs kept: `avoided` = `counterfactual` − `actual` = `gains` + `losses`, losses ≤ 0.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct CounterfactualFigures {
    pub runs: u64,
    pub shifted_runs: u64,
    pub gained_runs: u64,
    pub actual_ugco2e: MicrogramsCo2e,
    pub counterfactual_ugco2e: MicrogramsCo2e,
    pub avoided_ugco2e: MicrogramsCo2e,
    pub gains_ugco2e: MicrogramsCo2e,
    pub losses_ugco2e: MicrogramsCo2e,
    /// `windowed.avoided` over `windowed.counterfactual` − `windowed.best`; null where that is nothing.
    pub captured_share: Option<f64>,
    pub windowed: Windowed,
}

/// Sums over the placed runs that have bounds.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Windowed {
    pub runs: u64,
    pub actual_ugco2e: MicrogramsCo2e,
    pub counterfactual_ugco2e: MicrogramsCo2e,
    pub avoided_ugco2e: MicrogramsCo2e,
    pub best_ugco2e: MicrogramsCo2e,
    pub worst_ugco2e: MicrogramsCo2e,
    pub mean_ugco2e: MicrogramsCo2e,
}

/// What the baselines were made by.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct BaselinePolicyStatement {
    /// Of the policy as canonical JSON.
    pub sha256: String,
    /// Days of evidence that were collected under it, under another, and before policies were stamped.
    pub stamped_days: u64,
    pub other_days: u64,
    pub unstamped_days: u64,
    /// One sentence a rule.
    pub rules: Vec<String>,
    /// Placed runs by the rule that gave their start.
    pub by_rule: Vec<RuleCount>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RuleCount {
    pub rule: BaselineRule,
    pub runs: u64,
    pub avoided_ugco2e: MicrogramsCo2e,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AlternativeBaseline {
    /// Every run at its creation.
    AtCreation,
    /// A start drawn evenly from the run's window.
    MeanOfWindow,
    /// The hours of day at which the workload's unshifted runs start.
    Historical,
}

/// Over the placed runs for which the alternative is known.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Alternative {
    pub baseline: AlternativeBaseline,
    pub runs: u64,
    pub actual_ugco2e: MicrogramsCo2e,
    pub counterfactual_ugco2e: MicrogramsCo2e,
    pub avoided_ugco2e: MicrogramsCo2e,
    /// The policy's own result over the same runs.
    pub policy_avoided_ugco2e: MicrogramsCo2e,
}

/// Over the placed runs that have prices on both sides.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct CostFigures {
    pub runs: u64,
    pub actual_micro_eur: MicroEuros,
    pub counterfactual_micro_eur: MicroEuros,
    pub saved_micro_eur: MicroEuros,
    pub gains_micro_eur: MicroEuros,
    pub losses_micro_eur: MicroEuros,
}

/// Over the placed runs that have marginal intensities on both sides.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ConsequentialFigures {
    pub label: String,
    pub runs: u64,
    pub actual_ugco2e: MicrogramsCo2e,
    pub counterfactual_ugco2e: MicrogramsCo2e,
    pub avoided_ugco2e: MicrogramsCo2e,
    pub gains_ugco2e: MicrogramsCo2e,
    pub losses_ugco2e: MicrogramsCo2e,
    /// Attributional result over the same runs.
    pub attributional_avoided_ugco2e: MicrogramsCo2e,
    /// Runs of which the two tables say the opposite.
    pub opposite_runs: u64,
    /// Zone, provider, edition of the marginal series.
    pub series: Vec<String>,
}

/// Runs in which money and carbon disagree: one was saved and the other was not.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Disagreement {
    /// Less carbon, more money.
    pub cleaner_and_dearer: DisagreementSums,
    /// Less money, more carbon.
    pub cheaper_and_dirtier: DisagreementSums,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct DisagreementSums {
    pub runs: u64,
    pub avoided_ugco2e: MicrogramsCo2e,
    pub saved_micro_eur: MicroEuros,
}

/// Deferrable runs that a seed left unshifted, against those that it did not: no modelled baseline.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HoldOut {
    pub share: f64,
    pub seed: String,
    pub held_out: HoldOutGroup,
    pub shifted: HoldOutGroup,
    /// Mean of the held-out less mean of the others, in g per kWh of active energy; null with fewer than two runs in a group.
    pub difference_gco2e_per_kwh: Option<f64>,
    /// 95 %, Welch.
    pub low_gco2e_per_kwh: Option<f64>,
    pub high_gco2e_per_kwh: Option<f64>,
    /// The difference times the energy of the runs that were not held out.
    pub estimated_avoided_ugco2e: Option<MicrogramsCo2e>,
    pub low_avoided_ugco2e: Option<MicrogramsCo2e>,
    pub high_avoided_ugco2e: Option<MicrogramsCo2e>,
    /// The policy's modelled result over the runs that were not held out.
    pub modelled_avoided_ugco2e: MicrogramsCo2e,
    /// Held out by the seed and shifted for carbon all the same: they stay in their group.
    pub broken_runs: u64,
}

/// Emissions per active energy of a group's runs, each run one observation.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct HoldOutGroup {
    pub runs: u64,
    pub active_mj: Millijoules,
    pub mean_gco2e_per_kwh: Option<f64>,
    /// Of the sample, n − 1.
    pub variance: Option<f64>,
}

/// Over placed runs whose decision has a forecast.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ForecastError {
    pub runs: u64,
    pub expected_avoided_ugco2e: MicrogramsCo2e,
    pub realised_avoided_ugco2e: MicrogramsCo2e,
    /// Of the chosen slot: forecast less realised, each run once.
    pub mean_error_gco2e_per_kwh: f64,
    pub mean_absolute_error_gco2e_per_kwh: f64,
    /// Runs that expected to gain and lost.
    pub wrong_way_runs: u64,
}

/// What shifting itself used, where it is known.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Overheads {
    /// Shifted runs of which an overhead is known, and of which none is.
    pub known_runs: u64,
    pub unknown_runs: u64,
    /// Shifted runs that were suspended.
    pub suspended_runs: u64,
    pub energy_mj: Millijoules,
    pub emissions_ugco2e: MicrogramsCo2e,
    /// Avoided of all placed runs, less the overheads.
    pub avoided_less_overheads_ugco2e: MicrogramsCo2e,
}

/// Whether the replayed baseline fits the clusters.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct CapacityStatement {
    pub examined_hours: u64,
    /// Clusters whose CPU nobody said.
    pub unknown_clusters: Vec<String>,
    /// Sorted by cluster and hour.
    pub exceeded: Vec<CapacityHour>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CapacityHour {
    pub cluster: String,
    #[serde(serialize_with = "instant")]
    pub hour: DateTime<Utc>,
    pub requested_milli: i64,
    pub allocatable_milli: i64,
    /// `namespace/job` of the replayed runs.
    pub jobs: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Deferrability {
    pub classes: Vec<ClassRow>,
    /// Largest saving first.
    pub move_next: Vec<MoveNext>,
}

/// Active energy of the period's workloads and runs by class.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClassRow {
    pub class: DeferralClass,
    pub basis: ClassBasis,
    pub workloads: u64,
    pub runs: u64,
    pub active_mj: Millijoules,
    /// Of runs that were shifted, whatever for.
    pub shifted_mj: Millijoules,
    /// Of runs that were shifted for carbon.
    pub shifted_for_carbon_mj: Millijoules,
    /// What runs that were not shifted would have avoided at their best start; null where none has bounds.
    pub could_have_avoided_ugco2e: Option<MicrogramsCo2e>,
}

/// A workload that could start later, or elsewhere.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MoveNext {
    pub cluster: String,
    pub namespace: String,
    pub workload: String,
    pub basis: WindowBasis,
    pub runs: u64,
    pub active_mj: Millijoules,
    pub actual_ugco2e: MicrogramsCo2e,
    pub max_delay_seconds: i64,
    /// One delay for all its runs that saves most, and the zone.
    pub delay_seconds: i64,
    pub zone: String,
    pub saved_by_delay_ugco2e: MicrogramsCo2e,
    /// Each run at its own best start: the ceiling.
    pub saved_at_best_ugco2e: MicrogramsCo2e,
}

/// The intensity around a run, with where it would have been and where it was.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Timeline {
    pub cluster: Name,
    pub namespace: Name,
    pub job: Name,
    #[serde(serialize_with = "instant")]
    pub start: DateTime<Utc>,
    #[serde(serialize_with = "instant")]
    pub end: DateTime<Utc>,
    #[serde(serialize_with = "instant")]
    pub baseline_start: DateTime<Utc>,
    pub grid_zone: Name,
    pub baseline_zone: Name,
    pub avoided_ugco2e: MicrogramsCo2e,
    /// Of the zone where it ran; the last point closes the last interval.
    pub ran: Vec<CurvePoint>,
    /// Of the baseline zone, where that is another.
    pub baseline: Vec<CurvePoint>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct CurvePoint {
    #[serde(serialize_with = "instant")]
    pub at: DateTime<Utc>,
    pub gco2e_per_kwh: f64,
}
