//! Counters at the quarters of an hour, for slow links: thirteen times fewer bytes than raw samples, and the same energy.
//!
//! In: a counter's question and a range of whole steps. Out: its last value at every step, and raw samples where that is not enough.
//! Rule: differences of last values telescope, so that nothing between them is lost but what a reset takes, and where a series begins with
//! its target. Those steps, and steps behind a hole, are asked for raw. A reset is looked for over two steps, because two neighbouring samples
//! may lie at the far ends of two. Assumes: PromQL; one metric, since `resets` drops its name.
//! Does not: know when within its step a sample was taken: times are known to the quarter of an hour.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::MOST_NAMED_TARGETS;
use super::client::Fault;
use super::columns::{Columns, Labels};
use super::decode::Matrix;
use super::questions::instances_matcher;
use super::windows::Asking;

pub const STEP_S: i64 = 900;

/// Edges from the range's start to its end, both included, with raw samples around what they cannot say.
pub async fn window(asking: &Asking<'_>, range: Range<i64>) -> Result<Columns, Fault> {
    let Asking { client, question, selector, .. } = asking;
    let edges = client.ask_steps(&question.edges_promql(selector, STEP_S), range.start, range.end, STEP_S).await?;
    let mut columns = Columns::default();
    if edges.labels.is_empty() {
        return Ok(columns);
    }
    let resets = client.ask_steps(&question.resets_promql(selector, 2 * STEP_S), range.start, range.end, STEP_S).await?;
    let raw = raw_steps(&edges, &resets, range.start);
    asking.take(&mut columns, edges, &(range.start * 1000..range.end * 1000 + 1));
    for (step_s, targets) in raw {
        let mut selector = (*selector).to_owned();
        if targets.len() <= MOST_NAMED_TARGETS {
            selector.push_str(&instances_matcher(targets.iter().map(String::as_str)));
        }
        let narrowed = Asking { selector: &selector, ..*asking };
        columns.absorb(narrowed.matrix(step_s - 2 * STEP_S..step_s + 1).await?);
    }
    Ok(columns)
}

/// Steps of which raw samples are needed, with the targets they are needed of.
fn raw_steps(edges: &Matrix, resets: &Matrix, start_s: i64) -> BTreeMap<i64, BTreeSet<String>> {
    let target = |labels: &Labels| labels.get("instance").cloned().unwrap_or_default();
    let series = |matrix: &Matrix, i: usize| matrix.ts_ms[matrix.offsets[i]..matrix.offsets[i + 1]].to_vec();
    let mut scraped: BTreeMap<String, BTreeSet<i64>> = BTreeMap::new();
    for (i, labels) in edges.labels.iter().enumerate() {
        scraped.entry(target(labels)).or_default().extend(series(edges, i));
    }
    let mut raw: BTreeMap<i64, BTreeSet<String>> = BTreeMap::new();
    let mut need = |ts_ms: i64, target: &str| {
        raw.entry(ts_ms / 1000).or_default().insert(target.to_owned());
    };
    for (i, labels) in resets.labels.iter().enumerate() {
        series(resets, i).into_iter().for_each(|ts_ms| need(ts_ms, &target(labels)));
    }
    for (i, labels) in edges.labels.iter().enumerate() {
        let target = target(labels);
        let mut before = None;
        for ts_ms in series(edges, i) {
            let previous = ts_ms - STEP_S * 1000;
            let is_after_hole = before.is_some_and(|before| before < previous);
            // A series that begins while its target was there was born then: it counts from zero, and its last value is all of it.
            let begins_with_target = before.is_none() && ts_ms > start_s * 1000 && !scraped[&target].contains(&previous);
            if is_after_hole || begins_with_target {
                need(ts_ms, &target);
            }
            before = Some(ts_ms);
        }
    }
    raw
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matrix(series: &[(&str, &str, &[i64])]) -> Matrix {
        let mut matrix = Matrix { offsets: vec![0], ..Matrix::default() };
        for (target, pod, steps) in series {
            let labels = [("instance", *target), ("pod", *pod)];
            matrix.labels.push(labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect());
            matrix.ts_ms.extend(steps.iter().map(|step| step * STEP_S * 1000));
            matrix.offsets.push(matrix.ts_ms.len());
        }
        matrix.value = vec![1.0; matrix.ts_ms.len()];
        matrix
    }

    #[test]
    fn raw_samples_are_asked_for_where_last_values_do_not_say_enough() {
        let edges = matrix(&[
            ("a", "whole", &[0, 1, 2, 3, 4, 5]),
            ("a", "born", &[2, 3, 4]),
            ("a", "hole", &[0, 1, 4, 5]),
            ("b", "begins with its target", &[3, 4, 5]),
            ("c", "there at the start", &[0, 1]),
        ]);
        let resets = matrix(&[("c", "there at the start", &[1])]);
        let raw: Vec<(i64, Vec<String>)> =
            raw_steps(&edges, &resets, 0).into_iter().map(|(at_s, targets)| (at_s / STEP_S, targets.into_iter().collect())).collect();
        assert_eq!(raw, [(1, vec!["c".to_owned()]), (3, vec!["b".to_owned()]), (4, vec!["a".to_owned()])]);
    }
}
