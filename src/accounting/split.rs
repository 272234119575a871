//! Largest remainder: shares a whole among weights so that the parts add up to it, to the last unit.
//!
//! In: a whole and weights, integers below 2^38. Out: integer parts in the order of the weights.
//! Rule (method, section 2): quota = whole × weight / total; every part gets the floor of its quota, and what is left goes, one unit each,
//! to the largest remainders; of equal remainders the first in key order wins, and weights come in key order.
//! The same, in 64-bit SQL, stands in `queries/accounting/{active,idle,facility}.sql`.
//! Does not: allocate, once its buffers have grown to the largest group.

/// Beyond this a node-step is not energy of a machine, and 64-bit sums are no longer safe.
pub const LARGEST_WHOLE: i64 = 1 << 38;

/// Remainders are packed with their position into one integer: 38 bits and 24 bits.
const POSITION_BITS: u32 = 24;

/// Buffers that live as long as the pass over a partition.
#[derive(Default)]
pub struct Splitter {
    keys: Vec<u64>,
}

impl Splitter {
    /// Writes the parts of `whole` by `weights` to `parts`; their sum is `whole`. `total` is the sum of the weights and not zero.
    pub fn split(&mut self, whole: i64, weights: &[i64], total: i64, parts: &mut [i64]) {
        debug_assert_eq!(weights.iter().sum::<i64>(), total);
        debug_assert!(whole < LARGEST_WHOLE && total < LARGEST_WHOLE && total > 0 && weights.len() < 1 << POSITION_BITS);
        self.keys.clear();
        let ratio = whole as f64 / total as f64;
        let mut left = whole;
        for (position, (weight, part)) in weights.iter().zip(parts.iter_mut()).enumerate() {
            let (quotient, remainder) = quota(whole, *weight, total, ratio);
            *part = quotient;
            left -= quotient;
            let last_position_first = (1 << POSITION_BITS) - 1 - position as u64;
            self.keys.push((remainder as u64) << POSITION_BITS | last_position_first);
        }
        let left = usize::try_from(left).expect("floors of quotas never exceed their sum");
        if left == 0 {
            return;
        }
        // Remainders add up to `left` wholes, so fewer than all of them can win; the largest `left` stand at the end.
        let losers = self.keys.len() - left;
        self.keys.select_nth_unstable(losers);
        for key in &self.keys[losers..] {
            let position = (1 << POSITION_BITS) - 1 - (key & ((1 << POSITION_BITS) - 1));
            parts[position as usize] += 1;
        }
    }
}

/// `(whole × weight) / total` and its remainder, exactly. The product may exceed 64 bits, so the quotient is estimated in doubles and put right
/// by its remainder, which is small and therefore exact modulo 2^64.
fn quota(whole: i64, weight: i64, total: i64, ratio: f64) -> (i64, i64) {
    let mut quotient = (weight as f64 * ratio) as i64;
    let mut remainder = whole.wrapping_mul(weight).wrapping_sub(quotient.wrapping_mul(total));
    while remainder < 0 {
        quotient -= 1;
        remainder += total;
    }
    while remainder >= total {
        quotient += 1;
        remainder -= total;
    }
    (quotient, remainder)
}

