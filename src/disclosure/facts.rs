//! The datapoints of a statement as facts of an XBRL report.
//!
//! In: a statement with its disclosure. Out: one [`Fact`] for each value that has a concept: of the period, of the comparative year, of the base year.
//! Rule: a fact is the datapoint's own decimal, moved to the taxonomy's unit (a fraction for per cent), never computed anew; what `standards::rules` refuses is not
//! given out. A comparative is the same concept in an earlier period, without a member; the base year carries the profile's member (ESRS Set 1).
//! Assumes: a month's report has no other years. Does not: make a fact of what is unknown or not from compute.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use chrono::{Datelike, NaiveDate};

use super::Statement;
use super::standards::{Concept, ItemType, Profile, rules};
use super::statement::{Datapoint, Period};
use crate::units::Rounded;

/// A numeric fact.
#[derive(Clone, Debug, PartialEq)]
pub struct Fact {
    /// Readable, unique, the same from run to run: the datapoint's id, with the year's role where it is another one.
    pub id: String,
    pub datapoint: String,
    pub role: Role,
    pub concept: String,
    pub span: Span,
    /// Member by axis, local names.
    pub dimensions: BTreeMap<String, String>,
    pub unit: FactUnit,
    /// In the taxonomy's unit, with the decimals that are stated.
    pub value: Rounded,
    /// As people read it, in the datapoint's unit.
    pub shown: Rounded,
}

/// Which column of a table a fact stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    Period,
    Comparative,
    BaseYear,
}

/// Local calendar days, half-open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    pub from: NaiveDate,
    pub to: NaiveDate,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FactUnit {
    MegawattHours,
    TonnesCo2e,
    /// A plain number: shares.
    Pure,
    /// By its ISO 4217 code.
    Money(String),
    TonnesCo2ePer(String),
}

/// Everything that a tagged report says.
pub struct Tagged {
    pub profile: &'static Profile,
    pub period: Span,
    pub facts: Vec<Fact>,
}

/// In the order of the datapoints; of one datapoint, the period first.
pub fn facts(statement: &Statement) -> Result<Tagged> {
    let disclosure = &statement.disclosure;
    let profile =
        Profile::named(&disclosure.profile).with_context(|| format!("no disclosure profile is called `{}`", disclosure.profile))?;
    let period = Span::of(&statement.period)?;
    let year = |year: Option<i32>| year.map(Span::of_year).transpose();
    let (comparative, base) = (year(disclosure.comparative_year)?, year(disclosure.base_year)?);
    let mut facts = Vec::new();
    for datapoint in &disclosure.datapoints {
        let Some(name) = &datapoint.concept else { continue };
        let concept =
            profile.concepts.get(name).with_context(|| format!("{}: the profile does not list the concept {name}", datapoint.id))?;
        let mut add = |role, value: &Option<String>, span: Option<Span>| -> Result<()> {
            if let (Some(value), Some(span)) = (value, span) {
                facts.extend(fact(statement, profile, datapoint, concept, role, value, span)?);
            }
            Ok(())
        };
        add(Role::Period, &datapoint.value, Some(period))?;
        add(Role::Comparative, &datapoint.comparative, comparative)?;
        add(Role::BaseYear, &datapoint.base_year, base)?;
    }
    let broken = rules::broken(profile, &facts);
    if !broken.is_empty() {
        bail!("the facts break the rules of {}: {}", profile.title, broken.join("; "));
    }
    Ok(Tagged { profile, period, facts })
}

/// None where the profile has no place for the role.
fn fact(
    statement: &Statement,
    profile: &Profile,
    datapoint: &Datapoint,
    concept: &Concept,
    role: Role,
    value: &str,
    span: Span,
) -> Result<Option<Fact>> {
    let mut dimensions: BTreeMap<String, String> = datapoint.dimensions.iter().cloned().collect();
    let mut id = datapoint.id.clone();
    match (role, &profile.base_year) {
        (Role::Period, _) => {}
        (Role::Comparative, _) => id.push_str(".comparative"),
        (Role::BaseYear, Some(base)) if concept.axes.contains(&base.axis) => {
            id.push_str(".base-year");
            dimensions.insert(base.axis.clone(), base.member.clone());
        }
        (Role::BaseYear, _) => return Ok(None),
    }
    let shown = Rounded::parse(value).with_context(|| format!("{id}: `{value}` is not a decimal"))?;
    Ok(Some(Fact {
        id,
        datapoint: datapoint.id.clone(),
        role,
        concept: datapoint.concept.clone().unwrap_or_default(),
        span,
        dimensions,
        unit: unit(statement, concept.item_type).with_context(|| datapoint.id.clone())?,
        value: shown.in_larger_unit(concept.item_type.places()),
        shown,
    }))
}

