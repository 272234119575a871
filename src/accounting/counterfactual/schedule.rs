//! When a CronJob last ticked.
//!
//! In: its schedule and time zone as written, and an instant. Out: the last tick at or before it. Rule: a schedule is of the clock on the wall, and the
//! clock changes are those of Kubernetes' own controller: a time that the clocks skip does not come, one that they repeat comes twice. A prefix `TZ=` or
//! `CRON_TZ=`, as old clusters have it, goes before the time zone; without either it is UTC. Where the library reads a pattern otherwise than the controller
//! does, it is first written as both read it. Assumes: five fields or a macro such as `@daily`.
//! Does not: know `@every 1h`, which counts from when the controller last looked.

use std::str::FromStr;

use chrono::{DateTime, LocalResult, NaiveDateTime, TimeDelta, TimeZone, Timelike, Utc};
use chrono_tz::Tz;
use croner::Cron;

/// Of minutes that the clocks skip, at most this many are passed over: more than a day of them.
const MOST_SKIPPED: usize = 2_000;

/// The fifth field of a pattern.
const DAY_OF_WEEK: usize = 4;

/// Whether a schedule is of the clock at all.
pub fn has_ticks(schedule: &str) -> bool {
    !without_zone(schedule).1.to_ascii_lowercase().starts_with("@every")
}

/// The last tick at or before an instant.
pub fn last_tick(schedule: &str, time_zone: Option<&str>, at: DateTime<Utc>) -> Result<DateTime<Utc>, String> {
    let (prefix, pattern) = without_zone(schedule);
    let zone = match prefix.or(time_zone).filter(|name| !name.is_empty()) {
        Some(name) => Tz::from_str(name).map_err(|_| format!("CronJob time zone `{name}` is not known"))?,
        None => Tz::UTC,
    };
    let cron =
        Cron::from_str(&as_both_read_it(pattern)).map_err(|error| format!("CronJob schedule `{schedule}` does not parse: {error}"))?;
    let none = || format!("CronJob schedule `{schedule}` has no tick before {}", at.to_rfc3339());
    let at = at.with_nanosecond(0).unwrap_or(at);
    let wall = at.with_timezone(&zone).naive_local();
    let mut tick = previous(&cron, wall, true);
    for _ in 0..MOST_SKIPPED {
        let Some(found) = tick else { break };
        // What was on the wall before, at the same reading or a later one: the clocks were put back since.
        let before = last_of_first_pass(&cron, zone, wall, at);
        if let Some(latest) = instants(zone, found).into_iter().flatten().filter(|instant| *instant <= at).max() {
            return Ok(before.map_or(latest, |before| before.max(latest)));
        }
        tick = previous(&cron, found, false);
    }
    Err(none())
}

/// A pattern for the library that says what the controller's (robfig/cron v3) reads: it knows one macro more, takes `?` for `*` in every field and `*/1` for
/// `*`, which decides whether day of month and day of week have to agree, and ends `1/2` of the days of the week on Saturday and not with a second Sunday.
fn as_both_read_it(pattern: &str) -> String {
    if pattern.eq_ignore_ascii_case("@midnight") {
        return "@daily".to_owned();
    }
    let pattern = pattern.replace('?', "*");
    let field = |(place, field): (usize, &str)| {
        if field == "*/1" {
            return "*".to_owned();
        }
        let part = |part: &str| match part.split_once('/') {
            Some((first, step)) if place == DAY_OF_WEEK && first != "*" && !first.contains('-') => format!("{first}-6/{step}"),
            _ => part.to_owned(),
        };
        field.split(',').map(part).collect::<Vec<_>>().join(",")
    };
    pattern.split_whitespace().enumerate().map(field).collect::<Vec<_>>().join(" ")
}

/// Where the clocks show a reading for the second time: the last tick of the first time that shows later than that reading.
fn last_of_first_pass(cron: &Cron, zone: Tz, wall: NaiveDateTime, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let LocalResult::Ambiguous(first, second) = zone.from_local_datetime(&wall) else { return None };
    if second.with_timezone(&Utc) != at {
        return None;
    }
    let mut tick = previous(cron, wall + (second.with_timezone(&Utc) - first.with_timezone(&Utc)), false)?;
    while tick > wall {
        if let LocalResult::Ambiguous(first, _) = zone.from_local_datetime(&tick) {
            return Some(first.with_timezone(&Utc));
        }
        tick = previous(cron, tick, false)?;
    }
    None
}

