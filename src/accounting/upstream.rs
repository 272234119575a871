//! What the making of fuels adds to a zone's electricity, as its own series says it: life-cycle less direct intensity.
//!
//! In: the values that hold, with the life-cycle values of their versions. Out: [`SeriesUpstream`] over the period, without holes.
//! Rule: method, section 4 (Scope 3 category 3); never below 0. Holes are filled as those of direct intensity are (section 6). Values are whole
//! millionths of a gram, so that a difference of decimals is that decimal to the last digit.
//! Known drawback: life-cycle factors hold the building of power plants, which category 3 leaves out (Scope 3 Standard, category 3), so this is an
//! upper bound. Does not: choose between this and a published factor.

use std::collections::BTreeMap;

use super::editions::Held;
use super::filling::{Known, MICROS, Piece, Pieces, fill, whole_hours};

const HOUR_S: i64 = 3_600;

/// Upstream over a span without holes, with what had to be done for that.
#[derive(Clone, Debug)]
pub struct SeriesUpstream {
    pieces: Pieces,
    /// Of the period.
    pub hours: i64,
    /// Hours of the period whose life-cycle value is below the direct one; upstream is 0 in them.
    pub negative_hours: i64,
    /// Hours of the period without a life-cycle value beside a direct one.
    pub filled_hours: i64,
    /// Mean over the period, weighted by time.
    pub mean_gco2e_per_kwh: f64,
}

impl SeriesUpstream {
    /// None where the series has no life-cycle values, or too few to fill the period from.
    pub(super) fn of(held: &BTreeMap<i64, Held<'_>>, period_from_s: i64, period_to_s: i64) -> Option<Self> {
        let mut known = BTreeMap::new();
        let mut negative_s = 0;
        for (from_s, row) in held {
            let Some(lifecycle) = row.lifecycle else { continue };
            let difference = whole_millionths(lifecycle - row.value);
            if difference < 0.0 {
                negative_s += (row.to_s.min(period_to_s) - (*from_s).max(period_from_s)).max(0);
            }
            known.insert(*from_s, Known { to_s: row.to_s, value: difference.max(0.0), is_estimated: row.is_estimated });
        }
        if known.is_empty() {
            return None;
        }
        let (mut filled, filled_s) = fill(&known, period_from_s, period_to_s).ok()?;
        for piece in &mut filled {
            piece.gco2e_per_kwh = whole_millionths(piece.gco2e_per_kwh);
        }
        let pieces = Pieces::new(&filled);
        let weighted: f64 =
            pieces.within(period_from_s, period_to_s)?.map(|piece| piece.gco2e_per_kwh * (piece.to_s - piece.from_s) as f64).sum();
        Some(Self {
            pieces,
            hours: (period_to_s - period_from_s) / HOUR_S,
            negative_hours: whole_hours(negative_s),
            filled_hours: whole_hours(filled_s),
            mean_gco2e_per_kwh: weighted / (period_to_s - period_from_s) as f64,
        })
    }

    /// The pieces of `[from_s, to_s)`, or none where not all of it is covered.
    pub fn pieces(&self, from_s: i64, to_s: i64) -> Option<impl Iterator<Item = Piece> + '_> {
        self.pieces.within(from_s, to_s)
    }
}

/// To the nearest millionth of a gram: what sums and differences of decimals are, whatever their doubles are off by.
pub fn whole_millionths(gco2e_per_kwh: f64) -> f64 {
    (gco2e_per_kwh * MICROS).round() / MICROS
}

#[cfg(test)]
mod tests {
    use crate::accounting::intensity::{Wanted, ZoneIntensity};
    use crate::model::IntensitySeries;
    use crate::model::policy::FactorKind;

    const HOUR_S: i64 = 3_600;

    fn built(values: &[(f64, Option<f64>)]) -> ZoneIntensity {
        built_of_hours(values, 0, values.len() as i64)
    }

