//! Scope 2 both ways: where the figures differ and why, and what the market-based one rests on.

use super::bar::{self, Piece};
use super::basis::Basis;
use super::figure::Figure;
use crate::disclosure::Statement;
use crate::disclosure::figure_ids::RowId;
use crate::disclosure::statement::{EnergyMix, InstrumentStatement, MarketZone, Scope2Row};
use crate::model::Placement;
use crate::reports::{inventory, view, words};
use crate::units::{MicrogramsCo2e, Millijoules};

const RULE: &str = "GHG Protocol Scope 2 Guidance (2015), chapters 6 and 7: factors by tables 6.2 and 6.3, instruments by the quality criteria of table 7.1. \
                    ESRS E1-6 49(a), (b) and AR 45 (2023 edition). Method, section 4.";

pub struct Section<'a> {
    pub basis: Basis<'a>,
    pub rows: Vec<Row<'a>>,
    pub total: Row<'a>,
    pub instruments: Vec<Instrument<'a>>,
    pub zones: Vec<Zone<'a>>,
    /// Of the criteria that are named in the table of instruments.
    pub criteria: Vec<(u8, &'static str)>,
    pub covered: String,
    pub hourly_share: String,
    pub hourly_figure: Figure,
    /// Without electricity there is no mix; zeros would say that there is one.
    pub has_mix: bool,
    pub mix: Vec<Piece>,
    pub mix_energy: Vec<Figure>,
    pub mix_total: Figure,
    pub mix_rule: &'a str,
    pub outside: Figure,
    pub disclosures: &'a [String],
}

pub struct Row<'a> {
    pub id: String,
    pub cluster: &'a str,
    pub grid_zone: &'a str,
    pub figures: Vec<Figure>,
}

pub struct Instrument<'a> {
    pub id: String,
    pub instrument: &'a InstrumentStatement,
    pub kind: &'static str,
    pub matching: &'static str,
    pub source: &'static str,
    pub factor: String,
    pub figures: Vec<Figure>,
    pub is_used: bool,
    pub not_met: String,
    pub unanswered: String,
}

pub struct Zone<'a> {
    pub id: String,
    pub zone: &'a MarketZone,
    pub figures: Vec<Figure>,
    pub rule: &'static str,
    /// Value and unit of the residual mix.
    pub residual_mix: Option<String>,
}

impl<'a> Section<'a> {
    pub fn of(statement: &'a Statement) -> Self {
        let scope2 = &statement.scope2;
        let mix = &scope2.energy_mix;
        Self {
            basis: Basis::new(RULE)
                .with_series(statement, |zone| scope2.reconciliation.iter().any(|row| row.grid_zone == zone))
                .with_factors(statement, |factor| {
                    matches!(factor.quantity.as_str(), "grid-annual-direct" | "residual-mix" | "instrument" | "supplier-rate")
                        && is_used(factor)
                })
                .with_tiers(statement, |placement| placement == Placement::Scope2),
            rows: scope2.reconciliation.iter().map(row).collect(),
            total: total(statement),
            instruments: scope2.instruments.iter().map(instrument).collect(),
            zones: scope2.zones.iter().map(|row| zone(statement, row)).collect(),
            criteria: criteria(&scope2.instruments),
            covered: view::share_percent(scope2.covered_share),
            hourly_share: view::share_percent(scope2.hourly_matched_share),
            hourly_figure: Figure::emissions("hourly_matched_ugco2e", scope2.hourly_matched_ugco2e),
            has_mix: mix.total_mj != Millijoules::ZERO,
            mix: bar::energy_mix(mix),
            mix_energy: mix_energy(mix),
            mix_total: Figure::energy("total_mj", mix.total_mj),
            mix_rule: &mix.rule,
            outside: Figure::energy("outside_own_operations_mj", mix.outside_own_operations_mj),
            disclosures: &scope2.disclosures,
        }
    }
}

/// A factor that stands in the list and met nothing says so itself.
pub fn is_used(factor: &crate::disclosure::statement::FactorStatement) -> bool {
    !factor.used_for.starts_with("not used")
}

