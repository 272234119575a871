//! A month with the real intensities of each zone that there are, from imported energy to Scope 2 and Scope 3 category 3, held against a second
//! calculation from the published files themselves.
//!
//! Rows of the ledger are one pod's hour here, so that the second calculation is a sum over hours: decimals as whole millionths of a gram, the one
//! rounding of a row in doubles as the method prescribes it. The files are not ours to ship; without them the tests say that they were left out.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use crate::compare::integer;
use crate::end_to_end::json_report;
use crate::real_intensity::real_file;
use crate::sample;

/// 2022-10-01 in Amsterdam, whose clocks are set back on the 30th.
const FROM_S: i64 = 1_664_575_200;
const HOURS: i64 = 745;
/// 2022-01-01T00:00:00Z.
const YEAR_S: i64 = 1_640_995_200;
const MICROS: i64 = 1_000_000;

/// What the test says of a zone's losses.
#[derive(Clone, Copy)]
enum Losses {
    /// `[[losses]]`, in hundredths of a per cent of what is fed in (World Bank, EG.ELC.LOSS.ZS, 2014).
    Configured(i64),
    /// The same in an own factor table, as an example.
    OwnShare(i64),
    /// Hundredths of a gram for each kilowatt-hour used, in an own factor table, as an example.
    OwnEmissions(i64),
    Unknown,
}

struct Zone {
    zone: &'static str,
    file: &'static str,
    losses: Losses,
    /// Hundredths of a gram in an own factor table, as an example; else life-cycle less direct of the series.
    upstream: Option<i64>,
}

const fn zone(zone: &'static str, file: &'static str, losses: Losses) -> Zone {
    Zone { zone, file, losses, upstream: None }
}

const ZONES: [Zone; 9] = [
    zone("BE", "vintage-a-2023/BE_2022_hourly.csv", Losses::Configured(543)),
    zone("DE", "vintage-a-2023/DE_2022_hourly.csv", Losses::Configured(388)),
    zone("ES", "vintage-b-2024/ES_2022_hourly.csv", Losses::Configured(960)),
    zone("FR", "vintage-a-2023/FR_2022_hourly.csv", Losses::Configured(634)),
    zone("GB", "vintage-a-2023/GB_2022_hourly.csv", Losses::OwnEmissions(2_250)),
    zone("NL", "vintage-a-2023/NL_2022_hourly.csv", Losses::Configured(477)),
    Zone { zone: "NO", file: "vintage-b-2024/NO_2022_hourly.csv", losses: Losses::OwnShare(600), upstream: Some(1_025) },
    zone("PL", "vintage-a-2023/PL_2022_hourly.csv", Losses::Configured(647)),
    zone("US-CAL-CISO", "vintage-b-2024/US-CAL-CISO_2022_hourly.csv", Losses::Unknown),
];

/// Of the published file, by hour of the year: direct and life-cycle in millionths of a gram per kilowatt-hour.
struct Published {
    direct: Vec<i64>,
    lifecycle: Vec<i64>,
}

fn published(path: &Path) -> Published {
    let text = fs::read_to_string(path).unwrap();
    let mut published = Published { direct: vec![], lifecycle: vec![] };
    for line in text.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        published.direct.push(decimal(cells[4], 6));
        published.lifecycle.push(decimal(cells[5], 6));
    }
    assert_eq!(published.direct.len(), 8_760, "{}", path.display());
    published
}

/// A decimal in units of its `places`-th place, exactly.
fn decimal(text: &str, places: usize) -> i64 {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    format!("{whole}{fraction:0<places$}").parse().unwrap()
}

/// What a node uses in an hour, in hundredths of a kilowatt-hour; two pods share it evenly.
fn hundredths_kwh(zone: usize, hour: i64) -> i64 {
    100 + (hour * 7 + zone as i64 * 13) % 90
}

fn usage_csv() -> String {
    let mut text = "cluster,node,ts,energy_kwh,namespace,workload,pod\n".to_owned();
    for (index, zone) in ZONES.iter().enumerate() {
        for hour in 0..HOURS {
            let ts = chrono::DateTime::from_timestamp(FROM_S + hour * 3_600, 0).unwrap().format("%Y-%m-%dT%H:%M:%SZ");
            let (node, pod) = (hundredths_kwh(index, hour) as f64 / 100.0, hundredths_kwh(index, hour) as f64 / 200.0);
            text += &format!(
                "{0},n1,{ts},{node},,,\n{0},n1,{ts},{pod},shop,Deployment/web,web-1\n{0},n1,{ts},{pod},shop,Deployment/pay,pay-1\n",
                zone.zone.to_lowercase()
            );
        }
    }
    text
}

