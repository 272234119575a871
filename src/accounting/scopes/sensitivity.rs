//! What totals would be had another choice been made.
//!
//! In: sums, lines, the market-based account; sums of the same ledger under another idle policy. Out: [`Alternative`]s, value beside alternative.
//! Rule: PUE enters facility energy as a factor, so emissions at another PUE are emissions × other / own (an estimate: the ledger rounds by row);
//! another factor is another column of the same ledger; another idle policy is the ledger run again. Does not: combine choices.

use std::collections::BTreeMap;

use super::market::Market;
use super::{Line, Lines};
use crate::accounting::inventory::{ClusterInventory, Inventory};
use crate::accounting::ledger::Sums;
use crate::accounting::survey::ClusterTerms;
use crate::model::Placement;
use crate::model::policy::{IdlePolicy, LocationBased};

/// By how much the PUE of every site is moved.
const PUE_STEP: f64 = 0.1;
const LOCATION_BASED: &str = "scope2_location_based_ugco2e";

/// A figure, and what it would be.
#[derive(Clone, Debug, PartialEq)]
pub struct Alternative {
    pub choice: String,
    /// Name of the figure among the statement's totals; of a namespace's with its name.
    pub figure: String,
    pub value: Option<i64>,
    pub alternative: Option<i64>,
    pub note: String,
}

impl Alternative {
    /// Alternative less value, relative to the value.
    pub fn relative(&self) -> Option<f64> {
        let (value, alternative) = (self.value.filter(|value| *value != 0)?, self.alternative?);
        Some((alternative - value) as f64 / value as f64)
    }
}

/// Sums of the period and what stands beside them.
pub struct Ground<'a> {
    pub clusters: &'a [ClusterTerms],
    pub inventories: &'a [ClusterInventory],
    pub lines: &'a Lines,
    pub market: &'a Market,
    pub location_based: LocationBased,
}

/// Other PUEs and other factors.
pub fn alternatives(ground: &Ground<'_>) -> Vec<Alternative> {
    let mut found = vec![pue(ground, PUE_STEP), pue(ground, -PUE_STEP)];
    let annual = ground.market.sites.values().map(|site| site.annual_ugco2e).try_fold(0, |sum, site| Some(sum + site?.get()));
    let hourly = Some(ground.market.sites.values().map(|site| site.hourly_ugco2e.get()).sum());
    let market = ground.market.sites.values().map(|site| site.market_ugco2e()).try_fold(0, |sum, site| Some(sum + site?.get()));
    let (declared, other, choice, figure) = match ground.location_based {
        LocationBased::Hourly => (hourly, annual, "annual factors instead of hourly ones", LOCATION_BASED),
        LocationBased::Annual => (annual, hourly, "hourly factors instead of annual ones", "scope2_location_based_annual_ugco2e"),
    };
    let of = |choice: &str, figure: &str, value, alternative, note: &str| Alternative {
        choice: choice.to_owned(),
        figure: figure.to_owned(),
        value,
        alternative,
        note: note.to_owned(),
    };
    found.push(of(choice, figure, declared, other, "Both are shown in the reconciliation of Scope 2."));
    found.push(of("market-based instead of location-based", figure, declared, market, "Both are reported; neither replaces the other."));
    let mut line = Line::nothing();
    ground.lines.iter().flat_map(BTreeMap::values).for_each(|part| line.add(part));
    if let (Some(upstream), Some(losses)) = (line.upstream_ugco2e, line.losses_ugco2e) {
        let value = Some(upstream + losses);
        found.push(of("losses of grids left out", "scope3_category_3_ugco2e", value, Some(upstream), "Activity C of category 3."));
    }
    // Where there is nothing, no choice matters.
    found.retain(|alternative| alternative.value != Some(0) || alternative.alternative != Some(0));
    found
}

fn pue(ground: &Ground<'_>, step: f64) -> Alternative {
    let (mut value, mut alternative) = (0, 0.0);
    for (cluster, inventory) in ground.clusters.iter().zip(ground.inventories) {
        for ((site, _), sums) in &inventory.hours {
            let terms = &cluster.sites[*site];
            if terms.placement == Placement::Scope2 {
                value += sums.operational_hourly_ugco2e;
                // No building uses less than its machines.
                let other = (terms.pue + step).max(1.0);
                // Method, section 3: facility energy is E × PUE, so this is linear.
                alternative += sums.operational_hourly_ugco2e as f64 * other / terms.pue;
            }
        }
    }
    Alternative {
        choice: format!("PUE of every Scope 2 site {} by {PUE_STEP}", if step > 0.0 { "higher" } else { "lower" }),
        figure: LOCATION_BASED.to_owned(),
        value: Some(value),
        alternative: Some((alternative + 0.5).floor() as i64),
        note: "Estimated from the reported figure, which is linear in PUE; no PUE is taken below 1.".to_owned(),
    }
}

/// The namespace whose facility emissions another idle policy changes most; none where there is no namespace of pods.
pub fn idle(clusters: &[ClusterTerms], reported: (IdlePolicy, &Inventory), other: (IdlePolicy, &Inventory)) -> Option<Alternative> {
    let (ours, theirs) = (namespaces(reported.1), namespaces(other.1));
    let change =
        |key: &(usize, &str)| theirs.get(key).map_or(0, |sums| sums.operational_hourly_ugco2e) - ours[key].operational_hourly_ugco2e;
    // Of equal changes the first name.
    let most = ours.keys().rev().max_by_key(|key| change(key).abs())?;
    let value = ours[most].operational_hourly_ugco2e;
    Some(Alternative {
        choice: format!("idle energy {} instead of {}", other.0.name(), reported.0.name()),
        figure: format!("operational_hourly_ugco2e of {}/{}", clusters[most.0].name, most.1),
        value: Some(value),
        alternative: Some(value + change(most)),
        note: "The namespace that the choice changes most; totals stay the same, but for rounding by row.".to_owned(),
    })
}

