//! Files of grid intensity: written here after their documented shapes, and real ones where they are at hand.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::files::IntensityFiles;
use super::*;
use crate::model::policy::FactorKind;
use crate::units::IntensityUnit;

const HEADER: &str = "Datetime (UTC),Country,Zone Name,Zone Id,Carbon Intensity gCO\u{2082}eq/kWh (direct),Carbon Intensity gCO\u{2082}eq/kWh (LCA),\
                      Low Carbon Percentage,Renewable Percentage,Data Source,Data Estimated,Data Estimation Method";
const HEADER_2024: &str = "Datetime (UTC),Country,Zone name,Zone id,Carbon intensity gCO\u{2082}eq/kWh (direct),Carbon intensity gCO\u{2082}eq/kWh (Life cycle),\
                           Carbon-free energy percentage (CFE%),Renewable energy percentage (RE%),Data source,Data estimated,Data estimation method";

fn read_with(files: &[(&str, String)], zones: &[&str], terms: FileTerms) -> Result<IntensityFiles> {
    let folder = tempfile::tempdir().unwrap();
    let mut paths = Vec::new();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        paths.push(path);
    }
    let zones: Vec<String> = zones.iter().map(|zone| (*zone).to_owned()).collect();
    read_files("electricity-maps", &zones, &paths, &terms)
}

fn read(files: &[(&str, String)], zones: &[&str]) -> Result<IntensityFiles> {
    read_with(files, zones, FileTerms::default())
}

fn rows(lines: &[&str]) -> String {
    std::iter::once(HEADER).chain(lines.iter().copied()).collect::<Vec<_>>().join("\r\n")
}

fn refused(files: &[(&str, String)], zones: &[&str]) -> (&'static str, String) {
    refused_with(files, zones, FileTerms::default())
}

fn refused_with(files: &[(&str, String)], zones: &[&str], terms: FileTerms) -> (&'static str, String) {
    let error = read_with(files, zones, terms).unwrap_err();
    let refusal = error.downcast_ref::<Refusal>().unwrap_or_else(|| panic!("not a refusal: {error:#}"));
    (refusal.code, refusal.message.clone())
}

#[test]
fn both_header_vintages_say_the_same() {
    let line = "2026-10-01 00:00:00,NL,NL,NL,100.5,150.25,1,1,entsoe.eu,true,ESTIMATED_MODE_BREAKDOWN";
    let old = read(&[("a.csv", format!("\u{feff}{HEADER}\r\n{line}\r\n"))], &["NL"]).unwrap().series;
    let new = read(&[("a.csv", format!("{HEADER_2024}\n{line}\n"))], &["NL"]).unwrap().series;
    assert_eq!(old[0].direct_gco2e_per_kwh, [Some(100.5)]);
    assert_eq!(old[0].lifecycle_gco2e_per_kwh, [Some(150.25)]);
    assert_eq!((old[0].start_s[0], old[0].end_s[0]), (1_790_812_800, 1_790_816_400));
    assert_eq!((old[0].is_estimated[0], old[0].estimation_method[0].as_str()), (true, "ESTIMATED_MODE_BREAKDOWN"));
    let same = |series: &IntensitySeries| IntensitySeries { edition: String::new(), ..series.clone() };
    assert_eq!(same(&old[0]), same(&new[0]));
    assert_ne!(old[0].edition, new[0].edition);
}

#[test]
fn a_missing_hour_stays_missing_and_an_empty_cell_is_null() {
    let text =
        rows(&["2026-10-01 00:00:00,NL,NL,NL,1,2,,,,,", "2026-10-01 01:00:00,NL,NL,NL,,,,,,,", "2026-10-01 03:00:00,NL,NL,NL,3,4,,,,,"]);
    let files = read(&[("a.csv", text)], &["NL"]).unwrap();
    let series = &files.series[0];
    let hours: Vec<_> = series.start_s.iter().zip(&series.end_s).map(|(start, end)| (start / 3600 % 24, end - start)).collect();
    assert_eq!(hours, [(0, 3600), (1, 3600), (3, 3600)]);
    assert_eq!(series.direct_gco2e_per_kwh, [Some(1.0), None, Some(3.0)]);
    assert_eq!((files.findings[0].code.as_str(), files.findings[0].failing), ("CI_EMPTY", 1));
}

