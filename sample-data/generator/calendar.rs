//! The month in Amsterdam, in seconds since the epoch.

use anyhow::{Context, Result};
use chrono::{DateTime, NaiveDate, TimeZone, Timelike, Utc};
use chrono_tz::Europe::Amsterdam;

pub const DAY: i64 = 86_400;
pub const HOUR: i64 = 3_600;

/// A calendar month in Europe/Amsterdam.
pub struct Month {
    pub text: String,
    year: i32,
    number: u32,
    pub days: u32,
    /// First and last instant, `[from, to)`.
    pub from: i64,
    pub to: i64,
}

impl Month {
    pub fn parse(text: &str) -> Result<Self> {
        let first = NaiveDate::parse_from_str(&format!("{text}-01"), "%Y-%m-%d").with_context(|| format!("`{text}` is not a month"))?;
        let next = first.checked_add_months(chrono::Months::new(1)).context("the month after is out of range")?;
        let midnight = |date: NaiveDate| {
            let local = date.and_hms_opt(0, 0, 0).expect("midnight is a time");
            Amsterdam.from_local_datetime(&local).single().expect("Amsterdam changes its clocks at night, never at midnight").timestamp()
        };
        let year_and_number = (chrono::Datelike::year(&first), chrono::Datelike::month(&first));
        Ok(Self {
            text: text.to_owned(),
            year: year_and_number.0,
            number: year_and_number.1,
            days: (next - first).num_days() as u32,
            from: midnight(first),
            to: midnight(next),
        })
    }

    /// Midnight UTC of the first UTC day that the month touches, and the end of the last.
    pub fn utc_days(&self) -> (i64, i64) {
        (self.from.div_euclid(DAY) * DAY, (self.to - 1).div_euclid(DAY) * DAY + DAY)
    }

    /// Seconds since the epoch of a UTC time on a day of this month.
    pub fn utc(&self, day: u32, hour: i64, minute: i64, second: i64) -> i64 {
        let date = NaiveDate::from_ymd_opt(self.year, self.number, day).expect("the story names days that every month has");
        date.and_hms_opt(0, 0, 0).expect("midnight is a time").and_utc().timestamp() + hour * HOUR + minute * 60 + second
    }

    /// The same for a local time. The story keeps clear of the hour that is skipped or repeated.
    pub fn local(&self, day: u32, hour: u32, minute: u32) -> i64 {
        let date = NaiveDate::from_ymd_opt(self.year, self.number, day).expect("the story names days that every month has");
        let local = date.and_hms_opt(hour, minute, 0).expect("the story names times of day");
        Amsterdam.from_local_datetime(&local).earliest().expect("the story keeps clear of the skipped hour").timestamp()
    }
}

/// Hours since local midnight, with fraction.
pub fn local_hour(instant: i64) -> f64 {
    let local = at(instant).with_timezone(&Amsterdam);
    f64::from(local.hour()) + f64::from(local.minute()) / 60.0
}

/// Whether people are at work on this day.
pub fn is_weekday(instant: i64) -> bool {
    // 1970-01-01 was a Thursday.
    (instant.div_euclid(DAY) + 3).rem_euclid(7) < 5
}

pub fn rfc3339(instant: i64) -> String {
    at(instant).format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

pub fn naive(instant: i64) -> String {
    at(instant).format("%Y-%m-%d %H:%M:%S").to_string()
}

fn at(instant: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(instant, 0).expect("months have years of four digits")
}

/// The value at `x` of a line through points sorted by `x`.
pub fn interpolate(points: &[(f64, f64)], x: f64) -> f64 {
    let after = points.partition_point(|point| point.0 <= x);
    match (after.checked_sub(1), points.get(after)) {
        (Some(before), Some(next)) => {
            let (x0, y0) = points[before];
            y0 + (next.1 - y0) * (x - x0) / (next.0 - x0)
        }
        (Some(before), None) => points[before].1,
        (None, _) => points[0].1,
    }
}
