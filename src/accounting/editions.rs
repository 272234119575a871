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
    pub fn of(editions: &'a [IntensitySeries], zone: &str) -> Result<Self, Finding> {
        let averages: Vec<&IntensitySeries> = editions.iter().filter(|series| series.signal == Signal::Average).collect();
        if averages.is_empty() && !editions.is_empty() {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// An hourly edition from hour 0 on; estimates are negative numbers here, for short.
    fn edition(retrieved_s: Option<i64>, values: &[f64]) -> IntensitySeries {
        let n = values.len() as i64;
        IntensitySeries {
            zone: "NL".to_owned(),
            provider: "electricity-maps".to_owned(),
            edition: format!("{retrieved_s:?}"),
            retrieved_s,
            start_s: (0..n).map(|hour| hour * HOUR_S).collect(),
            end_s: (1..=n).map(|hour| hour * HOUR_S).collect(),
            direct_gco2e_per_kwh: values.iter().map(|value| Some(value.abs())).collect(),
            lifecycle_gco2e_per_kwh: vec![None; values.len()],
            is_estimated: values.iter().map(|value| *value < 0.0).collect(),
            estimation_method: vec![String::new(); values.len()],
            ..IntensitySeries::default()
        }
    }

    fn values(all: &Reconciled<'_>) -> Vec<f64> {
        all.held.values().map(|held| held.value).collect()
    }

    #[test]
    fn the_newest_of_a_providers_values_hold_and_the_change_is_found() {
        let editions = [edition(Some(200), &[100.0, 130.0, 90.0]), edition(Some(100), &[100.0, 120.0, 100.0])];
        let all = Reconciled::of(&editions, "NL").unwrap();

        assert_eq!(values(&all), [100.0, 130.0, 90.0]);
        let finding = all.revised("NL", 0, 3 * HOUR_S).unwrap();
        assert_eq!((finding.code.as_str(), finding.severity, finding.examined, finding.failing), ("CI_REVISED", Severity::Disclosed, 3, 2));
        assert!(finding.message.contains("revised 2 h") && finding.message.contains("from 120 to 130 g/kWh"), "{}", finding.message);
        assert!(all.revised("NL", 0, HOUR_S).is_none());
    }

    #[test]
    fn the_order_of_editions_is_of_no_matter() {
        let mut editions = vec![edition(Some(100), &[1.0]), edition(Some(300), &[3.0]), edition(Some(200), &[2.0])];
        let expected = Reconciled::of(&editions, "NL").unwrap().revised("NL", 0, HOUR_S);
        assert!(expected.as_ref().unwrap().message.contains("from 1 to 3 g/kWh"), "{expected:?}");
        for _ in 0..3 {
            editions.rotate_left(1);
            let all = Reconciled::of(&editions, "NL").unwrap();
            assert_eq!((values(&all), all.revised("NL", 0, HOUR_S)), (vec![3.0], expected.clone()));
        }
    }

    #[test]
    fn an_estimate_that_became_a_measurement_is_only_noted() {
        let editions = [edition(Some(100), &[-100.0]), edition(Some(200), &[110.0])];
        let all = Reconciled::of(&editions, "NL").unwrap();

        assert_eq!(all.revised("NL", 0, HOUR_S).unwrap().severity, Severity::Noted);
        assert!(!all.held[&0].is_estimated);
    }

    #[test]
    fn the_life_cycle_value_of_the_version_that_holds_stands_beside_it() {
        let with_lifecycle = |retrieved_s, direct: f64, lifecycle| {
            let mut edition = edition(retrieved_s, &[direct]);
            edition.lifecycle_gco2e_per_kwh = vec![lifecycle];
            edition
        };
        let lifecycle = |editions: &[IntensitySeries]| Reconciled::of(editions, "NL").unwrap().held[&0].lifecycle;
        let mut editions = vec![
            with_lifecycle(Some(100), 100.0, Some(140.0)),
            with_lifecycle(Some(300), 110.0, Some(150.0)),
            with_lifecycle(Some(200), 110.0, Some(160.0)),
            with_lifecycle(None, 110.0, Some(170.0)),
        ];
        for _ in 0..4 {
            editions.rotate_left(1);
            assert_eq!(lifecycle(&editions), Some(150.0));
        }
        // A newer value without one has none: an older one is not of its version.
        assert_eq!(lifecycle(&[with_lifecycle(Some(100), 1.0, Some(2.0)), with_lifecycle(Some(200), 1.0, None)]), None);
        // Two files of the same direct values: what one lacks the other says; what they say differently nobody orders.
        assert_eq!(lifecycle(&[with_lifecycle(None, 1.0, None), with_lifecycle(None, 1.0, Some(2.0))]), Some(2.0));
        let two = [with_lifecycle(None, 1.0, Some(3.0)), with_lifecycle(None, 1.0, Some(2.0))];
        let finding = Reconciled::of(&two, "NL").unwrap_err();
        assert!(finding.code == "CI_CONFLICT" && finding.message.contains("two life-cycle values"), "{}", finding.message);
    }

    #[test]
    fn the_providers_own_date_wins_over_the_time_of_retrieval() {
        let mut first = edition(Some(100), &[1.0]);
        first.updated_s = vec![Some(90)];
        // Asked for later, from a cache that is older.
        let mut later = edition(Some(200), &[2.0]);
        later.updated_s = vec![Some(50)];

        assert_eq!(values(&Reconciled::of(&[first, later], "NL").unwrap()), [1.0]);
    }

    #[test]
    fn files_have_no_order_and_neither_have_two_providers() {
        let files = [edition(None, &[1.0]), edition(None, &[2.0])];
        assert_eq!(Reconciled::of(&files, "NL").unwrap_err().code, "CI_CONFLICT");
        let mut other = edition(Some(200), &[2.0]);
        other.provider = "neso".to_owned();
        assert_eq!(Reconciled::of(&[edition(Some(100), &[1.0]), other], "NL").unwrap_err().code, "CI_CONFLICT");
    }

    #[test]
    fn a_file_that_repeats_what_a_dated_edition_said_adds_nothing() {
        // The file came first, without a date; then it was imported again with one, and the provider has said something newer since.
        let editions = [edition(None, &[1.0]), edition(Some(100), &[1.0]), edition(Some(200), &[2.0])];
        assert_eq!(values(&Reconciled::of(&editions, "NL").unwrap()), [2.0]);
        assert!(Reconciled::of(&[edition(None, &[1.0]), edition(Some(200), &[2.0])], "NL").is_err());
    }

    #[test]
    fn days_that_were_collected_apart_are_one_series() {
        let first = edition(Some(100), &[1.0, 2.0]);
        let mut second = edition(Some(200), &[2.0, 3.0]);
        for time in second.start_s.iter_mut().chain(&mut second.end_s) {
            *time += HOUR_S;
        }
        let editions = [first, second];
        let all = Reconciled::of(&editions, "NL").unwrap();

        assert_eq!(values(&all), [1.0, 2.0, 3.0]);
        assert!(all.revised("NL", 0, 3 * HOUR_S).is_none());
    }

    #[test]
    fn where_intervals_of_different_length_overlap_the_newer_ones_hold() {
        let hourly = edition(Some(100), &[100.0, 200.0]);
        let mut quarters = edition(Some(200), &[101.0, 102.0, 103.0, 104.0]);
        quarters.start_s = (0..4).map(|quarter| quarter * 900).collect();
        quarters.end_s = (1..=4).map(|quarter| quarter * 900).collect();
        let held = |a: &IntensitySeries, b: &IntensitySeries| -> Vec<(i64, i64, f64)> {
            let editions = [a.clone(), b.clone()];
            let all = Reconciled::of(&editions, "NL").unwrap();
            all.held.iter().map(|(from, held)| (*from, held.to_s, held.value)).collect()
        };

        let finer = held(&hourly, &quarters);
        assert_eq!(finer, [(0, 900, 101.0), (900, 1800, 102.0), (1800, 2700, 103.0), (2700, 3600, 104.0), (3600, 7200, 200.0)]);
        let coarser = held(&quarters, &edition(Some(300), &[100.0, 200.0]));
        assert_eq!(coarser, [(0, 3600, 100.0), (3600, 7200, 200.0)]);
    }

    #[test]
    fn marginal_values_never_enter() {
        let marginal = IntensitySeries { signal: Signal::Marginal, ..edition(Some(100), &[700.0]) };
        assert_eq!(Reconciled::of(std::slice::from_ref(&marginal), "NL").unwrap_err().code, "CI_SIGNAL");
        assert_eq!(values(&Reconciled::of(&[marginal, edition(Some(50), &[100.0])], "NL").unwrap()), [100.0]);
    }

    #[test]
    fn a_median_that_no_grid_has_is_found() {
        // Grams that are really kilograms: a Dutch 0.29.
        let editions = [edition(None, &[0.25, 0.29, 0.3])];
        let all = Reconciled::of(&editions, "NL").unwrap();

        assert_eq!(all.implausible_unit("NL", (0, 3 * HOUR_S), (1.0, 1_500.0), None).unwrap().code, "CI_UNIT");
        assert!(all.implausible_unit("NL", (0, 3 * HOUR_S), (0.1, 1_500.0), None).is_none());
    }

    #[test]
    fn pounds_taken_for_grams_are_found_by_the_annual_factor() {
        let found = |value: f64| {
            let editions = [edition(None, &[value])];
            let all = Reconciled::of(&editions, "NL").unwrap();
            all.implausible_unit("NL", (0, HOUR_S), (1.0, 1_500.0), Some(290.0)).map(|finding| finding.message)
        };
        // 290 g/kWh are 639.3 lb/MWh; converted twice they are 131.5.
        assert!(found(639.3).unwrap().contains("2.20 times the annual factor of 290"), "{:?}", found(639.3));
        assert!(found(131.5).is_some());
        assert!(found(450.0).is_none() && found(160.0).is_none());
    }

    #[test]
    fn many_retrievals_are_printed_as_a_number() {
        let editions: Vec<_> = [None, Some(0), Some(86_400), Some(172_800)].into_iter().map(|at| edition(at, &[1.0])).collect();

        assert_eq!(printed(&editions), "None; 3 retrievals from 1970-01-01T00:00:00Z to 1970-01-03T00:00:00Z");
        assert_eq!(printed(&editions[..2]), "None; Some(0)");
    }
}
