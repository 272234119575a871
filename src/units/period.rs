//! Time as the ledger sees it: a calendar month or year in the organisation's time zone, and UTC days.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Days, LocalResult, NaiveDate, NaiveTime, TimeZone, Utc};
use chrono_tz::Tz;

/// A calendar month, or a calendar year of twelve, in a time zone, half-open `[from, to)`, handled as UTC instants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReportingPeriod {
    year: i32,
    /// None: the whole year.
    month: Option<u32>,
    time_zone: Tz,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
}

impl ReportingPeriod {
    /// Reads `2026-10`; anything else names what is wrong with it.
    pub fn parse(text: &str, time_zone: Tz) -> Result<Self, String> {
        let (year, month) = parse_month(text)?;
        let (next_year, next_month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
        Ok(Self {
            year,
            month: Some(month),
            time_zone,
            from: local_midnight(year, month, time_zone),
            to: local_midnight(next_year, next_month, time_zone),
        })
    }

    /// Reads `2026`.
    pub fn parse_year(text: &str, time_zone: Tz) -> Result<Self, String> {
        let is_shaped = text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit());
        let year = text.parse().ok().filter(|year| is_shaped && (1970..=2200).contains(year));
        let year: i32 = year.ok_or_else(|| format!("`{text}` is not a year; write it as YYYY, for example 2026"))?;
        Ok(Self { year, month: None, time_zone, from: local_midnight(year, 1, time_zone), to: local_midnight(year + 1, 1, time_zone) })
    }

    /// The twelve months of a year; a month is its own only one.
    pub fn months(&self) -> Vec<Self> {
        let month = |month| Self::parse(&format!("{:04}-{month:02}", self.year), self.time_zone).expect("a year has twelve months");
        if self.month.is_some() { vec![*self] } else { (1..=12).map(month).collect() }
    }

    /// None: the whole year.
    pub fn month(&self) -> Option<u32> {
        self.month
    }

    pub fn from(&self) -> DateTime<Utc> {
        self.from
    }

    pub fn to(&self) -> DateTime<Utc> {
        self.to
    }

    pub fn year(&self) -> i32 {
        self.year
    }

    pub fn time_zone(&self) -> Tz {
        self.time_zone
    }

    /// 743, 744, 745, 696, 720 …: what a month has, by the time zone's own rules.
    pub fn hours(&self) -> i64 {
        (self.to - self.from).num_hours()
    }

    /// Every UTC day that the local month touches.
    pub fn utc_days(&self) -> Vec<UtcDay> {
        let last = UtcDay::containing(self.to - chrono::Duration::milliseconds(1));
        UtcDay::containing(self.from).through(last)
    }
}

impl fmt::Display for ReportingPeriod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.month {
            Some(month) => write!(f, "{:04}-{month:02}", self.year),
            None => write!(f, "{:04}", self.year),
        }
    }
}

fn parse_month(text: &str) -> Result<(i32, u32), String> {
    // What is written after `--month` may be anything, and the message goes to a terminal.
    let wrong = || format!("BAD_MONTH: `{}` is not a month; write it as YYYY-MM, for example 2026-10", text.escape_debug());
    let bytes = text.as_bytes();
    if bytes.len() != 7 || bytes[4] != b'-' {
        return Err(wrong());
    }
    let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let (year, month) = (text.get(..4).ok_or_else(wrong)?, text.get(5..).ok_or_else(wrong)?);
    if !is_digits(year) || !is_digits(month) {
        return Err(wrong());
    }
    let year: i32 = year.parse().map_err(|_| wrong())?;
    let month: u32 = month.parse().map_err(|_| wrong())?;
    if !(1970..=2200).contains(&year) || !(1..=12).contains(&month) {
        return Err(wrong());
    }
    Ok((year, month))
}

