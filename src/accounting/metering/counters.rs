//! Differences one counter into whole thousandths by step: joules into millijoules, CPU seconds into milliseconds.
//!
//! In: the samples of one identity, merged by time. Out: what was counted in each step of a window, and a tally of what was odd.
//! Rule (method, sections 2 and 3): the cumulative value is rounded at step edges and differences are taken, so that steps add up to
//! the delta rounded once, and a window computed apart meets its neighbour exactly: both interpolate the same two samples at the edge.
//! Assumes: between two samples the counter rose evenly. Does not: fill steps that no delta reaches.

use anyhow::{Result, ensure};

use crate::units::UtcDay;

/// A fall of at least this share of the value is a reset; a smaller one without a restart is a glitch of the exporter.
const RESET_FALL_SHARE: f64 = 0.01;
/// Exporters renew their values every few seconds, so two scrapes a moment apart (a pair of Prometheus servers) may see one whole
/// renewal between them. A rate is therefore judged over at least this time.
const SHORTEST_JUDGED_S: f64 = 10.0;

/// Half-open time `[start, end)`, cut into equal steps.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    pub start_ms: i64,
    pub end_ms: i64,
    pub step_ms: i64,
}

impl Window {
    pub fn of_day(day: UtcDay, step_seconds: i64) -> Result<Self> {
        ensure!(step_seconds > 0 && 86_400 % step_seconds == 0, "a step of {step_seconds} s does not divide a day");
        Ok(Self { start_ms: day.start().timestamp_millis(), end_ms: day.end().timestamp_millis(), step_ms: step_seconds * 1_000 })
    }

    pub fn steps(&self) -> usize {
        usize::try_from((self.end_ms - self.start_ms) / self.step_ms).expect("a window does not end before it starts")
    }

    /// Number of a step of the window: unix time over step length.
    pub fn step_number(&self, step: usize) -> i32 {
        i32::try_from(self.start_ms / self.step_ms + step as i64).expect("steps of at least a second stay below 2^31 until 2038")
    }

    /// Where a numbered step stands in the window; none where it is another's.
    pub fn step_of(&self, number: i32) -> Option<usize> {
        let step = i64::from(number) - self.start_ms / self.step_ms;
        usize::try_from(step).ok().filter(|step| *step < self.steps())
    }

    /// Whether something seen from `first_ms` to `last_ms` lies in the window at least in part.
    pub fn overlaps(&self, first_ms: i64, last_ms: i64) -> bool {
        first_ms < self.end_ms && last_ms >= self.start_ms
    }
}

/// Samples of one series or of one merged identity, sorted by time.
#[derive(Clone, Copy, Debug)]
pub struct Samples<'a> {
    pub ts_ms: &'a [i64],
    pub value: &'a [f64],
}

impl Samples<'_> {
    /// First and last time; none where there is no sample.
    pub fn span(&self) -> Option<(i64, i64)> {
        Some((*self.ts_ms.first()?, *self.ts_ms.last()?))
    }
}

/// Puts the series of one identity together by time, in buffers that are used again and again.
#[derive(Debug, Default)]
pub struct Merge {
    ts_ms: Vec<i64>,
    value: Vec<f64>,
    order: Vec<(i64, f64)>,
    /// Samples left out because they were not a number from zero up (NaN, infinity, negative).
    pub non_finite: u64,
}

impl Merge {
    /// Series of one identity as one. At the same time the larger value is kept: a counter does not fall, so it is the later reading.
    pub fn of<'a>(&'a mut self, parts: &[Samples<'a>]) -> Samples<'a> {
        let is_sound = |samples: &Samples| samples.value.iter().all(|value| is_countable(*value));
        if let [only] = parts
            && is_sound(only)
        {
            return *only;
        }
        self.order.clear();
        for part in parts {
            self.order.extend(part.ts_ms.iter().copied().zip(part.value.iter().copied()));
        }
        let all = self.order.len();
        self.order.retain(|(_, value)| is_countable(*value));
        self.non_finite += (all - self.order.len()) as u64;
        if !self.order.is_sorted_by(|a, b| a.0 < b.0) {
            self.order.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(b.1.total_cmp(&a.1)));
            self.order.dedup_by_key(|sample| sample.0);
        }
        self.ts_ms.clear();
        self.value.clear();
        self.ts_ms.extend(self.order.iter().map(|sample| sample.0));
        self.value.extend(self.order.iter().map(|sample| sample.1));
        Samples { ts_ms: &self.ts_ms, value: &self.value }
    }
}

