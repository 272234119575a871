//! The sample generator, the oracle and our own binary, as programs that a test runs.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};
use wattledger::factors::{Factors, Quantity};

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub fn wattledger(arguments: &[&str], config: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_wattledger")).arg("--config").arg(config).args(arguments).output().unwrap()
}

/// Runs our binary and expects it to end well.
pub fn wattledger_ok(arguments: &[&str], config: &Path) -> Output {
    let output = wattledger(arguments, config);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "wattledger {} ended with {}:\n{stderr}", arguments.join(" "), output.status);
    output
}

/// `report.json` of October.
pub fn report(config: &Path, out: &Path) -> Value {
    report_with(config, out, &[])
}

pub fn report_with(config: &Path, out: &Path, options: &[&str]) -> Value {
    wattledger_ok(&[&["report", "--month", "2026-10", "--out", out.to_str().unwrap(), "--format", "json"], options].concat(), config);
    serde_json::from_slice(&fs::read(out.join("report.json")).unwrap()).unwrap()
}

/// Generates into a folder. `cargo test` builds the example beside the tests; calling cargo from a test would not do, because its variables
/// (`CARGO_PKG_NAME` and the like) make build scripts run again, and everything above them is compiled anew.
pub fn generate(out: &Path, arguments: &[&str]) {
    let generator = Path::new(env!("CARGO_BIN_EXE_wattledger")).with_file_name("examples").join("generate-sample");
    assert!(generator.exists(), "{} is not there; `cargo build --example generate-sample` makes it", generator.display());
    let output = Command::new(generator).arg("--out").arg(out).arg("--truth").args(arguments).output().unwrap();
    assert!(output.status.success(), "generate-sample: {}", String::from_utf8_lossy(&output.stderr));
}

/// The sample's configuration with another server, and with the named clusters only; intensity and evidence lie beside it.
pub fn write_config(folder: &Path, url: &str, clusters: &[&str]) -> PathBuf {
    let mut config = sample_config();
    let table = config.as_table_mut().unwrap();
    let all = table["cluster"].as_array_mut().unwrap();
    all.retain(|cluster| clusters.contains(&cluster["name"].as_str().unwrap()));
    for cluster in all {
        cluster["prometheus"].as_table_mut().unwrap().insert("url".to_owned(), url.into());
    }
    let path = folder.join("wattledger.toml");
    fs::write(&path, toml::to_string(&config).unwrap()).unwrap();
    path
}

/// The sample's configuration as far as electricity goes: what it holds in contracts, machines, prices and rules for shifting is left out, so that a test says what it needs of them.
pub fn sample_config() -> toml::Value {
    let mut config: toml::Table = toml::from_str(&fs::read_to_string(root().join("sample-data/wattledger.toml")).unwrap()).unwrap();
    for table in ["hardware", "instrument", "functional_unit", "published_year", "price", "deferrable", "counterfactual", "decision_log"] {
        config.remove(table);
    }
    for cluster in config["cluster"].as_array_mut().unwrap() {
        for key in ["hardware", "in_service"] {
            cluster.as_table_mut().unwrap().remove(key);
        }
    }
    config.into()
}

/// What the oracle works out for a folder that the generator wrote, under the sample's configuration.
pub fn expected(folder: &Path, month: &str) -> Value {
    expected_under(&sample_config(), folder, month)
}

/// The same under another configuration of the sample's clusters.
pub fn expected_under(config: &toml::Value, folder: &Path, month: &str) -> Value {
    expected_beside(config, folder, month, &json!({}))
}

