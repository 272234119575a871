//! How well inputs are known, as relative standard uncertainties.
//!
//! In: the table beside this file, embedded; what the organisation states, by the name of the input. Out: value and source of any input. Rule: what the
//! organisation states goes before the table, an input's own name (`grid-intensity NL`) before its class (`grid-intensity`); a row without a source
//! does not load. Assumes: standard uncertainties, k = 1 (GUM 2.3.1). Does not: combine them.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

/// A relative standard uncertainty, and who says so.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StandardUncertainty {
    #[serde(rename = "input")]
    input: String,
    #[serde(rename = "relative_standard_uncertainty")]
    pub relative: f64,
    pub source: String,
}

/// The table, and what goes before it.
#[derive(Clone, Debug, Default)]
pub struct Uncertainties {
    stated: BTreeMap<String, StandardUncertainty>,
    table: BTreeMap<String, StandardUncertainty>,
}

impl Uncertainties {
    /// What comes with the software.
    pub fn embedded() -> Result<Self> {
        let table = read(include_bytes!("uncertainties.csv")).context("the embedded table of uncertainties")?;
        Ok(Self { stated: BTreeMap::new(), table })
    }

    /// The same with a value of the organisation's own before it; of two for one input, the first.
    pub fn stating(mut self, input: &str, relative: f64, source: &str) -> Self {
        let stated = StandardUncertainty { input: input.to_owned(), relative, source: source.to_owned() };
        self.stated.entry(input.to_owned()).or_insert(stated);
        self
    }

    /// By name, else by class: the first word of the name.
    pub fn of(&self, input: &str) -> Option<&StandardUncertainty> {
        let class = input.split(' ').next().unwrap_or(input);
        [&self.stated, &self.table].into_iter().find_map(|table| table.get(input).or_else(|| table.get(class)))
    }
}

fn read(bytes: &[u8]) -> Result<BTreeMap<String, StandardUncertainty>> {
    let mut table = BTreeMap::new();
    for row in csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(bytes).deserialize() {
        let row: StandardUncertainty = row?;
        ensure!(row.relative.is_finite() && (0.0..=2.0).contains(&row.relative), "`{}`: {} is not from 0 to 2", row.input, row.relative);
        ensure!(!row.source.is_empty(), "`{}`: `source` is empty; a value without a source cannot be audited", row.input);
        let name = row.input.clone();
        ensure!(table.insert(name.clone(), row).is_none(), "`{name}` is there twice");
    }
    Ok(table)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_input_has_a_value_with_a_source() {
        let table = Uncertainties::embedded().unwrap();
        let inputs = [
            "tier metered",
            "tier modelled",
            "tier filled",
            "pue prod-nl",
            "grid-intensity NL",
            "grid-estimation NL",
            "residual-mix NL",
            "instrument 1",
            "upstream NL",
            "losses NL",
            "embodied r740",
        ];
        assert!(inputs.iter().all(|input| table.of(input).is_some_and(|found| !found.source.is_empty())));
        assert_eq!(table.of("weather"), None);
    }

    #[test]
    fn what_is_stated_goes_before_the_table_and_a_name_before_its_class() {
        let table = Uncertainties::embedded().unwrap().stating("grid-intensity", 0.02, "us").stating("grid-intensity NL", 0.01, "us");

        assert_eq!(table.of("grid-intensity NL").unwrap().relative, 0.01);
        assert_eq!(table.of("grid-intensity DE").unwrap().relative, 0.02);
        assert_eq!(table.of("grid-estimation DE").unwrap().relative, 0.10);
        // A class that is stated goes before a row of the table that names the input.
        assert_eq!(table.stating("tier", 0.5, "us").of("tier metered").unwrap().relative, 0.5);
    }

    #[test]
    fn defaults_that_are_worked_out_are_what_their_source_gives() {
        let table = Uncertainties::embedded().unwrap();
        let of = |input: &str| table.of(input).unwrap().relative;

        assert!((of("grid-intensity") - 0.099 / 3_f64.sqrt()).abs() < 0.0005);
        assert!((of("embodied") - (1_848.0 - 969.0) / (2.0 * 3_f64.sqrt()) / 1_408.5).abs() < 0.0005);
    }

    #[test]
    fn a_row_without_a_source_does_not_load() {
        let text = "input,relative_standard_uncertainty,source\npue,0.1,\n";
        assert!(format!("{:#}", read(text.as_bytes()).unwrap_err()).contains("`source` is empty"));
    }
}
