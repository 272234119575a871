//! A year beside the year before and the base year, and per net revenue.
//!
//! In: the year's totals, what is known of other years, revenue. Out: one [`Comparison`] a figure, one [`RevenueIntensity`] a total.
//! Rule: change = (value − comparative) / comparative (ESRS E1 AR 48, column % N / N-1, 2023 edition); intensity = total emissions / net revenue
//! (AR 53). Does not: restate an earlier year; its figures are those that its source has.

use std::collections::BTreeMap;

use crate::disclosure::Statement;
use crate::disclosure::statement::{Comparison, Figures, NetRevenue, RevenueIntensity};

const ENERGY_MIX: [&str; 4] = ["energy_mix_total_mj", "energy_mix_fossil_mj", "energy_mix_nuclear_mj", "energy_mix_renewable_mj"];
const SCOPE3: [&str; 4] = ["scope3_category_1_ugco2e", "scope3_category_2_ugco2e", "scope3_category_3_ugco2e", "scope3_category_8_ugco2e"];
const MICROGRAMS_PER_TONNE: f64 = 1e12;

/// What is known of another year, by name of the figure, in its ledger unit.
#[derive(Clone, Debug, PartialEq)]
pub struct OtherYear {
    pub year: i32,
    pub is_base_year: bool,
    pub source: String,
    pub figures: BTreeMap<String, i64>,
}

impl OtherYear {
    /// A year that was accounted by the same method.
    pub fn of_statement(year: i32, statement: &Statement, source: String) -> Self {
        let known = compared().filter_map(|name| Some((name.to_owned(), figure(statement, name)?)));
        Self { year, is_base_year: false, source, figures: known.collect() }
    }
}

/// The figures that are compared, in their order.
fn compared() -> impl Iterator<Item = &'static str> {
    ENERGY_MIX.into_iter().chain(Figures::BY_SCOPE)
}

/// A figure of a statement by its name: a total, or a part of the energy mix.
fn figure(statement: &Statement, name: &str) -> Option<i64> {
    let mix = &statement.scope2.energy_mix;
    match name {
        "energy_mix_total_mj" => Some(mix.total_mj.get()),
        "energy_mix_fossil_mj" => Some(mix.fossil_mj.get()),
        "energy_mix_nuclear_mj" => Some(mix.nuclear_mj.get()),
        "energy_mix_renewable_mj" => Some(mix.renewable_mj.get()),
        _ => statement.totals.figures.named(name),
    }
}

/// One row a figure that has another year's value; nothing where no other year is known.
pub fn comparisons(year: i32, statement: &Statement, others: &[OtherYear]) -> Vec<Comparison> {
    let before = others.iter().find(|other| other.year == year - 1);
    let base = others.iter().find(|other| other.is_base_year);
    let mut rows = Vec::new();
    for name in compared() {
        let of = |other: Option<&OtherYear>| other.and_then(|other| other.figures.get(name).copied());
        let (value, comparative_value, base_year_value) = (figure(statement, name), of(before), of(base));
        if comparative_value.is_none() && base_year_value.is_none() {
            continue;
        }
        let mut sources: Vec<String> =
            [base, before].into_iter().flatten().map(|other| format!("{}: {}", other.year, other.source)).collect();
        sources.dedup();
        rows.push(Comparison {
            figure: name.to_owned(),
            value,
            base_year: base.map(|base| base.year),
            base_year_value,
            comparative_year: before.map(|before| before.year),
            comparative_value,
            change: change(value, comparative_value),
            change_since_base_year: change(value, base_year_value),
            source: sources.join("; "),
        });
    }
    rows
}

/// ESRS E1 AR 48 (2023 edition): % N / N-1. A change from nothing has no percentage.
fn change(value: Option<i64>, before: Option<i64>) -> Option<f64> {
    let (value, before) = value.zip(before).filter(|(_, before)| *before != 0)?;
    Some((value - before) as f64 / before as f64)
}

