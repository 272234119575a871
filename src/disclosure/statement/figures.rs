//! The figures that every total carries, added up and looked up by name.

use super::Figures;
use crate::units::{MicrogramsCo2e, Millijoules};

impl Figures {
    /// Figures of nothing: every sum begins here. What no machine states (categories 2, amortised) stays unknown until something does.
    pub fn nothing() -> Self {
        let zero = Some(MicrogramsCo2e::ZERO);
        Self {
            scope2_location_based_annual_ugco2e: zero,
            scope2_market_based_ugco2e: zero,
            scope3_category_1_ugco2e: zero,
            scope3_category_3_ugco2e: zero,
            scope3_category_8_ugco2e: zero,
            operational_annual_ugco2e: zero,
            ..Self::default()
        }
    }

    /// Integer sums. A sum of which a part is unknown is unknown; of what hardware classes state, the known parts count, and a finding says what is missing.
    pub fn add(&mut self, other: &Self) {
        let all = |a: &mut Option<MicrogramsCo2e>, b: Option<MicrogramsCo2e>| *a = a.zip(b).map(|(a, b)| a + b);
        let known = |a: &mut Option<MicrogramsCo2e>, b: Option<MicrogramsCo2e>| *a = a.zip(b).map(|(a, b)| a + b).or(*a).or(b);
        self.metered_mj += other.metered_mj;
        self.active_mj += other.active_mj;
        self.idle_mj += other.idle_mj;
        self.system_mj += other.system_mj;
        self.gap_mj += other.gap_mj;
        self.facility_mj += other.facility_mj;
        self.scope2_location_based_ugco2e += other.scope2_location_based_ugco2e;
        self.operational_hourly_ugco2e += other.operational_hourly_ugco2e;
        all(&mut self.scope2_location_based_annual_ugco2e, other.scope2_location_based_annual_ugco2e);
        all(&mut self.scope2_market_based_ugco2e, other.scope2_market_based_ugco2e);
        all(&mut self.scope3_category_1_ugco2e, other.scope3_category_1_ugco2e);
        known(&mut self.scope3_category_2_ugco2e, other.scope3_category_2_ugco2e);
        all(&mut self.scope3_category_3_ugco2e, other.scope3_category_3_ugco2e);
        all(&mut self.scope3_category_8_ugco2e, other.scope3_category_8_ugco2e);
        known(&mut self.embodied_amortised_ugco2e, other.embodied_amortised_ugco2e);
        all(&mut self.operational_annual_ugco2e, other.operational_annual_ugco2e);
    }

    /// A figure by its name in `report.json`, in its ledger unit; none where it is unknown, or no such figure.
    pub fn named(&self, name: &str) -> Option<i64> {
        let energy = |energy: Millijoules| Some(energy.get());
        let emissions = |emissions: Option<MicrogramsCo2e>| emissions.map(MicrogramsCo2e::get);
        match name {
            "metered_mj" => energy(self.metered_mj),
            "active_mj" => energy(self.active_mj),
            "idle_mj" => energy(self.idle_mj),
            "system_mj" => energy(self.system_mj),
            "gap_mj" => energy(self.gap_mj),
            "facility_mj" => energy(self.facility_mj),
            "scope2_location_based_ugco2e" => emissions(Some(self.scope2_location_based_ugco2e)),
            "scope2_location_based_annual_ugco2e" => emissions(self.scope2_location_based_annual_ugco2e),
            "scope2_market_based_ugco2e" => emissions(self.scope2_market_based_ugco2e),
            "scope3_category_1_ugco2e" => emissions(self.scope3_category_1_ugco2e),
            "scope3_category_2_ugco2e" => emissions(self.scope3_category_2_ugco2e),
            "scope3_category_3_ugco2e" => emissions(self.scope3_category_3_ugco2e),
            "scope3_category_8_ugco2e" => emissions(self.scope3_category_8_ugco2e),
            "embodied_amortised_ugco2e" => emissions(self.embodied_amortised_ugco2e),
            "operational_hourly_ugco2e" => emissions(Some(self.operational_hourly_ugco2e)),
            "operational_annual_ugco2e" => emissions(self.operational_annual_ugco2e),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_part_makes_a_sum_unknown_but_for_what_hardware_states() {
        let ug = |value| Some(MicrogramsCo2e::new(value));
        let known = Figures { scope2_market_based_ugco2e: ug(3), scope3_category_2_ugco2e: ug(5), ..Figures::nothing() };
        let unknown = Figures { facility_mj: Millijoules::new(7), ..Figures::default() };
        let mut sum = Figures::nothing();
        sum.add(&known);
        assert_eq!((sum.named("scope2_market_based_ugco2e"), sum.named("scope3_category_2_ugco2e")), (Some(3), Some(5)));
        sum.add(&unknown);

        assert_eq!((sum.named("scope2_market_based_ugco2e"), sum.named("scope3_category_2_ugco2e")), (None, Some(5)));
        assert_eq!((sum.named("facility_mj"), sum.named("nonsense")), (Some(7), None));
    }
}
