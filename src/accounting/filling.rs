//! Holes in a zone's values, filled so that every instant of a period has one.
//!
//! In: values by interval. Out: pieces, without holes over the period, each with how it was come by.
//! Rule (method, section 6): missing up to 2 hours linear; longer, the mean of the same hour of day of that month. Does not: fill what is longer outside the
//! period, of whose month it knows nothing: there a baseline or a window meets a hole, and says so.

use std::collections::BTreeMap;

use crate::units::GramsCo2ePerKilowattHour;

const HOUR_S: i64 = 3_600;
/// Holes up to this long are bridged by a straight line.
const LONGEST_LINEAR_S: i64 = 2 * HOUR_S;
/// Intensities enter sums of many as whole millionths of a gram, so that their order is of no matter.
pub const MICROS: f64 = 1e6;

/// A value as the series says it, from its key to `to_s`.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    pub to_s: i64,
    pub value: f64,
    pub is_estimated: bool,
}

/// How a value was come by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueStatus {
    Measured,
    /// The provider says that it estimated it.
    Estimated,
    /// Filled by us.
    Filled,
}

/// One piece of a span in which the intensity does not change.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Piece {
    pub from_s: i64,
    pub to_s: i64,
    pub gco2e_per_kwh: f64,
    pub status: ValueStatus,
}

/// Pieces as columns, sorted; where they hold a span without holes, it can be asked for.
#[derive(Clone, Debug, Default)]
pub struct Pieces {
    start_s: Vec<i64>,
    end_s: Vec<i64>,
    gco2e_per_kwh: Vec<f64>,
    status: Vec<ValueStatus>,
}

impl Pieces {
    pub fn new(pieces: &[Piece]) -> Self {
        Self {
            start_s: pieces.iter().map(|piece| piece.from_s).collect(),
            end_s: pieces.iter().map(|piece| piece.to_s).collect(),
            gco2e_per_kwh: pieces.iter().map(|piece| piece.gco2e_per_kwh).collect(),
            status: pieces.iter().map(|piece| piece.status).collect(),
        }
    }

    /// The pieces of `[from_s, to_s)`, or none where not all of it is covered.
    pub fn within(&self, from_s: i64, to_s: i64) -> Option<impl Iterator<Item = Piece> + '_> {
        let first = self.end_s.partition_point(|end| *end <= from_s);
        let after = self.start_s.partition_point(|start| *start < to_s);
        let is_covered = first < after
            && self.start_s[first] <= from_s
            && self.end_s[after - 1] >= to_s
            && (first + 1..after).all(|i| self.start_s[i] == self.end_s[i - 1]);
        is_covered.then(|| {
            (first..after).map(move |i| Piece {
                from_s: self.start_s[i].max(from_s),
                to_s: self.end_s[i].min(to_s),
                gco2e_per_kwh: self.gco2e_per_kwh[i],
                status: self.status[i],
            })
        })
    }
}

/// Pieces over the series and the period, without holes in the period; an error is the number of its hours that nothing can fill.
pub fn fill(known: &BTreeMap<i64, Known>, period_from_s: i64, period_to_s: i64) -> Result<(Vec<Piece>, i64), i64> {
    let resolution = known.iter().map(|(from, row)| row.to_s - from).min().unwrap_or(HOUR_S);
    let means = hour_of_day_means(known, period_from_s, period_to_s);
    let mut pieces: Vec<Piece> = Vec::with_capacity(known.len());
    let (mut filled_s, mut unfilled_s) = (0, 0);
    let first = *known.keys().next().unwrap_or(&period_from_s);
    let last = known.values().map(|row| row.to_s).max().unwrap_or(period_to_s);
    let mut cursor = first.min(period_from_s);
    let mut previous: Option<f64> = None;
    let end_marker = (last.max(period_to_s), None);
    for (from_s, row) in known.iter().map(|(from_s, row)| (*from_s, Some(row))).chain([end_marker]) {
        if from_s > cursor {
            let slots = (from_s - cursor + resolution - 1) / resolution;
            for slot in 0..slots {
                let slot_from = cursor + slot * resolution;
                let slot_to = (slot_from + resolution).min(from_s);
                let in_period = (slot_to.min(period_to_s) - slot_from.max(period_from_s)).max(0);
                let value = match (previous, row) {
                    (Some(before), Some(after)) if from_s - cursor <= LONGEST_LINEAR_S => {
                        Some(before + (after.value - before) * (slot + 1) as f64 / (slots + 1) as f64)
                    }
                    // The means are those of the period's month.
                    _ if in_period == 0 => None,
                    _ => means[usize::try_from(slot_from.rem_euclid(86_400) / HOUR_S).unwrap_or(0)],
                };
                match value {
                    Some(gco2e_per_kwh) => {
                        filled_s += in_period;
                        pieces.push(Piece { from_s: slot_from, to_s: slot_to, gco2e_per_kwh, status: ValueStatus::Filled });
                    }
                    None => unfilled_s += in_period,
                }
            }
        }
        if let Some(row) = row {
            let status = if row.is_estimated { ValueStatus::Estimated } else { ValueStatus::Measured };
            pieces.push(Piece { from_s, to_s: row.to_s, gco2e_per_kwh: row.value, status });
            cursor = row.to_s;
            previous = Some(row.value);
        }
    }
    if unfilled_s > 0 { Err(whole_hours(unfilled_s)) } else { Ok((pieces, filled_s)) }
}

/// Begun hours count.
pub fn whole_hours(seconds: i64) -> i64 {
    (seconds + HOUR_S - 1) / HOUR_S
}

