//! Tables behind the figures that no meter gives: instruments, hardware as goods, losses, revenue, functional units, earlier years.
//!
//! In: tables as written. Out: terms as meant. Rule: a figure without a source is refused; what would be claimed twice is refused.
//! Assumes: `check` has looked at single values. Does not: open files; only globs look at folders.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use chrono::NaiveDate;

use super::misread::nearest;
use super::{InstrumentTable, Place, Revenue, ZoneLosses, feeds, raw};
use crate::factors::{Factors, Quantity};
use crate::model::{CriterionAnswer, EmbodiedTerms, FunctionalUnit, Hint, Instrument, InstrumentPeriod, PublishedYear};
use crate::units::{GramsCo2ePerKilowattHour, Millijoules};

/// Of hardware classes that say no life: the usual depreciation of servers.
const DEFAULT_LIFE_YEARS: f64 = 4.0;
const CRITERIA: usize = 8;
/// Figures that a published year can state, with how many ledger units make one of those written.
const PUBLISHED: [(&str, &str, f64); 12] = [
    ("energy_mwh", "energy_mix_total_mj", 3.6e12),
    ("energy_fossil_mwh", "energy_mix_fossil_mj", 3.6e12),
    ("energy_nuclear_mwh", "energy_mix_nuclear_mj", 3.6e12),
    ("energy_renewable_mwh", "energy_mix_renewable_mj", 3.6e12),
    ("scope2_location_based_tco2e", "scope2_location_based_ugco2e", 1e12),
    ("scope2_location_based_annual_tco2e", "scope2_location_based_annual_ugco2e", 1e12),
    ("scope2_market_based_tco2e", "scope2_market_based_ugco2e", 1e12),
    ("scope3_category_1_tco2e", "scope3_category_1_ugco2e", 1e12),
    ("scope3_category_2_tco2e", "scope3_category_2_ugco2e", 1e12),
    ("scope3_category_3_tco2e", "scope3_category_3_ugco2e", 1e12),
    ("scope3_category_8_tco2e", "scope3_category_8_ugco2e", 1e12),
    ("embodied_amortised_tco2e", "embodied_amortised_ugco2e", 1e12),
];

/// An LEI is 18 letters and digits and two check digits, ISO 7064 mod 97-10.
/// `table` is where it stands, as in `[organisation]`.
pub(super) fn lei(table: &str, text: Option<&str>) -> Result<Option<String>> {
    let Some(text) = text else { return Ok(None) };
    let is_shaped = text.len() == 20 && text.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase());
    let value = |byte: u8| u64::from(if byte.is_ascii_digit() { byte - b'0' } else { byte - b'A' + 10 });
    let remainder = text.bytes().filter(u8::is_ascii_alphanumeric).fold(0_u64, |sum, byte| {
        let value = value(byte.to_ascii_uppercase());
        (sum * if value > 9 { 100 } else { 10 } + value) % 97
    });
    ensure!(is_shaped && remainder == 1, "{table}: `lei` is not a legal entity identifier (ISO 17442): its check digits do not fit");
    Ok(Some(text.to_owned()))
}

/// A code of ISO 4217, as far as its shape says.
pub(super) fn currency(table: &str, key: &str, code: &str) -> Result<String> {
    ensure!(code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase()), "{table}: `{key}` is a code of ISO 4217, as in \"EUR\"");
    Ok(code.to_owned())
}

pub(super) fn revenue(table: &str, currency: Option<&str>, by_year: &BTreeMap<String, f64>) -> Result<Revenue> {
    let currency = self::currency(table, "currency", currency.unwrap_or("EUR"))?;
    let mut revenue = Revenue { currency, by_year: BTreeMap::new() };
    for (year, amount) in by_year {
        let parsed = year.parse::<i32>().ok().filter(|_| year.len() == 4);
        let year = parsed.with_context(|| format!("{table}: `net_revenue` names `{year}`, which is not a year"))?;
        ensure!(amount.is_finite() && *amount > 0.0, "{table}: `net_revenue` of {year} must be above 0");
        revenue.by_year.insert(year, *amount);
    }
    Ok(revenue)
}

