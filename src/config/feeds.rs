//! Feeds of grid intensity and prices: from their tables as written to what is to be read or asked.
//!
//! In: `[[intensity]]`, `[[price]]`. Out: [`IntensityFeed`], [`PriceFeed`]. Rule: one series a zone and signal; a key that its provider does not use
//! is refused, because it would silently do nothing. Does not: open files or connections; only globs look at folders.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use chrono_tz::Tz;

use super::resolve::time_zone;
use super::{IntensityApi, IntensityFeed, Place, PriceFeed, check, raw};
use crate::model::{Hint, Signal};
use crate::units::{GramsCo2ePerKilowattHour, IntensityUnit, PriceUnit};

const ELECTRICITY_MAPS_URL: &str = "https://api.electricitymaps.com/v3";
const WATTTIME_URL: &str = "https://api.watttime.org";
const NESO_URL: &str = "https://api.carbonintensity.org.uk";
/// The one zone of NESO.
const NESO_ZONE: &str = "GB";

pub(super) fn intensity(raw: Vec<raw::Intensity>, place: &Place) -> Result<Vec<IntensityFeed>> {
    let mut feeds: Vec<IntensityFeed> = Vec::new();
    for (i, table) in raw.into_iter().enumerate() {
        let feed = feed(table, place).with_context(|| format!("[[intensity]] {}", i + 1))?;
        for zone in &feed.zones {
            if feeds.iter().any(|other| other.zones.contains(zone) && other.signal() == feed.signal()) {
                bail!(Hint::new(
                    format!("[[intensity]]: zone `{zone}` is in two tables; which factor holds would be unsaid"),
                    "put all files of a zone into the `files` of one table",
                ));
            }
        }
        feeds.push(feed);
    }
    Ok(feeds)
}

fn feed(raw: raw::Intensity, place: &Place) -> Result<IntensityFeed> {
    zones(&raw.zones)?;
    check::annual_factors(&raw.annual_direct_gco2e_per_kwh, &raw.zones)?;
    let api = api(&raw, place.folder())?;
    if raw.files.is_empty() && api.is_none() {
        bail!(Hint::new(
            "`files` is missing",
            "download the zones' CSV files and name them, as in files = [\"intensity/*.csv\"]; paths are relative to the configuration file",
        ));
    }
    let (low, high) = raw.plausible_gco2e_per_kwh.map_or(GramsCo2ePerKilowattHour::PLAUSIBLE_MEDIANS, |[low, high]| (low, high));
    ensure!(low.is_finite() && high.is_finite() && 0.0 <= low && low < high, "`plausible_gco2e_per_kwh` is not a range of 0 or more");
    let (files, unmatched_globs) = files(&raw.files, place)?;
    Ok(IntensityFeed {
        zones: raw.zones,
        provider: match raw.provider {
            raw::Provider::ElectricityMaps => "electricity-maps",
            raw::Provider::Watttime => "watttime",
            raw::Provider::Neso => "neso",
            raw::Provider::Files => "files",
        }
        .to_owned(),
        api,
        files,
        unmatched_globs,
        time_zone: file_time_zone(raw.time_zone.as_deref())?,
        unit: raw.unit.as_deref().map(intensity_unit).transpose()?,
        factor: raw.factor,
        annual_direct_gco2e_per_kwh: raw.annual_direct_gco2e_per_kwh,
        plausible_gco2e_per_kwh: (low, high),
    })
}

/// The provider's API, where the table says how to be let in.
fn api(raw: &raw::Intensity, folder: &Path) -> Result<Option<IntensityApi>> {
    let (is_maps, is_watttime) = (raw.provider == raw::Provider::ElectricityMaps, raw.provider == raw::Provider::Watttime);
    let keys = [
        ("token_file", raw.token_file.is_some(), is_maps),
        ("endpoint", raw.endpoint.is_some(), is_maps),
        ("username", raw.username.is_some(), is_watttime),
        ("password_file", raw.password_file.is_some(), is_watttime),
        ("signal", raw.signal.is_some(), is_watttime),
        ("regions", !raw.regions.is_empty(), is_watttime),
        ("url", raw.url.is_some(), raw.provider != raw::Provider::Files),
    ];
    if let Some((key, ..)) = keys.iter().find(|(_, is_there, is_used)| *is_there && !is_used) {
        bail!("`{key}` is there, but the provider of this table does not use it");
    }
    let url = |default: &str| -> Result<String> {
        let url = raw.url.as_deref().unwrap_or(default);
        check::server_url("url", url)?;
        Ok(url.trim_end_matches('/').to_owned())
    };
    Ok(match raw.provider {
        raw::Provider::Files => None,
        raw::Provider::ElectricityMaps => match &raw.token_file {
            None => {
                ensure!(raw.url.is_none() && raw.endpoint.is_none(), "`token_file` is missing: without it the provider's API is not asked");
                None
            }
            Some(file) => Some(IntensityApi::ElectricityMaps {
                url: url(ELECTRICITY_MAPS_URL)?,
                token_file: folder.join(file),
                has_past_range: raw.endpoint.unwrap_or_default() == raw::Endpoint::PastRange,
            }),
        },
        raw::Provider::Watttime => {
            let (Some(username), Some(password), Some(signal)) = (&raw.username, &raw.password_file, raw.signal) else {
                bail!(Hint::new(
                    "`username`, `password_file` and `signal` are needed",
                    "signal = \"co2_aoer\" is the average intensity; \"co2_moer\", the marginal one, never enters the inventory",
                ));
            };
            for zone in raw.regions.keys() {
                ensure!(raw.zones.contains(zone), "`regions` names zone `{zone}`, which is not in `zones`");
            }
            let signal = if signal == raw::SignalType::Co2Aoer { Signal::Average } else { Signal::Marginal };
            let (password_file, regions) = (folder.join(password), raw.regions.clone());
            Some(IntensityApi::WattTime { url: url(WATTTIME_URL)?, username: username.clone(), password_file, signal, regions })
        }
        raw::Provider::Neso => {
            if let Some(other) = raw.zones.iter().find(|zone| *zone != NESO_ZONE) {
                bail!("`zones` names `{other}`, and this provider has {NESO_ZONE} only");
            }
            Some(IntensityApi::Neso { url: url(NESO_URL)? })
        }
    })
}

