//! The decision for the best start, as a line that the counterfactual reads.
//!
//! In: what was found, and whose run it is. Out: a [`DecisionRecord`], appended to a log that `collect` and `import` take in. Rule: it is written before the run may
//! start, and says what was expected of both slots then; a run that the configuration's draw leaves unshifted is left unshifted here, and marked.
//! Does not: start or suspend the Job.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result, bail};
use chrono::{DateTime, SubsecRound, Utc};

use super::{AskedBasis, Found};
use crate::accounting::counterfactual::hold_out::is_held_out;
use crate::accounting::windows::{Bounds, Slot};
use crate::cli::collect::LOCK;
use crate::config::Config;
use crate::evidence::Store;
use crate::model::{Decision, DecisionReason, DecisionRecord, Forecast, Hint};
use crate::outlook::{Course, Outlook, Unknown};

/// Whose run it is.
pub struct About<'a> {
    pub cluster: &'a str,
    pub namespace: &'a str,
    pub job: &'a str,
    pub uid: Option<&'a str>,
}

/// The decision for the best start. `now` is when it is written down.
pub fn record(config: &Config, about: &About<'_>, found: &Found, bounds: &Bounds, now: DateTime<Utc>) -> Result<DecisionRecord> {
    let recorded_at = now.trunc_subsecs(0);
    if found.at < recorded_at {
        bail!(Hint::new(
            format!("the run could start at {}, which is over, and a decision is written down before", super::shown(found.terms.from_ms)),
            "leave out --at, or leave out --write-decision",
        ));
    }
    for (what, name) in [("--namespace", about.namespace), ("--job", about.job)] {
        if name.trim().is_empty() {
            bail!("{what} is empty");
        }
    }
    let held_out = config.baseline.hold_out.as_ref().is_some_and(|policy| is_held_out(policy, about.cluster, about.namespace, about.job));
    let now_slot = found.search.now();
    // A run that is left unshifted starts when it could, at home, whatever the grid does then.
    let (chosen_start_ms, chosen_zone) = if held_out { (found.terms.from_ms, 0) } else { (bounds.best.start_ms, bounds.best.zone) };
    let chosen = if held_out { now_slot } else { Some(bounds.best) };
    let forecast = now_slot.zip(chosen).map(|(baseline, chosen)| Forecast {
        source: source(found, chosen.zone),
        baseline_gco2e_per_kwh: grams(baseline),
        chosen_gco2e_per_kwh: grams(chosen),
    });
    let decision = Decision {
        recorded_at,
        eligible_at: found.at,
        deadline: Some(found.deadline()),
        chosen_start: DateTime::from_timestamp_millis(chosen_start_ms).context("the chosen start is beyond the calendar")?,
        chosen_zone: Some(found.zones[chosen_zone].clone()),
        reason: DecisionReason::Carbon,
        held_out,
        forecast,
        overhead_kwh: None,
    };
    let (cluster, namespace, job) = (about.cluster.to_owned(), about.namespace.to_owned(), about.job.to_owned());
    Ok(DecisionRecord { cluster, namespace, job, uid: about.uid.map(str::to_owned), decision })
}

/// One line, in one write: whoever reads the log while it grows sees it whole, or cut at its end.
pub fn append(path: &Path, record: &DecisionRecord) -> Result<()> {
    let mut line = serde_json::to_string(record).context("write the decision")?;
    line.push('\n');
    let append = || -> std::io::Result<()> {
        let mut log = OpenOptions::new().create(true).append(true).open(path)?;
        log.write_all(line.as_bytes())?;
        log.sync_all()
    };
    append().with_context(|| format!("append to the decision log {}", path.display()))
}

/// Keeps the forecasts of home and of where the run goes, where any part of them was one.
pub fn keep_forecasts(store: &Store, outlook: &Outlook, found: &Found, record: &DecisionRecord) -> Result<()> {
    if found.basis == AskedBasis::DayBefore {
        return Ok(());
    }
    let is_of_it = |zone: &str| zone == found.zones[0] || record.decision.chosen_zone.as_deref() == Some(zone);
    let forecast = |(zone, course): (&String, &Result<Course, Unknown>)| {
        let is_forecast = course.as_ref().is_ok_and(|course| course.forecast_from.is_some());
        outlook.forecast_as_it_came(zone).filter(|_| is_forecast && is_of_it(zone))
    };
    let forecasts: Vec<_> = found.zones.iter().zip(&found.courses).filter_map(forecast).collect();
    if forecasts.is_empty() {
        return Ok(());
    }
    let _lock = store.lock(LOCK)?;
    forecasts.iter().try_for_each(|(series, reply)| store.keep_forecast(series, reply))
}

/// Who expected it, and when: of home, and of where it goes.
fn source(found: &Found, chosen_zone: usize) -> String {
    let mut named: Vec<String> = Vec::new();
    for zone in [0, chosen_zone] {
        for origin in found.courses[zone].iter().flat_map(|course| &course.origins) {
            let name = format!("{} {}: {}", origin.provider, origin.zone, origin.edition);
            if !named.contains(&name) {
                named.push(name);
            }
        }
    }
    let how = if found.basis == AskedBasis::DayBefore { "the same hours of the days before, " } else { "" };
    format!("{how}{}", named.join("; "))
}

/// Rounded once to a millionth, so that the record is the same wherever it is written.
fn grams(slot: Slot) -> f64 {
    slot.intensity.rounded(6).number()
}
