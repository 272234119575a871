//! What was found, in the words and units of the JSON. Every figure is rounded here, once; the screen shows the same ones.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;

use super::Found;
use crate::accounting::windows::{Bounds, RunMean, Slot, ZoneWindow};
use crate::model::DecisionRecord;
use crate::model::policy::FactorKind;
use crate::outlook::{Course, Unknown};

const SCHEMA: &str = "wattledger.window/1";
/// Digits of g/kWh, of EUR/kWh, of a percentage.
const GRAMS: u32 = 3;
const EUROS: u32 = 6;
const PER_CENT: u32 = 1;

#[derive(Debug, Serialize)]
pub struct Answer {
    schema: &'static str,
    pub at: String,
    pub deadline: String,
    pub duration_s: i64,
    pub within_s: i64,
    pub step_s: i64,
    pub home_zone: String,
    pub basis: &'static str,
    /// Of the run, where it was said.
    pub kwh: Option<f64>,
    pub candidates: u64,
    pub best: Start,
    pub worst: Start,
    /// Starting at once, at home.
    pub now: Option<Start>,
    pub mean: Mean,
    pub zones: Vec<Zone>,
    pub decision: Option<DecisionRecord>,
}

/// One start.
#[derive(Clone, Debug, Serialize)]
pub struct Start {
    pub zone: String,
    pub start: String,
    pub end: String,
    #[serde(flatten)]
    pub mean: Mean,
}

/// What a kilowatt-hour of the run meets.
#[derive(Clone, Debug, Serialize)]
pub struct Mean {
    pub gco2e_per_kwh: f64,
    pub eur_per_kwh: Option<f64>,
    /// Of the whole run, where its energy was said.
    pub gco2e: Option<f64>,
    pub eur: Option<f64>,
    /// Below zero where it is more than starting at once at home; null where that is unknown or nothing.
    pub saving_against_now_percent: Option<f64>,
    pub saving_against_worst_percent: Option<f64>,
}

#[derive(Debug, Serialize)]
pub struct Zone {
    pub zone: String,
    pub candidates: u64,
    /// Starts that would meet a hole.
    pub ineligible: u64,
    pub holes: Vec<Hole>,
    pub best: Option<Start>,
    pub worst: Option<Start>,
    pub now: Option<Start>,
    pub mean: Option<Mean>,
    /// Why nothing is known.
    pub unknown: Option<NotKnown>,
    /// From when on the values are expected and did not come to pass yet: a forecast, or the days before.
    pub forecast_from: Option<String>,
    pub origins: Vec<From>,
    pub curve: Vec<Piece>,
}

#[derive(Debug, Serialize)]
pub struct Hole {
    from: String,
    to: String,
}

#[derive(Debug, Serialize)]
pub struct NotKnown {
    pub code: String,
    pub reason: String,
}

/// Where values come from.
#[derive(Debug, Serialize)]
pub struct From {
    pub provider: String,
    pub edition: String,
    pub factor: FactorKind,
    pub known_at: Option<String>,
}

/// The mean of one step of the horizon; null where not all of it is known.
#[derive(Debug, Serialize)]
pub struct Piece {
    from: String,
    gco2e_per_kwh: Option<f64>,
}

impl Answer {
    pub fn of(found: &Found, bounds: &Bounds, kwh: Option<f64>, decision: Option<DecisionRecord>) -> Self {
        let against = Against { now: found.search.now().map(|now| now.intensity), worst: bounds.worst.intensity, kwh, found };
        let zones = found.zones.iter().zip(found.courses.iter().zip(&found.search.zones));
        Self {
            schema: SCHEMA,
            at: time(found.at),
            deadline: time(found.deadline()),
            duration_s: found.terms.duration_ms / 1_000,
            within_s: found.terms.within_ms / 1_000,
            step_s: found.terms.step_ms / 1_000,
            home_zone: found.zones[0].clone(),
            basis: found.basis.word(),
            kwh,
            candidates: bounds.candidates,
            best: against.start(bounds.best),
            worst: against.start(bounds.worst),
            now: found.search.now().map(|slot| against.start(slot)),
            mean: against.mean(bounds.mean, bounds.mean_price),
            zones: zones.map(|(zone, (course, window))| against.zone(zone, course, window)).collect(),
            decision,
        }
    }
}

