//! A bar of shares with its legend: tiers, or sources of energy.

use crate::disclosure::statement::{EnergyMix, TierShare};
use crate::reports::view;
use crate::units::{Millijoules, Share};

/// A piece of a bar (in thousandths of its width) and the number beside it. `class` carries both colour and hatching.
pub struct Piece {
    pub name: &'static str,
    pub class: &'static str,
    pub meaning: &'static str,
    pub percent: String,
    pub x: String,
    pub width: String,
}

pub fn tiers(share: &TierShare) -> Vec<Piece> {
    pieces([
        ("metered", "tier-metered", "the workload's own meter", share.metered),
        ("allocated", "tier-allocated", "the node's meter, shared by CPU time; moved tails", share.allocated),
        ("modelled", "tier-modelled", "CPU use and the hardware's watts", share.modelled),
        ("filled", "tier-filled", "gaps, from the node's own mean", share.filled),
    ])
}

pub fn energy_mix(mix: &EnergyMix) -> Vec<Piece> {
    let share = |part: Millijoules| Share::of(part.get(), mix.total_mj.get());
    pieces([
        ("renewable", "mix-renewable", "a contract says so", share(mix.renewable_mj)),
        ("nuclear", "mix-nuclear", "a contract says so, or the residual mix holds it", share(mix.nuclear_mj)),
        ("fossil", "mix-fossil", "all the rest", share(mix.fossil_mj)),
    ])
}

fn pieces<const N: usize>(parts: [(&'static str, &'static str, &'static str, Option<Share>); N]) -> Vec<Piece> {
    let mut left = 0.0;
    let piece = |(name, class, meaning, share): (&'static str, &'static str, &'static str, Option<Share>)| {
        let width = share.map_or(0.0, Share::get) * 1000.0;
        let piece =
            Piece { name, class, meaning, percent: view::share_percent(share), x: format!("{left:.1}"), width: format!("{width:.1}") };
        left += width;
        piece
    };
    parts.into_iter().map(piece).collect()
}
