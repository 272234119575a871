//! A figure in a table cell: what people read, and the exact integer behind it.

use std::fmt;

use askama::filters::HtmlSafe;

use crate::reports::view::{self, UNKNOWN};
use crate::units::{MicrogramsCo2e, Millijoules};

/// Prints itself as a whole `<td>`. Its name is ours and its text is digits, so it needs no escaping.
pub struct Figure {
    name: &'static str,
    exact: Option<i64>,
    text: String,
}

impl Figure {
    pub fn energy(name: &'static str, energy: Millijoules) -> Self {
        Self { name, exact: Some(energy.get()), text: view::kwh(energy).to_string() }
    }

    pub fn emissions(name: &'static str, emissions: impl Into<Option<MicrogramsCo2e>>) -> Self {
        Self::of(name, emissions.into(), |emissions| view::kg(emissions).to_string())
    }

    /// With a sign: gains, losses and differences.
    pub fn difference(name: &'static str, emissions: impl Into<Option<MicrogramsCo2e>>) -> Self {
        Self::of(name, emissions.into(), |emissions| view::kg(emissions).signed())
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
