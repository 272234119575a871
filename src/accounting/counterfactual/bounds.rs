//! Best, worst and mean start of a run in its window.

/// What a run would have emitted (micrograms) or cost (micro-EUR) at its candidates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    pub best: i64,
    pub worst: i64,
    /// Arithmetic mean, rounded once.
    pub mean: i64,
    /// The earliest of the best starts, and its zone: index of [`super::super::plan::Plan::zones`].
    pub best_start_ms: i64,
    pub best_zone: usize,
    pub candidates: u64,
}
