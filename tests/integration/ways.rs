//! A month's days collected by remote read and by queries: the same evidence to the byte, but for the line that says how it was read.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::prometheus::{self, Prometheus};
use crate::sample;

/// Collects by a way into a folder of its own, and gives back the evidence's folder.
fn collected(folder: &Path, url: &str, read: &str) -> PathBuf {
    let own = folder.join(read);
    fs::create_dir(&own).unwrap();
    let path = sample::write_config(&own, url, &["prod-nl"]);
    let mut config: toml::Table = toml::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    let cluster = &mut config["cluster"].as_array_mut().unwrap()[0];
    cluster["prometheus"].as_table_mut().unwrap().insert("read".to_owned(), read.into());
    config.remove("intensity");
    fs::write(&path, toml::to_string(&config).unwrap()).unwrap();
    sample::wattledger_ok(&["collect", "--from", "2026-10-01", "--to", "2026-10-04"], &path);
    own.join("evidence/prod-nl")
}

#[test]
fn evidence_is_the_same_to_the_byte_however_it_was_read() {
    if !prometheus::is_installed() {
        return;
    }
    let folder = TempDir::new().unwrap();
    sample::generate(folder.path(), &["--small"]);
    let server = Prometheus::serving(&folder.path().join("openmetrics"));
    let [remote, query] = ["auto", "query"].map(|read| collected(folder.path(), &server.url(), read));

    let mut compared = 0;
    for day in fs::read_dir(&remote).unwrap().map(|day| day.unwrap().file_name()) {
        for file in fs::read_dir(remote.join(&day)).unwrap().map(|file| file.unwrap().file_name()) {
            let [one, other] = [&remote, &query].map(|evidence| fs::read(evidence.join(&day).join(&file)).unwrap());
            if file == "manifest.json" {
                let [one, other] = [one, other].map(|bytes| String::from_utf8(bytes).unwrap());
                assert!(one.contains("\"read\": \"remote-read\"") && other.contains("\"read\": \"query\""));
                assert!(one.replace("\"read\": \"remote-read\"", "\"read\": \"query\"") == other, "{day:?}");
            } else {
                assert!(one == other, "{day:?} {file:?}");
            }
            compared += 1;
        }
    }
    assert!(compared >= 3 * 5, "only {compared} files were compared");
}
