//! Asks for a range in windows that the server can bear, and puts the answers together.
//!
//! In: a question and a range `[from, to)` in whole seconds. Out: its samples in columns, not finite ones dropped and counted.
//! Rule: windows of queries are planned from a count of the samples, stay below a tenth of the server's limit, and any window is halved when
//! the server still refuses. A 2.x server's range is closed at both ends and a 3.x server's is open on the left: one second more is asked
//! for and cut. Assumes: the same range asked in any windows has the same samples. Does not: guess a sample.

use std::ops::Range;

use super::client::{Client, Fault, partial};
use super::columns::Columns;
use super::decode::Matrix;
use super::questions::{Kind, Question};
use super::server::{Server, Way};
use super::{edges, matchers, remote};
use crate::sources::{Reach, Refusal};

/// What one answer in JSON may hold, so that its text stays below 20 MB.
const MOST_SAMPLES: f64 = 500_000.0;
/// Windows are not halved below this.
const SHORTEST_WINDOW_S: i64 = 60;
/// Where the server cannot even count.
const CAUTIOUS_WINDOW_S: i64 = 3_600;

/// Whom to ask, what, and of which cluster.
pub struct Asking<'a> {
    pub client: &'a Client,
    pub server: &'a Server,
    pub question: &'static Question,
    pub selector: &'a str,
}

