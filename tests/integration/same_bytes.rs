//! The same evidence gives the same bytes: whatever the threads, the engine, or the order in which samples arrived.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use wattledger::accounting::metering::meter_day;
use wattledger::evidence::{Store, frames_to_samples};
use wattledger::model::tables::Table;
use wattledger::model::{MeteringTerms, SampleTable};
use wattledger::units::UtcDay;

use crate::prometheus::{self, Prometheus};
use crate::sample;

fn report(out: &Path, options: &[&str]) -> Vec<Vec<u8>> {
    let config = sample::root().join("sample-data/wattledger.toml");
    sample::wattledger_ok(&[&["report", "--month", "2026-10", "--out", out.to_str().unwrap()], options].concat(), &config);
    ["html", "xlsx", "json"].map(|extension| fs::read(out.join("report").with_extension(extension)).unwrap()).to_vec()
}

#[test]
fn threads_and_engine_change_no_byte_of_a_report() {
    let folder = TempDir::new().unwrap();
    let one = report(&folder.path().join("one"), &["--threads", "1"]);

    assert!(one == report(&folder.path().join("two"), &["--threads", "2"]), "two threads");
    assert!(one == report(&folder.path().join("again"), &["--threads", "2"]), "a second run");
    assert!(one == report(&folder.path().join("sql"), &["--engine", "sql"]), "the SQL files");
}

#[test]
fn samples_in_any_order_give_the_tables_that_are_in_the_evidence() {
    let store = Store::new(sample::root().join("sample-data/evidence"));
    for (cluster, day) in [("prod-nl", "2026-10-18"), ("edge-fr", "2026-10-13"), ("burst-pl", "2026-10-24")] {
        let day: UtcDay = day.parse().unwrap();
        let manifest = store.day(cluster, day).unwrap().unwrap();
        let read = |table| store.read_table(&manifest, table).unwrap();
        let samples = frames_to_samples(&read(Table::Series), &read(Table::Samples)).unwrap();
        // Backwards by series and by time: nothing stands where it stood.
        let mut backwards: Vec<_> = samples
            .iter()
            .map(|(series, ts_ms, value)| (series.clone(), ts_ms.iter().copied().zip(value.iter().copied()).rev().collect::<Vec<_>>()))
            .collect();
        backwards.reverse();

        let terms = manifest.metering.clone().unwrap_or_else(|| MeteringTerms::of_step(manifest.step_seconds));
        let metered = meter_day(&SampleTable::from_series(backwards), day, &terms).unwrap();

        let tables = [
            (Table::Nodes, metered.nodes),
            (Table::Pods, metered.pods),
            (Table::Jobs, metered.jobs),
            (Table::NodeSteps, metered.node_steps),
            (Table::Usage, metered.usage),
        ];
        for (table, frame) in tables {
            assert!(table == Table::Jobs || frame.height() > 0, "{cluster} on {day}: {} is empty", table.name());
            assert!(frame.equals_missing(&read(table)), "{cluster} on {day}: {}", table.name());
        }
    }
}

/// Every file below a folder with its bytes, by its path within.
fn files_of(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let (mut files, mut folders) = (BTreeMap::new(), vec![folder.to_owned()]);
    while let Some(next) = folders.pop() {
        for path in fs::read_dir(next).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else {
                files.insert(path.strip_prefix(folder).unwrap().to_owned(), fs::read(&path).unwrap());
            }
        }
    }
    files
}

#[test]
fn collecting_the_same_history_twice_gives_the_same_bytes() {
    if !prometheus::is_installed() {
        return;
    }
    let folder = TempDir::new().unwrap();
    let openmetrics = folder.path().join("openmetrics");
    sample::generate(folder.path(), &["--small"]);
    let evidence = ["first", "second"].map(|name| {
        // A server of its own each time, so that nothing that it remembers makes them alike.
        let server = Prometheus::serving(&openmetrics);
        let home = folder.path().join(name);
        fs::create_dir(&home).unwrap();
        fs::create_dir(home.join("intensity")).unwrap();
        for file in fs::read_dir(folder.path().join("intensity")).unwrap().map(|entry| entry.unwrap().path()) {
            fs::copy(&file, home.join("intensity").join(file.file_name().unwrap())).unwrap();
        }
        let config = sample::write_config(&home, &server.url(), &["prod-nl"]);
        sample::wattledger_ok(&["collect", "--from", "2026-10-17", "--to", "2026-10-20"], &config);
        let mut files = files_of(&home.join("evidence"));
        // Who answered is in each day's manifest, and it is another port each time.
        for (_, manifest) in files.iter_mut().filter(|(path, _)| path.starts_with("prod-nl") && path.ends_with("manifest.json")) {
            let text = String::from_utf8(std::mem::take(manifest)).unwrap();
            assert!(text.contains(&server.url()), "{text}");
            *manifest = text.replace(&server.url(), "").into_bytes();
        }
        files
    });

    assert!(evidence[0].len() > 24, "only {} files", evidence[0].len());
    let differing: Vec<_> =
        evidence[0].iter().filter(|(path, bytes)| evidence[1].get(*path) != Some(bytes)).map(|(path, _)| path).collect();
    assert!(differing.is_empty() && evidence[0].len() == evidence[1].len(), "{differing:?}");
}