/// The same with what stands beside the counterfactual: `bounds`, `alternatives`, `cost`, and `cpu_capacity_milli` of each node.
pub fn expected_beside(config: &toml::Value, folder: &Path, month: &str, beside: &Value) -> Value {
    let settings = folder.join("settings.json");
    let mut given = oracle_settings(config, month);
    given["beside"] = beside.clone();
    if let Some(milli) = beside.get("cpu_capacity_milli") {
        given["cpu_capacity_milli"] = milli.clone();
    }
    given["deferrable"] = deferrable(config);
    given["price_files"] = config.get("price").map_or(json!([]), |price| json!(price[0]["files"]));
    fs::write(&settings, given.to_string()).unwrap();
    let python = std::env::var("WATTLEDGER_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let output = Command::new(python)
        .arg(root().join("tests/oracle/oracle.py"))
        .arg("--truth")
        .arg(folder.join("truth.json"))
        .arg("--intensity")
        .arg(folder.join("intensity"))
        .arg("--settings")
        .arg(&settings)
        .output()
        .unwrap();
    assert!(output.status.success(), "oracle: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A configuration in the oracle's words. A PUE and a share go as text, so that the oracle can take them as exact fractions.
fn oracle_settings(config: &toml::Value, month: &str) -> Value {
    let clusters: BTreeMap<&str, Value> = config["cluster"]
        .as_array()
        .unwrap()
        .iter()
        .map(|cluster| {
            let placement = match cluster["boundary"].as_str().unwrap() {
                "owned" => "scope2",
                "cloud" => "scope3-category1",
                "colocated" => cluster["colocated_as"].as_str().unwrap(),
                other => panic!("unknown boundary {other}"),
            };
            let home_zone = cluster.get("home_zone").and_then(toml::Value::as_str);
            let site = json!({
                "grid_zone": cluster["grid_zone"].as_str(), "home_zone": home_zone,
                "pue": cluster["pue"].as_float().unwrap().to_string(), "placement": placement,
            });
            (cluster["name"].as_str().unwrap(), site)
        })
        .collect();
    let annual = &config["intensity"][0]["annual_direct_gco2e_per_kwh"];
    // What comes with the software stands in for zones of which the configuration says nothing.
    let factors = Factors::embedded().unwrap();
    let shares = factors.rows().iter().filter(|row| row.quantity == Quantity::TdLossShare);
    let mut losses: BTreeMap<&str, String> = shares.map(|row| (row.geography.as_str(), row.value.to_string())).collect();
    let configured = config
        .get("losses")
        .and_then(toml::Value::as_array)
        .into_iter()
        .flatten()
        .map(|losses| (losses["zone"].as_str().unwrap(), losses["share"].as_float().unwrap().to_string()));
    losses.extend(configured);
    json!({
        "month": month, "time_zone": config["organisation"]["time_zone"].as_str(),
        "location_based": config["report"]["location_based"].as_str(), "idle": config["report"]["idle"].as_str(),
        "tails": config["report"].get("tails").and_then(toml::Value::as_str).unwrap_or("unattributed"),
        "annual_direct_gco2e_per_kwh": serde_json::to_value(annual).unwrap(), "losses": losses, "clusters": clusters,
    })
}

/// Which work may wait, with delays in seconds.
fn deferrable(config: &toml::Value) -> Value {
    let rules = config.get("deferrable").and_then(toml::Value::as_array).into_iter().flatten();
    rules
        .map(|rule| {
            let list = |key: &str| rule.get(key).map_or(json!([]), |list| json!(list));
            let max_delay = humantime::parse_duration(rule["max_delay"].as_str().unwrap()).unwrap().as_secs();
            json!({ "namespaces": list("namespaces"), "kinds": list("kinds"), "names": list("names"), "zones": list("zones"), "max_delay_s": max_delay })
        })
        .collect()
}

/// A Python with DuckDB, as `tests/run` installs it. Without it the tests that need it say that they were left out; in CI that is a failure.
pub fn python_with_duckdb() -> Option<PathBuf> {
    let python = std::env::var_os("WATTLEDGER_PYTHON").map(PathBuf::from);
    if python.is_none() {
        assert!(std::env::var_os("CI").is_none(), "WATTLEDGER_PYTHON is not set; run tests/run");
        eprintln!("left out: WATTLEDGER_PYTHON is not set (tests/run sets it to a Python with DuckDB)");
    }
    python
}