/// What a figure is compared with.
struct Against<'a> {
    now: Option<RunMean>,
    worst: RunMean,
    kwh: Option<f64>,
    found: &'a Found,
}

impl Against<'_> {
    fn start(&self, slot: Slot) -> Start {
        Start {
            zone: self.found.zones[slot.zone].clone(),
            start: time_ms(slot.start_ms),
            end: time_ms(slot.start_ms + self.found.terms.duration_ms),
            mean: self.mean(slot.intensity, slot.price),
        }
    }

    fn mean(&self, intensity: RunMean, price: Option<RunMean>) -> Mean {
        let of_run = |mean: RunMean, digits| {
            self.kwh.map(|kwh| crate::units::Rounded::of_measured(mean.micros() as f64 / 1e6 * kwh, digits).number())
        };
        Mean {
            gco2e_per_kwh: intensity.rounded(GRAMS).number(),
            eur_per_kwh: price.map(|price| price.rounded(EUROS).number()),
            gco2e: of_run(intensity, GRAMS),
            eur: price.and_then(|price| of_run(price, EUROS)),
            saving_against_now_percent: self.now.and_then(|now| intensity.saving_per_cent(now, PER_CENT)).map(|saving| saving.number()),
            saving_against_worst_percent: intensity.saving_per_cent(self.worst, PER_CENT).map(|saving| saving.number()),
        }
    }

    fn zone(&self, zone: &str, course: &Result<Course, Unknown>, window: &ZoneWindow) -> Zone {
        let unknown = course.as_ref().err().map(|unknown| NotKnown { code: unknown.code.clone(), reason: unknown.reason.clone() });
        let course = course.as_ref().ok();
        let origins = course.iter().flat_map(|course| &course.origins).map(|origin| From {
            provider: origin.provider.clone(),
            edition: origin.edition.clone(),
            factor: origin.factor,
            known_at: origin.known_at.map(time),
        });
        Zone {
            zone: zone.to_owned(),
            candidates: window.bounds.map_or(0, |bounds| bounds.candidates),
            ineligible: window.ineligible,
            holes: window.holes.iter().map(|(from, to)| Hole { from: time_ms(*from), to: time_ms(*to) }).collect(),
            best: window.bounds.map(|bounds| self.start(bounds.best)),
            worst: window.bounds.map(|bounds| self.start(bounds.worst)),
            now: window.now.map(|slot| self.start(slot)),
            mean: window.bounds.map(|bounds| self.mean(bounds.mean, bounds.mean_price)),
            unknown,
            forecast_from: course.and_then(|course| course.forecast_from).map(time),
            origins: origins.collect(),
            curve: course.map_or_else(Vec::new, |course| curve(course, self.found)),
        }
    }
}

fn curve(course: &Course, found: &Found) -> Vec<Piece> {
    let end_ms = found.terms.from_ms + found.terms.within_ms;
    let starts = std::iter::successors(Some(found.terms.from_ms), |at| Some(at + found.terms.step_ms)).take_while(|at| *at < end_ms);
    starts
        .map(|from_ms| {
            let to_ms = (from_ms + found.terms.step_ms).min(end_ms);
            let mean = RunMean::over(&course.intensity, from_ms, to_ms).map(|mean| mean.rounded(GRAMS).number());
            Piece { from: time_ms(from_ms), gco2e_per_kwh: mean }
        })
        .collect()
}

fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

fn time_ms(at_ms: i64) -> String {
    DateTime::from_timestamp_millis(at_ms).map(time).unwrap_or_default()
}
