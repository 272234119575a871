//! Steps of a node's existence that no delta reached, filled from the node's own mean.
//!
//! In: for each node its existence and its metered steps over the period. Out: one [`FilledStep`] a missing step.
//! Rule (method, section 3, Gaps): the node's mean power of the same UTC hour of day that month, else of that month; a step in which
//! the node existed only in part is filled in part. Namespace `(gap)`, tier `filled`. Does not: fill a node that no meter ever saw.

/// What the period knows of a node: when it was there, and what its meter said.
#[derive(Clone, Debug)]
pub struct NodePower {
    /// Existence, ms since the epoch.
    pub first_ms: i64,
    pub last_ms: i64,
    first_step: i32,
    metered: Vec<u64>,
    by_hour: [(i64, i64); 24],
}

/// A missing step with its energy; none where the node has no metered step at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FilledStep {
    pub step: i32,
    pub gap_mj: Option<i64>,
}

/// The mean of a node's metered steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MeanStep {
    pub metered_mj: i64,
    pub steps: i64,
    /// Of the same UTC hour of day; else of the whole month.
    pub is_of_hour: bool,
    pub mean_mj: i64,
}

impl NodePower {
    /// A node not seen yet, in a period of `step_count` steps from `first_step`.
    pub fn new(first_step: i32, step_count: usize) -> Self {
        Self { first_ms: i64::MAX, last_ms: i64::MIN, first_step, metered: vec![0; step_count.div_ceil(64)], by_hour: [(0, 0); 24] }
    }

    pub fn exists(&mut self, first_ms: i64, last_ms: i64) {
        self.first_ms = self.first_ms.min(first_ms);
        self.last_ms = self.last_ms.max(last_ms);
    }

    /// Its existence within `[from_ms, to_ms)`; none where it was not there.
    pub fn existence(&self, from_ms: i64, to_ms: i64) -> Option<(i64, i64)> {
        let (first, last) = (self.first_ms.max(from_ms), self.last_ms.min(to_ms));
        (first < last).then_some((first, last))
    }

    /// Takes in one metered step of the period.
    pub fn meter(&mut self, step: i32, metered_mj: i64, step_seconds: i64) {
        let offset = (step - self.first_step) as usize;
        self.metered[offset / 64] |= 1 << (offset % 64);
        let hour = hour_of_day(step, step_seconds);
        self.by_hour[hour].0 += metered_mj;
        self.by_hour[hour].1 += 1;
    }

    /// The steps of its existence within `[from, to)`, and those of them that are missing.
    pub fn missing(&self, from: i32, to: i32, step_seconds: i64) -> (u64, Vec<FilledStep>) {
        let step_ms = step_seconds * 1_000;
        let (mut existing, mut missing) = (0, Vec::new());
        if self.first_ms > self.last_ms {
            return (0, missing);
        }
        let first = (self.first_ms.div_euclid(step_ms)).max(i64::from(from)) as i32;
        let last = ((self.last_ms + step_ms - 1).div_euclid(step_ms)).min(i64::from(to)) as i32;
        for step in first..last {
            existing += 1;
            let offset = (step - self.first_step) as usize;
            if self.metered[offset / 64] & (1 << (offset % 64)) == 0 {
                let overlap_ms = self.overlap_ms(step, step_seconds);
                let part = |mean: MeanStep| rounded(mean.mean_mj as f64 * overlap_ms as f64 / step_ms as f64);
                missing.push(FilledStep { step, gap_mj: self.mean(step, step_seconds).map(part) });
            }
        }
        (existing, missing)
    }

    /// What a missing step is filled from; none where the node has no metered step at all.
    pub fn mean(&self, step: i32, step_seconds: i64) -> Option<MeanStep> {
        let of_hour = self.by_hour[hour_of_day(step, step_seconds)];
        let of_month = self.by_hour.iter().fold((0, 0), |sum, hour| (sum.0 + hour.0, sum.1 + hour.1));
        let is_of_hour = of_hour.1 > 0;
        let (metered_mj, steps) = if is_of_hour { of_hour } else { of_month };
        (steps > 0).then(|| MeanStep { metered_mj, steps, is_of_hour, mean_mj: rounded(metered_mj as f64 / steps as f64) })
    }

    /// How long of a step the node was there, in ms.
    pub fn overlap_ms(&self, step: i32, step_seconds: i64) -> i64 {
        let (from_ms, step_ms) = (i64::from(step) * step_seconds * 1_000, step_seconds * 1_000);
        (from_ms + step_ms).min(self.last_ms) - from_ms.max(self.first_ms)
    }
}

