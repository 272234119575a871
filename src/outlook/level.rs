//! An intensity as one word: low, medium or high.
//!
//! In: an intensity and the word that held before. Out: a [`Level`]. Rule: it gets worse at once, because a node that is called low is below the threshold; it gets
//! better only where the intensity is below the threshold by the hysteresis, so that a grid that hovers around it does not change the word all the time.
//! What is not known is `unknown`, at once. Does not: know a grid zone, or what anybody does with the word.

use std::fmt;

use crate::config::LevelPolicy;
use crate::units::GramsCo2ePerKilowattHour;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Low,
    Medium,
    High,
    Unknown,
}

impl Level {
    pub const ALL: [Self; 4] = [Self::Low, Self::Medium, Self::High, Self::Unknown];

    /// As it stands in a label.
    pub fn word(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Unknown => "unknown",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.word() == word)
    }

    /// The level of an intensity; `before` is the one that held, where one did.
    pub fn of(intensity: Option<GramsCo2ePerKilowattHour>, before: Option<Self>, policy: &LevelPolicy) -> Self {
        let Some(intensity) = intensity.map(GramsCo2ePerKilowattHour::get) else { return Self::Unknown };
        // Coming from above, a threshold lies lower by the hysteresis.
        let from_above = |level: Self| matches!(before, Some(before) if before != Self::Unknown && before > level);
        let is_below = |threshold: f64, level: Self| intensity < threshold - if from_above(level) { policy.hysteresis } else { 0.0 };
        if is_below(policy.low_below, Self::Low) {
            Self::Low
        } else if is_below(policy.medium_below, Self::Medium) {
            Self::Medium
        } else {
            Self::High
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const POLICY: LevelPolicy = LevelPolicy { low_below: 150.0, medium_below: 300.0, hysteresis: 10.0 };

    fn level(intensity: f64, before: Option<Level>) -> Level {
        Level::of(Some(GramsCo2ePerKilowattHour::new(intensity)), before, &POLICY)
    }

    #[test]
    fn below_150_is_low_below_300_medium_and_above_high() {
        for (intensity, expected) in
            [(0.0, Level::Low), (149.99, Level::Low), (150.0, Level::Medium), (299.99, Level::Medium), (300.0, Level::High)]
        {
            assert_eq!(level(intensity, None), expected, "{intensity}");
            assert_eq!(level(intensity, Some(Level::Unknown)), expected, "{intensity}");
        }
    }

    #[test]
    fn it_gets_worse_at_once_and_better_only_well_below() {
        assert_eq!(level(150.0, Some(Level::Low)), Level::Medium);
        assert_eq!(level(145.0, Some(Level::Medium)), Level::Medium);
        assert_eq!(level(140.0, Some(Level::Medium)), Level::Medium);
        assert_eq!(level(139.99, Some(Level::Medium)), Level::Low);
        assert_eq!(level(295.0, Some(Level::High)), Level::High);
        assert_eq!(level(289.0, Some(Level::High)), Level::Medium);
        // From high past both.
        assert_eq!(level(145.0, Some(Level::High)), Level::Medium);
        assert_eq!(level(139.0, Some(Level::High)), Level::Low);
        assert_eq!(level(400.0, Some(Level::Low)), Level::High);
    }

    #[test]
    fn what_is_not_known_has_no_level_whatever_it_was() {
        for before in Level::ALL {
            assert_eq!(Level::of(None, Some(before), &POLICY), Level::Unknown);
        }
    }

    #[test]
    fn words_read_back() {
        for level in Level::ALL {
            assert_eq!(Level::parse(level.word()), Some(level));
        }
        assert_eq!(Level::parse("Low"), None);
    }

    proptest! {
        #[test]
        fn a_level_holds_while_the_intensity_does_and_never_flatters(intensity in 0.0_f64..600.0, first in prop::option::of(prop::sample::select(Level::ALL.to_vec()))) {
            let settled = level(intensity, first);
            prop_assert_eq!(level(intensity, Some(settled)), settled, "asked again, it is the same");
            prop_assert!(settled != Level::Low || intensity < 150.0);
            prop_assert!(settled != Level::Medium || intensity < 300.0);
            // It is at most one hysteresis too careful.
            prop_assert!(level(intensity + 10.0, None) >= settled);
        }

        #[test]
        fn a_grid_that_hovers_within_the_hysteresis_changes_its_level_once(values in prop::collection::vec(140.0_f64..159.9, 2..50)) {
            let mut held = None;
            let mut changes = 0;
            for value in values {
                let next = level(value, held);
                changes += usize::from(held.is_some_and(|held| held != next));
                held = Some(next);
            }
            prop_assert!(changes <= 1, "{} changes", changes);
        }
    }
}