fn is_countable(value: f64) -> bool {
    value.is_finite() && value >= 0.0
}

/// A straight line between two readings of a counter, and what of it fell into one step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line {
    pub from_ms: i64,
    pub from: f64,
    pub to_ms: i64,
    pub to: f64,
    pub thousandths: i64,
}

/// Sums by step of a window, used again for one identity after the other.
#[derive(Debug)]
pub struct StepSums {
    window: Window,
    sum: Vec<i64>,
    reached: Vec<bool>,
    /// The steps that may be reached; all others are clear.
    low: usize,
    high: usize,
    /// A step whose lines are kept, for whoever asks what it is made of.
    watched: Option<usize>,
    lines: Vec<Line>,
}

impl StepSums {
    pub fn new(window: Window) -> Self {
        let steps = window.steps();
        Self { window, sum: vec![0; steps], reached: vec![false; steps], low: steps, high: 0, watched: None, lines: Vec::new() }
    }

    /// Keeps the lines that reach into a step.
    pub fn watching(self, step: Option<usize>) -> Self {
        Self { watched: step, ..self }
    }

    /// The lines of the watched step since the last time.
    pub fn take_lines(&mut self) -> Vec<Line> {
        std::mem::take(&mut self.lines)
    }

    fn add(&mut self, step: usize, thousandths: i64) {
        self.sum[step] = self.sum[step].checked_add(thousandths).expect("a counter's plausible deltas stay far below 2^63");
        self.reached[step] = true;
        self.low = self.low.min(step);
        self.high = self.high.max(step + 1);
    }

    /// The straight line from `(t0, a)` to `(t1, b)`, cut to the window and at every step edge.
    pub fn add_line(&mut self, t0: i64, a: f64, t1: i64, b: f64) {
        let Window { start_ms, end_ms, step_ms } = self.window;
        let (from, to) = (t0.max(start_ms), t1.min(end_ms));
        if to <= from {
            return;
        }
        let rounded_at = |t: i64| {
            if t <= t0 {
                thousandths(a)
            } else if t >= t1 {
                thousandths(b)
            } else {
                thousandths((a + (b - a) * ((t - t0) as f64 / (t1 - t0) as f64)).min(b))
            }
        };
        let mut step = usize::try_from((from - start_ms) / step_ms).expect("the line was cut to the window");
        let first_step = step;
        let watched_before = self.watched.map(|watched| self.sum[watched]);
        let mut edge = start_ms + (step as i64 + 1) * step_ms;
        let mut opened = rounded_at(from);
        while edge < to {
            let closed = rounded_at(edge);
            self.add(step, closed - opened);
            opened = closed;
            step += 1;
            edge += step_ms;
        }
        self.add(step, rounded_at(to) - opened);
        if let (Some(watched), Some(before)) = (self.watched, watched_before)
            && (first_step..=step).contains(&watched)
        {
            self.lines.push(Line { from_ms: t0, from: a, to_ms: t1, to: b, thousandths: self.sum[watched] - before });
        }
    }

    /// The steps that a delta reached, with their sums, in order; afterwards everything is clear again.
    pub fn drain(&mut self) -> Vec<(i32, i64)> {
        let mut rows = Vec::with_capacity(self.high.saturating_sub(self.low));
        for step in self.low..self.high {
            if self.reached[step] {
                rows.push((self.window.step_number(step), self.sum[step]));
                self.sum[step] = 0;
                self.reached[step] = false;
            }
        }
        (self.low, self.high) = (self.sum.len(), 0);
        rows
    }
}

/// Method, section 2: `floor(x + 0.5)`, here of a cumulative value in thousandths of its unit.
fn thousandths(value: f64) -> i64 {
    (value * 1_000.0 + 0.5).floor() as i64
}

/// Where a counter begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// It was there when the looking began: its first sample only says where to count from.
    Anchor,
    /// It was born while its target was being scraped: it counts from zero, since the scrape before.
    Zero { since_ms: i64 },
}