/// The schedule's last reading of the wall clock before one, which counts itself where `is_inclusive`.
fn previous(cron: &Cron, wall: NaiveDateTime, is_inclusive: bool) -> Option<NaiveDateTime> {
    // Asked as if the wall clock were UTC, which is never changed.
    let wall = Utc.from_utc_datetime(&if is_inclusive { wall } else { wall - TimeDelta::seconds(1) });
    cron.find_previous_occurrence(&wall, true).ok().map(|tick| tick.naive_utc())
}

/// When the wall clock shows a reading: not at all, once, or twice.
fn instants(zone: Tz, wall: NaiveDateTime) -> [Option<DateTime<Utc>>; 2] {
    match zone.from_local_datetime(&wall) {
        LocalResult::None => [None, None],
        LocalResult::Single(instant) => [Some(instant.with_timezone(&Utc)), None],
        LocalResult::Ambiguous(first, second) => [Some(first.with_timezone(&Utc)), Some(second.with_timezone(&Utc))],
    }
}

/// `TZ=Europe/Amsterdam 0 3 * * *` as zone and rest.
fn without_zone(schedule: &str) -> (Option<&str>, &str) {
    let schedule = schedule.trim();
    let rest = schedule.strip_prefix("CRON_TZ=").or_else(|| schedule.strip_prefix("TZ="));
    match rest.and_then(|rest| rest.split_once(char::is_whitespace)) {
        Some((zone, pattern)) => (Some(zone), pattern.trim()),
        None => (None, schedule),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AMSTERDAM: Option<&str> = Some("Europe/Amsterdam");

    fn tick(schedule: &str, zone: Option<&str>, at: &str) -> String {
        last_tick(schedule, zone, at.parse().unwrap()).unwrap().to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
    }

    #[test]
    fn a_schedule_is_of_the_wall_clock_in_summer_and_in_winter() {
        assert_eq!(tick("0 3 * * *", AMSTERDAM, "2026-10-05T01:00:02Z"), "2026-10-05T01:00:00Z");
        assert_eq!(tick("0 3 * * *", AMSTERDAM, "2026-11-05T02:00:02Z"), "2026-11-05T02:00:00Z");
        assert_eq!(tick("0 3 * * *", AMSTERDAM, "2026-11-05T01:59:59Z"), "2026-11-04T02:00:00Z");
        assert_eq!(tick("0 3 * * *", None, "2026-10-05T03:00:00.400Z"), "2026-10-05T03:00:00Z");
    }

    #[test]
    fn an_hour_that_the_clocks_repeat_ticks_twice() {
        // 25 October 2026: 02:30 is at 00:30Z, and again at 01:30Z.
        assert_eq!(tick("30 2 * * *", AMSTERDAM, "2026-10-25T00:30:03Z"), "2026-10-25T00:30:00Z");
        assert_eq!(tick("30 2 * * *", AMSTERDAM, "2026-10-25T01:30:03Z"), "2026-10-25T01:30:00Z");
        // 02:10 for the second time: the last tick was 02:30 of the first time.
        assert_eq!(tick("30 2 * * *", AMSTERDAM, "2026-10-25T01:10:00Z"), "2026-10-25T00:30:00Z");
        assert_eq!(tick("*/15 * * * *", AMSTERDAM, "2026-10-25T01:14:59Z"), "2026-10-25T01:00:00Z");
        assert_eq!(tick("*/20 1,2 * * *", AMSTERDAM, "2026-10-25T00:59:00Z"), "2026-10-25T00:40:00Z");
    }

    #[test]
    fn an_hour_that_the_clocks_skip_does_not_tick() {
        // 29 March 2026: after 01:59 comes 03:00, so 02:30 does not come; the last one is the day before.
        assert_eq!(tick("30 2 * * *", AMSTERDAM, "2026-03-29T05:00:00Z"), "2026-03-28T01:30:00Z");
        assert_eq!(tick("30 2 * * *", AMSTERDAM, "2026-03-30T00:30:01Z"), "2026-03-30T00:30:00Z");
        assert_eq!(tick("0 * * * *", AMSTERDAM, "2026-03-29T01:00:00Z"), "2026-03-29T01:00:00Z");
    }

    #[test]
    fn macros_and_zones_within_the_schedule_are_understood() {
        assert_eq!(tick("@daily", AMSTERDAM, "2026-10-05T12:00:00Z"), "2026-10-04T22:00:00Z");
        assert_eq!(tick("@midnight", None, "2026-10-05T12:00:00Z"), "2026-10-05T00:00:00Z");
        assert_eq!(tick("@hourly", None, "2026-10-05T12:34:00Z"), "2026-10-05T12:00:00Z");
        assert_eq!(tick("@weekly", None, "2026-10-07T12:00:00Z"), "2026-10-04T00:00:00Z");
        assert_eq!(tick("@monthly", None, "2026-10-07T12:00:00Z"), "2026-10-01T00:00:00Z");
        assert_eq!(tick("@yearly", None, "2026-10-07T12:00:00Z"), "2026-01-01T00:00:00Z");
        assert_eq!(tick("TZ=Asia/Tokyo 0 3 * * *", AMSTERDAM, "2026-10-05T12:00:00Z"), "2026-10-04T18:00:00Z");
        assert_eq!(tick("CRON_TZ=America/New_York 30 1 * * MON", None, "2026-10-07T12:00:00Z"), "2026-10-05T05:30:00Z");
        assert!(has_ticks("@daily") && !has_ticks("@every 90m") && !has_ticks("TZ=UTC @every 1h"));
    }

    #[test]
    fn either_of_day_of_month_and_day_of_week_is_enough_where_both_are_named() {
        // The 15th is a Thursday; the 12th a Monday.
        assert_eq!(tick("0 0 15 * 1", None, "2026-10-16T00:00:00Z"), "2026-10-15T00:00:00Z");
        assert_eq!(tick("0 0 15 * 1", None, "2026-10-14T00:00:00Z"), "2026-10-12T00:00:00Z");
    }

    #[test]
    fn patterns_are_read_as_the_controller_reads_them() {
        // The 5th is a Monday. `*/1` is `*`, so the day of the week alone decides; `*/2` is a list of days, and either is enough.
        assert_eq!(tick("0 0 */1 * 1", None, "2026-10-07T12:00:00Z"), "2026-10-05T00:00:00Z");
        assert_eq!(tick("0 0 ? * 1", None, "2026-10-07T12:00:00Z"), "2026-10-05T00:00:00Z");
        assert_eq!(tick("0 0 */2 * 1", None, "2026-10-08T12:00:00Z"), "2026-10-07T00:00:00Z");
        // Monday, Wednesday, Friday: not the Sunday after (the 4th).
        assert_eq!(tick("0 0 * * 1/2", None, "2026-10-04T12:00:00Z"), "2026-10-02T00:00:00Z");
        assert_eq!(tick("0 0 * * MON/2", None, "2026-10-04T12:00:00Z"), "2026-10-02T00:00:00Z");
        assert_eq!(tick("0 0 * * */2", None, "2026-10-04T12:00:00Z"), "2026-10-04T00:00:00Z");
        // From the fifth minute on, every quarter of an hour.
        assert_eq!(tick("5/15 ? * * *", None, "2026-10-05T12:34:00Z"), "2026-10-05T12:20:00Z");
    }

    #[test]
    fn what_is_no_schedule_says_so() {
        let at = "2026-10-05T12:00:00Z".parse().unwrap();
        assert!(last_tick("every day", None, at).unwrap_err().contains("does not parse"));
        assert!(last_tick("0 3 * * *", Some("Europe/Amsterdm"), at).unwrap_err().contains("Amsterdm"));
        assert!(last_tick("0 0 30 2 *", None, at).unwrap_err().contains("no tick"));
    }
}
