//! The reported totals as sums of parts, each with the inputs that move it.
//!
//! In: clusters with their sites, sums, lines, the market-based account. Out: [`Term`]s. Rule: a site's electricity moves with the tiers of its energy,
//! the PUE of its cluster, and the factor that it meets. Node energy that was shared by CPU time is metered as a whole, so totals count it as metered.
//! Market-based: where an hour is not covered to the end, one unit of energy more is one unit more of the rest, and volumes do not move with energy.
//! Assumes: the tiers of a site's emissions are those of its energy. Does not: know how large an uncertainty is.

use std::collections::BTreeMap;

use super::Term;
use crate::accounting::inventory::ClusterInventory;
use crate::accounting::ledger::Sums;
use crate::accounting::scopes::market::Market;
use crate::accounting::scopes::{Line, Lines};
use crate::accounting::survey::{ClusterTerms, Site};
use crate::model::policy::LocationBased;
use crate::model::{Placement, RestRule};

/// What the totals are made of.
pub struct Parts<'a> {
    pub clusters: &'a [ClusterTerms],
    pub inventories: &'a [ClusterInventory],
    pub lines: &'a Lines,
    pub market: &'a Market,
    pub location_based: LocationBased,
    /// Share of a zone's energy that met an estimated or filled intensity.
    pub estimated: &'a BTreeMap<String, f64>,
    /// By cluster and site: the hardware class.
    pub classes: &'a [Vec<Option<String>>],
}

/// The terms of every total that is known; a total of nothing has none.
pub fn terms(parts: &Parts<'_>) -> Vec<Term> {
    let mut terms = Vec::new();
    let mut whole = Line::nothing();
    parts.lines.iter().flat_map(BTreeMap::values).for_each(|line| whole.add(line));
    for (index, cluster) in parts.clusters.iter().enumerate() {
        let mut sums: BTreeMap<usize, Sums> = BTreeMap::new();
        let mut lines: BTreeMap<usize, Line> = BTreeMap::new();
        for ((site, ..), of_workload) in &parts.inventories[index].workloads {
            sums.entry(*site).or_default().add(of_workload);
        }
        for ((site, ..), line) in &parts.lines[index] {
            lines.entry(*site).or_insert_with(Line::nothing).add(line);
        }
        for (site, terms_of) in cluster.sites.iter().enumerate() {
            let electricity = Electricity::of(parts, cluster, terms_of, &sums.get(&site).copied().unwrap_or_default());
            let line = lines.get(&site).copied().unwrap_or_else(Line::nothing);
            electricity_terms(parts, terms_of, &electricity, &line, &whole, &mut terms);
            let class = parts.classes.get(index).and_then(|sites| sites.get(site)).and_then(Option::as_deref);
            goods_terms(class.unwrap_or(&cluster.name), &line, &mut terms);
            if whole.market_ugco2e.is_some() {
                market_terms(parts, (index, site), terms_of, &electricity, &mut terms);
            }
        }
    }
    terms.retain(|term| term.value != 0);
    terms
}

/// A site's electricity and what it moves with.
struct Electricity {
    sums: Sums,
    /// Tiers and PUE.
    energy: Vec<(String, f64)>,
    /// The grid's intensity, hour by hour.
    hourly: Vec<(String, f64)>,
}

impl Electricity {
    fn of(parts: &Parts<'_>, cluster: &ClusterTerms, site: &Site, sums: &Sums) -> Self {
        let known = sums.active_mj + sums.idle_mj + sums.system_mj;
        let share = |part: i64| if known + sums.gap_mj == 0 { 0.0 } else { part as f64 / (known + sums.gap_mj) as f64 };
        let tiers = [("metered", known - sums.modelled_mj), ("modelled", sums.modelled_mj), ("filled", sums.gap_mj)];
        let mut energy: Vec<(String, f64)> = tiers.iter().map(|(tier, part)| (format!("tier {tier}"), share(*part))).collect();
        energy.push((format!("pue {}", cluster.name), 1.0));
        let estimated = parts.estimated.get(&site.grid_zone).copied().unwrap_or(0.0);
        let hourly = vec![grid(site), (format!("grid-estimation {}", site.grid_zone), estimated)];
        Self { sums: *sums, energy, hourly }
    }

    fn moved_by(&self, factors: &[(String, f64)]) -> Vec<(String, f64)> {
        [self.energy.as_slice(), factors].concat()
    }

    /// As `moved_by`, where the part moves more or less than the energy does.
    fn scaled(&self, elasticity: f64, factors: &[(String, f64)]) -> Vec<(String, f64)> {
        let energy = self.energy.iter().map(|(input, share)| (input.clone(), share * elasticity));
        energy.chain(factors.iter().cloned()).collect()
    }
}

fn grid(site: &Site) -> (String, f64) {
    (format!("grid-intensity {}", site.grid_zone), 1.0)
}

