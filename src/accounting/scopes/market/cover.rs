//! The instruments, one after the other, against what the ones before them left.
//!
//! In: terms, clusters, loads. Out: what became of each instrument, and what is covered emits by site; the loads keep what is left.
//! Rule: hierarchy of Scope 2 Guidance, table 6.3, then the order of the configuration. Emissions are rounded once per instrument and site.
//! Does not: borrow between periods.

use std::collections::BTreeMap;

use super::criteria::criteria;
use super::loads::{Loads, Reach};
use super::rest::micrograms;
use super::volume::{Span, spans};
use super::{Applied, InstrumentUse, MarketTerms};
use crate::accounting::survey::{ClusterTerms, Site};
use crate::model::{Instrument, Placement};
use crate::units::{MicrogramsCo2e, Millijoules};

pub struct Covered {
    /// In the order of the configuration.
    pub instruments: Vec<InstrumentUse>,
    /// By cluster and site.
    pub ugco2e: BTreeMap<(usize, usize), MicrogramsCo2e>,
}

/// Sets every instrument that may be used against the loads.
pub fn cover(terms: &MarketTerms<'_>, clusters: &[ClusterTerms], loads: &mut Loads) -> Covered {
    let mut covered = Covered { instruments: vec![InstrumentUse::default(); terms.instruments.len()], ugco2e: BTreeMap::new() };
    for index in in_hierarchy(terms.instruments) {
        let instrument = &terms.instruments[index];
        let answers = criteria(instrument);
        let used = &mut covered.instruments[index];
        (used.criteria_not_met, used.criteria_unanswered) = (answers.not_met, answers.unanswered);
        let reach = reach(instrument, clusters);
        match answers.refusal.map_or_else(|| usable(terms, instrument, &reach, loads), Err) {
            Ok(spans) => apply(instrument, &reach, &spans, loads, used, &mut covered.ugco2e),
            Err(reason) => used.not_used_reason = Some(reason),
        }
    }
    covered
}

/// Positions in the order in which instruments are used (Scope 2 Guidance, table 6.3).
pub fn in_hierarchy(instruments: &[Instrument]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..instruments.len()).collect();
    order.sort_by_key(|index| (instruments[*index].kind, *index));
    order
}

/// Scope 2 sites of the instrument's zone, of the clusters and the entity that it is held for.
pub fn reach(instrument: &Instrument, clusters: &[ClusterTerms]) -> Reach {
    let of = |cluster: &ClusterTerms| {
        let is_held_for = instrument.clusters.is_empty() || instrument.clusters.contains(&cluster.name);
        let is_holders = |site: &Site| instrument.entity.is_none() || instrument.entity == site.entity;
        let in_reach = |site: &Site| site.grid_zone == instrument.zone && site.placement == Placement::Scope2 && is_holders(site);
        cluster.sites.iter().map(|site| is_held_for && in_reach(site)).collect()
    };
    clusters.iter().map(of).collect()
}

/// The spans of its volume, or why it covers nothing.
fn usable(terms: &MarketTerms<'_>, instrument: &Instrument, reach: &Reach, loads: &Loads) -> Result<Vec<Span>, String> {
    let spans = spans(instrument, terms.period, terms.missing)?;
    if loads.facility_mj(reach) == 0 {
        let held_for: Vec<&str> = instrument.entity.iter().chain(&instrument.clusters).map(String::as_str).collect();
        let whose = if held_for.is_empty() { String::new() } else { format!(" of {}", held_for.join(", ")) };
        return Err(format!("no electricity{whose} in Scope 2 was used in zone {} in {}", instrument.zone, terms.period));
    }
    Ok(spans)
}

fn apply(
    instrument: &Instrument,
    reach: &Reach,
    spans: &[Span],
    loads: &mut Loads,
    used: &mut InstrumentUse,
    ugco2e: &mut BTreeMap<(usize, usize), MicrogramsCo2e>,
) {
    let mut by_site = BTreeMap::new();
    for span in spans {
        loads.cover(reach, (span.from_s, span.to_s), span.volume_mj, &mut by_site);
    }
    used.available_mj = spans.iter().map(|span| Millijoules::new(span.volume_mj)).sum();
    for (site, mj) in by_site.into_iter().filter(|(_, mj)| *mj > 0) {
        let emitted = MicrogramsCo2e::new(micrograms(mj, instrument.factor));
        used.applied_mj += Millijoules::new(mj);
        used.applied_ugco2e += emitted;
        used.by_site.insert(site, Applied { applied_mj: Millijoules::new(mj), applied_ugco2e: emitted });
        *ugco2e.entry(site).or_default() += emitted;
    }
    if used.applied_mj == Millijoules::ZERO {
        let reason = if used.available_mj == Millijoules::ZERO {
            "nothing of its volume was generated in the period"
        } else {
            "nothing that it could cover was left in the hours that it counts in"
        };
        used.not_used_reason = Some(reason.to_owned());
    }
}
