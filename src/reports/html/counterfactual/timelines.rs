//! One picture a run: the grid around it, when it would have run and when it did.

use askama::Template;
use askama::filters::HtmlSafe;
use chrono::{DateTime, DurationRound, TimeDelta, Utc};

use crate::disclosure::statement::{CurvePoint, Timeline};
use crate::reports::html::chart::{Axis, px};
use crate::reports::view;

/// Prints itself as a whole `<figure>`.
#[derive(Template)]
#[template(path = "report/timeline.html")]
pub struct Picture<'a> {
    number: usize,
    run: &'a Timeline,
    is_loss: bool,
    avoided: String,
    desc: String,
    planned: Band,
    ran: Band,
    /// A polyline for each stretch; the baseline's zone only where it is another.
    ran_line: String,
    baseline_line: String,
    has_other_zone: bool,
    y_ticks: Vec<(String, String)>,
    x_ticks: Vec<(String, String)>,
}

impl HtmlSafe for Picture<'_> {}

pub struct Band {
    pub x: String,
    pub width: String,
    pub middle: String,
}

const LEFT: f64 = 34.0;
const RIGHT: f64 = 498.0;
const TOP: f64 = 34.0;
const BOTTOM: f64 = 142.0;
/// Fewer labels than this fit beneath a picture.
const MOST_LABELS: i64 = 7;

pub fn pictures(timelines: &[Timeline]) -> Vec<Picture<'_>> {
    timelines.iter().enumerate().filter_map(|(index, run)| picture(index + 1, run)).collect()
}

fn picture(number: usize, run: &Timeline) -> Option<Picture<'_>> {
    let points = || run.ran.iter().chain(&run.baseline);
    let length = run.end - run.start;
    let baseline_end = run.baseline_start + length;
    let from = points().map(|point| point.at).min()?.min(run.start).min(run.baseline_start);
    let to = points().map(|point| point.at).max()?.max(run.end).max(baseline_end);
    let span = (to - from).num_seconds().max(1) as f64;
    let x = |at: DateTime<Utc>| LEFT + (at - from).num_seconds() as f64 / span * (RIGHT - LEFT);
    let axis = Axis::upto(points().map(|point| point.gco2e_per_kwh).fold(0.0, f64::max));
    let y = |intensity: f64| BOTTOM - axis.part(intensity) * (BOTTOM - TOP);
    let band = |start: DateTime<Utc>, end: DateTime<Utc>| {
        let (left, right) = (x(start), x(end));
        Band { x: px(left), width: px((right - left).max(1.5)), middle: px(((left + right) / 2.0).clamp(LEFT + 22.0, RIGHT - 22.0)) }
    };
    let kilograms = view::kg(run.avoided_ugco2e);
    let hour = |at: DateTime<Utc>| view::utc_minute(at);
    Some(Picture {
        number,
        run,
        is_loss: run.avoided_ugco2e.get() < 0,
        avoided: kilograms.signed(),
        desc: format!(
            "Planned from {} in {}, ran from {} in {}, UTC. Line: direct grid intensity in grams CO2e per kWh, from {} to {}. Avoided {} kg.",
            hour(run.baseline_start),
            run.baseline_zone,
            hour(run.start),
            run.grid_zone,
            hour(from),
            hour(to),
            kilograms.signed()
        ),
        planned: band(run.baseline_start, baseline_end),
        ran: band(run.start, run.end),
        ran_line: stairs(&run.ran, x, y),
        baseline_line: stairs(&run.baseline, x, y),
        has_other_zone: !run.baseline.is_empty(),
        y_ticks: axis.labels().into_iter().map(|(value, text)| (px(y(value)), text)).collect(),
        x_ticks: hours(from, to).into_iter().map(|at| (px(x(at)), label(at))).collect(),
    })
}

/// An intensity holds for its whole interval, so the line goes in steps.
fn stairs(points: &[CurvePoint], x: impl Fn(DateTime<Utc>) -> f64, y: impl Fn(f64) -> f64) -> String {
    let mut line: Vec<String> = Vec::new();
    let mut before: Option<f64> = None;
    for point in points {
        let at = px(x(point.at));
        if let Some(height) = before {
            line.push(format!("{at},{}", px(height)));
        }
        let height = y(point.gco2e_per_kwh);
        line.push(format!("{at},{}", px(height)));
        before = Some(height);
    }
    line.join(" ")
}

/// Round hours, as few as can be read.
fn hours(from: DateTime<Utc>, to: DateTime<Utc>) -> Vec<DateTime<Utc>> {
    let hours = (to - from).num_hours();
    let step = [1, 2, 3, 6, 12, 24, 48, 96, 168].into_iter().find(|step| hours / step <= MOST_LABELS).unwrap_or(336);
    let first = from.duration_trunc(TimeDelta::hours(step)).unwrap_or(from);
    std::iter::successors(Some(first), |at| Some(*at + TimeDelta::hours(step)))
        .skip_while(|at| *at < from)
        .take_while(|at| *at <= to)
        .collect()
}

/// `18:00`, and at midnight the day that begins.
fn label(at: DateTime<Utc>) -> String {
    if at.time() == chrono::NaiveTime::MIN { at.format("%-d %b").to_string() } else { at.format("%H:%M").to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn hours_are_round_and_few() {
        let labels = |from, to| hours(at(from), at(to)).into_iter().map(label).collect::<Vec<_>>();
        assert_eq!(labels("2026-10-01T21:00:00Z", "2026-10-02T08:00:00Z"), ["22:00", "2 Oct", "02:00", "04:00", "06:00", "08:00"]);
        assert_eq!(labels("2026-10-01T00:00:00Z", "2026-10-05T00:00:00Z"), ["1 Oct", "2 Oct", "3 Oct", "4 Oct", "5 Oct"]);
    }

    #[test]
    fn an_intensity_holds_until_the_next_one() {
        let point = |hour: &str, intensity| CurvePoint { at: at(hour), gco2e_per_kwh: intensity };
        let points = [point("2026-10-01T00:00:00Z", 10.0), point("2026-10-01T01:00:00Z", 20.0), point("2026-10-01T02:00:00Z", 20.0)];
        let line = stairs(&points, |at| (at - points[0].at).num_hours() as f64, |intensity| intensity);
        assert_eq!(line, "0.0,10.0 1.0,10.0 1.0,20.0 2.0,20.0 2.0,20.0");
    }
}
