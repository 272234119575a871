//! When, and where, a run that is still to start would meet the cleanest electricity.
//!
//! In: what each grid zone's electricity is expected to be, and a run's duration, the time from which it may start and the time by which it has to have ended.
//! Out: [`WindowSearch`]: best, worst and mean start, by zone and over all of them, and what starting at once would meet. Rule: the candidates are those of the
//! counterfactual (method, section 7): start + k × step in every zone, so that what is decided and what is reported speak of the same starts. A run is weighed by
//! time, so an hour that it touches for ten minutes counts ten minutes; sums are integers and only figures for people are rounded. Of equals the earlier start,
//! then the zone that was named first. A run that would cross a hole is no candidate, and the hole is named.
//! Assumes: the run draws the same power all along. Does not: fill a hole, weigh prices against carbon, or know whether a value is a forecast.

mod mean;
mod search;
#[cfg(test)]
mod search_test;

pub use self::mean::RunMean;
pub use self::search::{Bounds, Slot, WindowPlace, WindowSearch, WindowTerms, ZoneWindow, search};
