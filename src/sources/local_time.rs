//! Times in files: with their offset, or local in a named time zone.
//!
//! In: a cell, the file's time zone where the configuration names one, a `fold` cell where the file has such a column. Out: an instant.
//! Rule: method, section 6: a local hour that the clocks repeat or skip is refused with its line, unless `fold` says which of two it is.
//! Assumes: nothing of the order of rows. Does not: guess an offset from the rows before.

use chrono::{DateTime, LocalResult, NaiveDateTime, TimeZone};
use chrono_tz::Tz;

/// Why a cell is no instant, and what to do.
pub struct NoInstant {
    pub message: String,
    pub hint: &'static str,
}

const WITH_OFFSET: &str =
    "write it as 2026-10-01T00:00:00Z or 2026-10-01T02:00:00+02:00, or name the file's time zone: time_zone = \"Europe/Amsterdam\"";

/// Seconds since the epoch.
pub fn instant(cell: &str, fold: &str, zone: Option<Tz>) -> Result<i64, NoInstant> {
    if let Some(time) = with_offset(cell) {
        return Ok(time);
    }
    let Some(local) = naive(cell) else {
        return Err(NoInstant { message: format!("`{cell}` is not a time with its offset"), hint: WITH_OFFSET });
    };
    let Some(zone) = zone else {
        return Err(NoInstant { message: format!("`{cell}` is not a time with its offset"), hint: WITH_OFFSET });
    };
    match (zone.from_local_datetime(&local), fold) {
        (LocalResult::Single(time), _) | (LocalResult::Ambiguous(time, _), "0") | (LocalResult::Ambiguous(_, time), "1") => {
            Ok(time.timestamp())
        }
        (LocalResult::Ambiguous(..), _) => Err(NoInstant {
            message: format!("`{cell}` is there twice in {zone}: the clocks go back in that hour"),
            hint: "give times with their offset, or a column `fold` with 0 for the first and 1 for the second of the two hours",
        }),
        (LocalResult::None, _) => Err(NoInstant {
            message: format!("`{cell}` is not there in {zone}: the clocks go forward in that hour"),
            hint: "the file's times are not local, or the row is made up: give times with their offset, or take the row out",
        }),
    }
}

/// RFC 3339, with or without seconds.
fn with_offset(text: &str) -> Option<i64> {
    let exact = DateTime::parse_from_rfc3339(text).ok();
    let shapes = ["%Y-%m-%dT%H:%M%:z", "%Y-%m-%d %H:%M%:z", "%Y-%m-%d %H:%M:%S%:z"];
    let zulu = text.strip_suffix('Z').and_then(naive).map(|time| time.and_utc().timestamp());
    exact.or_else(|| shapes.iter().find_map(|shape| DateTime::parse_from_str(text, shape).ok())).map(|time| time.timestamp()).or(zulu)
}

/// A time that does not say its offset.
pub fn naive(text: &str) -> Option<NaiveDateTime> {
    ["%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M"]
        .into_iter()
        .find_map(|shape| NaiveDateTime::parse_from_str(text, shape).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    const AMSTERDAM: Option<Tz> = Some(chrono_tz::Europe::Amsterdam);

    fn utc(text: &str) -> i64 {
        DateTime::parse_from_rfc3339(text).unwrap().timestamp()
    }

    #[test]
    fn an_offset_needs_no_time_zone_and_wins_over_one() {
        for text in ["2026-10-25T02:30:00+01:00", "2026-10-25T01:30:00Z", "2026-10-25T01:30Z", "2026-10-25 02:30+01:00"] {
            assert_eq!(instant(text, "", None).ok(), Some(utc("2026-10-25T01:30:00Z")), "{text}");
        }
        assert_eq!(instant("2026-10-01T00:00:00Z", "", AMSTERDAM).ok(), Some(utc("2026-10-01T00:00:00Z")));
    }

    #[test]
    fn a_local_time_follows_the_clocks_of_its_zone() {
        assert_eq!(instant("2026-07-01 12:00:00", "", AMSTERDAM).ok(), Some(utc("2026-07-01T10:00:00Z")));
        assert_eq!(instant("2026-12-01T12:00", "", AMSTERDAM).ok(), Some(utc("2026-12-01T11:00:00Z")));
        assert!(instant("2026-07-01 12:00:00", "", None).is_err());
    }

    #[test]
    fn the_repeated_hour_is_refused_unless_fold_says_which_it_is() {
        let refused = instant("2026-10-25 02:00:00", "", AMSTERDAM).err().unwrap();
        assert!(refused.message.contains("is there twice in Europe/Amsterdam"), "{}", refused.message);
        assert_eq!(instant("2026-10-25 02:00:00", "0", AMSTERDAM).ok(), Some(utc("2026-10-25T00:00:00Z")));
        assert_eq!(instant("2026-10-25 02:00:00", "1", AMSTERDAM).ok(), Some(utc("2026-10-25T01:00:00Z")));
    }

    #[test]
    fn the_skipped_hour_is_refused() {
        let refused = instant("2026-03-29 02:00:00", "", AMSTERDAM).err().unwrap();
        assert!(refused.message.contains("is not there in Europe/Amsterdam"), "{}", refused.message);
    }
}
