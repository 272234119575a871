//! Every start of a run, looked at in every zone.
//!
//! Cost: one step along each series a candidate, whatever the resolution of the series.

use super::mean::RunMean;
use crate::accounting::integral::{Integral, Walk};

/// A run that is still to start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowTerms {
    /// From when it may start; starting then, in the first zone, is what it is compared with.
    pub from_ms: i64,
    pub duration_ms: i64,
    /// It has to have ended so long after `from_ms`.
    pub within_ms: i64,
    /// Candidates are so far apart.
    pub step_ms: i64,
}

impl WindowTerms {
    /// What is wrong with them, or how many candidates a zone has.
    fn candidates(&self) -> Result<u64, String> {
        if self.duration_ms <= 0 || self.step_ms <= 0 {
            return Err("a run and the step between two starts are longer than nothing".to_owned());
        }
        if self.within_ms < self.duration_ms {
            return Err("the run does not end within its horizon, whenever it starts".to_owned());
        }
        Ok(((self.within_ms - self.duration_ms) / self.step_ms) as u64 + 1)
    }
}

/// A grid zone in which the run may run. The first of several is at home.
#[derive(Clone, Copy, Debug)]
pub struct WindowPlace<'a> {
    pub zone: &'a str,
    /// In millionths of g/kWh.
    pub intensity: &'a Integral,
    /// In micro-EUR/kWh, where prices are known.
    pub prices: Option<&'a Integral>,
}

/// One start, and what a kilowatt-hour of the run meets there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    pub start_ms: i64,
    /// Index of the places that were searched.
    pub zone: usize,
    /// g/kWh.
    pub intensity: RunMean,
    /// EUR/kWh, where the prices of the whole run are known.
    pub price: Option<RunMean>,
}

/// What there is to choose from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    pub best: Slot,
    pub worst: Slot,
    /// Over all candidates, which count alike.
    pub mean: RunMean,
    /// The same in EUR/kWh, where the prices of all candidates are known.
    pub mean_price: Option<RunMean>,
    pub candidates: u64,
}

/// What was found of one zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneWindow {
    /// Starting at once.
    pub now: Option<Slot>,
    /// None where every candidate meets a hole.
    pub bounds: Option<Bounds>,
    /// Starts that would cross a hole.
    pub ineligible: u64,
    /// Stretches without a value, half-open, in ms; as far as a run may reach.
    pub holes: Vec<(i64, i64)>,
}

/// What was found of all zones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WindowSearch {
    pub terms: WindowTerms,
    /// In the order of the places.
    pub zones: Vec<ZoneWindow>,
    /// Over all zones.
    pub bounds: Option<Bounds>,
}

impl WindowSearch {
    /// Starting at once, at home: in the first zone.
    pub fn now(&self) -> Option<Slot> {
        self.zones.first().and_then(|home| home.now)
    }
}

/// Looks at every candidate. The error says what is wrong with the terms.
pub fn search(terms: &WindowTerms, places: &[WindowPlace<'_>]) -> Result<WindowSearch, String> {
    let candidates = terms.candidates()?;
    let mut all = Tally::default();
    let mut zones = Vec::new();
    for (zone, place) in places.iter().enumerate() {
        let mut own = Tally::default();
        let mut ineligible = 0;
        let mut now = None;
        let mut intensity = Runs::of(place.intensity, terms);
        let mut prices = place.prices.map(|prices| Runs::of(prices, terms));
        for candidate in 0..candidates {
            let start_ms = terms.from_ms + candidate as i64 * terms.step_ms;
            let Some(met) = intensity.of_start(start_ms) else {
                ineligible += 1;
                continue;
            };
            let paid = prices.as_mut().and_then(|prices| prices.of_start(start_ms));
            let candidate = Candidate { start_ms, zone, met, paid };
            if start_ms == terms.from_ms {
                now = Some(candidate.slot(terms.duration_ms));
            }
            own.take(candidate);
            all.take(candidate);
        }
        let holes = place.intensity.holes(terms.from_ms, terms.from_ms + terms.within_ms);
        zones.push(ZoneWindow { now, bounds: own.bounds(terms.duration_ms), ineligible, holes });
    }
    Ok(WindowSearch { terms: *terms, zones, bounds: all.bounds(terms.duration_ms) })
}

/// The sums of runs that start one after the other, over one series.
struct Runs<'a> {
    series: &'a Integral,
    duration_ms: i64,
    /// Where the last start and the last end were; none before the first that is covered.
    at: Option<(Walk<'a>, Walk<'a>)>,
}

impl<'a> Runs<'a> {
    fn of(series: &'a Integral, terms: &WindowTerms) -> Self {
        Self { series, duration_ms: terms.duration_ms, at: None }
    }

    /// Σ duration × value of the run from `start_ms`, which is after the one before; none across a hole.
    fn of_start(&mut self, start_ms: i64) -> Option<i128> {
        let end_ms = start_ms + self.duration_ms;
        if !self.series.covers(start_ms, end_ms) {
            return None;
        }
        let (start, end) = self.at.get_or_insert_with(|| (self.series.walk_from(start_ms), self.series.walk_from(end_ms)));
        Some(end.up_to(end_ms) - start.up_to(start_ms))
    }
}

#[derive(Clone, Copy)]
struct Candidate {
    start_ms: i64,
    zone: usize,
    met: i128,
    paid: Option<i128>,
}

impl Candidate {
    fn slot(self, duration_ms: i64) -> Slot {
        let mean = |sum| RunMean::of_run(sum, duration_ms);
        Slot { start_ms: self.start_ms, zone: self.zone, intensity: mean(self.met), price: self.paid.map(mean) }
    }
}

/// Best, worst and sums of what was looked at.
#[derive(Default)]
struct Tally {
    best: Option<Candidate>,
    worst: Option<Candidate>,
    met: i128,
    paid: i128,
    candidates: u64,
    priced: u64,
}

impl Tally {
    fn take(&mut self, new: Candidate) {
        // Of equals the earlier start; of those the zone that was named first, which is the one that is there already.
        let is_preferred = |known: Candidate, is_beyond: bool| is_beyond || new.met == known.met && new.start_ms < known.start_ms;
        if self.best.is_none_or(|best| is_preferred(best, new.met < best.met)) {
            self.best = Some(new);
        }
        if self.worst.is_none_or(|worst| is_preferred(worst, new.met > worst.met)) {
            self.worst = Some(new);
        }
        self.met += new.met;
        self.candidates += 1;
        if let Some(paid) = new.paid {
            self.paid += paid;
            self.priced += 1;
        }
    }

    fn bounds(&self, duration_ms: i64) -> Option<Bounds> {
        let mean = |sum| RunMean::of_runs(sum, duration_ms, self.candidates);
        Some(Bounds {
            best: self.best?.slot(duration_ms),
            worst: self.worst?.slot(duration_ms),
            mean: mean(self.met),
            mean_price: (self.priced == self.candidates).then(|| mean(self.paid)),
            candidates: self.candidates,
        })
    }
}
