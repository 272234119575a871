//! Which feeds a configuration has, by names that tell one configuration's from another's.
//!
//! In: the configuration. Out: names, for the note that they were taken in and for whoever looks for it. Rule: a name says what is asked for, not which files there
//! are: whoever closes a month need not have the files of whoever collects it. Does not: ask.

use std::collections::BTreeSet;

use crate::config::Config;
use crate::model::Signal;

/// Intensities by zone and provider, prices by zone, decision logs by their place in the configuration.
pub fn feeds(config: &Config) -> BTreeSet<String> {
    let intensities = config.intensity.iter().flat_map(|feed| {
        let what = if feed.signal() == Signal::Marginal { "marginal intensity" } else { "intensity" };
        feed.zones.iter().map(move |zone| format!("{what} of {zone} ({})", feed.provider))
    });
    let prices = config.prices.iter().flat_map(|feed| feed.zones.iter().map(|zone| format!("prices of {zone}")));
    let logs = (1..=config.decision_logs.len()).map(|number| format!("decision log {number}"));
    intensities.chain(prices).chain(logs).collect()
}
