//! What a reader must see beside market-based figures: sentences, and findings.
//!
//! In: terms and the figures. Out: text. Rule: Scope 2 Guidance, chapters 6.11 and 7.1: say which instruments were used and which were not, and where
//! no residual mix is available. Does not: decide anything.

use std::collections::BTreeSet;

use super::volume::{generation_beyond_volume_mj, is_provisional, spans};
use super::{Market, MarketTerms};
use crate::accounting::survey::ClusterTerms;
use crate::model::policy::LocationBased;
use crate::model::{Finding, Instrument, Matching, Placement, RestRule, Severity};
use crate::units::{Millijoules, ReportingPeriod};

pub fn disclosures(terms: &MarketTerms<'_>, market: &Market) -> Vec<String> {
    let mut said = Vec::new();
    if market.sites.is_empty() {
        return said;
    }
    said.push(
        "Instruments belong to the electricity of a site. Market-based emissions of namespaces and workloads are an allocation: what instruments cover by facility energy, the rest by what stands in for it."
            .to_owned(),
    );
    let is_fallback = |rule: RestRule| rule != RestRule::ResidualMix;
    let without: Vec<&str> = market.zones.iter().filter(|zone| is_fallback(zone.rest_rule)).map(|zone| zone.grid_zone.as_str()).collect();
    if !without.is_empty() {
        let factor = match terms.location_based {
            LocationBased::Hourly => "hourly",
            LocationBased::Annual => "annual",
        };
        // Scope 2 Guidance, chapter 6.11: the absence of a residual mix is disclosed.
        said.push(format!(
            "No residual mix is available for {}: the {factor} location-based factor stands in for electricity that no instrument covers. It is not \
             adjusted for what others claim by contract, so the same generation may be counted by more than one consumer.",
            without.join(", ")
        ));
    }
    let used =
        || terms.instruments.iter().zip(&market.instruments).enumerate().filter(|(_, (_, used))| used.available_mj > Millijoules::ZERO);
    let numbers = |is_wanted: &dyn Fn(&Instrument) -> bool| -> Option<String> {
        let numbers: Vec<String> =
            used().filter(|(_, (instrument, _))| is_wanted(instrument)).map(|(index, _)| (index + 1).to_string()).collect();
        (!numbers.is_empty()).then(|| numbers.join(", "))
    };
    if let Some(numbers) = numbers(&|instrument| is_provisional(instrument, terms.period)) {
        said.push(format!(
            "Instrument {numbers}: matched over the year. The month uses at most its part of the volume by hours; this is provisional and settled in the \
             year's report."
        ));
    }
    if let Some(numbers) = numbers(&|instrument| instrument.matching == Matching::Year && instrument.period.month.is_none())
        && !terms.missing.is_empty()
    {
        let months: Vec<String> = terms.missing.iter().map(ReportingPeriod::to_string).collect();
        said.push(format!(
            "Instrument {numbers}: the part of the volume that belongs to {} is not used, because these months are missing.",
            months.join(", ")
        ));
    }
    if let Some(numbers) = numbers(&|instrument| instrument.matching == Matching::Month && instrument.period.month.is_none()) {
        said.push(format!(
            "Instrument {numbers}: a year's volume matched by month lies on the months by their hours; what a month does not use is lost."
        ));
    }
    if let Some(numbers) = numbers(&|instrument| instrument.matching == Matching::Hour && instrument.generation.is_empty()) {
        said.push(format!(
            "Instrument {numbers}: no generation by hour is known, so the volume is spread evenly over the hours of its period; hour-by-hour matching \
             rests on that assumption."
        ));
    }
    if let Some(numbers) = numbers(&|instrument| instrument.criteria.is_empty()) {
        said.push(format!("Instrument {numbers}: nobody has answered the eight Scope 2 Quality Criteria (Scope 2 Guidance, table 7.1)."));
    }
    if !terms.instruments.is_empty() {
        said.push("The hour-matched figure is a preview of proposed rules and not a figure of the 2015 Guidance.".to_owned());
    }
    said
}

pub fn findings(terms: &MarketTerms<'_>, clusters: &[ClusterTerms], market: &Market) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut push = |code, severity, message: String, (examined, failing): (usize, usize)| {
        findings.push(Finding::new(code, severity, message).examined(examined).failing(failing));
    };
    let sites = clusters.iter().flat_map(|cluster| &cluster.sites);
    let zones: BTreeSet<&str> = sites.filter(|site| site.placement == Placement::Scope2).map(|site| site.grid_zone.as_str()).collect();
    for (index, (instrument, used)) in terms.instruments.iter().zip(&market.instruments).enumerate() {
        // A register holds other periods too; they are listed with their reason and are no trouble of this one.
        if spans(instrument, terms.period, terms.missing).is_err() {
            continue;
        }
        let name = format!("Instrument {} ({}, zone {})", index + 1, instrument.evidence, instrument.zone);
        if !zones.contains(instrument.zone.as_str()) {
            let message = format!(
                "{name} covers nothing, because no cluster in Scope 2 is in its zone. Mend the zone, or take the instrument out of the configuration."
            );
            push("INSTRUMENT_UNUSED", Severity::Disclosed, message, (1, 1));
            continue;
        }
        if used.available_mj > Millijoules::ZERO && instrument.criteria.is_empty() {
            let message = format!(
                "{name} was used, and nobody has answered the eight Scope 2 Quality Criteria for it. Answer them in `quality_criteria`; an instrument \
                 that does not meet all of them is not used."
            );
            push(
                "INSTRUMENT_CRITERIA",
                Severity::Disclosed,
                message,
                (usize::from(super::criteria::CRITERIA), used.criteria_unanswered.len()),
            );
        }
        let missed = used.criteria_not_met.len() + if instrument.criteria.is_empty() { 0 } else { used.criteria_unanswered.len() };
        if let (true, Some(reason)) = (missed > 0, &used.not_used_reason) {
            let message = format!("{name} was not used: {reason}. Its volume is in no figure.");
            push("INSTRUMENT_CRITERIA", Severity::Disclosed, message, (usize::from(super::criteria::CRITERIA), missed));
        }
        if used.applied_mj > Millijoules::ZERO && instrument.energy_source.is_none() {
            let message = format!(
                "{name} does not say its energy source, so what it covers counts as fossil in the energy mix. Set `energy_source`."
            );
            push("ENERGY_SOURCE_UNKNOWN", Severity::Noted, message, (1, 1));
        }
        let beyond_mj = generation_beyond_volume_mj(instrument, terms.period);
        if beyond_mj > 0 {
            let message = format!(
                "{name}: its generation by hour is {:.3} kWh above its volume; it was scaled down to the volume.",
                Millijoules::new(beyond_mj).kilowatt_hours().get()
            );
            push("GENERATION_VOLUME", Severity::Disclosed, message, (1, 1));
        }
    }
    for zone in market.zones.iter().filter(|zone| zone.rest_mj > Millijoules::ZERO) {
        let Some(mix) = terms.residual.get(&zone.grid_zone).filter(|mix| mix.year != Some(terms.period.year())) else { continue };
        let of = mix.year.map_or("an unstated year".to_owned(), |year| year.to_string());
        let message = format!(
            "Zone {}: the residual mix `{}` is of {of}, and the electricity was used in {}. Replace it when the mix of that year is published.",
            zone.grid_zone,
            mix.id,
            terms.period.year()
        );
        push("RESIDUAL_YEAR", Severity::Disclosed, message, (1, 1));
    }
    findings
}
