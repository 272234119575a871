//! A month that is closed in a bucket: sealed there, verified from there, and what is changed of it is named.

use std::fs;

use tempfile::TempDir;
use wattledger::evidence::Store;

use super::s3::{self, S3};
use super::store_of_the_environment;

#[test]
fn a_month_is_closed_and_verified_in_a_bucket() {
    let Some(s3) = S3::start() else { return };
    s3::run_inside("bucket::inside_copy_of_the_sample", &s3.evidence("closing"));
    let folder = TempDir::new().unwrap();
    let config = s3::write_config(folder.path(), &s3.evidence("closing"));
    let accept = ["--accept", "UNSIGNED"];

    let said = s3::wattledger_ok(&[&["close", "--month", "2026-10", "--no-collect"][..], &accept].concat(), &config);
    assert!(said.contains("2026-10 closed: edition 1, seal 1, "), "{said}");
    let said = s3::wattledger_ok(&[&["close", "--month", "2026-10", "--no-collect"][..], &accept].concat(), &config);
    assert!(said.contains("2026-10 is closed: edition 1, seal 1, "), "{said}");
    s3::wattledger_ok(&["verify", "--month", "2026-10"], &config);

    s3::run_inside("bucket::closing::inside_tampering", &s3.evidence("closing"));
    let output = s3::wattledger(&["verify", "--month", "2026-10"], &config);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert!(
        said.contains("EVIDENCE_CHANGED: ") && said.contains("report.html") && said.contains("MISSING: ") && said.contains("jobs.parquet"),
        "{said}"
    );
    assert!(fs::read_dir(folder.path()).unwrap().all(|entry| entry.unwrap().file_name() != "evidence"), "all of it is in the bucket");
}

#[test]
#[ignore = "run by another test, with credentials in its environment"]
fn inside_tampering() {
    let store: Store = store_of_the_environment();
    store.objects().replace("closed/2026-10/1/report/report.html", b"another").unwrap();
    store.objects().remove("prod-nl/2026-10-13/jobs.parquet").unwrap();
}
