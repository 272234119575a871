//! Legal entities: own statements, what is eliminated, and the group as one.

use super::figure::Figure;
use crate::disclosure::Statement;
use crate::disclosure::figure_ids::RowId;
use crate::disclosure::statement::{CurrencyCost, EntityStatement, ExchangeRateStatement, Figures, IntraGroupLine};
use crate::reports::{view, words};
use crate::units::MicrogramsCo2e;

pub struct Section<'a> {
    pub approach: &'static str,
    pub rows: Vec<Row<'a>>,
    pub sum: Vec<Figure>,
    /// The cells of the line that eliminates: empty but for category 1.
    pub eliminated: Vec<Option<Figure>>,
    pub consolidated: Vec<Figure>,
    /// Why entities have no market-based figure, by name.
    pub reasons: Vec<(&'a str, &'a str)>,
    pub purchases: Vec<Purchase<'a>>,
    pub purchased_total: Vec<Figure>,
    pub work: Vec<Work<'a>>,
    pub revenues: Vec<Revenue<'a>>,
    pub currency: &'a str,
    pub rates: Vec<Rate<'a>>,
}

pub struct Row<'a> {
    pub id: String,
    pub entity: &'a EntityStatement,
    pub figures: Vec<Figure>,
}

pub struct Purchase<'a> {
    pub id: String,
    pub line: &'a IntraGroupLine,
    pub placement: &'static str,
    pub figures: Vec<Figure>,
}

/// What shifting its own work came to. Not part of reported emissions.
pub struct Work<'a> {
    pub entity: &'a str,
    pub runs: String,
    pub shifted: String,
    pub avoided: Figure,
    pub cost: Figure,
    pub saved: Figure,
    pub cost_in_currency: String,
    pub saved_in_currency: String,
}

pub struct Revenue<'a> {
    pub entity: &'a str,
    pub currency: &'a str,
    pub amount: String,
    pub location_based: String,
    pub market_based: String,
    pub location_based_in_organisations: String,
    pub market_based_in_organisations: String,
}

pub struct Rate<'a> {
    pub rate: &'a ExchangeRateStatement,
    pub value: String,
}

impl<'a> Section<'a> {
    pub fn of(statement: &'a Statement) -> Option<Self> {
        let entities = statement.entities.as_ref()?;
        let zero = MicrogramsCo2e::ZERO;
        let total = figures(&entities.consolidated, Some(zero));
        let eliminated = total.iter().map(|figure| match figure.name() {
            "scope3_category_1_ugco2e" | "bought_within_group_ugco2e" => {
                Some(Figure::difference("eliminated_ugco2e", entities.eliminated_ugco2e.map(|sum| zero - sum)))
            }
            _ => None,
        });
        let reasons = entities.entities.iter().filter_map(|entity| Some((entity.entity.as_str(), entity.market_based_reason.as_deref()?)));
        let sum_of =
            |part: fn(&IntraGroupLine) -> Option<MicrogramsCo2e>| entities.intra_group.iter().map(part).sum::<Option<MicrogramsCo2e>>();
        let embodied = entities.intra_group.iter().filter_map(|line| line.embodied_ugco2e).reduce(|sum, part| sum + part);
        Some(Self {
            approach: words::entities::approach(entities.consolidation),
            rows: entities
                .entities
                .iter()
                .map(|entity| Row {
                    id: RowId::Entity { entity: entity.entity.clone() }.to_string(),
                    entity,
                    figures: figures(&entity.figures, entity.bought_within_group_ugco2e),
                })
                .collect(),
            sum: figures(&entities.sum_of_own, entities.eliminated_ugco2e),
            eliminated: eliminated.collect(),
            consolidated: total,
            reasons: reasons.collect(),
            purchased_total: vec![
                Figure::energy("facility_mj", entities.sold_mj()),
                Figure::emissions("operation_ugco2e", sum_of(|line| line.operation_ugco2e)),
                Figure::emissions("embodied_ugco2e", embodied),
                Figure::emissions("category_1_ugco2e", entities.eliminated_ugco2e),
            ],
            purchases: entities.intra_group.iter().map(purchase).collect(),
            work: entities.entities.iter().filter(|entity| entity.counterfactual.runs > 0).map(work).collect(),
            revenues: entities.entities.iter().filter_map(revenue).collect(),
            currency: &entities.currency,
            rates: entities.exchange_rates.iter().map(|rate| Rate { rate, value: view::as_published(rate.rate) }).collect(),
        })
    }
}

