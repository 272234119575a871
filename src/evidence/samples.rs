//! Samples as the evidence tables `series` and `samples`, and back.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use polars::prelude::{Column, DataFrame, Float64Chunked, Int64Chunked, IntoSeries};

use crate::model::{SampleTable, Series};

/// `(series, samples)`: `series_id` is the row number of the series; labels are JSON text with sorted keys. The columns move and are not copied.
pub fn samples_to_frames(table: SampleTable) -> Result<(DataFrame, DataFrame)> {
    let count = i32::try_from(table.series.len()).context("more series than a series_id can count")?;
    let labels = table.series.iter().map(|series| serde_json::to_string(&series.labels)).collect::<Result<Vec<_>, _>>()?;
    let metrics: Vec<&str> = table.series.iter().map(|series| series.metric.as_str()).collect();
    let series = DataFrame::new(
        table.series.len(),
        vec![
            Column::new("series_id".into(), (0..count).collect::<Vec<i32>>()),
            Column::new("metric".into(), metrics),
            Column::new("labels".into(), labels),
        ],
    )?;
    let mut series_id = Vec::with_capacity(table.ts_ms.len());
    for (id, range) in (0..count).zip(table.offsets.windows(2)) {
        series_id.resize(series_id.len() + range[1] - range[0], id);
    }
    let rows = table.ts_ms.len();
    let samples = DataFrame::new(
        rows,
        vec![
            Column::new("series_id".into(), series_id),
            Column::from(Int64Chunked::from_vec("ts_ms".into(), table.ts_ms).into_series()),
            Column::from(Float64Chunked::from_vec("value".into(), table.value).into_series()),
        ],
    )?;
    Ok((series, samples))
}

/// The table that [`samples_to_frames`] took apart.
pub fn frames_to_samples(series: &DataFrame, samples: &DataFrame) -> Result<SampleTable> {
    let text = |name: &str| -> Result<Vec<String>> {
        series.column(name)?.str()?.iter().map(|value| value.map(str::to_owned).context("a series without text")).collect()
    };
    let mut table = SampleTable { offsets: vec![0], ..SampleTable::default() };
    for (metric, labels) in text("metric")?.into_iter().zip(text("labels")?) {
        let labels: BTreeMap<String, String> = serde_json::from_str(&labels).with_context(|| format!("labels of a series of {metric}"))?;
        table.series.push(Series { metric, labels });
    }
    table.ts_ms = samples.column("ts_ms")?.i64()?.into_no_null_iter().collect();
    table.value = samples.column("value")?.f64()?.into_no_null_iter().collect();
    let mut expected = 0;
    for (row, id) in samples.column("series_id")?.i32()?.into_no_null_iter().enumerate() {
        if id < expected || id as usize >= table.series.len() {
            bail!("samples are not sorted by series_id, or one has no series");
        }
        while expected < id {
            table.offsets.push(row);
            expected += 1;
        }
    }
    table.offsets.resize(table.series.len() + 1, table.ts_ms.len());
    Ok(table)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_survive_the_way_through_frames() {
        let series = |metric: &str, label: &str| Series {
            metric: metric.to_owned(),
            labels: BTreeMap::from([("b".to_owned(), label.to_owned()), ("a".to_owned(), "\"quoted\"\n".to_owned())]),
        };
        // The second series has no samples; so has the last.
        let table = SampleTable::from_series([
            (series("x", "1"), vec![(1, 0.1), (2, f64::MIN_POSITIVE)]),
            (series("x", "2"), vec![]),
            (series("y", "1"), vec![(3, -1e300)]),
            (series("z", "1"), vec![]),
        ]);
        let (first, second) = samples_to_frames(table.clone()).unwrap();
        assert_eq!(first.column("labels").unwrap().str().unwrap().get(0), Some(r#"{"a":"\"quoted\"\n","b":"1"}"#));
        assert_eq!(frames_to_samples(&first, &second).unwrap(), table);
        let empty = SampleTable::from_series([]);
        let (first, second) = samples_to_frames(empty.clone()).unwrap();
        assert_eq!(frames_to_samples(&first, &second).unwrap(), empty);
    }
}