/// The same for wholes and weights of any size: few splits of large numbers, where [`Splitter`] makes many of small ones.
/// Where `whole` is not above the sum of the weights, no part is above its weight. Where there is no weight, nothing is shared.
pub fn split_wide(whole: i64, weights: &[i64]) -> Vec<i64> {
    let total: i128 = weights.iter().map(|weight| i128::from(*weight)).sum();
    if total == 0 {
        return vec![0; weights.len()];
    }
    debug_assert!(whole >= 0 && weights.iter().all(|weight| *weight >= 0));
    let quota = |weight: &i64| i128::from(whole) * i128::from(*weight);
    let mut parts: Vec<i64> =
        weights.iter().map(|weight| i64::try_from(quota(weight) / total).expect("a part is no more than the whole")).collect();
    let left = whole - parts.iter().sum::<i64>();
    let mut by_remainder: Vec<usize> = (0..weights.len()).collect();
    // The sort is stable: of equal remainders the first in key order stands first.
    by_remainder.sort_by_key(|position| std::cmp::Reverse(quota(&weights[*position]) % total));
    for position in by_remainder.into_iter().take(usize::try_from(left).expect("floors of quotas never exceed their sum")) {
        parts[position] += 1;
    }
    parts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split(whole: i64, weights: &[i64]) -> Vec<i64> {
        let mut parts = vec![0; weights.len()];
        Splitter::default().split(whole, weights, weights.iter().sum(), &mut parts);
        parts
    }

    #[test]
    fn the_largest_remainder_gets_the_odd_unit() {
        // Quotas 3.33, 6.67: the second has the larger remainder.
        assert_eq!(split(10, &[1, 2]), [3, 7]);
    }

    #[test]
    fn of_equal_remainders_the_first_key_wins() {
        assert_eq!(split(10, &[1, 1, 1]), [4, 3, 3]);
        assert_eq!(split(11, &[1, 1, 1]), [4, 4, 3]);
    }

    #[test]
    fn a_weight_of_nothing_gets_nothing() {
        assert_eq!(split(7, &[0, 3, 0]), [0, 7, 0]);
    }

    #[test]
    fn products_beyond_64_bits_are_exact() {
        let whole = LARGEST_WHOLE - 1;
        // Half of an odd number: both remainders are one half, the first wins.
        assert_eq!(split(whole, &[1 << 36, 1 << 36]), [(whole + 1) / 2, whole / 2]);
    }

    #[test]
    fn wide_splits_are_those_of_the_splitter() {
        for (whole, weights) in [(10, vec![1, 2]), (10, vec![1, 1, 1]), (11, vec![1, 1, 1]), (7, vec![0, 3, 0])] {
            assert_eq!(split_wide(whole, &weights), split(whole, &weights));
        }
        // 2^62 by 1 : 3, far beyond what the other takes.
        assert_eq!(split_wide(1 << 62, &[1 << 40, 3 << 40]), [1 << 60, 3 << 60]);
        // Half of an odd number: both remainders are one half, the first wins.
        let odd = i64::MAX - 2;
        assert_eq!(split_wide(odd, &[1 << 61, 1 << 61]), [(odd + 1) / 2, odd / 2]);
        assert_eq!(split_wide(7, &[0, 0]), [0, 0]);
    }

    #[test]
    fn an_estimate_in_doubles_that_is_off_is_put_right() {
        // 10 x 3 / 7 is 4 and 2 over, however far off the ratio is; likewise where the product needs more than 64 bits.
        for ratio in [0.0, 1.0, 10.0 / 7.0, 1.7, 3.0] {
            assert_eq!(quota(10, 3, 7, ratio), (4, 2), "{ratio}");
            assert_eq!(quota(14, 3, 7, ratio), (6, 0), "{ratio}");
        }
        let (whole, weight, total) = (LARGEST_WHOLE - 1, LARGEST_WHOLE - 3, LARGEST_WHOLE - 2);
        let exact =
            (i128::from(whole) * i128::from(weight) / i128::from(total), i128::from(whole) * i128::from(weight) % i128::from(total));
        for off in [-3, 0, 3] {
            let ratio = (exact.0 + off) as f64 / weight as f64;
            let (quotient, remainder) = quota(whole, weight, total, ratio);
            assert_eq!((i128::from(quotient), i128::from(remainder)), exact, "{off}");
        }
    }

    proptest! {
        #[test]
        fn wide_parts_add_up(whole in 0..i64::MAX, weights in prop::collection::vec(0_i64..1 << 50, 1..60)) {
            prop_assume!(weights.iter().any(|weight| *weight > 0));
            let parts = split_wide(whole, &weights);
            prop_assert_eq!(parts.iter().sum::<i64>(), whole);
            let holds = weights.iter().map(|weight| i128::from(*weight)).sum::<i128>() >= i128::from(whole);
            prop_assert!(!holds || parts.iter().zip(&weights).all(|(part, weight)| part <= weight));
        }

        #[test]
        fn parts_add_up_and_none_is_off_by_a_unit(whole in 0..LARGEST_WHOLE - 1, weights in prop::collection::vec(0_i64..1 << 30, 1..60)) {
            let total: i64 = weights.iter().sum();
            prop_assume!(total > 0);
            let parts = split(whole, &weights);
            prop_assert_eq!(parts.iter().sum::<i64>(), whole);
            for (part, weight) in parts.iter().zip(&weights) {
                let off = i128::from(*part) * i128::from(total) - i128::from(whole) * i128::from(*weight);
                prop_assert!(off.abs() < i128::from(total));
            }
        }
    }
}