fn figures(
    facility: Option<Millijoules>,
    hourly: MicrogramsCo2e,
    annual: Option<MicrogramsCo2e>,
    hourly_less_annual: Option<MicrogramsCo2e>,
    market: Option<MicrogramsCo2e>,
    market_less_location: Option<MicrogramsCo2e>,
) -> Vec<Figure> {
    vec![
        Figure::bound("facility_mj", "facility_mj", facility.map(Millijoules::get)),
        Figure::emissions("location_based_ugco2e", hourly),
        Figure::emissions("location_based_annual_ugco2e", annual),
        Figure::difference("hourly_less_annual_ugco2e", hourly_less_annual),
        Figure::emissions("market_based_ugco2e", market),
        Figure::difference("market_less_location_based_ugco2e", market_less_location),
    ]
}

fn row(row: &Scope2Row) -> Row<'_> {
    Row {
        id: RowId::Scope2 { cluster_and_zone: Some((row.cluster.clone(), row.grid_zone.clone())) }.to_string(),
        cluster: &row.cluster,
        grid_zone: &row.grid_zone,
        figures: figures(
            Some(row.facility_mj),
            row.location_based_ugco2e,
            row.location_based_annual_ugco2e,
            row.hourly_less_annual_ugco2e,
            row.market_based_ugco2e,
            row.market_less_location_based_ugco2e,
        ),
    }
}

/// The statement's own totals, not sums made here.
fn total(statement: &Statement) -> Row<'_> {
    let rows = &statement.scope2.reconciliation;
    let totals = &statement.totals.figures;
    let hourly = totals.scope2_location_based_ugco2e;
    let market = totals.scope2_market_based_ugco2e;
    Row {
        id: String::new(),
        cluster: "Scope 2",
        grid_zone: "",
        figures: figures(
            (!rows.is_empty()).then(|| rows.iter().map(|row| row.facility_mj).sum()),
            hourly,
            totals.scope2_location_based_annual_ugco2e,
            inventory::scope2_difference(statement),
            market,
            market.map(|market| market - hourly),
        ),
    }
}

fn instrument(instrument: &InstrumentStatement) -> Instrument<'_> {
    Instrument {
        id: RowId::Instrument { number: instrument.number }.to_string(),
        kind: words::instrument_kind(instrument.kind),
        matching: words::matching(instrument.matching),
        source: words::energy_source(instrument.energy_source),
        factor: view::as_published(instrument.factor_gco2e_per_kwh),
        figures: vec![
            Figure::energy("volume_mj", instrument.volume_mj),
            Figure::energy("available_mj", instrument.available_mj),
            Figure::energy("applied_mj", instrument.applied_mj),
            Figure::emissions("applied_ugco2e", instrument.applied_ugco2e),
        ],
        is_used: instrument.not_used_reason.is_none(),
        not_met: words::numbers(&instrument.criteria_not_met),
        unanswered: words::numbers(&instrument.criteria_unanswered),
        instrument,
    }
}

fn criteria(instruments: &[InstrumentStatement]) -> Vec<(u8, &'static str)> {
    let named = instruments.iter().flat_map(|instrument| instrument.criteria_not_met.iter().chain(&instrument.criteria_unanswered));
    let sorted: std::collections::BTreeSet<u8> = named.copied().collect();
    sorted.into_iter().map(|number| (number, words::criterion(number))).collect()
}

fn zone<'a>(statement: &Statement, zone: &'a MarketZone) -> Zone<'a> {
    let factor = statement.factors.iter().find(|factor| Some(&factor.id) == zone.residual_mix.as_ref());
    Zone {
        id: RowId::MarketZone { zone: zone.grid_zone.clone() }.to_string(),
        figures: vec![
            Figure::energy("facility_mj", zone.facility_mj),
            Figure::energy("covered_mj", zone.covered_mj),
            Figure::emissions("covered_ugco2e", zone.covered_ugco2e),
            Figure::energy("rest_mj", zone.rest_mj),
            Figure::emissions("rest_ugco2e", zone.rest_ugco2e),
        ],
        rule: words::rest_rule(zone.rest_rule),
        residual_mix: factor.map(|factor| format!("{} {}", view::as_published(factor.value), factor.unit)),
        zone,
    }
}

fn mix_energy(mix: &EnergyMix) -> Vec<Figure> {
    // In the order of the bar.
    vec![
        Figure::energy("renewable_mj", mix.renewable_mj),
        Figure::energy("nuclear_mj", mix.nuclear_mj),
        Figure::energy("fossil_mj", mix.fossil_mj),
    ]
}
