//! What a node's grid zone and building make of its energy: facility energy and emissions of one step.
//!
//! In: energy in whole millijoules, PUE, intensity by segment. Out: whole millijoules and micrograms.
//! Rule: `facility_quotas.sql`, `emissions.sql`, `ledger.sql`, operation for operation. Does not: share.

use super::{DayTerms, Segment, Sums};

/// facility_quotas.sql: round(E × PUE).
pub fn facility_whole(energy_mj: i64, pue: f64) -> i64 {
    rounded(energy_mj as f64 * pue)
}

/// The one place in Rust where energy meets its factor; emissions.sql says the same, operation for operation.
///
/// Method, section 2: `floor(mJ × g/kWh / 3600 + 0.5)` µg, in doubles, exact below 2^53 mJ a row.
fn emissions(energy_mj: i64, gco2e_per_kwh: f64) -> i64 {
    rounded(energy_mj as f64 * gco2e_per_kwh / 3_600.0)
}

/// floor(x + 0.5) of what is not negative: the cast cuts towards zero, and costs no call.
pub fn rounded(value: f64) -> i64 {
    (value + 0.5) as i64
}

/// What the electricity of a node's grid zone emits in one step.
pub struct GridStep<'a> {
    pub segments: &'a [Segment],
    pub annual_gco2e_per_kwh: Option<f64>,
    step_s: i64,
}

impl<'a> GridStep<'a> {
    pub fn of(terms: &DayTerms<'_>, segments: &'a [Vec<Segment>], node: usize, offset: usize) -> Self {
        let zone = terms.sites[terms.nodes[node].site].zone;
        Self {
            segments: &segments[zone * terms.step_count + offset],
            annual_gco2e_per_kwh: terms.zones[zone].annual_direct_gco2e_per_kwh,
            step_s: terms.step_seconds,
        }
    }

    /// Facility energy with its emissions; whose energy it is, the caller adds.
    pub fn meet(&self, facility_mj: i64) -> Sums {
        Sums {
            facility_mj,
            operational_hourly_ugco2e: self.hourly(facility_mj),
            operational_annual_ugco2e: self.annual_gco2e_per_kwh.map_or(0, |factor| emissions(facility_mj, factor)),
            ..Sums::default()
        }
    }

    /// emissions.sql: a row, cut where the intensity changes within the step.
    fn hourly(&self, facility_mj: i64) -> i64 {
        if let [segment] = self.segments {
            return emissions(facility_mj, segment.gco2e_per_kwh);
        }
        let up_to = |seconds: i64| rounded(facility_mj as f64 * seconds as f64 / self.step_s as f64);
        self.segments.iter().map(|segment| emissions(up_to(segment.to_s) - up_to(segment.from_s), segment.gco2e_per_kwh)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_kilowatt_hour_at_300_grams_emits_300_grams() {
        assert_eq!(emissions(3_600_000_000, 300.0), 300_000_000);
    }

    #[test]
    fn half_a_microgram_rounds_up() {
        // 1800 mJ at 1 g/kWh is exactly 0.5 µg.
        assert_eq!(emissions(1_800, 1.0), 1);
        assert_eq!(emissions(1_799, 1.0), 0);
    }
}
