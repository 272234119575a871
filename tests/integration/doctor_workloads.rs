//! `doctor workloads` over the sample month, against the sample's own report.

use std::collections::BTreeMap;

use serde_json::Value;
use tempfile::TempDir;

use crate::compare;
use crate::sample::{report, root, wattledger, wattledger_ok};

fn integer(value: &Value) -> i64 {
    compare::integer(value).unwrap_or_else(|| panic!("{value} is no integer"))
}

fn rows<'a>(lists: &'a Value, list: &str) -> &'a [Value] {
    lists[list].as_array().unwrap()
}

/// Avoided, and offered by windows, as the report's own runs say it.
fn of_runs(report: &Value) -> BTreeMap<(String, String, String), (i64, i64, u64)> {
    let mut sums: BTreeMap<_, (i64, i64, u64)> = BTreeMap::new();
    for run in report["job_runs"].as_array().unwrap() {
        let text = |key: &str| run[key].as_str().unwrap().to_owned();
        let sum = sums.entry((text("cluster"), text("namespace"), text("workload"))).or_default();
        sum.2 += 1;
        if run["cause"] != "none" && !run["avoided_ugco2e"].is_null() {
            sum.0 += integer(&run["avoided_ugco2e"]);
        }
        if !run["best_ugco2e"].is_null() {
            sum.1 += integer(&run["counterfactual_ugco2e"]) - integer(&run["best_ugco2e"]);
        }
    }
    sums
}

#[test]
fn the_lists_say_what_the_report_says() {
    let config = root().join("sample-data/wattledger.toml");
    let out = TempDir::new().unwrap();
    let report = report(&config, out.path());
    let output = wattledger_ok(&["doctor", "workloads", "--month", "2026-10", "--json"], &config);
    let lists: Value = serde_json::from_slice(&output.stdout).unwrap();

    assert_eq!(
        integer(&lists["sums"]["active_mj"]),
        integer(&report["totals"]["active_mj"]),
        "all of the month's active energy is looked at"
    );
    let runs = of_runs(&report);
    let mut compared = 0;
    for row in rows(&lists, "deferrable") {
        let text = |key: &str| row[key].as_str().unwrap();
        let is_like = |name: &str| match text("workload").strip_suffix('*') {
            Some(start) => name.starts_with(start),
            None => name == text("workload"),
        };
        let of_row = runs.iter().filter(|((cluster, namespace, workload), _)| {
            cluster == text("cluster") && namespace == text("namespace") && is_like(workload)
        });
        let sum = of_row.fold((0, 0, 0), |sum, (_, run)| (sum.0 + run.0, sum.1 + run.1, sum.2 + run.2));
        let or_nothing = |key: &str| if row[key].is_null() { 0 } else { integer(&row[key]) };
        assert_eq!((or_nothing("avoided_ugco2e"), or_nothing("best_ugco2e"), row["runs"].as_u64().unwrap()), sum, "{row}");
        compared += sum.2;
    }
    assert!(compared > 50, "{compared} runs");

    // What nobody spoke of, under the names that the sample's story gives it.
    let unmarked: Vec<(&str, &str)> =
        rows(&lists, "unmarked").iter().map(|row| (row["workload"].as_str().unwrap(), row["looks_like"].as_str().unwrap())).collect();
    assert!(unmarked.contains(&("Job/ci-batch-*", "ci")) && unmarked.contains(&("CronJob/backup", "backup")), "{unmarked:?}");
    for row in rows(&lists, "unmarked") {
        assert!(!row["because"].as_str().unwrap().is_empty());
        assert!(row["window_basis"].is_null() || row["window_basis"] == "suggested", "{row}");
    }
    assert!(rows(&lists, "marked_but_serving").is_empty());
    assert!(lists["next"].as_str().unwrap().contains("names = [\"ci-batch-*\"]"), "{}", lists["next"]);
}

#[test]
fn the_screen_is_within_a_hundred_columns_and_counts_what_it_leaves_out() {
    let config = root().join("sample-data/wattledger.toml");
    let output = wattledger_ok(&["doctor", "workloads", "--month", "2026-10", "--top", "1"], &config);
    let screen = String::from_utf8(output.stdout).unwrap();
    println!("{screen}");
    assert!(screen.lines().all(|line| line.chars().count() <= 100), "{screen}");
    for shown in [
        "Runs as deferrable",
        "Looks deferrable, and nobody said so",
        "Marked as deferrable, and serves users\nnothing",
        "… and 4 more",
        "* nobody said how long",
        "\nNext: ",
    ] {
        assert!(screen.contains(shown), "{shown}: {screen}");
    }
}

#[test]
fn only_the_clusters_that_were_asked_for_are_in_it() {
    let config = root().join("sample-data/wattledger.toml");
    let output = wattledger_ok(&["doctor", "workloads", "--month", "2026-10", "--cluster", "edge-fr", "--json"], &config);
    let lists: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(lists["clusters"], serde_json::json!(["edge-fr"]));
    for list in ["deferrable", "unmarked"] {
        assert!(rows(&lists, list).iter().all(|row| row["cluster"] == "edge-fr"), "{list}");
    }
    let output = wattledger(&["doctor", "workloads", "--month", "2026-10", "--cluster", "nowhere"], &config);
    assert!(!output.status.success() && String::from_utf8_lossy(&output.stderr).contains("no cluster `nowhere`"));
    // Arguments of `doctor` itself belong before nothing else.
    assert_eq!(wattledger(&["doctor", "--month", "2026-10", "workloads"], &config).status.code(), Some(64));
}
