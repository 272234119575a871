//! The grid's intensity of a cluster's zones: who feeds each, and how much of the month the evidence has.
//!
//! In: the configuration's feeds, the evidence. Out: [`Zone`]s and what to make of them. Rule: hours count as the inventory counts them:
//! direct averages, all editions put together; marginal values and prices are never lacking, since no report depends on them.
//! Does not: ask a provider.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Result;
use chrono::{DateTime, Utc};

use super::checks::{Check, State, check, command};
use crate::accounting::editions::Reconciled;
use crate::config::{Cluster, Config, IntensityApi, IntensityFeed};
use crate::evidence::Store;
use crate::model::IntensitySeries;
use crate::model::policy::FactorKind;
use crate::units::ReportingPeriod;

const HOUR_S: i64 = 3_600;
/// Holes up to this share of the hours are the report's to fill, which it says; more of them is a feed that did not reach the evidence.
const SMALL_SHARE: f64 = 0.05;
const TOPIC: &str = "intensity";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone {
    pub zone: String,
    /// Whether nodes draw their electricity from it; else only baselines name it.
    pub is_grid: bool,
    pub covered_hours: i64,
    pub wanted_hours: i64,
    /// Why no report can use what there is.
    pub refused: Option<String>,
}

pub fn gather(store: &Store, config: &Config, cluster: &Cluster, period: ReportingPeriod, now: DateTime<Utc>) -> Result<Vec<Zone>> {
    let sites = || cluster.sites();
    // Zones of nodes come last, so that they win over home zones of the same name.
    let homes = sites().filter_map(|site| site.home_zone.as_deref()).map(|zone| (zone, false));
    let wanted: BTreeMap<&str, bool> = homes.chain(sites().map(|site| (site.grid_zone.as_str(), true))).collect();
    let (from_s, to_s) = (period.from().timestamp(), period.to().min(now).timestamp());
    let mut zones = Vec::new();
    for (zone, is_grid) in wanted {
        let editions: Vec<IntensitySeries> = store.intensity(zone)?.into_iter().map(|(series, _)| series).collect();
        let (covered_s, refused) = match Reconciled::of(&editions, zone) {
            Ok(all) => (all.held.iter().map(|(start_s, held)| (held.to_s.min(to_s) - (*start_s).max(from_s)).max(0)).sum(), None),
            Err(finding) => (0, Some(format!("{}: {}", finding.code, finding.message))),
        };
        let is_lifecycle = config.average_feed(zone).is_some_and(|feed| feed.factor == FactorKind::Lifecycle);
        let of_factor = is_lifecycle.then(|| "life-cycle factors hold emissions of Scope 3 and cannot be location-based ones".to_owned());
        zones.push(Zone {
            zone: zone.to_owned(),
            is_grid,
            covered_hours: covered_s / HOUR_S,
            wanted_hours: (to_s - from_s).max(0) / HOUR_S,
            refused: of_factor.or(refused),
        });
    }
    zones.sort_by_key(|zone| !zone.is_grid);
    Ok(zones)
}