pub(super) fn prices(raw: Vec<raw::Price>, place: &Place) -> Result<Vec<PriceFeed>> {
    let mut feeds: Vec<PriceFeed> = Vec::new();
    for (i, table) in raw.into_iter().enumerate() {
        let feed = price_feed(table, place).with_context(|| format!("[[price]] {}", i + 1))?;
        if let Some(zone) = feed.zones.iter().find(|zone| feeds.iter().any(|other| other.zones.contains(zone))) {
            bail!("[[price]]: zone `{zone}` is in two tables; put all files of a zone into the `files` of one table");
        }
        feeds.push(feed);
    }
    Ok(feeds)
}

fn price_feed(raw: raw::Price, place: &Place) -> Result<PriceFeed> {
    zones(&raw.zones)?;
    ensure!(!raw.files.is_empty(), "`files` is empty");
    let (files, unmatched_globs) = files(&raw.files, place)?;
    let unit = raw.unit.as_deref().map(price_unit).transpose()?;
    Ok(PriceFeed { zones: raw.zones, files, unmatched_globs, time_zone: file_time_zone(raw.time_zone.as_deref())?, unit })
}

fn zones(zones: &[String]) -> Result<()> {
    ensure!(!zones.is_empty(), "`zones` is empty");
    for zone in zones {
        check::grid_zone(zone).context("`zones`")?;
    }
    let repeated = zones.iter().enumerate().find(|(i, zone)| zones[..*i].contains(zone));
    ensure!(repeated.is_none(), "`zones` names a zone twice");
    Ok(())
}

fn file_time_zone(name: Option<&str>) -> Result<Option<Tz>> {
    name.map(time_zone).transpose().context("`time_zone`")
}

/// A unit as written in the configuration or on the command line.
pub fn intensity_unit(text: &str) -> Result<IntensityUnit> {
    let advice = "write it as \"gCO2e/kWh\", \"kg/MWh\" or \"lb/MWh\"";
    IntensityUnit::parse(text).ok_or_else(|| Hint::new(format!("`{text}` is not a unit of intensity"), advice).into())
}

/// A unit as written in the configuration or on the command line.
pub fn price_unit(text: &str) -> Result<PriceUnit> {
    let advice = "write it as \"EUR/MWh\" or \"EUR/kWh\"";
    PriceUnit::parse(text).ok_or_else(|| Hint::new(format!("`{text}` is not a unit of prices"), advice).into())
}

/// The files that the patterns match, sorted, each once; and the patterns that match none. In a closed month nobody looks.
pub(super) fn files(patterns: &[String], place: &Place) -> Result<(Vec<PathBuf>, Vec<String>)> {
    let Place::Folder(folder) = place else { return Ok((Vec::new(), Vec::new())) };
    let mut files = BTreeSet::new();
    let mut unmatched = Vec::new();
    for pattern in patterns {
        let found = matching_files(pattern, folder)?;
        if found.is_empty() {
            unmatched.push(folder.join(pattern).display().to_string());
        }
        files.extend(found);
    }
    Ok((files.into_iter().collect(), unmatched))
}

/// The folder's own name is taken literally, whatever characters it has; only the written pattern is one.
fn matching_files(pattern: &str, folder: &Path) -> Result<Vec<PathBuf>> {
    let literal = glob::Pattern::escape(&folder.to_string_lossy());
    let whole = Path::new(&literal).join(pattern);
    let paths = glob::glob(&whole.to_string_lossy()).with_context(|| format!("`files`: `{pattern}` is not a glob"))?;
    let mut files = Vec::new();
    for path in paths {
        let path = path.with_context(|| format!("`files`: look for {pattern}"))?;
        if path.is_file() {
            files.push(path);
        }
    }
    Ok(files)
}
