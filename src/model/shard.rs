//! A part of the cluster-days that several collectors share among them.
//!
//! In: `3/8`, the fourth of eight. Out: which cluster-days are its own, and whether another part has some of them too. Rule: a cluster-day has a number, made of the
//! cluster's name and the day alone, and belongs to the part that is its remainder; so each is in exactly one part of a count, the days of a cluster go round
//! all parts in turn, and a cluster that comes or goes moves none of another. Does not: know which clusters there are.

use std::fmt;
use std::str::FromStr;

use super::sha256;
use crate::units::UtcDay;

/// Hexadecimal digits of a name's SHA-256 that its days are counted from: with a day's number added, it stays far from overflowing.
const DIGITS: usize = 15;

/// One of `count` parts, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    index: u32,
    count: u32,
}

impl Shard {
    /// All of it.
    pub const WHOLE: Self = Self { index: 0, count: 1 };

    pub fn new(index: u32, count: u32) -> Result<Self, String> {
        if count == 0 {
            return Err("n of i/n is 0, and there has to be at least one shard".to_owned());
        }
        if index >= count {
            return Err(format!("i of i/n is {index}: shards are counted from 0, so the last of {count} is {}/{count}", count - 1));
        }
        Ok(Self { index, count })
    }

    pub fn has(self, cluster: &str, day: UtcDay) -> bool {
        number(cluster, day) % u64::from(self.count) == u64::from(self.index)
    }

    /// Whether it takes what is there once, such as feeds.
    pub fn is_first(self) -> bool {
        self.index == 0
    }

    pub fn is_whole(self) -> bool {
        self == Self::WHOLE
    }

    /// Whether a cluster-day can be in both: where some number leaves both remainders, by the Chinese remainder theorem.
    pub fn overlaps(self, other: Self) -> bool {
        let both = greatest_common_divisor(self.count, other.count);
        self.index % both == other.index % both
    }

    /// Whether it is the larger part of two.
    pub fn is_larger_than(self, other: Self) -> bool {
        self.count < other.count
    }

    /// As it can stand in the name of a file: `3-of-8`.
    pub fn in_name(self) -> String {
        format!("{}-of-{}", self.index, self.count)
    }

    /// Reads what [`Shard::in_name`] wrote.
    pub fn of_name(text: &str) -> Option<Self> {
        let (index, count) = text.split_once("-of-")?;
        Self::new(index.parse().ok()?, count.parse().ok()?).ok()
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some((index, count)) = text.split_once('/') else {
            return Err("a shard is written as i/n, as in 0/8 for the first of eight".to_owned());
        };
        let part = |name: &str, digits: &str| {
            digits
                .parse::<u32>()
                .map_err(|_| format!("{name} of i/n is `{digits}`, which is not a whole number; the first of eight is 0/8"))
        };
        Self::new(part("i", index)?, part("n", count)?)
    }
}

/// The number of a cluster-day; that of the next day is one more.
fn number(cluster: &str, day: UtcDay) -> u64 {
    let name = u64::from_str_radix(&sha256(cluster)[..DIGITS], 16).expect("a digest is hexadecimal digits");
    let days = day.start().timestamp().div_euclid(24 * 3_600);
    name.wrapping_add_signed(days)
}

