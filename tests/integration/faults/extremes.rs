//! F65 and F66: more hours than a sheet has rows, and figures that are nothing over nothing.

use std::collections::BTreeMap;
use std::io::Cursor;

use calamine::{DataRef, Reader, Xlsx};
use chrono::{Duration, TimeZone, Utc};
use serde_json::Value as Json;
use wattledger::cli::account::{self, Accounting, Books, Engine};
use wattledger::config::Config;
use wattledger::disclosure::statement::HourStatement;
use wattledger::reports;
use wattledger::units::{Millijoules, ReportingPeriod};

use super::bench::{Bench, Seen, flat_intensity};
use super::history::{Cluster, Pod, Random, Story, Truth, Value};
use crate::prometheus::Setup;
use crate::sample;

const HOURS: usize = 1_100_000;
const SHEET_ROWS: usize = 1_048_576;

/// The sample's month with as many hours as some 1,500 clusters have, written as it is: every hour is on some sheet, once.
pub fn many_hours() -> Seen {
    let config = Config::load(&sample::root().join("sample-data/wattledger.toml")).unwrap();
    let month = ReportingPeriod::parse("2026-10", config.time_zone).unwrap();
    let accounting = Accounting { engine: Engine::Columns, threads: Some(1), with_sensitivity: false, with_content: false };
    let mut statement = account::period(&Books::open(&config).unwrap(), month, &[], &accounting).unwrap();
    let (mut random, first) = (Random::new(11), Utc.with_ymd_and_hms(2026, 9, 30, 22, 0, 0).unwrap());
    let mut total = 0;
    statement.hours = (0..HOURS)
        .map(|row| {
            let facility_mj = random.between(0, 1 << 40);
            total += facility_mj;
            HourStatement {
                cluster: format!("c{:04}", row / 745),
                hour: first + Duration::hours((row % 745) as i64),
                facility_mj: Millijoules::new(facility_mj),
                operational_hourly_ugco2e: statement.hours[0].operational_hourly_ugco2e,
                intensity_gco2e_per_kwh: None,
            }
        })
        .collect();
    let cover = statement.totals.figures.facility_mj.get();
    let bytes = reports::xlsx(&statement).unwrap();
    drop(statement);

    let mut seen = Seen::default();
    let mut workbook: Xlsx<_> = calamine::open_workbook_from_rs(Cursor::new(bytes)).unwrap();
    let (mut rows, mut sum) = (Vec::new(), 0);
    for name in workbook.sheet_names().into_iter().filter(|name| name.starts_with("Hours")) {
        let (hours, exact, last_row) = sum_of_hours(&mut workbook, &name);
        seen.demand(last_row < SHEET_ROWS, format!("{name} has row {last_row}"));
        rows.push(hours);
        sum += exact;
    }
    seen.demand(rows.iter().sum::<usize>() == HOURS && rows.len() == 2, format!("{rows:?} hours on the sheets"));
    let totals = workbook.worksheet_range("Clusters").unwrap();
    let exact_totals: Vec<i64> = totals
        .rows()
        .next_back()
        .unwrap()
        .iter()
        .filter_map(|cell| cell.to_string().parse::<f64>().ok())
        .map(|value| value as i64)
        .collect();
    seen.demand(exact_totals.contains(&cover), format!("the total of {cover} mJ is not on the sheet of the clusters"));
    seen.figures = BTreeMap::from([("hours".to_owned(), Truth { metered_mj: sum, ..Truth::default() })]);
    seen.truth = BTreeMap::from([("hours".to_owned(), Truth { metered_mj: total, ..Truth::default() })]);
    seen.notes.push(format!("{} and {} rows", rows[0], rows.get(1).copied().unwrap_or(0)));
    seen
}

/// Rows that have an hour, the sum of their exact energies, and the last row that holds anything.
fn sum_of_hours(workbook: &mut Xlsx<Cursor<Vec<u8>>>, name: &str) -> (usize, i64, usize) {
    let mut cells = workbook.worksheet_cells_reader(name).unwrap();
    let (mut exact_column, mut hours, mut sum, mut last_row, mut row_is_an_hour) = (None, 0, 0, 0, false);
    while let Some(cell) = cells.next_cell().unwrap() {
        let (row, column) = cell.get_position();
        if row as usize > last_row {
            (last_row, row_is_an_hour) = (row as usize, false);
        }
        match cell.get_value() {
            DataRef::SharedString(text) if exact_column.is_none() && *text == "facility_mj" => exact_column = Some(column),
            DataRef::SharedString(text) if column == 0 && text.len() == 5 && text.starts_with('c') => {
                (hours, row_is_an_hour) = (hours + 1, true);
            }
            DataRef::Float(value) if row_is_an_hour && Some(column) == exact_column => sum += *value as i64,
            _ => {}
        }
    }
    (hours, sum, last_row)
}

/// A cluster of electricity that emits nothing, with a pod and a Job's run that use none of it.
fn clean_cluster() -> Cluster {
    let story = Story::six_hours(11);
    let mut cluster = story.cluster("s11");
    let pod = Pod { node: "n1", namespace: "still", name: "report-0", uid: "uid-still", owner: ("Job", "report") };
    cluster.pod_object(&pod, story.times.iter().copied());
    cluster.pod_energy(&pod, story.times.iter().map(|time| (*time, Value::Milli(500))));
    cluster.job_object("still", "report", "nightly", story.times[0], story.times[300], &story.times);
    cluster
}

pub fn nothing_over_nothing() -> Seen {
    let mut bench = Bench::of(&[clean_cluster()]);
    bench.intensity = Some(flat_intensity(bench.month).replace(",36\n", ",0\n"));
    let server = bench.server(&Setup::default());
    let mut seen = bench.observe("it", &server.url());
    let files = bench.artefacts("it", &mut seen);
    let mut unknown = 0;
    for (file, part) in files.as_object().unwrap() {
        let mut words: Vec<&str> = Vec::new();
        for key in ["texts", "values"] {
            words.extend(part[key].as_array().into_iter().flatten().filter_map(Json::as_str));
        }
        words.extend(part["text"].as_str().into_iter().flat_map(|text| text.lines()));
        for word in &words {
            let is_none =
                |word: &str| ["nan", "inf", "infinity", "#num!", "#div/0!", "#value!"].contains(&word.to_ascii_lowercase().as_str());
            let found = word.split(|c: char| !(c.is_alphanumeric() || "#/!".contains(c))).any(is_none);
            seen.demand(!found, format!("{file} says `{word}`"));
        }
        unknown += words.iter().filter(|word| word.contains("n/a")).count();
    }
    let report = seen.report.clone().unwrap_or_default();
    seen.demand(report["totals"]["scope2_location_based_ugco2e"] == 0, "there are emissions");
    seen.demand(unknown > 0, "nothing is said to be n/a");
    seen.notes.push(format!("n/a {unknown} times"));
    seen
}
