//! Nightly jobs over real zone-years: a half-hour job of 1 kWh every night at 01:00, and what windows of ± 0.5 to ± 8 h around it had to offer.
//!
//! 01:00 is local time, by the clock on the wall: a job of the night is one where people sleep. Where clocks skip it, it is an hour later; where it comes twice, the
//! first. Every window of a zone-year is over the same nights, those whose widest window lies in the file. A window of the method runs forward from its
//! baseline, so the earliest start of ± w h is the baseline of the candidates, and what is saved is against the job at 01:00.

use std::path::PathBuf;

use chrono::{DateTime, Datelike, Days, Duration, NaiveDate, TimeZone, Utc};
use serde_json::{Value, json};
use tempfile::TempDir;
use wattledger::accounting::counterfactual::bounds::{Bounds, CandidatePlace, Candidates};
use wattledger::accounting::counterfactual::energy::{RunEnergy, rounded};
use wattledger::accounting::counterfactual::move_next::{Unshifted, Workloads};
use wattledger::accounting::counterfactual::profile::ProfileStep;
use wattledger::accounting::counterfactual::window::WindowBasis;
use wattledger::accounting::integral::Integral;
use wattledger::accounting::intensity::{Wanted, ZoneIntensity};
use wattledger::model::IntensitySeries;
use wattledger::model::policy::FactorKind;
use wattledger::sources::intensity::{FileTerms, read_files};

use super::documented::{self, Table, kilograms, percent};
use super::zone_years::{ZONE_YEARS, ZoneYear};
use super::{BruteForce, integers};
use crate::real_intensity::real_file;

const HALF_HOUR_S: i64 = 1_800;
const HALF_HOUR_MS: i64 = 1_800_000;
const DAY_MS: i64 = 86_400_000;
const KWH_MJ: i64 = 3_600_000_000;
/// ± 0.5 to ± 8 h.
const WINDOWS: std::ops::RangeInclusive<i64> = 1..=16;
const WIDEST: i64 = 16;
/// Those of the page, in half-hours.
const SHOWN: [usize; 6] = [1, 2, 4, 8, 12, 16];

/// The grids of Wiesner et al. 2021, whose intensities are life-cycle ones.
const IN_THE_LITERATURE: [&str; 4] = ["DE", "FR", "GB", "US-CAL-CISO"];

/// What windows of so many half-hours to either side had to offer, night by night.
struct OfWindow {
    bounds: Vec<Bounds>,
}

impl OfWindow {
    fn sum(&self, of: fn(&Bounds) -> i64) -> i64 {
        self.bounds.iter().map(of).sum()
    }
}

/// What rules of thumb come to over the year in the widest window, in micrograms.
struct Rules {
    at_two: i64,
    one_time_all_year: i64,
    one_time_all_year_half_hours: i64,
    yesterdays_lowest: i64,
    nights_without_yesterday: i64,
}

struct Nightly {
    at_one: Vec<i64>,
    nights_ms: Vec<i64>,
    windows: Vec<OfWindow>,
    rules: Rules,
}

/// 1 kWh in the half-hour from an instant.
/// One of a window's figures.
type OfBounds = fn(&Bounds) -> i64;

fn job(start_ms: i64) -> RunEnergy {
    let step = ProfileStep { site: 0, step: (start_ms / HALF_HOUR_MS) as i32, active_mj: KWH_MJ, cpu_request_milli: 0 };
    RunEnergy::of(&[step], start_ms, start_ms + HALF_HOUR_MS, HALF_HOUR_S)
}

fn nights(zone_year: &ZoneYear) -> Vec<i64> {
    let first = NaiveDate::from_ymd_opt(zone_year.year, 1, 1).unwrap();
    let days = std::iter::successors(Some(first), |day| day.checked_add_days(Days::new(1))).take_while(|day| day.year() == zone_year.year);
    let at_one = |day: NaiveDate| {
        let local = day.and_hms_opt(1, 0, 0).unwrap();
        let instant = zone_year.time_zone.from_local_datetime(&local).earliest();
        let instant = instant.or_else(|| zone_year.time_zone.from_local_datetime(&(local + Duration::hours(1))).earliest());
        instant.unwrap().timestamp_millis()
    };
    days.map(at_one).collect()
}

