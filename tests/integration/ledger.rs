//! The hourly ledger as finance gets it: its rows add up to the report, in every list and column, and both files hold the same rows.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use polars::prelude::{AnyValue, DataType, ParquetReader, SerReader, TimeUnit};
use serde_json::Value;
use tempfile::TempDir;

use crate::compare::integer;
use crate::{altered, market, sample};

/// A row of `ledger.csv` by column.
type Row = BTreeMap<String, String>;

/// Figures that a row has under the name that they have in the report.
const SHARED: [&str; 14] = [
    "active_mj",
    "idle_mj",
    "system_mj",
    "metered_mj",
    "gap_mj",
    "facility_mj",
    "operational_hourly_ugco2e",
    "operational_annual_ugco2e",
    "scope2_location_based_ugco2e",
    "scope2_location_based_annual_ugco2e",
    "scope2_market_based_ugco2e",
    "scope3_category_3_ugco2e",
    "scope3_category_8_ugco2e",
    // Of electricity alone; the report's figure has the making of clouds' machines too.
    "scope3_category_1_electricity_ugco2e",
];

fn sample_month() -> PathBuf {
    sample::root().join("sample-data/wattledger.toml")
}

fn write(config: &Path, out: &Path, options: &[&str]) -> Value {
    let arguments = ["report", "--month", "2026-10", "--out", out.to_str().unwrap(), "--format", "csv,json,parquet", "--no-sensitivity"];
    sample::wattledger_ok(&[&arguments, options].concat(), config);
    serde_json::from_slice(&fs::read(out.join("report.json")).unwrap()).unwrap()
}

fn rows(out: &Path) -> Vec<Row> {
    let mut reader = csv::Reader::from_path(out.join("ledger.csv")).unwrap();
    reader.deserialize().map(|row| row.unwrap()).collect()
}

/// Unknown where a row's is.
fn sum<'a>(rows: impl Iterator<Item = &'a Row>, column: &str) -> Option<i64> {
    rows.map(|row| if row[column].is_empty() { None } else { Some(row[column].parse::<i64>().unwrap()) }).sum()
}

/// Every figure of every list of the report is the sum of its rows. Gives back how many were compared, and how many of them are unknown.
fn compare(report: &Value, rows: &[Row]) -> (usize, usize) {
    let (mut compared, mut unknown) = (0, 0);
    let mut demand = |what: String, found: Option<i64>, said: Option<i64>| {
        assert_eq!(found, said, "{what}");
        compared += 1;
        unknown += usize::from(said.is_none());
    };
    for (list, keys) in
        [("clusters", &["cluster"][..]), ("namespaces", &["cluster", "namespace"]), ("workloads", &["cluster", "namespace", "workload"])]
    {
        let mut by_key: BTreeMap<Vec<&str>, Vec<&Row>> = BTreeMap::new();
        for row in rows {
            by_key.entry(keys.iter().map(|key| row[*key].as_str()).collect()).or_default().push(row);
        }
        for said in report[list].as_array().unwrap() {
            let key: Vec<&str> = keys.iter().map(|key| said[*key].as_str().unwrap()).collect();
            let of_key = by_key.remove(&key).unwrap_or_default();
            for column in &SHARED[..13] {
                demand(format!("{list} {key:?} {column}"), sum(of_key.iter().copied(), column), integer(&said[*column]));
            }
        }
        assert!(by_key.is_empty(), "rows of {list} that the report does not have: {:?}", by_key.keys());
    }
    for column in &SHARED[..13] {
        demand(format!("totals {column}"), sum(rows.iter(), column), integer(&report["totals"][*column]));
    }
    let cloud = integer(&report["scope3"]["cloud_operation_ugco2e"]);
    demand("operation of clouds".to_owned(), sum(rows.iter(), SHARED[13]), cloud);
    demand("upstream".to_owned(), sum(rows.iter(), "upstream_ugco2e"), integer(&report["scope3"]["upstream_ugco2e"]));
    let losses: Vec<i64> = rows.iter().filter_map(|row| row["losses_ugco2e"].parse().ok()).collect();
    let losses = (!losses.is_empty()).then(|| losses.iter().sum());
    demand("losses".to_owned(), losses, integer(&report["scope3"]["losses_ugco2e"]));
    let mut hours: BTreeMap<(&str, &str), Vec<&Row>> = BTreeMap::new();
    for row in rows {
        hours.entry((&row["cluster"], &row["hour"])).or_default().push(row);
    }
    for said in report["hours"].as_array().unwrap() {
        let of_hour = hours.remove(&(said["cluster"].as_str().unwrap(), said["hour"].as_str().unwrap())).unwrap_or_default();
        for column in ["facility_mj", "operational_hourly_ugco2e"] {
            demand(format!("{} {column}", said["hour"]), sum(of_hour.iter().copied(), column), integer(&said[column]));
        }
    }
    assert!(hours.is_empty(), "hours that the report does not have");
    (compared, unknown)
}

