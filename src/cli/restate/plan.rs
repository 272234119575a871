//! Which months of a range are to be accounted.
//!
//! In: the first and the last month, the seals. Out: each month with its state and size. Rule: a month of which it is known without accounting that it would come out
//! as it was sealed is not accounted. Seals are read one after the other, and none is kept. Does not: account, or decide what is done with a month.

use anyhow::{Result, bail};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use crate::cli::account::Books;
use crate::cli::close::unchanged::is_unchanged;
use crate::cli::period_of;
use crate::cli::progress::Progress;
use crate::units::ReportingPeriod;

/// A month of the range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Planned {
    pub period: ReportingPeriod,
    pub state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    NotClosed,
    /// Nothing that its newest edition was made from has changed.
    Unchanged {
        edition: u32,
    },
    /// Something may have changed since its newest edition.
    ToAccount {
        edition: u32,
        cluster_days: u64,
    },
}

impl Planned {
    /// Its newest edition.
    pub fn edition(&self) -> Option<u32> {
        match self.state {
            State::NotClosed => None,
            State::Unchanged { edition } | State::ToAccount { edition, .. } => Some(edition),
        }
    }

    /// How many are to be accounted.
    pub fn cluster_days(&self) -> u64 {
        match self.state {
            State::ToAccount { cluster_days, .. } => cluster_days,
            _ => 0,
        }
    }
}

/// The months from one to another, both of them with it.
pub fn months(from: &str, to: &str, time_zone: Tz, now: DateTime<Utc>) -> Result<Vec<ReportingPeriod>> {
    let (first, last) = (period_of(from, time_zone, now)?, period_of(to, time_zone, now)?);
    if last.from() < first.from() {
        bail!("--to {last} is before --from {first}; it is the last month that is restated");
    }
    let mut months = Vec::new();
    for year in first.year()..=last.year() {
        let year = ReportingPeriod::parse_year(&format!("{year:04}"), time_zone).map_err(anyhow::Error::msg)?;
        months.extend(year.months().into_iter().filter(|month| (first.from()..=last.from()).contains(&month.from())));
    }
    Ok(months)
}

pub fn of(books: &Books, months: &[ReportingPeriod]) -> Result<Vec<Planned>> {
    let progress = Progress::new("looking at closed months", months.len() as u64);
    let mut planned = Vec::new();
    for period in months {
        progress.tick(&period.to_string());
        let state = match books.store.sealed(&period.to_string(), None)? {
            None => State::NotClosed,
            Some(sealed) => {
                let edition = sealed.seal.edition;
                match is_unchanged(books, *period, &sealed)? {
                    true => State::Unchanged { edition },
                    false => State::ToAccount { edition, cluster_days: sealed.seal.ledger.days.len() as u64 },
                }
            }
        };
        planned.push(Planned { period: *period, state });
    }
    progress.done();
    Ok(planned)
}

#[cfg(test)]
mod tests {
    use chrono_tz::Europe::Amsterdam;

    use super::*;

    fn names(from: &str, to: &str) -> Result<Vec<String>> {
        let now = "2027-01-05T12:00:00Z".parse().unwrap();
        Ok(months(from, to, Amsterdam, now)?.iter().map(ReportingPeriod::to_string).collect())
    }

    #[test]
    fn a_range_has_its_first_and_its_last_month_and_goes_over_years() {
        assert_eq!(names("2025-11", "2026-02").unwrap(), ["2025-11", "2025-12", "2026-01", "2026-02"]);
        assert_eq!(names("2026-10", "2026-10").unwrap(), ["2026-10"]);
        assert_eq!(names("2022-01", "2026-12").unwrap().len(), 60);
        assert_eq!(names("2026-11", "last").unwrap(), ["2026-11", "2026-12"]);
        let error = names("2026-02", "2026-01").unwrap_err().to_string();
        assert_eq!(error, "--to 2026-01 is before --from 2026-02; it is the last month that is restated");
    }
}
