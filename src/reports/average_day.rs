//! From the hours of a cluster to its mean day and to its days: when electricity was used, and how dirty it was then.
//!
//! In: the statement's hours of one cluster. Out: 24 hours of the UTC day with mean power and mean intensity; one row a UTC date.
//! Rule: power is Σ energy ÷ the hours seen; intensity is the plain mean over the hours that have one. Does not: weight, fill, or convert to local time.

use std::collections::BTreeMap;

use chrono::{NaiveDate, Timelike};

use super::view::Rounded;
use super::view::{MILLIJOULES_PER_KWH, intensity_of_use};
use crate::disclosure::statement::HourStatement;

/// Hours that are shown as one: those of an hour of day, or those of a date.
#[derive(Clone, Debug, Default)]
pub struct Bucket {
    hours: i64,
    facility_mj: i128,
    operational_ugco2e: i128,
    intensity_sum: f64,
    intensity_hours: i64,
}

impl Bucket {
    fn add(&mut self, hour: &HourStatement) {
        self.hours += 1;
        self.facility_mj += i128::from(hour.facility_mj.get());
        self.operational_ugco2e += i128::from(hour.operational_hourly_ugco2e.get());
        if let Some(intensity) = hour.intensity_gco2e_per_kwh {
            self.intensity_sum += intensity;
            self.intensity_hours += 1;
        }
    }

    /// Mean power in kW: kilowatt-hours an hour. Unknown where no hour was seen.
    pub fn mean_kw(&self) -> Option<Rounded> {
        (self.hours > 0).then(|| Rounded::of(self.facility_mj, i128::from(self.hours) * MILLIJOULES_PER_KWH, 3))
    }

    pub fn energy_kwh(&self) -> Rounded {
        Rounded::of(self.facility_mj, MILLIJOULES_PER_KWH, 3)
    }

    /// Mean intensity of the grid zone over the hours, in g/kWh.
    pub fn mean_intensity(&self) -> Option<Rounded> {
        (self.intensity_hours > 0).then(|| Rounded::of_measured(self.intensity_sum / self.intensity_hours as f64, 1))
    }

    /// Mean intensity of the electricity that was used.
    pub fn intensity_of_use(&self) -> Option<Rounded> {
        intensity_of_use(self.operational_ugco2e, self.facility_mj)
    }
}

pub struct Curve {
    pub all: Bucket,
    /// Always 24, hour 0 first.
    pub by_hour_of_day: Vec<Bucket>,
    pub by_date: BTreeMap<NaiveDate, Bucket>,
}

impl Curve {
    pub fn of(cluster: &str, hours: &[HourStatement]) -> Self {
        let mut curve = Self { all: Bucket::default(), by_hour_of_day: vec![Bucket::default(); 24], by_date: BTreeMap::new() };
        for hour in hours.iter().filter(|hour| hour.cluster == cluster) {
            curve.all.add(hour);
            curve.by_hour_of_day[hour.hour.hour() as usize].add(hour);
            curve.by_date.entry(hour.hour.date_naive()).or_default().add(hour);
        }
        curve
    }
}

#[cfg(test)]
mod tests {
    use chrono::{TimeZone, Utc};

    use super::*;
    use crate::units::{MicrogramsCo2e, Millijoules};

    fn hour(day: u32, hour: u32, kwh: i64, intensity: Option<f64>) -> HourStatement {
        HourStatement {
            cluster: "prod-nl".to_owned(),
            hour: Utc.with_ymd_and_hms(2026, 10, day, hour, 0, 0).unwrap(),
            facility_mj: Millijoules::new(kwh * 3_600_000_000),
            operational_hourly_ugco2e: MicrogramsCo2e::new((intensity.unwrap_or(0.0) * kwh as f64 * 1e6) as i64),
            intensity_gco2e_per_kwh: intensity,
        }
    }

    #[test]
    fn the_mean_day_divides_by_the_hours_seen_and_keeps_unknown_hours_unknown() {
        // 03:00 twice, 2 and 4 kWh: 3 kW. Intensity 100 once, unknown once: 100.
        let hours = [hour(1, 3, 2, Some(100.0)), hour(2, 3, 4, None), hour(2, 4, 1, Some(400.0))];
        let curve = Curve::of("prod-nl", &hours);

        assert_eq!(curve.by_hour_of_day[3].mean_kw().unwrap().to_string(), "3.000");
        assert_eq!(curve.by_hour_of_day[3].mean_intensity().unwrap().to_string(), "100.0");
        assert!(curve.by_hour_of_day[5].mean_kw().is_none());
        assert!(curve.by_hour_of_day[5].mean_intensity().is_none());
        assert_eq!(curve.by_date.values().map(|day| day.energy_kwh().to_string()).collect::<Vec<_>>(), ["2.000", "5.000"]);
    }

    #[test]
    fn the_intensity_of_use_weighs_by_energy() {
        // 3 kWh at 100 and 1 kWh at 500: 800 g over 4 kWh is 200; the plain mean is 300.
        let curve = Curve::of("prod-nl", &[hour(1, 1, 3, Some(100.0)), hour(1, 2, 1, Some(500.0))]);

        assert_eq!(curve.all.intensity_of_use().unwrap().to_string(), "200.0");
        assert_eq!(curve.all.mean_intensity().unwrap().to_string(), "300.0");
    }
}
