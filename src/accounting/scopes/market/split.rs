//! Largest remainder for the sums of a month or a year, which are beyond what a node-step can be.
//!
//! In: a whole and weights, 64-bit integers that are not negative. Out: parts in the order of the weights, which add up to the whole.
//! Rule: method, section 2, as in `accounting::split`, with products in 128 bits; of equal remainders the first in key order wins.
//! Does not: share a whole where there is no weight; its parts are then all zero.

/// The parts of `whole` by `weights`. Where `whole` is not above the sum of the weights, no part is above its weight.
pub fn split(whole: i64, weights: &[i64]) -> Vec<i64> {
    let total: i128 = weights.iter().map(|weight| i128::from(*weight)).sum();
    if total == 0 {
        return vec![0; weights.len()];
    }
    let mut parts = Vec::with_capacity(weights.len());
    let mut remainders = Vec::with_capacity(weights.len());
    let mut left = whole;
    for (position, weight) in weights.iter().enumerate() {
        let product = i128::from(whole) * i128::from(*weight);
        let part = i64::try_from(product / total).expect("a part is not above its whole");
        parts.push(part);
        left -= part;
        remainders.push((std::cmp::Reverse(product % total), position));
    }
    let left = usize::try_from(left).expect("floors of quotas never exceed their sum");
    if left > 0 {
        remainders.select_nth_unstable(left - 1);
        for (_, position) in &remainders[..left] {
            parts[*position] += 1;
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_largest_remainder_gets_the_odd_unit_and_of_equals_the_first() {
        assert_eq!(split(10, &[1, 2]), [3, 7]);
        assert_eq!(split(11, &[1, 1, 1]), [4, 4, 3]);
        assert_eq!(split(7, &[0, 3, 0]), [0, 7, 0]);
        assert_eq!(split(7, &[0, 0]), [0, 0]);
    }

    #[test]
    fn a_years_energy_by_a_years_energy_is_exact() {
        // Half of an odd number: both remainders are one half, the first wins.
        let whole = i64::MAX - 2;
        assert_eq!(split(whole, &[1 << 61, 1 << 61]), [(whole + 1) / 2, whole / 2]);
    }

    proptest! {
        #[test]
        fn parts_add_up_and_stay_within_weights_that_hold_the_whole(weights in prop::collection::vec(0_i64..1 << 50, 1..60), part in 0.0..1.0) {
            let total: i64 = weights.iter().sum();
            prop_assume!(total > 0);
            let whole = (total as f64 * part) as i64;
            let parts = split(whole.min(total), &weights);
            prop_assert_eq!(parts.iter().sum::<i64>(), whole.min(total));
            prop_assert!(parts.iter().zip(&weights).all(|(part, weight)| part <= weight));
        }
    }
}
