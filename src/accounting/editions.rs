//! One value an hour, out of all editions of a zone's intensity.
//!
//! In: the editions of a zone. Out: [`Reconciled`], or the finding that refuses the report. Rule (method, section 6): same key, same value twice
//! is fine; of different values of one provider the newest holds, by `updatedAt`, else by retrieval, and that is found (`CI_REVISED`); where
//! nothing orders them the report is refused (`CI_CONFLICT`); marginal values never enter (`CI_SIGNAL`). Beside the direct value that holds stands the
//! life-cycle value of the same version.
//! Assumes: rows of one edition do not overlap. Does not: fill, or change what is kept: all editions stay in the evidence.

use std::collections::BTreeMap;

use chrono::DateTime;

use crate::model::{Finding, IntensitySeries, Severity, Signal, Version};

const HOUR_S: i64 = 3_600;
/// Of the annual factor, for a median: pounds taken for grams are 2.2 times as many, grams converted twice less than half.
const LEAST_OF_ANNUAL: f64 = 0.5;
const MOST_OF_ANNUAL: f64 = 2.0;
/// Up to so many retrievals are listed by name where a zone's edition is printed.
const MOST_LISTED: usize = 2;

/// The value that holds over an interval, and where it comes from.
#[derive(Clone, Debug)]
pub struct Held<'a> {
    pub to_s: i64,
    pub value: f64,
    /// With upstream, of the same version; none where it says none.
    pub lifecycle: Option<f64>,
    pub is_estimated: bool,
    pub series: &'a IntensitySeries,
    version: Option<Version>,
}

/// A value that was there before the one that holds.
#[derive(Clone, Copy, Debug)]
struct Displaced {
    value: f64,
    was_estimated: bool,
    version: Option<Version>,
}

#[derive(Clone, Debug, Default)]
pub struct Reconciled<'a> {
    /// By start; intervals do not overlap.
    pub held: BTreeMap<i64, Held<'a>>,
    displaced: BTreeMap<i64, Vec<Displaced>>,
}

impl<'a> Reconciled<'a> {
    /// Puts the direct values of all editions together.
    pub fn of(editions: impl IntoIterator<Item = &'a IntensitySeries>, zone: &str) -> Result<Self, Finding> {
        let (averages, others): (Vec<_>, Vec<_>) = editions.into_iter().partition(|series| series.signal == Signal::Average);
        if averages.is_empty() && !others.is_empty() {
            return Err(Finding::new(
                "CI_SIGNAL",
                Severity::Blocked,
                format!(
                    "Zone {zone} has marginal intensities only, which say what one more kilowatt-hour would emit and never enter an inventory. \
                     Add an [[intensity]] table with average ones for it."
                ),
            ));
        }
        let mut all = Self::default();
        // What has a version first: a file without one that says what was known once adds nothing.
        for has_version in [true, false] {
            for series in &averages {
                for row in 0..series.len() {
                    let (to_s, version) = (series.end_s[row], series.version(row));
                    let Some(value) = series.direct_gco2e_per_kwh[row].filter(|_| version.is_some() == has_version) else { continue };
                    let lifecycle = series.lifecycle_gco2e_per_kwh[row];
                    let held = Held { to_s, value, lifecycle, is_estimated: series.is_estimated[row], series, version };
                    all.take(zone, series.start_s[row], held)?;
                }
            }
        }
        all.settle_overlaps(zone)?;
        Ok(all)
    }

