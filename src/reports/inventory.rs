//! The lines of the inventory, in the order in which a reader expects them, each with its reason where it is unknown.

use crate::disclosure::Statement;
use crate::model::policy::LocationBased;
use crate::units::{MicrogramsCo2e, Millijoules};

pub enum Amount {
    Energy(Millijoules),
    Emissions(Option<MicrogramsCo2e>),
    /// A difference of two lines: shown with its sign.
    Difference(Option<MicrogramsCo2e>),
}

pub struct Line {
    /// The figure's name in `report.json`.
    pub name: &'static str,
    pub label: &'static str,
    pub amount: Amount,
    /// What the figure is, or why there is none.
    pub note: &'static str,
}

const NO_ANNUAL: &str = "Not stated: a grid zone in use has no annual factor, because none is configured and its series does not cover the whole UTC calendar year.";

/// Energy lines: metered = active + idle + system; facility = metered and gap, times PUE.
pub fn energy(statement: &Statement) -> Vec<Line> {
    let totals = &statement.totals.figures;
    let line = |name, label, amount, note| Line { name, label, amount: Amount::Energy(amount), note };
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
    let line = |name, label, amount: Option<MicrogramsCo2e>, known, unknown| Line {
        name,
        label,
        note: if amount.is_some() { known } else { unknown },
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
    let (cloud_note, leased_note) = match is_hourly {
        true => (
            "A purchased service: location-based, hourly factors.",
            "Colocated clusters declared as leased assets: location-based, hourly factors.",
        ),
        false => (
            "A purchased service: location-based, annual factors.",
            "Colocated clusters declared as leased assets: location-based, annual factors.",
        ),
    };
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
            note: "What annual factors hide: the hours at which electricity was used. With annual factors, shifting in time is invisible.",
        },
        line(
            "scope2_market_based_ugco2e",
            "Scope 2, market-based",
            totals.scope2_market_based_ugco2e,
            "Contractual instruments in their own matching period, the rest at the residual mix.",
            "Not computed: this report holds no contractual instruments and no residual mix.",
        ),
        line(
            "scope3_category_1_ugco2e",
            "Scope 3, category 1: electricity of cloud clusters",
            totals.scope3_category_1_ugco2e,
            cloud_note,
            NO_ANNUAL,
        ),
        line(
            "scope3_category_8_ugco2e",
            "Scope 3, category 8: electricity of leased assets",
            totals.scope3_category_8_ugco2e,
            leased_note,
            NO_ANNUAL,
        ),
        line(
            "scope3_category_3_ugco2e",
            "Scope 3, category 3: upstream and grid losses",
            totals.scope3_category_3_ugco2e,
            "Of what is in Scope 2.",
            "Not computed: this report holds no upstream factors and no grid losses.",
        ),
        line(
            "scope3_category_2_ugco2e",
            "Scope 3, category 2: embodied, capitalised",
            totals.scope3_category_2_ugco2e,
            "Whole, in the month in which a node came into service.",
            "Not computed: this report holds no embodied emissions of hardware.",
        ),
        line(
            "embodied_amortised_ugco2e",
            "Embodied emissions, amortised",
            totals.embodied_amortised_ugco2e,
            "By time and reserved share, for management; never added to the capitalised figure.",
            "Not computed: this report holds no embodied emissions of hardware.",
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

/// Hourly less annual; unknown where annual is.
pub fn scope2_difference(statement: &Statement) -> Option<MicrogramsCo2e> {
    let totals = &statement.totals.figures;
    totals.scope2_location_based_annual_ugco2e.map(|annual| totals.scope2_location_based_ugco2e - annual)
}
