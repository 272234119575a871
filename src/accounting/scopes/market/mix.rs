//! Electricity of own operations by where contracts say that it came from.
//!
//! In: what instruments covered, and what the residual mixes hold. Out: [`Mix`]. Rule (ESRS E1 AR 32(j) and AR 34, 2023 edition): the approach of
//! market-based Scope 2; renewable is only what a contract clearly defines as such, nuclear what a contract or the residual mix says; all else counts
//! as fossil, which is the cautious side. Does not: use the grid's mix.

use super::{Market, MarketTerms};
use crate::model::EnergySource;
use crate::units::Millijoules;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mix {
    pub total_mj: Millijoules,
    pub fossil_mj: Millijoules,
    pub nuclear_mj: Millijoules,
    pub renewable_mj: Millijoules,
    pub outside_own_operations_mj: Millijoules,
    pub rule: String,
}

pub fn mix(terms: &MarketTerms<'_>, market: &Market, outside_own_operations_mj: Millijoules) -> Mix {
    let applied = |is_wanted: fn(EnergySource) -> bool| -> Millijoules {
        let pairs = terms.instruments.iter().zip(&market.instruments);
        pairs.filter(|(instrument, _)| instrument.energy_source.is_some_and(is_wanted)).map(|(_, used)| used.applied_mj).sum()
    };
    let renewable_mj = applied(EnergySource::is_renewable);
    let of_residual = market.zones.iter().map(|zone| {
        let share = terms.residual.get(&zone.grid_zone).and_then(|mix| mix.nuclear_share).unwrap_or(0.0);
        // Rounded down: what is not nuclear counts as fossil.
        Millijoules::new((zone.rest_mj.get() as f64 * share).floor() as i64)
    });
    let nuclear_mj = applied(|source| source == EnergySource::Nuclear) + of_residual.sum();
    Mix {
        total_mj: market.facility_mj,
        fossil_mj: market.facility_mj - renewable_mj - nuclear_mj,
        nuclear_mj,
        renewable_mj,
        outside_own_operations_mj,
        rule: "Renewable: what contractual instruments that were applied state as such. Nuclear: what such instruments state, and of electricity without \
               an instrument the nuclear share of the residual mix. All else counts as fossil, electricity of unknown source included \
               (ESRS E1 AR 32(j) and AR 34, 2023 edition)."
            .to_owned(),
    }
}
