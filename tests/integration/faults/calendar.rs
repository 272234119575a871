//! F25 to F28: months as the organisation's clock has them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::Value as Json;
use wattledger::cli::collect::{ClusterDays, Collecting, collect_days, collect_feeds, lock_all};
use wattledger::config::{Cluster as Configured, Config};
use wattledger::evidence::Store;
use wattledger::units::ReportingPeriod;

use super::bench::{Bench, Seen};
use super::history::{HOUR, Story};
use crate::prometheus::Setup;

/// Four readings an hour, each on the edge of a step, so that every hour's energy is a sum of whole readings.
const EVERY_S: i64 = 900;

fn instant(text: &str) -> i64 {
    DateTime::parse_from_rfc3339(text).unwrap().timestamp()
}

/// What the node used in each UTC hour of its story.
fn truth_by_hour(story: &Story) -> BTreeMap<i64, i64> {
    let mut hours = BTreeMap::new();
    for (pair, time) in story.node.windows(2).zip(&story.times) {
        *hours.entry(time - time.rem_euclid(HOUR)).or_default() += pair[1].total_mj - pair[0].total_mj;
    }
    hours
}

fn hours_of(report: &Json) -> Vec<(i64, i64)> {
    let hours = report["hours"].as_array().unwrap().iter();
    hours.map(|hour| (instant(hour["hour"].as_str().unwrap()), hour["facility_mj"].as_i64().unwrap())).collect()
}

fn demand_hours(seen: &mut Seen, truth: &BTreeMap<i64, i64>) {
    let Some(report) = seen.report.clone() else { return };
    let found: Vec<(i64, i64)> = hours_of(&report);
    let expected: Vec<(i64, i64)> = truth.iter().map(|(hour, mj)| (*hour, *mj)).collect();
    let differing = found.iter().zip(&expected).filter(|(a, b)| a != b).count();
    seen.demand(found == expected, format!("{} hours, {} in truth, {differing} of them differ", found.len(), expected.len()));
    seen.demand(report["period"]["hours"].as_i64() == Some(expected.len() as i64), "the period has another number of hours");
    seen.notes.push(format!("{} hours", found.len()));
}

fn amsterdam(month: &'static str, from: &str, hours: i64) -> (Bench, Story) {
    let story = Story::new(17, instant(from), (hours * HOUR / EVERY_S) as usize + 1, EVERY_S);
    let mut bench = Bench::of(&[story.cluster("s17")]);
    (bench.time_zone, bench.month, bench.days) = ("Europe/Amsterdam", month, None);
    (bench, story)
}

fn local_month(month: &'static str, from: &str, hours: i64) -> Seen {
    let (bench, story) = amsterdam(month, from, hours);
    let server = bench.server(&Setup::default());
    let mut seen = bench.observe("it", &server.url());
    let truth = truth_by_hour(&story);
    assert_eq!(truth.len() as i64, hours);
    demand_hours(&mut seen, &truth);
    seen
}

pub fn march() -> Seen {
    local_month("2026-03", "2026-02-28T23:00:00Z", 743)
}

pub fn october() -> Seen {
    local_month("2026-10", "2026-09-30T22:00:00Z", 745)
}

/// A month that is not over yet for the binary's clock, so it is collected by the library with a later one.
pub fn leap_february() -> Seen {
    let (bench, story) = amsterdam("2028-02", "2028-01-31T23:00:00Z", 696);
    let server = bench.server(&Setup::default());
    let path = bench.config("it", &server.url());
    let config = Config::load(&path).unwrap();
    let store = Store::open(&config.evidence).unwrap();
    let days = ReportingPeriod::parse(bench.month, config.time_zone).unwrap().utc_days();
    let clusters: Vec<&Configured> = config.clusters.iter().collect();
    let later: DateTime<Utc> = "2028-03-05T00:00:00Z".parse().unwrap();
    let lock = lock_all(&store).unwrap();
    let collecting = Collecting { store: &store, config: &config, lock: &lock, notes_empty_days: false, now: later };
    let outcome = collect_days(&collecting, &ClusterDays::of_each(&clusters, &days)).unwrap();
    collect_feeds(&store, &config, &days, later).unwrap();
    let mut seen = bench.report("it", &path);
    seen.demand(outcome.incomplete.is_empty() && outcome.collected == 30, format!("{} days are there", outcome.collected));
    demand_hours(&mut seen, &truth_by_hour(&story));
    seen
}

