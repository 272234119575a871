//! F29 to F32, F36, F38: what intensity files do. The others are feeds of a provider (`feeds`).

use std::fmt::Write;

use chrono::DateTime;

use super::bench::{Bench, Seen};
use super::history::{Cluster, DAY_S, HOUR, MINUTE, Random, Story, by_seed};
use crate::prometheus::Setup;

const FIRST_HOUR: i64 = DAY_S - 30 * 24 * HOUR;
const HOURS: i64 = 31 * 24;

/// Whole joules, so that with factors of 3.6 g/kWh every row's micrograms are whole.
pub fn story(seed: u64) -> Story {
    Story::in_units_of(1_000, seed, DAY_S + 6 * HOUR, 361, MINUTE)
}

pub fn clusters() -> Vec<Cluster> {
    by_seed(|seed, name| story(seed).cluster(name))
}

/// By hour of day, in units of 3.6 g/kWh: a microgram for a joule.
pub fn level(hour: i64) -> i64 {
    10 + (hour / HOUR).rem_euclid(24)
}

pub fn time(hour: i64) -> String {
    DateTime::from_timestamp(hour, 0).unwrap().format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn row(hour: i64) -> String {
    let tenths = level(hour) * 36;
    format!("{},NL,{}.{}\n", time(hour), tenths / 10, tenths % 10)
}

fn month_of_hours() -> impl Iterator<Item = i64> {
    (0..HOURS).map(|hour| FIRST_HOUR + hour * HOUR)
}

/// A plain file with one row an hour, as `change` leaves them; an empty text leaves the hour out.
pub fn file(change: impl Fn(i64, String) -> String) -> String {
    let rows: String = month_of_hours().map(|hour| change(hour, row(hour))).collect();
    format!("ts,zone,intensity_gco2e_per_kwh\n{rows}")
}

pub fn seen_with(intensity: String) -> Seen {
    let mut bench = Bench::of(&clusters());
    bench.intensity = Some(intensity);
    let server = bench.server(&Setup::default());
    bench.observe("it", &server.url())
}

/// Every interval's energy in millijoules, times what its hour has; of all clusters.
pub fn sum_by_hour(of_hour: impl Fn(i64) -> i64) -> i128 {
    let intervals = |story: &Story| -> i128 {
        let pairs = story.node.windows(2).zip(&story.times);
        pairs.map(|(pair, time)| i128::from(pair[1].total_mj - pair[0].total_mj) * i128::from(of_hour(time - time.rem_euclid(HOUR)))).sum()
    };
    super::history::SEEDS.iter().map(|seed| intervals(&story(*seed))).sum()
}

/// The share of all energy that was used in some hours.
fn share_in_truth(is_in: impl Fn(i64) -> bool) -> f64 {
    let (mut within, mut all) = (0, 0);
    for story in super::history::SEEDS.map(story) {
        for (pair, time) in story.node.windows(2).zip(&story.times) {
            let used = pair[1].total_mj - pair[0].total_mj;
            all += used;
            within += if is_in(time - time.rem_euclid(HOUR)) { used } else { 0 };
        }
    }
    within as f64 / all as f64
}

/// Micrograms of all clusters, where there is a report.
pub fn emissions(seen: &Seen) -> Option<i128> {
    seen.report.as_ref()?["totals"]["operational_hourly_ugco2e"].as_i64().map(i128::from)
}

fn demand_emissions(seen: &mut Seen) {
    demand_emissions_by(seen, level);
}

/// By levels in units of 3.6 g/kWh.
pub fn demand_emissions_by(seen: &mut Seen, level: impl Fn(i64) -> i64) {
    let Some(found) = emissions(seen) else { return };
    let truth = sum_by_hour(level) / 1_000;
    seen.demand(found == truth, format!("{found} µg, in truth {truth}"));
}

fn demand_share(seen: &mut Seen, key: &str, truth: f64) {
    let found = seen.report.as_ref().and_then(|report| report["provenance"]["intensity"][0][key].as_f64());
    seen.demand(found.is_some_and(|found| (found - truth).abs() < 1e-9), format!("{key} is {found:?}, in truth {truth}"));
    seen.notes.push(format!("{:.1} % of energy", truth * 100.0));
}

/// The other days of the month have the same level at the same hour, so the mean that fills the hole is the truth.
pub fn hole_of_three_hours() -> Seen {
    let is_lost = |hour: i64| (DAY_S + 8 * HOUR..DAY_S + 11 * HOUR).contains(&hour);
    let mut seen = seen_with(file(|hour, row| if is_lost(hour) { String::new() } else { row }));
    demand_emissions(&mut seen);
    demand_share(&mut seen, "filled_share", share_in_truth(is_lost));
    seen
}

pub fn equal_duplicates() -> Seen {
    let mut seen = seen_with(file(|hour, row| if hour % 7 == 0 { row.repeat(2) } else { row }));
    let once = seen_with(file(|_, row| row));
    demand_emissions(&mut seen);
    seen.is_as_without_fault = seen.without_sources().is_some() && seen.without_sources() == once.without_sources();
    seen
}

/// What is collected from a file that has to be refused, and what stderr says of it.
fn refused(intensity: String, said: &[&str]) -> Seen {
    let mut bench = Bench::of(&clusters()[..1]);
    bench.intensity = Some(intensity);
    let server = bench.server(&Setup::default());
    let mut seen = bench.observe("it", &server.url());
    let again = bench.collect(&bench.config("it", &server.url()));
    for words in said {
        seen.demand(again.stderr.contains(words), format!("`{words}` is not said: {}", again.stderr.trim_end()));
    }
    seen
}

/// Hour 5 of the month is on line 7: two hours have been doubled, and the second time says something else.
pub fn contradicting_duplicates() -> Seen {
    let text = file(|hour, row| if hour == FIRST_HOUR + 5 * HOUR { format!("{row}{},NL,77.7\n", time(hour)) } else { row });
    refused(text, &["nl.csv", "line 7", "line 8", "77.7"])
}

/// The night in which the clock goes back, in local time without an offset.
pub fn local_times_of_october() -> Seen {
    let local = |hour: i64| {
        let offset = if hour < DAY_S - 6 * 24 * HOUR + HOUR { 2 } else { 1 };
        DateTime::from_timestamp(hour + offset * HOUR, 0).unwrap().format("%Y-%m-%d %H:%M").to_string()
    };
    let text = file(|hour, row| row.replace(&time(hour), &local(hour)));
    assert_eq!(text.matches("2026-10-25 02:00").count(), 2, "the hour is there twice");
    refused(text, &["nl.csv", "line 2"])
}

pub fn implausible_values() -> Seen {
    let with = |value: &'static str| {
        file(move |hour, row| if hour == FIRST_HOUR + 40 * HOUR { format!("{},NL,{value}\n", time(hour)) } else { row })
    };
    let mut seen = refused(with("-5"), &["nl.csv", "line 42", "-5"]);
    seen.join(refused(with("5000"), &["nl.csv", "line 42", "5000"]));
    seen
}