fn hour_of_day(step: i32, step_seconds: i64) -> usize {
    (i64::from(step) * step_seconds / 3_600).rem_euclid(24) as usize
}

fn rounded(value: f64) -> i64 {
    (value + 0.5).floor() as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_step_takes_the_mean_of_its_hour_of_day() {
        // Two days of 15-minute steps; hour 3 has 100, 100, 100, 101 on the first day and nothing on the second.
        let mut node = NodePower::new(0, 192);
        node.exists(0, 192 * 900_000);
        for step in 0..192 {
            match step {
                108..112 => {}
                15 => node.meter(step, 101, 900),
                12..15 => node.meter(step, 100, 900),
                _ => node.meter(step, 50, 900),
            }
        }
        let (existing, missing) = node.missing(0, 192, 900);

        assert_eq!(existing, 192);
        assert_eq!(missing, (108..112).map(|step| FilledStep { step, gap_mj: Some(100) }).collect::<Vec<_>>());
    }

    #[test]
    fn without_that_hour_the_mean_of_the_month_serves() {
        let mut node = NodePower::new(0, 8);
        node.exists(0, 8 * 900_000);
        for step in 0..4 {
            node.meter(step, 10 + i64::from(step), 900);
        }
        // (10 + 11 + 12 + 13) / 4 = 11.5, rounded up.
        assert!(node.missing(0, 8, 900).1.iter().all(|filled| filled.gap_mj == Some(12)));
    }

    #[test]
    fn a_step_of_part_existence_is_filled_in_part() {
        let mut node = NodePower::new(0, 8);
        node.exists(0, 4 * 900_000 + 300_000);
        for step in 0..4 {
            node.meter(step, 900, 900);
        }
        assert_eq!(node.missing(0, 8, 900), (5, vec![FilledStep { step: 4, gap_mj: Some(300) }]));
    }

    #[test]
    fn a_node_is_there_from_the_step_it_came_in_to_the_one_it_left_in() {
        // From 00:20 on 2 January 1970 to 01:40; the period begins at midnight, with step 96.
        let (from_ms, to_ms) = (97 * 900_000 + 300_000, 102 * 900_000 + 600_000);
        let mut node = NodePower::new(96, 96);
        node.exists(98 * 900_000, to_ms);
        node.exists(from_ms, 99 * 900_000);
        node.meter(98, 90, 900);
        node.meter(100, 900, 900);
        let filled = |step, gap_mj| FilledStep { step, gap_mj: Some(gap_mj) };

        // Ten of 15 minutes, and the whole: hour 0 has 90, hour 1 has 900.
        assert_eq!(node.missing(96, 192, 900), (6, vec![filled(97, 60), filled(99, 90), filled(101, 900), filled(102, 600)]));
        assert_eq!(node.missing(98, 101, 900), (3, vec![filled(99, 90)]));
        assert_eq!(node.existence(0, 192 * 900_000), Some((from_ms, to_ms)));
        assert_eq!(node.existence(98 * 900_000, 99 * 900_000), Some((98 * 900_000, 99 * 900_000)));
        assert_eq!((node.existence(0, from_ms), node.existence(to_ms, i64::MAX)), (None, None));
        assert_eq!(NodePower::new(96, 96).missing(96, 192, 900), (0, Vec::new()));
    }

    #[test]
    fn a_mean_says_what_it_is_of() {
        let mut node = NodePower::new(0, 192);
        node.meter(4, 10, 900);
        node.meter(7, 21, 900);
        node.meter(20, 8, 900);

        let of_hour = MeanStep { metered_mj: 31, steps: 2, is_of_hour: true, mean_mj: 16 };
        // 01:30 of the next day, and 02:00.
        assert_eq!(node.mean(96 + 6, 900), Some(of_hour));
        assert_eq!(node.mean(8, 900), Some(MeanStep { metered_mj: 39, steps: 3, is_of_hour: false, mean_mj: 13 }));
        assert_eq!(NodePower::new(0, 192).mean(4, 900), None);
    }

    #[test]
    fn a_node_without_a_meter_is_not_made_up() {
        let mut node = NodePower::new(0, 8);
        node.exists(0, 900_000);
        assert_eq!(node.missing(0, 8, 900), (1, vec![FilledStep { step: 0, gap_mj: None }]));
    }

    #[test]
    fn a_node_that_was_seen_once_was_there_in_one_step() {
        let mut node = NodePower::new(0, 8);
        node.exists(1_000_000, 1_000_000);
        node.meter(4, 900, 900);
        assert_eq!(node.missing(0, 8, 900), (1, vec![FilledStep { step: 1, gap_mj: Some(0) }]));
    }
}
