//! A year as a reader meets it: the sum of its months' reports, contracts settled over the year, other years and revenue beside it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use polars::prelude::{DataFrame, df};
use serde_json::Value;
use tempfile::TempDir;
use wattledger::evidence::Store;
use wattledger::model::tables::Table;
use wattledger::units::UtcDay;

use crate::compare::integer;
use crate::end_to_end::json_report;
use crate::sample;

const HOUR_S: i64 = 3_600;
/// 2025-09-30T00:00:00Z: the UTC day in which October begins in Amsterdam.
const FROM_S: i64 = 1_759_190_400;
const DAYS: i64 = 93;
/// A node draws this, in a building of PUE 1.2.
const NODE_KWH: f64 = 1.0;
const PUE: f64 = 1.2;

fn time(seconds: i64) -> String {
    chrono::DateTime::from_timestamp(seconds, 0).unwrap().format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Direct intensity of an hour: 200 and 300 g/kWh by turns, so that October's odd hour shows.
fn intensity_of(hour: i64) -> i64 {
    if hour % 2 == 0 { 200 } else { 300 }
}

fn write_evidence(folder: &Path) -> PathBuf {
    let config = folder.join("wattledger.toml");
    let text = r#"
[organisation]
name = "Example BV"
time_zone = "Europe/Amsterdam"
net_revenue = { "2024" = 40_000_000.0, "2025" = 50_000_000.0 }

[report]
step = "1h"

[[cluster]]
name = "prod-nl"
boundary = "owned"
grid_zone = "NL"
pue = 1.2

[[intensity]]
zones = ["NL"]
provider = "files"
files = ["intensity.csv"]
annual_direct_gco2e_per_kwh = { NL = 250.0 }

[[instrument]]
kind = "guarantee-of-origin"
zone = "NL"
mwh = 1.5
period = "2025"
matching = "year"
factor_gco2e_per_kwh = 0.0
energy_source = "wind"
evidence = "cancellation-2025-17.pdf"

[[published_year]]
year = 2023
base_year = true
source = "Annual report 2023, p. 71"
figures = { scope2_location_based_tco2e = 1.0, energy_mwh = 4.0 }

[[published_year]]
year = 2024
source = "Annual report 2024, p. 80"
figures = { scope2_location_based_tco2e = 0.5, scope2_market_based_tco2e = 0.4 }
"#;
    fs::write(&config, text).unwrap();
    let mut usage = "cluster,node,ts,energy_kwh,namespace,workload,pod,idle_kwh,cpu_seconds\n".to_owned();
    let mut intensity = "ts,zone,intensity_gco2e_per_kwh\n".to_owned();
    for hour in 0..24 * DAYS {
        let ts = time(FROM_S + hour * HOUR_S);
        usage += &format!("prod-nl,n1,{ts},{NODE_KWH},,,,0.25,\nprod-nl,n1,{ts},0.5,shop,Deployment/web,web-1,,1800\n");
        intensity += &format!("{ts},NL,{}\n", intensity_of(hour));
    }
    for (name, text) in [("usage.csv", usage), ("intensity.csv", intensity)] {
        fs::write(folder.join(name), text).unwrap();
    }
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    sample::wattledger_ok(&["import", "--kind", "usage", "--step", "1h", &path("usage.csv")], &config);
    sample::wattledger_ok(&["import", "--kind", "intensity", &path("intensity.csv")], &config);
    config
}

fn report(config: &Path, period: [&str; 2]) -> Value {
    let out = config.parent().unwrap().join(period[1]);
    sample::wattledger_ok(&["report", period[0], period[1], "--out", out.to_str().unwrap()], config);
    serde_json::from_slice(&fs::read(json_report(&out)).unwrap()).unwrap()
}

#[test]
fn a_year_is_its_months_with_contracts_settled_and_other_years_beside_it() {
    let folder = TempDir::new().unwrap();
    let config = write_evidence(folder.path());
    label_namespaces(folder.path());
    let months = ["2025-10", "2025-11", "2025-12"].map(|month| report(&config, ["--month", month]));
    let year = report(&config, ["--year", "2025"]);

    let schema: Value = serde_json::from_str(wattledger::reports::json_schema()).unwrap();
    let errors: Vec<String> = jsonschema::validator_for(&schema).unwrap().iter_errors(&year).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    let figure = |report: &Value, name: &str| integer(&report["totals"][name]).unwrap();
    for name in ["metered_mj", "active_mj", "idle_mj", "facility_mj", "scope2_location_based_ugco2e", "scope2_location_based_annual_ugco2e"]
    {
        assert_eq!(figure(&year, name), months.iter().map(|month| figure(month, name)).sum::<i64>(), "{name}");
    }
    // 745 + 720 + 744 hours of 1.2 kWh. October begins at 22:00 UTC, an even hour, and ends at 23:00: 373 even and 372 odd hours in it.
    let hours = 745 + 720 + 744;
    let facility_mj = hours * (NODE_KWH * PUE * 3.6e9) as i64;
    assert_eq!(figure(&year, "facility_mj"), facility_mj);
    // From October's first hour on, hours are even and odd by turns, and 2,209 of them begin with an even one.
    let grams = 1.2 * (1_105.0 * 200.0 + 1_104.0 * 300.0);
    assert_eq!(figure(&year, "scope2_location_based_ugco2e"), (grams * 1e6) as i64);

    market_is_settled_over_the_year(&year, &months);
    cost_centres_are_those_of_their_days(&year, &months);
    other_years_stand_beside_it(&year);
    assert!(year["job_runs"].as_array().unwrap().is_empty() && year["hours"].as_array().unwrap().is_empty());
    assert_eq!(year["reconciliation"].as_array().unwrap().len(), 3, "one row a node and month");
    let codes: Vec<&str> = year["findings"].as_array().unwrap().iter().filter_map(|finding| finding["code"].as_str()).collect();
    assert!(codes.contains(&"MONTHS_BEFORE"), "{codes:?}");
}

/// Shop has one cost centre in October, another in December, and changes on the tenth of November.
fn label_namespaces(folder: &Path) {
    let store = Store::new(folder.join("evidence"));
    let first: UtcDay = "2025-09-30".parse().unwrap();
    for day in first.through("2025-12-31".parse().unwrap()) {
        let manifest = store.day("prod-nl", day).unwrap().unwrap();
        let read = |table| (table, store.read_table(&manifest, table).unwrap());
        let mut tables: BTreeMap<Table, DataFrame> =
            [Table::Nodes, Table::Pods, Table::Jobs, Table::NodeSteps, Table::Usage].map(read).into();
        let centre = if day < "2025-11-10".parse().unwrap() { "before" } else { "after" };
        let labels = format!("{{\"cost_centre\":\"{centre}\"}}");
        tables.insert(Table::Namespaces, df!("namespace" => ["shop"], "labels" => [labels]).unwrap());
        store.replace_day(&tables, manifest).unwrap();
    }
}

fn cost_centres_are_those_of_their_days(year: &Value, months: &[Value; 3]) {
    let of = |report: &Value, centre: &str, name: &str| {
        let rows = report["cost_centres"].as_array().unwrap();
        rows.iter().find(|row| row["cost_centre"] == centre).map_or(0, |row| integer(&row[name]).unwrap())
    };
    for name in ["facility_mj", "scope2_location_based_ugco2e", "scope2_market_based_ugco2e"] {
        for report in months.iter().chain([year]) {
            let sum: i64 = report["cost_centres"].as_array().unwrap().iter().map(|row| integer(&row[name]).unwrap()).sum();
            assert_eq!(Some(sum), integer(&report["totals"][name]), "{name}");
        }
    }
    for centre in ["before", "after"] {
        let of_months: i64 = months.iter().map(|month| of(month, centre, "facility_mj")).sum();
        assert_eq!(of(year, centre, "facility_mj"), of_months);
    }
    assert!(of(&months[1], "before", "facility_mj") > 0 && of(&months[1], "after", "facility_mj") > 0, "November has both");
    // 40 days and 23 hours of 92: what the certificate covers of shop goes by its energy, and so does what it leaves.
    let (before, after) = (of(year, "before", "scope2_market_based_ugco2e"), of(year, "after", "scope2_market_based_ugco2e"));
    let share = of(year, "before", "facility_mj") as f64 / (of(year, "before", "facility_mj") + of(year, "after", "facility_mj")) as f64;
    assert!((before as f64 / (before + after) as f64 - share).abs() < 0.001, "{before} and {after}");
}

/// A year's certificate may cover at most its part of a month in that month's report; over the year all of it counts, and never more.
fn market_is_settled_over_the_year(year: &Value, months: &[Value; 3]) {
    let volume_mj = 1_500 * 3_600_000_000_i64;
    let instrument = |report: &Value, name: &str| integer(&report["scope2"]["instruments"][0][name]).unwrap();
    let of_months: Vec<i64> = months.iter().map(|month| instrument(month, "applied_mj")).collect();
    // 1,500 kWh x 745 h / 8,760 h, shared over the months by largest remainder.
    assert!((of_months[0] - volume_mj * 745 / 8_760).abs() <= 1);
    assert!(of_months.iter().sum::<i64>() < volume_mj);
    assert_eq!(instrument(year, "applied_mj"), volume_mj);
    let market = integer(&year["totals"]["scope2_market_based_ugco2e"]).unwrap();
    let by_workload: i64 =
        year["workloads"].as_array().unwrap().iter().map(|row| integer(&row["scope2_market_based_ugco2e"]).unwrap()).sum();
    assert_eq!(by_workload, market, "what is settled is shared to the last microgram");
    let by_namespace: i64 =
        year["namespaces"].as_array().unwrap().iter().map(|row| integer(&row["scope2_market_based_ugco2e"]).unwrap()).sum();
    assert_eq!(by_namespace, market);
    let of_months: i64 = months.iter().map(|month| integer(&month["totals"]["scope2_market_based_ugco2e"]).unwrap()).sum();
    assert!(market < of_months, "the year uses more of the certificate than its months could");
    // 2,650.8 kWh less 1,500 kWh, at about 250 g/kWh: the rest of every hour at its own factor.
    let expected = (2_650.8 - 1_500.0) / 2_650.8 * integer(&year["totals"]["scope2_location_based_ugco2e"]).unwrap() as f64;
    assert!((market as f64 - expected).abs() < 3_000.0, "{market} beside {expected}: a microgram an hour at most");
}

fn other_years_stand_beside_it(year: &Value) {
    let comparisons = year["year"]["comparisons"].as_array().unwrap();
    let row = comparisons.iter().find(|row| row["figure"] == "scope2_location_based_ugco2e").unwrap();
    let value = integer(&row["value"]).unwrap() as f64;
    assert!((row["change"].as_f64().unwrap() - (value / 0.5e12 - 1.0)).abs() < 1e-12);
    assert!((row["change_since_base_year"].as_f64().unwrap() - (value / 1e12 - 1.0)).abs() < 1e-12);
    let intensity = &year["year"]["intensities"][0];
    let total = value
        + ["1", "2", "3", "8"]
            .iter()
            .filter_map(|category| integer(&year["totals"][format!("scope3_category_{category}_ugco2e")]))
            .sum::<i64>() as f64;
    assert!((intensity["tco2e_per_million"].as_f64().unwrap() - total / 1e12 / 50.0).abs() < 1e-12);
    assert_eq!(intensity["comparative_tco2e_per_million"].as_f64(), Some(0.5 / 40.0));
}

#[test]
fn a_year_with_a_hole_is_refused_and_can_be_accepted_by_name() {
    let folder = TempDir::new().unwrap();
    let config = write_evidence(folder.path());
    fs::read_dir(folder.path().join("evidence/prod-nl"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|day| day.file_name().unwrap().to_str().unwrap().starts_with("2025-11"))
        .for_each(|day| fs::remove_dir_all(day).unwrap());
    let out = folder.path().join("out");
    let arguments = ["report", "--year", "2025", "--out", out.to_str().unwrap()];

    let refused = sample::wattledger(&arguments, &config);
    assert_eq!(refused.status.code(), Some(2));
    let stderr = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(stderr.contains("MONTHS_MISSING: 1 of 12 months have no evidence: 2025-11"), "{stderr}");
    assert!(!out.exists(), "nothing is written");
    let accepted = sample::wattledger(&[arguments.as_slice(), &["--accept", "MONTHS_MISSING"]].concat(), &config);
    assert_eq!(accepted.status.code(), Some(0));
    let year: Value = serde_json::from_slice(&fs::read(json_report(&out)).unwrap()).unwrap();
    // 1,500 kWh less November's part, 720 h of 8,760 h: what a month without evidence used is not known.
    let available = integer(&year["scope2"]["instruments"][0]["available_mj"]).unwrap();
    assert!((available - 1_500 * 3_600_000_000 * 8_040 / 8_760).abs() <= 1, "{available}");
    let none = sample::wattledger(&["report", "--year", "2022", "--out", out.to_str().unwrap()], &config);
    assert_eq!(none.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&none.stderr).contains("NO_DATA"));
}
