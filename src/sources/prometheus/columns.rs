//! A question's samples while they arrive: two columns, and which parts of them belong to which series.
//!
//! In: samples by series, in windows, chunks and replicas. Out: [`Joined`], one part a series. Rule: samples are held once; parts are put
//! together only where a series has several. Samples of one time are one sample, the larger one: a counter that is there twice.
//! Replicas are not mixed, because their clocks differ and a mixed counter would fall: the fullest leads, others fill its holes.
//! Does not: know which labels matter.

use std::collections::BTreeMap;
use std::ops::Range;

/// With `__name__` among them.
pub type Labels = BTreeMap<String, String>;

/// Parts of the columns, each by time.
type Runs = Vec<Range<usize>>;

#[derive(Debug, Default)]
pub struct Columns {
    ts_ms: Vec<i64>,
    value: Vec<f64>,
    /// What was said of a series, by each that said it.
    series: BTreeMap<Labels, Vec<Runs>>,
    /// Samples before any was dropped.
    pub received: u64,
    pub not_finite: u64,
}

/// The same with one part a series.
#[derive(Debug, Default)]
pub struct Joined {
    pub ts_ms: Vec<i64>,
    pub value: Vec<f64>,
    pub series: Vec<(Labels, Range<usize>)>,
}

impl Columns {
    pub fn reserve(&mut self, samples: usize) {
        self.ts_ms.reserve(samples);
        self.value.reserve(samples);
    }

    /// Takes one sample; it belongs to the series that the next [`Columns::close`] names.
    #[inline]
    pub fn push(&mut self, ts_ms: i64, value: f64) {
        self.received += 1;
        if value.is_finite() {
            self.ts_ms.push(ts_ms);
            self.value.push(value);
        } else {
            self.not_finite += 1;
        }
    }

    /// How many samples there are: where the next part starts.
    pub fn len(&self) -> usize {
        self.ts_ms.len()
    }

    /// Gives the samples from `start` on to a series; one of which nothing is left is noted all the same.
    pub fn close(&mut self, labels: Labels, start: usize) {
        let part = start..self.len();
        let sources = self.series.entry(labels).or_insert_with(|| vec![Runs::new()]);
        let runs = &mut sources[0];
        if part.is_empty() {
            return;
        }
        match runs.last_mut() {
            Some(last) if last.end == part.start && self.ts_ms[last.end - 1] < self.ts_ms[part.start] => last.end = part.end,
            _ => runs.push(part),
        }
    }

    pub fn series_count(&self) -> usize {
        self.series.len()
    }

    pub fn labels(&self) -> impl Iterator<Item = &Labels> {
        self.series.keys()
    }

    /// Every series with the times of each of its parts.
    pub fn parts(&self) -> impl Iterator<Item = (&Labels, impl Iterator<Item = &[i64]>)> {
        self.series.iter().map(|(labels, sources)| (labels, sources.iter().flatten().map(|run| &self.ts_ms[run.clone()])))
    }

    /// Puts another range's samples to these.
    pub fn absorb(&mut self, other: Self) {
        if self.received == 0 {
            *self = other;
            return;
        }
        self.received += other.received;
        self.not_finite += other.not_finite;
        for (labels, sources) in other.series {
            self.series.entry(labels.clone()).or_insert_with(|| vec![Runs::new()]);
            for run in sources.into_iter().flatten() {
                let start = self.len();
                self.ts_ms.extend_from_slice(&other.ts_ms[run.clone()]);
                self.value.extend_from_slice(&other.value[run]);
                self.close(labels.clone(), start);
            }
        }
    }

    /// Names every series anew; those that become one are kept apart as sources of it.
    pub fn relabel(&mut self, rename: impl Fn(Labels) -> Labels) {
        for (labels, sources) in std::mem::take(&mut self.series) {
            self.series.entry(rename(labels)).or_default().extend(sources);
        }
    }