    fn take(&mut self, zone: &str, from_s: i64, new: Held<'a>) -> Result<(), Finding> {
        let Some(known) = self.held.get_mut(&from_s) else {
            self.held.insert(from_s, new);
            return Ok(());
        };
        let is_newer = is_newer(&new, known);
        if known.value == new.value && known.to_s == new.to_s {
            match is_newer {
                // The same value said again: the later one says whether it is still an estimate.
                Some(true) => *known = new,
                Some(false) => {}
                // What has a version keeps its own life-cycle value; of two without one, neither is the later.
                None if known.version.is_some() && new.version.is_none() => {}
                None if known.lifecycle.zip(new.lifecycle).is_some_and(|(known, new)| known != new) => {
                    return Err(conflict(zone, from_s, known, &new));
                }
                None => known.lifecycle = known.lifecycle.or(new.lifecycle),
            }
            return Ok(());
        }
        let old = match is_newer {
            Some(true) => std::mem::replace(known, new),
            Some(false) => new,
            None if self.displaced.get(&from_s).is_some_and(|older| older.iter().any(|older| older.value == new.value)) => return Ok(()),
            None => return Err(conflict(zone, from_s, known, &new)),
        };
        let displaced = Displaced { value: old.value, was_estimated: old.is_estimated, version: old.version };
        self.displaced.entry(from_s).or_default().push(displaced);
        Ok(())
    }

    /// Editions may differ in the length of their intervals: where two overlap, the newer one holds.
    fn settle_overlaps(&mut self, zone: &str) -> Result<(), Finding> {
        let mut settled: BTreeMap<i64, Held<'a>> = BTreeMap::new();
        for (from_s, next) in std::mem::take(&mut self.held) {
            if let Some(mut last) = settled.last_entry()
                && last.get().to_s > from_s
            {
                match is_newer(&next, last.get()) {
                    Some(true) => last.get_mut().to_s = from_s,
                    Some(false) if next.to_s <= last.get().to_s => continue,
                    Some(false) => {
                        let to_s = last.get().to_s;
                        settled.insert(to_s, next);
                        continue;
                    }
                    None => return Err(conflict(zone, from_s, last.get(), &next)),
                }
            }
            settled.insert(from_s, next);
        }
        self.held = settled;
        Ok(())
    }

    /// What was revised within a span, and by how much.
    pub fn revised(&self, zone: &str, from_s: i64, to_s: i64) -> Option<Finding> {
        let (mut seconds, mut count, mut estimates) = (0, 0, 0);
        let mut largest: Option<(f64, i64, f64, f64)> = None;
        for (start_s, older) in self.displaced.range(from_s..to_s) {
            let Some(old) = older.iter().min_by_key(|older| older.version) else { continue };
            let Some(held) = self.held.get(start_s).filter(|held| held.value != old.value) else { continue };
            seconds += held.to_s - start_s;
            count += 1;
            estimates += usize::from(old.was_estimated);
            let change = (held.value - old.value).abs();
            if largest.is_none_or(|(known, ..)| change > known) {
                largest = Some((change, *start_s, old.value, held.value));
            }
        }
        let (_, at_s, before, after) = largest?;
        let at = DateTime::from_timestamp(at_s, 0).map(|at| at.format("%Y-%m-%dT%H:%MZ").to_string()).unwrap_or_default();
        let message = format!(
            "Zone {zone}: the provider revised {} h of the period since they were first collected ({estimates} of {count} values were \
             estimates before); the newest hold. The largest change is from {before} to {after} g/kWh at {at}.",
            (seconds as f64 / HOUR_S as f64 * 100.0).round() / 100.0
        );
        let severity = if estimates == count { Severity::Noted } else { Severity::Disclosed };
        let examined = self.held.range(from_s..to_s).count();
        Some(Finding::new("CI_REVISED", severity, message).examined(examined).failing(count))
    }

    /// A median that no grid has, or that is far from the zone's annual factor, says that the unit is not what it is said to be.
    pub fn implausible_unit(&self, zone: &str, span: (i64, i64), band: (f64, f64), annual: Option<f64>) -> Option<Finding> {
        let mut values: Vec<f64> = self.held.range(span.0..span.1).map(|(_, held)| held.value).collect();
        values.sort_by(f64::total_cmp);
        let median = *values.get(values.len() / 2)?;
        let far = annual.map(|annual| (annual, median / annual)).filter(|(_, ratio)| !(LEAST_OF_ANNUAL..=MOST_OF_ANNUAL).contains(ratio));
        let why = if !(band.0..=band.1).contains(&median) {
            format!("outside of {} to {}", band.0, band.1)
        } else if let Some((annual, ratio)) = far {
            format!("{ratio:.2} times the annual factor of {annual}")
        } else {
            return None;
        };
        let message = format!(
            "Zone {zone}: the median intensity is {median} g/kWh, {why}, as if its unit were another. Check the source's unit; where it is \
             right, set plausible_gco2e_per_kwh, or mend annual_direct_gco2e_per_kwh, in [[intensity]]."
        );
        Some(Finding::new("CI_UNIT", Severity::Disclosed, message).examined(values.len()).failing(values.len()))
    }

