//! Market-based Scope 2 of the sample's month under a register of instruments, held against an independent account in Python.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;
use wattledger::accounting::inventory::ClusterInventory;
use wattledger::accounting::ledger::Sums;
use wattledger::accounting::scopes::market::{MarketTerms, market_based};
use wattledger::accounting::survey::{ClusterTerms, Site};
use wattledger::model::policy::LocationBased;
use wattledger::model::{Boundary, EnergySource, Instrument, InstrumentKind, InstrumentPeriod, Matching, Placement};
use wattledger::units::{GramsCo2ePerKilowattHour, Millijoules, ReportingPeriod};

use crate::compare::integer;
use crate::sample::{self, report};

/// 2026-09-30T22:00Z, when October begins in Amsterdam, in hours since the epoch; the month has 745 hours.
const FROM_HOUR: i64 = 497_446;
const HOURS: i64 = 745;
const MJ_PER_KWH: f64 = 3.6e9;

/// What a plant delivers in an hour, in thousandths of a kWh: by day more, and not the same on two days.
fn generated_wh(hour: i64) -> i64 {
    let of_day = hour.rem_euclid(24);
    if (7..19).contains(&of_day) { 40 * (6 - (13 - of_day).abs()).max(0) + hour.rem_euclid(17) } else { 0 }
}

fn instruments() -> String {
    let met: Vec<String> = (1..=8).map(|number| format!("{number} = \"met\"")).collect();
    let met = format!("{{ {} }}", met.join(", "));
    format!(
        r#"
[[instrument]]
kind = "supplier-rate"
zone = "NL"
mwh = 0.09
period = "2026-10"
matching = "month"
factor_gco2e_per_kwh = 180.0
evidence = "supplier disclosure 2026"

[[instrument]]
kind = "ppa"
zone = "NL"
mwh = 0.5
period = "2026"
matching = "hour"
factor_gco2e_per_kwh = 0.0
evidence = "ppa-7"
energy_source = "solar"
quality_criteria = {met}
generation_file = "generation.csv"

[[instrument]]
kind = "guarantee-of-origin"
zone = "NL"
mwh = 0.7
period = "2026"
matching = "year"
factor_gco2e_per_kwh = 12.3
evidence = "cancellation 17"
energy_source = "biomass"
quality_criteria = {met}

[[instrument]]
kind = "guarantee-of-origin"
zone = "FR"
mwh = 0.31
period = "2026"
matching = "hour"
factor_gco2e_per_kwh = 0.0
evidence = "cancellation 18"
energy_source = "nuclear"
clusters = ["edge-fr"]
quality_criteria = {met}

[[instrument]]
kind = "guarantee-of-origin"
zone = "PL"
mwh = 0.05
period = "2026"
matching = "month"
factor_gco2e_per_kwh = 0.0
evidence = "cancellation 19"
energy_source = "wind"
quality_criteria = {met}

[[instrument]]
kind = "guarantee-of-origin"
zone = "PL"
mwh = 5.0
period = "2026"
matching = "year"
factor_gco2e_per_kwh = 0.0
evidence = "cancellation 20"
quality_criteria = {{ 1 = "met", 2 = "not-met" }}

[[instrument]]
kind = "guarantee-of-origin"
zone = "DE"
mwh = 5.0
period = "2026"
matching = "year"
factor_gco2e_per_kwh = 0.0
evidence = "cancellation 21"

[[instrument]]
kind = "guarantee-of-origin"
zone = "NL"
mwh = 5.0
period = "2025"
matching = "year"
factor_gco2e_per_kwh = 0.0
evidence = "cancellation 16"
"#
    )
}

/// Figures of nobody's grid: only their shape is that of a residual mix.
const RESIDUAL: &str = "id,quantity,geography,value,unit,low,high,year,valid_from,valid_to,gas_basis,publisher,publication,url,licence,nuclear_share,note\n\
    mix-fr,residual-mix,FR,41.7,gCO2e/kWh,,,2025,2026-01-01,,CO2,A test,Made up for a test,,own,0.63,\n";

