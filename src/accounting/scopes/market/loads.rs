//! What instruments can be set against: the electricity of Scope 2, by hour and site, and how much of it nothing covers yet.
//!
//! In: clusters with their sites, and the inventory's sums by site and hour. Out: [`Loads`], in the order of hour, cluster, site.
//! Rule: only sites placed in Scope 2 count; a unit of consumption is covered once. Does not: know factors.

use std::collections::BTreeMap;

use crate::accounting::inventory::ClusterInventory;
use crate::accounting::split::split_wide;
use crate::accounting::survey::ClusterTerms;
use crate::model::Placement;

/// Electricity of one site in one hour.
#[derive(Clone, Debug)]
pub struct Load {
    pub cluster: usize,
    pub site: usize,
    /// Since the epoch.
    pub hour: i32,
    pub facility_mj: i64,
    pub hourly_ugco2e: i64,
    pub annual_ugco2e: i64,
    /// Of the energy, what no instrument covers yet.
    pub rest_mj: i64,
}

/// Loads in the order of their keys.
#[derive(Clone, Debug)]
pub struct Loads {
    pub list: Vec<Load>,
    /// When the period begins: the hour that holds this instant belongs to the span that begins with it.
    from_s: i64,
}

/// Which loads an instrument may cover, by cluster and site.
pub type Reach = Vec<Vec<bool>>;

impl Loads {
    pub fn new(clusters: &[ClusterTerms], inventories: &[ClusterInventory], from_s: i64) -> Self {
        let mut list = Vec::new();
        for (cluster, (terms, inventory)) in clusters.iter().zip(inventories).enumerate() {
            for ((site, hour), sums) in &inventory.hours {
                if terms.sites[*site].placement == Placement::Scope2 && sums.facility_mj > 0 {
                    list.push(Load {
                        cluster,
                        site: *site,
                        hour: *hour,
                        facility_mj: sums.facility_mj,
                        hourly_ugco2e: sums.operational_hourly_ugco2e,
                        annual_ugco2e: sums.operational_annual_ugco2e,
                        rest_mj: sums.facility_mj,
                    });
                }
            }
        }
        list.sort_unstable_by_key(|load| (load.hour, load.cluster, load.site));
        Self { list, from_s }
    }

    /// All energy within a reach, covered or not.
    pub fn facility_mj(&self, reach: &Reach) -> i64 {
        self.list.iter().filter(|load| reach[load.cluster][load.site]).map(|load| load.facility_mj).sum()
    }

    /// Covers what is left within a reach and a span, at most so much: proportionally to what is left, by largest remainder.
    /// Adds what each site got to `covered`.
    pub fn cover(&mut self, reach: &Reach, span_s: (i64, i64), at_most_mj: i64, covered: &mut BTreeMap<(usize, usize), i64>) {
        let hours = self.hours(span_s);
        let first = self.list.partition_point(|load| load.hour < hours.0);
        let last = self.list.partition_point(|load| load.hour < hours.1);
        let open: Vec<usize> = (first..last)
            .filter(|index| {
                let load = &self.list[*index];
                load.rest_mj > 0 && reach[load.cluster][load.site]
            })
            .collect();
        let rests: Vec<i64> = open.iter().map(|index| self.list[*index].rest_mj).collect();
        let amount = at_most_mj.min(rests.iter().sum());
        for (index, part) in open.iter().zip(split_wide(amount, &rests)) {
            let load = &mut self.list[*index];
            load.rest_mj -= part;
            *covered.entry((load.cluster, load.site)).or_default() += part;
        }
    }

    /// The hours that begin within a span; the period's first hour may have begun before it, in time zones off the full hour.
    fn hours(&self, (from_s, to_s): (i64, i64)) -> (i32, i32) {
        let up =
            |instant_s: i64| i32::try_from(instant_s.div_euclid(3_600) + i64::from(instant_s.rem_euclid(3_600) > 0)).unwrap_or(i32::MAX);
        let first = if from_s <= self.from_s { i32::MIN } else { up(from_s) };
        (first, up(to_s))
    }
}
