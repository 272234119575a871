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

/// emissions.sql: the energy up to each boundary is rounded and differences are taken, so that the parts add up.
pub fn cut(facility_mj: i64, segment: &Segment, step_s: i64) -> i64 {
    let up_to = |seconds: i64| rounded(facility_mj as f64 * seconds as f64 / step_s as f64);
    up_to(segment.to_s) - up_to(segment.from_s)
}

/// floor(x + 0.5) of what is not negative: the cast cuts towards zero, and costs no call.
pub fn rounded(value: f64) -> i64 {
    (value + 0.5) as i64
}

/// What the electricity of a node's grid zone emits in one step.
pub struct GridStep<'a> {
    pub segments: &'a [Segment],
    pub annual_gco2e_per_kwh: Option<f64>,
    pub is_scope2: bool,
    pub has_upstream: bool,
    pub has_losses: bool,
    step_s: i64,
}

impl<'a> GridStep<'a> {
    pub fn of(terms: &DayTerms<'_>, segments: &'a [Vec<Segment>], node: usize, offset: usize) -> Self {
        let site = &terms.sites[terms.nodes[node].site];
        let segments = segments[site.zone * terms.step_count + offset].as_slice();
        let is_known = site.is_scope2 && !segments.is_empty();
        Self {
            segments,
            annual_gco2e_per_kwh: terms.zones[site.zone].annual_direct_gco2e_per_kwh,
            is_scope2: site.is_scope2,
            has_upstream: is_known && segments.iter().all(|segment| segment.upstream_gco2e_per_kwh.is_some()),
            has_losses: is_known && segments.iter().all(|segment| segment.losses_gco2e_per_kwh.is_some()),
            step_s: terms.step_seconds,
        }
    }

    /// Facility energy with its emissions; whose energy it is, the caller adds.
    pub fn meet(&self, facility_mj: i64) -> Sums {
        let upstream = |segment: &Segment| segment.upstream_gco2e_per_kwh.unwrap_or(0.0);
        let losses = |segment: &Segment| segment.losses_gco2e_per_kwh.unwrap_or(0.0);
        Sums {
            facility_mj,
            operational_hourly_ugco2e: self.by_segment(facility_mj, |segment| segment.gco2e_per_kwh),
            operational_annual_ugco2e: self.annual_gco2e_per_kwh.map_or(0, |factor| emissions(facility_mj, factor)),
            // GHG Protocol, Technical Guidance for Calculating Scope 3 Emissions, category 3, activities B and C: consumption times factor.
            upstream_ugco2e: if self.has_upstream { self.by_segment(facility_mj, upstream) } else { 0 },
            losses_ugco2e: if self.has_losses { self.by_segment(facility_mj, losses) } else { 0 },
            ..Sums::default()
        }
    }

    /// emissions.sql: a row, cut where a factor changes within the step.
    fn by_segment(&self, facility_mj: i64, factor: impl Fn(&Segment) -> f64) -> i64 {
        if let [segment] = self.segments {
            return emissions(facility_mj, factor(segment));
        }
        self.segments.iter().map(|segment| emissions(cut(facility_mj, segment, self.step_s), factor(segment))).sum()
    }

    /// The figure of a row of category 3: none outside the period or where the factor is not known, 0 outside Scope 2.
    pub fn category3(&self, is_known: bool, ugco2e: i64) -> Option<i64> {
        if self.segments.is_empty() {
            return None;
        }
        (is_known || !self.is_scope2).then_some(ugco2e)
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