    /// One part a series.
    pub fn join(self) -> Joined {
        let Self { mut ts_ms, mut value, series: all, .. } = self;
        let scattered: usize =
            all.values().filter(|sources| only_run(sources, &ts_ms).is_none()).flatten().flatten().map(|run| run.len()).sum();
        // Mostly scattered: everything moves, so that the old columns can go. Else only what is scattered moves, behind the rest.
        let old = (scattered * 2 > ts_ms.len()).then(|| (std::mem::take(&mut ts_ms), std::mem::take(&mut value)));
        if let Some((old_ts, _)) = &old {
            ts_ms.reserve_exact(old_ts.len());
            value.reserve_exact(old_ts.len());
        }
        let mut series = Vec::with_capacity(all.len());
        for (labels, sources) in all {
            let (from_ts, from_value) = old.as_ref().map_or((&ts_ms, &value), |(ts_ms, value)| (ts_ms, value));
            let part = match (only_run(&sources, from_ts), &old) {
                (Some(run), None) => run,
                (Some(run), Some((old_ts, old_value))) => {
                    let start = ts_ms.len();
                    ts_ms.extend_from_slice(&old_ts[run.clone()]);
                    value.extend_from_slice(&old_value[run]);
                    start..ts_ms.len()
                }
                (None, _) => {
                    let together = together(&sources, from_ts, from_value);
                    let start = ts_ms.len();
                    ts_ms.extend(together.iter().map(|sample| sample.0));
                    value.extend(together.iter().map(|sample| sample.1));
                    start..ts_ms.len()
                }
            };
            series.push((labels, part));
        }
        Joined { ts_ms, value, series }
    }
}

impl Joined {
    pub fn times(&self, part: &Range<usize>) -> &[i64] {
        &self.ts_ms[part.clone()]
    }
}

/// The part of a series that has one only, by time; an empty one where there is no sample.
fn only_run(sources: &[Runs], ts_ms: &[i64]) -> Option<Range<usize>> {
    let mut runs = sources.iter().flatten();
    let first = runs.next().cloned().unwrap_or(0..0);
    let is_alone = runs.next().is_none() && ts_ms[first.clone()].is_sorted_by(|a, b| a < b);
    is_alone.then_some(first)
}

/// One stream of all that was said of a series.
fn together(sources: &[Runs], ts_ms: &[i64], value: &[f64]) -> Vec<(i64, f64)> {
    let mut streams: Vec<Vec<(i64, f64)>> = sources.iter().map(|runs| stream(runs, ts_ms, value)).collect();
    streams.sort_by_key(|stream| std::cmp::Reverse(stream.len()));
    let mut streams = streams.into_iter();
    let leader = streams.next().unwrap_or_default();
    streams.fold(leader, |leader, other| if other.is_empty() { leader } else { fill(&leader, &other) })
}

/// One source's samples by time, each time once.
fn stream(runs: &Runs, ts_ms: &[i64], value: &[f64]) -> Vec<(i64, f64)> {
    let mut samples: Vec<(i64, f64)> = runs.iter().cloned().flatten().map(|i| (ts_ms[i], value[i])).collect();
    samples.sort_by(|a, b| a.0.cmp(&b.0).then(b.1.total_cmp(&a.1)));
    samples.dedup_by_key(|sample| sample.0);
    samples
}

/// The leader's samples, and another's where the leader has none near: half an interval is what scrapes of two replicas differ by.
fn fill(leader: &[(i64, f64)], other: &[(i64, f64)]) -> Vec<(i64, f64)> {
    let near_ms = usual_interval(leader) * 6 / 10;
    let mut filled = Vec::with_capacity(leader.len());
    let mut at = 0;
    for sample in other {
        while at < leader.len() && leader[at].0 <= sample.0 {
            filled.push(leader[at]);
            at += 1;
        }
        let is_far_behind = at == 0 || sample.0 - leader[at - 1].0 > near_ms;
        let is_far_before = leader.get(at).is_none_or(|next| next.0 - sample.0 > near_ms);
        if is_far_behind && is_far_before {
            filled.push(*sample);
        }
    }
    filled.extend_from_slice(&leader[at..]);
    filled
}

