//! The query of a request, taken apart name by name.
//!
//! In: a URI. Out: texts, numbers and instants, or a [`Problem`] that names the parameter. Rule: a name that nobody takes is refused where the caller says so, because a
//! parameter that is misspelt would otherwise be left aside in silence; what was typed is not repeated in the answer. Names are compared without regard to case.
//! Does not: know a route.

use std::collections::BTreeMap;
use std::str::FromStr;

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use http::StatusCode;

use super::Problem;

/// Of one parameter: more are not asked for by anything that is meant.
const MOST_VALUES: usize = 200;

#[derive(Clone, Debug, Default)]
pub struct Params(BTreeMap<String, Vec<String>>);

impl<S: Sync> FromRequestParts<S> for Params {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let pairs =
            Query::<Vec<(String, String)>>::try_from_uri(&parts.uri).map_err(|_| bad("The query of the address cannot be read."))?;
        let mut params = Self::default();
        for (name, value) in pairs.0 {
            let values = params.0.entry(name.to_ascii_lowercase()).or_default();
            values.push(value);
            if values.len() > MOST_VALUES {
                return Err(bad(format!("A parameter is given more than {MOST_VALUES} times.")));
            }
        }
        Ok(params)
    }
}

impl Params {
    /// All that were given of a name, in their order.
    pub fn many(&mut self, name: &str) -> Vec<String> {
        self.0.remove(&name.to_ascii_lowercase()).unwrap_or_default()
    }

    pub fn one(&mut self, name: &str) -> Result<Option<String>, Problem> {
        let mut values = self.many(name);
        if values.len() > 1 {
            return Err(bad(format!("`{name}` is given more than once.")));
        }
        // As a form sends what was left blank.
        Ok(values.pop().filter(|value| !value.is_empty()))
    }

    pub fn needed(&mut self, name: &str) -> Result<String, Problem> {
        self.one(name)?.ok_or_else(|| bad(format!("`{name}` is missing.")))
    }

    pub fn parsed<T: FromStr>(&mut self, name: &str, what: &str) -> Result<Option<T>, Problem> {
        self.parsed_by(name, what, |text| text.parse().ok())
    }

    pub fn parsed_by<T>(&mut self, name: &str, what: &str, parse: impl FnOnce(&str) -> Option<T>) -> Result<Option<T>, Problem> {
        let Some(text) = self.one(name)? else { return Ok(None) };
        parse(text.trim()).map(Some).ok_or_else(|| bad(format!("`{name}` is not {what}.")))
    }

    pub fn instant(&mut self, name: &str) -> Result<Option<DateTime<Utc>>, Problem> {
        self.parsed_by(name, "a time; write it as 2026-10-05T07:00:00Z", instant)
    }

    /// Refuses what nobody took.
    pub fn nothing_else(self, known: &[&str]) -> Result<(), Problem> {
        match self.0.is_empty() {
            true => Ok(()),
            false => Err(bad(format!("A parameter is not known here; there are {}.", known.join(", ")))),
        }
    }
}

/// The request cannot be understood.
pub fn bad(detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, detail)
}

/// RFC 3339; without an offset in UTC, and a day alone is its midnight. A `+` that was not written as `%2B` has become a space.
pub fn instant(text: &str) -> Option<DateTime<Utc>> {
    let text = text.replace(' ', "+");
    let with_offset = DateTime::parse_from_rfc3339(&text).or_else(|_| DateTime::parse_from_str(&text, "%Y-%m-%dT%H:%M%:z"));
    let in_utc = || {
        let text = text.strip_suffix('Z').unwrap_or(&text);
        let formats = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M"];
        let time = formats.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok());
        time.or_else(|| Some(text.parse::<NaiveDate>().ok()?.and_time(NaiveTime::MIN)))
    };
    let time = with_offset.ok().map(|time| time.to_utc()).or_else(|| Some(in_utc()?.and_utc()))?;
    // Beyond, adding a day to it may be no time any more.
    (1970..10_000).contains(&time.year()).then_some(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn params(query: &str) -> Result<Params, Problem> {
        let (mut parts, ()) = http::Request::builder().uri(format!("/x?{query}")).body(()).unwrap().into_parts();
        Params::from_request_parts(&mut parts, &()).await
    }

    #[test]
    fn a_time_is_read_as_people_and_programs_write_it() {
        let at = |text: &str| instant(text).map(|time| time.to_rfc3339());
        for same in [
            "2026-10-05T07:00:00Z",
            "2026-10-05T09:00:00+02:00",
            "2026-10-05T09:00:00 02:00",
            "2026-10-05T07:00Z",
            "2026-10-05T07:00",
            "2026-10-05T07:00:00.000Z",
            "2026-10-05T09:00+02:00",
        ] {
            assert_eq!(at(same).as_deref(), Some("2026-10-05T07:00:00+00:00"), "{same}");
        }
        assert_eq!(at("2026-10-05").as_deref(), Some("2026-10-05T00:00:00+00:00"));
        for wrong in ["", "now", "2026-13-05", "1790812800", "2026-10-05T25:00Z", "+262142-12-31", "-0001-01-01", "1969-12-31T23:59:59Z"] {
            assert_eq!(at(wrong), None, "{wrong}");
        }
    }

    #[tokio::test]
    async fn what_is_misspelt_is_not_left_aside() {
        let mut query = params("zone=NL&belwo=200&Zone=").await.unwrap();
        assert!(query.one("zone").unwrap_err().detail.contains("more than once"));
        assert!(query.nothing_else(&["zone", "below"]).unwrap_err().detail.contains("zone, below"));

        let mut query = params("zone=NL&max=ten&empty=").await.unwrap();
        assert_eq!(query.needed("zone").unwrap(), "NL");
        assert_eq!(query.needed("below").unwrap_err().detail, "`below` is missing.");
        assert_eq!(query.one("empty").unwrap(), None);
        // What was typed is not repeated.
        assert_eq!(query.parsed::<u32>("max", "a whole number").unwrap_err().detail, "`max` is not a whole number.");
        assert!(query.nothing_else(&[]).is_ok());
    }

    #[tokio::test]
    async fn names_may_stand_more_than_once_where_that_is_meant() {
        let mut query = params("location=NL&LOCATION=FR").await.unwrap();
        assert_eq!(query.many("location"), ["NL", "FR"]);
        assert!(params(&"a=1&".repeat(201)).await.is_err());
    }
}