fn unit(statement: &Statement, item_type: ItemType) -> Result<FactUnit> {
    let currency = || {
        let revenue = statement.year.net_revenue.as_ref();
        revenue.map(|revenue| revenue.currency.clone()).context("an amount per revenue needs the net revenue's currency")
    };
    Ok(match item_type {
        ItemType::Energy => FactUnit::MegawattHours,
        ItemType::Ghg => FactUnit::TonnesCo2e,
        ItemType::Percent => FactUnit::Pure,
        ItemType::Monetary => FactUnit::Money(currency()?),
        ItemType::GhgPerMonetary => FactUnit::TonnesCo2ePer(currency()?),
    })
}

impl Span {
    fn of(period: &Period) -> Result<Self> {
        match (&period.month, &period.year) {
            (Some(month), _) => {
                let from =
                    NaiveDate::parse_from_str(&format!("{month}-01"), "%Y-%m-%d").with_context(|| format!("`{month}` is not a month"))?;
                let (year, next) = if from.month() == 12 { (from.year() + 1, 1) } else { (from.year(), from.month() + 1) };
                Ok(Self { from, to: NaiveDate::from_ymd_opt(year, next, 1).context("a month beyond the calendar")? })
            }
            (None, Some(year)) => Self::of_year(year.parse().with_context(|| format!("`{year}` is not a year"))?),
            (None, None) => bail!("the statement names neither a month nor a year"),
        }
    }

    fn of_year(year: i32) -> Result<Self> {
        let first = |year| NaiveDate::from_ymd_opt(year, 1, 1).with_context(|| format!("the year {year} is beyond the calendar"));
        Ok(Self { from: first(year)?, to: first(year + 1)? })
    }
}

impl FactUnit {
    /// Measures above and below the line, as qualified names.
    pub fn measures(&self) -> (String, Option<String>) {
        match self {
            Self::MegawattHours => ("utr:MWh".to_owned(), None),
            Self::TonnesCo2e => ("utr:tCO2e".to_owned(), None),
            Self::Pure => ("xbrli:pure".to_owned(), None),
            Self::Money(currency) => (format!("iso4217:{currency}"), None),
            Self::TonnesCo2ePer(currency) => ("utr:tCO2e".to_owned(), Some(format!("iso4217:{currency}"))),
        }
    }
}

/// Who reports: by legal entity identifier, else by a name of our own making that nobody can take for one.
pub struct Entity {
    pub prefix: &'static str,
    pub scheme: &'static str,
    pub identifier: String,
    pub is_lei: bool,
}

/// The scheme of ISO 17442.
const LEI_SCHEME: &str = "http://standards.iso.org/iso/17442";
const NAME_SCHEME: &str = "urn:x-wattledger:organisation-name-without-lei";

impl Entity {
    pub fn of(statement: &Statement) -> Self {
        match &statement.lei {
            Some(lei) => Self { prefix: "lei", scheme: LEI_SCHEME, identifier: lei.clone(), is_lei: true },
            None => Self { prefix: "name", scheme: NAME_SCHEME, identifier: slug(&statement.organisation), is_lei: false },
        }
    }
}

/// An identifier has no spaces: `Example & Sons BV` → `example-sons-bv`.
fn slug(name: &str) -> String {
    let words = name.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
    let slug = words.map(str::to_lowercase).collect::<Vec<_>>().join("-");
    if slug.is_empty() { "organisation".to_owned() } else { slug }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn month(month: &str) -> Period {
        let statement = crate::reports::fixture::statement();
        Period { month: Some(month.to_owned()), ..statement.period }
    }

    #[test]
    fn a_month_is_its_local_calendar_days_whatever_utc_says() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        assert_eq!(Span::of(&month("2026-10")).unwrap(), Span { from: day("2026-10-01"), to: day("2026-11-01") });
        assert_eq!(Span::of(&month("2026-12")).unwrap(), Span { from: day("2026-12-01"), to: day("2027-01-01") });
        assert!(Span::of(&month("2026-13")).is_err());
    }

    #[test]
    fn an_organisation_without_lei_is_named_in_a_scheme_of_our_own() {
        let mut statement = crate::reports::fixture::statement();
        statement.organisation = "Écoles & Fils  SA".to_owned();
        let entity = Entity::of(&statement);
        assert_eq!((entity.prefix, entity.identifier.as_str()), ("name", "écoles-fils-sa"));

        statement.lei = Some("0000EXAMPLE000000086".to_owned());
        let entity = Entity::of(&statement);
        assert_eq!((entity.scheme, entity.identifier.as_str()), ("http://standards.iso.org/iso/17442", "0000EXAMPLE000000086"));
    }
}
