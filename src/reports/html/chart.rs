//! The geometry of the pictures. Coordinates are doubles, because they are ink; every number that is printed comes rounded from `view`.

use askama::Template;
use askama::filters::HtmlSafe;

/// A value to draw and the text to show for it.
pub struct Point {
    pub label: String,
    pub bar: Option<f64>,
    pub line: Option<f64>,
}

/// Bars on the left axis, a line on the right one.
#[derive(Template)]
#[template(path = "report/bars_and_line.html")]
pub struct BarsAndLine {
    id: String,
    title: String,
    desc: String,
    width: u32,
    height: u32,
    left_unit: &'static str,
    right_unit: &'static str,
    x_unit: &'static str,
    plot: Plot,
    bars: Vec<Bar>,
    /// One polyline per stretch without holes: unknown is not drawn as zero.
    lines: Vec<String>,
    dots: Vec<(String, String)>,
    left_ticks: Vec<Tick>,
    right_ticks: Vec<Tick>,
    x_labels: Vec<(String, String)>,
}

impl HtmlSafe for BarsAndLine {}

pub struct Plot {
    pub left: f64,
    pub right: f64,
    pub top: f64,
    pub bottom: f64,
}

pub struct Bar {
    pub x: String,
    pub y: String,
    pub width: String,
    pub height: String,
}

pub struct Tick {
    pub y: String,
    pub text: String,
}

pub struct Words {
    pub id: String,
    pub title: String,
    pub desc: String,
    pub left_unit: &'static str,
    pub x_unit: &'static str,
}

impl BarsAndLine {
    /// `every`: which of the labels are written.
    pub fn new(words: Words, points: &[Point], (width, height): (u32, u32), every: usize) -> Self {
        let plot = Plot { left: 46.0, right: f64::from(width) - 46.0, top: 26.0, bottom: f64::from(height) - 34.0 };
        let slot = (plot.right - plot.left) / points.len().max(1) as f64;
        let left_axis = Axis::upto(points.iter().filter_map(|point| point.bar).fold(0.0, f64::max));
        let right_axis = Axis::upto(points.iter().filter_map(|point| point.line).fold(0.0, f64::max));
        let middle = |index: usize| plot.left + slot * (index as f64 + 0.5);
        let bar = |(index, point): (usize, &Point)| {
            let top = plot.y(left_axis.part(point.bar?));
            Some(Bar { x: px(middle(index) - slot * 0.36), y: px(top), width: px(slot * 0.72), height: px(plot.bottom - top) })
        };
        let dot = |(index, point): (usize, &Point)| Some((px(middle(index)), px(plot.y(right_axis.part(point.line?)))));
        let stretches = points.chunk_by(|one, next| one.line.is_some() == next.line.is_some());
        let mut seen = 0;
        let mut lines = Vec::new();
        for stretch in stretches {
            let coordinates = stretch.iter().enumerate().filter_map(|(index, point)| dot((seen + index, point)));
            lines.push(coordinates.map(|(x, y)| format!("{x},{y}")).collect::<Vec<_>>().join(" "));
            seen += stretch.len();
        }
        lines.retain(|line| !line.is_empty());
        Self {
            bars: points.iter().enumerate().filter_map(bar).collect(),
            lines,
            dots: points.iter().enumerate().filter_map(dot).collect(),
            left_ticks: left_axis.ticks(&plot),
            right_ticks: right_axis.ticks(&plot),
            x_labels: points.iter().enumerate().step_by(every).map(|(index, point)| (px(middle(index)), point.label.clone())).collect(),
            id: words.id,
            title: words.title,
            desc: words.desc,
            left_unit: words.left_unit,
            right_unit: "g CO₂e/kWh",
            x_unit: words.x_unit,
            width,
            height,
            plot,
        }
    }
}

impl Plot {
    /// The height of a part (0 to 1) of an axis.
    fn y(&self, part: f64) -> f64 {
        self.bottom - part * (self.bottom - self.top)
    }
}

/// An axis from zero to a round number, in four or five steps.
pub struct Axis {
    step: f64,
    steps: u32,
    decimals: usize,
}

impl Axis {
    pub fn upto(largest: f64) -> Self {
        if largest <= 0.0 {
            return Self { step: 1.0, steps: 1, decimals: 0 };
        }
        let rough = largest / 4.0;
        let unit = 10_f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 2.5, 5.0, 10.0]
            .into_iter()
            .map(|factor| factor * unit)
            .find(|step| *step >= rough * 0.999_999)
            .unwrap_or(10.0 * unit);
        let is_whole = |decimals: &usize| {
            let scaled = step * 10_f64.powi(*decimals as i32);
            (scaled - scaled.round()).abs() < 1e-6
        };
        let decimals = (0..9).find(is_whole).unwrap_or(9);
        Self { step, steps: (largest / step - 1e-9).ceil().max(1.0) as u32, decimals }
    }

    pub fn part(&self, value: f64) -> f64 {
        value / (self.step * f64::from(self.steps))
    }

    /// Every step of the axis from zero, with what is written beside it.
    pub fn labels(&self) -> Vec<(f64, String)> {
        let label = |number: u32| {
            let value = self.step * f64::from(number);
            (value, format!("{value:.*}", self.decimals))
        };
        (0..=self.steps).map(label).collect()
    }

    fn ticks(&self, plot: &Plot) -> Vec<Tick> {
        self.labels().into_iter().map(|(value, text)| Tick { y: px(plot.y(self.part(value))), text }).collect()
    }
}

/// A coordinate: a tenth of a pixel is enough, and gives the same bytes everywhere.
pub fn px(coordinate: f64) -> String {
    format!("{coordinate:.1}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_ends_at_a_round_number_at_or_above_the_largest_value() {
        for (largest, end, decimals) in
            [(450.0, 600.0, 0), (1.0, 1.0, 2), (0.037, 0.04, 2), (7.0, 8.0, 0), (9.99, 10.0, 1), (400.0, 400.0, 0)]
        {
            let axis = Axis::upto(largest);
            assert!((axis.step * f64::from(axis.steps) - end).abs() < 1e-9, "{largest} ends at {}", axis.step * f64::from(axis.steps));
            assert_eq!(axis.decimals, decimals, "{largest}");
        }
    }

    #[test]
    fn an_unknown_value_breaks_the_line_instead_of_falling_to_zero() {
        let point = |line| Point { label: String::new(), bar: None, line };
        let words = Words { id: "x".to_owned(), title: String::new(), desc: String::new(), left_unit: "kW", x_unit: "" };
        let chart = BarsAndLine::new(words, &[point(Some(1.0)), point(None), point(Some(1.0)), point(Some(1.0))], (400, 200), 1);

        assert_eq!(chart.lines.len(), 2);
        assert!(chart.bars.is_empty());
        assert_eq!(chart.dots.len(), 3);
    }
}
