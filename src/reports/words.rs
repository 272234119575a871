//! What things are called in front of people: one word for HTML and XLSX.

pub mod entities;
pub mod shifting;
pub mod status;

use crate::disclosure::statement::{DatapointStatus, FactorOrigin, RestRule, Screening};
use crate::model::{EnergySource, InstrumentKind, Matching};

/// A figure among `totals`: its name in `report.json`, and what it is called.
#[derive(Clone, Copy)]
pub struct FigureName {
    pub name: &'static str,
    pub label: &'static str,
}

const FIGURES: [(&str, &str); 26] = [
    ("metered_mj", "Metered IT energy"),
    ("active_mj", "Active energy of workloads"),
    ("idle_mj", "Idle energy"),
    ("system_mj", "System energy"),
    ("gap_mj", "Energy in gaps"),
    ("facility_mj", "Facility energy"),
    ("tail_mj", "Tails of ended pods"),
    ("scope2_location_based_ugco2e", "Scope 2, location-based, hourly factors"),
    ("scope2_location_based_annual_ugco2e", "Scope 2, location-based, annual factors"),
    ("scope2_market_based_ugco2e", "Scope 2, market-based"),
    ("scope3_ugco2e", "Scope 3"),
    ("scope3_known_ugco2e", "Scope 3, what is known"),
    ("scope3_category_1_ugco2e", "Scope 3, category 1: cloud"),
    ("scope3_category_2_ugco2e", "Scope 3, category 2: capital goods"),
    ("scope3_category_3_ugco2e", "Scope 3, category 3: upstream and grid losses"),
    ("scope3_category_8_ugco2e", "Scope 3, category 8: leased assets"),
    ("embodied_amortised_ugco2e", "Embodied emissions, amortised"),
    ("operational_hourly_ugco2e", "All electricity, hourly factors"),
    ("operational_annual_ugco2e", "All electricity, annual factors"),
    ("total_location_based_ugco2e", "Scope 2, location-based, and Scope 3"),
    ("total_market_based_ugco2e", "Scope 2, market-based, and Scope 3"),
    ("energy_mix_total_mj", "Energy of own operations"),
    ("energy_mix_fossil_mj", "Energy of own operations, fossil"),
    ("energy_mix_nuclear_mj", "Energy of own operations, nuclear"),
    ("energy_mix_renewable_mj", "Energy of own operations, renewable"),
    ("hourly_matched_ugco2e", "Scope 2, matched hour by hour"),
];

/// None for a name that no total has.
pub fn figure(name: &str) -> Option<FigureName> {
    let (name, label) = FIGURES.into_iter().find(|(known, _)| *known == name)?;
    Some(FigureName { name, label })
}

/// What a figure is called; a name that no total has is shown as it came.
pub fn label(name: &str) -> &str {
    figure(name).map_or(name, |figure| figure.label)
}

/// The same for a figure of a part, `operational_hourly_ugco2e of prod-nl/shop`.
pub fn label_of_part(name: &str) -> String {
    match name.split_once(" of ") {
        Some((figure, part)) => format!("{}, of {part}", label(figure)),
        None => label(name).to_owned(),
    }
}

/// A figure's name ends in its unit: `_mj`, else `_ugco2e`.
pub fn is_energy(name: &str) -> bool {
    name.ends_with("_mj")
}

pub fn instrument_kind(kind: InstrumentKind) -> &'static str {
    match kind {
        InstrumentKind::GuaranteeOfOrigin => "guarantee of origin",
        InstrumentKind::Ppa => "power purchase agreement",
        InstrumentKind::SupplierRate => "supplier rate",
    }
}

pub fn matching(matching: Matching) -> &'static str {
    match matching {
        Matching::Year => "by year",
        Matching::Month => "by month",
        Matching::Hour => "by hour",
    }
}

/// What no contract says is not known, and counts as fossil in the energy mix.
pub fn energy_source(source: Option<EnergySource>) -> &'static str {
    match source {
        None => "not stated",
        Some(EnergySource::Wind) => "wind",
        Some(EnergySource::Solar) => "solar",
        Some(EnergySource::Hydro) => "hydro",
        Some(EnergySource::Geothermal) => "geothermal",
        Some(EnergySource::Biomass) => "biomass",
        Some(EnergySource::Nuclear) => "nuclear",
        Some(EnergySource::Fossil) => "fossil",
    }
}

pub fn rest_rule(rule: RestRule) -> &'static str {
    match rule {
        RestRule::ResidualMix => "residual mix (table 6.3, level 4)",
        RestRule::LocationBasedHourly => "no residual mix: location-based, hourly factors (table 6.3, level 5)",
        RestRule::LocationBasedAnnual => "no residual mix: location-based, annual factors (table 6.3, level 5)",
    }
}

/// The Scope 2 Quality Criteria in few words (Scope 2 Guidance, table 7.1).
pub fn criterion(number: u8) -> &'static str {
    match number {
        1 => "conveys the emission rate of the electricity",
        2 => "is the only claim to it",
        3 => "is tracked and cancelled for the reporter",
        4 => "is issued and cancelled close to the time of consumption",
        5 => "comes from the market of the consumption",
        6 => "supplier rates: rest on what was delivered and cancelled for customers",
        7 => "direct contracts: convey every attribute to the reporter alone",
        8 => "a residual mix is there, or its absence is disclosed",
        _ => "not among the eight criteria",
    }
}

/// `3` and `4, 7` → `3`; `4, 7`.
pub fn numbers(numbers: &[u8]) -> String {
    numbers.iter().map(u8::to_string).collect::<Vec<_>>().join(", ")
}

pub fn screening(screening: Screening) -> &'static str {
    match screening {
        Screening::Included => "included",
        Screening::Unknown => "unknown",
        Screening::Excluded => "excluded",
    }
}

pub fn origin(origin: FactorOrigin) -> &'static str {
    match origin {
        FactorOrigin::Embedded => "comes with the software",
        FactorOrigin::OwnFile => "own file",
        FactorOrigin::Configuration => "configuration",
        FactorOrigin::Series => "intensity series",
    }
}

pub fn status(status: DatapointStatus) -> &'static str {
    match status {
        DatapointStatus::Stated => "stated",
        DatapointStatus::Unknown => "unknown",
        DatapointStatus::NotFromCompute => "not from compute",
    }
}

/// What stands for a figure's unit in tables.
pub const fn unit(is_energy: bool) -> &'static str {
    if is_energy { "kWh" } else { "kg CO₂e" }
}

/// The days on which a factor may be used.
pub fn validity(from: Option<&str>, to: Option<&str>) -> String {
    match (from, to) {
        (None, None) => "not limited".to_owned(),
        (Some(from), None) => format!("from {from}"),
        (None, Some(to)) => format!("to {to}"),
        (Some(from), Some(to)) => format!("{from} to {to}"),
    }
}