/// One owned cluster in each zone, PUE 1.25, steps of an hour, with what is said of losses and upstream.
fn write_config(folder: &Path, location_based: &str) -> PathBuf {
    let mut text = format!(
        "[organisation]\nname = \"Example BV\"\ntime_zone = \"Europe/Amsterdam\"\n[report]\nstep = \"1h\"\nlocation_based = \"{location_based}\"\n\
         [factors]\nfiles = [\"factors.csv\"]\n"
    );
    let mut table = "id,quantity,geography,value,unit,publisher,publication,licence\n".to_owned();
    for zone in &ZONES {
        text += &format!(
            "[[cluster]]\nname = \"{}\"\nboundary = \"owned\"\ngrid_zone = \"{}\"\npue = 1.25\n",
            zone.zone.to_lowercase(),
            zone.zone
        );
        let mut row = |quantity: &str, value: f64, unit: &str| {
            table += &format!("{0}-{quantity},{quantity},{0},{value},{unit},Example BV,Study,own\n", zone.zone);
        };
        match zone.losses {
            Losses::Configured(share) => {
                let share = share as f64 / 10_000.0;
                text += &format!("[[losses]]\nzone = \"{}\"\nshare = {share}\nsource = \"World Bank, EG.ELC.LOSS.ZS, 2014\"\n", zone.zone);
            }
            Losses::OwnShare(share) => row("td-loss-share", share as f64 / 10_000.0, "share"),
            Losses::OwnEmissions(grams) => row("td-losses", grams as f64 / 100.0, "gCO2e/kWh"),
            Losses::Unknown => {}
        }
        if let Some(grams) = zone.upstream {
            row("grid-upstream", grams as f64 / 100.0, "gCO2e/kWh");
        }
    }
    fs::write(folder.join("factors.csv"), table).unwrap();
    let path = folder.join(format!("{location_based}.toml"));
    fs::write(&path, text).unwrap();
    path
}

fn report(folder: &Path, location_based: &str) -> Value {
    let config = write_config(folder, location_based);
    let out = folder.join(location_based);
    sample::wattledger_ok(&["report", "--month", "2022-10", "--out", out.to_str().unwrap(), "--format", "json"], &config);
    serde_json::from_slice(&fs::read(json_report(&out)).unwrap()).unwrap()
}

/// Method, section 2: floor(mJ x g/kWh / 3600 + 0.5) µg, in doubles.
fn emissions(energy_mj: i64, gco2e_per_kwh: f64) -> i64 {
    (energy_mj as f64 * gco2e_per_kwh / 3_600.0 + 0.5).floor() as i64
}

fn grams(micros: i64) -> f64 {
    micros as f64 / MICROS as f64
}

/// Micrograms of one zone's month.
#[derive(Default)]
struct Expected {
    hourly: i64,
    annual: i64,
    upstream: i64,
    losses: i64,
}

/// Sums over the hours of the month; `annual` is the year's mean, `declared_annual` whether losses are of that.
fn expected(index: usize, published: &Published, annual: f64, declared_annual: bool) -> Expected {
    let zone = &ZONES[index];
    let mut sums = Expected::default();
    for hour in 0..HOURS {
        let place = ((FROM_S - YEAR_S) / 3_600 + hour) as usize;
        // 1.25 x 36,000,000 mJ for each hundredth of a kilowatt-hour, half of it each pod's: no remainder.
        let facility_mj = 45_000_000 * hundredths_kwh(index, hour) / 2;
        let direct = published.direct[place];
        let upstream = zone.upstream.map_or((published.lifecycle[place] - direct).max(0), |hundredths| hundredths * 10_000);
        let losses = match zone.losses {
            Losses::Configured(share) | Losses::OwnShare(share) if declared_annual => {
                let share = share as f64 / 10_000.0;
                ((annual + grams(upstream)) * share / (1.0 - share) * MICROS as f64).round() as i64
            }
            // L / (1 - L) of generation and upstream, to the nearest millionth of a gram.
            Losses::Configured(share) | Losses::OwnShare(share) => {
                (2 * (direct + upstream) * share + (10_000 - share)) / (2 * (10_000 - share))
            }
            Losses::OwnEmissions(hundredths) => hundredths * 10_000,
            Losses::Unknown => 0,
        };
        // Two pods with the same energy.
        sums.hourly += 2 * emissions(facility_mj, grams(direct));
        sums.annual += 2 * emissions(facility_mj, annual);
        sums.upstream += 2 * emissions(facility_mj, grams(upstream));
        sums.losses += 2 * emissions(facility_mj, grams(losses));
    }
    sums
}

fn item<'a>(report: &'a Value, list: &str, key: &str, name: &str) -> &'a Value {
    let items = report[list].as_array().unwrap();
    items.iter().find(|item| item[key] == name).unwrap_or_else(|| panic!("no {name} among {list}"))
}