/// ESRS E1 AR 53 (2023 edition): total emissions over net revenue; here of compute alone, location-based and market-based.
pub fn intensities(
    totals: &Figures,
    before: Option<&OtherYear>,
    revenue: Option<&NetRevenue>,
    revenue_before: Option<f64>,
) -> Vec<RevenueIntensity> {
    let Some(revenue) = revenue else { return Vec::new() };
    let per_million = |ugco2e: i64, amount: f64| ugco2e as f64 / MICROGRAMS_PER_TONNE / (amount / 1e6);
    let known_before = |name: &str| before.and_then(|before| before.figures.get(name).copied());
    let row = |figure: &str, now: Option<i64>, then: Option<i64>| RevenueIntensity {
        figure: figure.to_owned(),
        tco2e_per_million: now.map(|emissions| per_million(emissions, revenue.amount)),
        comparative_tco2e_per_million: then.zip(revenue_before).map(|(emissions, amount)| per_million(emissions, amount)),
    };
    let totals_of =
        [("total_location_based_ugco2e", "scope2_location_based_ugco2e"), ("total_market_based_ugco2e", "scope2_market_based_ugco2e")];
    let mut rows: Vec<RevenueIntensity> =
        totals_of.map(|(name, scope2)| row(name, total(scope2, |name| totals.named(name)), total(scope2, known_before))).to_vec();
    for figure in ["scope2_location_based_ugco2e", "scope2_market_based_ugco2e"].into_iter().chain(SCOPE3) {
        rows.extend(totals.named(figure).map(|emissions| row(figure, Some(emissions), known_before(figure))));
    }
    rows
}

/// ESRS E1 AR 47 (2023 edition): gross Scope 2 and Scope 3 of compute. What machines do not state is not in it, and a finding says so.
fn total(scope2: &str, of: impl Fn(&str) -> Option<i64>) -> Option<i64> {
    Some(of(scope2)? + SCOPE3.iter().filter_map(|name| of(name)).sum::<i64>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disclosure::statement::Totals;
    use crate::reports::fixture;
    use crate::units::MicrogramsCo2e;

    fn tonnes(tonnes: i64) -> MicrogramsCo2e {
        MicrogramsCo2e::new(tonnes * 1_000_000_000_000)
    }

    fn totals() -> Figures {
        Figures {
            scope2_location_based_ugco2e: tonnes(90),
            scope2_market_based_ugco2e: Some(tonnes(30)),
            scope3_category_1_ugco2e: Some(tonnes(20)),
            scope3_category_3_ugco2e: Some(tonnes(10)),
            ..Figures::nothing()
        }
    }

    fn published(year: i32, is_base_year: bool, scope2: i64) -> OtherYear {
        let figures = BTreeMap::from([("scope2_location_based_ugco2e".to_owned(), tonnes(scope2).get())]);
        OtherYear { year, is_base_year, source: "annual report".to_owned(), figures }
    }

    #[test]
    fn ninety_after_a_hundred_is_ten_per_cent_less_and_a_quarter_less_than_the_base_year() {
        let statement = Statement { totals: Totals { figures: totals(), ..Totals::default() }, ..fixture::statement() };
        let rows = comparisons(2026, &statement, &[published(2023, true, 120), published(2025, false, 100)]);

        assert_eq!(rows.len(), 1, "only what another year states is compared");
        assert_eq!((rows[0].change, rows[0].change_since_base_year), (Some(-0.1), Some(-0.25)));
        assert_eq!((rows[0].base_year, rows[0].comparative_year), (Some(2023), Some(2025)));
    }

    #[test]
    fn a_change_from_nothing_has_no_percentage() {
        assert_eq!(change(Some(5), Some(0)), None);
        assert_eq!(change(None, Some(5)), None);
    }

    #[test]
    fn a_hundred_and_twenty_tonnes_at_sixty_million_are_two_tonnes_a_million() {
        let revenue = NetRevenue { currency: "EUR".to_owned(), amount: 60e6 };
        let rows = intensities(&totals(), None, Some(&revenue), None);

        assert_eq!(rows[0].tco2e_per_million, Some(2.0));
        assert_eq!(rows[1].tco2e_per_million, Some(1.0));
        assert_eq!(rows[0].comparative_tco2e_per_million, None);
    }
}
