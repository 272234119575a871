//! One run under other starts, other places and other values: all that is said of it beside its counterfactual.
//!
//! In: a placed run, what it used, and the series that value energy. Out: [`RunEffects`]. Rule (method, section 7): every figure is the run's counterfactual
//! plus what another start differs from the baseline, rounded once, so what does not differ is equal to the last digit. Prices and marginal intensities value
//! the same energy at the same instants. Does not: find a run's place.

use std::collections::{BTreeMap, BTreeSet};

use super::bounds::{Bounds, CandidatePlace, Candidates};
use super::effects::{Effect, ForecastOutcome, Overhead, RunEffects, workload_name};
use super::energy::{PER_UNIT, RunEnergy, divided, rounded};
use super::history::{Clock, TimesOfDay};
use super::move_next::{Unshifted, Workloads};
use super::profile::ProfileStep;
use super::retiming::RunTiming;
use super::window::{Place, Window, WindowBasis};
use crate::accounting::integral::Integral;
use crate::accounting::inventory::Inventory;
use crate::accounting::ledger::{RunSums, SiteTerms};
use crate::accounting::plan::{Plan, PlannedRun};
use crate::model::{Cause, Forecast};

const MJ_PER_KWH: f64 = 3.6e9;
const MICROGRAMS: f64 = 1e6;
/// From so many starts on a row of all between the first and the last costs less than each by itself.
const IN_A_ROW: usize = 12;
/// Starts around one instant lie within a day.
const LONGEST_ROW_MS: i64 = 2 * 86_400_000;

/// By index of [`Plan::zones`]; none where a zone has no such series.
pub struct Valuation<'a>(Vec<Option<&'a Integral>>);

/// The series that value energy.
pub struct Valuations<'a> {
    direct: Valuation<'a>,
    prices: Valuation<'a>,
    marginal: Valuation<'a>,
}

impl<'a> Valuations<'a> {
    pub fn of(plan: &'a Plan<'_>) -> Self {
        let beside = |series: &'a BTreeMap<String, Integral>| Valuation(plan.zones.iter().map(|zone| series.get(&zone.zone)).collect());
        Self {
            direct: Valuation(plan.zones.iter().map(|zone| Some(zone.integral())).collect()),
            prices: beside(&plan.beside.prices),
            marginal: beside(&plan.beside.marginal),
        }
    }
}

impl<'a> Valuation<'a> {
    fn zone(&self, zone: usize) -> Option<&'a Integral> {
        self.0.get(zone).copied().flatten()
    }
}

/// What a run would have come to at every start that was open to it: none where it has no place or no window of its own, an error that says why a start has
/// no value.
pub fn candidates_of(plan: &Plan<'_>, run: &PlannedRun, profile: &[ProfileStep], sums: RunSums) -> Option<Result<Candidates, String>> {
    let window = run.window.as_ref().filter(|window| window.basis != WindowBasis::Suggested)?;
    Some(Subject::of(plan, run, profile, sums)?.candidates(window, &Valuations::of(plan).direct))
}

/// What the window of every run had to offer, a suggested one too, by index of [`Plan::runs`]: none where a run has no place or no window, an error that says
/// why a start has no value.
pub fn offers(plan: &Plan<'_>, inventory: &Inventory) -> Vec<Option<Result<Bounds, String>>> {
    let valuations = Valuations::of(plan);
    let offer = |(index, run): (usize, &PlannedRun)| {
        let sums = inventory.runs[index];
        let window = run.window.as_ref()?;
        let candidates = Subject::of(plan, run, &inventory.profiles[index], sums)?.candidates(window, &valuations.direct);
        Some(candidates.map(|candidates| candidates.bounds(sums.counterfactual_ugco2e)))
    };
    plan.runs.iter().enumerate().map(offer).collect()
}

