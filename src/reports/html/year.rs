//! A year: its months, the years beside it, and emissions per revenue.

use super::figure::Figure;
use crate::disclosure::Statement;
use crate::disclosure::statement::{Comparison, Figures};
use crate::reports::{view, words};

pub struct Section<'a> {
    pub months: Vec<Month>,
    pub total: Vec<Figure>,
    pub comparisons: Vec<ComparisonRow<'a>>,
    /// Which years stand beside this one.
    pub comparative_years: String,
    pub base_years: String,
    pub revenue: Option<String>,
    pub currency: &'a str,
    pub intensities: Vec<IntensityRow<'a>>,
}

pub struct Month {
    pub name: String,
    pub key: String,
    pub figures: Vec<Figure>,
}

pub struct ComparisonRow<'a> {
    pub comparison: &'a Comparison,
    pub label: &'a str,
    pub unit: &'static str,
    pub value: Figure,
    pub comparative: Figure,
    pub change: String,
    pub base: Figure,
    pub change_since_base: String,
}

pub struct IntensityRow<'a> {
    pub label: &'a str,
    pub value: String,
    pub comparative: String,
}

impl<'a> Section<'a> {
    pub fn of(statement: &'a Statement) -> Self {
        let year = &statement.year;
        let month = |month: &crate::disclosure::statement::MonthFigures| Month {
            name: view::month_name(&month.month),
            key: month.month.clone(),
            figures: figures(&month.figures),
        };
        let per_million = |value: Option<f64>| value.map_or_else(|| view::UNKNOWN.to_owned(), |value| view::significant(value).to_string());
        Self {
            months: year.months.iter().map(month).collect(),
            total: figures(&statement.totals.figures),
            comparisons: year.comparisons.iter().map(comparison).collect(),
            comparative_years: years(year.comparisons.iter().map(|row| row.comparative_year)),
            base_years: years(year.comparisons.iter().map(|row| row.base_year)),
            revenue: year.net_revenue.as_ref().map(|revenue| view::as_published(revenue.amount)),
            currency: year.net_revenue.as_ref().map_or("", |revenue| &revenue.currency),
            intensities: year
                .intensities
                .iter()
                .map(|row| IntensityRow {
                    label: words::label(&row.figure),
                    value: per_million(row.tco2e_per_million),
                    comparative: per_million(row.comparative_tco2e_per_million),
                })
                .collect(),
        }
    }
}

fn years(years: impl Iterator<Item = Option<i32>>) -> String {
    let years: std::collections::BTreeSet<i32> = years.flatten().collect();
    years.iter().map(i32::to_string).collect::<Vec<_>>().join(", ")
}

fn figures(figures: &Figures) -> Vec<Figure> {
    let electricity = [
        Figure::energy("facility_mj", figures.facility_mj),
        Figure::emissions("scope2_location_based_ugco2e", figures.scope2_location_based_ugco2e),
        Figure::emissions("scope2_location_based_annual_ugco2e", figures.scope2_location_based_annual_ugco2e),
    ];
    electricity.into_iter().chain(Figure::beyond_location_based(figures)).collect()
}

fn comparison(comparison: &Comparison) -> ComparisonRow<'_> {
    let name = &comparison.figure;
    ComparisonRow {
        label: words::label(name),
        unit: words::unit(words::is_energy(name)),
        value: Figure::named(name, comparison.value),
        comparative: Figure::bound("comparative_value", name, comparison.comparative_value),
        change: view::signed_percent(comparison.change),
        base: Figure::bound("base_year_value", name, comparison.base_year_value),
        change_since_base: view::signed_percent(comparison.change_since_base_year),
        comparison,
    }
}