/// Rows are in the order of their keys, each once, and every id is its row's.
fn check_keys(rows: &[Row]) {
    let key = |row: &Row| ["cluster", "hour", "namespace", "workload"].map(|column| row[column].clone());
    let ordered: BTreeSet<_> = rows.iter().map(key).collect();
    assert!(rows.iter().map(key).eq(ordered.iter().cloned()), "rows are not sorted by cluster, hour, namespace and workload, each once");
    for row in rows {
        let hour = row["hour"].replace(['-', ':'], "").replace("0000Z", "Z");
        assert_eq!(row["id"], format!("row:{}:{}:{}@{hour}", row["cluster"], row["namespace"], row["workload"]));
    }
}

#[test]
fn the_rows_of_the_sample_add_up_to_its_report_in_every_list_and_column() {
    let out = TempDir::new().unwrap();
    let report = write(&sample_month(), out.path(), &[]);
    let rows = rows(out.path());

    check_keys(&rows);
    let (compared, unknown) = compare(&report, &rows);
    assert!(rows.len() > 10_000 && compared > 5_000 && unknown == 0, "{} rows, {compared} figures, {unknown} unknown", rows.len());
    for (column, value) in [("grid_zone", "NL"), ("placement", "scope3-category1"), ("namespace", "(idle)"), ("namespace", "(gap)")] {
        assert!(rows.iter().any(|row| row[column] == value), "no row has {column} {value}");
    }
}

/// Certificates with factors of their own, a supplier's rate, a residual mix, hours of generation.
#[test]
fn market_based_hours_add_up_under_any_register_and_without_one_are_the_location_based_ones() {
    let folder = TempDir::new().unwrap();
    let config = market::configured(folder.path());
    let (with, without) = (folder.path().join("with"), folder.path().join("without"));
    let report = write(&config, &with, &[]);
    compare(&report, &rows(&with));

    let mut table: toml::Table = toml::from_str(&fs::read_to_string(&config).unwrap()).unwrap();
    table.remove("instrument");
    table.remove("factors");
    fs::write(&config, toml::to_string(&table).unwrap()).unwrap();
    let report = write(&config, &without, &[]);
    let rows = rows(&without);
    compare(&report, &rows);
    assert!(rows.iter().all(|row| row["scope2_market_based_ugco2e"] == row["scope2_location_based_ugco2e"]));
}

