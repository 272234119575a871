//! One value an interval, out of all editions of a series that stands beside the inventory: prices, marginal intensity.
//!
//! In: rows of editions, each with what orders it. Out: rows that do not overlap, sorted. Rule: the later published or retrieved holds over the span it covers;
//! what nobody dated lies below everything dated. Assumes: two values of one hour that nothing orders were refused when they were taken in.
//! Does not: fill a hole; a span across one has no sum.

use std::collections::BTreeMap;

use crate::model::PriceSeries;

/// One row of one edition; versions are compared as they are, and none is below all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Layer<V> {
    pub version: V,
    pub from_s: i64,
    pub to_s: i64,
    pub value: i64,
}

/// The rows of an edition of prices, in millionths of a euro for a kilowatt-hour.
pub fn layers_of_prices(series: &PriceSeries) -> impl Iterator<Item = Layer<Option<i64>>> + '_ {
    (0..series.len()).map(|row| Layer {
        version: series.retrieved_s,
        from_s: series.start_s[row],
        to_s: series.end_s[row],
        value: series.price[row].get(),
    })
}

/// Rows `(from, to, value)`, as [`super::super::integral::Integral`] wants them.
pub fn lay<V: Ord>(mut rows: Vec<Layer<V>>) -> Vec<(i64, i64, i64)> {
    rows.retain(|row| row.from_s < row.to_s);
    rows.sort_unstable();
    let mut laid: BTreeMap<i64, (i64, i64)> = BTreeMap::new();
    for row in rows {
        put(&mut laid, row.from_s, row.to_s, row.value);
    }
    laid.into_iter().map(|(from_s, (to_s, value))| (from_s, to_s, value)).collect()
}

/// Puts a row over what is there; what it does not cover stays.
fn put(laid: &mut BTreeMap<i64, (i64, i64)>, from_s: i64, to_s: i64, value: i64) {
    if let Some((_, last)) = laid.range_mut(..from_s).next_back()
        && last.0 > from_s
    {
        let (end_s, other) = *last;
        last.0 = from_s;
        laid.insert(from_s, (end_s, other));
    }
    while let Some((start_s, (end_s, other))) = laid.range(from_s..to_s).next().map(|(start_s, row)| (*start_s, *row)) {
        laid.remove(&start_s);
        if end_s > to_s {
            laid.insert(to_s, (end_s, other));
        }
    }
    laid.insert(from_s, (to_s, value));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(version: Option<i64>, from_s: i64, to_s: i64, value: i64) -> Layer<Option<i64>> {
        Layer { version, from_s, to_s, value }
    }

    #[test]
    fn the_later_version_holds_whatever_the_order() {
        let rows = vec![row(Some(20), 0, 60, 7), row(None, 0, 60, 1), row(Some(10), 60, 120, 5), row(Some(10), 0, 60, 4)];
        assert_eq!(lay(rows), [(0, 60, 7), (60, 120, 5)]);
    }

    #[test]
    fn quarters_published_later_replace_their_part_of_an_hour() {
        let rows = vec![row(None, 0, 3_600, 100), row(Some(1), 900, 1_800, 40), row(Some(1), 1_800, 2_700, 60)];
        assert_eq!(lay(rows), [(0, 900, 100), (900, 1_800, 40), (1_800, 2_700, 60), (2_700, 3_600, 100)]);
    }

    #[test]
    fn an_hour_published_later_replaces_its_quarters() {
        let rows = vec![row(None, 0, 900, 1), row(None, 900, 1_800, 2), row(None, 1_800, 2_700, 3), row(Some(1), 600, 2_000, 9)];
        assert_eq!(lay(rows), [(0, 600, 1), (600, 2_000, 9), (2_000, 2_700, 3)]);
    }

    #[test]
    fn a_row_of_no_length_is_no_row() {
        assert_eq!(lay(vec![row(None, 0, 60, 1), row(Some(1), 30, 30, 9), row(Some(1), 50, 40, 9)]), [(0, 60, 1)]);
    }
}
