//! The figures of a seal, for people.
//!
//! In: `totals` of a seal. Out: what stands large, and all the rest. Rule: rounded, and put into units, as the report does it (`reports::view`), so that page and report show the same digits; what
//! nobody computed is not 0. Does not: read a report.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::reports::inventory::KnownScope3;
use crate::reports::view::{self, UNKNOWN};
use crate::reports::words;
use crate::units::{MicrogramsCo2e, Millijoules};

pub type Totals = BTreeMap<String, Value>;

/// The emissions that stand large, apart from Scope 3, which is a sum.
const LARGE: [&str; 2] = ["scope2_location_based_ugco2e", "scope2_market_based_ugco2e"];
const CATEGORIES: [&str; 4] =
    ["scope3_category_1_ugco2e", "scope3_category_2_ugco2e", "scope3_category_3_ugco2e", "scope3_category_8_ugco2e"];

pub struct Figure {
    pub name: &'static str,
    pub label: &'static str,
    /// None: nobody computed it.
    pub exact: Option<i64>,
    pub text: String,
    pub unit: &'static str,
    /// What is to be known of it.
    pub aside: Option<String>,
}

/// Integers above 2^53 are text in JSON.
fn exact(totals: &Totals, name: &str) -> Option<i64> {
    let value = totals.get(name)?;
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

/// As on the report's cover: energy, Scope 2 both ways, Scope 3 as far as it is known; one unit for all emissions.
pub fn headlines(totals: &Totals) -> Vec<Figure> {
    let facility = exact(totals, "facility_mj");
    let energy = facility.map(|energy| view::headline_energy(Millijoules::new(energy)));
    let location =
        ["scope2_location_based_ugco2e", "scope2_location_based_annual_ugco2e"].map(|name| exact(totals, name).unwrap_or_default());
    let (per_unit, unit) = view::headline_emissions_unit(MicrogramsCo2e::new(location[0].max(location[1])));
    let emissions = |name: &'static str, label: &'static str, exact: Option<i64>, aside: Option<String>| Figure {
        name,
        label,
        exact,
        text: exact.map_or_else(|| UNKNOWN.to_owned(), |exact| view::Rounded::of(exact.into(), per_unit, 1).to_string()),
        unit: if exact.is_some() { unit } else { "" },
        aside,
    };
    let scope3 = KnownScope3::of_categories(CATEGORIES.map(|name| exact(totals, name).map(MicrogramsCo2e::new)));
    let mut headlines = vec![Figure {
        name: "facility_mj",
        label: words::figure("facility_mj").map_or("", |figure| figure.label),
        exact: facility,
        text: energy.map_or_else(|| UNKNOWN.to_owned(), |(energy, _)| energy.to_string()),
        unit: energy.map_or("", |(_, unit)| unit),
        aside: None,
    }];
    let scope2 = LARGE.into_iter().filter_map(words::figure);
    headlines.extend(scope2.map(|figure| emissions(figure.name, figure.label, exact(totals, figure.name), None)));
    headlines.push(emissions(
        "scope3_known_ugco2e",
        "Scope 3, what is known of compute",
        scope3.sum.map(MicrogramsCo2e::get),
        scope3.gap(),
    ));
    headlines
}

/// Every total, in the order of its name.
pub fn all(totals: &Totals) -> Vec<Figure> {
    let figure = |name: &String| {
        let known = words::figure(name)?;
        let (exact, is_energy) = (exact(totals, name), words::is_energy(name));
        let text = exact.map_or_else(
            || UNKNOWN.to_owned(),
            |exact| if is_energy { view::kwh(Millijoules::new(exact)) } else { view::kg(MicrogramsCo2e::new(exact)) }.to_string(),
        );
        Some(Figure { name: known.name, label: known.label, exact, text, unit: words::unit(is_energy), aside: None })
    };
    totals.keys().filter_map(figure).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn totals() -> Totals {
        let totals = json!({
            "facility_mj": 2_152_374_875_252_i64,
            "scope2_location_based_ugco2e": 71_196_961_769_i64,
            "scope2_market_based_ugco2e": "39146447210",
            "scope3_category_1_ugco2e": 109_443_041_262_i64,
            "scope3_category_2_ugco2e": null,
            "scope3_category_3_ugco2e": 17_117_267_348_i64,
            "scope3_category_8_ugco2e": 0,
            "a_name_of_a_newer_version": 7,
        });
        serde_json::from_value(totals).unwrap()
    }

    #[test]
    fn figures_are_rounded_from_exact_integers_and_unknown_ones_are_said() {
        let shown: Vec<(&str, String, &str)> =
            headlines(&totals()).into_iter().map(|figure| (figure.name, figure.text, figure.unit)).collect();
        // 2,152,374,875,252 mJ / 3.6e9 = 597.88 kWh; 71.197 kg; 39.146 kg; 109.443 + 17.117 = 126.560 kg.
        assert_eq!(
            shown,
            [
                ("facility_mj", "597.9".to_owned(), "kWh"),
                ("scope2_location_based_ugco2e", "71.2".to_owned(), "kg CO₂e"),
                ("scope2_market_based_ugco2e", "39.1".to_owned(), "kg CO₂e"),
                ("scope3_known_ugco2e", "126.6".to_owned(), "kg CO₂e"),
            ]
        );
        assert_eq!(headlines(&totals())[3].aside.as_deref(), Some("without category 2: unknown"));
        let of = |name: &str| all(&totals()).into_iter().find(|figure| figure.name == name).unwrap();
        assert_eq!((of("scope3_category_2_ugco2e").text.as_str(), of("scope3_category_8_ugco2e").text.as_str()), ("n/a", "0.000"));
        assert!(all(&totals()).len() == 7, "what this version has no word for is left to the report");
    }

    #[test]
    fn a_month_without_figures_has_none_and_no_zeros() {
        assert!(headlines(&Totals::new()).iter().all(|figure| figure.text == "n/a" && figure.exact.is_none()));
    }
}
