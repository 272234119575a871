//! Market-based Scope 2 of a period: from the register of instruments and the factor tables to figures, section and factor statements.
//!
//! In: configuration, factors, sums by site and hour of a month or a year. Out: [`Accounted`]. Rule: the accounting is in `scopes::market`; here files
//! of generation are read and residual mixes looked up, at the last day of the period. Does not: compute.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};

use super::{Books, factor_list, generation};
use crate::accounting::inventory::ClusterInventory;
use crate::accounting::scopes::market::{Market, MarketTerms, ResidualMix, market_based};
use crate::accounting::survey::ClusterTerms;
use crate::config::InstrumentTable;
use crate::disclosure::scope2;
use crate::disclosure::statement::{FactorStatement, Scope2};
use crate::factors::{Factor, Factors, Quantity};
use crate::model::{Instrument, Placement};
use crate::units::{GramsCo2ePerKilowattHour, ReportingPeriod};

/// The figures with what they rest on.
pub struct Accounted {
    pub market: Market,
    pub section: Scope2,
    pub factors: Vec<FactorStatement>,
}

/// Accounts a month or a year. `missing` are months of a year without evidence, `zones_without_annual` grid zones whose annual factor is not known.
pub fn account(
    books: &Books,
    factors: &Factors,
    period: ReportingPeriod,
    missing: &[ReportingPeriod],
    clusters: &[ClusterTerms],
    inventories: &[ClusterInventory],
    zones_without_annual: &BTreeSet<String>,
) -> Result<Accounted> {
    let config = &books.config;
    let mut instruments = Vec::new();
    let mut statements = Vec::new();
    for (index, table) in config.instruments.iter().enumerate() {
        let (instrument, note) = held(books, table).with_context(|| format!("[[instrument]] {}", index + 1))?;
        statements.push(of_instrument(index + 1, &instrument, note));
        instruments.push(instrument);
    }
    let sites = clusters.iter().flat_map(|cluster| &cluster.sites).filter(|site| site.placement == Placement::Scope2);
    let zones: BTreeSet<&str> = sites.map(|site| site.grid_zone.as_str()).collect();
    let last_day = (period.to() - chrono::Duration::seconds(1)).with_timezone(&period.time_zone()).date_naive();
    let rows: Vec<&Factor> = zones.iter().filter_map(|zone| factors.find(Quantity::ResidualMix, zone, last_day)).collect();
    let residual: BTreeMap<String, ResidualMix> = rows.iter().map(|row| (row.geography.clone(), residual_mix(row))).collect();
    let terms = MarketTerms {
        period,
        missing,
        location_based: config.report.location_based,
        instruments: &instruments,
        residual: &residual,
        zones_without_annual,
    };
    let market = market_based(&terms, clusters, inventories);
    for (statement, used) in statements.iter_mut().zip(&market.instruments) {
        if let Some(reason) = &used.not_used_reason {
            statement.used_for = format!("not used: {reason}");
        }
    }
    let is_used = |row: &&&Factor| market.zones.iter().any(|zone| zone.residual_mix.as_deref() == Some(row.id.as_str()));
    statements.extend(
        rows.iter().filter(is_used).map(|row| factor_list::statement(row, "Scope 2, market-based: electricity that no instrument covers")),
    );
    let section = scope2::section(&market, &instruments, clusters);
    Ok(Accounted { market, section, factors: statements })
}

/// The instrument with its generation, and where that comes from.
fn held(books: &Books, table: &InstrumentTable) -> Result<(Instrument, Option<String>)> {
    let mut instrument = table.instrument.clone();
    let Some(path) = &table.generation_file else { return Ok((instrument, None)) };
    let file = books.generation_file(path)?;
    let generation = generation::read(&file)?;
    instrument.generation = generation.by_hour;
    Ok((instrument, Some(format!("Generation by hour: {} (SHA-256 {}).", file.name, generation.sha256))))
}

fn residual_mix(row: &Factor) -> ResidualMix {
    ResidualMix { id: row.id.clone(), factor: GramsCo2ePerKilowattHour::new(row.value), year: row.year, nuclear_share: row.nuclear_share }
}

fn of_instrument(number: usize, instrument: &Instrument, note: Option<String>) -> FactorStatement {
    let used_for = "Scope 2, market-based: electricity that the instrument covers";
    let (id, factor) = (format!("instrument-{number}"), (instrument.factor.get(), "gCO2e/kWh"));
    let row = factor_list::configured(id, "instrument", &instrument.zone, factor, &instrument.evidence, used_for);
    FactorStatement { year: Some(instrument.period.year), publisher: "the instrument itself".to_owned(), note, ..row }
}