    pub fn provider(&self) -> String {
        let mut providers: Vec<&str> = self.held.values().map(|held| held.series.provider.as_str()).collect();
        providers.sort_unstable();
        providers.dedup();
        providers.join(", ")
    }
}

/// Names the average editions; many retrievals are said by their number and times.
pub fn printed(editions: &[IntensitySeries]) -> String {
    let averages = || editions.iter().filter(|series| series.signal == Signal::Average);
    let mut retrieved: Vec<i64> = averages().filter_map(|series| series.retrieved_s).collect();
    let has_many = retrieved.len() > MOST_LISTED;
    let listed = averages().filter(|series| !has_many || series.retrieved_s.is_none());
    let mut names: Vec<String> = listed.map(|series| series.edition.clone()).collect();
    if has_many {
        retrieved.sort_unstable();
        let time = |at_s: i64| DateTime::from_timestamp(at_s, 0).map(|at| at.format("%Y-%m-%dT%H:%M:%SZ").to_string()).unwrap_or_default();
        names.push(format!("{} retrievals from {} to {}", retrieved.len(), time(retrieved[0]), time(retrieved[retrieved.len() - 1])));
    }
    names.join("; ")
}

/// What was found when the editions of a span were taken in; the same trouble of many retrievals is one finding.
pub fn found_before(editions: &[IntensitySeries], from_s: i64, to_s: i64) -> Vec<Finding> {
    let mut grouped: BTreeMap<(String, Severity), (Finding, usize)> = BTreeMap::new();
    let touches = |series: &&IntensitySeries| series.start_s.iter().zip(&series.end_s).any(|(start, end)| *start < to_s && *end > from_s);
    let averages = editions.iter().filter(|series| series.signal == Signal::Average);
    for finding in averages.filter(touches).flat_map(|series| &series.findings) {
        let (sum, count) = grouped
            .entry((finding.code.clone(), finding.severity))
            .or_insert_with(|| (Finding { examined: 0, failing: 0, ..finding.clone() }, 0));
        sum.examined += finding.examined;
        sum.failing += finding.failing;
        *count += 1;
    }
    let grouped = grouped.into_values().map(|(mut finding, count)| {
        if count > 1 {
            finding.message += &format!(" And {} more of the kind.", count - 1);
        }
        finding
    });
    grouped.collect()
}

/// Whether a value is the later one of two. None: nothing says so; two providers are two opinions, not two versions.
fn is_newer(new: &Held<'_>, known: &Held<'_>) -> Option<bool> {
    if new.series.provider != known.series.provider {
        return None;
    }
    let (new, known) = (new.version?, known.version?);
    (new != known).then_some(new > known)
}

fn conflict(zone: &str, at_s: i64, known: &Held<'_>, new: &Held<'_>) -> Finding {
    let at = DateTime::from_timestamp(at_s, 0).map(|at| at.to_rfc3339()).unwrap_or_default();
    let is_of_direct = known.value != new.value || known.to_s != new.to_s;
    let (of, old, young) = match (known.lifecycle, new.lifecycle) {
        (Some(known), Some(new)) if !is_of_direct => ("life-cycle values", known, new),
        _ => ("values", known.value, new.value),
    };
    Finding::new(
        "CI_CONFLICT",
        Severity::Blocked,
        format!(
            "Zone {zone} has two {of} for {at}: {old} from {} and {young} from {}. Nothing says which is the later one; \
             keep one edition in the [[intensity]] table, or import the later file with --published and its date.",
            known.series.edition, new.series.edition
        ),
    )
}
