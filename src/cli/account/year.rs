//! A year from its months, with the years that it is compared with.
//!
//! In: configuration, year, evidence. Out: the year's statement. Rule: every month is accounted as its own report would account it, then added up.
//! A month without evidence after the first that has some refuses the year, unless it is accepted by name. Does not: keep a month's rows.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};

use super::settled::Settling;
use super::{Accounting, Books, findings, month};
use crate::accounting::scopes::entities::revenue_finding;
use crate::config::Config;
use crate::disclosure::statement::NetRevenue;
use crate::disclosure::year::compare::{OtherYear, comparisons, intensities};
use crate::disclosure::{Statement, finish, year};
use crate::evidence::Store;
use crate::model::{Finding, Refusal, Severity};
use crate::units::ReportingPeriod;

pub fn year(books: &Books, period: ReportingPeriod, accept: &[String], accounting: &Accounting) -> Result<Statement> {
    let config = &books.config;
    let mut statement = sum_of_months(books, period, accept, accounting)?;
    let others = other_years(books, period, accept, accounting)?;
    let of_year = |year: i32| config.revenue.by_year.get(&year).copied();
    let revenue = of_year(period.year()).map(|amount| NetRevenue { currency: config.revenue.currency.clone(), amount });
    let before = others.iter().find(|other| other.year == period.year() - 1);
    statement.year.comparisons = comparisons(period.year(), &statement, &others);
    statement.year.intensities = intensities(&statement.totals.figures, before, revenue.as_ref(), of_year(period.year() - 1));
    statement.year.net_revenue = revenue;
    if let (Some(group), Some(entities)) = (&config.group, &mut statement.entities) {
        entities.state_revenue(group, period.year());
    }
    finish(&mut statement);
    Ok(statement)
}

fn sum_of_months(books: &Books, period: ReportingPeriod, accept: &[String], accounting: &Accounting) -> Result<Statement> {
    let Months { present, missing, mut found } = months(books, period)?;
    // Other idle policies move energy between namespaces of a month; a year's totals do not show it.
    let of_a_month = Accounting { with_sensitivity: false, ..accounting.clone() };
    let (mut months, mut settling) = (Vec::new(), Settling::default());
    for period in present {
        let account = month(books, period, accept, &of_a_month).with_context(|| format!("account {period}"))?;
        months.push(settling.add(account));
    }
    found.extend(findings::of_months(months.iter()));
    let settled = settling.finish(books, period, &missing, &mut found)?;
    found.extend(books.config.group.as_ref().and_then(|group| revenue_finding(group, period.year())));
    findings::accept_by_name(&mut found, accept);
    found.sort();
    let mut statement = year::of_months(&months, period, found);
    settled.replace(&mut statement);
    Ok(statement)
}

/// The months of a year by whether they have evidence, and what is to be said of them.
struct Months {
    present: Vec<ReportingPeriod>,
    /// After the first that is present.
    missing: Vec<ReportingPeriod>,
    found: Vec<Finding>,
}

fn months(books: &Books, period: ReportingPeriod) -> Result<Months> {
    let Books { config, store, .. } = books;
    let mut present = Vec::new();
    for month in period.months() {
        if has_evidence(store, config, month)? {
            present.push(month);
        }
    }
    let Some(first) = present.first() else {
        let message = format!(
            "There is no evidence of {period} in {}. Run `wattledger collect` for its months with the same configuration.",
            config.evidence
        );
        bail!(Refusal { findings: vec![Finding::new("NO_DATA", Severity::Blocked, message)] });
    };
    let absent = |month: &ReportingPeriod| !present.iter().any(|known| known.from() == month.from());
    let (before, missing): (Vec<_>, Vec<_>) = period.months().into_iter().filter(absent).partition(|month| month.from() < first.from());
    let names = |months: &[ReportingPeriod]| months.iter().map(ReportingPeriod::to_string).collect::<Vec<_>>().join(", ");
    let mut found = Vec::new();
    if !before.is_empty() {
        let message = format!("The evidence begins in {first}; {period} has no figures of {}.", names(&before));
        found.push(Finding::new("MONTHS_BEFORE", Severity::Disclosed, message).examined(12).failing(before.len()));
    }
    if !missing.is_empty() {
        let message = format!(
            "{} of 12 months have no evidence: {}. Collect them, or accept a year that is not whole by name with --accept MONTHS_MISSING.",
            missing.len(),
            names(&missing)
        );
        found.push(Finding::new("MONTHS_MISSING", Severity::Blocked, message).examined(12).failing(missing.len()));
    }
    Ok(Months { present, missing, found })
}

/// Whether any cluster has a UTC day that lies whole within the month: days at its edges belong to its neighbours too.
fn has_evidence(store: &Store, config: &Config, month: ReportingPeriod) -> Result<bool> {
    for cluster in &config.clusters {
        for day in month.utc_days() {
            if day.start() >= month.from() && day.end() <= month.to() && store.day(&cluster.name, day)?.is_some() {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// What is known of other years: what was published of them, and where the year before was not published and its evidence is whole, what it says.
fn other_years(books: &Books, period: ReportingPeriod, accept: &[String], accounting: &Accounting) -> Result<Vec<OtherYear>> {
    let Books { config, store, .. } = books;
    let mut others: Vec<OtherYear> = config
        .published_years
        .iter()
        .map(|published| OtherYear {
            year: published.year,
            is_base_year: published.is_base_year,
            source: published.source.clone(),
            figures: published.figures.iter().cloned().collect::<BTreeMap<_, _>>(),
        })
        .collect();
    let last_year = period.year() - 1;
    if others.iter().any(|other| other.year == last_year) {
        return Ok(others);
    }
    let before = ReportingPeriod::parse_year(&format!("{last_year:04}"), config.time_zone).map_err(anyhow::Error::msg)?;
    for month in before.months() {
        if !has_evidence(store, config, month)? {
            return Ok(others);
        }
    }
    let statement = sum_of_months(books, before, accept, accounting).with_context(|| format!("account {before}, to compare with"))?;
    if Refusal::of(&statement.findings).is_none() {
        let source = "accounted from its evidence by the same method".to_owned();
        others.push(OtherYear::of_statement(last_year, &statement, source));
    }
    Ok(others)
}
