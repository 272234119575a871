//! `[label]`: which intensities are called low, medium and high on nodes, and how often that is looked at.
//!
//! In: the table as written. Out: [`LabelPolicy`]. Rule: thresholds are in order and further apart than the hysteresis, or a level could never be reached.

use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::raw;

const LOW_BELOW: f64 = 150.0;
const MEDIUM_BELOW: f64 = 300.0;
const HYSTERESIS: f64 = 10.0;
const EVERY: &str = "15m";

/// Thresholds in g/kWh.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LevelPolicy {
    pub low_below: f64,
    pub medium_below: f64,
    /// So far below a threshold an intensity has to be for a level to get better.
    pub hysteresis: f64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LabelPolicy {
    pub levels: LevelPolicy,
    pub every: Duration,
}

pub(super) fn policy(raw: &raw::Label) -> Result<LabelPolicy> {
    let levels = LevelPolicy {
        low_below: raw.low_below.unwrap_or(LOW_BELOW),
        medium_below: raw.medium_below.unwrap_or(MEDIUM_BELOW),
        hysteresis: raw.hysteresis.unwrap_or(HYSTERESIS),
    };
    let LevelPolicy { low_below, medium_below, hysteresis } = levels;
    ensure!(
        [low_below, medium_below, hysteresis].iter().all(|value| value.is_finite()) && 0.0 < low_below && low_below < medium_below,
        "[label]: `low_below` is {low_below} and `medium_below` {medium_below}; both are g/kWh above zero, and the first is the lower one"
    );
    ensure!(
        0.0 <= hysteresis && hysteresis < low_below && hysteresis < medium_below - low_below,
        "[label]: `hysteresis` is {hysteresis}, and must be 0 or more and less than `low_below` and than what lies between the thresholds"
    );
    let every = raw.every.as_deref().unwrap_or(EVERY);
    let duration = humantime::parse_duration(every).context("[label]: `every`")?;
    ensure!((60..=86_400).contains(&duration.as_secs()), "[label]: `every` is {every}, and must be 1m to 24h");
    Ok(LabelPolicy { levels, every: duration })
}
