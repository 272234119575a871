//! Scope 3 of compute: all fifteen categories, the parts of two of them, and machines as goods.

use super::basis::Basis;
use super::figure::Figure;
use crate::disclosure::Statement;
use crate::disclosure::figure_ids::RowId;
use crate::disclosure::statement::{Asset, ScreeningRow};
use crate::reports::inventory::KnownScope3;
use crate::reports::{view, words};

const RULE: &str = "GHG Protocol Scope 3 Standard, chapter 5 (table 5.4) and the technical guidance to it. ESRS E1-6 51 and AR 46 (2023 edition). Method, sections 4 and 5.";

pub struct Section<'a> {
    pub basis: Basis<'a>,
    pub screening: Vec<Screened<'a>>,
    pub known: Figure,
    pub gap: Option<String>,
    pub parts: Vec<Part>,
    pub primary_data: String,
    pub assets: Vec<AssetRow<'a>>,
    pub capitalised: Figure,
    pub amortised: Figure,
}

pub struct Screened<'a> {
    pub id: String,
    pub row: &'a ScreeningRow,
    pub word: &'static str,
    pub figure: Figure,
    pub factors: String,
}

pub struct Part {
    pub category: &'static str,
    pub what: &'static str,
    pub figure: Figure,
}

pub struct AssetRow<'a> {
    pub id: String,
    pub asset: &'a Asset,
    pub life_years: String,
    pub in_service: &'a str,
    pub reserved: String,
    pub embodied: Figure,
    pub capitalised: Figure,
    pub amortised: Figure,
}

impl<'a> Section<'a> {
    pub fn of(statement: &'a Statement) -> Self {
        let scope3 = &statement.scope3;
        let totals = &statement.totals.figures;
        let known = KnownScope3::of(statement);
        let named = |id: &String| scope3.screening.iter().any(|row| row.factors.contains(id));
        let part = |category, what, name, emissions| Part { category, what, figure: Figure::emissions(name, emissions) };
        Self {
            basis: Basis::new(RULE).with_factors(statement, |factor| named(&factor.id)).with_tiers(statement, |_| true),
            screening: scope3.screening.iter().map(screened).collect(),
            known: Figure::emissions("scope3_known_ugco2e", known.sum),
            gap: known.gap(),
            parts: vec![
                part("1", "Clouds: electricity, location-based", "cloud_operation_ugco2e", scope3.cloud_operation_ugco2e),
                part("1", "Clouds: hardware, amortised", "cloud_embodied_ugco2e", scope3.cloud_embodied_ugco2e),
                part("3", "Upstream of electricity (activity B)", "upstream_ugco2e", scope3.upstream_ugco2e),
                part("3", "Grid losses (activity C)", "losses_ugco2e", scope3.losses_ugco2e),
            ],
            primary_data: view::share_percent(scope3.primary_data_share),
            assets: scope3.assets.iter().map(asset_row).collect(),
            capitalised: Figure::emissions("scope3_category_2_ugco2e", totals.scope3_category_2_ugco2e),
            amortised: Figure::emissions("embodied_amortised_ugco2e", totals.embodied_amortised_ugco2e),
        }
    }
}

fn screened(row: &ScreeningRow) -> Screened<'_> {
    Screened {
        id: RowId::Scope3 { category: Some(row.category.into()) }.to_string(),
        word: words::screening(row.screening),
        figure: Figure::emissions("emissions_ugco2e", row.emissions_ugco2e),
        factors: row.factors.join(", "),
        row,
    }
}

fn asset_row(asset: &Asset) -> AssetRow<'_> {
    AssetRow {
        id: RowId::Asset { cluster: asset.cluster.clone(), node: asset.node.clone() }.to_string(),
        life_years: view::as_published(asset.life_years),
        in_service: asset.in_service.as_deref().unwrap_or("before the evidence begins"),
        reserved: view::share_percent(asset.reserved_share),
        embodied: Figure::emissions("embodied_ugco2e", asset.embodied_ugco2e),
        capitalised: Figure::emissions("capitalised_ugco2e", asset.capitalised_ugco2e),
        amortised: Figure::emissions("amortised_ugco2e", asset.amortised_ugco2e),
        asset,
    }
}
