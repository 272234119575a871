//! What is checked before and after a series is put beside those that are there; feeds and `import` alike.
//!
//! In: a series, the evidence. Out: nothing, or a refusal; findings on stderr. Rule: a file that contradicts what is kept, without a date that
//! says which holds, is refused before it is kept: evidence is not taken back. Does not: change what is there.

use anyhow::{Result, bail};

use crate::accounting::editions::Reconciled;
use crate::config::Config;
use crate::evidence::Store;
use crate::model::{Finding, IntensitySeries, PriceSeries, Severity};
use crate::sources::{Reach, Refusal};
use crate::units::GramsCo2ePerKilowattHour;

/// The editions of a zone with a new one among them.
fn with(store: &Store, series: &IntensitySeries) -> Result<Vec<IntensitySeries>> {
    let mut editions: Vec<IntensitySeries> = store.intensity(&series.zone)?.into_iter().map(|(known, _)| known).collect();
    if !editions.iter().any(|known| (&known.edition, &known.provider) == (&series.edition, &series.provider)) {
        editions.push(series.clone());
    }
    Ok(editions)
}

pub fn require_no_conflict(store: &Store, series: &IntensitySeries) -> Result<()> {
    if let Err(finding) = Reconciled::of(&with(store, series)?, &series.zone) {
        let code = if finding.code == "CI_SIGNAL" { "CI_SIGNAL" } else { "CI_CONFLICT" };
        bail!(Refusal::new(code, Reach::Source, finding.message));
    }
    Ok(())
}

/// Says what the zone's editions now have to be told, over the span of a series that was taken in.
pub fn print_findings(store: &Store, config: &Config, series: &IntensitySeries) -> Result<()> {
    series.findings.iter().for_each(print_finding);
    let (zone, Some(from_s), Some(to_s)) = (&series.zone, series.start_s.first(), series.end_s.last()) else { return Ok(()) };
    match Reconciled::of(&with(store, series)?, zone) {
        Ok(all) => {
            let feed = config.average_feed(zone);
            let band = feed.map_or(GramsCo2ePerKilowattHour::PLAUSIBLE_MEDIANS, |feed| feed.plausible_gco2e_per_kwh);
            let annual = feed.and_then(|feed| feed.annual_direct_gco2e_per_kwh.get(zone).copied());
            let found = [all.revised(zone, *from_s, *to_s), all.implausible_unit(zone, (*from_s, *to_s), band, annual)];
            found.iter().flatten().for_each(print_finding);
        }
        Err(finding) => print_finding(&finding),
    }
    Ok(())
}

/// As for intensity: another price of the same hour needs a later date.
pub fn require_no_price_conflict(store: &Store, series: &PriceSeries) -> Result<()> {
    for (known, _) in store.prices(&series.zone)? {
        if known.retrieved_s != series.retrieved_s && known.retrieved_s.is_some() && series.retrieved_s.is_some() {
            continue;
        }
        for (row, start) in series.start_s.iter().enumerate() {
            let Ok(other) = known.start_s.binary_search(start) else { continue };
            if known.price[other] != series.price[row] {
                let at = chrono::DateTime::from_timestamp(*start, 0).map(|at| at.to_rfc3339()).unwrap_or_default();
                let message = format!(
                    "zone {} has two prices for {at}: {} micro-EUR/kWh from {} and {} from {}",
                    series.zone,
                    known.price[other].get(),
                    known.edition,
                    series.price[row].get(),
                    series.edition
                );
                let hint = "keep one edition in the [[price]] table, or import the later file with --published and its date";
                bail!(Refusal::new("PRICE_CONFLICT", Reach::Source, message).hint(hint));
            }
        }
    }
    Ok(())
}

pub fn print_finding(finding: &Finding) {
    let severity = match finding.severity {
        Severity::Blocked => "blocked",
        Severity::Disclosed => "disclosed",
        Severity::Noted => "noted",
    };
    eprintln!("{severity}: {}: {}", finding.code, finding.message);
}
