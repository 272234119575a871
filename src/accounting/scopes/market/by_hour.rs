//! Hour by hour: how much of consumption generation of the same hour meets, and what the figure would be if only that counted.
//!
//! In: terms, clusters, loads that nothing covers yet. Out: energy matched, and emissions. Rule: per hour the lesser of generation and consumption, of
//! instruments whose generation is known by hour or that are matched by hour; a volume of a year or a month is no evidence of an hour and counts 0.
//! Assumes: as `cover`. Does not: state a figure of the 2015 Guidance; it shows what the proposed hourly matching would ask for.

use std::collections::BTreeMap;

use super::MarketTerms;
use super::cover::{in_hierarchy, reach};
use super::criteria::criteria;
use super::loads::Loads;
use super::rest::{add, emissions, micrograms};
use super::volume::{by_hour, own_period};
use crate::accounting::survey::ClusterTerms;
use crate::model::Matching;
use crate::units::{MicrogramsCo2e, Millijoules};

pub struct Matched {
    pub matched_mj: Millijoules,
    pub ugco2e: Option<MicrogramsCo2e>,
}

pub fn matched(terms: &MarketTerms<'_>, clusters: &[ClusterTerms], mut loads: Loads) -> Matched {
    let (mut matched_mj, mut ugco2e) = (Millijoules::ZERO, Some(MicrogramsCo2e::ZERO));
    for index in in_hierarchy(terms.instruments) {
        let instrument = &terms.instruments[index];
        let has_profile = instrument.matching == Matching::Hour || !instrument.generation.is_empty();
        let Ok(own) = own_period(instrument, terms.period) else { continue };
        if !has_profile || criteria(instrument).refusal.is_some() {
            continue;
        }
        let (reach, mut by_site) = (reach(instrument, clusters), BTreeMap::new());
        for span in by_hour(instrument, own, terms.period) {
            loads.cover(&reach, (span.from_s, span.to_s), span.volume_mj, &mut by_site);
        }
        for mj in by_site.into_values() {
            matched_mj += Millijoules::new(mj);
            ugco2e = add(ugco2e, Some(MicrogramsCo2e::new(micrograms(mj, instrument.factor))));
        }
    }
    for load in &loads.list {
        ugco2e = add(ugco2e, emissions(terms, &clusters[load.cluster].sites[load.site].grid_zone, load));
    }
    Matched { matched_mj, ugco2e }
}