pub(super) fn instruments(tables: &[raw::Instrument], clusters: &[raw::Cluster], folder: &Path) -> Result<Vec<InstrumentTable>> {
    let mut seen = BTreeSet::new();
    let mut instruments = Vec::new();
    for (i, table) in tables.iter().enumerate() {
        let place = || format!("[[instrument]] {}", i + 1);
        if !seen.insert((table.evidence.as_str(), table.period.as_str(), table.zone.as_str())) {
            bail!(Hint::new(
                format!("{}: `{}` is the evidence of another instrument of the same zone and period", place(), table.evidence),
                "a volume is claimed once; where one document holds several volumes, name the certificate range or page in `evidence`",
            ));
        }
        instruments.push(InstrumentTable {
            instrument: instrument(table, clusters).with_context(place)?,
            generation_file: table.generation_file.as_deref().map(|file| folder.join(file)),
        });
    }
    Ok(instruments)
}

fn instrument(table: &raw::Instrument, clusters: &[raw::Cluster]) -> Result<Instrument> {
    let known: Vec<&str> = clusters.iter().map(|cluster| cluster.name.as_str()).collect();
    for name in &table.clusters {
        ensure!(known.contains(&name.as_str()), "`clusters` names `{name}`; the nearest known one is `{}`", nearest(name, &known));
    }
    let (year, month) = table.period.split_once('-').map_or((table.period.as_str(), None), |(year, month)| (year, Some(month)));
    let period = InstrumentPeriod { year: year.parse()?, month: month.map(str::parse).transpose()? };
    let mut criteria = Vec::new();
    if !table.quality_criteria.is_empty() {
        criteria = vec![CriterionAnswer::Unanswered; CRITERIA];
        for (number, answer) in &table.quality_criteria {
            let index = number.parse::<usize>().ok().filter(|number| (1..=CRITERIA).contains(number));
            let index = index.with_context(|| format!("`quality_criteria` has `{number}`; the criteria are numbered 1 to {CRITERIA}"))?;
            criteria[index - 1] = *answer;
        }
    }
    let is_hourly = table.matching == crate::model::Matching::Hour;
    ensure!(is_hourly || table.generation_file.is_none(), "`generation_file` is for matching = \"hour\"");
    Ok(Instrument {
        kind: table.kind,
        zone: table.zone.clone(),
        volume: Millijoules::new((table.mwh * 3.6e12).round() as i64),
        period,
        matching: table.matching,
        factor: GramsCo2ePerKilowattHour::new(table.factor_gco2e_per_kwh),
        energy_source: table.energy_source,
        evidence: table.evidence.clone(),
        clusters: table.clusters.clone(),
        entity: table.entity.clone(),
        criteria,
        generation: Vec::new(),
    })
}

pub(super) fn losses(tables: Vec<raw::Losses>) -> Vec<ZoneLosses> {
    tables.into_iter().map(|table| ZoneLosses { zone: table.zone, share: table.share, source: table.source }).collect()
}

pub(super) fn factor_files(patterns: &[String], place: &Place) -> Result<Vec<PathBuf>> {
    if let Place::Sealed { factor_files } = place {
        return Ok(factor_files.clone());
    }
    let (files, unmatched) = feeds::files(patterns, place).context("[factors]")?;
    if let Some(glob) = unmatched.first() {
        bail!(Hint::new(
            format!("[factors]: no file matches {glob}"),
            "put your factor tables there, or mend `files`; paths are relative to the configuration file",
        ));
    }
    Ok(files)
}

/// Relative standard uncertainties, by the name of the input.
pub(super) fn uncertainty(stated: BTreeMap<String, f64>) -> Result<BTreeMap<String, f64>> {
    for (input, value) in &stated {
        ensure!(
            value.is_finite() && (0.0..=2.0).contains(value),
            "[uncertainty]: `{input}` is a relative standard uncertainty, as in 0.05 for 5 %, from 0 to 2"
        );
    }
    Ok(stated)
}