#[test]
fn a_month_in_each_zone_with_real_intensities_is_what_the_published_files_say() {
    let files: Vec<PathBuf> = ZONES.iter().filter_map(|zone| real_file(zone.file)).collect();
    if files.len() < ZONES.len() {
        return;
    }
    let folder = TempDir::new().unwrap();
    let config = write_config(folder.path(), "hourly");
    let usage = folder.path().join("usage.csv");
    fs::write(&usage, usage_csv()).unwrap();
    sample::wattledger_ok(&["import", "--kind", "usage", usage.to_str().unwrap()], &config);
    for file in &files {
        sample::wattledger_ok(&["import", "--kind", "intensity", file.to_str().unwrap()], &config);
    }

    for location_based in ["hourly", "annual"] {
        let report = report(folder.path(), location_based);
        let (mut upstream, mut losses) = (0, 0);
        for (index, zone) in ZONES.iter().enumerate() {
            let published = published(&files[index]);
            let annual = item(&report["provenance"], "intensity", "zone", zone.zone)["annual_direct_gco2e_per_kwh"].as_f64().unwrap();
            let mean = grams(published.direct.iter().sum::<i64>()) / 8_760.0;
            assert!((annual - mean).abs() < 1e-9, "{}: {annual}, but the file's mean is {mean}", zone.zone);
            let expected = expected(index, &published, annual, location_based == "annual");
            let found = item(&report, "clusters", "cluster", &zone.zone.to_lowercase());
            let figures: BTreeMap<&str, i64> = BTreeMap::from([
                ("scope2_location_based_ugco2e", expected.hourly),
                ("scope2_location_based_annual_ugco2e", expected.annual),
                ("scope3_category_3_ugco2e", expected.upstream + expected.losses),
            ]);
            for (figure, expected) in figures {
                assert_eq!(integer(&found[figure]), Some(expected), "{location_based}, {}: {figure}", zone.zone);
            }
            upstream += expected.upstream;
            losses += expected.losses;
        }
        assert_eq!(integer(&report["scope3"]["upstream_ugco2e"]), Some(upstream), "{location_based}");
        assert_eq!(integer(&report["scope3"]["losses_ugco2e"]), Some(losses), "{location_based}");
        assert_factors_are_named(&report, &files);
    }
}

/// Every factor that was taken is there with where it comes from.
fn assert_factors_are_named(report: &Value, files: &[PathBuf]) {
    for (index, zone) in ZONES.iter().enumerate() {
        let origin = |id: String| item(report, "factors", "id", &id)["origin"].as_str().unwrap().to_owned();
        assert_eq!(origin(format!("series-grid-annual-direct-{}", zone.zone)), "series");
        match zone.losses {
            Losses::Configured(_) => assert_eq!(origin(format!("configuration-td-loss-share-{}", zone.zone)), "configuration"),
            Losses::OwnShare(_) => assert_eq!(origin(format!("{}-td-loss-share", zone.zone)), "own-file"),
            Losses::OwnEmissions(_) => assert_eq!(origin(format!("{}-td-losses", zone.zone)), "own-file"),
            Losses::Unknown => {
                let finding = item(report, "findings", "code", "LOSSES_UNKNOWN");
                assert!(finding["message"].as_str().unwrap().contains(zone.zone), "{finding}");
            }
        }
        if zone.upstream.is_some() {
            assert_eq!(origin(format!("{}-grid-upstream", zone.zone)), "own-file");
            continue;
        }
        let stated = item(report, "factors", "id", &format!("series-grid-upstream-{}", zone.zone))["value"].as_f64().unwrap();
        let published = published(&files[index]);
        let of_month = ((FROM_S - YEAR_S) / 3_600) as usize..((FROM_S - YEAR_S) / 3_600 + HOURS) as usize;
        let upstream: i64 = of_month.map(|hour| (published.lifecycle[hour] - published.direct[hour]).max(0)).sum();
        assert!((stated - grams(upstream) / HOURS as f64).abs() < 1e-6, "{}: {stated}", zone.zone);
    }
    let bounds = report["findings"].as_array().unwrap().iter().filter(|finding| finding["code"] == "UPSTREAM_BOUND");
    assert_eq!(bounds.count(), ZONES.iter().filter(|zone| zone.upstream.is_none()).count());
}

#[test]
fn a_zone_with_life_cycle_intensities_alone_is_refused() {
    for (zone, file) in [("IE", "lca-only-2022/IE_2022_hourly_lca.csv"), ("SE-SE3", "lca-only-2022/SE-SE3_2022_hourly_lca.csv")] {
        let Some(file) = real_file(file) else { return };
        let folder = TempDir::new().unwrap();
        let config = folder.path().join("wattledger.toml");
        let text = format!(
            "[organisation]\nname = \"Example BV\"\ntime_zone = \"UTC\"\n[report]\nstep = \"1h\"\n\
             [[cluster]]\nname = \"one\"\nboundary = \"owned\"\ngrid_zone = \"{zone}\"\npue = 1.0\n"
        );
        fs::write(&config, text).unwrap();
        let usage = folder.path().join("usage.csv");
        fs::write(&usage, "cluster,node,ts,energy_kwh\none,n1,2022-10-01T00:00:00Z,1\n").unwrap();
        sample::wattledger_ok(&["import", "--kind", "usage", usage.to_str().unwrap()], &config);
        sample::wattledger_ok(&["import", "--kind", "intensity", file.to_str().unwrap()], &config);

        let out = folder.path().join("report");
        let refused = sample::wattledger(&["report", "--month", "2022-10", "--out", out.to_str().unwrap(), "--format", "json"], &config);
        let said = String::from_utf8_lossy(&refused.stderr);
        assert!(!refused.status.success() && !out.exists(), "{said}");
        assert!(said.contains("CI_FACTOR") && said.contains(&format!("Zone {zone} has life-cycle intensities only")), "{said}");
    }
}