/// A cluster in two countries, one part of it rented, and a zone of which no annual factor is known though annual factors are the declared method.
#[test]
fn a_row_names_all_zones_it_was_in_and_what_is_unknown_of_one_is_unknown_of_it() {
    let folder = TempDir::new().unwrap();
    let mut config: toml::Table = toml::from_str(&fs::read_to_string(sample_month()).unwrap()).unwrap();
    for (table, key, value) in [
        ("report", "location_based", "annual".to_owned()),
        ("evidence", "dir", sample::root().join("sample-data/evidence").display().to_string()),
    ] {
        config[table].as_table_mut().unwrap().insert(key.to_owned(), value.into());
    }
    config["intensity"][0].as_table_mut().unwrap()["annual_direct_gco2e_per_kwh"].as_table_mut().unwrap().remove("PL");
    config.remove("factors");
    let pool: toml::Value =
        toml::from_str("selector = { \"kubernetes.io/hostname\" = \"nl-node-2\" }\nboundary = \"cloud\"\ngrid_zone = \"PL\"\npue = 1.4\n")
            .unwrap();
    let nl = config["cluster"].as_array_mut().unwrap().iter_mut().find(|cluster| cluster["name"].as_str() == Some("prod-nl")).unwrap();
    nl.as_table_mut().unwrap().insert("pool".to_owned(), toml::Value::Array(vec![pool]));
    let path = folder.path().join("wattledger.toml");
    fs::write(&path, toml::to_string(&config).unwrap()).unwrap();
    let out = folder.path().join("out");
    let report = write(&path, &out, &[]);
    let rows = rows(&out);

    let (_, unknown) = compare(&report, &rows);
    let both: Vec<&Row> = rows.iter().filter(|row| row["grid_zone"] == "NL+PL").collect();
    assert!(both.len() > 500, "{} rows in both zones", both.len());
    for row in &both {
        assert_eq!(row["placement"], "scope2+scope3-category1");
        assert!(row["operational_annual_ugco2e"].is_empty() && row["scope3_category_1_electricity_ugco2e"].is_empty());
        assert!(!row["scope2_location_based_annual_ugco2e"].is_empty(), "what is in Scope 2 is known");
    }
    assert!(unknown > 20, "only {unknown} figures are unknown");
}

#[test]
fn parquet_holds_the_rows_of_the_csv_with_types() {
    let out = TempDir::new().unwrap();
    write(&sample_month(), out.path(), &[]);
    let rows = rows(out.path());
    let frame = ParquetReader::new(fs::File::open(out.path().join("ledger.parquet")).unwrap()).finish().unwrap();

    assert_eq!(frame.height(), rows.len());
    let header: Vec<String> = frame.get_column_names().iter().map(|name| name.to_string()).collect();
    let first = fs::read_to_string(out.path().join("ledger.csv")).unwrap();
    assert_eq!(first.split("\r\n").next().unwrap(), header.join(","), "RFC 4180 ends records with CRLF");
    for (name, column) in header.iter().zip(frame.columns()) {
        let dtype = match name.as_str() {
            "hour" => DataType::Datetime(TimeUnit::Milliseconds, Some(polars::prelude::TimeZone::UTC)),
            name if name.ends_with("_mj") || name.ends_with("_ugco2e") => DataType::Int64,
            _ => DataType::String,
        };
        assert_eq!(column.dtype(), &dtype, "{name}");
        for (row, value) in rows.iter().zip(column.as_materialized_series().iter()) {
            let text = match value {
                AnyValue::Null => String::new(),
                AnyValue::Datetime(ms, ..) => {
                    chrono::DateTime::from_timestamp_millis(ms).unwrap().to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
                }
                AnyValue::String(text) => text.to_owned(),
                other => other.to_string(),
            };
            assert_eq!(row[name], text, "{name} of {}", row["id"]);
        }
    }
}

#[test]
fn duckdb_reads_the_ledger_and_gets_the_reports_totals() {
    let Some(python) = sample::python_with_duckdb() else { return };
    let out = TempDir::new().unwrap();
    let report = write(&sample_month(), out.path(), &[]);
    let program = "import duckdb, sys\n\
        for file in ('ledger.parquet', 'ledger.csv'):\n\
        \x20   rows = duckdb.execute(f\"SELECT sum(facility_mj), sum(operational_hourly_ugco2e), sum(scope2_market_based_ugco2e), count(DISTINCT id), count(*), \
        min(hour)::VARCHAR FROM '{sys.argv[1]}/{file}'\").fetchone()\n\
        \x20   print(*rows)\n";
    let output = std::process::Command::new(python).args(["-c", program]).arg(out.path()).env("TZ", "UTC").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines: Vec<String> = String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect();

    let total = |name: &str| integer(&report["totals"][name]).unwrap();
    let rows = rows(out.path()).len();
    let (energy, hourly, market) = (total("facility_mj"), total("operational_hourly_ugco2e"), total("scope2_market_based_ugco2e"));
    for line in lines.iter() {
        assert!(line.starts_with(&format!("{energy} {hourly} {market} {rows} {rows} 2026-09-30 22:00:00")), "{line}");
    }
    assert_eq!(lines.len(), 2);
}

