//! The datapoints of the disclosure standard, and every factor with where it comes from.

use crate::disclosure::Statement;
use crate::disclosure::statement::{Datapoint, DatapointStatus, Disclosure, FactorStatement};
use crate::reports::{view, words};

pub struct Section<'a> {
    pub disclosure: &'a Disclosure,
    pub rows: Vec<Row<'a>>,
    /// Whether any datapoint has another year beside it.
    pub has_years: bool,
}

pub struct Row<'a> {
    pub datapoint: &'a Datapoint,
    pub value: String,
    /// A number, and not words.
    pub is_number: bool,
    pub years: Vec<String>,
    pub status: &'static str,
    pub class: &'static str,
    pub dimensions: String,
}

impl<'a> Section<'a> {
    pub fn of(statement: &'a Statement) -> Self {
        let disclosure = &statement.disclosure;
        let has_years = disclosure
            .datapoints
            .iter()
            .any(|point| point.comparative.is_some() || point.base_year.is_some() || point.change_percent.is_some());
        Self { disclosure, rows: disclosure.datapoints.iter().map(|datapoint| row(datapoint, has_years)).collect(), has_years }
    }
}

fn row(datapoint: &Datapoint, has_years: bool) -> Row<'_> {
    let number = |value: &Option<String>| value.as_deref().map_or_else(|| view::UNKNOWN.to_owned(), view::grouped_decimal);
    Row {
        value: number(&datapoint.value),
        is_number: datapoint.unit != "text",
        years: if has_years {
            vec![number(&datapoint.comparative), number(&datapoint.change_percent), number(&datapoint.base_year)]
        } else {
            Vec::new()
        },
        status: words::status(datapoint.status),
        class: match datapoint.status {
            DatapointStatus::Stated => "disclosed",
            DatapointStatus::Unknown => "blocked",
            DatapointStatus::NotFromCompute => "noted",
        },
        dimensions: datapoint.dimensions.iter().map(|(axis, member)| format!("{axis} = {member}")).collect::<Vec<_>>().join("; "),
        datapoint,
    }
}

pub struct FactorRow<'a> {
    pub number: usize,
    pub factor: &'a FactorStatement,
    pub value: String,
    pub year: String,
    pub gas_basis: &'a str,
    pub validity: String,
    pub origin: &'static str,
}

pub fn factors(statement: &Statement) -> Vec<FactorRow<'_>> {
    statement.factors.iter().enumerate().map(|(index, factor)| factor_row(index + 1, factor)).collect()
}

fn factor_row(number: usize, factor: &FactorStatement) -> FactorRow<'_> {
    FactorRow {
        number,
        value: view::as_published(factor.value),
        year: factor.year.map_or_else(|| view::UNKNOWN.to_owned(), |year| year.to_string()),
        gas_basis: factor.gas_basis.as_deref().unwrap_or("–"),
        validity: words::validity(factor.valid_from.as_deref(), factor.valid_to.as_deref()),
        origin: words::origin(factor.origin),
        factor,
    }
}
