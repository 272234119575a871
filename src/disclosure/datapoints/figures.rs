//! Names for the figures of a statement that a datapoint may be made of.
//!
//! In: a statement and a name. Out: the exact integer, null where it is unknown, and the same of other years. Rule: the list below is all there is. The
//! counterfactual is not on it, because avoided emissions are no part of an inventory (ESRS E1 34(b), 2023 edition); nor is amortised hardware, because capital
//! goods are not amortised (GHG Protocol Scope 3 Standard, chapter 5), but for the part that is in category 1.
//! Assumes: an energy mix without a rule was not computed. Does not: round.

use crate::disclosure::Statement;
use crate::disclosure::statement::InstrumentStatement;
use crate::model::InstrumentKind;
use crate::model::policy::LocationBased;
use crate::units::{MicrogramsCo2e, Millijoules, Share};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    Energy,
    Emissions,
}

/// A figure in the ledger's units.
pub struct Figure {
    pub quantity: Quantity,
    pub value: Option<i64>,
    /// As in `report.json`.
    pub path: String,
    /// How the comparisons of years name it; none where they do not have it.
    pub compared_as: Option<&'static str>,
}

/// None where there is no figure of that name.
pub fn figure(statement: &Statement, name: &str) -> Option<Figure> {
    let totals = &statement.totals.figures;
    let emissions = |value: Option<MicrogramsCo2e>, compared_as: &'static str| Figure {
        quantity: Quantity::Emissions,
        value: value.map(MicrogramsCo2e::get),
        path: format!("totals.{compared_as}"),
        compared_as: Some(compared_as),
    };
    let of_scope2 = |quantity, value: Option<i64>| Figure { quantity, value, path: name.to_owned(), compared_as: None };
    let mix = |value: Millijoules, compared_as| Figure {
        quantity: Quantity::Energy,
        value: (!statement.scope2.energy_mix.rule.is_empty()).then(|| value.get()),
        path: format!("{name}_mj"),
        compared_as: Some(compared_as),
    };
    let energy_mix = &statement.scope2.energy_mix;
    Some(match name {
        "totals.scope2_location_based" => match statement.policy.location_based {
            LocationBased::Hourly => emissions(Some(totals.scope2_location_based_ugco2e), "scope2_location_based_ugco2e"),
            LocationBased::Annual => emissions(totals.scope2_location_based_annual_ugco2e, "scope2_location_based_annual_ugco2e"),
        },
        "totals.scope2_market_based" => emissions(totals.scope2_market_based_ugco2e, "scope2_market_based_ugco2e"),
        "totals.scope3_category_1" => emissions(totals.scope3_category_1_ugco2e, "scope3_category_1_ugco2e"),
        "totals.scope3_category_2" => emissions(totals.scope3_category_2_ugco2e, "scope3_category_2_ugco2e"),
        "totals.scope3_category_3" => emissions(totals.scope3_category_3_ugco2e, "scope3_category_3_ugco2e"),
        "totals.scope3_category_8" => emissions(totals.scope3_category_8_ugco2e, "scope3_category_8_ugco2e"),
        "scope2.energy_mix.total" => mix(energy_mix.total_mj, "energy_mix_total_mj"),
        "scope2.energy_mix.fossil" => mix(energy_mix.fossil_mj, "energy_mix_fossil_mj"),
        "scope2.energy_mix.nuclear" => mix(energy_mix.nuclear_mj, "energy_mix_nuclear_mj"),
        "scope2.energy_mix.renewable" => mix(energy_mix.renewable_mj, "energy_mix_renewable_mj"),
        "scope2.zones.facility_mj" => of_scope2(Quantity::Energy, Some(zones_mj(statement))),
        "scope2.instruments.applied_mj" => of_scope2(Quantity::Energy, Some(applied_mj(statement, |_| true))),
        "scope2.instruments.bundled_mj" => of_scope2(Quantity::Energy, Some(applied_mj(statement, is_bundled))),
        "scope2.instruments.unbundled_mj" => of_scope2(Quantity::Energy, Some(applied_mj(statement, |instrument| !is_bundled(instrument)))),
        "scope2.instruments.bundled_ugco2e" => of_scope2(Quantity::Emissions, Some(bundled_ugco2e(statement))),
        _ => return None,
    })
}

/// Shares that the statement has as such.
pub fn share(statement: &Statement, name: &str) -> Option<Option<Share>> {
    match name {
        "scope3.primary_data_share" => Some(statement.scope3.primary_data_share),
        _ => None,
    }
}

/// A certificate that is bought apart from the electricity is unbundled; contracts and rates carry the attributes with it.
fn is_bundled(instrument: &InstrumentStatement) -> bool {
    match instrument.kind {
        InstrumentKind::GuaranteeOfOrigin => false,
        InstrumentKind::Ppa | InstrumentKind::SupplierRate => true,
    }
}

fn zones_mj(statement: &Statement) -> i64 {
    statement.scope2.zones.iter().map(|zone| zone.facility_mj).sum::<Millijoules>().get()
}

fn applied_mj(statement: &Statement, of: impl Fn(&InstrumentStatement) -> bool) -> i64 {
    let instruments = statement.scope2.instruments.iter().filter(|instrument| of(instrument));
    instruments.map(|instrument| instrument.applied_mj).sum::<Millijoules>().get()
}

fn bundled_ugco2e(statement: &Statement) -> i64 {
    let instruments = statement.scope2.instruments.iter().filter(|instrument| is_bundled(instrument));
    instruments.map(|instrument| instrument.applied_ugco2e.get()).sum()
}
