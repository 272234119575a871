//! Which work may wait or move, and what it is compared with: from their tables as written to [`BaselinePolicy`].
//!
//! In: `[[deferrable]]`, `[counterfactual]`, `[[decision_log]]`. Rule: an own figure of overhead names its source; a pattern that cannot match is refused.
//! Does not: decide about any run.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};

use super::resolve::whole_seconds;
use super::{BaselinePolicy, Cluster, DecisionLog, Place, check, feeds, raw};
use crate::model::{DeferrableRule, Hint, HoldOutPolicy};

const DEFAULT_SUGGESTED_MAX_DELAY_S: i64 = 8 * 3_600;
/// Beyond a month a run has no month to be compared in.
const LONGEST_DELAY_S: i64 = 31 * 86_400;

pub(super) fn policy(
    deferrable: Vec<raw::Deferrable>,
    counterfactual: raw::Counterfactual,
    clusters: &[Cluster],
) -> Result<BaselinePolicy> {
    let suggested = counterfactual.suggested_max_delay.as_deref().map(delay).transpose();
    Ok(BaselinePolicy {
        deferrable: deferrable.into_iter().map(rule).collect::<Result<_>>().context("[[deferrable]]")?,
        hold_out: counterfactual.hold_out.map(hold_out).transpose().context("[counterfactual]: `hold_out`")?,
        suggested_max_delay_seconds: suggested.context("[counterfactual]: `suggested_max_delay`")?.unwrap_or(DEFAULT_SUGGESTED_MAX_DELAY_S),
        home_zones: home_zones(clusters),
    })
}

fn rule(raw: raw::Deferrable) -> Result<DeferrableRule> {
    for zone in &raw.zones {
        check::grid_zone(zone).context("`zones`")?;
    }
    for (key, patterns) in [("namespaces", &raw.namespaces), ("names", &raw.names)] {
        for pattern in patterns {
            glob::Pattern::new(pattern).with_context(|| format!("`{key}`: `{pattern}` is not a pattern"))?;
        }
    }
    if let Some(kwh) = raw.overhead_kwh {
        ensure!(kwh.is_finite() && kwh >= 0.0, "`overhead_kwh` is not an energy of 0 or more");
        if raw.overhead_source.as_deref().is_none_or(|source| source.trim().is_empty()) {
            bail!(Hint::new("`overhead_source` is missing", "say how `overhead_kwh` was measured or estimated"));
        }
    }
    Ok(DeferrableRule {
        namespaces: raw.namespaces,
        kinds: raw.kinds,
        names: raw.names,
        max_delay_seconds: raw.max_delay.as_deref().map(delay).transpose().context("`max_delay`")?,
        zones: raw.zones,
        overhead_kwh: raw.overhead_kwh,
        overhead_source: raw.overhead_source,
    })
}

fn delay(text: &str) -> Result<i64> {
    let seconds = whole_seconds(text)?;
    ensure!(seconds <= LONGEST_DELAY_S, "`{text}` is longer than 31 days");
    Ok(seconds)
}

fn hold_out(raw: raw::HoldOut) -> Result<HoldOutPolicy> {
    ensure!(raw.share > 0.0 && raw.share < 1.0, "`share` lies between 0 and 1, as in share = 0.1");
    ensure!(!raw.seed.trim().is_empty(), "`seed` is empty");
    Ok(HoldOutPolicy { share: raw.share, seed: raw.seed })
}

fn home_zones(clusters: &[Cluster]) -> BTreeMap<String, String> {
    let mut zones = BTreeMap::new();
    for cluster in clusters {
        let own = std::iter::once((cluster.name.clone(), &cluster.site));
        let pools = cluster.pools.iter().enumerate().map(|(i, pool)| (format!("{}/{}", cluster.name, i + 1), &pool.site));
        zones.extend(own.chain(pools).filter_map(|(name, site)| Some((name, site.home_zone.clone()?))));
    }
    zones
}

pub(super) fn decision_logs(raw: Vec<raw::DecisionLog>, place: &Place) -> Result<Vec<DecisionLog>> {
    let log = |log: raw::DecisionLog| -> Result<DecisionLog> {
        ensure!(!log.files.is_empty(), "[[decision_log]]: `files` is empty");
        let (files, unmatched_globs) = feeds::files(&log.files, place).context("[[decision_log]]")?;
        Ok(DecisionLog { files, unmatched_globs })
    };
    raw.into_iter().map(log).collect()
}
