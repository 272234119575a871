//! Legal entities of a group: each one's own statement, what they buy of each other, and the group as one.

use serde::Serialize;

use super::{CostFigures, CounterfactualFigures, Figures, NamespaceStatement, NetRevenue, TierShare};
use crate::model::{Boundary, Consolidation, Placement};
use crate::units::{MicroUnits, MicrogramsCo2e, Millijoules};

/// Own statements, less what was bought within the group, are the group's: the report's totals.
#[derive(Clone, Debug, Serialize)]
pub struct Entities {
    pub consolidation: Consolidation,
    /// The organisation's, in which the group reports. ISO 4217.
    pub currency: String,
    /// Sorted by name.
    pub entities: Vec<EntityStatement>,
    /// Sorted by provider, customer, cluster, namespace, placement.
    pub intra_group: Vec<IntraGroupLine>,
    /// Of the entities' own statements, as they stand.
    pub sum_of_own: Figures,
    /// Category 1 that is in two own statements: all that was bought within the group.
    pub eliminated_ugco2e: Option<MicrogramsCo2e>,
    /// `sum_of_own` less `eliminated_ugco2e` in category 1. Market-based it is the group's own figure, also where an entity's is not known.
    pub consolidated: Figures,
    /// What all runs that have prices cost, in the organisation's currency.
    pub cost_in_currency: Option<CurrencyCost>,
    /// That hold in the period, as configured. Sorted.
    pub exchange_rates: Vec<ExchangeRateStatement>,
}

/// An entity's own statement: what it controls, where the boundary places it, and in category 1 what it buys of its sisters.
#[derive(Clone, Debug, Serialize)]
pub struct EntityStatement {
    pub entity: String,
    /// Legal entity identifier (ISO 17442).
    pub lei: Option<String>,
    /// ISO 4217.
    pub currency: String,
    /// Energy is that of what it controls; category 1 holds what it bought within the group.
    #[serde(flatten)]
    pub figures: Figures,
    pub tier_share: TierShare,
    /// Part of its category 1: eliminated when the group is consolidated. Null where it is not known.
    pub bought_within_group_ugco2e: Option<MicrogramsCo2e>,
    /// The same of its customers: it is in nothing of this entity beside its own scopes.
    pub sold_within_group_ugco2e: Option<MicrogramsCo2e>,
    /// Facility energy that ran work of other entities.
    pub sold_within_group_mj: Millijoules,
    /// Why it has no market-based figure; null where it has.
    pub market_based_reason: Option<String>,
    /// What it controls, by cluster and boundary.
    pub clusters: Vec<EntityCluster>,
    /// What it controls, by cluster and namespace, whosever work it is.
    pub namespaces: Vec<NamespaceStatement>,
    /// Over the runs of its own work, wherever they ran. Not part of reported emissions.
    pub counterfactual: CounterfactualFigures,
    /// The same in money, over those that have prices.
    pub cost: Option<CostFigures>,
    /// Null where there is no such cost, or no rate.
    pub cost_in_currency: Option<CurrencyCost>,
    /// Of a year, where it is stated.
    pub revenue: Option<EntityRevenue>,
}

#[derive(Clone, Debug, Serialize)]
pub struct EntityCluster {
    pub cluster: String,
    pub boundary: Boundary,
    pub placement: Placement,
    #[serde(flatten)]
    pub figures: Figures,
    pub tier_share: TierShare,
}

/// A namespace's work on a sister's machines, by what places the machines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct IntraGroupLine {
    /// Who controls the machines, and reports them.
    pub provider: String,
    /// Whose work it is.
    pub customer: String,
    pub cluster: String,
    pub namespace: String,
    /// Where the provider reports its electricity.
    pub placement: Placement,
    pub facility_mj: Millijoules,
    /// Location-based, by the factors that are declared the reported method; null where a factor is not known.
    pub operation_ugco2e: Option<MicrogramsCo2e>,
    /// The period's part of the machines' making that its pods reserved; null where no hardware class states it.
    pub embodied_ugco2e: Option<MicrogramsCo2e>,
    /// The customer's category 1: operation, and embodied where it is known.
    pub category_1_ugco2e: Option<MicrogramsCo2e>,
}

/// Money in millionths of a currency's unit: each sum in euros converted once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CurrencyCost {
    /// ISO 4217.
    pub currency: String,
    pub actual_micro_units: MicroUnits,
    pub counterfactual_micro_units: MicroUnits,
    /// Counterfactual less actual.
    pub saved_micro_units: MicroUnits,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EntityRevenue {
    /// In the entity's currency.
    pub net_revenue: NetRevenue,
    /// In the organisation's; null where there is no rate of the year.
    pub net_revenue_in_organisation_currency: Option<NetRevenue>,
    pub intensities: Vec<EntityIntensity>,
}

/// Tonnes per million of net revenue (ESRS E1-6 53, 2023 edition; here of compute alone), in the entity's currency and in the organisation's.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EntityIntensity {
    pub figure: String,
    pub tco2e_per_million: Option<f64>,
    pub tco2e_per_million_in_organisation_currency: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ExchangeRateStatement {
    pub from: String,
    pub to: String,
    /// `2026-10`, or `2026`.
    pub period: String,
    /// Units of `to` for one of `from`.
    pub rate: f64,
    pub source: String,
}
