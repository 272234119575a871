//! The lines of the inventory, in the order in which a reader expects them, each with its reason where it is unknown.

use crate::disclosure::Statement;
use crate::disclosure::statement::{Interval, Scope3};
use crate::model::policy::LocationBased;
use crate::units::{MicrogramsCo2e, Millijoules};

pub enum Amount {
    Energy(Millijoules),
    Emissions(Option<MicrogramsCo2e>),
    /// A difference of two lines: shown with its sign.
    Difference(Option<MicrogramsCo2e>),
}

pub struct Line {
    /// The figure's name in `report.json`; names that are not there are sums or differences of those that are.
    pub name: &'static str,
    pub label: &'static str,
    pub amount: Amount,
    /// What the figure is, or why there is none.
    pub note: String,
}

const NO_ANNUAL: &str = "Not stated: a grid zone in use has no annual factor, because none is configured and its series does not cover the whole UTC calendar year.";
const NO_MARKET: &str =
    "Not stated: a part of this electricity met no instrument, no residual mix, and no location-based factor of the declared method.";
const NO_UPSTREAM: &str =
    "Not stated: a grid zone in use has no upstream factor, neither a published one nor a series with both lifecycle and direct intensity.";
const NO_CAPITAL_GOODS: &str = "Not stated: no hardware class of an owned node states its embodied emissions with a source.";
const NO_EMBODIED: &str = "Not stated: no hardware class states its embodied emissions with a source.";

/// Energy lines: metered = active + idle + system; facility = metered and gap, times PUE.
pub fn energy(statement: &Statement) -> Vec<Line> {
    let totals = &statement.totals.figures;
    let line = |name, label, amount, note: &str| Line { name, label, amount: Amount::Energy(amount), note: note.to_owned() };
    vec![
        line(
            "active_mj",
            "Active energy of workloads",
            totals.active_mj,
            "What meters attribute to pods above idle, after correction to the node meter.",
        ),
        line("idle_mj", "Idle energy", totals.idle_mj, "What machines draw for being on, whether given to workloads or not."),
        line("system_mj", "System energy", totals.system_mj, "Processes of the nodes outside pods."),
        line(
            "metered_mj",
            "Metered IT energy",
            totals.metered_mj,
            "Active, idle and system together: what the node meters counted, or a model says where there is none.",
        ),
        line(
            "gap_mj",
            "Energy in gaps",
            totals.gap_mj,
            "Filled from each node's own mean where no meter was read; outside the metered energy.",
        ),
        line("facility_mj", "Facility energy", totals.facility_mj, "Metered energy and gaps, each node's times its PUE."),
    ]
}