/// The median time between two samples; none where there is one only.
fn usual_interval(samples: &[(i64, f64)]) -> i64 {
    let mut intervals: Vec<i64> = samples.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
    if intervals.is_empty() {
        return 0;
    }
    let middle = intervals.len() / 2;
    *intervals.select_nth_unstable(middle).1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn take(columns: &mut Columns, series: &Labels, samples: &[(i64, f64)]) {
        let start = columns.len();
        samples.iter().for_each(|(ts_ms, value)| columns.push(*ts_ms, *value));
        columns.close(series.clone(), start);
    }

    fn shown(joined: &Joined) -> Vec<(String, Vec<(i64, f64)>)> {
        let samples = |part: &Range<usize>| part.clone().map(|i| (joined.ts_ms[i], joined.value[i])).collect();
        joined.series.iter().map(|(labels, part)| (labels.values().cloned().collect::<Vec<_>>().join(" "), samples(part))).collect()
    }

    #[test]
    fn parts_that_follow_one_another_are_one_and_others_are_sorted() {
        let (a, b) = (labels(&[("s", "a")]), labels(&[("s", "b")]));
        let mut columns = Columns::default();
        take(&mut columns, &a, &[(1, 1.0), (2, 2.0)]);
        take(&mut columns, &a, &[(3, f64::NAN), (4, 4.0)]);
        take(&mut columns, &b, &[(1, 1.0), (2, 2.0), (3, 3.0), (4, 4.0), (5, 5.0), (6, 6.0)]);
        // Chunks may overlap, and a window brings what came before.
        take(&mut columns, &a, &[(0, 0.0), (2, 1.5), (4, 5.0)]);
        assert_eq!((columns.received, columns.not_finite, columns.series_count()), (13, 1, 2));
        let expected = [
            ("a".to_owned(), vec![(0, 0.0), (1, 1.0), (2, 2.0), (4, 5.0)]),
            ("b".to_owned(), (1..7).map(|i| (i, i as f64)).collect::<Vec<_>>()),
        ];
        assert_eq!(shown(&columns.join()), expected);
    }

    #[test]
    fn windows_are_put_together_in_any_order() {
        let (a, b) = (labels(&[("s", "a")]), labels(&[("s", "b")]));
        let mut columns = Columns::default();
        for window in [2, 0, 1] {
            let mut more = Columns::default();
            take(&mut more, &a, &[(window * 10, window as f64)]);
            take(&mut more, &b, &[(window * 10, -1.0)]);
            columns.absorb(more);
        }
        let joined = columns.join();
        assert_eq!(shown(&joined)[0].1, [(0, 0.0), (10, 1.0), (20, 2.0)]);
        assert_eq!(joined.ts_ms.len(), 6);
    }

    #[test]
    fn the_fullest_replica_leads_and_another_fills_its_holes() {
        let minute = 60_000;
        let of = |replica: &str| labels(&[("r", replica), ("s", "x")]);
        let mut columns = Columns::default();
        // Scraped half a minute apart by clocks that differ by forty seconds: mixed, the counter would fall at every step.
        let a: Vec<(i64, f64)> = (0..20).filter(|i| !(5..8).contains(i)).map(|i| (i * minute, i as f64 * 60.0)).collect();
        let b: Vec<(i64, f64)> = (0..15).map(|i| (i * minute + 30_000, i as f64 * 60.0 - 10.0)).collect();
        take(&mut columns, &of("b"), &b);
        take(&mut columns, &of("a"), &a);
        columns.relabel(|mut labels| {
            labels.remove("r");
            labels
        });
        let joined = columns.join();
        let times: Vec<i64> = joined.ts_ms[joined.series[0].1.clone()].to_vec();
        let mut expected: Vec<i64> = a.iter().map(|sample| sample.0).collect();
        // The hole is from minute 4 to minute 8; within 36 seconds of its ends the leader speaks for itself.
        expected.extend([5, 6].map(|i| i * minute + 30_000));
        expected.sort_unstable();
        assert_eq!(times, expected);
        assert!(joined.value[joined.series[0].1.clone()].is_sorted());
    }

    #[test]
    fn identical_replicas_count_once_and_complementary_ones_have_no_hole() {
        let of = |replica: &str| labels(&[("r", replica)]);
        let whole: Vec<(i64, f64)> = (0..30).map(|i| (i * 60_000, i as f64)).collect();
        let (early, late): (Vec<_>, Vec<_>) = whole.iter().partition(|sample| sample.0 < 1_000_000);
        for (a, b) in [(&whole, &whole), (&early, &late)] {
            let mut columns = Columns::default();
            take(&mut columns, &of("a"), a);
            take(&mut columns, &of("b"), b);
            columns.relabel(|_| Labels::new());
            assert_eq!(shown(&columns.join())[0].1, whole);
        }
    }
}