impl Asking<'_> {
    /// How this question is asked: edges say too little of states, and their steps need a single metric.
    pub fn way(&self) -> Way {
        let is_for_edges = self.question.kind == Kind::Counter && self.question.has_one_metric();
        if self.server.way == Way::Edges && !is_for_edges { Way::Query } else { self.server.way }
    }

    fn shortest_window(&self) -> i64 {
        if self.way() == Way::Edges { edges::STEP_S } else { SHORTEST_WINDOW_S }
    }

    /// All samples of `[from, to)`.
    pub async fn fetch(&self, range: Range<i64>) -> Result<Columns, Refusal> {
        let mut fetched = Columns::default();
        let way = self.way();
        let shortest = self.shortest_window();
        let mut longest = match way {
            Way::RemoteRead | Way::Edges => range.end - range.start,
            Way::Query => match self.planned_window(&range).await? {
                Some(longest) => longest,
                None => return Ok(fetched),
            },
        };
        let mut from = range.start;
        while from < range.end {
            let to = (from + longest).min(range.end);
            match self.window(way, from..to).await {
                Ok(columns) => {
                    fetched.absorb(columns);
                    from = to;
                }
                Err(Fault::TooLarge(_) | Fault::TooSlow(_)) if to - from > shortest => {
                    longest = ((to - from) / 2 / shortest * shortest).max(shortest);
                    tracing::debug!(question = self.question.name, longest, "halving the window");
                }
                Err(fault) => return Err(self.refusal(fault)),
            }
        }
        Ok(fetched)
    }

    async fn window(&self, way: Way, range: Range<i64>) -> Result<Columns, Fault> {
        match way {
            Way::RemoteRead => self.remote(range).await,
            Way::Query => self.matrix(range).await,
            Way::Edges => edges::window(self, range).await,
        }
    }

    /// Raw samples as the query API gives them.
    pub async fn matrix(&self, range: Range<i64>) -> Result<Columns, Fault> {
        let promql = self.question.promql(self.selector, range.end - range.start + 1);
        let mut columns = Columns::default();
        self.take(&mut columns, self.client.ask(&promql, range.end).await?, &(range.start * 1000..range.end * 1000));
        Ok(columns)
    }

    async fn remote(&self, range: Range<i64>) -> Result<Columns, Fault> {
        let window_s = range.end - range.start;
        let promql = self.question.promql(self.selector, window_s);
        let matchers = matchers::of_selector(&promql)
            .map_err(|why| Fault::Final(Refusal::new("PROM_READ", Reach::Source, why).hint("ask with `read = \"query\"`")))?;
        let range_ms = range.start * 1000..range.end * 1000;
        let reply = remote::read(self.client, &matchers, range_ms, &self.server.external_labels).await?;
        if self.server.is_counted || !reply.has_an_end {
            // Of a range closed at both ends, or open on the left.
            let all = reply.columns.received + reply.at_end;
            let counted = self.client.ask(&self.question.count_promql(self.selector, window_s), range.end).await?;
            let counted = counted.value.first().copied().unwrap_or(0.0);
            if counted != all as f64 && counted != (all - reply.at_start) as f64 {
                return Err(partial(&format!("remote read gave {all} samples, and the server counts {counted}")));
            }
        }
        Ok(reply.columns)
    }

    /// Takes what lies in the range.
    pub fn take(&self, columns: &mut Columns, matrix: Matrix, range_ms: &Range<i64>) {
        for (i, mut labels) in matrix.labels.into_iter().enumerate() {
            let part = matrix.offsets[i]..matrix.offsets[i + 1];
            let times = &matrix.ts_ms[part.clone()];
            let kept = times.partition_point(|ts| *ts < range_ms.start)..times.partition_point(|ts| *ts < range_ms.end);
            if kept.is_empty() {
                continue;
            }
            remote::without_external(&mut labels, &self.server.external_labels);
            let start = columns.len();
            let values = &matrix.value[part][kept.clone()];
            times[kept].iter().zip(values).for_each(|(ts_ms, value)| columns.push(*ts_ms, *value));
            columns.close(labels, start);
        }
    }

    /// The longest window that is expected to stay within the limits; none where there is no sample at all.
    async fn planned_window(&self, range: &Range<i64>) -> Result<Option<i64>, Refusal> {
        let range_s = range.end - range.start;
        match self.client.ask(&self.question.count_promql(self.selector, range_s + 1), range.end).await {
            Ok(count) => Ok(count.value.first().map(|count| planned_window(*count, range_s, self.server.max_samples))),
            Err(Fault::TooLarge(_) | Fault::TooSlow(_)) => Ok(Some(CAUTIOUS_WINDOW_S.min(range_s))),
            Err(fault) => Err(self.refusal(fault)),
        }
    }

    fn refusal(&self, fault: Fault) -> Refusal {
        let (question, shortest) = (self.question.name, self.shortest_window());
        match fault {
            Fault::Final(mut refusal) => {
                refusal.message = format!("{question}: {}", refusal.message);
                refusal
            }
            Fault::TooLarge(words) => {
                let message = format!("{question}: even {shortest} seconds hold more samples than one query may load: {words}");
                Refusal::new("PROM_LIMIT", Reach::Range, message).hint("raise --query.max-samples of the Prometheus server")
            }
            Fault::TooSlow(words) => {
                let message = format!("{question}: even {shortest} seconds take the server too long: {words}");
                let hint = "raise --query.timeout of the Prometheus server, or `timeout` of the cluster's `prometheus`, or lower its load";
                Refusal::new("PROM_TIMEOUT", Reach::Range, message).hint(hint)
            }
            Fault::Unserved(why) => {
                Refusal::new("PROM_REFUSED", Reach::Range, format!("{question}: {why}")).hint("the server's log says more")
            }
            Fault::Passing { why, .. } => Refusal::new("PROM_UNREACHABLE", Reach::Source, format!("{question}: {why}")),
        }
    }
}

/// The longest of equal windows that cover the range and are expected to hold no more than a tenth of the server's limit.
fn planned_window(samples: f64, range_s: i64, max_samples: f64) -> i64 {
    let windows = (samples / MOST_SAMPLES.min(max_samples / 10.0)).ceil().max(1.0);
    ((range_s as f64 / windows).ceil() as i64).clamp(SHORTEST_WINDOW_S.min(range_s), range_s)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_follow_the_count_and_the_limit() {
        let usual = 50_000_000.0;
        assert_eq!(planned_window(100.0, 86_400, usual), 86_400);
        assert_eq!(planned_window(500_000.0, 86_400, usual), 86_400);
        assert_eq!(planned_window(3_000_000.0, 86_400, usual), 14_400);
        assert_eq!(planned_window(3_000_000.0, 86_400, 1_000_000.0), 2_880);
        assert_eq!(planned_window(1e15, 86_400, usual), 60);
    }
}