/// What a restart of the exporter does to a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnRestart {
    /// It starts again at zero, whatever the new value looks like.
    FromZero,
    /// It starts again at a value that is not energy of the interval: the delta is dropped.
    Drop,
}

/// How a counter is to be read.
#[derive(Clone, Copy, Debug)]
pub struct Reading<'a> {
    pub start: Start,
    pub on_restart: OnRestart,
    /// Times of the first scrape after each restart, sorted; none where the value is the hardware's and not the exporter's.
    pub restarts: &'a [i64],
    /// Deltas above this many units a second are dropped as implausible.
    pub largest_per_second: f64,
}

/// What was odd about the counters of one kind.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tally {
    pub deltas: u64,
    pub resets: u64,
    /// What the resets may have lost at most, in the counter's unit: the rate of the interval before times the interval of the reset.
    pub loss_bound: f64,
    /// Resets without an interval before them, for which no bound is known.
    pub unbounded_resets: u64,
    pub decreases: u64,
    pub implausible: u64,
    pub dropped_at_restart: u64,
}

/// Differences one merged counter into the sums of its steps.
///
/// Method, section 3 (first sample, reset): after a reset the new value counts from zero, spread from the previous sample to the new one.
/// A fall of less than 1 % without restart counts nothing and goes on from the lower value.
/// A rise that no machine can make is dropped: the sample alone where the next one fits the one before it, else the delta.
/// An odd delta is tallied in the window in which it ends, so that neighbouring days do not both name it.
pub fn difference(samples: Samples, reading: &Reading, sums: &mut StepSums, tally: &mut Tally) {
    let (ts, value) = (samples.ts_ms, samples.value);
    let Window { start_ms, end_ms, .. } = sums.window;
    if ts.is_empty() {
        return;
    }
    let is_implausible =
        |t0: i64, t1: i64, delta: f64| delta > reading.largest_per_second * ((t1 - t0) as f64 / 1_000.0).max(SHORTEST_JUDGED_S);
    if let Start::Zero { since_ms } = reading.start
        && since_ms < end_ms
        && ts[0] > start_ms
    {
        let ends_here = u64::from(ts[0] <= end_ms);
        tally.deltas += ends_here;
        if is_implausible(since_ms, ts[0], value[0]) {
            tally.implausible += ends_here;
        } else {
            sums.add_line(since_ms, 0.0, ts[0], value[0]);
        }
    }
    let first = ts.partition_point(|t| *t <= start_ms).max(1);
    let mut restart = reading.restarts.partition_point(|t| *t <= ts[first - 1]);
    let mut before = first - 1;
    for i in first..ts.len() {
        let (t0, a, t1, b) = (ts[before], value[before], ts[i], value[i]);
        if t0 >= end_ms {
            break;
        }
        let ends_here = u64::from(t1 <= end_ms);
        tally.deltas += ends_here;
        let mut restarted = false;
        while restart < reading.restarts.len() && reading.restarts[restart] <= t1 {
            restarted = true;
            restart += 1;
        }
        let is_spike = |next: usize| value[next] < b && value[next] >= a && !is_implausible(t0, ts[next], value[next] - a);
        if !restarted && is_implausible(t0, t1, b - a) && i + 1 < ts.len() && is_spike(i + 1) {
            tally.implausible += ends_here;
            continue;
        }
        let previous = std::mem::replace(&mut before, i);
        let is_reset = match reading.on_restart {
            OnRestart::Drop if restarted => {
                tally.dropped_at_restart += ends_here;
                continue;
            }
            OnRestart::FromZero if restarted => true,
            _ if b < a && !restarted && a - b < RESET_FALL_SHARE * a => {
                tally.decreases += ends_here;
                sums.add_line(t0, b, t1, b);
                continue;
            }
            _ => b < a,
        };
        let from = if is_reset { 0.0 } else { a };
        if is_implausible(t0, t1, b - from) {
            tally.implausible += ends_here;
            continue;
        }
        if is_reset && ends_here == 1 {
            tally.resets += 1;
            if let Some(earlier) = previous.checked_sub(1).filter(|earlier| a >= value[*earlier]) {
                tally.loss_bound += (a - value[earlier]) / (t0 - ts[earlier]) as f64 * (t1 - t0) as f64;
            } else {
                tally.unbounded_resets += 1;
            }
        }
        sums.add_line(t0, from, t1, b);
    }
}
