//! Scope 2, market-based: what the organisation's contracts cover of its electricity, and what stands in for the rest.
//!
//! In: clusters with their sites, sums by site and hour of a month or a year, the register of instruments, residual mixes, and which location-based
//! figure is the declared one. Out: [`Market`]: emissions by site, what became of every instrument, shares, energy mix, sentences and findings.
//!
//! Rule: GHG Protocol Scope 2 Guidance (2015), table 6.3: certificates, then power purchase agreements, then suppliers' rates, each in the order of the
//! configuration; an instrument covers consumption of its grid zone (and clusters, where it names any), in its own period, never beyond consumption and
//! never beyond its volume; a unit of consumption is covered once. The rest meets the residual mix, or where there is none the declared location-based
//! factor. Volumes are integers and splits by largest remainder, so covered and rest add up to consumption.
//! Assumes: sums that balance. Does not: read files, or call anything renewable that no contract calls so.

mod by_hour;
mod cover;
mod criteria;
mod holders;
mod hours;
mod lines;
mod loads;
mod mix;
mod rest;
mod said;
#[cfg(test)]
mod tests;
mod volume;

use std::collections::{BTreeMap, BTreeSet};

use super::super::inventory::ClusterInventory;
use super::super::survey::ClusterTerms;
use crate::model::policy::LocationBased;
use crate::model::{Finding, Instrument, Placement, RestRule};
use crate::units::{GramsCo2ePerKilowattHour, MicrogramsCo2e, Millijoules, ReportingPeriod};

pub use self::hours::MarketHours;
pub use self::lines::{MarketPart, RestWeight};
pub use self::mix::Mix;

/// What a zone's electricity emits that no instrument claims.
#[derive(Clone, Debug, PartialEq)]
pub struct ResidualMix {
    /// Id of the factor.
    pub id: String,
    pub factor: GramsCo2ePerKilowattHour,
    /// The year that it describes.
    pub year: Option<i32>,
    pub nuclear_share: Option<f64>,
}

/// What the organisation holds and declares.
pub struct MarketTerms<'a> {
    pub period: ReportingPeriod,
    /// Months of a year that have no evidence.
    pub missing: &'a [ReportingPeriod],
    pub location_based: LocationBased,
    /// In the order of the configuration.
    pub instruments: &'a [Instrument],
    /// By grid zone.
    pub residual: &'a BTreeMap<String, ResidualMix>,
    pub zones_without_annual: &'a BTreeSet<String>,
}

/// Scope 2, market-based, of a period.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Market {
    /// By cluster and site: every site that is in Scope 2 and used electricity.
    pub sites: BTreeMap<(usize, usize), SiteMarket>,
    /// In the order of the configuration.
    pub instruments: Vec<InstrumentUse>,
    /// Sorted by zone.
    pub zones: Vec<ZoneMarket>,
    pub facility_mj: Millijoules,
    pub covered_mj: Millijoules,
    /// Met hour by hour: per hour the lesser of generation and consumption.
    pub matched_mj: Millijoules,
    /// What the figure would be if instruments counted hour by hour only. Not a figure of the 2015 Guidance.
    pub matched_ugco2e: Option<MicrogramsCo2e>,
    pub mix: Mix,
    pub disclosures: Vec<String>,
    pub findings: Vec<Finding>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteMarket {
    pub facility_mj: Millijoules,
    pub covered_mj: Millijoules,
    /// Energy of the hours of which something is left: there, one unit more would be one unit more of the rest.
    pub open_mj: Millijoules,
    pub covered_ugco2e: MicrogramsCo2e,
    /// None: the annual factor is declared and not known.
    pub rest_ugco2e: Option<MicrogramsCo2e>,
    pub rest_rule: RestRule,
    pub hourly_ugco2e: MicrogramsCo2e,
    pub annual_ugco2e: Option<MicrogramsCo2e>,
}

impl SiteMarket {
    pub fn rest_mj(&self) -> Millijoules {
        self.facility_mj - self.covered_mj
    }

    pub fn market_ugco2e(&self) -> Option<MicrogramsCo2e> {
        self.rest_ugco2e.map(|rest| self.covered_ugco2e + rest)
    }
}

/// What became of an instrument's volume.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct InstrumentUse {
    /// Of the volume, what may be used in the period.
    pub available_mj: Millijoules,
    pub applied_mj: Millijoules,
    pub applied_ugco2e: MicrogramsCo2e,
    /// By cluster and site.
    pub by_site: BTreeMap<(usize, usize), Applied>,
    pub criteria_not_met: Vec<u8>,
    pub criteria_unanswered: Vec<u8>,
    pub not_used_reason: Option<String>,
}

/// What an instrument covered at a site.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    pub applied_mj: Millijoules,
    pub applied_ugco2e: MicrogramsCo2e,
}

