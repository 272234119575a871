//! The statement as a disclosure standard asks for it.
//!
//! In: a statement that is complete but for this, and the profile that its policy names. Out: its [`Disclosure`]: every datapoint of the profile, in order, with
//! value, paragraph, unit and note. Rule: a datapoint is made of exact integers and rounded once, half up; one unknown figure makes the datapoint unknown.
//! Years are compared in a year's report alone, because a month is no part of a year's comparative.
//! Assumes: the figures are those of `figures`. Does not: state anything of the undertaking beyond its compute.

mod figures;
#[cfg(test)]
mod tests;

use self::figures::{Figure, Quantity};
use super::Statement;
use super::standards::{DatapointRule, Profile, Source};
use super::statement::{Comparison, Datapoint, DatapointStatus, Disclosure};
use crate::units::Rounded;

/// What a reader must know before any datapoint.
pub const BOUNDARY: &str = "These datapoints are a sub-inventory: they cover the undertaking's compute on the Kubernetes clusters of this report and nothing else of the \
                            undertaking. They are not its sustainability statement; figures of the whole need the undertaking's other operations and its value chain.";
/// Stands for the currency where no net revenue is configured.
const NO_CURRENCY: &str = "currency";
const MILLIJOULES_PER_MWH: i128 = 3_600_000_000_000;
const MICROGRAMS_PER_TONNE: i128 = 1_000_000_000_000;

/// Fills the statement's disclosure from its own figures, anew whenever they are complete.
pub fn disclose(statement: &mut Statement) {
    statement.disclosure = disclosure(statement);
}

/// A profile that is not known, which the configuration does not let through, discloses nothing.
pub fn disclosure(statement: &Statement) -> Disclosure {
    Profile::named(&statement.policy.disclosure).map_or_else(Disclosure::default, |profile| by_profile(statement, profile))
}

fn by_profile(statement: &Statement, profile: &Profile) -> Disclosure {
    let years = Years::of(statement);
    Disclosure {
        profile: profile.profile.clone(),
        title: profile.title.clone(),
        edition: profile.edition.clone(),
        taxonomy: profile.taxonomy.namespace.clone(),
        entry_point: profile.taxonomy.entry_point.clone(),
        boundary: BOUNDARY.to_owned(),
        unsettled: profile.unsettled.clone(),
        comparative_year: years.comparative,
        base_year: years.base,
        datapoints: profile.datapoints.iter().map(|rule| datapoint(statement, rule, &years)).collect(),
    }
}

/// The years that the report's year is set beside.
struct Years<'a> {
    comparisons: &'a [Comparison],
    comparative: Option<i32>,
    base: Option<i32>,
}

impl<'a> Years<'a> {
    fn of(statement: &'a Statement) -> Self {
        let comparisons = if statement.period.year.is_some() { statement.year.comparisons.as_slice() } else { &[] };
        Self {
            comparisons,
            comparative: comparisons.iter().filter_map(|comparison| comparison.comparative_year).max(),
            base: comparisons.iter().find_map(|comparison| comparison.base_year),
        }
    }

    fn comparative_of(&self, figure: &Figure) -> Option<i64> {
        self.comparison(figure).filter(|found| found.comparative_year == self.comparative)?.comparative_value
    }

    fn base_of(&self, figure: &Figure) -> Option<i64> {
        self.comparison(figure).filter(|found| found.base_year == self.base)?.base_year_value
    }

    fn comparison(&self, figure: &Figure) -> Option<&Comparison> {
        let name = figure.compared_as?;
        self.comparisons.iter().find(|comparison| comparison.figure == name)
    }
}

/// What a source comes to, rounded.
#[derive(Default)]
struct Stated {
    value: Option<Rounded>,
    comparative: Option<Rounded>,
    base_year: Option<Rounded>,
    change_percent: Option<Rounded>,
    /// Of which figures, or why there is no value.
    note: String,
}

fn datapoint(statement: &Statement, rule: &DatapointRule, years: &Years<'_>) -> Datapoint {
    let (stated, status) = match &rule.source {
        Source::NotFromCompute(add) => (Stated { note: add.clone(), ..Stated::default() }, DatapointStatus::NotFromCompute),
        source => {
            let stated = stated(statement, rule, source, years);
            let status = if stated.value.is_some() { DatapointStatus::Stated } else { DatapointStatus::Unknown };
            (stated, status)
        }
    };
    let currency = statement.year.net_revenue.as_ref().map_or(NO_CURRENCY, |revenue| revenue.currency.as_str());
    let text = |rounded: Option<Rounded>| rounded.map(Rounded::plain);
    Datapoint {
        id: rule.id.clone(),
        paragraph: rule.paragraph.clone(),
        label: rule.label.clone(),
        concept: rule.concept.clone(),
        dimensions: rule.dimensions.clone(),
        unit: rule.unit.replace("{currency}", currency),
        value: text(stated.value),
        comparative: text(stated.comparative),
        base_year: text(stated.base_year),
        change_percent: text(stated.change_percent),
        status,
        note: [rule.note.as_str(), stated.note.as_str()].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" "),
    }
}

