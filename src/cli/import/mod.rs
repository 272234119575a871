//! `wattledger import`: files into the evidence, with the checks of a feed.
//!
//! In: files of one kind, and what they do not say of themselves. Out: editions of a zone's series, cluster-days of usage, decision records. Rule: what would be
//! refused of a feed is refused here, before anything of the file is kept. Does not: account, or take back what is there.

mod usage;

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use clap::{Args, ValueEnum};

use super::collect::decisions::take_files as take_decision_files;
use super::collect::{self, intake, with_advice};
use super::exit::DONE;
use crate::config::{Config, intensity_unit, price_unit};
use crate::evidence::Store;
use crate::model::Hint;
use crate::sources::intensity::{FileTerms, read_files};
use crate::sources::prices::{self, PriceTerms};
use crate::units::UtcDay;

/// Takes files into the evidence.
#[derive(Args, Clone, Debug)]
pub struct ImportArgs {
    /// What the files hold.
    #[arg(long, value_enum)]
    pub kind: Kind,
    /// The grid zone of files that do not name one; of others, the only zone that is taken.
    #[arg(long, value_name = "ZONE")]
    pub zone: Option<String>,
    /// The unit of files that do not name one: gCO2e/kWh, kg/MWh, lb/MWh; EUR/MWh, EUR/kWh.
    #[arg(long, value_name = "UNIT")]
    pub unit: Option<String>,
    /// The time zone of times without an offset, for example Europe/Amsterdam.
    #[arg(long, value_name = "NAME", value_parser = time_zone)]
    pub time_zone: Option<Tz>,
    /// The day on which the files were published: their values hold over older ones.
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub published: Option<UtcDay>,
    /// How long a row of usage lasts; the report's step by default.
    #[arg(long, value_name = "DURATION", value_parser = step)]
    pub step: Option<i64>,
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    Intensity,
    Prices,
    Usage,
    Decisions,
}

pub fn run(args: &ImportArgs, config: &Config) -> Result<u8> {
    let store = Store::open(&config.evidence)?;
    let _lock = collect::lock_all(&store)?;
    match args.kind {
        Kind::Intensity => intensity(args, config, &store).map_err(|error| with_advice("intensity", error))?,
        Kind::Prices => prices(args, config, &store).map_err(|error| with_advice("prices", error))?,
        Kind::Usage => usage::run(args, config, &store).map_err(|error| with_advice("usage", error))?,
        Kind::Decisions => decisions(args, config, &store).map_err(|error| with_advice("decisions", error))?,
    }
    Ok(DONE)
}

fn intensity(args: &ImportArgs, config: &Config, store: &Store) -> Result<()> {
    let terms = FileTerms {
        zone: args.zone.clone(),
        unit: args.unit.as_deref().map(intensity_unit).transpose().context("--unit")?,
        time_zone: args.time_zone,
        published_s: published_s(args),
        ..FileTerms::default()
    };
    let zones = zones(args, config)?;
    let mut read = read_files("files", &zones, &args.files, &terms)?;
    // A zone that is in no file is no trouble here: whoever imports names files, not zones.
    read.findings.retain(|finding| finding.code != "CI_ZONE");
    read.findings.iter().for_each(intake::print_finding);
    for series in &mut read.series {
        if let Some(feed) = config.average_feed(&series.zone) {
            series.provider.clone_from(&feed.provider);
        }
        if let Some(day) = args.published {
            series.edition += &format!(", published {day}");
        }
        intake::require_no_conflict(store, series)?;
    }
    for series in &read.series {
        store.write_intensity(series).with_context(|| format!("store the intensity of {}", series.zone))?;
        intake::print_findings(store, config, series)?;
        covered("intensities", &series.zone, &series.start_s, &series.end_s);
    }
    Ok(())
}

fn prices(args: &ImportArgs, config: &Config, store: &Store) -> Result<()> {
    let terms = PriceTerms {
        zone: args.zone.clone(),
        unit: args.unit.as_deref().map(price_unit).transpose().context("--unit")?,
        time_zone: args.time_zone,
        published_s: published_s(args),
    };
    let mut read = prices::read_files(&zones(args, config)?, &args.files, &terms)?;
    for series in &mut read {
        if let Some(day) = args.published {
            series.edition += &format!(", published {day}");
        }
        intake::require_no_price_conflict(store, series)?;
    }
    for series in &read {
        store.write_prices(series).with_context(|| format!("store the prices of {}", series.zone))?;
        covered("prices", &series.zone, &series.start_s, &series.end_s);
    }
    Ok(())
}

fn decisions(args: &ImportArgs, config: &Config, store: &Store) -> Result<()> {
    let taken = take_decision_files(store, config, &args.files, Utc::now())?;
    eprintln!(
        "imported {} of {} decision records; the others are there already, or of no cluster of the configuration",
        taken.added, taken.read
    );
    Ok(())
}

/// The zones that are taken: the one that is named, else all that the configuration has a use for.
fn zones(args: &ImportArgs, config: &Config) -> Result<Vec<String>> {
    if let Some(zone) = &args.zone {
        return Ok(vec![zone.clone()]);
    }
    let zones = config.grid_zones();
    if zones.is_empty() {
        bail!(Hint::new("the configuration names no grid zone", "name the one that the files are about: --zone NL"));
    }
    Ok(zones.into_iter().collect())
}

fn published_s(args: &ImportArgs) -> Option<i64> {
    args.published.map(|day| day.start().timestamp())
}

/// Says what of a zone is there now.
fn covered(what: &str, zone: &str, start_s: &[i64], end_s: &[i64]) {
    let (Some(first), Some(last)) = (start_s.first(), end_s.last()) else { return };
    let time = |at_s: i64| DateTime::from_timestamp(at_s, 0).map(|at| at.format("%Y-%m-%dT%H:%MZ").to_string()).unwrap_or_default();
    let covered: i64 = start_s.iter().zip(end_s).map(|(start, end)| end - start).sum();
    let missing = last - first - covered;
    let holes = if missing > 0 { format!(", without {:.2} h between", missing as f64 / 3_600.0) } else { String::new() };
    eprintln!("imported {} {what} of {zone}, {} to {}{holes}", start_s.len(), time(*first), time(*last));
}

fn time_zone(text: &str) -> Result<Tz, String> {
    text.parse().map_err(|_| "time zones are named as in the IANA database: Europe/Amsterdam, UTC".to_owned())
}

fn step(text: &str) -> Result<i64, String> {
    let seconds = humantime::parse_duration(text).map_err(|error| error.to_string())?.as_secs();
    if seconds >= 60 && 3_600 % seconds == 0 {
        Ok(seconds as i64)
    } else {
        Err("a step divides one hour and is a minute or more, as in 15m".to_owned())
    }
}
