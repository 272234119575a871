//! Running sums of duration × value: over any span a difference of two look-ups, however long the span.
//!
//! In: a series of whole numbers by interval: millionths of g/kWh, or micro-EUR/kWh. Out: [`Integral`]. Rule: integers, so that the same span
//! gives the same sum wherever it is asked for. Does not: fill holes; a span across one has no sum.

#[derive(Clone, Debug, Default)]
pub struct Integral {
    start_ms: Vec<i64>,
    values: Vec<i64>,
    /// Sum up to the start of each interval.
    before: Vec<i128>,
    /// Stretches without holes, sorted.
    blocks: Vec<Block>,
    /// The length of every interval, where all are as long and there is no hole: then an interval is found by division.
    uniform_ms: Option<i64>,
}

#[derive(Clone, Copy, Debug)]
struct Block {
    start_ms: i64,
    end_ms: i64,
}

impl Integral {
    /// Of intervals `(from_s, to_s, value)`, sorted, none overlapping.
    pub fn of(intervals: impl IntoIterator<Item = (i64, i64, i64)>) -> Self {
        let mut integral = Self::default();
        let mut sum = 0_i128;
        let mut lengths: Option<(i64, bool)> = None;
        for (from_s, to_s, value) in intervals {
            let (start_ms, end_ms) = (from_s * 1_000, to_s * 1_000);
            integral.start_ms.push(start_ms);
            integral.values.push(value);
            integral.before.push(sum);
            sum += i128::from(end_ms - start_ms) * i128::from(value);
            lengths = Some(lengths.map_or((end_ms - start_ms, true), |(first, same)| (first, same && end_ms - start_ms == first)));
            match integral.blocks.last_mut() {
                Some(block) if block.end_ms == start_ms => block.end_ms = end_ms,
                _ => integral.blocks.push(Block { start_ms, end_ms }),
            }
        }
        integral.uniform_ms = lengths.filter(|(_, same)| *same && integral.blocks.len() == 1).map(|(length, _)| length);
        integral
    }

    /// Σ duration × value over `[from_ms, to_ms)` in ms × the series' unit, exactly; none where the series does not cover all of it.
    pub fn between(&self, from_ms: i64, to_ms: i64) -> Option<i128> {
        self.covers(from_ms, to_ms).then(|| self.up_to(to_ms) - self.up_to(from_ms))
    }

    /// Whether the series has a value at every instant of `[from_ms, to_ms)`.
    pub fn covers(&self, from_ms: i64, to_ms: i64) -> bool {
        self.block(from_ms).is_some_and(|(_, end_ms)| to_ms <= end_ms)
    }

    /// The stretch without holes around an instant, half-open.
    pub fn block(&self, at_ms: i64) -> Option<(i64, i64)> {
        let after = self.blocks.partition_point(|block| block.start_ms <= at_ms);
        let block = self.blocks[..after].last()?;
        (at_ms < block.end_ms).then_some((block.start_ms, block.end_ms))
    }

    /// The stretches of `[from_ms, to_ms)` that have no value, half-open.
    pub fn holes(&self, from_ms: i64, to_ms: i64) -> Vec<(i64, i64)> {
        let mut holes = Vec::new();
        let mut at_ms = from_ms;
        for block in self.blocks.iter().filter(|block| block.end_ms > from_ms && block.start_ms < to_ms) {
            if block.start_ms > at_ms {
                holes.push((at_ms, block.start_ms));
            }
            at_ms = block.end_ms;
        }
        if at_ms < to_ms {
            holes.push((at_ms, to_ms));
        }
        holes
    }

    /// The length of its shortest interval; 0 of an empty one.
    pub fn shortest_ms(&self) -> i64 {
        let ends = self.start_ms.iter().skip(1).chain(self.blocks.last().map(|block| &block.end_ms));
        self.start_ms.iter().zip(ends).map(|(start, end)| end - start).min().unwrap_or(0)
    }

    /// The sum from the start of the series up to an instant that it covers, or its end.
    pub fn up_to(&self, at_ms: i64) -> i128 {
        self.within(self.interval(at_ms), at_ms)
    }

