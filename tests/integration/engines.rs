//! One method, three engines: the SQL files on polars, the same files on DuckDB, and the columnar pass give one content hash of the ledger, of what runs used
//! and asked for step by step, and of what all pods asked for.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use polars::prelude::{DataFrame, ParquetWriter};
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use wattledger::accounting::ledger::content::ContentHash;
use wattledger::accounting::ledger::{DayFold, LedgerRow, sql};
use wattledger::cli::account;
use wattledger::config::Config;
use wattledger::units::ReportingPeriod;

use crate::{altered, sample};

/// The month's edges, of which only part counts; a recreated pod; the hole; the Kepler restart; the gap; and days on which nothing is odd.
const DAYS: [&str; 8] = ["2026-09-30", "2026-10-01", "2026-10-09", "2026-10-13", "2026-10-18", "2026-10-24", "2026-10-25", "2026-10-31"];

fn write_parquet(path: &Path, mut frame: DataFrame) {
    ParquetWriter::new(fs::File::create(path).unwrap()).finish(&mut frame).unwrap();
}

#[test]
fn polars_duckdb_and_the_columnar_pass_give_one_ledger() {
    let Some(python) = sample::python_with_duckdb() else { return };
    let config = Config::load(&sample::root().join("sample-data/wattledger.toml")).unwrap();
    let (mut steps_of_runs, mut requests) = (0, 0);
    let (days, rows) = compare(&python, &config, &DAYS, |_, fold| {
        steps_of_runs += fold.run_steps.iter().filter(|row| row.active_mj > 0 && row.cpu_request_milli > 0).count();
        requests += fold.step_requests.len();
    });
    assert!(days > 20 && rows > 10_000, "only {rows} rows of {days} cluster-days were compared");
    assert!(steps_of_runs > 200 && requests > 1_000, "only {steps_of_runs} steps of runs and {requests} of clusters were compared");
}

/// All three tiers in one node-day, and tails that exceed what the system used.
#[test]
fn they_give_one_ledger_where_tiers_differ_and_tails_are_moved() {
    let Some(python) = sample::python_with_duckdb() else { return };
    let folder = TempDir::new().unwrap();
    altered::write_with_tiers_and_tails(folder.path());
    for tails in ["last-rate", "unattributed"] {
        let config = Config::load(&altered::config_with_losses(folder.path(), tails).1).unwrap();
        let (mut allocated, mut modelled, mut moved) = (0, 0, 0);
        let (days, _) = compare(&python, &config, &DAYS[2..4], |rows, _| {
            allocated += rows.iter().filter(|row| row.allocated_mj == row.active_mj + row.idle_mj + row.system_mj).count();
            modelled += rows.iter().filter(|row| row.modelled_mj > 0).count();
            moved += rows.iter().filter(|row| row.allocated_mj > 0 && row.allocated_mj < row.active_mj).count();
        });
        assert!(days == 6 && allocated > 100 && modelled > 100, "{days} cluster-days, {allocated} rows allocated, {modelled} modelled");
        assert_eq!(moved > 10, tails == "last-rate", "{moved} rows with a tail");
    }
}

/// A node that was there before and after it is filled, on every engine alike.
#[test]
fn they_give_one_ledger_on_a_day_without_evidence() {
    let Some(python) = sample::python_with_duckdb() else { return };
    let folder = TempDir::new().unwrap();
    altered::write_with_cost_centres(folder.path(), |_, _, _| None);
    fs::remove_dir_all(folder.path().join("evidence/prod-nl/2026-10-14")).unwrap();
    let config = Config::load(&altered::config_with_losses(folder.path(), "unattributed").1).unwrap();
    let mut filled = 0;
    let (days, _) = compare(&python, &config, &["2026-10-14"], |rows, _| {
        filled += rows.iter().filter(|row| row.gap_mj > 0 && row.operational_hourly_ugco2e.is_some()).count();
    });
    assert!(days == 3 && filled == 3 * 96, "{days} cluster-days, {filled} filled steps");
}

/// Runs every engine over some days of every cluster. Gives back how many cluster-days and rows were compared; `look` sees the rows of each.
fn compare(python: &Path, config: &Config, only: &[&str], mut look: impl FnMut(&[LedgerRow], &DayFold)) -> (usize, usize) {
    let period = ReportingPeriod::parse("2026-10", config.time_zone).unwrap();
    let folder = TempDir::new().unwrap();
    let (mut days, mut hashes): (Vec<PathBuf>, Vec<String>) = (vec![], vec![]);
    let mut rows_compared = 0;

    account::for_each_day(&account::Books::open(config).unwrap(), period, |cluster, day, terms, node_steps, usage| {
        if !only.contains(&day.to_string().as_str()) {
            return Ok(());
        }
        let day_folder = folder.path().join(format!("{cluster}-{day}"));
        fs::create_dir(&day_folder)?;
        let columns = account::rows_by_columns(terms, &node_steps, &usage)?;
        let usage_rows = usage.height();
        let inputs = sql::inputs(terms, node_steps, usage)?;
        let tables = sql::run_plan(&inputs)?;
        let usage = sql::UsageRows::of(&tables, usage_rows)?;
        let (fold, rows) = (sql::fold(terms, &tables, usage)?, sql::rows(&tables)?);
        assert!(columns == (fold.clone(), rows.clone()), "{cluster} on {day}: the columnar pass and the SQL files differ");
        for (table, frame) in inputs {
            write_parquet(&day_folder.join(format!("{table}.parquet")), frame);
        }
        look(&rows, &fold);
        rows_compared += rows.len();
        hashes.push(format!("{} {}", ContentHash::of(&rows).sha256, sha256_of_steps(&fold)));
        days.push(day_folder);
        Ok(())
    })
    .unwrap();

    let root = sample::root();
    let output =
        Command::new(python).arg(root.join("tests/duckdb/run_plan.py")).arg(root.join("queries/accounting")).args(&days).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let by_duckdb: Vec<String> = String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect();
    assert_eq!(by_duckdb, hashes);
    (days.len(), rows_compared)
}

/// Of what runs used and asked for, and of what all pods asked for, in the text of [`ContentHash`].
fn sha256_of_steps(fold: &DayFold) -> String {
    let sha256 = |lines: Vec<String>| Sha256::digest(lines.concat()).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let of_runs =
        fold.run_steps.iter().map(|row| format!("{}|{}|{}|{}|{}\n", row.job, row.step, row.site, row.active_mj, row.cpu_request_milli));
    let of_clusters = fold.step_requests.iter().map(|row| format!("{}|{}\n", row.step, row.cpu_request_milli));
    format!("{} {}", sha256(of_runs.collect()), sha256(of_clusters.collect()))
}
