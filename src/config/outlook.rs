//! `[outlook]`: how old an intensity may be that somebody acts on, and how often and how far providers are asked.
//!
//! In: the table as written. Out: [`OutlookPolicy`]. Rule: an age has no end at which a value becomes a default: beyond it the intensity is unknown.
//! Does not: bear on a report, which is made from evidence of any age.

use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::raw;

/// Providers publish an hour when it is over; half an hour later it should be there.
const MAX_AGE: &str = "90m";
const FORECAST_MAX_AGE: &str = "6h";
const FORECAST_HORIZON: &str = "48h";
const ASK_EVERY: &str = "10m";

/// How old what is known may be, and how often providers are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutlookPolicy {
    /// From the end of a value's interval: an older one does not say what the grid does now.
    pub max_age: Duration,
    /// From when a forecast was made.
    pub forecast_max_age: Duration,
    /// How far ahead providers are asked.
    pub forecast_horizon: Duration,
    /// A provider is not asked again sooner.
    pub ask_every: Duration,
}

pub(super) fn policy(raw: &raw::Outlook) -> Result<OutlookPolicy> {
    let age = |written: &Option<String>, usual: &str, key: &'static str| -> Result<Duration> {
        let text = written.as_deref().unwrap_or(usual);
        let age = humantime::parse_duration(text).with_context(|| format!("[outlook]: `{key}`"))?;
        ensure!((60..=604_800).contains(&age.as_secs()), "[outlook]: `{key}` is {text}, and must be 1m to 7d");
        Ok(age)
    };
    Ok(OutlookPolicy {
        max_age: age(&raw.max_age, MAX_AGE, "max_age")?,
        forecast_max_age: age(&raw.forecast_max_age, FORECAST_MAX_AGE, "forecast_max_age")?,
        forecast_horizon: age(&raw.forecast_horizon, FORECAST_HORIZON, "forecast_horizon")?,
        ask_every: age(&raw.ask_every, ASK_EVERY, "ask_every")?,
    })
}