/// Forty of a hundred hours were estimated by the provider, which three files have to say, by energy.
pub fn estimated_hours() -> Seen {
    let is_estimated = |hour: i64| Random::new(hour as u64).between(0, 100) < 40;
    let mut text = "Datetime (UTC),Country,Zone name,Zone id,Carbon intensity gCO₂eq/kWh (direct),Carbon intensity gCO₂eq/kWh (Life cycle),\
                    Carbon-free energy percentage (CFE%),Renewable energy percentage (RE%),Data source,Data estimated,Data estimation method\n"
        .to_owned();
    for hour in month_of_hours() {
        let tenths = level(hour) * 36;
        let when = DateTime::from_timestamp(hour, 0).unwrap().format("%Y-%m-%d %H:%M:%S");
        let (estimated, how) = if is_estimated(hour) { ("true", "TIME_SLICER_AVERAGE") } else { ("false", "") };
        writeln!(text, "{when},Netherlands,Netherlands,NL,{}.{},99.9,50,40,example,{estimated},{how}", tenths / 10, tenths % 10).unwrap();
    }
    let mut bench = Bench::of(&clusters());
    (bench.intensity, bench.provider) = (Some(text), "electricity-maps");
    let server = bench.server(&Setup::default());
    let mut seen = bench.observe("it", &server.url());
    demand_emissions(&mut seen);
    let share = share_in_truth(is_estimated);
    demand_share(&mut seen, "estimated_share", share);

    bench.read_all_files("it", &mut seen);
    let said = format!("{:.1} %", share * 100.0);
    let times = seen.shown.iter().filter(|text| text.contains(&said)).count();
    seen.demand(times >= 3, format!("{said} is shown {times} times in three files"));
    seen
}
