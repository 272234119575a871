//! Drawing rows so that whoever knows the seed draws the same.
//!
//! In: a seed, how many, the ledger's ids or emissions in the ledger's order. Out: positions of rows. Rule: without weights the rows whose SHA-256 of
//! `seed ␤ id` is smallest, in that order: every row has the same chance, and a larger sample holds the smaller one. By emissions the month's micrograms are
//! cut into as many equal stretches as rows are wanted, in each of them one microgram is drawn, and its row is taken (monetary unit sampling by cells): a row's
//! chance is proportional to what it emitted, and a row of more than two stretches is always drawn. Does not: look at the clock, or use floating point.

use std::collections::{BTreeMap, BinaryHeap};

use sha2::{Digest, Sha256};

/// SHA-256 of `seed ␤ text`.
pub fn digest(seed: &str, text: &str) -> [u8; 32] {
    Sha256::new().chain_update(seed).chain_update("\n").chain_update(text).finalize().into()
}

/// The rows with the smallest digests so far.
pub struct Smallest {
    seed: String,
    count: usize,
    /// The largest of them stands on top.
    kept: BinaryHeap<([u8; 32], u64)>,
    seen: u64,
}

impl Smallest {
    pub fn new(seed: &str, count: usize) -> Self {
        Self { seed: seed.to_owned(), count, kept: BinaryHeap::new(), seen: 0 }
    }

    /// Takes in the next row.
    pub fn see(&mut self, id: &str) {
        let drawn = (digest(&self.seed, id), self.seen);
        self.seen += 1;
        if self.kept.len() < self.count {
            self.kept.push(drawn);
        } else if self.kept.peek().is_some_and(|largest| drawn < *largest) {
            self.kept.pop();
            self.kept.push(drawn);
        }
    }

    /// Positions in the order in which they are drawn.
    pub fn finish(self) -> Vec<u64> {
        self.kept.into_sorted_vec().into_iter().map(|(_, position)| position).collect()
    }
}

/// Draws micrograms, one in each stretch of the total.
pub struct Units {
    /// Sorted, none twice in one stretch.
    points: Vec<i128>,
    next: usize,
    /// Micrograms of the rows so far.
    before: i128,
    seen: u64,
    /// How often each row was hit, by position.
    hits: BTreeMap<u64, u64>,
}

impl Units {
    /// `total` is the sum of all rows' weights; where it is nothing, nothing is drawn.
    pub fn new(seed: &str, count: usize, total: i128) -> Self {
        let stretch = |number: usize| total * number as i128 / count as i128;
        let point = |number: usize| {
            let (from, to) = (stretch(number), stretch(number + 1));
            let drawn = u128::from_be_bytes(digest(seed, &number.to_string())[..16].try_into().expect("a digest is longer"));
            // The quotient is so large that the remainder favours no microgram by more than one in 2^60.
            (to > from).then(|| from + i128::try_from(drawn % (to - from).unsigned_abs()).expect("it is below the stretch"))
        };
        Self { points: (0..count).filter_map(point).collect(), next: 0, before: 0, seen: 0, hits: BTreeMap::new() }
    }

    /// Takes in the next row's weight, which is not below zero.
    pub fn see(&mut self, weight: i64) {
        let after = self.before + i128::from(weight);
        while self.points.get(self.next).is_some_and(|point| *point < after) {
            *self.hits.entry(self.seen).or_default() += 1;
            self.next += 1;
        }
        self.before = after;
        self.seen += 1;
    }

    /// Positions with how often each was hit, in the ledger's order.
    pub fn finish(self) -> Vec<(u64, u64)> {
        self.hits.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn smallest(seed: &str, count: usize, ids: &[&str]) -> Vec<u64> {
        let mut drawn = Smallest::new(seed, count);
        ids.iter().for_each(|id| drawn.see(id));
        drawn.finish()
    }

    fn units(seed: &str, count: usize, weights: &[i64]) -> Vec<(u64, u64)> {
        let mut drawn = Units::new(seed, count, weights.iter().map(|weight| i128::from(*weight)).sum());
        weights.iter().for_each(|weight| drawn.see(*weight));
        drawn.finish()
    }

    #[test]
    fn rows_are_drawn_in_the_order_of_their_digests() {
        // printf '4711\na' | sha256sum gives 7e8b…, of b 3074…, c 474e…, d 50f3….
        assert_eq!(smallest("4711", 4, &["a", "b", "c", "d"]), [1, 2, 3, 0]);
        assert_eq!(smallest("4711", 2, &["a", "b", "c", "d"]), [1, 2], "a larger sample holds the smaller one");
        assert_eq!(smallest("4711", 9, &["a"]), [0], "there are no more rows than there are");
        assert!(smallest("4711", 0, &["a"]).is_empty());
    }

    #[test]
    fn a_row_that_is_more_than_two_stretches_is_always_drawn_and_one_of_nothing_never() {
        for seed in ["1", "2", "3", "4"] {
            let drawn = units(seed, 10, &[0, 1, 300, 0, 699]);
            assert!(drawn.iter().any(|(row, _)| *row == 2) && drawn.iter().any(|(row, hits)| *row == 4 && *hits >= 5), "{drawn:?}");
            assert!(drawn.iter().all(|(row, _)| ![0, 3].contains(row)), "{drawn:?}");
        }
        assert!(units("1", 10, &[0, 0]).is_empty());
    }

    #[test]
    fn the_chance_of_a_row_is_what_it_weighs() {
        // A row of a tenth of the whole, in samples of one: of 2,000 seeds about 200 hit it.
        let hits = (0..2_000).filter(|seed| units(&seed.to_string(), 1, &[450, 100, 450]) == [(1, 1)]).count();
        assert!((150..250).contains(&hits), "{hits}");
        let hits = (0..2_000).filter(|seed| smallest(&seed.to_string(), 1, &["a", "b", "c", "d"]) == [2]).count();
        assert!((430..570).contains(&hits), "{hits}");
    }

    proptest! {
        #[test]
        fn every_stretch_gives_one_hit(count in 1usize..40, weights in proptest::collection::vec(0i64..1 << 40, 1..50)) {
            let drawn = units("seed", count, &weights);
            let total: i128 = weights.iter().map(|weight| i128::from(*weight)).sum();

            let hits: u64 = drawn.iter().map(|(_, hits)| hits).sum();
            prop_assert!(hits == count as u64 || total < count as i128);
            prop_assert!(drawn.iter().all(|(row, _)| weights[*row as usize] > 0));
        }
    }
}