/// A run that has a place in the counterfactual, and energy.
pub struct Subject<'a> {
    plan: &'a Plan<'a>,
    run: &'a PlannedRun,
    timing: &'a RunTiming,
    /// Of the site where it ran.
    ran: &'a SiteTerms,
    energy: RunEnergy,
    /// The same energy by the site where it was used; nothing where that was one site.
    by_site: Vec<(&'a SiteTerms, RunEnergy)>,
    sums: RunSums,
}

/// Energy with the zone and the PUE that it meets.
type Part<'a> = (&'a RunEnergy, usize, f64);

impl<'a> Subject<'a> {
    pub fn of(plan: &'a Plan<'a>, run: &'a PlannedRun, profile: &'a [ProfileStep], sums: RunSums) -> Option<Self> {
        let timing = run.place.as_ref().ok()?;
        let ran = plan.sites[run.cluster].get(run.run.site?)?;
        let energy = |steps: &mut dyn Iterator<Item = &'a ProfileStep>| {
            RunEnergy::of(steps, timing.start_ms, timing.end_ms, plan.terms.step_seconds)
        };
        let of_site = |site: i32| {
            let terms = plan.sites[run.cluster].get(usize::try_from(site).ok()?)?;
            Some((terms, energy(&mut profile.iter().filter(|step| step.site == site))))
        };
        let is_elsewhere = |step: &ProfileStep| usize::try_from(step.site).ok() != run.run.site;
        let sites: BTreeSet<i32> =
            if profile.iter().any(is_elsewhere) { profile.iter().map(|step| step.site).collect() } else { BTreeSet::new() };
        let by_site = sites.into_iter().map(of_site).collect::<Option<_>>()?;
        let energy = energy(&mut profile.iter());
        (energy.active_mj > 0).then_some(Self { plan, run, timing, ran, energy, by_site, sums })
    }

    /// Adds the run to its workload where it was not shifted and may be.
    pub fn effects(&self, valuations: &Valuations<'_>, times: Option<(&TimesOfDay, &Clock)>, workloads: &mut Workloads) -> RunEffects {
        let mut effects = RunEffects {
            cost: self.effect(&valuations.prices),
            consequential: self.effect(&valuations.marginal),
            at_creation_ugco2e: self.at_creation(&valuations.direct),
            historical_ugco2e: times.and_then(|(times, clock)| self.historical(times, clock, &valuations.direct)),
            overhead: self.overhead(&valuations.direct),
            forecast: self.forecast(&valuations.direct),
            ..RunEffects::default()
        };
        let Some(window) = &self.run.window else { return effects };
        match self.candidates(window, &valuations.direct) {
            Ok(candidates) => {
                let bounds = candidates.bounds(self.sums.counterfactual_ugco2e);
                self.offer(window, &candidates, &bounds, workloads);
                effects.bounds = (window.basis != WindowBasis::Suggested).then_some(bounds);
            }
            Err(reason) => effects.unbounded_reason = (window.basis != WindowBasis::Suggested).then_some(reason),
        }
        effects
    }

    /// The error says why a candidate has no value.
    fn candidates(&self, window: &Window, valuation: &Valuation<'_>) -> Result<Candidates, String> {
        if let Some(zone) = window.unknown_zones.first() {
            return Err(format!("zone {zone}, in which it may run, has no intensity"));
        }
        let name = |zone: usize| self.plan.zones.get(zone).map_or("", |zone| zone.zone.as_str());
        let place = |place: &Place| {
            let series = valuation.zone(place.zone).ok_or_else(|| format!("zone {} has no series", name(place.zone)))?;
            Ok(CandidatePlace { zone: place.zone, series, pue: place.pue })
        };
        let places = window.places.iter().map(place).collect::<Result<Vec<_>, String>>()?;
        let home = self.timing.baseline_zone;
        let beyond = |zone: usize| format!("its window reaches beyond the data of zone {}", name(zone));
        let candidates = Candidates::of(&self.energy, self.timing.baseline_start_ms, window.max_delay_ms, &places, home).map_err(beyond)?;
        if self.by_site.is_empty() {
            return Ok(candidates);
        }
        // At home a run of several sites is at all of their homes.
        let mut parts = Vec::with_capacity(self.by_site.len());
        for (energy, zone, pue) in self.at_home() {
            let series = valuation.zone(zone).ok_or_else(|| format!("zone {} has no series", name(zone)))?;
            parts.push((energy, CandidatePlace { zone, series, pue }));
        }
        candidates.with_home_of(&parts).map_err(beyond)
    }

    /// A workload whose run was not shifted, though it may be: not where it was left so on purpose.
    fn offer(&self, window: &Window, candidates: &Candidates, bounds: &Bounds, workloads: &mut Workloads) {
        let is_held_out = self.run.is_held_out == Some(true) || self.run.decision.as_ref().is_some_and(|(_, decision)| decision.held_out);
        if self.run.cause != Cause::None || is_held_out {
            return;
        }
        workloads.add(Unshifted {
            workload: workload_name(self.plan, self.run),
            basis: window.basis,
            active_mj: self.energy.active_mj,
            actual_ugco2e: self.sums.actual_ugco2e,
            max_delay_ms: window.max_delay_ms,
            home: self.timing.baseline_zone,
            candidates,
            bounds,
            counterfactual_ugco2e: self.sums.counterfactual_ugco2e,
        });
    }

    /// Both sides by another series; none where it is not known on both.
    fn effect(&self, valuation: &Valuation<'_>) -> Option<Effect> {
        let actual = rounded(self.actual(valuation, |site| site.pue)?);
        let counterfactual = rounded(self.counterfactual_at(self.timing.baseline_start_ms, valuation)?);
        let window = self.run.window.as_ref().filter(|window| window.basis != WindowBasis::Suggested);
        let candidates = window.and_then(|window| self.candidates(window, valuation).ok());
        Some(Effect { actual, counterfactual, bounds: candidates.map(|candidates| candidates.bounds(counterfactual)) })
    }

    /// What the run's energy would have met at home, part by part.
    fn at_home(&self) -> impl Iterator<Item = Part<'_>> {
        let whole = self.by_site.is_empty().then_some((&self.energy, self.timing.baseline_zone, self.timing.baseline_pue));
        let of_site = self.by_site.iter().map(|(site, energy)| {
            let (zone, pue) = self.timing.home_of(site);
            (energy, zone, pue)
        });
        whole.into_iter().chain(of_site)
    }

    /// What it met, part by part; `pue` stands in for that of a site.
    fn as_it_was(&self, pue: impl Fn(&SiteTerms) -> f64) -> impl Iterator<Item = Part<'_>> {
        let whole = self.by_site.is_empty().then(|| (&self.energy, self.ran.zone, pue(self.ran)));
        whole.into_iter().chain(self.by_site.iter().map(move |(site, energy)| (energy, site.zone, pue(site))))
    }

    fn counterfactual_at(&self, start_ms: i64, valuation: &Valuation<'_>) -> Option<i128> {
        valued(self.at_home(), start_ms, valuation)
    }

    fn actual(&self, valuation: &Valuation<'_>, pue: impl Fn(&SiteTerms) -> f64) -> Option<i128> {
        valued(self.as_it_was(pue), self.timing.start_ms, valuation)
    }

    fn at_creation(&self, direct: &Valuation<'_>) -> Option<i64> {
        let created_ms = self.run.run.job.created?.timestamp_millis();
        self.counterfactual_by(&[(created_ms, 1)], direct)
    }

    fn historical(&self, times: &TimesOfDay, clock: &Clock, direct: &Valuation<'_>) -> Option<i64> {
        self.counterfactual_by(&times.around(self.timing.baseline_start_ms, clock), direct)
    }

    /// The mean of the counterfactual over other starts, each counted so many times.
    fn counterfactual_by(&self, starts: &[(i64, u32)], direct: &Valuation<'_>) -> Option<i64> {
        let baseline = self.counterfactual_at(self.timing.baseline_start_ms, direct)?;
        let values = self.counterfactuals_at(starts, direct)?;
        let (mut differences, mut count) = (0_i128, 0_i128);
        for ((_, times), value) in starts.iter().zip(values) {
            differences += (value - baseline) * i128::from(*times);
            count += i128::from(*times);
        }
        (count > 0).then(|| self.sums.counterfactual_ugco2e + divided(differences, PER_UNIT * count))
    }

    /// The counterfactual at each of several starts. Many of them that are whole steps apart are valued in a row, which looks up each step once.
    fn counterfactuals_at(&self, starts: &[(i64, u32)], direct: &Valuation<'_>) -> Option<Vec<i128>> {
        let (first, last) = (starts.iter().map(|(start, _)| *start).min()?, starts.iter().map(|(start, _)| *start).max()?);
        let step_ms = self.energy.step_ms;
        if starts.len() < IN_A_ROW || last - first > LONGEST_ROW_MS || starts.iter().any(|(start, _)| (start - first) % step_ms != 0) {
            return starts.iter().map(|(start, _)| self.counterfactual_at(*start, direct)).collect();
        }
        let count = ((last - first) / step_ms) as usize + 1;
        let mut row = vec![0_i128; count];
        for (energy, zone, pue) in self.at_home() {
            let values = energy.values_from(first, count, direct.zone(zone)?, pue)?;
            row.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
        }
        Some(starts.iter().map(|(start, _)| row[((start - first) / step_ms) as usize]).collect())
    }

    /// At the mean intensity from when it could have started until it ended, where it ran.
    fn overhead(&self, direct: &Valuation<'_>) -> Option<Overhead> {
        let kwh = self.run.overhead_kwh.filter(|_| self.run.cause != Cause::None)?;
        let energy_mj = (kwh * MJ_PER_KWH).round() as i64;
        let to_ms = self.timing.end_ms;
        let mean = |from_ms: i64| Some(direct.zone(self.ran.zone)?.between(from_ms, to_ms)? as f64 / (to_ms - from_ms) as f64 / MICROGRAMS);
        let mean = mean(self.timing.baseline_start_ms).or_else(|| mean(self.timing.start_ms))?;
        let emissions_ugco2e = (kwh * self.ran.pue * mean * MICROGRAMS).round() as i64;
        Some(Overhead { energy_mj, emissions_ugco2e })
    }

    fn forecast(&self, direct: &Valuation<'_>) -> Option<ForecastOutcome> {
        let forecast: &Forecast = self.run.decision.as_ref()?.1.forecast.as_ref()?;
        let kwh = self.energy.active_mj as f64 / MJ_PER_KWH;
        let mean = |value: i128| value as f64 / PER_UNIT as f64 / MICROGRAMS / kwh;
        let at_home = self.at_home().map(|(energy, zone, _)| (energy, zone, 1.0));
        let expected = self.timing.baseline_pue * forecast.baseline_gco2e_per_kwh - self.ran.pue * forecast.chosen_gco2e_per_kwh;
        Some(ForecastOutcome {
            expected_avoided_ugco2e: (kwh * expected * MICROGRAMS).round() as i64,
            realised_baseline_gco2e_per_kwh: mean(valued(at_home, self.timing.baseline_start_ms, direct)?),
            realised_chosen_gco2e_per_kwh: mean(self.actual(direct, |_| 1.0)?),
        })
    }
}

/// The sum of parts, each at its zone's series; none where one is not known.
fn valued<'a>(mut parts: impl Iterator<Item = Part<'a>>, start_ms: i64, valuation: &Valuation<'_>) -> Option<i128> {
    parts.try_fold(0_i128, |sum, (energy, zone, pue)| Some(sum + energy.value_at(start_ms, valuation.zone(zone)?, pue)?))
}

#[cfg(test)]
mod tests;