fn electricity_terms(parts: &Parts<'_>, site: &Site, electricity: &Electricity, line: &Line, whole: &Line, terms: &mut Vec<Term>) {
    let sums = &electricity.sums;
    let mut push = |figure, value, inputs| terms.push(Term { figure, value, inputs });
    push("facility_mj", sums.facility_mj, electricity.energy.clone());
    push("operational_hourly_ugco2e", sums.operational_hourly_ugco2e, electricity.moved_by(&electricity.hourly));
    let figure = match site.placement {
        Placement::Scope2 => "scope2_location_based_ugco2e",
        Placement::Scope3Category1 => "scope3_category_1_ugco2e",
        Placement::Scope3Category8 => "scope3_category_8_ugco2e",
    };
    if site.placement == Placement::Scope2 || parts.location_based == LocationBased::Hourly {
        push(figure, sums.operational_hourly_ugco2e, electricity.moved_by(&electricity.hourly));
    } else {
        push(figure, sums.operational_annual_ugco2e, electricity.moved_by(&[grid(site)]));
    }
    if let (Some(_), Some(upstream)) = (whole.upstream_ugco2e, line.upstream_ugco2e) {
        push("scope3_category_3_ugco2e", upstream, electricity.moved_by(&[(format!("upstream {}", site.grid_zone), 1.0)]));
        let losses = line.losses_ugco2e.unwrap_or(0);
        push("scope3_category_3_ugco2e", losses, electricity.moved_by(&[(format!("losses {}", site.grid_zone), 1.0)]));
    }
}

fn goods_terms(class: &str, line: &Line, terms: &mut Vec<Term>) {
    let figures = [
        ("scope3_category_1_ugco2e", line.cloud_amortised_ugco2e),
        ("scope3_category_2_ugco2e", line.category_2_ugco2e),
        ("embodied_amortised_ugco2e", line.amortised_ugco2e),
    ];
    for (figure, value) in figures {
        terms.push(Term { figure, value: value.unwrap_or(0), inputs: vec![(format!("embodied {class}"), 1.0)] });
    }
}