fn greatest_common_divisor(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn days(count: usize) -> Vec<UtcDay> {
        let first: UtcDay = "2026-10-01".parse().unwrap();
        std::iter::successors(Some(first), |day| Some(day.next())).take(count).collect()
    }

    /// The index of the shard that has a cluster-day.
    fn index_of(cluster: &str, day: UtcDay, count: u32) -> usize {
        (number(cluster, day) % u64::from(count)) as usize
    }

    fn all(count: u32) -> Vec<Shard> {
        (0..count).map(|index| Shard::new(index, count).unwrap()).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn every_cluster_day_is_in_exactly_one_shard(cluster in "[a-z][a-z0-9.-]{0,30}", offset in 0..40_usize, count in 1..100_u32) {
            let day = *days(offset + 1).last().unwrap();
            prop_assert_eq!(all(count).into_iter().filter(|shard| shard.has(&cluster, day)).count(), 1);
        }

        #[test]
        fn of_one_cluster_no_shard_has_more_than_a_day_more_than_another(cluster in ".{1,30}", length in 1..100_usize, count in 1..100_u32) {
            let mut sizes = vec![0_usize; count as usize];
            for day in days(length) {
                sizes[index_of(&cluster, day, count)] += 1;
            }
            prop_assert!(sizes.iter().max().unwrap() - sizes.iter().min().unwrap() <= 1, "{:?}", sizes);
        }

        #[test]
        fn shards_that_share_a_cluster_day_are_known_to(a in 1..13_u32, b in 1..13_u32, i in 0..13_u32, j in 0..13_u32) {
            let (one, other) = (Shard::new(i % a, a).unwrap(), Shard::new(j % b, b).unwrap());
            // In as many days as the product of the counts every pair of remainders that can come together does.
            let is_shared = days((a * b) as usize).into_iter().any(|day| one.has("prod-nl", day) && other.has("prod-nl", day));
            prop_assert_eq!(one.overlaps(other), is_shared);
            prop_assert_eq!(one.overlaps(other), other.overlaps(one));
        }
    }

    #[test]
    fn a_fleets_month_is_spread_evenly() {
        let clusters: Vec<String> = (0..300).map(|number| format!("cluster-{number:03}")).collect();
        let days = days(31);
        for count in [2, 3, 8, 10, 16, 31, 32, 50, 64] {
            let mut sizes = vec![0_usize; count as usize];
            for index in clusters.iter().flat_map(|cluster| days.iter().map(move |day| index_of(cluster, *day, count))) {
                sizes[index] += 1;
            }
            let mean = 300.0 * 31.0 / f64::from(count);
            let (least, most) = (*sizes.iter().min().unwrap() as f64, *sizes.iter().max().unwrap() as f64);
            // 15 %: what docs/platform-engineer.md says.
            assert!(least >= 0.85 * mean && most <= 1.15 * mean, "{count}: {least} to {most} of {mean}");
        }
    }

    #[test]
    fn an_assignment_stays_the_same_from_version_to_version() {
        let day: UtcDay = "2026-10-01".parse().unwrap();
        let of = |cluster: &str, count| all(count).iter().position(|shard| shard.has(cluster, day)).unwrap();
        // 2026-10-01 is day 20727. Worked out by sha256sum and bc; a shard that moved would collect what another has begun.
        assert_eq!([of("prod-nl", 8), of("edge-fr", 8), of("burst-pl", 8)], [3, 7, 3]);
    }

    #[test]
    fn what_is_no_shard_is_said_with_the_part_that_is_wrong() {
        for (text, wrong) in [
            ("8/8", "i of i/n is 8: shards are counted from 0, so the last of 8 is 7/8"),
            ("0/0", "n of i/n is 0, and there has to be at least one shard"),
            ("3", "a shard is written as i/n, as in 0/8 for the first of eight"),
            ("$(JOB_COMPLETION_INDEX)/8", "i of i/n is `$(JOB_COMPLETION_INDEX)`, which is not a whole number; the first of eight is 0/8"),
            ("-1/8", "i of i/n is `-1`, which is not a whole number; the first of eight is 0/8"),
            ("0/", "n of i/n is ``, which is not a whole number; the first of eight is 0/8"),
        ] {
            assert_eq!(text.parse::<Shard>(), Err(wrong.to_owned()), "{text}");
        }
        let shard: Shard = "3/8".parse().unwrap();
        assert_eq!((shard.to_string(), shard.in_name(), Shard::of_name("3-of-8")), ("3/8".to_owned(), "3-of-8".to_owned(), Some(shard)));
        assert_eq!((Shard::of_name("8-of-8"), Shard::of_name("close")), (None, None));
    }
}