fn nightly(zone_year: &ZoneYear, series: &Integral) -> Nightly {
    let widest_ms = WIDEST * HALF_HOUR_MS;
    let is_covered = |start_ms: &i64| series.covers(start_ms - widest_ms, start_ms + widest_ms + HALF_HOUR_MS);
    let nights_ms: Vec<i64> = nights(zone_year).into_iter().filter(is_covered).collect();
    let value_at = |start_ms: i64, at_ms: i64| job(start_ms).value_at(at_ms, series, 1.0).unwrap();
    let at_one = nights_ms.iter().map(|start_ms| rounded(value_at(*start_ms, *start_ms))).collect();
    let windows = WINDOWS.map(|half_hours| of_window(&nights_ms, half_hours, series, None)).collect();
    let rules = rules(&nights_ms, series, value_at);
    Nightly { at_one, nights_ms, windows, rules }
}

fn of_window(nights_ms: &[i64], half_hours: i64, series: &Integral, mut workloads: Option<&mut Workloads>) -> OfWindow {
    let place = CandidatePlace { zone: 0, series, pue: 1.0 };
    let of_night = |start_ms: &i64| {
        let first_ms = start_ms - half_hours * HALF_HOUR_MS;
        let max_delay_ms = 2 * half_hours * HALF_HOUR_MS;
        let candidates = Candidates::of(&job(*start_ms), first_ms, max_delay_ms, &[place], 0).unwrap();
        let counterfactual_ugco2e = rounded(candidates.baseline());
        let bounds = candidates.bounds(counterfactual_ugco2e);
        if let Some(workloads) = workloads.as_mut() {
            workloads.add(Unshifted {
                workload: ("cluster".to_owned(), "nightly".to_owned(), "CronJob/nightly".to_owned()),
                basis: WindowBasis::Policy,
                active_mj: KWH_MJ,
                actual_ugco2e: counterfactual_ugco2e,
                max_delay_ms,
                home: 0,
                candidates: &candidates,
                bounds: &bounds,
                counterfactual_ugco2e,
            });
        }
        bounds
    };
    OfWindow { bounds: nights_ms.iter().map(of_night).collect() }
}

fn rules(nights_ms: &[i64], series: &Integral, value_at: impl Fn(i64, i64) -> i128) -> Rules {
    let sum = |start_of: &dyn Fn(i64) -> i64| rounded(nights_ms.iter().map(|start_ms| value_at(*start_ms, start_of(*start_ms))).sum());
    // Its delays count from the earliest start of the widest window.
    let mut workloads = Workloads::default();
    of_window(nights_ms, WIDEST, series, Some(&mut workloads));
    // Where the earliest start is the best of the year there is nothing to move.
    let (delay_s, saved) = workloads.ranked().first().map_or((0, 0), |best| (best.delay_seconds, best.saved_by_delay_ugco2e));
    let at_first = sum(&|start_ms| start_ms - WIDEST * HALF_HOUR_MS);
    let yesterdays_lowest = |start_ms: i64| {
        let starts = (-WIDEST..=WIDEST).map(|step| start_ms + step * HALF_HOUR_MS);
        let before: Option<Vec<(i128, i64)>> =
            starts.map(|at_ms| Some((series.between(at_ms - DAY_MS, at_ms - DAY_MS + HALF_HOUR_MS)?, at_ms))).collect();
        before.and_then(|before| before.into_iter().min()).map(|(_, at_ms)| at_ms)
    };
    Rules {
        at_two: sum(&|start_ms| start_ms + 2 * HALF_HOUR_MS),
        one_time_all_year: at_first - saved,
        one_time_all_year_half_hours: delay_s / HALF_HOUR_S - WIDEST,
        yesterdays_lowest: sum(&|start_ms| yesterdays_lowest(start_ms).unwrap_or(start_ms)),
        nights_without_yesterday: nights_ms.iter().filter(|start_ms| yesterdays_lowest(**start_ms).is_none()).count() as i64,
    }
}

