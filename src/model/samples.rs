//! Raw samples as columns: what a meter said, when, and nothing made of it yet.

use std::cmp::Ordering;
use std::collections::BTreeMap;

/// One series: a metric with its labels, as the server gave them (without `__name__`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Series {
    pub metric: String,
    pub labels: BTreeMap<String, String>,
}

impl Series {
    /// A label's value; a missing label is an empty one, as in PromQL.
    pub fn label(&self, name: &str) -> &str {
        self.labels.get(name).map_or("", String::as_str)
    }
}

/// Samples of many series, in columns, grouped by series and sorted by time within each.
///
/// `offsets` has one entry more than `series`: series `i` owns the samples `offsets[i]..offsets[i + 1]`.
/// Series are sorted by metric and labels, so the same samples give the same table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SampleTable {
    pub series: Vec<Series>,
    pub offsets: Vec<usize>,
    /// Milliseconds since the epoch, UTC.
    pub ts_ms: Vec<i64>,
    pub value: Vec<f64>,
}

impl SampleTable {
    /// Builds the table from series in any order, with samples in any order. Samples of equal series are put together,
    /// and a sample that is there twice (same time, same value) is kept once.
    pub fn from_series(parts: impl IntoIterator<Item = (Series, Vec<(i64, f64)>)>) -> Self {
        let mut merged: BTreeMap<Series, Vec<(i64, f64)>> = BTreeMap::new();
        for (series, samples) in parts {
            merged.entry(series).or_default().extend(samples);
        }
        let mut table = Self::with_capacity(0, 0);
        for (series, mut samples) in merged {
            samples.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
            samples.dedup();
            table.push(series, samples);
        }
        table
    }

    /// This table with more series, some of which it may have already; what is many is copied as columns, once.
    pub fn with(&self, more: impl IntoIterator<Item = (Series, Vec<(i64, f64)>)>) -> Self {
        let more = Self::from_series(more);
        let mut joined = Self::with_capacity(self.series.len() + more.series.len(), self.ts_ms.len() + more.ts_ms.len());
        let (mut ours, mut theirs) = (self.iter().peekable(), more.iter().peekable());
        loop {
            let order = match (ours.peek(), theirs.peek()) {
                (None, None) => return joined,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(our), Some(their)) => our.0.cmp(their.0),
            };
            let our = if order.is_le() { ours.next() } else { None };
            let their = if order.is_ge() { theirs.next() } else { None };
            match (our, their) {
                (Some((series, ts_ms, value)), None) | (None, Some((series, ts_ms, value))) => {
                    joined.push_columns(series.clone(), ts_ms, value);
                }
                (Some(one), Some(other)) => {
                    let samples = |part: (&Series, &[i64], &[f64])| part.1.iter().copied().zip(part.2.iter().copied()).collect();
                    let both = Self::from_series([(one.0.clone(), samples(one)), (other.0.clone(), samples(other))]);
                    joined.push_columns(one.0.clone(), &both.ts_ms, &both.value);
                }
                (None, None) => return joined,
            }
        }
    }

    /// An empty table with room for so much, for [`SampleTable::push`].
    pub fn with_capacity(series: usize, samples: usize) -> Self {
        let mut offsets = Vec::with_capacity(series + 1);
        offsets.push(0);
        Self { series: Vec::with_capacity(series), offsets, ts_ms: Vec::with_capacity(samples), value: Vec::with_capacity(samples) }
    }

    /// Adds a series behind the last, with its samples by time: for those who have everything sorted already.
    pub fn push(&mut self, series: Series, samples: impl IntoIterator<Item = (i64, f64)>) {
        for (ts_ms, value) in samples {
            self.ts_ms.push(ts_ms);
            self.value.push(value);
        }
        self.close(series);
    }

    /// As [`SampleTable::push`], of samples that stand in columns.
    pub fn push_columns(&mut self, series: Series, ts_ms: &[i64], value: &[f64]) {
        assert_eq!(ts_ms.len(), value.len(), "a sample has a time and a value");
        self.ts_ms.extend_from_slice(ts_ms);
        self.value.extend_from_slice(value);
        self.close(series);
    }

    fn close(&mut self, series: Series) {
        assert!(self.series.last().is_none_or(|last| *last < series), "series come sorted, each once");
        self.series.push(series);
        self.offsets.push(self.ts_ms.len());
    }

    pub fn is_empty(&self) -> bool {
        self.ts_ms.is_empty()
    }

    /// Every series with its times and values.
    pub fn iter(&self) -> impl Iterator<Item = (&Series, &[i64], &[f64])> {
        self.series.iter().enumerate().map(|(i, series)| {
            let range = self.offsets[i]..self.offsets[i + 1];
            (series, &self.ts_ms[range.clone()], &self.value[range])
        })
    }

    /// The series of one metric, which stand together because series are sorted.
    pub fn of_metric<'a>(&'a self, metric: &str) -> impl Iterator<Item = (&'a Series, &'a [i64], &'a [f64])> + use<'a> {
        let from = self.series.partition_point(|series| series.metric.as_str() < metric);
        let to = self.series.partition_point(|series| series.metric.as_str() <= metric);
        (from..to).map(move |i| {
            let range = self.offsets[i]..self.offsets[i + 1];
            (&self.series[i], &self.ts_ms[range.clone()], &self.value[range])
        })
    }

    /// The series of every metric whose name begins so.
    pub fn with_prefix<'a>(&'a self, prefix: &str) -> impl Iterator<Item = (&'a Series, &'a [i64], &'a [f64])> + use<'a> {
        let from = self.series.partition_point(|series| series.metric.as_str() < prefix);
        let to = from + self.series[from..].partition_point(|series| series.metric.starts_with(prefix));
        (from..to).map(move |i| {
            let range = self.offsets[i]..self.offsets[i + 1];
            (&self.series[i], &self.ts_ms[range.clone()], &self.value[range])
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(metric: &str, label: &str) -> Series {
        Series { metric: metric.to_owned(), labels: BTreeMap::from([("a".to_owned(), label.to_owned())]) }
    }

    #[test]
    fn a_table_with_more_series_is_the_table_of_all_of_them() {
        let ours = vec![(series("b", "1"), vec![(10, 1.0), (20, 2.0)]), (series("d", "1"), vec![(5, 0.0)])];
        let more = vec![
            (series("a", "1"), vec![(1, 1.0)]),
            (series("b", "1"), vec![(15, 1.5), (20, 2.0)]),
            (series("c", "1"), vec![(2, 2.0)]),
            (series("e", "1"), vec![]),
        ];
        let all = SampleTable::from_series(ours.iter().cloned().chain(more.iter().cloned()));
        assert_eq!(SampleTable::from_series(ours).with(more), all);
        assert_eq!(all.of_metric("b").next().unwrap().1, [10, 15, 20]);
        assert_eq!(all.with([]), all);
    }
}
