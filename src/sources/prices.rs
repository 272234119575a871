//! Electricity prices from files.
//!
//! In: CSV files with a time, a price whose column names its unit, and a zone in a column or given. Out: one [`PriceSeries`] a zone.
//! Rule: as for intensity: the unit is required and converted once, to whole micro-EUR per kWh; the same key with another value, a local time
//! in the hour that the clocks repeat or skip, and a price out of all range are refused with file and line; negative prices are prices.
//! Assumes: times are starts of intervals of one length, an hour or less. Does not: convert other currencies, or fill a gap.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use chrono::DateTime;
use chrono_tz::Tz;

use super::delimited::{Reader, open, position};
use super::digest::shown;
use super::intensity::file_name;
use super::local_time::{NoInstant, instant};
use super::{Reach, Refusal};
use crate::model::PriceSeries;
use crate::model::sha256;
use crate::units::{MicroEurosPerKilowattHour, PriceUnit};

const TIMES: [&str; 4] = ["ts", "datetime", "time", "timestamp"];
/// `price_eur_per_mwh`, and as exports write it, `Price (EUR/MWh)`.
const PREFIXES: [&str; 2] = ["price_", "price ("];
const WITHOUT_UNIT: [&str; 1] = ["price"];
/// Lengths that an interval can have, longest first.
const INTERVALS_S: [i64; 4] = [3_600, 1_800, 900, 300];

/// What is said about files by whoever brings them.
#[derive(Clone, Debug, Default)]
pub struct PriceTerms {
    /// The zone of a file without a column of zones.
    pub zone: Option<String>,
    /// The unit of a file whose header does not name one.
    pub unit: Option<PriceUnit>,
    /// Of times without an offset.
    pub time_zone: Option<Tz>,
    /// When the files were published: their values then hold over older ones.
    pub published_s: Option<i64>,
}

/// A price with the file and line that it was first read from.
struct Read {
    price: MicroEurosPerKilowattHour,
    name: String,
    line: u64,
}

/// Where the columns stand.
struct Columns {
    time: usize,
    fold: Option<usize>,
    zone: Option<usize>,
    price: usize,
    unit: PriceUnit,
}

/// Reads all files of a table of prices; one series for every wanted zone that they hold.
pub fn read_files(zones: &[String], files: &[PathBuf], terms: &PriceTerms) -> Result<Vec<PriceSeries>> {
    let mut by_zone: BTreeMap<String, BTreeMap<i64, Read>> = BTreeMap::new();
    let mut editions: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for path in files {
        let bytes = std::fs::read(path).with_context(|| format!("read price file {}", path.display()))?;
        let name = file_name(path);
        let (header, mut reader) = open(&bytes).with_context(|| format!("read price file {}", path.display()))?;
        let columns = columns(&header, &name, terms)?;
        let mut file: BTreeMap<String, BTreeMap<i64, Read>> = BTreeMap::new();
        read(&columns, &mut reader, &name, terms, &mut file).with_context(|| format!("read price file {}", path.display()))?;
        if !file.keys().any(|zone| zones.contains(zone)) {
            let found: Vec<&str> = file.keys().map(String::as_str).collect();
            let message = format!("{name} holds the prices of {}, but {} was asked for", found.join(", "), zones.join(", "));
            bail!(Refusal::new("PRICE_ZONE", Reach::Source, message).hint("correct `zones` or `files` of [[price]]"));
        }
        for (zone, prices) in file.into_iter().filter(|(zone, _)| zones.contains(zone)) {
            editions.entry(zone.clone()).or_default().push(format!("{name} {}", shown(&sha256(&bytes))));
            let known = by_zone.entry(zone.clone()).or_default();
            for (start_s, price) in prices {
                insert(known, &zone, start_s, price)?;
            }
        }
    }
    by_zone.into_iter().map(|(zone, prices)| series(&zone, prices, editions.remove(&zone).unwrap_or_default(), terms)).collect()
}

fn columns(header: &[String], name: &str, terms: &PriceTerms) -> Result<Columns, Refusal> {
    let refusal = |code, message: String| Refusal::new(code, Reach::Source, message);
    let unit_of = |column: &str| PREFIXES.iter().find_map(|prefix| PriceUnit::parse(column.strip_prefix(prefix)?.trim_end_matches(')')));
    let with_unit = header.iter().enumerate().find_map(|(i, column)| Some((i, unit_of(column)?)));
    let (price, unit) = match (with_unit, position(header, &WITHOUT_UNIT), terms.unit) {
        (Some((price, unit)), _, given) if given.is_none_or(|given| given == unit) => (price, unit),
        (Some(_), _, _) => return Err(refusal("PRICE_UNIT", format!("{name}: the unit of its header is not the one that was given"))),
        (None, Some(price), Some(unit)) => (price, unit),
        (None, Some(_), None) => {
            let hint = "name the column price_eur_per_mwh or price_eur_per_kwh, or give `unit`: unit = \"EUR/MWh\", --unit EUR/MWh";
            return Err(refusal("PRICE_UNIT", format!("{name} does not say the unit of its prices")).hint(hint));
        }
        (None, None, _) => {
            let message = format!("{name} has the header `{}`, which has no column of prices in EUR", header.join(","));
            return Err(refusal("PRICE_FORMAT", message).hint("use the columns ts,zone,price_eur_per_mwh"));
        }
    };
    let Some(time) = position(header, &TIMES) else {
        let message = format!("{name} has the header `{}`, which has no column of times", header.join(","));
        return Err(refusal("PRICE_FORMAT", message).hint("use the columns ts,zone,price_eur_per_mwh"));
    };
    let zone = position(header, &["zone"]);
    if zone.is_none() && terms.zone.is_none() {
        let hint = "add the column; or give the file a [[price]] table of its own with one zone, or import it with `--zone NL`";
        return Err(refusal("PRICE_ZONE", format!("{name} has no column `zone`")).hint(hint));
    }
    Ok(Columns { time, fold: position(header, &["fold"]), zone, price, unit })
}

