//! Market-based emissions by hour: each workload's part of the period, shared among the workload's own hours.
//!
//! In: the parts of all workloads, their sums over the period, and their hours in the order of time. Out: micrograms for each hour.
//! Rule: what instruments cover by the hour's facility energy, the rest by what the rest of the site was shared by; the part up to the end of each hour
//! is rounded and differences are taken, so that hours add up to the part to the last microgram, one hour at a time in memory. A namespace that changed its
//! cost centre has a part for each, so that cost centres add up too.
//! Without instruments each hour has its location-based figure. Assumes: hours of a workload come in the order of time, all of them.
//! Does not: say what a certificate matched in an hour; that is `by_hour`, and a figure of a site.

use std::collections::BTreeMap;

use super::Market;
use super::lines::{MarketPart, RestWeight};
use crate::accounting::inventory::{ClusterInventory, WorkloadKey};
use crate::accounting::ledger::Sums;

/// Where every workload of the period is on its way through its hours.
#[derive(Default)]
pub struct MarketHours {
    /// By cluster, workload, cost centre.
    workloads: Vec<BTreeMap<WorkloadKey, BTreeMap<String, Shared>>>,
}

/// A workload's part, and how much of it the hours so far have.
#[derive(Clone, Debug)]
pub struct Shared {
    part: MarketPart,
    covered: Running,
    rest: Running,
}

/// A whole that is shared by weights that come one after the other.
#[derive(Clone, Copy, Debug)]
struct Running {
    whole: i64,
    total_weight: i64,
    weight: i64,
    given: i64,
}

impl MarketHours {
    /// The inventory says of all sums whose they are (`scopes::cost_centres::complete`).
    pub fn new(market: &Market, inventories: &[ClusterInventory]) -> Self {
        let shared = |(name, sums): (&String, &Sums), part: MarketPart| {
            let running = |whole, weight: RestWeight| Running { whole, total_weight: weight.of(sums), weight: 0, given: 0 };
            let covered = running(part.covered_ugco2e, RestWeight::FacilityEnergy);
            let rest = running(part.rest_ugco2e.unwrap_or(0), part.rest_weight);
            (name.clone(), Shared { part, covered, rest })
        };
        let of_cluster = |(cluster, inventory): (usize, &ClusterInventory)| {
            let of_workload = |(key, part): (&WorkloadKey, MarketPart)| {
                let centres = &inventory.cost_centres[key];
                (key.clone(), centres.iter().zip(part.by_cost_centre(centres)).map(|(centre, part)| shared(centre, part)).collect())
            };
            market.parts(cluster, inventory).into_iter().map(of_workload).collect()
        };
        Self { workloads: inventories.iter().enumerate().map(of_cluster).collect() }
    }

    /// None for what is not in Scope 2, of which every hour has 0.
    pub fn of(&mut self, cluster: usize, key: &WorkloadKey, cost_centre: &str) -> Option<&mut Shared> {
        self.workloads.get_mut(cluster)?.get_mut(key)?.get_mut(cost_centre)
    }
}

impl Shared {
    /// The figure of the workload's next hour; none where the workload's is not known.
    pub fn next_hour(&mut self, sums: &Sums) -> Option<i64> {
        let covered = self.covered.next(sums.facility_mj);
        let rest = self.rest.next(self.part.rest_weight.of(sums));
        self.part.rest_ugco2e.map(|_| covered + rest)
    }
}

