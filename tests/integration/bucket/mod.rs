//! Evidence in a bucket, of emulators: what holds in a folder holds there, a report of it is the same to the byte, and trouble is named.

mod azure;
mod closing;
mod gcs;
mod locks;
mod s3;
#[path = "../../../src/evidence/objects/tests/suite.rs"]
mod suite;
mod trouble;

use std::fs;

use serde_json::Value;
use tempfile::TempDir;
use wattledger::config::Config;
use wattledger::evidence::{Created, Objects, Store};

use self::s3::S3;
use crate::end_to_end::file_with_extension;
use crate::prometheus::{self, Prometheus};
use crate::sample;

/// The store that the environment names; see `s3::run_inside`.
fn store_of_the_environment() -> Store {
    let folder = TempDir::new().unwrap();
    let path = s3::write_config(folder.path(), &std::env::var("WATTLEDGER_TEST_EVIDENCE").unwrap());
    Store::open(&Config::load(&path).unwrap().evidence).unwrap()
}

#[test]
fn objects_in_s3_are_as_objects_in_a_folder() {
    let Some(s3) = S3::start() else { return };
    s3::run_inside("bucket::inside_objects", &s3.evidence("objects"));
    s3::run_inside("bucket::inside_objects", &s3.evidence("objects/within/others"));
}

#[test]
#[ignore = "run by another test, with credentials in its environment"]
fn inside_objects() {
    let store = store_of_the_environment();
    suite::holds(store.objects(), "S3");
    // The emulator looks and writes in two steps, so those who create at once are not tried.
    let held = store.lock("collect").unwrap();
    assert!(format!("{:#}", store.lock("collect").unwrap_err()).starts_with("LOCKED"));
    held.check().unwrap();
    drop(held);
    drop(store.lock("collect").unwrap());
}

/// Everything of a folder under the same keys in the bucket of the environment.
#[test]
#[ignore = "run by another test, with credentials in its environment"]
fn inside_copy_of_the_sample() {
    let (from, to) = (Store::new(sample::root().join("sample-data/evidence")), store_of_the_environment());
    let keys = from.objects().list("").unwrap();
    assert!(keys.len() > 500, "{}", keys.len());
    for key in keys {
        to.objects().create(&key, &from.objects().get(&key).unwrap().unwrap()).unwrap();
    }
}

#[test]
fn a_report_of_a_bucket_is_that_of_the_folder_to_the_byte() {
    let Some(s3) = S3::start() else { return };
    s3::run_inside("bucket::inside_copy_of_the_sample", &s3.evidence("copy"));
    a_copy_gives_the_report_of_the_folder(&s3.evidence("copy"), &s3::CREDENTIALS);
}

fn a_copy_gives_the_report_of_the_folder(evidence_of_bucket: &str, credentials: &[(&str, &str)]) {
    let folder = TempDir::new().unwrap();
    let [in_bucket, in_folder] = ["bucket", "folder"].map(|name| folder.path().join(name));
    fs::create_dir_all(&in_bucket).unwrap();
    fs::create_dir_all(&in_folder).unwrap();
    let evidence = sample::root().join("sample-data/evidence");
    let of_bucket = s3::write_config(&in_bucket, evidence_of_bucket);
    let of_folder = s3::write_config(&in_folder, &format!("[evidence]\ndir = \"{}\"\n", evidence.display()));

    let [of_bucket, of_folder] = [(of_bucket, in_bucket), (of_folder, in_folder)].map(|(config, out)| {
        let arguments = ["report", "--month", "2026-10", "--out", out.to_str().unwrap(), "--format", "json"];
        s3::ends_well(s3::command(&arguments, &config).envs(credentials.iter().copied()));
        let report = fs::read_to_string(file_with_extension(&out, "json")).unwrap();
        // The digest of the configuration, in which the place stands, is all that may differ.
        let digest = Config::load(&config).unwrap().sha256;
        assert!(report.contains(&digest));
        report.replace(&digest, "")
    });
    assert!(of_bucket == of_folder, "the reports differ");
}

