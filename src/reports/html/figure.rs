//! A figure in a table cell: what people read, and the exact integer behind it.

use std::fmt;

use askama::filters::HtmlSafe;

use crate::disclosure::statement::Figures;
use crate::reports::view::{self, UNKNOWN};
use crate::reports::words;
use crate::units::{MicroEuros, MicrogramsCo2e, Millijoules};

/// Prints itself as a whole `<td>`. Its name is ours and its text is digits, so it needs no escaping.
pub struct Figure {
    name: &'static str,
    exact: Option<i64>,
    text: String,
}

impl Figure {
    /// In `report.json`.
    pub fn name(&self) -> &'static str {
        self.name
    }

    pub fn energy(name: &'static str, energy: Millijoules) -> Self {
        Self { name, exact: Some(energy.get()), text: view::kwh(energy).to_string() }
    }

    pub fn emissions(name: &'static str, emissions: impl Into<Option<MicrogramsCo2e>>) -> Self {
        Self::of(name, emissions.into(), |emissions| view::kg(emissions).to_string())
    }

    /// Market-based Scope 2 and what follows it, in the order in which every table has them.
    pub fn beyond_location_based(figures: &Figures) -> [Self; 6] {
        [
            Self::emissions("scope2_market_based_ugco2e", figures.scope2_market_based_ugco2e),
            Self::emissions("scope3_category_1_ugco2e", figures.scope3_category_1_ugco2e),
            Self::emissions("scope3_category_2_ugco2e", figures.scope3_category_2_ugco2e),
            Self::emissions("scope3_category_3_ugco2e", figures.scope3_category_3_ugco2e),
            Self::emissions("scope3_category_8_ugco2e", figures.scope3_category_8_ugco2e),
            Self::emissions("embodied_amortised_ugco2e", figures.embodied_amortised_ugco2e),
        ]
    }

    /// With a sign: gains, losses and differences.
    pub fn difference(name: &'static str, emissions: impl Into<Option<MicrogramsCo2e>>) -> Self {
        Self::of(name, emissions.into(), |emissions| view::kg(emissions).signed())
    }

    pub fn euros(name: &'static str, money: impl Into<Option<MicroEuros>>) -> Self {
        Self::money(name, money.into(), |money| view::eur(money).to_string())
    }

    /// Money with a sign: savings and what shifting cost.
    pub fn euro_difference(name: &'static str, money: impl Into<Option<MicroEuros>>) -> Self {
        Self::money(name, money.into(), |money| view::eur(money).signed())
    }

    fn money(name: &'static str, money: Option<MicroEuros>, text: impl Fn(MicroEuros) -> String) -> Self {
        Self { name, exact: money.map(MicroEuros::get), text: money.map_or_else(|| UNKNOWN.to_owned(), text) }
    }

    /// A figure whose name comes from the statement, in the unit that its name's ending says. A name that no total has is not printed.
    pub fn named(name: &str, exact: Option<i64>) -> Self {
        Self::bound(words::figure(name).map_or("figure", |figure| figure.name), name, exact)
    }

    /// Another value of such a figure: a bound, or another year's.
    pub fn bound(name: &'static str, figure: &str, exact: impl Into<Option<i64>>) -> Self {
        let exact = exact.into();
        if words::is_energy(figure) {
            Self { name, exact, text: exact.map_or_else(|| UNKNOWN.to_owned(), |exact| view::kwh(Millijoules::new(exact)).to_string()) }
        } else {
            Self::emissions(name, exact.map(MicrogramsCo2e::new))
        }
    }

    fn of(name: &'static str, emissions: Option<MicrogramsCo2e>, text: impl Fn(MicrogramsCo2e) -> String) -> Self {
        Self { name, exact: emissions.map(MicrogramsCo2e::get), text: emissions.map_or_else(|| UNKNOWN.to_owned(), text) }
    }
}

impl HtmlSafe for Figure {}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, text, .. } = self;
        match self.exact {
            Some(exact) => write!(f, r#"<td class="n" data-figure="{name}" data-value="{exact}">{text}</td>"#),
            None => write!(f, r#"<td class="n na" data-figure="{name}">{text}</td>"#),
        }
    }
}