    /// The same at one instant after the other, none before the one that went before it: an interval is stepped to, not looked up.
    pub fn walk_from(&self, at_ms: i64) -> Walk<'_> {
        Walk { of: self, interval: self.interval(at_ms) }
    }

    fn interval(&self, at_ms: i64) -> usize {
        match self.uniform_ms {
            Some(length) => (((at_ms - self.start_ms[0]) / length) as usize).min(self.start_ms.len() - 1),
            None => self.start_ms.partition_point(|start| *start <= at_ms).saturating_sub(1),
        }
    }

    fn within(&self, interval: usize, at_ms: i64) -> i128 {
        self.before[interval] + i128::from(at_ms - self.start_ms[interval]) * i128::from(self.values[interval])
    }
}

/// A place in a series, from which one can only go on.
pub struct Walk<'a> {
    of: &'a Integral,
    interval: usize,
}

impl Walk<'_> {
    pub fn up_to(&mut self, at_ms: i64) -> i128 {
        while self.of.start_ms.get(self.interval + 1).is_some_and(|next| *next <= at_ms) {
            self.interval += 1;
        }
        self.of.within(self.interval, at_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_are_what_no_interval_covers() {
        let integral = Integral::of([(10, 20, 1), (20, 30, 1), (40, 50, 1)]);
        assert_eq!(integral.holes(0, 60_000), [(0, 10_000), (30_000, 40_000), (50_000, 60_000)]);
        assert_eq!(integral.holes(12_000, 45_000), [(30_000, 40_000)]);
        assert_eq!(integral.holes(12_000, 30_000), []);
        assert_eq!(integral.holes(32_000, 38_000), [(32_000, 38_000)]);
        assert_eq!(Integral::default().holes(5, 7), [(5, 7)]);
    }

    #[test]
    fn walking_and_looking_up_are_the_same() {
        // Quarters of an hour, then hours, with a hole after the second.
        let integral = Integral::of([(0, 900, 7), (900, 1_800, 11), (3_600, 7_200, 13), (7_200, 10_800, 0), (10_800, 14_400, 17)]);
        for step_ms in [1_000, 300_000, 900_000, 5_000_000] {
            let mut walk = integral.walk_from(0);
            for at_ms in (0..=14_400_000).step_by(step_ms) {
                assert_eq!(walk.up_to(at_ms), integral.up_to(at_ms), "{at_ms}");
                assert_eq!(walk.up_to(at_ms), integral.up_to(at_ms), "again, {at_ms}");
            }
        }
        // From within, and at the very end.
        assert_eq!(integral.walk_from(4_000_000).up_to(14_400_000), integral.up_to(14_400_000));
    }

    #[test]
    fn an_interval_is_found_whether_or_not_all_are_as_long() {
        // From an hour on: hours; quarters and an hour by turns.
        let hours = Integral::of([(3_600, 7_200, 5), (7_200, 10_800, 7)]);
        assert_eq!(hours.between(3_600_000, 10_800_000), Some(3_600_000 * 12));
        assert_eq!(hours.between(5_400_000, 9_000_000), Some(1_800_000 * 12));
        for uneven in
            [[(3_600, 4_500, 2), (4_500, 8_100, 3), (8_100, 9_900, 4)], [(3_600, 7_200, 2), (7_200, 8_100, 3), (8_100, 11_700, 4)]]
        {
            let integral = Integral::of(uneven);
            for (from_s, to_s, value) in uneven {
                assert_eq!(integral.between(from_s * 1_000, to_s * 1_000), Some(i128::from((to_s - from_s) * 1_000 * value)));
                assert_eq!(integral.between(from_s * 1_000 + 450_000, from_s * 1_000 + 600_000), Some(i128::from(150_000 * value)));
            }
        }
        assert_eq!(Integral::of([(3_600, 4_500, 2), (4_500, 8_100, 3)]).shortest_ms(), 900_000);
        assert_eq!((hours.shortest_ms(), Integral::default().shortest_ms()), (3_600_000, 0));
    }

    #[test]
    fn a_block_ends_before_its_end() {
        let integral = Integral::of([(10, 20, 1), (20, 30, 1), (40, 50, 1)]);
        assert_eq!(
            [9_999, 10_000, 29_999, 30_000, 40_000, 50_000].map(|at_ms| integral.block(at_ms)),
            [None, Some((10_000, 30_000)), Some((10_000, 30_000)), None, Some((40_000, 50_000)), None]
        );
        assert!(integral.covers(10_000, 30_000) && !integral.covers(10_000, 30_001) && !integral.covers(9_999, 20_000));
    }
}