/// A grid zone's Scope 2 electricity.
#[derive(Clone, Debug, PartialEq)]
pub struct ZoneMarket {
    pub grid_zone: String,
    pub facility_mj: Millijoules,
    pub covered_mj: Millijoules,
    pub rest_mj: Millijoules,
    pub covered_ugco2e: MicrogramsCo2e,
    pub rest_ugco2e: Option<MicrogramsCo2e>,
    pub rest_rule: RestRule,
    pub residual_mix: Option<String>,
}

/// Accounts a month or a year.
pub fn market_based(terms: &MarketTerms<'_>, clusters: &[ClusterTerms], inventories: &[ClusterInventory]) -> Market {
    let mut loads = loads::Loads::new(clusters, inventories, terms.period.from().timestamp());
    let hourly = by_hour::matched(terms, clusters, loads.clone());
    let covered = cover::cover(terms, clusters, &mut loads);
    let mut market = Market { instruments: covered.instruments, ..Market::default() };
    for load in &loads.list {
        let zone = &clusters[load.cluster].sites[load.site].grid_zone;
        let knows_annual = !terms.zones_without_annual.contains(zone);
        let site = market.sites.entry((load.cluster, load.site)).or_insert_with(|| SiteMarket {
            facility_mj: Millijoules::ZERO,
            covered_mj: Millijoules::ZERO,
            open_mj: Millijoules::ZERO,
            covered_ugco2e: covered.ugco2e.get(&(load.cluster, load.site)).copied().unwrap_or_default(),
            rest_ugco2e: Some(MicrogramsCo2e::ZERO),
            rest_rule: rest::rule(terms, zone),
            hourly_ugco2e: MicrogramsCo2e::ZERO,
            annual_ugco2e: knows_annual.then_some(MicrogramsCo2e::ZERO),
        });
        site.facility_mj += Millijoules::new(load.facility_mj);
        site.covered_mj += Millijoules::new(load.facility_mj - load.rest_mj);
        if load.rest_mj > 0 {
            site.open_mj += Millijoules::new(load.facility_mj);
        }
        site.hourly_ugco2e += MicrogramsCo2e::new(load.hourly_ugco2e);
        site.annual_ugco2e = site.annual_ugco2e.map(|sum| sum + MicrogramsCo2e::new(load.annual_ugco2e));
        site.rest_ugco2e = rest::add(site.rest_ugco2e, rest::emissions(terms, zone, load));
    }
    market.zones = zones(terms, clusters, &market.sites);
    market.facility_mj = market.zones.iter().map(|zone| zone.facility_mj).sum();
    market.covered_mj = market.zones.iter().map(|zone| zone.covered_mj).sum();
    (market.matched_mj, market.matched_ugco2e) = (hourly.matched_mj, hourly.ugco2e);
    market.mix = mix::mix(terms, &market, outside_own_operations(clusters, inventories));
    market.disclosures = said::disclosures(terms, &market);
    market.findings = said::findings(terms, clusters, &market);
    market
}

fn zones(terms: &MarketTerms<'_>, clusters: &[ClusterTerms], sites: &BTreeMap<(usize, usize), SiteMarket>) -> Vec<ZoneMarket> {
    let mut zones: BTreeMap<&str, ZoneMarket> = BTreeMap::new();
    for ((cluster, site), sums) in sites {
        let grid_zone = &clusters[*cluster].sites[*site].grid_zone;
        let zone = zones.entry(grid_zone).or_insert_with(|| ZoneMarket {
            grid_zone: grid_zone.clone(),
            facility_mj: Millijoules::ZERO,
            covered_mj: Millijoules::ZERO,
            rest_mj: Millijoules::ZERO,
            covered_ugco2e: MicrogramsCo2e::ZERO,
            rest_ugco2e: Some(MicrogramsCo2e::ZERO),
            rest_rule: rest::rule(terms, grid_zone),
            residual_mix: terms.residual.get(grid_zone).map(|mix| mix.id.clone()),
        });
        zone.facility_mj += sums.facility_mj;
        zone.covered_mj += sums.covered_mj;
        zone.rest_mj += sums.rest_mj();
        zone.covered_ugco2e += sums.covered_ugco2e;
        zone.rest_ugco2e = rest::add(zone.rest_ugco2e, sums.rest_ugco2e);
    }
    zones.into_values().collect()
}

/// Electricity of clouds and leased assets.
fn outside_own_operations(clusters: &[ClusterTerms], inventories: &[ClusterInventory]) -> Millijoules {
    let sums = clusters.iter().zip(inventories).flat_map(|(terms, inventory)| {
        inventory.hours.iter().filter(|((site, _), _)| terms.sites[*site].placement != Placement::Scope2).map(|(_, sums)| sums)
    });
    sums.map(|sums| Millijoules::new(sums.facility_mj)).sum()
}