/// The sample with all of its clusters in Scope 2, and with a register.
pub fn configured(folder: &Path) -> PathBuf {
    let mut config = sample::sample_config();
    config["evidence"]
        .as_table_mut()
        .unwrap()
        .insert("dir".to_owned(), sample::root().join("sample-data/evidence").to_str().unwrap().into());
    for cluster in config["cluster"].as_array_mut().unwrap() {
        let cluster = cluster.as_table_mut().unwrap();
        cluster.insert("boundary".to_owned(), "owned".into());
        cluster.remove("colocated_as");
    }
    let register: toml::Table = toml::from_str(&instruments()).unwrap();
    let table = config.as_table_mut().unwrap();
    table.extend(register);
    table.insert("factors".to_owned(), toml::from_str::<toml::Value>("files = [\"residual.csv\"]").unwrap());
    let mut generation = "ts,kwh\n".to_owned();
    for hour in FROM_HOUR..FROM_HOUR + HOURS {
        let ts = chrono::DateTime::from_timestamp(hour * 3_600, 0).unwrap().format("%Y-%m-%dT%H:%M:%SZ");
        writeln!(generation, "{ts},{}", generated_wh(hour) as f64 / 1_000.0).unwrap();
    }
    fs::write(folder.join("generation.csv"), generation).unwrap();
    fs::write(folder.join("residual.csv"), RESIDUAL).unwrap();
    let path = folder.join("wattledger.toml");
    fs::write(&path, toml::to_string(&config).unwrap()).unwrap();
    path
}

#[test]
fn without_instruments_every_row_has_the_same_figure_by_either_method() {
    let folder = TempDir::new().unwrap();
    let config = configured(folder.path());
    let mut table: toml::Table = toml::from_str(&fs::read_to_string(&config).unwrap()).unwrap();
    table.remove("instrument");
    table.remove("factors");
    fs::write(&config, toml::to_string(&table).unwrap()).unwrap();
    let report = report(&config, &folder.path().join("out"));

    assert_eq!(report["totals"]["scope2_market_based_ugco2e"], report["totals"]["scope2_location_based_ugco2e"]);
    assert_eq!(report["scope2"]["covered_share"].as_f64(), Some(0.0));
    for list in ["clusters", "namespaces", "workloads"] {
        for row in report[list].as_array().unwrap() {
            assert_eq!(row["scope2_market_based_ugco2e"], row["scope2_location_based_ugco2e"], "{list}: {row}");
        }
    }
}

/// What the oracle makes of the hours that the report shows.
fn expected(report: &Value) -> Value {
    let zones: BTreeMap<&str, &str> =
        report["clusters"].as_array().unwrap().iter().map(|row| (text(row, "cluster"), text(row, "grid_zone"))).collect();
    let hours: Vec<Value> = report["hours"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            json!({
                "cluster": row["cluster"], "zone": zones[text(row, "cluster")], "hour": row["hour"], "annual_ugco2e": null,
                "facility_mj": integer(&row["facility_mj"]), "hourly_ugco2e": integer(&row["operational_hourly_ugco2e"]),
            })
        })
        .collect();
    let workloads: Vec<Value> = report["workloads"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            json!({
                "cluster": row["cluster"], "namespace": row["namespace"], "workload": row["workload"], "facility_mj": integer(&row["facility_mj"]),
                "hourly_ugco2e": integer(&row["operational_hourly_ugco2e"]), "annual_ugco2e": integer(&row["operational_annual_ugco2e"]),
            })
        })
        .collect();
    let register: toml::Table = toml::from_str(&instruments()).unwrap();
    let mut held = serde_json::to_value(&register["instrument"]).unwrap();
    for instrument in held.as_array_mut().unwrap() {
        instrument["volume_mj"] = json!((instrument["mwh"].as_f64().unwrap() * 1_000.0 * MJ_PER_KWH).round() as i64);
        if !instrument["generation_file"].is_null() {
            let hours = (FROM_HOUR..FROM_HOUR + HOURS).map(|hour| json!([hour, generated_wh(hour) * 3_600_000]));
            instrument["generation"] = hours.collect();
        }
    }
    let given = json!({
        "period": "2026-10", "time_zone": "Europe/Amsterdam", "location_based": "hourly", "hours": hours, "workloads": workloads,
        "instruments": held, "residual": { "FR": { "factor": 41.7, "nuclear_share": 0.63 } },
    });
    oracle(&given)
}