#[test]
fn intervals_are_as_long_as_the_rows_are_apart() {
    let text =
        rows(&["2026-10-01 00:00:00,NL,NL,NL,1,2,,,,,", "2026-10-01 00:15:00,NL,NL,NL,1,2,,,,,", "2026-10-01 01:00:00,NL,NL,NL,3,4,,,,,"]);
    let series = read(&[("a.csv", text)], &["NL"]).unwrap().series.remove(0);
    let lengths: Vec<i64> = series.start_s.iter().zip(&series.end_s).map(|(start, end)| end - start).collect();
    assert_eq!(lengths, [900, 900, 900]);
    let odd = rows(&["2026-10-01 00:00:00,NL,NL,NL,1,2,,,,,", "2026-10-01 00:07:00,NL,NL,NL,1,2,,,,,"]);
    let (code, message) = refused(&[("a.csv", odd)], &["NL"]);
    assert_eq!((code, message.as_str()), ("CI_STEP", "a.csv, line 3: 420 seconds after the row before it"));
}

#[test]
fn implausible_values_are_refused_with_file_and_line() {
    for value in ["-5", "5000", "NaN", "inf"] {
        let text = rows(&["2026-10-01 00:00:00,NL,NL,NL,1,2,,,,,", &format!("2026-10-01 01:00:00,NL,NL,NL,{value},2,,,,,")]);
        let (code, message) = refused(&[("a.csv", text)], &["NL"]);
        assert_eq!(code, "CI_IMPLAUSIBLE");
        assert!(message.starts_with(&format!("a.csv, line 3: {value} ")), "{message}");
    }
    assert_eq!(refused(&[("a.csv", rows(&["2026-10-01 00:00:00,NL,NL,NL,much,2,,,,,"]))], &["NL"]).0, "CI_VALUE");
}

#[test]
fn the_same_value_twice_is_fine_and_another_is_refused() {
    let line = "2026-10-01 00:00:00,NL,NL,NL,1,2,,,,,";
    let twice = read(&[("a.csv", rows(&[line, line])), ("b.csv", rows(&[line]))], &["NL"]).unwrap();
    assert_eq!(twice.series[0].len(), 1);
    let (code, message) = refused(&[("a.csv", rows(&[line])), ("b.csv", rows(&["2026-10-01 00:00:00,NL,NL,NL,1.5,2,,,,,"]))], &["NL"]);
    assert_eq!(code, "CI_CONFLICT");
    assert!(message.contains("a.csv, line 2 says 1 direct") && message.contains("b.csv, line 2 says 1.5 direct"), "{message}");
}

#[test]
fn a_file_of_other_zones_is_refused_and_an_absent_zone_is_named() {
    let text = rows(&["2026-10-01 00:00:00,NL,NL,NL,1,2,,,,,"]);
    let (code, message) = refused(&[("a.csv", text.clone())], &["FR"]);
    assert_eq!((code, message.as_str()), ("CI_ZONE", "a.csv holds NL, but FR was asked for"));
    let files = read(&[("a.csv", text)], &["FR", "NL"]).unwrap();
    assert_eq!((files.series.len(), files.findings[0].code.as_str()), (1, "CI_ZONE"));
}

#[test]
fn a_plain_file_needs_an_offset_on_every_time() {
    let plain = |time: &str| format!("ts,zone,intensity_gco2e_per_kwh\n2026-10-25T00:00:00Z,NL,200\n{time},NL,300\n");
    let series = read(&[("a.csv", plain("2026-10-25T02:00:00+01:00"))], &["NL"]).unwrap().series.remove(0);
    assert_eq!(series.start_s[1] - series.start_s[0], 3600);
    assert_eq!((series.direct_gco2e_per_kwh[1], series.lifecycle_gco2e_per_kwh[1]), (Some(300.0), None));
    let (code, message) = refused(&[("a.csv", plain("2026-10-25 02:00:00"))], &["NL"]);
    assert_eq!(code, "CI_AMBIGUOUS_TIME");
    assert!(message.starts_with("a.csv, line 3: "), "{message}");
}

#[test]
fn a_header_without_the_unit_is_refused() {
    let text = "Datetime (UTC),Zone Id,Carbon Intensity (LCA)\n2026-10-01 00:00:00,NL,1\n".to_owned();
    assert_eq!(refused(&[("a.csv", text)], &["NL"]).0, "CI_UNIT");
    assert_eq!(refused(&[("a.csv", "time,power\n1,2\n".to_owned())], &["NL"]).0, "CI_FORMAT");
}

