//! Electricity that no instrument covers, and what it emits.
//!
//! In: terms, a load with what is left of it. Out: micrograms, or none where the declared factor is not known.
//! Rule (Scope 2 Guidance, table 6.3, levels 4 and 5): the residual mix, or where there is none the declared location-based factor. Then the rest's
//! emissions are its share of the hour's own, already rounded, location-based ones, so that without any instrument both methods say the same.
//! Does not: choose a residual mix of another zone.

use super::MarketTerms;
use super::loads::Load;
use crate::model::RestRule;
use crate::model::policy::LocationBased;
use crate::units::{GramsCo2ePerKilowattHour, MicrogramsCo2e};

pub fn rule(terms: &MarketTerms<'_>, zone: &str) -> RestRule {
    match (terms.residual.contains_key(zone), terms.location_based) {
        (true, _) => RestRule::ResidualMix,
        (false, LocationBased::Hourly) => RestRule::LocationBasedHourly,
        (false, LocationBased::Annual) => RestRule::LocationBasedAnnual,
    }
}

/// What the rest of a load emits.
pub fn emissions(terms: &MarketTerms<'_>, zone: &str, load: &Load) -> Option<MicrogramsCo2e> {
    if load.rest_mj == 0 {
        return Some(MicrogramsCo2e::ZERO);
    }
    let ugco2e = match (terms.residual.get(zone), terms.location_based) {
        (Some(mix), _) => micrograms(load.rest_mj, mix.factor),
        (None, LocationBased::Hourly) => share(load.hourly_ugco2e, load.rest_mj, load.facility_mj),
        (None, LocationBased::Annual) if terms.zones_without_annual.contains(zone) => return None,
        (None, LocationBased::Annual) => share(load.annual_ugco2e, load.rest_mj, load.facility_mj),
    };
    Some(MicrogramsCo2e::new(ugco2e))
}

/// A sum is known where all of it is.
pub fn add(sum: Option<MicrogramsCo2e>, part: Option<MicrogramsCo2e>) -> Option<MicrogramsCo2e> {
    Some(sum? + part?)
}

/// Method, section 2: `floor(mJ × g/kWh / 3600 + 0.5)` µg, in doubles.
pub fn micrograms(energy_mj: i64, factor: GramsCo2ePerKilowattHour) -> i64 {
    (energy_mj as f64 * factor.get() / 3_600.0 + 0.5).floor() as i64
}

/// `floor(emissions × part / whole + 0.5)`, exactly.
fn share(ugco2e: i64, part: i64, whole: i64) -> i64 {
    let (ugco2e, part, whole) = (i128::from(ugco2e), i128::from(part), i128::from(whole));
    i64::try_from((2 * ugco2e * part + whole).div_euclid(2 * whole)).expect("a part is not above its whole")
}