pub fn judge(zone: &Zone, config: &Config, period: ReportingPeriod) -> Check {
    let (name, covered, wanted) = (&zone.zone, zone.covered_hours, zone.wanted_hours);
    let lacking = if zone.is_grid { State::Lacking } else { State::Minded };
    let use_of = if zone.is_grid { "" } else { " (a home zone: runs whose baseline is there would be unplaced)" };
    let file = config.path.display();
    let feed = config.average_feed(name);
    if let Some(refused) = &zone.refused {
        let next = match feed {
            Some(feed) if feed.factor == FactorKind::Lifecycle => format!("set factor = \"direct\" in the [[intensity]] table of {name}"),
            _ => format!("mend the [[intensity]] tables of {name} in {file}"),
        };
        return check(TOPIC, lacking, format!("{name}: {refused}{use_of}")).next(5, next);
    }
    if wanted > 0 && covered >= wanted {
        return check(TOPIC, State::Fine, format!("{name}: all {wanted} hours are in the evidence"));
    }
    let Some(feed) = feed else {
        let is_marginal = config.intensity.iter().any(|feed| feed.zones.contains(name));
        let says = if is_marginal {
            "its only [[intensity]] table is of marginal values, which never enter the inventory"
        } else {
            "no [[intensity]] table names this zone"
        };
        let had = if covered > 0 { format!("; {covered} of {wanted} hours were imported") } else { String::new() };
        return check(TOPIC, lacking, format!("{name}: {says}{had}{use_of}"))
            .next(5, format!("add an [[intensity]] table with averages of zone {name} to {file}"));
    };
    let says = format!("{name}: {covered} of {wanted} hours are in the evidence, fed by {}{use_of}", source(feed));
    if let Some(missing) = secret(feed).filter(|path| !path.is_file()) {
        let says = format!("{says}; there is no file {}", missing.display());
        return check(TOPIC, lacking, says).next(5, format!("put what {} lets you in with into {}", feed.provider, missing.display()));
    }
    let collect = command(config, "collect", period);
    let is_small = ((wanted - covered) as f64) <= SMALL_SHARE * wanted as f64;
    let (lacking, says) = if is_small { (State::Minded, format!("{says}; a report fills the rest and says so")) } else { (lacking, says) };
    let next = match (feed.unmatched_globs.first(), &feed.api) {
        (Some(glob), None) => format!("put the intensity files of {name} where {glob} finds them"),
        _ if covered == 0 => collect,
        (_, Some(IntensityApi::ElectricityMaps { has_past_range: false, .. })) => {
            format!("the API serves the last 24 hours: collect daily, and name a file that has the rest of {period} in `files`")
        }
        (_, Some(_)) => collect,
        (_, None) => format!("get a file of {name} that covers {period}, then {collect}"),
    };
    check(TOPIC, lacking, says).next(if covered == 0 { 6 } else { 7 }, next)
}

/// What a feed is read from, for people.
fn source(feed: &IntensityFeed) -> String {
    let has_files = !feed.files.is_empty() || !feed.unmatched_globs.is_empty();
    match (&feed.api, has_files) {
        _ if feed.provider == "files" => "files".to_owned(),
        (None, _) => format!("files of {}", feed.provider),
        (Some(_), false) => format!("the API of {}", feed.provider),
        (Some(_), true) => format!("the API of {} and files", feed.provider),
    }
}

/// The file without which a provider does not let anybody in.
fn secret(feed: &IntensityFeed) -> Option<&PathBuf> {
    match feed.api.as_ref()? {
        IntensityApi::ElectricityMaps { token_file, .. } => Some(token_file),
        IntensityApi::WattTime { password_file, .. } => Some(password_file),
        IntensityApi::Neso { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = "[organisation]\nname = \"Example BV\"\ntime_zone = \"UTC\"\n\
        [[cluster]]\nname = \"c\"\nprometheus = { url = \"http://127.0.0.1:9\" }\nboundary = \"owned\"\ngrid_zone = \"GB\"\npue = 1.1\n\
        [[intensity]]\nzones = [\"GB\"]\nprovider = \"neso\"\n\
        [[intensity]]\nzones = [\"NL\"]\nprovider = \"electricity-maps\"\ntoken_file = \"nowhere\"\n\
        [[intensity]]\nzones = [\"US-X\"]\nprovider = \"watttime\"\nusername = \"u\"\npassword_file = \"nowhere\"\nsignal = \"co2_moer\"\n";

    fn judged(name: &str, covered_hours: i64) -> Check {
        let config = Config::from_bytes(CONFIG.as_bytes(), std::path::Path::new("wattledger.toml")).unwrap();
        let period = ReportingPeriod::parse("2026-10", config.time_zone).unwrap();
        let zone = Zone { zone: name.to_owned(), is_grid: true, covered_hours, wanted_hours: 744, refused: None };
        judge(&zone, &config, period)
    }

    #[test]
    fn a_zone_says_what_feeds_it_and_what_to_do() {
        let of_api = judged("GB", 700);
        assert_eq!(of_api.state, State::Lacking);
        assert_eq!(of_api.says, "GB: 700 of 744 hours are in the evidence, fed by the API of neso");
        assert_eq!(of_api.next.as_deref(), Some("wattledger collect --month 2026-10"));
        assert!(judged("NL", 24).says.ends_with("there is no file nowhere"));
        // A few hours are filled and disclosed.
        assert_eq!(judged("GB", 742).state, State::Minded);
        assert_eq!(judged("GB", 744).state, State::Fine);
    }

    #[test]
    fn a_marginal_feed_is_none_of_the_inventory() {
        let marginal = judged("US-X", 0);
        assert_eq!(marginal.state, State::Lacking);
        assert!(marginal.says.contains("marginal"), "{}", marginal.says);
        assert!(judged("FR", 0).says.contains("no [[intensity]] table names this zone"));
    }
}
