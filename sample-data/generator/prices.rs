//! Day-ahead prices that behave like those of the Netherlands, France and Poland; invented.
//!
//! In: month and seed. Out: one CSV per zone, hourly, over the same days as the intensities. Money and carbon mostly agree: wind is cheap and clean. They do not
//! at night in Poland, which is cheap and dirty, and in the early evening in France, which is dear and clean. A gale at noon has prices below zero.

use std::fmt::Write;

use crate::calendar::{DAY, HOUR, Month, interpolate, local_hour, rfc3339};
use crate::grid::wind;
use crate::random::noise_at;

struct PriceZone {
    id: &'static str,
    /// EUR/MWh by local hour.
    curve: &'static [(f64, f64)],
    /// How much of it a gale takes away, and a calm adds.
    wind: f64,
}

const ZONES: [PriceZone; 3] = [
    PriceZone {
        id: "NL",
        curve: &[(0.0, 62.0), (4.0, 48.0), (8.0, 105.0), (13.0, 34.0), (16.0, 70.0), (19.0, 172.0), (22.0, 95.0), (24.0, 62.0)],
        wind: 1.3,
    },
    PriceZone { id: "FR", curve: &[(0.0, 48.0), (5.0, 40.0), (9.0, 82.0), (14.0, 38.0), (19.0, 128.0), (24.0, 48.0)], wind: 0.5 },
    PriceZone { id: "PL", curve: &[(0.0, 52.0), (4.0, 44.0), (9.0, 118.0), (13.0, 66.0), (19.0, 151.0), (24.0, 52.0)], wind: 0.4 },
];

/// File names and contents.
pub fn files(month: &Month, seed: u64) -> Vec<(String, String)> {
    ZONES.iter().map(|zone| (format!("{}_{}.csv", zone.id, &month.text[..4]), file(zone, month, seed))).collect()
}

fn file(zone: &PriceZone, month: &Month, seed: u64) -> String {
    let (first_day, end) = month.utc_days();
    let first_of_month = month.utc(1, 0, 0, 0);
    let mut text = "ts,zone,price_eur_per_mwh\n".to_owned();
    for instant in ((first_day - 5 * DAY)..(end + 2 * DAY)).step_by(HOUR as usize) {
        let day = (instant - first_of_month) as f64 / DAY as f64 + 1.0;
        let blown_away = 1.0 + zone.wind * (0.5 - wind(day));
        let price = interpolate(zone.curve, local_hour(instant)) * blown_away - 60.0 * (wind(day) - 0.7).max(0.0)
            + 6.0 * noise_at(seed, &format!("price {}", zone.id), instant);
        writeln!(text, "{},{},{price:.2}", rfc3339(instant), zone.id).expect("writing to a string cannot fail");
    }
    text
}