/// The first instant of a local month. Where midnight is skipped by a clock change, the first instant after the gap.
fn local_midnight(year: i32, month: u32, time_zone: Tz) -> DateTime<Utc> {
    let date = NaiveDate::from_ymd_opt(year, month, 1).expect("year and month were checked");
    let mut local = date.and_time(NaiveTime::MIN);
    loop {
        match time_zone.from_local_datetime(&local) {
            LocalResult::Single(instant) | LocalResult::Ambiguous(instant, _) => return instant.with_timezone(&Utc),
            LocalResult::None => local += chrono::Duration::minutes(15),
        }
    }
}

/// A UTC date: the partition of all evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UtcDay(NaiveDate);

impl UtcDay {
    pub const fn new(date: NaiveDate) -> Self {
        Self(date)
    }

    pub fn containing(instant: DateTime<Utc>) -> Self {
        Self(instant.date_naive())
    }

    pub fn date(self) -> NaiveDate {
        self.0
    }

    pub fn start(self) -> DateTime<Utc> {
        self.0.and_time(NaiveTime::MIN).and_utc()
    }

    pub fn end(self) -> DateTime<Utc> {
        self.next().start()
    }

    pub fn next(self) -> Self {
        Self(self.0 + Days::new(1))
    }

    pub fn previous(self) -> Self {
        Self(self.0 - Days::new(1))
    }

    /// All days from this one to `last`, both included.
    pub fn through(self, last: Self) -> Vec<Self> {
        std::iter::successors(Some(self), |day| Some(day.next())).take_while(|day| *day <= last).collect()
    }
}

impl fmt::Display for UtcDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.format("%Y-%m-%d"))
    }
}

impl FromStr for UtcDay {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        NaiveDate::parse_from_str(text, "%Y-%m-%d")
            .map(Self)
            .map_err(|_| format!("`{text}` is not a day; write it as YYYY-MM-DD, for example 2026-10-01"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amsterdam(month: &str) -> ReportingPeriod {
        ReportingPeriod::parse(month, chrono_tz::Europe::Amsterdam).unwrap()
    }

    #[test]
    fn a_month_has_the_hours_its_time_zone_gives_it() {
        assert_eq!(amsterdam("2026-03").hours(), 743);
        assert_eq!(amsterdam("2026-10").hours(), 745);
        assert_eq!(amsterdam("2028-02").hours(), 696);
        assert_eq!(ReportingPeriod::parse("2026-10", chrono_tz::UTC).unwrap().hours(), 744);
    }

    #[test]
    fn a_year_is_its_twelve_months() {
        let year = ReportingPeriod::parse_year("2026", chrono_tz::Europe::Amsterdam).unwrap();
        let months = year.months();

        assert_eq!(year.hours(), 8_760);
        assert_eq!(months.iter().map(ReportingPeriod::hours).sum::<i64>(), 8_760);
        assert_eq!((months[0].from(), months[11].to()), (year.from(), year.to()));
        assert_eq!((year.to_string(), months[9].to_string()), ("2026".to_owned(), "2026-10".to_owned()));
        assert!(ReportingPeriod::parse_year("26", chrono_tz::UTC).is_err());
    }

    #[test]
    fn a_local_january_starts_in_the_old_year() {
        assert_eq!(amsterdam("2026-01").from().to_rfc3339(), "2025-12-31T23:00:00+00:00");
        assert_eq!(amsterdam("2026-10").utc_days().len(), 32);
    }

    #[test]
    fn what_is_not_a_month_is_refused() {
        for text in ["2026-13", "2026-00", "../../etc", "2026-03/..", "", "2026-3", "+026-03", "2026-1é"] {
            let why = ReportingPeriod::parse(text, chrono_tz::UTC).unwrap_err();
            assert!(why.starts_with("BAD_MONTH: "), "{why}");
        }
        assert!(!ReportingPeriod::parse("\u{1b}[2J", chrono_tz::UTC).unwrap_err().contains('\u{1b}'));
    }
}