#[test]
fn threads_and_engine_change_no_byte_of_the_ledger() {
    let folder = TempDir::new().unwrap();
    let files = |name: &str, options: &[&str]| {
        let out = folder.path().join(name);
        write(&sample_month(), &out, options);
        ["ledger.csv", "ledger.parquet"].map(|file| fs::read(out.join(file)).unwrap())
    };
    let one = files("one", &["--threads", "1"]);

    assert!(one == files("three", &["--threads", "3"]), "three threads");
    assert!(one == files("sql", &["--engine", "sql"]), "the SQL files");
}

#[test]
fn names_that_would_be_formulas_are_text_in_csv_and_themselves_in_parquet() {
    let folder = TempDir::new().unwrap();
    altered::write_with_namespace(folder.path(), "shop", "=HYPERLINK(\"http://x\",\"a\")");
    altered::config(folder.path(), "unattributed");
    let out = folder.path().join("out");
    let report = write(&folder.path().join("unattributed.toml"), &out, &[]);
    let rows = rows(&out);

    let hostile = "=HYPERLINK(\"http://x\",\"a\")";
    assert!(report["namespaces"].as_array().unwrap().iter().any(|row| row["namespace"] == hostile));
    let cells: Vec<&String> = rows.iter().flat_map(|row| row.values()).collect();
    assert!(cells.iter().all(|cell| !cell.starts_with(['=', '+', '-', '@', '\t', '\r'])), "a cell would be a formula");
    let named = rows.iter().filter(|row| row["namespace"] == format!("'{hostile}")).count();
    let frame = ParquetReader::new(fs::File::open(out.join("ledger.parquet")).unwrap()).finish().unwrap();
    let namespaces = frame.column("namespace").unwrap().str().unwrap();
    assert!(named > 500 && namespaces.iter().filter(|name| *name == Some(hostile)).count() == named);
}

#[test]
fn a_refused_report_leaves_no_ledger_and_a_year_has_none() {
    let folder = TempDir::new().unwrap();
    let mut config: toml::Table = toml::from_str(&fs::read_to_string(sample_month()).unwrap()).unwrap();
    config["report"].as_table_mut().unwrap().insert("max_gap_share".to_owned(), 0.0001.into());
    config["evidence"]
        .as_table_mut()
        .unwrap()
        .insert("dir".to_owned(), sample::root().join("sample-data/evidence").to_str().unwrap().into());
    let path = folder.path().join("wattledger.toml");
    fs::write(&path, toml::to_string(&config).unwrap()).unwrap();
    let out = folder.path().join("out");
    let report = |arguments: &[&str]| {
        let output =
            sample::wattledger(&[&["report", "--out", out.to_str().unwrap(), "--format", "csv,parquet"], arguments].concat(), &path);
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };

    let (code, stderr) = report(&["--month", "2026-10"]);
    assert_eq!(code, Some(2), "{stderr}");
    assert!(stderr.contains("refused: GAP"), "{stderr}");
    let (code, stderr) = report(&["--year", "2026"]);
    assert!(code == Some(1) && stderr.contains("hint: write one for each month"), "{stderr}");
    assert!(!out.exists(), "something was written");

    let (code, _) = report(&["--month", "2026-10", "--accept", "GAP"]);
    let names: BTreeSet<String> = fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!((code, names), (Some(0), BTreeSet::from(["ledger.csv".to_owned(), "ledger.parquet".to_owned()])));
}
