//! Emissions by the quality tier of the energy that they come from.
//!
//! In: the sums of a workload's hour. Out: its hourly location-based emissions, shared over the tiers. Rule: method, section 3 (Quality tier): in
//! proportion to energy before PUE; the shares up to each tier are rounded, floor(x + 0.5), and differences are taken, so that parts add up to the whole.
//! Assumes: within an hour all of a workload's energy is emitted alike; where intensity changes within the hour this is its mean. Does not: grade.

use super::ledger::Sums;

/// Micrograms by tier.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TierEmissions {
    pub metered_ugco2e: i64,
    pub allocated_ugco2e: i64,
    pub modelled_ugco2e: i64,
    pub filled_ugco2e: i64,
}

impl TierEmissions {
    /// Shares the emissions of one workload in one hour.
    pub fn of_hour(sums: &Sums) -> Self {
        let energy_mj = i128::from(sums.active_mj) + i128::from(sums.idle_mj) + i128::from(sums.system_mj) + i128::from(sums.gap_mj);
        let whole = sums.operational_hourly_ugco2e;
        if energy_mj == 0 {
            return Self { metered_ugco2e: whole, ..Self::default() };
        }
        // A product of two sums may need more than 64 bits.
        let up_to = |mj: i128| {
            let doubled = 2 * i128::from(whole) * mj + energy_mj;
            i64::try_from(doubled.div_euclid(2 * energy_mj)).expect("a part is not more than the whole")
        };
        let filled = up_to(i128::from(sums.gap_mj));
        let modelled = up_to(i128::from(sums.gap_mj) + i128::from(sums.modelled_mj));
        let allocated = up_to(i128::from(sums.gap_mj) + i128::from(sums.modelled_mj) + i128::from(sums.allocated_mj));
        Self {
            metered_ugco2e: whole - allocated,
            allocated_ugco2e: allocated - modelled,
            modelled_ugco2e: modelled - filled,
            filled_ugco2e: filled,
        }
    }

    pub fn whole_ugco2e(&self) -> i64 {
        self.metered_ugco2e + self.allocated_ugco2e + self.modelled_ugco2e + self.filled_ugco2e
    }

    pub fn add(&mut self, other: &Self) {
        let sum = |a: i64, b: i64| a.checked_add(b).expect("emissions stay below 9.2 Mt per sum");
        self.metered_ugco2e = sum(self.metered_ugco2e, other.metered_ugco2e);
        self.allocated_ugco2e = sum(self.allocated_ugco2e, other.allocated_ugco2e);
        self.modelled_ugco2e = sum(self.modelled_ugco2e, other.modelled_ugco2e);
        self.filled_ugco2e = sum(self.filled_ugco2e, other.filled_ugco2e);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_hours_emissions_are_shared_by_the_energy_of_each_tier() {
        // 1,000 mJ: 250 modelled, 150 allocated, the rest metered; 777 µg: 194.25, then up to 400 mJ 310.8, so 194, 117 and 466.
        let sums = Sums {
            active_mj: 600,
            idle_mj: 300,
            system_mj: 100,
            allocated_mj: 150,
            modelled_mj: 250,
            operational_hourly_ugco2e: 777,
            ..Sums::default()
        };
        let expected = TierEmissions { metered_ugco2e: 466, allocated_ugco2e: 117, modelled_ugco2e: 194, filled_ugco2e: 0 };
        assert_eq!(TierEmissions::of_hour(&sums), expected);

        // A gap's row is filled, whole.
        let gap = Sums { gap_mj: 7, operational_hourly_ugco2e: 3, ..Sums::default() };
        assert_eq!(TierEmissions::of_hour(&gap), TierEmissions { filled_ugco2e: 3, ..TierEmissions::default() });
    }

    proptest! {
        #[test]
        fn parts_add_up_and_none_is_negative(
            energy in prop::array::uniform3(0..i64::MAX / 8), allocated in 0.0..0.5, modelled in 0.0..0.5, gap_mj in 0..i64::MAX / 8,
            operational_hourly_ugco2e in 0..i64::MAX
        ) {
            let [active_mj, idle_mj, system_mj] = energy;
            let part = |share: f64| ((active_mj + idle_mj + system_mj) as f64 * share) as i64;
            let (allocated_mj, modelled_mj) = (part(allocated * 0.99), part(modelled * 0.99));
            let sums = Sums { active_mj, idle_mj, system_mj, gap_mj, allocated_mj, modelled_mj, operational_hourly_ugco2e, ..Sums::default() };
            let tiers = TierEmissions::of_hour(&sums);
            let parts = [tiers.metered_ugco2e, tiers.allocated_ugco2e, tiers.modelled_ugco2e, tiers.filled_ugco2e];
            prop_assert!(parts.iter().all(|part| *part >= 0));
            prop_assert_eq!(tiers.whole_ugco2e(), operational_hourly_ugco2e);
        }
    }
}
