//! How well the figures are known, and scores by functional unit.

use super::bar::{self, Piece};
use super::basis::Basis;
use super::figure::Figure;
use crate::disclosure::Statement;
use crate::disclosure::statement::{Interval, SciScore, Sensitivity};
use crate::reports::{view, words};

const RULE: &str = "Method, section 3: every row of the ledger has a quality tier. Intervals: GHG Protocol guidance on uncertainty assessment and JCGM 100:2008 (GUM), 5.1 and 5.2; \
                    what rests on the same factor moves together and is not averaged away; coverage factor 2, about 95 %.";
const SCI_RULE: &str = "ISO/IEC 21031:2024, Software Carbon Intensity: (O + M) per R. O is location-based with hourly factors, and holds the workload's share of idle energy and the PUE; \
                        M is its share of the hardware, amortised by time and by what it reserved. Contracts and offsets are not in it.";

pub struct Section<'a> {
    pub basis: Basis<'a>,
    pub energy: Vec<Piece>,
    pub emissions: Vec<Piece>,
    pub intervals: Vec<IntervalRow<'a>>,
    pub sensitivity: Vec<SensitivityRow<'a>>,
}

pub struct IntervalRow<'a> {
    pub label: &'a str,
    pub unit: &'static str,
    pub value: Figure,
    pub relative: String,
    pub low: Figure,
    pub high: Figure,
    pub contributors: Vec<ContributorRow<'a>>,
}

pub struct ContributorRow<'a> {
    pub input: &'a str,
    pub share: String,
    pub relative: String,
    pub source: &'a str,
}

pub struct SensitivityRow<'a> {
    pub sensitivity: &'a Sensitivity,
    pub label: String,
    pub unit: &'static str,
    pub value: Figure,
    pub alternative: Figure,
    pub relative: String,
}

impl<'a> Section<'a> {
    pub fn of(statement: &'a Statement) -> Self {
        let quality = &statement.quality;
        Self {
            basis: Basis::new(RULE)
                .with_factors(statement, |factor| factor.quantity.contains("uncertainty"))
                .with_tiers(statement, |_| true),
            energy: bar::tiers(&statement.tier_share),
            emissions: bar::tiers(&quality.emissions_tier_share),
            intervals: quality.intervals.iter().map(interval).collect(),
            sensitivity: quality.sensitivity.iter().map(sensitivity).collect(),
        }
    }
}

fn named(name: &str) -> (&str, &'static str) {
    (words::label(name), words::unit(words::is_energy(name)))
}

fn interval(interval: &Interval) -> IntervalRow<'_> {
    let (label, unit) = named(&interval.figure);
    let contributor = |contributor: &'_ crate::disclosure::statement::Contributor| view::percent(Some(contributor.share));
    IntervalRow {
        label,
        unit,
        value: Figure::named(&interval.figure, Some(interval.value)),
        relative: view::plus_minus(interval.relative),
        low: Figure::bound("low", &interval.figure, interval.low),
        high: Figure::bound("high", &interval.figure, interval.high),
        contributors: interval
            .contributors
            .iter()
            .map(|input| ContributorRow {
                input: &input.input,
                share: contributor(input),
                relative: view::plus_minus(input.relative),
                source: &input.source,
            })
            .collect(),
    }
}

fn sensitivity(sensitivity: &Sensitivity) -> SensitivityRow<'_> {
    SensitivityRow {
        label: words::label_of_part(&sensitivity.figure),
        unit: words::unit(words::is_energy(&sensitivity.figure)),
        value: Figure::named(&sensitivity.figure, sensitivity.value),
        alternative: Figure::named(&sensitivity.figure, sensitivity.alternative),
        relative: view::signed_percent(sensitivity.relative),
        sensitivity,
    }
}

pub struct Sci<'a> {
    pub basis: Basis<'a>,
    pub scores: Vec<SciRow<'a>>,
}

pub struct SciRow<'a> {
    pub score: &'a SciScore,
    pub count: String,
    pub facility: Figure,
    pub operational: Figure,
    pub embodied: Figure,
    /// Grams per unit.
    pub sci: String,
}

impl<'a> Sci<'a> {
    pub fn of(statement: &'a Statement) -> Self {
        let row = |score: &'a SciScore| SciRow {
            count: view::as_published(score.count),
            facility: Figure::energy("facility_mj", score.facility_mj),
            operational: Figure::emissions("operational_ugco2e", score.operational_ugco2e),
            embodied: Figure::emissions("embodied_ugco2e", score.embodied_ugco2e),
            sci: score.sci_ugco2e_per_unit.map_or_else(|| view::UNKNOWN.to_owned(), |ugco2e| view::significant(ugco2e / 1e6).to_string()),
            score,
        };
        let basis =
            Basis::new(SCI_RULE).with_series(statement, |_| true).with_factors(statement, |factor| factor.quantity.contains("embodied"));
        Self { basis, scores: statement.sci.iter().map(row).collect() }
    }
}
