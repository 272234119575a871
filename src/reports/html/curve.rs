//! The daily curve: when a cluster used electricity, and how dirty it was then.

use super::basis::Basis;
use super::chart::{BarsAndLine, Point, Words};
use crate::disclosure::Statement;
use crate::reports::average_day::{Bucket, Curve};
use crate::reports::view::{Rounded, UNKNOWN};

pub struct ClusterCurve<'a> {
    pub cluster: &'a str,
    pub grid_zone: &'a str,
    pub mean_intensity: String,
    pub intensity_of_use: String,
    pub comparison: &'static str,
    pub day: BarsAndLine,
    pub month: BarsAndLine,
    pub hours: Vec<CurveRow>,
    pub dates: Vec<CurveRow>,
    pub is_empty: bool,
}

pub struct CurveRow {
    pub label: String,
    pub amount: String,
    pub intensity: String,
}

pub fn basis(statement: &Statement) -> Basis<'_> {
    const RULE: &str = "Method, section 4: location-based, hourly direct factors. The curve is for understanding; the inventory above holds the reported figures.";
    Basis::new(RULE).with_series(statement, |_| true).with_tiers(statement, |_| true)
}

pub fn curves(statement: &Statement) -> Vec<ClusterCurve<'_>> {
    let clusters = statement.clusters.iter().enumerate();
    clusters
        .map(|(index, cluster)| {
            cluster_curve(index + 1, &cluster.cluster, &cluster.grid_zone, Curve::of(&cluster.cluster, &statement.hours))
        })
        .collect()
}

fn cluster_curve<'a>(number: usize, cluster: &'a str, grid_zone: &'a str, curve: Curve) -> ClusterCurve<'a> {
    let text = |rounded: Option<Rounded>| rounded.map_or_else(|| UNKNOWN.to_owned(), |rounded| rounded.to_string());
    let number_of = |rounded: Option<Rounded>| rounded.map(Rounded::number);
    let by_hour = |(hour, bucket): (usize, &Bucket)| {
        let (power, intensity) = (bucket.mean_kw(), bucket.mean_intensity());
        let label = format!("{hour:02}");
        (
            Point { label: label.clone(), bar: number_of(power), line: number_of(intensity) },
            CurveRow { label, amount: text(power), intensity: text(intensity) },
        )
    };
    let by_date = |(date, bucket): (&chrono::NaiveDate, &Bucket)| {
        let (energy, intensity) = (bucket.energy_kwh(), bucket.mean_intensity());
        let point = Point { label: date.format("%-d").to_string(), bar: Some(energy.number()), line: number_of(intensity) };
        (point, CurveRow { label: date.format("%Y-%m-%d").to_string(), amount: energy.to_string(), intensity: text(intensity) })
    };
    let (day_points, hours): (Vec<_>, Vec<_>) = curve.by_hour_of_day.iter().enumerate().map(by_hour).unzip();
    let (month_points, dates): (Vec<_>, Vec<_>) = curve.by_date.iter().map(by_date).unzip();
    let (mean, used) = (curve.all.mean_intensity(), curve.all.intensity_of_use());
    let comparison = match (number_of(used), number_of(mean)) {
        (Some(used), Some(mean)) if used < mean => "cleaner than",
        (Some(used), Some(mean)) if used > mean => "dirtier than",
        (Some(_), Some(_)) => "the same as",
        _ => "not comparable with",
    };
    let day_words = Words {
        id: format!("curve-{number}-day"),
        title: format!("{cluster}: mean power and grid intensity by hour of day"),
        desc: format!(
            "Bars: mean facility power in kW for each UTC hour of day. Line: mean direct intensity of {grid_zone} in grams CO2e per kWh. The table beside it holds the same figures."
        ),
        left_unit: "kW",
        x_unit: "hour of day, UTC",
    };
    let month_words = Words {
        id: format!("curve-{number}-month"),
        title: format!("{cluster}: energy and grid intensity by day"),
        desc: format!(
            "Bars: facility energy in kWh for each UTC date. Line: mean direct intensity of {grid_zone} in grams CO2e per kWh. The table below it holds the same figures."
        ),
        left_unit: "kWh",
        x_unit: "day, UTC",
    };
    ClusterCurve {
        cluster,
        grid_zone,
        mean_intensity: text(mean),
        intensity_of_use: text(used),
        comparison,
        is_empty: dates.is_empty(),
        day: BarsAndLine::new(day_words, &day_points, (560, 300), 2),
        month: BarsAndLine::new(month_words, &month_points, (800, 190), 1),
        hours,
        dates,
    }
}