fn stated(statement: &Statement, rule: &DatapointRule, source: &Source, years: &Years<'_>) -> Stated {
    match source {
        Source::Sum(names) => sum(&Parts::of(statement, names), rule.decimals, years),
        Source::Share { part, whole } => share(&Parts::of(statement, part), &Parts::of(statement, whole), rule.decimals, years),
        Source::Ratio(name) => {
            let known = figures::share(statement, name).flatten();
            Stated {
                value: known.map(|share| Rounded::of_measured(share.get() * 100.0, rule.decimals)),
                note: known.map_or_else(|| format!("Not stated, because {name} is not known."), |_| format!("From {name}.")),
                ..Stated::default()
            }
        }
        Source::PerRevenue(names) => per_revenue(statement, &Parts::of(statement, names), rule.decimals),
        Source::NetRevenue => {
            let cents = revenue_cents(statement);
            Stated {
                value: cents.ok().map(|cents| Rounded::of(cents, 100, rule.decimals)),
                note: cents.err().unwrap_or_default().to_owned(),
                ..Stated::default()
            }
        }
        Source::NotFromCompute(add) => Stated { note: add.clone(), ..Stated::default() },
    }
}

/// Figures that are added up.
struct Parts(Vec<Figure>);

impl Parts {
    fn of(statement: &Statement, names: &[String]) -> Self {
        let find = |name: &String| figures::figure(statement, name).expect("a test finds every figure that a profile names");
        Self(names.iter().map(find).collect())
    }

    /// Null where one of them is: what is unknown is not zero.
    fn total(&self, of: impl Fn(&Figure) -> Option<i64>) -> Option<i128> {
        self.0.iter().map(|figure| of(figure).map(i128::from)).sum()
    }

    fn value(&self) -> Option<i128> {
        self.total(|figure| figure.value)
    }

    fn unit(&self) -> i128 {
        match self.0.first().map(|figure| figure.quantity) {
            Some(Quantity::Energy) => MILLIJOULES_PER_MWH,
            Some(Quantity::Emissions) | None => MICROGRAMS_PER_TONNE,
        }
    }

    fn paths(&self) -> String {
        self.0.iter().map(|figure| figure.path.as_str()).collect::<Vec<_>>().join(" + ")
    }

    /// The sentence for a figure that is not known.
    fn why_unknown(&self) -> Option<String> {
        let unknown: Vec<&str> = self.0.iter().filter(|figure| figure.value.is_none()).map(|figure| figure.path.as_str()).collect();
        let is = if unknown.len() == 1 { "is" } else { "are" };
        (!unknown.is_empty()).then(|| format!("Not stated, because {} {is} not known.", unknown.join(" and ")))
    }
}

fn sum(parts: &Parts, decimals: u32, years: &Years<'_>) -> Stated {
    let value = parts.value();
    let comparative = parts.total(|figure| years.comparative_of(figure));
    let base_year = parts.total(|figure| years.base_of(figure));
    let rounded = |exact: Option<i128>| exact.map(|exact| Rounded::of(exact, parts.unit(), decimals));
    // ESRS E1 AR 48 (2023 edition), column "% N / N-1": the change over the year before.
    let change = value.zip(comparative.filter(|before| *before > 0)).map(|(now, before)| Rounded::of((now - before) * 100, before, 1));
    Stated {
        value: rounded(value),
        comparative: rounded(comparative),
        base_year: rounded(base_year),
        change_percent: change,
        note: parts.why_unknown().unwrap_or_else(|| format!("From {}.", parts.paths())),
    }
}

fn share(part: &Parts, whole: &Parts, decimals: u32, years: &Years<'_>) -> Stated {
    let percent = |part: Option<i128>, whole: Option<i128>| {
        let (part, whole) = part.zip(whole.filter(|whole| *whole > 0))?;
        Some(Rounded::of(part * 100, whole, decimals))
    };
    let of = |parts: &Parts| parts.total(|figure| years.comparative_of(figure));
    let value = percent(part.value(), whole.value());
    let note = match (part.why_unknown().or_else(|| whole.why_unknown()), value) {
        (Some(why), _) => why,
        (None, Some(_)) => format!("From {} over {}.", part.paths(), whole.paths()),
        (None, None) => format!("Not stated, because {} is zero, and nothing has no shares.", whole.paths()),
    };
    Stated { value, comparative: percent(of(part), of(whole)), note, ..Stated::default() }
}

/// Emissions in tonnes for each million of net revenue (ESRS E1 AR 53, 2023 edition: total emissions over net revenue).
fn per_revenue(statement: &Statement, parts: &Parts, decimals: u32) -> Stated {
    let cents = revenue_cents(statement);
    let value = cents.ok().zip(parts.value()).map(|(cents, emissions)| {
        // A tonne is 1e12 µg, a million is 1e8 cents: µg × 1e8 / (1e12 × cents).
        Rounded::of(emissions, cents * 10_000, decimals)
    });
    let before = |figure: &Figure| {
        let found = statement.year.intensities.iter().find(|intensity| Some(intensity.figure.as_str()) == figure.compared_as);
        found.and_then(|intensity| intensity.comparative_tco2e_per_million)
    };
    let comparative: Option<f64> = parts.0.iter().map(before).sum();
    let note = cents.err().map(str::to_owned).or_else(|| parts.why_unknown()).unwrap_or_else(|| format!("From {}.", parts.paths()));
    Stated {
        value,
        comparative: comparative.filter(|_| cents.is_ok()).map(|before| Rounded::of_measured(before, decimals)),
        note,
        ..Stated::default()
    }
}

/// The year's net revenue in hundredths, or why there is none.
fn revenue_cents(statement: &Statement) -> Result<i128, &'static str> {
    if statement.period.year.is_none() {
        return Err("Not stated, because net revenue is that of a year; the year's report states it.");
    }
    let revenue = statement.year.net_revenue.as_ref().ok_or("Not stated, because no net revenue of the year is configured.")?;
    let cents = (revenue.amount * 100.0).round() as i128;
    if cents > 0 { Ok(cents) } else { Err("Not stated, because the net revenue of the year is not above zero.") }
}
