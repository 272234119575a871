//! Asks for a range in windows that the server can bear, and puts the answers together.
//!
//! In: a question and a range `[from, to)` in whole seconds. Out: its samples by series, not finite ones dropped and counted.
//! Rule: windows are planned from a count of the samples, stay below a tenth of the server's usual limit, and are halved when it still
//! refuses. A 2.x server's range is closed at both ends and a 3.x server's is open on the left: one second more is asked for and cut.
//! Assumes: the same range asked in any windows has the same samples. Does not: guess a sample.

use std::collections::BTreeMap;

use super::client::{Client, Fault};
use super::decode::Matrix;
use super::questions::Question;
use crate::sources::{Reach, Refusal};

/// A tenth of `--query.max-samples` as it is by default.
const MOST_SAMPLES: f64 = 5_000_000.0;
/// Windows are not halved below this.
const SHORTEST_WINDOW_S: i64 = 60;
/// Where the server cannot even count.
const CAUTIOUS_WINDOW_S: i64 = 3_600;

/// Samples by series labels, `__name__` among them.
pub type Samples = BTreeMap<BTreeMap<String, String>, Vec<(i64, f64)>>;

#[derive(Debug, Default, PartialEq)]
pub struct Fetched {
    pub samples: Samples,
    pub received: u64,
    pub not_finite: u64,
}

/// All samples of a question in `[from_s, to_s)`.
pub async fn fetch(client: &Client, question: &Question, selector: &str, from_s: i64, to_s: i64) -> Result<Fetched, Refusal> {
    let mut fetched = Fetched::default();
    let mut longest = match client.ask(&question.count_promql(selector, to_s - from_s + 1), to_s).await {
        Ok(count) => match count.value.first() {
            None => return Ok(fetched),
            Some(count) => planned_window(*count, to_s - from_s),
        },
        Err(Fault::TooLarge(_) | Fault::TooSlow(_)) => CAUTIOUS_WINDOW_S.min(to_s - from_s),
        Err(fault) => return Err(refusal(question, fault)),
    };
    let mut from = from_s;
    while from < to_s {
        let to = (from + longest).min(to_s);
        match client.ask(&question.promql(selector, to - from + 1), to).await {
            Ok(matrix) => {
                fetched.take(matrix, from * 1000, to * 1000);
                from = to;
            }
            Err(Fault::TooLarge(_) | Fault::TooSlow(_)) if to - from > SHORTEST_WINDOW_S => {
                longest = ((to - from) / 2).max(SHORTEST_WINDOW_S);
                tracing::debug!(question = question.name, longest, "halving the window");
            }
            Err(fault) => return Err(refusal(question, fault)),
        }
    }
    Ok(fetched)
}

/// The longest window that is expected to hold no more than [`MOST_SAMPLES`], of equal ones that cover the range.
fn planned_window(samples: f64, range_s: i64) -> i64 {
    let windows = (samples / MOST_SAMPLES).ceil().max(1.0);
    ((range_s as f64 / windows).ceil() as i64).clamp(SHORTEST_WINDOW_S.min(range_s), range_s)
}

fn refusal(question: &Question, fault: Fault) -> Refusal {
    match fault {
        Fault::Final(mut refusal) => {
            refusal.message = format!("{}: {}", question.name, refusal.message);
            refusal
        }
        Fault::TooLarge(words) => {
            let message = format!("{}: even {SHORTEST_WINDOW_S} seconds hold more samples than one query may load: {words}", question.name);
            Refusal::new("PROM_LIMIT", Reach::Range, message).hint("raise --query.max-samples of the Prometheus server")
        }
        Fault::TooSlow(words) => {
            let message = format!("{}: even {SHORTEST_WINDOW_S} seconds take the server too long: {words}", question.name);
            Refusal::new("PROM_TIMEOUT", Reach::Range, message).hint("raise --query.timeout of the Prometheus server, or lower its load")
        }
        Fault::Passing { why, .. } => Refusal::new("PROM_UNREACHABLE", Reach::Source, format!("{}: {why}", question.name)),
    }
}

impl Fetched {
    /// Takes what lies in `[from_ms, to_ms)`.
    fn take(&mut self, matrix: Matrix, from_ms: i64, to_ms: i64) {
        for (i, labels) in matrix.labels.into_iter().enumerate() {
            let range = matrix.offsets[i]..matrix.offsets[i + 1];
            let times = &matrix.ts_ms[range.clone()];
            let kept = times.partition_point(|ts| *ts < from_ms)..times.partition_point(|ts| *ts < to_ms);
            if kept.is_empty() {
                continue;
            }
            self.received += kept.len() as u64;
            let samples = self.samples.entry(labels).or_default();
            let before = samples.len();
            let values = &matrix.value[range][kept.clone()];
            samples.extend(times[kept.clone()].iter().copied().zip(values.iter().copied()).filter(|(_, value)| value.is_finite()));
            self.not_finite += (kept.len() - (samples.len() - before)) as u64;
        }
    }

    /// Puts another range's samples before or behind these.
    pub fn join(&mut self, other: Self) {
        self.received += other.received;
        self.not_finite += other.not_finite;
        for (labels, samples) in other.samples {
            let all = self.samples.entry(labels).or_default();
            all.extend(samples);
            all.sort_by_key(|sample| sample.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_follow_the_count() {
        assert_eq!(planned_window(100.0, 86_400), 86_400);
        assert_eq!(planned_window(5_000_000.0, 86_400), 86_400);
        assert_eq!(planned_window(28_800_000.0, 86_400), 14_400);
        assert_eq!(planned_window(1e15, 86_400), 60);
    }

    #[test]
    fn a_window_keeps_its_start_and_leaves_its_end_to_the_next() {
        let labels = BTreeMap::from([("a".to_owned(), "1".to_owned())]);
        let matrix = || Matrix {
            labels: vec![labels.clone()],
            offsets: vec![0, 4],
            ts_ms: vec![999, 1000, 1500, 2000],
            value: vec![0.0, 1.0, f64::NAN, 2.0],
        };
        let mut fetched = Fetched::default();
        fetched.take(matrix(), 1000, 2000);
        assert_eq!(fetched.samples[&labels], [(1000, 1.0)]);
        assert_eq!((fetched.received, fetched.not_finite), (2, 1));
        fetched.take(matrix(), 2000, 3000);
        assert_eq!(fetched.samples[&labels], [(1000, 1.0), (2000, 2.0)]);
    }
}