/// Evidence of a quarter, accounted by UTC months and by local ones: what one has more than the other are the hours at its ends.
pub fn utc_and_local_months() -> Seen {
    const MONTHS: [&str; 3] = ["2026-02", "2026-03", "2026-04"];
    let (from, to) = (instant("2026-01-31T22:00:00Z"), instant("2026-05-01T02:00:00Z"));
    let story = Story::new(29, from, ((to - from) / HOUR) as usize + 1, HOUR);
    let mut bench = Bench::of(&[story.cluster("s29")]);
    bench.days = Some(("2026-01-31", "2026-05-02"));
    let server = bench.server(&Setup::default());
    let truth = truth_by_hour(&story);
    let mut seen = Seen::default();
    let mut totals: BTreeMap<&str, BTreeMap<i64, i64>> = BTreeMap::new();
    bench.intensity = Some(intensity_of(from, to));
    let collected = bench.collect(&bench.config("both", &server.url()));
    seen.demand(collected.exit == 0, format!("collect ended with {}: {}", collected.exit, collected.stderr));
    for zone in ["UTC", "Europe/Amsterdam"] {
        bench.time_zone = zone;
        let config = bench.config("both", &server.url());
        for month in MONTHS {
            bench.month = month;
            let of_month = bench.report("both", &config);
            seen.complaints.extend(of_month.complaints.iter().cloned());
            seen.demand(of_month.refused.is_empty(), format!("{month} in {zone} was refused: {:?}", of_month.refused));
            let Some(report) = &of_month.report else { continue };
            let hours = hours_of(report);
            let sum: i64 = hours.iter().map(|hour| hour.1).sum();
            let metered = of_month.figures["s29"].metered_mj;
            seen.demand(sum == metered, format!("{month} in {zone}: hours {sum} mJ, in all {metered} mJ"));
            for (hour, mj) in hours {
                seen.demand(totals.entry(zone).or_default().insert(hour, mj).is_none(), format!("hour {hour} is in two months of {zone}"));
            }
            seen.figures.insert(format!("s29/{zone}/{month}"), of_month.figures["s29"].clone());
            seen.truth.insert(format!("s29/{zone}/{month}"), of_month.figures["s29"].clone());
            seen.report = of_month.report;
        }
    }
    let (utc, local) = (&totals["UTC"], &totals["Europe/Amsterdam"]);
    seen.demand(utc.iter().chain(local).all(|(hour, mj)| truth.get(hour) == Some(mj)), "an hour is not what it is in truth");
    let only = |these: &BTreeMap<i64, i64>, those: &BTreeMap<i64, i64>| -> Vec<i64> {
        these.keys().copied().filter(|hour| !those.contains_key(hour)).collect()
    };
    let at = |texts: &[&str]| texts.iter().map(|text| instant(text)).collect::<Vec<_>>();
    seen.demand(only(local, utc) == at(&["2026-01-31T23:00:00Z"]), "the local quarter has other hours of its own");
    seen.demand(only(utc, local) == at(&["2026-04-30T22:00:00Z", "2026-04-30T23:00:00Z"]), "the UTC quarter has other hours of its own");
    let sum = |hours: &BTreeMap<i64, i64>| hours.values().sum::<i64>();
    let boundary: i64 =
        only(utc, local).iter().map(|hour| truth[hour]).sum::<i64>() - only(local, utc).iter().map(|hour| truth[hour]).sum::<i64>();
    seen.demand(sum(utc) - sum(local) == boundary, "the totals differ by something else than the hours at the ends");
    seen.notes.push(format!("{} and {} hours, {boundary} mJ apart", utc.len(), local.len()));
    seen
}

fn intensity_of(from: i64, to: i64) -> String {
    let rows = (from..to)
        .step_by(HOUR as usize)
        .map(|hour| format!("{},NL,36\n", DateTime::from_timestamp(hour, 0).unwrap().format("%Y-%m-%dT%H:%M:%SZ")));
    format!("ts,zone,intensity_gco2e_per_kwh\n{}", rows.collect::<String>())
}
