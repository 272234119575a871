//! A month as a command line names it: `2026-10`, or `last`, the one before the running month in the organisation's time zone.
//!
//! In: text; the time zone and the time, once the configuration is read. Out: a [`ReportingPeriod`]. Rule: a schedule that cannot work out dates, a
//! CronJob or a timer, says `last`; what is written down afterwards has the month's own name. Does not: ask the time.

use anyhow::Result;
use chrono::{DateTime, Datelike, Utc};
use chrono_tz::Tz;

use crate::units::ReportingPeriod;

const LAST: &str = "last";

/// A month as written after `--month`; which instants it spans is up to the configuration's time zone.
pub fn month(text: &str) -> Result<String, String> {
    if text == LAST {
        return Ok(LAST.to_owned());
    }
    ReportingPeriod::parse(text, chrono_tz::UTC).map(|period| period.to_string())
}

/// What [`month`] took, as a period.
pub fn period_of(month: &str, time_zone: Tz, now: DateTime<Utc>) -> Result<ReportingPeriod> {
    let named = if month == LAST { last_month(time_zone, now) } else { month.to_owned() };
    ReportingPeriod::parse(&named, time_zone).map_err(anyhow::Error::msg)
}

/// The last month that is over.
pub fn last_month(time_zone: Tz, now: DateTime<Utc>) -> String {
    let today = now.with_timezone(&time_zone).date_naive();
    let (year, month) = if today.month() == 1 { (today.year() - 1, 12) } else { (today.year(), today.month() - 1) };
    format!("{year:04}-{month:02}")
}

#[cfg(test)]
mod tests {
    use chrono_tz::{America::New_York, Europe::Amsterdam};

    use super::*;

    fn at(time: &str) -> DateTime<Utc> {
        time.parse().unwrap()
    }

    #[test]
    fn the_last_month_is_the_one_before_the_running_one_where_the_organisation_is() {
        // Half past eleven in the evening of 31 October in UTC is November in Amsterdam and still October in New York.
        let instant = at("2026-10-31T23:30:00Z");
        assert_eq!(period_of("last", Amsterdam, instant).unwrap().to_string(), "2026-10");
        assert_eq!(period_of("last", New_York, instant).unwrap().to_string(), "2026-09");
        assert_eq!(period_of("last", Amsterdam, at("2026-12-31T23:00:00Z")).unwrap().to_string(), "2026-12");
        assert_eq!(period_of("last", Amsterdam, at("2026-12-31T22:59:59Z")).unwrap().to_string(), "2026-11");
    }

    #[test]
    fn in_january_the_last_month_is_of_the_year_before() {
        assert_eq!(period_of("last", Amsterdam, at("2027-01-05T05:30:00Z")).unwrap().to_string(), "2026-12");
    }

    #[test]
    fn a_month_by_its_name_does_not_depend_on_the_time() {
        assert_eq!(period_of(&month("2026-10").unwrap(), Amsterdam, at("2030-01-01T00:00:00Z")).unwrap().to_string(), "2026-10");
        for wrong in ["Last", "lastmonth", "2026-13", "../../etc", ""] {
            assert!(month(wrong).is_err(), "{wrong}");
        }
    }
}