/// What is known of a machine as a good; none where its class does not say.
pub(super) fn embodied(
    hardware: Option<&str>,
    in_service: Option<NaiveDate>,
    classes: &[raw::Hardware],
    factors: &Factors,
) -> Option<EmbodiedTerms> {
    let class = classes.iter().find(|class| Some(class.name.as_str()) == hardware)?;
    let of_class = |quantity, name: &str| factors.find(quantity, name, NaiveDate::MAX);
    let server = class.embodied_class.as_deref().and_then(|name| of_class(Quantity::ServerEmbodied, name));
    let own_range = class.embodied_range_kgco2e.map(|[low, high]| (low, high));
    let gpus = class.gpus.unwrap_or(0);
    // A GPU without a figure is not nothing: the one that comes with the software is taken, and printed with what is known against it.
    let gpu = of_class(Quantity::GpuEmbodied, "gpu").filter(|_| gpus > 0 && class.gpu_embodied_kgco2e.is_none());
    Some(EmbodiedTerms {
        class: class.name.clone(),
        embodied_kgco2e: class.embodied_kgco2e.or(server.map(|server| server.value))?,
        range_kgco2e: own_range.or(server.and_then(|server| server.low.zip(server.high))),
        gpu_embodied_kgco2e: class.gpu_embodied_kgco2e.or(gpu.map(|gpu| gpu.value)).unwrap_or(0.0),
        gpus,
        life_years: class.life_years.unwrap_or(DEFAULT_LIFE_YEARS),
        source: server.map_or_else(|| class.source.clone(), |server| format!("{}: {}", server.publisher, server.publication)),
        factor: server.map(|server| server.id.clone()),
        gpu_factor: gpu.map(|gpu| gpu.id.clone()),
        in_service,
    })
}

pub(super) fn functional_units(tables: Vec<raw::FunctionalUnit>, clusters: &[raw::Cluster]) -> Result<Vec<FunctionalUnit>> {
    let known: Vec<&str> = clusters.iter().map(|cluster| cluster.name.as_str()).collect();
    let mut units: Vec<FunctionalUnit> = Vec::new();
    for (i, table) in tables.into_iter().enumerate() {
        let place = format!("[[functional_unit]] {}", i + 1);
        ensure!(
            known.contains(&table.cluster.as_str()),
            "{place}: `cluster` is `{}`; the nearest known one is `{}`",
            table.cluster,
            nearest(&table.cluster, &known)
        );
        ensure!(!table.unit.trim().is_empty(), "{place}: `unit` is empty; say what is counted, as in \"1,000 requests\"");
        ensure!(!table.source.trim().is_empty(), "{place}: `source` is empty; a count without a source cannot be audited");
        for (month, count) in &table.counts {
            ensure!(super::check::is_year_or_month(month) && month.len() == 7, "{place}: `counts` names `{month}`, which is not a month");
            // ISO/IEC 21031: a score per unit of nothing is no score.
            ensure!(count.is_finite() && *count > 0.0, "{place}: `counts` of {month} must be above 0");
        }
        let same = |unit: &&FunctionalUnit| {
            (&unit.cluster, &unit.namespace, &unit.workload) == (&table.cluster, &table.namespace, &table.workload)
        };
        ensure!(units.iter().find(same).is_none(), "{place}: {} has a functional unit already", table.workload);
        units.push(FunctionalUnit {
            cluster: table.cluster,
            namespace: table.namespace,
            workload: table.workload,
            unit: table.unit,
            counts: table.counts.into_iter().collect(),
            source: table.source,
        });
    }
    Ok(units)
}

pub(super) fn published_years(tables: Vec<raw::PublishedYear>) -> Result<Vec<PublishedYear>> {
    let mut years: Vec<PublishedYear> = Vec::new();
    for table in tables {
        let place = format!("[[published_year]] {}", table.year);
        ensure!(years.iter().all(|year| year.year != table.year), "{place}: the year is there twice");
        ensure!(!table.base_year || years.iter().all(|year| !year.is_base_year), "{place}: there is another base year");
        ensure!(!table.source.trim().is_empty(), "{place}: `source` is empty; name the report and page");
        let mut figures = Vec::new();
        for (name, value) in &table.figures {
            let names: Vec<&str> = PUBLISHED.iter().map(|(name, ..)| *name).collect();
            let known = PUBLISHED.iter().find(|(known, ..)| known == name);
            let (_, figure, units) =
                known.with_context(|| format!("{place}: `figures` has `{name}`; the nearest known one is `{}`", nearest(name, &names)))?;
            ensure!(value.is_finite() && *value >= 0.0 && *value < 9e6, "{place}: `{name}` is {value}");
            figures.push(((*figure).to_owned(), (value * units).round() as i64));
        }
        years.push(PublishedYear { year: table.year, is_base_year: table.base_year, source: table.source, figures });
    }
    years.sort_by_key(|year| year.year);
    Ok(years)
}