    /// Of values by hour, of which those from `from` up to `to` are the period's.
    fn built_of_hours(values: &[(f64, Option<f64>)], from: i64, to: i64) -> ZoneIntensity {
        let n = values.len();
        let series = IntensitySeries {
            zone: "NL".to_owned(),
            start_s: (0..n as i64).map(|hour| hour * HOUR_S).collect(),
            end_s: (1..=n as i64).map(|hour| hour * HOUR_S).collect(),
            direct_gco2e_per_kwh: values.iter().map(|(direct, _)| Some(*direct)).collect(),
            lifecycle_gco2e_per_kwh: values.iter().map(|(_, lifecycle)| *lifecycle).collect(),
            is_estimated: vec![false; n],
            estimation_method: vec![String::new(); n],
            ..IntensitySeries::default()
        };
        let wanted = Wanted {
            zone: "NL",
            factor: FactorKind::Direct,
            period_from_s: from * HOUR_S,
            period_to_s: to * HOUR_S,
            year_from_s: 0,
            year_to_s: 1,
            configured_annual: Some(1.0),
            published_annual: None,
            plausible: (0.0, 2_000.0),
        };
        ZoneIntensity::build(&[series], wanted).expect("whole").0
    }

    fn values(zone: &ZoneIntensity, hours: i64) -> Vec<f64> {
        zone.upstream.as_ref().unwrap().pieces(0, hours * HOUR_S).unwrap().map(|piece| piece.gco2e_per_kwh).collect()
    }

    #[test]
    fn upstream_is_life_cycle_less_direct_to_the_last_digit() {
        // In doubles 146.98 - 108.98 is 37.99999999999999.
        let zone = built(&[(108.98, Some(146.98)), (100.0, Some(162.01))]);

        assert_eq!(values(&zone, 2), [38.0, 62.01]);
        assert_eq!(zone.upstream.unwrap().mean_gco2e_per_kwh, 50.005);
    }

    #[test]
    fn an_hour_whose_life_cycle_value_is_below_the_direct_one_has_no_upstream_and_is_counted() {
        let zone = built(&[(100.0, Some(90.0)), (100.0, Some(130.0))]);

        assert_eq!(values(&zone, 2), [0.0, 30.0]);
        assert_eq!(zone.upstream.unwrap().negative_hours, 1);
    }

    #[test]
    fn only_hours_of_the_period_are_counted_and_averaged() {
        let lifecycle = [90.0, 90.0, 99.0, 100.0, 130.0, 90.0, 90.0];
        let upstream = built_of_hours(&lifecycle.map(|value| (100.0, Some(value))), 1, 5).upstream.unwrap();

        // Hours 1 and 2 are below, hour 3 is as high: (0 + 0 + 0 + 30) / 4.
        assert_eq!((upstream.hours, upstream.negative_hours, upstream.filled_hours), (4, 2, 0));
        assert_eq!(upstream.mean_gco2e_per_kwh, 7.5);
    }

    #[test]
    fn an_hour_without_a_life_cycle_value_is_filled_as_a_direct_one_is() {
        let mut hours = vec![(100.0, Some(150.0)); 72];
        hours[1] = (100.0, None);
        hours[2] = (100.0, Some(170.0));
        hours[49..52].fill((100.0, None));
        hours[25] = (100.0, Some(110.0));
        hours[26] = (100.0, Some(120.0));
        let zone = built(&hours);

        let upstream = values(&zone, 72);
        // One hour between 50 and 70; three hours: the means of hours 1 (one of three), 2 (70 and 20) and 3 of day.
        assert_eq!(upstream[1], 60.0);
        assert_eq!(upstream[49..52], [10.0, 45.0, 50.0]);
        assert_eq!(zone.upstream.unwrap().filled_hours, 4);
    }

    #[test]
    fn a_series_without_life_cycle_values_knows_no_upstream() {
        assert!(built(&[(100.0, None); 4]).upstream.is_none());
    }
}