impl Running {
    /// `floor(whole × weight so far / total + 0.5)` less what was given before.
    fn next(&mut self, weight: i64) -> i64 {
        self.weight += weight;
        if self.total_weight == 0 {
            return 0;
        }
        let (whole, weight, total) = (i128::from(self.whole), i128::from(self.weight), i128::from(self.total_weight));
        let so_far = (2 * whole * weight + total).div_euclid(2 * total);
        let so_far = i64::try_from(so_far).expect("a part is not above its whole");
        let part = so_far - self.given;
        self.given = so_far;
        part
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn share(whole: i64, weights: &[i64]) -> Vec<i64> {
        let mut running = Running { whole, total_weight: weights.iter().sum(), weight: 0, given: 0 };
        weights.iter().map(|weight| running.next(*weight)).collect()
    }

    #[test]
    fn parts_up_to_each_hour_are_rounded_and_differences_taken() {
        // 10 by thirds: 3.33, 6.67, 10 become 3, 7, 10.
        assert_eq!(share(10, &[1, 1, 1]), [3, 4, 3]);
        assert_eq!(share(7, &[0, 2, 0]), [0, 7, 0]);
        assert_eq!(share(0, &[5, 5]), [0, 0]);
        assert_eq!(share(5, &[0, 0]), [0, 0], "without any weight nothing is shared");
    }

    #[test]
    fn a_whole_that_is_its_own_weight_is_shared_as_it_is() {
        let weights = [3, 0, 1 << 50, 17, 1];
        assert_eq!(share(weights.iter().sum(), &weights), weights);
    }

    proptest! {
        #[test]
        fn hours_add_up_to_the_whole_and_none_is_below_zero(
            whole in 0i64..1 << 61, weights in proptest::collection::vec(0i64..1 << 40, 1..60)
        ) {
            let parts = share(whole, &weights);

            prop_assert!(parts.iter().all(|part| *part >= 0));
            if weights.iter().any(|weight| *weight > 0) {
                prop_assert_eq!(parts.iter().sum::<i64>(), whole);
            }
        }
    }

    #[test]
    fn a_workloads_hours_have_its_part_and_nobody_elses() {
        use std::collections::BTreeMap;

        use crate::accounting::scopes::market::SiteMarket;
        use crate::model::RestRule;
        use crate::units::{MicrogramsCo2e, Millijoules};

        let sums = |facility_mj, operational_hourly_ugco2e| Sums { facility_mj, operational_hourly_ugco2e, ..Sums::default() };
        let key = |name: &str| (0_usize, name.to_owned(), "x".to_owned());
        let a = || "a".to_owned();
        let mut inventory = ClusterInventory::default();
        for (name, energy, emissions) in [("shop", 300, 30), ("blog", 100, 70)] {
            inventory.workloads.insert(key(name), sums(energy, emissions));
            inventory.cost_centres.insert(key(name), BTreeMap::from([(a(), sums(energy, emissions))]));
        }
        // Covered 40 by energy, so 30 are the shop's; of the rest, 10 of 100 hourly emissions, it has 3.
        let site = |rest: Option<i64>| SiteMarket {
            facility_mj: Millijoules::new(400),
            covered_mj: Millijoules::ZERO,
            open_mj: Millijoules::ZERO,
            covered_ugco2e: MicrogramsCo2e::new(40),
            rest_ugco2e: rest.map(MicrogramsCo2e::new),
            rest_rule: RestRule::LocationBasedHourly,
            hourly_ugco2e: MicrogramsCo2e::ZERO,
            annual_ugco2e: None,
        };
        let hours_of = |rest| {
            let market = Market { sites: BTreeMap::from([((0, 0), site(rest))]), ..Market::default() };
            MarketHours::new(&market, std::slice::from_ref(&inventory))
        };
        let mut hours = hours_of(Some(10));
        // A third of the energy and two thirds of the emissions in the first of two hours.
        let shop = hours.of(0, &key("shop"), "a").unwrap();
        assert_eq!([sums(100, 20), sums(200, 10)].map(|hour| shop.next_hour(&hour)), [Some(10 + 2), Some(20 + 1)]);
        let blog = hours.of(0, &key("blog"), "a").unwrap();
        assert_eq!(blog.next_hour(&sums(100, 70)), Some(10 + 7));
        assert!(
            hours.of(0, &key("blog"), "b").is_none()
                && hours.of(0, &key("other"), "a").is_none()
                && hours.of(1, &key("blog"), "a").is_none()
        );

        let mut unknown = hours_of(None);
        assert_eq!(unknown.of(0, &key("shop"), "a").unwrap().next_hour(&sums(300, 30)), None);
    }
}