fn read(
    columns: &Columns,
    reader: &mut Reader,
    name: &str,
    terms: &PriceTerms,
    into: &mut BTreeMap<String, BTreeMap<i64, Read>>,
) -> Result<()> {
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record)? {
        let line = record.position().map_or(0, csv::Position::line);
        let refusal = |code, message: String| Refusal::new(code, Reach::Source, format!("{name}, line {line}: {message}"));
        let cell = |column: usize| record.get(column).unwrap_or_default();
        let start_s = instant(cell(columns.time), columns.fold.map_or("", cell), terms.time_zone)
            .map_err(|NoInstant { message, hint }| refusal("PRICE_AMBIGUOUS_TIME", message).hint(hint))?;
        let text = cell(columns.price);
        if text.is_empty() {
            continue;
        }
        let Some(price) = text.parse().ok().and_then(|value| columns.unit.in_micro_euros_per_kwh(value)) else {
            bail!(refusal("PRICE_VALUE", format!("`{text}` is not a number")));
        };
        if !price.is_plausible() {
            let message = format!("{text} is {} EUR/MWh, which no market has", price.get() / 1_000);
            bail!(refusal("PRICE_IMPLAUSIBLE", message).hint("check the unit that the file's header names"));
        }
        let zone = columns.zone.map_or(terms.zone.as_deref().unwrap_or_default(), cell);
        insert(into.entry(zone.to_owned()).or_default(), zone, start_s, Read { price, name: name.to_owned(), line })?;
    }
    Ok(())
}

/// The same value twice is fine; another one is refused with both lines.
fn insert(known: &mut BTreeMap<i64, Read>, zone: &str, start_s: i64, read: Read) -> Result<(), Refusal> {
    match known.get(&start_s) {
        Some(first) if first.price != read.price => {
            let when = DateTime::from_timestamp(start_s, 0).map(|time| time.to_rfc3339()).unwrap_or_default();
            let said = |read: &Read| format!("{}, line {} says {} micro-EUR/kWh", read.name, read.line, read.price.get());
            let message = format!("zone {zone} at {when}: {}, but {}", said(first), said(&read));
            Err(Refusal::new("PRICE_CONFLICT", Reach::Source, message).hint("keep one edition of the file under `files` of [[price]]"))
        }
        Some(_) => Ok(()),
        None => {
            known.insert(start_s, read);
            Ok(())
        }
    }
}