fn market_terms(parts: &Parts<'_>, key: (usize, usize), site: &Site, electricity: &Electricity, terms: &mut Vec<Term>) {
    let Some(market) = parts.market.sites.get(&key) else { return };
    let figure = "scope2_market_based_ugco2e";
    let ratio = |part: i64, whole: i64| if whole == 0 { 0.0 } else { part as f64 / whole as f64 };
    let zone = parts.market.zones.iter().find(|zone| zone.grid_zone == site.grid_zone);
    let factor = match zone.map(|zone| zone.rest_rule).unwrap_or_default() {
        RestRule::ResidualMix => vec![(format!("residual-mix {}", site.grid_zone), 1.0)],
        RestRule::LocationBasedHourly => electricity.hourly.clone(),
        RestRule::LocationBasedAnnual => vec![grid(site)],
    };
    let rest = market.rest_ugco2e.unwrap_or_default().get();
    terms.push(Term { figure, value: rest, inputs: electricity.scaled(ratio(market.open_mj.get(), market.rest_mj().get()), &factor) });
    // Of hours that are covered to the end, one unit more would be covered too.
    let closed = ratio((market.facility_mj - market.open_mj).get(), market.covered_mj.get());
    for (index, used) in parts.market.instruments.iter().enumerate() {
        if let Some(applied) = used.by_site.get(&key) {
            let inputs = electricity.scaled(closed, &[(format!("instrument {}", index + 1), 1.0)]);
            terms.push(Term { figure, value: applied.applied_ugco2e.get(), inputs });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounting::scopes::market::{SiteMarket, ZoneMarket};
    use crate::accounting::scopes::uncertainty::combine;

    use crate::units::{MicrogramsCo2e, Millijoules};

    fn cluster(name: &str, zone: &str, placement: Placement) -> ClusterTerms {
        let site = Site { placement, ..Site::of_test(zone, 1.2) };
        ClusterTerms { name: name.to_owned(), sites: vec![site], site_of: Box::new(|_| 0) }
    }

    fn inventory(sums: Sums) -> ClusterInventory {
        let mut inventory = ClusterInventory::default();
        inventory.workloads.insert((0, "n".to_owned(), "w".to_owned()), sums);
        inventory
    }

    fn sums(energy_mj: i64, ugco2e: i64) -> Sums {
        Sums { active_mj: energy_mj, facility_mj: energy_mj * 6 / 5, operational_hourly_ugco2e: ugco2e, ..Sums::default() }
    }

    fn lines(inventories: &[ClusterInventory], line: Line) -> Lines {
        inventories.iter().map(|inventory| inventory.workloads.keys().map(|key| (key.clone(), line)).collect()).collect()
    }

    fn expanded(parts: &Parts<'_>, figure: &str, uncertainty_of: impl Fn(&str) -> Option<f64>) -> Option<(i64, i64)> {
        let found = combine(&terms(parts), uncertainty_of);
        found.iter().find(|found| found.figure == figure).map(|found| (found.value, found.expanded))
    }

    #[test]
    fn two_clusters_of_one_grid_share_its_intensity_and_of_two_grids_do_not() {
        let inventories = [inventory(sums(1_000, 300)), inventory(sums(1_000, 400))];
        let lines = lines(&inventories, Line::default());
        let parts = |clusters: &[ClusterTerms]| {
            let of_grid = |input: &str| input.starts_with("grid-intensity").then_some(0.1);
            let parts = Parts {
                clusters,
                inventories: &inventories,
                lines: &lines,
                market: &Market::default(),
                location_based: LocationBased::Hourly,
                estimated: &BTreeMap::new(),
                classes: &[],
            };
            expanded(&parts, "scope2_location_based_ugco2e", of_grid)
        };
        let scope2 = Placement::Scope2;

        assert_eq!(parts(&[cluster("a", "NL", scope2), cluster("b", "NL", scope2)]), Some((700, 140)));
        assert_eq!(parts(&[cluster("a", "NL", scope2), cluster("b", "DE", scope2)]), Some((700, 100)));
    }

    #[test]
    fn what_was_shared_by_cpu_time_is_metered_as_a_whole_and_what_was_modelled_is_not() {
        let of = |sums: Sums| {
            let inventories = [inventory(sums)];
            let parts = Parts {
                clusters: &[cluster("a", "NL", Placement::Scope2)],
                inventories: &inventories,
                lines: &lines(&inventories, Line::default()),
                market: &Market::default(),
                location_based: LocationBased::Hourly,
                estimated: &BTreeMap::new(),
                classes: &[],
            };
            expanded(&parts, "facility_mj", |input| (input == "tier modelled").then_some(0.25))
        };

        assert_eq!(of(Sums { allocated_mj: 500, ..sums(1_000, 0) }), Some((1_200, 0)));
        // Half of 1,200 at 25 %: 150, expanded 300.
        assert_eq!(of(Sums { modelled_mj: 500, ..sums(1_000, 0) }), Some((1_200, 300)));
    }

    #[test]
    fn a_volume_does_not_move_with_energy_so_the_rest_moves_more() {
        // 1,000 used, 800 covered, 200 left at 100 µg: 10 % more energy are 100 more of the rest, 50 µg; expanded 100.
        let zone = ZoneMarket {
            grid_zone: "NL".to_owned(),
            facility_mj: Millijoules::new(1_000),
            covered_mj: Millijoules::new(800),
            rest_mj: Millijoules::new(200),
            covered_ugco2e: MicrogramsCo2e::ZERO,
            rest_ugco2e: Some(MicrogramsCo2e::new(100)),
            rest_rule: RestRule::ResidualMix,
            residual_mix: Some("mix".to_owned()),
        };
        let site = SiteMarket {
            rest_rule: RestRule::LocationBasedHourly,
            facility_mj: zone.facility_mj,
            covered_mj: zone.covered_mj,
            open_mj: zone.facility_mj,
            covered_ugco2e: MicrogramsCo2e::ZERO,
            rest_ugco2e: zone.rest_ugco2e,
            hourly_ugco2e: MicrogramsCo2e::ZERO,
            annual_ugco2e: None,
        };
        let market = Market { sites: BTreeMap::from([((0, 0), site)]), zones: vec![zone], ..Market::default() };
        let inventories = [inventory(sums(1_000, 500))];
        let parts = Parts {
            clusters: &[cluster("a", "NL", Placement::Scope2)],
            inventories: &inventories,
            lines: &lines(&inventories, Line { market_ugco2e: Some(100), ..Line::default() }),
            market: &market,
            location_based: LocationBased::Hourly,
            estimated: &BTreeMap::new(),
            classes: &[],
        };
        let of = |wanted: &'static str| expanded(&parts, "scope2_market_based_ugco2e", move |input| (input == wanted).then_some(0.1));

        assert_eq!(of("tier metered"), Some((100, 100)));
        assert_eq!(of("residual-mix NL"), Some((100, 20)));
    }

    #[test]
    fn machines_and_electricity_of_a_cloud_are_one_figure_with_inputs_of_both() {
        let inventories = [inventory(sums(1_000, 300))];
        let line = Line { cloud_amortised_ugco2e: Some(400), amortised_ugco2e: Some(400), ..Line::default() };
        let parts = Parts {
            clusters: &[cluster("a", "PL", Placement::Scope3Category1)],
            inventories: &inventories,
            lines: &lines(&inventories, line),
            market: &Market::default(),
            location_based: LocationBased::Hourly,
            estimated: &BTreeMap::from([("PL".to_owned(), 0.5)]),
            classes: &[vec![Some("r740".to_owned())]],
        };
        let of = |inputs: &'static [&'static str]| {
            expanded(&parts, "scope3_category_1_ugco2e", move |input| inputs.contains(&input).then_some(0.1)).unwrap()
        };

        assert_eq!(of(&["grid-intensity PL", "embodied r740"]), (700, 100));
        // Half of the energy met an estimate: 300 x 0.5 x 10 %.
        assert_eq!(of(&["grid-estimation PL"]), (700, 30));
        // Unknown is not a figure.
        assert_eq!(expanded(&parts, "scope3_category_3_ugco2e", |_| Some(0.1)), None);
    }
}
