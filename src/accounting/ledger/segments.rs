//! Steps cut where something that energy is met with changes.
//!
//! In: the intensity of a zone and what its category 3 is worked out with. Out: segments of each step, with the factors of each.
//! Rule: method, sections 4 and 6: a row across a boundary is split by time. Does not: meet energy.

use crate::accounting::category3::ZoneCategory3;
use crate::accounting::intensity::ZoneIntensity;

/// A part of a step in which no factor of a zone changes; seconds count from the start of the step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Segment {
    pub from_s: i64,
    pub to_s: i64,
    /// Direct: what Scope 2 is made of.
    pub gco2e_per_kwh: f64,
    /// Scope 3 category 3, activity B; none where it is not known.
    pub upstream_gco2e_per_kwh: Option<f64>,
    /// Scope 3 category 3, activity C; none where it is not known.
    pub losses_gco2e_per_kwh: Option<f64>,
}

impl Segment {
    fn has_factors_of(&self, other: &Self) -> bool {
        (self.gco2e_per_kwh, self.upstream_gco2e_per_kwh, self.losses_gco2e_per_kwh)
            == (other.gco2e_per_kwh, other.upstream_gco2e_per_kwh, other.losses_gco2e_per_kwh)
    }
}

/// The segments of the step `[from_s, to_s)`; empty where the intensity does not cover all of it.
pub fn of_step(zone: &ZoneIntensity, category3: Option<&ZoneCategory3>, from_s: i64, to_s: i64) -> Vec<Segment> {
    let mut segments: Vec<Segment> = Vec::with_capacity(1);
    for piece in zone.pieces(from_s, to_s).into_iter().flatten() {
        let mut push = |cut_from_s: i64, cut_to_s: i64, series: Option<f64>| {
            let upstream = category3.and_then(|category3| category3.upstream_gco2e_per_kwh(series));
            let segment = Segment {
                from_s: cut_from_s - from_s,
                to_s: cut_to_s - from_s,
                gco2e_per_kwh: piece.gco2e_per_kwh,
                upstream_gco2e_per_kwh: upstream,
                losses_gco2e_per_kwh: category3.and_then(|category3| category3.losses_gco2e_per_kwh(piece.gco2e_per_kwh, upstream)),
            };
            match segments.last_mut() {
                // Neighbours of equal factors are one segment: a boundary at which nothing changes cuts nothing (P4 of the fault list).
                Some(last) if last.has_factors_of(&segment) => last.to_s = segment.to_s,
                _ => segments.push(segment),
            }
        };
        let upstream = zone.upstream.as_ref().and_then(|upstream| upstream.pieces(piece.from_s, piece.to_s));
        match upstream {
            Some(cuts) => cuts.for_each(|cut| push(cut.from_s, cut.to_s, Some(cut.gco2e_per_kwh))),
            None => push(piece.from_s, piece.to_s, None),
        }
    }
    segments
}