/// Which intensity of a file is taken.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Column {
    Direct,
    Lifecycle,
}

/// One year under one column of its file.
struct Case {
    zone_year: &'static ZoneYear,
    file: PathBuf,
    column: Column,
}

/// Every zone-year, with direct values where there are; then those of the literature once more, with life-cycle ones.
fn cases() -> Option<Vec<Case>> {
    let of = |zone_year: &'static ZoneYear, column| Some(Case { zone_year, file: real_file(zone_year.file)?, column });
    let all = ZONE_YEARS.iter().map(|zone_year| of(zone_year, if zone_year.has_direct { Column::Direct } else { Column::Lifecycle }));
    let again =
        ZONE_YEARS.iter().filter(|zone_year| IN_THE_LITERATURE.contains(&zone_year.zone)).map(|zone_year| of(zone_year, Column::Lifecycle));
    let cases: Vec<Option<Case>> = all.chain(again).collect();
    cases.into_iter().collect()
}

impl Case {
    /// The series as a report would have it. Life-cycle values are no report's: where a file has nothing else a report refuses, and they are taken as they are.
    fn series(&self) -> Integral {
        let zone_year = self.zone_year;
        let files = std::slice::from_ref(&self.file);
        let read = read_files("electricity-maps", &[zone_year.zone.to_owned()], files, &FileTerms::default()).unwrap();
        let [series] = <[IntensitySeries; 1]>::try_from(read.series).unwrap();
        let second = |year: i32| NaiveDate::from_ymd_opt(year, 1, 1).unwrap().and_hms_opt(0, 0, 0).unwrap().and_utc().timestamp();
        let (from_s, to_s) = (second(zone_year.year), second(zone_year.year + 1));
        let wanted = Wanted {
            zone: zone_year.zone,
            factor: FactorKind::Direct,
            period_from_s: from_s,
            period_to_s: to_s,
            year_from_s: from_s,
            year_to_s: to_s,
            configured_annual: None,
            published_annual: None,
            plausible: (1.0, 1_500.0),
        };
        match (ZoneIntensity::build(std::slice::from_ref(&series), wanted), self.column) {
            (Ok((zone, _)), Column::Direct) => return zone.integral().clone(),
            (Err(finding), _) => {
                assert!(!zone_year.has_direct && finding.code == "CI_FACTOR", "{}: {}", zone_year.file, finding.message);
            }
            (Ok(_), Column::Lifecycle) => assert!(zone_year.has_direct, "{}", zone_year.file),
        }
        let value = |row: usize| (series.lifecycle_gco2e_per_kwh[row].unwrap() * 1e6).round() as i64;
        Integral::of((0..series.len()).map(|row| (series.start_s[row], series.end_s[row], value(row))))
    }

    fn settings(&self) -> Value {
        let column = if self.column == Column::Direct { "direct" } else { "lca" };
        json!({ "file": self.file, "column": column, "year": self.zone_year.year, "time_zone": self.zone_year.time_zone.name() })
    }
}