/// The mean of each UTC hour of day over the period's own values.
fn hour_of_day_means(known: &BTreeMap<i64, Known>, period_from_s: i64, period_to_s: i64) -> [Option<f64>; 24] {
    let mut sums = [(0_i64, 0_u32); 24];
    for (from_s, row) in known.range(period_from_s..period_to_s) {
        let hour = usize::try_from(from_s.rem_euclid(86_400) / HOUR_S).unwrap_or(0);
        // In whole millionths, so that the order of rows is of no matter and the mean is rounded once.
        sums[hour].0 += GramsCo2ePerKilowattHour::new(row.value).micros();
        sums[hour].1 += 1;
    }
    sums.map(|(sum, count)| (count > 0).then(|| sum as f64 / (f64::from(count) * MICROS)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hourly values, of which those before `from` and from `to` on are outside the period; none are missing.
    fn filled(values: &[Option<f64>], from: i64, to: i64) -> (Vec<(i64, f64)>, i64) {
        let known = |(hour, value): (usize, &Option<f64>)| {
            let row = Known { to_s: (hour as i64 + 1) * HOUR_S, value: (*value)?, is_estimated: false };
            Some((hour as i64 * HOUR_S, row))
        };
        let known: BTreeMap<i64, Known> = values.iter().enumerate().filter_map(known).collect();
        let (pieces, filled_s) = fill(&known, from * HOUR_S, to * HOUR_S).expect("the period can be filled");
        (pieces.iter().map(|piece| (piece.from_s / HOUR_S, piece.gco2e_per_kwh)).collect(), filled_s / HOUR_S)
    }

    #[test]
    fn a_long_hole_outside_the_period_stays_a_hole() {
        // Two days of 100 and 300 by turns, then a day of which only the last hour is known, and which is not of the period.
        let mut values: Vec<Option<f64>> = (0..48).map(|hour| Some(100.0 + f64::from(hour % 2) * 200.0)).collect();
        values.extend([None; 23]);
        values.push(Some(50.0));

        let (pieces, filled) = filled(&values, 0, 48);

        assert_eq!((pieces.len(), filled), (49, 0));
        assert_eq!(pieces[47..], [(47, 300.0), (71, 50.0)]);
    }

    #[test]
    fn of_a_hole_across_the_periods_end_only_the_periods_part_is_filled() {
        let mut values: Vec<Option<f64>> = (0..72).map(|hour| Some(f64::from(hour % 24))).collect();
        values[44..54].fill(None);

        let (pieces, filled) = filled(&values, 0, 48);

        // Hours 44 to 47 have the mean of the same hours of the first day; 48 to 53 are the next month's.
        assert_eq!((pieces.len(), filled), (66, 4));
        assert_eq!(pieces[43..49], [(43, 19.0), (44, 20.0), (45, 21.0), (46, 22.0), (47, 23.0), (54, 6.0)]);
    }

    #[test]
    fn a_span_has_pieces_only_where_all_of_it_is_covered() {
        let piece = |from_s, to_s, gco2e_per_kwh| Piece { from_s, to_s, gco2e_per_kwh, status: ValueStatus::Measured };
        let pieces = Pieces::new(&[piece(10, 20, 1.0), piece(20, 30, 2.0), piece(40, 50, 3.0)]);
        let within = |from_s, to_s| pieces.within(from_s, to_s).map(Iterator::collect::<Vec<_>>);

        assert_eq!(within(10, 30), Some(vec![piece(10, 20, 1.0), piece(20, 30, 2.0)]));
        assert_eq!(within(15, 22), Some(vec![piece(15, 20, 1.0), piece(20, 22, 2.0)]));
        assert_eq!(within(20, 30), Some(vec![piece(20, 30, 2.0)]));
        assert_eq!(within(41, 42), Some(vec![piece(41, 42, 3.0)]));
        for (from_s, to_s) in [(9, 11), (25, 31), (25, 45), (29, 41), (30, 40), (49, 51), (50, 60), (0, 10)] {
            assert_eq!(within(from_s, to_s), None, "{from_s} to {to_s}");
        }
    }

    #[test]
    fn begun_hours_count() {
        assert_eq!([0, 1, 3_599, 3_600, 3_601, 7_200].map(whole_hours), [0, 1, 1, 1, 2, 2]);
    }

    #[test]
    fn two_hours_are_bridged_wherever_they_are() {
        let values = [Some(100.0), Some(100.0), Some(10.0), None, None, Some(40.0)];
        assert_eq!(filled(&values, 0, 2), (vec![(0, 100.0), (1, 100.0), (2, 10.0), (3, 20.0), (4, 30.0), (5, 40.0)], 0));
    }

    #[test]
    fn a_series_that_begins_late_in_time_is_filled_by_its_own_resolution() {
        // Quarters of an hour from 02:00 of the third day on; the two after the first are missing.
        let from_s = 50 * HOUR_S;
        let quarter = |n: i64, value: f64| (from_s + n * 900, Known { to_s: from_s + (n + 1) * 900, value, is_estimated: false });
        let known = BTreeMap::from([quarter(0, 10.0), quarter(3, 40.0)]);
        let (pieces, filled_s) = fill(&known, from_s, from_s + HOUR_S).expect("bridged");
        let seen: Vec<_> = pieces.iter().map(|piece| (piece.from_s - from_s, piece.to_s - from_s, piece.gco2e_per_kwh)).collect();
        assert_eq!(seen, [(0, 900, 10.0), (900, 1_800, 20.0), (1_800, 2_700, 30.0), (2_700, 3_600, 40.0)]);
        assert_eq!(filled_s, 1_800);
        // A span that ends where a piece begins has no part of it.
        let within: Vec<Piece> = Pieces::new(&pieces).within(from_s, from_s + 900).expect("covered").collect();
        assert_eq!(within.len(), 1);
    }
}
