//! How tests tell the story of a day: series as text, samples by the second of the day, and the metered day read back.

use std::collections::BTreeMap;

use polars::prelude::DataFrame;

use super::{MeteredDay, meter_day};
use crate::model::{MeteringTerms, SampleTable, Series, Severity};
use crate::units::UtcDay;

pub const STEP_S: i64 = 900;

pub fn day() -> UtcDay {
    "2026-10-02".parse().unwrap()
}

/// Milliseconds since the epoch of a second of the day.
pub fn at(second: i64) -> i64 {
    day().start().timestamp_millis() + second * 1_000
}

/// Number of the day's step.
pub fn step(n: i64) -> i32 {
    i32::try_from(at(0) / 1_000 / STEP_S + n).unwrap()
}

pub type Part = (Series, Vec<(i64, f64)>);

/// `metric{a="b",c="d"}` with (second of the day, value).
pub fn part(text: &str, samples: &[(i64, f64)]) -> Part {
    let (metric, labels) = text.trim_end_matches('}').split_once('{').unwrap();
    let labels = labels.split(',').filter(|label| !label.is_empty()).map(|label| {
        let (name, value) = label.split_once('=').unwrap();
        (name.to_owned(), value.trim_matches('"').to_owned())
    });
    (Series { metric: metric.to_owned(), labels: labels.collect::<BTreeMap<_, _>>() }, samples.iter().map(|(s, v)| (at(*s), *v)).collect())
}

pub fn meter(parts: Vec<Part>) -> MeteredDay {
    meter_day(&SampleTable::from_series(parts), day(), &MeteringTerms::of_step(STEP_S)).unwrap()
}

pub fn meter_with(parts: Vec<Part>, terms: &MeteringTerms) -> MeteredDay {
    meter_day(&SampleTable::from_series(parts), day(), terms).unwrap()
}

pub fn ints(frame: &DataFrame, column: &str) -> Vec<Option<i64>> {
    frame.column(column).unwrap().cast(&polars::prelude::DataType::Int64).unwrap().i64().unwrap().iter().collect()
}

pub fn texts(frame: &DataFrame, column: &str) -> Vec<Option<String>> {
    frame.column(column).unwrap().str().unwrap().iter().map(|text| text.map(str::to_owned)).collect()
}

pub fn bools(frame: &DataFrame, column: &str) -> Vec<Option<bool>> {
    frame.column(column).unwrap().bool().unwrap().iter().collect()
}

pub fn severity(day: &MeteredDay, code: &str) -> Option<Severity> {
    day.findings.iter().find(|finding| finding.code == code).map(|finding| finding.severity)
}

/// (step of the day, active mJ, CPU ms) of a pod.
pub fn usage_of(day: &MeteredDay, uid: &str) -> Vec<(i64, Option<i64>, Option<i64>)> {
    let id = texts(&day.pods, "uid").iter().position(|known| known.as_deref() == Some(uid)).map(|id| id as i64);
    let (pods, steps) = (ints(&day.usage, "pod_id"), ints(&day.usage, "step"));
    let (active, cpu) = (ints(&day.usage, "active_mj"), ints(&day.usage, "cpu_ms"));
    let rows = (0..pods.len()).filter(|row| pods[*row] == id);
    rows.map(|row| (steps[row].unwrap() - i64::from(step(0)), active[row], cpu[row])).collect()
}