/// In the order of the columns. Category 1 and, behind it, what of it was bought within the group.
fn figures(figures: &Figures, bought: Option<MicrogramsCo2e>) -> Vec<Figure> {
    vec![
        Figure::energy("facility_mj", figures.facility_mj),
        Figure::emissions("scope2_location_based_ugco2e", figures.scope2_location_based_ugco2e),
        Figure::emissions("scope2_location_based_annual_ugco2e", figures.scope2_location_based_annual_ugco2e),
        Figure::emissions("scope2_market_based_ugco2e", figures.scope2_market_based_ugco2e),
        Figure::emissions("scope3_category_1_ugco2e", figures.scope3_category_1_ugco2e),
        Figure::emissions("bought_within_group_ugco2e", bought),
        Figure::emissions("scope3_category_2_ugco2e", figures.scope3_category_2_ugco2e),
        Figure::emissions("scope3_category_3_ugco2e", figures.scope3_category_3_ugco2e),
        Figure::emissions("scope3_category_8_ugco2e", figures.scope3_category_8_ugco2e),
    ]
}

fn purchase(line: &IntraGroupLine) -> Purchase<'_> {
    Purchase {
        id: RowId::intra_group([&line.provider, &line.customer, &line.cluster, &line.namespace], line.placement).to_string(),
        placement: line.placement.label(),
        figures: vec![
            Figure::energy("facility_mj", line.facility_mj),
            Figure::emissions("operation_ugco2e", line.operation_ugco2e),
            Figure::emissions("embodied_ugco2e", line.embodied_ugco2e),
            Figure::emissions("category_1_ugco2e", line.category_1_ugco2e),
        ],
        line,
    }
}

fn work(entity: &EntityStatement) -> Work<'_> {
    let cost = entity.cost.as_ref();
    let in_currency = |of: fn(&CurrencyCost) -> String| entity.cost_in_currency.as_ref().map_or_else(|| view::UNKNOWN.to_owned(), of);
    Work {
        entity: &entity.entity,
        runs: view::grouped(entity.counterfactual.runs.into()),
        shifted: view::grouped(entity.counterfactual.shifted_runs.into()),
        avoided: Figure::difference("counterfactual.avoided_ugco2e", entity.counterfactual.avoided_ugco2e),
        cost: Figure::euros("cost.actual_micro_eur", cost.map(|cost| cost.actual_micro_eur)),
        saved: Figure::euro_difference("cost.saved_micro_eur", cost.map(|cost| cost.saved_micro_eur)),
        cost_in_currency: in_currency(|cost| format!("{} {}", view::units(cost.actual_micro_units), cost.currency)),
        saved_in_currency: in_currency(|cost| format!("{} {}", view::units(cost.saved_micro_units).signed(), cost.currency)),
    }
}

fn revenue(entity: &EntityStatement) -> Option<Revenue<'_>> {
    let revenue = entity.revenue.as_ref()?;
    let of = |figure: &str| revenue.intensities.iter().find(|row| row.figure == figure);
    let text = |value: Option<f64>| value.map_or_else(|| view::UNKNOWN.to_owned(), |value| view::significant(value).to_string());
    let own = |figure: &str| text(of(figure).and_then(|row| row.tco2e_per_million));
    let other = |figure: &str| text(of(figure).and_then(|row| row.tco2e_per_million_in_organisation_currency));
    let (location_based, market_based) = ("total_location_based_ugco2e", "total_market_based_ugco2e");
    Some(Revenue {
        entity: &entity.entity,
        currency: &revenue.net_revenue.currency,
        amount: view::as_published(revenue.net_revenue.amount),
        location_based: own(location_based),
        market_based: own(market_based),
        location_based_in_organisations: other(location_based),
        market_based_in_organisations: other(market_based),
    })
}