#[test]
fn years_of_one_zone_make_one_series() {
    let (a, b) = (rows(&["2025-12-31 23:00:00,NL,NL,NL,1,2,,,,,"]), rows(&["2026-01-01 00:00:00,NL,NL,NL,3,4,,,,,"]));
    let series = read(&[("2026.csv", b.clone()), ("2025.csv", a.clone())], &["NL"]).unwrap().series;
    assert_eq!((series.len(), series[0].len()), (1, 2));
    assert_eq!(series, read(&[("2025.csv", a), ("2026.csv", b)], &["NL"]).unwrap().series);
    assert!(series[0].edition.starts_with("2025.csv ") && series[0].edition.contains(", 2026.csv "), "{}", series[0].edition);
}

#[test]
fn pounds_a_megawatt_hour_are_converted_once() {
    let text = "ts,zone,intensity_lb_per_mwh\n2026-10-01T00:00:00Z,NL,1000\n".to_owned();
    let series = read(&[("a.csv", text)], &["NL"]).unwrap().series.remove(0);
    assert_eq!(series.direct_gco2e_per_kwh, [Some(453.592_37)]);
    // 5,000 lb/MWh are 2,268 g/kWh.
    let text = "ts,zone,intensity_lb_per_mwh\n2026-10-01T00:00:00Z,NL,5000\n".to_owned();
    let (code, message) = refused(&[("a.csv", text)], &["NL"]);
    assert_eq!((code, message.as_str()), ("CI_IMPLAUSIBLE", "a.csv, line 2: 5000 lb/MWh lies outside 0 to 2000 g/kWh"));
}

#[test]
fn what_a_plain_file_does_not_say_is_given_or_it_is_refused() {
    let text = || "datetime,value\n2026-10-01 02:00:00,1000\n".to_owned();
    let given = FileTerms {
        zone: Some("NL".to_owned()),
        unit: Some(IntensityUnit::PoundsPerMegawattHour),
        time_zone: Some(chrono_tz::Europe::Amsterdam),
        factor: FactorKind::Lifecycle,
        published_s: Some(1_800_000_000),
    };
    let series = read_with(&[("a.csv", text())], &["NL"], given.clone()).unwrap().series.remove(0);
    assert_eq!(
        (series.start_s[0], series.lifecycle_gco2e_per_kwh[0], series.retrieved_s),
        (1_790_812_800, Some(453.592_37), Some(1_800_000_000))
    );
    let cases = [
        ("CI_UNIT", FileTerms { unit: None, ..given.clone() }),
        ("CI_ZONE", FileTerms { zone: None, ..given.clone() }),
        ("CI_AMBIGUOUS_TIME", FileTerms { time_zone: None, ..given.clone() }),
    ];
    for (code, terms) in cases {
        assert_eq!(refused_with(&[("a.csv", text())], &["NL"], terms).0, code);
    }
    let said = "ts,intensity_gco2e_per_kwh\n2026-10-01T00:00:00Z,1\n".to_owned();
    assert_eq!(refused_with(&[("a.csv", said)], &["NL"], given).0, "CI_UNIT");
}

#[test]
fn a_local_time_in_the_hour_of_a_clock_change_is_refused_with_its_line() {
    let terms = || FileTerms { time_zone: Some(chrono_tz::Europe::Amsterdam), ..FileTerms::default() };
    let file = |times: &[&str]| {
        let rows: Vec<String> = times.iter().map(|time| format!("{time},NL,100")).collect();
        [("a.csv", format!("ts,zone,intensity_gco2e_per_kwh\n{}\n", rows.join("\n")))]
    };
    let autumn = file(&["2026-10-25 01:00:00", "2026-10-25 02:00:00", "2026-10-25 02:00:00", "2026-10-25 03:00:00"]);
    let (code, message) = refused_with(&autumn, &["NL"], terms());
    assert_eq!(code, "CI_AMBIGUOUS_TIME");
    assert!(message.starts_with("a.csv, line 3: `2026-10-25 02:00:00` is there twice in Europe/Amsterdam"), "{message}");
    let (code, message) = refused_with(&file(&["2026-03-29 02:00:00"]), &["NL"], terms());
    assert_eq!(code, "CI_AMBIGUOUS_TIME");
    assert!(message.starts_with("a.csv, line 2: `2026-03-29 02:00:00` is not there"), "{message}");

    let folded = "ts,fold,zone,intensity_gco2e_per_kwh\n2026-10-25 02:00:00,0,NL,100\n2026-10-25 02:00:00,1,NL,200\n".to_owned();
    let series = read_with(&[("a.csv", folded)], &["NL"], terms()).unwrap().series.remove(0);
    assert_eq!((series.start_s[1] - series.start_s[0], series.len()), (3_600, 2));
}