/// Sums by cluster and namespace of pods.
fn namespaces(inventory: &Inventory) -> BTreeMap<(usize, &str), Sums> {
    let mut namespaces: BTreeMap<(usize, &str), Sums> = BTreeMap::new();
    for (cluster, inventory) in inventory.clusters.iter().enumerate() {
        for ((_, namespace, _), sums) in inventory.workloads.iter().filter(|((_, namespace, _), _)| !namespace.starts_with('(')) {
            namespaces.entry((cluster, namespace)).or_default().add(sums);
        }
    }
    namespaces
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounting::scopes::market::SiteMarket;
    use crate::accounting::survey::Site;
    use crate::model::RestRule;
    use crate::units::{MicrogramsCo2e, Millijoules};

    fn cluster(pue: f64) -> ClusterTerms {
        let site = Site::of_test("NL", pue);
        ClusterTerms { name: "a".to_owned(), sites: vec![site], site_of: Box::new(|_| 0) }
    }

    fn inventory(namespaces: &[(&str, i64)]) -> ClusterInventory {
        let mut inventory = ClusterInventory::default();
        for (namespace, ugco2e) in namespaces {
            let sums = Sums { operational_hourly_ugco2e: *ugco2e, ..Sums::default() };
            inventory.workloads.insert((0, (*namespace).to_owned(), "w".to_owned()), sums);
            inventory.hours.entry((0, 1)).or_default().add(&sums);
        }
        inventory
    }

    fn market(hourly: i64, annual: Option<i64>, market_based: i64) -> Market {
        let site = SiteMarket {
            rest_rule: RestRule::LocationBasedHourly,
            facility_mj: Millijoules::new(1),
            covered_mj: Millijoules::ZERO,
            open_mj: Millijoules::new(1),
            covered_ugco2e: MicrogramsCo2e::ZERO,
            rest_ugco2e: Some(MicrogramsCo2e::new(market_based)),
            hourly_ugco2e: MicrogramsCo2e::new(hourly),
            annual_ugco2e: annual.map(MicrogramsCo2e::new),
        };
        Market { sites: BTreeMap::from([((0, 0), site)]), ..Market::default() }
    }

    fn of(found: &[Alternative], part: &str) -> (Option<i64>, Option<i64>) {
        let found = found.iter().find(|found| found.choice.contains(part)).unwrap();
        (found.value, found.alternative)
    }

    #[test]
    fn a_pue_a_tenth_higher_or_lower_moves_emissions_in_proportion_and_never_below_one() {
        let inventories = [inventory(&[("n", 1_200)])];
        let found = |pue: f64| {
            let (clusters, market) = ([cluster(pue)], market(1_200, None, 0));
            alternatives(&Ground {
                clusters: &clusters,
                inventories: &inventories,
                lines: &Lines::new(),
                market: &market,
                location_based: LocationBased::Hourly,
            })
        };
        // 1,200 x 1.3 / 1.2 and 1,200 x 1.1 / 1.2.
        assert_eq!(of(&found(1.2), "higher"), (Some(1_200), Some(1_300)));
        assert_eq!(of(&found(1.2), "lower"), (Some(1_200), Some(1_100)));
        // From 1.05 there are only five hundredths to go: 1,200 / 1.05 = 1,142.86.
        assert_eq!(of(&found(1.05), "lower"), (Some(1_200), Some(1_143)));
        assert_eq!(of(&found(1.2), "annual factors"), (Some(1_200), None));
    }

    #[test]
    fn other_factors_stand_beside_what_is_declared() {
        let (clusters, inventories) = ([cluster(1.2)], [inventory(&[("n", 300)])]);
        let line = Line { upstream_ugco2e: Some(50), losses_ugco2e: Some(7), market_ugco2e: Some(40), ..Line::default() };
        let lines = vec![BTreeMap::from([((0, "n".to_owned(), "w".to_owned()), line)])];
        let found = |location_based| {
            let market = market(300, Some(330), 40);
            alternatives(&Ground { clusters: &clusters, inventories: &inventories, lines: &lines, market: &market, location_based })
        };
        let (hourly, annual) = (found(LocationBased::Hourly), found(LocationBased::Annual));

        assert_eq!(of(&hourly, "annual factors instead"), (Some(300), Some(330)));
        assert_eq!(of(&hourly, "market-based"), (Some(300), Some(40)));
        assert_eq!(of(&hourly, "losses"), (Some(57), Some(50)));
        assert_eq!(of(&annual, "hourly factors instead"), (Some(330), Some(300)));
        let tenth = hourly.iter().find(|found| found.choice.contains("annual")).unwrap().relative().unwrap();
        assert!((tenth - 0.1).abs() < 1e-12);
    }

    #[test]
    fn of_another_idle_policy_the_namespace_that_changes_most_is_shown() {
        let of = |namespaces: &[(&str, i64)]| Inventory { clusters: vec![inventory(namespaces)], runs: Vec::new(), profiles: Vec::new() };
        let reported = of(&[("(idle)", 0), ("few", 100), ("many", 500)]);
        let other = of(&[("(idle)", 350), ("few", 90), ("many", 160)]);
        let clusters = [cluster(1.2)];
        let found = idle(&clusters, (IdlePolicy::ByUsage, &reported), (IdlePolicy::Unallocated, &other)).unwrap();

        assert_eq!((found.figure.as_str(), found.value, found.alternative), ("operational_hourly_ugco2e of a/many", Some(500), Some(160)));
        assert_eq!(found.choice, "idle energy unallocated instead of by-usage");
    }
}