/// Emission lines, reported ones first.
pub fn emissions(statement: &Statement) -> Vec<Line> {
    let totals = &statement.totals.figures;
    let line = |name, label, amount: Option<MicrogramsCo2e>, known: &str, unknown: &str| Line {
        name,
        label,
        note: if amount.is_some() { known } else { unknown }.to_owned(),
        amount: Amount::Emissions(amount),
    };
    let is_hourly = statement.policy.location_based == LocationBased::Hourly;
    let (hourly_note, annual_note) = match is_hourly {
        true => (
            "The reported figure: every hour's energy times that hour's direct factor.",
            "For comparison: the zone's annual mean direct factor.",
        ),
        false => (
            "For management: every hour's energy times that hour's direct factor.",
            "The reported figure: the zone's annual mean direct factor.",
        ),
    };
    let factors = if is_hourly { "hourly" } else { "annual" };
    let scope3 = KnownScope3::of(statement);
    vec![
        line(
            "scope2_location_based_ugco2e",
            "Scope 2, location-based, hourly factors",
            Some(totals.scope2_location_based_ugco2e),
            hourly_note,
            "",
        ),
        line(
            "scope2_location_based_annual_ugco2e",
            "Scope 2, location-based, annual factors",
            totals.scope2_location_based_annual_ugco2e,
            annual_note,
            NO_ANNUAL,
        ),
        Line {
            name: "scope2_hourly_less_annual_ugco2e",
            label: "Difference, hourly less annual",
            amount: Amount::Difference(scope2_difference(statement)),
            note: "What annual factors hide: the hours at which electricity was used. With annual factors, shifting in time is invisible."
                .to_owned(),
        },
        line(
            "scope2_market_based_ugco2e",
            "Scope 2, market-based",
            totals.scope2_market_based_ugco2e,
            "Contractual instruments in their own matching period; the rest at the residual mix, or where there is none at the location-based factor.",
            NO_MARKET,
        ),
        line(
            "scope3_category_1_ugco2e",
            "Scope 3, category 1: electricity and hardware of clouds",
            totals.scope3_category_1_ugco2e,
            &category_1_note(&statement.scope3, factors),
            NO_ANNUAL,
        ),
        line(
            "scope3_category_2_ugco2e",
            "Scope 3, category 2: embodied, capitalised",
            totals.scope3_category_2_ugco2e,
            "Whole, in the month in which an owned node came into service; 0 where none did.",
            NO_CAPITAL_GOODS,
        ),
        line(
            "scope3_category_3_ugco2e",
            "Scope 3, category 3: upstream and grid losses",
            totals.scope3_category_3_ugco2e,
            if statement.scope3.losses_ugco2e.is_some() {
                "Of what is in Scope 2: making the fuels, and what the grid lost on the way."
            } else {
                "Of what is in Scope 2: making the fuels alone. No grid losses are stated for a zone in use."
            },
            NO_UPSTREAM,
        ),
        line(
            "scope3_category_8_ugco2e",
            "Scope 3, category 8: electricity of leased assets",
            totals.scope3_category_8_ugco2e,
            &format!("Colocated clusters declared as leased assets: location-based, {factors} factors; 0 where there are none."),
            NO_ANNUAL,
        ),
        Line {
            name: "scope3_known_ugco2e",
            label: "Scope 3, what is known of compute",
            note: scope3.note(),
            amount: Amount::Emissions(scope3.sum),
        },
        line(
            "embodied_amortised_ugco2e",
            "Embodied emissions, amortised",
            totals.embodied_amortised_ugco2e,
            "By time and reserved share, for management and SCI; never added to the capitalised figure. That of clouds is in category 1.",
            NO_EMBODIED,
        ),
        line(
            "operational_hourly_ugco2e",
            "All electricity, whatever its scope, hourly factors",
            Some(totals.operational_hourly_ugco2e),
            "Sum over clusters, for management; not a line of the inventory.",
            "",
        ),
        line(
            "operational_annual_ugco2e",
            "All electricity, whatever its scope, annual factors",
            totals.operational_annual_ugco2e,
            "Sum over clusters, for management; not a line of the inventory.",
            NO_ANNUAL,
        ),
    ]
}

fn category_1_note(scope3: &Scope3, factors: &str) -> String {
    let hardware = match scope3.cloud_embodied_ugco2e {
        Some(_) => "with their amortised hardware",
        None => "without their hardware, of which no embodied emissions are stated",
    };
    format!("A purchased service: location-based, {factors} factors, {hardware}.")
}

/// The categories of Scope 3 that compute has a part in, as far as they are known.
pub struct KnownScope3 {
    /// None where nothing is known.
    pub sum: Option<MicrogramsCo2e>,
    unknown: Vec<&'static str>,
}

impl KnownScope3 {
    pub fn of(statement: &Statement) -> Self {
        let totals = &statement.totals.figures;
        Self::of_categories([
            totals.scope3_category_1_ugco2e,
            totals.scope3_category_2_ugco2e,
            totals.scope3_category_3_ugco2e,
            totals.scope3_category_8_ugco2e,
        ])
    }

    /// Of categories 1, 2, 3 and 8, in this order.
    pub fn of_categories(emissions: [Option<MicrogramsCo2e>; 4]) -> Self {
        let numbers = ["1", "2", "3", "8"].into_iter().zip(emissions);
        Self {
            sum: emissions.into_iter().flatten().reduce(|sum, emissions| sum + emissions),
            unknown: numbers.filter(|(_, emissions)| emissions.is_none()).map(|(number, _)| number).collect(),
        }
    }

    /// What is not in the sum: a sum without a part is not the total.
    pub fn gap(&self) -> Option<String> {
        let ending = if self.unknown.len() == 1 { "y" } else { "ies" };
        (!self.unknown.is_empty()).then(|| format!("without categor{ending} {}: unknown", self.unknown.join(", ")))
    }

    fn note(&self) -> String {
        let gap = self.gap().map_or_else(String::new, |gap| format!(", {gap}"));
        format!("Sum of categories 1, 2, 3 and 8{gap}. The screening list says what else there is.")
    }
}

/// The interval of a figure, where one is stated.
pub fn interval<'a>(statement: &'a Statement, name: &str) -> Option<&'a Interval> {
    statement.quality.intervals.iter().find(|interval| interval.figure == name)
}

/// Hourly less annual; unknown where annual is.
pub fn scope2_difference(statement: &Statement) -> Option<MicrogramsCo2e> {
    let totals = &statement.totals.figures;
    totals.scope2_location_based_annual_ugco2e.map(|annual| totals.scope2_location_based_ugco2e - annual)
}
