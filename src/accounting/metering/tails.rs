//! What pods used between their last sample and their recorded end.
//!
//! In: a pod's counters, its end. Out: millijoules by step at the last rate, and a finding for ends too far away for that. Rule (method,
//! section 3, tail): at the rate of the last interval, at most to the recorded end. It is an estimate, and whether it counts is the report's
//! policy. Assumes: a rate holds for no longer than a scrape or two. Does not: move energy; that is the ledger's.

use super::counters::{Samples, StepSums, Window};
use super::findings::listed;
use crate::model::{Finding, Severity};

/// A missed scrape is bridged, a silent exporter is not.
const LONGEST_INTERVALS: f64 = 2.5;
const LONGEST_MS: i64 = 300_000;

/// The tail of one pod after the other.
pub struct Tails {
    window: Window,
    /// Last sample, joules a millisecond, length of the last interval.
    rates: Vec<(i64, f64, i64)>,
    examined: usize,
    unknown: Vec<String>,
    /// Pods whose end was recorded, and pods of Jobs that were gone at a later scrape without one.
    recorded: usize,
    unrecorded: usize,
}

impl Tails {
    pub fn new(window: &Window) -> Self {
        Self { window: *window, rates: Vec::new(), examined: 0, unknown: Vec::new(), recorded: 0, unrecorded: 0 }
    }

    /// Takes in one counter of the pod.
    pub fn look(&mut self, samples: Samples) {
        let (ts, value) = (samples.ts_ms, samples.value);
        if let [.., before, last] = value
            && last >= before
        {
            let interval_ms = ts[ts.len() - 1] - ts[ts.len() - 2];
            self.rates.push((ts[ts.len() - 1], (last - before) / interval_ms as f64, interval_ms));
        }
    }

    /// The pod's tail by step; afterwards the next pod may come.
    ///
    /// `is_gone` says of its last sample whether it was a Job's and a later scrape did not see it any more.
    pub fn settle(
        &mut self,
        end_ms: Option<i64>,
        is_gone: impl Fn(i64) -> bool,
        name: impl Fn() -> String,
        sums: &mut StepSums,
    ) -> Vec<(i32, i64)> {
        let rates = std::mem::take(&mut self.rates);
        let last_ms = rates.iter().map(|(last_ms, ..)| *last_ms).max();
        self.recorded += usize::from(end_ms.is_some());
        self.unrecorded += usize::from(end_ms.is_none() && last_ms.is_some_and(is_gone));
        let (Some(end_ms), Some(last_ms)) = (end_ms, last_ms) else { return Vec::new() };
        // A pod that goes on after the day is the next day's, and one that ended before it was the day's before.
        if !(self.window.start_ms..self.window.end_ms).contains(&last_ms) || end_ms <= last_ms {
            return Vec::new();
        }
        self.examined += 1;
        for (since_ms, rate, interval_ms) in rates {
            // A counter that stopped before the others belongs to a container that ended before the pod.
            if since_ms < last_ms {
                continue;
            }
            if end_ms - last_ms > LONGEST_MS.max((interval_ms as f64 * LONGEST_INTERVALS) as i64) {
                self.unknown.push(format!("{} ({} s)", name(), (end_ms - last_ms) / 1_000));
                return Vec::new();
            }
            sums.add_line(since_ms, 0.0, end_ms, rate * (end_ms - since_ms) as f64);
        }
        sums.drain()
    }

    pub fn findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        if !self.unknown.is_empty() {
            let message = format!(
                "{} pods went on after their last energy sample for longer than a rate can be carried on, so what they used is not known and \
                 stays in (system): {}. Check the exporter on their nodes.",
                self.unknown.len(),
                listed(&self.unknown)
            );
            findings.push(Finding::new("TAIL_UNKNOWN", Severity::Disclosed, message).examined(self.examined).failing(self.unknown.len()));
        }
        // A few are always deleted before their end is seen; that no end at all is seen says that nobody looks.
        if self.recorded == 0 && self.unrecorded > 0 {
            let message = format!(
                "Pods of Jobs ended ({}) and no end was recorded, so what they used after their last sample is not estimated: the tails that \
                 are printed are not all. Let kube-state-metrics serve `kube_pod_completion_time`, or read the Kubernetes API.",
                self.unrecorded
            );
            findings.push(Finding::new("ENDS_UNSEEN", Severity::Noted, message).examined(self.unrecorded).failing(self.unrecorded));
        }
        findings
    }
}