/// Real files, where they are at hand.
fn shared(file: &str) -> Option<PathBuf> {
    let root = std::env::var_os("WATTLEDGER_SHARED_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"), PathBuf::from);
    let path = root.join(file);
    if !path.exists() {
        println!("left out: {} is not there", path.display());
        return None;
    }
    Some(path)
}

fn mean(values: &[Option<f64>]) -> f64 {
    values.iter().flatten().sum::<f64>() / values.iter().flatten().count() as f64
}

#[test]
fn a_real_year_has_its_published_means() {
    // Means as the data's own README states them, to a tenth.
    let years = [
        ("electricitymaps/vintage-a-2023/NL_2022_hourly.csv", "NL", Some(289.9), 370.5, 8760),
        ("electricitymaps/vintage-a-2023/FR_2022_hourly.csv", "FR", Some(61.3), 89.1, 1227),
        ("electricitymaps/vintage-a-2023/PL_2022_hourly.csv", "PL", Some(738.1), 818.9, 0),
        ("electricitymaps/vintage-b-2024/US-CAL-CISO_2022_hourly.csv", "US-CAL-CISO", Some(194.6), 261.3, 8),
        ("electricitymaps/lca-only-2022/IE_2022_hourly_lca.csv", "IE", None, 397.2, 0),
    ];
    for (file, zone, direct, lifecycle, estimated) in years {
        let Some(path) = shared(file) else { continue };
        let series = read_files("electricity-maps", &[zone.to_owned()], &[path], &FileTerms::default()).unwrap().series.remove(0);
        assert_eq!(series.len(), 8760, "{file}");
        match direct {
            Some(direct) => assert!((mean(&series.direct_gco2e_per_kwh) - direct).abs() < 0.051, "{file}"),
            None => assert!(series.direct_gco2e_per_kwh.iter().all(Option::is_none), "{file}"),
        }
        assert!((mean(&series.lifecycle_gco2e_per_kwh) - lifecycle).abs() < 0.051, "{file}");
        assert_eq!(series.is_estimated.iter().filter(|is| **is).count(), estimated, "{file}");
        assert!(series.end_s.iter().zip(&series.start_s).all(|(end, start)| end - start == 3600), "{file}");
    }
}

#[test]
fn two_real_editions_of_a_year_are_a_conflict() {
    let (Some(a), Some(b)) =
        (shared("electricitymaps/vintage-a-2023/ES_2022_hourly.csv"), shared("electricitymaps/vintage-b-2024/ES_2022_hourly.csv"))
    else {
        return;
    };
    let error = read_files("electricity-maps", &["ES".to_owned()], &[a, b], &FileTerms::default()).unwrap_err();
    assert_eq!(error.downcast_ref::<Refusal>().unwrap().code, "CI_CONFLICT");
}

#[test]
fn a_real_export_without_unit_is_refused_until_it_is_given() {
    let Some(path) = shared("electricitymaps-api-row-sample/US-CAL-CISO_2020-01_sample.csv") else { return };
    let zones = ["US-CAL-CISO".to_owned()];
    let error = read_files("files", &zones, std::slice::from_ref(&path), &FileTerms::default()).unwrap_err();
    assert_eq!(error.downcast_ref::<Refusal>().unwrap().code, "CI_UNIT");

    let terms = FileTerms { unit: Some(IntensityUnit::GramsPerKilowattHour), ..FileTerms::default() };
    let series = read_files("files", &zones, &[path], &terms).unwrap().series.remove(0);
    assert_eq!((series.len(), series.start_s[0], series.direct_gco2e_per_kwh[0]), (60, 1_577_836_800, Some(332.39)));
}

#[test]
fn a_real_marginal_export_that_says_neither_time_nor_unit_is_refused() {
    let Some(path) = shared("watttime/caiso_north_5min_2023-06-08_2023-07-08.csv") else { return };
    let error = read_files("files", &["US-CAL-CISO".to_owned()], &[path], &FileTerms::default()).unwrap_err();
    assert_eq!(error.downcast_ref::<Refusal>().unwrap().code, "CI_FORMAT");
}