fn oracle(given: &Value) -> Value {
    let python = std::env::var("WATTLEDGER_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let mut child = Command::new(python)
        .arg(sample::root().join("tests/oracle/market.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(given.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "the oracle failed");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn text<'a>(row: &'a Value, key: &str) -> &'a str {
    row[key].as_str().unwrap()
}

fn same(name: &str, expected: &Value, found: &Value) {
    assert_eq!(integer(expected), integer(found), "{name}: expected {expected}, found {found}");
}

#[test]
fn a_month_under_a_register_is_what_the_oracle_says() {
    let folder = TempDir::new().unwrap();
    let report = report(&configured(folder.path()), &folder.path().join("report"));
    let expected = expected(&report);

    let (totals, scope2) = (&report["totals"], &report["scope2"]);
    same("total", &expected["total"], &totals["scope2_market_based_ugco2e"]);
    assert_ne!(totals["scope2_market_based_ugco2e"], totals["scope2_location_based_ugco2e"]);
    for row in report["clusters"].as_array().unwrap() {
        same(text(row, "cluster"), &expected["market"][text(row, "cluster")], &row["scope2_market_based_ugco2e"]);
    }
    let statements = expected["instruments"].as_array().unwrap();
    for (index, statement) in statements.iter().enumerate() {
        for figure in ["available_mj", "applied_mj", "applied_ugco2e"] {
            same(&format!("instrument {} {figure}", index + 1), &statement[figure], &scope2["instruments"][index][figure]);
        }
        let is_used = integer(&statement["applied_mj"]) > Some(0);
        assert_eq!(scope2["instruments"][index]["not_used_reason"].is_null(), is_used);
    }
    // The first five cover something, so that the month is worth comparing; the last three must not.
    assert!(statements[..5].iter().all(|statement| integer(&statement["applied_mj"]) > Some(0)), "{statements:#?}");
    assert!(statements[5..].iter().all(|statement| integer(&statement["applied_mj"]) == Some(0)), "{statements:#?}");
    for zone in scope2["zones"].as_array().unwrap() {
        for figure in ["facility_mj", "covered_mj", "rest_mj", "rest_ugco2e"] {
            same(figure, &expected["zones"][text(zone, "grid_zone")][figure], &zone[figure]);
        }
    }
    for share in ["covered_share", "hourly_matched_share"] {
        let difference = expected[share].as_f64().unwrap() - scope2[share].as_f64().unwrap();
        assert!(difference.abs() < 1e-12, "{share} differs by {difference}");
    }
    same("hour-matched", &expected["hourly_matched_ugco2e"], &scope2["hourly_matched_ugco2e"]);
    for figure in ["total_mj", "renewable_mj", "nuclear_mj", "fossil_mj"] {
        same(figure, &expected["mix"][figure], &scope2["energy_mix"][figure]);
    }
    let workloads = expected["workloads"].as_array().unwrap();
    let found = report["workloads"].as_array().unwrap();
    assert_eq!(workloads.len(), found.len());
    for row in workloads {
        let is_it = |found: &&Value| ["cluster", "namespace", "workload"].iter().all(|key| found[*key] == row[*key]);
        same(&row.to_string(), &row["scope2_market_based_ugco2e"], &found.iter().find(is_it).unwrap()["scope2_market_based_ugco2e"]);
    }
}

/// What two sites of one grid and one of another use in an hour, in millijoules, and what that emits by hour and by year.
fn used(cluster: usize, hour: i64) -> (i64, i64, i64) {
    let seed = (hour * 7_919 + cluster as i64 * 104_729).rem_euclid(10_007);
    let facility_mj = 3_000_000_000 + seed * 400_001;
    (facility_mj, facility_mj / 3_600 * (200 + seed.rem_euclid(331)), facility_mj / 3_600 * 260)
}

#[test]
fn a_year_off_the_full_hour_under_a_register_is_what_the_oracle_says() {
    let period = ReportingPeriod::parse_year("2026", chrono_tz::Asia::Kolkata).unwrap();
    let zones = [("a", "NL"), ("b", "NL"), ("c", "DE")];
    let (from, to) = (period.from().timestamp().div_euclid(3_600), (period.to().timestamp() + 3_599).div_euclid(3_600));
    let instrument = |kind, zone: &str, kwh: i64, month: Option<u32>, matching, factor| Instrument {
        kind,
        zone: zone.to_owned(),
        volume: Millijoules::new(kwh * 3_600_000_000),
        period: InstrumentPeriod { year: 2026, month },
        matching,
        factor: GramsCo2ePerKilowattHour::new(factor),
        energy_source: Some(EnergySource::Wind),
        evidence: "cancellation".to_owned(),
        clusters: Vec::new(),
        entity: None,
        criteria: Vec::new(),
        generation: Vec::new(),
    };
    let mut hourly = instrument(InstrumentKind::Ppa, "NL", 9_000, None, Matching::Hour, 3.7);
    hourly.generation = (from..to).map(|hour| (hour as i32, Millijoules::new(generated_wh(hour) * 60_000_000))).collect();
    let mut held = instrument(InstrumentKind::GuaranteeOfOrigin, "NL", 2_000, None, Matching::Year, 0.0);
    held.clusters = vec!["b".to_owned()];
    let instruments = [
        instrument(InstrumentKind::SupplierRate, "DE", 40_000, None, Matching::Month, 401.3),
        hourly,
        held,
        instrument(InstrumentKind::GuaranteeOfOrigin, "NL", 700, Some(3), Matching::Year, 11.0),
        instrument(InstrumentKind::GuaranteeOfOrigin, "DE", 3_000, None, Matching::Hour, 0.0),
        instrument(InstrumentKind::GuaranteeOfOrigin, "DE", 900, None, Matching::Month, 20.0),
    ];
    let (mut clusters, mut inventories, mut hours) = (Vec::new(), Vec::new(), Vec::new());
    for (cluster, (name, zone)) in zones.iter().enumerate() {
        let site = Site {
            entity: None,
            boundary: Boundary::Owned,
            placement: Placement::Scope2,
            grid_zone: (*zone).to_owned(),
            home_zone: None,
            pue: 1.2,
            embodied: None,
        };
        clusters.push(ClusterTerms { name: (*name).to_owned(), sites: vec![site], site_of: Box::new(|_| 0) });
        let mut inventory = ClusterInventory::default();
        for hour in from..to {
            let (facility_mj, hourly, annual) = used(cluster, hour);
            let sums = Sums { facility_mj, operational_hourly_ugco2e: hourly, operational_annual_ugco2e: annual, ..Sums::default() };
            inventory.hours.insert((0, hour as i32), sums);
            let text = chrono::DateTime::from_timestamp(hour * 3_600, 0).unwrap().format("%Y-%m-%dT%H:%M:%SZ").to_string();
            hours.push(json!({ "cluster": name, "zone": zone, "hour": text, "facility_mj": facility_mj, "hourly_ugco2e": hourly, "annual_ugco2e": annual }));
        }
        inventories.push(inventory);
    }
    for location_based in [LocationBased::Hourly, LocationBased::Annual] {
        let terms = MarketTerms {
            missing: &[],
            period,
            location_based,
            instruments: &instruments,
            residual: &BTreeMap::new(),
            zones_without_annual: &BTreeSet::new(),
        };
        let market = market_based(&terms, &clusters, &inventories);
        let register: Vec<Value> = instruments.iter().map(in_words).collect();
        let expected = oracle(&json!({
            "period": "2026", "time_zone": "Asia/Kolkata", "location_based": location_based, "hours": hours, "workloads": [],
            "instruments": register, "residual": {},
        }));

        for (index, used) in market.instruments.iter().enumerate() {
            let found = [used.available_mj.get(), used.applied_mj.get(), used.applied_ugco2e.get()];
            let wanted =
                ["available_mj", "applied_mj", "applied_ugco2e"].map(|figure| expected["instruments"][index][figure].as_i64().unwrap());
            assert_eq!(found, wanted, "instrument {}", index + 1);
            assert!(found[1] > 0, "instrument {} covers nothing, so nothing is compared", index + 1);
        }
        for ((cluster, _), site) in &market.sites {
            assert_eq!(site.market_ugco2e().unwrap().get(), expected["market"][zones[*cluster].0].as_i64().unwrap());
        }
        assert_eq!(market.matched_ugco2e.unwrap().get(), expected["hourly_matched_ugco2e"].as_i64().unwrap());
    }
}

/// An instrument as the oracle reads it.
fn in_words(held: &Instrument) -> Value {
    let period = held.period.month.map_or("2026".to_owned(), |month| format!("2026-{month:02}"));
    let generation: Vec<Value> = held.generation.iter().map(|(hour, energy)| json!([hour, energy.get()])).collect();
    json!({
        "kind": held.kind, "zone": held.zone, "volume_mj": held.volume.get(), "period": period, "matching": held.matching,
        "factor_gco2e_per_kwh": held.factor.get(), "energy_source": held.energy_source, "clusters": held.clusters, "generation": generation,
    })
}

#[test]
fn what_a_reader_must_know_of_the_register_is_said() {
    let folder = TempDir::new().unwrap();
    let report = report(&configured(folder.path()), &folder.path().join("report"));

    let codes: Vec<&str> = report["findings"].as_array().unwrap().iter().map(|finding| text(finding, "code")).collect();
    for code in ["INSTRUMENT_CRITERIA", "INSTRUMENT_UNUSED", "RESIDUAL_YEAR", "ENERGY_SOURCE_UNKNOWN"] {
        assert!(codes.contains(&code), "{code} in {codes:?}");
    }
    let said = report["scope2"]["disclosures"].to_string();
    for part in ["No residual mix is available for NL, PL", "provisional", "spread evenly", "is lost", "not a figure of the 2015 Guidance"]
    {
        assert!(said.contains(part), "{part} in {said}");
    }
    let factors = report["factors"].as_array().unwrap();
    let of = |id: &str| factors.iter().find(|factor| factor["id"] == id).unwrap_or_else(|| panic!("{id} in {factors:#?}"));
    assert_eq!((of("mix-fr")["origin"].as_str(), of("mix-fr")["value"].as_f64()), (Some("own-file"), Some(41.7)));
    assert!(text(of("instrument-2"), "note").starts_with("Generation by hour: generation.csv (SHA-256 "));
}

#[test]
fn a_generation_file_that_cannot_be_read_is_named_with_its_line() {
    let folder = TempDir::new().unwrap();
    let config = configured(folder.path());
    fs::write(folder.path().join("generation.csv"), "ts,kwh\n2026-10-01T00:30:00Z,1\n").unwrap();

    let refused = sample::wattledger(&["report", "--month", "2026-10", "--out", folder.path().to_str().unwrap()], &config);
    let stderr = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1));
    assert!(stderr.contains("[[instrument]] 2") && stderr.contains("generation.csv: line 2: `2026-10-01T00:30:00Z`"), "{stderr}");
}