fn series(zone: &str, prices: BTreeMap<i64, Read>, mut editions: Vec<String>, terms: &PriceTerms) -> Result<PriceSeries> {
    let starts: Vec<i64> = prices.keys().copied().collect();
    let fits = |length: &i64| starts.windows(2).all(|pair| (pair[1] - pair[0]) % length == 0);
    let Some(interval) = INTERVALS_S.into_iter().find(fits) else {
        let message = format!("the prices of zone {zone} do not stand 5, 15, 30 or 60 minutes apart");
        bail!(Refusal::new("PRICE_STEP", Reach::Source, message));
    };
    editions.sort();
    editions.dedup();
    Ok(PriceSeries {
        zone: zone.to_owned(),
        edition: editions.join(", "),
        retrieved_s: terms.published_s,
        end_s: starts.iter().enumerate().map(|(i, start)| (start + interval).min(starts.get(i + 1).copied().unwrap_or(i64::MAX))).collect(),
        start_s: starts,
        price: prices.into_values().map(|read| read.price).collect(),
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    const AMSTERDAM: Option<Tz> = Some(chrono_tz::Europe::Amsterdam);

    fn read_text(text: &str, zones: &[&str], terms: &PriceTerms) -> Result<Vec<PriceSeries>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("prices.csv");
        std::fs::write(&path, text).unwrap();
        let zones: Vec<String> = zones.iter().map(|zone| (*zone).to_owned()).collect();
        read_files(&zones, &[path], terms)
    }

    fn refused(text: &str, zones: &[&str], terms: &PriceTerms) -> (&'static str, String) {
        let error = read_text(text, zones, terms).unwrap_err();
        let refusal = error.downcast_ref::<Refusal>().unwrap_or_else(|| panic!("not a refusal: {error:#}"));
        (refusal.code, refusal.message.clone())
    }

    #[test]
    fn a_price_a_megawatt_hour_and_one_a_kilowatt_hour_are_the_same_micro_euros() {
        let mwh = read_text("ts,zone,price_eur_per_mwh\n2026-10-01T00:00:00Z,NL,124.7\n", &["NL"], &PriceTerms::default()).unwrap();
        let kwh = read_text("ts,zone,price_eur_per_kwh\n2026-10-01T02:00:00+02:00,NL,0.1247\n", &["NL"], &PriceTerms::default()).unwrap();

        assert_eq!(mwh[0].price, [MicroEurosPerKilowattHour::new(124_700)]);
        assert_eq!((&mwh[0].price, &mwh[0].start_s, &mwh[0].end_s), (&kwh[0].price, &kwh[0].start_s, &kwh[0].end_s));
        assert!(mwh[0].edition.starts_with("prices.csv "), "{}", mwh[0].edition);
    }

    #[test]
    fn a_file_that_leaves_something_unsaid_is_refused_with_what_is_missing() {
        let none = PriceTerms::default();
        assert_eq!(refused("ts,zone,price\n2026-10-01T00:00:00Z,NL,1\n", &["NL"], &none).0, "PRICE_UNIT");
        assert_eq!(refused("ts,price_eur_per_mwh\n2026-10-01T00:00:00Z,1\n", &["NL"], &none).0, "PRICE_ZONE");
        assert_eq!(refused("ts,zone,cost\n2026-10-01T00:00:00Z,NL,1\n", &["NL"], &none).0, "PRICE_FORMAT");
        assert_eq!(refused("ts,zone,price_eur_per_mwh\n2026-10-01T00:00:00Z,BE,1\n", &["NL"], &none).0, "PRICE_ZONE");
        assert_eq!(refused("ts,zone,price_eur_per_mwh\n2026-10-01 00:00,NL,1\n", &["NL"], &none).0, "PRICE_AMBIGUOUS_TIME");
        let given = PriceTerms { unit: PriceUnit::parse("EUR/MWh"), zone: Some("NL".to_owned()), time_zone: AMSTERDAM, published_s: None };
        let read = read_text("datetime,price\n2026-10-01 02:00,1\n", &["NL"], &given).unwrap();
        assert_eq!((read[0].price[0].get(), read[0].start_s[0]), (1_000, 1_790_812_800));
    }

    #[test]
    fn two_prices_of_one_hour_are_refused_with_both_lines_and_a_negative_one_is_a_price() {
        let file = |second: &str| format!("ts,zone,price_eur_per_mwh\n2026-10-01T00:00:00Z,NL,-222.36\n2026-10-01T00:00:00Z,NL,{second}\n");
        assert_eq!(read_text(&file("-222.36"), &["NL"], &PriceTerms::default()).unwrap()[0].price[0].get(), -222_360);
        let (code, message) = refused(&file("5"), &["NL"], &PriceTerms::default());
        assert_eq!(code, "PRICE_CONFLICT");
        assert!(message.contains("line 2 says -222360") && message.contains("line 3 says 5000"), "{message}");
        assert_eq!(refused(&file("250000"), &["NL"], &PriceTerms::default()).0, "PRICE_IMPLAUSIBLE");
    }

    /// Real day-ahead prices in local time, where they are at hand: made-up rows in both hours of the clock change are found, and without them
    /// the year is read.
    #[test]
    fn a_real_year_in_local_time_is_refused_at_its_clock_changes_and_read_without_them() {
        let root = std::env::var_os("WATTLEDGER_SHARED_DATA")
            .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"), PathBuf::from);
        let path = root.join("prices/NL_electricity_prices_2022.csv");
        let Ok(text) = std::fs::read_to_string(&path) else {
            println!("left out: {} is not there", path.display());
            return;
        };
        let terms = PriceTerms { zone: Some("NL".to_owned()), time_zone: AMSTERDAM, ..PriceTerms::default() };
        let without = |text: &str, hour: &str| text.lines().filter(|line| !line.starts_with(hour)).collect::<Vec<_>>().join("\n");

        let (code, message) = refused(&text, &["NL"], &terms);
        assert_eq!(code, "PRICE_AMBIGUOUS_TIME");
        assert!(message.contains("`2022-03-27 02:00:00` is not there in Europe/Amsterdam"), "{message}");
        let text = without(&text, "2022-03-27 02:00:00");
        assert!(refused(&text, &["NL"], &terms).1.contains("`2022-10-30 02:00:00` is there twice"));
        let read = read_text(&without(&text, "2022-10-30 02:00:00"), &["NL"], &terms).unwrap().remove(0);
        // 8,736 rows, as the data's own README counts them, less these two.
        assert_eq!(read.len(), 8_734);
        assert_eq!(read.price.iter().filter(|price| price.get() < 0).count(), 85);
        assert_eq!(read.price.iter().min().unwrap().get(), -222_360);
        assert_eq!(read.start_s[0], 1_640_991_600);
    }
}