/// Every night and window, to the microgram. Gives back how many figures were compared.
fn assert_same(zone_year: &ZoneYear, found: &Nightly, expected: &Value) -> usize {
    let name = zone_year.file;
    let seconds: Vec<i64> = found.nights_ms.iter().map(|ms| ms / 1_000).collect();
    assert_eq!(seconds, integers(&expected["nights"]), "{name}: nights");
    assert_eq!(found.at_one, integers(&expected["at_one_ugco2e"]), "{name}: at 01:00");
    let mut compared = 2 * seconds.len();
    for (window, (half_hours, expected)) in found.windows.iter().zip(WINDOWS.zip(expected["windows"].as_array().unwrap())) {
        assert_eq!(expected["half_hours"], json!(half_hours));
        let figures: [(&str, OfBounds); 4] = [
            ("best_ugco2e", |bounds| bounds.best),
            ("mean_ugco2e", |bounds| bounds.mean),
            ("worst_ugco2e", |bounds| bounds.worst),
            ("best_start", |bounds| bounds.best_start_ms / 1_000),
        ];
        for (figure, of) in figures {
            let found: Vec<i64> = window.bounds.iter().map(of).collect();
            assert_eq!(found, integers(&expected[figure]), "{name}, ± {half_hours} half-hours: {figure}");
            compared += found.len();
        }
        assert!(window.bounds.iter().all(|bounds| bounds.candidates == 2 * half_hours as u64 + 1));
    }
    let rules = &found.rules;
    let found = json!({
        "at_two_ugco2e": rules.at_two,
        "one_time_all_year_ugco2e": rules.one_time_all_year,
        "one_time_all_year_half_hours": rules.one_time_all_year_half_hours,
        "yesterdays_lowest_ugco2e": rules.yesterdays_lowest,
        "nights_without_yesterday": rules.nights_without_yesterday,
    });
    assert_eq!(found, expected["rules"], "{name}: rules of thumb");
    compared + 5
}

/// Wider is never worse, and best, 01:00, mean and worst stand in their order.
fn assert_ordered(zone_year: &ZoneYear, found: &Nightly) {
    for (night, at_one) in found.at_one.iter().enumerate() {
        let bounds: Vec<&Bounds> = found.windows.iter().map(|window| &window.bounds[night]).collect();
        assert!(bounds.iter().all(|of| of.best <= *at_one && *at_one <= of.worst && of.best <= of.mean && of.mean <= of.worst));
        let is_wider = |pair: &[&Bounds]| pair[1].best <= pair[0].best && pair[1].worst >= pair[0].worst;
        assert!(bounds.windows(2).all(is_wider), "{}: night {night}", zone_year.file);
    }
}

/// The grids of the literature under both columns.
fn literature(of_years: &[Nightly], with_lifecycle: &[Nightly]) {
    let mut table = Table::new(&["grid", "published"], &["± 2 h, direct", "± 2 h, life cycle", "± 8 h, direct", "± 8 h, life cycle"]);
    let direct = ZONE_YEARS.iter().zip(of_years).filter(|(zone_year, _)| IN_THE_LITERATURE.contains(&zone_year.zone));
    for ((zone_year, direct), lifecycle) in direct.zip(with_lifecycle) {
        let saved = |found: &Nightly, half_hours: usize| {
            let at_one: i64 = found.at_one.iter().sum();
            format!("{} %", percent(at_one - found.windows[half_hours - 1].sum(|bounds| bounds.best), at_one))
        };
        let figures = [4, 16].into_iter().flat_map(|half_hours| [saved(direct, half_hours), saved(lifecycle, half_hours)]);
        table.row(&[zone_year.name(), zone_year.vintage.to_owned()].into_iter().chain(figures).collect::<Vec<_>>());
    }
    documented::compare("nightly-literature", table.text());
}

fn heading(half_hours: usize) -> String {
    format!("± {} h", documented::decimal(half_hours as i128, 2, u32::from(half_hours % 2 == 1)))
}

