//! The section of the statement that shows Scope 2 both ways.
//!
//! In: the market-based account, the register of instruments, clusters with their sites. Out: [`Scope2`]. Rule: rows by cluster and grid zone, sorted;
//! differences only where both sides are known. Does not: compute emissions.

use std::collections::BTreeMap;

use super::statement::{EnergyMix, InstrumentStatement, MarketZone, Scope2, Scope2Row};
use crate::accounting::scopes::market::{InstrumentUse, Market, SiteMarket};
use crate::accounting::survey::ClusterTerms;
use crate::model::{Instrument, InstrumentPeriod};
use crate::units::{MicrogramsCo2e, Share};

pub fn section(market: &Market, instruments: &[Instrument], clusters: &[ClusterTerms]) -> Scope2 {
    let share = |part: i64| Share::of(part, market.facility_mj.get());
    let zones = market.zones.iter().map(|zone| MarketZone {
        grid_zone: zone.grid_zone.clone(),
        facility_mj: zone.facility_mj,
        covered_mj: zone.covered_mj,
        rest_mj: zone.rest_mj,
        covered_ugco2e: zone.covered_ugco2e,
        rest_ugco2e: zone.rest_ugco2e,
        rest_rule: zone.rest_rule,
        residual_mix: zone.residual_mix.clone(),
    });
    let mix = &market.mix;
    Scope2 {
        reconciliation: reconciliation(market, clusters),
        instruments: instruments
            .iter()
            .zip(&market.instruments)
            .enumerate()
            .map(|(index, (held, used))| statement(index, held, used))
            .collect(),
        zones: zones.collect(),
        covered_share: share(market.covered_mj.get()),
        hourly_matched_share: share(market.matched_mj.get()),
        hourly_matched_ugco2e: market.matched_ugco2e,
        energy_mix: EnergyMix {
            total_mj: mix.total_mj,
            fossil_mj: mix.fossil_mj,
            nuclear_mj: mix.nuclear_mj,
            renewable_mj: mix.renewable_mj,
            outside_own_operations_mj: mix.outside_own_operations_mj,
            rule: mix.rule.clone(),
        },
        disclosures: market.disclosures.clone(),
    }
}

fn reconciliation(market: &Market, clusters: &[ClusterTerms]) -> Vec<Scope2Row> {
    let mut rows: BTreeMap<(&str, &str), Vec<&SiteMarket>> = BTreeMap::new();
    for ((cluster, site), sums) in &market.sites {
        let terms = &clusters[*cluster];
        rows.entry((&terms.name, &terms.sites[*site].grid_zone)).or_default().push(sums);
    }
    let row = |((cluster, grid_zone), sites): ((&str, &str), Vec<&SiteMarket>)| {
        let of = |figure: fn(&SiteMarket) -> Option<MicrogramsCo2e>| sites.iter().map(|site| figure(site)).sum::<Option<MicrogramsCo2e>>();
        let location_based_ugco2e = sites.iter().map(|site| site.hourly_ugco2e).sum();
        let (annual, market_based) = (of(|site| site.annual_ugco2e), of(SiteMarket::market_ugco2e));
        Scope2Row {
            cluster: cluster.to_owned(),
            grid_zone: grid_zone.to_owned(),
            facility_mj: sites.iter().map(|site| site.facility_mj).sum(),
            location_based_ugco2e,
            location_based_annual_ugco2e: annual,
            hourly_less_annual_ugco2e: annual.map(|annual| location_based_ugco2e - annual),
            market_based_ugco2e: market_based,
            market_less_location_based_ugco2e: market_based.map(|market_based| market_based - location_based_ugco2e),
        }
    };
    rows.into_iter().map(row).collect()
}

fn statement(index: usize, held: &Instrument, used: &InstrumentUse) -> InstrumentStatement {
    let InstrumentPeriod { year, month } = held.period;
    InstrumentStatement {
        number: index as u64 + 1,
        entity: held.entity.clone(),
        kind: held.kind,
        grid_zone: held.zone.clone(),
        period: month.map_or(format!("{year:04}"), |month| format!("{year:04}-{month:02}")),
        matching: held.matching,
        energy_source: held.energy_source,
        factor_gco2e_per_kwh: held.factor.get(),
        evidence: held.evidence.clone(),
        volume_mj: held.volume,
        available_mj: used.available_mj,
        applied_mj: used.applied_mj,
        applied_ugco2e: used.applied_ugco2e,
        criteria_not_met: used.criteria_not_met.clone(),
        criteria_unanswered: used.criteria_unanswered.clone(),
        not_used_reason: used.not_used_reason.clone(),
    }
}