/// What a report says, with the digests of the files that it has it from, but without their names.
fn figures(report: &str) -> (Value, Vec<String>) {
    let mut report: Value = serde_json::from_str(report).unwrap();
    let provenance = report.as_object_mut().unwrap().remove("provenance").unwrap();
    let digests = provenance["evidence"].as_array().unwrap().iter().map(|file| file["sha256"].as_str().unwrap().to_owned());
    (report, digests.collect())
}

#[test]
fn what_is_collected_into_a_bucket_gives_the_figures_of_what_is_collected_into_a_folder() {
    let Some(s3) = S3::start() else { return };
    if !prometheus::is_installed() {
        return;
    }
    let folder = TempDir::new().unwrap();
    sample::generate(folder.path(), &["--small"]);
    let server = Prometheus::serving(&folder.path().join("openmetrics"));
    let collected = |name: &str, evidence: Option<String>| {
        let home = folder.path().join(name);
        fs::create_dir_all(home.join("intensity")).unwrap();
        for file in fs::read_dir(folder.path().join("intensity")).unwrap().map(|entry| entry.unwrap().path()) {
            fs::copy(&file, home.join("intensity").join(file.file_name().unwrap())).unwrap();
        }
        let config = sample::write_config(&home, &server.url(), &["prod-nl"]);
        if let Some(evidence) = evidence {
            let mut text: toml::Table = toml::from_str(&fs::read_to_string(&config).unwrap()).unwrap();
            let own: toml::Table = toml::from_str(&evidence).unwrap();
            text.insert("evidence".to_owned(), own["evidence"].clone());
            fs::write(&config, toml::to_string(&text).unwrap()).unwrap();
        }
        let said = s3::wattledger_ok(&["collect", "--from", "2026-10-17", "--to", "2026-10-20"], &config);
        assert!(said.contains("collected 3 cluster-days, 0 already there"), "{said}");
        // Again: nothing is asked of the server, and nothing is written.
        let said = s3::wattledger_ok(&["collect", "--from", "2026-10-17", "--to", "2026-10-20"], &config);
        assert!(said.contains("collected 0 cluster-days, 3 already there"), "{said}");
        let out = home.join("report");
        let arguments = ["report", "--month", "2026-10", "--out", out.to_str().unwrap(), "--format", "json", "--accept", "DAYS_MISSING"];
        s3::wattledger_ok(&arguments, &config);
        fs::read_to_string(file_with_extension(&out, "json")).unwrap()
    };

    let (of_folder, of_bucket) = (collected("folder", None), collected("bucket", Some(s3.evidence("collected"))));

    let (figures_of_folder, digests) = figures(&of_folder);
    assert!(digests.len() > 20, "{digests:?}");
    assert!((figures_of_folder, digests) == figures(&of_bucket), "the figures differ");
    s3::run_inside("bucket::inside_collected", &s3.evidence("collected"));
}

/// Who answered is in the manifest, and no secret is anywhere.
#[test]
#[ignore = "run by another test, with credentials in its environment"]
fn inside_collected() {
    let store = store_of_the_environment();
    let keys = store.objects().list("").unwrap();
    let mut manifests = 0;
    for key in &keys {
        let bytes = store.objects().get(key).unwrap().unwrap();
        if key.ends_with("/manifest.json") {
            let text = String::from_utf8(bytes).unwrap();
            let manifest: Value = serde_json::from_str(&text).unwrap();
            if key.starts_with("prod-nl/") {
                manifests += 1;
                assert!(manifest["endpoint"]["url"].as_str().unwrap().starts_with("http://127.0.0.1:"), "{text}");
                assert!(manifest["endpoint"]["version"].as_str().unwrap().starts_with(|first: char| first.is_ascii_digit()), "{text}");
            }
            assert!(!text.contains("canary") && !text.contains("CANARY"), "{key}");
        }
    }
    assert_eq!(manifests, 3, "{keys:?}");
}
