//! Grid intensities that behave like those of the Netherlands, France and Poland; invented.
//!
//! In: month and seed. Out: one CSV per grid zone in the shape of the Electricity Maps data portal, from five days before the month to
//! two after it, so that baselines find their hours. NL and FR have the header of 2024 and later, PL that of 2021 to 2023.
//! One hour of NL and three of PL are missing, some are marked as estimated.

use std::fmt::Write;

use crate::calendar::{DAY, HOUR, Month, interpolate, local_hour, naive};
use crate::random::noise_at;

/// Day of the month (0 is the day before) and wind: 1 is a gale, 0 a calm.
const WIND: [(f64, f64); 14] = [
    (-6.0, 0.5),
    (0.0, 0.55),
    (2.0, 0.7),
    (4.0, 0.35),
    (6.0, 0.6),
    (9.0, 0.75),
    (12.0, 0.5),
    (14.0, 0.1),
    (17.0, 0.15),
    (19.0, 0.7),
    (20.5, 1.0),
    (23.5, 0.9),
    (26.0, 0.4),
    (34.0, 0.6),
];

const NL_CURVE: [(f64, f64); 10] = [
    (0.0, 105.0),
    (3.0, 80.0),
    (6.0, 150.0),
    (8.5, 250.0),
    (11.0, 150.0),
    (13.5, 120.0),
    (16.0, 230.0),
    (19.0, 450.0),
    (21.0, 320.0),
    (24.0, 105.0),
];
const FR_CURVE: [(f64, f64); 6] = [(0.0, 45.0), (5.0, 42.0), (9.0, 66.0), (14.0, 50.0), (19.0, 118.0), (24.0, 45.0)];
const PL_CURVE: [(f64, f64); 6] = [(0.0, 650.0), (5.0, 640.0), (8.0, 715.0), (13.0, 500.0), (19.0, 770.0), (24.0, 650.0)];

struct GridZone {
    id: &'static str,
    country: &'static str,
    curve: &'static [(f64, f64)],
    /// What a calm adds to the curve and a gale takes away, as shares of the curve.
    calm: f64,
    gale: f64,
    noise: f64,
    upstream: f64,
    header: &'static str,
    line_end: &'static str,
    /// Hours counted from the first of the month, UTC, that the file does not have.
    missing: &'static [i64],
    /// Hours that the provider estimated.
    estimated: std::ops::Range<i64>,
}

const HEADER_2024: &str = "Datetime (UTC),Country,Zone name,Zone id,Carbon intensity gCO₂eq/kWh (direct),Carbon intensity gCO₂eq/kWh (Life cycle),Carbon-free energy percentage (CFE%),Renewable energy percentage (RE%),Data source,Data estimated,Data estimation method";
const HEADER_2021: &str = "Datetime (UTC),Country,Zone Name,Zone Id,Carbon Intensity gCO₂eq/kWh (direct),Carbon Intensity gCO₂eq/kWh (LCA),Low Carbon Percentage,Renewable Percentage,Data Source,Data Estimated,Data Estimation Method";

const ZONES: [GridZone; 3] = [
    GridZone {
        id: "NL",
        country: "Netherlands",
        curve: &NL_CURVE,
        calm: 0.65,
        gale: 0.4,
        noise: 0.02,
        upstream: 38.0,
        header: HEADER_2024,
        line_end: "\n",
        missing: &[15 * 24 + 12],
        estimated: 150..174,
    },
    GridZone {
        id: "FR",
        country: "France",
        curve: &FR_CURVE,
        calm: 0.1,
        gale: 0.2,
        noise: 0.03,
        upstream: 24.0,
        header: HEADER_2024,
        line_end: "\n",
        missing: &[],
        estimated: 300..312,
    },
    GridZone {
        id: "PL",
        country: "Poland",
        curve: &PL_CURVE,
        calm: 0.06,
        gale: 0.2,
        noise: 0.01,
        upstream: 71.0,
        header: HEADER_2021,
        line_end: "\r\n",
        missing: &[11 * 24 + 2, 11 * 24 + 3, 11 * 24 + 4],
        estimated: 420..424,
    },
];

/// File names and contents.
pub fn files(month: &Month, seed: u64) -> Vec<(String, String)> {
    ZONES.iter().map(|zone| (format!("{}_{}_hourly.csv", zone.id, &month.text[..4]), file(zone, month, seed))).collect()
}

fn file(zone: &GridZone, month: &Month, seed: u64) -> String {
    let (first_day, end) = month.utc_days();
    let first_of_month = month.utc(1, 0, 0, 0);
    let mut text = format!("{}{}", zone.header, zone.line_end);
    for instant in ((first_day - 5 * DAY)..(end + 2 * DAY)).step_by(HOUR as usize) {
        let hour = (instant - first_of_month) / HOUR;
        if zone.missing.contains(&hour) {
            continue;
        }
        let direct = direct(zone, instant, (instant - first_of_month) as f64 / DAY as f64 + 1.0, seed);
        let is_estimated = zone.estimated.contains(&hour);
        let (source, method) =
            if is_estimated { ("Electricity Maps Estimation", "ESTIMATED_TIME_SLICER_AVERAGE") } else { ("invented.example", "") };
        let clean = 100.0 - direct / 9.0;
        writeln!(
            text,
            "{},{},{},{},{:.2},{:.2},{:.2},{:.2},{source},{is_estimated},{method}{}",
            naive(instant),
            zone.country,
            zone.country,
            zone.id,
            direct,
            direct + zone.upstream,
            clean,
            clean * 0.6,
            zone.line_end.trim_end_matches('\n'),
        )
        .expect("writing to a string cannot fail");
    }
    text
}

/// 1 is a gale, 0 a calm. `day` is the day of the month with its fraction.
pub fn wind(day: f64) -> f64 {
    interpolate(&WIND, day)
}

/// gCO2e/kWh. `day` is the day of the month with its fraction.
fn direct(zone: &GridZone, instant: i64, day: f64, seed: u64) -> f64 {
    let wind = wind(day);
    // Wind 0.6 is the curve as it stands; a calm night is far from the 80 g of a windy one.
    let weather = if wind < 0.6 { 1.0 + zone.calm * (0.6 - wind) / 0.6 } else { 1.0 - zone.gale * (wind - 0.6) / 0.4 };
    // A calm is felt most where wind would have carried the load: at night.
    let hour = local_hour(instant);
    let night = interpolate(&[(0.0, 1.0), (6.0, 0.9), (11.0, 0.3), (17.0, 0.15), (20.0, 0.1), (24.0, 1.0)], hour);
    let felt = if wind < 0.6 && zone.id == "NL" { 1.0 + (weather - 1.0) * 2.4 * night } else { weather };
    let value = interpolate(zone.curve, hour) * felt * (1.0 + zone.noise * noise_at(seed, zone.id, instant));
    value.clamp(12.0, 900.0)
}
