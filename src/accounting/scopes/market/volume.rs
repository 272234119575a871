//! How much of an instrument's volume may be used in a period, and against which part of it.
//!
//! In: an instrument, the reporting period. Out: spans with volumes, or why there are none. Rule (method, section 4): an instrument counts in its own
//! period only. By year: the whole volume against the year; in a month's report the month's part of it by hours, so that the months never claim more
//! than the volume; in a year's report without some of its months, the volume without their parts. By month: against its month; a year's volume lies on months by their hours, and what a month does not use is lost. By hour: what
//! was generated in the hour, else the volume spread evenly. All parts are by largest remainder, so that they add up to the volume.
//! Assumes: clock hours begin at full UTC hours; an hour that the period cuts counts with the part within. Does not: look at consumption.

use crate::accounting::split::split_wide;
use crate::model::{Instrument, Matching};
use crate::units::ReportingPeriod;

const HOUR_S: i64 = 3_600;

/// Part of a volume, to be set against the consumption of a span of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub from_s: i64,
    pub to_s: i64,
    pub volume_mj: i64,
}

/// The span that an instrument's volume belongs to.
pub fn own_period(instrument: &Instrument, period: ReportingPeriod) -> Result<ReportingPeriod, String> {
    let of = instrument.period;
    match of.month {
        Some(month) => ReportingPeriod::parse(&format!("{:04}-{month:02}", of.year), period.time_zone()),
        None => ReportingPeriod::parse_year(&format!("{:04}", of.year), period.time_zone()),
    }
}

/// Whether a month's report uses a part of a year's volume that only the year's report settles.
pub fn is_provisional(instrument: &Instrument, period: ReportingPeriod) -> bool {
    instrument.matching == Matching::Year && instrument.period.month.is_none() && period.month().is_some()
}

/// The parts of the volume for a period, in order of time. `missing` are months of a year that have no evidence: what they used is not known, and
/// their part of a volume is left to them.
pub fn spans(instrument: &Instrument, period: ReportingPeriod, missing: &[ReportingPeriod]) -> Result<Vec<Span>, String> {
    let own = own_period(instrument, period)?;
    if own.to() <= period.from() || own.from() >= period.to() {
        return Err(format!("its period {own} is not that of the report, {period}"));
    }
    let volume_mj = instrument.volume.get();
    let whole = |of: ReportingPeriod, volume_mj| Span { from_s: of.from().timestamp(), to_s: of.to().timestamp(), volume_mj };
    Ok(match (instrument.matching, instrument.period.month) {
        (Matching::Hour, _) => by_hour(instrument, own, period),
        (_, Some(_)) => vec![whole(own, volume_mj)],
        (matching, None) => {
            let months = own.months();
            let parts = split_wide(volume_mj, &months.iter().map(|month| seconds(*month)).collect::<Vec<_>>());
            let is_of_period =
                |month: &ReportingPeriod| period.from() <= month.from() && month.to() <= period.to() && !missing.contains(month);
            let of_period = months.into_iter().zip(parts).filter(|(month, _)| is_of_period(month));
            if matching == Matching::Year && period.month().is_none() {
                vec![whole(period, of_period.map(|(_, part)| part).sum())]
            } else {
                of_period.map(|(month, part)| whole(month, part)).collect()
            }
        }
    })
}

/// Generation by hour within a period, never more than the volume in all.
pub fn by_hour(instrument: &Instrument, own: ReportingPeriod, period: ReportingPeriod) -> Vec<Span> {
    let (own_from, own_to) = edges(own);
    let (from, to) = (own_from.max(edges(period).0), own_to.min(edges(period).1));
    let mut generated: Vec<(i64, i64)> = if instrument.generation.is_empty() {
        let hours = own_from.div_euclid(HOUR_S)..(own_to + HOUR_S - 1).div_euclid(HOUR_S);
        let weights: Vec<i64> = hours.clone().map(|hour| within(hour, own_from, own_to)).collect();
        hours.zip(split_wide(instrument.volume.get(), &weights)).collect()
    } else {
        generated(instrument, own)
    };
    let sum: i64 = generated.iter().map(|(_, energy)| energy).sum();
    if sum > instrument.volume.get() {
        let energies: Vec<i64> = generated.iter().map(|(_, energy)| *energy).collect();
        for ((_, energy), part) in generated.iter_mut().zip(split_wide(instrument.volume.get(), &energies)) {
            *energy = part;
        }
    }
    let spans = generated.into_iter().filter(|(hour, _)| within(*hour, from, to) > 0).map(|(hour, energy)| Span {
        from_s: (hour * HOUR_S).max(from),
        to_s: ((hour + 1) * HOUR_S).min(to),
        volume_mj: part_of(energy, within(hour, from, to), within(hour, own_from, own_to)),
    });
    spans.filter(|span| span.volume_mj > 0).collect()
}

/// What was generated in its own period beyond the volume; zero where the volume holds it.
pub fn generation_beyond_volume_mj(instrument: &Instrument, period: ReportingPeriod) -> i64 {
    let generated = own_period(instrument, period).map(|own| generated(instrument, own)).unwrap_or_default();
    (generated.into_iter().map(|(_, energy)| energy).sum::<i64>() - instrument.volume.get()).max(0)
}

/// Generation as the evidence has it, by hour, in a period.
fn generated(instrument: &Instrument, own: ReportingPeriod) -> Vec<(i64, i64)> {
    let (from, to) = edges(own);
    let of_period = instrument.generation.iter().filter_map(|(hour, energy)| {
        let inside = within(i64::from(*hour), from, to);
        (inside > 0).then(|| (i64::from(*hour), part_of(energy.get(), inside, HOUR_S)))
    });
    of_period.collect()
}

fn edges(of: ReportingPeriod) -> (i64, i64) {
    (of.from().timestamp(), of.to().timestamp())
}

/// Seconds of an hour since the epoch that lie between two instants; not above zero where none do.
fn within(hour: i64, from: i64, to: i64) -> i64 {
    ((hour + 1) * HOUR_S).min(to) - (hour * HOUR_S).max(from)
}

/// Rounded down, so that parts never exceed their whole.
fn part_of(energy_mj: i64, inside_s: i64, whole_s: i64) -> i64 {
    i64::try_from(i128::from(energy_mj) * i128::from(inside_s) / i128::from(whole_s)).expect("a part is not above its whole")
}

fn seconds(period: ReportingPeriod) -> i64 {
    (period.to() - period.from()).num_seconds()
}