fn tables(found: &[Nightly]) {
    let windows: Vec<String> = SHOWN.iter().map(|half_hours| heading(*half_hours)).collect();
    let windows: Vec<&str> = windows.iter().map(String::as_str).collect();
    let left = ["grid", "published", "nights"];
    let mut best = Table::new(&left, &[&["at 01:00"], windows.as_slice()].concat());
    let mut others = Table::new(&["grid", "published"], &windows);
    let rules = ["best, of 01:00", "one time all year", "yesterday's cleanest", "02:00"];
    let mut thumb = Table::new(&["grid", "published"], &rules);
    for (zone_year, found) in ZONE_YEARS.iter().zip(found) {
        let at_one: i64 = found.at_one.iter().sum();
        let name = [zone_year.name(), zone_year.vintage.to_owned()];
        let shown = || SHOWN.iter().map(|half_hours| &found.windows[half_hours - 1]);
        let saved_at_best = |window: &OfWindow| {
            let saved = at_one - window.sum(|bounds| bounds.best);
            format!("{} ({} %)", kilograms(saved, 2), percent(saved, at_one))
        };
        let mean_and_worst = |window: &OfWindow| {
            let of = |of: fn(&Bounds) -> i64| percent(at_one - window.sum(of), at_one);
            format!("{} / {}", of(|bounds| bounds.mean), of(|bounds| bounds.worst))
        };
        let [grid, published] = name.clone();
        let first = [grid, published, found.at_one.len().to_string(), kilograms(at_one, 2)];
        best.row(&first.into_iter().chain(shown().map(saved_at_best)).collect::<Vec<_>>());
        others.row(&name.iter().cloned().chain(shown().map(mean_and_worst)).collect::<Vec<_>>());
        let possible = at_one - found.windows[WIDEST as usize - 1].sum(|bounds| bounds.best);
        let share = |emitted: i64| format!("{} %", documented::decimal(i128::from(at_one - emitted) * 100, i128::from(possible), 0));
        let rules = &found.rules;
        let time = (2 + rules.one_time_all_year_half_hours).rem_euclid(48);
        let one_time = format!("{} (at {:02}:{:02})", share(rules.one_time_all_year), time / 2, time % 2 * 30);
        let figures = [format!("{} %", percent(possible, at_one)), one_time, share(rules.yesterdays_lowest), share(rules.at_two)];
        thumb.row(&name.into_iter().chain(figures).collect::<Vec<_>>());
    }
    documented::compare("nightly-best", best.text());
    documented::compare("nightly-mean-and-worst", others.text());
    documented::compare("nightly-rules-of-thumb", thumb.text());
}

#[test]
fn every_window_around_every_night_of_every_real_year_is_what_trying_every_start_gives() {
    let Some(cases) = cases() else { return };
    let folder = TempDir::new().unwrap();
    let settings: Vec<Value> = cases.iter().map(Case::settings).collect();
    let settings = json!({ "zone_years": settings, "windows_half_hours": WINDOWS.collect::<Vec<_>>() });
    let brute_force = BruteForce::start("nightly", &settings, folder.path());
    let found: Vec<Nightly> = cases.iter().map(|case| nightly(case.zone_year, &case.series())).collect();
    let expected = brute_force.end("nightly", folder.path());

    let mut compared = 0;
    for (case, (found, expected)) in cases.iter().zip(found.iter().zip(expected.as_array().unwrap())) {
        assert!(found.nights_ms.len() >= 364, "{}: {} nights", case.zone_year.file, found.nights_ms.len());
        compared += assert_same(case.zone_year, found, expected);
        assert_ordered(case.zone_year, found);
    }
    assert!(compared > 400_000, "{compared} figures were compared");
    eprintln!("nightly jobs: {compared} figures of {} years and columns are those of the brute force", found.len());
    let (of_years, with_lifecycle) = found.split_at(ZONE_YEARS.len());
    tables(of_years);
    literature(of_years, with_lifecycle);
}

#[test]
fn a_night_without_its_hour_is_an_hour_later_and_a_double_one_is_the_first() {
    let london = ZONE_YEARS.iter().find(|zone_year| zone_year.zone == "GB").unwrap();
    let nights = nights(london);
    let on = |day: &str| {
        nights.iter().filter_map(|ms| DateTime::<Utc>::from_timestamp_millis(*ms)).find(|at| at.to_rfc3339().starts_with(day)).unwrap()
    };

    assert_eq!(nights.len(), 365);
    // Clocks went from 01:00 to 02:00 on 27 March and from 02:00 back to 01:00 on 30 October.
    assert_eq!(on("2022-03-27").to_rfc3339(), "2022-03-27T01:00:00+00:00");
    assert_eq!(on("2022-03-28").to_rfc3339(), "2022-03-28T00:00:00+00:00");
    assert_eq!(on("2022-10-30").to_rfc3339(), "2022-10-30T00:00:00+00:00");
}
